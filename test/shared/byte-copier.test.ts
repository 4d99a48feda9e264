/** Copied bytes are the source's own, and none beside them is touched: whether or not the source has a view, whatever length and place. */
import { expect, test } from 'vitest';
import { ByteCopier, viewOf } from '../../src/shared/byte-copier.ts';

const ROOM = 16;

/** Copies once, into an array of marks, and compares every byte. */
function check(copier: ByteCopier, source: Uint8Array, off: number, at: number, len: number): void {
  const target = new Uint8Array(at + len + ROOM).fill(0xaa);
  copier.copy(source, off, target, viewOf(target), at, len);
  const expected = new Uint8Array(at + len + ROOM).fill(0xaa);
  expected.set(source.subarray(off, off + len), at);
  if (Buffer.compare(target, expected) !== 0) expect([off, at, len, target]).toEqual([off, at, len, expected]);
}

/** Bytes of all kinds, in the middle of a larger buffer. */
function bytes(length: number, seed: number): Uint8Array {
  const array = new Uint8Array(new ArrayBuffer(length + 24), 5, length);
  for (let i = 0; i < length; i++) array[i] = (i * 151 + (i >> 3) * seed) & 255;
  return array;
}

test('every length, again and again from one source, to every alignment', () => {
  const copier = new ByteCopier();
  const source = bytes(700, 3);
  for (let len = 0; len <= 600; len++) for (let shift = 0; shift < 9; shift++) check(copier, source, 8 - shift + (len % 5), shift, len);
});

test('sources that take turns are not mistaken for each other', () => {
  const copier = new ByteCopier();
  const sources = [bytes(500, 3), bytes(500, 7), bytes(500, 11)];
  // In rows of one to five, so that views come and go.
  for (let round = 0; round < 400; round++) {
    const source = sources[(round * 7 + (round >> 2)) % 3]!;
    for (let n = 0; n <= round % 5; n++) check(copier, source, (round * 13 + n) % 90, round % 9, 24 + ((round * 29 + n) % 350));
    if (round % 50 === 49) copier.forget();
  }
});

test('a source is read as it is now', () => {
  const copier = new ByteCopier();
  const source = bytes(64, 5);
  for (let n = 0; n < 10; n++) {
    source.fill(n);
    check(copier, source, 3, 2, 40);
  }
});
