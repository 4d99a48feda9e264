/** A shard of several Holdfast processes on loopback, each in a zone of its own. */
import { freePorts } from './free-ports.ts';
import { HoldfastProcess, type TestClient } from './holdfast-process.ts';

/** Long enough for a machine that is short of time. Tests about the time of a failover say their own. */
const ELECTION_TIMEOUT = ['--election-timeout-ms', '2000'];

export interface ShardOptions {
  /** Arguments of each node. */
  readonly each?: (i: number) => readonly string[];
  /** Ports at which the others reach each node, given those on which they listen; by default the same. */
  readonly reachedAt?: (peerPorts: readonly number[]) => Promise<readonly number[]>;
}

export class ShardProcesses {
  readonly nodes: HoldfastProcess[] = [];
  readonly peerPorts: readonly number[];
  readonly #addresses: readonly string[];
  readonly #args: (i: number) => readonly string[];

  private constructor(peerPorts: readonly number[], reachedAt: readonly number[], args: (i: number) => readonly string[]) {
    this.peerPorts = peerPorts;
    this.#addresses = reachedAt.map((port) => `127.0.0.1:${port}`);
    this.#args = args;
  }

  /** Founds a shard of `count` new nodes; resolves when one of them is primary. Arguments that are strings are for all nodes. */
  static async start(count: number, ...args: (string | ShardOptions)[]): Promise<ShardProcesses> {
    const ports = await freePorts(2 * count);
    const peerPorts = ports.slice(count);
    const options = args.find((arg) => typeof arg !== 'string') ?? {};
    const forAll = args.filter((arg) => typeof arg === 'string');
    const shard = new ShardProcesses(peerPorts, await options.reachedAt?.(peerPorts) ?? peerPorts, (i) => [...forAll, ...options.each?.(i) ?? []]);
    for (let i = 0; i < count; i++) shard.nodes.push(await HoldfastProcess.prepare(ports[i]!));
    await Promise.all(shard.nodes.map((_, i) => shard.restart(i)));
    await shard.primary();
    return shard;
  }

  /** Arguments of node `i`. */
  argsOf(i: number): string[] {
    return [
      '--bind', '127.0.0.1', '--replica-announce-ip', '127.0.0.1', '--peer-port', String(this.peerPorts[i]!), '--peer-announce', this.#addresses[i]!,
      '--cluster-members', this.#addresses.join(','), '--availability-zone', `zone-${i}`, ...ELECTION_TIMEOUT, ...this.#args(i),
    ];
  }

  restart(i: number): Promise<void> {
    return this.nodes[i]!.restart(...this.argsOf(i));
  }

  /** Index of the node that is primary, once there is one among those that run. `not` is left out. */
  async primary(not = -1): Promise<number> {
    for (;;) {
      for (let i = 0; i < this.nodes.length; i++) {
        if (i !== not && this.nodes[i]!.isRunning && (await this.roleOf(i)) === 'primary') return i;
      }
      await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
  }

  /** member_role of INFO, '' if the node does not answer. */
  async roleOf(i: number): Promise<string> {
    return this.info(i, 'member_role');
  }

  /** A field of node i's INFO replication, '' if it does not answer. */
  async info(i: number, field: string): Promise<string> {
    let client: TestClient;
    try {
      client = await this.nodes[i]!.connect();
    } catch {
      return '';
    }
    try {
      const info = await client.send('INFO', 'replication');
      return new RegExp(`^${field}:(.*?)\r?$`, 'm').exec(info)?.[1] ?? '';
    } catch {
      return '';
    } finally {
      client.close();
    }
  }

  /** Resolves when node i has applied all that the primary has now. */
  async caughtUp(i: number): Promise<void> {
    const offset = Number(await this.info(await this.primary(), 'master_repl_offset'));
    while ((await this.roleOf(i)) !== 'primary' && Number(await this.info(i, 'slave_repl_offset')) < offset) {
      await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
  }

  /** DEBUG DIGEST of each running node, once all have applied what the primary has. */
  async digests(): Promise<string[]> {
    const digests: string[] = [];
    for (let i = 0; i < this.nodes.length; i++) {
      if (!this.nodes[i]!.isRunning) continue;
      await this.caughtUp(i);
      const client = await this.nodes[i]!.connect();
      digests.push(await client.send('DEBUG', 'DIGEST'));
      client.close();
    }
    return digests;
  }

  async remove(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.remove()));
  }
}
