/**
 * Packed cells: a whole small collection in one cell, its elements one after the other.
 *
 * Owns the layout of Kind.packed. Knows nothing of what the elements mean: a hash keeps field, value, field, value …, a
 * set its members, a sorted set each member with its score behind it. The sorted-integers form stands in
 * packed-intset.ts and shares the header.
 *
 *   w0 kind:4 isInts:1 widthLog2:2 -:1 count:24 | w1 address of the owning entry, or 0 | w2 bytes used, header included
 *   then elements: length (one byte below 254, else 254 and four bytes, little-endian) and bytes.
 *
 * A position is the offset of an element within its cell; it survives a move of the cell, not a change before it. Every
 * change returns the cell's address, which is a new one when the cell had to grow or shrink; the owning entry, if there
 * is one, was told already. A window on an element's bytes is valid until the next change of its cell.
 */
import { invariant } from '../../shared/errors.ts';
import { type Address, type Arena, CHUNK_MASK, CHUNK_SHIFT, Kind } from './arena.ts';
import type { Compactor } from './compaction.ts';
import type { Bytes, Entries } from './entries.ts';
import { ROOT_OWNER, copyBytes, equalBytes } from './records.ts';

export const PACKED_HEADER_BYTES = 12;
/** Position of the first element. */
export const PACKED_FIRST = PACKED_HEADER_BYTES;
/** No packed cell grows beyond these, whatever the configured limits say: its owner must choose another form before. */
export const PACKED_BYTES_MAX = 2 ** 30;
export const PACKED_COUNT_MAX = 2 ** 24 - 1;

export const PACKED_IS_INTS = 1 << 4;
export const PACKED_WIDTH_SHIFT = 5;
export const PACKED_WIDTH_MASK = 3;
const PACKED_COUNT_SHIFT = 8;
const PACKED_USED = 2;

/** A length byte of this value says that the length follows in four bytes. */
const LONG = 254;

/** Bytes that an element of `len` bytes takes. */
export function packedElementBytes(len: number): number {
  return len < LONG ? len + 1 : len + 5;
}

export class Packed {
  /** Positions that `positions` found. Valid until it is called again. */
  table: Int32Array = new Int32Array(256);
  readonly #arena: Arena;
  readonly #entries: Entries;

