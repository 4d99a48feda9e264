/**
 * The LogStore that all drivers share: what is put where, in which order, and what is known to be durable. Where it lies is a
 * LogDisk's business.
 *
 * Two kinds of batches. Most only put records: several of them may be on the way to the disk at once, in any order, since
 * every record says what was durable when it was written and opening tells a tail from damage by that (log-recovery.ts).
 * Those that change anything else (term, vote, truncation, reset, trim) wait for all before them, and all after wait for
 * them: so the state never goes back and deleted records never come back. They are rare.
 */
import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { invariant } from '../shared/errors.ts';
import type { DiskBatch, LogDisk } from './log-disk.ts';
import { LogRecoveryScan, checkSuccession } from './log-recovery.ts';
import { LOG_START, LogError } from './log-store.ts';
import type { LogBatch, LogIdentity, LogPosition, LogRecord, LogRecovery, LogStore, OpenOptions } from './log-store.ts';
import { chainChecksum, decodeRecord, decodeState, encodeMark, encodeRecord, encodeState } from './record-codec.ts';
import type { StoredRecord, StoredState } from './record-codec.ts';
import { decodeConfig } from './raft/configuration.ts';
import type { ConfigAt, Entry, HardState } from './raft/types.ts';
import { SizeSamples } from './size-samples.ts';

const SCAN_BYTES = 1024 * 1024;

export interface StoredLogOptions {
  /**
   * So long after the disk fell idle (and at most that often) a mark is written that says what is durable. Without it the
   * loss of the very last records could not be told from a crash in front of them. 0: only when the log is closed.
   */
  readonly idleMarkMs: number;
}

/** An append or a trim between its call and its being durable. */
class Operation {
  readonly batch: LogBatch | null;
  /** Trim: the new beginning of the log. */
  readonly trimTo: LogPosition | null;
  readonly resolve: () => void;
  readonly reject: (error: LogError) => void;
  /** The log is durable through here once this and all before it are. */
  lastIndex = -1;
  written = false;

  constructor(batch: LogBatch | null, trimTo: LogPosition | null, resolve: () => void, reject: (error: LogError) => void) {
    this.batch = batch;
    this.trimTo = trimTo;
    this.resolve = resolve;
    this.reject = reject;
  }
}

export class StoredLog implements LogStore {
  readonly #disk: LogDisk;
  readonly #idleMarkMs: number;
  #status: 'new' | 'open' | 'closing' | 'closed' = 'new';
  #failure: LogError | null = null;

  /** State as of the newest batch handed to the disk; `base` and `durableIndex` in it are void, see below. */
  #state!: StoredState;
  #base: LogPosition = LOG_START;
  /** Last record handed to the disk. */
  #last: LogPosition = LOG_START;
  /** Last record handed to `append`; behind #last while operations wait. */
  #handedIndex = 0;
  #durableIndex = 0;
  #commitIndex = 0;
  #configs: ConfigAt[] = [];
  #sizes = new SizeSamples(0);

  /** Given to the disk, oldest first. */
  #inFlight: Operation[] = [];
  /** Not given to the disk yet: behind one that must go alone. */
  #waiting: Operation[] = [];
  /** One that must go alone is on its way. */
  #alone = false;
  /** Deletions of trimmed records and writing of marks, one after the other. */
  #chores: Promise<void> = Promise.resolve();
  #onDrained: (() => void)[] = [];
  #closed: Promise<void> = Promise.resolve();

