/** Strings as arrays of bits: SETBIT, GETBIT, BITCOUNT, BITPOS. */
import { countBytes, countOnes, firstBit } from '../../shared/bits.ts';
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import { BITPOS_BIT, BIT_NOT_INTEGER, BIT_OFFSET, SYNTAX } from '../error-texts.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { Bytes, EntryType } from '../memory/entries.ts';
import { grow } from './string.ts';

const bytes = new Bytes();

/** `offset` as the place of a bit of a string. @throws BIT_OFFSET where no string may be so long. */
export function checkBitOffset(c: Call, offset: number): number {
  // Who applies the log takes what the primary, whose limit may be another, has taken.
  const tooFar = !c.applying && Math.floor(offset / 8) >= c.engine.limits.protoMaxBulkLen;
  if (offset < 0 || tooFar) throw BIT_OFFSET;
  return offset;
}

function bitArgument(c: Call, i: number): number {
  const bit = c.integer(i, BIT_NOT_INTEGER);
  if (bit !== 0 && bit !== 1) throw BIT_NOT_INTEGER;
  return bit;
}

function setbit(c: Call): void {
  const offset = checkBitOffset(c, c.integer(2, BIT_OFFSET));
  const bit = bitArgument(c, 3);
  const { entries } = c.engine.keyspace;
  const ref = c.lookupWriteTyped(1, EntryType.string);
  const at = Math.floor(offset / 8);
  const grows = ref === 0 || at >= entries.valueLength(ref);
  let value = bytes;
  if (grows) value = grow(c, ref, at + 1);
  else {
    entries.value(ref, value);
    entries.setRaw(ref);
  }
  const place = value.off + at;
  const shift = 7 - (offset % 8);
  const old = (value.buf[place]! >> shift) & 1;
  c.reply.integer(old);
  if (old === bit && !grows) return;
  value.buf[place] = (value.buf[place]! & ~(1 << shift)) | (bit << shift);
  if (!grows) c.modified(1);
  c.notify(KeyEvent.string, 'setbit', 1);
  c.changed();
}

function getbit(c: Call): void {
  const offset = checkBitOffset(c, c.integer(2, BIT_OFFSET));
  const ref = c.lookupTyped(1, EntryType.string);
  const at = Math.floor(offset / 8);
  if (ref === 0 || at >= c.engine.keyspace.entries.valueLength(ref)) {
    c.reply.integer(0);
    return;
  }
  c.engine.keyspace.entries.value(ref, bytes);
  c.reply.integer((bytes.buf[bytes.off + at]! >> (7 - (offset % 8))) & 1);
}

/** A range as arguments give it, then (after `settleRange`) its first and last bit within a string. */
const range = { start: 0, end: 0, hasEnd: false, inBits: false };

/** Reads the optional [start [end [BYTE | BIT]]] from argument `first` to the last into `range`. */
function parseRange(c: Call, first: number): void {
  const { req } = c;
  const given = req.argc - first;
  if (given > 3) throw SYNTAX;
  range.start = given > 0 ? c.integer(first) : 0;
  range.inBits = given === 3 && req.is(first + 2, 'BIT');
  if (given === 3 && !range.inBits && !req.is(first + 2, 'BYTE')) throw SYNTAX;
  range.hasEnd = given > 1;
  range.end = range.hasEnd ? c.integer(first + 1) : -1;
}

/** Turns `range` into the first and the last bit that it has of a string of `length` bytes; none where start > end. */
function settleRange(length: number): void {
  const total = range.inBits ? length * 8 : length;
  if (range.start < 0) range.start = Math.max(0, total + range.start);
  if (range.end < 0 && range.hasEnd) range.end = Math.max(0, total + range.end);
  if (!range.hasEnd || range.end >= total) range.end = total - 1;
  if (range.inBits) return;
  range.start *= 8;
  range.end = range.end * 8 + 7;
}

/** Bits of a range's first and last byte that are outside of it, or a byte of which a part is looked at. */
const edges = new Uint8Array(2);

/** Set bits among those of `range`, which must not be empty; `words` are those of the value's bytes. */
function onesInRange(value: Bytes, words: Int32Array): number {
  const first = Math.floor(range.start / 8);
  const last = Math.floor(range.end / 8);
  const before = (value.buf[value.off + first]! & ~(0xff >> (range.start % 8))) & 0xff;
  const behind = value.buf[value.off + last]! & (0x7f >> (range.end % 8));
  edges[0] = before;
  edges[1] = behind;
  return countOnes(value.buf, words, value.off + first, last - first + 1) - countBytes(edges, 0, 2);
}

function bitcount(c: Call): void {
  parseRange(c, 2);
  const ref = c.lookupTyped(1, EntryType.string);
  const isBackwards = range.start < 0 && range.hasEnd && range.end < 0 && range.start > range.end;
  if (ref === 0 || isBackwards) {
    c.reply.integer(0);
    return;
  }
  const { entries } = c.engine.keyspace;
  entries.value(ref, bytes);
  settleRange(bytes.len);
  c.reply.integer(range.start > range.end ? 0 : onesInRange(bytes, entries.words(ref)));
}

/** Place of the first bit of `range`, which must not be empty, that is `bit`; -1 where there is none. */
function positionInRange(value: Bytes, bit: number): number {
  const first = Math.floor(range.start / 8);
  const last = Math.floor(range.end / 8);
  const at = value.off + first;
  const skip = range.start % 8;
  // The first byte alone, without what stands before the range in it.
  edges[0] = bit === 1 ? value.buf[at]! & (0xff >> skip) : value.buf[at]! | ~(0xff >> skip);
  let found = firstBit(edges, 0, 1, bit);
  if (found < 0) {
    found = firstBit(value.buf, at + 1, last - first, bit);
    if (found >= 0) found += 8;
  }
  if (found < 0) return -1;
  const place = first * 8 + found;
  return place > range.end ? -1 : place;
}

function bitpos(c: Call): void {
  const bit = c.integer(2);
  if (bit !== 0 && bit !== 1) throw BITPOS_BIT;
  parseRange(c, 3);
  const ref: Ref = c.lookupTyped(1, EntryType.string);
  if (ref === 0) {
    c.reply.integer(bit === 1 ? -1 : 0);
    return;
  }
  c.engine.keyspace.entries.value(ref, bytes);
  const { hasEnd } = range;
  settleRange(bytes.len);
  if (range.start > range.end) {
    c.reply.integer(-1);
    return;
  }
  const found = positionInRange(bytes, bit);
  // Without an end the string goes on with zeros.
  c.reply.integer(found < 0 && bit === 0 && !hasEnd ? bytes.len * 8 : found);
}

export const bitmapCommands: readonly Command[] = [
  command({ name: 'setbit', arity: 4, flags: 'write denyoom', group: 'bitmap', since: '2.2.0', keys: [keysAt(1, 'RW access update')], run: setbit }),
  command({ name: 'getbit', arity: 3, flags: 'readonly fast', group: 'bitmap', since: '2.2.0', keys: [keysAt(1, 'RO access')], run: getbit }),
  command({ name: 'bitcount', arity: -2, flags: 'readonly', group: 'bitmap', since: '2.6.0', keys: [keysAt(1, 'RO access')], run: bitcount }),
  command({ name: 'bitpos', arity: -3, flags: 'readonly', group: 'bitmap', since: '2.8.7', keys: [keysAt(1, 'RO access')], run: bitpos }),
];
