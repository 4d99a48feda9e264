/**
 * One member of a shard with its engine: what it is now (primary, replica …), and how it becomes something else.
 *
 * Owns the passage of records from the log into the engine and of the engine's effects into the log. The engine always is
 * a prefix of the log: of the committed log on a replica (promise P3), and on a primary of everything that it appended.
 * Holds no socket, no timer and no clock, so that a simulation can run whole members.
 *
 * A deposed primary may hold effects that never commit. It waits until it knows: if all of them commit after all, its
 * state is good; if another leader's records take their place, the engine is thrown away and loaded again.
 */
import type { Engine } from '../engine/engine.ts';
import { invariant } from '../shared/errors.ts';
import type { CommittedRecord, TransactionLog } from '../txlog/transaction-log.ts';
import type { CommitGate } from './commit-gate.ts';

export type MemberRole =
  /** The engine is being filled from snapshot and log: nothing is served. */
  | 'loading'
  | 'replica'
  | 'primary'
  /** Was primary until now, and does not know yet what becomes of its last effects: nothing is served. */
  | 'demoting'
  /** Keeps the log and no data: votes and acknowledges, serves nothing. */
  | 'log-only';

/** The log as a member needs it: of those that lead and those that follow. */
export interface MemberOptions {
  readonly engine: Engine;
  readonly gate: CommitGate;
  readonly txlog: TransactionLog;
  /**
   * Fills the empty engine with everything committed through record `through`, or with a snapshot that reaches further, by
   * whatever means; resolves with the index of the last record that is in it. Tries until it can be done; rejects when
   * nothing will help.
   */
  readonly load: (through: number) => Promise<number>;
  /** The role changed. Called when everything of this member is as the new role wants it. */
  readonly onRole: (role: MemberRole) => void;
  /** Another member leads, or none does, or this one does. */
  readonly onLeadership: () => void;
  /** More is committed; held replies that waited for it are on their way. */
  readonly onCommitted: () => void;
  /** Loading failed for good: the process must end. */
  readonly onFatal: (error: Error) => void;
}

/** A turn's effects go to the log in pieces of this size: a record is held in memory in several places at once. */
export const RECORD_BYTES_MAX = 4 * 1024 * 1024;
/** What a turn has done is worth a record of its own, where others can have that while the turn goes on. */
const EARLY_RECORD_BYTES = 64 * 1024;
/** A queue's worker, or a client with one request at a time: what so few go on to send is no reason to hand their write to another thread. */
const FEW_CLIENTS = 2;
/** Weight of the newest turn with clients in the average of how many are served without waiting. */
const NEWEST_WEIGHT = 1 / 16;

/** Redis's answer to clients that are blocked when their server becomes a replica. */
export const UNBLOCKED_BY_DEMOTION = 'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)';

export class Member {
  role: MemberRole = 'loading';
  /** Through which record the engine has the log. */
  appliedIndex = 0;
  /** Leadership is being handed to another member: nothing is executed until it is known who leads. */
  handingOver = false;
  #drained = false;
  /** Clients a turn, on average, that got replies which waited for nothing. */
  #servedLately = 0;
  readonly #options: MemberOptions;
  readonly #engine: Engine;
  readonly #gate: CommitGate;
  readonly #txlog: TransactionLog;
  /** Loads run one after the other; a later one begins when this has settled. */
  #loading: Promise<void> = Promise.resolve();
  #loads = 0;

  constructor(options: MemberOptions) {
    this.#options = options;
    this.#engine = options.engine;
    this.#gate = options.gate;
    this.#txlog = options.txlog;
    this.#engine.setReplica(true);
    this.#txlog.setElectable(false);
    this.#txlog.onCommit = (index) => this.#committed(index);
    this.#txlog.onLeadership = () => this.#leadershipChanged();
    this.#txlog.onTruncated = (from) => this.#truncated(from);
    this.#txlog.onRoom = () => this.appendEffects();
  }

  /** Whether commands may run here as on the primary, as of now. Reads the clock: ask when input has been read, not for each command. */
  get mayServe(): boolean {
    return this.role === 'primary' && !this.handingOver && this.#txlog.leaseValid;
  }

  /** Whether this member, by an operator's wish, does not lead. What it leads when that is said goes on. */
  get drained(): boolean {
    return this.#drained;
  }

  set drained(drained: boolean) {
    this.#drained = drained;
    if (this.role === 'replica') this.#txlog.setElectable(!drained);
  }

  /** Loads what is here and takes part from then on. Resolves when the data is loaded. */
  start(): Promise<void> {
    return this.#reload(() => this.#options.load(this.#txlog.commitIndex));
  }

  /** Takes part with the log alone: the engine stays empty. */
  startLogOnly(): void {
    // The core sees to it that it leads at most for as long as it takes to hand over to a member that has the data.
    this.#txlog.setElectable(true);
    this.#setRole('log-only');
  }

  /**
   * Replaces the engine's state by what `load` puts there, at the cost of not serving meanwhile: a snapshot that was
   * wanted. `load` finds the engine empty and resolves with the index that it then stands for.
   */
  replaceState(load: () => Promise<number>): Promise<void> {
    invariant(this.role !== 'primary', 'the state of a primary is never replaced');
    return this.#reload(load);
  }

