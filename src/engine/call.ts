/**
 * One command under way: what a handler sees.
 *
 * The same object serves one command after the other, so a handler keeps nothing of it. A handler reads arguments from
 * `req`, works on `db`, writes exactly one reply to `reply`, and says what it changed:
 * `changed()` when the command as it stands is its own effect, else `effect…` for the deterministic commands that it
 * amounts to. A handler that changed nothing says nothing.
 */
import { CommandError, invariant } from '../shared/errors.ts';
import type { Int64 } from '../shared/int64.ts';
import { parseLongDouble } from '../shared/long-double.ts';
import { parseDoubleStrict, parseIntegerStrict, parsedInteger } from '../shared/number-text.ts';
import type { Reply } from '../shared/reply.ts';
import { Request, latin1Slice } from '../shared/request.ts';
import type { Command } from './command.ts';
import { type EffectWriter, LENGTH_BYTES_MAX } from './effects.ts';
import type { Engine } from './engine.ts';
import { NOT_FLOAT, NOT_INTEGER, TIMEOUT_NEGATIVE, TIMEOUT_NOT_FLOAT, TIMEOUT_NOT_INTEGER, TIMEOUT_OUT_OF_RANGE, WRONG_TYPE, tooLargeToLog } from './error-texts.ts';
import type { Database } from './keyspace/database.ts';
import type { Address } from './memory/arena.ts';
import type { Session } from './session.ts';

/** A reference to an entry of the keyspace, or 0: see keyspace.ts for how long it is valid. */
export type Ref = Address;

export class Call {
  readonly engine: Engine;
  readonly effects: EffectWriter;
  req: Request = new Request();
  reply: Reply;
  session: Session;
  db: Database;
  command: Command | null = null;
  /** Time of the command: ms since the epoch. All commands of a transaction have the same. */
  nowMs = 0;
  /** Whether the handler runs to apply an effect of the log: its reply is thrown away and nothing is logged. */
  applying = false;
  /** Whether it may block: not within MULTI, not while applying. */
  canBlock = false;
  /** Set by `block`. */
  blocked = false;
  /** Whether it is for the commands of a script. */
  isScripted = false;
  /** Whether the command has run before, and its client was blocked. */
  isRerun = false;
  /** Number of changes for statistics (`rdb_changes_since_last_save`). */
  changes = 0;
  /** Whether the handler wrote effects of its own. */
  hasOwnEffects = false;
  /** How many errors in the reply are those of commands that this one ran (EXEC), which count for them. */
  errorsOfOthers = 0;
  /** Whether the errors in the reply were counted where they came from: a script passes on what a command answered. */
  errorsAreCounted = false;

  constructor(engine: Engine, effects: EffectWriter, reply: Reply, session: Session, db: Database) {
    this.engine = engine;
    this.effects = effects;
    this.reply = reply;
    this.session = session;
    this.db = db;
  }

  /** Whether this member says when keys end: not where an effect of the log is applied, nor a command of a source. */
  get decidesExpiry(): boolean {
    return !this.applying && !this.session.fromSource;
  }

  // ---- Keys: argument i names a key. ----

  /** For reading; see Database.lookup. */
  lookup(i: number): Ref {
    return this.db.lookup(this.req.buf, this.req.off[i]!, this.req.len[i]!);
  }

  /** For writing; see Database.lookupWrite. */
  lookupWrite(i: number): Ref {
    return this.db.lookupWrite(this.req.buf, this.req.off[i]!, this.req.len[i]!);
  }

  /** For reading; see Database.lookupUntouched. */
  lookupUntouched(i: number): Ref {
    return this.db.lookupUntouched(this.req.buf, this.req.off[i]!, this.req.len[i]!);
  }

  /** As `lookup`, and throws WRONGTYPE unless the key is missing or of `type`. */
  lookupTyped(i: number, type: number): Ref {
    const ref = this.lookup(i);
    if (ref !== 0 && this.engine.keyspace.entries.type(ref) !== type) throw WRONG_TYPE;
    return ref;
  }

