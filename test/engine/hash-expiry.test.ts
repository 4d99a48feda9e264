/** Fields of hashes that end by themselves: the commands, lazy and active expiry, what replicas see, files, and a model of it all. */
import { describe, expect, test } from 'vitest';
import { RdbSaver } from '../../src/engine/rdb/rdb-saver.ts';
import { reload } from '../../src/engine/rdb/reload.ts';
import { Crc64 } from '../../src/shared/rdb/crc64.ts';
import { RdbType } from '../../src/shared/rdb/rdb-types.ts';
import { RdbWriter } from '../../src/shared/rdb/rdb-writer.ts';
import { latin1Bytes, latin1Slice } from '../../src/shared/request.ts';
import { SeededRandom } from '../protocol/seeded-random.ts';
import { debugRig } from './debug-rig.ts';
import { EngineRig } from './engine-rig.ts';
import { contents } from './keyspace-contents.ts';
import type { Value } from './recording-reply.ts';
import { testSeed } from '../support/test-seed.ts';

const NOW = 1_700_000_000_000;
const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value';
const NOT_INTEGER = '-ERR value is not an integer or out of range';
const MISSING = '-ERR Mandatory argument FIELDS is missing or not at the right position';
const MISMATCH = '-ERR The `numfields` parameter must match the number of arguments';
const SYNTAX = '-ERR syntax error';

function table(name: string, rows: readonly (readonly [string, Value])[]): void {
  test(name, () => {
    const rig = debugRig();
    rig.line('HSET h a 1 b 2 c 3');
    rig.line('SET str x');
    for (const [line, reply] of rows) expect(rig.line(line), line).toEqual(reply);
    rig.check();
  });
}

function later(rig: EngineRig, ms: number): void {
  rig.engine.beginTurn(rig.engine.keyspace.nowMs + ms);
}

table('HEXPIRE and its kin', [
  ['HEXPIRE h 100 FIELDS 3 a no a', [1, -2, 1]],
  ['HTTL h FIELDS 3 a b no', [100, -1, -2]],
  ['HPTTL h FIELDS 1 a', [100_000]],
  ['HEXPIRETIME h FIELDS 1 a', [NOW / 1000 + 100]],
  ['HPEXPIRETIME h FIELDS 2 a b', [NOW + 100_000, -1]],
  ['HPEXPIRE h 1500 FIELDS 1 b', [1]],
  ['HTTL h FIELDS 1 b', [2]],
  ['HEXPIREAT h 2000000000 FIELDS 1 c', [1]],
  ['HPEXPIREAT h 2000000000001 FIELDS 1 c', [1]],
  ['HEXPIRETIME h FIELDS 1 c', [2_000_000_001]],
  ['HPERSIST h FIELDS 3 c b no', [1, 1, -2]],
  ['HPERSIST h FIELDS 1 c', [-1]],
  ['HEXPIRE no 100 FIELDS 2 a b', [-2, -2]],
  ['HTTL no FIELDS 1 a', [-2]],
  ['HPERSIST no FIELDS 1 a', [-2]],
  ['HEXPIRE h 50 NX FIELDS 2 a b', [0, 1]],
  ['HEXPIRE h 60 XX FIELDS 2 a c', [1, 0]],
  ['HEXPIRE h 50 GT FIELDS 2 a c', [0, 0]],
  ['HEXPIRE h 70 GT FIELDS 1 a', [1]],
  ['HEXPIRE h 80 LT FIELDS 2 a c', [0, 1]],
  ['HEXPIRE h 0 FIELDS 3 a a b', [2, -2, 2]],
  ['HGETALL h', ['c', '3']],
  ['HPEXPIREAT h 1 FIELDS 1 c', [2]],
  ['EXISTS h', 0],
  ['HEXPIRE str 1 FIELDS 1 a', WRONG_TYPE],
  ['HTTL str FIELDS 1 a', WRONG_TYPE],
  ['HPERSIST str FIELDS 1 a', WRONG_TYPE],
  ['HEXPIRE h x FIELDS 1 a', NOT_INTEGER],
  ['HEXPIRE h -1 FIELDS 1 a', '-ERR invalid expire time, must be >= 0'],
  ['HEXPIRE h 70368744178 FIELDS 1 a', "-ERR invalid expire time in 'hexpire' command"],
  ['HPEXPIRE h 9223372036854775807 FIELDS 1 a', "-ERR invalid expire time in 'hpexpire' command"],
  ['HEXPIRE h 1 FELDER 1 a', MISSING],
  ['HEXPIRE h 1 FIELDS 1', "-ERR wrong number of arguments for 'hexpire' command"],
  ['HEXPIRE h 1 NX 1 a', MISSING],
  ['HEXPIRE h 1 NX 1 a b', MISSING],
  ['HEXPIRE h 1 FIELDS 0 a', '-ERR Parameter `numFields` should be greater than 0'],
  ['HEXPIRE h 1 FIELDS x a', '-ERR Parameter `numFields` should be greater than 0'],
  ['HEXPIRE h 1 FIELDS 2 a', MISMATCH],
  ['HTTL h FIELDS 0 a', '-ERR Number of fields must be a positive integer'],
  ['HTTL h FIELDS 1 a b', MISMATCH],
  ['HPERSIST h FELDER 1 a', MISSING],
]);

