/** `npm run cluster`: the topology of docker-compose.yml as plain processes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ServerConnection } from '../../src/cli/server-connection.ts';
import type { StatusReply } from '../../src/cli/status-table.ts';
import { TestClient } from '../support/holdfast-process.ts';
import { freePorts } from '../support/shard-processes.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'holdfast-cluster-'));
let child: ChildProcess | null = null;
afterEach(() => {
  if (child !== null && child.exitCode === null) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

/** A port that is free now, with room for two more above it and the peers' a thousand above these. */
async function firstPort(): Promise<number> {
  for (;;) {
    const [port] = (await freePorts(1)) as [number];
    if (port + 1002 < 65536) return port;
  }
}

test('three members in three zones, by the directives of docker-compose.yml; SIGINT ends them all', async () => {
  const port = await firstPort();
  child = spawn(process.execPath, [join(ROOT, 'scripts/cluster.mjs')], {
    env: { ...process.env, HOLDFAST_CLUSTER_DIR: dir, HOLDFAST_CLUSTER_PORT: String(port) }, stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout!.on('data', (bytes: Buffer) => { output += bytes.toString(); });
  while (!output.includes('Ctrl-C ends all')) await once(child.stdout!, 'data');
  expect(output).toContain(`redis-cli -p ${port}`);

  // Answered when there is a primary, which this member then knows.
  const client = await TestClient.connect(port + 2);
  expect(await client.send('SET', 'greeting', 'hello')).toBe('+OK');
  const connection = await ServerConnection.open({ host: '127.0.0.1', port: port + 2, user: '', password: '' });
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

test('its directives are those of the containers, but for secrets and what tells processes of one machine apart', () => {
  const { services } = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }) as { services: Record<string, { command: string[] }> };
  const names = (words: readonly string[]): Set<string> => new Set(words.filter((word) => word.startsWith('--')));
  const container = names(services['holdfast-1']!.command);
  const script = names([...readFileSync(join(ROOT, 'scripts/cluster.mjs'), 'utf8').matchAll(/'(--[a-z-]+)'/g)].map((match) => match[1]!));
  expect([...container].filter((name) => !script.has(name))).toEqual(['--cluster-secret-file', '--requirepass']);
  expect([...script].filter((name) => !container.has(name))).toEqual(['--bind', '--peer-announce', '--replica-announce-ip']);
});
