/**
 * Sorted sets: single members. Ranges stand in sorted-set-range.ts, pops in sorted-set-pop.ts, random members and ZSCAN in
 * sorted-set-choice.ts, algebra in sorted-set-algebra.ts.
 */
import type { Call } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import { GT_LT_NX, INCR_ONE_PAIR, NX_WITH_XX, SCORE_NAN, SYNTAX, wrongArity } from '../error-texts.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { EntryType } from '../memory/entries.ts';
import { sortedSetAlgebraCommands } from './sorted-set-algebra.ts';
import { sortedSetChoiceCommands } from './sorted-set-choice.ts';
import { sortedSetPopCommands } from './sorted-set-pop.ts';
import { sortedSetRangeCommands } from './sorted-set-range.ts';

// ---- ZADD and ZINCRBY ----

/** Options of ZADD, as bits. */
const Option = { nx: 1, xx: 2, gt: 4, lt: 8, ch: 16, incr: 32 } as const;

/** Scores of the command under way: all are read before the first is set. */
let scores = new Float64Array(64);

/** The option that argument i is, or 0. */
function optionAt(c: Call, i: number): number {
  const { req } = c;
  if (req.len[i] === 2) {
    if (req.is(i, 'NX')) return Option.nx;
    if (req.is(i, 'XX')) return Option.xx;
    if (req.is(i, 'GT')) return Option.gt;
    if (req.is(i, 'LT')) return Option.lt;
    if (req.is(i, 'CH')) return Option.ch;
  }
  return req.is(i, 'INCR') ? Option.incr : 0;
}

function checkOptions(options: number, pairs: number): void {
  const { nx, xx, gt, lt, incr } = Option;
  if ((options & (nx | xx)) === (nx | xx)) throw NX_WITH_XX;
  const limits = options & (gt | lt | nx);
  if (limits === (gt | nx) || limits === (lt | nx) || (limits & (gt | lt)) === (gt | lt)) throw GT_LT_NX;
  if ((options & incr) !== 0 && pairs > 1) throw INCR_ONE_PAIR;
}

/** Reads options and pairs, and sets the scores. `options` are those that the command has from the beginning. */
function add(c: Call, options: number): void {
  const { argc } = c.req;
  let first = 2;
  for (let option = optionAt(c, first); option !== 0; option = first < argc ? optionAt(c, first) : 0) {
    options |= option;
    first++;
  }
  const pairs = (argc - first) / 2;
  if (pairs === 0 || pairs % 1 !== 0) throw SYNTAX;
  if (options !== 0) checkOptions(options, pairs);
  addPairs(c, first, pairs, options);
}

function zadd(c: Call): void {
  add(c, 0);
}

/** Redis reads its increment as it does ZADD's arguments: a word that is an option there is no number here. */
function zincrby(c: Call): void {
  add(c, Option.incr);
}

/** Sets the scores of the `pairs` score-member pairs at argument `first` and after. */
function addPairs(c: Call, first: number, pairs: number, options: number): void {
  const { buf, off, len } = c.req;
  const { sortedSets } = c.engine.types;
  if (pairs > scores.length) scores = new Float64Array(pairs * 2);
  for (let j = 0; j < pairs; j++) scores[j] = c.double(first + 2 * j);
  let ref = c.lookupWriteTyped(1, EntryType.zset);
  if (ref !== 0) sortedSets.expect(ref, pairs);
  else if ((options & Option.xx) === 0) {
    ref = c.addCollection(1, EntryType.zset);
    sortedSets.begin(ref, pairs, len[first + 1]!);
  } else {
    replyUnchanged(c, options);
    return;
  }
  let added = 0;
  let updated = 0;
  /** Score that the last member was given; NaN where an option forbade it. */
  let given = NaN;
  for (let j = 0, i = first + 1; j < pairs; j++, i += 2) {
    const memberOff = off[i]!;
    const memberLen = len[i]!;
    if (!sortedSets.find(ref, buf, memberOff, memberLen)) {
      if ((options & Option.xx) !== 0) continue;
      given = scores[j]!;
      sortedSets.add(ref, given, buf, memberOff, memberLen);
      added++;
      continue;
    }
    if ((options & Option.nx) !== 0) continue;
    const current = sortedSets.foundScore;
    const score = (options & Option.incr) === 0 ? scores[j]! : scores[j]! + current;
    if (Number.isNaN(score)) throw SCORE_NAN;
    if (((options & Option.lt) !== 0 && score >= current) || ((options & Option.gt) !== 0 && score <= current)) continue;
    given = score;
    if (score === current) continue;
    sortedSets.setFound(ref, score);
    updated++;
  }
  if (added + updated > 0) {
    c.modified(1);
    c.notify(KeyEvent.sortedSet, (options & Option.incr) === 0 ? 'zadd' : 'zincr', 1);
    c.changed(added + updated);
  }
  if ((options & Option.incr) === 0) c.reply.integer((options & Option.ch) === 0 ? added : added + updated);
  else if (Number.isNaN(given)) c.reply.null();
  else c.reply.double(given);
}

