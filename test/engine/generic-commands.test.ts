/** Keys whatever their type, and databases as a whole: replies, effects, and what becomes of values and expiries. */
import { describe, expect, test } from 'vitest';
import { ClientRig } from './client-rig.ts';
import { debugRig } from './debug-rig.ts';
import { EngineRig } from './engine-rig.ts';

const SECOND = 1000;

/** A key of each type, with an expiry. */
function everyType(rig: EngineRig): string[] {
  rig.run('SET', 'string', 'v');
  rig.run('HSET', 'hash', 'f', 'v');
  rig.run('SADD', 'set', 'a', 'b');
  rig.run('SADD', 'ints', '1', '2');
  rig.run('RPUSH', 'list', 'a', 'b', 'c');
  rig.run('HSET', 'big', ...Array.from({ length: 1200 }, (_, n) => `n${n}`));
  const keys = ['string', 'hash', 'set', 'ints', 'list', 'big'];
  for (const key of keys) rig.run('PEXPIREAT', key, 1_800_000_000_000);
  rig.effects();
  return keys;
}

describe('DEL, UNLINK, EXISTS, TOUCH, TYPE', () => {
  test.each(['DEL', 'UNLINK'])('%s counts what was there, and logs itself once', (name) => {
    const rig = new EngineRig();
    const keys = everyType(rig);
    expect(rig.run(name, 'string', 'missing', 'string', ...keys.slice(1))).toBe(keys.length);
    expect(rig.effects().words).toEqual([[name, 'string', 'missing', 'string', ...keys.slice(1)]]);
    expect(rig.run('DBSIZE')).toBe(0);
    expect(rig.run(name, 'string')).toBe(0);
    expect(rig.effects().words).toEqual([]);
    rig.check();
  });

  test('EXISTS and TOUCH count a key as often as it is named', () => {
    const rig = new EngineRig();
    everyType(rig);
    for (const name of ['EXISTS', 'TOUCH']) expect(rig.run(name, 'string', 'string', 'hash', 'missing')).toBe(3);
    expect(rig.effects().words).toEqual([]);
  });

  test('TOUCH makes a key look used, EXISTS and TYPE do not', () => {
    const rig = new EngineRig();
    rig.run('SET', 'k', 'v');
    rig.engine.beginTurn(rig.engine.keyspace.nowMs + 100 * SECOND);
    rig.run('EXISTS', 'k');
    rig.run('TYPE', 'k');
    expect(rig.run('OBJECT', 'IDLETIME', 'k')).toBe(100);
    rig.run('TOUCH', 'k');
    expect(rig.run('OBJECT', 'IDLETIME', 'k')).toBe(0);
  });

  test('TYPE', () => {
    const rig = new EngineRig();
    everyType(rig);
    expect(['string', 'hash', 'set', 'ints', 'list', 'big', 'missing'].map((key) => rig.run('TYPE', key)))
      .toEqual(['string', 'hash', 'set', 'set', 'list', 'hash', 'none']);
  });
});

