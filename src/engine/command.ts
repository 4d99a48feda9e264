/**
 * What a command is: one declarative row beside its handler, from which COMMAND, key extraction, ACL categories, gates
 * and statistics derive. Facts follow Redis's command table (redis.io/docs/latest/commands/command/).
 */
import { invariant } from '../shared/errors.ts';
import type { Request } from '../shared/request.ts';
import type { Call } from './call.ts';
import type { LatencyHistogram } from './latency-histogram.ts';

/** Runs a command: reads `call.req`, changes the keyspace, writes one reply to `call.reply`. May throw CommandError. */
export type Handler = (call: Call) => void;

/** Command flags, as bits. Names are those of COMMAND INFO. */
export const Flag = {
  write: 1 << 0,
  readonly: 1 << 1,
  denyoom: 1 << 2,
  admin: 1 << 3,
  pubsub: 1 << 4,
  noscript: 1 << 5,
  blocking: 1 << 6,
  loading: 1 << 7,
  stale: 1 << 8,
  fast: 1 << 9,
  noAuth: 1 << 10,
  noMulti: 1 << 11,
  movablekeys: 1 << 12,
  allowBusy: 1 << 13,
  skipMonitor: 1 << 14,
  skipSlowlog: 1 << 15,
  mayReplicate: 1 << 16,
  noAsyncLoading: 1 << 17,
  noMandatoryKeys: 1 << 18,
  protected: 1 << 19,
  asking: 1 << 20,
} as const;

export const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [Flag.write, 'write'], [Flag.readonly, 'readonly'], [Flag.denyoom, 'denyoom'], [Flag.admin, 'admin'],
  [Flag.pubsub, 'pubsub'], [Flag.noscript, 'noscript'], [Flag.blocking, 'blocking'], [Flag.loading, 'loading'],
  [Flag.stale, 'stale'], [Flag.skipMonitor, 'skip_monitor'], [Flag.skipSlowlog, 'skip_slowlog'], [Flag.asking, 'asking'], [Flag.fast, 'fast'],
  [Flag.noAuth, 'no_auth'], [Flag.mayReplicate, 'may_replicate'], [Flag.noMandatoryKeys, 'no_mandatory_keys'],
  [Flag.protected, 'protected'], [Flag.noAsyncLoading, 'no_async_loading'], [Flag.noMulti, 'no_multi'],
  [Flag.movablekeys, 'movablekeys'], [Flag.allowBusy, 'allow_busy'],
];

/** What a command does to a key, as bits: permissions for the one, the other or both can be given. */
export const KeyAccess = { read: 1, write: 2 } as const;

/** Which arguments of a command name channels. */
export type ChannelArguments =
  /** The first one. */
  | 'first'
  /** All of them. */
  | 'all'
  /** All of them, and they are patterns. */
  | 'patterns';

/** How keys are found in a request: Redis's key specifications (begin_search, find_keys). */
export interface KeySpec {
  /** Flags such as "RW access update", in COMMAND INFO's words, separated by spaces. */
  readonly flags: string;
  readonly begin:
    | { readonly index: number }
    | { readonly keyword: string; readonly startFrom: number };
  readonly find:
    | { readonly lastKey: number; readonly step: number; readonly limit: number }
    | { readonly keyNumIndex: number; readonly firstKey: number; readonly step: number }
    | { readonly unknown: true };
}

/** `count` keys one after the other from argument `index` on (`step` apart). */
export function keysAt(index: number, flags: string, count = 1, step = 1): KeySpec {
  return { flags, begin: { index }, find: { lastKey: (count - 1) * step, step, limit: 0 } };
}

/** Keys from argument `index` to the last argument but `lastKey` + 1 (-1: the last), `step` apart. */
export function keysThrough(index: number, lastKey: number, flags: string, step = 1): KeySpec {
  return { flags, begin: { index }, find: { lastKey, step, limit: 0 } };
}

/** A count of keys at argument `index`, the keys behind it. */
export function keysCounted(index: number, flags: string): KeySpec {
  return { flags, begin: { index }, find: { keyNumIndex: 0, firstKey: 1, step: 1 } };
}

/** The key behind a keyword, which is searched from argument `startFrom` on (negative: backwards from the end). */
export function keyAfter(keyword: string, startFrom: number, flags: string): KeySpec {
  return { flags, begin: { keyword, startFrom }, find: { lastKey: 0, step: 1, limit: 0 } };
}

/** Keys that no specification can describe: the row's `getKeys` finds them. */
export function keysUnknown(index: number, flags: string): KeySpec {
  return { flags, begin: { index }, find: { unknown: true } };
}

export type Group =
  | 'string' | 'hash' | 'list' | 'set' | 'sorted-set' | 'stream' | 'bitmap' | 'hyperloglog' | 'geo' | 'generic'
  | 'transactions' | 'connection' | 'server' | 'scripting' | 'pubsub' | 'cluster' | 'sentinel';

export interface CommandOptions {
  /** Lower case, as in COMMAND: "get", "config|get". */
  readonly name: string;
  /** Number of arguments with the name; negative: at least that many. Subcommands count their container. */
  readonly arity: number;
  /** Flag names of COMMAND INFO, separated by spaces. */
  readonly flags: string;
  readonly group: Group;
  /** First version of Redis that has it. */
  readonly since: string;
  readonly keys?: readonly KeySpec[];
  /** ACL categories beyond those that follow from flags and group, without '@', separated by spaces. */
  readonly categories?: string;
  /** Command tips (redis.io/docs/latest/develop/reference/command-tips). */
  readonly tips?: readonly string[];
  /** Argument indexes of the keys, where specifications do not suffice: the first key is as the first of them says, the others as the last. */
  readonly getKeys?: (request: Request) => number[];
  /** The channels that a user must be permitted. */
  readonly channels?: ChannelArguments;
  /** Absent for a container of subcommands. */
  readonly run?: Handler;
  readonly subcommands?: readonly Command[];
  /** What a blocked client gets at its time-out: default null array. */
  readonly timeoutReply?: 'null' | 'nullArray';
}

