import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LevelLogDisk, LevelLogStore } from '../../src/txlog/level-log-store.ts';
import { StoredLog } from '../../src/txlog/stored-log.ts';
import { OPEN, TERM_1, batch, describeLogStore, entries, entry, failure } from './log-store-contract.ts';
import { diskKey } from './level-keys.ts';

describeLogStore('level', 23, () => {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-log-'));
  const path = join(dir, 'a', 'b');
  let disk: LevelLogDisk | null = null;
  return Promise.resolve({
    store: () => {
      disk = new LevelLogDisk(path);
      return new StoredLog(disk, { idleMarkMs: 0 });
    },
    // What is acknowledged is on the disk; closing LevelDB adds nothing to it. The SIGKILL test below does it for real.
    crash: async () => disk?.close(),
    tamper: async (what, change) => {
      const db = new Level<Buffer, Buffer>(path, { keyEncoding: 'buffer', valueEncoding: 'buffer', compression: false });
      const value = await db.get(diskKey(what));
      if (value === undefined) throw new Error(`nothing is stored as ${what}`);
      const changed = change(value);
      if (changed === null) await db.del(diskKey(what));
      else await db.put(diskKey(what), Buffer.from(changed));
      await db.close();
    },
    dispose: async () => {
      await disk?.close();
      rmSync(dir, { recursive: true, force: true });
    },
  });
});

describe('level', () => {
  let dir: string;
  let path: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'holdfast-log-'));
    path = join(dir, 'log');
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  /** LevelDB's newest write-ahead file. */
  function writeAhead(): string {
    const names = readdirSync(path).filter((name) => name.endsWith('.log')).sort();
    return join(path, names[names.length - 1]!);
  }

  /** A log of term 1 with records 1 to 6, then the disk taken away without closing the log. */
  async function abandoned(idleMarkMs: number): Promise<void> {
    const disk = new LevelLogDisk(path);
    const store = new StoredLog(disk, { idleMarkMs });
    await store.open(OPEN);
    await store.append(batch({ ...TERM_1, entries: entries(1, 3) }));
    for (let index = 4; index <= 6; index++) await store.append(batch({ entries: [entry(index)] }));
    if (idleMarkMs > 0) while (!readFileSync(writeAhead()).includes(markKey(6))) await new Promise(setImmediate);
    await disk.close();
  }
  function markKey(index: number): Buffer {
    return Buffer.concat([diskKey(index), Buffer.of(0)]);
  }

  test('a second process is told that the log is in use', async () => {
    const store = new LevelLogStore(path);
    await store.open(OPEN);
    expect((await failure(new LevelLogStore(path).open(OPEN))).code).toBe('LOG_LOCKED');
    await store.close();
  });

  test('indexes above 2^32 keep their order', async () => {
    const store = new LevelLogStore(path);
    await store.open(OPEN);
    const index = 2 ** 32 - 2;
    const resetTo = { index, term: 1, checksum: 5, config: { index: 0, config: OPEN.firstConfig } };
    await store.append(batch({ resetTo, hardState: { term: 1, vote: '', commit: index }, entries: entries(index + 1, index + 5) }));
    await store.close();
    const again = new LevelLogStore(path);
    expect(await again.open(OPEN)).toMatchObject({ last: { index: index + 5 } });
    expect((await again.read(index + 2, 1e6)).map((record) => record.index - index)).toEqual([2, 3, 4, 5]);
    await again.close();
  });

  test('a torn last write is dropped whole', async () => {
    await abandoned(0);
    const file = writeAhead();
    const size = statSync(file).size;
    for (let cut = 1; cut <= 60; cut += 13) {
      truncateSync(file, size - cut);
      const copy = readdirSync(path).map((name) => [name, readFileSync(join(path, name))] as const);
      const store = new LevelLogStore(path);
      expect(await store.open(OPEN), `cut ${cut}`).toMatchObject({ last: { index: 5 }, unfinishedRecords: 0, damage: null });
      await store.append(batch({ entries: [entry(6, 1, 'anew')] }));
      await store.close();
      rmSync(path, { recursive: true });
      mkdirSync(path);
      for (const [name, bytes] of copy) writeFileSync(join(path, name), bytes);
    }
  });

  /** Flips a bit of the write-ahead file where `text` stands in it. */
  function flipAt(text: string | Buffer): void {
    const bytes = readFileSync(writeAhead());
    const at = bytes.indexOf(text);
    expect(at).toBeGreaterThan(0);
    const file = openSync(writeAhead(), 'r+');
    writeSync(file, Buffer.of(bytes[at]! ^ 4), 0, 1, at);
    closeSync(file);
  }

  test('LevelDB passes over a flipped bit in its write-ahead file, and all behind it: damage', async () => {
    await abandoned(0);
    flipAt('record 4 of');
    const error = await failure(new LevelLogStore(path).open(OPEN));
    expect([error.code, error.index]).toEqual(['LOG_DAMAGED', 4]);
  });

  test('the last record lost, nothing but the idle mark behind it: damage', async () => {
    await abandoned(1);
    flipAt('record 6 of');
    const error = await failure(new LevelLogStore(path).open(OPEN));
    expect([error.code, error.index]).toEqual(['LOG_DAMAGED', 6]);
  });

  test('a vote lost, records behind it: damage that cannot be salvaged', async () => {
    const disk = new LevelLogDisk(path);
    const store = new StoredLog(disk, { idleMarkMs: 0 });
    await store.open(OPEN);
    await store.append(batch({ hardState: { term: 1, vote: 'somebody', commit: 0 } }));
    await store.append(batch({ entries: entries(1, 2) }));
    await disk.close();
    flipAt('somebody');
    const error = await failure(new LevelLogStore(path).open({ ...OPEN, onDamage: 'salvage' }));
    expect([error.code, error.index, error.message]).toEqual(['LOG_DAMAGED', -1, expect.stringContaining('older than its records')]);
  });

  test('known limit: the very last write lost before anything was written behind it looks like a torn one', async () => {
    await abandoned(0);
    flipAt('record 6 of');
    const store = new LevelLogStore(path);
    expect(await store.open(OPEN)).toMatchObject({ last: { index: 5 }, damage: null });
    await store.close();
  });

  test('trimming gives the space back', async () => {
    const store = new LevelLogStore(path);
    await store.open(OPEN);
    await store.append(TERM_1);
    const data = new Uint8Array(64 * 1024).fill(1);
    for (let from = 1; from <= 1000; from += 50) await store.append(batch({ entries: entries(from, from + 49).map((e) => ({ ...e, data })) }));
    const bytes = (): number => readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0);
    expect(bytes()).toBeGreaterThan(60e6);
    await store.trim(990);
    await store.close();
    expect(bytes()).toBeLessThan(20e6);
  });
});
