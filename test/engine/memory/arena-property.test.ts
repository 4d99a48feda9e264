/**
 * All structures over one arena, against a model: poisoned cells, compaction and lazy freeing between the steps, and the
 * checker over the whole arena after every step of a random slice of them.
 *
 * A few worlds follow one another, always the same; or as many as there is time for in ARENA_SECONDS (`npm run test:arena`: ten
 * minutes). A failure names the world's seed, and ARENA_SEED repeats that world alone.
 */
import { expect, test } from 'vitest';
import { randomOf } from '../engine-rig.ts';
import { testSeed } from '../../support/test-seed.ts';
import { ArenaWorld } from './arena-world.ts';

const SECONDS = Number(process.env.ARENA_SECONDS ?? 0);
const WORLDS = 2;
const ONE_SEED = process.env.ARENA_SEED;
const STEPS = 3000;
/** Steps of a world after each of which everything is checked. */
const SLICE = 80;

function run(seed: number): { steps: number; moved: number } {
  const world = new ArenaWorld(seed);
  const from = Math.floor(randomOf(seed)() * (STEPS - SLICE));
  try {
    while (world.steps < STEPS) {
      world.step();
      if (world.steps >= from && world.steps < from + SLICE) world.check();
      if (world.steps % 500 === 0) {
        world.check();
        world.compare();
      }
    }
    world.empty();
  } catch (error) {
    throw new Error(`ARENA_SEED=${seed}, step ${world.steps}: ${(error as Error).message}`, { cause: error });
  }
  return { steps: world.steps, moved: world.rig.engine.keyspace.compactor.moved };
}

test('all structures over one arena equal their models', { timeout: (SECONDS + 120) * 1000 }, () => {
  if (ONE_SEED !== undefined) {
    run(Number(ONE_SEED));
    return;
  }
  const first = testSeed('ARENA_FIRST_SEED');
  const until = performance.now() + SECONDS * 1000;
  let worlds = 0;
  let moved = 0;
  do moved += run(first + worlds++).moved; while (worlds < WORLDS || performance.now() < until);
  expect(moved, `cells that compaction moved in ${worlds} worlds from seed ${first}`).toBeGreaterThan(1000 * worlds);
  if (SECONDS >= 60) console.log(`${worlds} worlds of ${STEPS} steps from seed ${first}, ${moved} cells moved by compaction`);
});
