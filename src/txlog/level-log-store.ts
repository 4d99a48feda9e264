/**
 * The log on `level` (LevelDB): keys in the order of indexes, one atomic batch a call, fsync before it counts. Why LevelDB, and
 * with which settings: docs/adr/0003-level-as-log-store.md. The only file that imports `level`.
 */
import { resolve } from 'node:path';
import { Level } from 'level';
import { makeDurableDirectory } from './durable-directory.ts';
import { readWriteAhead } from './level-write-ahead.ts';
import type { DiskBatch, DiskContents, DiskItem, LogDisk } from './log-disk.ts';
import { LogError } from './log-store.ts';
import { StoredLog } from './stored-log.ts';

/** Records that LevelDB keeps in memory and in one write-ahead file before it sorts them into a table. */
const WRITE_BUFFER_BYTES = 16 * 1024 * 1024;
const TABLE_BYTES = 16 * 1024 * 1024;
/** LevelDB writes a table block by block, with a system call and an entry of the index for each: 4 KiB, its own choice, take up to a third more processor time. */
const BLOCK_BYTES = 64 * 1024;
/** Log records are read in order and hardly ever twice. */
const CACHE_BYTES = 2 * 1024 * 1024;
/** Records deleted at one go, so that a trim never holds one of libuv's few threads for long. */
const DELETE_SLICE = 2048;
const SCAN_ITEMS = 1024;
const IDLE_MARK_MS = 100;

const STATE_KEY = Buffer.from('s');
const JOURNAL_KEY = Buffer.from('j');
const RECORD_PREFIX = 0x65;
const RECORD_KEY_BYTES = 9;
/** A mark's key is its record's with one byte more: it stands behind the record and is deleted with the range. */
const MARK_KEY_BYTES = 10;

const SYNC = { sync: true };
const NO_SYNC = { sync: false };

/** Big-endian, so that LevelDB's order of bytes is the order of indexes. */
function recordKey(index: number, bytes = RECORD_KEY_BYTES): Buffer {
  const key = Buffer.allocUnsafe(bytes);
  key[0] = RECORD_PREFIX;
  key.writeUInt32BE(Math.floor(index / 0x1_0000_0000), 1);
  key.writeUInt32BE(index >>> 0, 5);
  return key;
}

function indexOf(key: Buffer): number {
  return key.readUInt32BE(1) * 0x1_0000_0000 + key.readUInt32BE(5);
}

function itemOf(key: Buffer, value: Buffer): DiskItem {
  return { index: indexOf(key), isMark: key.length === MARK_KEY_BYTES, value };
}

function markKey(index: number): Buffer {
  const key = recordKey(index, MARK_KEY_BYTES);
  key[9] = 0;
  return key;
}

type Database = Level<Buffer, Buffer>;

/** What LevelDB offers beyond what every driver of `level` does, and the package's types leave out. */
interface LevelDbExtras {
  compactRange(start: Buffer, end: Buffer): Promise<void>;
}
interface LevelDbStatics {
  destroy(path: string): Promise<void>;
}

class LevelBatch implements DiskBatch {
  /** A chained batch costs a third of the CPU of an array of operations: nothing is cloned per operation. */
  readonly #batch: ReturnType<Database['batch']>;
  constructor(db: Database) {
    this.#batch = db.batch() as ReturnType<Database['batch']>;
  }

  // LevelDB's batch copies the bytes before put() returns.
  putState(value: Uint8Array): void {
    this.#batch.put(STATE_KEY, value as Buffer);
  }

  putJournal(value: Uint8Array): void {
    this.#batch.put(JOURNAL_KEY, value as Buffer);
  }

  putRecord(index: number, value: Uint8Array): void {
    this.#batch.put(recordKey(index), value as Buffer);
  }

  deleteRecord(index: number): void {
    this.#batch.del(recordKey(index));
  }

  putMark(index: number, value: Uint8Array): void {
    this.#batch.put(markKey(index), value as Buffer);
  }

  deleteMark(index: number): void {
    this.#batch.del(markKey(index));
  }

  write(sync: boolean): Promise<void> {
    return this.#batch.write(sync ? SYNC : NO_SYNC);
  }
}

/** Exported for tests, which take the disk away from under a log. */
export class LevelLogDisk implements LogDisk {
  readonly #path: string;
  /** Made by `open`: a Level begins to open its files when it is constructed. */
  #db!: Database;

