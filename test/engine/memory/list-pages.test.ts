/** Pages of list elements against arrays, and the counted directory over thousands of them. */
import { describe, expect, test } from 'vitest';
import { Arena, Kind } from '../../../src/engine/memory/arena.ts';
import { Compactor } from '../../../src/engine/memory/compaction.ts';
import { Bytes, Entries } from '../../../src/engine/memory/entries.ts';
import { ListDirectory } from '../../../src/engine/memory/list-directory.ts';
import { ListPages, listElementBytes } from '../../../src/engine/memory/list-pages.ts';
import { latin1Bytes, latin1Slice } from '../../../src/shared/request.ts';
import { randomOf } from '../engine-rig.ts';

class Rig {
  readonly arena = new Arena({ poison: true });
  readonly compactor = new Compactor(this.arena);
  readonly pages = new ListPages(this.arena);
  readonly directory = new ListDirectory(this.arena, this.compactor, new Entries(this.arena), this.pages);
  readonly bytes = new Bytes();

  text(): string {
    return latin1Slice(this.bytes.buf, this.bytes.off, this.bytes.off + this.bytes.len);
  }

  forward(page: number): string[] {
    const out: string[] = [];
    for (let pos = this.pages.begin(page); pos < this.pages.end(page);) {
      pos = this.pages.read(page, pos, this.bytes);
      out.push(this.text());
    }
    return out;
  }

  backward(page: number): string[] {
    const out: string[] = [];
    for (let pos = this.pages.end(page); pos > this.pages.begin(page);) {
      pos = this.pages.readBack(page, pos, this.bytes);
      out.unshift(this.text());
    }
    return out;
  }

  pageOf(elements: readonly string[]): number {
    const page = this.pages.create(false, elements.reduce((sum, text) => sum + listElementBytes(text.length), 0), false);
    for (const text of elements) expect(this.pages.push(page, false, latin1Bytes(text), 0, text.length)).toBe(true);
    return page;
  }
}

describe('one page', () => {
  test.each([31, 32, 33, 34])('random changes; seed %i', (seed) => {
    const random = randomOf(seed);
    const below = (n: number): number => Math.floor(random() * n);
    const rig = new Rig();
    const { pages } = rig;
    const page = pages.create(seed % 2 === 0, 4000, seed > 32);
    let model: string[] = [];
    const fits = (text: string, gone = 0): boolean => pages.used(page) - gone + listElementBytes(text.length) <= pages.capacity(page);
    for (let step = 0; step < 6000; step++) {
      const text = random() < 0.9 ? 'abcdefghijkl'.slice(0, below(12)) : 'z'.repeat(below(600));
      const bytes = latin1Bytes(text);
      const at = below(model.length + 1);
      const what = random();
      if (what < 0.2) {
        if (pages.push(page, true, bytes, 0, text.length)) model.unshift(text);
        else expect(pages.roomBefore(page)).toBeLessThan(listElementBytes(text.length));
      } else if (what < 0.4) {
        if (pages.push(page, false, bytes, 0, text.length)) model.push(text);
        else expect(pages.roomBehind(page)).toBeLessThan(listElementBytes(text.length));
      } else if (what < 0.55) {
        if (!fits(text)) continue;
        const pos = pages.insert(page, pages.seek(page, at), bytes, 0, text.length);
        expect(pos).toBe(pages.seek(page, at));
        model.splice(at, 0, text);
      } else if (what < 0.7) {
        if (at === model.length) continue;
        const pos = pages.remove(page, pages.seek(page, at));
        expect(pos).toBe(pages.seek(page, at));
        model.splice(at, 1);
      } else if (what < 0.85) {
        if (at === model.length || !fits(text, listElementBytes(model[at]!.length))) continue;
        pages.replace(page, pages.seek(page, at), bytes, 0, text.length);
        model[at] = text;
      } else if (what < 0.9) {
        const max = 1 + below(5);
        const fromBack = random() < 0.5;
        const hits = model.flatMap((other, i) => (other === text ? [i] : []));
        const gone = fromBack ? hits.slice(-max) : hits.slice(0, max);
        expect(pages.removeEqual(page, bytes, 0, text.length, max, fromBack)).toBe(gone.length);
        model = model.filter((_, i) => !gone.includes(i));
      } else if (what < 0.92) {
        pages.removeFront(page, at);
        model.splice(0, at);
      } else if (what < 0.94) {
        pages.removeBack(page, at);
        model.length -= at;
      } else pages.shift(page, below(pages.capacity(page) - pages.used(page) + 1));
      if (step % 20 !== 0) continue;
      pages.check(page);
      expect(rig.forward(page), `step ${step}`).toEqual(model);
      expect(rig.backward(page), `step ${step}`).toEqual(model);
    }
  });

  test('lengths on both sides of the long form, and at the cell\'s very end', () => {
    const rig = new Rig();
    for (const length of [0, 253, 254, 255, 256, 70_000, 300_000]) {
      const text = 'q'.repeat(length);
      const page = rig.pageOf([text, 'between', text]);
      rig.pages.check(page);
      expect(rig.forward(page)).toEqual([text, 'between', text]);
      expect(rig.backward(page)).toEqual([text, 'between', text]);
    }
  });

  test('an element that does not fit is refused and changes nothing', () => {
    const rig = new Rig();
    const page = rig.pages.create(false, 40, false);
    const text = latin1Bytes('x'.repeat(rig.pages.capacity(page) - 1));
    expect(rig.pages.push(page, false, text, 0, text.length)).toBe(false);
    expect(rig.pages.push(page, true, text, 0, 1)).toBe(false);
    expect(rig.pages.push(page, false, text, 0, text.length - 1)).toBe(true);
    expect(rig.pages.roomBehind(page)).toBe(0);
    rig.pages.check(page);
  });
});

