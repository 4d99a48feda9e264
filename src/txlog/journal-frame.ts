/**
 * Bytes of the journal: frames, each one batch of changes, on block boundaries of their own. Encodes them, and finds them again in
 * the bytes of a segment, in which stale frames of earlier uses and torn ones lie about. Must never trust a byte before its CRC.
 *
 * Frame: CRC-32 of everything behind it through the end of the changes, length of the changes, the journal's id (16 bytes),
 * sequence number (6 bytes), then the changes: code, index (6 bytes), length, bytes. Big-endian. Zeros fill the last block.
 *
 * A frame begins on a block boundary, and no two share a block: writing one can't tear another that was acknowledged. The id is
 * random and secret: what clients store can't be taken for a frame, even where a torn frame leaves their bytes on a boundary.
 */
import { crc32 } from 'node:zlib';

/** What a disk or a page cache writes as a whole or not at all, at most. */
export const BLOCK_BYTES = 4096;

const CRC_BYTES = 4;
const ID_AT = 8;
export const ID_BYTES = 16;
const SEQUENCE_AT = ID_AT + ID_BYTES;
const HEADER_BYTES = SEQUENCE_AT + 6;
const CHANGE_BYTES = 11;
const FIRST_BUFFER_BYTES = 64 * 1024;
/** A buffer larger than this is given up after use. */
const KEPT_BUFFER_BYTES = 4 * 1024 * 1024;

export const PUT_STATE = 1;
export const PUT_RECORD = 2;
export const DELETE_RECORD = 3;
export const PUT_MARK = 4;
export const DELETE_MARK = 5;

const NO_BYTES = Buffer.alloc(0);

/** Takes the changes of a frame, in order. `value` is a view; empty for deletions and, by its code, never missing otherwise. */
export interface ChangeVisitor {
  change(code: number, index: number, value: Buffer): void;
}

/** Collects one batch after another. */
export class FrameWriter {
  #buffer = Buffer.allocUnsafeSlow(FIRST_BUFFER_BYTES);
  #end = HEADER_BYTES;

  /** Begins a new frame; what `finish` returned before is void. */
  begin(): void {
    if (this.#buffer.length > KEPT_BUFFER_BYTES) this.#buffer = Buffer.allocUnsafeSlow(FIRST_BUFFER_BYTES);
    this.#end = HEADER_BYTES;
  }

  add(code: number, index: number, value: Uint8Array = NO_BYTES): void {
    const at = this.#end;
    const end = at + CHANGE_BYTES + value.length;
    if (end + BLOCK_BYTES > this.#buffer.length) this.#grow(end + BLOCK_BYTES);
    const buffer = this.#buffer;
    buffer[at] = code;
    buffer.writeUIntBE(index, at + 1, 6);
    buffer.writeUInt32BE(value.length, at + 7);
    buffer.set(value, at + CHANGE_BYTES);
    this.#end = end;
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(bytes, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#end);
    this.#buffer = larger;
  }

  /** What `finish` returned stays as it is: for a frame so large that a copy would cost more than another buffer. */
  giveAway(): void {
    this.#buffer = Buffer.allocUnsafeSlow(FIRST_BUFFER_BYTES);
  }

  /** The frame, whole blocks. Valid until the next `begin`, but see `giveAway`. */
  finish(id: Buffer, sequence: number): Buffer {
    const buffer = this.#buffer;
    const end = this.#end;
    buffer.writeUInt32BE(end - HEADER_BYTES, CRC_BYTES);
    id.copy(buffer, ID_AT);
    buffer.writeUIntBE(sequence, SEQUENCE_AT, 6);
    buffer.writeUInt32BE(crc32(buffer.subarray(CRC_BYTES, end)), 0);
    const blocksEnd = Math.ceil(end / BLOCK_BYTES) * BLOCK_BYTES;
    buffer.fill(0, end, blocksEnd);
    return buffer.subarray(0, blocksEnd);
  }
}

/** Hands the changes of a frame that is known to be good to `visitor`. Values are views of `frame`. */
export function visitChanges(frame: Buffer, visitor: ChangeVisitor): void {
  const end = HEADER_BYTES + frame.readUInt32BE(CRC_BYTES);
  for (let at = HEADER_BYTES; at < end;) {
    const from = at + CHANGE_BYTES;
    const through = from + frame.readUInt32BE(at + 7);
    visitor.change(frame[at]!, frame.readUIntBE(at + 1, 6), frame.subarray(from, through));
    at = through;
  }
}

export interface FoundFrame {
  readonly sequence: number;
  /** View of what was searched. */
  readonly frame: Buffer;
}

/**
 * All good frames of journal `id` in `segment`, in the order of their places, also behind bad ones.
 * @param onBad told the number that stands in a frame that is this journal's and not good
 */
export function findFrames(segment: Buffer, id: Buffer, onBad: (sequence: number) => void = () => undefined): FoundFrame[] {
  const found: FoundFrame[] = [];
  for (let at = 0; at + HEADER_BYTES <= segment.length;) {
    const end = at + HEADER_BYTES + segment.readUInt32BE(at + CRC_BYTES);
    const ours = segment.compare(id, 0, ID_BYTES, at + ID_AT, at + SEQUENCE_AT) === 0;
    const good = ours && end <= segment.length && crc32(segment.subarray(at + CRC_BYTES, end)) === segment.readUInt32BE(at);
    const sequence = ours ? segment.readUIntBE(at + SEQUENCE_AT, 6) : 0;
    if (good) found.push({ sequence, frame: segment.subarray(at, end) });
    else if (ours) onBad(sequence);
    // What is behind a bad frame may be good: writes into disjoint places finish in any order.
    at = good ? Math.ceil(end / BLOCK_BYTES) * BLOCK_BYTES : at + BLOCK_BYTES;
  }
  return found;
}