table('HGETDEL, HGETEX, HSETEX', [
  ['HGETDEL h FIELDS 3 a no a', ['1', null, null]],
  ['HGETALL h', ['b', '2', 'c', '3']],
  ['HGETDEL no FIELDS 1 a', [null]],
  ['HGETEX h EX 100 FIELDS 2 b no', ['2', null]],
  ['HTTL h FIELDS 2 b c', [100, -1]],
  ['HGETEX h FIELDS 1 b', ['2']],
  ['HTTL h FIELDS 1 b', [100]],
  ['HGETEX h PERSIST FIELDS 1 b', ['2']],
  ['HTTL h FIELDS 1 b', [-1]],
  ['HGETEX h PXAT 1 FIELDS 1 b', ['2']],
  ['HEXISTS h b', 0],
  ['HGETEX h EX 0 FIELDS 1 c', "-ERR invalid expire time in 'hgetex' command"],
  ['HGETEX h EX 1 PX 1 FIELDS 1 c', SYNTAX],
  ['HGETEX h KEEPTTL FIELDS 1 c', SYNTAX],
  ['HGETEX str FIELDS 1 a', WRONG_TYPE],
  ['HGETDEL str FIELDS 1 a', WRONG_TYPE],
  ['HGETDEL h FIELDS 2 a', MISMATCH],
  ['HGETDEL h FIELDS 1 c', ['3']],
  ['EXISTS h', 0],
  ['HSETEX h FIELDS 2 a 1 b 2', 1],
  ['HSETEX h FNX FIELDS 2 b 3 c 3', 0],
  ['HSETEX h FXX FIELDS 2 b 3 c 3', 0],
  ['HSETEX h FNX EX 100 FIELDS 1 c 3', 1],
  ['HSETEX h FXX PX 5000 FIELDS 1 a 9', 1],
  ['HPTTL h FIELDS 3 a b c', [5000, -1, 100_000]],
  ['HSETEX h KEEPTTL FIELDS 1 a 8', 1],
  ['HPTTL h FIELDS 1 a', [5000]],
  ['HSETEX h FIELDS 1 a 7', 1],
  ['HPTTL h FIELDS 1 a', [-1]],
  ['HGET h a', '7'],
  ['HSETEX h EX 0 FIELDS 1 a 1', "-ERR invalid expire time in 'hsetex' command"],
  ['HSETEX h FNX FXX FIELDS 1 a 1', SYNTAX],
  ['HSETEX h FIELDS 1 a', "-ERR wrong number of arguments for 'hsetex' command"],
  ['HSETEX h FIELDS 2 a 1 b', MISMATCH],
  ['HSETEX h EX 10 a 1', SYNTAX],
  ['HSETEX str FIELDS 1 a 1', WRONG_TYPE],
]);

