/**
 * List pages: runs of list elements in one cell, readable and extensible from both ends.
 *
 * Owns the layout of Kind.listPage and every change within one page. A page is either a whole small list (its holder is
 * the owning entry) or one of the pages of a large list (its holder is a node of that list's directory, see
 * list-directory.ts). This file never moves a page and tells no holder anything.
 *
 *   w0 kind:4 isSmall:1 -:3 count:24 | w1 holder | w2 begin | w3 end | large lists only: w4 previous page | w5 next page
 *   then room, elements from `begin` to `end`, room.
 *   element: length, bytes, length again, so that it can be read from either side. A length is one byte below 254, else
 *   254 outside and four bytes, little-endian, inside.
 *
 * A position is an element's offset within its cell; it survives a move of the cell, not a change before or behind it.
 * A window on an element's bytes is valid until the next change of its page.
 */
import { invariant } from '../../shared/errors.ts';
import { type Address, type Arena, CHUNK_MASK, CHUNK_SHIFT, Kind } from './arena.ts';
import type { Bytes } from './entries.ts';
import { copyBytes, equalBytes } from './records.ts';

/** Bytes of a large list's page; only one element that is larger than that gets a larger page. */
export const LIST_PAGE_BYTES = 8192;
const SMALL_HEADER_BYTES = 16;
const LARGE_HEADER_BYTES = 24;
/** Bytes of elements in a large list's page of that size. */
export const LIST_PAGE_ROOM = LIST_PAGE_BYTES - LARGE_HEADER_BYTES;

const IS_SMALL = 1 << 4;
const COUNT_SHIFT = 8;
const COUNT_MAX = 2 ** 24 - 1;
const PAGE_HOLDER = 1;
const PAGE_BEGIN = 2;
const PAGE_END = 3;
const PAGE_PREVIOUS = 4;
const PAGE_NEXT = 5;

/** A length byte of this value says that the length stands in four bytes beside it. */
const LONG = 254;

/** Bytes that an element of `len` bytes takes in a page. */
export function listElementBytes(len: number): number {
  return len < LONG ? len + 2 : len + 10;
}

export class ListPages {
  readonly #arena: Arena;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /**
   * An empty page without holder or neighbours, for `room` bytes of elements or a little more. `fromEnd` leaves all of
   * it in front, for elements that are pushed there; else it is behind.
   */
  create(isSmall: boolean, room: number, fromEnd: boolean): Address {
    const header = isSmall ? SMALL_HEADER_BYTES : LARGE_HEADER_BYTES;
    const page = this.#arena.alloc(header + room, Kind.listPage);
    const i32 = this.#arena.i32[page >>> CHUNK_SHIFT]!;
    const w = (page & CHUNK_MASK) << 1;
    const begin = fromEnd ? this.#arena.cellBytes(page) : header;
    if (isSmall) i32[w]! |= IS_SMALL;
    i32[w + PAGE_HOLDER] = 0;
    i32[w + PAGE_BEGIN] = begin;
    i32[w + PAGE_END] = begin;
    if (!isSmall) i32[w + PAGE_PREVIOUS] = i32[w + PAGE_NEXT] = 0;
    return page;
  }

  /** A new page with the same elements, without holder or neighbours. Room as in `create`. */
  copy(from: Address, isSmall: boolean, room: number, fromEnd: boolean): Address {
    const used = this.used(from);
    const to = this.create(isSmall, used + room, fromEnd);
    const begin = this.begin(to) - (fromEnd ? used : 0);
    this.#setWord(to, PAGE_BEGIN, begin);
    this.#setWord(to, PAGE_END, begin + used);
    this.addCount(to, this.count(from));
    this.#copyBytes(from, this.begin(from), to, begin, used);
    return to;
  }

  free(page: Address): void {
    this.#arena.free(page);
  }

  /** Whether this is a list's cell that is one small page (else it is the root of a large list). */
  isSmall(cell: Address): boolean {
    return this.#arena.kind(cell) === Kind.listPage;
  }

