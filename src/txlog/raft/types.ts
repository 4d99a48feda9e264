/**
 * The vocabulary of the Raft core: what the host gives it (limits, restart state, messages) and what it gets (`Ready`).
 * The comments on `Ready` and `RestartState` ARE the contract between the core and whoever owns disk and network.
 * This file holds types only and must never hold behaviour.
 *
 * Sections: "Raft" is Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm (Extended Version)";
 * "thesis" is Ongaro, "Consensus: Bridging Theory and Practice".
 *
 * Conventions: indexes begin at 1 and terms at 1; 0 stands for "none". A member id is 1 to 64 characters of
 * [A-Za-z0-9._:-]; '' stands for "nobody". All numbers are integers below 2^53.
 */

/** `noop` is what a new leader writes to commit its predecessors' entries (Raft §8); `config` holds an encoded `MemberConfig`. */
export type EntryKind = 'normal' | 'noop' | 'config';

/** One log entry. Never changed once made; `data` is owned by the log and must not be written to by anybody. */
export interface Entry {
  readonly index: number;
  readonly term: number;
  readonly kind: EntryKind;
  readonly data: Uint8Array;
}

/** The part of a member's state that must survive a restart beside its log (Raft figure 2). */
export interface HardState {
  readonly term: number;
  /** Whom this member voted for in `term`; '' if nobody. */
  readonly vote: string;
  /** A lower bound of the commit index: may lag behind, never ahead of the durable log. */
  readonly commit: number;
}

/**
 * Who belongs to the group. Arrays are sorted and without duplicates. A member uses the newest configuration in its log,
 * committed or not (Raft §6). With `votersOutgoing` the configuration is joint: every decision needs a majority of both.
 */
export interface MemberConfig {
  readonly voters: readonly string[];
  /** Voters of the configuration being left; empty unless joint. */
  readonly votersOutgoing: readonly string[];
  /** Receive the log, count in no majority. Disjoint from both voter sets. */
  readonly learners: readonly string[];
  /** Outgoing voters that become learners when the joint configuration is left. Subset of `votersOutgoing`. */
  readonly learnersNext: readonly string[];
  /** Voters that keep the log and no engine: they vote and acknowledge but never lead. Subset of the voters of both sets. */
  readonly logOnly: readonly string[];
  /** Joint only: whether the leader leaves it by itself as soon as it is committed. */
  readonly autoLeave: boolean;
  /** What the host wants known about members (address, AZ): carried, never looked at. At most 512 latin1 characters each. */
  readonly labels: Readonly<Record<string, string>>;
}

/** A configuration and the index of the entry it stands in (0 for the one the group was born with). */
export interface ConfigAt {
  readonly index: number;
  readonly config: MemberConfig;
}

/** What is known of a snapshot without its contents. `config` is the configuration in force at `index`. */
export interface SnapshotMeta {
  readonly index: number;
  readonly term: number;
  readonly config: MemberConfig;
  /** Index of the entry that `config` stands in; at most `index`. */
  readonly configIndex: number;
}

/** Entries from `firstIndex` up to where the next run begins (or the log ends) have `term`. */
export interface TermRun {
  readonly firstIndex: number;
  readonly term: number;
}

export type MemberRole = 'voter' | 'log-only' | 'learner';

export type MemberChange =
  /** Adds a member, or changes the role and label of one that is there. Without `label` an old one is kept. */
  | { readonly op: 'put'; readonly id: string; readonly role: MemberRole; readonly label?: string }
  | { readonly op: 'remove'; readonly id: string };

/**
 * A change of membership. `auto`: in one step if at most one voter comes or goes (thesis §4.1), else through a joint
 * configuration that is left by itself. `joint`: the same, always joint. `joint-explicit`: joint until `leave` is proposed.
 */
export type ConfigChange =
  | { readonly kind: 'change'; readonly changes: readonly MemberChange[]; readonly transition: 'auto' | 'joint' | 'joint-explicit' }
  | { readonly kind: 'leave' };

interface Addressed {
  readonly from: string;
  readonly to: string;
  /** The sender's term; in a `pre-vote` and a granted `pre-vote-reply` the term that the candidate would have. */
  readonly term: number;
}

