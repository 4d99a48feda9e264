/** SLOWLOG: the commands that took longest lately. */
import type { Call } from '../../engine/call.ts';
import { type Command, command } from '../../engine/command.ts';
import { CommandError } from '../../shared/errors.ts';
import type { Server } from '../server.ts';
import { helpHandler } from './help.ts';

const COUNT_DEFAULT = 10;
const BAD_COUNT = new CommandError('ERR count should be greater than or equal to -1');

function get(server: Server, c: Call): void {
  const { log } = server.slow;
  const count = c.req.argc === 3 ? c.integer(2, BAD_COUNT) : COUNT_DEFAULT;
  if (count < -1) throw BAD_COUNT;
  const entries = count === -1 ? log : log.slice(0, count);
  c.reply.array(entries.length);
  for (const entry of entries) {
    c.reply.array(6);
    c.reply.integer(entry.id);
    c.reply.integer(entry.atSeconds);
    c.reply.integer(entry.microseconds);
    c.reply.array(entry.args.length);
    for (const arg of entry.args) c.reply.bulkString(arg);
    c.reply.bulkString(entry.address);
    c.reply.bulkString(entry.clientName);
  }
}

const HELP = [
  'SLOWLOG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'GET [<count>]', '    Return top <count> entries from the slowlog (default: 10, -1 mean all).', '    Entries are made of:',
  '    id, timestamp, time in microseconds, arguments array, client IP and port,', '    client name',
  'LEN', '    Return the length of the slowlog.',
  'RESET', '    Reset the slowlog.',
  'HELP', '    Prints this help.',
];

export function slowlogCommand(server: Server): Command {
  const group = 'server';
  const flags = 'admin loading stale';
  return command({
    name: 'slowlog', arity: -2, flags: '', group, since: '2.2.12',
    subcommands: [
      command({ name: 'slowlog|get', arity: -2, flags, group, since: '2.2.12', tips: ['request_policy:all_nodes', 'nondeterministic_output'], run: (c) => get(server, c) }),
      command({
        name: 'slowlog|len', arity: 2, flags, group, since: '2.2.12', tips: ['request_policy:all_nodes', 'response_policy:agg_sum', 'nondeterministic_output'],
        run: (c) => c.reply.integer(server.slow.log.length),
      }),
      command({
        name: 'slowlog|reset', arity: 2, flags, group, since: '2.2.12', tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
        run: (c) => {
          server.slow.log.length = 0;
          c.reply.ok();
        },
      }),
      command({ name: 'slowlog|help', arity: 2, flags: 'loading stale', group, since: '6.2.0', run: helpHandler(HELP) }),
    ],
  });
}
