/** Keys whatever their type: DEL, UNLINK, EXISTS, TYPE, TOUCH, RENAME, RENAMENX, COPY, MOVE, RANDOMKEY. */
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt, keysThrough } from '../command.ts';
import { NO_SUCH_KEY, SAME_OBJECT, SYNTAX } from '../error-texts.ts';
import type { Database } from '../keyspace/database.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { Bytes, EntryType, NO_EXPIRY } from '../memory/entries.ts';
import { databaseArg } from './databases.ts';

/** What TYPE calls each EntryType. */
export const TYPE_NAMES: readonly string[] = ['string', 'list', 'set', 'zset', 'hash', 'stream'];

const bytes = new Bytes();

/** DEL and UNLINK: big values are freed in steps whichever it is. */
function del(c: Call): void {
  const { req, db } = c;
  let deleted = 0;
  for (let i = 1; i < req.argc; i++) {
    // Looking first: an expired key is not counted, and a missing one may be missing by a change not committed yet.
    if (db.peek(req.buf, req.off[i]!, req.len[i]!) === 0 || !c.removeKey(i)) continue;
    deleted++;
    c.notify(KeyEvent.generic, 'del', i);
  }
  if (deleted > 0) c.changed(deleted);
  c.reply.integer(deleted);
}

function exists(c: Call): void {
  let found = 0;
  for (let i = 1; i < c.req.argc; i++) if (c.lookupUntouched(i) !== 0) found++;
  c.reply.integer(found);
}

function type(c: Call): void {
  const ref = c.lookupUntouched(1);
  c.reply.status(ref === 0 ? 'none' : TYPE_NAMES[c.engine.keyspace.entries.type(ref)]!);
}

function touch(c: Call): void {
  const { keyspace } = c.engine;
  const { noTouch } = keyspace;
  // What the client asks for by name it gets in spite of CLIENT NO-TOUCH.
  keyspace.noTouch = false;
  let touched = 0;
  for (let i = 1; i < c.req.argc; i++) if (c.lookup(i) !== 0) touched++;
  keyspace.noTouch = noTouch;
  c.reply.integer(touched);
}

/** Whether arguments i and j are the same bytes. */
function sameArgs(c: Call, i: number, j: number): boolean {
  const { buf, off, len } = c.req;
  if (len[i] !== len[j]) return false;
  for (let k = 0; k < len[i]!; k++) if (buf[off[i]! + k] !== buf[off[j]! + k]) return false;
  return true;
}

/** Renames argument 1 to argument 2, unless there is such a key and `onlyNew`; whether there is none to hinder it. */
function renamed(c: Call, onlyNew: boolean): boolean {
  const { req, db } = c;
  const source = c.lookupWrite(1);
  if (source === 0) throw NO_SUCH_KEY;
  if (sameArgs(c, 1, 2)) return !onlyNew;
  if (c.lookupWrite(2) !== 0) {
    if (onlyNew) return false;
    c.removeKey(2);
  }
  db.moveTo(source, db, req.buf, req.off[2]!, req.len[2]!);
  c.notify(KeyEvent.generic, 'rename_from', 1);
  c.notify(KeyEvent.generic, 'rename_to', 2);
  c.changed();
  return true;
}

function rename(c: Call): void {
  renamed(c, false);
  c.reply.ok();
}

function renamenx(c: Call): void {
  c.reply.integer(renamed(c, true) ? 1 : 0);
}

function move(c: Call): void {
  const { req, db } = c;
  const target = databaseArg(c, 2);
  if (target === db) throw SAME_OBJECT;
  const off = req.off[1]!;
  const len = req.len[1]!;
  const source = c.lookupWrite(1);
  if (source === 0 || target.lookupWrite(req.buf, off, len) !== 0) {
    c.reply.integer(0);
    return;
  }
  db.moveTo(source, target, req.buf, off, len);
  c.notify(KeyEvent.generic, 'move_from', 1);
  c.engine.keyspace.events.tell(KeyEvent.generic, 'move_to', target.number, req.buf, off, len);
  c.changed();
  c.reply.integer(1);
}

