/**
 * Numbers as decimal text, by Redis's rules: what counts as an integer or a double in an argument, and how doubles look
 * in replies. Integers are exact over 64 bits. `long double` arithmetic stands in long-double.ts.
 *
 * The integer functions and the short forms of doubles make no string and no object.
 */
import { parseHexadecimal } from './long-double.ts';
import { latin1Slice } from './request.ts';

const ZERO = 48;
const PLUS = 43;
const MINUS = 45;
const DOT = 46;

// ---- Integers ----

/** What the last successful `parseIntegerStrict` found. Read it at once: the next call overwrites it. */
export interface ParsedInteger {
  /** Whether |value| ≤ 2^53 − 1, so that `value` is exact. */
  isSafe: boolean;
  /** The integer; rounded unless `isSafe`. */
  value: number;
  /** The exact integer, only if not `isSafe`; else stale. */
  big: bigint;
}

export const parsedInteger: ParsedInteger = { isSafe: true, value: 0, big: 0n };

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
/** So many digits always make a safe integer. */
const SAFE_DIGITS = 15;
const INT64_TEXT_MAX = 20;

/**
 * Whether the bytes are a 64-bit integer in its only decimal form, as Redis's `string2ll` has it: no plus sign, no
 * leading zero, no "-0", no blanks. The result is in `parsedInteger`.
 */
export function parseIntegerStrict(buf: Uint8Array, off: number, len: number): boolean {
  if (len === 0 || len > INT64_TEXT_MAX) return false;
  const end = off + len;
  const negative = buf[off] === MINUS;
  let at = negative ? off + 1 : off;
  const digits = end - at;
  if (digits === 0) return false;
  const first = buf[at]! - ZERO;
  if (first < 1 || first > 9) {
    if (first !== 0 || len !== 1) return false;
    parsedInteger.isSafe = true;
    parsedInteger.value = 0;
    return true;
  }
  let value = first;
  for (at++; at < end; at++) {
    const digit = buf[at]! - ZERO;
    if (digit < 0 || digit > 9) return false;
    value = value * 10 + digit;
  }
  if (digits > SAFE_DIGITS) return parseBigInteger(buf, off, end);
  parsedInteger.isSafe = true;
  parsedInteger.value = negative ? -value : value;
  return true;
}

// The digits are known to be digits.
function parseBigInteger(buf: Uint8Array, off: number, end: number): boolean {
  const big = BigInt(latin1Slice(buf, off, end));
  if (big > INT64_MAX || big < INT64_MIN) return false;
  const value = Number(big);
  parsedInteger.isSafe = Number.isSafeInteger(value);
  parsedInteger.value = value;
  parsedInteger.big = big;
  return true;
}

const BILLION = 1e9;

/**
 * Writes a safe integer in decimal at `pos` and returns the position behind it.
 * The caller sees to room: at most 17 bytes.
 */
export function formatInteger(buf: Uint8Array, pos: number, value: number): number {
  let at = pos;
  let rest = value;
  if (rest < 0) {
    buf[at++] = MINUS;
    rest = -rest;
  }
  if (rest < BILLION) return writeDigits(buf, at, rest | 0, digitCount(rest | 0));
  const high = Math.floor(rest / BILLION);
  at = writeDigits(buf, at, high, digitCount(high));
  return writeDigits(buf, at, (rest - high * BILLION) | 0, 9);
}

/** Decimal digits of an integer in [0, 2^31). */
export function digitCount(value: number): number {
  if (value < 10) return 1;
  if (value < 100) return 2;
  if (value < 1000) return 3;
  if (value < 10000) return 4;
  if (value < 100000) return 5;
  if (value < 1000000) return 6;
  if (value < 10000000) return 7;
  if (value < 100000000) return 8;
  return value < BILLION ? 9 : 10;
}

function writeDigits(buf: Uint8Array, pos: number, value: number, count: number): number {
  let rest = value;
  let at = pos + count - 2;
  // Two at a time: each division waits for the one before.
  for (; at >= pos; at -= 2) {
    const hundredth = (rest / 100) | 0;
    const two = rest - hundredth * 100;
    const tens = (two / 10) | 0;
    buf[at] = ZERO + tens;
    buf[at + 1] = ZERO + two - tens * 10;
    rest = hundredth;
  }
  if (at === pos - 1) buf[pos] = ZERO + rest;
  return pos + count;
}

// ---- Doubles ----

const LOWER_E = 'e'.charCodeAt(0);

/** Longer text is not taken for a number. Redis has this bound for long doubles, none for doubles. */
const DOUBLE_TEXT_MAX = 5 * 1024 - 1;

/** Powers of ten that are exact doubles. */
const POWERS_OF_TEN: Float64Array = new Float64Array(23);
for (let i = 0, power = 1; i < POWERS_OF_TEN.length; i++, power *= 10) POWERS_OF_TEN[i] = power;

/**
 * A double as Redis's `string2d` (C's `strtod`) reads it: decimal, exponent, hexadecimal, inf, infinity.
 * @returns NaN where Redis says that the value is not a valid float: leading blanks, rest, nan, overflow, underflow to 0.
 */
