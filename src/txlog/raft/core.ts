/**
 * The state of one member and the few changes of it that all rules share: sending, becoming a follower, appending, taking
 * on a configuration. The rules themselves stand in election.ts, replication.ts, leadership.ts, membership.ts, install.ts.
 * Only those and raw-node.ts may touch a RaftCore. Must never know the host.
 */
import { invariant } from '../../shared/errors.ts';
import { ConfigHistory, decodeConfig, encodeConfig, memberIds } from './configuration.ts';
import { leaseTicks } from './limits.ts';
import { RaftLog, entryBytes } from './log.ts';
import { Progress } from './progress.ts';
import type {
  Entry,
  EntryKind,
  Fetch,
  Limits,
  MemberConfig,
  PeerMessage,
  RawNodeOptions,
  ReadAnswer,
  Role,
  SnapshotMeta,
} from './types.ts';

/** A read that waits for its round of heartbeats (thesis §6.4). */
export interface PendingRead {
  readonly from: string;
  readonly context: number;
  /** Commit index when it came; -1 until the leader has committed in its term. */
  index: number;
  /** Confirmed by a majority that answered this round or a later one; -1 until `index` is known. */
  round: number;
}

const NO_DATA = new Uint8Array(0);

export class RaftCore {
  readonly id: string;
  readonly limits: Limits;
  readonly random: () => number;
  /** See RawNodeOptions.caretaker. */
  readonly caretaker: boolean;
  readonly log: RaftLog;
  readonly configs: ConfigHistory;

  /** Latest term seen; never falls (Raft §5.1). */
  term: number;
  /** Whom this member voted for in `term`. */
  vote: string;
  role: Role = 'follower';
  /** Leader of `term`, '' while unknown. */
  leader = '';
  tickCount = 0;
  /** See RestartState.impaired. While true this member votes for nobody and campaigns never. */
  impaired: boolean;
  /** impaired: the log must be durable and committed through here to be whole again; -1 while no leader has told. */
  healIndex = -1;
  /** impaired: number of the newest question to a leader about that. */
  healQuestion = 0;

  /** Whether the host wants to lead: false while its state machine is not loaded. Votes and acknowledgements go on. */
  electable = true;

  /** Ticks since the last sign of a leader, or since the last vote given (Raft §5.2). */
  electionElapsed = 0;
  /** This many of them start an election: electionTicks and a random part. */
  electionTimeout = 0;
  /**
   * Tick of the last sign of a leader. For electionTicks from here this member votes for nobody, itself included (Raft §6,
   * last paragraphs; thesis §6.4.1): the promise that leases rest on. Not dropped when the term changes, and given anew at a
   * start, since what was promised before is forgotten.
   */
  heardTick: number;
  /** Newest round of heartbeats heard in this term; 0 if none was. */
  heardRound = 0;

  /** pre-candidate, candidate: the answers so far. A candidate's own vote stands here once it is durable. */
  readonly votes = new Map<string, boolean>();

  // Leader only, void in other roles.
  /** All other members, sorted by id, so that whatever is done for all is done in the same order everywhere. */
  peers: Progress[] = [];
  readonly #peerById = new Map<string, Progress>();
  /** Index of the first entry of this leader's term. */
  termFirstIndex = 0;
  /** Tick since when a majority may be expected to answer: the election, or the newest configuration. */
  graceTick = 0;
  heartbeatElapsed = 0;
  /** The newest pause of this process: ticks (pausedFrom, pausedThrough] passed while it could hear nobody. */
  pausedFrom = 0;
  pausedThrough = 0;
  /** Number of the newest round of heartbeats. */
  round = 0;
  /** A read wants a new round; it goes out with the next Ready, one for all reads of a turn. */
  roundWanted = false;
  reads: PendingRead[] = [];
  /** Whom leadership is being handed to, '' if nobody; since which tick; whether it was told to go. */
  transferee = '';
  transferTick = 0;
  transferSent = false;
  /**
   * By member: the round in which a TimeoutNow was sent to it in this term. Until it has answered a later round (after
   * which it ignores that message) it may start an election that promises do not hinder: no lease.
   */
  readonly leaseBlocks = new Map<string, number>();

