/**
 * What rounding takes from a sum or a product of two doubles, itself a double: the two together are exact (Knuth; Dekker, "A
 * floating-point technique for extending the available precision", 1971). Pure.
 */

const SPLITTER = 2 ** 27 + 1;

/** a + b - sum, where `sum` is what JavaScript says a + b is. */
export function restOfSum(a: number, b: number, sum: number): number {
  const part = sum - a;
  return a - (sum - part) + (b - part);
}

/** a × b - product, where `product` is what JavaScript says a × b is. */
export function restOfProduct(a: number, b: number, product: number): number {
  const aScaled = a * SPLITTER;
  const aHigh = aScaled - (aScaled - a);
  const aLow = a - aHigh;
  const bScaled = b * SPLITTER;
  const bHigh = bScaled - (bScaled - b);
  const bLow = b - bHigh;
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
}
