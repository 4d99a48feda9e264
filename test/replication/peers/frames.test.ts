/** Frames: found again whatever the pieces they come in, refused if they are none; and the pages they are written from. */
import { describe, expect, it } from 'vitest';
import { FRAME_HEAD_BYTES, FrameQueue, FrameReader, FrameType } from '../../../src/replication/peers/frames.ts';
import { PeerError } from '../../../src/replication/peers/peer-errors.ts';
import { FRAME_BYTES_MAX } from '../../../src/replication/peers/peer-network.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { testSeed } from '../../support/test-seed.ts';

const SEED = testSeed('PEER_FRAMES_SEED');

interface Noted {
  readonly type: number;
  readonly group: number;
  readonly body: string;
}

/** A socket that takes bytes now or later. */
class Sink {
  readonly bytes: Buffer[] = [];
  readonly #pending: Uint8Array[] = [];
  slow = false;

  write(bytes: Uint8Array): void {
    if (this.slow || this.#pending.length > 0) this.#pending.push(bytes);
    else this.bytes.push(Buffer.from(bytes));
  }

  get unwritten(): number {
    return this.#pending.reduce((sum, { length }) => sum + length, 0);
  }

  drain(): void {
    for (const bytes of this.#pending.splice(0)) this.bytes.push(Buffer.from(bytes));
  }
}

function noting(frames: Noted[]): { frame: (type: number, group: number, body: Uint8Array) => void } {
  return { frame: (type, group, body) => frames.push({ type, group, body: Buffer.from(body).toString('latin1') }) };
}

describe('frames', () => {
  it('come out as they went in, through pages and pieces of any length', () => {
    const random = new SeededRandom(SEED);
    for (let run = 0; run < 60; run++) {
      const sink = new Sink();
      const queue = new FrameQueue(sink);
      const wanted: Noted[] = [];
      for (let n = random.below(80); n >= 0; n--) {
        if (random.chance(0.1)) sink.slow = !sink.slow;
        if (random.chance(0.1)) sink.drain();
        if (random.chance(0.2)) queue.flush();
        const length = random.chance(0.05) ? random.below(2_000_000) : random.below(random.chance(0.3) ? 70_000 : 200);
        const type = random.pick(Object.values(FrameType));
        const group = random.below(65536);
        const byte = random.below(256);
        const { buffer, at } = queue.reserve(type, group, length);
        buffer.fill(byte, at, at + length);
        wanted.push({ type, group, body: String.fromCharCode(byte).repeat(length) });
      }
      queue.flush();
      sink.drain();
      expect(queue.length).toBe(0);
      const all = Buffer.concat(sink.bytes);
      const frames: Noted[] = [];
      const reader = new FrameReader(noting(frames));
      const shared = Buffer.alloc(300_000);
      for (let at = 0; at < all.length;) {
        const length = Math.min(all.length - at, random.chance(0.3) ? 1 + random.below(12) : 1 + random.below(shared.length - 1));
        all.copy(shared, 7, at, at + length);
        reader.consume(shared, 7, 7 + Math.min(length, shared.length - 7));
        shared.fill(0xdd);
        at += Math.min(length, shared.length - 7);
      }
      expect(frames.length, `PEER_FRAMES_SEED=${SEED}, run ${run}`).toBe(wanted.length);
      expect(frames.every((frame, i) => frame.type === wanted[i]!.type && frame.group === wanted[i]!.group && frame.body === wanted[i]!.body)).toBe(true);
    }
  });

  it('are handed over where they came, without a copy, if they came whole', () => {
    const bytes = Buffer.alloc(FRAME_HEAD_BYTES + 5, 'x');
    bytes.writeUInt32BE(5, 0);
    bytes.fill(0, 4, 8);
    bytes[4] = FrameType.message;
    let body: Uint8Array = Buffer.alloc(0);
    new FrameReader({ frame: (_type, _group, given) => { body = given; } }).consume(bytes, 0, bytes.length);
    bytes.fill('y');
    expect(Buffer.from(body).toString()).toBe('yyyyy');
  });

  it('that came in pieces are the receiver\'s to keep if they are huge, else their memory is used again', () => {
    const kept: { body: Uint8Array; mayKeep: boolean }[] = [];
    const reader = new FrameReader({ frame: (_type, _group, body, mayKeep) => kept.push({ body, mayKeep }) });
    const send = (length: number, byte: number): void => {
      const bytes = Buffer.alloc(FRAME_HEAD_BYTES + length, byte);
      bytes.writeUInt32BE(length, 0);
      bytes.fill(0, 4, 8);
      bytes[4] = FrameType.message;
      reader.consume(bytes, 0, 100);
      reader.consume(bytes, 100, bytes.length);
    };
    for (const [length, byte] of [[3_000_000, 1], [2_000_000, 2], [50_000, 3], [40_000, 4]] as const) send(length, byte);
    expect(kept.map(({ mayKeep }) => mayKeep)).toEqual([true, true, false, false]);
    expect(kept.slice(0, 2).map(({ body }) => [body.length, body[0], body[body.length - 1]])).toEqual([[3_000_000, 1, 1], [2_000_000, 2, 2]]);
    expect(kept[2]!.body.buffer).toBe(kept[3]!.body.buffer);
  });

  it('of the greatest length cost no more in small pieces than their length', () => {
    const frames: number[] = [];
    const reader = new FrameReader({ frame: (_type, _group, body) => frames.push(body.length) });
    const head = Buffer.alloc(FRAME_HEAD_BYTES);
    head.writeUInt32BE(FRAME_BYTES_MAX, 0);
    head[4] = FrameType.message;
    reader.consume(head, 0, head.length);
    const piece = Buffer.alloc(4096);
    const beganMs = performance.now();
    // Copying all that came before with each piece would take a terabyte of copies.
    for (let left = FRAME_BYTES_MAX; left > 0; left -= piece.length) reader.consume(piece, 0, Math.min(left, piece.length));
    expect(performance.now() - beganMs).toBeLessThan(10_000);
    expect(frames).toEqual([FRAME_BYTES_MAX]);
  });

  it('that are longer than allowed or of an unknown type are refused before anything is held for them', () => {
    for (const change of [
      (head: Buffer) => head.writeUInt32BE(FRAME_BYTES_MAX + 1, 0),
      (head: Buffer) => head.writeUInt32BE(0xffffffff, 0),
      (head: Buffer) => { head[4] = 0; },
      (head: Buffer) => { head[4] = 8; },
      (head: Buffer) => { head[5] = 1; },
    ]) {
      const head = Buffer.from([0, 0, 0, 1, 1, 0, 0, 0]);
      change(head);
      expect(() => new FrameReader(noting([])).consume(head, 0, head.length)).toThrow(PeerError);
    }
  });

  it('noise is refused or read, and never anything else', () => {
    const random = new SeededRandom(SEED);
    for (let run = 0; run < 3000; run++) {
      const reader = new FrameReader(noting([]));
      const noise = Buffer.from(random.bytes(random.below(200)));
      for (let at = 0; at + 8 <= noise.length && random.chance(0.8); at += 8 + random.below(40)) {
        noise.writeUInt32BE(random.below(random.chance(0.1) ? 2 ** 32 : 50), at);
        noise.writeUInt16BE(random.below(10) * 256, at + 4);
      }
      try {
        for (let at = 0; at < noise.length;) {
          const next = Math.min(noise.length, at + 1 + random.below(50));
          reader.consume(noise, at, next);
          at = next;
        }
      } catch (error) {
        expect(error, `PEER_FRAMES_SEED=${SEED}, run ${run}`).toBeInstanceOf(PeerError);
      }
    }
  });

  it('stop when the reader is told to, in the middle of what came', () => {
    const frames: number[] = [];
    const reader = new FrameReader({
      frame: (_type, group) => {
        frames.push(group);
        if (group === 1) reader.stop();
      },
    });
    const bytes = Buffer.from([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 2]);
    reader.consume(bytes, 0, bytes.length);
    reader.consume(bytes, 0, bytes.length);
    expect(frames).toEqual([0, 1]);
  });
});
