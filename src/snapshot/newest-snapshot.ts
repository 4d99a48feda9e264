/** Finding and loading the newest snapshot that is whole and fits the log. */
import type { Engine } from '../engine/engine.ts';
import { isRdbError } from '../shared/rdb/rdb-errors.ts';
import { loadRdb } from './rdb-file.ts';
import { type SnapshotPosition, positionOf } from './snapshot-position.ts';
import { SnapshotError, type SnapshotInfo, type SnapshotStore } from './snapshot-store.ts';

export interface SnapshotWanted {
  readonly shardId: string;
  /** The log begins behind this record; a snapshot must reach it. */
  readonly logBase: number;
  /** A snapshot must not be ahead of this record. */
  readonly through: number;
  /** Told of each snapshot that is of no use because it rotted. */
  readonly damaged: (name: string, why: string) => void;
  /** Called now and then while loading, with the bytes loaded so far, to let others run; null: load in one go. */
  readonly pause: ((bytes: number, total: number) => Promise<void>) | null;
}

export interface LoadedSnapshot {
  readonly info: SnapshotInfo;
  readonly position: SnapshotPosition;
  readonly keys: number;
}

/**
 * Fills the empty engine with the newest snapshot that is whole; null when there is none and the log is complete without.
 * @throws SnapshotError SNAPSHOT_DAMAGED when the log needs a snapshot and none is whole; SNAPSHOT_MISMATCH when a snapshot
 * belongs to another log.
 */
export async function loadNewestSnapshot(store: SnapshotStore, engine: Engine, wanted: SnapshotWanted): Promise<LoadedSnapshot | null> {
  const { shardId, logBase, through, damaged, pause } = wanted;
  let tried = 0;
  for (const info of await store.list()) {
    if (info.index > through || info.index < logBase) continue;
    tried++;
    try {
      const loaded = await loadRdb(store.read(info.name), engine, pause === null ? null : (bytes) => pause(bytes, info.bytes));
      const position = positionOf(loaded.aux);
      if (position.shardId !== shardId) {
        throw new SnapshotError('SNAPSHOT_MISMATCH', `snapshot ${info.name} belongs to shard ${position.shardId}, the log to ${shardId}`);
      }
      if (position.index !== info.index) throw new SnapshotError('SNAPSHOT_DAMAGED', `it was made at log record ${position.index}`);
      return { info, position, keys: loaded.keys };
    } catch (error) {
      const isDamage = isRdbError(error) || (error instanceof SnapshotError && error.code === 'SNAPSHOT_DAMAGED');
      if (!isDamage) throw error;
      damaged(info.name, (error as Error).message);
      engine.clear();
    }
  }
  if (logBase === 0) return null;
  throw new SnapshotError('SNAPSHOT_DAMAGED', tried === 0
    ? `the log begins behind record ${logBase}, and there is no snapshot that reaches it`
    : `the log begins behind record ${logBase}, and none of the ${tried} snapshots that reach it is whole`);
}