  constructor(path: string) {
    this.#path = resolve(path);
  }

  async open(): Promise<DiskContents> {
    await makeDurableDirectory(this.#path);
    // Before LevelDB opens them: it makes tables of these files and deletes them.
    const remains: DiskItem[] = [];
    await readWriteAhead(this.#path, (key, value) => {
      if (key[0] === RECORD_PREFIX && key.length >= RECORD_KEY_BYTES) remains.push(itemOf(key, value));
    });
    this.#db = new Level<Buffer, Buffer>(this.#path, {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      compression: false,
      writeBufferSize: WRITE_BUFFER_BYTES,
      maxFileSize: TABLE_BYTES,
      blockSize: BLOCK_BYTES,
      cacheSize: CACHE_BYTES,
    });
    try {
      await this.#db.open();
      const [state, journal] = await this.#db.getMany([STATE_KEY, JOURNAL_KEY]);
      return { state: state ?? null, journal: journal ?? null, remains, brokenFrames: 0 };
    } catch (error) {
      throw openError(this.#path, error);
    }
  }

  batch(): DiskBatch {
    return new LevelBatch(this.#db);
  }

  async *scan(from: number, through: number, bytesMax: number): AsyncIterable<readonly DiskItem[]> {
    // No upper bound: see #letGo.
    const iterator = this.#db.iterator({ gte: recordKey(from), highWaterMarkBytes: bytesMax });
    let isSound = true;
    try {
      for (let isLast = false; !isLast;) {
        const items: DiskItem[] = [];
        const pairs = await iterator.nextv(SCAN_ITEMS);
        isLast = pairs.length === 0;
        for (const [key, value] of pairs) {
          isLast = key[0] !== RECORD_PREFIX || indexOf(key) > through;
          if (isLast) break;
          items.push(itemOf(key, value));
        }
        if (items.length > 0) yield items;
      }
    } catch (error) {
      isSound = false;
      throw error;
    } finally {
      if (isSound) await this.#letGo(iterator);
      await iterator.close();
    }
  }

  /**
   * A closed iterator keeps what it read last, up to `bytesMax` outside the heap, until the collector meets it, which may be long after:
   * the collector sees a small object. So the last thing to be read is something small that is always there.
   */
  async #letGo(iterator: ReturnType<Database['iterator']>): Promise<void> {
    iterator.seek(STATE_KEY);
    await iterator.nextv(1);
  }

  async get(index: number): Promise<Uint8Array | null> {
    return (await this.#db.get(recordKey(index))) ?? null;
  }

  async deleteRange(from: number, through: number): Promise<void> {
    const range = { gte: recordKey(from), lte: markKey(through), limit: 1 };
    const [first] = await this.#db.keys(range).all();
    const [last] = await this.#db.keys({ ...range, reverse: true }).all();
    if (first === undefined || last === undefined) return;
    const end = indexOf(last);
    for (let at = indexOf(first); at <= end; at += DELETE_SLICE) {
      await this.#db.clear({ gte: recordKey(at), lte: markKey(Math.min(at + DELETE_SLICE - 1, end)) });
    }
    // Deleting only adds tombstones; this gives the space back.
    await (this.#db as unknown as LevelDbExtras).compactRange(first, last);
  }

  async close(): Promise<void> {
    await this.#db?.close();
  }

  destroy(): Promise<void> {
    return (Level as unknown as LevelDbStatics).destroy(this.#path);
  }
}

/** A log that lives in the directory `path`, which is made if it is missing. */
export class LevelLogStore extends StoredLog {
  constructor(path: string) {
    super(new LevelLogDisk(path), { idleMarkMs: IDLE_MARK_MS });
  }
}

function openError(path: string, error: unknown): LogError {
  const cause = (error as { cause?: unknown }).cause ?? error;
  const { code, message } = cause as { code?: string; message?: string };
  if (code === 'LEVEL_LOCKED') return new LogError('LOG_LOCKED', `another process has the log in ${path} open`, -1, error);
  if (code === 'LEVEL_CORRUPTION') return new LogError('LOG_DAMAGED', `LevelDB finds its files in ${path} damaged: ${message}`, -1, error);
  return new LogError('LOG_IO', `the log in ${path} cannot be opened: ${message}`, -1, error);
}
