/**
 * Caches of clients at every member of a shard, while the primary dies and comes back: after a client has heard from its member
 * behind a write that was acknowledged, its cache has nothing older than that write, or nothing at all.
 */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PushClient } from '../support/push-client.ts';
import { ShardProcesses } from '../support/shard-processes.ts';

const KEYS = ['one', 'two', 'three', 'four'];

/** A client that answers from its cache what it can, as client libraries do it with RESP3. */
class CachingClient {
  readonly member: number;
  readonly cache = new Map<string, number>();
  hits = 0;
  invalidated = 0;
  emptied = 0;
  readonly #client: PushClient;

  private constructor(member: number, client: PushClient) {
    this.member = member;
    this.#client = client;
    client.onMessage = ([kind, keys]) => {
      if (kind !== 'invalidate') return;
      this.invalidated++;
      if (keys === null) {
        this.emptied++;
        this.cache.clear();
        this.#reading.clear();
      } else {
        for (const key of keys as string[]) {
          this.cache.delete(key);
          this.#reading.delete(key);
        }
      }
    };
  }

  /** Keys whose replies may be kept. */
  readonly #reading = new Set<string>();

  static async open(shard: ShardProcesses, member: number): Promise<CachingClient> {
    const client = await PushClient.connect(shard.nodes[member]!.port);
    await client.line('HELLO 3');
    expect(await client.line('CLIENT TRACKING ON')).toBe('OK');
    return new CachingClient(member, client);
  }

  async get(key: string): Promise<number> {
    const cached = this.cache.get(key);
    if (cached !== undefined) {
      this.hits++;
      return cached;
    }
    this.#reading.add(key);
    const value = Number(await this.#client.line(`GET ${key}`));
    if (this.#reading.delete(key)) this.cache.set(key, value);
    return value;
  }

  ping(): Promise<unknown> {
    return this.#client.line('PING');
  }

  get closed(): boolean {
    return this.#client.socket.destroyed;
  }

  close(): void {
    this.#client.close();
  }
}

let shard: ShardProcesses;
let caches: CachingClient[];
beforeEach(async () => {
  shard = await ShardProcesses.start(3);
  caches = [];
});
afterEach(async () => {
  for (const cache of caches) cache.close();
  await shard.remove();
});

/** Acknowledged values by key; each write is one more than the last. */
class Writer {
  readonly acknowledged = new Map(KEYS.map((key) => [key, 0]));
  #client: PushClient | null = null;
  #next = 1;

  async write(key: string): Promise<void> {
    for (;;) {
      const value = this.#next++;
      try {
        this.#client ??= await PushClient.connect(shard.nodes[await shard.primary()]!.port);
        const reply = await this.#client.line(`SET ${key} ${value}`);
        if (reply === 'OK') {
          this.acknowledged.set(key, value);
          return;
        }
      } catch {
        // In doubt: another value is written.
      }
      this.close();
    }
  }

  close(): void {
    this.#client?.close();
    this.#client = null;
  }
}

test('a cache at any member is never older than a write that was acknowledged before the member was heard', async () => {
  const writer = new Writer();
  for (const key of KEYS) await writer.write(key);
  caches = await Promise.all([0, 1, 2].map((i) => CachingClient.open(shard, i)));
  let checks = 0;

  const round = async (): Promise<void> => {
    const key = KEYS[checks % KEYS.length]!;
    for (const cache of caches) for (const each of KEYS) await cache.get(each);
    await writer.write(key);
    const known = new Map(writer.acknowledged);
    for (const cache of caches) {
      // A replica tells when it has applied: a read behind the write, through it, is behind what it had applied then. Others' keys too.
      await shard.digests();
      await cache.ping();
      for (const each of KEYS) expect(await cache.get(each), `${each} at member ${cache.member}`).toBeGreaterThanOrEqual(known.get(each)!);
      checks++;
    }
  };

  for (let i = 0; i < 6; i++) await round();
  const first = await shard.primary();
  await shard.nodes[first]!.kill('SIGKILL');
  caches = caches.filter((cache) => cache.member !== first);
  await shard.primary(first);
  for (let i = 0; i < 4; i++) await round();
  await shard.restart(first);
  caches.push(await CachingClient.open(shard, first));
  for (let i = 0; i < 4; i++) await round();
  writer.close();
  expect(caches.some(({ hits }) => hits > 20)).toBe(true);
  expect(caches.every(({ invalidated }) => invalidated > 3)).toBe(true);
});

test('a primary that hands over declares its clients\' caches empty, and they stay connected', async () => {
  const writer = new Writer();
  await writer.write('one');
  const first = await shard.primary();
  const cache = await CachingClient.open(shard, first);
  caches = [cache];
  await cache.get('one');
  const admin = await PushClient.connect(shard.nodes[first]!.port);
  expect(await admin.line('FAILOVER')).toBe('OK');
  admin.close();
  await shard.primary(first);
  while (cache.emptied === 0) await cache.ping();
  expect(cache.cache.size).toBe(0);
  writer.close();
  const later = new Writer();
  await later.write('one');
  await cache.get('one');
  await later.write('one');
  while (cache.cache.has('one')) await cache.ping();
  expect(cache.closed).toBe(false);
  later.close();
});
