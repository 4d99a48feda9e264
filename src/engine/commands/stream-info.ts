/** XINFO: what is known of a stream, its groups and their consumers. */
import { Int64 } from '../../shared/int64.ts';
import { StreamId } from '../../shared/stream-id.ts';
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import { NO_SUCH_KEY, badSubcommand, noSuchGroupForKey } from '../error-texts.ts';
import type { Address } from '../memory/arena.ts';
import { Bytes, EntryType } from '../memory/entries.ts';
import { NEVER_ACTIVE_MS, PendingCursor } from '../types/stream-groups.ts';
import { helpHandler } from './help.ts';
import { radixNodes } from './radix-nodes.ts';
import { MAX_ID, MIN_ID, groupArgument, replyBig, replyEntries, replyEntry, replyId, replyInt64 } from './stream-arguments.ts';

/** XINFO STREAM … FULL: so many of each are shown unless told otherwise. */
const COUNT_DEFAULT = 10;

const id = new StreamId();
const int64 = new Int64();
const name = new Bytes();
const cursor = new PendingCursor();
const inGroup = new PendingCursor();

function streamArgument(c: Call): Ref {
  const ref = c.lookupTyped(2, EntryType.stream);
  if (ref === 0) throw NO_SUCH_KEY;
  return ref;
}

function replyName(c: Call, record: Address): void {
  c.engine.types.streams.groups.name(record, name);
  c.reply.bulkString('name');
  c.reply.bulk(name.buf, name.off, name.len);
}

function replyNumber(c: Call, field: string, value: number): void {
  c.reply.bulkString(field);
  c.reply.integer(value);
}

/** Writes the id in `id` as a field. */
function replyIdField(c: Call, field: string): void {
  c.reply.bulkString(field);
  replyId(c.reply, id);
}

/** How far a group has read: three fields of it. */
function replyProgress(c: Call, ref: Ref, group: Address): void {
  const { reply } = c;
  const { streams } = c.engine.types;
  streams.groups.lastId(group, id);
  replyIdField(c, 'last-delivered-id');
  reply.bulkString('entries-read');
  streams.groups.entriesRead(group, int64);
  if (int64.hi < 0) reply.null();
  else replyInt64(reply, int64);
  reply.bulkString('lag');
  const lag = streams.lag(ref, group);
  if (lag === null) reply.null();
  else replyBig(reply, lag);
}

function consumers(c: Call): void {
  const { reply } = c;
  const { groups } = c.engine.types.streams;
  const group = groupArgument(c, streamArgument(c), 3);
  if (group === 0) throw noSuchGroupForKey(c.string(2), c.string(3));
  reply.array(groups.consumers(group));
  for (let n = 0; n < groups.consumers(group); n++) {
    const consumer = groups.consumerAt(group, n);
    const activeMs = groups.activeMs(consumer);
    reply.map(4);
    replyName(c, consumer);
    replyNumber(c, 'pending', groups.pending(consumer));
    replyNumber(c, 'idle', Math.max(0, c.nowMs - groups.seenMs(consumer)));
    replyNumber(c, 'inactive', activeMs === NEVER_ACTIVE_MS ? -1 : c.nowMs - activeMs);
  }
}

function groupsOf(c: Call): void {
  const { reply } = c;
  const { streams } = c.engine.types;
  const { groups } = streams;
  const ref = streamArgument(c);
  const root = streams.root(ref);
  reply.array(groups.count(root));
  for (let n = 0; n < groups.count(root); n++) {
    const group = groups.at(root, n);
    reply.map(6);
    replyName(c, group);
    replyNumber(c, 'consumers', groups.consumers(group));
    replyNumber(c, 'pending', groups.pending(group));
    replyProgress(c, ref, group);
  }
}

/** The COUNT of XINFO STREAM key FULL [COUNT count]; -1 without FULL. */
function fullCount(c: Call): number {
  const { req } = c;
  if (req.argc === 3) return -1;
  const isFull = req.is(3, 'FULL') && (req.argc === 4 || (req.argc === 6 && req.is(4, 'COUNT')));
  if (!isFull) throw badSubcommand('XINFO', c.string(1));
  if (req.argc === 4) return COUNT_DEFAULT;
  const count = c.integer(5);
  return count < 0 ? COUNT_DEFAULT : count;
}

