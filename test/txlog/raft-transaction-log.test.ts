import { describe, expect, test } from 'vitest';
import { effectsOf, effectsPayload, identityPayload } from '../../src/txlog/log-payload.ts';
import type { LogBatch, LogError } from '../../src/txlog/log-store.ts';
import { MemoryLogDisk, MemoryLogStore } from '../../src/txlog/memory-log-store.ts';
import { RaftTransactionLog } from '../../src/txlog/raft-transaction-log.ts';
import type { LogClock, RaftTransactionLogOptions } from '../../src/txlog/raft-transaction-log-options.ts';
import { firstConfig } from '../../src/txlog/raft/configuration.ts';
import type { PeerMessage } from '../../src/txlog/raft/types.ts';
import type { LogRecord, TurnAwaited } from '../../src/txlog/transaction-log.ts';
import { SHARD } from './log-store-contract.ts';

class ManualClock implements LogClock {
  now = 0;
  #works: (() => void)[] = [];
  nowMs(): number {
    return this.now;
  }
  every(_periodMs: number, work: () => void): () => void {
    this.#works.push(work);
    return () => {
      this.#works = this.#works.filter((other) => other !== work);
    };
  }
  advance(ms: number): void {
    this.now += ms;
    for (const work of [...this.#works]) work();
  }
}

const turn = (): Promise<void> => new Promise(setImmediate);
const block = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

async function open(disk: MemoryLogDisk, options: Partial<RaftTransactionLogOptions> = {}): Promise<RaftTransactionLog> {
  const log = await RaftTransactionLog.open({
    id: 'n1', store: new MemoryLogStore(disk), maxBatchesInFlight: 2, appliedIndex: 0, clock: new ManualClock(), random: () => 0.5, shardId: SHARD, ...options,
  });
  log.onFatal = (error) => {
    throw error;
  };
  return log;
}

/** Keeps what it was told of each batch with records: whether everybody waits for it. */
class WatchedStore extends MemoryLogStore {
  readonly awaited: boolean[] = [];
  override append(batch: LogBatch): Promise<void> {
    if (batch.entries.length > 0) this.awaited.push(batch.awaited);
    return super.append(batch);
  }
}

/** A leader whose disk has shown to be so slow that several writes at once are worth it. */
async function leadOnSlowDisk(disk: MemoryLogDisk): Promise<RaftTransactionLog> {
  const clock = new ManualClock();
  const log = await open(disk, { clock });
  disk.holdSyncs();
  const leading = log.lead();
  clock.now += 40;
  disk.releaseSyncs();
  await leading;
  await turn();
  return log;
}

async function collect(records: AsyncIterable<LogRecord>): Promise<string[]> {
  const out: string[] = [];
  for await (const { index, block: bytes } of records) out.push(`${index}:${Buffer.from(bytes).toString()}`);
  return out;
}

describe('a single voter', () => {
  test('leads at once, its log beginning with a no-op and its identity', async () => {
    const disk = new MemoryLogDisk();
    const log = await open(disk);
    expect([log.isLeader, log.leaseValid, log.canAppend()]).toEqual([false, false, false]);
    expect(() => log.append(block('a'))).toThrow(expect.objectContaining({ code: 'TXLOG_NOT_LEADER' }));
    await log.lead();
    await turn();
    expect([log.isLeader, log.leaseValid, log.term, log.lastIndex, log.commitIndex]).toEqual([true, true, 1, 2, 2]);
    expect(log.shardId).toBe(SHARD);
    expect(Buffer.from(disk.stored(2)!).includes(Buffer.from(identityPayload(SHARD)))).toBe(true);
    await log.close();
  });

  test('a turn is one batch; what is appended while the limit is reached goes together in the next', async () => {
    const disk = new MemoryLogDisk();
    const log = await leadOnSlowDisk(disk);
    const commits: number[] = [];
    log.onCommit = (index) => commits.push(index);
    disk.holdSyncs();
    log.append(block('a'));
    log.append(block('b'));
    log.flush();
    expect(disk.heldWrites).toBe(1);
    for (const text of ['c', 'd', 'e', 'f']) {
      log.append(block(text));
      log.flush();
    }
    expect(disk.heldWrites).toBe(2);
    expect(log.lastIndex).toBe(8);
    expect(commits).toEqual([]);
    disk.completeOldest();
    await turn();
    // d, e and f are one batch.
    expect([commits, disk.heldWrites]).toEqual([[4], 2]);
    disk.completeOldest();
    await turn();
    disk.completeOldest();
    await turn();
    expect([commits, disk.heldWrites, log.inFlightBytes]).toEqual([[4, 5, 8], 0, 0]);
    expect(await collect(log.read(3, 8))).toEqual(['3:a', '4:b', '5:c', '6:d', '7:e', '8:f']);
    disk.releaseSyncs();
    await log.close();
  });

  test('on a fast disk what is appended while a write is under way goes together in the next', async () => {
    const disk = new MemoryLogDisk();
    const log = await open(disk);
    await log.lead();
    await turn();
    disk.holdSyncs();
    for (const text of ['a', 'b', 'c']) {
      log.append(block(text));
      log.flush();
    }
    expect(disk.heldWrites).toBe(1);
    disk.completeOldest();
    await turn();
    expect([log.commitIndex, disk.heldWrites]).toEqual([3, 1]);
    disk.completeOldest();
    await turn();
    expect([log.commitIndex, disk.heldWrites]).toEqual([5, 0]);
    disk.releaseSyncs();
    await log.close();
  });

  test('is busy while its disk has as many writes as are worth having, and tells when there is room', async () => {
    const disk = new MemoryLogDisk();
    const log = await open(disk);
    await log.lead();
    await turn();
    disk.holdSyncs();
    expect(log.isBusy).toBe(false);
    log.append(block('a'));
    log.flush();
    expect(log.isBusy).toBe(true);
    // What was held back goes out without another flush.
    log.onRoom = () => {
      log.onRoom = (): void => undefined;
      expect([log.isBusy, log.commitIndex]).toEqual([false, 2]);
      log.append(block('b'));
    };
    disk.completeOldest();
    await turn();
    expect([log.commitIndex, disk.heldWrites]).toEqual([3, 1]);
    disk.releaseSyncs();
    await turn();
    expect([log.commitIndex, log.isBusy]).toEqual([4, false]);
    await log.close();
  });

  test('commits nothing that is not durable, however the writes overtake each other', async () => {
    const disk = new MemoryLogDisk();
    const log = await leadOnSlowDisk(disk);
    disk.holdSyncs();
    log.append(block('a'));
    log.flush();
    log.append(block('b'));
    log.flush();
    disk.complete(1);
    await turn();
    expect(log.commitIndex).toBe(2);
    disk.crash();
    const again = await open(disk);
    // b was on the disk, but behind a gap.
    expect(again.unfinished).toBe(1);
    await again.lead();
    // a and b are lost, which nobody was promised.
    expect(again.lastIndex).toBe(3);
    await again.close();
  });

  test('recovers after a crash what was committed, in a new term, and appends behind it', async () => {
    const disk = new MemoryLogDisk();
    let log = await open(disk);
    await log.lead();
    await turn();
    log.append(block('a'));
    log.flush();
    await turn();
    expect(log.commitIndex).toBe(3);
    const checksum = await log.checksumAt(3);
    disk.crash();
    log = await open(disk);
    const through = await log.lead();
    await turn();
    expect([log.term, through]).toEqual([2, 4]);
    expect(await collect(log.read(log.firstIndex, through))).toEqual(['1:', '2:', '3:a', '4:']);
    expect(await log.checksumAt(3)).toBe(checksum);
    await log.close();
  });

  test('refuses over the limit of bytes in flight, and not before', async () => {
    const disk = new MemoryLogDisk();
    const log = await open(disk, { inFlightBytesMax: 1000 });
    await log.lead();
    await turn();
    disk.holdSyncs();
    expect(log.canAppend()).toBe(true);
    log.append(block('x'.repeat(900)));
    expect(log.canAppend()).toBe(true);
    log.append(block('x'.repeat(50_000)));
    expect(log.canAppend()).toBe(false);
    expect(() => log.append(block('a'))).toThrow(expect.objectContaining({ code: 'TXLOG_BACK_PRESSURE' }));
    log.flush();
    disk.releaseSyncs();
    await turn();
    expect([log.canAppend(), log.inFlightBytes]).toEqual([true, 0]);
    expect(() => log.append(new Uint8Array(65 * 1024 * 1024))).toThrow(expect.objectContaining({ code: 'TXLOG_RECORD_TOO_LARGE' }));
    await log.close();
  });

  test('a listener may append in the middle of a commit', async () => {
    const disk = new MemoryLogDisk();
    const log = await open(disk);
    await log.lead();
    await turn();
    const commits: number[] = [];
    log.onCommit = (index) => {
      commits.push(index);
      if (index < 6) {
        log.append(block(`after ${index}`));
        log.flush();
      }
    };
    log.append(block('a'));
    log.flush();
    for (let i = 0; i < 8; i++) await turn();
    expect(commits).toEqual([3, 4, 5, 6]);
    await log.close();
  });

  test('a failed write is reported once, and nothing is committed or taken afterwards', async () => {
    const disk = new MemoryLogDisk();
    const log = await open(disk);
    await log.lead();
    await turn();
    const errors: Error[] = [];
    log.onFatal = (error) => errors.push(error);
    disk.holdSyncs();
    log.append(block('a'));
    log.flush();
    log.append(block('b'));
    log.flush();
    const reader = collect(log.read(3, Infinity));
    disk.failSync(new Error('EIO'));
    await turn();
    expect(errors.map((error) => (error as LogError).code)).toEqual(['LOG_IO']);
    expect([log.commitIndex, log.canAppend(), log.leaseValid]).toEqual([2, false, false]);
    expect(() => log.append(block('c'))).toThrow(expect.objectContaining({ code: 'TXLOG_CLOSED' }));
    expect(await reader).toEqual([]);
    await log.close();
  });

  test('closing writes what waits', async () => {
    const disk = new MemoryLogDisk();
    let log = await open(disk);
    await log.lead();
    await turn();
    disk.holdSyncs();
    for (const text of ['a', 'b', 'c', 'd']) {
      log.append(block(text));
      log.flush();
    }
    log.append(block('never flushed'));
    const closed = log.close();
    disk.releaseSyncs();
    await closed;
    log = await open(disk);
    expect(log.lastIndex).toBe(7);
    await log.close();
  });

  test('says of a batch whether everybody waits for it', async () => {
    const store = new WatchedStore(new MemoryLogDisk());
    const log = await open(new MemoryLogDisk(), { store });
    await log.lead();
    await turn();
    store.awaited.length = 0;
    for (const awaited of ['no', 'by few', 'by many'] as const) {
      log.awaited = awaited;
      log.append(block('a'));
      log.flush();
      await turn();
    }
    expect(store.awaited).toEqual([false, true, true]);
    await log.close();
  });

  test('lets many not hold the thread while work comes in during its writes, until none does; few may', async () => {
    const store = new WatchedStore(new MemoryLogDisk());
    const log = await open(new MemoryLogDisk(), { store });
    await log.lead();
    const write = async (awaited: TurnAwaited): Promise<boolean> => {
      log.awaited = awaited;
      log.append(block('a'));
      log.flush();
      const { length } = store.awaited;
      while (log.inFlightBytes > 0) await turn();
      return store.awaited[length - 1]!;
    };
    expect(await write('by many')).toBe(true);
    // What was held back until there is room came while a write was under way.
    let more = 16;
    log.onRoom = () => {
      if (more-- > 0) log.append(block('b'));
    };
    await write('no');
    expect(more).toBeLessThan(0);
    expect(await write('by many')).toBe(false);
    expect(await write('by few')).toBe(true);
    for (let n = 0; n < 16; n++) await write('no');
    expect(await write('by many')).toBe(true);
    await log.close();
  });

  test('the lease needs ticks that are not late', async () => {
    const clock = new ManualClock();
    const log = await open(new MemoryLogDisk(), { clock });
    await log.lead();
    clock.now += 60_000;
    // The only voter: nobody else can have led meanwhile, but that is for the core to say, once it knows what time it is.
    expect(log.leaseValid).toBe(true);
    await log.close();
    expect(log.leaseValid).toBe(false);
  });
});

describe('reading', () => {
  test('follows commits until stopped, and never shows what is not committed', async () => {
    const disk = new MemoryLogDisk();
    const log = await open(disk);
    await log.lead();
    await turn();
    const stop = new AbortController();
    const seen: string[] = [];
    const done = (async () => {
      for await (const record of log.read(3, Infinity, stop.signal)) seen.push(Buffer.from(record.block).toString());
    })();
    log.append(block('a'));
    log.flush();
    await turn();
    await turn();
    expect(seen).toEqual(['a']);
    disk.holdSyncs();
    log.append(block('b'));
    log.flush();
    await turn();
    expect(seen).toEqual(['a']);
    disk.releaseSyncs();
    await turn();
    await turn();
    expect(seen).toEqual(['a', 'b']);
    stop.abort();
    await done;
    await log.close();
  });

  test('trimming moves the beginning; what is gone is said to be gone', async () => {
    const disk = new MemoryLogDisk();
    let log = await open(disk);
    await log.lead();
    await turn();
    for (let i = 3; i <= 10; i++) log.append(block(`r${i}`));
    log.flush();
    await turn();
    const checksum = await log.checksumAt(7);
    expect(log.bytesSince(0)).toBeGreaterThan(log.bytesSince(9));
    await log.trim(7);
    expect([log.firstIndex, await log.checksumAt(7)]).toEqual([8, checksum]);
    await expect(collect(log.read(7, 10))).rejects.toMatchObject({ code: 'LOG_TRIMMED' });
    expect(await collect(log.read(8, 10))).toEqual(['8:r8', '9:r9', '10:r10']);
    await log.close();
    log = await open(disk, { appliedIndex: 9 });
    await log.lead();
    expect(log.firstIndex).toBe(8);
    await log.close();
  });

  test('stops at a record format it does not know', () => {
    const payload = effectsPayload(block('a'));
    payload[0] = 2;
    expect(() => effectsOf(payload, 5)).toThrow(expect.objectContaining({ code: 'TXLOG_FORMAT' }));
  });

  test('a record that has gone bad since the start is fatal', async () => {
    const disk = new MemoryLogDisk();
    const log = await open(disk);
    await log.lead();
    log.append(block('a'));
    log.flush();
    await turn();
    await turn();
    const errors: Error[] = [];
    log.onFatal = (error) => errors.push(error);
    disk.flipBit(3, 200);
    await expect(collect(log.read(1, 3))).rejects.toMatchObject({ code: 'LOG_DAMAGED', index: 3 });
    expect(errors).toMatchObject([{ code: 'LOG_DAMAGED', index: 3 }]);
    expect(log.canAppend()).toBe(false);
    await log.close();
  });
});

describe('three voters', () => {
  test('elect, replicate, agree on the checksum; a deposed leader says so; another shard is refused', async () => {
    const ids = ['n1', 'n2', 'n3'];
    const clock = new ManualClock();
    const config = firstConfig(ids.map((id) => ({ id, role: 'voter' as const })));
    const logs = new Map<string, RaftTransactionLog>();
    const cut = new Set<string>();
    const queue: PeerMessage[] = [];
    const send = (message: PeerMessage): unknown => !cut.has(message.from) && !cut.has(message.to) && queue.push(message);
    const stores = ids.map(() => new WatchedStore(new MemoryLogDisk()));
    for (const [i, id] of ids.entries()) logs.set(id, await open(new MemoryLogDisk(), { id, clock, store: stores[i]!, firstConfig: config, send, random: () => i / 3 }));
    const settle = async (): Promise<void> => {
      for (let idle = 0; idle < 3; idle++) {
        while (queue.length > 0) {
          const message = queue.shift()!;
          logs.get(message.to)!.receive(message);
          idle = 0;
        }
        await turn();
      }
    };
    const run = async (ms: number): Promise<void> => {
      for (let at = 0; at < ms; at += 100) {
        clock.advance(100);
        await settle();
      }
    };
    const [n1, n2, n3] = ids.map((id) => logs.get(id)!) as [RaftTransactionLog, RaftTransactionLog, RaftTransactionLog];
    void n1.lead().catch(() => undefined);
    await settle();
    await run(300);
    expect([n1.isLeader, n1.leaseValid, n2.isLeader]).toEqual([true, true, false]);
    for (const store of stores) store.awaited.length = 0;
    n2.awaited = 'no';
    n1.append(block('a'));
    n1.append(block('b'));
    n1.flush();
    // Whatever the disk does, the others are to have it.
    expect(n1.isBusy).toBe(false);
    await run(200);
    // A leader's heartbeats never wait for its disk; a follower that has just served somebody has other work.
    expect(stores.map(({ awaited }) => awaited)).toEqual([[false], [false], [true]]);
    expect(ids.map((id) => logs.get(id)!.commitIndex)).toEqual([4, 4, 4]);
    expect(await n2.checksumAt(4)).toBe(await n1.checksumAt(4));
    expect(await collect(n3.read(3, 4))).toEqual(['3:a', '4:b']);
    n1.append(block('c'));
    n1.flush();
    await run(200);
    // Twenty heartbeats later whoever was served has not come again.
    await run(2000);
    n1.append(block('d'));
    n1.flush();
    await run(200);
    expect(stores.map(({ awaited }) => awaited)).toEqual([[false, false, false], [false, false, true], [true, true, true]]);

    cut.add('n1');
    const changes: boolean[] = [];
    n1.onLeadership = ({ isLeader }) => changes.push(isLeader);
    n1.append(block('in doubt'));
    n1.flush();
    await run(5000);
    expect([n1.isLeader, n1.leaseValid, n1.inFlightBytes, changes[0]]).toEqual([false, false, 0, false]);
    const next = [n2, n3].find((log) => log.isLeader)!;
    next.append(block('instead'));
    next.flush();
    cut.clear();
    await run(3000);
    const leader = [n1, n2, n3].find((log) => log.isLeader)!;
    expect(new Set([n1, n2, n3].map((log) => log.commitIndex))).toEqual(new Set([leader.commitIndex]));
    const all = await Promise.all([n1, n2, n3].map((log) => collect(log.read(1, log.commitIndex))));
    expect(all[0]).toEqual(all[1]);
    expect(all[0]).toEqual(all[2]);
    expect(all[0]!.some((line) => line.includes('instead')) && !all[0]!.some((line) => line.includes('doubt'))).toBe(true);
    for (const log of [n1, n2, n3]) await log.close();
  });
});
