/**
 * An established message connection: frames of all groups in both directions, questions and answers, and pings by which a
 * connection is found dead that nobody has closed. Must never hold more than its bounds, nor wait for a receiver.
 */
import { crc32 } from 'node:zlib';
import { OperationalError } from '../../shared/errors.ts';
import { FrameQueue, FrameReader, type FrameSink, FrameType, type FrameWriter } from './frames.ts';
import type { RemoteMember } from './handshake.ts';
import { PeerError, remoteError } from './peer-errors.ts';
import type { ByteConsumer, PeerSocket } from './peer-socket.ts';
import { FRAME_BYTES_MAX, type FrameSlot, type PeerTiming } from './peer-network.ts';

/** Names of groups that one connection may carry, in each direction. */
const GROUPS_MAX = 65535;
const GROUP_BYTES_MAX = 64;
/** Questions without an answer on one connection, in each direction. */
const ASKS_MAX = 1024;
const KIND_BYTES_MAX = 64;
/** Number of the question and CRC of what follows. */
const ASK_HEAD_BYTES = 8;
const ROUND_TRIP_EVERY_MS = 1000;

export interface LinkOwner {
  readonly queueBytesMax: number;
  readonly timing: PeerTiming;
  nowMs(): number;
  message(link: MessageLink, group: string, frame: Uint8Array, mayKeep: boolean): void;
  asked(link: MessageLink, group: string, kind: string, body: Uint8Array): Promise<Uint8Array>;
  /** The link has something for the next `flush`. */
  unflushed(link: MessageLink): void;
  /** Told once. The link is out of use. */
  ended(link: MessageLink, error: OperationalError): void;
}

interface Question {
  readonly resolve: (body: Uint8Array) => void;
  readonly reject: (error: OperationalError) => void;
  readonly timer: NodeJS.Timeout;
}

export class MessageLink implements ByteConsumer, FrameSink, FrameWriter {
  readonly remote: RemoteMember;
  /** Of the connections to one member the one with the highest number is used. */
  readonly number: number;
  readonly establishedMs: number;
  rttMs = -1;
  #ended = false;
  readonly #socket: PeerSocket;
  readonly #owner: LinkOwner;
  readonly #reader = new FrameReader(this);
  readonly #queue = new FrameQueue(this);
  #dirty = false;
  readonly #groupNumbers = new Map<string, number>();
  readonly #groupNames: string[] = [];
  // Frames mostly come in runs of one group.
  #lastGroup = '';
  #lastNumber = -1;
  readonly #questions = new Map<number, Question>();
  #lastQuestion = 0;
  #answering = 0;
  #lastInMs: number;
  #lastOutMs: number;
  #lastPingMs: number;

