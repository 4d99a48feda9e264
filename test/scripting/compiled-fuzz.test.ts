/**
 * The compiled engine beside a real server, by random Lua: COMPILED_LUA_CASES of each kind from COMPILED_LUA_SEED. A failure names its seed.
 * `npm run test:fuzz` searches for more (test/fuzz/lua-beside-redis.test.ts).
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisServerMissing } from '../support/redis-process.ts';
import { testSeed } from '../support/test-seed.ts';
import { LUA_KINDS, type LuaKind, luaDifferences } from './beside-redis.ts';
import { LuaOracle } from './lua-oracle.ts';

const CASES = Number(process.env['COMPILED_LUA_CASES'] ?? 400);
const SEED = testSeed('COMPILED_LUA_SEED');

/** Seeds that found something, and what. A change of the random Lua makes others of them: what they found stands in snippets too. */
const FOUND: readonly (readonly [kind: LuaKind, seed: number, what: string])[] = [
  ['programs', 671295238, 'of `(c or "a") and b` Lua knows the name'],
  ['programs', 1561398102, '5 ^ (1/3) has another last digit in JavaScript'],
];

describe.skipIf(redisServerMissing)('the compiled engine gives what redis-server gives', () => {
  let oracle: LuaOracle;

  beforeAll(async () => {
    oracle = await LuaOracle.start();
  });

  afterAll(async () => {
    await oracle.stop();
  });

  it.each(FOUND)('for %s from seed %i: %s', async (kind, seed) => {
    expect(await luaDifferences(oracle, kind, [seed])).toEqual([]);
  });

  it.each(LUA_KINDS)('for %s', async (kind) => {
    const differences = await luaDifferences(oracle, kind, Array.from({ length: CASES }, (_, at) => SEED + at * 7919));
    expect(differences.slice(0, 5), `${differences.length} differ; seed ${SEED}`).toEqual([]);
  });
});
