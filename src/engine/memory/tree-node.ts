/**
 * Layout of the counted tree's nodes, and the moves of entries within and between them.
 *
 * leaf   w0 kind | w1 root | w2 count | w3 parent | w4 next | w5 previous | w6 w7 - | scores (doubles) | addresses
 * inner  w0 kind | w1 root | w2 count | w3 parent | least score of each child | children | their sizes | their least elements
 */
import { type Address, type Arena, CHUNK_MASK, CHUNK_SHIFT, KIND_MASK, Kind } from './arena.ts';

export const LEAF_MAX = 64;
export const INNER_MAX = 32;

export const NODE_ROOT = 1;
export const NODE_COUNT = 2;
export const NODE_PARENT = 3;
export const LEAF_NEXT = 4;
export const LEAF_PREV = 5;

const LEAF_SCORES_UNIT = 4;
const LEAF_ADDRESSES_WORD = (LEAF_SCORES_UNIT + LEAF_MAX) * 2;
const LEAF_BYTES = LEAF_ADDRESSES_WORD * 4 + LEAF_MAX * 4;
const INNER_SCORES_UNIT = 2;
const INNER_CHILDREN_WORD = (INNER_SCORES_UNIT + INNER_MAX) * 2;
const INNER_SIZES_WORD = INNER_CHILDREN_WORD + INNER_MAX;
const INNER_LEAST_WORD = INNER_SIZES_WORD + INNER_MAX;
const INNER_BYTES = (INNER_LEAST_WORD + INNER_MAX) * 4;

