/**
 * The scripts that are measured, as their callers send them: the limiters of the examples, and what BullMQ ships and sends. Nothing is
 * copied: callers are listened to.
 */
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { Database } from '../examples/database.ts';
import { FixedWindowLimiter, TokenBucketLimiter } from '../examples/rate-limiters/rate-limiters.ts';
import { type BenchClient, encode } from './client.ts';

/** EVALSHA in RESP, latin1: a call that can be made again and again. */
export interface ScriptCall {
  readonly name: string;
  readonly request: string;
}

/** More than are ever asked for: every call is allowed, and so does all its work. */
const ALLOWED = 1_000_000_000;
const WINDOW_MS = 3_600_000;
const KEY = 'client';
const TOKEN = 'worker-1:0';
const JOB = { to: 'somebody@example.com', subject: 'Welcome', template: 'welcome', attempt: 1 };

const PLAIN: readonly (readonly [name: string, source: string])[] = [
  ['return 1', 'return 1'],
  ['GET', "return redis.call('GET', KEYS[1])"],
  ['fib(20)', 'local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end return fib(20)'],
  ['loop of 1e5', 'local t, s = {}, 0 for i = 1, 100000 do t[i] = i % 7 s = s + t[i] * 2 if s > 1e9 then s = 0 end end return s'],
];

async function loaded(client: BenchClient, name: string, source: string, keys: readonly string[], args: readonly string[]): Promise<ScriptCall> {
  const sha = String(await client.demand('SCRIPT', 'LOAD', source));
  return { name, request: encode('EVALSHA', sha, keys.length, ...keys, ...args) };
}

/** What a limiter would call. */
async function limiterCall(client: BenchClient, name: string, take: (database: Database) => Promise<unknown>): Promise<ScriptCall> {
  let call: ScriptCall | null = null;
  const listening = {
    evalSha: () => Promise.reject(new Error('NOSCRIPT')),
    eval: async (source: string, options: { keys: string[]; arguments: string[] }) => {
      call = await loaded(client, name, source, options.keys, options.arguments);
      return [1, 0, 0];
    },
  };
  await take(listening as unknown as Database);
  return call!;
}

/** Scripts that can be called on an empty server as often as one likes. */
export async function ownScripts(client: BenchClient): Promise<ScriptCall[]> {
  await client.demand('SET', KEY, 'value');
  const calls: ScriptCall[] = [];
  for (const [name, source] of PLAIN) calls.push(await loaded(client, name, source, [KEY], []));
  calls.push(
    await limiterCall(client, 'fixed window', (database) => new FixedWindowLimiter(database, ALLOWED, WINDOW_MS).take(KEY)),
    await limiterCall(client, 'token bucket', (database) => new TokenBucketLimiter(database, ALLOWED, 1).take(KEY)),
  );
  return calls;
}

/**
 * What BullMQ sends to add a job and to take one, on a server that it has prepared and to which it has sent both once. Each call of
 * the first adds one job more, each of the second takes the next.
 */
export async function queueScripts(port: number): Promise<{ add: ScriptCall; take: ScriptCall }> {
  const connection = new Redis({ host: '127.0.0.1', port, maxRetriesPerRequest: null });
  const sent: string[] = [];
  const send = connection.sendCommand.bind(connection);
  connection.sendCommand = (command, stream) => {
    if (command.name === 'evalsha') sent.push(Buffer.from(command.toWritable(connection)).toString('latin1'));
    return send(command, stream);
  };
  const queue = new Queue('bench', { connection });
  const worker = new Worker('bench', null, { connection, autorun: false });
  const callOf = async (name: string, work: () => Promise<unknown>): Promise<ScriptCall> => {
    // The first time over a connection the script is sent whole.
    await work();
    sent.length = 0;
    await work();
    if (sent.length !== 1) throw new Error(`BullMQ sent ${sent.length} scripts for ${name}`);
    return { name, request: sent[0]! };
  };
  try {
    await queue.waitUntilReady();
    await worker.waitUntilReady();
    const add = await callOf('BullMQ: add a job', () => queue.add('mail', JOB));
    const take = await callOf('BullMQ: move to active', () => worker.getNextJob(TOKEN, { block: false }));
    return { add, take };
  } finally {
    await worker.close(true);
    await queue.close();
    connection.disconnect();
  }
}
