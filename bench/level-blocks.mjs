/**
 * What the size of LevelDB's blocks costs a log: processor time of the whole process, of which LevelDB's own thread takes the most,
 * and the time until all is taken, for records that are put in order, 64 in a batch.
 *   node bench/level-blocks.mjs [directory] [megabytes per case]
 * Cases alternate, so that a busy neighbour harms all alike.
 */
import { randomFillSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Level } from 'level';

const [root = tmpdir(), megabytes = '100'] = process.argv.slice(2);
const ROUNDS = 3;
const IDLE_US = 10_000;
const BUFFER_BYTES = 16 * 1024 * 1024;

async function measure(blockSize, recordBytes) {
  const directory = mkdtempSync(join(root, 'holdfast-bench-'));
  const db = new Level(directory, { keyEncoding: 'buffer', valueEncoding: 'buffer', compression: false, writeBufferSize: BUFFER_BYTES, maxFileSize: BUFFER_BYTES, cacheSize: 2 * 1024 * 1024, blockSize });
  await db.open();
  const value = randomFillSync(Buffer.alloc(recordBytes));
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  for (let index = 0; index < Number(megabytes) * 1e6 / recordBytes;) {
    const batch = db.batch();
    for (let i = 0; i < 64; i++) {
      const key = Buffer.alloc(9, 0x65);
      key.writeBigUInt64BE(BigInt(index++), 1);
      batch.put(key, value);
    }
    // As the journal's position is, behind all records.
    batch.put(Buffer.from('j'), value.subarray(0, 30));
    await batch.write({ sync: false });
  }
  const ms = performance.now() - startMs;
  let { user, system } = process.cpuUsage(cpu);
  // Until LevelDB's thread has merged its tables.
  for (let before = 0; user + system - before > IDLE_US;) {
    before = user + system;
    await setTimeout(100);
    ({ user, system } = process.cpuUsage(cpu));
  }
  await db.close();
  rmSync(directory, { recursive: true });
  return { ms, cpuMs: (user + system) / 1000 };
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
console.log(`${megabytes} MB: block KiB  record bytes  CPU ms    ms   (medians of ${ROUNDS})`);
for (const recordBytes of [500, 8000]) {
  const sizes = [4, 16, 64, 256];
  const runs = new Map(sizes.map((size) => [size, []]));
  for (let round = 0; round < ROUNDS; round++) for (const size of sizes) runs.get(size).push(await measure(size * 1024, recordBytes));
  for (const [size, results] of runs) {
    console.log(String(size).padStart(17), String(recordBytes).padStart(13), median(results.map((r) => r.cpuMs)).toFixed(0).padStart(7), median(results.map((r) => r.ms)).toFixed(0).padStart(5));
  }
}
