/** The example of sessions, on a started Holdfast. */
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { connect, type Database } from '../../examples/database.ts';
import { Sessions } from '../../examples/sessions/sessions.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';

const HOUR_MS = 60 * 60_000;
/** Long enough for a busy machine; what is waited for comes sooner. */
const SOON = { timeout: 20_000 };

let server: HoldfastProcess;
let database: Database;

beforeAll(async () => {
  server = await HoldfastProcess.start();
  database = await connect(`redis://127.0.0.1:${server.port}`);
});
afterAll(async () => {
  database.destroy();
  await server.remove();
});
afterEach(() => { vi.restoreAllMocks(); });

test('a session is made, used, changed and ended', async () => {
  const sessions = new Sessions(database, HOUR_MS);
  const token = await sessions.create('ada', { language: 'en', user: 'bob' });
  expect(await sessions.use(token)).toEqual({ user: 'ada', data: { language: 'en' } });
  expect(await sessions.update(token, { basket: 'tea', user: 'bob' })).toBe(true);
  expect(await sessions.update(token, {})).toBe(true);
  expect(await sessions.use(token)).toEqual({ user: 'ada', data: { language: 'en', basket: 'tea' } });
  expect(await sessions.create('ada')).not.toBe(token);
  await sessions.destroy(token);
  expect(await sessions.use(token)).toBeNull();
  expect(await sessions.update(token, { basket: 'tea' })).toBe(false);
  expect(await sessions.update(token, {})).toBe(false);
  expect(await database.exists(`session:${token}`)).toBe(0);
});

test('each use gives it its time again, and without it ends', async () => {
  const [brief, long] = [new Sessions(database, 100), new Sessions(database, HOUR_MS)];
  const token = await brief.create('ada');
  expect(await database.pTTL(`session:${token}`)).toBeLessThanOrEqual(100);
  for (const use of [() => long.use(token), () => long.update(token, { basket: 'tea' })]) {
    await database.pExpire(`session:${token}`, 60_000);
    await use();
    expect(await database.pTTL(`session:${token}`)).toBeGreaterThan(60_000);
  }
  await brief.use(token);
  await expect.poll(() => database.exists(`session:${token}`), SOON).toBe(0);
  expect(await brief.use(token)).toBeNull();
});

test('after a crash who is signed in is, and who has signed out is not', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const sessions = new Sessions(database, HOUR_MS);
  const [kept, ended] = [await sessions.create('ada', { basket: 'tea' }), await sessions.create('bob')];
  await sessions.destroy(ended);
  await server.kill('SIGKILL');
  await server.restart();
  await expect.poll(() => sessions.use(kept).catch(() => 'no connection'), SOON).toEqual({ user: 'ada', data: { basket: 'tea' } });
  expect(await sessions.use(ended)).toBeNull();
  // The node that started has never seen the script.
  expect(await sessions.update(kept, { basket: '' })).toBe(true);
});
