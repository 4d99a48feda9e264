/**
 * Consumer groups of streams: how far each group has read, its consumers, and the entries that are pending with them.
 *
 * Groups and consumers are named by addresses of pinned records, valid until they are destroyed. A pending entry is a record
 * in its group's tree, which knows its consumer, and an id in the consumer's own. Never looks at a stream's entries.
 */
import { invariant } from '../../shared/errors.ts';
import { Int64 } from '../../shared/int64.ts';
import { StreamId } from '../../shared/stream-id.ts';
import { type Address, PINNED_BYTES } from '../memory/arena.ts';
import type { Bytes } from '../memory/entries.ts';
import { IdCursor, IdTree } from '../memory/id-tree.ts';
import type { StreamNames } from '../memory/stream-names.ts';
import {
  CONSUMER_ACTIVE_MS, CONSUMER_SEEN_MS, GROUP_ENTRIES_READ, GROUP_LAST_ID, type StreamRecords,
} from '../memory/stream-records.ts';

/** Words of a pending entry in its group's tree. */
const PENDING_CONSUMER = 0;
const PENDING_DELIVERED_MS = 1;
const PENDING_DELIVERIES = 3;
const PENDING_WORDS = 5;

/** A place among what is pending with a group or a consumer: valid until that changes, or the next command. */
export class PendingCursor extends IdCursor {}

/** Of a consumer that was never given an entry. */
export const NEVER_ACTIVE_MS = -1;

export class StreamGroups {
  readonly #tree: IdTree;
  readonly #names: StreamNames;
  readonly #records: StreamRecords;
  readonly #own = new IdCursor();
  readonly #id = new StreamId();
  readonly #int64 = new Int64();

  constructor(tree: IdTree, names: StreamNames, records: StreamRecords) {
    this.#tree = tree;
    this.#names = names;
    this.#records = records;
  }

  // ---- Groups of a stream, which is given by its root ----

  count(root: Address): number {
    return this.#names.count(root);
  }

  /** The group of an index in the order of names. */
  at(root: Address, index: number): Address {
    return this.#names.at(root, index);
  }

  /** The group of a name, or 0. */
  find(root: Address, buf: Uint8Array, off: number, len: number): Address {
    return this.#names.find(root, buf, off, len);
  }

  /** Makes a group; its name must be free. */
  create(root: Address, buf: Uint8Array, off: number, len: number, lastId: StreamId, entriesRead: Int64): Address {
    const group = this.#records.create(root);
    this.#names.add(root, group, buf, off, len);
    this.setLastId(group, lastId);
    this.setEntriesRead(group, entriesRead);
    return group;
  }

