/**
 * Sorted sets: members with scores, as commands see them.
 *
 * A sorted set is named by the ref of its keyspace entry. Small ones are one packed cell (member, score, member, score …
 * in order), large ones a root with an element for each member, found by the root's index and ordered by its counted tree;
 * what is small follows zset-max-listpack-entries and -value as in Redis 7.2, and a large one never becomes small again.
 * The order is by score, then by the member's bytes; ranks count from 0. No score is NaN: the caller sees to that. Zero has
 * no sign: Redis keeps it in large sorted sets only, and what is saved, loaded or replicated must be what it was.
 * This file finds out about neither keys nor expiry, and never reports a change: the command does. Windows on members are
 * valid until the sorted set changes. Results under way, which no entry owns yet, stand in score-table.ts.
 */
import { invariant } from '../../shared/errors.ts';
import type { EncodingLimits } from '../encoding-limits.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { Address } from '../memory/arena.ts';
import { type CountedTree, TreeCursor } from '../memory/counted-tree.ts';
import type { Elements } from '../memory/elements.ts';
import { Bytes, EntryType, type Entries } from '../memory/entries.ts';
import { HASH_END } from '../memory/hash-index.ts';
import type { LazyFree } from '../memory/lazy-free.ts';
import { PACKED_BYTES_MAX, PACKED_COUNT_MAX, PACKED_FIRST, type Packed } from '../memory/packed.ts';
import { SHAPE_ZSET, compareBytes } from '../memory/records.ts';
import type { Collection, ElementVisitor } from './collection.ts';
import { sampleAscending } from './sampling.ts';
import { SCORE_BYTES_MAX, readScore, withoutSignedZero, writeScore } from './score-bytes.ts';
import { SCORED_STRIDE, ScoredCursor } from './scored-cursor.ts';

export type SortedSetEncoding = 'listpack' | 'skiplist';

/** A bound of a range by member: "-", "+", "[bytes" or "(bytes". */
export interface LexBound {
  kind: 'least' | 'greatest' | 'inclusive' | 'exclusive';
  buf: Uint8Array;
  off: number;
  len: number;
}

/** In place of a position or an element: `find` found nothing, or what it found is not valid any more. */
const NOT_FOUND = -1;

export class SortedSets implements Collection {
  /** Score of the member that `find` found. */
  foundScore = 0;
  /** What `scoreRange` and `lexRange` found: ranks from `rangeFirst` up to but not including `rangeEnd`. */
  rangeFirst = 0;
  rangeEnd = 0;
  readonly #entries: Entries;
  readonly #packed: Packed;
  readonly #elements: Elements;
  readonly #tree: CountedTree;
  readonly #limits: EncodingLimits;
  readonly #random: () => number;
  /** For the caller. */
  readonly #cursor: ScoredCursor;
  /** For `readChosen` and for work on a sorted set while the caller walks another. */
  readonly #ownCursor: ScoredCursor;
  readonly #treeCursor = new TreeCursor();
  readonly #bytes = new Bytes();
  readonly #scoreBytes = new Uint8Array(SCORE_BYTES_MAX);
  #member: Uint8Array = new Uint8Array(64);
  /** What `find` found: a position in a packed cell or an element. */
  #found = NOT_FOUND;
  /** Members chosen by `choose` or `scan`: positions or elements. */
  readonly #chosen: number[] = [];

