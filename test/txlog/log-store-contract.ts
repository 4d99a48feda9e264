/**
 * What every LogStore driver must do, as a suite that a driver's own test file calls with a bench of its kind.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LogError } from '../../src/txlog/log-store.ts';
import type { LogBatch, LogRecovery, LogStore, OpenOptions } from '../../src/txlog/log-store.ts';
import { encodeConfig, firstConfig } from '../../src/txlog/raft/configuration.ts';
import type { Entry } from '../../src/txlog/raft/types.ts';

/** One disk, on which stores come and go. */
export interface LogBench {
  /** A store on this disk that was not opened yet. */
  store(): LogStore;
  /** The process that has the disk open is gone, without a word. What was not durable may be lost. */
  crash(): Promise<void>;
  /** Changes stored bytes while no store is open: the record with that index, or the state. Null deletes. */
  tamper(what: number | 'state', change: (value: Uint8Array) => Uint8Array | null): Promise<void>;
  dispose(): Promise<void>;
}

export const SHARD = 'ab'.repeat(20);
export const CONFIG = firstConfig([{ id: 'n1', role: 'voter' }]);
export const OPEN: OpenOptions = { identity: { shardId: SHARD, memberId: 'n1' }, firstConfig: CONFIG, onDamage: 'refuse' };

export function entry(index: number, term = 1, text = `record ${index} of term ${term}`): Entry {
  return { index, term, kind: 'normal', data: new Uint8Array(Buffer.from(text)) };
}

export function entries(from: number, through: number, term = 1): Entry[] {
  return Array.from({ length: through - from + 1 }, (_, i) => entry(from + i, term));
}

export function batch(change: Partial<LogBatch>): LogBatch {
  return { resetTo: null, truncateFrom: 0, entries: [], hardState: null, healed: false, awaited: false, ...change };
}

export const TERM_1 = batch({ hardState: { term: 1, vote: 'n1', commit: 0 } });

export function flip(bit: number): (value: Uint8Array) => Uint8Array {
  return (value) => {
    const out = new Uint8Array(value);
    out[(bit >>> 3) % out.length]! ^= 1 << (bit & 7);
    return out;
  };
}

/** The error that `promise` rejects with. */
export async function failure(promise: Promise<unknown>): Promise<LogError> {
  const error: unknown = await promise.then(() => new Error('it did not fail'), (reason: unknown) => reason);
  expect(error).toBeInstanceOf(LogError);
  return error as LogError;
}

