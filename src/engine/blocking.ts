/**
 * Clients blocked in BLPOP and its kin: who waits for which keys, until when, and serving them when a key changes.
 *
 * A blocked client's command is simply run again from its beginning when one of its keys was changed, first come first
 * served for each key (as Redis 7 does it). Holds no timers: the server asks for `nextTimeoutAtMs` and calls `expire`.
 */
import { invariant } from '../shared/errors.ts';
import type { Reply } from '../shared/reply.ts';
import type { Request } from '../shared/request.ts';
import type { Command } from './command.ts';
import type { Engine } from './engine.ts';
import type { BlockedState, Session } from './session.ts';

export const UNBLOCKED_ERROR = 'UNBLOCKED client unblocked via CLIENT UNBLOCK';

export class Blocking {
  /** Clients blocked now. */
  count = 0;
  readonly #engine: Engine;
  /** Min-heap of states by time-out. Served states stay in it until they come up. */
  readonly #heap: { state: BlockedState; session: Session }[] = [];

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Called by the handler through `Call.block`. A session that runs again and finds nothing stays blocked as it was. */
  block(session: Session, command: Command, request: Request, keys: string[], timeoutAtMs: number): void {
    if (session.blocked !== null) return;
    const state: BlockedState = { command, request: request.copy(), db: session.db, keys, timeoutAtMs };
    session.blocked = state;
    this.count++;
    for (const key of keys) this.#engine.keyspace.interest.block(session, state.db, key);
    if (timeoutAtMs !== Infinity) this.#push({ state, session });
  }

  /** Forgets a blocked session: it was served, gave up or is gone. */
  release(session: Session): void {
    const state = session.blocked;
    if (state === null) return;
    session.blocked = null;
    this.count--;
    for (const key of state.keys) this.#engine.keyspace.interest.unblock(session, state.db, key);
  }

  /**
   * Serves sessions whose keys were changed. Serving may change further keys (BLMOVE), so it goes on until none is left.
   */
  serveReady(): void {
    const { interest } = this.#engine.keyspace;
    while (interest.hasReady) {
      for (const { db, key } of interest.takeReady()) {
        for (const session of interest.blockedOn(db, key)) this.#serve(session);
      }
    }
  }

  #serve(session: Session): void {
    const state = session.blocked;
    if (state === null) return;
    const host = session.host;
    invariant(host !== null, 'a session without a connection is blocked');
    const reply = host.beginReply();
    const mark = reply.mark();
    if (this.#engine.runBlocked(session, state, reply)) {
      this.release(session);
      host.endReply(this.#engine.lastWaitFor);
    } else {
      reply.rewind(mark);
      host.dropReply();
    }
  }

  /**
   * Gives the session blocked on keys its command's time-out reply, or an error. Whether there was one: who waits for
   * something else (SAVE) goes on waiting.
   */
  unblock(session: Session, error: string | null): boolean {
    const state = session.blocked;
    if (state === null || state.keys.length === 0) return false;
    return this.answer(session, (reply) => {
      if (error !== null) reply.error(error);
      else if (state.command.timeoutReply === 'null') reply.null();
      else reply.nullArray();
    });
  }

  /** Gives every session blocked on keys an error: nobody will serve them here any more. */
  unblockAll(error: string): void {
    for (const session of this.#engine.keyspace.interest.blockedSessions()) this.unblock(session, error);
  }

  /**
   * Ends a session's wait with the reply that `write` writes. Whether it still waited.
   * @param waitFor the turn that must commit before the reply may leave; 0: none.
   */
  answer(session: Session, write: (reply: Reply) => void, waitFor = 0): boolean {
    const state = session.blocked;
    if (state === null) return false;
    const reply = session.host!.beginReply();
    const { errors } = reply;
    write(reply);
    // A command counts when it is over.
    this.#engine.commandsTotal++;
    state.command.calls++;
    if (reply.errors !== errors) {
      state.command.failedCalls++;
      this.#engine.onError(reply.lastError);
    }
    this.release(session);
    session.host!.endReply(waitFor);
    return true;
  }

  /** Earliest time-out, ms since the epoch, or Infinity. */
  get nextTimeoutAtMs(): number {
    while (this.#heap.length > 0 && this.#heap[0]!.session.blocked !== this.#heap[0]!.state) this.#pop();
    return this.#heap.length === 0 ? Infinity : this.#heap[0]!.state.timeoutAtMs;
  }

  /** Unblocks the sessions whose time is over. */
  expire(nowMs: number): void {
    while (this.nextTimeoutAtMs <= nowMs) this.unblock(this.#heap[0]!.session, null);
  }

  #push(item: { state: BlockedState; session: Session }): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(item);
    while (i > 0) {
      const parent = (i - 1) >>> 1;
      if (heap[parent]!.state.timeoutAtMs <= item.state.timeoutAtMs) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = item;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.state.timeoutAtMs < heap[child]!.state.timeoutAtMs) child++;
      if (heap[child]!.state.timeoutAtMs >= last.state.timeoutAtMs) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
  }
}
