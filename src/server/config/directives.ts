/**
 * The directives of redis.conf that have a meaning here, and those that ask for what cannot be had yet: one row each.
 * Names, defaults and checks follow Redis 7.2. What is accepted without effect stands in directives-without-effect.ts;
 * a directive in neither table stops the start, so that nobody believes in a setting that does nothing.
 */
import { parseMinuteOfDay } from '../../snapshot/snapshot-schedule.ts';
import {
  type Directive, DirectiveError, INT_MAX, bool, directive, int, long, memory, oneOf, only, string, words,
} from './directive.ts';
import { DIRECTIVES_WITHOUT_EFFECT } from './directives-without-effect.ts';
import { canonicalKeyEvents } from './key-event-classes.ts';
import { parseOutputLimits } from './output-limits.ts';

const fixed = { mutable: false };
/** As `fixed`, for what tools that set everything to what it is must not stumble over: Redis does not have it, or can change it. */
const atStart = { atStartOnly: "can't set immutable config" };
/** The other members were told of the ports when this one joined. */
const PORT_FIXED = 'Unable to listen on this port: ports are fixed while the server runs';
/** One argument, or one client's input, is held in one piece of memory. */
const PIECE_BYTES_MAX = 2 ** 31 - 1;

function outputLimits(given: readonly string[]): readonly string[] {
  parseOutputLimits(given);
  return given;
}

function percentiles(given: readonly string[]): readonly string[] {
  for (const word of given) {
    if (!/^\d+(\.\d+)?$/.test(word)) throw new DirectiveError('Invalid latency-tracking-info-percentiles parameters');
    if (Number(word) > 100) throw new DirectiveError('latency-tracking-info-percentiles parameters should sit between [0.0,100.0]');
  }
  return given.map((word) => String(Number(word)));
}

function keyEventClasses(given: readonly string[]): readonly string[] {
  return [canonicalKeyEvents(given.join(' '))];
}

function minuteOfDay(given: readonly string[]): readonly string[] {
  if (parseMinuteOfDay(given.join(' ')) === undefined) throw new DirectiveError('snapshot-daily-at must be a time of the day (UTC) as HH:MM, or empty');
  return given;
}

