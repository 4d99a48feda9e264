/**
 * XCLAIM and XAUTOCLAIM: giving pending entries to another consumer.
 *
 * What they did is logged as one XCLAIM of all entries that were claimed, or were found to be deleted, with the time of their
 * delivery. Where it is applied all of them are claimed, whatever the time there.
 */
import { CommandError } from '../../shared/errors.ts';
import { Int64 } from '../../shared/int64.ts';
import { ID_TEXT_BYTES, MissingSequence, StreamId } from '../../shared/stream-id.ts';
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import { LENGTH_BYTES_MAX } from '../effects.ts';
import {
  SYNTAX, XAUTOCLAIM_COUNT, XAUTOCLAIM_MIN_IDLE, XCLAIM_IDLE, XCLAIM_MIN_IDLE, XCLAIM_RETRYCOUNT, XCLAIM_TIME,
} from '../error-texts.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import type { Address } from '../memory/arena.ts';
import { PendingCursor } from '../types/stream-groups.ts';
import {
  IdList, consumerArgument, effectConsumer, effectId, found, groupOfKey, idArgument, replyEntryOf, replyId, startArgument,
} from './stream-arguments.ts';

/** XAUTOCLAIM: entries claimed unless told otherwise, and how many are looked at for each. */
const COUNT_DEFAULT = 100;
const ATTEMPTS_PER_ENTRY = 10;
const COUNT_MAX = Math.floor(Number.MAX_SAFE_INTEGER / 16);

/** What the command asks for. One object, reused. */
const request = {
  minIdleMs: 0,
  /** When the entries count as delivered, ms since the epoch. */
  deliveredMs: 0,
  hasRetryCount: false,
  isForced: false,
  justIds: false,
};
const retryCount = new Int64();
const lastId = new StreamId();

const ids = new IdList();
const claimed = new IdList();
const deleted = new IdList();
/** Both, as they are logged. */
const touched = new IdList();
const id = new StreamId();
const start = new StreamId();
const deliveries = new Int64();
const cursor = new PendingCursor();
const walk = new PendingCursor();

function reset(): void {
  request.hasRetryCount = request.isForced = request.justIds = false;
  lastId.setMin();
  for (const list of [ids, claimed, deleted, touched]) list.clear();
}

/** Reads ids and options from argument 5 on. */
function parse(c: Call): void {
  const { req, nowMs } = c;
  const { buf, off, len } = req;
  let i = 5;
  for (; i < req.argc; i++) {
    if (!id.parse(buf, off[i]!, len[i]!, MissingSequence.zero)) break;
    ids.next().copy(id);
  }
  let deliveredMs = -1;
  for (; i < req.argc; i++) {
    const hasValue = i + 1 < req.argc;
    if (req.is(i, 'FORCE')) request.isForced = true;
    else if (req.is(i, 'JUSTID')) request.justIds = true;
    else if (hasValue && req.is(i, 'IDLE')) deliveredMs = nowMs - c.integer(++i, XCLAIM_IDLE);
    else if (hasValue && req.is(i, 'TIME')) deliveredMs = c.integer(++i, XCLAIM_TIME);
    else if (hasValue && req.is(i, 'RETRYCOUNT')) {
      c.int64(++i, retryCount, XCLAIM_RETRYCOUNT);
      request.hasRetryCount = retryCount.hi >= 0;
    } else if (hasValue && req.is(i, 'LASTID')) idArgument(c, ++i, lastId);
    else throw new CommandError(`ERR Unrecognized XCLAIM option '${c.string(i)}'`);
  }
  // A time to come is a mistake of somebody's clock, unless the log says so.
  const isSane = deliveredMs >= 0 && (deliveredMs <= nowMs || c.applying);
  request.deliveredMs = isSane ? deliveredMs : nowMs;
}

