/**
 * XREAD and XREADGROUP: what is behind given ids of several streams, and waiting for it.
 *
 * XREADGROUP logs what it does to its group, and nothing else: who is given which entries, as one XCLAIM for all of a
 * stream's, and how far the group has read, as XGROUP SETID.
 */
import { CommandError } from '../../shared/errors.ts';
import { Int64 } from '../../shared/int64.ts';
import { Request } from '../../shared/request.ts';
import { ID_TEXT_BYTES, StreamId } from '../../shared/stream-id.ts';
import type { Call, Ref } from '../call.ts';
import { type Command, type KeySpec, command } from '../command.ts';
import { LENGTH_BYTES_MAX } from '../effects.ts';
import {
  SYNTAX, WRONG_TYPE, XREADGROUP_LAST_ID, XREADGROUP_NO_GROUP, XREADGROUP_TOP_ID, XREAD_GROUP_OPTION, XREAD_NEW_ID,
  XREAD_NOACK_OPTION, noSuchGroup,
} from '../error-texts.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import type { Address } from '../memory/arena.ts';
import { EntryType } from '../memory/entries.ts';
import { PendingCursor } from '../types/stream-groups.ts';
import {
  IdList, MAX_ID, consumerArgument, effectConsumer, effectId, groupArgument, idArgument, isChar, replyEntry, replyEntryOf,
  replyId,
} from './stream-arguments.ts';

/** What the command asks for. One object, reused. */
const request = {
  isGroup: false,
  /** When it gives up waiting, ms since the epoch; -1: it does not wait. */
  timeoutAtMs: -1,
  count: 0,
  noAck: false,
  /** Argument of the group's name; the consumer's is behind it. */
  groupAt: 0,
  streamsAt: 0,
  streams: 0,
};

/** The ids behind which each stream is read, the refs of the streams and their groups. */
const behind = new IdList();
const refs: Ref[] = [];
const groups: Address[] = [];
/** Whether any id was "$", which means another one when the command runs again. */
let hasLastId = false;

const start = new StreamId();
const one = new Int64().setNumber(1);
const deliveries = new Int64();
const pending = new PendingCursor();
const walk = new PendingCursor();
const delivered = new IdList();

function parse(c: Call, isGroup: boolean): void {
  const { req } = c;
  request.isGroup = isGroup;
  request.timeoutAtMs = -1;
  request.count = request.groupAt = request.streamsAt = 0;
  request.noAck = false;
  for (let i = 1; i < req.argc && request.streamsAt === 0; i++) {
    const more = req.argc - i - 1;
    if (more > 0 && req.is(i, 'BLOCK')) request.timeoutAtMs = c.timeoutMsAtMs(++i);
    else if (more > 0 && req.is(i, 'COUNT')) request.count = Math.max(0, c.integer(++i));
    else if (more > 0 && req.is(i, 'STREAMS')) {
      if (more % 2 !== 0) throw unbalanced(isGroup);
      request.streamsAt = i + 1;
      request.streams = more / 2;
    } else if (more > 1 && req.is(i, 'GROUP')) {
      if (!isGroup) throw XREAD_GROUP_OPTION;
      request.groupAt = i + 1;
      i += 2;
    } else if (req.is(i, 'NOACK')) {
      if (!isGroup) throw XREAD_NOACK_OPTION;
      request.noAck = true;
    } else throw SYNTAX;
  }
  if (request.streamsAt === 0) throw SYNTAX;
  if (isGroup && request.groupAt === 0) throw XREADGROUP_NO_GROUP;
}

function unbalanced(isGroup: boolean): CommandError {
  const [name, symbol] = isGroup ? ['xreadgroup', '>'] : ['xread', '$'];
  return new CommandError(`ERR Unbalanced '${name}' list of streams: for each stream key an ID or '${symbol}' must be specified.`);
}

/**
 * The stream at argument i, or 0. To a reader that is waiting already a key of another type is none, unless it reads for a
 * group, which is gone then.
 */
function streamArgument(c: Call, i: number): Ref {
  const ref = c.lookup(i);
  if (ref === 0 || c.engine.keyspace.entries.type(ref) === EntryType.stream) return ref;
  if (!request.isGroup && c.session.blocked !== null) return 0;
  throw WRONG_TYPE;
}

