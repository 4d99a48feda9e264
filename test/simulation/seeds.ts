/**
 * Runs many seeds, one after the other, and counts what they met.
 *
 * SIM_SEEDS: how many. SIM_SEED: the first (then one is run if SIM_SEEDS is not given). SIM_TRACE: how many of the last
 * events are shown when a run fails.
 */
import { EnginePool } from './engine-pool.ts';
import { type RunStatistics, simulate } from './simulation.ts';

const SEEDS_DEFAULT = 20;

export const FIRST_SEED = Number(process.env['SIM_SEED'] ?? 1);
export const SEEDS = Number(process.env['SIM_SEEDS'] ?? (process.env['SIM_SEED'] === undefined ? SEEDS_DEFAULT : 1));

export interface Totals {
  runs: number;
  events: number;
  replies: number;
  unknown: number;
  leaders: number;
  committed: number;
  givenUp: number;
  readonly faults: Record<string, number>;
}

/** Runs every `step`-th seed from `first` on, below `end`. @throws the error of the first run that failed */
export async function runSeeds(first: number, end: number, step: number): Promise<Totals> {
  const totals: Totals = { runs: 0, events: 0, replies: 0, unknown: 0, leaders: 0, committed: 0, givenUp: 0, faults: {} };
  const engines = new EnginePool();
  for (let seed = first; seed < end; seed += step) add(totals, await simulate(seed, engines));
  return totals;
}

function add(totals: Totals, run: RunStatistics): void {
  totals.runs++;
  for (const name of ['events', 'replies', 'unknown', 'leaders', 'committed', 'givenUp'] as const) totals[name] += run[name];
  for (const [name, count] of Object.entries(run.faults)) totals.faults[name] = (totals.faults[name] ?? 0) + count;
}
