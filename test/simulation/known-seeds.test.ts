import { describe, expect, test } from 'vitest';
import { EnginePool } from './engine-pool.ts';
import { simulate } from './simulation.ts';

const engines = new EnginePool();

/** Seeds that found something, and what. A change of the simulator gives them other runs: then they are seeds like others. */
const FOUND: readonly (readonly [seed: number, what: string])[] = [
  [1, 'a member given several committed records became primary at the first of them'],
];

describe('seeds that found something', () => {
  test.each(FOUND)('seed %i: %s', async (seed) => {
    await simulate(seed, engines);
  });
});

test('the same seed gives the same run, another seed another', async () => {
  // Used engines and new ones.
  const [first, again, other] = [await simulate(1), await simulate(1, engines), await simulate(2, engines)];
  expect(again).toEqual(first);
  expect(other.traceHash).not.toBe(first.traceHash);
});
