/**
 * Replies as bytes: RESP2 and RESP3, written one behind the other into one growing buffer.
 *
 * The writer knows nothing of connections: who shares it among several takes ranges of `buf` by `pos`. When `buf` grows
 * it becomes another array; ranges taken of the old one stay what they were.
 */
import { ByteCopier, viewOf } from '../shared/byte-copier.ts';
import { invariant } from '../shared/errors.ts';
import { digitCount, formatDouble, formatInteger } from '../shared/number-text.ts';
import type { Reply } from '../shared/reply.ts';
import { latin1Bytes, writeLatin1 } from '../shared/request.ts';

const LF = 10;
const CR = 13;
const SPACE = 32;
const HASH = 35;
const DOLLAR = 36;
const PERCENT = 37;
const BAR = 124;
const OPEN_PARENTHESIS = 40;
const STAR = 42;
const PLUS = 43;
const COMMA = 44;
const MINUS = 45;
const ZERO = 48;
const COLON = 58;
const EQUALS = 61;
const GREATER = 62;
const LOWER_F = 102;
const LOWER_T = 116;
const TILDE = 126;

const OK_REPLY = latin1Bytes('+OK\r\n');
const NULL_BULK = latin1Bytes('$-1\r\n');
const NULL_ARRAY = latin1Bytes('*-1\r\n');
const NULL_3 = latin1Bytes('_\r\n');

/** A safe integer. */
const INTEGER_BYTES_MAX = 17;
/** A type byte, an integer, CR and LF. */
const HEADER_BYTES_MAX = INTEGER_BYTES_MAX + 3;
/** So many replies in a row that would have fit the first size, and an outgrown buffer is given up. */
const SMALL_RESETS_MAX = 32;

export class RespWriter implements Reply {
  /** The output is bytes [0, pos). */
  buf: Uint8Array;
  pos = 0;
  proto: 2 | 3 = 2;
  errors = 0;
  lastError = '';
  /** Bytes of one reply at most. A longer one is forgotten as far as it goes, which its owner sees by `isFull`. */
  replyBytesMax = Infinity;
  /** Where the reply under way begins. */
  replyStart = 0;
  isFull = false;

  readonly #initialBytes: number;
  /** Of `buf`. */
  #view: DataView;
  readonly #copier = new ByteCopier();
  readonly #digits: Uint8Array = new Uint8Array(INTEGER_BYTES_MAX);
  #smallResets = 0;

  constructor(initialBytes = 64 * 1024) {
    this.#initialBytes = initialBytes;
    this.buf = new Uint8Array(initialBytes);
    this.#view = viewOf(this.buf);
  }

  /** Forgets the output. An outgrown buffer is given up for a small one once small outputs are the rule again. */
  reset(): void {
    if (this.buf.length > this.#initialBytes) {
      this.#smallResets = this.pos > this.#initialBytes ? 0 : this.#smallResets + 1;
      if (this.#smallResets >= SMALL_RESETS_MAX) {
        this.#smallResets = 0;
        this.#use(new Uint8Array(this.#initialBytes));
      }
    }
    this.pos = 0;
    this.#copier.forget();
  }

