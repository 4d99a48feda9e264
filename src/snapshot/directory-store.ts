/** Snapshots in a directory. A draft is a file beside them, renamed when it is published. */
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type SnapshotDraft, SnapshotError, type SnapshotInfo, type SnapshotName, type SnapshotStore, formatSnapshotName, parseSnapshotName,
} from './snapshot-store.ts';

const DRAFT_SUFFIX = '.draft';
const READ_BYTES = 256 * 1024;

export class DirectoryStore implements SnapshotStore {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  async list(): Promise<SnapshotInfo[]> {
    return guarded(async () => {
      await mkdir(this.directory, { recursive: true });
      const found: SnapshotInfo[] = [];
      for (const name of await readdir(this.directory)) {
        const parts = parseSnapshotName(name);
        if (parts !== null) found.push({ ...parts, name, bytes: (await stat(join(this.directory, name))).size });
      }
      return found.sort((a, b) => b.index - a.index || b.madeAtMs - a.madeAtMs);
    });
  }

  async draft(name: SnapshotName): Promise<SnapshotDraft> {
    return guarded(async () => {
      await mkdir(this.directory, { recursive: true });
      const path = join(this.directory, formatSnapshotName(name) + DRAFT_SUFFIX);
      return new DirectoryDraft(this.directory, path, name, await open(path, 'w'));
    });
  }

  read(name: string): AsyncIterable<Uint8Array> {
    return chunksOf(join(this.directory, name));
  }

  async remove(name: string): Promise<void> {
    await guarded(async () => {
      await rm(join(this.directory, name), { force: true });
      await syncDirectory(this.directory);
    });
  }

  async removeDrafts(): Promise<void> {
    await guarded(async () => {
      await mkdir(this.directory, { recursive: true });
      for (const name of await readdir(this.directory)) if (name.endsWith(DRAFT_SUFFIX)) await rm(join(this.directory, name), { force: true });
    });
  }
}

class DirectoryDraft implements SnapshotDraft {
  readonly #directory: string;
  readonly #path: string;
  readonly #name: SnapshotName;
  readonly #file: FileHandle;
  #bytes = 0;
  #open = true;

  constructor(directory: string, path: string, name: SnapshotName, file: FileHandle) {
    this.#directory = directory;
    this.#path = path;
    this.#name = name;
    this.#file = file;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await guarded(async () => {
      // A write may take only part of the bytes, on a disk that is nearly full for instance.
      for (let at = 0; at < bytes.length;) at += (await this.#file.write(bytes, at, bytes.length - at)).bytesWritten;
      this.#bytes += bytes.length;
    });
  }

  async finish(): Promise<void> {
    await guarded(async () => {
      await this.#file.sync();
      await this.#close();
    });
  }

  read(): AsyncIterable<Uint8Array> {
    return chunksOf(this.#path);
  }

  async publish(): Promise<SnapshotInfo> {
    return guarded(async () => {
      const name = formatSnapshotName(this.#name);
      await rename(this.#path, join(this.#directory, name));
      await syncDirectory(this.#directory);
      return { ...this.#name, name, bytes: this.#bytes };
    });
  }

  async discard(): Promise<void> {
    await guarded(async () => {
      await this.#close();
      await rm(this.#path, { force: true });
    });
  }

  async #close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#file.close();
  }
}

async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES })) yield chunk as Buffer;
  } catch (error) {
    throw storeError(error);
  }
}

/** A rename is durable only once its directory is. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storeError(error);
  }
}

function storeError(error: unknown): SnapshotError {
  return error instanceof SnapshotError ? error : new SnapshotError('SNAPSHOT_STORE', (error as Error).message, error);
}
