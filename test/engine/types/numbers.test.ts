/** Two-word integers against bigint, and long doubles against values that redis-server printed. */
import { describe, expect, test } from 'vitest';
import { INTEGER_TEXT_BYTES, IntegerWords, formatWords } from '../../../src/engine/types/integer-words.ts';
import { INFINITE_LONG_DOUBLE, addLongDouble, formatLongDouble, parseLongDouble } from '../../../src/engine/types/long-double.ts';
import { latin1Bytes, latin1Slice } from '../../../src/shared/request.ts';
import { randomOf } from '../engine-rig.ts';

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const EDGES = [0n, 9n, 10n, 99n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 10n ** 9n, 10n ** 18n, 10n ** 9n * 2n ** 32n, INT64_MAX]
  .flatMap((n) => [n - 1n, n, n + 1n, -n - 1n, -n, 1n - n]);

function parse(text: string): bigint | null {
  const words = new IntegerWords();
  return words.parse(latin1Bytes(text), 0, text.length) ? (BigInt(words.hi) << 32n) | BigInt(words.lo >>> 0) : null;
}

function format(n: bigint): string {
  const out = new Uint8Array(INTEGER_TEXT_BYTES);
  return latin1Slice(out, formatWords(Number(n >> 32n), Number(BigInt.asIntN(32, n)), out), INTEGER_TEXT_BYTES);
}

function sample(seed: number): bigint[] {
  const random = randomOf(seed);
  return Array.from({ length: 5000 }, () => {
    const bits = 1 + Math.floor(random() * 64);
    const n = (BigInt(Math.floor(random() * 2 ** 32)) << 32n) | BigInt(Math.floor(random() * 2 ** 32));
    return BigInt.asIntN(bits, n);
  });
}

describe('integers of two words', () => {
  test('text there and back', () => {
    for (const n of [...EDGES, ...sample(1)]) {
      const fits = n >= INT64_MIN && n <= INT64_MAX;
      expect(parse(n.toString()), n.toString()).toBe(fits ? n : null);
      if (fits) expect(format(n)).toBe(n.toString());
    }
  });

  test('what Redis does not take for an integer', () => {
    for (const text of ['', '-', '+1', '01', '-0', '00', ' 1', '1 ', '1.0', '1e3', '0x1', '--1', '9223372036854775808',
      '-9223372036854775809', '99999999999999999999', '123456789012345678901', '12345678901a', '1234a', 'a']) expect(parse(text), text).toBe(null);
  });

  test('sums, and where they overflow', () => {
    const values = [...EDGES.filter((n) => n >= INT64_MIN && n <= INT64_MAX), ...sample(2).slice(0, 200)];
    const words = new IntegerWords();
    for (const a of values) {
      for (const b of values) {
        words.hi = Number(a >> 32n);
        words.lo = Number(BigInt.asIntN(32, a));
        const fits = words.add(Number(b >> 32n), Number(BigInt.asIntN(32, b)));
        expect(fits).toBe(a + b >= INT64_MIN && a + b <= INT64_MAX);
        if (fits) expect((BigInt(words.hi) << 32n) | BigInt(words.lo >>> 0)).toBe(a + b);
      }
    }
  });
});

describe('long doubles', () => {
  const sum = (a: string, b: string): string => {
    const x = parseLongDouble(a);
    const y = parseLongDouble(b);
    if (x === null || y === null || x === INFINITE_LONG_DOUBLE || y === INFINITE_LONG_DOUBLE) return 'invalid';
    const out = addLongDouble(x, y);
    return out === null ? 'infinite' : formatLongDouble(out);
  };

  // Right-hand sides were printed by redis-server on x86-64.
  test.each([
    ['0.1', '0.2', '0.3'],
    ['0.3', '1e17', '100000000000000000.296875'],
    ['1.1', '2.2', '3.3'],
    ['0', '-1e-19', '0'],
    ['0', '5e-18', '0'],
    ['0', '6e-18', '0.00000000000000001'],
    ['-3e3', '3000', '0'],
    ['0x1p3', '0xA.8', '18.5'],
    ['.5', '5.', '5.5'],
    ['1e400', '-1e400', '0'],
    ['18446744073709551615', '1', '18446744073709551616'],
    ['18446744073709551615', '2', '18446744073709551616'],
    ['1.1e4932', '1.1e4932', 'infinite'],
    ['1e-4940', '0', '0'],
    ['17179869184.0001', '-17179869185', '-0.99990000016987324'],
  ])('%s + %s = %s', (a, b, out) => {
    expect(sum(a, b)).toBe(out);
  });

  test('what is not a float', () => {
    for (const text of ['', '.', '-', 'x', '1x', '1e', ' 1', '1 ', '1_0', '1,0', '0x', 'nan', '1e5000', '1e-5000', '1e99999999']) {
      expect(parseLongDouble(text), text).toBe(null);
    }
    for (const text of ['inf', '-inf', '+Infinity']) expect(parseLongDouble(text), text).toBe(INFINITE_LONG_DOUBLE);
  });
});
