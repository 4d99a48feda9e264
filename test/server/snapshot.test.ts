/** SAVE and BGSAVE of real processes, recovery from what they make, and what happens when that has rotted. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { HoldfastProcess, type TestClient } from '../support/holdfast-process.ts';
import { ServerRig } from './server-rig.ts';

let server: HoldfastProcess | null = null;
afterEach(async () => {
  await server?.remove();
  server = null;
});

const snapshotsOf = (process: HoldfastProcess): string[] => readdirSync(join(process.dir, 'snapshots')).sort();

async function field(client: TestClient, name: string): Promise<string> {
  return new RegExp(`^${name}:(.*)\r$`, 'm').exec(await client.send('INFO', 'everything'))![1]!;
}

function damage(process: HoldfastProcess, name: string): void {
  const path = join(process.dir, 'snapshots', name);
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(path, bytes);
}

describe('snapshots on demand', () => {
  test('SAVE answers when everything done before it is in a durable snapshot', async () => {
    server = await HoldfastProcess.start();
    const client = await server.connect();
    void client.send('SET', 'k', 'v');
    expect(await client.send('SAVE')).toBe('+OK');
    expect(snapshotsOf(server)).toHaveLength(1);
    expect(await field(client, 'rdb_changes_since_last_save')).toBe('0');
    await server.kill('SIGKILL');
    await server.restart();
    expect(server.output).toMatch(/DB loaded from snapshot \S+ with 1 keys/);
    expect(await (await server.connect()).send('GET', 'k')).toBe('v');
  });

  test('others are served while a snapshot is made, and a second one is refused', async () => {
    server = await HoldfastProcess.start();
    const [saver, other] = [await server.connect(), await server.connect()];
    await other.send('SET', 'k', '1');
    const saved = saver.send('SAVE');
    // The snapshot takes a process's start: some hundred times as long as these.
    // Which of two clients is read first is nobody's to say.
    while (saver.outstanding > 0 && (await field(other, 'rdb_bgsave_in_progress')) !== '1') continue;
    expect(await other.send('BGSAVE')).toBe('-ERR Background save already in progress');
    expect(await field(other, 'rdb_bgsave_in_progress')).toBe('1');
    expect(await other.send('SET', 'k', '2')).toBe('+OK');
    expect(saver.outstanding).toBe(1);
    expect(await saved).toBe('+OK');
    expect(await other.send('BGSAVE', 'NOW')).toBe('-ERR syntax error');
    expect(await other.send('BGSAVE', 'SCHEDULE')).toBe('+Background saving started');
  });

  test('BGREWRITEAOF is a snapshot that INFO shows as what Redis would do', async () => {
    server = await HoldfastProcess.start();
    const client = await server.connect();
    await client.send('SET', 'k', '1');
    expect(await client.send('BGREWRITEAOF')).toBe('+Background append only file rewriting started');
    expect(await client.send('BGREWRITEAOF')).toBe('-ERR Background append only file rewriting already in progress');
    expect(await client.send('BGSAVE')).toMatch(/^-ERR Another child process is active \(AOF\?\)/);
    expect([await field(client, 'aof_rewrite_in_progress'), await field(client, 'rdb_bgsave_in_progress')]).toEqual(['1', '0']);
    expect(await client.send('BGSAVE', 'SCHEDULE')).toBe('+Background saving scheduled');
    expect(await client.send('SAVE')).toBe('+OK');
    expect(await field(client, 'aof_rewrite_in_progress')).toBe('0');
  });

  test('the log is trimmed behind the older of the two that are kept', async () => {
    server = await HoldfastProcess.start();
    const client = await server.connect();
    for (let n = 1; n <= 4; n++) {
      expect(await client.send('SET', `k${n}`, n)).toBe('+OK');
      expect(await client.send('SAVE')).toBe('+OK');
    }
    const kept = snapshotsOf(server);
    expect(kept).toHaveLength(2);
    await client.send('SET', 'k5', '5');
    await server.kill('SIGKILL');

    // One of them may rot.
    damage(server, kept[1]!);
    await server.restart();
    expect(server.output).toContain(`Snapshot ${kept[1]!} cannot be used, an older one is tried`);
    expect(server.output).toContain(`DB loaded from snapshot ${kept[0]!}`);
    expect(await (await server.connect()).send('MGET', 'k1', 'k2', 'k3', 'k4', 'k5')).toBe('*5\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5');
    await server.kill('SIGKILL');

    // If both do, no part of the data is served as if it were all.
    damage(server, kept[0]!);
    await expect(server.restart()).rejects.toThrow(/SNAPSHOT_DAMAGED: the log begins behind record \d+, and none of the 2 snapshots that reach it is whole/);
  });

  test('a server that ends while a snapshot is made leaves nothing of it behind', async () => {
    server = await HoldfastProcess.start();
    const client = await server.connect();
    await client.send('SET', 'k', 'v');
    expect(await client.send('BGSAVE')).toBe('+Background saving started');
    expect(await server.kill('SIGTERM')).toBe(0);
    await server.restart();
    expect(await (await server.connect()).send('GET', 'k')).toBe('v');
    expect(snapshotsOf(server).filter((name) => name.endsWith('.draft'))).toEqual([]);
  });
});

test('commands that need the data are refused while it is loaded', async () => {
  const rig = await ServerRig.start();
  try {
    rig.server.member.role = 'loading';
    rig.server.serving = false;
    rig.server.loadingProgress = { done: 30, total: 100 };
    const client = await rig.connect();
    expect(await client.send('GET', 'k')).toBe('-LOADING Redis is loading the dataset in memory');
    expect(await client.send('SET', 'k', 'v')).toBe('-LOADING Redis is loading the dataset in memory');
    expect(await client.send('PING')).toMatch(/^[+]PONG|^-LOADING/);
    const info = await client.send('INFO', 'persistence');
    expect(info).toContain('loading:1\r\n');
    expect(info).toContain('loading_total_bytes:100\r\n');
    expect(info).toContain('loading_loaded_perc:30.00\r\n');
    rig.server.member.role = 'primary';
    expect(await client.send('GET', 'k')).toBe('$-1');
  } finally {
    await rig.stop();
  }
});
