/** XACK and XPENDING: ending what is pending with consumers, and looking at it. */
import { Int64 } from '../../shared/int64.ts';
import { StreamId } from '../../shared/stream-id.ts';
import type { Call } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import { SYNTAX } from '../error-texts.ts';
import type { Address } from '../memory/arena.ts';
import { Bytes, EntryType } from '../memory/entries.ts';
import { PendingCursor } from '../types/stream-groups.ts';
import { IdList, endArgument, found, groupArgument, groupOfKey, idArguments, replyId, replyInt64, startArgument } from './stream-arguments.ts';

const id = new StreamId();
const start = new StreamId();
const end = new StreamId();
const ids = new IdList();
const cursor = new PendingCursor();
const inGroup = new PendingCursor();
const name = new Bytes();
const deliveries = new Int64();

function xack(c: Call): void {
  const { groups } = c.engine.types.streams;
  const group = groupArgument(c, c.lookupTyped(1, EntryType.stream), 2);
  let acknowledged = 0;
  if (group !== 0) {
    idArguments(c, 3, ids);
    for (let i = 0; i < ids.length; i++) {
      if (!groups.findPending(group, ids.at(i), cursor)) continue;
      groups.acknowledge(group, cursor);
      acknowledged++;
    }
  }
  if (acknowledged > 0) {
    c.modifiedQuietly(1);
    c.changed(acknowledged);
  }
  c.reply.integer(acknowledged);
}

function xpending(c: Call): void {
  const { req } = c;
  if (req.argc === 3) {
    groupOfKey(c);
    summary(c, found.group);
    return;
  }
  if (req.argc < 6 || req.argc > 9) throw SYNTAX;
  let minIdleMs = 0;
  let at = 3;
  if (req.is(3, 'IDLE')) {
    minIdleMs = c.integer(4);
    if (req.argc < 8) throw SYNTAX;
    at = 5;
  }
  const count = Math.max(0, c.integer(at + 2));
  startArgument(c, at, start);
  endArgument(c, at + 1, end);
  groupOfKey(c);
  const { group } = found;
  let owner = group;
  if (at + 3 < req.argc) {
    owner = c.engine.types.streams.groups.findConsumer(group, req.buf, req.off[at + 3]!, req.len[at + 3]!);
    if (owner === 0) {
      c.reply.array(0);
      return;
    }
  }
  list(c, group, owner, minIdleMs, count);
}

/** How many entries are pending, the first and the last, and how many with each consumer. */
function summary(c: Call, group: Address): void {
  const { reply } = c;
  const { groups } = c.engine.types.streams;
  reply.array(4);
  reply.integer(groups.pending(group));
  if (groups.pending(group) === 0) {
    reply.null();
    reply.null();
    reply.nullArray();
    return;
  }
  groups.firstPending(group, cursor);
  groups.pendingId(cursor, id);
  replyId(reply, id);
  groups.lastPending(group, cursor);
  groups.pendingId(cursor, id);
  replyId(reply, id);
  const mark = reply.mark();
  let consumers = 0;
  for (let n = 0; n < groups.consumers(group); n++) {
    const consumer = groups.consumerAt(group, n);
    if (groups.pending(consumer) === 0) continue;
    groups.name(consumer, name);
    reply.array(2);
    reply.bulk(name.buf, name.off, name.len);
    reply.bulkString(String(groups.pending(consumer)));
    consumers++;
  }
  reply.insertArray(mark, consumers);
}

/** Entries from `start` to `end` that are pending with the owner: the group, or one of its consumers. */
function list(c: Call, group: Address, owner: Address, minIdleMs: number, count: number): void {
  const { reply } = c;
  const { groups } = c.engine.types.streams;
  const mark = reply.mark();
  let n = 0;
  for (let more = n < count && groups.seekPending(owner, start, cursor); more && n < count; more = groups.nextPending(cursor)) {
    groups.pendingId(cursor, id);
    if (id.compare(end) > 0) break;
    groups.findPending(group, id, inGroup);
    const idleMs = c.nowMs - groups.deliveredMs(inGroup);
    if (minIdleMs !== 0 && idleMs < minIdleMs) continue;
    groups.name(groups.consumerOf(inGroup), name);
    groups.deliveries(inGroup, deliveries);
    reply.array(4);
    replyId(reply, id);
    reply.bulk(name.buf, name.off, name.len);
    reply.integer(Math.max(0, idleMs));
    replyInt64(reply, deliveries);
    n++;
  }
  reply.insertArray(mark, n);
}

export const streamPendingCommands: readonly Command[] = [
  command({ name: 'xack', arity: -4, flags: 'write fast', group: 'stream', since: '5.0.0', keys: [keysAt(1, 'RW update')], run: xack }),
  command({
    name: 'xpending', arity: -3, flags: 'readonly', group: 'stream', since: '5.0.0', keys: [keysAt(1, 'RO access')],
    tips: ['nondeterministic_output'], run: xpending,
  }),
];