table('other commands leave or drop times', [
  ['HEXPIRE h 100 FIELDS 3 a b c', [1, 1, 1]],
  ['HSET h a 5', 0],
  ['HINCRBY h b 1', 3],
  ['HINCRBYFLOAT h c 0.5', '3.5'],
  ['HTTL h FIELDS 3 a b c', [-1, 100, 100]],
  ['HDEL h b', 1],
  ['HSET h b 1', 1],
  ['HTTL h FIELDS 1 b', [-1]],
  ['COPY h h2', 1],
  ['RENAME h h3', 'OK'],
  ['HTTL h2 FIELDS 2 a c', [-1, 100]],
  ['HTTL h3 FIELDS 2 a c', [-1, 100]],
  ['MOVE h3 1', 1],
  ['SELECT 1', 'OK'],
  ['HTTL h3 FIELDS 2 a c', [-1, 100]],
  ['SWAPDB 0 1', 'OK'],
  ['HTTL h2 FIELDS 1 c', [100]],
  ['EXPIRE h2 1000', 1],
  ['HTTL h2 FIELDS 1 c', [100]],
  ['SET h2 x', 'OK'],
  ['DEL h2', 1],
  ['HSET h2 c 1', 1],
  ['HTTL h2 FIELDS 1 c', [-1]],
  ['OBJECT ENCODING h2', 'listpack'],
  ['HEXPIRE h2 10 FIELDS 1 c', [1]],
  ['OBJECT ENCODING h2', 'listpackex'],
  ['HPERSIST h2 FIELDS 1 c', [1]],
  ['OBJECT ENCODING h2', 'listpack'],
  ['HEXPIRE h2 10 FIELDS 1 c', [1]],
  ['FLUSHDB', 'OK'],
  ['SELECT 0', 'OK'],
  ['HTTL h3 FIELDS 1 c', [100]],
  ['FLUSHALL', 'OK'],
  ['HSET h3 c 1', 1],
  ['HTTL h3 FIELDS 1 c', [-1]],
]);

test('a time that is past takes each of many fields once, whatever was named before', () => {
  const rig = debugRig();
  const names = Array.from({ length: 16_000 }, (_, i) => `f${i}`);
  rig.run('HSET', 'h', 'stays', 0, ...names.flatMap((name) => [name, 1]));
  const begunMs = performance.now();
  const replies = rig.run('HEXPIRE', 'h', 0, 'FIELDS', 2 * names.length, ...names, ...names);
  expect(performance.now() - begunMs).toBeLessThan(10_000);
  expect(replies).toEqual([...names.map(() => 2), ...names.map(() => -2)]);
  expect(rig.line('HGETALL h')).toEqual(['stays', '0']);
  rig.check();
});

test('MEMORY USAGE counts the times', () => {
  const rig = debugRig();
  rig.line('HSET h a 1');
  const before = rig.line('MEMORY USAGE h') as number;
  rig.line('HEXPIRE h 10 FIELDS 1 a');
  expect(rig.line('MEMORY USAGE h')).toBeGreaterThan(before);
});

