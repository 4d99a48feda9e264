/**
 * Lists against plain arrays: random commands with freed cells poisoned, compaction and lazy freeing in between,
 * everything checked, and a replica that is fed the effects alone. HOLDFAST_SOAK multiplies the steps.
 */
import { expect, test } from 'vitest';
import { EngineRig, randomOf } from './engine-rig.ts';
import type { Value } from './recording-reply.ts';

const SOAK = Number(process.env['HOLDFAST_SOAK'] ?? 1);
const STEPS = 6000 * SOAK;
const KEYS = 6;

class World {
  readonly random: () => number;
  readonly primary: EngineRig;
  readonly replica: EngineRig;
  readonly lists = new Map<string, string[]>();
  /** How many elements a command adds at most: changes in time, so that lists swell and dwindle. */
  many = 8;
  longest = 40;
  last = '';

  constructor(seed: number, limit: number) {
    this.random = randomOf(seed);
    this.primary = new EngineRig(seed);
    this.replica = new EngineRig(seed + 1);
    for (const rig of [this.primary, this.replica]) rig.limits.listMaxListpackSize = limit;
  }

  below(n: number): number {
    return Math.floor(this.random() * n);
  }

  run(...words: (string | number)[]): Value {
    this.last = words.map(String).join(' ').slice(0, 300);
    return this.primary.run(...words);
  }

  same(actual: Value, expected: Value): void {
    expect(actual, this.last).toEqual(expected);
  }

  key(): string {
    return `l${this.below(KEYS)}`;
  }

  list(key: string): string[] {
    let list = this.lists.get(key);
    if (list === undefined) this.lists.set(key, list = []);
    return list;
  }

  element(): string {
    const kind = this.random();
    if (kind < 0.5) return String(this.below(50));
    if (kind < 0.97) return 'e'.repeat(this.below(this.longest)) + String(this.below(50));
    if (kind < 0.995) return 'm'.repeat(200 + this.below(200));
    return 'L'.repeat(3000 + this.below(12000));
  }

  index(list: readonly string[]): number {
    return this.below(list.length + 4) - (this.random() < 0.5 ? 2 : list.length + 2);
  }

  push(key: string, list: string[]): void {
    const elements = Array.from({ length: 1 + this.below(this.many) }, () => this.element());
    if (this.random() < 0.5) {
      list.push(...elements);
      this.same(this.run('RPUSH', key, ...elements), list.length);
    } else {
      list.unshift(...[...elements].reverse());
      this.same(this.run('LPUSH', key, ...elements), list.length);
    }
  }

  pop(key: string, list: string[], count: number): void {
    const atHead = this.random() < 0.5;
    const expected: string[] = [];
    for (let i = 0; i < count && list.length > 0; i++) expected.push((atHead ? list.shift() : list.pop())!);
    this.same(this.run(atHead ? 'LPOP' : 'RPOP', key, count), expected.length === 0 && list.length === 0 ? null : expected);
  }

  middle(key: string, list: string[]): void {
    const index = this.index(list);
    const at = index < 0 ? index + list.length : index;
    const element = this.element();
    const inside = at >= 0 && at < list.length;
    const what = this.random();
    if (what < 0.3) this.same(this.run('LINDEX', key, index), list[at] ?? null);
    else if (what < 0.6) {
      const expected = list.length === 0 ? '-ERR no such key' : inside ? 'OK' : '-ERR index out of range';
      if (inside) list[at] = element;
      this.same(this.run('LSET', key, index, element), expected);
    } else {
      const pivot = inside && this.random() < 0.8 ? list[at]! : element;
      const before = this.random() < 0.5;
      const found = list.indexOf(pivot);
      if (found >= 0) list.splice(before ? found : found + 1, 0, element);
      this.same(this.run('LINSERT', key, before ? 'BEFORE' : 'AFTER', pivot, element), found >= 0 ? list.length : list.length === 0 ? 0 : -1);
    }
  }

  remove(key: string, list: string[]): void {
    const element = list.length > 0 && this.random() < 0.8 ? list[this.below(list.length)]! : this.element();
    const count = this.below(7) - 3;
    let left = count === 0 ? Infinity : Math.abs(count);
    const removed: number[] = [];
    for (let n = 0; n < list.length && left > 0; n++) {
      const i = count < 0 ? list.length - 1 - n : n;
      if (list[i] !== element) continue;
      removed.push(i);
      left--;
    }
    this.lists.set(key, list.filter((_, i) => !removed.includes(i)));
    this.same(this.run('LREM', key, count, element), removed.length);
  }

  look(key: string, list: readonly string[]): void {
    const start = this.below(list.length + 1);
    const length = this.below(60);
    this.same(this.run('LRANGE', key, start, start + length), list.slice(start, start + length + 1));
    this.same(this.run('LLEN', key), list.length);
    const element = list[this.below(list.length)] ?? 'x';
    const hits: number[] = [];
    list.forEach((other, i) => { if (other === element) hits.push(i); });
    this.same(this.run('LPOS', key, element, 'COUNT', 0), hits);
    this.same(this.run('LPOS', key, element, 'RANK', -2), hits[hits.length - 2] ?? null);
    this.same(this.run('LPOS', key, element, 'RANK', 2, 'COUNT', 3, 'MAXLEN', 100), hits.filter((i) => i < 100).slice(1, 4));
  }

