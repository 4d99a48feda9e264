/**
 * What reads suffer from writes: the latency of GETs of keys that nobody writes while other clients write as fast as they can. A server
 * that syncs its log on the thread that answers makes every reader wait for the disk. The servers are measured in turn.
 */
import { parseArgs } from 'node:util';
import { diskNote, number, runBenchmark, slowFsyncMs } from './options.ts';
import { BackgroundLoad, type Measurement, redisBenchmark } from './redis-benchmark.ts';
import { progress, writeReport } from './report.ts';
import { BenchServer, installedKinds, type ServerKind, temporaryDirectory } from './servers.ts';
import { slowFsyncEnvironment } from './slow-fsync.ts';
import { figure, median, table } from './statistics.ts';

const USAGE = `npm run bench:latency -- [options]
  --writers 50        clients that write
  --readers 1         clients that read other keys
  --rounds 5          runs of each server, in turn; the median counts
  --seconds 3         length of a run
  --keyspace 100000   keys that are written
  --value-bytes 100   length of values
  --slow-fsync MS     make every fsync that much slower, for all servers alike
  --json PATH         where the figures go (default: bench/results/)`;

interface Options {
  readonly writers: number;
  readonly readers: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly keyspace: number;
  readonly valueBytes: number;
}

interface Run {
  readonly idle: Measurement;
  readonly loaded: Measurement;
  readonly writesPerSecond: number;
}

const ENDLESS = 2_000_000_000;
const SETTLE_MS = 300;
const READ_KEYS = 1000;

async function writesDone(server: BenchServer): Promise<number> {
  return Number(/calls=(\d+)/.exec((await server.info()).get('cmdstat_set') ?? '')?.[1] ?? 0);
}

/** Reads for about `seconds`: a short run tells how many requests that is. */
async function read(server: BenchServer, options: Options, seconds: number): Promise<Measurement> {
  const load = { port: server.port, clients: options.readers, pipeline: 1, keyspace: READ_KEYS, command: ['GET', 'read:__rand_int__'] };
  const { rps } = await redisBenchmark({ ...load, requests: 200 * options.readers });
  return redisBenchmark({ ...load, requests: Math.ceil(rps * seconds) });
}

async function measure(server: BenchServer, options: Options): Promise<Run> {
  const { port } = server;
  const value = 'x'.repeat(options.valueBytes);
  await redisBenchmark({ port, clients: 8, pipeline: 16, requests: 10 * READ_KEYS, keyspace: READ_KEYS, command: ['SET', 'read:__rand_int__', value] });
  const idle = await read(server, options, options.seconds / 3);
  const writers = new BackgroundLoad({
    port, clients: options.writers, pipeline: 1, requests: ENDLESS, keyspace: options.keyspace, command: ['SET', 'write:__rand_int__', value],
  });
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const before = await writesDone(server);
  const startedMs = performance.now();
  const loaded = await read(server, options, options.seconds);
  const elapsedMs = performance.now() - startedMs;
  const writesPerSecond = (await writesDone(server) - before) / elapsedMs * 1000;
  await writers.stop();
  return { idle, loaded, writesPerSecond };
}

function rowOf(kind: ServerKind, runs: readonly Run[]): string[] {
  const of = (pick: (run: Run) => number): number => median(runs.map(pick));
  return [
    kind, figure(of((run) => run.idle.p50Ms), 3), figure(of((run) => run.idle.p99Ms), 3), figure(of((run) => run.loaded.p50Ms), 3),
    figure(of((run) => run.loaded.p99Ms), 3), figure(of((run) => run.loaded.rps)), figure(of((run) => run.writesPerSecond)),
  ];
}

const HEADER = ['server', 'idle GET p50 ms', 'p99', 'under writes p50 ms', 'p99', 'GET/s', 'SET/s'];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      writers: { type: 'string', default: '50' }, readers: { type: 'string', default: '1' }, rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' }, keyspace: { type: 'string', default: '100000' }, 'value-bytes': { type: 'string', default: '100' },
      'slow-fsync': { type: 'string' }, json: { type: 'string' }, help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const options: Options = {
    writers: number('writers', values.writers), readers: number('readers', values.readers), rounds: number('rounds', values.rounds),
    seconds: number('seconds', values.seconds), keyspace: number('keyspace', values.keyspace), valueBytes: number('value-bytes', values['value-bytes']),
  };
  const delayMs = slowFsyncMs(values['slow-fsync']);
  const environment = delayMs === 0 ? {} : slowFsyncEnvironment(delayMs, temporaryDirectory());
  const kinds = installedKinds(['holdfast', 'redis-aof']);
  const servers: { server: BenchServer; runs: Run[] }[] = [];
  for (const kind of kinds) servers.push({ server: await BenchServer.start(kind, environment), runs: [] });
  for (let round = 0; round < options.rounds; round++) {
    for (const { server, runs } of round % 2 === 0 ? servers : [...servers].reverse()) {
      const run = await measure(server, options);
      runs.push(run);
      progress(`${round + 1}/${options.rounds} ${server.kind}: p50 ${run.loaded.p50Ms} p99 ${run.loaded.p99Ms} ms beside ${figure(run.writesPerSecond)} writes/s`);
    }
  }
  for (const { server } of servers) await server.remove();
  console.log(`${table([HEADER, ...servers.map(({ server, runs }) => rowOf(server.kind, runs))])}\n\n${diskNote(delayMs)} ${options.writers} writers. Medians of ${options.rounds}.`);
  const results = Object.fromEntries(servers.map(({ server, runs }) => [server.kind, runs]));
  console.log(`Written to ${writeReport('latency', values.json, kinds, { ...options, slowFsyncMs: delayMs }, results)}`);
}

runBenchmark(main);
