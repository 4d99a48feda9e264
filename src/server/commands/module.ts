/** MODULE: there are none, and none is loaded. It refuses as a Redis does that was not told to allow it. */
import type { Call } from '../../engine/call.ts';
import { type Command, command } from '../../engine/command.ts';
import { CommandError } from '../../shared/errors.ts';
import { helpHandler } from './help.ts';

const NOT_ALLOWED = new CommandError('ERR MODULE command not allowed. If the enable-module-command option is set to "local", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.');

function refuse(): never {
  throw NOT_ALLOWED;
}

function list(c: Call): void {
  c.reply.array(0);
}

const HELP = [
  'MODULE <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'LIST', '    Return a list of loaded modules.',
  'LOAD <path> [<arg> ...]', '    Load a module library from <path>, passing to it any optional arguments.',
  'LOADEX <path> [[CONFIG NAME VALUE]...] [ARGS ...]', '    Load a module library from <path>, while passing it module configurations and optional arguments.',
  'UNLOAD <name>', '    Unload a module.',
  'HELP', '    Prints this help.',
];

const row = { group: 'server', since: '4.0.0', flags: 'admin noscript no_async_loading protected' } as const;

export const moduleCommand: Command = command({
  ...row, name: 'module', arity: -2, flags: '',
  subcommands: [
    command({ ...row, name: 'module|list', arity: 2, flags: 'admin noscript', tips: ['nondeterministic_output_order'], run: list }),
    command({ ...row, name: 'module|load', arity: -3, run: refuse }),
    command({ ...row, name: 'module|loadex', arity: -3, since: '7.0.0', run: refuse }),
    command({ ...row, name: 'module|unload', arity: 3, run: refuse }),
    command({ ...row, name: 'module|help', arity: 2, flags: 'loading stale', since: '5.0.0', run: helpHandler(HELP) }),
  ],
});
