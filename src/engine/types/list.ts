/**
 * Lists: elements in order, as commands see them.
 *
 * A list is named by the ref of its keyspace entry. A small one is one page in a cell, a large one a root with a counted
 * directory of pages; which of them follows list-max-listpack-size as in Redis 7.2, measured in our own bytes, which for
 * elements under 64 bytes that are no integers are those of a listpack. A large list becomes small again when it shrinks
 * to half the limit. This file finds out about neither keys nor expiry, and never reports a change: the command does. A
 * list left empty is the caller's to remove. Windows on elements are valid until the list changes.
 */
import type { EncodingLimits } from '../encoding-limits.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { Address } from '../memory/arena.ts';
import { type Bytes, type Entries, EntryType } from '../memory/entries.ts';
import type { LazyFree, RootFreer } from '../memory/lazy-free.ts';
import { ListDirectory } from '../memory/list-directory.ts';
import { LIST_PAGE_BYTES, LIST_PAGE_ROOM, ListPages, listElementBytes } from '../memory/list-pages.ts';
import { copyBytes } from '../memory/records.ts';
import type { Collection, ElementVisitor } from './collection.ts';
import { ListCursor } from './list-cursor.ts';

/** What a listpack takes beside its elements: its header and its end. */
const LISTPACK_FRAME_BYTES = 7;
/** The most bytes of a small list whose limit is a number of elements. */
const COUNTED_BYTES_MAX = 8192;
const LIMIT_BYTES_MIN = 4096;
const LEVELS = 5;
/** A scratch buffer larger than this is not kept. */
const SCRATCH_KEPT_MAX = 65536;

/** A page of a large list whose bytes fall below this after a removal inside it is merged with a neighbour, if that has room. */
const SPARSE_BYTES = LIST_PAGE_BYTES / 4;
const MERGED_BYTES_MAX = (LIST_PAGE_BYTES * 3) / 4;

export class Lists implements Collection, RootFreer {
  readonly #entries: Entries;
  readonly #pages: ListPages;
  readonly #directory: ListDirectory;
  readonly #limits: EncodingLimits;
  /** For the caller. */
  readonly #cursor: ListCursor;
  /** For work on a list while the caller walks another. */
  readonly #ownCursor: ListCursor;
  /** Where `#seek` ended: page, index in it and position. */
  #page: Address = 0;
  #index = 0;
  #pos = 0;
  /** An element on its way from one end of a list to the other. */
  #scratch: Uint8Array = new Uint8Array(256);

  constructor(keyspace: Keyspace, lazyFree: LazyFree, limits: EncodingLimits) {
    const { arena, compactor, entries } = keyspace;
    this.#entries = entries;
    this.#pages = new ListPages(arena);
    this.#directory = new ListDirectory(arena, compactor, entries, this.#pages);
    this.#limits = limits;
    this.#cursor = this.newCursor();
    this.#ownCursor = this.newCursor();
    lazyFree.register(EntryType.list, this);
  }

  // ---- As a whole ----

  /**
   * Makes the value of an entry that has none yet: an empty list, which the caller fills at once.
   * The other arguments are those of `expect`.
   */
  begin(ref: Address, elements: number, bytes: number): void {
    const isLarge = this.#exceeds(elements, LISTPACK_FRAME_BYTES + bytes);
    const room = bytes + 2 * elements;
    this.#entries.setValueAddress(ref, isLarge ? this.#directory.newRoot() : this.#pages.create(true, room, false));
  }

