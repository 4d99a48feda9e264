/** Members that were away: by the log, by a snapshot where the log is trimmed; and one that keeps the log alone. */
import { afterEach, expect, test } from 'vitest';
import type { TestClient } from '../support/holdfast-process.ts';
import { ShardProcesses } from '../support/shard-processes.ts';

let shard: ShardProcesses;
const clients: TestClient[] = [];

async function connect(i: number): Promise<TestClient> {
  const client = await shard.nodes[i]!.connect();
  clients.push(client);
  return client;
}

async function fill(client: TestClient, prefix: string, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, i) => client.send('SET', `${prefix}:${i}`, 'x'.repeat(100))));
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await shard.remove();
});

test('a member that was away catches up by the log', async () => {
  shard = await ShardProcesses.start(3);
  const primary = await shard.primary();
  const away = (primary + 1) % 3;
  const client = await connect(primary);
  await fill(client, 'before', 100);
  await shard.nodes[away]!.kill('SIGKILL');
  await fill(client, 'meanwhile', 1000);
  await shard.restart(away);
  expect(new Set(await shard.digests()).size).toBe(1);
});

// What makes a snapshot has the lowest priority: on a busy machine it takes its time.
test('one that the trimmed log does not reach gets a snapshot', { timeout: 240_000 }, async () => {
  shard = await ShardProcesses.start(3, '--snapshot-keep', '1');
  const primary = await shard.primary();
  const away = (primary + 1) % 3;
  const client = await connect(primary);
  await fill(client, 'before', 100);
  await shard.nodes[away]!.kill('SIGKILL');
  await fill(client, 'meanwhile', 1000);
  expect(await client.send('DEL', 'before:1')).toBe(':1');
  // All that are there forget the log behind a snapshot of their own.
  for (let i = 0; i < 3; i++) if (i !== away) expect(await (await connect(i)).send('SAVE')).toBe('+OK');
  await shard.restart(away);
  expect(new Set(await shard.digests()).size).toBe(1);
  expect(shard.nodes[away]!.output).toContain('Snapshot of log record');
  // And it is a member like others again, through a restart.
  await fill(client, 'after', 100);
  await shard.nodes[away]!.kill('SIGKILL');
  await shard.restart(away);
  expect(new Set(await shard.digests()).size).toBe(1);
});

test('a member with the log alone makes a majority with one that has the data', async () => {
  shard = await ShardProcesses.start(3, { each: (i) => (i === 2 ? ['--member-role', 'log-only'] : []) });
  const primary = await shard.primary();
  expect(primary).not.toBe(2);
  expect(await shard.roleOf(2)).toBe('log-only');
  const client = await connect(primary);
  await fill(client, 'key', 100);
  // Clients at the log-only member are passed on.
  expect(await (await connect(2)).send('GET', 'key:7')).toBe('x'.repeat(100));
  await shard.nodes[1 - primary]!.kill('SIGKILL');
  expect(await client.send('SET', 'alone', 'with the log')).toBe('+OK');
  await shard.restart(1 - primary);
  await shard.nodes[primary]!.kill('SIGKILL');
  const next = await shard.primary(primary);
  expect(next).toBe(1 - primary);
  expect(await (await connect(next)).send('GET', 'alone')).toBe('with the log');
});