export function parseDoubleStrict(buf: Uint8Array, off: number, len: number): number {
  if (len === 0 || len > DOUBLE_TEXT_MAX) return NaN;
  const end = off + len;
  const first = buf[off]!;
  const signed = first === MINUS || first === PLUS;
  const start = signed ? off + 1 : off;
  // A short decimal is an integer below 10^15 by an exact power of ten: correctly rounded by one division or multiplication.
  if (end - start > SAFE_DIGITS + 1) return parseDoubleText(latin1Slice(buf, off, end));
  let value = 0;
  let pointAt = -1;
  let at = start;
  for (; at < end; at++) {
    const b = buf[at]!;
    const digit = b - ZERO;
    if (digit >= 0 && digit <= 9) value = value * 10 + digit;
    else if (b === DOT && pointAt < 0) pointAt = at;
    else break;
  }
  const digits = at - start - (pointAt < 0 ? 0 : 1);
  const power = (at === end ? 0 : shortExponent(buf, at, end)) - (pointAt < 0 ? 0 : at - pointAt - 1);
  if (digits === 0 || digits > SAFE_DIGITS || !(Math.abs(power) < POWERS_OF_TEN.length)) return parseDoubleText(latin1Slice(buf, off, end));
  value = power < 0 ? value / POWERS_OF_TEN[-power]! : value * POWERS_OF_TEN[power]!;
  return signed && first === MINUS ? -value : value;
}

/** The exponent that stands at the end of a number, from its "e" on; NaN unless it is one of one or two digits. */
function shortExponent(buf: Uint8Array, at: number, end: number): number {
  if ((buf[at]! | 32) !== LOWER_E) return NaN;
  const sign = at + 1 < end ? buf[at + 1]! : 0;
  const from = sign === MINUS || sign === PLUS ? at + 2 : at + 1;
  if (end - from < 1 || end - from > 2) return NaN;
  let value = 0;
  for (let i = from; i < end; i++) {
    const digit = buf[i]! - ZERO;
    if (digit < 0 || digit > 9) return NaN;
    value = value * 10 + digit;
  }
  return sign === MINUS ? -value : value;
}

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const NONZERO_MANTISSA = /^[+-]?[0.]*[1-9]/;
const INFINITY = /^[+-]?inf(?:inity)?$/i;

/** As `parseDoubleStrict`, of a latin1 string. */
export function parseDoubleText(text: string): number {
  if (text.length > DOUBLE_TEXT_MAX) return NaN;
  if (DECIMAL.test(text)) {
    const value = Number(text);
    const outOfRange = value === 0 ? NONZERO_MANTISSA.test(text) : !Number.isFinite(value);
    return outOfRange ? NaN : value;
  }
  if (INFINITY.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  const hexadecimal = parseHexadecimal(text, 53, 1024, -1074);
  if (hexadecimal === null) return NaN;
  const { mantissa, exponent } = hexadecimal;
  if (mantissa === 0n) return text.startsWith('-') ? -0 : 0;
  // In two steps, since 2^exponent alone may be out of a double's range. Both products are exact.
  const half = Math.trunc(exponent / 2);
  return Number(mantissa) * 2 ** half * 2 ** (exponent - half);
}

/** Up to here Redis prints doubles without a fraction as 64-bit integers (its `double2ll`). */
const PLAIN_INTEGER_MAX = 2 ** 62;

/**
 * A double as Redis 7.2 prints it: `inf`, `-inf`, `nan`, `-0`, integers plainly, else the shortest digits that read back,
 * laid out as its `fpconv_dtoa` does (1.5e-7, 1e+20; plain down to six decimals and for magnitudes near 1).
 */
export function formatDouble(value: number): string {
  if (Number.isInteger(value) && value !== 0) {
    if (Number.isSafeInteger(value)) return String(value);
    return Math.abs(value) <= PLAIN_INTEGER_MAX ? BigInt(value).toString() : layOutDigits(value);
  }
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  if (Number.isFinite(value)) return layOutDigits(value);
  return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
}

/** fpconv's layout of the digits d₁…dₙ of a value d₁…dₙ × 10^power. */
function layOutDigits(value: number): string {
  const magnitude = Math.abs(value);
  // The common case, where the layout is JavaScript's.
  if (magnitude >= 1e-3 && magnitude < 1e4) return String(value);
  const text = String(magnitude);
  const sign = value < 0 ? '-' : '';
  const exponentAt = text.indexOf('e');
  const mantissa = exponentAt < 0 ? text : text.slice(0, exponentAt);
  const pointAt = mantissa.indexOf('.');
  let power = exponentAt < 0 ? 0 : Number(text.slice(exponentAt + 1));
  if (pointAt >= 0) power -= mantissa.length - pointAt - 1;
  let digits = (pointAt < 0 ? mantissa : mantissa.slice(0, pointAt) + mantissa.slice(pointAt + 1)).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  power += digits.length - significant.length;
  digits = significant;

  const exponent = power + digits.length - 1;
  if (power >= 0 && Math.abs(exponent) < digits.length + 7) return sign + digits + '0'.repeat(power);
  // Wherever this holds, JavaScript writes the number without an exponent as well.
  if (power < 0 && (power > -7 || Math.abs(exponent) < 4)) return sign + text;
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : '';
  return `${sign}${digits[0]!}${fraction}e${exponent < 0 ? '-' : '+'}${Math.abs(exponent)}`;
}
