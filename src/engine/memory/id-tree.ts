/**
 * B+ trees in the arena that find records by a stream id: the directory of a stream's nodes, and who has which entries
 * pending. A record is an id and a few words of the owner's.
 *
 * Owns the layout of Kind.idTree, every change of such nodes and their moves. A tree belongs to a pinned record, whose word
 * ID_TREE_TOP is the tree's; how many words a record has besides its id, the owner says when he inserts the first one.
 *
 *   node  w0 kind:4 level:4 words:4 records:20 | w1 parent (another node, or the pinned record) | records: id (4 words), words
 *         Level 0 holds the owner's records; above it a record is a child and an id that is not above any below that child
 *         and above all below the child before it.
 */
import { invariant } from '../../shared/errors.ts';
import { StreamId, compareIdWords } from '../../shared/stream-id.ts';
import { type Address, Arena, CHUNK_MASK, CHUNK_SHIFT, Kind } from './arena.ts';
import type { Compactor } from './compaction.ts';

/** Word of a pinned record that names the top node of its tree; 0 while the tree is empty. */
export const ID_TREE_TOP = 3;

const PARENT = 1;
const RECORDS = 2;
const ID_WORDS = 4;
const LEVEL_SHIFT = 4;
const WORDS_SHIFT = 8;
const NIBBLE = 15;
const FILL_SHIFT = 12;
/** Words of an inner node's record besides the id: the child. */
const INNER_WORDS = 1;
const NODE_BYTES = 1024;
/** Room of a tree's first leaf. */
const RECORDS_MIN = 4;
const ZERO_ID = new StreamId();

/** A record in a tree: valid until the tree changes, or compaction runs. */
export class IdCursor {
  /** 0 where there is no record. */
  leaf: Address = 0;
  place = 0;
}

export class IdTree {
  readonly #arena: Arena;
  readonly #cursor = new IdCursor();

