/**
 * The transport between the members of a cluster. One connection for each pair of members carries the frames of all groups
 * (shards); streams have connections of their own. It knows nothing of Raft: frames are bytes, and may be lost when a
 * connection breaks or its queue is full. Nothing reaches it from anybody who has not proved that he belongs here.
 */
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { InvariantViolation, type OperationalError, invariant } from '../../shared/errors.ts';
import { Dial } from './dial.ts';
import type { HandshakeOwner, LocalMember, RemoteMember } from './handshake.ts';
import { INSTANCE_BYTES, Purpose, type StreamRequest, isClusterId, isMemberId } from './handshake-messages.ts';
import { MessageLink } from './message-link.ts';
import { Peer, type PeerOwner } from './peer.ts';
import { PeerError } from './peer-errors.ts';
import {
  FRAME_BYTES_MAX, type FrameSlot, type PeerAddress, type PeerNetwork, type PeerStatus, type PeerTiming, type PeerTls, type PeerTransportOptions,
  type StreamHeader,
} from './peer-network.ts';
import { type ListenerOwner, PeerListener, secureContext } from './peer-listener.ts';
import type { PeerSocket } from './peer-socket.ts';
import { PeerStream } from './peer-stream.ts';
import { RefusalLog } from './refusal-log.ts';

const DEFAULT_TIMING: PeerTiming = { handshakeMaxMs: 2000, backoffMinMs: 50, backoffMaxMs: 1000, pingAfterMs: 250, silenceMaxMs: 1000 };
/** Members that dialled us and that `setPeers` does not name: the configuration that names them may not have come yet. */
const UNNAMED_MAX = 64;
const STREAMS_MAX = 16384;
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;

/** The network over TCP and TLS. */
export class PeerTransport implements PeerNetwork, PeerOwner, ListenerOwner {
  readonly queueBytesMax: number;
  readonly timing: PeerTiming;
  local: LocalMember;
  tls: PeerTls | null;
  readonly #options: PeerTransportOptions;
  readonly #joinKinds: ReadonlySet<string>;
  readonly #listener: PeerListener;
  readonly #peers = new Map<string, Peer>();
  /** Links for single questions. */
  readonly #asking = new Set<MessageLink>();
  readonly #dials = new Set<Dial>();
  #streams = 0;
  #lastNumber = 0;
  #unflushed: MessageLink[] = [];
  readonly #refusals: RefusalLog;
  #timer: NodeJS.Timeout | null = null;
  #lastTickMs = 0;
  #closed = false;

  private constructor(options: PeerTransportOptions) {
    const { memberId, clusterId, secret, formatVersion } = options;
    this.#options = options;
    this.queueBytesMax = options.queueBytesMax ?? 2 * FRAME_BYTES_MAX;
    this.timing = { ...DEFAULT_TIMING, ...options.timing };
    this.local = { memberId, clusterId, secret, formatVersion, instance: randomBytes(INSTANCE_BYTES).toString('hex') };
    this.tls = options.tls;
    this.#joinKinds = new Set(options.joinKinds);
    this.#listener = new PeerListener(this, options.tls);
    this.#refusals = new RefusalLog((message) => options.warn(message), () => this.nowMs());
  }

  /** @throws PeerError PEER_LISTEN_FAILED, PEER_TLS_INVALID, PEER_SECRET_MISSING */
  static async listen(options: PeerTransportOptions): Promise<PeerTransport> {
    invariant(isMemberId(options.memberId) && isClusterId(options.clusterId), 'peer transport: a malformed id');
    if (options.tls !== null) secureContext(options.tls);
    else if (options.secret === '' && !options.listen.every(({ host }) => LOOPBACK.test(host))) {
      throw new PeerError('PEER_SECRET_MISSING', 'members need a secret or certificates to be told from strangers');
    }
    const transport = new PeerTransport(options);
    try {
      for (const each of options.listen) await transport.#listener.listen({ ...each, port: each.port === 0 ? transport.port : each.port });
    } catch (error) {
      await transport.close();
      throw error;
    }
    transport.#lastTickMs = transport.nowMs();
    transport.#timer = setInterval(() => transport.#tick(), transport.timing.pingAfterMs);
    return transport;
  }

  /** The port listened on. */
  get port(): number {
    return this.#listener.port;
  }

  get handshakeMaxMs(): number {
    return this.timing.handshakeMaxMs;
  }

  /** Connections that have proved nothing yet. */
  get visitors(): number {
    return this.#listener.visitors;
  }

  nowMs(): number {
    return this.#options.nowMs === undefined ? performance.now() : this.#options.nowMs();
  }

  random(): number {
    return this.#options.random === undefined ? Math.random() : this.#options.random();
  }

  notice(message: string): void {
    this.#options.notice(message);
  }

  warn(message: string): void {
    this.#options.warn(message);
  }

