/** When keys end: the commands, their effects, keys that are taken out when somebody looks, and those that are taken out anyway. */
import { describe, expect, test } from 'vitest';
import { EngineRig } from './engine-rig.ts';

const NOW = 1_700_000_000_000;

function given(...lines: string[]): EngineRig {
  const rig = new EngineRig();
  for (const line of lines) expect(String(rig.line(line)), line).not.toMatch(/^-ERR/);
  rig.effects();
  return rig;
}

function at(rig: EngineRig, ms: number): void {
  rig.engine.beginTurn(NOW + ms);
}

describe('EXPIRE and its kin', () => {
  test.each([
    ['EXPIRE k 100', NOW + 100_000], ['PEXPIRE k 1500', NOW + 1500], ['EXPIREAT k 1700000001', NOW + 1000], ['PEXPIREAT k 1700000000001', NOW + 1],
    ['EXPIRE k +7', '-ERR value is not an integer or out of range'],
    ['EXPIRE k 1.5', '-ERR value is not an integer or out of range'],
    ['EXPIRE k 9223372036854775807', "-ERR invalid expire time in 'expire' command"],
    ['EXPIRE k -9223372036854775808', "-ERR invalid expire time in 'expire' command"],
    ['PEXPIRE k 9223372036854775807', "-ERR invalid expire time in 'pexpire' command"],
    ['EXPIREAT k 9223372036854776', "-ERR invalid expire time in 'expireat' command"],
    ['EXPIRE k 10 XY', '-ERR Unsupported option XY'],
    ['EXPIRE k 10 NX XX', '-ERR NX and XX, GT or LT options at the same time are not compatible'],
    ['EXPIRE k 10 NX GT', '-ERR NX and XX, GT or LT options at the same time are not compatible'],
    ['EXPIRE k 10 GT LT', '-ERR GT and LT options at the same time are not compatible'],
  ])('%s', (line, expected) => {
    const rig = given('SET k v');
    const reply = rig.line(line);
    if (typeof expected === 'string') {
      expect(reply).toBe(expected);
      expect(rig.run('TTL', 'k')).toBe(-1);
      expect(rig.effects().words).toEqual([]);
    } else {
      expect(reply).toBe(1);
      expect(rig.run('PEXPIRETIME', 'k')).toBe(expected);
      expect(rig.effects().words).toEqual([['PEXPIREAT', 'k', String(expected)]]);
    }
  });

  // Conditions against a key without expiry, with an earlier one, with a later one: whether EXPIRE k 100 is done.
  test.each([
    ['', 1, 1, 1], ['NX', 1, 0, 0], ['XX', 0, 1, 1], ['GT', 0, 1, 0], ['LT', 1, 0, 1], ['XX GT', 0, 1, 0], ['XX LT', 0, 0, 1], ['gt xx', 0, 1, 0],
  ])('EXPIRE k 100 %s', (options, never, earlier, later) => {
    const line = `EXPIRE k 100 ${options}`.trim();
    for (const [before, expected] of [['PERSIST k', never], ['EXPIRE k 50', earlier], ['EXPIRE k 200', later]] as const) {
      const rig = given('SET k v', before);
      expect(rig.line(line), before).toBe(expected);
      expect(rig.effects().words).toEqual(expected === 1 ? [['PEXPIREAT', 'k', String(NOW + 100_000)]] : []);
      expect(rig.line(line.replace('k', 'missing'))).toBe(0);
    }
  });

  test.each(['EXPIRE k 0', 'EXPIRE k -5', 'PEXPIRE k 0', 'EXPIREAT k 1', 'PEXPIREAT k 1700000000000'])('%s deletes the key, and logs that', (line) => {
    const rig = given('SADD k a');
    expect(rig.line(line)).toBe(1);
    expect(rig.run('EXISTS', 'k')).toBe(0);
    expect(rig.effects().words).toEqual([['DEL', 'k']]);
    expect(rig.engine.keyspace.expiredKeys).toBe(0);
    rig.check();
  });

  test('GT against a past time leaves the key, LT takes it', () => {
    const rig = given('SET k v EX 100');
    expect(rig.line('PEXPIREAT k 5 GT')).toBe(0);
    expect(rig.line('EXPIRE k -1 LT')).toBe(1);
    expect(rig.run('EXISTS', 'k')).toBe(0);
  });
});

describe('TTL and its kin, PERSIST', () => {
  test('seconds are rounded to the nearest', () => {
    const rig = given('SET k v PX 1499', 'SET l v PX 1500', 'SET never v');
    const times = (key: string): unknown[] => ['TTL', 'PTTL', 'EXPIRETIME', 'PEXPIRETIME'].map((name) => rig.run(name, key));
    expect(times('k')).toEqual([1, 1499, 1700000001, NOW + 1499]);
    expect(times('l')).toEqual([2, 1500, 1700000002, NOW + 1500]);
    expect(times('never')).toEqual([-1, -1, -1, -1]);
    expect(times('missing')).toEqual([-2, -2, -2, -2]);
    at(rig, 1499);
    // Its time is now: it ends when this millisecond is over.
    expect(times('k').slice(0, 2)).toEqual([0, 0]);
    at(rig, 1500);
    expect(times('k')).toEqual([-2, -2, -2, -2]);
  });

  test('PERSIST logs itself if there was an expiry', () => {
    const rig = given('SET k v PX 100');
    expect([rig.run('PERSIST', 'k'), rig.run('PERSIST', 'k'), rig.run('PERSIST', 'missing')]).toEqual([1, 0, 0]);
    expect(rig.effects().words).toEqual([['PERSIST', 'k']]);
    at(rig, 200);
    expect(rig.run('GET', 'k')).toBe('v');
  });
});

