/** The example of a job queue, on a started Holdfast. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { connect, type Database } from '../../examples/database.ts';
import { type Handler, JobQueue, type QueueOptions } from '../../examples/job-queue/job-queue.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';

/** Nobody claims anything while a test runs. */
const PATIENT: QueueOptions = { claimAfterMs: 600_000, attemptsMax: 3 };
const EAGER: QueueOptions = { claimAfterMs: 20, attemptsMax: 3 };

/** Long enough for a busy machine; what is waited for comes sooner. */
const SOON = { timeout: 20_000 };

let server: HoldfastProcess;
let database: Database;
let queue: JobQueue<number>;
/** What ends the workers of a test. */
let stop: AbortController;
let working: Promise<void>[];
let connections: Database[];
let name = '';
let tests = 0;

/** What waits until it is opened. */
function gate(): { readonly passed: Promise<void>; readonly open: () => void } {
  let open!: () => void;
  const passed = new Promise<void>((resolve) => { open = resolve; });
  return { passed, open };
}

const open = (): Promise<Database> => connect(`redis://127.0.0.1:${server.port}`);

beforeAll(async () => {
  server = await HoldfastProcess.start();
  database = await open();
});
afterAll(async () => {
  database.destroy();
  await server.remove();
});
beforeEach(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  name = `test-${tests++}`;
  queue = await JobQueue.open(database, name, PATIENT);
  stop = new AbortController();
  [working, connections] = [[], []];
});
afterEach(async () => {
  stop.abort();
  await Promise.all(working);
  for (const connection of connections) connection.destroy();
  vi.restoreAllMocks();
});

async function work(worker: string, options: QueueOptions, handle: Handler<number>, signal = stop.signal): Promise<void> {
  const connection = await open();
  connections.push(connection);
  working.push((await JobQueue.open<number>(connection, name, options)).work(worker, handle, signal));
}

test('each job is done once, in order by one worker, shared by several', async () => {
  const done: { worker: string; payload: number }[] = [];
  for (let i = 0; i < 50; i++) await queue.add(i);
  for (const worker of ['a', 'b']) {
    await work(worker, PATIENT, ({ payload, attempt }) => {
      expect(attempt).toBe(1);
      done.push({ worker, payload });
      return Promise.resolve();
    });
  }
  for (let i = 50; i < 100; i++) await queue.add(i);
  await expect.poll(() => queue.counts(), SOON).toEqual({ open: 0, failed: 0 });
  expect(done.map(({ payload }) => payload).sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  for (const worker of ['a', 'b']) {
    const payloads = done.filter((one) => one.worker === worker).map(({ payload }) => payload);
    expect(payloads).toEqual(payloads.toSorted((a, b) => a - b));
  }
});

test('what a dead worker left is claimed, however many others are busy', async () => {
  for (let i = 0; i < 30; i++) await queue.add(i);
  // Workers that took a job each and are never heard of again.
  for (let i = 0; i < 30; i++) await database.xReadGroup('workers', `dead-${i}`, { key: `jobs:{${name}}`, id: '>' }, { COUNT: 1 });
  const attempts = new Map<number, number>();
  await work('alive', EAGER, ({ payload, attempt }) => {
    attempts.set(payload, attempt);
    return Promise.resolve();
  });
  await expect.poll(() => queue.counts(), SOON).toEqual({ open: 0, failed: 0 });
  expect(attempts).toEqual(new Map(Array.from({ length: 30 }, (_, i) => [i, 2])));
});

test('a job that fails is tried again, and put aside after its last try', async () => {
  const attempts: number[] = [];
  const id = await queue.add(7);
  await work('a', EAGER, ({ attempt }) => {
    attempts.push(attempt);
    return Promise.reject(new Error(`attempt ${attempt}`));
  });
  await expect.poll(() => queue.counts(), SOON).toEqual({ open: 0, failed: 1 });
  expect(attempts).toEqual([1, 2, 3]);
  expect(await database.xRange(`jobs:{${name}}:failed`, '-', '+')).toMatchObject([{ message: { payload: '7', id } }]);
});

test('a worker that is told to stop finishes the job in hand and takes no other', async () => {
  for (let i = 0; i < 3; i++) await queue.add(i);
  const [started, finish] = [gate(), gate()];
  await work('a', PATIENT, () => {
    started.open();
    return finish.passed;
  });
  await started.passed;
  stop.abort();
  finish.open();
  await Promise.all(working);
  expect(await queue.counts()).toEqual({ open: 2, failed: 0 });
});

test('no acknowledged job is lost by a crash, and workers go on by themselves', async () => {
  const done = new Set<number>();
  const [started, finish] = [gate(), gate()];
  for (let i = 0; i < 20; i++) await queue.add(i);
  await work('a', EAGER, async ({ payload }) => {
    started.open();
    // In hand when the database dies: its end cannot be recorded, so that it is done again.
    await finish.passed;
    done.add(payload);
  });
  await started.passed;
  await server.kill('SIGKILL');
  finish.open();
  await server.restart();
  await expect.poll(() => queue.counts().catch(() => null), SOON).toEqual({ open: 0, failed: 0 });
  expect([...done].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
});
