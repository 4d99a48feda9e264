/** FCALL, FCALL_RO, FUNCTION and its subcommands but DUMP and RESTORE. */
import type { Call } from '../../engine/call.ts';
import { type Command, command, keysCounted } from '../../engine/command.ts';
import { helpHandler } from '../../engine/commands/help.ts';
import { OUT_OF_MEMORY, badSubcommand } from '../../engine/error-texts.ts';
import { FUNCTION_EFFECT, readLibraryHeader } from '../../engine/function-libraries.ts';
import { CommandError } from '../../shared/errors.ts';
import { globMatch } from '../../shared/glob.ts';
import type { FunctionRegistry } from '../function-registry.ts';
import { BUSY_SCRIPT, type ScriptHost, WRITES_IN_RO, WRITES_ON_REPLICA } from '../script-host.ts';
import { SCRIPT_FLAG_NAMES, ScriptFlag } from '../script-run.ts';
import { FUNCTION_HELP } from './function-help.ts';
import { functionDumpCommands } from './function-dump.ts';
import { flushLibraries, loadEffect } from './function-effects.ts';

const NOT_FOUND = new CommandError('ERR Function not found');
const NO_LIBRARY = new CommandError('ERR Library not found');
const BAD_KEYS = new CommandError('ERR Bad number of keys provided');

function call(host: ScriptHost, registry: FunctionRegistry, c: Call, readOnly: boolean): void {
  c.engine.functions.look();
  const found = registry.get(c.string(1));
  if (found === undefined) throw NOT_FOUND;
  const { library, registered } = found;
  const { keys, args } = host.keysOf(c, BAD_KEYS);
  const mayWrite = (registered.flags & ScriptFlag.noWrites) === 0;
  if (mayWrite && c.engine.keyspace.isReadOnly && !c.session.fromSource) throw WRITES_ON_REPLICA;
  if (mayWrite && readOnly) throw WRITES_IN_RO;
  if (mayWrite && c.engine.eviction.isFull && (registered.flags & ScriptFlag.allowOom) === 0) throw OUT_OF_MEMORY;
  host.run(c, true, registered.name, registered.flags, { runtime: library.runtime, fn: registered.fn }, keys, args);
}

function load(registry: FunctionRegistry, c: Call): void {
  const last = c.req.argc - 1;
  let replace = false;
  for (let i = 2; i < last; i++) {
    if (!c.req.is(i, 'REPLACE')) throw new CommandError(`ERR Unknown option given: ${c.string(i)}`);
    replace = true;
  }
  const source = c.string(last);
  const { name, engine } = readLibraryHeader(source);
  if (engine.toLowerCase() !== 'lua') throw new CommandError(`ERR Engine '${engine}' not found`);
  if (!replace && c.engine.functions.get(name) !== undefined) throw new CommandError(`ERR Library '${name}' already exists`);
  const library = registry.compile(source);
  registry.checkCollisions(library, replace);
  registry.adopt(library);
  loadEffect(c, library);
  c.reply.bulkString(name);
}

function remove(c: Call): void {
  const name = c.string(2);
  if (!c.engine.functions.delete(name)) throw NO_LIBRARY;
  c.engine.functions.mark();
  c.effect(FUNCTION_EFFECT, 3);
  c.effectText('DELETE');
  c.effectText(name);
  c.reply.ok();
}

function flush(c: Call): void {
  if (c.req.argc > 3) throw badSubcommand('FUNCTION', c.string(1));
  if (c.req.argc === 3 && !c.req.is(2, 'SYNC') && !c.req.is(2, 'ASYNC')) {
    throw new CommandError('ERR FUNCTION FLUSH only supports SYNC|ASYNC option');
  }
  flushLibraries(c);
  c.reply.ok();
}

