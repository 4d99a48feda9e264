/** TIME, SHUTDOWN, ROLE, MEMORY, DEBUG, LOLWUT: what operators and tools ask of a server. */
import type { Call } from '../../engine/call.ts';
import { type Command, type Handler, command, keysAt } from '../../engine/command.ts';
import { NO_SUCH_KEY, SYNTAX } from '../../engine/error-texts.ts';
import { CommandError } from '../../shared/errors.ts';
import type { Server } from '../server.ts';
import { PROGRAM_VERSION } from '../version.ts';
import { connectionOf } from './connection.ts';
import { helpHandler } from './help.ts';
import { usedMemory } from './info.ts';

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

/** Bytes of an entry and its value, of which `samples` elements are looked at (0: all). */
function bytesOf(c: Call, ref: number, samples: number): number {
  const { keyspace, types } = c.engine;
  const value = types.collection(keyspace.entries.type(ref))?.memoryBytes(ref, samples) ?? 0;
  return keyspace.arena.cellBytes(ref) + value;
}

const SAMPLES_DEFAULT = 5;

function memoryUsage(c: Call): void {
  if (c.req.argc !== 3 && !(c.req.argc === 5 && c.req.is(3, 'SAMPLES') && c.integer(4) >= 0)) throw SYNTAX;
  const { req } = c;
  const ref = c.db.peek(req.buf, req.off[2]!, req.len[2]!);
  if (ref === 0) c.reply.null();
  else c.reply.integer(bytesOf(c, ref, req.argc === 5 ? c.integer(4) : SAMPLES_DEFAULT));
}

function memoryStats(server: Server, c: Call): void {
  const { arena } = c.engine.keyspace;
  const fields: [string, number][] = [
    ['peak.allocated', arena.touchedBytes], ['total.allocated', usedMemory(server)], ['startup.allocated', 0],
    ['keys.count', c.engine.keyspace.size], ['dataset.bytes', arena.liveBytes], ['arena.live', arena.liveBytes], ['arena.used', arena.usedBytes],
    ['arena.touched', arena.touchedBytes], ['allocator.resident', server.rssBytes()],
  ];
  for (const db of c.engine.keyspace.databases) c.engine.keyspace.hazards.checkDb(db.number);
  c.reply.map(fields.length);
  for (const [name, value] of fields) {
    c.reply.bulkString(name);
    c.reply.integer(value);
  }
}

function memoryPurge(c: Call): void {
  while (c.engine.keyspace.compactor.step(4096));
  c.reply.ok();
}

function sleep(c: Call): void {
  // Blocks the whole process on purpose: that is what the command is for.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, c.double(2) * 1000);
  c.reply.ok();
}

function setActiveExpire(c: Call): void {
  c.engine.keyspace.activeExpire = c.integer(2) !== 0;
  c.reply.ok();
}

function debugObject(c: Call): void {
  const { req, engine } = c;
  const ref = c.db.peek(req.buf, req.off[2]!, req.len[2]!);
  if (ref === 0) throw NO_SUCH_KEY;
  c.reply.status(`Value at:0x${(ref >>> 0).toString(16)} refcount:1 serializedlength:${bytesOf(c, ref, SAMPLES_DEFAULT)} lru:${engine.keyspace.entries.lru(ref)} lru_seconds_idle:0`);
}

const DEBUG_HELP = [
  'DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'OBJECT <key>', '    Show low level info about `key` and associated value.',
  'SLEEP <seconds>', '    Stop the server for <seconds>. Decimals allowed.',
  'SET-ACTIVE-EXPIRE <0|1>', '    Setting it to 0 disables expiring keys in background.',
  'CHECK', '    Walk the whole arena and assert that everything fits.',
  'HELP', '    Print this help.',
];

function debugCheck(c: Call): void {
  c.engine.types.check();
  c.reply.ok();
}

export function adminCommands(server: Server): readonly Command[] {
  const group = 'server';
  const debug = (name: string, arity: number, run: Handler): Command => command({
    name: `debug|${name}`, arity, flags: 'admin noscript loading stale', group, since: '1.0.0',
    run: (c) => {
      if (server.config.string('enable-debug-command') === 'no') {
        throw new CommandError('ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.');
      }
      run(c);
    },
  });
  return [
    command({ name: 'time', arity: 1, flags: 'loading stale fast', group, since: '2.6.0', tips: ['nondeterministic_output'], run: time }),
    command({ name: 'role', arity: 1, flags: 'noscript loading stale fast', group, since: '2.8.12', categories: 'admin dangerous', run: (c) => role(server, c) }),
    command({ name: 'shutdown', arity: -1, flags: 'admin noscript loading stale no_multi allow_busy', group, since: '1.0.0', run: (c) => shutdown(server, c) }),
    command({
      name: 'memory', arity: -2, flags: '', group, since: '4.0.0',
      subcommands: [
        command({ name: 'memory|usage', arity: -3, flags: 'readonly', group, since: '4.0.0', keys: [keysAt(2, 'RO')], run: memoryUsage }),
        command({ name: 'memory|stats', arity: 2, flags: '', group, since: '4.0.0', run: (c) => memoryStats(server, c) }),
        command({ name: 'memory|purge', arity: 2, flags: '', group, since: '4.0.0', run: memoryPurge }),
        command({ name: 'memory|help', arity: 2, flags: 'loading stale', group, since: '4.0.0', run: helpHandler([
          'MEMORY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:', 'PURGE', '    Move what is scattered together and give memory back.',
          'STATS', '    Return information about the memory usage of the server.', 'USAGE <key> [SAMPLES <count>]', '    Return memory in bytes used by <key> and its value.',
          'HELP', '    Print this help.',
        ]) }),
      ],
    }),
    command({
      name: 'debug', arity: -2, flags: 'admin noscript loading stale', group, since: '1.0.0',
      subcommands: [
        debug('sleep', 3, sleep), debug('set-active-expire', 3, setActiveExpire), debug('object', -3, debugObject), debug('check', 2, debugCheck),
        debug('help', 2, helpHandler(DEBUG_HELP)),
      ],
    }),
    command({
      name: 'lolwut', arity: -1, flags: 'readonly fast', group, since: '5.0.0',
      run: (c) => c.reply.verbatim('txt', `      |\n   ___|___   What is acknowledged holds fast.\n      |\n \\    |    /\n  \\___|___/\nHoldfast ver. ${PROGRAM_VERSION}\n`),
    }),
  ];
}
