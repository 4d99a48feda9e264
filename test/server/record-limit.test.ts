/**
 * What no record of the log can hold: every command whose effects may be much larger than its arguments is refused before it has
 * changed anything, or does as much as there is room for. The room is made small, so that little data is too much.
 */
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { SourceStream } from '../../src/server/import/source-stream.ts';
import { ScriptedLog } from '../support/scripted-log.ts';
import type { TestClient } from '../support/holdfast-process.ts';
import { ServerRig } from './server-rig.ts';

const ROOM_BYTES = 4096;
const REFUSED = `ERR what a command or a transaction writes may not be larger than ${ROOM_BYTES} bytes`;

let rig: ServerRig;
afterEach(() => rig.stop());

type Words = readonly string[];

const numbered = (count: number, words: (n: number) => Words): Words[] => Array.from({ length: count }, (_, n) => words(n));
const entries = (count: number): Words[] => numbered(count, (n) => ['xadd', 'stream', `${n + 1}-1`, 'f', 'v']);
const group: Words = ['xgroup', 'create', 'stream', 'g', '0'];
const long = 'x'.repeat(900);
const libraries = numbered(6, (n) => ['function', 'load', `#!lua name=l${n}\nredis.register_function('f${n}', function() return 1 end) -- ${long}`]);

interface Case {
  readonly before: readonly Words[];
  readonly request: Words;
  /** What is changed nowhere in the keyspace, and shows it. */
  readonly shows?: readonly Words[];
  /** The same, of a size that there is room for. */
  readonly fits: Words;
}

const CASES: Readonly<Record<string, Case>> = {
  'SET, whose key may have expired and be deleted first': { before: [], request: ['set', 'x'.repeat(2000), 'v'], fits: ['set', 'x'.repeat(1000), 'v'] },
  SET: { before: [['set', 'k', 'old']], request: ['set', 'k', 'x'.repeat(5000)], fits: ['set', 'k', 'new'] },
  'SORT STORE': {
    before: [['set', 'out', 'old'], ...numbered(6, (n) => ['rpush', 'list', `${n}${long}`])],
    request: ['sort', 'list', 'alpha', 'store', 'out'], fits: ['sort', 'list', 'alpha', 'limit', '0', '2', 'store', 'out'],
  },
  SPOP: { before: numbered(6, (n) => ['sadd', 'set', `${n}${long}`]), request: ['spop', 'set', '5'], fits: ['spop', 'set', '6'] },
  GEOSEARCHSTORE: {
    before: [['set', 'out', 'old'], ...numbered(6, (n) => ['geoadd', 'geo', '1', '1', `${n}${long}`])],
    request: ['geosearchstore', 'out', 'geo', 'fromlonlat', '0', '0', 'byradius', '1000', 'km'],
    fits: ['geosearchstore', 'out', 'geo', 'fromlonlat', '0', '0', 'byradius', '1000', 'km', 'count', '2'],
  },
  'GEORADIUS STORE': {
    before: [['set', 'out', 'old'], ...numbered(6, (n) => ['geoadd', 'geo', '1', '1', `${n}${long}`])],
    request: ['georadius', 'geo', '0', '0', '1000', 'km', 'store', 'out'],
    fits: ['georadius', 'geo', '0', '0', '1000', 'km', 'count', '2', 'store', 'out'],
  },
  'GEORADIUSBYMEMBER STORE': {
    before: [['set', 'out', 'old'], ['geoadd', 'geo', '1', '1', 'm'], ...numbered(6, (n) => ['geoadd', 'geo', '1', '1', `${n}${long}`])],
    request: ['georadiusbymember', 'geo', 'm', '1000', 'km', 'store', 'out'],
    fits: ['georadiusbymember', 'geo', 'm', '1000', 'km', 'count', '2', 'store', 'out'],
  },
  'XREADGROUP of what is new': {
    before: [...entries(600), group], shows: [['xinfo', 'groups', 'stream'], ['xinfo', 'consumers', 'stream', 'g']],
    request: ['xreadgroup', 'group', 'g', 'c', 'streams', 'stream', '>'],
    fits: ['xreadgroup', 'group', 'g', 'c', 'count', '60', 'streams', 'stream', '>'],
  },
  'XREADGROUP of what is pending': {
    before: [...entries(600), group, ['xreadgroup', 'group', 'g', 'c', 'streams', 'stream', '>']],
    shows: [['xinfo', 'groups', 'stream'], ['xpending', 'stream', 'g', '-', '+', '1', 'c']],
    request: ['xreadgroup', 'group', 'g', 'c', 'streams', 'stream', '0'],
    fits: ['xreadgroup', 'group', 'g', 'c', 'streams', 'stream', '560-1'],
  },
  'XREADGROUP of many streams with one long name': {
    before: numbered(6, (n) => ['xgroup', 'create', `s${n}`, long, '0', 'mkstream']), shows: [['xinfo', 'consumers', 's0', long]],
    request: ['xreadgroup', 'group', long, 'c', 'streams', ...numbered(6, (n) => [`s${n}`]).flat(), '>', '>', '>', '>', '>', '>'],
    fits: ['xreadgroup', 'group', long, 'c', 'streams', 's0', '>'],
  },
  'DEBUG POPULATE': { before: [], request: ['debug', 'populate', '1000'], fits: ['debug', 'populate', '10'] },
  'DEBUG POPULATE of large values': { before: [], request: ['debug', 'populate', '6', 'p', '1000'], fits: ['debug', 'populate', '3', 'p', '1000'] },
  HINCRBYFLOAT: {
    before: [['hset', 'h', long, '1'], ['hpexpire', 'h', '1000000', 'fields', '1', long], ['hset', 'h', long + long + long, '1']],
    request: ['hincrbyfloat', 'h', long + long + long, '0.5'], fits: ['hincrbyfloat', 'h', long, '0.5'],
  },
  'ACL SETUSER of one that is large already': {
    before: [
      ['acl', 'setuser', 'u', `~${long}1`, `~${long}2`, `~${long}3`, `~${long}4`], ['acl', 'setuser', 'v', 'on'],
    ],
    shows: [['acl', 'list']], request: ['acl', 'setuser', 'u', `~${long}5`], fits: ['acl', 'setuser', 'v', 'off'],
  },
  'the first ACL SETUSER, which logs all users': {
    before: [], shows: [['acl', 'list']], request: ['acl', 'setuser', 'u', `~${long}1`, `~${long}2`, `~${long}3`, `~${long}4`, `~${long}5`],
    fits: ['acl', 'setuser', 'u', 'on'],
  },
};

