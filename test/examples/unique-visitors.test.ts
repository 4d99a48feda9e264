/** The example of unique visitors, on a started Holdfast. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, type Database } from '../../examples/database.ts';
import { UniqueVisitors } from '../../examples/unique-visitors/unique-visitors.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';

const DAY_S = 24 * 60 * 60;
const [SATURDAY, SUNDAY] = [new Date('2026-02-28T23:59:59Z'), new Date('2026-03-01T00:00:00Z')];

let server: HoldfastProcess;
let database: Database;
let visitors: UniqueVisitors;

beforeAll(async () => {
  server = await HoldfastProcess.start();
  database = await connect(`redis://127.0.0.1:${server.port}`);
  visitors = new UniqueVisitors(database);
});
afterAll(async () => {
  database.destroy();
  await server.remove();
});

test('counts each visitor once a day, and once over several days', async () => {
  for (const visitor of ['ada', 'bob', 'ada']) await visitors.visit('/a', visitor, SATURDAY);
  for (const visitor of ['ada', 'cleo']) await visitors.visit('/a', visitor, SUNDAY);
  await visitors.visit('/b', 'dan', SUNDAY);
  expect(await visitors.count('/a', SATURDAY, 1)).toBe(2);
  expect(await visitors.count('/a', SUNDAY, 1)).toBe(2);
  expect(await visitors.count('/a', SUNDAY, 30)).toBe(3);
  expect(await visitors.count('/c', SUNDAY, 30)).toBe(0);
});

test('is nearly right for many, in little memory', async () => {
  await Promise.all(Array.from({ length: 20_000 }, (_, i) => visitors.visit('/many', `visitor-${i}`, SUNDAY)));
  const counted = await visitors.count('/many', SUNDAY, 1);
  // The same names give the same count each time: this is no matter of luck.
  expect(Math.abs(counted - 20_000) / 20_000).toBeLessThan(0.02);
  expect(await database.strLen('visits:{/many}:2026-03-01')).toBeLessThan(12.5 * 1024);
});

test('a day ends by itself, counted from its first visit', async () => {
  await visitors.visit('/ends', 'ada', SUNDAY);
  const key = 'visits:{/ends}:2026-03-01';
  expect(await database.ttl(key)).toBeGreaterThan(399 * DAY_S);
  await database.expire(key, DAY_S);
  await visitors.visit('/ends', 'bob', SUNDAY);
  expect(await database.ttl(key)).toBeLessThanOrEqual(DAY_S);
});
