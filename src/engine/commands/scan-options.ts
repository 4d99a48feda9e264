/** What SCAN, HSCAN, SSCAN and ZSCAN share: cursors, options, and which elements they let through. */
import { globMatchBytes } from '../../shared/glob.ts';
import { latin1Slice } from '../../shared/request.ts';
import type { Call } from '../call.ts';
import { INVALID_CURSOR, NOSCORES_ELSEWHERE, NOVALUES_ELSEWHERE, SYNTAX } from '../error-texts.ts';

const COUNT_DEFAULT = 10;
const CHAR_STAR = 42;
const CHAR_0 = 48;
/** As many digits are exact in a number. */
const CURSOR_DIGITS_SAFE = 15;
const CURSOR_LENGTH_MAX = 24;

/** Options of the command under way: one object, reused. */
export class ScanOptions {
  /** How many elements the caller would like. */
  count = COUNT_DEFAULT;
  /** Argument that holds the pattern, or 0 where everything matches. */
  patternArg = 0;
  /** Argument of TYPE, or 0. */
  typeArg = 0;
  /** Whether a hash's fields are asked for alone, without values, or a sorted set's members without scores. */
  namesOnly = false;

  /** Whether bytes match the pattern. */
  matches(c: Call, buf: Uint8Array, off: number, len: number): boolean {
    const arg = this.patternArg;
    if (arg === 0) return true;
    const { req } = c;
    return globMatchBytes(req.buf, req.off[arg]!, req.len[arg]!, buf, off, len);
  }
}

const options = new ScanOptions();

/**
 * Argument i as a cursor. Redis reads it with strtoul: an optional sign, digits; nothing at all is 0.
 * Beyond what cursors of ours can be it is just large: a walk that is at its end.
 */
export function scanCursor(c: Call, i: number): number {
  const { req } = c;
  const start = req.off[i]!;
  const length = req.len[i]!;
  if (length > 0 && length <= CURSOR_DIGITS_SAFE) {
    let cursor = 0;
    let at = start;
    for (; at < start + length; at++) {
      const d = req.buf[at]! - CHAR_0;
      if (d < 0 || d > 9) break;
      cursor = cursor * 10 + d;
    }
    if (at === start + length) return cursor;
  }
  return unusualCursor(latin1Slice(req.buf, start, start + Math.min(length, CURSOR_LENGTH_MAX + 1)));
}

/** A cursor that is not just a handful of digits. */
function unusualCursor(text: string): number {
  if (text.length > CURSOR_LENGTH_MAX || !/^([+-]?[0-9]+)?$/.test(text)) throw INVALID_CURSOR;
  const magnitude = BigInt(text.replace(/^[+-]/, '') || '0');
  if (magnitude > 0xffffffffffffffffn) throw INVALID_CURSOR;
  return Number(text.startsWith('-') ? BigInt.asUintN(64, -magnitude) : magnitude);
}

/**
 * Reads the options from argument `first` on.
 * @param kind which command asks: TYPE is SCAN's own, NOVALUES that of HSCAN, NOSCORES that of ZSCAN (Valkey's).
 */
export function scanOptions(c: Call, first: number, kind: 'keys' | 'hash' | 'zset' | 'set'): ScanOptions {
  const { req } = c;
  options.count = COUNT_DEFAULT;
  options.patternArg = 0;
  options.typeArg = 0;
  options.namesOnly = false;
  for (let i = first; i < req.argc; i++) {
    const hasNext = i + 1 < req.argc;
    if (hasNext && req.is(i, 'COUNT')) {
      options.count = c.integer(++i);
      if (options.count < 1) throw SYNTAX;
    } else if (hasNext && req.is(i, 'MATCH')) {
      i++;
      options.patternArg = req.len[i] === 1 && req.buf[req.off[i]!] === CHAR_STAR ? 0 : i;
    } else if (hasNext && kind === 'keys' && req.is(i, 'TYPE')) {
      options.typeArg = ++i;
    } else if (req.is(i, 'NOVALUES')) {
      if (kind !== 'hash') throw NOVALUES_ELSEWHERE;
      options.namesOnly = true;
    } else if (req.is(i, 'NOSCORES')) {
      if (kind !== 'zset') throw NOSCORES_ELSEWHERE;
      options.namesOnly = true;
    } else throw SYNTAX;
  }
  return options;
}

/** The reply to a SCAN command on a key that is not there. */
export function replyEmptyScan(c: Call): void {
  c.reply.array(2);
  c.reply.bulkString('0');
  c.reply.array(0);
}
