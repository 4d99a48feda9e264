/**
 * Writes values of the keyspace in the RDB format, in the forms that Redis 7.0 writes and loads: what is small here as a
 * listpack or intset, what is large element by element, lists as nodes of listpacks. Streams stand in stream-saver.ts.
 */
import { invariant } from '../../shared/errors.ts';
import { formatDouble, formatInteger } from '../../shared/number-text.ts';
import { IntsetWriter } from '../../shared/rdb/intset.ts';
import { ListpackWriter } from '../../shared/rdb/listpack.ts';
import { QuicklistNode, RdbType } from '../../shared/rdb/rdb-types.ts';
import type { RdbWriter } from '../../shared/rdb/rdb-writer.ts';
import type { Engine } from '../engine.ts';
import type { Address } from '../memory/arena.ts';
import { Bytes, EntryType } from '../memory/entries.ts';
import type { Collection, ElementVisitor } from '../types/collection.ts';
import { IntegerWords } from '../types/integer-words.ts';
import { StreamSaver } from './stream-saver.ts';

/** What `visit` does with the elements it is shown. */
const Mode = { plain: 0, listpack: 1, intset: 2, countNodes: 3, nodes: 4, timedFields: 5 } as const;

/** A small collection of more memory than this is written element by element all the same: a listpack is made in one piece. */
const LISTPACK_BYTES_MAX = 1024 * 1024;
/** A list's node takes elements up to this many bytes, or one of any size: list-max-listpack-size -2. */
const NODE_BYTES_MAX = 8000;
/** Bytes that an element takes in a listpack besides its own, at most. */
const ELEMENT_OVERHEAD_BYTES = 10;

export class ValueSaver implements ElementVisitor {
  readonly #value = new Bytes();
  readonly #listpack = new ListpackWriter();
  readonly #intset = new IntsetWriter();
  readonly #words = new IntegerWords();
  readonly #streams = new StreamSaver();
  readonly #scoreText = new Uint8Array(32);
  #writer: RdbWriter | null = null;
  /** Hashes with fields that end: when the first does, and what is written of the next field's time (0: it stays). */
  #firstEndsAtMs = 0;
  #endsWritten = 0;
  #mode: number = Mode.plain;
  /** Lists: bytes of the node under way (0: none), and nodes so far. */
  #nodeBytes = 0;
  #nodes = 0;

  /** The type byte that `write` is going to follow. */
  typeOf(engine: Engine, ref: Address): number {
    const type = engine.keyspace.entries.type(ref);
    switch (type) {
      case EntryType.string: return RdbType.string;
      case EntryType.list: return RdbType.listQuicklist2;
      case EntryType.set: return this.#isSmall(engine, ref, 'intset') ? RdbType.setIntset : RdbType.set;
      case EntryType.zset: return this.#isSmall(engine, ref, 'listpack') ? RdbType.zsetListpack : RdbType.zset2;
      case EntryType.stream: return RdbType.stream2;
      case EntryType.hash:
        if (engine.keyspace.entries.hasFieldTimes(ref)) return RdbType.hashMetadata;
        return this.#isSmall(engine, ref, 'listpack') ? RdbType.hashListpack : RdbType.hash;
      default: invariant(false, `rdb: entries of type ${type} have no form in a file`);
    }
  }

