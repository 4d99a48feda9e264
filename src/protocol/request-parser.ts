/**
 * Requests on the wire: finds one command after the other in the bytes of a connection, where they lie.
 *
 * All sockets read into one buffer, so a parser owns no bytes: a complete command's arguments are offsets into the buffer
 * given, and of an incomplete one only numbers are remembered. The owner keeps its bytes (PendingInput) and offers them
 * again, with more behind: the parser goes on where it stopped, so that the work is linear however the bytes are cut.
 *
 * Texts and limits of errors are those of Redis 7.2. Where Redis looks at whatever has arrived to decide that a line is
 * too long, here 64 KiB is the bound however the bytes are cut.
 */
import { OperationalError } from '../shared/errors.ts';
import { parseIntegerStrict, parsedInteger } from '../shared/number-text.ts';
import type { Request } from '../shared/request.ts';
import { splitInline } from '../shared/inline-request.ts';

export const ParseStatus = {
  /** One command: it stands in the request. */
  command: 0,
  /** An empty line or an empty array, of which Redis takes no notice. */
  empty: 1,
  /** The command goes on beyond the bytes given. */
  incomplete: 2,
  /** `error` says what is wrong. The connection must be closed. */
  error: 3,
} as const;
export type ParseStatus = (typeof ParseStatus)[keyof typeof ParseStatus];

/** Shared by all parsers and read at each command, so that a change of configuration works at once. */
export interface ParserLimits {
  /** `proto-max-bulk-len`, in bytes. */
  bulkBytesMax: number;
}

export const BULK_BYTES_MAX_DEFAULT = 512 * 1024 * 1024;

const LF = 10;
const CR = 13;
const DOLLAR = 36;
const STAR = 42;
const ZERO = 48;

/** A line (inline command, header) has its end within so many bytes. */
const LINE_BYTES_MAX = 64 * 1024;
const ARGC_MAX = 2 ** 31 - 1;
const ARGC_MAX_UNAUTHENTICATED = 10;
const BULK_BYTES_MAX_UNAUTHENTICATED = 16384;
/** Headers of more digits than this take the slow path, where 64-bit numbers are judged rightly. */
const FAST_DIGITS_MAX = 9;
/** Memory for the arguments of an incomplete command is kept for the next one if it is for no more than so many. */
const KEPT_ARGS_MAX = 64;

const LINE_INCOMPLETE = -1;
const LINE_TOO_LONG = -2;

export class RequestParser {
  /** Whether the client has authenticated or need not; if not, it may only send small commands. */
  authenticated = true;
  /** Offset behind what the last call found, after `command` and `empty`. */
  next = 0;
  /** The whole error reply, without '-', after `error`. */
  error = '';

  readonly #limits: ParserLimits;

  // An incomplete command. Offsets count from the command's first byte, since its bytes move.
  /** Number of arguments announced; 0 before that is known. */
  #argc = 0;
  /** Number of arguments found. */
  #count = 0;
  /** Where the next header, or the awaited argument, begins. */
  #at = 0;
  /** Length of the awaited argument; -1 if its header is awaited. */
  #bulk = -1;
  /** Up to here a line end was looked for in vain. Not 0 if and only if there is an incomplete command. */
  #scanned = 0;
  /** Offset and length of each argument found. */
  #args: Int32Array | null = null;

  constructor(limits: ParserLimits) {
    this.#limits = limits;
  }

