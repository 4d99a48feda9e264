/** Ranges of sorted sets by rank, score or member: ZRANGE and its older forms, ZRANGESTORE, ZREMRANGEBY…, ZCOUNT, ZLEXCOUNT. */
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import { LEX_WITHSCORES, LIMIT_BY_RANK, SYNTAX } from '../error-texts.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { EntryType } from '../memory/entries.ts';
import { findLexRange, findScoreRange, readLexRange, readScoreRange } from './score-range.ts';
import { storeScoreTable } from './store-score-table.ts';

type RangeKind = 'rank' | 'score' | 'lex';

/** What a command asks for. One object, reused. */
const request = { kind: 'rank' as RangeKind, isReversed: false, withScores: false, offset: 0, limit: -1, start: 0, stop: -1 };

/** Ranks of the members found, counted from the side where the reply begins: [first, end). */
const found = { first: 0, end: 0 };

/** What the older commands fix, and ZRANGE and ZRANGESTORE leave to options. */
interface Fixed {
  readonly kind: RangeKind | null;
  readonly isReversed: boolean | null;
}

const BY_OPTION: Fixed = { kind: null, isReversed: null };

/** Reads the bounds and options behind the source key at argument `keyAt`. */
function readRequest(c: Call, keyAt: number, fixed: Fixed, isStore: boolean): void {
  const { req } = c;
  request.kind = fixed.kind ?? 'rank';
  request.isReversed = fixed.isReversed ?? false;
  request.withScores = false;
  request.offset = 0;
  request.limit = -1;
  let mayChooseKind = fixed.kind === null;
  let mayReverse = fixed.isReversed === null;
  for (let i = keyAt + 3; i < req.argc; i++) {
    if (!isStore && req.is(i, 'WITHSCORES')) request.withScores = true;
    else if (req.is(i, 'LIMIT') && i + 2 < req.argc) {
      request.offset = c.integer(++i);
      request.limit = c.integer(++i);
    } else if (mayReverse && req.is(i, 'REV')) {
      request.isReversed = true;
      mayReverse = false;
    } else if (mayChooseKind && (req.is(i, 'BYLEX') || req.is(i, 'BYSCORE'))) {
      request.kind = req.is(i, 'BYLEX') ? 'lex' : 'score';
      mayChooseKind = false;
    } else throw SYNTAX;
  }
  if (request.limit !== -1 && request.kind === 'rank') throw LIMIT_BY_RANK;
  if (request.withScores && request.kind === 'lex') throw LEX_WITHSCORES;
  readBounds(c, request.kind, keyAt + 1, request.isReversed);
}

/** Reads the bounds at argument `at` and after. By score and member a reversed range is given as max, min. */
function readBounds(c: Call, kind: RangeKind, at: number, isReversed: boolean): void {
  const minAt = isReversed ? at + 1 : at;
  const maxAt = isReversed ? at : at + 1;
  if (kind === 'score') readScoreRange(c, minAt, maxAt);
  else if (kind === 'lex') readLexRange(c, minAt, maxAt);
  else {
    request.start = c.integer(at);
    request.stop = c.integer(at + 1);
  }
}

/** Finds the range that was read, without offset and limit. Ranks count from the lowest score; by rank, from where they begin. */
function find(c: Call, ref: Ref, kind: RangeKind): void {
  const { sortedSets } = c.engine.types;
  if (kind === 'rank') {
    const length = sortedSets.length(ref);
    found.first = Math.max(0, request.start < 0 ? length + request.start : request.start);
    found.end = Math.min(length, (request.stop < 0 ? length + request.stop : request.stop) + 1);
    return;
  }
  if (kind === 'score') findScoreRange(c, ref);
  else findLexRange(c, ref);
  found.first = sortedSets.rangeFirst;
  found.end = sortedSets.rangeEnd;
}

/** Finds what is to be replied, counted from the side where the reply begins; how many members it is. */
function findReplied(c: Call, ref: Ref): number {
  const { kind, isReversed, offset, limit } = request;
  find(c, ref, kind);
  if (kind !== 'rank') {
    if (isReversed) {
      const length = c.engine.types.sortedSets.length(ref);
      const { first } = found;
      found.first = length - found.end;
      found.end = length - first;
    }
    // As in Redis, an offset below zero passes over everything.
    if (offset < 0) found.end = found.first;
    else found.first += offset;
    if (limit >= 0) found.end = Math.min(found.end, found.first + limit);
  }
  return Math.max(0, found.end - found.first);
}

// ---- Replies ----

