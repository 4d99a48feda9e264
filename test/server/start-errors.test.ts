/** What an operator got wrong at the start is said in one line, and is no bug. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const EXECUTABLE = fileURLToPath(new URL('../../bin/holdfast.js', import.meta.url));
const above = mkdtempSync(join(tmpdir(), 'holdfast-start-errors-'));
afterAll(() => rmSync(above, { recursive: true, force: true }));

/** Why a server did not start: its last line, where it is the only one beside the first. */
function refusal(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(EXECUTABLE, ['server', '--port', '0', ...args], { encoding: 'utf8' });
  expect(status).toBe(1);
  const lines = (stdout + stderr).trim().split('\n').filter((line) => !line.includes('is starting'));
  expect(lines).toHaveLength(1);
  return lines[0]!;
}

const UNUSABLE = "Let this process write to it, or name another directory by 'dir'";

test('a data directory that is a file, or lies below one', () => {
  const file = join(above, 'file');
  writeFileSync(file, '');
  expect(refusal('--dir', file)).toContain(`# NODE_DIRECTORY: ${file} cannot be used as the data directory: EEXIST`);
  const below = refusal('--dir', join(file, 'data'));
  expect(below).toContain('ENOTDIR');
  expect(below).toContain(UNUSABLE);
});

test('a data directory into which nothing can be written', () => {
  // As one that belongs to somebody else, which the root user would not notice.
  const dir = join(above, 'data');
  mkdirSync(join(dir, 'node.json.new'), { recursive: true });
  const why = refusal('--dir', dir);
  expect(why).toContain('# NODE_DIRECTORY: ');
  expect(why).toContain('node.json.new');
  expect(why).toContain(UNUSABLE);
});

test('a log that cannot be made in it', () => {
  const dir = join(above, 'other');
  mkdirSync(dir);
  writeFileSync(join(dir, 'txlog'), '');
  expect(refusal('--dir', dir)).toMatch(/# LOG_IO: .*(EEXIST|ENOTDIR)/);
});

test('a log file that cannot be written', () => {
  expect(refusal('--dir', above, '--logfile', join(above, 'nowhere', 'log'))).toMatch(/^Can't open the log file: ENOENT/);
});
