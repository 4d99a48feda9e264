/**
 * Lua 5.1 by interpretation: fengari with changes (modules.ts), behind the border that the host layer knows. Slower than
 * compiling, it takes every script that Lua takes.
 */
import { BadArgument, PositionedError } from '../arguments.ts';
import {
  type HostFunction, type HostValueFunction, type LuaEngine, LuaError, type LuaFunction, LuaSyntaxError, type LuaTable, type LuaUserdata, type LuaValue, luaTypeOf,
} from '../lua-engine.ts';
import { CALL_IS_LUA, type CallInfo, type Closure, type Core, type DebugInfo, type LuaState, MULTIPLE_RESULTS, type NativeFunction, Status, Tag, type TValue } from './core.ts';
import { FengariFunction, FengariTable, type Viewed, walkingStack } from './fengari-table.ts';
import { baseLibrary } from './library/base.ts';
import { coroutineLibrary } from './library/coroutine.ts';
import { MATH_CONSTANTS, mathLibrary } from './library/math.ts';
import { stringLibrary } from './library/string.ts';
import { tableLibrary } from './library/table.ts';
import { loadCore } from './modules.ts';
import { LuaString } from './strings.ts';
import { Table } from './tables.ts';

const TEXT_MODE = Uint8Array.of(116);
const NAME_INFO = Uint8Array.of(110);
/** Results of functions from this length on count as work. */
const LARGE_STRING = 1024;
/** The text of a chunk's name in messages has room for this much. */
const NAME_BYTES_MAX = 59;
const CHUNK_TEXT_MAX = 43;

const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');

export interface FengariOptions {
  /** Bytes of memory in use, for collectgarbage('count'). */
  readonly memoryBytes: () => number;
  /** Seconds of processor time, for os.clock. */
  readonly clock: () => number;
}

export class FengariEngine implements LuaEngine {
  readonly name = 'fengari';
  readonly globals: LuaTable;
  readonly stringMetatable: LuaTable;
  readonly memoryBytes: () => number;
  onTick: (() => void) | null = null;
  readonly #core: Core;
  readonly #main: LuaState;
  /** The thread that called the host last. */
  #current: LuaState;
  readonly #walking = walkingStack();
  readonly #handler: TValue;
  readonly #nil: TValue;
  #nextId = 1;
  readonly #ids = new WeakMap<object, number>();
  /** Where the last error was raised. */
  #line = 0;
  #source = '';

  constructor(options: FengariOptions) {
    this.#core = loadCore();
    this.memoryBytes = options.memoryBytes;
    this.#main = this.#core.lstate.lua_newstate();
    this.#current = this.#main;
    this.#core.lvm.hooks.tick = () => this.onTick?.();
    this.#nil = new this.#core.lobject.TValue(Tag.nil, null);
    this.#handler = new this.#core.lobject.TValue(Tag.jsFunction, (L: LuaState) => this.#raised(L));
    // The registry's second element is what chunks take for their globals.
    const registry = this.#main.l_G.l_registry.value as Table;
    this.globals = this.tableView(registry.array[1]!.value as Table);
    this.stringMetatable = this.newTable();
    this.#main.l_G.mt[4] = (this.stringMetatable as FengariTable).table;
    this.#openLibraries(options.clock);
  }

  charge(bytes: number): void {
    this.#core.lvm.hooks.charge(bytes);
  }

