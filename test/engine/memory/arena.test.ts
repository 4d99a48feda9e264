/** The arena by itself: cells of all sizes, what it finds wrong, its bounds, compaction, and random use beside a model. */
import { describe, expect, test } from 'vitest';
import { type Address, Arena, CHUNK_MASK, CHUNK_SHIFT, Kind, OutOfArenaError, PINNED_BYTES } from '../../../src/engine/memory/arena.ts';
import { Compactor } from '../../../src/engine/memory/compaction.ts';
import { CELL_BYTES_MAX, CLASS_BYTES, CLASS_COUNT, CLASS_SLAB_PAGES, PAGE_BYTES, classOf } from '../../../src/engine/memory/size-classes.ts';
import { randomOf } from '../engine-rig.ts';

const MIB = 1024 * 1024;

/** Fills a cell behind its first word, to its very end, with a pattern that follows from `id`. */
function fill(arena: Arena, address: Address, id: number): void {
  const words = arena.cellBytes(address) / 4;
  const i32 = arena.i32[address >>> CHUNK_SHIFT]!;
  const at = (address & CHUNK_MASK) << 1;
  for (let w = 1; w < words; w += w < 64 ? 1 : 997) i32[at + w] = Math.imul(id + 1, w);
  i32[at + words - 1] = id;
}

function expectFilled(arena: Arena, address: Address, id: number): void {
  const words = arena.cellBytes(address) / 4;
  const i32 = arena.i32[address >>> CHUNK_SHIFT]!;
  const at = (address & CHUNK_MASK) << 1;
  expect(i32[at + words - 1]).toBe(id);
  for (let w = 1; w < words - 1; w += w < 64 ? 1 : 997) if (i32[at + w] !== Math.imul(id + 1, w)) expect.fail(`cell of ${id}: word ${w}`);
}

describe('size classes', () => {
  test('ascend in multiples of 8, and none is more than a sixteenth too large for what it is meant for', () => {
    for (let c = 1; c < CLASS_COUNT; c++) {
      const [before, bytes] = [CLASS_BYTES[c - 1]!, CLASS_BYTES[c]!];
      expect(bytes % 8).toBe(0);
      expect(bytes).toBeGreaterThan(before);
      expect(bytes - before).toBeLessThanOrEqual(Math.max(8, before / 16));
    }
    expect(CLASS_BYTES[CLASS_COUNT - 1]).toBe(CELL_BYTES_MAX);
  });

  test('every size has the smallest class that holds it', () => {
    for (let bytes = 1, c = 0; bytes <= CELL_BYTES_MAX; bytes++) {
      while (CLASS_BYTES[c]! < bytes) c++;
      if (classOf(bytes) !== c) expect.fail(`${bytes} bytes: class ${classOf(bytes)}, not ${c}`);
    }
  });

  test('slabs hold one cell at least, and waste little at their end', () => {
    for (let c = 0; c < CLASS_COUNT; c++) {
      const total = CLASS_SLAB_PAGES[c]! * PAGE_BYTES;
      expect(total).toBeGreaterThanOrEqual(CLASS_BYTES[c]!);
      expect((total % CLASS_BYTES[c]!) / total).toBeLessThan(1 / 20);
    }
  });

  test('roundUp is what a cell will have', () => {
    const arena = new Arena();
    for (const bytes of [1, 16, 17, 255, 257, 5000, CELL_BYTES_MAX, CELL_BYTES_MAX + 1, MIB, 33 * MIB]) {
      expect(arena.cellBytes(arena.alloc(bytes, Kind.packed))).toBe(Arena.roundUp(bytes));
    }
  });
});

