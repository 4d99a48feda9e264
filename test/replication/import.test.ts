/** REPLICAOF: a redis-server that goes on taking writes of all kinds is followed, and its data is equal when it is cut over. */
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { FaultyProxy } from '../support/faulty-proxy.ts';
import { HoldfastProcess, TestClient } from '../support/holdfast-process.ts';
import { RedisProcess, redisServerMissing } from '../support/redis-process.ts';
import { ShardProcesses } from '../support/shard-processes.ts';
import { SourceTraffic } from '../support/source-traffic.ts';
import { testSeed } from '../support/test-seed.ts';

const POLL_MS = 10;
/** A full synchronisation takes seconds, and several come one after the other. */
const TIMEOUT_MS = 180_000;
const SEED = testSeed('IMPORT_SEED');
const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startRedis(...options: string[]): Promise<{ port: number; client: TestClient }> {
  const redis = await RedisProcess.start('--enable-debug-command', 'yes', ...options);
  const client = await TestClient.connect(redis.port);
  cleanups.push(() => client.close(), () => redis.stop());
  return { port: redis.port, client };
}

async function startHoldfast(...args: string[]): Promise<{ node: HoldfastProcess; client: TestClient }> {
  const node = await HoldfastProcess.start(...args);
  const client = await node.connect();
  cleanups.push(() => client.close(), () => node.remove());
  return { node, client };
}

async function field(client: TestClient, name: string): Promise<string> {
  return new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(await client.send('INFO', 'replication'))?.[1] ?? '';
}

async function until(client: TestClient, name: string, wanted: string | RegExp): Promise<void> {
  while (!(typeof wanted === 'string' ? (await field(client, name)) === wanted : wanted.test(await field(client, name)))) await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
}

/** Resolves when the target has everything that the source, which nobody writes to any more, has. */
async function caughtUp(source: TestClient, target: TestClient): Promise<void> {
  for (;;) {
    await until(target, 'master_link_status', 'up');
    if (Number(await field(target, 'slave_repl_offset')) >= Number(await field(source, 'master_repl_offset'))) return;
  }
}

async function traffic(port: number): Promise<SourceTraffic> {
  const client = await TestClient.connect(port);
  const running = new SourceTraffic(client, SEED);
  cleanups.push(async () => {
    await running.end().catch(() => undefined);
    client.close();
  });
  return running;
}

/**
 * What would expire between one look and the next, in whatever database. SCAN takes out what has expired already, which KEYS does not
 * show and the digest of redis-server counts until its cycle comes to it.
 */
const DELETE_WHAT_ENDS_SOON = `for db = 0, 15 do
  redis.call('SELECT', db)
  local cursor = '0'
  repeat cursor = redis.call('SCAN', cursor, 'COUNT', 1000)[1] until cursor == '0'
  for _, key in ipairs(redis.call('KEYS', '*')) do
    local ms = redis.call('PTTL', key)
    if ms >= 0 and ms < 100000 then redis.call('DEL', key) end
  end
end`;

/** The source's keys that have expired are gone on both sides: their deletion, too, is the source's to say. */
async function digests(source: TestClient, target: TestClient): Promise<[string, string]> {
  await source.send('DEBUG', 'SET-ACTIVE-EXPIRE', 1);
  await source.send('EVAL', DELETE_WHAT_ENDS_SOON, 0);
  let before = '';
  for (let now = await source.send('DEBUG', 'DIGEST'); now !== before; now = await source.send('DEBUG', 'DIGEST')) {
    before = now;
    await caughtUp(source, target);
  }
  return [before, await target.send('DEBUG', 'DIGEST')];
}

/** The keys in which both differ: for who has to find out why. */
async function differingKeys(source: TestClient, target: TestClient): Promise<string[]> {
  const differing: string[] = [];
  for (let db = 0; db < 16; db++) {
    for (const client of [source, target]) await client.send('SELECT', db);
    const lists = await Promise.all([source, target].map((client) => client.send('EVAL', "return table.concat(redis.call('KEYS', '*'), '\\n')", 0)));
    for (const key of new Set(lists.flatMap((list) => list.split('\n').slice(1)).map((key) => key.replace('\r', '')))) {
      const [there, here] = await Promise.all([source, target].map((client) => client.send('DEBUG', 'DIGEST-VALUE', key)));
      if (there !== here) differing.push(`db ${db}: ${key}`);
    }
  }
  return differing;
}

async function expectEqual(source: TestClient, target: TestClient): Promise<void> {
  const [expected, found] = await digests(source, target);
  expect(found, found === expected ? '' : `different: ${(await differingKeys(source, target)).join(', ')}`).toBe(expected);
}

