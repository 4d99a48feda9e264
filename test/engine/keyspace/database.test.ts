/** Databases and their keyspace against Maps: strings, expiries, moves, slots, walks, whole databases, and where effects are applied. */
import { describe, expect, test } from 'vitest';
import { KEEP_EXPIRY } from '../../../src/engine/keyspace/database.ts';
import { Bytes, NO_EXPIRY } from '../../../src/engine/memory/entries.ts';
import { SLOT_COUNT, slotOf } from '../../../src/shared/hash.ts';
import { latin1Bytes, latin1Slice } from '../../../src/shared/request.ts';
import { EngineRig, randomOf } from '../engine-rig.ts';

interface Model { value: string; expireAtMs: number }

class World {
  readonly rig: EngineRig;
  readonly random: () => number;
  readonly models = [0, 1, 2, 3].map(() => new Map<string, Model>());
  readonly #bytes = new Bytes();

  constructor(seed: number) {
    this.rig = new EngineRig(seed);
    this.random = randomOf(seed);
  }

  get keyspace(): EngineRig['engine']['keyspace'] {
    return this.rig.engine.keyspace;
  }

  below(n: number): number {
    return Math.floor(this.random() * n);
  }

  /** A key, many of them in few slots. */
  key(): string {
    return this.below(2) === 0 ? `{${this.below(3)}}:${this.below(400)}` : `key:${this.below(400)}`;
  }

  set(n: number, key: string, value: string, expireAtMs: number): void {
    const [k, v] = [latin1Bytes(key), latin1Bytes(value)];
    this.keyspace.databases[n]!.setString(k, 0, k.length, v, 0, v.length, expireAtMs);
    const before = this.models[n]!.get(key)?.expireAtMs ?? NO_EXPIRY;
    this.models[n]!.set(key, { value, expireAtMs: expireAtMs === KEEP_EXPIRY ? before : expireAtMs });
  }

  ref(n: number, key: string): number {
    return this.keyspace.databases[n]!.peekRaw(latin1Bytes(key), 0, key.length);
  }