describe('RENAME and RENAMENX', () => {
  test('keep value, encoding and expiry of every type', () => {
    const rig = debugRig();
    const keys = everyType(rig);
    for (const key of keys) {
      const before = [rig.run('DEBUG', 'DIGEST-VALUE', key), rig.run('OBJECT', 'ENCODING', key)];
      expect(rig.run('RENAME', key, `{new}${key}`)).toBe('OK');
      expect([rig.run('DEBUG', 'DIGEST-VALUE', `{new}${key}`), rig.run('OBJECT', 'ENCODING', `{new}${key}`)]).toEqual(before);
      expect(rig.run('PEXPIRETIME', `{new}${key}`)).toBe(1_800_000_000_000);
      expect(rig.run('EXISTS', key)).toBe(0);
      rig.check();
    }
  });

  test('a string that APPEND made raw stays raw', () => {
    const rig = new EngineRig();
    rig.run('SET', 'k', '1');
    rig.run('APPEND', 'k', '2');
    expect(rig.run('OBJECT', 'ENCODING', 'k')).toBe('raw');
    rig.run('RENAME', 'k', 'l');
    expect(rig.run('OBJECT', 'ENCODING', 'l')).toBe('raw');
  });

  test('RENAME replaces the target, its expiry too; RENAMENX leaves it', () => {
    const rig = new EngineRig();
    everyType(rig);
    rig.run('SET', 'plain', '1');
    expect(rig.run('RENAMENX', 'plain', 'big')).toBe(0);
    expect(rig.run('HLEN', 'big')).toBe(600);
    rig.effects();
    expect(rig.run('RENAME', 'plain', 'big')).toBe('OK');
    expect(rig.effects().words).toEqual([['RENAME', 'plain', 'big']]);
    expect([rig.run('GET', 'big'), rig.run('TTL', 'big'), rig.run('EXISTS', 'plain')]).toEqual(['1', -1, 0]);
    expect(rig.run('RENAMENX', 'big', 'elsewhere')).toBe(1);
    rig.check();
  });

  test('of a key to itself, and of a missing one', () => {
    const rig = new EngineRig();
    rig.run('SET', 'k', 'v');
    rig.effects();
    expect(rig.run('RENAME', 'k', 'k')).toBe('OK');
    expect(rig.run('RENAMENX', 'k', 'k')).toBe(0);
    expect(rig.run('RENAME', 'missing', 'k')).toBe('-ERR no such key');
    expect(rig.run('RENAME', 'missing', 'missing')).toBe('-ERR no such key');
    expect(rig.run('RENAMENX', 'missing', 'k')).toBe('-ERR no such key');
    expect(rig.effects().words).toEqual([]);
  });
});

describe('COPY', () => {
  test('copies every type with encoding and expiry; the copy goes its own way', () => {
    const rig = debugRig();
    for (const key of everyType(rig)) {
      expect(rig.run('COPY', key, `{c}${key}`)).toBe(1);
      expect(rig.run('DEBUG', 'DIGEST-VALUE', `{c}${key}`)).toEqual(rig.run('DEBUG', 'DIGEST-VALUE', key));
      expect(rig.run('OBJECT', 'ENCODING', `{c}${key}`)).toBe(rig.run('OBJECT', 'ENCODING', key));
      expect(rig.run('PEXPIRETIME', `{c}${key}`)).toBe(1_800_000_000_000);
    }
    rig.run('HSET', '{c}big', 'other', '1');
    rig.run('RPUSH', '{c}list', 'd');
    expect([rig.run('HLEN', 'big'), rig.run('LLEN', 'list')]).toEqual([600, 3]);
    rig.check();
  });

  test('needs REPLACE to replace, and goes to another database with DB', () => {
    const rig = new EngineRig();
    everyType(rig);
    expect(rig.run('COPY', 'string', 'big')).toBe(0);
    expect(rig.effects().words).toEqual([]);
    expect(rig.run('COPY', 'string', 'big', 'REPLACE')).toBe(1);
    expect(rig.run('COPY', 'string', 'string', 'DB', '2')).toBe(1);
    expect(rig.run('COPY', 'string', 'string', 'DB', '2')).toBe(0);
    expect(rig.run('COPY', 'hash', 'string', 'db', '2', 'replace')).toBe(1);
    expect(rig.effects().words.map((words) => words.join(' '))).toEqual(['COPY string big REPLACE', 'COPY string string DB 2', 'COPY hash string db 2 replace']);
    rig.run('SELECT', 2);
    expect(rig.run('HGETALL', 'string')).toEqual(['f', 'v']);
    rig.check();
  });

  test.each([
    [['string', 'string'], '-ERR source and destination objects are the same'],
    [['string', 'string', 'DB', '0'], '-ERR source and destination objects are the same'],
    [['missing', 'missing'], '-ERR source and destination objects are the same'],
    [['string', 'x', 'DB'], '-ERR syntax error'],
    [['string', 'x', 'DB', '99'], '-ERR DB index is out of range'],
    [['string', 'x', 'DB', 'a'], '-ERR value is not an integer or out of range'],
    [['string', 'x', 'FOO'], '-ERR syntax error'],
    [['missing', 'x'], 0],
  ])('%j', (words, expected) => {
    const rig = new EngineRig();
    rig.run('SET', 'string', 'v');
    expect(rig.run('COPY', ...words)).toBe(expected);
    expect(rig.run('DBSIZE')).toBe(1);
  });
});