  constructor(arena: Arena, compactor: Compactor, entries: Entries) {
    this.#arena = arena;
    this.#entries = entries;
    compactor.register(Kind.packed, (_from, to) => this.#told(to));
  }

  /** An empty cell, owned by nobody yet, with room for `roomBytes` bytes of elements. */
  create(roomBytes: number): Address {
    const address = this.#arena.alloc(PACKED_HEADER_BYTES + roomBytes, Kind.packed);
    const i32 = this.#arena.i32[address >>> CHUNK_SHIFT]!;
    const w = (address & CHUNK_MASK) << 1;
    i32[w + ROOT_OWNER] = 0;
    i32[w + PACKED_USED] = PACKED_HEADER_BYTES;
    return address;
  }

  /** A copy without spare room, owned by nobody. */
  copy(from: Address): Address {
    const used = this.usedBytes(from);
    const to = this.#arena.alloc(used, Kind.packed);
    this.#copyInto(from, to, used);
    this.#setWord(to, ROOT_OWNER, 0);
    return to;
  }

  free(address: Address): void {
    this.#arena.free(address);
  }

  /** Whether a collection's cell is a packed one (else it is the root of a large collection). */
  isPacked(address: Address): boolean {
    return this.#arena.kind(address) === Kind.packed;
  }

  /** Number of elements (a hash of n fields has 2n). */
  count(address: Address): number {
    return this.#arena.i32[address >>> CHUNK_SHIFT]![(address & CHUNK_MASK) << 1]! >>> PACKED_COUNT_SHIFT;
  }

  /** Bytes in use, header included. Also the position behind the last element. */
  usedBytes(address: Address): number {
    return this.#arena.i32[address >>> CHUNK_SHIFT]![((address & CHUNK_MASK) << 1) + PACKED_USED]!;
  }

  /** Whether the cell holds sorted integers: then only PackedInts may touch it. */
  isInts(address: Address): boolean {
    return (this.#arena.i32[address >>> CHUNK_SHIFT]![(address & CHUNK_MASK) << 1]! & PACKED_IS_INTS) !== 0;
  }

  // ---- Reading ----

  /** Points `out` at the element at `pos`. Returns the next element's position (`usedBytes` after the last). */
  read(address: Address, pos: number, out: Bytes): number {
    const u8 = this.#arena.u8[address >>> CHUNK_SHIFT]!;
    const base = (address & CHUNK_MASK) << 3;
    let at = base + pos;
    let len = u8[at++]!;
    if (len === LONG) {
      len = longLength(u8, at);
      at += 4;
    }
    out.buf = u8;
    out.off = at;
    out.len = len;
    return at + len - base;
  }

  /** The position `n` elements after `pos`. */
  skip(address: Address, pos: number, n: number): number {
    const u8 = this.#arena.u8[address >>> CHUNK_SHIFT]!;
    const base = (address & CHUNK_MASK) << 3;
    let at = base + pos;
    for (; n > 0; n--) {
      const len = u8[at]!;
      at += len !== LONG ? len + 1 : longLength(u8, at + 1) + 5;
    }
    return at - base;
  }

  /**
   * Position of the first element equal to these bytes among elements 0, `stride`, 2 × `stride` …, or -1.
   */
  find(address: Address, buf: Uint8Array, off: number, len: number, stride: number): number {
    const chunk = address >>> CHUNK_SHIFT;
    const u8 = this.#arena.u8[chunk]!;
    const base = (address & CHUNK_MASK) << 3;
    const end = base + this.#arena.i32[chunk]![(base >>> 2) + PACKED_USED]!;
    // Keys of one collection tend to be equally long and to differ at their end: look there first.
    const last = len === 0 ? 0 : buf[off + len - 1]!;
    let at = base + PACKED_FIRST;
    while (at < end) {
      let length = u8[at]!;
      if (length === LONG) {
        length = longLength(u8, at + 1);
        if (length === len && equalBytes(u8, at + 5, buf, off, len)) return at - base;
        at += length + 5;
      } else {
        if (length === len && (len === 0 || (u8[at + len] === last && equalBytes(u8, at + 1, buf, off, len)))) {
          return at - base;
        }
        at += length + 1;
      }
      for (let s = 1; s < stride; s++) {
        length = u8[at]!;
        at += length !== LONG ? length + 1 : longLength(u8, at + 1) + 5;
      }
    }
    return -1;
  }

  /**
   * Fills `table` with the positions of elements 0, `stride`, 2 × `stride` … : for walking backward, by rank, or in
   * random order.
   * @returns how many there are.
   */
  positions(address: Address, stride: number): number {
    const n = Math.ceil(this.count(address) / stride);
    if (n > this.table.length) this.table = new Int32Array(n * 2);
    const { table } = this;
    let pos = PACKED_FIRST;
    for (let k = 0; k < n; k++) {
      table[k] = pos;
      pos = this.skip(address, pos, stride);
    }
    return n;
  }

  // ---- Changing. Bytes passed in must not be the cell's own. ----

  /** Makes room for `bytes` more bytes of elements, so that adding them moves nothing. */
  reserve(address: Address, bytes: number): Address {
    const used = this.usedBytes(address);
    return used + bytes <= this.#arena.cellBytes(address) ? address : this.#move(address, used + bytes);
  }

  /** Inserts an element before `pos` (`usedBytes`: at the end). */
  insert(address: Address, pos: number, buf: Uint8Array, off: number, len: number): Address {
    address = this.splice(address, pos, 0, packedElementBytes(len));
    this.#put(address, pos, buf, off, len);
    this.addCount(address, 1);
    return address;
  }

  /** Inserts two elements before `pos`: the one, then the other. */
  insertPair(
    address: Address, pos: number, buf: Uint8Array, off: number, len: number, buf2: Uint8Array, off2: number, len2: number,
  ): Address {
    const firstBytes = packedElementBytes(len);
    address = this.splice(address, pos, 0, firstBytes + packedElementBytes(len2));
    this.#put(address, pos, buf, off, len);
    this.#put(address, pos + firstBytes, buf2, off2, len2);
    this.addCount(address, 2);
    return address;
  }

  /** Removes `n` elements from `pos` on. What stood behind them is now at `pos`. */
  remove(address: Address, pos: number, n: number): Address {
    const end = this.skip(address, pos, n);
    this.addCount(address, -n);
    return this.splice(address, pos, end - pos, 0);
  }

  /** Gives the element at `pos` other bytes. */
  replace(address: Address, pos: number, buf: Uint8Array, off: number, len: number): Address {
    const was = this.skip(address, pos, 1) - pos;
    const bytes = packedElementBytes(len);
    if (was !== bytes) address = this.splice(address, pos, was, bytes);
    this.#put(address, pos, buf, off, len);
    return address;
  }

  /**
   * Replaces `cut` bytes at `pos` by `room` undefined ones and leaves the count alone: for this file and packed-intset.ts.
   */
  splice(address: Address, pos: number, cut: number, room: number): Address {
    const used = this.usedBytes(address);
    const after = used - cut + room;
    const cell = this.#arena.cellBytes(address);
    const tail = pos + cut;
    if (after > cell) {
      address = this.#move(address, withRoom(after));
    }
    const u8 = this.#arena.u8[address >>> CHUNK_SHIFT]!;
    const base = (address & CHUNK_MASK) << 3;
    if (tail < used && cut !== room) u8.copyWithin(base + pos + room, base + tail, base + used);
    this.#setWord(address, PACKED_USED, after);
    if (room < cut && after < cell >>> 1 && cell > 64) return this.#move(address, withRoom(after));
    return address;
  }

  /** Walks the cell and asserts that lengths and count agree. */
  check(address: Address): void {
    const used = this.usedBytes(address);
    invariant(used <= this.#arena.cellBytes(address), 'packed: more bytes used than the cell has');
    if (this.isInts(address)) return;
    let pos = PACKED_FIRST;
    let n = 0;
    for (; pos < used; n++) pos = this.skip(address, pos, 1);
    invariant(pos === used, 'packed: the last element leaves the cell');
    invariant(n === this.count(address), `packed: ${n} elements found, ${this.count(address)} counted`);
  }

  // ---- Inside ----

  #put(address: Address, pos: number, buf: Uint8Array, off: number, len: number): void {
    const u8 = this.#arena.u8[address >>> CHUNK_SHIFT]!;
    let at = ((address & CHUNK_MASK) << 3) + pos;
    if (len < LONG) u8[at++] = len;
    else {
      u8[at] = LONG;
      u8[at + 1] = len;
      u8[at + 2] = len >>> 8;
      u8[at + 3] = len >>> 16;
      u8[at + 4] = len >>> 24;
      at += 5;
    }
    copyBytes(buf, off, u8, at, len);
  }

  /** Copies the cell to one of at least `bytes` bytes, tells the owner and frees the old one. */
  #move(from: Address, bytes: number): Address {
    const to = this.#arena.alloc(bytes, Kind.packed);
    this.#copyInto(from, to, this.usedBytes(from));
    this.#told(to);
    this.#arena.free(from);
    return to;
  }

  #copyInto(from: Address, to: Address, used: number): void {
    const source = this.#arena.i32[from >>> CHUNK_SHIFT]!;
    const target = this.#arena.i32[to >>> CHUNK_SHIFT]!;
    const at = (from & CHUNK_MASK) << 1;
    const targetAt = (to & CHUNK_MASK) << 1;
    const words = (used + 3) >>> 2;
    if (words > 48) target.set(source.subarray(at, at + words), targetAt);
    else for (let n = 0; n < words; n++) target[targetAt + n] = source[at + n]!;
  }

