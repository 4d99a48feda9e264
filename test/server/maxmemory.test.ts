/** maxmemory in a whole server: who is refused and with what words, beside redis-server; limits that change; clients' buffers. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RedisProcess, redisServerMissing } from '../support/redis-process.ts';
import { ScriptedLog } from '../support/scripted-log.ts';
import { TestClient } from '../support/holdfast-process.ts';
import { ServerRig } from './server-rig.ts';

const OOM = "-OOM command not allowed when used memory > 'maxmemory'.";
const MIB = 1024 * 1024;

let rig: ServerRig;
let client: TestClient;

beforeEach(async () => {
  rig = await ServerRig.start();
  client = await rig.connect();
});
afterEach(() => rig.stop());

async function stat(section: string, name: string): Promise<number> {
  return Number(new RegExp(`${name}:(\\S+)`).exec(await client.send('info', section))![1]);
}

describe.skipIf(redisServerMissing)('what is refused, beside redis-server', () => {
  let redis: RedisProcess;
  let oracle: TestClient;

  beforeEach(async () => {
    redis = await RedisProcess.start();
    oracle = await TestClient.connect(redis.port);
  });
  afterEach(async () => {
    oracle.close();
    await redis.stop();
  });

  /** Sends the same to both; the replies must be equal. @returns the last one */
  async function both(...lines: (string | (string | number)[])[]): Promise<string> {
    let last = '';
    for (const line of lines) {
      const words = typeof line === 'string' ? line.split(' ') : line;
      const expected = await oracle.send(...words);
      last = await client.send(...words);
      expect(last, words.join(' ')).toBe(expected);
    }
    return last;
  }

  test('commands that need memory, alone and in a transaction', async () => {
    await both('set k v', 'rpush list a', 'config set maxmemory 1');
    expect(await both('set k w')).toBe(OOM);
    await both('get k', 'lpush list b', 'lpop list', 'append k x', 'expire k 100', 'incr n', 'hset h f v', 'setrange k 0 x', 'pfadd p a', 'sort list store s', 'copy k c');
    await both('del k', 'publish c m', 'blmove list l left right 1', 'xadd s * f v', 'restore r 0 x');
    // Queuing takes memory as well: the transaction is lost.
    await both('multi', 'get k', 'exec', 'multi', 'set k v', 'exec', 'multi', 'discard');
    await both('config set maxmemory 0', 'multi', 'set k v', 'get k');
    await client.send('ping');
    // Queued while there was room, run when there is none.
    const others = [await TestClient.connect(redis.port), await rig.connect()];
    for (const other of others) await other.send('config', 'set', 'maxmemory', '1');
    expect(await both('exec')).toBe(`-EXECABORT Transaction discarded because of: ${OOM.slice(1)}`);
    expect(await both('exec')).toBe('-ERR EXEC without MULTI');
    for (const other of others) await other.send('config', 'set', 'maxmemory', '0');
    await both('multi', 'get k', 'llen list');
    for (const other of others) await other.send('config', 'set', 'maxmemory', '1');
    await both('exec');
    others[0]!.close();
    expect(await stat('errorstats', 'errorstat_OOM')).toBeNaN();
    expect(await client.send('info', 'errorstats')).toMatch(/errorstat_OOM:count=\d+/);
  });

  test('scripts and functions: by the state at their start, by their flags, and not once they have written', async () => {
    const library = `#!lua name=lib
      redis.register_function('plain', function() redis.call('set', 'k', 'f') return 1 end)
      redis.register_function{function_name='oom', callback=function() redis.call('set', 'k', 'f') return 2 end, flags={'allow-oom'}}
      redis.register_function{function_name='reads', callback=function() return redis.call('get', 'k') end, flags={'no-writes'}}`;
    await both('set k v', 'rpush l a', ['function', 'load', library], 'config set maxmemory 1');
    await both(['eval', 'return redis.pcall("set", KEYS[1], "w")', 1, 'k'], ['eval', 'return redis.call("get", KEYS[1])', 1, 'k']);
    await both(['eval', 'redis.call("lpop", KEYS[1]) redis.call("set", KEYS[2], "w") return redis.call("get", KEYS[2])', 2, 'l', 'k']);
    await both(['eval', '#!lua\nreturn 1', 0], ['eval', '#!lua flags=allow-oom\nreturn redis.call("set", KEYS[1], "y")', 1, 'k']);
    await both(['eval', '#!lua flags=no-writes\nreturn redis.call("get", KEYS[1])', 1, 'k'], ['eval_ro', 'return redis.call("get", KEYS[1])', 1, 'k']);
    await both('fcall plain 0', 'fcall oom 0', 'fcall reads 0', 'fcall_ro reads 0', 'config set maxmemory 0', 'fcall plain 0');
    // What is refused says where: positions differ, the text does not.
    await both('config set maxmemory 1');
    for (const peer of [oracle, client]) expect(await peer.send('eval', 'redis.call("set", KEYS[1], "w")', 1, 'k')).toMatch(/^-OOM command not allowed when used memory > 'maxmemory'\. script: /);
  });

  test.each([
    ['maxmemory', '-1'], ['maxmemory', '12qb'], ['maxmemory', '100mb'], ['maxmemory-policy', 'volatile-nothing'], ['maxmemory-policy', 'ALLKEYS-LFU'],
    ['maxmemory-eviction-tenacity', '101'], ['maxmemory-samples', '0'], ['maxmemory-samples', '65'], ['lfu-log-factor', '-1'], ['lfu-decay-time', 'x'],
    ['maxmemory-clients', '101%'], ['maxmemory-clients', '5%'], ['maxmemory-clients', '1gb'],
  ])('CONFIG SET %s %s', async (name, value) => {
    await both(['config', 'set', name, value], ['config', 'get', name]);
  });
});

