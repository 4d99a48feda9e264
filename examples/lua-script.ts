/**
 * A Lua script that is sent by its hash. A node forgets its scripts when it starts, and after a failover another node answers, one that may
 * never have seen the script: whoever calls by hash must be able to send the source. One call in thousands does.
 */
import { createHash } from 'node:crypto';
import type { Database } from './database.ts';

export class LuaScript {
  readonly #source: string;
  readonly #sha1: string;

  constructor(source: string) {
    this.#source = source;
    this.#sha1 = createHash('sha1').update(source).digest('hex');
  }

  /** Runs the script; its writes are one record of the log: all of them are durable, or none happened. */
  async run(database: Database, keys: string[], args: (string | number)[]): Promise<unknown> {
    const options = { keys, arguments: args.map(String) };
    try {
      return await database.evalSha(this.#sha1, options);
    } catch (error) {
      // Refused before it ran, so that sending it again cannot do anything twice.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return database.eval(this.#source, options);
    }
  }
}
