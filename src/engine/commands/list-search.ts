/** LPOS: where elements stand in a list. */
import type { Call } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import { COUNT_NEGATIVE, COUNT_OUT_OF_RANGE, MAXLEN_NEGATIVE, RANK_ZERO, SYNTAX } from '../error-texts.ts';
import { EntryType } from '../memory/entries.ts';

const RANK_MIN = -(2 ** 63);

/** LPOS's options. One object, reused. */
const options = { rank: 1, count: -1, maxLength: 0 };

function readOptions(c: Call): void {
  const { req } = c;
  options.rank = 1;
  options.count = -1;
  options.maxLength = 0;
  for (let i = 3; i < req.argc; i += 2) {
    const hasValue = i + 1 < req.argc;
    if (hasValue && req.is(i, 'RANK')) {
      options.rank = c.integer(i + 1);
      if (options.rank === 0) throw RANK_ZERO;
      // Its negation, which the search would need, is no 64-bit integer; the least that is one rounds to the same double.
      if (options.rank === RANK_MIN && c.string(i + 1) === '-9223372036854775808') throw COUNT_OUT_OF_RANGE;
    } else if (hasValue && req.is(i, 'COUNT')) {
      options.count = c.integer(i + 1, COUNT_NEGATIVE);
      if (options.count < 0) throw COUNT_NEGATIVE;
    } else if (hasValue && req.is(i, 'MAXLEN')) {
      options.maxLength = c.integer(i + 1, MAXLEN_NEGATIVE);
      if (options.maxLength < 0) throw MAXLEN_NEGATIVE;
    } else throw SYNTAX;
  }
}

function lpos(c: Call): void {
  const { req, reply } = c;
  const { lists } = c.engine.types;
  readOptions(c);
  const wantsAll = options.count >= 0;
  const ref = c.lookupTyped(1, EntryType.list);
  if (ref === 0) {
    if (wantsAll) reply.array(0);
    else reply.null();
    return;
  }
  const { buf } = req;
  const off = req.off[2]!;
  const len = req.len[2]!;
  const length = lists.length(ref);
  const looks = options.maxLength === 0 ? length : Math.min(length, options.maxLength);
  const fromTail = options.rank < 0;
  const cursor = lists.walk(ref, fromTail ? length : 0);
  let skip = Math.abs(options.rank) - 1;
  const matchesMax = options.count === 0 ? Infinity : Math.max(options.count, 1);
  const mark = reply.mark();
  let matches = 0;
  for (let n = 0; n < looks && matches < matchesMax; n++) {
    if (fromTail) cursor.previous();
    else cursor.next();
    if (!cursor.isAt(buf, off, len)) continue;
    if (skip > 0) {
      skip--;
      continue;
    }
    reply.integer(fromTail ? length - 1 - n : n);
    matches++;
  }
  if (wantsAll) reply.insertArray(mark, matches);
  else if (matches === 0) reply.null();
}

export const listSearchCommands: readonly Command[] = [
  command({
    name: 'lpos', arity: -3, flags: 'readonly', group: 'list', since: '6.0.6', keys: [keysAt(1, 'RO access')], run: lpos,
  }),
];
