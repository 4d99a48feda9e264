/** How library functions check their arguments, with lauxlib's messages. Positions count from 1. */
import { type LuaValue, luaTypeOf, type LuaType } from '../lua-engine.ts';
import { argumentError } from './positions.ts';
import { Table } from './table.ts';
import { toNumber, toText } from './values.ts';

type Arguments = readonly LuaValue[];

function typeError(args: Arguments, position: number, expected: string): Error {
  const got = position > args.length ? 'no value' : luaTypeOf(args[position - 1]);
  return argumentError(position, `${expected} expected, got ${got}`);
}

export function checkAny(args: Arguments, position: number): LuaValue {
  if (position > args.length) throw argumentError(position, 'value expected');
  return args[position - 1];
}

export function checkTable(args: Arguments, position: number): Table {
  const value = args[position - 1];
  if (value instanceof Table) return value;
  throw typeError(args, position, 'table');
}

export function checkType(args: Arguments, position: number, type: LuaType): LuaValue {
  const value = args[position - 1];
  if (luaTypeOf(value) === type) return value;
  throw typeError(args, position, type);
}

export function checkString(args: Arguments, position: number): string {
  const text = toText(args[position - 1]);
  if (text === undefined) throw typeError(args, position, 'string');
  return text;
}

export function optionalString(args: Arguments, position: number, byDefault: string): string {
  return args[position - 1] === undefined ? byDefault : checkString(args, position);
}

export function checkNumber(args: Arguments, position: number): number {
  const number = toNumber(args[position - 1]);
  if (number === undefined) throw typeError(args, position, 'number');
  return number;
}

/** A 64-bit integer, as C's cast makes it: cut towards zero; what does not fit is the smallest one. */
export function checkInteger(args: Arguments, position: number): number {
  return toInteger(checkNumber(args, position));
}

export function optionalInteger(args: Arguments, position: number, byDefault: number): number {
  return args[position - 1] === undefined ? byDefault : checkInteger(args, position);
}

/** A C int: the lowest 32 bits of the integer. */
export function checkInt(args: Arguments, position: number): number {
  return checkInteger(args, position) | 0;
}

export function optionalInt(args: Arguments, position: number, byDefault: number): number {
  return args[position - 1] === undefined ? byDefault : checkInt(args, position);
}

function toInteger(value: number): number {
  if (value >= -(2 ** 63) && value < 2 ** 63) return Math.trunc(value) + 0;
  return -(2 ** 63);
}
