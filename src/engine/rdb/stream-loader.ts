/**
 * Reads streams in the three forms that Redis has had (RDB_TYPE_STREAM_LISTPACKS, _2 of 7.0, _3 of 7.2), piece by piece: a
 * piece is a node, a pending entry, or what stands between them. Each is read whole before it has an effect.
 */
import { Int64 } from '../../shared/int64.ts';
import { ByteRange } from '../../shared/rdb/byte-range.ts';
import { uint32BigEndianAt } from '../../shared/rdb/packed-cursor.ts';
import { rdbDamaged } from '../../shared/rdb/rdb-errors.ts';
import type { RdbReader } from '../../shared/rdb/rdb-reader.ts';
import { RdbType } from '../../shared/rdb/rdb-types.ts';
import { StreamId } from '../../shared/stream-id.ts';
import type { Address } from '../memory/arena.ts';
import { PendingCursor } from '../types/stream-groups.ts';
import type { Streams } from '../types/stream.ts';
import { StreamNodeCheck } from './stream-node-check.ts';

/** What comes next. */
const Part = { nodes: 0, counters: 1, group: 2, groupPending: 3, consumers: 4, consumer: 5, consumerPending: 6, done: 7 } as const;

const RAW_ID_BYTES = 16;

export class StreamLoader {
  readonly #streams: Streams;
  readonly #id = new StreamId();
  readonly #previous = new StreamId();
  readonly #int64 = new Int64();
  readonly #cursor = new PendingCursor();
  readonly #rawId = new ByteRange();
  readonly #bytes = new ByteRange();
  readonly #check = new StreamNodeCheck(new StreamId(), new Int64());
  #type = 0;
  #part: number = Part.done;
  /** Nodes, groups, consumers and pending entries still to come. */
  #nodes = 0;
  #groups = 0;
  #consumers = 0;
  #pending = 0;
  #group: Address = 0;
  #consumer: Address = 0;

  constructor(streams: Streams) {
    this.#streams = streams;
  }

  /** Begins with an empty stream. @param nodes how many the file announces. */
  begin(type: number, nodes: number): void {
    this.#type = type;
    this.#nodes = nodes;
    this.#part = nodes === 0 ? Part.counters : Part.nodes;
    this.#previous.setMin();
  }

  get isDone(): boolean {
    return this.#part === Part.done;
  }

  /** Reads the next piece into the stream at `ref`. @returns about how many elements it had. @throws OperationalError RDB_… */
  piece(reader: RdbReader, ref: Address): number {
    switch (this.#part) {
      case Part.nodes: return this.#node(reader, ref);
      case Part.counters:
        this.#counters(reader, ref);
        return 1;
      case Part.group:
        this.#beginGroup(reader, ref);
        return 1;
      case Part.groupPending:
        this.#pendingEntry(reader);
        return 1;
      case Part.consumers:
        this.#consumers = reader.length();
        this.#nextConsumer();
        return 1;
      case Part.consumer:
        this.#beginConsumer(reader);
        return 1;
      default:
        this.#consumersEntry(reader);
        return 1;
    }
  }

