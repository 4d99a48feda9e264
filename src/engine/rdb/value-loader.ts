/**
 * Reads values in every RDB form into entries of a keyspace, piece by piece: a piece is an element, a node of a list, or a
 * whole packed value, and reading may stop and go on between any two.
 *
 * Works through the types, as commands do, so that what is read gets the encoding that the configured limits ask for.
 * Reports no change: the caller sets `keyspace.applying`, or reports by itself.
 */
import { parseDoubleStrict, parseIntegerStrict, parsedInteger } from '../../shared/number-text.ts';
import { ByteRange } from '../../shared/rdb/byte-range.ts';
import { IntsetCursor } from '../../shared/rdb/intset.ts';
import { ListpackCursor } from '../../shared/rdb/listpack.ts';
import type { PackedCursor } from '../../shared/rdb/packed-cursor.ts';
import { rdbDamaged, rdbUnsupported } from '../../shared/rdb/rdb-errors.ts';
import type { RdbReader } from '../../shared/rdb/rdb-reader.ts';
import { QuicklistNode, RdbType, unsupportedTypeName } from '../../shared/rdb/rdb-types.ts';
import { ZiplistCursor } from '../../shared/rdb/ziplist.ts';
import { ZipmapCursor } from '../../shared/rdb/zipmap.ts';
import type { Engine } from '../engine.ts';
import type { Database } from '../keyspace/database.ts';
import type { Address } from '../memory/arena.ts';
import { EntryType, NO_EXPIRY } from '../memory/entries.ts';
import type { ElementVisitor } from '../types/collection.ts';
import { ENDS_AT_MS_MAX } from '../types/field-times.ts';
import { StreamLoader } from './stream-loader.ts';

/** The type of entry that each RDB type makes. */
const ENTRY_TYPES: ReadonlyMap<number, number> = new Map([
  [RdbType.list, EntryType.list], [RdbType.listZiplist, EntryType.list], [RdbType.listQuicklist, EntryType.list],
  [RdbType.listQuicklist2, EntryType.list],
  [RdbType.set, EntryType.set], [RdbType.setIntset, EntryType.set], [RdbType.setListpack, EntryType.set],
  [RdbType.zset, EntryType.zset], [RdbType.zset2, EntryType.zset], [RdbType.zsetZiplist, EntryType.zset],
  [RdbType.zsetListpack, EntryType.zset],
  [RdbType.hash, EntryType.hash], [RdbType.hashZipmap, EntryType.hash], [RdbType.hashZiplist, EntryType.hash],
  [RdbType.hashListpack, EntryType.hash], [RdbType.hashMetadata, EntryType.hash], [RdbType.hashMetadataPreGa, EntryType.hash],
  [RdbType.hashListpackEx, EntryType.hash], [RdbType.hashListpackExPreGa, EntryType.hash],
  [RdbType.stream, EntryType.stream], [RdbType.stream2, EntryType.stream], [RdbType.stream3, EntryType.stream],
]);

/** Types whose value is a number of pieces and the pieces; the others are one packed value. */
const COUNTED: ReadonlySet<number> = new Set([
  RdbType.list, RdbType.set, RdbType.zset, RdbType.zset2, RdbType.hash, RdbType.listQuicklist, RdbType.listQuicklist2,
  RdbType.hashMetadata, RdbType.hashMetadataPreGa,
]);

/** Counted types that are nothing but their elements. */
const DIVISIBLE: ReadonlySet<number> = new Set([
  RdbType.list, RdbType.set, RdbType.zset, RdbType.zset2, RdbType.hash, RdbType.listQuicklist, RdbType.listQuicklist2,
]);

/** Types before whose value stands the time at which the first field ends. */
const WITH_FIRST_TIME: ReadonlySet<number> = new Set([RdbType.hashMetadata, RdbType.hashListpackEx]);

/** Asserts that values of this RDB type can be read. @throws OperationalError RDB_UNSUPPORTED or RDB_DAMAGED if not. */
export function checkRdbType(type: number): void {
  if (type === RdbType.string || ENTRY_TYPES.has(type)) return;
  const name = unsupportedTypeName(type);
  throw name === undefined ? rdbDamaged(`type ${type} is unknown`) : rdbUnsupported(`${name} cannot be loaded`);
}

