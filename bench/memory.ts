/**
 * What data costs: bytes a key, how long the server stands still while much is overwritten, how fast it is back, and what memory is lost
 * to values whose sizes change. Servers are measured one after the other: two with large data would not fit the machine.
 */
import { parseArgs } from 'node:util';
import { encode } from './client.ts';
import { Loader } from './loader.ts';
import { number, runBenchmark } from './options.ts';
import { Pinger, type Stalls } from './ping-worker.ts';
import { progress, writeReport } from './report.ts';
import { BenchServer, installedKinds, type ServerKind } from './servers.ts';
import { figure, table } from './statistics.ts';

const USAGE = `npm run bench:memory -- [options]
  --keys 1000000             keys of 16 bytes
  --value-bytes 100          length of their values
  --overwrite-rate 50000     overwrites a second
  --overwrite-seconds 60     for how long
  --churn-keys 100000        keys whose values change in size
  --churn-rate N             such changes a second (default: as many as the server takes)
  --json PATH                where the figures go (default: bench/results/)`;

interface Options {
  readonly keys: number;
  readonly valueBytes: number;
  readonly rate: number;
  readonly seconds: number;
  readonly churnKeys: number;
  readonly churnRate: number | null;
}

interface Memory {
  readonly usedBytes: number;
  readonly rssBytes: number;
  /** What only Holdfast tells: arena bytes touched for each that lives. */
  readonly arenaRatio: number;
}

interface Phase extends Memory {
  readonly phase: string;
  /** Bytes of all keys and values that are there. */
  readonly payloadBytes: number;
  /** The largest `arenaRatio` seen while values changed. */
  readonly worstArenaRatio: number;
}

interface Result {
  readonly loadPerSecond: number;
  readonly usedBytesPerKey: number;
  readonly rssBytesPerKey: number;
  readonly overwritesPerSecond: number;
  readonly stalls: Stalls;
  /** The server's own figures of its event loop after the overwrites, by the names of its INFO fields. */
  readonly eventLoop: Record<string, string>;
  readonly restartMs: number;
  readonly churn: readonly Phase[];
}

const KEY_BYTES = 16;
const SAMPLE_MS = 100;

const keyOf = (n: number): string => `key:${String(n).padStart(KEY_BYTES - 4, '0')}`;

async function memoryOf(server: BenchServer): Promise<Memory> {
  const info = await server.info();
  return { usedBytes: Number(info.get('used_memory')), rssBytes: server.rssBytes(), arenaRatio: Number(info.get('arena_ratio') ?? NaN) };
}

async function overwrite(server: BenchServer, loader: Loader, options: Options): Promise<Pick<Result, 'stalls' | 'overwritesPerSecond' | 'eventLoop'>> {
  const pinger = new Pinger(server.port);
  const value = 'y'.repeat(options.valueBytes);
  const sent = await loader.paced(options.rate, options.seconds, () => encode('SET', keyOf(Math.floor(Math.random() * options.keys)), value));
  const stalls = await pinger.stop();
  const eventLoop = Object.fromEntries([...(await server.info())].filter(([field]) => /event_?loop|loop_delay|stall/.test(field)));
  return { stalls, overwritesPerSecond: sent / options.seconds, eventLoop };
}

/** Asks for the arena's ratio again and again. */
class RatioSampler {
  #worst = 0;
  #isOver = false;
  readonly #over: Promise<void>;

  constructor(server: BenchServer) {
    this.#over = this.#run(server);
  }

  async #run(server: BenchServer): Promise<void> {
    while (!this.#isOver) {
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
      this.#worst = Math.max(this.#worst, (await memoryOf(server)).arenaRatio);
    }
  }

  /** @returns the largest that was seen; NaN where the server has no arena. */
  async stop(): Promise<number> {
    this.#isOver = true;
    await this.#over;
    return this.#worst;
  }
}

/** Changes all values twice. The first ones are put there as fast as it goes. */
async function changeAll(loader: Loader, { churnKeys, churnRate }: Options, isFirst: boolean, change: (n: number) => string): Promise<void> {
  if (isFirst || churnRate === null) await loader.load(2 * churnKeys, change);
  else {
    let n = 0;
    await loader.paced(churnRate, 2 * churnKeys / churnRate, () => change(n++));
  }
}

