/** Bounds of ranges, as the commands on sorted sets take them: by score ("1.5", "(1.5", "-inf") and by member ("[a", "(a", "-"). */
import { parseDoubleStrict, parseDoubleText } from '../../shared/number-text.ts';
import { latin1Slice } from '../../shared/request.ts';
import type { Call, Ref } from '../call.ts';
import { BOUND_NOT_FLOAT, BOUND_NOT_LEX } from '../error-texts.ts';
import type { LexBound } from '../types/sorted-set.ts';

const OPEN_PARENTHESIS = 40;
const PLUS = 43;
const MINUS = 45;
const OPEN_BRACKET = 91;

/** What `readScoreRange` read. One object, reused. */
const scores = { min: 0, minExclusive: false, max: 0, maxExclusive: false };

/** What `readLexRange` read. */
const lexMin: LexBound = { kind: 'least', buf: new Uint8Array(0), off: 0, len: 0 };
const lexMax: LexBound = { kind: 'least', buf: new Uint8Array(0), off: 0, len: 0 };

// ---- By score ----

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/**
 * A bound as C's `strtod` reads it to the end of the string, which is a zero byte if there is one: nothing at all is zero,
 * blanks in front are allowed, and what is too large is infinite.
 */
function unusualBound(text: string): number {
  const zero = text.indexOf('\0');
  const value = (zero < 0 ? text : text.slice(0, zero));
  if (value === '') return 0;
  const number = value.replace(/^[ \t\n\v\f\r]+/, '');
  return DECIMAL.test(number) ? Number(number) : parseDoubleText(number);
}

function scoreBound(buf: Uint8Array, off: number, len: number): number {
  let value = parseDoubleStrict(buf, off, len);
  if (Number.isNaN(value)) value = unusualBound(latin1Slice(buf, off, off + len));
  if (Number.isNaN(value)) throw BOUND_NOT_FLOAT;
  return value;
}

/** Reads the bounds at arguments `minAt` and `maxAt`. */
export function readScoreRange(c: Call, minAt: number, maxAt: number): void {
  const { buf, off, len } = c.req;
  const minOff = off[minAt]!;
  const maxOff = off[maxAt]!;
  const minOpen = len[minAt]! > 0 && buf[minOff] === OPEN_PARENTHESIS ? 1 : 0;
  const maxOpen = len[maxAt]! > 0 && buf[maxOff] === OPEN_PARENTHESIS ? 1 : 0;
  scores.minExclusive = minOpen === 1;
  scores.maxExclusive = maxOpen === 1;
  scores.min = scoreBound(buf, minOff + minOpen, len[minAt]! - minOpen);
  scores.max = scoreBound(buf, maxOff + maxOpen, len[maxAt]! - maxOpen);
}

/** Finds the members of the sorted set between the bounds read: see SortedSets.scoreRange. */
export function findScoreRange(c: Call, ref: Ref): void {
  c.engine.types.sortedSets.scoreRange(ref, scores.min, scores.minExclusive, scores.max, scores.maxExclusive);
}

// ---- By member ----

function readLexBound(c: Call, at: number, out: LexBound): void {
  const { buf } = c.req;
  const off = c.req.off[at]!;
  const len = c.req.len[at]!;
  const first = len === 0 ? 0 : buf[off]!;
  if (first === OPEN_PARENTHESIS || first === OPEN_BRACKET) out.kind = first === OPEN_BRACKET ? 'inclusive' : 'exclusive';
  else if ((first === PLUS || first === MINUS) && (len === 1 || buf[off + 1] === 0)) out.kind = first === PLUS ? 'greatest' : 'least';
  else throw BOUND_NOT_LEX;
  out.buf = buf;
  out.off = off + 1;
  out.len = len - 1;
}

/** Reads the bounds at arguments `minAt` and `maxAt`. */
export function readLexRange(c: Call, minAt: number, maxAt: number): void {
  readLexBound(c, minAt, lexMin);
  readLexBound(c, maxAt, lexMax);
}

/** Finds the members of the sorted set between the bounds read: see SortedSets.lexRange. */
export function findLexRange(c: Call, ref: Ref): void {
  c.engine.types.sortedSets.lexRange(ref, lexMin, lexMax);
}
