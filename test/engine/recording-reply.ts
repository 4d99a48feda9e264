/** A Reply that keeps what is written as RESP text, and reads it back as plain values for expectations. */
import type { Reply } from '../../src/shared/reply.ts';
import { latin1Slice } from '../../src/shared/request.ts';

/** Errors as `-text`; arrays, sets and pushes as arrays; maps as arrays of pairs; booleans, numbers, strings and null as they are. */
export type Value = string | number | boolean | null | Value[];

export class RecordingReply implements Reply {
  proto: 2 | 3;
  errors = 0;
  lastError = '';
  readonly isFull = false;
  #parts: string[] = [];

  constructor(proto: 2 | 3 = 2) {
    this.proto = proto;
  }

  ok(): void { this.status('OK'); }
  status(text: string): void { this.#line('+', text); }
  error(text: string): void {
    this.errors++;
    this.lastError = text;
    this.#line('-', text.replace(/[\r\n]/g, ' '));
  }
  integer(value: number): void {
    if (!Number.isSafeInteger(value)) throw new Error(`integer(${value})`);
    this.#line(':', String(value));
  }
  integerText(text: string): void { this.#line(':', text); }
  bulk(buf: Uint8Array, off: number, len: number): void { this.bulkString(latin1Slice(buf, off, off + len)); }
  bulkString(text: string): void { this.#parts.push(`$${text.length}\r\n${text}\r\n`); }
  double(value: number): void {
    this.doubleText(value === Infinity ? 'inf' : value === -Infinity ? '-inf' : Object.is(value, -0) ? '-0' : String(value));
  }
  doubleText(text: string): void {
    if (this.proto === 3) this.#line(',', text);
    else this.bulkString(text);
  }
  boolean(value: boolean): void {
    if (this.proto === 3) this.#line('#', value ? 't' : 'f');
    else this.integer(value ? 1 : 0);
  }
  null(): void { this.#parts.push(this.proto === 3 ? '_\r\n' : '$-1\r\n'); }
  nullArray(): void { this.#parts.push(this.proto === 3 ? '_\r\n' : '*-1\r\n'); }
  array(length: number): void { this.insertArray(this.mark(), length); }
  map(pairs: number): void { this.insertMap(this.mark(), pairs); }
  set(length: number): void { this.insertSet(this.mark(), length); }
  attribute(pairs: number): void { this.#line('|', String(pairs)); }
  push(length: number): void { this.#line(this.proto === 3 ? '>' : '*', String(length)); }
  verbatim(format: string, text: string): void {
    if (this.proto === 3) this.#parts.push(`=${text.length + 4}\r\n${format}:${text}\r\n`);
    else this.bulkString(text);
  }
  bigNumber(text: string): void {
    if (this.proto === 3) this.#line('(', text);
    else this.bulkString(text);
  }
  mark(): number { return this.#parts.length; }
  rewind(mark: number): void { this.#parts.length = mark; }
  insertArray(mark: number, length: number): void { this.#parts.splice(mark, 0, `*${length}\r\n`); }
  insertMap(mark: number, pairs: number): void {
    this.#parts.splice(mark, 0, this.proto === 3 ? `%${pairs}\r\n` : `*${pairs * 2}\r\n`);
  }
  insertSet(mark: number, length: number): void {
    this.#parts.splice(mark, 0, this.proto === 3 ? `~${length}\r\n` : `*${length}\r\n`);
  }

  #line(type: string, text: string): void { this.#parts.push(`${type}${text}\r\n`); }

  /** The RESP text written since the last `take`. */
  take(): string {
    const out = this.#parts.join('');
    this.#parts = [];
    return out;
  }
}

/** Reads one RESP value that fills `text`. */
export function parseReply(text: string): Value {
  let at = 0;
  const line = (): string => {
    const end = text.indexOf('\r\n', at);
    const out = text.slice(at, end);
    at = end + 2;
    return out;
  };
  const many = (n: number): Value[] => Array.from({ length: n }, () => read());
  const read = (): Value => {
    const head = line();
    const rest = head.slice(1);
    switch (head[0]) {
      case '+': return rest;
      case '-': return `-${rest}`;
      case ':': return Number(rest);
      case ',': return rest.endsWith('inf') ? Number(rest.replace('inf', 'Infinity')) : Number(rest);
      case '(': return rest;
      case '#': return rest === 't';
      case '_': return null;
      case '*': case '~': case '>': return rest === '-1' ? null : many(Number(rest));
      case '%': return Array.from({ length: Number(rest) }, () => many(2));
      case '$': case '=': {
        if (rest === '-1') return null;
        const out = text.slice(at, at + Number(rest));
        at += Number(rest) + 2;
        return head[0] === '=' ? out.slice(4) : out;
      }
      default: throw new Error(`not RESP: ${JSON.stringify(text.slice(0, 80))}`);
    }
  };
  const out = read();
  if (at !== text.length) throw new Error(`more than one reply: ${JSON.stringify(text.slice(0, 200))}`);
  return out;
}
