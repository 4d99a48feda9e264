/** INCR, DECR, INCRBY, DECRBY and INCRBYFLOAT: strings as numbers. */
import { addLongDoubles, formatLongDouble, longDoubleOf, parseLongDouble } from '../../shared/long-double.ts';
import { formatInteger, parseIntegerStrict, parsedInteger } from '../../shared/number-text.ts';
import { latin1Bytes, latin1Slice } from '../../shared/request.ts';
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import { DECREMENT_OVERFLOW, NAN_OR_INFINITY, NOT_FLOAT, NOT_INTEGER, OVERFLOW } from '../error-texts.ts';
import { KEEP_EXPIRY } from '../keyspace/database.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { Bytes, EntryType } from '../memory/entries.ts';

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

const bytes = new Bytes();
const digits = new Uint8Array(24);

/** Makes `len` bytes of `text` the string at argument 1, whose entry is `ref` (0: none); its expiry stays. */
function store(c: Call, ref: Ref, text: Uint8Array, len: number): void {
  const { req } = c;
  const { entries } = c.engine.keyspace;
  if (ref === 0 || entries.valueLength(ref) !== len) {
    c.db.setString(req.buf, req.off[1]!, req.len[1]!, text, 0, len, KEEP_EXPIRY);
    return;
  }
  // A counter mostly keeps its number of digits: no second search for the key.
  entries.value(ref, bytes);
  for (let i = 0; i < len; i++) bytes.buf[bytes.off + i] = text[i]!;
  entries.setTypeAndEncoding(ref, EntryType.string, 0);
  c.modified(1);
}

/** Adds a safe integer to the string at argument 1. */
function addSafe(c: Call, by: number): void {
  const ref = c.lookupWriteTyped(1, EntryType.string);
  // By an addition, which makes 0 of DECRBY's -0.
  let sum = 0 + by;
  if (ref !== 0) {
    c.engine.keyspace.entries.value(ref, bytes);
    if (!parseIntegerStrict(bytes.buf, bytes.off, bytes.len)) throw NOT_INTEGER;
    sum += parsedInteger.value;
    if (!parsedInteger.isSafe || !Number.isSafeInteger(sum)) {
      storeBig(c, ref, presentBig() + BigInt(by));
      return;
    }
  }
  store(c, ref, digits, formatInteger(digits, 0, sum));
  c.notify(KeyEvent.string, 'incrby', 1);
  c.changed();
  c.reply.integer(sum);
}

/** As `addSafe`, for what does not fit 53 bits. */
function addBig(c: Call, by: bigint): void {
  const ref = c.lookupWriteTyped(1, EntryType.string);
  let old = 0n;
  if (ref !== 0) {
    c.engine.keyspace.entries.value(ref, bytes);
    if (!parseIntegerStrict(bytes.buf, bytes.off, bytes.len)) throw NOT_INTEGER;
    old = presentBig();
  }
  storeBig(c, ref, old + by);
}

/** The integer parsed last. */
function presentBig(): bigint {
  return parsedInteger.isSafe ? BigInt(parsedInteger.value) : parsedInteger.big;
}

function storeBig(c: Call, ref: Ref, sum: bigint): void {
  if (sum > INT64_MAX || sum < INT64_MIN) throw OVERFLOW;
  const text = sum.toString();
  store(c, ref, latin1Bytes(text), text.length);
  c.notify(KeyEvent.string, 'incrby', 1);
  c.changed();
  c.reply.integerText(text);
}

/** Reads argument 2 into `parsedInteger`. */
function parseIncrement(c: Call): void {
  if (!parseIntegerStrict(c.req.buf, c.req.off[2]!, c.req.len[2]!)) throw NOT_INTEGER;
}

function incr(c: Call): void {
  addSafe(c, 1);
}

function decr(c: Call): void {
  addSafe(c, -1);
}

function incrby(c: Call): void {
  parseIncrement(c);
  if (parsedInteger.isSafe) addSafe(c, parsedInteger.value);
  else addBig(c, parsedInteger.big);
}

function decrby(c: Call): void {
  parseIncrement(c);
  if (parsedInteger.isSafe) addSafe(c, -parsedInteger.value);
  else if (parsedInteger.big === INT64_MIN) throw DECREMENT_OVERFLOW;
  else addBig(c, -parsedInteger.big);
}

const ZERO = longDoubleOf(0);

function incrbyfloat(c: Call): void {
  const ref = c.lookupWriteTyped(1, EntryType.string);
  let old = ZERO;
  if (ref !== 0) {
    c.engine.keyspace.entries.value(ref, bytes);
    const present = parseLongDouble(latin1Slice(bytes.buf, bytes.off, bytes.off + bytes.len));
    if (present === null) throw NOT_FLOAT;
    old = present;
  }
  const by = parseLongDouble(c.string(2));
  if (by === null) throw NOT_FLOAT;
  const sum = addLongDoubles(old, by);
  if (sum.special !== '') throw NAN_OR_INFINITY;
  const text = latin1Bytes(formatLongDouble(sum));
  store(c, ref, text, text.length);
  c.notify(KeyEvent.string, 'incrbyfloat', 1);
  // The value, not the sum: a replica does not calculate with floats.
  c.effect('SET', 4);
  c.effectArg(1);
  c.effectBytes(text, 0, text.length);
  c.effectText('KEEPTTL');
  c.reply.bulk(text, 0, text.length);
}

const KEYS = [keysAt(1, 'RW access update')];
const FLAGS = 'write denyoom fast';

export const stringNumberCommands: readonly Command[] = [
  command({ name: 'incr', arity: 2, flags: FLAGS, group: 'string', since: '1.0.0', keys: KEYS, run: incr }),
  command({ name: 'decr', arity: 2, flags: FLAGS, group: 'string', since: '1.0.0', keys: KEYS, run: decr }),
  command({ name: 'incrby', arity: 3, flags: FLAGS, group: 'string', since: '1.0.0', keys: KEYS, run: incrby }),
  command({ name: 'decrby', arity: 3, flags: FLAGS, group: 'string', since: '1.0.0', keys: KEYS, run: decrby }),
  command({ name: 'incrbyfloat', arity: 3, flags: FLAGS, group: 'string', since: '2.6.0', keys: KEYS, run: incrbyfloat }),
];
