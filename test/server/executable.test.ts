/** The `holdfast` executable and `npm start`, as a user has them. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { TestClient } from '../support/holdfast-process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

const run = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(join(ROOT, 'bin/holdfast.js'), args, { encoding: 'utf8' });

test('--version and --help', () => {
  expect(run('--version')).toMatchObject({ status: 0, stdout: expect.stringContaining(version) as string });
  const help = run('--help');
  expect(help.status).toBe(0);
  for (const word of ['holdfast server', '--port', '--dir', 'redis.conf']) expect(help.stdout).toContain(word);
  const wrong = run('serve');
  expect(wrong.status).not.toBe(0);
  expect(wrong.stderr + wrong.stdout).toContain('serve');
});

const dir = mkdtempSync(join(tmpdir(), 'holdfast-start-'));
const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

/** Runs `npm start` and waits until the server is ready. Without its set-up: whoever runs the tests did that, and may be at it. */
async function npmStart(): Promise<{ npm: ChildProcess; pid: number; port: number }> {
  const npm = spawn('npm', ['start', '--ignore-scripts', '--', '--port', '0', '--dir', dir], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  running.push(npm);
  let output = '';
  for await (const bytes of npm.stdout as AsyncIterable<Buffer>) {
    output += bytes.toString();
    const ready = /Ready to accept connections tcp, port (\d+)/.exec(output);
    if (ready !== null) return { npm, pid: Number(/PID: (\d+)/.exec(output)![1]), port: Number(ready[1]) };
  }
  throw new Error(`npm start ended:\n${output}`);
}

test('npm start, SET, kill -9, npm start, GET', async () => {
  const first = await npmStart();
  const client = await TestClient.connect(first.port);
  expect(await client.send('SET', 'k', 'v')).toBe('+OK');
  const ended = once(first.npm, 'exit');
  process.kill(first.pid, 'SIGKILL');
  await ended;
  const second = await npmStart();
  const again = await TestClient.connect(second.port);
  expect(await again.send('GET', 'k')).toBe('v');
  // A killed npm takes its server with it: else it would hold the port and the log.
  const gone = once(again.socket, 'close');
  second.npm.kill('SIGKILL');
  await gone;
});
