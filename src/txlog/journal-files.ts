/**
 * The files of the journal: segments of fixed size, filled with zeros once and written in place ever after, so that making a write
 * durable changes no metadata. Knows nothing of what is in them.
 *
 * Files are opened with O_DSYNC: a write and its being durable are one operation, of the thread pool or of this thread, and several
 * of them into disjoint places run side by side (the figures are in docs/adr/0003-level-as-log-store.md).
 */
import { constants, write, writeSync } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { syncDirectory } from './durable-directory.ts';

export type WriteDone = (error: Error | null) => void;

/** The seam at which tests put a disk that fails. */
export interface JournalFiles {
  readonly segmentCount: number;
  /** A multiple of the block size. */
  readonly segmentBytes: number;
  /** Ids of the journals that are there, whole or in part. */
  list(): Promise<string[]>;
  /** What is in the segments of journal `id`: those before the first that is missing. */
  read(id: string): Promise<Buffer[]>;
  /** Makes the segments of journal `id`, all zeros, durably. */
  create(id: string): Promise<void>;
  /** Opens the segments of journal `id` for `write`. */
  open(id: string): Promise<void>;
  /** Writes `bytes` at byte `at` of a segment; durable when `done` is called. The bytes must stay as they are until then. */
  write(segment: number, at: number, bytes: Buffer, done: WriteDone): void;
  /** The same on this thread: durable when it returns. Throws what went wrong. */
  writeNow(segment: number, at: number, bytes: Buffer): void;
  remove(id: string): Promise<void>;
  /** After all writes are done. */
  close(): Promise<void>;
}

const FILE_NAME = /^([0-9a-f]+)-(\d+)\.journal$/;
/**
 * A segment is filled in pieces of this size. Where the page cache takes larger ones whole (Linux's large folios), it goes through the
 * blocks of a whole piece for each small write into it ever after: see `bench/journal-pages.mjs`.
 */
const FILL_BYTES = 16 * 1024;

export class DirectoryJournalFiles implements JournalFiles {
  readonly segmentCount: number;
  readonly segmentBytes: number;
  readonly #directory: string;
  #files: FileHandle[] = [];

  constructor(directory: string, segmentCount: number, segmentBytes: number) {
    this.#directory = resolve(directory);
    this.segmentCount = segmentCount;
    this.segmentBytes = segmentBytes;
  }

  #path(id: string, segment: number): string {
    return join(this.#directory, `${id}-${segment}.journal`);
  }

  async #names(): Promise<RegExpExecArray[]> {
    try {
      return (await readdir(this.#directory)).map((name) => FILE_NAME.exec(name)).filter((match) => match !== null);
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOENT') return [];
      throw error;
    }
  }

  async list(): Promise<string[]> {
    return [...new Set((await this.#names()).map(([, id]) => id!))];
  }

  async read(id: string): Promise<Buffer[]> {
    const segments = (await this.#names()).filter((match) => match[1] === id).map((match) => Number(match[2])).sort((a, b) => a - b);
    const out: Buffer[] = [];
    while (segments[out.length] === out.length) out.push(await readFile(this.#path(id, out.length)));
    return out;
  }

  async create(id: string): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    const zeros = Buffer.alloc(Math.min(FILL_BYTES, this.segmentBytes));
    for (let segment = 0; segment < this.segmentCount; segment++) {
      const file = await open(this.#path(id, segment), 'wx');
      try {
        // Real zeros: to space that is only reserved, every first write changes metadata.
        for (let at = 0; at < this.segmentBytes;) {
          at += (await file.write(zeros, 0, Math.min(zeros.length, this.segmentBytes - at), at)).bytesWritten;
        }
        await file.sync();
      } finally {
        await file.close();
      }
    }
    await syncDirectory(this.#directory);
    await syncDirectory(join(this.#directory, '..'));
  }

  async open(id: string): Promise<void> {
    for (let segment = 0; segment < this.segmentCount; segment++) {
      this.#files.push(await open(this.#path(id, segment), constants.O_WRONLY | constants.O_DSYNC));
    }
  }

  write(segment: number, at: number, bytes: Buffer, done: WriteDone): void {
    write(this.#files[segment]!.fd, bytes, 0, bytes.length, at, (error, written) => {
      if (error !== null) done(error);
      else if (written === bytes.length) done(null);
      else if (written === 0) done(tookNothing(bytes.length));
      else this.write(segment, at + written, bytes.subarray(written), done);
    });
  }

  writeNow(segment: number, at: number, bytes: Buffer): void {
    for (let from = 0; from < bytes.length;) {
      const written = writeSync(this.#files[segment]!.fd, bytes, from, bytes.length - from, at + from);
      if (written === 0) throw tookNothing(bytes.length - from);
      from += written;
    }
  }

  async remove(id: string): Promise<void> {
    for (const [name, owner] of await this.#names()) if (owner === id) await rm(join(this.#directory, name), { force: true });
  }

  async close(): Promise<void> {
    for (const file of this.#files.splice(0)) await file.close();
  }
}

function tookNothing(bytes: number): Error {
  return new Error(`the disk takes nothing of ${bytes} bytes for the journal`);
}