function stream(c: Call): void {
  const { reply } = c;
  const { streams } = c.engine.types;
  const ref = streamArgument(c);
  const count = fullCount(c);
  reply.map(count < 0 ? 10 : 9);
  replyNumber(c, 'length', streams.length(ref));
  replyNumber(c, 'radix-tree-keys', streams.nodeCount(ref));
  replyNumber(c, 'radix-tree-nodes', radixNodes(streams, ref));
  streams.lastId(ref, id);
  replyIdField(c, 'last-generated-id');
  streams.maxDeletedId(ref, id);
  replyIdField(c, 'max-deleted-entry-id');
  reply.bulkString('entries-added');
  streams.entriesAdded(ref, int64);
  replyInt64(reply, int64);
  streams.firstId(ref, id);
  replyIdField(c, 'recorded-first-entry-id');
  if (count < 0) {
    replyNumber(c, 'groups', streams.groups.count(streams.root(ref)));
    replyEdge(c, ref, 'first-entry', false);
    replyEdge(c, ref, 'last-entry', true);
    return;
  }
  reply.bulkString('entries');
  replyEntries(c, ref, MIN_ID, MAX_ID, count, false);
  replyFullGroups(c, ref, count);
}

function replyEdge(c: Call, ref: Ref, field: string, isLast: boolean): void {
  const entry = c.engine.types.streams.walk(ref, MIN_ID, MAX_ID, isLast);
  c.reply.bulkString(field);
  if (entry.next()) replyEntry(c.reply, entry);
  else c.reply.null();
}

function replyFullGroups(c: Call, ref: Ref, count: number): void {
  const { reply } = c;
  const { streams } = c.engine.types;
  const { groups } = streams;
  const root = streams.root(ref);
  reply.bulkString('groups');
  reply.array(groups.count(root));
  for (let n = 0; n < groups.count(root); n++) {
    const group = groups.at(root, n);
    reply.map(7);
    replyName(c, group);
    replyProgress(c, ref, group);
    replyNumber(c, 'pel-count', groups.pending(group));
    replyPending(c, group, group, count);
    reply.bulkString('consumers');
    reply.array(groups.consumers(group));
    for (let i = 0; i < groups.consumers(group); i++) {
      const consumer = groups.consumerAt(group, i);
      reply.map(5);
      replyName(c, consumer);
      replyNumber(c, 'seen-time', groups.seenMs(consumer));
      replyNumber(c, 'active-time', groups.activeMs(consumer));
      replyNumber(c, 'pel-count', groups.pending(consumer));
      replyPending(c, group, consumer, count);
    }
  }
}

/** Up to `count` entries (0: all) that are pending with the owner; a group's with their consumers. */
function replyPending(c: Call, group: Address, owner: Address, count: number): void {
  const { reply } = c;
  const { groups } = c.engine.types.streams;
  reply.bulkString('pending');
  const mark = reply.mark();
  let n = 0;
  for (let more = groups.firstPending(owner, cursor); more && (count === 0 || n < count); more = groups.nextPending(cursor)) {
    groups.pendingId(cursor, id);
    groups.findPending(group, id, inGroup);
    reply.array(owner === group ? 4 : 3);
    replyId(reply, id);
    if (owner === group) {
      groups.name(groups.consumerOf(inGroup), name);
      reply.bulk(name.buf, name.off, name.len);
    }
    reply.integer(groups.deliveredMs(inGroup));
    groups.deliveries(inGroup, int64);
    replyInt64(reply, int64);
    n++;
  }
  reply.insertArray(mark, n);
}

const HELP = [
  'XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'CONSUMERS <key> <groupname>',
  '    Show consumers of <groupname>.',
  'GROUPS <key>',
  '    Show the stream consumer groups.',
  'STREAM <key> [FULL [COUNT <count>]',
  '    Show information about the stream.',
  'HELP',
  '    Prints this help.',
];

const ROW = { group: 'stream', since: '5.0.0' } as const;
const LOOK = { ...ROW, flags: 'readonly', keys: [keysAt(2, 'RO access')] } as const;

export const streamInfoCommands: readonly Command[] = [
  command({
    ...ROW, name: 'xinfo', arity: -2, flags: '',
    subcommands: [
      command({ ...LOOK, name: 'xinfo|stream', arity: -3, run: stream }),
      command({ ...LOOK, name: 'xinfo|groups', arity: 3, run: groupsOf }),
      command({ ...LOOK, name: 'xinfo|consumers', arity: 4, tips: ['nondeterministic_output'], run: consumers }),
      command({ ...ROW, name: 'xinfo|help', arity: 2, flags: 'loading stale', run: helpHandler(HELP) }),
    ],
  }),
];
