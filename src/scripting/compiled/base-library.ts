/**
 * Lua 5.1's base library, without what reaches outside (print, files) and without environments (getfenv, setfenv, newproxy), which the
 * scripts' sandbox has not got either.
 */
import { LuaError, LuaKilled, LuaSyntaxError, type LuaValue, luaTypeOf, UnsupportedChunk } from '../lua-engine.ts';
import { unsignedNumber } from '../unsigned-text.ts';
import { all, type Code, fromNative, metamethod, metatableOf, native, NOTHING, type Result, valueFromNative } from './calls.ts';
import { iterators } from './iteration.ts';
import { checkAny, checkInt, checkString, checkTable, checkType, optionalInt, optionalString } from './library-arguments.ts';
import { charge, machine } from './machine.ts';
import { argumentError, libraryError, raisedAt, raisedValue, runtimeError } from './positions.ts';
import { index, isTrue } from './operators.ts';
import { Table } from './table.ts';
import { shownValue, toNumber, toText } from './values.ts';

/** How many values may be on a C function's stack: LUAI_MAXCSTACK. */
const STACK_VALUES_MAX = 8000;
const COLLECTOR_OPTIONS = ['stop', 'restart', 'collect', 'count', 'step', 'setpause', 'setstepmul'];

export interface BaseOptions {
  compile: (source: string, chunkName: string) => LuaValue;
  /** For collectgarbage("count"). */
  memoryBytes: () => number;
}

/** Puts functions in a table, as luaL_register does. */
export function register(table: Table, functions: Readonly<Record<string, Code>>): void {
  for (const [name, code] of Object.entries(functions)) table.putString(name, native(code));
}

export function installBase(globals: Table, options: BaseOptions): void {
  globals.putString('_G', globals);
  globals.putString('_VERSION', 'Lua 5.1');
  register(globals, {
    assert, error, getmetatable, setmetatable, rawequal, rawget, rawset, next: nextPair, pairs, ipairs, pcall, xpcall, select, tonumber, tostring, type,
    unpack,
    gcinfo: () => Math.floor(options.memoryBytes() / 1024),
    collectgarbage: (...args) => collectGarbage(args, options),
    loadstring: (...args) => {
      const source = checkString(args, 1);
      return load(options, source, optionalString(args, 2, source));
    },
    load: (...args) => {
      const name = optionalString(args, 2, '=(load)');
      const reader = checkType(args, 1, 'function');
      try {
        return load(options, readAll(reader), name);
      } catch (thrown) {
        return [undefined, caughtValue(thrown)];
      }
    },
  });
}

// ---- Errors ----

/**
 * What pcall gives for something thrown.
 * @throws what is not the script's to catch
 */
export function caughtValue(thrown: unknown): LuaValue {
  if (thrown instanceof LuaError) return thrown.value;
  if (thrown instanceof LuaKilled || !(thrown instanceof RangeError)) throw thrown;
  return asLuaError(thrown).value;
}

/** V8's limits as Lua's errors: of the stack, and of the length of a string. */
export function asLuaError(thrown: RangeError): LuaError {
  return thrown.message.includes('call stack') ? runtimeError('stack overflow') : raisedValue('not enough memory');
}

function error(...args: LuaValue[]): never {
  const level = optionalInt(args, 2, 1);
  const text = toText(args[0]);
  throw text !== undefined && level > 0 ? raisedAt(text, level) : raisedValue(args[0]);
}

function assert(...args: LuaValue[]): Result {
  if (isTrue(checkAny(args, 1))) return args;
  const [message] = optionalString(args, 2, 'assertion failed!').split('\0', 1);
  throw libraryError(message!);
}

/**
 * pcall as Redis has replaced it: a table that was raised becomes its field `err`, if that is a string, so that errors of redis.call are
 * text; another table is followed by that field's value. Without a function, it is the result's place holder that is called.
 */
function pcall(...args: LuaValue[]): Result {
  const { depth, cCalls } = machine;
  try {
    return [true, ...all(fromNative(args.length === 0 ? true : args[0], args.slice(1)))];
  } catch (thrown) {
    machine.depth = depth;
    machine.cCalls = cCalls;
    const value = caughtValue(thrown);
    if (!(value instanceof Table)) return [false, value];
    const text = index(value, 'err');
    return typeof text === 'string' || typeof text === 'number' ? [false, text] : [false, value, text];
  }
}

function xpcall(...args: LuaValue[]): Result {
  checkAny(args, 2);
  const { depth, cCalls } = machine;
  try {
    return [true, ...all(fromNative(args[0], []))];
  } catch (thrown) {
    machine.depth = depth;
    machine.cCalls = cCalls;
    const value = caughtValue(thrown);
    try {
      return [false, valueFromNative(args[1], [value])];
    } catch (again) {
      machine.depth = depth;
      machine.cCalls = cCalls;
      caughtValue(again);
      return [false, 'error in error handling'];
    }
  }
}

// ---- Tables ----

function getmetatable(...args: LuaValue[]): Result {
  const metatable = metatableOf(checkAny(args, 1));
  if (metatable === null) return undefined;
  return metatable.getString('__metatable') ?? metatable;
}