/** Finds streams, groups and ids. */
function resolve(c: Call): void {
  const { isGroup, streamsAt, streams } = request;
  behind.clear();
  refs.length = groups.length = 0;
  hasLastId = false;
  for (let n = 0; n < streams; n++) {
    const key = streamsAt + n;
    const at = key + streams;
    const ref = streamArgument(c, key);
    refs.push(ref);
    if (isGroup) {
      const group = groupArgument(c, ref, request.groupAt);
      if (group === 0) throw noSuchGroup(c.string(key), c.string(request.groupAt), ' in XREADGROUP with GROUP option');
      groups.push(group);
    }
    resolveId(c, at, ref, behind.next());
  }
}

function resolveId(c: Call, at: number, ref: Ref, id: StreamId): void {
  const { isGroup } = request;
  const { streams } = c.engine.types;
  if (isChar(c, at, '$')) {
    if (isGroup) throw XREADGROUP_LAST_ID;
    hasLastId = true;
    if (ref === 0) id.setMin();
    else streams.lastId(ref, id);
  } else if (isChar(c, at, '+')) {
    if (isGroup) throw XREADGROUP_TOP_ID;
    // Just before the last entry; where there is none, before the first to come.
    id.setMin();
    if (ref !== 0 && streams.length(ref) > 0) {
      streams.lastEntryId(ref, id);
      id.decrement();
    } else if (ref !== 0) streams.lastId(ref, id);
  } else if (isChar(c, at, '>')) {
    if (!isGroup) throw XREAD_NEW_ID;
    id.setMax();
  } else idArgument(c, at, id);
}

// ---- Serving ----

/** Writes what stream n has behind the id asked for; whether it has any. */
function serve(c: Call, n: number): boolean {
  const { streams } = c.engine.types;
  const ref = refs[n]!;
  if (ref === 0 || streams.length(ref) === 0) return false;
  if (!start.copy(behind.at(n)).increment()) return false;
  const cursor = streams.walk(ref, start, MAX_ID, false);
  if (!cursor.next()) return false;
  replyKey(c, n);
  const { reply } = c;
  const mark = reply.mark();
  let count = 0;
  do replyEntry(reply, cursor);
  while (++count !== request.count && cursor.next());
  reply.insertArray(mark, count);
  return true;
}

/** As `serve`, for the consumer of stream n's group: new entries, or those that are pending with it. */
function serveGroup(c: Call, n: number): boolean {
  const { streams } = c.engine.types;
  const ref = refs[n]!;
  const group = groups[n]!;
  const key = request.streamsAt + n;
  const isHistory = !behind.at(n).isMax();
  const { consumer, isNew } = consumerArgument(c, group, request.groupAt + 1, c.nowMs);
  if (isNew) {
    c.modifiedQuietly(key);
    c.notify(KeyEvent.stream, 'xgroup-createconsumer', key);
    effectConsumer(c, key, request.groupAt, request.groupAt + 1);
  }
  if (isHistory) {
    replyKey(c, n);
    serveHistory(c, n, consumer);
    return true;
  }
  if (streams.length(ref) === 0) return false;
  const last = behind.at(n);
  streams.lastEntryId(ref, start);
  streams.groups.lastId(group, last);
  if (start.compare(last) <= 0) return false;
  start.copy(last).increment();
  replyKey(c, n);
  deliver(c, n, consumer);
  return true;
}

