/**
 * What scripts have and may do: the globals that Redis leaves them, its libraries, and a world that they cannot change. All
 * scripts share one world.
 */
import { PositionedError, checkInteger, define, isTable } from './arguments.ts';
import { bitLibrary } from './libraries/bit.ts';
import { cjsonLibrary } from './libraries/cjson.ts';
import { cmsgpackLibrary } from './libraries/cmsgpack.ts';
import { structLibrary } from './libraries/struct.ts';
import { type HostFunction, type LuaEngine, LuaError, type LuaFunction, type LuaTable, type LuaValue, NULL_USERDATA } from './lua-engine.ts';
import { numberText } from './number-format.ts';
import type { ScriptRandom } from './random.ts';
import { caughtValue } from './redis-api.ts';
import { errorTable } from './reply-collector.ts';

/** Globals of Lua that Redis leaves to scripts. */
const ALLOWED = new Set([
  '_G', '_VERSION', 'assert', 'collectgarbage', 'coroutine', 'error', 'gcinfo', 'getfenv', 'getmetatable', 'ipairs', 'load', 'loadstring', 'math', 'next', 'os',
  'pairs', 'pcall', 'rawequal', 'rawget', 'rawset', 'select', 'setfenv', 'setmetatable', 'string', 'table', 'tonumber', 'tostring', 'type', 'unpack',
  'xpcall', 'newproxy',
]);

function fill(lua: LuaEngine, table: LuaTable, functions: Readonly<Record<string, HostFunction>>): LuaTable {
  for (const [name, run] of Object.entries(functions)) table.set(name, define(lua, name, run));
  return table;
}

function openLibraries(lua: LuaEngine): void {
  const { globals } = lua;
  const newCjson = (): LuaTable => {
    const cjson = fill(lua, lua.newTable(), cjsonLibrary(lua));
    cjson.set('null', NULL_USERDATA);
    cjson.set('_NAME', 'cjson');
    cjson.set('_VERSION', '2.1.0');
    cjson.set('new', define(lua, 'new', () => [newCjson()]));
    return cjson;
  };
  globals.set('cjson', newCjson());
  const cmsgpack = fill(lua, lua.newTable(), cmsgpackLibrary(lua));
  cmsgpack.set('_NAME', 'cmsgpack');
  cmsgpack.set('_VERSION', 'lua-cmsgpack 0.4.0');
  cmsgpack.set('_COPYRIGHT', 'Copyright (C) 2012, Salvatore Sanfilippo');
  cmsgpack.set('_DESCRIPTION', 'MessagePack C implementation for Lua');
  globals.set('cmsgpack', cmsgpack);
  globals.set('struct', fill(lua, lua.newTable(), structLibrary(lua)));
  globals.set('bit', fill(lua, lua.newTable(), bitLibrary));
}

function pcall(lua: LuaEngine): LuaFunction {
  return define(lua, 'pcall', (args) => {
    if (args.length === 0) return [false];
    try {
      return [true, ...lua.call(args[0] as LuaFunction, args.slice(1))];
    } catch (error) {
      if (error instanceof LuaError) return [false, caughtValue(error.value)];
      throw error;
    }
  });
}

/** A metatable that makes reading what is not there an error. */
export function guard(lua: LuaEngine, table: LuaTable): void {
  const metatable = lua.newTable();
  metatable.set('__index', define(lua, '__index', (args) => {
    const name = args[1];
    const shown = typeof name === 'string' ? name : typeof name === 'number' ? numberText(name) : '(null)';
    throw new PositionedError(`Script attempted to access nonexistent global variable '${shown}'`);
  }));
  table.metatable = metatable;
}

/** Makes a table, what it holds, and their metatables read-only. */
export function protect(table: LuaTable): void {
  if (table.readOnly) return;
  table.readOnly = true;
  for (let pair = table.next(undefined); pair !== null; pair = table.next(pair[0])) {
    const value: LuaValue = pair[1];
    if (isTable(value)) protect(value);
  }
  if (table.metatable !== null) protect(table.metatable);
}

/**
 * Turns a fresh engine's globals into those of Redis's scripts.
 * @param redis the table of the API
 */
export function makeSandbox(lua: LuaEngine, redis: LuaTable, random: ScriptRandom): void {
  const { globals } = lua;
  for (let pair = globals.next(undefined); pair !== null;) {
    const [name] = pair;
    pair = globals.next(name);
    if (typeof name !== 'string' || !ALLOWED.has(name)) globals.set(name, undefined);
  }
  openLibraries(lua);
  globals.set('pcall', pcall(lua));
  const math = globals.get('math') as LuaTable;
  math.set('random', define(lua, 'random', (args) => [random.random(args)]));
  math.set('randomseed', define(lua, 'randomseed', (args) => {
    random.seed(checkInteger(args, 0));
    return [];
  }));
  // Redis's own handler of errors, which scripts find among their globals.
  globals.set('__redis__err__handler', define(lua, '__redis__err__handler', (args) => [isTable(args[0]) ? args[0] : errorTable(lua, String(args[0]))]));
  globals.set('redis', redis);
  globals.set('server', redis);
  guard(lua, globals);
  protect(globals);
  protect(lua.stringMetatable);
}
