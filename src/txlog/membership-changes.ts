/** Changes of membership that a leader has begun and that somebody waits for. */
import type { Status } from './raft/types.ts';
import { type Leadership, TransactionLogError } from './transaction-log.ts';

interface Change {
  readonly term: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class MembershipChanges {
  #waiting: Change[] = [];

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  add(change: Change): void {
    this.#waiting.push(change);
  }

  /** The commit index moved. */
  check({ config, configCommitted }: Status): void {
    if (this.#waiting.length === 0 || !configCommitted || config.config.votersOutgoing.length > 0) return;
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  /** A change that was begun as leader of another term may or may not come about: whoever asked must look. */
  leadershipChanged({ isLeader, term }: Leadership): void {
    const isLost = (change: Change): boolean => !isLeader || change.term !== term;
    const lost = this.#waiting.filter(isLost);
    this.#waiting = this.#waiting.filter((change) => !isLost(change));
    for (const { reject } of lost) reject(new TransactionLogError('TXLOG_NOT_LEADER', 'leadership was lost before the change was known to be complete'));
  }

  end(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
