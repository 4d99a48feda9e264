/**
 * Entries: the records of the keyspace. Each has a key, a type, an optional expiry and either a string's bytes (in the
 * same cell) or the address of a collection's cell. Layout in records.ts.
 *
 * Knows nothing of indexes: whoever gets a new address from here must store it. A collection's cell has its entry's
 * address in word ROOT_OWNER, and every function here that moves an entry keeps that right.
 */
import { invariant } from '../../shared/errors.ts';
import { type Address, Arena, CHUNK_MASK, CHUNK_SHIFT, Kind } from './arena.ts';
import {
  ENTRY_DB_SHIFT, ENTRY_ENCODING_MASK, ENTRY_ENCODING_SHIFT, ENTRY_HAS_EXPIRY, ENTRY_HEADER_BYTES, ENTRY_KEY_LENGTH_EXT,
  ENTRY_KEY_LENGTH_SHIFT, ENTRY_RAW, ENTRY_TYPE_MASK, ENTRY_TYPE_SHIFT, KeyLocator, LRU_MASK, ROOT_IS_KEYSPACE, ROOT_OWNER, copyBytes,
} from './records.ts';

/** A window on bytes, reused by its owner: valid until the next change of the arena. */
export class Bytes {
  buf: Uint8Array = new Uint8Array(0);
  off = 0;
  len = 0;
}

export const EntryType = { string: 0, list: 1, set: 2, zset: 3, hash: 4, stream: 5 } as const;

/** The encoding of a hash some of whose fields end by themselves. */
const FIELD_TIMES = 1;
const TYPE_AND_ENCODING = (ENTRY_TYPE_MASK << ENTRY_TYPE_SHIFT) | (ENTRY_ENCODING_MASK << ENTRY_ENCODING_SHIFT);
const HASH_WITH_FIELD_TIMES = (EntryType.hash << ENTRY_TYPE_SHIFT) | (FIELD_TIMES << ENTRY_ENCODING_SHIFT);

/** No expiry. */
export const NO_EXPIRY = -1;

function keyHeaderBytes(keyLength: number): number {
  return keyLength >= ENTRY_KEY_LENGTH_EXT ? 4 : 0;
}

