/**
 * Lua 5.1's tokens, and its messages about what is none. Works on latin1 text; line numbers count as Lua counts them.
 * Knows no grammar: the parser asks for one token after the other, with at most one of look-ahead.
 */
import { LuaSyntaxError } from '../lua-engine.ts';
import { parseNumber } from './number-text.ts';

/** A keyword or a punctuation is its own text; any other single character, too. */
export type Token = string;
export const NAME = '<name>';
export const STRING = '<string>';
export const NUMBER = '<number>';
export const END = '<eof>';

const KEYWORDS = new Set([
  'and', 'break', 'do', 'else', 'elseif', 'end', 'false', 'for', 'function', 'if', 'in', 'local', 'nil', 'not', 'or', 'repeat',
  'return', 'then', 'true', 'until', 'while',
]);
const ESCAPES: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };
/** Room for a chunk's name in a syntax error, and in a run-time error: C's buffers, with the closing zero. */
const NAME_BYTES_SYNTAX = 80;
const NAME_BYTES_RUNTIME = 60;

/** A chunk's name as messages show it: luaO_chunkid. */
export function shownChunkName(name: string, bytes = NAME_BYTES_RUNTIME): string {
  const end = name.indexOf('\0');
  const text = end < 0 ? name : name.slice(0, end);
  if (text.startsWith('=')) return text.slice(1, bytes);
  if (text.startsWith('@')) {
    const file = text.slice(1);
    const room = bytes - " '...' ".length - 1;
    return file.length > room ? `...${file.slice(file.length - room)}` : file;
  }
  const firstLine = /^[^\n\r]*/.exec(text)![0];
  const length = Math.min(firstLine.length, bytes - ' [string "..."] '.length - 1);
  return length < text.length ? `[string "${text.slice(0, length)}..."]` : `[string "${text}"]`;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isLetter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95;
}

function isLineEnd(code: number): boolean {
  return code === 10 || code === 13;
}

export class Lexer {
  /** The current token, and its value if it is a name, a string or a number. */
  token: Token = END;
  text = '';
  number = 0;
  /** The line in which the current token ends. */
  line = 1;
  /** The line in which the token before it ended: what Lua notes for an instruction. */
  lastLine = 1;
  readonly #source: string;
  readonly #chunkName: string;
  #at = 0;
  /** The current token's text as messages show it. */
  #raw = '';
  #ahead: { token: Token; text: string; number: number } | null = null;

  constructor(source: string, chunkName: string) {
    this.#source = source;
    this.#chunkName = shownChunkName(chunkName, NAME_BYTES_SYNTAX);
    this.next();
    this.lastLine = 1;
  }

  next(): void {
    this.lastLine = this.line;
    if (this.#ahead !== null) {
      this.token = this.#ahead.token;
      this.text = this.#ahead.text;
      this.number = this.#ahead.number;
      this.#ahead = null;
    } else this.token = this.#read();
  }

  /** The token behind the current one. */
  lookAhead(): Token {
    const { token, text, number } = this;
    const ahead = this.#read();
    this.#ahead = { token: ahead, text: this.text, number: this.number };
    this.token = token;
    this.text = text;
    this.number = number;
    return ahead;
  }

  /** An error at the current token. */
  syntaxError(message: string): LuaSyntaxError {
    return this.error(message, this.token);
  }

  /** @param near the token to show, or null for none. A zero byte counts as none: in C's Lua its number means that. */
  error(message: string, near: Token | null): LuaSyntaxError {
    const place = `${this.#chunkName}:${this.line}: ${message}`;
    return new LuaSyntaxError(near === null || near === '\0' ? place : `${place} near '${this.shown(near)}'`);
  }

  shown(token: Token): string {
    if (token === NAME || token === STRING || token === NUMBER) {
      const end = this.#raw.indexOf('\0');
      return end < 0 ? this.#raw : this.#raw.slice(0, end);
    }
    const code = token.charCodeAt(0);
    return token.length === 1 && (code < 32 || code === 127) ? `char(${code})` : token;
  }