function replyUnchanged(c: Call, options: number): void {
  if ((options & Option.incr) === 0) c.reply.integer(0);
  else c.reply.null();
}

// ---- Others ----

function zrem(c: Call): void {
  const { req } = c;
  const { sortedSets } = c.engine.types;
  const ref = c.lookupWriteTyped(1, EntryType.zset);
  let removed = 0;
  let isGone = false;
  for (let i = 2; ref !== 0 && !isGone && i < req.argc; i++) {
    if (!sortedSets.find(ref, req.buf, req.off[i]!, req.len[i]!)) continue;
    removed++;
    isGone = sortedSets.length(ref) === 1;
    if (isGone) c.removeKey(1);
    else sortedSets.removeFound(ref);
  }
  if (removed > 0) {
    c.modified(1);
    c.notify(KeyEvent.sortedSet, 'zrem', 1);
    if (isGone) c.notify(KeyEvent.generic, 'del', 1);
    c.changed(removed);
  }
  c.reply.integer(removed);
}

function zcard(c: Call): void {
  const ref = c.lookupTyped(1, EntryType.zset);
  c.reply.integer(ref === 0 ? 0 : c.engine.types.sortedSets.length(ref));
}

function zscore(c: Call): void {
  const { req } = c;
  const { sortedSets } = c.engine.types;
  const ref = c.lookupTyped(1, EntryType.zset);
  if (ref !== 0 && sortedSets.find(ref, req.buf, req.off[2]!, req.len[2]!)) c.reply.double(sortedSets.foundScore);
  else c.reply.null();
}

function zmscore(c: Call): void {
  const { req, reply } = c;
  const { sortedSets } = c.engine.types;
  const ref = c.lookupTyped(1, EntryType.zset);
  reply.array(req.argc - 2);
  for (let i = 2; i < req.argc; i++) {
    if (ref !== 0 && sortedSets.find(ref, req.buf, req.off[i]!, req.len[i]!)) reply.double(sortedSets.foundScore);
    else reply.null();
  }
}

function replyRank(c: Call, isReversed: boolean): void {
  const { req, reply } = c;
  const { sortedSets } = c.engine.types;
  if (req.argc > 4) throw wrongArity(c.command!.name);
  const withScore = req.argc === 4;
  if (withScore && !req.is(3, 'WITHSCORE')) throw SYNTAX;
  const ref = c.lookupTyped(1, EntryType.zset);
  if (ref === 0 || !sortedSets.find(ref, req.buf, req.off[2]!, req.len[2]!)) {
    if (withScore) reply.nullArray();
    else reply.null();
    return;
  }
  const rank = sortedSets.rankOfFound(ref);
  if (withScore) reply.array(2);
  reply.integer(isReversed ? sortedSets.length(ref) - 1 - rank : rank);
  if (withScore) reply.double(sortedSets.foundScore);
}

function zrank(c: Call): void {
  replyRank(c, false);
}

function zrevrank(c: Call): void {
  replyRank(c, true);
}

const ROW = { group: 'sorted-set', keys: [keysAt(1, 'RO access')] } as const;
const UPDATE = [keysAt(1, 'RW update')];

export const sortedSetCommands: readonly Command[] = [
  command({ ...ROW, name: 'zadd', arity: -4, flags: 'write denyoom fast', since: '1.2.0', keys: UPDATE, run: zadd }),
  command({
    ...ROW, name: 'zincrby', arity: 4, flags: 'write denyoom fast', since: '1.2.0', keys: [keysAt(1, 'RW access update')], run: zincrby,
  }),
  command({ ...ROW, name: 'zrem', arity: -3, flags: 'write fast', since: '1.2.0', keys: [keysAt(1, 'RW delete')], run: zrem }),
  command({ ...ROW, name: 'zcard', arity: 2, flags: 'readonly fast', since: '1.2.0', keys: [keysAt(1, 'RO')], run: zcard }),
  command({ ...ROW, name: 'zscore', arity: 3, flags: 'readonly fast', since: '1.2.0', run: zscore }),
  command({ ...ROW, name: 'zmscore', arity: -3, flags: 'readonly fast', since: '6.2.0', run: zmscore }),
  command({ ...ROW, name: 'zrank', arity: -3, flags: 'readonly fast', since: '2.0.0', run: zrank }),
  command({ ...ROW, name: 'zrevrank', arity: -3, flags: 'readonly fast', since: '2.0.0', run: zrevrank }),
  ...sortedSetRangeCommands,
  ...sortedSetPopCommands,
  ...sortedSetChoiceCommands,
  ...sortedSetAlgebraCommands,
];
