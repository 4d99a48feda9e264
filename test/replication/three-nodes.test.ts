/** Three real processes on loopback: a shard founds itself, replicates, and goes on when its primary dies, stops or hands over. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TestClient } from '../support/holdfast-process.ts';
import { ShardProcesses } from '../support/shard-processes.ts';

let shard: ShardProcesses;
let clients: TestClient[];

async function connect(i: number): Promise<TestClient> {
  const client = await shard.nodes[i]!.connect();
  clients.push(client);
  return client;
}

beforeEach(async () => {
  clients = [];
  shard = await ShardProcesses.start(3);
});
afterEach(async () => {
  for (const client of clients) client.close();
  await shard.remove();
});

describe('a shard of three', () => {
  test('replicates to all, and replicas answer READONLY clients', async () => {
    const primary = await shard.primary();
    const client = await connect(primary);
    for (let i = 0; i < 100; i++) expect(await client.send('SET', `key:${i}`, i)).toBe('+OK');
    expect(await client.send('WAIT', 2, 0)).toBe(':2');
    expect(await client.send('CONFIG', 'SET', 'min-replicas-to-write', 3)).toBe('+OK');
    expect(await client.send('SET', 'a', 1)).toBe('-NOREPLICAS Not enough good replicas to write.');
    expect(await client.send('CONFIG', 'SET', 'min-replicas-to-write', 2)).toBe('+OK');
    expect(await client.send('SET', 'a', 1)).toBe('+OK');
    expect(await client.send('WAIT', 2, 0)).toBe(':2');
    expect(new Set(await shard.digests()).size).toBe(1);
    const replica = await connect((primary + 1) % 3);
    expect(await replica.send('READONLY')).toBe('+OK');
    expect(await replica.send('GET', 'key:99')).toBe('99');
  });

  test('loses nothing that was acknowledged when its primary is killed, and takes it back', async () => {
    const first = await shard.primary();
    const writer = await connect(first);
    let acknowledged = 0;
    const sending = (async () => {
      for (let i = 1; ; i++) {
        await writer.send('SET', 'counter', i);
        acknowledged = i;
      }
    })().catch(() => undefined);
    while (acknowledged < 200) await writer.send('PING');
    await shard.nodes[first]!.kill('SIGKILL');
    await sending;
    const second = await shard.primary();
    const reader = await connect(second);
    const found = Number(await reader.send('GET', 'counter'));
    // The last one sent was in doubt.
    expect([acknowledged, acknowledged + 1]).toContain(found);
    expect(await reader.send('SET', 'after', 'failover')).toBe('+OK');
    await shard.restart(first);
    expect(new Set(await shard.digests()).size).toBe(1);
  });

  test('a primary that was stopped past its lease serves nothing stale when it goes on', async () => {
    const first = await shard.primary();
    const old = await connect(first);
    expect(await old.send('SET', 'k', 'old')).toBe('+OK');
    shard.nodes[first]!.signal('SIGSTOP');
    const second = await shard.primary(first);
    expect(await (await connect(second)).send('SET', 'k', 'new')).toBe('+OK');
    // Sent while it sleeps: it reads this first thing when it wakes.
    const late = old.send('GET', 'k').catch(() => 'closed');
    const lateWrite = old.send('SET', 'k', 'lost').catch(() => 'closed');
    shard.nodes[first]!.signal('SIGCONT');
    expect(['new', 'closed']).toContain(await late);
    // Executed by the old primary it would be lost; the new one may get it from there.
    const written = await lateWrite;
    expect(await (await connect(second)).send('GET', 'k')).toBe(written === '+OK' ? 'lost' : 'new');
    expect(new Set(await shard.digests()).size).toBe(1);
  });

  test('FAILOVER hands over without an error or a lost write', async () => {
    const first = await shard.primary();
    const client = await connect(first);
    expect(await client.send('SET', 'k', 1)).toBe('+OK');
    expect(await client.send('FAILOVER')).toBe('+OK');
    const second = await shard.primary(first);
    expect(await (await connect(second)).send('INCR', 'k')).toBe(':2');
    expect(await client.send('ROLE')).toContain('slave');
    // What the old primary is asked it passes on.
    expect(await client.send('INCR', 'k')).toBe(':3');
  });

  test('a node whose disk was wiped comes back as another member, in place of the old one', async () => {
    const primary = await shard.primary();
    const client = await connect(primary);
    for (let i = 0; i < 50; i++) await client.send('RPUSH', 'list', i);
    const victim = (primary + 1) % 3;
    const before = await shard.info(victim, 'member_id');
    await shard.nodes[victim]!.kill('SIGKILL');
    await shard.nodes[victim]!.wipe();
    await shard.restart(victim);
    while ((await shard.info(victim, 'raft_voters')) !== '3' || (await shard.info(primary, 'connected_slaves')) !== '2') {
      await client.send('RPUSH', 'list', 'more');
    }
    expect(await shard.info(victim, 'member_id')).not.toBe(before);
    expect(new Set(await shard.digests()).size).toBe(1);
  });
});
