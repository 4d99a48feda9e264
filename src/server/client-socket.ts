/** What a connection needs of its socket: one accepted from a client, or a stream on which another member passes on what a client sends. */
import type { Duplex } from 'node:stream';

export interface ClientSocket {
  readonly writableLength: number;
  readonly destroyed: boolean;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly remoteFamily?: string | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly localFamily?: string | undefined;
  write(bytes: Uint8Array): boolean;
  /** Reading goes on. */
  resume(): unknown;
  /** Ends it once everything written has gone out. */
  end(): unknown;
  destroy(): unknown;
  setKeepAlive(enable: boolean, delayMs: number): unknown;
}

/** A client of another member. Its addresses are the client's, as that member tells them. */
export class ProxiedSocket implements ClientSocket {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly remoteFamily = 'IPv4';
  readonly localAddress = 'proxied';
  readonly localPort = 0;
  readonly localFamily = 'IPv4';
  readonly #stream: Duplex;

  /** @param address as CLIENT LIST shows it */
  constructor(stream: Duplex, address: string) {
    this.#stream = stream;
    const colon = address.lastIndexOf(':');
    this.remoteAddress = address.slice(0, colon);
    this.remotePort = Number(address.slice(colon + 1));
  }

  get writableLength(): number {
    return this.#stream.writableLength;
  }

  get destroyed(): boolean {
    return this.#stream.destroyed;
  }

  write(bytes: Uint8Array): boolean {
    // The stream may keep it until the network takes it, and the bytes are a shared buffer's.
    return this.#stream.write(Buffer.from(bytes));
  }

  resume(): void {
    this.#stream.resume();
  }

  end(): void {
    this.#stream.end();
  }

  destroy(): void {
    this.#stream.destroy();
  }

  setKeepAlive(): void {
    // The stream's own connection is watched by the transport.
  }
}