describe('MOVE', () => {
  test('moves every type with its expiry, unless the target has the key', () => {
    const rig = debugRig();
    const keys = everyType(rig);
    for (const key of keys) {
      const digest = rig.run('DEBUG', 'DIGEST-VALUE', key);
      expect(rig.run('MOVE', key, 1)).toBe(1);
      expect(rig.run('MOVE', key, 1)).toBe(0);
      rig.run('SET', key, 'other');
      expect(rig.run('MOVE', key, 1)).toBe(0);
      rig.run('SELECT', 1);
      expect(rig.run('DEBUG', 'DIGEST-VALUE', key)).toEqual(digest);
      expect(rig.run('PEXPIRETIME', key)).toBe(1_800_000_000_000);
      rig.run('SELECT', 0);
    }
    expect(rig.effects().words.filter(([name]) => name === 'MOVE')).toEqual(keys.map((key) => ['MOVE', key, '1']));
    rig.check();
  });

  test.each([
    ['0', '-ERR source and destination objects are the same'], ['99', '-ERR DB index is out of range'],
    ['-1', '-ERR DB index is out of range'], ['x', '-ERR value is not an integer or out of range'],
  ])('to %s', (db, expected) => {
    const rig = new EngineRig();
    rig.run('SET', 'k', 'v');
    expect(rig.run('MOVE', 'k', db)).toBe(expected);
    expect(rig.run('GET', 'k')).toBe('v');
  });
});

