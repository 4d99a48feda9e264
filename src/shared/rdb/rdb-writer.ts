/**
 * Writes the primitives of the RDB format: bytes, lengths, strings, doubles, the file's header and end.
 *
 * With a sink, bytes go there whenever the buffer is full, so that a file of any size takes one buffer of memory. Without,
 * the buffer grows and `take` returns it (DUMP). The checksum runs along over all that was written.
 */
import { invariant } from '../errors.ts';
import { parseIntegerStrict, parsedInteger } from '../number-text.ts';
import { latin1Bytes } from '../request.ts';
import { Crc64 } from './crc64.ts';
import { LzfCompressor } from './lzf.ts';
import { putInt32, putUint16 } from './packed-cursor.ts';
import { LENGTH_32, LENGTH_64, RDB_VERSION_WRITTEN, RdbOpcode, StringForm } from './rdb-types.ts';

/** Takes bytes that are the writer's own: it must write or copy them before it returns. */
export type RdbSink = (bytes: Uint8Array) => void;

export interface RdbWriterOptions {
  /** Absent: the bytes are kept for `take`. */
  readonly sink?: RdbSink;
  /** Whether strings are compressed (rdbcompression). Default true. */
  readonly compress?: boolean;
}

const BUFFER_BYTES = 256 * 1024;
/** Bytes of the buffer that primitives may write without asking for room. */
const PRIMITIVE_BYTES_MAX = 16;
const DUMP_BUFFER_BYTES = 1024;
/** Shorter strings are not compressed, as in Redis. */
const COMPRESS_BYTES_MIN = 21;
/** Longer ones neither: compression wants a second buffer of the string's size. */
const COMPRESS_BYTES_MAX = 64 * 1024 * 1024;
const COMPRESS_BUFFER_KEPT_MAX = 1024 * 1024;
/** Longer text is no 32-bit integer. */
const INTEGER_TEXT_MAX = 11;
const CHECKSUM_BYTES = 8;

export class RdbWriter {
  readonly #sink: RdbSink | null;
  readonly #compress: boolean;
  readonly #crc = new Crc64();
  readonly #lzf = new LzfCompressor();
  #buf: Uint8Array;
  #pos = 0;
  #flushedBytes = 0;
  #packed: Uint8Array = new Uint8Array(1024);
  readonly #float = new Float64Array(1);
  readonly #floatBytes = new Uint8Array(this.#float.buffer);

  constructor(options: RdbWriterOptions = {}) {
    this.#sink = options.sink ?? null;
    this.#compress = options.compress ?? true;
    this.#buf = new Uint8Array(this.#sink === null ? DUMP_BUFFER_BYTES : BUFFER_BYTES);
  }

  /** Bytes written so far. */
  get bytes(): number {
    return this.#flushedBytes + this.#pos;
  }

  // ---- Primitives ----

  byte(value: number): void {
    this.#room(1);
    this.#buf[this.#pos++] = value;
  }

