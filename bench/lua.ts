/**
 * What a call of a script costs: µs a call on each engine, with a stub in place of the commands, beside what a redis-server spends on the
 * same script (its commands included). Trust the ratios, not the figures.
 */
import { parseArgs } from 'node:util';
import { performance } from 'node:perf_hooks';
import { CompiledEngine } from '../src/scripting/compiled/compiled-engine.ts';
import { type LuaEngine, type LuaTable, type LuaValue } from '../src/scripting/lua-engine.ts';
import { LuaOracle } from '../test/scripting/lua-oracle.ts';
import { redisServerMissing } from '../test/support/redis-process.ts';
import { figure, table } from './statistics.ts';

const USAGE = `node bench/build/bench/lua.js [options]
  --seconds 1    time for each script
  --rounds 10    parts of it; the fastest counts, on both sides, since whatever else the machine does only slows them
  --no-redis     leave redis-server out`;

interface Script {
  readonly name: string;
  readonly source: string;
}

const FIXED_WINDOW = `local current = redis.call('INCR', KEYS[1])
if current == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if current > tonumber(ARGV[1]) then return {0, redis.call('PTTL', KEYS[1])} end
return {1, tonumber(ARGV[1]) - current}`;

const TOKEN_BUCKET = `local capacity = tonumber(ARGV[1])
local rate = tonumber(ARGV[2])
local now = tonumber(ARGV[3])
local requested = tonumber(ARGV[4])
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'timestamp')
local tokens = tonumber(bucket[1])
local timestamp = tonumber(bucket[2])
if tokens == nil then tokens = capacity timestamp = now end
local elapsed = math.max(0, now - timestamp)
tokens = math.min(capacity, tokens + elapsed * rate / 1000)
local allowed = tokens >= requested
if allowed then tokens = tokens - requested end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'timestamp', now)
redis.call('PEXPIRE', KEYS[1], math.ceil(capacity / rate * 1000) * 2)
return {allowed and 1 or 0, tostring(tokens)}`;

const SCRIPTS: readonly Script[] = [
  { name: 'return 1', source: 'return 1' },
  { name: 'GET', source: "return redis.call('GET', KEYS[1])" },
  { name: 'fixed window', source: FIXED_WINDOW },
  { name: 'token bucket', source: TOKEN_BUCKET },
  { name: 'fib(20)', source: 'local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end return fib(20)' },
  { name: 'loop of 1e5', source: "local t, s = {}, 0 for i = 1, 100000 do t[i] = i % 7 s = s + t[i] * 2 if s > 1e9 then s = 0 end end return s" },
];
const KEYS = ['a'];
const ARGV = ['1000000000', '50', '1700000000000', '1'];

/** redis.call over a Map: what is left to measure is the engine. */
function stubbed(engine: LuaEngine): LuaEngine {
  const counters = new Map<LuaValue, number>();
  const hashes = new Map<LuaValue, Map<LuaValue, LuaValue>>();
  const commands: Record<string, (args: readonly LuaValue[]) => LuaValue> = {
    GET: () => 'value',
    INCR: (args) => {
      const value = (counters.get(args[1]) ?? 0) + 1;
      counters.set(args[1], value);
      return value;
    },
    PEXPIRE: () => 1,
    PTTL: () => 1000,
    HMGET: (args) => {
      const hash = hashes.get(args[1]);
      const reply = engine.newTable();
      for (let at = 2; at < args.length; at++) reply.set(at - 1, hash?.get(args[at]) ?? false);
      return reply;
    },
    HSET: (args) => {
      let hash = hashes.get(args[1]);
      if (hash === undefined) hashes.set(args[1], (hash = new Map()));
      for (let at = 2; at < args.length; at += 2) hash.set(args[at], String(args[at + 1]));
      return 0;
    },
  };
  const redis = engine.newTable();
  redis.set('call', engine.hostFunction('call', (args) => [commands[args[0] as string]!(args)]));
  engine.globals.set('redis', redis);
  return engine;
}

function list(engine: LuaEngine, values: readonly string[]): LuaTable {
  const result = engine.newTable();
  for (const [at, value] of values.entries()) result.set(at + 1, value);
  return result;
}

/** Of one call, as EVALSHA makes it: new KEYS and ARGV each time, a chunk that is compiled already. */
function callMicroseconds(engine: LuaEngine, script: Script, seconds: number, rounds: number): number {
  const chunk = engine.compile(script.source, '@user_script');
  const call = (): void => {
    engine.globals.set('KEYS', list(engine, KEYS));
    engine.globals.set('ARGV', list(engine, ARGV));
    engine.call(chunk, []);
  };
  let fastest = Infinity;
  for (let round = 0; round < rounds; round++) {
    const end = performance.now() + (seconds * 1000) / rounds;
    const start = performance.now();
    let calls = 0;
    for (let batch = 1; performance.now() < end; batch = Math.min(batch * 2, 1000)) {
      for (let at = 0; at < batch; at++) call();
      calls += batch;
    }
    fastest = Math.min(fastest, ((performance.now() - start) * 1000) / calls);
  }
  return fastest;
}

/** What the server counts for EVALSHA itself. */
async function redisMicroseconds(script: Script, rounds: number): Promise<number> {
  const oracle = await LuaOracle.start();
  try {
    const calls = /fib|loop/.test(script.name) ? 5 : 5_000;
    let fastest = Infinity;
    for (let round = 0; round < rounds; round++) fastest = Math.min(fastest, await oracle.microsecondsPerCall(script.source, KEYS, ARGV, calls));
    return fastest;
  } finally {
    await oracle.stop();
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '1' },
      rounds: { type: 'string', default: '10' },
      redis: { type: 'boolean', default: !redisServerMissing },
      help: { type: 'boolean', default: false },
    },
    allowNegative: true,
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const rows = [['script', 'compiled, µs', 'redis-server, µs', 'ratio']];
  for (const script of SCRIPTS) {
    const compiled = callMicroseconds(stubbed(new CompiledEngine({ memoryBytes: () => 0, clock: () => 0 })), script, Number(values.seconds), Number(values.rounds));
    const redis = values.redis ? await redisMicroseconds(script, Number(values.rounds)) : NaN;
    rows.push([script.name, figure(compiled, 2), values.redis ? figure(redis, 2) : '', values.redis ? `×${(compiled / redis).toFixed(2)}` : '']);
  }
  console.log(table(rows));
}

await main();
