/**
 * The port behind which a member's log lies on disk: what the Raft host stores and what it finds again after a restart.
 * Holds the contract and its errors only; every driver passes test/txlog/log-store-contract.ts. Must never know Raft's
 * rules: it stores what it is told, in the order it is told.
 */
import { OperationalError } from '../shared/errors.ts';
import type { ConfigAt, Entry, EntryKind, HardState, MemberConfig, TermRun } from './raft/types.ts';

export type LogErrorCode =
  /** A record is missing or bad that was durable once, or the state beside the records is bad. `index` says where. */
  | 'LOG_DAMAGED'
  /** A record needs a format version that this program does not know. */
  | 'LOG_FORMAT'
  /** The log belongs to another shard or member. */
  | 'LOG_IDENTITY'
  /** Another process has the log open. */
  | 'LOG_LOCKED'
  /** What was asked for is trimmed away. */
  | 'LOG_TRIMMED'
  /** A read, write or fsync failed. After a failed write nothing is known about the disk: the process must end. */
  | 'LOG_IO'
  /** The store failed earlier and refuses everything; `cause` is that failure, and the message repeats its. */
  | 'LOG_FAILED'
  | 'LOG_CLOSED';

export class LogError extends OperationalError {
  declare readonly code: LogErrorCode;
  /** The record it is about; -1 if it is about none. */
  readonly index: number;
  constructor(code: LogErrorCode, message: string, index = -1, cause?: unknown) {
    super(code, message, cause);
    this.name = 'LogError';
    this.index = index;
  }
}

/** A place in a log and the proof of all that stands before it. */
export interface LogPosition {
  readonly index: number;
  readonly term: number;
  /** Running checksum over all records from the beginning of the log through `index`: equal on all members of a group. */
  readonly checksum: number;
}

/** The beginning of every log. */
export const LOG_START: LogPosition = { index: 0, term: 0, checksum: 0 };

/** Whose log it is. Checked at every open: a member that votes with another's hard state breaks Raft. */
export interface LogIdentity {
  /** 40 hexadecimal digits. To `open`, '' means whichever it is; a new log then draws one at random. */
  readonly shardId: string;
  readonly memberId: string;
}

/** A record as it is read back, verified. */
export interface LogRecord {
  readonly index: number;
  readonly term: number;
  readonly kind: EntryKind;
  /** The entry's bytes. Owned by the reader, never to be written to. */
  readonly data: Uint8Array;
  /** Running checksum through this record. */
  readonly checksum: number;
}

/** Where a log begins anew after a snapshot was installed. */
export interface ResetPoint extends LogPosition {
  readonly config: ConfigAt;
}

/** What becomes durable together or not at all. Applied in the order of the fields. */
export interface LogBatch {
  /** Throw away all records; the next one is `resetTo.index + 1`. */
  readonly resetTo: ResetPoint | null;
  /** Delete the records from here on; 0: none. */
  readonly truncateFrom: number;
  /** Follow the last record without a gap. The store only reads `data`, and only until `append` has settled. */
  readonly entries: readonly Entry[];
  /** Replaces the stored one. A batch in which only `commit` differs and nothing else is, may be lost: it is a hint. */
  readonly hardState: HardState | null;
  /** The member is whole again: forget `impaired`. */
  readonly healed: boolean;
  /** Nobody but this process's waiters for it would be delayed if the store held the thread until it is durable. */
  readonly awaited: boolean;
}

export interface OpenOptions {
  /** Written into a new log, compared with an old one's. */
  readonly identity: LogIdentity;
  /** The configuration of a new log, at index 0. Ignored for an old one. */
  readonly firstConfig: MemberConfig;
  /**
   * What to do about damage. `refuse`: throw LOG_DAMAGED. `salvage`: keep the good records in front of it, delete the rest
   * and mark the log `impaired`, durably; the member must then take no part in any majority until Raft has healed it.
   * A bad hard state cannot be salvaged.
   */
  readonly onDamage: 'refuse' | 'salvage';
}

/** What opening found. */
export interface LogRecovery {
  /** The log was not there before. */
  readonly created: boolean;
  readonly identity: LogIdentity;
  /** The log begins behind this position: it was trimmed through here, or reset to a snapshot of it. */
  readonly base: LogPosition;
  /** The last record, or `base` if there is none. */
  readonly last: LogPosition;
  /** `commit` is at most `last.index`. */
  readonly hardState: HardState;
  /** The configuration in force at `base`, then those of all config records behind it. */
  readonly configs: readonly ConfigAt[];
  readonly termRuns: readonly TermRun[];
  /** See RestartState.impaired. */
  readonly impaired: boolean;
  /** Records behind a gap, deleted: batches that were in flight when the process ended and overtook one that got lost. */
  readonly unfinishedRecords: number;
  /**
   * Writes at the very end that are there in part, passed over: under way when the process ended, or damaged since, which cannot be
   * told apart.
   */
  readonly brokenFrames: number;
  /** Salvaged at this open: what was wrong. */
  readonly damage: LogError | null;
}

/**
 * One log. Used by one owner; `open` first, once. After a failed write the appends in flight reject with that error and
 * everything later rejects with LOG_FAILED.
 */
export interface LogStore {
  /** Verifies every record. Throws LogError LOG_DAMAGED, LOG_FORMAT, LOG_IDENTITY, LOG_LOCKED, LOG_IO. */
  open(options: OpenOptions): Promise<LogRecovery>;

  /** The log begins behind this. */
  readonly base: LogPosition;
  /** Last record handed to `append`, durable or not; `base.index` if there is none. */
  readonly lastIndex: number;
  /** Records through here are durable. */
  readonly durableIndex: number;

  /**
   * Stores a batch; resolves when it is durable (fsync). May be called again before that: appends resolve in the order of
   * the calls, and after a crash those that are found are a prefix of them. Rejects with LOG_IO, LOG_FAILED, LOG_CLOSED.
   */
  append(batch: LogBatch): Promise<void>;

  /** Remembers a commit index, to be written with a later batch or never. */
  noteCommit(commitIndex: number): void;

  /**
   * Durable records from `from` on, verified against each other, at least one (if there is one) and then as many as fit into
   * `bytesMax`. Empty when `from` is `durableIndex + 1`. Rejects with LOG_TRIMMED, LOG_DAMAGED (which ends the store), LOG_IO.
   */
  read(from: number, bytesMax: number): Promise<LogRecord[]>;

  /** Position of a durable record or of `base`. Rejects as `read` does. */
  positionAt(index: number): Promise<LogPosition>;

  /** Bytes of all records behind `index`, estimated to within some 64 KiB. */
  bytesSince(index: number): number;

  /**
   * Forgets the records through `throughIndex`, which must be durable. Resolves when that is durable and the space is given
   * back. Appends go on meanwhile.
   */
  trim(throughIndex: number): Promise<void>;

  /** Waits for what is in flight, then lets go of the disk. Idempotent. */
  close(): Promise<void>;

  /** Closes and deletes everything. */
  destroy(): Promise<void>;
}
