/**
 * The 80-bit floating point of x87 (`long double` on x86-64), in which Redis computes INCRBYFLOAT and HINCRBYFLOAT.
 *
 * Values are exact: an integer of at most 64 bits times a power of two. Parsing, adding and formatting round where the
 * hardware and the C library do (to nearest, ties to even), so that results are Redis's to the last digit. Works on
 * bigint: a matter of microseconds, so never of use on a path that every command takes.
 */

export interface LongDouble {
  /** '' for a finite number, else what it is. */
  readonly special: '' | 'inf' | '-inf' | 'nan';
  /** Signed, |mantissa| < 2^64; the value is mantissa × 2^exponent. */
  readonly mantissa: bigint;
  readonly exponent: number;
}

const MANTISSA_BITS = 64;
/** Finite values are below 2^16384. */
const EXPONENT_TOP = 16384;
/** The smallest subnormal is 2^-16445. */
const EXPONENT_MIN = -16445;
/** Redis's MAX_LONG_DOUBLE_CHARS less the terminating zero. */
const TEXT_LENGTH_MAX = 5 * 1024 - 1;
/** Digits after the point of Redis's "%.17Lf". */
const FRACTION_DIGITS = 17;

const NAN: LongDouble = { special: 'nan', mantissa: 0n, exponent: 0 };
const INF: LongDouble = { special: 'inf', mantissa: 0n, exponent: 0 };
const MINUS_INF: LongDouble = { special: '-inf', mantissa: 0n, exponent: 0 };
const ZERO: LongDouble = { special: '', mantissa: 0n, exponent: 0 };

