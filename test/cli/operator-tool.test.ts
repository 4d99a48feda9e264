/** HOLDFAST and the tool that sends it, with three real processes and more: members come, go and are replaced under load; what must not be is refused. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ServerConnection } from '../../src/cli/server-connection.ts';
import type { StatusReply } from '../../src/cli/status-table.ts';
import { OperationalError } from '../../src/shared/errors.ts';
import { HoldfastProcess, type TestClient } from '../support/holdfast-process.ts';
import { freePorts } from '../support/free-ports.ts';
import { ShardProcesses } from '../support/shard-processes.ts';

const EXECUTABLE = fileURLToPath(new URL('../../bin/holdfast.js', import.meta.url));

let shard: ShardProcesses;
const others: HoldfastProcess[] = [];
const clients: TestClient[] = [];

beforeEach(async () => {
  shard = await ShardProcesses.start(3);
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await Promise.all(others.splice(0).map((node) => node.remove()));
  await shard.remove();
});

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

async function tool(port: number, ...args: string[]): Promise<Ended> {
  const child = spawn(EXECUTABLE, [...args, '--port', String(port)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (bytes: Buffer) => { output += bytes.toString(); });
  child.stderr.on('data', (bytes: Buffer) => { output += bytes.toString(); });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

/** What node `i` answers to HOLDFAST …: the text of a refusal, or the reply. */
async function holdfast(i: number, ...words: string[]): Promise<unknown> {
  const connection = await ServerConnection.open({ host: '127.0.0.1', port: shard.nodes[i]!.port, user: '', password: '', tls: null });
  try {
    return await connection.send('HOLDFAST', ...words);
  } catch (error) {
    if (error instanceof OperationalError && error.code === 'SERVER_REFUSED') return `refused: ${error.message}`;
    throw error;
  } finally {
    connection.close();
  }
}

/** Of node `i`, by default any that runs. */
async function status(i = shard.nodes.findIndex((node) => node.isRunning)): Promise<StatusReply> {
  return (await holdfast(i, 'STATUS')) as StatusReply;
}

async function until(condition: (status: StatusReply) => boolean): Promise<StatusReply> {
  for (;;) {
    const found = await status();
    if (condition(found)) return found;
  }
}

/** Says it again while the leader has not heard enough of a member yet, as on a machine that is busy. */
async function onceKnown(i: number, ...words: string[]): Promise<unknown> {
  for (;;) {
    const reply = await holdfast(i, ...words);
    if (!/caught up|no quorum/.test(String(reply))) return reply;
  }
}

const peerOf = (i: number): string => `127.0.0.1:${shard.peerPorts[i]!}`;

interface Fresh {
  readonly node: HoldfastProcess;
  readonly peer: string;
  readonly args: readonly string[];
  /** Resolves when it is a member and has the data. */
  readonly ready: Promise<void>;
}

/** A node that waits to be invited: the only member of a shard that it was told of is itself. */
async function waiting(zone: string, role: string): Promise<Fresh> {
  const [port, peerPort] = (await freePorts(2)) as [number, number];
  const node = await HoldfastProcess.prepare(port);
  others.push(node);
  const peer = `127.0.0.1:${peerPort}`;
  const args = [
    '--bind', '127.0.0.1', '--replica-announce-ip', '127.0.0.1', '--peer-port', String(peerPort), '--peer-announce', peer,
    '--cluster-join', peer, '--availability-zone', zone, '--member-role', role,
  ];
  const ready = node.restart(...args);
  while (!node.output.includes('belongs to no shard')) await new Promise((resolve) => { setTimeout(resolve, 20); });
  return { node, peer, args, ready };
}

test('status at any member; failover, drain; refusals', async () => {
  const primary = await shard.primary();
  const [replica, other] = [(primary + 1) % 3, (primary + 2) % 3] as const;
  const ask = (...words: string[]): Promise<unknown> => holdfast(replica, ...words);
  const { members, leader, warnings } = await status(replica);
  expect(members.map(({ zone }) => zone).sort()).toEqual(['zone-0', 'zone-1', 'zone-2']);
  expect(members.find(({ id }) => id === leader)).toMatchObject({ state: 'primary', peer: peerOf(primary), client: `127.0.0.1:${shard.nodes[primary]!.port}` });
  expect(members.map(({ state }) => state).sort()).toEqual(['primary', 'replica', 'replica']);
  expect(warnings).toEqual([]);
  expect(members.find(({ id }) => id === leader)!.lag).toBe(0);

  for (const [words, reason] of [
    [['MEMBER', 'REMOVE', 'nobody'], "'nobody' names no member"],
    [['MEMBER', 'REMOVE', peerOf(other)], 'would lose its last voter'],
    [['MEMBER', 'DEMOTE', peerOf(primary)], 'would lose its last voter'],
    [['MEMBER', 'PROMOTE', peerOf(other)], 'is a voter already'],
    [['MEMBER', 'REPLACE', peerOf(other), peerOf(other)], 'by another one'],
    [['MEMBER', 'ADD', peerOf(other)], 'is there already'],
    [['MEMBER', 'ADD', 'nonsense'], 'is no HOST:PORT'],
    [['MEMBER', 'ADD', `127.0.0.1:${(await freePorts(1))[0]!}`], 'no node that could join answers'],
    [['MEMBER', 'EXPLODE', peerOf(other)], 'MEMBER is followed by'],
    [['MEMBER', 'REMOVE', peerOf(other), 'NOW'], 'syntax error'],
    [['FAILOVER', peerOf(primary)], 'is the primary already'],
  ] as const) expect(await ask(...words)).toMatch(new RegExp(`^refused: .*${reason}`));

  expect(await ask('FAILOVER', peerOf(other))).toBe('Leadership was handed over');
  expect(await shard.primary(primary)).toBe(other);
  // Drained, the first primary is not chosen, nor does it stand for election.
  expect(await ask('DRAIN', peerOf(primary))).toContain('is drained');
  expect(await ask('DRAIN', peerOf(other))).toContain('is drained');
  expect(await shard.primary(other)).toBe(replica);
  expect(await ask('FAILOVER')).toBe('refused: no other member can lead now');
  const drained = await status(replica);
  expect(drained.members.filter((member) => member.drained === 'yes').map(({ peer }) => peer).sort()).toEqual([peerOf(primary), peerOf(other)].sort());
  expect(drained.warnings).toEqual([expect.stringContaining('can lead now')]);
  expect(await ask('DRAIN', peerOf(other), 'OFF')).toContain('may lead again');
  expect(await ask('FAILOVER')).toBe('Leadership was handed over');
  expect(await shard.primary(replica)).toBe(other);
});

