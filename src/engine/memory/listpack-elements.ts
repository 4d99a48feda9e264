/**
 * Elements of listpacks that stand in the arena, read where they stand. Layout in shared/rdb/listpack.ts.
 *
 * Trusts the bytes: what comes from outside was checked before. An element is named by the index of its first byte.
 */
import type { Int64 } from '../../shared/int64.ts';
import { formatInteger } from '../../shared/number-text.ts';
import { backLengthBytes } from '../../shared/rdb/listpack.ts';
import { int16At, int24At, int32At, putInt32, putUint16, uint32At } from '../../shared/rdb/packed-cursor.ts';
import type { Bytes } from './entries.ts';
import { equalBytes } from './records.ts';

/** Total bytes (4) and number of elements (2). */
export const LISTPACK_HEADER_BYTES = 6;
/** Where an element would stand, behind the last one. */
export const LISTPACK_END = 0xff;
/** Digits of any 64-bit integer. */
export const INTEGER_TEXT_BYTES = 20;

/** Bytes of an element without its backward length. */
function encodedBytes(u8: Uint8Array, at: number): number {
  const first = u8[at]!;
  if (first < 0x80) return 1;
  if (first < 0xc0) return 1 + (first & 63);
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 2 + (((first & 15) << 8) | u8[at + 1]!);
  switch (first) {
    case 0xf0: return 5 + uint32At(u8, at + 1);
    case 0xf1: return 3;
    case 0xf2: return 4;
    case 0xf3: return 5;
    default: return 9;
  }
}

/** The element behind this one, or the end. */
export function nextElement(u8: Uint8Array, at: number): number {
  const bytes = encodedBytes(u8, at);
  return at + bytes + (bytes < 128 ? 1 : backLengthBytes(bytes));
}

/** The element before this one (or before the end); there must be one. */
export function previousElement(u8: Uint8Array, at: number): number {
  let bytes = 0;
  for (let scale = 1; ; scale *= 128) {
    const b = u8[--at]!;
    bytes += (b & 127) * scale;
    if (b < 128) return at - bytes;
  }
}

/** A count, or another small integer. */
export function smallInteger(u8: Uint8Array, at: number): number {
  const first = u8[at]!;
  if (first < 0x80) return first;
  switch (first) {
    case 0xf1: return int16At(u8, at + 1);
    case 0xf2: return int24At(u8, at + 1);
    case 0xf3: return int32At(u8, at + 1);
    default: return (((first & 31) << 27) >> 19) | u8[at + 1]!;
  }
}

/** Reads any integer. */
export function readInteger(u8: Uint8Array, at: number, out: Int64): void {
  if (u8[at] === 0xf4) {
    out.set(int32At(u8, at + 5), int32At(u8, at + 1));
    return;
  }
  const value = smallInteger(u8, at);
  out.set(value >> 31, value);
}

/** Points `out` at an element's bytes, or at the digits of an integer, which go to `digits`. Returns the element behind it, or the end. */
export function readElement(u8: Uint8Array, at: number, out: Bytes, digits: Uint8Array): number {
  const first = u8[at]!;
  out.buf = u8;
  if (first >= 0x80 && first < 0xc0) {
    const len = first & 63;
    out.off = at + 1;
    out.len = len;
    return at + 2 + len;
  }
  if (first >= 0xe0 && first < 0xf0) {
    const len = ((first & 15) << 8) | u8[at + 1]!;
    out.off = at + 2;
    out.len = len;
    return at + 2 + len + backLengthBytes(2 + len);
  }
  if (first === 0xf0) {
    out.off = at + 5;
    out.len = uint32At(u8, at + 1);
  } else {
    out.buf = digits;
    out.off = 0;
    out.len = writeDigits(u8, at, digits);
  }
  return nextElement(u8, at);
}

function writeDigits(u8: Uint8Array, at: number, digits: Uint8Array): number {
  if (u8[at] !== 0xf4) return formatInteger(digits, 0, smallInteger(u8, at));
  const hi = int32At(u8, at + 5);
  const lo = uint32At(u8, at + 1);
  const value = hi * 4294967296 + lo;
  if (Number.isSafeInteger(value)) return formatInteger(digits, 0, value);
  const text = ((BigInt(hi) << 32n) | BigInt(lo)).toString();
  for (let i = 0; i < text.length; i++) digits[i] = text.charCodeAt(i);
  return text.length;
}

/** Whether an element, read by `readElement`, has these bytes. */
export function isElement(element: Bytes, buf: Uint8Array, off: number, len: number): boolean {
  return element.len === len && equalBytes(element.buf, element.off, buf, off, len);
}

/** Bytes of a count as an element. */
export function countBytes(value: number): number {
  if (value <= 127) return 2;
  if (value <= 4095) return 3;
  if (value <= 32767) return 4;
  return value <= 8388607 ? 5 : 6;
}

/** Writes a count as an element of `countBytes` bytes. */
export function writeCount(u8: Uint8Array, at: number, value: number): void {
  const bytes = countBytes(value) - 1;
  switch (bytes) {
    case 1:
      u8[at] = value;
      break;
    case 2:
      u8[at] = 0xc0 | (value >> 8);
      u8[at + 1] = value;
      break;
    case 3:
      u8[at] = 0xf1;
      putUint16(u8, at + 1, value);
      break;
    case 4:
      u8[at] = 0xf2;
      putUint16(u8, at + 1, value);
      u8[at + 3] = value >> 16;
      break;
    default:
      u8[at] = 0xf3;
      putInt32(u8, at + 1, value);
  }
  u8[at + bytes] = bytes;
}