function replyRange(c: Call, fixed: Fixed): void {
  readRequest(c, 1, fixed, false);
  const { reply } = c;
  const ref = c.lookupTyped(1, EntryType.zset);
  const n = ref === 0 ? 0 : findReplied(c, ref);
  const { withScores, isReversed } = request;
  const isNested = withScores && reply.proto === 3;
  reply.array(withScores && !isNested ? 2 * n : n);
  if (n === 0) return;
  const { sortedSets } = c.engine.types;
  const cursor = sortedSets.walk(ref, isReversed ? sortedSets.length(ref) - found.first : found.first);
  const { member } = cursor;
  for (let k = 0; k < n; k++) {
    if (isReversed) cursor.previous();
    else cursor.next();
    if (isNested) reply.array(2);
    reply.bulk(member.buf, member.off, member.len);
    if (withScores) reply.double(cursor.score);
  }
}

function zrangestore(c: Call): void {
  readRequest(c, 2, BY_OPTION, true);
  const { sortedSets, scoreTable } = c.engine.types;
  const ref = c.lookupTyped(2, EntryType.zset);
  scoreTable.begin();
  const n = ref === 0 ? 0 : findReplied(c, ref);
  if (n > 0) {
    const cursor = sortedSets.walk(ref, request.isReversed ? sortedSets.length(ref) - found.end : found.first);
    const { member } = cursor;
    for (let k = 0; k < n; k++) {
      cursor.next();
      scoreTable.add(cursor.score, member.buf, member.off, member.len);
    }
  }
  storeScoreTable(c);
}

/** ZCOUNT and ZLEXCOUNT. */
function count(c: Call, kind: RangeKind): void {
  readBounds(c, kind, 2, false);
  const ref = c.lookupTyped(1, EntryType.zset);
  if (ref !== 0) find(c, ref, kind);
  c.reply.integer(ref === 0 ? 0 : Math.max(0, found.end - found.first));
}

function removeRange(c: Call, kind: RangeKind): void {
  readBounds(c, kind, 2, false);
  const { sortedSets } = c.engine.types;
  const ref = c.lookupWriteTyped(1, EntryType.zset);
  if (ref !== 0) find(c, ref, kind);
  const removed = ref === 0 ? 0 : Math.max(0, found.end - found.first);
  if (removed > 0) {
    const isGone = removed === sortedSets.length(ref);
    if (isGone) c.removeKey(1);
    else {
      sortedSets.removeRange(ref, found.first, found.end);
      c.modified(1);
    }
    c.notify(KeyEvent.sortedSet, c.command!.name, 1);
    if (isGone) c.notify(KeyEvent.generic, 'del', 1);
    c.changed(removed);
  }
  c.reply.integer(removed);
}

const ROW = { group: 'sorted-set', keys: [keysAt(1, 'RO access')] } as const;
const READ = { ...ROW, arity: -4, flags: 'readonly' } as const;
const COUNT = { ...ROW, arity: 4, flags: 'readonly fast' } as const;
const REMOVE = { ...ROW, arity: 4, flags: 'write', keys: [keysAt(1, 'RW delete')] } as const;

/** A reading command whose kind and direction are fixed. */
function reading(name: string, since: string, kind: RangeKind, isReversed: boolean): Command {
  const fixed: Fixed = { kind, isReversed };
  return command({ ...READ, name, since, run: (c) => replyRange(c, fixed) });
}

export const sortedSetRangeCommands: readonly Command[] = [
  command({ ...READ, name: 'zrange', since: '1.2.0', run: (c) => replyRange(c, BY_OPTION) }),
  reading('zrevrange', '1.2.0', 'rank', true),
  reading('zrangebyscore', '1.0.5', 'score', false),
  reading('zrevrangebyscore', '2.2.0', 'score', true),
  reading('zrangebylex', '2.8.9', 'lex', false),
  reading('zrevrangebylex', '2.8.9', 'lex', true),
  command({
    ...ROW, name: 'zrangestore', arity: -5, flags: 'write denyoom', since: '6.2.0',
    keys: [keysAt(1, 'OW update'), keysAt(2, 'RO access')], run: zrangestore,
  }),
  command({ ...COUNT, name: 'zcount', since: '2.0.0', run: (c) => count(c, 'score') }),
  command({ ...COUNT, name: 'zlexcount', since: '2.8.9', run: (c) => count(c, 'lex') }),
  command({ ...REMOVE, name: 'zremrangebyrank', since: '2.0.0', run: (c) => removeRange(c, 'rank') }),
  command({ ...REMOVE, name: 'zremrangebyscore', since: '1.2.0', run: (c) => removeRange(c, 'score') }),
  command({ ...REMOVE, name: 'zremrangebylex', since: '2.8.9', run: (c) => removeRange(c, 'lex') }),
];
