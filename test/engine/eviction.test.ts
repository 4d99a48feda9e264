/** Making room: which keys each policy takes out, that the bound holds, what is logged, and what is known of a key's use. */
import { describe, expect, test } from 'vitest';
import { EvictionPool } from '../../src/engine/eviction/eviction-pool.ts';
import { type EvictionPolicy, Room } from '../../src/engine/eviction/eviction.ts';
import { AccessClock } from '../../src/engine/keyspace/access-clock.ts';
import { Bytes } from '../../src/engine/memory/entries.ts';
import { latin1Bytes } from '../../src/shared/request.ts';
import { debugRig } from './debug-rig.ts';
import { EngineRig, randomOf } from './engine-rig.ts';

const NOW = 1_700_000_000_000;
const KIB = 1024;
const POLICIES = ['allkeys-lru', 'allkeys-lfu', 'allkeys-random', 'volatile-lru', 'volatile-lfu', 'volatile-random', 'volatile-ttl'] as const;
const LFU_ON = 'ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.';
const LFU_OFF = 'ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.';

function limited(rig: EngineRig, policy: EvictionPolicy, bytesMore: number): void {
  const { eviction } = rig.engine;
  eviction.policy = policy;
  eviction.maxBytes = eviction.usedBytes + bytesMore;
}

/** As the server does: room first, then the command. */
function run(rig: EngineRig, ...words: (string | number)[]): unknown {
  rig.engine.eviction.makeRoom();
  return rig.run(...words);
}