describe('cells', () => {
  test('are not null, have their kind and do not overlap, from the smallest to chunks of their own', () => {
    const arena = new Arena({ poison: true });
    const sizes = [1, 8, 16, 24, 100, 1000, 4096, 4097, 65_536, CELL_BYTES_MAX, CELL_BYTES_MAX + 1, MIB, 20 * MIB, 40 * MIB];
    const cells = sizes.map((bytes, id) => {
      const address = arena.alloc(bytes, 1 + (id % 10));
      expect(address).not.toBe(0);
      expect(arena.cellBytes(address)).toBeGreaterThanOrEqual(bytes);
      fill(arena, address, id);
      return address;
    });
    for (const [id, address] of cells.entries()) {
      expectFilled(arena, address, id);
      expect(arena.kind(address)).toBe(1 + (id % 10));
    }
    arena.check(() => undefined);
    expect(arena.liveCells).toBe(sizes.length);
    for (const address of cells) arena.free(address);
    arena.check(() => undefined);
    expect([arena.liveCells, arena.liveBytes]).toEqual([0, 0]);
    const compactor = new Compactor(arena);
    while (compactor.step(100));
    expect(arena.usedBytes).toBe(0);
  });

  test('that were freed are used again before others', () => {
    const arena = new Arena({ poison: true });
    const cells = Array.from({ length: 100 }, () => arena.alloc(40, Kind.packed));
    const used = arena.usedBytes;
    for (const address of cells.slice(10, 20)) arena.free(address);
    const again = new Set(Array.from({ length: 10 }, () => arena.alloc(40, Kind.packed)));
    expect(again).toEqual(new Set(cells.slice(10, 20)));
    expect(arena.usedBytes).toBe(used);
  });

  test('that are pinned begin zeroed, also where something was before', () => {
    const arena = new Arena({ poison: true });
    const first = arena.allocPinned(Kind.root);
    fill(arena, first, 5);
    arena.free(first);
    const again = arena.allocPinned(Kind.root);
    expect(again).toBe(first);
    const at = (again & CHUNK_MASK) << 1;
    expect([...arena.i32[again >>> CHUNK_SHIFT]!.subarray(at, at + PINNED_BYTES / 4)]).toEqual([Kind.root, ...new Array<number>(15).fill(0)]);
  });

  test('addresses beyond 2^31 units are negative numbers, and work', () => {
    const arena = new Arena();
    const cells: Address[] = [];
    // Chunks of their own, of which only the first page is touched.
    while (cells.length < 2100) cells.push(arena.alloc(5 * MIB, Kind.packed));
    const small = Array.from({ length: 2000 }, () => arena.alloc(100_000, Kind.packed));
    expect(cells.some((address) => address < 0)).toBe(true);
    for (const [id, address] of [...cells, ...small].entries()) {
      const at = (address & CHUNK_MASK) << 1;
      arena.i32[address >>> CHUNK_SHIFT]![at + 1] = id;
    }
    for (const [id, address] of [...cells, ...small].entries()) expect(arena.i32[address >>> CHUNK_SHIFT]![((address & CHUNK_MASK) << 1) + 1]).toBe(id);
    for (const address of [...cells, ...small]) arena.free(address);
    expect(arena.liveCells).toBe(0);
  });

  test('clear drops everything, but for the first chunk', () => {
    const arena = new Arena({ poison: true });
    for (let n = 0; n < 2000; n++) arena.alloc(n * 100, Kind.packed);
    expect(arena.u8.length).toBeGreaterThan(1);
    arena.clear();
    arena.check(() => undefined);
    expect([arena.liveCells, arena.liveBytes, arena.usedBytes, arena.u8.length]).toEqual([0, 0, 0, 1]);
    for (let n = 0; n < 2000; n++) fill(arena, arena.alloc(n * 100, Kind.packed), n);
    arena.check(() => undefined);
    expect(arena.liveCells).toBe(2000);
  });
});

