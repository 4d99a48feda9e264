/** The shadow replica and recovery from what it makes, over a log that is an array: whole, verified, or refused. */
import { EMPTY_CONFIG } from '../../src/txlog/raft/configuration.ts';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { contentChecksum } from '../../src/engine/content-checksum.ts';
import { DirectoryStore } from '../../src/snapshot/directory-store.ts';
import { recover } from '../../src/snapshot/recovery.ts';
import { type ShadowWork, makeSnapshot } from '../../src/snapshot/shadow-replica.ts';
import type { SnapshotDraft, SnapshotInfo, SnapshotName } from '../../src/snapshot/snapshot-store.ts';
import type { LogRecord, TransactionLog } from '../../src/txlog/transaction-log.ts';
import { EngineRig } from '../engine/engine-rig.ts';

const SHARD = 'c'.repeat(40);

let directory: string;
let store: DirectoryStore;
/** Record i stands at i - 1. */
let log: LogRecord[];
let primary: EngineRig;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-shadow-'));
  store = new DirectoryStore(directory);
  log = [];
  primary = new EngineRig(1);
});
afterEach(() => { rmSync(directory, { recursive: true }); });

/** Runs commands on the primary, one log record for all. */
function write(...lines: string[]): void {
  for (const line of lines) expect(String(primary.line(line))).not.toMatch(/^(ERR|WRONGTYPE)/);
  const block = primary.engine.takeEffects()!;
  const index = log.length + 1;
  log.push({ index, term: 1, checksum: (index * 40503) >>> 0, block: Uint8Array.from(block) });
}

async function* recordsFrom(from: number, through = log.length): AsyncGenerator<LogRecord> {
  for (const record of log.slice(from - 1, through)) yield record;
}

function snapshot(work: Partial<ShadowWork> = {}, from: DirectoryStore = store): Promise<SnapshotInfo> {
  const whole: ShadowWork = { shardId: SHARD, logBase: 0, through: log.length, reason: 'demand', madeAtMs: 1_700_000_000_000, compress: true, members: { index: 0, config: EMPTY_CONFIG }, ...work };
  return makeSnapshot(whole, from, new EngineRig(2).engine, (index) => recordsFrom(index, whole.through), (message) => warnings.push(message));
}
let warnings: string[] = [];
beforeEach(() => { warnings = []; });

/** Recovers a new engine; the log begins behind `logBase`. Returns its content's checksum and what happened. */
async function recovered(logBase = 0): Promise<{ checksum: string; snapshot: string | null; records: number; damaged: string[] }> {
  const rig = new EngineRig(3);
  const damaged: string[] = [];
  const txlog = {
    shardId: SHARD, firstIndex: logBase + 1, lastIndex: log.length,
    read: (from: number, through: number) => recordsFrom(from, through),
    checksumAt: (index: number) => Promise.resolve(log[index - 1]!.checksum),
  } as unknown as TransactionLog;
  const done = await recover(rig.engine, store, txlog, log.length, false, {
    damaged: (name) => { damaged.push(name); }, snapshotProgress: () => Promise.resolve(), logProgress: () => Promise.resolve(),
  });
  rig.engine.types.check();
  return { checksum: contentChecksum(rig.engine), snapshot: done.snapshot, records: done.records, damaged };
}

const flipByte = (name: string, at: number): void => {
  const path = join(directory, name);
  const bytes = readFileSync(path);
  bytes[at < 0 ? bytes.length + at : at]! ^= 0x10;
  writeFileSync(path, bytes);
};

test('where the log leads elsewhere behind what is committed, the snapshot counts', async () => {
  write('SET a 1');
  await snapshot();
  const elsewhere = { shardId: SHARD, firstIndex: 1, lastIndex: log.length + 5, checksumAt: () => Promise.resolve(7), read: recordsFrom };
  const watcher = { damaged: () => undefined, snapshotProgress: () => Promise.resolve(), logProgress: () => Promise.resolve() };
  const recoverWith = (commitIndex: number, beyondLog: boolean): ReturnType<typeof recover> => (
    recover(new EngineRig(4).engine, store, { ...elsewhere, commitIndex } as unknown as TransactionLog, commitIndex, beyondLog, watcher)
  );
  const { index, beginLogBehind } = await recoverWith(log.length - 1, true);
  expect(index).toBe(log.length);
  expect(beginLogBehind).toMatchObject({ shardId: SHARD, index: log.length, checksum: log[log.length - 1]!.checksum });
  // What is committed here cannot be otherwise elsewhere: one of the two is damaged.
  await expect(recoverWith(log.length, true)).rejects.toThrow(/was not made from this log/);
  await expect(recoverWith(log.length - 1, false)).rejects.toThrow(/was not made from this log/);
});

