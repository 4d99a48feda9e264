/**
 * Hashes and sets against plain Maps and Sets: random commands with freed cells poisoned, compaction and lazy freeing in
 * between, everything checked, and a replica that is fed the effects alone. HOLDFAST_SOAK multiplies the steps.
 */
import { expect, test } from 'vitest';
import { EngineRig, randomOf } from './engine-rig.ts';
import type { Value } from './recording-reply.ts';

const SOAK = Number(process.env['HOLDFAST_SOAK'] ?? 1);
const STEPS = 6000 * SOAK;

function sorted(value: Value): Value {
  return Array.isArray(value) ? [...value].sort() : value;
}

class World {
  readonly random: () => number;
  readonly primary: EngineRig;
  readonly replica: EngineRig;
  readonly hashes = new Map<string, Map<string, string>>();
  readonly sets = new Map<string, Set<string>>();
  /** How many members a key can have: changes in time, so that collections swell and dwindle. */
  span = 20;
  last = '';

  constructor(seed: number) {
    this.random = randomOf(seed);
    this.primary = new EngineRig(seed);
    this.replica = new EngineRig(seed + 1);
    for (const rig of [this.primary, this.replica]) {
      rig.limits.hashMaxListpackEntries = 16;
      rig.limits.hashMaxListpackValue = 24;
      rig.limits.setMaxIntsetEntries = 24;
      rig.limits.setMaxListpackEntries = 16;
      rig.limits.setMaxListpackValue = 24;
    }
  }

  below(n: number): number {
    return Math.floor(this.random() * n);
  }

  pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)]!;
  }

  run(...words: (string | number)[]): Value {
    this.last = words.map(String).join(' ').slice(0, 300);
    return this.primary.run(...words);
  }

  same(actual: Value, expected: Value): void {
    expect(sorted(actual), this.last).toEqual(sorted(expected));
  }

  field(): string {
    return `f${this.below(this.span)}`;
  }

  value(): string {
    return this.random() < 0.97 ? String(this.below(1e6)) : 'v'.repeat(this.below(80));
  }

  member(): string {
    const kind = this.random();
    if (kind < 0.6) return String(this.below(this.span) - 5);
    if (kind < 0.65) return String(this.below(this.span) * 2 ** 40);
    return kind < 0.99 ? `m${this.below(this.span)}` : 'm'.repeat(20 + this.below(30));
  }

  hash(key: string): Map<string, string> {
    let hash = this.hashes.get(key);
    if (hash === undefined) this.hashes.set(key, hash = new Map());
    return hash;
  }

  set(key: string): Set<string> {
    let set = this.sets.get(key);
    if (set === undefined) this.sets.set(key, set = new Set());
    return set;
  }

  hashStep(grow: number): void {
    const key = `h${this.below(12)}`;
    const hash = this.hash(key);
    const what = this.random();
    if (what < grow) {
      const words: string[] = [];
      let added = 0;
      for (let n = 1 + this.below(6); n > 0; n--) {
        const field = this.field();
        const value = this.value();
        words.push(field, value);
        if (!hash.has(field)) added++;
        hash.set(field, value);
      }
      this.same(this.run('HSET', key, ...words), added);
    } else if (what < 0.8) {
      const fields = Array.from({ length: 1 + this.below(8) }, () => this.field());
      let deleted = 0;
      for (const field of fields) if (hash.delete(field)) deleted++;
      this.same(this.run('HDEL', key, ...fields), deleted);
    } else if (what < 0.85) {
      const field = this.field();
      const old = hash.get(field) ?? '0';
      const reply = this.run('HINCRBY', key, field, 7);
      if (!/^\d+$/.test(old)) this.same(reply, '-ERR hash value is not an integer');
      else {
        hash.set(field, String(Number(old) + 7));
        this.same(reply, Number(old) + 7);
      }
    } else if (what < 0.87) {
      this.primary.run('SET', key, 'x');
      this.primary.run('GETDEL', key);
      hash.clear();
    } else if (what < 0.95) {
      const field = this.field();
      this.same(this.run('HGET', key, field), hash.get(field) ?? null);
      this.same(this.run('HLEN', key), hash.size);
    } else this.same(this.run('HGETALL', key), [...hash].flat());
  }

  setStep(grow: number): void {
    const key = `s${this.below(12)}`;
    const set = this.set(key);
    const what = this.random();
    if (what < grow) {
      const members = Array.from({ length: 1 + this.below(8) }, () => this.member());
      let added = 0;
      for (const member of members) {
        if (!set.has(member)) added++;
        set.add(member);
      }
      this.same(this.run('SADD', key, ...members), added);
    } else if (what < 0.7) {
      const members = Array.from({ length: 1 + this.below(8) }, () => this.member());
      let removed = 0;
      for (const member of members) if (set.delete(member)) removed++;
      this.same(this.run('SREM', key, ...members), removed);
    } else if (what < 0.75) this.pop(key, set);
    else if (what < 0.8) {
      const other = `s${this.below(12)}`;
      const member = this.member();
      const had = set.has(member);
      if (had && other !== key) {
        set.delete(member);
        this.set(other).add(member);
      }
      this.same(this.run('SMOVE', key, other, member), had ? 1 : 0);
    } else if (what < 0.95) this.algebra();
    else {
      this.same(this.run('SMEMBERS', key), [...set]);
      const member = this.member();
      this.same(this.run('SISMEMBER', key, member), set.has(member) ? 1 : 0);
    }
  }

  pop(key: string, set: Set<string>): void {
    const count = this.below(set.size + 3);
    const popped = this.run('SPOP', key, count) as string[];
    expect(popped.length, this.last).toBe(Math.min(count, set.size));
    for (const member of popped) expect(set.delete(member), this.last).toBe(true);
  }

  algebra(): void {
    const keys = Array.from({ length: 1 + this.below(4) }, () => `s${this.below(12)}`);
    const sets = keys.map((key) => this.set(key));
    const op = this.pick(['SINTER', 'SUNION', 'SDIFF']);
    const first = [...sets[0]!];
    const result = op === 'SUNION' ? [...new Set(sets.flatMap((set) => [...set]))]
      : op === 'SINTER' ? first.filter((member) => sets.every((set) => set.has(member)))
        : first.filter((member) => !sets.slice(1).some((set) => set.has(member)));
    if (this.random() < 0.6) {
      this.same(this.run(op, ...keys), result);
      return;
    }
    const target = `s${this.below(12)}`;
    this.same(this.run(`${op}STORE`, target, ...keys), result.length);
    this.sets.set(target, new Set(result));
  }

  replicate(): void {
    const { block } = this.primary.effects();
    if (block !== null) this.replica.engine.applyEffects(block);
  }

  checkAll(): void {
    this.primary.check();
    this.replica.check();
    expect(this.replica.dump()).toEqual(this.primary.dump());
    for (const [key, hash] of this.hashes) this.same(this.run('HGETALL', key), [...hash].flat());
    for (const [key, set] of this.sets) this.same(this.run('SMEMBERS', key), [...set]);
  }
}

