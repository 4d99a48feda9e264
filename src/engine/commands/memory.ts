/** MEMORY, as far as the engine alone can answer. The server adds STATS and PURGE and owns the container. */
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import { SYNTAX } from '../error-texts.ts';
import { helpHandler } from './help.ts';

/** Elements of a collection that MEMORY USAGE looks at unless told otherwise, as in Redis. */
const SAMPLES_DEFAULT = 5;
/** Below this MEMORY DOCTOR has nothing to judge by. */
const DOCTOR_BYTES_MIN = 5 * 1024 * 1024;
/** Touched bytes to live bytes from which on the arena is called scattered. */
const DOCTOR_RATIO_MAX = 1.5;

/** Bytes of an entry and its value, of which about `samples` elements are looked at (0: all). */
export function memoryBytesOf(c: Call, ref: Ref, samples: number): number {
  const { keyspace, types } = c.engine;
  const value = types.collection(keyspace.entries.type(ref))?.memoryBytes(ref, samples) ?? 0;
  return keyspace.arena.cellBytes(ref) + value;
}

function usage(c: Call): void {
  const { req } = c;
  let samples = SAMPLES_DEFAULT;
  for (let i = 3; i < req.argc; i++) {
    if (!req.is(i, 'SAMPLES') || i + 1 >= req.argc) throw SYNTAX;
    samples = c.integer(++i);
    if (samples < 0) throw SYNTAX;
  }
  const ref = c.db.peek(req.buf, req.off[2]!, req.len[2]!);
  if (ref === 0) c.reply.null();
  else c.reply.integer(memoryBytesOf(c, ref, samples));
}

/** How much the databases hold is news of writes that may not be committed yet. */
function awaitAll(c: Call): void {
  const { keyspace } = c.engine;
  for (const db of keyspace.databases) keyspace.hazards.checkDb(db.number);
}

function doctor(c: Call): void {
  awaitAll(c);
  const { arena } = c.engine.keyspace;
  const ratio = arena.touchedBytes / Math.max(1, arena.liveBytes);
  let text: string;
  if (arena.liveBytes < DOCTOR_BYTES_MIN) {
    text = 'This instance is empty or uses very little memory: too little to find anything wrong with.\n';
  } else if (ratio > DOCTOR_RATIO_MAX) {
    text = `The data takes ${ratio.toFixed(2)} times the memory that it needs: it was larger once, or much was deleted. `
      + 'It is being moved together in the background; MEMORY PURGE does so at once.\n';
  } else text = 'No memory problems were found.\n';
  c.reply.verbatim('txt', text);
}

function mallocStats(c: Call): void {
  awaitAll(c);
  const { arena, compactor } = c.engine.keyspace;
  c.reply.verbatim('txt', [
    'allocator: arena',
    `live_cells: ${arena.liveCells}`,
    `live_bytes: ${arena.liveBytes}`,
    `used_bytes: ${arena.usedBytes}`,
    `touched_bytes: ${arena.touchedBytes}`,
    `moved_cells: ${compactor.moved}`,
    '',
  ].join('\n'));
}

const HELP = [
  'MEMORY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'DOCTOR',
  '    Return memory problems reports.',
  'MALLOC-STATS',
  '    Return internal statistics report from the memory allocator.',
  'PURGE',
  '    Move what is scattered together and give memory back.',
  'STATS',
  '    Return information about the memory usage of the server.',
  'USAGE <key> [SAMPLES <count>]',
  '    Return memory in bytes used by <key> and its value. Nested values are',
  '    sampled up to <count> times (default: 5, 0 means sample all).',
  'HELP',
  '    Prints this help.',
];

const ROW = { group: 'server', since: '4.0.0' } as const;
const SHARDS = ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'];

/** Subcommands of MEMORY that need nothing but the engine. */
export const memorySubcommands: readonly Command[] = [
  command({ ...ROW, name: 'memory|usage', arity: -3, flags: 'readonly', keys: [keysAt(2, 'RO')], run: usage }),
  command({ ...ROW, name: 'memory|doctor', arity: 2, flags: '', tips: SHARDS, run: doctor }),
  command({ ...ROW, name: 'memory|malloc-stats', arity: 2, flags: '', tips: SHARDS, run: mallocStats }),
  command({ ...ROW, name: 'memory|help', arity: 2, flags: 'loading stale', run: helpHandler(HELP) }),
];
