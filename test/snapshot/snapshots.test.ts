/** The keeper of a member's snapshots: one at a time, retried later, the log trimmed only behind what is durable. */
import { beforeEach, expect, test } from 'vitest';
import type { SchedulePolicy } from '../../src/snapshot/snapshot-schedule.ts';
import { type SnapshotDraft, SnapshotError, type SnapshotInfo, type SnapshotStore, formatSnapshotName } from '../../src/snapshot/snapshot-store.ts';
import { Snapshots } from '../../src/snapshot/snapshots.ts';
import type { TransactionLog } from '../../src/txlog/transaction-log.ts';

class FakeStore implements SnapshotStore {
  published: SnapshotInfo[] = [];
  list(): Promise<SnapshotInfo[]> {
    return Promise.resolve([...this.published].sort((a, b) => b.index - a.index || b.madeAtMs - a.madeAtMs));
  }
  remove(name: string): Promise<void> {
    this.published = this.published.filter((info) => info.name !== name);
    return Promise.resolve();
  }
  removeDrafts(): Promise<void> {
    return Promise.resolve();
  }
  draft(): Promise<SnapshotDraft> {
    throw new Error('unused');
  }
  read(): AsyncIterable<Uint8Array> {
    throw new Error('unused');
  }
}

let store: FakeStore;
let nowMs: number;
let trims: number[];
let warnings: string[];
let failing: boolean;
let hold: Promise<void>;
let made: string[];
const policy: SchedulePolicy = { freshnessPercent: 100, freshnessMinBytes: 1000, dailyAtMinute: null, retentionDays: 1, keep: 2 };
const log = { firstIndex: 1, lastIndex: 10, commitIndex: 10, bytes: 0 };

function open(): Snapshots {
  return new Snapshots({
    store, policy: () => policy, datasetBytes: () => 0, appliedIndex: () => log.lastIndex, nowMs: () => nowMs, notice: () => undefined, warn: (message) => { warnings.push(message); },
    txlog: {
      get firstIndex() { return log.firstIndex; }, get lastIndex() { return log.lastIndex; }, get commitIndex() { return log.commitIndex; },
      bytesSince: () => log.bytes,
      trim: (index: number) => {
        trims.push(index);
        log.firstIndex = index + 1;
        return Promise.resolve();
      },
    } as unknown as TransactionLog,
    make: async (index, reason, stop) => {
      made.push(`${reason} ${index}`);
      await hold;
      if (failing || stop.aborted) throw new SnapshotError('SNAPSHOT_FAILED', 'no');
      const parts = { index, reason, madeAtMs: nowMs };
      const info = { ...parts, name: formatSnapshotName(parts), bytes: 1 };
      store.published.push(info);
      return info;
    },
  }, []);
}

beforeEach(() => {
  store = new FakeStore();
  nowMs = 1_700_000_000_000;
  trims = [];
  warnings = [];
  made = [];
  failing = false;
  hold = Promise.resolve();
  Object.assign(log, { firstIndex: 1, lastIndex: 10, commitIndex: 10, bytes: 0 });
});

function moveLog(to: number): void {
  log.lastIndex = log.commitIndex = to;
}

test('trims the log behind the older of two snapshots, and keeps no more than it should', async () => {
  const snapshots = open();
  await snapshots.take('demand');
  expect(trims).toEqual([]);
  moveLog(20);
  await snapshots.take('demand');
  expect(trims).toEqual([10]);
  moveLog(30);
  await snapshots.take('demand');
  expect(trims).toEqual([10, 20]);
  expect(store.published.map(({ index }) => index)).toEqual([20, 30]);
});

test('makes nothing new when nothing happened, and says that all is saved', async () => {
  const snapshots = open();
  await snapshots.take('demand');
  nowMs += 5000;
  await snapshots.take('demand');
  expect(made).toEqual(['demand 10']);
  expect(snapshots.lastSaveMs).toBe(nowMs);
});

test('makes one at a time: who asks meanwhile joins', async () => {
  let release = (): void => undefined;
  hold = new Promise((resolve) => { release = resolve; });
  const snapshots = open();
  const first = snapshots.take('demand');
  expect(snapshots.inProgress).toBe(true);
  const second = snapshots.take('demand');
  release();
  expect(await first).toBe(await second);
  expect(made).toHaveLength(1);
  expect(snapshots.inProgress).toBe(false);
});

test('a rewrite of the log waits for the snapshot under way, and holds what was done meanwhile', async () => {
  let release = (): void => undefined;
  hold = new Promise((resolve) => { release = resolve; });
  const snapshots = open();
  const first = snapshots.take('demand');
  snapshots.rewriteLog();
  expect(snapshots.logRewrite).toBe('scheduled');
  release();
  const published = await first;
  log.commitIndex = log.lastIndex = 20;
  const next = await snapshots.takeNext('demand');
  expect(snapshots.logRewrite).not.toBe('scheduled');
  expect([published.index, next.index]).toEqual([10, 20]);
  await new Promise((resolve) => { setImmediate(resolve); });
  expect(snapshots.logRewrite).toBe('none');
});

test('takes what is due, and after a failure waits before it tries again', async () => {
  const snapshots = open();
  snapshots.tick();
  log.bytes = 1000;
  failing = true;
  snapshots.tick();
  await expect(snapshots.take('freshness')).rejects.toThrow('no');
  expect(made).toEqual(['freshness 10']);
  expect(snapshots.lastStatus).toBe('err');
  expect(warnings).toHaveLength(1);
  failing = false;
  snapshots.tick();
  expect(snapshots.inProgress).toBe(false);
  nowMs += 30_000;
  snapshots.tick();
  await snapshots.take('freshness');
  expect(made).toEqual(['freshness 10', 'freshness 10']);
  expect(snapshots.lastStatus).toBe('ok');
  expect(trims).toEqual([]);
});

test('ends the one under way when it is closed', async () => {
  let release = (): void => undefined;
  hold = new Promise((resolve) => { release = resolve; });
  const snapshots = open();
  const taken = snapshots.take('demand');
  taken.catch(() => undefined);
  await new Promise((resolve) => { setImmediate(resolve); });
  const closed = snapshots.close();
  release();
  await closed;
  await expect(taken).rejects.toThrow('no');
  expect(warnings).toEqual([]);
});