for (const seed of [11, 12, 13]) {
  test(`random commands on hashes and sets; seed ${seed}`, { timeout: 20_000 * SOAK }, () => {
    const world = new World(seed);
    for (let step = 0; step < STEPS; step++) {
      const phase = Math.floor(step / 1000) % 3;
      world.span = phase === 1 ? 2000 : phase === 0 ? 20 : 300;
      const grow = phase === 2 ? 0.2 : 0.5;
      if (world.random() < 0.5) world.hashStep(grow);
      else world.setStep(grow);
      if (step % 3 === 0) world.replicate();
      if (step % 10 === 0) {
        for (const rig of [world.primary, world.replica]) {
          rig.engine.keyspace.compactor.step(200);
          rig.engine.keyspace.lazyFreeStep(50);
        }
      }
      if (step % 1000 !== 999) continue;
      world.replicate();
      world.checkAll();
    }
    for (const rig of [world.primary, world.replica]) {
      while (rig.engine.keyspace.lazyFreeStep(1000));
      while (rig.engine.keyspace.compactor.step(1000));
    }
    world.checkAll();
  });
}

test('compaction moves elements, packed cells and entries of living and dying collections', () => {
  const rig = new EngineRig(5);
  const random = randomOf(5);
  const models = new Map<string, Set<string>>();
  for (let k = 0; k < 24; k++) {
    const set = new Set<string>();
    models.set(`s${k}`, set);
    for (let i = 0; i < 1500; i++) {
      const member = `member:${k}:${i}`;
      rig.run('SADD', `s${k}`, member);
      set.add(member);
      rig.run('HSET', `h${k}`, `field:${i}`, 'x'.repeat(Math.floor(random() * 20)));
    }
  }
  for (const [key, set] of models) {
    for (const member of set) {
      if (random() < 0.8) continue;
      rig.run('SREM', key, member);
      set.delete(member);
    }
  }
  // Big ones given up, of which compaction moves what is not freed yet.
  for (let k = 0; k < 24; k += 2) {
    rig.run('SET', `h${k}`, '');
    rig.run('SET', `s${k}`, '');
    models.delete(`s${k}`);
  }
  const { keyspace, types } = rig.engine;
  expect(types.lazyFree.pending).toBe(24);
  for (let round = 0; round < 5; round++) {
    keyspace.compactor.step(2000);
    keyspace.lazyFreeStep(600);
    rig.check();
  }
  expect(types.lazyFree.pending).toBeGreaterThan(0);
  expect(keyspace.compactor.moved).toBeGreaterThan(2000);
  while (keyspace.lazyFreeStep(600)) keyspace.compactor.step(300);
  while (keyspace.compactor.step(5000));
  rig.check();
  for (const [key, set] of models) expect(sorted(rig.run('SMEMBERS', key))).toEqual([...set].sort());
});
