/** Writes streams as Redis 7.0 does (RDB_TYPE_STREAM_LISTPACKS_2): their nodes as they are, counters, groups, pending entries. */
import { Int64 } from '../../shared/int64.ts';
import type { RdbWriter } from '../../shared/rdb/rdb-writer.ts';
import { StreamId } from '../../shared/stream-id.ts';
import type { Address } from '../memory/arena.ts';
import { Bytes } from '../memory/entries.ts';
import { PendingCursor } from '../types/stream-groups.ts';
import { NodeCursor, type Streams } from '../types/stream.ts';

const RAW_ID_BYTES = 16;

export class StreamSaver {
  readonly #id = new StreamId();
  readonly #int64 = new Int64();
  readonly #bytes = new Bytes();
  readonly #node = new NodeCursor();
  readonly #cursor = new PendingCursor();
  readonly #rawId = new Uint8Array(RAW_ID_BYTES);
  readonly #rawIdView = new DataView(this.#rawId.buffer);

  write(streams: Streams, ref: Address, writer: RdbWriter): void {
    const id = this.#id;
    const int64 = this.#int64;
    writer.length(streams.nodeCount(ref));
    for (let more = streams.firstNode(ref, this.#node); more; more = streams.nextNode(this.#node)) {
      streams.readNode(this.#node, id, this.#bytes);
      this.#packId();
      writer.string(this.#rawId, 0, RAW_ID_BYTES);
      writer.string(this.#bytes.buf, this.#bytes.off, this.#bytes.len);
    }
    writer.length(streams.length(ref));
    streams.lastId(ref, id);
    this.#writeId(writer);
    streams.firstId(ref, id);
    this.#writeId(writer);
    streams.maxDeletedId(ref, id);
    this.#writeId(writer);
    streams.entriesAdded(ref, int64);
    writer.lengthWords(int64.hi, int64.lo);
    const root = streams.root(ref);
    writer.length(streams.groups.count(root));
    for (let n = 0; n < streams.groups.count(root); n++) this.#writeGroup(streams, streams.groups.at(root, n), writer);
  }

  #writeGroup(streams: Streams, group: Address, writer: RdbWriter): void {
    const { groups } = streams;
    const int64 = this.#int64;
    this.#writeName(streams, group, writer);
    groups.lastId(group, this.#id);
    this.#writeId(writer);
    groups.entriesRead(group, int64);
    writer.lengthWords(int64.hi, int64.lo);
    writer.length(groups.pending(group));
    for (let more = groups.firstPending(group, this.#cursor); more; more = groups.nextPending(this.#cursor)) {
      this.#writeRawId(streams, writer);
      writer.int64(groups.deliveredMs(this.#cursor));
      groups.deliveries(this.#cursor, int64);
      writer.lengthWords(int64.hi, int64.lo);
    }
    writer.length(groups.consumers(group));
    for (let n = 0; n < groups.consumers(group); n++) {
      const consumer = groups.consumerAt(group, n);
      this.#writeName(streams, consumer, writer);
      writer.int64(groups.seenMs(consumer));
      writer.length(groups.pending(consumer));
      for (let more = groups.firstPending(consumer, this.#cursor); more; more = groups.nextPending(this.#cursor)) this.#writeRawId(streams, writer);
    }
  }

  #writeName(streams: Streams, record: Address, writer: RdbWriter): void {
    streams.groups.name(record, this.#bytes);
    writer.string(this.#bytes.buf, this.#bytes.off, this.#bytes.len);
  }

  #writeRawId(streams: Streams, writer: RdbWriter): void {
    streams.groups.pendingId(this.#cursor, this.#id);
    this.#packId();
    writer.raw(this.#rawId, 0, RAW_ID_BYTES);
  }

  /** Writes the id in `#id` as two numbers. */
  #writeId(writer: RdbWriter): void {
    writer.lengthWords(this.#id.msHi, this.#id.msLo);
    writer.lengthWords(this.#id.seqHi, this.#id.seqLo);
  }

  /** Makes `#rawId` the id in `#id`: 128 bits, big-endian. */
  #packId(): void {
    const view = this.#rawIdView;
    view.setInt32(0, this.#id.msHi);
    view.setInt32(4, this.#id.msLo);
    view.setInt32(8, this.#id.seqHi);
    view.setInt32(12, this.#id.seqLo);
  }
}
