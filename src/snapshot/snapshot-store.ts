/**
 * The SnapshotStore port: where verified snapshots are kept. A directory is one driver; an object store could be another.
 * Types and names only: every driver passes test/snapshot/snapshot-store-contract.ts.
 *
 * A snapshot comes into being as a draft, which is written, made durable, read back and verified, and only then published
 * under its name. What is listed is therefore whole and was verified once; it may have rotted since.
 */
import { OperationalError } from '../shared/errors.ts';

export type SnapshotErrorCode =
  /** The store cannot be read or written. */
  | 'SNAPSHOT_STORE'
  /** A snapshot is not what was written: a bad checksum, a value that cannot be. */
  | 'SNAPSHOT_DAMAGED'
  /** The snapshot and the log do not belong together. */
  | 'SNAPSHOT_MISMATCH'
  /** The shadow replica ended before its work was done. */
  | 'SNAPSHOT_FAILED';

export class SnapshotError extends OperationalError {
  declare readonly code: SnapshotErrorCode;
  constructor(code: SnapshotErrorCode, message: string, cause?: unknown) {
    super(code, message, cause);
    this.name = 'SnapshotError';
  }
}

/** Why a snapshot was made; decides how long it is kept (see snapshot-schedule.ts). */
export type SnapshotReason = 'freshness' | 'daily' | 'demand';

export interface SnapshotInfo {
  readonly name: string;
  /** Index of the last log record that is in it. */
  readonly index: number;
  readonly reason: SnapshotReason;
  /** Ms since the epoch. */
  readonly madeAtMs: number;
  readonly bytes: number;
}

/** A snapshot being made. Ends with exactly one `publish` or `discard`. */
export interface SnapshotDraft {
  /** Resolves when more may be written. The bytes may be reused then. */
  write(bytes: Uint8Array): Promise<void>;
  /** What was written is durable, and `read` gives it back. */
  finish(): Promise<void>;
  /** All bytes, as the store holds them. */
  read(): AsyncIterable<Uint8Array>;
  /** Puts it under its name, durably. */
  publish(): Promise<SnapshotInfo>;
  discard(): Promise<void>;
}

/** All methods reject with SNAPSHOT_STORE when the store cannot do it. */
export interface SnapshotStore {
  /** Published snapshots, newest first: by index, then by time. */
  list(): Promise<SnapshotInfo[]>;
  draft(name: SnapshotName): Promise<SnapshotDraft>;
  read(name: string): AsyncIterable<Uint8Array>;
  remove(name: string): Promise<void>;
  /** Deletes drafts that a crash left behind. Only while no draft is being made. */
  removeDrafts(): Promise<void>;
}

export interface SnapshotName {
  readonly index: number;
  readonly reason: SnapshotReason;
  readonly madeAtMs: number;
}

const NAME = /^snapshot-(\d{16})-(freshness|daily|demand)-(\d{13})\.rdb$/;

/** The file name, which sorts by index. */
export function formatSnapshotName({ index, reason, madeAtMs }: SnapshotName): string {
  return `snapshot-${String(index).padStart(16, '0')}-${reason}-${String(madeAtMs).padStart(13, '0')}.rdb`;
}

/** The parts of a file name, or null if it is not a snapshot's. */
export function parseSnapshotName(name: string): SnapshotName | null {
  const match = NAME.exec(name);
  return match === null ? null : { index: Number(match[1]), reason: match[2] as SnapshotReason, madeAtMs: Number(match[3]) };
}