/** Everything that can be seen of the data. */
async function seen(client: TestClient, shows: readonly Words[]): Promise<string[]> {
  const out = [await client.send('debug', 'digest'), await client.send('dbsize')];
  // But for how long ago it was.
  for (const words of shows) out.push((await client.send(...words)).replace(/(inactive|idle|\$1\r\nc)\r\n:-?\d+/g, '$1'));
  return out;
}

/** A server in which the commands have been run, and there is little room. */
async function prepared(before: readonly Words[]): Promise<TestClient> {
  rig = await ServerRig.start('--enable-debug-command', 'yes');
  const client = await rig.connect();
  for (const words of before) expect(await client.send(...words)).not.toMatch(/^-/);
  rig.server.engine.effectsBytesMax = ROOM_BYTES;
  return client;
}

test.each(Object.entries(CASES))('%s is refused where there is no room for its effects, changes nothing, and goes on where there is', async (_name, { before, request, shows = [], fits }) => {
  const client = await prepared(before);
  const was = await seen(client, shows);
  expect(await client.send(...request)).toBe(`-${REFUSED}`);
  expect(await seen(client, shows)).toEqual(was);
  expect(await client.send(...fits)).not.toMatch(/^-/);
  if (!fits[0]!.startsWith('xread')) expect(await seen(client, shows)).not.toEqual(was);
  expect(await client.send('set', 'other', 'v')).toBe('+OK');
});

