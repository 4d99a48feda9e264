import { describe, expect, test } from 'vitest';
import { MemoryLogDisk, MemoryLogStore } from '../../src/txlog/memory-log-store.ts';
import { OPEN, TERM_1, batch, describeLogStore, entries, entry, failure, flip } from './log-store-contract.ts';

describeLogStore('memory', 1, () => {
  const disk = new MemoryLogDisk();
  return Promise.resolve({
    store: () => new MemoryLogStore(disk),
    crash: () => Promise.resolve(disk.crash()),
    tamper: (what, change) => {
      const value = disk.stored(what);
      if (value === null) throw new Error(`nothing is stored as ${what}`);
      disk.tamper(what, change(value));
      return Promise.resolve();
    },
    dispose: () => Promise.resolve(),
  });
});

/** Small, seeded, good enough to spread cases. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('batches in flight when the process ends', () => {
  /** Records 1 to 3 durable, then four batches of two held. */
  async function four(): Promise<{ disk: MemoryLogDisk; store: MemoryLogStore; acknowledged: number[] }> {
    const disk = new MemoryLogDisk();
    const store = new MemoryLogStore(disk);
    await store.open(OPEN);
    await store.append(batch({ ...TERM_1, entries: entries(1, 3) }));
    disk.holdSyncs();
    const acknowledged: number[] = [];
    for (let i = 0; i < 4; i++) {
      const from = 4 + i * 2;
      void store.append(batch({ entries: entries(from, from + 1) })).then(() => acknowledged.push(from + 1));
    }
    return { disk, store, acknowledged };
  }

  test('an overtaking batch is not acknowledged before those it overtook', async () => {
    const { disk, store, acknowledged } = await four();
    expect(disk.heldWrites).toBe(4);
    disk.complete(2);
    disk.complete(1);
    await Promise.resolve();
    expect([acknowledged, store.durableIndex]).toEqual([[], 3]);
    disk.complete(0);
    await new Promise(setImmediate);
    expect([acknowledged, store.durableIndex]).toEqual([[5, 7, 9], 9]);
  });

  test('any of them may survive: what is found is a prefix, and goes on from there', async () => {
    for (let survivors = 0; survivors < 16; survivors++) {
      const { disk } = await four();
      disk.crash({ survives: (place) => (survivors & (1 << place)) !== 0 });
      let prefix = 0;
      while ((survivors & (1 << prefix)) !== 0) prefix++;
      const count = [0, 1, 2, 3].filter((place) => (survivors & (1 << place)) !== 0).length;
      const store = new MemoryLogStore(disk);
      const found = await store.open(OPEN);
      const last = 3 + prefix * 2;
      expect([found.last.index, found.unfinishedRecords], `survivors ${survivors}`).toEqual([last, (count - prefix) * 2]);
      // What stood behind the gap is gone for good: the same indexes are written anew.
      await store.append(batch({ entries: [entry(last + 1, 1, 'new')] }));
      disk.crash();
      expect(await new MemoryLogStore(disk).open(OPEN), `survivors ${survivors}`).toMatchObject({ last: { index: last + 1 }, unfinishedRecords: 0 });
    }
  });

  test('a batch behind a gap that is known to have been durable is damage', async () => {
    const { disk, store } = await four();
    disk.complete(0);
    await new Promise(setImmediate);
    const last = store.append(batch({ entries: entries(12, 12) }));
    disk.releaseSyncs();
    await last;
    disk.crash();
    // Record 12 was written when 5 was known to be durable, 10 was not: the loss of 5 is damage.
    disk.tamper(10, null);
    disk.tamper(5, null);
    const error = await failure(new MemoryLogStore(disk).open(OPEN));
    expect([error.code, error.index]).toEqual(['LOG_DAMAGED', 5]);
  });

  test('a bad record is damage also where a missing one would not be', async () => {
    const { disk } = await four();
    disk.crash({ survives: (place) => place !== 1 });
    disk.flipBit(9, 300);
    expect((await failure(new MemoryLogStore(disk).open(OPEN))).index).toBe(9);
  });

  test('a change of term waits for all before it and holds up all after it', async () => {
    const { disk, store } = await four();
    const vote = store.append(batch({ hardState: { term: 2, vote: 'n3', commit: 0 } }));
    const after = store.append(batch({ entries: entries(12, 13, 2) }));
    expect(disk.heldWrites).toBe(4);
    for (let i = 0; i < 4; i++) disk.completeOldest();
    await new Promise(setImmediate);
    expect(disk.heldWrites).toBe(1);
    disk.completeOldest();
    await vote;
    expect(disk.heldWrites).toBe(1);
    disk.crash();
    void after;
    expect(await new MemoryLogStore(disk).open(OPEN)).toMatchObject({ hardState: { term: 2, vote: 'n3' }, last: { index: 11 } });
  });
});

