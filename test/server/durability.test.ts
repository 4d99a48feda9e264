/** Real processes on a real disk: what was acknowledged survives kill -9, whatever goes on in the background. */
import { afterEach, describe, expect, test } from 'vitest';
import { randomOf } from '../engine/engine-rig.ts';
import { HoldfastProcess, type TestClient } from '../support/holdfast-process.ts';

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

  // npm run test:kill makes a hundred rounds of it.
  const rounds = Number(process.env.KILL_ROUNDS ?? 4);
  test(`loses nothing acknowledged in ${rounds} rounds of kill -9 under pipelined writes`, { timeout: 60_000 + rounds * 10_000 }, async () => {
    const seed = Number(process.env.KILL_SEED ?? Date.now() % 1e9);
    const random = randomOf(seed);
    // Snapshots are due all the time, and the log is trimmed behind them.
    const eager = ['--snapshot-freshness-percent', '1', '--snapshot-freshness-min-bytes', '200kb', '--snapshot-keep', '1'];
    server = await HoldfastProcess.start(...eager);
    const writers = Array.from({ length: 8 }, (_, id) => ({ id, acknowledged: 0, sent: 0 }));
    let fromSnapshot = 0;
    for (let round = 0; round < rounds; round++) {
      const clients: TestClient[] = [];
      let total = 0;
      const target = 200 + Math.floor(random() * 8000);
      const snapshotAt = Math.floor(random() * target);
      await new Promise<void>((reached) => {
        const write = (client: TestClient, writer: (typeof writers)[number]): void => {
          const n = ++writer.sent;
          // One transaction: all or nothing, and the counter exactly once.
          void client.send('MULTI').catch(() => undefined);
          void client.send('SET', `w${writer.id}`, n).catch(() => undefined);
          void client.send('HSET', `h${writer.id}`, `f${n % 300}`, n).catch(() => undefined);
          void client.send('INCR', `c${writer.id}`).catch(() => undefined);
          client.send('EXEC').then(() => {
            writer.acknowledged = n;
            total++;
            if (total === snapshotAt) client.send('BGSAVE').catch(() => undefined);
            if (total === target) reached();
            write(client, writer);
          }, () => undefined);
        };
        void Promise.all(writers.map(async (writer) => {
          const client = await server!.connect();
          clients.push(client);
          for (let depth = 0; depth < 16; depth++) write(client, writer);
        }));
      });
      await server.kill('SIGKILL');
      for (const client of clients) client.close();
      await server.restart(...eager);
      if (/DB loaded from snapshot/.test(server.output)) fromSnapshot++;
      const reader = await server.connect();
      for (const writer of writers) {
        const value = Number(await reader.send('GET', `w${writer.id}`));
        expect(value, `seed ${seed}, round ${round}: an acknowledged write is gone`).toBeGreaterThanOrEqual(writer.acknowledged);
        expect(value, `seed ${seed}, round ${round}: a write that nobody sent`).toBeLessThanOrEqual(writer.sent);
        expect(await reader.send('HGET', `h${writer.id}`, `f${value % 300}`), `seed ${seed}, round ${round}: half a transaction`).toBe(String(value));
        expect(await reader.send('GET', `c${writer.id}`), `seed ${seed}, round ${round}: a write counted twice, or not at all`).toBe(String(value));
        writer.acknowledged = value;
        writer.sent = value;
      }
      expect(await reader.send('DEBUG', 'CHECK')).toBe('+OK');
      reader.close();
    }
    if (rounds >= 10) expect(fromSnapshot, `seed ${seed}: rounds that began with a snapshot`).toBeGreaterThan(rounds / 2);
  });
});
