/**
 * LogStore on `level` (LevelDB): one synced batch a call, keys in the order of indexes.
 *
 * Several batches may be under way, and LevelDB may finish them in any order. So each carries the index through which the
 * log was known to be durable when it was made: after a crash a hole above that mark is a write that never finished, and
 * what stands behind it was never acknowledged; a hole at or below it is damage. Batches that change anything but the end
 * of the log (term, vote, truncation) run alone.
 */
import { Level } from 'level';
import { OperationalError } from '../shared/errors.ts';
import { chainChecksum, damagedLog, decodeRecord, encodeRecord } from './log-record.ts';
import type { LogBatch, LogStart, LogStore, RecoveredLog, StoredEntry } from './log-store.ts';
import { decodeConfig, encodeConfig } from './raft/configuration.ts';
import type { ConfigAt, HardState, TermRun } from './raft/types.ts';

const KEY_ENTRY = 0x65;
const KEY_CONFIG = 0x63;
const HARD_STATE = Buffer.from('mhard');
const START = Buffer.from('mstart');
const DURABLE = Buffer.from('mdurable');
const IDENTITY = Buffer.from('mshard');
const WRITE_BUFFER_BYTES = 16 * 1024 * 1024;
const SCAN_BYTES = 4 * 1024 * 1024;

type Operation = { type: 'put'; key: Buffer; value: Buffer } | { type: 'del'; key: Buffer };

