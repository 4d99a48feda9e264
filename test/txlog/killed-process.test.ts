import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { JournaledLogStore } from '../../src/txlog/journaled-log-store.ts';
import { LevelLogStore } from '../../src/txlog/level-log-store.ts';
import { OPEN } from './log-store-contract.ts';
import { transpileSources } from './transpile-sources.ts';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-log-'));
  path = join(dir, 'log');
});
afterEach(() => { rmSync(dir, { recursive: true, force: true }); });

const STORES = { LevelLogStore: ['level-log-store.js', LevelLogStore], JournaledLogStore: ['journaled-log-store.js', JournaledLogStore] } as const;

for (const [name, [module, Store]] of Object.entries(STORES)) {
  test(`${name}, killed while it appends: all that was acknowledged is there, and nothing is invented`, async () => {
    const program = join(dir, 'program');
    transpileSources(['shared', 'txlog'], program);
    writeFileSync(join(program, 'appender.js'), APPENDER.replaceAll('MODULE', module).replaceAll('STORE', name));
    const lives = Number(process.env['TXLOG_KILLS'] ?? 4);
    let acknowledged = 0;
    for (let life = 0; life < lives; life++) {
      const child = spawn(process.execPath, [join(program, 'appender.js'), path], { stdio: ['ignore', 'pipe', 'inherit'] });
      const exited = new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
      let rest = '';
      let seen = 0;
      child.stdout.on('data', (chunk: Buffer) => {
        const lines = (rest + chunk.toString()).split('\n');
        rest = lines.pop()!;
        for (const line of lines) acknowledged = Math.max(acknowledged, Number(line));
        seen += lines.length;
        // At no particular moment: batches are in flight all the time.
        if (seen > 60 + life * 37) child.kill('SIGKILL');
      });
      expect(await exited).toBe('SIGKILL');
      const store = new Store(path);
      const found = await store.open({ ...OPEN, identity: { shardId: '', memberId: 'n1' } });
      expect(found.last.index).toBeGreaterThanOrEqual(acknowledged);
      let next = 1;
      while (next <= found.last.index) {
        for (const { index, data } of await store.read(next, 1e6)) {
          expect(index).toBe(next);
          expect(Buffer.from(data).toString()).toBe(`killed ${next} ${'x'.repeat(next % 3000)}`);
          next++;
        }
      }
      await store.close();
    }
    expect(acknowledged).toBeGreaterThan(60 * lives);
  });
}

/** Appends without end, six batches in flight, and says through where it is durable. */
const APPENDER = `
import { writeSync } from 'node:fs';
import { STORE } from './txlog/MODULE';
import { firstConfig } from './txlog/raft/configuration.js';
const store = new STORE(process.argv[2]);
const firstConfigOf = firstConfig([{ id: 'n1', role: 'voter' }]);
const found = await store.open({ identity: { shardId: '', memberId: 'n1' }, firstConfig: firstConfigOf, onDamage: 'refuse' });
const batch = (change) => ({ resetTo: null, truncateFrom: 0, entries: [], hardState: null, healed: false, ...change });
const term = found.hardState.term + 1;
await store.append(batch({ hardState: { term, vote: 'n1', commit: 0 } }));
let index = found.last.index;
async function worker() {
  for (;;) {
    const entries = [];
    for (let i = 0; i < 3; i++) {
      index++;
      entries.push({ index, term, kind: 'normal', data: new Uint8Array(Buffer.from('killed ' + index + ' ' + 'x'.repeat(index % 3000))) });
    }
    const through = index;
    await store.append(batch({ entries }));
    writeSync(1, through + '\\n');
  }
}
for (let i = 0; i < 6; i++) void worker();
`;
