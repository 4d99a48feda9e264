/**
 * An import of many keys from a redis-server that goes on taking writes: how long it takes, how fast, and for how long nobody can
 * write when it is cut over. It is done as users do it, by `holdfast import`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { encode } from './client.ts';
import { number, runBenchmark } from './options.ts';
import { HOLDFAST } from './paths.ts';
import { progress, writeReport } from './report.ts';
import { BenchServer } from './servers.ts';

const USAGE = `npm run bench:import -- [options]
  --keys 2000000             keys of the source
  --value-bytes 100          length of their values
  --write-rate 5000          writes a second to the source, all the while
  --compare sample           or digest: what is compared at the cut-over
  --json PATH                where the figures go (default: bench/results/)`;

const WRITES_A_TICK_MS = 10;

/** Overwrites keys at a steady rate until it is told to end; writes that are paused by the source simply wait. */
async function write(source: BenchServer, keys: number, valueBytes: number, rate: number, stop: AbortSignal): Promise<number> {
  const client = await source.connect();
  const value = 'w'.repeat(valueBytes);
  const each = Math.max(1, Math.round((rate * WRITES_A_TICK_MS) / 1000));
  let written = 0;
  for (let at = performance.now(); !stop.aborted; at += WRITES_A_TICK_MS) {
    let text = '';
    for (let i = 0; i < each; i++) text += encode('SET', `key:${Math.floor(Math.random() * keys)}`, value);
    await client.batch(text, each);
    written += each;
    await new Promise((resolve) => { setTimeout(resolve, Math.max(0, at + WRITES_A_TICK_MS - performance.now())); });
  }
  client.close();
  return written;
}

async function importOnce(source: BenchServer, target: BenchServer, compare: string): Promise<{ seconds: number; text: string }> {
  const startedMs = performance.now();
  const tool = spawn(HOLDFAST, ['import', `redis://127.0.0.1:${source.port}`, '--to', `127.0.0.1:${target.port}`, '--compare', compare], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [tool.stdout, tool.stderr]) stream.on('data', (bytes: Buffer) => { text += bytes.toString(); });
  const [code] = (await once(tool, 'close')) as [number];
  if (code !== 0) throw new Error(`holdfast import ended with ${code}:\n${text}`);
  return { seconds: (performance.now() - startedMs) / 1000, text };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      keys: { type: 'string', default: '2000000' }, 'value-bytes': { type: 'string', default: '100' }, 'write-rate': { type: 'string', default: '5000' },
      compare: { type: 'string', default: 'sample' }, json: { type: 'string' }, help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const keys = number('keys', values.keys);
  const valueBytes = number('value-bytes', values['value-bytes']);
  const source = await BenchServer.start('redis-memory', {}, ['--enable-debug-command', 'yes', '--repl-diskless-sync-delay', '0']);
  const target = await BenchServer.start('holdfast', {}, ['--enable-debug-command', 'yes']);
  const client = await source.connect();
  progress(`${keys} keys into redis-server`);
  await client.demand('DEBUG', 'POPULATE', keys, 'key', valueBytes);
  const stop = new AbortController();
  const writing = write(source, keys, valueBytes, number('write-rate', values['write-rate']), stop.signal);
  progress('holdfast import');
  const { seconds, text } = await importOnce(source, target, values.compare);
  await client.demand('CLIENT', 'UNPAUSE');
  stop.abort();
  const written = await writing;
  client.close();
  process.stdout.write(`${text}\n${keys} keys in ${seconds.toFixed(1)} s, ${written} writes to the source meanwhile\n`);
  progress(writeReport('import', values.json, ['holdfast', 'redis-memory'], { keys, valueBytes, writeRate: values['write-rate'], compare: values.compare }, { seconds, written, text }));
  await source.stop();
  await target.stop();
}

runBenchmark(main);
