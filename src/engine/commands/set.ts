/** Sets: members of one set. SPOP, SRANDMEMBER and SSCAN stand in set-choice.ts, algebra in set-algebra.ts. */
import type { Call } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import { WRONG_TYPE } from '../error-texts.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { EntryType } from '../memory/entries.ts';
import { setAlgebraCommands } from './set-algebra.ts';
import { setChoiceCommands } from './set-choice.ts';

function sadd(c: Call): void {
  const { req } = c;
  const { sets } = c.engine.types;
  const { argc, buf, off, len } = req;
  let ref = c.lookupWriteTyped(1, EntryType.set);
  if (ref === 0) {
    ref = c.addCollection(1, EntryType.set);
    sets.begin(ref, buf, off[2]!, len[2]!, argc - 2);
  } else sets.expect(ref, argc - 2);
  let added = 0;
  for (let i = 2; i < argc; i++) if (sets.add(ref, buf, off[i]!, len[i]!)) added++;
  if (added > 0) {
    c.modified(1);
    c.notify(KeyEvent.set, 'sadd', 1);
    c.changed(added);
  }
  c.reply.integer(added);
}

function srem(c: Call): void {
  const { req } = c;
  const { sets } = c.engine.types;
  const ref = c.lookupWriteTyped(1, EntryType.set);
  let removed = 0;
  let isGone = false;
  for (let i = 2; ref !== 0 && !isGone && i < req.argc; i++) {
    if (!sets.remove(ref, req.buf, req.off[i]!, req.len[i]!)) continue;
    removed++;
    isGone = sets.length(ref) === 0;
    if (isGone) c.removeKey(1);
  }
  if (removed > 0) {
    c.modified(1);
    c.notify(KeyEvent.set, 'srem', 1);
    if (isGone) c.notify(KeyEvent.generic, 'del', 1);
    c.changed(removed);
  }
  c.reply.integer(removed);
}

function sismember(c: Call): void {
  const { req } = c;
  const ref = c.lookupTyped(1, EntryType.set);
  c.reply.integer(ref !== 0 && c.engine.types.sets.has(ref, req.buf, req.off[2]!, req.len[2]!) ? 1 : 0);
}

function smismember(c: Call): void {
  const { req } = c;
  const { sets } = c.engine.types;
  const ref = c.lookupTyped(1, EntryType.set);
  c.reply.array(req.argc - 2);
  for (let i = 2; i < req.argc; i++) c.reply.integer(ref !== 0 && sets.has(ref, req.buf, req.off[i]!, req.len[i]!) ? 1 : 0);
}

function smembers(c: Call): void {
  const { sets } = c.engine.types;
  const ref = c.lookupTyped(1, EntryType.set);
  c.reply.set(ref === 0 ? 0 : sets.length(ref));
  if (ref === 0) return;
  const cursor = sets.walk(ref);
  while (cursor.next()) c.reply.bulk(cursor.member.buf, cursor.member.off, cursor.member.len);
}

function scard(c: Call): void {
  const ref = c.lookupTyped(1, EntryType.set);
  c.reply.integer(ref === 0 ? 0 : c.engine.types.sets.length(ref));
}

function smove(c: Call): void {
  const { req, reply } = c;
  const { sets } = c.engine.types;
  const { buf } = req;
  const off = req.off[3]!;
  const len = req.len[3]!;
  const source = c.lookupWrite(1);
  let target = c.lookupWrite(2);
  if (source === 0) {
    reply.integer(0);
    return;
  }
  const { entries } = c.engine.keyspace;
  if (entries.type(source) !== EntryType.set || (target !== 0 && entries.type(target) !== EntryType.set)) throw WRONG_TYPE;
  if (source === target) {
    reply.integer(sets.has(source, buf, off, len) ? 1 : 0);
    return;
  }
  if (!sets.remove(source, buf, off, len)) {
    reply.integer(0);
    return;
  }
  const isGone = sets.length(source) === 0;
  if (isGone) c.removeKey(1);
  c.modified(1);
  c.notify(KeyEvent.set, 'srem', 1);
  if (isGone) c.notify(KeyEvent.generic, 'del', 1);
  if (target === 0) {
    target = c.addCollection(2, EntryType.set);
    sets.begin(target, buf, off, len, 1);
  }
  const added = sets.add(target, buf, off, len);
  if (added) {
    c.modified(2);
    c.notify(KeyEvent.set, 'sadd', 2);
  }
  c.changed(added ? 2 : 1);
  reply.integer(1);
}

const RO = [keysAt(1, 'RO')];

export const setCommands: readonly Command[] = [
  command({
    name: 'sadd', arity: -3, flags: 'write denyoom fast', group: 'set', since: '1.0.0', keys: [keysAt(1, 'RW insert')],
    run: sadd,
  }),
  command({ name: 'srem', arity: -3, flags: 'write fast', group: 'set', since: '1.0.0', keys: [keysAt(1, 'RW delete')], run: srem }),
  command({ name: 'sismember', arity: 3, flags: 'readonly fast', group: 'set', since: '1.0.0', keys: RO, run: sismember }),
  command({ name: 'smismember', arity: -3, flags: 'readonly fast', group: 'set', since: '6.2.0', keys: [keysAt(1, 'RO access')], run: smismember }),
  command({
    name: 'smembers', arity: 2, flags: 'readonly', group: 'set', since: '1.0.0', keys: [keysAt(1, 'RO access')],
    tips: ['nondeterministic_output_order'], run: smembers,
  }),
  command({ name: 'scard', arity: 2, flags: 'readonly fast', group: 'set', since: '1.0.0', keys: RO, run: scard }),
  command({
    name: 'smove', arity: 4, flags: 'write fast', group: 'set', since: '1.0.0', keys: [keysAt(1, 'RW access delete'), keysAt(2, 'RW insert')],
    run: smove,
  }),
  ...setChoiceCommands,
  ...setAlgebraCommands,
];
