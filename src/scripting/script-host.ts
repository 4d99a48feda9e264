/**
 * Scripts of a server: the Lua engines that run them, the cache of EVAL's scripts, and the script under way. Engines are
 * made when first needed.
 */
import type { Call } from '../engine/call.ts';
import { Session } from '../engine/session.ts';
import { CommandError } from '../shared/errors.ts';
import { type LuaEngine, type LuaFunction, LuaSyntaxError, type LuaTable } from './lua-engine.ts';
import { LuaRuntime } from './lua-runtime.ts';
import type { ApiHost } from './redis-api.ts';
import { ScriptRun } from './script-run.ts';

export interface ScriptHostOptions extends ApiHost {
  /** Makes an interpreter or a compiler of Lua. */
  readonly newLua: () => LuaEngine;
  /** ms since the epoch, the clock's own and not the turn's. */
  readonly clockMs: () => number;
}

/** Something compiled, and the world in which it runs. */
export interface Compiled {
  readonly runtime: LuaRuntime;
  readonly fn: LuaFunction;
}

export const BUSY_SCRIPT = new CommandError('BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.');
export const BUSY_FUNCTION = new CommandError('BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.');
const NOT_BUSY = new CommandError('NOTBUSY No scripts in execution right now.');
const UNKILLABLE = new CommandError('UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.');

export class ScriptHost {
  readonly options: ScriptHostOptions;
  /** The script under way. */
  current: ScriptRun | null = null;
  #runtime: LuaRuntime | null = null;

  constructor(options: ScriptHostOptions) {
    this.options = options;
  }

  get runtime(): LuaRuntime {
    return (this.#runtime ??= new LuaRuntime(this.options.newLua(), this.options));
  }

  /**
   * Compiles a chunk. `environment` makes its globals, given the world that it will run in.
   * @throws LuaSyntaxError
   */
  compile(source: string, chunkName: string, environment?: (runtime: LuaRuntime) => LuaTable): Compiled {
    const { runtime } = this;
    return { runtime, fn: runtime.lua.compile(source, chunkName, environment?.(runtime)) };
  }

  /** SCRIPT KILL and FUNCTION KILL. @throws CommandError when there is nothing that may be killed. */
  kill(isFunction: boolean): void {
    const { current } = this;
    if (current === null) throw NOT_BUSY;
    if (current.isFunction !== isFunction) throw current.isFunction ? BUSY_FUNCTION : BUSY_SCRIPT;
    if (current.hasWritten) throw UNKILLABLE;
    current.killed = true;
  }

  /** What a client's call is for scripts: its keys begin at argument 3, their number stands at 2. @throws CommandError */
  keysOf(c: Call, badNumber?: CommandError): { keys: string[]; args: string[] } {
    const count = c.integer(2, badNumber);
    if (count > c.req.argc - 3) throw new CommandError("ERR Number of keys can't be greater than number of args");
    if (count < 0) throw new CommandError("ERR Number of keys can't be negative");
    const words: string[] = [];
    for (let i = 3; i < c.req.argc; i++) words.push(c.req.string(i));
    return { keys: words.slice(0, count), args: words.slice(count) };
  }

  /** Runs a script or function for a client. */
  run(c: Call, isFunction: boolean, name: string, readOnly: boolean, compiled: Compiled, keys: readonly string[], args: readonly string[]): void {
    const session = new Session(c.session.id, null);
    session.db = c.db.number;
    session.noTouch = c.session.noTouch;
    const words: string[] = [];
    for (let i = 0; i < c.req.argc; i++) words.push(c.req.string(i));
    const run = new ScriptRun(isFunction, name, readOnly, session, this.options.clockMs(), words);
    this.current = run;
    try {
      if (isFunction) compiled.runtime.runFunction(compiled.fn, run, keys, args, c.reply);
      else compiled.runtime.runScript(compiled.fn, run, keys, args, c.reply);
    } finally {
      this.current = null;
    }
  }
}

/** What a chunk that does not compile is called in replies. */
export function syntaxText(error: unknown): string {
  if (error instanceof LuaSyntaxError) return error.message;
  throw error;
}
