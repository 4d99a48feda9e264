/**
 * The door to the Raft core: what a host calls. Takes messages and ticks, hands out `Ready`s. Synchronous, without clock,
 * disk or network. See types.ts for the contract. The rules stand in the modules it calls.
 */
import { InvariantViolation, invariant } from '../../shared/errors.ts';
import { RaftCore } from './core.ts';
import { campaign, onOwnVoteDurable, onPreVote, onPreVoteReply, onTimeoutNow, onVote, onVoteReply, tickElection } from './election.ts';
import { RaftError } from './errors.ts';
import { onSnapshot, onSnapshotFailed, onSnapshotLost, onSnapshotRestored, tickSnapshots } from './install.ts';
import {
  beginRound,
  confirmReads,
  leaseUntilTick,
  onHeartbeat,
  onHeartbeatReply,
  onReadIndex,
  onReadIndexReply,
  readIndex,
  tickImpaired,
  tickLeader,
  transferLeadership,
  tryHeal,
} from './leadership.ts';
import { checkLimits } from './limits.ts';
import { proposeConfig } from './membership.ts';
import { checkAppend, maybeCommit, onAppend, onAppendReply, onFetched, propose, sendAppends } from './replication.ts';
import type { ConfigAt, ConfigChange, HardState, Message, PeerMessage, RawNodeOptions, Ready, RestartState, SnapshotMeta, SoftState, Status } from './types.ts';

/** Throws RaftError RAFT_BAD_RESTART when the parts contradict each other: then the log is damaged, see RestartState.impaired. */
function checkRestart(restart: RestartState): void {
  const { compacted, lastIndex, hardState, termRuns, configs, applied } = restart;
  const bad = (what: string): never => {
    throw new RaftError('RAFT_BAD_RESTART', what);
  };
  if (lastIndex < compacted.index) bad(`the log ends at ${lastIndex}, before what was trimmed (${compacted.index})`);
  if (lastIndex > compacted.index !== termRuns.length > 0) bad('entries without terms, or terms without entries');
  let at = compacted.index + 1;
  let term = compacted.term;
  for (const run of termRuns) {
    if (run.firstIndex < at || run.firstIndex > lastIndex || run.term < term) bad('terms fall or lie outside the log');
    if (at === compacted.index + 1 && run.firstIndex !== at) bad('terms do not begin where the log begins');
    at = run.firstIndex + 1;
    term = run.term;
  }
  if (term > hardState.term) bad(`the log has term ${term}, the hard state only ${hardState.term}`);
  if (configs.length === 0) bad('no configuration');
  if (configs[0]!.index > compacted.index) bad('the configuration at the beginning of the log is missing');
  if (configs[configs.length - 1]!.index > lastIndex) bad('a configuration behind the end of the log');
  if (applied < compacted.index) bad(`the state as of ${applied} is older than the log, which begins after ${compacted.index}`);
  if (applied > lastIndex) bad(`the state as of ${applied} is newer than the log, which ends at ${lastIndex}`);
  if (hardState.commit > lastIndex && !restart.impaired) bad(`committed through ${hardState.commit}, the log ends at ${lastIndex}`);
}

export class RawNode {
  readonly #core: RaftCore;
  #batch = 0;
  /** Handed over last. */
  #hardState: HardState;
  #softState: SoftState;
  #config: ConfigAt;

  /** Throws OperationalError RAFT_BAD_LIMITS or RaftError RAFT_BAD_RESTART. */
  constructor(options: RawNodeOptions) {
    checkLimits(options.limits);
    checkRestart(options.restart);
    this.#core = new RaftCore(options);
    this.#hardState = options.restart.hardState;
    this.#softState = { role: 'follower', term: this.#core.term, leader: '' };
    this.#config = this.#core.configs.current;
  }

