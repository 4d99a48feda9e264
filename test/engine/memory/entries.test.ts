/** Entries: keys, values, expiries and their layouts, by themselves. */
import { describe, expect, test } from 'vitest';
import { type Address, Arena, Kind } from '../../../src/engine/memory/arena.ts';
import { Bytes, Entries, EntryType, NO_EXPIRY } from '../../../src/engine/memory/entries.ts';
import { latin1Bytes, latin1Slice } from '../../../src/shared/request.ts';

class Rig {
  readonly arena = new Arena({ poison: true });
  readonly entries = new Entries(this.arena);
  readonly #bytes = new Bytes();

  create(key: string, value: string, expireAtMs: number = NO_EXPIRY, db = 0): Address {
    const bytes = latin1Bytes(key);
    const ref = this.entries.create(db, EntryType.string, bytes, 0, bytes.length, value.length, expireAtMs, 12345);
    this.setValue(ref, value);
    return ref;
  }

  setValue(ref: Address, value: string): void {
    this.entries.value(ref, this.#bytes);
    expect(this.#bytes.len).toBe(value.length);
    this.#bytes.buf.set(latin1Bytes(value), this.#bytes.off);
  }

  key(ref: Address): string {
    this.entries.key(ref, this.#bytes);
    return latin1Slice(this.#bytes.buf, this.#bytes.off, this.#bytes.off + this.#bytes.len);
  }

  value(ref: Address): string {
    this.entries.value(ref, this.#bytes);
    return latin1Slice(this.#bytes.buf, this.#bytes.off, this.#bytes.off + this.#bytes.len);
  }
}

describe('an entry', () => {
  // Keys on both sides of the length that stands in the header, values from nothing to a run of pages.
  test.each([0, 1, 16, 253, 254, 255, 256, 70_000])('with a key of %i bytes', (length) => {
    const rig = new Rig();
    const key = 'k'.repeat(length);
    for (const value of ['', 'v', 'v'.repeat(100), 'v'.repeat(300_000)]) {
      for (const expireAtMs of [NO_EXPIRY, 0, 1, 2 ** 32 - 1, 2 ** 32, 1_700_000_000_000, Number.MAX_SAFE_INTEGER]) {
        const ref = rig.create(key, value, expireAtMs, 65_535);
        expect([rig.key(ref) === key, rig.value(ref) === value, rig.entries.expireAtMs(ref)]).toEqual([true, true, expireAtMs]);
        expect([rig.entries.db(ref), rig.entries.type(ref), rig.entries.lru(ref), rig.entries.isRaw(ref)]).toEqual([65_535, EntryType.string, 12345, false]);
        rig.entries.free(ref);
      }
    }
    expect(rig.arena.liveCells).toBe(0);
  });

  test('keeps flags, type, encoding and LRU clock apart', () => {
    const rig = new Rig();
    const ref = rig.create('key', 'value', 5, 3);
    rig.entries.setLru(ref, 0xffffff);
    rig.entries.setRaw(ref);
    expect([rig.entries.lru(ref), rig.entries.isRaw(ref), rig.key(ref), rig.entries.db(ref)]).toEqual([0xffffff, true, 'key', 3]);
    rig.entries.setTypeAndEncoding(ref, EntryType.stream, 7);
    expect([rig.entries.type(ref), rig.entries.encoding(ref), rig.entries.isRaw(ref), rig.entries.expireAtMs(ref), rig.entries.db(ref)]).toEqual([5, 7, false, 5, 3]);
    expect(rig.arena.kind(ref)).toBe(Kind.entry);
    rig.entries.setLru(ref, 1);
    expect([rig.entries.lru(ref), rig.key(ref)]).toEqual([1, 'key']);
  });

  test('takes a value in place where it fits without wasting a quarter of the cell', () => {
    const rig = new Rig();
    const ref = rig.create('0123456789abcdef', 'x'.repeat(100));
    const cell = rig.arena.cellBytes(ref);
    // Header of 12 bytes and the key of 16: 100 bytes of 128.
    expect(cell).toBe(128);
    expect([100, 99, 72].map((bytes) => rig.entries.fits(ref, bytes))).toEqual([true, true, true]);
    expect([101, 200, 60, 0].map((bytes) => rig.entries.fits(ref, bytes))).toEqual([false, false, false, false]);
    rig.entries.setValueLength(ref, 80);
    rig.setValue(ref, 'y'.repeat(80));
    expect(rig.value(ref)).toBe('y'.repeat(80));
    expect(rig.arena.cellBytes(ref)).toBe(cell);
  });

  test('moves when it gets its first expiry or loses it, and stays when the expiry changes', () => {
    const rig = new Rig();
    const first = rig.create('k'.repeat(300), 'value', NO_EXPIRY, 2);
    rig.entries.setRaw(first);
    const second = rig.entries.setExpiry(first, 1_700_000_000_000);
    expect(second).not.toBe(first);
    expect(rig.entries.setExpiry(second, 5)).toBe(second);
    expect(rig.entries.expireAtMs(second)).toBe(5);
    const third = rig.entries.setExpiry(second, NO_EXPIRY);
    expect([rig.key(third), rig.value(third), rig.entries.expireAtMs(third)]).toEqual(['k'.repeat(300), 'value', NO_EXPIRY]);
    expect([rig.entries.isRaw(third), rig.entries.db(third), rig.entries.lru(third)]).toEqual([true, 2, 12345]);
    expect(rig.entries.setExpiry(third, NO_EXPIRY)).toBe(third);
    expect(rig.arena.liveCells).toBe(1);
  });

  test('of a collection is known to the collection\'s cell wherever it moves', () => {
    const rig = new Rig();
    const key = latin1Bytes('key');
    const cell = rig.arena.alloc(64, Kind.packed);
    const owner = (): number => rig.arena.i32[0]![cell * 2 + 1]!;
    const ref = rig.entries.create(0, EntryType.hash, key, 0, key.length, 0, NO_EXPIRY, 0);
    rig.entries.setValueAddress(ref, cell);
    expect([rig.entries.valueAddress(ref), owner()]).toEqual([cell, ref]);
    const moved = rig.entries.setExpiry(ref, 7);
    expect([rig.entries.valueAddress(moved), owner()]).toEqual([cell, moved]);
    const copy = rig.arena.copyCell(moved);
    rig.entries.moved(copy);
    expect(owner()).toBe(copy);
  });
});
