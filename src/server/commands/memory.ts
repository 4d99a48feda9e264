/** MEMORY: the engine's subcommands, and those that need the server's figures. */
import type { Call } from '../../engine/call.ts';
import { type Command, command } from '../../engine/command.ts';
import { memorySubcommands } from '../../engine/commands/memory.ts';
import type { Server } from '../server.ts';
import { usedMemory } from './info.ts';

/** Cells that MEMORY PURGE moves between two looks at whether it is done. */
const PURGE_CELLS = 4096;

/** Fields by Redis's names where there is such a thing here; the arena's own besides. */
function stats(server: Server, c: Call): void {
  const { keyspace } = c.engine;
  const { arena } = keyspace;
  const used = usedMemory(server);
  const rss = server.rssBytes();
  const keys = keyspace.size;
  const data = arena.liveBytes;
  // How much there is tells of writes that may not be committed yet.
  for (const db of keyspace.databases) keyspace.hazards.checkDb(db.number);
  const integers: [string, number][] = [
    ['peak.allocated', Math.max(used, arena.touchedBytes)], ['total.allocated', used], ['startup.allocated', 0],
    ['overhead.total', used - data], ['keys.count', keys], ['keys.bytes-per-key', keys === 0 ? 0 : Math.floor(data / keys)],
    ['dataset.bytes', data], ['arena.live', data], ['arena.used', arena.usedBytes], ['arena.touched', arena.touchedBytes],
    ['allocator.allocated', data], ['allocator.active', arena.touchedBytes], ['allocator.resident', rss],
    ['allocator-fragmentation.bytes', arena.touchedBytes - data], ['rss-overhead.bytes', rss - arena.touchedBytes],
    ['fragmentation.bytes', rss - used],
  ];
  const doubles: [string, number][] = [
    ['dataset.percentage', used === 0 ? 0 : (data / used) * 100], ['peak.percentage', (used / Math.max(1, used, arena.touchedBytes)) * 100],
    ['allocator-fragmentation.ratio', arena.touchedBytes / Math.max(1, data)], ['rss-overhead.ratio', rss / Math.max(1, arena.touchedBytes)],
    ['fragmentation', rss / Math.max(1, used)],
  ];
  c.reply.map(integers.length + doubles.length);
  for (const [name, value] of integers) {
    c.reply.bulkString(name);
    c.reply.integer(value);
  }
  for (const [name, value] of doubles) {
    c.reply.bulkString(name);
    c.reply.double(value);
  }
}

function purge(c: Call): void {
  while (c.engine.keyspace.compactor.step(PURGE_CELLS));
  c.reply.ok();
}

export function memoryCommand(server: Server): Command {
  const row = { group: 'server', since: '4.0.0', flags: '', arity: 2 } as const;
  return command({
    name: 'memory', arity: -2, flags: '', group: 'server', since: '4.0.0',
    subcommands: [
      ...memorySubcommands,
      command({
        ...row, name: 'memory|stats', tips: ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'],
        run: (c) => stats(server, c),
      }),
      command({ ...row, name: 'memory|purge', tips: ['request_policy:all_shards', 'response_policy:all_succeeded'], run: purge }),
    ],
  });
}
