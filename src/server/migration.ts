/**
 * One MIGRATE under way: keys of this node that go to another server.
 *
 * Nobody writes here meanwhile: what was sent is what is deleted, and reads go on. What is sent is committed (promise P2). A key is deleted
 * here only once the target has confirmed it, so that whatever breaks, at least one of the two has it. Connections are not kept.
 */
import net from 'node:net';
import { type Command, command } from '../engine/command.ts';
import { dumpPayload } from '../engine/commands/dump.ts';
import { KeyEvent } from '../engine/keyspace/key-events.ts';
import { Session } from '../engine/session.ts';
import { RespError, RespReader, type RespValue } from '../protocol/resp-reader.ts';
import { RespWriter } from '../protocol/resp-writer.ts';
import type { Waiter } from '../replication/commit-gate.ts';
import { Request } from '../shared/request.ts';
import type { Server } from './server.ts';

const CONNECTING = 'IOERR error or timeout connecting to the client';
const WRITING = 'IOERR error or timeout writing to target instance';
const READING = 'IOERR error or timeout reading to target instance';
/** What Redis has no words for: this node lost its role while the target had the keys already. */
const DEPOSED = 'IOERR this node is no longer the primary: the keys may be at both instances';

export interface MigrationOptions {
  readonly host: string;
  readonly port: number;
  /** As given: the target says whether there is such a database. */
  readonly db: string;
  /** How long the target may be silent. */
  readonly timeoutMs: number;
  readonly copies: boolean;
  readonly replaces: boolean;
  /** Arguments of AUTH, or none. */
  readonly auth: readonly string[];
  /** Latin1 strings. */
  readonly keys: readonly string[];
}

/** How it ended: null is success, else an error. */
export type MigrationEnd = (error: string | null, waitFor: number) => void;

