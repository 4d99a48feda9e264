/** HINCRBY and HINCRBYFLOAT. */
import { addLongDoubles, formatLongDouble, parseLongDouble } from '../../shared/long-double.ts';
import { latin1Bytes, latin1Slice } from '../../shared/request.ts';
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import {
  HASH_NOT_FLOAT, HASH_NOT_INTEGER, INCREMENT_INFINITE, NAN_OR_INFINITY, NOT_FLOAT, NOT_INTEGER, OVERFLOW,
} from '../error-texts.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { Bytes, EntryType, NO_EXPIRY } from '../memory/entries.ts';
import { INTEGER_TEXT_BYTES, IntegerWords, formatWords } from '../types/integer-words.ts';

const bytes = new Bytes();
const sum = new IntegerWords();
const increment = new IntegerWords();
const digits = new Uint8Array(INTEGER_TEXT_BYTES);

/** Sets the field at argument 2 in the hash `ref`, or 0 in a new one at argument 1. */
function setField(c: Call, ref: Ref, buf: Uint8Array, off: number, len: number): void {
  const { req } = c;
  const { hashes } = c.engine.types;
  if (ref === 0) {
    ref = c.addCollection(1, EntryType.hash);
    hashes.begin(ref, 1, 0, 0);
  } else c.modified(1);
  hashes.set(ref, req.buf, req.off[2]!, req.len[2]!, buf, off, len);
}

function hincrby(c: Call): void {
  const { req } = c;
  if (!increment.parse(req.buf, req.off[3]!, req.len[3]!)) throw NOT_INTEGER;
  const ref = c.lookupWriteTyped(1, EntryType.hash);
  sum.hi = sum.lo = 0;
  if (ref !== 0 && c.engine.types.hashes.get(ref, req.buf, req.off[2]!, req.len[2]!, bytes)) {
    if (!sum.parse(bytes.buf, bytes.off, bytes.len)) throw HASH_NOT_INTEGER;
  }
  if (!sum.add(increment.hi, increment.lo)) throw OVERFLOW;
  const start = formatWords(sum.hi, sum.lo, digits);
  setField(c, ref, digits, start, INTEGER_TEXT_BYTES - start);
  c.notify(KeyEvent.hash, 'hincrby', 1);
  c.changed();
  const value = sum.hi * 4294967296 + (sum.lo >>> 0);
  if (Number.isSafeInteger(value)) c.reply.integer(value);
  else c.reply.integerText(latin1Slice(digits, start, INTEGER_TEXT_BYTES));
}

function hincrbyfloat(c: Call): void {
  const { req } = c;
  const by = parseLongDouble(c.string(3));
  if (by === null) throw NOT_FLOAT;
  if (by.special !== '') throw INCREMENT_INFINITE;
  // Both stand in the log twice where the field has an end.
  c.mustFitRecord(2, 2 * (req.len[1]! + req.len[2]!));
  const ref = c.lookupWriteTyped(1, EntryType.hash);
  let result = by;
  if (ref !== 0 && c.engine.types.hashes.get(ref, req.buf, req.off[2]!, req.len[2]!, bytes)) {
    const old = parseLongDouble(latin1Slice(bytes.buf, bytes.off, bytes.off + bytes.len));
    if (old === null) throw HASH_NOT_FLOAT;
    result = addLongDoubles(old, by);
    if (result.special !== '') throw NAN_OR_INFINITY;
  }
  const text = latin1Bytes(formatLongDouble(result));
  setField(c, ref, text, 0, text.length);
  c.notify(KeyEvent.hash, 'hincrbyfloat', 1);
  // The value, not the sum: a replica does not calculate with floats.
  c.effect('HSET', 4);
  c.effectArg(1);
  c.effectArg(2);
  c.effectBytes(text, 0, text.length);
  logEnd(c, ref);
  c.reply.bulk(text, 0, text.length);
}

/** HSET makes a field stay. Here it goes on ending when it did, and the log must say so. */
function logEnd(c: Call, ref: Ref): void {
  if (ref === 0) return;
  const { req } = c;
  const endsAtMs = c.engine.types.hashes.times.at(ref, req.buf, req.off[2]!, req.len[2]!);
  if (endsAtMs === NO_EXPIRY) return;
  c.effect('HPEXPIREAT', 6);
  c.effectArg(1);
  c.effectInteger(endsAtMs);
  c.effectText('FIELDS');
  c.effectText('1');
  c.effectArg(2);
}

const KEYS = [keysAt(1, 'RW access update')];

export const hashNumberCommands: readonly Command[] = [
  command({ name: 'hincrby', arity: 4, flags: 'write denyoom fast', group: 'hash', since: '2.0.0', keys: KEYS, run: hincrby }),
  command({ name: 'hincrbyfloat', arity: 4, flags: 'write denyoom fast', group: 'hash', since: '2.6.0', keys: KEYS, run: hincrbyfloat }),
];
