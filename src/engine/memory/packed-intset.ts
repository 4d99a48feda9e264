/**
 * Packed integers: a small set of 64-bit integers in one cell, ascending, each as wide as the widest needs (2, 4 or 8
 * bytes). The layout of the header is Packed's.
 *
 * An integer is two words, `hi` signed and `lo` as a signed 32-bit pattern: 64-bit values are exact without bigint.
 */
import { invariant } from '../../shared/errors.ts';
import { type Address, type Arena, CHUNK_MASK, CHUNK_SHIFT } from './arena.ts';
import {
  PACKED_FIRST, PACKED_IS_INTS, PACKED_WIDTH_MASK, PACKED_WIDTH_SHIFT, type Packed,
} from './packed.ts';

const WIDTH_LOG2_MIN = 1;

function widthLog2For(hi: number, lo: number): number {
  if (hi !== lo >> 31) return 3;
  return lo === (lo << 16) >> 16 ? 1 : 2;
}

export class PackedInts {
  /** The integer that `get` read. */
  hi = 0;
  lo = 0;
  /** Where `find` found the integer, or where it would have to stand. */
  index = 0;
  readonly #arena: Arena;
  readonly #packed: Packed;

  constructor(arena: Arena, packed: Packed) {
    this.#arena = arena;
    this.#packed = packed;
  }

  /** An empty cell, owned by nobody yet. */
  create(): Address {
    const address = this.#packed.create(16);
    this.#word0(address, WIDTH_LOG2_MIN);
    return address;
  }

  count(address: Address): number {
    return this.#packed.count(address);
  }

  /** Reads the integer of rank `i` into `hi` and `lo`. */
  get(address: Address, i: number): void {
    this.#getAt(address, this.#widthLog2(address), i);
  }

  /** Whether the integer is there; sets `index` either way. */
  find(address: Address, hi: number, lo: number): boolean {
    const widthLog2 = this.#widthLog2(address);
    const ulo = lo >>> 0;
    let low = 0;
    let high = this.count(address);
    while (low < high) {
      const middle = (low + high) >>> 1;
      this.#getAt(address, widthLog2, middle);
      if (this.hi < hi || (this.hi === hi && this.lo >>> 0 < ulo)) low = middle + 1;
      else high = middle;
    }
    this.index = low;
    if (low === this.count(address)) return false;
    this.#getAt(address, widthLog2, low);
    return this.hi === hi && this.lo === lo;
  }

  /** Adds an integer that is not there. Returns the cell's address, as Packed does. */
  add(address: Address, hi: number, lo: number): Address {
    let widthLog2 = this.#widthLog2(address);
    const needed = widthLog2For(hi, lo);
    if (needed > widthLog2) {
      address = this.#widen(address, widthLog2, needed);
      widthLog2 = needed;
    }
    invariant(!this.find(address, hi, lo), 'intset: an integer was added twice');
    const i = this.index;
    address = this.#packed.splice(address, PACKED_FIRST + (i << widthLog2), 0, 1 << widthLog2);
    this.#setAt(address, widthLog2, i, hi, lo);
    this.#packed.addCount(address, 1);
    return address;
  }

  /** Removes the integer of rank `i`. */
  removeAt(address: Address, i: number): Address {
    const widthLog2 = this.#widthLog2(address);
    this.#packed.addCount(address, -1);
    return this.#packed.splice(address, PACKED_FIRST + (i << widthLog2), 1 << widthLog2, 0);
  }

  /** Asserts order, width and size. */
  check(address: Address): void {
    const widthLog2 = this.#widthLog2(address);
    const count = this.count(address);
    invariant(this.#packed.usedBytes(address) === PACKED_FIRST + (count << widthLog2), 'intset: count and bytes disagree');
    for (let i = 1; i < count; i++) {
      this.#getAt(address, widthLog2, i - 1);
      const { hi, lo } = this;
      this.#getAt(address, widthLog2, i);
      invariant(hi < this.hi || (hi === this.hi && lo >>> 0 < this.lo >>> 0), 'intset: not in ascending order');
    }
  }

  #widen(address: Address, from: number, to: number): Address {
    const count = this.count(address);
    const end = this.#packed.usedBytes(address);
    address = this.#packed.splice(address, end, 0, (count << to) - (count << from));
    // From the last on: what is written is always behind what is still to be read.
    for (let i = count - 1; i >= 0; i--) {
      this.#getAt(address, from, i);
      this.#setAt(address, to, i, this.hi, this.lo);
    }
    this.#word0(address, to);
    return address;
  }

  #getAt(address: Address, widthLog2: number, i: number): void {
    const chunk = address >>> CHUNK_SHIFT;
    const base = (address & CHUNK_MASK) << 3;
    if (widthLog2 === 1) {
      const at = base + PACKED_FIRST + 2 * i;
      const u8 = this.#arena.u8[chunk]!;
      this.lo = ((u8[at]! | (u8[at + 1]! << 8)) << 16) >> 16;
      this.hi = this.lo >> 31;
      return;
    }
    const i32 = this.#arena.i32[chunk]!;
    const w = (base + PACKED_FIRST) >>> 2;
    if (widthLog2 === 2) {
      this.lo = i32[w + i]!;
      this.hi = this.lo >> 31;
    } else {
      this.lo = i32[w + 2 * i]!;
      this.hi = i32[w + 2 * i + 1]!;
    }
  }

  #setAt(address: Address, widthLog2: number, i: number, hi: number, lo: number): void {
    const chunk = address >>> CHUNK_SHIFT;
    const base = (address & CHUNK_MASK) << 3;
    if (widthLog2 === 1) {
      const at = base + PACKED_FIRST + 2 * i;
      const u8 = this.#arena.u8[chunk]!;
      u8[at] = lo;
      u8[at + 1] = lo >> 8;
      return;
    }
    const i32 = this.#arena.i32[chunk]!;
    const w = (base + PACKED_FIRST) >>> 2;
    if (widthLog2 === 2) i32[w + i] = lo;
    else {
      i32[w + 2 * i] = lo;
      i32[w + 2 * i + 1] = hi;
    }
  }

  #widthLog2(address: Address): number {
    return (this.#arena.i32[address >>> CHUNK_SHIFT]![(address & CHUNK_MASK) << 1]! >>> PACKED_WIDTH_SHIFT) & PACKED_WIDTH_MASK;
  }

  #word0(address: Address, widthLog2: number): void {
    const i32 = this.#arena.i32[address >>> CHUNK_SHIFT]!;
    const w = (address & CHUNK_MASK) << 1;
    i32[w] = (i32[w]! & ~(PACKED_WIDTH_MASK << PACKED_WIDTH_SHIFT)) | PACKED_IS_INTS | (widthLog2 << PACKED_WIDTH_SHIFT);
  }
}
