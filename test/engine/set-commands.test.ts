/** Set commands: replies, errors, encodings and effects, as redis-server 7.2 gives them. */
import { describe, expect, test } from 'vitest';
import { EngineRig } from './engine-rig.ts';
import type { Value } from './recording-reply.ts';

const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value';
const NOT_INTEGER = '-ERR value is not an integer or out of range';
const NOT_POSITIVE = '-ERR value is out of range, must be positive';
const SYNTAX = '-ERR syntax error';

function sorted(value: Value): Value {
  return Array.isArray(value) ? [...value].sort() : value;
}

/** Runs lines in order and compares each reply, arrays without regard to order. */
function table(name: string, rows: readonly (readonly [string, Value])[]): void {
  test(name, () => {
    const rig = new EngineRig();
    rig.line('SET str text');
    rig.line('SADD ints 1 2 3 4');
    rig.line('SADD words 3 4 five six');
    for (const [line, reply] of rows) expect(sorted(rig.line(line)), line).toEqual(sorted(reply));
    rig.check();
  });
}

table('SADD, SREM, SCARD, SISMEMBER, SMISMEMBER, SMEMBERS', [
  ['SADD s a b a', 2],
  ['SADD s a', 0],
  ['SADD s c a', 1],
  ['SMEMBERS s', ['a', 'b', 'c']],
  ['SCARD s', 3],
  ['SISMEMBER s a', 1],
  ['SISMEMBER s x', 0],
  ['SISMEMBER no x', 0],
  ['SISMEMBER ints 1', 1],
  ['SISMEMBER ints 01', 0],
  ['SISMEMBER ints x', 0],
  ['SMISMEMBER s a x b', [1, 0, 1]],
  ['SMISMEMBER no a x', [0, 0]],
  ['SREM s x', 0],
  ['SREM no x', 0],
  ['SREM ints x 1 9', 1],
  ['SREM s a b x', 2],
  ['SREM s c', 1],
  ['SCARD s', 0],
  ['SMEMBERS s', []],
  ...['SADD str a', 'SREM str a', 'SCARD str', 'SISMEMBER str a', 'SMISMEMBER str a', 'SMEMBERS str']
    .map((line): [string, Value] => [line, WRONG_TYPE]),
]);

table('SMOVE', [
  ['SMOVE no str x', 0],
  ['SMOVE str ints x', WRONG_TYPE],
  ['SMOVE ints str 1', WRONG_TYPE],
  ['SMOVE ints words 9', 0],
  ['SMOVE ints words 1', 1],
  ['SMOVE ints words 3', 1],
  ['SMOVE ints ints 2', 1],
  ['SMOVE ints ints 9', 0],
  ['SMEMBERS ints', ['2', '4']],
  ['SMEMBERS words', ['1', '3', '4', 'five', 'six']],
  ['SMOVE ints new 2', 1],
  ['SMOVE ints new 4', 1],
  ['SCARD ints', 0],
  ['SMEMBERS new', ['2', '4']],
]);

table('SINTER, SUNION, SDIFF, SINTERCARD', [
  ['SINTER ints words', ['3', '4']],
  ['SINTER ints', ['1', '2', '3', '4']],
  ['SINTER ints ints', ['1', '2', '3', '4']],
  ['SINTER ints no', []],
  ['SINTER no str', WRONG_TYPE],
  ['SUNION ints words no', ['1', '2', '3', '4', 'five', 'six']],
  ['SUNION no', []],
  ['SUNION no str', WRONG_TYPE],
  ['SDIFF ints words', ['1', '2']],
  ['SDIFF words ints', ['five', 'six']],
  ['SDIFF ints ints', []],
  ['SDIFF no ints', []],
  ['SDIFF ints no', ['1', '2', '3', '4']],
  ['SDIFF no str', WRONG_TYPE],
  ['SINTERCARD 2 ints words', 2],
  ['SINTERCARD 2 ints words LIMIT 1', 1],
  ['SINTERCARD 2 ints words LIMIT 0', 2],
  ['SINTERCARD 1 no', 0],
  ['SINTERCARD 0 ints', '-ERR numkeys should be greater than 0'],
  ['SINTERCARD x ints', '-ERR numkeys should be greater than 0'],
  ['SINTERCARD 3 ints words', "-ERR Number of keys can't be greater than number of args"],
  ['SINTERCARD 2 ints words LIMIT -1', "-ERR LIMIT can't be negative"],
  ['SINTERCARD 2 ints words LIMIT x', "-ERR LIMIT can't be negative"],
  ['SINTERCARD 2 ints words LIMIT', SYNTAX],
  ['SINTERCARD 2 ints words FOO 1', SYNTAX],
  ['SINTERCARD 1 str', WRONG_TYPE],
]);

