/**
 * Sets: members, as commands see them.
 *
 * A set is named by the ref of its keyspace entry. It is sorted integers in one packed cell (`intset`), members in one
 * packed cell (`listpack`), or a root with an element for each member (`hashtable`); which, follows set-max-intset-entries,
 * set-max-listpack-entries and -value exactly as in Redis 7.2. This file finds out about neither keys nor expiry, and never
 * reports a change: the command does. Windows on members are valid until the set changes.
 *
 * Functions whose name ends in `Value` work on a set's cell that no entry owns yet (the result of SUNIONSTORE …).
 */
import type { EncodingLimits } from '../encoding-limits.ts';
import type { Entries } from '../memory/entries.ts';
import { type Bytes, EntryType } from '../memory/entries.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { Address } from '../memory/arena.ts';
import type { Elements } from '../memory/elements.ts';
import { HASH_END } from '../memory/hash-index.ts';
import type { LazyFree } from '../memory/lazy-free.ts';
import type { PackedInts } from '../memory/packed-intset.ts';
import { PACKED_BYTES_MAX, PACKED_COUNT_MAX, PACKED_FIRST, type Packed } from '../memory/packed.ts';
import { SHAPE_SET } from '../memory/records.ts';
import type { Collection, ElementVisitor } from './collection.ts';
import { IntegerWords } from './integer-words.ts';
import { sampleAscending } from './sampling.ts';
import { SetCursor } from './set-cursor.ts';

export type SetEncoding = 'intset' | 'listpack' | 'hashtable';

export class Sets implements Collection {
  readonly #entries: Entries;
  readonly #packed: Packed;
  readonly #ints: PackedInts;
  readonly #elements: Elements;
  readonly #lazyFree: LazyFree;
  readonly #limits: EncodingLimits;
  readonly #random: () => number;
  /** For the caller. */
  readonly #cursor: SetCursor;
  /** For work on a set while the caller walks another. */
  readonly #ownCursor: SetCursor;
  readonly #words = new IntegerWords();
  /** Members chosen by `choose` or `scan`, as handles for `readChosen`. */
  readonly #chosen: number[] = [];
  /** Whether the last `addValue` added. */
  added = false;

  constructor(
    keyspace: Keyspace, packed: Packed, ints: PackedInts, elements: Elements, lazyFree: LazyFree, limits: EncodingLimits,
    random: () => number,
  ) {
    this.#entries = keyspace.entries;
    this.#packed = packed;
    this.#ints = ints;
    this.#elements = elements;
    this.#lazyFree = lazyFree;
    this.#limits = limits;
    this.#random = random;
    this.#cursor = this.newCursor();
    this.#ownCursor = this.newCursor();
    lazyFree.register(EntryType.set, elements);
  }

  // ---- As a whole ----

