/** SPOP, SRANDMEMBER and SSCAN: some of a set's members. */
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import { NOT_POSITIVE, SYNTAX } from '../error-texts.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { EntryType } from '../memory/entries.ts';
import { RANDOM_BATCH, randomCount, repliesFor } from './random-count.ts';
import { replyEmptyScan, scanCursor, scanOptions } from './scan-options.ts';

/** SPOP of all but a few makes the set small again: where fewer than a fifth of what was popped remain, as in Redis. */
const POP_REBUILD_RATIO = 5;

function sscan(c: Call): void {
  const cursor = scanCursor(c, 2);
  const ref = c.lookupTyped(1, EntryType.set);
  if (ref === 0) {
    replyEmptyScan(c);
    return;
  }
  const options = scanOptions(c, 3, 'set');
  const { reply } = c;
  const { sets } = c.engine.types;
  const next = sets.scan(ref, cursor, options.count);
  reply.array(2);
  reply.bulkString(String(next));
  const mark = reply.mark();
  let n = 0;
  for (let i = 0; i < sets.chosen; i++) {
    const member = sets.readChosen(ref, i);
    if (!options.matches(c, member.buf, member.off, member.len)) continue;
    reply.bulk(member.buf, member.off, member.len);
    n++;
  }
  reply.insertArray(mark, n);
}

function replyChosen(c: Call, ref: Ref): void {
  const { sets } = c.engine.types;
  for (let i = 0; i < sets.chosen; i++) {
    const member = sets.readChosen(ref, i);
    c.reply.bulk(member.buf, member.off, member.len);
  }
}

function srandmember(c: Call): void {
  const { req, reply } = c;
  if (req.argc > 3) throw SYNTAX;
  const { sets } = c.engine.types;
  if (req.argc === 2) {
    const ref = c.lookupTyped(1, EntryType.set);
    if (ref === 0) {
      reply.null();
      return;
    }
    sets.choose(ref, 1, false);
    replyChosen(c, ref);
    return;
  }
  const count = randomCount(c, 2);
  const ref = c.lookupTyped(1, EntryType.set);
  if (ref === 0 || count === 0) {
    reply.array(0);
    return;
  }
  const total = repliesFor(count, sets.length(ref));
  reply.array(total);
  if (count > 0) {
    sets.choose(ref, total, true);
    replyChosen(c, ref);
    return;
  }
  for (let left = total; left > 0 && !reply.isFull; left -= RANDOM_BATCH) {
    sets.choose(ref, Math.min(left, RANDOM_BATCH), false);
    replyChosen(c, ref);
  }
}

/** Throws if the log cannot take the members chosen, where they must be named. */
function mustFitChosen(c: Call, ref: Ref): void {
  const { sets } = c.engine.types;
  if (sets.chosen === sets.length(ref)) return;
  let bytes = 0;
  for (let i = 0; i < sets.chosen; i++) bytes += sets.readChosen(ref, i).len;
  c.mustFitRecord(sets.chosen, bytes);
}

/** Takes out the members chosen: logs them as SREM, or DEL where none remain. */
function popChosen(c: Call, ref: Ref): void {
  const { sets } = c.engine.types;
  const popped = sets.chosen;
  const remaining = sets.length(ref) - popped;
  c.notify(KeyEvent.set, 'spop', 1);
  if (remaining === 0) {
    c.removeKey(1);
    c.notify(KeyEvent.generic, 'del', 1);
    c.effect('DEL', 2);
    c.effectArg(1);
    return;
  }
  c.effect('SREM', popped + 2);
  c.effectArg(1);
  for (let i = 0; i < popped; i++) {
    const member = sets.readChosen(ref, i);
    c.effectBytes(member.buf, member.off, member.len);
  }
  sets.removeChosen(ref);
  if (remaining * POP_REBUILD_RATIO <= popped) sets.rebuild(ref);
  c.modified(1);
}

function spop(c: Call): void {
  const { req, reply } = c;
  if (req.argc > 3) throw SYNTAX;
  const { sets } = c.engine.types;
  if (req.argc === 2) {
    const ref = c.lookupWriteTyped(1, EntryType.set);
    if (ref === 0) {
      reply.null();
      return;
    }
    sets.choose(ref, 1, false);
    replyChosen(c, ref);
    popChosen(c, ref);
    return;
  }
  const count = c.integer(2, NOT_POSITIVE);
  if (count < 0) throw NOT_POSITIVE;
  const ref = c.lookupWriteTyped(1, EntryType.set);
  if (ref === 0 || count === 0) {
    reply.set(0);
    return;
  }
  sets.choose(ref, count, true);
  mustFitChosen(c, ref);
  reply.set(sets.chosen);
  replyChosen(c, ref);
  popChosen(c, ref);
}

const RO_ACCESS = [keysAt(1, 'RO access')];

export const setChoiceCommands: readonly Command[] = [
  command({
    name: 'spop', arity: -2, flags: 'write fast', group: 'set', since: '1.0.0', keys: [keysAt(1, 'RW access delete')],
    tips: ['nondeterministic_output'], run: spop,
  }),
  command({
    name: 'srandmember', arity: -2, flags: 'readonly', group: 'set', since: '1.0.0', keys: RO_ACCESS,
    tips: ['nondeterministic_output'], run: srandmember,
  }),
  command({
    name: 'sscan', arity: -3, flags: 'readonly', group: 'set', since: '2.8.0', keys: RO_ACCESS,
    tips: ['nondeterministic_output'], run: sscan,
  }),
];
