/** One attempt to reach a member: connects, speaks TLS if told to, and shakes hands, all within one limit of time. */
import tls from 'node:tls';
import { InvariantViolation, type OperationalError } from '../../shared/errors.ts';
import { DialerHandshake, type HandshakeOwner, type Intent, type LocalMember, type RemoteMember } from './handshake.ts';
import type { StreamRequest } from './handshake-messages.ts';
import { PeerError } from './peer-errors.ts';
import { PeerSocket } from './peer-socket.ts';
import type { PeerAddress, PeerTls } from './peer-network.ts';

/** Members' certificates are made by the cluster's own authority; nothing older is needed, and key material is unique to the connection. */
export const TLS_VERSION_MIN = 'TLSv1.3';

export interface DialOptions {
  readonly address: PeerAddress;
  readonly tls: PeerTls | null;
  readonly local: LocalMember;
  readonly intent: Intent;
  readonly timeoutMs: number;
}

export class Dial implements HandshakeOwner {
  readonly #owner: HandshakeOwner;
  readonly #socket: PeerSocket;
  readonly #handshake: DialerHandshake;
  readonly #timer: NodeJS.Timeout;

  /** Tells `owner` once how it ended. */
  constructor(options: DialOptions, owner: HandshakeOwner) {
    const { address } = options;
    this.#owner = owner;
    this.#socket = options.tls === null ? PeerSocket.connect(address) : securely(address, options.tls);
    this.#handshake = new DialerHandshake(this.#socket, options.local, this, options.intent);
    this.#socket.socket.once(options.tls === null ? 'connect' : 'secureConnect', () => {
      this.#socket.socket.setNoDelay(true);
      this.#handshake.begin();
    });
    this.#timer = setTimeout(() => {
      const what = this.#socket.bytesIn === 0 ? 'no connection or not a word' : 'no end of the handshake';
      this.#handshake.fail(new PeerError('PEER_HANDSHAKE', `${what} within ${options.timeoutMs} ms`));
    }, options.timeoutMs);
  }

  /** Gives up without telling the owner. */
  abort(): void {
    clearTimeout(this.#timer);
    this.#socket.destroy();
  }

  /** Whether the other side may agree at any moment. */
  get hasProved(): boolean {
    return this.#handshake.hasProved;
  }

  agreed(): void {
    throw new InvariantViolation('dial: a dialer waits for nobody to decide');
  }

  fail(error: OperationalError): void {
    this.#handshake.fail(error);
  }

  number(remote: RemoteMember): number {
    return this.#owner.number(remote);
  }

  messages(socket: PeerSocket, remote: RemoteMember, number: number): void {
    clearTimeout(this.#timer);
    this.#owner.messages(socket, remote, number);
  }

  stream(socket: PeerSocket, remote: RemoteMember, request: StreamRequest): void {
    clearTimeout(this.#timer);
    this.#owner.stream(socket, remote, request);
  }

  question(socket: PeerSocket, remote: RemoteMember): void {
    clearTimeout(this.#timer);
    this.#owner.question(socket, remote);
  }

  failed(error: OperationalError): void {
    clearTimeout(this.#timer);
    this.#owner.failed(error);
  }
}

function securely(address: PeerAddress, certificates: PeerTls): PeerSocket {
  // The authority vouches for members, and the handshake says which one it is: names of hosts come and go.
  const checkServerIdentity = (): undefined => undefined;
  const { host, port } = address;
  return PeerSocket.secured(tls.connect({ host, port, ...certificates, minVersion: TLS_VERSION_MIN, checkServerIdentity }));
}
