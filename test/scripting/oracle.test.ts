/**
 * Snippets of Lua, one a line, whose replies are those of a real redis-server, byte for byte: language, libraries, API,
 * messages. A line begins where the one before left the data.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestClient } from '../support/holdfast-process.ts';
import { RedisProcess, redisServerMissing } from '../support/redis-process.ts';
import { ServerRig } from '../server/server-rig.ts';

const FILES = ['language', 'libraries', 'api'];

describe.skipIf(redisServerMissing)('as redis-server answers', () => {
  let redis: RedisProcess;
  let holdfast: ServerRig;
  let ask: TestClient;
  let answer: TestClient;

  beforeAll(async () => {
    redis = await RedisProcess.start();
    holdfast = await ServerRig.start();
    ask = await TestClient.connect(redis.port);
    answer = await holdfast.connect();
  });

  afterAll(async () => {
    ask.close();
    await holdfast.stop();
    await redis.stop();
  });

  test.each(FILES)('%s', async (file) => {
    const snippets = readFileSync(new URL(`snippets/${file}.txt`, import.meta.url), 'latin1').split('\n').filter((line) => line !== '');
    const differences: string[] = [];
    for (const snippet of snippets) {
      const [theirs, ours] = await Promise.all([ask.send('EVAL', snippet, '0'), answer.send('EVAL', snippet, '0')]);
      if (ours !== theirs) differences.push(`${snippet}\n  redis:    ${JSON.stringify(theirs)}\n  holdfast: ${JSON.stringify(ours)}`);
    }
    expect(snippets.length).toBeGreaterThan(50);
    expect(differences).toEqual([]);
  });
});