  /**
   * Makes the value of an entry that has none yet: an empty set for a first member like this one and about `count`
   * members in all (setTypeCreate in Redis). The caller adds to it at once.
   */
  begin(ref: Address, buf: Uint8Array, off: number, len: number, count: number): void {
    let encoding: SetEncoding = 'hashtable';
    if (count <= this.#limits.setMaxIntsetEntries && this.#words.parse(buf, off, len)) encoding = 'intset';
    else if (count <= this.#limits.setMaxListpackEntries) encoding = 'listpack';
    this.#entries.setValueAddress(ref, this.newValue(encoding, encoding === 'listpack' ? len + 1 : 0));
  }

  /** Announces that about `count` members are about to be added (setTypeMaybeConvert in Redis). */
  expect(ref: Address, count: number): void {
    const cell = this.#entries.valueAddress(ref);
    if (!this.#packed.isPacked(cell)) return;
    const { setMaxIntsetEntries, setMaxListpackEntries } = this.#limits;
    if (count > (this.#packed.isInts(cell) ? setMaxIntsetEntries : setMaxListpackEntries)) {
      this.#entries.setValueAddress(ref, this.#enlarge(cell));
    }
  }

  length(ref: Address): number {
    return this.lengthValue(this.#entries.valueAddress(ref));
  }

  lengthValue(cell: Address): number {
    return this.#packed.isPacked(cell) ? this.#packed.count(cell) : this.#elements.count(cell);
  }

  /** OBJECT ENCODING. */
  encoding(ref: Address): SetEncoding {
    const cell = this.#entries.valueAddress(ref);
    if (!this.#packed.isPacked(cell)) return 'hashtable';
    return this.#packed.isInts(cell) ? 'intset' : 'listpack';
  }

  /** Bytes of memory; of a large set's elements only about `samples` are looked at (0: all). */
  memoryBytes(ref: Address, samples: number): number {
    return this.#elements.memoryBytes(this.#entries.valueAddress(ref), samples);
  }

  /** Gives the entry `to`, which has no value yet, a copy of the set at `from`. */
  copy(from: Address, to: Address): void {
    const cell = this.#entries.valueAddress(from);
    this.#entries.setValueAddress(to, this.#packed.isPacked(cell) ? this.#packed.copy(cell) : this.#toLarge(cell));
  }

  /** Shows every member to the visitor. */
  visit(ref: Address, visitor: ElementVisitor): void {
    const cursor = this.walk(ref);
    const { member } = cursor;
    while (cursor.next()) visitor.element(member.buf, member.off, member.len);
  }

  /** Asserts the set's structure and calls `visit` for each of its cells. */
  check(ref: Address, visit: (address: Address) => void): void {
    const cell = this.#entries.valueAddress(ref);
    if (this.#packed.isPacked(cell)) {
      this.#packed.check(cell);
      if (this.#packed.isInts(cell)) this.#ints.check(cell);
      visit(cell);
      return;
    }
    this.#elements.check(cell, SHAPE_SET);
    this.#elements.eachCell(cell, 0, visit);
  }

  // ---- Single members ----

  /** Adds a member; whether it is new. The bytes must not be the set's own. */
  add(ref: Address, buf: Uint8Array, off: number, len: number): boolean {
    const cell = this.#entries.valueAddress(ref);
    const to = this.addValue(cell, buf, off, len);
    // Also where the address is the same: a conversion may have got the cell that it gave back, and that has no owner.
    if (this.added) this.#entries.setValueAddress(ref, to);
    return this.added;
  }

  has(ref: Address, buf: Uint8Array, off: number, len: number): boolean {
    const cell = this.#entries.valueAddress(ref);
    if (!this.#packed.isPacked(cell)) return this.#elements.find(cell, buf, off, len) !== 0;
    if (!this.#packed.isInts(cell)) return this.#packed.find(cell, buf, off, len, 1) >= 0;
    return this.#words.parse(buf, off, len) && this.#ints.find(cell, this.#words.hi, this.#words.lo);
  }

  /** Whether a cursor's present member is in the set too. */
  hasMember(ref: Address, cursor: SetCursor): boolean {
    if (cursor.isInts) {
      const cell = this.#entries.valueAddress(ref);
      if (this.#packed.isPacked(cell) && this.#packed.isInts(cell)) return this.#ints.find(cell, cursor.hi, cursor.lo);
    }
    const { member } = cursor;
    return this.has(ref, member.buf, member.off, member.len);
  }

  /** Removes a member; whether it was there. A set left empty is the caller's to remove. */
  remove(ref: Address, buf: Uint8Array, off: number, len: number): boolean {
    const cell = this.#entries.valueAddress(ref);
    const to = this.removeValue(cell, buf, off, len);
    if (to === 0) return false;
    if (to !== cell) this.#entries.setValueAddress(ref, to);
    return true;
  }

  // ---- Walking and choosing ----

  newCursor(): SetCursor {
    return new SetCursor(this.#packed, this.#ints, this.#elements);
  }

  /** Begins a walk over all members, with a cursor that is reused: one walk at a time. */
  walk(ref: Address): SetCursor {
    return this.walkValue(this.#entries.valueAddress(ref));
  }

  walkValue(cell: Address): SetCursor {
    return this.#cursor.open(cell);
  }

  /**
   * Chooses members for SSCAN, to be read by `readChosen`: all of a small set, else about `count` from `cursor` on in the
   * order of their hashes. Members that stay are seen at least once however the set changes between calls.
   * @returns the cursor to go on from, or 0 at the end.
   */
  scan(ref: Address, cursor: number, count: number): number {
    const cell = this.#entries.valueAddress(ref);
    this.#chosen.length = 0;
    if (this.#packed.isPacked(cell)) {
      this.#chooseSmall(cell, Infinity, true);
      return 0;
    }
    if (cursor >= HASH_END) return 0;
    const next = this.#elements.scan(cell, cursor, count, this.#chosen);
    return next >= HASH_END ? 0 : next;
  }

  /**
   * Chooses `count` members at random, to be read by `readChosen`: distinct ones (all, if there are no more), or each
   * independent of the others. The set must not be empty.
   */
  choose(ref: Address, count: number, distinct: boolean): void {
    const cell = this.#entries.valueAddress(ref);
    const chosen = this.#chosen;
    chosen.length = 0;
    if (this.#packed.isPacked(cell)) this.#chooseSmall(cell, count, distinct);
    else if (distinct) this.#elements.sample(cell, count, this.#random, chosen);
    else for (let i = 0; i < count; i++) chosen.push(this.#elements.random(cell, this.#random));
  }

  /** How many members `scan` or `choose` chose. */
  get chosen(): number {
    return this.#chosen.length;
  }

  /** The i-th member chosen, valid until the next one is read; the set must not have changed since. */
  readChosen(ref: Address, i: number): Bytes {
    const cell = this.#entries.valueAddress(ref);
    const handle = this.#chosen[i]!;
    const { member } = this.#cursor;
    if (!this.#packed.isPacked(cell)) this.#elements.key(handle, member);
    else if (this.#packed.isInts(cell)) this.#cursor.readInteger(cell, handle);
    else this.#packed.read(cell, handle, member);
    return member;
  }

  /** Removes the members chosen, which must be distinct. Afterwards none is chosen. */
  removeChosen(ref: Address): void {
    const chosen = this.#chosen;
    let cell = this.#entries.valueAddress(ref);
    if (!this.#packed.isPacked(cell)) for (let i = 0; i < chosen.length; i++) this.#elements.remove(cell, chosen[i]!);
    else {
      // They ascend: from the last on, a removal leaves the places of the others as they are.
      const isInts = this.#packed.isInts(cell);
      for (let i = chosen.length - 1; i >= 0; i--) {
        cell = isInts ? this.#ints.removeAt(cell, chosen[i]!) : this.#packed.remove(cell, chosen[i]!, 1);
      }
    }
    chosen.length = 0;
  }

  /** Puts a set that has become small into the smallest form that its members allow. */
  rebuild(ref: Address): void {
    const old = this.#entries.valueAddress(ref);
    const cursor = this.newCursor().open(old);
    let cell = this.newValue(cursor.isInts ? 'intset' : 'listpack', 0);
    while (cursor.next()) cell = this.addValue(cell, cursor.member.buf, cursor.member.off, cursor.member.len);
    this.#entries.setValueAddress(ref, cell);
    this.freeValue(old);
  }

  // ---- Cells that no entry owns yet ----

  newValue(encoding: SetEncoding, bytes: number): Address {
    if (encoding === 'intset') return this.#ints.create();
    return encoding === 'listpack' ? this.#packed.create(bytes) : this.#elements.newRoot();
  }

  /** Makes the cell an entry's value; the entry must have none yet. */
  attachValue(ref: Address, cell: Address): void {
    this.#entries.setValueAddress(ref, cell);
  }

  /** Gives a cell up that no entry owns. */
  freeValue(cell: Address): void {
    this.#lazyFree.reclaim(EntryType.set, cell);
  }

  /** Adds a member to a set's cell; `added` says whether it is new. Returns the set's cell, which may be another. */
  addValue(cell: Address, buf: Uint8Array, off: number, len: number): Address {
    if (!this.#packed.isPacked(cell)) {
      this.added = this.#elements.find(cell, buf, off, len) === 0;
      if (this.added) this.#elements.addSought(cell, SHAPE_SET, buf, off, len, 0);
      return cell;
    }
    return this.#packed.isInts(cell) ? this.#addToInts(cell, buf, off, len) : this.#addToPacked(cell, buf, off, len);
  }

  /** Removes a member from a set's cell. Returns the set's cell, which may be another, or 0 where there was no such member. */
  removeValue(cell: Address, buf: Uint8Array, off: number, len: number): Address {
    if (!this.#packed.isPacked(cell)) {
      const element = this.#elements.find(cell, buf, off, len);
      if (element === 0) return 0;
      this.#elements.remove(cell, element);
      return cell;
    }
    if (this.#packed.isInts(cell)) {
      if (!this.#words.parse(buf, off, len) || !this.#ints.find(cell, this.#words.hi, this.#words.lo)) return 0;
      return this.#ints.removeAt(cell, this.#ints.index);
    }
    const pos = this.#packed.find(cell, buf, off, len, 1);
    return pos < 0 ? 0 : this.#packed.remove(cell, pos, 1);
  }

  /** Turns a set of nothing but integers into an intset if it is small enough (maybeConvertToIntset in Redis). */
  integersValue(cell: Address): Address {
    if ((this.#packed.isPacked(cell) && this.#packed.isInts(cell)) || this.lengthValue(cell) > this.#intsetEntriesMax()) return cell;
    let out = this.#ints.create();
    const cursor = this.#ownCursor.open(cell);
    while (cursor.next()) {
      this.#words.parse(cursor.member.buf, cursor.member.off, cursor.member.len);
      out = this.#ints.add(out, this.#words.hi, this.#words.lo);
    }
    this.freeValue(cell);
    return out;
  }

  /** Whether these bytes are an integer in the form in which sets store integers. */
  isInteger(buf: Uint8Array, off: number, len: number): boolean {
    return this.#words.parse(buf, off, len);
  }

  // ---- Inside ----

  #addToInts(cell: Address, buf: Uint8Array, off: number, len: number): Address {
    if (this.#words.parse(buf, off, len)) return this.#addInteger(cell, this.#words.hi, this.#words.lo);
    this.added = true;
    const limits = this.#limits;
    const count = this.#ints.count(cell);
    const longest = Math.max(len, this.#longestInteger(cell));
    if (count < limits.setMaxListpackEntries && longest <= limits.setMaxListpackValue) {
      const packed = this.#toPacked(cell);
      this.#packed.free(cell);
      return this.#packed.insert(packed, this.#packed.usedBytes(packed), buf, off, len);
    }
    const root = this.#enlarge(cell);
    this.#elements.add(root, SHAPE_SET, buf, off, len, 0);
    return root;
  }

  #addInteger(cell: Address, hi: number, lo: number): Address {
    this.added = !this.#ints.find(cell, hi, lo);
    if (!this.added) return cell;
    const to = this.#ints.add(cell, hi, lo);
    return this.#ints.count(to) > this.#intsetEntriesMax() ? this.#enlarge(to) : to;
  }

  #addToPacked(cell: Address, buf: Uint8Array, off: number, len: number): Address {
    const packed = this.#packed;
    this.added = packed.find(cell, buf, off, len, 1) < 0;
    if (!this.added) return cell;
    const limits = this.#limits;
    const end = packed.usedBytes(cell);
    const countMax = Math.min(limits.setMaxListpackEntries, PACKED_COUNT_MAX);
    if (packed.count(cell) < countMax && len <= limits.setMaxListpackValue && end + len <= PACKED_BYTES_MAX) {
      return packed.insert(cell, end, buf, off, len);
    }
    const root = this.#enlarge(cell);
    this.#elements.add(root, SHAPE_SET, buf, off, len, 0);
    return root;
  }

  #intsetEntriesMax(): number {
    return Math.min(this.#limits.setMaxIntsetEntries, PACKED_COUNT_MAX - 1);
  }

  /** Digits of the longest integer: the first's or the last's. */
  #longestInteger(cell: Address): number {
    const count = this.#ints.count(cell);
    if (count === 0) return 0;
    const cursor = this.#ownCursor;
    cursor.readInteger(cell, 0);
    const first = cursor.member.len;
    cursor.readInteger(cell, count - 1);
    return Math.max(first, cursor.member.len);
  }

  #chooseSmall(cell: Address, count: number, distinct: boolean): void {
    const chosen = this.#chosen;
    const n = this.#packed.count(cell);
    if (distinct) sampleAscending(n, count, this.#random, chosen);
    else for (let i = 0; i < count; i++) chosen.push(Math.floor(this.#random() * n));
    if (this.#packed.isInts(cell)) return;
    if (count === 1) {
      chosen[0] = this.#packed.skip(cell, PACKED_FIRST, chosen[0]!);
      return;
    }
    this.#packed.positions(cell, 1);
    for (let i = 0; i < chosen.length; i++) chosen[i] = this.#packed.table[chosen[i]!]!;
  }

  /** Makes a packed set large: frees the cell and returns the root. */
  #enlarge(cell: Address): Address {
    const root = this.#toLarge(cell);
    this.#packed.free(cell);
    return root;
  }

  #toLarge(cell: Address): Address {
    const root = this.#elements.newRoot(this.lengthValue(cell));
    const cursor = this.#ownCursor.open(cell);
    while (cursor.next()) this.#elements.add(root, SHAPE_SET, cursor.member.buf, cursor.member.off, cursor.member.len, 0);
    return root;
  }

  #toPacked(ints: Address): Address {
    let out = this.#packed.create(this.#ints.count(ints) * 4);
    const cursor = this.#ownCursor.open(ints);
    while (cursor.next()) {
      out = this.#packed.insert(out, this.#packed.usedBytes(out), cursor.member.buf, cursor.member.off, cursor.member.len);
    }
    return out;
  }
}