/** `bitStep`: how many bits lie between two that are flipped; 1 where opening costs nothing. */
export function describeLogStore(name: string, bitStep: number, createBench: () => Promise<LogBench>): void {
  describe(`${name}: contract of LogStore`, () => {
    let bench: LogBench;
    let store: LogStore;
    beforeEach(async () => {
      bench = await createBench();
      store = bench.store();
    });
    afterEach(async () => {
      await store.close().catch(() => undefined);
      await bench.dispose();
    });

    async function reopen(options: OpenOptions = OPEN): Promise<LogRecovery> {
      store = bench.store();
      return store.open(options);
    }
    async function restart(options: OpenOptions = OPEN): Promise<LogRecovery> {
      await store.close();
      return reopen(options);
    }
    async function texts(from: number): Promise<string[]> {
      return (await store.read(from, 1e6)).map(({ data }) => Buffer.from(data).toString());
    }
    /** A log of term 1 with records 1 to `through`, closed. */
    async function written(through: number): Promise<void> {
      await store.open(OPEN);
      await store.append(TERM_1);
      for (let index = 1; index <= through; index++) await store.append(batch({ entries: [entry(index)] }));
      await store.close();
    }

    test('a new log is empty and has its first configuration and identity', async () => {
      const found = await store.open(OPEN);
      expect(found).toEqual({
        created: true, identity: OPEN.identity, base: { index: 0, term: 0, checksum: 0 }, last: { index: 0, term: 0, checksum: 0 },
        hardState: { term: 0, vote: '', commit: 0 }, configs: [{ index: 0, config: CONFIG }], termRuns: [], impaired: false,
        unfinishedRecords: 0, brokenFrames: 0, damage: null,
      });
      expect(await restart()).toEqual({ ...found, created: false });
    });

    test('keeps entries, kinds, hard state, configurations and runs of terms over a restart', async () => {
      const config = firstConfig([{ id: 'n1', role: 'voter', label: 'a=1' }, { id: 'n2', role: 'learner' }]);
      await store.open(OPEN);
      await store.append(batch({ hardState: { term: 3, vote: 'n1', commit: 0 }, entries: [entry(1), { ...entry(2, 3), kind: 'noop', data: new Uint8Array(0) }] }));
      await store.append(batch({ entries: [{ index: 3, term: 3, kind: 'config', data: encodeConfig(config) }] }));
      await store.append(batch({ hardState: { term: 3, vote: 'n1', commit: 3 }, entries: [entry(4, 3)] }));
      const found = await restart();
      expect(found).toMatchObject({ last: { index: 4, term: 3 }, hardState: { term: 3, vote: 'n1', commit: 3 }, configs: [{ index: 0 }, { index: 3, config }] });
      expect(found.termRuns).toEqual([{ firstIndex: 1, term: 1 }, { firstIndex: 2, term: 3 }]);
      const read = await store.read(1, 1e6);
      expect(read.map(({ kind }) => kind)).toEqual(['normal', 'noop', 'config', 'normal']);
      expect(Buffer.from(read[3]!.data).toString()).toBe('record 4 of term 3');
    });

    test('many appends in flight become durable in the order of the calls', async () => {
      await store.open(OPEN);
      const order: number[] = [];
      const all: Promise<void>[] = [store.append(TERM_1)];
      for (let i = 0; i < 40; i++) {
        all.push(store.append(batch({ entries: entries(i * 3 + 1, i * 3 + 3) })).then(() => {
          order.push(i);
          expect(store.durableIndex).toBeGreaterThanOrEqual(i * 3 + 3);
        }));
      }
      expect(store.lastIndex).toBe(120);
      await Promise.all(all);
      expect(order).toEqual(Array.from({ length: 40 }, (_, i) => i));
      await bench.crash();
      expect(await reopen()).toMatchObject({ last: { index: 120 }, unfinishedRecords: 0 });
    });

    test('what was acknowledged survives a crash, hard state and entries together', async () => {
      await store.open(OPEN);
      await store.append(batch({ hardState: { term: 7, vote: 'n2', commit: 0 }, entries: entries(1, 3, 7) }));
      await bench.crash();
      expect(await reopen()).toMatchObject({ last: { index: 3, term: 7 }, hardState: { term: 7, vote: 'n2' } });
    });

    test('an append of nothing waits for those before it', async () => {
      await store.open(OPEN);
      const order: string[] = [];
      await Promise.all([
        store.append(batch({ ...TERM_1, entries: entries(1, 2) })).then(() => order.push('entries')),
        store.append(batch({ hardState: { term: 1, vote: 'n1', commit: 1 } })).then(() => order.push('nothing')),
      ]);
      expect(order).toEqual(['entries', 'nothing']);
    });

    test('replaces a conflicting suffix, while appends are in flight', async () => {
      await store.open(OPEN);
      await store.append(TERM_1);
      await Promise.all([
        store.append(batch({ entries: entries(1, 4) })),
        store.append(batch({ entries: entries(5, 9) })),
        store.append(batch({ truncateFrom: 3, entries: [entry(3, 2)], hardState: { term: 2, vote: '', commit: 2 } })),
        store.append(batch({ entries: [entry(4, 2)] })),
      ]);
      const wanted = ['record 2 of term 1', 'record 3 of term 2', 'record 4 of term 2'];
      expect(await texts(2)).toEqual(wanted);
      await bench.crash();
      const found = await reopen();
      expect(found).toMatchObject({ last: { index: 4, term: 2 }, hardState: { term: 2, vote: '', commit: 2 }, unfinishedRecords: 0 });
      expect(found.termRuns).toEqual([{ firstIndex: 1, term: 1 }, { firstIndex: 3, term: 2 }]);
      expect(await texts(2)).toEqual(wanted);
    });

    test('a truncated configuration is forgotten', async () => {
      const config = firstConfig([{ id: 'n1', role: 'voter' }, { id: 'n2', role: 'voter' }]);
      await store.open(OPEN);
      await store.append(batch({ ...TERM_1, entries: [entry(1), { index: 2, term: 1, kind: 'config', data: encodeConfig(config) }] }));
      await store.append(batch({ truncateFrom: 2, hardState: { term: 2, vote: '', commit: 1 }, entries: [entry(2, 2)] }));
      await store.trim(2);
      expect((await restart()).configs).toEqual([{ index: 0, config: CONFIG }]);
    });

    test('the running checksum depends on the records alone', async () => {
      await store.open(OPEN);
      await store.append(TERM_1);
      await store.append(batch({ entries: entries(1, 5) }));
      const { checksum } = await store.positionAt(5);
      const at3 = await store.positionAt(3);
      expect((await store.read(3, 1))[0]!.checksum).toBe(at3.checksum);
      await store.append(batch({ truncateFrom: 2, hardState: { term: 1, vote: 'n1', commit: 1 }, entries: [entry(2), entry(3)] }));
      await store.append(batch({ entries: [entry(4)] }));
      await store.append(batch({ entries: [entry(5)] }));
      expect((await store.positionAt(5)).checksum).toBe(checksum);
      await store.append(batch({ truncateFrom: 2, hardState: { term: 2, vote: '', commit: 1 }, entries: [entry(2, 1, 'other'), ...entries(3, 5)] }));
      expect((await store.positionAt(5)).checksum).not.toBe(checksum);
      expect((await restart()).last).toEqual(await store.positionAt(5));
    });

    test('reads pages of about the bytes asked for, at least one record', async () => {
      await store.open(OPEN);
      await store.append(batch({ ...TERM_1, entries: Array.from({ length: 50 }, (_, i) => ({ ...entry(i + 1), data: new Uint8Array(1000).fill(i) })) }));
      expect((await store.read(11, 1)).map(({ index }) => index)).toEqual([11]);
      expect((await store.read(11, 3500)).map(({ index }) => index)).toEqual([11, 12, 13]);
      expect(await store.read(51, 1000)).toEqual([]);
      const large = new Uint8Array(3 * 1024 * 1024).fill(7);
      await store.append(batch({ entries: [{ ...entry(51), data: large }] }));
      expect(Buffer.compare((await store.read(51, 10))[0]!.data, large)).toBe(0);
    });

    test('trims: what is left is proved by the checksum of what is gone', async () => {
      await store.open(OPEN);
      const config = firstConfig([{ id: 'n1', role: 'voter' }, { id: 'n2', role: 'learner' }]);
      await store.append(TERM_1);
      await store.append(batch({ entries: [...entries(1, 4), { index: 5, term: 1, kind: 'config', data: encodeConfig(config) }, ...entries(6, 20)] }));
      const at12 = await store.positionAt(12);
      await Promise.all([store.trim(12), store.append(batch({ entries: [entry(21)] }))]);
      await store.trim(4);
      expect(store.base).toEqual(at12);
      expect((await failure(store.read(12, 100))).code).toBe('LOG_TRIMMED');
      expect(await store.positionAt(12)).toEqual(at12);
      await bench.crash();
      expect(await reopen()).toMatchObject({ base: at12, last: { index: 21 }, configs: [{ index: 5, config }], termRuns: [{ firstIndex: 13, term: 1 }] });
      expect(await texts(20)).toEqual(['record 20 of term 1', 'record 21 of term 1']);
      await store.trim(21);
      expect(await restart()).toMatchObject({ base: { index: 21 }, last: { index: 21 }, termRuns: [] });
      await store.append(batch({ entries: [entry(22)] }));
      expect(await restart()).toMatchObject({ last: { index: 22 } });
    });

    test('begins anew at a snapshot, in front of or inside the old log', async () => {
      await store.open(OPEN);
      await store.append(batch({ ...TERM_1, entries: entries(1, 9) }));
      const config = { index: 4, config: firstConfig([{ id: 'n2', role: 'voter' }]) };
      for (const index of [100, 105]) {
        const point = { index, term: 4, checksum: 123456789 + index };
        await store.append(batch({ resetTo: { ...point, config }, hardState: { term: 5, vote: '', commit: index }, entries: entries(index + 1, index + 10, 5) }));
        expect((await failure(store.read(9, 100))).code).toBe('LOG_TRIMMED');
        await bench.crash();
        expect(await reopen()).toMatchObject({ base: point, last: { index: index + 10, term: 5 }, configs: [config], hardState: { term: 5, commit: index } });
        expect(await texts(index + 10)).toEqual([`record ${index + 10} of term 5`]);
      }
    });

    test('bytesSince follows appends, truncation and trimming', async () => {
      await store.open(OPEN);
      const data = new Uint8Array(10_000);
      await store.append(batch({ ...TERM_1, entries: entries(1, 200).map((e) => ({ ...e, data })) }));
      const near = (index: number, bytes: number): void => expect(Math.abs(store.bytesSince(index) - bytes)).toBeLessThan(65536);
      near(0, 2e6);
      near(150, 5e5);
      expect(store.bytesSince(200)).toBe(0);
      await store.append(batch({ truncateFrom: 101 }));
      near(50, 5e5);
      await store.trim(60);
      near(60, 4e5);
      await restart();
      near(60, 4e5);
      near(90, 1e5);
    });

    test('reads as many records as fit, wherever it begins, in a log of small and large ones that was truncated and trimmed', async () => {
      await store.open(OPEN);
      const sized = (from: number, through: number): Entry[] =>
        entries(from, through).map((e) => ({ ...e, data: new Uint8Array(e.index % 40 === 0 ? 150_000 : e.index % 7 === 0 ? 9_000 : 40) }));
      await store.append(batch({ ...TERM_1, entries: sized(1, 300) }));
      await store.append(batch({ truncateFrom: 239, entries: sized(239, 400) }));
      await store.trim(37);
      for (const bytesMax of [1, 100, 10_000, 200_000]) {
        for (let from = 38; from <= 400; from += 3) {
          const found = await store.read(from, bytesMax);
          const lengths = sized(from, 400).map(({ data }) => data.length);
          let expected = 1;
          for (let bytes = lengths[0]!; expected < lengths.length && bytes + lengths[expected]! <= bytesMax; expected++) bytes += lengths[expected]!;
          expect([from, bytesMax, found.map(({ data }) => data.length)]).toEqual([from, bytesMax, lengths.slice(0, expected)]);
        }
      }
    });

    test('refuses the log of another shard or member, and takes its own when it does not know the shard', async () => {
      await written(1);
      expect((await failure(reopen({ ...OPEN, identity: { shardId: 'cd'.repeat(20), memberId: 'n1' } }))).code).toBe('LOG_IDENTITY');
      expect((await failure(reopen({ ...OPEN, identity: { shardId: SHARD, memberId: 'n2' } }))).code).toBe('LOG_IDENTITY');
      expect((await reopen({ ...OPEN, identity: { shardId: '', memberId: 'n1' } })).identity.shardId).toBe(SHARD);
    });

    test('finds every flipped bit of a record, wherever it is', async () => {
      await written(4);
      let bits = 0;
      await bench.tamper(2, (value) => {
        bits = value.length * 8;
        return value;
      });
      for (let bit = 0; bit < bits; bit += bitStep) {
        await bench.tamper(2, flip(bit));
        const error = await failure(reopen());
        expect([error.code, error.index], `bit ${bit}`).toEqual(['LOG_DAMAGED', 2]);
        await bench.tamper(2, flip(bit));
      }
      expect(await reopen()).toMatchObject({ last: { index: 4 } });
    });

    test('finds every flipped bit of the state, and cannot salvage it', async () => {
      await written(2);
      let bits = 0;
      await bench.tamper('state', (value) => {
        bits = value.length * 8;
        return value;
      });
      for (let bit = 0; bit < bits; bit += 3 * bitStep) {
        await bench.tamper('state', flip(bit));
        expect((await failure(reopen({ ...OPEN, onDamage: 'salvage' }))).code, `bit ${bit}`).toBe('LOG_DAMAGED');
        await bench.tamper('state', flip(bit));
      }
      await bench.tamper('state', () => null);
      expect((await failure(reopen())).code).toBe('LOG_DAMAGED');
    });

    test('a record that is missing from what was durable is damage, also the last one', async () => {
      for (const lost of [1, 3, 5]) {
        await bench.dispose();
        bench = await createBench();
        store = bench.store();
        await written(5);
        await bench.tamper(lost, () => null);
        const error = await failure(reopen());
        expect([error.code, error.index]).toEqual(['LOG_DAMAGED', lost]);
        expect(error.message).toContain(`record ${lost} is missing`);
      }
    });

    test('a good record in the wrong place, or of another history, is damage', async () => {
      await written(4);
      let third: Uint8Array = new Uint8Array(0);
      await bench.tamper(3, (value) => (third = value));
      await bench.tamper(2, () => third);
      expect((await failure(reopen())).index).toBe(2);
      await bench.dispose();
      bench = await createBench();
      store = bench.store();
      await store.open(OPEN);
      await store.append(batch({ ...TERM_1, entries: [entry(1), entry(2, 1, 'another'), entry(3), entry(4)] }));
      await store.close();
      await bench.tamper(3, () => third);
      expect((await failure(reopen())).message).toContain('does not follow');
    });

    test('salvages the good part, impaired until healed', async () => {
      await written(6);
      await bench.tamper(4, flip(100));
      const found = await reopen({ ...OPEN, onDamage: 'salvage' });
      expect(found).toMatchObject({ last: { index: 3 }, impaired: true, damage: { code: 'LOG_DAMAGED', index: 4 } });
      await bench.crash();
      expect(await reopen()).toMatchObject({ last: { index: 3 }, impaired: true, damage: null });
      await store.append(batch({ entries: entries(4, 6), healed: true }));
      expect(await restart()).toMatchObject({ last: { index: 6 }, impaired: false });
    });

    test('stops at a record of a later format version, and salvages nothing there', async () => {
      await written(3);
      await bench.tamper(2, (value) => {
        const out = new Uint8Array(value);
        out[4] = 2;
        out[5] = ~2 & 255;
        return out;
      });
      for (const onDamage of ['refuse', 'salvage'] as const) {
        const error = await failure(reopen({ ...OPEN, onDamage }));
        expect([error.code, error.index]).toEqual(['LOG_FORMAT', 2]);
        expect(error.message).toContain('version 2');
      }
    });

    test('a closed log refuses; closing waits for what is in flight', async () => {
      await store.open(OPEN);
      const done: string[] = [];
      const appended = store.append(batch({ ...TERM_1, entries: entries(1, 3) })).then(() => done.push('append'));
      const closed = store.close().then(() => done.push('close'));
      expect((await failure(store.append(batch({ entries: [entry(4)] })))).code).toBe('LOG_CLOSED');
      await Promise.all([appended, closed, store.close()]);
      expect(done).toEqual(['append', 'close']);
      expect((await failure(store.read(1, 1))).code).toBe('LOG_CLOSED');
    });

    test('destroyed, it is as if it had never been', async () => {
      await store.open(OPEN);
      await store.append(batch({ ...TERM_1, entries: entries(1, 3) }));
      await store.destroy();
      expect(await reopen()).toMatchObject({ created: true, last: { index: 0 } });
    });

    test('a gap in what is appended is a bug of the caller', async () => {
      await store.open(OPEN);
      expect(() => store.append(batch({ entries: [entry(2)] }))).toThrow('record 2 appended to a log that ends at 0');
    });
  });
}
