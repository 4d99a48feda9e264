/** When snapshots are due, which may go, and how far the log may be trimmed. */
import { describe, expect, test } from 'vitest';
import { type SchedulePolicy, parseMinuteOfDay, snapshotDue, snapshotsToRemove, trimmableThrough } from '../../src/snapshot/snapshot-schedule.ts';
import { type SnapshotInfo, type SnapshotReason, formatSnapshotName, parseSnapshotName } from '../../src/snapshot/snapshot-store.ts';

const DAY = 86_400_000;
const MIDNIGHT = 20_000 * DAY;
const policy: SchedulePolicy = { freshnessPercent: 100, freshnessMinBytes: 1000, dailyAtMinute: null, retentionDays: 2, keep: 2 };
const quiet = { nowMs: MIDNIGHT, logBytes: 0, datasetBytes: 0, lastDailyMs: MIDNIGHT };

function snapshot(index: number, reason: SnapshotReason = 'freshness', madeAtMs = MIDNIGHT): SnapshotInfo {
  return { index, reason, madeAtMs, bytes: 1, name: formatSnapshotName({ index, reason, madeAtMs }) };
}

describe('a snapshot is due', () => {
  test.each([
    ['not below the least number of bytes', { logBytes: 999, datasetBytes: 10 }, null],
    ['when the log has outgrown a small dataset', { logBytes: 1000, datasetBytes: 10 }, 'freshness'],
    ['not while the log is smaller than the dataset', { logBytes: 4999, datasetBytes: 5000 }, null],
    ['when the log is as large as the dataset', { logBytes: 5000, datasetBytes: 5000 }, 'freshness'],
  ])('%s', (_name, figures, due) => {
    expect(snapshotDue(policy, { ...quiet, ...figures })).toBe(due);
  });

  test('never by freshness when that is off', () => {
    expect(snapshotDue({ ...policy, freshnessPercent: 0 }, { ...quiet, logBytes: 1e12 })).toBeNull();
  });

  test('once a day at its minute', () => {
    const daily = { ...policy, dailyAtMinute: 90 };
    const at = MIDNIGHT + 90 * 60_000;
    expect(snapshotDue(daily, { ...quiet, nowMs: at - 1, lastDailyMs: at - DAY })).toBeNull();
    expect(snapshotDue(daily, { ...quiet, nowMs: at, lastDailyMs: at - DAY })).toBe('daily');
    expect(snapshotDue(daily, { ...quiet, nowMs: at + 1, lastDailyMs: at })).toBeNull();
    // It was missed yesterday, and is made up for.
    expect(snapshotDue(daily, { ...quiet, nowMs: at - 1, lastDailyMs: at - DAY - 1 })).toBe('daily');
  });
});

describe('old snapshots', () => {
  test('all but the newest go, daily ones when their time is over', () => {
    const snapshots = [snapshot(9), snapshot(8), snapshot(7), snapshot(6, 'daily', MIDNIGHT - DAY), snapshot(5, 'daily', MIDNIGHT - 2 * DAY), snapshot(4, 'demand')];
    expect(snapshotsToRemove(policy, snapshots, MIDNIGHT)).toEqual([snapshots[2]!.name, snapshots[4]!.name, snapshots[5]!.name]);
  });

  test('the log is kept behind the older of the newest two positions', () => {
    expect(trimmableThrough(policy, [])).toBe(0);
    expect(trimmableThrough(policy, [snapshot(9)])).toBe(0);
    expect(trimmableThrough(policy, [snapshot(9), snapshot(9, 'demand', MIDNIGHT - 5)])).toBe(0);
    expect(trimmableThrough(policy, [snapshot(9), snapshot(8), snapshot(3)])).toBe(8);
    expect(trimmableThrough({ ...policy, keep: 1 }, [snapshot(9), snapshot(8)])).toBe(9);
  });
});

test('names carry what is known of a snapshot', () => {
  const parts = { index: 12345, reason: 'daily', madeAtMs: MIDNIGHT } as const;
  expect(parseSnapshotName(formatSnapshotName(parts))).toEqual(parts);
  expect(parseSnapshotName('dump.rdb')).toBeNull();
});

test.each([['', null], ['00:00', 0], ['23:59', 1439], ['24:00', undefined], ['3:00', undefined], ['x', undefined]])('minute of the day %j', (text, minute) => {
  expect(parseMinuteOfDay(text)).toBe(minute);
});