  #markIndex = -1;
  #markTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(disk: LogDisk, options: StoredLogOptions) {
    this.#disk = disk;
    this.#idleMarkMs = options.idleMarkMs;
  }

  get base(): LogPosition {
    return this.#base;
  }

  get lastIndex(): number {
    return this.#handedIndex;
  }

  get durableIndex(): number {
    return this.#durableIndex;
  }

  async open(options: OpenOptions): Promise<LogRecovery> {
    invariant(this.#status === 'new', 'a log is opened once');
    this.#status = 'open';
    try {
      return await this.#recover(options);
    } catch (error) {
      this.#status = 'closed';
      await this.#disk.close().catch(() => undefined);
      throw asLogError(error, 'opening the log failed');
    }
  }

  async #recover(options: OpenOptions): Promise<LogRecovery> {
    const { state: stored, remains, brokenFrames } = await this.#disk.open();
    if (stored === null) await this.#refuseOrphans();
    const state = stored === null ? newState(options) : decodeState(stored);
    const { identity, base, hardState } = state;
    checkIdentity(identity, options.identity);
    const scan = new LogRecoveryScan(state);
    for await (const items of this.#disk.scan(base.index + 1, Number.MAX_SAFE_INTEGER, SCAN_BYTES)) {
      for (const item of items) scan.see(item);
      if (scan.damage !== null) break;
    }
    for (const item of remains) scan.seeRemains(item);
    scan.finish(hardState.term);
    const { damage } = scan;
    if (damage !== null && (options.onDamage === 'refuse' || damage.index < 0)) throw damage;
    this.#state = { ...state, impaired: state.impaired || damage !== null };
    this.#base = base;
    this.#last = scan.last;
    this.#handedIndex = scan.last.index;
    this.#durableIndex = scan.last.index;
    this.#commitIndex = scan.commitIndex;
    // When records are dropped, those of configurations may be among them.
    this.#configs = scan.configs.filter((item) => item.index <= Math.max(base.index, scan.last.index));
    this.#sizes = scan.sizes;
    this.#markIndex = scan.markIndex <= scan.last.index ? scan.markIndex : -1;
    // Nothing is appended in front of a stale record: it might be taken for the new one's successor.
    if (scan.strayRecords > 0 || damage !== null) await this.#disk.deleteRange(scan.last.index + 1, Number.MAX_SAFE_INTEGER);
    // Says what is durable, and with its fsync makes it so: what a process left behind may still be in the system's cache.
    await this.#writeState();
    // What an interrupted trim left over.
    void this.#chore(() => this.#disk.deleteRange(0, base.index));
    return {
      created: stored === null,
      identity,
      base,
      last: this.#last,
      hardState: { term: hardState.term, vote: hardState.vote, commit: this.#commitIndex },
      configs: [...this.#configs],
      termRuns: scan.termRuns,
      impaired: this.#state.impaired,
      unfinishedRecords: scan.strayRecords,
      brokenFrames,
      damage,
    };
  }

  /** A disk with records and no state lost the state: it must not be taken for a new one. */
  async #refuseOrphans(): Promise<void> {
    for await (const items of this.#disk.scan(0, Number.MAX_SAFE_INTEGER, 1)) {
      if (items.length > 0) throw new LogError('LOG_DAMAGED', 'the log has records, but its state (hard state, identity) is missing');
    }
  }

  append(batch: LogBatch): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== null) return Promise.reject(refusal);
    let last = this.#handedIndex;
    if (batch.resetTo !== null) last = batch.resetTo.index;
    if (batch.truncateFrom > 0) {
      invariant(batch.truncateFrom > (batch.resetTo ?? this.#base).index, `truncation from ${batch.truncateFrom} of a log that begins later`);
      last = Math.min(last, batch.truncateFrom - 1);
    }
    if (batch.entries.length > 0) {
      invariant(batch.entries[0]!.index === last + 1, `record ${batch.entries[0]!.index} appended to a log that ends at ${last}`);
      last += batch.entries.length;
    }
    this.#handedIndex = last;
    return new Promise((resolve, reject) => this.#begin(new Operation(batch, null, resolve, reject)));
  }

  noteCommit(commitIndex: number): void {
    if (commitIndex > this.#commitIndex) this.#commitIndex = commitIndex;
  }

  #refusal(): LogError | null {
    if (this.#failure !== null) return new LogError('LOG_FAILED', `the log failed earlier: ${this.#failure.message}`, -1, this.#failure);
    return this.#status === 'open' ? null : new LogError('LOG_CLOSED', 'the log is not open');
  }

  #begin(operation: Operation): void {
    if (this.#waiting.length > 0 || this.#alone) this.#waiting.push(operation);
    else if (!this.#goesAlone(operation)) this.#putRecords(operation, operation.batch!);
    else {
      this.#waiting.push(operation);
      this.#proceed();
    }
  }

  #goesAlone(operation: Operation): boolean {
    const { batch } = operation;
    if (batch === null || batch.resetTo !== null || batch.truncateFrom > 0 || batch.healed) return true;
    const { hardState } = this.#state;
    return batch.hardState !== null && (batch.hardState.term !== hardState.term || batch.hardState.vote !== hardState.vote);
  }

  /** The usual batch: records and nothing else. */
  #putRecords(operation: Operation, batch: LogBatch): void {
    if (batch.hardState !== null) this.noteCommit(batch.hardState.commit);
    if (batch.entries.length === 0) {
      operation.lastIndex = this.#last.index;
      operation.written = true;
      this.#inFlight.push(operation);
      this.#settle();
      return;
    }
    const disk = this.#disk.batch();
    for (const entry of batch.entries) this.#putRecord(disk, entry);
    this.#write(operation, disk);
  }

  #putRecord(disk: DiskBatch, entry: Entry): void {
    const { index, term, kind, data } = entry;
    const dataCrc = crc32(data);
    const checksum = chainChecksum(this.#last.checksum, index, term, kind, data.length, dataCrc);
    if (kind === 'config') this.#configs.push({ index, config: decodeConfig(data) });
    disk.putRecord(index, encodeRecord(entry, checksum, dataCrc, this.#durableIndex, this.#commitIndex, this.#state.number));
    this.#sizes.append(index, data.length);
    this.#last = { index, term, checksum };
  }

  #write(operation: Operation, disk: DiskBatch): void {
    operation.lastIndex = this.#last.index;
    this.#inFlight.push(operation);
    disk.write(true, operation.batch !== null && operation.batch.awaited).then(
      () => {
        operation.written = true;
        this.#settle();
      },
      (cause: unknown) => operation.reject(this.#fail(asLogError(cause, 'writing to the log failed'))),
    );
  }

  /** Reports what is durable together with all before it. */
  #settle(): void {
    while (this.#failure === null && this.#inFlight.length > 0 && this.#inFlight[0]!.written) {
      const operation = this.#inFlight.shift()!;
      this.#durableIndex = operation.lastIndex;
      operation.resolve();
    }
    if (this.#inFlight.length > 0 || this.#failure !== null) return;
    this.#alone = false;
    if (this.#waiting.length > 0) this.#proceed();
    else this.#drained();
  }

  /** Gives to the disk what waits, as far as it may go. */
  #proceed(): void {
    while (this.#failure === null && !this.#alone && this.#waiting.length > 0) {
      const operation = this.#waiting[0]!;
      if (!this.#goesAlone(operation)) {
        this.#waiting.shift();
        this.#putRecords(operation, operation.batch!);
        continue;
      }
      if (this.#inFlight.length > 0) return;
      this.#waiting.shift();
      this.#alone = true;
      this.#writeAlone(operation).catch((error: unknown) => {
        operation.reject(this.#fail(asLogError(error, 'writing to the log failed')));
      });
    }
  }

  /** A batch that changes more than it appends. Nothing else is on its way. */
  async #writeAlone(operation: Operation): Promise<void> {
    const { batch, trimTo } = operation;
    // Marks are written beside appends, and one behind a truncation must not come back.
    await this.#chores;
    if (this.#failure !== null) throw this.#failure;
    const lastIndex = this.#last.index;
    let keptIndex = lastIndex;
    if (batch !== null && batch.truncateFrom > 0 && batch.truncateFrom <= lastIndex && batch.resetTo === null) {
      this.#last = await this.positionAt(batch.truncateFrom - 1);
      keptIndex = this.#last.index;
    }
    const disk = this.#disk.batch();
    if (batch !== null && batch.resetTo !== null) {
      const { index, term, checksum, config } = batch.resetTo;
      keptIndex = index;
      this.#last = this.#base = { index, term, checksum };
      this.#configs = [config];
      this.#sizes = new SizeSamples(index);
    }
    for (let index = keptIndex + 1; index <= lastIndex; index++) disk.deleteRecord(index);
    if (this.#markIndex > keptIndex) {
      disk.deleteMark(this.#markIndex);
      this.#markIndex = -1;
    }
    this.#configs = this.#configs.filter((item, i) => i === 0 || item.index <= keptIndex);
    this.#sizes.truncateFrom(keptIndex + 1);
    this.#durableIndex = this.#last.index;
    if (trimTo !== null && trimTo.index > this.#base.index) this.#moveBase(trimTo);
    if (batch !== null) {
      if (batch.hardState !== null) this.#takeHardState(batch.hardState);
      if (batch.healed) this.#state = { ...this.#state, impaired: false };
    }
    disk.putState(encodeState(this.#nextState()));
    // With it, and by its number: what is written in one batch is not found in part.
    if (batch !== null) for (const entry of batch.entries) this.#putRecord(disk, entry);
    this.#write(operation, disk);
    if (batch !== null && batch.resetTo !== null) {
      const through = batch.resetTo.index;
      void this.#chore(() => this.#disk.deleteRange(0, through));
    }
  }

  #takeHardState(hardState: HardState): void {
    this.noteCommit(hardState.commit);
    this.#state = { ...this.#state, hardState };
  }

  #moveBase(base: LogPosition): void {
    this.#base = base;
    while (this.#configs.length > 1 && this.#configs[1]!.index <= base.index) this.#configs.shift();
    this.#sizes.trim(base.index);
  }

  /** The state as it is to be written now. */
  #nextState(): StoredState {
    const { term, vote } = this.#state.hardState;
    this.#state = { ...this.#state, number: this.#state.number + 1 };
    return {
      number: this.#state.number,
      identity: this.#state.identity,
      hardState: { term, vote, commit: this.#commitIndex },
      base: this.#base,
      baseConfig: this.#configs[0]!,
      durableIndex: this.#durableIndex,
      impaired: this.#state.impaired,
    };
  }

  async #writeState(): Promise<void> {
    const disk = this.#disk.batch();
    disk.putState(encodeState(this.#nextState()));
    await disk.write(true);
  }

  async read(from: number, bytesMax: number): Promise<LogRecord[]> {
    const out: StoredRecord[] = [];
    this.#checkReadable(from);
    // Not all that there is: a disk may have to copy what it holds of the newest records for as long as a scan lasts.
    const through = Math.min(this.#durableIndex, this.#sizes.indexBehind(from - 1, bytesMax));
    let bytes = 0;
    try {
      for await (const items of this.#disk.scan(from, through, Math.min(bytesMax, SCAN_BYTES))) {
        for (const item of items) {
          if (item.isMark) continue;
          const record = decodeRecord(item.value, item.index);
          bytes += record.data.length;
          if (out.length > 0 && bytes > bytesMax) return out;
          if (out.length > 0) checkSuccession(out[out.length - 1]!, record);
          else if (item.index !== from) throw new LogError('LOG_DAMAGED', `log record ${from} is missing`, from);
          out.push(record);
        }
        if (bytes >= bytesMax) return out;
      }
      if (out.length === 0 && from <= through) throw new LogError('LOG_DAMAGED', `log record ${from} is missing`, from);
      return out;
    } catch (error) {
      throw this.#readFailed(error, from);
    }
  }

  async positionAt(index: number): Promise<LogPosition> {
    if (index === this.#base.index) return this.#base;
    if (index === this.#last.index && index <= this.#durableIndex) return this.#last;
    this.#checkReadable(index);
    invariant(index <= this.#durableIndex, `position of record ${index}, durable through ${this.#durableIndex}`);
    try {
      const value = await this.#disk.get(index);
      if (value === null) throw new LogError('LOG_DAMAGED', `log record ${index} is missing`, index);
      const { term, checksum } = decodeRecord(value, index);
      return { index, term, checksum };
    } catch (error) {
      throw this.#readFailed(error, index);
    }
  }

  #checkReadable(index: number): void {
    const refusal = this.#refusal();
    if (refusal !== null) throw refusal;
    if (index <= this.#base.index) throw trimmed(index, this.#base.index);
    invariant(index <= this.#durableIndex + 1, `reading record ${index}, durable through ${this.#durableIndex}`);
  }

  /** A record that cannot be read back ends the store, unless it was trimmed, or the store closed, while it was being read. */
  #readFailed(error: unknown, from: number): LogError {
    if (from <= this.#base.index) return trimmed(from, this.#base.index);
    if (this.#status !== 'open' && !(error instanceof LogError)) return new LogError('LOG_CLOSED', 'the log was closed');
    return this.#fail(asLogError(error, 'reading the log failed'));
  }

  bytesSince(index: number): number {
    return this.#sizes.bytesSince(index);
  }

  async trim(throughIndex: number): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== null) throw refusal;
    if (throughIndex <= this.#base.index) return;
    invariant(throughIndex <= this.#durableIndex, `trimming through ${throughIndex}, durable through ${this.#durableIndex}`);
    const trimTo = await this.positionAt(throughIndex);
    await new Promise<void>((resolve, reject) => this.#begin(new Operation(null, trimTo, resolve, reject)));
    await this.#chore(() => this.#disk.deleteRange(0, throughIndex));
    if (this.#failure !== null) throw this.#refusal()!;
  }

  /** Work that appends need not wait for. Its failure is the store's. */
  #chore(work: () => Promise<void>): Promise<void> {
    this.#chores = this.#chores.then(() => (this.#failure === null ? work() : undefined)).catch((error: unknown) => {
      this.#fail(asLogError(error, 'maintenance of the log failed'));
    });
    return this.#chores;
  }

  #drained(): void {
    for (const resolve of this.#onDrained.splice(0)) resolve();
    if (this.#idleMarkMs === 0 || this.#markTimer !== null || this.#status !== 'open') return;
    this.#markTimer = setTimeout(() => {
      this.#markTimer = null;
      if (this.#inFlight.length === 0 && this.#waiting.length === 0 && !this.#alone && this.#status === 'open') this.#mark();
    }, this.#idleMarkMs);
    this.#markTimer.unref();
  }

  /** Notes that everything is durable. Needs no fsync of its own: what it speaks of had one. */
  #mark(): void {
    const { index, checksum } = this.#last;
    if (index === this.#markIndex || index === this.#base.index) return;
    const old = this.#markIndex;
    this.#markIndex = index;
    void this.#chore(() => {
      const disk = this.#disk.batch();
      if (old >= 0) disk.deleteMark(old);
      disk.putMark(index, encodeMark(index, checksum, this.#state.number));
      return disk.write(false);
    });
  }

  /** The store ends. Returns the error that ended it, which may be an earlier one. */
  #fail(error: LogError): LogError {
    if (this.#failure !== null) return this.#failure;
    this.#failure = error;
    for (const operation of this.#inFlight.splice(0)) operation.reject(error);
    for (const operation of this.#waiting.splice(0)) operation.reject(error);
    for (const resolve of this.#onDrained.splice(0)) resolve();
    return error;
  }

  async close(): Promise<void> {
    if (this.#status === 'closed' || this.#status === 'new') return;
    if (this.#status === 'open') {
      this.#status = 'closing';
      if (this.#markTimer !== null) clearTimeout(this.#markTimer);
      this.#closed = this.#finish();
    }
    await this.#closed;
  }

  async #finish(): Promise<void> {
    const busy = this.#inFlight.length > 0 || this.#waiting.length > 0 || this.#alone;
    if (busy && this.#failure === null) await new Promise<void>((resolve) => this.#onDrained.push(resolve));
    await this.#chores;
    try {
      if (this.#failure === null) await this.#writeState();
    } catch (error) {
      throw this.#fail(asLogError(error, 'closing the log failed'));
    } finally {
      this.#status = 'closed';
      await this.#disk.close();
    }
  }

  async destroy(): Promise<void> {
    await this.close();
    await this.#disk.destroy();
  }
}

function checkIdentity(is: LogIdentity, wanted: LogIdentity): void {
  if (is.memberId === wanted.memberId && (wanted.shardId === '' || is.shardId === wanted.shardId)) return;
  const [found, expected] = [is, wanted].map((who) => `member ${who.memberId} of shard ${who.shardId}`);
  throw new LogError('LOG_IDENTITY', `this log belongs to ${found}, not to ${expected}`);
}

function newState(options: OpenOptions): StoredState {
  const { shardId, memberId } = options.identity;
  return {
    identity: { shardId: shardId === '' ? randomBytes(20).toString('hex') : shardId, memberId },
    hardState: { term: 0, vote: '', commit: 0 },
    base: LOG_START,
    baseConfig: { index: 0, config: options.firstConfig },
    number: 0,
    durableIndex: 0,
    impaired: false,
  };
}

function trimmed(index: number, baseIndex: number): LogError {
  return new LogError('LOG_TRIMMED', `record ${index} was asked for, the log begins behind ${baseIndex}`, index);
}

function asLogError(error: unknown, what: string): LogError {
  if (error instanceof LogError) return error;
  return new LogError('LOG_IO', `${what}: ${error instanceof Error ? error.message : String(error)}`, -1, error);
}
