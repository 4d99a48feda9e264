/**
 * Bits of byte ranges, counted as Redis counts them: the first bit of a byte is its most significant one. Pure.
 *
 * Long ranges are taken a 32-bit word at a time, wherever in its buffer a range begins.
 */

/** Shorter ranges are not worth a view of words made for them. */
const WORDWISE_BYTES_MIN = 128;
/** Words that `countWords` adds up in one round. */
const ROUND_WORDS = 8;

/** The whole words within `len` bytes at `off`; the bytes before the first are `-(buf.byteOffset + off) & 3`. */
function wordsWithin(buf: Uint8Array, off: number, len: number): Int32Array {
  const head = -(buf.byteOffset + off) & 3;
  return new Int32Array(buf.buffer, buf.byteOffset + off + head, (len - head) >>> 2);
}

// ---- Counting ----

const ONES_OF_BYTE: Uint8Array = new Uint8Array(256);
for (let byte = 1; byte < 256; byte++) ONES_OF_BYTE[byte] = ONES_OF_BYTE[byte >> 1]! + (byte & 1);

/** How many bits are set. `words` is a view of the same bytes as `buf`. */
export function countOnes(buf: Uint8Array, words: Int32Array, off: number, len: number): number {
  const end = off + len;
  const firstWord = (off + 3) >>> 2;
  const endWord = end >>> 2;
  if (firstWord >= endWord) return countBytes(buf, off, end);
  return countBytes(buf, off, firstWord << 2) + countWords(words, firstWord, endWord) + countBytes(buf, endWord << 2, end);
}

/** How many bits are set in bytes [from, to). */
export function countBytes(buf: Uint8Array, from: number, to: number): number {
  let ones = 0;
  for (let at = from; at < to; at++) ones += ONES_OF_BYTE[buf[at]!]!;
  return ones;
}

/** Ones of a word, by halves. */
function onesOf(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/**
 * Harley and Seal's way (Warren, Hacker's Delight, 5-2): carry-save adders make of eight words and the ones, twos and
 * fours left over one word that counts for eight, so that only every eighth word is counted in full.
 */
function countWords(words: Int32Array, from: number, to: number): number {
  let ones = 0;
  let twos = 0;
  let fours = 0;
  let eights = 0;
  const rounds = to - ((to - from) % ROUND_WORDS);
  for (let i = from; i < rounds; i += ROUND_WORDS) {
    const a = words[i]!;
    const b = words[i + 1]!;
    let u = ones ^ a;
    const twosA = (ones & a) | (u & b);
    ones = u ^ b;
    const c = words[i + 2]!;
    const d = words[i + 3]!;
    u = ones ^ c;
    const twosB = (ones & c) | (u & d);
    ones = u ^ d;
    u = twos ^ twosA;
    const foursA = (twos & twosA) | (u & twosB);
    twos = u ^ twosB;
    const e = words[i + 4]!;
    const f = words[i + 5]!;
    u = ones ^ e;
    const twosC = (ones & e) | (u & f);
    ones = u ^ f;
    const g = words[i + 6]!;
    const h = words[i + 7]!;
    u = ones ^ g;
    const twosD = (ones & g) | (u & h);
    ones = u ^ h;
    u = twos ^ twosC;
    const foursB = (twos & twosC) | (u & twosD);
    twos = u ^ twosD;
    u = fours ^ foursA;
    eights += onesOf((fours & foursA) | (u & foursB));
    fours = u ^ foursB;
  }
  let total = eights * 8 + onesOf(fours) * 4 + onesOf(twos) * 2 + onesOf(ones);
  for (let i = rounds; i < to; i++) total += onesOf(words[i]!);
  return total;
}

// ---- Searching ----

/** Place of the first bit that is `bit`, counted from `off`'s first; -1 where there is none. */
export function firstBit(buf: Uint8Array, off: number, len: number, bit: number): number {
  const end = off + len;
  let at = off;
  if (len >= WORDWISE_BYTES_MIN) {
    const words = wordsWithin(buf, off, len);
    const first = words.byteOffset - buf.byteOffset;
    at = firstByte(buf, off, first, bit);
    if (at === first) at += firstWord(words, bit) * 4;
  }
  at = firstByte(buf, at, end, bit);
  if (at === end) return -1;
  return (at - off) * 8 + Math.clz32(bit === 1 ? buf[at]! : ~buf[at]! & 0xff) - 24;
}

/** The first byte in [from, to) that has such a bit, or `to`. */
function firstByte(buf: Uint8Array, from: number, to: number, bit: number): number {
  const without = bit === 1 ? 0 : 0xff;
  let at = from;
  while (at < to && buf[at] === without) at++;
  return at;
}

/** The first word that has such a bit, or the number of words. */
function firstWord(words: Int32Array, bit: number): number {
  const without = bit === 1 ? 0 : -1;
  let at = 0;
  while (at < words.length && words[at] === without) at++;
  return at;
}

// ---- Fields ----

/** Bits that fields of `readField` and `writeField` may have at the most: such numbers are exact. */
export const FIELD_BITS_MAX = 52;

/** The unsigned integer in `bits` bits from bit `bitOffset` of the range on; bits behind its end are zeros. */
export function readField(buf: Uint8Array, off: number, len: number, bitOffset: number, bits: number): number {
  let at = Math.floor(bitOffset / 8);
  let skip = bitOffset % 8;
  let value = 0;
  for (let left = bits; left > 0; at++) {
    const taken = Math.min(8 - skip, left);
    const byte = at < len ? buf[off + at]! : 0;
    value = value * (1 << taken) + ((byte >> (8 - skip - taken)) & ((1 << taken) - 1));
    left -= taken;
    skip = 0;
  }
  return value;
}

/** Puts an unsigned integer into `bits` bits from bit `bitOffset` on, counted from `off`. */
export function writeField(buf: Uint8Array, off: number, bitOffset: number, bits: number, value: number): void {
  let end = bitOffset + bits;
  let rest = value;
  for (let left = bits; left > 0;) {
    const at = off + Math.ceil(end / 8) - 1;
    const below = -end & 7;
    const given = Math.min(8 - below, left);
    const mask = ((1 << given) - 1) << below;
    const upper = Math.floor(rest / (1 << given));
    buf[at] = (buf[at]! & ~mask) | ((rest - upper * (1 << given)) << below);
    rest = upper;
    end -= given;
    left -= given;
  }
}
