/**
 * Frames on a message connection: a reader that finds them in the bytes as they come, and a queue of those to be written.
 * Must never copy a frame more than once on either side, whatever the pieces it comes in. Knows no sockets.
 *
 * Frame: length of the body (4 bytes, big-endian), type, a zero byte, number of the group (2 bytes), body. A GROUP frame gives
 * the name for which a number stands on this connection from then on.
 */
import { PeerError } from './peer-errors.ts';
import { FRAME_BYTES_MAX, type FrameSlot } from './peer-network.ts';

export const FrameType = {
  /** For the owner of the group: what `send` was given. */
  message: 1,
  /** Names a group. */
  group: 2,
  /** Eight bytes that come back in a pong. */
  ping: 3,
  pong: 4,
  ask: 5,
  answer: 6,
  failure: 7,
} as const;
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

export const FRAME_HEAD_BYTES = 8;
const PAGE_BYTES = 64 * 1024;
/** A larger buffer is not kept for the next frame. */
const KEPT_BYTES = 1024 * 1024;
const NO_BYTES = Buffer.alloc(0);

export interface FrameSink {
  /** `body` is valid during the call only, unless `mayKeep`. */
  frame(type: FrameType, group: number, body: Uint8Array, mayKeep: boolean): void;
}

export class FrameReader {
  readonly #sink: FrameSink;
  readonly #head = Buffer.alloc(FRAME_HEAD_BYTES);
  #headLength = 0;
  #type: FrameType = FrameType.message;
  #group = 0;
  /** Body of a frame that came in part: [0, #bodyLength) of #body is there. Its whole length is -1 while there is none. */
  #body: Buffer = NO_BYTES;
  #bodyLength = 0;
  #bodyWhole = -1;
  #stopped = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Nothing more goes to the sink. */
  stop(): void {
    this.#stopped = true;
    this.#body = NO_BYTES;
  }

  /** Takes bytes [start, end) of `buffer`. @throws PeerError PEER_PROTOCOL, and what the sink throws; then it is to be stopped. */
  consume(buffer: Uint8Array, start: number, end: number): void {
    let at = start;
    while (!this.#stopped) {
      if (this.#bodyWhole < 0) {
        at = this.#takeHead(buffer, at, end);
        if (this.#bodyWhole < 0) return;
      }
      const missing = this.#bodyWhole - this.#bodyLength;
      if (missing > end - at) {
        this.#keepPart(buffer, at, end);
        return;
      }
      const whole = this.#bodyWhole;
      this.#bodyWhole = -1;
      if (missing === whole) this.#sink.frame(this.#type, this.#group, buffer.subarray(at, at + whole), false);
      else {
        this.#body.set(buffer.subarray(at, at + missing), this.#bodyLength);
        this.#bodyLength = 0;
        const body = this.#body;
        const isHuge = body.length > KEPT_BYTES;
        if (isHuge) this.#body = NO_BYTES;
        this.#sink.frame(this.#type, this.#group, body.subarray(0, whole), isHuge);
      }
      at += missing;
    }
  }

  #takeHead(buffer: Uint8Array, start: number, end: number): number {
    let head = buffer;
    let at = start;
    let next = start + FRAME_HEAD_BYTES;
    if (this.#headLength > 0 || next > end) {
      next = Math.min(end, start + FRAME_HEAD_BYTES - this.#headLength);
      this.#head.set(buffer.subarray(start, next), this.#headLength);
      this.#headLength += next - start;
      if (this.#headLength < FRAME_HEAD_BYTES) return next;
      this.#headLength = 0;
      head = this.#head;
      at = 0;
    }
    const length = ((head[at]! << 24) | (head[at + 1]! << 16) | (head[at + 2]! << 8) | head[at + 3]!) >>> 0;
    const type = head[at + 4]!;
    if (length > FRAME_BYTES_MAX) throw new PeerError('PEER_PROTOCOL', `a frame of ${length} bytes`);
    if (type < FrameType.message || type > FrameType.failure || head[at + 5] !== 0) throw new PeerError('PEER_PROTOCOL', `a frame of unknown type ${type}`);
    this.#type = type as FrameType;
    this.#group = (head[at + 6]! << 8) | head[at + 7]!;
    this.#bodyWhole = length;
    return next;
  }

  #keepPart(buffer: Uint8Array, start: number, end: number): void {
    if (start === end) return;
    if (this.#body.length < this.#bodyWhole) this.#body = Buffer.allocUnsafeSlow(Math.max(this.#bodyWhole, PAGE_BYTES));
    this.#body.set(buffer.subarray(start, end), this.#bodyLength);
    this.#bodyLength += end - start;
  }
}

/** Where a queue's bytes go. */
export interface FrameWriter {
  write(bytes: Uint8Array): void;
  /** Bytes handed to `write` that it may still look at. */
  readonly unwritten: number;
}

/** Collects frames in a page of memory; the page is used from its beginning again once the writer is done with it. */
export class FrameQueue {
  readonly #writer: FrameWriter;
  #page = Buffer.allocUnsafeSlow(PAGE_BYTES);
  #from = 0;
  #to = 0;
  readonly #slot: { buffer: Uint8Array; at: number } = { buffer: NO_BYTES, at: 0 };

  constructor(writer: FrameWriter) {
    this.#writer = writer;
  }

  /** Bytes that `flush` will write. */
  get length(): number {
    return this.#to - this.#from;
  }

  /** Room for a frame with a body of `bytes` bytes, whose head is written. To be filled before anything else is called. */
  reserve(type: FrameType, group: number, bytes: number): FrameSlot {
    const whole = FRAME_HEAD_BYTES + bytes;
    if (this.#page.length - this.#to < whole) this.#turnPage(whole);
    const page = this.#page;
    const at = this.#to;
    page.writeUInt32BE(bytes, at);
    page[at + 4] = type;
    page[at + 5] = 0;
    page.writeUInt16BE(group, at + 6);
    this.#to = at + whole;
    this.#slot.buffer = page;
    this.#slot.at = at + FRAME_HEAD_BYTES;
    return this.#slot;
  }

  flush(): void {
    if (this.#from === this.#to) return;
    const bytes = this.#page.subarray(this.#from, this.#to);
    this.#from = this.#to;
    this.#writer.write(bytes);
    if (this.#writer.unwritten > 0) return;
    this.#from = 0;
    this.#to = 0;
    if (this.#page.length > KEPT_BYTES) this.#page = Buffer.allocUnsafeSlow(PAGE_BYTES);
  }

  /** What is full goes out without waiting for the end of the turn. */
  #turnPage(bytes: number): void {
    this.flush();
    if (this.#writer.unwritten > 0 || this.#page.length < bytes) this.#page = Buffer.allocUnsafeSlow(Math.max(PAGE_BYTES, bytes));
    this.#from = 0;
    this.#to = 0;
  }
}
