/**
 * One database: its keys by hash slot, and its expiries in order of time.
 *
 * Its `id` never changes and stands in every entry; its `number` is what SELECT calls it, and changes by SWAPDB. A
 * database emptied while others hold keys is replaced by a new one and freed in steps.
 *
 * `lookup…` and `peek` return a ref or 0. Adding, removing, setting strings and expiries report the change (hazard, WATCH,
 * blocked clients) by themselves; whoever changes a collection in place calls `modified`.
 */
import { HASH_END } from '../memory/hash-index.ts';
import type { Address } from '../memory/arena.ts';
import { Kind } from '../memory/arena.ts';
import { TreeCursor } from '../memory/counted-tree.ts';
import { copyBytes } from '../memory/records.ts';
import { Bytes, EntryType, NO_EXPIRY } from '../memory/entries.ts';
import { invariant } from '../../shared/errors.ts';
import { SLOT_COUNT } from '../../shared/hash.ts';
import type { Request } from '../../shared/request.ts';
import { KeyEvent } from './key-events.ts';
import type { Keyspace } from './keyspace.ts';

/** For `setString`: the key keeps the expiry it has. */
export const KEEP_EXPIRY = -2;

/** Slots are counted together in blocks of 2^BLOCK_SHIFT, so that walks and choices need not look at every slot. */
const BLOCK_SHIFT = 7;
const BLOCK_SLOTS = 1 << BLOCK_SHIFT;

/** `Database.scan` spends so many cursors on each slot: those of slot s begin at s times this. */
export const SCAN_CURSORS_PER_SLOT = HASH_END;

/** As in Redis: so many keys with an expiry are looked at, and what they say counts for so much against what is known. */
const TTL_SAMPLES = 20;
const TTL_WEIGHT = 0.02;
/** Each look begins elsewhere, and all together fall evenly: multiples of the golden ratio. */
const TTL_STEP = (Math.sqrt(5) - 1) / 2;

const NO_REFS: Int32Array = new Int32Array(SLOT_COUNT);

export class Database {
  readonly id: number;
  number: number;
  /** Keys in it, logically expired ones included. */
  size = 0;
  /** Keys with an expiry. */
  expires = 0;
  /** How long those have left, in ms: an estimate, from `sampleTtl`. */
  averageTtlMs = 0;
  #ttlPhase = 0;
  /** Pinned record that heads the slots' indexes and the expiry tree; 0 until the first key comes. */
  root: Address = 0;
  /** Index reference of each slot. */
  #refs: Int32Array = NO_REFS;
  /** Keys of each block of slots. */
  readonly #blockSizes: Int32Array = new Int32Array(SLOT_COUNT >>> BLOCK_SHIFT);
  readonly #ks: Keyspace;
  readonly #bytes = new Bytes();
  readonly #bytes2 = new Bytes();
  readonly #cursor = new TreeCursor();
  /** Its hidden twin, which has the times of hashes' fields; null as long as no field has any. See types/field-times.ts. */
  fieldTimes: Database | null = null;
  /** Whether it was given up: its keys are unreachable and are freed in steps. */
  detached = false;
  #slotToFree = 0;
  #slot = 0;
  #hash = 0;

  constructor(keyspace: Keyspace, id: number, number: number) {
    this.#ks = keyspace;
    this.id = id;
    this.number = number;
    keyspace.index.keyspaceRefs[id] = this.#refs;
  }

  // ---- Looking ----

  /** Index reference of a slot: for the keyspace's own use and the checker. */
  slotRef(slot: number): Address {
    return this.#refs[slot]!;
  }

  /** Commands are about to run here: see lookahead.ts. */
  lookAhead(requests: readonly Request[], count: number): void {
    if (this.size > 0) this.#ks.lookahead.look(this.#refs, requests, count);
  }

  slotSize(slot: number): number {
    return this.#ks.index.count(this.#refs[slot]!);
  }

  /** The key's entry for a reading command, or 0. Counts hits and misses and notes that the key was used. */
  lookup(buf: Uint8Array, off: number, len: number): Address {
    const ks = this.#ks;
    const ref = this.#find(buf, off, len);
    if (ref === 0) {
      this.#missed(buf, off, len);
      return 0;
    }
    ks.keyspaceHits++;
    if (!ks.noTouch) this.#touch(ref);
    return ref;
  }

