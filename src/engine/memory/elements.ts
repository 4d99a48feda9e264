/**
 * Elements: the records of large collections (Kind.element), under a pinned root whose index finds them by key.
 *
 * Owns roots' word ROOT_INDEX and every element of all three shapes: their making, finding, freeing and relocation.
 * What a sorted set keeps besides (its counted tree, at ROOT_TREE) is the sorted sets' own; they register how it learns
 * of a moved element. Layout of the records in records.ts.
 */
import { invariant } from '../../shared/errors.ts';
import { type Address, Arena, CHUNK_MASK, CHUNK_SHIFT, Kind } from './arena.ts';
import type { Compactor } from './compaction.ts';
import type { Bytes } from './entries.ts';
import { HASH_END, type HashIndex } from './hash-index.ts';
import {
  ELEMENT_SHAPE_MASK, ELEMENT_SHAPE_SHIFT, KeyLocator, ROOT_INDEX, ROOT_OWNER, ROOT_TREE, SHAPE_HASH, SHAPE_ZSET, allocElement, copyBytes,
} from './records.ts';

/** Makes a sorted set's tree point to `to` instead of `from`, for an element with this score. */
export type ScoredElementMoved = (root: Address, score: number, from: Address, to: Address) => void;

const ELEMENT_VALUE_LENGTH = 2;

export class Elements {
  readonly #arena: Arena;
  readonly #index: HashIndex;
  readonly #key: KeyLocator;
  /** Hash of the key that was looked for last. */
  #sought = 0;
  #onScoredMoved: ScoredElementMoved | null = null;
  readonly #scratch: Address[] = [];