test('a client that waits is refused when its turn comes and there is no room', async () => {
  const waiting = await rig.connect();
  const late = waiting.send('blmove', 'from', 'to', 'left', 'right', '0');
  while (rig.server.engine.blocking.count === 0) await client.send('ping');
  // Queued in one go with the push, so that the bound is there when the waiting client is served.
  const done = [client.send('rpush', 'from', 'a'), client.send('config', 'set', 'maxmemory', '1')];
  await Promise.all(done);
  expect(await late).toBe('a');
  const again = waiting.send('blmove', 'from', 'to', 'left', 'right', '0');
  expect(await again).toBe(OOM);
  await client.send('config', 'set', 'maxmemory', '0');
  const third = waiting.send('blmove', 'from', 'to', 'left', 'right', '0');
  while (rig.server.engine.blocking.count === 0) await client.send('ping');
  const { eviction, keyspace } = rig.server.engine;
  await client.send('multi');
  await client.send('rpush', 'from', 'b');
  await client.send('ping');
  eviction.maxBytes = keyspace.arena.liveBytes + keyspace.hazards.tableBytes;
  await client.send('exec');
  expect(await third).toBe(OOM);
});

test('a lowered bound is reached by itself, also between commands; the log has the deletions', async () => {
  const log = new ScriptedLog('at once');
  await rig.stop();
  rig = await ServerRig.on(log, '--maxmemory-policy', 'allkeys-random', '--maxmemory-eviction-tenacity', '0');
  client = await rig.connect();
  await Promise.all(Array.from({ length: 2000 }, (_, n) => client.send('set', `k${n}`, 'v'.repeat(1000))));
  const used = await stat('memory', 'used_memory');
  expect(used).toBeGreaterThan(2 * MIB);
  await client.send('config', 'set', 'maxmemory', used - MIB);
  const { eviction } = rig.server.engine;
  while (eviction.usedBytes > eviction.maxBytes) await new Promise((resolve) => { setImmediate(resolve); });
  const evicted = await stat('stats', 'evicted_keys');
  expect(evicted).toBeGreaterThan(900);
  expect(evicted).toBeLessThan(1200);
  expect(await client.send('dbsize')).toBe(`:${2000 - evicted}`);
  expect(await stat('memory', 'used_memory')).toBeLessThanOrEqual(used - MIB);
  const deletions = log.blocks.reduce((sum, block) => sum + Buffer.from(block).toString('latin1').split('DEL').length - 1, 0);
  expect(deletions).toBe(evicted);
  await client.send('config', 'resetstat');
  expect(await stat('stats', 'evicted_keys')).toBe(0);
});

