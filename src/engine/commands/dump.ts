/** DUMP and RESTORE: a value as bytes in the RDB format, with version and checksum behind. */
import { CommandError } from '../../shared/errors.ts';
import { ByteRange } from '../../shared/rdb/byte-range.ts';
import { Crc64 } from '../../shared/rdb/crc64.ts';
import { isRdbError } from '../../shared/rdb/rdb-errors.ts';
import { RdbReader } from '../../shared/rdb/rdb-reader.ts';
import { RDB_VERSION_WITH_FIELD_TIMES, RDB_VERSION_WRITTEN, RdbType, isKnownRdbVersion } from '../../shared/rdb/rdb-types.ts';
import { RdbWriter } from '../../shared/rdb/rdb-writer.ts';
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import { BAD_DATA_FORMAT, BAD_DUMP, BUSY_KEY, SYNTAX } from '../error-texts.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { NO_EXPIRY } from '../memory/entries.ts';
import { ValueLoader, checkRdbType } from '../rdb/value-loader.ts';
import { ValueSaver } from '../rdb/value-saver.ts';

/** Version (2) and checksum (8). */
const FOOTER_BYTES = 10;
const CHECKSUM_BYTES = 8;

const writer = new RdbWriter();
const saver = new ValueSaver();

function payloadOf(c: Call, ref: Ref): Uint8Array {
  const type = saver.typeOf(c.engine, ref);
  writer.byte(type);
  saver.write(c.engine, ref, type, writer);
  writer.endPayload(type === RdbType.hashMetadata ? RDB_VERSION_WITH_FIELD_TIMES : RDB_VERSION_WRITTEN);
  return writer.take();
}

function dump(c: Call): void {
  const ref = c.lookup(1);
  if (ref === 0) {
    c.reply.null();
    return;
  }
  const payload = payloadOf(c, ref);
  c.reply.bulk(payload, 0, payload.length);
}

/** What RESTORE needs to make the key at argument i elsewhere; null where there is none. `expireAtMs`: NO_EXPIRY for never. */
export function dumpPayload(c: Call, i: number): { readonly payload: Uint8Array; readonly expireAtMs: number } | null {
  const ref = c.db.peek(c.req.buf, c.req.off[i]!, c.req.len[i]!);
  return ref === 0 ? null : { payload: payloadOf(c, ref), expireAtMs: c.engine.keyspace.entries.expireAtMs(ref) };
}

interface RestoreOptions {
  replace: boolean;
  absoluteTtl: boolean;
  /** Seconds, or -1. */
  idleS: number;
  /** 0 to 255, or -1. */
  frequency: number;
}

function parseOptions(c: Call): RestoreOptions {
  const { req } = c;
  const out: RestoreOptions = { replace: false, absoluteTtl: false, idleS: -1, frequency: -1 };
  for (let i = 4; i < req.argc; i++) {
    const hasValue = i + 1 < req.argc;
    if (req.is(i, 'REPLACE')) out.replace = true;
    else if (req.is(i, 'ABSTTL')) out.absoluteTtl = true;
    else if (req.is(i, 'IDLETIME') && hasValue && out.frequency < 0) {
      out.idleS = c.integer(++i);
      if (out.idleS < 0) throw new CommandError('ERR Invalid IDLETIME value, must be >= 0');
    } else if (req.is(i, 'FREQ') && hasValue && out.idleS < 0) {
      out.frequency = c.integer(++i);
      if (out.frequency < 0 || out.frequency > 255) throw new CommandError('ERR Invalid FREQ value, must be >= 0 and <= 255');
    } else throw SYNTAX;
  }
  return out;
}

/** Checks version and checksum of the payload at argument i; points `out` at what is before them. @throws CommandError */
export function checkDumpPayload(c: Call, i: number, out: ByteRange): void {
  const { req } = c;
  const off = req.off[i]!;
  const len = req.len[i]!;
  if (len < FOOTER_BYTES) throw BAD_DUMP;
  const footer = off + len - FOOTER_BYTES;
  if (!isKnownRdbVersion(req.buf[footer]! | (req.buf[footer + 1]! << 8))) throw BAD_DUMP;
  const crc = new Crc64();
  crc.update(req.buf, off, len - CHECKSUM_BYTES);
  if (!crc.equals(req.buf, off + len - CHECKSUM_BYTES)) throw BAD_DUMP;
  out.buf = req.buf;
  out.off = off;
  out.len = len - FOOTER_BYTES;
}

/** Time at which the restored key expires, ms since the epoch, or NO_EXPIRY. */
function parseTtl(c: Call, absolute: boolean): number {
  const ttl = c.integer(2);
  if (ttl < 0) throw new CommandError('ERR Invalid TTL value, must be >= 0');
  if (ttl === 0) return NO_EXPIRY;
  return Math.min(absolute ? ttl : c.nowMs + ttl, Number.MAX_SAFE_INTEGER);
}

