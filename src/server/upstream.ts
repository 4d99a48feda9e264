/**
 * A client's way to the primary through a node that is not: one stream to the primary, on which commands are forwarded as
 * they came and from which replies are passed on as they come. The primary treats the stream as a client of its own.
 *
 * A command is sent only over a stream that the primary has greeted. A primary that ends the stream has executed what it
 * answered and nothing else: the rest is for the next primary. If the stream breaks while only reads are outstanding, so are
 * they; else the outcome of a command is not known, and its client's connection is closed (promise P5).
 */
import type { Duplex } from 'node:stream';
import { ReplySplitter } from '../protocol/reply-splitter.ts';
import { type Command, Flag } from '../engine/command.ts';
import { OperationalError } from '../shared/errors.ts';
import { latin1Bytes, type Request } from '../shared/request.ts';
import type { Connection } from './connection.ts';
import type { Server } from './server.ts';

/** Kind of the stream; see PeerNetwork.openStream. */
export const CLIENT_STREAM = 'client';
/** What the primary says first. */
export const GREETING = '+HOLDFAST\r\n';
/** After a failure to reach the primary, the next attempt is made so much later. */
const RETRY_MS = 20;
/** Commands are kept, until they are answered, up to so many bytes for each client. */
const KEPT_BYTES_MAX = 64 * 1024;

/** A reply to come. */
interface Expected {
  /** Whether the client is to get it. */
  readonly wanted: boolean;
  /** The command, in case that it is to be sent again; null: it is not kept. */
  readonly command: Buffer | null;
  /** The command changes nothing and does not wait: it may be executed twice. */
  readonly isPlainRead: boolean;
}

const UNWANTED: Expected = { wanted: false, command: null, isPlainRead: false };

export class Upstream {
  /** Replies that the client waits for. */
  outstanding = 0;
  /** The primary holds state of this client that would be lost with the stream: MULTI, WATCH. */
  pinned = false;
  /** Whether it was before the command that is forwarded. */
  #wasPinned = false;
  /** Whether commands can be sent. */
  ready = false;
  closed = false;
  /** Member id of the primary. */
  readonly target: string;
  readonly #server: Server;
  readonly #connection: Connection;
  readonly #splitter = new ReplySplitter();
  /** Replies to come; a queue with a moving head. */
  #expected: Expected[] = [];
  #head = 0;
  #keptBytes = 0;
  /** Of the command about to be forwarded; see Expected. */
  #isPlainRead = false;
  #stream: Duplex | null = null;
  /** Commands sent and replies received since the beginning, and the last of those commands whose reply may be cached. */
  #sent = 0;
  #received = 0;
  #lastRead = 0;
  /** How many replies there are when the primary knows the scripts. */
  #loadsEnd = 0;
  /** Messages that come behind the reply under way. */
  #behindReply: (() => void)[] = [];
  #blocks = false;
  #db = 0;
  #proto: 2 | 3 = 2;
  /** Whom the primary takes the client for: it believes this member, which has checked the password. */
  #user = '';

  /** Begins to open a stream to `target`; the connection is resumed when it is ready, or has failed. */
  constructor(server: Server, connection: Connection, target: string) {
    this.#server = server;
    this.#connection = connection;
    this.target = target;
    void this.#open();
  }

