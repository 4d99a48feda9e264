/**
 * Strings made of bytes, the same object for the same bytes where that is cheap: scripts see the same keys, names of fields and short
 * values again and again, and a string that was looked up in a table before has its hash already.
 */
import { latin1Slice } from '../shared/request.ts';

const SLOT_BITS = 10;
/** Of longer ones, comparing takes as long as making. */
const LENGTH_MAX = 40;
const WORD_BYTES = 4;
const WORDS = LENGTH_MAX / WORD_BYTES;
/** Odd, with bits all over: 2^32 divided by the golden ratio. */
const MULTIPLIER = 0x9e3779b1;

const recent = new Array<string>(2 ** SLOT_BITS).fill('');
/** Their bytes, four in a word, the last one filled up with zeros: bytes are hashed, compared and kept in a third of the time so. */
const recentWords = new Int32Array(2 ** SLOT_BITS * WORDS);
const sought = new Int32Array(WORDS);

/** The `length` bytes of `buf` from `start` on as a latin1 string. */
export function recentString(buf: Uint8Array, start: number, length: number): string {
  const end = start + length;
  if (length > LENGTH_MAX) return latin1Slice(buf, start, end);
  let hash = length;
  let words = 0;
  let at = start;
  for (; at + WORD_BYTES <= end; at += WORD_BYTES) {
    const word = buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24);
    sought[words++] = word;
    hash = Math.imul(hash ^ word, MULTIPLIER);
  }
  if (at < end) {
    let word = buf[at]!;
    if (at + 1 < end) word |= buf[at + 1]! << 8;
    if (at + 2 < end) word |= buf[at + 2]! << 16;
    sought[words++] = word;
    hash = Math.imul(hash ^ word, MULTIPLIER);
  }
  const slot = hash >>> (32 - SLOT_BITS);
  const base = slot * WORDS;
  const known = recent[slot]!;
  if (known.length === length) {
    let same = 0;
    while (same < words && recentWords[base + same] === sought[same]) same++;
    if (same === words) return known;
  }
  for (let word = 0; word < words; word++) recentWords[base + word] = sought[word]!;
  return (recent[slot] = latin1Slice(buf, start, end));
}
