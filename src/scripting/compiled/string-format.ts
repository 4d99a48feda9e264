/** string.format: C's printf, as far as Lua 5.1 passes it on. */
import type { LuaValue } from '../lua-engine.ts';
import { checkNumber, checkString } from './library-arguments.ts';
import { exponentForm, fixedForm, generalForm } from './number-text.ts';
import { argumentError, libraryError } from './positions.ts';

const FLAGS_MAX = 5;
/** Strings from this length on are not padded, unless they have a precision. */
const UNFORMATTED_LENGTH = 100;
const DEFAULT_PRECISION = 6;
const ZERO = 48;
const POINT = 46;

interface Specification {
  readonly flags: string;
  readonly width: number;
  /** -1: none. */
  readonly precision: number;
}

function isDigit(code: number): boolean {
  return code >= ZERO && code < ZERO + 10;
}

/** One of "-+ #0". */
function isFlag(code: number): boolean {
  return code === 45 || code === 43 || code === 32 || code === 35 || code === ZERO;
}

export function formatText(args: readonly LuaValue[]): string {
  const format = checkString(args, 1);
  let text = '';
  let from = 0;
  let position = 1;
  for (;;) {
    const at = format.indexOf('%', from);
    if (at < 0) return text + format.slice(from);
    text += format.slice(from, at);
    if (format[at + 1] === '%') {
      text += '%';
      from = at + 2;
      continue;
    }
    position++;
    if (position > args.length) throw argumentError(position, 'no value');
    let end = at + 1;
    while (isFlag(format.charCodeAt(end))) end++;
    const flags = format.slice(at + 1, end);
    if (flags.length > FLAGS_MAX) throw libraryError('invalid format (repeated flags)');
    let width = 0;
    for (let digits = 0; digits < 2 && isDigit(format.charCodeAt(end)); digits++) width = width * 10 + format.charCodeAt(end++) - ZERO;
    let precision = -1;
    if (format.charCodeAt(end) === POINT) {
      precision = 0;
      end++;
      for (let digits = 0; digits < 2 && isDigit(format.charCodeAt(end)); digits++) precision = precision * 10 + format.charCodeAt(end++) - ZERO;
    }
    if (isDigit(format.charCodeAt(end))) throw libraryError('invalid format (width or precision too long)');
    text += formatOne(format[end] ?? '', { flags, width, precision }, args, position);
    from = end + 1;
  }
}

function formatOne(conversion: string, specification: Specification, args: readonly LuaValue[], position: number): string {
  switch (conversion) {
    case 'c': return untilZero(pad(String.fromCharCode(Math.trunc(checkNumber(args, position)) & 255), specification, false));
    case 'd': case 'i': return signedInteger(checkNumber(args, position), specification);
    case 'o': return unsignedInteger(checkNumber(args, position), 8, '0', specification);
    case 'u': return unsignedInteger(checkNumber(args, position), 10, '', specification);
    case 'x': return unsignedInteger(checkNumber(args, position), 16, '0x', specification);
    case 'X': return unsignedInteger(checkNumber(args, position), 16, '0x', specification).toUpperCase();
    case 'e': case 'f': case 'g': return floating(checkNumber(args, position), conversion, specification);
    case 'E': case 'G': return floating(checkNumber(args, position), conversion.toLowerCase(), specification).toUpperCase();
    case 'q': return quoted(checkString(args, position));
    case 's': return stringItem(checkString(args, position), specification);
    default: throw libraryError(`invalid option '%${conversion}' to 'format'`);
  }
}

/** sprintf's result ends at its first zero. */
function untilZero(text: string): string {
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

function pad(text: string, { flags, width }: Specification, zeros: boolean): string {
  if (text.length >= width) return text;
  if (flags.includes('-')) return text.padEnd(width);
  if (!zeros || !flags.includes('0')) return text.padStart(width);
  // Between the sign or the prefix, and the digits.
  const prefix = /^[-+ ]?(?:0[xX])?/.exec(text)![0];
  return prefix + text.slice(prefix.length).padStart(width - prefix.length, '0');
}

function withSign(text: string, flags: string): string {
  if (flags === '' || text.startsWith('-')) return text;
  if (flags.includes('+')) return `+${text}`;
  return flags.includes(' ') ? ` ${text}` : text;
}

/** C's cast of a double to a 64-bit integer. */
function integerOf(value: number): bigint {
  if (value >= -(2 ** 63) && value < 2 ** 63) return BigInt(Math.trunc(value));
  return -(2n ** 63n);
}

/** C's cast of a double to an unsigned 64-bit integer, on x86-64. */
function unsignedOf(value: number): bigint {
  if (value >= 2 ** 63 && value < 2 ** 64) return BigInt(Math.trunc(value));
  return BigInt.asUintN(64, value >= 2 ** 64 ? 0n : integerOf(value));
}

function digitsOf(magnitude: string, precision: number): string {
  if (precision === 0 && magnitude === '0') return '';
  return precision > 0 ? magnitude.padStart(precision, '0') : magnitude;
}

function signedInteger(value: number, specification: Specification): string {
  const { flags, precision } = specification;
  let text: string;
  if (Number.isSafeInteger(value)) text = String(value + 0);
  else text = integerOf(value).toString();
  const negative = text.startsWith('-');
  const digits = digitsOf(negative ? text.slice(1) : text, precision);
  return pad(withSign(negative ? `-${digits}` : digits, flags), specification, precision < 0);
}

function unsignedInteger(value: number, base: number, prefix: string, specification: Specification): string {
  const { flags, precision } = specification;
  const magnitude = unsignedOf(value);
  let digits = digitsOf(magnitude.toString(base), precision);
  if (flags.includes('#')) {
    if (base === 16 && magnitude !== 0n) digits = prefix + digits;
    else if (base === 8 && !digits.startsWith('0')) digits = prefix + digits;
  }
  return pad(digits, specification, precision < 0);
}

function floating(value: number, conversion: string, specification: Specification): string {
  const { flags } = specification;
  if (!Number.isFinite(value)) {
    const name = value !== value ? '-nan' : value > 0 ? 'inf' : '-inf';
    return pad(withSign(name, flags), specification, false);
  }
  const precision = specification.precision < 0 ? DEFAULT_PRECISION : specification.precision;
  const alternate = flags !== '' && flags.includes('#');
  let text: string;
  if (conversion === 'g') text = generalForm(value, precision, alternate);
  else {
    text = conversion === 'f' ? fixedForm(value, precision) : exponentForm(value, precision);
    if (alternate && precision === 0) text = conversion === 'f' ? `${text}.` : text.replace('e', '.e');
  }
  return pad(withSign(text, flags), specification, true);
}

function stringItem(text: string, specification: Specification): string {
  const { precision } = specification;
  if (precision < 0 && text.length >= UNFORMATTED_LENGTH) return text;
  const shown = untilZero(text);
  return pad(precision < 0 ? shown : shown.slice(0, precision), specification, false);
}

function quoted(text: string): string {
  let result = '"';
  for (const char of text) {
    if (char === '"' || char === '\\' || char === '\n') result += `\\${char}`;
    else if (char === '\r') result += '\\r';
    else result += char === '\0' ? '\\000' : char;
  }
  return `${result}"`;
}
