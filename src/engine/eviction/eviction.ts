/**
 * Making room: takes keys out, by the policy that is set, while more memory is used than may be (performEvictions in Redis).
 *
 * Only a primary evicts; what it takes out is logged as deleted, so that replicas agree. Owns the choice of keys. How much
 * else is in use besides the data, and when to try, its owner says.
 */
import type { Database } from '../keyspace/database.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { Address } from '../memory/arena.ts';
import { Bytes } from '../memory/entries.ts';
import { EvictionPool } from './eviction-pool.ts';

export type EvictionPolicy =
  | 'noeviction' | 'allkeys-lru' | 'allkeys-lfu' | 'allkeys-random' | 'volatile-lru' | 'volatile-lfu' | 'volatile-random' | 'volatile-ttl';

/** What making room came to. */
export const Room = {
  /** No more is in use than may be, or nothing may be done about it now. */
  enough: 0,
  /** The time was over first: there is more to take out. */
  underWay: 1,
  /** Too much is in use, and there is nothing to take out. */
  none: 2,
} as const;

/** Keys taken out between two looks at the clock. */
const KEYS_A_LOOK = 16;
/** Cells of what was given up that are freed at a time. */
const FREE_CELLS = 256;

export class Eviction {
  /** Bytes that may be in use; 0: no bound (maxmemory). */
  maxBytes = 0;
  /** Keys looked at for each that is taken out (maxmemory-samples). */
  samples = 5;
  /** Microseconds that one go may take (maxmemory-eviction-tenacity). */
  sliceUs = 500;
  /** Bytes in use besides the keyspace, told by the owner. */
  otherBytes = 0;
  /** Whether nothing may be taken out now (CLIENT PAUSE, a log that is behind). Then nothing counts as too much. */
  isHeld = false;
  /** Whether the last try found no room: commands that need memory are refused. */
  isFull = false;
  #policy: EvictionPolicy = 'noeviction';
  #nextDb = 0;
  /** Since when more is in use than may be, µs; -1: it is not. */
  #exceededSinceUs = -1;
  #exceededUs = 0;
  readonly #keyspace: Keyspace;
  readonly #random: () => number;
  readonly #clockUs: () => number;
  readonly #pool = new EvictionPool();
  readonly #refs: Address[] = [];
  readonly #key = new Bytes();

  /**
   * @param random numbers in [0, 1)
   * @param clockUs a monotonic clock in microseconds
   */
  constructor(keyspace: Keyspace, random: () => number, clockUs: () => number) {
    this.#keyspace = keyspace;
    this.#random = random;
    this.#clockUs = clockUs;
  }

  get policy(): EvictionPolicy {
    return this.#policy;
  }

