/** Log records on a byte stream: whole, whatever the pieces in which the bytes arrive. */
import { expect, test } from 'vitest';
import { decodeRecords, recordChunks } from '../../src/snapshot/record-stream.ts';
import type { LogRecord } from '../../src/txlog/transaction-log.ts';

const record = (index: number, bytes: number): LogRecord => ({
  index, term: 3, checksum: (index * 2654435761) >>> 0, block: Uint8Array.from({ length: bytes }, (_, i) => i * index),
});
const records = [record(1, 0), record(2 ** 40, 5), record(3, 70_000), record(4, 1), record(5, 24)];
const whole = Buffer.concat(records.flatMap((record) => [...recordChunks(record)]));

async function* pieces(size: number, end = whole.length): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < end; at += size) yield whole.subarray(at, Math.min(end, at + size));
}

async function decode(chunks: AsyncIterable<Uint8Array>): Promise<LogRecord[]> {
  const found: LogRecord[] = [];
  for await (const { block, ...rest } of decodeRecords(chunks)) found.push({ ...rest, block: Uint8Array.from(block) });
  return found;
}

test.each([1, 7, 24, 25, 4096, 1_000_000])('in pieces of %i bytes', async (size) => {
  expect(await decode(pieces(size))).toEqual(records);
});

test('an end within a record is an error, not an end', async () => {
  for (const end of [1, 23, whole.length - 1]) await expect(decode(pieces(1000, end))).rejects.toMatchObject({ code: 'SNAPSHOT_FAILED' });
});