  constructor(arena: Arena, compactor: Compactor, index: HashIndex) {
    this.#arena = arena;
    this.#index = index;
    this.#key = new KeyLocator(arena);
    compactor.register(Kind.element, (from, to) => this.#relocate(from, to));
  }

  /** Called by the sorted sets, once. */
  onScoredMoved(moved: ScoredElementMoved): void {
    invariant(this.#onScoredMoved === null, 'elements: the trees have two owners');
    this.#onScoredMoved = moved;
  }

  // ---- Roots ----

  /** A root without elements or owner, which gets about `count` elements at once. */
  newRoot(count = 0): Address {
    const root = this.#arena.allocPinned(Kind.root);
    if (count > 1) this.#setWord(root, ROOT_INDEX, this.#index.withRoom(count, root, 0));
    return root;
  }

  /** Tells that a root's collection is given up: its elements' moves are no longer reported. */
  disown(root: Address): void {
    this.#setWord(root, ROOT_OWNER, 0);
  }

  count(root: Address): number {
    return this.#index.count(this.#word(root, ROOT_INDEX));
  }

  // ---- Elements ----

  /** The element with this key, or 0. */
  find(root: Address, buf: Uint8Array, off: number, len: number): Address {
    this.#sought = this.#index.hash(buf, off, len);
    return this.#index.find(this.#word(root, ROOT_INDEX), this.#sought, buf, off, len);
  }

  /**
   * Adds an element; its key must not be there. `extraBytes` is room behind the key (a hash's value).
   * A sorted set's score is not set yet.
   */
  add(root: Address, shape: number, buf: Uint8Array, off: number, len: number, extraBytes: number): Address {
    this.#sought = this.#index.hash(buf, off, len);
    return this.addSought(root, shape, buf, off, len, extraBytes);
  }

  /** As `add`, for the key that the last `find` did not find. */
  addSought(root: Address, shape: number, buf: Uint8Array, off: number, len: number, extraBytes: number): Address {
    const element = allocElement(this.#arena, shape, root, buf, off, len, extraBytes);
    this.#setWord(root, ROOT_INDEX, this.#index.insert(this.#word(root, ROOT_INDEX), this.#sought, element, root, 0));
    return element;
  }

  /** Adds a field with its value to a hash; the field must not be there. */
  addField(
    root: Address, buf: Uint8Array, off: number, len: number, vbuf: Uint8Array, voff: number, vlen: number,
  ): void {
    this.#fillValue(this.add(root, SHAPE_HASH, buf, off, len, vlen), vbuf, voff, vlen);
  }

  /** As `addField`, for the field that the last `find` did not find. */
  addSoughtField(
    root: Address, buf: Uint8Array, off: number, len: number, vbuf: Uint8Array, voff: number, vlen: number,
  ): void {
    this.#fillValue(this.addSought(root, SHAPE_HASH, buf, off, len, vlen), vbuf, voff, vlen);
  }

  /** Gives a hash's field another value: in place where the cell fits, else in a new element. */
  setValue(root: Address, element: Address, vbuf: Uint8Array, voff: number, vlen: number): void {
    const key = this.#key;
    key.locate(element);
    const bytes = key.off + key.len - ((element & CHUNK_MASK) << 3) + vlen;
    const cell = this.#arena.cellBytes(element);
    if (bytes <= cell && Arena.roundUp(bytes) > cell - (cell >>> 2)) {
      this.#fillValue(element, vbuf, voff, vlen);
      return;
    }
    const { buf, off, len } = key;
    const to = allocElement(this.#arena, SHAPE_HASH, root, buf, off, len, vlen);
    this.#fillValue(to, vbuf, voff, vlen);
    this.#index.replace(this.#word(root, ROOT_INDEX), this.#index.hash(buf, off, len), element, to);
    this.#arena.free(element);
  }

  /** Takes an element out and frees it. */
  remove(root: Address, element: Address): void {
    const key = this.#key;
    key.locate(element);
    const hash = this.#index.hash(key.buf, key.off, key.len);
    this.#setWord(root, ROOT_INDEX, this.#index.remove(this.#word(root, ROOT_INDEX), hash, element));
    this.#arena.free(element);
  }

  key(element: Address, out: Bytes): void {
    const key = this.#key;
    key.locate(element);
    out.buf = key.buf;
    out.off = key.off;
    out.len = key.len;
  }

  /** A hash field's value. */
  value(element: Address, out: Bytes): void {
    const key = this.#key;
    key.locate(element);
    out.buf = key.buf;
    out.off = key.off + key.len;
    out.len = this.#word(element, ELEMENT_VALUE_LENGTH);
  }

  valueLength(element: Address): number {
    return this.#word(element, ELEMENT_VALUE_LENGTH);
  }

  score(element: Address): number {
    return this.#arena.f64[element >>> CHUNK_SHIFT]![(element & CHUNK_MASK) + 1]!;
  }

  setScore(element: Address, score: number): void {
    this.#arena.f64[element >>> CHUNK_SHIFT]![(element & CHUNK_MASK) + 1] = score;
  }

  // ---- Many ----

  /** See HashIndex.scan. */
  scan(root: Address, fromHash: number, limit: number, out: Address[]): number {
    return this.#index.scan(this.#word(root, ROOT_INDEX), fromHash, limit, out);
  }

  /** An element chosen uniformly; the root must have some. */
  random(root: Address, random: () => number): Address {
    return this.#index.random(this.#word(root, ROOT_INDEX), random);
  }

  /**
   * Appends `count` distinct elements (all, if there are no more) to `out`, each choice equally likely. `random` gives
   * numbers in [0, 1).
   */
  sample(root: Address, count: number, random: () => number, out: Address[]): void {
    const n = this.count(root);
    if (count * 3 < n) {
      // Few of many: draw again what was drawn before.
      const drawn = new Set<Address>();
      while (drawn.size < count) drawn.add(this.random(root, random));
      for (const element of drawn) out.push(element);
      return;
    }
    const all = this.#scratch;
    all.length = 0;
    this.scan(root, 0, HASH_END, all);
    let wanted = Math.min(count, n);
    for (let i = 0; wanted > 0; i++) {
      if (random() * (n - i) >= wanted) continue;
      out.push(all[i]!);
      wanted--;
    }
    all.length = 0;
  }

  /**
   * Frees about `budget` elements of a root that nobody points to any more, and with the last of them the root.
   * @param progress 0 to begin, else what the last call returned.
   * @returns where to go on, or -1 when all is freed.
   */
  freeStep(root: Address, progress: number, budget: number): number {
    const drained = this.#scratch;
    let freed = 0;
    while (progress < HASH_END && freed < budget) {
      drained.length = 0;
      progress = this.#index.drain(this.#word(root, ROOT_INDEX), progress, drained);
      for (let n = 0; n < drained.length; n++) this.#arena.free(drained[n]!);
      freed += drained.length + 1;
    }
    if (progress < HASH_END) return progress;
    this.#arena.free(root);
    return -1;
  }

  /**
   * Bytes of a collection's cell and, for a root, of its index and elements; the elements' estimated from the first
   * `samples` of them (0: all are looked at).
   */
  memoryBytes(cell: Address, samples: number): number {
    const arena = this.#arena;
    const own = arena.cellBytes(cell);
    if (arena.kind(cell) !== Kind.root) return own;
    const ref = this.#word(cell, ROOT_INDEX);
    const some: Address[] = [];
    this.#index.scan(ref, 0, samples === 0 ? HASH_END : samples, some);
    let bytes = 0;
    for (const element of some) bytes += arena.cellBytes(element);
    if (some.length > 0) bytes *= this.#index.count(ref) / some.length;
    return own + this.#index.bytes(ref) + Math.round(bytes);
  }

  /** Calls `visit` for the root, its index's cells and its elements; from `progress` on where freeing is under way. */
  eachCell(root: Address, progress: number, visit: (address: Address) => void): void {
    visit(root);
    const ref = this.#word(root, ROOT_INDEX);
    this.#index.eachCell(ref, visit);
    const all: Address[] = [];
    this.#index.scan(ref, progress, HASH_END, all);
    for (const element of all) visit(element);
  }

  /** Walks the index and asserts that its elements are the root's. */
  check(root: Address, shape: number): void {
    const ref = this.#word(root, ROOT_INDEX);
    this.#index.check(ref);
    const all: Address[] = [];
    this.#index.scan(ref, 0, HASH_END, all);
    for (const element of all) {
      invariant(this.#arena.kind(element) === Kind.element, 'elements: an index leads to something else');
      invariant(this.#word(element, 1) === root, 'elements: an element has another root');
      invariant(this.#shape(element) === shape, 'elements: an element has another shape');
    }
  }

  // ---- Inside ----

  #fillValue(element: Address, vbuf: Uint8Array, voff: number, vlen: number): void {
    this.#setWord(element, ELEMENT_VALUE_LENGTH, vlen);
    this.#key.locate(element);
    copyBytes(vbuf, voff, this.#key.buf, this.#key.off + this.#key.len, vlen);
  }

  #shape(element: Address): number {
    return (this.#word(element, 0) >>> ELEMENT_SHAPE_SHIFT) & ELEMENT_SHAPE_MASK;
  }

  #relocate(from: Address, to: Address): void {
    const root = this.#word(to, 1);
    this.#key.locate(to);
    const hash = this.#index.hash(this.#key.buf, this.#key.off, this.#key.len);
    this.#index.replace(this.#word(root, ROOT_INDEX), hash, from, to);
    // The tree of a sorted set that is being freed is only taken down any more: it may name elements that are not there.
    if (this.#shape(to) !== SHAPE_ZSET || this.#word(root, ROOT_TREE) === 0 || this.#word(root, ROOT_OWNER) === 0) return;
    this.#onScoredMoved!(root, this.score(to), from, to);
  }

  #word(address: Address, n: number): number {
    return this.#arena.i32[address >>> CHUNK_SHIFT]![((address & CHUNK_MASK) << 1) + n]!;
  }

  #setWord(address: Address, n: number, value: number): void {
    this.#arena.i32[address >>> CHUNK_SHIFT]![((address & CHUNK_MASK) << 1) + n] = value;
  }
}

