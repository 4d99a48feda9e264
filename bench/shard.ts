/**
 * Durable writes to three nodes: a shard of Holdfast, redis-server with two replicas (all with appendfsync always) and WAIT 1 behind each
 * batch, and etcd. All are there from beginning to end and are driven in turns, so that a busy neighbour harms all alike; who is not
 * driven does nothing but its heartbeats.
 */
import os from 'node:os';
import { parseArgs } from 'node:util';
import { type BatchResult, etcdBatches, respBatches } from './batch-load.ts';
import { number, numbers, runBenchmark } from './options.ts';
import { progress, writeReport } from './report.ts';
import { figure, median, table } from './statistics.ts';
import { type ShardKind, type ThreeNodes, installedShards, startThreeNodes } from './three-nodes.ts';

const USAGE = `npm run bench:shard -- [options]
  --clients 50          connections
  --pipelines 1,16      writes in a batch of each connection
  --rounds 15           runs of each system in each cell; the median counts
  --seconds 1           length of a run
  --keyspace 100000     different keys
  --value-bytes 100     length of values
  --json PATH           where the figures go (default: bench/results/)`;

const KINDS: readonly ShardKind[] = ['holdfast', 'redis', 'etcd'];
/** Of each system in each cell, before the first run: servers begin cold, and compile or grow while they do. */
const WARM_UP_SECONDS = 5;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      clients: { type: 'string', default: '50' }, pipelines: { type: 'string', default: '1,16' }, rounds: { type: 'string', default: '15' },
      seconds: { type: 'string', default: '1' }, keyspace: { type: 'string', default: '100000' }, 'value-bytes': { type: 'string', default: '100' },
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
  const shards = new Map<ShardKind, ThreeNodes>();
  for (const kind of kinds) shards.set(kind, await startThreeNodes(kind));
  const drive = (kind: ShardKind, pipeline: number, seconds: number): Promise<BatchResult> => {
    const { port, confirm } = shards.get(kind)!;
    return (kind === 'etcd' ? etcdBatches : respBatches)({ ...options, port, confirm, pipeline, seconds });
  };
  for (const pipeline of pipelines) {
    for (const kind of kinds) await drive(kind, pipeline, WARM_UP_SECONDS);
    for (let round = 0; round < rounds; round++) {
      for (const kind of round % 2 === 0 ? kinds : [...kinds].reverse()) {
        const result = await drive(kind, pipeline, options.seconds);
        const cell = `${kind} ${pipeline}`;
        runs.set(cell, [...runs.get(cell) ?? [], result]);
      }
      progress(`pipeline ${pipeline}: ${round + 1}/${rounds}`);
    }
  }
  for (const nodes of shards.values()) await nodes.remove();
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
