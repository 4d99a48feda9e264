/**
 * Both sides of the handshake on a fresh connection (handshake-messages.ts says what is spoken). Until it is over not a byte
 * goes anywhere else, and no more is held than the message that is due may be long. Knows neither timers nor who is connected.
 */
import { randomBytes } from 'node:crypto';
import { OperationalError } from '../../shared/errors.ts';
import {
  HANDSHAKE_HEAD_BYTES, HandshakeType, NONCE_BYTES, PROOF_BYTES, Purpose, VERSION_MAX, VERSION_MIN, commonVersion, decodeHello, decodeNumber,
  decodeRefusal, decodeStreamRequest, encodeHello, encodeNumber, encodeRefusal, encodeStreamRequest, handshakeBytesMax, handshakeMessage,
  proofOf, proves, type Hello, type StreamRequest,
} from './handshake-messages.ts';
import { PeerError, remoteError } from './peer-errors.ts';
import type { ByteConsumer, PeerSocket } from './peer-socket.ts';

/** This member, as it presents itself. */
export interface LocalMember {
  readonly memberId: string;
  readonly instance: string;
  readonly clusterId: string;
  readonly secret: string;
  readonly formatVersion: number;
}

/** The member at the other end, proved. */
export interface RemoteMember {
  readonly id: string;
  readonly instance: string;
  readonly clusterId: string;
  readonly formatVersion: number;
  /** Both sides know that they belong to the same cluster. */
  readonly joined: boolean;
}

/** Whoever waits for a handshake. Exactly one of its answers comes, at most once. */
export interface HandshakeOwner {
  /** The next number for the connection to `remote`: asked of the side with the smaller id, when it agrees to the connection. */
  number(remote: RemoteMember): number;
  /** As acceptor, this side agrees to a connection with `remote` that the other side now has to decide on. */
  agreed(remote: RemoteMember): void;
  /** The socket is the owner's: it sets another consumer before it returns. */
  messages(socket: PeerSocket, remote: RemoteMember, number: number): void;
  /** As a dialer the request is the one that was made. */
  stream(socket: PeerSocket, remote: RemoteMember, request: StreamRequest): void;
  question(socket: PeerSocket, remote: RemoteMember): void;
  /** It came to nothing; the socket is closed or about to be. */
  failed(error: OperationalError): void;
}

const NO_BYTES = Buffer.alloc(0);

/** Of the two ends of a connection the one with the smaller id decides which connection is used. */
export function decides(own: string, other: string): boolean {
  return own < other;
}

abstract class Handshake implements ByteConsumer {
  protected readonly socket: PeerSocket;
  protected readonly local: LocalMember;
  protected readonly owner: HandshakeOwner;
  protected ownHello: Buffer = NO_BYTES;
  #held: Buffer = NO_BYTES;
  #over = false;

  constructor(socket: PeerSocket, local: LocalMember, owner: HandshakeOwner) {
    this.socket = socket;
    this.local = local;
    this.owner = owner;
    socket.consumer = this;
  }

