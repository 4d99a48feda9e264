/** Random Lua in the compiled engine beside a real server. */
import { CompiledEngine } from '../../src/scripting/compiled/compiled-engine.ts';
import { inSandbox, outcomeOf } from './bare-sandbox.ts';
import type { LuaOracle } from './lua-oracle.ts';
import { Dice, randomFailure, randomFormat, randomNumeral, randomPattern, randomProgram, randomTableLife } from './random-lua.ts';
import { asOneScript, asScript } from './snippets.ts';

const SOURCES = {
  programs: randomProgram, failures: randomFailure, patterns: randomPattern, formats: randomFormat, numerals: randomNumeral, tables: randomTableLife,
};
export type LuaKind = keyof typeof SOURCES;
export const LUA_KINDS = Object.keys(SOURCES) as LuaKind[];

export interface LuaDifference {
  readonly kind: LuaKind;
  readonly seed: number;
  readonly source: string;
  readonly redis: string;
  readonly compiled: string;
}

/** The order of keys that are hashed by their address, and the sign of a NaN, are nobody's to rely on. */
function comparable(outcome: string): string {
  return outcome.replaceAll('-nan', 'nan').replace(/(table|function): 0x[0-9a-f]+/g, '$1');
}

/** Pieces that are one script at first: compiling takes longer than running. */
const BATCH = 40;

/** Runs one piece for each seed in both. @returns those whose outcomes differ */
export async function luaDifferences(oracle: LuaOracle, kind: LuaKind, seeds: readonly number[]): Promise<LuaDifference[]> {
  const engine = inSandbox(new CompiledEngine({ memoryBytes: () => 0, clock: () => 0 }));
  const suspects: number[] = [];
  const batches = Array.from({ length: Math.ceil(seeds.length / BATCH) }, (_, at) => seeds.slice(at * BATCH, (at + 1) * BATCH));
  const together = batches.map((batch) => asOneScript(batch.map((seed) => SOURCES[kind](new Dice(seed)))));
  const outcomes = await oracle.run(together);
  for (const [at, script] of together.entries()) {
    // One that does not compile, or ends all, says nothing of the others.
    if (outcomes[at]!.startsWith('ERR') || comparable(outcomeOf(engine, script)) !== comparable(outcomes[at]!)) suspects.push(...batches[at]!);
  }
  const sources = suspects.map((seed) => SOURCES[kind](new Dice(seed)));
  const scripts = sources.map(asScript);
  const expected = await oracle.run(scripts);
  const differences = sources.flatMap((source, at) => {
    const compiled = comparable(outcomeOf(engine, scripts[at]!));
    const redis = comparable(expected[at]!);
    return compiled === redis ? [] : [{ kind, seed: suspects[at]!, source, redis, compiled }];
  });
  return differences;
}
