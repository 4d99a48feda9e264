/**
 * A LogDisk in front of which stands a journal: a batch is durable when its frame is, which takes one small write into a file that
 * is there already; the disk behind gets the batches later, many at once. Why, and what it brings: docs/adr/0003-level-as-log-store.md.
 *
 * Frames are numbered. The disk behind holds, written atomically with what it is given, the number through which it has them all;
 * after a crash the journal's later frames are given to it anew. A frame's place is reused only when the disk behind has it,
 * synced. Must never report as durable what is in neither.
 */
import { randomBytes } from 'node:crypto';
import { ChangeLayer, type Waiter, layeredItems } from './change-layer.ts';
import { Journal } from './journal.ts';
import type { JournalFiles } from './journal-files.ts';
import { DELETE_MARK, DELETE_RECORD, FrameWriter, ID_BYTES, PUT_MARK, PUT_RECORD, PUT_STATE, visitChanges } from './journal-frame.ts';
import { readJournal } from './journal-recovery.ts';
import type { DiskBatch, DiskContents, DiskItem, LogDisk } from './log-disk.ts';
import { LogError } from './log-store.ts';
import { encodeJournalPosition } from './record-codec.ts';

export interface JournaledLogDiskOptions {
  /** What is journaled reaches the disk behind after so long at the latest, if that keeps up. */
  readonly writeBehindMs: number;
  /** What is journaled goes to the disk behind at once when it is so much. */
  readonly writeBehindBytes: number;
}

/** A batch for which the journal has no room at the moment. */
interface QueuedFrame extends Waiter {
  readonly frame: Buffer;
  readonly sequence: number;
}

/** Replayed at one go after a restart. */
const REPLAY_BYTES = 8 * 1024 * 1024;

export class JournaledLogDisk implements LogDisk {
  readonly #back: LogDisk;
  readonly #files: JournalFiles;
  readonly #options: JournaledLogDiskOptions;
  readonly #journal: Journal;
  #id: Buffer = Buffer.alloc(ID_BYTES);
  #idText = '';
  /** Number of the newest batch. */
  #sequence = 0;
  /** The disk behind has all batches through this one, synced. */
  #backSequence = 0;
  /** Collects what comes; then on its way to the disk behind. */
  #pending = new ChangeLayer(0);
  #flushing: ChangeLayer | null = null;
  readonly #queue: QueuedFrame[] = [];
  /** Those who wait until the disk behind has a batch, which may still be in the queue. */
  readonly #awaited: (Waiter & { readonly sequence: number })[] = [];
  #timer: NodeJS.Timeout | null = null;
  #failure: Error | null = null;
  /** Not lent to a batch at the moment. */
  #writer: FrameWriter | null = new FrameWriter();

  constructor(back: LogDisk, files: JournalFiles, options: JournaledLogDiskOptions) {
    this.#back = back;
    this.#files = files;
    this.#options = options;
    this.#journal = new Journal(files);
  }

