/** Lua 5.1's table library. Raw access, as in C; positions and lengths are C ints. */
import { type LuaValue, luaTypeOf } from '../lua-engine.ts';
import { NOTHING, type Result, valueFromNative } from './calls.ts';
import { register } from './base-library.ts';
import { checkInt, checkTable, checkType, optionalInt, optionalString } from './library-arguments.ts';
import { charge } from './machine.ts';
import { isTrue, lessThan } from './operators.ts';
import { libraryError, runtimeError } from './positions.ts';
import { Table } from './table.ts';
import { toText } from './values.ts';

export function installTable(globals: Table): void {
  const library = new Table();
  register(library, { concat, foreach, foreachi, getn, maxn, insert, remove, setn, sort });
  globals.putString('table', library);
}

function concat(...args: LuaValue[]): Result {
  const separator = optionalString(args, 2, '');
  const table = checkTable(args, 1);
  const from = optionalInt(args, 3, 1);
  const to = args[3] === undefined ? table.length() : checkInt(args, 4);
  let text = '';
  for (let at = from; at <= to; at++) {
    const value = table.getNumber(at);
    const piece = toText(value);
    if (piece === undefined) throw libraryError(`invalid value (${luaTypeOf(value)}) at index ${at} in table for 'concat'`);
    text += at === to ? piece : piece + separator;
  }
  charge(text.length);
  return text;
}

function foreach(...args: LuaValue[]): Result {
  const table = checkTable(args, 1);
  checkType(args, 2, 'function');
  for (let pair = table.next(undefined); pair !== null; pair = table.next(pair[0])) {
    const result = valueFromNative(args[1], pair);
    if (result !== undefined) return result;
  }
  return NOTHING;
}

function foreachi(...args: LuaValue[]): Result {
  const table = checkTable(args, 1);
  const count = table.length();
  checkType(args, 2, 'function');
  for (let at = 1; at <= count; at++) {
    const result = valueFromNative(args[1], [at, table.getNumber(at)]);
    if (result !== undefined) return result;
  }
  return NOTHING;
}

function maxn(...args: LuaValue[]): Result {
  const table = checkTable(args, 1);
  let max = 0;
  for (let index = table.nextIndex(0); index !== 0; index = table.nextIndex(index)) {
    const key = table.keyAt(index);
    if (typeof key === 'number' && key > max) max = key;
  }
  return max;
}

function getn(...args: LuaValue[]): Result {
  return checkTable(args, 1).length();
}

function setn(...args: LuaValue[]): Result {
  checkTable(args, 1);
  throw libraryError("'setn' is obsolete");
}

function insert(...args: LuaValue[]): Result {
  const table = checkTable(args, 1);
  let end = table.length() + 1;
  if (args.length === 2) {
    table.set(end, args[1]);
    return NOTHING;
  }
  if (args.length !== 3) throw libraryError("wrong number of arguments to 'insert'");
  const position = checkInt(args, 2);
  if (position > end) end = position;
  if (table.readOnly) throw runtimeError('Attempt to modify a readonly table');
  charge(end - position);
  for (let at = end; at > position; at--) table.putNumber(at, table.getNumber(at - 1));
  table.putNumber(position, args[2]);
  return NOTHING;
}

function remove(...args: LuaValue[]): Result {
  const table = checkTable(args, 1);
  const end = table.length();
  const position = optionalInt(args, 2, end);
  if (position < 1 || position > end) return NOTHING;
  if (table.readOnly) throw runtimeError('Attempt to modify a readonly table');
  charge(end - position);
  const removed = table.getNumber(position);
  for (let at = position; at < end; at++) table.putNumber(at, table.getNumber(at + 1));
  table.putNumber(end, undefined);
  return removed;
}

// ---- Sorting: C's quicksort step by step, since the order function sees each comparison ----

function sort(...args: LuaValue[]): Result {
  const table = checkTable(args, 1);
  const count = table.length();
  if (args[1] !== undefined) checkType(args, 2, 'function');
  if (table.readOnly && count > 1) throw runtimeError('Attempt to modify a readonly table');
  const order = args[1];
  const before = order === undefined ? lessThan : (a: LuaValue, b: LuaValue) => isTrue(valueFromNative(order, [a, b]));
  sortRange(table, 1, count, before);
  return NOTHING;
}

type Order = (a: LuaValue, b: LuaValue) => boolean;

function swap(table: Table, i: number, j: number): void {
  const value = table.getNumber(i);
  table.putNumber(i, table.getNumber(j));
  table.putNumber(j, value);
}

function sortRange(table: Table, first: number, last: number, before: Order): void {
  let low = first;
  let high = last;
  while (low < high) {
    charge(high - low);
    if (before(table.getNumber(high), table.getNumber(low))) swap(table, low, high);
    if (high - low === 1) break;
    const middle = Math.floor((low + high) / 2);
    if (before(table.getNumber(middle), table.getNumber(low))) swap(table, middle, low);
    else if (before(table.getNumber(high), table.getNumber(middle))) swap(table, middle, high);
    if (high - low === 2) break;
    const pivot = table.getNumber(middle);
    swap(table, middle, high - 1);
    const split = partition(table, low, high, pivot, before);
    swap(table, high - 1, split);
    // The smaller part by recursion, the larger one by the loop.
    if (split - low < high - split) {
      sortRange(table, low, split - 1, before);
      low = split + 1;
    } else {
      sortRange(table, split + 1, high, before);
      high = split - 1;
    }
  }
}

function partition(table: Table, low: number, high: number, pivot: LuaValue, before: Order): number {
  let up = low;
  let down = high - 1;
  for (;;) {
    while (before(table.getNumber(++up), pivot)) {
      if (up > high) throw libraryError('invalid order function for sorting');
    }
    while (before(pivot, table.getNumber(--down))) {
      if (down < low) throw libraryError('invalid order function for sorting');
    }
    if (down < up) return up;
    swap(table, up, down);
  }
}
