/** The count argument of HRANDFIELD, SRANDMEMBER and ZRANDMEMBER. */
import type { Call } from '../call.ts';
import { COUNT_OUT_OF_RANGE, NOT_INTEGER, VALUE_OUT_OF_RANGE } from '../error-texts.ts';
import { IntegerWords } from '../types/integer-words.ts';

/** Elements of a reply array at most: Redis's clients read lengths of 31 bits. */
const REPLIES_MAX = 2 ** 31 - 1;

/** How many choices with repetition a command makes at a time. */
export const RANDOM_BATCH = 1024;

const words = new IntegerWords();

/**
 * Argument i as a count: positive for that many distinct elements, negative for that many independent choices.
 */
export function randomCount(c: Call, i: number): number {
  const { req } = c;
  if (!words.parse(req.buf, req.off[i]!, req.len[i]!)) throw NOT_INTEGER;
  if (words.hi === -2147483648 && words.lo === 0) throw COUNT_OUT_OF_RANGE;
  return words.hi * 4294967296 + (words.lo >>> 0);
}

/** Refuses the count that `randomCount` just read if its double would not fit 64 bits: two values are replied for each. */
export function checkPairedCount(): void {
  const { hi, lo } = words;
  if (hi >= 2 ** 30 || hi < -(2 ** 30) || (hi === -(2 ** 30) && lo === 0)) throw VALUE_OUT_OF_RANGE;
}

/** How many replies a count asks for. Refuses more than any client could take, which would keep the engine busy for ever. */
export function repliesFor(count: number, size: number): number {
  if (count >= 0) return Math.min(count, size);
  if (-count > REPLIES_MAX) throw VALUE_OUT_OF_RANGE;
  return -count;
}
