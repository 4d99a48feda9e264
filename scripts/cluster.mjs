/**
 * `npm run cluster`: three members of one shard as processes of this machine, each in a zone of its own, until Ctrl-C. The
 * same topology as docker-compose.yml. Their data stays in ./data/cluster; HOLDFAST_CLUSTER_DIR names another directory,
 * HOLDFAST_CLUSTER_PORT another first port (6379).
 */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const directory = process.env.HOLDFAST_CLUSTER_DIR ?? join(root, 'data', 'cluster');
const firstPort = Number(process.env.HOLDFAST_CLUSTER_PORT ?? 6379);
const PEER_PORTS_ABOVE = 1000;
const numbers = [1, 2, 3];
const peerOf = (n) => `127.0.0.1:${firstPort + n - 1 + PEER_PORTS_ABOVE}`;

function argumentsOf(n) {
  return [
    'server', '--dir', join(directory, String(n)), '--port', String(firstPort + n - 1), '--bind', '127.0.0.1',
    '--peer-port', String(firstPort + n - 1 + PEER_PORTS_ABOVE), '--peer-announce', peerOf(n), '--replica-announce-ip', '127.0.0.1',
    '--cluster-members', numbers.map(peerOf).join(','), '--availability-zone', `zone-${n}`,
  ];
}

let ready = 0;
let isEnding = false;
const children = numbers.map((n) => {
  mkdirSync(join(directory, String(n)), { recursive: true });
  // Of its own group: Ctrl-C reaches this process alone, which ends the others in turn.
  const child = spawn(join(root, 'bin', 'holdfast.js'), argumentsOf(n), {
    env: { ...process.env, HOLDFAST_EXIT_WITH_PARENT: '1' }, stdio: ['ignore', 'pipe', 'inherit'], detached: true,
  });
  child.stdout.on('data', (bytes) => {
    const text = bytes.toString();
    process.stdout.write(text.replace(/^(?=.)/gm, `[${n}] `));
    if (text.includes('Ready to accept connections') && ++ready === numbers.length) tell();
  });
  child.on('exit', (code) => {
    if (isEnding) return;
    if (ready === numbers.length) process.stdout.write(`[${n}] ended with ${code}; the other two go on\n`);
    else giveUp(n, code);
  });
  return child;
});

function tell() {
  process.stdout.write(`
Three members serve at 127.0.0.1, ports ${numbers.map((n) => firstPort + n - 1).join(', ')}: any of them takes reads and writes.
  redis-cli -p ${firstPort} set greeting hello
  node bin/holdfast.js status --port ${firstPort}
Ctrl-C ends all.
`);
}

/** Two of three would wait for the third, and the shard was never there. */
function giveUp(n, code) {
  process.exitCode = 1;
  process.stdout.write(`[${n}] ended with ${code} before all three served: ending the others. What it said is above.\n`);
  end();
}

function end() {
  if (isEnding) return;
  isEnding = true;
  for (const child of children) child.kill('SIGTERM');
}
process.on('SIGINT', end);
process.on('SIGTERM', end);
