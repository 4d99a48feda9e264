/** INFO: the sections and fields that clients and tools parse. */
import os from 'node:os';
import type { Call } from '../../engine/call.ts';
import { type Command, command } from '../../engine/command.ts';
import type { Server } from '../server.ts';
import { PROGRAM_VERSION, REDIS_VERSION } from '../version.ts';

type Fields = Record<string, string | number>;

function human(bytes: number): string {
  const units = ['B', 'K', 'M', 'G', 'T'];
  let unit = 0;
  while (bytes >= 1024 && unit < 4) {
    bytes /= 1024;
    unit++;
  }
  return unit === 0 ? `${bytes}B` : `${bytes.toFixed(2)}${units[unit]!}`;
}

/** Bytes that the data needs: cells in use, and what connections have buffered. */
export function usedMemory(server: Server): number {
  let buffers = 0;
  for (const connection of server.connections.values()) buffers += connection.inputBytes + connection.outputBytes;
  return server.engine.keyspace.arena.usedBytes + buffers;
}

function serverSection(server: Server): Fields {
  const uptime = Math.floor((Date.now() - server.startedAtMs) / 1000);
  return {
    redis_version: REDIS_VERSION, holdfast_version: PROGRAM_VERSION, server_name: 'holdfast', redis_mode: 'standalone',
    os: `${os.type()} ${os.release()} ${os.arch()}`, arch_bits: 64, node_version: process.version, process_id: process.pid,
    run_id: server.runId, tcp_port: server.port, server_time_usec: Date.now() * 1000, uptime_in_seconds: uptime,
    uptime_in_days: Math.floor(uptime / 86400), hz: server.config.number('hz'), configured_hz: server.config.number('hz'),
    lru_clock: server.engine.keyspace.databases[0]!.clock(), availability_zone: server.config.string('availability-zone'),
  };
}

function clientsSection(server: Server): Fields {
  let input = 0;
  let output = 0;
  for (const connection of server.connections.values()) {
    input = Math.max(input, connection.inputBytes);
    output = Math.max(output, connection.outputBytes);
  }
  const { interest } = server.engine.keyspace;
  return {
    connected_clients: server.connections.size, cluster_connections: 0, maxclients: server.config.maxClients,
    client_recent_max_input_buffer: input, client_recent_max_output_buffer: output, blocked_clients: server.engine.blocking.count,
    tracking_clients: 0, watching_clients: interest.watchedKeys, total_blocking_keys: interest.blockedKeys,
  };
}

function memorySection(server: Server): Fields {
  const { arena, compactor } = server.engine.keyspace;
  const used = usedMemory(server);
  const rss = server.rssBytes();
  const heap = process.memoryUsage();
  return {
    used_memory: used, used_memory_human: human(used), used_memory_rss: rss, used_memory_rss_human: human(rss),
    used_memory_dataset: arena.liveBytes, arena_live_bytes: arena.liveBytes, arena_used_bytes: arena.usedBytes,
    arena_touched_bytes: arena.touchedBytes, arena_live_cells: arena.liveCells, arena_moved_cells: compactor.moved,
    arena_ratio: (arena.liveBytes === 0 ? 1 : arena.touchedBytes / arena.liveBytes).toFixed(3),
    js_heap_used: heap.heapUsed, js_heap_total: heap.heapTotal, total_system_memory: os.totalmem(), total_system_memory_human: human(os.totalmem()),
    maxmemory: 0, maxmemory_human: '0B', maxmemory_policy: server.config.string('maxmemory-policy'),
    mem_fragmentation_ratio: (rss / Math.max(1, used)).toFixed(2), mem_allocator: 'arena', lazyfree_pending_objects: 0,
  };
}

function persistenceSection(server: Server): Fields {
  const { txlog, engine } = server;
  return {
    loading: server.loading ? 1 : 0, async_loading: 0, rdb_changes_since_last_save: engine.changesTotal, rdb_bgsave_in_progress: 0,
    aof_enabled: 1, aof_rewrite_in_progress: 0, aof_last_write_status: 'ok', txlog_first_index: txlog.firstIndex, txlog_last_index: txlog.lastIndex,
    txlog_commit_index: txlog.commitIndex, txlog_term: txlog.term, txlog_inflight_bytes: txlog.inFlightBytes,
  };
}

