/** Compaction keeps the arena close to what lives in it through a workload whose values change their sizes. */
import { expect, test } from 'vitest';
import { EngineRig, randomOf } from '../engine-rig.ts';

const KEYS = 120_000;
const RATIO_MAX = 1.15;

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
    expect(arena.touchedBytes, `${bytes} bytes, chunks`).toBeLessThan(arena.liveBytes * RATIO_MAX + 2 * 64 * 1024 * 1024);
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
