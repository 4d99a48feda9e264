/**
 * Hashes: setting, getting and deleting fields. Counters stand in hash-number.ts, HSCAN and HRANDFIELD in hash-choice.ts, when
 * fields end in hash-expiry.ts and hash-and-expiry.ts.
 */
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import { wrongArity } from '../error-texts.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { Bytes, EntryType } from '../memory/entries.ts';
import { packedElementBytes } from '../memory/packed.ts';
import { hashAndExpiryCommands } from './hash-and-expiry.ts';
import { hashChoiceCommands } from './hash-choice.ts';
import { hashExpiryCommands } from './hash-expiry.ts';
import { hashNumberCommands } from './hash-number.ts';

const bytes = new Bytes();

/** Sets the pairs from argument 2 on in the hash at argument 1; how many fields are new. */
function setPairs(c: Call): number {
  const { req } = c;
  const { hashes } = c.engine.types;
  const { argc, buf, off, len } = req;
  if (argc % 2 !== 0) throw wrongArity(c.command!.name);
  let ref = c.lookupWriteTyped(1, EntryType.hash);
  let total = 0;
  let longest = 0;
  for (let i = 2; i < argc; i++) {
    if (len[i]! > longest) longest = len[i]!;
    total += packedElementBytes(len[i]!);
  }
  if (ref === 0) {
    ref = c.addCollection(1, EntryType.hash);
    hashes.begin(ref, (argc - 2) / 2, longest, total);
  } else {
    c.modified(1);
    hashes.expect(ref, (argc - 2) / 2, longest, total);
  }
  let added = 0;
  for (let i = 2; i < argc; i += 2) {
    if (hashes.set(ref, buf, off[i]!, len[i]!, buf, off[i + 1]!, len[i + 1]!)) added++;
    // A value that is set anew stays.
    else hashes.times.clear(ref, buf, off[i]!, len[i]!);
  }
  c.notify(KeyEvent.hash, 'hset', 1);
  c.changed((argc - 2) / 2);
  return added;
}

function hset(c: Call): void {
  c.reply.integer(setPairs(c));
}

function hmset(c: Call): void {
  setPairs(c);
  c.reply.ok();
}

function hsetnx(c: Call): void {
  const { req } = c;
  const ref = c.lookupWriteTyped(1, EntryType.hash);
  if (ref !== 0 && c.engine.types.hashes.has(ref, req.buf, req.off[2]!, req.len[2]!)) {
    c.reply.integer(0);
    return;
  }
  setPairs(c);
  c.reply.integer(1);
}

/** Writes a field's value, or null. */
function replyField(c: Call, ref: Ref, i: number): void {
  const { req } = c;
  if (ref !== 0 && c.engine.types.hashes.get(ref, req.buf, req.off[i]!, req.len[i]!, bytes)) {
    c.reply.bulk(bytes.buf, bytes.off, bytes.len);
  } else c.reply.null();
}

function hget(c: Call): void {
  replyField(c, c.lookupTyped(1, EntryType.hash), 2);
}

function hmget(c: Call): void {
  const ref = c.lookupTyped(1, EntryType.hash);
  c.reply.array(c.req.argc - 2);
  for (let i = 2; i < c.req.argc; i++) replyField(c, ref, i);
}

function hgetall(c: Call): void {
  const ref = c.lookupTyped(1, EntryType.hash);
  if (ref === 0) {
    c.reply.map(0);
    return;
  }
  const { hashes } = c.engine.types;
  c.reply.map(hashes.length(ref));
  const cursor = hashes.walk(ref);
  const { field, value } = cursor;
  while (cursor.next()) {
    c.reply.bulk(field.buf, field.off, field.len);
    c.reply.bulk(value.buf, value.off, value.len);
  }
}

function hkeys(c: Call): void {
  const ref = c.lookupTyped(1, EntryType.hash);
  const { hashes } = c.engine.types;
  c.reply.array(ref === 0 ? 0 : hashes.length(ref));
  if (ref === 0) return;
  const cursor = hashes.walk(ref);
  while (cursor.next()) c.reply.bulk(cursor.field.buf, cursor.field.off, cursor.field.len);
}

