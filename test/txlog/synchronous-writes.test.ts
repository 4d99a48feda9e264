/** Which of the log's writes hold the thread, by what such writes have taken, and by what came while others were made. */
import { expect, test } from 'vitest';
import { SynchronousWrites, WorkMeanwhile } from '../../src/txlog/synchronous-writes.ts';

const SMALL = 500;

/** Asks every millisecond for so long, of a disk that takes `tookMs()`; returns the times at which the thread was held. */
function heldAt(writes: SynchronousWrites, fromMs: number, throughMs: number, tookMs: () => number): number[] {
  const held: number[] = [];
  for (let nowMs = fromMs; nowMs < throughMs; nowMs++) {
    if (!writes.worthwhile(SMALL, nowMs)) continue;
    held.push(nowMs);
    writes.took(tookMs(), nowMs);
  }
  return held;
}

/** Writes of 30 ms until no more are asked for. */
function slowRow(writes: SynchronousWrites, nowMs: number): void {
  let n = 0;
  for (; writes.worthwhile(SMALL, nowMs); n++) writes.took(30, nowMs);
  expect(n).toBeLessThanOrEqual(16);
}

test('small writes of a fast disk hold the thread, large ones never', () => {
  const writes = new SynchronousWrites();
  expect(heldAt(writes, 0, 5000, () => 0.09)).toHaveLength(5000);
  expect([writes.worthwhile(64 * 1024, 5000), writes.worthwhile(64 * 1024 + 1, 5000)]).toEqual([true, false]);
});

test('stalls change nothing, however long and many they are, where most writes are quick; sixteen in a row do, for a moment', () => {
  const writes = new SynchronousWrites();
  let n = 0;
  expect(heldAt(writes, 0, 1000, () => (n++ % 3 === 0 ? 30 : 0.4))).toHaveLength(1000);
  slowRow(writes, 1000);
  const held = heldAt(writes, 1000, 2000, () => 0.08);
  expect([held[0], held.length]).toEqual([1100, 900]);
});

test('a slow disk is asked ever more rarely, and holds the thread for next to nothing', () => {
  const writes = new SynchronousWrites();
  const held = heldAt(writes, 0, 600_000, () => 1);
  expect(held.length).toBeLessThan(140);
  const last = held.slice(-8);
  expect(last.map((ms) => ms - last[0]!)).toEqual([0, 1, 2, 3, 30_003, 30_004, 30_005, 30_006]);
});

test('a quick disk whose first writes after a pause are slow is not left to the pool', () => {
  const writes = new SynchronousWrites();
  slowRow(writes, 0);
  let n = 0;
  expect(heldAt(writes, 0, 10_000, () => (n++ < 2 ? 5 : 0.3))).toHaveLength(9900);
});

test('a disk that has become fast again holds the thread again, and its past is forgotten', () => {
  const writes = new SynchronousWrites();
  heldAt(writes, 0, 10_000, () => 5);
  const held = heldAt(writes, 10_000, 60_000, () => 0.08);
  expect(held.length).toBeGreaterThan(30_000);
  slowRow(writes, 60_000);
  expect([writes.worthwhile(SMALL, 60_099), writes.worthwhile(SMALL, 60_100)]).toEqual([false, true]);
});

test('work is expected where it came lately; where none is, one write in sixteen looks for some', () => {
  const meanwhile = new WorkMeanwhile();
  const expected = (writes: number): number => Array.from({ length: writes }, () => meanwhile.expected()).filter(Boolean).length;
  expect(expected(160)).toBe(10);
  for (let n = 0; n < 5; n++) meanwhile.note(true);
  expect(expected(160)).toBe(10);
  meanwhile.note(true);
  expect(expected(160)).toBe(160);
  for (let n = 0; n < 20; n++) meanwhile.note(n % 3 !== 0);
  expect(expected(160)).toBe(160);
  for (let n = 0; n < 6; n++) meanwhile.note(false);
  expect(expected(160)).toBe(10);
});