const FLAG_BY_NAME = new Map(FLAG_NAMES.map(([bit, name]) => [name, bit]));

/** ACL category that a group implies. */
const GROUP_CATEGORY: Partial<Record<Group, string>> = {
  string: 'string', hash: 'hash', list: 'list', set: 'set', 'sorted-set': 'sortedset', stream: 'stream', bitmap: 'bitmap',
  hyperloglog: 'hyperloglog', geo: 'geo', generic: 'keyspace', transactions: 'transaction', connection: 'connection',
  scripting: 'scripting', pubsub: 'pubsub',
};

/** A command's row. Made once at start; the hot path reads its plain fields. */
export class Command {
  readonly name: string;
  readonly arity: number;
  readonly flags: number;
  readonly group: Group;
  readonly since: string;
  readonly keys: readonly KeySpec[];
  readonly tips: readonly string[];
  readonly categories: readonly string[];
  readonly getKeys: ((request: Request) => number[]) | null;
  /** For each key specification, bits of KeyAccess; -1 where what it finds is no key. */
  readonly keyAccess: readonly number[];
  readonly hasKeys: boolean;
  /** Whether what it does to its keys depends on its options. */
  readonly hasVariableAccess: boolean;
  readonly channels: ChannelArguments | null;
  readonly run: Handler | null;
  readonly subcommands: ReadonlyMap<string, Command> | null;
  readonly timeoutReply: 'null' | 'nullArray';
  /** Index of the command in its table: for statistics kept beside it. */
  id = -1;
  /** Statistics since the start or the last CONFIG RESETSTAT. */
  calls = 0;
  microseconds = 0;
  /** What the last call took that was measured: see command-clock.ts. */
  sampleUs = 0;
  rejectedCalls = 0;
  failedCalls = 0;
  /** Of its calls since then; null before the first. */
  latency: LatencyHistogram | null = null;
  /** Whether clients call it by another name (rename-command): the log must not. */
  renamed = false;

  /** The name without that of a subcommand. */
  get topName(): string {
    const bar = this.name.indexOf('|');
    return bar < 0 ? this.name : this.name.slice(0, bar);
  }

  constructor(options: CommandOptions) {
    this.name = options.name;
    this.arity = options.arity;
    let flags = 0;
    for (const name of options.flags.split(' ')) {
      if (name === '') continue;
      const bit = FLAG_BY_NAME.get(name);
      invariant(bit !== undefined, `command ${options.name}: unknown flag ${name}`);
      flags |= bit;
    }
    this.flags = flags;
    this.group = options.group;
    this.since = options.since;
    this.keys = options.keys ?? [];
    this.tips = options.tips ?? [];
    // A container is in no category of its group: its subcommands are.
    this.categories = aclCategories(flags, options.run === undefined ? null : options.group, options.categories ?? '');
    this.getKeys = options.getKeys ?? null;
    this.keyAccess = this.keys.map((spec) => accessOf(spec.flags));
    this.hasKeys = this.keyAccess.some((access) => access >= 0);
    this.hasVariableAccess = this.keys.some((spec) => spec.flags.includes('variable_flags'));
    this.channels = options.channels ?? null;
    this.run = options.run ?? null;
    this.timeoutReply = options.timeoutReply ?? 'nullArray';
    this.subcommands = options.subcommands === undefined
      ? null
      : new Map(options.subcommands.map((sub) => [sub.name.slice(sub.name.indexOf('|') + 1), sub]));
  }
}

/** Makes a row. */
export function command(options: CommandOptions): Command {
  return new Command(options);
}

function accessOf(flags: string): number {
  const words = flags.split(' ');
  if (words.includes('not_key')) return -1;
  return (words.includes('access') ? KeyAccess.read : 0) | (['insert', 'delete', 'update'].some((word) => words.includes(word)) ? KeyAccess.write : 0);
}

/** ACL categories in the order in which Redis tells them (ACLCommandCategories of 7.2). */
export const CATEGORIES: readonly string[] = [
  'keyspace', 'read', 'write', 'set', 'sortedset', 'list', 'hash', 'string', 'bitmap', 'hyperloglog', 'geo', 'stream', 'pubsub',
  'admin', 'fast', 'slow', 'blocking', 'dangerous', 'connection', 'transaction', 'scripting',
];

// The implications are those of setImplicitACLCategories in Redis 7.2.
function aclCategories(flags: number, group: Group | null, extra: string): string[] {
  const out = new Set(extra.split(' ').filter((name) => name !== ''));
  const groupCategory = group === null ? undefined : GROUP_CATEGORY[group];
  if (groupCategory !== undefined && group !== 'generic') out.add(groupCategory);
  if (flags & Flag.write) out.add('write');
  // Commands that only look at the server's state are not @read.
  if (flags & Flag.readonly && !out.has('scripting')) out.add('read');
  if (flags & Flag.admin) out.add('admin').add('dangerous');
  if (flags & Flag.pubsub) out.add('pubsub');
  if (flags & Flag.fast) out.add('fast');
  if (flags & Flag.blocking) out.add('blocking');
  if (!out.has('fast')) out.add('slow');
  return CATEGORIES.filter((name) => out.has(name));
}
