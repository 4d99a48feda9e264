/**
 * Decimal text in the arithmetic of x86 `long double` (64 bits of mantissa, round to nearest even), which is what
 * INCRBYFLOAT and HINCRBYFLOAT compute in: a double would print other digits.
 *
 * A finite value is mantissa × 2^exponent with |mantissa| < 2^64. Slow (bigint): for these two commands only.
 */

export interface LongDouble {
  readonly mantissa: bigint;
  readonly exponent: number;
}

const MANTISSA_BITS = 64;
/** Exponent of the mantissa's lowest bit: of the largest finite number, and of the smallest denormal one. */
const EXPONENT_MAX = 16384 - MANTISSA_BITS;
const EXPONENT_MIN = -16445;
/** Beyond this power a number of up to TEXT_BYTES_MAX digits is surely infinite, or zero. */
const POWER_MAX = 24000;
/** Redis refuses longer texts (MAX_LONG_DOUBLE_CHARS). */
const TEXT_BYTES_MAX = 5 * 1024 - 1;
const FRACTION_DIGITS = 17;
const FRACTION_SCALE = 10n ** BigInt(FRACTION_DIGITS);

const DECIMAL = /^([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?$/;
const HEXADECIMAL = /^([+-]?)0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?(?:[pP]([+-]?[0-9]+))?$/;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;

/** What `parseLongDouble` makes of infinities. */
export const INFINITE_LONG_DOUBLE = 'infinite';

/** Reads text as strtold does; null where Redis would not take it for a float (not a number, out of range). */
export function parseLongDouble(text: string): LongDouble | typeof INFINITE_LONG_DOUBLE | null {
  if (text.length > TEXT_BYTES_MAX) return null;
  if (INFINITE.test(text)) return INFINITE_LONG_DOUBLE;
  const hex = HEXADECIMAL.exec(text);
  const parts = hex ?? DECIMAL.exec(text);
  if (parts === null) return null;
  const fraction = parts[3] ?? '';
  const digits = parts[2]! + fraction;
  if (digits === '') return null;
  const magnitude = BigInt((hex === null ? '' : '0x') + digits);
  const signed = parts[1] === '-' ? -magnitude : magnitude;
  const exponent = Number(parts[4] ?? 0) - fraction.length * (hex === null ? 1 : 4);
  if (magnitude === 0n) return { mantissa: 0n, exponent: 0 };
  if (Math.abs(exponent) > POWER_MAX) return null;
  const value = hex !== null ? rounded(signed, exponent)
    : exponent >= 0 ? rounded(signed * 10n ** BigInt(exponent), 0)
      : quotient(signed, 10n ** BigInt(-exponent));
  return value === null || value.mantissa === 0n ? null : value;
}

/** The sum, or null where it is infinite. */
export function addLongDouble(a: LongDouble, b: LongDouble): LongDouble | null {
  const exponent = Math.min(a.exponent, b.exponent);
  const sum = (a.mantissa << BigInt(a.exponent - exponent)) + (b.mantissa << BigInt(b.exponent - exponent));
  return rounded(sum, exponent);
}

/** As `%.17Lf` prints it, without zeros at the end of the fraction (ld2string LD_STR_HUMAN in Redis). */
export function formatLongDouble(value: LongDouble): string {
  const negative = value.mantissa < 0n;
  const mantissa = negative ? -value.mantissa : value.mantissa;
  const scaled = value.exponent >= 0
    ? (mantissa << BigInt(value.exponent)) * FRACTION_SCALE
    : roundedShift(mantissa * FRACTION_SCALE, -value.exponent);
  const digits = scaled.toString().padStart(FRACTION_DIGITS + 1, '0');
  const fraction = digits.slice(-FRACTION_DIGITS).replace(/0+$/, '');
  const text = digits.slice(0, -FRACTION_DIGITS) + (fraction === '' ? '' : `.${fraction}`);
  return negative && text !== '0' ? `-${text}` : text;
}

function bitLength(magnitude: bigint): number {
  return magnitude === 0n ? 0 : magnitude.toString(16).length * 4 - Math.clz32(Number.parseInt(magnitude.toString(16)[0]!, 16)) + 28;
}

/** magnitude / 2^bits, half to even. */
function roundedShift(magnitude: bigint, bits: number): bigint {
  if (bits <= 0) return magnitude << BigInt(-bits);
  const shift = BigInt(bits);
  const whole = magnitude >> shift;
  const rest = magnitude - (whole << shift);
  const half = 1n << (shift - 1n);
  return rest > half || (rest === half && (whole & 1n) === 1n) ? whole + 1n : whole;
}

/** value × 2^exponent with a mantissa of at most 64 bits; null for what is too large. */
function rounded(value: bigint, exponent: number): LongDouble | null {
  const negative = value < 0n;
  let magnitude = negative ? -value : value;
  const excess = Math.max(bitLength(magnitude) - MANTISSA_BITS, EXPONENT_MIN - exponent);
  if (excess > 0) {
    magnitude = roundedShift(magnitude, excess);
    exponent += excess;
  }
  // Rounding up may have made it 2^64, and small mantissas may hide behind large exponents.
  if (bitLength(magnitude) + exponent > EXPONENT_MAX + MANTISSA_BITS) return null;
  return { mantissa: negative ? -magnitude : magnitude, exponent };
}

function quotient(value: bigint, divisor: bigint): LongDouble | null {
  const negative = value < 0n;
  const magnitude = negative ? -value : value;
  // Two bits more than a mantissa has, and one that says whether anything followed them: then rounding is exact.
  const shift = Math.max(0, MANTISSA_BITS + 2 + bitLength(divisor) - bitLength(magnitude));
  const shifted = magnitude << BigInt(shift);
  const whole = shifted / divisor;
  const sticky = (whole << 1n) | (whole * divisor === shifted ? 0n : 1n);
  return rounded(negative ? -sticky : sticky, -shift - 1);
}
