/** Clients that know Sentinels, and one that knows nothing, through a failover of a shard of three. */
import { Redis } from 'ioredis';
import { createSentinel } from 'redis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ShardProcesses } from '../support/shard-processes.ts';

let shard: ShardProcesses;

beforeEach(async () => {
  shard = await ShardProcesses.start(3);
});
afterEach(() => shard.remove());

const addresses = (): { host: string; port: number }[] => shard.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));

/** Counts until each of `rounds` writes was acknowledged, the primary killed in the middle; returns what the counter must be at least. */
async function countThroughFailover(incr: () => Promise<unknown>): Promise<number> {
  let acknowledged = 0;
  for (let i = 0; i < 50; i++) {
    await incr();
    acknowledged++;
  }
  const primary = await shard.primary();
  await shard.nodes[primary]!.kill('SIGKILL');
  for (let i = 0; i < 50;) {
    try {
      await incr();
      acknowledged++;
      i++;
    } catch {
      // In doubt, or nobody was there: the client says so and goes on.
    }
  }
  return acknowledged;
}

test('ioredis in Sentinel mode follows the primary', async () => {
  const client = new Redis({ sentinels: addresses(), name: 'mymaster', maxRetriesPerRequest: null, sentinelRetryStrategy: () => 20, retryStrategy: () => 20 });
  client.on('error', () => undefined);
  const atLeast = await countThroughFailover(() => client.incr('n'));
  expect(Number(await client.get('n'))).toBeGreaterThanOrEqual(atLeast);
  client.disconnect();
});

test('node-redis in Sentinel mode follows the primary', async () => {
  const client = createSentinel({ name: 'mymaster', sentinelRootNodes: addresses(), scanInterval: 1000, maxCommandRediscovers: 100 });
  client.on('error', () => undefined);
  await client.connect();
  const atLeast = await countThroughFailover(() => client.incr('n'));
  expect(Number(await client.get('n'))).toBeGreaterThanOrEqual(atLeast);
  await client.destroy();
});

test('ioredis at one replica, knowing nothing, goes on', async () => {
  const primary = await shard.primary();
  const client = new Redis({ host: '127.0.0.1', port: shard.nodes[(primary + 1) % 3]!.port, maxRetriesPerRequest: null, retryStrategy: () => 20 });
  client.on('error', () => undefined);
  const atLeast = await countThroughFailover(() => client.incr('n'));
  expect(Number(await client.get('n'))).toBeGreaterThanOrEqual(atLeast);
  client.disconnect();
});

test('a message published at one member reaches listeners at all, and +switch-master tells of a failover', async () => {
  const clients = addresses().map(({ host, port }) => new Redis({ host, port, retryStrategy: () => 20 }));
  for (const client of clients) client.on('error', () => undefined);
  const listeners = addresses().map(({ host, port }) => new Redis({ host, port, retryStrategy: () => 20 }));
  for (const listener of listeners) listener.on('error', () => undefined);
  const heard: string[][] = [[], [], []];
  await Promise.all(listeners.map(async (listener, i) => {
    listener.on('message', (channel: string, message: string) => heard[i]!.push(`${channel} ${message}`));
    await listener.subscribe('news', '+switch-master');
  }));
  for (const [i, client] of clients.entries()) await client.publish('news', `from ${i}`);
  while (heard.some((messages) => messages.length < 3)) await clients[0]!.ping();
  for (const messages of heard) expect([...messages].sort()).toEqual(['news from 0', 'news from 1', 'news from 2']);
  const primary = await shard.primary();
  const before = shard.nodes[primary]!.port;
  await clients[primary]!.call('FAILOVER');
  const next = await shard.primary(primary);
  const line = `+switch-master mymaster 127.0.0.1 ${before} 127.0.0.1 ${shard.nodes[next]!.port}`;
  while (!heard.every((messages) => messages.includes(line))) await clients[0]!.ping();
  for (const client of [...clients, ...listeners]) client.disconnect();
});
