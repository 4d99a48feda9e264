/** The example of rate limiters, on a started Holdfast. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { connect, type Database } from '../../examples/database.ts';
import { FixedWindowLimiter, TokenBucketLimiter } from '../../examples/rate-limiters/rate-limiters.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';

/** Long enough for a busy machine; what is waited for comes sooner. */
const SOON = { timeout: 20_000 };

let server: HoldfastProcess;
let database: Database;
let other: Database;

beforeAll(async () => {
  server = await HoldfastProcess.start();
  database = await connect(`redis://127.0.0.1:${server.port}`);
  other = await connect(`redis://127.0.0.1:${server.port}`);
});
afterAll(async () => {
  database.destroy();
  other.destroy();
  await server.remove();
});
beforeEach(() => database.flushAll());
afterEach(() => { vi.restoreAllMocks(); });

test('a fixed window allows its limit, to all connections together, and says when to come back', async () => {
  const limiters = [new FixedWindowLimiter(database, 5, 60_000), new FixedWindowLimiter(other, 5, 60_000)];
  const decisions = await Promise.all(Array.from({ length: 20 }, (_, i) => limiters[i % 2]!.take('ada')));
  const [allowed, refused] = [decisions.filter((one) => one.allowed), decisions.filter((one) => !one.allowed)];
  expect(allowed.map(({ remaining }) => remaining).sort()).toEqual([0, 1, 2, 3, 4]);
  expect(allowed.every(({ retryAfterMs }) => retryAfterMs === 0)).toBe(true);
  expect(refused.every(({ remaining, retryAfterMs }) => remaining === 0 && retryAfterMs > 0 && retryAfterMs <= 60_000)).toBe(true);
  expect(await limiters[0]!.take('bob')).toEqual({ allowed: true, remaining: 4, retryAfterMs: 0 });
});

test('a fixed window ends', async () => {
  const limiter = new FixedWindowLimiter(database, 1, 150);
  const start = performance.now();
  expect((await limiter.take('ada')).allowed).toBe(true);
  await expect.poll(async () => (await limiter.take('ada')).allowed, { ...SOON, interval: 10 }).toBe(true);
  expect(performance.now() - start).toBeGreaterThan(140);
});

test('a token bucket allows a burst, to all connections together, and costs are taken', async () => {
  // A token in a thousand seconds: none comes while the test runs.
  const limiters = [new TokenBucketLimiter(database, 5, 0.001), new TokenBucketLimiter(other, 5, 0.001)];
  const decisions = await Promise.all(Array.from({ length: 20 }, (_, i) => limiters[i % 2]!.take('ada')));
  expect(decisions.filter(({ allowed }) => allowed).map(({ remaining }) => remaining).sort()).toEqual([0, 1, 2, 3, 4]);
  const refused = await limiters[0]!.take('ada');
  expect(refused).toMatchObject({ allowed: false, remaining: 0 });
  expect(refused.retryAfterMs).toBeGreaterThan(900_000);
  expect(refused.retryAfterMs).toBeLessThanOrEqual(1_000_000);
  expect(await limiters[0]!.take('bob', 4)).toMatchObject({ allowed: true, remaining: 1 });
  expect(await limiters[0]!.take('bob', 2)).toMatchObject({ allowed: false, remaining: 1 });
  expect(await limiters[0]!.take('bob', 1)).toMatchObject({ allowed: true, remaining: 0 });
  await expect(limiters[0]!.take('bob', 6)).rejects.toThrow(RangeError);
});

test('a token bucket fills at its rate and is forgotten when it is full', async () => {
  const limiter = new TokenBucketLimiter(database, 2, 10);
  const start = performance.now();
  expect((await limiter.take('ada', 2)).allowed).toBe(true);
  expect(await database.pTTL('bucket:ada')).toBeLessThanOrEqual(200);
  await expect.poll(async () => (await limiter.take('ada')).allowed, { ...SOON, interval: 10 }).toBe(true);
  expect(performance.now() - start).toBeGreaterThan(95);
  await expect.poll(() => database.exists('bucket:ada'), SOON).toBe(0);
});

test('a node that was killed has not forgotten what was used, and learns the scripts again', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const [window, bucket] = [new FixedWindowLimiter(database, 1, 60_000), new TokenBucketLimiter(database, 1, 0.001)];
  expect([(await window.take('ada')).allowed, (await bucket.take('ada')).allowed]).toEqual([true, true]);
  await server.kill('SIGKILL');
  await server.restart();
  await expect.poll(() => window.take('ada').catch(() => null), SOON).toMatchObject({ allowed: false });
  expect((await bucket.take('ada')).allowed).toBe(false);
  await database.scriptFlush();
  expect((await window.take('bob')).allowed).toBe(true);
  expect((await bucket.take('bob')).allowed).toBe(true);
});
