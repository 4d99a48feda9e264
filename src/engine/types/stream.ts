/**
 * Streams: entries in the order of their ids, as commands see them. Consumer groups stand in stream-groups.ts.
 *
 * A stream is named by the ref of its keyspace entry. Its cell is a pinned root; entries stand in nodes below it. A stream
 * may be empty and stay. This file finds out about neither keys nor expiry, and never reports a change: the command does.
 */
import { invariant } from '../../shared/errors.ts';
import { Int64 } from '../../shared/int64.ts';
import type { Request } from '../../shared/request.ts';
import { ID_TEXT_BYTES, StreamId } from '../../shared/stream-id.ts';
import type { EncodingLimits } from '../encoding-limits.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { type Address, type Arena, PINNED_BYTES } from '../memory/arena.ts';
import { Bytes, type Entries, EntryType } from '../memory/entries.ts';
import { IdCursor, IdTree } from '../memory/id-tree.ts';
import type { LazyFree, RootFreer } from '../memory/lazy-free.ts';
import { StreamNames } from '../memory/stream-names.ts';
import { NODE_BYTES_MAX, StreamNodes } from '../memory/stream-nodes.ts';
import { STREAM_ENTRIES_ADDED, STREAM_LAST_ID, STREAM_MAX_DELETED_ID, StreamRecords } from '../memory/stream-records.ts';
import type { Collection, ElementVisitor } from './collection.ts';
import { StreamCursor } from './stream-cursor.ts';
import { StreamGroups } from './stream-groups.ts';

/** Words of a record in the directory of nodes. */
const DIRECTORY_WORDS = 1;
const MIN_ID = new StreamId().setMin();
const MAX_ID = new StreamId().setMax();
/** Fields and values of one entry may be no longer in all. */
export const ENTRY_BYTES_MAX = NODE_BYTES_MAX;
/** How many entries a group has read, where that cannot be told. */
export const ENTRIES_READ_UNKNOWN = -1n;

/** A node of a stream: valid until the stream changes, or the next command. */
export class NodeCursor extends IdCursor {}

/** What `trim` removes from the beginning of a stream. */
export interface StreamTrim {
  /** So many entries stay, if `minId` is null. */
  readonly maxLength: number;
  /** All before it are removed. */
  readonly minId: StreamId | null;
  /** Only whole nodes are removed. */
  readonly isApproximate: boolean;
  /** At most so many entries are removed; 0: any number. */
  readonly limit: number;
}

export class Streams implements Collection, RootFreer {
  readonly groups: StreamGroups;
  readonly #arena: Arena;
  readonly #entries: Entries;
  readonly #limits: EncodingLimits;
  readonly #tree: IdTree;
  readonly #nodes: StreamNodes;
  readonly #records: StreamRecords;
  /** For the caller. */
  readonly #cursor: StreamCursor;
  /** For work on a stream while the caller walks one. */
  readonly #ownCursor: StreamCursor;
  readonly #place = new IdCursor();
  readonly #id = new StreamId();
  readonly #int64 = new Int64();
  readonly #idText = new Uint8Array(ID_TEXT_BYTES);

