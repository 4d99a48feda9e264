/** Tables whose elements are known one after the other. */
import type { LuaEngine, LuaTable, LuaValue } from './lua-engine.ts';

/** The table that `values`, from index 1 on, make when they are set in that order. May keep the array, whose index 0 is not looked at. */
export function listOf(engine: LuaEngine, values: LuaValue[]): LuaTable {
  for (let i = 1; i < values.length; i++) if (values[i] === undefined) return setOneByOne(engine, values);
  return engine.newList(values);
}

function setOneByOne(engine: LuaEngine, values: readonly LuaValue[]): LuaTable {
  const table = engine.newTable();
  for (let i = 1; i < values.length; i++) table.set(i, values[i]);
  return table;
}