test('nothing is taken out while clients are paused', async () => {
  await Promise.all(Array.from({ length: 500 }, (_, n) => client.send('set', `k${n}`, 'v'.repeat(100))));
  await client.send('client', 'pause', '100000', 'write');
  await client.send('config', 'set', 'maxmemory-policy', 'allkeys-lru', 'maxmemory', '1');
  expect(await client.send('dbsize')).toBe(':500');
  await client.send('client', 'unpause');
  expect(await client.send('dbsize')).not.toBe(':500');
});

test('what clients have buffered counts, and their transactions', async () => {
  const before = await stat('memory', 'used_memory');
  const queuing = await rig.connect();
  await queuing.send('multi');
  await queuing.send('set', 'k', 'v'.repeat(MIB));
  const after = await stat('memory', 'used_memory');
  expect(after - before).toBeGreaterThan(MIB);
  expect(await stat('memory', 'mem_clients_normal')).toBeGreaterThan(MIB);
  expect(await stat('memory', 'used_memory_dataset')).toBeLessThan(before + 1024);
});

test('used_memory is never nothing, and what is there from the start is told', async () => {
  const startup = await stat('memory', 'used_memory_startup');
  expect(startup).toBeGreaterThan(0);
  expect(await stat('memory', 'used_memory')).toBeGreaterThanOrEqual(startup);
  await client.send('set', 'k', 'v');
  await client.send('flushall');
  await client.send('script', 'flush');
  expect(await stat('memory', 'used_memory_dataset')).toBe(0);
});

test('maxmemory-clients ends who holds most, and not who said NO-EVICT', async () => {
  const [large, spared, small] = [await rig.connect(), await rig.connect(), await rig.connect()];
  await spared.send('client', 'no-evict', 'on');
  for (const [who, bytes] of [[large, MIB], [spared, 2 * MIB], [small, 1000]] as const) {
    await who.send('multi');
    await who.send('set', 'k', 'v'.repeat(bytes));
  }
  const ended = new Promise((resolve) => { large.socket.once('close', resolve); });
  await client.send('config', 'set', 'maxmemory-clients', 2.5 * MIB);
  await ended;
  expect(await stat('stats', 'evicted_clients')).toBe(1);
  expect(await spared.send('discard')).toBe('+OK');
  expect(await small.send('discard')).toBe('+OK');
});

test('a percentage of maxmemory bounds clients only where there is a maxmemory', async () => {
  const queuing = await rig.connect();
  await queuing.send('multi');
  await queuing.send('set', 'k', 'v'.repeat(2 * MIB));
  await client.send('config', 'set', 'maxmemory-clients', '10%');
  const ended = new Promise((resolve) => { queuing.socket.once('close', resolve); });
  expect(await stat('stats', 'evicted_clients')).toBe(0);
  await client.send('config', 'set', 'maxmemory', 10 * MIB);
  await ended;
  expect(await stat('stats', 'evicted_clients')).toBe(1);
});

test.each([
  ['pfcount', 'hll'], ['eval', 'return 1', '0'], ['set', 'k', 'v'],
])('%s, which may write, waits while the log is behind', async (...words) => {
  const log = new ScriptedLog('held');
  await rig.stop();
  rig = await ServerRig.on(log, '--txlog-max-inflight-bytes', '1mb');
  const [writer, other] = [await rig.connect(), await rig.connect()];
  const held = writer.send('set', 'large', 'v'.repeat(2 * MIB));
  while (!rig.server.pausedForWrites) expect(await other.send('ping')).toBe('+PONG');
  let isAnswered = false;
  const late = other.send(...words).then(() => { isAnswered = true; });
  // Behind it in the same connection; a message of another client is no write and goes at once.
  const reader = await rig.connect();
  expect(await reader.send('publish', 'channel', 'm')).toBe(':0');
  expect(await reader.send('get', 'none')).toBe('$-1');
  expect([isAnswered, other.outstanding]).toEqual([false, 1]);
  log.commit();
  await held;
  // What it writes is held by this log until it says so.
  while (!isAnswered) {
    log.commit();
    await reader.send('ping');
  }
  await late;
});
