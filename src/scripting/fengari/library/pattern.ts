/** Lua 5.1's patterns over latin1 strings: find, match, gmatch, gsub (lstrlib.c). */
import { PositionedError } from '../../arguments.ts';

const CAPTURES_MAX = 32;
const UNFINISHED = -1;
const POSITION = -2;
const ESCAPE = 37;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const CARET = 94;
const DASH = 45;

/** A capture: text, or the position of an empty one. */
export type Capture = string | number;

export class Matcher {
  readonly source: string;
  readonly #pattern: string;
  readonly #end: number;
  #level = 0;
  readonly #starts = new Int32Array(CAPTURES_MAX);
  readonly #lengths = new Int32Array(CAPTURES_MAX);

  /** In a pattern a zero byte is the end. */
  constructor(source: string, pattern: string) {
    this.source = source;
    const zero = pattern.indexOf('\0');
    this.#pattern = zero < 0 ? pattern : pattern.slice(0, zero);
    this.#end = this.#pattern.length;
  }

  /** Where the match from `at` on by the pattern from `from` on ends, or -1. */
  matchAt(at: number, from: number): number {
    this.#level = 0;
    return this.#match(at, from);
  }

  /** The captures of the last match [start, end); the whole of it if there are none and `whole`. */
  captures(start: number, end: number, whole: boolean): Capture[] {
    if (this.#level === 0 && whole) return [this.source.slice(start, end)];
    const out: Capture[] = [];
    for (let i = 0; i < this.#level; i++) out.push(this.capture(i, start, end));
    return out;
  }

  capture(i: number, start: number, end: number): Capture {
    if (i >= this.#level) {
      if (i !== 0) throw new PositionedError('invalid capture index');
      return this.source.slice(start, end);
    }
    const length = this.#lengths[i]!;
    if (length === UNFINISHED) throw new PositionedError('unfinished capture');
    if (length === POSITION) return this.#starts[i]! + 1;
    return this.source.slice(this.#starts[i], this.#starts[i]! + length);
  }

  #match(start: number, from: number): number {
    const pattern = this.#pattern;
    let s = start;
    let p = from;
    for (;;) {
      if (p >= this.#end) return s;
      const code = pattern.charCodeAt(p);
      if (code === 40) return pattern.charCodeAt(p + 1) === 41 ? this.#open(s, p + 2, POSITION) : this.#open(s, p + 1, UNFINISHED);
      if (code === 41) return this.#close(s, p + 1);
      if (code === 36 && p + 1 === this.#end) return s === this.source.length ? s : -1;
      if (code === ESCAPE) {
        const next = pattern.charCodeAt(p + 1);
        if (next === 98) {
          s = this.#balance(s, p + 2);
          if (s < 0) return -1;
          p += 4;
          continue;
        }
        if (next === 102) {
          p += 2;
          if (pattern.charCodeAt(p) !== OPEN_BRACKET) throw new PositionedError("missing '[' after '%f' in pattern");
          const classEnd = this.#classEnd(p);
          const before = s === 0 ? 0 : this.source.charCodeAt(s - 1);
          const here = s === this.source.length ? 0 : this.source.charCodeAt(s);
          if (this.#inBrackets(before, p, classEnd - 1) || !this.#inBrackets(here, p, classEnd - 1)) return -1;
          p = classEnd;
          continue;
        }
        if (next >= 48 && next <= 57) {
          s = this.#backReference(s, next);
          if (s < 0) return -1;
          p += 2;
          continue;
        }
      }
      const classEnd = this.#classEnd(p);
      const suffix = pattern.charCodeAt(classEnd);
      const matches = s < this.source.length && this.#single(this.source.charCodeAt(s), p, classEnd);
      if (suffix === 63) {
        if (matches) {
          const end = this.#match(s + 1, classEnd + 1);
          if (end >= 0) return end;
        }
        p = classEnd + 1;
        continue;
      }
      if (suffix === 42) return this.#longest(s, p, classEnd);
      if (suffix === 43) return matches ? this.#longest(s + 1, p, classEnd) : -1;
      if (suffix === DASH) return this.#shortest(s, p, classEnd);
      if (!matches) return -1;
      s++;
      p = classEnd;
    }
  }

  #longest(s: number, p: number, classEnd: number): number {
    let i = 0;
    while (s + i < this.source.length && this.#single(this.source.charCodeAt(s + i), p, classEnd)) i++;
    for (; i >= 0; i--) {
      const end = this.#match(s + i, classEnd + 1);
      if (end >= 0) return end;
    }
    return -1;
  }

  #shortest(start: number, p: number, classEnd: number): number {
    for (let s = start; ; s++) {
      const end = this.#match(s, classEnd + 1);
      if (end >= 0) return end;
      if (s >= this.source.length || !this.#single(this.source.charCodeAt(s), p, classEnd)) return -1;
    }
  }

  #open(s: number, p: number, what: number): number {
    if (this.#level >= CAPTURES_MAX) throw new PositionedError('too many captures');
    this.#starts[this.#level] = s;
    this.#lengths[this.#level] = what;
    this.#level++;
    const end = this.#match(s, p);
    if (end < 0) this.#level--;
    return end;
  }

  #close(s: number, p: number): number {
    let l = this.#level - 1;
    while (l >= 0 && this.#lengths[l] !== UNFINISHED) l--;
    if (l < 0) throw new PositionedError('invalid pattern capture');
    this.#lengths[l] = s - this.#starts[l]!;
    const end = this.#match(s, p);
    if (end < 0) this.#lengths[l] = UNFINISHED;
    return end;
  }

  #balance(start: number, p: number): number {
    if (p + 1 >= this.#end) throw new PositionedError('unbalanced pattern');
    const { source } = this;
    const open = this.#pattern.charCodeAt(p);
    const close = this.#pattern.charCodeAt(p + 1);
    if (start >= source.length || source.charCodeAt(start) !== open) return -1;
    let depth = 1;
    for (let s = start + 1; s < source.length; s++) {
      const code = source.charCodeAt(s);
      if (code === close) {
        if (--depth === 0) return s + 1;
      } else if (code === open) depth++;
    }
    return -1;
  }

  #backReference(s: number, digit: number): number {
    const l = digit - 49;
    if (l < 0 || l >= this.#level || this.#lengths[l] === UNFINISHED) throw new PositionedError('invalid capture index');
    const length = this.#lengths[l]!;
    // C compares with the length as an unsigned number: a position is longer than any text.
    if (length < 0) return -1;
    const text = this.source.slice(this.#starts[l], this.#starts[l]! + length);
    return this.source.startsWith(text, s) ? s + length : -1;
  }

  #classEnd(at: number): number {
    const pattern = this.#pattern;
    let p = at + 1;
    const code = pattern.charCodeAt(at);
    if (code === ESCAPE) {
      if (p >= this.#end) throw new PositionedError("malformed pattern (ends with '%')");
      return p + 1;
    }
    if (code !== OPEN_BRACKET) return p;
    if (pattern.charCodeAt(p) === CARET) p++;
    do {
      if (p >= this.#end) throw new PositionedError("malformed pattern (missing ']')");
      if (pattern.charCodeAt(p++) === ESCAPE && p < this.#end) p++;
    } while (pattern.charCodeAt(p) !== CLOSE_BRACKET);
    return p + 1;
  }

  #single(code: number, p: number, classEnd: number): boolean {
    const own = this.#pattern.charCodeAt(p);
    if (own === 46) return true;
    if (own === ESCAPE) return inClass(code, this.#pattern.charCodeAt(p + 1));
    if (own === OPEN_BRACKET) return this.#inBrackets(code, p, classEnd - 1);
    return own === code;
  }

  #inBrackets(code: number, open: number, close: number): boolean {
    const pattern = this.#pattern;
    let p = open + 1;
    const found = pattern.charCodeAt(p) !== CARET;
    if (!found) p++;
    for (; p < close; p++) {
      const own = pattern.charCodeAt(p);
      if (own === ESCAPE) {
        p++;
        if (inClass(code, pattern.charCodeAt(p))) return found;
      } else if (pattern.charCodeAt(p + 1) === DASH && p + 2 < close) {
        p += 2;
        if (own <= code && code <= pattern.charCodeAt(p)) return found;
      } else if (own === code) return found;
    }
    return !found;
  }
}

const isUpper = (code: number): boolean => code >= 65 && code <= 90;
const isLower = (code: number): boolean => code >= 97 && code <= 122;
const isDigit = (code: number): boolean => code >= 48 && code <= 57;
const isAlpha = (code: number): boolean => isUpper(code) || isLower(code);

function inClass(code: number, letter: number): boolean {
  let found: boolean;
  switch (letter | 32) {
    case 97: found = isAlpha(code); break;
    case 99: found = code < 32 || code === 127; break;
    case 100: found = isDigit(code); break;
    case 108: found = isLower(code); break;
    case 112: found = code > 32 && code < 127 && !isAlpha(code) && !isDigit(code); break;
    case 115: found = code === 32 || (code >= 9 && code <= 13); break;
    case 117: found = isUpper(code); break;
    case 119: found = isAlpha(code) || isDigit(code); break;
    case 120: found = isDigit(code) || (code >= 65 && code <= 70) || (code >= 97 && code <= 102); break;
    case 122: found = code === 0; break;
    default: return letter === code;
  }
  return isUpper(letter) ? !found : isAlpha(letter) ? found : letter === code;
}