  #read(): Token {
    const source = this.#source;
    for (;;) {
      if (this.#at >= source.length) return END;
      const code = source.charCodeAt(this.#at);
      if (isLetter(code)) return this.#name();
      if (isLineEnd(code)) {
        this.#lineEnd();
      } else if (code === 32 || (code >= 9 && code <= 12)) {
        this.#at++;
      } else if (code === 45 && source.charCodeAt(this.#at + 1) === 45) {
        this.#comment();
      } else if (isDigit(code) || (code === 46 && isDigit(source.charCodeAt(this.#at + 1)))) {
        return this.#numeral();
      } else if (code === 34 || code === 39) {
        return this.#string(code);
      } else if (code === 91) {
        return this.#bracket();
      } else return this.#punctuation();
    }
  }

  #punctuation(): Token {
    const source = this.#source;
    const first = source[this.#at]!;
    const second = source[this.#at + 1];
    if (first === '.' && second === '.') {
      const token = source[this.#at + 2] === '.' ? '...' : '..';
      this.#at += token.length;
      return token;
    }
    const pair = second === '=' && (first === '=' || first === '<' || first === '>' || first === '~');
    this.#at += pair ? 2 : 1;
    return pair ? `${first}=` : first;
  }

  /** Skips a line's end: one character, or two different ones. */
  #lineEnd(): void {
    const first = this.#source.charCodeAt(this.#at++);
    const second = this.#source.charCodeAt(this.#at);
    if (isLineEnd(second) && second !== first) this.#at++;
    this.line++;
  }

  #name(): Token {
    const from = this.#at;
    let code: number;
    do code = this.#source.charCodeAt(++this.#at);
    while (isLetter(code) || isDigit(code));
    const text = this.#source.slice(from, this.#at);
    this.#raw = text;
    if (KEYWORDS.has(text)) return text;
    this.text = text;
    return NAME;
  }

  #numeral(): Token {
    const source = this.#source;
    const from = this.#at;
    let code = source.charCodeAt(this.#at);
    while (isDigit(code) || code === 46) code = source.charCodeAt(++this.#at);
    if (code === 69 || code === 101) {
      code = source.charCodeAt(++this.#at);
      if (code === 43 || code === 45) code = source.charCodeAt(++this.#at);
    }
    while (isLetter(code) || isDigit(code)) code = source.charCodeAt(++this.#at);
    this.#raw = source.slice(from, this.#at);
    const value = parseNumber(this.#raw);
    if (value === undefined) throw this.error('malformed number', NUMBER);
    this.number = value;
    return NUMBER;
  }

  #string(quote: number): Token {
    const source = this.#source;
    let text = '';
    let from = ++this.#at;
    const mark = String.fromCharCode(quote);
    for (;;) {
      const code = this.#at < source.length ? source.charCodeAt(this.#at) : -1;
      if (code === quote) break;
      if (code === 92) {
        text += source.slice(from, this.#at++) + this.#escape(mark + text);
        from = this.#at;
      } else if (code === -1 || isLineEnd(code)) {
        this.#raw = mark + text + source.slice(from, this.#at);
        throw this.error('unfinished string', code === -1 ? END : STRING);
      } else this.#at++;
    }
    this.text = text + source.slice(from, this.#at++);
    this.#raw = mark + this.text + mark;
    return STRING;
  }

  /** What the escape behind a backslash stands for. */
  #escape(before: string): string {
    const source = this.#source;
    if (this.#at >= source.length) return '';
    const code = source.charCodeAt(this.#at);
    if (isLineEnd(code)) {
      this.#lineEnd();
      return '\n';
    }
    if (!isDigit(code)) {
      const char = source[this.#at++]!;
      return ESCAPES[char] ?? char;
    }
    let value = 0;
    for (let digits = 0; digits < 3 && isDigit(source.charCodeAt(this.#at)); digits++) {
      value = value * 10 + source.charCodeAt(this.#at++) - 48;
    }
    if (value > 255) {
      this.#raw = before;
      throw this.error('escape sequence too large', STRING);
    }
    return String.fromCharCode(value);
  }

  #bracket(): Token {
    const level = this.#longBracketLevel('[');
    if (level < -1) {
      this.#raw = this.#source.slice(this.#at, this.#at - level);
      this.#at -= level;
      throw this.error('invalid long string delimiter', STRING);
    }
    if (level === -1) {
      this.#at++;
      return '[';
    }
    this.text = this.#longString(level, 'unfinished long string');
    const marks = '='.repeat(level);
    this.#raw = `[${marks}[${this.text}]${marks}]`;
    return STRING;
  }

  /** Of the long bracket that begins here: how many `=` it has, or -1 - that many if it is none. */
  #longBracketLevel(bracket: string): number {
    let at = this.#at + 1;
    while (this.#source[at] === '=') at++;
    const count = at - this.#at - 1;
    return this.#source[at] === bracket ? count : -1 - count;
  }

  /** Reads a long string from its opening bracket to behind its closing one. */
  #longString(level: number, complaint: string): string {
    const source = this.#source;
    this.#at += level + 2;
    if (isLineEnd(source.charCodeAt(this.#at))) this.#lineEnd();
    let text = '';
    let from = this.#at;
    for (;;) {
      if (this.#at >= source.length) throw this.error(complaint, END);
      const code = source.charCodeAt(this.#at);
      if (code === 93 && this.#longBracketLevel(']') === level) break;
      if (isLineEnd(code)) {
        text += `${source.slice(from, this.#at)}\n`;
        this.#lineEnd();
        from = this.#at;
      } else this.#at++;
    }
    text += source.slice(from, this.#at);
    this.#at += level + 2;
    return text;
  }

  #comment(): void {
    this.#at += 2;
    if (this.#source[this.#at] === '[') {
      const level = this.#longBracketLevel('[');
      if (level >= 0) {
        this.#longString(level, 'unfinished long comment');
        return;
      }
    }
    while (this.#at < this.#source.length && !isLineEnd(this.#source.charCodeAt(this.#at))) this.#at++;
  }
}