describe('the bound', () => {
  test.each(POLICIES)('%s: holds under load of all types; replicas that are fed the effects agree', (policy) => {
    const rig = debugRig(7);
    const replica = debugRig(8);
    const random = randomOf(11);
    const { eviction, keyspace } = rig.engine;
    const pick = (n: number): number => Math.floor(random() * n);
    limited(rig, policy, 256 * KIB);
    for (let n = 0; n < 6000; n++) {
      const key = `k${pick(3000)}`;
      rig.engine.beginTurn(NOW + n * 100);
      eviction.makeRoom();
      // Each command takes less than a kilobyte, but for what an index needs when it grows.
      expect(eviction.usedBytes).toBeLessThan(eviction.maxBytes * 1.1);
      switch (pick(6)) {
        case 0: rig.run('HSET', key, `f${pick(9)}`, 'v'.repeat(pick(100))); break;
        case 1: rig.run('RPUSH', key, 'v'.repeat(pick(100))); break;
        case 2: rig.run('ZADD', key, pick(9), `m${pick(9)}`); break;
        case 3: rig.run('SADD', key, `m${pick(9)}`); break;
        default: rig.run('SET', key, 'v'.repeat(pick(500)), 'KEEPTTL'); break;
      }
      rig.run('EXPIRE', key, 10_000 + pick(1000), 'NX');
      if (n % 20 !== 0) continue;
      const { block } = rig.effects();
      replica.engine.beginTurn(NOW + n * 100);
      if (block !== null) replica.engine.applyEffects(block);
    }
    expect(keyspace.evictedKeys).toBeGreaterThan(100);
    expect(keyspace.size).toBeGreaterThan(100);
    const { block } = rig.effects();
    if (block !== null) replica.engine.applyEffects(block);
    expect(replica.line('DEBUG DIGEST')).toBe(rig.line('DEBUG DIGEST'));
    expect(replica.engine.keyspace.evictedKeys).toBe(0);
    rig.engine.types.check();
  });

  test.each(POLICIES.filter((policy) => policy.startsWith('volatile')))('%s: takes none of the keys without expiry, and then finds no room', (policy) => {
    const rig = new EngineRig();
    for (let n = 0; n < 500; n++) rig.run('SET', `stays${n}`, 'v'.repeat(100));
    for (let n = 0; n < 500; n++) rig.run('SET', `goes${n}`, 'v'.repeat(100), 'EX', 100 + n);
    const { eviction, keyspace } = rig.engine;
    eviction.policy = policy;
    eviction.maxBytes = eviction.usedBytes - 20 * KIB;
    expect(eviction.makeRoom()).toBe(Room.enough);
    expect(keyspace.databases[0]!.size - keyspace.databases[0]!.expires).toBe(500);
    expect(keyspace.evictedKeys).toBeGreaterThan(50);
    expect(keyspace.evictedKeys).toBeLessThan(400);
    eviction.maxBytes = 1;
    expect(eviction.makeRoom()).toBe(Room.none);
    expect(eviction.isFull).toBe(true);
    expect([keyspace.size, keyspace.evictedKeys]).toEqual([500, 500]);
    eviction.maxBytes = 0;
    expect(eviction.makeRoom()).toBe(Room.enough);
    expect(eviction.isFull).toBe(false);
  });

  test('noeviction takes nothing', () => {
    const rig = new EngineRig();
    rig.run('SET', 'k', 'v', 'EX', 100);
    rig.engine.eviction.maxBytes = 1;
    expect(rig.engine.makeRoom()).toBe(Room.none);
    expect(rig.run('GET', 'k')).toBe('v');
  });

  test('all databases give; what goes is logged as deleted, broken to who watches it, and counted', () => {
    const rig = new EngineRig();
    rig.line('SET a 1');
    rig.line('SELECT 2');
    rig.line('SET b 2');
    rig.line('WATCH b');
    rig.effects();
    rig.engine.eviction.policy = 'allkeys-random';
    rig.engine.eviction.maxBytes = 1;
    expect(rig.engine.makeRoom()).toBe(Room.none);
    expect(rig.effects().words).toEqual([['DEL', 'b'], ['DEL', 'a']]);
    expect(rig.engine.keyspace.evictedKeys).toBe(2);
    rig.line('MULTI');
    rig.line('PING');
    expect(rig.line('EXEC')).toBe(null);
  });

  test('a replica takes nothing, nor does who is held', () => {
    const rig = new EngineRig();
    rig.line('SET a 1');
    rig.effects();
    const { eviction } = rig.engine;
    eviction.policy = 'allkeys-lru';
    eviction.maxBytes = 1;
    rig.engine.setReplica(true);
    expect(eviction.makeRoom()).toBe(Room.enough);
    rig.engine.setReplica(false);
    eviction.isHeld = true;
    expect(eviction.makeRoom()).toBe(Room.enough);
    expect(rig.run('GET', 'a')).toBe('1');
    eviction.isHeld = false;
    expect(eviction.makeRoom()).toBe(Room.none);
    expect(rig.run('GET', 'a')).toBe(null);
  });

  test('what is being freed already counts as room to come', () => {
    const rig = new EngineRig();
    for (let n = 0; n < 5000; n++) rig.run('SADD', 'large', `member${n}`);
    rig.line('SET a 1');
    const { eviction, keyspace } = rig.engine;
    eviction.policy = 'allkeys-random';
    rig.line('UNLINK large');
    expect(keyspace.hasToFree).toBe(true);
    eviction.maxBytes = eviction.usedBytes - 50 * KIB;
    expect(eviction.makeRoom()).toBe(Room.enough);
    expect([keyspace.evictedKeys, keyspace.size]).toEqual([0, 1]);
  });

  test('a hash with fields that expire goes with their times', () => {
    const rig = new EngineRig();
    rig.line('HSET h f v');
    rig.line('HEXPIRE h 100 FIELDS 1 f');
    rig.engine.eviction.policy = 'allkeys-lfu';
    rig.engine.eviction.maxBytes = 1;
    rig.engine.makeRoom();
    expect(rig.engine.keyspace.size).toBe(0);
    rig.engine.types.check();
  });

  test('the time of one go is bounded; the time in excess is counted', () => {
    let us = 0;
    const rig = new EngineRig(1, 2, () => { us += 10; return us; });
    for (let n = 0; n < 1000; n++) rig.run('SET', `k${n}`, 'v'.repeat(100));
    const { eviction, keyspace } = rig.engine;
    eviction.policy = 'allkeys-random';
    eviction.sliceUs = 0;
    eviction.maxBytes = eviction.usedBytes - 50 * KIB;
    expect(eviction.makeRoom()).toBe(Room.underWay);
    expect([keyspace.evictedKeys, eviction.isFull]).toEqual([16, false]);
    expect(eviction.exceededNowUs).toBeGreaterThan(0);
    while (eviction.makeRoom() === Room.underWay);
    expect(eviction.usedBytes).toBeLessThanOrEqual(eviction.maxBytes);
    expect(eviction.exceededNowUs).toBe(0);
    expect(eviction.exceededUs).toBeGreaterThan(0);
  });
});

