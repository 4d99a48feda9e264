/** Replies out of turn: who waits and is served by another client's command, and what that other one gets. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TestClient } from '../support/holdfast-process.ts';
import { PushClient } from '../support/push-client.ts';
import { ServerRig } from './server-rig.ts';

let rig: ServerRig;
beforeEach(async () => { rig = await ServerRig.start(); });
afterEach(() => rig.stop());

async function blocked(n: number): Promise<void> {
  const asking = await rig.connect();
  while (!(await asking.send('INFO', 'clients')).includes(`blocked_clients:${n}\r`));
}

const popped = (value: string): string => `*2\r\n$1\r\nl\r\n$${value.length}\r\n${value}`;

test('the pusher gets its own replies, those who wait get theirs', async () => {
  const [pusher, ...waiting] = await Promise.all(Array.from({ length: 4 }, () => rig.connect())) as [TestClient, ...TestClient[]];
  const late = waiting.map((client) => client.send('BLPOP', 'l', '0'));
  await blocked(3);
  const replies = [pusher.send('ECHO', 'before'), pusher.send('RPUSH', 'l', 'a', 'bb'), pusher.send('ECHO', 'between'), pusher.send('RPUSH', 'l', 'ccc'), pusher.send('ECHO', 'after')];
  expect(await Promise.all(replies)).toEqual(['before', ':2', 'between', ':1', 'after']);
  expect((await Promise.all(late)).sort()).toEqual(['a', 'bb', 'ccc'].map(popped).sort());
});

test('the first command of a turn is no exception, nor is EXEC', async () => {
  const [pusher, waiting] = [await rig.connect(), await rig.connect()];
  for (let n = 0; n < 5; n++) {
    const late = waiting.send('BLPOP', 'l', '0');
    await blocked(1);
    expect(await pusher.send('RPUSH', 'l', String(n))).toBe(':1');
    expect(await late).toBe(popped(String(n)));
  }
  const late = waiting.send('BLPOP', 'l', '0');
  await blocked(1);
  void pusher.send('MULTI');
  void pusher.send('RPUSH', 'l', 'x');
  void pusher.send('LLEN', 'l');
  expect(await pusher.send('EXEC')).toBe('*2\r\n:1\r\n:1');
  expect(await late).toBe(popped('x'));
});

test('a reply larger than a buffer, and one that makes another change', async () => {
  const [pusher, waiting] = [await rig.connect(), await rig.connect()];
  const large = 'x'.repeat(1_000_000);
  const late = waiting.send('BLPOP', 'l', '0');
  await blocked(1);
  expect(await pusher.send('RPUSH', 'l', large)).toBe(':1');
  expect(await late).toBe(popped(large));
  const moved = waiting.send('BLMOVE', 'l', 'm', 'LEFT', 'LEFT', '0');
  await blocked(1);
  expect(await pusher.send('RPUSH', 'l', 'y')).toBe(':1');
  expect(await moved).toBe('y');
  expect(await pusher.send('LRANGE', 'm', '0', '-1')).toBe('*1\r\n$1\r\ny');
});

test('CLIENT UNBLOCK answers both', async () => {
  const [other, waiting] = [await rig.connect(), await rig.connect()];
  const id = (await waiting.send('CLIENT', 'ID')).slice(1);
  const late = waiting.send('BLPOP', 'l', '0');
  await blocked(1);
  const replies = [other.send('ECHO', 'a'), other.send('CLIENT', 'UNBLOCK', id, 'ERROR'), other.send('ECHO', 'b')];
  expect(await Promise.all(replies)).toEqual(['a', ':1', 'b']);
  expect(await late).toBe('-UNBLOCKED client unblocked via CLIENT UNBLOCK');
});

test('CLIENT UNBLOCK ends WAIT and WAITAOF with the count of those who have it, or with an error', async () => {
  const [other, waiting] = [await rig.connect(), await rig.connect()];
  const id = (await waiting.send('CLIENT', 'ID')).slice(1);
  for (const [command, reason, reply] of [
    ['WAIT 5 0', [], ':0'], ['WAITAOF 1 5 0', ['TIMEOUT'], '*2\r\n:1\r\n:0'], ['WAIT 5 0', ['ERROR'], '-UNBLOCKED client unblocked via CLIENT UNBLOCK'],
  ] as const) {
    void waiting.send('SET', 'k', 'x');
    const late = waiting.send(...command.split(' '));
    await blocked(1);
    expect(await other.send('CLIENT', 'UNBLOCK', id, ...reason)).toBe(':1');
    expect(await late).toBe(reply);
    expect(await other.send('CLIENT', 'UNBLOCK', id)).toBe(':0');
  }
  // What has been unblocked does not end what the client waits for next.
  void waiting.send('WAIT', '5', '50');
  await blocked(1);
  await other.send('CLIENT', 'UNBLOCK', id, 'ERROR');
  const late = waiting.send('BLPOP', 'l', '0.2');
  expect(await late).toBe('*-1');
});

test('XREADGROUP is told at once that its stream has expired in the background', async () => {
  const [other, waiting] = [await rig.connect(), await rig.connect()];
  await other.send('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM');
  const late = waiting.send('XREADGROUP', 'GROUP', 'g', 'c', 'BLOCK', '2000', 'STREAMS', 's', '>');
  await blocked(1);
  await other.send('PEXPIRE', 's', '10');
  expect(await late).toMatch(/^-NOGROUP /);
});

test('who was looked at in vain, and goes on waiting, is sent messages at once', async () => {
  const other = await rig.connect();
  const waiting = await PushClient.connect(rig.server.port);
  await waiting.line('HELLO 3');
  await waiting.line('SUBSCRIBE c');
  waiting.send('BLPOP', 'l', '0').catch(() => undefined);
  await blocked(1);
  for (const line of ['MULTI', 'RPUSH l a', 'LPOP l', 'EXEC']) void other.line(line);
  const told = new Promise((resolve) => { waiting.onMessage = resolve; });
  expect(await other.line('PUBLISH c hi')).toBe(':1');
  expect(await told).toEqual(['message', 'c', 'hi']);
  waiting.close();
});
