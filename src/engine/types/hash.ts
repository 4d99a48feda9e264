/**
 * Hashes: fields and values, as commands see them.
 *
 * A hash is named by the ref of its keyspace entry. Small ones are one packed cell (field, value, field, value …), large
 * ones a root with an element for each field; what is small follows hash-max-listpack-entries and -value as in Redis 7.2,
 * and a large hash never becomes small again. Fields may end by themselves (field-times.ts): on a primary `expireFields` takes
 * them out before a command sees the hash, on a replica they are hidden. Beyond that this file finds out about neither keys nor expiry, and never reports a
 * change: the command does. Windows on fields and values are valid until the hash changes.
 */
import type { EncodingLimits } from '../encoding-limits.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import type { Entries } from '../memory/entries.ts';
import { Bytes, EntryType, NO_EXPIRY } from '../memory/entries.ts';
import type { Database } from '../keyspace/database.ts';
import type { FieldExpirer, Keyspace } from '../keyspace/keyspace.ts';
import type { Address } from '../memory/arena.ts';
import type { Elements } from '../memory/elements.ts';
import { HASH_END } from '../memory/hash-index.ts';
import type { LazyFree } from '../memory/lazy-free.ts';
import { PACKED_BYTES_MAX, PACKED_COUNT_MAX, PACKED_FIRST, type Packed, packedElementBytes } from '../memory/packed.ts';
import { SHAPE_HASH } from '../memory/records.ts';
import type { Collection, ElementVisitor } from './collection.ts';
import type { FieldTimes } from './field-times.ts';
import { sampleAscending } from './sampling.ts';
import type { ScoredCursor } from './scored-cursor.ts';

/** So many fields that have ended are logged as one deletion at the most. */
const ENDED_BATCH = 512;
const STRIDE = 2;
const BATCH = 256;

/** Walks all fields of a hash that does not change meanwhile. */
export class HashCursor {
  readonly field: Bytes = new Bytes();
  readonly value: Bytes = new Bytes();
  readonly #packed: Packed;
  readonly #elements: Elements;
  #cell: Address = 0;
  #isPacked = false;
  #pos = 0;
  #end = 0;
  #batch: Address[] = [];
  #at = 0;
  #from = 0;
  /** The hash, where fields of it may be hidden; else 0. */
  #hidingRef: Address = 0;
  readonly #times: FieldTimes;

  constructor(packed: Packed, elements: Elements, times: FieldTimes) {
    this.#packed = packed;
    this.#elements = elements;
    this.#times = times;
  }

  /** Begins a walk over a hash's cell. Fields of the hash `hidingRef` that have ended are passed over. */
  open(cell: Address, hidingRef: Address = 0): this {
    this.#cell = cell;
    this.#hidingRef = hidingRef;
    this.#isPacked = this.#packed.isPacked(cell);
    this.#pos = PACKED_FIRST;
    this.#end = this.#isPacked ? this.#packed.usedBytes(cell) : 0;
    this.#batch.length = 0;
    this.#at = 0;
    this.#from = 0;
    return this;
  }

