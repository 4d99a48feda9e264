/**
 * The LogStore port: where a member keeps its log. Drivers must pass the contract suite in test/txlog.
 *
 * Batches become durable in the order in which they were given, each whole or not at all; several may be under way. After
 * a failed write a store is unusable: the process must end, since nobody knows what is on the disk (fsyncgate).
 */
import type { ConfigAt, Entry, HardState, TermRun } from './raft/types.ts';

/** An entry with the checksum of all entries from the beginning of the log through it. */
export interface StoredEntry extends Entry {
  readonly checksum: number;
}

export interface LogBatch {
  readonly hardState: HardState | null;
  /** Delete all entries with this index or later first; 0: none. */
  readonly truncateFrom: number;
  /** Without a gap behind what the store holds then. */
  readonly entries: readonly Entry[];
}

/** Where a trimmed log begins: after `index`. `checksum` is that of all entries through it. */
export interface LogStart {
  readonly index: number;
  readonly term: number;
  readonly checksum: number;
}

/** What a store holds when it is opened. */
export interface RecoveredLog {
  readonly hardState: HardState;
  readonly start: LogStart;
  readonly lastIndex: number;
  readonly termRuns: readonly TermRun[];
  readonly configs: readonly ConfigAt[];
  /** 40 hex digits that name the shard; '' in a new store. */
  readonly shardId: string;
  /** Entries of a write that never finished, dropped at the open: none of them was acknowledged. */
  readonly unfinished: number;
}

export interface LogStore {
  /**
   * @throws OperationalError LOG_LOCKED, LOG_DAMAGED (a hole or a bad record among acknowledged entries), LOG_TOO_NEW,
   * LOG_UNREADABLE.
   */
  open(): Promise<RecoveredLog>;
  /** Gives a new store its identity and its first configuration. */
  initialize(shardId: string, config: ConfigAt): Promise<void>;
  /**
   * Resolves when the batch and all before it are durable.
   * @throws OperationalError LOG_WRITE_FAILED: the process must end.
   */
  append(batch: LogBatch): Promise<void>;
  /** Entries from `from` on, at most through `through`, until `bytesMax` bytes are read (at least one). @throws LOG_DAMAGED */
  read(from: number, through: number, bytesMax: number): Promise<StoredEntry[]>;
  /** Forgets entries through `throughIndex`. */
  trim(throughIndex: number): Promise<void>;
  close(): Promise<void>;
}
