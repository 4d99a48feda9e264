/** Everything in an engine's keyspace as plain data, for comparing two of them. */
import type { Engine } from '../../src/engine/engine.ts';
import { Bytes, EntryType } from '../../src/engine/memory/entries.ts';
import { IdCursor } from '../../src/engine/memory/id-tree.ts';
import { Int64 } from '../../src/shared/int64.ts';
import { latin1Slice } from '../../src/shared/request.ts';
import { StreamId } from '../../src/shared/stream-id.ts';

export interface KeyContents {
  expireAtMs: number;
  /** A string; a stream's entries as id and pairs, and what is known of it and its groups; a list's elements in order, a set's members sorted, a hash's pairs sorted, a sorted set's [member, score] in order. */
  value: string | unknown[];
}

function slice(buf: Uint8Array, off: number, len: number): string {
  return latin1Slice(buf, off, off + len);
}

/** A stream's counters, groups and pending entries; times but the consumers' activity, which older files do not have. */
function streamState(engine: Engine, ref: number): unknown {
  const { streams } = engine.types;
  const { groups } = streams;
  const id = new StreamId();
  const int64 = new Int64();
  const bytes = new Bytes();
  const cursor = new IdCursor();
  const inGroup = new IdCursor();
  const nameOf = (record: number): string => {
    groups.name(record, bytes);
    return slice(bytes.buf, bytes.off, bytes.len);
  };
  const pending = (group: number, owner: number): unknown[] => {
    const out: unknown[] = [];
    for (let more = groups.firstPending(owner, cursor); more; more = groups.nextPending(cursor)) {
      groups.pendingId(cursor, id);
      groups.findPending(group, id, inGroup);
      groups.deliveries(inGroup, int64);
      out.push([id.text(), ...(owner === group ? [nameOf(groups.consumerOf(inGroup))] : []), groups.deliveredMs(inGroup), int64.toNumber()]);
    }
    return out;
  };
  const textOf = (read: () => void): string => {
    read();
    return id.text();
  };
  const root = streams.root(ref);
  streams.entriesAdded(ref, int64);
  const added = int64.toNumber();
  const all = [];
  for (let n = 0; n < groups.count(root); n++) {
    const group = groups.at(root, n);
    groups.entriesRead(group, int64);
    const read = int64.toNumber();
    const consumers = [];
    for (let i = 0; i < groups.consumers(group); i++) {
      const consumer = groups.consumerAt(group, i);
      consumers.push([nameOf(consumer), groups.seenMs(consumer), pending(group, consumer)]);
    }
    all.push([nameOf(group), textOf(() => { groups.lastId(group, id); }), read === -1 ? null : read, pending(group, group), consumers]);
  }
  return {
    nodes: streams.nodeCount(ref), last: textOf(() => { streams.lastId(ref, id); }),
    deleted: textOf(() => { streams.maxDeletedId(ref, id); }), added, groups: all,
  };
}

/** By "database:key". */
export function contents(engine: Engine): Map<string, KeyContents> {
  const { keyspace, types } = engine;
  const { entries } = keyspace;
  const out = new Map<string, KeyContents>();
  const bytes = new Bytes();
  for (const db of keyspace.databases) {
    const refs: number[] = [];
    for (let cursor = 0; ;) {
      cursor = db.scan(cursor, 1000, refs);
      if (cursor === 0) break;
    }
    for (const ref of refs) {
      entries.key(ref, bytes);
      const name = `${db.number}:${slice(bytes.buf, bytes.off, bytes.len)}`;
      const type = entries.type(ref);
      const elements: unknown[] = [];
      let value: string | unknown[] = elements;
      if (type === EntryType.string) {
        entries.value(ref, bytes);
        value = slice(bytes.buf, bytes.off, bytes.len);
      } else {
        let ends: number[] = [];
        types.collection(type)!.visit(ref, {
          element: (buf, off, len) => { elements.push(slice(buf, off, len)); },
          field: (buf, off, len, valueBuf, valueOff, valueLen) => {
            elements.push([slice(buf, off, len), slice(valueBuf, valueOff, valueLen), ...ends]);
            ends = [];
          },
          fieldEnds: (endsAtMs) => { ends = [endsAtMs]; },
          scored: (buf, off, len, score) => { elements.push([slice(buf, off, len), Object.is(score, -0) ? '-0' : String(score)]); },
        });
        if (type === EntryType.set || type === EntryType.hash) elements.sort();
        if (type === EntryType.stream) elements.push(streamState(engine, ref));
      }
      out.set(name, { expireAtMs: entries.expireAtMs(ref), value });
    }
  }
  return out;
}