function restore(c: Call): void {
  const options = parseOptions(c);
  const existing = c.lookupWrite(1);
  if (existing !== 0 && !options.replace) throw BUSY_KEY;
  const expireAtMs = parseTtl(c, options.absoluteTtl);
  const payload = new ByteRange();
  checkDumpPayload(c, 3, payload);
  // Whoever applies the log does as the log says, whatever his clock.
  if (expireAtMs !== NO_EXPIRY && expireAtMs <= c.nowMs && c.decidesExpiry) {
    checkPayload(c, payload);
    if (existing !== 0) {
      c.removeKey(1);
      c.notify(KeyEvent.generic, 'del', 1);
      c.effect('DEL', 2);
      c.effectArg(1);
    }
    c.reply.ok();
    return;
  }
  const ref = load(c, payload, existing, expireAtMs);
  c.engine.keyspace.noteUse(ref, options.idleS, options.frequency);
  c.notify(KeyEvent.generic, 'restore', 1);
  c.effect('RESTORE', 6);
  c.effectArg(1);
  c.effectInteger(expireAtMs === NO_EXPIRY ? 0 : expireAtMs);
  c.effectArg(3);
  c.effectText('REPLACE');
  c.effectText('ABSTTL');
  c.reply.ok();
}

/** Makes the payload's value that of the key at argument 1; where it is damaged, all stays as it was. */
function load(c: Call, payload: ByteRange, existing: Ref, expireAtMs: number): Ref {
  const reader = readerOf(payload);
  try {
    const type = reader.byte();
    if (type === RdbType.string) {
      const value = new ByteRange();
      reader.string(value);
      const { buf, off, len } = c.req;
      if (existing !== 0) c.removeKey(1);
      return c.db.setString(buf, off[1]!, len[1]!, value.buf, value.off, value.len, expireAtMs);
    }
    return adopt(c, loadAside(c, reader, type, expireAtMs), existing);
  } catch (error) {
    throw isRdbError(error) ? BAD_DATA_FORMAT : error;
  }
}

/** Reads a value that nobody is going to have, to find out whether it is damaged. */
function checkPayload(c: Call, payload: ByteRange): void {
  const reader = readerOf(payload);
  const { keyspace } = c.engine;
  const wasApplying = keyspace.applying;
  try {
    const type = reader.byte();
    if (type === RdbType.string) {
      reader.string(new ByteRange());
      return;
    }
    const name = loadAside(c, reader, type, NO_EXPIRY);
    keyspace.applying = true;
    c.db.remove(name.buf, name.off, name.len);
  } catch (error) {
    throw isRdbError(error) ? BAD_DATA_FORMAT : error;
  } finally {
    keyspace.applying = wasApplying;
  }
}

function readerOf(payload: ByteRange): RdbReader {
  const reader = new RdbReader();
  reader.feed(payload.buf.subarray(payload.off, payload.off + payload.len));
  reader.finish();
  return reader;
}

/**
 * Loads a collection under a name that no key has, unnoticed by anybody; leaves nothing behind if it fails.
 * @returns the name.
 */
function loadAside(c: Call, reader: RdbReader, type: number, expireAtMs: number): ByteRange {
  const { db, engine } = c;
  const { keyspace } = engine;
  checkRdbType(type);
  const name = freeName(c);
  const loader = new ValueLoader(engine);
  const wasApplying = keyspace.applying;
  keyspace.applying = true;
  let complete = false;
  try {
    keyspace.events.silently(() => {
      loader.begin(reader, type, db, name, expireAtMs);
      while (loader.left > 0) loader.piece(reader);
    });
    complete = loader.exists;
  } finally {
    if (!complete) db.remove(name.buf, name.off, name.len);
    keyspace.applying = wasApplying;
  }
  if (!complete) throw BAD_DATA_FORMAT;
  return name;
}

/** A name that is no key's. */
function freeName(c: Call): ByteRange {
  const name = new ByteRange();
  for (let n = 1; ; n++) {
    name.room(n).fill(0);
    if (c.db.peekRaw(name.buf, 0, n) === 0) return name;
  }
}

/** Moves what `loadAside` made to the key at argument 1, in place of what was there. */
function adopt(c: Call, name: ByteRange, existing: Ref): Ref {
  const { db, req } = c;
  const { keyspace } = c.engine;
  if (existing !== 0) c.removeKey(1);
  const wasApplying = keyspace.applying;
  keyspace.applying = true;
  const ref = db.moveTo(db.peekRaw(name.buf, name.off, name.len), db, req.buf, req.off[1]!, req.len[1]!);
  keyspace.applying = wasApplying;
  c.modified(1);
  return ref;
}

export const dumpCommands: readonly Command[] = [
  command({
    name: 'dump', arity: 2, flags: 'readonly', group: 'generic', since: '2.6.0', categories: 'keyspace', keys: [keysAt(1, 'RO access')],
    tips: ['nondeterministic_output'], run: dump,
  }),
  command({
    name: 'restore', arity: -4, flags: 'write denyoom', group: 'generic', since: '2.6.0', categories: 'keyspace dangerous',
    keys: [keysAt(1, 'OW update')], run: restore,
  }),
  // What MIGRATE of a Redis in cluster mode sends.
  command({
    name: 'restore-asking', arity: -4, flags: 'write denyoom asking', group: 'generic', since: '3.0.0', categories: 'keyspace dangerous',
    keys: [keysAt(1, 'OW update')], run: restore,
  }),
];
