/** HGETDEL, HGETEX and HSETEX: fields with their values, and when they end, in one command. */
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import { NUMFIELDS_NOT_POSITIVE, SYNTAX, invalidExpire } from '../error-texts.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { ENDS_AT_MS_MAX } from '../types/field-times.ts';
import { Bytes, EntryType, NO_EXPIRY } from '../memory/entries.ts';
import { packedElementBytes } from '../memory/packed.ts';
import { expiryOption, positiveExpiry } from './expire-options.ts';
import { fields, hasField, isPast, logDeleted, logTouched, readFields, touched } from './hash-expiry.ts';

const value = new Bytes();

function replyValue(c: Call, ref: Ref, i: number): boolean {
  const { req } = c;
  const isThere = ref !== 0 && c.engine.types.hashes.get(ref, req.buf, req.off[i]!, req.len[i]!, value);
  if (isThere) c.reply.bulk(value.buf, value.off, value.len);
  else c.reply.null();
  return isThere;
}

function hgetdel(c: Call): void {
  const { req } = c;
  const { hashes } = c.engine.types;
  const ref = c.lookupWriteTyped(1, EntryType.hash);
  readFields(c, 2, NUMFIELDS_NOT_POSITIVE);
  touched.length = 0;
  c.reply.array(fields.end - fields.first);
  for (let i = fields.first; i < fields.end; i++) {
    if (!replyValue(c, ref, i)) continue;
    // At once: the field may be named again.
    hashes.delete(ref, req.buf, req.off[i]!, req.len[i]!);
    touched.push(i);
  }
  logDeleted(c, ref);
}

interface Options {
  /** Ms since the epoch; NO_EXPIRY: none was given. */
  endsAtMs: number;
  /** PERSIST, or KEEPTTL of HSETEX. */
  keyword: boolean;
  condition: 'none' | 'fnx' | 'fxx';
  /** Where FIELDS is expected. */
  fieldsAt: number;
}

/** Reads what stands before FIELDS. @param keyword what may stand in place of a time. @param conditional whether FNX and FXX may stand there. */
function parseOptions(c: Call, keyword: 'PERSIST' | 'KEEPTTL', conditional: boolean): Options {
  const { req } = c;
  const out: Options = { endsAtMs: NO_EXPIRY, keyword: false, condition: 'none', fieldsAt: 2 };
  for (; out.fieldsAt < req.argc && !req.is(out.fieldsAt, 'FIELDS'); out.fieldsAt++) {
    const i = out.fieldsAt;
    const option = expiryOption(c, i);
    const isTimed = out.endsAtMs !== NO_EXPIRY || out.keyword;
    if (option !== null && !isTimed && i + 1 < req.argc) {
      out.endsAtMs = positiveExpiry(c, ++out.fieldsAt, option.inSeconds, option.relative);
      if (out.endsAtMs > ENDS_AT_MS_MAX) throw invalidExpire(c.command!.name);
    } else if (req.is(i, keyword) && !isTimed) out.keyword = true;
    else if (conditional && req.is(i, 'FNX') && out.condition === 'none') out.condition = 'fnx';
    else if (conditional && req.is(i, 'FXX') && out.condition === 'none') out.condition = 'fxx';
    else throw SYNTAX;
  }
  return out;
}

function hgetex(c: Call): void {
  const { req } = c;
  const { hashes } = c.engine.types;
  const ref = c.lookupWriteTyped(1, EntryType.hash);
  const { endsAtMs, keyword: persists, fieldsAt } = parseOptions(c, 'PERSIST', false);
  readFields(c, fieldsAt, NUMFIELDS_NOT_POSITIVE);
  touched.length = 0;
  c.reply.array(fields.end - fields.first);
  const past = endsAtMs !== NO_EXPIRY && isPast(c, endsAtMs);
  for (let i = fields.first; i < fields.end; i++) {
    if (!replyValue(c, ref, i)) continue;
    if (persists) {
      if (hashes.times.clear(ref, req.buf, req.off[i]!, req.len[i]!)) touched.push(i);
    } else if (endsAtMs !== NO_EXPIRY) {
      if (!past) hashes.times.set(ref, req.buf, req.off[i]!, req.len[i]!, endsAtMs);
      touched.push(i);
    }
  }
  if (persists) logTouched(c, 'HPERSIST');
  else if (!past) logTouched(c, 'HPEXPIREAT', endsAtMs);
  else {
    for (const i of touched) hashes.delete(ref, req.buf, req.off[i]!, req.len[i]!);
    logDeleted(c, ref);
  }
}

