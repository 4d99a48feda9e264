/** One Lua engine made into a world for scripts: sandbox, API, and the running of one function with its keys and arguments. */
import type { Reply } from '../shared/reply.ts';
import { isTable } from './arguments.ts';
import { LibraryWorld } from './library-world.ts';
import { type LuaEngine, LuaError, type LuaFunction, LuaKilled, type LuaValue } from './lua-engine.ts';
import { isCountedError, writeLuaValue } from './lua-to-reply.ts';
import { numberText } from './number-format.ts';
import { ScriptRandom } from './random.ts';
import { type ApiHost, RedisApi } from './redis-api.ts';
import { makeSandbox } from './sandbox.ts';
import type { ScriptRun } from './script-run.ts';
import { Toll } from './toll.ts';

export class LuaRuntime {
  readonly lua: LuaEngine;
  readonly api: RedisApi;
  readonly #toll: Toll;
  #libraries: LibraryWorld | null = null;

  constructor(lua: LuaEngine, host: ApiHost) {
    this.lua = lua;
    this.#toll = new Toll(lua);
    this.api = new RedisApi(lua, host);
    makeSandbox(lua, this.api.table, new ScriptRandom());
  }

  /** The globals of libraries of functions. */
  get libraries(): LibraryWorld {
    return (this.#libraries ??= new LibraryWorld(this));
  }

  /** Runs a script of EVAL, which finds its keys and arguments, lists as `newList` takes them, in globals. */
  runScript(fn: LuaFunction, run: ScriptRun, keys: LuaValue[], args: LuaValue[], reply: Reply): void {
    const { lua } = this;
    const { globals } = lua;
    globals.readOnly = false;
    globals.set('KEYS', lua.newList(keys));
    globals.set('ARGV', lua.newList(args));
    globals.readOnly = true;
    this.#run(fn, run, [], reply);
  }

  /** Runs a function of a library, which is given its keys and arguments. */
  runFunction(fn: LuaFunction, run: ScriptRun, keys: LuaValue[], args: LuaValue[], reply: Reply): void {
    this.#run(fn, run, [this.lua.newList(keys), this.lua.newList(args)], reply);
  }

  #run(fn: LuaFunction, run: ScriptRun, args: readonly LuaValue[], reply: Reply): void {
    this.api.begin(run);
    let results: readonly LuaValue[];
    try {
      results = this.lua.call(fn, args);
    } catch (error) {
      if (!isCountedError(error instanceof LuaError ? error.value : undefined)) run.ownErrors++;
      if (error instanceof LuaError) reply.error(`${this.errorText(error.value)}${placeOf(run, error)}`);
      else if (error instanceof LuaKilled) reply.error(`ERR ${error.message}`);
      else throw error;
      return;
    } finally {
      this.api.end();
    }
    this.#reply(results[0], run, reply);
  }

  #reply(value: LuaValue, run: ScriptRun, reply: Reply): void {
    const mark = reply.mark();
    try {
      writeLuaValue(value, reply, run, this.#toll);
    } catch (error) {
      if (!(error instanceof LuaKilled)) throw error;
      reply.rewind(mark);
      run.ownErrors++;
      reply.error(`ERR ${error.message}`);
    }
  }

  /** An uncaught error as an error reply, code included. */
  errorText(value: LuaValue): string {
    if (isTable(value)) {
      const text = value.get('err');
      if (typeof text === 'string') return text;
      return typeof text === 'number' ? numberText(text) : 'ERR unknown error';
    }
    return `ERR ${this.#text(value)}`;
  }

  #text(value: LuaValue): string {
    if (typeof value === 'string') return value;
    return String(this.lua.call(this.lua.globals.get('tostring') as LuaFunction, [value])[0]);
  }
}

function placeOf(run: ScriptRun, error: LuaError): string {
  return error.line === 0 ? '' : ` script: ${run.name}, on ${error.source}:${error.line}.`;
}