table('SINTERSTORE, SUNIONSTORE, SDIFFSTORE', [
  ['SINTERSTORE t ints words', 2],
  ['SMEMBERS t', ['3', '4']],
  ['SUNIONSTORE str ints words', 6],
  ['SCARD str', 6],
  ['SDIFFSTORE ints ints words', 2],
  ['SMEMBERS ints', ['1', '2']],
  ['SINTERSTORE t ints no', 0],
  ['SMEMBERS t', []],
  ['SDIFFSTORE words words words', 0],
  ['SCARD words', 0],
  ['SET str text', 'OK'],
  ['SUNIONSTORE x ints str', WRONG_TYPE],
  ['SINTERSTORE x no str', WRONG_TYPE],
  ['SDIFFSTORE x no str', WRONG_TYPE],
]);

table('SPOP, SRANDMEMBER and SSCAN: errors and edges', [
  ['SPOP no', null],
  ['SPOP no 3', []],
  ['SPOP no x', NOT_POSITIVE],
  ['SPOP ints -1', NOT_POSITIVE],
  ['SPOP ints 1 2', SYNTAX],
  ['SPOP ints 0', []],
  ['SPOP str', WRONG_TYPE],
  ['SPOP str 0', WRONG_TYPE],
  ['SPOP ints 10', ['1', '2', '3', '4']],
  ['SCARD ints', 0],
  ['SRANDMEMBER no', null],
  ['SRANDMEMBER no 1', []],
  ['SRANDMEMBER no x', NOT_INTEGER],
  ['SRANDMEMBER words 1 2', SYNTAX],
  ['SRANDMEMBER words 0', []],
  ['SRANDMEMBER words 10', ['3', '4', 'five', 'six']],
  ['SRANDMEMBER words -9223372036854775808', '-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807'],
  ['SRANDMEMBER str', WRONG_TYPE],
  ['SSCAN no 0', ['0', []]],
  ['SSCAN words 0 MATCH f*', ['0', ['five']]],
  ['SSCAN words 0 NOVALUES', '-ERR NOVALUES option can only be used in HSCAN'],
  ['SSCAN words 0 NOSCORES', '-ERR NOSCORES option can only be used in ZSCAN'],
  ['SSCAN words x', '-ERR invalid cursor'],
  ['SSCAN str 0', WRONG_TYPE],
]);

