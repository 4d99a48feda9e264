/**
 * Sorted sets against a plain Map that is sorted anew for each question: random commands with freed cells poisoned, compaction
 * and lazy freeing in between, everything checked, and a replica that is fed the effects alone. HOLDFAST_SOAK multiplies
 * the steps.
 */
import { expect, test } from 'vitest';
import { debugRig } from './debug-rig.ts';
import { EngineRig, randomOf } from './engine-rig.ts';
import type { Value } from './recording-reply.ts';

const SOAK = Number(process.env['HOLDFAST_SOAK'] ?? 1);
const STEPS = 4000 * SOAK;
const KEYS = 8;

type Model = Map<string, number>;

function inOrder(model: Model): [string, number][] {
  return [...model].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1));
}

function flat(pairs: readonly (readonly [string, number])[]): Value {
  return pairs.flatMap(([member, score]) => [member, String(score)]);
}

class World {
  readonly random: () => number;
  readonly primary: EngineRig;
  readonly replica: EngineRig;
  readonly models = new Map<string, Model>();
  /** How many members a key can have: changes in time, so that sorted sets swell and dwindle. */
  span = 20;
  last = '';

  constructor(seed: number) {
    this.random = randomOf(seed);
    this.primary = debugRig(seed);
    this.replica = debugRig(seed + 1);
    for (const rig of [this.primary, this.replica]) {
      rig.limits.zsetMaxListpackEntries = 16;
      rig.limits.zsetMaxListpackValue = 24;
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
    expect(actual, this.last).toEqual(expected);
  }

  key(): string {
    return `z${this.below(KEYS)}`;
  }

  model(key: string): Model {
    let model = this.models.get(key);
    if (model === undefined) this.models.set(key, model = new Map<string, number>());
    return model;
  }

  member(): string {
    return this.random() < 0.98 ? `m${this.below(this.span)}` : 'x'.repeat(this.below(70));
  }

  score(): number {
    const kind = this.random();
    if (kind < 0.5) return this.below(10);
    if (kind < 0.8) return this.below(2e6) - 1e6;
    return kind < 0.9 ? this.below(1000) / 8 : this.below(2 ** 31) * 2 ** 20;
  }

  step(grow: number): void {
    const what = this.random();
    if (what < grow) this.add();
    else if (what < 0.6) this.remove();
    else if (what < 0.65) this.pop();
    else if (what < 0.7) this.removeRange();
    else if (what < 0.72) this.replace();
    else if (what < 0.85) this.readRange();
    else if (what < 0.93) this.readMember();
    else this.algebra();
  }

  add(): void {
    const key = this.key();
    const model = this.model(key);
    const words: (string | number)[] = [];
    let added = 0;
    for (let n = 1 + this.below(8); n > 0; n--) {
      const member = this.member();
      const score = this.score();
      words.push(score, member);
      if (!model.has(member)) added++;
      model.set(member, score);
    }
    this.same(this.run('ZADD', key, ...words), added);
    const member = this.member();
    const sum = (model.get(member) ?? 0) + 3;
    model.set(member, sum);
    this.same(this.run('ZINCRBY', key, 3, member), String(sum));
  }

  remove(): void {
    const key = this.key();
    const model = this.model(key);
    const members = Array.from({ length: 1 + this.below(10) }, () => this.member());
    let removed = 0;
    for (const member of members) if (model.delete(member)) removed++;
    this.same(this.run('ZREM', key, ...members), removed);
  }

  pop(): void {
    const key = this.key();
    const model = this.model(key);
    const all = inOrder(model);
    const isMax = this.random() < 0.5;
    if (isMax) all.reverse();
    const popped = all.slice(0, this.below(12));
    for (const [member] of popped) model.delete(member);
    this.same(this.run(isMax ? 'ZPOPMAX' : 'ZPOPMIN', key, popped.length), flat(popped));
  }

  removeRange(): void {
    const key = this.key();
    const model = this.model(key);
    const first = this.below(model.size + 1);
    const gone = inOrder(model).slice(first, first + this.below(40));
    if (gone.length === 0) return;
    if (this.random() < 0.5) {
      this.same(this.run('ZREMRANGEBYRANK', key, first, first + gone.length - 1), gone.length);
      for (const [member] of gone) model.delete(member);
      return;
    }
    const [min, max] = [gone[0]![1], gone[gone.length - 1]![1]];
    let n = 0;
    for (const [member, score] of [...model]) if (score > min && score <= max && model.delete(member)) n++;
    this.same(this.run('ZREMRANGEBYSCORE', key, `(${min}`, max), n);
  }

  /** Gives a sorted set up as a whole. */
  replace(): void {
    const key = this.key();
    this.run('SET', key, 'x');
    this.run('DEL', key);
    this.model(key).clear();
  }

  readRange(): void {
    const key = this.key();
    const all = inOrder(this.model(key));
    const first = this.below(all.length + 2);
    const end = first + this.below(20);
    this.same(this.run('ZRANGE', key, first, end - 1, 'WITHSCORES'), end === 0 ? flat(all) : flat(all.slice(first, end)));
    const [a, b] = [this.score(), this.score()];
    const within = all.filter(([, score]) => score >= a && score < b);
    this.same(this.run('ZCOUNT', key, a, `(${b}`), within.length);
    this.same(this.run('ZRANGE', key, `(${b}`, a, 'BYSCORE', 'REV', 'LIMIT', 1, 5, 'WITHSCORES'), flat(within.reverse().slice(1, 6)));
  }

  readMember(): void {
    const key = this.key();
    const model = this.model(key);
    const member = this.member();
    const rank = inOrder(model).findIndex(([name]) => name === member);
    this.same(this.run('ZSCORE', key, member), rank < 0 ? null : String(model.get(member)));
    this.same(this.run('ZRANK', key, member), rank < 0 ? null : rank);
    this.same(this.run('ZREVRANK', key, member), rank < 0 ? null : model.size - 1 - rank);
    this.same(this.run('ZCARD', key), model.size);
  }

  algebra(): void {
    const keys = Array.from({ length: 1 + this.below(3) }, () => this.key());
    const models = keys.map((key) => this.model(key));
    const op = this.pick(['ZINTER', 'ZUNION', 'ZDIFF']);
    const members = op === 'ZUNION' ? [...new Set(models.flatMap((model) => [...model.keys()]))]
      : op === 'ZINTER' ? [...models[0]!.keys()].filter((member) => models.every((model) => model.has(member)))
        : [...models[0]!.keys()].filter((member) => !models.slice(1).some((model) => model.has(member)));
    const result: Model = new Map(members.map((member) => {
      const scores = models.map((model) => model.get(member)).filter((score) => score !== undefined);
      return [member, op === 'ZDIFF' ? models[0]!.get(member)! : Math.max(...scores)];
    }));
    const options = op === 'ZDIFF' ? [] : ['AGGREGATE', 'MAX'];
    if (this.random() < 0.5) {
      this.same(this.run(op, keys.length, ...keys, ...options, 'WITHSCORES'), flat(inOrder(result)));
      return;
    }
    const target = this.key();
    this.same(this.run(`${op}STORE`, target, keys.length, ...keys, ...options), result.size);
    this.models.set(target, result);
  }

  replicate(): void {
    const { block } = this.primary.effects();
    if (block !== null) this.replica.engine.applyEffects(block);
  }

  checkAll(): void {
    this.primary.check();
    this.replica.check();
    expect(this.replica.dump()).toEqual(this.primary.dump());
    expect(this.replica.line('DEBUG DIGEST')).toBe(this.primary.line('DEBUG DIGEST'));
    for (const [key, model] of this.models) this.same(this.run('ZRANGE', key, 0, -1, 'WITHSCORES'), flat(inOrder(model)));
  }
}

for (const seed of [21, 22, 23]) {
  test(`random commands on sorted sets; seed ${seed}`, { timeout: 30_000 * SOAK }, () => {
    const world = new World(seed);
    for (let step = 0; step < STEPS; step++) {
      const phase = Math.floor(step / 1000) % 3;
      world.span = phase === 1 ? 2000 : phase === 0 ? 20 : 300;
      world.step(phase === 2 ? 0.2 : 0.5);
      if (step % 3 === 0) world.replicate();
      if (step % 10 === 0) {
        for (const rig of [world.primary, world.replica]) {
          rig.engine.keyspace.compactor.step(200);
          rig.engine.keyspace.lazyFreeStep(50);
        }
      }
      if (step % 500 !== 499) continue;
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

test('ranges by member: all scores alike', () => {
  const random = randomOf(31);
  for (const entries of [1000, 0]) {
    const rig = new EngineRig(31);
    rig.limits.zsetMaxListpackEntries = entries;
    const members = new Set<string>();
    const name = (): string => Array.from({ length: Math.floor(random() * 4) }, () => 'abc\xff'[Math.floor(random() * 4)]).join('');
    for (let i = 0; i < 300; i++) {
      const member = name();
      members.add(member);
      rig.run('ZADD', 'z', 5, member);
    }
    const all = [...members].sort();
    for (let i = 0; i < 500; i++) {
      const [a, b] = [name(), name()];
      const within = all.filter((member) => member >= a && member < b);
      expect(rig.run('ZRANGE', 'z', `[${a}`, `(${b}`, 'BYLEX'), `[${a} (${b}`).toEqual(within);
      expect(rig.run('ZLEXCOUNT', 'z', `(${b}`, `[${a}`), `(${b} [${a}`).toBe(all.filter((member) => member > b && member <= a).length);
    }
    rig.check();
  }
});

test('compaction moves elements and nodes of living and dying sorted sets', () => {
  const rig = new EngineRig(6);
  const random = randomOf(6);
  const models = new Map<string, Model>();
  for (let k = 0; k < 16; k++) {
    const model: Model = new Map();
    models.set(`z${k}`, model);
    for (let i = 0; i < 2000; i++) {
      const score = Math.floor(random() * 500);
      rig.run('ZADD', `z${k}`, score, `member:${k}:${i}`);
      model.set(`member:${k}:${i}`, score);
    }
  }
  for (const [key, model] of models) {
    for (const member of [...model.keys()]) {
      if (random() < 0.2) continue;
      rig.run('ZREM', key, member);
      model.delete(member);
    }
  }
  // Large ones given up, sparse as they are, of which compaction moves what is not freed yet: their trees come down first,
  // then their elements.
  for (let k = 0; k < 3; k++) {
    for (let i = 0; i < 90_000; i += 10) {
      rig.run('ZADD', `dying${k}`, ...Array.from({ length: 10 }, (_, n) => [Math.floor(random() * 1e6), `dying:${k}:${i + n}`]).flat());
    }
    rig.run('ZREMRANGEBYSCORE', `dying${k}`, 0, 500_000);
  }
  for (let k = 0; k < 3; k++) rig.run('DEL', `dying${k}`);
  const { keyspace, types } = rig.engine;
  expect(types.lazyFree.pending).toBe(3);
  for (let round = 0; round < 60; round++) {
    keyspace.compactor.step(1000);
    keyspace.lazyFreeStep(round < 30 ? 10 : 2000);
    if (round % 4 === 0) rig.check();
  }
  expect(types.lazyFree.pending).toBeGreaterThan(0);
  expect(keyspace.compactor.moved).toBeGreaterThan(2000);
  while (keyspace.lazyFreeStep(5000)) keyspace.compactor.step(300);
  while (keyspace.compactor.step(5000));
  rig.check();
  for (const [key, model] of models) expect(rig.run('ZRANGE', key, 0, -1, 'WITHSCORES')).toEqual(flat(inOrder(model)));
});
