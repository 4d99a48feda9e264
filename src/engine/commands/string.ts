/** Strings: GET, SET and their kin. Counters stand in string-number.ts. */
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt, keysThrough } from '../command.ts';
import { OFFSET_OUT_OF_RANGE, STRING_TOO_LONG, SYNTAX, WRONG_TYPE, wrongArity } from '../error-texts.ts';
import { KEEP_EXPIRY } from '../keyspace/database.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { Bytes, EntryType, NO_EXPIRY } from '../memory/entries.ts';
import { expiryOption, positiveExpiry } from './expire-options.ts';

const bytes = new Bytes();

/** Writes the string at `ref` as a bulk, or null for 0. */
function replyValue(c: Call, ref: Ref): void {
  if (ref === 0) {
    c.reply.null();
    return;
  }
  c.engine.keyspace.entries.value(ref, bytes);
  c.reply.bulk(bytes.buf, bytes.off, bytes.len);
}

export function setArg(c: Call, key: number, value: number, expireAtMs: number): void {
  const { req } = c;
  c.db.setString(req.buf, req.off[key]!, req.len[key]!, req.buf, req.off[value]!, req.len[value]!, expireAtMs);
}

function get(c: Call): void {
  replyValue(c, c.lookupTyped(1, EntryType.string));
}

function set(c: Call): void {
  if (c.req.argc === 3) {
    setArg(c, 1, 2, NO_EXPIRY);
    c.notify(KeyEvent.string, 'set', 1);
    c.changed();
    c.reply.ok();
  } else setWithOptions(c);
}

export interface ExpiryOption {
  readonly inSeconds: boolean;
  readonly relative: boolean;
}

/** Redis takes an expiry option again if it is the same one, and the last counts; two kinds are a syntax error. */
export function mayFollow(earlier: ExpiryOption | null, option: ExpiryOption): boolean {
  return earlier === null || (earlier.inSeconds === option.inSeconds && earlier.relative === option.relative);
}

interface SetOptions {
  nx: boolean;
  xx: boolean;
  get: boolean;
  /** Argument that the old value must be equal to; 0: none. */
  ifEqualAt: number;
  keepTtl: boolean;
  expireAtMs: number;
}

function parseSetOptions(c: Call): SetOptions {
  const { req } = c;
  const out: SetOptions = { nx: false, xx: false, get: false, ifEqualAt: 0, keepTtl: false, expireAtMs: NO_EXPIRY };
  let expiryAt = 0;
  let expiry: ExpiryOption | null = null;
  for (let i = 3; i < req.argc; i++) {
    const option = expiryOption(c, i);
    if (req.is(i, 'NX') && !out.xx && out.ifEqualAt === 0) out.nx = true;
    else if (req.is(i, 'XX') && !out.nx && out.ifEqualAt === 0) out.xx = true;
    else if (req.is(i, 'IFEQ') && !out.nx && !out.xx && i + 1 < req.argc) out.ifEqualAt = ++i;
    else if (req.is(i, 'GET')) out.get = true;
    else if (req.is(i, 'KEEPTTL') && expiry === null) out.keepTtl = true;
    else if (option !== null && mayFollow(expiry, option) && !out.keepTtl && i + 1 < req.argc) {
      expiry = option;
      expiryAt = ++i;
    } else throw SYNTAX;
  }
  if (expiry !== null) out.expireAtMs = positiveExpiry(c, expiryAt, expiry.inSeconds, expiry.relative);
  return out;
}

function setWithOptions(c: Call): void {
  const { nx, xx, get: wantsOld, ifEqualAt, keepTtl, expireAtMs } = parseSetOptions(c);
  const ref = wantsOld ? c.lookupTyped(1, EntryType.string) : c.lookupWrite(1);
  const refused = (nx && ref !== 0) || (xx && ref === 0) || (ifEqualAt !== 0 && !holds(c, ref, ifEqualAt));
  if (wantsOld) replyValue(c, ref);
  else if (refused) c.reply.null();
  else c.reply.ok();
  if (refused) return;
  setAndLog(c, 1, 2, keepTtl ? KEEP_EXPIRY : expireAtMs);
}

