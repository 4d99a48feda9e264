/**
 * Ziplists: the packed form of small collections before Redis 7. Read only.
 *
 *   total bytes (4) | offset of the last element (4) | number of elements (2; 65535: count them) | elements | 0xff
 *   element: length of the previous one (1 byte, or 0xfe and 4), encoding, bytes
 *
 *   00llllll            string of up to 63 bytes
 *   01llllll l          string of up to 16383 bytes, big-endian
 *   10______ llll       string, 32-bit length, big-endian
 *   0xc0 0xd0 0xe0      integer of 16, 32, 64 bits, little-endian
 *   0xf0 0xfe           integer of 24, 8 bits
 *   0xf1 … 0xfd         integer 0 … 12
 */
import type { ByteRange } from './byte-range.ts';
import { type PackedCursor, int16At, int24At, int32At, integerInto, uint32At, uint32BigEndianAt, wordsInto } from './packed-cursor.ts';
import { rdbDamaged } from './rdb-errors.ts';

const HEADER_BYTES = 10;
const END = 0xff;
const COUNT_UNKNOWN = 65535;
const LONG_PREVIOUS = 0xfe;

export class ZiplistCursor implements PackedCursor {
  countHint = 0;
  #buf: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  #count = 0;
  #seen = 0;
  #previousBytes = 0;
  /** Where the last element should begin. */
  #tail = 0;
  #lastAt = 0;

  open(buf: Uint8Array, off: number, len: number): void {
    if (len < HEADER_BYTES + 1 || uint32At(buf, off) !== len) throw rdbDamaged("a ziplist's length is not that of its bytes");
    this.#buf = buf;
    this.#at = this.#lastAt = off + HEADER_BYTES;
    this.#end = off + len - 1;
    if (buf[this.#end] !== END) throw rdbDamaged('a ziplist has no end byte');
    this.#tail = off + uint32At(buf, off + 4);
    this.#count = buf[off + 8]! | (buf[off + 9]! << 8);
    this.#seen = 0;
    this.#previousBytes = 0;
    if (this.#count !== COUNT_UNKNOWN && this.#count * 2 > len) throw rdbDamaged('a ziplist counts more elements than fit it');
    this.countHint = this.#count === COUNT_UNKNOWN ? Math.floor(len / 2) : this.#count;
  }

  next(out: ByteRange): boolean {
    const buf = this.#buf;
    const start = this.#at;
    if (start >= this.#end) {
      if (this.#count !== COUNT_UNKNOWN && this.#seen !== this.#count) throw rdbDamaged('a ziplist counts other than it holds');
      if (this.#tail !== this.#lastAt) throw rdbDamaged('a ziplist has a wrong offset of its last element');
      return false;
    }
    this.#seen++;
    let at = start;
    let previous = buf[at++]!;
    if (previous === LONG_PREVIOUS) {
      this.#fits(at, 4);
      previous = uint32At(buf, at);
      at += 4;
    }
    if (previous !== this.#previousBytes) throw rdbDamaged("a ziplist's backward length is wrong");
    this.#fits(at, 1);
    const first = buf[at]!;
    if (first < 0x40) at = this.#string(out, at + 1, first & 63);
    else if (first < 0x80) {
      this.#fits(at, 2);
      at = this.#string(out, at + 2, ((first & 63) << 8) | buf[at + 1]!);
    } else if (first < 0xc0) {
      this.#fits(at, 5);
      at = this.#string(out, at + 5, uint32BigEndianAt(buf, at + 1));
    } else at = this.#integer(out, at + 1, first);
    this.#previousBytes = at - start;
    this.#lastAt = start;
    this.#at = at;
    return true;
  }

  #integer(out: ByteRange, at: number, first: number): number {
    const buf = this.#buf;
    switch (first) {
      case 0xc0:
        this.#fits(at, 2);
        integerInto(out, int16At(buf, at));
        return at + 2;
      case 0xd0:
        this.#fits(at, 4);
        integerInto(out, int32At(buf, at));
        return at + 4;
      case 0xe0:
        this.#fits(at, 8);
        wordsInto(out, int32At(buf, at + 4), int32At(buf, at));
        return at + 8;
      case 0xf0:
        this.#fits(at, 3);
        integerInto(out, int24At(buf, at));
        return at + 3;
      case 0xfe:
        this.#fits(at, 1);
        integerInto(out, (buf[at]! << 24) >> 24);
        return at + 1;
      default:
        if (first < 0xf1 || first > 0xfd) throw rdbDamaged('a ziplist holds an unknown encoding');
        integerInto(out, first - 0xf1);
        return at;
    }
  }

  #fits(at: number, bytes: number): void {
    if (at + bytes > this.#end) throw rdbDamaged('an element leaves its ziplist');
  }

  #string(out: ByteRange, at: number, len: number): number {
    this.#fits(at, len);
    out.buf = this.#buf;
    out.off = at;
    out.len = len;
    return at + len;
  }
}
