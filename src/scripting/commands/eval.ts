/** EVAL, EVALSHA, their read-only forms, and SCRIPT. */
import type { Call } from '../../engine/call.ts';
import { type Command, command, keysCounted } from '../../engine/command.ts';
import { helpHandler } from '../../engine/commands/help.ts';
import { OUT_OF_MEMORY } from '../../engine/error-texts.ts';
import { CommandError } from '../../shared/errors.ts';
import type { EvalScripts, Script } from '../eval-scripts.ts';
import { recentString } from '../recent-strings.ts';
import { type ScriptHost, WRITES_IN_RO, WRITES_ON_REPLICA } from '../script-host.ts';
import { ScriptFlag } from '../script-run.ts';

const NO_SCRIPT = new CommandError('NOSCRIPT No matching script. Please use EVAL.');
const SHA_CHARS = 40;

const HELP = [
  'SCRIPT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'DEBUG (YES|SYNC|NO)',
  '    Set the debug mode for subsequent scripts executed.',
  'EXISTS <sha1> [<sha1> ...]',
  '    Return information about the existence of the scripts in the script cache.',
  'FLUSH [ASYNC|SYNC]',
  '    Flush the Lua scripts cache. Very dangerous on replicas.',
  '    When called without the optional mode argument, the behavior is determined by the',
  '    lazyfree-lazy-user-flush configuration directive. Valid modes are:',
  '    * ASYNC: Asynchronously flush the scripts cache.',
  '    * SYNC: Synchronously flush the scripts cache.',
  'KILL',
  '    Kill the currently executing Lua script.',
  'LOAD <script>',
  '    Load a script into the scripts cache without executing it.',
  'SHOW <sha1>',
  '    Show a script from the scripts cache.',
  'HELP',
  '    Prints this help.',
];

export function evalCommands(host: ScriptHost, scripts: EvalScripts): readonly Command[] {
  const bySha = (c: Call): Script => {
    const sha = recentString(c.req.buf, c.req.off[1]!, SHA_CHARS);
    const script = scripts.get(sha) ?? scripts.get(sha.toLowerCase());
    if (script === undefined) throw NO_SCRIPT;
    scripts.touch(script);
    return script;
  };
  const run = (c: Call, byBody: boolean, readOnly: boolean): void => {
    // As in Redis, what cannot be a digest is refused before the keys are looked at.
    if (!byBody && c.req.len[1] !== SHA_CHARS) throw NO_SCRIPT;
    const { keys, args } = host.keysOf(c);
    const script = byBody ? scripts.use(c.string(1)) : bySha(c);
    const mayWrite = script.flags === null || (script.flags & ScriptFlag.noWrites) === 0;
    if (script.flags !== null && mayWrite) {
      if (c.engine.keyspace.isReadOnly && !c.session.fromSource) throw WRITES_ON_REPLICA;
      if (readOnly) throw WRITES_IN_RO;
      if (c.engine.eviction.isFull && (script.flags & ScriptFlag.allowOom) === 0) throw OUT_OF_MEMORY;
    }
    host.run(c, false, script.sha, (script.flags ?? 0) | (readOnly ? ScriptFlag.noWrites : 0), script, keys, args);
  };
  const group = 'scripting';
  const row = { arity: -3, group, keys: [keysCounted(2, 'RW access update')] } as const;
  const readOnlyRow = { arity: -3, group, keys: [keysCounted(2, 'RO access')] } as const;
  const flags = 'noscript skip_monitor may_replicate no_mandatory_keys stale';
  const readOnlyFlags = 'noscript skip_monitor no_mandatory_keys stale readonly';
  return [
    command({ ...row, name: 'eval', flags, since: '2.6.0', run: (c) => run(c, true, false) }),
    command({ ...row, name: 'evalsha', flags, since: '2.6.0', run: (c) => run(c, false, false) }),
    command({ ...readOnlyRow, name: 'eval_ro', flags: readOnlyFlags, since: '7.0.0', run: (c) => run(c, true, true) }),
    command({ ...readOnlyRow, name: 'evalsha_ro', flags: readOnlyFlags, since: '7.0.0', run: (c) => run(c, false, true) }),
    scriptCommand(host, scripts),
  ];
}

function flush(scripts: EvalScripts, c: Call): void {
  if (c.req.argc > 3 || (c.req.argc === 3 && !c.req.is(2, 'SYNC') && !c.req.is(2, 'ASYNC'))) {
    throw new CommandError('ERR SCRIPT FLUSH only support SYNC|ASYNC option');
  }
  scripts.clear();
  c.reply.ok();
}

// There is no debugger: the modes are taken, and scripts run as they are.
function debug(c: Call): void {
  if (!['YES', 'SYNC', 'NO'].some((mode) => c.req.is(2, mode))) throw new CommandError('ERR Use SCRIPT DEBUG YES/SYNC/NO');
  c.reply.ok();
}

function scriptCommand(host: ScriptHost, scripts: EvalScripts): Command {
  const group = 'scripting';
  return command({
    name: 'script', arity: -2, flags: '', group, since: '2.6.0',
    subcommands: [
      command({ name: 'script|debug', arity: 3, flags: 'noscript', group, since: '3.2.0', run: debug }),
      command({
        name: 'script|exists', arity: -3, flags: 'noscript', group, since: '2.6.0', tips: ['request_policy:all_shards', 'response_policy:agg_logical_and'],
        run: (c) => {
          c.reply.array(c.req.argc - 2);
          for (let i = 2; i < c.req.argc; i++) c.reply.integer(scripts.get(c.string(i).toLowerCase()) === undefined ? 0 : 1);
        },
      }),
      command({
        name: 'script|flush', arity: -2, flags: 'noscript', group, since: '2.6.0', tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
        run: (c) => flush(scripts, c),
      }),
      command({
        name: 'script|kill', arity: 2, flags: 'noscript allow_busy', group, since: '2.6.0', tips: ['request_policy:all_shards', 'response_policy:one_succeeded'],
        run: (c) => {
          host.kill(false);
          c.reply.ok();
        },
      }),
      command({
        name: 'script|load', arity: 3, flags: 'noscript stale', group, since: '2.6.0', tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
        run: (c) => {
          const { session } = c;
          const isOfEval = session.scriptsOfEval > 0;
          if (isOfEval) session.scriptsOfEval--;
          c.reply.bulkString((isOfEval ? scripts.use(c.string(2)) : scripts.load(c.string(2))).sha);
        },
      }),
      command({
        name: 'script|show', arity: 3, flags: 'noscript', group, since: '8.0.0',
        run: (c) => {
          const script = scripts.get(c.string(2));
          if (script === undefined) throw NO_SCRIPT;
          c.reply.bulkString(script.body);
        },
      }),
      command({ name: 'script|help', arity: 2, flags: 'loading stale', group, since: '5.0.0', run: helpHandler(HELP) }),
    ],
  });
}
