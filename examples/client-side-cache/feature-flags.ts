/**
 * Feature flags, which every request asks for and hardly anybody changes: answered from the client's own memory. CLIENT TRACKING makes the
 * database tell the client what has changed; when the connection is lost, the client forgets all that it has.
 */
import { BasicClientSideCache, createClient } from 'redis';
import { databaseUrl } from '../database.ts';

const FLAGS_MAX = 10_000;

function createCachingClient(url: string, cache: BasicClientSideCache) {
  // News comes as pushes of RESP3, on the same connection as replies. No time limit: a value is kept for as long as it is true.
  return createClient({ url, RESP: 3, clientSideCache: cache, disableOfflineQueue: true, socket: { reconnectStrategy: (tries) => Math.min(50 * tries, 1000) } });
}

const keyOf = (flag: string): string => `flag:${flag}`;

export class FeatureFlags {
  readonly #client: ReturnType<typeof createCachingClient>;
  readonly #cache: BasicClientSideCache;

  private constructor(client: ReturnType<typeof createCachingClient>, cache: BasicClientSideCache) {
    this.#client = client;
    this.#cache = cache;
  }

  static async connect(url: string = databaseUrl()): Promise<FeatureFlags> {
    const cache = new BasicClientSideCache({ maxEntries: FLAGS_MAX, evictPolicy: 'LRU', ttl: 0, recordStats: true });
    const client = createCachingClient(url, cache);
    client.on('error', (error: Error) => console.error(`database: ${error.message}`));
    await client.connect();
    return new FeatureFlags(client, cache);
  }

  /** Whether a flag is set: without a round trip, unless it has changed or was never asked for. */
  async isOn(flag: string): Promise<boolean> {
    return (await this.#client.get(keyOf(flag))) === 'on';
  }

  /** Sets a flag for everybody. */
  async set(flag: string, on: boolean): Promise<void> {
    await this.#client.set(keyOf(flag), on ? 'on' : 'off');
  }

  /**
   * Returns when the client has heard of everything that was changed before: news goes ahead of later replies. For who was told of a change in
   * another way, such as a message, and must not see what was before.
   */
  async catchUp(): Promise<void> {
    await this.#client.ping();
  }

  /** How many questions memory answered, and how many went to the database. */
  get counts(): { readonly hits: number; readonly misses: number } {
    const { hitCount, missCount } = this.#cache.stats();
    return { hits: hitCount, misses: missCount };
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}
