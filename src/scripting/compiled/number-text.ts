/**
 * Numbers and their text by Lua 5.1's rules: what `tonumber` and the coercions accept, which is C's strtod, and "%.14g".
 * Knows nothing of values other than strings and numbers.
 */

/** As in shared/request.ts, which says why. */
const { charCodeAt } = String.prototype;

const SPACES = '[ \\t\\n\\v\\f\\r]*';
const DECIMAL = '(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?';
const HEXADECIMAL = '0[xX](?:([0-9a-fA-F]+)\\.?([0-9a-fA-F]*)|\\.([0-9a-fA-F]+))(?:[pP]([+-]?\\d+))?';
const NUMBER = new RegExp(
  `^${SPACES}([+-]?)(?:(${DECIMAL})|${HEXADECIMAL}|([iI][nN][fF](?:[iI][nN][iI][tT][yY])?)|([nN][aA][nN](?:\\(\\w*\\))?))${SPACES}$`,
);
const SIGNIFICANT_DIGITS = 14;
/** Integers from here on have an exponent in "%.14g". */
const EXPONENT_FROM = 1e14;
const MANTISSA_DIGITS_MAX = 13;
/** Smaller numbers may have an exponent in JavaScript's text or in C's. */
const SHORT_FROM = 1e-4;
/** Numbers that need up to so many digits are their shortest text exactly. */
const FEW_DIGITS = 13;
/** So many digits behind the last wanted one show whether a number lies exactly between two results. */
const TIE_DIGITS = 30;
const DIGITS_MAX = 100;
const NINE_DIGITS = 1e9;
/** What stands behind a whole number, by precision. */
const ZERO_FRACTIONS = Array.from({ length: DIGITS_MAX + 1 }, (_, precision) => (precision === 0 ? '' : `.${'0'.repeat(precision)}`));
/** So many digits are added up as a 32-bit integer, which takes half as long. */
const WHOLE_DIGITS = 9;
/** Whole numbers below this one are doubles, and so are these powers. */
const EXACT_BELOW = 2 ** 53;
const POWERS_OF_TEN = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));

/** The number that the whole text is, blanks around it aside; undefined if it is none. */
export function parseNumber(text: string): number | undefined {
  const plain = plainNumber(text);
  if (plain === plain) return plain;
  const end = text.indexOf('\0');
  const found = NUMBER.exec(end < 0 ? text : text.slice(0, end));
  if (found === null) return undefined;
  const [, sign, decimal, hexInteger, hexFraction, hexOnlyFraction, exponent, infinity, nan] = found;
  let value: number;
  if (decimal !== undefined) value = Number(decimal);
  else if (infinity !== undefined) value = Infinity;
  else if (nan !== undefined) value = NaN;
  else value = parseHexadecimal(hexInteger ?? '', hexFraction ?? hexOnlyFraction ?? '', Number(exponent ?? 0));
  return sign === '-' ? -value : value;
}

/** A number of plain form: digits with at most one point and a minus sign; NaN for other text. */
function plainNumber(text: string): number {
  const { length } = text;
  const isNegative = length > 0 && charCodeAt.call(text, 0) === 45;
  const start = isNegative ? 1 : 0;
  const wholeEnd = Math.min(length, start + WHOLE_DIGITS);
  let at = start;
  let whole = 0;
  for (; at < wholeEnd; at++) {
    const digit = charCodeAt.call(text, at) - 48;
    if (digit < 0 || digit > 9) break;
    whole = (whole * 10 + digit) | 0;
  }
  let digits = at - start;
  let value = whole;
  let point = -1;
  for (; at < length; at++) {
    const code = charCodeAt.call(text, at);
    if (code >= 48 && code <= 57) {
      digits++;
      value = value * 10 + (code - 48);
    } else if (code === 46 && point < 0) point = at;
    else return NaN;
  }
  if (digits === 0) return NaN;
  const behindPoint = point < 0 ? 0 : length - 1 - point;
  if (value >= EXACT_BELOW || behindPoint >= POWERS_OF_TEN.length) return Number(text);
  // Both are exact, and so their quotient is rounded once, as it should be.
  if (behindPoint > 0) value /= POWERS_OF_TEN[behindPoint]!;
  return isNegative ? -value : value;
}

function parseHexadecimal(integer: string, fraction: string, exponent: number): number {
  const digits = (integer + fraction).replace(/^0+/, '');
  if (digits === '') return 0;
  const scale = exponent - 4 * fraction.length;
  if (digits.length <= MANTISSA_DIGITS_MAX) return parseInt(digits, 16) * 2 ** scale;
  return Number(BigInt(`0x${digits}`)) * 2 ** scale;
}

/** "%.14g", as `tostring` and `..` write numbers. */
export function numberText(value: number): string {
  if (value > -EXPONENT_FROM && value < EXPONENT_FROM) {
    if (Math.trunc(value) === value) return value === 0 && Object.is(value, -0) ? '-0' : String(value);
    if (value >= SHORT_FROM || value <= -SHORT_FROM) {
      // The shortest text that means the number; if it has few digits, they are all that "%.14g" finds.
      const text = String(value);
      if (text.length <= SIGNIFICANT_DIGITS) return text;
    }
    return generalForm(value, SIGNIFICANT_DIGITS);
  }
  // What the processor makes of 0/0 has its sign bit set, and C prints that.
  if (value !== value) return '-nan';
  if (value === Infinity) return 'inf';
  return value === -Infinity ? '-inf' : generalForm(value, SIGNIFICANT_DIGITS);
}

