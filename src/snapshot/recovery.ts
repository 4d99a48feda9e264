/** Recovery of a member's data: the newest whole snapshot, then the log. No peer's memory is involved. */
import type { Engine } from '../engine/engine.ts';
import type { TransactionLog } from '../txlog/transaction-log.ts';
import { loadNewestSnapshot } from './newest-snapshot.ts';
import type { SnapshotPosition } from './snapshot-position.ts';
import { SnapshotError, type SnapshotStore } from './snapshot-store.ts';

export interface RecoveryWatcher {
  /** A snapshot could not be used; an older one is tried. */
  damaged(name: string, why: string): void;
  /** Called after each bounded piece of work; recovery goes on when it resolves. `done` of `total` bytes. */
  snapshotProgress(done: number, total: number): Promise<void>;
  /** As above, for the log. */
  logProgress(index: number, through: number): Promise<void>;
}

export interface Recovered {
  /** Name of the snapshot that was loaded, or null. */
  readonly snapshot: string | null;
  readonly snapshotKeys: number;
  /** Log records applied after it. */
  readonly records: number;
  /** The last record that the engine now holds. */
  readonly index: number;
  /** Set where the log here ends before the snapshot, or leads elsewhere: it has to begin anew behind this. */
  readonly beginLogBehind: SnapshotPosition | null;
}

/** The loop gets its turn after so many records, or so many bytes of them. */
const RECORDS_IN_A_ROW = 256;
const BYTES_IN_A_ROW = 256 * 1024;

/**
 * Fills the empty engine with everything committed through record `through`, which may be behind what is committed; a
 * snapshot that reaches further is taken as it is, for snapshots hold only what is committed. One that reaches beyond the
 * end of what is known to be committed here is taken where `beyondLog` says so, even if the log here says otherwise: what
 * is not committed may be another leader's. The log has to begin anew behind it then.
 * @throws SnapshotError when snapshots and log do not make a whole; LogError when the log is damaged.
 */
export async function recover(engine: Engine, store: SnapshotStore, txlog: TransactionLog, through: number, beyondLog: boolean, watcher: RecoveryWatcher): Promise<Recovered> {
  const logBase = txlog.firstIndex - 1;
  const loaded = await loadNewestSnapshot(store, engine, {
    shardId: txlog.shardId, logBase, through: beyondLog ? Infinity : txlog.lastIndex,
    damaged: (name, why) => watcher.damaged(name, why),
    pause: (done, total) => watcher.snapshotProgress(done, total),
  });
  const from = loaded?.position.index ?? 0;
  const isBeyond = from > txlog.lastIndex;
  const disagrees = loaded !== null && !isBeyond && (await txlog.checksumAt(from)) !== loaded.position.checksum;
  if (disagrees && !(beyondLog && from > txlog.commitIndex)) {
    throw new SnapshotError('SNAPSHOT_MISMATCH', `snapshot ${loaded.info.name} was not made from this log: their checksums at record ${from} differ`);
  }
  const beginLogBehind = isBeyond || disagrees ? loaded!.position : null;
  const last = beginLogBehind === null ? Math.max(from, through) : from;
  let records = 0;
  let bytes = 0;
  let pauseAt = RECORDS_IN_A_ROW;
  for await (const { index, block } of txlog.read(from + 1, last)) {
    engine.applyEffects(block);
    records++;
    bytes += block.length;
    if (records < pauseAt && bytes < BYTES_IN_A_ROW) continue;
    pauseAt = records + RECORDS_IN_A_ROW;
    bytes = 0;
    await watcher.logProgress(index, last);
  }
  return { snapshot: loaded?.info.name ?? null, snapshotKeys: loaded?.keys ?? 0, records, index: last, beginLogBehind };
}