/** Whether the key's string at `ref` (0: it is missing) equals argument i. @throws WRONG_TYPE where it is no string. */
export function holds(c: Call, ref: Ref, i: number): boolean {
  const { req } = c;
  const { entries } = c.engine.keyspace;
  if (ref === 0) return false;
  if (entries.type(ref) !== EntryType.string) throw WRONG_TYPE;
  entries.value(ref, bytes);
  if (bytes.len !== req.len[i]!) return false;
  for (let n = 0; n < bytes.len; n++) if (bytes.buf[bytes.off + n] !== req.buf[req.off[i]! + n]) return false;
  return true;
}

/** Sets a string and logs it with its absolute expiry. */
function setAndLog(c: Call, key: number, value: number, expireAtMs: number): void {
  setArg(c, key, value, expireAtMs);
  c.notify(KeyEvent.string, 'set', key);
  if (expireAtMs >= 0) c.notify(KeyEvent.generic, 'expire', key);
  c.effect('SET', expireAtMs === NO_EXPIRY ? 3 : expireAtMs === KEEP_EXPIRY ? 4 : 5);
  c.effectArg(key);
  c.effectArg(value);
  if (expireAtMs === KEEP_EXPIRY) c.effectText('KEEPTTL');
  else if (expireAtMs !== NO_EXPIRY) {
    c.effectText('PXAT');
    c.effectInteger(expireAtMs);
  }
}

function setnx(c: Call): void {
  if (c.lookupWrite(1) !== 0) {
    c.reply.integer(0);
    return;
  }
  setAndLog(c, 1, 2, NO_EXPIRY);
  c.reply.integer(1);
}

function setex(c: Call): void {
  setAndLog(c, 1, 3, positiveExpiry(c, 2, true, true));
  c.reply.ok();
}

function psetex(c: Call): void {
  setAndLog(c, 1, 3, positiveExpiry(c, 2, false, true));
  c.reply.ok();
}

function getset(c: Call): void {
  replyValue(c, c.lookupTyped(1, EntryType.string));
  setAndLog(c, 1, 2, NO_EXPIRY);
}

function getdel(c: Call): void {
  const ref = c.lookupTyped(1, EntryType.string);
  replyValue(c, ref);
  if (ref === 0) return;
  c.removeKey(1);
  c.notify(KeyEvent.generic, 'del', 1);
  c.effect('DEL', 2);
  c.effectArg(1);
}

function delifeq(c: Call): void {
  const isEqual = holds(c, c.lookupWrite(1), 2);
  c.reply.integer(isEqual ? 1 : 0);
  if (!isEqual) return;
  c.removeKey(1);
  c.notify(KeyEvent.generic, 'del', 1);
  c.effect('DEL', 2);
  c.effectArg(1);
}

function getex(c: Call): void {
  const { req } = c;
  let persist = false;
  let expiry: ExpiryOption | null = null;
  let expiryAt = 0;
  for (let i = 2; i < req.argc; i++) {
    const option = expiryOption(c, i);
    if (req.is(i, 'PERSIST') && expiry === null) persist = true;
    else if (option !== null && mayFollow(expiry, option) && !persist && i + 1 < req.argc) {
      expiry = option;
      expiryAt = ++i;
    } else throw SYNTAX;
  }
  const ref = c.lookupTyped(1, EntryType.string);
  if (ref === 0) {
    // Without a key Redis does not even look at the time.
    c.reply.null();
    return;
  }
  const expireAtMs = expiry === null ? NO_EXPIRY : positiveExpiry(c, expiryAt, expiry.inSeconds, expiry.relative);
  replyValue(c, ref);
  if (expiry !== null) {
    if (expireAtMs <= c.nowMs && c.decidesExpiry) {
      c.removeKey(1);
      c.notify(KeyEvent.generic, 'del', 1);
      c.effect('DEL', 2);
      c.effectArg(1);
    } else {
      c.db.setExpiry(ref, expireAtMs);
      c.notify(KeyEvent.generic, 'expire', 1);
      c.effect('PEXPIREAT', 3);
      c.effectArg(1);
      c.effectInteger(expireAtMs);
    }
  } else if (persist && c.engine.keyspace.entries.expireAtMs(ref) !== NO_EXPIRY) {
    c.db.setExpiry(ref, NO_EXPIRY);
    c.notify(KeyEvent.generic, 'persist', 1);
    c.effect('PERSIST', 2);
    c.effectArg(1);
  }
}

