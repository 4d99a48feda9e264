/**
 * Counted B+ trees in the arena: records in the order of a score, then of their key's bytes, with ranks in O(log n).
 *
 * Serves sorted sets (elements by score) and expiries (entries by the time at which they end). A tree belongs to a root
 * record: words ROOT_TREE to TREE_LAST of it are the tree's. The tree refers to records and knows their scores; the
 * record itself, and its key, are the owner's. A record must not be freed before it is removed here.
 */
import { invariant } from '../../shared/errors.ts';
import { type Address, type Arena, Kind } from './arena.ts';
import type { Compactor } from './compaction.ts';
import { KeyLocator, ROOT_FREE, ROOT_TREE, compareBytes } from './records.ts';
import { INNER_MAX, LEAF_MAX, LEAF_NEXT, LEAF_PREV, NODE_COUNT, NODE_PARENT, NODE_ROOT, TreeNodes } from './tree-node.ts';

const TREE_COUNT = ROOT_FREE;
const TREE_FIRST = ROOT_FREE + 1;
const TREE_LAST = ROOT_FREE + 2;
/** Words of a root from here on are free for others. */
export const ROOT_AFTER_TREE = ROOT_FREE + 3;

/** Two neighbours are merged when together they fill at most this part of a node. */
const MERGE_PART = 0.75;

/** Inner levels that no tree exceeds. */
const PATH_MAX = 32;

/** A place in a tree. Valid until the tree changes or compaction runs. */
export class TreeCursor {
  /** The record at the place, or 0 behind either end. */
  address: Address = 0;
  score = 0;
  leaf: Address = 0;
  place = 0;
}

export class CountedTree {
  readonly #nodes: TreeNodes;
  readonly #arena: Arena;
  readonly #a: KeyLocator;
  readonly #b: KeyLocator;
  /** Where `#descend` ended. */
  #leaf: Address = 0;
  #place = 0;
  /** The inner nodes that it came through, and which child it took: valid until nodes are split or merged. */
  readonly #path: Int32Array = new Int32Array(2 * PATH_MAX);
  #depth = 0;