/** Whether the condition holds for all fields. */
function holds(c: Call, ref: Ref, condition: Options['condition']): boolean {
  for (let i = fields.first; condition !== 'none' && i < fields.end; i += 2) {
    if (hasField(c, ref, i) !== (condition === 'fxx')) return false;
  }
  return true;
}

function hsetex(c: Call): void {
  const ref = c.lookupWriteTyped(1, EntryType.hash);
  const options = parseOptions(c, 'KEEPTTL', true);
  const { endsAtMs, keyword: keeps } = options;
  readFields(c, options.fieldsAt, NUMFIELDS_NOT_POSITIVE, 2);
  const isSet = holds(c, ref, options.condition);
  c.reply.integer(isSet ? 1 : 0);
  if (!isSet) return;
  setFields(c, ref, endsAtMs, keeps);
  c.notify(KeyEvent.hash, 'hset', 1);
  if (endsAtMs !== NO_EXPIRY) c.notify(KeyEvent.hash, 'hexpire', 1);
  // Without its condition, and with a point in time: both were decided here.
  const { first, end } = fields;
  c.effect('HSETEX', 4 + end - first + (keeps ? 1 : endsAtMs === NO_EXPIRY ? 0 : 2));
  c.effectArg(1);
  if (keeps) c.effectText('KEEPTTL');
  else if (endsAtMs !== NO_EXPIRY) {
    c.effectText('PXAT');
    c.effectInteger(endsAtMs);
  }
  c.effectText('FIELDS');
  c.effectInteger((end - first) / 2);
  for (let i = first; i < end; i++) c.effectArg(i);
}

/** Sets the fields in the hash `ref`, or (0) in a new one. */
function setFields(c: Call, ref: Ref, endsAtMs: number, keeps: boolean): void {
  const { buf, off, len } = c.req;
  const { hashes } = c.engine.types;
  let longest = 0;
  let total = 0;
  for (let i = fields.first; i < fields.end; i++) {
    longest = Math.max(longest, len[i]!);
    total += packedElementBytes(len[i]!);
  }
  const count = (fields.end - fields.first) / 2;
  let hash = ref;
  if (hash === 0) {
    hash = c.addCollection(1, EntryType.hash);
    hashes.begin(hash, count, longest, total);
  } else {
    c.modified(1);
    hashes.expect(hash, count, longest, total);
  }
  for (let i = fields.first; i < fields.end; i += 2) {
    hashes.set(hash, buf, off[i]!, len[i]!, buf, off[i + 1]!, len[i + 1]!);
    if (endsAtMs !== NO_EXPIRY) hashes.times.set(hash, buf, off[i]!, len[i]!, endsAtMs);
    else if (!keeps) hashes.times.clear(hash, buf, off[i]!, len[i]!);
  }
}

const ROW = { group: 'hash', since: '8.0.0' } as const;

export const hashAndExpiryCommands: readonly Command[] = [
  command({ ...ROW, name: 'hgetdel', arity: -5, flags: 'write fast', keys: [keysAt(1, 'RW access delete')], run: hgetdel }),
  command({ ...ROW, name: 'hgetex', arity: -5, flags: 'write fast', keys: [keysAt(1, 'RW access update')], run: hgetex }),
  command({ ...ROW, name: 'hsetex', arity: -6, flags: 'write denyoom fast', keys: [keysAt(1, 'RW update')], run: hsetex }),
];
