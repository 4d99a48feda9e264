/**
 * Listpacks: the packed form of small collections since Redis 5 (streams) and 7 (all others).
 *
 *   total bytes (4) | number of elements (2; 65535: count them) | elements | 0xff
 *   element: encoding and bytes, then their length backwards, seven bits a byte
 *
 *   0xxxxxxx            integer 0 … 127
 *   10llllll            string of up to 63 bytes
 *   110xxxxx x          13-bit integer
 *   1110llll l          string of up to 4095 bytes
 *   11110000 llll       string, 32-bit length
 *   0xf1 … 0xf4         integer of 16, 24, 32, 64 bits, little-endian
 */
import { ByteCopier, viewOf } from '../byte-copier.ts';
import { parseIntegerStrict, parsedInteger } from '../number-text.ts';
import type { ByteRange } from './byte-range.ts';
import {
  type PackedCursor, int16At, int24At, int32At, integerInto, putInt32, putUint16, uint32At, wordsInto,
} from './packed-cursor.ts';
import { rdbDamaged } from './rdb-errors.ts';

const HEADER_BYTES = 6;
const END = 0xff;
const COUNT_UNKNOWN = 65535;

/** Bytes of the backward length behind an element of `bytes` bytes. The second bound is Redis's own oddity. */
export function backLengthBytes(bytes: number): number {
  if (bytes <= 127) return 1;
  if (bytes < 16383) return 2;
  if (bytes < 2097151) return 3;
  return bytes < 268435455 ? 4 : 5;
}

export class ListpackCursor implements PackedCursor {
  countHint = 0;
  /** Whether the element that was read last stands as an integer. */
  isInteger = false;
  #buf: Uint8Array = new Uint8Array(0);
  #at = 0;
  /** Where the end byte stands. */
  #end = 0;
  #count = 0;
  #seen = 0;

