/**
 * The TransactionLog port: what the rest of the program knows of the log. Raft on a LogStore is the embedded driver; an
 * external replicated log could be another.
 */
import { OperationalError } from '../shared/errors.ts';

export type TransactionLogErrorCode =
  /** This member does not lead, or is handing over: nothing was appended. */
  | 'TXLOG_NOT_LEADER'
  /** Too much is in flight; see canAppend. Nothing was appended. */
  | 'TXLOG_BACK_PRESSURE'
  | 'TXLOG_RECORD_TOO_LARGE'
  /** A change of members, or a hand-over of leadership, cannot be; `message` says why. */
  | 'TXLOG_MEMBERS_REFUSED'
  /** The log failed or was closed. */
  | 'TXLOG_CLOSED'
  /** The log belongs to another shard. */
  | 'TXLOG_IDENTITY';

export class TransactionLogError extends OperationalError {
  declare readonly code: TransactionLogErrorCode;
  constructor(code: TransactionLogErrorCode, message: string, cause?: unknown) {
    super(code, message, cause);
    this.name = 'TransactionLogError';
  }
}

/** A committed record. Records that carry no effects (a leader's no-op, a change of membership) have an empty block. */
export interface LogRecord {
  readonly index: number;
  readonly term: number;
  /** Checksum of all records from the beginning of the log through this one. */
  readonly checksum: number;
  readonly block: Uint8Array;
}

/** A committed record as `follow` delivers it. */
export interface CommittedRecord {
  readonly index: number;
  /** Effects; empty for records that carry none. Valid during the call only. */
  readonly block: Uint8Array;
}

/** What this member is in its group, as of now. */
export interface Leadership {
  readonly isLeader: boolean;
  readonly term: number;
  /** Member id of the leader; '' while unknown. */
  readonly leader: string;
}

/**
 * Who waits for the log at the end of a turn: too few of those who were served, one or two clients and hardly anybody else was served,
 * or many.
 */
export type TurnAwaited = 'no' | 'by few' | 'by many';

export interface TransactionLog {
  /** 40 hex digits that name the shard. */
  readonly shardId: string;
  /** The first record still there, the last appended, the last committed. */
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly commitIndex: number;
  readonly term: number;
  readonly isLeader: boolean;
  /** This member leads and everything committed before its term is known to be committed (Raft §8). */
  readonly committedInTerm: boolean;
  /** There is no other member: what is not on this disk is nowhere. */
  readonly isAlone: boolean;
  /** Bytes appended here and not committed, with some for each record. */
  readonly inFlightBytes: number;
  /** Whether this member may serve as primary now: it leads and holds the lease. Reads the clock: once a turn, not a command. */
  readonly leaseValid: boolean;

  /**
   * Stands for election, and resolves when this member leads and everything committed before its term is known: with the index
   * of the last record that it must have applied before it serves. Rejects with TXLOG_CLOSED.
   */
  lead(): Promise<number>;
  /** Whether this member leads and the next `append` has room. Ask before a command is executed: its effects must go in. */
  canAppend(): boolean;
  /**
   * Takes effects as the next record; the bytes are copied. Returns its index. It is
   * committed once `commitIndex` is there and this member still leads in the same `term`. Throws TransactionLogError.
   */
  append(block: Uint8Array): number;
  /**
   * Whether a record appended now would only wait for the disk. Its effects may as well be held back and grow, until `onRoom`: one
   * record for several turns. Never where there are other members: they can have it meanwhile, and a member that loses
   * leadership should have as little as possible that is in no log.
   */
  readonly isBusy: boolean;
  /** Called when the log is busy no more, or less: what was held back must be appended now. `flush` follows. */
  onRoom: () => void;
  /** The event-loop turn is over: what was appended goes out as one batch. */
  flush(): void;
  /**
   * Set before `flush`: whether most of those who were served since the last one wait for the log. Then, and where nothing can be
   * committed without this member's disk, the thread may stand still for a fast write. A follower takes it for what comes from
   * the leader in the near future.
   */
  set awaited(awaited: TurnAwaited);
  /** Called synchronously with the index through which all is committed, each time that it moves. */
  onCommit: (index: number) => void;
  /** Called when leader, term or role changed. What was appended in an earlier term is in doubt from then on. */
  onLeadership: (now: Leadership) => void;
  /** Called when records from `from` on, not committed, were thrown away: another leader's take their place. */
  onTruncated: (from: number) => void;
  /** Called once when the log cannot go on: the process must end. */
  onFatal: (error: Error) => void;
  /**
   * Committed records from `from` through `through`, verified. Waits for records that are not committed yet (`through` may be
   * Infinity) until `stop` is aborted or the log closed, then ends. Throws LogError LOG_TRIMMED, OperationalError TXLOG_FORMAT.
   */
  read(from: number, through: number, stop?: AbortSignal): AsyncIterable<LogRecord>;
  /** Calls `deliver` with each committed record from `from` on, in order, also with those to come. Replaces an earlier one. */
  follow(from: number, deliver: (record: CommittedRecord) => void): void;
  /** Ends `follow`. */
  unfollow(): void;
  /** Whether this member stands for election and takes leadership that is handed to it. */
  setElectable(electable: boolean): void;
  /** Hands leadership to another member; it is over when `onLeadership` says so, or never. Throws TransactionLogError. */
  transferLeadership(to: string): void;
  /**
   * An index such that a state which contains all records through it is no older than this moment (thesis §6.4).
   * Rejects with TXLOG_NOT_LEADER when no leader confirms it in time.
   */
  readIndex(): Promise<number>;
  /** Running checksum through a committed record or through the one before `firstIndex`. */
  checksumAt(index: number): Promise<number>;
  /** Bytes of log behind `index`, estimated. */
  bytesSince(index: number): number;
  /** Forgets records through `index`, which a durable snapshot must cover. */
  trim(index: number): Promise<void>;
  /** Waits for what is on its way to the disk. */
  close(): Promise<void>;
}
