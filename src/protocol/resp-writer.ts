/**
 * Writes replies as RESP2 or RESP3 into one growing buffer.
 *
 * Owns its buffer and nothing of a connection: who sends the bytes, and when the buffer may be reused, is the server's.
 * When the buffer grows it becomes another array, and ranges taken from the old one stay as they were.
 */
import { formatDouble, formatInteger } from '../shared/number-text.ts';
import type { Reply } from '../shared/reply.ts';

const CAPACITY_MIN = 64 * 1024;
/** After a larger reply the buffer goes back to its first size at `reset`. */
const CAPACITY_KEPT_MAX = 1024 * 1024;
const CR = 13;
const LF = 10;
/** Up to here a loop copies faster than subarray and set. */
const LOOP_COPY_MAX = 64;

const TYPE = {
  status: 43, error: 45, integer: 58, bulk: 36, array: 42, map: 37, set: 126, push: 62, double: 44, boolean: 35,
  verbatim: 61, bigNumber: 40,
} as const;

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

const OK = ascii('+OK\r\n');
const NULL2 = ascii('$-1\r\n');
const NULL_ARRAY2 = ascii('*-1\r\n');
const NULL3 = ascii('_\r\n');
const TRUE3 = ascii('#t\r\n');
const FALSE3 = ascii('#f\r\n');

export class RespWriter implements Reply {
  proto: 2 | 3 = 2;
  errors = 0;
  lastError = '';
  buf: Uint8Array = new Uint8Array(CAPACITY_MIN);
  /** Bytes written. */
  pos = 0;

  /** Begins anew; nobody may hold ranges of the buffer any more. */
  reset(): void {
    this.pos = 0;
    if (this.buf.length > CAPACITY_KEPT_MAX) this.buf = new Uint8Array(CAPACITY_MIN);
  }

  /** What was written, as a window on the buffer. */
  bytes(): Uint8Array {
    return this.buf.subarray(0, this.pos);
  }

  ok(): void {
    this.#constant(OK);
  }

  status(text: string): void {
    this.#line(TYPE.status, text);
  }

  error(text: string): void {
    this.errors++;
    this.lastError = text;
    this.#line(TYPE.error, text);
  }

  integer(value: number): void {
    this.#reserve(24);
    const { buf } = this;
    let { pos } = this;
    buf[pos++] = TYPE.integer;
    if (value >= 0 && value < 10) buf[pos++] = 48 + value;
    else pos = formatInteger(buf, pos, value);
    buf[pos++] = CR;
    buf[pos++] = LF;
    this.pos = pos;
  }

  integerText(text: string): void {
    this.#line(TYPE.integer, text);
  }

  bulk(bytes: Uint8Array, off: number, len: number): void {
    this.#reserve(len + 24);
    this.#header(TYPE.bulk, len);
    const { buf } = this;
    let { pos } = this;
    if (len > LOOP_COPY_MAX) buf.set(bytes.subarray(off, off + len), pos);
    else for (let i = 0; i < len; i++) buf[pos + i] = bytes[off + i]!;
    pos += len;
    buf[pos++] = CR;
    buf[pos++] = LF;
    this.pos = pos;
  }

  bulkString(text: string): void {
    this.#reserve(text.length + 24);
    this.#header(TYPE.bulk, text.length);
    this.#text(text);
    this.#end();
  }

  double(value: number): void {
    const text = formatDouble(value);
    if (this.proto === 3) this.#line(TYPE.double, text);
    else this.bulkString(text);
  }

  boolean(value: boolean): void {
    if (this.proto === 3) this.#constant(value ? TRUE3 : FALSE3);
    else this.integer(value ? 1 : 0);
  }

  null(): void {
    this.#constant(this.proto === 3 ? NULL3 : NULL2);
  }

  nullArray(): void {
    this.#constant(this.proto === 3 ? NULL3 : NULL_ARRAY2);
  }

  array(length: number): void {
    this.#aggregate(TYPE.array, length);
  }

  map(pairs: number): void {
    if (this.proto === 3) this.#aggregate(TYPE.map, pairs);
    else this.#aggregate(TYPE.array, pairs * 2);
  }

  set(length: number): void {
    this.#aggregate(this.proto === 3 ? TYPE.set : TYPE.array, length);
  }

  push(length: number): void {
    this.#aggregate(this.proto === 3 ? TYPE.push : TYPE.array, length);
  }

  verbatim(format: string, text: string): void {
    if (this.proto === 2) {
      this.bulkString(text);
      return;
    }
    this.#reserve(text.length + 28);
    this.#header(TYPE.verbatim, text.length + 4);
    this.#text(format);
    this.buf[this.pos++] = 58;
    this.#text(text);
    this.#end();
  }

  bigNumber(text: string): void {
    if (this.proto === 3) this.#line(TYPE.bigNumber, text);
    else this.bulkString(text);
  }

  mark(): number {
    return this.pos;
  }

  rewind(mark: number): void {
    this.pos = mark;
  }

  insertArray(mark: number, length: number): void {
    this.#insert(mark, TYPE.array, length);
  }

  insertMap(mark: number, pairs: number): void {
    if (this.proto === 3) this.#insert(mark, TYPE.map, pairs);
    else this.#insert(mark, TYPE.array, pairs * 2);
  }

  insertSet(mark: number, length: number): void {
    this.#insert(mark, this.proto === 3 ? TYPE.set : TYPE.array, length);
  }

  #insert(mark: number, type: number, length: number): void {
    const end = this.pos;
    this.#aggregate(type, length);
    const header = this.buf.slice(end, this.pos);
    this.buf.copyWithin(mark + header.length, mark, end);
    this.buf.set(header, mark);
  }

  #aggregate(type: number, length: number): void {
    this.#reserve(24);
    this.#header(type, length);
  }

  /** Type, length and line end; room for 24 bytes must be reserved. */
  #header(type: number, length: number): void {
    const { buf } = this;
    let { pos } = this;
    buf[pos++] = type;
    if (length < 10) buf[pos++] = 48 + length;
    else if (length < 100) {
      const tens = (length / 10) | 0;
      buf[pos++] = 48 + tens;
      buf[pos++] = 48 + length - tens * 10;
    } else pos = formatInteger(buf, pos, length);
    buf[pos++] = CR;
    buf[pos++] = LF;
    this.pos = pos;
  }

  #line(type: number, text: string): void {
    this.#reserve(text.length + 8);
    this.buf[this.pos++] = type;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      this.buf[this.pos++] = code === CR || code === LF ? 32 : code;
    }
    this.#end();
  }

  #text(text: string): void {
    for (let i = 0; i < text.length; i++) this.buf[this.pos++] = text.charCodeAt(i);
  }

  #end(): void {
    this.buf[this.pos++] = CR;
    this.buf[this.pos++] = LF;
  }

  #constant(bytes: Uint8Array): void {
    this.#reserve(8);
    for (let i = 0; i < bytes.length; i++) this.buf[this.pos + i] = bytes[i]!;
    this.pos += bytes.length;
  }

  #reserve(bytes: number): void {
    if (this.pos + bytes <= this.buf.length) return;
    const grown = new Uint8Array(Math.max(this.buf.length * 2, this.pos + bytes));
    grown.set(this.buf.subarray(0, this.pos));
    this.buf = grown;
  }
}