function strlen(c: Call): void {
  const ref = c.lookupTyped(1, EntryType.string);
  c.reply.integer(ref === 0 ? 0 : c.engine.keyspace.entries.valueLength(ref));
}

/** Grows the string at argument 1 (0: makes one) to `length` bytes, zero-filled from its old end on; returns its window, which is reused. */
export function grow(c: Call, old: Ref, length: number): Bytes {
  const { req } = c;
  const { entries } = c.engine.keyspace;
  const oldLength = old === 0 ? 0 : entries.valueLength(old);
  const ref = c.db.resizeString(req.buf, req.off[1]!, req.len[1]!, length, oldLength);
  entries.value(ref, bytes);
  if (length > oldLength) bytes.buf.fill(0, bytes.off + oldLength, bytes.off + length);
  return bytes;
}

function append(c: Call): void {
  const { req } = c;
  const ref = c.lookupWriteTyped(1, EntryType.string);
  const length = ref === 0 ? 0 : c.engine.keyspace.entries.valueLength(ref);
  const added = req.len[2]!;
  if (ref === 0) setArg(c, 1, 2, NO_EXPIRY);
  else {
    checkLength(c, length + added);
    const value = grow(c, ref, length + added);
    value.buf.set(req.buf.subarray(req.off[2]!, req.off[2]! + added), value.off + length);
  }
  c.notify(KeyEvent.string, 'append', 1);
  c.changed();
  c.reply.integer(length + added);
}

function checkLength(c: Call, length: number): void {
  if (length > c.engine.limits.protoMaxBulkLen) throw STRING_TOO_LONG;
}

function setrange(c: Call): void {
  const { req } = c;
  const offset = c.integer(2);
  if (offset < 0) throw OFFSET_OUT_OF_RANGE;
  const ref = c.lookupWriteTyped(1, EntryType.string);
  const length = ref === 0 ? 0 : c.engine.keyspace.entries.valueLength(ref);
  const added = req.len[3]!;
  if (added === 0) {
    c.reply.integer(length);
    return;
  }
  checkLength(c, offset + added);
  const value = grow(c, ref, Math.max(length, offset + added));
  value.buf.set(req.buf.subarray(req.off[3]!, req.off[3]! + added), value.off + offset);
  c.notify(KeyEvent.string, 'setrange', 1);
  c.changed();
  c.reply.integer(value.len);
}

function getrange(c: Call): void {
  let start = c.integer(2);
  let end = c.integer(3);
  const ref = c.lookupTyped(1, EntryType.string);
  const length = ref === 0 ? 0 : c.engine.keyspace.entries.valueLength(ref);
  if (start < 0 && end < 0 && start > end) {
    c.reply.bulkString('');
    return;
  }
  if (start < 0) start = Math.max(0, length + start);
  if (end < 0) end = Math.max(0, length + end);
  if (end >= length) end = length - 1;
  if (length === 0 || start > end) {
    c.reply.bulkString('');
    return;
  }
  c.engine.keyspace.entries.value(ref, bytes);
  c.reply.bulk(bytes.buf, bytes.off + start, end - start + 1);
}

function mget(c: Call): void {
  const { entries } = c.engine.keyspace;
  c.reply.array(c.req.argc - 1);
  for (let i = 1; i < c.req.argc; i++) {
    const ref = c.lookup(i);
    replyValue(c, ref !== 0 && entries.type(ref) === EntryType.string ? ref : 0);
  }
}

/** Sets the key-value pairs at arguments [first, end). @param expireAtMs as of `Database.setString` */
export function setPairs(c: Call, first: number, end: number, expireAtMs: number): void {
  for (let i = first; i < end; i += 2) {
    setArg(c, i, i + 1, expireAtMs);
    c.notify(KeyEvent.string, 'set', i);
    if (expireAtMs >= 0) c.notify(KeyEvent.generic, 'expire', i);
  }
}

