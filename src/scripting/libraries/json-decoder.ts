/** Reads JSON as lua-cjson does, with its messages. A zero byte is the end. */
import { PositionedError } from '../arguments.ts';
import { listOf } from '../lists.ts';
import { type LuaEngine, type LuaTable, type LuaValue, NULL_USERDATA } from '../lua-engine.ts';
import { type Toll, VALUE_BYTES } from '../toll.ts';

const Token = {
  objectBegin: 'T_OBJ_BEGIN', objectEnd: 'T_OBJ_END', arrayBegin: 'T_ARR_BEGIN', arrayEnd: 'T_ARR_END', string: 'T_STRING', number: 'T_NUMBER',
  boolean: 'T_BOOLEAN', null: 'T_NULL', colon: 'T_COLON', comma: 'T_COMMA', end: 'T_END', error: 'T_ERROR',
} as const;

const SINGLE: Readonly<Record<string, string>> = {
  '{': Token.objectBegin, '}': Token.objectEnd, '[': Token.arrayBegin, ']': Token.arrayEnd, ',': Token.comma, ':': Token.colon,
};
const ESCAPES: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', '/': '/', b: '\b', t: '\t', n: '\n', f: '\f', r: '\r' };
/** As C's strtod takes them. */
const NUMBER = /[+-]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?|[nN][aA][nN])/y;
/** Numbers that JSON does not know. */
const INVALID = /\+|-?(?:0[xX0-9]|[iI][nN][fF]|[nN][aA][nN])/y;
const PLAIN = /[^"\\\0]+/y;

export class JsonDecoder {
  readonly #engine: LuaEngine;
  readonly #toll: Toll;
  readonly #text: string;
  readonly #invalidNumbers: boolean;
  readonly #depthMax: number;
  #at = 0;
  #depth = 0;
  /** The token under way: its kind, where it began, and its value, which is what is wrong of an error. */
  #token: string = Token.end;
  #tokenAt = 0;
  #value: LuaValue = undefined;

  constructor(engine: LuaEngine, toll: Toll, text: string, invalidNumbers: boolean, depthMax: number) {
    this.#engine = engine;
    this.#toll = toll;
    this.#text = text;
    this.#invalidNumbers = invalidNumbers;
    this.#depthMax = depthMax;
  }

  /** @throws PositionedError */
  decode(): LuaValue {
    const text = this.#text;
    this.#toll.add(text.length);
    if (text.length >= 2 && (text[0] === '\0' || text[1] === '\0')) throw new PositionedError('JSON parser does not support UTF-16 or UTF-32');
    this.#next();
    const value = this.#read();
    this.#next();
    if (this.#token !== Token.end) this.#expected('the end');
    return value;
  }

  #expected(what: string): never {
    const found = this.#token === Token.error ? String(this.#value) : this.#token;
    throw new PositionedError(`Expected ${what} but found ${found} at character ${this.#tokenAt + 1}`);
  }

  #read(): LuaValue {
    this.#toll.add(VALUE_BYTES);
    switch (this.#token) {
      case Token.string: case Token.number: case Token.boolean: return this.#value;
      case Token.null: return NULL_USERDATA;
      case Token.objectBegin: return this.#object();
      case Token.arrayBegin: return this.#array();
      default: return this.#expected('value');
    }
  }

  #descend(): void {
    this.#depth++;
    if (this.#depth > this.#depthMax) throw new PositionedError(`Found too many nested data structures (${this.#depth}) at character ${this.#at}`);
  }

  #object(): LuaTable {
    this.#descend();
    const table = this.#engine.newTable();
    this.#next();
    if (!this.#is(Token.objectEnd)) {
      for (;;) {
        if (!this.#is(Token.string)) this.#expected('object key string');
        const key = this.#value;
        this.#next();
        if (!this.#is(Token.colon)) this.#expected('colon');
        this.#next();
        table.set(key, this.#read());
        this.#next();
        if (this.#is(Token.objectEnd)) break;
        if (!this.#is(Token.comma)) this.#expected('comma or object end');
        this.#next();
      }
    }
    this.#depth--;
    return table;
  }

  #array(): LuaTable {
    this.#descend();
    const values: LuaValue[] = [undefined];
    this.#next();
    if (!this.#is(Token.arrayEnd)) {
      for (;;) {
        values.push(this.#read());
        this.#next();
        if (this.#is(Token.arrayEnd)) break;
        if (!this.#is(Token.comma)) this.#expected('comma or array end');
        this.#next();
      }
    }
    this.#depth--;
    return listOf(this.#engine, values);
  }

  // ---- Tokens ----

  #is(token: string): boolean {
    return this.#token === token;
  }

  #error(what: string): void {
    this.#token = Token.error;
    this.#tokenAt = this.#at;
    this.#value = what;
  }

  #next(): void {
    const text = this.#text;
    let char = text[this.#at];
    while (char === ' ' || char === '\t' || char === '\n' || char === '\r') char = text[++this.#at];
    this.#tokenAt = this.#at;
    if (char === undefined || char === '\0') {
      this.#token = Token.end;
      return;
    }
    const single = SINGLE[char];
    if (single !== undefined) {
      this.#token = single;
      this.#at++;
    } else if (char === '"') this.#string();
    else if (char === '-' || (char >= '0' && char <= '9')) this.#number();
    else if (!this.#word('true', Token.boolean, true) && !this.#word('false', Token.boolean, false) && !this.#word('null', Token.null, undefined)) {
      INVALID.lastIndex = this.#at;
      if ('iInN+'.includes(char) && this.#invalidNumbers && INVALID.test(text)) this.#number();
      else this.#error('invalid token');
    }
  }

  #word(word: string, token: string, value: LuaValue): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false;
    this.#token = token;
    this.#value = value;
    this.#at += word.length;
    return true;
  }

  #number(): void {
    INVALID.lastIndex = this.#at;
    if (!this.#invalidNumbers && INVALID.test(this.#text)) {
      this.#error('invalid number');
      return;
    }
    NUMBER.lastIndex = this.#at;
    const found = NUMBER.exec(this.#text);
    if (found === null) {
      this.#error('invalid number');
      return;
    }
    this.#token = Token.number;
    this.#value = numberOf(found[0]);
    this.#at += found[0].length;
  }

  #string(): void {
    const text = this.#text;
    let out = '';
    this.#at++;
    for (;;) {
      PLAIN.lastIndex = this.#at;
      const plain = PLAIN.exec(text);
      if (plain !== null) {
        out += plain[0];
        this.#at += plain[0].length;
      }
      const char = text[this.#at];
      if (char === '"') break;
      if (char !== '\\') {
        this.#error('unexpected end of string');
        return;
      }
      const letter = text[this.#at + 1] ?? '';
      const escaped = ESCAPES[letter];
      if (escaped !== undefined) {
        out += escaped;
        this.#at += 2;
      } else if (letter === 'u') {
        const bytes = this.#unicode();
        if (bytes === null) {
          this.#error('invalid unicode escape code');
          return;
        }
        out += bytes;
      } else {
        this.#error('invalid escape code');
        return;
      }
    }
    this.#at++;
    this.#token = Token.string;
    this.#value = out;
  }

  #codeUnit(at: number): number {
    const digits = this.#text.slice(at, at + 4);
    return /^[0-9a-fA-F]{4}$/.test(digits) ? parseInt(digits, 16) : -1;
  }

  /** The UTF-8 bytes of the escape (or pair of escapes) here; null if it is none. Goes behind it. */
  #unicode(): string | null {
    let code = this.#codeUnit(this.#at + 2);
    let length = 6;
    if (code < 0) return null;
    if ((code & 0xf800) === 0xd800) {
      if ((code & 0x400) !== 0 || this.#text[this.#at + 6] !== '\\' || this.#text[this.#at + 7] !== 'u') return null;
      const low = this.#codeUnit(this.#at + 8);
      if (low < 0 || (low & 0xfc00) !== 0xdc00) return null;
      code = (((code & 0x3ff) << 10) | (low & 0x3ff)) + 0x10000;
      length = 12;
    }
    this.#at += length;
    return utf8(code);
  }
}

function numberOf(text: string): number {
  const unsigned = text.replace(/^[+-]/, '').toLowerCase();
  let value: number;
  if (unsigned.startsWith('inf')) value = Infinity;
  else if (unsigned.startsWith('nan')) value = NaN;
  else value = Number(unsigned);
  return text.startsWith('-') ? -value : value;
}

/** A code point as UTF-8, each byte a char. */
function utf8(code: number): string {
  const tail = (shift: number): number => 0x80 | ((code >>> shift) & 0x3f);
  if (code < 0x80) return String.fromCharCode(code);
  if (code < 0x800) return String.fromCharCode(0xc0 | (code >>> 6), tail(0));
  if (code < 0x10000) return String.fromCharCode(0xe0 | (code >>> 12), tail(6), tail(0));
  return String.fromCharCode(0xf0 | (code >>> 18), tail(12), tail(6), tail(0));
}