/** Writes entries from `start` on and gives them to the consumer. */
function deliver(c: Call, n: number, consumer: Address): void {
  const { reply, nowMs } = c;
  const { streams } = c.engine.types;
  const ref = refs[n]!;
  const group = groups[n]!;
  const cursor = streams.walk(ref, start, MAX_ID, false);
  const mark = reply.mark();
  delivered.clear();
  let count = 0;
  let advanced = false;
  while (cursor.next()) {
    if (streams.advance(ref, group, cursor.id)) advanced = true;
    replyEntry(reply, cursor);
    if (!request.noAck) {
      streams.groups.assign(group, consumer, cursor.id, pending);
      streams.groups.setDeliveredMs(pending, nowMs);
      streams.groups.setDeliveries(pending, one);
      delivered.next().copy(cursor.id);
    }
    if (++count === request.count) break;
  }
  reply.insertArray(mark, count);
  const key = request.streamsAt + n;
  const { changes } = c;
  if (count > 0) c.modifiedQuietly(key);
  if (delivered.length > 0) {
    streams.groups.setActiveMs(consumer, nowMs);
    effectClaim(c, key, 6);
    c.effectText('RETRYCOUNT');
    c.effectInteger(1);
    c.effectText('FORCE');
    c.effectText('JUSTID');
    c.effectText('TIME');
    c.effectInteger(nowMs);
  }
  if (advanced) effectGroupId(c, key, group);
  // For statistics it is one change, as in Redis.
  if (count > 0) c.changes = changes + 1;
}

/** Writes the entries behind the id asked for that are pending with the consumer; their delivery counts once more. */
function serveHistory(c: Call, n: number, consumer: Address): void {
  const { reply, nowMs } = c;
  const { streams } = c.engine.types;
  const group = groups[n]!;
  const mark = reply.mark();
  start.copy(behind.at(n)).increment();
  delivered.clear();
  let count = 0;
  for (let more = streams.groups.seekPending(consumer, start, walk); more; more = streams.groups.nextPending(walk)) {
    const id = delivered.next();
    streams.groups.pendingId(walk, id);
    if (replyEntryOf(c, refs[n]!, id)) {
      streams.groups.findPending(group, id, pending);
      streams.groups.setDeliveredMs(pending, nowMs);
      streams.groups.deliveries(pending, deliveries);
      deliveries.increment();
      streams.groups.setDeliveries(pending, deliveries);
    } else {
      // Deleted, but not acknowledged.
      reply.array(2);
      replyId(reply, id);
      reply.nullArray();
      delivered.drop();
    }
    if (++count === request.count) break;
  }
  reply.insertArray(mark, count);
  if (delivered.length === 0) return;
  const key = request.streamsAt + n;
  const { changes } = c;
  c.modifiedQuietly(key);
  effectClaim(c, key, 2);
  c.effectText('TIME');
  c.effectInteger(nowMs);
  // Redis keeps that to itself, and does not count it. Here it must not be lost either, but statistics are Redis's.
  c.changes = changes;
}

/** Begins an XCLAIM of all that was delivered; `more` arguments follow. */
function effectClaim(c: Call, key: number, more: number): void {
  c.effect('XCLAIM', 5 + delivered.length + more);
  c.effectArg(key);
  c.effectArg(request.groupAt);
  c.effectArg(request.groupAt + 1);
  c.effectInteger(0);
  for (let i = 0; i < delivered.length; i++) effectId(c, delivered.at(i));
}

function effectGroupId(c: Call, key: number, group: Address): void {
  const { streams } = c.engine.types;
  c.effect('XGROUP', 7);
  c.effectText('SETID');
  c.effectArg(key);
  c.effectArg(request.groupAt);
  streams.groups.lastId(group, start);
  effectId(c, start);
  c.effectText('ENTRIESREAD');
  streams.groups.entriesRead(group, deliveries);
  c.effectInt64(deliveries);
}

// ---- Room in the log ----

/** For each stream a consumer that is made, what is delivered, and how far the group has read. */
const EFFECTS_PER_STREAM = 3;
const EFFECT_ARGS_MAX = 16;

/**
 * Throws if the log cannot take what the consumer is given. What is said of entries without looking at them is enough nearly
 * always; only where it is not are they counted.
 */
function mustFitDeliveries(c: Call): void {
  const { req, engine } = c;
  const { groupAt, streamsAt, streams } = request;
  let names = 0;
  let entriesMax = 0;
  for (let n = 0; n < streams; n++) {
    names += EFFECTS_PER_STREAM * (req.len[streamsAt + n]! + req.len[groupAt]! + req.len[groupAt + 1]!);
    entriesMax += deliveriesMax(c, n);
  }
  const args = EFFECTS_PER_STREAM * EFFECT_ARGS_MAX * streams;
  if (!engine.exceedsRecord(names + args * LENGTH_BYTES_MAX + entriesMax * (ID_TEXT_BYTES + LENGTH_BYTES_MAX))) return;
  let entries = 0;
  for (let n = 0; n < streams; n++) entries += deliveriesOf(c, n);
  c.mustFitRecord(args + entries, names + entries * ID_TEXT_BYTES);
}