describe('a directory', () => {
  /** Pages as arrays of elements, in the list's order. */
  class World {
    readonly rig = new Rig();
    readonly root = this.rig.directory.newRoot();
    readonly model: { elements: number }[] = [];
    readonly random: () => number;

    constructor(seed: number) {
      this.random = randomOf(seed);
    }

    below(n: number): number {
      return Math.floor(this.random() * n);
    }

    /** Address of the page of an index in the model, found by walking: compaction may have moved it. */
    pageAt(at: number): number {
      let before = 0;
      for (let i = 0; i < at; i++) before += this.model[i]!.elements;
      this.rig.directory.find(this.root, before);
      expect(this.rig.directory.index).toBe(0);
      return this.rig.directory.page;
    }

    add(at: number): void {
      const elements = Array.from({ length: 1 + this.below(4) }, () => 'e'.repeat(this.below(20)));
      this.rig.directory.link(this.root, at === 0 ? 0 : this.pageAt(at - 1), this.rig.pageOf(elements));
      this.model.splice(at, 0, { elements: elements.length });
    }

    drop(at: number): void {
      this.rig.directory.drop(this.root, this.pageAt(at));
      this.model.splice(at, 1);
    }

    check(): void {
      const { directory, pages } = this.rig;
      directory.check(this.root);
      expect(directory.pages(this.root)).toBe(this.model.length);
      let i = 0;
      for (let page = directory.head(this.root); page !== 0; page = pages.next(page)) {
        expect(pages.count(page)).toBe(this.model[i++]!.elements);
      }
      expect(i).toBe(this.model.length);
      const owned = new Set<number>();
      directory.eachCell(this.root, (cell) => { owned.add(cell); });
      let cells = 0;
      this.rig.arena.check((cell) => {
        cells++;
        expect(owned.has(cell)).toBe(true);
      });
      expect(cells).toBe(owned.size);
    }
  }

  const places = {
    'at the end': (world: World) => world.model.length,
    'at the beginning': () => 0,
    anywhere: (world: World) => world.below(world.model.length + 1),
  };

  test.each(Object.keys(places) as (keyof typeof places)[])('grows %s to three levels, is moved, shrinks and is freed', (name) => {
    const place = places[name];
    const world = new World(41);
    const { rig, root, model } = world;
    const many = name === 'anywhere' ? 1500 : 4500;
    // Cells that go away again, so that the slabs of nodes and pages are sparse and compaction moves both.
    const decoys: number[] = [];
    for (let i = 0; i < many; i++) {
      decoys.push(rig.arena.alloc(512, Kind.packed));
      for (let n = 0; n < 4; n++) decoys.push(rig.arena.alloc(32, Kind.packed));
      if (name === 'anywhere') world.add(place(world));
      else {
        const page = rig.pageOf(['a', 'bb']);
        rig.directory.link(root, name === 'at the end' ? rig.directory.tail(root) : 0, page);
        model.push({ elements: 2 });
      }
    }
    for (const decoy of decoys) rig.arena.free(decoy);
    world.check();
    expect(rig.arena.liveCellsByKind[Kind.listInner]).toBeLessThan(many / 25);
    const nodes = new Set<number>();
    rig.directory.eachCell(root, (cell) => { if (rig.arena.kind(cell) === Kind.listInner) nodes.add(cell); });
    while (rig.compactor.step(1000));
    world.check();
    let stayed = 0;
    rig.directory.eachCell(root, (cell) => { if (nodes.has(cell)) stayed++; });
    expect(stayed).toBeLessThan(nodes.size / 2);
    if (name !== 'anywhere') expect(rig.compactor.moved).toBeGreaterThan(many / 2);
    // A page of two elements of which one goes, everywhere: the counts above follow.
    for (let n = 0; n < 50; n++) {
      const at = world.below(model.length);
      const page = world.pageAt(at);
      if (rig.pages.count(page) < 2) continue;
      rig.pages.removeFront(page, 1);
      rig.directory.grew(page, -1);
      model[at]!.elements--;
    }
    world.check();
    for (let n = 0; n < many * 0.9; n++) {
      if (name === 'anywhere') world.drop(world.below(model.length));
      else if (n % 3 === 0) {
        rig.directory.drop(root, rig.directory.head(root));
        model.shift();
      } else {
        rig.directory.drop(root, rig.directory.tail(root));
        model.pop();
      }
      if (n % 7 === 0) rig.compactor.step(20);
      if (n % 400 === 0) world.check();
    }
    while (rig.compactor.step(1000));
    world.check();
    let steps = 1;
    while (!rig.directory.freeStep(root, 7)) steps++;
    expect(steps).toBeGreaterThan(model.length / 8);
    expect(rig.arena.liveCells).toBe(0);
  });

  test('finds every index', () => {
    const world = new World(42);
    const { rig, root } = world;
    for (let i = 0; i < 400; i++) world.add(world.below(world.model.length + 1));
    let index = 0;
    for (let page = rig.directory.head(root); page !== 0; page = rig.pages.next(page)) {
      for (let i = 0; i < rig.pages.count(page); i++, index++) {
        rig.directory.find(root, index);
        expect([rig.directory.page, rig.directory.index]).toEqual([page, i]);
      }
    }
    expect(index).toBe(rig.directory.count(root));
  });

  test('resizing a page leaves its place, its neighbours and its elements', () => {
    const world = new World(43);
    const { rig, root } = world;
    for (let i = 0; i < 5; i++) {
      rig.directory.link(root, rig.directory.tail(root), rig.pageOf([`a${i}`, `b${i}`]));
      world.model.push({ elements: 2 });
    }
    for (let i = 0; i < 5; i++) {
      const page = rig.directory.resize(world.pageAt(i), 100 + i, i % 2 === 0);
      expect(rig.forward(page)).toEqual([`a${i}`, `b${i}`]);
      expect(i % 2 === 0 ? rig.pages.roomBefore(page) : rig.pages.roomBehind(page)).toBeGreaterThanOrEqual(100);
    }
    world.check();
  });
});
