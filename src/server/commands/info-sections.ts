/**
 * The sections of INFO, field by field in Redis 7.4's order; what only Holdfast has follows behind. Clients and tools
 * parse these names: a figure that has no meaning here is shown as what it would be where nothing happened.
 */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { fatalZone } from '../../replication/member-label.ts';
import type { ShardNode } from '../../replication/shard-node.ts';
import type { ImportState } from '../../engine/import-state.ts';
import type { Server } from '../server.ts';
import { PROGRAM_VERSION, REDIS_VERSION } from '../version.ts';
import { followersOf } from '../write-quorum.ts';

export type Fields = Record<string, string | number>;

/** Bytes as Redis shows them to people. */
function human(bytes: number): string {
  const units = ['B', 'K', 'M', 'G', 'T'];
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${value}B` : `${value.toFixed(2)}${units[unit]!}`;
}

const percent = (part: number, whole: number): string => `${(whole === 0 ? 0 : (part / whole) * 100).toFixed(2)}%`;
const ratio = (part: number, whole: number): string => (whole === 0 ? 0 : part / whole).toFixed(2);

function serverSection(server: Server): Fields {
  const { config } = server;
  const uptime = Math.floor((Date.now() - server.startedAtMs) / 1000);
  return {
    redis_version: REDIS_VERSION, redis_git_sha1: '00000000', redis_git_dirty: 0, redis_build_id: `holdfast-${PROGRAM_VERSION}`, redis_mode: 'standalone',
    os: `${os.type()} ${os.release()} ${os.machine()}`, arch_bits: 64, monotonic_clock: 'POSIX clock_gettime', multiplexing_api: 'libuv',
    atomicvar_api: 'none', process_id: process.pid, process_supervised: 'no', run_id: server.runId, tcp_port: server.port,
    server_time_usec: Date.now() * 1000, uptime_in_seconds: uptime, uptime_in_days: Math.floor(uptime / 86400), hz: config.number('hz'),
    configured_hz: config.number('hz'), lru_clock: server.engine.keyspace.access.seconds, executable: process.argv[1] ?? process.execPath,
    config_file: config.file ?? '', io_threads_active: 0,
    ...listenerFields(server),
    server_name: 'holdfast', holdfast_version: PROGRAM_VERSION, node_version: process.versions.node, availability_zone: config.string('availability-zone'),
  };
}

/** The numbers are those of Redis's kinds of connection. */
function listenerFields({ config, listeners }: Server): Fields {
  const out: Fields = {};
  const addresses = config.string('bind').split(/\s+/).map((address) => `bind=${address}`).join(',');
  if (listeners.port !== 0) out['listener0'] = `name=tcp,${addresses},port=${listeners.port}`;
  if (config.unixsocket !== '') out['listener1'] = `name=unix,bind=${config.unixsocket}`;
  if (listeners.tlsPort !== 0) out['listener2'] = `name=tls,${addresses},port=${listeners.tlsPort}`;
  return out;
}

function clientsSection(server: Server): Fields {
  let input = 0;
  let output = 0;
  let listening = 0;
  let watching = 0;
  for (const connection of server.connections.values()) {
    const { channel, pattern, shard } = connection.subscriptions;
    if (channel.size + pattern.size + shard.size > 0) listening++;
    if (connection.session.watched.length > 0) watching++;
    input = Math.max(input, connection.inputBytes);
    output = Math.max(output, connection.output.bytes);
  }
  const { blocking, keyspace } = server.engine;
  const paused = server.pause.held;
  return {
    connected_clients: server.connections.size, cluster_connections: 0, maxclients: server.config.maxClients, client_recent_max_input_buffer: input,
    client_recent_max_output_buffer: output, blocked_clients: blocking.count + server.pause.waiting, tracking_clients: server.tracking.clients,
    pubsub_clients: listening, watching_clients: watching, clients_in_timeout_table: blocking.count, total_blocking_keys: keyspace.interest.blockedKeys, total_blocking_keys_on_nokey: keyspace.interest.keysBlockedUntilDeleted,
    total_watched_keys: keyspace.interest.watchedKeys, paused_reason: paused.what === 'none' ? 'none' : 'client_pause', paused_actions: paused.what,
    paused_timeout_milliseconds: paused.leftMs,
  };
}

function memorySection(server: Server): Fields {
  const { arena, compactor } = server.engine.keyspace;
  const { total: used, data, startup, clients, scripts: scriptBytes, functions: functionBytes } = server.statistics.memoryUse();
  const peak = server.statistics.usedMemoryPeakBytes;
  const rss = server.rssBytes();
  const { heapUsed, heapTotal } = process.memoryUsage();
  const total = os.totalmem();
  const maxmemory = server.config.number('maxmemory');
  const scripts = server.scripts.evalScripts;
  return {
    used_memory: used, used_memory_human: human(used), used_memory_rss: rss, used_memory_rss_human: human(rss), used_memory_peak: peak,
    used_memory_peak_human: human(peak), used_memory_peak_perc: percent(used, peak), used_memory_overhead: used - data, used_memory_startup: startup,
    used_memory_dataset: data, used_memory_dataset_perc: percent(data, used - startup), allocator_allocated: arena.liveBytes,
    allocator_active: arena.usedBytes, allocator_resident: arena.touchedBytes, allocator_muzzy: 0, total_system_memory: total, total_system_memory_human: human(total),
    used_memory_lua: 0, used_memory_vm_eval: 0, used_memory_lua_human: '0B', used_memory_scripts_eval: scriptBytes, number_of_cached_scripts: scripts.size,
    number_of_functions: server.scripts.functions.functionCount, number_of_libraries: server.engine.functions.size, used_memory_vm_functions: 0, used_memory_vm_total: 0, used_memory_vm_total_human: '0B',
    used_memory_functions: functionBytes, used_memory_scripts: scriptBytes + functionBytes, used_memory_scripts_human: human(scriptBytes + functionBytes), maxmemory, maxmemory_human: human(maxmemory),
    maxmemory_policy: server.config.string('maxmemory-policy'), allocator_frag_ratio: ratio(arena.usedBytes, arena.liveBytes),
    allocator_frag_bytes: arena.usedBytes - arena.liveBytes, allocator_rss_ratio: ratio(arena.touchedBytes, arena.usedBytes),
    allocator_rss_bytes: arena.touchedBytes - arena.usedBytes, rss_overhead_ratio: ratio(rss, arena.touchedBytes), rss_overhead_bytes: rss - arena.touchedBytes,
    mem_fragmentation_ratio: ratio(rss, used), mem_fragmentation_bytes: rss - used, mem_not_counted_for_evict: 0, mem_replication_backlog: 0,
    mem_total_replication_buffers: 0, mem_clients_slaves: 0, mem_clients_normal: clients, mem_cluster_links: 0,
    mem_aof_buffer: server.txlog.inFlightBytes, mem_allocator: 'arena', mem_overhead_db_hashtable_rehashing: 0, active_defrag_running: 0, lazyfree_pending_objects: server.engine.types.lazyFree.pending, lazyfreed_objects: server.engine.types.lazyFree.freed,
    arena_live_bytes: arena.liveBytes, arena_used_bytes: arena.usedBytes, arena_touched_bytes: arena.touchedBytes, arena_live_cells: arena.liveCells,
    arena_moved_cells: compactor.moved, arena_ratio: (arena.liveBytes === 0 ? 1 : arena.touchedBytes / arena.liveBytes).toFixed(3),
    js_heap_used: heapUsed, js_heap_total: heapTotal,
  };
}

function persistenceSection(server: Server): Fields {
  const { txlog, engine, snapshots } = server;
  const startedAtMs = snapshots?.startedAtMs ?? 0;
  const lastMs = snapshots?.lastDurationMs ?? -1;
  const logRewrite = snapshots?.logRewrite ?? 'none';
  return {
    loading: server.loading ? 1 : 0, async_loading: 0, current_cow_peak: 0, current_cow_size: 0, current_cow_size_age: 0, current_fork_perc: '0.00',
    current_save_keys_processed: 0, current_save_keys_total: 0, rdb_changes_since_last_save: engine.changesTotal - server.changesAtSave,
    rdb_bgsave_in_progress: snapshots?.inProgress === true && logRewrite !== 'running' ? 1 : 0, rdb_last_save_time: Math.floor((snapshots?.lastSaveMs ?? server.startedAtMs) / 1000),
    rdb_last_bgsave_status: snapshots?.lastStatus ?? 'ok', rdb_last_bgsave_time_sec: lastMs < 0 ? -1 : Math.round(lastMs / 1000),
    rdb_current_bgsave_time_sec: startedAtMs === 0 ? -1 : Math.floor((Date.now() - startedAtMs) / 1000), rdb_saves: snapshots?.made ?? 0, rdb_last_cow_size: 0,
    rdb_last_load_keys_expired: 0, rdb_last_load_keys_loaded: 0,
    // The transaction log is what an append-only file with appendfsync always would be.
    aof_enabled: 1, aof_rewrite_in_progress: logRewrite === 'running' ? 1 : 0, aof_rewrite_scheduled: logRewrite === 'scheduled' ? 1 : 0, aof_last_rewrite_time_sec: -1, aof_current_rewrite_time_sec: -1,
    aof_last_bgrewrite_status: 'ok', aof_rewrites: 0, aof_rewrites_consecutive_failures: 0, aof_last_write_status: 'ok', aof_last_cow_size: 0,
    module_fork_in_progress: 0, module_fork_last_cow_size: 0, aof_current_size: txlog.bytesSince(txlog.firstIndex - 1), aof_base_size: 0,
    aof_pending_rewrite: 0, aof_buffer_length: txlog.inFlightBytes, aof_pending_bio_fsync: 0, aof_delayed_fsync: 0,
    txlog_first_index: txlog.firstIndex, txlog_last_index: txlog.lastIndex, txlog_commit_index: txlog.commitIndex, txlog_term: txlog.term,
    txlog_inflight_bytes: txlog.inFlightBytes,
    ...(server.loading ? loadingFields(server) : {}),
  };
}

/** Only while the data is loaded, as in Redis. The bytes are the snapshot's; the log comes after it. */
function loadingFields(server: Server): Fields {
  const { done, total } = server.loadingProgress;
  const seconds = (Date.now() - server.startedAtMs) / 1000;
  return {
    loading_start_time: Math.floor(server.startedAtMs / 1000), loading_total_bytes: total, loading_rdb_used_mem: 0, loading_loaded_bytes: done,
    loading_loaded_perc: (total === 0 ? 0 : (100 * done) / total).toFixed(2), loading_eta_seconds: done === 0 ? 1 : Math.ceil((seconds * (total - done)) / done),
  };
}

function statsSection(server: Server): Fields {
  const { engine, statistics } = server;
  const { turns } = statistics;
  const { keyspace, eviction } = engine;
  return {
    total_connections_received: server.connectionsTotal, total_commands_processed: engine.commandsTotal,
    instantaneous_ops_per_sec: Math.round(statistics.commands.perSecond), total_net_input_bytes: statistics.bytesIn,
    total_net_output_bytes: server.bytesOut, total_net_repl_input_bytes: 0, total_net_repl_output_bytes: 0,
    instantaneous_input_kbps: (statistics.input.perSecond / 1024).toFixed(2), instantaneous_output_kbps: (statistics.output.perSecond / 1024).toFixed(2),
    instantaneous_input_repl_kbps: '0.00', instantaneous_output_repl_kbps: '0.00', rejected_connections: server.rejectedConnections, sync_full: 0,
    sync_partial_ok: 0, sync_partial_err: 0, expired_keys: keyspace.expiredKeys, expired_subkeys: keyspace.expiredFields, expired_stale_perc: '0.00', expired_time_cap_reached_count: statistics.expiryCutOff,
    expire_cycle_cpu_milliseconds: Math.floor(statistics.expiryUs / 1000), evicted_keys: keyspace.evictedKeys, evicted_clients: server.memoryLimit.evictedClients, evicted_scripts: server.scripts.evalScripts.evicted,
    total_eviction_exceeded_time: Math.floor((eviction.exceededUs + eviction.exceededNowUs) / 1000), current_eviction_exceeded_time: Math.floor(eviction.exceededNowUs / 1000),
    keyspace_hits: keyspace.keyspaceHits, keyspace_misses: keyspace.keyspaceMisses, pubsub_channels: server.pubsub.names('channel').length,
    pubsub_patterns: server.pubsub.names('pattern').length, pubsubshard_channels: server.pubsub.names('shard').length,
    latest_fork_usec: 0, total_forks: 0, migrate_cached_sockets: 0, slave_expires_tracked_keys: 0, active_defrag_hits: 0, active_defrag_misses: 0,
    active_defrag_key_hits: 0, active_defrag_key_misses: 0, total_active_defrag_time: 0, current_active_defrag_time: 0, tracking_total_keys: server.tracking.keys,
    tracking_total_items: server.tracking.items, tracking_total_prefixes: server.tracking.prefixes, unexpected_error_replies: 0, total_error_replies: server.errorRepliesTotal, dump_payload_sanitizations: 0,
    total_reads_processed: statistics.reads, total_writes_processed: statistics.writes, io_threaded_reads_processed: 0, io_threaded_writes_processed: 0,
    reply_buffer_shrinks: 0, reply_buffer_expands: 0, client_query_buffer_limit_disconnections: server.inputLimitDisconnections,
    client_output_buffer_limit_disconnections: server.outputLimitDisconnections, eventloop_cycles: turns.count, eventloop_duration_sum: Math.round(turns.totalUs),
    eventloop_duration_cmd_sum: Math.round(turns.commandsUs), instantaneous_eventloop_cycles_per_sec: Math.floor(statistics.turnRate.perSecond),
    instantaneous_eventloop_duration_usec: Math.floor(statistics.turnUs.perUnit), acl_access_denied_auth: statistics.authenticationsDenied,
    acl_access_denied_cmd: statistics.commandsDenied, acl_access_denied_key: statistics.keysDenied, acl_access_denied_channel: statistics.channelsDenied,
  };
}

function replicationSection(server: Server): Fields {
  const { txlog, node } = server;
  return {
    ...roleFields(server),
    master_failover_state: server.handover.state, master_replid: txlog.shardId, master_replid2: '0'.repeat(40),
    master_repl_offset: txlog.commitIndex, second_repl_offset: -1, repl_backlog_active: 1, repl_backlog_size: server.config.number('repl-backlog-size'),
    repl_backlog_first_byte_offset: txlog.firstIndex, repl_backlog_histlen: txlog.commitIndex - txlog.firstIndex + 1,
    shard_id: txlog.shardId, member_id: node?.memberId ?? '', member_role: server.member.role, raft_term: txlog.term, raft_leader: node?.txlog.leader ?? '',
    raft_voters: node?.txlog.config.config.voters.length ?? 1, zone_that_must_not_fail: node === null ? '' : fatalZone(node.membership.members),
  };
}

function roleFields(server: Server): Fields {
  const { node, txlog, engine, member } = server;
  if (engine.importing !== null && member.role === 'primary') return importFields(server, engine.importing);
  return node === null || txlog.isLeader ? primaryFields(server) : replicaFields(server, node);
}

/** As a replica of Redis shows itself; offsets are those of the source's stream. */
function importFields(server: Server, { host, port, offset, streamId, phase }: ImportState): Fields {
  const { progress, lastReadMs } = server.importer;
  const { link, loadedBytes, totalBytes } = progress;
  const secondsSince = (ms: number): number => Math.floor((Date.now() - ms) / 1000);
  const out: Fields = {
    role: 'slave', master_host: host, master_port: port, master_link_status: link === 'up' ? 'up' : 'down',
    master_last_io_seconds_ago: lastReadMs === 0 ? -1 : secondsSince(lastReadMs), master_sync_in_progress: link === 'sync' ? 1 : 0,
    slave_read_repl_offset: offset, slave_repl_offset: offset,
  };
  if (link === 'sync') {
    out['master_sync_total_bytes'] = totalBytes;
    out['master_sync_read_bytes'] = loadedBytes;
    out['master_sync_left_bytes'] = totalBytes === 0 ? -1 : totalBytes - loadedBytes;
    out['master_sync_perc'] = (totalBytes === 0 ? 0 : (100 * loadedBytes) / totalBytes).toFixed(2);
    out['master_sync_last_io_seconds_ago'] = secondsSince(lastReadMs);
  }
  if (link !== 'up') out['master_link_down_since_seconds'] = secondsSince(progress.downSinceMs);
  return {
    ...out, slave_priority: server.config.number('replica-priority'), slave_read_only: 1, replica_announced: 1, connected_slaves: 0,
    import_phase: phase, import_stream_id: streamId, import_full_syncs: progress.fullSyncs, import_continuations: progress.continuations, import_error: progress.error.replaceAll('\r', ' ').replaceAll('\n', ' '),
  };
}

/** Offsets are indexes of log records. */
function primaryFields(server: Server): Fields {
  const followers = followersOf(server);
  const out: Fields = { role: 'master', connected_slaves: followers.length };
  if (server.writeQuorum.isAsked) out['min_slaves_good_slaves'] = server.writeQuorum.near;
  for (const [i, { host, port, isLoading, match, lagS, zone }] of followers.entries()) {
    out[`slave${i}`] = `ip=${host},port=${port},state=${isLoading ? 'send_bulk' : 'online'},offset=${match},lag=${lagS},type=replica,availability_zone=${zone}`;
  }
  return out;
}

function replicaFields(server: Server, node: ShardNode): Fields {
  const { leader } = node.membership;
  const { role, appliedIndex } = server.member;
  return {
    role: 'slave', master_host: leader?.client.host ?? '', master_port: leader?.client.port ?? 0, master_link_status: leader === undefined ? 'down' : 'up',
    master_last_io_seconds_ago: leader === undefined ? -1 : 0, master_sync_in_progress: role === 'replica' ? 0 : 1, slave_read_repl_offset: node.txlog.lastIndex,
    slave_repl_offset: appliedIndex, slave_priority: server.config.number('replica-priority'), slave_read_only: 1, replica_announced: 1, connected_slaves: 0,
  };
}

function cpuSection(): Fields {
  const { user, system } = process.cpuUsage();
  const seconds = (microseconds: number): string => (microseconds / 1e6).toFixed(6);
  return { used_cpu_sys: seconds(system), used_cpu_user: seconds(user), used_cpu_sys_children: '0.000000', used_cpu_user_children: '0.000000', ...mainThreadCpu() };
}

/** The kernel's clock ticks in /proc are hundredths of a second, on every platform that Node runs on. */
const TICKS_A_SECOND = 100;

/** Of the thread that runs the commands; where the system does not say, there is nothing, as in Redis. */
function mainThreadCpu(): Fields {
  try {
    const stat = readFileSync(`/proc/self/task/${process.pid}/stat`, 'latin1');
    // The name of the program comes before, and may have spaces in it.
    const words = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const seconds = (ticks: string): string => (Number(ticks) / TICKS_A_SECOND).toFixed(6);
    return { used_cpu_sys_main_thread: seconds(words[12]!), used_cpu_user_main_thread: seconds(words[11]!) };
  } catch {
    return {};
  }
}

function commandStats(server: Server): Fields {
  const out: Fields = {};
  for (const row of server.engine.table.all) {
    if (row.calls === 0 && row.rejectedCalls === 0 && row.failedCalls === 0) continue;
    const perCall = row.calls === 0 ? 0 : row.microseconds / row.calls;
    out[`cmdstat_${row.name}`] = `calls=${row.calls},usec=${Math.round(row.microseconds)},usec_per_call=${perCall.toFixed(2)},rejected_calls=${row.rejectedCalls},failed_calls=${row.failedCalls}`;
  }
  return out;
}

function errorStats(server: Server): Fields {
  // A code may be a script's, and have anything in it.
  return Object.fromEntries([...server.errorCounts].map(([code, count]) => [`errorstat_${code.replace(/[#:\n\r]/g, '_')}`, `count=${count}`]));
}

function latencyStats(server: Server): Fields {
  const percentiles = server.config.string('latency-tracking-info-percentiles').split(' ').filter((word) => word !== '');
  const out: Fields = {};
  for (const { name, latency } of server.engine.table.all) {
    if (latency === null || percentiles.length === 0) continue;
    out[`latency_percentiles_usec_${name}`] = percentiles.map((p) => `p${p}=${latency.percentile(Number(p)).toFixed(3)}`).join(',');
  }
  return out;
}

function keyspaceSection(server: Server): Fields {
  const out: Fields = {};
  for (const db of server.engine.keyspace.databases) {
    if (db.size > 0) out[`db${db.number}`] = `keys=${db.size},expires=${db.expires},avg_ttl=${Math.floor(db.averageTtlMs)},subexpiry=${db.fieldTimes?.size ?? 0}`;
  }
  return out;
}

/** Keys that INFO itself looks at; of a larger keyspace the rest is looked at in the background. */
const KEYS_AT_ONCE = 20_000;
/** By EntryType. */
const SIZE_FIELDS = ['strings_sizes', 'lists_items', 'sets_items', 'zsets_items', 'hashes_items'];

/** The least size of a class: 0, 1, 2, 4 … 512, 1K and so on. */
function sizeLabel(index: number): string {
  if (index === 0) return '0';
  const unit = Math.floor((index - 1) / 10);
  return `${2 ** ((index - 1) % 10)}${['', 'K', 'M', 'G', 'T', 'P'][unit]!}`;
}

function keySizes({ keySizes: sizes }: Server): Fields {
  sizes.begin();
  sizes.step(KEYS_AT_ONCE);
  const out: Fields = {};
  for (const [db, types] of sizes.shown.entries()) {
    for (const [type, classes] of [...types].sort(([a], [b]) => a - b)) {
      const shown = [...classes].flatMap((keys, index) => (keys === 0 ? [] : [`${sizeLabel(index)}=${keys}`]));
      out[`db${db}_distrib_${SIZE_FIELDS[type]!}`] = shown.join(',');
    }
  }
  return out;
}

/** Shown only when it is asked for by its name, as in Redis. */
function debugSection({ statistics }: Server): Fields {
  const { turns } = statistics;
  return {
    eventloop_duration_aof_sum: 0, eventloop_duration_cron_sum: Math.round(statistics.timerUs), eventloop_duration_max: Math.round(turns.longestUs),
    eventloop_cmd_per_cycle_max: turns.commandsMax, allocator_allocated_lua: 0, allocator_active_lua: 0, allocator_resident_lua: 0, allocator_frag_bytes_lua: 0,
  };
}

export interface InfoSection {
  readonly name: string;
  readonly title: string;
  readonly fields: (server: Server) => Fields;
  /** Whether INFO without arguments shows it. */
  readonly usual: boolean;
}

const section = (title: string, fields: (server: Server) => Fields, usual = true): InfoSection => ({ name: title.toLowerCase(), title, fields, usual });

export const INFO_SECTIONS: readonly InfoSection[] = [
  section('Server', serverSection), section('Clients', clientsSection), section('Memory', memorySection), section('Persistence', persistenceSection),
  section('Stats', statsSection), section('Replication', replicationSection), section('CPU', cpuSection), section('Modules', () => ({})),
  section('Commandstats', commandStats, false), section('Errorstats', errorStats), section('Latencystats', latencyStats, false),
  section('Cluster', () => ({ cluster_enabled: 0 })), section('Keyspace', keyspaceSection),
  section('Keysizes', keySizes, false), section('Debug', debugSection, false),
];