  async open(): Promise<DiskContents> {
    const contents = await this.#back.open();
    const { position, frames, remains, brokenFrames } = await readJournal(this.#files, contents.journal);
    let { state } = contents;
    if (position !== null) {
      this.#takeId(position.id);
      this.#sequence = this.#backSequence = this.#pending.lastSequence = position.sequence;
    }
    for (const { sequence, frame } of frames) {
      visitChanges(frame, this.#pending);
      this.#sequence = this.#pending.lastSequence = sequence;
      state = this.#pending.state ?? state;
      if (this.#pending.bytes > REPLAY_BYTES) await this.#flushed();
    }
    if (frames.length > 0) await this.#flushed();
    const fits = position !== null && position.segmentCount === this.#files.segmentCount && position.segmentBytes === this.#files.segmentBytes;
    if (!fits) await this.#makeJournal();
    for (const id of await this.#files.list()) if (id !== this.#idText) await this.#files.remove(id);
    await this.#files.open(this.#idText);
    return { state, journal: null, remains: [...contents.remains, ...remains], brokenFrames };
  }

  #takeId(id: string): void {
    this.#idText = id;
    this.#id = Buffer.from(id, 'hex');
  }

  /** The disk behind learns of a new journal when all of it is there, and has everything that was in an old one. */
  async #makeJournal(): Promise<void> {
    const id = randomBytes(ID_BYTES).toString('hex');
    await this.#files.create(id);
    this.#takeId(id);
    await this.#flushed();
  }

  batch(): DiskBatch {
    const writer = this.#writer ?? new FrameWriter();
    this.#writer = null;
    writer.begin();
    return new JournalBatch(this, writer);
  }

  /** Of batches only. Always synced: what is written without need of it is little. */
  write(writer: FrameWriter, awaited: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) {
        reject(this.#failure);
        return;
      }
      const sequence = ++this.#sequence;
      const frame = writer.finish(this.#id, sequence);
      const isLarge = frame.length > this.#journal.frameBytesMax;
      if (isLarge) writer.giveAway();
      if (this.#queue.length > 0 || !this.#begin(frame, sequence, awaited, resolve, reject)) {
        this.#queue.push({ frame: isLarge ? frame : Buffer.from(frame), sequence, resolve, reject });
        this.#flush();
      }
      this.#writer = writer;
    });
  }

  /** Returns whether there was room. */
  #begin(frame: Buffer, sequence: number, awaited: boolean, resolve: () => void, reject: (error: Error) => void): boolean {
    const pending = this.#pending;
    let place: Buffer | null;
    if (frame.length > this.#journal.frameBytesMax) {
      // Too large for the journal: durable when the disk behind has it, for which everything before it goes there too.
      place = frame;
      pending.waiters.push({ resolve, reject });
    } else {
      place = this.#journal.write(frame, sequence, awaited, (error) => {
        if (error !== null) {
          reject(this.#fail(error));
          return;
        }
        resolve();
        // Its segment may have waited for this alone.
        if (this.#queue.length > 0 && this.#flushing === null) this.#beginQueued();
      });
      if (place === null) return false;
    }
    visitChanges(place, pending);
    pending.lastSequence = sequence;
    this.#schedule();
    return true;
  }

  #schedule(): void {
    const { waiters, bytes, isEmpty } = this.#pending;
    if (this.#flushing !== null) return;
    if (waiters.length > 0 || this.#queue.length > 0 || this.#awaited.length > 0 || bytes >= this.#options.writeBehindBytes) this.#flush();
    else if (!isEmpty) this.#timer ??= setTimeout(this.#onTimer, this.#options.writeBehindMs).unref();
  }

  readonly #onTimer = (): void => {
    this.#timer = null;
    this.#flush();
  };

