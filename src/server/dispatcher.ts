/**
 * The ordered list of gates that a command passes before the engine runs it (processCommand in Redis).
 */
import { type Command, Flag } from '../engine/command.ts';
import { Outcome } from '../engine/engine.ts';
import { OUT_OF_MEMORY, READ_ONLY_REPLICA, TOO_FEW_REPLICAS, execAbortedBecause, tooLargeToLog } from '../engine/error-texts.ts';
import type { ImportPhase } from '../engine/import-state.ts';
import { exceedsRecord, mayExceed, mayWrite } from '../engine/record-size.ts';
import type { Session } from '../engine/session.ts';
import type { RespWriter } from '../protocol/resp-writer.ts';
import { RECORD_BYTES_MAX } from '../replication/member.ts';
import type { Request } from '../shared/request.ts';
import { DEFAULT_LIMITS } from '../txlog/raft/limits.ts';
import type { Connection } from './connection.ts';
import { ReplicaGate } from './replica-gate.ts';
import type { Server } from './server.ts';

/** What a client of RESP2 may send while it listens: there messages and replies cannot be told apart. */
const MAY_RUN_SUBSCRIBED = new Set([
  'subscribe', 'unsubscribe', 'psubscribe', 'punsubscribe', 'ssubscribe', 'sunsubscribe', 'ping', 'quit', 'reset',
]);

function onlySubscribing({ name }: Command): string {
  return `ERR Can't execute '${name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`;
}

const READ_OR_WRITE = Flag.readonly | Flag.write;
const DATA = Flag.write | Flag.readonly | Flag.mayReplicate;
/** To Redis a monitor is a kind of replica. */
const MONITOR_REFUSED = "ERR Replica can't interact with the keyspace";

/** Bytes that a command or a transaction may write: what it does is one record of the log, together with what the turn has done before. */
const WRITE_BYTES_MAX = DEFAULT_LIMITS.entryBytesMax - 2 * RECORD_BYTES_MAX;

const LOADING = 'LOADING Redis is loading the dataset in memory';
const ENDS_IMPORT = new Set(['replicaof', 'slaveof']);

const MASTERDOWN = "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";

/**
 * As a replica of Redis answers, of which an import is one. A transaction is refused for what any command of it would be.
 * @param mustNotBeStale the source cannot be reached, and data that may be older than its is not to be shown
 */
function refusedWhileImporting({ name, flags }: Command, session: Session, phase: ImportPhase, mustNotBeStale: boolean): string | null {
  const queue = name === 'exec' && session.queue !== null ? session.queue : [];
  const isStale = (flags & Flag.stale) !== 0 && queue.every(({ command }) => (command.flags & Flag.stale) !== 0);
  if (mustNotBeStale && !isStale) return MASTERDOWN;
  // DEBUG could replace the data that is just being loaded.
  if (phase === 'load' && ((flags & Flag.loading) === 0 || name === 'debug') && !ENDS_IMPORT.has(name)) return LOADING;
  const isWrite = (flags & Flag.write) !== 0 || queue.some(({ command }) => (command.flags & Flag.write) !== 0);
  return isWrite ? READ_ONLY_REPLICA.message : null;
}

const NOAUTH = 'NOAUTH Authentication required.';

export class Dispatcher {
  readonly #server: Server;
  readonly #replicaGate: ReplicaGate;
  /** A quick read or write of the connection whose input is being run that passed all gates; nothing has happened since that could close one. */
  #passed: Command | null = null;

  constructor(server: Server) {
    this.#server = server;
    this.#replicaGate = new ReplicaGate(server);
    server.engine.effectsBytesMax = WRITE_BYTES_MAX;
    server.engine.pieceBytes = RECORD_BYTES_MAX;
  }

  /** A connection's input is about to be run. */
  beginInput(): void {
    this.#passed = null;
  }