test('the tool: a table, a check, a refusal, arguments that make no sense; no quorum', async () => {
  const primary = await shard.primary();
  const [replica, other] = [(primary + 1) % 3, (primary + 2) % 3] as const;
  const { port } = shard.nodes[replica]!;
  const table = await tool(port, 'status');
  for (const word of ['MEMBER', 'LAG', 'primary', 'zone-2', peerOf(other)]) expect(table.output).toContain(word);
  expect(table.code).toBe(0);
  expect(await tool(port, 'status', '--check')).toEqual({ code: 0, output: '' });
  expect(await tool(port, 'member', 'remove', peerOf(other))).toEqual({ code: 1, output: expect.stringContaining('would lose its last voter') as string });
  expect((await tool(port, 'member', 'explode')).code).toBe(2);

  await shard.nodes[other]!.kill('SIGKILL');
  const seen = await until(({ members }) => members.some(({ state }) => state === 'unreachable'));
  expect(seen.warnings).toContainEqual(expect.stringContaining(`(${peerOf(other)}) does not answer`));
  // The leader knows it when an election timeout has passed in silence; before, another member's place in its zone is the reason.
  while (!String(await holdfast(replica, 'MEMBER', 'DEMOTE', peerOf(replica))).startsWith('refused: no quorum: of the 2 voters'));
  await shard.nodes[primary]!.kill('SIGKILL');
  expect(await holdfast(replica, 'MEMBER', 'REMOVE', peerOf(other), 'FORCE')).toMatch(/^refused: no quorum: no member leads/);
  // The status is gathered from all: on a busy machine what it says of the leader comes a moment later.
  await until(({ warnings }) => warnings.some((warning) => warning.includes('No member leads')));
  expect((await tool(port, 'status', '--check')).code).toBe(1);
}, 180_000);

test('under load a new node replaces a dead one, keeps its place through a restart, and the leader is removed', async () => {
  const primary = await shard.primary();
  const [replica, other] = [(primary + 1) % 3, (primary + 2) % 3] as const;
  const ask = (...words: string[]): Promise<unknown> => holdfast(replica, ...words);
  let writer = await shard.nodes[replica]!.connect();
  clients.push(writer);
  let written = 0;
  let stopped = false;
  const load = (async () => {
    while (!stopped) {
      try {
        expect(await writer.send('SET', 'counter', written + 1)).toBe('+OK');
        written++;
      } catch (error) {
        // What is on its way through a primary that is removed may be in doubt: then it is sent again on a new connection.
        if ((error as Error).message !== 'the connection is closed') throw error;
        writer = await shard.nodes[replica]!.connect();
        clients.push(writer);
      }
    }
  })();
  const fresh = await waiting(`zone-${other}`, 'learner');
  await shard.nodes[other]!.kill('SIGKILL');
  expect(await ask('MEMBER', 'ADD', fresh.peer)).toContain('has joined');
  await fresh.ready;
  const isUp = ({ members }: StatusReply): boolean => members.some(({ peer, state, lag }) => peer === fresh.peer && state === 'replica' && lag < 500);
  await until(isUp);
  expect(await onceKnown(replica, 'MEMBER', 'REPLACE', peerOf(other), fresh.peer)).toContain('is replaced by');
  const rolesOf = ({ members }: StatusReply): string[] => members.map(({ peer, role }) => `${peer} ${role}`).sort();
  expect(rolesOf(await status(replica))).toEqual([peerOf(primary), peerOf(replica), fresh.peer].map((peer) => `${peer} voter`).sort());
  // It was started as a learner. What an operator made of it since holds.
  await fresh.node.kill('SIGKILL');
  await fresh.node.restart(...fresh.args);
  await until(isUp);
  // The leader hands over before it goes, and the load goes on; its process ends.
  const gone = shard.nodes[primary]!.ended();
  expect(await onceKnown(replica, 'MEMBER', 'REMOVE', peerOf(primary), 'FORCE')).toContain('is removed');
  await gone;
  expect(rolesOf(await status(replica))).toEqual([`${peerOf(replica)} voter`, `${fresh.peer} voter`].sort());
  const before = written;
  while (written < before + 100) await Promise.race([load, new Promise((resolve) => { setTimeout(resolve, 10); })]);
  stopped = true;
  await load;
  const reader = await fresh.node.connect();
  clients.push(reader);
  expect(await reader.send('GET', 'counter')).toBe(String(written));
}, 180_000);
