/** What every SnapshotStore does. A driver's test calls this with a way to make an empty store and to open it again. */
import { describe, expect, test } from 'vitest';
import type { SnapshotName, SnapshotStore } from '../../src/snapshot/snapshot-store.ts';

const name = (index: number, madeAtMs = 1_700_000_000_000, reason: SnapshotName['reason'] = 'demand'): SnapshotName => ({ index, reason, madeAtMs });

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(Uint8Array.from(chunk));
  return Buffer.concat(parts).toString('latin1');
}

async function publish(store: SnapshotStore, snapshot: SnapshotName, ...parts: string[]): Promise<string> {
  const draft = await store.draft(snapshot);
  for (const part of parts) await draft.write(Buffer.from(part, 'latin1'));
  await draft.finish();
  return (await draft.publish()).name;
}

/** @param open makes a store over the same place each time that it is called within one test. */
export function snapshotStoreContract(driver: string, open: () => Promise<SnapshotStore>): void {
  describe(`snapshot store contract: ${driver}`, () => {
    test('is empty at first', async () => {
      expect(await (await open()).list()).toEqual([]);
    });

    test('gives back what was published, to a later owner too', async () => {
      const store = await open();
      const published = await publish(store, name(7), 'abc', '', '\0\xff'.repeat(300_000));
      const again = await open();
      expect(await again.list()).toEqual([{ ...name(7), name: published, bytes: 600_003 }]);
      expect(await bytesOf(again.read(published))).toBe(`abc${'\0\xff'.repeat(300_000)}`);
    });

    test('copies what is written: the caller may reuse the bytes', async () => {
      const store = await open();
      const draft = await store.draft(name(1));
      const bytes = Buffer.from('first');
      await draft.write(bytes);
      bytes.fill('x');
      await draft.finish();
      expect(await bytesOf(draft.read())).toBe('first');
      await draft.discard();
    });

    test('lists the newest first, by index and then by time, and nothing unpublished', async () => {
      const store = await open();
      await publish(store, name(9, 1_700_000_000_000), 'a');
      await publish(store, name(10, 1_600_000_000_000, 'daily'), 'b');
      await publish(store, name(9, 1_700_000_000_001, 'freshness'), 'c');
      const draft = await store.draft(name(11));
      await draft.write(Buffer.from('draft'));
      await draft.finish();
      expect((await store.list()).map(({ index, madeAtMs }) => [index, madeAtMs])).toEqual([
        [10, 1_600_000_000_000], [9, 1_700_000_000_001], [9, 1_700_000_000_000],
      ]);
      await draft.discard();
      expect(await store.list()).toHaveLength(3);
    });

    test('removes one snapshot and leaves the others', async () => {
      const store = await open();
      const first = await publish(store, name(1), 'one');
      const second = await publish(store, name(2), 'two');
      await store.remove(first);
      await store.remove(first);
      expect((await store.list()).map((info) => info.name)).toEqual([second]);
      expect(await bytesOf(store.read(second))).toBe('two');
    });

    test('removes drafts that nobody finished', async () => {
      const store = await open();
      const kept = await publish(store, name(1), 'kept');
      await (await store.draft(name(2))).write(Buffer.from('left behind'));
      const again = await open();
      await again.removeDrafts();
      expect((await again.list()).map((info) => info.name)).toEqual([kept]);
    });

    test('says what is wrong when a snapshot is not there', async () => {
      await expect(bytesOf((await open()).read('snapshot-0000000000000001-demand-1700000000000.rdb'))).rejects.toMatchObject({ code: 'SNAPSHOT_STORE' });
    });
  });
}