/** No fewer than will be given of stream n, and logged. */
function deliveriesMax(c: Call, n: number): number {
  const { streams } = c.engine.types;
  let max = 0;
  if (!behind.at(n).isMax()) max = pendingOf(c, n);
  else if (!request.noAck) max = streams.length(refs[n]!);
  return request.count === 0 ? max : Math.min(max, request.count);
}

function pendingOf(c: Call, n: number): number {
  const consumer = knownConsumer(c, n);
  return consumer === 0 ? 0 : c.engine.types.streams.groups.pending(consumer);
}

function knownConsumer(c: Call, n: number): Address {
  const at = request.groupAt + 1;
  return c.engine.types.streams.groups.findConsumer(groups[n]!, c.req.buf, c.req.off[at]!, c.req.len[at]!);
}

/** As `deliveriesMax`, counted. */
function deliveriesOf(c: Call, n: number): number {
  const { streams } = c.engine.types;
  const max = deliveriesMax(c, n);
  let entries = 0;
  if (max === 0) return 0;
  if (behind.at(n).isMax()) {
    streams.groups.lastId(groups[n]!, start);
    if (!start.increment()) return 0;
    const cursor = streams.walk(refs[n]!, start, MAX_ID, false);
    while (entries < max && cursor.next()) entries++;
  } else {
    start.copy(behind.at(n)).increment();
    for (let more = streams.groups.seekPending(knownConsumer(c, n), start, walk); more && entries < max; more = streams.groups.nextPending(walk)) entries++;
  }
  return entries;
}

function replyKey(c: Call, n: number): void {
  const { req, reply } = c;
  const key = request.streamsAt + n;
  if (reply.proto === 2) reply.array(2);
  reply.bulk(req.buf, req.off[key]!, req.len[key]!);
}

function read(c: Call, isGroup: boolean): void {
  const { reply } = c;
  parse(c, isGroup);
  resolve(c);
  if (isGroup) mustFitDeliveries(c);
  const mark = reply.mark();
  let served = 0;
  for (let n = 0; n < request.streams; n++) if (isGroup ? serveGroup(c, n) : serve(c, n)) served++;
  if (served > 0) {
    if (reply.proto === 2) reply.insertArray(mark, served);
    else reply.insertMap(mark, served);
  } else if (request.timeoutAtMs >= 0 && c.canBlock) {
    const { streamsAt, streams, timeoutAtMs } = request;
    c.block(streamsAt, streamsAt + streams - 1, timeoutAtMs, hasLastId ? withIds(c) : c.req);
  } else reply.nullArray();
}

/** The command with the ids that "$" stands for now. */
function withIds(c: Call): Request {
  const { req } = c;
  const words: string[] = [];
  for (let i = 0; i < req.argc; i++) {
    const n = i - request.streamsAt - request.streams;
    words.push(n >= 0 && isChar(c, i, '$') ? behind.at(n).text() : c.string(i));
  }
  return Request.of(...words);
}

function xread(c: Call): void {
  read(c, false);
}

function xreadgroup(c: Call): void {
  read(c, true);
}

/** Half of what follows the keyword is keys. */
function streamsFrom(startFrom: number): KeySpec {
  return { flags: 'RO access', begin: { keyword: 'STREAMS', startFrom }, find: { lastKey: -1, step: 1, limit: 2 } };
}

export const streamReadCommands: readonly Command[] = [
  command({
    name: 'xread', arity: -4, flags: 'readonly blocking', group: 'stream', since: '5.0.0', keys: [streamsFrom(1)], run: xread,
  }),
  command({
    name: 'xreadgroup', arity: -7, flags: 'write blocking', group: 'stream', since: '5.0.0', keys: [streamsFrom(4)],
    run: xreadgroup,
  }),
];
