/**
 * The keyspace: numbered databases over one arena, their expiries, and who waits for or watches a key.
 *
 * Owns every entry: nobody else creates, moves or frees one. An address of an entry (a "ref") is valid until the next
 * change of that entry's string value or expiry, or the next command. Time comes in through `nowMs`.
 */
import type { Address } from '../memory/arena.ts';
import { Arena, type ArenaOptions, Kind } from '../memory/arena.ts';
import { Compactor } from '../memory/compaction.ts';
import { CountedTree, TreeCursor } from '../memory/counted-tree.ts';
import { Bytes, Entries, EntryType, NO_EXPIRY } from '../memory/entries.ts';
import { HASH_END, HashIndex } from '../memory/hash-index.ts';
import { SLOT_COUNT, slotOf } from '../../shared/hash.ts';
import { invariant } from '../../shared/errors.ts';
import { AccessClock } from './access-clock.ts';
import { Hazards } from './hazards.ts';
import { KeyEvents } from './key-events.ts';
import { KeyInterest } from './key-interest.ts';
import { KeyPlace } from './key-place.ts';
import { Lookahead } from './lookahead.ts';
import { Database } from './database.ts';

/** Frees a collection's cell and all below it; big ones in steps. Provided by the types. */
export interface ValueReclaimer {
  reclaim(type: number, value: Address): void;
  /** Frees up to `budget` cells of what was given up earlier; whether more is left. */
  step(budget: number): boolean;
  /** Collections that were given up and are not free yet. */
  readonly pending: number;
  /** The arena was cleared: nothing is left to free. */
  reset(): void;
}

/** Takes fields out of hashes when their time has come. Provided by the types. */
export interface FieldExpirer {
  /**
   * Takes the fields that have ended out of a hash that has such, and the key with the last field. On a replica they stay,
   * hidden.
   * @returns whether nothing is left (to be seen).
   */
  expireFields(db: Database, ref: Address): boolean;
  /** As `expireFields`, up to `max` fields; returns how many. Not on a replica. */
  expireSomeFields(db: Database, ref: Address, max: number): number;
}

/** Who logs that fields of a hash have ended: told how many they are, then each of them. */
export interface FieldsEndedListener {
  /** Called before anything is taken out. @throws CommandError where there are more than a few, and hardly any room in the record */
  begin(db: number, key: Bytes, fields: number): void;
  field(field: Bytes): void;
  /** All of them are out. */
  end(): void;
}

/** So many fields that have ended are logged in any case. */
export const ENDED_FEW = 16;

/** Called when a key is taken out without any client's wish, so that its deletion is logged. */
export type OnTakenOut = (db: number, key: Bytes) => void;

export interface KeyspaceOptions extends ArenaOptions {
  readonly databases: number;
  /** Seed of the hash indexes. */
  readonly hashSeed: number;
  /** Numbers in [0, 1). */
  readonly random: () => number;
}

export class Keyspace {
  readonly arena: Arena;
  readonly compactor: Compactor;
  readonly index: HashIndex;
  readonly tree: CountedTree;
  readonly entries: Entries;
  readonly hazards: Hazards;
  readonly interest: KeyInterest;
  readonly events = new KeyEvents();
  readonly access: AccessClock;
  readonly lookahead: Lookahead;
  readonly place: KeyPlace;
  /** By number. */
  readonly databases: Database[] = [];
  /** By id: those above and the detached ones. */
  readonly #stores: (Database | null)[] = [];
  readonly #detached: Database[] = [];
  /** Set once by the engine's wiring. */
  reclaimer: ValueReclaimer | null = null;
  onExpired: OnTakenOut | null = null;
  onEvicted: OnTakenOut | null = null;
  fieldExpirer: FieldExpirer | null = null;
  onFieldsEnded: FieldsEndedListener | null = null;
  /** Called before a key or fields are taken out in the background. */
  beforeExpiry: () => void = () => undefined;
  /** Whether what is logically expired is hidden and stays for now, since there is much to log already. */
  leavesExpired: () => boolean = () => false;

  #nowMs = 0;
  /** Whether effects of the log are being applied: then nothing expires by itself, and nothing is marked. */
  applying = false;
  /** Whether this engine follows a primary: what is logically expired is hidden and stays, for the primary decides. */
  isReplica = false;
  /**
   * Whether changes come from elsewhere: from a primary, or from a source that is imported. Clients change nothing, and what
   * is logically expired is hidden and stays.
   */
  isReadOnly = false;
  /** Whether what is logically expired is hidden and stays though changes are made here: while CLIENT PAUSE holds writes. Only for commands that do not write. */
  keepsExpired = false;
  /** Whether what is logically expired is to be seen: by commands of a source. */
  showsExpired = false;
  /** Whether reads leave no trace in what is known of keys' use (CLIENT NO-TOUCH). */
  noTouch = false;
  keyspaceHits = 0;
  keyspaceMisses = 0;
  expiredKeys = 0;
  expiredFields = 0;
  evictedKeys = 0;
  /** Whether keys expire by themselves in the background (DEBUG SET-ACTIVE-EXPIRE). Lazy expiry goes on. */
  activeExpire = true;

