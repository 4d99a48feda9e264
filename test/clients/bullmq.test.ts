/** BullMQ as its users have it: its own Lua scripts, its version checks, its blocking workers, over both clients it knows. */
import { FlowProducer, type Job, Queue, QueueEvents, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { HoldfastProcess } from '../support/holdfast-process.ts';

/** What is closed after a test, last opened first. */
const closers: (() => Promise<unknown> | void)[] = [];

function ioredisAt(port: number): Redis {
  const client = new Redis({ host: '127.0.0.1', port, maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  closers.push(() => { client.disconnect(); });
  return client;
}

async function nodeRedisAt(port: number): Promise<Redis> {
  const client = createClient({ socket: { host: '127.0.0.1', port } });
  client.on('error', () => undefined);
  await client.connect();
  closers.push(() => { client.destroy(); });
  // BullMQ takes a client of node-redis too, but its types do not say so for every version.
  return client as unknown as Redis;
}

function opened<T extends { close(): Promise<unknown> }>(thing: T): T {
  closers.push(() => thing.close());
  return thing;
}

/** Events of a queue from their stream's beginning: BullMQ says that it is ready before its first XREAD has gone out. */
async function eventsOf(name: string, connection: Redis): Promise<QueueEvents> {
  const events = opened(new QueueEvents(name, { connection, lastEventId: '0' }));
  await events.waitUntilReady();
  return events;
}

/** Resolves with the jobs a worker completes, once there are `count`. */
function completions(worker: Worker, count: number): Promise<Job[]> {
  return new Promise((resolve) => {
    const done: Job[] = [];
    worker.on('completed', (job) => {
      if (done.push(job) === count) resolve(done);
    });
  });
}

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

describe.each([['ioredis', ioredisAt], ['node-redis', nodeRedisAt]])('BullMQ over %s', (_, connect) => {
  let server: HoldfastProcess;
  let connection: Redis;

  beforeAll(async () => {
    server = await HoldfastProcess.start();
  });
  afterAll(() => server.remove());
  beforeEach(async () => {
    await ioredisAt(server.port).flushall();
    connection = await connect(server.port);
  });

  test('takes the server for one it recommends, without a warning', async () => {
    const warn = vi.spyOn(console, 'warn');
    const error = vi.spyOn(console, 'error');
    closers.push(() => { vi.restoreAllMocks(); });
    const queue = opened(new Queue('checks', { connection }));
    const worker = opened(new Worker('checks', () => Promise.resolve(), { connection }));
    await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);
    expect(warn.mock.calls).toEqual([]);
    expect(error.mock.calls).toEqual([]);
  });

  test('two hundred jobs are processed, each once, with their results kept', async () => {
    const queue = opened(new Queue<{ n: number }, number>('squares', { connection }));
    await queue.addBulk(Array.from({ length: 100 }, (__, n) => ({ name: 'square', data: { n } })));
    const worker = opened(new Worker<{ n: number }, number>('squares', ({ data }) => Promise.resolve(data.n * data.n), { connection, concurrency: 10 }));
    const done = completions(worker, 200);
    for (let n = 100; n < 200; n++) await queue.add('square', { n });
    const jobs = await done;
    expect(jobs.map(({ data }) => (data as { n: number }).n).sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (__, n) => n));
    expect(await queue.getJobCounts()).toMatchObject({ completed: 200, waiting: 0, active: 0, failed: 0, delayed: 0 });
    for (const { id, data } of jobs) expect((await queue.getJob(id!))!.returnvalue).toBe((data as { n: number }).n ** 2);
  });

  test('priorities order what waits; a paused queue gives nothing; draining empties it', async () => {
    const queue = opened(new Queue('ordered', { connection }));
    await queue.pause();
    for (const priority of [3, 1, 2]) await queue.add('job', { priority }, { priority });
    await queue.add('job', { priority: 0 });
    expect(await queue.isPaused()).toBe(true);
    const seen: number[] = [];
    const worker = opened(new Worker<{ priority: number }>('ordered', ({ data }) => {
      seen.push(data.priority);
      return Promise.resolve();
    }, { connection }));
    const done = completions(worker, 4);
    await worker.waitUntilReady();
    expect(seen).toEqual([]);
    await queue.resume();
    await done;
    expect(seen).toEqual([0, 1, 2, 3]);
    await worker.close();
    await queue.add('job', { priority: 9 });
    await queue.drain();
    expect(await queue.getWaitingCount()).toBe(0);
    await queue.obliterate();
    expect(await queue.getCompletedCount()).toBe(0);
  });

  test('a delayed job comes when its time has, and its events tell its life', async () => {
    const queue = opened(new Queue('later', { connection }));
    const events = await eventsOf('later', connection);
    const heard: string[] = [];
    for (const name of ['delayed', 'waiting', 'active', 'completed'] as const) events.on(name, () => heard.push(name));
    opened(new Worker('later', () => Promise.resolve('done'), { connection }));
    const added = Date.now();
    const job = await queue.add('one', {}, { delay: 200 });
    expect(await job.waitUntilFinished(events)).toBe('done');
    expect(Date.now() - added).toBeGreaterThanOrEqual(195);
    await vi.waitFor(() => { expect(heard).toEqual(['delayed', 'waiting', 'active', 'completed']); });
  });

  test('a job that fails is tried again, at last kept as failed, and retried by hand', async () => {
    const queue = opened(new Queue('flaky', { connection }));
    const events = await eventsOf('flaky', connection);
    let broken = true;
    opened(new Worker('flaky', async (job) => {
      await job.updateProgress(job.attemptsMade);
      await job.log(`attempt ${job.attemptsMade}`);
      if (job.name === 'twice' ? job.attemptsMade < 2 : broken) throw new Error('not yet');
      return job.attemptsMade;
    }, { connection }));
    const twice = await queue.add('twice', {}, { attempts: 3, backoff: { type: 'fixed', delay: 10 } });
    expect(await twice.waitUntilFinished(events)).toBe(2);
    expect((await queue.getJobLogs(twice.id!)).logs).toEqual(['attempt 0', 'attempt 1', 'attempt 2']);
    const never = await queue.add('never', {}, { attempts: 2 });
    await expect(never.waitUntilFinished(events)).rejects.toThrow('not yet');
    expect((await queue.getFailed()).map(({ id, failedReason, attemptsMade }) => [id, failedReason, attemptsMade])).toEqual([[never.id, 'not yet', 2]]);
    broken = false;
    const failed = (await queue.getJob(never.id!))!;
    await failed.retry();
    await vi.waitFor(async () => { expect(await never.getState()).toBe('completed'); });
    expect(await queue.getFailedCount()).toBe(0);
  });

  test('a flow: the parent runs when its children have, with what they gave', async () => {
    const flows = opened(new FlowProducer({ connection }));
    const events = await eventsOf('assemble', connection);
    opened(new Worker<{ part: number }>('parts', ({ data }) => Promise.resolve(data.part * 10), { connection, concurrency: 3 }));
    opened(new Worker('assemble', async (job) => Object.values(await job.getChildrenValues<number>()).sort((a, b) => a - b), { connection }));
    const tree = await flows.add({
      name: 'whole', queueName: 'assemble', children: [1, 2, 3].map((part) => ({ name: 'part', queueName: 'parts', data: { part } })),
    });
    expect(tree.children).toHaveLength(3);
    expect(await tree.job.waitUntilFinished(events)).toEqual([10, 20, 30]);
    expect((await tree.job.getDependenciesCount()).processed).toBe(3);
  });

  test('a scheduler makes jobs again and again until it is removed', async () => {
    const queue = opened(new Queue('regular', { connection }));
    const worker = opened(new Worker('regular', () => Promise.resolve(), { connection }));
    const done = completions(worker, 3);
    await queue.upsertJobScheduler('beat', { every: 100 }, { name: 'tick', data: { from: 'scheduler' } });
    await queue.upsertJobScheduler('yearly', { pattern: '0 0 1 1 *' });
    const ticks = await done;
    expect(ticks.map(({ name, data }) => [name, data])).toEqual(Array(3).fill(['tick', { from: 'scheduler' }]));
    expect((await queue.getJobSchedulers()).map(({ key }) => key).sort()).toEqual(['beat', 'yearly']);
    expect(await queue.removeJobScheduler('beat')).toBe(true);
    expect((await queue.getJobSchedulers()).map(({ key }) => key)).toEqual(['yearly']);
  });

  test('a rate limit holds jobs back', async () => {
    const queue = opened(new Queue('limited', { connection }));
    const started = Date.now();
    const worker = opened(new Worker('limited', () => Promise.resolve(), { connection, limiter: { max: 2, duration: 200 } }));
    const done = completions(worker, 5);
    await queue.addBulk(Array.from({ length: 5 }, () => ({ name: 'job', data: {} })));
    await done;
    expect(Date.now() - started).toBeGreaterThanOrEqual(390);
  });

  test('jobs with one deduplication id are one while the first is there', async () => {
    const queue = opened(new Queue('single', { connection }));
    const first = await queue.add('job', {}, { deduplication: { id: 'the-one' } });
    const second = await queue.add('job', {}, { deduplication: { id: 'the-one' } });
    expect(second.id).toBe(first.id);
    expect(await queue.getWaitingCount()).toBe(1);
  });
});
