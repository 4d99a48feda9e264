/**
 * Lua's operations in full: metamethods, coercions, and the errors. Generated code does the plain cases itself and comes here for the
 * others, so what is called most stands first in each function.
 */
import { type LuaValue, luaTypeOf } from '../lua-engine.ts';
import { power } from '../power.ts';
import { callMetamethod, metamethod } from './calls.ts';
import { charge } from './machine.ts';
import { operandError, runtimeError } from './positions.ts';
import { Table } from './table.ts';
import { describe, toNumber, toText } from './values.ts';

/** How long a chain of __index or __newindex may be: C's MAXTAGLOOP. */
const CHAIN_MAX = 100;
/** From this length on, making a string counts as work. */
const LARGE_STRING = 4096;

// ---- Tables ----

export function index(object: LuaValue, key: LuaValue): LuaValue {
  if (object instanceof Table) {
    const value = object.get(key);
    if (value !== undefined || object.metatable === null) return value;
  }
  return indexSlowly(object, key);
}

export function indexString(object: LuaValue, key: string): LuaValue {
  if (object instanceof Table) {
    const value = object.getString(key);
    if (value !== undefined || object.metatable === null) return value;
  }
  return indexSlowly(object, key);
}

export function indexNumber(object: LuaValue, key: number): LuaValue {
  if (object instanceof Table) {
    const value = object.getNumber(key);
    if (value !== undefined || object.metatable === null) return value;
  }
  return indexSlowly(object, key);
}

function indexSlowly(start: LuaValue, key: LuaValue): LuaValue {
  let object = start;
  for (let links = 0; links < CHAIN_MAX; links++) {
    let handler: LuaValue;
    if (object instanceof Table) {
      const value = object.get(key);
      if (value !== undefined || object.metatable === null) return value;
      handler = object.metatable.getString('__index');
      if (handler === undefined) return undefined;
    } else {
      handler = metamethod(object, '__index');
      if (handler === undefined) throw indexError(object, links);
    }
    if (typeof handler === 'function') return callMetamethod(handler, object, key);
    object = handler;
  }
  throw runtimeError('loop in gettable');
}

/** Only the first object of a chain has a name. */
function indexError(object: LuaValue, links: number): Error {
  return operandError(links === 0 ? 0 : -1, (name) => `attempt to index ${describe(name, object)}`);
}

export function setIndex(object: LuaValue, key: LuaValue, value: LuaValue): void {
  if (object instanceof Table && object.metatable === null && !object.readOnly) object.put(key, value);
  else setIndexSlowly(object, key, value);
}

export function setString(object: LuaValue, key: string, value: LuaValue): void {
  if (object instanceof Table && object.metatable === null && !object.readOnly) object.putString(key, value);
  else setIndexSlowly(object, key, value);
}

function setIndexSlowly(start: LuaValue, key: LuaValue, value: LuaValue): void {
  let object = start;
  for (let links = 0; links < CHAIN_MAX; links++) {
    let handler: LuaValue;
    if (object instanceof Table) {
      if (object.readOnly) throw runtimeError('Attempt to modify a readonly table');
      handler = object.metatable === null || object.get(key) !== undefined ? undefined : object.metatable.getString('__newindex');
      if (handler === undefined) {
        object.put(key, value);
        return;
      }
    } else {
      handler = metamethod(object, '__newindex');
      if (handler === undefined) throw indexError(object, links);
    }
    if (typeof handler === 'function') {
      callMetamethod(handler, object, key, value);
      return;
    }
    object = handler;
  }
  throw runtimeError('loop in settable');
}

export function length(value: LuaValue): LuaValue {
  if (value instanceof Table) return value.length();
  if (typeof value === 'string') return value.length;
  throw operandError(0, (name) => `attempt to get length of ${describe(name, value)}`);
}

// ---- Arithmetic ----

/** The operands of a failed fast path as numbers; or the result of a metamethod; or an error. */
function arithmetic(event: string, compute: (a: number, b: number) => number, left: LuaValue, right: LuaValue): LuaValue {
  const a = toNumber(left);
  const b = a === undefined ? undefined : toNumber(right);
  if (a !== undefined && b !== undefined) return compute(a, b);
  const handler = metamethod(left, event) ?? metamethod(right, event);
  if (handler !== undefined) return callMetamethod(handler, left, right);
  const wrong = a === undefined ? 0 : 1;
  throw operandError(wrong, (name) => `attempt to perform arithmetic on ${describe(name, wrong === 0 ? left : right)}`);
}

