import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { describe, expect, test } from 'vitest';
import { DirectoryJournalFiles } from '../../src/txlog/journal-files.ts';
import { BLOCK_BYTES } from '../../src/txlog/journal-frame.ts';
import { JournaledLogDisk } from '../../src/txlog/journaled-log-disk.ts';
import { LevelLogDisk } from '../../src/txlog/level-log-store.ts';
import type { DiskBatch, DiskContents, DiskItem, LogDisk } from '../../src/txlog/log-disk.ts';
import type { LogBatch, LogStore } from '../../src/txlog/log-store.ts';
import { MemoryLogDisk } from '../../src/txlog/memory-log-store.ts';
import { StoredLog } from '../../src/txlog/stored-log.ts';
import { FaultyJournalDisk } from './faulty-journal-files.ts';
import { OPEN, TERM_1, batch, describeLogStore, entries, entry, failure, flip } from './log-store-contract.ts';
import { diskKey } from './level-keys.ts';

/** Small, so that the ring goes round all the time. */
const SEGMENTS = 3;
const SEGMENT_BYTES = 8 * BLOCK_BYTES;
/** The disk behind gets what there is only when it must. */
const LAZY = { writeBehindMs: 3_600_000, writeBehindBytes: 1e9 };
const EAGER = { writeBehindMs: 1, writeBehindBytes: 1 };