  /** As `lookup`, and does not count as use: for commands that look at the key and not at its value (EXISTS, TTL …). */
  lookupUntouched(buf: Uint8Array, off: number, len: number): Address {
    const ref = this.#find(buf, off, len);
    if (ref === 0) this.#missed(buf, off, len);
    else this.#ks.keyspaceHits++;
    return ref;
  }

  /** The key's entry for a writing command, or 0. */
  lookupWrite(buf: Uint8Array, off: number, len: number): Address {
    const ref = this.#find(buf, off, len);
    if (ref !== 0 && !this.#ks.noTouch) this.#touch(ref);
    return ref;
  }

  /** The key's entry, or 0, leaving no trace in statistics and use (OBJECT …). */
  peek(buf: Uint8Array, off: number, len: number): Address {
    return this.#find(buf, off, len);
  }

  /** `peek` that shows expired keys too and expires nothing: for DEBUG and digests. */
  peekRaw(buf: Uint8Array, off: number, len: number): Address {
    this.#locate(buf, off, len);
    return this.#ks.index.find(this.#refs[this.#slot]!, this.#hash, buf, off, len);
  }

  isExpired(ref: Address): boolean {
    const at = this.#ks.entries.expireAtMs(ref);
    return at !== NO_EXPIRY && at < this.#ks.nowMs && !this.#ks.showsExpired;
  }

  #locate(buf: Uint8Array, off: number, len: number): void {
    const { place } = this.#ks;
    place.locate(buf, off, len);
    this.#slot = place.slot;
    this.#hash = place.hash;
  }

  #find(buf: Uint8Array, off: number, len: number): Address {
    const ks = this.#ks;
    this.#locate(buf, off, len);
    if (!ks.applying) ks.hazards.check(this.#hash, this.number);
    const ref = ks.index.find(this.#refs[this.#slot]!, this.#hash, buf, off, len);
    if (ref !== 0 && !ks.applying && this.isExpired(ref)) {
      this.#bytes.buf = buf;
      this.#bytes.off = off;
      this.#bytes.len = len;
      this.expireNow(this.#bytes);
      // The listener may have looked up other keys meanwhile.
      this.#locate(buf, off, len);
      return 0;
    }
    if (ref !== 0 && this.fieldTimes !== null && !ks.applying && ks.entries.hasFieldTimes(ref)) {
      const isGone = ks.fieldExpirer!.expireFields(this, ref);
      this.#locate(buf, off, len);
      return isGone ? 0 : ref;
    }
    return ref;
  }

  #missed(buf: Uint8Array, off: number, len: number): void {
    const ks = this.#ks;
    ks.keyspaceMisses++;
    ks.events.tell(KeyEvent.keyMiss, 'keymiss', this.number, buf, off, len);
  }

  #touch(ref: Address): void {
    const { access, entries } = this.#ks;
    const bits = entries.lru(ref);
    const now = access.used(bits);
    if (bits !== now) entries.setLru(ref, now);
  }

  // ---- Changing ----

  /** Reports that a key's collection was changed in place. */
  modified(buf: Uint8Array, off: number, len: number): void {
    this.#locate(buf, off, len);
    this.#report(buf, off, len);
  }

