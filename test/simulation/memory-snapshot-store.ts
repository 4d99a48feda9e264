/** Snapshots in memory. The disk outlives the store, as a disk outlives a process: drafts do not survive, what was published does. */
import {
  type SnapshotDraft, SnapshotError, type SnapshotInfo, type SnapshotName, type SnapshotStore, formatSnapshotName,
} from '../../src/snapshot/snapshot-store.ts';

/** So much is read at once: small, so that a transfer has several pieces. */
const READ_BYTES = 4096;

export class SnapshotDisk {
  readonly published = new Map<string, { readonly info: SnapshotInfo; readonly bytes: Uint8Array }>();
}

export class MemorySnapshotStore implements SnapshotStore {
  readonly #disk: SnapshotDisk;
  readonly #isAlive: () => boolean;

  /** @param isAlive whether the process that uses it still runs: after its end nothing is published or removed. */
  constructor(disk: SnapshotDisk, isAlive: () => boolean = () => true) {
    this.#disk = disk;
    this.#isAlive = isAlive;
  }

  list(): Promise<SnapshotInfo[]> {
    return Promise.resolve([...this.#disk.published.values()].map(({ info }) => info).sort((a, b) => b.index - a.index || b.madeAtMs - a.madeAtMs));
  }

  draft(name: SnapshotName): Promise<SnapshotDraft> {
    return Promise.resolve(new MemoryDraft(this.#disk, name, this.#isAlive));
  }

  async *read(name: string): AsyncGenerator<Uint8Array> {
    const found = this.#disk.published.get(name);
    if (found === undefined) throw new SnapshotError('SNAPSHOT_STORE', `there is no ${name}`);
    yield* pieces(found.bytes);
  }

  remove(name: string): Promise<void> {
    if (this.#isAlive()) this.#disk.published.delete(name);
    return Promise.resolve();
  }

  removeDrafts(): Promise<void> {
    return Promise.resolve();
  }
}

class MemoryDraft implements SnapshotDraft {
  readonly #disk: SnapshotDisk;
  readonly #name: SnapshotName;
  readonly #isAlive: () => boolean;
  readonly #parts: Uint8Array[] = [];

  constructor(disk: SnapshotDisk, name: SnapshotName, isAlive: () => boolean) {
    this.#disk = disk;
    this.#name = name;
    this.#isAlive = isAlive;
  }

  write(bytes: Uint8Array): Promise<void> {
    this.#parts.push(Uint8Array.from(bytes));
    return Promise.resolve();
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }

  async *read(): AsyncGenerator<Uint8Array> {
    yield* pieces(Buffer.concat(this.#parts));
  }

  publish(): Promise<SnapshotInfo> {
    const bytes = Uint8Array.from(Buffer.concat(this.#parts));
    const name = formatSnapshotName(this.#name);
    const info = { ...this.#name, name, bytes: bytes.length };
    if (this.#isAlive()) this.#disk.published.set(name, { info, bytes });
    return Promise.resolve(info);
  }

  discard(): Promise<void> {
    this.#parts.length = 0;
    return Promise.resolve();
  }
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += READ_BYTES) yield bytes.subarray(at, at + READ_BYTES);
}
