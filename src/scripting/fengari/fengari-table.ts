/** A table of fengari as the host sees it. One for each table, kept at the table. */
import type { LuaTable, LuaValue } from '../lua-engine.ts';
import { type LuaState, Tag, type TValue } from './core.ts';
import type { FengariEngine } from './fengari-engine.ts';
import type { Table } from './tables.ts';

export class FengariTable implements LuaTable {
  readonly luaType = 'table';
  readonly table: Table;
  readonly #engine: FengariEngine;

  constructor(engine: FengariEngine, table: Table) {
    this.#engine = engine;
    this.table = table;
  }

  get(key: LuaValue): LuaValue {
    return this.#engine.getRaw(this.table, key);
  }

  set(key: LuaValue, value: LuaValue): void {
    this.#engine.setRaw(this.table, key, value);
  }

  length(): number {
    return this.table.array.length;
  }

  next(key: LuaValue): readonly [key: LuaValue, value: LuaValue] | null {
    return this.#engine.nextRaw(this.table, key);
  }

  get metatable(): LuaTable | null {
    const { metatable } = this.table;
    return metatable === null ? null : this.#engine.tableView(metatable);
  }

  set metatable(to: LuaTable | null) {
    this.table.metatable = to === null ? null : (to as FengariTable).table;
  }

  get readOnly(): boolean {
    return this.table.readOnly;
  }

  set readOnly(to: boolean) {
    this.table.readOnly = to;
  }
}

/** A function or coroutine as the host holds it: one for each. */
export class FengariFunction {
  readonly luaType: 'function' | 'thread';
  readonly value: TValue;

  constructor(value: TValue) {
    this.luaType = value.type === Tag.thread ? 'thread' : 'function';
    this.value = value;
  }
}

/** What carries its own view: closures, JavaScript functions, threads. */
export interface Viewed {
  view?: FengariFunction;
}

/** A stack of two slots for walking a table without a thread. */
export function walkingStack(): LuaState {
  return { stack: [] } as unknown as LuaState;
}
