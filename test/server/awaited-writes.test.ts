/** Whether a turn's record may hold the thread while it is written: by how many of those served in the turn wait for it. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ScriptedLog } from '../support/scripted-log.ts';
import { ServerRig } from './server-rig.ts';

let log: ScriptedLog;
let rig: ServerRig;
beforeEach(async () => {
  log = new ScriptedLog('at once');
  rig = await ServerRig.on(log);
});
afterEach(() => rig.stop());

test.each([
  [1, 0, 'by few'], [2, 0, 'by few'], [3, 0, 'by many'], [50, 0, 'by many'], [3, 1, 'by many'], [2, 1, 'no'], [0, 1, 'no'], [50, 17, 'no'],
] as const)('%i clients wait for the log, %i were served without: %s', (waiting, served, awaited) => {
  const { engine, gate, member } = rig.server;
  for (let i = 0; i < waiting; i++) gate.wait({ release: () => undefined, inDoubt: () => undefined }, gate.lastPendingTurn + 1);
  log.awaited = awaited === 'no' ? 'by few' : 'no';
  expect(engine.turn).toBe(gate.lastPendingTurn + 1);
  member.endTurn(served);
  expect(log.awaited).toBe(awaited);
});

test('who was served in the turns before counts as one who comes again, until it has stayed away for a while', () => {
  const { engine, gate, member } = rig.server;
  const turn = (served: number): string => {
    gate.wait({ release: () => undefined, inDoubt: () => undefined }, gate.lastPendingTurn + 1);
    member.endTurn(served);
    gate.abandon(engine.turn);
    return log.awaited;
  };
  for (let i = 0; i < 50; i++) turn(1);
  expect(turn(0)).toBe('no');
  for (let i = 0; i < 50; i++) turn(0);
  expect(turn(0)).toBe('by few');
  expect(turn(1)).toBe('no');
  expect(turn(0)).toBe('by few');
});

test('a turn in which somebody reads and nobody writes is not one that all wait for', async () => {
  const client = await rig.connect();
  log.awaited = 'by few';
  expect(await client.send('GET', 'k')).toBe('$-1');
  expect(log.awaited).toBe('no');
  expect(await client.send('SET', 'k', 'v')).toBe('+OK');
  expect(log.awaited).toBe('by few');
});
