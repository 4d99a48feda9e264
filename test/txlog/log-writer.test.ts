/** How many batches of a log are at its store at once, and what happens to those that come meanwhile. */
import { expect, test } from 'vitest';
import type { LogBatch, LogStore } from '../../src/txlog/log-store.ts';
import { LogWriter, type PendingWrite } from '../../src/txlog/log-writer.ts';
import type { Ready } from '../../src/txlog/raft/types.ts';

/** A store that finishes when it is told to. */
class HeldStore {
  readonly batches: LogBatch[] = [];
  readonly #finish: (() => void)[] = [];

  append(batch: LogBatch): Promise<void> {
    this.batches.push(batch);
    return new Promise((resolve) => { this.#finish.push(resolve); });
  }

  async finish(): Promise<void> {
    this.#finish.shift()!();
    await Promise.resolve();
  }
}

function ready(batch: number): Ready {
  const entry = { index: batch, term: 1, kind: 'normal', data: new Uint8Array(1) };
  return { batch, truncateFrom: 0, resetTo: null, hardState: null, healed: false, entries: [entry], messagesAfterSync: [] } as unknown as Ready;
}

function rig(): { store: HeldStore; writer: LogWriter; durable: PendingWrite[] } {
  const store = new HeldStore();
  const durable: PendingWrite[] = [];
  const writer = new LogWriter({
    store: store as unknown as LogStore, nowMs: () => 0, inFlightMax: 4, onDurable: (write) => durable.push(write),
    onFailed: (error) => { throw error; },
  });
  return { store, writer, durable };
}

test('what comes while the store is busy goes out together in the next batch', async () => {
  const { store, writer, durable } = rig();
  expect(writer.isBusy).toBe(false);
  writer.push(ready(1), null, false);
  expect(writer.isBusy).toBe(true);
  writer.push(ready(2), null, false);
  writer.push(ready(3), null, false);
  expect(store.batches.map(({ entries }) => entries.length)).toEqual([1]);
  await store.finish();
  expect(store.batches.map(({ entries }) => entries.map(({ index }) => index))).toEqual([[1], [2, 3]]);
  await store.finish();
  expect(durable.map(({ readyBatch }) => readyBatch)).toEqual([1, 3]);
  expect([writer.isBusy, writer.newest]).toEqual([false, null]);
});

test('after the end what waits is written still, or never, and nothing is reported', async () => {
  for (const [how, count] of [['written', 2], ['dropped', 1]] as const) {
    const { store, writer, durable } = rig();
    writer.push(ready(1), null, false);
    writer.push(ready(2), null, false);
    writer.end(how);
    await store.finish();
    expect([store.batches.length, durable.length]).toEqual([count, 0]);
  }
});
