/**
 * Random commands of all types on an engine whose freed cells are poisoned, beside a model of plain Maps, Sets and arrays.
 * Encoding limits, sizes and the mix of growth and shrinking follow from the seed; compaction, lazy freeing and expiry
 * come in between.
 */
import { expect } from 'vitest';
import { EngineRig, randomOf } from '../engine-rig.ts';
import { type KeyContents, contents } from '../keyspace-contents.ts';
import type { Value } from '../recording-reply.ts';

type Item = { expireAtMs: number } & (
  | { kind: 'string'; value: string }
  | { kind: 'hash'; value: Map<string, string> }
  | { kind: 'set'; value: Set<string> }
  | { kind: 'list'; value: string[] }
  | { kind: 'sorted set'; value: Map<string, number> }
  | { kind: 'stream'; value: [id: string, fields: string[]][] }
);
type ItemOf<K extends Item['kind']> = Extract<Item, { kind: K }>;

const NO_EXPIRY = -1;
/** Keys or elements that fill slabs, in number and by name: long enough for compaction to find three slabs of a class. */
const FILL = 4000;
const FILL_KEY = `fill:${'-'.repeat(45)}`;
const FILL_SET = 'fill set';

export class ArenaWorld {
  readonly rig: EngineRig;
  /** Steps that were run. */
  steps = 0;
  readonly #random: () => number;
  readonly #model: Map<string, Item>[] = [new Map(), new Map(), new Map(), new Map()];
  readonly #keys: number;
  readonly #members: number;
  readonly #large: number;
  #nowMs = 1_700_000_000_000;
  /** How likely a step makes data rather than takes it away: changes as the world goes on. */
  #growth = 0.7;
  #last = '';

  constructor(seed: number) {
    this.#random = randomOf(seed);
    this.rig = new EngineRig(seed);
    const { limits } = this.rig;
    limits.hashMaxListpackEntries = this.#pick([0, 8, 128]);
    limits.hashMaxListpackValue = this.#pick([8, 64]);
    limits.setMaxIntsetEntries = this.#pick([0, 16, 512]);
    limits.setMaxListpackEntries = this.#pick([0, 8, 128]);
    limits.setMaxListpackValue = this.#pick([8, 64]);
    limits.zsetMaxListpackEntries = this.#pick([0, 8, 128]);
    limits.zsetMaxListpackValue = this.#pick([8, 64]);
    limits.streamNodeMaxEntries = this.#pick([3, 100]);
    limits.streamNodeMaxBytes = this.#pick([200, 4096]);
    limits.listMaxListpackSize = this.#pick([-2, -1, 4, 100]);
    this.#keys = this.#pick([4, 20, 300]);
    this.#members = this.#pick([10, 200, 3000]);
    this.#large = this.#pick([0, 0.01, 0.03]);
  }