describe('encodings', () => {
  test('intset grows by integers, and leaves by their number or by a word', () => {
    const rig = new EngineRig();
    for (let i = 0; i < 512; i++) rig.run('SADD', 'i', i);
    expect(rig.encoding('i')).toBe('intset');
    rig.run('SADD', 'i', 511);
    expect(rig.encoding('i')).toBe('intset');
    rig.run('SADD', 'i', 512);
    expect(rig.encoding('i')).toBe('hashtable');
    rig.line('SADD a 1 2 x');
    expect(rig.encoding('a')).toBe('listpack');
    for (let i = 0; i < 128; i++) rig.run('SADD', 'b', i);
    rig.line('SADD b x');
    expect(rig.encoding('b')).toBe('hashtable');
    for (let i = 0; i < 127; i++) rig.run('SADD', 'c', i);
    rig.line('SADD c x');
    expect(rig.encoding('c')).toBe('listpack');
    rig.run('SADD', 'd', '1');
    rig.run('SADD', 'd', 'x'.repeat(65));
    expect(rig.encoding('d')).toBe('hashtable');
    rig.limits.setMaxListpackValue = 3;
    rig.line('SADD e 1234');
    rig.line('SADD e x');
    expect(rig.encoding('e')).toBe('hashtable');
    rig.check();
  });

  test('listpack leaves by number and by length', () => {
    const rig = new EngineRig();
    for (let i = 0; i < 128; i++) rig.run('SADD', 'a', `m${i}`);
    expect(rig.encoding('a')).toBe('listpack');
    rig.line('SADD a m1');
    expect(rig.encoding('a')).toBe('listpack');
    rig.line('SADD a m128');
    expect(rig.encoding('a')).toBe('hashtable');
    rig.run('SADD', 'b', 'x'.repeat(64));
    expect(rig.encoding('b')).toBe('listpack');
    rig.run('SADD', 'b', 'x'.repeat(65));
    expect(rig.encoding('b')).toBe('hashtable');
    rig.check();
  });

  test('the number of arguments of SADD decides at once', () => {
    const rig = new EngineRig();
    rig.run('SADD', 'a', ...Array.from({ length: 129 }, () => 'm'));
    expect(rig.encoding('a')).toBe('hashtable');
    rig.run('SADD', 'b', ...Array.from({ length: 513 }, () => '1'));
    expect(rig.encoding('b')).toBe('hashtable');
    rig.run('SADD', 'c', ...Array.from({ length: 512 }, () => '1'));
    expect(rig.encoding('c')).toBe('intset');
    rig.line('SADD d m');
    rig.run('SADD', 'd', ...Array.from({ length: 129 }, () => 'm'));
    expect(rig.encoding('d')).toBe('hashtable');
    rig.check();
  });

  test('of stored results', () => {
    const rig = new EngineRig();
    rig.line('SADD ints 1 2 3');
    rig.line('SADD more 2 3 4');
    rig.line('SADD words 2 3 x y');
    rig.run('SADD', 'large', '2', '3', 'x', 'y', 'l'.repeat(100));
    const stored = (line: string): string | null => {
      rig.line(line);
      return rig.encoding('t');
    };
    expect(stored('SUNIONSTORE t ints more')).toBe('intset');
    expect(stored('SUNIONSTORE t ints words')).toBe('listpack');
    expect(stored('SUNIONSTORE t ints large')).toBe('hashtable');
    expect(stored('SDIFFSTORE t words ints')).toBe('listpack');
    expect(stored('SINTERSTORE t words ints')).toBe('intset');
    expect(stored('SINTERSTORE t words large')).toBe('listpack');
    expect(stored('SINTERSTORE t large large')).toBe('hashtable');
    rig.line('SADD large2 2 3');
    rig.limits.setMaxListpackEntries = 0;
    rig.line('SADD large2 x');
    rig.limits.setMaxListpackEntries = 128;
    rig.line('SREM large2 x');
    expect(stored('SINTERSTORE t large2 large')).toBe('intset');
    // Both inputs are tables, the result is small.
    for (let n = 0; n < 200; n++) rig.line(`SADD many word${n}`);
    for (let n = 195; n < 400; n++) rig.line(`SADD manymore word${n}`);
    expect(rig.encoding('many')).toBe('hashtable');
    expect(stored('SINTERSTORE t many manymore')).toBe('listpack');
    rig.check();
  });
});

