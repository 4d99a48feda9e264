/**
 * Batches a second and latency of the log's storage: `level` alone, with the journal in front, and (where one batch is in flight) with
 * the journal written by the thread that waits for it. Each append begins in a turn of the event loop of its own. Runs on the build:
 *   npm run build && node bench/log-store.mjs [directory] [milliseconds per case]
 * Cases alternate, so that a busy neighbour harms all alike. Set UV_THREADPOOL_SIZE as bin/holdfast.js does.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

process.env.UV_THREADPOOL_SIZE ??= '8';
const { JournaledLogStore } = await import('../dist/txlog/journaled-log-store.js');
const { LevelLogStore } = await import('../dist/txlog/level-log-store.js');
const { firstConfig } = await import('../dist/txlog/raft/configuration.js');

const [root = tmpdir(), caseMs = '1000'] = process.argv.slice(2);
const directory = mkdtempSync(join(root, 'holdfast-bench-'));
const stores = {
  level: new LevelLogStore(join(directory, 'level')),
  journaled: new JournaledLogStore(join(directory, 'journaled')),
  awaited: new JournaledLogStore(join(directory, 'awaited')),
};
const batch = { resetTo: null, truncateFrom: 0, hardState: null, healed: false, awaited: false };
for (const store of Object.values(stores)) {
  await store.open({ identity: { shardId: '', memberId: 'n1' }, firstConfig: firstConfig([{ id: 'n1', role: 'voter' }]), onDamage: 'refuse' });
  await store.append({ ...batch, entries: [], hardState: { term: 1, vote: 'n1', commit: 0 } });
}

async function measure(name, bytes, inFlight) {
  const store = stores[name];
  const awaited = name === 'awaited';
  const data = new Uint8Array(bytes).fill(7);
  const latencies = [];
  const cpu = process.cpuUsage();
  const loop = performance.eventLoopUtilization();
  const startMs = performance.now();
  const endMs = startMs + Number(caseMs);
  await Promise.all(Array.from({ length: inFlight }, async () => {
    for (let atMs = performance.now(); atMs < endMs;) {
      await store.append({ ...batch, entries: [{ index: store.lastIndex + 1, term: 1, kind: 'normal', data }], awaited });
      const nowMs = performance.now();
      latencies.push(nowMs - atMs);
      await new Promise(setImmediate);
      atMs = performance.now();
    }
  }));
  const ms = performance.now() - startMs;
  const { user, system } = process.cpuUsage(cpu);
  const { active } = performance.eventLoopUtilization(loop);
  latencies.sort((a, b) => a - b);
  const at = (part) => latencies[Math.floor((latencies.length - 1) * part)];
  const count = latencies.length;
  return { perSecond: count / ms * 1000, p50: at(0.5), p99: at(0.99), cpuUs: (user + system) / count, loopUs: active * 1000 / count };
}

console.log('in flight  bytes  store       batches/s   p50 ms   p99 ms  CPU µs  loop µs   (medians of 3)');
for (const inFlight of [1, 4, 8]) {
  for (const bytes of [150, 3072]) {
    const names = Object.keys(stores).filter((name) => inFlight === 1 || name !== 'awaited');
    const runs = Object.fromEntries(names.map((name) => [name, []]));
    for (let round = 0; round < 3; round++) for (const name of names) runs[name].push(await measure(name, bytes, inFlight));
    for (const [name, measured] of Object.entries(runs)) {
      const { perSecond, p50, p99, cpuUs, loopUs } = measured.sort((a, b) => a.perSecond - b.perSecond)[1];
      const columns = [perSecond.toFixed(0).padStart(12), p50.toFixed(3).padStart(9), p99.toFixed(3).padStart(9), cpuUs.toFixed(0).padStart(8), loopUs.toFixed(0).padStart(9)];
      console.log(String(inFlight).padStart(9), String(bytes).padStart(6), ` ${name.padEnd(9)}`, columns.join(''));
    }
  }
}
for (const store of Object.values(stores)) await store.close();
rmSync(directory, { recursive: true });