  /**
   * Announces elements that are about to be added, and makes the list large at once if that is where they lead
   * (listTypeTryConversionAppend in Redis).
   * @param bytes their length in all.
   */
  expect(ref: Address, elements: number, bytes: number): void {
    const cell = this.#entries.valueAddress(ref);
    const pages = this.#pages;
    if (!pages.isSmall(cell)) return;
    if (this.#exceeds(pages.count(cell) + elements, LISTPACK_FRAME_BYTES + pages.used(cell) + bytes)) this.#enlarge(ref, cell);
  }

  /** Number of elements. */
  length(ref: Address): number {
    const cell = this.#entries.valueAddress(ref);
    return this.#pages.isSmall(cell) ? this.#pages.count(cell) : this.#directory.count(cell);
  }

  /** OBJECT ENCODING. */
  encoding(ref: Address): string {
    return this.#pages.isSmall(this.#entries.valueAddress(ref)) ? 'listpack' : 'quicklist';
  }

  /** Number of pages. */
  pages(ref: Address): number {
    const cell = this.#entries.valueAddress(ref);
    return this.#pages.isSmall(cell) ? 1 : this.#directory.pages(cell);
  }

  /** Bytes of memory; of a large list's pages only about `samples` are looked at (0: all). */
  memoryBytes(ref: Address, samples: number): number {
    const cell = this.#entries.valueAddress(ref);
    if (this.#pages.isSmall(cell)) return this.#pages.capacity(cell) + this.#pages.begin(cell) - this.#pages.roomBefore(cell);
    return this.#directory.memoryBytes(cell, samples);
  }

  /** Gives the entry `to`, which has no value yet, a copy of the list at `from`. */
  copy(from: Address, to: Address): void {
    const cell = this.#entries.valueAddress(from);
    const pages = this.#pages;
    if (pages.isSmall(cell)) {
      this.#entries.setValueAddress(to, pages.copy(cell, true, 0, false));
      return;
    }
    const directory = this.#directory;
    const root = directory.newRoot();
    for (let page = directory.head(cell); page !== 0; page = pages.next(page)) {
      directory.link(root, directory.tail(root), pages.copy(page, false, 0, false));
    }
    this.#entries.setValueAddress(to, root);
  }

  visit(ref: Address, visitor: ElementVisitor): void {
    const cursor = this.#ownCursor.open(this.#entries.valueAddress(ref), 0);
    const { element } = cursor;
    while (cursor.next()) visitor.element(element.buf, element.off, element.len);
  }

  /** Asserts the list's structure and calls `visit` for each of its cells. */
  check(ref: Address, visit: (address: Address) => void): void {
    const cell = this.#entries.valueAddress(ref);
    if (this.#pages.isSmall(cell)) {
      this.#pages.check(cell);
      visit(cell);
    } else {
      this.#directory.check(cell);
      this.#directory.eachCell(cell, visit);
    }
  }

  /** Frees a small list's page, or pages from a large one's end on, which leaves the rest a sound list: for LazyFree. */
  freeStep(cell: Address, _progress: number, budget: number): number {
    if (this.#pages.isSmall(cell)) this.#pages.free(cell);
    else if (!this.#directory.freeStep(cell, budget)) return 1;
    return -1;
  }

  eachCell(root: Address, _progress: number, visit: (address: Address) => void): void {
    this.#directory.eachCell(root, visit);
  }

  // ---- Ends ----

  /** Adds an element at the head or the tail, after `begin` or `expect`. The bytes must not be the list's own. */
  push(ref: Address, atHead: boolean, buf: Uint8Array, off: number, len: number): void {
    const pages = this.#pages;
    const cell = this.#entries.valueAddress(ref);
    if (!pages.isSmall(cell)) this.#pushLarge(cell, atHead, buf, off, len);
    else if (!pages.push(cell, atHead, buf, off, len)) {
      pages.push(this.#makeRoom(cell, listElementBytes(len), atHead), atHead, buf, off, len);
    }
  }

  /** Adds an element at the tail, announced or not: for loading. */
  pushTail(ref: Address, buf: Uint8Array, off: number, len: number): void {
    this.expect(ref, 1, len);
    this.push(ref, false, buf, off, len);
  }

  /** Points `out` at the first or the last element; the list must not be empty. */
  peek(ref: Address, atHead: boolean, out: Bytes): void {
    const cell = this.#entries.valueAddress(ref);
    const pages = this.#pages;
    const isSmall = pages.isSmall(cell);
    if (atHead) {
      const page = isSmall ? cell : this.#directory.head(cell);
      pages.read(page, pages.begin(page), out);
    } else {
      const page = isSmall ? cell : this.#directory.tail(cell);
      pages.readBack(page, pages.end(page), out);
    }
  }

  /** Removes the first or the last `n` elements, of which there must be more. */
  removeEnd(ref: Address, atHead: boolean, n: number): void {
    this.#cutEnd(this.#entries.valueAddress(ref), atHead, n);
    this.#shrunk(ref);
  }

  /** Removes the first `front` and the last `back` elements; some must remain. */
  trim(ref: Address, front: number, back: number): void {
    const cell = this.#entries.valueAddress(ref);
    this.#cutEnd(cell, true, front);
    this.#cutEnd(cell, false, back);
    this.#shrunk(ref);
  }

  #cutEnd(cell: Address, atHead: boolean, n: number): void {
    const pages = this.#pages;
    const directory = this.#directory;
    const isSmall = pages.isSmall(cell);
    while (n > 0) {
      const page = isSmall ? cell : atHead ? directory.head(cell) : directory.tail(cell);
      const count = pages.count(page);
      if (count <= n && !isSmall) {
        directory.drop(cell, page);
        n -= count;
        continue;
      }
      if (atHead) pages.removeFront(page, n);
      else pages.removeBack(page, n);
      if (!isSmall) directory.grew(page, -n);
      return;
    }
  }

  /** Moves an element from one end to the other (or to the end it came from), and points `out` at a copy of it. */
  rotate(ref: Address, fromHead: boolean, toHead: boolean, out: Bytes): void {
    this.peek(ref, fromHead, out);
    const { len } = out;
    if (len > this.#scratch.length) this.#scratch = new Uint8Array(len);
    const scratch = this.#scratch;
    copyBytes(out.buf, out.off, scratch, 0, len);
    out.buf = scratch;
    out.off = 0;
    if (len > SCRATCH_KEPT_MAX) this.#scratch = new Uint8Array(256);
    if (fromHead === toHead || this.length(ref) === 1) return;
    this.removeEnd(ref, fromHead, 1);
    this.expect(ref, 1, len);
    this.push(ref, toHead, scratch, 0, len);
  }

  // ---- By index ----

  /** Points `out` at the element of an index, which must be within the list. */
  get(ref: Address, index: number, out: Bytes): void {
    this.#seek(this.#entries.valueAddress(ref), index);
    this.#pages.read(this.#page, this.#pos, out);
  }

  /** Gives the element of an index, which must be within the list, other bytes, after `expect`. */
  set(ref: Address, index: number, buf: Uint8Array, off: number, len: number): void {
    const pages = this.#pages;
    const cell = this.#entries.valueAddress(ref);
    this.#seek(cell, index);
    const page = this.#page;
    const was = pages.elementBytes(page, this.#pos);
    const need = listElementBytes(len);
    if (need <= was || pages.capacity(page) - pages.used(page) + was >= need) {
      pages.replace(page, this.#pos, buf, off, len);
      if (need < was && !pages.isSmall(cell)) this.#tidy(cell, page);
    } else {
      this.#insertAt(cell, buf, off, len);
      // The old one is behind the new one now.
      const now = this.#entries.valueAddress(ref);
      this.#seek(now, index + 1);
      this.#removeAt(now);
    }
    this.#shrunk(ref);
  }

  /** Index of the first element with these bytes, or -1. */
  indexOf(ref: Address, buf: Uint8Array, off: number, len: number): number {
    const cursor = this.#ownCursor.open(this.#entries.valueAddress(ref), 0);
    for (let index = 0; cursor.next(); index++) if (cursor.isAt(buf, off, len)) return index;
    return -1;
  }

  /** Inserts an element before the one of an index (the length: at the end), after `expect`. */
  insertBefore(ref: Address, index: number, buf: Uint8Array, off: number, len: number): void {
    if (index === 0 || index === this.length(ref)) {
      this.push(ref, index === 0, buf, off, len);
      return;
    }
    const cell = this.#entries.valueAddress(ref);
    this.#seek(cell, index);
    this.#insertAt(cell, buf, off, len);
  }

  /** Removes up to `max` elements with these bytes, from the head or from the tail. Returns how many were removed. */
  removeEqual(ref: Address, buf: Uint8Array, off: number, len: number, max: number, fromTail: boolean): number {
    const cell = this.#entries.valueAddress(ref);
    const pages = this.#pages;
    const directory = this.#directory;
    let removed = 0;
    if (pages.isSmall(cell)) removed = pages.removeEqual(cell, buf, off, len, max, fromTail);
    else {
      let page = fromTail ? directory.tail(cell) : directory.head(cell);
      while (page !== 0 && removed < max) {
        const following = fromTail ? pages.previous(page) : pages.next(page);
        const n = pages.removeEqual(page, buf, off, len, max - removed, fromTail);
        if (n > 0) {
          removed += n;
          directory.grew(page, -n);
          if (pages.count(page) === 0) directory.drop(cell, page);
        }
        page = following;
      }
      if (removed > 0) this.#tidyAll(cell);
    }
    if (removed > 0) this.#shrunk(ref);
    return removed;
  }

  // ---- Walking ----

  newCursor(): ListCursor {
    return new ListCursor(this.#pages, this.#directory);
  }

  /** Begins a walk before the element of an index, with a cursor that is reused: one walk at a time. */
  walk(ref: Address, index: number): ListCursor {
    return this.#cursor.open(this.#entries.valueAddress(ref), index);
  }

  // ---- Inside: form ----

  #exceeds(elements: number, bytes: number): boolean {
    const limit = this.#limits.listMaxListpackSize;
    if (limit >= 0) return bytes > COUNTED_BYTES_MAX || elements > Math.max(limit, 1);
    return bytes > bytesLimit(limit);
  }

  /** After elements were removed: a small list gives up unused room, a large one may become small. */
  #shrunk(ref: Address): void {
    const pages = this.#pages;
    const directory = this.#directory;
    const cell = this.#entries.valueAddress(ref);
    if (pages.isSmall(cell)) {
      const capacity = pages.capacity(cell);
      const used = pages.used(cell);
      if (capacity > 48 && used < capacity >>> 1 && used > 0) directory.resize(cell, roomAhead(used) - used, false);
      return;
    }
    const limit = this.#limits.listMaxListpackSize;
    const bytesMax = limit >= 0 ? COUNTED_BYTES_MAX : bytesLimit(limit) / 2;
    if (directory.pages(cell) > bytesMax / LIST_PAGE_ROOM + 2) return;
    if (limit >= 0 && directory.count(cell) > Math.max(limit, 1) / 2) return;
    let used = 0;
    for (let page = directory.head(cell); page !== 0; page = pages.next(page)) used += pages.used(page);
    if (used === 0 || LISTPACK_FRAME_BYTES + used > bytesMax) return;
    const small = pages.create(true, used, false);
    for (let page = directory.head(cell); page !== 0; page = pages.next(page)) pages.append(page, small);
    this.#entries.setValueAddress(ref, small);
    directory.freeStep(cell, Infinity);
  }

  /** Makes a small list large; returns its root. */
  #enlarge(ref: Address, cell: Address): Address {
    const pages = this.#pages;
    const directory = this.#directory;
    const root = directory.newRoot();
    const used = pages.used(cell);
    if (used <= LIST_PAGE_ROOM && pages.count(cell) > 0) {
      directory.link(root, 0, pages.copy(cell, false, Math.min(used >>> 1, LIST_PAGE_ROOM - used), false));
    } else {
      const cursor = this.#ownCursor.open(cell, 0);
      while (cursor.next()) this.#pushLarge(root, false, cursor.element.buf, cursor.element.off, cursor.element.len);
    }
    this.#entries.setValueAddress(ref, root);
    pages.free(cell);
    return root;
  }

  // ---- Inside: room ----

  #pushLarge(root: Address, atHead: boolean, buf: Uint8Array, off: number, len: number): void {
    const pages = this.#pages;
    const directory = this.#directory;
    let page = atHead ? directory.head(root) : directory.tail(root);
    if (page !== 0) {
      let isIn = pages.push(page, atHead, buf, off, len);
      if (!isIn && this.#worthRoom(page, listElementBytes(len))) {
        page = this.#makeRoom(page, listElementBytes(len), atHead);
        isIn = pages.push(page, atHead, buf, off, len);
      }
      if (isIn) {
        directory.grew(page, 1);
        return;
      }
    }
    page = pages.create(false, Math.max(LIST_PAGE_ROOM, listElementBytes(len)), atHead);
    pages.push(page, atHead, buf, off, len);
    directory.link(root, atHead ? 0 : directory.tail(root), page);
  }

  /** Whether an end page that has no room on the side of a push should get some, by moving it or within it. */
  #worthRoom(page: Address, need: number): boolean {
    const pages = this.#pages;
    const after = pages.used(page) + need;
    if (after > LIST_PAGE_ROOM) return false;
    // A full-size page is shifted only where that makes room for many elements to come.
    const capacity = pages.capacity(page);
    return capacity < LIST_PAGE_ROOM || capacity - after >= LIST_PAGE_BYTES / 4;
  }

  /** Sees to room for `need` bytes on one side of a page; returns the page, which may have moved. */
  #makeRoom(page: Address, need: number, front: boolean): Address {
    const pages = this.#pages;
    const used = pages.used(page);
    const free = pages.capacity(page) - used;
    const isSmall = pages.pageIsSmall(page);
    if (free >= need && (isSmall || pages.capacity(page) >= LIST_PAGE_ROOM)) {
      const rest = (free - need) >>> 1;
      pages.shift(page, front ? need + rest : rest);
      return page;
    }
    const after = used + need;
    const room = isSmall ? roomAhead(after) : Math.max(Math.min(LIST_PAGE_ROOM, after + (after >>> 1)), after);
    return this.#directory.resize(page, room - used, front);
  }

  /** Sees to `need` bytes of free capacity anywhere in a page, for an insertion in its middle. */
  #makeCapacity(page: Address, need: number): Address {
    const pages = this.#pages;
    const used = pages.used(page);
    if (pages.capacity(page) - used >= need) return page;
    const after = used + need;
    const room = pages.pageIsSmall(page) ? roomAhead(after) : Math.max(Math.min(LIST_PAGE_ROOM, after + (after >>> 3)), after);
    return this.#directory.resize(page, room - used, false);
  }

  // ---- Inside: places ----

  #seek(cell: Address, index: number): void {
    if (this.#pages.isSmall(cell)) {
      this.#page = cell;
      this.#index = index;
    } else {
      this.#directory.find(cell, index);
      this.#page = this.#directory.page;
      this.#index = this.#directory.index;
    }
    this.#pos = this.#pages.seek(this.#page, this.#index);
  }

