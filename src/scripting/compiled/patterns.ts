/**
 * Lua's patterns over latin1 text, by C's backtracking matcher (lstrlib.c): the same results, captures and complaints. Positions count
 * from 0 here.
 */
import type { LuaValue } from '../lua-engine.ts';
import { libraryError } from './positions.ts';

/** A pattern that is none, found when the matcher comes there. */
class PatternError extends Error {}

const CAPTURES_MAX = 32;
const UNFINISHED = -1;
const POSITION = -2;

const ESCAPE = 37;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const CARET = 94;
const DASH = 45;

function isBetween(char: number, from: number, to: number): boolean {
  return char >= from && char <= to;
}

function isAlpha(char: number): boolean {
  return isBetween(char | 32, 97, 122);
}

function isDigit(char: number): boolean {
  return isBetween(char, 48, 57);
}

function isPunctuation(char: number): boolean {
  return isBetween(char, 33, 126) && !isAlpha(char) && !isDigit(char);
}

function isSpace(char: number): boolean {
  return char === 32 || isBetween(char, 9, 13);
}

/** Whether the character is in a class such as %a; for other letters, whether it is that character. */
function isInClass(char: number, letter: number): boolean {
  let inside: boolean;
  switch (isBetween(letter, 65, 90) ? letter + 32 : letter) {
    case 97: inside = isAlpha(char); break;
    case 99: inside = char < 32 || char === 127; break;
    case 100: inside = isDigit(char); break;
    case 108: inside = isBetween(char, 97, 122); break;
    case 112: inside = isPunctuation(char); break;
    case 115: inside = isSpace(char); break;
    case 117: inside = isBetween(char, 65, 90); break;
    case 119: inside = isAlpha(char) || isDigit(char); break;
    case 120: inside = isDigit(char) || isBetween(char | 32, 97, 102); break;
    case 122: inside = char === 0; break;
    default: return char === letter;
  }
  return inside === isBetween(letter, 97, 122);
}

/** A pattern at work on one text. */
export class Matcher {
  readonly text: string;
  readonly #pattern: string;
  /** The pattern begins with ^, which is not part of `#pattern`. */
  readonly isAnchored: boolean;
  #level = 0;
  readonly #starts: number[] = [];
  readonly #lengths: number[] = [];

  constructor(text: string, pattern: string) {
    this.text = text;
    const end = pattern.indexOf('\0');
    const whole = end < 0 ? pattern : pattern.slice(0, end);
    this.isAnchored = whole.startsWith('^');
    this.#pattern = this.isAnchored ? whole.slice(1) : whole;
  }

  /** Where the match that begins here ends, or -1. Its captures are valid until the next call. */
  matchAt(start: number): number {
    this.#level = 0;
    try {
      return this.#match(start, 0);
    } catch (error) {
      // Raised here, since the matcher may be deep in itself by then.
      throw error instanceof PatternError ? libraryError(error.message) : error;
    }
  }

  get captureCount(): number {
    return this.#level;
  }

  /** A capture of the last match; of a pattern without captures, the first is the whole match. */
  capture(at: number, start: number, end: number): LuaValue {
    if (at >= this.#level) {
      if (at === 0) return this.text.slice(start, end);
      throw libraryError('invalid capture index');
    }
    const length = this.#lengths[at]!;
    const from = this.#starts[at]!;
    if (length === POSITION) return from + 1;
    if (length === UNFINISHED) throw libraryError('unfinished capture');
    return this.text.slice(from, from + length);
  }

  /** All captures, or the whole match if there are none and `wholeMatch`. */
  captures(start: number, end: number, wholeMatch: boolean): LuaValue[] {
    const count = this.#level === 0 && wholeMatch ? 1 : this.#level;
    const values: LuaValue[] = [];
    for (let at = 0; at < count; at++) values.push(this.capture(at, start, end));
    return values;
  }

  // ---- Matching ----

