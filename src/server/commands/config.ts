/** CONFIG GET, SET, RESETSTAT, REWRITE, HELP. */
import { DEFAULT_USER } from '../../engine/acl/users.ts';
import type { Call } from '../../engine/call.ts';
import { type Command, command } from '../../engine/command.ts';
import { SYNTAX } from '../../engine/error-texts.ts';
import { CommandError, OperationalError } from '../../shared/errors.ts';
import type { Server } from '../server.ts';
import { isTlsSetting, sourceTlsContext } from '../tls-settings.ts';
import { connectionOf } from './connection.ts';
import { helpHandler } from './help.ts';

const HELP = [
  'CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'GET <pattern>', '    Return parameters matching the glob-like <pattern> and their values.',
  'SET <directive> <value>', '    Set the configuration <directive> to <value>.',
  'RESETSTAT', '    Reset statistics reported by the INFO command.',
  'REWRITE', '    Rewrite the configuration file.',
  'HELP', '    Prints this help.',
];

function get(server: Server, c: Call): void {
  const patterns = Array.from({ length: c.req.argc - 2 }, (_, i) => c.string(i + 2));
  const found = server.config.get(patterns);
  c.reply.map(found.length);
  for (const [name, value] of found) {
    c.reply.bulkString(name);
    c.reply.bulkString(value);
  }
}

/** @throws CommandError: nothing is changed */
function setAll(server: Server, pairs: readonly (readonly [string, string])[], allowProtected: boolean): void {
  const { config } = server;
  const secured = pairs.filter(([name]) => isTlsSetting(name.toLowerCase()));
  const before = secured.flatMap(([name]) => config.get([name]));
  config.set(pairs, { allowProtected });
  if (secured.length === 0) return;
  try {
    sourceTlsContext(config);
    server.listeners.reloadTls();
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    config.set(before);
    server.log.warning(`Failed to configure TLS: ${error.message}`);
    throw new CommandError(`ERR CONFIG SET failed (possibly related to argument '${secured[0]![0]}') - Unable to update TLS configuration. Check server logs.`);
  }
}

function set(server: Server, c: Call): void {
  if (c.req.argc % 2 !== 0) throw SYNTAX;
  const pairs: [string, string][] = [];
  for (let i = 2; i < c.req.argc; i += 2) pairs.push([c.string(i), c.string(i + 1)]);
  const protectedConfigs = server.config.string('enable-protected-configs');
  const allowProtected = protectedConfigs === 'yes' || (protectedConfigs === 'local' && connectionOf(server, c).isLocal);
  const password = pairs.find(([name]) => name.toLowerCase() === 'requirepass')?.[1];
  const { users, keyspace } = c.engine;
  if (password !== undefined && keyspace.isReplica && (users.areShared || server.loading)) {
    throw new CommandError("ERR CONFIG SET failed (possibly related to argument 'requirepass') - users are in the shard's log: change them at the primary");
  }
  setAll(server, pairs, allowProtected);
  if (password !== undefined && keyspace.isReplica) server.access.directPassword(password);
  else if (password !== undefined) users.change(c, new Map([[DEFAULT_USER, server.access.withPassword(users.default, password).words()]]));
  c.reply.ok();
}

/** With an ACL file none: it has them all. */
function userLines({ access }: Server): string[] {
  return access.aclFile === '' ? access.all().map((user) => `user ${user.name} ${user.describe()}`) : [];
}

export function configCommand(server: Server): Command {
  const group = 'server';
  const flags = 'admin noscript loading stale';
  return command({
    name: 'config', arity: -2, flags: '', group, since: '2.0.0',
    subcommands: [
      command({ name: 'config|get', arity: -3, flags, group, since: '2.0.0', run: (c) => get(server, c) }),
      command({ name: 'config|set', arity: -4, flags, group, since: '2.0.0', tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'], run: (c) => set(server, c) }),
      command({
        name: 'config|resetstat', arity: 2, flags, group, since: '2.0.0', tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
        run: (c) => {
          server.resetStatistics();
          c.reply.ok();
        },
      }),
      command({
        name: 'config|rewrite', arity: 2, flags, group, since: '2.8.0', tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
        run: (c) => {
          server.config.rewrite(userLines(server));
          server.log.notice('CONFIG REWRITE executed with success.');
          c.reply.ok();
        },
      }),
      command({ name: 'config|help', arity: 2, flags: 'loading stale', group, since: '5.0.0', run: helpHandler(HELP) }),
    ],
  });
}
