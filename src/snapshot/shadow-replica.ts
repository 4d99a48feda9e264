/**
 * The shadow replica: makes a snapshot away from the primary. It loads the newest snapshot there is, applies the log up to
 * a given record, writes what it holds, reads that back, and publishes it only if it is what was written (promise P6).
 *
 * Works on any store, engine and source of records; shadow-process.ts runs it in a process of its own.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Engine } from '../engine/engine.ts';
import type { ConfigAt } from '../txlog/raft/types.ts';
import type { LogRecord } from '../txlog/transaction-log.ts';
import { loadNewestSnapshot } from './newest-snapshot.ts';
import { readBack, saveRdb } from './rdb-file.ts';
import { positionAux, positionOf } from './snapshot-position.ts';
import { SnapshotError, type SnapshotInfo, type SnapshotReason, type SnapshotStore } from './snapshot-store.ts';

export interface ShadowWork {
  readonly shardId: string;
  /** The log begins behind this record: older snapshots are of no use. */
  readonly logBase: number;
  /** The snapshot is to hold everything through this record. */
  readonly through: number;
  /** The shard's members at that record. */
  readonly members: ConfigAt;
  readonly reason: SnapshotReason;
  readonly madeAtMs: number;
  /** Whether strings are compressed (rdbcompression). */
  readonly compress: boolean;
}

/**
 * @param records gives the committed records from an index through `work.through`.
 * @throws SnapshotError, OperationalError of the log: nothing was published.
 */
export async function makeSnapshot(
  work: ShadowWork, store: SnapshotStore, engine: Engine,
  records: (from: number) => AsyncIterable<LogRecord>, warn: (message: string) => void,
): Promise<SnapshotInfo> {
  const { shardId, logBase, through, members, reason, madeAtMs, compress } = work;
  engine.beginTurn(madeAtMs);
  const base = await loadNewestSnapshot(store, engine, { shardId, logBase, through, damaged: (name, why) => warn(`snapshot ${name} is damaged: ${why}`), pause: null });
  let index = base?.position.index ?? 0;
  let term = base?.position.term ?? 0;
  let checksum = base?.position.checksum ?? 0;
  for await (const record of records(index + 1)) {
    if (record.index !== index + 1) throw new SnapshotError('SNAPSHOT_FAILED', `log record ${record.index} came after ${index}`);
    engine.applyEffects(record.block);
    ({ index, term, checksum } = record);
  }
  if (index !== through) throw new SnapshotError('SNAPSHOT_FAILED', `the log ended at record ${index} instead of ${through}`);

  const draft = await store.draft({ index, reason, madeAtMs });
  try {
    const position = { shardId, index, term, checksum, members };
    await saveRdb(engine, { aux: positionAux(position), nowMs: madeAtMs, compress }, (bytes) => draft.write(bytes));
    await draft.finish();
    const { aux } = await readBack(draft.read(), engine);
    if (!isDeepStrictEqual(positionOf(aux), position)) throw new SnapshotError('SNAPSHOT_DAMAGED', 'the position was not read back as it was written');
    return await draft.publish();
  } catch (error) {
    await draft.discard();
    throw error;
  }
}
