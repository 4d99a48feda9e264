/**
 * What a call of a script costs a server, of real commands on real data: µs a call as each server itself counts them for EVALSHA
 * (`INFO commandstats`), on Holdfast with either Lua engine and on redis-server. Each counts the script with all that it calls, and the
 * making of what will be logged; neither counts the log's writing. Holdfast's counts the reading of the request as well. Each server
 * keeps a log that is synced before it answers.
 */
import { parseArgs } from 'node:util';
import type { BenchClient } from './client.ts';
import { type ScriptCall, ownScripts, queueScripts } from './lua-scripts.ts';
import { number, runBenchmark } from './options.ts';
import { progress, writeReport } from './report.ts';
import { BenchServer, type ServerKind, installedKinds } from './servers.ts';
import { figure, table } from './statistics.ts';

const USAGE = `npm run bench:lua -- [options]
  --calls 4000     calls of each script in a round
  --rounds 10      of each server, in turn; the fastest thousand calls in a row count, since whatever else the machine does only slows them
  --only TEXT      scripts whose name has it
  --json PATH      where the figures go (default: bench/results/)`;

/** So many requests are sent before their replies are waited for. */
const BATCH = 100;
/** So many calls in a row are counted at a time. */
const SAMPLE = 1000;
/** Scripts that compute for long are called less often. */
const LONG = /fib|loop/;
const LONG_SHARE = 100;

const COLUMNS: readonly { readonly name: string; readonly kind: ServerKind; readonly options: readonly string[] }[] = [
  { name: 'compiled', kind: 'holdfast', options: ['--lua-engine', 'compiled'] },
  { name: 'fengari', kind: 'holdfast', options: ['--lua-engine', 'fengari'] },
  { name: 'redis-server', kind: 'redis-aof', options: [] },
];

/** µs of a call, as the server counts, of the fastest sample. */
async function microseconds(client: BenchClient, call: ScriptCall, calls: number): Promise<number> {
  let fastest = Infinity;
  for (let left = calls; left > 0; left -= SAMPLE) fastest = Math.min(fastest, await sample(client, call, Math.min(left, SAMPLE)));
  return fastest;
}

async function sample(client: BenchClient, call: ScriptCall, calls: number): Promise<number> {
  await client.demand('CONFIG', 'RESETSTAT');
  for (let left = calls; left > 0; left -= BATCH) {
    const count = Math.min(left, BATCH);
    await client.batch(call.request.repeat(count), count);
  }
  const [, counted, spent] = /^cmdstat_evalsha:calls=(\d+),usec=(\d+)/m.exec(String(await client.demand('INFO', 'commandstats')))!;
  if (Number(counted) !== calls) throw new Error(`${call.name}: the server counts ${counted} calls of ${calls}`);
  return Number(spent) / calls;
}

/** All scripts once, on an empty server. */
async function* round(server: BenchServer, calls: number, only: string): AsyncGenerator<[string, number]> {
  const client = await server.connect();
  try {
    await client.demand('FLUSHALL');
    for (const call of await ownScripts(client)) {
      if (call.name.includes(only)) yield [call.name, await microseconds(client, call, LONG.test(call.name) ? Math.ceil(calls / LONG_SHARE) : calls)];
    }
    const { add, take } = await queueScripts(server.port);
    if (!add.name.includes(only) && !take.name.includes(only)) return;
    yield [add.name, await microseconds(client, add, calls)];
    yield [take.name, await microseconds(client, take, calls)];
  } finally {
    client.close();
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      calls: { type: 'string', default: '4000' }, rounds: { type: 'string', default: '10' }, only: { type: 'string', default: '' },
      json: { type: 'string' }, help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const options = { calls: number('calls', values.calls), rounds: number('rounds', values.rounds), only: values.only };
  const kinds = installedKinds(['holdfast', 'redis-aof']);
  const columns = COLUMNS.filter(({ kind }) => kinds.includes(kind));
  const servers: BenchServer[] = [];
  for (const { kind, options: given } of columns) servers.push(await BenchServer.start(kind, {}, given));
  const fastest = columns.map(() => new Map<string, number>());
  for (let at = 1; at <= options.rounds; at++) {
    for (const [i, server] of servers.entries()) {
      for await (const [name, spent] of round(server, options.calls, options.only)) {
        fastest[i]!.set(name, Math.min(spent, fastest[i]!.get(name) ?? Infinity));
      }
    }
    progress(`${at}/${options.rounds}`);
  }
  for (const server of servers) await server.remove();
  const redis = fastest[columns.findIndex(({ kind }) => kind === 'redis-aof')];
  const others = columns.filter(({ kind }) => kind === 'holdfast').map(({ name }) => name);
  console.log(table([
    ['µs a call', ...columns.map(({ name }) => name), ...(redis === undefined ? [] : others.map((name) => `${name} / redis`))],
    ...[...fastest[0]!.keys()].map((name) => [
      name,
      ...fastest.map((spent) => figure(spent.get(name)!, 2)),
      ...(redis === undefined ? [] : others.map((_, i) => figure(fastest[i]!.get(name)! / redis.get(name)!, 2))),
    ]),
  ]));
  const results = Object.fromEntries(columns.map(({ name }, i) => [name, Object.fromEntries(fastest[i]!)]));
  console.log(`Written to ${writeReport('lua', values.json, kinds, options, results)}`);
}

runBenchmark(main);