  // ---- Who is there ----

  setPeers(peers: ReadonlyMap<string, PeerAddress>): void {
    for (const [id, peer] of this.#peers) {
      if (peers.has(id) || peer.address === null) continue;
      peer.close(new PeerError('PEER_CLOSED', `${id} is no longer a member`));
      this.#peers.delete(id);
    }
    for (const [id, address] of peers) {
      invariant(id !== this.local.memberId, 'peer transport: a member is no peer of its own');
      this.#peer(id).setAddress(address);
    }
  }

  #peer(id: string): Peer {
    let peer = this.#peers.get(id);
    if (peer === undefined) {
      peer = new Peer(id, this);
      this.#peers.set(id, peer);
    }
    return peer;
  }

  /** This member has learnt which cluster it belongs to: connections that were only for joining are made anew. */
  setClusterId(clusterId: string): void {
    invariant(isClusterId(clusterId), 'peer transport: a malformed cluster id');
    this.local = { ...this.local, clusterId };
    for (const peer of this.#peers.values()) {
      if (peer.link === null || peer.link.remote.joined) continue;
      peer.link.close(new PeerError('PEER_CLOSED', 'the cluster is joined'));
      peer.redial();
    }
  }

  /** New certificates for connections from now on. @throws PeerError PEER_TLS_INVALID */
  setTls(tls: PeerTls): void {
    invariant(this.tls !== null, 'peer transport: TLS cannot be begun while running');
    this.#listener.setTls(tls);
    this.tls = tls;
  }

  peers(): PeerStatus[] {
    return [...this.#peers.values()].map((peer) => peer.status());
  }

  // ---- Messages ----

  reserve(to: string, group: string, bytes: number): FrameSlot | null {
    const link = this.#peers.get(to)?.link ?? null;
    return link === null || !link.remote.joined ? null : link.reserve(group, bytes);
  }

  send(to: string, group: string, frame: Uint8Array): boolean {
    const slot = this.reserve(to, group, frame.length);
    if (slot === null) return false;
    slot.buffer.set(frame, slot.at);
    return true;
  }

  flush(): void {
    if (this.#unflushed.length === 0) return;
    const links = this.#unflushed;
    this.#unflushed = [];
    for (const link of links) link.flush();
  }

  ask(to: string, group: string, kind: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const link = this.#peers.get(to)?.link ?? null;
    if (link === null) return Promise.reject(new PeerError('PEER_NOT_CONNECTED', `not connected to ${to}`));
    return link.ask(group, kind, body, timeoutMs);
  }

  async askAddress(address: PeerAddress, group: string, kind: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const beganMs = this.nowMs();
    const link = await this.#dial(address, { purpose: Purpose.ask, expectedId: '', request: null }, timeoutMs, (socket, remote) => {
      const made = new MessageLink(socket, remote, 0, this);
      this.#asking.add(made);
      return made;
    });
    try {
      return await link.ask(group, kind, body, Math.max(1, timeoutMs - (this.nowMs() - beganMs)));
    } finally {
      link.close(new PeerError('PEER_CLOSED', 'the question is answered'));
    }
  }

  /** Dials for one thing; `take` must set the socket's consumer. */
  #dial<T>(
    address: PeerAddress, intent: { purpose: Purpose; expectedId: string; request: StreamRequest | null }, timeoutMs: number,
    take: (socket: PeerSocket, remote: RemoteMember) => T,
  ): Promise<T> {
    if (this.#closed) return Promise.reject(new PeerError('PEER_CLOSED', 'this member is about to end'));
    return new Promise<T>((resolve, reject) => {
      const taken = (socket: PeerSocket, remote: RemoteMember): void => {
        this.#dials.delete(dial);
        resolve(take(socket, remote));
      };
      const owner: HandshakeOwner = {
        number: () => 0,
        agreed: () => undefined,
        question: taken,
        stream: taken,
        messages: () => {
          throw new InvariantViolation('peer transport: dialled for another purpose');
        },
        failed: (error) => {
          this.#dials.delete(dial);
          reject(error);
        },
      };
      const options = { address, tls: this.tls, local: this.local, intent, timeoutMs: Math.min(timeoutMs, this.timing.handshakeMaxMs) };
      const dial = new Dial(options, owner);
      this.#dials.add(dial);
    });
  }

  // ---- Streams ----

  async openStream(to: string, kind: string, header: StreamHeader): Promise<Duplex> {
    const peer = this.#peers.get(to);
    if (peer === undefined || peer.address === null) throw new PeerError('PEER_NOT_CONNECTED', `no address of ${to} is known`);
    const request = { kind, header };
    const { handshakeMaxMs } = this.timing;
    const stream = await this.#dial(peer.address, { purpose: Purpose.stream, expectedId: to, request }, handshakeMaxMs, (socket) => (
      this.#keepStream(peer, new PeerStream(socket))
    ));
    return new Promise<Duplex>((resolve, reject) => {
      const timer = setTimeout(() => {
        stream.destroy(new PeerError('PEER_TIMEOUT', `${to} has not taken a stream '${kind}' within ${handshakeMaxMs} ms`));
      }, handshakeMaxMs);
      stream.once('error', reject);
      stream.once('close', () => clearTimeout(timer));
      const opened = (): void => {
        clearTimeout(timer);
        stream.off('error', reject);
        resolve(stream);
      };
      stream.once('open', opened);
      if (stream.opened) opened();
      else if (stream.destroyed) reject(stream.errored ?? new PeerError('PEER_DOWN', 'the connection of a stream was closed'));
    });
  }

  #keepStream(peer: Peer, stream: PeerStream): PeerStream {
    this.#streams++;
    peer.streams.add(stream);
    stream.once('close', () => {
      this.#streams--;
      peer.streams.delete(stream);
    });
    return stream;
  }

  // ---- What the listener took in ----

  // One count for all members: it must not begin anew with one that was forgotten for a while.
  number(): number {
    return ++this.#lastNumber;
  }

  agreed(remote: RemoteMember): void {
    this.#peers.get(remote.id)?.agreed();
  }

  messages(socket: PeerSocket, remote: RemoteMember, number: number): void {
    const peer = this.#peer(remote.id);
    peer.connected(socket, remote, number);
    if (peer.address !== null) return;
    let unnamed = 0;
    for (const { address, link } of this.#peers.values()) if (address === null && link !== null) unnamed++;
    if (unnamed > UNNAMED_MAX) peer.link?.close(new PeerError('PEER_BUSY', 'too many connections of members that are not known'));
  }

  stream(socket: PeerSocket, remote: RemoteMember, request: StreamRequest): void {
    const stream = this.#keepStream(this.#peer(remote.id), new PeerStream(socket));
    if (this.#streams > STREAMS_MAX) stream.destroy(new PeerError('PEER_BUSY', 'too many streams'));
    else this.#options.onStream(request.kind, remote.id, request.header, stream);
    if (!stream.destroyed) stream.open();
  }

  /** Somebody has a single question: his connection is no peer's. */
  question(socket: PeerSocket, remote: RemoteMember): void {
    this.#asking.add(new MessageLink(socket, remote, 0, this));
  }

  refused(address: string, error: OperationalError): void {
    this.#refusals.add(address, error);
  }

  // ---- What links tell ----

  message(link: MessageLink, group: string, frame: Uint8Array, mayKeep: boolean): void {
    if (this.#asking.has(link)) throw new PeerError('PEER_PROTOCOL', 'a message on a connection for a question');
    this.#options.onFrame(link.remote.id, group, frame, mayKeep);
  }

  asked(link: MessageLink, group: string, kind: string, body: Uint8Array): Promise<Uint8Array> {
    const { id, joined } = link.remote;
    if (!joined && !this.#joinKinds.has(kind)) {
      return Promise.reject(new PeerError('PEER_NOT_JOINED', `'${kind}' is not for members that have not joined the cluster`));
    }
    return this.#options.onAsk(id, group, kind, body, joined);
  }

  unflushed(link: MessageLink): void {
    this.#unflushed.push(link);
  }

  ended(link: MessageLink, error: OperationalError): void {
    if (this.#asking.delete(link)) return;
    const peer = this.#peers.get(link.remote.id);
    if (peer?.link === link) peer.disconnected(link, error);
  }

  up(peer: Peer): void {
    this.#options.onUp(peer.id);
  }

  down(peer: Peer): void {
    if (!this.#closed) this.#options.onDown(peer.id);
  }

  // ---- Time, and its end ----

  #tick(): void {
    const nowMs = this.nowMs();
    const { pingAfterMs } = this.timing;
    const lateMs = nowMs - this.#lastTickMs - pingAfterMs;
    this.#lastTickMs = nowMs;
    // A process that was stopped or busy for long has bytes to read that it has not seen yet.
    const stalledMs = lateMs > pingAfterMs ? lateMs : 0;
    for (const [id, peer] of this.#peers) {
      peer.link?.tick(stalledMs);
      if (peer.address === null && peer.link === null && peer.streams.size === 0) this.#peers.delete(id);
    }
    for (const link of this.#asking) link.tick(stalledMs);
    this.flush();
  }

  /** Ends all connections: what is queued still goes out where it can at once. Nothing is told any more. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    const error = new PeerError('PEER_CLOSED', 'this member is about to end');
    for (const dial of this.#dials) dial.fail(error);
    for (const peer of this.#peers.values()) peer.close(error);
    for (const link of this.#asking) link.close(error);
    await this.#listener.close();
  }
}
