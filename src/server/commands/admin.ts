/** TIME, SHUTDOWN, MONITOR, LOLWUT: what operators and tools ask of a server. */
import type { Call } from '../../engine/call.ts';
import { type Command, command } from '../../engine/command.ts';
import { SYNTAX } from '../../engine/error-texts.ts';
import { CommandError } from '../../shared/errors.ts';
import type { Server } from '../server.ts';
import { PROGRAM_VERSION, REDIS_VERSION } from '../version.ts';
import { connectionOf } from './connection.ts';

/** Within a script or a transaction time stands still: all of it happens at once. */
function time(c: Call): void {
  const now = performance.timeOrigin + (c.canBlock ? performance.now() : c.engine.begunUs / 1000);
  c.reply.array(2);
  c.reply.bulkString(String(Math.floor(now / 1000)));
  c.reply.bulkString(String(Math.floor((now % 1000) * 1000)));
}

/**
 * SAVE, NOSAVE, NOW and FORCE make no difference: what was acknowledged is in the log, and there is no replica to wait for
 * whose absence could be overridden. There is never a shutdown under way that ABORT could stop.
 */
function shutdown(server: Server, c: Call): void {
  const { req } = c;
  let save = false;
  let noSave = false;
  let abort = false;
  let other = false;
  for (let i = 1; i < req.argc; i++) {
    if (req.is(i, 'SAVE')) save = true;
    else if (req.is(i, 'NOSAVE')) noSave = true;
    else if (req.is(i, 'ABORT')) abort = true;
    else if (req.is(i, 'NOW') || req.is(i, 'FORCE')) other = true;
    else throw SYNTAX;
  }
  if ((save && noSave) || (abort && (save || noSave || other))) throw SYNTAX;
  if (abort) throw new CommandError('ERR No shutdown in progress.');
  // Redis answers with the end of the connection.
  connectionOf(server, c).replyMode = 'off';
  server.onShutdown();
  c.reply.ok();
}

/** LOLWUT [VERSION v [argument …]]: there is one picture, whatever the version. Tools look for the line with Redis's version. */
function lolwut(c: Call): void {
  if (c.req.argc > 2 && c.req.is(1, 'VERSION')) for (let i = 2; i < c.req.argc; i++) c.integer(i);
  c.reply.verbatim('txt', `${ANCHOR}\nHoldfast ver. ${PROGRAM_VERSION}\nRedis ver. ${REDIS_VERSION}\n`);
}

function monitor(server: Server, c: Call): void {
  if (!c.canBlock) throw new CommandError("ERR MONITOR isn't allowed for DENY BLOCKING client");
  server.monitors.add(connectionOf(server, c));
  c.reply.ok();
}

const ANCHOR = '      |\n   ___|___   What is acknowledged holds fast.\n      |\n \\    |    /\n  \\___|___/';

export function adminCommands(server: Server): readonly Command[] {
  const group = 'server';
  return [
    command({ name: 'time', arity: 1, flags: 'loading stale fast', group, since: '2.6.0', tips: ['nondeterministic_output'], run: time }),
    command({ name: 'shutdown', arity: -1, flags: 'admin noscript loading stale no_multi allow_busy', group, since: '1.0.0', run: (c) => shutdown(server, c) }),
    command({ name: 'monitor', arity: 1, flags: 'admin noscript loading stale', group, since: '1.0.0', run: (c) => monitor(server, c) }),
    command({ name: 'lolwut', arity: -1, flags: 'readonly fast', group, since: '5.0.0', run: lolwut }),
  ];
}
