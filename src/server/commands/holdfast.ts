/** HOLDFAST: what operators ask of a shard and its members, at any of them. The tool `holdfast` sends it. */
import type { Call } from '../../engine/call.ts';
import { type Command, type CommandOptions, type Handler, command } from '../../engine/command.ts';
import { SYNTAX } from '../../engine/error-texts.ts';
import { formatAddress } from '../../replication/member-label.ts';
import type { MemberOperation } from '../../replication/member-changes.ts';
import { CommandError, OperationalError } from '../../shared/errors.ts';
import type { Reply } from '../../shared/reply.ts';
import type { MemberStatus, ShardStatus } from '../operations.ts';
import type { Server } from '../server.ts';
import { helpHandler } from './help.ts';

const HELP = [
  'HOLDFAST <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'STATUS',
  '    Show the members of the shard, and what an operator should see to.',
  'MEMBER ADD <host:peerport>',
  '    Invite a new node that waits there to join.',
  'MEMBER REMOVE|PROMOTE|DEMOTE <member> [FORCE]',
  '    Remove a member, make a learner a voter, or a voter a learner.',
  'MEMBER REPLACE <member> <by> [FORCE]',
  '    Have one member take the place of another.',
  'FAILOVER [<member>]',
  '    Hand leadership to a member, or to the one that has most of the log.',
  'DRAIN [<member>] [OFF]',
  '    Have a member (this one) hand over, and not lead until it is restarted or OFF.',
  'HELP',
  '    Print this help.',
];

/** Answers when the promise settles; other clients are served meanwhile. */
function answerLater<T>(server: Server, c: Call, promise: Promise<T>, write: (reply: Reply, value: T) => void): void {
  const { session } = c;
  const { blocking } = c.engine;
  c.suspend();
  promise.then(
    (value) => blocking.answer(session, (reply) => write(reply, value)),
    (error: unknown) => {
      if (!(error instanceof OperationalError)) return server.onFatal(error as Error);
      return blocking.answer(session, (reply) => reply.error(`ERR ${error.message}`));
    },
  ).catch((error: unknown) => server.onFatal(error as Error));
}

const sentence = (reply: Reply, text: string): void => reply.status(text);

// ---- STATUS ----

function writeFields(reply: Reply, fields: Readonly<Record<string, string | number>>, more: number): void {
  const pairs = Object.entries(fields);
  reply.map(pairs.length + more);
  for (const [name, value] of pairs) {
    reply.bulkString(name);
    if (typeof value === 'number') reply.integer(value);
    else reply.bulkString(value);
  }
}

function writeMember(reply: Reply, { id, role, client, peer, zone, state, lag }: MemberStatus): void {
  writeFields(reply, {
    id, role, client: formatAddress(client), peer: formatAddress(peer), zone, state: state?.role ?? 'unreachable',
    drained: state?.drained === true ? 'yes' : 'no', 'log-index': state?.lastIndex ?? -1, lag,
  }, 0);
}

function writeStatus(reply: Reply, { shardId, term, leader, members, warnings }: ShardStatus): void {
  writeFields(reply, { shard: shardId, term, leader }, 2);
  reply.bulkString('members');
  reply.array(members.length);
  for (const member of members) writeMember(reply, member);
  reply.bulkString('warnings');
  reply.array(warnings.length);
  for (const warning of warnings) reply.bulkString(warning);
}

// ---- MEMBER ----

const OPERATIONS: readonly MemberOperation[] = ['remove', 'promote', 'demote', 'replace'];

function member(server: Server, c: Call): void {
  const { req } = c;
  if (req.is(2, 'ADD')) {
    if (req.argc !== 4) throw SYNTAX;
    return answerLater(server, c, server.operations.run({ name: 'add', members: [req.string(3)], force: false }), sentence);
  }
  const name = OPERATIONS.find((operation) => req.is(2, operation.toUpperCase()));
  if (name === undefined) throw new CommandError('ERR MEMBER is followed by ADD, REMOVE, PROMOTE, DEMOTE or REPLACE');
  const end = name === 'replace' ? 5 : 4;
  const force = req.argc === end + 1 && req.is(end, 'FORCE');
  if (req.argc !== (force ? end + 1 : end)) throw SYNTAX;
  const members = name === 'replace' ? [req.string(3), req.string(4)] : [req.string(3)];
  return answerLater(server, c, server.operations.run({ name, members, force }), sentence);
}

function failover(server: Server, c: Call): void {
  const { req } = c;
  if (req.argc > 3) throw SYNTAX;
  const members = req.argc === 3 ? [req.string(2)] : [];
  answerLater(server, c, server.operations.run({ name: 'failover', members, force: false }), sentence);
}

function drain(server: Server, c: Call): void {
  const { req } = c;
  const off = req.argc > 2 && req.is(req.argc - 1, 'OFF');
  const names = req.argc - 2 - (off ? 1 : 0);
  if (names > 1) throw SYNTAX;
  answerLater(server, c, server.operations.drain(names === 1 ? req.string(2) : null, off), sentence);
}

export function holdfastCommand(server: Server): Command {
  const sub = (name: string, arity: number, run: Handler, more: Partial<CommandOptions> = {}): Command =>
    command({ name: `holdfast|${name}`, arity, flags: 'admin noscript loading stale no_multi', group: 'server', since: '7.2.0', run, ...more });
  return command({
    name: 'holdfast', arity: -2, flags: '', group: 'server', since: '7.2.0',
    subcommands: [
      sub('status', 2, (c) => answerLater(server, c, server.operations.status(), writeStatus), { tips: ['nondeterministic_output'] }),
      sub('member', -4, (c) => member(server, c)),
      sub('failover', -2, (c) => failover(server, c)),
      sub('drain', -2, (c) => drain(server, c)),
      sub('help', 2, helpHandler(HELP), { flags: 'loading stale' }),
    ],
  });
}