  /**
   * One tick of the host's monotonic clock has passed. See Status.leaseUntilTick.
   * @param paused whether it passed while the host did nothing, so that nobody can have been heard: promises and leases end by it, but
   *   it is nobody's silence
   */
  tick(paused = false): void {
    const core = this.#core;
    core.tickCount++;
    if (paused) {
      if (core.pausedThrough !== core.tickCount - 1) core.pausedFrom = core.tickCount - 1;
      core.pausedThrough = core.tickCount;
      return;
    }
    if (core.role === 'leader') {
      tickLeader(core);
      if (core.role === 'leader') tickSnapshots(core);
      return;
    }
    tickElection(core);
    if (core.impaired) tickImpaired(core);
  }

  /**
   * A message of a peer, or of the host. Throws RaftError RAFT_BAD_MESSAGE, having changed nothing, when it cannot be right.
   * May throw InvariantViolation.
   */
  step(message: Message): void {
    const core = this.#core;
    switch (message.type) {
      case 'fetched':
        onFetched(core, message);
        return;
      case 'unreachable': {
        const peer = core.peer(message.peer);
        if (peer !== undefined && peer.state === 'replicate') peer.becomeProbe(peer.match + 1);
        return;
      }
      case 'snapshot-restored':
        onSnapshotRestored(core, message.snapshot);
        tryHeal(core);
        return;
      case 'snapshot-lost':
        onSnapshotLost(core, message.index);
        return;
      default:
        this.#stepPeer(message);
    }
  }

  #stepPeer(message: PeerMessage): void {
    const core = this.#core;
    if (message.to !== core.id || message.from === core.id) {
      throw new RaftError('RAFT_BAD_MESSAGE', `${message.type} from ${message.from} to ${message.to} arrived at ${core.id}`);
    }
    if (message.type === 'append') checkAppend(message);
    if (!this.#enterTerm(message)) return;
    this.#dispatch(message);
    tryHeal(core);
  }

