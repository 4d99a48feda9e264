/** The table library of Lua 5.1. All access is raw. */
import { BadArgument, PositionedError, checkFunction, checkInteger, checkNumber, checkString, checkTable, optInteger } from '../../arguments.ts';
import { type HostFunction, LuaError, type LuaFunction, type LuaTable, type LuaValue, luaTypeOf } from '../../lua-engine.ts';
import { numberText } from '../../number-format.ts';
import type { FengariEngine } from '../fengari-engine.ts';

function concat(args: readonly LuaValue[]): string {
  const table = checkTable(args, 0);
  const separator = args[1] === undefined ? '' : checkString(args, 1);
  const from = optInteger(args, 2, 1);
  const to = args[3] === undefined ? table.length() : checkInteger(args, 3);
  const parts: string[] = [];
  for (let i = from; i <= to; i++) {
    const value = table.get(i);
    if (typeof value === 'string') parts.push(value);
    else if (typeof value === 'number') parts.push(numberText(value));
    else throw new PositionedError(`invalid value (${luaTypeOf(value)}) at index ${i} in table for 'concat'`);
  }
  return parts.join(separator);
}

function insert(args: readonly LuaValue[]): void {
  const table = checkTable(args, 0);
  const last = table.length() + 1;
  if (args.length === 2) {
    table.set(last, args[1]);
    return;
  }
  if (args.length !== 3) throw new PositionedError("wrong number of arguments to 'insert'");
  const at = checkInteger(args, 1);
  for (let i = Math.max(last, at); i > at; i--) table.set(i, table.get(i - 1));
  table.set(at, args[2]);
}

function remove(args: readonly LuaValue[]): LuaValue[] {
  const table = checkTable(args, 0);
  const last = table.length();
  const at = optInteger(args, 1, last);
  if (at < 1 || at > last) return [];
  const removed = table.get(at);
  for (let i = at; i < last; i++) table.set(i, table.get(i + 1));
  table.set(last, undefined);
  return [removed];
}

function maxn(table: LuaTable): number {
  let max = 0;
  for (let pair = table.next(undefined); pair !== null; pair = table.next(pair[0])) {
    if (typeof pair[0] === 'number' && pair[0] > max) max = pair[0];
  }
  return max;
}

function forEach(engine: FengariEngine, args: readonly LuaValue[]): LuaValue[] {
  const table = checkTable(args, 0);
  const visit = checkFunction(args, 1);
  for (let pair = table.next(undefined); pair !== null; pair = table.next(pair[0])) {
    const result = engine.call(visit, pair);
    if (result[0] !== undefined) return [result[0]];
  }
  return [];
}

function forEachIndex(engine: FengariEngine, args: readonly LuaValue[]): LuaValue[] {
  const table = checkTable(args, 0);
  const visit = checkFunction(args, 1);
  const n = table.length();
  for (let i = 1; i <= n; i++) {
    const result = engine.call(visit, [i, table.get(i)]);
    if (result[0] !== undefined) return [result[0]];
  }
  return [];
}

/** The quicksort of ltablib.c: scripts see in which order elements are compared. */
class Sorter {
  readonly #engine: FengariEngine;
  readonly #table: LuaTable;
  readonly #before: LuaFunction | null;

  constructor(engine: FengariEngine, table: LuaTable, before: LuaFunction | null) {
    this.#engine = engine;
    this.#table = table;
    this.#before = before;
  }

  #less(a: LuaValue, b: LuaValue): boolean {
    if (this.#before === null) return this.#engine.lessThan(a, b);
    const result = this.#engine.call(this.#before, [a, b])[0];
    return result !== undefined && result !== false;
  }

  #swap(i: number, a: LuaValue, j: number, b: LuaValue): void {
    this.#table.set(i, b);
    this.#table.set(j, a);
  }

  sort(from: number, to: number): void {
    const table = this.#table;
    let low = from;
    let high = to;
    while (low < high) {
      let a = table.get(low);
      let b = table.get(high);
      if (this.#less(b, a)) this.#swap(low, a, high, b);
      if (high - low === 1) break;
      let i = Math.floor((low + high) / 2);
      a = table.get(i);
      b = table.get(low);
      if (this.#less(a, b)) this.#swap(i, a, low, b);
      else {
        b = table.get(high);
        if (this.#less(b, a)) this.#swap(i, a, high, b);
      }
      if (high - low === 2) break;
      const pivot = table.get(i);
      this.#swap(i, pivot, high - 1, table.get(high - 1));
      i = this.#partition(low, high, pivot);
      if (i - low < high - i) {
        this.sort(low, i - 1);
        low = i + 1;
      } else {
        this.sort(i + 1, high);
        high = i - 1;
      }
    }
  }

  #partition(low: number, high: number, pivot: LuaValue): number {
    const table = this.#table;
    let i = low;
    let j = high - 1;
    for (;;) {
      let a = table.get(++i);
      while (this.#less(a, pivot)) {
        if (i > high) throw new PositionedError('invalid order function for sorting');
        a = table.get(++i);
      }
      let b = table.get(--j);
      while (this.#less(pivot, b)) {
        if (j < low) throw new PositionedError('invalid order function for sorting');
        b = table.get(--j);
      }
      if (j < i) break;
      this.#swap(i, a, j, b);
    }
    this.#swap(high - 1, table.get(high - 1), i, table.get(i));
    return i;
  }
}

function sort(engine: FengariEngine, args: readonly LuaValue[]): void {
  const table = checkTable(args, 0);
  const before = args[1] === undefined ? null : checkFunction(args, 1);
  if (table.readOnly) throw new LuaError('Attempt to modify a readonly table');
  new Sorter(engine, table, before).sort(1, table.length());
}

/** Functions by name. */
export function tableLibrary(engine: FengariEngine): Readonly<Record<string, HostFunction>> {
  return {
    concat: (args) => [concat(args)],
    foreach: (args) => forEach(engine, args),
    foreachi: (args) => forEachIndex(engine, args),
    getn: (args) => [checkTable(args, 0).length()],
    insert: (args) => {
      insert(args);
      return [];
    },
    maxn: (args) => [maxn(checkTable(args, 0))],
    remove,
    setn: () => { throw new PositionedError("'setn' is obsolete"); },
    sort: (args) => {
      sort(engine, args);
      return [];
    },
  };
}

/** unpack */
export function unpack(args: readonly LuaValue[]): LuaValue[] {
  const table = checkTable(args, 0);
  const from = optInteger(args, 1, 1);
  const to = args[2] === undefined ? table.length() : checkInteger(args, 2);
  // What LUAI_MAXCSTACK leaves.
  if (to - from >= 7990) throw new PositionedError('too many results to unpack');
  const out: LuaValue[] = [];
  for (let i = from; i <= to; i++) out.push(table.get(i));
  return out;
}

/** select */
export function select(args: readonly LuaValue[]): LuaValue[] {
  if (typeof args[0] === 'string' && args[0].startsWith('#')) return [args.length - 1];
  const given = checkNumber(args, 0);
  let from = Math.trunc(given);
  if (from < 0) from = args.length + from;
  else if (from > args.length) from = args.length;
  if (from < 1) throw new BadArgument(1, 'index out of range');
  return args.slice(from);
}
