/**
 * Intsets: small sets of integers. Bytes of each integer (4: 2, 4 or 8), their number (4), then they in ascending order;
 * all little-endian.
 */
import type { ByteRange } from './byte-range.ts';
import { type PackedCursor, int16At, int32At, integerInto, putInt32, putUint16, uint32At, wordsInto } from './packed-cursor.ts';
import { rdbDamaged } from './rdb-errors.ts';

const HEADER_BYTES = 8;

export class IntsetCursor implements PackedCursor {
  countHint = 0;
  #buf: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  #width = 0;
  #first = 0;

  open(buf: Uint8Array, off: number, len: number): void {
    if (len < HEADER_BYTES) throw rdbDamaged('an intset is shorter than its header');
    const width = uint32At(buf, off);
    const count = uint32At(buf, off + 4);
    if (width !== 2 && width !== 4 && width !== 8) throw rdbDamaged('an intset has integers of an unknown size');
    if (HEADER_BYTES + width * count !== len) throw rdbDamaged("an intset's length is not that of its bytes");
    this.#buf = buf;
    this.#at = this.#first = off + HEADER_BYTES;
    this.#end = off + len;
    this.#width = width;
    this.countHint = count;
  }

  next(out: ByteRange): boolean {
    const at = this.#at;
    if (at >= this.#end) return false;
    const buf = this.#buf;
    const width = this.#width;
    if (at > this.#first && !this.#ascends(at - width, at)) throw rdbDamaged("an intset's integers do not ascend");
    if (width === 2) integerInto(out, int16At(buf, at));
    else if (width === 4) integerInto(out, int32At(buf, at));
    else wordsInto(out, int32At(buf, at + 4), int32At(buf, at));
    this.#at = at + width;
    return true;
  }

  #ascends(a: number, b: number): boolean {
    const buf = this.#buf;
    if (this.#width === 2) return int16At(buf, a) < int16At(buf, b);
    if (this.#width === 4) return int32At(buf, a) < int32At(buf, b);
    const highA = int32At(buf, a + 4);
    const highB = int32At(buf, b + 4);
    return highA < highB || (highA === highB && uint32At(buf, a) < uint32At(buf, b));
  }
}

/** Makes intsets, one after the other. */
export class IntsetWriter {
  /** After `finish` the intset is buf[0, len). */
  buf: Uint8Array = new Uint8Array(0);
  len = 0;
  #words: Int32Array = new Int32Array(1024);
  #used = 0;
  #width = 2;

  begin(): void {
    this.#used = 0;
    this.#width = 2;
  }

  /** Appends an integer, given as its high and low 32 bits (signed patterns); it must be above the one before. */
  append(hi: number, lo: number): void {
    if (this.#used === this.#words.length) {
      const grown = new Int32Array(this.#used * 2);
      grown.set(this.#words);
      this.#words = grown;
    }
    this.#words[this.#used++] = hi;
    this.#words[this.#used++] = lo;
    if (hi !== lo >> 31) this.#width = 8;
    else if (this.#width === 2 && (lo < -32768 || lo > 32767)) this.#width = 4;
  }

  finish(): void {
    const width = this.#width;
    const words = this.#words;
    const count = this.#used / 2;
    this.len = HEADER_BYTES + width * count;
    if (this.buf.length < this.len) this.buf = new Uint8Array(this.len * 2);
    const { buf } = this;
    putInt32(buf, 0, width);
    putInt32(buf, 4, count);
    for (let i = 0, at = HEADER_BYTES; i < count; i++, at += width) {
      if (width === 2) putUint16(buf, at, words[2 * i + 1]!);
      else {
        putInt32(buf, at, words[2 * i + 1]!);
        if (width === 8) putInt32(buf, at + 4, words[2 * i]!);
      }
    }
  }
}
