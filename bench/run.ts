/**
 * Throughput and latency beside redis-server with the same durability: both servers are driven in turn, run by run, so that what the
 * machine does meanwhile hits both. Trust the ratios, not the figures.
 */
import { parseArgs } from 'node:util';
import { diskNote, number, numbers, runBenchmark, slowFsyncMs } from './options.ts';
import { type Measurement, RefusedError, redisBenchmark } from './redis-benchmark.ts';
import { progress, writeReport } from './report.ts';
import { BenchServer, installedKinds, type ServerKind, temporaryDirectory } from './servers.ts';
import { slowFsyncEnvironment } from './slow-fsync.ts';
import { figure, median, table } from './statistics.ts';
import { CORE_TESTS, type Workload, workloads } from './workloads.ts';

const USAGE = `npm run bench -- [options]
  --tests GET,SET      which tests, or 'all' (default: ${CORE_TESTS.join(',')})
  --clients 1,50,200   parallel connections
  --pipelines 1,16     commands in flight on each connection
  --rounds 3           runs of each server in each cell; the median counts
  --requests N         requests of a run (default: as many as take --seconds)
  --seconds 1.5        length of a run where --requests is not given
  --keyspace 100000    different keys, members or fields
  --value-bytes 3      length of values
  --slow-fsync MS      make every fsync that much slower, for all servers alike
  --json PATH          where the figures go (default: bench/results/)`;

/** One cell of the table: a workload at a number of clients and a depth of pipelining. */
interface Cell {
  readonly workload: Workload;
  readonly clients: number;
  readonly pipeline: number;
}

interface CellResult {
  readonly test: string;
  readonly clients: number;
  readonly pipeline: number;
  readonly servers: Partial<Record<ServerKind, Summary | { readonly refused: string }>>;
}

interface Summary {
  readonly median: Measurement;
  readonly runs: readonly Measurement[];
}

interface Options {
  readonly rounds: number;
  readonly requests: number | null;
  readonly seconds: number;
  readonly keyspace: number;
}

const CALIBRATION_MS = 200;
const FILL = { clients: 8, pipeline: 64 };

/** Empties the server and puts there what the workload needs. */
async function prepare(server: BenchServer, workload: Workload, requests: number, keyspace: number): Promise<void> {
  const client = await server.connect();
  await client.demand('FLUSHALL');
  client.close();
  if (workload.prepare === undefined) return;
  const { command, requests: wanted } = workload.prepare;
  // Random keys: twice their number leaves one in seven missing.
  const count = wanted === 'as many' ? requests : wanted === 'keyspace' ? 2 * keyspace : wanted;
  await redisBenchmark({ ...FILL, port: server.port, requests: count, keyspace, command });
}

/** Requests that take about `seconds`, found by growing runs. */
async function calibrate(server: BenchServer, cell: Cell, { seconds, keyspace }: Options): Promise<number> {
  for (let requests = 50 * cell.clients * cell.pipeline, first = true; ; requests *= 4, first = false) {
    if (first || cell.workload.consumes) await prepare(server, cell.workload, requests, keyspace);
    const { rps } = await redisBenchmark({ ...cell, port: server.port, requests, keyspace, command: cell.workload.command });
    if (requests / rps * 1000 >= CALIBRATION_MS) return Math.ceil(rps * seconds);
  }
}

function summarize(runs: readonly Measurement[]): Summary {
  const of = (field: keyof Measurement): number => median(runs.map((run) => run[field]));
  return { median: { rps: of('rps'), p50Ms: of('p50Ms'), p99Ms: of('p99Ms') }, runs };
}

async function measureCell(servers: readonly BenchServer[], cell: Cell, options: Options): Promise<CellResult> {
  const { workload, clients, pipeline } = cell;
  const result: CellResult = { test: workload.name, clients, pipeline, servers: {} };
  const plans: { server: BenchServer; requests: number; runs: Measurement[] }[] = [];
  for (const server of servers) {
    // The server without persistence says what reads could be; its writes promise nothing.
    if (server.kind === 'redis-memory' && !workload.readOnly) continue;
    try {
      const requests = options.requests ?? (await calibrate(server, cell, options));
      await prepare(server, workload, requests, options.keyspace);
      plans.push({ server, requests, runs: [] });
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      result.servers[server.kind] = { refused: error.message };
    }
  }
  for (let round = 0; round < options.rounds; round++) {
    // The order changes from round to round: none always runs in the other's wake.
    for (const { server, requests, runs } of round % 2 === 0 ? plans : [...plans].reverse()) {
      if (workload.consumes && round > 0) await prepare(server, workload, requests, options.keyspace);
      try {
        runs.push(await redisBenchmark({ port: server.port, clients, pipeline, requests, keyspace: options.keyspace, command: workload.command }));
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error;
        result.servers[server.kind] = { refused: error.message };
      }
    }
  }
  for (const { server, runs } of plans) if (runs.length > 0) result.servers[server.kind] = summarize(runs);
  return result;
}

