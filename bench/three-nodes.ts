/**
 * Three servers that must all have a write, or most of them, before it counts: a shard of Holdfast, redis-server with two replicas and
 * WAIT behind the writes, and etcd. They are started and ended here, all on this machine, and each tells where its primary is.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { BenchServer, freePort, temporaryDirectory } from './servers.ts';

export interface ThreeNodes {
  /** Where writes go. */
  readonly port: number;
  /** What is sent behind each batch of writes, in RESP. */
  readonly confirm: string;
  remove(): Promise<void>;
}

export type ShardKind = 'holdfast' | 'redis' | 'etcd';

const NODES = [0, 1, 2];
const READY_MS_MAX = 20_000;

/** Which of these can be started on this machine. */
export function installedShards(wanted: readonly ShardKind[]): ShardKind[] {
  const programs = { holdfast: 'node', redis: 'redis-server', etcd: 'etcd' };
  return wanted.filter((kind) => spawnSync(programs[kind], ['--version']).error === undefined);
}

export function startThreeNodes(kind: ShardKind): Promise<ThreeNodes> {
  return { holdfast: startHoldfast, redis: startRedis, etcd: startEtcd }[kind]();
}

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const deadlineMs = performance.now() + READY_MS_MAX;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`${what} is not ready after ${READY_MS_MAX} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

// ---- Holdfast ----

/** A shard of three, whose nodes can be stopped and started again, and which others can join. */
export class HoldfastShard {
  readonly nodes: BenchServer[];
  readonly #peers: readonly string[];

  private constructor(nodes: BenchServer[], peers: readonly string[]) {
    this.nodes = nodes;
    this.#peers = peers;
  }

  static async start(...options: string[]): Promise<HoldfastShard> {
    const peers: string[] = [];
    for (const _ of NODES) peers.push(`127.0.0.1:${await freePort()}`);
    const nodes = await Promise.all(NODES.map((i) => BenchServer.start('holdfast', {}, [
      ...peerOptions(peers[i]!), '--cluster-members', peers.join(','), '--availability-zone', `zone-${i}`, ...options,
    ])));
    const shard = new HoldfastShard(nodes, peers);
    await until(async () => (await shard.primary()) !== undefined, 'the shard');
    return shard;
  }

  async primary(): Promise<BenchServer | undefined> {
    for (const node of this.nodes) {
      if (node.isRunning && (await node.info()).get('role') === 'master') return node;
    }
    return undefined;
  }

  /** A new node joins as a learner. */
  async join(...options: string[]): Promise<BenchServer> {
    const node = await BenchServer.start('holdfast', {}, [
      ...peerOptions(`127.0.0.1:${await freePort()}`), '--cluster-join', this.#peers.join(','), '--member-role', 'learner', ...options,
    ]);
    this.nodes.push(node);
    return node;
  }

  async remove(): Promise<void> {
    for (const node of this.nodes) await node.remove();
  }
}

function peerOptions(address: string): string[] {
  return ['--peer-port', address.split(':')[1]!, '--peer-announce', address, '--replica-announce-ip', '127.0.0.1'];
}

async function startHoldfast(): Promise<ThreeNodes> {
  const shard = await HoldfastShard.start();
  const { port } = (await shard.primary())!;
  return { port, confirm: '', remove: () => shard.remove() };
}

// ---- redis-server ----

async function startRedis(): Promise<ThreeNodes> {
  const primary = await BenchServer.start('redis-aof');
  const replicas: BenchServer[] = [];
  for (let i = 0; i < 2; i++) replicas.push(await BenchServer.start('redis-aof', {}, ['--replicaof', '127.0.0.1', String(primary.port)]));
  await until(async () => {
    const info = await primary.info();
    return ['slave0', 'slave1'].every((name) => info.get(name)?.includes('state=online') === true);
  }, 'redis-server with two replicas');
  return {
    port: primary.port,
    confirm: '*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$1\r\n0\r\n',
    remove: async () => { for (const server of [...replicas, primary]) await server.remove(); },
  };
}

// ---- etcd ----

async function startEtcd(): Promise<ThreeNodes> {
  const clients: string[] = [];
  const peers: string[] = [];
  for (const _ of NODES) {
    clients.push(`http://127.0.0.1:${await freePort()}`);
    peers.push(`http://127.0.0.1:${await freePort()}`);
  }
  const children = NODES.map((i) => spawn('etcd', [
    '--name', `n${i}`, '--data-dir', temporaryDirectory(), '--listen-client-urls', clients[i]!, '--advertise-client-urls', clients[i]!,
    '--listen-peer-urls', peers[i]!, '--initial-advertise-peer-urls', peers[i]!, '--initial-cluster', NODES.map((n) => `n${n}=${peers[n]}`).join(','),
    '--initial-cluster-state', 'new', '--log-level', 'error', '--logger', 'zap',
  ], { stdio: 'ignore' }));
  const end = (): void => { for (const child of children) child.kill('SIGKILL'); };
  process.on('exit', end);
  let leader: string | undefined;
  await until(async () => {
    leader = await etcdLeader(clients);
    return leader !== undefined;
  }, 'etcd');
  return {
    port: Number(new URL(leader!).port),
    confirm: '',
    remove: async () => {
      process.off('exit', end);
      await Promise.all(children.map(ended));
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

async function etcdLeader(clients: readonly string[]): Promise<string | undefined> {
  for (const client of clients) {
    try {
      const response = await fetch(`${client}/v3/maintenance/status`, { method: 'POST', body: '{}' });
      const { leader, header } = await response.json() as { leader?: string; header: { member_id: string } };
      if (leader !== undefined && leader === header.member_id) return client;
    } catch {
      // Not up yet.
    }
  }
  return undefined;
}