describe('large sets', () => {
  function large(n: number, seed = 3): EngineRig {
    const rig = new EngineRig(seed);
    for (let i = 0; i < n; i++) rig.run('SADD', 's', `member:${i}`);
    return rig;
  }

  test('SSCAN sees every member once while the set stays as it is', () => {
    const rig = large(3000);
    const seen: string[] = [];
    let cursor = '0';
    do {
      const [next, found] = rig.run('SSCAN', 's', cursor) as [string, string[]];
      seen.push(...found);
      cursor = next;
    } while (cursor !== '0');
    expect(seen.length).toBe(3000);
    expect(new Set(seen).size).toBe(3000);
  });

  test('SPOP takes what it replies, logs SREM, and DEL with the last', () => {
    const rig = large(2000);
    rig.effects();
    const popped = new Set<string>();
    for (const count of [1, 50, 700, 1200]) {
      const members = rig.run('SPOP', 's', count) as string[];
      expect(members.length).toBe(count);
      const { words } = rig.effects();
      expect(words.length).toBe(1);
      expect(words[0]!.slice(0, 2)).toEqual(['SREM', 's']);
      expect([...words[0]!.slice(2)].sort()).toEqual([...members].sort());
      for (const member of members) {
        expect(popped.has(member)).toBe(false);
        popped.add(member);
      }
      expect(rig.run('SCARD', 's')).toBe(2000 - popped.size);
      rig.check();
    }
    expect(rig.encoding('s')).toBe('listpack');
    const one = rig.run('SPOP', 's') as string;
    expect(rig.effects().words).toEqual([['SREM', 's', one]]);
    expect((rig.run('SPOP', 's', 100) as string[]).length).toBe(48);
    expect(rig.effects().words).toEqual([['DEL', 's']]);
    rig.check();
  });

  test('SPOP of the last member logs DEL', () => {
    const rig = new EngineRig();
    rig.line('SADD s 1');
    rig.effects();
    expect(rig.line('SPOP s')).toBe('1');
    expect(rig.effects().words).toEqual([['DEL', 's']]);
    rig.check();
  });

  test('SRANDMEMBER gives distinct members, or repeats', () => {
    const rig = large(1000);
    rig.line('SADD i 1 2 3 4 5 6 7 8');
    rig.line('SADD w a b c d e f g h');
    for (const key of ['s', 'i', 'w']) {
      const size = rig.run('SCARD', key) as number;
      for (const count of [1, 3, size / 2, size, size * 2]) {
        const members = rig.run('SRANDMEMBER', key, count) as string[];
        expect(members.length).toBe(Math.min(count, size));
        expect(new Set(members).size).toBe(members.length);
        for (const member of members) expect(rig.run('SISMEMBER', key, member)).toBe(1);
      }
      const times = new Map<string, number>();
      for (const member of rig.run('SRANDMEMBER', key, -size * 100) as string[]) times.set(member, (times.get(member) ?? 0) + 1);
      expect(times.size).toBe(size);
      expect(Math.min(...times.values())).toBeGreaterThan(50);
      for (let i = 0; i < 20; i++) expect(rig.run('SISMEMBER', key, rig.run('SRANDMEMBER', key) as string)).toBe(1);
    }
  });

  test('a set whose index is unevenly deep is freed in steps', () => {
    const rig = large(14400);
    const { keyspace, types } = rig.engine;
    rig.run('SET', 's', '1');
    expect(types.lazyFree.pending).toBe(1);
    let steps = 0;
    do {
      rig.check();
      keyspace.compactor.step(1000);
      steps++;
    } while (keyspace.lazyFreeStep(900));
    expect(steps).toBeGreaterThan(4);
    rig.check();
    expect(keyspace.arena.liveCells).toBe(rig.engine.keyspace.databases[0]!.size * 2 + 1);
  });

  test('algebra over large and small sets', () => {
    const rig = large(1500);
    for (let i = 1000; i < 2000; i++) rig.run('SADD', 'u', `member:${i}`);
    rig.line('SADD few member:1 member:1200 other');
    const numbered = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `member:${from + i}`).sort();
    expect(sorted(rig.line('SINTER s u'))).toEqual(numbered(1000, 1500));
    expect(sorted(rig.line('SUNION s u'))).toEqual(numbered(0, 2000));
    expect(sorted(rig.line('SDIFF s u'))).toEqual(numbered(0, 1000));
    expect(sorted(rig.line('SDIFF few s u'))).toEqual(['other']);
    // Small in front of large ones: Redis's second algorithm.
    expect((rig.line('SDIFF s few few few few few few few') as string[]).length).toBe(1498);
    expect(rig.line('SINTERCARD 3 s u few')).toBe(1);
    expect(rig.line('SINTERSTORE s s u')).toBe(500);
    expect(rig.line('SDIFFSTORE u u s')).toBe(500);
    rig.check();
    while (rig.engine.keyspace.lazyFreeStep(1000));
    rig.check();
  });
});

test('effects are what a replica needs', () => {
  const rig = new EngineRig();
  const effectsOf = (line: string): string[][] => {
    rig.line(line);
    return rig.effects().words;
  };
  expect(effectsOf('SADD s a b')).toEqual([['SADD', 's', 'a', 'b']]);
  expect(effectsOf('SADD s a b')).toEqual([]);
  expect(effectsOf('SREM s x')).toEqual([]);
  expect(effectsOf('SMOVE s t a')).toEqual([['SMOVE', 's', 't', 'a']]);
  expect(effectsOf('SMOVE s t a')).toEqual([]);
  expect(effectsOf('SUNIONSTORE u s t')).toEqual([['SUNIONSTORE', 'u', 's', 't']]);
  expect(effectsOf('SINTERSTORE no s missing')).toEqual([]);
  expect(effectsOf('SINTERSTORE u s missing')).toEqual([['SINTERSTORE', 'u', 's', 'missing']]);
  expect(effectsOf('SPOP s 0')).toEqual([]);
});

test('RESP3: sets', () => {
  const rig = new EngineRig(1, 3);
  rig.line('SADD s a');
  expect(rig.raw('SMEMBERS', 's')).toBe('~1\r\n$1\r\na\r\n');
  expect(rig.raw('SINTER', 's', 's')).toBe('~1\r\n$1\r\na\r\n');
  expect(rig.raw('SUNION', 's', 'no')).toBe('~1\r\n$1\r\na\r\n');
  expect(rig.raw('SPOP', 'no', '1')).toBe('~0\r\n');
  expect(rig.raw('SPOP', 's', '1')).toBe('~1\r\n$1\r\na\r\n');
  expect(rig.raw('SRANDMEMBER', 's', '1')).toBe('*0\r\n');
});