  /** Inserts an element before the place that `#seek` found. */
  #insertAt(cell: Address, buf: Uint8Array, off: number, len: number): void {
    const pages = this.#pages;
    const need = listElementBytes(len);
    const page = this.#page;
    if (pages.isSmall(cell)) {
      const distance = this.#pos - pages.begin(page);
      const to = this.#makeCapacity(page, need);
      pages.insert(to, pages.begin(to) + distance, buf, off, len);
      return;
    }
    const directory = this.#directory;
    if (pages.used(page) + need <= LIST_PAGE_ROOM) {
      const distance = this.#pos - pages.begin(page);
      const to = this.#makeCapacity(page, need);
      pages.insert(to, pages.begin(to) + distance, buf, off, len);
      directory.grew(to, 1);
      return;
    }
    const count = pages.count(page);
    if (this.#index === 0 || this.#index === count) {
      const fresh = pages.create(false, need, false);
      pages.push(fresh, false, buf, off, len);
      directory.link(cell, this.#index === 0 ? pages.previous(page) : page, fresh);
      return;
    }
    // In halves, or where the element belongs if it will need a page of its own.
    const at = need > LIST_PAGE_ROOM / 2 ? this.#index : count >>> 1;
    const right = this.#split(cell, page, at);
    if (this.#index > at || (this.#index === at && pages.used(right) < pages.used(page))) {
      this.#page = right;
      this.#index -= at;
    }
    this.#pos = pages.seek(this.#page, this.#index);
    this.#insertAt(cell, buf, off, len);
  }

