/** A disk that fails under a running server: the process ends, says why, and nothing that was not durable was acknowledged. */
import { spawnSync } from 'node:child_process';
import { afterEach, describe, expect, test } from 'vitest';
import { HoldfastProcess } from '../support/holdfast-process.ts';

let server: HoldfastProcess | null = null;
afterEach(async () => {
  await server?.remove();
  server = null;
});

/** From now on every write of the process into a file fails with EFBIG. */
function failWrites(pid: number): void {
  const { status, stderr } = spawnSync('prlimit', ['--pid', String(pid), '--fsize=0'], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
}

describe.skipIf(spawnSync('prlimit', ['--version']).error !== undefined)('when the log cannot be written', () => {
  test('the process ends with a clear message; what was acknowledged is there, what was not was never answered', async () => {
    server = await HoldfastProcess.start();
    const clients = await Promise.all(Array.from({ length: 4 }, () => server!.connect()));
    for (const [n, client] of clients.entries()) expect(await client.send('SET', `before:${n}`, n)).toBe('+OK');
    const ended = server.ended();
    failWrites(server.pid);
    const outcomes = clients.flatMap((client, n) => [
      client.send('SET', `after:${n}`, n), client.send('GET', `after:${n}`), client.send('INCR', 'counter'), client.send('EXISTS', 'counter'),
    ]);
    // Neither the writes nor the reads that would show them: the connections are closed.
    for (const outcome of await Promise.allSettled(outcomes)) expect(outcome.status).toBe('rejected');
    expect(await ended).toBe(1);
    // EFBIG is Node's word for it, where the journal's write came first, the other is LevelDB's, where what stands behind it did.
    expect(server.output).toMatch(/FATAL: the transaction log failed, so nothing can be acknowledged any more: \S+: .*(EFBIG|File too large)/);
    await server.restart();
    const reader = await server.connect();
    for (const n of clients.keys()) expect(await reader.send('GET', `before:${n}`)).toBe(String(n));
    expect(await reader.send('DEBUG', 'CHECK')).toBe('+OK');
    // A write that failed may have reached the disk in part or not at all: here none did.
    expect(await reader.send('DBSIZE')).toBe(`:${clients.length}`);
    expect(await reader.send('SET', 'goes', 'on')).toBe('+OK');
  });
});
