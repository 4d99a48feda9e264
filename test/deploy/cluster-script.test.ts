/** `npm run cluster`: the topology of docker-compose.yml as plain processes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ServerConnection } from '../../src/cli/server-connection.ts';
import type { StatusReply } from '../../src/cli/status-table.ts';
import { TestClient } from '../support/holdfast-process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'holdfast-cluster-'));
let child: ChildProcess | null = null;
afterEach(() => {
  if (child !== null && child.exitCode === null) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

const isFree = async (port: number): Promise<boolean> => {
  const probe = net.createServer();
  const outcome = await new Promise<boolean>((resolve) => {
    probe.once('error', () => { resolve(false); }).listen(port, '127.0.0.1', () => { resolve(true); });
  });
  if (outcome) await new Promise((resolve) => { probe.close(resolve); });
  return outcome;
};

/**
 * The first of three ports that are free with the peers' a thousand above. Below the ports that systems give to whoever asks
 * for any: another test's connection could take one of those between this look and the start.
 */
async function firstPort(): Promise<number> {
  for (let port = 10_000 + (process.pid % 5_000); ; port += 3) {
    const ports = [0, 1, 2].flatMap((i) => [port + i, port + i + 1000]);
    if (!(await Promise.all(ports.map(isFree))).includes(false)) return port;
  }
}

function startCluster(port: number): ChildProcess {
  return spawn(process.execPath, [join(ROOT, 'scripts/cluster.mjs')], {
    env: { ...process.env, HOLDFAST_CLUSTER_DIR: dir, HOLDFAST_CLUSTER_PORT: String(port) }, stdio: ['ignore', 'pipe', 'inherit'],
  });
}

test('three members in three zones, by the directives of docker-compose.yml; SIGINT ends them all', async () => {
  const port = await firstPort();
  child = startCluster(port);
  let output = '';
  child.stdout!.on('data', (bytes: Buffer) => { output += bytes.toString(); });
  const ended = once(child, 'close').then(() => { throw new Error(`the script ended: ${output}`); });
  while (!output.includes('Ctrl-C ends all')) await Promise.race([once(child.stdout!, 'data'), ended]);
  expect(output).toContain(`redis-cli -p ${port}`);

  // Answered when there is a primary, which this member then knows.
  const client = await TestClient.connect(port + 2);
  expect(await client.send('SET', 'greeting', 'hello')).toBe('+OK');
  const connection = await ServerConnection.open({ host: '127.0.0.1', port: port + 2, user: '', password: '', tls: null });
  const { members, warnings } = (await connection.send('HOLDFAST', 'STATUS')) as StatusReply;
  connection.close();
  expect(members.map(({ zone, role }) => `${zone} ${role}`).sort()).toEqual(['zone-1 voter', 'zone-2 voter', 'zone-3 voter']);
  expect(members.map(({ client }) => client).sort()).toEqual([0, 1, 2].map((i) => `127.0.0.1:${port + i}`));
  expect(warnings).toEqual([]);

  const exited = once(child, 'exit');
  const gone = once(client.socket, 'close');
  child.kill('SIGINT');
  await Promise.all([exited, gone]);
  expect(output.match(/ready to exit, bye bye/g)).toHaveLength(3);
}, 120_000);

test('a member that cannot start ends the others, and the script says which', async () => {
  const port = await firstPort();
  const occupier = net.createServer().listen(port + 1, '127.0.0.1');
  await once(occupier, 'listening');
  child = startCluster(port);
  let output = '';
  child.stdout!.on('data', (bytes: Buffer) => { output += bytes.toString(); });
  const [code] = (await once(child, 'close')) as [number];
  expect(code).toBe(1);
  expect(output).toContain('[2] ended with 1 before all three served');
  expect(output).not.toContain('Ctrl-C ends all');
  occupier.close();
}, 120_000);

test('its directives are those of the containers, but for secrets and what tells processes of one machine apart', () => {
  const { services } = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }) as { services: Record<string, { command: string[] }> };
  const names = (words: readonly string[]): Set<string> => new Set(words.filter((word) => word.startsWith('--')));
  const container = names(services['holdfast-1']!.command);
  const script = names([...readFileSync(join(ROOT, 'scripts/cluster.mjs'), 'utf8').matchAll(/'(--[a-z-]+)'/g)].map((match) => match[1]!));
  expect([...container].filter((name) => !script.has(name))).toEqual(['--cluster-secret-file', '--requirepass']);
  expect([...script].filter((name) => !container.has(name))).toEqual(['--bind', '--peer-announce', '--replica-announce-ip']);
});
