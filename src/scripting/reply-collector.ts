/**
 * The reply of a command that a script calls, as Lua values: no RESP in between. What Redis turns each kind of reply into
 * depends on the protocol that the script has chosen (redis.setresp).
 */
import { formatDouble } from '../shared/number-text.ts';
import type { Reply } from '../shared/reply.ts';
import { type LuaEngine, LuaKilled, type LuaTable, type LuaValue, SCRIPT_MEMORY_EXCEEDED } from './lua-engine.ts';
import { recentString } from './recent-strings.ts';

/** The field by which Redis marks the table of an error that a command was answered with. */
export const ALREADY_COUNTED = 'ignore_error_stats_update';

/** Values of a reply at most: with more of them the process would be short of memory before anybody could look at the script's. */
const VALUES_MAX = 2 ** 23;

const Kind = { value: 0, array: 1, map: 2, set: 3, attribute: 4 } as const;

export class ReplyCollector implements Reply {
  proto: 2 | 3 = 2;
  errors = 0;
  lastError = '';
  readonly #engine: LuaEngine;
  /** Values in the order in which they were written; of an aggregate, how many follow. */
  readonly #values: LuaValue[] = [];
  readonly #kinds: number[] = [];
  #at = 0;
  /** Whether the reply as a whole is an error. */
  isError = false;

  constructor(engine: LuaEngine) {
    this.#engine = engine;
  }

  get isFull(): boolean {
    return this.#kinds.length >= VALUES_MAX;
  }

  /** The reply written since the last `take`. */
  take(): LuaValue {
    this.isError = false;
    if (this.isFull) {
      this.#values.length = this.#kinds.length = 0;
      throw new LuaKilled(SCRIPT_MEMORY_EXCEEDED);
    }
    if (this.#kinds.length === 1 && this.#kinds[0] === Kind.value) {
      // Setting the length of an array costs many times as much.
      this.#kinds.pop();
      return this.#values.pop();
    }
    const value = this.#build();
    this.#values.length = 0;
    this.#kinds.length = 0;
    return value;
  }

  #build(): LuaValue {
    this.#at = 0;
    return this.#next();
  }

  #next(): LuaValue {
    const at = this.#at++;
    const kind = this.#kinds[at]!;
    const value = this.#values[at];
    if (kind === Kind.value) return value;
    const count = value as number;
    if (kind === Kind.attribute) {
      // Scripts see the reply alone.
      for (let i = 0; i < 2 * count; i++) this.#next();
      return this.#next();
    }
    if (kind === Kind.array) return this.#list(count);
    const table = this.#engine.newTable();
    for (let i = 0; i < count; i++) {
      const key = this.#next();
      const element = kind === Kind.map ? this.#next() : true;
      // Lua has no nil as a key.
      if (key !== undefined && !Number.isNaN(key)) table.set(key, element);
    }
    return this.#wrap(kind === Kind.map ? 'map' : 'set', table);
  }

  #list(count: number): LuaTable {
    const values: LuaValue[] = [undefined];
    let hasNil = false;
    for (let i = 1; i <= count; i++) {
      const value = this.#next();
      hasNil ||= value === undefined;
      values.push(value);
    }
    if (!hasNil) return this.#engine.newList(values);
    const table = this.#engine.newTable();
    for (let i = 1; i <= count; i++) table.set(i, values[i]);
    return table;
  }

  #wrap(field: string, value: LuaValue): LuaTable {
    const table = this.#engine.newTable();
    table.set(field, value);
    return table;
  }

  #put(value: LuaValue): void {
    if (this.isFull) return;
    this.#values.push(value);
    this.#kinds.push(Kind.value);
  }

  #open(kind: number, count: number): void {
    if (this.isFull) return;
    this.#values.push(count);
    this.#kinds.push(kind);
  }

  ok(): void {
    this.status('OK');
  }

  status(text: string): void {
    this.#put(this.#wrap('ok', text));
  }

  error(text: string): void {
    this.errors++;
    this.lastError = text;
    if (this.#kinds.length === 0) this.isError = true;
    const table = errorTable(this.#engine, `-${text}`);
    // It has been counted where the command ran.
    table.set(ALREADY_COUNTED, true);
    this.#put(table);
  }

  integer(value: number): void {
    this.#put(value);
  }

  integerText(text: string): void {
    this.#put(Number(text));
  }

  bulk(buf: Uint8Array, off: number, len: number): void {
    this.#put(recentString(buf, off, len));
  }

  bulkString(text: string): void {
    this.#put(text);
  }

  double(value: number): void {
    this.#put(this.proto === 3 ? this.#wrap('double', value) : formatDouble(value));
  }

  /** Scripts have doubles, whatever digits the text has beyond them. */
  doubleText(text: string): void {
    this.#put(this.proto === 3 ? this.#wrap('double', Number(text)) : text);
  }

  boolean(value: boolean): void {
    this.#put(this.proto === 3 ? value : value ? 1 : 0);
  }

  null(): void {
    this.#put(this.proto === 3 ? undefined : false);
  }

  nullArray(): void {
    this.null();
  }

  array(length: number): void {
    this.#open(Kind.array, length);
  }

  map(pairs: number): void {
    if (this.proto === 3) this.#open(Kind.map, pairs);
    else this.#open(Kind.array, 2 * pairs);
  }

  set(length: number): void {
    this.#open(this.proto === 3 ? Kind.set : Kind.array, length);
  }

  attribute(pairs: number): void {
    this.#open(Kind.attribute, pairs);
  }

  push(length: number): void {
    this.#open(Kind.array, length);
  }

  verbatim(format: string, text: string): void {
    if (this.proto === 2) {
      this.#put(text);
      return;
    }
    const inner = this.#engine.newTable();
    inner.set('format', format);
    inner.set('string', text);
    this.#put(this.#wrap('verbatim_string', inner));
  }

  bigNumber(text: string): void {
    this.#put(this.proto === 3 ? this.#wrap('big_number', text) : text);
  }

  mark(): number {
    return this.#kinds.length;
  }

  rewind(mark: number): void {
    this.#values.length = mark;
    this.#kinds.length = mark;
    if (mark === 0) this.isError = false;
  }

  insertArray(mark: number, length: number): void {
    this.#insert(mark, Kind.array, length);
  }

  insertMap(mark: number, pairs: number): void {
    if (this.proto === 3) this.#insert(mark, Kind.map, pairs);
    else this.#insert(mark, Kind.array, 2 * pairs);
  }

  insertSet(mark: number, length: number): void {
    this.#insert(mark, this.proto === 3 ? Kind.set : Kind.array, length);
  }

  #insert(mark: number, kind: number, count: number): void {
    this.#values.splice(mark, 0, count);
    this.#kinds.splice(mark, 0, kind);
  }
}

/**
 * The table that stands for an error: `{err = "CODE message"}`. `text` is a bare message, which gets the code ERR, or
 * "-CODE message" (luaPushErrorBuff).
 */
export function errorTable(engine: LuaEngine, text: string): LuaTable {
  let code = 'ERR';
  let message = text;
  if (text.startsWith('-')) {
    const space = text.indexOf(' ');
    if (space < 0) message = text.slice(1);
    else {
      code = text.slice(1, space);
      message = text.slice(space + 1);
    }
  }
  const table = engine.newTable();
  table.set('err', `${code} ${message.replace(/^[\r\n]+|[\r\n]+$/g, '')}`);
  return table;
}
