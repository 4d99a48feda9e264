/** PING, ECHO, AUTH, HELLO, QUIT, RESET. */
import { DEFAULT_USER } from '../../engine/acl/users.ts';
import type { Call } from '../../engine/call.ts';
import { type Command, command } from '../../engine/command.ts';
import { CommandError } from '../../shared/errors.ts';
import { checkClientName } from '../client-name.ts';
import type { Connection } from '../connection.ts';
import type { Server } from '../server.ts';
import { REDIS_VERSION } from '../version.ts';

const WRONG_PASSWORD = 'WRONGPASS invalid username-password pair or user is disabled.';
const NO_PASSWORD_SET = 'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?';

/** The connection behind a call. Every session that reaches these commands has one. */
export function connectionOf(server: Server, c: Call): Connection {
  return server.connections.get(c.session.id)!;
}

function ping(server: Server, c: Call): void {
  if (c.req.argc > 2) throw new CommandError("ERR wrong number of arguments for 'ping' command");
  const connection = server.connections.get(c.session.id);
  if (connection?.proto === 2 && !connection.subscriptions.isEmpty) {
    // Among messages it is answered in the form of one.
    c.reply.array(2);
    c.reply.bulkString('pong');
    c.reply.bulkString(c.req.argc === 2 ? c.string(1) : '');
    return;
  }
  if (c.req.argc === 1) c.reply.status('PONG');
  else c.reply.bulk(c.req.buf, c.req.off[1]!, c.req.len[1]!);
}

function hello(server: Server, c: Call): void {
  const connection = connectionOf(server, c);
  const { req, reply } = c;
  let proto: 2 | 3 = connection.proto;
  let i = 1;
  if (req.argc > 1) {
    const version = c.integer(1, new CommandError('ERR Protocol version is not an integer or out of range'));
    if (version !== 2 && version !== 3) throw new CommandError('NOPROTO unsupported protocol version');
    proto = version;
    i = 2;
  }
  let name: string | null = null;
  let credentialsAt = 0;
  for (; i < req.argc; i++) {
    if (req.is(i, 'AUTH') && i + 2 < req.argc) {
      credentialsAt = i + 1;
      i += 2;
    } else if (req.is(i, 'SETNAME') && i + 1 < req.argc) {
      name = req.string(++i);
      checkClientName(name, 'Client names');
    } else throw new CommandError(`ERR Syntax error in HELLO option '${req.string(i)}'`);
  }
  if (credentialsAt > 0 && !server.access.authenticate(connection, req.string(credentialsAt), req.string(credentialsAt + 1), req)) {
    throw new CommandError(WRONG_PASSWORD);
  }
  if (!connection.authenticated && server.access.authRequired) {
    throw new CommandError('NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time');
  }
  if (name !== null) connection.name = name;
  connection.proto = proto;
  reply.proto = proto;
  reply.map(7);
  reply.bulkString('server');
  reply.bulkString('redis');
  reply.bulkString('version');
  reply.bulkString(REDIS_VERSION);
  reply.bulkString('proto');
  reply.integer(proto);
  reply.bulkString('id');
  reply.integer(connection.id);
  reply.bulkString('mode');
  reply.bulkString('standalone');
  reply.bulkString('role');
  reply.bulkString(server.keyspaceIsReplica ? 'replica' : 'master');
  reply.bulkString('modules');
  reply.array(0);
}

function auth(server: Server, c: Call): void {
  const { req } = c;
  if (req.argc > 3) throw new CommandError('ERR syntax error');
  if (req.argc === 2 && c.engine.users.default.nopass) throw new CommandError(NO_PASSWORD_SET);
  const user = req.argc === 3 ? req.string(1) : DEFAULT_USER;
  if (!server.access.authenticate(connectionOf(server, c), user, req.string(req.argc - 1), req)) throw new CommandError(WRONG_PASSWORD);
  c.reply.ok();
}

function reset(server: Server, c: Call): void {
  const connection = connectionOf(server, c);
  c.engine.transactions.discard(c.session);
  c.session.db = 0;
  c.session.noTouch = false;
  connection.proto = 2;
  c.reply.proto = 2;
  connection.name = '';
  connection.readOnly = connection.redirects = false;
  connection.upstream?.close();
  connection.upstream = null;
  server.pubsub.forget(connection);
  server.tracking.disable(connection);
  server.monitors.remove(connection);
  connection.noEvict = false;
  connection.replyMode = 'on';
  server.access.begin(connection);
  c.reply.status('RESET');
}

export function connectionCommands(server: Server): readonly Command[] {
  const group = 'connection';
  return [
    command({ name: 'ping', arity: -1, flags: 'fast', group, since: '1.0.0', tips: ['request_policy:all_shards', 'response_policy:all_succeeded'], run: (c) => ping(server, c) }),
    command({ name: 'echo', arity: 2, flags: 'loading stale fast', group, since: '1.0.0', run: (c) => c.reply.bulk(c.req.buf, c.req.off[1]!, c.req.len[1]!) }),
    command({ name: 'auth', arity: -2, flags: 'noscript loading stale fast no_auth allow_busy', group, since: '1.0.0', run: (c) => auth(server, c) }),
    command({ name: 'hello', arity: -1, flags: 'noscript loading stale fast no_auth allow_busy', group, since: '6.0.0', run: (c) => hello(server, c) }),
    command({
      name: 'quit', arity: -1, flags: 'noscript loading stale fast no_auth allow_busy', group, since: '1.0.0',
      run: (c) => {
        connectionOf(server, c).closeAfterReplies();
        c.reply.ok();
      },
    }),
    command({ name: 'reset', arity: 1, flags: 'noscript loading stale fast no_auth allow_busy', group, since: '6.2.0', run: (c) => reset(server, c) }),
  ];
}
