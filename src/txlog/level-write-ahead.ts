/**
 * Reads LevelDB's write-ahead files before LevelDB does. LevelDB (without "paranoid checks", which `level` cannot turn on)
 * passes over a damaged stretch in silence, together with the rest of its block of 32 KiB: acknowledged records would be
 * gone, and with them the later ones that tell how far the log was durable. This finds those later ones. Only reads.
 *
 * Formats: leveldb/doc/log_format.md (blocks of physical records: masked CRC-32C, length, type) and write_batch.cc (sequence
 * number, count, then puts and deletions).
 */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const BLOCK_BYTES = 32768;
const HEADER_BYTES = 7;
const FULL = 1;
const FIRST = 2;
const LAST = 4;
const BATCH_HEADER_BYTES = 12;
const MASK_DELTA = 0xa282ead8;

const crcTable = new Uint32Array(256).map((_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});

/** CRC-32C (Castagnoli) of bytes[from, through), as LevelDB masks it. */
export function maskedCrc32c(bytes: Uint8Array, from: number, through: number): number {
  let crc = 0xffffffff;
  for (let i = from; i < through; i++) crc = crcTable[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
}

/** Calls `put` for every put in the write-ahead files of the database in `path` that is whole, whatever stands before it. */
export async function readWriteAhead(path: string, put: (key: Buffer, value: Buffer) => void): Promise<void> {
  const names = (await readdir(path)).filter((name) => /^\d+\.log$/.test(name));
  for (const name of names.sort((a, b) => parseInt(a) - parseInt(b))) scanFile(await readFile(join(path, name)), put);
}

function scanFile(file: Buffer, put: (key: Buffer, value: Buffer) => void): void {
  /** Fragments of the batch being put together; null if its beginning was not found whole. */
  let fragments: Buffer[] | null = null;
  for (let block = 0; block < file.length; block += BLOCK_BYTES) {
    const end = Math.min(block + BLOCK_BYTES, file.length);
    for (let at = block; at + HEADER_BYTES <= end;) {
      const through = at + HEADER_BYTES + file.readUInt16LE(at + 4);
      const type = file[at + 6]!;
      // A length that leads out of the block says nothing about where the next one begins.
      if (type === 0 || through > end) {
        fragments = null;
        break;
      }
      if (file.readUInt32LE(at) !== maskedCrc32c(file, at + 6, through)) fragments = null;
      else {
        const data = file.subarray(at + HEADER_BYTES, through);
        if (type === FULL || type === FIRST) fragments = [data];
        else fragments?.push(data);
        if ((type === FULL || type === LAST) && fragments !== null) {
          scanBatch(fragments.length === 1 ? data : Buffer.concat(fragments), put);
          fragments = null;
        }
      }
      at = through;
    }
  }
}

function scanBatch(batch: Buffer, put: (key: Buffer, value: Buffer) => void): void {
  let at = BATCH_HEADER_BYTES;
  const bytes = (): Buffer => {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = batch[at++]!;
      length += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
    }
    at += length;
    return batch.subarray(at - length, at);
  };
  while (at < batch.length) {
    const isPut = batch[at++] === 1;
    const key = bytes();
    if (isPut) put(key, bytes());
  }
}
