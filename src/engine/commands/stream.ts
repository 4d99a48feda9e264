/** Streams: adding, deleting and ranges. Trimming stands in stream-trim.ts, reading in stream-read.ts, groups in stream-group.ts. */
import { Int64 } from '../../shared/int64.ts';
import { StreamId } from '../../shared/stream-id.ts';
import type { Call } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import {
  NO_SUCH_KEY, SYNTAX, XADD_EXHAUSTED, XADD_SMALL_ID, XADD_TOO_LARGE, XADD_ZERO_ID, XSETID_ADDED_BELOW_LENGTH,
  XSETID_ADDED_NEGATIVE, XSETID_BELOW_MAX_DELETED, XSETID_BELOW_MAX_DELETED_GIVEN, XSETID_BELOW_TOP, wrongArity,
} from '../error-texts.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { EntryType } from '../memory/entries.ts';
import { ENTRY_BYTES_MAX } from '../types/stream.ts';
import { IdList, effectRepliedId, endArgument, idArgument, idArguments, replyEntries, replyId, startArgument } from './stream-arguments.ts';
import { streamClaimCommands } from './stream-claim.ts';
import { streamGroupCommands } from './stream-group.ts';
import { streamInfoCommands } from './stream-info.ts';
import { streamPendingCommands } from './stream-pending.ts';
import { streamReadCommands } from './stream-read.ts';
import { IdForm, options, parseTrim, streamTrimCommands } from './stream-trim.ts';

const id = new StreamId();
const other = new StreamId();
const ids = new IdList();

/** Makes `id` that of the entry to be added behind `last`, as the options ask for it. */
function chooseId(c: Call, last: StreamId): void {
  if (last.isMax()) throw XADD_EXHAUSTED;
  if (options.idForm === IdForm.auto) {
    id.setMs(c.nowMs);
    if (id.sameMs(last) || id.compare(last) < 0) id.copy(last).increment();
    return;
  }
  id.copy(options.id);
  if (options.idForm === IdForm.autoSequence && id.sameMs(last)) {
    id.copy(last).increment();
    if (!id.sameMs(last)) throw XADD_SMALL_ID;
  }
  if (id.compare(last) <= 0) throw XADD_SMALL_ID;
}

function xadd(c: Call): void {
  const { req, reply } = c;
  const { streams } = c.engine.types;
  const idAt = parseTrim(c, true);
  const first = idAt + 1;
  if (req.argc - first < 2 || (req.argc - first) % 2 === 1) throw wrongArity('xadd');
  if (options.idForm === IdForm.full && options.id.isZero()) throw XADD_ZERO_ID;
  let ref = c.lookupWriteTyped(1, EntryType.stream);
  if (ref === 0 && options.noMakeStream) {
    reply.null();
    return;
  }
  if (ref === 0) other.setMin();
  else streams.lastId(ref, other);
  chooseId(c, other);
  let bytes = 0;
  for (let i = first; i < req.argc; i++) bytes += req.len[i]!;
  if (bytes > ENTRY_BYTES_MAX) throw XADD_TOO_LARGE;
  if (ref === 0) {
    ref = c.addCollection(1, EntryType.stream);
    streams.begin(ref);
  } else c.modified(1);
  streams.append(ref, id, req, first, bytes);
  replyId(reply, id);
  c.notify(KeyEvent.stream, 'xadd', 1);
  const trimmed = options.isGiven ? streams.trim(ref, options) : 0;
  if (trimmed > 0) c.notify(KeyEvent.stream, 'xtrim', 1);
  if (options.idForm === IdForm.full && !options.isApproximate) {
    c.changed();
    return;
  }
  c.effect('XADD', req.argc - first + 3 + (trimmed > 0 ? 3 : 0));
  c.effectArg(1);
  if (trimmed > 0) {
    c.effectText('MAXLEN');
    c.effectText('=');
    c.effectInteger(streams.length(ref));
  }
  effectRepliedId(c);
  for (let i = first; i < req.argc; i++) c.effectArg(i);
}

function xlen(c: Call): void {
  const ref = c.lookupTyped(1, EntryType.stream);
  c.reply.integer(ref === 0 ? 0 : c.engine.types.streams.length(ref));
}

