/**
 * BITFIELD: integers of any width within a string.
 *
 * Widths of up to 52 bits are calculated with numbers, wider ones (and increments beyond 2^52) with bigints: both exactly.
 * The arguments are read twice, first for what is wrong with them and how far they reach, then to be carried out.
 */
import { FIELD_BITS_MAX, readField, writeField } from '../../shared/bits.ts';
import { parseIntegerStrict, parsedInteger } from '../../shared/number-text.ts';
import type { Call } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import { BITFIELD_OVERFLOW, BITFIELD_RO_ONLY_GET, BITFIELD_TYPE, BIT_OFFSET, NOT_INTEGER, SYNTAX } from '../error-texts.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { Bytes, EntryType } from '../memory/entries.ts';
import { checkBitOffset } from './bitmap.ts';
import { grow } from './string.ts';

const Action = { get: 0, set: 1, incrby: 2 } as const;
const Overflow = { wrap: 0, saturate: 1, fail: 2 } as const;

/** The operation that `readOperation` read last. */
const operation = {
  action: Action.get as number,
  /** How operations from here on treat what does not fit. */
  overflow: Overflow.wrap as number,
  isSigned: false,
  bits: 0,
  /** In bits. */
  offset: 0,
  /** Argument that holds the value or the increment. */
  valueAt: 0,
};

const value = new Bytes();

const SIGNED = 'i'.charCodeAt(0);
const UNSIGNED = 'u'.charCodeAt(0);
const HASH = '#'.charCodeAt(0);

function readType(c: Call, i: number): void {
  const off = c.req.off[i]!;
  const len = c.req.len[i]!;
  const sign = len === 0 ? 0 : c.req.buf[off]!;
  operation.isSigned = sign === SIGNED;
  if (!operation.isSigned && sign !== UNSIGNED) throw BITFIELD_TYPE;
  if (!parseIntegerStrict(c.req.buf, off + 1, len - 1)) throw BITFIELD_TYPE;
  operation.bits = parsedInteger.value;
  if (operation.bits < 1 || operation.bits > (operation.isSigned ? 64 : 63)) throw BITFIELD_TYPE;
}

/** The offset at argument i; `#` counts fields of the operation's width. */
function readOffset(c: Call, i: number): void {
  const off = c.req.off[i]!;
  const len = c.req.len[i]!;
  const inFields = len > 0 && c.req.buf[off] === HASH;
  if (!(inFields ? parseIntegerStrict(c.req.buf, off + 1, len - 1) : parseIntegerStrict(c.req.buf, off, len))) throw BIT_OFFSET;
  operation.offset = checkBitOffset(c, inFields ? parsedInteger.value * operation.bits : parsedInteger.value);
}

/**
 * Reads the operation at argument i, with the OVERFLOWs before it.
 * @returns the argument behind it, or -1 where there was none any more.
 */
function readOperation(c: Call, i: number): number {
  const { req } = c;
  let at = i;
  for (; at + 1 < req.argc && req.is(at, 'OVERFLOW'); at += 2) {
    if (req.is(at + 1, 'WRAP')) operation.overflow = Overflow.wrap;
    else if (req.is(at + 1, 'SAT')) operation.overflow = Overflow.saturate;
    else if (req.is(at + 1, 'FAIL')) operation.overflow = Overflow.fail;
    else throw BITFIELD_OVERFLOW;
  }
  if (at >= req.argc) return -1;
  const left = req.argc - at - 1;
  if (left >= 2 && req.is(at, 'GET')) operation.action = Action.get;
  else if (left >= 3 && req.is(at, 'SET')) operation.action = Action.set;
  else if (left >= 3 && req.is(at, 'INCRBY')) operation.action = Action.incrby;
  else throw SYNTAX;
  readType(c, at + 1);
  readOffset(c, at + 2);
  operation.valueAt = at + 3;
  return operation.action === Action.get ? at + 3 : at + 4;
}

const ARGUMENTS_AT = 2;

/** What all operations together want. */
const wanted = { operations: 0, bytesWritten: 0, grows: false };

function readAll(c: Call): void {
  wanted.operations = 0;
  wanted.bytesWritten = 0;
  wanted.grows = false;
  operation.overflow = Overflow.wrap;
  for (let at = readOperation(c, ARGUMENTS_AT); at >= 0; at = readOperation(c, at)) {
    wanted.operations++;
    if (operation.action === Action.get) continue;
    if (!parseIntegerStrict(c.req.buf, c.req.off[operation.valueAt]!, c.req.len[operation.valueAt]!)) throw NOT_INTEGER;
    wanted.bytesWritten = Math.max(wanted.bytesWritten, Math.floor((operation.offset + operation.bits - 1) / 8) + 1);
  }
}

// ---- Up to 52 bits ----

function readNumber(): number {
  const { bits } = operation;
  const plain = readField(value.buf, value.off, value.len, operation.offset, bits);
  return operation.isSigned && plain >= 2 ** (bits - 1) ? plain - 2 ** bits : plain;
}

/** What becomes of a number that shall be stored; NaN where it is refused. */
function fitNumber(wish: number): number {
  const { bits, isSigned } = operation;
  const size = 2 ** bits;
  const min = isSigned ? -size / 2 : 0;
  const max = min + size - 1;
  if (wish >= min && wish <= max) return wish;
  if (operation.overflow === Overflow.fail) return NaN;
  if (operation.overflow === Overflow.saturate) return isTooLarge(wish < 0) ? max : min;
  const wrapped = ((wish % size) + size) % size;
  return wrapped > max ? wrapped - size : wrapped;
}

