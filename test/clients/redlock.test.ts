/** redlock as its users have it: one lock for many, over one server, over several that know nothing of each other, and over a shard. */
import { createRequire } from 'node:module';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { CLIENT_TARGETS } from '../support/client-targets.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';

interface Lock {
  readonly expiration: number;
  unlock(): Promise<void>;
  extend(ttlMs: number): Promise<Lock>;
}

/** What is used here of the library, which has no types of its own. */
interface Redlock {
  lock(resource: string, ttlMs: number): Promise<Lock>;
}

const RedlockOfLibrary = createRequire(import.meta.url)('redlock') as new (clients: Redis[], options: object) => Redlock;

const servers: HoldfastProcess[] = [];
const clients: Redis[] = [];

beforeAll(async () => {
  for (let i = 0; i < 3; i++) servers.push(await HoldfastProcess.start());
});
afterAll(() => Promise.all(servers.map((server) => server.remove())));
afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
});

function redlock(count: number, options: object): Redlock {
  return redlockAt(servers.slice(0, count), options);
}

function redlockAt(nodes: readonly { readonly port: number }[], options: object): Redlock {
  const connected = nodes.map(({ port }) => new Redis({ host: '127.0.0.1', port, maxRetriesPerRequest: 0, retryStrategy: () => 20 }));
  for (const client of connected) client.on('error', () => undefined);
  clients.push(...connected);
  return new RedlockOfLibrary(connected, options);
}

test('one holds the lock; another waits for it, and a stranger can neither extend nor release it', async () => {
  const ours = redlock(1, { retryCount: 0 });
  const theirs = redlock(1, { retryCount: -1, retryDelay: 10 });
  const lock = await ours.lock('door', 60_000);
  await expect(ours.lock('door', 60_000)).rejects.toThrow('attempts to lock the resource');
  const waiting = theirs.lock('door', 60_000);
  const longer = await lock.extend(120_000);
  expect(await clients[0]!.pttl('door')).toBeGreaterThan(100_000);
  await longer.unlock();
  const next = await waiting;
  await expect(longer.unlock()).rejects.toThrow();
  await expect(longer.extend(1000)).rejects.toThrow();
  await next.unlock();
  expect(await clients[0]!.exists('door')).toBe(0);
});

test('of many who increment a counter by reading and writing it, none loses an increment', async () => {
  const lock = redlock(3, { retryCount: -1, retryDelay: 5, retryJitter: 5 });
  const counter = clients[0]!;
  await Promise.all(Array.from({ length: 10 }, async () => {
    const held = await lock.lock('counter:lock', 60_000);
    await counter.set('counter', Number(await counter.get('counter')) + 1);
    await held.unlock();
  }));
  expect(await counter.get('counter')).toBe('10');
});

test('a lock at a shard is held on when the primary is killed, and released after', async () => {
  const shard = await CLIENT_TARGETS['three nodes, the primary killed in the middle']();
  try {
    const ours = redlockAt([shard], { retryCount: 0 });
    const theirs = redlockAt([shard], { retryCount: -1, retryDelay: 20 });
    const lock = await ours.lock('door', 60_000);
    const bringBack = await shard.killPrimary();
    await expect(ours.lock('door', 60_000)).rejects.toThrow('attempts to lock the resource');
    const waiting = theirs.lock('door', 60_000);
    const longer = await lock.extend(120_000);
    await longer.unlock();
    const next = await waiting;
    await bringBack();
    await expect(ours.lock('door', 60_000)).rejects.toThrow('attempts to lock the resource');
    await next.unlock();
  } finally {
    await shard.remove();
  }
});

test('a lock over three servers is had while two are there, and not with one', async () => {
  const lock = redlock(3, { retryCount: 0 });
  await servers[2]!.kill('SIGKILL');
  const held = await lock.lock('quorum', 60_000);
  await held.unlock();
  await servers[1]!.kill('SIGKILL');
  await expect(lock.lock('quorum', 60_000)).rejects.toThrow();
});
