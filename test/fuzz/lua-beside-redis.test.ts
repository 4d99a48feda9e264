/** Random Lua in the compiled engine and in a real server: the same outcome, to the letter. */
import { test } from 'vitest';
import { LUA_KINDS, luaDifferences } from '../scripting/beside-redis.ts';
import { LuaOracle } from '../scripting/lua-oracle.ts';
import { redisServerMissing } from '../support/redis-process.ts';
import { FUZZ_TIMEOUT_MS, campaign } from './campaign.ts';

const CASES_PER_ROUND = 50;

test.skipIf(redisServerMissing)('Lua beside redis-server', async () => {
  const oracle = await LuaOracle.start();
  try {
    const rounds = await campaign('Lua beside redis-server', 3, async (random) => {
      for (const kind of LUA_KINDS) {
        const seeds = Array.from({ length: CASES_PER_ROUND }, () => random.below(2 ** 31));
        const [first] = await luaDifferences(oracle, kind, seeds);
        if (first !== undefined) throw new Error(JSON.stringify(first));
      }
      await oracle.forget();
    });
    console.log(`${rounds * CASES_PER_ROUND} of each kind: ${LUA_KINDS.join(', ')}`);
  } finally {
    await oracle.stop();
  }
}, FUZZ_TIMEOUT_MS);
