/** SINTER, SUNION and SDIFF, their STORE forms, and SINTERCARD. */
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt, keysCounted, keysThrough } from '../command.ts';
import { LIMIT_NEGATIVE, NUMKEYS_NOT_POSITIVE, SYNTAX, TOO_FEW_KEYS } from '../error-texts.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import type { Address } from '../memory/arena.ts';
import { EntryType } from '../memory/entries.ts';
import type { SetCursor } from '../types/set-cursor.ts';

/** The sets at argument `first` and after, 0 for a missing one. Throws WRONGTYPE for any that is something else. */
function inputs(c: Call, first: number, count: number): Ref[] {
  const refs: Ref[] = [];
  for (let i = first; i < first + count; i++) refs.push(c.lookupTyped(i, EntryType.set));
  return refs;
}

/** Makes a result the set at argument 1, whatever stood there; an empty result removes the key. Replies its size. */
function store(c: Call, result: Address): void {
  const { sets } = c.engine.types;
  const size = result === 0 ? 0 : sets.lengthValue(result);
  const removed = c.lookupWrite(1) !== 0 && c.removeKey(1);
  if (size > 0) {
    sets.attachValue(c.addCollection(1, EntryType.set, !removed), result);
    c.notify(KeyEvent.set, c.command!.name, 1);
  } else {
    if (result !== 0) sets.freeValue(result);
    if (removed) c.notify(KeyEvent.generic, 'del', 1);
  }
  if (size > 0 || removed) c.changed();
  c.reply.integer(size);
}

/** Replies a result and gives it up. */
function replyResult(c: Call, result: Address): void {
  const { sets } = c.engine.types;
  c.reply.set(sets.lengthValue(result));
  const cursor = sets.walkValue(result);
  while (cursor.next()) c.reply.bulk(cursor.member.buf, cursor.member.off, cursor.member.len);
  sets.freeValue(result);
}

// ---- Intersection ----

/** Opens a cursor on the smallest set and puts that first; null where a set is missing. */
function openSmallest(c: Call, refs: Ref[]): SetCursor | null {
  const { sets } = c.engine.types;
  if (refs.includes(0)) return null;
  refs.sort((a, b) => sets.length(a) - sets.length(b));
  return sets.walk(refs[0]!);
}

/** Whether all sets but the first have the cursor's member. */
function inOthers(c: Call, refs: readonly Ref[], cursor: SetCursor): boolean {
  const { sets } = c.engine.types;
  for (let j = 1; j < refs.length; j++) {
    // The same set named twice has its own members.
    if (refs[j] !== refs[0] && !sets.hasMember(refs[j]!, cursor)) return false;
  }
  return true;
}

function sinter(c: Call): void {
  const refs = inputs(c, 1, c.req.argc - 1);
  const cursor = openSmallest(c, refs);
  const { reply } = c;
  if (cursor === null) {
    reply.set(0);
    return;
  }
  const mark = reply.mark();
  let n = 0;
  while (cursor.next()) {
    if (!inOthers(c, refs, cursor)) continue;
    reply.bulk(cursor.member.buf, cursor.member.off, cursor.member.len);
    n++;
  }
  reply.insertSet(mark, n);
}

function sinterstore(c: Call): void {
  const refs = inputs(c, 2, c.req.argc - 2);
  const { sets } = c.engine.types;
  const cursor = openSmallest(c, refs);
  if (cursor === null) {
    store(c, 0);
    return;
  }
  // As in Redis: the result is no table at once because the smallest set is one, and all integers at the end are an intset.
  let result = sets.newValue(sets.encoding(refs[0]!) === 'intset' ? 'intset' : 'listpack', 0);
  let onlyIntegers = true;
  while (cursor.next()) {
    if (!inOthers(c, refs, cursor)) continue;
    const { member } = cursor;
    if (onlyIntegers && !cursor.isInts) onlyIntegers = sets.isInteger(member.buf, member.off, member.len);
    result = sets.addValue(result, member.buf, member.off, member.len);
  }
  store(c, onlyIntegers ? sets.integersValue(result) : result);
}

function sintercard(c: Call): void {
  const { req } = c;
  const count = c.integer(1, NUMKEYS_NOT_POSITIVE);
  if (count < 1) throw NUMKEYS_NOT_POSITIVE;
  if (count > req.argc - 2) throw TOO_FEW_KEYS;
  let limit = 0;
  for (let i = 2 + count; i < req.argc; i++) {
    if (!req.is(i, 'LIMIT') || i + 1 >= req.argc) throw SYNTAX;
    limit = c.integer(++i, LIMIT_NEGATIVE);
    if (limit < 0) throw LIMIT_NEGATIVE;
  }
  const refs = inputs(c, 2, count);
  const cursor = openSmallest(c, refs);
  let n = 0;
  while (cursor !== null && (limit === 0 || n < limit) && cursor.next()) if (inOthers(c, refs, cursor)) n++;
  c.reply.integer(n);
}

