/** The compiled engine beside a real server, by random Lua. A failure names its seed; COMPILED_LUA_SEED repeats it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CompiledEngine } from '../../src/scripting/compiled/compiled-engine.ts';
import { redisServerMissing } from '../support/redis-process.ts';
import { inSandbox, outcomeOf } from './bare-sandbox.ts';
import { LuaOracle } from './lua-oracle.ts';
import { Dice, randomFormat, randomNumeral, randomPattern, randomProgram, randomTableLife } from './random-lua.ts';
import { asScript } from './snippets.ts';

/** Of each kind. */
const CASES = Number(process.env['COMPILED_LUA_CASES'] ?? 400);
const SEED = Number(process.env['COMPILED_LUA_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** The order of keys that are hashed by their address, and the sign of a NaN, are nobody's to rely on. */
function comparable(outcome: string): string {
  return outcome.replaceAll('-nan', 'nan').replace(/(table|function): 0x[0-9a-f]+/g, '$1');
}

describe.skipIf(redisServerMissing)('the compiled engine gives what redis-server gives', () => {
  let oracle: LuaOracle;

  beforeAll(async () => {
    oracle = await LuaOracle.start();
  });

  afterAll(async () => {
    await oracle.stop();
  });

  it.each([
    ['programs', randomProgram], ['patterns', randomPattern], ['formats', randomFormat], ['numerals', randomNumeral], ['tables', randomTableLife],
  ])('for %s', async (_name, random) => {
    const sources = Array.from({ length: CASES }, (_, at) => random(new Dice(SEED + at * 7919)));
    const scripts = sources.map(asScript);
    const expected = await oracle.run(scripts);
    const engine = inSandbox(new CompiledEngine({ memoryBytes: () => 0, clock: () => 0 }));
    const differences = sources.flatMap((source, at) => {
      const outcome = comparable(outcomeOf(engine, scripts[at]!));
      const redis = comparable(expected[at]!);
      return outcome === redis ? [] : [{ seed: SEED + at * 7919, source, redis, compiled: outcome }];
    });
    expect(differences.slice(0, 5), `${differences.length} differ; seed ${SEED}`).toEqual([]);
  });
});