  step(): void {
    this.steps++;
    if (this.steps % 400 === 0) this.#growth = this.#pick([0.2, 0.5, 0.8]);
    const { keyspace } = this.rig.engine;
    const what = this.#random();
    if (what < 0.1) keyspace.compactor.step(this.#below(1000));
    else if (what < 0.15) keyspace.lazyFreeStep(this.#below(100));
    else if (what < 0.17) this.#passTime();
    else if (what < 0.3) this.#wholeKey();
    else if (what < 0.303) this.#wholeDatabase();
    else if (what < 0.31) this.#fillOrThin();
    else if (what < 0.45) this.#string();
    else if (what < 0.56) this.#hash();
    else if (what < 0.67) this.#set();
    else if (what < 0.78) this.#list();
    else if (what < 0.9) this.#sortedSet();
    else this.#stream();
  }

  /** Walks the whole arena: each live cell belongs to exactly one owner, and every structure is as it should be. */
  check(): void {
    this.rig.check();
  }

  /** Compares all contents with the model. */
  compare(): void {
    const actual = contents(this.rig.engine);
    for (const [id, { expireAtMs }] of actual) if (expireAtMs !== NO_EXPIRY && expireAtMs < this.#nowMs) actual.delete(id);
    const expected = new Map<string, KeyContents>();
    for (const [db, items] of this.#model.entries()) {
      for (const key of [...items.keys()]) {
        const item = this.#find(db, key);
        if (item === undefined) continue;
        let value: string | unknown[];
        if (item.kind === 'hash') value = [...item.value].sort();
        else if (item.kind === 'set') value = [...item.value].sort();
        else if (item.kind === 'sorted set') value = inOrder(item.value).map(([member, score]) => [member, String(score)]);
        else if (item.kind === 'stream') {
          // What is known of the stream as a whole is not modelled.
          (actual.get(`${db}:${key}`)?.value as unknown[] | undefined)?.pop();
          value = item.value.flatMap(([id, fields]) => [id, ...pairsOf(fields)]);
        } else value = item.value;
        expected.set(`${db}:${key}`, { expireAtMs: item.expireAtMs, value });
      }
    }
    expect(actual.size).toBe(expected.size);
    for (const [id, item] of expected) expect(actual.get(id), id).toEqual(item);
  }

  /** Deletes everything step by step, and asserts that nothing stays behind but the databases' own roots. */
  empty(): void {
    const { keyspace } = this.rig.engine;
    for (const [db, items] of this.#model.entries()) {
      this.rig.run('SELECT', db);
      for (const key of items.keys()) this.rig.run('DEL', key);
    }
    keyspace.expireStep(Infinity);
    while (keyspace.lazyFreeStep(100));
    while (keyspace.compactor.step(1000));
    this.check();
    const roots = keyspace.databases.filter((db) => db.root !== 0).length;
    expect(keyspace.arena.liveCells).toBe(roots);
  }

  // ---- Choices ----

  #below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  #pick<T>(of: readonly T[]): T {
    return of[this.#below(of.length)]!;
  }

  #grows(): boolean {
    return this.#random() < this.#growth;
  }

  #key(): string {
    if (this.#below(8) === 0) return `${FILL_KEY}${this.#below(FILL)}`;
    return `k${this.#below(this.#keys)}${this.#below(20) === 0 ? 'long'.repeat(this.#below(80)) : ''}`;
  }

  /** Text that differs from call to call, so that a cell in the wrong place shows. */
  #text(): string {
    const kind = this.#random();
    const head = String(this.#below(1e9));
    if (kind < 0.7) return head.slice(0, this.#below(10));
    if (kind < 0.98 - this.#large) return head.repeat(1 + this.#below(8));
    if (kind < 1 - this.#large) return head.repeat(this.#below(600));
    return head.repeat(this.#below(this.#random() < 0.9 ? 8000 : 40_000));
  }

  #member(): string {
    const n = this.#below(this.#members);
    const kind = n % 3;
    return kind === 0 ? String(n) : kind === 1 ? `m${n}` : `member:${'x'.repeat(n % 70)}:${n}`;
  }

  #integer(): string {
    return String(this.#below(this.#members) * this.#pick([1, -1, 1000, 2 ** 33]));
  }

  // ---- Model and engine ----

  #find(db: number, key: string): Item | undefined {
    const item = this.#model[db]!.get(key);
    if (item === undefined || item.expireAtMs === NO_EXPIRY || item.expireAtMs >= this.#nowMs) return item;
    this.#model[db]!.delete(key);
    return undefined;
  }

  /** The key's item if it is of the kind, a new one if there is none, null if it is of another kind. */
  #item<K extends Item['kind']>(db: number, key: string, kind: K, empty: ItemOf<K>['value']): ItemOf<K> | null {
    let item = this.#find(db, key);
    if (item === undefined) {
      item = { kind, value: empty, expireAtMs: NO_EXPIRY } as Item;
      this.#model[db]!.set(key, item);
    }
    return item.kind === kind ? (item as ItemOf<K>) : null;
  }

  #dropIfEmpty(db: number, key: string, size: number): void {
    if (size === 0) this.#model[db]!.delete(key);
  }

  #run(db: number, ...words: (string | number)[]): Value {
    this.#last = words.map((word) => String(word).slice(0, 40)).join(' ');
    this.rig.session.db = db;
    return this.rig.run(...words);
  }

  #same(actual: Value, expected: Value): void {
    expect(actual, `step ${this.steps}: ${this.#last}`).toEqual(expected);
  }

  #passTime(): void {
    this.#nowMs += this.#below(500);
    this.rig.engine.beginTurn(this.#nowMs);
    this.rig.engine.keyspace.expireStep(this.#below(4));
  }

  /** Fills slabs of a class or two with small values or with the elements of one large set, or leaves few of them alive. */
  #fillOrThin(): void {
    for (let db = 0; db < this.#model.length; db++) {
      const filled = [...this.#model[db]!.keys()].filter((key) => key.startsWith(FILL_KEY));
      if (filled.length > FILL / 3) {
        this.#thinKeys(db, filled);
        return;
      }
      const set = this.#find(db, FILL_SET);
      if (set?.kind === 'set' && set.value.size > FILL / 3) {
        this.#thinSet(db, set.value);
        return;
      }
    }
    const db = this.#below(4);
    const value = 'f'.repeat(this.#below(100));
    if (this.#below(4) === 0) this.#fillSet(db, value);
    else for (let n = 0; n < FILL; n++) this.#fillKey(db, `${FILL_KEY}${n}`, n, value);
  }

  #fillKey(db: number, key: string, n: number, value: string): void {
    const items = this.#model[db]!;
    const expireAtMs = NO_EXPIRY;
    if (n % 2 === 0) {
      this.#same(this.#run(db, 'DEL', key), this.#find(db, key) === undefined ? 0 : 1);
      this.#same(this.#run(db, 'HSET', key, 'f', value), 1);
      items.set(key, { kind: 'hash', value: new Map([['f', value]]), expireAtMs });
    } else {
      this.#same(this.#run(db, 'SET', key, value), 'OK');
      items.set(key, { kind: 'string', value, expireAtMs });
    }
  }

  #fillSet(db: number, value: string): void {
    const members = Array.from({ length: FILL }, (_, n) => `${n}:${value}`);
    this.#run(db, 'DEL', FILL_SET);
    this.#same(this.#run(db, 'SADD', FILL_SET, ...members), members.length);
    this.#model[db]!.set(FILL_SET, { kind: 'set', value: new Set(members), expireAtMs: NO_EXPIRY });
  }

  #thinKeys(db: number, keys: string[]): void {
    for (const key of keys) {
      if (this.#random() < 0.15) continue;
      this.#same(this.#run(db, 'DEL', key), this.#find(db, key) === undefined ? 0 : 1);
      this.#model[db]!.delete(key);
    }
  }

  #thinSet(db: number, set: Set<string>): void {
    const gone = [...set].filter(() => this.#random() < 0.85);
    this.#same(this.#run(db, 'SREM', FILL_SET, ...gone), gone.length);
    for (const member of gone) set.delete(member);
  }

  // ---- Commands ----

  #string(): void {
    const db = this.#below(4);
    const key = this.#key();
    if (this.#random() < 0.5 && this.#grows()) {
      const value = this.#text();
      this.#same(this.#run(db, 'SET', key, value), 'OK');
      this.#model[db]!.set(key, { kind: 'string', value, expireAtMs: NO_EXPIRY });
      return;
    }
    const item = this.#item(db, key, 'string', '');
    if (item === null) return;
    const what = this.#below(3);
    const text = this.#text();
    if (what === 0) {
      item.value += text;
      this.#same(this.#run(db, 'APPEND', key, text), item.value.length);
      // APPEND of nothing makes an empty string of what was missing.
      return;
    }
    if (what === 1 && text.length > 0) {
      const at = this.#below(item.value.length + 50);
      item.value = (item.value.slice(0, at).padEnd(at, '\0') + text) + item.value.slice(at + text.length);
      this.#same(this.#run(db, 'SETRANGE', key, at, text), item.value.length);
      return;
    }
    const there = item.value;
    const reply = this.#run(db, 'GETDEL', key);
    this.#same(reply, reply === null && there === '' ? null : there);
    this.#model[db]!.delete(key);
  }

  #hash(): void {
    const db = this.#below(4);
    const key = this.#key();
    const item = this.#item(db, key, 'hash', new Map<string, string>());
    if (item === null) return;
    const { value } = item;
    const fields = Array.from({ length: 1 + this.#below(this.#pick([1, 4, 40])) }, () => this.#member());
    if (this.#grows()) {
      const before = value.size;
      const pairs = fields.flatMap((field) => [field, this.#text()]);
      for (let i = 0; i < pairs.length; i += 2) value.set(pairs[i]!, pairs[i + 1]!);
      this.#same(this.#run(db, 'HSET', key, ...pairs), value.size - before);
    } else {
      let gone = 0;
      for (const field of fields) if (value.delete(field)) gone++;
      this.#same(this.#run(db, 'HDEL', key, ...fields), gone);
    }
    this.#dropIfEmpty(db, key, value.size);
    if (value.size > 0) this.#same(this.#run(db, 'HGET', key, fields[0]!), value.get(fields[0]!) ?? null);
  }

  #set(): void {
    const db = this.#below(4);
    const key = this.#key();
    const item = this.#item(db, key, 'set', new Set<string>());
    if (item === null) return;
    const { value } = item;
    const integers = this.#below(2) === 0;
    const members = Array.from({ length: 1 + this.#below(this.#pick([1, 4, 40])) }, () => (integers ? this.#integer() : this.#member()));
    if (this.#grows()) {
      const before = value.size;
      for (const member of members) value.add(member);
      this.#same(this.#run(db, 'SADD', key, ...members), value.size - before);
    } else if (this.#below(3) === 0) {
      const popped = this.#run(db, 'SPOP', key, this.#below(5)) as string[];
      for (const member of popped) expect(value.delete(member), this.#last).toBe(true);
    } else {
      let gone = 0;
      for (const member of members) if (value.delete(member)) gone++;
      this.#same(this.#run(db, 'SREM', key, ...members), gone);
    }
    this.#dropIfEmpty(db, key, value.size);
    if (value.size > 0) this.#same(this.#run(db, 'SISMEMBER', key, members[0]!), value.has(members[0]!) ? 1 : 0);
  }

  #list(): void {
    const db = this.#below(4);
    const key = this.#key();
    const item = this.#item(db, key, 'list', []);
    if (item === null) return;
    const { value } = item;
    const atHead = this.#below(2) === 0;
    const side = atHead ? 'L' : 'R';
    const at = this.#below(value.length);
    const text = this.#text();
    if (this.#grows() || value.length === 0) {
      const elements = Array.from({ length: 1 + this.#below(this.#pick([1, 4, 40])) }, () => this.#text());
      if (atHead) value.unshift(...elements.toReversed());
      else value.push(...elements);
      this.#same(this.#run(db, `${side}PUSH`, key, ...elements), value.length);
    } else if (this.#below(4) > 0) {
      const count = 1 + this.#below(this.#pick([1, 4, 60]));
      const popped = atHead ? value.splice(0, count) : value.splice(-count).reverse();
      this.#same(this.#run(db, `${side}POP`, key, count), popped);
    } else if (this.#below(3) === 0) {
      const end = at + this.#below(value.length);
      this.#same(this.#run(db, 'LTRIM', key, at, end), 'OK');
      item.value = value.slice(at, end + 1);
    } else if (this.#below(2) === 0) {
      value[at] = text;
      this.#same(this.#run(db, 'LSET', key, at, text), 'OK');
    } else {
      const pivot = value[at]!;
      value.splice(value.indexOf(pivot), 0, text);
      this.#same(this.#run(db, 'LINSERT', key, 'BEFORE', pivot, text), value.length);
    }
    this.#dropIfEmpty(db, key, item.value.length);
    if (item.value.length > 0) this.#same(this.#run(db, 'LINDEX', key, at), item.value[at] ?? null);
  }

  #sortedSet(): void {
    const db = this.#below(4);
    const key = this.#key();
    const item = this.#item(db, key, 'sorted set', new Map<string, number>());
    if (item === null) return;
    const { value } = item;
    const members = Array.from({ length: 1 + this.#below(this.#pick([1, 4, 40])) }, () => this.#member());
    const scoreOf = (): number => this.#pick([this.#below(5), this.#below(1e6) / 8, -this.#below(1e9), Infinity, -Infinity]);
    if (this.#grows()) {
      const before = value.size;
      const pairs = members.flatMap((member) => [scoreOf(), member]);
      for (let i = 0; i < pairs.length; i += 2) value.set(pairs[i + 1] as string, pairs[i] as number);
      this.#same(this.#run(db, 'ZADD', key, ...pairs.map((word) => (typeof word === 'number' ? String(word).replace('Infinity', 'inf') : word))), value.size - before);
    } else if (this.#below(3) === 0) {
      const popped = inOrder(value).slice(0, this.#below(6));
      this.#same((this.#run(db, 'ZPOPMIN', key, popped.length) as string[]).filter((_, i) => i % 2 === 0), popped.map(([member]) => member));
      for (const [member] of popped) value.delete(member);
    } else {
      let gone = 0;
      for (const member of members) if (value.delete(member)) gone++;
      this.#same(this.#run(db, 'ZREM', key, ...members), gone);
    }
    this.#dropIfEmpty(db, key, value.size);
    if (value.size === 0) return;
    const rank = inOrder(value).findIndex(([member]) => member === members[0]);
    this.#same(this.#run(db, 'ZRANK', key, members[0]!), rank === -1 ? null : rank);
  }

  #stream(): void {
    const db = this.#below(4);
    const key = this.#key();
    const item = this.#item(db, key, 'stream', []);
    if (item === null) return;
    const { value } = item;
    if (this.#grows() || value.length === 0) {
      const fields = Array.from({ length: 1 + this.#below(this.#pick([1, 4])) }, () => [this.#member(), this.#text()]).flat();
      value.push([this.#run(db, 'XADD', key, '*', ...fields) as string, fields]);
    } else if (this.#below(3) === 0) {
      const keep = this.#below(value.length + 1);
      this.#same(this.#run(db, 'XTRIM', key, 'MAXLEN', keep), value.length - keep);
      item.value = keep === 0 ? [] : value.slice(-keep);
    } else {
      const from = this.#below(value.length);
      const gone = value.splice(from, 1 + this.#below(5));
      this.#same(this.#run(db, 'XDEL', key, ...gone.map(([id]) => id)), gone.length);
    }
    this.#same(this.#run(db, 'XLEN', key), item.value.length);
  }

  /** Keys whatever their type. */
  #wholeKey(): void {
    const db = this.#below(4);
    const key = this.#key();
    const other = this.#key();
    const item = this.#find(db, key);
    const what = this.#below(6);
    if (what === 0 || item === undefined) {
      this.#same(this.#run(db, this.#pick(['DEL', 'UNLINK']), key), item === undefined ? 0 : 1);
      this.#model[db]!.delete(key);
    } else if (what === 1) {
      this.#same(this.#run(db, 'RENAME', key, other), 'OK');
      this.#model[db]!.delete(key);
      this.#model[db]!.set(other, item);
    } else if (what === 2) {
      const target = this.#below(4);
      const moves = target !== db && this.#find(target, key) === undefined;
      if (target === db) return;
      this.#same(this.#run(db, 'MOVE', key, target), moves ? 1 : 0);
      if (!moves) return;
      this.#model[db]!.delete(key);
      this.#model[target]!.set(key, item);
    } else if (what === 3) {
      const target = this.#below(4);
      if (target === db && other === key) return;
      this.#same(this.#run(db, 'COPY', key, other, 'DB', target, 'REPLACE'), 1);
      this.#model[target]!.set(other, structuredClone(item));
    } else if (what === 4) {
      item.expireAtMs = this.#nowMs + 1 + this.#below(4000);
      this.#same(this.#run(db, 'PEXPIREAT', key, item.expireAtMs), 1);
    } else {
      this.#same(this.#run(db, 'PERSIST', key), item.expireAtMs === NO_EXPIRY ? 0 : 1);
      item.expireAtMs = NO_EXPIRY;
    }
  }

  #wholeDatabase(): void {
    const db = this.#below(4);
    const other = this.#below(4);
    const what = this.#random();
    if (what < 0.6) {
      this.#same(this.#run(0, 'SWAPDB', db, other), 'OK');
      [this.#model[db], this.#model[other]] = [this.#model[other]!, this.#model[db]!];
    } else if (what < 0.95) {
      this.#same(this.#run(db, 'FLUSHDB'), 'OK');
      this.#model[db] = new Map();
    } else {
      this.#same(this.#run(0, 'FLUSHALL'), 'OK');
      for (const n of this.#model.keys()) this.#model[n] = new Map();
    }
  }
}

/** A sorted set's members in its order. */
function inOrder(scores: ReadonlyMap<string, number>): [member: string, score: number][] {
  return [...scores].sort(([a, scoreA], [b, scoreB]) => (scoreA === scoreB ? (a < b ? -1 : 1) : scoreA - scoreB));
}

function pairsOf(fields: readonly string[]): string[][] {
  return fields.flatMap((field, i) => (i % 2 === 0 ? [[field, fields[i + 1]!]] : []));
}
