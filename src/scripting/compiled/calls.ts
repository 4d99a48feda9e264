/**
 * How functions are called: the convention between generated code and the library.
 *
 * A function of Lua is a JavaScript function that takes its arguments as they are. It returns its value if it has exactly one, else
 * an array of them; no Lua value is an array, so Array.isArray tells. Arrays of results belong to nobody: never change one.
 *
 * When little of the stack is left, a tail call is returned instead of made: `TailCall` is an array too, so that only code which has
 * met an array looks for it.
 */
import type { LuaValue } from '../lua-engine.ts';
import { machine } from './machine.ts';
import { operandError, runtimeError } from './positions.ts';
import { Table } from './table.ts';
import { describe } from './values.ts';

export type Result = LuaValue | LuaValue[];
export type Code = (...args: LuaValue[]) => Result;

/** C functions and metamethods within each other: LUAI_MAXCCALLS. */
export const C_CALLS_MAX = 200;

/** For values that come from no place in the script. */
const NAMELESS = -1;

/** No value at all. */
export const NOTHING: LuaValue[] = [];

/** The library's and the host's functions. */
const natives = new WeakSet<object>();

export function isNative(code: object): boolean {
  return natives.has(code);
}

export function native(code: Code): Code {
  natives.add(code);
  return code;
}

/** A call that is still to be made, with the arguments in it. */
class TailCall extends Array<LuaValue> {
  code: Code | null = null;
}

/** Instead of `code`: what a tail call calls when the stack is short. */
export function deferred(code: Code): Code {
  if (natives.has(code)) return code;
  return (...args) => {
    const call = new TailCall();
    for (const arg of args) call.push(arg);
    call.code = code;
    return call;
  };
}

function finish(call: TailCall): Result {
  let result: Result = call;
  while (result instanceof TailCall) result = result.code!(...result);
  return result;
}

/** The first of several values. */
export function first(values: LuaValue[]): LuaValue {
  if (!(values instanceof TailCall)) return values[0];
  const result = finish(values);
  return Array.isArray(result) ? result[0] : result;
}

/** All values. */
export function all(result: Result): LuaValue[] {
  if (!Array.isArray(result)) return [result];
  if (!(result instanceof TailCall)) return result;
  const finished = finish(result);
  return Array.isArray(finished) ? finished : [finished];
}

/** What a call that stands alone does with what it gets. */
export function drop(values: LuaValue[]): void {
  if (values instanceof TailCall) finish(values);
}

export function metatableOf(value: LuaValue): Table | null {
  if (value instanceof Table) return value.metatable;
  return typeof value === 'string' ? machine.stringMetatable : null;
}

export function metamethod(value: LuaValue, event: string): LuaValue {
  const metatable = metatableOf(value);
  return metatable === null ? undefined : metatable.getString(event);
}

/**
 * What calls a value that is not a function; it fails only when called, after the arguments.
 * @param operand which of the place's names is the value's
 */
export function callable(value: LuaValue, operand = 0): Code {
  const handler = metamethod(value, '__call');
  if (typeof handler === 'function') return (...args) => (handler as Code)(value, ...args);
  return () => {
    throw operandError(operand, (name) => `attempt to call ${describe(name, value)}`);
  };
}

/** Calls from within a native function. The name of this function is known to positions.ts. */
export function fromNative(fn: LuaValue, args: readonly LuaValue[]): Result {
  enterC();
  const code = typeof fn === 'function' ? (fn as Code) : callable(fn);
  let result = code(...args);
  if (result instanceof TailCall) result = finish(result);
  machine.cCalls--;
  return result;
}

/** `fromNative` for one value. */
export function valueFromNative(fn: LuaValue, args: readonly LuaValue[]): LuaValue {
  const result = fromNative(fn, args);
  return Array.isArray(result) ? result[0] : result;
}

/** Calls a metamethod on behalf of the running Lua function. */
export function callMetamethod(handler: LuaValue, ...args: LuaValue[]): LuaValue {
  enterC();
  const result = (typeof handler === 'function' ? (handler as Code) : callable(handler, NAMELESS))(...args);
  const value = Array.isArray(result) ? first(result) : result;
  machine.cCalls--;
  return value;
}

function enterC(): void {
  if (++machine.cCalls >= C_CALLS_MAX) throw runtimeError('C stack overflow');
}

/** Lua functions are too deep in each other. */
export function stackOverflow(): never {
  throw runtimeError('stack overflow');
}