const DECIMAL = /^[+-]?(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i;
const HEXADECIMAL = /^[+-]?0x([0-9a-f]*)\.?([0-9a-f]*)(?:p([+-]?\d+))?$/i;
const INFINITY = /^[+-]?inf(?:inity)?$/i;

/**
 * Text as C's `strtold` and Redis's `string2ld` read it: decimal or hexadecimal, `inf` and `infinity`.
 * @returns null where Redis says that the value is not a valid float: blanks, rest, nan, overflow, underflow to zero.
 */
export function parseLongDouble(text: string): LongDouble | null {
  if (text.length > TEXT_LENGTH_MAX) return null;
  const negative = text.startsWith('-');
  if (INFINITY.test(text)) return negative ? MINUS_INF : INF;
  const decimal = DECIMAL.exec(text);
  if (decimal !== null) return fromDecimal(negative, decimal[1]!, decimal[2]!, Number(decimal[3] ?? 0));
  return parseHexadecimal(text, MANTISSA_BITS, EXPONENT_TOP, EXPONENT_MIN);
}

/**
 * Hexadecimal floating point text as C reads it ("0x1.8p3"), rounded to `bits` of mantissa.
 * @returns null unless it is such text and its value neither overflows nor underflows to zero.
 */
export function parseHexadecimal(text: string, bits: number, exponentTop: number, exponentMin: number): LongDouble | null {
  const parts = HEXADECIMAL.exec(text);
  if (parts === null) return null;
  const digits = parts[1]! + parts[2]!;
  if (digits === '') return null;
  const mantissa = BigInt(`0x${digits}`);
  if (mantissa === 0n) return ZERO;
  const exponent = Number(parts[3] ?? 0) - 4 * parts[2]!.length;
  return finiteOrNull(round(text.startsWith('-') ? -mantissa : mantissa, exponent, bits, exponentTop, exponentMin));
}

function fromDecimal(negative: boolean, whole: string, fraction: string, exponent: number): LongDouble | null {
  if (whole === '' && fraction === '') return null;
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') return ZERO;
  const power = exponent - fraction.length;
  // Far outside the range: do not even compute the power of ten.
  const magnitude = digits.length + power;
  if (magnitude > 4940 || magnitude < -4960) return null;
  const value = negative ? -BigInt(digits) : BigInt(digits);
  if (power >= 0) return finiteOrNull(roundExtended(value * 10n ** BigInt(power), 0));
  const divisor = 10n ** BigInt(-power);
  // Enough quotient bits to round rightly; what the division leaves over is kept as one sticky bit below them.
  const shift = Math.max(0, bitLength(divisor) - bitLength(value) + MANTISSA_BITS + 3);
  const scaled = value << BigInt(shift);
  const quotient = scaled / divisor;
  const sticky = scaled % divisor === 0n ? 0n : negative ? -1n : 1n;
  return finiteOrNull(roundExtended(quotient * 2n + sticky, -shift - 1));
}

function finiteOrNull(value: LongDouble): LongDouble | null {
  return value.special === '' && value.mantissa !== 0n ? value : null;
}

function bitLength(value: bigint): number {
  const hex = (value < 0n ? -value : value).toString(16);
  return hex.length * 4 - Math.clz32(parseInt(hex[0]!, 16)) + 28;
}

function roundExtended(mantissa: bigint, exponent: number): LongDouble {
  return round(mantissa, exponent, MANTISSA_BITS, EXPONENT_TOP, EXPONENT_MIN);
}

/** mantissa × 2^exponent, rounded to nearest (ties to even) to what the format can hold. */
function round(mantissa: bigint, exponent: number, bits: number, exponentTop: number, exponentMin: number): LongDouble {
  if (mantissa === 0n) return ZERO;
  const negative = mantissa < 0n;
  const infinity = negative ? MINUS_INF : INF;
  let magnitude = negative ? -mantissa : mantissa;
  const length = bitLength(magnitude);
  if (length + exponent > exponentTop) return infinity;
  const drop = Math.max(length - bits, exponentMin - exponent);
  if (drop > length + 1) return ZERO;
  let scale = exponent;
  if (drop > 0) {
    magnitude = shiftRightToEven(magnitude, drop);
    scale += drop;
    if (magnitude === 0n) return ZERO;
    if (bitLength(magnitude) + scale > exponentTop) return infinity;
  }
  return { special: '', mantissa: negative ? -magnitude : magnitude, exponent: scale };
}

/** value / 2^by for value ≥ 0, rounded to nearest, ties to even. */
function shiftRightToEven(value: bigint, by: number): bigint {
  const shift = BigInt(by);
  const quotient = value >> shift;
  const rest = value - (quotient << shift);
  const half = 1n << (shift - 1n);
  const up = rest > half || (rest === half && (quotient & 1n) === 1n);
  return up ? quotient + 1n : quotient;
}

const float = new Float64Array(1);
const floatBits = new BigUint64Array(float.buffer);

/** A double, exactly. */
export function longDoubleOf(value: number): LongDouble {
  if (Number.isNaN(value)) return NAN;
  if (!Number.isFinite(value)) return value > 0 ? INF : MINUS_INF;
  float[0] = value;
  const bits = floatBits[0]!;
  const field = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  const magnitude = field === 0 ? fraction : fraction | (1n << 52n);
  return { special: '', mantissa: value < 0 ? -magnitude : magnitude, exponent: Math.max(field, 1) - 1075 };
}

/** a + b, rounded once. May be infinite or nan: Redis refuses both as "increment would produce NaN or Infinity". */
export function addLongDoubles(a: LongDouble, b: LongDouble): LongDouble {
  if (a.special !== '' || b.special !== '') {
    if (b.special === '') return a;
    if (a.special === '' || a.special === b.special) return b;
    return NAN;
  }
  const exponent = Math.min(a.exponent, b.exponent);
  const sum = (a.mantissa << BigInt(a.exponent - exponent)) + (b.mantissa << BigInt(b.exponent - exponent));
  return roundExtended(sum, exponent);
}

/** Redis's human-friendly text of a long double: 17 digits after the point, trailing zeros dropped, no exponent. */
export function formatLongDouble(value: LongDouble): string {
  if (value.special !== '') return value.special;
  const { mantissa, exponent } = value;
  if (exponent >= 0) return (mantissa << BigInt(exponent)).toString();
  const negative = mantissa < 0n;
  const scaled = shiftRightToEven((negative ? -mantissa : mantissa) * 10n ** BigInt(FRACTION_DIGITS), -exponent);
  const digits = scaled.toString().padStart(FRACTION_DIGITS + 1, '0');
  const whole = digits.slice(0, -FRACTION_DIGITS);
  const fraction = digits.slice(-FRACTION_DIGITS).replace(/0+$/, '');
  const text = fraction === '' ? whole : `${whole}.${fraction}`;
  return negative && text !== '0' ? `-${text}` : text;
}
