/**
 * When fields of hashes end: HEXPIRE and its kin, HTTL and its kin, HPERSIST. The log carries nothing but HPEXPIREAT, HPERSIST
 * and HDEL.
 */
import type { CommandError } from '../../shared/errors.ts';
import { parsedInteger } from '../../shared/number-text.ts';
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import {
  FIELDS_MISMATCH, FIELDS_MISSING, FIELDS_NOT_POSITIVE, FIELD_EXPIRE_NEGATIVE, NUMFIELDS_NOT_POSITIVE, invalidExpire,
} from '../error-texts.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { EntryType, NO_EXPIRY } from '../memory/entries.ts';
import { ENDS_AT_MS_MAX } from '../types/field-times.ts';

// ---- What all commands with fields share ----

/** Where the fields of the command under way stand: arguments [first, end). */
export const fields = { first: 0, end: 0 };

/** Reads FIELDS, their number and the fields from argument i on into `fields`; each takes `width` arguments. */
export function readFields(c: Call, i: number, notPositive: CommandError, width = 1): void {
  const { req } = c;
  if (i >= req.argc || !req.is(i, 'FIELDS')) throw FIELDS_MISSING;
  const count = i + 1 < req.argc ? c.integer(i + 1, notPositive) : 0;
  if (count < 1) throw notPositive;
  if (count * width !== req.argc - i - 2) throw FIELDS_MISMATCH;
  fields.first = i + 2;
  fields.end = req.argc;
}

/**
 * The time at argument i: when fields shall end, ms since the epoch.
 * @param inSeconds,relative how it counts.
 */
export function endArgument(c: Call, i: number, inSeconds: boolean, relative: boolean): number {
  const value = c.integer(i);
  if (value < 0) throw FIELD_EXPIRE_NEGATIVE;
  const ms = inSeconds ? value * 1000 : value;
  const endsAtMs = relative ? ms + c.nowMs : ms;
  if (!parsedInteger.isSafe || endsAtMs > ENDS_AT_MS_MAX) throw invalidExpire(c.command!.name);
  return endsAtMs;
}

/** Whether a time is past. Whoever applies the log does as the log says, whatever his clock. */
export function isPast(c: Call, endsAtMs: number): boolean {
  return endsAtMs <= c.nowMs && c.decidesExpiry;
}

export function hasField(c: Call, ref: Ref, i: number): boolean {
  const { req } = c;
  return ref !== 0 && c.engine.types.hashes.has(ref, req.buf, req.off[i]!, req.len[i]!);
}

/** Fields that a command did something to, by their arguments: for the effect that names them. */
export const touched: number[] = [];

/** Logs an effect on the `touched` fields, if there are any. @param endsAtMs of HPEXPIREAT. */
export function logTouched(c: Call, name: 'HDEL' | 'HPERSIST' | 'HPEXPIREAT', endsAtMs = 0): void {
  if (touched.length === 0) return;
  c.effect(name, touched.length + (name === 'HDEL' ? 2 : name === 'HPERSIST' ? 4 : 5));
  c.effectArg(1);
  if (name === 'HPEXPIREAT') c.effectInteger(endsAtMs);
  if (name !== 'HDEL') {
    c.effectText('FIELDS');
    c.effectInteger(touched.length);
  }
  for (const i of touched) c.effectArg(i);
  c.modified(1);
  c.notify(KeyEvent.hash, name === 'HPEXPIREAT' ? 'hexpire' : name.toLowerCase(), 1);
}

/** Logs that the `touched` fields of a hash are deleted, if there are any; with the last of its fields goes the key. */
export function logDeleted(c: Call, ref: Ref): void {
  if (touched.length === 0) return;
  logTouched(c, 'HDEL');
  if (c.engine.types.hashes.lengthOfAll(ref) > 0) return;
  c.removeKey(1);
  c.notify(KeyEvent.generic, 'del', 1);
}

// ---- HEXPIRE ----

const Result = { noField: -2, refused: 0, set: 1, deleted: 2 } as const;
type Condition = 'none' | 'nx' | 'xx' | 'gt' | 'lt';

function condition(c: Call, i: number): Condition {
  const { req } = c;
  if (req.is(i, 'NX')) return 'nx';
  if (req.is(i, 'XX')) return 'xx';
  if (req.is(i, 'GT')) return 'gt';
  return req.is(i, 'LT') ? 'lt' : 'none';
}

/** Whether a field that ends at `current` (NO_EXPIRY: never) may be made to end at `endsAtMs`. */
function allowed(wanted: Condition, current: number, endsAtMs: number): boolean {
  switch (wanted) {
    case 'none': return true;
    case 'nx': return current === NO_EXPIRY;
    case 'xx': return current !== NO_EXPIRY;
    case 'gt': return current !== NO_EXPIRY && endsAtMs > current;
    case 'lt': return current === NO_EXPIRY || endsAtMs < current;
  }
}