  // To be handed out by the next Ready.
  messages: PeerMessage[] = [];
  messagesAfterSync: PeerMessage[] = [];
  readAnswers: ReadAnswer[] = [];
  fetches: Fetch[] = [];
  snapshotWanted: SnapshotMeta | null = null;
  resetTo: SnapshotMeta | null = null;
  healed = false;

  /** Index of the snapshot that the host was asked for and has not answered; 0 if none. */
  snapshotPending = 0;

  constructor(options: RawNodeOptions) {
    const { restart } = options;
    this.id = options.id;
    this.limits = options.limits;
    this.random = options.random;
    this.caretaker = options.caretaker ?? false;
    this.log = new RaftLog(options.limits, restart);
    this.configs = new ConfigHistory(restart.configs);
    this.term = restart.hardState.term;
    this.vote = restart.hardState.vote;
    this.impaired = restart.impaired;
    // Nobody can hold a lease by a promise of this member if it never knew a term, or if it is the only voter and that
    // is committed: another leader steps down when it commits its own removal, and was deposed if this member led since.
    const { config, index } = this.configs.current;
    const sole = config.voters.length === 1 && config.votersOutgoing.length === 0 && config.voters[0] === this.id;
    const free = this.term === 0 || (sole && index <= this.log.commitIndex);
    this.heardTick = free ? -this.limits.electionTicks : 0;
    this.newElectionTimeout();
  }

  get config(): MemberConfig {
    return this.configs.current.config;
  }

  /** Whether this member may start elections and lead: whole, and a voter with an engine or a caretaker. */
  get promotable(): boolean {
    return !this.impaired && this.electable && (this.configs.mayCampaign(this.id, this.log.commitIndex) || this.isCaretaker);
  }

  /** Whether this member may lead, but only to hand over: a log-only voter that is allowed to. */
  get isCaretaker(): boolean {
    return this.caretaker && this.config.logOnly.includes(this.id);
  }

  /** Whether a leader was heard so lately that this member votes for nobody. */
  get promised(): boolean {
    return this.role === 'leader' || this.tickCount - this.heardTick < this.limits.electionTicks;
  }

  /** Leader: whether an entry of its term is committed (Raft §8: until then it may not know what is). */
  get committedInTerm(): boolean {
    return this.role === 'leader' && this.log.commitIndex >= this.termFirstIndex;
  }

  get configCommitted(): boolean {
    return this.configs.current.index <= this.log.commitIndex;
  }

  peer(id: string): Progress | undefined {
    return this.#peerById.get(id);
  }

  send(message: PeerMessage): void {
    this.messages.push(message);
  }

  sendAfterSync(message: PeerMessage): void {
    this.messagesAfterSync.push(message);
  }

  /** Spreads elections so that seldom two members start one at once (Raft §5.2). */
  newElectionTimeout(): void {
    const { electionTicks } = this.limits;
    this.electionElapsed = 0;
    this.electionTimeout = electionTicks + Math.floor(this.random() * electionTicks);
    // Those who can really lead try first, and a few times.
    if (this.isCaretaker) this.electionTimeout += 2 * electionTicks;
  }

  /** A sign of the leader of this term arrived. */
  heardLeader(): void {
    this.electionElapsed = 0;
    this.heardTick = this.tickCount;
  }

  /** Takes on `term`, which is not below the current one, as a follower of `leader` ('' if unknown) (Raft §5.1). */
  becomeFollower(term: number, leader: string): void {
    invariant(term >= this.term, `term ${term} after ${this.term}`);
    this.#leaveRole();
    if (term > this.term) {
      this.term = term;
      this.vote = '';
      this.heardRound = 0;
    }
    this.role = 'follower';
    this.leader = leader;
    this.newElectionTimeout();
  }

