/**
 * What operators ask of a shard, at whichever member: how its members are, and changes of them. A change is made by the
 * leader; another member passes the wish on. A leader that would lose its own place hands over first, and its successor
 * makes the change.
 */
import { type MemberInfo, fatalZone, formatAddress, parseAddress } from '../replication/member-label.ts';
import { type MemberOperation, NOT_NOW, type PlannedChange, type ShardView, nameOf, planChange, refused } from '../replication/member-changes.ts';
import { type Hello, NODE_GROUP, decodeJson, encodeJson } from '../replication/joining.ts';
import type { ShardNode } from '../replication/shard-node.ts';
import { OperationalError } from '../shared/errors.ts';
import type { Server } from './server.ts';

/** `members` are ids, beginnings of ids, or addresses. */
export interface Operation {
  readonly name: MemberOperation | 'add' | 'failover';
  readonly members: readonly string[];
  readonly force: boolean;
}

/** What a member says of itself. */
export interface MemberState {
  /** As Member.role. */
  readonly role: string;
  readonly lastIndex: number;
  readonly appliedIndex: number;
  readonly drained: boolean;
}

export interface MemberStatus extends MemberInfo {
  /** Null: it does not answer. */
  readonly state: MemberState | null;
  /** Records that it has not applied (or, log-only, does not have) of those that the one furthest has; -1 if it does not answer. */
  readonly lag: number;
}

export interface ShardStatus {
  readonly shardId: string;
  readonly term: number;
  /** Member id; '' if none is known. */
  readonly leader: string;
  readonly members: readonly MemberStatus[];
  /** What an operator should see to, in sentences. */
  readonly warnings: readonly string[];
}

const STATE_KIND = 'member-state';
const OPERATION_KIND = 'operation';
const DRAIN_KIND = 'drain';
const STATE_TIMEOUT_MS = 1000;
/** An election is over by then, if there is a quorum. */
const LEADER_WAIT_MS = 3000;
const HANDOVER_TIMEOUT_MS = 10_000;
/** Longer than anything that a leader waits for in one operation. */
const OPERATION_TIMEOUT_MS = 30_000;
const JOIN_WAIT_MS = 10_000;
const HELLO_TIMEOUT_MS = 3000;
/** So long a leader, which may be a new one, takes to find out who is there. */
const LOOK_MS = 2000;
const RETRY_MS = 50;
/** What says that the member asked was not the leader, or is gone, and that it did nothing. */
const ASK_AGAIN = new Set(['TXLOG_NOT_LEADER', 'PEER_NOT_CONNECTED']);