  set policy(policy: EvictionPolicy) {
    if (policy === this.#policy) return;
    this.#policy = policy;
    this.#keyspace.access.isLfu = policy.endsWith('-lfu');
    // Scores of one policy mean nothing to another.
    this.#pool.clear();
  }

  /** Whether the policy goes by the time of the last use. */
  get isLru(): boolean {
    return this.#policy.endsWith('-lru');
  }

  /** Bytes in use, as far as they count against the bound. */
  get usedBytes(): number {
    return this.#keyspace.arena.liveBytes + this.#keyspace.hazards.tableBytes + this.otherBytes;
  }

  /** Microseconds during which more was in use than may be, until the last time that it was not. */
  get exceededUs(): number {
    return this.#exceededUs;
  }

  /** … and since then; 0 where it is not. */
  get exceededNowUs(): number {
    return this.#exceededSinceUs < 0 ? 0 : this.#clockUs() - this.#exceededSinceUs;
  }

  /** CONFIG RESETSTAT. */
  resetStatistics(): void {
    this.#exceededUs = 0;
    this.#exceededSinceUs = -1;
  }

  /** Takes keys out until no more is in use than may be. Only between commands. @returns a Room. */
  makeRoom(): number {
    let room: number = Room.enough;
    if (this.maxBytes !== 0 && !this.isHeld && !this.#keyspace.isReadOnly && this.usedBytes > this.maxBytes) room = this.#evict();
    this.isFull = room === Room.none;
    if (room !== Room.enough) {
      if (this.#exceededSinceUs < 0) this.#exceededSinceUs = this.#clockUs();
    } else if (this.#exceededSinceUs >= 0) {
      this.#exceededUs += this.exceededNowUs;
      this.#exceededSinceUs = -1;
    }
    return room;
  }

  #evict(): number {
    const endUs = this.#clockUs() + this.sliceUs;
    for (let n = 1; this.usedBytes > this.maxBytes; n++) {
      // What was given up already is on its way to be free: no key need go in its place.
      if (this.#keyspace.hasToFree) this.#keyspace.lazyFreeStep(FREE_CELLS);
      else if (!this.#evictOne()) return Room.none;
      if (n % KEYS_A_LOOK === 0 && this.#clockUs() >= endUs) return this.usedBytes > this.maxBytes ? Room.underWay : Room.enough;
    }
    return Room.enough;
  }

  // ---- Which key ----

  #evictOne(): boolean {
    switch (this.#policy) {
      case 'noeviction': return false;
      case 'allkeys-random':
      case 'volatile-random': return this.#evictRandom(this.#policy === 'volatile-random');
      case 'volatile-ttl': return this.#evictSoonest();
      default: return this.#evictBest(this.#policy.startsWith('volatile'));
    }
  }

  /** Databases take turns. */
  #evictRandom(isVolatile: boolean): boolean {
    const { databases, entries } = this.#keyspace;
    for (let n = 0; n < databases.length; n++) {
      this.#nextDb = (this.#nextDb + 1) % databases.length;
      const db = databases[this.#nextDb]!;
      const ref = isVolatile ? db.randomExpiring(this.#random) : db.random(this.#random);
      if (ref === 0) continue;
      entries.key(ref, this.#key);
      return db.evict(this.#key);
    }
    return false;
  }

  /** The key that would expire first: expiries are kept in order, so that nothing need be sampled. */
  #evictSoonest(): boolean {
    const { databases, entries } = this.#keyspace;
    let soonest: Database | null = null;
    let soonestAtMs = Infinity;
    for (const db of databases) {
      const ref = db.firstExpiring();
      if (ref === 0) continue;
      const expireAtMs = entries.expireAtMs(ref);
      if (expireAtMs >= soonestAtMs) continue;
      soonestAtMs = expireAtMs;
      soonest = db;
      entries.key(ref, this.#key);
    }
    return soonest !== null && soonest.evict(this.#key);
  }

  /** The best of the pool, into which each database gives some keys first. */
  #evictBest(isVolatile: boolean): boolean {
    const { databases, entries } = this.#keyspace;
    const pool = this.#pool;
    for (;;) {
      let keys = 0;
      for (const db of databases) {
        const size = isVolatile ? db.expires : db.size;
        if (size === 0) continue;
        keys += size;
        this.#sample(db, isVolatile, Math.min(this.samples, size));
      }
      if (keys === 0) return false;
      while (pool.take()) {
        const { key } = pool;
        const db = databases[pool.db]!;
        // It may have gone since it was sampled, or have lost its expiry.
        const ref = db.peekRaw(key.buf, key.off, key.len);
        if (ref !== 0 && (!isVolatile || entries.hasExpiry(ref))) return db.evict(key);
      }
    }
  }

  #sample(db: Database, isVolatile: boolean, count: number): void {
    const refs = this.#refs;
    refs.length = 0;
    if (isVolatile) for (let n = 0; n < count; n++) refs.push(db.randomExpiring(this.#random));
    else db.sample(this.#random, count, refs);
    const { access, entries } = this.#keyspace;
    for (const ref of refs) {
      const bits = entries.lru(ref);
      entries.key(ref, this.#key);
      this.#pool.offer(access.isLfu ? 255 - access.frequency(bits) : access.idleSeconds(bits), db.number, this.#key);
    }
  }
}
