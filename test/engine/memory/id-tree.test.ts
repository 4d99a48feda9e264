/** Trees by stream id beside a sorted array: random insertions, removals and searches, compaction between them, memory poisoned. */
import { expect, test } from 'vitest';
import { Arena, Kind, PINNED_BYTES } from '../../../src/engine/memory/arena.ts';
import { Compactor } from '../../../src/engine/memory/compaction.ts';
import { IdCursor, IdTree } from '../../../src/engine/memory/id-tree.ts';
import { latin1Bytes } from '../../../src/shared/request.ts';
import { MissingSequence, StreamId } from '../../../src/shared/stream-id.ts';
import { randomOf } from '../engine-rig.ts';

function idOf(text: string): StreamId {
  const id = new StreamId();
  id.parse(latin1Bytes(text), 0, text.length, MissingSequence.zero);
  return id;
}

/** The text of ids that sort as they do. */
function sortable(text: string): string {
  return text.split('-').map((part) => part.padStart(20, '0')).join('-');
}

function before(a: string, b: string): number {
  return sortable(a) < sortable(b) ? -1 : a === b ? 0 : 1;
}

/** Ids that crowd together, also where words overflow. */
function randomId(random: () => number): string {
  const ms = [0n, 5n, 2n ** 32n - 2n, 2n ** 53n - 1n, 2n ** 63n - 2n, 2n ** 64n - 300n][Math.floor(random() * 6)]!;
  const seq = [0n, 2n ** 31n, 2n ** 64n - 40n][Math.floor(random() * 3)]!;
  return `${ms + BigInt(Math.floor(random() * 300))}-${seq + BigInt(Math.floor(random() * 40))}`;
}

test.each([[31, 0], [32, 1], [33, 5]])('random records; seed %d, %d words each', (seed, words) => {
  const random = randomOf(seed);
  const arena = new Arena({ poison: true });
  const compactor = new Compactor(arena);
  const tree = new IdTree(arena, compactor);
  const root = arena.allocPinned(Kind.root);
  const cursor = new IdCursor();
  const id = new StreamId();
  const model = new Map<string, number>();
  let sorted: string[] = [];
  const at = (): string => {
    tree.id(cursor, id);
    return id.text();
  };
  for (let step = 0; step < 8_000; step++) {
    const growing = step % 4000 < 2500;
    const text = random() < (growing ? 0.1 : 0.95) && sorted.length > 0 ? sorted[Math.floor(random() * sorted.length)]! : randomId(random);
    if (random() < (growing ? 0.9 : 0.05)) {
      expect(tree.insert(root, idOf(text), words, cursor)).toBe(!model.has(text));
      model.set(text, step);
      for (let n = 0; n < words; n++) tree.setWord(cursor, n, step + n);
    } else {
      const found = tree.find(root, idOf(text), cursor);
      expect(found).toBe(model.delete(text));
      if (found) tree.remove(cursor);
    }
    if (step % 7 === 0) compactor.step(50);
    if (step % 1000 !== 999) continue;
    expect(tree.check(root)).toBe(model.size);
    sorted = [...model.keys()].sort(before);
    const walked: string[] = [];
    const wrong: string[] = [];
    for (let more = tree.first(root, cursor); more; more = tree.next(cursor)) {
      walked.push(at());
      for (let n = 0; n < words; n++) if (tree.word(cursor, n) !== model.get(at())! + n) wrong.push(at());
    }
    expect(walked).toEqual(sorted);
    expect(wrong).toEqual([]);
    const back: string[] = [];
    for (let more = tree.last(root, cursor); more; more = tree.previous(cursor)) back.push(at());
    expect(back.reverse()).toEqual(sorted);
    for (let n = 0; n < 20; n++) {
      const sought = randomId(random);
      const next = sorted.find((other) => before(other, sought) >= 0);
      expect(tree.seek(root, idOf(sought), cursor)).toBe(next !== undefined);
      if (next !== undefined) expect(at()).toBe(next);
      const last = sorted.findLast((other) => before(other, sought) <= 0);
      expect(tree.seekBack(root, idOf(sought), cursor)).toBe(last !== undefined);
      if (last !== undefined) expect(at()).toBe(last);
    }
  }
  while (tree.dropLastLeaf(root)) tree.check(root);
  expect(tree.isEmpty(root)).toBe(true);
  expect(arena.liveBytes).toBe(PINNED_BYTES);
});

test('ascending records fill their nodes, and a draining front leaves none behind', () => {
  const arena = new Arena({ poison: true });
  const tree = new IdTree(arena, new Compactor(arena));
  const root = arena.allocPinned(Kind.root);
  const cursor = new IdCursor();
  const id = new StreamId();
  for (let i = 0; i < 50_000; i++) tree.insert(root, id.set(0, i >>> 8, 0, i & 255), 0, cursor);
  expect(tree.check(root)).toBe(50_000);
  expect(arena.liveBytes / 50_000).toBeLessThan(17);
  expect(Math.abs(IdTree.bytes(50_000, 0) - arena.liveBytes)).toBeLessThan(arena.liveBytes * 0.05);
  for (let i = 0; i < 49_990; i++) {
    tree.first(root, cursor);
    tree.remove(cursor);
  }
  expect(tree.check(root)).toBe(10);
  expect(arena.liveBytes).toBeLessThan(5000);
});

test('records that came before the first of an inner node are found when that node is merged', () => {
  const arena = new Arena({ poison: true });
  const tree = new IdTree(arena, new Compactor(arena));
  const root = arena.allocPinned(Kind.root);
  const cursor = new IdCursor();
  const id = new StreamId();
  const remove = (from: number, to: number): void => {
    for (let i = from; i < to; i++) {
      expect(tree.find(root, id.set(0, i * 10, 0, 0), cursor)).toBe(true);
      tree.remove(cursor);
    }
  };
  // Full leaves of 63 records, 50 of them below each of the inner nodes.
  const leaf = 63;
  const inner = leaf * 50;
  for (let i = 0; i < 2 * inner; i++) tree.insert(root, id.set(0, i * 10, 0, 0), 0, cursor);
  remove(inner, inner + leaf);
  const late = inner * 10 + 5;
  tree.insert(root, id.set(0, late, 0, 0), 0, cursor);
  remove(leaf * 20, inner);
  remove(inner + leaf * 10, 2 * inner);
  expect(tree.check(root)).toBe(leaf * 20 + leaf * 9 + 1);
  expect(tree.find(root, id.set(0, late, 0, 0), cursor)).toBe(true);
});
