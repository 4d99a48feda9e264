/**
 * Commands sent in one piece do what they do one by one. A quick read or write that follows the same one passes the gates with it, unless
 * something between them has closed one; and keys of what follows are looked at before what comes first has run.
 */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { tooLargeToLog } from '../../src/engine/error-texts.ts';
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

test('writes of one kind, with fewer arguments than they take, with more, and with errors among them', async () => {
  const few = "-ERR wrong number of arguments for 'hset' command";
  expect(await pipeline(
    'HSET h f 1', 'hset h g 1', 'HSET h f 2', 'HSET h i 1 j 1', 'HSET h i 1 j', 'HSET h', 'HSET', 'HSET k f 1', 'HSET h l 1', 'HSETS h m 1', 'HLEN h',
  )).toEqual([
    ':1', ':1', ':0', ':2', few, few, few, '-WRONGTYPE Operation against a key holding the wrong kind of value', ':1',
    "-ERR unknown command 'HSETS', with args beginning with: 'h' 'm' '1' ", ':5',
  ]);
});

test('what may stop a write stops the ones behind it', async () => {
  expect(await pipeline('INCR n', 'INCR n', 'MULTI', 'INCR n', 'INCR n', 'EXEC', 'INCR n')).toEqual([
    ':1', ':2', '+OK', '+QUEUED', '+QUEUED', '*2\r\n:3\r\n:4', ':5',
  ]);
  expect(await pipeline('INCR n', 'INCR n', 'CONFIG SET min-replicas-to-write 1', 'INCR n', 'INCR n', 'CONFIG SET min-replicas-to-write 0', 'INCR n')).toEqual([
    ':6', ':7', '+OK', '-NOREPLICAS Not enough good replicas to write.', '-NOREPLICAS Not enough good replicas to write.', '+OK', ':8',
  ]);
  expect(await pipeline('INCR n', 'INCR n', 'CONFIG SET maxmemory 1', 'INCR n', 'CONFIG SET maxmemory 0', 'INCR n')).toEqual([
    ':9', ':10', '+OK', "-OOM command not allowed when used memory > 'maxmemory'.", '+OK', ':11',
  ]);
  expect(await pipeline('INCR n', 'INCR n', 'ACL SETUSER default -incr', 'INCR n')).toEqual([
    ':12', ':13', '+OK', "-NOPERM User default has no permissions to run the 'incr' command",
  ]);
});

test('a write that no record of the log can hold is refused behind one that it can', async () => {
  rig.server.engine.effectsBytesMax = 2000;
  const [, , long, short] = await pipeline('APPEND s x', 'APPEND s x', `APPEND s ${'x'.repeat(2001)}`, 'APPEND s x');
  expect(long).toBe(`-${tooLargeToLog(2000)}`);
  expect(short).toBe(':3');
});

test(`any commands, in one piece and one by one (seed ${SEED})`, async () => {
  const random = new SeededRandom(SEED);
  const key = (): string => random.pick(['a', 'b', 'c', '{a}d', `far:${random.below(2000)}`]);
  const forms = [
    () => `GET ${key()}`, () => `GET ${key()}`, () => `get ${key()}`, () => `SET ${key()} ${random.below(100)}`, () => `SET ${key()} ${'x'.repeat(random.below(400))}`,
    () => `DEL ${key()}`, () => `RENAME ${key()} ${key()}`, () => `SELECT ${random.below(3)}`, () => `SWAPDB 0 ${random.below(3)}`, () => 'FLUSHDB', () => 'PING',
    () => `APPEND ${key()} ${'y'.repeat(random.below(300))}`, () => `MOVE ${key()} ${random.below(3)}`, () => 'MULTI', () => 'EXEC', () => 'DISCARD', () => `STRLEN ${key()}`,
    () => `EXPIRE ${key()} 0`, () => `MGET ${Array.from({ length: 12 }, key).join(' ')}`, () => `GETDEL ${key()}`, () => `LPUSH ${key()} x`, () => 'GET',
    () => `HSET h:${key()} f${random.below(9)} 1`, () => `HSET h:${key()} f${random.below(9)} 1 g`, () => `LPUSH ${key()} x y`, () => 'LPUSH a',
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

test.each([
  ['ALL', 'get', 'GET k', [V, V, '+OK', V, V]], ['WRITE', 'incr', 'INCR n', [':1', ':2', '+OK', ':3', ':4']],
] as const)('a pause of %s holds each %s behind it', async (held, name, text, answers) => {
  const command = rig.server.engine.table.get(name)!;
  const { calls } = command;
  const replies = pipeline(text, text, `CLIENT PAUSE 100000 ${held}`, text, text);
  while (rig.server.pause.waiting === 0) await new Promise((resolve) => { setImmediate(resolve); });
  expect(command.calls - calls).toBe(2);
  rig.server.pause.end();
  expect(await replies).toEqual(answers);
  expect(command.calls - calls).toBe(4);
});
