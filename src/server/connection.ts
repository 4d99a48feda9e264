/**
 * One client connection: its socket, its input not yet parsed, its output not yet sent.
 *
 * Commands are parsed where their bytes arrived and run at once; replies go into the turn's shared output buffer. What a
 * reply must wait for (promise P2) holds back only the bytes from that reply on, so pipelining goes on behind it.
 */
import type { User } from '../engine/acl/user.ts';
import { Outcome } from '../engine/engine.ts';
import { COMMANDS_AHEAD } from '../engine/keyspace/lookahead.ts';
import { Session, type SessionHost } from '../engine/session.ts';
import { type Waiter } from '../replication/commit-gate.ts';
import { ParseStatus, PendingInput, RequestParser } from '../protocol/request-parser.ts';
import type { RespWriter } from '../protocol/resp-writer.ts';
import type { Reply } from '../shared/reply.ts';
import { Request } from '../shared/request.ts';
import type { ClientSocket } from './client-socket.ts';
import { ConnectionOutput } from './connection-output.ts';
import type { OutputBuffer } from './output-pool.ts';
import { Subscriptions } from './pubsub.ts';
import { ReadConsistency } from './read-consistency.ts';
import type { Server } from './server.ts';
import type { ClientTracking } from './tracking/client-tracking.ts';
import type { Upstream } from './upstream.ts';

/** A turn that has lasted so long takes one command more from each connection; the rest of what they sent waits for the next. */
const TURN_US_MAX = 5000;
/** Replies of one connection are sent when they have become so large: a pipeline of GETs of large values must meet the output limit. */
const OUTPUT_IN_A_ROW_BYTES = 1024 * 1024;
const STAR = 42;

/** One for all connections: a request is valid only while its command runs. */
const request = new Request();
/** As many more of the same input, found before the first of them runs. */
const requestsAhead = Array.from({ length: COMMANDS_AHEAD }, () => new Request());
/** For what arrives while the command of another connection runs. */
const busyRequest = new Request();

export class Connection implements SessionHost, Waiter {
  readonly id: number;
  readonly session: Session;
  readonly socket: ClientSocket;
  readonly server: Server;
  readonly connectedAtMs: number;
  readonly parser: RequestParser;
  readonly output: ConnectionOutput;
  proto: 2 | 3 = 2;
  /** Whether its user has proved to be that one, or need not. */
  authenticated = false;
  name = '';
  libName = '';
  libVersion = '';
  /** Whose it is. */
  account!: User;
  lastCommand = '';
  lastActiveMs: number;
  closed = false;
  /** No more input is read; the socket ends when all output is sent. */
  closing = false;
  /** Replies are not sent (CLIENT REPLY OFF), or the next one is not (SKIP). */
  replyMode: 'on' | 'off' | 'skip' | 'skip-next' = 'on';
  /** What the command under way has written are pushes, not replies: they are sent whatever `replyMode` is. */
  wrotePushes = false;
  noEvict = false;
  /** MONITOR: it is shown what others do, and may not touch the data itself. */
  isMonitor = false;
  /** READONLY: this client takes what a replica has. */
  readOnly = false;
  readonly subscriptions = new Subscriptions();
  /** CLIENT TRACKING, while it is on. */
  tracking: ClientTracking | null = null;
  /** CLIENT READ-CONSISTENCY. */
  readonly reads = new ReadConsistency();
  /** Where in this connection's input the command under way ends; kept up to date where this member does not serve as primary. */
  inputEnd = 0;
  /** CLIENT CAPA REDIRECT: this client goes to the primary itself when it is told where that is. */
  redirects = false;
  /** This client's way to the primary, if this node forwarded anything for it. */
  upstream: Upstream | null = null;
  /** How many members passed this client on before it came here. */
  hops = 0;
  bytesIn = 0;
  bytesOut = 0;
  commands = 0;

  readonly #pending = new PendingInput();
  #paused = false;
  #resumeQueued = false;
  /** Waits for the log to catch up. */
  #stopped = false;

  /** Its commands are being run. */
  #isRunning = false;
  /** Messages that came up while a command of this connection ran: they go behind its reply. */
  #behindReply: { readonly write: (reply: Reply) => void; readonly waitFor: number }[] = [];

  // A late reply (to a blocked client) under way.
  #lateBuffer: OutputBuffer | null = null;
  #lateStart = 0;

  constructor(server: Server, socket: ClientSocket, id: number, nowMs: number) {
    this.server = server;
    this.socket = socket;
    this.output = new ConnectionOutput(server, this);
    this.id = id;
    this.session = new Session(id, this);
    this.parser = new RequestParser(server.parserLimits);
    this.connectedAtMs = nowMs;
    this.lastActiveMs = nowMs;
    server.access.begin(this);
  }

