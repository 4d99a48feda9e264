/** What client libraries are tried on: a node alone, and a shard of three through one of its replicas, whose primary is killed in the middle. */
import { HoldfastProcess } from './holdfast-process.ts';
import { ShardProcesses } from './shard-processes.ts';

export interface ClientTarget {
  /** Where clients connect, all the time. */
  readonly port: number;
  /** Ports of all nodes, for clients that look for the primary by themselves. */
  readonly ports: readonly number[];
  /** Clients that wait in a blocking command. */
  blockedClients(): Promise<number>;
  /** Of a shard: the primary is killed. Does not wait for another one to lead; returns how to start it again. */
  killPrimary(): Promise<() => Promise<void>>;
  /** The node that clients are connected to is killed and started again. */
  killAndRestart(): Promise<void>;
  remove(): Promise<void>;
}

export const CLIENT_TARGETS = {
  'one node': (): Promise<ClientTarget> => OneNode.start(),
  'three nodes, the primary killed in the middle': (): Promise<ClientTarget> => ThreeNodes.start(),
};
export const TARGET_NAMES = Object.keys(CLIENT_TARGETS) as (keyof typeof CLIENT_TARGETS)[];

class OneNode implements ClientTarget {
  readonly #node: HoldfastProcess;

  private constructor(node: HoldfastProcess) {
    this.#node = node;
  }

  static async start(): Promise<OneNode> {
    return new OneNode(await HoldfastProcess.start());
  }

  get port(): number {
    return this.#node.port;
  }

  get ports(): readonly number[] {
    return [this.port];
  }

  blockedClients(): Promise<number> {
    return blockedAt(this.#node);
  }

  killPrimary(): Promise<() => Promise<void>> {
    return Promise.resolve(() => Promise.resolve());
  }

  async killAndRestart(): Promise<void> {
    await this.#node.kill('SIGKILL');
    await this.#node.restart();
  }

  remove(): Promise<void> {
    return this.#node.remove();
  }
}

class ThreeNodes implements ClientTarget {
  readonly #shard: ShardProcesses;
  /** Whom clients are connected to. */
  readonly #entrance: number;

  private constructor(shard: ShardProcesses, entrance: number) {
    this.#shard = shard;
    this.#entrance = entrance;
  }

  static async start(): Promise<ThreeNodes> {
    const shard = await ShardProcesses.start(3, '--election-timeout-ms', '1000');
    return new ThreeNodes(shard, ((await shard.primary()) + 1) % 3);
  }

  get port(): number {
    return this.#shard.nodes[this.#entrance]!.port;
  }

  get ports(): readonly number[] {
    return this.#shard.nodes.map(({ port }) => port);
  }

  async blockedClients(): Promise<number> {
    return blockedAt(this.#shard.nodes[await this.#shard.primary()]!);
  }

  async killPrimary(): Promise<() => Promise<void>> {
    const primary = await this.#otherPrimary();
    await this.#shard.nodes[primary]!.kill('SIGKILL');
    return () => this.#shard.restart(primary);
  }

  /** The primary, which leadership has been moved to if it was the node that clients are connected to. */
  async #otherPrimary(): Promise<number> {
    const primary = await this.#shard.primary();
    if (primary !== this.#entrance) return primary;
    const client = await this.#shard.nodes[primary]!.connect();
    await client.send('FAILOVER');
    client.close();
    return this.#shard.primary(primary);
  }

  async killAndRestart(): Promise<void> {
    await this.#shard.nodes[this.#entrance]!.kill('SIGKILL');
    await this.#shard.restart(this.#entrance);
  }

  remove(): Promise<void> {
    return this.#shard.remove();
  }
}

async function blockedAt(node: HoldfastProcess): Promise<number> {
  const client = await node.connect();
  const info = await client.send('INFO', 'clients');
  client.close();
  return Number(/^blocked_clients:(\d+)/m.exec(info)![1]);
}