/** C's "%.<precision>g" of a finite number; with `keepZeros` as with the flag `#`. */
export function generalForm(value: number, precision: number, keepZeros = false): string {
  const digits = precision === 0 ? 1 : precision;
  if (value === 0) {
    const zero = keepZeros ? `0.${'0'.repeat(digits - 1)}` : '0';
    return Object.is(value, -0) ? `-${zero}` : zero;
  }
  const [mantissa, exponentText] = rounded(value, digits - 1).split('e') as [string, string];
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= digits) {
    const kept = keepZeros ? withPoint(mantissa) : withoutZeros(mantissa);
    return `${kept}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  const fixed = fixedForm(value, digits - 1 - exponent);
  return keepZeros ? withPoint(fixed) : withoutZeros(fixed);
}

/** C's "%.<precision>f" of a finite number. */
export function fixedForm(value: number, precision: number): string {
  const size = Math.abs(value);
  if (size < 1e21) {
    const text = roundedFixed(size, precision);
    return value < 0 || Object.is(value, -0) ? `-${text}` : text;
  }
  const whole = BigInt(value).toString();
  return precision === 0 ? whole : `${whole}.${'0'.repeat(precision)}`;
}

/** C's "%.<precision>e" of a finite number. */
export function exponentForm(value: number, precision: number): string {
  const [mantissa, exponentText] = rounded(value, precision).split('e') as [string, string];
  const exponent = Number(exponentText);
  const sign = Object.is(value, -0) ? '-' : '';
  return `${sign}${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

/** toExponential, but halfway cases go to the even digit, as in C; JavaScript's go up. */
function rounded(value: number, precision: number): string {
  const text = value.toExponential(precision);
  // A number between two results has one digit more than they, a 5. Shortest text has all digits of numbers that have few.
  if (precision <= FEW_DIGITS && !isHalfwayText(Math.abs(value).toExponential(), precision)) return text;
  const [mantissa, exponent] = value.toExponential(Math.min(precision + TIE_DIGITS, DIGITS_MAX)).split('e') as [string, string];
  const end = mantissa.indexOf('.') + 1 + precision;
  return isTie(mantissa, end) ? `${withoutPoint(mantissa.slice(0, end))}e${exponent}` : text;
}

/** A safe integer from 0 on. V8 writes numbers of up to nine digits in a fraction of the time that longer ones take. */
function wholeText(size: number): string {
  if (size < NINE_DIGITS) return String(size);
  const high = Math.floor(size / NINE_DIGITS);
  const low = String(size - high * NINE_DIGITS);
  return String(high) + (low.length === 9 ? low : low.padStart(9, '0'));
}

/** toFixed, likewise. */
function roundedFixed(size: number, precision: number): string {
  // "%.99g" of a small number: those that are written without an exponent have fewer digits than JavaScript gives.
  if (precision > DIGITS_MAX) return roundedFixed(size, DIGITS_MAX) + '0'.repeat(precision - DIGITS_MAX);
  if (Number.isSafeInteger(size)) return wholeText(size) + ZERO_FRACTIONS[precision]!;
  const text = size.toFixed(precision);
  // Halfway means an odd multiple of 10^-precision / 2, and so, for a double, an odd multiple of this power of two.
  const halves = size * 2 ** (precision + 1);
  if (!Number.isInteger(halves) || halves % 2 === 0) return text;
  const long = size.toFixed(Math.min(precision + TIE_DIGITS, DIGITS_MAX));
  const end = long.indexOf('.') + 1 + precision;
  return isTie(long, end) ? withoutPoint(long.slice(0, end)) : text;
}

/** Whether a number's shortest text has one digit more than `precision` behind its point, a 5. */
function isHalfwayText(text: string, precision: number): boolean {
  const end = text.indexOf('e');
  return end === precision + 3 && text.charCodeAt(end - 1) === 53;
}

/** Whether the digits from `end` on are exactly a half, and the one before is even. */
function isTie(text: string, end: number): boolean {
  if (text.charCodeAt(end) !== 53 || !/^0*$/.test(text.slice(end + 1))) return false;
  const before = text.charCodeAt(end - 1) === 46 ? text.charCodeAt(end - 2) : text.charCodeAt(end - 1);
  return before % 2 === 0;
}

function withoutPoint(text: string): string {
  return text.endsWith('.') ? text.slice(0, -1) : text;
}

function withoutZeros(text: string): string {
  if (!text.includes('.')) return text;
  let end = text.length;
  while (text.charCodeAt(end - 1) === 48) end--;
  if (text.charCodeAt(end - 1) === 46) end--;
  return text.slice(0, end);
}

function withPoint(text: string): string {
  return text.includes('.') ? text : `${text}.`;
}
