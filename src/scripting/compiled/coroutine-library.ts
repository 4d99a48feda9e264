/** Lua 5.1's coroutine library. */
import type { LuaValue } from '../lua-engine.ts';
import { caughtValue, register } from './base-library.ts';
import { all, type Code, isNative, native, type Result } from './calls.ts';
import { Coroutine, runningCoroutine, yieldFunction } from './coroutines.ts';
import { argumentError, callerPlace, raisedValue } from './positions.ts';
import { Table } from './table.ts';
import { toText } from './values.ts';

export function installCoroutine(globals: Table): void {
  const library = new Table();
  register(library, { create, resume, running, status, wrap, yield: yieldFunction });
  globals.putString('coroutine', library);
}

function checkCoroutine(value: LuaValue): Coroutine {
  if (value instanceof Coroutine) return value;
  throw argumentError(1, 'coroutine expected');
}

function newCoroutine(code: LuaValue): Coroutine {
  if (typeof code !== 'function' || isNative(code)) throw argumentError(1, 'Lua function expected');
  return new Coroutine(code as Code);
}

function create(...args: LuaValue[]): Result {
  return newCoroutine(args[0]);
}

function resume(...args: LuaValue[]): Result {
  const outcome = checkCoroutine(args[0]).resume(args.slice(1));
  if ('refused' in outcome) return [false, outcome.refused];
  return 'thrown' in outcome ? [false, caughtValue(outcome.thrown)] : [true, ...all(outcome.values)];
}

function wrap(...args: LuaValue[]): Result {
  const coroutine = newCoroutine(args[0]);
  return native((...values) => {
    const outcome = coroutine.resume(values);
    if ('values' in outcome) return outcome.values;
    const value = 'refused' in outcome ? outcome.refused : caughtValue(outcome.thrown);
    const text = toText(value);
    throw raisedValue(text === undefined ? value : callerPlace() + text);
  });
}

function running(): Result {
  return runningCoroutine() ?? undefined;
}

function status(...args: LuaValue[]): Result {
  return checkCoroutine(args[0]).status;
}
