/** The demos, run as the READMEs say, on a started Holdfast. */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HoldfastProcess } from '../support/holdfast-process.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A line of what each prints. */
const SHOWN: Readonly<Record<string, string>> = {
  'client-side-cache': 'after 1000 questions: { hits: 999, misses: 1 }',
  'job-queue': 'mail to customer-7@example.com, attempt 2',
  'lazy-loading': '100 readers, 1 report, loads: 1',
  leaderboard: 'ada has 310: a new best',
  nearby: '1573.9178',
  'rate-limiters': '5 at once, 2 a second:',
  sessions: 'signed out: null',
  'unique-visitors': 'at the weekend, of 3000: ',
};

let server: HoldfastProcess;

beforeAll(async () => {
  server = await HoldfastProcess.start();
  await run('npx', ['tsc', '-p', 'examples/tsconfig.json'], { cwd: ROOT });
});
afterAll(() => server.remove());

const example = (...args: string[]) => run(process.execPath, ['scripts/example.mjs', ...args], {
  cwd: ROOT, env: { ...process.env, DATABASE_URL: `redis://127.0.0.1:${server.port}` },
});

test('every example has a demo', () => {
  const names = readdirSync(`${ROOT}examples`, { withFileTypes: true }).filter((entry) => entry.isDirectory() && !['customers', 'dist'].includes(entry.name));
  expect(names.map(({ name }) => name).sort()).toEqual(Object.keys(SHOWN));
});

test.each(Object.keys(SHOWN))('%s', async (name) => {
  expect((await example(name)).stdout).toContain(SHOWN[name]);
});

test('a name that is none is told which there are', async () => {
  await expect(example('sesions')).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('client-side-cache, job-queue') as string });
  await expect(example()).rejects.toMatchObject({ code: 1 });
});
