/** ZUNION, ZINTER and ZDIFF, their STORE forms, and ZINTERCARD: over sorted sets and sets, whose members score 1. */
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt, keysCounted } from '../command.ts';
import { LIMIT_NEGATIVE, SYNTAX, WEIGHT_NOT_FLOAT, WRONG_TYPE, noInputKey } from '../error-texts.ts';
import type { Bytes } from '../memory/entries.ts';
import { EntryType } from '../memory/entries.ts';
import type { ScoredCursor } from '../types/scored-cursor.ts';
import type { SetCursor } from '../types/set-cursor.ts';
import { storeScoreTable } from './store-score-table.ts';

type Operation = 'union' | 'inter' | 'diff';
/** Whether the result is replied, stored, or only counted. */
type Outcome = 'reply' | 'store' | 'count';
type Aggregate = 'sum' | 'min' | 'max';

/** One of the sets that a command works on. */
interface Input {
  /** 0: the key is missing. */
  readonly ref: Ref;
  readonly isSet: boolean;
  readonly size: number;
  weight: number;
}

interface Request {
  readonly inputs: Input[];
  aggregate: Aggregate;
  withScores: boolean;
  /** ZINTERCARD counts no further; 0: no limit. */
  limit: number;
}

// ---- Arguments ----

/** Reads `numkeys key …` at argument `at` and what follows. As in Redis, keys are looked up before options are read. */
function readRequest(c: Call, at: number, operation: Operation, outcome: Outcome): Request {
  const { req } = c;
  const count = c.integer(at);
  if (count < 1) throw noInputKey(c.command!.name);
  if (count > req.argc - at - 1) throw SYNTAX;
  const inputs: Input[] = [];
  for (let i = at + 1; i <= at + count; i++) inputs.push(lookupInput(c, i));
  const out: Request = { inputs, aggregate: 'sum', withScores: false, limit: 0 };
  const isWeighted = operation !== 'diff' && outcome !== 'count';
  for (let i = at + 1 + count; i < req.argc; i++) {
    const left = req.argc - i - 1;
    if (isWeighted && left >= count && req.is(i, 'WEIGHTS')) for (const input of inputs) input.weight = c.double(++i, WEIGHT_NOT_FLOAT);
    else if (isWeighted && left >= 1 && req.is(i, 'AGGREGATE')) out.aggregate = aggregateAt(c, ++i);
    else if (outcome === 'reply' && req.is(i, 'WITHSCORES')) out.withScores = true;
    else if (outcome === 'count' && left >= 1 && req.is(i, 'LIMIT')) {
      out.limit = c.integer(++i, LIMIT_NEGATIVE);
      if (out.limit < 0) throw LIMIT_NEGATIVE;
    } else throw SYNTAX;
  }
  // Small ones first: they bound the work. The order also decides how sums are rounded, so equal sizes keep theirs.
  if (operation !== 'diff') inputs.sort((a, b) => a.size - b.size);
  return out;
}

function lookupInput(c: Call, i: number): Input {
  const { keyspace, types } = c.engine;
  const ref = c.lookup(i);
  if (ref === 0) return { ref, isSet: false, size: 0, weight: 1 };
  const type = keyspace.entries.type(ref);
  if (type !== EntryType.zset && type !== EntryType.set) throw WRONG_TYPE;
  const isSet = type === EntryType.set;
  return { ref, isSet, size: isSet ? types.sets.length(ref) : types.sortedSets.length(ref), weight: 1 };
}

function aggregateAt(c: Call, i: number): Aggregate {
  if (c.req.is(i, 'SUM')) return 'sum';
  if (c.req.is(i, 'MIN')) return 'min';
  if (c.req.is(i, 'MAX')) return 'max';
  throw SYNTAX;
}

// ---- Inputs ----

/** Walks the members of an input with their weighted scores. */
class InputWalk {
  readonly member: Bytes;
  score = 0;
  readonly #weight: number;
  readonly #set: SetCursor | null = null;
  readonly #scored: ScoredCursor | null = null;

  /** The input must not be missing. One walk at a time. */
  constructor(c: Call, input: Input) {
    const { sets, sortedSets } = c.engine.types;
    this.#weight = input.weight;
    if (input.isSet) {
      this.#set = sets.walk(input.ref);
      this.member = this.#set.member;
    } else {
      this.#scored = sortedSets.walk(input.ref, 0);
      this.member = this.#scored.member;
    }
  }