describe('expiry', () => {
  test.each([10, 600])('fields that have ended are not there, and are logged as deleted: %d fields', (size) => {
    const rig = new EngineRig();
    const replica = debugRig(7);
    for (let i = 0; i < size; i++) rig.run('HSET', 'h', `f${i}`, i);
    for (let i = 0; i < size; i += 2) rig.run('HPEXPIRE', 'h', 10 + i, 'FIELDS', 1, `f${i}`);
    replica.engine.applyEffects(rig.effects().block!);
    later(rig, 14);
    expect(rig.line('HGET h f0')).toBe(null);
    const first = rig.effects();
    expect(first.words).toEqual([['HDEL', 'h', 'f0', 'f2']]);
    expect(rig.line('HLEN h')).toBe(size - 2);
    later(rig, 10_000);
    expect(rig.line('HLEN h')).toBe(size / 2);
    const { block } = rig.effects();
    rig.check();
    // The replica has them still, and shows them no more.
    replica.engine.setReplica(true);
    replica.engine.beginTurn(rig.engine.keyspace.nowMs);
    expect(replica.line('HLEN h')).toBe(size / 2);
    expect(replica.line('HGET h f0')).toBe(null);
    expect(replica.line('HEXISTS h f0')).toBe(0);
    expect(replica.line('HTTL h FIELDS 1 f0')).toEqual([-2]);
    expect((replica.line('HKEYS h') as string[]).sort()).toEqual((rig.line('HKEYS h') as string[]).sort());
    expect((replica.line('HGETALL h') as string[]).length).toBe(size);
    expect((replica.line('HRANDFIELD h 100000') as string[]).length).toBe(size / 2);
    expect((replica.line('HRANDFIELD h -50') as string[]).every((field) => Number(field.slice(1)) % 2 === 1)).toBe(true);
    expect(((replica.line('HSCAN h 0 COUNT 100000') as string[][])[1] as string[]).length).toBe(size);
    expect(replica.effects().words).toEqual([]);
    replica.engine.applyEffects(first.block!);
    replica.engine.applyEffects(block!);
    expect(contents(replica.engine)).toEqual(contents(rig.engine));
    replica.check();
  });

  test('with its last field a hash ends', () => {
    const rig = new EngineRig();
    rig.line('HSET h a 1 b 2');
    rig.line('HPEXPIRE h 10 FIELDS 2 a b');
    rig.effects();
    later(rig, 11);
    expect(rig.line('EXISTS h')).toBe(0);
    expect(rig.effects().words).toEqual([['HDEL', 'h', 'a', 'b']]);
    rig.check();
  });

  test('on a replica a hash without fields to be seen is not there', () => {
    const rig = new EngineRig();
    rig.line('HSET h a 1');
    rig.line('HPEXPIRE h 10 FIELDS 1 a');
    rig.effects();
    rig.engine.setReplica(true);
    later(rig, 11);
    expect(rig.line('EXISTS h')).toBe(0);
    expect(rig.line('HGETALL h')).toEqual([]);
    rig.engine.setReplica(false);
    expect(rig.line('EXISTS h')).toBe(0);
    expect(rig.effects().words).toEqual([['HDEL', 'h', 'a']]);
  });

  test('in the background, the first to end first, in portions', () => {
    const rig = new EngineRig();
    const { keyspace } = rig.engine;
    for (let i = 0; i < 20; i++) rig.run('HSET', `h${i % 4}`, `f${i}`, i);
    for (let i = 0; i < 20; i++) rig.run('HPEXPIRE', `h${i % 4}`, 100 + i, 'FIELDS', 1, `f${i}`);
    rig.effects();
    expect(keyspace.expireFieldsStep(100)).toBe(0);
    later(rig, 102);
    expect(keyspace.expireFieldsStep(1)).toBe(1);
    expect(rig.effects().words).toEqual([['HDEL', 'h0', 'f0']]);
    expect(keyspace.expireFieldsStep(100)).toBe(1);
    expect(rig.effects().words).toEqual([['HDEL', 'h1', 'f1']]);
    later(rig, 1000);
    let removed = 0;
    for (let n = keyspace.expireFieldsStep(7); n > 0; n = keyspace.expireFieldsStep(7)) {
      expect(n).toBeLessThanOrEqual(7);
      removed += n;
    }
    expect(removed).toBe(18);
    expect(rig.line('DBSIZE')).toBe(0);
    expect(keyspace.expiredFields).toBe(20);
    rig.check();
  });

  test('a watched hash that loses a field breaks the transaction', () => {
    const rig = new EngineRig();
    rig.line('HSET h a 1 b 2');
    rig.line('HPEXPIRE h 10 FIELDS 1 a');
    rig.line('WATCH h');
    later(rig, 11);
    rig.engine.keyspace.expireFieldsStep(10);
    rig.line('MULTI');
    rig.line('HLEN h');
    expect(rig.line('EXEC')).toBe(null);
  });
});

