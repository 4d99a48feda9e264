/**
 * Effects: what commands changed, as plain deterministic commands, in the form in which the transaction log carries them.
 *
 * A block is a sequence of effects: varint database, varint argument count, then for each argument varint length and
 * bytes; the first argument is a command's name. The engine writes effects straight into one growing buffer, and the
 * block of a turn is what stands in it at the turn's end.
 */
import { ByteCopier, viewOf } from '../shared/byte-copier.ts';
import { invariant, OperationalError } from '../shared/errors.ts';
import { type Request, writeLatin1 } from '../shared/request.ts';
import { formatInteger } from '../shared/number-text.ts';

const BUFFER_BYTES = 64 * 1024;
/** Of an argument's length, at most. */
export const LENGTH_BYTES_MAX = 5;
/** Varints have at most five bytes. */
const VARINT_END = 2 ** 35;
/** A buffer larger than this is given up after use. */
const KEPT_BUFFER_BYTES = 4 * 1024 * 1024;

export class EffectWriter {
  /** One after the other, blocks stand at its beginning: a buffer for each would keep the garbage collector busy. */
  #buf: Uint8Array = new Uint8Array(BUFFER_BYTES);
  #view = viewOf(this.#buf);
  readonly #copier = new ByteCopier();
  #pos = 0;
  #argsDue = 0;
  readonly #digits: Uint8Array = new Uint8Array(24);

  /** Bytes written since the last `take`. */
  get length(): number {
    return this.#pos;
  }

  /** Begins an effect of `argc` arguments on database `db`; exactly that many `arg…` calls follow. */
  begin(db: number, argc: number): void {
    invariant(this.#argsDue === 0, 'effects: the previous effect is incomplete');
    this.#reserve(10);
    this.#varint(db);
    this.#varint(argc);
    this.#argsDue = argc;
  }

  arg(buf: Uint8Array, off: number, len: number): void {
    this.#argsDue--;
    this.#reserve(len + 5);
    this.#put(buf, off, len);
  }

  /** A latin1 string as an argument. */
  text(text: string): void {
    this.#argsDue--;
    this.#reserve(text.length + 5);
    this.#varint(text.length);
    this.#pos = writeLatin1(text, this.#buf, this.#pos);
  }

  /** A safe integer as an argument. */
  integer(value: number): void {
    this.arg(this.#digits, 0, formatInteger(this.#digits, 0, value));
  }

  /** A request as it is. */
  request(db: number, request: Request): void {
    this.begin(db, request.argc);
    this.#argumentsFrom(0, request);
  }

  /** A request under another command name than its first argument. */
  requestAs(name: string, db: number, request: Request): void {
    this.begin(db, request.argc);
    this.text(name);
    this.#argumentsFrom(1, request);
  }

  #argumentsFrom(first: number, request: Request): void {
    const { argc, buf, off, len } = request;
    let bytes = 0;
    for (let i = first; i < argc; i++) bytes += len[i]! + 5;
    this.#reserve(bytes);
    for (let i = first; i < argc; i++) this.#put(buf, off[i]!, len[i]!);
    this.#argsDue -= argc - first;
  }

  /** The block written since the last `take`, which stays as it is until the next effect begins; the writer is empty again. */
  take(): Uint8Array {
    invariant(this.#argsDue === 0, 'effects: the last effect is incomplete');
    const out = this.#buf.subarray(0, this.#pos);
    this.clear();
    if (this.#buf.length > KEPT_BUFFER_BYTES) this.#use(new Uint8Array(BUFFER_BYTES));
    return out;
  }

  /** Throws away what was written since the last `take`. */
  clear(): void {
    this.#pos = 0;
    this.#argsDue = 0;
  }

  #reserve(bytes: number): void {
    if (this.#pos + bytes <= this.#buf.length) return;
    const grown = new Uint8Array((this.#pos + bytes) * 2);
    grown.set(this.#buf.subarray(0, this.#pos));
    this.#use(grown);
  }

  #use(buf: Uint8Array): void {
    this.#buf = buf;
    this.#view = viewOf(buf);
  }

  /** Writes an argument with its length, where there is room. */
  #put(buf: Uint8Array, off: number, len: number): void {
    const pos = putVarint(this.#buf, this.#pos, len);
    this.#copier.copy(buf, off, this.#buf, this.#view, pos, len);
    this.#pos = pos + len;
  }

  #varint(value: number): void {
    this.#pos = putVarint(this.#buf, this.#pos, value);
  }
}

function putVarint(out: Uint8Array, pos: number, value: number): number {
  while (value > 127) {
    out[pos++] = (value & 127) | 128;
    value >>>= 7;
  }
  out[pos++] = value;
  return pos;
}

/** Reads the effects of a block one after the other. */
export class EffectReader {
  db = 0;
  #buf: Uint8Array = new Uint8Array(0);
  #pos = 0;

  open(block: Uint8Array): void {
    this.#buf = block;
    this.#pos = 0;
  }

  /**
   * Reads the next effect into `request` (whose bytes are the block's own) and `db`.
   * @returns false at the end.
   * @throws OperationalError BAD_EFFECTS when the block is damaged.
   */
  next(request: Request): boolean {
    if (this.#pos >= this.#buf.length) return false;
    this.db = this.#varint();
    const argc = this.#varint();
    if (argc < 1 || argc > this.#buf.length) throw damaged(this.#pos);
    request.reserve(argc);
    request.argc = argc;
    request.buf = this.#buf;
    for (let i = 0; i < argc; i++) {
      const len = this.#varint();
      if (this.#pos + len > this.#buf.length) throw damaged(this.#pos);
      request.off[i] = this.#pos;
      request.len[i] = len;
      this.#pos += len;
    }
    return true;
  }

  #varint(): number {
    let value = 0;
    for (let scale = 1; scale < VARINT_END; scale *= 128) {
      if (this.#pos >= this.#buf.length) throw damaged(this.#pos);
      const b = this.#buf[this.#pos++]!;
      value += (b & 127) * scale;
      if (b < 128) return value;
    }
    throw damaged(this.#pos);
  }
}

function damaged(offset: number): OperationalError {
  return new OperationalError('BAD_EFFECTS', `a log record's effects are damaged at byte ${offset}`);
}
