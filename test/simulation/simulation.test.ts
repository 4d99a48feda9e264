import { expect, test } from 'vitest';
import { FIRST_SEED, SEEDS, runSeeds } from './seeds.ts';
import { simulate } from './simulation.ts';

test('the same seed gives the same run, another seed another', async () => {
  const [first, again, other] = [await simulate(1), await simulate(1), await simulate(2)];
  expect(again).toEqual(first);
  expect(other.traceHash).not.toBe(first.traceHash);
});

test(`${SEEDS} seeds`, { timeout: 3_600_000 }, async () => {
  const totals = await runSeeds(FIRST_SEED, FIRST_SEED + SEEDS, 1);
  console.log(JSON.stringify(totals));
});
