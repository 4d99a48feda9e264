/** BullMQ on a shard whose primary is killed: queues, flows and schedulers go on, over both clients it knows. */
import { FlowProducer, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { CLIENT_TARGETS, type ClientTarget } from '../support/client-targets.ts';

/** A busy machine's time to do what takes a second otherwise. */
const PATIENCE = { timeout: 30_000, interval: 50 };
/** A job whose end was not acknowledged is processed again once its lock has expired. */
const RECOVERY = { lockDuration: 1000, stalledInterval: 500, maxStalledCount: 5 };
/** A worker that does not know whether it has said that a job is done says that it failed. */
const ATTEMPTS = { attempts: 5 };

let shard: ClientTarget;
/** What is closed after a test, last opened first. */
const closers: (() => Promise<unknown> | void)[] = [];

beforeAll(async () => {
  shard = await CLIENT_TARGETS['three nodes, the primary killed in the middle']();
});
afterAll(() => shard.remove());
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Loses its connection with the primary. */
function ioredisBySentinel(): Promise<Redis> {
  const client = new Redis({
    sentinels: shard.ports.map((port) => ({ host: '127.0.0.1', port })), name: 'mymaster',
    maxRetriesPerRequest: null, sentinelRetryStrategy: () => 20, retryStrategy: () => 20,
  });
  client.on('error', () => undefined);
  closers.push(() => { client.disconnect(); });
  return Promise.resolve(client);
}

/** Loses its connection only for commands that are in doubt, which it then says of each. */
async function nodeRedisAtReplica(): Promise<Redis> {
  const client = createClient({ socket: { host: '127.0.0.1', port: shard.port, reconnectStrategy: 20 } });
  client.on('error', () => undefined);
  await client.connect();
  closers.push(() => { client.destroy(); });
  // BullMQ takes a client of node-redis too, but its types do not say so for every version.
  return client as unknown as Redis;
}

function opened<T extends Queue | Worker | FlowProducer>(thing: T): T {
  // What is not known to have been done they say here, and do again.
  (thing as Queue).on('error', () => undefined);
  closers.push(() => thing.close());
  return thing;
}

/** Asks again while what was asked is in doubt: of a job that was added all the same there are two. */
async function insist<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      expect((error as Error).message).toMatch(/^(Socket closed unexpectedly|read ECONNRESET)$/);
    }
  }
}

test.each([
  ['ioredis in Sentinel mode', ioredisBySentinel], ['node-redis at a replica', nodeRedisAtReplica],
])('over %s', async (_, connect) => {
  const shared = { connection: await connect(), prefix: connect.name };
  const jobs = opened(new Queue<{ n: number }>('steady', shared));
  const processed = new Set<number>();
  opened(new Worker<{ n: number }>('steady', ({ data }) => {
    processed.add(data.n);
    return Promise.resolve();
  }, { ...shared, ...RECOVERY }));

  const regular = opened(new Queue('regular', shared));
  let ticks = 0;
  opened(new Worker('regular', () => Promise.resolve(ticks++), { ...shared, ...RECOVERY }));

  const flows = opened(new FlowProducer(shared));
  let assemble: () => void = () => undefined;
  const mayAssemble = new Promise<void>((resolve) => { assemble = resolve; });
  opened(new Worker<{ part: number }>('parts', async ({ data }) => {
    await mayAssemble;
    return data.part * 10;
  }, { ...shared, concurrency: 6, ...RECOVERY }));
  opened(new Worker('whole', async (job) => Object.values(await job.getChildrenValues<number>()).sort((a, b) => a - b), { ...shared, ...RECOVERY }));
  closers.push(assemble);
  const whole = opened(new Queue('whole', shared));
  const addFlow = (): ReturnType<FlowProducer['add']> => flows.add({
    name: 'whole', queueName: 'whole', opts: ATTEMPTS, children: [1, 2, 3].map((part) => ({ name: 'part', queueName: 'parts', data: { part }, opts: ATTEMPTS })),
  });

  // Before.
  await regular.upsertJobScheduler('beat', { every: 100 }, { name: 'tick' });
  const before = await addFlow();
  for (let n = 0; n < 50; n++) await jobs.add('job', { n }, ATTEMPTS);
  await vi.waitFor(() => { expect(ticks).toBeGreaterThan(1); }, PATIENCE);

  // Meanwhile.
  const bringBack = await shard.killPrimary();
  for (let n = 50; n < 100; n++) await insist(() => jobs.add('job', { n }, ATTEMPTS));
  const meanwhile = await insist(addFlow);
  assemble();
  const ticksThen = ticks;

  // After.
  await bringBack();
  await vi.waitFor(() => { expect(processed.size).toBe(100); }, PATIENCE);
  await vi.waitFor(async () => {
    expect(await insist(() => jobs.getJobCounts('waiting', 'active', 'failed'))).toEqual({ waiting: 0, active: 0, failed: 0 });
  }, PATIENCE);
  for (const { job } of [before, meanwhile]) {
    await vi.waitFor(async () => { expect((await insist(() => whole.getJob(job.id!)))!.returnvalue).toEqual([10, 20, 30]); }, PATIENCE);
  }
  await vi.waitFor(() => { expect(ticks).toBeGreaterThan(ticksThen + 2); }, PATIENCE);
  expect(await insist(() => regular.removeJobScheduler('beat'))).toBe(true);
});
