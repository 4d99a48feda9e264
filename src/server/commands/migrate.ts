/** MIGRATE: keys that go to another server, and are gone here when it has them. The conversation stands in migration.ts. */
import type { Call } from '../../engine/call.ts';
import { type Command, command, keyAfter, keysAt } from '../../engine/command.ts';
import { SYNTAX } from '../../engine/error-texts.ts';
import { CommandError } from '../../shared/errors.ts';
import type { Request } from '../../shared/request.ts';
import { Migration } from '../migration.ts';
import type { Server } from '../server.ts';

const KEY_AT = 3;
const OPTIONS_AT = 6;
const TIMEOUT_MS_DEFAULT = 1000;
/** Node's timers know no longer time. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;
const KEY_NOT_EMPTY = new CommandError('ERR When using MIGRATE KEYS option, the key argument must be set to the empty string');
/** Redis stops everything until the other server has answered. Here nothing is stopped, so that a transaction could not go on. */
const MAY_NOT_WAIT = new CommandError('ERR MIGRATE waits for another server: it is not allowed inside a transaction or a script');

interface Options {
  copies: boolean;
  replaces: boolean;
  auth: string[];
  /** Arguments [firstKey, endKey) are the keys. */
  firstKey: number;
  endKey: number;
}

/** @throws SYNTAX, KEY_NOT_EMPTY */
function parseOptions({ req }: Call): Options {
  const out: Options = { copies: false, replaces: false, auth: [], firstKey: KEY_AT, endKey: KEY_AT + 1 };
  for (let i = OPTIONS_AT; i < req.argc; i++) {
    const more = req.argc - 1 - i;
    if (req.is(i, 'COPY')) out.copies = true;
    else if (req.is(i, 'REPLACE')) out.replaces = true;
    else if (req.is(i, 'AUTH') && more > 0) out.auth = [req.string(++i)];
    else if (req.is(i, 'AUTH2') && more > 1) {
      out.auth = [req.string(i + 1), req.string(i + 2)];
      i += 2;
    } else if (req.is(i, 'KEYS')) {
      if (req.len[KEY_AT] !== 0) throw KEY_NOT_EMPTY;
      out.firstKey = i + 1;
      out.endKey = req.argc;
      break;
    } else throw SYNTAX;
  }
  return out;
}

function migrate(server: Server, c: Call): void {
  const { req, session, engine } = c;
  const { copies, replaces, auth, firstKey, endKey } = parseOptions(c);
  const timeoutMs = c.integer(5);
  const db = c.integer(4);
  const keys: string[] = [];
  for (let i = firstKey; i < endKey; i++) if (c.lookup(i) !== 0) keys.push(req.string(i));
  if (keys.length === 0) {
    c.reply.status('NOKEY');
    return;
  }
  if (!c.canBlock) throw MAY_NOT_WAIT;
  const { waitFor } = engine.keyspace.hazards;
  c.suspend();
  const options = {
    host: req.string(1), port: portArgument(req), db: String(db), timeoutMs: timeoutMs <= 0 ? TIMEOUT_MS_DEFAULT : Math.min(timeoutMs, TIMEOUT_MS_MAX),
    copies, replaces, auth, keys,
  };
  Migration.begin(server, options, session.db, waitFor, (error, written) => {
    engine.blocking.answer(session, (reply) => {
      if (error === null) reply.ok();
      else reply.error(error);
    }, written);
  });
}

/** As C's atoi; 0, which nobody listens on, for what is no port. */
function portArgument(req: Request): number {
  const port = parseInt(req.string(2), 10);
  return port > 0 && port < 65536 ? port : 0;
}

/** The key, or the keys behind KEYS. */
function keysOf(req: Request): number[] {
  const skipped: Readonly<Record<string, number>> = { AUTH: 1, AUTH2: 2 };
  for (let i = OPTIONS_AT; i < req.argc; i++) {
    if (req.is(i, 'KEYS')) return req.len[KEY_AT] === 0 ? Array.from({ length: req.argc - i - 1 }, (_, n) => i + 1 + n) : [];
    i += skipped[req.string(i).toUpperCase()] ?? 0;
  }
  return [KEY_AT];
}

export function migrateCommand(server: Server): Command {
  return command({
    name: 'migrate', arity: -6, flags: 'write movablekeys', group: 'generic', since: '2.6.0', categories: 'keyspace dangerous',
    keys: [keysAt(KEY_AT, 'RW access delete'), { ...keyAfter('KEYS', -2, 'RW access delete incomplete'), find: { lastKey: -1, step: 1, limit: 0 } }],
    tips: ['nondeterministic_output'], getKeys: keysOf, run: (c) => migrate(server, c),
  });
}