  open(buf: Uint8Array, off: number, len: number): void {
    if (len < HEADER_BYTES + 1 || uint32At(buf, off) !== len) throw rdbDamaged("a listpack's length is not that of its bytes");
    this.#buf = buf;
    this.#at = off + HEADER_BYTES;
    this.#end = off + len - 1;
    if (buf[this.#end] !== END) throw rdbDamaged('a listpack has no end byte');
    this.#count = buf[off + 4]! | (buf[off + 5]! << 8);
    this.#seen = 0;
    // An element takes two bytes at least.
    if (this.#count !== COUNT_UNKNOWN && this.#count * 2 > len) throw rdbDamaged('a listpack counts more elements than fit it');
    this.countHint = this.#count === COUNT_UNKNOWN ? Math.floor(len / 2) : this.#count;
  }

  next(out: ByteRange): boolean {
    const buf = this.#buf;
    const at = this.#at;
    if (at >= this.#end) {
      if (this.#count !== COUNT_UNKNOWN && this.#seen !== this.#count) throw rdbDamaged('a listpack counts other than it holds');
      return false;
    }
    this.#seen++;
    const first = buf[at]!;
    this.isInteger = first < 0x80 || (first >= 0xc0 && first < 0xe0) || first > 0xf0;
    let bytes: number;
    if (first < 0x80) {
      bytes = 1;
      integerInto(out, first);
    } else if (first < 0xc0) bytes = this.#string(out, at, 1, first & 63);
    else if (first < 0xe0) {
      bytes = this.#fits(at, 2);
      integerInto(out, (((first & 31) << 27) >> 19) | buf[at + 1]!);
    } else if (first < 0xf0) {
      this.#fits(at, 2);
      bytes = this.#string(out, at, 2, ((first & 15) << 8) | buf[at + 1]!);
    } else bytes = this.#long(out, at, first);
    this.#at = this.#checkBackLength(at, bytes);
    return true;
  }

  #long(out: ByteRange, at: number, first: number): number {
    const buf = this.#buf;
    let bytes: number;
    switch (first) {
      case 0xf0:
        this.#fits(at, 5);
        return this.#string(out, at, 5, uint32At(buf, at + 1));
      case 0xf1:
        bytes = this.#fits(at, 3);
        integerInto(out, int16At(buf, at + 1));
        return bytes;
      case 0xf2:
        bytes = this.#fits(at, 4);
        integerInto(out, int24At(buf, at + 1));
        return bytes;
      case 0xf3:
        bytes = this.#fits(at, 5);
        integerInto(out, int32At(buf, at + 1));
        return bytes;
      case 0xf4:
        bytes = this.#fits(at, 9);
        wordsInto(out, int32At(buf, at + 5), int32At(buf, at + 1));
        return bytes;
      default: throw rdbDamaged('a listpack holds an unknown encoding');
    }
  }

  #fits(at: number, bytes: number): number {
    if (at + bytes > this.#end) throw leaves();
    return bytes;
  }

  #string(out: ByteRange, at: number, header: number, len: number): number {
    this.#fits(at, header + len);
    out.buf = this.#buf;
    out.off = at + header;
    out.len = len;
    return header + len;
  }

  /** Checks the backward length behind an element of `bytes` bytes; returns where the next one begins. */
  #checkBackLength(at: number, bytes: number): number {
    const buf = this.#buf;
    const n = backLengthBytes(bytes);
    let back = at + bytes;
    const next = back + n;
    if (next > this.#end) throw leaves();
    for (let i = n - 1; i >= 0; i--) {
      const b = Math.floor(bytes / 128 ** i) % 128;
      if (buf[back++] !== (i === n - 1 ? b : b | 128)) throw rdbDamaged("a listpack's backward length is wrong");
    }
    return next;
  }
}

function leaves(): Error {
  return rdbDamaged('an element leaves its listpack');
}

/** Makes listpacks, one after the other, in one growing buffer. */
export class ListpackWriter {
  buf: Uint8Array = new Uint8Array(4096);
  /** Bytes written; after `finish` those of the whole listpack. */
  len = HEADER_BYTES;
  count = 0;
  /** Of `buf`. */
  #view = viewOf(this.buf);
  readonly #copier = new ByteCopier();

  begin(): void {
    this.len = HEADER_BYTES;
    this.count = 0;
  }

  /** Appends an element; what is an integer's only decimal form becomes that integer, as in Redis. */
  append(bytes: Uint8Array, off: number, len: number): void {
    this.#reserve(len + 16);
    this.count++;
    const start = this.len;
    if (len <= 20 && parseIntegerStrict(bytes, off, len)) {
      const { value, isSafe, big } = parsedInteger;
      if (isSafe) this.#words(Math.floor(value / 4294967296), value | 0);
      else this.#words(Number(big >> 32n), Number(BigInt.asIntN(32, big)));
    } else this.#string(bytes, off, len);
    this.#backLength(this.len - start);
  }

  /** Appends an integer of 32 bits. */
  appendInteger(value: number): void {
    if (value >>> 0 > 127) {
      this.appendWords(value >> 31, value);
      return;
    }
    // Flags and counts: a byte each, and the length of that.
    this.#reserve(2);
    this.count++;
    this.buf[this.len] = value;
    this.buf[this.len + 1] = 1;
    this.len += 2;
  }

  /** Appends an integer given as its signed high and its low 32 bits. */
  appendWords(hi: number, lo: number): void {
    this.#reserve(16);
    this.count++;
    const start = this.len;
    this.#words(hi, lo);
    this.#backLength(this.len - start);
  }

  /** Ends the listpack, which is then buf[0, len). */
  finish(): void {
    this.#reserve(1);
    this.buf[this.len++] = END;
    putInt32(this.buf, 0, this.len);
    putUint16(this.buf, 4, Math.min(this.count, COUNT_UNKNOWN));
  }

  #backLength(size: number): void {
    const { buf } = this;
    if (size < 128) {
      buf[this.len++] = size;
      return;
    }
    const n = backLengthBytes(size);
    for (let i = n - 1; i >= 0; i--) {
      const b = Math.floor(size / 128 ** i) % 128;
      buf[this.len++] = i === n - 1 ? b : b | 128;
    }
  }

  #words(hi: number, lo: number): void {
    const { buf } = this;
    let at = this.len;
    if (hi !== lo >> 31) {
      buf[at] = 0xf4;
      putInt32(buf, at + 1, lo);
      putInt32(buf, at + 5, hi);
      at += 9;
    } else if (lo >= 0 && lo <= 127) buf[at++] = lo;
    else if (lo >= -4096 && lo <= 4095) {
      buf[at++] = 0xc0 | ((lo >> 8) & 31);
      buf[at++] = lo;
    } else if (lo >= -32768 && lo <= 32767) {
      buf[at] = 0xf1;
      putUint16(buf, at + 1, lo);
      at += 3;
    } else if (lo >= -8388608 && lo <= 8388607) {
      buf[at] = 0xf2;
      putUint16(buf, at + 1, lo);
      buf[at + 3] = lo >> 16;
      at += 4;
    } else {
      buf[at] = 0xf3;
      putInt32(buf, at + 1, lo);
      at += 5;
    }
    this.len = at;
  }

  #string(bytes: Uint8Array, off: number, len: number): void {
    const { buf } = this;
    let at = this.len;
    if (len < 64) buf[at++] = 0x80 | len;
    else if (len < 4096) {
      buf[at++] = 0xe0 | (len >>> 8);
      buf[at++] = len;
    } else {
      buf[at++] = 0xf0;
      putInt32(buf, at, len);
      at += 4;
    }
    this.#copier.copy(bytes, off, buf, this.#view, at, len);
    this.len = at + len;
  }

  #reserve(bytes: number): void {
    if (this.len + bytes <= this.buf.length) return;
    const grown = new Uint8Array(Math.max(this.buf.length * 2, this.len + bytes));
    grown.set(this.buf.subarray(0, this.len));
    this.buf = grown;
    this.#view = viewOf(grown);
  }
}
