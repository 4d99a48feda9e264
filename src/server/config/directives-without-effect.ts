/**
 * The directives of redis.conf 7.2 that are accepted, checked and shown, and change nothing: each with the reason. A start
 * with a value that asks for something else than what is done anyway says so in the log.
 */
import { type Directive, DirectiveError, type DirectiveKind, type DirectiveOptions, bool, directive, int, long, memory, oneOf, string } from './directive.ts';

const fixed = { mutable: false };
const hidden = { hidden: true };
const fixedHidden = { mutable: false, hidden: true };

/** Rows that share a reason. */
function because(withoutEffect: string, ...rows: readonly (readonly [string, DirectiveKind, string, DirectiveOptions?])[]): Directive[] {
  return rows.map(([name, kind, value, options]) => directive(name, kind, value, { ...options, withoutEffect }));
}

function savePoints(given: readonly string[]): readonly string[] {
  const list = given.length === 1 && given[0] === '' ? [] : given;
  const sane = list.length % 2 === 0 && list.every((word, i) => /^\d+$/.test(word) && (i % 2 === 1 || Number(word) >= 1));
  if (!sane) throw new DirectiveError('Invalid save parameters');
  return list;
}

const numbers = (count: number, min: number, max: number): DirectiveKind => ({
  type: 'words',
  check(given) {
    if (given.length !== count) throw new DirectiveError('wrong number of arguments');
    for (const word of given) {
      if (!/^-?\d+$/.test(word) || Number(word) < min || Number(word) > max) throw new DirectiveError('Invalid oom-score-adj-values, elements must be between -2000 and 2000.');
    }
    return given;
  },
});

const DURABILITY = [
  ...because('every acknowledged write is in the transaction log: there is no running without it', ['appendonly', bool, 'yes']),
  ...because('a write is acknowledged only after its log record is fsynced', ['appendfsync', oneOf('everysec', 'always', 'no'), 'always']),
  ...because('snapshots are scheduled by the size of the transaction log, which holds every write in any case', ['save', { type: 'words', check: savePoints }, '']),
  ...because(
    'there is no append-only file: the transaction log trims itself',
    ['appendfilename', string, 'appendonly.aof', fixed], ['appenddirname', string, 'appendonlydir', fixed], ['no-appendfsync-on-rewrite', bool, 'no'],
    ['auto-aof-rewrite-percentage', int(), '100'], ['auto-aof-rewrite-min-size', memory(), '67108864'], ['aof-load-truncated', bool, 'yes'],
    ['aof-use-rdb-preamble', bool, 'yes'], ['aof-timestamp-enabled', bool, 'no'], ['aof-rewrite-incremental-fsync', bool, 'yes'],
    ['aof-disable-auto-gc', bool, 'no', hidden],
  ),
  ...because(
    'snapshots are made off the primary, with checksums, and verified before they count',
    ['dbfilename', string, 'dump.rdb', { protected: true }], ['rdbchecksum', bool, 'yes', fixed], ['rdb-del-sync-files', bool, 'no'],
    ['rdb-save-incremental-fsync', bool, 'yes'], ['sanitize-dump-payload', oneOf('no', 'yes', 'clients'), 'no'], ['rdb-key-save-delay', int(-2147483648), '0', hidden],
    ['key-load-delay', int(-2147483648), '0', hidden],
  ),
  ...because('a write that the log cannot take is never acknowledged, whatever became of a snapshot', ['stop-writes-on-bgsave-error', bool, 'yes']),
];