  destroy(root: Address, group: Address): void {
    while (!this.#freeGroupStep(group));
    this.#names.remove(root, group);
    this.#records.free(group);
  }

  /** Name of a group or a consumer. */
  name(record: Address, out: Bytes): void {
    this.#names.name(record, out);
  }

  lastId(group: Address, out: StreamId): void {
    this.#records.id(group, GROUP_LAST_ID, out);
  }

  setLastId(group: Address, id: StreamId): void {
    this.#records.setId(group, GROUP_LAST_ID, id);
  }

  /** How many entries of those ever added the group has read; -1 where that is unknown. */
  entriesRead(group: Address, out: Int64): void {
    this.#records.int64(group, GROUP_ENTRIES_READ, out);
  }

  setEntriesRead(group: Address, value: Int64): void {
    this.#records.setInt64(group, GROUP_ENTRIES_READ, value);
  }

  // ---- Consumers of a group ----

  consumers(group: Address): number {
    return this.#names.count(group);
  }

  /** The consumer of an index in the order of names. */
  consumerAt(group: Address, index: number): Address {
    return this.#names.at(group, index);
  }

  /** The consumer of a name, or 0. */
  findConsumer(group: Address, buf: Uint8Array, off: number, len: number): Address {
    return this.#names.find(group, buf, off, len);
  }

  /** Makes a consumer; its name must be free. */
  createConsumer(group: Address, buf: Uint8Array, off: number, len: number, nowMs: number): Address {
    const consumer = this.#records.create(group);
    this.#names.add(group, consumer, buf, off, len);
    this.setSeenMs(consumer, nowMs);
    this.setActiveMs(consumer, NEVER_ACTIVE_MS);
    return consumer;
  }

  /** Deletes a consumer with what is pending with it. */
  deleteConsumer(group: Address, consumer: Address): void {
    const cursor = new PendingCursor();
    for (let more = this.#tree.first(consumer, cursor); more; more = this.#tree.next(cursor)) {
      this.#tree.id(cursor, this.#id);
      this.#tree.find(group, this.#id, this.#own);
      this.#tree.remove(this.#own);
    }
    this.#records.addCount(group, -this.pending(consumer));
    while (this.#tree.dropLastLeaf(consumer));
    this.#names.remove(group, consumer);
    this.#records.free(consumer);
  }

  /** When the consumer last asked for something, ms since the epoch. */
  seenMs(consumer: Address): number {
    return this.#time(consumer, CONSUMER_SEEN_MS);
  }

  setSeenMs(consumer: Address, atMs: number): void {
    this.#records.setInt64(consumer, CONSUMER_SEEN_MS, this.#int64.setNumber(atMs));
  }

  /** When it was last given an entry, or NEVER_ACTIVE_MS. */
  activeMs(consumer: Address): number {
    return this.#time(consumer, CONSUMER_ACTIVE_MS);
  }

  setActiveMs(consumer: Address, atMs: number): void {
    this.#records.setInt64(consumer, CONSUMER_ACTIVE_MS, this.#int64.setNumber(atMs));
  }

  // ---- Pending entries of a group, or of a consumer (either is an owner) ----

  /** How many there are. */
  pending(owner: Address): number {
    return this.#records.count(owner);
  }

  firstPending(owner: Address, cursor: PendingCursor): boolean {
    return this.#tree.first(owner, cursor);
  }

  lastPending(owner: Address, cursor: PendingCursor): boolean {
    return this.#tree.last(owner, cursor);
  }

  /** Puts the cursor on the first pending entry that is not before an id; whether there is one. */
  seekPending(owner: Address, id: StreamId, cursor: PendingCursor): boolean {
    return this.#tree.seek(owner, id, cursor);
  }

  nextPending(cursor: PendingCursor): boolean {
    return this.#tree.next(cursor);
  }

  pendingId(cursor: PendingCursor, out: StreamId): void {
    this.#tree.id(cursor, out);
  }

  // ---- A pending entry in its group: the cursor is on the group's ----

  findPending(group: Address, id: StreamId, cursor: PendingCursor): boolean {
    return this.#tree.find(group, id, cursor);
  }

  consumerOf(cursor: PendingCursor): Address {
    return this.#tree.word(cursor, PENDING_CONSUMER);
  }

  /** When the entry was last delivered, ms since the epoch. */
  deliveredMs(cursor: PendingCursor): number {
    return this.#int64.set(this.#tree.word(cursor, PENDING_DELIVERED_MS), this.#tree.word(cursor, PENDING_DELIVERED_MS + 1)).toNumber();
  }

  setDeliveredMs(cursor: PendingCursor, atMs: number): void {
    const { hi, lo } = this.#int64.setNumber(atMs);
    this.#tree.setWord(cursor, PENDING_DELIVERED_MS, hi);
    this.#tree.setWord(cursor, PENDING_DELIVERED_MS + 1, lo);
  }

  /** How often the entry was delivered. */
  deliveries(cursor: PendingCursor, out: Int64): void {
    out.set(this.#tree.word(cursor, PENDING_DELIVERIES), this.#tree.word(cursor, PENDING_DELIVERIES + 1));
  }

  setDeliveries(cursor: PendingCursor, value: Int64): void {
    this.#tree.setWord(cursor, PENDING_DELIVERIES, value.hi);
    this.#tree.setWord(cursor, PENDING_DELIVERIES + 1, value.lo);
  }

  /**
   * Puts the cursor on the pending entry of an id, which is added if it is not there, and makes it the consumer's. What
   * was added has neither time nor count yet. @returns whether it was added.
   */
  assign(group: Address, consumer: Address, id: StreamId, cursor: PendingCursor): boolean {
    const isNew = this.#tree.insert(group, id, PENDING_WORDS, cursor);
    if (isNew) this.#records.addCount(group, 1);
    else {
      const before = this.consumerOf(cursor);
      if (before === consumer) return false;
      this.#forget(before, id);
    }
    this.#tree.setWord(cursor, PENDING_CONSUMER, consumer);
    this.#tree.insert(consumer, id, 0, this.#own);
    this.#records.addCount(consumer, 1);
    return isNew;
  }

  /** Makes the entry at the cursor pending no more. */
  acknowledge(group: Address, cursor: PendingCursor): void {
    this.#tree.id(cursor, this.#id);
    this.#forget(this.consumerOf(cursor), this.#id);
    this.#tree.remove(cursor);
    this.#records.addCount(group, -1);
  }

  /** Adds a pending entry that has no consumer yet; `adopt` must give it one. For loading. @returns whether it is new. */
  addOrphan(group: Address, id: StreamId, cursor: PendingCursor): boolean {
    if (!this.#tree.insert(group, id, PENDING_WORDS, cursor)) return false;
    this.#tree.setWord(cursor, PENDING_CONSUMER, 0);
    this.#records.addCount(group, 1);
    return true;
  }

  /** Gives an entry without a consumer one. For loading. @returns whether there is such an entry. */
  adopt(group: Address, consumer: Address, id: StreamId, cursor: PendingCursor): boolean {
    if (!this.#tree.find(group, id, cursor) || this.consumerOf(cursor) !== 0) return false;
    this.#tree.setWord(cursor, PENDING_CONSUMER, consumer);
    this.#tree.insert(consumer, id, 0, this.#own);
    this.#records.addCount(consumer, 1);
    return true;
  }

  // ---- All groups of a stream ----

  /** Gives a stream that has no groups yet copies of another's. */
  copy(from: Address, to: Address, name: Bytes): void {
    const cursor = new PendingCursor();
    const id = new StreamId();
    const count = new Int64();
    for (let g = 0; g < this.count(from); g++) {
      const source = this.at(from, g);
      this.name(source, name);
      this.lastId(source, id);
      this.entriesRead(source, count);
      const group = this.create(to, name.buf, name.off, name.len, id, count);
      for (let n = 0; n < this.consumers(source); n++) this.#copyConsumer(this.consumerAt(source, n), group, name);
      for (let more = this.firstPending(source, cursor); more; more = this.nextPending(cursor)) {
        const owner = this.consumerOf(cursor);
        this.name(owner, name);
        this.pendingId(cursor, id);
        const target = new PendingCursor();
        this.assign(group, this.findConsumer(group, name.buf, name.off, name.len), id, target);
        this.setDeliveredMs(target, this.deliveredMs(cursor));
        this.deliveries(cursor, count);
        this.setDeliveries(target, count);
      }
    }
  }

  #copyConsumer(consumer: Address, group: Address, name: Bytes): void {
    this.name(consumer, name);
    const copy = this.createConsumer(group, name.buf, name.off, name.len, this.seenMs(consumer));
    this.setActiveMs(copy, this.activeMs(consumer));
  }

  /** Frees about a leaf's worth of a stream's groups; whether there is nothing left. */
  freeStep(root: Address): boolean {
    const count = this.count(root);
    if (count === 0) return true;
    const group = this.at(root, count - 1);
    if (this.#freeGroupStep(group)) {
      this.#names.remove(root, group);
      this.#records.free(group);
    }
    return false;
  }

  #freeGroupStep(group: Address): boolean {
    const count = this.consumers(group);
    if (count === 0) return !this.#tree.dropLastLeaf(group);
    const consumer = this.consumerAt(group, count - 1);
    if (this.#tree.dropLastLeaf(consumer)) return false;
    this.#names.remove(group, consumer);
    this.#records.free(consumer);
    return false;
  }

  memoryBytes(root: Address): number {
    let bytes = this.#names.memoryBytes(root);
    for (let g = 0; g < this.count(root); g++) {
      const group = this.at(root, g);
      bytes += PINNED_BYTES + this.#names.memoryBytes(group) + IdTree.bytes(this.pending(group), PENDING_WORDS);
      for (let n = 0; n < this.consumers(group); n++) bytes += PINNED_BYTES + IdTree.bytes(this.pending(this.consumerAt(group, n)), 0);
    }
    return bytes;
  }

  /** Calls `visit` for every cell of a stream's groups. */
  eachCell(root: Address, visit: (address: Address) => void): void {
    this.#names.eachCell(root, visit);
    for (let g = 0; g < this.count(root); g++) {
      const group = this.at(root, g);
      visit(group);
      this.#names.eachCell(group, visit);
      this.#tree.eachCell(group, visit);
      for (let n = 0; n < this.consumers(group); n++) {
        visit(this.consumerAt(group, n));
        this.#tree.eachCell(this.consumerAt(group, n), visit);
      }
    }
  }

  /** Asserts that groups, consumers and pending entries agree. */
  check(root: Address): void {
    const cursor = new PendingCursor();
    const id = new StreamId();
    this.#names.check(root);
    for (let g = 0; g < this.count(root); g++) {
      const group = this.at(root, g);
      invariant(this.#records.owner(group) === root, 'stream groups: a group of another stream');
      this.#names.check(group);
      invariant(this.#tree.check(group) === this.pending(group), 'stream groups: a group counts its pending entries wrongly');
      let ofConsumers = 0;
      for (let n = 0; n < this.consumers(group); n++) {
        const consumer = this.consumerAt(group, n);
        invariant(this.#records.owner(consumer) === group, 'stream groups: a consumer of another group');
        invariant(this.#tree.check(consumer) === this.pending(consumer), 'stream groups: a consumer counts its pending entries wrongly');
        ofConsumers += this.pending(consumer);
        for (let more = this.#tree.first(consumer, cursor); more; more = this.#tree.next(cursor)) {
          this.#tree.id(cursor, id);
          const found = this.#tree.find(group, id, this.#own) && this.consumerOf(this.#own) === consumer;
          invariant(found, "stream groups: a consumer's entry is not pending with it");
        }
      }
      invariant(ofConsumers === this.pending(group), 'stream groups: an entry is pending with nobody');
    }
  }

  // ---- Inside ----

  /** Takes an id out of a consumer's own pending entries. */
  #forget(consumer: Address, id: StreamId): void {
    const found = this.#tree.find(consumer, id, this.#own);
    invariant(found, 'stream groups: an entry is pending with a consumer that does not know it');
    this.#tree.remove(this.#own);
    this.#records.addCount(consumer, -1);
  }

  #time(record: Address, at: number): number {
    this.#records.int64(record, at, this.#int64);
    return this.#int64.toNumber();
  }
}
