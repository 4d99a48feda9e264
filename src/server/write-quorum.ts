/**
 * min-replicas-to-write and min-replicas-max-lag: how many other members must be near for clients' writes to be taken. A write
 * is on a majority's disks before it is acknowledged in any case; this refuses it beforehand, where more members than that are
 * asked for, or where readers of replicas are not to fall behind.
 */
import { type Command, Flag } from '../engine/command.ts';
import type { Session } from '../engine/session.ts';
import type { Request } from '../shared/request.ts';
import type { Config } from './config/config.ts';
import type { Server } from './server.ts';

/** One other member as its primary sees it. */
export interface Follower {
  readonly host: string;
  readonly port: number;
  readonly zone: string;
  /** The last record that it has on its disk. */
  readonly match: number;
  /** Since it was last heard, in whole seconds. */
  readonly lagS: number;
  /** It is being sent a snapshot, and does not follow the log yet. */
  readonly isLoading: boolean;
}

/** The other members that this one, as primary, is in touch with. */
export function followersOf({ node, config }: Server): readonly Follower[] {
  const followers: Follower[] = [];
  for (const { id, client, zone } of node?.membership.members ?? []) {
    const peer = id === node!.memberId ? undefined : node!.membership.progressOf(id);
    if (peer === undefined || peer.silentTicks < 0) continue;
    const lagS = Math.floor((peer.silentTicks * config.number('election-timeout-ms')) / 10_000);
    followers.push({ host: client.host, port: client.port, zone, match: peer.match, lagS, isLoading: peer.state === 'snapshot' });
  }
  return followers;
}

export class WriteQuorum {
  readonly #server: Server;
  #replicasMin = 0;
  #lagMaxS = 0;

  constructor(server: Server) {
    this.#server = server;
  }

  /** Takes the directives over. */
  configure(config: Config): void {
    this.#replicasMin = config.number('min-replicas-to-write');
    this.#lagMaxS = config.number('min-replicas-max-lag');
  }

  /** Whether anything is asked for. Both must be set, as in Redis. */
  get isAsked(): boolean {
    return this.#replicasMin > 0 && this.#lagMaxS > 0;
  }

  /** How many other members are near enough (INFO's min_slaves_good_slaves). */
  get near(): number {
    return followersOf(this.#server).filter(({ isLoading, lagS }) => !isLoading && lagS <= this.#lagMaxS).length;
  }

  /** Whether writes are to be refused now. */
  get isShort(): boolean {
    return this.isAsked && this.near < this.#replicasMin;
  }

  /** Whether a command may run: it does not write, or there are replicas enough. A script that says what it does counts as that. */
  admits(command: Command, session: Session, request: Request): boolean {
    const queue = command.name === 'exec' && session.queue !== null ? session.queue : [];
    const writes = (command.flags & Flag.write) !== 0 || queue.some((queued) => (queued.command.flags & Flag.write) !== 0)
      || this.#server.scripts.saysItWrites(command, request);
    return !writes || !this.isShort;
  }
}
