/** Lists: pushing, popping, and elements by index or value. Moves stand in list-move.ts, blocking pops in list-pop.ts. */
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import { NO_SUCH_KEY, OUT_OF_RANGE, SYNTAX } from '../error-texts.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { Bytes, EntryType } from '../memory/entries.ts';
import { listMoveCommands } from './list-move.ts';
import { listPopCommands } from './list-pop.ts';
import { listSearchCommands } from './list-search.ts';

const bytes = new Bytes();

function pushAll(c: Call, atHead: boolean, onlyIfThere: boolean): void {
  const { req } = c;
  const { lists } = c.engine.types;
  const { argc, buf, off, len } = req;
  let ref = c.lookupWriteTyped(1, EntryType.list);
  if (ref === 0 && onlyIfThere) {
    c.reply.integer(0);
    return;
  }
  let total = 0;
  for (let i = 2; i < argc; i++) total += len[i]!;
  if (ref === 0) {
    ref = c.addCollection(1, EntryType.list);
    lists.begin(ref, argc - 2, total);
  } else {
    c.modified(1);
    lists.expect(ref, argc - 2, total);
  }
  for (let i = 2; i < argc; i++) lists.push(ref, atHead, buf, off[i]!, len[i]!);
  c.notify(KeyEvent.list, atHead ? 'lpush' : 'rpush', 1);
  c.changed(argc - 2);
  c.reply.integer(lists.length(ref));
}

function lpush(c: Call): void {
  pushAll(c, true, false);
}

function rpush(c: Call): void {
  pushAll(c, false, false);
}

function lpushx(c: Call): void {
  pushAll(c, true, true);
}

function rpushx(c: Call): void {
  pushAll(c, false, true);
}

function llen(c: Call): void {
  const ref = c.lookupTyped(1, EntryType.list);
  c.reply.integer(ref === 0 ? 0 : c.engine.types.lists.length(ref));
}

/** The index that argument i counts from either end; -1 or less, or the length or more, where there is no such element. */
function indexAt(c: Call, i: number, ref: Ref): number {
  const index = c.integer(i);
  return index < 0 ? index + c.engine.types.lists.length(ref) : index;
}

function lindex(c: Call): void {
  const { lists } = c.engine.types;
  const ref = c.lookupTyped(1, EntryType.list);
  if (ref === 0) {
    c.reply.null();
    return;
  }
  const index = indexAt(c, 2, ref);
  if (index < 0 || index >= lists.length(ref)) {
    c.reply.null();
    return;
  }
  lists.get(ref, index, bytes);
  c.reply.bulk(bytes.buf, bytes.off, bytes.len);
}

function lset(c: Call): void {
  const { req } = c;
  const { lists } = c.engine.types;
  const ref = c.lookupWriteTyped(1, EntryType.list);
  if (ref === 0) throw NO_SUCH_KEY;
  const index = indexAt(c, 2, ref);
  if (index < 0 || index >= lists.length(ref)) throw OUT_OF_RANGE;
  lists.expect(ref, 1, req.len[3]!);
  lists.set(ref, index, req.buf, req.off[3]!, req.len[3]!);
  c.modified(1);
  c.notify(KeyEvent.list, 'lset', 1);
  c.changed();
  c.reply.ok();
}

function linsert(c: Call): void {
  const { req } = c;
  const { lists } = c.engine.types;
  const before = req.is(2, 'BEFORE');
  if (!before && !req.is(2, 'AFTER')) throw SYNTAX;
  const ref = c.lookupWriteTyped(1, EntryType.list);
  if (ref === 0) {
    c.reply.integer(0);
    return;
  }
  const pivot = lists.indexOf(ref, req.buf, req.off[3]!, req.len[3]!);
  if (pivot < 0) {
    c.reply.integer(-1);
    return;
  }
  lists.expect(ref, 1, req.len[4]!);
  lists.insertBefore(ref, before ? pivot : pivot + 1, req.buf, req.off[4]!, req.len[4]!);
  c.modified(1);
  c.notify(KeyEvent.list, 'linsert', 1);
  c.changed();
  c.reply.integer(lists.length(ref));
}

