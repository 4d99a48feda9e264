/**
 * 64-bit integers as two 32-bit words, to and from decimal text: what integer sets and HINCRBY work with. Exact, and
 * without bigint for all that fits 53 bits.
 */

const CHAR_MINUS = 45;
const CHAR_0 = 48;
const TWO_32 = 4294967296;

/** A 64-bit integer: `hi` signed, `lo` as a signed 32-bit pattern. One object, reused by its owner. */
export class IntegerWords {
  hi = 0;
  lo = 0;

  /**
   * Reads decimal text in the only form in which Redis takes a string for an integer: no spaces, no plus sign, no
   * leading zero, no "-0", within 64 bits. Returns whether it is one; else the words are undefined.
   */
  parse(buf: Uint8Array, off: number, len: number): boolean {
    if (len === 0 || len > 20) return false;
    const end = off + len;
    const negative = buf[off] === CHAR_MINUS;
    let at = negative ? off + 1 : off;
    const digits = end - at;
    if (digits === 0 || digits > 19) return false;
    if (buf[at] === CHAR_0) {
      this.hi = this.lo = 0;
      return len === 1;
    }
    const split = digits > 9 ? end - 9 : end;
    let head = 0;
    for (; at < split; at++) {
      const d = buf[at]! - CHAR_0;
      if (d < 0 || d > 9) return false;
      head = head * 10 + d;
    }
    if (digits <= 9) {
      this.lo = negative ? -head | 0 : head;
      this.hi = this.lo >> 31;
      return true;
    }
    let tail = 0;
    for (; at < end; at++) {
      const d = buf[at]! - CHAR_0;
      if (d < 0 || d > 9) return false;
      tail = tail * 10 + d;
    }
    return this.#fromDecimal(negative, head, tail);
  }

  /** head × 10^9 + tail, with head below 10^10. */
  #fromDecimal(negative: boolean, head: number, tail: number): boolean {
    const headHigh = Math.floor(head / 65536) * 1e9;
    const low = (headHigh % 65536) * 65536 + (head % 65536) * 1e9 + tail;
    const hi = Math.floor(headHigh / 65536) + Math.floor(low / TWO_32);
    const lo = low % TWO_32;
    if (hi >= 2147483648 && !(negative && hi === 2147483648 && lo === 0)) return false;
    if (negative) {
      this.lo = -lo | 0;
      this.hi = (lo === 0 ? -hi : ~hi) | 0;
    } else {
      this.lo = lo | 0;
      this.hi = hi;
    }
    return true;
  }

  /** Adds another integer; returns false (and changes nothing) where the sum leaves 64 bits. */
  add(hi: number, lo: number): boolean {
    const low = (this.lo >>> 0) + (lo >>> 0);
    const sumHi = this.hi + hi + (low >= TWO_32 ? 1 : 0);
    if (sumHi !== (sumHi | 0)) return false;
    this.hi = sumHi;
    this.lo = low | 0;
    return true;
  }
}

/** Bytes that `formatWords` needs. */
export const INTEGER_TEXT_BYTES = 20;

/** Writes the decimal text of an integer so that it ends at out[INTEGER_TEXT_BYTES]; returns where it begins. */
export function formatWords(hi: number, lo: number, out: Uint8Array): number {
  let at = INTEGER_TEXT_BYTES;
  if (hi >= 2097152 || hi < -2097152) {
    const text = ((BigInt(hi) << 32n) | BigInt(lo >>> 0)).toString();
    for (let n = text.length - 1; n >= 0; n--) out[--at] = text.charCodeAt(n);
    return at;
  }
  let rest = hi * TWO_32 + (lo >>> 0);
  const negative = rest < 0;
  if (negative) rest = -rest;
  do {
    const next = Math.floor(rest / 10);
    out[--at] = CHAR_0 + (rest - next * 10);
    rest = next;
  } while (rest > 0);
  if (negative) out[--at] = CHAR_MINUS;
  return at;
}