describe.skipIf(redisServerMissing)(`an import from a redis-server that takes writes (seed ${SEED})`, { timeout: TIMEOUT_MS }, () => {
  test.each([['disk', 'no'], ['diskless', 'yes']])('is equal at the cut-over: %s', async (_name, diskless) => {
    const source = await startRedis('--repl-diskless-sync', diskless, '--repl-diskless-sync-delay', '0');
    const writing = await traffic(source.port);
    await writing.more(1500);
    const { node, client } = await startHoldfast();
    expect(await client.send('SET', 'of-its-own', 'x')).toBe('+OK');
    expect(await client.send('REPLICAOF', '127.0.0.1', source.port)).toBe('+OK');
    expect(await client.send('REPLICAOF', '127.0.0.1', source.port)).toBe('+OK Already connected to specified master');
    await until(client, 'master_link_status', 'up');
    await writing.more(2000);
    expect(await client.send('SET', 's:1', 'x')).toBe("-READONLY You can't write against a read only replica.");
    expect(await client.send('EVAL', "return redis.call('SET', 's:1', 'x')", 0)).toContain("READONLY You can't write against a read only replica.");
    expect(await client.send('GET', 'of-its-own')).toBe('$-1');
    expect(await client.send('ROLE')).toMatch(/^\*5\r\n\$5\r\nslave\r\n\$9\r\n127\.0\.0\.1\r\n:\d+\r\n\$9\r\nconnected\r\n:\d+$/);
    await writing.end();
    await expectEqual(source.client, client);
    expect(await client.send('FUNCTION', 'LIST')).toContain(await source.client.send('FUNCTION', 'LIST').then((text) => (text === '*0' ? '*0' : 'traffic')));
    expect(await client.send('REPLICAOF', 'NO', 'ONE')).toBe('+OK');
    expect(await client.send('SET', 'after', 'x')).toBe('+OK');
    expect(await field(client, 'role')).toBe('master');
    // What is on its disk is the same, but for what expires meanwhile.
    await client.send('EVAL', DELETE_WHAT_ENDS_SOON, 0);
    const digest = await client.send('DEBUG', 'DIGEST');
    client.close();
    await node.kill('SIGKILL');
    await node.restart();
    const again = await node.connect();
    expect(await again.send('DEBUG', 'DIGEST')).toBe(digest);
    expect(await field(again, 'role')).toBe('master');
    again.close();
  });

  test('goes on where it was when the connection breaks, and begins anew when the source has forgotten', async () => {
    const source = await startRedis('--repl-diskless-sync-delay', '0', '--repl-backlog-size', '200mb');
    const proxy = await FaultyProxy.to(source.port);
    cleanups.push(() => proxy.close());
    const writing = await traffic(source.port);
    const { client } = await startHoldfast();
    await client.send('REPLICAOF', '127.0.0.1', proxy.port);
    for (let i = 1; i <= 3; i++) {
      await until(client, 'master_link_status', 'up');
      await writing.more(1000);
      proxy.cut();
      await until(client, 'import_continuations', String(i));
    }
    expect(await field(client, 'import_full_syncs')).toBe('1');
    await until(client, 'master_link_status', 'up');
    proxy.refuse();
    await until(client, 'master_link_status', 'down');
    await source.client.send('CONFIG', 'SET', 'repl-backlog-size', '16kb');
    await writing.more(2500);
    expect(await client.send('GET', 'nothing')).toBe('$-1');
    proxy.resume();
    await until(client, 'import_full_syncs', '2');
    await until(client, 'master_link_status', 'up');
    await writing.end();
    await expectEqual(source.client, client);
  });

  test('whose source is down shows no stale data if told so', async () => {
    const { client } = await startHoldfast();
    await client.send('SET', 'k', 'v');
    await client.send('CONFIG', 'SET', 'replica-serve-stale-data', 'no');
    await client.send('MULTI');
    await client.send('GET', 'k');
    const other = await TestClient.connect(client.socket.remotePort!);
    expect(await other.send('REPLICAOF', 'nowhere.invalid', 1)).toBe('+OK');
    const down = "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";
    expect(await client.send('EXEC')).toBe(`-EXECABORT Transaction discarded because of: ${down}`);
    expect(await client.send('GET', 'k')).toBe(`-${down}`);
    await client.send('CONFIG', 'SET', 'replica-serve-stale-data', 'yes');
    expect(await client.send('GET', 'k')).toBe('v');
    expect(await client.send('REPLICAOF', 'NO', 'ONE')).toBe('+OK');
    other.close();
  });

  test('is nowhere while it loads: nobody reads a part, and NO ONE throws it away', async () => {
    const source = await startRedis('--repl-diskless-sync', 'no');
    await source.client.send('DEBUG', 'POPULATE', 20_000, 'key', 100);
    const proxy = await FaultyProxy.to(source.port);
    cleanups.push(() => proxy.close());
    const { client } = await startHoldfast();
    await client.send('SET', 'before', 'x');
    // Its data begins to come and then hangs.
    proxy.delayMs = 20;
    await client.send('REPLICAOF', '127.0.0.1', proxy.port);
    await until(client, 'import_phase', 'load');
    proxy.block('in');
    expect(await client.send('GET', 'before')).toBe('-LOADING Redis is loading the dataset in memory');
    expect(await client.send('DBSIZE')).toBe('-LOADING Redis is loading the dataset in memory');
    expect(await field(client, 'master_sync_in_progress')).toBe('1');
    expect(await client.send('REPLICAOF', 'NO', 'ONE')).toBe('+OK');
    expect(await client.send('DBSIZE')).toBe(':0');
    proxy.resume();
    expect(await client.send('SET', 'after', 'x')).toBe('+OK');
  });

  test('a restarted node goes on where it was, to the byte', async () => {
    const source = await startRedis('--repl-diskless-sync-delay', '0', '--repl-backlog-size', '200mb');
    const writing = await traffic(source.port);
    const { node, client } = await startHoldfast();
    await client.send('REPLICAOF', '127.0.0.1', source.port);
    await until(client, 'master_link_status', 'up');
    await writing.more(2000);
    await node.kill('SIGKILL');
    await writing.more(1000);
    await node.restart();
    const again = await node.connect();
    cleanups.push(() => again.close());
    await until(again, 'master_link_status', 'up');
    expect([await field(again, 'import_full_syncs'), await field(again, 'import_continuations')]).toEqual(['0', '1']);
    await writing.end();
    const [expected, found] = await digests(source.client, again);
    expect(found).toBe(expected);
  });

  test('wrong passwords, and what is no Redis, are said; the right password helps', async () => {
    const source = await startRedis('--requirepass', 'secret');
    await source.client.send('AUTH', 'secret');
    await source.client.send('SET', 'a', '1');
    const { client } = await startHoldfast();
    await client.send('REPLICAOF', '127.0.0.1', source.port);
    await until(client, 'import_error', /the source wants a password: set masterauth/);
    expect(await field(client, 'master_link_status')).toBe('down');
    await client.send('CONFIG', 'SET', 'masterauth', 'wrong');
    await until(client, 'import_error', /the source refused AUTH: WRONGPASS/);
    await client.send('CONFIG', 'SET', 'masterauth', 'secret');
    await until(client, 'master_link_status', 'up');
    expect(await client.send('GET', 'a')).toBe('1');

    const stranger = net.createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    cleanups.push(() => { stranger.close(); });
    await client.send('REPLICAOF', '127.0.0.1', (stranger.address() as net.AddressInfo).port);
    await until(client, 'import_error', /what answers is no Redis: it says "HTTP/);
    await client.send('REPLICAOF', '127.0.0.1', 1);
    await until(client, 'import_error', /no server answers at 127\.0\.0\.1:1/);
    expect(await client.send('GET', 'a')).toBe('1');
    expect(await client.send('REPLICAOF', '127.0.0.1', 'x')).toBe('-ERR Invalid master port');
  });

  test('stops at a value that no record of the log holds, and goes on when it is gone', async () => {
    const source = await startRedis('--repl-diskless-sync-delay', '0');
    await source.client.send('SET', 'a', '1');
    await source.client.send('SETRANGE', 'big', 57 * 1024 * 1024, 'x');
    const { client } = await startHoldfast();
    await client.send('REPLICAOF', '127.0.0.1', source.port);
    await until(client, 'import_error', /^59768833 bytes at the key "big" are more than a record of the log may have/);
    await source.client.send('DEL', 'big');
    await until(client, 'master_link_status', 'up');
    expect(await client.send('GET', 'a')).toBe('1');
  });

  test('another member that becomes primary goes on with it', async () => {
    const source = await startRedis('--repl-diskless-sync-delay', '0', '--repl-backlog-size', '200mb');
    const writing = await traffic(source.port);
    const shard = await ShardProcesses.start(3);
    cleanups.push(() => shard.remove());
    const first = await shard.primary();
    const client = await shard.nodes[first]!.connect();
    await client.send('REPLICAOF', '127.0.0.1', source.port);
    await until(client, 'master_link_status', 'up');
    await writing.more(1000);
    client.close();
    await shard.nodes[first]!.kill('SIGKILL');
    const second = await shard.primary(first);
    const next = await shard.nodes[second]!.connect();
    cleanups.push(() => next.close());
    await until(next, 'master_link_status', 'up');
    expect(await field(next, 'import_continuations')).toBe('1');
    await writing.more(1000);
    await writing.end();
    const [expected, found] = await digests(source.client, next);
    expect(found).toBe(expected);
    await next.send('REPLICAOF', 'NO', 'ONE');
    expect(await next.send('SET', 'after', 'x')).toBe('+OK');
    await shard.restart(first);
    expect(new Set(await shard.digests()).size).toBe(1);
  });
});
