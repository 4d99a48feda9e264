/** HSCAN and HRANDFIELD: some of a hash's fields. */
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import { SYNTAX } from '../error-texts.ts';
import { Bytes, EntryType } from '../memory/entries.ts';
import { RANDOM_BATCH, checkPairedCount, randomCount, repliesFor } from './random-count.ts';
import { replyEmptyScan, scanCursor, scanOptions } from './scan-options.ts';

const field = new Bytes();
const value = new Bytes();

function hscan(c: Call): void {
  const cursor = scanCursor(c, 2);
  const ref = c.lookupTyped(1, EntryType.hash);
  if (ref === 0) {
    replyEmptyScan(c);
    return;
  }
  const options = scanOptions(c, 3, 'hash');
  const { reply } = c;
  const { hashes } = c.engine.types;
  const next = hashes.scan(ref, cursor, options.count);
  reply.array(2);
  reply.bulkString(String(next));
  const mark = reply.mark();
  let n = 0;
  for (let i = 0; i < hashes.chosen; i++) {
    hashes.readChosen(ref, i, field, value);
    if (!options.matches(c, field.buf, field.off, field.len)) continue;
    reply.bulk(field.buf, field.off, field.len);
    if (!options.namesOnly) reply.bulk(value.buf, value.off, value.len);
    n++;
  }
  reply.insertArray(mark, options.namesOnly ? n : 2 * n);
}

function hrandfield(c: Call): void {
  const { req, reply } = c;
  if (req.argc > 2) {
    hrandfieldWithCount(c);
    return;
  }
  const ref = c.lookupTyped(1, EntryType.hash);
  if (ref === 0) {
    reply.null();
    return;
  }
  const { hashes } = c.engine.types;
  hashes.choose(ref, 1, false);
  hashes.readChosen(ref, 0, field, value);
  reply.bulk(field.buf, field.off, field.len);
}

function hrandfieldWithCount(c: Call): void {
  const { req, reply } = c;
  const count = randomCount(c, 2);
  const withValues = req.argc > 3;
  if (req.argc > 4 || (withValues && !req.is(3, 'WITHVALUES'))) throw SYNTAX;
  if (withValues) checkPairedCount();
  const ref = c.lookupTyped(1, EntryType.hash);
  if (ref === 0 || count === 0) {
    reply.array(0);
    return;
  }
  const { hashes } = c.engine.types;
  const total = repliesFor(count, hashes.length(ref));
  reply.array(withValues && reply.proto === 2 ? total * 2 : total);
  if (count > 0) {
    hashes.choose(ref, total, true);
    replyChosen(c, ref, withValues);
    return;
  }
  for (let left = total; left > 0 && !reply.isFull; left -= RANDOM_BATCH) {
    hashes.choose(ref, Math.min(left, RANDOM_BATCH), false);
    replyChosen(c, ref, withValues);
  }
}

function replyChosen(c: Call, ref: Ref, withValues: boolean): void {
  const { reply } = c;
  const { hashes } = c.engine.types;
  for (let i = 0; i < hashes.chosen; i++) {
    hashes.readChosen(ref, i, field, value);
    if (withValues && reply.proto === 3) reply.array(2);
    reply.bulk(field.buf, field.off, field.len);
    if (withValues) reply.bulk(value.buf, value.off, value.len);
  }
}

const RO_ACCESS = [keysAt(1, 'RO access')];

export const hashChoiceCommands: readonly Command[] = [
  command({
    name: 'hscan', arity: -3, flags: 'readonly', group: 'hash', since: '2.8.0', keys: RO_ACCESS,
    tips: ['nondeterministic_output'], run: hscan,
  }),
  command({
    name: 'hrandfield', arity: -2, flags: 'readonly', group: 'hash', since: '6.2.0', keys: RO_ACCESS,
    tips: ['nondeterministic_output'], run: hrandfield,
  }),
];