/**
 * Gives the pending entry of `id` to a consumer, if it is there and idle for long enough, and notes it in `claimed`; in
 * `deleted` if the stream has no such entry any more, which ends its being pending. @returns whether either.
 */
function claim(c: Call, ref: Ref, group: Address, consumer: Address, nowMs: number): boolean {
  const { streams } = c.engine.types;
  const { groups } = streams;
  const isPending = groups.findPending(group, id, cursor);
  if (!isPending && !request.isForced) return false;
  if (!streams.has(ref, id)) {
    if (!isPending) return false;
    groups.acknowledge(group, cursor);
    deleted.next().copy(id);
  } else {
    if (isPending && request.minIdleMs > 0 && nowMs - groups.deliveredMs(cursor) < request.minIdleMs) return false;
    if (groups.assign(group, consumer, id, cursor)) groups.setDeliveries(cursor, deliveries.setNumber(1));
    groups.setDeliveredMs(cursor, request.deliveredMs);
    if (request.hasRetryCount) groups.setDeliveries(cursor, retryCount);
    else if (!request.justIds) {
      groups.deliveries(cursor, deliveries);
      deliveries.increment();
      groups.setDeliveries(cursor, deliveries);
    }
    claimed.next().copy(id);
  }
  touched.next().copy(id);
  return true;
}

function replyClaimed(c: Call, ref: Ref): void {
  c.reply.array(claimed.length);
  for (let i = 0; i < claimed.length; i++) {
    if (request.justIds) replyId(c.reply, claimed.at(i));
    else replyEntryOf(c, ref, claimed.at(i));
  }
}

/** Logs what was done to the entries in `touched`, and to the group's last id. */
function logClaims(c: Call, isNewConsumer: boolean, hasNewLastId: boolean): void {
  if (touched.length === 0) {
    if (isNewConsumer) effectConsumer(c, 1, 2, 3);
    if (hasNewLastId) logLastId(c);
    return;
  }
  c.effect('XCLAIM', 8 + touched.length + (request.hasRetryCount ? 2 : 0) + (request.justIds ? 1 : 0) + (hasNewLastId ? 2 : 0));
  c.effectArg(1);
  c.effectArg(2);
  c.effectArg(3);
  c.effectInteger(0);
  for (let i = 0; i < touched.length; i++) effectId(c, touched.at(i));
  c.effectText('TIME');
  c.effectInteger(request.deliveredMs);
  if (request.hasRetryCount) {
    c.effectText('RETRYCOUNT');
    c.effectInt64(retryCount);
  }
  c.effectText('FORCE');
  if (request.justIds) c.effectText('JUSTID');
  if (hasNewLastId) {
    c.effectText('LASTID');
    effectId(c, lastId);
  }
  c.changes += touched.length - 1;
}

function logLastId(c: Call): void {
  c.effect('XGROUP', 7);
  c.effectText('SETID');
  c.effectArg(1);
  c.effectArg(2);
  effectId(c, lastId);
  c.effectText('ENTRIESREAD');
  c.engine.types.streams.groups.entriesRead(found.group, deliveries);
  c.effectInt64(deliveries);
}

function xclaim(c: Call): void {
  const { groups } = c.engine.types.streams;
  groupOfKey(c);
  const { ref, group } = found;
  reset();
  request.minIdleMs = Math.max(0, c.integer(4, XCLAIM_MIN_IDLE));
  parse(c);
  groups.lastId(group, start);
  const hasNewLastId = lastId.compare(start) > 0;
  if (hasNewLastId) groups.setLastId(group, lastId);
  // Whoever applies the log has the time of whom the log is from.
  const nowMs = c.applying ? request.deliveredMs : c.nowMs;
  const { consumer, isNew } = consumerArgument(c, group, 3, nowMs);
  if (isNew) c.notify(KeyEvent.stream, 'xgroup-createconsumer', 1);
  for (let i = 0; i < ids.length; i++) {
    id.copy(ids.at(i));
    claim(c, ref, group, consumer, nowMs);
  }
  if (claimed.length > 0) groups.setActiveMs(consumer, nowMs);
  replyClaimed(c, ref);
  if (touched.length > 0 || isNew || hasNewLastId) c.modifiedQuietly(1);
  logClaims(c, isNew, hasNewLastId);
}