  /** Whether a page is a whole small list. */
  pageIsSmall(page: Address): boolean {
    return (this.#word(page, 0) & IS_SMALL) !== 0;
  }

  count(page: Address): number {
    return this.#word(page, 0) >>> COUNT_SHIFT;
  }

  /** Position of the first element. */
  begin(page: Address): number {
    return this.#word(page, PAGE_BEGIN);
  }

  /** Position behind the last element. */
  end(page: Address): number {
    return this.#word(page, PAGE_END);
  }

  /** Bytes of elements. */
  used(page: Address): number {
    const i32 = this.#arena.i32[page >>> CHUNK_SHIFT]!;
    const w = (page & CHUNK_MASK) << 1;
    return i32[w + PAGE_END]! - i32[w + PAGE_BEGIN]!;
  }

  /** Bytes before the first element that are free. */
  roomBefore(page: Address): number {
    const i32 = this.#arena.i32[page >>> CHUNK_SHIFT]!;
    const w = (page & CHUNK_MASK) << 1;
    return i32[w + PAGE_BEGIN]! - ((i32[w]! & IS_SMALL) !== 0 ? SMALL_HEADER_BYTES : LARGE_HEADER_BYTES);
  }

  /** Bytes behind the last element that are free. */
  roomBehind(page: Address): number {
    return this.#arena.cellBytes(page) - this.#word(page, PAGE_END);
  }

  /** Bytes that elements could fill in all. */
  capacity(page: Address): number {
    return this.#arena.cellBytes(page) - this.#headerBytes(page);
  }

  holder(page: Address): Address {
    return this.#word(page, PAGE_HOLDER);
  }

  setHolder(page: Address, holder: Address): void {
    this.#setWord(page, PAGE_HOLDER, holder);
  }

  /** The page before this one, or 0. */
  previous(page: Address): Address {
    return this.pageIsSmall(page) ? 0 : this.#word(page, PAGE_PREVIOUS);
  }

  /** The page behind this one, or 0. */
  next(page: Address): Address {
    return this.pageIsSmall(page) ? 0 : this.#word(page, PAGE_NEXT);
  }

  setPrevious(page: Address, previous: Address): void {
    this.#setWord(page, PAGE_PREVIOUS, previous);
  }

  setNext(page: Address, next: Address): void {
    this.#setWord(page, PAGE_NEXT, next);
  }

  // ---- Reading ----

  /** Points `out` at the element at `pos`. Returns the position behind it. */
  read(page: Address, pos: number, out: Bytes): number {
    const u8 = this.#arena.u8[page >>> CHUNK_SHIFT]!;
    const at = ((page & CHUNK_MASK) << 3) + pos;
    const len = u8[at]!;
    out.buf = u8;
    if (len < LONG) {
      out.off = at + 1;
      out.len = len;
      return pos + len + 2;
    }
    out.off = at + 5;
    out.len = longLength(u8, at + 1);
    return pos + out.len + 10;
  }

  /** Points `out` at the element before `pos`. Returns its position. */
  readBack(page: Address, pos: number, out: Bytes): number {
    const u8 = this.#arena.u8[page >>> CHUNK_SHIFT]!;
    const at = ((page & CHUNK_MASK) << 3) + pos - 1;
    const len = u8[at]!;
    out.buf = u8;
    if (len < LONG) {
      out.off = at - len;
      out.len = len;
      return pos - len - 2;
    }
    out.len = longLength(u8, at - 4);
    out.off = at - 4 - out.len;
    return pos - out.len - 10;
  }

  /** Position of the element of an index (`count`: the end), walked to from the nearer side. */
  seek(page: Address, index: number): number {
    const u8 = this.#arena.u8[page >>> CHUNK_SHIFT]!;
    const base = (page & CHUNK_MASK) << 3;
    const count = this.count(page);
    if (index <= count >>> 1) {
      let at = base + this.begin(page);
      for (let n = index; n > 0; n--) {
        const len = u8[at]!;
        at += len < LONG ? len + 2 : longLength(u8, at + 1) + 10;
      }
      return at - base;
    }
    let at = base + this.end(page);
    for (let n = count - index; n > 0; n--) {
      const len = u8[at - 1]!;
      at -= len < LONG ? len + 2 : longLength(u8, at - 5) + 10;
    }
    return at - base;
  }

  // ---- Changing. Bytes passed in must not be the page's own. ----

  /** Adds an element at one end if there is room for it on that side; whether there was. */
  push(page: Address, atHead: boolean, buf: Uint8Array, off: number, len: number): boolean {
    const i32 = this.#arena.i32[page >>> CHUNK_SHIFT]!;
    const w = (page & CHUNK_MASK) << 1;
    const w0 = i32[w]!;
    const need = listElementBytes(len);
    let pos: number;
    if (atHead) {
      pos = i32[w + PAGE_BEGIN]! - need;
      if (pos < ((w0 & IS_SMALL) !== 0 ? SMALL_HEADER_BYTES : LARGE_HEADER_BYTES)) return false;
      i32[w + PAGE_BEGIN] = pos;
    } else {
      pos = i32[w + PAGE_END]!;
      if (pos + need > this.#arena.cellBytes(page)) return false;
      i32[w + PAGE_END] = pos + need;
    }
    invariant(w0 >>> COUNT_SHIFT < COUNT_MAX, 'list pages: too many elements in a page');
    i32[w] = w0 + (1 << COUNT_SHIFT);
    this.#write(page, pos, buf, off, len);
    return true;
  }

  /** Inserts an element before `pos`; the capacity must suffice. Returns its position. */
  insert(page: Address, pos: number, buf: Uint8Array, off: number, len: number): number {
    pos = this.#open(page, pos, listElementBytes(len));
    this.#write(page, pos, buf, off, len);
    this.addCount(page, 1);
    return pos;
  }

  /** Gives the element at `pos` other bytes; the capacity must suffice. */
  replace(page: Address, pos: number, buf: Uint8Array, off: number, len: number): void {
    const was = this.#lengthAt(page, pos);
    if (listElementBytes(was) !== listElementBytes(len)) {
      pos = this.#open(page, this.#close(page, pos, listElementBytes(was)), listElementBytes(len));
    }
    this.#write(page, pos, buf, off, len);
  }

  /** Bytes that the element at `pos` takes. */
  elementBytes(page: Address, pos: number): number {
    return listElementBytes(this.#lengthAt(page, pos));
  }

  /** Removes the element at `pos`. Returns the position of what stood behind it. */
  remove(page: Address, pos: number): number {
    this.addCount(page, -1);
    return this.#close(page, pos, this.elementBytes(page, pos));
  }

  /** Removes the first `n` elements. */
  removeFront(page: Address, n: number): void {
    const begin = this.seek(page, n);
    this.#setWord(page, PAGE_BEGIN, begin);
    this.addCount(page, -n);
  }

  /** Removes the last `n` elements. */
  removeBack(page: Address, n: number): void {
    const end = this.seek(page, this.count(page) - n);
    this.#setWord(page, PAGE_END, end);
    this.addCount(page, -n);
  }

  /** Moves all elements so that `front` of the free bytes are before them. */
  shift(page: Address, front: number): void {
    const begin = this.begin(page);
    const to = this.#headerBytes(page) + front;
    const used = this.used(page);
    const base = (page & CHUNK_MASK) << 3;
    this.#arena.u8[page >>> CHUNK_SHIFT]!.copyWithin(base + to, base + begin, base + begin + used);
    this.#setWord(page, PAGE_BEGIN, to);
    this.#setWord(page, PAGE_END, to + used);
  }

  /** Copies all elements of a page to the end of another, which must have room behind. */
  append(from: Address, to: Address): void {
    const end = this.end(to);
    const bytes = this.used(from);
    this.#copyBytes(from, this.begin(from), to, end, bytes);
    this.#setWord(to, PAGE_END, end + bytes);
    this.addCount(to, this.count(from));
  }

  /** Moves the last `n` elements, which begin at `pos`, to the end of another page, which must have room behind. */
  moveTail(from: Address, pos: number, n: number, to: Address): void {
    const end = this.end(to);
    const bytes = this.end(from) - pos;
    this.#copyBytes(from, pos, to, end, bytes);
    this.#setWord(to, PAGE_END, end + bytes);
    this.addCount(to, n);
    this.#setWord(from, PAGE_END, pos);
    this.addCount(from, -n);
  }

  /**
   * Removes up to `max` elements equal to these bytes, from the front or from the back, in one pass.
   * @returns how many were removed.
   */
  removeEqual(page: Address, buf: Uint8Array, off: number, len: number, max: number, fromBack: boolean): number {
    const u8 = this.#arena.u8[page >>> CHUNK_SHIFT]!;
    const base = (page & CHUNK_MASK) << 3;
    const begin = base + this.begin(page);
    const end = base + this.end(page);
    const inner = len < LONG ? 1 : 5;
    let removed = 0;
    // What is kept between two hits is moved as one run, towards the side that the pass began at.
    let target = fromBack ? end : begin;
    let runFrom = target;
    let at = target;
    while (removed < max && at !== (fromBack ? begin : end)) {
      const outer = u8[fromBack ? at - 1 : at]!;
      const length = outer < LONG ? outer : longLength(u8, fromBack ? at - 5 : at + 1);
      const bytes = listElementBytes(length);
      const start = fromBack ? at - bytes : at;
      at = fromBack ? start : start + bytes;
      if (length !== len || !equalBytes(u8, start + inner, buf, off, len)) continue;
      removed++;
      target = fromBack ? moveRunBack(u8, start + bytes, runFrom, target) : moveRun(u8, runFrom, start, target);
      runFrom = at;
    }
    if (removed === 0) return 0;
    if (fromBack) this.#setWord(page, PAGE_BEGIN, moveRunBack(u8, begin, runFrom, target) - base);
    else this.#setWord(page, PAGE_END, moveRun(u8, runFrom, end, target) - base);
    this.addCount(page, -removed);
    return removed;
  }

  /** Walks the page from both sides and asserts that lengths and count agree. */
  check(page: Address): void {
    invariant(this.#arena.kind(page) === Kind.listPage, 'list pages: not a page');
    const begin = this.begin(page);
    const end = this.end(page);
    invariant(begin >= this.#headerBytes(page) && begin <= end && end <= this.#arena.cellBytes(page), 'list pages: elements leave the cell');
    const u8 = this.#arena.u8[page >>> CHUNK_SHIFT]!;
    const base = (page & CHUNK_MASK) << 3;
    let n = 0;
    for (let at = base + begin; at < base + end; n++) {
      const len = u8[at]! < LONG ? u8[at]! : longLength(u8, at + 1);
      at += listElementBytes(len);
      invariant(at <= base + end, 'list pages: an element leaves its page');
      const back = u8[at - 1]! < LONG ? u8[at - 1]! : longLength(u8, at - 5);
      invariant(back === len, 'list pages: the two lengths of an element differ');
    }
    invariant(n === this.count(page), `list pages: ${n} elements found, ${this.count(page)} counted`);
  }

  // ---- Inside ----

  #headerBytes(page: Address): number {
    return this.pageIsSmall(page) ? SMALL_HEADER_BYTES : LARGE_HEADER_BYTES;
  }

  #lengthAt(page: Address, pos: number): number {
    const u8 = this.#arena.u8[page >>> CHUNK_SHIFT]!;
    const at = ((page & CHUNK_MASK) << 3) + pos;
    return u8[at]! < LONG ? u8[at]! : longLength(u8, at + 1);
  }

  /** Makes a gap of `bytes` bytes before `pos`, moving the shorter side where that has room. Returns where the gap begins. */
  #open(page: Address, pos: number, bytes: number): number {
    const begin = this.begin(page);
    const end = this.end(page);
    const before = this.roomBefore(page) >= bytes;
    const behind = this.roomBehind(page) >= bytes;
    if (!before && !behind) {
      this.shift(page, 0);
      invariant(this.roomBehind(page) >= bytes, 'list pages: no room for an element');
      return this.#open(page, pos - begin + this.begin(page), bytes);
    }
    const u8 = this.#arena.u8[page >>> CHUNK_SHIFT]!;
    const base = (page & CHUNK_MASK) << 3;
    if (before && (!behind || pos - begin < end - pos)) {
      if (pos > begin) u8.copyWithin(base + begin - bytes, base + begin, base + pos);
      this.#setWord(page, PAGE_BEGIN, begin - bytes);
      return pos - bytes;
    }
    if (pos < end) u8.copyWithin(base + pos + bytes, base + pos, base + end);
    this.#setWord(page, PAGE_END, end + bytes);
    return pos;
  }

  /** Takes out `bytes` bytes at `pos`, moving the shorter side. Returns the position of what stood behind them. */
  #close(page: Address, pos: number, bytes: number): number {
    const u8 = this.#arena.u8[page >>> CHUNK_SHIFT]!;
    const base = (page & CHUNK_MASK) << 3;
    const begin = this.begin(page);
    const end = this.end(page);
    const after = pos + bytes;
    if (pos - begin < end - after) {
      if (pos > begin) u8.copyWithin(base + begin + bytes, base + begin, base + pos);
      this.#setWord(page, PAGE_BEGIN, begin + bytes);
      return after;
    }
    if (after < end) u8.copyWithin(base + pos, base + after, base + end);
    this.#setWord(page, PAGE_END, end - bytes);
    return pos;
  }

  #write(page: Address, pos: number, buf: Uint8Array, off: number, len: number): void {
    const u8 = this.#arena.u8[page >>> CHUNK_SHIFT]!;
    const at = ((page & CHUNK_MASK) << 3) + pos;
    if (len < LONG) {
      u8[at] = len;
      copyBytes(buf, off, u8, at + 1, len);
      u8[at + len + 1] = len;
      return;
    }
    u8[at] = LONG;
    putLength(u8, at + 1, len);
    copyBytes(buf, off, u8, at + 5, len);
    putLength(u8, at + 5 + len, len);
    u8[at + 9 + len] = LONG;
  }

