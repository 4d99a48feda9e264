/**
 * Listens on TCP ports and a unix socket, and gives each accepted connection a socket that reads into one buffer shared
 * by all (Node's `onread`), which saves an allocation and a copy for each read.
 */
import net from 'node:net';
import { OperationalError } from '../shared/errors.ts';

export const READ_BUFFER_BYTES = 256 * 1024;

/** What a listener's owner makes of a new socket: called with bytes read, it says whether to go on reading. */
export interface AcceptedSocket {
  /** Bytes [0, length) of the shared buffer are this socket's; false stops reading until `socket.resume()`. */
  read(buffer: Uint8Array, length: number): boolean;
}

export type OnAccept = (socket: net.Socket) => AcceptedSocket | null;

interface HandleOwner {
  _handle: unknown;
}

export class Listener {
  readonly #servers: net.Server[] = [];
  readonly #onAccept: OnAccept;
  readonly #buffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);

  constructor(onAccept: OnAccept) {
    this.#onAccept = onAccept;
  }

  /** @param options `fd`: a descriptor that listens already. @throws OperationalError LISTEN_FAILED */
  async listen(options: net.ListenOptions | { readonly fd: number }): Promise<void> {
    const server = net.createServer({ pauseOnConnect: true, noDelay: true }, (socket) => this.#accept(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(new OperationalError('LISTEN_FAILED', error.message, error)));
      server.listen(options, resolve);
    });
    this.#servers.push(server);
  }

  /** Takes a client that another process had accepted, with bytes of it that were read there: at most READ_BUFFER_BYTES. */
  adopt(socket: net.Socket, unread: Uint8Array): void {
    this.#accept(socket, unread);
  }

  /** Port of the first TCP listener: of use when 0 was asked for. */
  get port(): number {
    for (const server of this.#servers) {
      const address = server.address();
      if (address !== null && typeof address === 'object') return address.port;
    }
    return 0;
  }

  /** Descriptors of the listening sockets, as far as there are any. */
  get descriptors(): number[] {
    return this.#servers.map((server) => (server as unknown as { _handle: { fd?: number } | null })._handle?.fd ?? -1).filter((fd) => fd >= 0);
  }

  /** Stops accepting. Open connections are their owner's. */
  close(): void {
    for (const server of this.#servers) server.close();
  }

  // Node offers `onread` only when a socket is made: make another socket on the accepted handle. The first one, which has
  // not begun to read, is left without a handle.
  #accept(accepted: net.Socket, unread?: Uint8Array): void {
    const owner = accepted as unknown as HandleOwner;
    const handle = owner._handle;
    if (handle === null || handle === undefined) return;
    owner._handle = null;
    let target: AcceptedSocket | null = null;
    const buffer = this.#buffer;
    const socket = new net.Socket({
      handle,
      onread: {
        buffer,
        callback: (length: number, bytes: Uint8Array) => target === null || target.read(bytes, length),
      },
    } as unknown as net.SocketConstructorOpts);
    target = this.#onAccept(socket);
    if (target === null) return;
    if (unread !== undefined && unread.length > 0) {
      buffer.set(unread);
      if (!target.read(buffer, unread.length)) return;
    }
    socket.resume();
  }
}
