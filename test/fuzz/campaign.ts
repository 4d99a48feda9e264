/**
 * Runs rounds of a fuzz target, each from a seed of its own: as many as the target says, always the same; or, in a search (`npm run
 * test:fuzz`), until the time is up. Owns what a round may not do whatever its target: hang, or leave more and more memory behind.
 *
 *   FUZZ_SECONDS  how long each target runs, instead
 *   FUZZ_SEED     seed of the first round (default: fixed, in a search the clock); each following round's is one more
 *
 * A failure says the seed of its round: FUZZ_SEED=<seed> FUZZ_SECONDS=0 runs that round alone, and FUZZ_CHECK=1 besides looks closely.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { SeededRandom } from '../protocol/seeded-random.ts';
import { testSeed } from '../support/test-seed.ts';

const FUZZ_SECONDS = process.env['FUZZ_SECONDS'] === undefined ? undefined : Number(process.env['FUZZ_SECONDS']);
const FIRST_SEED = testSeed('FUZZ_SEED');
/** Whether rounds look at everything after each step, not at the end alone: slow, and shows which step it was. */
export const FUZZ_CHECK = process.env['FUZZ_CHECK'] !== undefined;
/** What a test of a campaign may take: its time, and what the last round and the checks need. */
export const FUZZ_TIMEOUT_MS = (FUZZ_SECONDS ?? 0) * 1000 + 120_000;

/** No round takes so long, not even on a machine that is busy with other things. */
const ROUND_MS_MAX = 60_000;
const MIB = 1024 * 1024;
/** So much more than at the end of the warm-up may be in use between rounds. Compiled code and caches of the runtime take some of it. */
const GROWTH_BYTES_MAX = 24 * MIB;
/**
 * Where rounds have engines of their own: a dozen scratch objects of modules hold a chunk (8 MiB) of the arena they were used on last, which
 * may be another engine's for each.
 */
export const ENGINES_GROWTH_BYTES_MAX = 128 * MIB;
const SAMPLES = 40;
/** The part of a campaign that counts as warm-up. */
const WARM_UP = 0.25;

/** Uses `random` for all that it chooses. What it throws is a finding. */
export type Round = (random: SeededRandom) => void | Promise<void>;

export interface CampaignOptions {
  readonly seconds?: number | undefined;
  readonly seed?: number;
  /** Bounds of growth after the warm-up. */
  readonly heapGrowthMax?: number;
  readonly buffersGrowthMax?: number;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

interface Memory {
  readonly heap: number;
  /** Array buffers, those of arenas among them. */
  readonly buffers: number;
}

/** Bytes in use once the garbage is gone. What a round used last may be held by what ran it until the loop has turned. */
async function memoryInUse(): Promise<Memory> {
  await new Promise((resolve) => { setImmediate(resolve); });
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return { heap: heapUsed, buffers: external };
}

/** Ends the process when a round does not end: nothing else could, for rounds do not give way. It runs in a thread of its own. */
const WATCHDOG = `
  const { workerData: { name, state } } = require('node:worker_threads');
  const { writeSync } = require('node:fs');
  let seen = -1;
  let sinceMs = 0;
  setInterval(() => {
    const count = Atomics.load(state, 0);
    if (count !== seen) {
      seen = count;
      sinceMs = performance.now();
    } else if (performance.now() - sinceMs > ${ROUND_MS_MAX}) {
      writeSync(2, \`\${name} hangs: FUZZ_SEED=\${Atomics.load(state, 1)} FUZZ_SECONDS=0\\n\`);
      process.kill(process.pid, 'SIGKILL');
    }
  }, 1000);
`;

/**
 * Runs `count` rounds, or, where a time is given, until it is up, one at least. @returns how many.
 * @throws Error naming the seed of the round that failed, or what the rounds left behind.
 */
export async function campaign(name: string, count: number, round: Round, options: CampaignOptions = {}): Promise<number> {
  const { seconds = FUZZ_SECONDS, seed = FIRST_SEED, heapGrowthMax = GROWTH_BYTES_MAX, buffersGrowthMax = GROWTH_BYTES_MAX } = options;
  const state = new Int32Array(new SharedArrayBuffer(8));
  const watchdog = new Worker(WATCHDOG, { eval: true, workerData: { name, state } });
  watchdog.unref();
  // What is thrown in a socket's callback would leave the round waiting for an answer.
  let crash: (error: Error) => void = () => undefined;
  const crashed = new Promise<void>((_, reject) => { crash = reject; });
  crashed.catch(() => undefined);
  process.on('uncaughtException', crash);
  const startMs = performance.now();
  let rounds = 0;
  /** How much of the campaign is over: 1 is all. */
  const progress = (): number => (seconds === undefined ? rounds / count : (performance.now() - startMs) / (seconds * 1000));
  let nextSample = 0;
  const warm = { heap: 0, buffers: 0 };
  try {
    while (rounds === 0 || progress() < 1) {
      const begun = progress();
      const roundSeed = (seed + rounds) % 2 ** 31;
      Atomics.store(state, 1, roundSeed);
      Atomics.add(state, 0, 1);
      try {
        await Promise.race([round(new SeededRandom(roundSeed)), crashed]);
      } catch (error) {
        throw new Error(`${name}: FUZZ_SEED=${roundSeed} FUZZ_SECONDS=0 repeats it: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
      }
      rounds++;
      if (begun < nextSample) continue;
      nextSample = begun + 1 / SAMPLES;
      const { heap, buffers } = await memoryInUse();
      if (rounds === 1 || begun < WARM_UP) {
        warm.heap = Math.max(warm.heap, heap);
        warm.buffers = Math.max(warm.buffers, buffers);
      } else if (heap > warm.heap + heapGrowthMax || buffers > warm.buffers + buffersGrowthMax) {
        throw new Error(`${name}: memory grows: after ${rounds} rounds from FUZZ_SEED=${seed} ${mebibytes({ heap, buffers })} in use, after the warm-up ${mebibytes(warm)}`);
      }
    }
  } finally {
    process.off('uncaughtException', crash);
    await watchdog.terminate();
  }
  if (FUZZ_SECONDS !== undefined) {
    const ranSeconds = Math.round((performance.now() - startMs) / 1000);
    process.stdout.write(`${name}: ${rounds} rounds in ${ranSeconds} s from FUZZ_SEED=${seed}, ${mebibytes(await memoryInUse())} in use at the end\n`);
  }
  return rounds;
}

function mebibytes({ heap, buffers }: Memory): string {
  return `${Math.round(heap / MIB)} MiB of heap and ${Math.round(buffers / MIB)} MiB of buffers`;
}
