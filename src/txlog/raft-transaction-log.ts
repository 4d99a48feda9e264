/**
 * The embedded TransactionLog: the Raft core on a LogStore.
 *
 * Turns the core's Readys into batches of the store, in order, a bounded number at once; what is appended while that many
 * are under way goes out together in the next. Holds the core's only clock. Never looks into a record's block.
 */
import { OperationalError } from '../shared/errors.ts';
import { CommittedFeed } from './committed-feed.ts';
import { CommittedReading } from './committed-reading.ts';
import { InFlight } from './in-flight.ts';
import { NO_BLOCK, effectsOf, effectsPayload, identityOf, identityPayload } from './log-payload.ts';
import { LogError } from './log-store.ts';
import type { LogPosition, LogRecovery, LogStore } from './log-store.ts';
import { LogWriter, type PendingWrite } from './log-writer.ts';
import { MembershipChanges } from './membership-changes.ts';
import { firstConfig, memberIds } from './raft/configuration.ts';
import { RaftError } from './raft/errors.ts';
import { DEFAULT_LIMITS, ENTRY_OVERHEAD_BYTES } from './raft/limits.ts';
import { RawNode } from './raft/raw-node.ts';
import type { ConfigAt, Fetch, MemberChange, PeerMessage, Ready, SnapshotMeta, Status } from './raft/types.ts';
import { type LogClock, type RaftTransactionLogOptions, SYSTEM_CLOCK } from './raft-transaction-log-options.ts';
import { ReadQuestions } from './read-questions.ts';
import { WorkMeanwhile } from './synchronous-writes.ts';
import { TransactionLogError } from './transaction-log.ts';
import type { CommittedRecord, Leadership, LogRecord, TransactionLog, TurnAwaited } from './transaction-log.ts';

const TICK_MS_DEFAULT = 100;
const READ_BYTES = 1024 * 1024;
const IN_FLIGHT_BYTES_MAX = 256 * 1024 * 1024;
/** Room for what the core and this file append themselves: no-ops, configurations, the identity. */
const CORE_RECORDS_BYTES = 1024 * 1024;
/** A follower that serves a reader expects the next one until so many messages later. */
const READER_STAYS_MESSAGES = 16;

export class RaftTransactionLog implements TransactionLog {
  onCommit: (index: number) => void = () => undefined;
  onLeadership: (now: Leadership) => void = () => undefined;
  onFatal: (error: Error) => void = () => undefined;
  onTruncated: (from: number) => void = () => undefined;
  onRoom: () => void = () => undefined;
  /** The leader has trimmed what this member needs: load this snapshot or a later one, then call `snapshotInstalled` or `snapshotLost`. */
  onSnapshotWanted: (snapshot: SnapshotMeta) => void = () => undefined;
  /** The members, or what they are, changed: perhaps not committed yet. */
  onConfig: (config: ConfigAt) => void = () => undefined;

  /** What opening the store found. */
  readonly recovery: LogRecovery;
  readonly #node: RawNode;
  readonly #store: LogStore;
  readonly #clock: LogClock;
  readonly #send: (message: PeerMessage) => void;
  readonly #flushSends: () => void;
  readonly #writer: LogWriter;
  readonly #inFlightBytesMax: number;
  readonly #tickMs: number;
  readonly #feed: CommittedFeed;
  readonly #reading: CommittedReading;
  readonly #questions: ReadQuestions;

  #lastIndex: number;
  #commitIndex: number;
  #leadership: Leadership;
  isAlone: boolean;
  /** An identity is in the log, or was in what is trimmed. */
  #identified: boolean;
  /** Position of the snapshot that the next reset of the log is about. */
  #installed: LogPosition | null = null;

  readonly #inFlight = new InFlight();
  readonly #workMeanwhile = new WorkMeanwhile();
  #awaited: TurnAwaited = 'by few';
  /** Follower: messages since a turn said how it is awaited. */
  #messagesSince = 0;

  readonly #startMs: number;
  #ticks = 0;
  #leaseUntilMs = 0;
  #stopTicking: () => void;
  #working = false;
  #ended: 'no' | 'failed' | 'closed' = 'no';
  /** Whoever waits for leadership. */
  #candidacies: { resolve: (index: number) => void; reject: (error: Error) => void }[] = [];
  readonly #changes = new MembershipChanges();