  /** Compares terms (Raft §5.1, figure 2 "rules for all servers"). Whether the message is to be looked at further. */
  #enterTerm(message: PeerMessage): boolean {
    const core = this.#core;
    const { term, type, from } = message;
    const fromLeader = type === 'append' || type === 'heartbeat' || type === 'snapshot';
    // A pre-vote is about a term that nobody has entered yet.
    if (type === 'pre-vote') return true;
    if (type === 'pre-vote-reply' && message.granted) return true;
    if (type === 'vote' && !message.transfer && term > core.term && core.promised) {
      // Raft §6: "if a server receives a RequestVote RPC within the minimum election timeout of hearing from a current
      // leader, it does not update its term or grant its vote".
      return false;
    }
    if (term > core.term) core.becomeFollower(term, fromLeader ? from : '');
    if (term < core.term) {
      // Raft §5.1: "If a server receives a request with a stale term number, it rejects the request."
      if (type === 'vote') core.sendAfterSync({ type: 'vote-reply', from: core.id, to: from, term: core.term, granted: false });
      else if (fromLeader) this.#deposeStale(from);
      return false;
    }
    if (fromLeader) {
      invariant(core.role !== 'leader', `${from} and ${core.id} both lead term ${term}`);
      // Raft §5.2: a candidate that hears from the leader of its term "recognizes the leader as legitimate".
      if (core.role !== 'follower' || core.leader !== from) core.becomeFollower(term, from);
      core.heardLeader();
    }
    return true;
  }

  /** A leader of an earlier term must learn of this one, or it could never bring this member along. */
  #deposeStale(to: string): void {
    const { id, term, impaired } = this.#core;
    const index = 0;
    this.#core.sendAfterSync({ type: 'append-reply', from: id, to, term, index, rejected: true, hintIndex: 0, hintTerm: 0, impaired });
  }

  #dispatch(message: PeerMessage): void {
    const core = this.#core;
    switch (message.type) {
      case 'pre-vote':
        return onPreVote(core, message);
      case 'pre-vote-reply':
        return onPreVoteReply(core, message);
      case 'vote':
        return onVote(core, message);
      case 'vote-reply':
        return onVoteReply(core, message);
      case 'append':
        return onAppend(core, message);
      case 'append-reply':
        return core.role === 'leader' ? onAppendReply(core, message) : undefined;
      case 'heartbeat':
        return onHeartbeat(core, message);
      case 'heartbeat-reply':
        return core.role === 'leader' ? onHeartbeatReply(core, message) : undefined;
      case 'snapshot':
        return onSnapshot(core, message);
      case 'snapshot-failed':
        return core.role === 'leader' ? onSnapshotFailed(core, message) : undefined;
      case 'timeout-now':
        return onTimeoutNow(core, message);
      case 'read-index':
        return onReadIndex(core, message);
      case 'read-index-reply':
        return onReadIndexReply(core, message);
    }
  }

  /**
   * Leader: takes `data`, which the caller must not change any more, as the next log entry. Returns its index. Throws
   * RaftError: RAFT_NOT_LEADER, RAFT_TRANSFERRING, RAFT_UNCOMMITTED_LIMIT, RAFT_ENTRY_TOO_LARGE. Whether the entry is
   * committed in the end is known when an entry with this index is: it is this one if it has the term of now.
   */
  propose(data: Uint8Array): number {
    return propose(this.#core, data);
  }

  /**
   * Leader: begins a change of membership. Returns the index of its (first) entry. Throws RaftError: RAFT_NOT_LEADER,
   * RAFT_TRANSFERRING, RAFT_CONFIG_PENDING, RAFT_CONFIG_INVALID. Learners should be brought up to date before they are made voters.
   */
  proposeConfig(change: ConfigChange): number {
    return proposeConfig(this.#core, change);
  }

  /**
   * Starts an election now instead of after the election timeout; the host of an only voter calls it at the start. Returns
   * false, having done nothing, if this member leads already, may not lead, or has lately heard from a leader (after a
   * restart: may have).
   */
  campaign(): boolean {
    return campaign(this.#core);
  }

  /** Whether this member stands for election and takes leadership that is handed to it; it does unless told otherwise. */
  setElectable(electable: boolean): void {
    this.#core.electable = electable;
  }

  /** Index, term and configuration of the log at `index`, committed and not trimmed beyond: what a snapshot there is. */
  snapshotMetaAt(index: number): SnapshotMeta {
    const { log, configs } = this.#core;
    const { config, index: configIndex } = configs.at(index);
    return { index, term: log.termAt(index), config, configIndex };
  }

  /** Leader: hands over to `to`, and gives up trying after electionTicks. Throws RaftError RAFT_NOT_LEADER, RAFT_BAD_TRANSFER. */
  transferLeadership(to: string): void {
    transferLeadership(this.#core, to);
  }

  /**
   * Asks for an index at which reading is linearizable; the answer comes in Ready.reads with the same `context` (0 or more).
   * A follower asks its leader. Throws RaftError RAFT_NOT_LEADER (none is known), RAFT_READ_LIMIT.
   */
  readIndex(context: number): void {
    if (!(context >= 0)) throw new InvariantViolation(`read context ${context}`);
    readIndex(this.#core, context);
  }

  /** Whether `ready()` would hand out anything. */
  hasReady(): boolean {
    this.#flush();
    const core = this.#core;
    return (
      core.messages.length > 0 ||
      core.messagesAfterSync.length > 0 ||
      core.readAnswers.length > 0 ||
      core.fetches.length > 0 ||
      core.snapshotWanted !== null ||
      core.resetTo !== null ||
      core.healed ||
      core.log.truncateFrom !== 0 ||
      core.log.handedIndex < core.log.lastIndex ||
      core.log.hasCommitted() ||
      this.#hardStateMoved() ||
      this.#softStateMoved() ||
      core.configs.current !== this.#config
    );
  }

  /** Everything there is to do. See `Ready`. */
  ready(): Ready {
    this.#flush();
    const core = this.#core;
    const termOrVoteMoved = core.term !== this.#hardState.term || core.vote !== this.#hardState.vote;
    const hardState = this.#hardStateMoved() ? { term: core.term, vote: core.vote, commit: core.log.commitIndex } : null;
    if (hardState !== null) this.#hardState = hardState;
    const softState = this.#softStateMoved() ? { role: core.role, term: core.term, leader: core.leader } : null;
    if (softState !== null) this.#softState = softState;
    const config = core.configs.current === this.#config ? null : core.configs.current;
    this.#config = core.configs.current;
    const truncateFrom = core.log.truncateFrom;
    const entries = core.log.takeUnhanded();
    const mustSync = termOrVoteMoved || entries.length > 0 || truncateFrom !== 0 || core.resetTo !== null;
    const batch = ++this.#batch;
    if (mustSync) core.log.batchHanded(batch, core.term);
    const ready: Ready = {
      batch,
      hardState,
      resetTo: core.resetTo,
      truncateFrom,
      entries,
      mustSync,
      messages: core.messages,
      messagesAfterSync: core.messagesAfterSync,
      commitIndex: core.log.commitIndex,
      committed: core.log.takeCommitted(),
      reads: core.readAnswers,
      fetches: core.fetches,
      snapshotWanted: core.snapshotWanted,
      softState,
      config,
      healed: core.healed,
    };
    core.resetTo = null;
    core.log.truncateFrom = 0;
    core.messages = [];
    core.messagesAfterSync = [];
    core.readAnswers = [];
    core.fetches = [];
    core.snapshotWanted = null;
    core.healed = false;
    return ready;
  }

  /** Leader: whatever is due to followers becomes messages. */
  #flush(): void {
    const core = this.#core;
    if (core.role !== 'leader') return;
    sendAppends(core);
    if (!core.roundWanted) return;
    beginRound(core);
    confirmReads(core);
  }

  #hardStateMoved(): boolean {
    const { term, vote, log } = this.#core;
    return term !== this.#hardState.term || vote !== this.#hardState.vote || log.commitIndex !== this.#hardState.commit;
  }

  #softStateMoved(): boolean {
    const { role, term, leader } = this.#core;
    return role !== this.#softState.role || term !== this.#softState.term || leader !== this.#softState.leader;
  }

  /** See Status.leaseUntilTick. */
  get leaseUntilTick(): number {
    return leaseUntilTick(this.#core);
  }

  /** See Status.committedInTerm. */
  get committedInTerm(): boolean {
    return this.#core.committedInTerm;
  }

  /** Batch `batch` and all before it are durable. */
  synced(batch: number): void {
    invariant(batch <= this.#batch, `batch ${batch} was never handed out`);
    const core = this.#core;
    core.log.batchSynced(batch);
    onOwnVoteDurable(core);
    maybeCommit(core);
    tryHeal(core);
  }

  /** The host has applied everything through `index`. */
  applied(index: number): void {
    this.#core.log.applied(index);
  }

  /**
   * Forgets the log through `throughIndex`, which must be applied and durable here and covered by a snapshot that members
   * lagging behind can get. The host deletes the stored entries afterwards.
   */
  compact(throughIndex: number): void {
    const core = this.#core;
    core.log.compact(throughIndex);
    core.configs.compact(core.log.compactedIndex);
  }

  status(): Status {
    const core = this.#core;
    const { log } = core;
    return {
      id: core.id,
      role: core.role,
      term: core.term,
      vote: core.vote,
      leader: core.leader,
      firstIndex: log.compactedIndex + 1,
      lastIndex: log.lastIndex,
      lastTerm: log.lastTerm,
      syncedIndex: log.syncedIndex,
      commitIndex: log.commitIndex,
      appliedIndex: log.appliedIndex,
      uncommittedBytes: log.uncommittedBytes,
      windowBytes: log.memoryBytes,
      config: core.configs.current,
      configCommitted: core.configCommitted,
      committedInTerm: core.committedInTerm,
      tickCount: core.tickCount,
      leaseUntilTick: leaseUntilTick(core),
      transferringTo: core.transferee,
      impaired: core.impaired,
      peers: core.peers.map((peer) => peer.status(core.tickCount)),
    };
  }
}
