/** The example of a client-side cache, on a started Holdfast. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { FeatureFlags } from '../../examples/client-side-cache/feature-flags.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';

/** Long enough for a busy machine; what is waited for comes sooner. */
const SOON = { timeout: 20_000 };

let server: HoldfastProcess;
let service: FeatureFlags;
let admin: FeatureFlags;

beforeAll(async () => { server = await HoldfastProcess.start(); });
afterAll(() => server.remove());
beforeEach(async () => {
  service = await FeatureFlags.connect(`redis://127.0.0.1:${server.port}`);
  admin = await FeatureFlags.connect(`redis://127.0.0.1:${server.port}`);
});
afterEach(async () => {
  await Promise.all([service.close(), admin.close()]);
  vi.restoreAllMocks();
});

test('many questions cost one round trip', async () => {
  await admin.set('asked', true);
  for (let i = 0; i < 100; i++) expect(await service.isOn('asked')).toBe(true);
  expect(service.counts).toEqual({ hits: 99, misses: 1 });
});

test('a flag that nobody has set is off, until somebody sets it', async () => {
  expect(await service.isOn('new')).toBe(false);
  await admin.set('new', true);
  await expect.poll(() => service.isOn('new'), SOON).toBe(true);
});

test('who has caught up sees every change made before', async () => {
  for (let i = 0; i < 100; i++) {
    await admin.set('flips', i % 2 === 0);
    await service.catchUp();
    expect(await service.isOn('flips')).toBe(i % 2 === 0);
    expect(await service.isOn('flips')).toBe(i % 2 === 0);
  }
  expect(service.counts).toEqual({ hits: 100, misses: 100 });
});

test('nothing is kept beyond a connection', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  await admin.set('kept', true);
  expect(await service.isOn('kept')).toBe(true);
  await server.kill('SIGKILL');
  await server.restart();
  await expect.poll(() => admin.set('kept', false).then(() => 'set', () => 'no connection'), SOON).toBe('set');
  await expect.poll(() => service.isOn('kept').catch(() => null), SOON).toBe(false);
});