  /** Opens the store, giving a new one its identity. Throws LogError as LogStore.open does. */
  static async open(options: RaftTransactionLogOptions): Promise<RaftTransactionLog> {
    const recovery = await options.store.open({
      identity: { shardId: options.shardId ?? '', memberId: options.id },
      firstConfig: options.firstConfig ?? firstConfig([{ id: options.id, role: 'voter' }]),
      onDamage: options.onDamage ?? 'refuse',
    });
    try {
      return new RaftTransactionLog(options, recovery, await isIdentified(options.store, recovery));
    } catch (error) {
      await options.store.close();
      throw error;
    }
  }

  private constructor(options: RaftTransactionLogOptions, recovery: LogRecovery, identified: boolean) {
    const { base, last, hardState } = recovery;
    this.recovery = recovery;
    this.#store = options.store;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#send = options.send ?? ((): void => undefined);
    this.#flushSends = options.flushSends ?? ((): void => undefined);
    this.#tickMs = options.tickMs ?? TICK_MS_DEFAULT;
    this.#feed = new CommittedFeed((from) => this.#readStore(from), (error) => this.#fail(error));
    this.#reading = new CommittedReading((from) => this.#readStore(from));
    this.#writer = new LogWriter({
      store: options.store,
      nowMs: () => this.#clock.nowMs(),
      inFlightMax: options.maxBatchesInFlight,
      onDurable: (write) => this.#written(write),
      onFailed: (error) => this.#fail(error),
    });
    this.#inFlightBytesMax = options.inFlightBytesMax ?? IN_FLIGHT_BYTES_MAX;
    this.#lastIndex = last.index;
    this.#commitIndex = Math.max(base.index, hardState.commit);
    this.#leadership = { isLeader: false, term: hardState.term, leader: '' };
    this.#identified = identified;
    const { entryBytesMax } = DEFAULT_LIMITS;
    this.#node = new RawNode({
      id: options.id,
      // `append` counts as the core does and lets pass one record more than its limit: the core's must not come first.
      limits: { ...DEFAULT_LIMITS, uncommittedBytesMax: this.#inFlightBytesMax + entryBytesMax + CORE_RECORDS_BYTES },
      restart: {
        hardState,
        compacted: { index: base.index, term: base.term },
        termRuns: recovery.termRuns,
        lastIndex: last.index,
        configs: recovery.configs,
        applied: Math.max(base.index, Math.min(options.appliedIndex, last.index)),
        impaired: recovery.impaired,
      },
      caretaker: options.caretaker ?? false,
      random: options.random ?? Math.random,
    });
    this.#node.setElectable(options.electable ?? true);
    this.#questions = new ReadQuestions((context) => {
      if (this.#ended !== 'no') throw closed();
      this.#node.readIndex(context);
      this.flush();
    });
    this.#startMs = this.#clock.nowMs();
    this.#stopTicking = this.#clock.every(this.#tickMs, () => {
      this.#tick();
      this.flush();
    });
    const { appliedIndex, config } = this.#node.status();
    this.isAlone = memberIds(config.config).length === 1;
    this.#reading.committed(appliedIndex);
    this.#feed.committed(appliedIndex, []);
  }

  get shardId(): string {
    return this.recovery.identity.shardId;
  }

  /** Records dropped at the open: of writes that never finished. */
  get unfinished(): number {
    return this.recovery.unfinishedRecords;
  }

  get firstIndex(): number {
    return this.#store.base.index + 1;
  }

  get lastIndex(): number {
    return this.#lastIndex;
  }

  get commitIndex(): number {
    return this.#commitIndex;
  }

  get term(): number {
    return this.#leadership.term;
  }

  /** Member id of the leader; '' while unknown. */
  get leader(): string {
    return this.#leadership.leader;
  }

  get isLeader(): boolean {
    return this.#leadership.isLeader;
  }

  get committedInTerm(): boolean {
    return this.#leadership.isLeader && this.#node.committedInTerm;
  }

  get inFlightBytes(): number {
    return this.#inFlight.bytes;
  }

  get leaseValid(): boolean {
    if (!this.#leadership.isLeader || this.#ended !== 'no') return false;
    const now = this.#clock.nowMs();
    if (now < this.#leaseUntilMs) return true;
    // Perhaps only the ticks are late. What they find out, a lost quorum say, is handed on at the end of the turn.
    this.#tick();
    return this.#leadership.isLeader && now < this.#leaseUntilMs;
  }

  /** Everything that the core knows: for INFO and tests. */
  status(): Status {
    return this.#node.status();
  }

  lead(): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== 'no') return reject(closed());
      this.#candidacies.push({ resolve, reject });
      this.#node.campaign();
      this.flush();
      this.#checkCandidacies();
    });
  }

  /** Gives the core the ticks that are due: the k-th once k periods have passed (see Status.leaseUntilTick). */
  #tick(): void {
    const due = Math.floor((this.#clock.nowMs() - this.#startMs) / this.#tickMs);
    // All but the last passed while this thread was busy with something else.
    for (; this.#ticks < due && this.#ended === 'no'; this.#ticks++) this.#node.tick(this.#ticks + 1 < due);
    this.#questions.tick(this.#ticks);
    this.#readLease();
  }

  #readLease(): void {
    const { leaseUntilTick } = this.#node;
    this.#leaseUntilMs = leaseUntilTick === 0 ? 0 : this.#startMs + leaseUntilTick * this.#tickMs;
  }

  /** A message of another member. Throws RaftError RAFT_BAD_MESSAGE, nothing having changed. */
  receive(message: PeerMessage): void {
    if (this.#ended !== 'no') return;
    this.#node.step(message);
    this.flush();
    if (this.#leadership.isLeader) this.#readLease();
    else if (++this.#messagesSince >= READER_STAYS_MESSAGES) this.#awaited = 'by few';
  }

  set awaited(awaited: TurnAwaited) {
    this.#awaited = awaited;
    this.#messagesSince = 0;
  }

  /** A message to `peer` was lost, or its connection. */
  unreachable(peer: string): void {
    if (this.#ended === 'no') this.#node.step({ type: 'unreachable', peer });
  }

  setElectable(electable: boolean): void {
    this.#node.setElectable(electable);
  }

  get config(): ConfigAt {
    return this.#node.status().config;
  }

  follow(from: number, deliver: (record: CommittedRecord) => void): void {
    this.#feed.follow(from, (records) => {
      for (const { index, kind, data } of records) deliver({ index, block: kind === 'normal' ? effectsOf(data, index) : NO_BLOCK });
    });
  }

  unfollow(): void {
    this.#feed.stop();
  }

  transferLeadership(to: string): void {
    try {
      this.#node.transferLeadership(to);
    } catch (error) {
      throw refusal(error);
    }
    this.#readLease();
    this.flush();
  }

  readIndex(): Promise<number> {
    if (this.#ended !== 'no') return Promise.reject(closed());
    return this.#questions.ask(this.#ticks);
  }

  /**
   * Leader: changes members, through a joint configuration where more than one voter comes or goes. Resolves when that is
   * committed and complete. Rejects with TransactionLogError TXLOG_NOT_LEADER, TXLOG_MEMBERS_REFUSED.
   */
  changeMembers(changes: readonly MemberChange[]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== 'no') return reject(closed());
      try {
        this.#node.proposeConfig({ kind: 'change', changes, transition: 'auto' });
        this.#changes.add({ term: this.#leadership.term, resolve, reject });
      } catch (error) {
        return reject(refusal(error));
      }
      this.flush();
    });
  }

  /** What a snapshot of everything through `index` is; `index` is committed, and not trimmed but for the last that was. */
  snapshotMetaAt(index: number): SnapshotMeta {
    return this.#node.snapshotMetaAt(index);
  }

  /** The snapshot that was wanted cannot be had now; the leader will say again that it is needed. */
  snapshotLost(index: number): void {
    if (this.#ended !== 'no') return;
    this.#node.step({ type: 'snapshot-lost', index });
    this.flush();
  }

  /** The state as of `snapshot` is loaded, durably; `checksum` is the log's running checksum there. The log begins anew behind it. */
  snapshotInstalled(snapshot: SnapshotMeta, checksum: number): void {
    this.#installed = { index: snapshot.index, term: snapshot.term, checksum };
    this.#node.step({ type: 'snapshot-restored', snapshot });
    this.flush();
  }

  /** With other members a record goes to them at once, whatever the own disk does. */
  get isBusy(): boolean {
    return this.isAlone && this.#writer.isBusy;
  }

  canAppend(): boolean {
    return this.#leadership.isLeader && this.#ended === 'no' && this.#inFlight.bytes < this.#inFlightBytesMax;
  }

  append(block: Uint8Array): number {
    if (this.#ended !== 'no') throw closed();
    if (this.#inFlight.bytes >= this.#inFlightBytesMax) {
      throw new TransactionLogError('TXLOG_BACK_PRESSURE', `${this.#inFlight.bytes} bytes are in flight`);
    }
    const data = effectsPayload(block);
    let index: number;
    try {
      index = this.#node.propose(data);
    } catch (error) {
      throw refusal(error);
    }
    const bytes = data.length + ENTRY_OVERHEAD_BYTES;
    this.#lastIndex = index;
    this.#inFlight.add(index, bytes);
    return index;
  }

  /** Does whatever the core wants done. Listeners may call it again: then it goes on where it is. */
  flush(): void {
    if (this.#working) return;
    this.#working = true;
    try {
      while (this.#ended === 'no' && this.#node.hasReady()) this.#handle(this.#node.ready());
      this.#flushSends();
    } catch (error) {
      this.#fail(error as Error);
    } finally {
      this.#working = false;
    }
  }

  #handle(ready: Ready): void {
    const committedBefore = this.#commitIndex;
    // Whoever is given the first of several committed records must not take it for the last.
    this.#commitIndex = Math.max(committedBefore, ready.commitIndex);
    for (const message of ready.messages) this.#send(message);
    if (!this.#leadership.isLeader) this.#lookForIdentity(ready);
    if (ready.mustSync || ready.healed) this.#queue(ready);
    else {
      if (ready.hardState !== null) this.#store.noteCommit(ready.hardState.commit);
      const { newest } = this.#writer;
      if (newest !== null) newest.note(ready);
      else this.#durable(ready.batch, ready.messagesAfterSync);
    }
    if (ready.config !== null) {
      this.isAlone = memberIds(ready.config.config).length === 1;
      this.onConfig(ready.config);
    }
    if (ready.softState !== null) this.#roleChanged();
    if (ready.committed !== null) {
      const { through, entries } = ready.committed;
      // What is applied, and what of it is kept elsewhere, is up to those who read.
      this.#node.applied(through);
      this.#feed.committed(through, entries);
      this.#reading.committed(through);
    }
    this.#questions.answer(ready.reads);
    if (ready.fetches.length > 0) for (const fetch of ready.fetches) void this.#fetch(fetch);
    if (ready.snapshotWanted !== null) this.onSnapshotWanted(ready.snapshotWanted);
    if (ready.commitIndex > committedBefore) this.#committed(ready.commitIndex);
  }

  #queue(ready: Ready): void {
    const { entries, resetTo, truncateFrom } = ready;
    if (truncateFrom > 0) this.onTruncated(truncateFrom);
    else if (resetTo !== null) this.onTruncated(1);
    if (entries.length > 0) this.#lastIndex = entries[entries.length - 1]!.index;
    else if (truncateFrom > 0) this.#lastIndex = truncateFrom - 1;
    else if (resetTo !== null) this.#lastIndex = resetTo.index;
    if (resetTo === null) this.#writer.push(ready, null, this.#mayHoldThread);
    else {
      const { index, term, config, configIndex } = resetTo;
      const installed = this.#installed;
      if (installed === null || installed.index !== index) throw new LogError('LOG_DAMAGED', `no checksum is known for the snapshot at ${index}`, index);
      this.#reading.committed(index);
      this.#writer.push(ready, { index, term, checksum: installed.checksum, config: { index: configIndex, config } }, false);
    }
  }

  /** A leader with others goes on without its own disk: heartbeats must not wait for that, and what the others have commits. */
  get #mayHoldThread(): boolean {
    if (this.#awaited === 'no') return false;
    if (!this.#leadership.isLeader) return true;
    return this.isAlone && (this.#awaited === 'by few' || !this.#workMeanwhile.expected());
  }

  #written(write: PendingWrite): void {
    const { lastIndex } = this;
    this.onRoom();
    if (!write.awaited) this.#workMeanwhile.note(this.#writer.newest !== null || this.lastIndex > lastIndex);
    this.#durable(write.readyBatch, write.messages);
    this.flush();
  }

  #durable(readyBatch: number, messages: readonly PeerMessage[]): void {
    this.#node.synced(readyBatch);
    for (const message of messages) this.#send(message);
  }

  #roleChanged(): void {
    const { role, term, leader } = this.#node.status();
    const isLeader = role === 'leader';
    if (!isLeader || term !== this.#leadership.term) {
      this.#inFlight.clear();
    }
    this.#leadership = { isLeader, term, leader };
    this.#readLease();
    if (isLeader && !this.#identified) {
      this.#identified = true;
      this.#lastIndex = this.#node.propose(identityPayload(this.shardId));
    }
    this.#changes.leadershipChanged(this.#leadership);
    this.onLeadership(this.#leadership);
  }

  /** Another shard's entries must not get into this log. */
  #lookForIdentity(ready: Ready): void {
    for (const entry of ready.entries) {
      const shardId = entry.kind === 'normal' ? identityOf(entry.data) : null;
      if (shardId === null) continue;
      this.#identified = true;
      if (shardId !== this.shardId) throw new TransactionLogError('TXLOG_IDENTITY', `record ${entry.index} says shard ${shardId}, this member is of ${this.shardId}`);
    }
  }

  #committed(index: number): void {
    this.#inFlight.committed(index);
    this.onCommit(index);
    this.#checkCandidacies();
    if (!this.#changes.isEmpty) this.#changes.check(this.#node.status());
  }

  #checkCandidacies(): void {
    if (this.#candidacies.length === 0 || !this.committedInTerm) return;
    for (const { resolve } of this.#candidacies.splice(0)) resolve(this.#commitIndex);
  }

  async #fetch(fetch: Fetch): Promise<void> {
    const { to, term, from, through, bytesMax } = fetch;
    try {
      const found = await this.#store.read(from, bytesMax);
      if (this.#ended !== 'no') return;
      this.#node.step({ type: 'fetched', to, term, from, entries: found.filter(({ index }) => index <= through) });
    } catch (error) {
      if (!(error instanceof LogError) || error.code !== 'LOG_TRIMMED') return this.#fail(error as Error);
      this.#node.step({ type: 'fetched', to, term, from, entries: [] });
    }
    this.flush();
  }

  read(from: number, through: number, stop?: AbortSignal): AsyncIterable<LogRecord> {
    return this.#reading.read(from, through, stop);
  }

  async #readStore(from: number): ReturnType<LogStore['read']> {
    try {
      return await this.#store.read(from, READ_BYTES);
    } catch (error) {
      if (this.#ended === 'closed') return [];
      // A member whose log cannot be read must not go on as if nothing had happened (promise P6).
      if (!(error instanceof LogError) || error.code !== 'LOG_TRIMMED') this.#fail(error as Error);
      throw error;
    }
  }

  async checksumAt(index: number): Promise<number> {
    return (await this.#store.positionAt(index)).checksum;
  }

  bytesSince(index: number): number {
    return this.#store.bytesSince(index);
  }

  async trim(index: number): Promise<void> {
    if (index <= this.#store.base.index) return;
    this.#node.compact(index);
    await this.#store.trim(index);
  }

  #fail(error: Error): void {
    if (this.#ended !== 'no') return;
    this.#end('failed');
    this.onFatal(error);
  }

  #end(how: 'failed' | 'closed'): void {
    this.#ended = how;
    this.#stopTicking();
    this.#feed.stop();
    this.#questions.end(closed());
    this.#reading.end();
    this.#changes.end(closed());
    for (const { reject } of this.#candidacies.splice(0)) reject(closed());
    this.#writer.end(how === 'closed' ? 'written' : 'dropped');
  }

  async close(): Promise<void> {
    if (this.#ended === 'no') {
      this.flush();
      this.#end('closed');
    }
    await this.#store.close();
  }
}

/** Whether the log says whose it is: in its first records, or in what was trimmed. */
async function isIdentified(store: LogStore, { base, last }: LogRecovery): Promise<boolean> {
  if (base.index > 0) return true;
  if (last.index === 0) return false;
  const first = await store.read(1, 4096);
  return first.some(({ kind, data }) => kind === 'normal' && identityOf(data) !== null);
}

function closed(): TransactionLogError {
  return new TransactionLogError('TXLOG_CLOSED', 'the transaction log failed or was closed');
}

/** What the core refuses, in the words of the port. Anything else is a bug and goes through. */
function refusal(error: unknown): unknown {
  if (!(error instanceof RaftError)) return error instanceof OperationalError ? closed() : error;
  switch (error.code) {
    case 'RAFT_ENTRY_TOO_LARGE':
      return new TransactionLogError('TXLOG_RECORD_TOO_LARGE', error.message, error);
    case 'RAFT_CONFIG_INVALID':
    case 'RAFT_CONFIG_PENDING':
    case 'RAFT_BAD_TRANSFER':
      return new TransactionLogError('TXLOG_MEMBERS_REFUSED', error.message, error);
    case 'RAFT_UNCOMMITTED_LIMIT':
      return new TransactionLogError('TXLOG_BACK_PRESSURE', error.message, error);
    default:
      return new TransactionLogError('TXLOG_NOT_LEADER', error.message, error);
  }
}
