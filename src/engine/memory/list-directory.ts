/**
 * The directory of a large list's pages: a counted tree whose lowest nodes name the pages in order, each with its number
 * of elements, so that an index is found in O(log n) and both ends in O(1).
 *
 * Owns the layout of Kind.listInner, the words of a list's root, who holds which page, and moving pages. Knows nothing
 * of what stands in a page.
 *
 *   inner w0 kind:4 level:4 children:24 | w1 parent (another inner, or the root) | addresses of 63 children |
 *         elements below each of them. Level 1 holds pages.
 */
import { invariant } from '../../shared/errors.ts';
import { type Address, type Arena, CHUNK_MASK, CHUNK_SHIFT, KIND_MASK, Kind } from './arena.ts';
import type { Compactor } from './compaction.ts';
import type { Entries } from './entries.ts';
import type { ListPages } from './list-pages.ts';
import { ROOT_COUNT, ROOT_FREE } from './records.ts';

const LIST_TOP = ROOT_FREE;
const LIST_HEAD = ROOT_FREE + 1;
const LIST_TAIL = ROOT_FREE + 2;
const LIST_PAGES = ROOT_FREE + 3;

const FANOUT = 63;
const INNER_BYTES = 512;
const INNER_PARENT = 1;
const CHILDREN = 2;
const COUNTS = CHILDREN + FANOUT;
const LEVEL_SHIFT = 4;
const LEVEL_MASK = 15;
const FILL_SHIFT = 8;

/** Two neighbours are merged when one is less than a quarter full and together they fill at most this many places. */
const MERGED_MAX = Math.floor(FANOUT * 0.75);

export class ListDirectory {
  /** Page that `find` found, and the index of the element within it. */
  page: Address = 0;
  index = 0;
  readonly #arena: Arena;
  readonly #pages: ListPages;
  readonly #entries: Entries;

