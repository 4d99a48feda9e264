/**
 * Lua's tables for fengari: an array for 1 … n and a map for the rest, read-only tables, and the order of `next` that
 * Lua 5.1 has for arrays. Entries set to nil stay until the map is tidied at the insertion of a new key, so that a
 * traversal may clear fields.
 */
import { type LuaState, type ModuleExports, type Require, Tag, type TValue } from './core.ts';
import type { LuaString } from './strings.ts';

interface Objects {
  readonly TValue: new (type: number, value: unknown) => TValue;
  readonly luaO_nilobject: TValue;
}

interface Debug {
  luaG_runerror(L: LuaState, format: Uint8Array): never;
}

interface Entry {
  readonly key: TValue;
  readonly value: TValue;
  next: Entry | null;
}

export type MapKey = unknown;

const READ_ONLY = bytesOf('Attempt to modify a readonly table');
const INDEX_NIL = bytesOf('table index is nil');
const INDEX_NAN = bytesOf('table index is NaN');
const INVALID_NEXT = bytesOf("invalid key to 'next'");
/** So many cleared entries are left in a map at the least. */
const DEAD_MIN = 16;

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

export class Table {
  metatable: Table | null = null;
  /** Bit e set: the table, as a metatable, has no metamethod e. Fengari's cache. */
  flags = ~0;
  readOnly = false;
  /** The host's view of it, made when first asked for. */
  view: unknown = null;
  /** Values of 1 … n; the last is not nil. */
  array: TValue[] = [];
  /** The largest n that there has been: keys up to it have a place in the order of `next`. */
  places = 0;
  map: Map<MapKey, Entry> | null = null;
  first: Entry | null = null;
  last: Entry | null = null;
  dead = 0;

  /** Index in the array of an integer key in or just behind it, else -1. */
  arrayIndex(key: number): number {
    return key >= 1 && key <= this.array.length + 1 && Number.isInteger(key) ? key - 1 : -1;
  }
}

/** Whether an integer key is one of the array, or was before the array became shorter. */
function isPlace(t: Table, key: number): boolean {
  return Number.isInteger(key) && key >= 1 && (key <= t.array.length || (key <= t.places && !(t.map?.has(key) ?? false)));
}

/** What a key of a given type is in the map. Strings and numbers are themselves, and differ; so do booleans and objects. */
function mapKey(key: TValue): MapKey {
  return key.type === Tag.string ? (key.value as LuaString).text : key.value;
}