  /** As `lookupWrite`, and throws WRONGTYPE unless the key is missing or of `type`. */
  lookupWriteTyped(i: number, type: number): Ref {
    const ref = this.lookupWrite(i);
    if (ref !== 0 && this.engine.keyspace.entries.type(ref) !== type) throw WRONG_TYPE;
    return ref;
  }

  /**
   * The collection of `type` at argument i for a command that may wait for it: 0 where there is none. To a client that is
   * waiting already a key of another type is none; it waits on.
   */
  lookupAwaited(i: number, type: number): Ref {
    const ref = this.lookupWrite(i);
    if (ref === 0 || this.engine.keyspace.entries.type(ref) === type) return ref;
    if (this.session.blocked !== null) return 0;
    throw WRONG_TYPE;
  }

  /** Removes the key; whether it was there. */
  removeKey(i: number): boolean {
    return this.db.remove(this.req.buf, this.req.off[i]!, this.req.len[i]!);
  }

  /** Adds an entry for a collection under a key that is not there; see Database.addCollection. */
  addCollection(i: number, type: number, isNew = true): Ref {
    return this.db.addCollection(this.req.buf, this.req.off[i]!, this.req.len[i]!, type, isNew);
  }

  /** Reports that the key's collection was changed in place. */
  modified(i: number): void {
    this.db.modified(this.req.buf, this.req.off[i]!, this.req.len[i]!);
  }

  /** Reports that the key was written and is as it was: nothing to log, but what WATCH takes as a change. */
  rewritten(i: number): void {
    this.engine.keyspace.interest.rewritten(this.db.number, this.req.buf, this.req.off[i]!, this.req.len[i]!);
  }

  /** Reports a change of the key's collection that only replies wait for; see Database.modifiedQuietly. */
  modifiedQuietly(i: number): void {
    this.db.modifiedQuietly(this.req.buf, this.req.off[i]!, this.req.len[i]!);
  }

  /**
   * Tells those who listen what happened to the key at argument i: once it has happened, and never of what is not logged.
   * @param kind of KeyEvent. @param event as Redis calls it.
   */
  notify(kind: number, event: string, i: number): void {
    const { events } = this.engine.keyspace;
    if ((events.wanted & kind) !== 0) events.listener(event, this.db.number, this.req.buf, this.req.off[i]!, this.req.len[i]!);
  }

  // ---- Arguments ----

  /** Argument i as a latin1 string. */
  string(i: number): string {
    return this.req.string(i);
  }

  /** Argument i as an integer; beyond 2^53 it is rounded. Throws `error` unless it is Redis's idea of a 64-bit integer. */
  integer(i: number, error: CommandError = NOT_INTEGER): number {
    if (!parseIntegerStrict(this.req.buf, this.req.off[i]!, this.req.len[i]!)) throw error;
    return parsedInteger.isSafe ? parsedInteger.value : Number(parsedInteger.big);
  }

  /** Argument i as an integer of 64 bits, exactly. Throws as `integer` does. */
  int64(i: number, out: Int64, error: CommandError = NOT_INTEGER): void {
    if (!parseIntegerStrict(this.req.buf, this.req.off[i]!, this.req.len[i]!)) throw error;
    if (parsedInteger.isSafe) out.setNumber(parsedInteger.value);
    else out.setBig(parsedInteger.big);
  }

  /** Argument i as a double (inf allowed, nan not). */
  double(i: number, error: CommandError = NOT_FLOAT): number {
    const value = parseDoubleStrict(this.req.buf, this.req.off[i]!, this.req.len[i]!);
    if (Number.isNaN(value)) throw error;
    return value;
  }

