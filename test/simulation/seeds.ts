/**
 * Runs many seeds, one after the other, and counts what they met.
 *
 * SIM_SEEDS: how many. SIM_SEED: the first (then one is run if SIM_SEEDS is not given). SIM_TRACE: how many of the last
 * events are shown when a run fails.
 */
import { expect } from 'vitest';
import { EnginePool } from './engine-pool.ts';
import { type RunStatistics, simulate } from './simulation.ts';

const SEEDS_DEFAULT = 40;
const FIRST_SEED = Number(process.env['SIM_SEED'] ?? 1);
const SEEDS = Number(process.env['SIM_SEEDS'] ?? (process.env['SIM_SEED'] === undefined ? SEEDS_DEFAULT : 1));
/** From so many runs on, every kind of fault must have come. */
const RUNS_WITH_ALL = 100;

interface Totals {
  runs: number;
  events: number;
  replies: number;
  unknown: number;
  leaders: number;
  committed: number;
  givenUp: number;
  readonly faults: Record<string, number>;
}

/** Of the seeds asked for, those that leave `rest` when divided by two. @throws the error of the first run that failed */
export async function runSeeds(rest: 0 | 1): Promise<void> {
  const totals: Totals = { runs: 0, events: 0, replies: 0, unknown: 0, leaders: 0, committed: 0, givenUp: 0, faults: {} };
  const engines = new EnginePool();
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) if (seed % 2 === rest) add(totals, await simulate(seed, engines));
  console.log(JSON.stringify(totals));
  if (totals.runs < RUNS_WITH_ALL) return;
  // The runs must have met what they are there for.
  expect(totals.committed / totals.runs).toBeGreaterThan(50);
  expect(totals.leaders / totals.runs).toBeGreaterThan(2);
  expect(totals.unknown).toBeGreaterThan(totals.runs);
  expect(totals.givenUp).toBeLessThan(totals.runs);
  expect(Object.keys(totals.faults).sort()).toEqual(
    ['crash', 'crashAll', 'forgottenVotes', 'handOver', 'isolate', 'join', 'lastCopy', 'loss', 'partition', 'remove', 'rot', 'slowDisk', 'snapshot', 'stop', 'wipe'],
  );
}

function add(totals: Totals, run: RunStatistics): void {
  totals.runs++;
  for (const name of ['events', 'replies', 'unknown', 'leaders', 'committed', 'givenUp'] as const) totals[name] += run[name];
  for (const [name, count] of Object.entries(run.faults)) totals.faults[name] = (totals.faults[name] ?? 0) + count;
}