function list(registry: FunctionRegistry, c: Call): void {
  const { req, reply } = c;
  let withCode = false;
  let pattern: string | null = null;
  for (let i = 2; i < req.argc; i++) {
    if (!withCode && req.is(i, 'WITHCODE')) withCode = true;
    else if (pattern === null && req.is(i, 'LIBRARYNAME')) {
      if (i + 1 >= req.argc) throw new CommandError('ERR library name argument was not given');
      pattern = req.string(++i);
    } else throw new CommandError(`ERR Unknown argument ${req.string(i)}`);
  }
  c.engine.functions.look();
  const shown = [...registry.libraries()].filter(({ name }) => pattern === null || globMatch(pattern, name, true));
  reply.array(shown.length);
  for (const library of shown) {
    reply.map(withCode ? 4 : 3);
    reply.bulkString('library_name');
    reply.bulkString(library.name);
    reply.bulkString('engine');
    reply.bulkString('LUA');
    reply.bulkString('functions');
    reply.array(library.functions.size);
    for (const { name, description, flags } of library.functions.values()) {
      reply.map(3);
      reply.bulkString('name');
      reply.bulkString(name);
      reply.bulkString('description');
      if (description === null) reply.null();
      else reply.bulkString(description);
      reply.bulkString('flags');
      const names = SCRIPT_FLAG_NAMES.filter(([, flag]) => (flags & flag) !== 0);
      reply.set(names.length);
      for (const [text] of names) reply.status(text);
    }
    if (!withCode) continue;
    reply.bulkString('library_code');
    reply.bulkString(library.source);
  }
}

function stats(host: ScriptHost, registry: FunctionRegistry, c: Call): void {
  const { reply } = c;
  const { current } = host;
  if (current !== null && !current.isFunction) throw BUSY_SCRIPT;
  c.engine.functions.look();
  reply.map(2);
  reply.bulkString('running_script');
  if (current === null) reply.null();
  else {
    reply.map(3);
    reply.bulkString('name');
    reply.bulkString(current.name);
    reply.bulkString('command');
    reply.array(current.request.argc);
    for (let i = 0; i < current.request.argc; i++) reply.bulkString(current.request.string(i));
    reply.bulkString('duration_ms');
    reply.integer(Math.floor(host.options.clockMs() - current.startedAtMs));
  }
  reply.bulkString('engines');
  reply.map(1);
  reply.bulkString('LUA');
  reply.map(2);
  reply.bulkString('libraries_count');
  reply.integer(c.engine.functions.size);
  reply.bulkString('functions_count');
  reply.integer(registry.functionCount);
}

export function functionCommands(host: ScriptHost, registry: FunctionRegistry): readonly Command[] {
  const group = 'scripting';
  const since = '7.0.0';
  const row = { arity: -3, group, since } as const;
  const everywhere = ['request_policy:all_shards', 'response_policy:all_succeeded'];
  const flags = 'noscript skip_monitor may_replicate no_mandatory_keys stale';
  return [
    command({ ...row, name: 'fcall', flags, keys: [keysCounted(2, 'RW access update')], run: (c) => call(host, registry, c, false) }),
    command({
      ...row, name: 'fcall_ro', flags: 'noscript skip_monitor no_mandatory_keys stale readonly', keys: [keysCounted(2, 'RO access')],
      run: (c) => call(host, registry, c, true),
    }),
    command({
      name: 'function', arity: -2, flags: '', group, since,
      subcommands: [
        command({ ...row, name: 'function|load', flags: 'write denyoom noscript', tips: everywhere, run: (c) => load(registry, c) }),
        command({ name: 'function|delete', arity: 3, flags: 'write noscript', group, since, tips: everywhere, run: remove }),
        command({ name: 'function|flush', arity: -2, flags: 'write noscript', group, since, tips: everywhere, run: flush }),
        command({ name: 'function|list', arity: -2, flags: 'noscript', group, since, tips: ['nondeterministic_output_order'], run: (c) => list(registry, c) }),
        command({
          name: 'function|stats', arity: 2, flags: 'noscript allow_busy', group, since,
          tips: ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'], run: (c) => stats(host, registry, c),
        }),
        command({
          name: 'function|kill', arity: 2, flags: 'noscript allow_busy', group, since, tips: ['request_policy:all_shards', 'response_policy:one_succeeded'],
          run: (c) => {
            host.kill(true);
            c.reply.ok();
          },
        }),
        ...functionDumpCommands(registry),
        command({ name: 'function|help', arity: 2, flags: 'loading stale', group, since, run: helpHandler(FUNCTION_HELP) }),
      ],
    }),
  ];
}
