/**
 * Sessions of signed-in users: a hash under session:<token> that expires when it is not used. The token is the only secret; who has it is
 * signed in, so it never belongs into a log.
 */
import { randomBytes } from 'node:crypto';
import type { Database } from '../database.ts';
import { LuaScript } from '../lua-script.ts';

const TOKEN_BYTES = 32;
/** What a new session always has, so that its hash exists even without data. */
const USER = 'user';

/** Sets fields only of a session that exists: HSET alone would bring back one that has expired, without its user and without an end. */
const UPDATE = new LuaScript(`
  if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
  redis.call('HSET', KEYS[1], unpack(ARGV, 2))
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  return 1
`);

export interface Session {
  readonly user: string;
  readonly data: Readonly<Record<string, string>>;
}

const keyOf = (token: string): string => `session:${token}`;

export class Sessions {
  readonly #database: Database;
  readonly #idleMs: number;

  /** A session ends `idleMs` milliseconds after its last use. */
  constructor(database: Database, idleMs: number) {
    this.#database = database;
    this.#idleMs = idleMs;
  }

  /** Signs a user in; returns the token for the cookie. */
  async create(user: string, data: Record<string, string> = {}): Promise<string> {
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    // In one transaction: a session that was created but not told when to end would stay for ever.
    await this.#database.multi().hSet(keyOf(token), { ...data, [USER]: user }).pExpire(keyOf(token), this.#idleMs).exec();
    return token;
  }

  /** The session, which has `idleMs` again, or null when there is none or no longer. */
  async use(token: string): Promise<Session | null> {
    const [fields] = await this.#database.multi().hGetAll(keyOf(token)).pExpire(keyOf(token), this.#idleMs).execTyped();
    const { [USER]: user, ...data } = fields;
    return user === undefined ? null : { user, data };
  }

  /** Sets some of the session's data, which has `idleMs` again; false when there is no such session. The user of a session does not change. */
  async update(token: string, data: Record<string, string>): Promise<boolean> {
    const fields = Object.entries(data).filter(([name]) => name !== USER);
    if (fields.length === 0) return (await this.use(token)) !== null;
    return (await UPDATE.run(this.#database, [keyOf(token)], [this.#idleMs, ...fields.flat()])) === 1;
  }

  /** Signs out. When this returns, the token is worthless on every node, and stays so. */
  async destroy(token: string): Promise<void> {
    await this.#database.del(keyOf(token));
  }
}
