/**
 * Stream nodes: runs of a stream's entries in one cell each, as the listpacks that Redis keeps them in, so that RDB files
 * take them as they are. The first entry's fields stand once, at the beginning; entries with the same have values alone.
 *
 * Owns the layout of Kind.streamNode, every change of a node, and the directory that finds nodes by their first id. Reading
 * stands in types/stream-cursor.ts. A node belongs to a stream's pinned root, which it names.
 *
 *   w0 kind | w1 root | w2–w5 id of the first entry, to which all ids within are relative | listpack:
 *   live entries, deleted ones, number of fields, fields, 0; then for each entry
 *   flags, ms and sequence less the first id's, [number of fields, unless the same], [field,] value …, number of elements
 *
 * Positions are offsets in the chunk's bytes; they end with any change of the node.
 */
import { ByteCopier } from '../../shared/byte-copier.ts';
import { invariant } from '../../shared/errors.ts';
import { Int64 } from '../../shared/int64.ts';
import { ListpackWriter } from '../../shared/rdb/listpack.ts';
import { putUint16 } from '../../shared/rdb/packed-cursor.ts';
import { StreamEntryFlag } from '../../shared/rdb/rdb-types.ts';
import type { Request } from '../../shared/request.ts';
import { StreamId } from '../../shared/stream-id.ts';
import type { EncodingLimits } from '../encoding-limits.ts';
import { type Address, Arena, CHUNK_MASK, CHUNK_SHIFT, Kind } from './arena.ts';
import type { Compactor } from './compaction.ts';
import { Bytes } from './entries.ts';
import { IdCursor, type IdTree } from './id-tree.ts';
import {
  INTEGER_TEXT_BYTES, LISTPACK_END, LISTPACK_HEADER_BYTES, countBytes, isElement, nextElement, previousElement, readElement,
  readInteger, smallInteger, writeCount,
} from './listpack-elements.ts';
import { copyBytes } from './records.ts';

const NODE_ROOT = 1;
const NODE_ID = 2;
/** Where a node's listpack begins. */
const LISTPACK_AT = 24;
const ELEMENT_COUNT_UNKNOWN = 65535;
/** Neither a node nor the bytes of one entry's fields and values may be larger, as in Redis. */
export const NODE_BYTES_MAX = 2 ** 30;
/** A node that grows gets at most this much room in advance. */
const GROWTH_BYTES_MAX = 4096;
/** What changed counts may add to a node. */
const COUNTS_BYTES = 2;

/** Word of a stream's root: how many nodes it has. */
const ROOT_NODES = 15;
/** Words of a directory's record: the node. */
const DIRECTORY_WORDS = 1;

export class StreamNodes {
  readonly #arena: Arena;
  readonly #tree: IdTree;
  readonly #writer = new ListpackWriter();
  readonly #copier = new ByteCopier();
  readonly #cursor = new IdCursor();
  readonly #id = new StreamId();
  readonly #delta = new Int64();
  readonly #element = new Bytes();
  readonly #digits = new Uint8Array(INTEGER_TEXT_BYTES);