export class Entries {
  readonly #arena: Arena;
  readonly #key: KeyLocator;

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#key = new KeyLocator(arena);
  }

  /**
   * A new entry with its key. For a string `valueBytes` is room for the value behind the key, to be filled through
   * `value`; for a collection it is 0 and the caller sets the value's address.
   */
  create(
    db: number, type: number, buf: Uint8Array, off: number, len: number, valueBytes: number, expireAtMs: number, lru: number,
  ): Address {
    const ext = keyHeaderBytes(len);
    const expiry = expireAtMs === NO_EXPIRY ? 0 : 8;
    const header = ENTRY_HEADER_BYTES + expiry + ext;
    const address = this.#arena.alloc(header + len + valueBytes, Kind.entry);
    const chunk = address >>> CHUNK_SHIFT;
    const i32 = this.#arena.i32[chunk]!;
    const w = (address & CHUNK_MASK) << 1;
    i32[w] = Kind.entry | (type << ENTRY_TYPE_SHIFT) | (db << ENTRY_DB_SHIFT) | (expiry !== 0 ? ENTRY_HAS_EXPIRY : 0);
    i32[w + 1] = (lru & LRU_MASK) | ((ext !== 0 ? ENTRY_KEY_LENGTH_EXT : len) << ENTRY_KEY_LENGTH_SHIFT);
    i32[w + 2] = valueBytes;
    if (expiry !== 0) {
      i32[w + 3] = expireAtMs | 0;
      i32[w + 4] = Math.floor(expireAtMs / 4294967296);
    }
    if (ext !== 0) i32[w + 3 + (expiry >>> 2)] = len;
    copyBytes(buf, off, this.#arena.u8[chunk]!, (w << 2) + header, len);
    return address;
  }

  /** Whether a string value of `valueBytes` fits into the entry's cell without wasting more than a quarter of it. */
  fits(address: Address, valueBytes: number): boolean {
    this.#key.locate(address);
    const bytes = this.#key.off + this.#key.len - ((address & CHUNK_MASK) << 3) + valueBytes;
    const cell = this.#arena.cellBytes(address);
    return bytes <= cell && Arena.roundUp(bytes) > cell - (cell >>> 2);
  }

  type(address: Address): number {
    return (this.#word(address, 0) >>> ENTRY_TYPE_SHIFT) & ENTRY_TYPE_MASK;
  }

  /** A number whose meaning belongs to the type. */
  encoding(address: Address): number {
    return (this.#word(address, 0) >>> ENTRY_ENCODING_SHIFT) & ENTRY_ENCODING_MASK;
  }

  setTypeAndEncoding(address: Address, type: number, encoding: number): void {
    const i32 = this.#arena.i32[address >>> CHUNK_SHIFT]!;
    const w = (address & CHUNK_MASK) << 1;
    const cleared = i32[w]! & ~((ENTRY_TYPE_MASK << ENTRY_TYPE_SHIFT) | (ENTRY_ENCODING_MASK << ENTRY_ENCODING_SHIFT) | ENTRY_RAW);
    i32[w] = cleared | (type << ENTRY_TYPE_SHIFT) | (encoding << ENTRY_ENCODING_SHIFT);
  }

  /** Whether a hash has fields that end by themselves: see types/field-times.ts. */
  hasFieldTimes(address: Address): boolean {
    return (this.#word(address, 0) & TYPE_AND_ENCODING) === HASH_WITH_FIELD_TIMES;
  }

  setHasFieldTimes(address: Address, has: boolean): void {
    this.setTypeAndEncoding(address, EntryType.hash, has ? FIELD_TIMES : 0);
  }

  /** Marks a string as changed in place (APPEND, SETRANGE …), whose encoding Redis then reports as raw. */
  setRaw(address: Address): void {
    this.#arena.i32[address >>> CHUNK_SHIFT]![(address & CHUNK_MASK) << 1]! |= ENTRY_RAW;
  }

  isRaw(address: Address): boolean {
    return (this.#word(address, 0) & ENTRY_RAW) !== 0;
  }

  /** Id of the database that the entry is in. */
  db(address: Address): number {
    return this.#word(address, 0) >>> ENTRY_DB_SHIFT;
  }

  /** The 24 bits of the LRU clock or LFU counter. */
  lru(address: Address): number {
    return this.#word(address, 1) & LRU_MASK;
  }

  setLru(address: Address, lru: number): void {
    const i32 = this.#arena.i32[address >>> CHUNK_SHIFT]!;
    const w = ((address & CHUNK_MASK) << 1) + 1;
    i32[w] = (i32[w]! & ~LRU_MASK) | (lru & LRU_MASK);
  }

  key(address: Address, out: Bytes): void {
    this.#key.locate(address);
    out.buf = this.#key.buf;
    out.off = this.#key.off;
    out.len = this.#key.len;
  }

  /** A string's bytes. */
  value(address: Address, out: Bytes): void {
    this.#key.locate(address);
    out.buf = this.#key.buf;
    out.off = this.#key.off + this.#key.len;
    out.len = this.#word(address, 2);
  }

  /** The bytes that `value` points into, as words. */
  words(address: Address): Int32Array {
    return this.#arena.i32[address >>> CHUNK_SHIFT]!;
  }

  valueLength(address: Address): number {
    return this.#word(address, 2);
  }

  /** Sets a string's length; the bytes must fit the cell. */
  setValueLength(address: Address, length: number): void {
    this.#setWord(address, 2, length);
  }

  /** A collection's cell. */
  valueAddress(address: Address): Address {
    return this.#word(address, 2);
  }

  /** Points the entry and the collection's cell at each other. */
  setValueAddress(address: Address, value: Address): void {
    this.#setWord(address, 2, value);
    this.#setWord(value, ROOT_OWNER, address);
  }

  /** Asserts that a collection's cell knows the entry as its owner: it is how the entry learns of the cell's moves. */
  checkOwner(address: Address): void {
    invariant(this.#word(this.#word(address, 2), ROOT_OWNER) === address, 'entries: a collection has another owner');
  }

  hasExpiry(address: Address): boolean {
    return (this.#word(address, 0) & ENTRY_HAS_EXPIRY) !== 0;
  }

  /** Milliseconds since the epoch, or NO_EXPIRY. */
  expireAtMs(address: Address): number {
    const i32 = this.#arena.i32[address >>> CHUNK_SHIFT]!;
    const w = (address & CHUNK_MASK) << 1;
    if ((i32[w]! & ENTRY_HAS_EXPIRY) === 0) return NO_EXPIRY;
    return i32[w + 4]! * 4294967296 + (i32[w + 3]! >>> 0);
  }

  /**
   * Sets or (NO_EXPIRY) removes the expiry. Overwrites in place where the entry has one; else the entry moves: the new
   * address is returned, the old cell is freed, and the caller stores the new one.
   */
  setExpiry(address: Address, expireAtMs: number): Address {
    const had = this.expireAtMs(address) !== NO_EXPIRY;
    if (had === (expireAtMs !== NO_EXPIRY)) {
      if (had) {
        this.#setWord(address, 3, expireAtMs | 0);
        this.#setWord(address, 4, Math.floor(expireAtMs / 4294967296));
      }
      return address;
    }
    const isString = this.type(address) === EntryType.string;
    const value = this.#word(address, 2);
    this.#key.locate(address);
    const { buf, off, len } = this.#key;
    const valueBytes = isString ? value : 0;
    const to = this.create(this.db(address), this.type(address), buf, off, len, valueBytes, expireAtMs, this.lru(address));
    this.setTypeAndEncoding(to, this.type(address), this.encoding(address));
    if (this.isRaw(address)) this.setRaw(to);
    if (isString) {
      this.#key.locate(to);
      copyBytes(buf, off + len, this.#key.buf, this.#key.off + this.#key.len, valueBytes);
    } else this.setValueAddress(to, value);
    this.#arena.free(address);
    return to;
  }

  /** After the entry's cell was copied to `to`: its collection learns the new address. */
  moved(to: Address): void {
    if (this.type(to) !== EntryType.string) this.#setWord(this.#word(to, 2), ROOT_OWNER, to);
  }

  /** Makes a zeroed root the head of a database's keyspace. */
  initKeyspaceRoot(root: Address, databaseId: number): void {
    this.#setWord(root, 0, Kind.root | ROOT_IS_KEYSPACE);
    this.#setWord(root, ROOT_OWNER, databaseId);
  }

  free(address: Address): void {
    this.#arena.free(address);
  }

  #word(address: Address, n: number): number {
    return this.#arena.i32[address >>> CHUNK_SHIFT]![((address & CHUNK_MASK) << 1) + n]!;
  }

  #setWord(address: Address, n: number, value: number): void {
    this.#arena.i32[address >>> CHUNK_SHIFT]![((address & CHUNK_MASK) << 1) + n] = value;
  }
}
