/**
 * Saves a whole engine as an RDB file, in slices.
 *
 * The keyspace must not change between the first slice and the last: whoever saves does it from an engine of its own.
 * Bytes go to the writer's sink; what becomes of them is the caller's matter.
 */
import { invariant } from '../../shared/errors.ts';
import { RDB_VERSION_WITH_FIELD_TIMES, RDB_VERSION_WRITTEN, RdbOpcode } from '../../shared/rdb/rdb-types.ts';
import type { RdbWriter } from '../../shared/rdb/rdb-writer.ts';
import { USERS_AUX } from '../acl/users.ts';
import type { Engine } from '../engine.ts';
import { IMPORT_AUX, importWords } from '../import-state.ts';
import type { Address } from '../memory/arena.ts';
import { Bytes, NO_EXPIRY } from '../memory/entries.ts';
import { ValueSaver } from './value-saver.ts';

/** The version of Redis that files claim to be of: one whose forms they use. */
export const RDB_REDIS_VERSION = '7.0.15';

export interface RdbSaveOptions {
  /** When the file was made: seconds since the epoch. */
  readonly createdAtS: number;
  /** Bytes of memory in use, for those who read the file. */
  readonly usedMemoryBytes: number;
  /**
   * Whether to say of each key when or how often it was used, if an LRU or LFU policy is set. Not where the engine only
   * follows a log: that tells of no reads.
   */
  readonly withUse?: boolean;
  /** Further AUX fields, as latin1 strings: log position, checksum, shard. Redis passes over those it does not know. */
  readonly aux?: readonly (readonly [string, string])[];
}

export class RdbSaver {
  /** Keys written so far. */
  keys = 0;
  /** The file's checksum, 16 hex digits, once `step` has returned false. */
  checksum = '';
  readonly #engine: Engine;
  readonly #writer: RdbWriter;
  readonly #values = new ValueSaver();
  readonly #withUse: boolean;
  readonly #key = new Bytes();
  readonly #batch: Address[] = [];
  #db = -1;
  #cursor = 0;

  /** Writes header, AUX fields (users among them) and libraries of functions. The writer must be fresh. */
  constructor(engine: Engine, writer: RdbWriter, options: RdbSaveOptions) {
    this.#engine = engine;
    this.#writer = writer;
    this.#withUse = options.withUse ?? false;
    const hasFieldTimes = engine.keyspace.databases.some((db) => db.fieldTimes !== null && db.fieldTimes.size > 0);
    // Only such a file is beyond Redis 7.0.
    writer.header(hasFieldTimes ? RDB_VERSION_WITH_FIELD_TIMES : RDB_VERSION_WRITTEN);
    writer.aux('redis-ver', RDB_REDIS_VERSION);
    writer.aux('redis-bits', '64');
    writer.aux('ctime', String(options.createdAtS));
    writer.aux('used-mem', String(options.usedMemoryBytes));
    writer.aux('aof-base', '0');
    for (const [name, value] of options.aux ?? []) writer.aux(name, value);
    const users = engine.users.snapshotText;
    if (users !== null) writer.aux(USERS_AUX, users);
    if (engine.importing !== null) writer.aux(IMPORT_AUX, JSON.stringify(importWords(engine.importing)));
    for (const [, source] of engine.functions.entries()) {
      writer.byte(RdbOpcode.function);
      writer.text(source);
    }
  }

  /** Writes about `count` more keys. @returns whether there are more; false once the file is complete. */
  step(count: number): boolean {
    invariant(this.checksum === '', 'rdb: the file is complete');
    if (this.#cursor === 0 && !this.#beginDatabase()) {
      this.checksum = this.#writer.end();
      return false;
    }
    const batch = this.#batch;
    batch.length = 0;
    this.#cursor = this.#engine.keyspace.databases[this.#db]!.scan(this.#cursor, count, batch);
    for (let i = 0; i < batch.length; i++) this.#entry(batch[i]!);
    return true;
  }

  /** Goes to the next database that has keys. */
  #beginDatabase(): boolean {
    const { databases } = this.#engine.keyspace;
    do this.#db++; while (this.#db < databases.length && databases[this.#db]!.size === 0);
    const db = databases[this.#db];
    if (db === undefined) return false;
    this.#writer.byte(RdbOpcode.selectDb);
    this.#writer.length(this.#db);
    this.#writer.byte(RdbOpcode.resizeDb);
    this.#writer.length(db.size);
    this.#writer.length(db.expires);
    return true;
  }

  #entry(ref: Address): void {
    const writer = this.#writer;
    const { entries } = this.#engine.keyspace;
    const expireAtMs = entries.expireAtMs(ref);
    if (expireAtMs !== NO_EXPIRY) {
      writer.byte(RdbOpcode.expireTimeMs);
      writer.int64(expireAtMs);
    }
    if (this.#withUse) this.#use(entries.lru(ref));
    const type = this.#values.typeOf(this.#engine, ref);
    writer.byte(type);
    entries.key(ref, this.#key);
    writer.string(this.#key.buf, this.#key.off, this.#key.len);
    this.#values.write(this.#engine, ref, type, writer);
    this.keys++;
  }

  #use(bits: number): void {
    const writer = this.#writer;
    const { keyspace, eviction } = this.#engine;
    if (keyspace.access.isLfu) {
      writer.byte(RdbOpcode.freq);
      writer.byte(keyspace.access.frequency(bits));
    } else if (eviction.isLru) {
      writer.byte(RdbOpcode.idle);
      writer.length(keyspace.access.idleSeconds(bits));
    }
  }
}
