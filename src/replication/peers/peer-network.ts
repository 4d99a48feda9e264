/**
 * What replication sees of the network between members, and what it owes to it: types only, but for the bound of a frame.
 * One connection for each pair of members carries the frames of all groups (shards); streams have connections of their own.
 */
import type { Duplex } from 'node:stream';

export interface PeerAddress {
  readonly host: string;
  readonly port: number;
}

export interface ListenAddress extends PeerAddress {
  /** The machine may lack it, as the wildcard of a version of IP that is switched off. */
  readonly optional?: boolean;
}

/** Certificates for mutual TLS, as PEM. Whoever has a certificate signed by `ca` is let through to the handshake. */
export interface PeerTls {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** Times of the transport in ms; the defaults suit members some milliseconds apart. */
export interface PeerTiming {
  /** From the beginning of a connection (TLS included) until both sides have proved themselves. */
  readonly handshakeMaxMs: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** A connection is pinged when nothing has come in for this long. */
  readonly pingAfterMs: number;
  /** A connection from which nothing has come for this long is given up. */
  readonly silenceMaxMs: number;
}

export type StreamHeader = Readonly<Record<string, string | number>>;

export interface PeerTransportOptions {
  readonly memberId: string;
  /** 40 hexadecimal digits, or '' while this member does not know it: then only the `joinKinds` may be asked, by either side. */
  readonly clusterId: string;
  /** All on one port: a port 0 takes the one that the first got. */
  readonly listen: readonly ListenAddress[];
  /** Shared by all members. '' is taken only with `tls`, or if every address in `listen` is a loopback one. */
  readonly secret: string;
  readonly tls: PeerTls | null;
  /** Newest format of log records that this member reads: told to the others, see `PeerStatus.formatVersion`. */
  readonly formatVersion: number;
  /** Kinds of `ask` open to members that do not know the cluster's id, or know another one than '' while we do not. */
  readonly joinKinds: readonly string[];
  /**
   * A frame has come. `frame` is valid during the call only, unless `mayKeep`. An OperationalError thrown from here closes the connection;
   * anything else is a bug and is not caught.
   */
  readonly onFrame: (from: string, group: string, frame: Uint8Array, mayKeep: boolean) => void;
  /** A connection to `peer` is there: `send` and `ask` work. */
  readonly onUp: (peer: string) => void;
  /** The connection broke: frames queued or on their way may be lost. Follows each `onUp` but the last one before `close`. */
  readonly onDown: (peer: string) => void;
  /**
   * The answer to `ask`. `body` is the handler's to keep. An OperationalError becomes the asker's, with its code and message;
   * anything else is a bug. `joined`: whether the asker belongs to the cluster already (else `kind` is one of `joinKinds`).
   */
  readonly onAsk: (from: string, group: string, kind: string, body: Uint8Array, joined: boolean) => Promise<Uint8Array>;
  /** A stream was opened by `from`. To refuse it, destroy it with an OperationalError: the other side gets that error. */
  readonly onStream: (kind: string, from: string, header: StreamHeader, stream: Duplex) => void;
  readonly notice: (message: string) => void;
  readonly warn: (message: string) => void;
  /** Monotonic milliseconds; by default the process's clock. */
  readonly nowMs?: () => number;
  /** Uniform in [0, 1): spreads attempts to connect. */
  readonly random?: () => number;
  readonly timing?: Partial<PeerTiming>;
  /** `send` refuses when so many bytes wait for a peer. At least the largest frame. */
  readonly queueBytesMax?: number;
}

export interface PeerStatus {
  readonly id: string;
  /** Where it is dialled; null for a member that `setPeers` does not name and that dialled us. */
  readonly address: PeerAddress | null;
  readonly connected: boolean;
  /** Connected, but one side does not know the cluster's id: only `joinKinds` may be asked. */
  readonly joining: boolean;
  /** Round trip of the last ping; -1 before the first. */
  readonly rttMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly queueBytes: number;
  /** As the member told in its handshake; 0 if it never connected. */
  readonly formatVersion: number;
  /** Why the last attempt or connection failed; '' if none did since it last connected. */
  readonly lastError: string;
}

export interface FrameSlot {
  readonly buffer: Uint8Array;
  readonly at: number;
}

/** What replication needs of a network; a simulated one has the same face. */
export interface PeerNetwork {
  /** Who is to be connected. Those no longer named are disconnected; a changed address counts from the next dialling on. Never names this member. */
  setPeers(peers: ReadonlyMap<string, PeerAddress>): void;
  /** This member, which knew no cluster, belongs to that one from now on. */
  setClusterId(clusterId: string): void;
  /** Queues a copy of `frame`, at most FRAME_BYTES_MAX long. False: not connected or the queue is full, and the frame is dropped. */
  send(to: string, group: string, frame: Uint8Array): boolean;
  /**
   * As `send`, for a frame that is written where it goes out: its `bytes` bytes from `at` in `buffer` are to be filled before
   * the next call of anything here. The slot itself is used again. Null: dropped, as by `send`.
   */
  reserve(to: string, group: string, bytes: number): FrameSlot | null;
  /** To be called at the end of each turn of the event loop: what was queued goes out, in one write for each connection. */
  flush(): void;
  /**
   * Opens a stream on a connection of its own. Its 'end' means that the other side ended it: a connection that breaks ends
   * a stream with an error.
   * @throws OperationalError PEER_…, also the one by which the other side refused it before it said anything else
   */
  openStream(to: string, kind: string, header: StreamHeader): Promise<Duplex>;
  /** @throws OperationalError PEER_NOT_CONNECTED, PEER_DOWN and PEER_TIMEOUT (outcome unknown), or the handler's */
  ask(to: string, group: string, kind: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  /** As `ask`, to whoever listens at `address`, on a connection that ends with the answer. */
  askAddress(address: PeerAddress, group: string, kind: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  peers(): PeerStatus[];
  close(): Promise<void>;
}

/** Longest frame, or body of an `ask` or its answer: a message with one log entry of 64 MiB, and room for its head. */
export const FRAME_BYTES_MAX = 64 * 1024 * 1024 + 64 * 1024;
