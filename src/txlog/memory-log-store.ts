/**
 * The log in memory, for tests: the same StoredLog on a disk whose misfortunes a test arranges. The disk outlives the store,
 * as a disk outlives a process: after `crash` the old store hears nothing any more, and a new one on the same disk finds
 * what survived.
 *
 * What it models: a write is atomic; a synced one is durable when it completes and not before, whatever order writes complete
 * in; one that was not synced can be read at once and is lost in a power failure unless a later synced write completed.
 * Must never keep more than a disk would: what did not survive is gone.
 */
import type { DiskBatch, DiskContents, DiskItem, LogDisk } from './log-disk.ts';
import { StoredLog } from './stored-log.ts';

const STATE_KEY = 's';
const JOURNAL_KEY = 'j';

type Change = { readonly key: string; readonly value: Uint8Array | null };

/** A synced write that has not completed. */
interface HeldWrite {
  readonly changes: readonly Change[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export interface CrashOptions {
  /** Which of the held writes reached the disk all the same, by their place in the order of the calls. None by default. */
  readonly survives?: (place: number) => boolean;
  /** Whether writes that were not synced survive: a killed process leaves them to the system, a power failure does not. */
  readonly keepUnsynced?: boolean;
}

export class MemoryLogDisk {
  /** What a restart would find. */
  #durable = new Map<string, Uint8Array>();
  /** What a read finds. */
  #visible = new Map<string, Uint8Array>();
  /** Keys that were changed since the last sync. */
  readonly #unsynced = new Set<string>();
  #held: HeldWrite[] = [];
  #holding = false;
  #failure: Error | null = null;
  #owner: DiskSession | null = null;
  /** How often it crashed: sessions of before are over. */
  crashes = 0;
  /** Synced writes that completed. */
  syncs = 0;

  /** The disk as one process sees it. */
  session(): LogDisk {
    return new DiskSession(this);
  }

  /** Of sessions only. */
  take(session: DiskSession): DiskContents {
    if (this.#owner !== null) throw new Error('the memory disk is open already');
    this.#owner = session;
    const { state, journal } = { state: this.#visible.get(STATE_KEY), journal: this.#visible.get(JOURNAL_KEY) };
    return { state: copyOrNull(state), journal: copyOrNull(journal), remains: [], brokenFrames: 0 };
  }

  /** Of sessions only. */
  leave(session: DiskSession): void {
    if (this.#owner === session) this.#owner = null;
  }

  isOwner(session: DiskSession): boolean {
    return this.#owner === session;
  }

  /** Of sessions only: changes that are made at once or never. */
  write(changes: readonly Change[], sync: boolean): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (!sync) {
      apply(this.#visible, changes);
      for (const { key } of changes) this.#unsynced.add(key);
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      this.#held.push({ changes, resolve, reject });
      if (!this.#holding) this.completeOldest();
    });
  }

  /** What a read finds now, records and marks in order. */
  items(from: number, through: number): DiskItem[] {
    return [...this.#visible]
      .filter(([key]) => key !== STATE_KEY && key !== JOURNAL_KEY)
      .map(([key, value]) => ({ index: Number(key.slice(1)), isMark: key[0] === 'm', value: copyOf(value) }))
      .filter(({ index }) => index >= from && index <= through)
      .sort((a, b) => a.index - b.index || Number(a.isMark) - Number(b.isMark));
  }

  wipe(): void {
    this.#durable.clear();
    this.#visible.clear();
  }

  /** Synced writes begun and not completed. */
  get heldWrites(): number {
    return this.#held.length;
  }

  /** From now on synced writes wait until the test completes them. */
  holdSyncs(): void {
    this.#holding = true;
  }

  /** Completes all held writes, in order, and holds no more. */
  releaseSyncs(): void {
    this.#holding = false;
    while (this.#held.length > 0) this.completeOldest();
  }

  completeOldest(): void {
    this.complete(0);
  }

  /** Completes one held write, by its place in the order of the calls: also before earlier ones. */
  complete(place: number): void {
    const [write] = this.#held.splice(place, 1);
    if (write === undefined) throw new Error(`no held write ${place}`);
    apply(this.#visible, write.changes);
    // One write-ahead file: its fsync carries along whatever was written before.
    apply(this.#durable, write.changes);
    this.#syncUnsynced();
    this.syncs++;
    write.resolve();
  }

  #syncUnsynced(): void {
    for (const key of this.#unsynced) apply(this.#durable, [{ key, value: this.#visible.get(key) ?? null }]);
    this.#unsynced.clear();
  }

  /** The oldest held write fails, or the next one if none is held, and all after it: such a disk does not come back. */
  failSync(error: Error): void {
    this.#failure = error;
    for (const write of this.#held.splice(0)) write.reject(error);
  }

  /** The process ends. Whatever the old store waits for never comes. */
  crash(options: CrashOptions = {}): void {
    const held = this.#held.splice(0);
    if (options.keepUnsynced === true) this.#syncUnsynced();
    this.#unsynced.clear();
    held.forEach((write, place) => {
      if (options.survives?.(place) === true) apply(this.#durable, write.changes);
    });
    this.#visible = new Map(this.#durable);
    this.#holding = false;
    this.#failure = null;
    this.#owner = null;
    this.crashes++;
  }

  /** Bytes of record `index` as they are stored, or of the state; null if there are none. */
  stored(what: number | 'state'): Uint8Array | null {
    return this.#visible.get(keyOf(what)) ?? null;
  }

  /** Replaces stored bytes behind everybody's back; null deletes them. */
  tamper(what: number | 'state', value: Uint8Array | null): void {
    const changes = [{ key: keyOf(what), value }];
    apply(this.#visible, changes);
    apply(this.#durable, changes);
  }

  /** Flips bit `bit` of a stored value, counted from its beginning and round again. */
  flipBit(what: number | 'state', bit: number): void {
    const value = copyOrNull(this.stored(what));
    if (value === null) throw new Error(`nothing is stored as ${what}`);
    const at = bit % (value.length * 8);
    value[at >>> 3] = value[at >>> 3]! ^ (1 << (at & 7));
    this.tamper(what, value);
  }
}

function keyOf(what: number | 'state'): string {
  return what === 'state' ? STATE_KEY : `r${what}`;
}

function apply(to: Map<string, Uint8Array>, changes: readonly Change[]): void {
  for (const { key, value } of changes) {
    if (value === null) to.delete(key);
    else to.set(key, value);
  }
}

/** Not slice(): a Buffer's is a view. */
function copyOf(value: Uint8Array): Uint8Array {
  return new Uint8Array(value);
}

function copyOrNull(value: Uint8Array | null | undefined): Uint8Array | null {
  return value === null || value === undefined ? null : copyOf(value);
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}

/** One process's hold on the disk. After a crash nothing that it asks for happens or is answered. */
class DiskSession implements LogDisk {
  readonly #disk: MemoryLogDisk;
  readonly #crashes: number;

  constructor(disk: MemoryLogDisk) {
    this.#disk = disk;
    this.#crashes = disk.crashes;
  }

  open(): Promise<DiskContents> {
    return Promise.resolve().then(() => (this.#disk.crashes === this.#crashes ? this.#disk.take(this) : never()));
  }

  batch(): DiskBatch {
    return new MemoryBatch(this);
  }

  write(changes: readonly Change[], sync: boolean): Promise<void> {
    return this.#disk.isOwner(this) ? this.#disk.write(changes, sync) : never();
  }

  async *scan(from: number, through: number, bytesMax: number): AsyncIterable<readonly DiskItem[]> {
    if (!this.#disk.isOwner(this)) await never();
    let chunk: DiskItem[] = [];
    let bytes = 0;
    for (const item of this.#disk.items(from, through)) {
      chunk.push(item);
      bytes += item.value.length;
      if (bytes < bytesMax) continue;
      yield chunk;
      if (!this.#disk.isOwner(this)) await never();
      chunk = [];
      bytes = 0;
    }
    if (chunk.length > 0) yield chunk;
  }

  async get(index: number): Promise<Uint8Array | null> {
    if (!this.#disk.isOwner(this)) await never();
    return copyOrNull(this.#disk.stored(index));
  }

  deleteRange(from: number, through: number): Promise<void> {
    const changes = this.#disk.items(from, through).map(({ index, isMark }) => ({ key: `${isMark ? 'm' : 'r'}${index}`, value: null }));
    return this.write(changes, false);
  }

  close(): Promise<void> {
    this.#disk.leave(this);
    return Promise.resolve();
  }

  destroy(): Promise<void> {
    this.#disk.wipe();
    return Promise.resolve();
  }
}

class MemoryBatch implements DiskBatch {
  readonly #changes: Change[] = [];
  readonly #session: DiskSession;

  constructor(session: DiskSession) {
    this.#session = session;
  }

  putState(value: Uint8Array): void {
    this.#changes.push({ key: STATE_KEY, value: copyOf(value) });
  }

  putJournal(value: Uint8Array): void {
    this.#changes.push({ key: JOURNAL_KEY, value: copyOf(value) });
  }

  putRecord(index: number, value: Uint8Array): void {
    this.#changes.push({ key: `r${index}`, value: copyOf(value) });
  }

  deleteRecord(index: number): void {
    this.#changes.push({ key: `r${index}`, value: null });
  }

  putMark(index: number, value: Uint8Array): void {
    this.#changes.push({ key: `m${index}`, value: copyOf(value) });
  }

  deleteMark(index: number): void {
    this.#changes.push({ key: `m${index}`, value: null });
  }

  write(sync: boolean): Promise<void> {
    return this.#session.write(this.#changes, sync);
  }
}

/** A log on `disk`. No marks but at closing, so that a test decides about every write. */
export class MemoryLogStore extends StoredLog {
  readonly disk: MemoryLogDisk;
  constructor(disk: MemoryLogDisk = new MemoryLogDisk()) {
    super(disk.session(), { idleMarkMs: 0 });
    this.disk = disk;
  }
}
