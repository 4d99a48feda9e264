/**
 * A stream between members on a connection of its own. TCP cannot tell an end from a death: so data comes in chunks, the end is
 * said, and so is an error. A stream whose connection breaks fails; it never just ends.
 *
 * Chunk: type, length (3 bytes, big-endian), bytes. In the acceptor's direction an OPEN chunk comes first.
 */
import { Duplex } from 'node:stream';
import { OperationalError } from '../../shared/errors.ts';
import { PeerError, remoteError } from './peer-errors.ts';
import type { ByteConsumer, PeerSocket } from './peer-socket.ts';

const ChunkType = { data: 1, end: 2, error: 3, open: 4 } as const;
const HEAD_BYTES = 4;
const CHUNK_BYTES_MAX = 1024 * 1024;
const ERROR_BYTES_MAX = 4096;
/** Smaller chunks are copied behind their heads: one write costs more than the copy. */
const COPIED_BYTES = 16 * 1024;
const HIGH_WATER_BYTES = 256 * 1024;

function head(type: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES);
  bytes.writeUInt32BE(length, 0);
  bytes[0] = type;
  return bytes;
}

export class PeerStream extends Duplex implements ByteConsumer {
  /** As dialer: the other side has taken the stream, of which an 'open' event tells. */
  opened = false;
  readonly #socket: PeerSocket;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #headLength = 0;
  #type = 0;
  /** Bytes of the chunk that are still to come; 0 between chunks. */
  #missing = 0;
  #errorText: Buffer = Buffer.alloc(0);
  #endSent = false;
  #endReceived = false;

  constructor(socket: PeerSocket) {
    super({ highWaterMark: HIGH_WATER_BYTES });
    this.#socket = socket;
    // An error before anybody listens is no reason for the process to end; those who read, write or pipe get to know it.
    this.on('error', () => undefined);
    socket.socket.setKeepAlive(true, 1000);
    socket.consumer = this;
  }

  /** As acceptor: tells the dialer that the stream is taken. */
  open(): void {
    this.#socket.write(head(ChunkType.open, 0));
  }

  // ---- In ----

  consume(buffer: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end && !this.destroyed) {
      if (this.#missing === 0) {
        at = this.#takeHead(buffer, at, end);
        continue;
      }
      const next = Math.min(end, at + this.#missing);
      // Copies: the buffer is the socket's.
      const piece = Buffer.from(buffer.subarray(at, next));
      this.#missing -= next - at;
      at = next;
      if (this.#type === ChunkType.data) {
        if (!this.push(piece)) this.#socket.socket.pause();
      } else this.#takeError(piece);
    }
  }

  #takeHead(buffer: Uint8Array, start: number, end: number): number {
    const next = Math.min(end, start + HEAD_BYTES - this.#headLength);
    this.#head.set(buffer.subarray(start, next), this.#headLength);
    this.#headLength += next - start;
    if (this.#headLength < HEAD_BYTES) return next;
    this.#headLength = 0;
    this.#type = this.#head[0]!;
    const length = this.#head.readUIntBE(1, 3);
    const bytesMax = this.#type === ChunkType.data ? CHUNK_BYTES_MAX : this.#type === ChunkType.error ? ERROR_BYTES_MAX : 0;
    if (this.#type < ChunkType.data || this.#type > ChunkType.open || length > bytesMax || this.#endReceived && this.#type !== ChunkType.error) {
      this.destroy(new PeerError('PEER_PROTOCOL', `a chunk of type ${this.#type} with ${length} bytes on a stream`));
      return next;
    }
    this.#missing = length;
    if (this.#type === ChunkType.end) {
      this.#endReceived = true;
      this.push(null);
    } else if (this.#type === ChunkType.open) this.#opened();
    return next;
  }

  #opened(): void {
    this.opened = true;
    this.emit('open');
  }

  #takeError(piece: Buffer): void {
    this.#errorText = Buffer.concat([this.#errorText, piece]);
    if (this.#missing > 0) return;
    const [code, ...message] = this.#errorText.toString('utf8').split('\n');
    // Nothing needs to be said to a side that has given the stream up.
    this.#endSent = true;
    this.#endReceived = true;
    this.destroy(remoteError(code!, message.join('\n')));
  }

  disconnected(error: Error | null): void {
    if (this.#endSent && this.#endReceived) return;
    this.#endSent = true;
    this.#endReceived = true;
    this.destroy(new PeerError('PEER_DOWN', error === null ? 'the connection of a stream was closed' : error.message, error ?? undefined));
  }

  override _read(): void {
    this.#socket.socket.resume();
  }

  // ---- Out ----

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const { socket } = this.#socket;
    if (chunk.length <= COPIED_BYTES) {
      this.#socket.write(Buffer.concat([head(ChunkType.data, chunk.length), chunk]), done);
      return;
    }
    socket.cork();
    for (let at = 0; at < chunk.length; at += CHUNK_BYTES_MAX) {
      const piece = chunk.subarray(at, at + CHUNK_BYTES_MAX);
      this.#socket.write(head(ChunkType.data, piece.length));
      this.#socket.write(piece, at + CHUNK_BYTES_MAX >= chunk.length ? done : undefined);
    }
    socket.uncork();
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'binary', done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#endSent = true;
    this.#socket.write(head(ChunkType.end, 0), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#endSent || !this.#endReceived) {
      const code = error instanceof OperationalError ? error.code : 'PEER_STREAM_CLOSED';
      const text = Buffer.from(`${code}\n${error === null ? 'the other side closed the stream' : error.message}`, 'utf8').subarray(0, ERROR_BYTES_MAX);
      this.#socket.write(Buffer.concat([head(ChunkType.error, text.length), text]));
    }
    this.#socket.end();
    done(error);
  }
}
