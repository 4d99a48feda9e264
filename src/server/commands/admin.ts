/** TIME, SHUTDOWN, ROLE, LOLWUT: what operators and tools ask of a server. */
import type { Call } from '../../engine/call.ts';
import { type Command, command } from '../../engine/command.ts';
import { SYNTAX } from '../../engine/error-texts.ts';
import { CommandError } from '../../shared/errors.ts';
import type { Server } from '../server.ts';
import { PROGRAM_VERSION } from '../version.ts';
import { connectionOf } from './connection.ts';

function time(c: Call): void {
  const now = performance.timeOrigin + performance.now();
  c.reply.array(2);
  c.reply.bulkString(String(Math.floor(now / 1000)));
  c.reply.bulkString(String(Math.floor((now % 1000) * 1000)));
}

function shutdown(server: Server, c: Call): void {
  for (let i = 1; i < c.req.argc; i++) {
    if (c.req.is(i, 'ABORT')) throw new CommandError('ERR No shutdown in progress.');
    if (!['NOSAVE', 'SAVE', 'NOW', 'FORCE'].some((word) => c.req.is(i, word))) throw SYNTAX;
  }
  // Redis answers with the end of the connection.
  connectionOf(server, c).replyMode = 'off';
  server.onShutdown();
  c.reply.ok();
}

function role(server: Server, c: Call): void {
  c.reply.array(3);
  c.reply.bulkString('master');
  c.reply.integer(server.txlog.commitIndex);
  c.reply.array(0);
}

export function adminCommands(server: Server): readonly Command[] {
  const group = 'server';
  return [
    command({ name: 'time', arity: 1, flags: 'loading stale fast', group, since: '2.6.0', tips: ['nondeterministic_output'], run: time }),
    command({ name: 'role', arity: 1, flags: 'noscript loading stale fast', group, since: '2.8.12', categories: 'admin dangerous', run: (c) => role(server, c) }),
    command({ name: 'shutdown', arity: -1, flags: 'admin noscript loading stale no_multi allow_busy', group, since: '1.0.0', run: (c) => shutdown(server, c) }),
    command({
      name: 'lolwut', arity: -1, flags: 'readonly fast', group, since: '5.0.0',
      run: (c) => c.reply.verbatim('txt', `      |\n   ___|___   What is acknowledged holds fast.\n      |\n \\    |    /\n  \\___|___/\nHoldfast ver. ${PROGRAM_VERSION}\n`),
    }),
  ];
}