describe('a failing disk', () => {
  test('ends the store: what is in flight fails with the cause, everything later is refused', async () => {
    const disk = new MemoryLogDisk();
    const store = new MemoryLogStore(disk);
    await store.open(OPEN);
    await store.append(TERM_1);
    disk.holdSyncs();
    const first = failure(store.append(batch({ entries: [entry(1)] })));
    const second = failure(store.append(batch({ hardState: { term: 2, vote: '', commit: 0 } })));
    disk.failSync(new Error('EIO'));
    expect(await first).toBe(await second);
    expect((await first).message).toContain('EIO');
    expect((await first).code).toBe('LOG_IO');
    for (const refused of [store.append(batch({ entries: [entry(2)] })), store.read(1, 1), store.trim(1)]) {
      const error = await failure(refused);
      expect([error.code, error.cause]).toEqual(['LOG_FAILED', await first]);
    }
    await store.close();
    expect(store.durableIndex).toBe(0);
  });

  test('a late completion after a failure acknowledges nothing', async () => {
    const disk = new MemoryLogDisk();
    const store = new MemoryLogStore(disk);
    await store.open(OPEN);
    await store.append(batch({ ...TERM_1, entries: [entry(1)] }));
    disk.tamper(1, flip(60)(disk.stored(1)!));
    disk.holdSyncs();
    const append = failure(store.append(batch({ entries: [entry(2)] })));
    expect((await failure(store.read(1, 1))).code).toBe('LOG_DAMAGED');
    disk.releaseSyncs();
    expect((await append).code).toBe('LOG_DAMAGED');
    expect(store.durableIndex).toBe(1);
  });
});

test('random lives of a log: nothing acknowledged is lost, nothing unwritten appears', async () => {
  const runs = Number(process.env['TXLOG_RUNS'] ?? 150);
  for (let seed = 1; seed <= runs; seed++) {
    const pick = generator(seed);
    const disk = new MemoryLogDisk();
    const at = (): string => `seed ${seed}`;
    let acknowledged: string[] = [];
    let term = 0;
    let handed: string[] = [];
    for (let life = 0; life < 6; life++) {
      const store = new MemoryLogStore(disk);
      const found = await store.open(OPEN);
      const texts = (await store.read(found.base.index + 1, 1e9)).map(({ data }) => Buffer.from(data).toString());
      const start = found.base.index;
      expect(texts.slice(0, acknowledged.length - start), at()).toEqual(acknowledged.slice(start, start + texts.length));
      expect(found.last.index, at()).toBeGreaterThanOrEqual(acknowledged.length);
      expect(texts, at()).toEqual(handed.slice(start, start + texts.length));
      handed = [...handed.slice(0, start), ...texts];
      acknowledged = [...handed];
      term = Math.max(term, found.hardState.term) + 1;
      disk.holdSyncs();
      void store.append(batch({ hardState: { term, vote: 'n1', commit: 0 } })).catch(() => undefined);
      for (let step = 0; step < 25; step++) {
        const what = pick(10);
        if (what < 5) {
          const from = handed.length + 1;
          const made = Array.from({ length: 1 + pick(3) }, (_, i) => entry(from + i, term, `s${seed} l${life} st${step} i${from + i}`));
          handed = [...handed, ...made.map(({ data }) => Buffer.from(data).toString())];
          const snapshot = handed;
          void store.append(batch({ entries: made })).then(() => (acknowledged = snapshot));
        } else if (what < 9 && disk.heldWrites > 0) {
          disk.complete(pick(disk.heldWrites));
          await new Promise(setImmediate);
        } else if (what === 9 && store.durableIndex > store.base.index + 2) {
          void store.trim(store.base.index + 1 + pick(store.durableIndex - store.base.index - 1));
          await new Promise(setImmediate);
        }
      }
      const keep = pick(256);
      disk.crash({ survives: (place) => (keep & (1 << (place & 7))) !== 0, keepUnsynced: pick(2) === 0 });
    }
  }
});