  /** Goes to the next member; false at the end. */
  next(): boolean {
    const hasNext = this.#set !== null ? this.#set.next() : this.#scored!.next();
    if (hasNext) this.score = weighted(this.#set !== null ? 1 : this.#scored!.score, this.#weight);
    return hasNext;
  }
}

/** What is infinite, times a weight of zero, is zero. */
function weighted(score: number, weight: number): number {
  const value = score * weight;
  return Number.isNaN(value) ? 0 : value;
}

/** What `findIn` found: a weighted score, which unlike a walk's may be NaN. */
let foundScore = 0;

function findIn(c: Call, input: Input, member: Bytes): boolean {
  const { sets, sortedSets } = c.engine.types;
  const { ref, isSet, weight } = input;
  if (ref === 0) return false;
  const isFound = isSet ? sets.has(ref, member.buf, member.off, member.len) : sortedSets.find(ref, member.buf, member.off, member.len);
  if (isFound) foundScore = (isSet ? 1 : sortedSets.foundScore) * weight;
  return isFound;
}

/** `b` may be NaN; the result never is. */
function combine(a: number, b: number, aggregate: Aggregate): number {
  if (aggregate === 'min') return b < a ? b : a;
  if (aggregate === 'max') return b > a ? b : a;
  // Infinities that cancel each other out make zero, and so does NaN, as in Redis.
  const sum = a + b;
  return Number.isNaN(sum) ? 0 : sum;
}

// ---- Operations: each fills the score table ----

function union(c: Call, { inputs, aggregate }: Request): void {
  const { scoreTable } = c.engine.types;
  for (const input of inputs) {
    if (input.ref === 0) continue;
    const walk = new InputWalk(c, input);
    const { member } = walk;
    while (walk.next()) {
      if (!scoreTable.find(member.buf, member.off, member.len)) scoreTable.add(walk.score, member.buf, member.off, member.len);
      else scoreTable.foundScore = combine(scoreTable.foundScore, walk.score, aggregate);
    }
  }
}

/** Whether all inputs have a walk's present member, the walk being one over the first: then the walk's score is that over all. */
function isInAll(c: Call, walk: InputWalk, { inputs, aggregate }: Request): boolean {
  for (let j = 1; j < inputs.length; j++) {
    if (!findIn(c, inputs[j]!, walk.member)) return false;
    walk.score = combine(walk.score, foundScore, aggregate);
  }
  return true;
}

function inter(c: Call, request: Request): void {
  const first = request.inputs[0]!;
  if (first.ref === 0) return;
  const walk = new InputWalk(c, first);
  const { member } = walk;
  while (walk.next()) {
    if (isInAll(c, walk, request)) c.engine.types.scoreTable.add(walk.score, member.buf, member.off, member.len);
  }
}

function diff(c: Call, { inputs }: Request): void {
  const first = inputs[0]!;
  if (first.ref === 0) return;
  // Big ones first: they are the likeliest to have a member.
  const others = inputs.slice(1).sort((a, b) => b.size - a.size);
  const walk = new InputWalk(c, first);
  const { member } = walk;
  while (walk.next()) {
    let j = 0;
    while (j < others.length && !findIn(c, others[j]!, member)) j++;
    if (j === others.length) c.engine.types.scoreTable.add(walk.score, member.buf, member.off, member.len);
  }
}

const OPERATIONS: Readonly<Record<Operation, (c: Call, request: Request) => void>> = { union, inter, diff };

// ---- Commands ----

function replyTable(c: Call, withScores: boolean): void {
  const { reply } = c;
  const { scoreTable } = c.engine.types;
  const { size } = scoreTable;
  const isNested = withScores && reply.proto === 3;
  reply.array(withScores && !isNested ? 2 * size : size);
  const cursor = scoreTable.walk();
  const { member } = cursor;
  while (cursor.next()) {
    if (isNested) reply.array(2);
    reply.bulk(member.buf, member.off, member.len);
    if (withScores) reply.double(cursor.score);
  }
  scoreTable.drop();
}

function runReply(c: Call, operation: Operation): void {
  const request = readRequest(c, 1, operation, 'reply');
  c.engine.types.scoreTable.begin();
  OPERATIONS[operation](c, request);
  replyTable(c, request.withScores);
}

function runStore(c: Call, operation: Operation): void {
  const request = readRequest(c, 2, operation, 'store');
  c.engine.types.scoreTable.begin();
  OPERATIONS[operation](c, request);
  storeScoreTable(c);
}

function zintercard(c: Call): void {
  const request = readRequest(c, 1, 'inter', 'count');
  const { inputs, limit } = request;
  let n = 0;
  if (inputs[0]!.ref !== 0) {
    const walk = new InputWalk(c, inputs[0]!);
    while ((limit === 0 || n < limit) && walk.next()) if (isInAll(c, walk, request)) n++;
  }
  c.reply.integer(n);
}

const READ = { arity: -3, flags: 'readonly', group: 'sorted-set', keys: [keysCounted(1, 'RO access')] } as const;
const STORE = {
  arity: -4, flags: 'write denyoom', group: 'sorted-set', keys: [keysAt(1, 'OW update'), keysCounted(2, 'RO access')],
} as const;

export const sortedSetAlgebraCommands: readonly Command[] = [
  command({ ...READ, name: 'zunion', since: '6.2.0', run: (c) => runReply(c, 'union') }),
  command({ ...READ, name: 'zinter', since: '6.2.0', run: (c) => runReply(c, 'inter') }),
  command({ ...READ, name: 'zdiff', since: '6.2.0', run: (c) => runReply(c, 'diff') }),
  command({ ...STORE, name: 'zunionstore', since: '2.0.0', run: (c) => runStore(c, 'union') }),
  command({ ...STORE, name: 'zinterstore', since: '2.0.0', run: (c) => runStore(c, 'inter') }),
  command({ ...STORE, name: 'zdiffstore', since: '6.2.0', run: (c) => runStore(c, 'diff') }),
  command({ ...READ, name: 'zintercard', since: '7.0.0', run: zintercard }),
];
