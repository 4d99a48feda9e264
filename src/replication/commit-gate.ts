/**
 * The commit gate: holds back whatever would reveal a write until the transaction log has committed it (promise P2).
 *
 * The engine numbers turns of the event loop; the log numbers records. The gate knows which record ends each turn, moves
 * the committed turn forward as the log commits, and wakes those who wait for it, in the order of the turns.
 */
import { invariant } from '../shared/errors.ts';

/** Somebody with output that waits for a turn. */
export interface Waiter {
  /** Turns up to `turn` are committed: what waited for them may go out now. */
  release(turn: number): void;
  /** Leadership is lost: whether the turns that it waits for will ever be committed is not known. */
  inDoubt(): void;
}

interface PendingTurn {
  readonly turn: number;
  /** The last record of the turn. */
  readonly index: number;
  readonly waiters: Waiter[];
}

export class CommitGate {
  /** All turns up to this one are committed. */
  committedTurn = 0;
  /** Waiters of the turn that has not ended yet. */
  #current: Waiter[] = [];
  /** Ended turns whose records are not committed, oldest first: a queue with a moving head. */
  #pending: PendingTurn[] = [];
  #head = 0;
  readonly #onCommitted: (turn: number) => void;

  /** @param onCommitted told of each new committed turn before any waiter is: the engine's `commit`. */
  constructor(onCommitted: (turn: number) => void) {
    this.#onCommitted = onCommitted;
  }

  /** Turns that have ended and are not committed. */
  get inFlight(): number {
    return this.#pending.length - this.#head;
  }

  /** Those who wait for the turn that has not ended yet. */
  get waiting(): number {
    return this.#current.length;
  }

  /** The last turn that has ended: all committed turns and those in flight are not behind it. */
  get lastPendingTurn(): number {
    return this.committedTurn + this.inFlight;
  }

  /** Wakes `waiter` once `turn` is committed. `turn` must be neither committed nor later than the current one. */
  wait(waiter: Waiter, turn: number): void {
    invariant(turn > this.committedTurn, 'commit gate: a wait for a committed turn');
    // Turns are consecutive, so the place of a turn follows from its number.
    const place = turn - this.committedTurn - 1;
    const waiters = place < this.inFlight ? this.#pending[this.#head + place]!.waiters : this.#current;
    // A connection with several replies in one turn waits once.
    if (waiters[waiters.length - 1] !== waiter) waiters.push(waiter);
  }

  /** The current turn ended, and `index` is its last record in the log. */
  turnEnded(turn: number, index: number): void {
    invariant(turn === this.committedTurn + this.inFlight + 1, 'commit gate: a turn was left out');
    this.#pending.push({ turn, index, waiters: this.#current });
    this.#current = [];
  }

  /**
   * Leadership is lost: whether the turns in flight will commit is not known, and what waits for them must never go out.
   * Forgets them all; the next turn to end is the one behind the current one.
   * Tells each waiter once.
   */
  abandon(currentTurn: number): void {
    const waiters = new Set<Waiter>(this.#current);
    for (let i = this.#head; i < this.#pending.length; i++) for (const waiter of this.#pending[i]!.waiters) waiters.add(waiter);
    this.#pending = [];
    this.#head = 0;
    this.#current = [];
    this.committedTurn = currentTurn - 1;
    for (const waiter of waiters) waiter.inDoubt();
  }

  /** The log has committed everything up to `index`. */
  committed(index: number): void {
    const first = this.#head;
    while (this.#head < this.#pending.length && this.#pending[this.#head]!.index <= index) this.#head++;
    if (this.#head === first) return;
    const done = this.#pending.slice(first, this.#head);
    if (this.#head === this.#pending.length) {
      this.#pending = [];
      this.#head = 0;
    } else if (this.#head > 1024) {
      this.#pending = this.#pending.slice(this.#head);
      this.#head = 0;
    }
    const turn = done[done.length - 1]!.turn;
    this.committedTurn = turn;
    this.#onCommitted(turn);
    for (const { waiters } of done) for (const waiter of waiters) waiter.release(turn);
  }
}
