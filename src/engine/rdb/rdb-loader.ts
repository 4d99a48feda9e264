/**
 * Loads an RDB file of any version into an engine, from chunks that are fed to it and in slices.
 *
 *   loader.feed(chunk); state = loader.step(10_000): `more` → step again, `input` → feed or finish, `done` → complete.
 *
 * Nothing in the file is trusted. After an error the engine holds a part of the file and must be thrown away. Nothing is
 * logged and no hazard marked: the file's contents are committed data. Between steps no command may run on the keyspace;
 * compaction may.
 */
import { CommandError, OperationalError, invariant } from '../../shared/errors.ts';
import { ByteRange } from '../../shared/rdb/byte-range.ts';
import { isRdbError, quoteBytes, rdbDamaged, rdbUnsupported } from '../../shared/rdb/rdb-errors.ts';
import { NEED_INPUT, RdbReader } from '../../shared/rdb/rdb-reader.ts';
import { RDB_VERSION_WITH_CHECKSUM, RdbOpcode, RdbType, isKnownRdbVersion } from '../../shared/rdb/rdb-types.ts';
import { USERS_AUX } from '../acl/users.ts';
import type { Engine } from '../engine.ts';
import type { Database } from '../keyspace/database.ts';
import type { Address } from '../memory/arena.ts';
import { NO_EXPIRY } from '../memory/entries.ts';
import type { ElementVisitor } from '../types/collection.ts';
import { ValueLoader, checkRdbType } from './value-loader.ts';

/** What `step` came to. */
export const LoadState = {
  /** The slice's budget is used up. */
  more: 0,
  /** It needs `feed`, or `finish` if there is no more. */
  input: 1,
  /** The file is loaded, its checksum verified. */
  done: 2,
} as const;

export interface RdbLoadOptions {
  /**
   * Keys whose expiry is before this time (ms since the epoch) are left out. Absent: all are loaded, as is right where the
   * log that follows tells of their deletion.
   */
  readonly dropExpiredBeforeMs?: number;
  /** Told of everything that was loaded, when it is complete. */
  readonly onLoaded?: LoadListener;
  /** A collection that takes more of the file is told of in parts; by default PART_BYTES. */
  readonly partBytes?: number;
  /**
   * Whether the users in the file become the engine's: for files of this shard's own alone, since whoever wrote the file then says who may
   * do what. Absent: they are passed over.
   */
  readonly withUsers?: boolean;
}

export interface LoadListener {
  entry(db: Database, ref: Address): void;
  /** There is a part of a large collection, and `entry` will not be called for it. @returns who is shown the elements that follow */
  part(db: Database, ref: Address): ElementVisitor;
  /** A library of functions. */
  library(source: string): void;
}

const PART_BYTES = 256 * 1024;
const HEADER_BYTES = 9;
const MAGIC = /^REDIS(\d{4})$|^VALKEY(\d{3})$/;

export class RdbLoader {
  /** AUX fields of the file, as latin1 strings. */
  readonly aux = new Map<string, string>();
  /** Version of the file; 0 until its header was read. */
  version = 0;
  /** Keys loaded. */
  keys = 0;
  /** Keys left out because they had expired. */
  expiredKeys = 0;
  /** Keys left out because they had no element, which no command could have made. */
  emptyKeys = 0;
  /** Once done: the file's checksum, 16 hex digits; '' if it has none. */
  checksum = '';
  readonly #engine: Engine;
  readonly #options: RdbLoadOptions;
  readonly #reader = new RdbReader();
  readonly #values: ValueLoader;
  readonly #key = new ByteRange();
  readonly #value = new ByteRange();
  #db: Database;
  /** Whether a collection is being read, whose next piece comes next. */
  #inValue = false;
  /** Where in the file it began, and whether its parts are told of. */
  #begunAt = 0;
  #inParts = false;
  /** Whether `#key` is that of the entry under way, for messages. */
  #hasKey = false;
  #expireAtMs = NO_EXPIRY;
  #idleS = -1;
  #frequency = -1;
  #done = false;

  constructor(engine: Engine, options: RdbLoadOptions = {}) {
    this.#engine = engine;
    this.#options = options;
    this.#values = new ValueLoader(engine);
    this.#db = engine.keyspace.databases[0]!;
  }