/** How many of `count` ascending scores from `at` on are below `score`. */
function scoresBelow(f64: Float64Array, at: number, count: number, score: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (f64[at + middle]! < score) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many of `count` ascending scores from `at` on are not above `score`. */
function scoresNotAbove(f64: Float64Array, at: number, count: number, score: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (f64[at + middle]! <= score) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class TreeNodes {
  readonly arena: Arena;

  constructor(arena: Arena) {
    this.arena = arena;
  }

  newLeaf(root: Address): Address {
    return this.#new(LEAF_BYTES, Kind.treeLeaf, root);
  }

  newInner(root: Address): Address {
    return this.#new(INNER_BYTES, Kind.treeInner, root);
  }

  #new(bytes: number, kind: number, root: Address): Address {
    const node = this.arena.alloc(bytes, kind);
    this.setWord(node, NODE_ROOT, root);
    this.setWord(node, NODE_COUNT, 0);
    this.setWord(node, NODE_PARENT, 0);
    if (kind === Kind.treeLeaf) {
      this.setWord(node, LEAF_NEXT, 0);
      this.setWord(node, LEAF_PREV, 0);
    }
    return node;
  }

  word(node: Address, n: number): number {
    return this.arena.i32[node >>> CHUNK_SHIFT]![((node & CHUNK_MASK) << 1) + n]!;
  }

  setWord(node: Address, n: number, value: number): void {
    this.arena.i32[node >>> CHUNK_SHIFT]![((node & CHUNK_MASK) << 1) + n] = value;
  }

  isLeaf(node: Address): boolean {
    return (this.word(node, 0) & KIND_MASK) === Kind.treeLeaf;
  }

  count(node: Address): number {
    return this.word(node, NODE_COUNT);
  }

  // ---- Leaves ----

  leafAddress(leaf: Address, i: number): Address {
    return this.word(leaf, LEAF_ADDRESSES_WORD + i);
  }

  leafScore(leaf: Address, i: number): number {
    return this.arena.f64[leaf >>> CHUNK_SHIFT]![(leaf & CHUNK_MASK) + LEAF_SCORES_UNIT + i]!;
  }

  /** How many of a leaf's scores are below `score`. */
  leafScoresBelow(leaf: Address, score: number): number {
    return scoresBelow(this.arena.f64[leaf >>> CHUNK_SHIFT]!, (leaf & CHUNK_MASK) + LEAF_SCORES_UNIT, this.count(leaf), score);
  }

  /** How many of a leaf's scores are not above `score`. */
  leafScoresNotAbove(leaf: Address, score: number): number {
    return scoresNotAbove(this.arena.f64[leaf >>> CHUNK_SHIFT]!, (leaf & CHUNK_MASK) + LEAF_SCORES_UNIT, this.count(leaf), score);
  }

  /** The place of an element of a leaf, at `from` or behind; -1 where it is not there. */
  leafPlaceOf(leaf: Address, from: number, address: Address): number {
    const i32 = this.arena.i32[leaf >>> CHUNK_SHIFT]!;
    const a = ((leaf & CHUNK_MASK) << 1) + LEAF_ADDRESSES_WORD;
    const count = this.count(leaf);
    for (let i = from; i < count; i++) if (i32[a + i] === address) return i;
    return -1;
  }

  /** Whether the element at place i, which is neither the first nor the last, stands between the scores of its neighbours with this one too. */
  leafKeepsOrder(leaf: Address, i: number, score: number): boolean {
    return i > 0 && i + 1 < this.count(leaf) && this.leafScore(leaf, i - 1) < score && score < this.leafScore(leaf, i + 1);
  }

  setLeafScore(leaf: Address, i: number, score: number): void {
    this.arena.f64[leaf >>> CHUNK_SHIFT]![(leaf & CHUNK_MASK) + LEAF_SCORES_UNIT + i] = score;
  }

  setLeafAddress(leaf: Address, i: number, address: Address): void {
    this.setWord(leaf, LEAF_ADDRESSES_WORD + i, address);
  }

  /** Puts an element at place i; there must be room. */
  leafInsert(leaf: Address, i: number, score: number, address: Address): void {
    const count = this.count(leaf);
    const f64 = this.arena.f64[leaf >>> CHUNK_SHIFT]!;
    const i32 = this.arena.i32[leaf >>> CHUNK_SHIFT]!;
    const s = (leaf & CHUNK_MASK) + LEAF_SCORES_UNIT;
    const a = ((leaf & CHUNK_MASK) << 1) + LEAF_ADDRESSES_WORD;
    // Loops: for so few, a call of copyWithin takes longer than the copying.
    for (let k = s + count; k > s + i; k--) f64[k] = f64[k - 1]!;
    for (let k = a + count; k > a + i; k--) i32[k] = i32[k - 1]!;
    f64[s + i] = score;
    i32[a + i] = address;
    this.setWord(leaf, NODE_COUNT, count + 1);
  }

  leafRemove(leaf: Address, i: number): void {
    const count = this.count(leaf);
    const f64 = this.arena.f64[leaf >>> CHUNK_SHIFT]!;
    const i32 = this.arena.i32[leaf >>> CHUNK_SHIFT]!;
    const s = (leaf & CHUNK_MASK) + LEAF_SCORES_UNIT;
    const a = ((leaf & CHUNK_MASK) << 1) + LEAF_ADDRESSES_WORD;
    for (let k = s + i + 1; k < s + count; k++) f64[k - 1] = f64[k]!;
    for (let k = a + i + 1; k < a + count; k++) i32[k - 1] = i32[k]!;
    this.setWord(leaf, NODE_COUNT, count - 1);
  }

  /** Appends the elements of `from` at places [first, last) to `to`. */
  leafAppend(from: Address, first: number, last: number, to: Address): void {
    let count = this.count(to);
    const s = (to & CHUNK_MASK) + LEAF_SCORES_UNIT;
    const f64 = this.arena.f64[to >>> CHUNK_SHIFT]!;
    for (let i = first; i < last; i++, count++) {
      f64[s + count] = this.leafScore(from, i);
      this.setLeafAddress(to, count, this.leafAddress(from, i));
    }
    this.setWord(to, NODE_COUNT, count);
  }

  // ---- Inner nodes ----

  child(inner: Address, i: number): Address {
    return this.word(inner, INNER_CHILDREN_WORD + i);
  }

  childSize(inner: Address, i: number): number {
    return this.word(inner, INNER_SIZES_WORD + i);
  }

  leastElement(inner: Address, i: number): Address {
    return this.word(inner, INNER_LEAST_WORD + i);
  }

  leastScore(inner: Address, i: number): number {
    return this.arena.f64[inner >>> CHUNK_SHIFT]![(inner & CHUNK_MASK) + INNER_SCORES_UNIT + i]!;
  }

  /** How many of the children have a least score below `score`. */
  leastScoresBelow(inner: Address, score: number): number {
    return scoresBelow(this.arena.f64[inner >>> CHUNK_SHIFT]!, (inner & CHUNK_MASK) + INNER_SCORES_UNIT, this.count(inner), score);
  }

  /** How many of the children have a least score that is not above `score`. */
  leastScoresNotAbove(inner: Address, score: number): number {
    return scoresNotAbove(this.arena.f64[inner >>> CHUNK_SHIFT]!, (inner & CHUNK_MASK) + INNER_SCORES_UNIT, this.count(inner), score);
  }

  addChildSize(inner: Address, i: number, delta: number): void {
    this.setWord(inner, INNER_SIZES_WORD + i, this.childSize(inner, i) + delta);
  }

  setChildSize(inner: Address, i: number, size: number): void {
    this.setWord(inner, INNER_SIZES_WORD + i, size);
  }

  setChild(inner: Address, i: number, child: Address): void {
    this.setWord(inner, INNER_CHILDREN_WORD + i, child);
  }

  setLeast(inner: Address, i: number, score: number, element: Address): void {
    this.arena.f64[inner >>> CHUNK_SHIFT]![(inner & CHUNK_MASK) + INNER_SCORES_UNIT + i] = score;
    this.setWord(inner, INNER_LEAST_WORD + i, element);
  }

  /** Place of `child` in its parent. */
  placeOf(inner: Address, child: Address): number {
    let i = 0;
    while (this.child(inner, i) !== child) i++;
    return i;
  }

  /** Puts a child at place i and makes it point back; there must be room. */
  innerInsert(inner: Address, i: number, child: Address, size: number, score: number, least: Address): void {
    const count = this.count(inner);
    for (let k = count; k > i; k--) this.#copyChild(inner, k - 1, inner, k);
    this.setChild(inner, i, child);
    this.setChildSize(inner, i, size);
    this.setLeast(inner, i, score, least);
    this.setWord(child, NODE_PARENT, inner);
    this.setWord(inner, NODE_COUNT, count + 1);
  }

  innerRemove(inner: Address, i: number): void {
    const count = this.count(inner);
    for (let k = i; k < count - 1; k++) this.#copyChild(inner, k + 1, inner, k);
    this.setWord(inner, NODE_COUNT, count - 1);
  }

  /** Appends the children of `from` at places [first, last) to `to` and makes them point there. */
  innerAppend(from: Address, first: number, last: number, to: Address): void {
    let count = this.count(to);
    for (let i = first; i < last; i++, count++) {
      this.#copyChild(from, i, to, count);
      this.setWord(this.child(to, count), NODE_PARENT, to);
    }
    this.setWord(to, NODE_COUNT, count);
  }

  /** Elements below a node. */
  size(node: Address): number {
    if (this.isLeaf(node)) return this.count(node);
    let total = 0;
    for (let i = 0; i < this.count(node); i++) total += this.childSize(node, i);
    return total;
  }

  #copyChild(from: Address, i: number, to: Address, k: number): void {
    this.setChild(to, k, this.child(from, i));
    this.setChildSize(to, k, this.childSize(from, i));
    this.setLeast(to, k, this.leastScore(from, i), this.leastElement(from, i));
  }
}