const PROCESS = [
  ...because('commands run in one thread; sockets and the log have threads of their own', ['io-threads', int(1, 128), '1', fixed], ['io-threads-do-reads', bool, 'no', { atStartOnly: "can't set immutable config" }],
    ['events-per-io-thread', int(), '2'], ['prefetch-batch-max-size', int(0, 128), '16']),
  ...because('connections are accepted as they come', ['max-new-connections-per-cycle', int(1, 1000), '10'], ['max-new-tls-connections-per-cycle', int(1, 1000), '1']),
  ...because('it is for the tests of another program',
    ['client-default-resp', int(2, 3), '2', fixedHidden], ['debug-context', string, ''], ['enable-debug-assert', bool, 'no', fixedHidden], ['req-res-logfile', string, '', fixedHidden],
    ['watchdog-period', int(), '0', hidden], ['use-exit-on-panic', bool, 'no', hidden], ['loading-process-events-interval-bytes', memory(1024), '2097152', hidden]),
  ...because('background work runs in bounded steps every 10 ms, whatever the load', ['hz', { type: 'hint', least: 1, most: 500 }, '10'], ['dynamic-hz', bool, 'yes'], ['active-expire-effort', int(1, 10), '1']),
  ...because('large values are always detached at once and freed in small steps', ...['eviction', 'expire', 'server-del', 'user-del', 'user-flush']
    .map((name) => [`lazyfree-lazy-${name}`, bool, 'yes'] as const)),
  ...because('the data lies in an arena that is compacted all the time',
    ['activedefrag', bool, 'no'], ['active-defrag-ignore-bytes', memory(), '104857600'], ['active-defrag-threshold-lower', int(0, 1000), '10'],
    ['active-defrag-threshold-upper', int(0, 1000), '100'], ['active-defrag-cycle-min', int(1, 99), '1'], ['active-defrag-cycle-max', int(1, 99), '25'],
    ['active-defrag-max-scan-fields', long(1), '1000'], ['jemalloc-bg-thread', bool, 'yes'], ['activerehashing', bool, 'yes']),
  ...because('the supervisor of the process decides: systemd, Docker or Kubernetes',
    ['supervised', oneOf('upstart', 'systemd', 'auto', 'no'), 'no', fixed], ['oom-score-adj', oneOf('no', 'yes', 'relative', 'absolute'), 'no'],
    ['oom-score-adj-values', numbers(3, -2000, 2000), '0 200 800'], ['disable-thp', bool, 'yes', fixed],
    ['server-cpulist', string, '', { mutable: false, aliases: ['server_cpulist'] }], ['bio-cpulist', string, '', { mutable: false, aliases: ['bio_cpulist'] }],
    ['aof-rewrite-cpulist', string, '', { mutable: false, aliases: ['aof_rewrite_cpulist'] }], ['bgsave-cpulist', string, '', { mutable: false, aliases: ['bgsave_cpulist'] }]),
  ...because('log lines have one form, and no data of users in them',
    ['log-format', oneOf('legacy', 'logfmt'), 'legacy'], ['log-timestamp-format', oneOf('legacy', 'iso8601', 'milliseconds'), 'legacy'],
    ['hide-user-data-from-log', bool, 'yes']),
  ...because('log lines go to standard output or to logfile',
    ['syslog-enabled', bool, 'no', fixed], ['syslog-ident', string, 'redis', fixed],
    ['syslog-facility', oneOf('user', 'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'), 'local0', fixed],
    ['crash-log-enabled', bool, 'yes'], ['crash-memcheck-enabled', bool, 'yes'], ['always-show-logo', bool, 'no', fixed], ['ignore-warnings', string, '']),
  ...because('the process keeps the title it was started with', ['set-proc-title', bool, 'yes', fixed], ['proc-title-template', string, '{title} {listen-addr} {server-mode}']),
  ...because('byte strings are compared by their bytes', ['locale-collate', string, '']),
  ...because('a shutdown always waits for what is in the log and for nothing else',
    ['shutdown-on-sigint', oneOf('default', 'save', 'nosave', 'now', 'force'), 'default'],
    ['shutdown-on-sigterm', oneOf('default', 'save', 'nosave', 'now', 'force'), 'default']),
  ...because('there are no modules', ['enable-module-command', oneOf('no', 'yes', 'local'), 'no', fixed]),
  ...because('it presents itself as Redis in any case', ['extended-redis-compatibility', bool, 'no']),
  ...because('the socket has the group of the process', ['unixsocketgroup', string, '', { atStartOnly: "can't set immutable config" }]),
  ...because('it has no meaning for this program', ['import-mode', bool, 'no'], ['rdb-version-check', oneOf('strict', 'relaxed'), 'strict'], ['socket-mark-id', int(), '0', fixed], ['bind-source-addr', string, ''], ['propagation-error-behavior', oneOf('ignore', 'panic', 'panic-on-replicas'), 'ignore']),
];

