/**
 * Replies as values: RESP2 and RESP3 as a client sees them, for the connections that Holdfast itself makes, for tools and
 * for tests. Types that differ on the wire stay apart, so that a comparison of values misses nothing.
 */
import { OperationalError } from '../shared/errors.ts';
import { latin1Slice } from '../shared/request.ts';
import { PendingInput } from './request-parser.ts';

/** An error reply ("-" or "!"). `code` is its first word. */
export class RespError {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
  get code(): string {
    return this.message.split(' ', 1)[0]!;
  }
}

/** A simple string ("+"). */
export class RespStatus {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A double (","). `text` is as it came. */
export class RespDouble {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  get value(): number {
    if (this.text === 'inf' || this.text === '+inf') return Infinity;
    if (this.text === '-inf') return -Infinity;
    return this.text === 'nan' ? NaN : Number(this.text);
  }
}

/** A big number ("("). */
export class RespBigNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A verbatim string ("="). */
export class RespVerbatim {
  readonly format: string;
  readonly text: string;
  constructor(format: string, text: string) {
    this.format = format;
    this.text = text;
  }
}

/** A map ("%"), in the order it came; keys may be of any type. */
export class RespMap {
  readonly pairs: [RespValue, RespValue][];
  constructor(pairs: [RespValue, RespValue][]) {
    this.pairs = pairs;
  }
  /** The value of the first key that is the string `key`. */
  get(key: string): RespValue | undefined {
    return this.pairs.find((pair) => toPlain(pair[0]) === key)?.[1];
  }
}

/** A set ("~"), in the order it came. */
export class RespSet {
  readonly members: RespValue[];
  constructor(members: RespValue[]) {
    this.members = members;
  }
}

/** An out-of-band message (">"). */
export class RespPush {
  readonly items: RespValue[];
  constructor(items: RespValue[]) {
    this.items = items;
  }
}

/** The null array of RESP2 ("*-1"); the other nulls are `null`. */
export class RespNullArray {}
export const NULL_ARRAY = new RespNullArray();

/** Bulk strings are latin1 strings; integers beyond 2^53 are bigint. */
export type RespValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | RespValue[]
  | RespStatus
  | RespError
  | RespDouble
  | RespBigNumber
  | RespVerbatim
  | RespMap
  | RespSet
  | RespPush
  | RespNullArray;

/** An aggregate under way. */
interface Frame {
  readonly type: number;
  readonly items: RespValue[];
  readonly length: number;
}

const CR = 13;
const LF = 10;
const ATTRIBUTE = 124;
const DEPTH_MAX = 128;
const LINE_BYTES_MAX = 64 * 1024;
/** Nothing came of this piece: more bytes are needed, or it opened an aggregate that has items. */
const NOTHING = Symbol('nothing');

/** Decodes a stream of replies, cut in any way. */
export class RespReader {
  /** The attribute ("|") that stood before the last value, if any. */
  attribute: RespMap | null = null;

  readonly #input = new PendingInput();
  readonly #stack: Frame[] = [];
  #needsMore = false;
  #scanned = 0;
  #lineEnd = 0;
  #nextAttribute: RespMap | null = null;

  /** Bytes [from, to) of `bytes` have arrived. They are copied. */
  push(bytes: Uint8Array, from = 0, to = bytes.length): void {
    this.#input.append(bytes, from, to);
  }

  /** Bytes that are not part of a value returned yet. */
  get pendingBytes(): number {
    return this.#input.length;
  }

  /**
   * The next value, or undefined if it is not complete.
   * @throws OperationalError BAD_REPLY if the bytes are not RESP; the reader is of no use then.
   */
  next(): RespValue | undefined {
    this.#needsMore = false;
    for (;;) {
      const piece = this.#piece();
      if (this.#needsMore) return undefined;
      if (piece === NOTHING) continue;
      const value = this.#close(piece as RespValue);
      if (value === NOTHING) continue;
      this.attribute = this.#nextAttribute;
      this.#nextAttribute = null;
      return value as RespValue;
    }
  }

  /** Puts a complete value where it belongs, closing aggregates that it completes. */
  #close(piece: RespValue): RespValue | typeof NOTHING {
    let value = piece;
    for (;;) {
      const frame = this.#stack[this.#stack.length - 1];
      if (frame === undefined) return value;
      frame.items.push(value);
      if (frame.items.length < frame.length) return NOTHING;
      this.#stack.pop();
      const closed = this.#aggregate(frame);
      if (closed === NOTHING) return NOTHING;
      value = closed as RespValue;
    }
  }

