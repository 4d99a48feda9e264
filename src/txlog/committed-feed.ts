/**
 * Delivers committed records to one reader, in order and each once: straight from the core's memory while the reader keeps
 * up, from the store while it lags. Must never deliver what is not committed and durable here.
 */
import type { LogRecord } from './log-store.ts';
import type { Entry } from './raft/types.ts';

/** Takes a run of records that follow each other. Synchronous: what it does not throw back is applied. */
export type RecordSink = (records: readonly (Entry | LogRecord)[]) => void;

export class CommittedFeed {
  readonly #readStore: (from: number) => Promise<readonly LogRecord[]>;
  readonly #onError: (error: Error) => void;
  #sink: RecordSink | null = null;
  /** The record to be delivered next. */
  #next = 0;
  /** Committed and durable through here. */
  #through = 0;
  #pumping = false;
  /** Grows when the sink changes: a read of the store that was under way then is void. */
  #generation = 0;

  /** @param readStore durable records from an index on, at least one where there is one. */
  constructor(readStore: (from: number) => Promise<readonly LogRecord[]>, onError: (error: Error) => void) {
    this.#readStore = readStore;
    this.#onError = onError;
  }

  /** Delivers to `sink` from record `from` on, records that are committed already included. Replaces the sink before. */
  follow(from: number, sink: RecordSink): void {
    this.stop();
    this.#sink = sink;
    this.#next = from;
    this.#pump();
  }

  /** No record is delivered any more. */
  stop(): void {
    this.#generation++;
    this.#sink = null;
    this.#pumping = false;
  }

  /** Everything through `through` is committed and durable here; `entries`: the newest of it, perhaps none of it. */
  committed(through: number, entries: readonly Entry[]): void {
    this.#through = through;
    if (this.#sink === null || this.#pumping || this.#next > through) return;
    const first = entries.length > 0 ? entries[0]!.index : Infinity;
    if (first > this.#next) {
      this.#pump();
      return;
    }
    const records = first === this.#next ? entries : entries.slice(this.#next - first);
    this.#next = through + 1;
    this.#sink(records);
  }

  #pump(): void {
    if (this.#pumping || this.#next > this.#through) return;
    this.#pumping = true;
    const generation = this.#generation;
    this.#run(generation).catch((error: unknown) => {
      if (generation === this.#generation) this.#onError(error as Error);
    });
  }

  async #run(generation: number): Promise<void> {
    while (this.#next <= this.#through) {
      const found = await this.#readStore(this.#next);
      if (generation !== this.#generation) return;
      const end = found.findIndex(({ index }) => index > this.#through);
      const records = end < 0 ? found : found.slice(0, end);
      if (records.length === 0) break;
      this.#next = records[records.length - 1]!.index + 1;
      this.#sink!(records);
      if (generation !== this.#generation) return;
      // The event loop goes on between two pieces.
      await new Promise((resolve) => { setImmediate(resolve); });
      if (generation !== this.#generation) return;
    }
    this.#pumping = false;
    // What was committed during the last read, if that found less than it could.
    this.#pump();
  }
}
