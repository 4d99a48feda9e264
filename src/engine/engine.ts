/**
 * The engine: a deterministic, synchronous state machine over the keyspace.
 *
 * `execute` runs one command of a client and leaves its reply in the Reply, its effects in the block of the current turn
 * and in `waitFor` the turn that must commit before the reply may leave. `applyEffects` does to a replica what the
 * effects did to the primary. Time and randomness come in; there are no timers, no input or output here.
 */
import { CommandError, InvariantViolation, invariant } from '../shared/errors.ts';
import type { Reply } from '../shared/reply.ts';
import { Request } from '../shared/request.ts';
import { Denial, type DenialContext, denialOf, denialText } from './acl/permission.ts';
import { USERS_EFFECT, Users } from './acl/users.ts';
import { Blocking } from './blocking.ts';
import { Call } from './call.ts';
import { CommandClock } from './command-clock.ts';
import { type Command, Flag } from './command.ts';
import { engineCommands } from './command-list.ts';
import { CommandTable } from './command-table.ts';
import { EffectReader, EffectWriter } from './effects.ts';
import { Eviction, Room } from './eviction/eviction.ts';
import { OUT_OF_MEMORY, READ_ONLY_REPLICA, TOO_MANY_ENDED } from './error-texts.ts';
import { FUNCTION_EFFECT, FunctionLibraries } from './function-libraries.ts';
import { IMPORT_EFFECT, type ImportState, importWords, readImportEffect } from './import-state.ts';
import { argumentBytes, mayExceed } from './record-size.ts';
import { ENDED_FEW, Keyspace, type KeyspaceOptions } from './keyspace/keyspace.ts';
import type { EncodingLimits } from './encoding-limits.ts';
import { OutOfArenaError } from './memory/arena.ts';
import type { Bytes } from './memory/entries.ts';
import { Session, type BlockedState } from './session.ts';
import { RUNS_IN_MULTI, Transactions } from './transactions.ts';
import { Types } from './types/types.ts';

export interface EngineOptions extends KeyspaceOptions {
  /** A monotonic clock in microseconds: for statistics, and for bounds of work that nobody waits for the result of. */
  readonly clockUs: () => number;
  /** Where replies of applied effects go, to be thrown away. */
  readonly scratchReply: Reply;
  readonly limits: EncodingLimits;
}

/** What a command took: microseconds, and bytes as they came and went. */
export interface CommandCost {
  readonly microseconds: number;
  readonly requestBytes: number;
  readonly replyBytes: number;
}

/** What became of a command. */
export const Outcome = {
  /** The reply is written. */
  done: 0,
  /** The client is blocked; its reply will come through its SessionHost. */
  blocked: 1,
  /** It was not run: it may not run now, and is to be run again later. The engine itself never says so. */
  postponed: 2,
  /** It was not run: another member runs it, and its reply will come from there. The engine itself never says so. */
  forwarded: 3,
} as const;

/** Commands that change data are refused when fewer bytes of the arena are left: room to finish what is under way. */
const HEADROOM_BYTES = 128 * 1024 * 1024;

