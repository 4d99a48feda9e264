/** How many writes at once are worth having on their way to a disk, by what its writes take. */
import { expect, test } from 'vitest';
import { WritePacing } from '../../src/txlog/write-pacing.ts';

/** The depth after many writes of `ms`, as many at once as the pacing wants. */
function depthAt(ms: number): number {
  const pacing = new WritePacing();
  const began: number[] = [];
  for (let n = 0, nowMs = 0; n < 500; n++) {
    while (began.length < pacing.depth) {
      began.push(nowMs);
      pacing.began(nowMs);
    }
    nowMs = Math.max(nowMs, began.shift()! + ms);
    pacing.ended(nowMs);
  }
  return pacing.depth;
}

test('a fast disk gets one write after the other, a slow one several', () => {
  expect(new WritePacing().depth).toBe(1);
  expect([0.07, 0.3, 0.7].map((ms) => depthAt(ms))).toEqual([1, 1, 1]);
  expect([1, 2, 10].map((ms) => depthAt(ms))).toEqual([2, 4, 20]);
});

test('one slow write among fast ones changes nothing; a disk that stays slow does', () => {
  const pacing = new WritePacing();
  const write = (ms: number): void => {
    pacing.began(0);
    pacing.ended(ms);
  };
  for (let n = 0; n < 100; n++) write(0.1);
  write(8);
  expect(pacing.depth).toBe(1);
  for (let n = 0; n < 30; n++) write(2);
  expect(pacing.depth).toBeGreaterThanOrEqual(3);
});