  constructor(keyspace: Keyspace, lazyFree: LazyFree, limits: EncodingLimits) {
    const { arena, compactor, entries } = keyspace;
    this.#arena = arena;
    this.#entries = entries;
    this.#limits = limits;
    this.#tree = new IdTree(arena, compactor);
    this.#nodes = new StreamNodes(arena, compactor, this.#tree);
    this.#records = new StreamRecords(arena);
    this.groups = new StreamGroups(this.#tree, new StreamNames(arena, compactor), this.#records);
    this.#cursor = this.newCursor();
    this.#ownCursor = this.newCursor();
    lazyFree.register(EntryType.stream, this);
  }

  // ---- As a whole ----

  /** Makes the value of an entry that has none yet: an empty stream. */
  begin(ref: Address): void {
    this.#entries.setValueAddress(ref, this.#records.create(0));
  }

  /** The stream's record, which its groups are asked for by. */
  root(ref: Address): Address {
    return this.#entries.valueAddress(ref);
  }

  /** Number of entries. */
  length(ref: Address): number {
    return this.#records.count(this.root(ref));
  }

  encoding(): string {
    return 'stream';
  }

  /** Gives the entry `to`, which has no value yet, a copy of the stream at `from`. */
  copy(from: Address, to: Address): void {
    const source = this.root(from);
    const root = this.#records.create(0);
    this.#nodes.copy(source, root);
    this.#records.addCount(root, this.#records.count(source));
    for (const at of [STREAM_LAST_ID, STREAM_MAX_DELETED_ID]) {
      this.#records.id(source, at, this.#id);
      this.#records.setId(root, at, this.#id);
    }
    this.#records.int64(source, STREAM_ENTRIES_ADDED, this.#int64);
    this.#records.setInt64(root, STREAM_ENTRIES_ADDED, this.#int64);
    this.groups.copy(source, root, new Bytes());
    this.#entries.setValueAddress(to, root);
  }

  /** Shows every entry: its id as an element, then its fields. */
  visit(ref: Address, visitor: ElementVisitor): void {
    const cursor = this.#ownCursor.open(this.root(ref), MIN_ID, MAX_ID, false);
    const { field, value } = cursor;
    while (cursor.next()) {
      visitor.element(this.#idText, 0, cursor.id.write(this.#idText, 0));
      for (let n = cursor.pairs; n > 0; n--) {
        cursor.nextPair();
        visitor.field(field.buf, field.off, field.len, value.buf, value.off, value.len);
      }
    }
  }

  /** Bytes of memory; of the nodes only about `samples` are looked at (0: all). */
  memoryBytes(ref: Address, samples: number): number {
    const root = this.root(ref);
    const place = this.#place;
    const nodes = this.#nodes.count(root);
    let sampled = 0;
    let bytes = 0;
    for (let more = this.#tree.first(root, place); more && (samples === 0 || sampled < samples); more = this.#tree.next(place)) {
      bytes += this.#arena.cellBytes(this.#nodes.node(place));
      sampled++;
    }
    if (nodes > sampled) bytes = Math.round((bytes * nodes) / sampled);
    return PINNED_BYTES + IdTree.bytes(nodes, DIRECTORY_WORDS) + bytes + this.groups.memoryBytes(root);
  }

  check(ref: Address, visit: (address: Address) => void): void {
    const root = this.root(ref);
    invariant(this.#nodes.check(root) === this.#records.count(root), 'streams: a stream counts its entries wrongly');
    this.groups.check(root);
    this.eachCell(root, 0, visit);
  }

  /** Frees nodes from the end on, then groups, at last the root, which leaves the rest a sound stream: for LazyFree. */
  freeStep(root: Address, _progress: number, budget: number): number {
    let left = budget;
    for (; left > 0 && this.#nodes.dropLast(root); left--);
    for (; left > 0; left--) {
      if (!this.groups.freeStep(root)) continue;
      this.#records.free(root);
      return -1;
    }
    return 1;
  }

  eachCell(root: Address, _progress: number, visit: (address: Address) => void): void {
    visit(root);
    this.#nodes.eachCell(root, visit);
    this.groups.eachCell(root, visit);
  }

  // ---- Ids and counters ----

  /** The greatest id that was ever added or set. */
  lastId(ref: Address, out: StreamId): void {
    this.#records.id(this.root(ref), STREAM_LAST_ID, out);
  }

  setLastId(ref: Address, id: StreamId): void {
    this.#records.setId(this.root(ref), STREAM_LAST_ID, id);
  }

  /** The greatest id that was deleted, or 0-0. */
  maxDeletedId(ref: Address, out: StreamId): void {
    this.#records.id(this.root(ref), STREAM_MAX_DELETED_ID, out);
  }

  setMaxDeletedId(ref: Address, id: StreamId): void {
    this.#records.setId(this.root(ref), STREAM_MAX_DELETED_ID, id);
  }

  /** How many entries were ever added. */
  entriesAdded(ref: Address, out: Int64): void {
    this.#records.int64(this.root(ref), STREAM_ENTRIES_ADDED, out);
  }

  setEntriesAdded(ref: Address, value: Int64): void {
    this.#records.setInt64(this.root(ref), STREAM_ENTRIES_ADDED, value);
  }

  /** Id of the first entry; 0-0 where there is none. */
  firstId(ref: Address, out: StreamId): void {
    const cursor = this.#ownCursor.open(this.root(ref), MIN_ID, MAX_ID, false);
    if (cursor.next()) out.copy(cursor.id);
    else out.setMin();
  }

  /** Id of the last entry; 0-0 where there is none. */
  lastEntryId(ref: Address, out: StreamId): void {
    const cursor = this.#ownCursor.open(this.root(ref), MIN_ID, MAX_ID, true);
    if (cursor.next()) out.copy(cursor.id);
    else out.setMin();
  }

  /**
   * How many entries were added up to and with an id, as far as that can be told; else ENTRIES_READ_UNKNOWN
   * (streamEstimateDistanceFromFirstEverEntry in Redis).
   */
  entriesUpTo(ref: Address, id: StreamId): bigint {
    const other = this.#id;
    this.entriesAdded(ref, this.#int64);
    const added = this.#int64.toBig();
    if (added === 0n) return 0n;
    this.lastId(ref, other);
    const length = this.length(ref);
    const beyondLast = id.compare(other);
    if (beyondLast === 0 || (length === 0 && beyondLast < 0)) return added;
    if (beyondLast > 0) return ENTRIES_READ_UNKNOWN;
    const first = new StreamId();
    this.firstId(ref, first);
    this.maxDeletedId(ref, other);
    if (!other.isZero() && other.compare(first) >= 0) return ENTRIES_READ_UNKNOWN;
    const beyondFirst = id.compare(first);
    if (beyondFirst > 0) return ENTRIES_READ_UNKNOWN;
    const before = added - BigInt(length);
    return before < 0n ? ENTRIES_READ_UNKNOWN : before + (beyondFirst === 0 ? 1n : 0n);
  }

  /** Whether entries from an id on, but not the first ones of the stream, were deleted (streamRangeHasTombstones in Redis). */
  hasDeletedFrom(ref: Address, id: StreamId): boolean {
    const deleted = this.#id;
    this.maxDeletedId(ref, deleted);
    if (this.length(ref) === 0 || deleted.isZero() || id.compare(deleted) > 0) return false;
    const first = new StreamId();
    this.firstId(ref, first);
    return first.compare(deleted) <= 0;
  }

  /** How many entries a group has still to read; null where that cannot be told. */
  lag(ref: Address, group: Address): bigint | null {
    const added = new Int64();
    const read = new Int64();
    const id = new StreamId();
    this.entriesAdded(ref, added);
    if (added.isZero()) return 0n;
    this.groups.entriesRead(group, read);
    this.groups.lastId(group, id);
    let known = read.toBig();
    if (known === ENTRIES_READ_UNKNOWN || this.hasDeletedFrom(ref, id)) known = this.entriesUpTo(ref, id);
    return known === ENTRIES_READ_UNKNOWN ? null : added.toBig() - known;
  }

  /** Notes that a group was given an entry, if it is behind all that it was given before; whether it is. */
  advance(ref: Address, group: Address, id: StreamId): boolean {
    const read = this.#int64;
    this.groups.lastId(group, this.#id);
    if (id.compare(this.#id) <= 0) return false;
    this.groups.entriesRead(group, read);
    const isKnown = read.hi !== -1 || read.lo !== -1;
    if (isKnown && !this.hasDeletedFrom(ref, id)) {
      read.increment();
      // A counter that was set to the greatest number there is counts no further.
      this.groups.setEntriesRead(group, read.hi < 0 ? read.setNumber(-1) : read);
    } else {
      this.entriesAdded(ref, read);
      if (!read.isZero()) this.groups.setEntriesRead(group, new Int64().setBig(this.entriesUpTo(ref, id)));
    }
    this.groups.setLastId(group, id);
    return true;
  }

  // ---- Entries ----

  /**
   * Appends an entry; its id must be behind the last one. Its fields and values are the request's arguments from `first` on,
   * `bytes` bytes in all.
   */
  append(ref: Address, id: StreamId, request: Request, first: number, bytes: number): void {
    const root = this.root(ref);
    this.#nodes.append(root, id, request, first, bytes, this.#limits);
    this.#records.addCount(root, 1);
    this.#records.setId(root, STREAM_LAST_ID, id);
    const added = this.#int64;
    this.#records.int64(root, STREAM_ENTRIES_ADDED, added);
    added.increment();
    this.#records.setInt64(root, STREAM_ENTRIES_ADDED, added);
  }

  has(ref: Address, id: StreamId): boolean {
    return this.#ownCursor.open(this.root(ref), id, id, false).next();
  }

  /** Deletes an entry; whether it was there. */
  delete(ref: Address, id: StreamId): boolean {
    const root = this.root(ref);
    const cursor = this.#ownCursor.open(root, id, id, false);
    if (!cursor.next()) return false;
    this.#nodes.delete(cursor.place, cursor.position);
    this.#records.addCount(root, -1);
    this.maxDeletedId(ref, this.#id);
    if (id.compare(this.#id) > 0) this.setMaxDeletedId(ref, id);
    return true;
  }

  /** Removes entries from the beginning. Returns how many. */
  trim(ref: Address, trim: StreamTrim): number {
    const root = this.root(ref);
    const { minId, maxLength, limit } = trim;
    const place = this.#place;
    const length = this.#records.count(root);
    let removed = 0;
    while (this.#tree.first(root, place)) {
      if (minId === null && length - removed <= maxLength) break;
      const node = this.#nodes.node(place);
      const live = this.#nodes.live(node);
      if (limit !== 0 && removed + live > limit) break;
      let isWhole = length - removed - live >= maxLength;
      if (minId !== null) {
        this.#nodes.lastId(node, this.#id);
        isWhole = this.#id.compare(minId) < 0;
      }
      if (isWhole) {
        this.#nodes.drop(place);
        removed += live;
        continue;
      }
      if (!trim.isApproximate) removed += this.#nodes.deleteFront(place, minId === null ? length - removed - maxLength : Infinity, minId);
      break;
    }
    this.#records.addCount(root, -removed);
    return removed;
  }

  // ---- Walking ----

  newCursor(): StreamCursor {
    return new StreamCursor(this.#tree, this.#nodes);
  }

  /** Begins a walk from `start` to `end`, both included, with a cursor that is reused: one walk at a time. */
  walk(ref: Address, start: StreamId, end: StreamId, isReverse: boolean): StreamCursor {
    return this.#cursor.open(this.root(ref), start, end, isReverse);
  }

  // ---- Nodes, for files and XINFO ----

  nodeCount(ref: Address): number {
    return this.#nodes.count(this.root(ref));
  }

  /** Puts the cursor on the first node; whether there is one. `nextNode` goes on. */
  firstNode(ref: Address, cursor: NodeCursor): boolean {
    return this.#tree.first(this.root(ref), cursor);
  }

  nextNode(cursor: NodeCursor): boolean {
    return this.#tree.next(cursor);
  }

  /** The id that the node at the cursor stands under, and its listpack. */
  readNode(cursor: NodeCursor, id: StreamId, listpack: Bytes): void {
    this.#tree.id(cursor, id);
    this.#nodes.listpack(this.#nodes.node(cursor), listpack);
  }

  /** Adds a node behind all others, whose listpack was checked and holds so many live entries: for loading. */
  addNode(ref: Address, id: StreamId, buf: Uint8Array, off: number, len: number, live: number): void {
    const root = this.root(ref);
    this.#nodes.add(root, id, buf, off, len);
    this.#records.addCount(root, live);
  }
}
