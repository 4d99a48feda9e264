/** PFADD, PFCOUNT, PFMERGE, PFDEBUG, PFSELFTEST: the bytes and counts of redis-server, effects, and corrupted strings. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { hash64, murmurHash64A } from '../../src/shared/murmur-hash64.ts';
import { latin1Bytes } from '../../src/shared/request.ts';
import { SeededRandom } from '../protocol/seeded-random.ts';
import { debugRig } from './debug-rig.ts';
import { EngineRig } from './engine-rig.ts';
import type { Value } from './recording-reply.ts';
import { testSeed } from '../support/test-seed.ts';

const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value';
const NOT_HYPERLOGLOG = '-WRONGTYPE Key is not a valid HyperLogLog string value.';
const CORRUPTED = '-INVALIDOBJ Corrupted HLL object detected';
const HEADER = 'HYLL\x01\0\0\0';
const STALE = '\0\0\0\0\0\0\0\x80';

function addNumbered(rig: EngineRig, key: string, from: number, to: number): void {
  for (let n = from; n <= to; n += 500) {
    rig.run('PFADD', key, ...Array.from({ length: Math.min(500, to - n + 1) }, (_, i) => `element:${n + i}`));
  }
}

test('murmurHash64A beside a bigint version', () => {
  const M = 0xc6a4a7935bd1e995n;
  const mask = (x: bigint): bigint => BigInt.asUintN(64, x);
  const reference = (bytes: Uint8Array, seed: bigint): bigint => {
    let h = seed ^ mask(BigInt(bytes.length) * M);
    const whole = bytes.length & ~7;
    for (let at = 0; at < whole; at += 8) {
      let k = 0n;
      for (let i = 7; i >= 0; i--) k = (k << 8n) | BigInt(bytes[at + i]!);
      k = mask(k * M);
      k = mask((k ^ (k >> 47n)) * M);
      h = mask((h ^ k) * M);
    }
    if (whole < bytes.length) {
      for (let i = whole; i < bytes.length; i++) h ^= BigInt(bytes[i]!) << BigInt(8 * (i - whole));
      h = mask(h * M);
    }
    h = mask((h ^ (h >> 47n)) * M);
    return h ^ (h >> 47n);
  };
  const random = new SeededRandom(Number(process.env.HLL_SEED ?? 3));
  for (let n = 0; n < 2000; n++) {
    const bytes = Uint8Array.from({ length: random.below(40) }, () => random.pick([0, 255, random.below(256)]));
    murmurHash64A(bytes, 0, bytes.length, 0xadc83b19);
    expect((BigInt(hash64.high >>> 0) << 32n) | BigInt(hash64.low >>> 0)).toBe(reference(bytes, 0xadc83b19n));
  }
});

// Counts and SHA-1 sums of the values are redis-server's.
test.each([
  [1, 1, 'sparse', '668e4802c02d1503997b7346127563d810337bab'],
  [10, 10, 'sparse', '3fc900e8fd35ad9b1d2210b2507b27c6aa786e15'],
  [100, 99, 'sparse', 'f89fb1dc6ae5974825f15c10078818b4f38f82b1'],
  [1000, 997, 'sparse', '2c73c4c08fa151baed16fad1e6e9a8e975c92fc5'],
  [10_000, 10_017, 'dense', 'a0c8c4079ba40820c0c55937347d509c5d92de12'],
  [100_000, 100_039, 'dense', 'e507f947e25d1c9a795cc384f69a34f02468fd29'],
])('%d elements count %d', (elements, count, encoding, sum) => {
  const rig = new EngineRig();
  addNumbered(rig, 'h', 1, elements);
  expect(rig.line('PFCOUNT h')).toBe(count);
  expect(rig.line('PFCOUNT h')).toBe(count);
  expect(rig.line('PFCOUNT h no')).toBe(count);
  expect(rig.line('PFDEBUG ENCODING h')).toBe(encoding);
  expect(createHash('sha1').update(latin1Bytes(`${rig.line('GET h') as string}\n`)).digest('hex')).toBe(sum);
  rig.check();
});

function table(name: string, rows: readonly (readonly [string, Value])[]): void {
  test(name, () => {
    const rig = new EngineRig();
    rig.line('HSET hash f 1');
    rig.run('SET', 'text', 'HYLM\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff');
    rig.run('SET', 'short', 'HYLL');
    rig.run('SET', 'encoded', 'HYLL\x02\0\0\0\0\0\0\0\0\0\0\0\x7f\xff');
    rig.run('SET', 'dense', `HYLL\0\0\0\0${'\0'.repeat(8)}${'\0'.repeat(12_287)}`);
    for (const [line, reply] of rows) expect(rig.line(line), line).toEqual(reply);
    rig.check();
  });
}

table('PFADD', [
  ['PFADD h', 1],
  ['GET h', `${HEADER}${STALE}\x7f\xff`],
  ['PFADD h', 0],
  ['PFCOUNT h', 0],
  ['GET h', `${HEADER}${'\0'.repeat(8)}\x7f\xff`],
  ['PFADD h a b c', 1],
  ['PFADD h a b c', 0],
  ['PFCOUNT h', 3],
  ['PFADD hash x', WRONG_TYPE],
  ['PFADD text x', NOT_HYPERLOGLOG],
  ['PFADD short x', NOT_HYPERLOGLOG],
  ['PFADD encoded x', NOT_HYPERLOGLOG],
  ['PFADD dense x', NOT_HYPERLOGLOG],
]);

table('PFCOUNT and PFMERGE', [
  ['PFADD a 1 2 3', 1],
  ['PFADD b 3 4', 1],
  ['PFCOUNT a b', 4],
  ['PFCOUNT no', 0],
  ['PFCOUNT no no2', 0],
  ['PFMERGE r a b no', 'OK'],
  ['PFCOUNT r', 4],
  ['PFDEBUG ENCODING r', 'sparse'],
  ['PFMERGE empty', 'OK'],
  ['GET empty', `${HEADER}${STALE}\x7f\xff`],
  ['PFCOUNT a hash', WRONG_TYPE],
  ['PFCOUNT text', NOT_HYPERLOGLOG],
  ['PFMERGE a text', NOT_HYPERLOGLOG],
  ['PFMERGE text a', NOT_HYPERLOGLOG],
  ['PFMERGE hash a', WRONG_TYPE],
  ['PFDEBUG TODENSE b', 1],
  ['PFDEBUG TODENSE b', 0],
  ['PFDEBUG ENCODING b', 'dense'],
  ['PFCOUNT b', 2],
  ['PFMERGE a b', 'OK'],
  ['PFDEBUG ENCODING a', 'dense'],
  ['PFCOUNT a', 4],
]);

table('PFDEBUG', [
  ['PFADD h a', 1],
  ['PFDEBUG DECODE h', 'Z:12711 v:2,1 Z:3672'],
  ['PFDEBUG encoding h', 'sparse'],
  ['PFDEBUG FOO h', "-ERR Unknown PFDEBUG subcommand 'FOO'"],
  ['PFDEBUG ENCODING no', '-ERR The specified key does not exist'],
  ['PFDEBUG ENCODING text', NOT_HYPERLOGLOG],
  ['PFDEBUG ENCODING hash', WRONG_TYPE],
  ['PFDEBUG TODENSE h', 1],
  ['PFDEBUG DECODE h', '-ERR HLL encoding is not sparse'],
  ['PFSELFTEST', 'OK'],
]);

test('PFDEBUG GETREG shows all registers, and leaves a dense string', () => {
  const rig = new EngineRig();
  rig.line('PFADD h a');
  const registers = rig.line('PFDEBUG GETREG h') as number[];
  expect(registers.length).toBe(16384);
  expect(registers.map((value, i) => [i, value]).filter(([, value]) => value !== 0)).toEqual([[12711, 2]]);
  expect(rig.line('PFDEBUG ENCODING h')).toBe('dense');
});

test('a cached cardinality is what is told, however large', () => {
  const rig = new EngineRig();
  rig.run('SET', 'h', `${HEADER}\x00\x00\x00\x00\x00\x00\x00\x40\x7f\xff`);
  expect(rig.raw('PFCOUNT', 'h')).toBe(':4611686018427387904\r\n');
});

test('hll-sparse-max-bytes', () => {
  const rig = new EngineRig();
  rig.limits.hllSparseMaxBytes = 30;
  addNumbered(rig, 'h', 1, 3);
  expect(rig.line('PFDEBUG ENCODING h')).toBe('sparse');
  addNumbered(rig, 'h', 4, 20);
  expect(rig.line('PFDEBUG ENCODING h')).toBe('dense');
  expect(rig.line('PFCOUNT h')).toBe(20);
});

describe('effects', () => {
  test.each<[string, string[][]]>([
    ['PFADD new', [['PFADD', 'new']]],
    ['PFADD h a', []],
    ['PFADD h b c', [['PFADD', 'h', 'b', 'c']]],
    ['PFCOUNT h', [['PFCOUNT', 'h']]],
    ['PFCOUNT h no', []],
    ['PFCOUNT no', []],
    ['PFMERGE r h', [['PFMERGE', 'r', 'h']]],
    ['PFDEBUG TODENSE h', [['PFDEBUG', 'TODENSE', 'h']]],
    ['PFDEBUG GETREG h', [['PFDEBUG', 'TODENSE', 'h']]],
    ['PFDEBUG DECODE h', []],
  ])('%s', (line, effects) => {
    const rig = new EngineRig();
    rig.line('PFADD h a');
    rig.effects();
    rig.line(line);
    expect(rig.effects().words).toEqual(effects);
  });

  test('a cached count is neither changed nor logged', () => {
    const rig = new EngineRig();
    rig.line('PFADD h a');
    rig.line('PFCOUNT h');
    rig.effects();
    rig.line('PFCOUNT h');
    expect(rig.effects().words).toEqual([]);
  });

  test('a replica counts and changes nothing', () => {
    const rig = new EngineRig();
    rig.line('PFADD h a');
    const before = rig.line('GET h');
    rig.effects();
    rig.engine.setReplica(true);
    expect(rig.line('PFCOUNT h')).toBe(1);
    expect(rig.line('GET h')).toBe(before);
    expect(rig.effects().words).toEqual([]);
  });

  test('a replica with another bound has the same bytes', () => {
    const seed = Number(process.env.HLL_SEED ?? 17);
    const random = new SeededRandom(seed);
    const primary = debugRig(1);
    const replica = debugRig(2);
    replica.limits.hllSparseMaxBytes = 20;
    for (let turn = 0; turn < 120; turn++) {
      primary.limits.hllSparseMaxBytes = random.pick([0, 100, 700, 3000, 20_000]);
      for (let n = 0; n < 5; n++) {
        const key = (): string => `h${random.below(4)}`;
        const elements = Array.from({ length: random.below(60) }, () => random.below(5000));
        primary.run(...random.pick<(string | number)[]>([
          ['PFADD', key(), ...elements], ['PFADD', key(), ...elements], ['PFADD', key(), ...elements], ['PFCOUNT', key()],
          ['PFMERGE', key(), key(), key()], ['PFMERGE', 'r', key()], ['PFDEBUG', 'GETREG', key()], ['DEL', key()],
        ]));
      }
      const { block } = primary.effects();
      if (block !== null) replica.engine.applyEffects(block);
      expect(replica.line('DEBUG DIGEST'), `seed ${seed}, turn ${turn}`).toBe(primary.line('DEBUG DIGEST'));
    }
    primary.check();
    replica.check();
  });
});

describe('corrupted strings', () => {
  test.each<[string, string]>([
    ['too few registers', '\x7f\xfe'],
    ['too many registers', '\x7f\xff\x00'],
    ['too many values', '\x7f\xfe\x81'],
    ['a run cut off', '\x7f'],
    ['nothing', ''],
  ])('%s', (_, runs) => {
    const rig = new EngineRig();
    rig.run('SET', 'h', `${HEADER}${STALE}${runs}`);
    rig.line('PFADD ok a');
    expect(rig.line('PFCOUNT h')).toBe(CORRUPTED);
    expect(rig.line('PFCOUNT h ok')).toBe(CORRUPTED);
    expect(rig.line('PFMERGE r h')).toBe(CORRUPTED);
    expect(rig.line('PFMERGE h ok')).toBe(CORRUPTED);
    expect(rig.line('PFDEBUG TODENSE h')).toBe(CORRUPTED);
    expect(rig.line('EXISTS r')).toBe(0);
  });

  test('an element beyond the runs there are', () => {
    const rig = new EngineRig();
    rig.run('SET', 'h', `${HEADER}${STALE}\x3f`);
    expect(rig.line('PFADD h a')).toBe(CORRUPTED);
    expect(rig.line('GET h')).toBe(`${HEADER}${STALE}\x3f`);
  });

  test('random bytes never reach beyond the string', () => {
    const seed = testSeed('HLL_SEED');
    const random = new SeededRandom(seed);
    const rig = new EngineRig();
    const bytes = (n: number): string => String.fromCharCode(...Array.from({ length: n }, () => random.below(256)));
    for (let n = 0; n < 400; n++) {
      const length = random.pick([0, 1, 2, 30, 300, 12_288, 40_000]);
      rig.run('SET', 'h', `HYLL${random.pick(['\0', '\x01', '\x01', '\x02'])}${bytes(11)}${bytes(length)}`);
      rig.run('SET', 'behind', 'x'.repeat(length));
      for (const line of ['PFADD h a b c d e f g', 'PFCOUNT h', 'PFCOUNT h h', 'PFMERGE h h', 'PFMERGE r h', 'PFDEBUG DECODE h', 'PFDEBUG GETREG h', 'PFADD h h i j k l']) {
        const reply = rig.line(line);
        const answered = typeof reply !== 'string' || !reply.startsWith('-') || reply === CORRUPTED || reply === NOT_HYPERLOGLOG || reply.startsWith('-ERR HLL');
        expect(answered, `seed ${seed}: ${line}: ${String(reply)}`).toBe(true);
      }
      expect(rig.line('GET behind'), `seed ${seed}`).toBe('x'.repeat(length));
      rig.line('DEL r');
    }
    rig.check();
  });
});
