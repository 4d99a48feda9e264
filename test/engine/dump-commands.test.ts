/** DUMP and RESTORE: options, errors, effects, and that a damaged payload changes nothing. */
import { describe, expect, test } from 'vitest';
import { Crc64 } from '../../src/shared/rdb/crc64.ts';
import { RdbType } from '../../src/shared/rdb/rdb-types.ts';
import { latin1Bytes, latin1Slice } from '../../src/shared/request.ts';
import { SeededRandom } from '../protocol/seeded-random.ts';
import { EngineRig } from './engine-rig.ts';
import { contents } from './keyspace-contents.ts';
import { knows } from './random-data.ts';

const NOW_MS = 1_700_000_000_000;

/** A payload's bytes with version and checksum put behind. */
function payloadOf(bytes: string, version = 10): string {
  const out = latin1Bytes(`${bytes}${String.fromCharCode(version & 255, version >> 8)}\0\0\0\0\0\0\0\0`);
  const crc = new Crc64();
  crc.update(out, 0, out.length - 8);
  crc.write(out, out.length - 8);
  return latin1Slice(out, 0, out.length);
}

function rigWithData(): EngineRig {
  const rig = new EngineRig();
  rig.line('SET string value');
  rig.line('SET number 42');
  rig.run('SET', 'long', 'abc'.repeat(100));
  rig.line('HSET hash a 1 b 2');
  rig.line('SADD intset 1 2 70000');
  rig.line('SADD set a b c');
  if (knows(rig.engine, 'RPUSH')) rig.line('RPUSH list a b 1 2');
  if (knows(rig.engine, 'ZADD')) rig.line('ZADD zset 1 a 2.5 b');
  rig.effects();
  return rig;
}

const KEYS = [...contents(rigWithData().engine).keys()].map((name) => name.slice(2));

test('the bytes are those of Redis 7.0', () => {
  const rig = rigWithData();
  expect(rig.run('DUMP', 'number')).toBe(payloadOf('\0\xc0\x2a'));
  expect(rig.run('DUMP', 'string')).toBe(payloadOf('\0\x05value'));
  expect(rig.run('DUMP', 'none')).toBeNull();
});

test('effects: absolute, and equal at a replica whatever its clock', () => {
  const rig = rigWithData();
  const replica = new EngineRig(2);
  replica.engine.beginTurn(NOW_MS + 1e9);
  const payloads = KEYS.map((key) => rig.run('DUMP', key) as string);
  for (const [i, key] of KEYS.entries()) {
    expect(rig.run('RESTORE', `${key}2`, i % 2 === 0 ? 0 : 5000, payloads[i]!)).toBe('OK');
    expect(rig.run('RESTORE', 'replaced', 0, payloads[i]!, 'REPLACE')).toBe('OK');
  }
  expect(rig.run('RESTORE', 'idle', 0, payloads[0]!, 'IDLETIME', 7)).toBe('OK');
  const { words, block } = rig.effects();
  expect(words[0]).toEqual(['RESTORE', `${KEYS[0]!}2`, '0', payloads[0], 'REPLACE', 'ABSTTL']);
  expect(words[2]).toEqual(['RESTORE', `${KEYS[1]!}2`, String(NOW_MS + 5000), payloads[1], 'REPLACE', 'ABSTTL']);
  const before = rigWithData();
  before.engine.applyEffects(block!);
  expect(contents(before.engine)).toEqual(contents(rig.engine));
  replica.engine.applyEffects(block!);
  expect(contents(replica.engine).get(`0:${KEYS[1]!}2`)).toEqual(contents(rig.engine).get(`0:${KEYS[1]!}2`));
  rig.check();
  replica.check();
});

test('an expiry in the past removes what was there', () => {
  const rig = rigWithData();
  const payload = rig.run('DUMP', 'hash') as string;
  expect(rig.run('RESTORE', 'none', 5, payload, 'ABSTTL')).toBe('OK');
  expect(rig.effects().words).toEqual([]);
  expect(rig.run('RESTORE', 'string', 5, payload, 'ABSTTL', 'REPLACE')).toBe('OK');
  expect(rig.effects().words).toEqual([['DEL', 'string']]);
  expect(rig.run('GET', 'string')).toBeNull();
  expect(contents(rig.engine).size).toBe(KEYS.length - 1);
  rig.check();
});

describe('refused', () => {
  const refused: [string, string][] = [
    ['a set with a member twice', payloadOf(`${String.fromCharCode(RdbType.set)}\x02\x01a\x01a`)],
    ['an empty set', payloadOf(`${String.fromCharCode(RdbType.set)}\0`)],
    ['a hash cut short', payloadOf(`${String.fromCharCode(RdbType.hash)}\x02\x01a\x01b\x01c`)],
    ['a list of an empty listpack', payloadOf(`${String.fromCharCode(RdbType.listQuicklist2)}\x01\x02\x07\x07\0\0\0\0\0\xff`)],
    ['a stream', payloadOf(`${String.fromCharCode(RdbType.stream)}\x01`)],
    ['a string without bytes', payloadOf('\0\x05')],
    ['nothing', payloadOf('')],
  ];
  test.each(refused)('%s: nothing changes', (_name, payload) => {
    const rig = rigWithData();
    const before = contents(rig.engine);
    for (const options of [[], ['REPLACE'], ['REPLACE', 'ABSTTL']]) {
      expect(rig.run('RESTORE', options.length === 0 ? 'new' : 'hash', 5, payload, ...options)).toBe('-ERR Bad data format');
    }
    expect(contents(rig.engine)).toEqual(before);
    expect(rig.engine.takeEffects()).toBeNull();
    expect(rig.engine.lastWaitFor).toBe(0);
    rig.check();
  });

  test('versions', () => {
    const rig = new EngineRig();
    for (const [version, reply] of [[1, 'OK'], [12, 'OK'], [80, 'OK'], [13, '-'], [81, '-'], [0, '-'], [266, '-']] as const) {
      const wanted = reply === 'OK' ? 'OK' : '-ERR DUMP payload version or checksum are wrong';
      expect(rig.run('RESTORE', 'k', 0, payloadOf('\0\x01v', version), 'REPLACE'), String(version)).toBe(wanted);
    }
  });
});

test('payloads with any byte changed and the right checksum: restored whole or not at all', () => {
  const random = new SeededRandom();
  const rig = rigWithData();
  let restored = 0;
  for (const key of KEYS) {
    const payload = rig.run('DUMP', key) as string;
    const bytes = payload.slice(0, -10);
    for (let at = 0; at < bytes.length; at++) {
      const flipped = String.fromCharCode(bytes.charCodeAt(at) ^ (1 + random.below(255)));
      const reply = rig.run('RESTORE', 'target', 0, payloadOf(bytes.slice(0, at) + flipped + bytes.slice(at + 1)), 'REPLACE');
      if (reply === 'OK') restored++;
      else expect(reply, `seed ${random.seed}, ${key} byte ${at}`).toBe('-ERR Bad data format');
    }
    rig.effects();
    rig.check();
  }
  expect(restored).toBeGreaterThan(10);
  expect(contents(rig.engine).size).toBe(KEYS.length + 1);
});