/** "Would you vote for me?", without any change of state at either side (thesis §9.6). */
export interface PreVote extends Addressed {
  readonly type: 'pre-vote';
  readonly lastIndex: number;
  readonly lastTerm: number;
}
export interface PreVoteReply extends Addressed {
  readonly type: 'pre-vote-reply';
  readonly granted: boolean;
}
/** RequestVote (Raft §5.2). */
export interface Vote extends Addressed {
  readonly type: 'vote';
  readonly lastIndex: number;
  readonly lastTerm: number;
  /** The old leader asked for this election (thesis §3.10), so promises made to it do not count. */
  readonly transfer: boolean;
}
export interface VoteReply extends Addressed {
  readonly type: 'vote-reply';
  readonly granted: boolean;
}
/** AppendEntries (Raft §5.3). `entries` follow `prevIndex` without a gap; may be empty. */
export interface Append extends Addressed {
  readonly type: 'append';
  readonly prevIndex: number;
  readonly prevTerm: number;
  readonly entries: readonly Entry[];
  readonly commit: number;
}
export interface AppendReply extends Addressed {
  readonly type: 'append-reply';
  /** Accepted: through here the sender's durable log equals the leader's. Rejected: the `prevIndex` that did not match. */
  readonly index: number;
  readonly rejected: boolean;
  /** Rejected: the largest index at which the logs might still agree, and the term of the sender's entry there (Raft §5.3). */
  readonly hintIndex: number;
  readonly hintTerm: number;
  /** See `RestartState.impaired`: what the sender holds must not be counted. */
  readonly impaired: boolean;
}
/** Keeps followers, renews the lease and confirms leadership for reads. Carries no log. */
export interface Heartbeat extends Addressed {
  readonly type: 'heartbeat';
  /** Never above what the receiver is known to hold. */
  readonly commit: number;
  /** Number of the round of heartbeats in this term. */
  readonly round: number;
  /** The leader's tick count when the round began. */
  readonly sentTick: number;
}
export interface HeartbeatReply extends Addressed {
  readonly type: 'heartbeat-reply';
  /** As in the heartbeat answered. */
  readonly round: number;
  readonly sentTick: number;
  readonly impaired: boolean;
}
/** InstallSnapshot (Raft §7) without the bytes: the receiver's host fetches those where it will. */
export interface InstallSnapshot extends Addressed {
  readonly type: 'snapshot';
  readonly snapshot: SnapshotMeta;
}
/** The receiver could not get the snapshot; the leader may try again. */
export interface SnapshotFailed extends Addressed {
  readonly type: 'snapshot-failed';
  readonly index: number;
}
/** "Start an election now" (thesis §3.10). Void for a receiver that has heard a later round of heartbeats. */
export interface TimeoutNow extends Addressed {
  readonly type: 'timeout-now';
  readonly round: number;
}
/** A follower asks the leader for a read index (thesis §6.4). */
export interface ReadIndex extends Addressed {
  readonly type: 'read-index';
  /** 0 or more: the host's. Below 0: the core's own. */
  readonly context: number;
}
export interface ReadIndexReply extends Addressed {
  readonly type: 'read-index-reply';
  readonly context: number;
  /** -1: not answered, leadership was lost; ask again. */
  readonly index: number;
}

/**
 * What members send each other. The transport may lose, delay, repeat and reorder them, but not change them, and what was
 * sent to a process that has ended is not delivered to its successor.
 */
export type PeerMessage =
  | PreVote
  | PreVoteReply
  | Vote
  | VoteReply
  | Append
  | AppendReply
  | Heartbeat
  | HeartbeatReply
  | InstallSnapshot
  | SnapshotFailed
  | TimeoutNow
  | ReadIndex
  | ReadIndexReply;

/** Answer to a `Fetch`, as soon as the host has read the entries (or some from the front of them). */
export interface Fetched {
  readonly type: 'fetched';
  /** The three as in the `Fetch` answered. */
  readonly to: string;
  readonly term: number;
  readonly from: number;
  /** Without a gap from `from`. Empty: they could not be read (trimmed meanwhile); the core tries something else. */
  readonly entries: readonly Entry[];
}
/** The transport noticed that a message to `peer` was lost: pipelining gives way to probing. Optional to report. */
export interface Unreachable {
  readonly type: 'unreachable';
  readonly peer: string;
}
/**
 * Answer to `Ready.snapshotWanted`: the host holds, durably, the state as of `snapshot.index` (which may be later than
 * what was wanted) and has loaded it into its state machine. The log is then reset to it.
 */
export interface SnapshotRestored {
  readonly type: 'snapshot-restored';
  readonly snapshot: SnapshotMeta;
}
/** The other answer to `Ready.snapshotWanted`: it could not be had. */
export interface SnapshotLost {
  readonly type: 'snapshot-lost';
  readonly index: number;
}

/** What the host itself tells the core. */
export type LocalMessage = Fetched | Unreachable | SnapshotRestored | SnapshotLost;

export type Message = PeerMessage | LocalMessage;

