/** ACL and its subcommands. What changes users is logged: see engine/acl/users.ts. Texts are Redis's. */
import { randomBytes } from 'node:crypto';
import { Denial, denialOf, denialText } from '../../engine/acl/permission.ts';
import { FAULT_TEXTS } from '../../engine/acl/rule-fault.ts';
import { type Selector, hasSpaces } from '../../engine/acl/selector.ts';
import { DEFAULT_USER, type UserMap } from '../../engine/acl/users.ts';
import type { UserWords } from '../../engine/acl/user.ts';
import type { Call } from '../../engine/call.ts';
import { CATEGORIES, type Command, type Handler, command } from '../../engine/command.ts';
import { READ_ONLY_REPLICA, badSubcommand, wrongArity } from '../../engine/error-texts.ts';
import { CommandError } from '../../shared/errors.ts';
import { Request } from '../../shared/request.ts';
import { applyRule, joinSelectors } from '../acl-rules.ts';
import type { Server } from '../server.ts';
import { ACL_HELP } from './acl-help.ts';
import { connectionOf } from './connection.ts';
import { helpHandler } from './help.ts';

const PASSWORD_BITS = 256;
const PASSWORD_BITS_MAX = 4096;
const LOG_ENTRIES = 10;
const NO_FILE = new CommandError('ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis configuration.');
const NOT_SAVED = new CommandError('ERR There was an error trying to save the ACLs. Please check the server logs for more information');

const words = (c: Call, from: number): string[] => Array.from({ length: c.req.argc - from }, (_, i) => c.string(i + from));

function atMost(c: Call, argc: number): void {
  if (c.req.argc > argc) throw badSubcommand('ACL', c.string(1));
}

// ---- Changes ----

/** Does `change` in the name of the connection: should it lose its own user, it still gets its reply. */
function changing(server: Server, c: Call, change: () => void): void {
  if (c.engine.keyspace.isReplica) throw READ_ONLY_REPLICA;
  server.access.actor = connectionOf(server, c);
  try {
    change();
  } finally {
    server.access.actor = null;
  }
}

function setUser(server: Server, c: Call): void {
  const name = c.string(2);
  if (hasSpaces(name)) throw new CommandError("ERR Usernames can't contain spaces or null characters");
  const rules = joinSelectors(words(c, 3));
  if ('unmatched' in rules) throw new CommandError(`ERR Unmatched parenthesis in acl selector starting at '${rules.unmatched}'.`);
  const { users } = c.engine;
  const known = users.get(name);
  const user = known?.copy(server.access.allChannels) ?? server.access.newUser(name);
  for (const rule of rules) {
    const fault = applyRule(user, rule);
    if (fault !== null) throw new CommandError(`ERR Error in ACL SETUSER modifier '${rule}': ${FAULT_TEXTS[fault]}`);
  }
  changing(server, c, () => users.change(c, new Map([[name, user.words()]])));
  c.reply.ok();
}

function deleteUsers(server: Server, c: Call): void {
  const names = words(c, 2);
  if (names.includes(DEFAULT_USER)) throw new CommandError("ERR The 'default' user cannot be removed");
  const { users } = c.engine;
  const known = new Set(names.filter((name) => users.get(name) !== undefined));
  const changes = new Map<string, UserWords | null>([...known].map((name) => [name, null]));
  changing(server, c, () => { if (known.size > 0) users.change(c, changes); });
  c.reply.integer(known.size);
}

function load(server: Server, c: Call): void {
  if (server.access.aclFile === '') throw NO_FILE;
  const users: UserMap = server.access.readAclFile();
  changing(server, c, () => c.engine.users.replace(c, users));
  c.reply.ok();
}

function save(server: Server, c: Call): void {
  if (server.access.aclFile === '') throw NO_FILE;
  try {
    server.access.writeAclFile();
  } catch (error) {
    server.log.warning(`Writing the ACL file: ${(error as Error).message}`);
    throw NOT_SAVED;
  }
  c.reply.ok();
}

// ---- Questions ----

function describeSelector(c: Call, selector: Selector): void {
  for (const [name, value] of [['commands', selector.describeCommands()], ['keys', selector.describeKeys()], ['channels', selector.describeChannels()]] as const) {
    c.reply.bulkString(name);
    c.reply.bulkString(value);
  }
}

function getUser(c: Call): void {
  const { reply } = c;
  const user = c.engine.users.get(c.string(2));
  if (user === undefined) {
    reply.null();
    return;
  }
  const [own, ...more] = user.selectors;
  reply.map(6);
  reply.bulkString('flags');
  reply.set(user.flags.length);
  for (const flag of user.flags) reply.bulkString(flag);
  reply.bulkString('passwords');
  reply.array(user.passwords.length);
  for (const hash of user.passwords) reply.bulkString(hash);
  describeSelector(c, own!);
  reply.bulkString('selectors');
  reply.array(more.length);
  for (const selector of more) {
    reply.map(3);
    describeSelector(c, selector);
  }
}

