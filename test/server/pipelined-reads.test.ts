/**
 * Commands sent in one piece do what they do one by one. A read that follows the same read passes the gates with it, unless
 * something between them has closed one; and keys of what follows are looked at before what comes first has run.
 */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TestClient } from '../support/holdfast-process.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { ServerRig } from './server-rig.ts';

let rig: ServerRig;
let client: TestClient;
beforeEach(async () => {
  rig = await ServerRig.start();
  client = await rig.connect();
  await client.send('SET', 'k', 'v');
});
afterEach(() => rig.stop());

/** Sends commands in one piece. */
function pipeline(...lines: string[]): Promise<string[]> {
  client.socket.cork();
  const replies = lines.map((line) => client.send(...line.split(' ')));
  client.socket.uncork();
  return Promise.all(replies);
}

const V = 'v';
const SEED = Number(process.env['PIPELINE_SEED'] ?? 20261127);

test('reads of one kind in any spelling, with errors among them', async () => {
  await client.send('LPUSH', 'list', 'x');
  expect(await pipeline('GET k', 'get k', 'GeT k', 'GET nosuch', 'GET list', 'GET k', 'GET', 'GET k k', 'GET k', 'GETS k', 'GET k')).toEqual([
    V, V, V, '$-1', '-WRONGTYPE Operation against a key holding the wrong kind of value', V,
    "-ERR wrong number of arguments for 'get' command", "-ERR wrong number of arguments for 'get' command", V,
    "-ERR unknown command 'GETS', with args beginning with: 'k' ", V,
  ]);
});

test(`any commands, in one piece and one by one (seed ${SEED})`, async () => {
  const random = new SeededRandom(SEED);
  const key = (): string => random.pick(['a', 'b', 'c', '{a}d', `far:${random.below(2000)}`]);
  const forms = [
    () => `GET ${key()}`, () => `GET ${key()}`, () => `get ${key()}`, () => `SET ${key()} ${random.below(100)}`, () => `SET ${key()} ${'x'.repeat(random.below(400))}`,
    () => `DEL ${key()}`, () => `RENAME ${key()} ${key()}`, () => `SELECT ${random.below(3)}`, () => `SWAPDB 0 ${random.below(3)}`, () => 'FLUSHDB', () => 'PING',
    () => `APPEND ${key()} ${'y'.repeat(random.below(300))}`, () => `MOVE ${key()} ${random.below(3)}`, () => 'MULTI', () => 'EXEC', () => 'DISCARD', () => `STRLEN ${key()}`,
    () => `EXPIRE ${key()} 0`, () => `MGET ${Array.from({ length: 12 }, key).join(' ')}`, () => `GETDEL ${key()}`, () => `LPUSH ${key()} x`, () => 'GET',
  ];
  const other = await ServerRig.start();
  const single = await other.connect();
  await single.send('SET', 'k', 'v');
  for (let round = 0; round < 60; round++) {
    const lines = Array.from({ length: 1 + random.below(60) }, () => random.pick(forms)());
    const together = await pipeline(...lines);
    for (const [i, line] of lines.entries()) expect(`${line} → ${together[i]}`).toBe(`${line} → ${await single.send(...line.split(' '))}`);
  }
  await other.stop();
});

test('a transaction queues them', async () => {
  expect(await pipeline('GET k', 'GET k', 'MULTI', 'GET k', 'GET k', 'EXEC', 'GET k')).toEqual([V, V, '+OK', '+QUEUED', '+QUEUED', '*2\r\n$1\r\nv\r\n$1\r\nv', V]);
});

test('permissions that are taken away between them, and those that depend on the key', async () => {
  expect(await pipeline('GET k', 'GET k', 'ACL SETUSER default -get', 'GET k', 'GET k')).toEqual([
    V, V, '+OK', "-NOPERM User default has no permissions to run the 'get' command", "-NOPERM User default has no permissions to run the 'get' command",
  ]);
  await client.send('ACL', 'SETUSER', 'default', '+get', 'resetkeys', '~k');
  expect(await pipeline('GET k', 'GET other', 'GET k')).toEqual([V, '-NOPERM No permissions to access a key', V]);
});

test('a client that begins to subscribe, to be told of keys, or to need a password', async () => {
  const [first, , refused, , last] = await pipeline('GET k', 'SUBSCRIBE c', 'GET k', 'UNSUBSCRIBE c', 'GET k');
  expect([first, last]).toEqual([V, V]);
  expect(refused).toMatch(/^-ERR Can't execute 'get'/);
  const listener = await rig.connect();
  const id = (await listener.send('CLIENT', 'ID')).slice(1);
  await listener.send('SUBSCRIBE', '__redis__:invalidate');
  expect(await pipeline('GET k', `CLIENT TRACKING ON REDIRECT ${id}`, 'GET k', 'GET k')).toEqual([V, '+OK', V, V]);
  const message = listener.nextReply();
  await (await rig.connect()).send('SET', 'k', 'w');
  expect(await message).toContain('__redis__:invalidate');
  expect(await pipeline('GET k', 'CONFIG SET requirepass p', 'RESET', 'GET k', 'AUTH p', 'GET k')).toEqual([
    'w', '+OK', '+RESET', '-NOAUTH Authentication required.', '+OK', 'w',
  ]);
});

test('a pause holds those behind it', async () => {
  const get = rig.server.engine.table.get('get')!;
  const { calls } = get;
  const replies = pipeline('GET k', 'GET k', 'CLIENT PAUSE 100000 ALL', 'GET k', 'GET k');
  while (rig.server.pause.waiting === 0) await new Promise((resolve) => { setImmediate(resolve); });
  expect(get.calls - calls).toBe(2);
  rig.server.pause.end();
  expect(await replies).toEqual([V, V, '+OK', V, V]);
  expect(get.calls - calls).toBe(4);
});