function indexKey(prefix: number, index: number): Buffer {
  const key = Buffer.allocUnsafe(8);
  key[0] = prefix;
  key[1] = 0;
  key.writeUIntBE(index, 2, 6);
  return key;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

export class LevelLogStore implements LogStore {
  readonly #db: Level<Buffer, Buffer>;
  readonly #path: string;
  #start: LogStart = { index: 0, term: 0, checksum: 0 };
  #lastIndex = 0;
  #checksum = 0;
  #durableIndex = 0;
  #hardState: HardState = { term: 0, vote: '', commit: 0 };
  /** Batches under way, oldest first. */
  readonly #inFlight: { done: boolean; lastIndex: number }[] = [];
  /** Resolves when all batches given so far are durable. */
  #tail: Promise<void> = Promise.resolve();
  /** A batch that runs alone is waiting or under way: what comes after it waits for it. */
  #alone: Promise<void> | null = null;
  #failure: OperationalError | null = null;

  constructor(path: string) {
    this.#path = path;
    this.#db = new Level<Buffer, Buffer>(path, {
      keyEncoding: 'buffer', valueEncoding: 'buffer', compression: false, writeBufferSize: WRITE_BUFFER_BYTES,
    });
  }

  async open(): Promise<RecoveredLog> {
    try {
      await this.#db.open();
    } catch (error) {
      const cause = (error as { cause?: { code?: string; message?: string } }).cause;
      if (cause?.code === 'LEVEL_LOCKED') throw new OperationalError('LOG_LOCKED', `the log in ${this.#path} is in use by another process`, error);
      throw new OperationalError('LOG_UNREADABLE', `the log in ${this.#path} cannot be opened: ${cause?.message ?? String(error)}`, error);
    }
    this.#hardState = (await this.#meta<HardState>(HARD_STATE)) ?? this.#hardState;
    this.#start = (await this.#meta<LogStart>(START)) ?? this.#start;
    const durable = (await this.#meta<number>(DURABLE)) ?? 0;
    const shardId = (await this.#meta<string>(IDENTITY)) ?? '';
    const termRuns: TermRun[] = [];
    const unfinished = await this.#scan(durable, termRuns);
    const configs: ConfigAt[] = [];
    for await (const [key, value] of this.#db.iterator({ gte: indexKey(KEY_CONFIG, 0), lt: Buffer.from([KEY_CONFIG + 1]) })) {
      const index = key.readUIntBE(2, 6);
      if (index <= this.#lastIndex) configs.push({ index, config: decodeConfig(value) });
    }
    this.#durableIndex = this.#lastIndex;
    const hardState = { ...this.#hardState, commit: Math.min(this.#hardState.commit, this.#lastIndex) };
    return { hardState, start: this.#start, lastIndex: this.#lastIndex, termRuns, configs, shardId, unfinished };
  }

  async #meta<T>(key: Buffer): Promise<T | undefined> {
    const value = await this.#db.get(key) as Buffer | undefined;
    return value === undefined ? undefined : JSON.parse(value.toString()) as T;
  }

  /** Reads the whole log, checks it, and drops what an unfinished write left; how many entries that were. */
  async #scan(durable: number, termRuns: TermRun[]): Promise<number> {
    let index = this.#start.index;
    let checksum = this.#start.checksum;
    let unfinished = 0;
    const iterator = this.#db.iterator({ gte: indexKey(KEY_ENTRY, 0), lt: Buffer.from([KEY_ENTRY + 1]), highWaterMarkBytes: SCAN_BYTES });
    const stale: Operation[] = [];
    for await (const [key, value] of iterator) {
      const at = key.readUIntBE(2, 6);
      // A trim that was cut short leaves entries in front of the start.
      if (at <= this.#start.index) {
        stale.push({ type: 'del', key });
        continue;
      }
      if (at !== index + 1) {
        if (index < durable) throw damagedLog(index + 1, 'it is missing');
        stale.push({ type: 'del', key });
        unfinished++;
        continue;
      }
      const entry = decodeRecord(at, value);
      checksum = chainChecksum(checksum, entry);
      if (checksum !== entry.checksum) throw damagedLog(at, 'it does not follow from the records before it');
      if (termRuns.length === 0 || termRuns[termRuns.length - 1]!.term !== entry.term) termRuns.push({ firstIndex: at, term: entry.term });
      index = at;
    }
    if (index < durable) throw damagedLog(index + 1, `it is missing, though the log was durable through ${durable}`);
    this.#lastIndex = index;
    this.#checksum = checksum;
    if (stale.length > 0) await this.#db.batch(stale, { sync: true });
    return unfinished;
  }

  async initialize(shardId: string, config: ConfigAt): Promise<void> {
    await this.#write([
      { type: 'put', key: IDENTITY, value: json(shardId) },
      { type: 'put', key: indexKey(KEY_CONFIG, config.index), value: Buffer.from(encodeConfig(config.config)) },
    ]);
  }

  append(batch: LogBatch): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    const moved = batch.hardState !== null
      && (batch.hardState.term !== this.#hardState.term || batch.hardState.vote !== this.#hardState.vote);
    if (moved || batch.truncateFrom !== 0) return this.#appendAlone(batch);
    const before = this.#tail;
    const written = this.#submit(batch, this.#alone);
    this.#tail = Promise.all([before, written]).then(() => undefined);
    return this.#tail;
  }

  /** Waits until nothing else is under way, and lets nothing else begin before it is durable. */
  #appendAlone(batch: LogBatch): Promise<void> {
    const before = this.#tail;
    const run = async (): Promise<void> => {
      await before;
      if (batch.truncateFrom !== 0) await this.#truncate(batch.truncateFrom);
      await this.#submit(batch, null);
    };
    const alone = run();
    this.#tail = alone;
    this.#alone = alone;
    const done = (): void => { if (this.#alone === alone) this.#alone = null; };
    alone.then(done, done);
    return alone;
  }

  async #truncate(from: number): Promise<void> {
    const before = from - 1 === this.#start.index ? this.#start.checksum : (await this.read(from - 1, from - 1, 1))[0]!.checksum;
    this.#durableIndex = Math.min(this.#durableIndex, from - 1);
    const operations: Operation[] = [{ type: 'put', key: DURABLE, value: json(this.#durableIndex) }];
    for (let index = from; index <= this.#lastIndex; index++) {
      operations.push({ type: 'del', key: indexKey(KEY_ENTRY, index) }, { type: 'del', key: indexKey(KEY_CONFIG, index) });
    }
    await this.#write(operations);
    this.#lastIndex = from - 1;
    this.#checksum = before;
  }

  /** Hands a batch to LevelDB, at once or after `after`; resolves when it and all before it are durable. */
  async #submit(batch: LogBatch, after: Promise<void> | null): Promise<void> {
    if (after !== null) await after;
    const operations: Operation[] = [];
    for (const entry of batch.entries) {
      if (entry.index !== this.#lastIndex + 1) throw new OperationalError('LOG_WRITE_FAILED', `entry ${entry.index} does not follow ${this.#lastIndex}`);
      this.#checksum = chainChecksum(this.#checksum, entry);
      this.#lastIndex = entry.index;
      operations.push({ type: 'put', key: indexKey(KEY_ENTRY, entry.index), value: encodeRecord(entry, this.#checksum) });
      if (entry.kind === 'config') operations.push({ type: 'put', key: indexKey(KEY_CONFIG, entry.index), value: Buffer.from(entry.data) });
    }
    if (batch.hardState !== null) {
      this.#hardState = batch.hardState;
      operations.push({ type: 'put', key: HARD_STATE, value: json(batch.hardState) });
    }
    operations.push({ type: 'put', key: DURABLE, value: json(this.#durableIndex) });
    const flight = { done: false, lastIndex: this.#lastIndex };
    this.#inFlight.push(flight);
    await this.#write(operations);
    flight.done = true;
    while (this.#inFlight.length > 0 && this.#inFlight[0]!.done) this.#durableIndex = this.#inFlight.shift()!.lastIndex;
  }

  async #write(operations: Operation[]): Promise<void> {
    try {
      await this.#db.batch(operations, { sync: true });
    } catch (error) {
      this.#failure ??= new OperationalError('LOG_WRITE_FAILED', `the log in ${this.#path} could not be written: ${String((error as Error).cause ?? error)}`, error);
      throw this.#failure;
    }
  }

  async read(from: number, through: number, bytesMax: number): Promise<StoredEntry[]> {
    const out: StoredEntry[] = [];
    let bytes = 0;
    let index = from;
    for await (const [key, value] of this.#db.iterator({ gte: indexKey(KEY_ENTRY, from), lte: indexKey(KEY_ENTRY, through), highWaterMarkBytes: Math.min(bytesMax, SCAN_BYTES) })) {
      if (key.readUIntBE(2, 6) !== index) throw damagedLog(index, 'it is missing');
      out.push(decodeRecord(index++, value));
      bytes += value.length;
      if (bytes >= bytesMax) break;
    }
    return out;
  }

  async trim(throughIndex: number): Promise<void> {
    if (throughIndex <= this.#start.index) return;
    const [last] = await this.read(throughIndex, throughIndex, 1);
    if (last === undefined) throw damagedLog(throughIndex, 'it is missing');
    this.#start = { index: last.index, term: last.term, checksum: last.checksum };
    const operations: Operation[] = [{ type: 'put', key: START, value: json(this.#start) }];
    const configs: Buffer[] = [];
    for await (const key of this.#db.keys({ gte: indexKey(KEY_CONFIG, 0), lte: indexKey(KEY_CONFIG, throughIndex) })) configs.push(key);
    // The newest of the trimmed configurations is still in force.
    for (const key of configs.slice(0, -1)) operations.push({ type: 'del', key });
    await this.#write(operations);
    await this.#db.clear({ gte: indexKey(KEY_ENTRY, 0), lte: indexKey(KEY_ENTRY, throughIndex) });
  }

  async close(): Promise<void> {
    await this.#tail.catch(() => undefined);
    await this.#db.close();
  }
}