  /**
   * Looks for one command at `start`, in bytes [start, end).
   *
   * After `incomplete` the next call must offer the same bytes again, anywhere, with more behind them. The bytes of an
   * inline command are changed.
   */
  parse(buf: Uint8Array, start: number, end: number, request: Request): ParseStatus {
    if (start >= end) return ParseStatus.incomplete;
    if (this.#scanned !== 0) return this.#resume(buf, start, end, request);
    if (buf[start] !== STAR) return this.#inline(buf, start, end, request);

    let argc: number;
    let at = start + 4;
    if (at <= end && buf[start + 2] === CR && buf[start + 1]! > ZERO && buf[start + 1]! <= ZERO + 9) {
      argc = buf[start + 1]! - ZERO;
    } else {
      const status = this.#multibulkHeader(buf, start, end);
      if (status !== ParseStatus.command) return status;
      argc = this.#argc;
      at = start + this.#at;
      this.#clear();
    }

    let bulkMax = this.#limits.bulkBytesMax;
    if (!this.authenticated) bulkMax = Math.min(bulkMax, BULK_BYTES_MAX_UNAUTHENTICATED);
    const next = this.#arguments(buf, at, end, request, argc, bulkMax);
    // Whatever is not plain and complete is left to `#resume`, which begins with the first argument.
    if (next < 0) return this.#suspend(buf, start, end, request, argc, at);
    this.next = next;
    return ParseStatus.command;
  }

  /**
   * Finds commands from `start` on, as many as there are requests, that stand there complete, are small and plain arrays: they
   * will mean the same once those before them have run, whatever these may change. Leaves the parser as it is.
   * @returns how many; each ends two bytes behind its last argument
   */
  ahead(buf: Uint8Array, start: number, end: number, requests: readonly Request[]): number {
    if (this.#scanned !== 0) return 0;
    const bulkMax = Math.min(this.#limits.bulkBytesMax, BULK_BYTES_MAX_UNAUTHENTICATED);
    let at = start;
    for (let n = 0; n < requests.length; n++) {
      if (at + 4 > end || buf[at] !== STAR || buf[at + 1]! <= ZERO || buf[at + 1]! > ZERO + 9 || buf[at + 2] !== CR) return n;
      const request = requests[n]!;
      at = this.#arguments(buf, at + 4, end, request, buf[at + 1]! - ZERO, bulkMax);
      if (at < 0) return n;
      request.keySlot = -1;
    }
    return requests.length;
  }

  /** Finds `argc` arguments at `at`. @returns where the last one's line ends; -1 unless all are complete, plain and no longer than `bulkMax`. */
  #arguments(buf: Uint8Array, start: number, end: number, request: Request, argc: number, bulkMax: number): number {
    let at = start;
    let { off, len } = request;
    for (let i = 0; i < argc; i++) {
      // The shortest argument takes 6 bytes: "$0\r\n\r\n".
      if (at + 6 > end || buf[at] !== DOLLAR) return -1;
      let length = buf[at + 1]! - ZERO;
      let from = at + 4;
      if (buf[at + 2] === CR) {
        if (length > 9) length = -1;
      } else if (buf[at + 3] === CR && length > 0 && length <= 9 && buf[at + 2]! >= ZERO && buf[at + 2]! <= ZERO + 9) {
        length = length * 10 + buf[at + 2]! - ZERO;
        from = at + 5;
      } else {
        const lineEnd = this.#lineEndOfDigits(buf, at, end);
        for (let p = at + 2; p < lineEnd; p++) length = length * 10 + buf[p]! - ZERO;
        if (lineEnd < 0) length = -1;
        from = lineEnd + 2;
      }
      const to = from + length;
      if (length < 0 || length > bulkMax || to + 2 > end) return -1;
      if (i === off.length) {
        request.reserve(i + 1);
        ({ off, len } = request);
      }
      off[i] = from;
      len[i] = length;
      at = to + 2;
    }
    request.buf = buf;
    request.argc = argc;
    return at;
  }

  /** The CR of a bulk header at `at` that is a plain number of 2 to 9 digits, or -1. */
  #lineEndOfDigits(buf: Uint8Array, at: number, end: number): number {
    // A leading zero is an error.
    if (buf[at + 1]! <= ZERO) return -1;
    const limit = Math.min(end - 1, at + 2 + FAST_DIGITS_MAX);
    for (let p = at + 1; p < limit; p++) {
      const b = buf[p]!;
      if (b === CR) return p;
      if (b < ZERO || b > ZERO + 9) return -1;
    }
    return -1;
  }

  /** Goes on at the first argument's header at `at` by remembering what it finds. */
  #suspend(buf: Uint8Array, start: number, end: number, request: Request, argc: number, at: number): ParseStatus {
    this.#argc = argc;
    this.#at = at - start;
    this.#bulk = -1;
    this.#scanned = this.#at;
    return this.#resume(buf, start, end, request);
  }

