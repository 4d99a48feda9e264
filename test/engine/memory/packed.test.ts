/** Packed cells against arrays of strings: every change, with compaction in between and freed cells poisoned. */
import { describe, expect, test } from 'vitest';
import { type Address, Arena, Kind } from '../../../src/engine/memory/arena.ts';
import { Compactor } from '../../../src/engine/memory/compaction.ts';
import { Bytes, Entries, EntryType, NO_EXPIRY } from '../../../src/engine/memory/entries.ts';
import { PackedInts } from '../../../src/engine/memory/packed-intset.ts';
import { PACKED_FIRST, Packed } from '../../../src/engine/memory/packed.ts';
import { latin1Bytes, latin1Slice } from '../../../src/shared/request.ts';

function randomOf(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** An arena whose entries are held in an array, as the keyspace would hold them. */
class Rig {
  readonly arena = new Arena({ poison: true });
  readonly compactor = new Compactor(this.arena);
  readonly entries = new Entries(this.arena);
  readonly packed = new Packed(this.arena, this.compactor, this.entries);
  readonly ints = new PackedInts(this.arena, this.packed);
  readonly refs: Address[] = [];

  constructor() {
    this.compactor.register(Kind.entry, (from, to) => {
      this.refs[this.refs.indexOf(from)] = to;
      this.entries.moved(to);
    });
  }

  addEntry(value: Address): void {
    const key = latin1Bytes(`key${this.refs.length}`);
    const ref = this.entries.create(0, EntryType.hash, key, 0, key.length, 0, NO_EXPIRY, 0);
    this.entries.setValueAddress(ref, value);
    this.refs.push(ref);
  }

  value(n: number): Address {
    return this.entries.valueAddress(this.refs[n]!);
  }

  elements(address: Address): string[] {
    const out: string[] = [];
    const bytes = new Bytes();
    const end = this.packed.usedBytes(address);
    for (let pos = PACKED_FIRST; pos < end;) {
      pos = this.packed.read(address, pos, bytes);
      out.push(latin1Slice(bytes.buf, bytes.off, bytes.off + bytes.len));
    }
    return out;
  }

  integers(address: Address): bigint[] {
    const out: bigint[] = [];
    for (let i = 0; i < this.ints.count(address); i++) {
      this.ints.get(address, i);
      out.push((BigInt(this.ints.hi) << 32n) | BigInt(this.ints.lo >>> 0));
    }
    return out;
  }

  check(): void {
    let cells = 0;
    this.arena.check(() => { cells++; });
    expect(cells).toBe(this.refs.length * 2);
  }
}

function insert(rig: Rig, address: Address, at: number, text: string): Address {
  const bytes = latin1Bytes(text);
  return rig.packed.insert(address, rig.packed.skip(address, PACKED_FIRST, at), bytes, 0, bytes.length);
}

function randomText(random: () => number): string {
  const kind = random();
  const length = kind < 0.8 ? Math.floor(random() * 30) : kind < 0.9 ? 250 + Math.floor(random() * 10) : Math.floor(random() * 2000);
  return String.fromCharCode(97 + Math.floor(random() * 26)).repeat(length);
}

describe('packed elements', () => {
  test('lengths around the one-byte limit', () => {
    const rig = new Rig();
    let cell = rig.packed.create(0);
    const texts = [0, 1, 253, 254, 255, 65535, 65536, 70000].map((n) => 'x'.repeat(n));
    for (const [i, text] of texts.entries()) cell = insert(rig, cell, i, text);
    expect(rig.elements(cell)).toEqual(texts);
    rig.packed.check(cell);
    for (const text of texts) {
      const pos = rig.packed.find(cell, latin1Bytes(text), 0, text.length, 1);
      expect(rig.packed.skip(cell, pos, 1) - pos).toBe(text.length + (text.length < 254 ? 1 : 5));
    }
  });

  test('find looks at every stride-th element only', () => {
    const rig = new Rig();
    let cell = rig.packed.create(0);
    for (const [i, text] of ['a', 'b', 'b', 'a', 'c', 'c'].entries()) cell = insert(rig, cell, i, text);
    const b = latin1Bytes('b');
    expect(rig.packed.find(cell, b, 0, 1, 2)).toBe(rig.packed.skip(cell, PACKED_FIRST, 2));
    expect(rig.packed.find(cell, b, 0, 1, 1)).toBe(rig.packed.skip(cell, PACKED_FIRST, 1));
    expect(rig.packed.find(cell, latin1Bytes('d'), 0, 1, 1)).toBe(-1);
    expect(rig.packed.positions(cell, 2)).toBe(3);
    expect([...rig.packed.table.subarray(0, 3)]).toEqual([0, 2, 4].map((n) => rig.packed.skip(cell, PACKED_FIRST, n)));
  });

  test('a cell given room in advance keeps it while it fills', () => {
    const rig = new Rig();
    let cell = rig.packed.create(400);
    const first = cell;
    for (let i = 0; i < 20; i++) cell = insert(rig, cell, i, 'x'.repeat(19));
    expect(cell).toBe(first);
    expect(rig.packed.reserve(cell, 1000)).not.toBe(first);
  });

  test('a cell shrinks when it empties', () => {
    const rig = new Rig();
    let cell = rig.packed.create(0);
    for (let i = 0; i < 100; i++) cell = insert(rig, cell, i, 'x'.repeat(50));
    const full = rig.arena.cellBytes(cell);
    cell = rig.packed.remove(cell, PACKED_FIRST, 95);
    expect(rig.arena.cellBytes(cell)).toBeLessThan(full / 10);
    expect(rig.elements(cell).length).toBe(5);
  });

  for (const seed of [1, 2, 3]) {
    test(`random changes equal an array's, with compaction in between; seed ${seed}`, () => {
      const random = randomOf(seed);
      const rig = new Rig();
      const models: string[][] = [];
      for (let n = 0; n < 200; n++) {
        rig.addEntry(rig.packed.create(0));
        models.push([]);
      }
      for (let step = 0; step < 20000; step++) {
        const n = Math.floor(random() * models.length);
        const model = models[n]!;
        // Phases of growth and of shrinking, so that slabs become sparse.
        const grow = Math.floor(step / 4000) % 2 === 0 ? 0.6 : 0.25;
        const at = Math.floor(random() * (model.length + 1));
        const value = rig.value(n);
        const pos = rig.packed.skip(value, PACKED_FIRST, at);
        const what = random();
        if (what < grow || model.length === 0) {
          const one = randomText(random);
          const two = randomText(random);
          if (random() < 0.5) {
            const bytes = latin1Bytes(one);
            rig.packed.insert(value, pos, bytes, 0, bytes.length);
            model.splice(at, 0, one);
          } else {
            rig.packed.insertPair(value, pos, latin1Bytes(one), 0, one.length, latin1Bytes(two), 0, two.length);
            model.splice(at, 0, one, two);
          }
        } else if (what < 0.85) {
          const count = Math.min(model.length - at, 1 + Math.floor(random() * 4));
          rig.packed.remove(value, pos, count);
          model.splice(at, count);
        } else if (at < model.length) {
          model[at] = randomText(random);
          rig.packed.replace(value, pos, latin1Bytes(model[at]), 0, model[at].length);
        }
        if (step % 16 === 0) rig.compactor.step(64);
        expect(rig.packed.count(rig.value(n))).toBe(model.length);
        if (step % 1000 !== 999) continue;
        rig.check();
        for (const [i, each] of models.entries()) {
          rig.packed.check(rig.value(i));
          expect(rig.elements(rig.value(i))).toEqual(each);
        }
      }
    });
  }
});

test('entries find their cells after compaction has moved both', () => {
  const rig = new Rig();
  for (let n = 0; n < 10000; n++) {
    let cell = n % 2 === 0 ? rig.packed.create(0) : rig.ints.create();
    if (n % 2 === 0) cell = insert(rig, insert(rig, cell, 0, `member${n}`), 1, 'x'.repeat(n % 40));
    else cell = rig.ints.add(rig.ints.add(cell, 0, n), 7, n);
    rig.addEntry(cell);
  }
  const kept: [Address, number][] = [];
  for (const [n, ref] of rig.refs.entries()) {
    if (n % 7 === 0) kept.push([ref, n]);
    else {
      rig.packed.free(rig.entries.valueAddress(ref));
      rig.entries.free(ref);
    }
  }
  rig.refs.splice(0, rig.refs.length, ...kept.map(([ref]) => ref));
  while (rig.compactor.step(1000));
  expect(rig.compactor.moved).toBeGreaterThan(1000);
  rig.check();
  for (const [i, [, n]] of kept.entries()) {
    if (n % 2 === 0) expect(rig.elements(rig.value(i))).toEqual([`member${n}`, 'x'.repeat(n % 40)]);
    else expect(rig.integers(rig.value(i))).toEqual([BigInt(n), (7n << 32n) | BigInt(n)]);
    // A growing cell tells its entry, and the entry's cell knows its owner: both were moved before.
    const grown = n % 2 === 0 ? insert(rig, rig.value(i), 0, 'y'.repeat(200)) : rig.ints.add(rig.value(i), -9, 1);
    expect(rig.value(i)).toBe(grown);
  }
  rig.check();
});

describe('packed integers', () => {
  test('widths grow, and the ends of 64 bits are exact', () => {
    const rig = new Rig();
    rig.addEntry(rig.ints.create());
    const values = [
      0n, -1n, 32767n, -32768n, 32768n, -32769n, 2147483647n, -2147483648n, 2147483648n, -2147483649n,
      9007199254740993n, 9007199254740992n, -9007199254740993n, 9223372036854775807n, -9223372036854775808n, 4294967295n, 4294967296n,
    ];
    for (const [n, v] of values.entries()) {
      const before = rig.value(0);
      const hi = Number(v >> 32n);
      const lo = Number(BigInt.asIntN(32, v));
      expect(rig.ints.find(before, hi, lo)).toBe(false);
      rig.ints.add(before, hi, lo);
      expect(rig.ints.find(rig.value(0), hi, lo)).toBe(true);
      rig.ints.check(rig.value(0));
      expect(rig.integers(rig.value(0))).toEqual(values.slice(0, n + 1).sort((a, b) => (a < b ? -1 : 1)));
    }
    expect(() => rig.ints.add(rig.value(0), 0, 0)).toThrow('added twice');
  });

  for (const seed of [4, 5]) {
    test(`random changes equal a set's; seed ${seed}`, () => {
      const random = randomOf(seed);
      const rig = new Rig();
      const models: Set<bigint>[] = [];
      for (let n = 0; n < 100; n++) {
        rig.addEntry(rig.ints.create());
        models.push(new Set());
      }
      for (let step = 0; step < 20000; step++) {
        const n = Math.floor(random() * models.length);
        const model = models[n]!;
        const bits = 4n + BigInt(Math.floor(random() * (n % 60)));
        const v = BigInt.asIntN(Number(bits), BigInt(Math.floor(random() * 2 ** 32)) | (BigInt(Math.floor(random() * 2 ** 32)) << 32n));
        const hi = Number(v >> 32n);
        const lo = Number(BigInt.asIntN(32, v));
        const has = rig.ints.find(rig.value(n), hi, lo);
        expect(has).toBe(model.has(v));
        if (!has) {
          rig.ints.add(rig.value(n), hi, lo);
          model.add(v);
        } else {
          rig.ints.removeAt(rig.value(n), rig.ints.index);
          model.delete(v);
        }
        if (random() < (Math.floor(step / 5000) % 2) * 0.7 && model.size > 0) {
          const i = Math.floor(random() * model.size);
          model.delete([...model].sort((a, b) => (a < b ? -1 : 1))[i]!);
          rig.ints.removeAt(rig.value(n), i);
        }
        if (step % 16 === 0) rig.compactor.step(64);
        if (step % 1000 !== 999) continue;
        rig.check();
        for (const [i, each] of models.entries()) {
          rig.ints.check(rig.value(i));
          expect(rig.integers(rig.value(i))).toEqual([...each].sort((a, b) => (a < b ? -1 : 1)));
        }
      }
    });
  }
});