const WITH_EFFECT: readonly Directive[] = [
  // Network
  directive('bind', words, '* -::*', { atStartOnly: 'Failed to bind to specified addresses: they are fixed while the server runs' }),
  directive('port', int(0, 65535), '6379', { atStartOnly: PORT_FIXED }),
  // 0: no TLS. With port 0 besides, clients need TLS.
  directive('tls-port', int(0, 65535), '0', { atStartOnly: PORT_FIXED }),
  directive('tls-cert-file', string, ''),
  directive('tls-key-file', string, ''),
  directive('tls-key-file-pass', string, ''),
  directive('tls-ca-cert-file', string, ''),
  directive('tls-ca-cert-dir', string, ''),
  // The source of an import is spoken to by TLS, with these, or else with the server's own.
  directive('tls-replication', bool, 'no'),
  directive('tls-client-cert-file', string, ''),
  directive('tls-client-key-file', string, ''),
  directive('tls-client-key-file-pass', string, ''),
  directive('tls-auth-clients', oneOf('no', 'yes', 'optional'), 'yes'),
  directive('tls-protocols', string, ''),
  directive('tls-ciphers', string, ''),
  directive('tls-ciphersuites', string, ''),
  directive('tls-prefer-server-ciphers', bool, 'no'),
  directive('tls-session-caching', bool, 'yes'),
  directive('tls-session-cache-timeout', int(), '300'),
  directive('tcp-backlog', int(), '511', fixed),
  directive('unixsocket', string, '', fixed),
  directive('unixsocketperm', { type: 'octal', max: 0o777 }, '0', fixed),
  directive('timeout', int(), '0'),
  directive('tcp-keepalive', int(), '300'),
  directive('maxclients', int(1), '10000'),
  directive('protected-mode', bool, 'yes'),
  directive('requirepass', string, ''),
  directive('aclfile', string, '', fixed),
  directive('acllog-max-len', long(), '128'),
  directive('acl-pubsub-default', oneOf('allchannels', 'resetchannels'), 'resetchannels'),
  directive('client-output-buffer-limit', { type: 'words', check: outputLimits }, 'normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60'),
  directive('client-query-buffer-limit', memory(1024 * 1024, PIECE_BYTES_MAX), '1073741824'),
  directive('proto-max-bulk-len', memory(1024 * 1024, PIECE_BYTES_MAX), '536870912'),
  // Process
  directive('dir', string, './', fixed),
  directive('databases', int(1, 65535), '16', fixed),
  directive('loglevel', oneOf('debug', 'verbose', 'notice', 'warning', 'nothing'), 'notice'),
  directive('logfile', string, '', fixed),
  directive('pidfile', string, '', fixed),
  directive('daemonize', bool, 'no', { mutable: false, refuse: only('no', 'Holdfast does not detach itself: let systemd, Docker or Kubernetes supervise it') }),
  directive('enable-debug-command', oneOf('no', 'yes', 'local'), 'no', fixed),
  directive('enable-protected-configs', oneOf('no', 'yes', 'local'), 'no', fixed),
  directive('slowlog-log-slower-than', long(-1), '10000', { aliases: ['commandlog-execution-slower-than'] }),
  directive('slowlog-max-len', long(), '128', { aliases: ['commandlog-slow-execution-max-len'] }),
  directive('commandlog-request-larger-than', long(-1), '1048576'),
  directive('commandlog-large-request-max-len', long(), '128'),
  directive('commandlog-reply-larger-than', long(-1), '1048576'),
  directive('commandlog-large-reply-max-len', long(), '128'),
  directive('latency-monitor-threshold', long(), '0'),
  directive('latency-tracking', bool, 'yes'),
  directive('notify-keyspace-events', { type: 'words', check: keyEventClasses }, ''),
  directive('latency-tracking-info-percentiles', { type: 'words', check: percentiles }, '50 99 99.9'),
  // Memory
  directive('maxmemory', memory(), '0'),
  directive('maxmemory-policy', oneOf(
    'volatile-lru', 'volatile-lfu', 'volatile-random', 'volatile-ttl', 'allkeys-lru', 'allkeys-lfu', 'allkeys-random', 'noeviction',
  ), 'noeviction'),
  directive('maxmemory-samples', int(1), '5'),
  directive('maxmemory-eviction-tenacity', int(0, 100), '10'),
  directive('maxmemory-clients', { type: 'memory-or-percent' }, '0'),
  directive('lfu-log-factor', int(), '10'),
  directive('lfu-decay-time', int(), '1'),
  // The transaction log
  directive('txlog-max-batches-in-flight', int(1, 64), '4', atStart),
  directive('txlog-max-inflight-bytes', memory(1024 * 1024), '67108864'),
  directive('election-timeout-ms', int(100, 60000), '750', atStart),
  directive('shutdown-timeout', int(), '10'),
  // The shard and its members
  directive('availability-zone', string, '', atStart),
  // What Sentinel-aware clients call this shard.
  directive('sentinel-master-name', string, 'mymaster'),
  directive('proxy-to-primary', bool, 'yes'),
  directive('member-role', oneOf('voter', 'log-only', 'learner'), 'voter', atStart),
  directive('min-replicas-to-write', int(), '0', { aliases: ['min-slaves-to-write'] }),
  directive('min-replicas-max-lag', int(), '10', { aliases: ['min-slaves-max-lag'] }),
  // Of an import whose source cannot be reached.
  directive('replica-serve-stale-data', bool, 'yes', { aliases: ['slave-serve-stale-data'] }),
  // 0: this node is a shard alone, and speaks to no other.
  directive('peer-port', int(0, 65535), '0', atStart),
  directive('peer-bind', words, '', atStart),
  // host:port where the other members reach this one; by default the host's name and peer-port.
  directive('peer-announce', string, '', atStart),
  directive('cluster-secret', string, '', atStart),
  directive('cluster-secret-file', string, '', atStart),
  directive('peer-tls-cert-file', string, '', atStart),
  directive('peer-tls-key-file', string, '', atStart),
  directive('peer-tls-ca-cert-file', string, '', atStart),
  directive('cluster-members', words, '', atStart),
  directive('cluster-join', words, '', atStart),
  directive('replica-announce-ip', string, '', { ...atStart, aliases: ['slave-announce-ip'] }),
  directive('replica-announce-port', int(0, 65535), '0', { ...atStart, aliases: ['slave-announce-port'] }),
  // Snapshots
  directive('rdbcompression', bool, 'yes'),
  directive('snapshot-freshness-percent', int(), '100'),
  directive('snapshot-freshness-min-bytes', memory(), '134217728'),
  directive('snapshot-daily-at', { type: 'words', check: minuteOfDay }, ''),
  directive('snapshot-retention-days', int(), '7'),
  directive('snapshot-keep', int(1, 1000), '2'),
  directive('tracking-table-max-keys', long(), '1000000'),
  // The Redis that data is imported from (REPLICAOF)
  directive('masteruser', string, '', { aliases: ['primaryuser'] }),
  directive('masterauth', string, '', { aliases: ['primaryauth'] }),
  directive('repl-timeout', int(1), '60'),
  // Scripts
  directive('busy-reply-threshold', long(), '5000', { aliases: ['lua-time-limit'] }),
  directive('lua-engine', oneOf('auto', 'compiled', 'fengari'), 'auto'),
  // Encodings
  directive('hash-max-listpack-entries', long(), '512', { aliases: ['hash-max-ziplist-entries'] }),
  directive('hash-max-listpack-value', memory(), '64', { aliases: ['hash-max-ziplist-value'] }),
  directive('set-max-intset-entries', long(), '512'),
  directive('set-max-listpack-entries', long(), '128'),
  directive('set-max-listpack-value', long(), '64'),
  directive('zset-max-listpack-entries', long(), '128', { aliases: ['zset-max-ziplist-entries'] }),
  directive('zset-max-listpack-value', memory(), '64', { aliases: ['zset-max-ziplist-value'] }),
  directive('hll-sparse-max-bytes', memory(), '3000'),
  directive('list-max-listpack-size', int(-INT_MAX - 1), '-2', { aliases: ['list-max-ziplist-size'] }),
  directive('list-compress-depth', int(), '0'),
  directive('stream-node-max-bytes', memory(), '4096'),
  directive('stream-node-max-entries', long(), '100'),
];

/** What Redis has and Holdfast has not yet: only the value that does without it is taken. */
const REFUSED: readonly Directive[] = [
  directive('cluster-enabled', bool, 'no', { mutable: false, refuse: only('no', 'cluster mode is not built yet') }),
  directive('replicaof', words, '', { mutable: false, aliases: ['slaveof'], refuse: only('', 'an import is begun with the command REPLICAOF, once the shard is there: members of the shard are the replicas') }),
];

export const DIRECTIVES: readonly Directive[] = [...WITH_EFFECT, ...REFUSED, ...DIRECTIVES_WITHOUT_EFFECT];

/** Lines that are no setting of one value, and what is said to those that cannot be had. */
export const REFUSED_LINES: Readonly<Record<string, string>> = {
  loadmodule: 'modules are not built: they are code for another program',
};
