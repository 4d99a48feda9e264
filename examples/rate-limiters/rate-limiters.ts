/**
 * Two rate limiters, each one Lua script: reading, deciding and counting are one step, whoever else asks at the same time. The clock is the
 * database's, so that the clocks of the services need not agree.
 */
import type { Database } from '../database.ts';
import { LuaScript } from '../lua-script.ts';

export interface Decision {
  readonly allowed: boolean;
  /** What is left after this request. */
  readonly remaining: number;
  /** When to come back; 0 when allowed. */
  readonly retryAfterMs: number;
}

function decisionOf(reply: unknown): Decision {
  const [allowed, remaining, retryAfterMs] = reply as [number, number, number];
  return { allowed: allowed === 1, remaining, retryAfterMs };
}

/** ARGV: limit, window in ms. The window begins with the first request and ends with the key. Refused requests are not counted. */
const FIXED_WINDOW = new LuaScript(`
  local limit = tonumber(ARGV[1])
  local used = tonumber(redis.call('GET', KEYS[1]) or '0')
  if used >= limit then return { 0, 0, math.max(1, redis.call('PTTL', KEYS[1])) } end
  redis.call('INCR', KEYS[1])
  if used == 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
  return { 1, limit - used - 1, 0 }
`);

/**
 * ARGV: capacity, tokens per second, cost. The hash has the tokens at a time in microseconds; what came since is computed, so that nobody has to
 * fill buckets. A bucket that would be full again is the same as none, so it may expire then.
 */
const TOKEN_BUCKET = new LuaScript(`
  local capacity, perSecond, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
  local time = redis.call('TIME')
  local now = time[1] * 1000000 + time[2]
  local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
  local tokens, at = tonumber(bucket[1] or capacity), tonumber(bucket[2] or now)
  -- A clock may be set back, and another node's may be behind: then nothing came.
  now = math.max(now, at)
  tokens = math.min(capacity, tokens + (now - at) * perSecond / 1000000)
  if tokens < cost then return { 0, math.floor(tokens), math.ceil((cost - tokens) / perSecond * 1000) } end
  tokens = tokens - cost
  redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at', string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[1], math.ceil((capacity - tokens) / perSecond * 1000))
  return { 1, math.floor(tokens), 0 }
`);

/** At most `limit` requests in a window: simple and cheap, but twice as many may come in a short time around a window's end. */
export class FixedWindowLimiter {
  readonly #database: Database;
  readonly #limit: number;
  readonly #windowMs: number;

  constructor(database: Database, limit: number, windowMs: number) {
    this.#database = database;
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  /** Asks for one request of a client. */
  async take(client: string): Promise<Decision> {
    return decisionOf(await FIXED_WINDOW.run(this.#database, [`window:${client}`], [this.#limit, this.#windowMs]));
  }
}

/** Bursts up to `capacity`, and `perSecond` in the long run. */
export class TokenBucketLimiter {
  readonly #database: Database;
  readonly #capacity: number;
  readonly #perSecond: number;

  constructor(database: Database, capacity: number, perSecond: number) {
    this.#database = database;
    this.#capacity = capacity;
    this.#perSecond = perSecond;
  }

  /** Asks for a request that costs some tokens, at least 1 and at most the capacity (more would never be allowed). */
  async take(client: string, cost = 1): Promise<Decision> {
    if (!(cost >= 1 && cost <= this.#capacity)) throw new RangeError(`a cost of ${cost} is not between 1 and ${this.#capacity}`);
    return decisionOf(await TOKEN_BUCKET.run(this.#database, [`bucket:${client}`], [this.#capacity, this.#perSecond, cost]));
  }
}