  /** Keeps a prefix of the value and appends to it. */
  resize(n: number, key: string): void {
    const model = this.models[n]!.get(key);
    const keep = Math.min(model?.value.length ?? 0, this.below(200));
    const tail = 'r'.repeat(this.below(300));
    const k = latin1Bytes(key);
    const ref = this.keyspace.databases[n]!.resizeString(k, 0, k.length, keep + tail.length, keep);
    this.keyspace.entries.value(ref, this.#bytes);
    this.#bytes.buf.set(latin1Bytes(tail), this.#bytes.off + keep);
    this.models[n]!.set(key, { value: (model?.value ?? '').slice(0, keep) + tail, expireAtMs: model?.expireAtMs ?? NO_EXPIRY });
  }

  move(n: number, key: string, m: number, to: string): void {
    const ref = this.ref(n, key);
    if (ref === 0 || this.ref(m, to) !== 0) return;
    const [from, target] = [this.keyspace.databases[n]!, this.keyspace.databases[m]!];
    const k = latin1Bytes(to);
    from.moveTo(ref, target, k, 0, k.length);
    const model = this.models[n]!.get(key)!;
    this.models[n]!.delete(key);
    this.models[m]!.set(to, model);
  }

  step(): void {
    const n = this.below(4);
    const key = this.key();
    const what = this.random();
    const db = this.keyspace.databases[n]!;
    if (what < 0.35) this.set(n, key, 'v'.repeat(this.below(200)), [NO_EXPIRY, KEEP_EXPIRY, 2e12 + this.below(1e6)][this.below(3)]!);
    else if (what < 0.5) this.resize(n, key);
    else if (what < 0.7) {
      expect(db.remove(latin1Bytes(key), 0, key.length)).toBe(this.models[n]!.delete(key));
    } else if (what < 0.85) {
      const ref = this.ref(n, key);
      if (ref === 0) return;
      const expireAtMs = this.below(3) === 0 ? NO_EXPIRY : 2e12 + this.below(1e6);
      db.setExpiry(ref, expireAtMs);
      this.models[n]!.get(key)!.expireAtMs = expireAtMs;
    } else if (what < 0.95) this.move(n, key, this.below(4), this.key());
    else if (what < 0.996) this.keyspace.compactor.step(this.below(300));
    else if (what < 0.998) {
      const m = this.below(4);
      this.keyspace.swap(db, this.keyspace.databases[m]!);
      [this.models[n], this.models[m]] = [this.models[m]!, this.models[n]!];
    } else if (what < 0.9995) {
      expect(this.keyspace.flush(db)).toBe(this.models[n]!.size);
      this.models[n]!.clear();
    } else this.keyspace.lazyFreeStep(this.below(100));
  }

  check(): void {
    this.rig.check();
    for (const [n, model] of this.models.entries()) {
      const db = this.keyspace.databases[n]!;
      expect(db.number).toBe(n);
      expect(db.size).toBe(model.size);
      expect(db.expires).toBe([...model.values()].filter(({ expireAtMs }) => expireAtMs !== NO_EXPIRY).length);
      const perSlot = new Int32Array(SLOT_COUNT);
      for (const [key, { value, expireAtMs }] of model) {
        const bytes = latin1Bytes(key);
        perSlot[slotOf(bytes, 0, bytes.length)]!++;
        const ref = this.ref(n, key);
        if (ref === 0) expect.fail(`${n}:${key} is missing`);
        this.keyspace.entries.value(ref, this.#bytes);
        const actual = latin1Slice(this.#bytes.buf, this.#bytes.off, this.#bytes.off + this.#bytes.len);
        if (actual !== value || this.keyspace.entries.expireAtMs(ref) !== expireAtMs) expect.fail(`${n}:${key} differs`);
      }
      for (let slot = 0; slot < SLOT_COUNT; slot++) if (db.slotSize(slot) !== perSlot[slot]) expect.fail(`slot ${slot} of ${n}`);
      const refs: number[] = [];
      let cursor = 0;
      do cursor = db.scan(cursor, 50, refs); while (cursor !== 0);
      expect(new Set(refs).size).toBe(model.size);
      expect(db.random(this.random) === 0).toBe(model.size === 0);
    }
  }
}

test.each([81, 82, 83])('random changes of four databases; seed %i', (seed) => {
  const world = new World(seed);
  for (let step = 0; step < 12_000; step++) {
    world.step();
    if (step % 1500 === 1499) world.check();
  }
});

describe('where the log is applied', () => {
  test('nothing expires, is marked or wakes anybody', () => {
    const world = new World(84);
    const { keyspace } = world;
    world.set(0, 'k', 'v', 1);
    world.rig.effects();
    const { hazards } = keyspace;
    hazards.waitFor = 0;
    keyspace.applying = true;
    expect(keyspace.databases[0]!.lookup(latin1Bytes('k'), 0, 1)).not.toBe(0);
    world.set(0, 'l', 'v', NO_EXPIRY);
    keyspace.flush(keyspace.databases[1]!);
    keyspace.applying = false;
    expect(hazards.waitFor).toBe(0);
    expect(world.rig.effects().words).toEqual([]);
    expect(keyspace.databases[0]!.lookup(latin1Bytes('k'), 0, 1)).toBe(0);
    expect(world.rig.effects().words).toEqual([['DEL', 'k']]);
  });
});

test('hits, misses and the LRU clock follow the kind of look', () => {
  const world = new World(85);
  const { keyspace } = world;
  const db = keyspace.databases[0]!;
  world.set(0, 'k', 'v', NO_EXPIRY);
  world.rig.engine.beginTurn(keyspace.nowMs + 50_000);
  const key = latin1Bytes('k');
  const idle = (): number => keyspace.access.idleSeconds(keyspace.entries.lru(world.ref(0, 'k')));
  db.peek(key, 0, 1);
  expect([keyspace.keyspaceHits, keyspace.keyspaceMisses, idle()]).toEqual([0, 0, 50]);
  db.lookupUntouched(key, 0, 1);
  expect([keyspace.keyspaceHits, keyspace.keyspaceMisses, idle()]).toEqual([1, 0, 50]);
  keyspace.noTouch = true;
  db.lookup(key, 0, 1);
  db.lookupWrite(key, 0, 1);
  expect([keyspace.keyspaceHits, idle()]).toEqual([2, 50]);
  keyspace.noTouch = false;
  db.lookup(key, 0, 1);
  db.lookup(latin1Bytes('x'), 0, 1);
  expect([keyspace.keyspaceHits, keyspace.keyspaceMisses, idle()]).toEqual([3, 1, 0]);
});