// ---- Union and difference ----

/**
 * An empty result to add to. A reply's is large at once unless all inputs are integers: looking up is what it is for.
 * One to be stored grows as if by SADD, so that it has the form of a set so made.
 */
function newResult(c: Call, refs: readonly Ref[], isStored: boolean): Address {
  const { sets } = c.engine.types;
  const allInts = refs.every((ref) => ref === 0 || sets.encoding(ref) === 'intset');
  return sets.newValue(isStored || allInts ? 'intset' : 'hashtable', 0);
}

function union(c: Call, refs: readonly Ref[], isStored: boolean): Address {
  let result = newResult(c, refs, isStored);
  for (const ref of refs) {
    if (ref !== 0) result = addAll(c, ref, result);
  }
  return result;
}

function addAll(c: Call, ref: Ref, result: Address): Address {
  const { sets } = c.engine.types;
  const cursor = sets.walk(ref);
  const { member } = cursor;
  while (cursor.next()) result = sets.addValue(result, member.buf, member.off, member.len);
  return result;
}

function difference(c: Call, refs: Ref[], isStored: boolean): Address {
  const { sets } = c.engine.types;
  const first = refs[0]!;
  let result = newResult(c, refs, isStored);
  if (first === 0) return result;
  const others = refs.filter((ref, j) => j > 0 && ref !== 0);
  if (others.includes(first)) return result;
  // Redis's choice: look every member of the first up in the others, or take every member of the others out of a copy.
  const size = sets.length(first);
  const removals = others.reduce((sum, ref) => sum + sets.length(ref), size);
  if (Math.floor((size * (others.length + 1)) / 2) > removals) return removeAll(c, others, addAll(c, first, result));
  // Big ones first: they are the likeliest to have a member.
  others.sort((a, b) => sets.length(b) - sets.length(a));
  const cursor = sets.walk(first);
  while (cursor.next()) {
    if (inAny(c, others, cursor)) continue;
    result = sets.addValue(result, cursor.member.buf, cursor.member.off, cursor.member.len);
  }
  return result;
}

function inAny(c: Call, refs: readonly Ref[], cursor: SetCursor): boolean {
  const { sets } = c.engine.types;
  for (let j = 0; j < refs.length; j++) if (sets.hasMember(refs[j]!, cursor)) return true;
  return false;
}

function removeAll(c: Call, refs: readonly Ref[], result: Address): Address {
  const { sets } = c.engine.types;
  for (const ref of refs) {
    const cursor = sets.walk(ref);
    const { member } = cursor;
    while (cursor.next()) {
      const without = sets.removeValue(result, member.buf, member.off, member.len);
      if (without !== 0) result = without;
      if (sets.lengthValue(result) === 0) return result;
    }
  }
  return result;
}

function sunion(c: Call): void {
  replyResult(c, union(c, inputs(c, 1, c.req.argc - 1), false));
}

function sunionstore(c: Call): void {
  store(c, union(c, inputs(c, 2, c.req.argc - 2), true));
}

function sdiff(c: Call): void {
  replyResult(c, difference(c, inputs(c, 1, c.req.argc - 1), false));
}

function sdiffstore(c: Call): void {
  store(c, difference(c, inputs(c, 2, c.req.argc - 2), true));
}

const ALL_RO = [keysThrough(1, -1, 'RO access')];
const TARGET_AND_RO = [keysAt(1, 'OW update'), keysThrough(2, -1, 'RO access')];
const ORDER_TIP = ['nondeterministic_output_order'];

export const setAlgebraCommands: readonly Command[] = [
  command({ name: 'sinter', arity: -2, flags: 'readonly', group: 'set', since: '1.0.0', keys: ALL_RO, tips: ORDER_TIP, run: sinter }),
  command({ name: 'sunion', arity: -2, flags: 'readonly', group: 'set', since: '1.0.0', keys: ALL_RO, tips: ORDER_TIP, run: sunion }),
  command({ name: 'sdiff', arity: -2, flags: 'readonly', group: 'set', since: '1.0.0', keys: ALL_RO, tips: ORDER_TIP, run: sdiff }),
  command({ name: 'sinterstore', arity: -3, flags: 'write denyoom', group: 'set', since: '1.0.0', keys: TARGET_AND_RO, run: sinterstore }),
  command({ name: 'sunionstore', arity: -3, flags: 'write denyoom', group: 'set', since: '1.0.0', keys: TARGET_AND_RO, run: sunionstore }),
  command({ name: 'sdiffstore', arity: -3, flags: 'write denyoom', group: 'set', since: '1.0.0', keys: TARGET_AND_RO, run: sdiffstore }),
  command({
    name: 'sintercard', arity: -3, flags: 'readonly', group: 'set', since: '7.0.0', keys: [keysCounted(1, 'RO access')],
    run: sintercard,
  }),
];