export class Engine {
  readonly keyspace: Keyspace;
  readonly types: Types;
  readonly table: CommandTable = new CommandTable();
  readonly blocking: Blocking;
  readonly transactions: Transactions;
  readonly functions: FunctionLibraries;
  readonly eviction: Eviction;
  readonly users: Users;
  readonly limits: EncodingLimits;
  readonly random: () => number;
  /** Changes since the start, as Redis counts `rdb_changes_since_last_save`. */
  changesTotal = 0;
  /** Commands run since the start. */
  commandsTotal = 0;
  /** By the clock of `EngineOptions.clockUs`: when the client's command under way began, which may be a script or a transaction. */
  begunUs = 0;
  /** The turn whose commit the last command's reply must wait for, or 0. */
  lastWaitFor = 0;
  readonly clock: CommandClock;
  /** Whether the client has sent more behind the command that is to be executed. Who sets it calls `clock.settle` in the end. */
  moreFollows = false;
  /** Whether scripts may call what is flagged noscript (DEBUG SET-DISABLE-DENY-SCRIPTS). */
  scriptsMayAll = false;
  /** The most bytes that a command, a transaction or a script and what its turn did before it may write: one record of the log holds it. */
  effectsBytesMax = Infinity;
  /** A turn that has more bytes of effects than this is told to `onPiece` when nothing is under way that must be one record. */
  pieceBytes = Infinity;
  /** May take the effects so far. Must change nothing else: another command follows. */
  onPiece: () => void = () => undefined;
  /** Commands that take so long, in microseconds, or whose request or reply has so many bytes, are told to `onNoteworthy`. */
  noteworthy = { slowUs: Infinity, requestBytes: Infinity, replyBytes: Infinity };
  onNoteworthy: (command: Command, request: Request, session: Session, cost: CommandCost) => void = () => undefined;
  /** Told of every command that runs, those of transactions and scripts as well, once; of scripts before they do anything. */
  onCommand: ((call: Call) => void) | null = null;
  /** Told of each reading command of sessions that want it, of those within transactions and scripts too. */
  onRead: (command: Command, request: Request, session: Session) => void = () => undefined;
  /** Where this shard's data is being imported from, or null. Clients' writes are refused meanwhile. */
  importing: ImportState | null = null;
  /** Whether too few replicas are near for a client's write to be taken (min-replicas-to-write). */
  lacksReplicas: () => boolean = () => false;
  /** Told of each error that a command is answered with, those that scripts catch included; not of `CommandTable.resolve`'s. */
  onError: (text: string) => void = () => undefined;
  /** Id of the session whose command is under way. */
  actor = 0;
  /** Told of commands that were denied to a session's user: `denied.at` is the argument that was the reason. */
  onDenied: (denial: number, context: DenialContext, session: Session, command: Command, request: Request) => void = () => undefined;

  readonly #effects = new EffectWriter();
  readonly #reader = new EffectReader();
  readonly #main: Call;
  readonly #applier: Call;
  readonly #request = new Request();
  readonly #scratch: Reply;
  readonly #arenaBytesMax: number;
  /** What runs or ran last: a command of a client, or one of its transaction or its script. */
  #running: Command | null = null;
  /** Length of the effects when it began, and had changed nothing. */
  #commandAt = 0;
  /** Whether fields that are being taken out ended before it changed anything. */
  #endBeforeCommand = false;

