/**
 * One other member: its address, the connection to it, and the attempts to have one. Both members dial; of two connections the
 * one with the higher number stays, and the member with the smaller id gives the numbers. Must never have two in use.
 */
import { InvariantViolation, type OperationalError } from '../../shared/errors.ts';
import { Dial } from './dial.ts';
import { type HandshakeOwner, type LocalMember, type RemoteMember, decides } from './handshake.ts';
import { Purpose } from './handshake-messages.ts';
import { type LinkOwner, MessageLink } from './message-link.ts';
import { PeerError } from './peer-errors.ts';
import type { PeerSocket } from './peer-socket.ts';
import type { PeerStream } from './peer-stream.ts';
import type { PeerAddress, PeerStatus, PeerTls } from './peer-network.ts';

export interface PeerOwner extends LinkOwner {
  readonly local: LocalMember;
  readonly tls: PeerTls | null;
  random(): number;
  /** One more at each call. */
  number(remote: RemoteMember): number;
  up(peer: Peer): void;
  down(peer: Peer): void;
  notice(message: string): void;
  warn(message: string): void;
}

export class Peer implements HandshakeOwner {
  readonly id: string;
  link: MessageLink | null = null;
  readonly streams = new Set<PeerStream>();
  readonly #owner: PeerOwner;
  #address: PeerAddress | null = null;
  #dial: Dial | null = null;
  #timer: NodeJS.Timeout | null = null;
  #failures = 0;
  #lastError = '';
  #warnedOf = '';
  #formatVersion = 0;
  // Of links that are gone.
  #bytesIn = 0;
  #bytesOut = 0;

  constructor(id: string, owner: PeerOwner) {
    this.id = id;
    this.#owner = owner;
  }

  get address(): PeerAddress | null {
    return this.#address;
  }

  /** Where to dial from now on; null: nowhere. A connection that is there stays. */
  setAddress(address: PeerAddress | null): void {
    if (address?.host === this.#address?.host && address?.port === this.#address?.port) return;
    this.#address = address;
    this.#failures = 0;
    this.#stopDialling();
    this.redial();
  }

  /** Dials unless it is connected: at once where this member decides, else a moment later, since the other one dials too. */
  redial(): void {
    if (this.link !== null || this.#dial !== null || this.#address === null) return;
    const { backoffMinMs, backoffMaxMs } = this.#owner.timing;
    const first = decides(this.#owner.local.memberId, this.id) ? 0 : backoffMinMs;
    const base = this.#failures === 0 ? first : Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(16, this.#failures));
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#dialNow(), base * (0.5 + this.#owner.random() / 2));
  }

  #dialNow(): void {
    this.#timer = null;
    if (this.#address === null || this.link !== null) return;
    const { local, tls, timing } = this.#owner;
    const intent = { purpose: Purpose.messages, expectedId: this.id, request: null };
    this.#dial = new Dial({ address: this.#address, tls, local, intent, timeoutMs: timing.handshakeMaxMs }, this);
  }

  #stopDialling(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#dial?.abort();
    this.#dial = null;
  }

  // ---- HandshakeOwner: the own attempt; the listener's handshakes come to the same end ----

  number(remote: RemoteMember): number {
    return this.#owner.number(remote);
  }

  /** The other member is about to decide on a connection that it made: the own attempt would only replace it. */
  agreed(): void {
    if (this.#dial === null || this.#dial.hasProved) return;
    this.#stopDialling();
    this.redial();
  }

  messages(socket: PeerSocket, remote: RemoteMember, number: number): void {
    this.#dial = null;
    this.connected(socket, remote, number);
  }

  stream(): void {
    throw new InvariantViolation('peer: dialled for a stream');
  }

  question(): void {
    throw new InvariantViolation('peer: dialled for a question');
  }

  failed(error: OperationalError): void {
    this.#dial = null;
    this.#failures++;
    this.#lastError = error.message;
    // What goes on for hours is told once.
    if (this.#warnedOf !== error.code) {
      const { host, port } = this.#address!;
      this.#owner.warn(`Cannot connect to member ${this.id} at ${host}:${port}: ${error.message} (${error.code})`);
    }
    this.#warnedOf = error.code;
    this.redial();
  }

  /** A connection to this member is there, whoever dialled. */
  connected(socket: PeerSocket, remote: RemoteMember, number: number): void {
    const { local } = this.#owner;
    if (!remote.joined && remote.clusterId !== '' && local.clusterId !== '') {
      // This member joined the cluster while hands were being shaken.
      socket.end();
      this.redial();
      return;
    }
    const before = this.link;
    if (before !== null && before.remote.instance === remote.instance && before.number > number) {
      socket.destroy();
      return;
    }
    before?.close(new PeerError('PEER_REPLACED', `another connection to ${this.id} took its place`));
    // The other member may be about to agree to the connection that is being made here: that is for it to say if it decides.
    if (decides(local.memberId, this.id) || this.#dial?.hasProved !== true) this.#stopDialling();
    this.link = new MessageLink(socket, remote, number, this.#owner);
    this.#formatVersion = remote.formatVersion;
    this.#lastError = '';
    this.#warnedOf = '';
    this.#owner.notice(`Connected to member ${this.id}${remote.joined ? '' : ' (for joining a cluster only)'}`);
    if (remote.joined) this.#owner.up(this);
  }

  /** `link` has ended: called for the one in use only. */
  disconnected(link: MessageLink, error: OperationalError): void {
    this.link = null;
    this.#bytesIn += link.bytesIn;
    this.#bytesOut += link.bytesOut;
    // One that breaks as soon as it is made must not be made anew without a pause.
    const lasted = this.#owner.nowMs() - link.establishedMs >= this.#owner.timing.backoffMaxMs;
    this.#failures = lasted ? 0 : this.#failures + 1;
    this.#lastError = error.message;
    if (error.code === 'PEER_SILENT') this.endStreams(error);
    if (link.remote.joined) this.#owner.down(this);
    if (error.code === 'PEER_CLOSED' || error.code === 'PEER_REPLACED') return;
    this.#owner.notice(`Connection to member ${this.id} lost: ${error.message} (${error.code})`);
    this.redial();
  }

  endStreams(error: OperationalError): void {
    for (const stream of this.streams) stream.destroy(error);
  }

  /** Nothing comes from this member any more. */
  close(error: PeerError): void {
    this.#address = null;
    this.#stopDialling();
    this.link?.close(error);
    this.endStreams(error);
  }

  status(): PeerStatus {
    const { link } = this;
    return {
      id: this.id,
      address: this.#address,
      connected: link !== null,
      joining: link !== null && !link.remote.joined,
      rttMs: link?.rttMs ?? -1,
      bytesIn: this.#bytesIn + (link?.bytesIn ?? 0),
      bytesOut: this.#bytesOut + (link?.bytesOut ?? 0),
      queueBytes: link?.queueBytes ?? 0,
      formatVersion: this.#formatVersion,
      lastError: this.#lastError,
    };
  }
}
