/** Everything in an engine's keyspace as plain data, for comparing two of them. */
import type { Engine } from '../../src/engine/engine.ts';
import { Bytes, EntryType } from '../../src/engine/memory/entries.ts';
import { latin1Slice } from '../../src/shared/request.ts';

export interface KeyContents {
  expireAtMs: number;
  /** A string; a list's elements in order, a set's members sorted, a hash's pairs sorted, a sorted set's [member, score] in order. */
  value: string | unknown[];
}

function slice(buf: Uint8Array, off: number, len: number): string {
  return latin1Slice(buf, off, off + len);
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
        types.collection(type)!.visit(ref, {
          element: (buf, off, len) => { elements.push(slice(buf, off, len)); },
          field: (buf, off, len, valueBuf, valueOff, valueLen) => { elements.push([slice(buf, off, len), slice(valueBuf, valueOff, valueLen)]); },
          scored: (buf, off, len, score) => { elements.push([slice(buf, off, len), Object.is(score, -0) ? '-0' : String(score)]); },
        });
        if (type === EntryType.set || type === EntryType.hash) elements.sort();
      }
      out.set(name, { expireAtMs: entries.expireAtMs(ref), value });
    }
  }
  return out;
}