function parseAuto(c: Call): number {
  const { req } = c;
  let count = COUNT_DEFAULT;
  for (let i = 6; i < req.argc; i++) {
    if (req.is(i, 'COUNT') && i + 1 < req.argc) {
      count = c.integer(++i, XAUTOCLAIM_COUNT);
      if (count < 1 || count > COUNT_MAX) throw XAUTOCLAIM_COUNT;
    } else if (req.is(i, 'JUSTID')) request.justIds = true;
    else throw SYNTAX;
  }
  return count;
}

/** Arguments of the XCLAIM that is logged, but for the ids; and their bytes, but for the names. */
const CLAIM_ARGS_MAX = 16;
const CLAIM_BYTES_MAX = 256;

/** How many of `count` entries the log can take; the client goes on from there. Throws where it cannot take one. */
function fittingCount(c: Call, count: number): number {
  const { engine, req } = c;
  const bytes = CLAIM_BYTES_MAX + req.len[1]! + req.len[2]! + req.len[3]!;
  if (engine.exceedsRecord(bytes + (CLAIM_ARGS_MAX + count) * (ID_TEXT_BYTES + LENGTH_BYTES_MAX))) {
    c.mustFitRecord(CLAIM_ARGS_MAX + 1, bytes + ID_TEXT_BYTES);
    return Math.max(1, Math.floor((engine.recordRoom - bytes) / (ID_TEXT_BYTES + LENGTH_BYTES_MAX)) - CLAIM_ARGS_MAX);
  }
  return count;
}

function xautoclaim(c: Call): void {
  const { reply, nowMs } = c;
  const { groups } = c.engine.types.streams;
  reset();
  request.minIdleMs = Math.max(0, c.integer(4, XAUTOCLAIM_MIN_IDLE));
  request.deliveredMs = nowMs;
  startArgument(c, 5, start);
  let count = parseAuto(c);
  groupOfKey(c);
  count = fittingCount(c, count);
  const { ref, group } = found;
  const { consumer, isNew } = consumerArgument(c, group, 3, nowMs);
  if (isNew) c.notify(KeyEvent.stream, 'xgroup-createconsumer', 1);
  let more = groups.seekPending(group, start, walk);
  for (let attempts = count * ATTEMPTS_PER_ENTRY; more && count > 0 && attempts > 0; attempts--) {
    groups.pendingId(walk, id);
    const wasDeleted = deleted.length;
    if (claim(c, ref, group, consumer, nowMs)) count--;
    more = deleted.length > wasDeleted ? groups.seekPending(group, id, walk) : groups.nextPending(walk);
  }
  if (claimed.length > 0) groups.setActiveMs(consumer, nowMs);
  reply.array(3);
  if (more) groups.pendingId(walk, id);
  else id.setMin();
  replyId(reply, id);
  replyClaimed(c, ref);
  reply.array(deleted.length);
  for (let i = 0; i < deleted.length; i++) replyId(reply, deleted.at(i));
  if (touched.length > 0 || isNew) c.modifiedQuietly(1);
  logClaims(c, isNew, false);
}

export const streamClaimCommands: readonly Command[] = [
  command({
    name: 'xclaim', arity: -6, flags: 'write fast', group: 'stream', since: '5.0.0', keys: [keysAt(1, 'RW update')],
    tips: ['nondeterministic_output'], run: xclaim,
  }),
  command({
    name: 'xautoclaim', arity: -6, flags: 'write fast', group: 'stream', since: '6.2.0', keys: [keysAt(1, 'RW delete')],
    tips: ['nondeterministic_output'], run: xautoclaim,
  }),
];
