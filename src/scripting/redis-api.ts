/**
 * The table `redis` (and `server`, which is the same) that scripts see. Its functions act for the script that is under way.
 * Texts are Redis's.
 */
import { Denial, denialOf } from '../engine/acl/permission.ts';
import { Flag } from '../engine/command.ts';
import type { Engine } from '../engine/engine.ts';
import type { Call } from '../engine/call.ts';
import { OUT_OF_MEMORY, TOO_FEW_REPLICAS, tooLargeToLog } from '../engine/error-texts.ts';
import { latin1Bytes } from '../shared/request.ts';
import { sha1Hex } from '../shared/sha1.ts';
import { isTable, toInteger, toNumber } from './arguments.ts';
import { CallArguments } from './call-arguments.ts';
import { type HostFunction, type LuaEngine, LuaError, type LuaTable, type LuaValue } from './lua-engine.ts';
import { numberText } from './number-format.ts';
import { ReplyCollector, errorTable } from './reply-collector.ts';
import type { ScriptRun } from './script-run.ts';

const LOG_LEVELS = { LOG_DEBUG: 0, LOG_VERBOSE: 1, LOG_NOTICE: 2, LOG_WARNING: 3 } as const;
const REPLICATION_FLAGS = { REPL_NONE: 0, REPL_AOF: 1, REPL_SLAVE: 2, REPL_REPLICA: 2, REPL_ALL: 3 } as const;

/** What the API needs of the outside. */
export interface ApiHost {
  readonly engine: Engine;
  /** The version of Redis that scripts are told, such as "7.2.0". */
  readonly redisVersion: string;
  /** @param level 0 (debug) … 3 (warning) */
  log(level: number, text: string): void;
}

function versionNumber(version: string): number {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  return (major << 16) | (minor << 8) | patch;
}

export class RedisApi {
  readonly table: LuaTable;
  /** The script under way; null while nothing runs. */
  run: ScriptRun | null = null;
  readonly #lua: LuaEngine;
  readonly #host: ApiHost;
  readonly #collector: ReplyCollector;
  readonly #arguments = new CallArguments();
  #call: Call | null = null;