describe('what is wrong', () => {
  const given = (): { arena: Arena; cells: Address[] } => {
    const arena = new Arena({ poison: true });
    return { arena, cells: Array.from({ length: 10 }, () => arena.alloc(64, Kind.packed)) };
  };
  const word = (arena: Arena, address: Address, n: number, value: number): void => {
    arena.i32[address >>> CHUNK_SHIFT]![((address & CHUNK_MASK) << 1) + n] = value;
  };

  test('a cell freed twice is found at once', () => {
    const { arena, cells } = given();
    arena.free(cells[3]!);
    expect(() => { arena.free(cells[3]!); }).toThrow('a free cell was freed again');
  });

  test('a write to a freed cell is found when the cell is used again', () => {
    const { arena, cells } = given();
    arena.free(cells[3]!);
    word(arena, cells[3]!, 5, 1);
    expect(() => arena.alloc(64, Kind.packed)).toThrow('a freed cell was written to');
  });

  test.each<[string, (arena: Arena, cells: Address[]) => void, string]>([
    ['a live cell marked free', (arena, cells) => { word(arena, cells[2]!, 0, Kind.free); }, 'live cells'],
    ['a freed cell marked live', (arena, cells) => { word(arena, cells[3]!, 0, Kind.packed); }, 'a live cell is on a free list'],
    ['a free list that leads nowhere', (arena, cells) => { word(arena, cells[3]!, 1, 0); }, 'neither live nor free'],
    ['a free list that is a circle', (arena, cells) => { word(arena, cells[5]!, 1, cells[3]!); }, 'circular'],
    ['a free list that leaves its slab', (arena, cells) => { word(arena, cells[5]!, 1, arena.alloc(300, Kind.packed)); }, 'leaves its slab'],
  ])('the checker finds %s', (_name, damage, message) => {
    const { arena, cells } = given();
    for (const n of [5, 3]) arena.free(cells[n]!);
    damage(arena, cells);
    expect(() => { arena.check(() => undefined); }).toThrow(message);
  });
});

describe('the bound', () => {
  test('is an error that changes nothing, and room that is freed can be used', () => {
    const arena = new Arena({ bytesMax: 100 * MIB });
    const cells: Address[] = [];
    const room = (): void => { for (;;) cells.push(arena.alloc(MIB, Kind.packed)); };
    expect(room).toThrow(OutOfArenaError);
    expect(cells.length).toBeGreaterThan(60);
    arena.check(() => undefined);
    expect(() => arena.alloc(40 * MIB, Kind.packed)).toThrow(OutOfArenaError);
    const live = arena.liveCells;
    for (const address of cells.splice(0, 50)) arena.free(address);
    expect(arena.liveCells).toBe(live - 50);
    for (let n = 0; n < 50; n++) cells.push(arena.alloc(MIB, Kind.packed));
    arena.check(() => undefined);
  });
});

/** Cells of random sizes with an owner each, which compaction keeps informed. */
class World {
  readonly arena = new Arena({ poison: true });
  readonly compactor = new Compactor(this.arena);
  readonly ids = new Map<Address, number>();
  readonly pinned = new Set<Address>();
  #nextId = 1;

  constructor() {
    this.compactor.register(Kind.packed, (from, to) => {
      const id = this.ids.get(from)!;
      expectFilled(this.arena, to, id);
      this.ids.delete(from);
      this.ids.set(to, id);
    });
  }

  add(bytes: number): Address {
    const address = this.arena.alloc(bytes, Kind.packed);
    this.#own(address);
    return address;
  }

  addPinned(): void {
    const address = this.arena.allocPinned(Kind.root);
    this.pinned.add(address);
    this.#own(address);
  }

