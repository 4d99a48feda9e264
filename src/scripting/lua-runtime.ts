/** One Lua engine made into a world for scripts: sandbox, API, and the running of one function with its keys and arguments. */
import type { Reply } from '../shared/reply.ts';
import { isTable } from './arguments.ts';
import { LibraryWorld } from './library-world.ts';
import { type LuaEngine, LuaError, type LuaFunction, LuaKilled, type LuaTable, type LuaValue } from './lua-engine.ts';
import { isCountedError, writeLuaValue } from './lua-to-reply.ts';
import { numberText } from './number-format.ts';
import { ScriptRandom } from './random.ts';
import { type ApiHost, RedisApi } from './redis-api.ts';
import { makeSandbox } from './sandbox.ts';
import type { ScriptRun } from './script-run.ts';

export class LuaRuntime {
  readonly lua: LuaEngine;
  readonly api: RedisApi;
  #libraries: LibraryWorld | null = null;

  constructor(lua: LuaEngine, host: ApiHost) {
    this.lua = lua;
    this.api = new RedisApi(lua, host);
    makeSandbox(lua, this.api.table, new ScriptRandom());
  }

  /** The globals of libraries of functions. */
  get libraries(): LibraryWorld {
    return (this.#libraries ??= new LibraryWorld(this));
  }

  list(strings: readonly string[]): LuaTable {
    const values: LuaValue[] = [undefined];
    for (const string of strings) values.push(string);
    return this.lua.newList(values);
  }

  /** Runs a script of EVAL, which finds its keys and arguments in globals. */
  runScript(fn: LuaFunction, run: ScriptRun, keys: readonly string[], args: readonly string[], reply: Reply): void {
    const { globals } = this.lua;
    globals.readOnly = false;
    globals.set('KEYS', this.list(keys));
    globals.set('ARGV', this.list(args));
    globals.readOnly = true;
    this.#run(fn, run, [], reply);
  }

  /** Runs a function of a library, which is given its keys and arguments. */
  runFunction(fn: LuaFunction, run: ScriptRun, keys: readonly string[], args: readonly string[], reply: Reply): void {
    this.#run(fn, run, [this.list(keys), this.list(args)], reply);
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
    writeLuaValue(results[0], reply, run);
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
