/** OBJECT, MEMORY and DEBUG: as redis-server 7.0 answers, save that small sets are listpacks as in 7.2. */
import { describe, expect, test } from 'vitest';
import { debugRig } from './debug-rig.ts';
import type { Value } from './recording-reply.ts';

/** Runs lines in order and compares each reply; afterwards everything must be in order. */
function table(name: string, rows: readonly (readonly [string, Value])[]): void {
  test(name, () => {
    const rig = debugRig();
    rig.line('HSET h f 1');
    rig.line('SADD ints 1 2 3');
    rig.line('SADD s a b');
    rig.line('SET num 10');
    rig.line('SET text hello');
    for (const [line, reply] of rows) expect(rig.line(line), line).toEqual(reply);
    rig.check();
  });
}

table('OBJECT', [
  ['OBJECT ENCODING num', 'int'],
  ['OBJECT ENCODING text', 'embstr'],
  ['OBJECT ENCODING h', 'listpack'],
  ['OBJECT ENCODING ints', 'intset'],
  ['OBJECT ENCODING s', 'listpack'],
  ['OBJECT ENCODING no', null],
  ['SET x aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'OK'],
  ['OBJECT ENCODING x', 'embstr'],
  ['SET x aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'OK'],
  ['OBJECT ENCODING x', 'raw'],
  ['SET x 9223372036854775807', 'OK'],
  ['OBJECT ENCODING x', 'int'],
  ['SET x 9223372036854775808', 'OK'],
  ['OBJECT ENCODING x', 'embstr'],
  ['SET x -9223372036854775808', 'OK'],
  ['OBJECT ENCODING x', 'int'],
  ['SET x 01', 'OK'],
  ['OBJECT ENCODING x', 'embstr'],
  ['SET x ', 'OK'],
  ['OBJECT ENCODING x', 'embstr'],
  ['SET x 1', 'OK'],
  ['APPEND x 2', 2],
  ['OBJECT ENCODING x', 'raw'],
  ['INCR x', 13],
  ['OBJECT ENCODING x', 'int'],
  ['SETRANGE x 0 2', 2],
  ['OBJECT ENCODING x', 'raw'],
  ['SET x 5', 'OK'],
  ['OBJECT ENCODING x', 'int'],
  ['APPEND new 5', 1],
  ['OBJECT ENCODING new', 'int'],
  ['SETRANGE other 0 5', 1],
  ['OBJECT ENCODING other', 'raw'],
  ['INCR fresh', 1],
  ['OBJECT ENCODING fresh', 'int'],
  ['GETSET text 77', 'hello'],
  ['OBJECT ENCODING text', 'int'],
  ['SETRANGE other 0 ', 1],
  ['OBJECT ENCODING other', 'raw'],
  ['OBJECT REFCOUNT text2', null],
  ['OBJECT REFCOUNT h', 1],
  ['OBJECT REFCOUNT x', 2147483647],
  ['OBJECT IDLETIME h', 0],
  ['OBJECT IDLETIME no', null],
  ['OBJECT FREQ no', null],
  ['OBJECT FREQ h', '-ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.'],
  ['OBJECT FOO', "-ERR unknown subcommand 'FOO'. Try OBJECT HELP."],
  ['OBJECT ENCODING', "-ERR wrong number of arguments for 'object|encoding' command"],
  ['OBJECT ENCODING a b', "-ERR wrong number of arguments for 'object|encoding' command"],
  ['OBJECT', "-ERR wrong number of arguments for 'object' command"],
  ['OBJECT HELP', ['OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:', 'ENCODING <key>', '    Return the kind of internal representation used in order to store the value', '    associated with a <key>.', 'FREQ <key>', '    Return the access frequency index of the <key>. The returned integer is', '    proportional to the logarithm of the recent access frequency of the key.', 'IDLETIME <key>', '    Return the idle time of the <key>, that is the approximated number of', '    seconds elapsed since the last access to the key.', 'REFCOUNT <key>', '    Return the number of references of the value associated with the specified', '    <key>.', 'HELP', '    Prints this help.']],
]);

table('MEMORY', [
  ['MEMORY USAGE no', null],
  ['MEMORY USAGE h SAMPLES', '-ERR syntax error'],
  ['MEMORY USAGE h SAMPLES -1', '-ERR syntax error'],
  ['MEMORY USAGE h FOO 1', '-ERR syntax error'],
  ['MEMORY USAGE h SAMPLES x', '-ERR value is not an integer or out of range'],
  ['MEMORY USAGE h 5', '-ERR syntax error'],
  ['MEMORY USAGE', "-ERR wrong number of arguments for 'memory|usage' command"],
  ['MEMORY FOO', "-ERR unknown subcommand 'FOO'. Try MEMORY HELP."],
]);

table('DEBUG', [
  ['DEBUG OBJECT no', '-ERR no such key'],
  ['DEBUG LISTPACK no', '-ERR no such key'],
  ['DEBUG LISTPACK num', '-ERR Not a listpack encoded object.'],
  ['DEBUG LISTPACK ints', '-ERR Not a listpack encoded object.'],
  ['DEBUG HTSTATS-KEY no', '-ERR no such key'],
  ['DEBUG HTSTATS-KEY h', '-ERR The value stored at the specified key is not represented using an hash table'],
  ['DEBUG HTSTATS-KEY num', '-ERR The value stored at the specified key is not represented using an hash table'],
  ['DEBUG HTSTATS 99', '-ERR Out of range database'],
  ['DEBUG HTSTATS -1', '-ERR Out of range database'],
  ['DEBUG QUICKLIST-PACKED-THRESHOLD 10', 'OK'],
  ['DEBUG QUICKLIST-PACKED-THRESHOLD 0', 'OK'],
  ['DEBUG QUICKLIST-PACKED-THRESHOLD 1gb', 'OK'],
  ['DEBUG QUICKLIST-PACKED-THRESHOLD 5gb', '-ERR argument must be a memory value bigger than 1 and smaller than 4gb'],
  ['DEBUG QUICKLIST-PACKED-THRESHOLD -1', '-ERR argument must be a memory value bigger than 1 and smaller than 4gb'],
  ['DEBUG QUICKLIST-PACKED-THRESHOLD abc', '-ERR argument must be a memory value bigger than 1 and smaller than 4gb'],
  ['DEBUG CHANGE-REPL-ID', 'OK'],
  ['DEBUG SET-ACTIVE-EXPIRE 0', 'OK'],
  ['DEBUG SET-ACTIVE-EXPIRE 1', 'OK'],
  ['DEBUG ERROR oops', '-oops'],
  ['DEBUG PROTOCOL string', 'Hello World'],
  ['DEBUG PROTOCOL integer', 12345],
  ['DEBUG PROTOCOL double', '3.141'],
  ['DEBUG PROTOCOL bignum', '1234567999999999999999999999999999999'],
  ['DEBUG PROTOCOL null', null],
  ['DEBUG PROTOCOL array', [0, 1, 2]],
  ['DEBUG PROTOCOL set', [0, 1, 2]],
  ['DEBUG PROTOCOL map', [0, 0, 1, 1, 2, 0]],
  ['DEBUG PROTOCOL verbatim', 'This is a verbatim\nstring'],
  ['DEBUG PROTOCOL true', 1],
  ['DEBUG PROTOCOL false', 0],
  ['DEBUG PROTOCOL attrib', 'Some real reply following the attribute'],
  ['DEBUG PROTOCOL push', '-ERR RESP2 is not supported by this command'],
  ['DEBUG PROTOCOL foo', '-ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false'],
  ['DEBUG POPULATE 3', 'OK'],
  ['GET key:2', 'value:2'],
  ['DEBUG POPULATE 3 p 12', 'OK'],
  ['GET p:0', 'value:0\0\0\0\0\0'],
  ['DEBUG POPULATE 2 q 3', 'OK'],
  ['GET q:1', 'val'],
  ['SET r:0 mine', 'OK'],
  ['DEBUG POPULATE 2 r', 'OK'],
  ['MGET r:0 r:1', ['mine', 'value:1']],
  ['DEBUG POPULATE -1', '-ERR value is out of range, must be positive'],
  ['DEBUG POPULATE x', '-ERR value is out of range, must be positive'],
]);

test('OBJECT IDLETIME counts from the last use and does not count as one', () => {
  const rig = debugRig();
  const { engine } = rig;
  rig.line('SET k v');
  engine.beginTurn(engine.keyspace.nowMs + 30_000);
  expect(rig.line('OBJECT IDLETIME k')).toBe(30);
  engine.beginTurn(engine.keyspace.nowMs + 12_000);
  expect(rig.line('OBJECT IDLETIME k')).toBe(42);
  rig.line('GET k');
  expect(rig.line('OBJECT IDLETIME k')).toBe(0);
});

describe('DEBUG OBJECT', () => {
  const idle = (rig = debugRig()): string => {
    rig.line('SET k hello');
    rig.engine.beginTurn(rig.engine.keyspace.nowMs + 5_000);
    return String(rig.line('DEBUG OBJECT k'));
  };

  test("has Redis's line format", () => {
    expect(idle()).toMatch(/^Value at:0x[0-9a-f]+ refcount:1 encoding:embstr serializedlength:6 lru:\d+ lru_seconds_idle:5$/);
  });

  test.each([['12345', 3], ['12', 2], ['300', 3], ['70000', 5], ['9223372036854775807', 20], ['hello', 6], ['', 1]])(
    'a string %j takes %d bytes in RDB', (value, length) => {
      const rig = debugRig();
      rig.run('SET', 'k', value);
      expect(rig.line('DEBUG OBJECT k')).toContain(` serializedlength:${length} `);
    },
  );

  test('shows what has expired and is still there', () => {
    const rig = debugRig();
    rig.line('SET k hello PX 5');
    rig.engine.beginTurn(rig.engine.keyspace.nowMs + 6);
    expect(rig.line('DEBUG OBJECT k')).toContain(' serializedlength:6 ');
    expect(rig.line('EXISTS k')).toBe(0);
    expect(rig.line('DEBUG OBJECT k')).toBe('-ERR no such key');
  });

  test("shows a large list's pages and the directives, and of a small one nothing", () => {
    const rig = debugRig();
    rig.engine.limits.listMaxListpackSize = 100;
    rig.run('RPUSH', 'l', ...new Array<string>(1000).fill('v'.repeat(100)));
    const [, nodes, average, bytes] = /ql_nodes:(\d+) ql_avg_node:([\d.]+) ql_listpack_max:100 ql_compressed:0 ql_uncompressed_size:(\d+)$/.exec(String(rig.line('DEBUG OBJECT l')))!;
    expect(Number(nodes)).toBeGreaterThan(1);
    expect(Number(average)).toBeCloseTo(1000 / Number(nodes), 1);
    expect(Number(bytes)).toBeGreaterThan(100_000);
    rig.engine.limits.listCompressDepth = 12;
    expect(rig.line('DEBUG OBJECT l')).toContain(' ql_compressed:1 ');
    rig.line('RPUSH small 1');
    expect(rig.line('DEBUG OBJECT small')).not.toContain('ql_');
  });

  test('a set takes the bytes of its plain form', () => {
    const rig = debugRig();
    rig.line('SADD s a b');
    expect(rig.line('DEBUG OBJECT s')).toContain(' serializedlength:5 ');
    rig.line('SADD t a bb 70000');
    expect(rig.line('DEBUG OBJECT t')).toContain(' serializedlength:11 ');
  });
});

describe('MEMORY USAGE', () => {
  test('grows with the value', () => {
    const rig = debugRig();
    rig.run('SET', 's', 'x'.repeat(1000));
    const string = Number(rig.line('MEMORY USAGE s'));
    expect(string).toBeGreaterThan(1000);
    expect(string).toBeLessThan(1300);
    for (let i = 0; i < 1000; i++) rig.run('HSET', 'h', `field${i}`, 'v'.repeat(100));
    const all = Number(rig.line('MEMORY USAGE h SAMPLES 0'));
    expect(all).toBeGreaterThan(110_000);
    expect(all).toBeLessThan(200_000);
    expect(Math.abs(Number(rig.line('MEMORY USAGE h')) - all)).toBeLessThan(all / 10);
  });

  test('is not a use of the key', () => {
    const rig = debugRig();
    rig.line('SET k v');
    rig.engine.beginTurn(rig.engine.keyspace.nowMs + 30_000);
    rig.line('MEMORY USAGE k');
    expect(rig.line('OBJECT IDLETIME k')).toBe(30);
  });
});

test('MEMORY DOCTOR and MALLOC-STATS say something', () => {
  const rig = debugRig();
  expect(rig.line('MEMORY DOCTOR')).toContain('empty');
  rig.run('SET', 'k', 'x'.repeat(6_000_000));
  expect(rig.line('MEMORY DOCTOR')).not.toContain('empty');
  expect(rig.line('MEMORY MALLOC-STATS')).toMatch(/live_bytes: \d{7}\n/);
});

test('DEBUG LISTPACK lists elements, HTSTATS and HTSTATS-KEY count', () => {
  const rig = debugRig();
  rig.line('HSET h a 1 b 2');
  expect(rig.line('DEBUG LISTPACK h')).toBe('{num_elements: 4}\n{0} "a"\n{1} "1"\n{2} "b"\n{3} "2"\n');
  rig.line('SET k v EX 100');
  const stats = String(rig.line('DEBUG HTSTATS 0'));
  expect(stats).toContain('[Dictionary HT]\nHash table 0 stats (main hash table):\n number of elements: 2\n');
  expect(stats).toContain('[Expires HT]\nHash table 0 stats (main hash table):\n number of elements: 1\n');
  expect(rig.line('DEBUG HTSTATS 1')).toContain('No stats available for empty dictionaries');
  for (let i = 0; i < 300; i++) rig.line(`SADD s m${i}`);
  expect(rig.line('DEBUG HTSTATS-KEY s')).toContain(' number of elements: 300\n');
});

test('DEBUG POPULATE is logged key by key', () => {
  const rig = debugRig();
  rig.line('SET p:1 there');
  rig.effects();
  rig.line('DEBUG POPULATE 3 p');
  expect(rig.effects().words).toEqual([['SET', 'p:0', 'value:0'], ['SET', 'p:2', 'value:2']]);
  expect(rig.line('DEBUG POPULATE 3 p')).toBe('OK');
  expect(rig.effects().words).toEqual([]);
});

test('DEBUG JMAP shows what the memory is used for, STRINGMATCH-LEN what a pattern matches', () => {
  const rig = debugRig();
  rig.line('SET a 1');
  expect(String(rig.line('DEBUG JMAP'))).toMatch(/live cells: \d+\n.*live cells, entry: 1\n/s);
  expect(rig.line('DEBUG STRINGMATCH-LEN a*c abc')).toBe(1);
  expect(rig.line('DEBUG STRINGMATCH-LEN a*c abd')).toBe(0);
});

test('DEBUG CHECK walks everything', () => {
  expect(debugRig().line('DEBUG CHECK')).toBe('OK');
});
