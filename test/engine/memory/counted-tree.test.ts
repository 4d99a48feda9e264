import { describe, expect, test } from 'vitest';
import { Arena, Kind } from '../../../src/engine/memory/arena.ts';
import { Compactor } from '../../../src/engine/memory/compaction.ts';
import { CountedTree, TreeCursor } from '../../../src/engine/memory/counted-tree.ts';
import { SHAPE_ZSET, allocElement } from '../../../src/engine/memory/records.ts';
import { latin1Bytes } from '../../../src/shared/request.ts';
import { randomOf } from '../engine-rig.ts';

interface Model { score: number; key: string; address: number }

class Rig {
  readonly arena = new Arena({ poison: true });
  readonly compactor = new Compactor(this.arena);
  readonly tree = new CountedTree(this.arena, this.compactor);
  readonly root = this.arena.allocPinned(Kind.root);
  readonly byAddress = new Map<number, Model>();
  model: Model[] = [];

  constructor() {
    this.compactor.register(Kind.element, (from, to) => {
      const item = this.byAddress.get(from)!;
      this.tree.replace(this.root, item.score, from, to);
      this.byAddress.delete(from);
      this.byAddress.set(to, item);
      item.address = to;
    });
  }

  add(score: number, key: string): void {
    const bytes = latin1Bytes(key);
    const address = allocElement(this.arena, SHAPE_ZSET, this.root, bytes, 0, bytes.length, 0);
    const item = { score, key, address };
    this.tree.insert(this.root, score, address);
    this.byAddress.set(address, item);
    this.model.splice(this.below(item), 0, item);
  }

  remove(i: number, byRank = false): void {
    const item = this.model.splice(i, 1)[0]!;
    if (byRank) {
      const cursor = new TreeCursor();
      this.tree.seekRank(this.root, i, cursor);
      expect(cursor.address).toBe(item.address);
      this.tree.removeAt(this.root, cursor);
    } else this.tree.remove(this.root, item.score, item.address);
    this.byAddress.delete(item.address);
    this.arena.free(item.address);
  }

  move(i: number, score: number): void {
    const item = this.model.splice(i, 1)[0]!;
    this.tree.move(this.root, item.score, score, item.address);
    item.score = score;
    this.model.splice(this.below(item), 0, item);
  }

  below(item: { score: number; key: string }): number {
    let low = 0;
    let high = this.model.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.model[middle]!;
      if (other.score < item.score || (other.score === item.score && other.key < item.key)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  compare(): void {
    this.tree.check(this.root);
    const cursor = new TreeCursor();
    this.tree.seekRank(this.root, 0, cursor);
    for (const item of this.model) {
      expect(cursor.address).toBe(item.address);
      this.tree.next(cursor);
    }
    expect(cursor.address).toBe(0);
    this.arena.check(() => undefined);
  }
}

describe('counted tree', () => {
  test.each([
    ['spread scores', 1, 1e9], ['few scores', 2, 3], ['one score', 3, 1],
  ])('agrees with a sorted array: %s', (_name, seed, scores) => {
    const random = randomOf(seed);
    const rig = new Rig();
    const cursor = new TreeCursor();
    for (let step = 0; step < 12000; step++) {
      const grow = step < 5000 || (step > 8000 && step < 9000);
      if (rig.model.length === 0 || random() < (grow ? 0.75 : 0.35)) rig.add(Math.floor(random() * scores), `${Math.floor(random() * 1e9)}:${step}`);
      else rig.remove(Math.floor(random() * rig.model.length), step % 3 === 0);
      if (step % 50 === 0) rig.compactor.step(200);
      if (step % 400 === 0) rig.compare();
      if (rig.model.length === 0) continue;
      if (step % 2 === 0) {
        const moved = Math.floor(random() * rig.model.length);
        // Every other one by little, so that it stays between the same two, or becomes the equal of one of them.
        const near = rig.model[moved + (random() < 0.5 ? 1 : 0)]?.score ?? 0;
        rig.move(moved, step % 4 === 0 ? Math.floor((near + rig.model[moved]!.score) / 2) : Math.floor(random() * scores));
      }
      const i = Math.floor(random() * rig.model.length);
      const item = rig.model[i]!;
      expect(rig.tree.rank(rig.root, item.score, item.address), `seed ${seed} step ${step}`).toBe(i);
      expect(rig.tree.rankOfScore(rig.root, item.score, false)).toBe(rig.below({ score: item.score, key: '' }));
      expect(rig.tree.rankOfScore(rig.root, item.score, true)).toBe(rig.below({ score: item.score, key: '\xff' }));
      rig.tree.seekScore(rig.root, item.score, cursor);
      expect(cursor.address).toBe(rig.model[rig.below({ score: item.score, key: '' })]!.address);
      rig.tree.seekScore(rig.root, item.score + 0.5, cursor);
      expect(cursor.address).toBe(rig.model[rig.below({ score: item.score, key: '\xff' })]?.address ?? 0);
      const key = latin1Bytes(item.key);
      expect(rig.tree.rankOfKey(rig.root, item.score, key, 0, key.length, true)).toBe(i + 1);
      expect(rig.tree.rankOfKey(rig.root, item.score, key, 0, key.length, false)).toBe(i);
    }
    while (rig.model.length > 0) rig.remove(Math.floor(random() * rig.model.length));
    rig.compare();
    expect(rig.arena.liveCells).toBe(1);
  });

  test('walks both ways and fills leaves when records ascend', () => {
    const rig = new Rig();
    for (let i = 0; i < 5000; i++) rig.add(i, `k${i}`);
    rig.compare();
    const cursor = new TreeCursor();
    rig.tree.seekRank(rig.root, 4999, cursor);
    for (let i = 4999; i >= 0; i--) {
      expect(cursor.score).toBe(i);
      rig.tree.previous(cursor);
    }
    expect(cursor.address).toBe(0);
    let nodes = 0;
    rig.tree.eachCell(rig.root, () => { nodes++; });
    expect(nodes).toBeLessThan(5000 / 64 + 10);
    rig.tree.clear(rig.root);
    expect(rig.tree.count(rig.root)).toBe(0);
  });

  test('taken down leaf by leaf it stays a tree, and looks at no record', () => {
    const rig = new Rig();
    const random = randomOf(9);
    for (let i = 0; i < 5000; i++) rig.add(Math.floor(random() * 1000), `k${i}`);
    const bytes = rig.tree.bytes(rig.root);
    let left = 5000;
    for (let leaves = 0; rig.tree.dropFirstLeaf(rig.root); leaves++) {
      expect(rig.tree.count(rig.root)).toBeLessThan(left);
      left = rig.tree.count(rig.root);
      if (leaves % 5 === 0) rig.tree.check(rig.root);
    }
    expect(left).toBe(0);
    expect(bytes).toBeGreaterThan(5000 * 12);
    expect(rig.tree.bytes(rig.root)).toBe(0);
    rig.tree.check(rig.root);
  });
});