describe('an expired key', () => {
  // Each command finds the key expired: it sees none, and the deletion is logged before what the command does itself.
  test.each<[string, unknown, string[]]>([
    ['GET k', null, []], ['EXISTS k', 0, []], ['TYPE k', 'none', []], ['STRLEN k', 0, []], ['TTL k', -2, []], ['OBJECT ENCODING k', null, []],
    ['DEL k', 0, []], ['PERSIST k', 0, []], ['EXPIRE k 100', 0, []], ['RENAME k l', '-ERR no such key', []], ['COPY k l', 0, []], ['MOVE k 1', 0, []],
    ['SETNX k 1', 1, ['SET k 1']], ['SET k 1 KEEPTTL', 'OK', ['SET k 1 KEEPTTL']], ['GETSET k 1', null, ['SET k 1']],
    ['APPEND k x', 1, ['APPEND k x']], ['INCR k', 1, ['INCR k']], ['SADD k a', 1, ['SADD k a']], ['RPUSH k a', 1, ['RPUSH k a']], ['LPUSHX k a', 0, []],
    ['RENAME other k', 'OK', ['RENAME other k']], ['RENAMENX other k', 1, ['RENAMENX other k']], ['COPY other k', 1, ['COPY other k']],
    ['KEYS k', [], []], ['SUNION k', [], []], ['DUMP k', null, []],
  ])('%s', (line, expected, effects) => {
    const rig = given('SET k old PX 10', 'SET other v');
    at(rig, 11);
    expect(rig.line(line)).toEqual(expected);
    expect(rig.effects().words.map((words) => words.join(' '))).toEqual(['DEL k', ...effects]);
    expect(rig.engine.keyspace.expiredKeys).toBe(1);
    rig.check();
  });

  test.each(['KEYS *', 'DBSIZE'])('%s leaves it where it is', (line) => {
    const rig = given('SET k old PX 10', 'SET other v');
    at(rig, 11);
    expect(rig.line(line)).toEqual(line === 'DBSIZE' ? 2 : ['other']);
    expect(rig.effects().words).toEqual([]);
  });

  test('SCAN takes it out', () => {
    const rig = given('SET k old PX 10', 'SET other v');
    at(rig, 11);
    expect(rig.line('SCAN 0 COUNT 100')).toEqual(['0', ['other']]);
    expect(rig.effects().words).toEqual([['DEL', 'k']]);
  });

  test('is still shown where the log is applied: its deletion comes as an effect', () => {
    const primary = given();
    const replica = new EngineRig(2);
    primary.line('SET k v PX 10');
    primary.line('SADD s a');
    primary.line('PEXPIRE s 10');
    replica.engine.beginTurn(NOW + 1000);
    replica.engine.applyEffects(primary.effects().block!);
    expect(replica.dump()).toEqual(primary.dump());
    at(primary, 11);
    primary.line('GET k');
    expect(primary.engine.keyspace.expireStep(10)).toBe(1);
    const { words, block } = primary.effects();
    expect(words).toEqual([['DEL', 'k'], ['DEL', 's']]);
    replica.engine.applyEffects(block!);
    expect(replica.dump()).toEqual(new Map());
    replica.check();
  });
});

describe('active expiry', () => {
  test('takes keys out in the order of their time, no more than asked for, in every database', () => {
    const rig = given();
    const { keyspace } = rig.engine;
    const order = Array.from({ length: 200 }, (_, n) => (n * 37) % 200);
    for (const n of order) {
      rig.session.db = n % 3;
      rig.run('SET', `k${n}`, n, 'PX', n + 1);
    }
    rig.effects();
    at(rig, 101);
    expect(keyspace.expireStep(30)).toBe(30);
    expect(rig.effects().words).toHaveLength(30);
    expect(keyspace.expireStep(1000)).toBe(70);
    expect(keyspace.expireStep(1000)).toBe(0);
    expect(keyspace.size).toBe(100);
    expect(keyspace.expiredKeys).toBe(100);
    at(rig, 150);
    keyspace.expireStep(1000);
    const gone = rig.effects().words.map(([, key]) => Number(key!.slice(1)));
    // By database, and in each by time.
    expect(gone.filter((n) => n > 99)).toEqual([...gone.filter((n) => n > 99)].sort((a, b) => (a % 3) - (b % 3) || a - b));
    rig.check();
  });

  test('follows expiries that change', () => {
    const rig = given('SET later v PX 10', 'SET sooner v PX 1000', 'SET never v PX 10', 'SET renamed v PX 10', 'SET replaced v PX 10');
    rig.line('PEXPIRE later 500');
    rig.line('PEXPIRE sooner 5');
    rig.line('PERSIST never');
    rig.line('RENAME renamed other');
    rig.line('SET replaced w');
    rig.effects();
    at(rig, 100);
    expect(rig.engine.keyspace.expireStep(100)).toBe(2);
    expect(rig.effects().words).toEqual([['DEL', 'sooner'], ['DEL', 'other']]);
    expect(new Set(rig.line('KEYS *') as string[])).toEqual(new Set(['later', 'never', 'replaced']));
    rig.check();
  });
});