  /** Sends a command of the client, as its bytes came. Only when `ready`. @param muted the client wants no reply */
  forward(bytes: Uint8Array, muted: boolean): void {
    const { session, proto, user } = this.#connection;
    // Within a transaction it would be queued: that one is its old user's to the end.
    if (this.#user !== user && !this.#wasPinned) this.#sendOwn(`*3\r\n$4\r\nAUTH\r\n$${user.length}\r\n${user}\r\n$0\r\n\r\n`, () => { this.#user = user; });
    if (this.#proto !== proto) this.#sendOwn(`HELLO ${proto}\r\n`, () => { this.#proto = proto; });
    if (this.#db !== session.db) this.#sendOwn(`SELECT ${session.db}\r\n`, () => { this.#db = session.db; });
    // The bytes are the shared read buffer's.
    const own = Buffer.from(bytes);
    if (muted) this.#expect(UNWANTED);
    else {
      const command = this.#keptBytes + own.length <= KEPT_BYTES_MAX ? own : null;
      this.#keptBytes += command?.length ?? 0;
      this.#expect({ wanted: true, command, isPlainRead: this.#isPlainRead });
      this.outstanding++;
    }
    if (!this.#blocks) this.#lastRead = this.#sent;
    this.#stream!.write(own);
  }

  /** Whether replies are to come that the client may keep in a cache. Who waits for something in a blocking command does not count. */
  get awaitsReads(): boolean {
    return this.#lastRead > this.#received;
  }

  /** Whether the client has got the beginning of a reply and not its end. */
  get isWithinReply(): boolean {
    return this.#splitter.isWithinReply;
  }

  /** Does `push` when the reply under way has ended. */
  behindReply(push: () => void): void {
    this.#behindReply.push(push);
  }

  /** `command` is about to be forwarded. */
  note(command: Command, request: Request): void {
    const { name, flags } = command;
    if (command.group === 'scripting') this.#server.scripts.forwarded.note(command, request);
    this.#blocks = (flags & Flag.blocking) !== 0;
    // One that waits for something new might miss it when it is asked anew.
    this.#isPlainRead = (flags & Flag.readonly) !== 0 && !this.#blocks && !this.pinned;
    this.#wasPinned = this.pinned;
    if (name === 'multi' || name === 'watch') this.pinned = true;
    else if (name === 'exec' || name === 'discard' || name === 'unwatch') this.pinned = false;
  }

  close(): void {
    this.closed = true;
    this.ready = false;
    this.#stream?.destroy();
  }

  #sendOwn(text: string, sent: () => void): void {
    sent();
    this.#writeOwn(latin1Bytes(text));
  }

  #writeOwn(bytes: Uint8Array): void {
    this.#expect(UNWANTED);
    this.#stream!.write(bytes);
  }

  #expect(reply: Expected): void {
    this.#expected.push(reply);
    this.#sent++;
  }

  async #open(): Promise<void> {
    const { node } = this.#server;
    const { user, name, address, hops } = this.#connection;
    try {
      this.#user = user;
      const users = this.#server.engine.users.areShared ? 'shared' : 'own';
      const loads = this.#server.scripts.forwarded.loadsFor(this.target);
      const stream = await node!.network!.openStream(this.target, CLIENT_STREAM, { user, users, name, address, hops: hops + 1, scriptsOfEval: loads.ofEval });
      this.#stream = stream;
      if (this.closed) stream.destroy();
      stream.on('error', () => this.#lost(false));
      stream.on('close', () => this.#lost(false));
      stream.on('end', () => this.#lost(true));
      let greeting = '';
      stream.on('data', (chunk: Buffer) => {
        if (this.ready) return this.#read(chunk);
        greeting += chunk.toString('latin1');
        if (greeting.length < GREETING.length) return;
        this.ready = true;
        // The primary may have been lost meanwhile, and with it what it knew.
        const { commands } = loads.commands.length > 0 ? loads : this.#server.scripts.forwarded.loadsFor(this.target);
        for (const load of commands) this.#writeOwn(load);
        this.#loadsEnd = this.#sent;
        this.#connection.resume();
      });
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#server.log.verbose(`The primary cannot be reached for a client: ${error.message}`);
      setTimeout(() => this.#lost(false), RETRY_MS);
    }
  }

  #read(chunk: Buffer): void {
    let from = 0;
    // Replies that go to the client one after the other are passed on in one piece.
    let pieceFrom = -1;
    while (from < chunk.length) {
      const isWanted = this.#expected[this.#head]?.wanted ?? true;
      const end = this.#splitter.next(chunk, from, chunk.length);
      const to = end < 0 ? chunk.length : end;
      const passes = isWanted || (end >= 0 && this.#splitter.wasPush);
      if (passes && pieceFrom < 0) pieceFrom = from;
      if (!passes && pieceFrom >= 0) {
        this.#connection.passOn(chunk, pieceFrom, from);
        pieceFrom = -1;
      }
      from = to;
      if (end >= 0 && !this.#splitter.wasPush) this.#answered();
      if (end < 0 || !this.#owesMessages) continue;
      if (pieceFrom >= 0) this.#connection.passOn(chunk, pieceFrom, from);
      pieceFrom = -1;
      this.#sendMessages();
    }
    if (pieceFrom >= 0) this.#connection.passOn(chunk, pieceFrom, chunk.length);
    if (this.outstanding === 0) this.#connection.resume();
  }

  get #owesMessages(): boolean {
    return this.#behindReply.length > 0 || (this.#connection.tracking !== null && this.#connection.tracking.deferred.length > 0 && !this.awaitsReads);
  }

  #sendMessages(): void {
    const pushes = this.#behindReply;
    this.#behindReply = [];
    for (const push of pushes) push();
    if (!this.awaitsReads) this.#server.tracking.repliesPassedOn(this.#connection);
  }

  #answered(): void {
    this.#received++;
    if (this.#received === this.#loadsEnd) this.#server.scripts.forwarded.toldTo(this.target);
    const reply = this.#expected[this.#head++];
    if (this.#head === this.#expected.length || this.#head > 1024) {
      this.#expected = this.#expected.slice(this.#head);
      this.#head = 0;
    }
    if (reply?.wanted !== true) return;
    this.outstanding--;
    this.#keptBytes -= reply.command?.length ?? 0;
  }

  /** @param ended the primary has ended the stream, rather than that it broke */
  #lost(ended: boolean): void {
    if (this.closed) return;
    this.closed = true;
    this.ready = false;
    this.#stream?.destroy();
    this.#server.scripts.forwarded.lost(this.target);
    const commands: Buffer[] = [];
    for (const { wanted, command, isPlainRead } of this.#expected.slice(this.#head)) {
      if (wanted && command !== null && (ended || isPlainRead)) commands.push(command);
    }
    // Half an answer that the client has cannot be taken back.
    if (commands.length < this.outstanding || this.pinned || this.isWithinReply) return this.#connection.close();
    // What is read anew is as new as any message.
    this.#lastRead = this.#received;
    if (this.#owesMessages) this.#sendMessages();
    this.#connection.takeBack(commands);
  }
}