function list(server: Server, c: Call): void {
  const users = server.access.all();
  c.reply.array(users.length);
  for (const user of users) c.reply.bulkString(`user ${user.name} ${user.describe()}`);
}

function listNames(c: Call): void {
  const names = c.engine.users.names();
  c.reply.array(names.length);
  for (const name of names) c.reply.bulkString(name);
}

function cat(c: Call): void {
  atMost(c, 3);
  let names = CATEGORIES;
  if (c.req.argc === 3) {
    const category = c.string(2).toLowerCase();
    if (!CATEGORIES.includes(category)) throw new CommandError(`ERR Unknown category '${c.string(2).slice(0, 128)}'`);
    names = c.engine.table.all.filter((row) => row.categories.includes(category)).map((row) => row.name);
  }
  c.reply.array(names.length);
  for (const name of names) c.reply.bulkString(name);
}

function generatePassword(c: Call): void {
  atMost(c, 3);
  const bits = c.req.argc === 3 ? c.integer(2) : PASSWORD_BITS;
  if (bits <= 0 || bits > PASSWORD_BITS_MAX) {
    throw new CommandError(`ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to ${PASSWORD_BITS_MAX}`);
  }
  const digits = Math.ceil(bits / 4);
  c.reply.bulkString(randomBytes(Math.ceil(digits / 2)).toString('hex').slice(0, digits));
}

function log(server: Server, c: Call): void {
  atMost(c, 3);
  const { reply } = c;
  const { log: denials } = server.access;
  if (c.req.argc === 3 && c.req.is(2, 'RESET')) {
    denials.entries = [];
    reply.ok();
    return;
  }
  const shown = denials.entries.slice(0, c.req.argc === 3 ? Math.max(0, c.integer(2)) : LOG_ENTRIES);
  const text = (name: string, value: string): void => {
    reply.bulkString(name);
    reply.bulkString(value);
  };
  const number = (name: string, value: number): void => {
    reply.bulkString(name);
    reply.integer(value);
  };
  reply.array(shown.length);
  for (const entry of shown) {
    reply.map(10);
    number('count', entry.count);
    text('reason', entry.reason);
    text('context', entry.context);
    text('object', entry.object);
    text('username', entry.username);
    reply.bulkString('age-seconds');
    reply.double((server.nowMs - entry.updatedAtMs) / 1000);
    text('client-info', entry.clientInfo);
    number('entry-id', entry.id);
    number('timestamp-created', entry.createdAtMs);
    number('timestamp-last-updated', entry.updatedAtMs);
  }
}

function dryRun(c: Call): void {
  const { table, users } = c.engine;
  const user = users.get(c.string(2));
  if (user === undefined) throw new CommandError(`ERR User '${c.string(2)}' not found`);
  const request = Request.of(...words(c, 3));
  const top = table.findForClient(request.buf, request.off[0]!, request.len[0]!);
  const row = top?.subcommands && request.argc > 1 ? top.subcommands.get(request.string(1).toLowerCase()) : top;
  if (!row) throw new CommandError(`ERR Command '${c.string(3)}' not found`);
  if ((row.arity > 0 && row.arity !== request.argc) || request.argc < -row.arity) throw wrongArity(row.name);
  const denial = denialOf(user, row, request);
  if (denial === Denial.none) c.reply.ok();
  else c.reply.bulkString(denialText(denial, user, row, request, true));
}

export function aclCommand(server: Server): Command {
  const group = 'server';
  const everywhere = ['request_policy:all_nodes', 'response_policy:all_succeeded'];
  const sub = (name: string, arity: number, isAdmin: boolean, run: Handler, tips: readonly string[] = [], since = '6.0.0'): Command => (
    command({ name: `acl|${name}`, arity, flags: isAdmin ? 'admin noscript loading stale' : 'noscript loading stale', group, since, tips, run })
  );
  return command({
    name: 'acl', arity: -2, flags: '', group, since: '6.0.0',
    subcommands: [
      sub('cat', -2, false, cat),
      sub('deluser', -3, true, (c) => deleteUsers(server, c), everywhere),
      sub('dryrun', -4, true, dryRun, [], '7.0.0'),
      sub('genpass', -2, false, generatePassword),
      sub('getuser', 3, true, getUser),
      sub('list', 2, true, (c) => list(server, c)),
      sub('load', 2, true, (c) => load(server, c)),
      sub('log', -2, true, (c) => log(server, c)),
      sub('save', 2, true, (c) => save(server, c), everywhere),
      sub('setuser', -3, true, (c) => setUser(server, c), everywhere),
      sub('users', 2, true, listNames),
      sub('whoami', 2, false, (c) => c.reply.bulkString(connectionOf(server, c).user)),
      command({ name: 'acl|help', arity: 2, flags: 'loading stale', group, since: '6.0.0', run: helpHandler(ACL_HELP) }),
    ],
  });
}
