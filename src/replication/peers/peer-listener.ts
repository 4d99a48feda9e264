/**
 * Listens for members and shakes hands with them. Those who have not proved themselves are held to a number, a time and a few
 * bytes; a crowd of them from one address pushes out its own.
 */
import net from 'node:net';
import tls from 'node:tls';
import type { OperationalError } from '../../shared/errors.ts';
import { TLS_VERSION_MIN } from './dial.ts';
import { AcceptorHandshake, type HandshakeOwner, type LocalMember, type RemoteMember } from './handshake.ts';
import type { StreamRequest } from './handshake-messages.ts';
import { PeerError } from './peer-errors.ts';
import { PeerSocket } from './peer-socket.ts';
import type { ListenAddress, PeerTls } from './peer-network.ts';

const UNPROVED_MAX = 256;

export interface ListenerOwner extends Omit<HandshakeOwner, 'failed'> {
  /** As of now. */
  readonly local: LocalMember;
  readonly handshakeMaxMs: number;
  /** Somebody was turned away. */
  refused(address: string, error: OperationalError): void;
}

/** @throws PeerError PEER_TLS_INVALID */
export function secureContext(certificates: PeerTls): tls.SecureContext {
  try {
    return tls.createSecureContext({ ...certificates, minVersion: TLS_VERSION_MIN });
  } catch (error) {
    throw new PeerError('PEER_TLS_INVALID', `certificate, key or authority of members cannot be used: ${(error as Error).message}`, error);
  }
}

/** Somebody who has not proved anything yet. */
class Visitor implements HandshakeOwner {
  readonly address: string;
  readonly #owner: ListenerOwner;
  readonly #visitors: Set<Visitor>;
  readonly #raw: net.Socket;
  readonly #timer: NodeJS.Timeout;
  #handshake: AcceptorHandshake | null = null;

