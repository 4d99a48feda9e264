/** The example of lazy loading, on a started Holdfast. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { connect, type Database } from '../../examples/database.ts';
import { LazyValues } from '../../examples/lazy-loading/lazy-loading.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';

const OPTIONS = { valueMs: 60_000, lockMs: 60_000 };
/** Long enough for a busy machine; what is waited for comes sooner. */
const SOON = { timeout: 20_000 };
const LOCK = 'lazy:{report}:lock';

let server: HoldfastProcess;
let databases: Database[];
/** Two processes' views of the same values. */
let one: LazyValues;
let other: LazyValues;

beforeAll(async () => {
  server = await HoldfastProcess.start();
  databases = await Promise.all([0, 1].map(() => connect(`redis://127.0.0.1:${server.port}`)));
  [one, other] = databases.map((database) => new LazyValues(database, OPTIONS)) as [LazyValues, LazyValues];
});
afterAll(async () => {
  for (const database of databases) database.destroy();
  await server.remove();
});
beforeEach(() => databases[0]!.flushAll());

/** A load that has begun when `started` resolves, and ends when it is told. */
function heldLoad(): { readonly load: () => Promise<string>; readonly started: Promise<void>; readonly end: (value: string) => void } {
  let begin!: () => void;
  let end!: (value: string) => void;
  const started = new Promise<void>((resolve) => { begin = resolve; });
  const ended = new Promise<string>((resolve) => { end = resolve; });
  const load = (): Promise<string> => {
    begin();
    return ended;
  };
  return { load, started, end };
}

const unwanted = (): Promise<string> => Promise.reject(new Error('somebody else loads'));

test('one loads, a herd waits, and all have the value', async () => {
  let loads = 0;
  const held = heldLoad();
  const load = (): Promise<string> => {
    loads++;
    return held.load();
  };
  const herd = Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? one : other).get('report', load));
  await held.started;
  held.end('the report');
  expect(new Set(await Promise.all(herd))).toEqual(new Set(['the report']));
  expect(loads).toBe(1);
  expect(await other.get('report', unwanted)).toBe('the report');
  expect(await databases[0]!.exists(LOCK)).toBe(0);
});

test('a value ends by itself', async () => {
  const brief = new LazyValues(databases[0]!, { ...OPTIONS, valueMs: 50 });
  expect(await brief.get('report', () => Promise.resolve('old'))).toBe('old');
  await expect.poll(() => brief.get('report', () => Promise.resolve('new')), SOON).toBe('new');
});

test('a load that fails is told to its caller, and who waits loads', async () => {
  const failing = one.get('report', () => Promise.reject(new Error('the origin is away')));
  await expect(failing).rejects.toThrow('the origin is away');
  expect(await databases[0]!.exists(LOCK)).toBe(0);
  expect(await other.get('report', () => Promise.resolve('the report'))).toBe('the report');
});

test('what was loaded before an invalidation is not kept after it', async () => {
  const held = heldLoad();
  const early = one.get('report', held.load);
  await held.started;
  await other.invalidate('report');
  expect(await other.get('report', () => Promise.resolve('new'))).toBe('new');
  held.end('old');
  expect(await early).toBe('old');
  expect(await one.get('report', unwanted)).toBe('new');
});

test('who was too slow neither overwrites another\'s value nor takes away another\'s lock', async () => {
  const slow = new LazyValues(databases[0]!, { ...OPTIONS, lockMs: 50 });
  const [late, current] = [heldLoad(), heldLoad()];
  const lateGet = slow.get('report', late.load);
  await late.started;
  // Waits until the lock of the slow one has ended.
  const currentGet = other.get('report', current.load);
  await current.started;
  const lock = await databases[0]!.get(LOCK);
  late.end('late');
  expect(await lateGet).toBe('late');
  expect(await databases[0]!.get(LOCK)).toBe(lock);
  current.end('current');
  expect(await currentGet).toBe('current');
  expect(await one.get('report', unwanted)).toBe('current');
});
