/** Sine, cosine and arc sine to the nearest double, beside series summed with bigints. */
import { expect, test } from 'vitest';
import { asinExactly, cosExactly, sinExactly } from '../../src/shared/exact-trigonometry.ts';
import { SeededRandom } from '../protocol/seeded-random.ts';

const BITS = 200n;
const ONE = 1n << BITS;

/** A double as a fixed-point number. Exact for magnitudes above 2^-147. */
function fixed(value: number): bigint {
  let scaled = value;
  let shift = 0n;
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    shift++;
  }
  return (BigInt(scaled) << BITS) >> shift;
}

/** The series x^n/n! with changing signs, every second term from the `first` on. */
function series(x: bigint, first: bigint): bigint {
  let term = first === 0n ? ONE : x;
  let sum = 0n;
  for (let n = first; term !== 0n; n += 2n) {
    sum += term;
    term = (((-term * x) >> BITS) * x) >> BITS;
    term /= (n + 1n) * (n + 2n);
  }
  return sum;
}

/** The double nearest to a fixed-point number. */
function nearest(value: bigint): number {
  const magnitude = value < 0n ? -value : value;
  const drop = BigInt(Math.max(0, magnitude.toString(2).length - 53));
  let kept = magnitude >> drop;
  const rest = magnitude - (kept << drop);
  const half = drop === 0n ? 1n : 1n << (drop - 1n);
  if (drop > 0n && (rest > half || (rest === half && kept % 2n === 1n))) kept++;
  return (value < 0n ? -1 : 1) * Number(kept) * 2 ** (Number(drop) - Number(BITS));
}

function* angles(): Generator<number> {
  const random = new SeededRandom(Number(process.env.GEO_SEED ?? 41));
  yield* [0, 1e-9, 0.5, -0.5, Math.PI / 4, Math.PI / 2, Math.PI, -Math.PI, 3];
  for (let n = 0; n < 1500; n++) yield (random.float() - 0.5) * random.pick([6.28, 1, 0.01, 1e-6]);
}

test('sinExactly and cosExactly', () => {
  for (const x of angles()) {
    expect(sinExactly(x), `sin ${x}`).toBe(nearest(series(fixed(x), 1n)));
    expect(cosExactly(x), `cos ${x}`).toBe(nearest(series(fixed(x), 0n)));
  }
});

test('asinExactly is the inverse', () => {
  const random = new SeededRandom(Number(process.env.GEO_SEED ?? 43));
  for (let n = 0; n < 1500; n++) {
    const x = random.float() * random.pick([1, 1, 0.01, 1e-6]);
    const y = asinExactly(x);
    // The sines of the points halfway to y's neighbours lie on both sides of x.
    const halfStep = 2 ** (Math.floor(Math.log2(y)) - 53);
    const below = series(fixed(y) - fixed(halfStep), 1n);
    const above = series(fixed(y) + fixed(halfStep), 1n);
    expect(below <= fixed(x) && fixed(x) <= above, `asin ${x} = ${y}`).toBe(true);
  }
  expect(asinExactly(0)).toBe(0);
  expect(asinExactly(1)).toBe(Math.PI / 2);
});