describe('which keys go', () => {
  /** 1,000 keys of one size, 100 of them in use while three times as many new ones come in their place. */
  function survivors(policy: EvictionPolicy): { readonly hot: number; readonly cold: number } {
    const rig = new EngineRig(3);
    const { eviction } = rig.engine;
    eviction.policy = policy;
    for (let n = 0; n < 1000; n++) rig.run('SET', `k${n}`, 'v'.repeat(100), 'EX', n < 100 ? 100_000 : 50_000 + n);
    eviction.maxBytes = eviction.usedBytes;
    for (let n = 0; n < 3000; n++) {
      rig.engine.beginTurn(NOW + n * 200);
      for (let use = 0; use < 3; use++) rig.run('GET', `k${(3 * n + use) % 100}`);
      run(rig, 'SET', `new${n}`, 'v'.repeat(100), 'EX', 50_000 + n);
    }
    const left = (from: number, to: number): number => Number(rig.run('EXISTS', ...Array.from({ length: to - from }, (_, n) => `k${from + n}`))) / (to - from);
    return { hot: left(0, 100), cold: left(100, 1000) };
  }

  test.each(['allkeys-lru', 'volatile-lru', 'allkeys-lfu', 'volatile-lfu'] as const)('%s keeps what is used', (policy) => {
    const { hot, cold } = survivors(policy);
    expect(hot).toBeGreaterThan(0.9);
    expect(cold).toBeLessThan(0.1);
  });

  test.each(['allkeys-random', 'volatile-random'] as const)('%s makes no difference', (policy) => {
    expect(survivors(policy).hot).toBeLessThan(0.3);
  });

  test('volatile-ttl takes what would end first, of all databases', () => {
    const rig = new EngineRig();
    for (const [db, key, seconds] of [[0, 'c', 30], [1, 'a', 10], [2, 'b', 20], [1, 'd', 40]] as const) {
      rig.run('SELECT', db);
      rig.run('SET', key, 'v', 'EX', seconds);
    }
    rig.effects();
    rig.engine.eviction.policy = 'volatile-ttl';
    rig.engine.eviction.maxBytes = 1;
    rig.engine.makeRoom();
    expect(rig.effects().words.map(([, key]) => key)).toEqual(['a', 'b', 'c', 'd']);
  });

  test('a key that lost its expiry after it was sampled stays', () => {
    const rig = new EngineRig();
    for (let n = 0; n < 20; n++) rig.run('SET', `k${n}`, 'v', 'EX', 100);
    const { eviction, keyspace } = rig.engine;
    eviction.policy = 'volatile-lru';
    eviction.maxBytes = eviction.usedBytes - 1;
    eviction.makeRoom();
    const left = keyspace.size;
    for (let n = 0; n < 20; n++) rig.run('PERSIST', `k${n}`);
    eviction.maxBytes = 1;
    expect(eviction.makeRoom()).toBe(Room.none);
    expect(keyspace.size).toBe(left);
  });
});

describe('the pool', () => {
  const nameOf = ({ buf, off, len }: Bytes): string => String.fromCharCode(...buf.subarray(off, off + len));

  test.each([1, 2, 3])('gives back the best 16 of all, best first (seed %d)', (seed) => {
    const random = randomOf(seed);
    const pool = new EvictionPool();
    const key = new Bytes();
    const offered: number[] = [];
    for (let n = 0; n < 200; n++) {
      const score = Math.floor(random() * 1000);
      const name = `${score}:`.padEnd(n % 7 === 0 ? 300 : 5, 'x');
      key.buf = latin1Bytes(name);
      key.len = name.length;
      pool.offer(score, score % 16, key);
      offered.push(score);
    }
    const best = offered.sort((a, b) => b - a).slice(0, 16);
    for (const score of best) {
      expect(pool.take()).toBe(true);
      expect(Number(nameOf(pool.key).split(':')[0])).toBe(score);
      expect(pool.db).toBe(score % 16);
    }
    expect(pool.take()).toBe(false);
  });
});