  /** Runs a request of a connection; its reply is written unless the client blocked or the command was postponed. @returns an Outcome */
  run(connection: Connection, request: Request, reply: RespWriter): number {
    const { engine } = this.#server;
    const { session } = connection;
    const passed = this.#passed;
    if (passed !== null) {
      // A pipeline of one kind of command, most of the time.
      const { arity } = passed;
      const isComplete = arity > 0 ? request.argc === arity : request.argc >= -arity;
      if (isComplete && !mayExceed(passed, request, engine.effectsBytesMax) && engine.table.names(passed, request.buf, request.off[0]!, request.len[0]!)) {
        connection.commands++;
        return engine.execute(passed, session, request, reply);
      }
      this.#passed = null;
    }
    engine.lastWaitFor = 0;
    const command = engine.table.resolve(request, reply);
    // Back-pressure holds those who write; readers go on.
    if (this.#server.pausedForWrites && command !== null && (mayWrite(command) || session.queue !== null)) {
      return Outcome.postponed;
    }
    connection.commands++;
    if (connection.tracking !== null) this.#server.tracking.commandBegins(connection);
    if (command === null) {
      this.#rejected(connection, reply);
      return Outcome.done;
    }
    connection.lastCommand = command.name;
    if (!connection.authenticated && (command.flags & Flag.noAuth) === 0 && this.#server.access.authRequired) {
      return this.#refuse(command, connection, reply, NOAUTH);
    }
    if (connection.isMonitor && (command.flags & DATA) !== 0) return this.#refuse(command, connection, reply, MONITOR_REFUSED);
    // Elsewhere it is checked by the member that runs it, whose users may be newer.
    if (session.restrictedTo !== null && this.#server.serving) {
      const denial = engine.refusal(command, session, request, session.queue === null ? 'toplevel' : 'multi');
      if (denial !== null) return this.#refuse(command, connection, reply, `NOPERM ${denial}`);
    }
    if (!connection.subscriptions.isEmpty && connection.proto === 2 && !MAY_RUN_SUBSCRIBED.has(command.name)) {
      return this.#refuse(command, connection, reply, onlySubscribing(command));
    }
    if (this.#server.pause.active) {
      if (this.#server.pause.holds(command, session, request)) {
        this.#server.pause.wait(connection);
        return Outcome.postponed;
      }
      engine.keyspace.keepsExpired = this.#server.pause.holdsExpiry;
    }
    if (engine.importing !== null) {
      const { config, importer } = this.#server;
      const mustNotBeStale = importer.progress.link !== 'up' && !config.bool('replica-serve-stale-data');
      const reason = refusedWhileImporting(command, session, engine.importing.phase, mustNotBeStale);
      if (reason !== null) return this.#refuse(command, connection, reply, reason);
    }
    if (!this.#server.serving) {
      const answer = this.#replicaGate.decide(connection, command);
      if (answer === 'wait') {
        connection.commands--;
        return Outcome.postponed;
      }
      if (answer === 'forward') {
        connection.upstream!.note(command, request);
        if (connection.tracking !== null) this.#server.tracking.forwarding(connection, command, request);
        return Outcome.forwarded;
      }
      if (answer !== 'run') return this.#refuse(command, connection, reply, answer.error);
      const denial = session.restrictedTo === null ? null : engine.refusal(command, session, request, 'toplevel');
      if (denial !== null) return this.#refuse(command, connection, reply, `NOPERM ${denial}`);
    }
    if (engine.eviction.maxBytes !== 0 && this.#server.serving && !this.#server.memoryLimit.admits(command, session)) {
      return this.#refuse(command, connection, reply, OUT_OF_MEMORY.message);
    }
    if (this.#server.writeQuorum.isAsked && this.#server.serving && !this.#server.writeQuorum.admits(command, session, request)) {
      return this.#refuse(command, connection, reply, TOO_FEW_REPLICAS.message);
    }
    if (exceedsRecord(command, session, request, engine.effectsBytesMax)) {
      return this.#refuse(command, connection, reply, tooLargeToLog(engine.effectsBytesMax));
    }
    // It was this one that had to go.
    if (connection.closed) return Outcome.done;
    if (this.#gatesStayOpen(command, connection)) this.#passed = command;
    // What had to go is told before the reply, as in Redis.
    const toldTurn = engine.eviction.maxBytes !== 0 && connection.tracking !== null ? this.#server.tracking.tellBeforeReply(connection, reply) : 0;
    const outcome = engine.execute(command, session, request, reply);
    if (toldTurn > engine.lastWaitFor) engine.lastWaitFor = toldTurn;
    return outcome;
  }

  /**
   * Whether what lets the command pass cannot be changed by a command of its kind, nor depends on more of the arguments than their bytes.
   * How much the log has in flight is looked at when the input has been run.
   */
  #gatesStayOpen({ flags, subcommands }: Command, { session, tracking }: Connection): boolean {
    if ((flags & Flag.fast) === 0 || (flags & READ_OR_WRITE) === 0 || subcommands !== null) return false;
    const { engine, pause, serving, writeQuorum } = this.#server;
    return session.queue === null && session.restrictedTo === null && tracking === null && serving && !pause.active
      && engine.importing === null && engine.eviction.maxBytes === 0 && ((flags & Flag.write) === 0 || !writeQuorum.isAsked);
  }

  /** EXEC refused ends the transaction: nothing of it is run. */
  #refuse(command: Command, connection: Connection, reply: RespWriter, error: string): number {
    const { engine } = this.#server;
    reply.error(engine.transactions.endsWith(command, connection.session) ? execAbortedBecause(error) : error);
    command.rejectedCalls++;
    engine.lastWaitFor = engine.keyspace.hazards.floor;
    this.#rejected(connection, reply);
    return Outcome.done;
  }

  #rejected(connection: Connection, reply: RespWriter): void {
    this.#server.engine.transactions.failQueue(connection.session);
    this.#server.countError(reply.lastError);
  }
}
