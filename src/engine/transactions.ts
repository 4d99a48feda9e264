/** MULTI, WATCH and EXEC: what a session has queued and watches, and running it as one command. */
import type { Reply } from '../shared/reply.ts';
import { Request } from '../shared/request.ts';
import { Denial, denialOf, deniedAtExec } from './acl/permission.ts';
import type { Call } from './call.ts';
import { type Command, Flag } from './command.ts';
import type { Engine } from './engine.ts';
import { EXEC_ABORTED, tooLargeToLog } from './error-texts.ts';
import type { Session } from './session.ts';

/** Commands that a session in MULTI runs at once. */
export const RUNS_IN_MULTI = new Set(['exec', 'discard', 'multi', 'watch', 'quit', 'reset']);

export class Transactions {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** A command of a session in MULTI: it runs with EXEC. */
  queue(command: Command, session: Session, request: Request, reply: Reply): void {
    if ((command.flags & Flag.noMulti) !== 0) {
      session.queueFailed = true;
      reply.error('ERR Command not allowed inside a transaction');
      this.#engine.onError(reply.lastError);
      return;
    }
    session.queue!.push({ command, request: request.copy() });
    reply.status('QUEUED');
  }

  /** A command of a transaction was refused before it could be queued: EXEC will fail. */
  failQueue(session: Session): void {
    if (session.queue !== null) session.queueFailed = true;
  }

  unwatchAll(session: Session): void {
    for (const { db, key } of session.watched) this.#engine.keyspace.interest.unwatch(session, db, key);
    session.watched = [];
    session.watchBroken = false;
  }

  /** Ends the session's transaction, whatever its state. */
  discard(session: Session): void {
    session.queue = null;
    session.queueFailed = false;
    this.unwatchAll(session);
  }

  /** Whether a command that is refused is EXEC: a transaction is over with that, and nobody asks if there was one. */
  endsWith(command: Command, session: Session): boolean {
    if (command.name !== 'exec') return false;
    this.discard(session);
    return true;
  }

  /** Runs the queued commands of the session's transaction, one reply each. Called by EXEC. */
  run(exec: Call): void {
    const engine = this.#engine;
    const { session, reply } = exec;
    const queue = session.queue!;
    if (session.queueFailed) {
      this.discard(session);
      throw EXEC_ABORTED;
    }
    const broken = session.watchBroken || this.#watchedExpired(session);
    // That a watched key changed is news of a write that may not be committed yet.
    if (broken) for (const { db } of session.watched) engine.keyspace.hazards.checkDb(db);
    this.discard(session);
    if (broken) {
      reply.nullArray();
      return;
    }
    reply.array(queue.length);
    const { errors } = reply;
    const call = engine.queuedCall(exec);
    for (const { command, request } of queue) {
      // Permissions may have changed since it was queued, even by the transaction itself.
      const denial = session.restrictedTo === null ? Denial.none : denialOf(session.restrictedTo, command, request);
      if (denial !== Denial.none) {
        engine.onDenied(denial, 'multi', session, command, request);
        reply.error(deniedAtExec(denial));
        engine.onError(reply.lastError);
      } else if ((command.flags & Flag.write) !== 0 && engine.commandExceedsRecord(command, request)) {
        // What went before it wrote more than its arguments told.
        reply.error(tooLargeToLog(engine.effectsBytesMax));
        engine.onError(reply.lastError);
      } else engine.runQueued(call, command, request);
    }
    exec.errorsOfOthers = reply.errors - errors;
  }

  #watchedExpired(session: Session): boolean {
    for (const { db, key, existed } of session.watched) {
      if (!existed) continue;
      const bytes = Request.of(key);
      const database = this.#engine.keyspace.databases[db]!;
      const ref = database.peekRaw(bytes.buf, 0, key.length);
      if (ref !== 0 && database.isExpired(ref)) return true;
    }
    return false;
  }
}
