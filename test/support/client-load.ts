/** Clients as programs use them, which increment counters all the time: what they are told, and how long they wait. */
import { Redis } from 'ioredis';
import { createClient, createSentinel } from 'redis';

interface Address {
  readonly host: string;
  readonly port: number;
}

interface Counting {
  incr(key: string): Promise<number>;
  close(): void;
}

const RECONNECT_MS = 20;
const LOOPS = 4;

/** How a client gets to the shard: at one address that stays, or by asking Sentinels. */
export const CLIENT_KINDS = {
  'ioredis, one address': ([address]: Address[]): Promise<Counting> => ioredis({ ...address! }),
  'ioredis, Sentinel': (sentinels: Address[]): Promise<Counting> => (
    ioredis({ sentinels, name: 'mymaster', sentinelRetryStrategy: () => RECONNECT_MS })
  ),
  'node-redis, one address': async ([{ host, port }]: [Address]): Promise<Counting> => {
    const client = createClient({ url: `redis://${host}:${port}`, socket: { reconnectStrategy: RECONNECT_MS } });
    client.on('error', () => undefined);
    await client.connect();
    return { incr: (key) => client.incr(key), close: () => client.destroy() };
  },
  'node-redis, Sentinel': async (sentinelRootNodes: Address[]): Promise<Counting> => {
    const socket = { reconnectStrategy: RECONNECT_MS };
    const client = createSentinel({
      name: 'mymaster', sentinelRootNodes, scanInterval: 1000, maxCommandRediscovers: 1000, nodeClientOptions: { socket }, sentinelClientOptions: { socket },
    });
    client.on('error', () => undefined);
    await client.connect();
    return { incr: (key) => client.incr(key), close: () => void client.destroy() };
  },
};
export type ClientKind = keyof typeof CLIENT_KINDS;

async function ioredis(options: object): Promise<Counting> {
  const client = new Redis({ ...options, maxRetriesPerRequest: null, retryStrategy: () => RECONNECT_MS });
  client.on('error', () => undefined);
  await client.ping();
  return { incr: (key) => client.incr(key), close: () => client.disconnect() };
}

/** A client whose loops each increment a counter of their own, one command after the other; a rejected one is noted and tried again. */
export class ClientLoad {
  readonly kind: ClientKind;
  /** Texts of what was rejected since `mark`. */
  errors: string[] = [];
  /** Longest time since `mark` in which nothing was acknowledged, ms. */
  longestGapMs = 0;
  acknowledged = 0;
  readonly #client: Counting;
  #lastMs = 0;
  #stopped = false;
  #waiting: { readonly sentFromMs: number; readonly resolve: (nowMs: number) => void }[] = [];
  readonly #running: Promise<void[]>;

  private constructor(kind: ClientKind, client: Counting) {
    this.kind = kind;
    this.#client = client;
    this.#running = Promise.all(Array.from({ length: LOOPS }, (_, i) => this.#loop(`${kind} ${i}`)));
  }

  static async start(kind: ClientKind, addresses: Address[]): Promise<ClientLoad> {
    const load = new ClientLoad(kind, await CLIENT_KINDS[kind](addresses as [Address]));
    await load.acknowledgement();
    return load;
  }

  async #loop(key: string): Promise<void> {
    while (!this.#stopped) {
      const sentMs = performance.now();
      try {
        await this.#client.incr(key);
        this.#acknowledged(sentMs, performance.now());
      } catch (error) {
        if (this.#stopped) return;
        this.errors.push((error as Error).message);
        await new Promise((resolve) => { setTimeout(resolve, 1); });
      }
    }
  }

  #acknowledged(sentMs: number, nowMs: number): void {
    this.acknowledged++;
    this.longestGapMs = Math.max(this.longestGapMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
    for (const { resolve } of this.#waiting.filter(({ sentFromMs }) => sentMs >= sentFromMs)) resolve(nowMs);
    this.#waiting = this.#waiting.filter(({ sentFromMs }) => sentMs < sentFromMs);
  }

  /** Forgets errors and gaps so far. */
  mark(): void {
    this.errors = [];
    this.longestGapMs = 0;
    this.#lastMs = performance.now();
  }

  /** Resolves, with the time, when a write is acknowledged that was sent from now on. */
  acknowledgement(): Promise<number> {
    const sentFromMs = performance.now();
    return new Promise((resolve) => { this.#waiting.push({ sentFromMs, resolve }); });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#client.close();
    await this.#running;
  }
}
