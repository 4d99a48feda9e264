/**
 * When fields of hashes end.
 *
 * Every database may have a hidden twin (Database.fieldTimes). Under the key of each hash some of whose fields end stands
 * there a sorted set of these fields, by the time at which they end; and that entry's own expiry is the time of the first
 * of them, so that the twin's expiries have the hashes in the order in which there is something to do. A hash that has
 * such an entry is marked in its own (Entries.hasFieldTimes); whoever removes or moves a hash's entry removes or moves the
 * twin's (Database does). Hashes without such fields cost nothing.
 *
 * A hash is named by the ref of its entry. This file changes times only: what becomes of a field whose time has come is up
 * to the hashes.
 */
import { invariant } from '../../shared/errors.ts';
import type { Database } from '../keyspace/database.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { Address } from '../memory/arena.ts';
import { Bytes, EntryType, NO_EXPIRY } from '../memory/entries.ts';
import type { ScoredCursor } from './scored-cursor.ts';
import type { SortedSets } from './sorted-set.ts';

/** No field of Redis's ends later: 2^46 - 1, the year 4199. */
export const ENDS_AT_MS_MAX = 2 ** 46 - 1;

export class FieldTimes {
  readonly #keyspace: Keyspace;
  readonly #sortedSets: SortedSets;
  readonly #key = new Bytes();
  /** For walks of its own, and for a look at the first field in the midst of one. */
  readonly #cursor: ScoredCursor;
  readonly #firstCursor: ScoredCursor;

  constructor(keyspace: Keyspace, sortedSets: SortedSets) {
    this.#keyspace = keyspace;
    this.#sortedSets = sortedSets;
    this.#cursor = sortedSets.newCursor();
    this.#firstCursor = sortedSets.newCursor();
  }

  /** Time at which a field ends, ms since the epoch; NO_EXPIRY if it stays. */
  at(ref: Address, buf: Uint8Array, off: number, len: number): number {
    if (!this.#keyspace.entries.hasFieldTimes(ref)) return NO_EXPIRY;
    return this.#sortedSets.find(this.#timesOf(ref), buf, off, len) ? this.#sortedSets.foundScore : NO_EXPIRY;
  }

  /** Whether a field has ended by now. */
  isDue(ref: Address, buf: Uint8Array, off: number, len: number): boolean {
    const endsAtMs = this.at(ref, buf, off, len);
    return endsAtMs !== NO_EXPIRY && endsAtMs < this.#keyspace.nowMs && !this.#keyspace.showsExpired;
  }

  /** Time at which the first field ends. The hash must have such fields. */
  next(ref: Address): number {
    return this.#keyspace.entries.expireAtMs(this.#timesOf(ref));
  }

  /** How many fields have ended by now. */
  dueCount(ref: Address): number {
    const { entries, nowMs, showsExpired } = this.#keyspace;
    if (showsExpired || !entries.hasFieldTimes(ref)) return 0;
    const times = this.#timesOf(ref);
    return entries.expireAtMs(times) < nowMs ? this.#sortedSets.rankOfScore(times, nowMs, false) : 0;
  }

  /** Sets the time at which a field, which must be there, ends. The bytes must not be the times' own. */
  set(ref: Address, buf: Uint8Array, off: number, len: number, expireAtMs: number): void {
    const { entries } = this.#keyspace;
    const sortedSets = this.#sortedSets;
    let times: Address;
    if (entries.hasFieldTimes(ref)) times = this.#timesOf(ref);
    else {
      entries.key(ref, this.#key);
      const { buf: keyBuf, off: keyOff, len: keyLen } = this.#key;
      times = this.#twinOf(ref).addCollection(keyBuf, keyOff, keyLen, EntryType.zset);
      sortedSets.begin(times, 1, len);
      entries.setHasFieldTimes(ref, true);
    }
    if (sortedSets.find(times, buf, off, len)) sortedSets.setFound(times, expireAtMs);
    else sortedSets.add(times, expireAtMs, buf, off, len);
    this.#settle(ref, times);
  }

  /** Makes a field stay; whether it had a time. */
  clear(ref: Address, buf: Uint8Array, off: number, len: number): boolean {
    if (!this.#keyspace.entries.hasFieldTimes(ref)) return false;
    const times = this.#timesOf(ref);
    if (!this.#sortedSets.find(times, buf, off, len)) return false;
    this.#sortedSets.removeFound(times);
    this.#settle(ref, times);
    return true;
  }

  /** Begins a walk over the fields that end, the first to end first, with a cursor of the caller's. The hash must have such fields. */
  walk(cursor: ScoredCursor, ref: Address): ScoredCursor {
    return this.#sortedSets.walkWith(cursor, this.#timesOf(ref), 0);
  }

  /** Forgets the first `count` fields that end. */
  dropFirst(ref: Address, count: number): void {
    const times = this.#timesOf(ref);
    this.#sortedSets.removeRange(times, 0, count);
    this.#settle(ref, times);
  }

  /** Gives the fields of the hash `to`, a copy, the times of those of `from`. */
  copy(from: Address, to: Address): void {
    if (!this.#keyspace.entries.hasFieldTimes(from)) return;
    const cursor = this.walk(this.#cursor, from);
    const { member } = cursor;
    while (cursor.next()) this.set(to, member.buf, member.off, member.len, cursor.score);
  }

  /** Bytes of memory that the times take; of many only about `samples` are looked at (0: all). */
  memoryBytes(ref: Address, samples: number): number {
    const { arena, entries } = this.#keyspace;
    if (!entries.hasFieldTimes(ref)) return 0;
    const times = this.#timesOf(ref);
    return arena.cellBytes(times) + this.#sortedSets.memoryBytes(times, samples);
  }

  /** Asserts that every field with a time is one of the hash, as `has` tells, and that the first is known. */
  check(ref: Address, has: (field: Bytes) => boolean): void {
    const { entries } = this.#keyspace;
    if (!entries.hasFieldTimes(ref) || this.#database(ref).detached) return;
    const cursor = this.walk(this.#cursor, ref);
    invariant(cursor.next(), 'field times: none, and the hash is marked');
    invariant(cursor.score === this.next(ref), 'field times: the first is not the one that the twin knows');
    do invariant(has(cursor.member), 'field times: a time of a field that is not there'); while (cursor.next());
  }

  #database(ref: Address): Database {
    return this.#keyspace.databaseOf(ref);
  }

  #twinOf(ref: Address): Database {
    return this.#keyspace.twinOf(this.#database(ref));
  }

  /** The twin's entry for a marked hash. */
  #timesOf(ref: Address): Address {
    this.#keyspace.entries.key(ref, this.#key);
    const { buf, off, len } = this.#key;
    const times = this.#twinOf(ref).peekRaw(buf, off, len);
    invariant(times !== 0, 'field times: a hash is marked and has none');
    return times;
  }

  /** After a change: the twin's expiry is that of the first field; without any left there is nothing to keep. */
  #settle(ref: Address, times: Address): void {
    const { entries } = this.#keyspace;
    const twin = this.#twinOf(ref);
    if (this.#sortedSets.length(times) === 0) {
      entries.key(times, this.#key);
      twin.remove(this.#key.buf, this.#key.off, this.#key.len);
      entries.setHasFieldTimes(ref, false);
      return;
    }
    const cursor = this.#sortedSets.walkWith(this.#firstCursor, times, 0);
    cursor.next();
    if (entries.expireAtMs(times) !== cursor.score) twin.setExpiry(times, cursor.score);
  }
}
