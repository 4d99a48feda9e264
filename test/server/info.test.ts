/** INFO, its statistics, SLOWLOG and LATENCY. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LatencyHistogram } from '../../src/engine/latency-histogram.ts';
import type { TestClient } from '../support/holdfast-process.ts';
import { ServerRig, stringsOf } from './server-rig.ts';

let rig: ServerRig;
let client: TestClient;

beforeEach(async () => {
  rig = await ServerRig.start('--enable-debug-command', 'yes');
  client = await rig.connect();
});
afterEach(() => rig.stop());

async function fields(...sections: string[]): Promise<Map<string, string>> {
  const text = await client.send('info', ...sections);
  return new Map(text.split('\r\n').filter((line) => line.includes(':')).map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}

const field = async (name: string): Promise<string | undefined> => (await fields()).get(name);

async function titles(...sections: string[]): Promise<string[]> {
  return (await client.send('info', ...sections)).split('\r\n').filter((line) => line.startsWith('# ')).map((line) => line.slice(2));
}

test('sections', async () => {
  const usual = ['Server', 'Clients', 'Memory', 'Persistence', 'Stats', 'Replication', 'CPU', 'Modules', 'Errorstats', 'Cluster', 'Keyspace'];
  expect(await titles()).toEqual(usual);
  expect(await titles('default')).toEqual(usual);
  const all = ['Server', 'Clients', 'Memory', 'Persistence', 'Stats', 'Replication', 'CPU', 'Modules', 'Commandstats', 'Errorstats', 'Latencystats', 'Cluster', 'Keyspace', 'Keysizes'];
  expect(await titles('everything')).toEqual(all);
  expect(await titles('all')).toEqual(all.filter((title) => title !== 'Modules'));
  expect(await titles('keyspace', 'SERVER')).toEqual(['Server', 'Keyspace']);
  expect(await titles('default', 'commandstats')).toContain('Commandstats');
  expect(await client.send('info', 'nosuch')).toBe('');
});

test('has every field that redis-server 7.0 shows', async () => {
  const names = readFileSync(fileURLToPath(new URL('redis-7.0-info-fields.txt', import.meta.url)), 'utf8').trim().split('\n');
  // Of the build, which means nothing here, and of threads, where the system does not tell.
  const without = new Set(['gcc_version', ...(existsSync('/proc/self/task') ? [] : ['used_cpu_sys_main_thread', 'used_cpu_user_main_thread'])]);
  const shown = await fields('everything');
  expect(names.filter((name) => !shown.has(name) && !without.has(name))).toEqual([]);
  for (const [name, value] of shown) expect(value, name).not.toMatch(/NaN|undefined|Infinity/);
});

test('counts fields of hashes that ended, and clients that listen or watch', async () => {
  const [listener, watcher] = [await rig.connect(), await rig.connect()];
  await listener.send('ssubscribe', 'channel');
  await watcher.send('watch', 'a', 'b');
  expect([await field('pubsub_clients'), await field('watching_clients')]).toEqual(['1', '1']);
  await listener.send('sunsubscribe');
  await watcher.send('unwatch');
  expect([await field('pubsub_clients'), await field('watching_clients')]).toEqual(['0', '0']);

  await client.send('hset', 'h', 'a', '1', 'b', '2', 'c', '3');
  await client.send('debug', 'set-active-expire', '0');
  await client.send('hexpire', 'h', '1000', 'fields', '1', 'c');
  expect(await field('db0')).toBe('keys=1,expires=0,avg_ttl=0,subexpiry=1');
  await client.send('hpersist', 'h', 'fields', '1', 'c');
  expect(await field('db0')).toBe('keys=1,expires=0,avg_ttl=0,subexpiry=0');
  await client.send('hpexpire', 'h', '1', 'fields', '2', 'a', 'b');
  while (await client.send('hlen', 'h') !== ':1');
  expect(await field('expired_subkeys')).toBe('2');
  await client.send('config', 'resetstat');
  expect(await field('expired_subkeys')).toBe('0');
});

test('keysizes counts keys by type and powers of two, at once where there are few', async () => {
  for (const length of [0, 1, 2, 3, 4, 1023, 1024, 3000]) await client.send('set', `s${length}`, 'x'.repeat(length));
  await client.send('rpush', 'l', 'a', 'b', 'c');
  await client.send('sadd', 'u', 'a');
  await client.send('zadd', 'z', '1', 'a', '2', 'b');
  await client.send('hset', 'h', 'f', 'v');
  await client.send('xadd', 'x', '*', 'f', 'v');
  await client.send('select', '3');
  await client.send('sadd', 'u', ...Array.from({ length: 100 }, (_, i) => String(i)));
  expect(Object.fromEntries(await fields('keysizes'))).toEqual({
    db0_distrib_strings_sizes: '0=1,1=1,2=2,4=1,512=1,1K=1,2K=1', db0_distrib_lists_items: '2=1', db0_distrib_sets_items: '1=1',
    db0_distrib_zsets_items: '2=1', db0_distrib_hashes_items: '1=1', db3_distrib_sets_items: '64=1',
  });
  await client.send('flushall');
  expect(await fields('keysizes')).toEqual(new Map());
});

test('keysizes of many keys are those of the last walk that came to its end', async () => {
  await client.send('debug', 'populate', '30000', 'key', '10');
  await fields('keysizes');
  // The background goes on with it.
  while (rig.server.keySizes.isWalking) await client.send('ping');
  expect(Object.fromEntries(await fields('keysizes'))).toEqual({ db0_distrib_strings_sizes: '8=30000' });
});

test('errors are counted by their codes, as long as there are not too many codes', async () => {
  await client.send('eval', "return redis.error_reply('MY:OWN error')", '0');
  await client.send('nosuch');
  expect(Object.fromEntries(await fields('errorstats'))).toEqual({ errorstat_MY_OWN: 'count=1', errorstat_ERR: 'count=1' });
  for (let n = 0; n < 130; n++) await client.send('eval', `return redis.error_reply('CODE${n} error')`, '0');
  expect(Object.fromEntries(await fields('errorstats'))).toEqual({ errorstat_ERRORSTATS_DISABLED: 'count=1' });
  expect((await fields('stats')).get('total_error_replies')).toBe('132');
  await client.send('config', 'resetstat');
  await client.send('nosuch');
  expect(Object.fromEntries(await fields('errorstats'))).toEqual({ errorstat_ERR: 'count=1' });
});

test('errors count where they come from: within transactions each, within scripts once', async () => {
  await client.send('rpush', 'l', 'a');
  const counted = async (...commands: readonly string[][]): Promise<Record<string, string>> => {
    await client.send('config', 'resetstat');
    for (const words of commands) await client.send(...words);
    const shown = await fields('everything');
    return Object.fromEntries([...shown].flatMap(([name, value]) => {
      if (name === 'total_error_replies' || name.startsWith('errorstat_')) return [[name, value]];
      const failed = /^cmdstat_(.*)$/.exec(name);
      return failed === null || value.endsWith('rejected_calls=0,failed_calls=0') ? [] : [[failed[1]!, value.replace(/usec.*,rejected/, 'rejected')]];
    }));
  };
  const wrongType = { errorstat_WRONGTYPE: 'count=1', total_error_replies: '1', incr: 'calls=1,rejected_calls=0,failed_calls=1' };
  const evalFailed = { eval: 'calls=1,rejected_calls=0,failed_calls=1' };
  expect(await counted(['multi'], ['incr', 'l'], ['get', 'l'], ['exec'])).toEqual({
    errorstat_WRONGTYPE: 'count=2', total_error_replies: '2', incr: 'calls=1,rejected_calls=0,failed_calls=1', get: 'calls=1,rejected_calls=0,failed_calls=1',
  });
  expect(await counted(['eval', "return redis.call('incr', 'l')", '0'])).toEqual({ ...wrongType, ...evalFailed });
  expect(await counted(['eval', "return redis.pcall('incr', 'l')", '0'])).toEqual({ ...wrongType, ...evalFailed });
  expect(await counted(['eval', "redis.pcall('incr', 'l') return 1", '0'])).toEqual(wrongType);
  expect(await counted(['eval', "pcall(redis.call, 'incr', 'l') return 1", '0'])).toEqual(wrongType);
  expect(await counted(['eval', "redis.pcall('get') return 1", '0'])).toEqual({ errorstat_ERR: 'count=1', total_error_replies: '1', get: 'calls=0,rejected_calls=1,failed_calls=0' });
  expect(await counted(['eval', "redis.pcall('nosuch') return 1", '0'])).toEqual({ errorstat_ERR: 'count=1', total_error_replies: '1' });
  // What a script makes itself of an error is another one, and what it got wrong before a command ran is only its own.
  expect(await counted(['eval', "return {err = redis.pcall('incr', 'l').err}", '0'])).toEqual({ ...wrongType, ...evalFailed, errorstat_WRONGTYPE: 'count=2', total_error_replies: '2' });
  expect(await counted(['eval', 'redis.pcall() return 1', '0'])).toEqual({ total_error_replies: '0' });
  expect(await counted(['eval', 'redis.call() return 1', '0'])).toEqual({ errorstat_ERR: 'count=1', total_error_replies: '1', ...evalFailed });
});

test('figures follow what was done', async () => {
  await client.send('set', 'a', '1');
  await client.send('get', 'a');
  await client.send('get', 'none');
  await client.send('hget', 'a', 'f');
  await client.send('get');
  await client.send('nosuch');
  const shown = await fields('everything');
  expect(shown.get('keyspace_hits')).toBe('2');
  expect(shown.get('keyspace_misses')).toBe('1');
  expect(shown.get('db0')).toBe('keys=1,expires=0,avg_ttl=0,subexpiry=0');
  expect(shown.get('cmdstat_get')).toMatch(/^calls=2,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=1,failed_calls=0$/);
  expect(shown.get('cmdstat_hget')).toMatch(/^calls=1,.*rejected_calls=0,failed_calls=1$/);
  expect(shown.get('errorstat_WRONGTYPE')).toBe('count=1');
  expect(shown.get('errorstat_ERR')).toBe('count=2');
  expect(shown.get('total_error_replies')).toBe('3');
  expect(shown.get('latency_percentiles_usec_get')).toMatch(/^p50=[\d.]+,p99=[\d.]+,p99\.9=[\d.]+$/);
  expect(shown.get('total_commands_processed')).toBe('4');
  expect(Number(shown.get('total_net_input_bytes'))).toBeGreaterThan(100);
  await client.send('config', 'resetstat');
  const after = await fields('everything');
  expect([after.get('keyspace_hits'), after.get('cmdstat_get'), after.get('errorstat_ERR'), after.get('latency_percentiles_usec_get')]).toEqual(['0', undefined, undefined, undefined]);
});

test('a reader that waits for a group is counted apart, and so is the error that it gets late', async () => {
  const reader = await rig.connect();
  await client.send('config', 'resetstat');
  await client.send('xgroup', 'create', 'stream', 'g', '$', 'mkstream');
  const late = reader.send('xreadgroup', 'group', 'g', 'c', 'block', '0', 'streams', 'stream', '>');
  while (rig.server.engine.blocking.count === 0) await client.send('ping');
  const waiting = await fields('clients');
  expect([waiting.get('total_blocking_keys'), waiting.get('total_blocking_keys_on_nokey')]).toEqual(['1', '1']);
  await client.send('xgroup', 'destroy', 'stream', 'g');
  expect(await late).toMatch(/^-NOGROUP /);
  const shown = await fields('everything');
  expect(shown.get('total_blocking_keys_on_nokey')).toBe('0');
  expect(shown.get('errorstat_NOGROUP')).toBe('count=1');
  expect(shown.get('total_error_replies')).toBe('1');
  expect(shown.get('cmdstat_xreadgroup')).toMatch(/^calls=1,.*rejected_calls=0,failed_calls=1$/);
});

test('used_memory follows the data', async () => {
  const used = async (): Promise<number> => Number((await fields('memory')).get('used_memory'));
  const before = await used();
  // All answered before the question: what a client has sent and what has not run yet counts too.
  await Promise.all(Array.from({ length: 100 }, (_, i) => client.send('set', `key:${i}`, 'x'.repeat(10_000))));
  const full = await used();
  expect(full - before).toBeGreaterThan(1_000_000);
  expect(full - before).toBeLessThan(1_400_000);
  await client.send('flushall').catch(() => undefined);
  for (let i = 0; i < 100; i++) void client.send('set', `key:${i}`, 'x');
  expect((await used()) - before).toBeLessThan(50_000);
  expect(Number((await fields('memory')).get('used_memory_peak'))).toBeGreaterThanOrEqual(full);
});

test('each command of a pipeline counts, whatever follows it', async () => {
  await client.send('config', 'resetstat');
  await Promise.all(Array.from({ length: 37 }, () => client.send('get', 'k')));
  const shown = await fields('commandstats');
  expect(shown.get('cmdstat_get')).toMatch(/^calls=37,usec=[1-9]/);
  expect(stringsOf(await client.send('latency', 'histogram', 'get')).slice(0, 3)).toEqual(['get', 'calls', '37']);
});

test('latencystats and LATENCY HISTOGRAM can be switched off and chosen', async () => {
  await client.send('config', 'set', 'latency-tracking-info-percentiles', '50 100');
  await client.send('ping');
  expect((await fields('latencystats')).get('latency_percentiles_usec_ping')).toMatch(/^p50=[\d.]+,p100=[\d.]+$/);
  const [name, calls, one, histogram] = stringsOf(await client.send('latency', 'histogram', 'ping', 'nosuch'));
  expect([name, calls, one, histogram]).toEqual(['ping', 'calls', '1', 'histogram_usec']);
  await client.send('config', 'set', 'latency-tracking', 'no');
  await client.send('config', 'resetstat');
  await client.send('ping');
  expect((await fields('latencystats')).size).toBe(0);
});

test('a histogram knows its percentiles within 4 %', () => {
  const histogram = new LatencyHistogram();
  for (let i = 1; i <= 1000; i++) histogram.record(i, 1);
  for (const p of [1, 50, 99, 100]) expect(Math.abs(histogram.percentile(p) / (p * 10) - 1)).toBeLessThan(0.04);
  histogram.record(0, 1);
  histogram.record(1e9, 1);
  const halves = new LatencyHistogram();
  halves.record(1000, 2);
  expect([halves.calls, Math.round(halves.percentile(100) / 20)]).toEqual([2, 25]);
  expect(histogram.percentile(100)).toBeGreaterThanOrEqual(1e6);
  const steps = histogram.cumulative();
  expect(steps[0]).toEqual([1, 2]);
  expect(steps[steps.length - 1]![1]).toBe(1002);
});

test('SLOWLOG keeps slow commands, cut and without secrets', async () => {
  await client.send('client', 'setname', 'me');
  await client.send('config', 'set', 'slowlog-log-slower-than', '0', 'slowlog-max-len', '4');
  await client.send('slowlog', 'reset');
  await client.send('config', 'set', 'requirepass', 'secret');
  await client.send('auth', 'secret');
  await client.send('sadd', 's', 'y'.repeat(130), ...Array.from({ length: 40 }, (_, i) => `m${i}`));
  const reply = await client.send('slowlog', 'get', '-1');
  const words = stringsOf(reply);
  expect(reply).not.toContain('secret');
  expect(words).toContain('(redacted)');
  expect(words).toContain(`${'y'.repeat(128)}... (2 more bytes)`);
  expect(words).toContain('... (12 more arguments)');
  expect(words).toContain('me');
  expect(await client.send('slowlog', 'len')).toBe(':4');
  expect(await client.send('slowlog', 'get', '-2')).toBe('-ERR count should be greater than or equal to -1');
  await client.send('config', 'set', 'slowlog-log-slower-than', '-1');
  await client.send('slowlog', 'reset');
  await client.send('ping');
  expect(await client.send('slowlog', 'len')).toBe(':0');
});

test('LATENCY samples commands over the threshold', async () => {
  expect(await client.send('latency', 'doctor')).toContain('disabled');
  await client.send('config', 'set', 'latency-monitor-threshold', '20');
  await client.send('debug', 'sleep', '0.03');
  const [name, at, last, max] = stringsOf(await client.send('latency', 'latest'));
  expect(name).toBe('command');
  expect(Number(at)).toBeGreaterThan(1e9);
  expect(Number(last)).toBeGreaterThanOrEqual(30);
  expect(max).toBe(last);
  expect(stringsOf(await client.send('latency', 'history', 'command'))).toEqual([at, last]);
  expect(await client.send('latency', 'graph', 'command')).toContain(`high ${last} ms`);
  expect(await client.send('latency', 'graph', 'nosuch')).toBe("-ERR No samples available for event 'nosuch'");
  expect(await client.send('latency', 'reset')).toBe(':1');
  expect(await client.send('latency', 'latest')).toBe('*0');
});

test('operations a second are measured over the last samples', async () => {
  for (let i = 0; i < 500; i++) await client.send('ping');
  const deadlineMs = Date.now() + 5000;
  let ops = 0;
  while (ops === 0 && Date.now() < deadlineMs) ops = Number((await fields('stats')).get('instantaneous_ops_per_sec'));
  expect(ops).toBeGreaterThan(0);
});

test('counts turns of the event loop, what they took and what of that the commands took', async () => {
  const number = async (name: string): Promise<number> => Number((await fields('everything', 'debug')).get(name));
  await client.send('debug', 'sleep', '0.05');
  await client.send('ping');
  const shown = await fields('stats', 'debug');
  const [cycles, sum, commands, longest] = ['eventloop_cycles', 'eventloop_duration_sum', 'eventloop_duration_cmd_sum', 'eventloop_duration_max'].map((name) => Number(shown.get(name)));
  expect(cycles).toBeGreaterThan(1);
  expect(commands).toBeGreaterThan(50_000);
  expect(sum).toBeGreaterThanOrEqual(commands!);
  expect(longest).toBeGreaterThan(50_000);
  expect(longest).toBeLessThanOrEqual(sum!);
  expect(Number(shown.get('eventloop_cmd_per_cycle_max'))).toBeGreaterThan(0);
  while (await number('instantaneous_eventloop_cycles_per_sec') === 0 || await number('instantaneous_eventloop_duration_usec') === 0);
  await client.send('config', 'resetstat');
  expect(await number('eventloop_duration_max')).toBeLessThan(50_000);
  expect(await titles('everything')).not.toContain('Debug');
});

test('says how long keys have left on average', async () => {
  await client.send('eval', "for n = 1, 10 do redis.call('set', 'k' .. n, 'v', 'px', n * 100000) end", '0');
  const average = async (): Promise<number> => Number(/avg_ttl=(\d+)/.exec((await field('db0'))!)![1]);
  while (await average() === 0);
  expect(await average()).toBeGreaterThan(500_000);
  expect(await average()).toBeLessThanOrEqual(550_000);
  for (let n = 1; n <= 10; n++) await client.send('persist', `k${n}`);
  while (await average() !== 0);
});

test('the average of many keys is an estimate from a few', () => {
  const { keyspace, types } = rig.server.engine;
  const db = keyspace.databases[3]!;
  const bytes = Buffer.from('key:000000');
  const count = 20_000;
  for (let n = 0; n < count; n++) {
    bytes.write(String(n).padStart(6, '0'), 4);
    db.setString(bytes, 0, bytes.length, bytes, 0, 1, keyspace.nowMs + 1000 + n * 1000);
  }
  db.sampleTtl();
  const exact = 1000 + (1000 * (count - 1)) / 2;
  expect(Math.abs(db.averageTtlMs - exact) / exact).toBeLessThan(0.06);
  for (let n = 0; n < 500; n++) db.sampleTtl();
  expect(Math.abs(db.averageTtlMs - exact) / exact).toBeLessThan(0.01);
  keyspace.flush(db);
  expect(db.averageTtlMs).toBe(0);
  types.check();
});

test('tells of a pause, of listeners, and of the time that expiry takes', async () => {
  const paused = async (): Promise<(string | undefined)[]> => {
    const shown = await fields('clients');
    return ['paused_reason', 'paused_actions', 'paused_timeout_milliseconds'].map((name) => shown.get(name));
  };
  expect(await paused()).toEqual(['none', 'none', '0']);
  await client.send('client', 'pause', '100000', 'write');
  const [reason, actions, leftMs] = await paused();
  expect([reason, actions]).toEqual(['client_pause', 'write']);
  expect(Number(leftMs)).toBeGreaterThan(90_000);
  await client.send('client', 'unpause');
  expect(await paused()).toEqual(['none', 'none', '0']);
  expect(await field('listener0')).toBe(`name=tcp,bind=127.0.0.1,port=${rig.server.port}`);
  await Promise.all(Array.from({ length: 10_000 }, (_, n) => client.send('set', `k${n}`, 'v', 'px', '1')));
  while (Number(await field('expire_cycle_cpu_milliseconds')) === 0) await client.send('set', 'k', 'v', 'px', '1');
});

test('scripts of EVAL that were evicted', async () => {
  for (let i = 0; i < 503; i++) await client.send('eval', `return ${i}`, 0);
  await client.send('script', 'load', 'return "loaded"');
  const info = await fields();
  expect([info.get('evicted_scripts'), info.get('number_of_cached_scripts')]).toEqual(['3', '501']);
  // "return " and the numbers from 3 to 502, and what was loaded.
  expect(info.get('used_memory_scripts_eval')).toBe(String(500 * 7 + 7 * 1 + 90 * 2 + 403 * 3 + 15));
  await client.send('config', 'resetstat');
  expect(await field('evicted_scripts')).toBe('0');
});