  #openLibraries(clock: () => number): void {
    const { globals } = this;
    const library = (name: string, functions: Readonly<Record<string, HostFunction>>): LuaTable => {
      const table = this.newTable();
      for (const [key, run] of Object.entries(functions)) table.set(key, this.hostFunction(key, run));
      globals.set(name, table);
      return table;
    };
    for (const [name, run] of Object.entries(baseLibrary(this))) globals.set(name, this.hostFunction(name, run));
    globals.set('_G', globals);
    globals.set('_VERSION', 'Lua 5.1');
    globals.set('pcall', this.hostFunction('pcall', (args) => this.protectedCall(args[0], undefined, args.slice(1))));
    this.stringMetatable.set('__index', library('string', stringLibrary(this)));
    library('table', tableLibrary(this));
    const math = library('math', mathLibrary);
    for (const [name, value] of Object.entries(MATH_CONSTANTS)) math.set(name, value);
    library('os', { clock: () => [clock()] });
    const coroutine = this.newTable();
    const natives = coroutineLibrary(this.#core, {
      raise: (L, message) => this.#raise(L, this.#whereOf(L.ci.previous) + message),
      badArgument: (L, index, message) => this.#raise(L, this.#badArgument(L, index, message, '?')),
      where: (L) => this.#whereOf(L.ci.previous),
    });
    for (const [name, run] of Object.entries(natives)) coroutine.set(name, this.#functionView(new this.#core.lobject.TValue(Tag.jsFunction, run)));
    globals.set('coroutine', coroutine);
  }

  // ---- Values ----

  newTable(): LuaTable {
    return this.tableView(new Table());
  }

  newList(values: LuaValue[]): LuaTable {
    const table = this.newTable();
    for (let i = 1; i < values.length; i++) table.set(i, values[i]);
    return table;
  }

  tableView(table: Table): FengariTable {
    return (table.view ??= new FengariTable(this, table)) as FengariTable;
  }

  #functionView(value: TValue): LuaFunction {
    const viewed = value.value as Viewed;
    return (viewed.view ??= new FengariFunction(new this.#core.lobject.TValue(value.type, value.value)));
  }

  #toHost(value: TValue): LuaValue {
    switch (value.type) {
      case Tag.nil: return undefined;
      case Tag.string: return (value.value as LuaString).text;
      case Tag.number: return value.value as number;
      case Tag.boolean: return value.value as boolean;
      case Tag.table: return this.tableView(value.value as Table);
      case Tag.lightUserdata: return value.value as LuaUserdata;
      default: return this.#functionView(value);
    }
  }

  /** A slot of its own with the value. */
  #toNative(value: LuaValue): TValue {
    const { TValue } = this.#core.lobject;
    switch (typeof value) {
      case 'undefined': return new TValue(Tag.nil, null);
      case 'string': return new TValue(Tag.string, new LuaString(value));
      case 'number': return new TValue(Tag.number, value);
      case 'boolean': return new TValue(Tag.boolean, value);
      default:
        if (value instanceof FengariTable) return new TValue(Tag.table, value.table);
        if (value instanceof FengariFunction) return new TValue(value.value.type, value.value.value);
        return new TValue(Tag.lightUserdata, value);
    }
  }

  getRaw(table: Table, key: LuaValue): LuaValue {
    if (typeof key === 'string') return this.#entry(table.map?.get(key)?.value);
    if (typeof key === 'number') return this.#entry(table.array[key - 1] ?? table.map?.get(key)?.value);
    return this.#toHost(this.#core.ltable.luaH_get(this.#current, table, this.#toNative(key)));
  }

  #entry(value: TValue | undefined): LuaValue {
    return value === undefined ? undefined : this.#toHost(value);
  }

  /** @throws LuaError */
  setRaw(table: Table, key: LuaValue, value: LuaValue): void {
    if (table.readOnly) throw new LuaError('Attempt to modify a readonly table');
    if (key === undefined) throw new LuaError('table index is nil');
    if (Number.isNaN(key)) throw new LuaError('table index is NaN');
    this.#core.ltable.luaH_setfrom(this.#current, table, this.#toNative(key), value === undefined ? this.#nil : this.#toNative(value));
    table.flags = 0;
  }

  /** @throws LuaError for a key that is not there. */
  nextRaw(table: Table, key: LuaValue): readonly [LuaValue, LuaValue] | null {
    const walking = this.#walking;
    walking.stack[0] = this.#toNative(key);
    if (!this.#core.ltable.canFollow(table, walking.stack[0])) throw new LuaError("invalid key to 'next'");
    if (!this.#core.ltable.luaH_next(walking, table, 0)) return null;
    return [this.#toHost(walking.stack[0]), this.#toHost(walking.stack[1]!)];
  }

  // ---- What the libraries need beyond the border ----

  metatableOf(value: LuaValue): LuaTable | null {
    if (value instanceof FengariTable) return value.metatable;
    return typeof value === 'string' ? this.stringMetatable : null;
  }

  metafield(value: LuaValue, name: string): LuaValue {
    return this.metatableOf(value)?.get(name);
  }

  /** table[key] with metamethods. */
  index(table: LuaTable, key: LuaValue): LuaValue {
    const L = this.#current;
    const at = L.top++;
    L.stack[at] = new this.#core.lobject.TValue(Tag.nil, null);
    this.#core.lvm.luaV_gettable(L, this.#toNative(table), this.#toNative(key), at);
    L.top = at;
    return this.#toHost(L.stack[at]);
  }

  /** a < b with metamethods. */
  lessThan(a: LuaValue, b: LuaValue): boolean {
    if (typeof a === 'number' && typeof b === 'number') return a < b;
    return this.#core.lvm.luaV_lessthan(this.#current, this.#toNative(a), this.#toNative(b)) === 1;
  }

  /** "table: 0x…": the same for the same object. */
  identify(value: LuaTable | LuaFunction | LuaUserdata): string {
    const type = luaTypeOf(value);
    if (type === 'userdata') return 'userdata: (nil)';
    let id = this.#ids.get(value);
    if (id === undefined) {
      id = this.#nextId++;
      this.#ids.set(value, id);
    }
    return `${type}: 0x${(0x55550000 + id * 32).toString(16).padStart(14, '0')}`;
  }

  // ---- Functions ----

  hostFunction(name: string, run: HostFunction): LuaFunction {
    const native: NativeFunction = (L) => {
      const from = L.ci.funcOff + 1;
      const args: LuaValue[] = [];
      for (let i = from; i < L.top; i++) args.push(this.#toHost(L.stack[i]!));
      const before = this.#current;
      this.#current = L;
      let results: readonly LuaValue[];
      try {
        results = run(args);
      } catch (error) {
        this.#current = before;
        if (error instanceof LuaError) return this.#raise(L, error.value);
        if (error instanceof BadArgument) return this.#raise(L, this.#badArgument(L, error.index, error.message, name));
        if (error instanceof PositionedError) return this.#raise(L, this.#whereOf(L.ci.previous) + error.message);
        throw error;
      }
      this.#current = before;
      if (L.top + results.length + 5 > L.stack_last) this.#core.lapi.lua_checkstack(L, results.length + 5);
      for (let i = 0; i < results.length; i++) L.stack[L.top++] = this.#toNative(results[i]);
      const first = results[0];
      if (typeof first === 'string' && first.length > LARGE_STRING) this.#core.lvm.hooks.charge(first.length);
      return results.length;
    };
    return this.#functionView(new this.#core.lobject.TValue(Tag.jsFunction, native));
  }

  hostValueFunction(name: string, run: HostValueFunction): LuaFunction {
    return this.hostFunction(name, (args) => [run(args)]);
  }

  /** Whether a function is one of the host's or of the libraries, not of Lua. */
  isNative(fn: LuaFunction): boolean {
    return this.#toNative(fn).type === Tag.jsFunction;
  }

  #raise(L: LuaState, value: LuaValue): never {
    L.stack[L.top++] = this.#toNative(value);
    return this.#core.lapi.lua_error(L);
  }

  /** luaL_argerror: the function's name is what the calling code calls it. */
  #badArgument(L: LuaState, index: number, message: string, name: string): string {
    const info: DebugInfo = { i_ci: L.ci, name: null, namewhat: null };
    this.#core.ldebug.lua_getinfo(L, NAME_INFO, info);
    const called = info.name === null ? name : textOf(info.name);
    const where = this.#whereOf(L.ci.previous);
    if (info.namewhat !== null && textOf(info.namewhat) === 'method') {
      if (index === 1) return `${where}calling '${called}' on bad self (${message})`;
      return `${where}bad argument #${index - 1} to '${called}' (${message})`;
    }
    return `${where}bad argument #${index} to '${called}' (${message})`;
  }

  where(): string {
    return this.#whereOf(this.#current.ci.previous);
  }

  /** Position of the `level`th function above the running host function, as `error` wants it. */
  whereAt(level: number): string {
    let call: CallInfo | null = this.#current.ci;
    for (let i = 0; i < level && call !== null; i++) call = call.previous;
    return this.#whereOf(call);
  }

  #whereOf(call: CallInfo | null): string {
    if (call === null || (call.callstatus & CALL_IS_LUA) === 0) return '';
    const { source, line } = position(call);
    return `${chunkText(source)}:${line}: `;
  }

  /** The message handler of every call from the host: notes where the error was raised. */
  #raised(L: LuaState): number {
    let call = L.ci.previous;
    if (call !== null && (call.callstatus & CALL_IS_LUA) === 0) call = call.previous;
    if (call !== null && (call.callstatus & CALL_IS_LUA) !== 0) {
      const { source, line } = position(call);
      this.#source = source;
      this.#line = line;
    }
    return 1;
  }

  compile(source: string, chunkName: string, environment?: LuaTable): LuaFunction {
    const L = this.#current;
    let rest: Uint8Array | null = bytesOf(source);
    const status = this.#core.lapi.lua_load(L, () => {
      const bytes = rest;
      rest = null;
      return bytes;
    }, null, bytesOf(chunkName), TEXT_MODE);
    const result = L.stack[--L.top]!;
    if (status !== Status.ok) throw new LuaSyntaxError(String(this.#toHost(result)));
    if (environment !== undefined) (result.value as Closure).upvals[0]!.setfrom(this.#toNative(environment));
    return this.#functionView(result);
  }

  call(fn: LuaFunction, args: readonly LuaValue[]): readonly LuaValue[] {
    return this.#call(fn, args, this.#handler);
  }

  #call(fn: LuaValue, args: readonly LuaValue[], handler: TValue): readonly LuaValue[] {
    const L = this.#current;
    const { top, ci, nny, nCcalls, allowhook, errfunc, errorJmp } = L;
    const ciTop = ci.top;
    this.#line = 0;
    this.#source = '';
    this.#core.lapi.lua_checkstack(L, args.length + 10);
    L.stack[L.top++] = new this.#core.lobject.TValue(handler.type, handler.value);
    L.stack[L.top++] = this.#toNative(fn);
    for (let i = 0; i < args.length; i++) L.stack[L.top++] = this.#toNative(args[i]);
    let status: number;
    try {
      status = this.#core.lapi.lua_pcallk(L, args.length, MULTIPLE_RESULTS, top - ci.funcOff, 0, null);
    } catch (error) {
      // Something that goes through every pcall: the thread is put back as it was.
      L.ci = ci;
      ci.next = null;
      L.nny = nny;
      L.nCcalls = nCcalls;
      L.allowhook = allowhook;
      L.errfunc = errfunc;
      L.errorJmp = errorJmp;
      this.#current = L;
      this.#core.ldo.adjust_top(L, top);
      ci.top = ciTop;
      throw error;
    }
    this.#current = L;
    if (status !== Status.ok) {
      const error = new LuaError(this.#toHost(L.stack[L.top - 1]!));
      error.line = this.#line;
      error.source = this.#source;
      this.#core.ldo.adjust_top(L, top);
      ci.top = ciTop;
      throw error;
    }
    const results: LuaValue[] = [];
    for (let i = top + 1; i < L.top; i++) results.push(this.#toHost(L.stack[i]!));
    this.#core.ldo.adjust_top(L, top);
    ci.top = ciTop;
    return results;
  }

  /** pcall and xpcall. */
  protectedCall(fn: LuaValue, handler: LuaValue, args: readonly LuaValue[] = []): LuaValue[] {
    try {
      return [true, ...this.#call(fn, args, handler === undefined ? this.#handler : this.#toNative(handler))];
    } catch (error) {
      if (error instanceof LuaError) return [false, error.value];
      throw error;
    }
  }
}

function position(call: CallInfo): { source: string; line: number } {
  const { p } = call.func.value as Closure;
  return { source: p.source.text, line: p.lineinfo[call.l_savedpc - 1] ?? 0 };
}

/** A chunk's name as messages show it: luaO_chunkid of Lua 5.1. */
function chunkText(name: string): string {
  if (name.startsWith('=')) return name.slice(1, 1 + NAME_BYTES_MAX);
  if (name.startsWith('@')) return name.length - 1 <= NAME_BYTES_MAX - 8 ? name.slice(1) : `...${name.slice(8 - NAME_BYTES_MAX)}`;
  const end = /[\r\n]/.exec(name)?.index ?? name.length;
  const length = Math.min(end, CHUNK_TEXT_MAX);
  return `[string "${name.slice(0, length)}${length < name.length ? '...' : ''}"]`;
}
