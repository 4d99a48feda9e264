/** DEBUG OBJECT's serializedlength: bytes of a value in an RDB file, in RDB's plain forms and without compression. */
import { parseIntegerStrict, parsedInteger } from '../shared/number-text.ts';
import type { Ref } from './call.ts';
import type { Engine } from './engine.ts';
import { Bytes } from './memory/entries.ts';
import type { ElementVisitor } from './types/collection.ts';

const SCORE_BYTES = 8;
/** A time takes about so many in a file. */
const TIME_BYTES = 5;

/** Bytes of a length in RDB: 6 bits, 14 bits, 32 bits. */
function lengthBytes(length: number): number {
  return length < 64 ? 1 : length < 16384 ? 2 : 5;
}

/** Bytes of a string in RDB, which stores integers of up to 32 bits as such. */
function stringBytes(buf: Uint8Array, off: number, len: number): number {
  if (len <= 11 && parseIntegerStrict(buf, off, len)) {
    const { value } = parsedInteger;
    if (value >= -128 && value <= 127) return 2;
    if (value >= -32768 && value <= 32767) return 3;
    if (value === (value | 0)) return 5;
  }
  return lengthBytes(len) + len;
}

class Sum implements ElementVisitor {
  bytes = 0;

  element(buf: Uint8Array, off: number, len: number): void {
    this.bytes += stringBytes(buf, off, len);
  }

  field(buf: Uint8Array, off: number, len: number, valueBuf: Uint8Array, valueOff: number, valueLen: number): void {
    this.bytes += stringBytes(buf, off, len) + stringBytes(valueBuf, valueOff, valueLen);
  }

  fieldEnds(): void {
    this.bytes += TIME_BYTES;
  }

  scored(buf: Uint8Array, off: number, len: number): void {
    this.bytes += stringBytes(buf, off, len) + SCORE_BYTES;
  }
}

export function serializedLength(engine: Engine, ref: Ref): number {
  const { keyspace, types } = engine;
  const collection = types.collection(keyspace.entries.type(ref));
  if (collection === null) {
    const value = new Bytes();
    keyspace.entries.value(ref, value);
    return stringBytes(value.buf, value.off, value.len);
  }
  const sum = new Sum();
  collection.visit(ref, sum);
  return lengthBytes(collection.length(ref)) + sum.bytes;
}
