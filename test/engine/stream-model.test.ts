/**
 * Streams against plain arrays and maps: random commands with freed cells poisoned, compaction and lazy freeing in between,
 * everything checked, and a replica with other nodes that is fed the effects alone. HOLDFAST_SOAK multiplies the steps.
 */
import { expect, test } from 'vitest';
import { EngineRig, randomOf } from './engine-rig.ts';
import { contents } from './keyspace-contents.ts';
import type { Value } from './recording-reply.ts';

const SOAK = Number(process.env['HOLDFAST_SOAK'] ?? 1);
const STEPS = 3000 * SOAK;
const KEYS = 3;
const GROUPS = ['g', 'h'];
const CONSUMERS = ['a', 'b', 'c', 'd'];

interface Entry { readonly id: number; readonly fields: readonly string[] }
interface Pending { consumer: string; atMs: number; count: number }
interface Group { lastId: number; readonly consumers: Set<string>; readonly pending: Map<number, Pending> }
interface Model { entries: Entry[]; lastId: number; added: number; readonly groups: Map<string, Group> }

const idText = (id: number): string => `${Math.floor(id / 10)}-${id % 10}`;
const shown = ({ id, fields }: Entry): Value => [idText(id), [...fields]];

class World {
  readonly random: () => number;
  readonly primary: EngineRig;
  readonly replica: EngineRig;
  readonly streams = new Map<string, Model>();
  last = '';

  constructor(seed: number, nodeEntries: number) {
    this.random = randomOf(seed);
    this.primary = new EngineRig(seed);
    this.replica = new EngineRig(seed + 1);
    this.primary.limits.streamNodeMaxEntries = nodeEntries;
    this.replica.limits.streamNodeMaxEntries = nodeEntries + 3;
  }