  /** Adds the file's next bytes, which must stay as they are until the next `feed` returns. Only when `step` asks for it. */
  feed(chunk: Uint8Array): void {
    this.#reader.feed(chunk);
  }

  /** Says that the file has no more bytes. */
  finish(): void {
    this.#reader.finish();
  }

  /** Bytes that were fed and not read: once done, those that follow the end of the file. */
  get unreadBytes(): number {
    return this.#reader.unreadBytes;
  }

  /** Bytes of the file read so far. */
  get position(): number {
    return this.#reader.position;
  }

  /**
   * Loads about `budget` more keys and elements. @returns a LoadState.
   * @throws OperationalError RDB_DAMAGED, RDB_UNSUPPORTED, RDB_CHECKSUM, saying where
   */
  step(budget: number): number {
    invariant(!this.#done, 'rdb: the file is loaded already');
    const reader = this.#reader;
    if (!reader.isReady) return LoadState.input;
    const { keyspace } = this.#engine;
    const wasApplying = keyspace.applying;
    keyspace.applying = true;
    try {
      if (this.#inValue) this.#values.resume();
      for (let left = budget; left > 0; reader.mark()) {
        left -= this.#inValue ? this.#piece() : this.#next();
        if (this.#done) return LoadState.done;
      }
      return LoadState.more;
    } catch (error) {
      if (error === NEED_INPUT) {
        reader.back();
        return LoadState.input;
      }
      throw isRdbError(error) ? this.#located(error) : error;
    } finally {
      keyspace.applying = wasApplying;
    }
  }

  /** Gives up in the middle: takes away the key of which only a part was loaded, unless this part was told of. */
  abandon(): void {
    if (!this.#inValue || this.#inParts) return;
    const { keyspace } = this.#engine;
    const wasApplying = keyspace.applying;
    keyspace.applying = true;
    this.#values.keyInto(this.#key);
    this.#db.remove(this.#key.buf, this.#key.off, this.#key.len);
    keyspace.applying = wasApplying;
    this.#inValue = false;
  }

  // ---- Entries and opcodes. Each is read whole before it has an effect. ----

  #next(): number {
    const reader = this.#reader;
    if (this.version === 0) {
      this.#header();
      return 1;
    }
    const type = reader.byte();
    if (type === RdbType.string) {
      this.#string();
      return 1;
    }
    if (type >= RdbOpcode.slotInfo) {
      this.#opcode(type);
      return 1;
    }
    reader.string(this.#key);
    this.#hasKey = true;
    checkRdbType(type);
    this.#begunAt = reader.position;
    this.#values.begin(reader, type, this.#db, this.#key, this.#expireAtMs);
    this.#inValue = true;
    if (this.#values.left === 0) this.#endCollection();
    return 1;
  }

  #header(): void {
    this.#reader.raw(HEADER_BYTES, this.#value);
    const { buf, off } = this.#value;
    const text = String.fromCharCode(...buf.subarray(off, off + HEADER_BYTES));
    const digits = MAGIC.exec(text);
    if (digits === null) throw rdbDamaged('the file does not begin as an RDB file');
    const version = Number(digits[1] ?? digits[2]);
    if (!isKnownRdbVersion(version)) throw rdbUnsupported(`RDB version ${version} is not known`);
    this.version = version;
  }

  #string(): void {
    const reader = this.#reader;
    const db = this.#db;
    const key = this.#key;
    const value = this.#value;
    reader.string(key);
    this.#hasKey = true;
    reader.string(value);
    const size = db.size;
    const ref = db.setString(key.buf, key.off, key.len, value.buf, value.off, value.len, this.#expireAtMs);
    if (db.size === size) throw rdbDamaged('the key is there twice');
    this.#engine.keyspace.noteUse(ref, this.#idleS, this.#frequency);
    this.#keepUnlessExpired(ref);
    this.#endEntry();
  }

  #piece(): number {
    const elements = this.#values.piece(this.#reader);
    if (this.#values.left === 0) this.#endCollection();
    else if (!this.#inParts && this.#reader.position - this.#begunAt > (this.#options.partBytes ?? PART_BYTES)) this.#tellPart();
    return elements;
  }

  #tellPart(): void {
    const { onLoaded, dropExpiredBeforeMs } = this.#options;
    if (onLoaded === undefined || dropExpiredBeforeMs !== undefined || !this.#values.isDivisible) return;
    this.#values.visitor = onLoaded.part(this.#db, this.#values.ref);
    this.#inParts = true;
  }

  #endCollection(): void {
    this.#inValue = false;
    this.#values.keyInto(this.#key);
    if (this.#values.exists) {
      this.#engine.keyspace.noteUse(this.#values.ref, this.#idleS, this.#frequency);
      this.#keepUnlessExpired(this.#values.ref);
    } else this.emptyKeys++;
    this.#endEntry();
  }

  #keepUnlessExpired(ref: Address): void {
    const { dropExpiredBeforeMs, onLoaded } = this.#options;
    if (dropExpiredBeforeMs === undefined || this.#expireAtMs === NO_EXPIRY || this.#expireAtMs >= dropExpiredBeforeMs) {
      this.keys++;
      if (!this.#inParts) onLoaded?.entry(this.#db, ref);
      return;
    }
    this.#db.remove(this.#key.buf, this.#key.off, this.#key.len);
    this.expiredKeys++;
  }

  #endEntry(): void {
    this.#expireAtMs = NO_EXPIRY;
    this.#idleS = -1;
    this.#frequency = -1;
    this.#hasKey = false;
    this.#inParts = false;
  }

  #opcode(opcode: number): void {
    const reader = this.#reader;
    switch (opcode) {
      case RdbOpcode.expireTimeMs:
        this.#expireAtMs = expiryInRange(reader.int64());
        return;
      case RdbOpcode.expireTime:
        this.#expireAtMs = expiryInRange(reader.int32() * 1000);
        return;
      case RdbOpcode.idle:
        this.#idleS = reader.length();
        return;
      case RdbOpcode.freq:
        this.#frequency = reader.byte();
        return;
      case RdbOpcode.selectDb:
        this.#select(reader.length());
        return;
      case RdbOpcode.resizeDb:
        reader.length();
        reader.length();
        return;
      case RdbOpcode.slotInfo:
        reader.length();
        reader.length();
        reader.length();
        return;
      case RdbOpcode.aux: {
        const name = reader.text(this.#key);
        this.aux.set(name, reader.text(this.#value));
        if (name === USERS_AUX && this.#options.withUsers === true) this.#users(this.aux.get(name)!);
        return;
      }
      case RdbOpcode.function:
        this.#library(reader.text(this.#value));
        return;
      case RdbOpcode.functionPreGa: throw rdbUnsupported('the file holds functions of a pre-release of Redis 7');
      case RdbOpcode.moduleAux: throw rdbUnsupported('the file holds data of a module');
      default: this.#end();
    }
  }

  #users(text: string): void {
    try {
      this.#engine.users.loadSnapshotText(text);
    } catch (error) {
      throw rdbDamaged(`the users cannot be read: ${(error as Error).message}`);
    }
  }

  #library(source: string): void {
    try {
      this.#engine.functions.load(source);
      this.#options.onLoaded?.library(source);
    } catch (error) {
      throw error instanceof CommandError ? rdbDamaged(`a library of functions: ${error.message.replace('ERR ', '')}`) : error;
    }
  }

  #select(number: number): void {
    const db = this.#engine.keyspace.databases[number];
    if (db === undefined) throw rdbUnsupported(`the file has a database ${number}, and there are ${this.#engine.keyspace.databases.length} here`);
    this.#db = db;
  }

  #end(): void {
    if (this.version >= RDB_VERSION_WITH_CHECKSUM && this.#reader.checksum()) this.checksum = this.#reader.checksumHex;
    this.#done = true;
  }

  /** The error with the place where it happened. */
  #located(error: OperationalError): OperationalError {
    if (this.#inValue) this.#values.keyInto(this.#key);
    const key = this.#inValue || this.#hasKey ? `, key ${quoteBytes(this.#key.buf, this.#key.off, this.#key.len)} of database ${this.#db.number}` : '';
    return new OperationalError(error.code, `RDB file, before byte ${this.#reader.position}${key}: ${error.message}`, error);
  }
}

/** An expiry that can be held and logged: what is before the epoch is past (RESTORE takes 0 for none), what is beyond 53 bits is far off. */
function expiryInRange(atMs: number): number {
  return Math.min(Math.max(atMs, 1), Number.MAX_SAFE_INTEGER);
}
