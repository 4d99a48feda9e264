/**
 * The Readys of the Raft core on their way to the store: a bounded number at once, and what comes while that many are under way
 * merged into one that goes next. Knows nothing of what Readys mean, but for what may share a batch.
 */
import type { LogBatch, ResetPoint } from './log-store.ts';
import type { Entry, HardState, PeerMessage, Ready } from './raft/types.ts';

/** One batch of the store: a Ready, or several that follow each other. */
export class PendingWrite implements LogBatch {
  /** The last Ready in it. */
  readyBatch: number;
  resetTo: ResetPoint | null;
  truncateFrom: number;
  hardState: HardState | null;
  healed: boolean;
  entries: readonly Entry[];
  /** To be sent once it is durable. */
  messages: readonly PeerMessage[];
  /** Whether `entries` is a list of our own, to which more may be added. */
  #ownEntries = false;

  constructor(ready: Ready, resetTo: ResetPoint | null) {
    this.readyBatch = ready.batch;
    this.resetTo = resetTo;
    this.truncateFrom = ready.truncateFrom;
    this.hardState = ready.hardState;
    this.healed = ready.healed;
    this.entries = ready.entries;
    this.messages = ready.messagesAfterSync;
  }

  /** Whether `ready` may become durable together with this: it only adds. */
  takes(ready: Ready): boolean {
    return ready.resetTo === null && ready.truncateFrom === 0;
  }

  add(ready: Ready): void {
    this.note(ready);
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

export class PendingWrites {
  readonly #inFlightMax: number;
  #inFlight: PendingWrite[] = [];
  #waiting: PendingWrite[] = [];

  constructor(inFlightMax: number) {
    this.#inFlightMax = inFlightMax;
  }

  get inFlight(): number {
    return this.#inFlight.length;
  }

  /** The newest one that is not durable, or null. */
  get newest(): PendingWrite | null {
    if (this.#waiting.length > 0) return this.#waiting[this.#waiting.length - 1]!;
    return this.#inFlight.length > 0 ? this.#inFlight[this.#inFlight.length - 1]! : null;
  }

  /** A Ready that must be written; `resetTo` replaces its own. Takes its place behind all others. */
  push(ready: Ready, resetTo: ResetPoint | null): void {
    const last = this.#waiting.length > 0 ? this.#waiting[this.#waiting.length - 1]! : null;
    if (last !== null && last.takes(ready)) last.add(ready);
    else this.#waiting.push(new PendingWrite(ready, resetTo));
  }

  /** The next one to be handed to the store, which from now on is in flight; null if none may go: `depth` at once, and no more than the limit. */
  next(depth: number): PendingWrite | null {
    if (this.#inFlight.length >= Math.min(depth, this.#inFlightMax) || this.#waiting.length === 0) return null;
    const write = this.#waiting.shift()!;
    this.#inFlight.push(write);
    return write;
  }

  /** All that wait: the log closes and the limit no longer matters. */
  drain(): PendingWrite[] {
    return this.#waiting.splice(0);
  }

  /** The oldest one in flight is durable. */
  durable(): PendingWrite {
    return this.#inFlight.shift()!;
  }
}
