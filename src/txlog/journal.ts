/**
 * The journal's ring: finds a place for each frame, writes it, and reuses a segment when nothing in it is needed any more. Keeps
 * an image of each segment in memory, so that what was journaled can be read without a copy of its own until the place is reused.
 * Must never put a frame where one lies that may still be needed.
 */
import { BLOCK_BYTES } from './journal-frame.ts';
import type { JournalFiles, WriteDone } from './journal-files.ts';
import { SynchronousWrites } from './synchronous-writes.ts';

class Segment {
  readonly number: number;
  /** Made when first needed: a log with little to do never gets beyond the first segment, nor far into it. */
  image: Buffer | null = null;
  /** Where the next frame goes. */
  end = 0;
  /** Sequence of the newest frame in it. */
  lastSequence = 0;
  writesInFlight = 0;

  constructor(number: number) {
    this.number = number;
  }
}

export class Journal {
  readonly #files: JournalFiles;
  readonly #segments: Segment[];
  #active: Segment;
  /** Frames through this one are needed no more. */
  #releasedSequence = 0;
  #writesInFlight = 0;
  readonly #synchronous = new SynchronousWrites();
  #onIdle: (() => void)[] = [];

  constructor(files: JournalFiles) {
    this.#files = files;
    this.#segments = Array.from({ length: files.segmentCount }, (_, number) => new Segment(number));
    this.#active = this.#segments[0]!;
  }

  /** Larger frames have no place in the journal. */
  get frameBytesMax(): number {
    return this.#files.segmentBytes;
  }

  /**
   * Copies `frame` into the journal and writes it; `done` is called when it is durable. Returns the copy, which stays as it is
   * until the frame is released; null if there is no room, in which case nothing was done. `awaited`: see LogBatch.awaited.
   */
  write(frame: Buffer, sequence: number, awaited: boolean, done: WriteDone): Buffer | null {
    const segment = this.#room(frame.length);
    if (segment === null) return null;
    const at = segment.end;
    segment.image ??= Buffer.alloc(this.#files.segmentBytes);
    const place = segment.image.subarray(at, at + frame.length);
    frame.copy(place);
    segment.end = at + Math.ceil(frame.length / BLOCK_BYTES) * BLOCK_BYTES;
    segment.lastSequence = sequence;
    const synchronous = awaited && this.#writesInFlight === 0 && this.#synchronous.worthwhile(frame.length, performance.now());
    segment.writesInFlight++;
    this.#writesInFlight++;
    const written: WriteDone = (error) => {
      segment.writesInFlight--;
      this.#writesInFlight--;
      done(error);
      if (this.#writesInFlight === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
    };
    // Behind whatever else this turn sends: that is not to wait for the disk.
    if (synchronous) queueMicrotask(() => this.#writeNow(segment.number, at, place, written));
    else this.#files.write(segment.number, at, place, written);
    return place;
  }

  #writeNow(segment: number, at: number, bytes: Buffer, written: WriteDone): void {
    const beganMs = performance.now();
    let failure: Error | null = null;
    try {
      this.#files.writeNow(segment, at, bytes);
    } catch (error) {
      failure = error as Error;
    }
    const endedMs = performance.now();
    this.#synchronous.took(endedMs - beganMs, endedMs);
    written(failure);
  }

  #room(bytes: number): Segment | null {
    const active = this.#active;
    if (this.#isFree(active)) active.end = 0;
    if (active.end + bytes <= this.#files.segmentBytes) return active;
    for (const segment of this.#segments) {
      if (segment === active || !this.#isFree(segment)) continue;
      segment.end = 0;
      this.#active = segment;
      return bytes <= this.#files.segmentBytes ? segment : null;
    }
    return null;
  }

  #isFree(segment: Segment): boolean {
    return segment.lastSequence <= this.#releasedSequence && segment.writesInFlight === 0;
  }

  /** Frames through `sequence` may be overwritten: all that they say is durable elsewhere. */
  release(sequence: number): void {
    this.#releasedSequence = sequence;
  }

  /** Resolves when no write is in flight. */
  async idle(): Promise<void> {
    if (this.#writesInFlight > 0) await new Promise<void>((resolve) => { this.#onIdle.push(resolve); });
  }
}
