/**
 * One command's arguments, as offsets and lengths into the bytes they arrived in.
 *
 * A Request owns no bytes: `buf` belongs to whoever read them (a socket's buffer, a log record) and is valid only until
 * control returns there. Code that keeps a request beyond its call takes a `copy()`.
 */
export class Request {
  buf: Uint8Array = new Uint8Array(0);
  /** Number of arguments, the command's name included. */
  argc = 0;
  /** Offset of argument i in `buf`. */
  off: Int32Array = new Int32Array(16);
  /** Length of argument i in bytes. */
  len: Int32Array = new Int32Array(16);

  /** Hash slot and hash of argument 1 where they are known already, else -1 and anything: see engine/keyspace/lookahead.ts. */
  keySlot = -1;
  keyHash = 0;

  /** Makes room for `argc` arguments and keeps those already there. */
  reserve(argc: number): void {
    if (argc <= this.off.length) return;
    let capacity = this.off.length;
    while (capacity < argc) capacity *= 2;
    const off = new Int32Array(capacity);
    const len = new Int32Array(capacity);
    off.set(this.off);
    len.set(this.len);
    this.off = off;
    this.len = len;
  }

  /** Argument i as a latin1 string (one char, one byte). Makes a string: not for the hot path. */
  string(i: number): string {
    const start = this.off[i]!;
    return latin1Slice(this.buf, start, start + this.len[i]!);
  }

  /** Whether argument i equals `upper` (ASCII upper case) without regard to case. */
  is(i: number, upper: string): boolean {
    const length = this.len[i]!;
    if (length !== upper.length) return false;
    const start = this.off[i]!;
    for (let k = 0; k < length; k++) {
      let b = this.buf[start + k]!;
      if (b >= 97 && b <= 122) b -= 32;
      if (b !== upper.charCodeAt(k)) return false;
    }
    return true;
  }

  /** A copy that owns its bytes, and only those of its arguments. */
  copy(): Request {
    let total = 0;
    for (let i = 0; i < this.argc; i++) total += this.len[i]!;
    const out = new Request();
    out.reserve(this.argc);
    out.argc = this.argc;
    out.buf = new Uint8Array(total);
    let at = 0;
    for (let i = 0; i < this.argc; i++) {
      const start = this.off[i]!;
      const length = this.len[i]!;
      out.buf.set(this.buf.subarray(start, start + length), at);
      out.off[i] = at;
      out.len[i] = length;
      at += length;
    }
    return out;
  }

  /** A request made of latin1 strings: for tests, tools and code outside the hot path. */
  static of(...args: string[]): Request {
    let total = 0;
    for (const arg of args) total += arg.length;
    const out = new Request();
    out.reserve(args.length);
    out.argc = args.length;
    out.buf = new Uint8Array(total);
    let at = 0;
    for (let i = 0; i < args.length; i++) {
      const arg = args[i]!;
      out.off[i] = at;
      out.len[i] = arg.length;
      at = writeLatin1(arg, out.buf, at);
    }
    return out;
  }
}

type Latin1Slice = (buf: Uint8Array, start: number, end: number) => string;

/** What Node's buffers can do, where this runs in Node. */
const native = (globalThis as { Buffer?: { prototype?: {
  latin1Slice?: (this: Uint8Array, start: number, end: number) => string;
  latin1Write?: (this: Uint8Array, text: string, at: number, length: number) => number;
} } }).Buffer?.prototype;
/** It takes a third of the time that composing takes. */
const nativeSlice = native?.latin1Slice;
const nativeWrite = native?.latin1Write;
/** Calling Node takes as long as writing so many characters one by one. */
const WRITTEN_SINGLY_MAX = 32;

/** `latin1Slice` without Node. */
export const composeLatin1: Latin1Slice = (buf, start, end) => {
  let out = '';
  // fromCharCode takes its arguments from the stack: go in pieces that surely fit there.
  for (let at = start; at < end; at += 4096) {
    out += String.fromCharCode.apply(null, buf.subarray(at, Math.min(end, at + 4096)) as unknown as number[]);
  }
  return out;
};

/** Bytes [start, end) of `buf` as a latin1 string. */
export const latin1Slice: Latin1Slice = nativeSlice === undefined ? composeLatin1 : (buf, start, end) => nativeSlice.call(buf, start, end);

/**
 * The method itself, for loops that meet strings of any origin. V8 has a dozen kinds of strings (flat, joined, sliced, internalized …);
 * code that has met more than four looks `text.charCodeAt` up anew for each character, which takes three times as long. A module has a
 * constant of its own for it: what is exported is looked up each time, too.
 */
const { charCodeAt } = String.prototype;

/** Writes a latin1 string's bytes into `buf`, from `at` on; returns where they end. */
export function writeLatin1(text: string, buf: Uint8Array, at: number): number {
  const { length } = text;
  if (length > WRITTEN_SINGLY_MAX && nativeWrite !== undefined) nativeWrite.call(buf, text, at, length);
  else for (let i = 0; i < length; i++) buf[at + i] = charCodeAt.call(text, i);
  return at + length;
}

/** A latin1 string's bytes. */
export function latin1Bytes(text: string): Uint8Array {
  const out = new Uint8Array(text.length);
  writeLatin1(text, out, 0);
  return out;
}
