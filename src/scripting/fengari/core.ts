/** What is used of fengari's internals, as types. Names are fengari's, which are those of Lua's C sources. */

import type { Table } from './tables.ts';

export type ModuleExports = Record<string, unknown>;
export type Require = (name: string) => ModuleExports;

/** Type tags: those of Lua 5.3, without a tag of its own for integers. */
export const Tag = {
  nil: 0,
  boolean: 1,
  lightUserdata: 2,
  number: 3,
  string: 4 | (1 << 4),
  table: 5,
  luaFunction: 6,
  jsFunction: 6 | (1 << 4),
  jsClosure: 6 | (2 << 4),
  thread: 8,
} as const;

export const Status = { ok: 0, yield: 1, runtimeError: 2, syntaxError: 3, memoryError: 4 } as const;
export const CALL_IS_LUA = 1 << 1;
export const MULTIPLE_RESULTS = -1;

/** A slot of a stack, a table or an upvalue. */
export interface TValue {
  type: number;
  value: unknown;
  setfrom(from: TValue): void;
}

export interface Proto {
  readonly source: { readonly text: string };
  readonly lineinfo: readonly number[];
}

export interface Closure {
  readonly p: Proto;
  readonly upvals: TValue[];
}

export interface CallInfo {
  readonly func: TValue;
  readonly funcOff: number;
  top: number;
  readonly previous: CallInfo | null;
  next: CallInfo | null;
  readonly callstatus: number;
  readonly l_savedpc: number;
}

export interface LuaState {
  readonly stack: TValue[];
  top: number;
  stack_last: number;
  ci: CallInfo;
  nny: number;
  nCcalls: number;
  allowhook: number;
  errfunc: number;
  errorJmp: unknown;
  status: number;
  readonly l_G: { readonly mainthread: LuaState; readonly mt: unknown[]; readonly l_registry: TValue };
}

/** A function of the host as the interpreter calls it: returns how many results it pushed. */
export type NativeFunction = (L: LuaState) => number;

export interface Core {
  readonly lapi: {
    lua_error(L: LuaState): never;
    lua_load(L: LuaState, reader: () => Uint8Array | null, data: unknown, name: Uint8Array, mode: Uint8Array): number;
    lua_pcallk(L: LuaState, nargs: number, nresults: number, errfunc: number, ctx: number, k: null): number;
    lua_callk(L: LuaState, nargs: number, nresults: number, ctx: number, k: null): void;
    lua_checkstack(L: LuaState, n: number): boolean;
    lua_xmove(from: LuaState, to: LuaState, n: number): void;
  };
  readonly ldebug: {
    lua_getinfo(L: LuaState, what: Uint8Array, ar: DebugInfo): number;
  };
  readonly ldo: {
    lua_resume(L: LuaState, from: LuaState, nargs: number): number;
    lua_yieldk(L: LuaState, nresults: number, ctx: number, k: null): number;
    adjust_top(L: LuaState, top: number): void;
  };
  readonly lobject: {
    TValue: new (type: number, value: unknown) => TValue;
  };
  readonly lstate: {
    lua_newstate(): LuaState;
    lua_newthread(L: LuaState): LuaState;
    lua_State: new (...args: never[]) => LuaState;
  };
  readonly ltable: {
    luaH_get(L: LuaState, table: Table, key: TValue): TValue;
    luaH_setfrom(L: LuaState, table: Table, key: TValue, value: TValue): void;
    luaH_next(L: LuaState, table: Table, keyAt: number): boolean;
    canFollow(table: Table, key: TValue): boolean;
  };
  readonly lvm: {
    hooks: { tick: () => void; charge(bytes: number): void };
    luaV_gettable(L: LuaState, t: TValue, key: TValue, ra: number): void;
    luaV_lessthan(L: LuaState, a: TValue, b: TValue): number;
    luaV_equalobj(L: LuaState | null, a: TValue, b: TValue): number;
  };
}

/** lua_Debug, as far as names of functions go. */
export interface DebugInfo {
  i_ci: CallInfo;
  name: Uint8Array | null;
  namewhat: Uint8Array | null;
}
