/** Hash commands: replies, errors and effects, as redis-server gives them. */
import { describe, expect, test } from 'vitest';
import { EngineRig } from './engine-rig.ts';
import type { Value } from './recording-reply.ts';

const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value';
const NOT_INTEGER = '-ERR value is not an integer or out of range';
const SYNTAX = '-ERR syntax error';

/** Runs lines in order and compares each reply; afterwards everything must be in order. */
function table(name: string, rows: readonly (readonly [string, Value])[]): void {
  test(name, () => {
    const rig = new EngineRig();
    rig.line('SET str text');
    rig.line('HSET h a 1 b 2');
    for (const [line, reply] of rows) expect(rig.line(line), line).toEqual(reply);
    rig.check();
  });
}

table('HSET, HMSET, HSETNX', [
  ['HSET h c 3', 1],
  ['HSET h c 4 d 5 e 6', 2],
  ['HMGET h a b c d e f', ['1', '2', '4', '5', '6', null]],
  ['HSET h c 4 c 5', 0],
  ['HGET h c', '5'],
  ['HSET h c', "-ERR wrong number of arguments for 'hset' command"],
  ['HSET h c 1 d', "-ERR wrong number of arguments for 'hset' command"],
  ['HMSET h c 1 d', "-ERR wrong number of arguments for 'hmset' command"],
  ['HMSET new x 1 y 2', 'OK'],
  ['HLEN new', 2],
  ['HSETNX new x 5', 0],
  ['HSETNX new z 5', 1],
  ['HSETNX other z 5', 1],
  ['HMGET new x z', ['1', '5']],
  ['HSET str a', "-ERR wrong number of arguments for 'hset' command"],
  ['HSET str a 1', WRONG_TYPE],
  ['HMSET str a 1', WRONG_TYPE],
  ['HSETNX str a 1', WRONG_TYPE],
]);

table('HGET, HMGET, HGETALL, HKEYS, HVALS, HEXISTS, HLEN, HSTRLEN', [
  ['HGET h a', '1'],
  ['HGET h x', null],
  ['HGET no x', null],
  ['HMGET no a b', [null, null]],
  ['HGETALL h', ['a', '1', 'b', '2']],
  ['HGETALL no', []],
  ['HKEYS h', ['a', 'b']],
  ['HKEYS no', []],
  ['HVALS h', ['1', '2']],
  ['HVALS no', []],
  ['HEXISTS h a', 1],
  ['HEXISTS h x', 0],
  ['HEXISTS no x', 0],
  ['HLEN h', 2],
  ['HLEN no', 0],
  ['HSET h long 12345', 1],
  ['HSTRLEN h long', 5],
  ['HSTRLEN h x', 0],
  ['HSTRLEN no x', 0],
  ...['HGET str a', 'HMGET str a', 'HGETALL str', 'HKEYS str', 'HVALS str', 'HEXISTS str a', 'HLEN str', 'HSTRLEN str a']
    .map((line): [string, Value] => [line, WRONG_TYPE]),
]);

table('HDEL', [
  ['HDEL h x', 0],
  ['HDEL no x', 0],
  ['HDEL str x', WRONG_TYPE],
  ['HDEL h a x a', 1],
  ['HDEL h b c', 1],
  ['HLEN h', 0],
  ['HSET h again 1', 1],
]);

table('HINCRBY', [
  ['HINCRBY h a 5', 6],
  ['HINCRBY h n -3', -3],
  ['HINCRBY no n 0', 0],
  ['HGET no n', '0'],
  ['HINCRBY h n 9223372036854775807', 9223372036854775804],
  ['HGET h n', '9223372036854775804'],
  ['HINCRBY h n 4', '-ERR increment or decrement would overflow'],
  ['HINCRBY h edge -9007199254740992', -9007199254740992],
  ['HINCRBY h edge 1', -9007199254740991],
  ['HINCRBY h low -9223372036854775808', -9223372036854775808],
  ['HINCRBY h low -1', '-ERR increment or decrement would overflow'],
  ['HINCRBY h n 9223372036854775808', NOT_INTEGER],
  ['HINCRBY str n x', NOT_INTEGER],
  ['HINCRBY str n 1', WRONG_TYPE],
  ['HSET h t 01', 1],
  ['HINCRBY h t 1', '-ERR hash value is not an integer'],
]);

