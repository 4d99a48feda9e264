/**
 * A script that runs for long has the only thread. From busy-reply-threshold on, its ticks look after the others: clients'
 * descriptors are polled, and what they send is answered with BUSY, but for what may run meanwhile (SCRIPT KILL …). New
 * clients are taken by another process as long. Encrypted connections cannot be polled: they wait.
 */
import { fileURLToPath } from 'node:url';
import type { Call } from '../engine/call.ts';
import { Flag } from '../engine/command.ts';
import { execAbortedBecause } from '../engine/error-texts.ts';
import { RespWriter } from '../protocol/resp-writer.ts';
import { BUSY_FUNCTION, BUSY_SCRIPT } from '../scripting/script-host.ts';
import type { ScriptRun } from '../scripting/script-run.ts';
import type { Request } from '../shared/request.ts';
import { CommandError } from '../shared/errors.ts';
import { BusyListenerProcess } from './busy-listener-process.ts';
import type { Connection } from './connection.ts';
import type { Server } from './server.ts';

const SCRATCH_BYTES = 64 * 1024;
const POLL_MS = 20;
/** Of the script's time, polling takes no more than one part in so many. */
const POLL_SHARE = 10;

/** This program again, as the process that takes new connections. */
const LISTENER_COMMAND = [process.execPath, fileURLToPath(new URL('../../bin/holdfast.js', import.meta.url)), 'busy-listener'];

const busyText = (run: ScriptRun): string => (run.isFunction ? BUSY_FUNCTION : BUSY_SCRIPT).message;

export class BusyScripts {
  readonly #server: Server;
  readonly #writer = new RespWriter();
  readonly #scratch = new Uint8Array(SCRATCH_BYTES);
  /** The script that has been found to take long. */
  #slow: ScriptRun | null = null;
  #nextPollMs = 0;
  #call: Call | null = null;
  #listener: BusyListenerProcess | null = null;

  constructor(server: Server) {
    this.#server = server;
  }

  /** A tick of a script that runs. */
  tick(run: ScriptRun): void {
    const thresholdMs = this.#server.config.number('busy-reply-threshold');
    const nowMs = Date.now();
    if (thresholdMs === 0 || nowMs - run.startedAtMs < thresholdMs) return;
    if (this.#slow !== run) {
      this.#slow = run;
      this.#nextPollMs = 0;
      this.#server.log.warning(`Slow script detected: still in execution after ${nowMs - run.startedAtMs} milliseconds. `
        + `You can try killing the script using the ${run.isFunction ? 'FUNCTION KILL' : 'SCRIPT KILL'} command. Script name is: ${run.name}.`);
      const { listeners } = this.#server;
      this.#listener ??= new BusyListenerProcess(
        LISTENER_COMMAND, listeners.descriptors, this.#newClientsMayKill, busyText(run), (socket, unread) => listeners.adopt(socket, unread),
      );
    }
    if (nowMs < this.#nextPollMs) return;
    this.#listener?.poll(this.#kill);
    for (const connection of this.#server.connections.values()) {
      if (connection.id !== run.session.id) connection.answerWhileBusy(this.#scratch, this.#writer, this.#answer);
    }
    const endMs = Date.now();
    this.#nextPollMs = endMs + Math.max(POLL_MS, POLL_SHARE * (endMs - nowMs));
  }

  get #newClientsMayKill(): boolean {
    const { access, engine } = this.#server;
    return !access.authRequired && engine.users.default.isUnrestricted;
  }

  /** The script is over. */
  ended(): void {
    this.#slow = null;
    this.#listener?.end();
    this.#listener = null;
  }

  readonly #kill = (isFunction: boolean): string => {
    try {
      this.#server.scripts.host.kill(isFunction);
      return '+OK';
    } catch (error) {
      if (error instanceof CommandError) return `-${error.message}`;
      throw error;
    }
  };

  readonly #answer = (connection: Connection, request: Request): void => {
    const { engine, scripts } = this.#server;
    const writer = this.#writer;
    const { session } = connection;
    const command = engine.table.resolve(request, writer);
    if (command === null) {
      engine.transactions.failQueue(session);
      return;
    }
    connection.lastCommand = command.name;
    if (!connection.authenticated && this.#server.access.authRequired && (command.flags & Flag.noAuth) === 0) {
      writer.error('NOAUTH Authentication required.');
      return;
    }
    const denial = engine.refusal(command, session, request, session.queue === null ? 'toplevel' : 'multi');
    if (denial !== null || (command.flags & Flag.allowBusy) === 0) {
      command.rejectedCalls++;
      const error = denial === null ? busyText(scripts.host.current!) : `NOPERM ${denial}`;
      writer.error(engine.transactions.endsWith(command, session) ? execAbortedBecause(error) : error);
      engine.transactions.failQueue(session);
    } else if (command.name === 'shutdown') {
      // There is no turn in which to end in order. What the script has written so far was acknowledged to nobody.
      this.#server.log.warning('User requested shutdown while a script was running: exiting');
      process.exit(0);
    } else {
      this.#call ??= engine.nestedCall(writer, session);
      this.#call.session = session;
      engine.runNested(this.#call, command, request);
    }
  };
}