  #match(from: number, item: number): number {
    const pattern = this.#pattern;
    let s = from;
    let p = item;
    for (;;) {
      if (p >= pattern.length) return s;
      const char = pattern.charCodeAt(p);
      if (char === 40) {
        return pattern.charCodeAt(p + 1) === 41 ? this.#openCapture(s, p + 2, POSITION) : this.#openCapture(s, p + 1, UNFINISHED);
      }
      if (char === 41) return this.#closeCapture(s, p + 1);
      if (char === 36 && p + 1 === pattern.length) return s === this.text.length ? s : -1;
      if (char === ESCAPE) {
        const next = pattern.charCodeAt(p + 1);
        if (next === 98) {
          s = this.#balance(s, p + 2);
          if (s < 0) return -1;
          p += 4;
          continue;
        }
        if (next === 102) {
          p = this.#frontier(s, p + 2);
          if (p < 0) return -1;
          continue;
        }
        if (isDigit(next)) {
          s = this.#backReference(s, next);
          if (s < 0) return -1;
          p += 2;
          continue;
        }
      }
      const end = this.#classEnd(p);
      const matches = s < this.text.length && this.#matchesOne(this.text.charCodeAt(s), p, end);
      switch (pattern.charCodeAt(end)) {
        case 63: {
          if (matches) {
            const result = this.#match(s + 1, end + 1);
            if (result >= 0) return result;
          }
          p = end + 1;
          continue;
        }
        case 42: return this.#expandMost(s, p, end);
        case 43: return matches ? this.#expandMost(s + 1, p, end) : -1;
        case DASH: return this.#expandLeast(s, p, end);
        default: break;
      }
      if (!matches) return -1;
      s++;
      p = end;
    }
  }

  /** Behind the single-character class that begins here. */
  #classEnd(from: number): number {
    const pattern = this.#pattern;
    let p = from;
    const char = pattern.charCodeAt(p++);
    if (char === ESCAPE) {
      if (p >= pattern.length) throw new PatternError("malformed pattern (ends with '%')");
      return p + 1;
    }
    if (char !== OPEN_BRACKET) return p;
    if (pattern.charCodeAt(p) === CARET) p++;
    do {
      if (p >= pattern.length) throw new PatternError("malformed pattern (missing ']')");
      if (pattern.charCodeAt(p++) === ESCAPE && p < pattern.length) p++;
    } while (pattern.charCodeAt(p) !== CLOSE_BRACKET);
    return p + 1;
  }

  #matchesOne(char: number, p: number, end: number): boolean {
    const first = this.#pattern.charCodeAt(p);
    if (first === 46) return true;
    if (first === ESCAPE) return isInClass(char, this.#pattern.charCodeAt(p + 1));
    return first === OPEN_BRACKET ? this.#isInSet(char, p, end - 1) : first === char;
  }

  /** @param p the opening bracket, `end` the closing one */
  #isInSet(char: number, p: number, end: number): boolean {
    const pattern = this.#pattern;
    let at = p + 1;
    let inside = true;
    if (pattern.charCodeAt(at) === CARET) {
      inside = false;
      at++;
    }
    for (; at < end; at++) {
      const first = pattern.charCodeAt(at);
      if (first === ESCAPE) {
        at++;
        if (isInClass(char, pattern.charCodeAt(at))) return inside;
      } else if (pattern.charCodeAt(at + 1) === DASH && at + 2 < end) {
        at += 2;
        if (first <= char && char <= pattern.charCodeAt(at)) return inside;
      } else if (first === char) return inside;
    }
    return !inside;
  }

  #expandMost(from: number, p: number, end: number): number {
    let s = from;
    while (s < this.text.length && this.#matchesOne(this.text.charCodeAt(s), p, end)) s++;
    for (; s >= from; s--) {
      const result = this.#match(s, end + 1);
      if (result >= 0) return result;
    }
    return -1;
  }

  #expandLeast(from: number, p: number, end: number): number {
    for (let s = from; ; s++) {
      const result = this.#match(s, end + 1);
      if (result >= 0) return result;
      if (s >= this.text.length || !this.#matchesOne(this.text.charCodeAt(s), p, end)) return -1;
    }
  }

  #balance(from: number, p: number): number {
    const { text } = this;
    if (p + 1 >= this.#pattern.length) throw new PatternError('unbalanced pattern');
    const open = this.#pattern.charCodeAt(p);
    const close = this.#pattern.charCodeAt(p + 1);
    if (from >= text.length || text.charCodeAt(from) !== open) return -1;
    let depth = 1;
    for (let s = from + 1; s < text.length; s++) {
      const char = text.charCodeAt(s);
      if (char === close) {
        if (--depth === 0) return s + 1;
      } else if (char === open) depth++;
    }
    return -1;
  }

  #frontier(s: number, p: number): number {
    if (this.#pattern.charCodeAt(p) !== OPEN_BRACKET) throw new PatternError("missing '[' after '%f' in pattern");
    const end = this.#classEnd(p);
    const before = s === 0 ? 0 : this.text.charCodeAt(s - 1);
    const here = s < this.text.length ? this.text.charCodeAt(s) : 0;
    return !this.#isInSet(before, p, end - 1) && this.#isInSet(here, p, end - 1) ? end : -1;
  }

  #openCapture(s: number, p: number, what: number): number {
    const level = this.#level;
    if (level >= CAPTURES_MAX) throw new PatternError('too many captures');
    this.#starts[level] = s;
    this.#lengths[level] = what;
    this.#level = level + 1;
    const result = this.#match(s, p);
    if (result < 0) this.#level--;
    return result;
  }

  #closeCapture(s: number, p: number): number {
    let level = this.#level - 1;
    while (level >= 0 && this.#lengths[level] !== UNFINISHED) level--;
    if (level < 0) throw new PatternError('invalid pattern capture');
    this.#lengths[level] = s - this.#starts[level]!;
    const result = this.#match(s, p);
    if (result < 0) this.#lengths[level] = UNFINISHED;
    return result;
  }

  #backReference(s: number, digit: number): number {
    const at = digit - 49;
    if (at < 0 || at >= this.#level || this.#lengths[at] === UNFINISHED) throw new PatternError('invalid capture index');
    const length = this.#lengths[at]!;
    // A position has a length that no text reaches.
    if (length < 0 || !this.text.startsWith(this.text.slice(this.#starts[at]!, this.#starts[at]! + length), s)) return -1;
    return s + length;
  }
}