function lrange(c: Call): void {
  const { reply } = c;
  const { lists } = c.engine.types;
  let start = c.integer(2);
  let stop = c.integer(3);
  const ref = c.lookupTyped(1, EntryType.list);
  const length = ref === 0 ? 0 : lists.length(ref);
  if (start < 0) start = Math.max(start + length, 0);
  if (stop < 0) stop += length;
  const n = Math.min(stop, length - 1) - start + 1;
  if (n <= 0) {
    reply.array(0);
    return;
  }
  reply.array(n);
  const cursor = lists.walk(ref, start);
  const { element } = cursor;
  for (let i = 0; i < n; i++) {
    cursor.next();
    reply.bulk(element.buf, element.off, element.len);
  }
}

function lrem(c: Call): void {
  const { req } = c;
  const { lists } = c.engine.types;
  const count = c.integer(2);
  const ref = c.lookupWriteTyped(1, EntryType.list);
  if (ref === 0) {
    c.reply.integer(0);
    return;
  }
  const max = count === 0 ? Infinity : Math.abs(count);
  const removed = lists.removeEqual(ref, req.buf, req.off[3]!, req.len[3]!, max, count < 0);
  if (removed > 0) {
    const isGone = lists.length(ref) === 0;
    if (isGone) c.removeKey(1);
    else c.modified(1);
    c.notify(KeyEvent.list, 'lrem', 1);
    if (isGone) c.notify(KeyEvent.generic, 'del', 1);
    c.changed(removed);
  }
  c.reply.integer(removed);
}

function ltrim(c: Call): void {
  const { lists } = c.engine.types;
  let start = c.integer(2);
  let stop = c.integer(3);
  const ref = c.lookupWriteTyped(1, EntryType.list);
  if (ref !== 0) {
    const length = lists.length(ref);
    if (start < 0) start = Math.max(start + length, 0);
    if (stop < 0) stop += length;
    stop = Math.min(stop, length - 1);
    // Redis says so even where nothing was to be trimmed.
    c.notify(KeyEvent.list, 'ltrim', 1);
    if (start > stop) {
      c.removeKey(1);
      c.notify(KeyEvent.generic, 'del', 1);
      c.changed(length);
    } else if (stop - start + 1 < length) {
      lists.trim(ref, start, length - 1 - stop);
      c.modified(1);
      c.changed(length - (stop - start + 1));
    } else c.rewritten(1);
  }
  c.reply.ok();
}

const RO = [keysAt(1, 'RO')];
const RO_ACCESS = [keysAt(1, 'RO access')];
const INSERT = [keysAt(1, 'RW insert')];
const DELETE = [keysAt(1, 'RW delete')];

export const listCommands: readonly Command[] = [
  command({ name: 'lpush', arity: -3, flags: 'write denyoom fast', group: 'list', since: '1.0.0', keys: INSERT, run: lpush }),
  command({ name: 'rpush', arity: -3, flags: 'write denyoom fast', group: 'list', since: '1.0.0', keys: INSERT, run: rpush }),
  command({ name: 'lpushx', arity: -3, flags: 'write denyoom fast', group: 'list', since: '2.2.0', keys: INSERT, run: lpushx }),
  command({ name: 'rpushx', arity: -3, flags: 'write denyoom fast', group: 'list', since: '2.2.0', keys: INSERT, run: rpushx }),
  command({ name: 'llen', arity: 2, flags: 'readonly fast', group: 'list', since: '1.0.0', keys: RO, run: llen }),
  command({ name: 'lindex', arity: 3, flags: 'readonly', group: 'list', since: '1.0.0', keys: RO_ACCESS, run: lindex }),
  command({
    name: 'lset', arity: 4, flags: 'write denyoom', group: 'list', since: '1.0.0', keys: [keysAt(1, 'RW update')], run: lset,
  }),
  command({ name: 'linsert', arity: 5, flags: 'write denyoom', group: 'list', since: '2.2.0', keys: INSERT, run: linsert }),
  command({ name: 'lrange', arity: 4, flags: 'readonly', group: 'list', since: '1.0.0', keys: RO_ACCESS, run: lrange }),
  command({ name: 'lrem', arity: 4, flags: 'write', group: 'list', since: '1.0.0', keys: DELETE, run: lrem }),
  command({ name: 'ltrim', arity: 4, flags: 'write', group: 'list', since: '1.0.0', keys: DELETE, run: ltrim }),
  ...listSearchCommands,
  ...listPopCommands,
  ...listMoveCommands,
];
