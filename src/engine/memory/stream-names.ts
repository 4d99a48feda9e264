/**
 * Groups of a stream and consumers of a group by name: a sorted list of their records for each owner.
 *
 * Owns the layout of Kind.streamName and the words of the records that name such cells. There are few of them beside the
 * entries they stand for, so a list is one cell, searched by halving.
 *
 *   name  w0 kind | w1 the record it names | w2 length | bytes
 *   list  w0 kind, isList | w1 owner | w2 number of records | their addresses, in the order of their names
 */
import { invariant } from '../../shared/errors.ts';
import { type Address, type Arena, CHUNK_MASK, CHUNK_SHIFT, Kind } from './arena.ts';
import type { Compactor } from './compaction.ts';
import { Bytes } from './entries.ts';
import { compareBytes, copyBytes } from './records.ts';

/** Word of a record that points to its name, and of an owner that points to its list (0: it has none). */
const RECORD_NAME = 4;
const OWNER_LIST = 14;

const IS_LIST = 1 << 4;
const HOLDER = 1;
const LENGTH = 2;
const HEADER_WORDS = 3;
const LIST_ROOM_MIN = 3;

export class StreamNames {
  readonly #arena: Arena;
  readonly #bytes = new Bytes();

  constructor(arena: Arena, compactor: Compactor) {
    this.#arena = arena;
    compactor.register(Kind.streamName, (_from, to) => this.#moved(to));
  }

  /** Records that an owner has. */
  count(owner: Address): number {
    const list = this.#word(owner, OWNER_LIST);
    return list === 0 ? 0 : this.#word(list, LENGTH);
  }

  /** The record of an index in the order of names. */
  at(owner: Address, index: number): Address {
    return this.#word(this.#word(owner, OWNER_LIST), HEADER_WORDS + index);
  }

  /** The record of a name, or 0. */
  find(owner: Address, buf: Uint8Array, off: number, len: number): Address {
    const index = this.#seek(owner, buf, off, len);
    if (index >= this.count(owner)) return 0;
    const record = this.at(owner, index);
    return this.#compare(record, buf, off, len) === 0 ? record : 0;
  }

  /** Points `out` at a record's name. */
  name(record: Address, out: Bytes): void {
    const cell = this.#word(record, RECORD_NAME);
    out.buf = this.#arena.u8[cell >>> CHUNK_SHIFT]!;
    out.off = ((cell & CHUNK_MASK) << 3) + HEADER_WORDS * 4;
    out.len = this.#word(cell, LENGTH);
  }

  /** Names a record, and adds it to its owner's; the name must be free there. */
  add(owner: Address, record: Address, buf: Uint8Array, off: number, len: number): void {
    const index = this.#seek(owner, buf, off, len);
    const cell = this.#arena.alloc(HEADER_WORDS * 4 + len, Kind.streamName);
    this.#setWord(cell, HOLDER, record);
    this.#setWord(cell, LENGTH, len);
    copyBytes(buf, off, this.#arena.u8[cell >>> CHUNK_SHIFT]!, ((cell & CHUNK_MASK) << 3) + HEADER_WORDS * 4, len);
    this.#setWord(record, RECORD_NAME, cell);
    const count = this.count(owner);
    const list = this.#listWithRoom(owner, count + 1);
    const i32 = this.#arena.i32[list >>> CHUNK_SHIFT]!;
    const w = ((list & CHUNK_MASK) << 1) + HEADER_WORDS;
    i32.copyWithin(w + index + 1, w + index, w + count);
    i32[w + index] = record;
    this.#setWord(list, LENGTH, count + 1);
  }

  /** Takes a record from its owner's, and frees its name. */
  remove(owner: Address, record: Address): void {
    this.name(record, this.#bytes);
    const index = this.#seek(owner, this.#bytes.buf, this.#bytes.off, this.#bytes.len);
    const list = this.#word(owner, OWNER_LIST);
    const count = this.#word(list, LENGTH) - 1;
    invariant(this.at(owner, index) === record, 'stream names: a record is not where its name leads');
    const i32 = this.#arena.i32[list >>> CHUNK_SHIFT]!;
    const w = ((list & CHUNK_MASK) << 1) + HEADER_WORDS;
    i32.copyWithin(w + index, w + index + 1, w + count + 1);
    this.#setWord(list, LENGTH, count);
    if (count === 0) {
      this.#arena.free(list);
      this.#setWord(owner, OWNER_LIST, 0);
    }
    this.#arena.free(this.#word(record, RECORD_NAME));
  }

  /** Bytes of the list and the names of an owner's records. */
  memoryBytes(owner: Address): number {
    const list = this.#word(owner, OWNER_LIST);
    if (list === 0) return 0;
    let bytes = this.#arena.cellBytes(list);
    for (let i = 0; i < this.count(owner); i++) bytes += this.#arena.cellBytes(this.#word(this.at(owner, i), RECORD_NAME));
    return bytes;
  }

  /** Calls `visit` for the list and the names of an owner's records. */
  eachCell(owner: Address, visit: (address: Address) => void): void {
    const list = this.#word(owner, OWNER_LIST);
    if (list !== 0) visit(list);
    for (let i = 0; i < this.count(owner); i++) visit(this.#word(this.at(owner, i), RECORD_NAME));
  }

  /** Asserts that list, records and names belong together, in order. */
  check(owner: Address): void {
    const list = this.#word(owner, OWNER_LIST);
    if (list === 0) return;
    invariant(this.#word(list, HOLDER) === owner && this.count(owner) > 0, 'stream names: a list that nobody owns, or an empty one');
    for (let i = 0; i < this.count(owner); i++) {
      const record = this.at(owner, i);
      invariant(this.#word(this.#word(record, RECORD_NAME), HOLDER) === record, "stream names: a name is another record's");
      this.name(record, this.#bytes);
      const { buf, off, len } = this.#bytes;
      invariant(i === 0 || this.#compare(this.at(owner, i - 1), buf, off, len) < 0, 'stream names: names out of order');
    }
  }

  /** Index of the first record whose name is not before this one. */
  #seek(owner: Address, buf: Uint8Array, off: number, len: number): number {
    let low = 0;
    let high = this.count(owner);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(this.at(owner, middle), buf, off, len) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #compare(record: Address, buf: Uint8Array, off: number, len: number): number {
    const cell = this.#word(record, RECORD_NAME);
    const at = ((cell & CHUNK_MASK) << 3) + HEADER_WORDS * 4;
    return compareBytes(this.#arena.u8[cell >>> CHUNK_SHIFT]!, at, this.#word(cell, LENGTH), buf, off, len);
  }

  #listWithRoom(owner: Address, records: number): Address {
    const list = this.#word(owner, OWNER_LIST);
    if (list !== 0 && (HEADER_WORDS + records) * 4 <= this.#arena.cellBytes(list)) return list;
    const room = Math.max(LIST_ROOM_MIN, records + (records >>> 1));
    const to = this.#arena.alloc((HEADER_WORDS + room) * 4, Kind.streamName);
    this.#setWord(to, 0, Kind.streamName | IS_LIST);
    this.#setWord(to, HOLDER, owner);
    for (let i = 0; i < records - 1; i++) this.#setWord(to, HEADER_WORDS + i, this.at(owner, i));
    this.#setWord(to, LENGTH, records - 1);
    if (list !== 0) this.#arena.free(list);
    this.#setWord(owner, OWNER_LIST, to);
    return to;
  }

  #moved(to: Address): void {
    const isList = (this.#word(to, 0) & IS_LIST) !== 0;
    this.#setWord(this.#word(to, HOLDER), isList ? OWNER_LIST : RECORD_NAME, to);
  }

  #word(address: Address, n: number): number {
    return this.#arena.i32[address >>> CHUNK_SHIFT]![((address & CHUNK_MASK) << 1) + n]!;
  }

  #setWord(address: Address, n: number, value: number): void {
    this.#arena.i32[address >>> CHUNK_SHIFT]![((address & CHUNK_MASK) << 1) + n] = value;
  }
}
