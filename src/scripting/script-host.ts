/**
 * Scripts of a server: the Lua engines that run them, and the script under way with what may stop it. Engines are made when
 * first needed.
 */
import type { Call } from '../engine/call.ts';
import { Session } from '../engine/session.ts';
import { CommandError } from '../shared/errors.ts';
import type { Request } from '../shared/request.ts';
import { type LuaEngine, type LuaFunction, LuaKilled, LuaSyntaxError, type LuaTable, type LuaValue, SCRIPT_MEMORY_EXCEEDED, UnsupportedChunk } from './lua-engine.ts';
import { LuaRuntime } from './lua-runtime.ts';
import type { ApiHost } from './redis-api.ts';
import { recentString } from './recent-strings.ts';
import { ScriptRun } from './script-run.ts';

/** Which engine runs what: `auto` compiles, and interprets what cannot be compiled. */
export type EngineChoice = 'auto' | 'compiled' | 'fengari';

export interface ScriptHostOptions extends ApiHost {
  readonly newCompiled: () => LuaEngine;
  readonly newFengari: () => LuaEngine;
  readonly choice: () => EngineChoice;
  /** ms since the epoch, the clock's own and not the turn's. */
  readonly clockMs: () => number;
  /** Bytes of memory that scripts share with the rest of the process. */
  readonly memoryBytes: () => number;
  /** By so much may one script make that grow. */
  readonly scriptBytesMax: number;
  /** Called now and then while a script runs. */
  readonly onTick: (run: ScriptRun) => void;
  /** Called when a script that has ticked is over. */
  readonly onSlowEnd: () => void;
}

/** Something compiled, and the world in which it runs. */
export interface Compiled {
  readonly runtime: LuaRuntime;
  readonly fn: LuaFunction;
}

export const BUSY_SCRIPT = new CommandError('BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.');
export const BUSY_FUNCTION = new CommandError('BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.');
export const WRITES_IN_RO = new CommandError('ERR Can not execute a script with write flag using *_ro command.');
export const WRITES_ON_REPLICA = new CommandError('READONLY Can not run script with write flag on readonly replica');
const NOT_BUSY = new CommandError('NOTBUSY No scripts in execution right now.');
const UNKILLABLE = new CommandError('UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.');
const KILLED = 'Script killed by user with SCRIPT KILL.';
const FUNCTION_KILLED = 'Script killed by user with FUNCTION KILL.';

export class ScriptHost {
  readonly options: ScriptHostOptions;
  /** The script under way. */
  current: ScriptRun | null = null;
  #compiled: LuaRuntime | null = null;
  #fengari: LuaRuntime | null = null;
  #session = new Session(0, null);

  constructor(options: ScriptHostOptions) {
    this.options = options;
  }