table('HINCRBYFLOAT', [
  ['HINCRBYFLOAT h f 0.1', '0.1'],
  ['HINCRBYFLOAT h f 0.2', '0.3'],
  ['HINCRBYFLOAT h f 1e17', '100000000000000000.296875'],
  ['HINCRBYFLOAT h g 5e-18', '0'],
  ['HINCRBYFLOAT h g 6e-18', '0.00000000000000001'],
  ['HINCRBYFLOAT h a 3.0e3', '3001'],
  ['HINCRBYFLOAT h v 17179869184.0001', '17179869184.00009999983012676'],
  ['HINCRBYFLOAT h v -17179869185', '-0.99990000016987324'],
  ['HINCRBYFLOAT h x 0xA.8', '10.5'],
  ['HINCRBYFLOAT h g x', '-ERR value is not a valid float'],
  ['HINCRBYFLOAT h g 1e5000', '-ERR value is not a valid float'],
  ['HINCRBYFLOAT str g x', '-ERR value is not a valid float'],
  ['HINCRBYFLOAT str g inf', '-ERR value is NaN or Infinity'],
  ['HINCRBYFLOAT str g 1', WRONG_TYPE],
  ['HSET h t text i inf', 2],
  ['HINCRBYFLOAT h t 1', '-ERR hash value is not a float'],
  ['HINCRBYFLOAT h i 1', '-ERR increment would produce NaN or Infinity'],
]);

table('HRANDFIELD errors and edges', [
  ['HRANDFIELD no', null],
  ['HRANDFIELD no 3', []],
  ['HRANDFIELD no x', NOT_INTEGER],
  ['HRANDFIELD no 3 WITHVALUE', SYNTAX],
  ['HRANDFIELD no 3 WITHVALUES 1', SYNTAX],
  ['HRANDFIELD no -9223372036854775808', '-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807'],
  ['HRANDFIELD no 4611686018427387903 WITHVALUES', []],
  ['HRANDFIELD no 4611686018427387904 WITHVALUES', '-ERR value is out of range'],
  ['HRANDFIELD no -4611686018427387904 WITHVALUES', '-ERR value is out of range'],
  ['HRANDFIELD h -9223372036854775807', '-ERR value is out of range'],
  ['HRANDFIELD h 0', []],
  ['HRANDFIELD h 5', ['a', 'b']],
  ['HRANDFIELD h 5 WITHVALUES', ['a', '1', 'b', '2']],
  ['HRANDFIELD str', WRONG_TYPE],
]);

table('HSCAN of a small hash', [
  ['HSCAN h 0', ['0', ['a', '1', 'b', '2']]],
  ['HSCAN h 7 COUNT 1', ['0', ['a', '1', 'b', '2']]],
  ['HSCAN h 0 MATCH b*', ['0', ['b', '2']]],
  ['HSCAN h 0 MATCH * NOVALUES', ['0', ['a', 'b']]],
  ['HSCAN no 0 COUNT x', ['0', []]],
  ['HSCAN no x', '-ERR invalid cursor'],
  ['HSCAN str x', '-ERR invalid cursor'],
  ['HSCAN str 0', WRONG_TYPE],
  ['HSCAN h 18446744073709551616', '-ERR invalid cursor'],
  ['HSCAN h 0 COUNT 0', SYNTAX],
  ['HSCAN h 0 COUNT x', NOT_INTEGER],
  ['HSCAN h 0 TYPE hash', SYNTAX],
  ['HSCAN h 0 MATCH', SYNTAX],
]);

describe('encodings', () => {
  test('by number of fields', () => {
    const rig = new EngineRig();
    for (let i = 0; i < 128; i++) rig.run('HSET', 'h', `f${i}`, i);
    expect(rig.encoding('h')).toBe('listpack');
    rig.run('HSET', 'h', 'f0', 'again');
    expect(rig.encoding('h')).toBe('listpack');
    rig.run('HSET', 'h', 'f128', 1);
    expect(rig.encoding('h')).toBe('hashtable');
    for (let i = 1; i <= 128; i++) rig.run('HDEL', 'h', `f${i}`);
    expect(rig.encoding('h')).toBe('hashtable');
    expect(rig.run('HGETALL', 'h')).toEqual(['f0', 'again']);
    rig.check();
  });

  test('by length of field or value, and as CONFIG SET says', () => {
    const rig = new EngineRig();
    rig.run('HSET', 'a', 'f', 'x'.repeat(64));
    expect(rig.encoding('a')).toBe('listpack');
    rig.run('HSET', 'a', 'f', 'x'.repeat(65));
    expect(rig.encoding('a')).toBe('hashtable');
    rig.run('HSET', 'b', 'x'.repeat(65), '1');
    expect(rig.encoding('b')).toBe('hashtable');
    rig.run('HINCRBY', 'c', 'x'.repeat(65), '1');
    expect(rig.encoding('c')).toBe('hashtable');
    rig.limits.hashMaxListpackEntries = 1;
    rig.run('HSET', 'd', 'f', '1', 'f', '2');
    expect(rig.encoding('d')).toBe('hashtable');
    rig.limits.hashMaxListpackEntries = 0;
    rig.run('HINCRBY', 'e', 'f', '1');
    expect(rig.encoding('e')).toBe('hashtable');
    rig.check();
  });
});

