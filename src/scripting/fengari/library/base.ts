/** The base library of Lua 5.1, as far as scripts of Redis may have it. pcall is the host's, which knows Redis's error tables. */
import {
  BadArgument, PositionedError, checkAny, checkFunction, checkInteger, checkString, checkTable, isTable, optInteger, textToNumber,
} from '../../arguments.ts';
import { type HostFunction, LuaError, LuaSyntaxError, type LuaFunction, type LuaValue, luaTypeOf } from '../../lua-engine.ts';
import { numberText } from '../../number-format.ts';
import { unsignedNumber } from '../../unsigned-text.ts';
import type { FengariEngine } from '../fengari-engine.ts';
import { select, unpack } from './table.ts';

const READ_ONLY = 'Attempt to modify a readonly table';
const GARBAGE_OPTIONS: Readonly<Record<string, number>> = { stop: 0, restart: 0, collect: 0, step: 1, setpause: 200, setstepmul: 200 };

function tostring(engine: FengariEngine, value: LuaValue): LuaValue {
  const own = engine.metafield(value, '__tostring');
  if (own !== undefined) return engine.call(own as LuaFunction, [value])[0];
  switch (typeof value) {
    case 'undefined': return 'nil';
    case 'boolean': return String(value);
    case 'number': return numberText(value);
    case 'string': return value;
    default: return engine.identify(value);
  }
}

function tonumber(engine: FengariEngine, args: readonly LuaValue[]): LuaValue {
  const base = optInteger(args, 1, 10);
  if (base === 10) {
    const value = checkAny(args, 0);
    return typeof value === 'string' ? textToNumber(value) : typeof value === 'number' ? value : undefined;
  }
  const text = checkString(args, 0);
  if (base < 2 || base > 36) throw new BadArgument(2, 'base out of range');
  engine.charge(text.length);
  return unsignedNumber(text, base);
}

function setmetatable(engine: FengariEngine, args: readonly LuaValue[]): LuaValue {
  const table = checkTable(args, 0);
  const metatable = args[1];
  if (args.length < 2 || (metatable !== undefined && !isTable(metatable))) throw new BadArgument(2, 'nil or table expected');
  if (engine.metafield(table, '__metatable') !== undefined) throw new PositionedError('cannot change a protected metatable');
  if (table.readOnly) throw new LuaError(READ_ONLY);
  table.metatable = metatable ?? null;
  return table;
}

function getmetatable(engine: FengariEngine, value: LuaValue): LuaValue {
  return engine.metafield(value, '__metatable') ?? engine.metatableOf(value) ?? undefined;
}

function error(engine: FengariEngine, args: readonly LuaValue[]): never {
  const value = args[0];
  const level = optInteger(args, 1, 1);
  throw new LuaError((typeof value === 'string' || typeof value === 'number') && level > 0 ? engine.whereAt(level) + checkString(args, 0) : value);
}

function assert(args: readonly LuaValue[]): readonly LuaValue[] {
  const value = checkAny(args, 0);
  if (value !== undefined && value !== false) return args;
  throw new PositionedError(args[1] === undefined ? 'assertion failed!' : checkString(args, 1));
}

function xpcall(engine: FengariEngine, args: readonly LuaValue[]): LuaValue[] {
  if (args.length < 2) throw new BadArgument(2, 'value expected');
  return engine.protectedCall(args[0], args[1]);
}

function next(args: readonly LuaValue[]): LuaValue[] {
  const pair = checkTable(args, 0).next(args[1]);
  return pair === null ? [undefined] : [...pair];
}

function compile(engine: FengariEngine, source: string, name: string): LuaValue[] {
  try {
    return [engine.compile(source, name)];
  } catch (failure) {
    if (failure instanceof LuaSyntaxError) return [undefined, failure.message];
    throw failure;
  }
}

/** A piece of a source counts as a string of so many bytes, so that a reader without an end meets the tick. */
const PIECE_BYTES = 1024;

function load(engine: FengariEngine, args: readonly LuaValue[]): LuaValue[] {
  const read = checkFunction(args, 0);
  let source = '';
  for (;;) {
    const [ok, part] = engine.protectedCall(read, undefined);
    if (ok !== true) return [undefined, part];
    if (part === undefined || part === '') break;
    if (typeof part !== 'string' && typeof part !== 'number') return [undefined, 'reader function must return a string'];
    const text = String(part);
    engine.charge(PIECE_BYTES + text.length);
    source += text;
  }
  return compile(engine, source, args[1] === undefined ? '=(load)' : checkString(args, 1));
}

function collectgarbage(engine: FengariEngine, args: readonly LuaValue[]): LuaValue {
  const option = args[0] === undefined ? 'collect' : checkString(args, 0);
  if (args[1] !== undefined) checkInteger(args, 1);
  if (option === 'count') return engine.memoryBytes() / 1024;
  const result = GARBAGE_OPTIONS[option];
  if (result === undefined) throw new BadArgument(1, `invalid option '${option}'`);
  // A cycle is always finished: there are scripts that step until it is.
  return option === 'step' ? true : result;
}

/** Functions by name. */
export function baseLibrary(engine: FengariEngine): Readonly<Record<string, HostFunction>> {
  const nextFunction = engine.hostFunction('next', next);
  const step = engine.hostFunction('ipairs', (args) => {
    const i = checkInteger(args, 1) + 1;
    const value = checkTable(args, 0).get(i);
    return value === undefined ? [undefined] : [i, value];
  });
  return {
    assert,
    collectgarbage: (args) => [collectgarbage(engine, args)],
    error: (args) => error(engine, args),
    gcinfo: () => [Math.floor(engine.memoryBytes() / 1024)],
    getmetatable: (args) => [getmetatable(engine, checkAny(args, 0))],
    ipairs: (args) => [step, checkTable(args, 0), 0],
    load: (args) => load(engine, args),
    loadstring: (args) => {
      const source = checkString(args, 0);
      return compile(engine, source, args[1] === undefined ? source : checkString(args, 1));
    },
    next,
    pairs: (args) => [nextFunction, checkTable(args, 0), undefined],
    rawequal: (args) => [checkAny(args, 0) === checkAny(args, 1)],
    rawget: (args) => [checkTable(args, 0).get(checkAny(args, 1))],
    rawset: (args) => {
      const table = checkTable(args, 0);
      table.set(checkAny(args, 1), checkAny(args, 2));
      return [table];
    },
    select,
    setmetatable: (args) => [setmetatable(engine, args)],
    tonumber: (args) => [tonumber(engine, args)],
    tostring: (args) => [tostring(engine, checkAny(args, 0))],
    type: (args) => [luaTypeOf(checkAny(args, 0))],
    unpack,
    xpcall: (args) => xpcall(engine, args),
  };
}
