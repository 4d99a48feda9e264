/** Numbers as text: tables of Redis's rules, and properties. The comparison with a real server stands beside it. */
import { describe, expect, test } from 'vitest';
import { digitCount, formatDouble, formatInteger, parseDoubleStrict, parseIntegerStrict, parsedInteger } from '../../src/shared/number-text.ts';
import { latin1Bytes, latin1Slice } from '../../src/shared/request.ts';
import { SeededRandom } from '../protocol/seeded-random.ts';

function parseInteger(text: string): number | bigint | null {
  const bytes = latin1Bytes(`7${text}7`);
  if (!parseIntegerStrict(bytes, 1, text.length)) return null;
  if (!parsedInteger.isSafe) expect(parsedInteger.value).toBe(Number(parsedInteger.big));
  return parsedInteger.isSafe ? parsedInteger.value : parsedInteger.big;
}

function parseDouble(text: string): number {
  return parseDoubleStrict(latin1Bytes(`7${text}7`), 1, text.length);
}

describe('integers', () => {
  test.each<[string, number | bigint]>([
    ['0', 0], ['1', 1], ['-1', -1], ['10', 10], ['123456789', 123456789], ['-999999999999999', -999999999999999],
    ['9007199254740991', 9007199254740991], ['-9007199254740991', -9007199254740991], ['1000000000000000', 1e15],
    ['9007199254740992', 9007199254740992n], ['9007199254740993', 9007199254740993n], ['-9007199254740992', -9007199254740992n],
    ['9223372036854775807', 9223372036854775807n], ['-9223372036854775808', -9223372036854775808n],
  ])('%s', (text, value) => {
    expect(parseInteger(text)).toBe(value);
  });

  test.each([
    '', '-', '+1', ' 1', '1 ', '01', '-01', '00', '-0', '1.0', '1e3', '0x1', 'a', '1a', '--1', '1-', '9223372036854775808',
    '-9223372036854775809', '18446744073709551616', '99999999999999999999', '-99999999999999999999', '1\0', '12345678901234567890123',
  ])('refuses %j', (text) => {
    expect(parseInteger(text)).toBeNull();
  });

  test('format', () => {
    const buf = new Uint8Array(20);
    const random = new SeededRandom();
    const check = (value: number): void => {
      const end = formatInteger(buf, 3, value);
      expect(latin1Slice(buf, 3, end), `SEED=${random.seed}`).toBe(String(value));
      expect(end).toBeLessThanOrEqual(20);
    };
    for (const value of [0, 9, 10, 99, 100, 999_999_999, 1e9, 1e9 + 1, 2 ** 31, 1e15, Number.MAX_SAFE_INTEGER]) (check(value), check(-value || 0));
    for (let i = 0; i < 20_000; i++) check(Math.trunc((random.float() - 0.5) * 10 ** random.below(17)) || 0);
  });

  test('digitCount', () => {
    for (let n = 1; n <= 9; n++) expect([digitCount(10 ** n - 1), digitCount(10 ** n)]).toEqual([n, n + 1]);
    expect(digitCount(0)).toBe(1);
  });
});

