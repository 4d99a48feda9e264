/** As much of Redis's sandbox around an engine as pure Lua can tell: read-only libraries, and no globals but those. */
import { LuaError, type LuaEngine, LuaSyntaxError, type LuaTable, type LuaValue, luaTypeOf } from '../../src/scripting/lua-engine.ts';

const HIDDEN = ['os', 'print', 'io', 'debug', 'package', 'require', 'module', 'dofile', 'loadfile', 'getfenv', 'setfenv', 'newproxy'];

function lock(table: LuaTable): void {
  if (table.readOnly) return;
  table.readOnly = true;
  for (let pair = table.next(undefined); pair !== null; pair = table.next(pair[0])) {
    if (luaTypeOf(pair[1]) === 'table') lock(pair[1] as LuaTable);
  }
}

export function inSandbox(engine: LuaEngine): LuaEngine {
  const { globals } = engine;
  for (const name of HIDDEN) globals.set(name, undefined);
  const metatable = engine.newTable();
  metatable.set('__index', engine.hostFunction('missing', ([, name]: readonly LuaValue[]) => {
    throw new LuaError(`${engine.where()}Script attempted to access nonexistent global variable '${String(name)}'`);
  }));
  globals.metatable = metatable;
  lock(metatable);
  lock(globals);
  lock(engine.stringMetatable);
  return engine;
}

/** What a script that returns a string gives; or why it does not compile, as EVAL says it. */
export function outcomeOf(engine: LuaEngine, script: string): string {
  try {
    return String(engine.call(engine.compile(script, '@user_script'), [])[0]);
  } catch (error) {
    if (error instanceof LuaSyntaxError) return `ERR Error compiling script (new function): ${error.message}`;
    throw error;
  }
}
