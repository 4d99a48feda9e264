/** A member whose journal is cut short does not start, says what to do, and that works. */
import { readdir, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ShardProcesses } from '../support/shard-processes.ts';

let shard: ShardProcesses;
afterEach(() => shard.remove());

test('a member whose journal is cut short joins anew with an empty directory', async () => {
  shard = await ShardProcesses.start(3);
  const primary = await shard.primary();
  const client = await shard.nodes[primary]!.connect();
  for (let i = 0; i < 50; i++) expect(await client.send('RPUSH', 'list', i)).toBe(`:${i + 1}`);
  const victim = (primary + 1) % 3;
  const node = shard.nodes[victim]!;
  await node.kill('SIGKILL');
  const journal = join(node.dir, 'txlog', 'journal');
  await truncate(join(journal, (await readdir(journal)).find((name) => name.endsWith('-0.journal'))!), 1000);
  const why = await shard.restart(victim).then(() => '', (error: unknown) => (error as Error).message);
  expect(why).toContain('# LOG_DAMAGED: segment 0 of the log\'s journal has 1000 bytes instead of 4194304. Move the data directory away and start with an empty one: ');
  await node.wipe();
  await shard.restart(victim);
  while ((await shard.info(victim, 'raft_voters')) !== '3' || (await shard.info(primary, 'connected_slaves')) !== '2') {
    await client.send('RPUSH', 'list', 'more');
  }
  expect(new Set(await shard.digests()).size).toBe(1);
  client.close();
});
