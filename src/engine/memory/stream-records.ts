/**
 * The pinned records of a stream: its root, its groups, and their consumers. They never move, so everything below points to
 * them, and whoever works on a stream may keep their addresses until the record is freed.
 *
 *   stream    w1 entry | w2 entries | w3 directory of nodes | w4–w7 last id | w8–w11 greatest deleted id | w12 w13 entries ever
 *             added | w14 groups | w15 nodes
 *   group     w1 stream | w2 pending entries | w3 tree of them | w4 name | w5–w8 last id | w9 w10 entries read | w14 consumers
 *   consumer  w1 group | w2 pending entries | w3 tree of them | w4 name | w5 w6 when it was last seen | w7 w8 active
 *
 * Words 4 of groups and consumers and words 14 are stream-names.ts's, words 3 id-tree.ts's, word 15 stream-nodes.ts's.
 */
import type { Int64 } from '../../shared/int64.ts';
import type { StreamId } from '../../shared/stream-id.ts';
import { type Address, type Arena, CHUNK_MASK, CHUNK_SHIFT, Kind } from './arena.ts';
import { ROOT_COUNT, ROOT_OWNER } from './records.ts';

/** Words of ids. */
export const STREAM_LAST_ID = 4;
export const STREAM_MAX_DELETED_ID = 8;
export const GROUP_LAST_ID = 5;
/** Words of 64-bit integers. */
export const STREAM_ENTRIES_ADDED = 12;
export const GROUP_ENTRIES_READ = 9;
export const CONSUMER_SEEN_MS = 5;
export const CONSUMER_ACTIVE_MS = 7;

export class StreamRecords {
  readonly #arena: Arena;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** A record of zeros. */
  create(owner: Address): Address {
    const record = this.#arena.allocPinned(Kind.root);
    this.#setWord(record, ROOT_OWNER, owner);
    return record;
  }

  free(record: Address): void {
    this.#arena.free(record);
  }

  /** A group's stream, a consumer's group. */
  owner(record: Address): Address {
    return this.#word(record, ROOT_OWNER);
  }

  /** A stream's entries; a group's or a consumer's pending ones. */
  count(record: Address): number {
    return this.#word(record, ROOT_COUNT) >>> 0;
  }

  addCount(record: Address, delta: number): void {
    this.#setWord(record, ROOT_COUNT, this.#word(record, ROOT_COUNT) + delta);
  }

  id(record: Address, at: number, out: StreamId): void {
    const i32 = this.#arena.i32[record >>> CHUNK_SHIFT]!;
    const w = ((record & CHUNK_MASK) << 1) + at;
    out.set(i32[w]!, i32[w + 1]!, i32[w + 2]!, i32[w + 3]!);
  }

  setId(record: Address, at: number, id: StreamId): void {
    const i32 = this.#arena.i32[record >>> CHUNK_SHIFT]!;
    const w = ((record & CHUNK_MASK) << 1) + at;
    i32[w] = id.msHi;
    i32[w + 1] = id.msLo;
    i32[w + 2] = id.seqHi;
    i32[w + 3] = id.seqLo;
  }

  int64(record: Address, at: number, out: Int64): void {
    out.set(this.#word(record, at), this.#word(record, at + 1));
  }

  setInt64(record: Address, at: number, value: Int64): void {
    this.#setWord(record, at, value.hi);
    this.#setWord(record, at + 1, value.lo);
  }

  #word(record: Address, n: number): number {
    return this.#arena.i32[record >>> CHUNK_SHIFT]![((record & CHUNK_MASK) << 1) + n]!;
  }

  #setWord(record: Address, n: number, value: number): void {
    this.#arena.i32[record >>> CHUNK_SHIFT]![((record & CHUNK_MASK) << 1) + n] = value;
  }
}