  #runtime(name: 'compiled' | 'fengari'): LuaRuntime {
    const { options } = this;
    if (name === 'compiled') return (this.#compiled ??= new LuaRuntime(options.newCompiled(), options));
    return (this.#fengari ??= new LuaRuntime(options.newFengari(), options));
  }

  /**
   * Compiles a chunk. `environment` makes its globals, given the world that it will run in.
   * @throws LuaSyntaxError
   */
  compile(source: string, chunkName: string, environment?: (runtime: LuaRuntime) => LuaTable): Compiled {
    const choice = this.options.choice();
    const by = (runtime: LuaRuntime): Compiled => ({ runtime, fn: runtime.lua.compile(source, chunkName, environment?.(runtime)) });
    if (choice === 'fengari') return by(this.#runtime('fengari'));
    try {
      return by(this.#runtime('compiled'));
    } catch (error) {
      if (!(error instanceof UnsupportedChunk)) throw error;
      if (choice === 'compiled') throw new LuaSyntaxError(error.message);
      return by(this.#runtime('fengari'));
    }
  }

  /** SCRIPT KILL and FUNCTION KILL. @throws CommandError when there is nothing that may be killed. */
  kill(isFunction: boolean): void {
    const { current } = this;
    if (current === null) throw NOT_BUSY;
    if (current.isFunction !== isFunction) throw current.isFunction ? BUSY_FUNCTION : BUSY_SCRIPT;
    if (current.hasWritten) throw UNKILLABLE;
    current.killed = true;
  }

  /**
   * What a client's call is for scripts: its keys begin at argument 3, their number stands at 2. Both are lists as `newList` takes them.
   * @throws CommandError
   */
  keysOf(c: Call, badNumber?: CommandError): { keys: LuaValue[]; args: LuaValue[] } {
    const { req } = c;
    const count = c.integer(2, badNumber);
    if (count > req.argc - 3) throw new CommandError("ERR Number of keys can't be greater than number of args");
    if (count < 0) throw new CommandError("ERR Number of keys can't be negative");
    return { keys: wordsOf(req, 3, 3 + count), args: wordsOf(req, 3 + count, req.argc) };
  }

  /** Runs a script or function for a client. `flags` are ScriptFlags. */
  run(c: Call, isFunction: boolean, name: string, flags: number, compiled: Compiled, keys: LuaValue[], args: LuaValue[]): void {
    const run = new ScriptRun(isFunction, name, flags, this.#sessionFor(c), this.options.clockMs(), c.req);
    const { runtime, fn } = compiled;
    runtime.lua.onTick = this.#onTick;
    this.current = run;
    try {
      if (isFunction) runtime.runFunction(fn, run, keys, args, c.reply);
      else runtime.runScript(fn, run, keys, args, c.reply);
      c.errorsAreCounted = run.ownErrors === 0;
    } finally {
      this.current = null;
      runtime.lua.onTick = null;
      if (run.memoryAtFirstTick >= 0) this.options.onSlowEnd();
    }
  }

  /** A session of the script's own, as the client's is. */
  #sessionFor(c: Call): Session {
    let session = this.#session;
    // What a script may have left in it is not for the next one.
    if (session.id !== c.session.id || session.queue !== null || session.watched.length > 0) this.#session = session = new Session(c.session.id, null);
    session.db = c.db.number;
    session.noTouch = c.session.noTouch;
    session.tracksReads = c.session.tracksReads;
    session.restrictedTo = c.session.restrictedTo;
    session.fromSource = c.session.fromSource;
    return session;
  }

  readonly #onTick = (): void => {
    const run = this.current!;
    const bytes = this.options.memoryBytes();
    // Most scripts are over before the first tick, and are spared the question.
    if (run.memoryAtFirstTick < 0) run.memoryAtFirstTick = bytes;
    else if (bytes - run.memoryAtFirstTick > this.options.scriptBytesMax) throw new LuaKilled(SCRIPT_MEMORY_EXCEEDED);
    this.options.onTick(run);
    if (run.killed) throw new LuaKilled(run.isFunction ? FUNCTION_KILLED : KILLED);
  };

  /** Does `work`, which runs Lua, and stops it with LuaKilled after so many milliseconds. */
  within(limitMs: number, runtime: LuaRuntime, work: () => void): void {
    const endMs = this.options.clockMs() + limitMs;
    runtime.lua.onTick = () => {
      if (this.options.clockMs() > endMs) throw new LuaKilled('timeout');
    };
    try {
      work();
    } finally {
      runtime.lua.onTick = null;
    }
  }
}

/** The arguments from `start` to before `end`, from index 1 on. */
function wordsOf({ buf, off, len }: Request, start: number, end: number): LuaValue[] {
  const words: LuaValue[] = [undefined];
  for (let i = start; i < end; i++) words.push(recentString(buf, off[i]!, len[i]!));
  return words;
}

/** What a chunk that does not compile is called in replies. */
export function syntaxText(error: unknown): string {
  if (error instanceof LuaSyntaxError) return error.message;
  throw error;
}
