/**
 * A socket between members, with or without TLS, as a source of bytes that can change hands: first the handshake's, then a
 * link's or a stream's. Plain sockets read into one buffer shared by all (Node's `onread`).
 */
import net from 'node:net';
import tls from 'node:tls';
import type { PeerAddress } from './peer-network.ts';

const READ_BUFFER_BYTES = 256 * 1024;
/** How long the other side may take to read the last words. */
const LAST_WORDS_MS = 1000;

const readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);

/** Whoever a socket's bytes go to. */
export interface ByteConsumer {
  /** Bytes [start, end) of `buffer` have come; it is used again when this returns. */
  consume(buffer: Uint8Array, start: number, end: number): void;
  /** The socket is gone: an error, or null if the other side ended it. */
  disconnected(error: Error | null): void;
}

const NOBODY: ByteConsumer = { consume: () => undefined, disconnected: () => undefined };

interface HandleOwner {
  _handle: unknown;
}

export class PeerSocket {
  consumer: ByteConsumer = NOBODY;
  readonly socket: net.Socket;
  bytesIn = 0;
  bytesOut = 0;
  #error: Error | null = null;

  private constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('error', (error) => {
      this.#error = error;
    });
    socket.on('close', () => {
      const { consumer } = this;
      this.consumer = NOBODY;
      consumer.disconnected(this.#error);
    });
  }

  /** Takes over what a listener with `pauseOnConnect` accepted; null if it is closed already. */
  static accepted(accepted: net.Socket): PeerSocket | null {
    // Node offers `onread` only when a socket is made: make another one on the accepted handle, from which nothing was read yet.
    const owner = accepted as unknown as HandleOwner;
    const handle = owner._handle;
    if (handle === null || handle === undefined) return null;
    owner._handle = null;
    // Without a handle this closes nothing, and the listener counts it as gone.
    accepted.destroy();
    return PeerSocket.#reading((onread) => new net.Socket({ handle, onread } as unknown as net.SocketConstructorOpts)).#started();
  }

  static connect(address: PeerAddress): PeerSocket {
    return PeerSocket.#reading((onread) => net.connect({ host: address.host, port: address.port, noDelay: true, onread }));
  }

  static #reading(make: (onread: net.OnReadOpts) => net.Socket): PeerSocket {
    let owner: PeerSocket | null = null;
    const callback = (length: number, buffer: Uint8Array): boolean => {
      if (owner !== null) owner.#received(buffer, length);
      return true;
    };
    owner = new PeerSocket(make({ buffer: readBuffer, callback }));
    return owner;
  }

  /** A TLS socket, at either end. */
  static secured(socket: tls.TLSSocket): PeerSocket {
    const secured = new PeerSocket(socket);
    socket.on('data', (chunk: Buffer) => secured.#received(chunk, chunk.length));
    return secured;
  }

  #started(): this {
    this.socket.resume();
    return this;
  }

  #received(buffer: Uint8Array, length: number): void {
    this.bytesIn += length;
    this.consumer.consume(buffer, 0, length);
  }

  /** Bytes handed to `write` and not yet to the operating system: until they are, they must not change. */
  get unwritten(): number {
    return this.socket.writableLength;
  }

  write(bytes: Uint8Array, done?: () => void): void {
    this.bytesOut += bytes.length;
    this.socket.write(bytes, done);
  }

  /** Material that only the two ends of this TLS connection share; empty without TLS. */
  channelBinding(): Buffer {
    return this.socket instanceof tls.TLSSocket ? this.socket.exportKeyingMaterial(32, 'EXPORTER-holdfast-peer', Buffer.alloc(0)) : Buffer.alloc(0);
  }

  /** Leaves the consumer alone from now on and ends the connection once everything is written. */
  end(): void {
    this.consumer = NOBODY;
    const { socket } = this;
    // Closing a socket with bytes unread would reset it, and the last words with it.
    socket.resume();
    socket.end();
    const timer = setTimeout(() => socket.destroy(), LAST_WORDS_MS);
    socket.once('close', () => clearTimeout(timer));
  }

  /** Leaves the consumer alone from now on; what is not written is lost. */
  destroy(): void {
    this.consumer = NOBODY;
    this.socket.destroy();
  }
}
