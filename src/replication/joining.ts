/**
 * How a node that belongs to no shard comes to belong to one: several new nodes found a shard together, or one joins a
 * shard that is there.
 *
 * A shard is founded only if every node of the list answers, is new, and was given the same list; so no fault and no wiped
 * disk can make a second shard out of the first. Whoever finds one node of the list in a shard joins that shard instead.
 */
import { randomBytes } from 'node:crypto';
import { OperationalError } from '../shared/errors.ts';
import { firstConfig } from '../txlog/raft/configuration.ts';
import type { MemberConfig, MemberRole } from '../txlog/raft/types.ts';
import { type MemberLabel, formatAddress, formatLabel, parseAddress, parseLabel } from './member-label.ts';
import type { IdentityStore } from './node-identity.ts';
import type { PeerAddress, PeerNetwork } from './peers/peer-network.ts';

/** Kinds of `ask` between nodes of which one belongs to no shard. */
export const JOIN_KINDS = ['hello', 'found', 'join', 'invite'] as const;
/** The group of questions that are about no shard in particular. */
export const NODE_GROUP = 'node';
const ASK_TIMEOUT_MS = 2000;
const ROUND_MS = 300;
/** How often the log is told what is waited for. */
const NOTICE_MS = 5000;

/** Answer to 'hello'. */
export interface Hello {
  readonly memberId: string;
  /** '' for a new node. */
  readonly shardId: string;
  readonly label: string;
  readonly role: MemberRole;
  /** The list that it was given, sorted: new nodes found together only if theirs are equal. */
  readonly list: string;
}

/** What 'join' asks. */
export interface JoinRequest {
  readonly memberId: string;
  readonly label: string;
  readonly role: MemberRole;
  /** Whether it has been a member: one that was removed must not come back by itself. */
  readonly hasLog: boolean;
}

/** Answer to 'join'. */
export type JoinReply =
  /** Ask this one, the leader; '' while none is known. */
  | { readonly ask: string }
  /** It is a member. */
  | { readonly shardId: string; readonly firstConfig: MemberConfig };

export interface JoiningOptions {
  readonly identity: IdentityStore;
  readonly network: PeerNetwork;
  readonly label: MemberLabel;
  readonly role: MemberRole;
  /** Peer addresses of the nodes to found with, or of a shard to join. */
  readonly seeds: readonly PeerAddress[];
  /** Whether a shard may be founded with the nodes at `seeds`. */
  readonly mayFound: boolean;
  readonly notice: (message: string) => void;
}

export function encodeJson(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

/** @throws OperationalError PEER_BAD_ANSWER */
export function decodeJson<T>(bytes: Uint8Array): T {
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as T;
  } catch (error) {
    throw new OperationalError('PEER_BAD_ANSWER', 'a member answered with something that is no JSON', error);
  }
}

export class Joining {
  readonly #options: JoiningOptions;
  readonly #list: string;
  #lastNoticeMs = -Infinity;
  #lastNotice = '';
  /** Peer addresses of members that invited this node. */
  readonly #invitations: PeerAddress[] = [];
  #wake: (() => void) | null = null;

  constructor(options: JoiningOptions) {
    this.#options = options;
    const { label, seeds } = options;
    this.#list = [...new Set([label.peer, ...seeds].map(formatAddress))].sort().join(',');
  }

