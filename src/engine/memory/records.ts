/**
 * Layout of the records that carry a key: entries of the keyspace and elements of large collections.
 *
 * entry    w0 kind:4 type:3 encoding:3 hasExpiry:1 raw:1 -:4 db:16 | w1 lru:24 keyLength:8 | w2 value length, or address
 *          [w3 w4 expiry in ms, low and high word, if hasExpiry] [key length, if keyLength is 255] key [value]
 * element  w0 kind:4 shape:2 -:10 keyLength:16 | w1 root of the collection |
 *          set: [key length] key · hash: value length, [key length] key value · sorted set: score (double), [key length] key
 *          where [key length] stands only if keyLength is 65535.
 */
import { type Address, type Arena, CHUNK_MASK, CHUNK_SHIFT, KIND_MASK, Kind } from './arena.ts';

export const ENTRY_TYPE_SHIFT = 4;
export const ENTRY_TYPE_MASK = 7;
export const ENTRY_ENCODING_SHIFT = 7;
export const ENTRY_ENCODING_MASK = 7;
export const ENTRY_HAS_EXPIRY = 1 << 10;
export const ENTRY_RAW = 1 << 11;
export const ENTRY_DB_SHIFT = 16;
export const ENTRY_HEADER_BYTES = 12;
export const ENTRY_KEY_LENGTH_SHIFT = 24;
export const ENTRY_KEY_LENGTH_EXT = 255;
export const LRU_MASK = 0xffffff;

export const ELEMENT_SHAPE_SHIFT = 4;
export const ELEMENT_SHAPE_MASK = 3;
export const SHAPE_SET = 0;
export const SHAPE_HASH = 1;
export const SHAPE_ZSET = 2;
const ELEMENT_KEY_LENGTH_SHIFT = 16;
const ELEMENT_KEY_LENGTH_EXT = 65535;

/** Root records: words. `count` is the number of elements; `index` the hash index; `tree` the counted tree. */
export const ROOT_OWNER = 1;
export const ROOT_COUNT = 2;
export const ROOT_INDEX = 3;
export const ROOT_TREE = 4;
/** Words from here on belong to the structure that made the root. */
export const ROOT_FREE = 5;
/** In w0 of a root: set when it heads a database's keyspace; the database's number is in ROOT_OWNER. */
export const ROOT_IS_KEYSPACE = 1 << 4;

/** Reads where a record's key stands. One object, reused: the result of `locate` is valid until the next call. */
export class KeyLocator {
  buf: Uint8Array = new Uint8Array(0);
  off = 0;
  len = 0;
  readonly #arena: Arena;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  locate(address: Address): void {
    const chunk = address >>> CHUNK_SHIFT;
    const i32 = this.#arena.i32[chunk]!;
    const w = (address & CHUNK_MASK) << 1;
    const w0 = i32[w]!;
    this.buf = this.#arena.u8[chunk]!;
    let at: number;
    let length: number;
    if ((w0 & KIND_MASK) === Kind.entry) {
      at = w + ((w0 & ENTRY_HAS_EXPIRY) !== 0 ? 5 : 3);
      length = i32[w + 1]! >>> ENTRY_KEY_LENGTH_SHIFT;
      if (length === ENTRY_KEY_LENGTH_EXT) length = i32[at++]!;
    } else {
      const shape = (w0 >>> ELEMENT_SHAPE_SHIFT) & ELEMENT_SHAPE_MASK;
      at = w + 2 + shape;
      length = w0 >>> ELEMENT_KEY_LENGTH_SHIFT;
      if (length === ELEMENT_KEY_LENGTH_EXT) length = i32[at++]!;
    }
    this.off = at << 2;
    this.len = length;
  }
}

/** Bytes before the key in an element record. */
export function elementHeaderBytes(shape: number, keyLength: number): number {
  return 8 + shape * 4 + (keyLength >= ELEMENT_KEY_LENGTH_EXT ? 4 : 0);
}

/**
 * Allocates an element with its key; the caller fills in what its shape has besides (value length, value, score).
 * `extraBytes` is room behind the key.
 */
export function allocElement(
  arena: Arena, shape: number, root: Address, buf: Uint8Array, off: number, len: number, extraBytes: number,
): Address {
  const header = elementHeaderBytes(shape, len);
  const address = arena.alloc(header + len + extraBytes, Kind.element);
  const chunk = address >>> CHUNK_SHIFT;
  const i32 = arena.i32[chunk]!;
  const w = (address & CHUNK_MASK) << 1;
  const ext = len >= ELEMENT_KEY_LENGTH_EXT;
  i32[w] = Kind.element | (shape << ELEMENT_SHAPE_SHIFT) | ((ext ? ELEMENT_KEY_LENGTH_EXT : len) << ELEMENT_KEY_LENGTH_SHIFT);
  i32[w + 1] = root;
  if (ext) i32[w + 2 + shape] = len;
  copyBytes(buf, off, arena.u8[chunk]!, (w << 2) + header, len);
  return address;
}

/** Copies `len` bytes: a loop for short runs, where a subarray and `set` cost more than they save. */
export function copyBytes(from: Uint8Array, fromOff: number, to: Uint8Array, toOff: number, len: number): void {
  if (len > 64) {
    to.set(from.subarray(fromOff, fromOff + len), toOff);
    return;
  }
  for (let i = 0; i < len; i++) to[toOff + i] = from[fromOff + i]!;
}

/** Whether two byte ranges are equal. From the end, since keys tend to share their beginning. */
export function equalBytes(a: Uint8Array, aOff: number, b: Uint8Array, bOff: number, len: number): boolean {
  for (let i = len - 1; i >= 0; i--) if (a[aOff + i] !== b[bOff + i]) return false;
  return true;
}

/** memcmp, then the shorter first. */
export function compareBytes(
  a: Uint8Array, aOff: number, aLen: number, b: Uint8Array, bOff: number, bLen: number,
): number {
  const len = aLen < bLen ? aLen : bLen;
  for (let i = 0; i < len; i++) {
    const d = a[aOff + i]! - b[bOff + i]!;
    if (d !== 0) return d;
  }
  return aLen - bLen;
}
