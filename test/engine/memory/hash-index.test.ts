/** The hash index against a Map: from nothing over one segment to a directory and back, with compaction and colliding keys. */
import { describe, expect, test } from 'vitest';
import { type Address, Arena, CHUNK_MASK, CHUNK_SHIFT, Kind } from '../../../src/engine/memory/arena.ts';
import { Compactor } from '../../../src/engine/memory/compaction.ts';
import { HASH_END, HashIndex } from '../../../src/engine/memory/hash-index.ts';
import { KeyLocator, ROOT_INDEX, SHAPE_SET, allocElement } from '../../../src/engine/memory/records.ts';
import { latin1Bytes } from '../../../src/shared/request.ts';
import { randomOf } from '../engine-rig.ts';

class Rig {
  readonly arena = new Arena({ poison: true });
  readonly compactor = new Compactor(this.arena);
  readonly index: HashIndex;
  readonly root = this.arena.allocPinned(Kind.root);
  readonly model = new Map<string, Address>();
  readonly #locator = new KeyLocator(this.arena);

  constructor(seed = 1) {
    this.index = new HashIndex(this.arena, this.compactor, seed);
    this.compactor.register(Kind.element, (from, to) => {
      this.#locator.locate(to);
      const { buf, off, len } = this.#locator;
      this.index.replace(this.ref, this.index.hash(buf, off, len), from, to);
      this.model.set(String.fromCharCode(...buf.subarray(off, off + len)), to);
    });
  }

  get ref(): Address {
    return this.arena.i32[this.root >>> CHUNK_SHIFT]![((this.root & CHUNK_MASK) << 1) + ROOT_INDEX]!;
  }

  set ref(ref: Address) {
    this.arena.i32[this.root >>> CHUNK_SHIFT]![((this.root & CHUNK_MASK) << 1) + ROOT_INDEX] = ref;
  }

  hash(key: string): number {
    return this.index.hash(latin1Bytes(key), 0, key.length);
  }

  add(key: string): void {
    const bytes = latin1Bytes(key);
    const address = allocElement(this.arena, SHAPE_SET, this.root, bytes, 0, bytes.length, 0);
    this.ref = this.index.insert(this.ref, this.hash(key), address, this.root, 0);
    this.model.set(key, address);
  }

  remove(key: string): void {
    const address = this.model.get(key)!;
    this.ref = this.index.remove(this.ref, this.hash(key), address);
    this.arena.free(address);
    this.model.delete(key);
  }

  find(key: string): Address {
    return this.index.find(this.ref, this.hash(key), latin1Bytes(key), 0, key.length);
  }

  /** Structure, contents both ways, and that the arena holds nothing else. */
  check(): void {
    this.index.check(this.ref);
    expect(this.index.count(this.ref)).toBe(this.model.size);
    const all: Address[] = [];
    expect(this.index.scan(this.ref, 0, HASH_END, all)).toBe(HASH_END);
    expect(all.length).toBe(this.model.size);
    expect(new Set(all)).toEqual(new Set(this.model.values()));
    for (const [key, address] of this.model) if (this.find(key) !== address) expect.fail(`${key} is not found`);
    let cells = this.model.size + 1;
    this.index.eachCell(this.ref, () => { cells++; });
    this.arena.check(() => undefined);
    expect(this.arena.liveCells).toBe(cells);
  }
}

