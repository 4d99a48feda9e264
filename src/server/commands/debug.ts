/** DEBUG: the engine's subcommands behind the rule of who may use them, and those that need the process. */
import type { Call } from '../../engine/call.ts';
import { type Command, type Handler, command } from '../../engine/command.ts';
import { DEBUG_HELP, debugSubcommands } from '../../engine/commands/debug.ts';
import { reload } from '../../engine/rdb/reload.ts';
import { CommandError } from '../../shared/errors.ts';
import type { Server } from '../server.ts';
import { helpHandler } from './help.ts';

const NOT_ALLOWED = new CommandError('ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.');

function sleep(c: Call): void {
  // Blocks the whole process on purpose: that is what the command is for.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, c.double(2) * 1000);
  c.reply.ok();
}

/**
 * RELOAD [MERGE] [NOFLUSH], and LOADAOF, which amounts to the same where there is no append-only file. What was just saved and is
 * merged into itself is the same as what is loaded in its place. NOSAVE would have other data than the log's.
 */
function reloadData(c: Call): void {
  const options = new Set<string>();
  for (let i = 2; i < c.req.argc; i++) options.add(c.req.string(i).toLowerCase());
  if (options.has('nosave')) throw new CommandError('ERR DEBUG RELOAD NOSAVE is not possible: this process has no RDB file beside its log');
  for (const option of options) if (option !== 'merge' && option !== 'noflush') throw new CommandError('ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.');
  const { keyspace, functions } = c.engine;
  const isEmpty = functions.size === 0 && keyspace.databases.every((db) => db.size === 0);
  if (options.has('noflush') && !options.has('merge') && !isEmpty) throw new CommandError('ERR Error trying to load the RDB dump, check server logs.');
  reload(c.engine);
  c.reply.ok();
}

function pauseCron(server: Server, c: Call): void {
  server.cronPaused = c.integer(2) !== 0;
  c.reply.ok();
}

const HELP = [
  'DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  ...DEBUG_HELP,
  'RELOAD [MERGE] [NOFLUSH]',
  '    Save the data in RDB format and load it again in its place.',
  'LOADAOF',
  '    As RELOAD: there is no append-only file.',
  'PAUSE-CRON <0|1>',
  '    Stop the work in the background, or let it go on.',
  'SLEEP <seconds>',
  '    Stop the server for <seconds>. Decimals allowed.',
  'HELP',
  '    Prints this help.',
];

export function debugCommand(server: Server): Command {
  const guard = (run: Handler): Handler => (c) => {
    if (server.config.string('enable-debug-command') === 'no') throw NOT_ALLOWED;
    run(c);
  };
  const row = { flags: 'admin noscript loading stale protected', group: 'server', since: '1.0.0' } as const;
  return command({
    ...row, name: 'debug', arity: -2,
    subcommands: [
      ...debugSubcommands(guard),
      command({ ...row, name: 'debug|reload', arity: -2, run: guard(reloadData) }),
      command({ ...row, name: 'debug|loadaof', arity: 2, run: guard(reloadData) }),
      command({ ...row, name: 'debug|pause-cron', arity: 3, run: guard((c) => pauseCron(server, c)) }),
      command({ ...row, name: 'debug|sleep', arity: 3, run: guard(sleep) }),
      command({ ...row, name: 'debug|help', arity: 2, run: guard(helpHandler(HELP)) }),
    ],
  });
}
