/** A real process on a real disk: what was acknowledged survives its end, orderly or not. Under load: kill.test.ts. */
import { afterEach, describe, expect, test } from 'vitest';
import { HoldfastProcess } from '../support/holdfast-process.ts';

let server: HoldfastProcess | null = null;
afterEach(async () => {
  await server?.remove();
  server = null;
});

describe('a single durable node', () => {
  test('comes back from kill -9 with what it acknowledged', async () => {
    server = await HoldfastProcess.start();
    const client = await server.connect();
    expect(await client.send('SET', 'k', 'v')).toBe('+OK');
    expect(await client.send('HSET', 'h', 'a', 1, 'b', 2)).toBe(':2');
    expect(await client.send('SADD', 's', 'x', 'y')).toBe(':2');
    await server.kill('SIGKILL');
    await server.restart();
    const again = await server.connect();
    expect(await again.send('GET', 'k')).toBe('v');
    expect(await again.send('HGET', 'h', 'b')).toBe('2');
    expect(await again.send('SCARD', 's')).toBe(':2');
    expect(await again.send('DEBUG', 'CHECK')).toBe('+OK');
  });

  test('ends orderly on SIGTERM, and on SHUTDOWN', async () => {
    server = await HoldfastProcess.start();
    const client = await server.connect();
    await client.send('SET', 'k', 'v');
    expect(await server.kill('SIGTERM')).toBe(0);
    await server.restart();
    const again = await server.connect();
    expect(await again.send('GET', 'k')).toBe('v');
    const ended = server.ended();
    again.send('SHUTDOWN').catch(() => undefined);
    expect(await ended).toBe(0);
  });
});
