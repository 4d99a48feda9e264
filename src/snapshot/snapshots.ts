/**
 * The snapshots of one member: takes them when they are due or asked for, forgets old ones, and trims the log behind those
 * that are verified and durable. Recovery is in recovery.ts.
 */
import type { TransactionLog } from '../txlog/transaction-log.ts';
import { type SchedulePolicy, snapshotDue, snapshotsToRemove, trimmableThrough } from './snapshot-schedule.ts';
import { SnapshotError, type SnapshotInfo, type SnapshotReason, type SnapshotStore } from './snapshot-store.ts';

export interface SnapshotsOptions {
  readonly store: SnapshotStore;
  readonly txlog: TransactionLog;
  /** Read again at each decision: it may be reconfigured. */
  readonly policy: () => SchedulePolicy;
  readonly datasetBytes: () => number;
  /** Index of the last record that the engine has, everything done so far being in a record. The log is not trimmed beyond: the engine may need the rest. */
  readonly appliedIndex: () => number;
  /** Called while none is being made: one may be wanted later. */
  readonly prepare?: () => void;
  /** Has a snapshot made of everything through a record. */
  readonly make: (through: number, reason: SnapshotReason, stop: AbortSignal) => Promise<SnapshotInfo>;
  readonly nowMs: () => number;
  /** Resolves so many milliseconds later; by the process's clock if it is not given. */
  readonly delay?: (ms: number) => Promise<void>;
  readonly notice: (message: string) => void;
  readonly warn: (message: string) => void;
}

/** How long to wait before looking again whether everything is committed. */
const COMMIT_CHECK_MS = 5;
const RETRY_MIN_MS = 30_000;
const RETRY_MAX_MS = 600_000;

export class Snapshots {
  /** When the newest snapshot was made, or this was started: ms since the epoch. */
  lastSaveMs: number;
  lastStatus: 'ok' | 'err' = 'ok';
  /** How often one was taken since the start, those included that were there already. */
  made = 0;
  /** Duration of the last one that ended; -1: none has. */
  lastDurationMs = -1;
  /** When the one under way began, or 0. */
  startedAtMs = 0;
  /** Whether a snapshot to make the log shorter (BGREWRITEAOF) is being made, or waits for the one under way. */
  logRewrite: 'none' | 'scheduled' | 'running' = 'none';
  /** Called when a snapshot begins that will hold everything done so far. */
  onBegun: () => void = () => undefined;
  /** Called when a snapshot was published, with the log index that it reaches. */
  onPublished: (index: number) => void = () => undefined;
  readonly #options: SnapshotsOptions;
  readonly #stop = new AbortController();
  readonly #delay: (ms: number) => Promise<void>;
  #newest: SnapshotInfo | null = null;
  #lastDailyMs: number;
  #running: Promise<SnapshotInfo> | null = null;
  #retryAtMs = 0;
  #retryDelayMs = RETRY_MIN_MS;

  /** A snapshot came from elsewhere into the store: the next is due after it. */
  received(info: SnapshotInfo): void {
    if (info.index > this.newestIndex) this.#newest = info;
  }

  /** @param found the store's snapshots, newest first. */
  constructor(options: SnapshotsOptions, found: readonly SnapshotInfo[]) {
    this.#options = options;
    this.#delay = options.delay ?? ((ms): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); }));
    const nowMs = options.nowMs();
    this.#newest = found[0] ?? null;
    this.lastSaveMs = this.#newest?.madeAtMs ?? nowMs;
    this.#lastDailyMs = found.find(({ reason }) => reason === 'daily')?.madeAtMs ?? nowMs;
  }

  get inProgress(): boolean {
    return this.#running !== null;
  }

  /** Index that the newest snapshot reaches; 0: there is none. */
  get newestIndex(): number {
    return this.#newest?.index ?? 0;
  }