  #aggregate(frame: Frame): RespValue | typeof NOTHING {
    const { items } = frame;
    switch (String.fromCharCode(frame.type)) {
      case '~':
        return new RespSet(items);
      case '>':
        return new RespPush(items);
      case '%':
      case '|': {
        const pairs: [RespValue, RespValue][] = [];
        for (let i = 0; i < items.length; i += 2) pairs.push([items[i]!, items[i + 1]!]);
        const map = new RespMap(pairs);
        if (frame.type !== ATTRIBUTE) return map;
        this.#nextAttribute = map;
        return NOTHING;
      }
      default:
        return items;
    }
  }

  /** Reads one line and, for bulks, what follows it. Sets `#needsMore` and consumes nothing if that has not arrived. */
  #piece(): RespValue | typeof NOTHING {
    const { buf, start } = this.#input;
    if (!this.#findLine()) return NOTHING;
    const type = buf[start]!;
    const line = latin1Slice(buf, start + 1, this.#lineEnd);
    switch (String.fromCharCode(type)) {
      case '$':
      case '!':
      case '=':
        return this.#bulk(type, this.#length(line));
      case '*':
      case '~':
      case '>':
      case '%':
      case '|':
        return this.#open(type, this.#length(line));
      default:
        this.#consumeTo(this.#lineEnd + 2);
        return scalar(type, line);
    }
  }

  #findLine(): boolean {
    const { buf, start, end } = this.#input;
    let at = start + this.#scanned;
    while (at < end && buf[at] !== CR) at++;
    if (at - start > LINE_BYTES_MAX) throw bad('a line without end');
    if (at + 1 >= end) {
      this.#scanned = at - start;
      this.#needsMore = true;
      return false;
    }
    if (buf[at + 1] !== LF) throw bad('CR without LF');
    // A bulk that is awaited begins with the same line again.
    this.#scanned = at - start;
    this.#lineEnd = at;
    return true;
  }

  #consumeTo(offset: number): void {
    this.#input.consume(offset - this.#input.start);
    this.#scanned = 0;
  }

  #length(line: string): number {
    const value = /^(?:-1|\d{1,15})$/.test(line) ? Number(line) : NaN;
    if (Number.isNaN(value)) throw bad(`length '${line}'`);
    return value;
  }

  #bulk(type: number, length: number): RespValue | typeof NOTHING {
    const from = this.#lineEnd + 2;
    if (length < 0) {
      this.#consumeTo(from);
      return null;
    }
    const to = from + length;
    const { buf, end } = this.#input;
    if (to + 2 > end) {
      this.#needsMore = true;
      return NOTHING;
    }
    if (buf[to] !== CR || buf[to + 1] !== LF) throw bad('a bulk longer than announced');
    const text = latin1Slice(buf, from, to);
    this.#consumeTo(to + 2);
    if (type === '!'.charCodeAt(0)) return new RespError(text);
    if (type === '='.charCodeAt(0)) return new RespVerbatim(text.slice(0, 3), text.slice(4));
    return text;
  }

  #open(type: number, length: number): RespValue | typeof NOTHING {
    this.#consumeTo(this.#lineEnd + 2);
    if (length < 0) return NULL_ARRAY;
    const doubled = type === '%'.charCodeAt(0) || type === ATTRIBUTE;
    const frame: Frame = { type, items: [], length: doubled ? 2 * length : length };
    if (length === 0) return this.#aggregate(frame);
    if (this.#stack.length === DEPTH_MAX) throw bad('nested too deeply');
    this.#stack.push(frame);
    return NOTHING;
  }
}

function scalar(type: number, line: string): RespValue {
  switch (String.fromCharCode(type)) {
    case '+':
      return new RespStatus(line);
    case '-':
      return new RespError(line);
    case ':':
      if (!/^[+-]?\d+$/.test(line)) throw bad(`integer '${line}'`);
      return Number.isSafeInteger(Number(line)) ? Number(line) : BigInt(line);
    case ',':
      return new RespDouble(line);
    case '(':
      return new RespBigNumber(line);
    case '#':
      if (line !== 't' && line !== 'f') throw bad(`boolean '${line}'`);
      return line === 't';
    case '_':
      return null;
    default:
      throw bad(`type byte ${type}`);
  }
}

function bad(what: string): OperationalError {
  return new OperationalError('BAD_REPLY', `not a RESP reply: ${what}`);
}

/** A value without the distinctions of the wire: strings, numbers, arrays, null. Errors stay what they are. */
export function toPlain(value: RespValue): unknown {
  if (value instanceof RespStatus || value instanceof RespBigNumber || value instanceof RespVerbatim) return value.text;
  if (value instanceof RespDouble) return value.value;
  if (value instanceof RespNullArray) return null;
  if (value instanceof RespSet) return value.members.map(toPlain);
  if (value instanceof RespPush) return value.items.map(toPlain);
  if (value instanceof RespMap) return value.pairs.map(([key, item]) => [toPlain(key), toPlain(item)]);
  return Array.isArray(value) ? value.map(toPlain) : value;
}
