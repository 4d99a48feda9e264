/**
 * The binary form of HyperLogLogs, which is Redis's: a string of 16 bytes of header and 16384 registers.
 *
 * Header: "HYLL", encoding (0 dense, 1 sparse), 3 unused bytes, cardinality (8 bytes little-endian; its highest bit says
 * that it is out of date). Dense registers have 6 bits each, from the lowest bit of each byte on. The sparse form stands
 * in sparse.ts. Whatever the bytes are, nothing here reads or writes outside of the range it is given.
 */
import { hash64, murmurHash64A } from '../../shared/murmur-hash64.ts';

export const REGISTERS = 16384;
export const HEADER_BYTES = 16;
export const DENSE_BYTES = HEADER_BYTES + (REGISTERS * 6) / 8;
/** Bits of a hash that make up its pattern; the others choose the register. */
export const PATTERN_BITS = 50;
export const REGISTER_MAX = 63;

const MAGIC = [0x48, 0x59, 0x4c, 0x4c];
const ENCODING_AT = 4;
const CARDINALITY_AT = 8;
const STALE_AT = 15;
const STALE = 0x80;

export const Encoding = { dense: 0, sparse: 1 } as const;

/** Whether a string claims to be a HyperLogLog, and has the length of one where that is fixed. Sparse ones may still be corrupted. */
export function isHyperLogLog(buf: Uint8Array, off: number, len: number): boolean {
  if (len < HEADER_BYTES) return false;
  for (let i = 0; i < MAGIC.length; i++) if (buf[off + i] !== MAGIC[i]) return false;
  const encoding = buf[off + ENCODING_AT]!;
  return encoding === Encoding.sparse || (encoding === Encoding.dense && len === DENSE_BYTES);
}

export function isDense(buf: Uint8Array, off: number): boolean {
  return buf[off + ENCODING_AT] === Encoding.dense;
}

export function setEncoding(buf: Uint8Array, off: number, encoding: number): void {
  buf[off + ENCODING_AT] = encoding;
}

export function writeHeader(buf: Uint8Array, off: number, encoding: number): void {
  buf.fill(0, off, off + HEADER_BYTES);
  buf.set(MAGIC, off);
  setEncoding(buf, off, encoding);
}

// ---- The cached cardinality ----

export function hasCardinality(buf: Uint8Array, off: number): boolean {
  return (buf[off + STALE_AT]! & STALE) === 0;
}

/** The registers changed: the cached cardinality is out of date. */
export function dropCardinality(buf: Uint8Array, off: number): void {
  buf[off + STALE_AT]! |= STALE;
}

/** The cached cardinality; rounded where a strange string says that it is beyond 2^53. */
export function readCardinality(buf: Uint8Array, off: number): number {
  let value = 0;
  for (let i = 7; i >= 0; i--) value = value * 256 + buf[off + CARDINALITY_AT + i]!;
  return value;
}

export function writeCardinality(buf: Uint8Array, off: number, cardinality: number): void {
  let rest = cardinality;
  for (let i = 0; i < 8; i++) {
    buf[off + CARDINALITY_AT + i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

// ---- Elements ----

const SEED = 0xadc83b19 | 0;

/** What an element amounts to, as `locate` found it. */
export const pattern = {
  register: 0,
  /** Place of the first set bit in the hash's pattern, from 1 on. */
  count: 0,
};

/** Finds the register of an element and what it wants there, into `pattern`. */
export function locate(buf: Uint8Array, off: number, len: number): void {
  murmurHash64A(buf, off, len, SEED);
  pattern.register = hash64.low & (REGISTERS - 1);
  // Bits 14 to 63 of the hash, and a bit behind them that ends the count.
  const low = (hash64.low >>> 14) | (hash64.high << 18);
  if (low !== 0) {
    pattern.count = 32 - Math.clz32(low & -low);
    return;
  }
  const high = (hash64.high >>> 14) | (1 << (PATTERN_BITS - 32));
  pattern.count = 64 - Math.clz32(high & -high);
}

// ---- Dense registers: `off` is where the string begins ----

export function getRegister(buf: Uint8Array, off: number, register: number): number {
  const bit = register * 6;
  const at = off + HEADER_BYTES + (bit >> 3);
  const shift = bit & 7;
  const low = buf[at]! >> shift;
  return shift <= 2 ? low & REGISTER_MAX : (low | (buf[at + 1]! << (8 - shift))) & REGISTER_MAX;
}

export function setRegister(buf: Uint8Array, off: number, register: number, value: number): void {
  const bit = register * 6;
  const at = off + HEADER_BYTES + (bit >> 3);
  const shift = bit & 7;
  buf[at] = (buf[at]! & ~(REGISTER_MAX << shift)) | (value << shift);
  if (shift > 2) buf[at + 1] = (buf[at + 1]! & ~(REGISTER_MAX >> (8 - shift))) | (value >> (8 - shift));
}

/** Raises a register to `count`; whether it was lower. */
export function raiseRegister(buf: Uint8Array, off: number, register: number, count: number): boolean {
  if (getRegister(buf, off, register) >= count) return false;
  setRegister(buf, off, register, count);
  return true;
}

/** Adds to `histogram[v]` how many registers hold v. */
export function countDense(buf: Uint8Array, off: number, histogram: Int32Array): void {
  const end = off + DENSE_BYTES;
  // Four registers stand in three bytes.
  for (let at = off + HEADER_BYTES; at < end; at += 3) {
    const a = buf[at]!;
    const b = buf[at + 1]!;
    const c = buf[at + 2]!;
    histogram[a & 63]!++;
    histogram[(a >> 6) | ((b & 15) << 2)]!++;
    histogram[(b >> 4) | ((c & 3) << 4)]!++;
    histogram[c >> 2]!++;
  }
}

/** Raises the byte-sized registers `max` to those of a dense HyperLogLog. */
export function mergeDense(buf: Uint8Array, off: number, max: Uint8Array): void {
  let at = off + HEADER_BYTES;
  for (let i = 0; i < REGISTERS; i += 4) {
    const a = buf[at]!;
    const b = buf[at + 1]!;
    const c = buf[at + 2]!;
    at += 3;
    const first = a & 63;
    if (first > max[i]!) max[i] = first;
    const second = (a >> 6) | ((b & 15) << 2);
    if (second > max[i + 1]!) max[i + 1] = second;
    const third = (b >> 4) | ((c & 3) << 4);
    if (third > max[i + 2]!) max[i + 2] = third;
    const fourth = c >> 2;
    if (fourth > max[i + 3]!) max[i + 3] = fourth;
  }
}