describe('what is known of use', () => {
  test('a count grows ever more slowly, and falls with time', () => {
    const clock = new AccessClock(randomOf(5));
    clock.isLfu = true;
    clock.setTime(NOW);
    let bits = clock.initial;
    expect(clock.frequency(bits)).toBe(5);
    const after: number[] = [];
    for (let n = 1; n <= 100_000; n++) {
      bits = clock.used(bits);
      if ([1, 100, 1000, 100_000].includes(n)) after.push(clock.frequency(bits));
    }
    // Of redis.conf's table for lfu-log-factor 10: 10 after 100 hits, 18 after 1,000, 142 after 100,000.
    expect(after[0]).toBe(6);
    expect(after[1]).toBeGreaterThan(7);
    expect(after[1]).toBeLessThan(14);
    expect(after[2]).toBeGreaterThan(13);
    expect(after[2]).toBeLessThan(24);
    expect(after[3]).toBeGreaterThan(120);
    expect(after[3]).toBeLessThan(165);
    clock.setTime(NOW + 60_000 * 100);
    expect(clock.frequency(bits)).toBe(after[3]! - 100);
    clock.lfuDecayMinutes = 10;
    expect(clock.frequency(bits)).toBe(after[3]! - 10);
    clock.lfuDecayMinutes = 0;
    expect(clock.frequency(bits)).toBe(after[3]);
  });

  test('a minute counter that has gone round counts once round', () => {
    const clock = new AccessClock(randomOf(5));
    clock.isLfu = true;
    clock.setTime(65_535 * 60_000);
    const bits = clock.frequencyBits(200);
    clock.setTime(65_538 * 60_000);
    expect(clock.frequency(bits)).toBe(198);
  });

  test('idle time is within what 24 bits tell', () => {
    const clock = new AccessClock(() => 0);
    clock.setTime(NOW);
    expect(clock.idleSeconds(clock.idleBits(77))).toBe(77);
    expect(clock.idleSeconds(clock.idleBits(1e9))).toBe(0xffffff);
  });

  test('OBJECT FREQ and IDLETIME go by the policy; RESTORE sets what the policy keeps', () => {
    const rig = new EngineRig();
    rig.line('SET k v');
    rig.engine.beginTurn(NOW + 42_000);
    expect(rig.line('OBJECT IDLETIME k')).toBe(42);
    expect(rig.line('OBJECT FREQ k')).toBe(`-${LFU_OFF}`);
    expect(rig.line('OBJECT FREQ none')).toBe(null);
    const payload = 'DUMP k';
    rig.run('RESTORE', 'r', 0, String(rig.line(payload)), 'IDLETIME', 1000);
    expect(rig.line('OBJECT IDLETIME r')).toBe(1000);
    rig.run('RESTORE', 'f', 0, String(rig.line(payload)), 'FREQ', 100);
    expect(rig.line('OBJECT IDLETIME f')).toBe(0);
    rig.engine.eviction.policy = 'volatile-lfu';
    rig.line('SET fresh v');
    expect(rig.line('OBJECT FREQ fresh')).toBe(5);
    expect(rig.line('OBJECT IDLETIME fresh')).toBe(`-${LFU_ON}`);
    expect(rig.line('OBJECT IDLETIME none')).toBe(null);
    rig.run('RESTORE', 'f', 0, String(rig.line(payload)), 'FREQ', 100, 'REPLACE');
    expect(rig.line('OBJECT FREQ f')).toBe(100);
    rig.run('RESTORE', 'g', 0, String(rig.line(payload)), 'IDLETIME', 100);
    expect(rig.line('OBJECT FREQ g')).toBe(5);
    // An overwritten key is still the key that was used.
    for (let n = 0; n < 3; n++) rig.run('SET', 'f', 'v'.repeat(100 * n));
    expect(rig.line('OBJECT FREQ f')).toBeGreaterThanOrEqual(100);
  });

  test('CLIENT NO-TOUCH leaves no trace, TOUCH does', () => {
    const rig = new EngineRig();
    rig.engine.eviction.policy = 'allkeys-lfu';
    rig.engine.keyspace.access.lfuLogFactor = 0;
    rig.line('SET k v');
    rig.line('GET k');
    expect(rig.line('OBJECT FREQ k')).toBe(6);
    rig.session.noTouch = true;
    rig.line('GET k');
    expect(rig.line('OBJECT FREQ k')).toBe(6);
    rig.line('TOUCH k');
    expect(rig.line('OBJECT FREQ k')).toBe(7);
  });

  test.each([['allkeys-lru', 'OBJECT IDLETIME'], ['allkeys-lfu', 'OBJECT FREQ']] as const)('%s: DEBUG RELOAD keeps it', (policy, question) => {
    const rig = debugRig();
    rig.engine.eviction.policy = policy;
    rig.line('SET s v');
    rig.line('SADD c a b');
    const dump = String(rig.line('DUMP s'));
    rig.run('RESTORE', 'r', 0, dump, ...(policy === 'allkeys-lru' ? ['IDLETIME', 500] : ['FREQ', 77]));
    rig.engine.beginTurn(NOW + 9000);
    rig.line('GET c');
    const before = ['s', 'c', 'r'].map((key) => rig.line(`${question} ${key}`));
    expect(before[2]).toBe(policy === 'allkeys-lru' ? 509 : 77);
    rig.line('DEBUG RELOAD');
    expect(['s', 'c', 'r'].map((key) => rig.line(`${question} ${key}`))).toEqual(before);
  });
});
