/** LZF: what is compressed comes back, in bounds; damaged bytes give an error. */
import { expect, test } from 'vitest';
import { LzfCompressor, lzfDecompress, lzfDecompressedMax } from '../../../src/shared/rdb/lzf.ts';
import { latin1Bytes } from '../../../src/shared/request.ts';
import { SeededRandom } from '../../protocol/seeded-random.ts';

/** Bytes of any degree of order: few or many different ones, with repeats of what was before. */
function someBytes(random: SeededRandom): Uint8Array {
  const out = new Uint8Array(random.below(random.pick([30, 300, 20000])));
  const alphabet = random.pick([1, 2, 10, 256]);
  const repeats = random.pick([0, 0.01, 0.3]);
  for (let at = 0; at < out.length;) {
    if (at > 0 && random.float() < repeats) {
      const from = random.below(at);
      for (let n = random.below(400); n > 0 && at < out.length; n--) out[at] = out[from + (at++ % (at - from))]!;
    } else out[at++] = random.below(alphabet);
  }
  return out;
}

test('round trips', () => {
  const random = new SeededRandom();
  const lzf = new LzfCompressor();
  let compressed = 0;
  for (let round = 0; round < 1500; round++) {
    const note = `seed ${random.seed} round ${round}`;
    const bytes = someBytes(random);
    const out = new Uint8Array(bytes.length + 50).fill(0xee);
    const room = random.below(3) === 0 ? random.below(bytes.length + 1) : Math.max(0, bytes.length - 4);
    const n = lzf.compress(bytes, 0, bytes.length, out, 7, room);
    expect(n, note).toBeLessThanOrEqual(room);
    for (let i = 0; i < 7; i++) expect(out[i], note).toBe(0xee);
    if (n === 0) continue;
    compressed++;
    expect(bytes.length, note).toBeLessThanOrEqual(lzfDecompressedMax(n));
    const back = new Uint8Array(bytes.length + 8).fill(0xee);
    lzfDecompress(out, 7, n, back, 4, bytes.length);
    expect(Buffer.compare(back.subarray(4, 4 + bytes.length), bytes), note).toBe(0);
    expect(back[3], note).toBe(0xee);
    expect(back[4 + bytes.length], note).toBe(0xee);
  }
  expect(compressed).toBeGreaterThan(500);
});

test('ordered bytes become few', () => {
  const lzf = new LzfCompressor();
  const out = new Uint8Array(1000);
  const same = new Uint8Array(1000).fill(65);
  expect(lzf.compress(same, 0, 1000, out, 0, 996)).toBeLessThan(20);
  const words = latin1Bytes('a sentence that is said again and again. '.repeat(20));
  expect(lzf.compress(words, 0, words.length, out, 0, words.length)).toBeLessThan(70);
});

test('damaged bytes', () => {
  const out = new Uint8Array(300);
  for (const [bytes, length] of [
    [[], 1], [[0], 1], [[1, 65], 2], [[0, 65], 2], [[0, 65, 0, 66], 1], [[0x20, 0], 3], [[0, 65, 0x20, 1], 4], [[0, 65, 0x20], 4],
    [[0, 65, 0xe0], 4], [[0, 65, 0xe0, 255], 300], [[0, 65, 0xe0, 255, 0], 200],
  ] as const) {
    expect(() => lzfDecompress(Uint8Array.from(bytes), 0, bytes.length, out, 0, length), JSON.stringify(bytes)).toThrow('LZF');
  }
  lzfDecompress(Uint8Array.from([0, 65, 0x20, 0]), 0, 4, out, 0, 4);
  expect([...out.subarray(0, 4)]).toEqual([65, 65, 65, 65]);
  const random = new SeededRandom();
  for (let round = 0; round < 20000; round++) {
    const bytes = Uint8Array.from({ length: random.below(12) }, () => random.below(256));
    try {
      lzfDecompress(bytes, 0, bytes.length, out, 100, random.below(40));
    } catch (error) {
      expect((error as Error).message, `seed ${random.seed} round ${round}`).toContain('LZF');
    }
  }
});