describe('a snapshot of the shadow replica', () => {
  test('and the log behind it are the data', async () => {
    write('SET a 1', 'HSET h f v', 'SADD s x y z');
    write('SET b 2', 'PEXPIREAT b 1700000009000');
    const first = await snapshot();
    write('DEL a', 'SADD s w');
    expect(await recovered()).toEqual({ checksum: contentChecksum(primary.engine), snapshot: first.name, records: 1, damaged: [] });
    expect((await recovered(2)).checksum).toBe(contentChecksum(primary.engine));
  });

  test('is made from the one before and the log since: the log before may be gone', async () => {
    for (let i = 0; i < 500; i++) write(`SET k${i} v${i}`, `HSET h f${i} ${i}`);
    await snapshot({ through: 200 });
    const kept = log.slice(0, 200);
    log.fill(undefined as unknown as LogRecord, 0, 200);
    const info = await snapshot({ logBase: 200 });
    log.splice(0, 200, ...kept);
    expect(info.index).toBe(500);
    expect(await recovered(500)).toMatchObject({ checksum: contentChecksum(primary.engine), records: 0 });
  });

  test('keeps keys that are logically expired: the log tells when they go', async () => {
    write('SET gone v', 'PEXPIREAT gone 1700000000001');
    await snapshot({ madeAtMs: 1_800_000_000_000 });
    expect((await recovered()).checksum).toBe(contentChecksum(primary.engine));
  });

  test('is not published when the log ends too early, jumps, or the store fails', async () => {
    write('SET a 1');
    write('SET b 1');
    await expect(snapshot({ through: 3 })).rejects.toMatchObject({ code: 'SNAPSHOT_FAILED' });
    log.reverse();
    await expect(snapshot()).rejects.toMatchObject({ code: 'SNAPSHOT_FAILED' });
    log.reverse();
    const full = new (class extends DirectoryStore {
      override async draft(name: SnapshotName): Promise<SnapshotDraft> {
        const draft = await super.draft(name);
        draft.write = () => Promise.reject(new Error('ENOSPC'));
        return draft;
      }
    })(directory);
    await expect(snapshot({}, full)).rejects.toThrow('ENOSPC');
    expect(readdirSync(directory)).toEqual([]);
  });

  test('is not published when what is read back is not what was written', async () => {
    write('SET a 1', 'SET b 2');
    const forgetful = new (class extends DirectoryStore {
      override async draft(name: SnapshotName): Promise<SnapshotDraft> {
        const draft = await super.draft(name);
        const read = draft.read.bind(draft);
        draft.read = async function* () {
          for await (const chunk of read()) {
            const bytes = Uint8Array.from(chunk);
            bytes[bytes.length - 12]! ^= 1;
            yield bytes;
          }
        };
        return draft;
      }
    })(directory);
    await expect(snapshot({}, forgetful)).rejects.toThrow();
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe('recovery', () => {
  test('without a snapshot takes the whole log', async () => {
    write('SET a 1');
    expect(await recovered()).toEqual({ checksum: contentChecksum(primary.engine), snapshot: null, records: 1, damaged: [] });
  });

  test.each([0, 5, 30, 60, -1, -9, -20])('takes an older snapshot when byte %i of the newest is wrong', async (at) => {
    write('SET a 1', 'HSET h f v');
    const older = await snapshot();
    write('SET b 2');
    const newest = await snapshot();
    flipByte(newest.name, at);
    expect(await recovered(1)).toEqual({ checksum: contentChecksum(primary.engine), snapshot: older.name, records: 1, damaged: [newest.name] });
    // The next snapshot is made in spite of it.
    write('SET c 3');
    await snapshot({ logBase: 1 });
    expect(warnings).toHaveLength(1);
    expect((await recovered(1)).damaged).toEqual([]);
  });

  test('refuses when the log needs a snapshot and none is whole', async () => {
    write('SET a 1');
    const { name } = await snapshot();
    write('SET b 2');
    flipByte(name, -10);
    await expect(recovered(1)).rejects.toMatchObject({ code: 'SNAPSHOT_DAMAGED', message: /none of the 1 snapshots/ });
    await store.remove(name);
    await expect(recovered(1)).rejects.toMatchObject({ code: 'SNAPSHOT_DAMAGED', message: /there is no snapshot/ });
  });

  test('refuses a snapshot of another shard or of another log', async () => {
    write('SET a 1');
    await snapshot({ shardId: 'd'.repeat(40) });
    await expect(recovered()).rejects.toMatchObject({ code: 'SNAPSHOT_MISMATCH' });
    rmSync(directory, { recursive: true });
    await snapshot();
    log[0] = { ...log[0]!, checksum: 1 };
    await expect(recovered()).rejects.toMatchObject({ code: 'SNAPSHOT_MISMATCH' });
  });
});