  /** Resolves when this node belongs to a shard: its identity then says so. */
  async run(): Promise<void> {
    const { identity, seeds, label } = this.#options;
    const own = formatAddress(label.peer);
    while (identity.identity.shardId === '') {
      const others = [...this.#invitations, ...seeds.filter((seed) => formatAddress(seed) !== own)];
      const answers = await Promise.all(others.map((address) => this.#hello(address)));
      if (identity.identity.shardId !== '') return;
      const member = answers.findIndex((answer) => answer !== null && answer.shardId !== '');
      if (member >= 0) await this.#join(others[member]!, answers[member]!.shardId);
      else if (this.#options.mayFound) await this.#tryToFound(others, answers);
      else this.#tell('waiting for a member of a shard to join it');
      if (identity.identity.shardId === '') await this.#pause();
    }
  }

  /** What this new node answers to those of JOIN_KINDS that it can answer. @throws OperationalError */
  async answer(kind: string, body: Uint8Array): Promise<Uint8Array> {
    const { identity, label, role, mayFound } = this.#options;
    const { memberId, shardId } = identity.identity;
    if (kind === 'hello') return encodeJson({ memberId, shardId, label: formatLabel(label), role, list: mayFound ? this.#list : '' } satisfies Hello);
    if (kind === 'invite') return this.#invited(decodeJson<{ address: string }>(body).address);
    if (kind !== 'found') throw new OperationalError('NOT_A_MEMBER', 'this node belongs to no shard');
    const founded = decodeJson<{ shardId: string; config: MemberConfig }>(body);
    if (shardId !== '' && shardId !== founded.shardId) throw new OperationalError('NOT_A_MEMBER', 'this node belongs to another shard');
    if (founded.config.labels[memberId] === undefined) throw new OperationalError('NOT_A_MEMBER', 'this node is not the one that the shard was founded with');
    if (shardId === '') await identity.joined(founded.shardId, founded.config);
    this.#wake?.();
    return encodeJson({});
  }

  /** An operator wants this node in the shard whose leader is at `text`. Of a list that founds one, none is taken away. */
  #invited(text: string): Uint8Array {
    if (this.#options.mayFound) throw new OperationalError('NOT_INVITED', `that node waits for ${this.#list} to found a shard: start it with cluster-join instead of cluster-members`);
    const address = parseAddress(text);
    if (address === null) throw new OperationalError('NOT_INVITED', `'${text}' is no host:port`);
    this.#invitations.splice(0, 1, address);
    this.#wake?.();
    return encodeJson({});
  }

  async #hello(address: PeerAddress): Promise<Hello | null> {
    try {
      return decodeJson<Hello>(await this.#options.network.askAddress(address, NODE_GROUP, 'hello', encodeJson({}), ASK_TIMEOUT_MS));
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#lastNotice = `${formatAddress(address)}: ${error.message}`;
      return null;
    }
  }

  /** Founds a shard if all are there and this node is the one to do it: the one with the least id. */
  async #tryToFound(others: readonly PeerAddress[], answers: readonly (Hello | null)[]): Promise<void> {
    const { identity, network, label, role, notice } = this.#options;
    const { memberId } = identity.identity;
    const missing = others.filter((_, i) => answers[i] === null).map(formatAddress);
    if (missing.length > 0) return this.#tell(`waiting for ${missing.join(', ')} to found a shard (${this.#lastNotice})`);
    const hellos = answers as Hello[];
    const different = hellos.findIndex(({ list }) => list !== this.#list);
    if (different >= 0) return this.#tell(`${formatAddress(others[different]!)} was given another list of members: ${hellos[different]!.list || 'none'} instead of ${this.#list}`);
    if (hellos.some((hello) => hello.memberId <= memberId)) return this.#tell('waiting for another node to found the shard');
    const members = [{ id: memberId, role, label: formatLabel(label) }, ...hellos.map((hello) => ({ id: hello.memberId, role: hello.role, label: hello.label }))];
    const shardId = randomBytes(20).toString('hex');
    const config = firstConfig(members);
    await identity.joined(shardId, config);
    notice(`Founded shard ${shardId} with ${members.map((member) => formatAddress(parseLabel(member.label)!.peer)).join(', ')}`);
    // Whoever does not hear of it now finds this node in a shard, and joins.
    const told = encodeJson({ shardId, config });
    await Promise.allSettled(others.map((address) => network.askAddress(address, NODE_GROUP, 'found', told, ASK_TIMEOUT_MS)));
  }

  async #join(address: PeerAddress, shardId: string): Promise<void> {
    const { identity, notice } = this.#options;
    const found = await askToJoin(this.#options.network, address, this.#request()).catch((error: unknown) => {
      if (!(error instanceof OperationalError)) throw error;
      this.#tell(`shard ${shardId} does not take this node yet: ${error.message}`);
      return null;
    });
    if (found === null || identity.identity.shardId !== '') return;
    await identity.joined(found.shardId, found.firstConfig);
    notice(`Joined shard ${found.shardId}`);
  }

  #request(): JoinRequest {
    const { identity, label, role } = this.#options;
    return { memberId: identity.identity.memberId, label: formatLabel(label), role, hasLog: identity.identity.hasLog };
  }

  #tell(message: string): void {
    const nowMs = performance.now();
    if (nowMs - this.#lastNoticeMs < NOTICE_MS) return;
    this.#lastNoticeMs = nowMs;
    this.#options.notice(`This node belongs to no shard: ${message}`);
  }

  /** Until the next round, or until another node says that it founded the shard or invites this one. */
  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ROUND_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/**
 * Asks the member at `address`, and the leader that it names, to make this node what it wants to be. Resolves when it is a
 * member, be it of another role. @throws OperationalError also when no leader is known
 */
export async function askToJoin(network: PeerNetwork, address: PeerAddress, request: JoinRequest): Promise<{ shardId: string; firstConfig: MemberConfig }> {
  let at = address;
  for (let hops = 0; hops < 3; hops++) {
    const reply = decodeJson<JoinReply>(await network.askAddress(at, NODE_GROUP, 'join', encodeJson(request), 5 * ASK_TIMEOUT_MS));
    if (!('ask' in reply)) return reply;
    const leader = parseAddress(reply.ask);
    if (leader === null) break;
    at = leader;
  }
  throw new OperationalError('NO_LEADER', 'no leader is known just now');
}
