/**
 * Promise P2: a read that would show a write in flight is not answered before that commits, whatever the write did to the key
 * and however the read looks, by itself and within MULTI; and a read of what was not touched is answered at once.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HeldServer } from './held-server.ts';

let held: HeldServer;
beforeEach(async () => { held = await HeldServer.start(['enable-debug-command', 'yes']); });
afterEach(() => held.stop());

const words = (line: string): string[] => line.split(' ');
const NONE = '$-1';

/** What stands before, the write in flight, and reads of it with their replies once it is committed. */
const CASES: readonly [string, string[], string, [string, string | RegExp][]][] = [
  ['makes a missing key', [], 'SET k v', [
    ['GET k', 'v'], ['EXISTS k', ':1'], ['TYPE k', '+string'], ['STRLEN k', ':1'], ['TTL k', ':-1'], ['OBJECT ENCODING k', 'embstr'], ['MGET other k', /v$/],
    ['DBSIZE', ':1'], ['RANDOMKEY', 'k'], ['KEYS *', /k$/], ['KEYS k', /k$/], ['SCAN 0', /k$/], ['DUMP k', /v/], ['TOUCH k', ':1'], ['DEBUG OBJECT k', /^\+Value at/],
    ['DEBUG DIGEST-VALUE k', /^\*1/], ['MEMORY USAGE k', /^:\d/], ['SETNX k w', ':0'], ['GETRANGE k 0 -1', 'v'], ['HGET k f', /^-WRONGTYPE/],
    ['LCS k k', 'v'], ['SORT k', /^-WRONGTYPE/], ['SUNION k', /^-WRONGTYPE/], ['EXPIRE k 100 XX', ':0'], ['PERSIST k', ':0'], ['RENAMENX k k', ':0'],
  ]],
  ['deletes', ['SET k v'], 'DEL k', [
    ['GET k', NONE], ['EXISTS k', ':0'], ['TYPE k', '+none'], ['PTTL k', ':-2'], ['DEL k', ':0'], ['DBSIZE', ':0'], ['RANDOMKEY', NONE], ['KEYS *', '*0'],
    ['HGETALL k', '*0'], ['LRANGE k 0 -1', '*0'], ['SMEMBERS k', '*0'], ['RENAME k l', '-ERR no such key'], ['LPUSHX k a', ':0'], ['OBJECT ENCODING k', NONE],
    ['SUNION k none', '*0'], ['GETDEL k', NONE], ['LPOP k', NONE], ['SREM k a', ':0'], ['HDEL k f', ':0'], ['UNLINK k', ':0'], ['FLUSHDB', '+OK'],
  ]],
  ['moves to another database', ['SET k v'], 'MOVE k 1', [['GET k', NONE], ['EXISTS k', ':0'], ['DBSIZE', ':0'], ['MOVE k 1', ':0']]],
  ['renames', ['SET k v'], 'RENAME k l', [['GET k', NONE], ['GET l', 'v'], ['EXISTS k l', ':1'], ['MGET k l', /v$/]]],
  ['copies', ['SET k v'], 'COPY k l', [['GET l', 'v'], ['TYPE l', '+string']]],
  ['flushes its database with', ['SET k v'], 'FLUSHDB', [['GET k', NONE], ['GET never-there', NONE], ['DBSIZE', ':0'], ['SCAN 0', /\*0$/], ['FLUSHALL', '+OK']]],
  ['flushes all databases with', ['SET k v'], 'FLUSHALL', [['GET k', NONE], ['EXISTS never-there', ':0'], ['RANDOMKEY', NONE]]],
  ['swaps its database with', ['SET k v'], 'SWAPDB 0 1', [['GET k', NONE], ['GET never-there', NONE], ['KEYS *', '*0']]],
  ['lets end', ['SET k v'], 'PEXPIREAT k 1', [['GET k', NONE], ['EXISTS k', ':0']]],
  ['gives an expiry to', ['SET k v'], 'EXPIRE k 1000', [['TTL k', /^:(1000|999)$/], ['EXPIRETIME k', /^:\d+$/], ['GET k', 'v']]],
  ['pops from', ['RPUSH l a b'], 'LPOP l', [['LRANGE l 0 -1', /b$/], ['LLEN l', ':1'], ['LINDEX l 0', 'b'], ['LPOS l a', NONE], ['BLPOP l 0', /b$/]]],
  ['moves an element between lists', ['RPUSH l a b'], 'LMOVE l m LEFT LEFT', [['LLEN l', ':1'], ['LLEN m', ':1'], ['LRANGE m 0 -1', /a$/]]],
  ['changes a field', ['HSET h f 1 g 2'], 'HDEL h f', [['HGET h f', NONE], ['HGET h g', '2'], ['HLEN h', ':1'], ['HKEYS h', /g$/], ['HSCAN h 0', /2$/], ['HRANDFIELD h', 'g']]],
  ['takes a member', ['SADD s a b', 'SADD t a'], 'SREM s a', [
    ['SISMEMBER s a', ':0'], ['SCARD s', ':1'], ['SINTER s t', '*0'], ['SINTERCARD 2 s t', ':0'], ['SDIFF t s', /a$/], ['SRANDMEMBER s', 'b'], ['SADD s b', ':0'],
  ]],
  ['stores a result in', ['SADD s a'], 'SUNIONSTORE d s', [['SMEMBERS d', /a$/], ['SCARD d', ':1']]],
];