  consume(buffer: Uint8Array, start: number, end: number): void {
    let at = start;
    try {
      while (!this.#over) {
        const head = this.#hold(buffer, at, end, HANDSHAKE_HEAD_BYTES);
        at += head;
        if (this.#held.length < HANDSHAKE_HEAD_BYTES) return;
        const length = this.#held.readUInt16BE(0);
        const type = this.#held[2]!;
        if (length > handshakeBytesMax(type)) throw new PeerError('PEER_HANDSHAKE', 'what came is no message of the handshake');
        at += this.#hold(buffer, at, end, HANDSHAKE_HEAD_BYTES + length);
        if (this.#held.length < HANDSHAKE_HEAD_BYTES + length) return;
        const body = this.#held.subarray(HANDSHAKE_HEAD_BYTES);
        this.#held = NO_BYTES;
        this.message(type as HandshakeType, body);
      }
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.fail(error);
      return;
    }
    if (at < end) this.socket.consumer.consume(buffer, at, end);
  }

  /** Takes as many bytes as are missing to `whole`; returns how many that were. */
  #hold(buffer: Uint8Array, start: number, end: number, whole: number): number {
    const bytes = Math.min(end - start, Math.max(0, whole - this.#held.length));
    if (bytes > 0) this.#held = Buffer.concat([this.#held, buffer.subarray(start, start + bytes)]);
    return bytes;
  }

  disconnected(error: Error | null): void {
    if (this.#over) return;
    this.#over = true;
    this.owner.failed(new PeerError('PEER_DOWN', error?.message ?? 'the other side closed the connection during the handshake', error ?? undefined));
  }

  /** Gives the connection up. */
  fail(error: OperationalError): void {
    if (this.#over) return;
    this.#over = true;
    this.leave(error);
    this.owner.failed(error);
  }

  /** The handshake is over: bytes that come behind it are the new consumer's. */
  protected finish(): void {
    this.#over = true;
  }

  /** Closes the connection, with or without a word. */
  protected abstract leave(error: OperationalError): void;

  protected abstract message(type: HandshakeType, body: Buffer): void;

  protected remoteOf(hello: Hello): RemoteMember {
    const { clusterId } = this.local;
    if (hello.memberId === this.local.memberId) {
      const whose = hello.instance === this.local.instance ? 'the address is its own' : 'another process runs under the same id';
      throw new PeerError('PEER_SELF', `member ${hello.memberId} is connected to itself: ${whose}`);
    }
    if (hello.clusterId !== '' && clusterId !== '' && hello.clusterId !== clusterId) {
      throw new PeerError('PEER_CLUSTER', `${hello.memberId} belongs to cluster ${hello.clusterId}, ${this.local.memberId} to ${clusterId}`);
    }
    const joined = hello.clusterId !== '' && clusterId !== '';
    return { id: hello.memberId, instance: hello.instance, clusterId: hello.clusterId, formatVersion: hello.formatVersion, joined };
  }

  protected hello(purpose: Purpose, expectedId: string): Buffer {
    const { instance, memberId, clusterId, formatVersion } = this.local;
    return encodeHello({
      versionMin: VERSION_MIN, versionMax: VERSION_MAX, purpose, formatVersion, nonce: randomBytes(NONCE_BYTES), instance, memberId, clusterId, expectedId,
    });
  }

  protected wrongSecret(id: string): PeerError {
    return new PeerError('PEER_SECRET', `${id} and ${this.local.memberId} have different cluster secrets`);
  }
}

/** What a dialer wants. */
export interface Intent {
  readonly purpose: Purpose;
  /** Whom it expects at the address; '' if it does not know. */
  readonly expectedId: string;
  /** For a stream. */
  readonly request: StreamRequest | null;
}

/** The side that connected. Begins to speak with `begin`, once the socket is connected. */
export class DialerHandshake extends Handshake {
  readonly #intent: Intent;
  #hellos: Buffer = NO_BYTES;
  #remote: RemoteMember | null = null;

  constructor(socket: PeerSocket, local: LocalMember, owner: HandshakeOwner, intent: Intent) {
    super(socket, local, owner);
    this.#intent = intent;
  }

  /** Whether the other side may agree at any moment. */
  get hasProved(): boolean {
    return this.#hellos.length > 0;
  }

  begin(): void {
    this.ownHello = this.hello(this.#intent.purpose, this.#intent.expectedId);
    this.socket.write(handshakeMessage(HandshakeType.hello, this.ownHello));
  }

  protected leave(): void {
    this.socket.destroy();
  }

  protected message(type: HandshakeType, body: Buffer): void {
    if (type === HandshakeType.refusal) {
      const { code, message } = decodeRefusal(body);
      this.finish();
      this.socket.destroy();
      this.owner.failed(remoteError(code, message));
    } else if (type === HandshakeType.reply && this.#remote === null) this.#prove(body);
    else if (type === HandshakeType.accept && this.#remote !== null) this.#accepted(body, this.#remote);
    else throw new PeerError('PEER_HANDSHAKE', 'a message of the handshake came out of turn');
  }

  #prove(body: Buffer): void {
    const hello = decodeHello(body);
    commonVersion(hello);
    this.#remote = this.remoteOf(hello);
    const { expectedId, request } = this.#intent;
    if (expectedId !== '' && hello.memberId !== expectedId) {
      throw new PeerError('PEER_WRONG_MEMBER', `at the address of ${expectedId} listens ${hello.memberId}`);
    }
    this.#hellos = Buffer.concat([this.ownHello, body]);
    const beside = request === null ? NO_BYTES : encodeStreamRequest(request);
    const proof = proofOf(this.local.secret, 'dialer', this.#hellos, this.socket.channelBinding(), beside);
    this.socket.write(handshakeMessage(HandshakeType.proof, proof, beside));
  }

  #accepted(body: Buffer, remote: RemoteMember): void {
    const beside = body.subarray(PROOF_BYTES);
    const expected = proofOf(this.local.secret, 'acceptor', this.#hellos, this.socket.channelBinding(), beside);
    if (!proves(body.subarray(0, PROOF_BYTES), expected)) throw this.wrongSecret(remote.id);
    let number = decodeNumber(beside);
    this.finish();
    const { purpose, request } = this.#intent;
    if (purpose === Purpose.ask) this.owner.question(this.socket, remote);
    else if (request !== null) this.owner.stream(this.socket, remote, request);
    else {
      if (decides(this.local.memberId, remote.id)) {
        number = this.owner.number(remote);
        this.socket.write(handshakeMessage(HandshakeType.go, encodeNumber(number)));
      }
      this.owner.messages(this.socket, remote, number);
    }
  }
}

/** The side that was connected to. */
export class AcceptorHandshake extends Handshake {
  #theirHello: Hello | null = null;
  #hellos: Buffer = NO_BYTES;
  /** Set once the dialer has proved itself and decides. */
  #waiting: RemoteMember | null = null;

  /** A dialer hears why, so that its operator does; what is no member does not. */
  protected leave(error: OperationalError): void {
    if (!(error instanceof PeerError) || error.code === 'PEER_HANDSHAKE') {
      this.socket.destroy();
      return;
    }
    this.socket.write(handshakeMessage(HandshakeType.refusal, encodeRefusal(error)));
    this.socket.end();
  }

  protected message(type: HandshakeType, body: Buffer): void {
    if (type === HandshakeType.hello && this.#theirHello === null) this.#reply(body);
    else if (type === HandshakeType.proof && this.#theirHello !== null && this.#waiting === null) this.#judge(body, this.#theirHello);
    else if (type === HandshakeType.go && this.#waiting !== null) {
      this.finish();
      this.owner.messages(this.socket, this.#waiting, decodeNumber(body));
    } else throw new PeerError('PEER_HANDSHAKE', 'a message of the handshake came out of turn');
  }

  #reply(body: Buffer): void {
    const hello = decodeHello(body);
    commonVersion(hello);
    this.#theirHello = hello;
    this.ownHello = this.hello(hello.purpose, '');
    this.#hellos = Buffer.concat([body, this.ownHello]);
    this.socket.write(handshakeMessage(HandshakeType.reply, this.ownHello));
  }

  #judge(body: Buffer, hello: Hello): void {
    const { secret, memberId } = this.local;
    const beside = body.subarray(PROOF_BYTES);
    const binding = this.socket.channelBinding();
    if (!proves(body.subarray(0, PROOF_BYTES), proofOf(secret, 'dialer', this.#hellos, binding, beside))) throw this.wrongSecret(hello.memberId);
    const remote = this.remoteOf(hello);
    if (hello.expectedId !== '' && hello.expectedId !== memberId) {
      throw new PeerError('PEER_WRONG_MEMBER', `${hello.memberId} looks for ${hello.expectedId} at the address of ${memberId}`);
    }
    const { purpose } = hello;
    if (purpose === Purpose.stream && !remote.joined) throw new PeerError('PEER_NOT_JOINED', `${remote.id} or ${memberId} has not joined the cluster`);
    const request = purpose === Purpose.stream ? decodeStreamRequest(beside) : null;
    const deciding = purpose === Purpose.messages && decides(memberId, remote.id);
    const number = encodeNumber(deciding ? this.owner.number(remote) : 0);
    this.socket.write(handshakeMessage(HandshakeType.accept, proofOf(secret, 'acceptor', this.#hellos, binding, number), number));
    if (purpose === Purpose.messages && !deciding) {
      this.#waiting = remote;
      this.owner.agreed(remote);
      return;
    }
    this.finish();
    if (request !== null) this.owner.stream(this.socket, remote, request);
    else if (purpose === Purpose.ask) this.owner.question(this.socket, remote);
    else this.owner.messages(this.socket, remote, decodeNumber(number));
  }
}
