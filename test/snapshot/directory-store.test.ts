/** The directory driver of the SnapshotStore port. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DirectoryStore } from '../../src/snapshot/directory-store.ts';
import { snapshotStoreContract } from './snapshot-store-contract.ts';

let directory: string;
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), 'holdfast-snapshots-')); });
afterEach(() => { rmSync(directory, { recursive: true }); });

snapshotStoreContract('directory', () => Promise.resolve(new DirectoryStore(join(directory, 'snapshots'))));

test('leaves files alone that are not its own', async () => {
  writeFileSync(join(directory, 'dump.rdb'), 'REDIS');
  writeFileSync(join(directory, 'snapshot-1-demand-1.rdb'), 'not a name of ours');
  const store = new DirectoryStore(directory);
  await store.removeDrafts();
  expect(await store.list()).toEqual([]);
  expect(readdirSync(directory)).toHaveLength(2);
});

test('a directory that cannot be is an error with the reason', async () => {
  writeFileSync(join(directory, 'file'), '');
  await expect(new DirectoryStore(join(directory, 'file', 'below')).list()).rejects.toMatchObject({ code: 'SNAPSHOT_STORE', message: /ENOTDIR/ });
});
