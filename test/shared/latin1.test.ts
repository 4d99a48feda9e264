/** Strings of one character a byte: the runtime's way, ours without it, and the cache that scripts have. */
import { expect, test } from 'vitest';
import { recentString } from '../../src/scripting/recent-strings.ts';
import { composeLatin1, latin1Bytes, latin1Slice } from '../../src/shared/request.ts';

const bytes = Uint8Array.from({ length: 10_000 }, (_, i) => (i * 7 + (i >> 8)) & 255);
const ways = { latin1Slice, composeLatin1, recentString: (buf: Uint8Array, start: number, end: number) => recentString(buf, start, end - start) };

test.each(Object.entries(ways))('%s gives every byte as it is, of any part and length', (_, slice) => {
  for (const [start, end] of [[0, 0], [3, 4], [0, 256], [1, 41], [5, 46], [0, 10_000], [4000, 9000]] as const) {
    const text = slice(bytes, start, end);
    expect(text.length).toBe(end - start);
    expect(latin1Bytes(text)).toEqual(bytes.slice(start, end));
  }
});

test('recent strings are told apart, whatever place of the cache they share', () => {
  const buf = new Uint8Array(4);
  for (let round = 0; round < 2; round++) {
    for (let n = 0; n < 50_000; n++) {
      buf.fill(n & 255, 0, 1).fill(n >> 8, 1, 2).fill(n % 3, 2, 3);
      const length = 2 + (n & 1);
      expect(recentString(buf, 0, length) === composeLatin1(buf, 0, length)).toBe(true);
    }
  }
});
