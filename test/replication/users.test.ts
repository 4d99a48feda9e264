/** Users of a shard of real processes: on every member, through failovers, restarts and snapshots; and clients at any member. */
import { readFileSync, readdirSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HoldfastProcess, TestClient, arrayOf } from '../support/holdfast-process.ts';
import { RedisProcess, redisServerMissing } from '../support/redis-process.ts';
import { ShardProcesses } from '../support/shard-processes.ts';

/** Every test is done with its clients at its end. */
async function withClient<T>(port: number, work: (client: TestClient) => Promise<T>): Promise<T> {
  const client = await TestClient.connect(port);
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

const lines = (port: number, user: string, password: string): Promise<string[]> => withClient(port, async (client) => {
  await client.send('auth', user, password);
  return arrayOf(await client.send('acl', 'list'));
});

describe('three members', () => {
  let shard: ShardProcesses;
  beforeAll(async () => { shard = await ShardProcesses.start(3); });
  afterAll(() => shard.remove());

  const port = (i: number): number => shard.nodes[i]!.port;
  const rest = (not: number): number[] => [0, 1, 2].filter((i) => i !== not);

  test('a replica ends the connections of a user that is deleted elsewhere', async () => {
    const primary = await shard.primary();
    const [replica] = rest(primary);
    const doomed = await TestClient.connect(port(replica!));
    await withClient(port(primary), async (client) => {
      await client.send('acl', 'setuser', 'bob', 'on', '>pw', '+@all', '~*');
      await expect.poll(() => doomed.send('auth', 'bob', 'pw'), { timeout: 10_000 }).toBe('+OK');
      expect(await doomed.send('set', 'c', '1')).toBe('+OK');
      const end = new Promise((resolve) => { doomed.socket.once('close', resolve); });
      await client.send('acl', 'deluser', 'bob');
      await end;
    });
  });

  test('a user that is made through any member is there on all of them, and after the primary has died', async () => {
    const primary = await shard.primary();
    const [replica, other] = rest(primary);
    await withClient(port(replica!), async (client) => {
      // Forwarded to the primary, as a write is.
      expect(await client.send('acl', 'setuser', 'admin', 'on', '>secret', '+@all', '~*', '&*')).toBe('+OK');
      expect(await client.send('acl', 'setuser', 'alice', 'on', '>pw', '+@read', '+set', '+multi', '+exec', '~a*')).toBe('+OK');
    });
    const wanted = await lines(port(primary), 'admin', 'secret');
    expect(wanted).toHaveLength(3);
    for (const i of rest(primary)) await expect.poll(() => lines(port(i), 'admin', 'secret'), { timeout: 10_000 }).toEqual(wanted);

    // At a replica: checked as that user at the primary.
    await withClient(port(other!), async (client) => {
      expect(await client.send('auth', 'alice', 'pw')).toBe('+OK');
      expect(await client.send('set', 'a', '1')).toBe('+OK');
      expect(await client.send('set', 'b', '1')).toBe('-NOPERM No permissions to access a key');
      expect(await client.send('del', 'a')).toBe("-NOPERM User alice has no permissions to run the 'del' command");
      expect(await client.send('config', 'get', 'port')).toBe("-NOPERM User alice has no permissions to run the 'config|get' command");
      // The same connection as somebody else, and back.
      expect(await client.send('auth', 'admin', 'secret')).toBe('+OK');
      expect(await client.send('set', 'b', '1')).toBe('+OK');
      expect(await client.send('auth', 'alice', 'pw')).toBe('+OK');
      expect(await client.send('set', 'b', '2')).toBe('-NOPERM No permissions to access a key');
      await client.send('multi');
      expect(await client.send('set', 'a', '2')).toBe('+QUEUED');
      expect(await client.send('exec')).toBe('*1\r\n+OK');
      // And without: READONLY reads are checked where they run.
      expect(await client.send('auth', 'admin', 'secret')).toBe('+OK');
      await client.send('acl', 'setuser', 'alice', '+readonly');
    });
    for (const i of rest(primary)) await expect.poll(async () => (await lines(port(i), 'admin', 'secret'))[1], { timeout: 10_000 }).toContain('+readonly');
    await withClient(port(other!), async (client) => {
      await client.send('auth', 'alice', 'pw');
      expect(await client.send('readonly')).toBe('+OK');
      expect(await client.send('get', 'b')).toBe('-NOPERM No permissions to access a key');
    });

    const before = await lines(port(primary), 'admin', 'secret');
    await shard.nodes[primary]!.kill('SIGKILL');
    const next = await shard.primary(primary);
    expect(await lines(port(next), 'admin', 'secret')).toEqual(before);

    // The default user gets a password while that member is away; it must not let anybody in when it is back.
    await withClient(port(next), async (client) => {
      await client.send('auth', 'admin', 'secret');
      expect(await client.send('acl', 'setuser', 'default', 'resetpass', '>closed')).toBe('+OK');
      expect(await client.send('acl', 'deluser', 'alice')).toBe(':1');
    });
    await shard.restart(primary);
    await withClient(port(primary), async (client) => {
      await expect.poll(() => client.send('auth', 'default', 'closed'), { timeout: 10_000 }).toBe('+OK');
      await expect.poll(async () => (await lines(port(primary), 'admin', 'secret')).length, { timeout: 10_000 }).toBe(2);
    });
    await withClient(port(primary), async (client) => {
      expect(await client.send('get', 'a')).toBe('-NOAUTH Authentication required.');
      expect(await client.send('auth', 'alice', 'pw')).toMatch(/^-WRONGPASS/);
      expect(await client.send('auth', 'admin', 'secret')).toBe('+OK');
      expect(await client.send('get', 'a')).toBe('2');
    });
  });
});

describe('one member', () => {
  let node: HoldfastProcess;
  afterAll(() => node.remove());

  test('restart and snapshot keep users; directives count until there are some', async () => {
    const args = ['--bind', '127.0.0.1', '--user', 'seeded', 'on', '>pw', '+@all', '~*', '--requirepass', 'first'];
    node = await HoldfastProcess.start(...args);
    await withClient(node.port, async (client) => {
      expect(await client.send('auth', 'seeded', 'pw')).toBe('+OK');
      expect(await client.send('acl', 'setuser', 'alice', 'on', '>pw', '+get', '~a(b', '(+set ~c) +del)')).toBe('+OK');
    });
    const wanted = await lines(node.port, 'default', 'first');
    expect(wanted).toHaveLength(3);
    await node.kill('SIGKILL');
    // The log's users count now, whatever the directives say.
    await node.restart('--bind', '127.0.0.1', '--requirepass', 'second');
    expect(await lines(node.port, 'default', 'first')).toEqual(wanted);
    await withClient(node.port, async (client) => {
      await client.send('auth', 'default', 'first');
      await client.send('set', 'key', 'value');
      expect(await client.send('save')).toBe('+OK');
      await client.send('acl', 'setuser', 'later', 'on', 'nopass', '+ping');
    });
    const afterSave = await lines(node.port, 'default', 'first');
    await node.kill('SIGKILL');
    await node.restart('--bind', '127.0.0.1');
    expect(node.output).toMatch(/DB loaded from snapshot/);
    expect(await lines(node.port, 'default', 'first')).toEqual(afterSave);
    await withClient(node.port, async (client) => {
      await client.send('auth', 'default', 'first');
      expect(await client.send('debug', 'reload')).toBe('+OK');
    });
    expect(await lines(node.port, 'default', 'first')).toEqual(afterSave);
  });

  test.skipIf(redisServerMissing)('redis-server loads the snapshot, and passes over the users', async () => {
    const snapshots = join(node.dir, 'snapshots');
    const file = readdirSync(snapshots).filter((name) => name.endsWith('.rdb')).sort().pop()!;
    expect(readFileSync(join(snapshots, file), 'latin1')).toContain('holdfast-users');
    copyFileSync(join(snapshots, file), join(snapshots, 'taken.rdb'));
    const redis = await RedisProcess.start('--dbfilename', 'taken.rdb', '--dir', snapshots);
    try {
      await withClient(redis.port, async (client) => { expect(await client.send('get', 'key')).toBe('value'); });
    } finally {
      await redis.stop();
    }
  });
});