  constructor(socket: PeerSocket, remote: RemoteMember, number: number, owner: LinkOwner) {
    this.#socket = socket;
    this.remote = remote;
    this.number = number;
    this.#owner = owner;
    this.establishedMs = owner.nowMs();
    this.#lastInMs = this.establishedMs;
    this.#lastOutMs = this.establishedMs;
    this.#lastPingMs = this.establishedMs - ROUND_TRIP_EVERY_MS;
    socket.consumer = this;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get bytesIn(): number {
    return this.#socket.bytesIn;
  }

  get bytesOut(): number {
    return this.#socket.bytesOut;
  }

  get queueBytes(): number {
    return this.#queue.length + this.#socket.unwritten;
  }

  // ---- Out ----

  /** See PeerNetwork.reserve. */
  reserve(group: string, bytes: number): FrameSlot | null {
    if (bytes > FRAME_BYTES_MAX || this.#ended || this.queueBytes + bytes > this.#owner.queueBytesMax) return null;
    if (group !== this.#lastGroup || this.#lastNumber < 0) this.#useGroup(group);
    return this.#reserve(FrameType.message, this.#lastNumber, bytes);
  }

  #reserve(type: FrameType, group: number, bytes: number): FrameSlot {
    if (!this.#dirty) {
      this.#dirty = true;
      this.#owner.unflushed(this);
    }
    return this.#queue.reserve(type, group, bytes);
  }

  #useGroup(group: string): void {
    let number = this.#groupNumbers.get(group);
    if (number === undefined) {
      number = this.#groupNumbers.size;
      const name = Buffer.from(group, 'latin1');
      if (number >= GROUPS_MAX || name.length > GROUP_BYTES_MAX) throw new PeerError('PEER_PROTOCOL', `too many groups, or too long a name: ${group}`);
      this.#groupNumbers.set(group, number);
      const { buffer, at } = this.#reserve(FrameType.group, number, name.length);
      buffer.set(name, at);
    }
    this.#lastGroup = group;
    this.#lastNumber = number;
  }

  /** Writes what is queued. */
  flush(): void {
    this.#dirty = false;
    if (!this.#ended) this.#queue.flush();
  }

  // FrameWriter, for the queue.
  write(bytes: Uint8Array): void {
    this.#lastOutMs = this.#owner.nowMs();
    this.#socket.write(bytes);
  }

  get unwritten(): number {
    return this.#socket.unwritten;
  }

  // ---- Questions ----

  /** See PeerNetwork.ask. */
  ask(group: string, kind: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const name = Buffer.from(kind, 'latin1');
    const bytes = ASK_HEAD_BYTES + 1 + name.length + body.length;
    if (this.#questions.size >= ASKS_MAX || this.queueBytes + bytes > this.#owner.queueBytesMax) {
      return Promise.reject(new PeerError('PEER_BUSY', `too much is waiting for ${this.remote.id}`));
    }
    if (bytes > FRAME_BYTES_MAX || name.length > KIND_BYTES_MAX) return Promise.reject(new PeerError('PEER_PROTOCOL', `a question of ${bytes} bytes`));
    this.#useGroup(group);
    this.#lastQuestion = (this.#lastQuestion + 1) >>> 0;
    const id = this.#lastQuestion;
    this.#writeAsk(FrameType.ask, id, this.#lastNumber, Buffer.concat([Buffer.of(name.length), name]), body);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#questions.delete(id);
        reject(new PeerError('PEER_TIMEOUT', `${this.remote.id} has not answered '${kind}' within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#questions.set(id, { resolve, reject, timer });
    });
  }

  #writeAsk(type: FrameType, id: number, group: number, name: Buffer, body: Uint8Array): void {
    const slot = this.#reserve(type, group, ASK_HEAD_BYTES + name.length + body.length);
    const { buffer, at } = slot;
    const view = Buffer.from(buffer.buffer, buffer.byteOffset + at, ASK_HEAD_BYTES + name.length + body.length);
    view.writeUInt32BE(id, 0);
    view.set(name, ASK_HEAD_BYTES);
    view.set(body, ASK_HEAD_BYTES + name.length);
    view.writeUInt32BE(crc32(view.subarray(ASK_HEAD_BYTES)), 4);
    this.flush();
  }

  #asked(id: number, group: number, content: Buffer): void {
    const nameEnd = 1 + (content[0] ?? 0);
    if (nameEnd > content.length) throw new PeerError('PEER_PROTOCOL', 'a question is too short');
    if (this.#answering >= ASKS_MAX) {
      this.#fail(id, new PeerError('PEER_BUSY', 'too many questions are waiting for an answer'));
      return;
    }
    const kind = content.toString('latin1', 1, nameEnd);
    this.#answering++;
    this.#owner.asked(this, this.#groupName(group), kind, Uint8Array.prototype.slice.call(content, nameEnd)).then((body) => {
      this.#answering--;
      if (this.#ended) return;
      if (ASK_HEAD_BYTES + body.length > FRAME_BYTES_MAX) this.#fail(id, new PeerError('PEER_PROTOCOL', `an answer of ${body.length} bytes`));
      else this.#writeAsk(FrameType.answer, id, 0, Buffer.alloc(0), body);
    }, (error: unknown) => {
      this.#answering--;
      // Anything else is a bug: it must end the process, not a promise that nobody looks at.
      if (!(error instanceof OperationalError)) setImmediate(() => { throw error; });
      else if (!this.#ended) this.#fail(id, error);
    });
  }

  #fail(id: number, error: OperationalError): void {
    const code = Buffer.from(error.code.slice(0, 255), 'latin1');
    this.#writeAsk(FrameType.failure, id, 0, Buffer.concat([Buffer.of(code.length), code]), Buffer.from(error.message, 'utf8'));
  }

  #answered(type: FrameType, id: number, content: Buffer): void {
    const question = this.#questions.get(id);
    if (question === undefined) return;
    this.#questions.delete(id);
    clearTimeout(question.timer);
    if (type === FrameType.answer) {
      question.resolve(Uint8Array.prototype.slice.call(content));
      return;
    }
    const codeEnd = 1 + (content[0] ?? 0);
    question.reject(remoteError(content.toString('latin1', 1, codeEnd), content.toString('utf8', codeEnd)));
  }

  // ---- In ----

  consume(buffer: Uint8Array, start: number, end: number): void {
    this.#lastInMs = this.#owner.nowMs();
    try {
      this.#reader.consume(buffer, start, end);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.close(error);
    }
  }

  frame(type: FrameType, group: number, body: Uint8Array, mayKeep: boolean): void {
    switch (type) {
      case FrameType.message:
        if (!this.remote.joined) throw new PeerError('PEER_NOT_JOINED', 'a message from a member that has not joined, or to one');
        this.#owner.message(this, this.#groupName(group), body, mayKeep);
        return;
      case FrameType.group:
        if (group !== this.#groupNames.length || body.length > GROUP_BYTES_MAX) throw new PeerError('PEER_PROTOCOL', 'a group is named out of turn');
        this.#groupNames.push(Buffer.from(body).toString('latin1'));
        return;
      case FrameType.ping:
      case FrameType.pong:
        this.#pinged(type, body);
        return;
      default:
        this.#askFrame(type, group, body);
    }
  }

  #groupName(group: number): string {
    const name = this.#groupNames[group];
    if (name === undefined) throw new PeerError('PEER_PROTOCOL', `a frame of group ${group}, which has no name`);
    return name;
  }

  #askFrame(type: FrameType, group: number, body: Uint8Array): void {
    const view = Buffer.from(body.buffer, body.byteOffset, body.length);
    if (view.length < ASK_HEAD_BYTES) throw new PeerError('PEER_PROTOCOL', 'a question or answer is too short');
    const content = view.subarray(ASK_HEAD_BYTES);
    if (crc32(content) !== view.readUInt32BE(4)) throw new PeerError('PEER_PROTOCOL', 'the checksum of a question or answer is wrong');
    const id = view.readUInt32BE(0);
    if (type === FrameType.ask) this.#asked(id, group, content);
    else this.#answered(type, id, content);
  }

  // ---- Life ----

  #pinged(type: FrameType, body: Uint8Array): void {
    if (body.length !== 8) throw new PeerError('PEER_PROTOCOL', 'a ping or pong of a wrong length');
    const view = new DataView(body.buffer, body.byteOffset, 8);
    if (type === FrameType.pong) {
      this.rttMs = Math.max(0, this.#owner.nowMs() - view.getFloat64(0));
      return;
    }
    const { buffer, at } = this.#reserve(FrameType.pong, 0, 8);
    buffer.set(body, at);
    this.flush();
  }

  /**
   * To be called several times within `silenceMaxMs`. `stalledMs`: for how long this process was not able to notice anything,
   * which must not be taken for the other side's silence.
   */
  tick(stalledMs: number): void {
    const nowMs = this.#owner.nowMs();
    const { pingAfterMs, silenceMaxMs } = this.#owner.timing;
    this.#lastInMs += stalledMs;
    if (nowMs - this.#lastInMs > silenceMaxMs) {
      this.close(new PeerError('PEER_SILENT', `nothing came from ${this.remote.id} for ${Math.round(nowMs - this.#lastInMs)} ms`));
      return;
    }
    // Who has nothing to say pings, whatever it hears: behind a long frame of ours no question for a sign of life gets through.
    if (nowMs - this.#lastOutMs >= pingAfterMs || nowMs - this.#lastPingMs >= ROUND_TRIP_EVERY_MS) {
      this.#lastPingMs = nowMs;
      const { buffer, at } = this.#reserve(FrameType.ping, 0, 8);
      new DataView(buffer.buffer, buffer.byteOffset + at, 8).setFloat64(0, nowMs);
    }
    this.flush();
  }

  disconnected(error: Error | null): void {
    const why = error === null ? `${this.remote.id} closed the connection` : error.message;
    this.close(new PeerError('PEER_DOWN', why, error ?? undefined));
  }

  /** Ends the link; what is queued still goes out if it can at once. */
  close(error: OperationalError): void {
    if (this.#ended) return;
    this.#queue.flush();
    this.#ended = true;
    this.#reader.stop();
    if (error.code === 'PEER_CLOSED') this.#socket.end();
    else this.#socket.destroy();
    for (const question of this.#questions.values()) {
      clearTimeout(question.timer);
      question.reject(new PeerError('PEER_DOWN', `the connection to ${this.remote.id} broke: ${error.message}`, error));
    }
    this.#questions.clear();
    this.#owner.ended(this, error);
  }
}
