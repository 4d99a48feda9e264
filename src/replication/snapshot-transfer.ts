/**
 * Snapshots from one member to another, over a stream: a line that says what follows, then the file. What is received is
 * checked against its own checksum before it is published in the receiver's store (promise P6).
 */
import type { Duplex } from 'node:stream';
import { OperationalError } from '../shared/errors.ts';
import { Crc64 } from '../shared/rdb/crc64.ts';
import type { SnapshotPosition } from '../snapshot/snapshot-position.ts';
import { SnapshotError, type SnapshotInfo, type SnapshotStore } from '../snapshot/snapshot-store.ts';
import type { PeerNetwork, StreamHeader } from './peers/peer-network.ts';

/** Kind of the stream: see PeerNetwork.openStream. */
export const SNAPSHOT_STREAM = 'snapshot';
const LINE_BYTES_MAX = 256 * 1024;
/** An RDB file ends with the checksum of all that is before it. */
const TRAILER_BYTES = 8;

/** A snapshot that is sent, and where it stands in the log. */
export interface SentSnapshot {
  readonly info: SnapshotInfo;
  readonly position: SnapshotPosition;
}

/** Answers a stream of SNAPSHOT_STREAM with the newest snapshot, if it reaches far enough. */
export async function sendSnapshot(
  store: SnapshotStore, positionAt: (index: number) => Promise<SnapshotPosition>, header: StreamHeader, stream: Duplex,
): Promise<void> {
  // Its 'close' ends the loop below.
  stream.on('error', () => undefined);
  try {
    const newest = (await store.list())[0];
    if (newest === undefined || newest.index < Number(header['minIndex'])) {
      throw new OperationalError('SNAPSHOT_NONE', `there is no snapshot that reaches log record ${header['minIndex']}`);
    }
    const announcement: SentSnapshot = { info: newest, position: await positionAt(newest.index) };
    await write(stream, Buffer.from(`${JSON.stringify(announcement)}\n`));
    for await (const chunk of store.read(newest.name)) await write(stream, chunk);
    stream.end();
  } catch (error) {
    stream.destroy(error as Error);
  }
}

/**
 * Gets a snapshot of at least record `minIndex` from member `from`, and publishes it in `store`.
 * @throws OperationalError when it cannot be had or came damaged: nothing was published.
 */
export async function fetchSnapshot(network: PeerNetwork, from: string, minIndex: number, store: SnapshotStore): Promise<SentSnapshot> {
  const stream = await network.openStream(from, SNAPSHOT_STREAM, { minIndex });
  try {
    const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    const { info, position, rest } = await readLine(chunks);
    const draft = await store.draft(info);
    try {
      const checked = new CheckedFile((bytes) => draft.write(bytes));
      await checked.add(rest);
      for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) await checked.add(next.value);
      checked.finish(info.bytes);
      await draft.finish();
      return { info: await draft.publish(), position };
    } catch (error) {
      await draft.discard();
      throw error;
    }
  } finally {
    stream.destroy();
  }
}

async function readLine(chunks: AsyncIterator<Buffer>): Promise<SentSnapshot & { rest: Buffer }> {
  let head = Buffer.alloc(0);
  for (;;) {
    const next = await chunks.next();
    if (next.done === true || head.length > LINE_BYTES_MAX) throw new SnapshotError('SNAPSHOT_DAMAGED', 'the sender did not say what it sends');
    head = Buffer.concat([head, next.value]);
    const end = head.indexOf(10);
    if (end >= 0) return { ...(JSON.parse(head.subarray(0, end).toString()) as SentSnapshot), rest: head.subarray(end + 1) };
  }
}

/** Passes bytes on and keeps the checksum of all but the last eight. */
class CheckedFile {
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  readonly #crc = new Crc64();
  #bytes = 0;
  #tail = Buffer.alloc(0);

  constructor(write: (bytes: Uint8Array) => Promise<void>) {
    this.#write = write;
  }

  async add(chunk: Buffer): Promise<void> {
    if (chunk.length === 0) return;
    const bytes = Buffer.concat([this.#tail, chunk]);
    const end = Math.max(0, bytes.length - TRAILER_BYTES);
    this.#crc.update(bytes, 0, end);
    this.#tail = Buffer.from(bytes.subarray(end));
    this.#bytes += chunk.length;
    await this.#write(chunk);
  }

  finish(bytesWanted: number): void {
    const ok = this.#bytes === bytesWanted && this.#tail.length === TRAILER_BYTES && this.#crc.equals(this.#tail, 0);
    if (!ok) throw new SnapshotError('SNAPSHOT_DAMAGED', `the snapshot came damaged: ${this.#bytes} of ${bytesWanted} bytes, or another checksum`);
  }
}

/** Resolves when the stream takes more. @throws OperationalError when it is closed */
function write(stream: Duplex, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(bytes, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
  });
}
