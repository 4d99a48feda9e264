/**
 * The embedded TransactionLog: the Raft core on a LogStore.
 *
 * Turns the core's Readys into batches of the store, in order, a bounded number at once; what is appended while that many
 * are under way goes out together in the next. Holds the core's only clock. Never looks into a record's block.
 */
import { randomBytes } from 'node:crypto';
import { OperationalError } from '../shared/errors.ts';
import type { LogStore, RecoveredLog } from './log-store.ts';
import { DEFAULT_LIMITS } from './raft/limits.ts';
import { firstConfig } from './raft/configuration.ts';
import { RawNode } from './raft/raw-node.ts';
import type { HardState, Ready } from './raft/types.ts';
import type { LogRecord, TransactionLog } from './transaction-log.ts';

export interface RaftTransactionLogOptions {
  readonly id: string;
  readonly store: LogStore;
  /** Batches handed to the store and not durable yet, at most. */
  readonly maxBatchesInFlight: number;
  /** Index through which the state machine is restored from a snapshot; 0 without one. */
  readonly appliedIndex: number;
}

const TICK_MS = 100;
const READ_BYTES = 1024 * 1024;
const NO_BLOCK: Uint8Array = new Uint8Array(0);

export class RaftTransactionLog implements TransactionLog {
  readonly shardId: string;
  onCommit: (index: number) => void = () => undefined;
  onFatal: (error: Error) => void = () => undefined;
  /** How many entries of an unfinished write were dropped when the log was opened. */
  readonly unfinished: number;

  readonly #node: RawNode;
  readonly #store: LogStore;
  readonly #maxBatchesInFlight: number;
  #batchesInFlight = 0;
  #firstIndex: number;
  #lastIndex: number;
  #commitIndex = 0;
  #term = 0;
  /** A hint (commit moved) that waits for the next batch that is written anyway. */
  #hardState: HardState | null = null;
  #lastBatchHanded = 0;
  /** Size of each record in flight, for `inFlightBytes`. */
  #sizes: { index: number; bytes: number }[] = [];
  #inFlightBytes = 0;
  #leading: { resolve: (index: number) => void } | null = null;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;
  #failed = false;

  /** Opens the store, giving a new one its identity. @throws OperationalError as LogStore.open does. */
  static async open(options: RaftTransactionLogOptions): Promise<RaftTransactionLog> {
    const { store, id } = options;
    let recovered = await store.open();
    if (recovered.shardId === '') {
      const shardId = randomBytes(20).toString('hex');
      const config = { index: 0, config: firstConfig([{ id, role: 'voter' }]) };
      await store.initialize(shardId, config);
      recovered = { ...recovered, shardId, configs: [config] };
    }
    return new RaftTransactionLog(options, recovered);
  }

  private constructor(options: RaftTransactionLogOptions, recovered: RecoveredLog) {
    this.shardId = recovered.shardId;
    this.unfinished = recovered.unfinished;
    this.#store = options.store;
    this.#maxBatchesInFlight = options.maxBatchesInFlight;
    this.#firstIndex = recovered.start.index + 1;
    this.#lastIndex = recovered.lastIndex;
    this.#node = new RawNode({
      id: options.id,
      limits: DEFAULT_LIMITS,
      restart: {
        hardState: recovered.hardState,
        compacted: { index: recovered.start.index, term: recovered.start.term },
        termRuns: recovered.termRuns,
        lastIndex: recovered.lastIndex,
        configs: recovered.configs,
        applied: options.appliedIndex,
        impaired: false,
      },
      random: Math.random,
    });
  }

  get firstIndex(): number {
    return this.#firstIndex;
  }

  get lastIndex(): number {
    return this.#lastIndex;
  }

  get commitIndex(): number {
    return this.#commitIndex;
  }

  get term(): number {
    return this.#term;
  }

  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  get leaseValid(): boolean {
    const status = this.#node.status();
    return status.role === 'leader' && status.tickCount < status.leaseUntilTick;
  }

  lead(): Promise<number> {
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
    return new Promise((resolve) => {
      this.#leading = { resolve };
      this.#node.campaign();
      this.flush();
    });
  }

  #tick(): void {
    this.#node.tick();
    this.flush();
  }

  append(block: Uint8Array): number {
    const index = this.#node.propose(block);
    this.#lastIndex = index;
    this.#sizes.push({ index, bytes: block.length });
    this.#inFlightBytes += block.length;
    return index;
  }

  flush(): void {
    while (!this.#closed && !this.#failed && this.#batchesInFlight < this.#maxBatchesInFlight && this.#node.hasReady()) {
      this.#handle(this.#node.ready());
    }
  }

  #handle(ready: Ready): void {
    if (ready.softState !== null) this.#term = ready.softState.term;
    this.#lastBatchHanded = ready.batch;
    if (ready.mustSync) this.#write(ready);
    else {
      if (ready.hardState !== null) this.#hardState = ready.hardState;
      if (this.#batchesInFlight === 0) this.#node.synced(ready.batch);
    }
    if (ready.committed !== null) this.#node.applied(ready.committed.through);
    if (ready.commitIndex > this.#commitIndex) this.#committed(ready.commitIndex);
  }

  #write(ready: Ready): void {
    const hardState = ready.hardState ?? this.#hardState;
    this.#hardState = null;
    this.#batchesInFlight++;
    this.#store.append({ hardState, truncateFrom: ready.truncateFrom, entries: ready.entries }).then(
      () => {
        this.#batchesInFlight--;
        // Readys after this one that had nothing to write are durable with it, once nothing else is under way.
        this.#node.synced(this.#batchesInFlight === 0 ? this.#lastBatchHanded : ready.batch);
        this.flush();
      },
      (error: unknown) => this.#fail(error as Error),
    );
  }

  #committed(index: number): void {
    this.#commitIndex = index;
    let n = 0;
    for (; n < this.#sizes.length && this.#sizes[n]!.index <= index; n++) this.#inFlightBytes -= this.#sizes[n]!.bytes;
    if (n > 0) this.#sizes = this.#sizes.slice(n);
    this.onCommit(index);
    if (this.#leading !== null && this.#node.status().committedInTerm) {
      const { resolve } = this.#leading;
      this.#leading = null;
      resolve(index);
    }
  }

  #fail(error: Error): void {
    if (this.#failed || this.#closed) return;
    this.#failed = true;
    this.onFatal(error);
  }

  async *read(from: number, through: number): AsyncIterable<LogRecord> {
    for (let at = from; at <= through;) {
      const entries = await this.#store.read(at, through, READ_BYTES);
      if (entries.length === 0) throw new OperationalError('LOG_DAMAGED', `log record ${at} is missing`);
      for (const { index, term, checksum, kind, data } of entries) {
        yield { index, term, checksum, block: kind === 'normal' ? data : NO_BLOCK };
      }
      at = entries[entries.length - 1]!.index + 1;
    }
  }

  async trim(index: number): Promise<void> {
    this.#node.compact(index);
    this.#firstIndex = index + 1;
    await this.#store.trim(index);
  }

  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#closed = true;
    await this.#store.close();
  }
}
