/** What the campaigns rely on: a failing round is named by a seed that repeats it, and rounds that leave memory behind fail. */
import { expect, test } from 'vitest';
import { campaign } from './campaign.ts';

test('a failure names its seed, and the seed repeats it', async () => {
  const round = (random: { below(end: number): number }): void => {
    const value = random.below(50);
    if (value === 7) throw new Error(`found ${value}`);
  };
  const failure: unknown = await campaign('example', 1, round, { seconds: 30, seed: 1 }).catch((error: unknown) => error);
  const [, seed] = /FUZZ_SEED=(\d+) FUZZ_SECONDS=0 repeats it: found 7/.exec((failure as Error).message)!;
  expect(Number(seed)).toBeGreaterThan(1);
  await expect(campaign('example', 1, round, { seconds: 0, seed: Number(seed) })).rejects.toThrow('found 7');
  expect(await campaign('example', 1, round, { seconds: 0, seed: Number(seed) - 1 })).toBe(1);
});

test('rounds that leave something behind fail', async () => {
  const kept: Uint8Array[] = [];
  const leaking = async (): Promise<void> => {
    kept.push(new Uint8Array(10_000).fill(1));
    await new Promise((resolve) => { setImmediate(resolve); });
  };
  await expect(campaign('leaking', 1, leaking, { seconds: 4, buffersGrowthMax: 4 * 1024 * 1024 })).rejects.toThrow('memory grows');
  // It is found as soon as it is looked at.
  expect(kept.length).toBeGreaterThan(40);
});
