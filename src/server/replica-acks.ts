/**
 * WAIT, WAITAOF and CLIENT WRITE-TOKEN: clients that wait until so many other members have what was written before. A write's reply already
 * says that a majority has it; these tell of more than that, or of a certain number.
 */
import { Flag } from '../engine/command.ts';
import type { BlockedState, Session } from '../engine/session.ts';
import type { Reply } from '../shared/reply.ts';
import type { Server } from './server.ts';

interface Waiting {
  readonly session: Session;
  /** What the session is blocked in: it may leave. */
  readonly state: BlockedState;
  /** The last record whose copies count; -1 until the turn of the command is over. */
  index: number;
  readonly replicas: number;
  deadlineMs: number;
  readonly write: (reply: Reply, replicas: number, index: number) => void;
}

export class ReplicaAcks {
  readonly #server: Server;
  #waiting: Waiting[] = [];

  constructor(server: Server) {
    this.#server = server;
  }

  /** How many other members have the log through `index` on their disks. */
  count(index: number): number {
    return this.#server.node?.txlog.status().peers.filter(({ match, impaired }) => !impaired && match >= index).length ?? 0;
  }

  /** Has a suspended session answered once so many others have everything written so far, or at a time (Infinity: never). */
  wait(session: Session, replicas: number, deadlineMs: number, write: (reply: Reply, replicas: number, index: number) => void): void {
    const waiting: Waiting = { session, state: session.blocked!, index: -1, replicas, deadlineMs, write };
    this.#waiting.push(waiting);
    setImmediate(() => {
      // The effects of what came before may have been held back.
      this.#server.member.appendEffects();
      waiting.index = this.#server.member.appliedIndex;
      this.check();
    });
  }

  /** CLIENT UNBLOCK: gives a session in WAIT or WAITAOF what it gets at its time, or an error. Whether it was in one of them. */
  unblock(session: Session, error: string | null): boolean {
    const waiting = this.#waiting.find(({ state }) => state === session.blocked && (state.command.flags & Flag.blocking) !== 0);
    if (waiting === undefined) return false;
    if (error !== null) return this.#server.engine.blocking.answer(session, (reply) => reply.error(error));
    waiting.deadlineMs = 0;
    this.check();
    return true;
  }

  /** To be called when more is committed, and now and then. */
  check(): void {
    if (this.#waiting.length === 0) return;
    const { txlog, nowMs } = this.#server;
    this.#waiting = this.#waiting.filter(({ session, state }) => session.blocked === state);
    const isDone = ({ index, replicas, deadlineMs }: Waiting): boolean => (
      index >= 0 && ((txlog.commitIndex >= index && this.count(index) >= replicas) || nowMs >= deadlineMs)
    );
    const done = this.#waiting.filter(isDone);
    if (done.length === 0) return;
    this.#waiting = this.#waiting.filter((waiting) => !done.includes(waiting));
    for (const { session, index, write } of done) this.#server.engine.blocking.answer(session, (reply) => write(reply, this.count(index), index));
  }

  /** This member no longer leads: it does not hear any more what others have. */
  end(error: string): void {
    for (const { session, state } of this.#waiting.splice(0)) {
      if (session.blocked === state) this.#server.engine.blocking.answer(session, (reply) => reply.error(error));
    }
  }
}