  #copyBytes(from: Address, pos: number, to: Address, toPos: number, bytes: number): void {
    copyBytes(
      this.#arena.u8[from >>> CHUNK_SHIFT]!, ((from & CHUNK_MASK) << 3) + pos,
      this.#arena.u8[to >>> CHUNK_SHIFT]!, ((to & CHUNK_MASK) << 3) + toPos, bytes,
    );
  }

  addCount(page: Address, n: number): void {
    const i32 = this.#arena.i32[page >>> CHUNK_SHIFT]!;
    const w = (page & CHUNK_MASK) << 1;
    const count = (i32[w]! >>> COUNT_SHIFT) + n;
    invariant(count >= 0 && count <= COUNT_MAX, 'list pages: a count out of range');
    i32[w] = (i32[w]! & 0xff) | (count << COUNT_SHIFT);
  }

  #word(address: Address, n: number): number {
    return this.#arena.i32[address >>> CHUNK_SHIFT]![((address & CHUNK_MASK) << 1) + n]!;
  }

  #setWord(address: Address, n: number, value: number): void {
    this.#arena.i32[address >>> CHUNK_SHIFT]![((address & CHUNK_MASK) << 1) + n] = value;
  }
}

/** Moves bytes [from, end) so that they begin at `to`; returns where they end there. */
function moveRun(u8: Uint8Array, from: number, end: number, to: number): number {
  if (to !== from && end > from) u8.copyWithin(to, from, end);
  return to + end - from;
}

/** Moves bytes [from, end) so that they end at `to`; returns where they begin there. */
function moveRunBack(u8: Uint8Array, from: number, end: number, to: number): number {
  const begin = to - (end - from);
  if (to !== end && end > from) u8.copyWithin(begin, from, end);
  return begin;
}

function longLength(u8: Uint8Array, at: number): number {
  return u8[at]! | (u8[at + 1]! << 8) | (u8[at + 2]! << 16) | (u8[at + 3]! << 24);
}

function putLength(u8: Uint8Array, at: number, len: number): void {
  u8[at] = len;
  u8[at + 1] = len >>> 8;
  u8[at + 2] = len >>> 16;
  u8[at + 3] = len >>> 24;
}
