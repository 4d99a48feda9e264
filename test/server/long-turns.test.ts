/** A turn that has done much gives it to the log before it is over, where there are others who can have it meanwhile. */
import { afterEach, expect, test } from 'vitest';
import { RespWriter } from '../../src/protocol/resp-writer.ts';
import { Request } from '../../src/shared/request.ts';
import { ScriptedLog } from '../support/scripted-log.ts';
import { ServerRig } from './server-rig.ts';

const KIB = 1024;

let rig: ServerRig;
afterEach(() => rig.stop());

test.each([
  ['alone', true, 70 * KIB, [0, 0, 1]],
  ['alone, with megabytes', true, 5 * KIB * KIB, [1, 2, 2]],
  ['with others, and little', false, 20 * KIB, [0, 0, 1]],
  ['with others', false, 70 * KIB, [1, 2, 2]],
])('a primary %s', async (_name, isAlone, bytes, records) => {
  const log = new ScriptedLog('at once');
  log.isAlone = isAlone;
  rig = await ServerRig.on(log);
  const { server } = rig;
  await (await rig.connect()).send('PING');
  const { session } = [...server.connections.values()][0]!;
  const writer = new RespWriter();
  const seen: number[] = [];
  for (const key of ['a', 'b']) {
    const request = Request.of('SET', key, 'x'.repeat(bytes));
    server.enterTurn(() => server.engine.execute(server.engine.table.resolve(request, writer)!, session, request, writer));
    seen.push(log.blocks.length);
  }
  // Set after the turn's own end was.
  await new Promise((resolve) => { setImmediate(resolve); });
  expect([...seen, log.blocks.length]).toEqual(records);
  expect(server.gate.inFlight).toBe(0);
});
