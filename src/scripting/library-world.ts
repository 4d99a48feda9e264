/**
 * The globals of libraries of functions: those of scripts while a function runs, and nothing but a part of `redis` while a
 * library is loaded. All libraries of one Lua engine share them.
 */
import { define } from './arguments.ts';
import { LuaError, type LuaTable } from './lua-engine.ts';
import type { LuaRuntime } from './lua-runtime.ts';
import { type RegisteredFunction, RegistrationError, readRegistration } from './function-registration.ts';
import { errorTable } from './reply-collector.ts';
import { guard, protect } from './sandbox.ts';

/** What `redis` has while a library is loaded, register_function aside. */
const LOADING_API = ['log', 'LOG_DEBUG', 'LOG_VERBOSE', 'LOG_NOTICE', 'LOG_WARNING', 'REDIS_VERSION', 'REDIS_VERSION_NUM'];
/** What of a script's `redis` is EVAL's alone. */
const EVAL_API = ['breakpoint', 'debug', 'replicate_commands'];
/** Globals that belong to a script of EVAL. */
const NOT_SHARED = new Set(['KEYS', 'ARGV', '__redis__err__handler']);

export class LibraryWorld {
  readonly globals: LuaTable;
  readonly #runtime: LuaRuntime;
  /** `redis`, and `server`, while a function runs. */
  readonly #redis: LuaTable;
  readonly #loadingRedis: LuaTable;
  readonly #loadingServer: LuaTable;
  #registered: Map<string, RegisteredFunction> | null = null;

  constructor(runtime: LuaRuntime) {
    const { lua, api } = runtime;
    this.#runtime = runtime;
    this.#redis = api.without(EVAL_API);
    protect(this.#redis);
    this.globals = lua.newTable();
    guard(lua, this.globals);
    this.#loadingRedis = this.#loadingApi('redis');
    this.#loadingServer = this.#loadingApi('server');
    this.#fill();
    protect(this.globals);
  }

  /** What a library sees as `redis`, or as Valkey's name for the same: errors say the name that the library used, as either server's do. */
  #loadingApi(name: 'redis' | 'server'): LuaTable {
    const { lua, api } = this.#runtime;
    const called = `${name}.register_function`;
    const table = api.part(LOADING_API);
    table.set('register_function', define(lua, 'register_function', (args) => {
      try {
        this.#register(readRegistration(args, called), called);
      } catch (error) {
        throw error instanceof RegistrationError ? new LuaError(errorTable(lua, error.message)) : error;
      }
      return [];
    }));
    guard(lua, table);
    protect(table);
    return table;
  }

  #register(registered: RegisteredFunction, called: string): void {
    const all = this.#registered;
    if (all === null) throw new RegistrationError(`${called} can only be called on FUNCTION LOAD command`);
    if (all.has(registered.name)) throw new RegistrationError('Function already exists in the library');
    all.set(registered.name, registered);
  }

  /** Gives libraries what scripts have. */
  #fill(): void {
    const { globals } = this.#runtime.lua;
    for (let pair = globals.next(undefined); pair !== null; pair = globals.next(pair[0])) {
      if (!NOT_SHARED.has(pair[0] as string)) this.globals.set(pair[0], pair[1]);
    }
    this.globals.set('_G', this.globals);
    this.globals.set('redis', this.#redis);
    this.globals.set('server', this.#redis);
  }

  #empty(): void {
    const names = [];
    for (let pair = this.globals.next(undefined); pair !== null; pair = this.globals.next(pair[0])) names.push(pair[0]);
    for (const name of names) this.globals.set(name, undefined);
  }

  /** Does `load`, which runs a library's code; returns what it registered, by name. */
  loading(load: () => void): ReadonlyMap<string, RegisteredFunction> {
    const registered = new Map<string, RegisteredFunction>();
    this.#registered = registered;
    this.globals.readOnly = false;
    this.#empty();
    this.globals.set('redis', this.#loadingRedis);
    this.globals.set('server', this.#loadingServer);
    this.globals.readOnly = true;
    try {
      load();
    } finally {
      this.#registered = null;
      this.globals.readOnly = false;
      this.#fill();
      this.globals.readOnly = true;
    }
    return registered;
  }
}