  /** Goes to the next field; false at the end. */
  next(): boolean {
    const { field } = this;
    while (this.#nextOfAll()) {
      if (this.#hidingRef === 0 || !this.#times.isDue(this.#hidingRef, field.buf, field.off, field.len)) return true;
    }
    return false;
  }

  #nextOfAll(): boolean {
    if (this.#isPacked) {
      if (this.#pos >= this.#end) return false;
      this.#pos = this.#packed.read(this.#cell, this.#pos, this.field);
      this.#pos = this.#packed.read(this.#cell, this.#pos, this.value);
      return true;
    }
    if (this.#at >= this.#batch.length && !this.#refill()) return false;
    const element = this.#batch[this.#at++]!;
    this.#elements.key(element, this.field);
    this.#elements.value(element, this.value);
    return true;
  }

  #refill(): boolean {
    this.#batch.length = 0;
    this.#at = 0;
    if (this.#from < HASH_END) this.#from = this.#elements.scan(this.#cell, this.#from, BATCH, this.#batch);
    return this.#batch.length > 0;
  }
}

export class Hashes implements Collection, FieldExpirer {
  readonly times: FieldTimes;
  readonly #keyspace: Keyspace;
  readonly #entries: Entries;
  readonly #packed: Packed;
  readonly #elements: Elements;
  readonly #limits: EncodingLimits;
  readonly #random: () => number;
  /** For the caller. */
  readonly #cursor: HashCursor;
  /** For work on a hash while the caller walks another. */
  readonly #ownCursor: HashCursor;
  readonly #bytes = new Bytes();
  readonly #key = new Bytes();
  readonly #ended: ScoredCursor;
  /** Fields chosen by `choose` or `scan`, as handles for `readChosen`. */
  readonly #chosen: number[] = [];

  constructor(
    keyspace: Keyspace, packed: Packed, elements: Elements, lazyFree: LazyFree, limits: EncodingLimits, random: () => number,
    times: FieldTimes, ended: ScoredCursor,
  ) {
    this.times = times;
    this.#ended = ended;
    this.#keyspace = keyspace;
    this.#entries = keyspace.entries;
    this.#packed = packed;
    this.#elements = elements;
    this.#limits = limits;
    this.#random = random;
    this.#cursor = this.newCursor();
    this.#ownCursor = this.newCursor();
    lazyFree.register(EntryType.hash, elements);
    keyspace.fieldExpirer = this;
  }

  // ---- As a whole ----

  /**
   * Makes the value of an entry that has none yet: an empty hash, which the caller fills at once.
   * The other arguments are those of `expect`.
   */
  begin(ref: Address, fields: number, longestBytes: number, bytes: number): void {
    const isLarge = this.#leadsToLarge(fields, longestBytes, bytes);
    this.#entries.setValueAddress(ref, isLarge ? this.#elements.newRoot(fields) : this.#packed.create(bytes));
  }

  /** Number of fields (that are to be seen). */
  length(ref: Address): number {
    return this.#hides(ref) ? this.lengthOfAll(ref) - this.times.dueCount(ref) : this.lengthOfAll(ref);
  }

  /** Number of fields, hidden ones too. */
  lengthOfAll(ref: Address): number {
    const cell = this.#entries.valueAddress(ref);
    return this.#packed.isPacked(cell) ? this.#packed.count(cell) / STRIDE : this.#elements.count(cell);
  }

  /** OBJECT ENCODING. */
  encoding(ref: Address): string {
    if (!this.#isPacked(ref)) return 'hashtable';
    return this.#entries.hasFieldTimes(ref) ? 'listpackex' : 'listpack';
  }

  /** Bytes of memory; of a large hash's elements only about `samples` are looked at (0: all). */
  memoryBytes(ref: Address, samples: number): number {
    return this.#elements.memoryBytes(this.#entries.valueAddress(ref), samples) + this.times.memoryBytes(ref, samples);
  }

  /** Gives the entry `to`, which has no value yet, a copy of the hash at `from`. */
  copy(from: Address, to: Address): void {
    const cell = this.#entries.valueAddress(from);
    this.#entries.setValueAddress(to, this.#packed.isPacked(cell) ? this.#packed.copy(cell) : this.#toLarge(cell));
    this.times.copy(from, to);
  }

  /** Shows every field to the visitor, hidden ones too. */
  visit(ref: Address, visitor: ElementVisitor): void {
    const cursor = this.#cursor.open(this.#entries.valueAddress(ref));
    const hasTimes = this.#entries.hasFieldTimes(ref);
    while (cursor.next()) {
      const { field, value } = cursor;
      if (hasTimes) {
        const endsAtMs = this.times.at(ref, field.buf, field.off, field.len);
        if (endsAtMs !== NO_EXPIRY) visitor.fieldEnds(endsAtMs);
      }
      visitor.field(field.buf, field.off, field.len, value.buf, value.off, value.len);
    }
  }

  /** Asserts the hash's structure and calls `visit` for each of its cells. */
  check(ref: Address, visit: (address: Address) => void): void {
    const cell = this.#entries.valueAddress(ref);
    if (this.#packed.isPacked(cell)) {
      this.#packed.check(cell);
      visit(cell);
      this.#checkTimes(ref);
      return;
    }
    this.#elements.check(cell, SHAPE_HASH);
    this.#elements.eachCell(cell, 0, visit);
    this.#checkTimes(ref);
  }

  #checkTimes(ref: Address): void {
    this.times.check(ref, (field) => this.#find(ref, field.buf, field.off, field.len, this.#bytes));
  }

  // ---- Fields that end ----

  expireFields(db: Database, ref: Address): boolean {
    let left = this.times.dueCount(ref);
    if (left > ENDED_BATCH && left === this.lengthOfAll(ref) && !this.#keyspace.hidesExpired) {
      this.#expireWhole(db, ref, left);
      return true;
    }
    for (; left > 0 && !this.#keyspace.hidesExpired; left -= ENDED_BATCH) {
      if (this.#expireBatch(db, ref, Math.min(left, ENDED_BATCH))) return true;
    }
    return left > 0 && left === this.lengthOfAll(ref);
  }

  expireSomeFields(db: Database, ref: Address, max: number): number {
    const count = Math.min(max, ENDED_BATCH, this.times.dueCount(ref));
    if (count > 0) this.#expireBatch(db, ref, count);
    return count;
  }

  /** Takes out a hash all of whose fields have ended: many in one short effect. */
  #expireWhole(db: Database, ref: Address, count: number): void {
    const { events, interest, onExpired } = this.#keyspace;
    const key = this.#key;
    this.#entries.key(ref, key);
    this.#keyspace.expiredFields += count;
    onExpired!(db.number, key);
    interest.bySystem = true;
    events.tell(KeyEvent.hash, 'hexpired', db.number, key.buf, key.off, key.len);
    events.tell(KeyEvent.generic, 'del', db.number, key.buf, key.off, key.len);
    db.remove(key.buf, key.off, key.len);
    interest.bySystem = false;
  }

  /** Takes out the first `count` fields that have ended; whether the hash was left empty and removed. */
  #expireBatch(db: Database, ref: Address, count: number): boolean {
    const keyspace = this.#keyspace;
    const key = this.#key;
    this.#entries.key(ref, key);
    keyspace.onFieldsEnded!.begin(db.number, key, count);
    keyspace.expiredFields += count;
    keyspace.interest.bySystem = true;
    const cursor = this.times.walk(this.#ended, ref);
    const { member } = cursor;
    for (let n = 0; n < count; n++) {
      cursor.next();
      keyspace.onFieldsEnded!.field(member);
      this.#deleteFound(ref, member.buf, member.off, member.len);
    }
    this.times.dropFirst(ref, count);
    keyspace.events.tell(KeyEvent.hash, 'hexpired', db.number, key.buf, key.off, key.len);
    const isEmpty = this.lengthOfAll(ref) === 0;
    if (isEmpty) {
      // The key's bytes are the entry's.
      keyspace.events.tell(KeyEvent.generic, 'del', db.number, key.buf, key.off, key.len);
      db.remove(key.buf, key.off, key.len);
    } else db.modified(key.buf, key.off, key.len);
    keyspace.interest.bySystem = false;
    keyspace.onFieldsEnded!.end();
    return isEmpty;
  }

  /** Whether fields of the hash are hidden: on a replica those that have ended wait for the primary's word. */
  #hides(ref: Address): boolean {
    return this.#keyspace.hidesExpired && !this.#keyspace.applying && this.times.dueCount(ref) > 0;
  }

  // ---- Single fields ----

  /**
   * Announces fields that are about to be set, and makes the hash large at once if that is where they lead
   * (hashTypeTryConversion in Redis).
   * @param longestBytes the longest among fields and values. @param bytes what all of them take in a packed cell.
   */
  expect(ref: Address, fields: number, longestBytes: number, bytes: number): void {
    const cell = this.#entries.valueAddress(ref);
    if (this.#packed.isPacked(cell) && this.#leadsToLarge(fields, longestBytes, this.#packed.usedBytes(cell) + bytes)) {
      this.#enlarge(ref, cell);
    }
  }

  /** Sets a field. Returns whether it is new. The bytes must not be the hash's own. */
  set(
    ref: Address, buf: Uint8Array, off: number, len: number, vbuf: Uint8Array, voff: number, vlen: number,
  ): boolean {
    const packed = this.#packed;
    let cell = this.#entries.valueAddress(ref);
    if (!packed.isPacked(cell)) return this.#setLarge(cell, buf, off, len, vbuf, voff, vlen);
    const limits = this.#limits;
    const end = packed.usedBytes(cell);
    if (len > limits.hashMaxListpackValue || vlen > limits.hashMaxListpackValue || end + len + vlen > PACKED_BYTES_MAX) {
      return this.#setLarge(this.#enlarge(ref, cell), buf, off, len, vbuf, voff, vlen);
    }
    const pos = packed.find(cell, buf, off, len, STRIDE);
    if (pos >= 0) {
      packed.replace(cell, pos + packedElementBytes(len), vbuf, voff, vlen);
      return false;
    }
    cell = packed.insertPair(cell, end, buf, off, len, vbuf, voff, vlen);
    if (packed.count(cell) > Math.min(limits.hashMaxListpackEntries * STRIDE, PACKED_COUNT_MAX - STRIDE)) this.#enlarge(ref, cell);
    return true;
  }

  /** Points `out` at a field's value; false where there is no such field. */
  get(ref: Address, buf: Uint8Array, off: number, len: number, out: Bytes): boolean {
    if (this.#hides(ref) && this.times.isDue(ref, buf, off, len)) return false;
    return this.#find(ref, buf, off, len, out);
  }

  #find(ref: Address, buf: Uint8Array, off: number, len: number, out: Bytes): boolean {
    const cell = this.#entries.valueAddress(ref);
    if (this.#packed.isPacked(cell)) {
      const pos = this.#packed.find(cell, buf, off, len, STRIDE);
      if (pos < 0) return false;
      this.#packed.read(cell, pos + packedElementBytes(len), out);
      return true;
    }
    const element = this.#elements.find(cell, buf, off, len);
    if (element === 0) return false;
    this.#elements.value(element, out);
    return true;
  }

  has(ref: Address, buf: Uint8Array, off: number, len: number): boolean {
    return this.get(ref, buf, off, len, this.#bytes);
  }

  /** Removes a field, with its time; whether it was there. A hash left empty is the caller's to remove. */
  delete(ref: Address, buf: Uint8Array, off: number, len: number): boolean {
    this.times.clear(ref, buf, off, len);
    return this.#deleteFound(ref, buf, off, len);
  }

  #deleteFound(ref: Address, buf: Uint8Array, off: number, len: number): boolean {
    const cell = this.#entries.valueAddress(ref);
    if (this.#packed.isPacked(cell)) {
      const pos = this.#packed.find(cell, buf, off, len, STRIDE);
      if (pos < 0) return false;
      this.#packed.remove(cell, pos, STRIDE);
      return true;
    }
    const element = this.#elements.find(cell, buf, off, len);
    if (element === 0) return false;
    this.#elements.remove(cell, element);
    return true;
  }

  // ---- Walking ----

  newCursor(): HashCursor {
    return new HashCursor(this.#packed, this.#elements, this.times);
  }

  /** Begins a walk over all fields, with a cursor that is reused: one walk at a time. */
  walk(ref: Address): HashCursor {
    return this.#cursor.open(this.#entries.valueAddress(ref), this.#hides(ref) ? ref : 0);
  }

  /**
   * Chooses fields for HSCAN, to be read by `readChosen`: all of a small hash, else about `count` from `cursor` on in
   * the order of their hashes. Fields that stay are seen at least once however the hash changes between calls.
   * @returns the cursor to go on from, or 0 at the end.
   */
  scan(ref: Address, cursor: number, count: number): number {
    const cell = this.#entries.valueAddress(ref);
    this.#chosen.length = 0;
    if (this.#packed.isPacked(cell)) {
      const n = this.#packed.positions(cell, STRIDE);
      for (let i = 0; i < n; i++) this.#chosen.push(this.#packed.table[i]!);
      this.#dropHidden(ref);
      return 0;
    }
    if (cursor >= HASH_END) return 0;
    const next = this.#elements.scan(cell, cursor, count, this.#chosen);
    this.#dropHidden(ref);
    return next >= HASH_END ? 0 : next;
  }

  /**
   * Chooses `count` fields at random, to be read by `readChosen`: distinct ones (all, if there are no more), or each
   * independent of the others. The hash must not be empty.
   */
  choose(ref: Address, count: number, distinct: boolean): void {
    const cell = this.#entries.valueAddress(ref);
    const chosen = this.#chosen;
    const random = this.#random;
    chosen.length = 0;
    if (this.#hides(ref)) this.#chooseVisible(ref, count, distinct);
    else if (this.#packed.isPacked(cell)) {
      const n = this.#packed.positions(cell, STRIDE);
      const { table } = this.#packed;
      if (distinct) {
        sampleAscending(n, count, random, chosen);
        for (let i = 0; i < chosen.length; i++) chosen[i] = table[chosen[i]!]!;
      } else for (let i = 0; i < count; i++) chosen.push(table[Math.floor(random() * n)]!);
    } else if (distinct) this.#elements.sample(cell, count, random, chosen);
    else for (let i = 0; i < count; i++) chosen.push(this.#elements.random(cell, random));
  }

  /** As `choose`, among the fields that are to be seen. */
  #chooseVisible(ref: Address, count: number, distinct: boolean): void {
    const chosen = this.#chosen;
    const random = this.#random;
    this.scan(ref, 0, HASH_END);
    const visible = chosen.slice();
    chosen.length = 0;
    if (distinct) {
      sampleAscending(visible.length, count, random, chosen);
      for (let i = 0; i < chosen.length; i++) chosen[i] = visible[chosen[i]!]!;
    } else for (let i = 0; i < count; i++) chosen.push(visible[Math.floor(random() * visible.length)]!);
  }

  /** Takes fields that are hidden out of those chosen. */
  #dropHidden(ref: Address): void {
    if (!this.#hides(ref)) return;
    const cell = this.#entries.valueAddress(ref);
    const isPacked = this.#packed.isPacked(cell);
    const field = this.#bytes;
    let kept = 0;
    for (const handle of this.#chosen) {
      if (isPacked) this.#packed.read(cell, handle, field);
      else this.#elements.key(handle, field);
      if (!this.times.isDue(ref, field.buf, field.off, field.len)) this.#chosen[kept++] = handle;
    }
    this.#chosen.length = kept;
  }

  /** How many fields `scan` or `choose` chose. */
  get chosen(): number {
    return this.#chosen.length;
  }

  /** Points `field` and `value` at the i-th field chosen; the hash must not have changed since. */
  readChosen(ref: Address, i: number, field: Bytes, value: Bytes): void {
    const cell = this.#entries.valueAddress(ref);
    const handle = this.#chosen[i]!;
    if (this.#packed.isPacked(cell)) {
      this.#packed.read(cell, this.#packed.read(cell, handle, field), value);
    } else {
      this.#elements.key(handle, field);
      this.#elements.value(handle, value);
    }
  }

  // ---- Inside ----

  #leadsToLarge(fields: number, longestBytes: number, bytes: number): boolean {
    const limits = this.#limits;
    return fields > limits.hashMaxListpackEntries || longestBytes > limits.hashMaxListpackValue || bytes > PACKED_BYTES_MAX;
  }

  #isPacked(ref: Address): boolean {
    return this.#packed.isPacked(this.#entries.valueAddress(ref));
  }

  #setLarge(
    root: Address, buf: Uint8Array, off: number, len: number, vbuf: Uint8Array, voff: number, vlen: number,
  ): boolean {
    const element = this.#elements.find(root, buf, off, len);
    if (element === 0) this.#elements.addSoughtField(root, buf, off, len, vbuf, voff, vlen);
    else this.#elements.setValue(root, element, vbuf, voff, vlen);
    return element === 0;
  }

  /** Makes a packed hash large; returns its root. */
  #enlarge(ref: Address, cell: Address): Address {
    const root = this.#toLarge(cell);
    this.#entries.setValueAddress(ref, root);
    this.#packed.free(cell);
    return root;
  }

  /** A new root, owned by nobody yet, with a copy of every field. */
  #toLarge(cell: Address): Address {
    const root = this.#elements.newRoot(this.#packed.count(cell) / STRIDE);
    const cursor = this.#ownCursor.open(cell);
    while (cursor.next()) {
      const { field, value } = cursor;
      this.#elements.addField(root, field.buf, field.off, field.len, value.buf, value.off, value.len);
    }
    return root;
  }
}
