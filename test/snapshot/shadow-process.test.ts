/** Shadow replicas as processes that a launcher starts: one after the other, and after one that ended badly. */
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EncodingLimits } from '../../src/engine/encoding-limits.ts';
import { ShadowLauncher } from '../../src/snapshot/shadow-launcher.ts';
import { type ShadowHost, snapshotByShadow } from '../../src/snapshot/shadow-process.ts';
import type { SnapshotInfo } from '../../src/snapshot/snapshot-store.ts';
import { EMPTY_CONFIG } from '../../src/txlog/raft/configuration.ts';
import type { LogRecord } from '../../src/txlog/transaction-log.ts';
import { EngineRig } from '../engine/engine-rig.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/holdfast.js', import.meta.url));

let directory: string;
let launcher: ShadowLauncher;
const log: LogRecord[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-launcher-'));
  launcher = new ShadowLauncher([process.execPath, PROGRAM, 'shadow-launcher']);
  log.length = 0;
  const rig = new EngineRig(1);
  for (let index = 1; index <= 4; index++) {
    rig.line(`SET key${index} ${'v'.repeat(100_000)}`);
    log.push({ index, term: 1, checksum: index, block: Uint8Array.from(rig.engine.takeEffects()!) });
  }
});
afterEach(async () => {
  await launcher.discard();
  rmSync(directory, { recursive: true });
});

async function* records(from: number, through: number): AsyncGenerator<LogRecord> {
  for (const record of log.slice(from - 1, through)) yield record;
}

function snapshot(through: number, host: Partial<ShadowHost> = {}, stop = new AbortController().signal): Promise<SnapshotInfo> {
  const task = {
    through, directory, shardId: 'c'.repeat(40), logBase: 0, reason: 'demand' as const, madeAtMs: 1_700_000_000_000 + through, compress: true,
    members: { index: 0, config: EMPTY_CONFIG }, databases: 16, limits: new EncodingLimits(),
  };
  return snapshotByShadow(task, { launcher, records, warn: (message) => { throw new Error(message); }, ...host }, stop);
}

test('one launcher starts them all, also one that has nothing to read', async () => {
  const started = launcher.prepare();
  expect((await snapshot(2)).index).toBe(2);
  expect((await snapshot(4)).index).toBe(4);
  expect((await snapshot(4)).index).toBe(4);
  expect(launcher.prepare()).toBe(started);
});

test.runIf(process.platform === 'linux')('a shadow gives way to the server, in whose session it is not', async () => {
  const { pid } = launcher.prepare();
  const found: string[] = [];
  const reading = {
    async *records(from: number, through: number): AsyncGenerator<LogRecord> {
      const shadow = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'));
      const autogroup = `/proc/${shadow}/autogroup`;
      found.push(String(getPriority(shadow)), existsSync(autogroup) ? readFileSync(autogroup, 'utf8').trim().replace(/^.* nice /, '') : '5');
      yield* records(from, through);
    },
  };
  await snapshot(2, reading);
  expect(found).toEqual(['5', '5']);
});

test('after a launcher that was killed there is another', async () => {
  const started = launcher.prepare();
  const exit = once(started, 'exit');
  started.kill('SIGKILL');
  await exit;
  expect((await snapshot(3)).index).toBe(3);
  const dying = launcher.prepare();
  const killed = snapshot(4, { records: () => { dying.kill('SIGKILL'); return records(9, 9); } });
  await expect(killed).rejects.toMatchObject({ code: 'SNAPSHOT_FAILED', message: expect.stringContaining('SIGKILL') as string });
  expect((await snapshot(4)).index).toBe(4);
});

test('what a shadow that failed left in the pipe is nobody\'s', async () => {
  const bad = (from: number): AsyncIterable<LogRecord> => records(from + 1, 4);
  await expect(snapshot(4, { records: bad })).rejects.toMatchObject({ code: 'SNAPSHOT_FAILED', message: 'log record 2 came after 0' });
  expect((await snapshot(4)).index).toBe(4);
});

test('it can be stopped, before and in the middle', async () => {
  const stop = new AbortController();
  const stopped = snapshot(4, { records: () => { stop.abort(); return records(1, 1); } }, stop.signal);
  await expect(stopped).rejects.toMatchObject({ code: 'SNAPSHOT_FAILED' });
  await expect(snapshot(4, {}, AbortSignal.abort())).rejects.toMatchObject({ code: 'SNAPSHOT_FAILED' });
  expect((await snapshot(4)).index).toBe(4);
});