  /**
   * As `modified`, for a change that WATCH and blocked clients do not see, as who has read what of a stream: only replies
   * wait for it.
   */
  modifiedQuietly(buf: Uint8Array, off: number, len: number): void {
    const ks = this.#ks;
    this.#locate(buf, off, len);
    if (!ks.applying) ks.hazards.mark(this.#hash, this.number);
  }

  /**
   * Sets a string. An entry of any type that stood there is replaced. The value's bytes must not be the old value's own.
   * @param expireAtMs time in ms, NO_EXPIRY, or KEEP_EXPIRY.
   * @returns the entry.
   */
  setString(
    buf: Uint8Array, off: number, len: number, vbuf: Uint8Array, voff: number, vlen: number, expireAtMs: number,
  ): Address {
    const ks = this.#ks;
    const ref = this.#setStringRoom(buf, off, len, vlen, expireAtMs);
    ks.entries.value(ref, this.#bytes);
    copyBytes(vbuf, voff, this.#bytes.buf, this.#bytes.off, vlen);
    this.#report(buf, off, len);
    return ref;
  }

  /**
   * Gives a string `vlen` bytes of which the first `keep` are the old value's (the rest undefined, to be filled in
   * through `entries.value`). The key must hold a string or nothing. Expiry stays. Marks the value as changed in place.
   */
  resizeString(buf: Uint8Array, off: number, len: number, vlen: number, keep: number): Address {
    const ks = this.#ks;
    this.#locate(buf, off, len);
    const old = ks.index.find(this.#refs[this.#slot]!, this.#hash, buf, off, len);
    let ref = old;
    if (old === 0) {
      ref = ks.entries.create(this.id, EntryType.string, buf, off, len, vlen, NO_EXPIRY, ks.access.initial);
      this.#insert(ref);
      ks.events.tell(KeyEvent.newKey, 'new', this.number, buf, off, len);
    } else if (ks.entries.fits(old, vlen)) {
      ks.entries.setValueLength(old, vlen);
    } else {
      const expireAtMs = ks.entries.expireAtMs(old);
      // A string that grew once tends to grow again: leave an eighth of room, for what is more than a handful of bytes.
      const room = vlen > ks.entries.valueLength(old) && vlen > 64 ? vlen + (vlen >>> 3) : vlen;
      ref = ks.entries.create(this.id, EntryType.string, buf, off, len, room, expireAtMs, ks.access.used(ks.entries.lru(old)));
      ks.entries.value(old, this.#bytes);
      ks.entries.value(ref, this.#bytes2);
      copyBytes(this.#bytes.buf, this.#bytes.off, this.#bytes2.buf, this.#bytes2.off, Math.min(keep, this.#bytes.len));
      ks.entries.setValueLength(ref, vlen);
      this.#replace(old, ref, expireAtMs);
      ks.entries.free(old);
    }
    ks.entries.setRaw(ref);
    this.#report(buf, off, len);
    return ref;
  }

  /**
   * Adds an entry for a collection; the key must not be there. The caller sets its value's address at once.
   * @param isNew false: the key was there until now, so that it is no new one to those who listen to events.
   */
  addCollection(buf: Uint8Array, off: number, len: number, type: number, isNew = true): Address {
    const ks = this.#ks;
    this.#locate(buf, off, len);
    const ref = ks.entries.create(this.id, type, buf, off, len, 0, NO_EXPIRY, ks.access.initial);
    this.#insert(ref);
    this.#report(buf, off, len);
    // Its twin's keys are nobody's.
    if (isNew && ks.databases[this.number] === this) ks.events.tell(KeyEvent.newKey, 'new', this.number, buf, off, len);
    return ref;
  }

  /** Removes a key; whether it was there. */
  remove(buf: Uint8Array, off: number, len: number): boolean {
    this.#locate(buf, off, len);
    const ref = this.#ks.index.find(this.#refs[this.#slot]!, this.#hash, buf, off, len);
    if (ref === 0) return false;
    if (this.#ks.entries.hasFieldTimes(ref)) this.fieldTimes!.remove(buf, off, len);
    this.#unlink(ref);
    this.#ks.freeValue(ref);
    this.#report(buf, off, len);
    this.#ks.entries.free(ref);
    return true;
  }

  /** Sets or (NO_EXPIRY) removes the expiry of a key that is there. Returns the entry's new ref. */
  setExpiry(ref: Address, expireAtMs: number): Address {
    const ks = this.#ks;
    const { entries } = ks;
    entries.key(ref, this.#bytes);
    this.#locate(this.#bytes.buf, this.#bytes.off, this.#bytes.len);
    const had = entries.expireAtMs(ref);
    if (had !== NO_EXPIRY) {
      ks.tree.remove(this.root, had, ref);
      this.expires--;
    }
    const to = entries.setExpiry(ref, expireAtMs);
    if (to !== ref) ks.index.replace(this.#refs[this.#slot]!, this.#hash, ref, to);
    if (expireAtMs !== NO_EXPIRY) {
      ks.tree.insert(this.root, expireAtMs, to);
      this.expires++;
    }
    entries.key(to, this.#bytes);
    this.#report(this.#bytes.buf, this.#bytes.off, this.#bytes.len);
    return to;
  }

  /**
   * Moves an entry, value and expiry included, to a key (of this or another database) that must not be there.
   * Reports both keys as changed. Returns the new ref.
   */
  moveTo(ref: Address, target: Database, buf: Uint8Array, off: number, len: number): Address {
    const ks = this.#ks;
    const { entries } = ks;
    const type = entries.type(ref);
    const expireAtMs = entries.expireAtMs(ref);
    const valueBytes = type === EntryType.string ? entries.valueLength(ref) : 0;
    const to = entries.create(target.id, type, buf, off, len, valueBytes, expireAtMs, entries.lru(ref));
    entries.setTypeAndEncoding(to, type, entries.encoding(ref));
    if (type === EntryType.string) {
      if (entries.isRaw(ref)) entries.setRaw(to);
      entries.value(ref, this.#bytes);
      entries.value(to, this.#bytes2);
      copyBytes(this.#bytes.buf, this.#bytes.off, this.#bytes2.buf, this.#bytes2.off, valueBytes);
    } else entries.setValueAddress(to, entries.valueAddress(ref));
    entries.key(ref, this.#bytes);
    this.#locate(this.#bytes.buf, this.#bytes.off, this.#bytes.len);
    if (entries.hasFieldTimes(ref)) {
      const twin = this.fieldTimes!;
      twin.moveTo(twin.peekRaw(this.#bytes.buf, this.#bytes.off, this.#bytes.len), ks.twinOf(target), buf, off, len);
    }
    this.#unlink(ref);
    this.#report(this.#bytes.buf, this.#bytes.off, this.#bytes.len);
    entries.free(ref);
    target.#locate(buf, off, len);
    target.#insert(to);
    target.#report(buf, off, len);
    if (ks.databases[target.number] === target) ks.events.tell(KeyEvent.newKey, 'new', target.number, buf, off, len);
    return to;
  }

  /** Takes out a key because its time has come, and has the deletion logged. Where changes come from elsewhere, or none may be made, it stays, hidden. */
  expireNow(key: Bytes): void {
    const ks = this.#ks;
    if (ks.hidesExpired) return;
    ks.expiredKeys++;
    ks.onExpired!(this.number, key);
    // Before it is gone: the key's bytes may be the entry's.
    ks.events.tell(KeyEvent.expired, 'expired', this.number, key.buf, key.off, key.len);
    this.#takeOut(key);
  }

  /** Takes out a key that is there, to make room, and has the deletion logged. Whether it was there. */
  evict(key: Bytes): boolean {
    const ks = this.#ks;
    ks.evictedKeys++;
    ks.onEvicted!(this.number, key);
    ks.events.tell(KeyEvent.evicted, 'evicted', this.number, key.buf, key.off, key.len);
    return this.#takeOut(key);
  }

  /** Removes a key that no client's command means to remove. */
  #takeOut(key: Bytes): boolean {
    const { interest } = this.#ks;
    interest.bySystem = true;
    const wasThere = this.remove(key.buf, key.off, key.len);
    interest.bySystem = false;
    return wasThere;
  }

  // ---- Walking ----

  /**
   * Appends refs of keys in the order of slot and hash from `cursor` on, at least `count` of them if there are so many.
   * @param cursor 0 to begin, else what the last call returned.
   * @returns where to go on, or 0 at the end. Keys that stay are seen at least once however the indexes change meanwhile.
   */
  scan(cursor: number, count: number, out: Address[]): number {
    let slot = Math.floor(cursor / SCAN_CURSORS_PER_SLOT);
    let from = cursor % SCAN_CURSORS_PER_SLOT;
    const stop = out.length + count;
    for (;;) {
      const used = this.#nextUsed(slot);
      if (used === SLOT_COUNT) return 0;
      const next = this.#ks.index.scan(this.#refs[used]!, used === slot ? from : 0, stop - out.length, out);
      if (out.length >= stop && next !== HASH_END) return used * SCAN_CURSORS_PER_SLOT + next;
      slot = used + 1;
      from = 0;
      if (out.length < stop) continue;
      const then = this.#nextUsed(slot);
      return then === SLOT_COUNT ? 0 : then * SCAN_CURSORS_PER_SLOT;
    }
  }

  /** A key chosen uniformly, or 0. */
  random(random: () => number): Address {
    if (this.size === 0) return 0;
    let rank = Math.floor(random() * this.size);
    let block = 0;
    for (; rank >= this.#blockSizes[block]!; block++) rank -= this.#blockSizes[block]!;
    let slot = block << BLOCK_SHIFT;
    for (; rank >= this.slotSize(slot); slot++) rank -= this.slotSize(slot);
    return this.#ks.index.random(this.#refs[slot]!, random);
  }

  /**
   * Appends refs of up to `count` keys that stand next to each other from a random place on. Much cheaper than as many
   * times `random`, and not quite as fair: a key behind a gap comes up more often.
   */
  sample(random: () => number, count: number, out: Address[]): void {
    const stop = out.length + count;
    this.scan(Math.floor(random() * SLOT_COUNT) * SCAN_CURSORS_PER_SLOT + Math.floor(random() * SCAN_CURSORS_PER_SLOT), count, out);
    if (out.length < stop) this.scan(0, stop - out.length, out);
    if (out.length > stop) out.length = stop;
  }

  /** A key with an expiry, chosen uniformly, or 0. */
  randomExpiring(random: () => number): Address {
    return this.expires === 0 ? 0 : this.#expiring(Math.floor(random() * this.expires));
  }

  /** The key that expires first, or 0. */
  firstExpiring(): Address {
    return this.expires === 0 ? 0 : this.#expiring(0);
  }

  /** Betters the estimate of how long keys have left: to be called now and then. */
  sampleTtl(): void {
    const { expires } = this;
    const { entries, nowMs } = this.#ks;
    const samples = Math.min(expires, TTL_SAMPLES);
    this.#ttlPhase = (this.#ttlPhase + TTL_STEP) % 1;
    let sumMs = 0;
    let count = 0;
    for (let n = 0; n < samples; n++) {
      const leftMs = entries.expireAtMs(this.#expiring(Math.floor(((n + this.#ttlPhase) / samples) * expires))) - nowMs;
      if (leftMs <= 0) continue;
      sumMs += leftMs;
      count++;
    }
    if (expires === 0) this.averageTtlMs = 0;
    else if (count > 0) this.averageTtlMs += (sumMs / count - this.averageTtlMs) * (this.averageTtlMs === 0 ? 1 : TTL_WEIGHT);
  }

  #expiring(rank: number): Address {
    this.#ks.tree.seekRank(this.root, rank, this.#cursor);
    return this.#cursor.address;
  }

  // ---- As a whole ----

  /** Forgets all keys without freeing anything: the arena was cleared. */
  arenaCleared(): void {
    this.#refs = NO_REFS;
    this.#ks.index.keyspaceRefs[this.id] = this.#refs;
    this.#blockSizes.fill(0);
    this.root = 0;
    this.size = 0;
    this.expires = 0;
    this.averageTtlMs = 0;
  }

  /** Frees about `budget` keys of a detached database; whether more are left. */
  freeStep(budget: number): boolean {
    const ks = this.#ks;
    const refs: Address[] = [];
    for (; this.#slotToFree < SLOT_COUNT && refs.length < budget; this.#slotToFree++) {
      const ref = this.#refs[this.#slotToFree]!;
      if (ref === 0) continue;
      ks.index.scan(ref, 0, HASH_END, refs);
      ks.index.freeAll(ref);
      this.#refs[this.#slotToFree] = 0;
    }
    for (const ref of refs) {
      this.size--;
      if (ks.entries.expireAtMs(ref) !== NO_EXPIRY) this.expires--;
      ks.freeValue(ref);
      ks.entries.free(ref);
    }
    if (this.#slotToFree < SLOT_COUNT) return true;
    if (this.root !== 0) {
      ks.tree.clear(this.root);
      ks.arena.free(this.root);
      this.root = 0;
    }
    return false;
  }

  /** Asserts that the blocks' counts are those of their slots. Not for detached databases. */
  check(): void {
    for (let block = 0; block < this.#blockSizes.length; block++) {
      let keys = 0;
      for (let n = 0; n < BLOCK_SLOTS; n++) keys += this.slotSize((block << BLOCK_SHIFT) + n);
      invariant(keys === this.#blockSizes[block], `database ${this.id}: block ${block} has ${keys} keys and counts ${this.#blockSizes[block]!}`);
    }
  }

  // ---- Inside ----

  /** The first slot from `slot` on that has keys, or SLOT_COUNT. */
  #nextUsed(slot: number): number {
    while (slot < SLOT_COUNT) {
      if ((slot & (BLOCK_SLOTS - 1)) === 0 && this.#blockSizes[slot >>> BLOCK_SHIFT] === 0) slot += BLOCK_SLOTS;
      else if (this.#refs[slot] === 0) slot++;
      else return slot;
    }
    return SLOT_COUNT;
  }

  #report(buf: Uint8Array, off: number, len: number): void {
    const ks = this.#ks;
    if (!ks.applying) ks.hazards.mark(this.#hash, this.number);
    if (ks.interest.any) ks.interest.changed(this.number, buf, off, len);
  }

  #setStringRoom(buf: Uint8Array, off: number, len: number, vlen: number, expireAtMs: number): Address {
    const ks = this.#ks;
    const { entries } = ks;
    this.#locate(buf, off, len);
    const old = ks.index.find(this.#refs[this.#slot]!, this.#hash, buf, off, len);
    if (old === 0) {
      const at = expireAtMs === KEEP_EXPIRY ? NO_EXPIRY : expireAtMs;
      const ref = entries.create(this.id, EntryType.string, buf, off, len, vlen, at, ks.access.initial);
      this.#insert(ref);
      ks.events.tell(KeyEvent.newKey, 'new', this.number, buf, off, len);
      return ref;
    }
    const had = entries.expireAtMs(old);
    const at = expireAtMs === KEEP_EXPIRY ? had : expireAtMs;
    const isString = entries.type(old) === EntryType.string;
    if (isString && at === had && entries.fits(old, vlen)) {
      entries.setTypeAndEncoding(old, EntryType.string, 0);
      entries.setValueLength(old, vlen);
      this.#touch(old);
      return old;
    }
    const ref = entries.create(this.id, EntryType.string, buf, off, len, vlen, at, ks.access.used(entries.lru(old)));
    if (!isString) ks.freeValue(old);
    if (entries.hasFieldTimes(old)) this.fieldTimes!.remove(buf, off, len);
    this.#replace(old, ref, at);
    entries.free(old);
    return ref;
  }

  /** Puts a new entry of the key at #slot, #hash into the indexes. */
  #insert(ref: Address): void {
    const ks = this.#ks;
    if (this.root === 0) this.#begin();
    this.#refs[this.#slot] = ks.index.insert(this.#refs[this.#slot]!, this.#hash, ref, this.root, this.#slot);
    this.size++;
    this.#blockSizes[this.#slot >>> BLOCK_SHIFT]!++;
    const expireAtMs = ks.entries.expireAtMs(ref);
    if (expireAtMs !== NO_EXPIRY) {
      ks.tree.insert(this.root, expireAtMs, ref);
      this.expires++;
    }
  }

  /** Exchanges the entry of the key at #slot, #hash for another of the same key; both still hold their bytes. */
  #replace(old: Address, ref: Address, expireAtMs: number): void {
    const ks = this.#ks;
    const had = ks.entries.expireAtMs(old);
    if (had !== NO_EXPIRY) {
      ks.tree.remove(this.root, had, old);
      this.expires--;
    }
    ks.index.replace(this.#refs[this.#slot]!, this.#hash, old, ref);
    if (expireAtMs !== NO_EXPIRY) {
      ks.tree.insert(this.root, expireAtMs, ref);
      this.expires++;
    }
  }

  /** Takes the entry of the key at #slot, #hash out of the indexes. */
  #unlink(ref: Address): void {
    const ks = this.#ks;
    const expireAtMs = ks.entries.expireAtMs(ref);
    if (expireAtMs !== NO_EXPIRY) {
      ks.tree.remove(this.root, expireAtMs, ref);
      this.expires--;
    }
    this.#refs[this.#slot] = ks.index.remove(this.#refs[this.#slot]!, this.#hash, ref);
    this.size--;
    this.#blockSizes[this.#slot >>> BLOCK_SHIFT]!--;
  }

  #begin(): void {
    const ks = this.#ks;
    this.root = ks.arena.allocPinned(Kind.root);
    ks.entries.initKeyspaceRoot(this.root, this.id);
    this.#refs = new Int32Array(SLOT_COUNT);
    ks.index.keyspaceRefs[this.id] = this.#refs;
  }
}
