/**
 * Inline commands: a line of words as typed into telnet, split as Redis's `sdssplitargs` does.
 *
 * Quoted words are unescaped in place, since they only get shorter: the line's bytes are not what they were afterwards.
 */
import type { Request } from './request.ts';

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const DOUBLE_QUOTE = 34;
const SINGLE_QUOTE = 39;
const BACKSLASH = 92;
const LOWER_X = 120;

/**
 * Splits the line [start, end) of `buf`, its line end not included, and sets the request's arguments.
 * A NUL is a byte like any other (Redis never sees the end of a line that has one).
 * @returns the number of words, or -1 if quotes are unbalanced or a closing quote is not followed by a blank.
 */
export function splitInline(buf: Uint8Array, start: number, end: number, request: Request): number {
  let argc = 0;
  let at = start;
  for (;;) {
    while (at < end && isSpace(buf[at]!)) at++;
    if (at === end) break;
    request.reserve(argc + 1);
    const next = readWord(buf, at, end, request, argc);
    if (next < 0) return -1;
    at = next;
    argc++;
  }
  request.buf = buf;
  request.argc = argc;
  return argc;
}

/** Reads the word at `start` into argument `index`; returns the position behind it, or -1. */
function readWord(buf: Uint8Array, start: number, end: number, request: Request, index: number): number {
  let from = start;
  let to = start;
  let quote = 0;
  for (;;) {
    const b = from < end ? buf[from]! : -1;
    if (quote === 0) {
      if (b < 0 || b === SPACE || b === LF || b === CR || b === TAB) break;
      if (b === DOUBLE_QUOTE || b === SINGLE_QUOTE) quote = b;
      else buf[to++] = b;
      from++;
    } else if (b < 0) {
      return -1;
    } else if (b === quote) {
      from++;
      if (from < end && !isSpace(buf[from]!)) return -1;
      break;
    } else if (b === BACKSLASH && from + 1 < end && (quote === DOUBLE_QUOTE || buf[from + 1] === SINGLE_QUOTE)) {
      const byte = hexEscape(buf, from, end);
      if (quote === DOUBLE_QUOTE && byte >= 0) {
        buf[to++] = byte;
        from += 4;
      } else {
        buf[to++] = quote === DOUBLE_QUOTE ? escaped(buf[from + 1]!) : SINGLE_QUOTE;
        from += 2;
      }
    } else {
      buf[to++] = b;
      from++;
    }
  }
  request.off[index] = start;
  request.len[index] = to - start;
  return from;
}

/** C's isspace. */
function isSpace(b: number): boolean {
  return b === SPACE || (b >= TAB && b <= CR);
}

/** The byte that `\xHH` at `at` stands for, or -1. */
function hexEscape(buf: Uint8Array, at: number, end: number): number {
  if (at + 3 >= end || buf[at + 1] !== LOWER_X) return -1;
  const high = hexDigit(buf[at + 2]!);
  const low = hexDigit(buf[at + 3]!);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

function hexDigit(b: number): number {
  if (b >= 48 && b <= 57) return b - 48;
  const lower = b | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** What a backslash and `b` stand for within double quotes. */
function escaped(b: number): number {
  switch (b) {
    case 110:
      return LF;
    case 114:
      return CR;
    case 116:
      return TAB;
    case 98:
      return 8;
    case 97:
      return 7;
    default:
      return b;
  }
}
