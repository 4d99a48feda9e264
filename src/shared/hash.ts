/** Hashes of byte strings: the seeded 32-bit hash of the indexes, CRC16 for hash slots, and both of a key at once. */

/** MurmurHash3 (x86, 32 bit) of `len` bytes, as a signed 32-bit integer. */
export function hashBytes(buf: Uint8Array, off: number, len: number, seed: number): number {
  let h = seed | 0;
  const end4 = off + (len & ~3);
  let i = off;
  for (; i < end4; i += 4) {
    const k = buf[i]! | (buf[i + 1]! << 8) | (buf[i + 2]! << 16) | (buf[i + 3]! << 24);
    h ^= scrambled(k);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  const rest = len & 3;
  if (rest !== 0) {
    let k = buf[i]!;
    if (rest > 1) k |= buf[i + 1]! << 8;
    if (rest > 2) k |= buf[i + 2]! << 16;
    h ^= scrambled(k);
  }
  return finished(h, len);
}

function scrambled(k: number): number {
  const product = Math.imul(k, 0xcc9e2d51);
  return Math.imul((product << 15) | (product >>> 17), 0x1b873593);
}

function finished(h: number, len: number): number {
  h ^= len;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

export const SLOT_COUNT = 16384;

// CRC16/XMODEM, the one of the Redis Cluster specification: of a byte, and behind it of a byte with one, two and three zero
// bytes after it, so that four bytes take one step ("slicing by four", Kounavis and Berry 2005).
const SLICE = 256;
const CRC16: Uint16Array = new Uint16Array(4 * SLICE);
for (let n = 0; n < SLICE; n++) {
  let crc = n << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  CRC16[n] = crc;
}
for (let n = SLICE; n < 4 * SLICE; n++) {
  const before = CRC16[n - SLICE]!;
  CRC16[n] = (before << 8) ^ CRC16[before >>> 8]!;
}

/** CRC16 of bytes, as the Redis Cluster specification defines it. */
export function crc16(buf: Uint8Array, off: number, len: number): number {
  let crc = 0;
  for (let i = off; i < off + len; i++) crc = ((crc << 8) & 0xffff) ^ CRC16[(crc >>> 8) ^ buf[i]!]!;
  return crc;
}

const OPEN_BRACE = 123;
const FOUR_BRACES = 0x7b7b7b7b;
const HIGHEST_BITS = 0x80808080;
const CLOSE_BRACE = 125;

/** The hash slot of a key: of what stands between the first `{` and the next `}`, if that is not empty, else of all. */
export function slotOf(buf: Uint8Array, off: number, len: number): number {
  const end = off + len;
  let crc = 0;
  for (let i = off; i < end; i++) {
    const b = buf[i]!;
    if (b === OPEN_BRACE) return slotWithTag(buf, off, len, i);
    crc = ((crc << 8) & 0xffff) ^ CRC16[(crc >>> 8) ^ b]!;
  }
  return crc & (SLOT_COUNT - 1);
}

function slotWithTag(buf: Uint8Array, off: number, len: number, open: number): number {
  const end = off + len;
  for (let close = open + 1; close < end; close++) {
    if (buf[close] !== CLOSE_BRACE) continue;
    if (close === open + 1) break;
    return crc16(buf, open + 1, close - open - 1) & (SLOT_COUNT - 1);
  }
  return crc16(buf, off, len) & (SLOT_COUNT - 1);
}

/** What `hashKey` found; valid until it is called again. */
export const hashedKey = { slot: 0, hash: 0 };

/** `slotOf` and `hashBytes` of a key in one pass, for every command takes both of each of its keys. */
export function hashKey(buf: Uint8Array, off: number, len: number, seed: number): void {
  const end4 = off + (len & ~3);
  let h = seed | 0;
  let crc = 0;
  // The highest bit of a byte is set once that byte was a brace, or (seldom) where one borrowed from the byte below.
  let braces = 0;
  let i = off;
  for (; i < end4; i += 4) {
    const b0 = buf[i]!;
    const b1 = buf[i + 1]!;
    const b2 = buf[i + 2]!;
    const b3 = buf[i + 3]!;
    crc = CRC16[3 * SLICE + ((crc >>> 8) ^ b0)]! ^ CRC16[2 * SLICE + ((crc & 0xff) ^ b1)]! ^ CRC16[SLICE + b2]! ^ CRC16[b3]!;
    const k = b0 | (b1 << 8) | (b2 << 16) | (b3 << 24);
    const brace = k ^ FOUR_BRACES;
    braces |= (brace - 0x01010101) & ~brace;
    h ^= scrambled(k);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  const rest = len & 3;
  if (rest !== 0) {
    let k = buf[i]!;
    crc = ((crc << 8) & 0xffff) ^ CRC16[(crc >>> 8) ^ k]!;
    if (k === OPEN_BRACE) braces = HIGHEST_BITS;
    if (rest > 1) {
      const b = buf[i + 1]!;
      crc = ((crc << 8) & 0xffff) ^ CRC16[(crc >>> 8) ^ b]!;
      if (b === OPEN_BRACE) braces = HIGHEST_BITS;
      k |= b << 8;
    }
    if (rest > 2) {
      const b = buf[i + 2]!;
      crc = ((crc << 8) & 0xffff) ^ CRC16[(crc >>> 8) ^ b]!;
      if (b === OPEN_BRACE) braces = HIGHEST_BITS;
      k |= b << 16;
    }
    h ^= scrambled(k);
  }
  hashedKey.slot = (braces & HIGHEST_BITS) === 0 ? crc & (SLOT_COUNT - 1) : slotOf(buf, off, len);
  hashedKey.hash = finished(h, len);
}