  constructor(arena: Arena, compactor: Compactor) {
    this.#arena = arena;
    this.#nodes = new TreeNodes(arena);
    this.#a = new KeyLocator(arena);
    this.#b = new KeyLocator(arena);
    compactor.register(Kind.treeLeaf, (from, to) => this.#relocate(from, to));
    compactor.register(Kind.treeInner, (from, to) => this.#relocate(from, to));
  }

  count(root: Address): number {
    return this.#nodes.word(root, TREE_COUNT);
  }

  /** Adds a record that is not in the tree. `score` must not be NaN. */
  insert(root: Address, score: number, address: Address): void {
    const nodes = this.#nodes;
    if (nodes.word(root, ROOT_TREE) === 0) {
      const leaf = nodes.newLeaf(root);
      nodes.setWord(root, ROOT_TREE, leaf);
      nodes.setWord(root, TREE_FIRST, leaf);
      nodes.setWord(root, TREE_LAST, leaf);
    }
    this.#a.locate(address);
    this.#descend(root, score);
    let leaf = this.#leaf;
    let place = this.#place;
    if (nodes.count(leaf) < LEAF_MAX) this.#grewOnPath(1);
    else {
      const right = this.#splitLeaf(root, leaf, place);
      const left = nodes.count(leaf);
      if (place > left || (place === left && nodes.count(right) === 0)) {
        place -= left;
        leaf = right;
      }
      this.#grew(leaf, 1);
    }
    nodes.leafInsert(leaf, place, score, address);
    if (place === 0) this.#leastChanged(leaf);
    nodes.setWord(root, TREE_COUNT, this.count(root) + 1);
  }

  /** Takes out a record, which must be in the tree with this score. */
  remove(root: Address, score: number, address: Address): void {
    this.#find(root, score, address);
    this.#grewOnPath(-1);
    this.#removeFrom(root, this.#leaf, this.#place);
  }

  /** Takes out the record at the cursor, which is of no use afterwards. */
  removeAt(root: Address, cursor: TreeCursor): void {
    this.#grew(cursor.leaf, -1);
    this.#removeFrom(root, cursor.leaf, cursor.place);
  }

  /** Takes a record out of its leaf; the sizes above know already. */
  #removeFrom(root: Address, leaf: Address, place: number): void {
    const nodes = this.#nodes;
    nodes.leafRemove(leaf, place);
    nodes.setWord(root, TREE_COUNT, this.count(root) - 1);
    if (nodes.count(leaf) === 0) this.#dropLeaf(root, leaf);
    else {
      if (place === 0) this.#leastChanged(leaf);
      if (nodes.count(leaf) < LEAF_MAX / 4) this.#mergeAround(root, leaf);
    }
  }

  /** Gives a record, which must be in the tree with the score `before`, another one. Neither is NaN. */
  move(root: Address, before: number, score: number, address: Address): void {
    const nodes = this.#nodes;
    this.#find(root, before, address);
    const leaf = this.#leaf;
    const place = this.#place;
    // Most changes are small against the distance to the next: then it stays where it stands.
    if (nodes.leafKeepsOrder(leaf, place, score)) {
      nodes.setLeafScore(leaf, place, score);
      return;
    }
    this.#grewOnPath(-1);
    this.#removeFrom(root, leaf, place);
    this.insert(root, score, address);
  }

  /** Makes the tree refer to `to` instead of `from`, of which it is a copy. */
  replace(root: Address, score: number, from: Address, to: Address): void {
    this.#find(root, score, from);
    this.#nodes.setLeafAddress(this.#leaf, this.#place, to);
    if (this.#place === 0) this.#leastChanged(this.#leaf);
  }

  /** How many records stand before this one. */
  rank(root: Address, score: number, address: Address): number {
    this.#find(root, score, address);
    return this.#rankOf(this.#leaf, this.#place);
  }

  /** How many records have a score below `score` (or, if `inclusive`, not above it). */
  rankOfScore(root: Address, score: number, inclusive: boolean): number {
    const nodes = this.#nodes;
    let node = nodes.word(root, ROOT_TREE);
    if (node === 0) return 0;
    let rank = 0;
    while (!nodes.isLeaf(node)) {
      const count = nodes.count(node);
      let i = 0;
      while (i + 1 < count && below(nodes.leastScore(node, i + 1), score, inclusive)) rank += nodes.childSize(node, i++);
      node = nodes.child(node, i);
    }
    return rank + (inclusive ? nodes.leafScoresNotAbove(node, score) : nodes.leafScoresBelow(node, score));
  }

  /**
   * How many records come before (score, key): with `inclusive`, a record that is equal counts as well. For ranges by
   * member where all scores are equal.
   */
  rankOfKey(root: Address, score: number, buf: Uint8Array, off: number, len: number, inclusive: boolean): number {
    if (this.#nodes.word(root, ROOT_TREE) === 0) return 0;
    this.#a.buf = buf;
    this.#a.off = off;
    this.#a.len = len;
    this.#descend(root, score);
    const rank = this.#rankOf(this.#leaf, this.#place);
    // #descend ends before the first that is not less: that one may be equal, here or at the next leaf's start.
    if (!inclusive) return rank;
    const cursor = new TreeCursor();
    this.seekRank(root, rank, cursor);
    return cursor.address !== 0 && this.#compare(score, cursor.score, cursor.address) === 0 ? rank + 1 : rank;
  }

  /** Puts the cursor on the record of a rank; on nothing where there is none. */
  seekRank(root: Address, rank: number, cursor: TreeCursor): void {
    const nodes = this.#nodes;
    cursor.leaf = 0;
    cursor.address = 0;
    const count = this.count(root);
    if (rank < 0 || rank >= count) return;
    const first = nodes.word(root, TREE_FIRST);
    if (rank < nodes.count(first)) {
      this.#put(cursor, first, rank);
      return;
    }
    const last = nodes.word(root, TREE_LAST);
    const inLast = rank - count + nodes.count(last);
    if (inLast >= 0) {
      this.#put(cursor, last, inLast);
      return;
    }
    let node = nodes.word(root, ROOT_TREE);
    let rest = rank;
    while (!nodes.isLeaf(node)) {
      let i = 0;
      for (; rest >= nodes.childSize(node, i); i++) rest -= nodes.childSize(node, i);
      node = nodes.child(node, i);
    }
    this.#put(cursor, node, rest);
  }

  /** Puts the cursor on the first record with a score not below `score`; on nothing where there is none. */
  seekScore(root: Address, score: number, cursor: TreeCursor): void {
    const nodes = this.#nodes;
    let node = nodes.word(root, ROOT_TREE);
    cursor.leaf = 0;
    cursor.address = 0;
    if (node === 0) return;
    while (!nodes.isLeaf(node)) {
      // The last child whose least is below: what is sought may be its last record, or the next child's first.
      node = nodes.child(node, Math.max(0, nodes.leastScoresBelow(node, score) - 1));
    }
    const place = nodes.leafScoresBelow(node, score);
    if (place < nodes.count(node)) this.#put(cursor, node, place);
    else this.#put(cursor, nodes.word(node, LEAF_NEXT), 0);
  }

  next(cursor: TreeCursor): void {
    const nodes = this.#nodes;
    if (cursor.leaf === 0) return;
    if (cursor.place + 1 < nodes.count(cursor.leaf)) this.#put(cursor, cursor.leaf, cursor.place + 1);
    else this.#put(cursor, nodes.word(cursor.leaf, LEAF_NEXT), 0);
  }

  previous(cursor: TreeCursor): void {
    const nodes = this.#nodes;
    if (cursor.leaf === 0) return;
    if (cursor.place > 0) {
      this.#put(cursor, cursor.leaf, cursor.place - 1);
      return;
    }
    const leaf = nodes.word(cursor.leaf, LEAF_PREV);
    this.#put(cursor, leaf, leaf === 0 ? 0 : nodes.count(leaf) - 1);
  }

  /** Frees all nodes; the records stay. */
  clear(root: Address): void {
    if (root === 0) return;
    const cells: Address[] = [];
    this.eachCell(root, (cell) => { cells.push(cell); });
    for (const cell of cells) this.#arena.free(cell);
    for (const word of [ROOT_TREE, TREE_COUNT, TREE_FIRST, TREE_LAST]) this.#nodes.setWord(root, word, 0);
  }

  /**
   * Frees the first leaf without looking at the records that it names: for a tree that is given up in steps.
   * @returns whether there was one.
   */
  dropFirstLeaf(root: Address): boolean {
    const nodes = this.#nodes;
    const leaf = nodes.word(root, TREE_FIRST);
    if (leaf === 0) return false;
    const count = nodes.count(leaf);
    this.#grew(leaf, -count);
    nodes.setWord(root, TREE_COUNT, this.count(root) - count);
    this.#dropLeaf(root, leaf);
    return true;
  }

  /** Bytes of the tree's nodes. */
  bytes(root: Address): number {
    let total = 0;
    this.eachCell(root, (node) => { total += this.#arena.cellBytes(node); });
    return total;
  }

  /** Visits the address of each node. */
  eachCell(root: Address, visit: (node: Address) => void): void {
    const node = this.#nodes.word(root, ROOT_TREE);
    if (node !== 0) this.#eachNode(node, visit);
  }

  #eachNode(node: Address, visit: (node: Address) => void): void {
    visit(node);
    if (this.#nodes.isLeaf(node)) return;
    for (let i = 0; i < this.#nodes.count(node); i++) this.#eachNode(this.#nodes.child(node, i), visit);
  }

  #put(cursor: TreeCursor, leaf: Address, place: number): void {
    cursor.leaf = leaf;
    cursor.place = place;
    cursor.address = leaf === 0 ? 0 : this.#nodes.leafAddress(leaf, place);
    if (leaf !== 0) cursor.score = this.#nodes.leafScore(leaf, place);
  }

  // ---- Finding ----

  /** (score, key in #a) against a record: negative if it comes before it. */
  #compare(score: number, otherScore: number, other: Address): number {
    if (score !== otherScore) return score < otherScore ? -1 : 1;
    return this.#compareKey(other);
  }

  /** The key in #a against that of a record. */
  #compareKey(other: Address): number {
    const a = this.#a;
    const b = this.#b;
    b.locate(other);
    return compareBytes(a.buf, a.off, a.len, b.buf, b.off, b.len);
  }

  /** Finds the leaf and the place before which (score, key in #a) belongs. */
  #descend(root: Address, score: number): void {
    const nodes = this.#nodes;
    const leaf = this.#leafFor(root, score);
    let low = nodes.leafScoresBelow(leaf, score);
    if (low < nodes.count(leaf) && nodes.leafScore(leaf, low) === score) low = this.#placeAmongEqual(leaf, low, score);
    this.#place = low;
  }

  /** The leaf that (score, key in #a) belongs to. */
  #leafFor(root: Address, score: number): Address {
    const nodes = this.#nodes;
    const path = this.#path;
    let node = nodes.word(root, ROOT_TREE);
    let depth = 0;
    for (; !nodes.isLeaf(node); depth++) {
      // The last child whose least is not above what is sought. Keys are looked at where scores are equal alone.
      let behind = nodes.leastScoresBelow(node, score);
      if (behind < nodes.count(node) && nodes.leastScore(node, behind) === score) behind = this.#childrenNotAbove(node, behind, score);
      const place = behind === 0 ? 0 : behind - 1;
      path[2 * depth] = node;
      path[2 * depth + 1] = place;
      node = nodes.child(node, place);
    }
    invariant(depth <= PATH_MAX, 'tree: deeper than any tree gets');
    this.#leaf = node;
    this.#depth = depth;
    return node;
  }

  /** How many children have a least that is not above (score, key in #a), where `below` have a lower score and the next has the same. */
  #childrenNotAbove(inner: Address, below: number, score: number): number {
    const nodes = this.#nodes;
    let low = below;
    let high = nodes.leastScoresNotAbove(inner, score);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compareKey(nodes.leastElement(inner, middle)) >= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The place of (score, key in #a) in a leaf where `below` have a lower score and the next has the same. */
  #placeAmongEqual(leaf: Address, below: number, score: number): number {
    const nodes = this.#nodes;
    let low = below;
    let high = nodes.leafScoresNotAbove(leaf, score);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compareKey(nodes.leafAddress(leaf, middle)) > 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Finds a record that is in the tree with this score. Within the leaf its address is enough: no other record is looked at. */
  #find(root: Address, score: number, address: Address): void {
    this.#a.locate(address);
    const nodes = this.#nodes;
    const leaf = this.#leafFor(root, score);
    this.#place = nodes.leafPlaceOf(leaf, nodes.leafScoresBelow(leaf, score), address);
    invariant(this.#place >= 0, 'tree: a record is not where its score and key lead');
  }

  #rankOf(leaf: Address, place: number): number {
    const nodes = this.#nodes;
    let rank = place;
    for (let node = leaf, parent = nodes.word(node, NODE_PARENT); parent !== 0; node = parent, parent = nodes.word(node, NODE_PARENT)) {
      for (let i = 0; nodes.child(parent, i) !== node; i++) rank += nodes.childSize(parent, i);
    }
    return rank;
  }

  // ---- Keeping counts and least elements right on the way up ----

  #grew(leaf: Address, delta: number): void {
    const nodes = this.#nodes;
    for (let node = leaf, parent = nodes.word(node, NODE_PARENT); parent !== 0; node = parent, parent = nodes.word(node, NODE_PARENT)) {
      nodes.addChildSize(parent, nodes.placeOf(parent, node), delta);
    }
  }