describe('RANDOMKEY and DBSIZE', () => {
  test('RANDOMKEY shows every key about equally often, and none of an empty database', () => {
    const rig = new EngineRig(7);
    expect(rig.run('RANDOMKEY')).toBeNull();
    const seen = new Map<string, number>();
    for (let n = 0; n < 50; n++) rig.run('SET', `k${n}`, n);
    for (let n = 0; n < 10_000; n++) {
      const key = rig.run('RANDOMKEY') as string;
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    expect(seen.size).toBe(50);
    // 200 expected; a deviation of 6 standard deviations does not happen.
    for (const [key, times] of seen) expect(Math.abs(times - 200), key).toBeLessThan(6 * Math.sqrt(200));
  });

  test('RANDOMKEY takes expired keys out, and logs that', () => {
    const rig = new EngineRig();
    for (let n = 0; n < 10; n++) rig.run('SET', `k${n}`, n, 'PX', 10);
    rig.run('SET', 'stays', '1');
    rig.effects();
    rig.engine.beginTurn(rig.engine.keyspace.nowMs + 11);
    expect(rig.run('DBSIZE')).toBe(11);
    expect(rig.run('RANDOMKEY')).toBe('stays');
    const deleted = rig.effects().words;
    expect(deleted.every(([name]) => name === 'DEL')).toBe(true);
    expect(rig.run('DBSIZE')).toBe(11 - deleted.length);
    rig.run('DEL', 'stays');
    expect(rig.run('RANDOMKEY')).toBeNull();
    expect(rig.run('DBSIZE')).toBe(0);
  });
});

describe('FLUSHDB, FLUSHALL and SWAPDB', () => {
  test.each([[[]], [['ASYNC']], [['sync']]])('FLUSHDB %j empties one database, and logs itself if there was anything', (mode) => {
    const rig = new EngineRig();
    everyType(rig);
    rig.run('SELECT', 1);
    rig.run('SET', 'k', 'v');
    rig.effects();
    rig.run('SELECT', 0);
    expect(rig.run('FLUSHDB', ...mode)).toBe('OK');
    expect(rig.effects().words).toEqual([['FLUSHDB', ...mode]]);
    expect(rig.run('FLUSHDB', ...mode)).toBe('OK');
    expect(rig.effects().words).toEqual([]);
    expect(rig.run('DBSIZE')).toBe(0);
    rig.check();
    rig.run('SELECT', 1);
    expect(rig.run('GET', 'k')).toBe('v');
    while (rig.engine.keyspace.lazyFreeStep(64));
    rig.check();
    // One entry, its database's root and its slot's index segment.
    expect(rig.engine.keyspace.arena.liveCells).toBe(3);
  });

  test('the keys of a flushed database are freed in steps, and new ones can be set meanwhile', () => {
    const rig = new EngineRig();
    const { keyspace } = rig.engine;
    rig.run('SELECT', 1);
    rig.run('SET', 'other', 'v');
    rig.run('SELECT', 0);
    for (let n = 0; n < 3000; n++) rig.run('SET', `k${n}`, 'v'.repeat(n % 50), 'PX', 100_000 + n);
    const before = keyspace.arena.liveCells;
    rig.run('FLUSHDB');
    expect(keyspace.arena.liveCells).toBe(before);
    for (let n = 0; n < 3000; n += 2) rig.run('SET', `k${n}`, 'new');
    let steps = 0;
    for (; keyspace.lazyFreeStep(100); steps++) {
      keyspace.compactor.step(100);
      if (steps % 5 === 0) rig.check();
    }
    expect(steps).toBeGreaterThan(20);
    expect(rig.run('DBSIZE')).toBe(1500);
    rig.check();
  });

  test('FLUSHALL empties all databases', () => {
    const rig = new EngineRig();
    everyType(rig);
    rig.run('MOVE', 'big', 3);
    rig.effects();
    expect(rig.run('FLUSHALL', 'ASYNC')).toBe('OK');
    expect(rig.effects().words).toEqual([['FLUSHALL', 'ASYNC']]);
    expect(rig.engine.keyspace.size).toBe(0);
    expect(rig.engine.keyspace.arena.liveCells).toBe(0);
    expect(rig.run('FLUSHALL')).toBe('OK');
    expect(rig.effects().words).toEqual([]);
  });

  test('keys of an emptied database count as freed aside, but for SYNC within a transaction', () => {
    const rig = new ClientRig();
    const client = rig.client();
    const { lazyFree } = rig.rig.engine.types;
    const freed = (...lines: string[]): number => {
      lazyFree.freed = 0;
      for (const line of ['SET a 1', 'SET b 2', ...lines]) client.line(line);
      return lazyFree.freed;
    };
    expect([freed('FLUSHALL'), freed('FLUSHDB ASYNC'), freed('MULTI', 'FLUSHALL', 'EXEC'), freed('MULTI', 'FLUSHDB ASYNC', 'EXEC')]).toEqual([2, 2, 0, 2]);
  });

  test.each(['FLUSHDB', 'FLUSHALL'])('%s refuses what it does not know', (name) => {
    const rig = new EngineRig();
    rig.run('SET', 'k', 'v');
    expect(rig.run(name, 'NOW')).toBe('-ERR syntax error');
    expect(rig.run(name, 'SYNC', 'SYNC')).toBe('-ERR syntax error');
    expect(rig.run('DBSIZE')).toBe(1);
  });

  test('SWAPDB exchanges keys and expiries', () => {
    const rig = new EngineRig();
    everyType(rig);
    expect(rig.run('SWAPDB', 0, 2)).toBe('OK');
    expect(rig.effects().words).toEqual([['SWAPDB', '0', '2']]);
    expect(rig.run('DBSIZE')).toBe(0);
    rig.run('SET', 'k', 'v');
    rig.run('SELECT', 2);
    expect([rig.run('DBSIZE'), rig.run('PEXPIRETIME', 'string')]).toEqual([6, 1_800_000_000_000]);
    rig.engine.beginTurn(1_900_000_000_000);
    rig.effects();
    expect(rig.engine.keyspace.expireStep(100)).toBe(6);
    expect(rig.run('DBSIZE')).toBe(0);
    expect(rig.run('SWAPDB', 2, 2)).toBe('OK');
    rig.check();
  });

  test.each([
    [['a', '1'], '-ERR invalid first DB index'], [['1', 'b'], '-ERR invalid second DB index'], [['a', 'b'], '-ERR invalid first DB index'],
    [['0', '99'], '-ERR DB index is out of range'], [['-1', '0'], '-ERR DB index is out of range'],
  ])('SWAPDB %j', (words, expected) => {
    expect(new EngineRig().run('SWAPDB', ...words)).toBe(expected);
  });

  test.each([['4', '-ERR DB index is out of range'], ['-1', '-ERR DB index is out of range'], ['x', '-ERR value is not an integer or out of range']])('SELECT %s', (db, expected) => {
    expect(new EngineRig().run('SELECT', db)).toBe(expected);
  });
});
