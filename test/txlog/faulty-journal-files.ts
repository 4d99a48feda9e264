/**
 * Journal files in memory whose misfortunes a test arranges: writes that finish late, in any order, partly or with an error; bits
 * that flip; files that are short or gone. They outlive whoever wrote them, as a disk does.
 */
import type { JournalFiles, WriteDone } from '../../src/txlog/journal-files.ts';

/** What a disk writes as a whole. */
export const SECTOR_BYTES = 512;

interface HeldWrite {
  readonly segment: number;
  readonly at: number;
  /** As it was given, and as the writer must leave it. */
  readonly copy: Buffer;
  readonly bytes: Buffer;
  readonly done: WriteDone;
}

export class FaultyJournalDisk {
  readonly journals = new Map<string, Buffer[]>();
  /** Writes that are not durable. */
  #held: HeldWrite[] = [];
  #holding = false;
  #failure: Error | null = null;
  owner: object | null = null;

  files(segmentCount: number, segmentBytes: number): JournalFiles {
    return new FaultyJournalFiles(this, segmentCount, segmentBytes);
  }

  get heldWrites(): number {
    return this.#held.length;
  }

  /** From now on writes wait until the test completes them. */
  holdWrites(): void {
    this.#holding = true;
  }

  releaseWrites(): void {
    this.#holding = false;
    while (this.#held.length > 0) this.complete(0);
  }

  take(write: HeldWrite): void {
    if (this.#failure !== null) {
      const failure = this.#failure;
      setImmediate(() => { write.done(failure); });
      return;
    }
    this.#held.push(write);
    if (!this.#holding) setImmediate(() => { if (this.#held.includes(write)) this.complete(this.#held.indexOf(write)); });
  }

  /** Writes made on the caller's thread; they cannot be held. */
  writesNow = 0;

  takeNow(segment: number, at: number, bytes: Buffer): void {
    if (this.#failure !== null) throw this.#failure;
    this.writesNow++;
    bytes.copy(this.#segment({ segment }), at);
  }

  /** Completes one held write, also before earlier ones. */
  complete(place: number): void {
    const [write] = this.#held.splice(place, 1) as [HeldWrite];
    if (!write.copy.equals(write.bytes)) throw new Error('bytes changed while they were being written');
    write.copy.copy(this.#segment(write), write.at);
    write.done(null);
  }

  #segment({ segment }: Pick<HeldWrite, 'segment'>): Buffer {
    return [...this.journals.values()].at(-1)![segment]!;
  }

  /** All held writes and all later ones fail. */
  fail(error: Error): void {
    this.#failure = error;
    for (const write of this.#held.splice(0)) write.done(error);
  }

  /** The process ends: of each held write those sectors are on the disk for which `survives` says so. */
  crash(survives: (place: number, sector: number) => boolean = () => false): void {
    this.owner = null;
    this.#failure = null;
    this.#holding = false;
    this.#held.splice(0).forEach((write, place) => {
      for (let at = 0; at < write.copy.length; at += SECTOR_BYTES) {
        if (survives(place, at / SECTOR_BYTES)) write.copy.copy(this.#segment(write), write.at + at, at, at + SECTOR_BYTES);
      }
    });
  }
}

/** One process's hold on them. After a crash nothing that it asks for happens or is answered. */
class FaultyJournalFiles implements JournalFiles {
  readonly segmentCount: number;
  readonly segmentBytes: number;
  readonly #disk: FaultyJournalDisk;

  constructor(disk: FaultyJournalDisk, segmentCount: number, segmentBytes: number) {
    this.#disk = disk;
    this.segmentCount = segmentCount;
    this.segmentBytes = segmentBytes;
  }

  list(): Promise<string[]> {
    return Promise.resolve([...this.#disk.journals.keys()]);
  }

  read(id: string): Promise<Buffer[]> {
    return Promise.resolve((this.#disk.journals.get(id) ?? []).map((segment) => Buffer.from(segment)));
  }

  create(id: string): Promise<void> {
    this.#disk.journals.set(id, Array.from({ length: this.segmentCount }, () => Buffer.alloc(this.segmentBytes)));
    return Promise.resolve();
  }

  open(): Promise<void> {
    this.#disk.owner = this;
    return Promise.resolve();
  }

  write(segment: number, at: number, bytes: Buffer, done: WriteDone): void {
    if (this.#disk.owner === this) this.#disk.take({ segment, at, bytes, copy: Buffer.from(bytes), done });
  }

  writeNow(segment: number, at: number, bytes: Buffer): void {
    if (this.#disk.owner === this) this.#disk.takeNow(segment, at, bytes);
  }

  remove(id: string): Promise<void> {
    this.#disk.journals.delete(id);
    return Promise.resolve();
  }

  close(): Promise<void> {
    if (this.#disk.owner === this) this.#disk.owner = null;
    return Promise.resolve();
  }
}
