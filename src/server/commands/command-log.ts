/** COMMANDLOG, and SLOWLOG, which is its view of commands that took long. */
import type { Call } from '../../engine/call.ts';
import { type Command, command } from '../../engine/command.ts';
import { badSubcommand } from '../../engine/error-texts.ts';
import { CommandError } from '../../shared/errors.ts';
import type { CommandLogKind } from '../command-log.ts';
import type { Server } from '../server.ts';
import { helpHandler } from './help.ts';

const COUNT_DEFAULT = 10;
const BAD_COUNT = new CommandError('ERR count should be greater than or equal to -1');
const BAD_TYPE = new CommandError('ERR type should be one of the following: slow, large-request, large-reply');
const KINDS: readonly CommandLogKind[] = ['slow', 'large-request', 'large-reply'];

function kindArgument(c: Call, i: number): CommandLogKind {
  const kind = KINDS.find((name) => c.req.is(i, name.toUpperCase()));
  if (kind === undefined) throw BAD_TYPE;
  return kind;
}

function get(server: Server, c: Call, kind: CommandLogKind, hasCount: boolean): void {
  const list = server.commandLog.list(kind);
  const count = hasCount ? c.integer(2, BAD_COUNT) : COUNT_DEFAULT;
  if (count < -1) throw BAD_COUNT;
  const entries = count === -1 ? list : list.slice(0, count);
  c.reply.array(entries.length);
  for (const entry of entries) {
    c.reply.array(6);
    c.reply.integer(entry.id);
    c.reply.integer(entry.atSeconds);
    c.reply.integer(entry.value);
    c.reply.array(entry.args.length);
    for (const arg of entry.args) c.reply.bulkString(arg);
    c.reply.bulkString(entry.address);
    c.reply.bulkString(entry.clientName);
  }
}

function slowlogGet(server: Server, c: Call): void {
  if (c.req.argc > 3) throw badSubcommand('SLOWLOG', c.string(1));
  get(server, c, 'slow', c.req.argc === 3);
}

function reset(server: Server, c: Call, kind: CommandLogKind): void {
  server.commandLog.reset(kind);
  c.reply.ok();
}

const SLOWLOG_HELP = [
  'SLOWLOG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'GET [<count>]', '    Return top <count> entries from the slowlog (default: 10, -1 mean all).', '    Entries are made of:',
  '    id, timestamp, time in microseconds, arguments array, client IP and port,', '    client name',
  'LEN', '    Return the length of the slowlog.',
  'RESET', '    Reset the slowlog.',
  'HELP', '    Prints this help.',
];

const COMMANDLOG_HELP = [
  'COMMANDLOG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'GET <count> <type>', '    Return top <count> entries of the specified <type> from the commandlog (-1 mean all).', '    Entries are made of:',
  '    id, timestamp,', '        time in microseconds for type of slow,', '        or size in bytes for type of large-request,',
  '        or size in bytes for type of large-reply', '    arguments array, client IP and port,', '    client name',
  'LEN <type>', '    Return the length of the specified type of commandlog.',
  'RESET <type>', '    Reset the specified type of commandlog.',
  'HELP', '    Prints this help.',
];

const group = 'server';
const flags = 'admin loading stale';
const GET_TIPS = ['request_policy:all_nodes', 'nondeterministic_output'];
const LEN_TIPS = ['request_policy:all_nodes', 'response_policy:agg_sum', 'nondeterministic_output'];
const RESET_TIPS = ['request_policy:all_nodes', 'response_policy:all_succeeded'];

function slowlogCommand(server: Server): Command {
  const row = { flags, group, since: '2.2.12' } as const;
  return command({
    ...row, name: 'slowlog', arity: -2, flags: '',
    subcommands: [
      command({ ...row, name: 'slowlog|get', arity: -2, tips: GET_TIPS, run: (c) => slowlogGet(server, c) }),
      command({ ...row, name: 'slowlog|len', arity: 2, tips: LEN_TIPS, run: (c) => c.reply.integer(server.commandLog.list('slow').length) }),
      command({ ...row, name: 'slowlog|reset', arity: 2, tips: RESET_TIPS, run: (c) => reset(server, c, 'slow') }),
      command({ ...row, name: 'slowlog|help', arity: 2, flags: 'loading stale', since: '6.2.0', run: helpHandler(SLOWLOG_HELP) }),
    ],
  });
}

function commandlogCommand(server: Server): Command {
  const row = { flags, group, since: '8.1.0' } as const;
  return command({
    ...row, name: 'commandlog', arity: -2, flags: '',
    subcommands: [
      command({ ...row, name: 'commandlog|get', arity: 4, tips: GET_TIPS, run: (c) => get(server, c, kindArgument(c, 3), true) }),
      command({
        ...row, name: 'commandlog|len', arity: 3, tips: LEN_TIPS, run: (c) => c.reply.integer(server.commandLog.list(kindArgument(c, 2)).length),
      }),
      command({ ...row, name: 'commandlog|reset', arity: 3, tips: RESET_TIPS, run: (c) => reset(server, c, kindArgument(c, 2)) }),
      command({ ...row, name: 'commandlog|help', arity: 2, flags: 'loading stale', run: helpHandler(COMMANDLOG_HELP) }),
    ],
  });
}

export function commandLogCommands(server: Server): readonly Command[] {
  return [slowlogCommand(server), commandlogCommand(server)];
}