  constructor(raw: net.Socket, owner: ListenerOwner, visitors: Set<Visitor>) {
    this.address = raw.remoteAddress ?? '';
    this.#raw = raw;
    this.#owner = owner;
    this.#visitors = visitors;
    this.#timer = setTimeout(() => {
      this.drop(new PeerError('PEER_HANDSHAKE', `no end of the handshake within ${owner.handshakeMaxMs} ms`));
    }, owner.handshakeMaxMs);
    visitors.add(this);
  }

  /** Begins the handshake. */
  receive(socket: PeerSocket): void {
    this.#handshake = new AcceptorHandshake(socket, this.#owner.local, this);
  }

  drop(error: PeerError): void {
    if (this.#handshake !== null) this.#handshake.fail(error);
    else {
      this.#raw.destroy();
      this.failed(error);
    }
  }

  #leave(): void {
    clearTimeout(this.#timer);
    this.#visitors.delete(this);
  }

  number(remote: RemoteMember): number {
    return this.#owner.number(remote);
  }

  agreed(remote: RemoteMember): void {
    this.#owner.agreed(remote);
  }

  messages(socket: PeerSocket, remote: RemoteMember, number: number): void {
    this.#leave();
    this.#owner.messages(socket, remote, number);
  }

  stream(socket: PeerSocket, remote: RemoteMember, request: StreamRequest): void {
    this.#leave();
    this.#owner.stream(socket, remote, request);
  }

  question(socket: PeerSocket, remote: RemoteMember): void {
    this.#leave();
    this.#owner.question(socket, remote);
  }

  failed(error: OperationalError): void {
    if (!this.#visitors.has(this)) return;
    this.#leave();
    this.#owner.refused(this.address, error);
  }
}

export class PeerListener {
  readonly #owner: ListenerOwner;
  readonly #servers: (net.Server | tls.Server)[] = [];
  readonly #visitors = new Set<Visitor>();
  /** TLS connections whose certificates are still being checked, by the port they come from. */
  readonly #securing = new Map<string, Visitor>();
  #tls: PeerTls | null;

  constructor(owner: ListenerOwner, certificates: PeerTls | null) {
    this.#owner = owner;
    this.#tls = certificates;
  }

  /** Of those who have not proved themselves. */
  get visitors(): number {
    return this.#visitors.size;
  }

  get port(): number {
    const address = this.#servers[0]?.address() ?? null;
    return address !== null && typeof address === 'object' ? address.port : 0;
  }

  /** @throws PeerError PEER_LISTEN_FAILED */
  async listen({ host, port, optional }: ListenAddress): Promise<void> {
    const server = this.#tls === null ? this.#plainServer() : this.#secureServer(this.#tls);
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        // The wildcard of IPv6 would take the port of IPv4's as well.
        server.listen({ host, port, ipv6Only: true }, resolve);
      });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (optional === true && (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT')) return;
      throw new PeerError('PEER_LISTEN_FAILED', `cannot listen for members on ${host}:${port}: ${message}`, error);
    }
    this.#servers.push(server);
  }

  #plainServer(): net.Server {
    return net.createServer({ pauseOnConnect: true, noDelay: true }, (accepted) => {
      const visitor = this.#visit(accepted);
      const socket = PeerSocket.accepted(accepted);
      if (socket === null) visitor.drop(new PeerError('PEER_DOWN', 'the other side closed the connection'));
      else visitor.receive(socket);
    });
  }

  #secureServer(certificates: PeerTls): tls.Server {
    const options = { ...certificates, requestCert: true, rejectUnauthorized: true, minVersion: TLS_VERSION_MIN } as const;
    const server = tls.createServer(options, (socket) => {
      const visitor = this.#securing.get(origin(socket));
      socket.setNoDelay(true);
      if (visitor === undefined) socket.destroy();
      else visitor.receive(PeerSocket.secured(socket));
    });
    server.on('connection', (raw: net.Socket) => {
      const key = origin(raw);
      const visitor = this.#visit(raw);
      this.#securing.set(key, visitor);
      raw.once('close', () => {
        this.#securing.delete(key);
        visitor.drop(new PeerError('PEER_DOWN', 'the other side closed the connection'));
      });
    });
    server.on('tlsClientError', (error, socket) => {
      // Node closes a connection with a foreign certificate before it tells, and then knows no address any more.
      const why = socket.authorizationError as unknown;
      const refusal = new PeerError('PEER_HANDSHAKE', `TLS: ${typeof why === 'string' ? why : error.message}`, error);
      const visitor = this.#securing.get(origin(socket));
      if (visitor !== undefined) visitor.drop(refusal);
      else if (typeof why === 'string') this.#owner.refused('somewhere', refusal);
    });
    return server;
  }

  #visit(raw: net.Socket): Visitor {
    if (this.#visitors.size >= UNPROVED_MAX) this.#pushOut();
    return new Visitor(raw, this.#owner, this.#visitors);
  }

  /** Drops the oldest visitor from the address that most of them come from. */
  #pushOut(): void {
    const counts = new Map<string, number>();
    for (const { address } of this.#visitors) counts.set(address, (counts.get(address) ?? 0) + 1);
    let most = 0;
    let crowd = '';
    for (const [address, count] of counts) {
      if (count <= most) continue;
      most = count;
      crowd = address;
    }
    for (const visitor of this.#visitors) {
      if (visitor.address !== crowd) continue;
      visitor.drop(new PeerError('PEER_BUSY', 'too many connections that have not proved themselves'));
      return;
    }
  }

  /** @throws PeerError PEER_TLS_INVALID */
  setTls(certificates: PeerTls): void {
    secureContext(certificates);
    this.#tls = certificates;
    for (const server of this.#servers) if (server instanceof tls.Server) server.setSecureContext({ ...certificates, minVersion: TLS_VERSION_MIN });
  }

  /** Stops listening and turns away those who have not proved themselves. */
  async close(): Promise<void> {
    const closed = this.#servers.map((server) => new Promise<void>((resolve) => {
      server.close(() => resolve());
    }));
    for (const visitor of this.#visitors) visitor.drop(new PeerError('PEER_CLOSED', 'this member is about to end'));
    await Promise.all(closed);
  }
}

function origin(socket: net.Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