  #use(buf: Uint8Array): void {
    this.buf = buf;
    this.#view = viewOf(buf);
  }

  /** Makes room for `bytes` more. */
  #ensure(bytes: number): void {
    if (this.pos + bytes > this.buf.length) this.#grow(bytes);
  }

  #grow(bytes: number): void {
    if (this.pos + bytes - this.replyStart > this.replyBytesMax) {
      this.isFull = true;
      this.pos = this.replyStart;
      if (this.pos + bytes <= this.buf.length) return;
    }
    let capacity = this.buf.length * 2;
    while (capacity < this.pos + bytes) capacity *= 2;
    const larger = new Uint8Array(capacity);
    larger.set(this.buf.subarray(0, this.pos));
    this.#use(larger);
    this.#smallResets = 0;
  }

  // ---- Pieces ----

  #constant(bytes: Uint8Array): void {
    const length = bytes.length;
    this.#ensure(length);
    const { buf, pos } = this;
    for (let i = 0; i < length; i++) buf[pos + i] = bytes[i]!;
    this.pos = pos + length;
  }

  /** A type byte, a number, CR LF. */
  #header(type: number, value: number): void {
    this.#ensure(HEADER_BYTES_MAX);
    this.pos = writeHeader(this.buf, this.pos, type, value);
  }

  /** Chars as bytes. The caller has seen to room. */
  #chars(text: string): void {
    this.pos = writeLatin1(text, this.buf, this.pos);
  }

  /** CR LF. The caller has seen to room. */
  #lineEnd(): void {
    this.buf[this.pos++] = CR;
    this.buf[this.pos++] = LF;
  }

  /** A type byte, text, CR LF. */
  #line(type: number, text: string): void {
    this.#ensure(text.length + 3);
    this.buf[this.pos++] = type;
    this.#chars(text);
    this.#lineEnd();
  }

  // ---- Replies ----

  ok(): void {
    this.#constant(OK_REPLY);
  }

  status(text: string): void {
    this.#line(PLUS, text);
  }

  error(text: string): void {
    this.errors++;
    this.lastError = text;
    const start = this.pos + 1;
    this.#line(MINUS, text);
    const { buf } = this;
    for (let i = this.pos - 3; i >= start; i--) if (buf[i] === CR || buf[i] === LF) buf[i] = SPACE;
  }

  integer(value: number): void {
    this.#header(COLON, value);
  }

  integerText(text: string): void {
    this.#line(COLON, text);
  }

  bulk(source: Uint8Array, off: number, len: number): void {
    this.#ensure(len + HEADER_BYTES_MAX + 2);
    const { buf } = this;
    const pos = writeHeader(buf, this.pos, DOLLAR, len);
    this.#copier.copy(source, off, buf, this.#view, pos, len);
    buf[pos + len] = CR;
    buf[pos + len + 1] = LF;
    this.pos = pos + len + 2;
  }

  bulkString(text: string): void {
    this.#ensure(text.length + HEADER_BYTES_MAX + 2);
    this.pos = writeHeader(this.buf, this.pos, DOLLAR, text.length);
    this.#chars(text);
    this.#lineEnd();
  }

  double(value: number): void {
    // Most scores are whole numbers, which need no string.
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
      if (this.proto === 3) this.#header(COMMA, value);
      else this.bulk(this.#digits, 0, formatInteger(this.#digits, 0, value));
      return;
    }
    this.doubleText(formatDouble(value));
  }

  doubleText(text: string): void {
    if (this.proto === 3) this.#line(COMMA, text);
    else this.bulkString(text);
  }

  boolean(value: boolean): void {
    if (this.proto === 2) {
      this.#header(COLON, value ? 1 : 0);
      return;
    }
    this.#ensure(4);
    this.buf[this.pos++] = HASH;
    this.buf[this.pos++] = value ? LOWER_T : LOWER_F;
    this.#lineEnd();
  }

  null(): void {
    this.#constant(this.proto === 3 ? NULL_3 : NULL_BULK);
  }

  nullArray(): void {
    this.#constant(this.proto === 3 ? NULL_3 : NULL_ARRAY);
  }

  array(length: number): void {
    this.#header(STAR, length);
  }

  map(pairs: number): void {
    if (this.proto === 3) this.#header(PERCENT, pairs);
    else this.#header(STAR, 2 * pairs);
  }

  set(length: number): void {
    this.#header(this.proto === 3 ? TILDE : STAR, length);
  }

  attribute(pairs: number): void {
    this.#header(BAR, pairs);
  }

  push(length: number): void {
    this.#header(this.proto === 3 ? GREATER : STAR, length);
  }

  verbatim(format: string, text: string): void {
    if (this.proto === 2) {
      this.bulkString(text);
      return;
    }
    invariant(format.length === 3, 'a verbatim string has a format of three letters');
    this.#ensure(text.length + HEADER_BYTES_MAX + 6);
    this.pos = writeHeader(this.buf, this.pos, EQUALS, text.length + 4);
    this.#chars(format);
    this.buf[this.pos++] = COLON;
    this.#chars(text);
    this.#lineEnd();
  }

  bigNumber(text: string): void {
    if (this.proto === 3) this.#line(OPEN_PARENTHESIS, text);
    else this.bulkString(text);
  }

  /** Bytes that are RESP already: a reply of another node, or one kept from before. */
  raw(source: Uint8Array, off: number, len: number): void {
    this.#ensure(len);
    this.#copier.copy(source, off, this.buf, this.#view, this.pos, len);
    this.pos += len;
  }

  // ---- Marks ----

  mark(): number {
    return this.pos;
  }

  rewind(mark: number): void {
    this.pos = this.isFull ? this.replyStart : mark;
  }

  insertArray(mark: number, length: number): void {
    this.#insert(mark, STAR, length);
  }

  insertMap(mark: number, pairs: number): void {
    if (this.proto === 3) this.#insert(mark, PERCENT, pairs);
    else this.#insert(mark, STAR, 2 * pairs);
  }

  insertSet(mark: number, length: number): void {
    this.#insert(mark, this.proto === 3 ? TILDE : STAR, length);
  }

  #insert(mark: number, type: number, value: number): void {
    if (this.isFull) return;
    const size = digitCount(value) + 3;
    this.#ensure(size);
    if (this.isFull) return;
    this.buf.copyWithin(mark + size, mark, this.pos);
    writeHeader(this.buf, mark, type, value);
    this.pos += size;
  }
}

/** Writes a type byte, a safe integer, CR and LF; returns the position behind. */
function writeHeader(buf: Uint8Array, pos: number, type: number, value: number): number {
  let at = pos;
  buf[at++] = type;
  // Most lengths and counts are of three digits at most.
  if (value >= 0 && value < 10) buf[at++] = ZERO + value;
  else if (value >= 10 && value < 100) {
    const tens = (value / 10) | 0;
    buf[at++] = ZERO + tens;
    buf[at++] = ZERO + value - tens * 10;
  } else if (value >= 100 && value < 1000) {
    const hundreds = (value / 100) | 0;
    const rest = value - hundreds * 100;
    const tens = (rest / 10) | 0;
    buf[at++] = ZERO + hundreds;
    buf[at++] = ZERO + tens;
    buf[at++] = ZERO + rest - tens * 10;
  } else at = formatInteger(buf, at, value);
  buf[at] = CR;
  buf[at + 1] = LF;
  return at + 2;
}
