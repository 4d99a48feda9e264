/**
 * Numbers as C's printf writes them, for Lua's number text, string.format and cjson. Exact, ties to even as in glibc.
 * Infinities and not-a-number: inf, -inf, and -nan, which is what an x86 processor makes of 0/0.
 */

/** JavaScript gives no more digits than this at once; further ones are not looked at for ties. */
const DIGITS_MAX = 100;

function special(value: number): string {
  if (Number.isNaN(value)) return '-nan';
  return value > 0 ? 'inf' : '-inf';
}

/** Digits of which JavaScript's own rounding took the upper of two equally near ones, made even. */
function evenTie(rounded: string, longer: string, digits: number): string {
  return /^50*$/.test(longer.slice(digits)) && Number(longer[digits - 1]) % 2 === 0 ? longer.slice(0, digits) : rounded;
}

/** %.{precision}f */
export function formatFixed(value: number, precision: number): string {
  if (!Number.isFinite(value)) return special(value);
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const magnitude = Math.abs(value);
  // From here on numbers are integers, and toFixed gives an exponent.
  if (magnitude >= 1e21) return sign + BigInt(magnitude).toString() + (precision > 0 ? `.${'0'.repeat(precision)}` : '');
  const rounded = magnitude.toFixed(precision);
  if (precision >= DIGITS_MAX) return sign + rounded;
  const exact = magnitude.toFixed(DIGITS_MAX);
  const point = exact.indexOf('.');
  const digits = exact.slice(0, point) + exact.slice(point + 1);
  const kept = evenTie('', digits, point + precision);
  if (kept === '') return sign + rounded;
  return sign + kept.slice(0, point) + (precision > 0 ? `.${kept.slice(point)}` : '');
}

/** Significant digits of a finite number above 0, `count` of them, and the decimal exponent of the first. */
function significant(magnitude: number, count: number): { digits: string; exponent: number } {
  const [mantissa, exponent] = magnitude.toExponential(Math.min(count - 1, DIGITS_MAX)).split('e') as [string, string];
  const rounded = mantissa.replace('.', '');
  const [exactMantissa, exactExponent] = magnitude.toExponential(DIGITS_MAX).split('e') as [string, string];
  const kept = evenTie('', exactMantissa.replace('.', ''), count);
  if (kept !== '') return { digits: kept, exponent: Number(exactExponent) };
  return { digits: rounded.padEnd(count, '0'), exponent: Number(exponent) };
}

function exponentText(exponent: number): string {
  return `e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

/** %.{precision}e */
export function formatExponential(value: number, precision: number): string {
  if (!Number.isFinite(value)) return special(value);
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const { digits, exponent } = value === 0 ? { digits: '0'.repeat(precision + 1), exponent: 0 } : significant(Math.abs(value), precision + 1);
  return sign + digits[0]! + (precision > 0 ? `.${digits.slice(1)}` : '') + exponentText(exponent);
}

/** %.{precision}g; with `alternate` (the flag '#') zeros at the end are kept. */
export function formatGeneral(value: number, precision: number, alternate = false): string {
  if (!Number.isFinite(value)) return special(value);
  const count = Math.max(precision, 1);
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  if (value === 0) return `${sign}0${alternate && count > 1 ? `.${'0'.repeat(count - 1)}` : ''}`;
  const { digits, exponent } = significant(Math.abs(value), count);
  const kept = alternate ? digits : digits.replace(/0+$/, '');
  if (exponent < -4 || exponent >= count) {
    return `${sign}${kept[0]!}${kept.length > 1 ? `.${kept.slice(1)}` : ''}${exponentText(exponent)}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${kept}`;
  const whole = digits.slice(0, exponent + 1);
  const fraction = kept.slice(exponent + 1);
  return fraction === '' ? sign + whole : `${sign}${whole}.${fraction}`;
}

/** A number as Lua's tostring shows it: %.14g. */
export function numberText(value: number): string {
  if (Number.isInteger(value) && value > -1e14 && value < 1e14 && value !== 0) return String(value);
  return formatGeneral(value, 14);
}