describe('effects', () => {
  test.each<[string, string[][]]>([
    ['HEXPIRE h 100 FIELDS 2 a no', [['HPEXPIREAT', 'h', String(NOW + 100_000), 'FIELDS', '1', 'a']]],
    ['HEXPIRE h 100 XX FIELDS 2 b ttl', [['HPEXPIREAT', 'h', String(NOW + 100_000), 'FIELDS', '1', 'ttl']]],
    ['HEXPIRE h 0 FIELDS 2 a no', [['HDEL', 'h', 'a']]],
    ['HEXPIRE h 100 FIELDS 1 no', []],
    ['HPERSIST h FIELDS 2 a ttl', [['HPERSIST', 'h', 'FIELDS', '1', 'ttl']]],
    ['HPERSIST h FIELDS 1 a', []],
    ['HGETDEL h FIELDS 2 a no', [['HDEL', 'h', 'a']]],
    ['HGETEX h FIELDS 1 a', []],
    ['HGETEX h PX 5 FIELDS 2 a no', [['HPEXPIREAT', 'h', String(NOW + 5), 'FIELDS', '1', 'a']]],
    ['HGETEX h PERSIST FIELDS 2 a ttl', [['HPERSIST', 'h', 'FIELDS', '1', 'ttl']]],
    ['HSETEX h FNX EX 1 FIELDS 1 n 1', [['HSETEX', 'h', 'PXAT', String(NOW + 1000), 'FIELDS', '1', 'n', '1']]],
    ['HSETEX h KEEPTTL FIELDS 1 ttl 1', [['HSETEX', 'h', 'KEEPTTL', 'FIELDS', '1', 'ttl', '1']]],
    ['HSETEX h FNX FIELDS 1 a 1', []],
    ['HINCRBYFLOAT h ttl 1', [['HSET', 'h', 'ttl', '6'], ['HPEXPIREAT', 'h', String(NOW + 9000), 'FIELDS', '1', 'ttl']]],
    ['HINCRBYFLOAT h a 1', [['HSET', 'h', 'a', '2']]],
    ['HTTL h FIELDS 1 ttl', []],
  ])('%s', (line, effects) => {
    const rig = debugRig(1);
    const replica = debugRig(2);
    rig.line('HSET h a 1 b 2 ttl 5');
    rig.line('HPEXPIRE h 9000 FIELDS 1 ttl');
    replica.engine.applyEffects(rig.effects().block!);
    rig.line(line);
    const { words, block } = rig.effects();
    expect(words).toEqual(effects);
    if (block !== null) replica.engine.applyEffects(block);
    expect(contents(replica.engine)).toEqual(contents(rig.engine));
    expect(replica.line('DEBUG DIGEST')).toBe(rig.line('DEBUG DIGEST'));
  });

  test('who applies the log keeps a field whose time is past by his clock', () => {
    const rig = new EngineRig();
    const replica = new EngineRig(2);
    rig.line('HSET h a 1 b 2');
    rig.line('HPEXPIRE h 10 FIELDS 1 a');
    replica.engine.beginTurn(NOW + 1_000_000);
    replica.engine.applyEffects(rig.effects().block!);
    expect(contents(replica.engine)).toEqual(contents(rig.engine));
  });
});