function medianOf(cell: CellResult, kind: ServerKind): Measurement | undefined {
  const found = cell.servers[kind];
  return found !== undefined && 'median' in found ? found.median : undefined;
}

function rowOf(cell: CellResult): string[] {
  const ours = medianOf(cell, 'holdfast');
  const theirs = medianOf(cell, 'redis-aof');
  const reads = medianOf(cell, 'redis-memory');
  const latency = (m: Measurement | undefined): string => (m === undefined ? '-' : `${figure(m.p50Ms, 2)}/${figure(m.p99Ms, 2)}`);
  return [
    cell.test, String(cell.clients), String(cell.pipeline), figure(ours?.rps ?? NaN), figure(theirs?.rps ?? NaN),
    figure((ours?.rps ?? NaN) / (theirs?.rps ?? NaN), 2), latency(ours), latency(theirs), figure(reads?.rps ?? NaN), figure((ours?.rps ?? NaN) / (reads?.rps ?? NaN), 2),
  ];
}

const HEADER = ['test', 'clients', 'pipeline', 'holdfast/s', 'redis-aof/s', 'ratio', 'p50/p99 ms', 'redis p50/p99', 'redis no-aof/s', 'ratio'];

/** What a test runs first, uncounted: programs that are compiled while they run have their code by then. */
const WARM_UP_CELL = { clients: 50, pipeline: 16 };
const WARM_UP = { rounds: 1, seconds: 2, requests: null };

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      tests: { type: 'string' }, clients: { type: 'string', default: '1,50,200' }, pipelines: { type: 'string', default: '1,16' },
      rounds: { type: 'string', default: '3' }, requests: { type: 'string' }, seconds: { type: 'string', default: '1.5' },
      keyspace: { type: 'string', default: '100000' }, 'value-bytes': { type: 'string', default: '3' }, 'slow-fsync': { type: 'string' },
      json: { type: 'string' }, help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const all = workloads(number('value-bytes', values['value-bytes']));
  const names = values.tests === 'all' ? [...all.keys()] : values.tests?.toUpperCase().split(',') ?? CORE_TESTS;
  const unknown = names.filter((name) => !all.has(name));
  if (unknown.length > 0) throw new Error(`--tests: no test called ${unknown.join(', ')}; there are ${[...all.keys()].join(', ')}`);
  const options: Options = {
    rounds: number('rounds', values.rounds), requests: values.requests === undefined ? null : number('requests', values.requests),
    seconds: Number(values.seconds), keyspace: number('keyspace', values.keyspace),
  };
  const delayMs = slowFsyncMs(values['slow-fsync']);
  const environment = delayMs === 0 ? {} : slowFsyncEnvironment(delayMs, temporaryDirectory());
  const kinds = installedKinds(['holdfast', 'redis-aof', 'redis-memory']);
  if (kinds.length === 1) throw new Error('redis-server and redis-benchmark are not installed (Debian: redis-server, redis-tools)');
  const servers: BenchServer[] = [];
  for (const kind of kinds) servers.push(await BenchServer.start(kind, environment));
  const cells = names.flatMap((name) => numbers('pipelines', values.pipelines).flatMap((pipeline) => (
    numbers('clients', values.clients).map((clients): Cell => ({ workload: all.get(name)!, clients, pipeline }))
  )));
  const results: CellResult[] = [];
  for (const [i, cell] of cells.entries()) {
    if (cell.workload !== cells[i - 1]?.workload) await measureCell(servers, { ...cell, ...WARM_UP_CELL }, { ...options, ...WARM_UP });
    const result = await measureCell(servers, cell, options);
    results.push(result);
    const refused = Object.entries(result.servers).filter(([, found]) => 'refused' in found).map(([kind, found]) => ` ${kind}: ${(found as { refused: string }).refused}`);
    progress(`${i + 1}/${cells.length} ${cell.workload.name} ${cell.clients} clients, pipeline ${cell.pipeline}: ratio ${rowOf(result)[5]}${refused.join()}`);
  }
  for (const server of servers) await server.remove();
  console.log(`${table([HEADER, ...results.map(rowOf)])}\n\n${diskNote(delayMs)} redis-aof: appendonly yes, appendfsync always. Medians of ${options.rounds}.`);
  console.log(`Written to ${writeReport('throughput', values.json, kinds, { ...options, slowFsyncMs: delayMs, valueBytes: Number(values['value-bytes']) }, results)}`);
}

runBenchmark(main);