  readonly #cursor = new TreeCursor();
  readonly #key = new Bytes();

  constructor(options: KeyspaceOptions) {
    this.arena = new Arena(options);
    this.compactor = new Compactor(this.arena);
    this.index = new HashIndex(this.arena, this.compactor, options.hashSeed);
    this.lookahead = new Lookahead(this.index);
    this.tree = new CountedTree(this.arena, this.compactor);
    this.entries = new Entries(this.arena);
    this.hazards = new Hazards(options.databases);
    this.interest = new KeyInterest();
    this.access = new AccessClock(options.random);
    this.place = new KeyPlace(options.hashSeed);
    this.compactor.register(Kind.entry, (from, to) => this.#relocateEntry(from, to));
    for (let number = 0; number < options.databases; number++) this.databases.push(this.#newDatabase(number));
  }

  /** Whether what is logically expired is hidden and stays, for whatever reason. */
  get hidesExpired(): boolean {
    return this.isReadOnly || this.keepsExpired || this.leavesExpired();
  }

  /** Milliseconds since the epoch: the time of the command under way. */
  get nowMs(): number {
    return this.#nowMs;
  }

  set nowMs(nowMs: number) {
    this.#nowMs = nowMs;
    this.access.setTime(nowMs);
  }

  /** Keys in all databases. */
  get size(): number {
    let total = 0;
    for (const db of this.databases) total += db.size;
    return total;
  }

  /** Empties one database. Big ones are freed in steps by `lazyFreeStep`. Returns how many keys it had. */
  flush(db: Database): number {
    const removed = db.size;
    this.interest.databaseReplaced(db.number, db, null);
    if (!this.applying) this.hazards.markDb(db.number);
    if (removed === this.size) this.#clearAll();
    else if (removed > 0) {
      this.#detach(db);
      if (db.fieldTimes !== null) this.#detach(db.fieldTimes);
      this.databases[db.number] = this.#newDatabase(db.number);
    }
    return removed;
  }

  flushAll(): number {
    const removed = this.size;
    for (const db of this.databases) {
      this.interest.databaseReplaced(db.number, db, null);
      if (!this.applying) this.hazards.markDb(db.number);
    }
    this.#clearAll();
    return removed;
  }

  /** Exchanges the contents of two databases (SWAPDB). */
  swap(a: Database, b: Database): void {
    const { number } = a;
    this.interest.databaseReplaced(a.number, a, b);
    this.interest.databaseReplaced(b.number, b, a);
    if (!this.applying) {
      this.hazards.markDb(a.number);
      this.hazards.markDb(b.number);
    }
    a.number = b.number;
    b.number = number;
    for (const db of [a, b]) if (db.fieldTimes !== null) db.fieldTimes.number = db.number;
    this.databases[a.number] = a;
    this.databases[b.number] = b;
  }

  /**
   * Takes out up to `max` expired keys, those due first first, reporting each to `onExpired`.
   * @returns how many were taken out.
   */
  expireStep(max: number): number {
    let removed = 0;
    for (const db of this.databases) {
      while (removed < max && db.expires > 0) {
        this.tree.seekRank(db.root, 0, this.#cursor);
        if (this.#cursor.score >= this.nowMs) break;
        this.entries.key(this.#cursor.address, this.#key);
        this.beforeExpiry();
        db.expireNow(this.#key);
        removed++;
      }
    }
    return removed;
  }

  /**
   * Takes up to `max` fields out of hashes whose time has come, those due first first.
   * @returns how many were taken out.
   */
  expireFieldsStep(max: number): number {
    let removed = 0;
    for (const db of this.databases) {
      const twin = db.fieldTimes;
      while (twin !== null && twin.size > 0 && removed < max) {
        this.tree.seekRank(twin.root, 0, this.#cursor);
        if (this.#cursor.score >= this.nowMs) break;
        this.entries.key(this.#cursor.address, this.#key);
        const ref = db.peekRaw(this.#key.buf, this.#key.off, this.#key.len);
        this.beforeExpiry();
        invariant(ref !== 0 && this.entries.hasFieldTimes(ref), 'keyspace: times of fields, and no hash that has them');
        removed += this.fieldExpirer!.expireSomeFields(db, ref, max - removed);
      }
    }
    return removed;
  }

  /** The database that an entry is in. */
  databaseOf(ref: Address): Database {
    return this.#stores[this.entries.db(ref)]!;
  }

  /** A database's twin for the times of hashes' fields, made when it is first asked for. */
  twinOf(db: Database): Database {
    db.fieldTimes ??= this.#newDatabase(db.number);
    return db.fieldTimes;
  }

  /** Whether there is something for `lazyFreeStep`. */
  get hasToFree(): boolean {
    return this.#detached.length > 0 || this.reclaimer!.pending > 0;
  }

  /** Frees some of what FLUSHDB or the removal of a big collection left behind; whether more is left. */
  lazyFreeStep(budget: number): boolean {
    const db = this.#detached[0];
    if (db === undefined) return this.reclaimer!.step(budget);
    if (!db.freeStep(budget)) {
      this.#stores[db.id] = null;
      this.#detached.shift();
    }
    return true;
  }

  /**
   * Notes of an entry what a file or a client tells of its use, as far as the policy keeps it.
   * @param idleS seconds since the last use, or -1
   * @param frequency the count of uses, 0 to 255, or -1
   */
  noteUse(ref: Address, idleS: number, frequency: number): void {
    const { access, entries } = this;
    if (access.isLfu) {
      if (frequency >= 0) entries.setLru(ref, access.frequencyBits(frequency));
    } else if (idleS >= 0) entries.setLru(ref, access.idleBits(idleS));
  }

  /** Frees the value of an entry (nothing for strings), not the entry. */
  freeValue(ref: Address): void {
    const type = this.entries.type(ref);
    if (type !== EntryType.string) this.reclaimer!.reclaim(type, this.entries.valueAddress(ref));
  }

  #clearAll(): void {
    this.arena.clear();
    this.compactor.reset();
    this.reclaimer?.reset();
    for (const db of this.#detached) this.#stores[db.id] = null;
    this.#detached.length = 0;
    for (const db of this.databases) {
      db.arenaCleared();
      db.fieldTimes?.arenaCleared();
    }
  }

  #detach(db: Database): void {
    db.detached = true;
    this.#detached.push(db);
  }

  #newDatabase(number: number): Database {
    let id = this.#stores.indexOf(null);
    if (id < 0) id = this.#stores.length;
    const db = new Database(this, id, number);
    this.#stores[id] = db;
    return db;
  }

  #relocateEntry(from: Address, to: Address): void {
    const { entries, index } = this;
    entries.key(to, this.#key);
    const db = this.#stores[entries.db(to)]!;
    const hash = index.hash(this.#key.buf, this.#key.off, this.#key.len);
    const slot = slotOf(this.#key.buf, this.#key.off, this.#key.len);
    index.replace(db.slotRef(slot), hash, from, to);
    const expireAtMs = entries.expireAtMs(to);
    // A detached database's tree may name entries that are freed already: it is only cleared any more.
    if (expireAtMs !== NO_EXPIRY && !db.detached) this.tree.replace(db.root, expireAtMs, from, to);
    entries.moved(to);
  }

  /** Walks indexes, expiry trees and entries and asserts that they agree. Calls `visit` for each cell that they own. */
  check(visit: (address: Address) => void): void {
    for (const db of this.#stores) {
      if (db === null) continue;
      if (!db.detached) db.check();
      let keys = 0;
      let expires = 0;
      let withFieldTimes = 0;
      if (db.root !== 0) visit(db.root);
      const refs: Address[] = [];
      for (let slot = 0; slot < SLOT_COUNT; slot++) {
        const ref = db.slotRef(slot);
        if (ref === 0) continue;
        this.index.check(ref);
        this.index.eachCell(ref, visit);
        refs.length = 0;
        this.index.scan(ref, 0, HASH_END, refs);
        for (const entry of refs) {
          keys++;
          visit(entry);
          invariant(this.entries.db(entry) === db.id, 'keyspace: an entry has the wrong database');
          this.entries.key(entry, this.#key);
          invariant(slotOf(this.#key.buf, this.#key.off, this.#key.len) === slot, 'keyspace: a key stands in the wrong slot');
          if (this.entries.expireAtMs(entry) !== NO_EXPIRY) expires++;
          if (this.entries.hasFieldTimes(entry)) withFieldTimes++;
        }
      }
      invariant(keys === db.size, `keyspace: database ${db.id} has ${keys} keys and counts ${db.size}`);
      invariant(expires === db.expires, `keyspace: database ${db.id} has ${expires} expiries and counts ${db.expires}`);
      if (!db.detached) {
        const twin = db.fieldTimes;
        invariant(withFieldTimes === (twin?.size ?? 0), `keyspace: ${withFieldTimes} hashes have times of fields, and the twin of database ${db.id} others`);
        invariant(twin === null || twin.expires === twin.size, 'keyspace: times of fields without a first');
      }
      if (db.root !== 0) {
        if (!db.detached) this.tree.check(db.root);
        this.tree.eachCell(db.root, visit);
      }
    }
  }
}
