/** What commands on streams have in common: ids in arguments, replies and effects, entries in replies, and groups by name. */
import type { Int64 } from '../../shared/int64.ts';
import type { Reply } from '../../shared/reply.ts';
import { IdText, MissingSequence, StreamId } from '../../shared/stream-id.ts';
import type { Call, Ref } from '../call.ts';
import { INVALID_END_ID, INVALID_START_ID, INVALID_STREAM_ID, noSuchGroup } from '../error-texts.ts';
import type { Address } from '../memory/arena.ts';
import { EntryType } from '../memory/entries.ts';
import type { StreamCursor } from '../types/stream-cursor.ts';

export const MIN_ID: StreamId = new StreamId().setMin();
export const MAX_ID: StreamId = new StreamId().setMax();

const DASH = 45;
const PLUS = 43;
const OPEN = 40;

const text = new IdText();

/** Argument i as an id in full or as milliseconds. Throws `INVALID_STREAM_ID`. */
export function idArgument(c: Call, i: number, out: StreamId): void {
  const { buf, off, len } = c.req;
  if (!out.parse(buf, off[i]!, len[i]!, MissingSequence.zero)) throw INVALID_STREAM_ID;
}

/** As `idArgument`, where "-" and "+" are the least and the greatest id. */
export function looseIdArgument(c: Call, i: number, out: StreamId): void {
  looseId(c, i, out, MissingSequence.zero);
}

function looseId(c: Call, i: number, out: StreamId, missing: number): void {
  const { buf, off, len } = c.req;
  const first = len[i] === 1 ? buf[off[i]!]! : 0;
  if (first === DASH) out.setMin();
  else if (first === PLUS) out.setMax();
  else if (!out.parse(buf, off[i]!, len[i]!, missing)) throw INVALID_STREAM_ID;
}

/** Argument i as the first id of an interval; "(" leaves that out. */
export function startArgument(c: Call, i: number, out: StreamId): void {
  if (bound(c, i, out, MissingSequence.zero) && !out.increment()) throw INVALID_START_ID;
}

/** Argument i as the last id of an interval; "(" leaves that out. */
export function endArgument(c: Call, i: number, out: StreamId): void {
  if (bound(c, i, out, MissingSequence.max) && !out.decrement()) throw INVALID_END_ID;
}

/** Reads a bound; whether it is itself left out. */
function bound(c: Call, i: number, out: StreamId, missing: number): boolean {
  const { buf, off, len } = c.req;
  if (len[i]! < 2 || buf[off[i]!] !== OPEN) {
    looseId(c, i, out, missing);
    return false;
  }
  if (!out.parse(buf, off[i]! + 1, len[i]! - 1, missing)) throw INVALID_STREAM_ID;
  return true;
}

/** Whether argument i is this one character. */
export function isChar(c: Call, i: number, char: string): boolean {
  return c.req.len[i] === 1 && c.req.buf[c.req.off[i]!] === char.charCodeAt(0);
}

/** A list of ids that one command works on, reused by the next. */
export class IdList {
  length = 0;
  readonly #ids: StreamId[] = [];

  clear(): void {
    this.length = 0;
  }

