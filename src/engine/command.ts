/**
 * What a command is: one declarative row beside its handler, from which COMMAND, key extraction, ACL categories, gates
 * and statistics derive. Facts follow Redis's command table (redis.io/docs/latest/commands/command/).
 */
import { OperationalError, invariant } from '../shared/errors.ts';
import { type Request, latin1Slice } from '../shared/request.ts';
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
} as const;

export const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [Flag.write, 'write'], [Flag.readonly, 'readonly'], [Flag.denyoom, 'denyoom'], [Flag.admin, 'admin'],
  [Flag.pubsub, 'pubsub'], [Flag.noscript, 'noscript'], [Flag.blocking, 'blocking'], [Flag.loading, 'loading'],
  [Flag.stale, 'stale'], [Flag.skipMonitor, 'skip_monitor'], [Flag.skipSlowlog, 'skip_slowlog'], [Flag.fast, 'fast'],
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

/** Finds commands by name, and by the bytes of a request. */
export class CommandTable {
  readonly #byName = new Map<string, Command>();
  readonly #slots: (Command | null)[] = new Array<Command | null>(2048).fill(null);
  /** By the names that clients use, where commands were renamed. */
  #clientNames: Map<string, Command> | null = null;
  /** Every row, subcommands included, by id. */
  readonly all: Command[] = [];

  add(rows: readonly Command[]): void {
    for (const row of rows) {
      invariant(!this.#byName.has(row.name), `command ${row.name} stands in the table twice`);
      this.#byName.set(row.name, row);
      this.#number(row);
      for (const sub of row.subcommands?.values() ?? []) this.#number(sub);
      let slot = placeOfName(row.name);
      while (this.#slots[slot] !== null) slot = (slot + 1) & 2047;
      this.#slots[slot] = row;
    }
  }

  /**
   * Makes clients use other names: old names in lower case to new ones, '' hides a command. The log goes on using the old
   * ones. Call it once, when all rows are there.
   * @throws OperationalError BAD_RENAME when there is no such command, or the new name is taken.
   */
  rename(names: ReadonlyMap<string, string>): void {
    const byName = new Map(this.#byName);
    for (const [from, to] of names) {
      const row = this.#byName.get(from);
      if (row === undefined) throw new OperationalError('BAD_RENAME', `rename-command: there is no command '${from}'`);
      byName.delete(from);
      row.renamed = true;
      for (const sub of row.subcommands?.values() ?? []) sub.renamed = true;
      if (to === '') continue;
      if (byName.has(to)) throw new OperationalError('BAD_RENAME', `rename-command: there is a command '${to}' already`);
      byName.set(to, row);
    }
    this.#clientNames = byName;
  }

  /** Top-level commands in the order they were added. */
  commands(): Iterable<Command> {
    return this.#byName.values();
  }

  /** By name in lower case; "config|get" finds a subcommand. */
  get(name: string): Command | undefined {
    const bar = name.indexOf('|');
    if (bar < 0) return this.#byName.get(name);
    return this.#byName.get(name.slice(0, bar))?.subcommands?.get(name.slice(bar + 1));
  }

  /** The top-level command that a client's request names, or null. */
  findForClient(buf: Uint8Array, off: number, len: number): Command | null {
    if (this.#clientNames === null) return this.find(buf, off, len);
    return this.#clientNames.get(latin1Slice(buf, off, off + len).toLowerCase()) ?? null;
  }

  /** Whether a client's request of a command names `row`, which another one named. Commands with subcommands are not looked into. */
  names(row: Command, buf: Uint8Array, off: number, len: number): boolean {
    return this.#clientNames === null && nameEquals(row.name, buf, off, len);
  }

  /** The command that an effect of the log names, subcommand included, or null. */
  findForEffect(request: Request): Command | null {
    const row = this.find(request.buf, request.off[0]!, request.len[0]!);
    if (row === null || row.subcommands === null || request.argc < 2) return row;
    return row.subcommands.get(request.string(1).toLowerCase()) ?? row;
  }

  /** The top-level command with a name, or null. Makes no string. */
  find(buf: Uint8Array, off: number, len: number): Command | null {
    if (len === 0) return null;
    for (let slot = placeOf(buf[off]!, buf[off + (len >>> 2)]!, buf[off + (len >>> 1)]!, buf[off + len - 1]!, len); ; slot = (slot + 1) & 2047) {
      const row = this.#slots[slot]!;
      if (row === null) return null;
      if (nameEquals(row.name, buf, off, len)) return row;
    }
  }

  #number(row: Command): void {
    row.id = this.all.length;
    this.all.push(row);
  }
}

function placeOfName(name: string): number {
  const at = (i: number): number => name.charCodeAt(i);
  return placeOf(at(0), at(name.length >>> 2), at(name.length >>> 1), at(name.length - 1), name.length);
}

/** Where the search for a name begins: by four of its characters in either case, and its length. */
function placeOf(first: number, second: number, middle: number, last: number, length: number): number {
  const h = Math.imul((first | 0x20) | ((second | 0x20) << 8) | ((middle | 0x20) << 16) | ((last | 0x20) << 24), 0x9e3779b1) + Math.imul(length, 0x85ebca6b);
  return (h >>> 15) & 2047;
}

function nameEquals(name: string, buf: Uint8Array, off: number, len: number): boolean {
  if (name.length !== len) return false;
  for (let i = 0; i < len; i++) {
    let b = buf[off + i]!;
    if (b >= 65 && b <= 90) b += 32;
    if (b !== name.charCodeAt(i)) return false;
  }
  return true;
}
