/** A thread that pings a server every millisecond: what it waits longest is how long the server's event loop stood still. */
import { once } from 'node:events';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { BenchClient } from './client.ts';
import { percentile } from './statistics.ts';

export interface Stalls {
  readonly pings: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly longestMs: number;
}

/** Pings until `stop`. A thread of its own, so that the generator's own pauses are not taken for the server's. */
export class Pinger {
  readonly #worker: Worker;

  constructor(port: number) {
    this.#worker = new Worker(new URL(import.meta.url), { workerData: { port } });
  }

  async stop(): Promise<Stalls> {
    const answered = once(this.#worker, 'message');
    this.#worker.postMessage('stop');
    const [stalls] = (await answered) as [Stalls];
    await this.#worker.terminate();
    return stalls;
  }
}

async function ping(port: number): Promise<void> {
  const client = await BenchClient.connect(port);
  const waitedMs: number[] = [];
  let stopped = false;
  parentPort!.once('message', () => (stopped = true));
  while (!stopped) {
    const sentMs = performance.now();
    await client.demand('PING');
    waitedMs.push(performance.now() - sentMs);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  client.close();
  parentPort!.postMessage({
    pings: waitedMs.length, p50Ms: percentile(waitedMs, 0.5), p99Ms: percentile(waitedMs, 0.99), longestMs: percentile(waitedMs, 1),
  } satisfies Stalls);
}

if (parentPort !== null) await ping((workerData as { port: number }).port);
