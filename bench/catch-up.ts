/**
 * What clients of the primary notice while a member that was away comes back, or another takes its place: the time of their writes
 * beside that of quiet times, and how long it takes until the member is level. All nodes share this machine, so what the returning node
 * takes of the processor is in it as well.
 */
import os from 'node:os';
import { parseArgs } from 'node:util';
import { type BatchResult, respBatches } from './batch-load.ts';
import { encode } from './client.ts';
import { number, runBenchmark } from './options.ts';
import { progress, writeReport } from './report.ts';
import type { BenchServer } from './servers.ts';
import { figure, table } from './statistics.ts';
import { HoldfastShard } from './three-nodes.ts';

const USAGE = `npm run bench:catchup -- [options]
  --clients 20          connections that write, one command after the other
  --seconds 4           how long a member is away, and the quiet times are
  --keys 200000         keys that are there
  --value-bytes 100     length of values
  --json PATH           where the figures go (default: bench/results/)`;

/** A member with fewer records missing is level: under load it always lacks some. */
const LEVEL_RECORDS = 100;
const CHECK_MS = 20;
const FILL_BATCH = 1000;
const SNAPSHOTS = ['--snapshot-keep', '1'];

interface Phase {
  readonly name: string;
  readonly writes: BatchResult;
  /** Until the member was level, from its start; NaN where there is none. */
  readonly levelMs: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      clients: { type: 'string', default: '20' }, seconds: { type: 'string', default: '4' }, keys: { type: 'string', default: '200000' },
      'value-bytes': { type: 'string', default: '100' }, json: { type: 'string' }, help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const options = {
    clients: number('clients', values.clients), pipeline: 1, seconds: Number(values.seconds), keyspace: number('keys', values.keys),
    valueBytes: number('value-bytes', values['value-bytes']), confirm: '',
  };
  const shard = await HoldfastShard.start(...SNAPSHOTS);
  const primary = (await shard.primary())!;
  await fill(primary, options.keyspace, options.valueBytes);
  const away = shard.nodes.find((node) => node !== primary)!;
  const third = shard.nodes.find((node) => node !== primary && node !== away)!;
  const phases: Phase[] = [];
  /** Writes go on while `work` is done, and at least for a while. */
  const during = async (name: string, work: () => Promise<number>): Promise<void> => {
    let isDone = false;
    let levelMs = NaN;
    const working = work().then((ms) => { levelMs = ms; }).finally(() => { isDone = true; });
    const writes = await respBatches({ ...options, port: primary.port, goesOn: () => !isDone });
    await working;
    phases.push({ name, writes, levelMs });
    progress(`${name}: p99 ${figure(writes.p99Ms, 2)} ms, ${figure(levelMs)} ms`);
  };
  const nothing = (): Promise<number> => Promise.resolve(NaN);
  const isBack = (): Promise<number> => timed(() => away.restart().then(() => level(primary, away)));

  await during('quiet', nothing);
  await away.crash();
  await during('one member away', nothing);
  await during('it comes back: by the log', isBack);
  await away.crash();
  await during('one member away', nothing);
  for (const node of [primary, third]) await demand(node, 'SAVE');
  await during('it comes back: by a snapshot', isBack);
  await away.crash();
  away.wipe();
  await during('it comes back without its data', isBack);
  const lost = (await away.info()).get('member_id')!;
  const zone = (await away.info()).get('availability_zone')!;
  await away.crash();
  await during('replaced by a new node', () => timed(async () => {
    const added = await shard.join(...SNAPSHOTS, '--availability-zone', zone);
    await level(primary, added);
    await demand(primary, 'HOLDFAST', 'MEMBER', 'REPLACE', lost, (await added.info()).get('member_id')!);
  }));
  await during('quiet', nothing);
  await shard.remove();
  const rows = phases.map(({ name, writes, levelMs }) => [name, figure(writes.writesPerSecond), figure(writes.p50Ms, 2), figure(writes.p99Ms, 2), figure(levelMs / 1000, 1)]);
  console.log(table([['meanwhile', 'SET/s', 'p50 ms', 'p99 ms', 'level after s'], ...rows]));
  console.log(`\n${options.clients} clients, ${options.keyspace} keys of ${options.valueBytes} B. All nodes and the clients share this machine's ${os.cpus().length} cores.`);
  console.log(`Written to ${writeReport('catch-up', values.json, ['holdfast'], options, phases)}`);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

/** Resolves when `node` has applied all but the last records of the primary. */
async function level(primary: BenchServer, node: BenchServer): Promise<void> {
  for (;;) {
    const info = await node.info();
    const behind = Number((await primary.info()).get('master_repl_offset')) - Number(info.get('slave_repl_offset') ?? 0);
    if (info.get('loading') !== '1' && info.get('member_role') === 'replica' && behind < LEVEL_RECORDS) return;
    await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
  }
}

async function demand(node: BenchServer, ...args: string[]): Promise<void> {
  const client = await node.connect();
  await client.demand(...args);
  client.close();
}

async function fill(primary: BenchServer, keys: number, valueBytes: number): Promise<void> {
  const client = await primary.connect();
  const value = 'x'.repeat(valueBytes);
  for (let from = 0; from < keys; from += FILL_BATCH) {
    let text = '';
    for (let i = from; i < from + FILL_BATCH; i++) text += encode('SET', `key:${i}`, value);
    await client.batch(text, FILL_BATCH);
  }
  client.close();
}

runBenchmark(main);
