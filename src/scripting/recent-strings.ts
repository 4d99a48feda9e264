/**
 * Strings made of bytes, the same object for the same bytes where that is cheap: scripts see the same keys, names of fields and short
 * values again and again, and a string that was looked up in a table before has its hash already.
 */
import { charCodeAt, latin1Slice } from '../shared/request.ts';

const SLOTS = 1024;
/** Of longer ones, comparing takes as long as making. */
const LENGTH_MAX = 40;

const recent = new Array<string>(SLOTS).fill('');

/** The `length` bytes of `buf` from `start` on as a latin1 string. */
export function recentString(buf: Uint8Array, start: number, length: number): string {
  if (length > LENGTH_MAX) return latin1Slice(buf, start, start + length);
  let hash = length;
  for (let at = start; at < start + length; at++) hash = (Math.imul(hash, 31) + buf[at]!) | 0;
  const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
  const known = recent[slot]!;
  if (known.length === length) {
    let same = 0;
    while (same < length && charCodeAt.call(known, same) === buf[start + same]) same++;
    if (same === length) return known;
  }
  return (recent[slot] = latin1Slice(buf, start, start + length));
}