  move(key: string, list: string[]): void {
    const other = this.key();
    const target = this.list(other);
    const from = this.random() < 0.5;
    const to = this.random() < 0.5;
    const element = from ? list.shift() : list.pop();
    if (element !== undefined) {
      if (to) target.unshift(element);
      else target.push(element);
    }
    const name = this.random() < 0.5 ? ['LMOVE'] : ['BLMOVE'];
    const tail = name[0] === 'BLMOVE' ? [0] : [];
    this.same(this.run(...name, key, other, from ? 'LEFT' : 'RIGHT', to ? 'LEFT' : 'RIGHT', ...tail), element ?? null);
  }

  popAny(): void {
    const keys = Array.from({ length: 1 + this.below(3) }, () => this.key());
    const key = keys.find((name) => this.list(name).length > 0);
    if (this.random() < 0.5) {
      const expected = key === undefined ? null : [key, this.list(key).pop()!];
      this.same(this.run('BRPOP', ...keys, 0), expected);
      return;
    }
    const expected = key === undefined ? null : [key, this.list(key).splice(0, 3)];
    this.same(this.run('LMPOP', keys.length, ...keys, 'LEFT', 'COUNT', 3), expected);
  }

  step(grow: number): void {
    const key = this.key();
    const list = this.list(key);
    const what = this.random();
    if (what < grow) this.push(key, list);
    else if (what < 0.55) this.pop(key, list, 1 + this.below(this.many));
    else if (what < 0.75) this.middle(key, list);
    else if (what < 0.8) this.remove(key, list);
    else if (what < 0.87) this.move(key, list);
    else if (what < 0.9) this.popAny();
    else if (what < 0.905) {
      const start = this.below(list.length >>> 2);
      const stop = list.length - 1 - this.below(list.length >>> 2);
      this.lists.set(key, list.slice(start, stop + 1));
      this.same(this.run('LTRIM', key, start, stop), 'OK');
    } else if (what < 0.908) {
      this.same(this.run('LTRIM', key, 1, 0), 'OK');
      this.lists.set(key, []);
    } else this.look(key, list);
  }

  replicate(): void {
    const { block } = this.primary.effects();
    if (block !== null) this.replica.engine.applyEffects(block);
  }

  checkAll(): void {
    this.primary.check();
    this.replica.check();
    expect(this.replica.dump()).toEqual(this.primary.dump());
    for (const [key, list] of this.lists) this.same(this.run('LRANGE', key, 0, -1), list);
  }
}

for (const [seed, limit] of [[21, -2], [22, -1], [23, 16], [24, -2]] as const) {
  test(`random commands on lists; seed ${seed}, list-max-listpack-size ${limit}`, { timeout: 20_000 * SOAK }, () => {
    const world = new World(seed, limit);
    for (let step = 0; step < STEPS; step++) {
      const phase = Math.floor(step / 750) % 4;
      world.many = [4, 120, 4, 60][phase]!;
      world.longest = phase === 1 ? 60 : 30;
      world.step(phase === 3 ? 0.1 : phase === 1 ? 0.4 : 0.3);
      if (step % 3 === 0) world.replicate();
      if (step % 10 === 0) {
        for (const rig of [world.primary, world.replica]) {
          rig.engine.keyspace.compactor.step(200);
          rig.engine.keyspace.lazyFreeStep(2);
        }
      }
      if (step % 250 !== 249) continue;
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

test('compaction moves pages and nodes of living and dying lists', () => {
  const rig = new EngineRig(7);
  const random = randomOf(7);
  const models = new Map<string, string[]>();
  // The pages of all lists stand side by side; then every list keeps a part of its own, so that slabs become sparse.
  for (let i = 0; i < 600; i++) {
    for (let k = 0; k < 8; k++) {
      const list = models.get(`l${k}`) ?? [];
      models.set(`l${k}`, list);
      const elements = Array.from({ length: 20 }, (_, n) => `list:${k}:${i}:${n}:${'x'.repeat(Math.floor(random() * 90))}`);
      list.push(...elements);
      rig.run('RPUSH', `l${k}`, ...elements);
    }
  }
  const { keyspace, types } = rig.engine;
  for (const [key, list] of models) {
    const half = list.length >>> 1;
    rig.run('LTRIM', key, half, -1);
    models.set(key, list.slice(half));
  }
  for (let k = 0; k < 8; k += 2) {
    // Enough pages to be freed in steps.
    rig.run('RPUSH', `l${k}`, ...Array.from({ length: 560 }, () => 'y'.repeat(8100)));
    rig.run('SET', `l${k}`, '');
    models.delete(`l${k}`);
  }
  expect(types.lazyFree.pending).toBe(4);
  for (let round = 0; round < 5; round++) {
    keyspace.compactor.step(500);
    keyspace.lazyFreeStep(20);
    rig.check();
  }
  expect(types.lazyFree.pending).toBeGreaterThan(0);
  while (keyspace.lazyFreeStep(100)) keyspace.compactor.step(100);
  while (keyspace.compactor.step(5000));
  expect(keyspace.compactor.moved).toBeGreaterThan(50);
  rig.check();
  for (const [key, list] of models) expect(rig.run('LRANGE', key, 0, -1)).toEqual(list);
});