describe('large hashes', () => {
  function large(n: number): EngineRig {
    const rig = new EngineRig(3);
    for (let i = 0; i < n; i++) rig.run('HSET', 'h', `field:${i}`, `value:${i}`);
    return rig;
  }

  test('HSCAN sees every field, also while others come and go', () => {
    const rig = large(5000);
    const seen = new Set<string>();
    let cursor = '0';
    let calls = 0;
    do {
      const [next, found] = rig.run('HSCAN', 'h', cursor, 'COUNT', 50) as [string, string[]];
      for (let i = 0; i < found.length; i += 2) {
        expect(found[i + 1]).toBe(found[i]!.replace('field', 'value'));
        seen.add(found[i]!);
      }
      cursor = next;
      calls++;
      for (let i = 0; i < 30; i++) {
        rig.run('HSET', 'h', `field:new${calls}.${i}`, `value:new${calls}.${i}`);
        if (calls % 2 === 0) rig.run('HDEL', 'h', `field:new${calls - 1}.${i}`);
      }
    } while (cursor !== '0');
    for (let i = 0; i < 5000; i++) expect(seen.has(`field:${i}`), `field:${i}`).toBe(true);
    expect(calls).toBeGreaterThan(50);
    expect(rig.run('HSCAN', 'h', '4294967296')).toEqual(['0', []]);
  });

  test('HRANDFIELD gives distinct fields, or repeats, all about equally often', () => {
    const rig = large(1000);
    for (const count of [1, 10, 500, 999, 1000, 5000]) {
      const fields = rig.run('HRANDFIELD', 'h', count) as string[];
      expect(fields.length).toBe(Math.min(count, 1000));
      expect(new Set(fields).size).toBe(fields.length);
    }
    const times = new Map<string, number>();
    for (const field of rig.run('HRANDFIELD', 'h', -20000) as string[]) times.set(field, (times.get(field) ?? 0) + 1);
    expect(times.size).toBeGreaterThan(990);
    expect(Math.max(...times.values())).toBeLessThan(60);
    const small = new EngineRig(9);
    small.line('HSET h a 1 b 2 c 3 d 4');
    times.clear();
    for (let i = 0; i < 2000; i++) {
      for (const field of small.run('HRANDFIELD', 'h', 2) as string[]) times.set(field, (times.get(field) ?? 0) + 1);
    }
    for (const field of 'abcd') expect(times.get(field)).toBeGreaterThan(900);
  });

  test('a deleted large hash is freed in steps', () => {
    const rig = large(3000);
    const { keyspace } = rig.engine;
    rig.run('SET', 'other', '1');
    rig.run('SET', 'h', 'string now');
    rig.check();
    let steps = 0;
    while (keyspace.lazyFreeStep(100)) {
      steps++;
      keyspace.compactor.step(500);
      if (steps === 1) rig.check();
    }
    expect(steps).toBeGreaterThan(0);
    rig.check();
    expect(keyspace.arena.liveCellsByKind[4]).toBe(0);
  });
});

test('effects are what a replica needs', () => {
  const rig = new EngineRig();
  const effectsOf = (line: string): string[][] => {
    rig.line(line);
    return rig.effects().words;
  };
  expect(effectsOf('HSET h a 1 b 2')).toEqual([['HSET', 'h', 'a', '1', 'b', '2']]);
  expect(effectsOf('HINCRBY h a 5')).toEqual([['HINCRBY', 'h', 'a', '5']]);
  expect(effectsOf('HINCRBYFLOAT h a 0.5')).toEqual([['HSET', 'h', 'a', '6.5']]);
  expect(effectsOf('HSETNX h a 9')).toEqual([]);
  expect(effectsOf('HDEL h x')).toEqual([]);
  expect(effectsOf('HDEL h a x')).toEqual([['HDEL', 'h', 'a', 'x']]);
  expect(effectsOf('HINCRBY h b x')).toEqual([]);
  expect(effectsOf('HGETALL h')).toEqual([]);
});

test('RESP3: maps, and pairs of HRANDFIELD WITHVALUES', () => {
  const rig = new EngineRig(1, 3);
  rig.line('HSET h a 1');
  expect(rig.raw('HGETALL', 'h')).toBe('%1\r\n$1\r\na\r\n$1\r\n1\r\n');
  expect(rig.raw('HGETALL', 'no')).toBe('%0\r\n');
  expect(rig.raw('HRANDFIELD', 'h', '1', 'WITHVALUES')).toBe('*1\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n');
  expect(rig.raw('HGET', 'no', 'a')).toBe('_\r\n');
});