  constructor(arena: Arena, compactor: Compactor, tree: IdTree) {
    this.#arena = arena;
    this.#tree = tree;
    compactor.register(Kind.streamNode, (_from, to) => this.#moved(to));
  }

  // ---- Looking ----

  /** Puts the cursor on the node that an id belongs into, or on the first one; whether there is any. */
  seek(root: Address, id: StreamId, cursor: IdCursor): boolean {
    return this.#tree.seekBack(root, id, cursor) || this.#tree.first(root, cursor);
  }

  /** Nodes of a stream. */
  count(root: Address): number {
    return this.#word(root, ROOT_NODES);
  }

  node(cursor: IdCursor): Address {
    return this.#tree.word(cursor, 0);
  }

  /** The bytes that positions in a node count in. */
  bytesOf(node: Address): Uint8Array {
    return this.#arena.u8[node >>> CHUNK_SHIFT]!;
  }

  firstId(node: Address, out: StreamId): void {
    const i32 = this.#arena.i32[node >>> CHUNK_SHIFT]!;
    const w = ((node & CHUNK_MASK) << 1) + NODE_ID;
    out.set(i32[w]!, i32[w + 1]!, i32[w + 2]!, i32[w + 3]!);
  }

  /** Entries of a node that are not deleted. */
  live(node: Address): number {
    return smallInteger(this.#arena.u8[node >>> CHUNK_SHIFT]!, this.begin(node));
  }

  /** Id of a node's last entry, deleted or not. */
  lastId(node: Address, out: StreamId): void {
    const u8 = this.#arena.u8[node >>> CHUNK_SHIFT]!;
    let at = previousElement(u8, this.end(node));
    for (let n = smallInteger(u8, at); n > 0; n--) at = previousElement(u8, at);
    this.firstId(node, out);
    this.addDelta(u8, nextElement(u8, at), out);
  }

  /** Position of a node's first element. */
  begin(node: Address): number {
    return ((node & CHUNK_MASK) << 3) + LISTPACK_AT + LISTPACK_HEADER_BYTES;
  }

  /** Position behind a node's last element. */
  end(node: Address): number {
    return ((node & CHUNK_MASK) << 3) + LISTPACK_AT + this.#bytes(node) - 1;
  }

  /** Points `out` at a node's listpack. */
  listpack(node: Address, out: Bytes): void {
    out.buf = this.#arena.u8[node >>> CHUNK_SHIFT]!;
    out.off = ((node & CHUNK_MASK) << 3) + LISTPACK_AT;
    out.len = this.#bytes(node);
  }

  /** Adds the two elements at `at` to an id. Returns the position behind them. */
  addDelta(u8: Uint8Array, at: number, id: StreamId): number {
    const ms = u8[at]!;
    const seq = u8[at + 2]!;
    // Mostly both are a byte each, and the length of that, and nothing is carried.
    if (ms < 0x80 && seq < 0x80 && id.msLo >>> 0 < 0xffffff80 && id.seqLo >>> 0 < 0xffffff80) {
      id.msLo = (id.msLo + ms) | 0;
      id.seqLo = (id.seqLo + seq) | 0;
      return at + 4;
    }
    const delta = this.#delta;
    readInteger(u8, at, delta);
    let lo = (id.msLo >>> 0) + (delta.lo >>> 0);
    id.msHi = (id.msHi + delta.hi + (lo > 0xffffffff ? 1 : 0)) | 0;
    id.msLo = lo | 0;
    at = nextElement(u8, at);
    readInteger(u8, at, delta);
    lo = (id.seqLo >>> 0) + (delta.lo >>> 0);
    id.seqHi = (id.seqHi + delta.hi + (lo > 0xffffffff ? 1 : 0)) | 0;
    id.seqLo = lo | 0;
    return nextElement(u8, at);
  }

  // ---- Appending ----

  /**
   * Appends an entry, whose id must be behind all others. Its fields and values are the request's arguments from `first` on,
   * `bytes` bytes in all.
   */
  append(root: Address, id: StreamId, request: Request, first: number, bytes: number, limits: EncodingLimits): void {
    const cursor = this.#cursor;
    let room = 0;
    if (this.#tree.last(root, cursor)) {
      const node = this.node(cursor);
      if (!this.#isFull(node, bytes, limits)) {
        this.#appendTo(node, cursor, id, request, first);
        return;
      }
      // The next one will be of the same size, as a rule.
      room = Math.min(this.#bytes(node), GROWTH_BYTES_MAX);
      this.#resize(node, cursor, 0);
    }
    const writer = this.#writer;
    const pairs = (request.argc - first) >>> 1;
    writer.begin();
    writer.appendInteger(1);
    writer.appendInteger(0);
    writer.appendInteger(pairs);
    for (let i = first; i < request.argc; i += 2) writer.append(request.buf, request.off[i]!, request.len[i]!);
    writer.appendInteger(0);
    this.#writeEntry(id, id, request, first, true);
    writer.finish();
    this.add(root, id, writer.buf, 0, writer.len, room);
  }

  /** Makes a node of a listpack in order, whose first id must not be that of another, with room for `room` bytes at least. */
  add(root: Address, id: StreamId, buf: Uint8Array, off: number, len: number, room = 0): void {
    const node = this.#newNode(root, id, Math.max(len, room));
    copyBytes(buf, off, this.#arena.u8[node >>> CHUNK_SHIFT]!, ((node & CHUNK_MASK) << 3) + LISTPACK_AT, len);
    const isNew = this.#tree.insert(root, id, DIRECTORY_WORDS, this.#cursor);
    invariant(isNew, 'stream nodes: two nodes with the same first id');
    this.#tree.setWord(this.#cursor, 0, node);
    this.#addNodes(root, 1);
  }

  #isFull(node: Address, bytes: number, limits: EncodingLimits): boolean {
    const max = limits.streamNodeMaxBytes;
    if (this.#bytes(node) + bytes >= (max === 0 || max > NODE_BYTES_MAX ? NODE_BYTES_MAX : max)) return true;
    return limits.streamNodeMaxEntries > 0 && this.#entries(node) >= limits.streamNodeMaxEntries;
  }

  #appendTo(node: Address, cursor: IdCursor, id: StreamId, request: Request, first: number): void {
    const writer = this.#writer;
    const firstId = this.#id;
    this.firstId(node, firstId);
    writer.begin();
    this.#writeEntry(id, firstId, request, first, this.#hasFields(node, request, first));
    const bytes = writer.len - LISTPACK_HEADER_BYTES;
    if (this.#used(node) + bytes + COUNTS_BYTES > this.#arena.cellBytes(node)) node = this.#resize(node, cursor, bytes + COUNTS_BYTES);
    this.#countOneMore(node);
    const u8 = this.#arena.u8[node >>> CHUNK_SHIFT]!;
    const end = this.end(node);
    this.#copier.copy(writer.buf, LISTPACK_HEADER_BYTES, u8, this.#arena.views[node >>> CHUNK_SHIFT]!, end, bytes);
    u8[end + bytes] = LISTPACK_END;
    this.#setBytes(node, this.#bytes(node) + bytes);
    this.#setElements(node, this.#elements(node) + writer.count);
  }

  #writeEntry(id: StreamId, firstId: StreamId, request: Request, first: number, hasSameFields: boolean): void {
    const writer = this.#writer;
    const { argc, buf, off, len } = request;
    const pairs = (argc - first) >>> 1;
    writer.appendInteger(hasSameFields ? StreamEntryFlag.sameFields : 0);
    const msBorrow = id.msLo >>> 0 < firstId.msLo >>> 0 ? 1 : 0;
    writer.appendWords((id.msHi - firstId.msHi - msBorrow) | 0, (id.msLo - firstId.msLo) | 0);
    const seqBorrow = id.seqLo >>> 0 < firstId.seqLo >>> 0 ? 1 : 0;
    writer.appendWords((id.seqHi - firstId.seqHi - seqBorrow) | 0, (id.seqLo - firstId.seqLo) | 0);
    if (!hasSameFields) writer.appendInteger(pairs);
    for (let i = first; i < argc; i += 2) {
      if (!hasSameFields) writer.append(buf, off[i]!, len[i]!);
      writer.append(buf, off[i + 1]!, len[i + 1]!);
    }
    writer.appendInteger(hasSameFields ? pairs + 3 : 2 * pairs + 4);
  }

  /** Whether the entry to be appended has the node's fields, in their order. */
  #hasFields(node: Address, request: Request, first: number): boolean {
    const u8 = this.#arena.u8[node >>> CHUNK_SHIFT]!;
    let at = nextElement(u8, nextElement(u8, this.begin(node)));
    if (smallInteger(u8, at) !== (request.argc - first) >>> 1) return false;
    const element = this.#element;
    for (let i = first; i < request.argc; i += 2) {
      at = nextElement(u8, at);
      readElement(u8, at, element, this.#digits);
      if (!isElement(element, request.buf, request.off[i]!, request.len[i]!)) return false;
    }
    return true;
  }

  // ---- Deleting ----

  /** Marks the entry with its flags at position `at` of the node at the cursor as deleted. Frees a node without live entries. */
  delete(cursor: IdCursor, at: number): void {
    const node = this.node(cursor);
    const live = this.live(node);
    if (live === 1) {
      this.drop(cursor);
      return;
    }
    this.#arena.u8[node >>> CHUNK_SHIFT]![at]! |= StreamEntryFlag.deleted;
    this.#recount(node, cursor, live - 1, this.#deleted(node) + 1);
  }

  /** Frees the node at the cursor with all its entries. */
  drop(cursor: IdCursor): void {
    const node = this.node(cursor);
    this.#addNodes(this.#word(node, NODE_ROOT), -1);
    this.#tree.remove(cursor);
    this.#arena.free(node);
  }

  /**
   * Marks entries of the node at the cursor as deleted, from its beginning: up to `max` live ones, all before `minId`. Frees a
   * node without live entries. @returns how many.
   */
  deleteFront(cursor: IdCursor, max: number, minId: StreamId | null): number {
    const node = this.node(cursor);
    const u8 = this.#arena.u8[node >>> CHUNK_SHIFT]!;
    const end = this.end(node);
    const id = this.#id;
    let deleted = 0;
    for (let at = this.firstEntry(node); at < end && deleted < max;) {
      const flags = u8[at]!;
      this.firstId(node, id);
      const behind = this.addDelta(u8, nextElement(u8, at), id);
      if (minId !== null && id.compare(minId) >= 0) break;
      if ((flags & StreamEntryFlag.deleted) === 0) {
        u8[at] = flags | StreamEntryFlag.deleted;
        deleted++;
      }
      at = this.#entryEnd(node, u8, flags, behind);
    }
    const live = this.live(node) - deleted;
    if (live === 0) this.drop(cursor);
    else if (deleted > 0) this.#recount(node, cursor, live, this.#deleted(node) + deleted);
    return deleted;
  }

  /** Position of a node's first entry. */
  firstEntry(node: Address): number {
    const u8 = this.#arena.u8[node >>> CHUNK_SHIFT]!;
    let at = nextElement(u8, nextElement(u8, this.begin(node)));
    for (let n = smallInteger(u8, at) + 2; n > 0; n--) at = nextElement(u8, at);
    return at;
  }

  /** Position of a node's number of fields; the fields follow it. */
  fieldCount(node: Address): number {
    const u8 = this.#arena.u8[node >>> CHUNK_SHIFT]!;
    return nextElement(u8, nextElement(u8, this.begin(node)));
  }

  /** Where an entry ends whose elements behind the id begin at `at`. */
  #entryEnd(node: Address, u8: Uint8Array, flags: number, at: number): number {
    let elements: number;
    if ((flags & StreamEntryFlag.sameFields) !== 0) elements = smallInteger(u8, this.fieldCount(node)) + 1;
    else elements = 2 * smallInteger(u8, at) + 2;
    for (; elements > 0; elements--) at = nextElement(u8, at);
    return at;
  }

  /** Sets a node's counts, moving it where they need room that it has not. */
  #recount(node: Address, cursor: IdCursor, live: number, deleted: number): void {
    if (this.#used(node) + COUNTS_BYTES > this.#arena.cellBytes(node) && countBytes(deleted) > countBytes(this.#deleted(node))) {
      node = this.#resize(node, cursor, COUNTS_BYTES);
    }
    this.#setCounts(node, live, deleted);
  }

  // ---- As a whole ----

  /** Frees the last node of a stream that nobody points to any more; whether there was one. */
  dropLast(root: Address): boolean {
    if (!this.#tree.last(root, this.#cursor)) return false;
    this.drop(this.#cursor);
    return true;
  }

  /** Gives a stream that has no nodes yet copies of another's. */
  copy(from: Address, to: Address): void {
    const cursor = new IdCursor();
    const bytes = new Bytes();
    const id = new StreamId();
    for (let more = this.#tree.first(from, cursor); more; more = this.#tree.next(cursor)) {
      this.listpack(this.node(cursor), bytes);
      this.firstId(this.node(cursor), id);
      this.add(to, id, bytes.buf, bytes.off, bytes.len);
    }
  }

  eachCell(root: Address, visit: (address: Address) => void): void {
    this.#tree.eachCell(root, visit);
    const cursor = new IdCursor();
    for (let more = this.#tree.first(root, cursor); more; more = this.#tree.next(cursor)) visit(this.node(cursor));
  }

  /** Walks all nodes, asserts that they are sound, and returns how many live entries there are. */
  check(root: Address): number {
    invariant(this.#tree.check(root) === this.count(root), 'stream nodes: a stream counts its nodes wrongly');
    const cursor = new IdCursor();
    const id = new StreamId();
    const previous = new StreamId();
    let total = 0;
    for (let more = this.#tree.first(root, cursor); more; more = this.#tree.next(cursor)) {
      const node = this.node(cursor);
      this.#tree.id(cursor, id);
      this.firstId(node, this.#id);
      invariant(this.#arena.kind(node) === Kind.streamNode && this.#word(node, NODE_ROOT) === root, 'stream nodes: not a node of this stream');
      invariant(this.#id.compare(id) === 0, 'stream nodes: a node stands under another id');
      total += this.#checkNode(node, previous);
    }
    return total;
  }

  #checkNode(node: Address, previous: StreamId): number {
    const u8 = this.#arena.u8[node >>> CHUNK_SHIFT]!;
    const end = this.end(node);
    invariant(this.#used(node) <= this.#arena.cellBytes(node) && u8[end] === LISTPACK_END, 'stream nodes: a listpack leaves its cell');
    let elements = 0;
    let at = this.begin(node);
    for (; at < end; at = nextElement(u8, at)) elements++;
    invariant(at === end && Math.min(elements, ELEMENT_COUNT_UNKNOWN) === this.#elements(node), 'stream nodes: a wrong number of elements');
    const id = new StreamId();
    let live = 0;
    let deleted = 0;
    for (at = this.firstEntry(node); at < end;) {
      const flags = u8[at]!;
      this.firstId(node, id);
      at = this.#entryEnd(node, u8, flags, this.addDelta(u8, nextElement(u8, at), id));
      if ((flags & StreamEntryFlag.deleted) !== 0) deleted++;
      else {
        live++;
        invariant(id.compare(previous) > 0, 'stream nodes: entries out of order');
        previous.copy(id);
      }
    }
    invariant(at === end && live > 0, 'stream nodes: a node without entries, or one that ends amid one');
    invariant(live === this.live(node) && deleted === this.#deleted(node), 'stream nodes: entries counted wrongly');
    return live;
  }

  // ---- Cells ----

  #newNode(root: Address, id: StreamId, bytes: number): Address {
    const node = this.#arena.alloc(LISTPACK_AT + bytes, Kind.streamNode);
    const i32 = this.#arena.i32[node >>> CHUNK_SHIFT]!;
    const w = (node & CHUNK_MASK) << 1;
    i32[w + NODE_ROOT] = root;
    i32[w + NODE_ID] = id.msHi;
    i32[w + NODE_ID + 1] = id.msLo;
    i32[w + NODE_ID + 2] = id.seqHi;
    i32[w + NODE_ID + 3] = id.seqLo;
    return node;
  }

  /** Moves the node at the cursor to a cell with room for `more` bytes and, if there are any, some of those to come. */
  #resize(node: Address, cursor: IdCursor, more: number): Address {
    const bytes = this.#bytes(node);
    const room = more === 0 ? bytes : bytes + more + Math.min((bytes + more) >>> 1, GROWTH_BYTES_MAX);
    if (more === 0 && Arena.roundUp(LISTPACK_AT + bytes) >= this.#arena.cellBytes(node)) return node;
    const id = this.#id;
    this.firstId(node, id);
    const to = this.#newNode(this.#word(node, NODE_ROOT), id, room);
    copyBytes(
      this.#arena.u8[node >>> CHUNK_SHIFT]!, ((node & CHUNK_MASK) << 3) + LISTPACK_AT,
      this.#arena.u8[to >>> CHUNK_SHIFT]!, ((to & CHUNK_MASK) << 3) + LISTPACK_AT, bytes,
    );
    this.#tree.setWord(cursor, 0, to);
    this.#arena.free(node);
    return to;
  }

  #moved(to: Address): void {
    this.firstId(to, this.#id);
    const found = this.#tree.find(this.#word(to, NODE_ROOT), this.#id, this.#cursor);
    invariant(found, 'stream nodes: a node is not where its id leads');
    this.#tree.setWord(this.#cursor, 0, to);
  }

  /** Bytes of a node's cell that are in use. */
  #used(node: Address): number {
    return LISTPACK_AT + this.#bytes(node);
  }

  /** Bytes of a node's listpack. */
  #bytes(node: Address): number {
    return this.#word(node, LISTPACK_AT / 4);
  }

  #setBytes(node: Address, bytes: number): void {
    this.#arena.i32[node >>> CHUNK_SHIFT]![((node & CHUNK_MASK) << 1) + LISTPACK_AT / 4] = bytes;
  }

  #elements(node: Address): number {
    const at = ((node & CHUNK_MASK) << 3) + LISTPACK_AT + 4;
    const u8 = this.#arena.u8[node >>> CHUNK_SHIFT]!;
    return u8[at]! | (u8[at + 1]! << 8);
  }

  #setElements(node: Address, elements: number): void {
    putUint16(this.#arena.u8[node >>> CHUNK_SHIFT]!, ((node & CHUNK_MASK) << 3) + LISTPACK_AT + 4, Math.min(elements, ELEMENT_COUNT_UNKNOWN));
  }

  /** Entries of a node, deleted ones included. */
  #entries(node: Address): number {
    return this.live(node) + this.#deleted(node);
  }

  #deleted(node: Address): number {
    const u8 = this.#arena.u8[node >>> CHUNK_SHIFT]!;
    return smallInteger(u8, nextElement(u8, this.begin(node)));
  }

  #countOneMore(node: Address): void {
    const u8 = this.#arena.u8[node >>> CHUNK_SHIFT]!;
    const at = this.begin(node);
    // Up to 127 it is one byte, and its room the same.
    if (u8[at]! < 127) u8[at]!++;
    else this.#setCounts(node, this.live(node) + 1, this.#deleted(node));
  }

  /** Writes the two counts, whose room may change; the cell must suffice. */
  #setCounts(node: Address, live: number, deleted: number): void {
    const u8 = this.#arena.u8[node >>> CHUNK_SHIFT]!;
    const at = this.begin(node);
    const was = nextElement(u8, nextElement(u8, at));
    const behindLive = at + countBytes(live);
    const now = behindLive + countBytes(deleted);
    if (now !== was) {
      u8.copyWithin(now, was, this.end(node) + 1);
      this.#setBytes(node, this.#bytes(node) + now - was);
    }
    writeCount(u8, at, live);
    writeCount(u8, behindLive, deleted);
  }

  #addNodes(root: Address, delta: number): void {
    this.#arena.i32[root >>> CHUNK_SHIFT]![((root & CHUNK_MASK) << 1) + ROOT_NODES]! += delta;
  }

  #word(address: Address, n: number): number {
    return this.#arena.i32[address >>> CHUNK_SHIFT]![((address & CHUNK_MASK) << 1) + n]!;
  }
}