/** Entries that a follower needs and the core no longer holds in memory: read [from, through] and answer `Fetched`. */
export interface Fetch {
  readonly to: string;
  readonly term: number;
  readonly from: number;
  readonly through: number;
  /** Enough bytes for one message: the host may stop reading once it has this many (at least one entry). */
  readonly bytesMax: number;
}

/**
 * Answer to `readIndex(context)`: reading at `index` or later is linearizable once it has been applied. -1: leadership was
 * lost before it could be confirmed, ask again. A question forwarded to a leader may also stay without any answer.
 */
export interface ReadAnswer {
  readonly context: number;
  readonly index: number;
}

/** Committed entries to apply, in order: all from `from` through `through`. */
export interface Committed {
  readonly from: number;
  readonly through: number;
  /**
   * The whole range, if the core still has it in memory. Else empty: the host reads the range from its storage, where all
   * of it is durable. Such a range may be long, as after a restart: the host pages it, and may report `applied` on the way.
   */
  readonly entries: readonly Entry[];
}

/**
 * What the host must do next. Made by `RawNode.ready()`, which regards all of it as handed over: nothing comes twice.
 * The host may have several Readys in work at once, under these rules:
 *
 * 1. Batches become durable in order: if batch n is durable after a crash, so are all before it; each is all or nothing.
 * 2. `messages` go out at once, without waiting for the disk (a leader's appends, in parallel with its own fsync).
 * 3. `messagesAfterSync` go out once this batch and all before it are durable. They may be dropped, never sent earlier.
 * 4. When batch n is durable, `synced(n)` is called; it covers all earlier batches. A Ready with nothing to write, or
 *    whose `mustSync` is false, counts as durable as soon as all before it are.
 * 5. A failed write is the end of the process: the core is never told about it.
 */
export interface Ready {
  /** 1, 2, 3, …: what `synced` is called with. Numbers begin anew with every RawNode. */
  readonly batch: number;
  /** To be stored in this batch, or null if unchanged since the last one handed over. */
  readonly hardState: HardState | null;
  /**
   * Reset the log in this batch, before anything else of it: no entries remain, the next one is `index + 1`, the term
   * before it is `term`, the configuration is `config`. Follows a `SnapshotRestored`. Null otherwise.
   */
  readonly resetTo: SnapshotMeta | null;
  /** Delete in this batch, before `entries` are put, all stored entries with this index or later. 0: nothing. */
  readonly truncateFrom: number;
  /** To be stored in this batch, by index. `data` of kind `config` is read with `decodeConfig`. */
  readonly entries: readonly Entry[];
  /**
   * Whether this batch must reach the disk before it counts as durable. False when there is nothing to write or when only
   * `hardState.commit` moved: that is a hint for restart, can be recomputed from the log by any leader, and may be written
   * with a later batch or never.
   */
  readonly mustSync: boolean;
  readonly messages: readonly PeerMessage[];
  readonly messagesAfterSync: readonly PeerMessage[];
  /**
   * Commit index as of this Ready. What waits for "committed" (held replies) may go up to here at once, even if this
   * member's own disk is behind its peers' and `committed` lags.
   */
  readonly commitIndex: number;
  /** To be applied; null if nothing new. Everything in it is durable here. Call `applied` as it is applied. */
  readonly committed: Committed | null;
  readonly reads: readonly ReadAnswer[];
  readonly fetches: readonly Fetch[];
  /**
   * The leader no longer has the entries this member needs: get the state of this snapshot or a later one, however long
   * that takes, then answer with `SnapshotRestored` or `SnapshotLost`. Meanwhile go on as usual. Null: nothing new wanted.
   */
  readonly snapshotWanted: SnapshotMeta | null;
  /** Role, leader or term as they are now, or null if none of them changed since the last Ready. */
  readonly softState: SoftState | null;
  /** The configuration in force from now on (not necessarily committed), or null if it is the same. */
  readonly config: ConfigAt | null;
  /** True once, when an impaired member has been healed: the host deletes its mark (see `RestartState.impaired`). */
  readonly healed: boolean;
}

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader';

export interface SoftState {
  readonly role: Role;
  readonly term: number;
  /** '' while unknown. */
  readonly leader: string;
}

