/** A node whose journal is damaged, as far as that can be seen: what it says at the start. */
import { open, readdir, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HoldfastProcess } from '../support/holdfast-process.ts';

let server: HoldfastProcess;
let journal: string;

beforeEach(async () => {
  server = await HoldfastProcess.start();
  const client = await server.connect();
  expect(await client.send('SET', 'k', 'v')).toBe('+OK');
  client.close();
  await server.kill('SIGKILL');
  journal = join(server.dir, 'txlog', 'journal');
});
afterEach(() => server.remove());

async function segment(number: number): Promise<string> {
  return join(journal, (await readdir(journal)).find((name) => name.endsWith(`-${number}.journal`))!);
}

test('a frame at the end that is not whole is told of', async () => {
  const path = await segment(7);
  const [id] = /[0-9a-f]{32}(?=-7)/.exec(path)!;
  const header = Buffer.alloc(512);
  header.writeUInt32BE(100, 4);
  header.write(id, 8, 'hex');
  header.writeUIntBE(1000, 24, 6);
  const file = await open(path, 'r+');
  await file.write(header, 0, header.length, 4096);
  await file.close();
  await server.restart();
  expect(server.output).toContain("# 1 of the last writes into the log's journal are there in part and passed over");
  const client = await server.connect();
  expect(await client.send('GET', 'k')).toBe('v');
  client.close();
});

test('a segment that is cut short is refused, and what to do is said', async () => {
  await truncate(await segment(0), 1000);
  const why = await server.restart().then(() => '', (error: unknown) => (error as Error).message);
  expect(why).toContain('the server ended with 1');
  expect(why).toMatch(/# LOG_DAMAGED: segment 0 of the log's journal has 1000 bytes instead of 4194304\. .*docs\/operations\.md, A damaged log/);
});