/** Sizes that wander, then thin out: what a compacting arena must follow and a classic allocator cannot. */
async function churn(kind: ServerKind, options: Options): Promise<Phase[]> {
  const server = await BenchServer.start(kind);
  const loader = await Loader.connect(server.port);
  const empty = await memoryOf(server);
  const sizes = new Uint32Array(options.churnKeys);
  const phases: Phase[] = [];
  const ranges = [[10, 60], [60, 300], [300, 1500], [20, 1500], [10, 100]] as const;
  for (const [least, most] of ranges) {
    const change = (n: number): string => {
      const key = n % options.churnKeys;
      sizes[key] = least + Math.floor(Math.random() * (most - least));
      return encode('SET', keyOf(key), 'z'.repeat(sizes[key]));
    };
    const sampler = new RatioSampler(server);
    await changeAll(loader, options, phases.length === 0, change);
    const worstArenaRatio = await sampler.stop();
    const memory = await memoryOf(server);
    phases.push({
      phase: `values of ${least}-${most} B`, payloadBytes: sizes.reduce((sum, size) => sum + size + KEY_BYTES, 0),
      usedBytes: memory.usedBytes - empty.usedBytes, rssBytes: memory.rssBytes - empty.rssBytes, arenaRatio: memory.arenaRatio, worstArenaRatio,
    });
    progress(`${kind}: churn, ${phases[phases.length - 1]!.phase}`);
  }
  loader.close();
  await server.remove();
  return phases;
}

async function measure(kind: ServerKind, options: Options): Promise<Result> {
  const server = await BenchServer.start(kind);
  const empty = await memoryOf(server);
  const loader = await Loader.connect(server.port);
  const value = 'x'.repeat(options.valueBytes);
  progress(`${kind}: loading ${options.keys} keys`);
  const startedMs = performance.now();
  await loader.load(options.keys, (n) => encode('SET', keyOf(n), value));
  const loadPerSecond = options.keys / (performance.now() - startedMs) * 1000;
  const loaded = await memoryOf(server);
  progress(`${kind}: overwriting ${options.rate} a second for ${options.seconds} s`);
  const overwritten = await overwrite(server, loader, options);
  loader.close();
  progress(`${kind}: restarting`);
  await server.stop();
  const restartMs = await server.restart();
  const client = await server.connect();
  const keys = await client.demand('DBSIZE');
  client.close();
  if (keys !== options.keys) throw new Error(`${kind} came back with ${String(keys)} keys of ${options.keys}`);
  await server.remove();
  return {
    loadPerSecond, usedBytesPerKey: (loaded.usedBytes - empty.usedBytes) / options.keys, rssBytesPerKey: (loaded.rssBytes - empty.rssBytes) / options.keys,
    ...overwritten, restartMs, churn: await churn(kind, options),
  };
}

function print(results: readonly (readonly [ServerKind, Result])[]): void {
  const row = (name: string, value: (result: Result) => string): string[] => [name, ...results.map(([, result]) => value(result))];
  console.log(table([
    ['', ...results.map(([kind]) => kind)],
    row('loaded, keys/s', (r) => figure(r.loadPerSecond)), row('used_memory, B/key', (r) => figure(r.usedBytesPerKey, 1)),
    row('RSS, B/key', (r) => figure(r.rssBytesPerKey, 1)), row('overwrites/s', (r) => figure(r.overwritesPerSecond)),
    row('ping p50, ms', (r) => figure(r.stalls.p50Ms, 2)), row('ping p99, ms', (r) => figure(r.stalls.p99Ms, 2)),
    row('longest stall, ms', (r) => figure(r.stalls.longestMs, 1)), row('restart until it answers, ms', (r) => figure(r.restartMs)),
  ]));
  console.log('\nValues that change in size, bytes for each byte of keys and values:');
  console.log(table([
    ['phase', ...results.flatMap(([kind]) => [`${kind} used`, 'RSS', 'arena/live', 'at worst'])],
    ...results[0]![1].churn.map(({ phase }, i) => [phase, ...results.flatMap(([, { churn: phases }]) => {
      const { usedBytes, rssBytes, payloadBytes, arenaRatio, worstArenaRatio } = phases[i]!;
      return [figure(usedBytes / payloadBytes, 2), figure(rssBytes / payloadBytes, 2), figure(arenaRatio, 2), figure(worstArenaRatio, 2)];
    })]),
  ]));
  for (const [kind, { eventLoop }] of results) for (const [field, value] of Object.entries(eventLoop)) console.log(`${kind} ${field}: ${value}`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      keys: { type: 'string', default: '1000000' }, 'value-bytes': { type: 'string', default: '100' }, 'overwrite-rate': { type: 'string', default: '50000' },
      'overwrite-seconds': { type: 'string', default: '60' }, 'churn-keys': { type: 'string', default: '100000' },
      'churn-rate': { type: 'string' }, json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const options: Options = {
    keys: number('keys', values.keys), valueBytes: number('value-bytes', values['value-bytes']), rate: number('overwrite-rate', values['overwrite-rate']),
    seconds: number('overwrite-seconds', values['overwrite-seconds']), churnKeys: number('churn-keys', values['churn-keys']),
    churnRate: values['churn-rate'] === undefined ? null : number('churn-rate', values['churn-rate']),
  };
  const kinds = installedKinds(['holdfast', 'redis-aof']);
  const results: [ServerKind, Result][] = [];
  for (const kind of kinds) results.push([kind, await measure(kind, options)]);
  print(results);
  console.log(`\nWritten to ${writeReport('memory', values.json, kinds, options, Object.fromEntries(results))}`);
}

runBenchmark(main);
