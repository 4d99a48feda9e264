/**
 * What one connection is to be sent, in order: what the kernel has not taken yet, what leaves at the end of this turn, and the
 * replies that wait for turns to commit (promise P2), with all that is behind them. Closes a connection that has too much of it.
 */
import type { OutputBufferLimit } from './config/output-limits.ts';
import type { Connection } from './connection.ts';
import type { OutputBuffer } from './output-pool.ts';
import type { Server } from './server.ts';
import { SocketOutput } from './socket-output.ts';

/** A range of an output buffer that waits for a turn to commit (0: only for the ranges before it). */
interface HeldRange {
  readonly buffer: OutputBuffer;
  readonly from: number;
  readonly to: number;
  readonly turn: number;
}

/** So much output does not wait for the end of the turn. */
const FLUSH_BYTES = 64 * 1024;
/** A longer reply is not sent, whatever client-output-buffer-limit says: one array of bytes has to hold it. */
const REPLY_BYTES_MAX = 2 ** 31;

export class ConnectionOutput {
  readonly #server: Server;
  readonly #connection: Connection;
  readonly #socket: SocketOutput;
  /** Output that may go out when the turn ends: a range of one buffer. */
  #readyBuffer: OutputBuffer | null = null;
  #readyFrom = 0;
  #readyTo = 0;
  #held: HeldRange[] = [];
  #heldBytes = 0;
  /** Since when the soft output limit has been exceeded, or 0. */
  #softLimitSinceMs = 0;

  constructor(server: Server, connection: Connection) {
    this.#server = server;
    this.#connection = connection;
    this.#socket = new SocketOutput(connection.socket);
  }

  /** All that is not with the kernel. */
  get bytes(): number {
    return this.#heldBytes + (this.#readyBuffer === null ? 0 : this.#readyTo - this.#readyFrom) + this.#socket.queuedBytes;
  }

  /** Whether something waits for a turn to commit. */
  get isHeld(): boolean {
    return this.#held.length > 0;
  }

  /** The turn for which the last of it waits; 0: for none. */
  get heldForTurn(): number {
    return this.#held.length > 0 ? this.#held[this.#held.length - 1]!.turn : 0;
  }

  /** What a reply may have before it is known to be too long to be sent. */
  get replyBytesMax(): number {
    const { hardBytes } = this.#limit;
    return hardBytes > 0 ? Math.min(hardBytes, REPLY_BYTES_MAX) : REPLY_BYTES_MAX;
  }

  get #limit(): OutputBufferLimit {
    return this.#server.config.outputBufferLimit[this.#connection.subscriptions.isEmpty ? 'normal' : 'pubsub'];
  }

  /** Sends [from, to) of `buffer` as soon as turn `hold` is committed and all before it is sent. */
  send(buffer: OutputBuffer, from: number, to: number, hold: number): void {
    if (from === to || this.#connection.closed) return;
    const { gate } = this.#server;
    if (this.#held.length === 0 && hold <= gate.committedTurn) {
      this.#ready(buffer, from, to);
      return;
    }
    buffer.holders++;
    this.#held.push({ buffer, from, to, turn: hold });
    this.#heldBytes += to - from;
    if (hold > gate.committedTurn) gate.wait(this.#connection, hold);
    this.checkLimit();
  }

  /**
   * Notes a range for the end of the turn. Replies of all connections go out one after the other then: a client that is
   * woken by the first finds the others there, which takes half the processor time of a wake-up for each.
   */
  #ready(buffer: OutputBuffer, from: number, to: number): void {
    if (this.#readyBuffer === buffer && this.#readyTo === from) {
      this.#readyTo = to;
      return;
    }
    if (this.#readyBuffer !== null) this.flush();
    buffer.holders++;
    this.#readyBuffer = buffer;
    this.#readyFrom = from;
    this.#readyTo = to;
    if (to - from >= FLUSH_BYTES) this.flush();
    else this.#server.outputReady(this);
  }

  /** Writes what is ready. */
  flush(): void {
    const buffer = this.#readyBuffer;
    if (buffer === null) return;
    this.#readyBuffer = null;
    this.#write(buffer.writer.buf, this.#readyFrom, this.#readyTo, buffer);
    this.#server.output.release(buffer);
  }

  /** Writes what waited for turns up to `turn`, which are committed. */
  release(turn: number): void {
    const held = this.#held;
    let n = 0;
    while (n < held.length && held[n]!.turn <= turn) n++;
    if (n === 0) return;
    this.flush();
    this.#held = n === held.length ? [] : held.slice(n);
    if (n === 1) this.#write(held[0]!.buffer.writer.buf, held[0]!.from, held[0]!.to, held[0]!.buffer);
    else this.sendNow(Buffer.concat(held.slice(0, n).map(({ buffer, from, to }) => buffer.writer.buf.subarray(from, to))));
    for (let i = 0; i < n; i++) {
      const { buffer, from, to } = held[i]!;
      this.#heldBytes -= to - from;
      this.#server.output.release(buffer);
    }
  }

  /** Writes `bytes`, which are nobody's else, before all that still waits. */
  sendNow(bytes: Uint8Array): void {
    this.#write(bytes, 0, bytes.length, null);
  }

  /** Sends bytes [from, to) of `buf`, which are `buffer`'s or (null) nobody's else. */
  #write(buf: Uint8Array, from: number, to: number, buffer: OutputBuffer | null): void {
    if (this.#connection.closed) return;
    this.#connection.bytesOut += to - from;
    this.#server.bytesOut += to - from;
    this.#server.statistics.writes++;
    if (this.#socket.write(buf, from, to)) return;
    if (buffer !== null) buffer.tainted = true;
    this.checkLimit();
  }

  /** Reads what the client has sent and nobody reads now, where all of its output is with the kernel. */
  readBehind(scratch: Uint8Array): number {
    this.flush();
    return this.#socket.queuedBytes > 0 ? 0 : this.#socket.readNow(scratch);
  }

  /** Closes the connection when its output exceeds what client-output-buffer-limit allows. */
  checkLimit(): void {
    if (this.#connection.closed) return;
    const { hardBytes, softBytes, softSeconds } = this.#limit;
    const { bytes } = this;
    let over = hardBytes > 0 && bytes >= hardBytes;
    if (softBytes > 0 && bytes >= softBytes) {
      if (this.#softLimitSinceMs === 0) this.#softLimitSinceMs = this.#server.nowMs;
      else if (this.#server.nowMs - this.#softLimitSinceMs > softSeconds * 1000) over = true;
    } else this.#softLimitSinceMs = 0;
    if (over) this.closeOverLimit();
  }

  /** Closes the connection because it has more output than client-output-buffer-limit allows. */
  closeOverLimit(): void {
    this.#server.log.warning(`Client ${this.#connection.address} closed for overcoming of output buffer limits.`);
    this.#server.outputLimitDisconnections++;
    this.#connection.close();
  }

  /** Forgets all that is not sent. */
  discard(): void {
    if (this.#readyBuffer !== null) this.#server.output.release(this.#readyBuffer);
    this.#readyBuffer = null;
    for (const range of this.#held) this.#server.output.release(range.buffer);
    this.#held = [];
    this.#heldBytes = 0;
  }
}