  constructor(
    keyspace: Keyspace, packed: Packed, elements: Elements, lazyFree: LazyFree, limits: EncodingLimits, random: () => number,
  ) {
    this.#entries = keyspace.entries;
    this.#packed = packed;
    this.#elements = elements;
    this.#tree = keyspace.tree;
    this.#limits = limits;
    this.#random = random;
    this.#cursor = this.newCursor();
    this.#ownCursor = this.newCursor();
    elements.onScoredMoved((root, score, from, to) => this.#tree.replace(root, score, from, to));
    lazyFree.register(EntryType.zset, this);
  }

  // ---- As a whole ----

  /**
   * Makes the value of an entry that has none yet: an empty sorted set for about `count` members, the first of them
   * `firstBytes` long (zsetTypeCreate in Redis). The caller adds to it at once.
   */
  begin(ref: Address, count: number, firstBytes: number): void {
    const { zsetMaxListpackEntries, zsetMaxListpackValue } = this.#limits;
    const isSmall = count <= zsetMaxListpackEntries && firstBytes <= zsetMaxListpackValue;
    this.#entries.setValueAddress(ref, isSmall ? this.#packed.create(firstBytes + 2) : this.#elements.newRoot(count));
  }

  /** Announces that about `count` members are about to be added (zsetTypeMaybeConvert in Redis). */
  expect(ref: Address, count: number): void {
    const cell = this.#entries.valueAddress(ref);
    if (this.#packed.isPacked(cell) && count > this.#limits.zsetMaxListpackEntries) this.#enlarge(ref, cell);
  }

  length(ref: Address): number {
    const cell = this.#entries.valueAddress(ref);
    return this.#packed.isPacked(cell) ? this.#packed.count(cell) / SCORED_STRIDE : this.#elements.count(cell);
  }

  /** OBJECT ENCODING. */
  encoding(ref: Address): SortedSetEncoding {
    return this.#packed.isPacked(this.#entries.valueAddress(ref)) ? 'listpack' : 'skiplist';
  }

  /** Bytes of memory; of a large one's elements only about `samples` are looked at (0: all). */
  memoryBytes(ref: Address, samples: number): number {
    const cell = this.#entries.valueAddress(ref);
    const bytes = this.#elements.memoryBytes(cell, samples);
    return this.#packed.isPacked(cell) ? bytes : bytes + this.#tree.bytes(cell);
  }

  /** Gives the entry `to`, which has no value yet, a copy of the sorted set at `from`. */
  copy(from: Address, to: Address): void {
    const cell = this.#entries.valueAddress(from);
    this.#entries.setValueAddress(to, this.#packed.isPacked(cell) ? this.#packed.copy(cell) : this.#toLarge(cell));
  }

  /** Shows every member to the visitor, in order. */
  visit(ref: Address, visitor: ElementVisitor): void {
    const cursor = this.walk(ref, 0);
    const { member } = cursor;
    while (cursor.next()) visitor.scored(member.buf, member.off, member.len, cursor.score);
  }

  /** Asserts order, index and tree, and calls `visit` for each of the sorted set's cells. */
  check(ref: Address, visit: (address: Address) => void): void {
    const cell = this.#entries.valueAddress(ref);
    const isPacked = this.#packed.isPacked(cell);
    if (isPacked) this.#packed.check(cell);
    else {
      this.#elements.check(cell, SHAPE_ZSET);
      this.#tree.check(cell);
    }
    this.#checkOrder(ref, cell);
    if (isPacked) visit(cell);
    else this.eachCell(cell, 0, visit);
  }

  // ---- Single members: find one, then at most one of add, setFound, removeFound ----

  /** Looks for a member; `foundScore` is its score. What was found is forgotten when the sorted set changes. */
  find(ref: Address, buf: Uint8Array, off: number, len: number): boolean {
    const cell = this.#entries.valueAddress(ref);
    if (!this.#packed.isPacked(cell)) {
      const element = this.#elements.find(cell, buf, off, len);
      this.#found = element === 0 ? NOT_FOUND : element;
      if (element !== 0) this.foundScore = this.#elements.score(element);
      return element !== 0;
    }
    this.#found = this.#packed.find(cell, buf, off, len, SCORED_STRIDE);
    if (this.#found < 0) return false;
    this.#packed.read(cell, this.#packed.skip(cell, this.#found, 1), this.#bytes);
    this.foundScore = readScore(this.#bytes);
    return true;
  }

  /** Adds the member that the last `find` did not find. The bytes must not be the sorted set's own. */
  add(ref: Address, score: number, buf: Uint8Array, off: number, len: number): void {
    score = withoutSignedZero(score);
    const cell = this.#entries.valueAddress(ref);
    if (!this.#packed.isPacked(cell)) {
      this.#putInOrder(cell, score, this.#elements.addSought(cell, SHAPE_ZSET, buf, off, len, 0));
      return;
    }
    const { zsetMaxListpackEntries, zsetMaxListpackValue } = this.#limits;
    const countMax = Math.min(zsetMaxListpackEntries * SCORED_STRIDE, PACKED_COUNT_MAX - 1);
    const bytes = this.#packed.usedBytes(cell) + len + SCORE_BYTES_MAX;
    if (this.#packed.count(cell) < countMax && len <= zsetMaxListpackValue && bytes < PACKED_BYTES_MAX) {
      this.#insertPacked(cell, this.#positionFor(cell, score, buf, off, len), score, buf, off, len);
    } else this.#addLarge(this.#enlarge(ref, cell), score, buf, off, len);
  }

  /** Gives the member found another score. */
  setFound(ref: Address, score: number): void {
    score = withoutSignedZero(score);
    const cell = this.#entries.valueAddress(ref);
    const found = this.#takeFound();
    if (this.#packed.isPacked(cell)) {
      this.#rescorePacked(cell, found, score);
      return;
    }
    this.#tree.move(cell, this.#elements.score(found), score, found);
    this.#elements.setScore(found, score);
  }

  /** Removes the member found. A sorted set left empty is the caller's to remove. */
  removeFound(ref: Address): void {
    const cell = this.#entries.valueAddress(ref);
    const found = this.#takeFound();
    if (this.#packed.isPacked(cell)) this.#packed.remove(cell, found, SCORED_STRIDE);
    else this.#removeElement(cell, found);
  }

  /** Rank of the member found. */
  rankOfFound(ref: Address): number {
    const cell = this.#entries.valueAddress(ref);
    if (!this.#packed.isPacked(cell)) return this.#tree.rank(cell, this.foundScore, this.#found);
    let rank = 0;
    for (let pos = PACKED_FIRST; pos !== this.#found; rank++) pos = this.#packed.skip(cell, pos, SCORED_STRIDE);
    return rank;
  }

  // ---- Ranges ----

  /** How many members have a score below `score` (or, if `inclusive`, not above it). */
  rankOfScore(ref: Address, score: number, inclusive: boolean): number {
    const cell = this.#entries.valueAddress(ref);
    if (!this.#packed.isPacked(cell)) return this.#tree.rankOfScore(cell, score, inclusive);
    const cursor = this.#ownCursor.open(cell, 0);
    let rank = 0;
    while (cursor.next() && (inclusive ? cursor.score <= score : cursor.score < score)) rank++;
    return rank;
  }

  /** Finds the members with scores between two bounds. */
  scoreRange(ref: Address, min: number, minExclusive: boolean, max: number, maxExclusive: boolean): void {
    this.rangeFirst = min === -Infinity && !minExclusive ? 0 : this.rankOfScore(ref, min, minExclusive);
    this.rangeEnd = max === Infinity && !maxExclusive ? this.length(ref) : this.rankOfScore(ref, max, !maxExclusive);
  }

  /** Finds the members between two bounds. Means something only where all scores are equal, as in Redis. */
  lexRange(ref: Address, min: LexBound, max: LexBound): void {
    const cell = this.#entries.valueAddress(ref);
    const length = this.length(ref);
    this.rangeFirst = min.kind === 'least' ? 0 : min.kind === 'greatest' ? length : this.#rankOfBound(cell, min, min.kind === 'exclusive');
    this.rangeEnd = max.kind === 'greatest' ? length : max.kind === 'least' ? 0 : this.#rankOfBound(cell, max, max.kind === 'inclusive');
  }

  /** Removes the members of ranks `first` up to but not including `end`. A sorted set left empty is the caller's to remove. */
  removeRange(ref: Address, first: number, end: number): void {
    if (first >= end) return;
    this.#found = NOT_FOUND;
    const cell = this.#entries.valueAddress(ref);
    if (this.#packed.isPacked(cell)) {
      const pos = this.#packed.skip(cell, PACKED_FIRST, first * SCORED_STRIDE);
      this.#packed.remove(cell, pos, (end - first) * SCORED_STRIDE);
      return;
    }
    for (let n = end - first; n > 0; n--) {
      this.#tree.seekRank(cell, first, this.#treeCursor);
      const element = this.#treeCursor.address;
      this.#tree.removeAt(cell, this.#treeCursor);
      this.#elements.remove(cell, element);
    }
  }

  // ---- Walking and choosing ----

  newCursor(): ScoredCursor {
    return new ScoredCursor(this.#packed, this.#elements, this.#tree);
  }

  /** Begins a walk before the member of rank `rank`, up or down, with a cursor that is reused: one walk at a time. */
  walk(ref: Address, rank: number): ScoredCursor {
    return this.walkWith(this.#cursor, ref, rank);
  }

  /** Begins a walk up before the first member with a score not below `score`, by `nextScore`: as `walk`, one at a time. */
  walkScores(ref: Address, score: number): ScoredCursor {
    return this.#cursor.openAtScore(this.#entries.valueAddress(ref), score);
  }

  /** The member that a cursor's handle names, valid until the next is read; the sorted set must not have changed since. */
  readMember(ref: Address, handle: number): Bytes {
    const cell = this.#entries.valueAddress(ref);
    const { member } = this.#ownCursor;
    if (this.#packed.isPacked(cell)) this.#packed.read(cell, handle, member);
    else this.#elements.key(handle, member);
    return member;
  }

  /** As `walk`, with a cursor of the caller's. */
  walkWith(cursor: ScoredCursor, ref: Address, rank: number): ScoredCursor {
    return cursor.open(this.#entries.valueAddress(ref), rank);
  }

  /**
   * Chooses members for ZSCAN, to be read by `readChosen`: all of a small sorted set, else about `count` from `cursor` on in
   * the order of their hashes. Members that stay are seen at least once however the sorted set changes between calls.
   * @returns the cursor to go on from, or 0 at the end.
   */
  scan(ref: Address, cursor: number, count: number): number {
    const cell = this.#entries.valueAddress(ref);
    this.#chosen.length = 0;
    if (this.#packed.isPacked(cell)) {
      const n = this.#packed.positions(cell, SCORED_STRIDE);
      for (let i = 0; i < n; i++) this.#chosen.push(this.#packed.table[i]!);
      return 0;
    }
    if (cursor >= HASH_END) return 0;
    const next = this.#elements.scan(cell, cursor, count, this.#chosen);
    return next >= HASH_END ? 0 : next;
  }

  /**
   * Chooses `count` members at random, to be read by `readChosen`: distinct ones (all, if there are no more), or each
   * independent of the others. The sorted set must not be empty.
   */
  choose(ref: Address, count: number, distinct: boolean): void {
    const cell = this.#entries.valueAddress(ref);
    const chosen = this.#chosen;
    const random = this.#random;
    chosen.length = 0;
    if (this.#packed.isPacked(cell)) {
      const n = this.#packed.positions(cell, SCORED_STRIDE);
      if (distinct) sampleAscending(n, count, random, chosen);
      else for (let i = 0; i < count; i++) chosen.push(Math.floor(random() * n));
      for (let i = 0; i < chosen.length; i++) chosen[i] = this.#packed.table[chosen[i]!]!;
    } else if (distinct) this.#elements.sample(cell, count, random, chosen);
    else for (let i = 0; i < count; i++) chosen.push(this.#elements.random(cell, random));
  }

  /** How many members `scan` or `choose` chose. */
  get chosen(): number {
    return this.#chosen.length;
  }

  /** Member and score of the i-th chosen, valid until the next is read; the sorted set must not have changed since. */
  readChosen(ref: Address, i: number): ScoredCursor {
    const cell = this.#entries.valueAddress(ref);
    const cursor = this.#ownCursor;
    if (this.#packed.isPacked(cell)) cursor.readPacked(cell, this.#chosen[i]!);
    else cursor.readElement(this.#chosen[i]!);
    return cursor;
  }

  // ---- Freeing (RootFreer) ----

  /** Frees the tree leaf by leaf (a leaf counts as a cell), then the elements and the root. See RootFreer. */
  freeStep(root: Address, progress: number, budget: number): number {
    this.#elements.disown(root);
    let left = budget;
    while (left > 0 && this.#tree.dropFirstLeaf(root)) left--;
    return left > 0 ? this.#elements.freeStep(root, progress, left) : 0;
  }

  eachCell(root: Address, progress: number, visit: (address: Address) => void): void {
    this.#tree.eachCell(root, visit);
    this.#elements.eachCell(root, progress, visit);
  }

  // ---- Inside: packed ----

  /** Position of the first member that stands behind (score, bytes). */
  #positionFor(cell: Address, score: number, buf: Uint8Array, off: number, len: number): number {
    const cursor = this.#ownCursor;
    const { member } = cursor;
    const end = this.#packed.usedBytes(cell);
    let pos = PACKED_FIRST;
    while (pos < end) {
      const next = cursor.readPacked(cell, pos);
      if (cursor.score > score) break;
      if (cursor.score === score && compareBytes(member.buf, member.off, member.len, buf, off, len) > 0) break;
      pos = next;
    }
    return pos;
  }

  #insertPacked(cell: Address, pos: number, score: number, buf: Uint8Array, off: number, len: number): void {
    const bytes = writeScore(score, this.#scoreBytes);
    this.#packed.insertPair(cell, pos, buf, off, len, this.#scoreBytes, 0, bytes);
  }

  #rescorePacked(cell: Address, pos: number, score: number): void {
    const packed = this.#packed;
    const scoreAt = packed.read(cell, pos, this.#bytes);
    const { buf, off, len } = this.#bytes;
    const end = packed.skip(cell, scoreAt, 1);
    // The member itself stands where it stood: of two like it none is behind the other.
    const to = this.#positionFor(cell, score, buf, off, len);
    if (to === pos || to === end) {
      packed.replace(cell, scoreAt, this.#scoreBytes, 0, writeScore(score, this.#scoreBytes));
      return;
    }
    if (len > this.#member.length) this.#member = new Uint8Array(len * 2);
    this.#member.set(buf.subarray(off, off + len));
    const left = packed.remove(cell, pos, SCORED_STRIDE);
    this.#insertPacked(left, to > pos ? to - (end - pos) : to, score, this.#member, 0, len);
  }

  // ---- Inside: large ----

  #addLarge(root: Address, score: number, buf: Uint8Array, off: number, len: number): void {
    this.#putInOrder(root, score, this.#elements.add(root, SHAPE_ZSET, buf, off, len, 0));
  }

  /** Gives a new element its score and its place in the tree. */
  #putInOrder(root: Address, score: number, element: Address): void {
    this.#elements.setScore(element, score);
    this.#tree.insert(root, score, element);
  }

  #removeElement(root: Address, element: Address): void {
    this.#tree.remove(root, this.#elements.score(element), element);
    this.#elements.remove(root, element);
  }

  /** Makes a packed sorted set large; returns its root. */
  #enlarge(ref: Address, cell: Address): Address {
    const root = this.#toLarge(cell);
    this.#entries.setValueAddress(ref, root);
    this.#packed.free(cell);
    return root;
  }

  /** A new root, owned by nobody yet, with a copy of every member. */
  #toLarge(cell: Address): Address {
    const root = this.#elements.newRoot(this.#packed.count(cell) / SCORED_STRIDE);
    const cursor = this.#ownCursor.open(cell, 0);
    const { member } = cursor;
    while (cursor.next()) this.#addLarge(root, cursor.score, member.buf, member.off, member.len);
    return root;
  }

  // ---- Inside: both ----

  /** How many members are below a bound, from the first on (or, if `inclusive`, not above it). */
  #rankOfBound(cell: Address, bound: LexBound, inclusive: boolean): number {
    const { buf, off, len } = bound;
    const cursor = this.#ownCursor.open(cell, 0);
    const { member } = cursor;
    if (!this.#packed.isPacked(cell)) {
      return cursor.next() ? this.#tree.rankOfKey(cell, cursor.score, buf, off, len, inclusive) : 0;
    }
    let rank = 0;
    while (cursor.next() && compareBytes(member.buf, member.off, member.len, buf, off, len) < (inclusive ? 1 : 0)) rank++;
    return rank;
  }

  #takeFound(): number {
    const found = this.#found;
    invariant(found !== NOT_FOUND, 'sorted set: nothing was found');
    this.#found = NOT_FOUND;
    return found;
  }

  /** Asserts that the members in order are all there are, ascend, and are found with the score that they stand under. */
  #checkOrder(ref: Address, cell: Address): void {
    const cursor = this.#ownCursor.open(cell, 0);
    const { member } = cursor;
    let before: Uint8Array = new Uint8Array(0);
    let scoreBefore = -Infinity;
    let n = 0;
    for (; cursor.next(); n++) {
      const { score } = cursor;
      const isBehind = score > scoreBefore
        || (score === scoreBefore && (n === 0 || compareBytes(before, 0, before.length, member.buf, member.off, member.len) < 0));
      invariant(isBehind, 'sorted set: members are out of order, or a score is NaN');
      before = member.buf.slice(member.off, member.off + member.len);
      scoreBefore = score;
      const isFound = this.find(ref, before, 0, before.length);
      invariant(isFound && this.foundScore === score, 'sorted set: a member is not found, or under another score');
    }
    this.#found = NOT_FOUND;
    invariant(n === this.length(ref), `sorted set: ${n} members in order, ${this.length(ref)} counted`);
  }
}
