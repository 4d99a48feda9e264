/**
 * When a snapshot is due, and which old ones may go. Pure decisions: the clock and the figures are given.
 */
import type { SnapshotInfo, SnapshotReason } from './snapshot-store.ts';

export interface SchedulePolicy {
  /** A snapshot is due when the log behind the last one exceeds this part of the dataset, in percent. 0: never. */
  readonly freshnessPercent: number;
  /** … and at least so many bytes. */
  readonly freshnessMinBytes: number;
  /** Minute of the day (UTC) at which the daily snapshot is due; null: none. */
  readonly dailyAtMinute: number | null;
  /** How long daily snapshots are kept, in days. */
  readonly retentionDays: number;
  /** How many of the newest are kept whatever they are. At least 1. */
  readonly keep: number;
}

export interface ScheduleFigures {
  readonly nowMs: number;
  /** Bytes of log behind the last snapshot. */
  readonly logBytes: number;
  readonly datasetBytes: number;
  /** When the last daily snapshot was made, or the server started. */
  readonly lastDailyMs: number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** Why a snapshot is due now, or null. */
export function snapshotDue(policy: SchedulePolicy, figures: ScheduleFigures): SnapshotReason | null {
  const { nowMs, logBytes, datasetBytes, lastDailyMs } = figures;
  if (policy.dailyAtMinute !== null) {
    let at = Math.floor(nowMs / DAY_MS) * DAY_MS + policy.dailyAtMinute * MINUTE_MS;
    if (at > nowMs) at -= DAY_MS;
    if (lastDailyMs < at) return 'daily';
  }
  if (policy.freshnessPercent > 0) {
    const enough = Math.max(policy.freshnessMinBytes, (datasetBytes * policy.freshnessPercent) / 100);
    if (logBytes >= enough) return 'freshness';
  }
  return null;
}

/** Names of the snapshots that are not needed any more. `snapshots` newest first. */
export function snapshotsToRemove(policy: SchedulePolicy, snapshots: readonly SnapshotInfo[], nowMs: number): string[] {
  return snapshots
    .filter(({ reason, madeAtMs }, i) => i >= policy.keep && !(reason === 'daily' && nowMs - madeAtMs < policy.retentionDays * DAY_MS))
    .map(({ name }) => name);
}

/**
 * The log may be forgotten through this index: the oldest of the `keep` newest snapshots, so that one which rotted does not
 * take the data with it. 0: keep all of it.
 */
export function trimmableThrough(policy: SchedulePolicy, snapshots: readonly SnapshotInfo[]): number {
  const positions = [...new Set(snapshots.map(({ index }) => index))];
  return positions.length < policy.keep ? 0 : positions[policy.keep - 1]!;
}

/** "HH:MM" as a minute of the day; null for ''. Undefined if it is neither. */
export function parseMinuteOfDay(text: string): number | null | undefined {
  if (text === '') return null;
  const match = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text);
  return match === null ? undefined : Number(match[1]) * 60 + Number(match[2]);
}