  constructor(arena: Arena, compactor: Compactor, entries: Entries, pages: ListPages) {
    this.#arena = arena;
    this.#pages = pages;
    this.#entries = entries;
    compactor.register(Kind.listPage, (from, to) => this.#pageMoved(from, to));
    compactor.register(Kind.listInner, (from, to) => this.#innerMoved(from, to));
  }

  /** The root of a large list without pages, owned by nobody yet. */
  newRoot(): Address {
    return this.#arena.allocPinned(Kind.root);
  }

  /** Elements of the list. */
  count(root: Address): number {
    return this.#word(root, ROOT_COUNT) >>> 0;
  }

  /** Pages of the list. */
  pages(root: Address): number {
    return this.#word(root, LIST_PAGES);
  }

  head(root: Address): Address {
    return this.#word(root, LIST_HEAD);
  }

  tail(root: Address): Address {
    return this.#word(root, LIST_TAIL);
  }

  /** Sets `page` and `index` to where the element of an index stands; it must be within the list. */
  find(root: Address, index: number): void {
    let node = this.#word(root, LIST_TOP);
    for (;;) {
      const i32 = this.#arena.i32[node >>> CHUNK_SHIFT]!;
      const w = (node & CHUNK_MASK) << 1;
      let i = 0;
      for (; index >= i32[w + COUNTS + i]! >>> 0; i++) index -= i32[w + COUNTS + i]! >>> 0;
      const level = (i32[w]! >>> LEVEL_SHIFT) & LEVEL_MASK;
      node = i32[w + CHILDREN + i]!;
      if (level === 1) break;
    }
    this.page = node;
    this.index = index;
  }

  /** A page has `delta` more elements than before. */
  grew(page: Address, delta: number): void {
    let node = page;
    let parent = this.#pages.holder(page);
    let i32 = this.#arena.i32[parent >>> CHUNK_SHIFT]!;
    let w = (parent & CHUNK_MASK) << 1;
    while ((i32[w]! & KIND_MASK) !== Kind.root) {
      i32[w + COUNTS + this.#placeOf(parent, node)]! += delta;
      node = parent;
      parent = i32[w + INNER_PARENT]!;
      i32 = this.#arena.i32[parent >>> CHUNK_SHIFT]!;
      w = (parent & CHUNK_MASK) << 1;
    }
    i32[w + ROOT_COUNT]! += delta;
  }

  /** Makes a page part of the list, behind page `after` (0: as the first one). */
  link(root: Address, after: Address, page: Address): void {
    const pages = this.#pages;
    const next = after === 0 ? this.head(root) : pages.next(after);
    pages.setPrevious(page, after);
    pages.setNext(page, next);
    if (after === 0) this.#setWord(root, LIST_HEAD, page);
    else pages.setNext(after, page);
    if (next === 0) this.#setWord(root, LIST_TAIL, page);
    else pages.setPrevious(next, page);
    this.#setWord(root, LIST_PAGES, this.#word(root, LIST_PAGES) + 1);
    const beside = after !== 0 ? after : next;
    let parent: Address;
    if (beside !== 0) parent = pages.holder(beside);
    else {
      parent = this.#newInner(root, 1);
      this.#setWord(root, LIST_TOP, parent);
    }
    this.#insertChild(parent, after === 0 ? 0 : this.#placeOf(parent, after) + 1, page, pages.count(page));
  }

  /** Takes a page with whatever it still holds out of the list and frees it. */
  drop(root: Address, page: Address): void {
    const pages = this.#pages;
    const count = pages.count(page);
    if (count > 0) this.grew(page, -count);
    const previous = pages.previous(page);
    const next = pages.next(page);
    if (previous === 0) this.#setWord(root, LIST_HEAD, next);
    else pages.setNext(previous, next);
    if (next === 0) this.#setWord(root, LIST_TAIL, previous);
    else pages.setPrevious(next, previous);
    this.#setWord(root, LIST_PAGES, this.#word(root, LIST_PAGES) - 1);
    const parent = pages.holder(page);
    this.#removeChild(parent, this.#placeOf(parent, page));
    pages.free(page);
  }

  /** Moves a page, be it small or not, to a cell with `room` free bytes: before its elements if `front`, else behind. */
  resize(page: Address, room: number, front: boolean): Address {
    const pages = this.#pages;
    const isSmall = pages.pageIsSmall(page);
    const to = pages.copy(page, isSmall, room, front);
    pages.setHolder(to, pages.holder(page));
    if (!isSmall) {
      pages.setPrevious(to, pages.previous(page));
      pages.setNext(to, pages.next(page));
    }
    this.#pageMoved(page, to);
    pages.free(page);
    return to;
  }

  /**
   * Frees up to `pagesMax` pages from the end on, and at last the root.
   * @returns whether all is freed.
   */
  freeStep(root: Address, pagesMax: number): boolean {
    for (let n = 0; n < pagesMax && this.tail(root) !== 0; n++) this.drop(root, this.tail(root));
    if (this.tail(root) !== 0) return false;
    this.#arena.free(root);
    return true;
  }

  /** Bytes of the root, the directory and the pages, of which about `samples` are looked at (0: all). */
  memoryBytes(root: Address, samples: number): number {
    const arena = this.#arena;
    const pages = this.#word(root, LIST_PAGES);
    let bytes = 0;
    let n = 0;
    for (let page = this.head(root); page !== 0 && (samples === 0 || n < samples); page = this.#pages.next(page)) {
      bytes += arena.cellBytes(page);
      n++;
    }
    if (n > 0) bytes = Math.round((bytes * pages) / n);
    return bytes + arena.cellBytes(root) + Math.ceil(pages / FANOUT) * INNER_BYTES;
  }

  /** Calls `visit` for the root, every node and every page. */
  eachCell(root: Address, visit: (address: Address) => void): void {
    visit(root);
    const top = this.#word(root, LIST_TOP);
    if (top !== 0) this.#eachNode(top, visit);
  }

  #eachNode(node: Address, visit: (address: Address) => void): void {
    visit(node);
    for (let i = 0; i < this.#fill(node); i++) {
      const child = this.#word(node, CHILDREN + i);
      if (this.#level(node) === 1) visit(child);
      else this.#eachNode(child, visit);
    }
  }

  /** Asserts that nodes, counts and links agree, and that every page is sound. */
  check(root: Address): void {
    const order: Address[] = [];
    const top = this.#word(root, LIST_TOP);
    const count = top === 0 ? 0 : this.#checkNode(top, root, order);
    invariant(count === this.count(root), `list directory: ${count} elements found, ${this.count(root)} counted`);
    invariant(order.length === this.#word(root, LIST_PAGES), 'list directory: a wrong number of pages');
    invariant((order[0] ?? 0) === this.head(root), 'list directory: the head is not the first page');
    invariant((order[order.length - 1] ?? 0) === this.tail(root), 'list directory: the tail is not the last page');
    for (let i = 0; i < order.length; i++) {
      invariant(this.#pages.previous(order[i]!) === (order[i - 1] ?? 0), 'list directory: a page has another predecessor');
      invariant(this.#pages.next(order[i]!) === (order[i + 1] ?? 0), 'list directory: a page has another successor');
    }
  }

  #checkNode(node: Address, parent: Address, order: Address[]): number {
    const level = this.#level(node);
    const fill = this.#fill(node);
    invariant(this.#arena.kind(node) === Kind.listInner, 'list directory: not a node');
    invariant(this.#word(node, INNER_PARENT) === parent, 'list directory: a node has another parent');
    invariant(fill > 0 && fill <= FANOUT, 'list directory: a node without children');
    let total = 0;
    for (let i = 0; i < fill; i++) {
      const child = this.#word(node, CHILDREN + i);
      let count: number;
      if (level === 1) {
        this.#pages.check(child);
        invariant(!this.#pages.pageIsSmall(child) && this.#pages.holder(child) === node, 'list directory: a page has another holder');
        count = this.#pages.count(child);
        invariant(count > 0, 'list directory: an empty page');
        order.push(child);
      } else {
        invariant(this.#level(child) === level - 1, 'list directory: a child of the wrong level');
        count = this.#checkNode(child, node, order);
      }
      invariant(count === this.#word(node, COUNTS + i) >>> 0, 'list directory: a count is wrong');
      total += count;
    }
    return total;
  }

  // ---- Nodes ----

  #newInner(parent: Address, level: number): Address {
    const node = this.#arena.alloc(INNER_BYTES, Kind.listInner);
    this.#setWord(node, 0, Kind.listInner | (level << LEVEL_SHIFT));
    this.#setWord(node, INNER_PARENT, parent);
    return node;
  }

  #fill(node: Address): number {
    return this.#word(node, 0) >>> FILL_SHIFT;
  }

  #setFill(node: Address, fill: number): void {
    this.#setWord(node, 0, (this.#word(node, 0) & 0xff) | (fill << FILL_SHIFT));
  }

  #level(node: Address): number {
    return (this.#word(node, 0) >>> LEVEL_SHIFT) & LEVEL_MASK;
  }

  /** Place of a child, the last place first: that is where lists mostly grow. */
  #placeOf(node: Address, child: Address): number {
    const i32 = this.#arena.i32[node >>> CHUNK_SHIFT]!;
    const w = (node & CHUNK_MASK) << 1;
    const last = (i32[w]! >>> FILL_SHIFT) - 1;
    if (i32[w + CHILDREN + last] === child) return last;
    for (let i = 0; i < last; i++) if (i32[w + CHILDREN + i] === child) return i;
    invariant(false, 'list directory: a node does not know its child');
  }

  #setParent(node: Address, level: number, parent: Address): void {
    if (level === 0) this.#pages.setHolder(node, parent);
    else this.#setWord(node, INNER_PARENT, parent);
  }

  /** Adds `delta` to the counts of a node in its ancestors (not in the root). */
  #adjust(node: Address, delta: number): void {
    let parent = this.#word(node, INNER_PARENT);
    while (this.#arena.kind(parent) !== Kind.root) {
      const word = COUNTS + this.#placeOf(parent, node);
      this.#setWord(parent, word, this.#word(parent, word) + delta);
      node = parent;
      parent = this.#word(node, INNER_PARENT);
    }
  }

  /** Puts a child that is new to the list before place `place`, and counts its elements all the way up. */
  #insertChild(node: Address, place: number, child: Address, count: number): void {
    this.#place(node, place, child, count);
    const parent = this.#word(child, INNER_PARENT);
    this.#adjust(parent, count);
    const root = this.#rootOf(parent);
    this.#setWord(root, ROOT_COUNT, this.#word(root, ROOT_COUNT) + count);
  }

  /** Puts a child before place `place`, splitting the node where it is full. Counts nothing above the node. */
  #place(node: Address, place: number, child: Address, count: number): void {
    if (this.#fill(node) === FANOUT) {
      // Nothing more will come to what a growing end leaves behind: it stays full.
      const keep = place === FANOUT ? FANOUT : place === 0 ? 0 : FANOUT >>> 1;
      const right = this.#split(node, keep);
      if (place > keep || keep === FANOUT) {
        place -= keep;
        node = right;
      }
    }
    const i32 = this.#arena.i32[node >>> CHUNK_SHIFT]!;
    const w = (node & CHUNK_MASK) << 1;
    const fill = this.#fill(node);
    for (let i = fill; i > place; i--) {
      i32[w + CHILDREN + i] = i32[w + CHILDREN + i - 1]!;
      i32[w + COUNTS + i] = i32[w + COUNTS + i - 1]!;
    }
    i32[w + CHILDREN + place] = child;
    i32[w + COUNTS + place] = count;
    this.#setFill(node, fill + 1);
    this.#setParent(child, this.#level(node) - 1, node);
  }

  /** Moves the children from place `keep` on to a new right neighbour. Either may be left empty for a moment. */
  #split(node: Address, keep: number): Address {
    const level = this.#level(node);
    if (this.#arena.kind(this.#word(node, INNER_PARENT)) === Kind.root) {
      const root = this.#word(node, INNER_PARENT);
      const top = this.#newInner(root, level + 1);
      this.#setWord(root, LIST_TOP, top);
      this.#place(top, 0, node, this.#sum(node));
    }
    const right = this.#newInner(0, level);
    this.#moveChildren(node, keep, right);
    const moved = this.#sum(right);
    this.#adjust(node, -moved);
    const parent = this.#word(node, INNER_PARENT);
    this.#place(parent, this.#placeOf(parent, node) + 1, right, moved);
    this.#adjust(this.#word(right, INNER_PARENT), moved);
    return right;
  }

  /** Elements below a node. */
  #sum(node: Address): number {
    let total = 0;
    for (let i = 0; i < this.#fill(node); i++) total += this.#word(node, COUNTS + i) >>> 0;
    return total;
  }

  /** Moves the children from place `first` on to the end of another node. */
  #moveChildren(from: Address, first: number, to: Address): void {
    const level = this.#level(from);
    const end = this.#fill(from);
    let at = this.#fill(to);
    for (let i = first; i < end; i++, at++) {
      const child = this.#word(from, CHILDREN + i);
      this.#setWord(to, CHILDREN + at, child);
      this.#setWord(to, COUNTS + at, this.#word(from, COUNTS + i));
      this.#setParent(child, level - 1, to);
    }
    this.#setFill(to, at);
    this.#setFill(from, first);
  }

