import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LevelLogStore } from '../../src/txlog/level-log-store.ts';
import { firstConfig } from '../../src/txlog/raft/configuration.ts';
import type { Entry } from '../../src/txlog/raft/types.ts';
import { RaftTransactionLog } from '../../src/txlog/raft-transaction-log.ts';

let dir: string;
beforeEach(async () => { dir = await mkdtemp(join(tmpdir(), 'holdfast-log-')); });
afterEach(async () => { await rm(dir, { recursive: true, force: true }); });

const path = (): string => join(dir, 'log');
const entry = (index: number, term = 1): Entry => ({ index, term, kind: 'normal', data: Buffer.from(`record ${index} of term ${term}`) });
const batch = (...entries: Entry[]) => ({ hardState: null, truncateFrom: 0, entries });

async function opened(): Promise<LevelLogStore> {
  const store = new LevelLogStore(path());
  await store.open();
  return store;
}

/** Changes the raw database behind a closed store. */
async function tamper(change: (db: Level<Buffer, Buffer>, entryKeys: Buffer[]) => Promise<void>): Promise<void> {
  const db = new Level<Buffer, Buffer>(path(), { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  const keys = (await db.keys().all()).filter((key) => key[0] === 0x65);
  await change(db, keys);
  await db.close();
}

describe('level log store', () => {
  test('keeps entries, hard state and identity over a restart', async () => {
    const store = await opened();
    await store.initialize('ab'.repeat(20), { index: 0, config: firstConfig([{ id: 'n1', role: 'voter' }]) });
    await store.append({ hardState: { term: 3, vote: 'n1', commit: 0 }, truncateFrom: 0, entries: [entry(1), entry(2, 3)] });
    await Promise.all([store.append(batch(entry(3, 3))), store.append(batch(entry(4, 3), entry(5, 3)))]);
    await store.close();
    const again = new LevelLogStore(path());
    const found = await again.open();
    expect(found).toMatchObject({ lastIndex: 5, shardId: 'ab'.repeat(20), unfinished: 0, hardState: { term: 3, vote: 'n1' } });
    expect(found.termRuns).toEqual([{ firstIndex: 1, term: 1 }, { firstIndex: 2, term: 3 }]);
    expect(found.configs).toHaveLength(1);
    expect((await again.read(2, 4, 1e6)).map((e) => Buffer.from(e.data).toString())).toEqual(['record 2 of term 3', 'record 3 of term 3', 'record 4 of term 3']);
    await again.close();
  });

  test('replaces a conflicting suffix, and its checksums go on from what stays', async () => {
    const store = await opened();
    await store.append(batch(entry(1), entry(2), entry(3)));
    await store.append({ hardState: { term: 2, vote: '', commit: 1 }, truncateFrom: 2, entries: [entry(2, 2)] });
    await store.close();
    const again = new LevelLogStore(path());
    expect(await again.open()).toMatchObject({ lastIndex: 2, termRuns: [{ firstIndex: 1, term: 1 }, { firstIndex: 2, term: 2 }] });
    await again.close();
  });

  test('trims, and the running checksum still proves what is left', async () => {
    const store = await opened();
    for (let i = 1; i <= 20; i++) await store.append(batch(entry(i)));
    await store.trim(12);
    await store.append(batch(entry(21)));
    await store.close();
    const again = new LevelLogStore(path());
    expect(await again.open()).toMatchObject({ start: { index: 12, term: 1 }, lastIndex: 21 });
    await again.close();
  });

  test('refuses a flipped bit, a missing record, and a lost end', async () => {
    const store = await opened();
    for (let i = 1; i <= 5; i++) await store.append(batch(entry(i)));
    await store.close();
    const reopen = async (): Promise<void> => {
      const again = new LevelLogStore(path());
      try {
        await again.open();
      } finally {
        await again.close();
      }
    };
    let saved: Buffer;
    await tamper(async (db, keys) => {
      saved = (await db.get(keys[2]!))!;
      const bad = Buffer.from(saved);
      bad[bad.length - 3]! ^= 1;
      await db.put(keys[2]!, bad);
    });
    await expect(reopen()).rejects.toMatchObject({ code: 'LOG_DAMAGED', message: expect.stringContaining('record 3') as string });
    await tamper(async (db, keys) => { await db.del(keys[2]!); });
    await expect(reopen()).rejects.toMatchObject({ code: 'LOG_DAMAGED', message: expect.stringContaining('record 3') as string });
    await tamper(async (db, keys) => {
      await db.put(Buffer.concat([keys[0]!.subarray(0, 7), Buffer.from([3])]), saved);
    });
    await reopen();
    await tamper(async (db, keys) => { await db.batch(keys.slice(1).map((key) => ({ type: 'del' as const, key }))); });
    await expect(reopen()).rejects.toMatchObject({ code: 'LOG_DAMAGED' });
  });

  test('drops an unfinished write beyond what was durable', async () => {
    const store = await opened();
    for (let i = 1; i <= 5; i++) await store.append(batch(entry(i)));
    await store.close();
    // As if batches 4 and 5 had been under way together and only 5 had reached the disk.
    await tamper(async (db, keys) => {
      await db.del(keys[3]!);
      await db.put(Buffer.from('mdurable'), Buffer.from('3'));
    });
    const again = new LevelLogStore(path());
    expect(await again.open()).toMatchObject({ lastIndex: 3, unfinished: 1 });
    await again.append(batch(entry(4)));
    await again.close();
  });

  test('says that another process uses the log', async () => {
    const store = await opened();
    const second = new LevelLogStore(path());
    await expect(second.open()).rejects.toMatchObject({ code: 'LOG_LOCKED' });
    await store.close();
  });
});

describe('transaction log on one voter', () => {
  const open = (): Promise<RaftTransactionLog> => RaftTransactionLog.open({ id: 'n1', store: new LevelLogStore(path()), maxBatchesInFlight: 4, appliedIndex: 0 });

  test('leads at once, commits what it flushed, and reads it back after a restart', async () => {
    const log = await open();
    const first = await log.lead();
    expect(first).toBe(1);
    let wanted = Infinity;
    let reached: () => void = () => undefined;
    log.onCommit = (index) => { if (index >= wanted) reached(); };
    for (let i = 0; i < 200; i++) {
      log.append(Buffer.from(`block ${i}`));
      if (i % 3 === 0) log.flush();
    }
    wanted = 201;
    await new Promise<void>((resolve) => { reached = resolve; log.flush(); });
    expect(log.inFlightBytes).toBe(0);
    expect(log.leaseValid).toBe(true);
    await log.close();

    const again = await open();
    expect(again.shardId).toBe(log.shardId);
    const through = await again.lead();
    const blocks: string[] = [];
    for await (const record of again.read(1, through)) if (record.block.length > 0) blocks.push(Buffer.from(record.block).toString());
    expect(blocks).toEqual(Array.from({ length: 200 }, (_, i) => `block ${i}`));
    await again.trim(100);
    expect(again.firstIndex).toBe(101);
    await again.close();
  });
});