function statsSection(server: Server): Fields {
  const { engine } = server;
  const { keyspace } = engine;
  let errors = 0;
  for (const n of server.errorCounts.values()) errors += n;
  return {
    total_connections_received: server.connectionsTotal, total_commands_processed: engine.commandsTotal, total_net_output_bytes: server.bytesOut,
    rejected_connections: server.rejectedConnections, expired_keys: keyspace.expiredKeys, evicted_keys: 0, keyspace_hits: keyspace.keyspaceHits,
    keyspace_misses: keyspace.keyspaceMisses, total_error_replies: errors, client_output_buffer_limit_disconnections: server.outputLimitDisconnections,
  };
}

function replicationSection(server: Server): Fields {
  return {
    role: 'master', connected_slaves: 0, master_failover_state: 'no-failover', master_replid: server.txlog.shardId,
    master_replid2: '0'.repeat(40), master_repl_offset: server.txlog.commitIndex, second_repl_offset: -1, repl_backlog_active: 0,
  };
}

function cpuSection(): Fields {
  const { user, system } = process.cpuUsage();
  return { used_cpu_sys: (system / 1e6).toFixed(6), used_cpu_user: (user / 1e6).toFixed(6) };
}

function commandStats(server: Server): Fields {
  const out: Fields = {};
  for (const row of server.engine.table.all) {
    if (row.calls === 0 && row.rejectedCalls === 0) continue;
    const perCall = row.calls === 0 ? 0 : row.microseconds / row.calls;
    out[`cmdstat_${row.name}`] = `calls=${row.calls},usec=${Math.round(row.microseconds)},usec_per_call=${perCall.toFixed(2)},rejected_calls=${row.rejectedCalls},failed_calls=${row.failedCalls}`;
  }
  return out;
}

function errorStats(server: Server): Fields {
  return Object.fromEntries([...server.errorCounts].map(([code, count]) => [`errorstat_${code}`, `count=${count}`]));
}

function keyspaceSection(server: Server): Fields {
  const out: Fields = {};
  for (const db of server.engine.keyspace.databases) {
    if (db.size > 0) out[`db${db.number}`] = `keys=${db.size},expires=${db.expires},avg_ttl=0`;
  }
  return out;
}

/** Section name, title, fields, and whether plain INFO shows it. */
const SECTIONS: readonly (readonly [string, string, (server: Server) => Fields, boolean])[] = [
  ['server', 'Server', serverSection, true], ['clients', 'Clients', clientsSection, true], ['memory', 'Memory', memorySection, true],
  ['persistence', 'Persistence', persistenceSection, true], ['stats', 'Stats', statsSection, true],
  ['replication', 'Replication', replicationSection, true], ['cpu', 'CPU', cpuSection, true], ['modules', 'Modules', () => ({}), true],
  ['commandstats', 'Commandstats', commandStats, false], ['errorstats', 'Errorstats', errorStats, true],
  ['cluster', 'Cluster', () => ({ cluster_enabled: 0 }), true], ['keyspace', 'Keyspace', keyspaceSection, true],
];

function info(server: Server, c: Call): void {
  const wanted = new Set(Array.from({ length: c.req.argc - 1 }, (_, i) => c.string(i + 1).toLowerCase()));
  const all = wanted.has('all') || wanted.has('everything');
  const usual = wanted.size === 0 || wanted.has('default');
  const parts: string[] = [];
  // Counters of keys and errors tell of writes that may not be committed yet.
  for (const db of c.engine.keyspace.databases) c.engine.keyspace.hazards.checkDb(db.number);
  for (const [name, title, fields, byDefault] of SECTIONS) {
    if (!all && !wanted.has(name) && !(usual && byDefault)) continue;
    const lines = Object.entries(fields(server)).map(([field, value]) => `${field}:${value}\r\n`);
    parts.push(`# ${title}\r\n${lines.join('')}`);
  }
  c.reply.verbatim('txt', parts.join('\r\n'));
}

export function infoCommand(server: Server): Command {
  return command({
    name: 'info', arity: -1, flags: 'loading stale', group: 'server', since: '1.0.0', categories: 'dangerous',
    tips: ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'], run: (c) => info(server, c),
  });
}