  /** Appends an id, for the caller to set. */
  next(): StreamId {
    if (this.length === this.#ids.length) this.#ids.push(new StreamId());
    return this.#ids[this.length++]!;
  }

  /** Takes the last one back. */
  drop(): void {
    this.length--;
  }

  at(i: number): StreamId {
    return this.#ids[i]!;
  }
}

/** Arguments [first, argc) as ids. Throws before anything was done with any of them. */
export function idArguments(c: Call, first: number, out: IdList): void {
  out.clear();
  for (let i = first; i < c.req.argc; i++) idArgument(c, i, out.next());
}

// ---- Replies and effects ----

export function replyId(reply: Reply, id: StreamId): void {
  text.set(id);
  reply.bulk(text.buf, 0, text.length);
}

/** The id that `replyId` was given last, where nothing else of this file was called since. */
export function effectRepliedId(c: Call): void {
  c.effectBytes(text.buf, 0, text.length);
}

export function effectId(c: Call, id: StreamId): void {
  text.set(id);
  c.effectBytes(text.buf, 0, text.length);
}

export function replyInt64(reply: Reply, value: Int64): void {
  const number = value.toNumber();
  if (Number.isSafeInteger(number)) reply.integer(number);
  else reply.integerText(value.toBig().toString());
}

export function replyBig(reply: Reply, value: bigint): void {
  reply.integerText(value.toString());
}

/** The entry that the cursor is on: its id, and its fields and values in one array. */
export function replyEntry(reply: Reply, cursor: StreamCursor): void {
  const { field, value } = cursor;
  reply.array(2);
  replyId(reply, cursor.id);
  reply.array(cursor.pairs * 2);
  for (let n = cursor.pairs; n > 0; n--) {
    cursor.nextPair();
    reply.bulk(field.buf, field.off, field.len);
    reply.bulk(value.buf, value.off, value.len);
  }
}

/** Entries from `start` to `end`, at most `count` of them (0: all), as an array. */
export function replyEntries(c: Call, ref: Ref, start: StreamId, end: StreamId, count: number, isReverse: boolean): void {
  const { reply } = c;
  const cursor = c.engine.types.streams.walk(ref, start, end, isReverse);
  const mark = reply.mark();
  let n = 0;
  while (cursor.next()) {
    replyEntry(reply, cursor);
    if (++n === count) break;
  }
  reply.insertArray(mark, n);
}

/** The entry of an id, which may have been deleted meanwhile; whether it is there, and was written. */
export function replyEntryOf(c: Call, ref: Ref, id: StreamId): boolean {
  const cursor = c.engine.types.streams.walk(ref, id, id, false);
  if (!cursor.next()) return false;
  replyEntry(c.reply, cursor);
  return true;
}

// ---- Groups ----

/** The group that argument i names in the stream at `ref` (0: there is none), or 0. */
export function groupArgument(c: Call, ref: Ref, i: number): Address {
  const { streams } = c.engine.types;
  return ref === 0 ? 0 : streams.groups.find(streams.root(ref), c.req.buf, c.req.off[i]!, c.req.len[i]!);
}

/** A stream and the group of it that a command works on. Reused: valid until the next call of `groupOfKey`. */
export const found: { ref: Ref; group: Address } = { ref: 0, group: 0 };

/** Finds the stream at argument 1 and its group at argument 2. Throws WRONGTYPE, or NOGROUP if either is missing. */
export function groupOfKey(c: Call): void {
  found.ref = c.lookupTyped(1, EntryType.stream);
  found.group = groupArgument(c, found.ref, 2);
  if (found.group === 0) throw noSuchGroup(c.string(1), c.string(2));
}

/** The consumer that argument i names, made if there is none; seen now. Reports no change: `isNew` tells of one. */
export function consumerArgument(c: Call, group: Address, i: number, nowMs: number): { consumer: Address; isNew: boolean } {
  const { groups } = c.engine.types.streams;
  const { buf, off, len } = c.req;
  let consumer = groups.findConsumer(group, buf, off[i]!, len[i]!);
  const isNew = consumer === 0;
  if (isNew) consumer = groups.createConsumer(group, buf, off[i]!, len[i]!, nowMs);
  else groups.setSeenMs(consumer, nowMs);
  return { consumer, isNew };
}

/** Logs the making of a consumer: arguments of the command that name key, group and consumer. */
export function effectConsumer(c: Call, key: number, group: number, consumer: number): void {
  c.effect('XGROUP', 5);
  c.effectText('CREATECONSUMER');
  c.effectArg(key);
  c.effectArg(group);
  c.effectArg(consumer);
}
