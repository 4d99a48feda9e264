/**
 * What StoredLog needs of a disk: an ordered set of records by index, one mark, one state, and atomic batches. The seam between
 * how a log is kept (stored-log.ts) and where (level, memory with faults). Types only.
 */

/** A stored value and its place. */
export interface DiskItem {
  readonly index: number;
  readonly isMark: boolean;
  readonly value: Uint8Array;
}

/** What a disk finds when it is opened. */
export interface DiskContents {
  /** Null on a disk never written to. */
  readonly state: Uint8Array | null;
  /** What `putJournal` wrote, or null. */
  readonly journal: Uint8Array | null;
  /** Records and marks that were written once and are more than a scan may find: remains that tell of a loss. */
  readonly remains: readonly DiskItem[];
  /** See LogRecovery. */
  readonly brokenFrames: number;
}

/** Collects changes; `write` makes them at once or not at all. Values are copied: the caller may reuse the bytes. */
export interface DiskBatch {
  putState(value: Uint8Array): void;
  /** Notes how far a journal in front of this disk is needed no more. */
  putJournal(value: Uint8Array): void;
  putRecord(index: number, value: Uint8Array): void;
  deleteRecord(index: number): void;
  /** A note that belongs to record `index` and comes and goes with its range. */
  putMark(index: number, value: Uint8Array): void;
  deleteMark(index: number): void;
  /**
   * `sync`: resolves when the batch is on stable storage. Batches under way at the same time may get there, and resolve, in
   * any order, and a crash may keep any of them. `awaited`: see LogBatch.awaited.
   */
  write(sync: boolean, awaited?: boolean): Promise<void>;
}

export interface LogDisk {
  open(): Promise<DiskContents>;
  batch(): DiskBatch;
  /** Records and marks from index `from` through `through`, ascending, a mark after its record, in chunks of about `bytesMax`. */
  scan(from: number, through: number, bytesMax: number): AsyncIterable<readonly DiskItem[]>;
  /** The record, or null. */
  get(index: number): Promise<Uint8Array | null>;
  /** Deletes records and marks from index `from` through `through`, in slices, not atomically, and gives the space back. */
  deleteRange(from: number, through: number): Promise<void>;
  close(): Promise<void>;
  /** Deletes everything. After `close`. */
  destroy(): Promise<void>;
}