  /** As `#grew`, for the leaf where `#descend` ended. */
  #grewOnPath(delta: number): void {
    for (let level = 0; level < this.#depth; level++) this.#nodes.addChildSize(this.#path[2 * level]!, this.#path[2 * level + 1]!, delta);
  }

  #leastChanged(leaf: Address): void {
    const nodes = this.#nodes;
    const score = nodes.leafScore(leaf, 0);
    const address = nodes.leafAddress(leaf, 0);
    for (let node = leaf, parent = nodes.word(node, NODE_PARENT); parent !== 0; node = parent, parent = nodes.word(node, NODE_PARENT)) {
      const place = nodes.placeOf(parent, node);
      nodes.setLeast(parent, place, score, address);
      if (place > 0) return;
    }
  }

  // ---- Splitting ----

  /** Splits a full leaf and returns the new right one, which is empty when records come in ascending order. */
  #splitLeaf(root: Address, leaf: Address, place: number): Address {
    const nodes = this.#nodes;
    const right = nodes.newLeaf(root);
    const next = nodes.word(leaf, LEAF_NEXT);
    const ascending = next === 0 && place === LEAF_MAX;
    const kept = ascending ? LEAF_MAX : LEAF_MAX / 2;
    nodes.leafAppend(leaf, kept, LEAF_MAX, right);
    nodes.setWord(leaf, NODE_COUNT, kept);
    nodes.setWord(right, LEAF_NEXT, next);
    nodes.setWord(right, LEAF_PREV, leaf);
    nodes.setWord(leaf, LEAF_NEXT, right);
    if (next === 0) nodes.setWord(root, TREE_LAST, right);
    else nodes.setWord(next, LEAF_PREV, right);
    // An empty right leaf takes over the left one's last least until its own record comes, a moment later.
    const least = ascending ? LEAF_MAX - 1 : 0;
    const from = ascending ? leaf : right;
    this.#addSibling(root, leaf, right, nodes.leafScore(from, least), nodes.leafAddress(from, least));
    return right;
  }

  /** Makes `right` the sibling behind `node`, splitting the parent where it is full. */
  #addSibling(root: Address, node: Address, right: Address, score: number, least: Address): void {
    const nodes = this.#nodes;
    let parent = nodes.word(node, NODE_PARENT);
    const size = nodes.size(right);
    if (parent === 0) {
      parent = nodes.newInner(root);
      const first = this.#leftmost(node);
      nodes.innerInsert(parent, 0, node, nodes.size(node), nodes.leafScore(first, 0), nodes.leafAddress(first, 0));
      nodes.innerInsert(parent, 1, right, size, score, least);
      nodes.setWord(root, ROOT_TREE, parent);
      return;
    }
    let place = nodes.placeOf(parent, node);
    if (nodes.count(parent) === INNER_MAX) {
      // Behind the last child nothing will come while records ascend: leave the left one full.
      const half = place === INNER_MAX - 1 ? INNER_MAX - 1 : INNER_MAX / 2;
      const sibling = nodes.newInner(root);
      const siblingScore = nodes.leastScore(parent, half);
      const siblingLeast = nodes.leastElement(parent, half);
      nodes.innerAppend(parent, half, INNER_MAX, sibling);
      nodes.setWord(parent, NODE_COUNT, half);
      this.#addSibling(root, parent, sibling, siblingScore, siblingLeast);
      if (place >= half) {
        place -= half;
        parent = sibling;
      }
    }
    nodes.addChildSize(parent, place, -size);
    nodes.innerInsert(parent, place + 1, right, size, score, least);
  }

  #leftmost(node: Address): Address {
    while (!this.#nodes.isLeaf(node)) node = this.#nodes.child(node, 0);
    return node;
  }

  // ---- Merging ----

  #dropLeaf(root: Address, leaf: Address): void {
    this.#unlinkLeaf(root, leaf);
    this.#dropChild(root, leaf);
  }

  #unlinkLeaf(root: Address, leaf: Address): void {
    const nodes = this.#nodes;
    const next = nodes.word(leaf, LEAF_NEXT);
    const prev = nodes.word(leaf, LEAF_PREV);
    if (next === 0) nodes.setWord(root, TREE_LAST, prev);
    else nodes.setWord(next, LEAF_PREV, prev);
    if (prev === 0) nodes.setWord(root, TREE_FIRST, next);
    else nodes.setWord(prev, LEAF_NEXT, next);
  }

  /** Frees a node that nothing is left in and takes it out of its parent. */
  #dropChild(root: Address, node: Address): void {
    const nodes = this.#nodes;
    const parent = nodes.word(node, NODE_PARENT);
    this.#arena.free(node);
    if (parent === 0) {
      nodes.setWord(root, ROOT_TREE, 0);
      return;
    }
    const place = nodes.placeOf(parent, node);
    nodes.innerRemove(parent, place);
    if (nodes.count(parent) === 0) {
      this.#dropChild(root, parent);
      return;
    }
    if (place === 0) this.#leastChanged(this.#leftmost(parent));
    this.#shrinkInner(root, parent);
  }

  #shrinkInner(root: Address, inner: Address): void {
    const nodes = this.#nodes;
    if (nodes.word(inner, NODE_PARENT) === 0) {
      if (nodes.count(inner) > 1) return;
      const only = nodes.child(inner, 0);
      nodes.setWord(only, NODE_PARENT, 0);
      nodes.setWord(root, ROOT_TREE, only);
      this.#arena.free(inner);
      if (!nodes.isLeaf(only)) this.#shrinkInner(root, only);
    } else if (nodes.count(inner) < INNER_MAX / 4) this.#mergeAround(root, inner);
  }

  /** Merges a node with a neighbour under the same parent, if both together leave room. */
  #mergeAround(root: Address, node: Address): void {
    const nodes = this.#nodes;
    const parent = nodes.word(node, NODE_PARENT);
    if (parent === 0) return;
    const place = nodes.placeOf(parent, node);
    const max = (nodes.isLeaf(node) ? LEAF_MAX : INNER_MAX) * MERGE_PART;
    for (const left of [place - 1, place]) {
      if (left < 0 || left + 1 >= nodes.count(parent)) continue;
      const a = nodes.child(parent, left);
      const b = nodes.child(parent, left + 1);
      if (nodes.count(a) + nodes.count(b) > max) continue;
      if (nodes.isLeaf(a)) {
        nodes.leafAppend(b, 0, nodes.count(b), a);
        this.#unlinkLeaf(root, b);
      } else nodes.innerAppend(b, 0, nodes.count(b), a);
      nodes.addChildSize(parent, left, nodes.childSize(parent, left + 1));
      nodes.innerRemove(parent, left + 1);
      this.#arena.free(b);
      this.#shrinkInner(root, parent);
      return;
    }
  }

  // ---- Compaction and checking ----

  #relocate(from: Address, to: Address): void {
    const nodes = this.#nodes;
    const root = nodes.word(to, NODE_ROOT);
    const parent = nodes.word(to, NODE_PARENT);
    if (parent === 0) nodes.setWord(root, ROOT_TREE, to);
    else nodes.setChild(parent, nodes.placeOf(parent, from), to);
    if (!nodes.isLeaf(to)) {
      for (let i = 0; i < nodes.count(to); i++) nodes.setWord(nodes.child(to, i), NODE_PARENT, to);
      return;
    }
    const next = nodes.word(to, LEAF_NEXT);
    const prev = nodes.word(to, LEAF_PREV);
    if (next === 0) nodes.setWord(root, TREE_LAST, to);
    else nodes.setWord(next, LEAF_PREV, to);
    if (prev === 0) nodes.setWord(root, TREE_FIRST, to);
    else nodes.setWord(prev, LEAF_NEXT, to);
  }

  /** Asserts order, sizes, links, parents and least elements of the whole tree. */
  check(root: Address): void {
    const nodes = this.#nodes;
    const top = nodes.word(root, ROOT_TREE);
    if (top === 0) {
      invariant(this.count(root) === 0 && nodes.word(root, TREE_FIRST) === 0, 'tree: an empty tree with a count or a leaf');
      return;
    }
    invariant(nodes.word(top, NODE_PARENT) === 0, 'tree: the top has a parent');
    invariant(this.#checkNode(root, top) === this.count(root), 'tree: the root counts wrongly');
    let previous: Address = 0;
    let seen = 0;
    let lastScore = -Infinity;
    let lastAddress: Address = 0;
    for (let leaf = nodes.word(root, TREE_FIRST); leaf !== 0; leaf = nodes.word(leaf, LEAF_NEXT)) {
      invariant(nodes.word(leaf, LEAF_PREV) === previous, 'tree: leaves are linked wrongly');
      for (let i = 0; i < nodes.count(leaf); i++, seen++) {
        const score = nodes.leafScore(leaf, i);
        const address = nodes.leafAddress(leaf, i);
        if (lastAddress !== 0) {
          this.#a.locate(lastAddress);
          invariant(this.#compare(lastScore, score, address) < 0, 'tree: records are out of order');
        }
        lastScore = score;
        lastAddress = address;
      }
      previous = leaf;
    }
    invariant(nodes.word(root, TREE_LAST) === previous && seen === this.count(root), 'tree: the chain of leaves is broken');
  }

  #checkNode(root: Address, node: Address): number {
    const nodes = this.#nodes;
    const count = nodes.word(node, NODE_COUNT);
    invariant(count > 0 && nodes.word(node, NODE_ROOT) === root, 'tree: an empty node, or one of another tree');
    if (nodes.isLeaf(node)) return count;
    let total = 0;
    for (let i = 0; i < count; i++) {
      const child = nodes.child(node, i);
      invariant(nodes.word(child, NODE_PARENT) === node, 'tree: a child has another parent');
      const size = this.#checkNode(root, child);
      invariant(size === nodes.childSize(node, i), 'tree: a child counts wrongly');
      const first = this.#leftmost(child);
      invariant(
        nodes.leastElement(node, i) === nodes.leafAddress(first, 0) && nodes.leastScore(node, i) === nodes.leafScore(first, 0),
        'tree: a least element is wrong',
      );
      total += size;
    }
    return total;
  }
}

function below(score: number, bound: number, inclusive: boolean): boolean {
  return inclusive ? score <= bound : score < bound;
}