describe('doubles in', () => {
  test('short numbers are the doubles next to them', () => {
    const random = new SeededRandom();
    const digits = (n: number): string => Array.from({ length: n }, () => random.below(10)).join('');
    for (let n = 0; n < 20_000; n++) {
      const mantissa = `${digits(random.below(9))}${random.pick(['', '.'])}${digits(1 + random.below(7))}`;
      const exponent = random.pick(['', `${random.pick(['e', 'E'])}${random.pick(['', '-', '+'])}${digits(1 + random.below(3))}`]);
      const text = random.pick(['', '-', '+']) + mantissa + exponent;
      const value = Number(text);
      const isRefused = !Number.isFinite(value) || (value === 0 && /^.?[0.]*[1-9]/.test(mantissa));
      expect(parseDouble(text), `SEED=${random.seed} ${text}`).toBe(isRefused ? NaN : value);
    }
    for (const text of ['.', '+', '-.', 'e', 'e5', '.e5', '1e', '1e+', '1e5x', '1e-', '1ee5', '1e5e5', '1.5.5', '1e 5']) expect(parseDouble(text), text).toBeNaN();
  });

  test.each<[string, number]>([
    ['0', 0], ['-0', -0], ['1', 1], ['+1', 1], ['-1.5', -1.5], ['1.', 1], ['.5', 0.5], ['-.5', -0.5], ['007', 7], ['0.1', 0.1], ['3.14159', 3.14159],
    ['123456789012345', 123456789012345], ['1234567890123456', 1234567890123456], ['12345678901234567890', 12345678901234567890],
    ['0.12345678901234', 0.12345678901234], ['1e3', 1000], ['1E+3', 1000], ['1.5e-7', 1.5e-7], ['0e999', 0], ['0.0e-999', 0],
    ['1.7976931348623157e308', Number.MAX_VALUE], ['4.9e-324', 5e-324], ['2.2250738585072011e-308', 2.225073858507201e-308],
    ['inf', Infinity], ['+inf', Infinity], ['-inf', -Infinity], ['Infinity', Infinity], ['-INFINITY', -Infinity],
    ['0x10', 16], ['0x1p3', 8], ['-0X1.8P-1', -0.75], ['0x.8', 0.5], ['0x1.', 1], ['0x0', 0], ['-0x0', -0], ['0x1p-1074', 5e-324],
    ['0x1.fffffffffffffp1023', Number.MAX_VALUE], ['0x1.00000000000008p0', 1], ['0x1.000000000000081p0', 1 + 2 ** -52],
  ])('%s', (text, value) => {
    expect(parseDouble(text)).toBe(value);
  });

  test.each([
    '', '+', '-', '.', '-.', ' 1', '1 ', '\t1', 'nan', '-nan', 'NaN', '1e', '1e+', 'e5', '1..2', '1.2.3', '1,5', 'infx', 'in', 'infinit', '0x', '0xg',
    '0x.', '0x1p', '1p3', '1e400', '-1e400', '1e-400', '0x1p1024', '0x1p-1080', '1_000', '0b1', '0o7', '1\0', '--1', '+-1', '1f', '1n',
  ])('refuses %j', (text) => {
    expect(parseDouble(text)).toBeNaN();
  });

  test('huge text is refused quickly', () => {
    expect(parseDouble('1'.repeat(1_000_000))).toBeNaN();
    expect(parseDouble(`0x${'f'.repeat(1_000_000)}`)).toBeNaN();
  });

  test('the fast path rounds as the slow one does', () => {
    const random = new SeededRandom();
    for (let i = 0; i < 50_000; i++) {
      const digits = String(Math.floor(random.float() * 10 ** (1 + random.below(16))));
      const point = random.below(digits.length + 1);
      const text = random.pick(['', '-', '+']) + digits.slice(0, point) + random.pick(['', '.']) + digits.slice(point);
      expect(parseDouble(text), `SEED=${random.seed} ${text}`).toBe(Number(text));
    }
  });
});

describe('doubles out', () => {
  // The layout is that of fpconv_dtoa in Redis 7.2, read off its source.
  test.each<[number, string]>([
    [0, '0'], [-0, '-0'], [Infinity, 'inf'], [-Infinity, '-inf'], [NaN, 'nan'], [1, '1'], [-17, '-17'], [1.5, '1.5'], [0.1, '0.1'], [-0.1, '-0.1'],
    [3.0000000000000004, '3.0000000000000004'], [1e15, '1000000000000000'], [2 ** 53 + 2, '9007199254740994'], [2 ** 60, '1152921504606846976'],
    [2 ** 62, '4611686018427387904'], [1e18, '1000000000000000000'], [-1e18, '-1000000000000000000'],
    [1e19, '1e+19'], [1e20, '1e+20'], [1e21, '1e+21'], [1.5e300, '1.5e+300'], [-1e100, '-1e+100'], [1e105, '1e+105'],
    [12345678901234567000, '12345678901234567000'], [1234567890123e7, '12345678901230000000'], [123456789012e8, '1.23456789012e+19'],
    [0.000001, '0.000001'], [0.0000001, '1e-7'], [1e-10, '1e-10'], [1.5e-7, '1.5e-7'], [0.0001234567, '1.234567e-4'], [0.012345, '0.012345'],
    [0.12345678, '0.12345678'], [0.0012345678, '0.0012345678'], [1234.12345678, '1234.12345678'], [12345.12345678, '1.234512345678e+4'],
    [12345.123456, '12345.123456'], [123456789.5, '123456789.5'], [0.00012, '0.00012'], [5e-324, '5e-324'], [Number.MAX_VALUE, '1.7976931348623157e+308'],
    [9999.1234567, '9999.1234567'], [-12345.1234567, '-1.23451234567e+4'],
  ])('%d', (value, text) => {
    expect(formatDouble(value)).toBe(text);
  });

  test('reads back', () => {
    const random = new SeededRandom();
    const words = new Uint32Array(2);
    const float = new Float64Array(words.buffer);
    for (let i = 0; i < 50_000; i++) {
      words[0] = random.below(2 ** 32);
      words[1] = random.below(2 ** 32);
      const value = i % 2 === 0 ? float[0]! : (random.float() - 0.5) * 10 ** (random.below(45) - 22);
      const text = formatDouble(value);
      if (Number.isNaN(value)) expect(text).toBe('nan');
      else expect(parseDouble(text), `SEED=${random.seed} ${text}`).toBe(value);
    }
  });
});
