/**
 * How many different elements registers have seen: Ertl's improved raw estimator ("New cardinality estimation algorithms
 * for HyperLogLog sketches", arXiv:1702.01284, algorithm 6), operation by operation as Redis has it, so that counts are
 * equal to the digit.
 */
import { PATTERN_BITS, REGISTERS, REGISTER_MAX } from './registers.ts';

/** 1 / (2 ln 2) */
const ALPHA = 0.7213475204444817;

/** A histogram of registers, to be cleared before use: how many hold each value. */
export const histogram: Int32Array = new Int32Array(REGISTER_MAX + 1);

function sigma(of: number): number {
  if (of === 1) return Infinity;
  let x = of;
  let y = 1;
  let z = x;
  for (;;) {
    x *= x;
    const before = z;
    z += x * y;
    y += y;
    if (before === z) return z;
  }
}

function tau(of: number): number {
  if (of === 0 || of === 1) return 0;
  let x = of;
  let y = 1;
  let z = 1 - x;
  for (;;) {
    x = Math.sqrt(x);
    const before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
    if (before === z) return z / 3;
  }
}

/** The estimate for the registers counted in `histogram`. */
export function estimate(): number {
  const m = REGISTERS;
  let z = m * tau((m - histogram[PATTERN_BITS + 1]!) / m);
  for (let value = PATTERN_BITS; value >= 1; value--) {
    z += histogram[value]!;
    z *= 0.5;
  }
  z += m * sigma(histogram[0]! / m);
  return Math.round((ALPHA * m * m) / z);
}