const sum = (a: number, b: number): number => a + b;
const difference = (a: number, b: number): number => a - b;
const product = (a: number, b: number): number => a * b;
const quotient = (a: number, b: number): number => a / b;
const negative = (a: number): number => -a;

/** C's formula, so that infinities give what they give there. */
export function modulo(a: number, b: number): number {
  return a - Math.floor(a / b) * b;
}

export function add(left: LuaValue, right: LuaValue): LuaValue {
  return typeof left === 'number' && typeof right === 'number' ? left + right : arithmetic('__add', sum, left, right);
}

export function subtract(left: LuaValue, right: LuaValue): LuaValue {
  return typeof left === 'number' && typeof right === 'number' ? left - right : arithmetic('__sub', difference, left, right);
}

export function multiply(left: LuaValue, right: LuaValue): LuaValue {
  return typeof left === 'number' && typeof right === 'number' ? left * right : arithmetic('__mul', product, left, right);
}

export function divide(left: LuaValue, right: LuaValue): LuaValue {
  return typeof left === 'number' && typeof right === 'number' ? left / right : arithmetic('__div', quotient, left, right);
}

export function modulus(left: LuaValue, right: LuaValue): LuaValue {
  return typeof left === 'number' && typeof right === 'number' ? modulo(left, right) : arithmetic('__mod', modulo, left, right);
}

export function raise(left: LuaValue, right: LuaValue): LuaValue {
  return typeof left === 'number' && typeof right === 'number' ? power(left, right) : arithmetic('__pow', power, left, right);
}

export function negate(value: LuaValue): LuaValue {
  return typeof value === 'number' ? -value : arithmetic('__unm', negative, value, value);
}

// ---- Strings ----

export function concat(left: LuaValue, right: LuaValue): LuaValue {
  const a = toText(left);
  const b = toText(right);
  if (a !== undefined && b !== undefined) {
    const text = a + b;
    if (text.length > LARGE_STRING) charge(text.length);
    return text;
  }
  const handler = metamethod(left, '__concat') ?? metamethod(right, '__concat');
  if (handler !== undefined) return callMetamethod(handler, left, right);
  const wrong = a === undefined ? 0 : 1;
  throw operandError(wrong, (name) => `attempt to concatenate ${describe(name, wrong === 0 ? left : right)}`);
}

// ---- Comparison ----

export function equals(left: LuaValue, right: LuaValue): boolean {
  if (left === right) return true;
  if (!(left instanceof Table) || !(right instanceof Table) || left.metatable === null || right.metatable === null) return false;
  const handler = left.metatable.getString('__eq');
  if (handler === undefined || handler !== right.metatable.getString('__eq')) return false;
  return isTrue(callMetamethod(handler, left, right));
}

export function lessThan(left: LuaValue, right: LuaValue): boolean {
  if (typeof left === 'number' && typeof right === 'number') return left < right;
  if (typeof left === 'string' && typeof right === 'string') return left < right;
  const result = luaTypeOf(left) === luaTypeOf(right) ? compareBy('__lt', left, right) : undefined;
  if (result === undefined) throw orderError(left, right);
  return result;
}

export function lessEqual(left: LuaValue, right: LuaValue): boolean {
  if (typeof left === 'number' && typeof right === 'number') return left <= right;
  if (typeof left === 'string' && typeof right === 'string') return left <= right;
  if (luaTypeOf(left) === luaTypeOf(right)) {
    const result = compareBy('__le', left, right);
    if (result !== undefined) return result;
    const greater = compareBy('__lt', right, left);
    if (greater !== undefined) return !greater;
  }
  throw orderError(left, right);
}

function compareBy(event: string, left: LuaValue, right: LuaValue): boolean | undefined {
  const handler = metamethod(left, event);
  if (handler === undefined || handler !== metamethod(right, event)) return undefined;
  return isTrue(callMetamethod(handler, left, right));
}

function orderError(left: LuaValue, right: LuaValue): Error {
  const a = luaTypeOf(left);
  const b = luaTypeOf(right);
  // C compares the third letters only.
  return runtimeError(a[2] === b[2] ? `attempt to compare two ${a} values` : `attempt to compare ${a} with ${b}`);
}

export function isTrue(value: LuaValue): boolean {
  return value !== undefined && value !== false;
}

// ---- Numeric for ----

export function forNumber(value: LuaValue, what: string): number {
  const number = toNumber(value);
  if (number === undefined) throw runtimeError(`'for' ${what} must be a number`);
  return number;
}
