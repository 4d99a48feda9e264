/**
 * A job queue as applications have it: BullMQ adds jobs and a worker processes them, beside redis-server with the same durability. Both
 * are driven in turn; the client takes most of the time on either side, so the ratio is what an application would notice.
 */
import { parseArgs } from 'node:util';
import { Queue, Worker } from 'bullmq';
import { number, runBenchmark } from './options.ts';
import { progress, writeReport } from './report.ts';
import { BenchServer, installedKinds, type ServerKind } from './servers.ts';
import { figure, median, table } from './statistics.ts';

const USAGE = `npm run bench:queue -- [options]
  --jobs 5000        jobs of a run
  --concurrency 50   jobs that the worker has under way, and that are added at once
  --warm-up 12       runs of each server before the first that counts: servers that have been up for a while are compared
  --rounds 15        runs of each server; the median counts
  --json PATH        where the figures go (default: bench/results/)`;

interface Run {
  readonly addedPerSecond: number;
  readonly processedPerSecond: number;
  /** From the first job's adding to the last one's end. */
  readonly perSecond: number;
}

async function run(port: number, jobs: number, concurrency: number): Promise<Run> {
  const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null };
  const name = 'jobs';
  const queue = new Queue(name, { connection });
  await queue.waitUntilReady();
  await queue.obliterate({ force: true });
  const startedMs = performance.now();
  let next = 0;
  const adders = Array.from({ length: concurrency }, async () => {
    while (next < jobs) await queue.add('job', { number: next++ }, { removeOnComplete: 1000 });
  });
  await Promise.all(adders);
  const addedMs = performance.now();
  let done = 0;
  const worker = new Worker(name, () => Promise.resolve(null), { connection, concurrency });
  await new Promise<void>((resolve, reject) => {
    worker.on('completed', () => { if (++done === jobs) resolve(); });
    worker.on('failed', (_, error) => { reject(error); });
    worker.on('error', reject);
  });
  const endedMs = performance.now();
  await worker.close();
  await queue.close();
  const rate = (fromMs: number, toMs: number): number => jobs / (toMs - fromMs) * 1000;
  return { addedPerSecond: rate(startedMs, addedMs), processedPerSecond: rate(addedMs, endedMs), perSecond: rate(startedMs, endedMs) };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      jobs: { type: 'string', default: '5000' }, concurrency: { type: 'string', default: '50' }, 'warm-up': { type: 'string', default: '12' }, rounds: { type: 'string', default: '15' },
      json: { type: 'string' }, help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const options = { jobs: number('jobs', values.jobs), concurrency: number('concurrency', values.concurrency), warmUp: number('warm-up', values['warm-up']), rounds: number('rounds', values.rounds) };
  const kinds = installedKinds(['holdfast', 'redis-aof']);
  const servers = new Map<ServerKind, BenchServer>();
  const runs = new Map<ServerKind, Run[]>(kinds.map((kind) => [kind, []]));
  for (const kind of kinds) servers.set(kind, await BenchServer.start(kind));
  for (let round = -options.warmUp; round < options.rounds; round++) {
    for (const kind of round % 2 === 0 ? kinds : [...kinds].reverse()) {
      const result = await run(servers.get(kind)!.port, options.jobs, options.concurrency);
      if (round >= 0) runs.get(kind)!.push(result);
    }
    progress(round < 0 ? 'warming up' : `${round + 1}/${options.rounds}`);
  }
  for (const server of servers.values()) await server.remove();
  const fields = ['addedPerSecond', 'processedPerSecond', 'perSecond'] as const;
  const medianOf = (kind: ServerKind, field: (typeof fields)[number]): number => median(runs.get(kind)!.map((one) => one[field]));
  console.log(table([
    ['jobs a second', 'added', 'processed', 'both'],
    ...kinds.map((kind) => [kind, ...fields.map((field) => figure(medianOf(kind, field)))]),
    ...(kinds.length > 1 ? [['ratio', ...fields.map((field) => figure(medianOf('holdfast', field) / medianOf('redis-aof', field), 2))]] : []),
  ]));
  console.log(`Written to ${writeReport('queue', values.json, kinds, options, Object.fromEntries(runs))}`);
}

runBenchmark(main);
