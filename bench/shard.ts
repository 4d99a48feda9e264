/**
 * Durable writes to three nodes: a shard of Holdfast, redis-server with two replicas (all with appendfsync always) and WAIT 1 behind each
 * batch, and etcd. Each is measured alone, one after the other and in turns, since all of its nodes share this machine.
 */
import os from 'node:os';
import { parseArgs } from 'node:util';
import { type BatchResult, etcdBatches, respBatches } from './batch-load.ts';
import { number, numbers, runBenchmark } from './options.ts';
import { progress, writeReport } from './report.ts';
import { figure, median, table } from './statistics.ts';
import { type ShardKind, installedShards, startThreeNodes } from './three-nodes.ts';

const USAGE = `npm run bench:shard -- [options]
  --clients 50          connections
  --pipelines 1,16      writes in a batch of each connection
  --rounds 3            runs of each system in each cell; the median counts
  --seconds 3           length of a run
  --keyspace 100000     different keys
  --value-bytes 100     length of values
  --json PATH           where the figures go (default: bench/results/)`;

const KINDS: readonly ShardKind[] = ['holdfast', 'redis', 'etcd'];
/** Servers of all kinds begin cold in every round; two of the three compile or grow while they do. */
const WARM_UP_SECONDS = 5;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      clients: { type: 'string', default: '50' }, pipelines: { type: 'string', default: '1,16' }, rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '3' }, keyspace: { type: 'string', default: '100000' }, 'value-bytes': { type: 'string', default: '100' },
      json: { type: 'string' }, help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const options = {
    clients: number('clients', values.clients), seconds: Number(values.seconds), keyspace: number('keyspace', values.keyspace),
    valueBytes: number('value-bytes', values['value-bytes']),
  };
  const rounds = number('rounds', values.rounds);
  const pipelines = numbers('pipelines', values.pipelines);
  const kinds = installedShards(KINDS);
  const runs = new Map<string, BatchResult[]>();
  for (let round = 0; round < rounds; round++) {
    for (const kind of kinds) {
      const nodes = await startThreeNodes(kind);
      const batches = kind === 'etcd' ? etcdBatches : respBatches;
      for (const pipeline of pipelines) {
        const load = { ...options, port: nodes.port, confirm: nodes.confirm, pipeline };
        await batches({ ...load, seconds: WARM_UP_SECONDS });
        const result = await batches(load);
        const cell = `${kind} ${pipeline}`;
        runs.set(cell, [...runs.get(cell) ?? [], result]);
        progress(`${round + 1}/${rounds} ${kind}, pipeline ${pipeline}: ${figure(result.writesPerSecond)} writes/s, p99 ${figure(result.p99Ms, 2)} ms`);
      }
      await nodes.remove();
    }
  }
  const of = (kind: ShardKind, pipeline: number, pick: (result: BatchResult) => number): number => median((runs.get(`${kind} ${pipeline}`) ?? []).map(pick));
  const rows = pipelines.flatMap((pipeline) => kinds.map((kind) => {
    const rate = (of_: ShardKind): number => of(of_, pipeline, ({ writesPerSecond }) => writesPerSecond);
    return [
      kind, String(pipeline), figure(rate(kind)), figure(of(kind, pipeline, ({ p50Ms }) => p50Ms), 2), figure(of(kind, pipeline, ({ p99Ms }) => p99Ms), 2),
      figure(rate('holdfast') / rate(kind), 2),
    ];
  }));
  console.log(table([['three nodes', 'batch', 'writes/s', 'batch p50 ms', 'p99', 'holdfast/this'], ...rows]));
  console.log(`\n${options.clients} clients; medians of ${rounds}. All nodes and the clients share this machine's ${os.cpus().length} cores. redis: WAIT 1 behind each batch.`);
  console.log(`Written to ${writeReport('shard', values.json, [], { ...options, rounds, pipelines }, Object.fromEntries(runs))}`);
}

runBenchmark(main);
