/**
 * Quicksort of which only the first items matter, as Redis has it (Bentley and McIlroy, "Engineering a sort function",
 * 1993, without the parts that nobody asked for). Where items are equal, their order is what the algorithm makes of it:
 * with this one, GEOSEARCH … COUNT shows the same of several places at the same distance as Redis.
 */

/** Negative where a belongs before b. */
export type Compare = (a: number, b: number) => number;

const INSERTION_MAX = 6;
const MEDIAN_OF_NINE_MIN = 41;

function medianOf(items: number[], a: number, b: number, c: number, compare: Compare): number {
  const x = items[a]!;
  const y = items[b]!;
  const z = items[c]!;
  if (compare(x, y) < 0) return compare(y, z) < 0 ? b : compare(x, z) < 0 ? c : a;
  return compare(y, z) > 0 ? b : compare(x, z) < 0 ? a : c;
}

function swap(items: number[], a: number, b: number): void {
  const item = items[a]!;
  items[a] = items[b]!;
  items[b] = item;
}

function swapRuns(items: number[], a: number, b: number, length: number): void {
  for (let i = 0; i < length; i++) swap(items, a + i, b + i);
}

function sortByInsertion(items: number[], from: number, to: number, compare: Compare): void {
  for (let i = from + 1; i < to; i++) {
    for (let j = i; j > from && compare(items[j - 1]!, items[j]!) > 0; j--) swap(items, j, j - 1);
  }
}

function pivotOf(items: number[], from: number, to: number, compare: Compare): number {
  const size = to - from;
  let middle = from + (size >> 1);
  if (size === INSERTION_MAX + 1) return middle;
  let low = from;
  let high = to - 1;
  if (size >= MEDIAN_OF_NINE_MIN) {
    const d = size >> 3;
    low = medianOf(items, low, low + d, low + 2 * d, compare);
    middle = medianOf(items, middle - d, middle, middle + d, compare);
    high = medianOf(items, high - 2 * d, high - d, high, compare);
  }
  return medianOf(items, low, middle, high, compare);
}

/** Orders items[from, to) so far that the first `wanted` of all items are in their places. */
function sortRange(items: number[], from: number, to: number, wanted: number, compare: Compare): void {
  while (to - from > 1 && from < wanted) {
    if (to - from <= INSERTION_MAX) {
      sortByInsertion(items, from, to, compare);
      return;
    }
    swap(items, from, pivotOf(items, from, to, compare));
    // Equal items gather at both ends, smaller and greater ones between them.
    let equalLow = from + 1;
    let low = from + 1;
    let high = to - 1;
    let equalHigh = to - 1;
    const pivot = items[from]!;
    for (;;) {
      for (let order; low <= high && (order = compare(items[low]!, pivot)) <= 0; low++) if (order === 0) swap(items, equalLow++, low);
      for (let order; low <= high && (order = compare(items[high]!, pivot)) >= 0; high--) if (order === 0) swap(items, high, equalHigh--);
      if (low > high) break;
      swap(items, low++, high--);
    }
    const equalBefore = Math.min(equalLow - from, low - equalLow);
    swapRuns(items, from, low - equalBefore, equalBefore);
    const equalBehind = Math.min(equalHigh - high, to - equalHigh - 1);
    swapRuns(items, low, to - equalBehind, equalBehind);
    sortRange(items, from, from + low - equalLow, wanted, compare);
    from = to - (equalHigh - high);
  }
}

/** Puts the first `wanted` of the items, in order, to the front. */
export function sortFirst(items: number[], wanted: number, compare: Compare): void {
  sortRange(items, 0, items.length, wanted, compare);
}