  constructor(options: EngineOptions) {
    this.keyspace = new Keyspace(options);
    this.limits = options.limits;
    this.random = options.random;
    this.types = new Types(this.keyspace, options.limits, options.random);
    this.blocking = new Blocking(this);
    this.transactions = new Transactions(this);
    this.eviction = new Eviction(this.keyspace, options.random, options.clockUs);
    this.functions = new FunctionLibraries(this.keyspace.hazards);
    this.users = new Users(this.table, this.keyspace.hazards);
    this.clock = new CommandClock(options.clockUs);
    this.#scratch = options.scratchReply;
    this.#arenaBytesMax = options.bytesMax ?? 2 ** 35;
    this.table.add(engineCommands());
    this.keyspace.onExpired = (db, key) => this.#logDeletion(db, key);
    this.keyspace.onEvicted = (db, key) => {
      // Only between commands.
      this.handOver();
      this.#logDeletion(db, key);
    };
    this.keyspace.beforeExpiry = () => this.handOver();
    this.keyspace.leavesExpired = () => this.#effects.length > this.pieceBytes && !mustTakeOut(this.#running);
    this.keyspace.onFieldsEnded = {
      begin: (db, key, fields) => {
        if (fields > ENDED_FEW && this.recordRoom < this.effectsBytesMax / 4) throw TOO_MANY_ENDED;
        this.#endBeforeCommand = this.#effects.length === this.#commandAt;
        this.#effects.begin(db, 2 + fields);
        this.#effects.text('HDEL');
        this.#effects.arg(key.buf, key.off, key.len);
      },
      field: (field) => this.#effects.arg(field.buf, field.off, field.len),
      end: () => {
        // What ended before the command, the transaction or the script changed anything need not be one record with it.
        if (!this.#endBeforeCommand) return;
        this.handOver();
        this.#commandAt = this.#effects.length;
      },
    };
    const nobody = new Session(0, null);
    const db = this.keyspace.databases[0]!;
    this.#main = new Call(this, this.#effects, options.scratchReply, nobody, db);
    this.#applier = new Call(this, this.#effects, options.scratchReply, nobody, db);
    this.#applier.applying = true;
  }

  /** Sets the time of the commands that follow, ms since the epoch, and starts their statistics clock. */
  beginTurn(nowMs: number): void {
    this.keyspace.nowMs = nowMs;
    this.clock.beginTurn();
  }

  // ---- Commands of clients ----

  /**
   * Runs a command that `CommandTable.resolve` found, or queues it where the session is in a transaction.
   * Afterwards `lastWaitFor` is the turn that must commit before the reply may leave (0: it may go at once).
   * @returns an Outcome.
   */
  execute(command: Command, session: Session, request: Request, reply: Reply): number {
    const { hazards, interest } = this.keyspace;
    this.#beginCommand();
    if (session.queue !== null && !RUNS_IN_MULTI.has(command.name)) {
      this.lastWaitFor = hazards.waitFor;
      this.transactions.queue(command, session, request, reply);
      return Outcome.done;
    }
    const call = this.#main;
    this.actor = session.id;
    this.clock.begin(command);
    this.begunUs = this.clock.lastUs;
    call.session = session;
    call.reply = reply;
    call.nowMs = this.keyspace.nowMs;
    call.canBlock = session.host !== null;
    this.keyspace.noTouch = session.noTouch;
    this.#run(call, command, request, this.moreFollows);
    this.lastWaitFor = hazards.waitFor;
    const outcome = call.blocked ? Outcome.blocked : Outcome.done;
    if (interest.hasReady) {
      const waitFor = this.lastWaitFor;
      this.blocking.serveReady();
      this.lastWaitFor = waitFor;
    }
    return outcome;
  }

  /** A session's connection is gone: nothing of it stays behind. */
  endSession(session: Session): void {
    this.blocking.release(session);
    this.transactions.discard(session);
  }

  /** Why the session's user may not run a command, without the error's code; null when it may. A denial is told to `onDenied`. */
  refusal(command: Command, session: Session, request: Request, context: DenialContext): string | null {
    const user = session.restrictedTo;
    if (user === null) return null;
    const denial = denialOf(user, command, request);
    if (denial === Denial.none) return null;
    this.onDenied(denial, context, session, command, request);
    return denialText(denial, user, command, request, false);
  }

  #beginCommand(): void {
    this.handOver();
    this.#commandAt = this.#effects.length;
    this.keyspace.hazards.begin();
  }

  /**
   * Takes keys out while more memory is used than may be. For between commands: blocked clients who wait for a key to go
   * are served. @returns a Room.
   */
  makeRoom(): number {
    const room = this.eviction.makeRoom();
    if (this.keyspace.interest.hasReady) this.blocking.serveReady();
    return room;
  }