describe('a hash index', () => {
  test('of nothing is 0 and finds nothing', () => {
    const rig = new Rig();
    expect([rig.ref, rig.index.count(0), rig.find('x'), rig.index.random(0, () => 0.5)]).toEqual([0, 0, 0, 0]);
    rig.add('x');
    expect(rig.index.random(rig.ref, () => 0)).toBe(rig.model.get('x'));
    rig.remove('x');
    expect(rig.ref).toBe(0);
    expect(rig.arena.liveCells).toBe(1);
  });

  test('grows from one segment to a directory and back to nothing, keys of any length', () => {
    const rig = new Rig();
    const keys = Array.from({ length: 20_000 }, (_, n) => `${n}:${'x'.repeat(n % 97 === 0 ? n % 1000 : n % 20)}`);
    for (const [n, key] of keys.entries()) {
      rig.add(key);
      if (n === 800) expect(rig.arena.kind(rig.ref)).toBe(Kind.segment);
      if (n % 2500 === 0) rig.check();
    }
    expect(rig.arena.kind(rig.ref)).toBe(Kind.directory);
    // Two words a pair, at least 7/10 of the places in use.
    expect(rig.index.bytes(rig.ref)).toBeLessThan((keys.length * 8) / 0.6);
    for (const key of keys.slice(0, 100)) expect(rig.find(`${key}!`)).toBe(0);
    for (const [n, key] of keys.entries()) {
      rig.remove(key);
      if (n % 2500 === 0) rig.check();
      if (n === 19_900) expect(rig.arena.kind(rig.ref)).toBe(Kind.segment);
    }
    expect(rig.ref).toBe(0);
    expect(rig.arena.liveCells).toBe(1);
  });

  test.each([61, 62, 63])('random changes beside a Map, with compaction in between; seed %i', (seed) => {
    const random = randomOf(seed);
    const below = (n: number): number => Math.floor(random() * n);
    const rig = new Rig(seed);
    for (let step = 0; step < 40_000; step++) {
      const grow = [0.8, 0.5, 0.2, 0.6][Math.floor(step / 5000) % 4]!;
      const key = `k${below(30_000)}`;
      const there = rig.model.has(key);
      expect(rig.find(key) !== 0).toBe(there);
      if (!there && random() < grow) rig.add(key);
      else if (there && random() > grow) rig.remove(key);
      else if (rig.model.size > 0 && random() > grow) rig.remove(rig.model.keys().next().value!);
      if (step % 25 === 0) rig.compactor.step(below(300));
      if (step % 4000 === 3999) rig.check();
    }
    rig.check();
  });

  test('a walk in pieces shows every key that stays once, in the order of hashes, whatever comes and goes', () => {
    const random = randomOf(64);
    const rig = new Rig(64);
    const staying = new Set(Array.from({ length: 2000 }, (_, n) => `stay${n}`));
    for (const key of staying) rig.add(key);
    const locator = new KeyLocator(rig.arena);
    const seen: string[] = [];
    let others = 0;
    for (let at = 0, piece = 0; at < HASH_END; piece++) {
      const out: Address[] = [];
      const next = rig.index.scan(rig.ref, at, 1 + Math.floor(random() * 30), out);
      expect(next).toBeGreaterThan(at);
      for (const address of out) {
        locator.locate(address);
        const key = String.fromCharCode(...locator.buf.subarray(locator.off, locator.off + locator.len));
        expect(rig.hash(key) >>> 0).toBeGreaterThanOrEqual(at);
        expect(rig.hash(key) >>> 0).toBeLessThan(next);
        seen.push(key);
      }
      at = next;
      // Twenty pieces of growth, twenty of shrinking.
      for (let n = 0; n < 150; n++) {
        if (piece % 40 < 20) rig.add(`other${others++}`);
        else for (const key of rig.model.keys()) {
          if (!key.startsWith('other')) continue;
          rig.remove(key);
          break;
        }
      }
      rig.compactor.step(100);
    }
    const count = new Map<string, number>();
    for (const key of seen) count.set(key, (count.get(key) ?? 0) + 1);
    for (const key of staying) expect(count.get(key), key).toBe(1);
    rig.check();
  });

  test('random choices are uniform over segments of different fill', () => {
    const random = randomOf(65);
    const rig = new Rig(65);
    for (let n = 0; n < 3000; n++) rig.add(`k${n}`);
    // Thin out one half of the hashes: its segments are emptier.
    for (const key of [...rig.model.keys()]) if (rig.hash(key) >>> 31 === 0 && random() < 0.7) rig.remove(key);
    const drawn = new Map<Address, number>();
    const draws = rig.model.size * 100;
    for (let n = 0; n < draws; n++) {
      const address = rig.index.random(rig.ref, random);
      drawn.set(address, (drawn.get(address) ?? 0) + 1);
    }
    expect(drawn.size).toBe(rig.model.size);
    let chi = 0;
    for (const times of drawn.values()) chi += (times - 100) ** 2 / 100;
    // Chi square with n degrees of freedom: mean n, deviation sqrt(2n).
    expect(Math.abs(chi - rig.model.size)).toBeLessThan(6 * Math.sqrt(2 * rig.model.size));
  });

  test('thousands of records under one hash neither split for ever nor get lost', () => {
    const rig = new Rig();
    const hash = 0x12345678;
    const addresses: Address[] = [];
    for (let n = 0; n < 3000; n++) {
      const key = latin1Bytes(`k${n}`);
      const address = allocElement(rig.arena, SHAPE_SET, rig.root, key, 0, key.length, 0);
      rig.ref = rig.index.insert(rig.ref, hash, address, rig.root, 0);
      addresses.push(address);
    }
    for (const [n, address] of addresses.entries()) expect(rig.index.find(rig.ref, hash, latin1Bytes(`k${n}`), 0, `k${n}`.length)).toBe(address);
    const all: Address[] = [];
    // A walk never ends within one hash.
    expect(rig.index.scan(rig.ref, 0, 5, all)).toBeGreaterThan(hash);
    expect(all.length).toBe(3000);
    for (const address of addresses) {
      rig.ref = rig.index.remove(rig.ref, hash, address);
      rig.arena.free(address);
    }
    expect(rig.ref).toBe(0);
    expect(rig.arena.liveCells).toBe(1);
  });

  test('that is given up is taken apart piece by piece, while compaction moves what is left', () => {
    const rig = new Rig(66);
    for (let n = 0; n < 12_000; n++) rig.add(`k${n}`);
    const ref = rig.ref;
    let at = 0;
    let freed = 0;
    let pieces = 0;
    while (at < HASH_END) {
      const out: Address[] = [];
      at = rig.index.drain(rig.ref, at, out);
      for (const address of out) rig.arena.free(address);
      freed += out.length;
      pieces++;
      if (at < HASH_END) rig.compactor.step(200);
    }
    expect(freed).toBe(12_000);
    expect(pieces).toBeGreaterThan(10);
    expect(ref).not.toBe(0);
    expect(rig.arena.liveCells).toBe(1);
    rig.arena.check(() => undefined);
  });

  test.each<[string, (rig: Rig, i32: Int32Array, w: number) => void, RegExp]>([
    ['a count', (_rig, i32, w) => { i32[w + 2]!++; }, /counts wrongly/],
    ['two pairs exchanged', (_rig, i32, w) => {
      const pairs: number[] = [];
      for (let p = w + 8; pairs.length < 2; p += 2) if (i32[p + 1] !== 0) pairs.push(p);
      const [a, b] = pairs as [number, number];
      [i32[a], i32[b]] = [i32[b]!, i32[a]!];
    }, /not in order|before its home|not that of its key/],
  ])('the checker finds %s that is wrong', (_name, damage, message) => {
    const rig = new Rig();
    for (let n = 0; n < 100; n++) rig.add(`k${n}`);
    damage(rig, rig.arena.i32[rig.ref >>> CHUNK_SHIFT]!, (rig.ref & CHUNK_MASK) << 1);
    expect(() => { rig.index.check(rig.ref); }).toThrow(message);
  });
});