test('FUNCTION RESTORE of libraries that no record holds is refused, and those that are there stay', async () => {
  const client = await prepared(libraries);
  const dump = (await client.send('function', 'dump')).replace(/^\$\d+\r\n/, '');
  const was = await client.send('function', 'list', 'withcode');
  for (const policy of ['replace', 'flush']) expect(await client.send('function', 'restore', dump, policy)).toBe(`-${REFUSED}`);
  expect(await client.send('function', 'list', 'withcode')).toBe(was);
});

test('FUNCTION RESTORE of a payload that is small and unpacks to more', async () => {
  const client = await prepared([['function', 'load', `#!lua name=big\nredis.register_function('f', function() return 1 end) -- ${'x'.repeat(6000)}`]]);
  const dump = (await client.send('function', 'dump')).replace(/^\$\d+\r\n/, '');
  expect(await client.send('function', 'delete', 'big')).toBe('+OK');
  expect(dump.length).toBeLessThan(ROOM_BYTES);
  expect(await client.send('function', 'restore', dump)).toBe(`-${REFUSED}`);
  expect(await client.send('function', 'list')).toBe('*0');
});

describe('XAUTOCLAIM', () => {
  test('claims as much as there is room for, and its client goes on from there', async () => {
    const client = await prepared([...entries(600), group, ['xreadgroup', 'group', 'g', 'a', 'streams', 'stream', '>']]);
    let start = '0-0';
    let calls = 0;
    do {
      const reply = await client.send('xautoclaim', 'stream', 'g', 'b', '0', start, 'count', '100000', 'justid');
      start = /^\*3\r\n\$\d+\r\n(\d+-\d+)/.exec(reply)![1]!;
      calls++;
    } while (start !== '0-0');
    expect(calls).toBeGreaterThan(5);
    expect(await client.send('xpending', 'stream', 'g')).toMatch(/\r\nb\r\n\$3\r\n600$/);
  });

  test('is refused where there is room for none', async () => {
    const client = await prepared([...entries(1), group, ['xreadgroup', 'group', 'g', 'a', 'streams', 'stream', '>']]);
    rig.server.engine.effectsBytesMax = 200;
    const was = await client.send('xinfo', 'consumers', 'stream', 'g');
    expect(await client.send('xautoclaim', 'stream', 'g', 'b', '0', '0')).toBe(`-${REFUSED.replace(String(ROOM_BYTES), '200')}`);
    expect((await client.send('xinfo', 'consumers', 'stream', 'g')).length).toBe(was.length);
  });
});

test('a command of a transaction for which those before it have left no room is refused, and the others are done', async () => {
  const client = await prepared(numbered(6, (n) => ['sadd', 'set', `${n}${long}`]));
  await client.send('multi');
  for (const words of [['spop', 'set', '3'], ['set', 'k', 'x'.repeat(2000)], ['set', 'n', '1']]) await client.send(...words);
  expect(await client.send('exec')).toMatch(new RegExp(`^\\*3\\r\\n\\*3\\r\\n[^-]*\\r\\n-${REFUSED}\\r\\n\\+OK$`));
  expect(await client.send('exists', 'k', 'n')).toBe(':1');
});

