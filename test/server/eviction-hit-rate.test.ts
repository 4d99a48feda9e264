/**
 * How often a cache finds what it is asked for, beside redis-server's with the same policy. Both may keep as many keys as
 * they had when the bound was set: what is compared is the choice of keys, not the bytes for each.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TestClient } from '../support/holdfast-process.ts';
import { RedisProcess, redisServerMissing } from '../support/redis-process.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { ServerRig } from './server-rig.ts';

const KEYS = 12_000;
const KEPT = 3000;
const READS = Number(process.env.HIT_RATE_READS ?? 20_000);
const BATCH = 500;
/** The LRU clock ticks once a second: it has to come into play. */
const RUN_MS_MIN = 3000;
const VALUE = 'v'.repeat(1000);

/** Ranks 0..KEYS-1 by Zipf's law with exponent 1. */
function zipf(random: () => number): () => number {
  const sums: number[] = [];
  let sum = 0;
  for (let rank = 1; rank <= KEYS; rank++) sums.push(sum += 1 / rank);
  return () => {
    const at = random() * sum;
    let low = 0;
    for (let high = KEYS - 1; low < high;) {
      const middle = (low + high) >> 1;
      if (sums[middle]! < at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** The part of all reads that a cache finds which keeps the `kept` keys that are read most. */
function bestRate(kept: number): number {
  let found = 0;
  let sum = 0;
  for (let rank = 1; rank <= KEYS; rank++) {
    sum += 1 / rank;
    if (rank <= kept) found += 1 / rank;
  }
  return found / sum;
}

class Cache {
  hits = 0;
  #bound = 0;
  readonly #client: TestClient;

  constructor(client: TestClient) {
    this.#client = client;
  }

  /** As many keys as are to be kept, and a bound where that leaves it. */
  async fill(policy: string): Promise<void> {
    await Promise.all(Array.from({ length: KEPT }, (_, n) => this.#client.send('SET', `key:${KEYS - 1 - n}`, VALUE, 'EX', 100_000)));
    const used = /used_memory:(\d+)/.exec(await this.#client.send('INFO', 'memory'))![1]!;
    this.#bound = Number(used);
    await this.#client.send('CONFIG', 'SET', 'maxmemory-policy', policy, 'maxmemory', used);
  }

  /** Corrects the bound for what is in use besides keys, and begins to count anew. */
  async adjust(): Promise<void> {
    this.#bound = Math.floor((this.#bound * KEPT) / await this.size());
    await this.#client.send('CONFIG', 'SET', 'maxmemory', this.#bound);
    this.hits = 0;
  }

  /** Reads keys, and sets those that are not there. */
  async read(keys: readonly string[]): Promise<void> {
    const values = await Promise.all(keys.map((key) => this.#client.send('GET', key)));
    const missing = keys.filter((_, i) => values[i] === '$-1');
    this.hits += keys.length - missing.length;
    await Promise.all(missing.map((key) => this.#client.send('SET', key, VALUE, 'EX', 100_000)));
  }

  async size(): Promise<number> {
    return Number((await this.#client.send('DBSIZE')).slice(1));
  }
}

describe.skipIf(redisServerMissing)('hit rates', () => {
  let rig: ServerRig;
  let redis: RedisProcess;
  let oracle: TestClient;

  beforeEach(async () => {
    rig = await ServerRig.start();
    redis = await RedisProcess.start();
    oracle = await TestClient.connect(redis.port);
  });
  afterEach(async () => {
    oracle.close();
    await redis.stop();
    await rig.stop();
  });

  test.each(['allkeys-lru', 'volatile-lfu', 'allkeys-lfu', 'allkeys-random'])('%s', async (policy) => {
    const ours = new Cache(await rig.connect());
    const theirs = new Cache(oracle);
    const caches = [ours, theirs];
    for (const cache of caches) await cache.fill(policy);
    const next = zipf(new SeededRandom(17).next);
    const batch = async (): Promise<void> => {
      const keys = Array.from({ length: BATCH }, () => `key:${next()}`);
      for (const cache of caches) await cache.read(keys);
    };
    for (let warming = 0; warming < READS / 5; warming += BATCH) await batch();
    for (const cache of caches) await cache.adjust();
    let reads = 0;
    for (const endMs = Date.now() + RUN_MS_MIN; reads < READS || Date.now() < endMs; reads += BATCH) await batch();
    const rate = (cache: Cache): number => cache.hits / reads;
    const [kept, keptThere] = [await ours.size(), await theirs.size()];
    const report = `${policy}: ${(100 * rate(ours)).toFixed(1)} % of ${reads} reads found with ${kept} keys; redis-server ${(100 * rate(theirs)).toFixed(1)} % with ${keptThere}`;
    // redis-server counts what its clients' buffers take, which differs from moment to moment: its keys become more or less by a tenth.
    expect(kept / keptThere, report).toBeGreaterThan(0.8);
    expect(kept / keptThere, report).toBeLessThan(1.25);
    expect(rate(ours), report).toBeGreaterThan(rate(theirs) * (bestRate(kept) / bestRate(keptThere)) * 0.97);
    // And something was to be gained.
    expect(rate(theirs), report).toBeGreaterThan(0.4);
  }, 60_000);
});
