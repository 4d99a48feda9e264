/**
 * The border between the host layer (redis.*, cjson, cmsgpack, struct, bit, the sandbox) and whatever runs Lua 5.1. The host
 * layer is written once over these types; each engine is one implementation, and each is the other's oracle.
 * This file holds types, `luaTypeOf`, errors and the one userdata.
 *
 * Strings are latin1: one char is one byte. Numbers are doubles. nil is `undefined`.
 */

export type LuaValue = undefined | boolean | number | string | LuaTable | LuaFunction | LuaUserdata;

/** All access is raw: no metamethod runs. */
export interface LuaTable {
  readonly luaType: 'table';
  get(key: LuaValue): LuaValue;
  /** @throws LuaError for a nil or NaN key, and for a read-only table. */
  set(key: LuaValue, value: LuaValue): void;
  /** A border, as `#` finds it. */
  length(): number;
  /** The pair behind `key` in the order of `next` (undefined: the first), or null at the end. */
  next(key: LuaValue): readonly [key: LuaValue, value: LuaValue] | null;
  metatable: LuaTable | null;
  /** Scripts may not change it: "Attempt to modify a readonly table". */
  readOnly: boolean;
}

/**
 * A Lua function or a host function; also stands for coroutines, which the host never looks into. Opaque: the compiled engine's
 * functions are JavaScript functions of its own calling convention, so only `LuaEngine.call` may call one.
 */
export type LuaFunction = ((...args: never[]) => unknown) | { readonly luaType: 'function' | 'thread' };

/** A light userdata: an opaque value, equal to itself alone. Its `tostring` is "userdata: (nil)". */
export interface LuaUserdata {
  readonly luaType: 'userdata';
}

/** The null pointer, which is what cjson.null is. */
export const NULL_USERDATA: LuaUserdata = { luaType: 'userdata' };

/**
 * What string.dump gives for a function of Lua: the header of Lua 5.1's byte code on a 64-bit machine, and no code. No server loads byte
 * code, and an engine may have none.
 */
export const BYTE_CODE_HEADER = '\x1bLuaQ\0\x01\x04\x08\x04\x08\0';

/** What Lua's `type` says of a value. */
export type LuaType = 'nil' | 'boolean' | 'number' | 'string' | 'table' | 'function' | 'thread' | 'userdata';

export function luaTypeOf(value: LuaValue): LuaType {
  if (value === undefined) return 'nil';
  return typeof value === 'object' ? value.luaType : (typeof value as LuaType);
}

/** A function of the host. The arguments are valid during the call only. Throws LuaError to raise an error in the script. */
export type HostFunction = (args: readonly LuaValue[]) => readonly LuaValue[];

/** A function of the host that has exactly one result. */
export type HostValueFunction = (args: readonly LuaValue[]) => LuaValue;

/** An error that a script raised or met; pcall catches it. */
export class LuaError extends Error {
  /** What `error` was given: a string with its position, or any value. */
  readonly value: LuaValue;
  /**
   * Where it was raised: line and chunk name (as `compile` took it) of the Lua function that raised it, or that called the
   * host or library function which did. The engine sets them before the error leaves `call`; 0 and '' when unknown.
   */
  line = 0;
  source = '';

  constructor(value: LuaValue) {
    super(typeof value === 'string' ? value : 'a Lua error that is not a string');
    this.name = 'LuaError';
    this.value = value;
  }
}

/** The source does not compile: `message` is what luaL_loadbuffer gives, such as "user_script:1: '=' expected near 'x'". */
export class LuaSyntaxError extends Error {}

/** The chunk is correct Lua, but too much for this engine: another one has to run it. */
export class UnsupportedChunk extends Error {}

/** Why a script is stopped that has more in memory than it may. */
export const SCRIPT_MEMORY_EXCEEDED = 'Script stopped: it uses more memory than there is for scripts.';

/** The script is stopped from outside (SCRIPT KILL, memory): goes through every pcall. */
export class LuaKilled extends Error {}

export interface LuaEngine {
  readonly name: 'compiled' | 'fengari';
  /** The table of globals, with Lua 5.1's base library and string, table, math, coroutine and the harmless part of os (clock). */
  readonly globals: LuaTable;
  newTable(): LuaTable;
  /** A table of the values from index 1 on, which it may keep; index 0 is not looked at. None of them is nil. */
  newList(values: LuaValue[]): LuaTable;
  hostFunction(name: string, run: HostFunction): LuaFunction;
  hostValueFunction(name: string, run: HostValueFunction): LuaFunction;
  /**
   * Compiles a chunk; `chunkName` as Lua takes it ("@user_script"). Its globals are `environment` (default: `globals`).
   * @throws LuaSyntaxError
   */
  compile(source: string, chunkName: string, environment?: LuaTable): LuaFunction;
  /** Calls a function. @throws LuaError, LuaKilled */
  call(fn: LuaFunction, args: readonly LuaValue[]): readonly LuaValue[];
  /** Called every few thousand steps (loop iterations, calls) of a running script: may throw LuaKilled. Null: nobody asks. */
  onTick: (() => void) | null;
  /** Counts what the host makes for the script as steps of its own; each 64 bytes are one, and fewer none (`Toll` gathers them). @throws LuaKilled */
  charge(bytes: number): void;
  /**
   * Where the Lua code stands that calls the host function now, as luaL_where(1) gives it: "user_script:1: ", or
   * '[string "return y"]:1: '; '' when a library or host function (pcall) calls it.
   */
  where(): string;
  /** The metatable that all strings share, for the sandbox to lock. */
  readonly stringMetatable: LuaTable;
}
