/**
 * Output buffers shared by all connections.
 *
 * Replies of one turn of the event loop are written one behind the other into one RespWriter, and each connection sends
 * its own range of it: no copy, one write a connection a turn. A buffer is used again only when nobody holds a range of
 * it: neither a connection whose reply waits for a commit nor a socket that has not taken all bytes yet.
 *
 * What one connection's command makes others be told (a client that waited is served) is written while the first one's own
 * range is still growing: it goes to a second buffer, so that ranges never mix.
 */
import { RespWriter } from '../protocol/resp-writer.ts';

/** A buffer larger than this is left to the garbage collector rather than kept. */
const KEPT_BYTES_MAX = 1024 * 1024;
/** A turn goes on in a fresh buffer once it has written this much. */
const FULL_BYTES = 192 * 1024;
const SPARE_MAX = 16;

export class OutputBuffer {
  readonly writer = new RespWriter(256 * 1024);
  /** Ranges held by connections. */
  holders = 0;
  /** A socket has a range that it may still be sending: never use the bytes again. */
  tainted = false;
}

export class OutputPool {
  #current = new OutputBuffer();
  #late = new OutputBuffer();
  readonly #spare: OutputBuffer[] = [];

  /** Call before a connection begins to run its commands: where it writes, with room. */
  prepare(): OutputBuffer {
    this.#current = this.#withRoom(this.#current);
    this.#current.writer.replyBytesMax = Infinity;
    return this.#current;
  }

  /** Call before a reply out of turn: where it is written. One such reply at a time. */
  prepareLate(): OutputBuffer {
    this.#late = this.#withRoom(this.#late);
    this.#late.writer.replyBytesMax = Infinity;
    return this.#late;
  }

  #withRoom(buffer: OutputBuffer): OutputBuffer {
    if (buffer.writer.pos === 0) return buffer;
    if (buffer.holders === 0 && !buffer.tainted) {
      buffer.writer.reset();
      return buffer;
    }
    if (buffer.tainted || buffer.writer.pos > FULL_BYTES) return this.#spare.pop() ?? new OutputBuffer();
    return buffer;
  }

  /** A holder of a range of `buffer` has let go of it. */
  release(buffer: OutputBuffer): void {
    buffer.holders--;
    if (buffer.holders > 0 || buffer.tainted || buffer === this.#current || buffer === this.#late) return;
    if (this.#spare.length >= SPARE_MAX || buffer.writer.buf.length > KEPT_BYTES_MAX) return;
    buffer.writer.reset();
    this.#spare.push(buffer);
  }
}
