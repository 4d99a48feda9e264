/**
 * The shard's members as one of them sees them: lets nodes in that ask to join, makes learners voters once they have the
 * log, replaces a member whose node came back without its data, and sees to it that what the shard says of this member
 * (addresses, zone, role) is what it was told at its start.
 *
 * Only the leader changes anything, one change at a time; a change that fails is asked for again. Must never remove a
 * member that could still be counted: the new one is a voter before the old one goes, in the same step.
 */
import { OperationalError } from '../shared/errors.ts';
import type { RaftTransactionLog } from '../txlog/raft-transaction-log.ts';
import { DEFAULT_LIMITS } from '../txlog/raft/limits.ts';
import type { MemberChange, PeerStatus } from '../txlog/raft/types.ts';
import { type Hello, JOIN_KINDS, type JoinReply, type JoinRequest, NODE_GROUP, askToJoin, decodeJson, encodeJson } from './joining.ts';
import { type MemberInfo, type MemberLabel, formatAddress, addressesOf, formatLabel, membersOf, parseLabel } from './member-label.ts';
import type { PeerAddress, PeerNetwork } from './peers/peer-network.ts';

export interface MembershipOptions {
  readonly memberId: string;
  readonly label: MemberLabel;
  readonly role: MemberInfo['role'];
  /** The role that this node was last started with and that it got; null if there is none yet. */
  readonly reachedRole: MemberInfo['role'] | null;
  readonly seeds: readonly PeerAddress[];
  readonly txlog: RaftTransactionLog;
  /** Null on a node that is alone for ever. */
  readonly network: PeerNetwork | null;
  readonly notice: (message: string) => void;
  /** It has the role for the first time that it was started with. */
  readonly onRoleReached: () => void;
  /** This member was removed from the shard: nothing it holds is served any more. */
  readonly onRemoved: () => void;
}

/** A learner may become a voter when it lacks no more than so many records: it will have them within a round trip or two. */
const CAUGHT_UP_RECORDS = 1000;

/** Calls of `tick` without a leader after which a member asks whether it still is one: nobody speaks to one that was removed. */
const LEADERLESS_TICKS_MAX = 3;

export class Membership {
  readonly #options: MembershipOptions;
  #isAsking = false;
  #leaderlessTicks = 0;
  /** Whether the role that this node was started with was reached once, be it before a restart: from then on operators decide. */
  #hadRole: boolean;

  constructor(options: MembershipOptions) {
    this.#options = options;
    // Who joins is a learner from the first.
    this.#hadRole = (options.reachedRole ?? 'learner') === options.role;
  }

