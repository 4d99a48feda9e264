/**
 * Snippets of Lua, one a line, and commands on functions, whose replies are those of a real redis-server, byte for byte:
 * language, libraries, API, messages; by both engines. A line begins where the one before left the data.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestClient } from '../support/holdfast-process.ts';
import { RedisProcess, redisServerMissing } from '../support/redis-process.ts';
import { ServerRig } from '../server/server-rig.ts';

const FILES = ['language', 'libraries', 'api'];
/** Different snippets, each compared for both engines. */
const SNIPPETS_MIN = 900;

function linesOf(file: string): string[] {
  return readFileSync(new URL(`snippets/${file}`, import.meta.url), 'latin1').split('\n').filter((line) => line !== '');
}

describe.skipIf(redisServerMissing).each(['compiled', 'fengari'])('%s as redis-server', (engine) => {
  let redis: RedisProcess;
  let holdfast: ServerRig;
  let ask: TestClient;
  let answer: TestClient;

  beforeAll(async () => {
    redis = await RedisProcess.start();
    holdfast = await ServerRig.start('--lua-engine', engine);
    ask = await TestClient.connect(redis.port);
    answer = await holdfast.connect();
  });

  afterAll(async () => {
    ask.close();
    await holdfast.stop();
    await redis.stop();
  });

  async function differences(commands: readonly string[][]): Promise<string[]> {
    const out: string[] = [];
    for (const command of commands) {
      const [theirs, ours] = await Promise.all([ask.send(...command), answer.send(...command)]);
      if (ours !== theirs) out.push(`${JSON.stringify(command)}\n  redis:    ${JSON.stringify(theirs)}\n  holdfast: ${JSON.stringify(ours)}`);
    }
    return out;
  }

  test('there are as many as are wanted', () => {
    expect(new Set(FILES.flatMap((file) => linesOf(`${file}.txt`))).size).toBeGreaterThanOrEqual(SNIPPETS_MIN);
  });

  test.each(FILES)('%s', async (file) => {
    const snippets = linesOf(`${file}.txt`);
    expect(snippets.length).toBeGreaterThan(50);
    expect(await differences(snippets.map((snippet) => ['EVAL', snippet, '0']))).toEqual([]);
  });

  test('functions', async () => {
    expect(await differences(linesOf('functions.jsonl').map((line) => JSON.parse(line) as string[]))).toEqual([]);
  });
});