  /** Name of its user. */
  get user(): string {
    return this.account.name;
  }

  // ---- Input ----

  /** Bytes [0, end) of `buf` have arrived. `buf` is the server's again when this returns. */
  receive(buf: Uint8Array, end: number): void {
    if (this.closing || this.closed) {
      // It has been told that this is over, and goes on: no client that only has not closed its end yet.
      if (this.closing && this.#isAllSent) this.close();
      return;
    }
    this.bytesIn += end;
    this.server.statistics.bytesIn += end;
    this.server.statistics.reads++;
    this.lastActiveMs = this.server.nowMs;
    if (this.#mustWait || this.#pending.length > 0) {
      this.#pending.append(buf, 0, end, this.parser.expectedBytes);
      if (!this.#mustWait) this.#runPending();
      this.#checkInputLimit();
      return;
    }
    const at = this.#run(buf, 0, end);
    if (at < end && !this.closing) {
      this.#pending.append(buf, at, end, this.parser.expectedBytes);
      this.#checkInputLimit();
    }
  }

  /** Whether no command of this connection may run now. */
  get #mustWait(): boolean {
    return this.session.blocked !== null || this.#resumeQueued || this.#stopped;
  }

  #runPending(): void {
    const pending = this.#pending;
    pending.consume(this.#run(pending.buf, pending.start, pending.end) - pending.start);
  }

  /** Parses and runs commands in [start, end); returns where it stopped. */
  #run(buf: Uint8Array, start: number, end: number): number {
    const { server, parser, output } = this;
    let buffer = server.output.prepare();
    let { writer } = buffer;
    writer.proto = this.proto;
    writer.replyBytesMax = output.replyBytesMax;
    const { engine } = server;
    // The output since `from` waits for `hold`: everything behind a held reply waits with it.
    let from = writer.pos;
    let hold = output.heldForTurn;
    let at = start;
    // Of those in `requestsAhead`: how many there are, and how many have run.
    let found = 0;
    let taken = 0;
    server.dispatcher.beginInput();
    this.#isRunning = true;
    while (at < end) {
      const begin = at;
      // Parsing unquotes an inline command in place; one that is postponed will be parsed again.
      const inline = buf[at] !== STAR && (server.pausedForWrites || server.pause.active || !server.serving) ? Uint8Array.from(buf.subarray(at, end)) : null;
      if (taken === found && at > start) {
        taken = 0;
        found = parser.ahead(buf, at, end, requestsAhead);
        if (found > 1) engine.keyspace.databases[this.session.db]!.lookAhead(requestsAhead, found);
      }
      let current = request;
      if (taken < found) {
        current = requestsAhead[taken++]!;
        const last = current.argc - 1;
        at = current.off[last]! + current.len[last]! + 2;
      } else {
        const status = parser.parse(buf, at, end, request);
        if (status === ParseStatus.incomplete) break;
        if (status === ParseStatus.error) {
          writer.error(parser.error);
          server.log.verbose(`Protocol error from client ${this.address}: ${parser.error}`);
          this.closing = true;
          at = end;
          break;
        }
        at = parser.next;
        if (status === ParseStatus.empty) continue;
      }
      const before = writer.pos;
      writer.replyStart = before;
      if (!server.serving) this.inputEnd = this.bytesIn - (end - at);
      engine.moreFollows = at < end;
      const outcome = server.dispatcher.run(this, current, writer);
      if (outcome === Outcome.postponed) {
        at = begin;
        if (inline !== null) buf.set(inline, begin);
        this.#stopped = true;
        server.postpone(this);
        break;
      }
      if (outcome === Outcome.forwarded) {
        const isMuted = this.replyMode === 'off' || this.replyMode === 'skip-next';
        this.upstream!.forward(inline === null ? buf.subarray(begin, at) : inline.subarray(0, at - begin), isMuted);
      }
      if (writer.isFull || writer.pos - before > writer.replyBytesMax) {
        this.#dropReply(writer);
        break;
      }
      const wait = engine.lastWaitFor;
      if (wait > hold) {
        output.send(buffer, from, before, hold);
        from = before;
        hold = wait;
      }
      // Who is blocked is muted once it gets its reply.
      if (this.replyMode !== 'on' && outcome !== Outcome.blocked) this.#muteReply(writer, before);
      if (this.#behindReply.length > 0) {
        output.send(buffer, from, writer.pos, hold);
        from = writer.pos;
        this.#sendBehindReply();
      }
      if (outcome === Outcome.blocked || this.closing || this.closed) break;
      if (writer.pos - from > OUTPUT_IN_A_ROW_BYTES) {
        output.send(buffer, from, writer.pos, hold);
        if (this.closed) break;
        buffer = server.output.prepare();
        ({ writer } = buffer);
        writer.proto = this.proto;
        writer.replyBytesMax = output.replyBytesMax;
        from = writer.pos;
      }
      if (at < end && engine.clock.turnUs > TURN_US_MAX) {
        this.resume();
        break;
      }
    }
    this.#isRunning = false;
    engine.moreFollows = false;
    engine.clock.settle();
    if (this.closed) return end;
    output.send(buffer, from, writer.pos, hold);
    if (this.closing) this.#endWhenSent();
    return at;
  }