  #resume(buf: Uint8Array, start: number, end: number, request: Request): ParseStatus {
    if (this.#argc === 0) {
      if (buf[start] !== STAR) return this.#inline(buf, start, end, request);
      const status = this.#multibulkHeader(buf, start, end);
      if (status !== ParseStatus.command) return status;
    }
    while (this.#count < this.#argc) {
      if (this.#bulk < 0) {
        const status = this.#bulkHeader(buf, start, end);
        if (status !== ParseStatus.command) return status;
      }
      // The two bytes behind an argument are skipped, whatever they are.
      const behind = this.#at + this.#bulk + 2;
      if (start + behind > end) return ParseStatus.incomplete;
      this.#keep(this.#at, this.#bulk);
      this.#at = behind;
      this.#scanned = behind;
      this.#bulk = -1;
    }
    const argc = this.#argc;
    const args = this.#args!;
    request.reserve(argc);
    for (let i = 0; i < argc; i++) {
      request.off[i] = start + args[2 * i]!;
      request.len[i] = args[2 * i + 1]!;
    }
    request.buf = buf;
    request.argc = argc;
    this.next = start + this.#at;
    this.#clear();
    return ParseStatus.command;
  }

  #keep(offset: number, length: number): void {
    const at = 2 * this.#count++;
    if (this.#args === null) this.#args = new Int32Array(16);
    else if (at === this.#args.length) {
      const larger = new Int32Array(2 * at);
      larger.set(this.#args);
      this.#args = larger;
    }
    this.#args[at] = offset;
    this.#args[at + 1] = length;
  }

  /** After `incomplete`: so many bytes the command has at least, from its first one through the argument that is awaited. */
  get expectedBytes(): number {
    return this.#bulk < 0 ? 0 : this.#at + this.#bulk + 2;
  }

  /** Forgets an incomplete command: its bytes are offered again behind others. */
  restart(): void {
    this.#clear();
  }

  #clear(): void {
    this.#argc = 0;
    this.#count = 0;
    this.#at = 0;
    this.#bulk = -1;
    this.#scanned = 0;
    if (this.#args !== null && this.#args.length > 2 * KEPT_ARGS_MAX) this.#args = null;
  }

  /** Reads "*N\r\n" at `start`. `command` means: `#argc` and `#at` are set. */
  #multibulkHeader(buf: Uint8Array, start: number, end: number): ParseStatus {
    const lineEnd = this.#lineEnd(buf, start, end, CR);
    if (lineEnd === LINE_INCOMPLETE) return ParseStatus.incomplete;
    if (lineEnd === LINE_TOO_LONG) return this.#fail('too big mbulk count string');
    if (!parseIntegerStrict(buf, start + 1, lineEnd - start - 1) || parsedInteger.value > ARGC_MAX) {
      return this.#fail('invalid multibulk length');
    }
    const argc = parsedInteger.value;
    if (argc > ARGC_MAX_UNAUTHENTICATED && !this.authenticated) return this.#fail('unauthenticated multibulk length');
    if (argc <= 0) {
      this.#clear();
      this.next = lineEnd + 2;
      return ParseStatus.empty;
    }
    this.#argc = argc;
    this.#at = lineEnd + 2 - start;
    this.#scanned = this.#at;
    return ParseStatus.command;
  }

  /** Reads "$N\r\n" at `#at`. `command` means: `#bulk` is set and `#at` is the argument's first byte. */
  #bulkHeader(buf: Uint8Array, start: number, end: number): ParseStatus {
    const lineEnd = this.#lineEnd(buf, start, end, CR);
    if (lineEnd === LINE_INCOMPLETE) return ParseStatus.incomplete;
    if (lineEnd === LINE_TOO_LONG) return this.#fail('too big bulk count string');
    const at = start + this.#at;
    const first = buf[at]!;
    if (first !== DOLLAR) {
      const shown = first === CR || first === LF ? ' ' : String.fromCharCode(first);
      return this.#fail(`expected '$', got '${shown}'`);
    }
    // Offsets are 32-bit: a limit configured beyond that cannot be honoured.
    const max = Math.min(this.#limits.bulkBytesMax, INPUT_BYTES_MAX - LINE_BYTES_MAX);
    if (!parseIntegerStrict(buf, at + 1, lineEnd - at - 1) || parsedInteger.value < 0 || parsedInteger.value > max) {
      return this.#fail('invalid bulk length');
    }
    const length = parsedInteger.value;
    if (length > BULK_BYTES_MAX_UNAUTHENTICATED && !this.authenticated) return this.#fail('unauthenticated bulk length');
    this.#bulk = length;
    this.#at = lineEnd + 2 - start;
    this.#scanned = this.#at;
    return ParseStatus.command;
  }

  #inline(buf: Uint8Array, start: number, end: number, request: Request): ParseStatus {
    const newline = this.#lineEnd(buf, start, end, LF);
    if (newline === LINE_INCOMPLETE) return ParseStatus.incomplete;
    if (newline === LINE_TOO_LONG) return this.#fail('too big inline request');
    const lineEnd = newline > start && buf[newline - 1] === CR ? newline - 1 : newline;
    const argc = splitInline(buf, start, lineEnd, request);
    if (argc < 0) return this.#fail('unbalanced quotes in request');
    this.#clear();
    this.next = newline + 1;
    return argc === 0 ? ParseStatus.empty : ParseStatus.command;
  }

  /**
   * Looks for `mark` (LF, or a CR with a byte behind it) in the line at `#at`, and remembers how far it looked.
   * @returns its offset in `buf`, LINE_INCOMPLETE or LINE_TOO_LONG.
   */
  #lineEnd(buf: Uint8Array, start: number, end: number, mark: number): number {
    const limit = Math.min(end, start + this.#at + LINE_BYTES_MAX + 1);
    let at = start + Math.max(this.#at, this.#scanned);
    while (at < limit && buf[at] !== mark) at++;
    if (at < limit && (mark === LF || at + 1 < end)) return at;
    if (at - start - this.#at > LINE_BYTES_MAX) return LINE_TOO_LONG;
    this.#scanned = at - start;
    return LINE_INCOMPLETE;
  }

  #fail(what: string): ParseStatus {
    this.#clear();
    this.error = `ERR Protocol error: ${what}`;
    return ParseStatus.error;
  }
}