/** Every queue and message has a bound. Defaults stand in `limits.ts`. */
export interface Limits {
  /** A follower that hears nothing for this many ticks (plus a random part up to as many again) campaigns. */
  readonly electionTicks: number;
  /** A leader sends heartbeats every so many ticks. At most a third of `electionTicks`. */
  readonly heartbeatTicks: number;
  /**
   * How much shorter than the leader's the ticks of another member may be: 0.1 means that one member's clock may run up to
   * 10 % faster than another's. The lease is shorter than the voters' promise by this and by two ticks of rounding.
   */
  readonly clockDriftMax: number;
  readonly entryBytesMax: number;
  /** Soft bound of one append message: it has at least one entry however large that is. */
  readonly messageBytesMax: number;
  /** Append messages (and their bytes) on the way to one follower that it has not answered. */
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
  /** `propose` is refused when this many bytes are proposed and not committed. */
  readonly uncommittedBytesMax: number;
  /** A follower takes no more appends while this many bytes wait for its disk. */
  readonly unsyncedBytesMax: number;
  /** Durable entries kept in memory for followers and for applying. */
  readonly windowBytesMax: number;
  /** Bytes of committed entries handed over for applying and not yet reported applied. */
  readonly applyingBytesMax: number;
  readonly pendingReadsMax: number;
  readonly membersMax: number;
}

/**
 * What a member starts from. A member of a new group has term 0, no log, and the group's first configuration at index 0;
 * one that is to join an existing group has a configuration in which it is nothing, e.g. with no members at all.
 */
export interface RestartState {
  readonly hardState: HardState;
  /** The log is trimmed through here; {0, 0} if it never was. */
  readonly compacted: { readonly index: number; readonly term: number };
  /** Runs of terms of the entries after `compacted.index`; the first begins at `compacted.index + 1`. Empty if there are none. */
  readonly termRuns: readonly TermRun[];
  readonly lastIndex: number;
  /**
   * Ascending by index: the newest configuration at or before `compacted.index`, then those of all `config` entries behind
   * it. (So the host keeps, beside the log, each config entry by index, drops those truncated, and when it trims keeps the
   * newest of the trimmed ones.)
   */
  readonly configs: readonly ConfigAt[];
  /**
   * What the host's state machine already contains. At least `compacted.index`, at most `lastIndex`: with a snapshot that
   * is newer than the whole log, the host drops the log and gives the snapshot's index and term as `compacted`.
   */
  readonly applied: number;
  /**
   * The log was found damaged, and what is given here is the good part in front of the damage: it may lack entries that
   * this member once acknowledged. (The hard state must be whole. A member that lost it may have voted in terms that it no
   * longer knows; it cannot be healed and comes back under a new id.) It then votes for nobody, never campaigns and is counted in no majority until it has caught up with a leader that
   * proves to be current. The host keeps a durable mark and passes true at every start until `Ready.healed`. Messages sent
   * before the damage must not be delivered after it (connections do not survive the process).
   */
  readonly impaired: boolean;
}

export interface RawNodeOptions {
  readonly id: string;
  readonly limits: Limits;
  readonly restart: RestartState;
  /**
   * Whether this member, while a log-only voter, may lead for a moment when nobody else can. It happens that a leader fails
   * and the newest committed entries are on log-only voters alone: without a caretaker the group waits for the old leader
   * to come back. A caretaker starts elections later than others do, takes no proposals, answers no reads, brings up a voter
   * with an engine and hands over to it. False (the default): log-only voters never campaign, at the price of that wait.
   */
  readonly caretaker?: boolean;
  /** Uniform in [0, 1): spreads election timeouts (Raft §5.2). */
  readonly random: () => number;
}

export type ProgressState = 'probe' | 'replicate' | 'snapshot';

/** A leader's view of another member. */
export interface PeerStatus {
  readonly id: string;
  readonly state: ProgressState;
  readonly match: number;
  readonly next: number;
  readonly inflightMessages: number;
  readonly inflightBytes: number;
  /** Ticks since the beginning of the newest round of heartbeats that it answered; -1 if it never did. */
  readonly silentTicks: number;
  readonly impaired: boolean;
}

export interface Status {
  readonly id: string;
  readonly role: Role;
  readonly term: number;
  readonly vote: string;
  readonly leader: string;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly syncedIndex: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly uncommittedBytes: number;
  readonly windowBytes: number;
  readonly config: ConfigAt;
  readonly configCommitted: boolean;
  /** Leader: an entry of its own term is committed, so `commitIndex` is not behind any predecessor's (Raft §8). */
  readonly committedInTerm: boolean;
  readonly tickCount: number;
  /**
   * Leader: nobody else can become leader before this tick count is reached, 0 if there is no lease. The host gives the
   * k-th `tick()` once k tick intervals of its monotonic clock have passed, never later than it serves by the lease:
   * after a pause it first makes up for the ticks that were missed.
   */
  readonly leaseUntilTick: number;
  readonly transferringTo: string;
  readonly impaired: boolean;
  readonly peers: readonly PeerStatus[];
}
