/**
 * C's pow. JavaScript's last digit is another than C's in one of eleven cases, where C's is next to the exact result, and scripts show all
 * digits. What JavaScript gives is corrected by how far its logarithm is from what it should be, in numbers of twice the precision:
 * one of a thousand is left, where the exact result is nearly halfway between two numbers.
 */

import { restOfProduct, restOfSum } from '../shared/exact-arithmetic.ts';

/** A number of twice the precision is `high + low`; functions here leave the lower part of their result in `low`. */
let low = 0;

const LN2_HIGH = Math.LN2;
const LN2_LOW = 2.3190468138462996e-17;
/** So many terms of the series count, and the first ones in twice the precision. */
const TERMS = 17;
const PRECISE_TERMS = 7;
/** 1/1, 1/3, 1/5, … */
const RECIPROCALS = Array.from({ length: TERMS }, (_, term) => 1 / (2 * term + 1));
const RECIPROCALS_LOW = RECIPROCALS.map((reciprocal, term) => {
  const whole = product(reciprocal, 2 * term + 1);
  return (1 - whole - low) / (2 * term + 1);
});
/** Smaller ones have fewer digits: JavaScript's results are left as they are. */
const SMALLEST = 2 ** -1022;
/** Beyond, it is not rounding that is wrong. */
const CORRECTION_MAX = 1e-13;

const scratch = new Float64Array(1);
const words = new Int32Array(scratch.buffer);

export function power(a: number, b: number): number {
  // 1 to the power of anything is 1, as is -1 to an infinity.
  if (a === 1 || (a === -1 && (b === Infinity || b === -Infinity))) return 1;
  if (b === 2) return a * a;
  const result = a ** b;
  const size = Math.abs(result);
  const base = Math.abs(a);
  if (!(size >= SMALLEST && size < Infinity && base >= SMALLEST && base < Infinity) || size === 1) return result;
  const logarithm = log(base);
  const logarithmLow = low;
  const wanted = product(logarithm, b);
  const wantedLow = low + logarithmLow * b;
  const found = log(size);
  const correction = wanted - found + (wantedLow - low);
  return Math.abs(correction) < CORRECTION_MAX ? result + result * correction : result;
}

/** The product of two doubles, exactly. */
function product(a: number, b: number): number {
  const result = a * b;
  low = restOfProduct(a, b, result);
  return result;
}

/** The sum of two doubles, exactly. */
function sum(a: number, b: number): number {
  const result = a + b;
  low = restOfSum(a, b, result);
  return result;
}

/** The natural logarithm of a normal number, in twice the precision: e·ln 2 + 2·artanh((m - 1) / (m + 1)). */
function log(value: number): number {
  scratch[0] = value;
  let exponent = (words[1]! >>> 20) - 1023;
  words[1] = (words[1]! & 0xfffff) | (1023 << 20);
  let mantissa = scratch[0];
  if (mantissa > Math.SQRT2) {
    mantissa /= 2;
    exponent++;
  }
  const divisor = sum(mantissa, 1);
  const divisorLow = low;
  const s = (mantissa - 1) / divisor;
  const back = product(s, divisor);
  const sLow = (mantissa - 1 - back - low - s * divisorLow) / divisor;
  const square = product(s, s);
  const squareLow = low + 2 * s * sLow;
  let series = 0;
  for (let term = TERMS - 1; term >= PRECISE_TERMS; term--) series = series * square + RECIPROCALS[term]!;
  let seriesLow = 0;
  for (let term = PRECISE_TERMS - 1; term >= 0; term--) {
    const times = product(series, square);
    const timesLow = low + series * squareLow + seriesLow * square;
    series = sum(RECIPROCALS[term]!, times);
    seriesLow = low + timesLow + RECIPROCALS_LOW[term]!;
  }
  const artanh = product(s, series);
  const artanhLow = low + s * seriesLow + sLow * series;
  const scale = product(exponent, LN2_HIGH);
  const scaleLow = low + exponent * LN2_LOW;
  const total = sum(scale, 2 * artanh);
  const totalLow = low + scaleLow + 2 * artanhLow;
  const result = total + totalLow;
  low = totalLow - (result - total);
  return result;
}
