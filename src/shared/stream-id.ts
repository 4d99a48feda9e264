/**
 * Ids of a stream's entries: two unsigned 64-bit numbers, milliseconds and sequence, in four 32-bit words each of which is
 * kept as a signed integer. Exact over the whole range; text is "ms-seq".
 */
import { formatInteger } from './number-text.ts';
import { latin1Slice, writeLatin1 } from './request.ts';

const WORD = 4294967296;
const ZERO = 48;
const PLUS = 43;
const DASH = 45;
const STAR = 42;
const SPACE = 32;
/** Longer text is no id, as in Redis. */
const ID_TEXT_MAX = 127;
/** Room for any id as text. */
export const ID_TEXT_BYTES = 41;

/** What the sequence of an id is that is given as milliseconds alone. */
export const MissingSequence = { zero: 0, max: -1 } as const;

export class StreamId {
  msHi = 0;
  msLo = 0;
  seqHi = 0;
  seqLo = 0;

  set(msHi: number, msLo: number, seqHi: number, seqLo: number): this {
    this.msHi = msHi | 0;
    this.msLo = msLo | 0;
    this.seqHi = seqHi | 0;
    this.seqLo = seqLo | 0;
    return this;
  }

  copy(other: StreamId): this {
    return this.set(other.msHi, other.msLo, other.seqHi, other.seqLo);
  }

  setMin(): this {
    return this.set(0, 0, 0, 0);
  }

  setMax(): this {
    return this.set(-1, -1, -1, -1);
  }

  isZero(): boolean {
    return (this.msHi | this.msLo | this.seqHi | this.seqLo) === 0;
  }

  isMax(): boolean {
    return (this.msHi & this.msLo & this.seqHi & this.seqLo) === -1;
  }

  /** Negative, 0 or positive as this id is before, equal to or behind the other. */
  compare(other: StreamId): number {
    return compareIdWords(this, other.msHi, other.msLo, other.seqHi, other.seqLo);
  }

  /** The next id. False, and 0-0, behind the last possible one. */
  increment(): boolean {
    if ((this.seqLo = (this.seqLo + 1) | 0) !== 0) return true;
    if ((this.seqHi = (this.seqHi + 1) | 0) !== 0) return true;
    if ((this.msLo = (this.msLo + 1) | 0) !== 0) return true;
    return (this.msHi = (this.msHi + 1) | 0) !== 0;
  }

  /** The previous id. False, and the last possible one, before 0-0. */
  decrement(): boolean {
    if ((this.seqLo = (this.seqLo - 1) | 0) !== -1) return true;
    if ((this.seqHi = (this.seqHi - 1) | 0) !== -1) return true;
    if ((this.msLo = (this.msLo - 1) | 0) !== -1) return true;
    return (this.msHi = (this.msHi - 1) | 0) !== -1;
  }

  /** Milliseconds, a safe integer, and sequence 0. */
  setMs(ms: number): this {
    return this.set(Math.floor(ms / WORD), ms, 0, 0);
  }

  sameMs(other: StreamId): boolean {
    return this.msHi === other.msHi && this.msLo === other.msLo;
  }

  /** Writes "ms-seq" at `pos`; returns the position behind it. There must be room for ID_TEXT_BYTES. */
  write(buf: Uint8Array, pos: number): number {
    const at = writeUnsigned(buf, pos, this.msHi, this.msLo);
    buf[at] = DASH;
    return writeUnsigned(buf, at + 1, this.seqHi, this.seqLo);
  }

  /** As `write`, as a latin1 string. */
  text(): string {
    return latin1Slice(idText, 0, this.write(idText, 0));
  }

  /**
   * Reads an id as Redis's string2ull and strtoull do: "ms" or "ms-seq".
   * @returns whether it is one; else the id is undefined.
   */
  parse(buf: Uint8Array, off: number, len: number, missing: number): boolean {
    const dash = this.#parseMs(buf, off, len);
    if (dash < 0) return false;
    if (dash === off + len) {
      this.seqHi = this.seqLo = missing;
      return true;
    }
    if (!parseUnsigned(buf, dash + 1, off + len)) return false;
    this.seqHi = parsed.hi;
    this.seqLo = parsed.lo;
    return true;
  }

