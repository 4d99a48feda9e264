/**
 * Finds where replies end in a stream of RESP2 or RESP3 without reading them as values: for bytes that are passed on.
 * Remembers only numbers between two pieces of the stream.
 */
import { OperationalError } from '../shared/errors.ts';

const CR_LF_BYTES = 2;
const LF = 10;
const MINUS = 45;
const ZERO = 48;
const ARRAY = 42;
const SET = 126;
const PUSH = 62;
const MAP = 37;
const ATTRIBUTE = 124;
const BULKS = [36, 61, 33];

export class ReplySplitter {
  /** Whether what ended last was a push message, which answers no command. */
  wasPush = false;
  /** Values of the reply under way that are still to come; 0 between two replies. */
  #due = 0;
  /** Bytes of a bulk string, and the line's end behind it, still to come. */
  #skip = 0;
  #isPush = false;
  /** The line under way: its type, and the number that follows (of types that have one). */
  #type = 0;
  #number = 0;
  #negative = false;

  /** Whether a reply has begun and not ended. */
  get isWithinReply(): boolean {
    return this.#due > 0 || this.#skip > 0 || this.#type !== 0;
  }

  /**
   * Goes through [from, to) of `buf` to the end of the reply under way.
   * @returns the offset behind it, or -1 if it goes on beyond `to`: then all the bytes were taken.
   * @throws OperationalError RESP_INVALID when this is no RESP
   */
  next(buf: Uint8Array, from: number, to: number): number {
    let at = from;
    while (at < to) {
      if (this.#skip > 0) {
        const taken = Math.min(this.#skip, to - at);
        this.#skip -= taken;
        at += taken;
        if (this.#skip === 0 && this.#due === 0) return this.#end(at);
        continue;
      }
      if (this.#type === 0) this.#begin(buf[at++]!);
      for (; at < to && buf[at] !== LF; at++) this.#digit(buf[at]!);
      if (at === to) return -1;
      at++;
      this.#line();
      if (this.#due === 0 && this.#skip === 0) return this.#end(at);
    }
    return -1;
  }

  #begin(type: number): void {
    if (this.#due === 0) {
      this.#due = 1;
      this.#isPush = type === PUSH;
    }
    this.#type = type;
    this.#number = 0;
    this.#negative = false;
  }

  #digit(byte: number): void {
    if (byte === MINUS) this.#negative = true;
    else if (byte >= ZERO && byte <= ZERO + 9 && this.#number < Number.MAX_SAFE_INTEGER / 16) this.#number = this.#number * 10 + byte - ZERO;
  }

  /** A line is complete. */
  #line(): void {
    const type = this.#type;
    this.#type = 0;
    this.#due--;
    const count = this.#negative ? 0 : this.#number;
    if (BULKS.includes(type)) {
      if (!this.#negative) this.#skip = count + CR_LF_BYTES;
    } else if (type === ARRAY || type === SET || type === PUSH) this.#due += count;
    else if (type === MAP) this.#due += 2 * count;
    // What an attribute belongs to follows it.
    else if (type === ATTRIBUTE) this.#due += 2 * count + 1;
    else if (!isSimple(type)) throw new OperationalError('RESP_INVALID', `a reply began with byte ${type}`);
  }

  #end(at: number): number {
    this.wasPush = this.#isPush;
    return at;
  }
}

/** + - : _ # , ( */
function isSimple(type: number): boolean {
  return type === 43 || type === 45 || type === 58 || type === 95 || type === 35 || type === 44 || type === 40;
}