  #told(to: Address): void {
    const owner = this.#arena.i32[to >>> CHUNK_SHIFT]![((to & CHUNK_MASK) << 1) + ROOT_OWNER]!;
    if (owner !== 0) this.#entries.setValueAddress(owner, to);
  }

  /** For this file and packed-intset.ts. */
  addCount(address: Address, n: number): void {
    const i32 = this.#arena.i32[address >>> CHUNK_SHIFT]!;
    const w = (address & CHUNK_MASK) << 1;
    const count = (i32[w]! >>> PACKED_COUNT_SHIFT) + n;
    invariant(count >= 0 && count <= PACKED_COUNT_MAX, 'packed: too many elements');
    i32[w] = (i32[w]! & 0xff) | (count << PACKED_COUNT_SHIFT);
  }

  #setWord(address: Address, n: number, value: number): void {
    this.#arena.i32[address >>> CHUNK_SHIFT]![((address & CHUNK_MASK) << 1) + n] = value;
  }
}

/**
 * Bytes to ask for when a cell has to move: a sixteenth ahead, so that appending n bytes one by one copies about 16 n in
 * all; nothing in small cells, where a sixteenth would hold no element.
 */
function withRoom(bytes: number): number {
  return bytes < 512 ? bytes : bytes + (bytes >>> 4);
}

function longLength(u8: Uint8Array, at: number): number {
  return u8[at]! | (u8[at + 1]! << 8) | (u8[at + 2]! << 16) | (u8[at + 3]! << 24);
}