function mset(c: Call): void {
  if (c.req.argc % 2 === 0) throw wrongArity('mset');
  setPairs(c, 1, c.req.argc, NO_EXPIRY);
  c.changed((c.req.argc - 1) / 2);
  c.reply.ok();
}

function msetnx(c: Call): void {
  if (c.req.argc % 2 === 0) throw wrongArity('msetnx');
  for (let i = 1; i < c.req.argc; i += 2) {
    if (c.lookupWrite(i) === 0) continue;
    c.reply.integer(0);
    return;
  }
  setPairs(c, 1, c.req.argc, NO_EXPIRY);
  // Logged as MSET: that the keys were missing was decided here.
  c.effect('MSET', c.req.argc);
  for (let i = 1; i < c.req.argc; i++) c.effectArg(i);
  c.reply.integer(1);
}


export const stringCommands: readonly Command[] = [
  command({ name: 'get', arity: 2, flags: 'readonly fast', group: 'string', since: '1.0.0', keys: [keysAt(1, 'RO access')], run: get }),
  command({ name: 'set', arity: -3, flags: 'write denyoom', group: 'string', since: '1.0.0', keys: [keysAt(1, 'RW access update variable_flags')], run: set }),
  command({ name: 'setnx', arity: 3, flags: 'write denyoom fast', group: 'string', since: '1.0.0', keys: [keysAt(1, 'OW insert')], run: setnx }),
  command({ name: 'setex', arity: 4, flags: 'write denyoom', group: 'string', since: '2.0.0', keys: [keysAt(1, 'OW update')], run: setex }),
  command({ name: 'psetex', arity: 4, flags: 'write denyoom', group: 'string', since: '2.6.0', keys: [keysAt(1, 'OW update')], run: psetex }),
  command({ name: 'getset', arity: 3, flags: 'write denyoom fast', group: 'string', since: '1.0.0', keys: [keysAt(1, 'RW access update')], run: getset }),
  command({ name: 'getdel', arity: 2, flags: 'write fast', group: 'string', since: '6.2.0', keys: [keysAt(1, 'RW access delete')], run: getdel }),
  command({ name: 'delifeq', arity: 3, flags: 'write fast', group: 'string', since: '9.0.0', keys: [keysAt(1, 'RW delete')], run: delifeq }),
  command({ name: 'getex', arity: -2, flags: 'write fast', group: 'string', since: '6.2.0', keys: [keysAt(1, 'RW access update')], run: getex }),
  command({ name: 'strlen', arity: 2, flags: 'readonly fast', group: 'string', since: '2.2.0', keys: [keysAt(1, 'RO')], run: strlen }),
  command({ name: 'append', arity: 3, flags: 'write denyoom fast', group: 'string', since: '2.0.0', keys: [keysAt(1, 'RW insert')], run: append }),
  command({ name: 'setrange', arity: 4, flags: 'write denyoom', group: 'string', since: '2.2.0', keys: [keysAt(1, 'RW update')], run: setrange }),
  command({ name: 'getrange', arity: 4, flags: 'readonly', group: 'string', since: '2.4.0', keys: [keysAt(1, 'RO access')], run: getrange }),
  command({ name: 'substr', arity: 4, flags: 'readonly', group: 'string', since: '1.0.0', keys: [keysAt(1, 'RO access')], run: getrange }),
  command({
    name: 'mget', arity: -2, flags: 'readonly fast', group: 'string', since: '1.0.0', keys: [keysThrough(1, -1, 'RO access')],
    tips: ['request_policy:multi_shard'], run: mget,
  }),
  command({
    name: 'mset', arity: -3, flags: 'write denyoom', group: 'string', since: '1.0.1', keys: [keysThrough(1, -1, 'OW update', 2)],
    tips: ['request_policy:multi_shard', 'response_policy:all_succeeded'], run: mset,
  }),
  command({
    name: 'msetnx', arity: -3, flags: 'write denyoom', group: 'string', since: '1.0.1', keys: [keysThrough(1, -1, 'OW insert', 2)],
    run: msetnx,
  }),
];