  /** Runs a blocked session's command again; whether it was served. `lastWaitFor` is then its reply's. */
  runBlocked(session: Session, state: BlockedState, reply: Reply): boolean {
    const { hazards } = this.keyspace;
    this.#beginCommand();
    const refusal = this.refusal(state.command, session, state.request, 'toplevel');
    if (refusal !== null) {
      // What it may has changed while it waited.
      state.command.rejectedCalls++;
      reply.error(`NOPERM ${refusal}`);
      this.onError(reply.lastError);
      this.lastWaitFor = hazards.waitFor;
      return true;
    }
    // As when it came: there may be less room than then.
    if (this.eviction.maxBytes !== 0 && this.eviction.makeRoom() === Room.none && (state.command.flags & Flag.denyoom) !== 0) {
      hazards.checkDb(state.db);
      reply.error(OUT_OF_MEMORY.message);
      this.onError(reply.lastError);
      this.lastWaitFor = hazards.waitFor;
      return true;
    }
    const call = new Call(this, this.#effects, reply, session, this.keyspace.databases[state.db]!);
    call.nowMs = this.keyspace.nowMs;
    call.canBlock = true;
    call.isRerun = true;
    const { actor } = this;
    this.actor = session.id;
    this.clock.begin(state.command);
    this.#run(call, state.command, state.request, false);
    this.actor = actor;
    this.lastWaitFor = hazards.waitFor;
    return !call.blocked;
  }

  /** A call for the commands of a transaction, which run within its EXEC. */
  queuedCall(outer: Call): Call {
    const call = new Call(this, this.#effects, outer.reply, outer.session, outer.db);
    call.nowMs = outer.nowMs;
    return call;
  }

  /** Runs a command of the transaction whose EXEC is under way: its effects and what it must wait for are that one's as well. */
  runQueued(call: Call, command: Command, request: Request): void {
    this.#run(call, command, request, false);
  }

  /** A call for the commands of a script, which run within the script's own command. Their replies and session are the script's. */
  nestedCall(reply: Reply, session: Session): Call {
    const call = new Call(this, this.#effects, reply, session, this.keyspace.databases[session.db]!);
    call.isScripted = true;
    return call;
  }

  /** Runs a command within the one under way: its effects and what it must wait for are the outer command's as well. */
  runNested(call: Call, command: Command, request: Request): void {
    call.nowMs = this.keyspace.nowMs;
    const isMeasured = this.clock.beginScripted(command, request.argc, this.noteworthy.slowUs);
    this.#run(call, command, request, false, isMeasured);
  }

  /** Bytes of effects that may come before `effectsBytesMax` is reached. */
  get recordRoom(): number {
    return this.effectsBytesMax - this.#effects.length;
  }

  /** Whether so many bytes of effects more would exceed `effectsBytesMax`. */
  exceedsRecord(bytes: number): boolean {
    return bytes > this.recordRoom;
  }

  /** Whether the effects of a command, if they are not larger than it is but for its keys, would. */
  commandExceedsRecord(command: Command, request: Request): boolean {
    return mayExceed(command, request, this.recordRoom);
  }

  /** Has the effects so far taken, if they are as many as a record should hold. Only where no command is under way. */
  handOver(): void {
    if (this.#effects.length > this.pieceBytes) this.onPiece();
  }

  #logDeletion(db: number, key: Bytes): void {
    this.#effects.begin(db, 2);
    this.#effects.text('DEL');
    this.#effects.arg(key.buf, key.off, key.len);
  }

  /**
   * @param moreFollows whether another command follows at once, which may be measured together with this one
   * @param isMeasured whether the clock is read for it at all
   */
  #run(call: Call, command: Command, request: Request, moreFollows: boolean, isMeasured = true): void {
    const { reply, session } = call;
    // A command that runs others takes the time of all of them.
    const startUs = this.clock.lastUs;
    const mark = reply.mark();
    const errors = reply.errors;
    const db = session.db;
    this.#running = command;
    call.command = command;
    call.req = request;
    call.db = this.keyspace.databases[db]!;
    call.changes = 0;
    call.hasOwnEffects = false;
    call.blocked = false;
    call.errorsOfOthers = 0;
    call.errorsAreCounted = false;
    this.keyspace.place.beginRequest(request.buf);
    if (request.keySlot >= 0) this.keyspace.place.know(request.off[1]!, request.len[1]!, request.keySlot, request.keyHash);
    const showsFirst = (command.flags & Flag.skipMonitor) !== 0;
    if (this.onCommand !== null && showsFirst) this.onCommand(call);
    try {
      if (this.keyspace.isReadOnly && (command.flags & Flag.write) !== 0 && !session.fromSource) throw READ_ONLY_REPLICA;
      if ((command.flags & Flag.denyoom) !== 0 && this.#outOfRoom()) throw OUT_OF_MEMORY;
      command.run!(call);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error instanceof OutOfArenaError ? outOfArena(command, error) : error;
      reply.rewind(mark);
      reply.errors = errors;
      reply.error(error.message);
    }
    this.keyspace.place.endRequest();
    if (call.changes > 0) {
      this.changesTotal += call.changes;
      if (!call.hasOwnEffects) {
        if (command.renamed) this.#effects.requestAs(command.topName, db, request);
        else this.#effects.request(db, request);
      }
      // Not an invariant(): each write would compose its text.
      if (this.keyspace.hazards.waitFor !== this.keyspace.hazards.turn) throw new InvariantViolation(`${command.name} changed something and marked no key`);
    }
    if (session.tracksReads && (command.flags & Flag.readonly) !== 0) this.onRead(command, request, session);
    if (this.onCommand !== null && !showsFirst && !call.isRerun) {
      // It may have run others meanwhile.
      call.command = command;
      call.req = request;
      this.onCommand(call);
    }
    if (call.blocked) return;
    this.commandsTotal++;
    command.calls++;
    if (reply.errors - call.errorsOfOthers !== errors) {
      command.failedCalls++;
      if (!call.errorsAreCounted) this.onError(reply.lastError);
    }
    if (!isMeasured) {
      this.clock.estimate(command);
      return;
    }
    const { slowUs, requestBytes, replyBytes } = this.noteworthy;
    const sent = reply.mark() - mark;
    const isLarge = !call.isScripted && (argumentBytes(request) >= requestBytes || sent >= replyBytes);
    if (moreFollows && sent < SMALL_REPLY_BYTES && !isLarge && this.clock.defer(command, request.argc, slowUs)) return;
    const spentUs = this.clock.end() - startUs;
    this.clock.count(command, spentUs);
    if (isLarge || spentUs >= slowUs) {
      const sizes = call.isScripted ? { requestBytes: 0, replyBytes: 0 } : { requestBytes: argumentBytes(request), replyBytes: sent };
      this.onNoteworthy(command, request, session, { microseconds: spentUs, ...sizes });
    }
  }

  #outOfRoom(): boolean {
    return this.keyspace.arena.touchedBytes > this.#arenaBytesMax - HEADROOM_BYTES;
  }

  /**
   * The primary of this data is now another, or this one again. What was under way as primary must be over: blocked
   * clients answered, effects taken. Forgets which keys were in flight: all turns count as committed.
   */
  setReplica(isReplica: boolean): void {
    const { keyspace } = this;
    invariant(this.#effects.length === 0, 'the role changed in the middle of a turn');
    keyspace.isReplica = isReplica;
    keyspace.isReadOnly = isReplica || this.importing !== null;
    keyspace.hazards.reset();
  }

  // ---- Data that comes from another server ----

  /** Notes how far the import is, or (null) that there is none, without logging it: it was read from a log or a snapshot. */
  restoreImport(state: ImportState | null): void {
    this.importing = state;
    this.keyspace.isReadOnly = this.keyspace.isReplica || state !== null;
  }

  /** As `restoreImport`, and logs it together with what the current turn changes. */
  logImport(state: ImportState | null): void {
    this.restoreImport(state);
    const words = importWords(state);
    this.#effects.begin(0, words.length + 1);
    this.#effects.text(IMPORT_EFFECT);
    for (const word of words) this.#effects.text(word);
  }

  /** Where effects of what was loaded are written. */
  get loadedEffects(): EffectWriter {
    return this.#effects;
  }

  /**
   * Runs a command of the source's stream for a session whose `fromSource` is set. What has expired is there to it: the
   * source tells when a key goes, and may have meant it to stay.
   */
  executeFromSource(command: Command, session: Session, request: Request, reply: Reply): void {
    invariant(session.fromSource, "a client's command as one of a source");
    this.keyspace.showsExpired = true;
    try {
      this.execute(command, session, request, reply);
    } finally {
      this.keyspace.showsExpired = false;
    }
  }

  /** Throws away the effects of the turn under way: they will never be logged, and the data is no longer any log's. */
  dropEffects(): void {
    this.#effects.clear();
  }

  /** Throws all data away and logs nothing: other data is loaded in its place. Effects that were not taken are gone too. */
  clear(): void {
    this.dropEffects();
    this.clearData();
  }

  /** Throws all data away, for the same data to come back: the effects of the turn under way stay to be logged. */
  clearData(): void {
    this.keyspace.applying = true;
    this.keyspace.flushAll();
    this.keyspace.applying = false;
    this.functions.clear();
    this.users.forget();
    this.restoreImport(null);
  }

  // ---- Turns and the log ----

  /** Bytes of effects that the current turn has so far. */
  get effectBytes(): number {
    return this.#effects.length;
  }

  /** The number of the turn whose block `takeEffects` would return. */
  get turn(): number {
    return this.keyspace.hazards.turn;
  }

  /** Ends the turn: the block of its effects, which its log record will hold; null when nothing was changed. */
  takeEffects(): Uint8Array | null {
    if (this.#effects.length === 0) return null;
    this.keyspace.hazards.turn++;
    return this.#effects.take();
  }

  /** All turns up to `turn` are committed. */
  commit(turn: number): void {
    this.keyspace.hazards.committed = turn;
  }

  /**
   * Applies the effects of a committed log record.
   * @throws OperationalError when the block is damaged, InvariantViolation when an effect cannot be applied.
   */
  applyEffects(block: Uint8Array): void {
    const { keyspace } = this;
    const call = this.#applier;
    const scratch = this.#scratch;
    let changesUsers = false;
    keyspace.applying = true;
    this.#reader.open(block);
    while (this.#reader.next(this.#request)) {
      const request = this.#request;
      // Libraries are data without a key, and an engine without scripting keeps them as well.
      if (request.is(0, FUNCTION_EFFECT)) {
        this.functions.apply(request);
        continue;
      }
      if (request.is(0, USERS_EFFECT)) {
        this.users.apply(request);
        changesUsers = true;
        continue;
      }
      if (request.is(0, IMPORT_EFFECT)) {
        this.restoreImport(readImportEffect(request));
        continue;
      }
      const command = this.table.findForEffect(request);
      const db = keyspace.databases[this.#reader.db];
      if (command === null || command.run === null || db === undefined) throw new InvariantViolation(`the log holds an effect that cannot be applied: ${request.string(0)} on database ${this.#reader.db}`);
      const mark = scratch.mark();
      call.command = command;
      call.req = request;
      call.session.db = this.#reader.db;
      call.db = db;
      call.nowMs = keyspace.nowMs;
      scratch.errors = 0;
      keyspace.place.beginRequest(request.buf);
      command.run(call);
      keyspace.place.endRequest();
      if (scratch.errors !== 0) throw new InvariantViolation(`an effect failed where it was applied: ${request.string(0)}: ${scratch.lastError}`);
      scratch.rewind(mark);
    }
    keyspace.applying = false;
    if (changesUsers) this.users.onChange();
    // Clients of a replica may be blocked in reads (XREAD).
    if (keyspace.interest.hasReady) this.blocking.serveReady();
  }
}

/** Copying more than this is no quick command. */
const SMALL_REPLY_BYTES = 4096;

/**
 * Whether a command may rely on it that what has expired is gone when it has looked for it: those that write. Not SORT, which may look
 * for any number of keys, and replaces the one that it stores to as it finds it.
 */
function mustTakeOut(command: Command | null): boolean {
  return command !== null && (command.flags & Flag.write) !== 0 && command.name !== 'sort';
}

function outOfArena(command: Command, error: OutOfArenaError): InvariantViolation {
  return new InvariantViolation(`${command.name} ran out of the arena's headroom: ${error.message}`);
}
