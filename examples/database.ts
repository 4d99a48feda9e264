/** The connection that the examples share: node-redis with nothing set that Holdfast would ask for. */
import { createClient } from 'redis';

const DEFAULT_URL = 'redis://127.0.0.1:6379';

export type Database = Awaited<ReturnType<typeof connect>>;

/** Where the examples find Holdfast: DATABASE_URL, by default what `npm start` opens. */
export const databaseUrl = (): string => process.env['DATABASE_URL'] ?? DEFAULT_URL;

/**
 * Connects. When the connection is lost, commands that were under way are rejected: whether they happened is not known, and only their
 * caller knows whether they may be repeated. Commands given while there is no connection are rejected too, instead of waiting.
 */
export async function connect(url: string = databaseUrl()) {
  const client = createClient({ url, RESP: 3, disableOfflineQueue: true, socket: { reconnectStrategy: (tries) => Math.min(50 * tries, 1000) } });
  client.on('error', (error: Error) => console.error(`database: ${error.message}`));
  return client.connect();
}
