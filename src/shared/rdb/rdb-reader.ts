/**
 * Reads the primitives of the RDB format from chunks that are fed to it, and holds no more than what is unread.
 *
 * Reading is by attempts: `mark` says that all up to here is done with; a read that needs bytes not fed yet throws
 * NEED_INPUT, and the caller goes `back` to the mark, feeds, and begins again from there. So nothing between two marks may
 * have effects before its last read. No length is trusted: memory grows with the bytes fed, never with what they announce.
 */
import { OperationalError, invariant } from '../errors.ts';
import type { Int64 } from '../int64.ts';
import { parseDoubleText } from '../number-text.ts';
import { latin1Slice } from '../request.ts';
import type { ByteRange } from './byte-range.ts';
import { Crc64 } from './crc64.ts';
import { lzfDecompress, lzfDecompressedMax } from './lzf.ts';
import { int16At, int32At, integerInto, uint32BigEndianAt } from './packed-cursor.ts';
import { rdbDamaged } from './rdb-errors.ts';
import { LENGTH_14, LENGTH_32, LENGTH_6, LENGTH_64, LENGTH_ENCODED, ScoreText, StringForm } from './rdb-types.ts';

/** Thrown by reads when bytes are missing that may yet be fed. Not an error; carries nothing. */
export const NEED_INPUT: unique symbol = Symbol('need input');

/** No string is longer: what a typed array surely holds, and four times Redis's own default bound. */
export const STRING_BYTES_MAX = 2 ** 31 - 1;

const CHECKSUM_BYTES = 8;
/** A buffer larger than this, which a long string made necessary, is given back once most of it is unused. */
const BUFFER_KEPT_MAX = 4 * 1024 * 1024;

export class RdbReader {
  #buf: Uint8Array = new Uint8Array(0);
  #pos = 0;
  #end = 0;
  #mark = 0;
  /** Up to here the checksum has run. */
  #summed = 0;
  /** Bytes of the file before buf[0]. */
  #before = 0;
  /** Bytes behind the mark that the attempt under way needs at least. */
  #wanted = 0;
  #finished = false;
  /** Whether the buffer is the reader's own, not a chunk that was fed. */
  #own = false;
  /** Form of the last length read that was none, or -1. */
  #form = -1;
  readonly #crc = new Crc64();
  readonly #float = new Float64Array(1);
  readonly #floatBytes = new Uint8Array(this.#float.buffer);

  // ---- Input ----

