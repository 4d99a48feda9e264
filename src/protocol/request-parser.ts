/**
 * Parses RESP requests where their bytes arrived: arguments become offsets and lengths, nothing is copied.
 *
 * One parser belongs to one connection and remembers how far it got in an incomplete request, relative to the request's
 * start, so that neither a long bulk nor many small arguments that arrive in pieces are scanned twice. The connection
 * keeps the incomplete bytes in a PendingInput and hands them in again, longer. Error texts are Redis's.
 */
import { Request } from '../shared/request.ts';

export const ParseStatus = {
  /** `request` holds a command; `next` is the offset behind it. */
  complete: 0,
  /** More bytes are needed. */
  incomplete: 1,
  /** The connection must be closed after the reply `error`. */
  error: 2,
  /** An empty line or an empty array: nothing to run; `next` is behind it. */
  empty: 3,
} as const;

/** Limits that CONFIG SET can change, shared by all parsers. */
export interface ParserLimits {
  /** proto-max-bulk-len, bytes. */
  bulkBytesMax: number;
}

const INLINE_BYTES_MAX = 64 * 1024;
const MULTIBULK_MAX = 2147483647;
/** What a client may send before it has authenticated. */
const UNAUTHENTICATED_MULTIBULK_MAX = 10;
const UNAUTHENTICATED_BULK_BYTES_MAX = 16384;

const CR = 13;
const LF = 10;
const NOT_A_NUMBER = -2;

export class RequestParser {
  /** Offset behind the command that `parse` found. */
  next = 0;
  /** The error reply's text, after ParseStatus.error. */
  error = '';
  authenticated = true;
  readonly #limits: ParserLimits;
  // Progress in an incomplete multibulk request; offsets are relative to its start.
  #argcLeft = 0;
  #bulkLength = -1;
  #progress = 0;
  #scanned = 0;
  /** Arguments of a request that was left incomplete; null while requests arrive whole. */
  #partial: Request | null = null;

  constructor(limits: ParserLimits) {
    this.#limits = limits;
  }

  /**
   * Parses one request from `start` on. After `incomplete`, the next call must begin with the same bytes and more.
   */
  parse(buf: Uint8Array, start: number, end: number, request: Request): number {
    if (start >= end) return ParseStatus.incomplete;
    if (buf[start] === 42) return this.#multibulk(buf, start, end, request);
    return this.#inline(buf, start, end, request);
  }

  #multibulk(buf: Uint8Array, start: number, end: number, request: Request): number {
    let at: number;
    let bulkLength = -1;
    if (this.#partial === null) {
      const line = this.#lineEnd(buf, start, end);
      if (line < 0) return this.#shortLine(start, end, 'Protocol error: too big mbulk count string');
      const argc = parseLength(buf, start + 1, line);
      if (argc === NOT_A_NUMBER || argc > MULTIBULK_MAX) return this.#fail('Protocol error: invalid multibulk length');
      if (argc > UNAUTHENTICATED_MULTIBULK_MAX && !this.authenticated) return this.#fail('Protocol error: unauthenticated multibulk length');
      at = line + 2;
      if (argc <= 0) {
        this.next = at;
        return ParseStatus.empty;
      }
      // A huge count is no reason to allocate: arguments make their room as they come.
      request.argc = 0;
      this.#argcLeft = argc;
    } else {
      this.#restore(start, request);
      at = start + this.#progress;
      bulkLength = this.#bulkLength;
    }
    request.buf = buf;
    let left = this.#argcLeft;
    let argc = request.argc;
    while (left > 0) {
      if (bulkLength < 0) {
        const line = this.#lineEnd(buf, at, end);
        if (line < 0) {
          if (end - at > INLINE_BYTES_MAX) return this.#fail('Protocol error: too big bulk count string');
          return this.#keep(start, at, -1, left, argc, request);
        }
        if (buf[at] !== 36) return this.#fail(`Protocol error: expected '$', got '${String.fromCharCode(buf[at]!)}'`);
        bulkLength = parseLength(buf, at + 1, line);
        if (bulkLength < 0 || bulkLength > this.#limits.bulkBytesMax) return this.#fail('Protocol error: invalid bulk length');
        if (bulkLength > UNAUTHENTICATED_BULK_BYTES_MAX && !this.authenticated) return this.#fail('Protocol error: unauthenticated bulk length');
        at = line + 2;
      }
      if (at + bulkLength + 2 > end) return this.#keep(start, at, bulkLength, left, argc, request);
      if (argc >= request.off.length) request.reserve(argc + 1);
      request.off[argc] = at;
      request.len[argc] = bulkLength;
      argc++;
      at += bulkLength + 2;
      bulkLength = -1;
      left--;
    }
    request.argc = argc;
    this.#partial = null;
    this.next = at;
    return ParseStatus.complete;
  }