  /** To be called every second or so: takes a snapshot when one is due. */
  tick(): void {
    const { txlog, policy, datasetBytes, nowMs, prepare } = this.#options;
    if (this.#running !== null) return;
    prepare?.();
    if (nowMs() < this.#retryAtMs || txlog.commitIndex <= this.newestIndex) return;
    const due = snapshotDue(policy(), {
      nowMs: nowMs(), logBytes: txlog.bytesSince(this.newestIndex), datasetBytes: datasetBytes(), lastDailyMs: this.#lastDailyMs,
    });
    // A failure is logged where it happens, and tried again later.
    if (due !== null) this.take(due).catch(() => undefined);
  }

  /**
   * Takes a snapshot of everything done so far, once it is committed, or joins the one under way. Resolves when it is published.
   * @throws OperationalError
   */
  take(reason: SnapshotReason): Promise<SnapshotInfo> {
    this.#running ??= this.#take(reason).finally(() => { this.#running = null; });
    return this.#running;
  }

  /** As `take`, but of one that begins only now: it waits for the one under way. */
  async takeNext(reason: SnapshotReason): Promise<SnapshotInfo> {
    if (this.#running !== null) await this.#running.catch(() => undefined);
    return this.take(reason);
  }

  /** Has the log made shorter by a snapshot, now or after the one under way. What goes wrong is logged. */
  rewriteLog(): void {
    const before = this.#running;
    this.logRewrite = before === null ? 'running' : 'scheduled';
    const rewrite = async (): Promise<void> => {
      if (before !== null) await before.catch(() => undefined);
      this.logRewrite = 'running';
      await this.take('demand');
    };
    rewrite().catch(() => undefined).finally(() => { this.logRewrite = 'none'; });
  }

  async #take(reason: SnapshotReason): Promise<SnapshotInfo> {
    const { store, txlog, appliedIndex, make, nowMs, notice, warn } = this.#options;
    const startMs = nowMs();
    this.startedAtMs = startMs;
    this.onBegun();
    try {
      // The turn under way is in it too.
      await new Promise((resolve) => { setImmediate(resolve); });
      const through = appliedIndex();
      await this.#committed(through);
      // While a member's data are loaded anew it has applied nothing, and its log may begin behind what it had.
      if (through < txlog.firstIndex - 1) throw new SnapshotError('SNAPSHOT_FAILED', `the log begins behind record ${through} by now`);
      const newest = this.#newest;
      const isCurrent = newest !== null && newest.index === through && reason === 'demand';
      if (!isCurrent) await store.removeDrafts();
      const info = isCurrent ? newest : await make(through, reason, this.#stop.signal);
      this.made++;
      this.#newest = info;
      this.lastSaveMs = nowMs();
      this.lastStatus = 'ok';
      this.#retryDelayMs = RETRY_MIN_MS;
      if (reason === 'daily') this.#lastDailyMs = startMs;
      if (!isCurrent) notice(`Snapshot ${info.name} made, verified and published: ${info.bytes} bytes in ${((nowMs() - startMs) / 1000).toFixed(3)} seconds`);
      this.onPublished(info.index);
      await this.#tidy();
      return info;
    } catch (error) {
      this.lastStatus = 'err';
      this.#retryAtMs = nowMs() + this.#retryDelayMs;
      this.#retryDelayMs = Math.min(RETRY_MAX_MS, this.#retryDelayMs * 2);
      if (!this.#stop.signal.aborted) warn(`Snapshot failed, and is tried again when due: ${(error as Error).message}`);
      throw error;
    } finally {
      this.lastDurationMs = nowMs() - startMs;
      this.startedAtMs = 0;
    }
  }

  /** Waits until the log is committed through a record that was appended. @throws SnapshotError when another leader's records took its place. */
  async #committed(through: number): Promise<void> {
    const { txlog } = this.#options;
    while (txlog.commitIndex < through) {
      if (txlog.lastIndex < through || this.#stop.signal.aborted) throw new SnapshotError('SNAPSHOT_FAILED', `log record ${through} was never committed`);
      await this.#delay(COMMIT_CHECK_MS);
    }
  }

  /** Removes what is not needed any more; a failure leaves it for the next time. */
  async #tidy(): Promise<void> {
    const { store, txlog, policy, nowMs, warn, appliedIndex } = this.#options;
    try {
      const snapshots = await store.list();
      const through = Math.min(trimmableThrough(policy(), snapshots), appliedIndex());
      for (const name of snapshotsToRemove(policy(), snapshots, nowMs())) await store.remove(name);
      if (through >= txlog.firstIndex) await txlog.trim(through);
    } catch (error) {
      if (!this.#stop.signal.aborted) warn(`Old snapshots or log records could not be removed: ${(error as Error).message}`);
    }
  }

  /** Ends a snapshot under way; nothing of it stays. */
  async close(): Promise<void> {
    this.#stop.abort();
    if (this.#running === null) return;
    await this.#running.catch(() => undefined);
    // Should that fail, the next start does it.
    await this.#options.store.removeDrafts().catch(() => undefined);
  }
}