describe('files and payloads', () => {
  function filled(size: number): EngineRig {
    const rig = debugRig();
    for (let i = 0; i < size; i++) rig.run('HSET', 'h', `f${i}`, `v${i}`);
    for (let i = 0; i < size; i += 3) rig.run('HPEXPIREAT', 'h', NOW + 1_000_000 + i * 1_000_000_000, 'FIELDS', 1, `f${i}`);
    rig.line('HSET plain a 1');
    return rig;
  }

  /** The first bytes of a file with the engine's data. */
  function header(rig: EngineRig): string {
    const bytes: number[] = [];
    const writer = new RdbWriter({ sink: (piece) => bytes.push(...piece) });
    const saver = new RdbSaver(rig.engine, writer, { createdAtS: 0, usedMemoryBytes: 0 });
    while (saver.step(1000));
    return String.fromCharCode(...bytes.slice(0, 9));
  }

  /** A payload's bytes with version and checksum put behind. */
  function payloadOf(bytes: string): string {
    const out = latin1Bytes(`${bytes}\x0c\0\0\0\0\0\0\0\0\0`);
    const crc = new Crc64();
    crc.update(out, 0, out.length - 8);
    crc.write(out, out.length - 8);
    return latin1Slice(out, 0, out.length);
  }

  const int64 = (value: number): string => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigInt64(0, BigInt(value), true);
    return String.fromCharCode(...bytes);
  };

  /** A listpack with b, which ends, and a, which stays. */
  function listpack(endsAtMs: number): string {
    const entries = `\x81b\x02\x02\x01\xf4${int64(endsAtMs)}\x09\x81a\x02\x01\x01\x00\x01`;
    const total = 6 + entries.length + 1;
    return `${String.fromCharCode(total)}\0\0\0\x06\0${entries}\xff`;
  }

  test.each([5, 500])('a file has the times: %d fields', (size) => {
    const rig = filled(size);
    expect(header(rig)).toBe('REDIS0012');
    const before = contents(rig.engine);
    const digest = rig.line('DEBUG DIGEST');
    reload(rig.engine);
    expect(contents(rig.engine)).toEqual(before);
    expect(rig.line('DEBUG DIGEST')).toBe(digest);
    expect(rig.line('OBJECT ENCODING h')).toBe(size === 5 ? 'listpackex' : 'hashtable');
    rig.check();
  });

  test('a file without such fields is one that Redis 7.0 loads', () => {
    const rig = filled(5);
    rig.line('DEL h');
    expect(header(rig)).toBe('REDIS0010');
  });

  test('DUMP and RESTORE', () => {
    const rig = filled(5);
    const payload = rig.line('DUMP h') as string;
    expect(payload.charCodeAt(0)).toBe(RdbType.hashMetadata);
    expect(payload.charCodeAt(payload.length - 10)).toBe(12);
    expect(rig.run('RESTORE', 'h2', 0, payload)).toBe('OK');
    expect(rig.line('HPEXPIRETIME h2 FIELDS 5 f0 f1 f2 f3 f4')).toEqual([NOW + 1_000_000, -1, -1, NOW + 3_001_000_000, -1]);
    expect((rig.line('DUMP plain') as string).charCodeAt(0)).toBe(RdbType.hashListpack);
    rig.check();
  });

  const ENDS = NOW + 100_000;
  test.each<[string, string]>([
    ['small', `\x19${int64(ENDS)}${String.fromCharCode(listpack(ENDS).length)}${listpack(ENDS)}`],
    ['small, before 7.4 was released', `\x17${String.fromCharCode(listpack(ENDS).length)}${listpack(ENDS)}`],
    ['large', `\x18${int64(ENDS)}\x02\x01\x01b\x012\x00\x01a\x011`],
    ['large, before 7.4 was released', `\x16\x02\x81${int64(ENDS).split('').reverse().join('')}\x01b\x012\x00\x01a\x011`],
  ])('RESTORE of a hash as Redis writes it: %s', (_, body) => {
    const rig = debugRig();
    expect(rig.run('RESTORE', 'h', 0, payloadOf(body))).toBe('OK');
    expect((rig.line('HGETALL h') as string[]).sort()).toEqual(['1', '2', 'a', 'b']);
    expect(rig.line('HPEXPIRETIME h FIELDS 2 a b')).toEqual([-1, ENDS]);
    rig.check();
  });

  test.each<[string, string]>([
    ['a time that is none', `\x19${int64(ENDS)}\x0e\x0e\0\0\0\x03\0\x81b\x02\x02\x01\x81x\x02\xff`],
    ['a time beyond all that HPEXPIREAT takes', `\x18${int64(ENDS)}\x01\x81\0\0\x40\0\0\0\0\0\x01a\x011`],
    ['a field without time', `\x19${int64(ENDS)}\x0c\x0c\0\0\0\x02\0\x81b\x02\x02\x01\xff`],
    ['a time before all times', `\x18${int64(-5)}\x01\x01\x01b\x012`],
  ])('RESTORE refuses %s, and leaves nothing behind', (_, body) => {
    const rig = debugRig();
    expect(rig.run('RESTORE', 'h', 0, payloadOf(body))).toBe('-ERR Bad data format');
    expect(rig.line('DBSIZE')).toBe(0);
    rig.check();
  });
});

interface ModelField {
  value: string;
  endsAtMs: number;
}

test('random commands on a hash, beside a model', () => {
  const seed = testSeed('HASH_EXPIRY_SEED');
  const random = new SeededRandom(seed);
  const rig = debugRig(1);
  rig.limits.hashMaxListpackEntries = 8;
  const model = new Map<string, ModelField>();
  for (let turn = 0; turn < 3000; turn++) {
    later(rig, random.below(6));
    const now = rig.engine.keyspace.nowMs;
    const where = `seed ${seed}, turn ${turn}`;
    for (const [name, { endsAtMs }] of model) if (endsAtMs < now) model.delete(name);
    const field = `f${random.below(14)}`;
    const entry = model.get(field);
    const ms = random.below(60);
    switch (random.below(8)) {
      case 0:
        rig.run('HSET', 'h', field, turn);
        model.set(field, { value: String(turn), endsAtMs: Infinity });
        break;
      case 1: case 2:
        expect(rig.run('HPEXPIRE', 'h', ms, 'FIELDS', 1, field), where).toEqual([entry === undefined ? -2 : ms === 0 ? 2 : 1]);
        if (entry !== undefined) entry.endsAtMs = now + ms;
        if (ms === 0) model.delete(field);
        break;
      case 3:
        expect(rig.run('HGETDEL', 'h', 'FIELDS', 1, field), where).toEqual([entry?.value ?? null]);
        model.delete(field);
        break;
      case 4:
        rig.engine.keyspace.expireFieldsStep(3);
        break;
      case 5:
        rig.run('HSETEX', 'h', 'PX', 30, 'FIELDS', 1, field, 'x');
        model.set(field, { value: 'x', endsAtMs: now + 30 });
        break;
      case 6:
        expect(rig.run('HGETEX', 'h', 'PX', 40, 'FIELDS', 1, field), where).toEqual([entry?.value ?? null]);
        if (entry !== undefined) entry.endsAtMs = now + 40;
        break;
      default:
        expect(rig.run('HPERSIST', 'h', 'FIELDS', 1, field), where).toEqual([entry === undefined ? -2 : entry.endsAtMs === Infinity ? -1 : 1]);
        if (entry !== undefined) entry.endsAtMs = Infinity;
    }
    const all = rig.run('HGETALL', 'h') as string[];
    expect(all.length / 2, where).toBe(model.size);
    for (let i = 0; i < all.length; i += 2) {
      const { value, endsAtMs } = model.get(all[i]!)!;
      expect(all[i + 1], where).toBe(value);
      expect(rig.run('HPEXPIRETIME', 'h', 'FIELDS', 1, all[i]!), where).toEqual([endsAtMs === Infinity ? -1 : endsAtMs]);
    }
    if (turn % 100 === 0) rig.check();
  }
});