  #own(address: Address): void {
    expect(this.ids.has(address)).toBe(false);
    fill(this.arena, address, this.#nextId);
    this.ids.set(address, this.#nextId++);
  }

  free(address: Address): void {
    expectFilled(this.arena, address, this.ids.get(address)!);
    this.ids.delete(address);
    this.pinned.delete(address);
    this.arena.free(address);
  }

  check(): void {
    const found = new Set<Address>();
    this.arena.check((address) => { found.add(address); });
    expect(found.size).toBe(this.ids.size);
    for (const [address, id] of this.ids) {
      if (!found.has(address)) expect.fail(`cell of ${id} is not found`);
      expectFilled(this.arena, address, id);
    }
  }
}

describe('compaction', () => {
  test('of a class of which few cells are left gives the pages of the others back', () => {
    const world = new World();
    const cells = Array.from({ length: 20_000 }, () => world.add(100));
    const full = world.arena.usedBytes;
    for (const [n, address] of cells.entries()) if (n % 10 !== 0) world.free(address);
    expect(world.arena.usedBytes).toBe(full);
    while (world.compactor.step(100));
    expect(world.arena.usedBytes).toBeLessThan(full / 10 + 3 * PAGE_BYTES);
    world.check();
  });

  test('moves no more cells a step than it is allowed to look at', () => {
    const world = new World();
    const cells = Array.from({ length: 20_000 }, () => world.add(64));
    for (const [n, address] of cells.entries()) if (n % 4 !== 0) world.free(address);
    for (let before = 0; world.compactor.step(50); before = world.compactor.moved) expect(world.compactor.moved - before).toBeLessThanOrEqual(50);
    expect(world.compactor.moved).toBeGreaterThan(1000);
  });

  test('empties chunks, runs in them included, but none with a pinned cell', () => {
    const world = new World();
    world.addPinned();
    const cells = Array.from({ length: 900 }, (_, n) => world.add(n % 2 === 0 ? 300_000 : 200_000));
    const chunks = (): number => world.arena.u8.filter((chunk) => chunk.length > 0).length;
    const many = chunks();
    expect(many).toBeGreaterThan(3);
    for (const [n, address] of cells.entries()) if (n % 8 !== 0) world.free(address);
    while (world.compactor.step(1000));
    expect(chunks()).toBeLessThanOrEqual(many / 2);
    expect(world.arena.touchedBytes).toBeLessThan(world.arena.liveBytes + 72 * MIB);
    world.check();
  });

  test('stops where there is no room to move to, and frees go on', () => {
    const arena = new Arena({ poison: true, bytesMax: 64 * MIB });
    const compactor = new Compactor(arena);
    let refused = 0;
    compactor.register(Kind.packed, () => { refused++; });
    const cells: Address[] = [];
    expect(() => { for (;;) cells.push(arena.alloc(1000, Kind.packed)); }).toThrow(OutOfArenaError);
    for (const address of cells) arena.free(address);
    while (compactor.step(1000));
    expect(arena.liveCells).toBe(0);
    expect(refused).toBe(0);
  });

  test('fails loudly where nobody owns a kind', () => {
    const arena = new Arena();
    const compactor = new Compactor(arena);
    compactor.register(Kind.packed, () => undefined);
    expect(() => { compactor.register(Kind.packed, () => undefined); }).toThrow('two owners');
    const cells = Array.from({ length: 10_000 }, () => arena.alloc(100, Kind.element));
    for (const [n, address] of cells.entries()) if (n % 10 !== 0) arena.free(address);
    expect(() => { while (compactor.step(100)); }).toThrow('nobody owns cells of kind');
  });

  test.each([51, 52, 53])('random cells keep their content; seed %i', (seed) => {
    const random = randomOf(seed);
    const below = (n: number): number => Math.floor(random() * n);
    const world = new World();
    let sizeMax = 200;
    for (let step = 0; step < 30_000; step++) {
      if (step % 5000 === 0) sizeMax = [200, 1000, 40, 20_000, 400, 80][step / 5000]!;
      const grow = Math.floor(step / 3000) % 2 === 0 ? 0.7 : 0.35;
      if (random() < grow || world.ids.size === 0) {
        if (below(200) === 0) world.addPinned();
        else if (below(4000) === 0) world.add(CELL_BYTES_MAX + below(3 * MIB));
        else world.add(1 + below(sizeMax));
      } else {
        // Any cell: addresses are as random as it gets.
        const at = below(Math.min(world.ids.size, 500));
        let n = 0;
        for (const address of world.ids.keys()) {
          if (n++ < at) continue;
          world.free(address);
          break;
        }
      }
      if (step % 20 === 0) world.compactor.step(below(300));
      if (step % 3000 === 2999) world.check();
    }
    expect(world.compactor.moved).toBeGreaterThan(100);
    for (const address of [...world.ids.keys()]) world.free(address);
    world.check();
  });
});