/** Offsets are 32-bit: no more than this can wait for one connection. */
const INPUT_BYTES_MAX = 2 ** 31 - 1;
const FIRST_BYTES = 1024;
/** Room is made for so many times the bytes that are at hand, where that many are expected. */
const EXPECTED_GROWTH = 16;
/** What may arrive together with the last of the bytes that were expected. */
const BEHIND_EXPECTED_BYTES = 256 * 1024;
/** Buffers between these sizes are handed from connection to connection: a read cut within a command is common. */
const SPARE_BYTES_MIN = 64 * 1024;
const SPARE_BYTES_MAX = 1024 * 1024;
const SPARES_MAX = 8;
const spares: Uint8Array[] = [];

const NO_BYTES: Uint8Array = new Uint8Array(0);

/**
 * Bytes of one connection that have arrived and are not consumed: [start, end) of `buf`. Takes no memory while empty.
 * It grows by doubling, so that appending costs linear time in all.
 */
export class PendingInput {
  buf: Uint8Array = NO_BYTES;
  start = 0;
  end = 0;

  get length(): number {
    return this.end - this.start;
  }

  /**
   * Copies bytes [from, to) of `source` behind those at hand. May move all of them to another `buf`.
   * @param expected how many there will be in all, as far as is known: room for them is made in few steps, so that a huge command is
   *   not moved again and again, but not at once, since nobody knows whether they come
   * @throws OperationalError INPUT_TOO_LARGE beyond 2 GiB; owners have a lower limit of their own.
   */
  append(source: Uint8Array, from: number, to: number, expected = 0): void {
    const size = to - from;
    if (size === 0) return;
    if (this.end + size > this.buf.length) this.#makeRoom(size, expected);
    this.buf.set(source.subarray(from, to), this.end);
    this.end += size;
  }

  /** Puts `pieces` before the bytes at hand. */
  prepend(pieces: readonly Uint8Array[]): void {
    const rest = this.buf.slice(this.start, this.end);
    this.consume(this.length);
    for (const piece of [...pieces, rest]) this.append(piece, 0, piece.length);
  }

  /** Drops the first `size` bytes. When none are left the memory is given up. */
  consume(size: number): void {
    this.start += size;
    const { buf } = this;
    if (this.start < this.end) {
      // The small rest behind a huge command must not keep the huge buffer.
      if (buf.length > SPARE_BYTES_MAX && 4 * this.length <= buf.length) this.#move(allocate(this.length));
      return;
    }
    if (buf.length >= SPARE_BYTES_MIN && buf.length <= SPARE_BYTES_MAX && spares.length < SPARES_MAX) spares.push(buf);
    this.buf = NO_BYTES;
    this.start = 0;
    this.end = 0;
  }

  #makeRoom(size: number, expected: number): void {
    const { buf, start, end } = this;
    const needed = end - start + size;
    // Moving to the front pays if at least as much is free as has to be moved.
    if (needed <= buf.length && start >= end - start) {
      buf.copyWithin(0, start, end);
    } else {
      if (needed > INPUT_BYTES_MAX) throw new OperationalError('INPUT_TOO_LARGE', 'more than 2 GiB of unparsed input');
      this.#move(allocate(expected > needed ? Math.min(expected + BEHIND_EXPECTED_BYTES, EXPECTED_GROWTH * needed, INPUT_BYTES_MAX) : needed));
      return;
    }
    this.end = end - start;
    this.start = 0;
  }

  #move(target: Uint8Array): void {
    target.set(this.buf.subarray(this.start, this.end));
    this.buf = target;
    this.end -= this.start;
    this.start = 0;
  }
}

function allocate(needed: number): Uint8Array {
  let bytes = FIRST_BYTES;
  while (bytes < needed) bytes *= 2;
  if (bytes >= SPARE_BYTES_MIN && bytes <= SPARE_BYTES_MAX) {
    const spare = spares[spares.length - 1];
    if (spare !== undefined && spare.length >= needed) {
      spares.pop();
      return spare;
    }
  }
  return new Uint8Array(Math.min(bytes, INPUT_BYTES_MAX));
}