  /** Takes out a child whose elements are not counted any more, and with it the nodes that it leaves empty. */
  #removeChild(node: Address, place: number): void {
    const i32 = this.#arena.i32[node >>> CHUNK_SHIFT]!;
    const w = (node & CHUNK_MASK) << 1;
    const fill = this.#fill(node) - 1;
    i32.copyWithin(w + CHILDREN + place, w + CHILDREN + place + 1, w + CHILDREN + fill + 1);
    i32.copyWithin(w + COUNTS + place, w + COUNTS + place + 1, w + COUNTS + fill + 1);
    this.#setFill(node, fill);
    const parent = this.#word(node, INNER_PARENT);
    const isTop = this.#arena.kind(parent) === Kind.root;
    if (fill === 0) {
      if (isTop) this.#setWord(parent, LIST_TOP, 0);
      else this.#removeChild(parent, this.#placeOf(parent, node));
      this.#arena.free(node);
    } else if (isTop) this.#lowerTop(parent);
    else if (fill < FANOUT >>> 2) this.#mergeAround(parent, this.#placeOf(parent, node));
  }

  /** While the top node has but one node below it, that takes its place. */
  #lowerTop(root: Address): void {
    let top = this.#word(root, LIST_TOP);
    while (this.#fill(top) === 1 && this.#level(top) > 1) {
      const only = this.#word(top, CHILDREN);
      this.#arena.free(top);
      this.#setWord(only, INNER_PARENT, root);
      this.#setWord(root, LIST_TOP, only);
      top = only;
    }
  }

  #mergeAround(parent: Address, place: number): void {
    for (let left = place - 1; left <= place; left++) {
      if (left < 0 || left + 1 >= this.#fill(parent)) continue;
      const a = this.#word(parent, CHILDREN + left);
      const b = this.#word(parent, CHILDREN + left + 1);
      if (this.#fill(a) + this.#fill(b) > MERGED_MAX) continue;
      this.#moveChildren(b, 0, a);
      this.#setWord(parent, COUNTS + left, this.#word(parent, COUNTS + left) + this.#word(parent, COUNTS + left + 1));
      this.#arena.free(b);
      this.#removeChild(parent, left + 1);
      return;
    }
  }

  #rootOf(node: Address): Address {
    while (this.#arena.kind(node) !== Kind.root) node = this.#word(node, INNER_PARENT);
    return node;
  }

  // ---- Moves ----

  #pageMoved(from: Address, to: Address): void {
    const pages = this.#pages;
    const holder = pages.holder(to);
    if (pages.pageIsSmall(to)) {
      if (holder !== 0) this.#entries.setValueAddress(holder, to);
      return;
    }
    this.#setWord(holder, CHILDREN + this.#placeOf(holder, from), to);
    const previous = pages.previous(to);
    const next = pages.next(to);
    if (previous === 0) this.#setWord(this.#rootOf(holder), LIST_HEAD, to);
    else pages.setNext(previous, to);
    if (next === 0) this.#setWord(this.#rootOf(holder), LIST_TAIL, to);
    else pages.setPrevious(next, to);
  }

  #innerMoved(from: Address, to: Address): void {
    const parent = this.#word(to, INNER_PARENT);
    if (this.#arena.kind(parent) === Kind.root) this.#setWord(parent, LIST_TOP, to);
    else this.#setWord(parent, CHILDREN + this.#placeOf(parent, from), to);
    const level = this.#level(to);
    for (let i = 0; i < this.#fill(to); i++) this.#setParent(this.#word(to, CHILDREN + i), level - 1, to);
  }

  #word(address: Address, n: number): number {
    return this.#arena.i32[address >>> CHUNK_SHIFT]![((address & CHUNK_MASK) << 1) + n]!;
  }

  #setWord(address: Address, n: number, value: number): void {
    this.#arena.i32[address >>> CHUNK_SHIFT]![((address & CHUNK_MASK) << 1) + n] = value;
  }
}
