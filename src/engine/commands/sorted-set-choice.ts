/** ZSCAN and ZRANDMEMBER: some of a sorted set's members. */
import { formatDouble } from '../../shared/number-text.ts';
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import { SYNTAX } from '../error-texts.ts';
import { EntryType } from '../memory/entries.ts';
import { RANDOM_BATCH, checkPairedCount, randomCount, repliesFor } from './random-count.ts';
import { replyEmptyScan, scanCursor, scanOptions } from './scan-options.ts';

function zscan(c: Call): void {
  const cursor = scanCursor(c, 2);
  const ref = c.lookupTyped(1, EntryType.zset);
  if (ref === 0) {
    replyEmptyScan(c);
    return;
  }
  const options = scanOptions(c, 3, 'zset');
  const { reply } = c;
  const { sortedSets } = c.engine.types;
  const next = sortedSets.scan(ref, cursor, options.count);
  reply.array(2);
  reply.bulkString(String(next));
  const mark = reply.mark();
  let n = 0;
  for (let i = 0; i < sortedSets.chosen; i++) {
    const { member, score } = sortedSets.readChosen(ref, i);
    if (!options.matches(c, member.buf, member.off, member.len)) continue;
    reply.bulk(member.buf, member.off, member.len);
    // A bulk string in RESP3 as well, as in Redis.
    if (!options.namesOnly) reply.bulkString(formatDouble(score));
    n++;
  }
  reply.insertArray(mark, options.namesOnly ? n : 2 * n);
}

function replyChosen(c: Call, ref: Ref, withScores: boolean): void {
  const { reply } = c;
  const { sortedSets } = c.engine.types;
  for (let i = 0; i < sortedSets.chosen; i++) {
    const { member, score } = sortedSets.readChosen(ref, i);
    if (withScores && reply.proto === 3) reply.array(2);
    reply.bulk(member.buf, member.off, member.len);
    if (withScores) reply.double(score);
  }
}

function zrandmember(c: Call): void {
  const { req, reply } = c;
  if (req.argc > 2) {
    zrandmemberWithCount(c);
    return;
  }
  const ref = c.lookupTyped(1, EntryType.zset);
  if (ref === 0) {
    reply.null();
    return;
  }
  c.engine.types.sortedSets.choose(ref, 1, false);
  replyChosen(c, ref, false);
}

function zrandmemberWithCount(c: Call): void {
  const { req, reply } = c;
  const count = randomCount(c, 2);
  const withScores = req.argc > 3;
  if (req.argc > 4 || (withScores && !req.is(3, 'WITHSCORES'))) throw SYNTAX;
  if (withScores) checkPairedCount();
  const ref = c.lookupTyped(1, EntryType.zset);
  if (ref === 0 || count === 0) {
    reply.array(0);
    return;
  }
  const { sortedSets } = c.engine.types;
  const total = repliesFor(count, sortedSets.length(ref));
  reply.array(withScores && reply.proto === 2 ? total * 2 : total);
  if (count > 0) {
    sortedSets.choose(ref, total, true);
    replyChosen(c, ref, withScores);
    return;
  }
  for (let left = total; left > 0 && !reply.isFull; left -= RANDOM_BATCH) {
    sortedSets.choose(ref, Math.min(left, RANDOM_BATCH), false);
    replyChosen(c, ref, withScores);
  }
}

const ROW = {
  group: 'sorted-set', flags: 'readonly', keys: [keysAt(1, 'RO access')], tips: ['nondeterministic_output'],
} as const;

export const sortedSetChoiceCommands: readonly Command[] = [
  command({ ...ROW, name: 'zscan', arity: -3, since: '2.8.0', run: zscan }),
  command({ ...ROW, name: 'zrandmember', arity: -2, since: '6.2.0', run: zrandmember }),
];