/** A command in the protocol's form, from latin1 strings. */
function encoded(...args: readonly string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join('')}`;
}

export class Migration implements Waiter {
  readonly #server: Server;
  readonly #options: MigrationOptions;
  readonly #session = new Session(0, null);
  readonly #end: MigrationEnd;
  readonly #reader = new RespReader();
  readonly #scratch = new RespWriter();
  #socket: net.Socket | null = null;
  #isConnected = false;
  /** Keys that were sent, in order, and how many of them the target has answered. */
  #sent: string[] = [];
  #answered = 0;
  /** Replies to AUTH and SELECT that are still to come. */
  #preambleDue = 0;
  readonly #confirmed: string[] = [];
  /** The first error that the target replied. */
  #refusal: string | null = null;
  /** Whether it was to AUTH or SELECT. */
  #isNotAdmitted = false;
  #over = false;
  /** In another term others may have written to the keys. */
  readonly #term: number;

  /**
   * Begins one; `end` is told when it is over.
   * @param db the number of the database that the keys are in. @param waitFor the turn that must commit before anything is sent, or 0
   */
  static begin(server: Server, options: MigrationOptions, db: number, waitFor: number, end: MigrationEnd): void {
    const migration = new Migration(server, options, db, end);
    if (waitFor > server.gate.committedTurn) server.gate.wait(migration, waitFor);
    else migration.#connect();
  }

  private constructor(server: Server, options: MigrationOptions, db: number, end: MigrationEnd) {
    this.#server = server;
    this.#options = options;
    this.#session.db = db;
    this.#end = end;
    this.#term = server.txlog.term;
    server.pause.holdWrites();
  }

  release(): void {
    this.#connect();
  }

  /** The data that would have been sent may never have been. */
  inDoubt(): void {
    this.#finish(DEPOSED);
  }

  #connect(): void {
    const { host, port, timeoutMs } = this.#options;
    const socket = net.connect({ host, port });
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setTimeout(timeoutMs, () => this.#broken());
    socket.on('connect', () => {
      this.#isConnected = true;
      this.#server.enterTurn(() => this.#send());
    });
    socket.on('data', (bytes) => this.#received(bytes));
    for (const event of ['error', 'end', 'close']) socket.on(event, () => this.#broken());
  }

  /** Sends everything as one stretch of commands. */
  #send(): void {
    const { auth, db, keys } = this.#options;
    const parts: string[] = [];
    if (auth.length > 0) parts.push(encoded('AUTH', ...auth));
    parts.push(encoded('SELECT', db));
    this.#preambleDue = parts.length;
    this.#run(this.#dumping(parts), keys);
    if (this.#sent.length === 0) {
      // All of them have expired meanwhile.
      this.#finish(null);
      return;
    }
    this.#socket!.write(parts.join(''), 'latin1');
  }

  /** A command that puts RESTOREs of its keys into `parts`. Not in the table: it is a part of MIGRATE. */
  #dumping(parts: string[]): Command {
    const { replaces } = this.#options;
    return command({
      name: 'migrate', arity: -1, flags: 'readonly', group: 'generic', since: '2.6.0',
      run: (c) => {
        for (let i = 1; i < c.req.argc; i++) {
          const key = c.string(i);
          const dumped = dumpPayload(c, i);
          if (dumped === null) continue;
          const ttlMs = dumped.expireAtMs < 0 ? 0 : Math.max(1, dumped.expireAtMs - c.nowMs);
          const payload = Buffer.from(dumped.payload.buffer, dumped.payload.byteOffset, dumped.payload.length).toString('latin1');
          parts.push(encoded('RESTORE', key, String(ttlMs), payload, ...(replaces ? ['REPLACE'] : [])));
          this.#sent.push(key);
        }
        c.reply.ok();
      },
    });
  }

  /** Runs a part of MIGRATE on keys, within a turn. */
  #run(part: Command, keys: readonly string[]): void {
    this.#scratch.reset();
    this.#server.engine.execute(part, this.#session, Request.of('MIGRATE', ...keys), this.#scratch);
  }

  #received(bytes: Buffer): void {
    this.#reader.push(bytes);
    for (let reply = this.#reader.next(); reply !== undefined && !this.#over; reply = this.#reader.next()) this.#replied(reply);
  }

  #replied(reply: RespValue): void {
    const isRefusal = reply instanceof RespError;
    if (isRefusal) this.#refusal ??= reply.message;
    if (this.#preambleDue > 0) {
      this.#preambleDue--;
      this.#isNotAdmitted ||= isRefusal;
      return;
    }
    // Where AUTH or SELECT was refused, a RESTORE went to another database, if anywhere.
    const key = this.#sent[this.#answered++]!;
    if (!isRefusal && !this.#isNotAdmitted) this.#confirmed.push(key);
    if (this.#answered === this.#sent.length) this.#finish(this.#refusal === null ? null : `ERR Target instance replied with error: ${this.#refusal}`);
  }

  #broken(): void {
    if (!this.#over) this.#finish(!this.#isConnected ? CONNECTING : this.#sent.length === 0 ? WRITING : READING);
  }

  #finish(error: string | null): void {
    if (this.#over) return;
    this.#over = true;
    this.#socket?.destroy();
    this.#server.enterTurn(() => {
      const { copies } = this.#options;
      const deletes = !copies && this.#confirmed.length > 0;
      const isPrimaryStill = this.#server.serving && this.#server.txlog.term === this.#term;
      if (deletes && !isPrimaryStill) this.#end(DEPOSED, 0);
      else {
        if (deletes) this.#run(DELETION, this.#confirmed);
        this.#end(error, deletes ? this.#server.engine.lastWaitFor : 0);
      }
    });
    this.#server.pause.letWrites();
  }
}

/** The last part of MIGRATE, logged as a deletion. */
const DELETION = command({
  name: 'migrate', arity: -1, flags: 'write', group: 'generic', since: '2.6.0',
  run: (c) => {
    for (let i = 1; i < c.req.argc; i++) {
      c.lookupWrite(i);
      if (!c.removeKey(i)) continue;
      c.notify(KeyEvent.generic, 'del', i);
      c.effect('DEL', 2);
      c.effectArg(i);
    }
    c.reply.ok();
  },
});
