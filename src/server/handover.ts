/**
 * Planned switchover (FAILOVER, SIGTERM): the primary brings another member up to date, holds all commands, waits until
 * everything is committed, and hands leadership over. Nothing acknowledged is lost, nothing is in doubt, and commands that
 * were held go on as soon as the next primary is known, or here if it comes to nothing.
 */
import { OperationalError } from '../shared/errors.ts';
import type { MemberInfo } from '../replication/member-label.ts';
import type { Server } from './server.ts';

/** master_failover_state of INFO. */
export type HandoverState = 'no-failover' | 'waiting-for-sync' | 'failover-in-progress';

export interface HandoverTarget {
  /** To whom; undefined: to the member that has most of the log, of those that are not drained. */
  readonly member?: MemberInfo | undefined;
  /** How long to wait for the other to have the log, ms; Infinity: until aborted. */
  readonly timeoutMs: number;
  /** Hand over after that time even so: the other then catches up while commands are held. */
  readonly force: boolean;
}

const CHECK_MS = 2;
/** The core gives a transfer up after an election timeout; so long commands are held at most. */
const TRANSFER_MS_MAX = 2000;

export class Handover {
  state: HandoverState = 'no-failover';
  readonly #server: Server;
  #aborted = false;

  constructor(server: Server) {
    this.#server = server;
  }

  /** Members that leadership can be handed to, those first that have most of the log. */
  get candidates(): MemberInfo[] {
    const { node } = this.#server;
    if (node === null) return [];
    const matchOf = (id: string): number => node.membership.progressOf(id)?.match ?? 0;
    return node.membership.members
      .filter(({ id, role }) => id !== node.memberId && role === 'voter' && this.#isConnected(id))
      .sort((a, b) => matchOf(b.id) - matchOf(a.id));
  }

  /**
   * Hands over; resolves when another member leads.
   * @throws OperationalError HANDOVER_REFUSED, HANDOVER_TIMEOUT, HANDOVER_ABORTED: this member still leads
   */
  async run({ member, timeoutMs, force }: HandoverTarget): Promise<void> {
    const { node, txlog } = this.#server;
    if (node === null || !txlog.isLeader) throw new OperationalError('HANDOVER_REFUSED', 'this member is not the primary');
    if (this.state !== 'no-failover') throw new OperationalError('HANDOVER_REFUSED', 'FAILOVER already in progress.');
    this.state = 'waiting-for-sync';
    this.#aborted = false;
    try {
      const target = member ?? await this.#willing();
      if (target === undefined) throw new OperationalError('HANDOVER_REFUSED', 'no other member can lead now');
      const deadlineMs = performance.now() + timeoutMs;
      await this.#until(() => node.membership.isCaughtUp(target.id) || (force && performance.now() >= deadlineMs), deadlineMs);
      this.state = 'failover-in-progress';
      await this.#transfer(target);
    } finally {
      this.state = 'no-failover';
    }
  }

  /** Whether there was one to abort. */
  abort(): boolean {
    if (this.state === 'no-failover') return false;
    this.#aborted = true;
    return true;
  }

  /** The first candidate that is not drained; one that does not say so counts as willing. */
  async #willing(): Promise<MemberInfo | undefined> {
    for (const candidate of this.candidates) {
      if ((await this.#server.operations.stateOf(candidate.id))?.drained !== true) return candidate;
    }
    return undefined;
  }

  async #transfer(target: MemberInfo): Promise<void> {
    const { member, gate, txlog } = this.#server;
    const { term } = txlog;
    member.handingOver = true;
    try {
      const deadlineMs = performance.now() + TRANSFER_MS_MAX;
      await this.#until(() => gate.inFlight === 0 && this.#server.engine.effectBytes === 0, deadlineMs);
      txlog.transferLeadership(target.id);
      await this.#until(() => txlog.term !== term, deadlineMs);
    } finally {
      member.handingOver = false;
    }
  }

  async #until(condition: () => boolean, deadlineMs: number): Promise<void> {
    const { txlog } = this.#server;
    const { term } = txlog;
    while (!condition()) {
      if (this.#aborted) throw new OperationalError('HANDOVER_ABORTED', 'Failover aborted');
      if (txlog.term !== term) return;
      if (performance.now() >= deadlineMs) throw new OperationalError('HANDOVER_TIMEOUT', 'the other member did not get there in time: this member still leads');
      await new Promise((resolve) => { setTimeout(resolve, CHECK_MS); });
    }
  }

  #isConnected(id: string): boolean {
    return this.#server.node?.network?.peers().some((peer) => peer.id === id && peer.connected) ?? false;
  }
}
