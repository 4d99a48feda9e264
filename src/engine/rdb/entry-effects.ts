/**
 * Entries that were loaded from an RDB file, as effects that make the same entries: for data that comes from elsewhere. A large
 * collection is what was there of it first, and then its elements one by one, so that no record of the log is as large as it.
 */
import { OperationalError, invariant } from '../../shared/errors.ts';
import { formatDouble } from '../../shared/number-text.ts';
import { RDB_VERSION_WITH_FIELD_TIMES, RDB_VERSION_WRITTEN, RdbType } from '../../shared/rdb/rdb-types.ts';
import { RdbWriter } from '../../shared/rdb/rdb-writer.ts';
import { latin1Slice } from '../../shared/request.ts';
import type { EffectWriter } from '../effects.ts';
import type { Engine } from '../engine.ts';
import { FUNCTION_EFFECT } from '../function-libraries.ts';
import type { Database } from '../keyspace/database.ts';
import type { Address } from '../memory/arena.ts';
import { Bytes, EntryType, NO_EXPIRY } from '../memory/entries.ts';
import type { ElementVisitor } from '../types/collection.ts';
import type { LoadListener } from './rdb-loader.ts';
import { ValueSaver } from './value-saver.ts';

/** Of a key in an error. */
const NAMED_BYTES_MAX = 128;

export class EntryEffects implements LoadListener, ElementVisitor {
  readonly #engine: Engine;
  readonly #effects: EffectWriter;
  readonly #key = new Bytes();
  readonly #value = new Bytes();
  readonly #writer = new RdbWriter();
  readonly #saver = new ValueSaver();
  /** Of the collection that comes in parts: its database, its key, and what adds an element if it is a list or a set. */
  #db = 0;
  #partsKey: Uint8Array = new Uint8Array(0);
  #adds = '';

  constructor(engine: Engine, effects: EffectWriter) {
    this.#engine = engine;
    this.#effects = effects;
  }

  /** SET for a string, RESTORE for everything else. */
  entry(db: Database, ref: Address): void {
    const { entries } = this.#engine.keyspace;
    const expireAtMs = entries.expireAtMs(ref);
    if (entries.type(ref) === EntryType.string) this.#string(db, ref, expireAtMs);
    else this.#collection(db, ref, expireAtMs);
    this.#engine.handOver();
  }

  part(db: Database, ref: Address): ElementVisitor {
    const { entries } = this.#engine.keyspace;
    this.entry(db, ref);
    entries.key(ref, this.#key);
    this.#db = db.number;
    this.#partsKey = this.#key.buf.slice(this.#key.off, this.#key.off + this.#key.len);
    this.#adds = entries.type(ref) === EntryType.list ? 'RPUSH' : 'SADD';
    return this;
  }

  // ---- What comes after the first part ----

  element(buf: Uint8Array, off: number, len: number): void {
    this.#begin(this.#adds, 3, len);
    this.#effects.arg(buf, off, len);
    this.#engine.handOver();
  }

  field(buf: Uint8Array, off: number, len: number, valueBuf: Uint8Array, valueOff: number, valueLen: number): void {
    this.#begin('HSET', 4, len + valueLen);
    this.#effects.arg(buf, off, len);
    this.#effects.arg(valueBuf, valueOff, valueLen);
    this.#engine.handOver();
  }

  fieldEnds(): void {
    invariant(false, 'rdb: a hash with fields that end is logged whole');
  }

  scored(buf: Uint8Array, off: number, len: number, score: number): void {
    this.#begin('ZADD', 4, len);
    this.#effects.text(formatDouble(score));
    this.#effects.arg(buf, off, len);
    this.#engine.handOver();
  }

  #begin(name: string, argc: number, bytes: number): void {
    this.#mustFit(this.#partsKey, 0, this.#partsKey.length, bytes);
    this.#effects.begin(this.#db, argc);
    this.#effects.text(name);
    this.#effects.arg(this.#partsKey, 0, this.#partsKey.length);
  }

  // ---- Whole entries ----

  #string(db: Database, ref: Address, expireAtMs: number): void {
    const effects = this.#effects;
    const key = this.#keyOf(ref);
    this.#engine.keyspace.entries.value(ref, this.#value);
    this.#mustFit(key.buf, key.off, key.len, this.#value.len);
    effects.begin(db.number, expireAtMs === NO_EXPIRY ? 3 : 5);
    effects.text('SET');
    effects.arg(key.buf, key.off, key.len);
    effects.arg(this.#value.buf, this.#value.off, this.#value.len);
    if (expireAtMs === NO_EXPIRY) return;
    effects.text('PXAT');
    effects.integer(expireAtMs);
  }

  #collection(db: Database, ref: Address, expireAtMs: number): void {
    const writer = this.#writer;
    const effects = this.#effects;
    const type = this.#saver.typeOf(this.#engine, ref);
    writer.byte(type);
    this.#saver.write(this.#engine, ref, type, writer);
    writer.endPayload(type === RdbType.hashMetadata ? RDB_VERSION_WITH_FIELD_TIMES : RDB_VERSION_WRITTEN);
    const payload = writer.take();
    const key = this.#keyOf(ref);
    this.#mustFit(key.buf, key.off, key.len, payload.length);
    effects.begin(db.number, 6);
    effects.text('RESTORE');
    effects.arg(key.buf, key.off, key.len);
    effects.integer(expireAtMs === NO_EXPIRY ? 0 : expireAtMs);
    effects.arg(payload, 0, payload.length);
    effects.text('REPLACE');
    effects.text('ABSTTL');
  }

  #keyOf(ref: Address): Bytes {
    this.#engine.keyspace.entries.key(ref, this.#key);
    return this.#key;
  }

  /** What is one effect is one record of the log. @throws OperationalError TOO_LARGE_TO_LOG */
  #mustFit(key: Uint8Array, off: number, len: number, bytes: number): void {
    if (!this.#engine.exceedsRecord(len + bytes)) return;
    const name = latin1Slice(key, off, off + Math.min(len, NAMED_BYTES_MAX));
    throw new OperationalError('TOO_LARGE_TO_LOG', `${bytes} bytes at the key "${name}" are more than a record of the log may have`);
  }

  library(source: string): void {
    if (this.#engine.exceedsRecord(source.length)) throw new OperationalError('TOO_LARGE_TO_LOG', `a library of ${source.length} bytes is more than a record of the log may have`);
    const effects = this.#effects;
    effects.begin(0, 4);
    effects.text(FUNCTION_EFFECT);
    effects.text('LOAD');
    effects.text('REPLACE');
    effects.text(source);
  }
}