  /** A length, or any count or number: an integer in [0, 2^53). */
  length(value: number): void {
    this.#room(PRIMITIVE_BYTES_MAX);
    const buf = this.#buf;
    if (value < 64) buf[this.#pos++] = value;
    else if (value < 16384) {
      buf[this.#pos++] = 0x40 | (value >>> 8);
      buf[this.#pos++] = value;
    } else if (value <= 0xffffffff) {
      buf[this.#pos++] = LENGTH_32;
      this.#bigEndian32(value);
    } else {
      invariant(Number.isSafeInteger(value), 'rdb: a length is no safe integer');
      buf[this.#pos++] = LENGTH_64;
      this.#bigEndian32(Math.floor(value / 4294967296));
      this.#bigEndian32(value);
    }
  }

  /** A length of 64 bits, unsigned, by its words. */
  lengthWords(hi: number, lo: number): void {
    const value = (hi >>> 0) * 4294967296 + (lo >>> 0);
    if (value <= Number.MAX_SAFE_INTEGER) {
      this.length(value);
      return;
    }
    this.#room(PRIMITIVE_BYTES_MAX);
    this.#buf[this.#pos++] = LENGTH_64;
    this.#bigEndian32(hi);
    this.#bigEndian32(lo);
  }

  /** A time in ms, or any other integer of at most 53 bits: eight bytes, little-endian. */
  int64(value: number): void {
    this.#room(PRIMITIVE_BYTES_MAX);
    putInt32(this.#buf, this.#pos, value | 0);
    putInt32(this.#buf, this.#pos + 4, Math.floor(value / 4294967296));
    this.#pos += 8;
  }

  /** A double: eight bytes, little-endian. */
  double(value: number): void {
    this.#float[0] = value;
    this.raw(this.#floatBytes, 0, 8);
  }

  /** A string: as an integer, compressed, or as it is. */
  string(buf: Uint8Array, off: number, len: number): void {
    if (len <= INTEGER_TEXT_MAX && this.#integer(buf, off, len)) return;
    if (len >= COMPRESS_BYTES_MIN && len <= COMPRESS_BYTES_MAX && this.#compress && this.#compressed(buf, off, len)) return;
    this.length(len);
    this.raw(buf, off, len);
  }

  /** A latin1 string as a string. */
  text(text: string): void {
    this.string(latin1Bytes(text), 0, text.length);
  }

  /** Bytes as they are. */
  raw(buf: Uint8Array, off: number, len: number): void {
    let from = off;
    let rest = len;
    if (this.#sink !== null) {
      // In pieces, so that the buffer keeps its size.
      for (let space = this.#buf.length - this.#pos; rest > space; space = this.#buf.length) {
        this.#copy(buf, from, space);
        from += space;
        rest -= space;
        this.#flush();
      }
    } else this.#room(rest);
    this.#copy(buf, from, rest);
  }

  // ---- Files and payloads ----

  /** The first bytes of a file. */
  header(version = RDB_VERSION_WRITTEN): void {
    this.raw(latin1Bytes(`REDIS${String(version).padStart(4, '0')}`), 0, 9);
  }

  aux(name: string, value: string): void {
    this.byte(RdbOpcode.aux);
    this.text(name);
    this.text(value);
  }

  /** The last bytes of a file: end mark and checksum. All is with the sink afterwards. Returns the checksum, 16 hex digits. */
  end(): string {
    this.byte(RdbOpcode.eof);
    const checksum = this.#checksum();
    if (this.#sink !== null) this.#emit();
    return checksum;
  }

  /** The end of a DUMP payload: version and checksum. */
  endPayload(version = RDB_VERSION_WRITTEN): void {
    this.#room(PRIMITIVE_BYTES_MAX);
    putUint16(this.#buf, this.#pos, version);
    this.#pos += 2;
    this.#checksum();
  }

  /** Without a sink: what was written since the last `take`, valid until the next write. The writer is empty again. */
  take(): Uint8Array {
    invariant(this.#sink === null, 'rdb: what went to a sink cannot be taken');
    const out = this.#buf.subarray(0, this.#pos);
    if (this.#buf.length > COMPRESS_BUFFER_KEPT_MAX) this.#buf = new Uint8Array(DUMP_BUFFER_BYTES);
    this.#pos = 0;
    this.#crc.reset();
    return out;
  }

  // ---- Inside ----

  #integer(buf: Uint8Array, off: number, len: number): boolean {
    if (!parseIntegerStrict(buf, off, len)) return false;
    const { value } = parsedInteger;
    if (value !== (value | 0)) return false;
    this.#room(PRIMITIVE_BYTES_MAX);
    const out = this.#buf;
    if (value >= -128 && value <= 127) {
      out[this.#pos++] = 0xc0 | StringForm.int8;
      out[this.#pos++] = value;
    } else if (value >= -32768 && value <= 32767) {
      out[this.#pos++] = 0xc0 | StringForm.int16;
      putUint16(out, this.#pos, value);
      this.#pos += 2;
    } else {
      out[this.#pos++] = 0xc0 | StringForm.int32;
      putInt32(out, this.#pos, value);
      this.#pos += 4;
    }
    return true;
  }

  #compressed(buf: Uint8Array, off: number, len: number): boolean {
    if (this.#packed.length < len) this.#packed = new Uint8Array(len * 2);
    const n = this.#lzf.compress(buf, off, len, this.#packed, 0, len - 4);
    if (n > 0) {
      this.byte(0xc0 | StringForm.lzf);
      this.length(n);
      this.length(len);
      this.raw(this.#packed, 0, n);
    }
    if (this.#packed.length > COMPRESS_BUFFER_KEPT_MAX) this.#packed = new Uint8Array(1024);
    return n > 0;
  }

  #bigEndian32(value: number): void {
    const buf = this.#buf;
    buf[this.#pos++] = value >>> 24;
    buf[this.#pos++] = value >>> 16;
    buf[this.#pos++] = value >>> 8;
    buf[this.#pos++] = value;
  }

  #copy(buf: Uint8Array, off: number, len: number): void {
    const to = this.#pos;
    if (len > 64) this.#buf.set(buf.subarray(off, off + len), to);
    else for (let i = 0; i < len; i++) this.#buf[to + i] = buf[off + i]!;
    this.#pos = to + len;
  }

  /** Makes room for a primitive (with a sink), or for anything (without). */
  #room(bytes: number): void {
    if (this.#pos + bytes <= this.#buf.length) return;
    if (this.#sink !== null) {
      this.#flush();
      return;
    }
    const grown = new Uint8Array(Math.max(this.#buf.length * 2, this.#pos + bytes));
    grown.set(this.#buf.subarray(0, this.#pos));
    this.#buf = grown;
  }

  #flush(): void {
    this.#crc.update(this.#buf, 0, this.#pos);
    this.#emit();
  }

  #emit(): void {
    this.#sink!(this.#buf.subarray(0, this.#pos));
    this.#flushedBytes += this.#pos;
    this.#pos = 0;
  }

  /** Writes the checksum of all before it; returns it. */
  #checksum(): string {
    this.#room(PRIMITIVE_BYTES_MAX);
    this.#crc.update(this.#buf, 0, this.#pos);
    if (this.#sink !== null) this.#emit();
    this.#crc.write(this.#buf, this.#pos);
    this.#pos += CHECKSUM_BYTES;
    return this.#crc.hex();
  }
}