  /**
   * Argument i as a blocking command's time-out in seconds.
   * @returns the time at which it ends, ms since the epoch; Infinity for 0.
   */
  timeoutAtMs(i: number): number {
    const seconds = parseDoubleStrict(this.req.buf, this.req.off[i]!, this.req.len[i]!);
    if (!Number.isFinite(seconds)) throw Number.isNaN(seconds) && !this.#isBeyondDouble(i) ? TIMEOUT_NOT_FLOAT : TIMEOUT_OUT_OF_RANGE;
    if (seconds < 0) throw TIMEOUT_NEGATIVE;
    const ms = Math.ceil(seconds * 1000);
    if (ms > Number.MAX_SAFE_INTEGER - this.nowMs) throw TIMEOUT_OUT_OF_RANGE;
    return ms === 0 ? Infinity : this.nowMs + ms;
  }

  /** Whether argument i is a number that no double holds: Redis reads time-outs as something larger. */
  #isBeyondDouble(i: number): boolean {
    return parseLongDouble(this.req.string(i)) !== null;
  }

  /**
   * Argument i as a time-out in milliseconds.
   * @returns the time at which it ends, ms since the epoch; Infinity for 0.
   */
  timeoutMsAtMs(i: number): number {
    const ms = this.integer(i, TIMEOUT_NOT_INTEGER);
    if (ms < 0) throw TIMEOUT_NEGATIVE;
    if (ms > Number.MAX_SAFE_INTEGER - this.nowMs) throw TIMEOUT_OUT_OF_RANGE;
    return ms === 0 ? Infinity : this.nowMs + ms;
  }

  // ---- What was changed ----

  /** The command changed something and is deterministic: it is logged as it stands. `n` is for statistics. */
  changed(n = 1): void {
    this.changes += n;
  }

  /** Throws where effects of `args` arguments with so many bytes in all are more than a record of the log takes. Ask before anything is changed. */
  mustFitRecord(args: number, bytes: number): void {
    if (this.engine.exceedsRecord(bytes + args * LENGTH_BYTES_MAX)) throw new CommandError(tooLargeToLog(this.engine.effectsBytesMax));
  }

  /** Begins an effect of `argc` arguments, the first of which is `name`; `argc - 1` of the `effect…` calls below follow. */
  effect(name: string, argc: number): void {
    this.effectOn(this.db.number, name, argc);
  }

  /** As `effect`, on a database given by number. */
  effectOn(db: number, name: string, argc: number): void {
    this.changes++;
    this.hasOwnEffects = true;
    if (this.applying) return;
    this.effects.begin(db, argc);
    this.effects.text(name);
  }

  effectArg(i: number): void {
    if (!this.applying) this.effects.arg(this.req.buf, this.req.off[i]!, this.req.len[i]!);
  }

  effectBytes(buf: Uint8Array, off: number, len: number): void {
    if (!this.applying) this.effects.arg(buf, off, len);
  }

  effectText(text: string): void {
    if (!this.applying) this.effects.text(text);
  }

  effectInteger(value: number): void {
    if (!this.applying) this.effects.integer(value);
  }

  /** An integer by its words. */
  effectInt64(value: Int64): void {
    const number = value.toNumber();
    if (Number.isSafeInteger(number)) this.effectInteger(number);
    else this.effectText(value.toBig().toString());
  }

  // ---- Blocking ----

  /**
   * Makes the client wait for a change of one of the keys at arguments [first, last]; then the command runs again from
   * its beginning. The handler writes no reply and returns. Only if `canBlock`.
   * @param again what runs then, if it is another request than this one.
   */
  block(first: number, last: number, timeoutAtMs: number, again: Request = this.req): void {
    invariant(this.canBlock, 'a command blocked where it may not');
    const keys: string[] = [];
    for (let i = first; i <= last; i++) keys.push(latin1Slice(this.req.buf, this.req.off[i]!, this.req.off[i]! + this.req.len[i]!));
    this.blocked = true;
    this.engine.blocking.block(this.session, this.command!, again, keys, timeoutAtMs);
  }

  /** Makes the client wait until `Blocking.answer` is called for its session. The handler writes no reply. Only if `canBlock`. */
  suspend(): void {
    invariant(this.canBlock, 'a command was suspended where it may not be');
    this.blocked = true;
    this.engine.blocking.block(this.session, this.command!, this.req, [], Infinity);
  }
}