describe.each(CASES)('a write that %s a key', (_name, before, write, reads) => {
  const each = reads.flatMap(([read, expected]) => [['', read, expected], ['MULTI: ', read, expected]] as const);
  test.each(each)(`is in flight (${write}): %s%s`, async (multi, read, expected) => {
    await held.given(...before.map(words));
    const [writer, reader] = [await held.connect(), await held.connect()];
    const written = writer.send(...words(write));
    await held.log.appended(before.length + 1);
    if (multi !== '') {
      expect(await reader.send('MULTI')).toBe('+OK');
      expect(await reader.send(...words(read))).toBe('+QUEUED');
    }
    const reply = multi === '' ? reader.send(...words(read)) : reader.send('EXEC');
    expect(await held.settled(reply)).toBe(false);
    expect(await held.settled(written)).toBe(false);
    // More than once: the read itself may have changed something.
    do held.log.commit(); while (!(await held.settled(reply)));
    const text = (await reply).replace(multi === '' ? '' : '*1\r\n', '');
    if (expected instanceof RegExp) expect(text).toMatch(expected);
    else expect(text.endsWith(expected), text).toBe(true);
    await written;
  });
});

test.each(['GET clean', 'GET missing', 'EXISTS clean', 'SMEMBERS set', 'PING', 'TIME', 'CONFIG GET port', 'CLIENT ID', 'OBJECT ENCODING clean'])(
  'a write is in flight, and %s is answered at once, also in MULTI', async (read) => {
    await held.given(['SET', 'clean', 'v'], ['SADD', 'set', 'a']);
    const [writer, reader] = [await held.connect(), await held.connect()];
    const written = writer.send('SET', 'dirty', 'v');
    await held.log.appended(3);
    expect(await reader.send(...words(read))).not.toMatch(/^-/);
    void reader.send('MULTI');
    void reader.send(...words(read));
    expect(await reader.send('EXEC')).toMatch(/^\*1/);
    expect(await held.settled(written)).toBe(false);
  },
);

test('databases that nobody wrote to are answered at once', async () => {
  const [writer, reader] = [await held.connect(), await held.connect()];
  const written = writer.send('SET', 'k', 'v');
  await held.log.appended(1);
  expect(await reader.send('SELECT', '1')).toBe('+OK');
  expect(await reader.send('DBSIZE')).toBe(':0');
  expect(await reader.send('GET', 'k')).toBe(NONE);
  expect(await held.settled(written)).toBe(false);
});

test('a client that waits is woken by a write, and learns of it when that commits', async () => {
  const [writer, waiting] = [await held.connect(), await held.connect()];
  const popped = waiting.send('BLPOP', 'l', '0');
  expect(await held.settled(popped)).toBe(false);
  const written = writer.send('RPUSH', 'l', 'a');
  await held.log.appended(1);
  expect(await held.settled(popped)).toBe(false);
  held.log.commit();
  expect(await popped).toBe('*2\r\n$1\r\nl\r\n$1\r\na');
  expect(await written).toBe(':1');
});

test('an expired key is missing for all when its end commits', async () => {
  const writer = await held.connect();
  const written = writer.send('SET', 'k', 'v', 'PX', '1');
  await held.log.appended(1);
  held.log.commit(1);
  expect(await written).toBe('+OK');
  // The background finds it.
  await held.log.appended(2);
  const [first, second] = [await held.connect(), await held.connect()];
  const replies = [first.send('GET', 'k'), second.send('EXISTS', 'k')];
  for (const reply of replies) expect(await held.settled(reply)).toBe(false);
  held.log.commit();
  expect(await Promise.all(replies)).toEqual([NONE, ':0']);
});
