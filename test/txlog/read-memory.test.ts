/** Reading the log leaves nothing in memory that the collector has no reason to hurry for. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { transpileSources } from './transpile-sources.ts';

const MB = 1e6;
/** Prints by how many bytes the process has grown while it read 800 MB in pieces of one. */
const READER = `
  import { readFileSync } from 'node:fs';
  import { LevelLogDisk } from './txlog/level-log-store.js';
  const disk = new LevelLogDisk(process.argv[2]);
  await disk.open();
  const batch = disk.batch();
  for (let index = 1; index <= 8; index++) batch.putRecord(index, new Uint8Array(${MB}));
  await batch.write(false);
  const anonymousBytes = () => Number(/^RssAnon:\\s+(\\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
  const read = async (n) => {
    let items = 0;
    for await (const found of disk.scan(1 + n % 8, 1 + n % 8, 1)) items += found.length;
    if (items !== 1) throw new Error(items + ' items found');
  };
  for (let n = 0; n < 100; n++) await read(n);
  const before = anonymousBytes();
  for (let n = 0; n < 700; n++) await read(n);
  console.log(anonymousBytes() - before);
  await disk.close();
`;

test('what a scan has read goes when the scan ends', () => {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-log-'));
  try {
    const program = join(dir, 'program');
    transpileSources(['shared', 'txlog'], program);
    writeFileSync(join(program, 'reader.js'), READER);
    // A heap that is seldom collected, as a server's is.
    const grown = Number(execFileSync(process.execPath, ['--single-threaded-gc', '--max-semi-space-size=16', '--initial-old-space-size=128', join(program, 'reader.js'), join(dir, 'log')]));
    expect(grown).toBeLessThan(120 * MB);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