/** Lets the owner of a LevelDB vanish without a word: it hears nothing any more, and the lock is free. */
class CutDisk implements LogDisk {
  readonly #disk: LevelLogDisk;
  #isCut = false;
  constructor(disk: LevelLogDisk) {
    this.#disk = disk;
  }
  cut(): Promise<void> {
    this.#isCut = true;
    return this.#disk.close();
  }
  open(): Promise<DiskContents> {
    return this.#disk.open();
  }
  batch(): DiskBatch {
    if (!this.#isCut) return this.#disk.batch();
    const nothing = (): void => undefined;
    return {
      putState: nothing, putJournal: nothing, putRecord: nothing, deleteRecord: nothing, putMark: nothing, deleteMark: nothing,
      write: () => new Promise(nothing),
    };
  }
  scan(from: number, through: number, bytesMax: number): AsyncIterable<readonly DiskItem[]> {
    return this.#disk.scan(from, through, bytesMax);
  }
  get(index: number): Promise<Uint8Array | null> {
    return this.#disk.get(index);
  }
  deleteRange(from: number, through: number): Promise<void> {
    return this.#disk.deleteRange(from, through);
  }
  close(): Promise<void> {
    return this.#disk.close();
  }
  destroy(): Promise<void> {
    return this.#disk.destroy();
  }
}

/** Everything that is given to it is waited for by all. */
class AwaitedLog extends StoredLog {
  override append(given: LogBatch): Promise<void> {
    return super.append({ ...given, awaited: true });
  }
}

const VARIANTS = [['late', LAZY, StoredLog], ['at once', EAGER, StoredLog], ['late, on the thread that waits', LAZY, AwaitedLog]] as const;
for (const [name, options, Store] of VARIANTS) {
  describeLogStore(`journal before level, written behind ${name}`, 47, () => {
    const dir = mkdtempSync(join(tmpdir(), 'holdfast-log-'));
    let back: CutDisk | null = null;
    let files: DirectoryJournalFiles | null = null;
    const cut = async (): Promise<void> => {
      await back?.cut();
      await files?.close();
    };
    return Promise.resolve({
      store: () => {
        back = new CutDisk(new LevelLogDisk(join(dir, 'level')));
        files = new DirectoryJournalFiles(join(dir, 'journal'), SEGMENTS, SEGMENT_BYTES);
        return new Store(new JournaledLogDisk(back, files, options), { idleMarkMs: 0 });
      },
      crash: cut,
      tamper: async (what, change) => {
        const db = new Level<Buffer, Buffer>(join(dir, 'level'), { keyEncoding: 'buffer', valueEncoding: 'buffer', compression: false });
        const value = await db.get(diskKey(what));
        if (value === undefined) throw new Error(`nothing is stored as ${what}`);
        const changed = change(value);
        if (changed === null) await db.del(diskKey(what));
        else await db.put(diskKey(what), Buffer.from(changed));
        await db.close();
      },
      dispose: async () => {
        await cut();
        rmSync(dir, { recursive: true, force: true });
      },
    });
  });
}

/** Both disks, which survive those who use them. */
class Rig {
  readonly memory = new MemoryLogDisk();
  readonly journal = new FaultyJournalDisk();
  store(options = LAZY, segmentBytes = SEGMENT_BYTES): LogStore {
    const files = this.journal.files(SEGMENTS, segmentBytes);
    return new StoredLog(new JournaledLogDisk(this.memory.session(), files, options), { idleMarkMs: 0 });
  }
  crash(survives: (place: number, sector: number) => boolean = () => false): void {
    this.journal.crash(survives);
    this.memory.crash();
  }
  get segments(): Buffer[] {
    return [...this.journal.journals.values()][0]!;
  }
}

describeLogStore('journal before memory', 3, () => {
  const rig = new Rig();
  return Promise.resolve({
    store: () => rig.store(),
    crash: () => Promise.resolve(rig.crash()),
    tamper: (what, change) => {
      const value = rig.memory.stored(what);
      if (value === null) throw new Error(`nothing is stored as ${what}`);
      rig.memory.tamper(what, change(value));
      return Promise.resolve();
    },
    dispose: () => Promise.resolve(),
  });
});

const turn = (): Promise<void> => new Promise(setImmediate);

async function texts(store: LogStore, from: number): Promise<string[]> {
  return (await store.read(from, 1e9)).map(({ data }) => Buffer.from(data).toString());
}

describe('the journal', () => {
  test('acknowledges by itself, and is read from, before the disk behind has anything', async () => {
    const rig = new Rig();
    const store = rig.store();
    await store.open(OPEN);
    await store.append(TERM_1);
    rig.memory.holdSyncs();
    await store.append(batch({ entries: entries(1, 3) }));
    expect([rig.memory.stored(3), store.durableIndex]).toEqual([null, 3]);
    expect(await texts(store, 2)).toEqual(['record 2 of term 1', 'record 3 of term 1']);
    rig.crash();
    const again = rig.store();
    expect(await again.open(OPEN)).toMatchObject({ last: { index: 3 }, hardState: { term: 1 } });
    expect(rig.memory.stored(3)).not.toBeNull();
    await again.close();
  });

  test('acknowledges nothing before its own write is durable', async () => {
    const rig = new Rig();
    const store = rig.store();
    await store.open(OPEN);
    await store.append(TERM_1);
    rig.journal.holdWrites();
    let acknowledged = 0;
    for (let index = 1; index <= 3; index++) void store.append(batch({ entries: [entry(index)] })).then(() => { acknowledged = index; });
    rig.journal.complete(2);
    rig.journal.complete(1);
    await turn();
    expect(acknowledged).toBe(0);
    rig.journal.complete(0);
    await turn();
    expect(acknowledged).toBe(3);
    rig.journal.releaseWrites();
    await store.close();
  });

  test('a batch that all wait for is written by this thread, once the turn is over and nothing else is under way', async () => {
    const rig = new Rig();
    const store = rig.store();
    await store.open(OPEN);
    await store.append(TERM_1);
    rig.journal.holdWrites();
    await store.append(batch({ entries: [entry(1)], awaited: true }));
    expect([rig.journal.writesNow, rig.journal.heldWrites, store.durableIndex]).toEqual([1, 0, 1]);
    const appended = store.append(batch({ entries: [entry(2)], awaited: true }));
    expect(rig.journal.writesNow).toBe(1);
    await appended;
    expect(rig.journal.writesNow).toBe(2);
    // Behind one that the pool writes, and itself: by the pool.
    const two = [store.append(batch({ entries: [entry(3)] })), store.append(batch({ entries: [entry(4)], awaited: true }))];
    await turn();
    expect([rig.journal.writesNow, rig.journal.heldWrites]).toEqual([2, 2]);
    rig.journal.releaseWrites();
    await Promise.all(two);
    rig.crash();
    const again = rig.store();
    expect(await again.open(OPEN)).toMatchObject({ last: { index: 4 } });
    await again.close();
  });

  test('waits for room, and overwrites nothing that the disk behind lacks', async () => {
    const rig = new Rig();
    const store = rig.store();
    await store.open(OPEN);
    await store.append(TERM_1);
    rig.memory.holdSyncs();
    let acknowledged = 0;
    for (let index = 1; index <= 200; index++) void store.append(batch({ entries: [entry(index)] })).then(() => { acknowledged = index; });
    for (let i = 0; i < 50; i++) await turn();
    // A block each, less those of the term and of the opening.
    const room = (SEGMENTS * SEGMENT_BYTES) / BLOCK_BYTES;
    expect(acknowledged).toBeGreaterThan(room - 4);
    expect(acknowledged).toBeLessThanOrEqual(room);
    const kept = acknowledged;
    rig.crash();
    const again = rig.store();
    expect(await again.open(OPEN)).toMatchObject({ last: { index: kept }, unfinishedRecords: 0 });
    await again.append(batch({ entries: entries(kept + 1, kept + 1) }));
    await again.close();
  });

  test('what waits for room goes on when the disk behind, or a write into the journal, is done', async () => {
    const rig = new Rig();
    const store = rig.store();
    await store.open(OPEN);
    await store.append(TERM_1);
    rig.memory.holdSyncs();
    rig.journal.holdWrites();
    const all = Promise.all(Array.from({ length: 100 }, (_, i) => store.append(batch({ entries: [entry(i + 1)] }))));
    // First the disk behind has everything that found room, while the journal's own writes are still under way.
    while (rig.memory.heldWrites > 0) {
      rig.memory.completeOldest();
      await turn();
    }
    expect(store.durableIndex).toBe(0);
    rig.memory.releaseSyncs();
    rig.journal.releaseWrites();
    await all;
    expect(store.durableIndex).toBe(100);
    await store.close();
  });

  test('a batch too large for a segment goes to the disk behind, in its order', async () => {
    const rig = new Rig();
    const store = rig.store();
    await store.open(OPEN);
    const large = { ...entry(2), data: new Uint8Array(SEGMENT_BYTES * 2).fill(9) };
    const larger = { ...entry(3), data: new Uint8Array(SEGMENT_BYTES * 3).fill(8) };
    const order: number[] = [];
    await Promise.all([
      store.append(batch({ ...TERM_1, entries: [entry(1)] })).then(() => order.push(1)),
      store.append(batch({ entries: [large] })).then(() => order.push(2)),
      store.append(batch({ entries: [larger] })).then(() => order.push(3)),
      store.append(batch({ entries: [entry(4)] })).then(() => order.push(4)),
    ]);
    expect(order).toEqual([1, 2, 3, 4]);
    rig.crash();
    const again = rig.store();
    expect(await again.open(OPEN)).toMatchObject({ last: { index: 4 } });
    expect(Buffer.compare((await again.read(2, 1))[0]!.data, large.data)).toBe(0);
    expect(Buffer.compare((await again.read(3, 1))[0]!.data, larger.data)).toBe(0);
    await again.close();
  });

  test('changes its shape between two runs', async () => {
    const rig = new Rig();
    const store = rig.store();
    await store.open(OPEN);
    await store.append(batch({ ...TERM_1, entries: entries(1, 3) }));
    rig.crash();
    const other = rig.store(LAZY, SEGMENT_BYTES * 2);
    expect(await other.open(OPEN)).toMatchObject({ last: { index: 3 } });
    expect(rig.journal.journals.size).toBe(1);
    expect(rig.segments[0]!.length).toBe(SEGMENT_BYTES * 2);
    await other.append(batch({ entries: [entry(4)] }));
    rig.crash();
    const again = rig.store();
    expect(await again.open(OPEN)).toMatchObject({ last: { index: 4 } });
    await again.close();
  });
});

describe('a damaged journal', () => {
  /** Records 1 to 5, each a batch, none of them on the disk behind, and the process gone. */
  async function five(): Promise<Rig> {
    const rig = new Rig();
    const store = rig.store();
    await store.open(OPEN);
    await store.append(TERM_1);
    for (let index = 1; index <= 5; index++) await store.append(batch({ entries: [entry(index)] }));
    rig.crash();
    return rig;
  }
  /** Flips a bit where `text` stands. */
  function damage(rig: Rig, text: string): void {
    const segment = rig.segments.find((bytes) => bytes.includes(text))!;
    segment[segment.indexOf(text)]! ^= 2;
  }

  test('a flipped bit in front of good frames is damage', async () => {
    const rig = await five();
    damage(rig, 'record 3 of');
    for (let attempt = 0; attempt < 2; attempt++) {
      const error = await failure(rig.store().open(OPEN));
      expect([error.code, error.index]).toEqual(['LOG_DAMAGED', 3]);
    }
  });

  test('a flipped bit in the last frame is passed over as a write that never finished, and told of once', async () => {
    const rig = await five();
    damage(rig, 'record 5 of');
    const store = rig.store();
    expect(await store.open(OPEN)).toMatchObject({ last: { index: 4 }, damage: null, brokenFrames: 1 });
    await store.append(batch({ entries: [entry(5)] }));
    rig.crash();
    expect(await rig.store().open(OPEN)).toMatchObject({ last: { index: 5 }, brokenFrames: 0 });
  });

  test('a write that reached the disk in part is told of', async () => {
    const rig = await five();
    const store = rig.store();
    expect(await store.open(OPEN)).toMatchObject({ brokenFrames: 0 });
    rig.journal.holdWrites();
    void store.append(batch({ entries: [entry(6, 1, 'x'.repeat(3 * BLOCK_BYTES))] }));
    rig.crash((_place, sector) => sector === 0);
    expect(await rig.store().open(OPEN)).toMatchObject({ last: { index: 5 }, brokenFrames: 1 });
  });

  test('a lost vote in front of good frames is damage that cannot be salvaged', async () => {
    const rig = new Rig();
    const store = rig.store();
    await store.open(OPEN);
    await store.append(batch({ hardState: { term: 1, vote: 'somebody', commit: 0 } }));
    await store.append(batch({ entries: entries(1, 2) }));
    rig.crash();
    damage(rig, 'somebody');
    const error = await failure(rig.store().open({ ...OPEN, onDamage: 'salvage' }));
    expect([error.code, error.index]).toEqual(['LOG_DAMAGED', -1]);
  });

  test('a segment that is missing or short is damage', async () => {
    const rig = await five();
    rig.segments.pop();
    expect((await failure(rig.store().open(OPEN))).message).toContain("segment 2 of the log's journal is missing");
    const short = await five();
    short.segments[1] = short.segments[1]!.subarray(0, 1000);
    expect((await failure(short.store().open(OPEN))).message).toContain('has 1000 bytes instead of');
  });

  test('a journal whose database is gone is damage, one that was never used is not', async () => {
    const rig = await five();
    rig.memory.wipe();
    expect((await failure(rig.store().open(OPEN))).message).toContain('the database to which it belongs is missing');
    const unused = new Rig();
    await unused.journal.files(2, SEGMENT_BYTES).create('ab'.repeat(16));
    const store = unused.store();
    expect(await store.open(OPEN)).toMatchObject({ created: true });
    expect(unused.journal.journals.has('ab'.repeat(16))).toBe(false);
    await store.close();
  });

  test('what a client stored is no frame, even where a torn one left it on a boundary', async () => {
    const rig = new Rig();
    const store = rig.store();
    await store.open(OPEN);
    await store.append(batch({ ...TERM_1, entries: [entry(1, 1, 'victim')] }));
    rig.crash();
    const segment = rig.segments.find((bytes) => bytes.includes('victim'))!;
    const image = Buffer.from(segment.subarray(0, BLOCK_BYTES * 4));
    // A frame of another journal, as a client might have copied it, takes the id away.
    for (let at = 8; at < image.length; at += BLOCK_BYTES) image.fill(0x77, at, at + 16);
    const again = rig.store();
    await again.open(OPEN);
    rig.journal.holdWrites();
    void again.append(batch({ entries: [{ ...entry(2), data: image }] }));
    rig.crash((_place, sector) => sector > 0);
    const last = rig.store();
    expect(await last.open(OPEN)).toMatchObject({ last: { index: 1 }, unfinishedRecords: 0 });
    await last.close();
  });

  test.each([false, true])('a failing write ends the store (this thread waits for it: %s)', async (awaited) => {
    const rig = new Rig();
    const store = rig.store();
    await store.open(OPEN);
    await store.append(TERM_1);
    rig.journal.fail(new Error('EIO: i/o error, write'));
    const error = await failure(store.append(batch({ entries: [entry(1)], awaited })));
    expect([error.code, error.message]).toEqual(['LOG_IO', 'writing to the log failed: EIO: i/o error, write']);
    expect((await failure(store.append(batch({ entries: [entry(2)] })))).code).toBe('LOG_FAILED');
    await store.close();
  });

  test('a disk behind that fails ends the store with the next append at the latest', async () => {
    const rig = new Rig();
    const store = rig.store(EAGER);
    await store.open(OPEN);
    rig.memory.failSync(new Error('ENOSPC: no space left on device'));
    await store.append(TERM_1).catch(() => undefined);
    await turn();
    // In one line, which may be all that is told.
    expect((await failure(store.append(batch({ entries: [entry(1)] })))).message).toContain('ENOSPC');
    expect((await failure(store.append(batch({ entries: [entry(2)] })))).message).toContain('ENOSPC');
    await store.close().catch(() => undefined);
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

const runs = Number(process.env['TXLOG_RUNS'] ?? 60);

test(`${runs} random logs of five lives: what is found is what some batch left, no earlier one than the last acknowledged`, async () => {
  for (let seed = 1; seed <= runs; seed++) {
    const pick = generator(seed);
    const rig = new Rig();
    let records: string[] = [];
    let term = 0;
    let ackTerm = 0;
    /** What the log holds after each batch of this life, and the newest batch that was acknowledged. */
    let states: string[][] = [];
    let acknowledged = 0;
    for (let life = 0; life < 5; life++) {
      const at = `seed ${seed}, life ${life}`;
      const store = rig.store(pick(2) === 0 ? LAZY : EAGER);
      const found = await store.open(OPEN);
      const start = found.base.index;
      expect(found.last.index, at).toBe(start + (await store.read(start + 1, 1e9)).length);
      if (life > 0) {
        const is = JSON.stringify(await texts(store, start + 1));
        const left = states.slice(acknowledged).findIndex((state) => state.length >= start && JSON.stringify(state.slice(start)) === is);
        expect(left, at).toBeGreaterThanOrEqual(0);
        records = states[acknowledged + left]!;
      }
      expect(found.hardState.term, at).toBeGreaterThanOrEqual(ackTerm);
      term = Math.max(term, found.hardState.term) + 1;
      states = [records];
      acknowledged = 0;
      rig.journal.holdWrites();
      rig.memory.holdSyncs();
      const give = (change: Parameters<typeof batch>[0], newTerm = 0): void => {
        states.push(records);
        const number = states.length - 1;
        void store.append(batch({ ...change, awaited: pick(2) === 0 })).then(() => {
          acknowledged = number;
          if (newTerm > 0) ackTerm = newTerm;
        }, () => undefined);
      };
      give({ hardState: { term, vote: 'n1', commit: 0 } }, term);
      for (let step = 0; step < 40; step++) {
        const what = pick(12);
        if (what < 5) {
          const from = records.length + 1;
          const large = pick(30) === 0 ? 'x'.repeat(SEGMENT_BYTES + pick(5000)) : 'y'.repeat(pick(9000));
          const made = Array.from({ length: 1 + pick(3) }, (_, i) => entry(from + i, term, `${at} step ${step} ${from + i} ${large}`));
          records = [...records, ...made.map(({ data }) => Buffer.from(data).toString())];
          give({ entries: made });
        } else if (what === 5 && records.length > store.base.index + 1 && store.durableIndex === records.length) {
          const truncateFrom = store.base.index + 1 + pick(records.length - store.base.index);
          records = [...records.slice(0, truncateFrom - 1), `${at} step ${step} instead`];
          term++;
          give({ truncateFrom, hardState: { term, vote: '', commit: 0 }, entries: [entry(truncateFrom, term, records[truncateFrom - 1])] }, term);
        } else if (what === 6 && store.durableIndex > store.base.index + 2 && acknowledged === states.length - 1) {
          store.trim(store.base.index + 1 + pick(store.durableIndex - store.base.index - 1)).catch(() => undefined);
        } else if (what < 9 && rig.memory.heldWrites > 0) rig.memory.complete(pick(rig.memory.heldWrites));
        else if (rig.journal.heldWrites > 0) rig.journal.complete(pick(rig.journal.heldWrites));
        await turn();
      }
      const kept = pick(4);
      rig.crash(() => kept === 0 || (kept === 1 && pick(2) === 0) || (kept === 2 && pick(20) > 0));
    }
  }
});
test(`${runs} random flipped bits in a journal: refused, or harmless, or in what was written last of all`, async () => {
  for (let seed = 1; seed <= runs; seed++) {
    const pick = generator(seed);
    const rig = new Rig();
    const store = rig.store(pick(2) === 0 ? LAZY : EAGER);
    await store.open(OPEN);
    await store.append(TERM_1);
    const count = 1 + pick(20);
    for (let index = 1; index <= count; index++) await store.append(batch({ entries: [entry(index, 1, `r${index} ${'z'.repeat(pick(3000))}`)] }));
    rig.crash();
    const segment = rig.segments[pick(SEGMENTS)]!;
    const flipped = flip(pick(segment.length * 8))(segment);
    segment.set(flipped);
    const again = rig.store();
    try {
      const found = await again.open(OPEN);
      expect(found.last.index, `seed ${seed}`).toBeGreaterThanOrEqual(count - 1);
      await again.close();
    } catch (error) {
      expect((error as { code: string }).code, `seed ${seed}`).toBe('LOG_DAMAGED');
    }
  }
});
