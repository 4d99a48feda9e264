/** SHA-1 against node's, for all lengths around the edges of blocks. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { sha1, sha1Hex } from '../../src/shared/sha1.ts';
import { latin1Bytes } from '../../src/shared/request.ts';

test('known values', () => {
  expect(sha1Hex(new Uint8Array(0), 0, 0)).toBe('da39a3ee5e6b4b0d3255bfef95601890afd80709');
  expect(sha1Hex(latin1Bytes('abc'), 0, 3)).toBe('a9993e364706816aba3e25717850c26c9cd0d89d');
});

test('every length up to three blocks, at an offset', () => {
  const buf = Uint8Array.from({ length: 300 }, (_, i) => (i * 167 + 13) & 255);
  for (let len = 0; len <= 192; len++) {
    expect(sha1Hex(buf, 7, len), `${len} bytes`).toBe(createHash('sha1').update(buf.subarray(7, 7 + len)).digest('hex'));
  }
});

test('the result may overwrite what was hashed', () => {
  const buf = latin1Bytes('x'.repeat(100));
  sha1(buf, 0, 100, buf, 3);
  expect([...buf.subarray(3, 23)]).toEqual([...createHash('sha1').update('x'.repeat(100)).digest()]);
  expect(buf[2]).toBe(120);
  expect(buf[23]).toBe(120);
});
