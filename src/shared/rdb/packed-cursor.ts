/** What the walks over Redis's packed forms (listpack, ziplist, intset, zipmap) have in common, and their integers. */
import { formatInteger } from '../number-text.ts';
import type { ByteRange } from './byte-range.ts';

/** Walks the elements of one packed value, which must stay as it is meanwhile. Trusts none of its bytes. */
export interface PackedCursor {
  /**
   * Begins a walk over buf[off, off + len).
   * @throws OperationalError RDB_DAMAGED where its header breaks the rules of the form.
   */
  open(buf: Uint8Array, off: number, len: number): void;
  /** At least so many elements, or fewer, if the form does not say: a hint for making room, never above the bytes there are. */
  readonly countHint: number;
  /**
   * Points `out` at the next element: a window on the value's bytes, or, for an integer, digits in `out`'s own room.
   * @returns false at the end.
   * @throws OperationalError RDB_DAMAGED
   */
  next(out: ByteRange): boolean;
}

/** Digits of any 64-bit integer. */
const DIGITS_MAX = 20;

/** Writes an integer of at most 53 bits as decimal text into `out`'s own room. */
export function integerInto(out: ByteRange, value: number): void {
  const room = out.room(DIGITS_MAX);
  out.len = formatInteger(room, 0, value);
}

/** The same for a 64-bit integer given as its signed high and its low 32 bits. */
export function wordsInto(out: ByteRange, hi: number, lo: number): void {
  const value = hi * 4294967296 + (lo >>> 0);
  if (Number.isSafeInteger(value)) {
    integerInto(out, value);
    return;
  }
  const text = ((BigInt(hi) << 32n) | BigInt(lo >>> 0)).toString();
  const room = out.room(DIGITS_MAX);
  for (let i = 0; i < text.length; i++) room[i] = text.charCodeAt(i);
  out.len = text.length;
}

/** Little-endian, signed. */
export function int16At(buf: Uint8Array, at: number): number {
  return ((buf[at]! | (buf[at + 1]! << 8)) << 16) >> 16;
}

export function int24At(buf: Uint8Array, at: number): number {
  return ((buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16)) << 8) >> 8;
}

export function int32At(buf: Uint8Array, at: number): number {
  return buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24);
}

/** Little-endian, unsigned. */
export function uint32At(buf: Uint8Array, at: number): number {
  return int32At(buf, at) >>> 0;
}

/** Big-endian, unsigned. */
export function uint32BigEndianAt(buf: Uint8Array, at: number): number {
  return ((buf[at]! << 24) | (buf[at + 1]! << 16) | (buf[at + 2]! << 8) | buf[at + 3]!) >>> 0;
}

export function putUint16(buf: Uint8Array, at: number, value: number): void {
  buf[at] = value;
  buf[at + 1] = value >>> 8;
}

export function putInt32(buf: Uint8Array, at: number, value: number): void {
  buf[at] = value;
  buf[at + 1] = value >>> 8;
  buf[at + 2] = value >>> 16;
  buf[at + 3] = value >>> 24;
}
