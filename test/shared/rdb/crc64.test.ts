/** CRC-64 against known values and against itself done slowly. */
import { expect, test } from 'vitest';
import { Crc64 } from '../../../src/shared/rdb/crc64.ts';
import { latin1Bytes } from '../../../src/shared/request.ts';
import { SeededRandom } from '../../protocol/seeded-random.ts';

function hexOf(bytes: Uint8Array): string {
  const crc = new Crc64();
  crc.update(bytes, 0, bytes.length);
  return crc.hex();
}

/** Bit by bit, straight from the definition. */
function slowly(bytes: Uint8Array): string {
  let crc = 0n;
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      const top = ((crc >> 63n) & 1n) ^ BigInt((byte >> bit) & 1);
      crc = (crc << 1n) & 0xffffffffffffffffn;
      if (top === 1n) crc ^= 0xad93d23594c935a9n;
    }
  }
  const reversed = crc.toString(2).padStart(64, '0').split('').reverse().join('');
  return BigInt(`0b${reversed}`).toString(16).padStart(16, '0');
}

test("the check value, and that of Redis's own test", () => {
  expect(hexOf(latin1Bytes('123456789'))).toBe('e9c6d914c4b8d9ca');
  expect(hexOf(new Uint8Array(0))).toBe('0000000000000000');
});

test('any bytes, whole or in pieces', () => {
  const random = new SeededRandom();
  for (let round = 0; round < 100; round++) {
    const bytes = Uint8Array.from({ length: random.below(100) }, () => random.below(256));
    const note = `seed ${random.seed} round ${round}`;
    expect(hexOf(bytes), note).toBe(slowly(bytes));
    const crc = new Crc64();
    for (let at = 0; at < bytes.length;) {
      const n = Math.min(random.below(20), bytes.length - at);
      crc.update(bytes, at, n);
      at += n;
    }
    expect(crc.hex(), note).toBe(slowly(bytes));
    const out = new Uint8Array(10);
    crc.write(out, 1);
    expect(crc.equals(out, 1), note).toBe(true);
    out[1 + random.below(8)]! ^= 1 << random.below(8);
    expect(crc.equals(out, 1), note).toBe(false);
  }
});