const REPLICATION = because(
  'replicas follow the transaction log, and a write waits for a majority of its members',
  ['dual-channel-replication-enabled', bool, 'no'], ['repl-backlog-size', memory(1), '1048576'], ['repl-backlog-ttl', long(), '3600'],
  ['repl-ping-replica-period', int(1), '10', { aliases: ['repl-ping-slave-period'] }], ['repl-disable-tcp-nodelay', bool, 'no'],
  ['repl-diskless-sync', bool, 'yes'], ['repl-diskless-sync-delay', int(), '5'], ['repl-diskless-sync-period', int(), '1'], ['repl-diskless-sync-max-replicas', int(), '0'],
  ['repl-diskless-load', oneOf('disabled', 'on-empty-db', 'swapdb'), 'disabled'],
  ['replica-read-only', bool, 'yes', { aliases: ['slave-read-only'] }],
  ['replica-lazy-flush', bool, 'no', { aliases: ['slave-lazy-flush'] }], ['replica-priority', int(), '100', { aliases: ['slave-priority'] }],
  ['replica-announced', bool, 'yes'],
  ['replica-ignore-maxmemory', bool, 'yes', { aliases: ['slave-ignore-maxmemory'] }],
  ['replica-ignore-disk-write-errors', bool, 'no'],
);

const CLUSTER = because(
  'cluster mode is not built yet',
  ['cluster-config-file', string, 'nodes.conf', fixed], ['cluster-node-timeout', long(), '15000'], ['cluster-port', int(0, 65535), '0', fixed],
  ['cluster-announce-ip', string, ''], ['cluster-announce-hostname', string, ''], ['cluster-announce-human-nodename', string, ''], ['cluster-announce-port', int(0, 65535), '0'],
  ['cluster-announce-bus-port', int(0, 65535), '0'], ['cluster-announce-tls-port', int(0, 65535), '0'], ['cluster-migration-barrier', int(), '1'],
  ['cluster-allow-replica-migration', bool, 'yes'], ['cluster-replica-validity-factor', int(), '10', { aliases: ['cluster-slave-validity-factor'] }],
  ['cluster-replica-no-failover', bool, 'no', { aliases: ['cluster-slave-no-failover'] }], ['cluster-require-full-coverage', bool, 'yes'],
  ['cluster-allow-reads-when-down', bool, 'no'], ['cluster-allow-pubsubshard-when-down', bool, 'yes'], ['cluster-link-sendbuf-limit', memory(), '0'],
  ['cluster-announce-client-ipv4', string, ''], ['cluster-announce-client-ipv6', string, ''], ['cluster-blacklist-ttl', long(), '60'],
  ['cluster-ping-interval', long(), '0', hidden], ['cluster-slot-stats-enabled', bool, 'no'],
  ['cluster-preferred-endpoint-type', oneOf('ip', 'hostname', 'unknown-endpoint'), 'ip'],
);

const TLS = [
  ...because(
    'members speak TLS by peer-tls-cert-file and its kin',
    ['tls-cluster', bool, 'no'],
  ),
  ...because('sessions are kept by the clients (tickets)', ['tls-session-cache-size', int(), '20480']),
  ...because('key exchange uses elliptic curves', ['tls-dh-params-file', string, '']),
];

export const DIRECTIVES_WITHOUT_EFFECT: readonly Directive[] = [...DURABILITY, ...PROCESS, ...REPLICATION, ...CLUSTER, ...TLS];
