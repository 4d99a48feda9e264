/** node-redis with its client-side cache, as its users have it. */
import { BasicClientSideCache, createClient } from 'redis';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { HoldfastProcess } from '../support/holdfast-process.ts';

let server: HoldfastProcess;
const closing: { destroy(): void }[] = [];

async function open(cache?: BasicClientSideCache) {
  const client = createClient({
    url: `redis://127.0.0.1:${server.port}`, RESP: 3, socket: { reconnectStrategy: 20 }, ...(cache === undefined ? {} : { clientSideCache: cache }),
  });
  client.on('error', () => undefined);
  closing.push(client);
  return client.connect();
}

beforeAll(async () => { server = await HoldfastProcess.start(); });
afterAll(() => server.remove());
afterEach(() => {
  for (const client of closing.splice(0)) client.destroy();
});

test('is served from its cache until another client changes the key', async () => {
  const cache = new BasicClientSideCache({ recordStats: true });
  const [client, writer] = [await open(cache), await open()];
  await writer.set('a', '1');
  await writer.hSet('h', { f: '1' });
  for (let i = 0; i < 5; i++) {
    expect(await client.get('a')).toBe('1');
    expect(await client.hGet('h', 'f')).toBe('1');
  }
  expect(cache.stats().hitCount).toBe(8);
  await writer.set('a', '2');
  await expect.poll(() => client.get('a')).toBe('2');
  await writer.flushAll();
  await expect.poll(() => client.get('a')).toBe(null);
  await expect.poll(() => client.hGet('h', 'f')).toBe(null);
});

test('what is read while it is written is never kept when it is old', async () => {
  const [client, writer] = [await open(new BasicClientSideCache()), await open()];
  for (let i = 1; i <= 300; i++) {
    const reading = Promise.all([client.get('n'), client.get('n')]);
    await writer.set('n', String(i));
    await reading;
    // Behind the write's reply the client hears from the server once more: by then the news has come.
    await client.ping();
    expect(await client.get('n')).toBe(String(i));
  }
});

test('begins anew when the server does', async () => {
  const client = await open(new BasicClientSideCache());
  await client.set('kept', 'yes');
  expect(await client.get('kept')).toBe('yes');
  await server.kill('SIGKILL');
  await server.restart();
  const writer = await open();
  await writer.set('kept', 'no');
  await expect.poll(() => client.get('kept').catch(() => 'away')).toBe('no');
});
