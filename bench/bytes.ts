/**
 * What an element costs in memory, by type and size of the collection, beside redis-server: used_memory before and after many equal
 * collections were made, for each element.
 */
import { parseArgs } from 'node:util';
import type { BenchClient } from './client.ts';
import { number, runBenchmark } from './options.ts';
import { progress, writeReport } from './report.ts';
import { BenchServer, installedKinds, type ServerKind } from './servers.ts';
import { figure, table } from './statistics.ts';

const USAGE = `npm run bench:bytes -- [options]
  --elements 1000000  elements of each kind, in all
  --only TEXT         kinds whose names have this in them
  --json PATH         where the figures go (default: bench/results/)`;

interface Kind {
  readonly name: string;
  /** Elements of one collection. */
  readonly size: number;
  /** The command that makes element `n` of the collection `key`. */
  readonly add: (key: string, n: number) => readonly string[];
}

const text = (n: number): string => `value:${String(n).padStart(10, '0')}`;

const SMALL = 20;
const LARGE = 100_000;

const BOTH = (name: string, add: Kind['add']): Kind[] => [{ name: `${name}, ${SMALL}`, size: SMALL, add }, { name: `${name}, ${LARGE}`, size: LARGE, add }];

const KINDS: readonly Kind[] = [
  { name: 'string of 10 B', size: 1, add: (key) => ['SET', key, '0123456789'] },
  { name: 'string of 100 B', size: 1, add: (key) => ['SET', key, 'x'.repeat(100)] },
  { name: 'string of 1000 B', size: 1, add: (key) => ['SET', key, 'x'.repeat(1000)] },
  { name: 'integer', size: 1, add: (key, n) => ['SET', key, String(100_000 + n)] },
  { name: 'string with expiry', size: 1, add: (key) => ['SET', key, '0123456789', 'EX', '100000'] },
  ...BOTH('list', (key, n) => ['RPUSH', key, text(n)]),
  ...BOTH('set', (key, n) => ['SADD', key, text(n)]),
  ...BOTH('set of integers', (key, n) => ['SADD', key, String(n)]),
  ...BOTH('hash', (key, n) => ['HSET', key, `field:${n}`, text(n)]),
  ...BOTH('sorted set', (key, n) => ['ZADD', key, String(n * 1.5), text(n)]),
  ...BOTH('geo', (key, n) => ['GEOADD', key, String((n % 360_000) / 1000 - 180), String((n % 170_000) / 1000 - 85), text(n)]),
  ...BOTH('stream', (key, n) => ['XADD', key, `${n + 1}-1`, 'field', text(n)]),
  { name: 'HyperLogLog, 20', size: SMALL, add: (key, n) => ['PFADD', key, text(n)] },
];

async function usedBytes(client: BenchClient): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(String(await client.send('INFO', 'memory')))![1]);
}

/** Bytes of used_memory for each element. */
async function measure(server: BenchServer, { size, add }: Kind, elements: number): Promise<number> {
  const client = await server.connect();
  await client.demand('FLUSHALL');
  const before = await usedBytes(client);
  const collections = Math.max(1, Math.floor(elements / size));
  const perBatch = 500;
  let batch: Promise<unknown>[] = [];
  for (let c = 0; c < collections; c++) {
    for (let n = 0; n < size; n++) {
      batch.push(client.send(...add(`key:${String(c).padStart(8, '0')}`, size === 1 ? c : n) as [string, ...string[]]));
      if (batch.length === perBatch) {
        await Promise.all(batch);
        batch = [];
      }
    }
  }
  await Promise.all(batch);
  const after = await usedBytes(client);
  client.close();
  return (after - before) / (collections * size);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { elements: { type: 'string', default: '1000000' }, only: { type: 'string', default: '' }, json: { type: 'string' }, help: { type: 'boolean', default: false } },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const elements = number('elements', values.elements);
  const wanted = KINDS.filter(({ name }) => name.includes(values.only));
  const kinds = installedKinds(['holdfast', 'redis-aof']);
  const results = new Map<ServerKind, number[]>();
  for (const kind of kinds) {
    const server = await BenchServer.start(kind);
    const found: number[] = [];
    for (const what of wanted) found.push(await measure(server, what, elements));
    results.set(kind, found);
    await server.remove();
    progress(kind);
  }
  const ours = results.get('holdfast')!;
  const theirs = results.get('redis-aof');
  console.log(table([
    ['bytes an element', ...kinds, 'ratio'],
    ...wanted.map(({ name }, i) => [name, ...kinds.map((kind) => figure(results.get(kind)![i]!, 1)), theirs === undefined ? '-' : figure(ours[i]! / theirs[i]!, 2)]),
  ]));
  console.log(`Written to ${writeReport('bytes', values.json, kinds, { elements }, { names: wanted.map(({ name }) => name), ...Object.fromEntries(results) })}`);
}

runBenchmark(main);
