/**
 * Lazy loading with a barrier: what is not there yet is loaded by one caller, and all others, in any process, wait for it. When a popular value
 * ends, its origin gets one request, not a thousand (a thundering herd).
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../database.ts';
import { LuaScript } from '../lua-script.ts';

const POLL_MIN_MS = 5;
const POLL_MAX_MS = 200;

/**
 * Stores the value and opens the barrier, if the lock is still the caller's. It is not when the loading took longer than the lock, or when the
 * value was invalidated meanwhile; then what was loaded may be old.
 */
const FILL = new LuaScript(`
  if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  redis.call('DEL', KEYS[2])
  return 1
`);

/** Opens the barrier, if the lock is still the caller's: a plain DEL could take away the lock of somebody else. */
const UNLOCK = new LuaScript(`
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  return redis.call('DEL', KEYS[1])
`);

export interface LazyOptions {
  /** How long a value stays. */
  readonly valueMs: number;
  /** How long a caller may take to load; after that another tries. Longer than a load usually takes. */
  readonly lockMs: number;
}

// The braces keep a value and its lock in one slot, as the scripts need in a cluster.
const valueKey = (name: string): string => `lazy:{${name}}:value`;
const lockKey = (name: string): string => `lazy:{${name}}:lock`;

export class LazyValues {
  readonly #database: Database;
  readonly #options: LazyOptions;

  constructor(database: Database, options: LazyOptions) {
    this.#database = database;
    this.#options = options;
  }

  /** The value, loaded by `load` if nobody has it. When loading fails its caller gets the error, and another one's `load` tries. */
  async get(name: string, load: () => Promise<string>): Promise<string> {
    for (let pollMs = POLL_MIN_MS; ; pollMs = Math.min(2 * pollMs, POLL_MAX_MS)) {
      const value = await this.#database.get(valueKey(name));
      if (value !== null) return value;
      const token = randomUUID();
      if (await this.#database.set(lockKey(name), token, { condition: 'NX', expiration: { type: 'PX', value: this.#options.lockMs } }) !== null) {
        return this.#load(name, token, load);
      }
      // Not all at the same moment: those who wait began together.
      await delay(pollMs * (0.5 + Math.random()));
    }
  }

  /** To be called when the origin has changed: the next `get` loads, and a load that began before is not kept. */
  async invalidate(name: string): Promise<void> {
    await this.#database.del([valueKey(name), lockKey(name)]);
  }

  async #load(name: string, token: string, load: () => Promise<string>): Promise<string> {
    try {
      // Somebody may have filled it between the look and the lock.
      const filled = await this.#database.get(valueKey(name));
      if (filled !== null) {
        await UNLOCK.run(this.#database, [lockKey(name)], [token]);
        return filled;
      }
      const value = await load();
      await FILL.run(this.#database, [valueKey(name), lockKey(name)], [token, value, this.#options.valueMs]);
      return value;
    } catch (error) {
      // If this fails as well, the lock ends by itself.
      await UNLOCK.run(this.#database, [lockKey(name)], [token]).catch(() => undefined);
      throw error;
    }
  }
}
