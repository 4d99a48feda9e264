/**
 * Zipmaps: small hashes of Redis 2.4 and before. Read only.
 *
 *   number of pairs (1; 254 and above: count them) | field length, field, value length, spare, value, spare bytes … | 0xff
 *   length: one byte below 254, else 254 and four bytes, little-endian
 */
import type { ByteRange } from './byte-range.ts';
import { type PackedCursor, uint32At } from './packed-cursor.ts';
import { rdbDamaged } from './rdb-errors.ts';

const COUNT_UNKNOWN = 254;
const LONG = 254;
const END = 0xff;

/** Gives fields and values by turns. */
export class ZipmapCursor implements PackedCursor {
  countHint = 0;
  #buf: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  #count = 0;
  #seen = 0;

  open(buf: Uint8Array, off: number, len: number): void {
    if (len < 2 || buf[off + len - 1] !== END) throw rdbDamaged('a zipmap has no end byte');
    this.#buf = buf;
    this.#at = off + 1;
    this.#end = off + len - 1;
    this.#count = buf[off]!;
    this.#seen = 0;
    this.countHint = this.#count >= COUNT_UNKNOWN ? Math.floor(len / 3) * 2 : Math.min(this.#count * 2, len);
  }

  next(out: ByteRange): boolean {
    const buf = this.#buf;
    let at = this.#at;
    const isValue = (this.#seen & 1) === 1;
    if (at >= this.#end) {
      if (isValue) throw rdbDamaged('a zipmap ends with a field without value');
      if (this.#count < COUNT_UNKNOWN && this.#seen !== this.#count * 2) throw rdbDamaged('a zipmap counts other than it holds');
      return false;
    }
    let len = buf[at++]!;
    if (len === END) throw rdbDamaged('a zipmap has an end byte amid its pairs');
    if (len === LONG) {
      this.#fits(at, 4);
      len = uint32At(buf, at);
      at += 4;
    }
    let spare = 0;
    if (isValue) {
      this.#fits(at, 1);
      spare = buf[at++]!;
    }
    this.#fits(at, len + spare);
    out.buf = buf;
    out.off = at;
    out.len = len;
    this.#at = at + len + spare;
    this.#seen++;
    return true;
  }

  #fits(at: number, bytes: number): void {
    if (at + bytes > this.#end) throw rdbDamaged('an element leaves its zipmap');
  }
}