function copy(c: Call): void {
  const { req } = c;
  let target = c.db;
  let replace = false;
  for (let i = 3; i < req.argc; i++) {
    if (req.is(i, 'REPLACE')) replace = true;
    else if (req.is(i, 'DB') && i + 1 < req.argc) target = databaseArg(c, ++i);
    else throw SYNTAX;
  }
  if (target === c.db && sameArgs(c, 1, 2)) throw SAME_OBJECT;
  const source = c.lookup(1);
  if (source === 0) {
    c.reply.integer(0);
    return;
  }
  if (target.lookupWrite(req.buf, req.off[2]!, req.len[2]!) !== 0) {
    if (!replace) {
      c.reply.integer(0);
      return;
    }
    target.remove(req.buf, req.off[2]!, req.len[2]!);
  }
  copyEntry(c, source, target);
  c.engine.keyspace.events.tell(KeyEvent.generic, 'copy_to', target.number, req.buf, req.off[2]!, req.len[2]!);
  c.changed();
  c.reply.integer(1);
}

/** Gives the key at argument 2, which is not there, a copy of value and expiry at `source`. */
function copyEntry(c: Call, source: Ref, target: Database): void {
  const { buf, off, len } = c.req;
  const { keyspace, types } = c.engine;
  const { entries } = keyspace;
  const type = entries.type(source);
  const expireAtMs = entries.expireAtMs(source);
  if (type === EntryType.string) {
    entries.value(source, bytes);
    const to = target.setString(buf, off[2]!, len[2]!, bytes.buf, bytes.off, bytes.len, expireAtMs);
    if (entries.isRaw(source)) entries.setRaw(to);
    return;
  }
  const to = target.addCollection(buf, off[2]!, len[2]!, type);
  types.collection(type)!.copy(source, to);
  if (expireAtMs !== NO_EXPIRY) target.setExpiry(to, expireAtMs);
}

/** maxtries of dbRandomKey in Redis. */
const RANDOM_KEY_TRIES_MAX = 100;

function randomkey(c: Call): void {
  const { db, engine } = c;
  const { entries, hazards } = engine.keyspace;
  hazards.checkDb(db.number);
  for (let tries = 1; ; tries++) {
    const ref = db.random(engine.random);
    if (ref === 0) {
      c.reply.null();
      return;
    }
    entries.key(ref, bytes);
    // On a replica they stay: where all keys have expired, one of them is shown, as Redis does.
    if (!db.isExpired(ref) || tries === RANDOM_KEY_TRIES_MAX) break;
    db.expireNow(bytes);
  }
  c.reply.bulk(bytes.buf, bytes.off, bytes.len);
}

const group = 'generic';
const categories = 'keyspace';
const SHARD_SUM = ['request_policy:multi_shard', 'response_policy:agg_sum'];

export const genericCommands: readonly Command[] = [
  command({
    name: 'del', arity: -2, flags: 'write', group, since: '1.0.0', categories, keys: [keysThrough(1, -1, 'RM delete')], tips: SHARD_SUM, run: del,
  }),
  command({
    name: 'unlink', arity: -2, flags: 'write fast', group, since: '4.0.0', categories, keys: [keysThrough(1, -1, 'RM delete')],
    tips: SHARD_SUM, run: del,
  }),
  command({
    name: 'exists', arity: -2, flags: 'readonly fast', group, since: '1.0.0', categories, keys: [keysThrough(1, -1, 'RO')],
    tips: SHARD_SUM, run: exists,
  }),
  command({ name: 'type', arity: 2, flags: 'readonly fast', group, since: '1.0.0', categories, keys: [keysAt(1, 'RO')], run: type }),
  command({
    name: 'touch', arity: -2, flags: 'readonly fast', group, since: '3.2.1', categories, keys: [keysThrough(1, -1, 'RO')],
    tips: SHARD_SUM, run: touch,
  }),
  command({
    name: 'rename', arity: 3, flags: 'write', group, since: '1.0.0', categories,
    keys: [keysAt(1, 'RW access delete'), keysAt(2, 'OW update')], run: rename,
  }),
  command({
    name: 'renamenx', arity: 3, flags: 'write fast', group, since: '1.0.0', categories,
    keys: [keysAt(1, 'RW access delete'), keysAt(2, 'OW insert')], run: renamenx,
  }),
  command({
    name: 'copy', arity: -3, flags: 'write denyoom', group, since: '6.2.0', categories,
    keys: [keysAt(1, 'RO access'), keysAt(2, 'OW update')], run: copy,
  }),
  command({ name: 'move', arity: 3, flags: 'write fast', group, since: '1.0.0', categories, keys: [keysAt(1, 'RW access update')], run: move }),
  command({
    name: 'randomkey', arity: 1, flags: 'readonly', group, since: '1.0.0', categories,
    tips: ['request_policy:all_shards', 'response_policy:special', 'nondeterministic_output'], run: randomkey,
  }),
];
