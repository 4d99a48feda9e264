/**
 * Simulated time: a queue of events on one thread, ordered by their time and then by when they were asked for.
 *
 * Everything in a run that is not decided by the program under test is decided by `random`. Between two events all promises
 * settle and the event loop turns once, so that the same seed gives the same run: `traceHash` tells whether it did.
 */
import { hashBytes } from '../../src/shared/hash.ts';
import { latin1Bytes } from '../../src/shared/request.ts';
import { SeededRandom } from '../support/seeded-random.ts';

export interface Timer {
  cancelled: boolean;
}

interface SimEvent extends Timer {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class World {
  readonly seed: number;
  readonly random: SeededRandom;
  nowMs = 0;
  /** Faults are over: everything has to get going again. */
  calm = false;
  /** Hash over all that was traced. */
  traceHash = 0;
  events = 0;
  /** Called after each event. */
  afterEvent: () => void = () => undefined;
  readonly #heap: SimEvent[] = [];
  #order = 0;
  #failure: Error | null = null;
  readonly #log: string[] = [];

  constructor(seed: number) {
    this.seed = seed;
    this.random = new SeededRandom(Math.imul(seed, 0x9e3779b1));
  }

  /** Between `min` and `max`, mostly near `min`. */
  delay(min: number, max: number): number {
    return min + (max - min) * this.random.next() ** 3;
  }

  after(delayMs: number, run: () => void): Timer {
    const event = { atMs: this.nowMs + delayMs, order: this.#order++, run, cancelled: false };
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
    return event;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => { this.after(ms, resolve); });
  }

  /** What happened: part of the hash, and shown when the run fails. */
  trace(what: string): void {
    const bytes = latin1Bytes(what);
    this.traceHash = hashBytes(bytes, 0, bytes.length, this.traceHash);
    this.#log.push(`${this.nowMs.toFixed(1)} ${what}`);
    if (this.#log.length > 400) this.#log.splice(0, 200);
  }

  /** The last that was traced. */
  get recent(): string {
    return this.#log.slice(-Number(process.env['SIM_TRACE'] ?? 40)).join('\n');
  }

  /** The run has failed: it ends with this error after the event under way. The first one counts. */
  fail(error: unknown): void {
    this.#failure ??= error as Error;
  }

  check(condition: boolean, message: () => string): void {
    if (!condition) this.fail(new Error(message()));
  }

  /** Lets time pass until `endMs`. @throws the error with which the run failed */
  async runUntil(endMs: number, done: () => boolean = () => false): Promise<void> {
    for (;;) {
      const event = this.#heap[0];
      if (event === undefined || event.atMs > endMs || done()) break;
      this.#pop();
      if (event.cancelled) continue;
      this.nowMs = event.atMs;
      this.events++;
      try {
        event.run();
      } catch (error) {
        this.fail(error);
      }
      await new Promise((resolve) => { setImmediate(resolve); });
      this.afterEvent();
      if (this.#failure !== null) throw this.#failure;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: SimEvent, b: SimEvent): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
