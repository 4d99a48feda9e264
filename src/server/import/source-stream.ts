/**
 * The source's stream of commands: takes its bytes, finds the commands, runs them on the primary, and knows at which byte the
 * data is at each time. A transaction counts as one: until its EXEC has come nothing of it has happened.
 */
import type { Engine } from '../../engine/engine.ts';
import { type Command, Flag } from '../../engine/command.ts';
import { exceedsRecord } from '../../engine/record-size.ts';
import { Session } from '../../engine/session.ts';
import { ParseStatus, PendingInput, RequestParser } from '../../protocol/request-parser.ts';
import { RespWriter } from '../../protocol/resp-writer.ts';
import { OperationalError } from '../../shared/errors.ts';
import { Request } from '../../shared/request.ts';

/** Strings of a source may be longer than those that clients here may send. */
const LIMITS = { bulkBytesMax: 2 ** 31 - 1 };
const MAY_COME = new Set(['multi', 'exec', 'select', 'publish', 'spublish', 'script|load', 'script|flush']);

export class SourceStream {
  /** Bytes of the stream whose commands have been run. */
  offset: number;
  /** The source asked where this end is. */
  wantsAck = false;
  readonly #engine: Engine;
  readonly #session = new Session(0, null);
  readonly #parser = new RequestParser(LIMITS);
  readonly #pending = new PendingInput();
  readonly #request = new Request();
  readonly #reply = new RespWriter();
  /** Where the bytes not yet parsed begin in the stream. */
  #parsed: number;

  constructor(engine: Engine, offset: number, db: number) {
    this.#engine = engine;
    this.offset = this.#parsed = offset;
    this.#session.fromSource = true;
    this.#session.db = db;
    this.#parser.authenticated = true;
  }

  /** Database that the next command is for. */
  get db(): number {
    return this.#session.db;
  }

  feed(bytes: Uint8Array): void {
    this.#pending.append(bytes, 0, bytes.length);
  }

  /**
   * Runs commands until `mayGoOn` says no; asked after each. @returns whether more are at hand.
   * @throws OperationalError SOURCE_COMMAND for what cannot be run here as it was there, SOURCE_UNKNOWN
   */
  run(mayGoOn: () => boolean): boolean {
    const pending = this.#pending;
    while (pending.length > 0) {
      const status = this.#parser.parse(pending.buf, pending.start, pending.end, this.#request);
      if (status === ParseStatus.incomplete) return false;
      if (status === ParseStatus.error) throw new OperationalError('SOURCE_UNKNOWN', `the source's stream is no stream of commands: ${this.#parser.error}`);
      if (status === ParseStatus.command) this.#command();
      this.#parsed += this.#parser.next - pending.start;
      pending.consume(this.#parser.next - pending.start);
      if (this.#session.queue === null) this.offset = this.#parsed;
      if (!mayGoOn()) return true;
    }
    return false;
  }

  #command(): void {
    const request = this.#request;
    if (request.is(0, 'PING')) return;
    if (request.is(0, 'REPLCONF')) {
      this.wantsAck ||= request.argc > 1 && request.is(1, 'GETACK');
      return;
    }
    const command = this.#engine.table.findForEffect(request);
    if (command === null || !this.#mayCome(command)) throw cannot(request, 'it is not known here, or nothing that a stream holds');
    if (exceedsRecord(command, this.#session, request, this.#engine.effectsBytesMax)) throw cannot(request, 'it is larger than a record of the log may be');
    const reply = this.#reply;
    reply.reset();
    reply.errors = 0;
    this.#engine.executeFromSource(command, this.#session, request, reply);
    // An older source sends scripts as they are, and an error after a script's writes is what happened there as well.
    if (reply.errors > 0 && command.group !== 'scripting') throw cannot(request, reply.lastError);
  }

  #mayCome(command: Command): boolean {
    const { argc } = this.#request;
    if (command.run === null || (command.arity > 0 ? argc !== command.arity : argc < -command.arity)) return false;
    return (command.flags & (Flag.write | Flag.mayReplicate)) !== 0 || MAY_COME.has(command.name);
  }
}

function cannot(request: Request, why: string): OperationalError {
  return new OperationalError('SOURCE_COMMAND', `the source's ${request.string(0).slice(0, 60)} cannot be repeated here: ${why}`);
}