function hvals(c: Call): void {
  const ref = c.lookupTyped(1, EntryType.hash);
  const { hashes } = c.engine.types;
  c.reply.array(ref === 0 ? 0 : hashes.length(ref));
  if (ref === 0) return;
  const cursor = hashes.walk(ref);
  while (cursor.next()) c.reply.bulk(cursor.value.buf, cursor.value.off, cursor.value.len);
}

function hdel(c: Call): void {
  const { req } = c;
  const { hashes } = c.engine.types;
  const ref = c.lookupWriteTyped(1, EntryType.hash);
  let deleted = 0;
  let isGone = false;
  for (let i = 2; ref !== 0 && !isGone && i < req.argc; i++) {
    if (!hashes.delete(ref, req.buf, req.off[i]!, req.len[i]!)) continue;
    deleted++;
    isGone = hashes.length(ref) === 0;
    if (isGone) c.removeKey(1);
  }
  if (deleted > 0) {
    c.modified(1);
    c.notify(KeyEvent.hash, 'hdel', 1);
    if (isGone) c.notify(KeyEvent.generic, 'del', 1);
    c.changed(deleted);
  }
  c.reply.integer(deleted);
}

function hexists(c: Call): void {
  const { req } = c;
  const ref = c.lookupTyped(1, EntryType.hash);
  c.reply.integer(ref !== 0 && c.engine.types.hashes.has(ref, req.buf, req.off[2]!, req.len[2]!) ? 1 : 0);
}

function hlen(c: Call): void {
  const ref = c.lookupTyped(1, EntryType.hash);
  c.reply.integer(ref === 0 ? 0 : c.engine.types.hashes.length(ref));
}

function hstrlen(c: Call): void {
  const { req } = c;
  const ref = c.lookupTyped(1, EntryType.hash);
  const found = ref !== 0 && c.engine.types.hashes.get(ref, req.buf, req.off[2]!, req.len[2]!, bytes);
  c.reply.integer(found ? bytes.len : 0);
}

const RO = [keysAt(1, 'RO')];
const RO_ACCESS = [keysAt(1, 'RO access')];

export const hashCommands: readonly Command[] = [
  command({
    name: 'hset', arity: -4, flags: 'write denyoom fast', group: 'hash', since: '2.0.0', keys: [keysAt(1, 'RW update')],
    run: hset,
  }),
  command({
    name: 'hmset', arity: -4, flags: 'write denyoom fast', group: 'hash', since: '2.0.0', keys: [keysAt(1, 'RW update')],
    run: hmset,
  }),
  command({
    name: 'hsetnx', arity: 4, flags: 'write denyoom fast', group: 'hash', since: '2.0.0', keys: [keysAt(1, 'RW insert')],
    run: hsetnx,
  }),
  command({ name: 'hget', arity: 3, flags: 'readonly fast', group: 'hash', since: '2.0.0', keys: RO_ACCESS, run: hget }),
  command({ name: 'hmget', arity: -3, flags: 'readonly fast', group: 'hash', since: '2.0.0', keys: RO_ACCESS, run: hmget }),
  command({
    name: 'hgetall', arity: 2, flags: 'readonly', group: 'hash', since: '2.0.0', keys: RO_ACCESS,
    tips: ['nondeterministic_output_order'], run: hgetall,
  }),
  command({
    name: 'hkeys', arity: 2, flags: 'readonly', group: 'hash', since: '2.0.0', keys: RO_ACCESS,
    tips: ['nondeterministic_output_order'], run: hkeys,
  }),
  command({
    name: 'hvals', arity: 2, flags: 'readonly', group: 'hash', since: '2.0.0', keys: RO_ACCESS,
    tips: ['nondeterministic_output_order'], run: hvals,
  }),
  command({ name: 'hdel', arity: -3, flags: 'write fast', group: 'hash', since: '2.0.0', keys: [keysAt(1, 'RW delete')], run: hdel }),
  command({ name: 'hexists', arity: 3, flags: 'readonly fast', group: 'hash', since: '2.0.0', keys: RO, run: hexists }),
  command({ name: 'hlen', arity: 2, flags: 'readonly fast', group: 'hash', since: '2.0.0', keys: RO, run: hlen }),
  command({ name: 'hstrlen', arity: 3, flags: 'readonly fast', group: 'hash', since: '3.2.0', keys: RO, run: hstrlen }),
  ...hashNumberCommands,
  ...hashChoiceCommands,
  ...hashExpiryCommands,
  ...hashAndExpiryCommands,
];