  /** Ends what belongs to a role. */
  #leaveRole(): void {
    this.votes.clear();
    for (const read of this.reads) this.answerRead(read, -1);
    this.reads = [];
    this.peers = [];
    this.#peerById.clear();
    this.leaseBlocks.clear();
    this.transferee = '';
    this.transferSent = false;
    this.roundWanted = false;
    this.fetches = [];
  }

  answerRead(read: PendingRead, index: number): void {
    if (read.from === this.id) this.readAnswers.push({ context: read.context, index });
    else this.send({ type: 'read-index-reply', from: this.id, to: read.from, term: this.term, context: read.context, index });
  }

  becomePreCandidate(): void {
    this.#leaveRole();
    this.role = 'pre-candidate';
    this.leader = '';
    this.newElectionTimeout();
    this.votes.set(this.id, true);
  }

  /** Raft §5.2: "increments its current term and transitions to candidate state. It then votes for itself". */
  becomeCandidate(): void {
    this.#leaveRole();
    this.role = 'candidate';
    this.term++;
    this.vote = this.id;
    this.leader = '';
    this.heardRound = 0;
    this.newElectionTimeout();
  }

  becomeLeader(): void {
    invariant(this.role === 'candidate' && this.promotable, 'only a candidate that may lead becomes leader');
    this.#leaveRole();
    this.role = 'leader';
    this.leader = this.id;
    this.round = 0;
    this.heartbeatElapsed = 0;
    this.graceTick = this.tickCount;
    this.#trackPeers();
    this.termFirstIndex = this.log.lastIndex + 1;
    // Raft §8: "each leader commit[s] a blank no-op entry into the log at the start of its term".
    this.append('noop', NO_DATA);
  }

  /** Leader: puts an entry of this term at the end of its log. Returns its index. */
  append(kind: EntryKind, data: Uint8Array): number {
    const index = this.log.lastIndex + 1;
    this.log.append({ index, term: this.term, kind, data });
    return index;
  }

  /** Leader: appends `config` and lives by it at once (Raft §6). Returns its index. */
  appendConfig(config: MemberConfig): number {
    const index = this.append('config', encodeConfig(config));
    this.configs.push(index, config);
    this.graceTick = this.tickCount;
    this.#trackPeers();
    return index;
  }

  /** Follower: puts the leader's entry at the end of its log. */
  appendFromLeader(entry: Entry): void {
    const config = entry.kind === 'config' ? decodeConfig(entry.data) : null;
    this.log.append(entry);
    if (config !== null) this.configs.push(entry.index, config);
  }

  truncate(index: number): void {
    this.log.truncate(index);
    this.configs.truncateFrom(index);
  }

  #trackPeers(): void {
    const peers: Progress[] = [];
    for (const id of memberIds(this.config)) {
      if (id === this.id) continue;
      // Raft §5.3: "the leader initializes all nextIndex values to the index just after the last one in its log".
      peers.push(this.#peerById.get(id) ?? new Progress(id, this.log.lastIndex + 1));
    }
    this.peers = peers;
    this.#peerById.clear();
    for (const peer of peers) this.#peerById.set(peer.id, peer);
    if (this.transferee !== '' && !this.#peerById.has(this.transferee)) this.transferee = '';
  }

  /** For quorumValue: through which index member `id` surely holds the log. This one counts only what its disk has. */
  readonly matchOf = (id: string): number => {
    if (id === this.id) return this.log.syncedIndex;
    const peer = this.#peerById.get(id);
    return peer === undefined || peer.impaired ? 0 : peer.match;
  };

  /** For quorumValue: newest round of heartbeats that member `id` answered. */
  readonly roundOf = (id: string): number => {
    if (id === this.id) return Infinity;
    const peer = this.#peerById.get(id);
    return peer === undefined || peer.impaired ? -1 : peer.ackedRound;
  };

  /** For quorumValue: when the newest round of heartbeats that member `id` answered began; now for this one. */
  readonly ackedTickOf = (id: string): number => {
    if (id === this.id) return this.tickCount;
    const peer = this.#peerById.get(id);
    return peer === undefined || peer.impaired ? -1 : peer.ackedTick;
  };

  /** Ticks for which a voter's answer supports the lease. */
  get leaseTicks(): number {
    return leaseTicks(this.limits);
  }

  /** Whether more may be proposed (bytes). The first proposal always may, so that no single one is impossible. */
  hasProposalRoom(bytes: number): boolean {
    const { uncommittedBytes } = this.log;
    return uncommittedBytes === 0 || uncommittedBytes + bytes <= this.limits.uncommittedBytesMax;
  }
}

/** Bytes of a list of entries, as they count against limits. */
export function totalBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entryBytes(entry);
  return bytes;
}
