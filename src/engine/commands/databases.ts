/** Databases as a whole: SELECT, DBSIZE, FLUSHDB, FLUSHALL, SWAPDB; and reading the number of one. */
import type { CommandError } from '../../shared/errors.ts';
import type { Call } from '../call.ts';
import { type Command, command } from '../command.ts';
import { DB_OUT_OF_RANGE, INVALID_FIRST_DB, INVALID_SECOND_DB, NOT_INT32, NOT_INTEGER, SYNTAX } from '../error-texts.ts';
import type { Database } from '../keyspace/database.ts';

const INT32_MIN = -2147483648;
const INT32_MAX = 2147483647;

/**
 * The database whose number is argument i.
 * @param notInteger,notInt32 what to throw for what is no integer, and for one of more than 32 bits.
 */
export function databaseArg(c: Call, i: number, notInteger: CommandError = NOT_INTEGER, notInt32: CommandError = NOT_INT32): Database {
  const number = c.integer(i, notInteger);
  if (number < INT32_MIN || number > INT32_MAX) throw notInt32;
  const db = c.engine.keyspace.databases[number];
  if (db === undefined) throw DB_OUT_OF_RANGE;
  return db;
}

function select(c: Call): void {
  c.session.db = databaseArg(c, 1).number;
  c.reply.ok();
}

function dbsize(c: Call): void {
  c.engine.keyspace.hazards.checkDb(c.db.number);
  c.reply.integer(c.db.size);
}

/**
 * ASYNC and SYNC are the same here: what clearing the arena does not free at once is freed in steps between commands, so
 * that nobody else waits for it. The database is empty for everybody when the reply is written, either way.
 */
function checkFlushMode(c: Call): void {
  const { req } = c;
  if (req.argc > 2 || (req.argc === 2 && !req.is(1, 'ASYNC') && !req.is(1, 'SYNC'))) throw SYNTAX;
}

/** Emptying what is empty is no change, and nothing is logged. Clients' caches are declared empty all the same, as in Redis: they may know of keys that are not there. */
function stillEmpty(c: Call, db: Database): void {
  const { keyspace } = c.engine;
  // That it is empty already may be news of a change that is not committed yet.
  keyspace.hazards.checkDb(db.number);
  keyspace.interest.databaseReplaced(db.number, db, null);
}

/** Logs the command, which took out so many keys. To statistics they were freed aside, but for SYNC within something else, as in Redis. */
function flushed(c: Call, keys: number): void {
  if (c.canBlock || (c.req.argc === 2 && c.req.is(1, 'ASYNC'))) c.engine.types.lazyFree.freed += keys;
  c.changed(keys);
}

function flushdb(c: Call): void {
  checkFlushMode(c);
  const { keyspace } = c.engine;
  if (c.db.size > 0) flushed(c, keyspace.flush(c.db));
  else stillEmpty(c, c.db);
  c.reply.ok();
}

function flushall(c: Call): void {
  checkFlushMode(c);
  const { keyspace } = c.engine;
  if (keyspace.size > 0) flushed(c, keyspace.flushAll());
  else for (const db of keyspace.databases) stillEmpty(c, db);
  c.reply.ok();
}

function swapdb(c: Call): void {
  const { keyspace } = c.engine;
  c.integer(1, INVALID_FIRST_DB);
  c.integer(2, INVALID_SECOND_DB);
  const first = databaseArg(c, 1, INVALID_FIRST_DB, INVALID_FIRST_DB);
  const second = databaseArg(c, 2, INVALID_SECOND_DB, INVALID_SECOND_DB);
  if (first !== second) {
    keyspace.swap(first, second);
    c.changed();
  }
  c.reply.ok();
}

export const databaseCommands: readonly Command[] = [
  command({ name: 'select', arity: 2, flags: 'loading stale fast', group: 'connection', since: '1.0.0', run: select }),
  command({
    name: 'dbsize', arity: 1, flags: 'readonly fast', group: 'server', since: '1.0.0', categories: 'keyspace',
    tips: ['request_policy:all_shards', 'response_policy:agg_sum'], run: dbsize,
  }),
  command({
    name: 'flushdb', arity: -1, flags: 'write', group: 'server', since: '1.0.0', categories: 'keyspace dangerous',
    tips: ['request_policy:all_shards', 'response_policy:all_succeeded'], run: flushdb,
  }),
  command({
    name: 'flushall', arity: -1, flags: 'write', group: 'server', since: '1.0.0', categories: 'keyspace dangerous',
    tips: ['request_policy:all_shards', 'response_policy:all_succeeded'], run: flushall,
  }),
  command({
    name: 'swapdb', arity: 3, flags: 'write fast', group: 'server', since: '4.0.0', categories: 'keyspace dangerous', run: swapdb,
  }),
];
