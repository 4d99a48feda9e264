/** Gives committed records to those who read a range of the log, however far it is committed yet: they wait for the rest. */
import { NO_BLOCK, effectsOf } from './log-payload.ts';
import type { LogStore } from './log-store.ts';
import type { LogRecord } from './transaction-log.ts';

export class CommittedReading {
  readonly #readStore: (from: number) => ReturnType<LogStore['read']>;
  /** Committed and durable here. */
  #through = 0;
  #waiting: (() => void)[] = [];
  #isEnded = false;

  /** @param readStore durable records from an index on, at least one where there is one. */
  constructor(readStore: (from: number) => ReturnType<LogStore['read']>) {
    this.#readStore = readStore;
  }

  /** Everything through `through` is committed and durable here. */
  committed(through: number): void {
    this.#through = through;
    this.#wake();
  }

  /** See TransactionLog.read. */
  async *read(from: number, through: number, stop?: AbortSignal): AsyncIterable<LogRecord> {
    const wake = (): void => this.#wake();
    stop?.addEventListener('abort', wake);
    try {
      for (let at = from; at <= through;) {
        if (this.#isOver(stop)) return;
        if (at > this.#through) {
          await new Promise<void>((resolve) => this.#waiting.push(resolve));
          continue;
        }
        const end = Math.min(this.#through, through);
        for (const { index, term, checksum, kind, data } of await this.#readStore(at)) {
          if (index > end || this.#isOver(stop)) break;
          at = index + 1;
          yield { index, term, checksum, block: kind === 'normal' ? effectsOf(data, index) : NO_BLOCK };
        }
      }
    } finally {
      stop?.removeEventListener('abort', wake);
    }
  }

  /** Ends all reading. */
  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  #isOver(stop: AbortSignal | undefined): boolean {
    return this.#isEnded || (stop !== undefined && stop.aborted);
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
