/**
 * Strings made of bytes, the same object for the same bytes where that is cheap: scripts see the same keys, names of fields and short
 * values again and again, and a string that was looked up in a table before has its hash already.
 */
import { latin1Slice } from '../shared/request.ts';

const SLOTS = 1024;
/** Of longer ones, comparing takes as long as making. */
const LENGTH_MAX = 40;

const recent = new Array<string>(SLOTS).fill('');
/** Their bytes, LENGTH_MAX for each: comparing bytes with bytes takes half as long as with a string. */
const recentBytes = new Uint8Array(SLOTS * LENGTH_MAX);

/** The `length` bytes of `buf` from `start` on as a latin1 string. */
export function recentString(buf: Uint8Array, start: number, length: number): string {
  if (length > LENGTH_MAX) return latin1Slice(buf, start, start + length);
  let hash = length;
  for (let at = start; at < start + length; at++) hash = (Math.imul(hash, 31) + buf[at]!) | 0;
  const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
  const bytes = slot * LENGTH_MAX;
  const known = recent[slot]!;
  if (known.length === length) {
    let same = 0;
    while (same < length && recentBytes[bytes + same] === buf[start + same]) same++;
    if (same === length) return known;
  }
  for (let at = 0; at < length; at++) recentBytes[bytes + at] = buf[start + at]!;
  return (recent[slot] = latin1Slice(buf, start, start + length));
}
