import { describe, expect, test } from 'vitest';
import { hashBytes, hashKey, hashedKey, slotOf } from '../../src/shared/hash.ts';
import { latin1Bytes } from '../../src/shared/request.ts';
import { SeededRandom } from '../protocol/seeded-random.ts';

/** Slot and hash in one pass, of `key` behind other bytes. */
function both(key: string, seed: number): { slot: number; hash: number } {
  hashKey(latin1Bytes(`{x}${key}{`), 3, key.length, seed);
  return { ...hashedKey };
}

describe('hashes of keys', () => {
  test('slots are those of the Cluster specification', () => {
    expect(both('123456789', 0).slot).toBe(0x31c3 & 16383);
    expect(both('foo{hash_tag}', 0).slot).toBe(2515);
    expect(both('{user1000}.following', 0).slot).toBe(both('user1000', 0).slot);
  });

  test.each([1, 2, 3])('one pass finds what two find; seed %i', (seed) => {
    const random = new SeededRandom(seed);
    for (let n = 0; n < 5000; n++) {
      // Bytes next to a brace, and such as borrow from their neighbours, come up often.
      const bytes = Uint8Array.from({ length: random.below(24) }, () => (random.below(3) === 0 ? 122 + random.below(4) : random.below(256)));
      hashKey(bytes, 0, bytes.length, seed);
      expect(hashedKey, bytes.join()).toEqual({ slot: slotOf(bytes, 0, bytes.length), hash: hashBytes(bytes, 0, bytes.length, seed) });
    }
  });
});