/** Whether what does not fit is above the maximum. Redis takes a negative number that SET gives to an unsigned field for a huge one. */
function isTooLarge(isNegative: boolean): boolean {
  return !isNegative || (operation.action === Action.set && !operation.isSigned);
}

/** Carries out a SET or INCRBY; whether it changed the string: where that has grown, whatever was written did. */
function storeNumber(c: Call, argument: number): boolean {
  const old = readNumber();
  const isSet = operation.action === Action.set;
  const fitting = fitNumber(isSet ? argument : old + argument);
  if (Number.isNaN(fitting)) {
    c.reply.null();
    return false;
  }
  const size = 2 ** operation.bits;
  writeField(value.buf, value.off, operation.offset, operation.bits, fitting < 0 ? fitting + size : fitting);
  c.reply.integer(isSet ? old : fitting);
  return wanted.grows || fitting !== old;
}

// ---- Up to 64 bits ----

const LOW_BITS = 32;

/** How many bits stand before the low 32; all, where they are fewer. */
function readBig(): bigint {
  const { bits, offset } = operation;
  const low = Math.min(bits, LOW_BITS);
  const high = bits - low;
  const upper = BigInt(readField(value.buf, value.off, value.len, offset, high));
  const plain = (upper << BigInt(low)) | BigInt(readField(value.buf, value.off, value.len, offset + high, low));
  return operation.isSigned ? BigInt.asIntN(bits, plain) : plain;
}

function writeBig(stored: bigint): void {
  const { bits, offset } = operation;
  const low = Math.min(bits, LOW_BITS);
  const high = bits - low;
  const plain = BigInt.asUintN(bits, stored);
  writeField(value.buf, value.off, offset, high, Number(plain >> BigInt(low)));
  writeField(value.buf, value.off, offset + high, low, Number(BigInt.asUintN(low, plain)));
}

/** As `fitNumber`; null where it is refused. */
function fitBig(wish: bigint): bigint | null {
  const { bits, isSigned } = operation;
  const size = 1n << BigInt(bits);
  const min = isSigned ? -size / 2n : 0n;
  const max = min + size - 1n;
  if (wish >= min && wish <= max) return wish;
  if (operation.overflow === Overflow.fail) return null;
  if (operation.overflow === Overflow.saturate) return isTooLarge(wish < 0n) ? max : min;
  return isSigned ? BigInt.asIntN(bits, wish) : BigInt.asUintN(bits, wish);
}

/** As `storeNumber`. */
function storeBig(c: Call, argument: bigint): boolean {
  const old = readBig();
  const isSet = operation.action === Action.set;
  const fitting = fitBig(isSet ? argument : old + argument);
  if (fitting === null) {
    c.reply.null();
    return false;
  }
  writeBig(fitting);
  c.reply.integerText((isSet ? old : fitting).toString());
  return wanted.grows || fitting !== old;
}

// ---- The commands ----

const NUMBER_MAX = 2 ** FIELD_BITS_MAX;

function store(c: Call): boolean {
  parseIntegerStrict(c.req.buf, c.req.off[operation.valueAt]!, c.req.len[operation.valueAt]!);
  const { isSafe, value: argument } = parsedInteger;
  if (operation.bits <= FIELD_BITS_MAX && Math.abs(argument) <= NUMBER_MAX) return storeNumber(c, argument);
  return storeBig(c, isSafe ? BigInt(argument) : parsedInteger.big);
}

/** Carries out all operations on `value`; returns how many changed it. */
function runAll(c: Call): number {
  let changes = 0;
  operation.overflow = Overflow.wrap;
  for (let at = readOperation(c, ARGUMENTS_AT); at >= 0; at = readOperation(c, at)) {
    if (operation.action !== Action.get) {
      if (store(c)) changes++;
    } else if (operation.bits <= FIELD_BITS_MAX) c.reply.integer(readNumber());
    else c.reply.integerText(readBig().toString());
  }
  return changes;
}

function readOnly(c: Call): void {
  const ref = c.lookupTyped(1, EntryType.string);
  if (ref === 0) value.len = 0;
  else c.engine.keyspace.entries.value(ref, value);
  c.reply.array(wanted.operations);
  runAll(c);
}

function bitfield(c: Call): void {
  readAll(c);
  if (wanted.bytesWritten === 0) {
    readOnly(c);
    return;
  }
  const { entries } = c.engine.keyspace;
  const ref = c.lookupWriteTyped(1, EntryType.string);
  const grows = ref === 0 || entries.valueLength(ref) < wanted.bytesWritten;
  wanted.grows = grows;
  if (grows) {
    const grown = grow(c, ref, wanted.bytesWritten);
    value.buf = grown.buf;
    value.off = grown.off;
    value.len = grown.len;
  } else {
    entries.value(ref, value);
    entries.setRaw(ref);
  }
  c.reply.array(wanted.operations);
  const changes = runAll(c);
  if (changes > 0 && !grows) c.modified(1);
  if (changes > 0) c.notify(KeyEvent.string, 'setbit', 1);
  // A string stays grown even if every operation was refused, and a replica's must be as long.
  if (changes > 0 || grows) c.changed(Math.max(1, changes));
}

function bitfieldRo(c: Call): void {
  readAll(c);
  if (wanted.bytesWritten > 0) throw BITFIELD_RO_ONLY_GET;
  readOnly(c);
}

export const bitfieldCommands: readonly Command[] = [
  command({
    name: 'bitfield', arity: -2, flags: 'write denyoom', group: 'bitmap', since: '3.2.0', keys: [keysAt(1, 'RW access update variable_flags')], run: bitfield,
  }),
  command({ name: 'bitfield_ro', arity: -2, flags: 'readonly fast', group: 'bitmap', since: '6.0.0', keys: [keysAt(1, 'RO access')], run: bitfieldRo }),
];