  /** Gives the disk behind what it lacks, one batch at a time. */
  #flush(): void {
    if (this.#flushing !== null || this.#failure !== null || (this.#pending.isEmpty && this.#pending.waiters.length === 0)) return;
    if (this.#timer !== null) {
      clearTimeout(this.#timer);
      this.#timer = null;
    }
    const layer = this.#pending;
    this.#flushing = layer;
    this.#pending = new ChangeLayer(layer.lastSequence);
    const batch = this.#back.batch();
    layer.addTo(batch);
    const { segmentCount, segmentBytes } = this.#files;
    batch.putJournal(encodeJournalPosition({ id: this.#idText, sequence: layer.lastSequence, segmentCount, segmentBytes }));
    batch.write(true).then(this.#onFlushed, (error: unknown) => { this.#fail(error as Error); });
  }

  readonly #onFlushed = (): void => {
    const layer = this.#flushing!;
    if (this.#failure !== null) return;
    this.#flushing = null;
    this.#backSequence = layer.lastSequence;
    this.#journal.release(layer.lastSequence);
    for (const { resolve } of layer.waiters) resolve();
    while (this.#awaited.length > 0 && this.#awaited[0]!.sequence <= layer.lastSequence) this.#awaited.shift()!.resolve();
    this.#beginQueued();
    this.#schedule();
  };

  #beginQueued(): void {
    while (this.#queue.length > 0) {
      const { frame, sequence, resolve, reject } = this.#queue[0]!;
      if (!this.#begin(frame, sequence, false, resolve, reject)) return;
      this.#queue.shift();
    }
  }

  /** Resolves when a batch that begins now or later is synced on the disk behind. */
  #flushed(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) {
        reject(this.#failure);
        return;
      }
      this.#pending.waiters.push({ resolve, reject });
      this.#flush();
    });
  }

  /** Resolves when the disk behind has everything that was given so far. */
  #allFlushed(): Promise<void> {
    const sequence = this.#sequence;
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) reject(this.#failure);
      else if (this.#backSequence >= sequence) resolve();
      else {
        this.#awaited.push({ sequence, resolve, reject });
        this.#flush();
      }
    });
  }

  async *scan(from: number, through: number, bytesMax: number): AsyncIterable<readonly DiskItem[]> {
    const over = layeredItems(this.#layers(), from, through);
    let next = 0;
    // The disk behind is asked within the same turn: what leaves the layers from now on is in its view already or never needed.
    for await (const items of this.#back.scan(from, through, bytesMax)) {
      const chunk: DiskItem[] = [];
      for (const item of items) {
        let order = -1;
        for (; next < over.length; next++) {
          const { index, isMark, value } = over[next]!;
          order = index - item.index || Number(isMark) - Number(item.isMark);
          if (order > 0) break;
          if (value !== null) chunk.push({ index, isMark, value });
          if (order === 0) {
            next++;
            break;
          }
        }
        if (order !== 0) chunk.push(item);
      }
      if (chunk.length > 0) yield chunk;
    }
    const rest: DiskItem[] = [];
    for (; next < over.length; next++) {
      const { index, isMark, value } = over[next]!;
      if (value !== null) rest.push({ index, isMark, value });
    }
    if (rest.length > 0) yield rest;
  }

  #layers(): ChangeLayer[] {
    return this.#flushing === null ? [this.#pending] : [this.#flushing, this.#pending];
  }

  get(index: number): Promise<Uint8Array | null> {
    const value = this.#pending.records.get(index) ?? (this.#pending.records.has(index) ? null : this.#flushing?.records.get(index));
    if (value === undefined) return this.#back.get(index);
    return Promise.resolve(value === null ? null : new Uint8Array(value));
  }

  async deleteRange(from: number, through: number): Promise<void> {
    await this.#allFlushed();
    await this.#back.deleteRange(from, through);
    // What is gone must stay gone: what is journaled from now on may take its place.
    await this.#flushed();
  }

  /** Ends everything. Returns the error that did, which may be an earlier one. */
  #fail(error: Error): Error {
    if (this.#failure !== null) return this.#failure;
    this.#failure = error;
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const { reject } of this.#queue.splice(0)) reject(error);
    for (const { reject } of this.#awaited.splice(0)) reject(error);
    for (const layer of this.#layers()) for (const { reject } of layer.waiters.splice(0)) reject(error);
    return error;
  }

  async close(): Promise<void> {
    try {
      if (this.#failure === null && this.#sequence > this.#backSequence) await this.#allFlushed();
    } finally {
      this.#fail(new LogError('LOG_CLOSED', 'the log was closed'));
      await this.#journal.idle();
      await this.#files.close();
      await this.#back.close();
    }
  }

  async destroy(): Promise<void> {
    for (const id of await this.#files.list()) await this.#files.remove(id);
    await this.#back.destroy();
  }
}

class JournalBatch implements DiskBatch {
  readonly #disk: JournaledLogDisk;
  readonly #writer: FrameWriter;

  constructor(disk: JournaledLogDisk, writer: FrameWriter) {
    this.#disk = disk;
    this.#writer = writer;
  }

  putState(value: Uint8Array): void {
    this.#writer.add(PUT_STATE, 0, value);
  }

  putJournal(): never {
    throw new RangeError('a journal in front of a journal');
  }

  putRecord(index: number, value: Uint8Array): void {
    this.#writer.add(PUT_RECORD, index, value);
  }

  deleteRecord(index: number): void {
    this.#writer.add(DELETE_RECORD, index);
  }

  putMark(index: number, value: Uint8Array): void {
    this.#writer.add(PUT_MARK, index, value);
  }

  deleteMark(index: number): void {
    this.#writer.add(DELETE_MARK, index);
  }

  write(_sync: boolean, awaited = false): Promise<void> {
    return this.#disk.write(this.#writer, awaited);
  }
}
