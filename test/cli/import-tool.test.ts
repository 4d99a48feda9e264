/** `holdfast import`, as an operator runs it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { HoldfastProcess, TestClient } from '../support/holdfast-process.ts';
import { RedisProcess, redisServerMissing } from '../support/redis-process.ts';
import { SourceTraffic } from '../support/source-traffic.ts';

const EXECUTABLE = fileURLToPath(new URL('../../bin/holdfast.js', import.meta.url));

async function run(...args: string[]): Promise<{ code: number; text: string }> {
  const child = spawn(EXECUTABLE, ['import', ...args], { env: { ...process.env, REDISCLI_AUTH: '' } });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => { text += bytes.toString(); });
  const [code] = (await once(child, 'close')) as [number];
  return { code, text };
}

describe.skipIf(redisServerMissing)('holdfast import', () => {
  let redis: RedisProcess;
  let node: HoldfastProcess;
  let source: TestClient;
  beforeAll(async () => {
    redis = await RedisProcess.start('--enable-debug-command', 'yes', '--repl-diskless-sync-delay', '0');
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    source = await TestClient.connect(redis.port);
    node = await HoldfastProcess.start();
  });
  afterEach(async () => {
    source.close();
    await node.remove();
  });

  test('brings everything over while the source takes writes, compares, and cuts over', async () => {
    const writer = await TestClient.connect(redis.port);
    const writing = new SourceTraffic(writer, 20261126);
    await writing.more(2000);
    const { code, text } = await run(`redis://127.0.0.1:${redis.port}`, '--to', `127.0.0.1:${node.port}`, '--pause', '20');
    expect(text).toMatch(/Digest of the source: ([0-9a-f]{40})\nDigest of the node: {3}\1\nThe node takes writes: \d+ ms after the source stopped taking them\./);
    expect(code).toBe(0);
    const client = await node.connect();
    expect(await client.send('SET', 'mine', '1')).toBe('+OK');
    client.close();
    await source.send('CLIENT', 'UNPAUSE');
    await writing.end();
    writer.close();
  });

  test('--stay follows and leaves the rest to the operator; without DEBUG a sample is compared', async () => {
    await source.send('SET', 'a', '1');
    expect(await run(`redis://127.0.0.1:${redis.port}`, '--to', `127.0.0.1:${node.port}`, '--stay')).toMatchObject({ code: 0, text: expect.stringContaining('The node follows') as string });
    const client = await node.connect();
    expect(await client.send('GET', 'a')).toBe('1');
    expect(await client.send('SET', 'a', '2')).toMatch(/^-READONLY/);
    client.close();
  });

  test('refuses what cannot be', async () => {
    expect((await run('http://127.0.0.1')).code).toBe(2);
    expect(await run('redis://127.0.0.1:1', '--to', `127.0.0.1:${node.port}`)).toMatchObject({ code: 1, text: expect.stringContaining('no server answers at 127.0.0.1:1') as string });
    expect(await run(`redis://127.0.0.1:${redis.port}`, '--to', `127.0.0.1:${redis.port}`)).toMatchObject({ code: 1, text: expect.stringContaining('is no Holdfast') as string });
    expect(await run(`redis://127.0.0.1:${node.port}`, '--to', `127.0.0.1:${node.port}`)).toMatchObject({ code: 1, text: expect.stringContaining('the source is a Holdfast') as string });
    expect(await run(`redis://:wrong@127.0.0.1:${redis.port}`, '--to', `127.0.0.1:${node.port}`)).toMatchObject({ code: 1, text: expect.stringMatching(/AUTH|password/) as string });
  });
});