  #muteReply(writer: { pos: number }, before: number): void {
    const { wrotePushes } = this;
    this.wrotePushes = false;
    if (this.replyMode === 'skip') {
      this.replyMode = 'skip-next';
      return;
    }
    if (!wrotePushes) writer.pos = before;
    if (this.replyMode === 'skip-next') this.replyMode = 'on';
  }

  /**
   * While a script has the only thread: reads what the client has sent and has `answer` write a reply to each command, which
   * is sent at once. Leaves alone who waits for something, or for whom something waits.
   * @param scratch for what is read
   */
  answerWhileBusy(scratch: Uint8Array, writer: RespWriter, answer: (connection: Connection, request: Request) => void): void {
    if (this.closed || this.closing || this.#mustWait || this.output.isHeld) return;
    const length = this.output.readBehind(scratch);
    if (length === 0) return;
    this.bytesIn += length;
    const pending = this.#pending;
    pending.append(scratch, 0, length);
    writer.reset();
    writer.proto = this.proto;
    for (;;) {
      const status = this.parser.parse(pending.buf, pending.start, pending.end, busyRequest);
      if (status === ParseStatus.incomplete) break;
      if (status === ParseStatus.error) {
        writer.error(this.parser.error);
        this.closing = true;
        break;
      }
      if (status === ParseStatus.command) answer(this, busyRequest);
      pending.consume(this.parser.next - pending.start);
      if (this.closing) break;
    }
    // The writer is used again for the next: what the kernel does not take must have bytes of its own.
    if (writer.pos > 0) this.output.sendNow(writer.buf.slice(0, writer.pos));
    if (this.closing) this.#endWhenSent();
  }

  /** Goes on with the input at hand once this turn is over. */
  resume(): void {
    this.#stopped = false;
    if (this.#resumeQueued || this.closed) return;
    this.#resumeQueued = true;
    setImmediate(() => {
      this.#resumeQueued = false;
      if (this.closing) this.#endWhenSent();
      if (this.closed || this.closing || this.session.blocked !== null) return;
      if (this.#pending.length > 0) this.server.enterTurn(() => this.#runPending());
      // What is left is the beginning of a command, whose rest is still to be read.
      if (this.#paused && !this.#mustWait) {
        this.#paused = false;
        this.socket.resume();
      }
    });
  }

  /** Whether the socket is to be read: false makes Node stop until `resume`. */
  get wantsInput(): boolean {
    if (this.closing || this.closed) return true;
    // A blocked client's or a back-pressured writer's input is taken up to a bound, so that its end is noticed.
    const wants = this.#pending.length < 1024 * 1024 || !this.#mustWait;
    if (!wants) this.#paused = true;
    return wants;
  }

  #checkInputLimit(): void {
    if (this.#pending.length <= this.server.config.clientQueryBufferLimit) return;
    this.server.inputLimitDisconnections++;
    this.server.log.warning(`Closing client that reached max query buffer length: ${this.address}`);
    this.close();
  }

  // ---- Output ----

  /** The gate's word that all turns up to `turn` are committed. */
  release(turn: number): void {
    this.output.release(turn);
    if (this.closing) this.#endWhenSent();
  }

  get inputBytes(): number {
    return this.#pending.length;
  }

  /** Gives up a reply that is too long, and the connection. */
  #dropReply(writer: RespWriter): void {
    writer.isFull = false;
    writer.pos = writer.replyStart;
    this.output.closeOverLimit();
  }

  /** Bytes [from, to) of `bytes` are replies of the primary to what was forwarded. */
  passOn(bytes: Uint8Array, from: number, to: number): void {
    if (this.closed) return;
    const buffer = this.server.output.prepare();
    const { writer } = buffer;
    const start = writer.pos;
    writer.raw(bytes, from, to - from);
    this.output.send(buffer, start, writer.pos, 0);
  }

  /** Commands that were forwarded and will not be answered are input again, before what is left of it. */
  takeBack(commands: readonly Uint8Array[]): void {
    if (commands.length > 0) {
      this.parser.restart();
      this.#pending.prepend(commands);
    }
    this.resume();
  }

  // ---- Late replies (SessionHost) ----

  beginReply(): Reply {
    const buffer = this.server.output.prepareLate();
    this.#lateBuffer = buffer;
    this.#lateStart = buffer.writer.pos;
    buffer.writer.proto = this.proto;
    buffer.writer.replyStart = this.#lateStart;
    buffer.writer.replyBytesMax = this.output.replyBytesMax;
    return buffer.writer;
  }

  dropReply(): void {
    this.#lateBuffer = null;
    if (this.#behindReply.length > 0 && !this.#isRunning) this.#sendBehindReply();
  }

  endReply(waitFor: number): void {
    if (this.replyMode !== 'on') this.#muteReply(this.#lateBuffer!.writer, this.#lateStart);
    this.#endLate(waitFor);
    this.resume();
  }

  #endLate(waitFor: number): void {
    const buffer = this.#lateBuffer!;
    this.#lateBuffer = null;
    const { writer } = buffer;
    if (writer.isFull || writer.pos - this.#lateStart > writer.replyBytesMax) this.#dropReply(writer);
    this.output.send(buffer, this.#lateStart, writer.pos, Math.max(waitFor, this.output.heldForTurn));
    if (this.#behindReply.length > 0 && !this.#isRunning) this.#sendBehindReply();
  }

  #sendBehindReply(): void {
    const messages = this.#behindReply;
    this.#behindReply = [];
    for (const { write, waitFor } of messages) this.#sendMessage(write, waitFor);
  }

  #sendMessage(write: (reply: Reply) => void, waitFor: number): void {
    write(this.beginReply());
    this.#endLate(waitFor);
  }

  /**
   * Sends what `write` writes, a message that answers no command, behind all replies so far.
   * @param waitFor the turn that must commit before it may leave; 0: none.
   */
  push(write: (reply: Reply) => void, waitFor = 0): void {
    if (this.closed) return;
    if (this.upstream?.isWithinReply === true) {
      this.upstream.behindReply(() => this.push(write));
      return;
    }
    if (this.#isRunning || this.#lateBuffer !== null) this.#behindReply.push({ write, waitFor });
    else this.#sendMessage(write, waitFor);
  }

  /** The gate's word that a write of this client may or may not come about: an error would make it try again (promise P5). */
  inDoubt(): void {
    this.close();
  }

  // ---- End ----

  /** Ends the connection once all replies are out. */
  closeAfterReplies(): void {
    this.closing = true;
  }

  #endWhenSent(): void {
    this.output.flush();
    if (this.output.isHeld || this.#unanswered > 0 || this.closed) return;
    this.socket.end();
    // The client may take its time to end its own side.
    this.server.connectionLeft(this);
  }

  get #isAllSent(): boolean {
    return !this.output.isHeld && this.#unanswered === 0 && this.output.bytes === 0;
  }

  /** Commands that the primary is still to answer. */
  get #unanswered(): number {
    return this.upstream?.outstanding ?? 0;
  }

  /**
   * Of a server that stops: ends the connection if no command of it is under way, so that nothing is in doubt.
   * @returns whether nothing more is to be sent to it
   */
  endAtRest(): boolean {
    if (this.closed) return true;
    if (!this.closing) {
      if (this.#stopped || this.#resumeQueued || this.#unanswered > 0 || this.output.isHeld) return false;
      this.closing = true;
      this.#endWhenSent();
    }
    return this.output.bytes === 0;
  }

  /** Ends the connection now; replies not sent are lost. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.upstream?.close();
    this.output.discard();
    this.socket.destroy();
    this.server.connectionClosed(this);
  }

  /** Whether the client is on this machine: connected through the loopback interface or a unix socket. */
  get isLocal(): boolean {
    const { remoteAddress } = this.socket;
    return remoteAddress === undefined || /^(127\.|::1$|::ffff:127\.)/.test(remoteAddress);
  }

  get localAddress(): string {
    if (this.socket.localAddress === undefined) return `${this.server.config.unixsocket}:0`;
    return `${this.socket.localFamily === 'IPv6' ? `[${this.socket.localAddress}]` : this.socket.localAddress}:${this.socket.localPort}`;
  }

  get address(): string {
    if (this.socket.remoteAddress === undefined) return `${this.server.config.unixsocket}:0`;
    return `${this.socket.remoteFamily === 'IPv6' ? `[${this.socket.remoteAddress}]` : this.socket.remoteAddress}:${this.socket.remotePort}`;
  }
}