  /** Moves a page's elements from an index on to a new page behind it, which is returned. */
  #split(root: Address, page: Address, index: number): Address {
    const pages = this.#pages;
    const directory = this.#directory;
    const pos = pages.seek(page, index);
    const n = pages.count(page) - index;
    const bytes = pages.end(page) - pos;
    const right = pages.create(false, bytes + (bytes >>> 3), false);
    directory.grew(page, -n);
    pages.moveTail(page, pos, n, right);
    directory.link(root, page, right);
    return right;
  }

  /** Removes the element that `#seek` found. */
  #removeAt(cell: Address): void {
    const page = this.#page;
    this.#pages.remove(page, this.#pos);
    if (this.#pages.isSmall(cell)) return;
    this.#directory.grew(page, -1);
    if (this.#pages.count(page) === 0) this.#directory.drop(cell, page);
    else this.#tidy(cell, page);
  }

  /** After elements were removed inside a page: merges it with a neighbour, or gives up its unused room. */
  #tidy(root: Address, page: Address): void {
    const pages = this.#pages;
    const directory = this.#directory;
    const used = pages.used(page);
    if (used < SPARSE_BYTES) {
      const previous = pages.previous(page);
      const next = pages.next(page);
      if (previous !== 0 && pages.used(previous) + used <= MERGED_BYTES_MAX) {
        this.#merge(root, previous, page);
        return;
      }
      if (next !== 0 && pages.used(next) + used <= MERGED_BYTES_MAX) {
        this.#merge(root, page, next);
        return;
      }
    }
    if (used < pages.capacity(page) >>> 1) directory.resize(page, used >>> 3, false);
  }

  #tidyAll(root: Address): void {
    const pages = this.#pages;
    let page = this.#directory.head(root);
    while (page !== 0) {
      const next = pages.next(page);
      if (next !== 0 && pages.used(page) + pages.used(next) <= MERGED_BYTES_MAX) page = this.#merge(root, page, next);
      else {
        if (pages.used(page) < pages.capacity(page) >>> 1) this.#directory.resize(page, pages.used(page) >>> 3, false);
        page = next;
      }
    }
  }

  /** Moves the elements of a page to the end of its predecessor, which is returned and may have moved. */
  #merge(root: Address, left: Address, right: Address): Address {
    const pages = this.#pages;
    const directory = this.#directory;
    const bytes = pages.used(right);
    const n = pages.count(right);
    if (pages.roomBehind(left) < bytes) left = directory.resize(left, bytes + ((pages.used(left) + bytes) >>> 3), false);
    pages.moveTail(right, pages.begin(right), n, left);
    directory.grew(right, -n);
    directory.grew(left, n);
    directory.drop(root, right);
    return left;
  }
}

/** Bytes of a small list at most, for a limit from -1 to -5. */
function bytesLimit(limit: number): number {
  return LIMIT_BYTES_MIN << (Math.min(-limit, LEVELS) - 1);
}

/**
 * Bytes of room to ask for when a small list's page has to move: a sixteenth ahead, so that pushing n bytes one by one
 * copies about 16 n in all; nothing in little ones, where a sixteenth would hold no element.
 */
function roomAhead(bytes: number): number {
  return bytes < 512 ? bytes : bytes + (bytes >>> 4);
}
