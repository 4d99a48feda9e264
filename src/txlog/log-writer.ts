/**
 * The Readys of the Raft core on their way to the store: a bounded number at once, and what comes while that many are under way
 * merged into one that goes next. Knows nothing of what Readys mean, but for what may share a batch.
 */
import type { LogBatch, LogStore, ResetPoint } from './log-store.ts';
import type { Entry, HardState, PeerMessage, Ready } from './raft/types.ts';
import { WritePacing } from './write-pacing.ts';

/** One batch of the store: a Ready, or several that follow each other. */
export class PendingWrite implements LogBatch {
  /** The last Ready in it. */
  readyBatch: number;
  resetTo: ResetPoint | null;
  truncateFrom: number;
  hardState: HardState | null;
  healed: boolean;
  entries: readonly Entry[];
  /** What the newest Ready in it says. */
  awaited: boolean;
  /** To be sent once it is durable. */
  messages: readonly PeerMessage[];
  /** Whether `entries` is a list of our own, to which more may be added. */
  #ownEntries = false;

  constructor(ready: Ready, resetTo: ResetPoint | null, awaited: boolean) {
    this.readyBatch = ready.batch;
    this.resetTo = resetTo;
    this.truncateFrom = ready.truncateFrom;
    this.hardState = ready.hardState;
    this.healed = ready.healed;
    this.entries = ready.entries;
    this.awaited = awaited;
    this.messages = ready.messagesAfterSync;
  }

  /** Whether `ready` may become durable together with this: it only adds. */
  takes(ready: Ready): boolean {
    return ready.resetTo === null && ready.truncateFrom === 0;
  }

  add(ready: Ready, awaited: boolean): void {
    this.note(ready);
    this.awaited = awaited;
    if (ready.hardState !== null) this.hardState = ready.hardState;
    this.healed ||= ready.healed;
    if (ready.entries.length === 0) return;
    if (!this.#ownEntries) {
      this.entries = [...this.entries];
      this.#ownEntries = true;
    }
    for (const entry of ready.entries) (this.entries as Entry[]).push(entry);
  }

  /** A Ready with nothing to write counts as durable when what is before it does. */
  note(ready: Ready): void {
    this.readyBatch = ready.batch;
    if (ready.messagesAfterSync.length > 0) this.messages = [...this.messages, ...ready.messagesAfterSync];
  }
}

/** What the writer needs of the log that it writes for. */
export interface LogWriterOptions {
  readonly store: LogStore;
  readonly nowMs: () => number;
  /** Batches at the store at once, at most. */
  readonly inFlightMax: number;
  /** A batch is durable, and all before it. Called in order; there is room for the next. */
  readonly onDurable: (write: PendingWrite) => void;
  readonly onFailed: (error: Error) => void;
}

export class LogWriter {
  readonly #options: LogWriterOptions;
  readonly #pacing = new WritePacing();
  #inFlight: PendingWrite[] = [];
  #waiting: PendingWrite[] = [];
  #ended = false;

  constructor(options: LogWriterOptions) {
    this.#options = options;
  }

  /** Whether as many batches are at the store as are worth having there: another would only wait. */
  get isBusy(): boolean {
    return this.#inFlight.length >= this.#depth;
  }

  get #depth(): number {
    return Math.min(this.#pacing.depth, this.#options.inFlightMax);
  }

  /** The newest one that is not durable, or null. */
  get newest(): PendingWrite | null {
    if (this.#waiting.length > 0) return this.#waiting[this.#waiting.length - 1]!;
    return this.#inFlight.length > 0 ? this.#inFlight[this.#inFlight.length - 1]! : null;
  }

  /** A Ready that must be written; `resetTo` replaces its own. Takes its place behind all others. `awaited`: see LogBatch. */
  push(ready: Ready, resetTo: ResetPoint | null, awaited: boolean): void {
    const last = this.#waiting.length > 0 ? this.#waiting[this.#waiting.length - 1]! : null;
    if (last !== null && last.takes(ready)) last.add(ready, awaited);
    else this.#waiting.push(new PendingWrite(ready, resetTo, awaited));
    this.#writeNext();
  }

  #writeNext(): void {
    const { store, nowMs } = this.#options;
    while (this.#waiting.length > 0 && !this.isBusy) {
      const write = this.#waiting.shift()!;
      this.#inFlight.push(write);
      this.#pacing.began(nowMs());
      store.append(write).then(this.#onWritten, this.#onFailed);
    }
  }

  /** The store reports in the order of the appends. */
  readonly #onWritten = (): void => {
    if (this.#ended) return;
    const write = this.#inFlight.shift()!;
    this.#pacing.ended(this.#options.nowMs());
    this.#writeNext();
    this.#options.onDurable(write);
  };

  readonly #onFailed = (error: unknown): void => {
    if (!this.#ended) this.#options.onFailed(error as Error);
  };

  /** Reports nothing any more. `how`: what waits is still given to the store, or forgotten. */
  end(how: 'written' | 'dropped'): void {
    this.#ended = true;
    const waiting = this.#waiting.splice(0);
    if (how === 'written') for (const write of waiting) this.#options.store.append(write).catch(() => undefined);
  }
}
