/** Bits of byte ranges beside a bit-by-bit model, at every alignment. */
import { expect, test } from 'vitest';
import { FIELD_BITS_MAX, countOnes, firstBit, readField, writeField } from '../../src/shared/bits.ts';
import { SeededRandom } from '../protocol/seeded-random.ts';

const random = new SeededRandom(Number(process.env.BITS_SEED ?? 7));

function bitsOf(bytes: Uint8Array): number[] {
  return Array.from(bytes, (byte) => [7, 6, 5, 4, 3, 2, 1, 0].map((shift) => (byte >> shift) & 1)).flat();
}

/** Ranges of all lengths around the switch to words, in a buffer whose neighbours are the contrary. */
function* ranges(fill: () => number): Generator<{ buf: Uint8Array; off: number; len: number }> {
  for (const len of [0, 1, 3, 7, 127, 128, 129, 130, 131, 132, 159, 160, 300, 1000]) {
    for (let off = 0; off < 9; off++) {
      const buf = new Uint8Array(new ArrayBuffer(len + 40), off % 5, len + 20).fill(0x5a);
      for (let i = 0; i < len; i++) buf[off + i] = fill();
      yield { buf, off, len };
    }
  }
}

test('countOnes', () => {
  for (const fill of [() => random.below(256), () => 0xff, () => 0]) {
    for (const { buf, off, len } of ranges(fill)) {
      const bits = bitsOf(buf.subarray(off, off + len));
      // Words begin where the bytes do.
      const bytes = new Uint8Array((buf.length + 3) & ~3);
      bytes.set(buf);
      expect(countOnes(bytes, new Int32Array(bytes.buffer), off, len), `${off}+${len}`).toBe(bits.filter((bit) => bit === 1).length);
    }
  }
});

test.each([0, 1])('firstBit finds %d', (bit) => {
  for (const { buf, off, len } of ranges(() => (bit === 1 ? 0 : 0xff))) {
    expect(firstBit(buf, off, len, bit), `${off}+${len}`).toBe(-1);
    if (len === 0) continue;
    const place = random.below(len * 8);
    buf[off + (place >> 3)]! ^= 0x80 >> (place & 7);
    expect(firstBit(buf, off, len, bit), `${off}+${len} at ${place}`).toBe(place);
    const earlier = random.below(place + 1);
    buf[off + (earlier >> 3)] = bit === 1 ? 0x80 >> (earlier & 7) : 0xff ^ (0x80 >> (earlier & 7));
    expect(firstBit(buf, off, len, bit), `${off}+${len} at ${earlier}`).toBe(earlier);
  }
});

test('fields are read and written exactly, and leave their neighbours alone', () => {
  for (let n = 0; n < 3000; n++) {
    const buf = Uint8Array.from({ length: 24 }, () => random.below(256));
    const bits = 1 + random.below(FIELD_BITS_MAX);
    const offset = random.below(100);
    const before = bitsOf(buf);
    const number = (from: number[]): number => from.reduce((sum, bit) => sum * 2 + bit, 0);
    expect(readField(buf, 3, 21, offset, bits)).toBe(number(before.slice(24 + offset, 24 + offset + bits)));
    const written = Array.from({ length: bits }, () => random.below(2));
    writeField(buf, 3, offset, bits, number(written));
    before.splice(24 + offset, bits, ...written);
    expect(bitsOf(buf)).toEqual(before);
  }
});

test('a field reads zeros behind the end', () => {
  const buf = new Uint8Array(4).fill(0xff);
  expect(readField(buf, 1, 1, 4, 8)).toBe(0xf0);
  expect(readField(buf, 1, 1, 8, 8)).toBe(0);
});
