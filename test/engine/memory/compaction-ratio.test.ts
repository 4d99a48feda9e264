/** Compaction keeps the arena close to what lives in it through a workload whose values change their sizes. */
import { expect, test } from 'vitest';
import { EngineRig, randomOf } from '../engine-rig.ts';

const KEYS = 120_000;
const RATIO_MAX = 1.15;
const CHUNK_BYTES = 8 * 1024 * 1024;

test('arena/live stays at 1.15 or less while values of one size give way to those of others', () => {
  const rig = new EngineRig(1);
  const { keyspace } = rig.engine;
  const { arena, compactor } = keyspace;
  const random = randomOf(71);
  // As the server does it between turns, in proportion to the writes.
  let writes = 0;
  const background = (): void => {
    if (++writes % 16 !== 0) return;
    compactor.step(128);
    keyspace.lazyFreeStep(64);
  };
  const set = (n: number, bytes: number): void => {
    rig.run('SET', `key:${n}`, 'x'.repeat(bytes));
    background();
  };
  const sizes = [100, 300, 60, 500];
  for (let n = 0; n < KEYS; n++) set(n, sizes[0]!);
  const ratios: number[] = [];
  for (const bytes of sizes.slice(1)) {
    // In random order: each slab of the old size keeps some cells to the end.
    const order = Array.from({ length: KEYS }, (_, n) => n);
    for (let i = KEYS - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    for (const [i, n] of order.entries()) {
      set(n, Math.floor(bytes * (0.75 + random() / 2)));
      if (i % 2000 === 1999) ratios.push(arena.usedBytes / arena.liveBytes);
    }
    while (compactor.step(1000));
    expect(arena.usedBytes / arena.liveBytes, `${bytes} bytes, compacted`).toBeLessThan(RATIO_MAX);
    // Whole chunks go back too, but for one.
    expect(arena.touchedBytes, `${bytes} bytes, chunks`).toBeLessThan(arena.liveBytes * RATIO_MAX + 2 * CHUNK_BYTES);
  }
  expect(Math.max(...ratios)).toBeLessThan(RATIO_MAX);
  // Nine of ten keys go, and what they leave goes with them.
  for (let n = 0; n < KEYS; n++) {
    if (n % 10 === 0) continue;
    rig.run('DEL', `key:${n}`);
    background();
  }
  while (compactor.step(1000));
  expect(arena.usedBytes).toBeLessThan(arena.liveBytes * RATIO_MAX + 2 * 1024 * 1024);
  expect(compactor.moved).toBeGreaterThan(KEYS);
  rig.check();
}, 180_000);

test('chunks go back while all values shrink, though there is always a slab to be compacted', () => {
  const rig = new EngineRig(1);
  const { arena, compactor } = rig.engine.keyspace;
  const random = randomOf(72);
  const values = Array.from({ length: 1500 }, (_, bytes) => 'x'.repeat(bytes));
  const write = (n: number, least: number, most: number): void => {
    rig.run('SET', `key:${n}`, values[least + Math.floor(random() * (most - least))]!);
  };
  const keys = 300_000;
  for (let n = 0; n < keys; n++) write(n, 300, 1500);
  let worst = 0;
  for (let n = 0; n < keys; n++) {
    write(n, 10, 100);
    // As much as a server with little time for it gets done.
    if (n % 16 === 15) compactor.step(24);
    if (n % 1000 === 999) worst = Math.max(worst, arena.touchedBytes - 1.3 * arena.usedBytes);
  }
  expect(worst / CHUNK_BYTES, 'chunks that hold nothing').toBeLessThan(2);
}, 60_000);
