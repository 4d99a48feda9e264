/**
 * The way of a connection's bytes to its socket: written through the descriptor at once as far as the kernel takes them, which
 * spares the objects and callbacks that a stream needs for each write; what the kernel does not take goes through the stream.
 * Must never write to a descriptor whose socket is destroyed: the number may be another's by then.
 */
import { readSync, writeSync } from 'node:fs';
import type { ClientSocket } from './client-socket.ts';

interface HandleOwner {
  readonly _handle: { readonly fd?: number } | null;
}

export class SocketOutput {
  readonly #socket: ClientSocket;
  /** -1 where there is none to write to: an encrypted connection, or a system without descriptors. */
  readonly #fd: number;

  constructor(socket: ClientSocket) {
    this.#socket = socket;
    this.#fd = 'encrypted' in socket ? -1 : (socket as unknown as HandleOwner)._handle?.fd ?? -1;
  }

  /** Bytes that the kernel has not taken yet. */
  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  /** Reads what has arrived, where nobody waits for it; 0 if there is nothing, or the client has gone. */
  readNow(buf: Uint8Array): number {
    if (this.#fd < 0 || this.#socket.destroyed) return 0;
    try {
      return readSync(this.#fd, buf);
    } catch {
      // Nothing there, or the connection is broken: the stream finds out when its turn comes.
      return 0;
    }
  }

  /** Sends bytes [from, to) of `buf`. Returns whether all are gone: else they must stay as they are from now on. */
  write(buf: Uint8Array, from: number, to: number): boolean {
    const socket = this.#socket;
    if (socket.destroyed) return true;
    let at = from;
    if (this.#fd >= 0 && socket.writableLength === 0) {
      try {
        at += writeSync(this.#fd, buf, from, to - from);
      } catch {
        // The kernel takes nothing now, or the connection is broken: the stream finds out which, and reports it.
      }
      if (at === to) return true;
    }
    socket.write(at === 0 && to === buf.length ? buf : buf.subarray(at, to));
    return socket.writableLength === 0;
  }
}
