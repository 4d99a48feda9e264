/**
 * Sine, cosine and arc sine to the nearest double, wherever this runs: what JavaScript's own functions return is up to the
 * engine's library, and now and then the neighbour of what C's returns. Pure.
 *
 * Calculated in pairs of doubles (exact-arithmetic.ts), of about 106 bits. Some ten times as slow as Math's: for results that somebody sees or stores.
 */

import { restOfProduct, restOfSum } from './exact-arithmetic.ts';

/** A number as the unevaluated sum of two doubles, the second below half a unit of the first's last place. */
interface Pair {
  high: number;
  low: number;
}

/** Sets `out` to a + b, exactly. */
function sumExactly(out: Pair, a: number, b: number): void {
  const sum = a + b;
  out.low = restOfSum(a, b, sum);
  out.high = sum;
}

/** Sets `out` to a × b, exactly. */
function multiplyExactly(out: Pair, a: number, b: number): void {
  const product = a * b;
  out.low = restOfProduct(a, b, product);
  out.high = product;
}

const term: Pair = { high: 0, low: 0 };

/** a += b */
function add(a: Pair, high: number, low: number): void {
  const aLow = a.low;
  sumExactly(a, a.high, high);
  sumExactly(a, a.high, a.low + aLow + low);
}

/** a *= b */
function multiply(a: Pair, high: number, low: number): void {
  const aHigh = a.high;
  const aLow = a.low;
  multiplyExactly(term, aHigh, high);
  sumExactly(a, term.high, term.low + (aHigh * low + aLow * high));
}

/** 1 / n! for n = 0, 1, 2 …, which is where the terms of both series end to matter. */
const TERMS = 28;
const inverseFactorials: Pair[] = [];
for (let n = 0, factorial = 1n; n < TERMS; factorial *= BigInt(++n)) inverseFactorials.push(inverse(factorial));

/** 1 / n as a pair, from 160 bits of it. */
function inverse(n: bigint): Pair {
  const BITS = 160n;
  let scaled = (1n << BITS) / n;
  const high = Number(scaled);
  scaled -= BigInt(high);
  const scale = 2 ** -Number(BITS);
  return { high: high * scale, low: Number(scaled) * scale };
}

/** Half of pi in three doubles. */
const HALF_PI = [1.5707963267948966, 6.123233995736766e-17, -1.4973849048591833e-33] as const;

const reduced: Pair = { high: 0, low: 0 };
const square: Pair = { high: 0, low: 0 };
const product: Pair = { high: 0, low: 0 };
const series: Pair = { high: 0, low: 0 };

/** Sets `reduced` to x less the nearest multiple of half a pi; returns which multiple. x is an angle, of a few circles at most. */
function reduce(x: number): number {
  const quarter = Math.round(x / HALF_PI[0]);
  reduced.high = x;
  reduced.low = 0;
  if (quarter === 0) return 0;
  for (const part of HALF_PI) {
    multiplyExactly(product, part, -quarter);
    add(reduced, product.high, product.low);
  }
  return quarter;
}

/** Sets `series` to the sine (first 1) or cosine (first 0) of `reduced`. */
function sumSeries(first: number): void {
  square.high = reduced.high;
  square.low = reduced.low;
  multiply(square, reduced.high, reduced.low);
  series.high = 0;
  series.low = 0;
  // From the smallest term on (Horner): every second of the coefficients, with changing sign.
  for (let n = TERMS - 2 + first; n >= first; n -= 2) {
    multiply(series, -square.high, -square.low);
    const { high, low } = inverseFactorials[n]!;
    add(series, high, low);
  }
  if (first === 1) multiply(series, reduced.high, reduced.low);
}

/** Sets `series` to the sine of x plus `quarters` times half a pi. */
function sineOf(x: number, quarters: number): void {
  const quarter = (((reduce(x) + quarters) % 4) + 4) % 4;
  sumSeries(quarter % 2 === 0 ? 1 : 0);
  if (quarter < 2) return;
  series.high = -series.high;
  series.low = -series.low;
}

export function sinExactly(x: number): number {
  sineOf(x, 0);
  return series.high;
}

export function cosExactly(x: number): number {
  sineOf(x, 1);
  return series.high;
}

/** @param x from -1 to 1. */
export function asinExactly(x: number): number {
  const near = Math.asin(x);
  const slope = Math.cos(near);
  if (near === 0 || slope < 1e-7) return near;
  // One step of Newton's from what is right but for its last digits.
  sineOf(near, 0);
  return near + (x - series.high - series.low) / slope;
}
