/**
 * The TransactionLog port: what the rest of the program knows of the log. Raft on a LogStore is the embedded driver; an
 * external replicated log could be another.
 */

/** A committed record. Records that carry no effects (a leader's no-op, a change of membership) have an empty block. */
export interface LogRecord {
  readonly index: number;
  readonly term: number;
  /** Checksum of all records from the beginning of the log through this one. */
  readonly checksum: number;
  readonly block: Uint8Array;
}

export interface TransactionLog {
  /** 40 hex digits that name the shard. */
  readonly shardId: string;
  /** The first record still there, the last appended, the last committed. */
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly commitIndex: number;
  readonly term: number;
  /** Bytes appended and not committed. */
  readonly inFlightBytes: number;
  /** Whether this member may serve as primary now: it leads and holds the lease. */
  readonly leaseValid: boolean;

  /**
   * Resolves when this member leads and everything committed before its term is known: with the index of the last record
   * that it must have applied before it serves.
   */
  lead(): Promise<number>;
  /**
   * Takes a turn's effects as the next record; the caller must not change the bytes any more. Returns its index.
   * @throws OperationalError when this member does not lead.
   */
  append(block: Uint8Array): number;
  /** The event-loop turn is over: what was appended goes out as one batch. */
  flush(): void;
  /** Called with the index through which all is committed, each time that it moves. */
  onCommit: (index: number) => void;
  /** Called once when the log cannot go on: the process must end. */
  onFatal: (error: Error) => void;
  /** Committed records from `from` through `through`, which must be committed. */
  read(from: number, through: number): AsyncIterable<LogRecord>;
  /** Forgets records through `index`, which a durable snapshot must cover. */
  trim(index: number): Promise<void>;
  close(): Promise<void>;
}