function setmetatable(...args: LuaValue[]): Result {
  const table = checkTable(args, 1);
  const metatable = args[1];
  if (args.length < 2 || (metatable !== undefined && !(metatable instanceof Table))) throw argumentError(2, 'nil or table expected');
  if (metamethod(table, '__metatable') !== undefined) throw libraryError('cannot change a protected metatable');
  if (table.readOnly) throw runtimeError('Attempt to modify a readonly table');
  table.metatable = metatable ?? null;
  return table;
}

function rawequal(...args: LuaValue[]): Result {
  return checkAny(args, 1) === checkAny(args, 2);
}

function rawget(...args: LuaValue[]): Result {
  const table = checkTable(args, 1);
  return table.get(checkAny(args, 2));
}

function rawset(...args: LuaValue[]): Result {
  const table = checkTable(args, 1);
  const key = checkAny(args, 2);
  table.set(key, checkAny(args, 3));
  return table;
}

function nextPair(...args: LuaValue[]): Result {
  const table = checkTable(args, 1);
  const index = table.nextIndex(table.indexOf(args[1]));
  return index === 0 ? undefined : [table.keyAt(index), table.valueAt(index)];
}

function ipairsStep(...args: LuaValue[]): Result {
  const index = (checkInt(args, 2) + 1) | 0;
  const value = checkTable(args, 1).getNumber(index);
  return value === undefined ? NOTHING : [index, value];
}

iterators.next = nextPair;
iterators.ipairsStep = native(ipairsStep);

function pairs(...args: LuaValue[]): Result {
  return [nextPair, checkTable(args, 1), undefined];
}

function ipairs(...args: LuaValue[]): Result {
  return [ipairsStep, checkTable(args, 1), 0];
}

function unpack(...args: LuaValue[]): Result {
  const table = checkTable(args, 1);
  const from = optionalInt(args, 2, 1);
  const to = args[2] === undefined ? table.length() : checkInt(args, 3);
  if (from > to) return NOTHING;
  const count = to - from + 1;
  if (count > STACK_VALUES_MAX - args.length) throw libraryError('too many results to unpack');
  if (from === 1 && count === table.array.length - 1) return table.array.slice(1);
  const values: LuaValue[] = [];
  for (let at = from; at <= to; at++) values.push(table.getNumber(at));
  return values;
}

// ---- Values ----

function select(...args: LuaValue[]): Result {
  const [which] = args;
  if (typeof which === 'string' && which.startsWith('#')) return args.length - 1;
  let from = checkInt(args, 1);
  if (from < 0) from = args.length + from;
  else if (from > args.length) from = args.length;
  if (from < 1) throw argumentError(1, 'index out of range');
  return args.slice(from);
}

function type(...args: LuaValue[]): Result {
  return luaTypeOf(checkAny(args, 1));
}

function tostring(...args: LuaValue[]): Result {
  const value = checkAny(args, 1);
  if (typeof value === 'string') return value;
  const handler = metamethod(value, '__tostring');
  return handler === undefined ? shownValue(value) : valueFromNative(handler, [value]);
}

function tonumber(...args: LuaValue[]): Result {
  const base = optionalInt(args, 2, 10);
  if (base === 10) return toNumber(checkAny(args, 1));
  const text = checkString(args, 1);
  if (base < 2 || base > 36) throw argumentError(2, 'base out of range');
  charge(text.length);
  return unsignedNumber(text, base);
}

// ---- Chunks and memory ----

/** A function made of a source takes as long as a string of so many bytes, and more for each char. */
const CHUNK_BYTES = 128 * 1024;
const CHUNK_BYTES_PER_CHAR = 256;
/** A piece of a source takes as long as a string of so many bytes, however short it is. */
const PIECE_BYTES = 1024;

function load(options: BaseOptions, source: string, name: string): Result {
  charge(CHUNK_BYTES + CHUNK_BYTES_PER_CHAR * source.length);
  try {
    return options.compile(source, name);
  } catch (thrown) {
    // Too late to run the script in the interpreter, as is done with a whole script that the compiler does not take.
    if (thrown instanceof LuaSyntaxError || thrown instanceof UnsupportedChunk) return [undefined, thrown.message];
    throw thrown;
  }
}

function readAll(reader: LuaValue): string {
  let source = '';
  for (;;) {
    const piece = valueFromNative(reader, []);
    if (piece === undefined || piece === '') return source;
    const text = toText(piece);
    if (text === undefined) throw libraryError('reader function must return a string');
    charge(PIECE_BYTES + text.length);
    source += text;
  }
}

function collectGarbage(args: LuaValue[], options: BaseOptions): Result {
  const option = optionalString(args, 1, 'collect');
  if (!COLLECTOR_OPTIONS.includes(option)) throw argumentError(1, `invalid option '${option}'`);
  optionalInt(args, 2, 0);
  if (option === 'count') return options.memoryBytes() / 1024;
  return option === 'step' ? true : 0;
}

/** 5.0's table of a function's extra arguments. */
export function argTable(values: readonly LuaValue[]): Table {
  const table = new Table(values.length, 1);
  for (let at = 0; at < values.length; at++) table.putNumber(at + 1, values[at]);
  table.putString('n', values.length);
  return table;
}

