/** The compiled engine beside a real server, by the list of snippets. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CompiledEngine } from '../../src/scripting/compiled/compiled-engine.ts';
import { redisServerMissing } from '../support/redis-process.ts';
import { inSandbox, outcomeOf } from './bare-sandbox.ts';
import { LuaOracle } from './lua-oracle.ts';
import { asScript, readSnippets } from './snippets.ts';

describe.skipIf(redisServerMissing)('the compiled engine', () => {
  let oracle: LuaOracle;

  beforeAll(async () => {
    oracle = await LuaOracle.start();
  });

  afterAll(async () => {
    await oracle.stop();
  });

  it('gives what redis-server gives for every snippet', async () => {
    const snippets = readSnippets();
    expect(snippets.length).toBeGreaterThan(500);
    const scripts = snippets.map((snippet) => asScript(snippet.source));
    const expected = await oracle.run(scripts);
    const engine = inSandbox(new CompiledEngine({ memoryBytes: () => 0, clock: () => 0 }));
    const differences = snippets.flatMap((snippet, at) => {
      const outcome = outcomeOf(engine, scripts[at]!);
      return outcome === expected[at] ? [] : [{ ...snippet, redis: expected[at], compiled: outcome }];
    });
    expect(differences).toEqual([]);
  });
});