  /** Adds bytes. They must stay as they are until all of them were read, or until the next `feed` returns. */
  feed(chunk: Uint8Array): void {
    invariant(!this.#finished, 'rdb: fed after the end');
    const rest = this.#end - this.#mark;
    this.#sum(this.#mark);
    this.#before += this.#mark;
    this.#pos -= this.#mark;
    if (rest === 0) {
      this.#buf = chunk;
      this.#own = false;
    } else this.#append(chunk, rest);
    this.#end = rest + chunk.length;
    this.#mark = this.#summed = 0;
  }

  /** Puts a chunk behind the bytes still unread, which begin at the mark. */
  #append(chunk: Uint8Array, rest: number): void {
    const bytes = rest + chunk.length;
    const fits = bytes <= this.#buf.length && (this.#buf.length <= BUFFER_KEPT_MAX || bytes > this.#buf.length / 2);
    if (!this.#own || !fits) {
      // Up to twice what there is, so that a string that comes in many chunks is copied few times.
      const grown = new Uint8Array(Math.max(bytes, Math.min(rest * 2, this.#wanted)));
      grown.set(this.#buf.subarray(this.#mark, this.#end));
      this.#buf = grown;
      this.#own = true;
    } else this.#buf.copyWithin(0, this.#mark, this.#end);
    this.#buf.set(chunk, rest);
  }

  /** Says that nothing will be fed any more: from now on missing bytes are damage. */
  finish(): void {
    this.#finished = true;
  }

  /** Whether a new attempt may get further than the last one did. */
  get isReady(): boolean {
    return this.#finished || this.#end - this.#mark >= this.#wanted;
  }

  /** Bytes read so far, from the beginning of the file. */
  get position(): number {
    return this.#before + this.#pos;
  }

  /** Bytes fed and not read. */
  get unreadBytes(): number {
    return this.#end - this.#pos;
  }

  /** All read so far is done with. */
  mark(): void {
    this.#mark = this.#pos;
    this.#wanted = 1;
  }

  /** Goes back to the mark. */
  back(): void {
    this.#pos = this.#mark;
  }

  // ---- Primitives ----

  byte(): number {
    this.#need(1);
    return this.#buf[this.#pos++]!;
  }

  /** The next byte, not read yet. */
  peek(): number {
    this.#need(1);
    return this.#buf[this.#pos]!;
  }

  /** A length or count below 2^53. */
  length(): number {
    const value = this.#lengthOrForm();
    if (this.#form >= 0) throw rdbDamaged('a length is encoded as a string');
    return value;
  }

  /** A length of up to 64 bits. */
  lengthWords(out: Int64): void {
    this.#need(1);
    if (this.#buf[this.#pos] !== LENGTH_64) {
      out.setNumber(this.length());
      return;
    }
    this.#need(9);
    out.set(uint32BigEndianAt(this.#buf, this.#pos + 1), uint32BigEndianAt(this.#buf, this.#pos + 5));
    this.#pos += 9;
  }

  /** Four bytes, little-endian, signed. */
  int32(): number {
    this.#need(4);
    this.#pos += 4;
    return int32At(this.#buf, this.#pos - 4);
  }

  /** Eight bytes, little-endian, signed; rounded beyond 53 bits. */
  int64(): number {
    this.#need(8);
    const at = this.#pos;
    this.#pos += 8;
    return int32At(this.#buf, at + 4) * 4294967296 + (int32At(this.#buf, at) >>> 0);
  }

  /** A double of eight bytes, little-endian. */
  double(): number {
    this.#need(8);
    for (let i = 0; i < 8; i++) this.#floatBytes[i] = this.#buf[this.#pos++]!;
    return this.#float[0]!;
  }

  /** A double as text with a length byte in front: the first form of sorted sets. */
  textDouble(): number {
    const len = this.byte();
    if (len === ScoreText.nan) return NaN;
    if (len === ScoreText.positiveInfinity) return Infinity;
    if (len === ScoreText.negativeInfinity) return -Infinity;
    this.#need(len);
    const at = this.#pos;
    this.#pos += len;
    const value = parseDoubleText(latin1Slice(this.#buf, at, at + len));
    if (Number.isNaN(value)) throw rdbDamaged('a score is not a number');
    return value;
  }

  /** A string in any form. `out` is valid until the next `feed` or the next read into it. */
  string(out: ByteRange): void {
    const len = this.#lengthOrForm();
    if (this.#form >= 0) {
      this.#encodedString(out);
      return;
    }
    if (len > STRING_BYTES_MAX) throw rdbDamaged(`a string of ${len} bytes is announced`);
    this.#need(len);
    out.buf = this.#buf;
    out.off = this.#pos;
    out.len = len;
    this.#pos += len;
  }

  /** A string as a latin1 string. */
  text(out: ByteRange): string {
    this.string(out);
    return latin1Slice(out.buf, out.off, out.off + out.len);
  }

  /** `len` bytes as they are. */
  raw(len: number, out: ByteRange): void {
    this.#need(len);
    out.buf = this.#buf;
    out.off = this.#pos;
    out.len = len;
    this.#pos += len;
  }

  /**
   * Reads a file's checksum and compares it with that of all bytes before it.
   * @returns whether there was one: zeros stand for none.
   * @throws OperationalError RDB_CHECKSUM
   */
  checksum(): boolean {
    this.#need(CHECKSUM_BYTES);
    this.#sum(this.#pos);
    const at = this.#pos;
    this.#pos += CHECKSUM_BYTES;
    let isZero = true;
    for (let i = 0; i < CHECKSUM_BYTES; i++) if (this.#buf[at + i] !== 0) isZero = false;
    if (isZero) return false;
    if (!this.#crc.equals(this.#buf, at)) {
      throw new OperationalError('RDB_CHECKSUM', `the checksum is not that of the bytes: they have ${this.#crc.hex()}`);
    }
    return true;
  }

  /** The checksum of the bytes before the one that `checksum` read: 16 hex digits. */
  get checksumHex(): string {
    return this.#crc.hex();
  }

  // ---- Inside ----

  #need(bytes: number): void {
    if (this.#pos + bytes <= this.#end) return;
    this.#wanted = this.#pos - this.#mark + bytes;
    if (this.#finished) throw rdbDamaged('the bytes end too early');
    throw NEED_INPUT;
  }

  #sum(to: number): void {
    this.#crc.update(this.#buf, this.#summed, to - this.#summed);
    this.#summed = to;
  }

  #lengthOrForm(): number {
    this.#need(1);
    const first = this.#buf[this.#pos++]!;
    this.#form = -1;
    switch (first >>> 6) {
      case LENGTH_6: return first;
      case LENGTH_14:
        this.#need(1);
        return ((first & 63) << 8) | this.#buf[this.#pos++]!;
      case LENGTH_ENCODED:
        this.#form = first & 63;
        return 0;
      default: return this.#longLength(first);
    }
  }

  #longLength(first: number): number {
    if (first === LENGTH_32) {
      this.#need(4);
      this.#pos += 4;
      return uint32BigEndianAt(this.#buf, this.#pos - 4);
    }
    if (first !== LENGTH_64) throw rdbDamaged(`a length begins with byte ${first}`);
    this.#need(8);
    this.#pos += 8;
    const value = uint32BigEndianAt(this.#buf, this.#pos - 8) * 4294967296 + uint32BigEndianAt(this.#buf, this.#pos - 4);
    if (value > Number.MAX_SAFE_INTEGER) throw rdbDamaged('a length is beyond all bounds');
    return value;
  }

  #encodedString(out: ByteRange): void {
    switch (this.#form) {
      case StringForm.int8:
        integerInto(out, (this.byte() << 24) >> 24);
        return;
      case StringForm.int16:
        this.#need(2);
        integerInto(out, int16At(this.#buf, this.#pos));
        this.#pos += 2;
        return;
      case StringForm.int32:
        integerInto(out, this.int32());
        return;
      case StringForm.lzf:
        this.#compressedString(out);
        return;
      default: throw rdbDamaged(`a string has the unknown form ${this.#form}`);
    }
  }

  #compressedString(out: ByteRange): void {
    const packed = this.length();
    const len = this.length();
    if (packed > STRING_BYTES_MAX || len > STRING_BYTES_MAX || len > lzfDecompressedMax(packed)) {
      throw rdbDamaged(`a string of ${len} bytes is announced, compressed to ${packed}`);
    }
    this.#need(packed);
    const room = out.room(len);
    lzfDecompress(this.#buf, this.#pos, packed, room, 0, len);
    this.#pos += packed;
  }
}