/** The module that stands for ltable.js. */
export function tableModule(require: Require): ModuleExports {
  const objects = require('./lobject.js') as unknown as Objects;
  const debug = require('./ldebug.js') as unknown as Debug;

  const inMap = (t: Table, key: MapKey): TValue => t.map?.get(key)?.value ?? objects.luaO_nilobject;

  const getNumber = (t: Table, key: number): TValue => t.array[key - 1] ?? inMap(t, key);

  const get = (_L: LuaState, t: Table, key: TValue): TValue => {
    if (key.type === Tag.string) return t.map?.get((key.value as LuaString).text)?.value ?? objects.luaO_nilobject;
    if (key.type === Tag.number) return getNumber(t, key.value as number);
    return key.type === Tag.nil ? objects.luaO_nilobject : inMap(t, key.value);
  };

  const tidy = (t: Table): void => {
    let kept: Entry | null = null;
    t.first = null;
    for (const [key, entry] of t.map!) {
      if (entry.value.type === Tag.nil) {
        t.map!.delete(key);
        continue;
      }
      entry.next = null;
      if (kept === null) t.first = entry;
      else kept.next = entry;
      kept = entry;
    }
    t.last = kept;
    t.dead = 0;
  };

  /** Elements that stand in the map and follow the array's last move into the array. */
  const takeFollowing = (t: Table): void => {
    for (;;) {
      const entry = t.map!.get(t.array.length + 1);
      if (entry === undefined || entry.value.type === Tag.nil) break;
      t.array.push(new objects.TValue(entry.value.type, entry.value.value));
      entry.value.type = Tag.nil;
      entry.value.value = null;
      t.dead++;
    }
    if (t.array.length > t.places) t.places = t.array.length;
  };

  const setInArray = (t: Table, index: number, value: TValue): void => {
    const { array } = t;
    if (index < array.length) {
      array[index]!.setfrom(value);
      if (value.type === Tag.nil) while (array.length > 0 && array[array.length - 1]!.type === Tag.nil) array.pop();
    } else if (value.type !== Tag.nil) {
      array.push(new objects.TValue(value.type, value.value));
      if (array.length > t.places) t.places = array.length;
      if (t.map !== null && t.map.size > t.dead) takeFollowing(t);
    }
  };

  const setInMap = (t: Table, hash: MapKey, key: TValue, value: TValue): void => {
    const entry = t.map?.get(hash);
    if (entry !== undefined) {
      if (value.type === Tag.nil) {
        if (entry.value.type !== Tag.nil) t.dead++;
      } else if (entry.value.type === Tag.nil) t.dead--;
      entry.value.setfrom(value);
      return;
    }
    if (value.type === Tag.nil) return;
    t.map ??= new Map();
    if (t.dead > DEAD_MIN && t.dead > t.map.size / 2) tidy(t);
    const added: Entry = { key: new objects.TValue(key.type, key.value), value: new objects.TValue(value.type, value.value), next: null };
    if (t.last === null) t.first = added;
    else t.last.next = added;
    t.last = added;
    t.map.set(hash, added);
  };

  const setNumber = (t: Table, key: number, value: TValue): void => {
    const index = t.arrayIndex(key);
    // A key just behind the array may stand in the map, cleared.
    if (index >= 0) setInArray(t, index, value);
    else setInMap(t, key, new objects.TValue(Tag.number, key), value);
  };

  const set = (L: LuaState, t: Table, key: TValue, value: TValue): void => {
    if (t.readOnly) debug.luaG_runerror(L, READ_ONLY);
    if (key.type === Tag.string) setInMap(t, (key.value as LuaString).text, key, value);
    else if (key.type === Tag.number) {
      if (Number.isNaN(key.value)) debug.luaG_runerror(L, INDEX_NAN);
      setNumber(t, key.value as number, value);
    } else if (key.type === Tag.nil) debug.luaG_runerror(L, INDEX_NIL);
    else setInMap(t, key.value, key, value);
  };

  /** A constructor's items [from, from + n) of the stack as elements first, first + 1 …; nils among them keep their places. */
  const setList = (t: Table, first: number, stack: readonly TValue[], from: number, n: number): void => {
    const { array } = t;
    if (array.length === first - 1) {
      for (let i = 0; i < n; i++) array.push(new objects.TValue(stack[from + i]!.type, stack[from + i]!.value));
      if (array.length > t.places) t.places = array.length;
      while (array.length > 0 && array[array.length - 1]!.type === Tag.nil) array.pop();
    } else for (let i = 0; i < n; i++) setNumber(t, first + i, stack[from + i]!);
  };

  const firstLive = (entry: Entry | null): Entry | null => {
    let at = entry;
    while (at !== null && at.value.type === Tag.nil) at = at.next;
    return at;
  };

  /** Replaces the key in stack[keyAt] by the next one, its value behind it; false at the end. */
  const next = (L: LuaState, t: Table, keyAt: number): boolean => {
    const key = L.stack[keyAt]!;
    let index = -1;
    if (key.type === Tag.nil) index = 0;
    else if (key.type === Tag.number && isPlace(t, key.value as number)) index = key.value as number;
    let entry: Entry | null;
    if (index >= 0) {
      for (; index < t.array.length; index++) {
        const value = t.array[index]!;
        if (value.type === Tag.nil) continue;
        L.stack[keyAt] = new objects.TValue(Tag.number, index + 1);
        L.stack[keyAt + 1] = new objects.TValue(value.type, value.value);
        return true;
      }
      entry = firstLive(t.first);
    } else {
      const current = t.map?.get(mapKey(key));
      if (current === undefined) return debug.luaG_runerror(L, INVALID_NEXT);
      entry = firstLive(current.next);
    }
    if (entry === null) return false;
    L.stack[keyAt] = new objects.TValue(entry.key.type, entry.key.value);
    L.stack[keyAt + 1] = new objects.TValue(entry.value.type, entry.value.value);
    return true;
  };

  const canFollow = (t: Table, key: TValue): boolean => key.type === Tag.nil
    || (key.type === Tag.number && isPlace(t, key.value as number)) || (t.map?.has(mapKey(key)) ?? false);

  return {
    Table,
    canFollow,
    invalidateTMcache: (t: Table) => { t.flags = 0; },
    luaH_new: () => new Table(),
    luaH_get: get,
    luaH_getint: getNumber,
    luaH_getstr: (t: Table, key: LuaString) => inMap(t, key.text),
    luaH_getn: (t: Table) => t.array.length,
    luaH_setfrom: set,
    luaH_setint: setNumber,
    luaH_setlist: setList,
    luaH_next: next,
  };
}
