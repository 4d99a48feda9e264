/**
 * The directives of redis.conf that have a meaning here: one row each. Names, defaults and checks follow Redis 7.2.
 * A directive that is not in the table stops the start, so that nobody believes in a setting that does nothing.
 */

export type DirectiveKind =
  | { readonly type: 'bool' }
  | { readonly type: 'int'; readonly min: number; readonly max: number }
  | { readonly type: 'memory'; readonly min: number; readonly max: number }
  | { readonly type: 'enum'; readonly values: readonly string[] }
  | { readonly type: 'string' }
  /** Several words, kept as they stand. */
  | { readonly type: 'words' };

export interface Directive {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly kind: DirectiveKind;
  readonly default: string;
  /** Whether CONFIG SET may change it. */
  readonly mutable: boolean;
  /** Values that are understood but cannot be had here, with the reason. */
  readonly refuse?: (value: string) => string | null;
}

interface Options {
  readonly mutable?: boolean;
  readonly aliases?: readonly string[];
  readonly refuse?: (value: string) => string | null;
}

function directive(name: string, kind: DirectiveKind, value: string, options: Options = {}): Directive {
  const { mutable = true, aliases = [], refuse } = options;
  return { name, aliases, kind, default: value, mutable, ...(refuse === undefined ? {} : { refuse }) };
}

const INT_MAX = 2147483647;
const int = (min: number, max: number): DirectiveKind => ({ type: 'int', min, max });
const memory = (min = 0, max = Number.MAX_SAFE_INTEGER): DirectiveKind => ({ type: 'memory', min, max });
const bool: DirectiveKind = { type: 'bool' };
const string: DirectiveKind = { type: 'string' };
const words: DirectiveKind = { type: 'words' };
const fixed = { mutable: false };

const only = (wanted: string, reason: string) => (value: string): string | null => (value === wanted ? null : reason);

export const DIRECTIVES: readonly Directive[] = [
  // Network
  directive('bind', words, '* -::*', fixed),
  directive('port', int(0, 65535), '6379', fixed),
  directive('tcp-backlog', int(0, INT_MAX), '511', fixed),
  directive('unixsocket', string, '', fixed),
  directive('unixsocketperm', string, '0', fixed),
  directive('timeout', int(0, INT_MAX), '0'),
  directive('tcp-keepalive', int(0, INT_MAX), '300'),
  directive('maxclients', int(1, INT_MAX), '10000'),
  directive('protected-mode', bool, 'yes'),
  directive('requirepass', string, ''),
  directive('client-output-buffer-limit', words, 'normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60'),
  directive('client-query-buffer-limit', memory(1024 * 1024), '1073741824'),
  directive('proto-max-bulk-len', memory(1024 * 1024), '536870912'),
  // Process
  directive('dir', string, './', fixed),
  directive('databases', int(1, 65535), '16', fixed),
  directive('loglevel', { type: 'enum', values: ['debug', 'verbose', 'notice', 'warning', 'nothing'] }, 'notice'),
  directive('logfile', string, '', fixed),
  directive('pidfile', string, '', fixed),
  directive('daemonize', bool, 'no', { mutable: false, refuse: only('no', 'Holdfast does not detach itself: let systemd, Docker or Kubernetes supervise it') }),
  directive('supervised', { type: 'enum', values: ['no'] }, 'no', fixed),
  directive('always-show-logo', bool, 'no', fixed),
  directive('hz', int(1, 500), '10'),
  directive('active-expire-effort', int(1, 10), '1'),
  directive('enable-debug-command', { type: 'enum', values: ['no', 'yes', 'local'] }, 'no', fixed),
  directive('enable-protected-configs', { type: 'enum', values: ['no', 'yes', 'local'] }, 'no', fixed),
  // Durability
  directive('appendonly', bool, 'yes', { refuse: only('yes', 'every acknowledged write is in the transaction log: there is no running without it') }),
  directive('appendfsync', { type: 'enum', values: ['always', 'everysec', 'no'] }, 'always', {
    refuse: only('always', 'a write is acknowledged only after its log record is fsynced'),
  }),
  directive('txlog-max-batches-in-flight', int(1, 64), '4', fixed),
  directive('txlog-max-inflight-bytes', memory(1024 * 1024), '67108864'),
  directive('availability-zone', string, ''),
  // Encodings
  directive('hash-max-listpack-entries', int(0, INT_MAX), '128', { aliases: ['hash-max-ziplist-entries'] }),
  directive('hash-max-listpack-value', int(0, INT_MAX), '64', { aliases: ['hash-max-ziplist-value'] }),
  directive('set-max-intset-entries', int(0, INT_MAX), '512'),
  directive('set-max-listpack-entries', int(0, INT_MAX), '128'),
  directive('set-max-listpack-value', int(0, INT_MAX), '64'),
  directive('zset-max-listpack-entries', int(0, INT_MAX), '128', { aliases: ['zset-max-ziplist-entries'] }),
  directive('zset-max-listpack-value', int(0, INT_MAX), '64', { aliases: ['zset-max-ziplist-value'] }),
  directive('list-max-listpack-size', int(-5, INT_MAX), '-2', { aliases: ['list-max-ziplist-size'] }),
  directive('list-compress-depth', int(0, INT_MAX), '0'),
  // Memory
  directive('maxmemory', memory(), '0', { refuse: only('0', 'eviction is not built yet: the data must fit the memory') }),
  directive('maxmemory-policy', { type: 'enum', values: ['noeviction'] }, 'noeviction'),
];

export class DirectiveError extends Error {}

const UNITS: Record<string, number> = {
  '': 1, b: 1, k: 1000, kb: 1024, m: 1e6, mb: 1024 ** 2, g: 1e9, gb: 1024 ** 3,
};

/** The value in the form in which CONFIG GET shows it. @throws DirectiveError with Redis's text. */
export function normalize(row: Directive, value: string): string {
  const { kind } = row;
  const reason = row.refuse?.(value.toLowerCase());
  if (reason !== undefined && reason !== null) throw new DirectiveError(reason);
  if (kind.type === 'bool') {
    if (!/^(yes|no)$/i.test(value)) throw new DirectiveError("argument must be 'yes' or 'no'");
    return value.toLowerCase();
  }
  if (kind.type === 'enum') {
    const found = kind.values.find((name) => name === value.toLowerCase());
    if (found === undefined) throw new DirectiveError(`argument(s) must be one of the following: ${kind.values.join(', ')}`);
    return found;
  }
  if (kind.type === 'string' || kind.type === 'words') return value;
  const match = kind.type === 'memory' ? /^(\d+)([a-z]*)$/i.exec(value) : /^(-?\d+)()$/.exec(value);
  const unit = UNITS[match?.[2]!.toLowerCase() ?? '?'];
  if (match === null || unit === undefined) {
    throw new DirectiveError(kind.type === 'memory' ? 'argument must be a memory value' : "argument couldn't be parsed into an integer");
  }
  const number = Number(match[1]) * unit;
  if (number < kind.min || number > kind.max) throw new DirectiveError(`argument must be between ${kind.min} and ${kind.max} inclusive`);
  return String(number);
}
