/**
 * Walks over the keys of a database: SCAN, KEYS.
 *
 * Both see a database as a whole, so their replies wait for the last change of any of its keys.
 */
import { globMatchBytes } from '../../shared/glob.ts';
import { slotOf } from '../../shared/hash.ts';
import type { Call, Ref } from '../call.ts';
import { type Command, command } from '../command.ts';
import { Bytes } from '../memory/entries.ts';
import { SCAN_CURSORS_PER_SLOT } from '../keyspace/database.ts';
import { TYPE_NAMES } from './generic.ts';
import { type ScanOptions, scanCursor, scanOptions } from './scan-options.ts';

/** Keys that KEYS looks at in one go. */
const BATCH = 1024;

const STAR = 42;
const QUESTION = 63;
const BRACKET_OPEN = 91;
const BACKSLASH = 92;
const BRACE_OPEN = 123;
const BRACE_CLOSE = 125;

/** Refs of the walk under way: one array, reused. */
const refs: Ref[] = [];
const key = new Bytes();

/** Length of the pattern's beginning that stands for itself: before the first `*`, `?`, `[` or backslash. */
function literalLength(buf: Uint8Array, off: number, len: number): number {
  for (let i = 0; i < len; i++) {
    const b = buf[off + i]!;
    if (b === STAR || b === QUESTION || b === BRACKET_OPEN || b === BACKSLASH) return i;
  }
  return len;
}

/**
 * The only slot in which keys that match can stand, or -1: a pattern without wildcards, or one with a whole hash tag
 * before its first wildcard.
 */
function patternSlot(buf: Uint8Array, off: number, len: number): number {
  const literal = literalLength(buf, off, len);
  if (literal === len) return slotOf(buf, off, len);
  const open = buf.indexOf(BRACE_OPEN, off);
  if (open < 0 || open >= off + literal) return -1;
  const close = buf.indexOf(BRACE_CLOSE, open);
  // An empty tag is none: then the slot is that of the whole key.
  if (close < 0 || close >= off + literal || close === open + 1) return -1;
  return slotOf(buf, off, literal);
}

// ---- SCAN ----

/** The EntryType that argument i names, or -1. */
function typeArg(c: Call, i: number): number {
  return TYPE_NAMES.indexOf(c.string(i).toLowerCase());
}

/** Collects keys from `cursor` on into `refs`; returns the next cursor. */
function collect(c: Call, cursor: number, options: ScanOptions): number {
  const { req, db } = c;
  refs.length = 0;
  const pattern = options.patternArg;
  const slot = pattern === 0 ? -1 : patternSlot(req.buf, req.off[pattern]!, req.len[pattern]!);
  if (slot < 0) return db.scan(cursor, options.count, refs);
  const end = (slot + 1) * SCAN_CURSORS_PER_SLOT;
  if (cursor >= end || db.slotSize(slot) === 0) return 0;
  const next = db.scan(Math.max(cursor, slot * SCAN_CURSORS_PER_SLOT), options.count, refs);
  return next >= end ? 0 : next;
}

function scan(c: Call): void {
  const { db, reply } = c;
  const { entries, hazards } = c.engine.keyspace;
  const cursor = scanCursor(c, 1);
  const options = scanOptions(c, 2, 'keys');
  const type = options.typeArg === 0 ? 0 : typeArg(c, options.typeArg);
  hazards.checkDb(db.number);
  const next = collect(c, cursor, options);
  reply.array(2);
  reply.bulkString(String(next));
  const mark = reply.mark();
  let found = 0;
  for (let i = 0; i < refs.length; i++) {
    const ref = refs[i]!;
    entries.key(ref, key);
    if (!options.matches(c, key.buf, key.off, key.len)) continue;
    // What is expired goes whatever its type.
    if (db.isExpired(ref)) {
      db.expireNow(key);
      continue;
    }
    if (options.typeArg !== 0 && entries.type(ref) !== type) continue;
    reply.bulk(key.buf, key.off, key.len);
    found++;
  }
  reply.insertArray(mark, found);
}

// ---- KEYS ----

function keys(c: Call): void {
  const { db, reply, req } = c;
  const off = req.off[1]!;
  const len = req.len[1]!;
  if (literalLength(req.buf, off, len) === len) {
    const found = db.peek(req.buf, off, len) !== 0;
    reply.array(found ? 1 : 0);
    if (found) reply.bulk(req.buf, off, len);
    return;
  }
  c.engine.keyspace.hazards.checkDb(db.number);
  const mark = reply.mark();
  const slot = patternSlot(req.buf, off, len);
  let found = 0;
  let cursor = slot < 0 ? 0 : slot * SCAN_CURSORS_PER_SLOT;
  const all = len === 1 && req.buf[off] === STAR;
  if (slot < 0 || db.slotSize(slot) > 0) {
    do {
      refs.length = 0;
      cursor = db.scan(cursor, slot < 0 ? BATCH : db.slotSize(slot), refs);
      for (let i = 0; i < refs.length; i++) if (replyIfMatches(c, refs[i]!, all)) found++;
    } while (cursor !== 0 && slot < 0);
  }
  reply.insertArray(mark, found);
}

/** Writes a key of KEYS if it matches and is not expired; whether it did. Expired ones stay where they are, as in Redis. */
function replyIfMatches(c: Call, ref: Ref, all: boolean): boolean {
  const { req } = c;
  if (c.db.isExpired(ref)) return false;
  c.engine.keyspace.entries.key(ref, key);
  if (!all && !globMatchBytes(req.buf, req.off[1]!, req.len[1]!, key.buf, key.off, key.len)) return false;
  c.reply.bulk(key.buf, key.off, key.len);
  return true;
}

export const keyspaceScanCommands: readonly Command[] = [
  command({
    name: 'scan', arity: -2, flags: 'readonly', group: 'generic', since: '2.8.0', categories: 'keyspace',
    tips: ['nondeterministic_output', 'request_policy:special', 'response_policy:special'], run: scan,
  }),
  command({
    name: 'keys', arity: 2, flags: 'readonly', group: 'generic', since: '1.0.0', categories: 'keyspace dangerous',
    tips: ['request_policy:all_shards', 'nondeterministic_output_order'], run: keys,
  }),
];