  // ---- The primary's turn ----

  /** The turn that must commit before all that was done so far is; it may be committed. */
  get lastTurn(): number {
    return this.#engine.effectBytes > 0 ? this.#engine.turn : this.#gate.lastPendingTurn;
  }

  /** More commands of the turn may follow: gives the log what there is, if it is much. */
  turnGoesOn(): void {
    const { effectBytes } = this.#engine;
    if (effectBytes <= EARLY_RECORD_BYTES || (this.#txlog.isAlone && effectBytes <= RECORD_BYTES_MAX)) return;
    this.appendEffects();
    this.#txlog.flush();
  }

  /** The event loop's turn is over, in which `served` clients get replies that wait for nothing. */
  endTurn(served: number): void {
    const { waiting } = this.#gate;
    if (waiting + served > 0) {
      this.#servedLately += (served - this.#servedLately) * NEWEST_WEIGHT;
      // A fast write that holds the thread spares those who wait for it a third of what it costs the others. Who was served lately comes again.
      this.#txlog.awaited = waiting < Math.max(served, this.#servedLately) * 3 ? 'no' : waiting <= FEW_CLIENTS ? 'by few' : 'by many';
    }
    if (!this.#txlog.isBusy) this.appendEffects();
    this.#txlog.flush();
  }

  /** Takes all effects so far to the log. */
  appendEffects(): void {
    if (this.role !== 'primary') return;
    const { turn } = this.#engine;
    const block = this.#engine.takeEffects();
    if (block === null) return;
    this.appliedIndex = this.#txlog.append(block);
    this.#gate.turnEnded(turn, this.appliedIndex);
  }

  // ---- What the log says ----

  #committed(index: number): void {
    if (this.role === 'primary') this.#gate.committed(index);
    else if (this.role === 'demoting') {
      if (index >= this.appliedIndex) this.#becomeReplica(this.appliedIndex);
    } else this.#maybePromote();
    this.#options.onCommitted();
  }

  #leadershipChanged(): void {
    // A term's leader never becomes another's without having been a follower in between.
    if (this.role === 'primary' && !this.#txlog.isLeader) this.#demote();
    else this.#maybePromote();
    this.#options.onLeadership();
  }

  #truncated(from: number): void {
    if (from > this.appliedIndex) return;
    if (this.role === 'loading' || this.role === 'log-only') return;
    invariant(this.role === 'demoting' || this.role === 'primary', `committed records from ${from} on were thrown away`);
    // Whatever else is to be done for the new leader comes first: this is called in the middle of it.
    if (this.role === 'primary') this.#demote();
    this.#rebuild();
  }

  #maybePromote(): void {
    const log = this.#txlog;
    if (this.role !== 'replica' || !log.isLeader || !log.committedInTerm || this.appliedIndex < log.commitIndex) return;
    log.unfollow();
    this.#engine.setReplica(false);
    this.#setRole('primary');
  }

  /** Stops being primary, at once. */
  #demote(): void {
    const engine = this.#engine;
    const isDirty = engine.effectBytes > 0;
    this.#setRoleSilently('demoting');
    this.#gate.abandon(engine.turn);
    engine.dropEffects();
    engine.setReplica(true);
    engine.blocking.unblockAll(UNBLOCKED_BY_DEMOTION);
    this.#options.onRole(this.role);
    if (isDirty) this.#rebuild();
    else if (this.#txlog.commitIndex >= this.appliedIndex) this.#becomeReplica(this.appliedIndex);
  }

  #becomeReplica(appliedIndex: number): void {
    this.appliedIndex = appliedIndex;
    this.#setRole('replica');
    this.#txlog.setElectable(!this.#drained);
    this.#txlog.follow(appliedIndex + 1, this.#apply);
    this.#maybePromote();
  }

  readonly #apply = ({ index, block }: CommittedRecord): void => {
    if (block.length > 0) this.#engine.applyEffects(block);
    this.appliedIndex = index;
    if (this.#txlog.isLeader) this.#maybePromote();
  };

  // ---- Loading ----

  #rebuild(): void {
    void this.#reload(() => this.#options.load(this.#txlog.commitIndex));
  }

  /** Never rejects: what cannot be loaded is told to `onFatal`. */
  #reload(load: () => Promise<number>): Promise<void> {
    const n = ++this.#loads;
    this.#txlog.unfollow();
    this.#txlog.setElectable(false);
    this.appliedIndex = 0;
    if (this.role !== 'loading') this.#setRole('loading');
    this.#loading = this.#loading.then(async () => {
      // A later one loads everything anew.
      if (n !== this.#loads) return;
      this.#engine.clear();
      const index = await load();
      if (n === this.#loads) this.#becomeReplica(index);
    }).catch((error: unknown) => this.#options.onFatal(error as Error));
    return this.#loading;
  }

  #setRole(role: MemberRole): void {
    this.#setRoleSilently(role);
    this.#options.onRole(role);
  }

  #setRoleSilently(role: MemberRole): void {
    this.role = role;
  }
}