  below(n: number): number {
    return Math.floor(this.random() * n);
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  get nowMs(): number {
    return this.primary.engine.keyspace.nowMs;
  }

  run(...words: (string | number)[]): Value {
    this.last = words.map(String).join(' ').slice(0, 300);
    return this.primary.run(...words);
  }

  same(actual: Value, expected: Value): void {
    expect(actual, this.last).toEqual(expected);
  }

  /** An id that is there, or was, or lies between others. */
  someId(model: Model): number {
    return model.entries.length > 0 && this.random() < 0.8 ? this.pick(model.entries).id + (this.random() < 0.1 ? 1 : 0) : this.below(model.lastId + 10);
  }

  value(): string {
    const kind = this.random();
    if (kind < 0.4) return String(this.below(100000) - 50000);
    return kind < 0.98 ? 'v'.repeat(this.below(20)) : 'L'.repeat(this.below(9000));
  }

  add(key: string, model: Model): void {
    const names = this.random() < 0.8 ? ['name', 'size'] : Array.from({ length: 1 + this.below(4) }, () => this.value());
    const fields = names.flatMap((name) => [name, this.value()]);
    const id = model.lastId + 1 + this.below(this.random() < 0.1 ? 1000 : 12);
    const options: (string | number)[] = [];
    model.entries.push({ id, fields });
    model.lastId = id;
    model.added++;
    if (this.random() < 0.05) {
      const max = this.below(200);
      options.push('MAXLEN', max);
      model.entries = model.entries.slice(Math.max(0, model.entries.length - max));
    }
    this.streams.set(key, model);
    this.same(this.run('XADD', key, ...options, idText(id), ...fields), idText(id));
  }

  trim(key: string, model: Model): void {
    const before = model.entries.length;
    if (this.random() < 0.5) {
      const max = this.below(before + 20);
      model.entries = model.entries.slice(Math.max(0, before - max));
      this.same(this.run('XTRIM', key, 'MAXLEN', max), before - model.entries.length);
    } else if (this.random() < 0.6) {
      const id = this.someId(model);
      model.entries = model.entries.filter((entry) => entry.id >= id);
      this.same(this.run('XTRIM', key, 'MINID', idText(id)), before - model.entries.length);
    } else {
      const max = this.below(before + 20);
      const limit = this.below(60);
      const removed = this.run('XTRIM', key, 'MAXLEN', '~', max, 'LIMIT', limit) as number;
      expect(removed, this.last).toBeLessThanOrEqual(Math.max(0, Math.min(before - max, limit === 0 ? Infinity : limit)));
      model.entries = model.entries.slice(removed);
    }
  }

  remove(key: string, model: Model): void {
    const ids = Array.from({ length: 1 + this.below(8) }, () => this.someId(model));
    const before = model.entries.length;
    model.entries = model.entries.filter(({ id }) => !ids.includes(id));
    this.same(this.run('XDEL', key, ...ids.map(idText)), before - model.entries.length);
  }

  look(key: string, model: Model): void {
    const [from, to] = [this.someId(model), this.someId(model)].sort((a, b) => a - b) as [number, number];
    const within = model.entries.filter(({ id }) => id >= from && id <= to);
    this.same(this.run('XRANGE', key, idText(from), idText(to)), within.map(shown));
    this.same(this.run('XREVRANGE', key, idText(to), idText(from), 'COUNT', 5), within.reverse().slice(0, 5).map(shown));
    this.same(this.run('XLEN', key), model.entries.length);
    const behind = model.entries.filter(({ id }) => id > from).slice(0, 7);
    this.same(this.run('XREAD', 'COUNT', 7, 'STREAMS', key, idText(from)), behind.length === 0 ? null : [[key, behind.map(shown)]]);
  }

  consume(key: string, model: Model, name: string, group: Group): void {
    const consumer = this.pick(CONSUMERS);
    const count = 1 + this.below(30);
    group.consumers.add(consumer);
    if (this.random() < 0.3) {
      const from = this.below(model.lastId + 1);
      const own = [...group.pending].filter(([id, { consumer: owner }]) => owner === consumer && id > from).sort(([a], [b]) => a - b).slice(0, count);
      const replies = own.map(([id, pending]): Value => {
        const entry = model.entries.find((other) => other.id === id);
        if (entry === undefined) return [idText(id), null];
        pending.atMs = this.nowMs;
        pending.count++;
        return shown(entry);
      });
      this.same(this.run('XREADGROUP', 'GROUP', name, consumer, 'COUNT', count, 'STREAMS', key, idText(from)), [[key, replies]]);
      return;
    }
    const noAck = this.random() < 0.2;
    const given = model.entries.filter(({ id }) => id > group.lastId).slice(0, count);
    for (const { id } of given) {
      if (!noAck) group.pending.set(id, { consumer, atMs: this.nowMs, count: 1 });
      group.lastId = id;
    }
    const reply = this.run('XREADGROUP', 'GROUP', name, consumer, 'COUNT', count, ...(noAck ? ['NOACK'] : []), 'STREAMS', key, '>');
    this.same(reply, given.length === 0 ? null : [[key, given.map(shown)]]);
  }

  claim(key: string, model: Model, name: string, group: Group): void {
    const consumer = this.pick(CONSUMERS);
    const minIdle = this.pick([0, 0, 30]);
    group.consumers.add(consumer);
    const justId = this.random() < 0.3;
    const ids = Array.from(new Set(Array.from({ length: 1 + this.below(6) }, () => this.someId(model))));
    const force = this.random() < 0.2;
    const replies: Value[] = [];
    for (const id of ids) {
      const entry = model.entries.find((other) => other.id === id);
      const pending = group.pending.get(id);
      if (entry === undefined) {
        group.pending.delete(id);
        continue;
      }
      if (pending === undefined ? !force : this.nowMs - pending.atMs < minIdle) continue;
      group.pending.set(id, { consumer, atMs: this.nowMs, count: (pending?.count ?? 1) + (justId ? 0 : 1) });
      replies.push(justId ? idText(id) : shown(entry));
    }
    const options = [...(justId ? ['JUSTID'] : []), ...(force ? ['FORCE'] : [])];
    this.same(this.run('XCLAIM', key, name, consumer, minIdle, ...ids.map(idText), ...options), replies);
  }

  autoClaim(key: string, model: Model, name: string, group: Group): void {
    const consumer = this.pick(CONSUMERS);
    const from = this.below(model.lastId + 1);
    let count = 1 + this.below(10);
    group.consumers.add(consumer);
    const claimed: Value[] = [];
    const deleted: Value[] = [];
    const all = [...group.pending.keys()].filter((id) => id >= from).sort((a, b) => a - b);
    let next = 0;
    for (; next < all.length && count > 0; next++, count--) {
      const id = all[next]!;
      const entry = model.entries.find((other) => other.id === id);
      if (entry === undefined) {
        group.pending.delete(id);
        deleted.push(idText(id));
      } else {
        group.pending.set(id, { consumer, atMs: this.nowMs, count: group.pending.get(id)!.count + 1 });
        claimed.push(shown(entry));
      }
    }
    this.same(this.run('XAUTOCLAIM', key, name, consumer, 0, idText(from), 'COUNT', all.length > 0 ? claimed.length + deleted.length + count : 5), [idText(all[next] ?? 0), claimed, deleted]);
  }

  grouped(key: string, model: Model): void {
    const name = this.pick(GROUPS);
    const group = model.groups.get(name);
    const what = this.random();
    if (group === undefined) {
      const lastId = this.random() < 0.5 ? 0 : model.lastId;
      model.groups.set(name, { lastId, consumers: new Set(), pending: new Map() });
      this.same(this.run('XGROUP', 'CREATE', key, name, lastId === 0 ? '0' : '$'), 'OK');
    } else if (what < 0.4) this.consume(key, model, name, group);
    else if (what < 0.55) this.claim(key, model, name, group);
    else if (what < 0.65) this.autoClaim(key, model, name, group);
    else if (what < 0.85) {
      const ids = Array.from(new Set(Array.from({ length: 1 + this.below(20) }, () => this.someId(model))));
      this.same(this.run('XACK', key, name, ...ids.map(idText)), ids.filter((id) => group.pending.delete(id)).length);
    } else if (what < 0.9) {
      const consumer = this.pick(CONSUMERS);
      let pending = 0;
      for (const [id, { consumer: owner }] of group.pending) if (owner === consumer && group.pending.delete(id)) pending++;
      group.consumers.delete(consumer);
      this.same(this.run('XGROUP', 'DELCONSUMER', key, name, consumer), pending);
    } else if (what < 0.93) {
      group.lastId = this.below(model.lastId + 1);
      this.same(this.run('XGROUP', 'SETID', key, name, idText(group.lastId)), 'OK');
    } else if (what < 0.94) {
      model.groups.delete(name);
      this.same(this.run('XGROUP', 'DESTROY', key, name), 1);
    } else {
      const sorted = [...group.pending].sort(([a], [b]) => a - b);
      const list = (of: typeof sorted): Value => of.slice(0, 50).map(([id, p]) => [idText(id), p.consumer, this.nowMs - p.atMs, p.count]);
      this.same(this.run('XPENDING', key, name, '-', '+', 50), list(sorted));
      const consumer = this.pick(CONSUMERS);
      this.same(this.run('XPENDING', key, name, '-', '+', 50, consumer), list(sorted.filter(([, p]) => p.consumer === consumer)));
      const info = (this.run('XINFO', 'CONSUMERS', key, name) as Value[][]).map((row) => row[1]);
      this.same(info, [...group.consumers].sort());
    }
  }

  step(growing: boolean): void {
    const key = `s${this.below(KEYS)}`;
    const model = this.streams.get(key) ?? { entries: [], lastId: 0, added: 0, groups: new Map<string, Group>() };
    const what = this.random();
    if (this.random() < 0.1) this.primary.engine.beginTurn(this.nowMs + this.below(30));
    if (what < (growing ? 0.5 : 0.25) || !this.streams.has(key)) this.add(key, model);
    else if (what < 0.55) this.remove(key, model);
    else if (what < 0.58) this.trim(key, model);
    else if (what < 0.7) this.look(key, model);
    else if (what < 0.702) {
      this.same(this.run('DEL', key), 1);
      this.streams.delete(key);
    } else if (what < 0.704) {
      this.same(this.run('RENAME', key, 'elsewhere'), 'OK');
      this.same(this.run('COPY', 'elsewhere', key), 1);
    } else this.grouped(key, model);
  }

  replicate(): void {
    // The replica's clock is behind: what the log tells of times counts.
    this.replica.engine.beginTurn(this.nowMs - 100_000);
    const { block } = this.primary.effects();
    if (block !== null) this.replica.engine.applyEffects(block);
  }

  checkAll(): void {
    this.primary.check();
    this.replica.check();
    const ours = withoutClock(contents(this.primary.engine));
    expect(withoutClock(contents(this.replica.engine))).toEqual(ours);
    for (const [key, model] of this.streams) this.same(this.run('XRANGE', key, '-', '+'), model.entries.map(shown));
  }
}

/** Contents without what a replica need not have alike: numbers of nodes, and when consumers were seen. */
function withoutClock(all: Map<string, unknown>): unknown {
  const seenTimes = (name: string, value: unknown): unknown => {
    if (name === 'nodes') return 0;
    return name === 'groups' ? (value as unknown[][]).map((group) => [...group.slice(0, 4), (group[4] as unknown[][]).map(([who, , pending]) => [who, pending])]) : value;
  };
  return JSON.parse(JSON.stringify([...all].sort(([a], [b]) => (a < b ? -1 : 1)), seenTimes));
}

test.each([[41, 100], [42, 5], [43, 1]])('random commands on streams; seed %d, %d entries a node', { timeout: 30_000 * SOAK }, (seed, nodeEntries) => {
  const world = new World(seed, nodeEntries);
  for (let step = 0; step < STEPS; step++) {
    world.step(Math.floor(step / 500) % 2 === 0);
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

test('compaction moves names, and lists of them', () => {
  const rig = new EngineRig(8);
  rig.run('XADD', 's', '1-0', 'a', 'b');
  for (let n = 0; n < 9000; n++) {
    rig.run('XGROUP', 'CREATE', 's', `group:${n * 7919 % 9000}`, '0');
    rig.run('XGROUP', 'CREATECONSUMER', 's', `group:${n * 7919 % 9000}`, `consumer:${n}`);
  }
  for (let n = 0; n < 9000; n++) if (n % 9 !== 4) rig.run('XGROUP', 'DESTROY', 's', `group:${n}`);
  const before = contents(rig.engine);
  while (rig.engine.keyspace.compactor.step(5000));
  expect(rig.engine.keyspace.compactor.moved).toBeGreaterThan(1000);
  rig.check();
  expect(contents(rig.engine)).toEqual(before);
  expect(rig.line('XINFO CONSUMERS s group:4')).toHaveLength(1);
});

test('compaction moves every cell of living and dying streams', () => {
  const rig = new EngineRig(7);
  const { keyspace, types } = rig.engine;
  for (let k = 0; k < 8; k++) {
    for (let g = 0; g < 4; g++) rig.run('XGROUP', 'CREATE', `s${k}`, `group:${g}`, '0', 'MKSTREAM');
  }
  for (let i = 1; i <= 1500; i++) {
    for (let k = 0; k < 8; k++) rig.run('XADD', `s${k}`, `${i}-0`, 'name', `stream:${k}:${i}:${'x'.repeat(i % 90)}`);
  }
  for (let k = 0; k < 8; k++) {
    for (let g = 0; g < 4; g++) {
      for (let n = 0; n < 10; n++) rig.run('XREADGROUP', 'GROUP', `group:${g}`, `consumer:${n}`, 'COUNT', 100, 'STREAMS', `s${k}`, '>');
    }
  }
  // Sparse slabs: every stream keeps a part of its nodes and pending entries; half of the streams go.
  for (let k = 0; k < 8; k++) {
    rig.run('XTRIM', `s${k}`, 'MAXLEN', 700);
    const ids = Array.from({ length: 800 }, (_, i) => `${i + 1}-0`);
    for (let g = 0; g < 4; g++) rig.run('XACK', `s${k}`, `group:${g}`, ...ids);
    if (k % 2 === 0) rig.run('XGROUP', 'DESTROY', `s${k}`, 'group:1');
  }
  const before = contents(rig.engine);
  for (let k = 0; k < 8; k += 2) {
    for (let i = 0; i < 600; i++) rig.run('XADD', `s${k}`, `${5000 + i}-0`, 'big', 'y'.repeat(5000));
    rig.run('SET', `s${k}`, '');
    before.delete(`0:s${k}`);
  }
  expect(types.lazyFree.pending).toBe(4);
  for (let round = 0; round < 5; round++) {
    keyspace.compactor.step(300);
    keyspace.lazyFreeStep(20);
    rig.check();
  }
  expect(types.lazyFree.pending).toBeGreaterThan(0);
  while (keyspace.lazyFreeStep(50)) keyspace.compactor.step(50);
  while (keyspace.compactor.step(5000));
  expect(keyspace.compactor.moved).toBeGreaterThan(100);
  rig.check();
  for (const [name, value] of before) expect(contents(rig.engine).get(name)).toEqual(value);
});