  /** All members, this one included. */
  get members(): MemberInfo[] {
    return membersOf(this.#options.txlog.config);
  }

  /** The member with that id, or with the beginning of one that only one has; by its client or peer address too. */
  find(name: string): MemberInfo | undefined {
    const found = this.members.filter(({ id, client, peer }) => id === name || formatAddress(client) === name || formatAddress(peer) === name);
    if (found.length === 1) return found[0];
    const begun = this.members.filter(({ id }) => name.length >= 4 && id.startsWith(name));
    return begun.length === 1 ? begun[0] : undefined;
  }

  get self(): MemberInfo | undefined {
    return this.members.find(({ id }) => id === this.#options.memberId);
  }

  get leader(): MemberInfo | undefined {
    const { leader } = this.#options.txlog;
    return leader === '' ? undefined : this.members.find(({ id }) => id === leader);
  }

  /** Answers a question of a node that may belong to no shard. @throws OperationalError */
  async answer(kind: string, body: Uint8Array): Promise<Uint8Array> {
    const { memberId, label, role, txlog } = this.#options;
    switch (kind) {
      case 'hello':
        return encodeJson({ memberId, shardId: txlog.shardId, label: formatLabel(label), role, list: '' } satisfies Hello);
      case 'join':
        return encodeJson(await this.#letIn(decodeJson<JoinRequest>(body)));
      default:
        throw new OperationalError('ALREADY_A_MEMBER', 'this node belongs to a shard');
    }
  }

  /**
   * To be called every second or so: asks the shard for what is not as it was told at the start of this node.
   */
  tick(): void {
    if (this.#isAsking) return;
    const { memberId, label, role, txlog } = this.#options;
    const self = this.self;
    if (self?.role === role && !this.#hadRole) {
      this.#hadRole = true;
      this.#options.onRoleReached();
    }
    this.#leaderlessTicks = txlog.leader === '' ? this.#leaderlessTicks + 1 : 0;
    const isAsTold = self !== undefined && formatLabel(self) === formatLabel(label) && this.#hadRole;
    if (isAsTold && this.#leaderlessTicks < LEADERLESS_TICKS_MAX) return;
    this.#leaderlessTicks = 0;
    // Whoever is in touch with a leader that has it in its log is a member: only one that is cut off may have been removed.
    if (self === undefined && txlog.leader !== '') return;
    this.#isAsking = true;
    void this.#ask({ memberId, label: formatLabel(label), role: this.#hadRole ? (self?.role ?? role) : role, hasLog: true }).finally(() => { this.#isAsking = false; });
  }

  /**
   * Changes members as an operator wishes. Only on the leader.
   * @throws OperationalError TXLOG_NOT_LEADER, TXLOG_MEMBERS_REFUSED
   */
  change(changes: readonly MemberChange[]): Promise<void> {
    return this.#options.txlog.changeMembers(changes);
  }

  /** Whether the leader, which this is, has given `id` almost all of its log. */
  isCaughtUp(id: string): boolean {
    const { txlog, memberId } = this.#options;
    if (id === memberId) return true;
    const peer = this.progressOf(id);
    return peer !== undefined && this.isAlive(id) && peer.state === 'replicate' && !peer.impaired && txlog.lastIndex - peer.match <= CAUGHT_UP_RECORDS;
  }

  /** Whether the leader, which this is, has heard of `id` within an election timeout. */
  isAlive(id: string): boolean {
    if (id === this.#options.memberId) return true;
    const silentTicks = this.progressOf(id)?.silentTicks ?? -1;
    return silentTicks >= 0 && silentTicks <= DEFAULT_LIMITS.electionTicks;
  }

  /** What the leader, which this is, knows of another member. */
  progressOf(id: string): PeerStatus | undefined {
    return this.#options.txlog.status().peers.find((peer) => peer.id === id);
  }

  // ---- As leader: letting in ----

  async #letIn(request: JoinRequest): Promise<JoinReply> {
    const { txlog } = this.#options;
    const { memberId } = request;
    const { leader } = this;
    const known = this.members.find(({ id }) => id === memberId);
    if (!txlog.isLeader || !txlog.committedInTerm) {
      // New nodes that founded the shard together need no leader to be told so; there may be none before they come.
      if (known !== undefined && !request.hasLog) return this.#welcome();
      return { ask: leader === undefined || leader.id === this.#options.memberId ? '' : formatAddress(leader.peer) };
    }
    if (known === undefined) {
      if (request.hasLog) throw new OperationalError('REMOVED', 'this member was removed from the shard: empty its data directory to join anew');
      await this.change([{ op: 'put', id: memberId, role: 'learner', label: request.label }]);
      this.#options.notice(`Member ${memberId} at ${addressIn(request.label)} joined as learner`);
    } else await this.#bringTo(request, known);
    return this.#welcome();
  }

  /** One step on a member's way to the role and label that it asks for. */
  async #bringTo(request: JoinRequest, known: MemberInfo): Promise<void> {
    const { memberId, role, label } = request;
    const { notice } = this.#options;
    const relabelled = formatLabel(known) !== label;
    const promoted = role !== known.role && this.isCaughtUp(memberId);
    if (!relabelled && !promoted) return;
    const changes: MemberChange[] = [{ op: 'put', id: memberId, role: promoted ? role : known.role, label }];
    const predecessor = promoted ? this.#predecessorOf(memberId, label) : undefined;
    if (predecessor !== undefined) changes.push({ op: 'remove', id: predecessor.id });
    await this.change(changes);
    if (promoted) notice(`Member ${memberId} at ${addressIn(label)} is now ${role}${predecessor === undefined ? '' : `, in place of ${predecessor.id}, whose data is gone`}`);
  }

  /** The member that had this address before: its node came back without its data, as another member. */
  #predecessorOf(memberId: string, label: string): MemberInfo | undefined {
    const address = addressIn(label);
    return this.members.find(({ id, peer }) => id !== memberId && formatAddress(peer) === address);
  }

  #welcome(): JoinReply {
    const { txlog } = this.#options;
    // As the core has it: while a trim is under way the store still has what the core has forgotten.
    return { shardId: txlog.shardId, firstConfig: txlog.snapshotMetaAt(txlog.status().firstIndex - 1).config };
  }

  // ---- As a member that wants to be what it was started as ----

  async #ask(request: JoinRequest): Promise<void> {
    const { memberId, network, seeds, txlog, notice } = this.#options;
    const { leader } = this;
    const addresses = leader === undefined ? [...seeds, ...addressesOf(txlog.config, memberId).values()] : [leader.peer];
    for (const address of addresses) {
      try {
        if (leader?.id === memberId) await this.#letIn(request);
        else if (network !== null) await askToJoin(network, address, request);
        return;
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        if (error.code === 'REMOVED') return this.#options.onRemoved();
        if (request.role !== this.self?.role) notice(`The shard does not make this node a ${request.role} yet: ${error.message}`);
      }
    }
  }
}

export function isJoinKind(group: string, kind: string): boolean {
  return group === NODE_GROUP && (JOIN_KINDS as readonly string[]).includes(kind);
}

function addressIn(label: string): string {
  const parsed = parseLabel(label);
  return parsed === null ? 'an unknown address' : formatAddress(parsed.peer);
}
