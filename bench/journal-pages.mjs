/**
 * What a small durable write into a file costs by the size of the pieces in which the file was filled: the page cache of newer kernels
 * keeps a large piece as one page, and looks at all of its blocks for each write. Runs alone:
 *   node bench/journal-pages.mjs [directory] [bytes of a write]
 */
import { closeSync, constants, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const FILE_BYTES = 4 * 1024 * 1024;
const WRITES = 1500;
const ROUNDS = 7;

const [root = tmpdir(), writeBytes = '8192'] = process.argv.slice(2);
const bytes = Number(writeBytes);
const directory = mkdtempSync(join(root, 'holdfast-bench-'));
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

const cases = [1024, 64, 16, 4].map((kib) => {
  const path = join(directory, `${kib}`);
  const piece = Buffer.alloc(kib * 1024);
  const file = openSync(path, 'w');
  for (let at = 0; at < FILE_BYTES; at += piece.length) writeSync(file, piece, 0, piece.length, at);
  fsyncSync(file);
  closeSync(file);
  return { kib, fd: openSync(path, constants.O_WRONLY | constants.O_DSYNC), wallUs: [], cpuUs: [] };
});
const data = Buffer.alloc(bytes, 1);
for (let round = 0; round < ROUNDS; round++) {
  for (const { fd, wallUs, cpuUs } of cases) {
    const cpu = process.cpuUsage();
    const startMs = performance.now();
    for (let i = 0, at = 0; i < WRITES; i++) {
      writeSync(fd, data, 0, bytes, at);
      at = at + 2 * bytes > FILE_BYTES ? 0 : at + bytes;
    }
    wallUs.push((performance.now() - startMs) * 1000 / WRITES);
    const { user, system } = process.cpuUsage(cpu);
    cpuUs.push((user + system) / WRITES);
  }
}
console.log(`${bytes} bytes a write, O_DSYNC; medians of ${ROUNDS}\nfilled in KiB    wall us   CPU us`);
for (const { kib, fd, wallUs, cpuUs } of cases) {
  console.log(`${String(kib).padStart(13)} ${median(wallUs).toFixed(1).padStart(10)} ${median(cpuUs).toFixed(1).padStart(8)}`);
  closeSync(fd);
}
rmSync(directory, { recursive: true });