export class ValueLoader {
  /** Pieces still to come; of a stream 1 as long as there are any. */
  left = 0;
  /** Whether the entry is there: not before its first element came, unless it may be empty. */
  exists = false;
  /** Shown each element that is read from now on; `begin` takes it away. */
  visitor: ElementVisitor | null = null;
  readonly #engine: Engine;
  readonly #blob = new ByteRange();
  readonly #element = new ByteRange();
  readonly #second = new ByteRange();
  readonly #listpack = new ListpackCursor();
  readonly #ziplist = new ZiplistCursor();
  readonly #intset = new IntsetCursor();
  readonly #zipmap = new ZipmapCursor();
  readonly #stream: StreamLoader;
  #type = 0;
  /** When the first field of the hash ends. */
  #firstEndsAtMs = 0;
  #entryType = 0;
  #db: Database | null = null;
  #expireAtMs = NO_EXPIRY;
  #ref: Address = 0;
  #key: Uint8Array = new Uint8Array(64);
  #keyLength = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#stream = new StreamLoader(engine.types.streams);
  }

  /**
   * Begins to read a collection of an RDB type that `checkRdbType` let pass into a key that must not be there. The reader stands
   * behind the key; the caller marks when this returns, and after each piece. The key's bytes are copied.
   */
  begin(reader: RdbReader, type: number, db: Database, key: ByteRange, expireAtMs: number): void {
    const firstEndsAtMs = WITH_FIRST_TIME.has(type) ? reader.int64() : 0;
    const isStream = ENTRY_TYPES.get(type) === EntryType.stream;
    const pieces = isStream || COUNTED.has(type) ? reader.length() : 1;
    this.left = isStream ? 1 : pieces;
    this.exists = false;
    this.visitor = null;
    this.#type = type;
    this.#firstEndsAtMs = firstEndsAtMs;
    this.#entryType = ENTRY_TYPES.get(type)!;
    this.#db = db;
    this.#expireAtMs = expireAtMs;
    if (key.len > this.#key.length) this.#key = new Uint8Array(key.len);
    this.#key.set(key.buf.subarray(key.off, key.off + key.len));
    this.#keyLength = key.len;
    if (isStream) this.#beginStream(pieces);
  }

  /** Call before the first `piece` after anything else may have used the keyspace: entries move between commands. */
  resume(): void {
    this.#ref = this.exists ? this.#db!.peekRaw(this.#key, 0, this.#keyLength) : 0;
  }

  /** The entry, as long as nothing else used the keyspace. */
  get ref(): Address {
    return this.#ref;
  }

  /** Whether something is there already, and all that comes is elements. */
  get isDivisible(): boolean {
    return this.exists && DIVISIBLE.has(this.#type);
  }

  /** The key that is being read. */
  keyInto(out: ByteRange): void {
    out.buf = this.#key;
    out.off = 0;
    out.len = this.#keyLength;
  }

  /**
   * Reads one piece. @returns the number of elements in it.
   * @throws OperationalError RDB_…, and then the entry may be there with a part of its elements.
   */
  piece(reader: RdbReader): number {
    if (this.#entryType === EntryType.stream) {
      const entries = this.#stream.piece(reader, this.#ref);
      if (this.#stream.isDone) this.left = 0;
      return entries;
    }
    const elements = this.#read(reader);
    this.left--;
    return elements;
  }

  // ---- Pieces ----

  #read(reader: RdbReader): number {
    const element = this.#element;
    switch (this.#type) {
      case RdbType.list:
        reader.string(element);
        this.#push();
        return 1;
      case RdbType.set:
        reader.string(element);
        this.#addMember(this.left);
        return 1;
      case RdbType.hash:
        reader.string(element);
        reader.string(this.#second);
        this.#addField(this.left, 0);
        return 1;
      case RdbType.hashMetadata: case RdbType.hashMetadataPreGa:
        this.#readTimedField(reader);
        return 1;
      case RdbType.zset:
        reader.string(element);
        this.#addScored(reader.textDouble(), this.left);
        return 1;
      case RdbType.zset2:
        reader.string(element);
        this.#addScored(reader.double(), this.left);
        return 1;
      case RdbType.listQuicklist2: return this.#readNode(reader);
      case RdbType.listQuicklist: case RdbType.listZiplist: return this.#pushAll(this.#open(reader, this.#ziplist));
      case RdbType.setIntset: return this.#addMembers(this.#open(reader, this.#intset));
      case RdbType.setListpack: return this.#addMembers(this.#open(reader, this.#listpack));
      case RdbType.hashZipmap: return this.#addFields(this.#open(reader, this.#zipmap));
      case RdbType.hashZiplist: return this.#addFields(this.#open(reader, this.#ziplist));
      case RdbType.hashListpack: return this.#addFields(this.#open(reader, this.#listpack));
      case RdbType.hashListpackEx: case RdbType.hashListpackExPreGa: return this.#addTimedFields(this.#open(reader, this.#listpack));
      case RdbType.zsetZiplist: return this.#addAllScored(this.#open(reader, this.#ziplist));
      default: return this.#addAllScored(this.#open(reader, this.#listpack));
    }
  }

  #open(reader: RdbReader, cursor: PackedCursor): PackedCursor {
    const blob = this.#blob;
    reader.string(blob);
    cursor.open(blob.buf, blob.off, blob.len);
    return cursor;
  }

  #readNode(reader: RdbReader): number {
    const container = reader.length();
    if (container === QuicklistNode.packed) return this.#pushAll(this.#open(reader, this.#listpack));
    if (container !== QuicklistNode.plain) throw rdbDamaged(`a list has a node of the unknown container ${container}`);
    reader.string(this.#element);
    this.#push();
    return 1;
  }

  #pushAll(cursor: PackedCursor): number {
    let n = 0;
    for (; cursor.next(this.#element); n++) this.#push();
    return n;
  }

  #addMembers(cursor: PackedCursor): number {
    let n = 0;
    for (; cursor.next(this.#element); n++) this.#addMember(cursor.countHint);
    return n;
  }

  #addFields(cursor: PackedCursor): number {
    let n = 0;
    for (; cursor.next(this.#element); n++) {
      if (!cursor.next(this.#second)) throw rdbDamaged('a hash ends with a field without value');
      this.#addField(cursor.countHint >>> 1, this.#blob.len);
    }
    return n;
  }

  /** A field behind its time: 0 if it stays, else counted from the first one's (and one more), or in the first form absolute. */
  #readTimedField(reader: RdbReader): void {
    const written = reader.length();
    reader.string(this.#element);
    reader.string(this.#second);
    this.#addField(this.left, 0);
    if (written !== 0) this.#setEnd(this.#type === RdbType.hashMetadata ? this.#firstEndsAtMs + written - 1 : written);
  }

  #addTimedFields(cursor: PackedCursor): number {
    let n = 0;
    for (; cursor.next(this.#element); n++) {
      if (!cursor.next(this.#second)) throw rdbDamaged('a hash ends with a field without value');
      this.#addField(Math.floor(cursor.countHint / 3), this.#blob.len);
      const time = this.#second;
      if (!cursor.next(time) || !parseIntegerStrict(time.buf, time.off, time.len)) throw rdbDamaged('a hash has a field without time');
      if (parsedInteger.value !== 0) this.#setEnd(parsedInteger.value);
    }
    return n;
  }

  /** Sets when the field read last ends: no later than HPEXPIREAT could have it, which later changes of the field are logged as. */
  #setEnd(endsAtMs: number): void {
    if (!Number.isInteger(endsAtMs) || endsAtMs < 0 || endsAtMs > ENDS_AT_MS_MAX) throw rdbDamaged('a field ends at no time');
    const { buf, off, len } = this.#element;
    this.#engine.types.hashes.times.set(this.#ref, buf, off, len, endsAtMs);
  }

  #addAllScored(cursor: PackedCursor): number {
    let n = 0;
    const score = this.#second;
    for (; cursor.next(this.#element); n++) {
      if (!cursor.next(score)) throw rdbDamaged('a sorted set ends with a member without score');
      this.#addScored(parseDoubleStrict(score.buf, score.off, score.len), cursor.countHint >>> 1);
    }
    return n;
  }

  // ---- Single elements. `count` and `bytes` are hints for the first, of the whole. ----

  #addMember(count: number): void {
    const { sets } = this.#engine.types;
    const { buf, off, len } = this.#element;
    if (!this.exists) {
      const ref = this.#create();
      sets.begin(ref, buf, off, len, count);
      this.#created(ref);
    }
    if (!sets.add(this.#ref, buf, off, len)) throw rdbDamaged('a set has a member twice');
    this.visitor?.element(buf, off, len);
  }

  #addField(count: number, bytes: number): void {
    const { hashes } = this.#engine.types;
    const field = this.#element;
    const value = this.#second;
    if (!this.exists) {
      const ref = this.#create();
      hashes.begin(ref, count, 0, bytes);
      this.#created(ref);
    }
    if (!hashes.set(this.#ref, field.buf, field.off, field.len, value.buf, value.off, value.len)) {
      throw rdbDamaged('a hash has a field twice');
    }
    this.visitor?.field(field.buf, field.off, field.len, value.buf, value.off, value.len);
  }

  #push(): void {
    const { lists } = this.#engine.types;
    const { buf, off, len } = this.#element;
    if (!this.exists) {
      const ref = this.#create();
      // Not the count that the file tells: a list makes room for what is announced.
      lists.begin(ref, 1, len);
      this.#created(ref);
    }
    lists.pushTail(this.#ref, buf, off, len);
    this.visitor?.element(buf, off, len);
  }

  #addScored(score: number, count: number): void {
    const { sortedSets } = this.#engine.types;
    const { buf, off, len } = this.#element;
    if (Number.isNaN(score)) throw rdbDamaged('a sorted set has a score that is not a number');
    if (!this.exists) {
      const ref = this.#create();
      sortedSets.begin(ref, count, len);
      this.#created(ref);
    }
    if (sortedSets.find(this.#ref, buf, off, len)) throw rdbDamaged('a sorted set has a member twice');
    sortedSets.add(this.#ref, score, buf, off, len);
    this.visitor?.scored(buf, off, len, score);
  }

  #create(): Address {
    const db = this.#db!;
    if (db.peekRaw(this.#key, 0, this.#keyLength) !== 0) throw rdbDamaged('the key is there already');
    return db.addCollection(this.#key, 0, this.#keyLength, this.#entryType);
  }

  /** Streams are there before their first entry: they may have none. */
  #beginStream(nodes: number): void {
    const ref = this.#create();
    this.#engine.types.streams.begin(ref);
    this.#created(ref);
    this.#stream.begin(this.#type, nodes);
  }

  #created(ref: Address): void {
    this.exists = true;
    this.#ref = this.#expireAtMs === NO_EXPIRY ? ref : this.#db!.setExpiry(ref, this.#expireAtMs);
  }
}
