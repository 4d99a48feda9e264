/** Log records on a byte stream between processes: framing only, since the bytes were verified where they were read. */
import type { LogRecord } from '../txlog/transaction-log.ts';
import { SnapshotError } from './snapshot-store.ts';

/** Bytes of the block (u32), index (f64), term (f64), checksum (u32), then the block. Little-endian. */
const HEADER_BYTES = 24;
/** More than any record of the log. */
const BLOCK_BYTES_MAX = 1024 * 1024 * 1024;
const COPIED_BYTES_MAX = 16 * 1024;

/** The bytes of a record: in one piece, or its block as it is behind the header, where copying it would cost more than a write. */
export function* recordChunks({ index, term, checksum, block }: LogRecord): Generator<Uint8Array> {
  const isCopied = block.length <= COPIED_BYTES_MAX;
  const head = new Uint8Array(HEADER_BYTES + (isCopied ? block.length : 0));
  const view = new DataView(head.buffer);
  view.setUint32(0, block.length, true);
  view.setFloat64(4, index, true);
  view.setFloat64(12, term, true);
  view.setUint32(20, checksum, true);
  if (isCopied) head.set(block, HEADER_BYTES);
  yield head;
  if (!isCopied) yield block;
}

/** @throws SnapshotError SNAPSHOT_FAILED when the stream ends within a record or holds none. */
export async function* decodeRecords(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<LogRecord> {
  let rest: Buffer = Buffer.alloc(0);
  let parts: Uint8Array[] = [];
  let have = 0;
  let need = HEADER_BYTES;
  for await (const chunk of chunks) {
    parts.push(chunk);
    have += chunk.length;
    if (have < need) continue;
    rest = parts.length === 1 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length) : Buffer.concat(parts);
    let at = 0;
    need = HEADER_BYTES;
    while (rest.length - at >= HEADER_BYTES) {
      const blockBytes = rest.readUInt32LE(at);
      if (blockBytes > BLOCK_BYTES_MAX) throw new SnapshotError('SNAPSHOT_FAILED', `a log record of ${blockBytes} bytes arrived`);
      need = HEADER_BYTES + blockBytes;
      if (rest.length - at < need) break;
      yield {
        index: rest.readDoubleLE(at + 4),
        term: rest.readDoubleLE(at + 12),
        checksum: rest.readUInt32LE(at + 20),
        block: rest.subarray(at + HEADER_BYTES, at + need),
      };
      at += need;
      need = HEADER_BYTES;
    }
    parts = at === rest.length ? [] : [rest.subarray(at)];
    have = rest.length - at;
  }
  if (have > 0) throw new SnapshotError('SNAPSHOT_FAILED', 'the stream of log records ended within one');
}