function range(c: Call, isReverse: boolean): void {
  const { req, reply } = c;
  startArgument(c, isReverse ? 3 : 2, id);
  endArgument(c, isReverse ? 2 : 3, other);
  let count = -1;
  for (let i = 4; i < req.argc; i += 2) {
    if (!req.is(i, 'COUNT') || i + 1 >= req.argc) throw SYNTAX;
    count = Math.max(0, c.integer(i + 1));
  }
  const ref = c.lookupTyped(1, EntryType.stream);
  if (ref === 0) reply.array(0);
  else if (count === 0) reply.nullArray();
  else replyEntries(c, ref, id, other, Math.max(0, count), isReverse);
}

function xrange(c: Call): void {
  range(c, false);
}

function xrevrange(c: Call): void {
  range(c, true);
}

function xdel(c: Call): void {
  const ref = c.lookupWriteTyped(1, EntryType.stream);
  let deleted = 0;
  if (ref !== 0) {
    idArguments(c, 2, ids);
    for (let i = 0; i < ids.length; i++) if (c.engine.types.streams.delete(ref, ids.at(i))) deleted++;
  }
  if (deleted > 0) {
    c.modified(1);
    c.notify(KeyEvent.stream, 'xdel', 1);
    c.changed(deleted);
  }
  c.reply.integer(deleted);
}

function xsetid(c: Call): void {
  const { req } = c;
  const { streams } = c.engine.types;
  const added = new Int64().setNumber(-1);
  const maxDeleted = new StreamId();
  idArgument(c, 2, id);
  for (let i = 3; i < req.argc; i += 2) {
    const hasValue = i + 1 < req.argc;
    if (hasValue && req.is(i, 'ENTRIESADDED')) {
      c.int64(i + 1, added);
      if (added.hi < 0) throw XSETID_ADDED_NEGATIVE;
    } else if (hasValue && req.is(i, 'MAXDELETEDID')) {
      idArgument(c, i + 1, maxDeleted);
      if (id.compare(maxDeleted) < 0) throw XSETID_BELOW_MAX_DELETED_GIVEN;
    } else throw SYNTAX;
  }
  const ref = c.lookupWriteTyped(1, EntryType.stream);
  if (ref === 0) throw NO_SUCH_KEY;
  streams.maxDeletedId(ref, other);
  if (id.compare(other) < 0) throw XSETID_BELOW_MAX_DELETED;
  const length = streams.length(ref);
  if (length > 0) {
    streams.lastEntryId(ref, other);
    if (id.compare(other) < 0) throw XSETID_BELOW_TOP;
    if (added.hi >= 0 && added.toNumber() < length) throw XSETID_ADDED_BELOW_LENGTH;
  }
  streams.setLastId(ref, id);
  if (added.hi >= 0) streams.setEntriesAdded(ref, added);
  if (!maxDeleted.isZero()) streams.setMaxDeletedId(ref, maxDeleted);
  c.modifiedQuietly(1);
  c.notify(KeyEvent.stream, 'xsetid', 1);
  c.changed();
  c.reply.ok();
}

const RANGE = [keysAt(1, 'RO access')];
const UPDATE = [keysAt(1, 'RW update')];

export const streamCommands: readonly Command[] = [
  command({
    name: 'xadd', arity: -5, flags: 'write denyoom fast', group: 'stream', since: '5.0.0', keys: UPDATE,
    tips: ['nondeterministic_output'], run: xadd,
  }),
  command({ name: 'xlen', arity: 2, flags: 'readonly fast', group: 'stream', since: '5.0.0', keys: [keysAt(1, 'RO')], run: xlen }),
  command({ name: 'xrange', arity: -4, flags: 'readonly', group: 'stream', since: '5.0.0', keys: RANGE, run: xrange }),
  command({ name: 'xrevrange', arity: -4, flags: 'readonly', group: 'stream', since: '5.0.0', keys: RANGE, run: xrevrange }),
  command({
    name: 'xdel', arity: -3, flags: 'write fast', group: 'stream', since: '5.0.0', keys: [keysAt(1, 'RW delete')], run: xdel,
  }),
  command({ name: 'xsetid', arity: -3, flags: 'write denyoom fast', group: 'stream', since: '5.0.0', keys: UPDATE, run: xsetid }),
  ...streamTrimCommands,
  ...streamReadCommands,
  ...streamGroupCommands,
  ...streamPendingCommands,
  ...streamClaimCommands,
  ...streamInfoCommands,
];
