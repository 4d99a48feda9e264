/** MurmurHash64A (Appleby's MurmurHash2 for 64 bits), in halves of 32 bits: no bigint is made. Pure. */

/** m is 0xc6a4a7935bd1e995. */
const M_LOW = 0x5bd1e995;
const M_HIGH = 0xc6a4a793 | 0;
const M_LOW_0 = M_LOW & 0xffff;
const M_LOW_1 = M_LOW >>> 16;

/** Halves of the hash that `murmurHash64A` made last, as signed 32-bit integers. */
export const hash64 = { low: 0, high: 0 };

/** The upper half of the product of two unsigned 32-bit integers, the second of which is M_LOW. */
function upperOfProduct(a: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  // Each sum fits 32 bits unsigned: (2^16 - 1)^2 + 2^16 - 1 < 2^32.
  const middle = (a1 * M_LOW_0 + ((a0 * M_LOW_0) >>> 16)) >>> 0;
  const carried = (a0 * M_LOW_1 + (middle & 0xffff)) >>> 0;
  return (a1 * M_LOW_1 + (middle >>> 16) + (carried >>> 16)) | 0;
}

/** Hashes `len` bytes into `hash64`. */
export function murmurHash64A(buf: Uint8Array, off: number, len: number, seed: number): void {
  let low = seed ^ Math.imul(len, M_LOW);
  let high = (Math.imul(len, M_HIGH) + upperOfProduct(len)) | 0;
  const end = off + (len & ~7);
  let at = off;
  for (; at < end; at += 8) {
    let kLow = buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24);
    let kHigh = buf[at + 4]! | (buf[at + 5]! << 8) | (buf[at + 6]! << 16) | (buf[at + 7]! << 24);
    // k *= m; k ^= k >> 47; k *= m
    kHigh = (upperOfProduct(kLow) + Math.imul(kLow, M_HIGH) + Math.imul(kHigh, M_LOW)) | 0;
    kLow = Math.imul(kLow, M_LOW) ^ (kHigh >>> 15);
    kHigh = (upperOfProduct(kLow) + Math.imul(kLow, M_HIGH) + Math.imul(kHigh, M_LOW)) | 0;
    kLow = Math.imul(kLow, M_LOW);
    // h ^= k; h *= m
    low ^= kLow;
    high ^= kHigh;
    high = (upperOfProduct(low) + Math.imul(low, M_HIGH) + Math.imul(high, M_LOW)) | 0;
    low = Math.imul(low, M_LOW);
  }
  const rest = len & 7;
  if (rest > 0) {
    for (let i = 0; i < rest && i < 4; i++) low ^= buf[at + i]! << (8 * i);
    for (let i = 4; i < rest; i++) high ^= buf[at + i]! << (8 * (i - 4));
    high = (upperOfProduct(low) + Math.imul(low, M_HIGH) + Math.imul(high, M_LOW)) | 0;
    low = Math.imul(low, M_LOW);
  }
  // h ^= h >> 47; h *= m; h ^= h >> 47
  low ^= high >>> 15;
  high = (upperOfProduct(low) + Math.imul(low, M_HIGH) + Math.imul(high, M_LOW)) | 0;
  low = Math.imul(low, M_LOW);
  low ^= high >>> 15;
  hash64.low = low;
  hash64.high = high;
}