  /** Whether the bytes are "ms-*"; then the sequence is 0. */
  parseOpen(buf: Uint8Array, off: number, len: number): boolean {
    if (len < 3 || buf[off + len - 1] !== STAR || buf[off + len - 2] !== DASH) return false;
    if (this.#parseMs(buf, off, len) !== off + len - 2) return false;
    this.seqHi = this.seqLo = 0;
    return true;
  }

  /** Reads the milliseconds; returns where the first dash or the end is, or -1. */
  #parseMs(buf: Uint8Array, off: number, len: number): number {
    if (len > ID_TEXT_MAX) return -1;
    let dash = off;
    while (dash < off + len && buf[dash] !== DASH) dash++;
    if (!parseUnsigned(buf, off, dash)) return -1;
    this.msHi = parsed.hi;
    this.msLo = parsed.lo;
    return dash;
  }
}

const idText = new Uint8Array(ID_TEXT_BYTES);

/** An id as text: `buf` from 0 to `length`. Of ids that come one after the other, those of one millisecond share its digits. */
export class IdText {
  readonly buf: Uint8Array = new Uint8Array(ID_TEXT_BYTES);
  length = 0;
  /** Milliseconds whose digits `buf` begins with, and where the sequence stands behind them. */
  #msHi = 0;
  #msLo = 0;
  #sequenceAt = 0;

  set(id: StreamId): void {
    const { msHi, msLo, seqHi, seqLo } = id;
    if (msLo !== this.#msLo || msHi !== this.#msHi || this.#sequenceAt === 0) {
      const dash = writeUnsigned(this.buf, 0, msHi, msLo);
      this.buf[dash] = DASH;
      this.#sequenceAt = dash + 1;
      this.#msHi = msHi;
      this.#msLo = msLo;
    }
    this.length = writeUnsigned(this.buf, this.#sequenceAt, seqHi, seqLo);
  }
}

/** Compares an id with one given as words. */
export function compareIdWords(id: StreamId, msHi: number, msLo: number, seqHi: number, seqLo: number): number {
  if (id.msHi !== msHi) return id.msHi >>> 0 < msHi >>> 0 ? -1 : 1;
  if (id.msLo !== msLo) return id.msLo >>> 0 < msLo >>> 0 ? -1 : 1;
  if (id.seqHi !== seqHi) return id.seqHi >>> 0 < seqHi >>> 0 ? -1 : 1;
  if (id.seqLo !== seqLo) return id.seqLo >>> 0 < seqLo >>> 0 ? -1 : 1;
  return 0;
}

/** What the last successful `parseUnsigned` found. */
const parsed = { hi: 0, lo: 0 };

/** A number as strtoull takes it: blanks, a sign, digits; a negative one wraps around, unless it is written plainly. */
function parseUnsigned(buf: Uint8Array, from: number, end: number): boolean {
  let at = from;
  while (at < end && (buf[at] === SPACE || (buf[at]! >= 9 && buf[at]! <= 13))) at++;
  const negative = buf[at] === DASH;
  const isPlain = at === from;
  if (at < end && (negative || buf[at] === PLUS)) at++;
  if (at >= end) return false;
  const first = buf[at]! - ZERO;
  let hi = 0;
  let lo = 0;
  for (; at < end; at++) {
    const digit = buf[at]! - ZERO;
    if (digit < 0 || digit > 9) return false;
    lo = lo * 10 + digit;
    const carry = Math.floor(lo / WORD);
    lo -= carry * WORD;
    hi = hi * 10 + carry;
    if (hi >= WORD) return false;
  }
  if (negative && (hi !== 0 || lo !== 0)) {
    // "-5" is a number below zero to string2ll, which leaves it no chance; "-05" is none to it, and goes on to strtoull.
    if (isPlain && first !== 0 && hi < 0x80000000) return false;
    lo = (~lo + 1) >>> 0;
    hi = (~hi + (lo === 0 ? 1 : 0)) >>> 0;
  }
  parsed.hi = hi | 0;
  parsed.lo = lo | 0;
  return true;
}

function writeUnsigned(buf: Uint8Array, pos: number, hi: number, lo: number): number {
  if (hi === 0 && lo >= 0) return formatInteger(buf, pos, lo);
  const value = (hi >>> 0) * WORD + (lo >>> 0);
  if (value <= Number.MAX_SAFE_INTEGER) return formatInteger(buf, pos, value);
  const text = ((BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0)).toString();
  return writeLatin1(text, buf, pos);
}