function hexpire(c: Call, inSeconds: boolean, relative: boolean): void {
  const { req } = c;
  const { hashes } = c.engine.types;
  const ref = c.lookupWriteTyped(1, EntryType.hash);
  const endsAtMs = endArgument(c, 2, inSeconds, relative);
  const wanted = condition(c, 3);
  readFields(c, wanted === 'none' ? 3 : 4, NUMFIELDS_NOT_POSITIVE);
  const past = isPast(c, endsAtMs);
  touched.length = 0;
  c.reply.array(fields.end - fields.first);
  for (let i = fields.first; i < fields.end; i++) {
    if (!hasField(c, ref, i)) c.reply.integer(Result.noField);
    else if (!allowed(wanted, hashes.times.at(ref, req.buf, req.off[i]!, req.len[i]!), endsAtMs)) c.reply.integer(Result.refused);
    else {
      touched.push(i);
      // Past: gone at once, as the field may be named again.
      if (past) hashes.delete(ref, req.buf, req.off[i]!, req.len[i]!);
      else hashes.times.set(ref, req.buf, req.off[i]!, req.len[i]!, endsAtMs);
      c.reply.integer(past ? Result.deleted : Result.set);
    }
  }
  if (past) logDeleted(c, ref);
  else logTouched(c, 'HPEXPIREAT', endsAtMs);
}

// ---- HTTL, HPERSIST ----

const Told = { noField: -2, stays: -1 } as const;

/** Tells for each field the time at which it ends, as `tell` counts it. */
function tellTimes(c: Call, tell: (endsAtMs: number) => number): void {
  const { req } = c;
  const ref = c.lookupTyped(1, EntryType.hash);
  readFields(c, 2, FIELDS_NOT_POSITIVE);
  c.reply.array(fields.end - fields.first);
  for (let i = fields.first; i < fields.end; i++) {
    if (!hasField(c, ref, i)) {
      c.reply.integer(Told.noField);
      continue;
    }
    const endsAtMs = c.engine.types.hashes.times.at(ref, req.buf, req.off[i]!, req.len[i]!);
    c.reply.integer(endsAtMs === NO_EXPIRY ? Told.stays : tell(endsAtMs));
  }
}

/** As Redis rounds it here: up. */
function toSeconds(ms: number): number {
  return Math.floor((ms + 999) / 1000);
}

function hpersist(c: Call): void {
  const { req } = c;
  const ref = c.lookupWriteTyped(1, EntryType.hash);
  readFields(c, 2, FIELDS_NOT_POSITIVE);
  touched.length = 0;
  c.reply.array(fields.end - fields.first);
  for (let i = fields.first; i < fields.end; i++) {
    if (!hasField(c, ref, i)) c.reply.integer(Told.noField);
    else if (c.engine.types.hashes.times.clear(ref, req.buf, req.off[i]!, req.len[i]!)) {
      touched.push(i);
      c.reply.integer(1);
    } else c.reply.integer(Told.stays);
  }
  logTouched(c, 'HPERSIST');
}

const SETS = { arity: -6, flags: 'write denyoom fast', group: 'hash', since: '7.4.0', keys: [keysAt(1, 'RW update')] } as const;
const TELLS = { arity: -5, flags: 'readonly fast', group: 'hash', since: '7.4.0', keys: [keysAt(1, 'RO access')] } as const;
/** What is left of a time is another at each look. */
const CHANGING = ['nondeterministic_output'];

export const hashExpiryCommands: readonly Command[] = [
  command({ ...SETS, name: 'hexpire', run: (c) => hexpire(c, true, true) }),
  command({ ...SETS, name: 'hpexpire', run: (c) => hexpire(c, false, true) }),
  command({ ...SETS, name: 'hexpireat', run: (c) => hexpire(c, true, false) }),
  command({ ...SETS, name: 'hpexpireat', run: (c) => hexpire(c, false, false) }),
  command({ ...TELLS, name: 'httl', tips: CHANGING, run: (c) => tellTimes(c, (endsAtMs) => toSeconds(endsAtMs - c.nowMs)) }),
  command({ ...TELLS, name: 'hpttl', tips: CHANGING, run: (c) => tellTimes(c, (endsAtMs) => endsAtMs - c.nowMs) }),
  command({ ...TELLS, name: 'hexpiretime', run: (c) => tellTimes(c, toSeconds) }),
  command({ ...TELLS, name: 'hpexpiretime', run: (c) => tellTimes(c, (endsAtMs) => endsAtMs) }),
  command({ ...TELLS, name: 'hpersist', flags: 'write fast', keys: [keysAt(1, 'RW update')], run: hpersist }),
];
