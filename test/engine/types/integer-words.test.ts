/** Two-word integers against bigint. */
import { describe, expect, test } from 'vitest';
import { INTEGER_TEXT_BYTES, IntegerWords, formatWords } from '../../../src/engine/types/integer-words.ts';
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