  /** Writes the value of an entry, in the form of `type` (from `typeOf`), without type byte and key. */
  write(engine: Engine, ref: Address, type: number, writer: RdbWriter): void {
    this.#writer = writer;
    switch (type) {
      case RdbType.string:
        engine.keyspace.entries.value(ref, this.#value);
        writer.string(this.#value.buf, this.#value.off, this.#value.len);
        return;
      case RdbType.listQuicklist2:
        this.#writeList(engine, ref);
        return;
      case RdbType.stream2:
        this.#streams.write(engine.types.streams, ref, writer);
        return;
      case RdbType.setIntset:
        this.#intset.begin();
        this.#visit(engine, ref, Mode.intset);
        this.#intset.finish();
        writer.string(this.#intset.buf, 0, this.#intset.len);
        return;
      case RdbType.hashListpack: case RdbType.zsetListpack:
        this.#listpack.begin();
        this.#visit(engine, ref, Mode.listpack);
        this.#finishListpack();
        return;
      case RdbType.hashMetadata:
        this.#firstEndsAtMs = engine.types.hashes.times.next(ref);
        writer.int64(this.#firstEndsAtMs);
        writer.length(engine.types.hashes.lengthOfAll(ref));
        this.#visit(engine, ref, Mode.timedFields);
        return;
      default:
        writer.length(this.#collection(engine, ref).length(ref));
        this.#visit(engine, ref, Mode.plain);
    }
  }

  // ---- Elements, as the collections show them ----

  element(buf: Uint8Array, off: number, len: number): void {
    switch (this.#mode) {
      case Mode.plain:
        this.#writer!.string(buf, off, len);
        return;
      case Mode.intset:
        invariant(this.#words.parse(buf, off, len), 'rdb: a set of integers has a member that is none');
        this.#intset.append(this.#words.hi, this.#words.lo);
        return;
      case Mode.countNodes:
        this.#beginsNode(len);
        return;
      default:
        if (this.#beginsNode(len) && this.#nodes > 1) this.#finishNode();
        this.#listpack.append(buf, off, len);
    }
  }

  field(buf: Uint8Array, off: number, len: number, valueBuf: Uint8Array, valueOff: number, valueLen: number): void {
    if (this.#mode === Mode.timedFields) {
      this.#writer!.length(this.#endsWritten);
      this.#endsWritten = 0;
    }
    if (this.#mode !== Mode.listpack) {
      this.#writer!.string(buf, off, len);
      this.#writer!.string(valueBuf, valueOff, valueLen);
    } else {
      this.#listpack.append(buf, off, len);
      this.#listpack.append(valueBuf, valueOff, valueLen);
    }
  }

  /** Counted from the first on, and one more, since 0 means that a field stays. */
  fieldEnds(endsAtMs: number): void {
    this.#endsWritten = endsAtMs - this.#firstEndsAtMs + 1;
  }

  scored(buf: Uint8Array, off: number, len: number, score: number): void {
    if (this.#mode === Mode.plain) {
      this.#writer!.string(buf, off, len);
      this.#writer!.double(score);
      return;
    }
    this.#listpack.append(buf, off, len);
    const text = this.#scoreText;
    if (Number.isSafeInteger(score)) {
      this.#listpack.append(text, 0, formatInteger(text, 0, score));
      return;
    }
    const digits = formatDouble(score);
    for (let i = 0; i < digits.length; i++) text[i] = digits.charCodeAt(i);
    this.#listpack.append(text, 0, digits.length);
  }

  // ---- Lists ----

  /** Nodes of up to NODE_BYTES_MAX; their number stands before them, so the list is walked twice. */
  #writeList(engine: Engine, ref: Address): void {
    this.#nodeBytes = this.#nodes = 0;
    this.#visit(engine, ref, Mode.countNodes);
    this.#writer!.length(this.#nodes);
    this.#nodeBytes = this.#nodes = 0;
    this.#listpack.begin();
    this.#visit(engine, ref, Mode.nodes);
    if (this.#nodes > 0) this.#finishNode();
  }

  /** Counts an element of `len` bytes in; whether it is the first of a node. */
  #beginsNode(len: number): boolean {
    const bytes = len + ELEMENT_OVERHEAD_BYTES;
    const begins = this.#nodeBytes === 0 || this.#nodeBytes + bytes > NODE_BYTES_MAX;
    this.#nodeBytes = begins ? bytes : this.#nodeBytes + bytes;
    if (begins) this.#nodes++;
    return begins;
  }

  #finishNode(): void {
    this.#writer!.length(QuicklistNode.packed);
    this.#finishListpack();
    this.#listpack.begin();
  }

  // ---- Inside ----

  #finishListpack(): void {
    this.#listpack.finish();
    this.#writer!.string(this.#listpack.buf, 0, this.#listpack.len);
  }

  #visit(engine: Engine, ref: Address, mode: number): void {
    this.#mode = mode;
    this.#collection(engine, ref).visit(ref, this);
  }

  #isSmall(engine: Engine, ref: Address, encoding: string): boolean {
    const collection = this.#collection(engine, ref);
    return collection.encoding(ref) === encoding && collection.memoryBytes(ref, 1) <= LISTPACK_BYTES_MAX;
  }

  #collection(engine: Engine, ref: Address): Collection {
    return engine.types.collection(engine.keyspace.entries.type(ref))!;
  }
}