test('a replica, and what comes back from a file, are what the primary is', () => {
  const seed = testSeed('HASH_EXPIRY_SEED');
  const random = new SeededRandom(seed);
  const rig = debugRig(1);
  const replica = debugRig(2);
  rig.limits.hashMaxListpackEntries = 8;
  for (let turn = 0; turn < 1200; turn++) {
    later(rig, random.below(6));
    const key = (): string => `h${random.below(4)}`;
    const field = (): string => `f${random.below(14)}`;
    const ms = random.below(80);
    rig.run(...random.pick<() => (string | number)[]>([
      () => ['HSET', key(), field(), turn, field(), 'x'],
      () => ['HSET', key(), field(), 'y'.repeat(random.pick([3, 70]))],
      () => ['HPEXPIRE', key(), ms, ...random.pick([[], ['NX'], ['GT']]), 'FIELDS', 2, field(), field()],
      () => ['HPEXPIREAT', key(), NOW + 1e9, 'FIELDS', 1, field()],
      () => ['HSETEX', key(), 'PX', 30, 'FIELDS', 1, field(), 'z'],
      () => ['HGETEX', key(), 'PX', 20, 'FIELDS', 1, field()],
      () => ['HGETDEL', key(), 'FIELDS', 2, field(), field()],
      () => ['HPERSIST', key(), 'FIELDS', 1, field()],
      () => ['HDEL', key(), field()],
      () => ['HINCRBYFLOAT', key(), 'number', '0.5'],
      () => ['COPY', key(), key(), 'REPLACE'],
      () => ['RENAME', key(), key()],
      () => ['MOVE', key(), 1],
      () => ['SWAPDB', 0, 1],
      () => ['SET', key(), 'x'],
      () => ['DEL', key()],
      () => ['PEXPIRE', key(), ms],
      () => ['EXISTS', key()],
      () => random.below(20) === 0 ? ['FLUSHDB'] : ['HLEN', key()],
      () => random.below(20) === 0 ? ['DEBUG', 'RELOAD'] : ['HLEN', key()],
    ])());
    if (random.below(3) === 0) rig.engine.keyspace.expireFieldsStep(2);
    const { block } = rig.effects();
    if (block !== null) replica.engine.applyEffects(block);
    if (turn % 20 !== 0) continue;
    expect(contents(replica.engine), `seed ${seed}, turn ${turn}`).toEqual(contents(rig.engine));
    rig.check();
    replica.check();
  }
});

test('FLUSHDB of a database whose hashes had such fields, and lost them by FLUSHALL', () => {
  const rig = new EngineRig();
  for (const line of ['HSET h f v', 'HEXPIRE h 100 FIELDS 1 f', 'FLUSHALL', 'SET a 1', 'SELECT 1', 'SET b 2', 'SELECT 0', 'FLUSHDB']) rig.line(line);
  while (rig.engine.keyspace.lazyFreeStep(64));
  rig.engine.types.check();
  expect(rig.engine.keyspace.size).toBe(1);
});