export class Operations {
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
  }

  /** Answers another member's question of one of the kinds above. @throws OperationalError */
  async answer(kind: string, body: Uint8Array): Promise<Uint8Array> {
    switch (kind) {
      case STATE_KIND:
        return encodeJson(this.#ownState);
      case DRAIN_KIND:
        await this.#drainHere(decodeJson<{ off: boolean }>(body).off);
        return encodeJson({});
      case OPERATION_KIND:
        return encodeJson({ text: await this.#leadForAnother(decodeJson<Operation>(body)) });
      default:
        throw new OperationalError('PEER_UNKNOWN_KIND', `no question of kind ${kind} is known here`);
    }
  }

  /** What the member says of itself; null if it does not answer. */
  async stateOf(id: string): Promise<MemberState | null> {
    const node = this.#node;
    if (id === node.memberId) return this.#ownState;
    try {
      return decodeJson<MemberState>(await this.#ask(node, id, STATE_KIND, {}, STATE_TIMEOUT_MS));
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      return null;
    }
  }

  async status(): Promise<ShardStatus> {
    const { membership, txlog } = this.#node;
    const { members } = membership;
    const states = await Promise.all(members.map(({ id }) => this.stateOf(id)));
    const furthest = Math.max(0, ...states.map((state) => state?.lastIndex ?? 0));
    const statuses = members.map((member, i): MemberStatus => {
      const state = states[i]!;
      return { ...member, state, lag: state === null ? -1 : Math.max(0, furthest - reached(state)) };
    });
    return { shardId: txlog.shardId, term: txlog.term, leader: txlog.leader, members: statuses, warnings: warningsOf(statuses, txlog.leader) };
  }

  /**
   * Has the leader do it; resolves with a sentence that says what was done.
   * @throws OperationalError with the reason why not; what of it says that the outcome is not known stands in its message
   */
  async run(operation: Operation): Promise<string> {
    const node = this.#node;
    if (node.network === null) throw refused('this node is a shard alone: members need a peer-port');
    const startMs = performance.now();
    let deadlineMs = startMs + LEADER_WAIT_MS;
    let handedOver = false;
    for (;;) {
      const { leader, isLeader } = node.txlog;
      if (isLeader) {
        const done = await this.#lead(node, operation);
        if (done !== null) return done;
        handedOver = true;
        deadlineMs = performance.now() + LEADER_WAIT_MS;
      } else if (leader !== '' && leader !== node.memberId) {
        try {
          return decodeJson<{ text: string }>(await this.#ask(node, leader, OPERATION_KIND, operation, OPERATION_TIMEOUT_MS)).text;
        } catch (error) {
          if (!(error instanceof OperationalError)) throw error;
          // Members no longer speak to one that they removed.
          if (handedOver && error.code === 'PEER_DOWN') return 'Leadership was handed over, and the next leader was asked to do it: another member knows the outcome';
          if (!ASK_AGAIN.has(error.code)) throw error;
          if (error.code === 'TXLOG_NOT_LEADER' && performance.now() < startMs + OPERATION_TIMEOUT_MS) deadlineMs = performance.now() + LEADER_WAIT_MS;
        }
      }
      if (performance.now() >= deadlineMs) throw refused('no quorum: no member leads, for most voters do not answer');
      await sleep(RETRY_MS);
    }
  }

  /**
   * Has a member (default: this one) hand over if it leads, and not lead again until it is restarted or `off`.
   * @throws OperationalError
   */
  async drain(name: string | null, off: boolean): Promise<string> {
    const node = this.#node;
    const member = name === null ? node.membership.self : this.#find(node, name);
    if (member === undefined || member.id === node.memberId) await this.#drainHere(off);
    else await this.#ask(node, member.id, DRAIN_KIND, { off }, OPERATION_TIMEOUT_MS);
    return member === undefined ? 'OK' : `Member ${nameOf(member)} ${off ? 'may lead again' : 'is drained: it does not lead'}`;
  }

  // ---- As this member ----

  get #node(): ShardNode {
    const { node } = this.#server;
    if (node === null) throw refused('this node has no shard');
    return node;
  }

  get #ownState(): MemberState {
    const { member, txlog } = this.#server;
    return { role: member.role, lastIndex: txlog.lastIndex, appliedIndex: member.appliedIndex, drained: member.drained };
  }

  async #drainHere(off: boolean): Promise<void> {
    const { member, txlog, handover } = this.#server;
    if (!off && txlog.isLeader) await handover.run({ timeoutMs: HANDOVER_TIMEOUT_MS, force: false });
    member.drained = !off;
  }

  #ask(node: ShardNode, id: string, kind: string, body: unknown, timeoutMs: number): Promise<Uint8Array> {
    if (node.network === null) throw refused('this node is a shard alone');
    return node.network.ask(id, node.txlog.shardId, kind, encodeJson(body), timeoutMs);
  }

  #find(node: ShardNode, name: string): MemberInfo {
    const found = node.membership.find(name);
    if (found === undefined) throw refused(`'${name}' names no member, or more than one: HOLDFAST STATUS shows them`);
    return found;
  }

  // ---- As leader ----

  /** @throws OperationalError TXLOG_NOT_LEADER: nothing was done but, perhaps, to hand over; the next leader is to be asked */
  async #leadForAnother(operation: Operation): Promise<string> {
    const node = this.#node;
    const done = node.txlog.isLeader ? await this.#lead(node, operation) : null;
    if (done === null) throw new OperationalError('TXLOG_NOT_LEADER', 'this member does not lead');
    return done;
  }

  /** Null: leadership was handed over so that the next leader can do it. */
  async #lead(node: ShardNode, { name, members, force }: Operation): Promise<string | null> {
    const { handover } = this.#server;
    if (name === 'add') return this.#add(node, members[0]!);
    if (name === 'failover') {
      const member = members[0] === undefined ? undefined : this.#find(node, members[0]);
      if (member?.id === node.memberId) throw refused(`member ${nameOf(member)} is the primary already`);
      if (member !== undefined && member.role !== 'voter') throw refused(`member ${nameOf(member)} is ${member.role} and cannot lead`);
      await handover.run({ member, timeoutMs: HANDOVER_TIMEOUT_MS, force: false });
      return 'Leadership was handed over';
    }
    const target = this.#find(node, members[0]!);
    const successor = members[1] === undefined ? null : this.#find(node, members[1]);
    const { changes, after } = await this.#plan(node, (view) => planChange(view, name, target, successor, force));
    if (!after.some(({ id, role }) => id === node.memberId && role === 'voter')) {
      await handover.run({ timeoutMs: HANDOVER_TIMEOUT_MS, force: false });
      return null;
    }
    await node.membership.change(changes);
    const done = { remove: 'is removed', promote: 'is a voter', demote: 'is a learner', replace: `is replaced by ${successor === null ? '' : nameOf(successor)}` };
    const text = `Member ${nameOf(target)} ${done[name]}`;
    this.#server.log.notice(text);
    return text;
  }

  /** What `plan` makes of the members as they are, or are in a moment. @throws OperationalError */
  async #plan({ membership }: ShardNode, plan: (view: ShardView) => PlannedChange): Promise<PlannedChange> {
    const deadlineMs = performance.now() + LOOK_MS;
    for (;;) {
      try {
        return plan({ members: membership.members, isAlive: (id) => membership.isAlive(id), isCaughtUp: (id) => membership.isCaughtUp(id) });
      } catch (error) {
        if (!(error instanceof OperationalError && error.code === NOT_NOW) || performance.now() >= deadlineMs) throw error;
      }
      await sleep(RETRY_MS);
    }
  }

  /** Invites the node that waits at an address. */
  async #add(node: ShardNode, text: string): Promise<string> {
    const { membership, txlog, network } = node;
    const address = parseAddress(text);
    if (address === null) throw refused(`'${text}' is no HOST:PORT`);
    const known = membership.find(formatAddress(address));
    if (known !== undefined) throw refused(`member ${nameOf(known)} is there already`);
    let hello: Hello;
    try {
      hello = decodeJson<Hello>(await network!.askAddress(address, NODE_GROUP, 'hello', encodeJson({}), HELLO_TIMEOUT_MS));
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      throw refused(`no node that could join answers at the peer address ${text}: ${error.message}`);
    }
    const { memberId, shardId } = hello;
    if (shardId === txlog.shardId) {
      throw refused(membership.find(memberId) === undefined ? 'that node was removed from this shard: empty its data directory first' : `that node is member ${memberId.slice(0, 8)} already`);
    }
    await network!.askAddress(address, NODE_GROUP, 'invite', encodeJson({ address: formatAddress(membership.self!.peer) }), HELLO_TIMEOUT_MS);
    const deadlineMs = performance.now() + JOIN_WAIT_MS;
    while (membership.find(memberId) === undefined) {
      if (performance.now() >= deadlineMs) throw refused('that node was invited and has not joined yet: its log says why');
      await sleep(RETRY_MS);
    }
    return `Member ${memberId.slice(0, 8)} at ${text} has joined${hello.role === 'learner' ? '' : `, and becomes ${hello.role} when it has the log`}`;
  }
}

/** Through which record a member has done with the log what it does with it. A primary is where the log is. */
function reached({ role, lastIndex, appliedIndex }: MemberState): number {
  return role === 'primary' || role === 'log-only' ? lastIndex : appliedIndex;
}

function warningsOf(members: readonly MemberStatus[], leader: string): string[] {
  const out: string[] = [];
  const zone = fatalZone(members);
  if (zone !== '') out.push(`The loss of availability zone ${zone} would stop this shard: spread its voters over three zones`);
  if (leader === '') out.push('No member leads: writes wait until most voters answer each other');
  for (const member of members) if (member.state === null) out.push(`Member ${nameOf(member)} does not answer`);
  const electable = members.filter(({ role, state }) => role === 'voter' && state !== null && !state.drained);
  if (members.length > 1 && electable.length === 1) out.push(`Only member ${nameOf(electable[0]!)} can lead now`);
  return out;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}
