/** Freeing in steps: what is freed at once, in what order the rest goes, and that the checker can follow. */
import { describe, expect, test } from 'vitest';
import { type Address, Arena, Kind } from '../../../src/engine/memory/arena.ts';
import { EntryType } from '../../../src/engine/memory/entries.ts';
import { LazyFree, type RootFreer } from '../../../src/engine/memory/lazy-free.ts';
import { EngineRig } from '../engine-rig.ts';

/** Roots with cells below them, freed from the first on. */
class Roots implements RootFreer {
  readonly arena: Arena;
  readonly cells = new Map<Address, Address[]>();
  readonly budgets: number[] = [];

  constructor(arena: Arena) {
    this.arena = arena;
  }

  make(size: number): Address {
    const root = this.arena.allocPinned(Kind.root);
    this.cells.set(root, Array.from({ length: size }, () => this.arena.alloc(32, Kind.element)));
    return root;
  }

  freeStep(root: Address, progress: number, budget: number): number {
    this.budgets.push(budget);
    const cells = this.cells.get(root)!;
    const end = Math.min(cells.length, progress + budget);
    for (let n = progress; n < end; n++) this.arena.free(cells[n]!);
    if (end < cells.length) return end;
    this.arena.free(root);
    this.cells.delete(root);
    return -1;
  }

  eachCell(root: Address, progress: number, visit: (address: Address) => void): void {
    visit(root);
    for (const cell of this.cells.get(root)!.slice(progress)) visit(cell);
  }
}

describe('lazy freeing', () => {
  const begin = (): { arena: Arena; lazy: LazyFree; roots: Roots } => {
    const arena = new Arena({ poison: true });
    const lazy = new LazyFree(arena);
    const roots = new Roots(arena);
    lazy.register(EntryType.set, roots);
    return { arena, lazy, roots };
  };

  test('frees packed cells and small collections at once', () => {
    const { arena, lazy, roots } = begin();
    lazy.reclaim(EntryType.hash, arena.alloc(500, Kind.packed));
    lazy.reclaim(EntryType.set, roots.make(100));
    expect([lazy.pending, arena.liveCells]).toEqual([0, 0]);
    expect(lazy.step(10)).toBe(false);
  });

  test('frees big ones in steps of the size asked for', () => {
    const { arena, lazy, roots } = begin();
    lazy.reclaim(EntryType.set, roots.make(2000));
    lazy.reclaim(EntryType.set, roots.make(3000));
    expect(lazy.pending).toBe(2);
    roots.budgets.length = 0;
    let steps = 1;
    for (; lazy.step(100); steps++) {
      const seen = new Set<Address>();
      lazy.eachCell((address) => { seen.add(address); });
      expect(seen.size).toBe(arena.liveCells);
    }
    expect(new Set(roots.budgets)).toEqual(new Set([100]));
    expect(steps).toBeGreaterThan(35);
    expect([lazy.pending, arena.liveCells, lazy.step(100), lazy.freed]).toEqual([0, 0, false, 2]);
  });

  test('forgets what is due when the arena is cleared', () => {
    const { arena, lazy, roots } = begin();
    lazy.reclaim(EntryType.set, roots.make(2000));
    arena.clear();
    lazy.reset();
    expect([lazy.pending, lazy.step(100)]).toEqual([0, false]);
  });

  test('has one owner for each type, and must have one', () => {
    const { lazy, roots } = begin();
    expect(() => { lazy.register(EntryType.set, roots); }).toThrow('two owners');
    expect(() => { lazy.reclaim(EntryType.hash, roots.make(1)); }).toThrow('nobody frees');
  });
});

// By every command that gives a value up.
test.each(['DEL big', 'UNLINK big', 'SET big v', 'RENAME other big', 'COPY other big REPLACE', 'PEXPIRE big -1', 'SINTERSTORE big none'])(
  'a large set, hash and list that %s gives up is freed in steps', (line) => {
    const fillers = [
      ['SADD', ...Array.from({ length: 3000 }, (_, n) => `member:${n}`)],
      ['HSET', ...Array.from({ length: 6000 }, (_, n) => `field:${n}`)],
      ['RPUSH', ...Array.from({ length: 3000 }, (_, n) => `${n}${'x'.repeat(2000)}`)],
    ];
    for (const [name, ...elements] of fillers) {
      const rig = new EngineRig();
      const { keyspace, types } = rig.engine;
      rig.run('SET', 'other', 'v');
      rig.run(name!, 'big', ...elements);
      const before = keyspace.arena.liveCells;
      rig.line(line);
      expect(types.lazyFree.pending, name).toBe(1);
      expect(keyspace.arena.liveCells).toBeGreaterThan(before / 4);
      let steps = 0;
      for (; keyspace.lazyFreeStep(50); steps++) rig.check();
      expect(steps).toBeGreaterThan(1);
      rig.check();
      expect(keyspace.arena.liveCells).toBeLessThan(12);
    }
  },
);
