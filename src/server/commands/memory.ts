/** MEMORY: the engine's subcommands, and those that need the server's figures. */
import type { Call } from '../../engine/call.ts';
import { type Command, command } from '../../engine/command.ts';
import { memorySubcommands } from '../../engine/commands/memory.ts';
import type { Server } from '../server.ts';

/** Cells that MEMORY PURGE moves between two looks at whether it is done. */
const PURGE_CELLS = 4096;

/** Fields by Redis's names and in its order where there is such a thing here; the arena's own besides. */
function stats(server: Server, c: Call): void {
  const { keyspace } = c.engine;
  const { arena } = keyspace;
  const { total, data, startup, clients, scripts, functions } = server.statistics.memoryUse();
  const peak = server.statistics.usedMemoryPeakBytes;
  const rss = server.rssBytes();
  const keys = keyspace.size;
  // How much there is tells of writes that may not be committed yet.
  for (const db of keyspace.databases) keyspace.hazards.checkDb(db.number);
  const integers: [string, number][] = [
    ['peak.allocated', peak], ['total.allocated', total], ['startup.allocated', startup], ['replication.backlog', 0], ['clients.slaves', 0],
    ['clients.normal', clients], ['cluster.links', 0], ['aof.buffer', server.txlog.inFlightBytes], ['lua.caches', scripts], ['functions.caches', functions],
    ['overhead.total', total - data], ['keys.count', keys], ['keys.bytes-per-key', keys === 0 ? 0 : Math.floor((total - startup) / keys)],
    ['dataset.bytes', data], ['arena.live', data], ['arena.used', arena.usedBytes], ['arena.touched', arena.touchedBytes],
    ['allocator.allocated', data], ['allocator.active', arena.usedBytes], ['allocator.resident', arena.touchedBytes],
    ['allocator-fragmentation.bytes', arena.usedBytes - data], ['allocator-rss.bytes', arena.touchedBytes - arena.usedBytes],
    ['rss-overhead.bytes', rss - arena.touchedBytes], ['fragmentation.bytes', rss - total],
  ];
  const doubles: [string, number][] = [
    ['dataset.percentage', (data / Math.max(1, total - startup)) * 100], ['peak.percentage', (total / Math.max(1, peak)) * 100],
    ['allocator-fragmentation.ratio', arena.usedBytes / Math.max(1, data)], ['allocator-rss.ratio', arena.touchedBytes / Math.max(1, arena.usedBytes)],
    ['rss-overhead.ratio', rss / Math.max(1, arena.touchedBytes)], ['fragmentation', rss / Math.max(1, total)],
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
