/**
 * Functions that can be called: the engine's libraries, compiled. The data are the engine's (function-libraries.ts); what
 * is compiled here follows them, so that a replica, a restart or a new engine needs nothing from here.
 */
import { readLibraryHeader } from '../engine/function-libraries.ts';
import { CommandError } from '../shared/errors.ts';
import type { RegisteredFunction } from './function-registration.ts';
import { LuaError, LuaKilled } from './lua-engine.ts';
import type { LuaRuntime } from './lua-runtime.ts';
import { type Compiled, type ScriptHost, syntaxText } from './script-host.ts';

export interface Library {
  readonly name: string;
  readonly source: string;
  readonly runtime: LuaRuntime;
  /** By name, which in upper and lower case are two here, though one for who calls them. */
  readonly functions: ReadonlyMap<string, RegisteredFunction>;
}

export interface CallableFunction {
  readonly library: Library;
  readonly registered: RegisteredFunction;
}

/** So long may a library's code run while it is loaded. */
const LOAD_MS_MAX = 500;

export class FunctionRegistry {
  readonly #host: ScriptHost;
  readonly #libraries = new Map<string, Library>();
  /** By name in lower case. */
  readonly #functions = new Map<string, CallableFunction>();
  #version = -1;

  constructor(host: ScriptHost) {
    this.#host = host;
  }

  get functionCount(): number {
    this.#follow();
    let count = 0;
    for (const { functions } of this.#libraries.values()) count += functions.size;
    return count;
  }

  libraries(): Iterable<Library> {
    this.#follow();
    return this.#libraries.values();
  }

  /** By name, whatever its case. */
  get(name: string): CallableFunction | undefined {
    this.#follow();
    return this.#functions.get(name.toLowerCase());
  }

  /** Compiles what came or changed since the last time. A library of the log that does not compile here has no functions. */
  #follow(): void {
    const { functions } = this.#host.options.engine;
    if (this.#version === functions.version) return;
    this.#version = functions.version;
    const before = new Map(this.#libraries);
    this.#libraries.clear();
    this.#functions.clear();
    for (const [name, source] of functions.entries()) {
      const known = before.get(name);
      try {
        this.#link(known?.source === source ? known : this.compile(source));
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        this.#host.options.log(3, `Library ${name} cannot be used: ${error.message}`);
      }
    }
  }

  #link(library: Library): void {
    this.#libraries.set(library.name, library);
    for (const [name, registered] of library.functions) {
      const key = name.toLowerCase();
      if (!this.#functions.has(key)) this.#functions.set(key, { library, registered });
    }
  }

  /**
   * Runs a library's code and keeps nothing of it.
   * @throws CommandError with Redis's text
   */
  compile(source: string): Library {
    const { name, engine, length } = readLibraryHeader(source);
    if (engine.toLowerCase() !== 'lua') throw new CommandError(`ERR Engine '${engine}' not found`);
    let compiled: Compiled;
    try {
      compiled = this.#host.compile(source.slice(length), '@user_function', (runtime) => runtime.libraries.globals);
    } catch (error) {
      throw new CommandError(`ERR Error compiling function: ${syntaxText(error)}`);
    }
    const { runtime, fn } = compiled;
    try {
      const functions = runtime.libraries.loading(() => this.#host.within(LOAD_MS_MAX, runtime, () => runtime.lua.call(fn, [])));
      if (functions.size === 0) throw new CommandError('ERR No functions registered');
      return { name, source, runtime, functions };
    } catch (error) {
      if (error instanceof LuaError) throw new CommandError(`ERR Error registering functions: ${runtime.errorText(error.value)}`);
      if (error instanceof LuaKilled) throw new CommandError('ERR Error registering functions: ERR FUNCTION LOAD timeout');
      throw error;
    }
  }

  /**
   * What stands in the way of a library: another with its name (unless it is to be replaced), or functions of others with
   * its functions' names. @throws CommandError
   */
  checkCollisions(library: Library, replace: boolean): void {
    this.#follow();
    if (!replace && this.#libraries.has(library.name)) throw new CommandError(`ERR Library '${library.name}' already exists`);
    for (const name of library.functions.keys()) {
      const other = this.#functions.get(name.toLowerCase());
      if (other !== undefined && other.library.name !== library.name) throw new CommandError(`ERR Function ${name} already exists`);
    }
  }

  /** Adds a compiled library to the engine's data, or puts it in the place of another. */
  adopt(library: Library): void {
    const { functions } = this.#host.options.engine;
    this.#follow();
    functions.load(library.source);
    const old = this.#libraries.get(library.name);
    if (old !== undefined) for (const name of old.functions.keys()) this.#functions.delete(name.toLowerCase());
    this.#link(library);
    this.#version = functions.version;
  }
}