  #node(reader: RdbReader, ref: Address): number {
    const id = this.#id;
    reader.string(this.#rawId);
    if (this.#rawId.len !== RAW_ID_BYTES) throw rdbDamaged("a stream's node stands under something else than an id");
    reader.string(this.#bytes);
    const { buf, off, len } = this.#bytes;
    this.#unpackId();
    if (id.compare(this.#previous) <= 0 && !this.#previous.isZero()) throw rdbDamaged("a stream's nodes are out of order");
    this.#check.check(buf, off, len, id, this.#previous);
    // Redis keeps a node whose entries were all deleted by XTRIM; here it would stand for nothing.
    if (this.#check.live > 0) this.#streams.addNode(ref, id, buf, off, len, this.#check.live);
    if (--this.#nodes === 0) this.#part = Part.counters;
    return this.#check.live;
  }

  #counters(reader: RdbReader, ref: Address): void {
    const streams = this.#streams;
    const length = reader.length();
    const last = new StreamId();
    const maxDeleted = new StreamId();
    this.#readId(reader, last);
    const added = this.#int64.setNumber(length);
    if (this.#type !== RdbType.stream) {
      // The first entry's id, which the nodes tell as well.
      this.#readId(reader, maxDeleted);
      this.#readId(reader, maxDeleted);
      reader.lengthWords(added);
    }
    this.#groups = reader.length();
    if (length !== streams.length(ref)) throw rdbDamaged('a stream counts other entries than it holds');
    if (last.compare(this.#previous) < 0) throw rdbDamaged('a stream has entries behind its last id');
    streams.setLastId(ref, last);
    streams.setMaxDeletedId(ref, maxDeleted);
    streams.setEntriesAdded(ref, added);
    this.#nextGroup();
  }

  #nextGroup(): void {
    this.#part = this.#groups-- > 0 ? Part.group : Part.done;
  }

  #nextConsumer(): void {
    if (this.#consumers-- > 0) this.#part = Part.consumer;
    else {
      this.#endGroup();
      this.#nextGroup();
    }
  }

  #beginGroup(reader: RdbReader, ref: Address): void {
    const streams = this.#streams;
    const name = this.#bytes;
    const read = this.#int64;
    reader.string(name);
    this.#readId(reader, this.#id);
    if (this.#type === RdbType.stream) read.setBig(streams.entriesUpTo(ref, this.#id));
    else reader.lengthWords(read);
    if (read.hi < 0) read.setNumber(-1);
    this.#pending = reader.length();
    const root = streams.root(ref);
    if (streams.groups.find(root, name.buf, name.off, name.len) !== 0) throw rdbDamaged('a stream has a group twice');
    this.#group = streams.groups.create(root, name.buf, name.off, name.len, this.#id, read);
    this.#part = this.#pending > 0 ? Part.groupPending : Part.consumers;
  }

  #pendingEntry(reader: RdbReader): void {
    const { groups } = this.#streams;
    reader.raw(RAW_ID_BYTES, this.#rawId);
    const atMs = reader.int64();
    reader.lengthWords(this.#int64);
    this.#unpackId();
    if (!groups.addOrphan(this.#group, this.#id, this.#cursor)) throw rdbDamaged('a group has an entry pending twice');
    groups.setDeliveredMs(this.#cursor, safeTime(atMs));
    groups.setDeliveries(this.#cursor, this.#int64);
    if (--this.#pending === 0) this.#part = Part.consumers;
  }

  #beginConsumer(reader: RdbReader): void {
    const { groups } = this.#streams;
    const name = this.#bytes;
    reader.string(name);
    const seenMs = safeTime(reader.int64());
    // Before 7.2 that is the best that is known.
    const activeMs = this.#type === RdbType.stream3 ? safeTime(reader.int64()) : seenMs;
    this.#pending = reader.length();
    if (groups.findConsumer(this.#group, name.buf, name.off, name.len) !== 0) throw rdbDamaged('a group has a consumer twice');
    this.#consumer = groups.createConsumer(this.#group, name.buf, name.off, name.len, seenMs);
    groups.setActiveMs(this.#consumer, activeMs);
    if (this.#pending > 0) this.#part = Part.consumerPending;
    else this.#nextConsumer();
  }

  #consumersEntry(reader: RdbReader): void {
    reader.raw(RAW_ID_BYTES, this.#rawId);
    this.#unpackId();
    if (!this.#streams.groups.adopt(this.#group, this.#consumer, this.#id, this.#cursor)) {
      throw rdbDamaged("a consumer's pending entry is not its group's, or another's");
    }
    if (--this.#pending === 0) this.#nextConsumer();
  }

  /** Every pending entry must have found its consumer. */
  #endGroup(): void {
    const { groups } = this.#streams;
    let owned = 0;
    for (let n = 0; n < groups.consumers(this.#group); n++) owned += groups.pending(groups.consumerAt(this.#group, n));
    if (owned !== groups.pending(this.#group)) throw rdbDamaged('a group has an entry pending with nobody');
  }

  #readId(reader: RdbReader, out: StreamId): void {
    const word = this.#int64;
    reader.lengthWords(word);
    const { hi, lo } = word;
    reader.lengthWords(word);
    out.set(hi, lo, word.hi, word.lo);
  }

  #unpackId(): void {
    const { buf, off } = this.#rawId;
    this.#id.set(uint32BigEndianAt(buf, off), uint32BigEndianAt(buf, off + 4), uint32BigEndianAt(buf, off + 8), uint32BigEndianAt(buf, off + 12));
  }
}

/** A time that a number holds exactly. */
function safeTime(ms: number): number {
  return Math.max(-1, Math.min(ms, Number.MAX_SAFE_INTEGER));
}