describe('what need not be one record is several', () => {
  const PIECE_BYTES = 1000;
  /** What comes on top of a piece: one command's effects, or what is taken out by one look. */
  const ONE_BYTES = 1000;
  let log: ScriptedLog;
  const keys = numbered(60, (n) => [`${n}${long}`]).flat();

  async function start(...args: string[]): Promise<TestClient> {
    log = new ScriptedLog('at once');
    rig = await ServerRig.on(log, '--enable-debug-command', 'yes', ...args);
    return rig.connect();
  }

  function divide(): void {
    rig.server.engine.effectsBytesMax = ROOM_BYTES;
    rig.server.engine.pieceBytes = PIECE_BYTES;
    log.blocks.length = 0;
    log.lastIndex = log.commitIndex = 0;
    // The records before are the gate's no more.
    expect(rig.server.gate.inFlight).toBe(0);
  }

  const largest = (): number => Math.max(...log.blocks.map((block) => block.length));

  /** Sets all keys so that they are over, and stay as long as nobody looks. */
  async function expired(client: TestClient): Promise<void> {
    await client.send('debug', 'set-active-expire', '0');
    for (const key of keys) await client.send('set', key, 'v', 'px', '1');
    await client.send('set', 'probe', 'v', 'px', '1');
    while (await client.send('exists', 'probe') !== ':0');
  }

  test('the commands of a pipeline', async () => {
    const client = await start();
    for (const key of keys) await client.send('sadd', 'set', key);
    divide();
    const socket = net.connect(rig.server.port, '127.0.0.1');
    await once(socket, 'connect');
    let replies = '';
    socket.on('data', (bytes: Buffer) => { replies += bytes.toString('latin1'); });
    socket.write('spop set\r\n'.repeat(50) + 'quit\r\n');
    await once(socket, 'close');
    expect(replies.match(/^\$90[12]/gm)).toHaveLength(50);
    expect(await client.send('scard', 'set')).toBe(':10');
    expect(log.blocks.length).toBeGreaterThan(20);
    expect(largest()).toBeLessThanOrEqual(PIECE_BYTES + ONE_BYTES);
  });

  test('blocked clients who are served by one command', async () => {
    const client = await start();
    const key = `list${long}`;
    const waiting = await Promise.all(Array.from({ length: 20 }, () => rig.connect()));
    const replies = waiting.map((other) => other.send('blpop', key, '0'));
    while (rig.server.engine.blocking.count < 20) await client.send('ping');
    divide();
    await client.send('rpush', key, ...numbered(20, (n) => [String(n)]).flat());
    expect((await Promise.all(replies)).every((reply) => reply.includes(key))).toBe(true);
    expect(largest()).toBeLessThanOrEqual(PIECE_BYTES + ONE_BYTES);
  });

  test.each([
    ['MGET', ['mget', ...keys]], ['a script', ['eval', "for _, key in ipairs(KEYS) do redis.call('get', key) end", '60', ...keys]],
    ['SCAN', ['scan', '0', 'count', '1000']],
    ['SORT', ['sort', 'names', 'by', '*', 'alpha', 'store', 'out']],
  ])('%s leaves for later what has expired of more than that', async (_name, request) => {
    const client = await start();
    await client.send('rpush', 'names', ...keys);
    await expired(client);
    divide();
    // What SORT stores, and what EVAL is sent, is much.
    rig.server.engine.effectsBytesMax = 1e6;
    expect(await client.send(...request)).not.toMatch(/^-|\r\n-/);
    if (request[0] !== 'sort') expect(largest()).toBeLessThanOrEqual(PIECE_BYTES + ONE_BYTES);
    expect(Number((await client.send('dbsize')).slice(1))).toBeGreaterThan(50);
    expect(await client.send('mget', ...keys)).toBe(`*60${'\r\n$-1'.repeat(60)}`);
    await client.send('debug', 'set-active-expire', '1');
    while (Number((await client.send('dbsize')).slice(1)) > 2);
    if (request[0] !== 'sort') expect(largest()).toBeLessThanOrEqual(PIECE_BYTES + ONE_BYTES);
  });

  test('a transaction that reads what has expired and writes there', async () => {
    const client = await start();
    await expired(client);
    divide();
    rig.server.engine.effectsBytesMax = 1e6;
    await client.send('multi');
    await client.send('mget', ...keys);
    await client.send('rpush', keys[59]!, 'a');
    await client.send('exists', ...keys);
    expect(await client.send('exec')).toMatch(/\r\n:1\r\n:1$/);
    expect(await client.send('type', keys[59]!)).toBe('+list');
  });

  test('eviction', async () => {
    const client = await start('--maxmemory-policy', 'allkeys-random');
    for (const key of keys) await client.send('set', key, 'v');
    divide();
    expect(await client.send('config', 'set', 'maxmemory', '1')).toBe('+OK');
    while (await client.send('dbsize') !== ':0');
    expect(largest()).toBeLessThanOrEqual(PIECE_BYTES + ONE_BYTES);
  });

  test('a hash whose many fields have all ended goes with one deletion', async () => {
    const client = await start();
    await client.send('debug', 'set-active-expire', '0');
    const fields = numbered(2000, (n) => [`field:${n}`]).flat();
    await client.send('hset', 'h', ...fields.flatMap((field) => [field, 'v']));
    await client.send('hpexpire', 'h', '1', 'fields', '2000', ...fields);
    await client.send('set', 'probe', 'v', 'px', '1');
    while (await client.send('exists', 'probe') !== ':0');
    divide();
    expect(await client.send('hset', 'h', 'f', 'v')).toBe(':1');
    expect(await client.send('hlen', 'h')).toBe(':1');
    expect(largest()).toBeLessThan(100);
  });

  /** A client of a server whose hash h has 2,000 fields that have ended and one, `stays`, that has not. */
  async function withEndedFields(): Promise<TestClient> {
    const client = await start();
    await client.send('debug', 'set-active-expire', '0');
    const fields = numbered(2000, (n) => [`field:${n}`]).flat();
    await client.send('hset', 'h', 'stays', 'v', ...fields.flatMap((field) => [field, 'v']));
    await client.send('hpexpire', 'h', '1', 'fields', '2000', ...fields);
    await client.send('set', 'probe', 'v', 'px', '1');
    while (await client.send('exists', 'probe') !== ':0');
    divide();
    return client;
  }

  test.each([
    ['a command', [['hset', 'h', 'f', 'v']]],
    ['a transaction that writes there first', [['multi'], ['get', 'other'], ['hset', 'h', 'f', 'v'], ['set', 'other', 'v'], ['exec']]],
    ['a script', [['eval', "redis.call('get', 'other') return redis.call('hset', KEYS[1], 'f', 'v')", '1', 'h']]],
  ])('%s that writes to a hash of which many fields have ended', async (_name, requests) => {
    const client = await withEndedFields();
    for (const words of requests) expect(await client.send(...words)).not.toMatch(/^-|\r\n-/);
    expect(largest()).toBeLessThan(512 * 12);
    expect([await client.send('hlen', 'h'), await client.send('hexists', 'h', 'f'), await client.send('hexists', 'h', 'field:1999')]).toEqual([':2', ':1', ':0']);
  });

  test('a transaction that has written before is refused that hash, and others are not', async () => {
    const client = await withEndedFields();
    rig.server.engine.effectsBytesMax = 20_000;
    await client.send('multi');
    await client.send('set', 'other', 'v');
    await client.send('hset', 'h', 'f', 'v');
    await client.send('set', 'another', 'v');
    expect(await client.send('exec')).toBe('*3\r\n+OK\r\n-ERR more fields of this hash have just ended than can be taken out at once: try again later\r\n+OK');
    expect(largest()).toBeLessThan(20_000);
    expect([await client.send('hexists', 'h', 'f'), await client.send('hexists', 'h', 'stays')]).toEqual([':0', ':1']);
    await client.send('debug', 'set-active-expire', '1');
    while (await client.send('hset', 'h', 'f', 'v') !== ':1');
    expect(await client.send('hlen', 'h')).toBe(':2');
  });

  test('reading a hash of which many fields have ended', async () => {
    const client = await withEndedFields();
    expect(await client.send('hgetall', 'h')).toBe('*2\r\n$5\r\nstays\r\n$1\r\nv');
    expect(largest()).toBeLessThan(512 * 12);
    expect([await client.send('hlen', 'h'), await client.send('hexists', 'h', 'field:1999')]).toEqual([':1', ':0']);
  });
});

test('a command or a transaction of a source that is imported, which no record can hold, ends the import and is not run', async () => {
  const client = await prepared([]);
  const set = `*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3000\r\n${'x'.repeat(3000)}\r\n`;
  const run = (text: string): void => {
    const stream = new SourceStream(rig.server.engine, 0, 0);
    stream.feed(Buffer.from(text));
    rig.server.enterTurn(() => { stream.run(() => true); });
  };
  expect(() => { run(`MULTI\r\n${set}${set}EXEC\r\n`); }).toThrow("the source's EXEC cannot be repeated here: it is larger than a record of the log may be");
  expect(() => { run(set.replaceAll('3000', '5000').replace(/x+/, 'x'.repeat(5000))); }).toThrow('it is larger than a record');
  expect(await client.send('exists', 'k')).toBe(':0');
  run(set);
  expect(await client.send('strlen', 'k')).toBe(':3000');
});
