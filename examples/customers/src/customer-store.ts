/**
 * Customers in the database: a hash under customer:<id> for each. The database is the only copy: when a method returns, what it did is
 * durable. When a method throws because a connection was lost, a write may or may not have happened.
 */
import { randomUUID } from 'node:crypto';
import { createClientPool, WatchError } from 'redis';
import type { Customer, CustomerInput } from './customer.ts';

const PREFIX = 'customer:';
const CONNECTIONS_MAX = 8;
/** How often an update is tried again when somebody else changes the customer meanwhile. */
const UPDATE_TRIES = 100;

export interface CustomerPage {
  readonly customers: readonly Customer[];
  /** Where the next page begins; null after the last. */
  readonly nextCursor: string | null;
}

type Fields = Record<string, string>;

const keyOf = (id: string): string => PREFIX + id;

function fromFields(id: string, fields: Fields): Customer {
  const { name = '', email = '', phone = '', createdAt = '', updatedAt = '' } = fields;
  return { id, name, email, phone, createdAt, updatedAt };
}

function createPool(url: string) {
  // A request must not wait for ever for a database that is away: it fails, and its client is told to come back.
  return createClientPool({ url, disableOfflineQueue: true, socket: { reconnectStrategy: (tries) => Math.min(50 * tries, 1000) } }, { maximum: CONNECTIONS_MAX });
}

export class CustomerStore {
  readonly #pool: ReturnType<typeof createPool>;

  private constructor(pool: ReturnType<typeof createPool>) {
    this.#pool = pool;
  }

  /** Connects to a database such as redis://127.0.0.1:6379. */
  static async connect(url: string): Promise<CustomerStore> {
    const pool = createPool(url);
    pool.on('error', (error: Error) => console.error(`database: ${error.message}`));
    await pool.connect();
    return new CustomerStore(pool);
  }

  async create(input: CustomerInput): Promise<Customer> {
    const now = new Date().toISOString();
    const id = randomUUID();
    const fields = { ...input, createdAt: now, updatedAt: now };
    await this.#pool.hSet(keyOf(id), fields);
    return { id, ...fields };
  }

  async get(id: string): Promise<Customer | null> {
    const fields = await this.#pool.hGetAll(keyOf(id));
    return Object.keys(fields).length === 0 ? null : fromFields(id, fields);
  }

  /** The customer as it is now, or null if there is none: an update never brings a deleted customer back. */
  async update(id: string, input: CustomerInput): Promise<Customer | null> {
    const key = keyOf(id);
    return this.#pool.execute(async (client) => {
      for (let tries = 1; ; tries++) {
        await client.watch(key);
        const createdAt = await client.hGet(key, 'createdAt');
        if (createdAt === null) {
          await client.unwatch();
          return null;
        }
        const fields = { ...input, createdAt, updatedAt: new Date().toISOString() };
        try {
          await client.multi().hSet(key, fields).exec();
          return { id, ...fields };
        } catch (error) {
          if (!(error instanceof WatchError) || tries === UPDATE_TRIES) throw error;
        }
      }
    });
  }

  /** Whether there was such a customer. */
  async delete(id: string): Promise<boolean> {
    return (await this.#pool.del(keyOf(id))) === 1;
  }

  /**
   * About `limit` customers from a cursor on, '0' at first. As SCAN promises, customers that exist throughout are seen at least once; a page
   * may be empty without being the last.
   */
  async list(cursor: string, limit: number): Promise<CustomerPage> {
    const { cursor: next, keys } = await this.#pool.scan(cursor, { MATCH: `${PREFIX}*`, COUNT: limit, TYPE: 'hash' });
    const found = await Promise.all(keys.map((key) => this.get(key.slice(PREFIX.length))));
    return { customers: found.filter((customer) => customer !== null), nextCursor: next === '0' ? null : next };
  }

  async isReachable(): Promise<boolean> {
    return this.#pool.ping().then(() => true, () => false);
  }

  close(): Promise<void> {
    return this.#pool.close().then(() => undefined);
  }
}
