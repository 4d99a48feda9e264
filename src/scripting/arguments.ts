/**
 * Arguments of functions that scripts call, checked as Lua's auxiliary library checks them. The checks throw BadArgument; who
 * defines the function turns it into the message that names the function.
 */
import { numberText } from './number-format.ts';
import { type HostFunction, type LuaEngine, LuaError, type LuaFunction, type LuaTable, type LuaValue, luaTypeOf } from './lua-engine.ts';

/** "bad argument #index to 'name' (message)". Indexes begin at 1. */
export class BadArgument extends Error {
  readonly index: number;

  constructor(index: number, message: string) {
    super(message);
    this.index = index;
  }
}

/** An error whose message gets the position of the Lua code that called the function: luaL_error. */
export class PositionedError extends Error {}

/**
 * A host function whose errors are told as Lua tells them. `run` may throw BadArgument, PositionedError and LuaError.
 */
export function define(engine: LuaEngine, name: string, run: HostFunction): LuaFunction {
  return engine.hostFunction(name, (args) => {
    try {
      return run(args);
    } catch (error) {
      if (error instanceof BadArgument) throw new LuaError(`${engine.where()}bad argument #${error.index} to '${name}' (${error.message})`);
      if (error instanceof PositionedError) throw new LuaError(engine.where() + error.message);
      throw error;
    }
  });
}

export function isTable(value: LuaValue): value is LuaTable {
  return typeof value === 'object' && value.luaType === 'table';
}

const BLANKS = /^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g;
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const HEXADECIMAL = /^([+-]?)0[xX](?=\.?[0-9a-fA-F])([0-9a-fA-F]*)\.?([0-9a-fA-F]*)(?:[pP]([+-]?\d+))?$/;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;

/** C's part of a string: numbers are read by functions that know no length. */
export function untilZero(text: string): string {
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

/** The number that a string stands for, as C's strtod and Lua 5.1 read it; undefined if none. */
export function textToNumber(text: string): number | undefined {
  const trimmed = untilZero(text).replace(BLANKS, '');
  if (DECIMAL.test(trimmed)) return Number(trimmed);
  const hexadecimal = HEXADECIMAL.exec(trimmed);
  if (hexadecimal !== null) {
    const [, sign, whole = '', fraction = '', exponent = '0'] = hexadecimal;
    return (sign === '-' ? -1 : 1) * Number(BigInt(`0x${whole}${fraction}`)) * 2 ** (Number(exponent) - 4 * fraction.length);
  }
  const infinite = INFINITE.exec(trimmed);
  if (infinite !== null) return infinite[1] === '-' ? -Infinity : Infinity;
  return /^[+-]?nan$/i.test(trimmed) ? NaN : undefined;
}

/** A number, or what a string converts to; undefined for others. */
export function toNumber(value: LuaValue): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' ? textToNumber(value) : undefined;
}

function wrongType(args: readonly LuaValue[], i: number, expected: string): BadArgument {
  return new BadArgument(i + 1, `${expected} expected, got ${i < args.length ? luaTypeOf(args[i]) : 'no value'}`);
}

export function checkNumber(args: readonly LuaValue[], i: number): number {
  const value = args[i];
  if (typeof value === 'number') return value;
  const number = toNumber(value);
  if (number === undefined) throw wrongType(args, i, 'number');
  return number;
}

/** A number cut to an integer as C casts it: what no 64-bit integer can be becomes the least one. */
export function toInteger(value: number): number {
  return Number.isNaN(value) || value >= 2 ** 63 || value < -(2 ** 63) ? -(2 ** 63) : Math.trunc(value);
}

export function checkInteger(args: readonly LuaValue[], i: number): number {
  return toInteger(checkNumber(args, i));
}

export function optInteger(args: readonly LuaValue[], i: number, otherwise: number): number {
  return args[i] === undefined ? otherwise : checkInteger(args, i);
}

export function checkString(args: readonly LuaValue[], i: number): string {
  const value = args[i];
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return numberText(value);
  throw wrongType(args, i, 'string');
}

export function checkTable(args: readonly LuaValue[], i: number): LuaTable {
  const value = args[i];
  if (!isTable(value)) throw wrongType(args, i, 'table');
  return value;
}

export function checkFunction(args: readonly LuaValue[], i: number): LuaFunction {
  const value = args[i];
  if (luaTypeOf(value) !== 'function') throw wrongType(args, i, 'function');
  return value as LuaFunction;
}

export function checkAny(args: readonly LuaValue[], i: number): LuaValue {
  if (i >= args.length) throw new BadArgument(i + 1, 'value expected');
  return args[i];
}