  constructor(lua: LuaEngine, host: ApiHost) {
    this.#lua = lua;
    this.#host = host;
    this.#collector = new ReplyCollector(lua);
    this.table = lua.newTable();
    const functions: Readonly<Record<string, HostFunction>> = {
      log: (args) => this.#log(args),
      setresp: (args) => this.#setResp(args),
      sha1hex: (args) => [this.#sha1hex(args)],
      error_reply: (args) => [this.#errorReply(args)],
      status_reply: (args) => [this.#statusReply(args)],
      set_repl: (args) => this.#setReplication(args),
      replicate_commands: () => [true],
      breakpoint: () => [false],
      debug: () => [],
      acl_check_cmd: (args) => [this.#aclCheck(args)],
    };
    this.table.set('call', lua.hostValueFunction('call', (args) => this.#command(args, true)));
    this.table.set('pcall', lua.hostValueFunction('pcall', (args) => this.#command(args, false)));
    for (const [name, run] of Object.entries(functions)) this.table.set(name, lua.hostFunction(name, run));
    for (const [name, value] of Object.entries({ ...LOG_LEVELS, ...REPLICATION_FLAGS })) this.table.set(name, value);
    this.table.set('REDIS_VERSION', host.redisVersion);
    this.table.set('REDIS_VERSION_NUM', versionNumber(host.redisVersion));
  }

  /** A table with some of the functions, for code that runs while a library is loaded. */
  part(names: readonly string[]): LuaTable {
    const table = this.#lua.newTable();
    for (const name of names) table.set(name, this.table.get(name));
    return table;
  }

  /** A table of all functions and constants but some. */
  without(names: readonly string[]): LuaTable {
    const table = this.#lua.newTable();
    for (let pair = this.table.next(undefined); pair !== null; pair = this.table.next(pair[0])) {
      if (!names.includes(pair[0] as string)) table.set(pair[0], pair[1]);
    }
    return table;
  }

  /** Begins to act for a script. */
  begin(run: ScriptRun): void {
    this.run = run;
    this.#collector.proto = 2;
    this.#call ??= this.#host.engine.nestedCall(this.#collector, run.session);
    this.#call.session = run.session;
  }

  end(): void {
    this.run = null;
  }

  /** Raises an error that has no position. */
  raise(text: string): never {
    throw new LuaError(errorTable(this.#lua, text));
  }

  // ---- Commands ----

  #command(args: readonly LuaValue[], raises: boolean): LuaValue {
    const mistake = this.#read(args);
    if (mistake === null) this.#execute();
    const isError = mistake !== null || this.#collector.isError;
    const value = mistake === null ? this.#collector.take() : errorTable(this.#lua, mistake);
    if (raises && isError) throw new LuaError(value);
    return value;
  }

  /** Makes a request of the arguments. @returns what is wrong with them, which is the script's own error, or null. */
  #read(args: readonly LuaValue[]): string | null {
    if (args.length === 0) return 'Please specify at least one argument for this redis lib call';
    return this.#arguments.fill(args) ? null : 'Lua redis lib command arguments must be strings or integers';
  }

  /** Runs the request; the reply, which may be the reason why it was not run, is in the collector. */
  #execute(): void {
    const { request, kind } = this.#arguments;
    const run = this.run!;
    const { engine } = this.#host;
    let command = kind === null ? null : kind.command;
    if (command === null) {
      command = engine.table.findForClient(request.buf, request.off[0]!, request.len[0]!);
      if (kind !== null) kind.command = command;
    }
    if (command?.subcommands && request.argc > 1) command = command.subcommands.get(request.string(1).toLowerCase()) ?? (command.run === null ? null : command);
    if (command === null) {
      this.#refuse('ERR Unknown Redis command called from script');
      return;
    }
    let refusal: string | null = null;
    if ((command.arity > 0 && request.argc !== command.arity) || request.argc < -command.arity || command.run === null) {
      refusal = 'ERR Wrong number of args calling Redis command from script';
    } else if ((command.flags & Flag.noscript) !== 0 && !engine.scriptsMayAll) refusal = 'ERR This Redis command is not allowed from script';
    else {
      const denial = engine.refusal(command, run.session, request, 'lua');
      if (denial !== null) refusal = `ERR ACL failure in script: ${denial}`;
      else if (run.readOnly && (command.flags & (Flag.write | Flag.mayReplicate)) !== 0) refusal = 'ERR Write commands are not allowed from read-only scripts.';
      else if (engine.eviction.isFull && (command.flags & Flag.denyoom) !== 0 && !run.allowsOom) refusal = OUT_OF_MEMORY.message;
      // Once it has written it may go on: half a script is worse.
      else if ((command.flags & Flag.write) !== 0 && !run.hasWritten && engine.lacksReplicas()) refusal = TOO_FEW_REPLICAS.message;
      else if ((command.flags & Flag.write) !== 0 && engine.commandExceedsRecord(command, request)) refusal = tooLargeToLog(engine.effectsBytesMax);
    }
    if (refusal !== null) {
      command.rejectedCalls++;
      this.#refuse(refusal);
      return;
    }
    if ((command.flags & Flag.write) !== 0) run.hasWritten = true;
    engine.runNested(this.#call!, command, request);
  }

  #refuse(error: string): void {
    this.#collector.error(error);
    this.#host.engine.onError(error);
  }

  // ---- The rest ----

  #log(args: readonly LuaValue[]): LuaValue[] {
    if (args.length < 2) this.raise('redis.log() requires two arguments or more.');
    const given = toNumber(args[0]);
    if (given === undefined) this.raise('First argument must be a number (log level).');
    const level = toInteger(given);
    if (level < LOG_LEVELS.LOG_DEBUG || level > LOG_LEVELS.LOG_WARNING) this.raise('Invalid debug level.');
    const words = args.slice(1).map((value) => (typeof value === 'number' ? numberText(value) : value)).filter((value) => typeof value === 'string');
    this.#host.log(level, words.join(' '));
    return [];
  }

  #setResp(args: readonly LuaValue[]): LuaValue[] {
    if (args.length !== 1) this.raise('redis.setresp() requires one argument.');
    const proto = Math.trunc(toNumber(args[0]) ?? 0);
    if (proto !== 2 && proto !== 3) this.raise('RESP version must be 2 or 3.');
    if (this.run !== null) this.run.proto = proto;
    this.#collector.proto = proto;
    return [];
  }

  #sha1hex(args: readonly LuaValue[]): LuaValue {
    if (args.length !== 1) this.raise('wrong number of arguments');
    const [value] = args;
    const bytes = latin1Bytes(typeof value === 'string' ? value : typeof value === 'number' ? numberText(value) : '');
    this.#lua.charge(bytes.length);
    return sha1Hex(bytes, 0, bytes.length);
  }

  #errorReply(args: readonly LuaValue[]): LuaValue {
    const text = args[0];
    if (args.length !== 1 || typeof text !== 'string') return errorTable(this.#lua, 'wrong number or type of arguments');
    return errorTable(this.#lua, text.startsWith('-') ? text : `-${text}`);
  }

  #statusReply(args: readonly LuaValue[]): LuaValue {
    const text = args[0];
    if (args.length !== 1 || typeof text !== 'string') return errorTable(this.#lua, 'wrong number or type of arguments');
    const table = this.#lua.newTable();
    table.set('ok', text);
    return table;
  }

  // Effects are what makes a write durable here, so a script cannot leave them out: the flags are checked and that is all.
  #setReplication(args: readonly LuaValue[]): LuaValue[] {
    if (args.length !== 1) this.raise('redis.set_repl() requires two arguments.');
    const flags = Math.trunc(toNumber(args[0]) ?? 0);
    if ((flags & ~REPLICATION_FLAGS.REPL_ALL) !== 0) this.raise('Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.');
    return [];
  }

  #aclCheck(args: readonly LuaValue[]): LuaValue {
    if (args.length === 0) this.raise('Please specify at least one argument for this redis lib call');
    if (!this.#arguments.fill(args)) this.raise('Lua redis lib command arguments must be strings or integers');
    const { request } = this.#arguments;
    const top = this.#host.engine.table.findForClient(request.buf, request.off[0]!, request.len[0]!);
    // A container is checked by its subcommand, where there is such a one.
    const command = top?.subcommands && request.argc > 1 ? (top.subcommands.get(request.string(1).toLowerCase()) ?? null) : top;
    if (command === null) this.raise('Invalid command passed to redis.acl_check_cmd()');
    const user = this.run?.session.restrictedTo ?? null;
    return user === null || denialOf(user, command, request) === Denial.none;
  }
}

/** What Redis's pcall makes of an error: its text, where it is a table that has one. */
export function caughtValue(value: LuaValue): LuaValue {
  if (!isTable(value)) return value;
  const text = value.get('err');
  return typeof text === 'string' || typeof text === 'number' ? text : value;
}
