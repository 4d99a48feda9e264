/** rate-limiter-flexible as its users have it: counters with a lifetime, over both clients it knows. */
import { Redis } from 'ioredis';
import { RateLimiterQueue, RateLimiterRedis, type RateLimiterRes } from 'rate-limiter-flexible';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLIENT_TARGETS, type ClientTarget, TARGET_NAMES } from '../support/client-targets.ts';

describe.each(TARGET_NAMES)('rate-limiter-flexible at %s', (target) => {
  let server: ClientTarget;
  let ioredis: Redis;
  let nodeRedis: ReturnType<typeof createClient>;

  beforeAll(async () => {
    server = await CLIENT_TARGETS[target]();
    ioredis = new Redis({ host: '127.0.0.1', port: server.port, enableOfflineQueue: false });
    ioredis.on('error', () => undefined);
    nodeRedis = createClient({ socket: { host: '127.0.0.1', port: server.port } });
    nodeRedis.on('error', () => undefined);
    await Promise.all([nodeRedis.connect(), new Promise((resolve) => { ioredis.once('ready', resolve); })]);
  });
  afterAll(async () => {
    ioredis.disconnect();
    nodeRedis.destroy();
    await server.remove();
  });

  const clients = { 'ioredis': () => ({ storeClient: ioredis }), 'node-redis': () => ({ storeClient: nodeRedis, useRedisPackage: true }) };

  test.each(['ioredis', 'node-redis'] as const)('over %s, twenty at once of whom five may', async (name) => {
    const limiter = new RateLimiterRedis({ ...clients[name](), keyPrefix: `limit-${name}`, points: 5, duration: 60 });
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => limiter.consume('ann')));
    const passed = outcomes.filter((outcome) => outcome.status === 'fulfilled').map(({ value }) => value);
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason as RateLimiterRes);
    expect(passed.map(({ remainingPoints }) => remainingPoints)).toEqual([4, 3, 2, 1, 0]);
    expect(refused.map(({ consumedPoints }) => consumedPoints)).toEqual(Array.from({ length: 15 }, (_, i) => i + 6));
    for (const { msBeforeNext } of refused) expect(msBeforeNext > 50_000 && msBeforeNext <= 60_000).toBe(true);
    expect((await limiter.get('ann'))!.consumedPoints).toBe(20);
    expect((await limiter.consume('bob', 2)).remainingPoints).toBe(3);
    expect((await limiter.penalty('bob', 1)).consumedPoints).toBe(3);
    expect((await limiter.reward('bob', 2)).consumedPoints).toBe(1);
    expect(await limiter.delete('ann')).toBe(true);
    expect(await limiter.get('ann')).toBeNull();
  });

  test.each(['ioredis', 'node-redis'] as const)('over %s, who is blocked stays so whatever the points', async (name) => {
    const limiter = new RateLimiterRedis({ ...clients[name](), keyPrefix: `block-${name}`, points: 2, duration: 1, blockDuration: 300 });
    await limiter.consume('ann', 2);
    const refusal = await limiter.consume('ann').catch((reason: unknown) => reason as RateLimiterRes);
    expect(refusal.msBeforeNext).toBe(300_000);
    await limiter.block('bob', 100);
    await expect(limiter.consume('bob')).rejects.toMatchObject({ remainingPoints: 0 });
    expect(await ioredis.ttl(`block-${name}:bob`)).toBeGreaterThan(95);
  });

  test.each(['ioredis', 'node-redis'] as const)('over %s, goes on counting when the primary is killed', async (name) => {
    const limiter = new RateLimiterRedis({ ...clients[name](), keyPrefix: `through-${name}`, points: 5, duration: 600 });
    await limiter.consume('ann', 3);
    const bringBack = await server.killPrimary();
    expect((await limiter.consume('ann', 2)).remainingPoints).toBe(0);
    await expect(limiter.consume('ann')).rejects.toMatchObject({ consumedPoints: 6, remainingPoints: 0 });
    await bringBack();
    expect((await limiter.get('ann'))!.consumedPoints).toBe(6);
  });

  test('a queue lets its callers through as points come back', async () => {
    const limiter = new RateLimiterRedis({ storeClient: ioredis, keyPrefix: 'queue', points: 2, duration: 1 });
    const queue = new RateLimiterQueue(limiter);
    const order: number[] = [];
    const started = Date.now();
    await Promise.all([0, 1, 2].map(async (n) => {
      await queue.removeTokens(1);
      order.push(n);
    }));
    expect(order).toEqual([0, 1, 2]);
    expect(Date.now() - started).toBeGreaterThanOrEqual(900);
  });
});
