/** ZPOPMIN, ZPOPMAX, ZMPOP, and the pops that wait: BZPOPMIN, BZPOPMAX, BZMPOP. */
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt, keysCounted, keysThrough } from '../command.ts';
import { NOT_POSITIVE, SYNTAX } from '../error-texts.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { EntryType } from '../memory/entries.ts';
import { popRequest, readPopRequest } from './multi-pop-request.ts';

/**
 * Replies the `n` members of lowest (or highest) score of the key at argument i, lowest (highest) first, and removes them;
 * the key, where that was all. `nested`: each with its score in an array of its own. What was changed is the caller's to say.
 */
function pop(c: Call, i: number, ref: Ref, isMax: boolean, n: number, nested: boolean): void {
  const { reply } = c;
  const { sortedSets } = c.engine.types;
  const length = sortedSets.length(ref);
  const cursor = sortedSets.walk(ref, isMax ? length : 0);
  const { member } = cursor;
  for (let k = 0; k < n; k++) {
    if (isMax) cursor.previous();
    else cursor.next();
    if (nested) reply.array(2);
    reply.bulk(member.buf, member.off, member.len);
    reply.double(cursor.score);
  }
  c.notify(KeyEvent.sortedSet, isMax ? 'zpopmax' : 'zpopmin', i);
  if (n === length) {
    c.removeKey(i);
    c.notify(KeyEvent.generic, 'del', i);
  } else {
    sortedSets.removeRange(ref, isMax ? length - n : 0, isMax ? length : n);
    c.modified(i);
  }
}

function popEnd(c: Call, isMax: boolean): void {
  const { req, reply } = c;
  if (req.argc > 3) throw SYNTAX;
  const hasCount = req.argc === 3;
  const count = hasCount ? c.integer(2, NOT_POSITIVE) : 1;
  if (count < 0) throw NOT_POSITIVE;
  const ref = c.lookupWriteTyped(1, EntryType.zset);
  const n = ref === 0 ? 0 : Math.min(count, c.engine.types.sortedSets.length(ref));
  const nested = hasCount && reply.proto === 3;
  reply.array(nested ? n : 2 * n);
  if (n === 0) return;
  pop(c, 1, ref, isMax, n, nested);
  c.changed(n);
}

function zpopmin(c: Call): void {
  popEnd(c, false);
}

function zpopmax(c: Call): void {
  popEnd(c, true);
}

/** BZPOPMIN and BZPOPMAX: an effect of the served one is the plain pop. */
function blockingPop(c: Call, isMax: boolean): void {
  const { req, reply } = c;
  const last = req.argc - 2;
  const timeoutAtMs = c.timeoutAtMs(req.argc - 1);
  for (let i = 1; i <= last; i++) {
    const ref = c.lookupAwaited(i, EntryType.zset);
    if (ref === 0) continue;
    reply.array(3);
    reply.bulk(req.buf, req.off[i]!, req.len[i]!);
    pop(c, i, ref, isMax, 1, false);
    c.effect(isMax ? 'ZPOPMAX' : 'ZPOPMIN', 2);
    c.effectArg(i);
    return;
  }
  if (c.canBlock) c.block(1, last, timeoutAtMs);
  else reply.nullArray();
}

function bzpopmin(c: Call): void {
  blockingPop(c, false);
}

function bzpopmax(c: Call): void {
  blockingPop(c, true);
}

const ENDS = ['MAX', 'MIN'] as const;

/** Pops from the first sorted set of the request that there is; whether there is one. */
function popFirst(c: Call, mayWait: boolean): boolean {
  const { req, reply } = c;
  const { first, last, isFirstEnd: isMax, count } = popRequest;
  for (let i = first; i <= last; i++) {
    const ref = mayWait ? c.lookupAwaited(i, EntryType.zset) : c.lookupWriteTyped(i, EntryType.zset);
    if (ref === 0) continue;
    const n = Math.min(count, c.engine.types.sortedSets.length(ref));
    reply.array(2);
    reply.bulk(req.buf, req.off[i]!, req.len[i]!);
    reply.array(n);
    pop(c, i, ref, isMax, n, true);
    c.effect(isMax ? 'ZPOPMAX' : 'ZPOPMIN', 3);
    c.effectArg(i);
    c.effectInteger(n);
    return true;
  }
  return false;
}

function zmpop(c: Call): void {
  readPopRequest(c, 1, ENDS);
  if (!popFirst(c, false)) c.reply.nullArray();
}

function bzmpop(c: Call): void {
  readPopRequest(c, 2, ENDS);
  const timeoutAtMs = c.timeoutAtMs(1);
  if (popFirst(c, true)) return;
  if (c.canBlock) c.block(popRequest.first, popRequest.last, timeoutAtMs);
  else c.reply.nullArray();
}

const KEY_FLAGS = 'RW access delete';
const POP = { group: 'sorted-set', flags: 'write fast', arity: -2, since: '5.0.0', keys: [keysAt(1, KEY_FLAGS)] } as const;
const POP_ANY = {
  group: 'sorted-set', flags: 'write fast blocking', arity: -3, since: '5.0.0', keys: [keysThrough(1, -2, KEY_FLAGS)],
} as const;

export const sortedSetPopCommands: readonly Command[] = [
  command({ ...POP, name: 'zpopmin', run: zpopmin }),
  command({ ...POP, name: 'zpopmax', run: zpopmax }),
  command({
    name: 'zmpop', arity: -4, flags: 'write', group: 'sorted-set', since: '7.0.0', keys: [keysCounted(1, KEY_FLAGS)], run: zmpop,
  }),
  command({ ...POP_ANY, name: 'bzpopmin', run: bzpopmin }),
  command({ ...POP_ANY, name: 'bzpopmax', run: bzpopmax }),
  command({
    name: 'bzmpop', arity: -5, flags: 'write blocking', group: 'sorted-set', since: '7.0.0', keys: [keysCounted(2, KEY_FLAGS)],
    run: bzmpop,
  }),
];