  constructor(arena: Arena, compactor: Compactor) {
    this.#arena = arena;
    compactor.register(Kind.idTree, (from, to) => this.#moved(from, to));
  }

  isEmpty(root: Address): boolean {
    return this.#word(root, ID_TREE_TOP) === 0;
  }

  // ---- Finding ----

  /** Puts the cursor on the record of an id, or on nothing; whether there is one. */
  find(root: Address, id: StreamId, cursor: IdCursor): boolean {
    if (this.seek(root, id, cursor) && this.#compare(cursor.leaf, cursor.place, id) === 0) return true;
    cursor.leaf = 0;
    return false;
  }

  /** Puts the cursor on the first record that is not before the id; whether there is one. */
  seek(root: Address, id: StreamId, cursor: IdCursor): boolean {
    const top = this.#word(root, ID_TREE_TOP);
    cursor.leaf = 0;
    if (top === 0) return false;
    this.#descend(top, id, cursor);
    if (cursor.place < this.#fill(cursor.leaf)) return true;
    cursor.place--;
    return this.next(cursor);
  }

  /** Puts the cursor on the last record that is not behind the id; whether there is one. */
  seekBack(root: Address, id: StreamId, cursor: IdCursor): boolean {
    const top = this.#word(root, ID_TREE_TOP);
    cursor.leaf = 0;
    if (top === 0) return false;
    this.#descend(top, id, cursor);
    if (cursor.place < this.#fill(cursor.leaf) && this.#compare(cursor.leaf, cursor.place, id) === 0) return true;
    return this.previous(cursor);
  }

  first(root: Address, cursor: IdCursor): boolean {
    return this.#edge(this.#word(root, ID_TREE_TOP), false, cursor);
  }

  last(root: Address, cursor: IdCursor): boolean {
    return this.#edge(this.#word(root, ID_TREE_TOP), true, cursor);
  }

  /** Goes to the following record; whether there is one. */
  next(cursor: IdCursor): boolean {
    let node = cursor.leaf;
    if (++cursor.place < this.#fill(node)) return true;
    for (;;) {
      const parent = this.#word(node, PARENT);
      if (this.#arena.kind(parent) === Kind.root) break;
      const place = this.#placeOf(parent, node) + 1;
      if (place < this.#fill(parent)) return this.#edge(this.#child(parent, place), false, cursor);
      node = parent;
    }
    cursor.leaf = 0;
    return false;
  }

  /** Goes to the record before; whether there is one. */
  previous(cursor: IdCursor): boolean {
    let node = cursor.leaf;
    if (cursor.place-- > 0) return true;
    for (;;) {
      const parent = this.#word(node, PARENT);
      if (this.#arena.kind(parent) === Kind.root) break;
      const place = this.#placeOf(parent, node) - 1;
      if (place >= 0) return this.#edge(this.#child(parent, place), true, cursor);
      node = parent;
    }
    cursor.leaf = 0;
    return false;
  }

  // ---- The record at a cursor ----

  id(cursor: IdCursor, out: StreamId): void {
    const i32 = this.#arena.i32[cursor.leaf >>> CHUNK_SHIFT]!;
    const w = this.#record(cursor.leaf, cursor.place);
    out.set(i32[w]!, i32[w + 1]!, i32[w + 2]!, i32[w + 3]!);
  }

  word(cursor: IdCursor, n: number): number {
    return this.#arena.i32[cursor.leaf >>> CHUNK_SHIFT]![this.#record(cursor.leaf, cursor.place) + ID_WORDS + n]!;
  }

  setWord(cursor: IdCursor, n: number, value: number): void {
    this.#arena.i32[cursor.leaf >>> CHUNK_SHIFT]![this.#record(cursor.leaf, cursor.place) + ID_WORDS + n] = value;
  }

  // ---- Changing ----

  /**
   * Puts the cursor on the record of an id, which is added, with undefined words, if it is not there.
   * @param words how many words a record of this tree has besides its id. @returns whether it was added.
   */
  insert(root: Address, id: StreamId, words: number, cursor: IdCursor): boolean {
    const top = this.#word(root, ID_TREE_TOP);
    if (top === 0) {
      cursor.leaf = this.#newNode(root, 0, words, RECORDS_MIN);
      cursor.place = 0;
      this.#setWord(root, ID_TREE_TOP, cursor.leaf);
    } else {
      this.#descend(top, id, cursor);
      if (cursor.place < this.#fill(cursor.leaf) && this.#compare(cursor.leaf, cursor.place, id) === 0) return false;
      this.#makeRoom(cursor, id);
    }
    this.#insertAt(cursor.leaf, cursor.place, id);
    return true;
  }

  /** Takes out the record at the cursor, which is on nothing afterwards. */
  remove(cursor: IdCursor): void {
    this.#removeAt(cursor.leaf, cursor.place);
    cursor.leaf = 0;
  }

  /** Frees the last leaf with its records; the words of them were the owner's matter. Whether there was one. */
  dropLastLeaf(root: Address): boolean {
    const cursor = this.#cursor;
    if (!this.last(root, cursor)) return false;
    this.#removeNode(cursor.leaf);
    return true;
  }

  /** Gives a tree that has no records yet those of another, words included. */
  copy(from: Address, to: Address): void {
    const source = new IdCursor();
    const target = new IdCursor();
    const id = new StreamId();
    for (let more = this.first(from, source); more; more = this.next(source)) {
      this.id(source, id);
      const words = this.#words(source.leaf);
      this.insert(to, id, words, target);
      for (let n = 0; n < words; n++) this.setWord(target, n, this.word(source, n));
    }
  }

  // ---- As a whole ----

  /** Bytes of the nodes of a tree of so many records. An estimate. */
  static bytes(records: number, words: number): number {
    const room = capacityMax(words);
    if (records <= room) return records === 0 ? 0 : Arena.roundUp(nodeBytes(words, Math.max(RECORDS_MIN, records)));
    return Math.ceil((records / room) * 1.02) * NODE_BYTES;
  }

  eachCell(root: Address, visit: (address: Address) => void): void {
    const top = this.#word(root, ID_TREE_TOP);
    if (top !== 0) this.#eachNode(top, visit);
  }

  #eachNode(node: Address, visit: (address: Address) => void): void {
    visit(node);
    if (this.#level(node) === 0) return;
    for (let i = 0; i < this.#fill(node); i++) this.#eachNode(this.#child(node, i), visit);
  }

  /** Asserts the tree's structure and order. @returns the number of records. */
  check(root: Address): number {
    const top = this.#word(root, ID_TREE_TOP);
    return top === 0 ? 0 : this.#checkNode(top, root, new StreamId().setMin(), new StreamId().setMax());
  }

  #checkNode(node: Address, parent: Address, low: StreamId, high: StreamId): number {
    invariant(this.#arena.kind(node) === Kind.idTree, 'id tree: not a node');
    invariant(this.#word(node, PARENT) === parent, 'id tree: a node has another parent');
    const fill = this.#fill(node);
    const level = this.#level(node);
    invariant(fill > 0 && fill <= this.#capacity(node), 'id tree: a node without records, or with too many');
    const cursor = new IdCursor();
    cursor.leaf = node;
    let total = 0;
    let least = low;
    const idAt = (place: number): StreamId => {
      cursor.place = place;
      const id = new StreamId();
      this.id(cursor, id);
      return id;
    };
    for (let i = 0; i < fill; i++) {
      const id = idAt(i);
      if (level === 0 || i > 0) {
        invariant(id.compare(least) >= 0 && id.compare(high) <= 0, 'id tree: an id out of order');
        least = id;
      }
      if (level > 0) {
        const behind = i + 1 < fill ? idAt(i + 1) : high;
        const greatest = i + 1 < fill ? new StreamId().copy(behind) : behind;
        if (i + 1 < fill) greatest.decrement();
        invariant(this.#level(this.#child(node, i)) === level - 1, 'id tree: a child of the wrong level');
        total += this.#checkNode(this.#child(node, i), node, least, greatest);
      } else {
        total++;
        least = new StreamId().copy(id);
        if (!least.increment()) invariant(i === fill - 1, 'id tree: an id out of order');
      }
    }
    return total;
  }

  // ---- Descending ----

  /** Finds the leaf an id belongs into and the first place there that is not before it. */
  #descend(top: Address, id: StreamId, cursor: IdCursor): void {
    let node = top;
    while (this.#level(node) > 0) {
      // The last child whose least id is not above the one sought; the first child takes all that is below.
      let low = 0;
      let high = this.#fill(node) - 1;
      while (low < high) {
        const middle = (low + high + 1) >>> 1;
        if (this.#compare(node, middle, id) <= 0) low = middle;
        else high = middle - 1;
      }
      node = this.#child(node, low);
    }
    let low = 0;
    let high = this.#fill(node);
    // Records mostly come in ascending order.
    if (this.#compare(node, high - 1, id) < 0) low = high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(node, middle, id) < 0) low = middle + 1;
      else high = middle;
    }
    cursor.leaf = node;
    cursor.place = low;
  }

  #edge(node: Address, atEnd: boolean, cursor: IdCursor): boolean {
    cursor.leaf = node;
    if (node === 0) return false;
    while (this.#level(cursor.leaf) > 0) cursor.leaf = this.#child(cursor.leaf, atEnd ? this.#fill(cursor.leaf) - 1 : 0);
    cursor.place = atEnd ? this.#fill(cursor.leaf) - 1 : 0;
    return true;
  }

  /** A record's id against another: negative if it is before it. */
  #compare(node: Address, place: number, id: StreamId): number {
    const i32 = this.#arena.i32[node >>> CHUNK_SHIFT]!;
    const w = this.#record(node, place);
    return -compareIdWords(id, i32[w]!, i32[w + 1]!, i32[w + 2]!, i32[w + 3]!);
  }

  // ---- Growing ----

  /** Sees to room for a record with this id at the cursor's place, and keeps the cursor at that place. */
  #makeRoom(cursor: IdCursor, id: StreamId): void {
    const node = cursor.leaf;
    const fill = this.#fill(node);
    if (fill < this.#capacity(node)) return;
    const words = this.#words(node);
    if (fill < capacityMax(words)) {
      cursor.leaf = this.#enlarge(node, Math.min(fill * 2, capacityMax(words)));
      return;
    }
    // Nothing more will come to what a growing end leaves behind: it stays full.
    const keep = cursor.place === fill && this.#isLast(node) ? fill : fill >>> 1;
    const right = this.#split(node, keep, id);
    if (cursor.place < keep || (cursor.place === keep && keep < fill)) return;
    cursor.leaf = right;
    cursor.place -= keep;
  }

  #enlarge(node: Address, records: number): Address {
    const words = this.#words(node);
    const to = this.#newNode(this.#word(node, PARENT), this.#level(node), words, records);
    this.#copyRecords(node, 0, this.#fill(node), to, 0);
    this.#setFill(to, this.#fill(node));
    this.#moved(node, to);
    this.#arena.free(node);
    return to;
  }

  /** Whether nothing comes behind a node. */
  #isLast(node: Address): boolean {
    for (;;) {
      const parent = this.#word(node, PARENT);
      if (this.#arena.kind(parent) === Kind.root) return true;
      if (this.#placeOf(parent, node) !== this.#fill(parent) - 1) return false;
      node = parent;
    }
  }

  /** Moves the records from place `keep` on to a new right neighbour. Where there are none, `id` will be the first there. */
  #split(node: Address, keep: number, id: StreamId): Address {
    const words = this.#words(node);
    const fill = this.#fill(node);
    const level = this.#level(node);
    const right = this.#newNode(0, level, words, capacityMax(words));
    const separator = new StreamId().copy(id);
    if (keep < fill) {
      this.#copyRecords(node, keep, fill, right, 0);
      this.#setFill(right, fill - keep);
      this.#setFill(node, keep);
      if (level > 0) this.#adopt(right);
      const cursor = this.#cursor;
      cursor.leaf = right;
      cursor.place = 0;
      this.id(cursor, separator);
    }
    this.#addSibling(node, right, separator);
    return right;
  }

  /** Makes `right`, which holds nothing before `separator`, the sibling behind `node`. */
  #addSibling(node: Address, right: Address, separator: StreamId): void {
    let parent = this.#word(node, PARENT);
    if (this.#arena.kind(parent) === Kind.root) {
      const top = this.#newNode(parent, this.#level(node) + 1, INNER_WORDS, capacityMax(INNER_WORDS));
      this.#setWord(parent, ID_TREE_TOP, top);
      this.#insertAt(top, 0, ZERO_ID);
      this.#setChild(top, 0, node);
      parent = top;
    }
    const cursor = new IdCursor();
    cursor.leaf = parent;
    cursor.place = this.#placeOf(parent, node) + 1;
    this.#makeRoom(cursor, separator);
    this.#insertAt(cursor.leaf, cursor.place, separator);
    this.#setChild(cursor.leaf, cursor.place, right);
  }

  #insertAt(node: Address, place: number, id: StreamId): void {
    const i32 = this.#arena.i32[node >>> CHUNK_SHIFT]!;
    const fill = this.#fill(node);
    const w = this.#record(node, place);
    if (place < fill) {
      const stride = ID_WORDS + this.#words(node);
      i32.copyWithin(w + stride, w, w + (fill - place) * stride);
    }
    i32[w] = id.msHi;
    i32[w + 1] = id.msLo;
    i32[w + 2] = id.seqHi;
    i32[w + 3] = id.seqLo;
    this.#setFill(node, fill + 1);
  }

  // ---- Shrinking ----

  #removeAt(node: Address, place: number): void {
    const fill = this.#fill(node) - 1;
    if (fill === 0) {
      this.#removeNode(node);
      return;
    }
    this.#copyRecords(node, place + 1, fill + 1, node, place);
    this.#setFill(node, fill);
    const parent = this.#word(node, PARENT);
    if (this.#arena.kind(parent) === Kind.root) this.#lowerTop(parent);
    else if (fill < capacityMax(this.#words(node)) >>> 2) this.#mergeAround(parent, this.#placeOf(parent, node));
  }

  /** Takes a node with all it holds out of the tree, and frees it. */
  #removeNode(node: Address): void {
    const parent = this.#word(node, PARENT);
    if (this.#arena.kind(parent) === Kind.root) this.#setWord(parent, ID_TREE_TOP, 0);
    else this.#removeAt(parent, this.#placeOf(parent, node));
    this.#arena.free(node);
  }

  /** While the top node has but one node below it, that takes its place. */
  #lowerTop(root: Address): void {
    let top = this.#word(root, ID_TREE_TOP);
    while (this.#level(top) > 0 && this.#fill(top) === 1) {
      const only = this.#child(top, 0);
      this.#arena.free(top);
      this.#setWord(only, PARENT, root);
      this.#setWord(root, ID_TREE_TOP, only);
      top = only;
    }
  }

  #mergeAround(parent: Address, place: number): void {
    for (let left = place - 1; left <= place; left++) {
      if (left < 0 || left + 1 >= this.#fill(parent)) continue;
      const a = this.#child(parent, left);
      const b = this.#child(parent, left + 1);
      const fill = this.#fill(a);
      const both = fill + this.#fill(b);
      if (both > Math.min(this.#capacity(a), capacityMax(this.#words(a)) * 0.75)) continue;
      // The first child's id bounds nothing within its node; among others it must.
      if (this.#level(b) > 0) this.#copyId(parent, left + 1, b, 0);
      this.#copyRecords(b, 0, both - fill, a, fill);
      this.#setFill(a, both);
      if (this.#level(a) > 0) this.#adopt(a);
      this.#arena.free(b);
      this.#removeAt(parent, left + 1);
      return;
    }
  }

  // ---- Nodes ----

  #newNode(parent: Address, level: number, words: number, records: number): Address {
    const node = this.#arena.alloc(nodeBytes(words, records), Kind.idTree);
    this.#setWord(node, 0, Kind.idTree | (level << LEVEL_SHIFT) | (words << WORDS_SHIFT));
    this.#setWord(node, PARENT, parent);
    return node;
  }

  #level(node: Address): number {
    return (this.#word(node, 0) >>> LEVEL_SHIFT) & NIBBLE;
  }

  /** Words of each record besides its id. */
  #words(node: Address): number {
    return (this.#word(node, 0) >>> WORDS_SHIFT) & NIBBLE;
  }

  #fill(node: Address): number {
    return this.#word(node, 0) >>> FILL_SHIFT;
  }

  #setFill(node: Address, fill: number): void {
    this.#setWord(node, 0, (this.#word(node, 0) & ((1 << FILL_SHIFT) - 1)) | (fill << FILL_SHIFT));
  }

  #capacity(node: Address): number {
    const words = this.#words(node);
    return Math.min(capacityMax(words), Math.floor((this.#arena.cellBytes(node) / 4 - RECORDS) / (ID_WORDS + words)));
  }

  /** Index among the chunk's words of the record at a place. */
  #record(node: Address, place: number): number {
    return ((node & CHUNK_MASK) << 1) + RECORDS + place * (ID_WORDS + this.#words(node));
  }

  #child(node: Address, place: number): Address {
    return this.#arena.i32[node >>> CHUNK_SHIFT]![this.#record(node, place) + ID_WORDS]!;
  }

  #setChild(node: Address, place: number, child: Address): void {
    this.#arena.i32[node >>> CHUNK_SHIFT]![this.#record(node, place) + ID_WORDS] = child;
    this.#setWord(child, PARENT, node);
  }

  #placeOf(node: Address, child: Address): number {
    const fill = this.#fill(node);
    for (let i = fill - 1; i >= 0; i--) if (this.#child(node, i) === child) return i;
    invariant(false, 'id tree: a node does not know its child');
  }

  /** Makes a node the parent of all its children. */
  #adopt(node: Address): void {
    for (let i = 0; i < this.#fill(node); i++) this.#setWord(this.#child(node, i), PARENT, node);
  }

  #copyRecords(from: Address, first: number, end: number, to: Address, place: number): void {
    const source = this.#arena.i32[from >>> CHUNK_SHIFT]!;
    const target = this.#arena.i32[to >>> CHUNK_SHIFT]!;
    const at = this.#record(from, first);
    const words = (end - first) * (ID_WORDS + this.#words(from));
    if (from === to) source.copyWithin(this.#record(to, place), at, at + words);
    else target.set(source.subarray(at, at + words), this.#record(to, place));
  }

  #copyId(from: Address, place: number, to: Address, toPlace: number): void {
    const source = this.#arena.i32[from >>> CHUNK_SHIFT]!;
    const target = this.#arena.i32[to >>> CHUNK_SHIFT]!;
    const at = this.#record(from, place);
    const targetAt = this.#record(to, toPlace);
    for (let w = 0; w < ID_WORDS; w++) target[targetAt + w] = source[at + w]!;
  }

  #moved(from: Address, to: Address): void {
    const parent = this.#word(to, PARENT);
    if (this.#arena.kind(parent) === Kind.root) this.#setWord(parent, ID_TREE_TOP, to);
    else this.#setChild(parent, this.#placeOf(parent, from), to);
    if (this.#level(to) > 0) this.#adopt(to);
  }

  #word(address: Address, n: number): number {
    return this.#arena.i32[address >>> CHUNK_SHIFT]![((address & CHUNK_MASK) << 1) + n]!;
  }

  #setWord(address: Address, n: number, value: number): void {
    this.#arena.i32[address >>> CHUNK_SHIFT]![((address & CHUNK_MASK) << 1) + n] = value;
  }
}

/** Records that a node of full size holds. */
function capacityMax(words: number): number {
  return Math.floor((NODE_BYTES / 4 - RECORDS) / (ID_WORDS + words));
}

function nodeBytes(words: number, records: number): number {
  return (RECORDS + records * (ID_WORDS + words)) * 4;
}