  /** Offset of the CR of the line that begins at `at` if its LF is there too, else -1. */
  #lineEnd(buf: Uint8Array, at: number, end: number): number {
    // The line is short: a digit or a few.
    const limit = end - 1;
    for (let i = at; i < limit; i++) {
      if (buf[i] === CR) return i;
      if (i - at > INLINE_BYTES_MAX) return -1;
    }
    return -1;
  }

  #shortLine(start: number, end: number, error: string): number {
    return end - start > INLINE_BYTES_MAX ? this.#fail(error) : ParseStatus.incomplete;
  }

  #keep(start: number, at: number, bulkLength: number, left: number, argc: number, request: Request): number {
    const partial = this.#partial ?? new Request();
    if (partial !== request) {
      partial.reserve(argc);
      for (let i = partial.argc; i < argc; i++) {
        partial.off[i] = request.off[i]! - start;
        partial.len[i] = request.len[i]!;
      }
    }
    partial.argc = argc;
    this.#partial = partial;
    this.#argcLeft = left;
    this.#bulkLength = bulkLength;
    this.#progress = at - start;
    return ParseStatus.incomplete;
  }

  #restore(start: number, request: Request): void {
    const partial = this.#partial!;
    request.reserve(partial.argc);
    for (let i = 0; i < partial.argc; i++) {
      request.off[i] = partial.off[i]! + start;
      request.len[i] = partial.len[i]!;
    }
    request.argc = partial.argc;
  }

  #fail(error: string): number {
    this.error = `ERR ${error}`;
    return ParseStatus.error;
  }

  #inline(buf: Uint8Array, start: number, end: number, request: Request): number {
    let line = start + this.#scanned;
    while (line < end && buf[line] !== LF) line++;
    if (line === end) {
      this.#scanned = end - start;
      return end - start > INLINE_BYTES_MAX ? this.#fail('Protocol error: too big inline request') : ParseStatus.incomplete;
    }
    this.#scanned = 0;
    this.next = line + 1;
    const stop = line > start && buf[line - 1] === CR ? line - 1 : line;
    const words = splitWords(buf, start, stop);
    if (words === null) return this.#fail('Protocol error: unbalanced quotes in request');
    if (words.argc === 0) return ParseStatus.empty;
    request.buf = words.buf;
    request.argc = words.argc;
    request.off = words.off;
    request.len = words.len;
    return ParseStatus.complete;
  }
}

/** A decimal length between `at` and `line`; NOT_A_NUMBER for anything else but "-1" and other negative numbers (-1). */
function parseLength(buf: Uint8Array, at: number, line: number): number {
  const negative = buf[at] === 45;
  let i = negative ? at + 1 : at;
  const digits = line - i;
  if (digits < 1 || digits > 10 || (buf[i] === 48 && (digits > 1 || negative))) return NOT_A_NUMBER;
  let value = 0;
  for (; i < line; i++) {
    const d = buf[i]! - 48;
    if (d < 0 || d > 9) return NOT_A_NUMBER;
    value = value * 10 + d;
  }
  return negative ? -1 : value;
}

const QUOTE = 34;
const APOSTROPHE = 39;
const BACKSLASH = 92;
const ESCAPES: Record<number, number> = { 110: 10, 114: 13, 116: 9, 98: 8, 97: 7 };

function isSpace(b: number): boolean {
  return b === 32 || (b >= 9 && b <= 13);
}

function hexDigit(b: number | undefined): number {
  if (b === undefined) return -1;
  if (b >= 48 && b <= 57) return b - 48;
  const lower = b | 0x20;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/**
 * Splits bytes into words as sdssplitargs does: quotes, apostrophes, escapes. The words get bytes of their own.
 * @returns null where quotes are not balanced.
 */
export function splitWords(buf: Uint8Array, start: number, end: number): Request | null {
  const out = new Request();
  out.buf = new Uint8Array(end - start);
  let pos = 0;
  let i = start;
  for (;;) {
    while (i < end && (isSpace(buf[i]!) || buf[i] === 0)) i++;
    if (i >= end) return out;
    out.reserve(out.argc + 1);
    out.off[out.argc] = pos;
    let quote = 0;
    for (; i < end; i++) {
      const b = buf[i]!;
      if (quote === 0) {
        if (isSpace(b) || b === 0) break;
        if (b === QUOTE || b === APOSTROPHE) quote = b;
        else out.buf[pos++] = b;
        continue;
      }
      if (b === quote) {
        // The closing quote must be followed by a space or nothing.
        if (i + 1 < end && !isSpace(buf[i + 1]!)) return null;
        quote = 0;
        i++;
        break;
      }
      if (b !== BACKSLASH || i + 1 >= end) out.buf[pos++] = b;
      else if (quote === APOSTROPHE) {
        if (buf[i + 1] === APOSTROPHE) i++;
        out.buf[pos++] = buf[i]!;
      } else {
        i++;
        const high = hexDigit(buf[i + 1]);
        const low = hexDigit(buf[i + 2]);
        if (buf[i] === 120 && i + 2 < end && high >= 0 && low >= 0) {
          out.buf[pos++] = high * 16 + low;
          i += 2;
        } else out.buf[pos++] = ESCAPES[buf[i]!] ?? buf[i]!;
      }
    }
    if (quote !== 0) return null;
    out.len[out.argc] = pos - out.off[out.argc]!;
    out.argc++;
  }
}

const PENDING_BYTES_MIN = 4096;

/** The bytes of a connection that are not parsed yet: a queue that grows by doubling and gives large buffers back. */
export class PendingInput {
  buf: Uint8Array = NOTHING;
  start = 0;
  end = 0;

  get length(): number {
    return this.end - this.start;
  }

  append(from: Uint8Array, start: number, end: number): void {
    const added = end - start;
    if (this.end + added > this.buf.length) {
      const needed = this.length + added;
      // Where half of the buffer is consumed, moving what is left is cheaper than growing.
      if (needed <= this.buf.length / 2) this.buf.copyWithin(0, this.start, this.end);
      else {
        const grown = new Uint8Array(Math.max(PENDING_BYTES_MIN, needed * 2));
        grown.set(this.buf.subarray(this.start, this.end));
        this.buf = grown;
      }
      this.end -= this.start;
      this.start = 0;
    }
    this.buf.set(from.subarray(start, end), this.end);
    this.end += added;
  }

  /** Takes `bytes` off the front. */
  consume(bytes: number): void {
    this.start += bytes;
    if (this.start < this.end) return;
    this.start = 0;
    this.end = 0;
    // An idle connection holds no buffer.
    this.buf = NOTHING;
  }
}

const NOTHING: Uint8Array = new Uint8Array(0);
