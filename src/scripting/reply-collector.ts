/**
 * The reply of a command that a script calls, as Lua values: no RESP in between. What Redis turns each kind of reply into
 * depends on the protocol that the script has chosen (redis.setresp).
 */
import { formatDouble } from '../shared/number-text.ts';
import type { Reply } from '../shared/reply.ts';
import { listOf } from './lists.ts';
import { type LuaEngine, LuaKilled, type LuaTable, type LuaValue, SCRIPT_MEMORY_EXCEEDED } from './lua-engine.ts';
import { recentString } from './recent-strings.ts';

/** The field by which Redis marks the table of an error that a command was answered with. */
export const ALREADY_COUNTED = 'ignore_error_stats_update';

/** Values of a reply at most: with more of them the process would be short of memory before anybody could look at the script's. */
const VALUES_MAX = 2 ** 23;

/** Places for kinds that are kept from reply to reply. */
const KINDS_KEPT = 1024;

const Kind = { value: 0, array: 1, map: 2, set: 3, attribute: 4 } as const;

export class ReplyCollector implements Reply {
  proto: 2 | 3 = 2;
  errors = 0;
  lastError = '';
  readonly #engine: LuaEngine;
  /** Values in the order in which they were written; of an aggregate, how many follow. What is behind `#size` is of no account. */
  #values: LuaValue[] = [];
  #kinds = new Uint8Array(KINDS_KEPT);
  #size = 0;
  /** Aggregates that were begun since the last `take`. */
  #aggregates = 0;
  #hasNil = false;
  #at = 0;
  /** Whether the reply as a whole is an error. */
  isError = false;

  constructor(engine: LuaEngine) {
    this.#engine = engine;
  }

  get isFull(): boolean {
    return this.#size >= VALUES_MAX;
  }

  /** The reply written since the last `take`. */
  take(): LuaValue {
    const values = this.#values;
    const size = this.#size;
    const isFlat = this.#aggregates === 1 && !this.#hasNil;
    const isFull = this.isFull;
    this.isError = false;
    if (size === 1 && this.#kinds[0] === Kind.value && values.length === 1) {
      this.#size = 0;
      this.#hasNil = false;
      const value = values[0];
      values[0] = undefined;
      return value;
    }
    let value: LuaValue;
    if (isFull || size === 0) value = undefined;
    else if (isFlat && this.#kinds[0] === Kind.array && values.length === size) {
      // Most replies with several values are this: the list is there already, but for its first place.
      values[0] = undefined;
      value = this.#engine.newList(values);
    } else value = this.#build();
    this.#values = [];
    this.#size = 0;
    this.#aggregates = 0;
    this.#hasNil = false;
    if (this.#kinds.length > KINDS_KEPT) this.#kinds = new Uint8Array(KINDS_KEPT);
    if (isFull) throw new LuaKilled(SCRIPT_MEMORY_EXCEEDED);
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
    for (let i = 1; i <= count; i++) values.push(this.#next());
    return listOf(this.#engine, values);
  }

  #wrap(field: string, value: LuaValue): LuaTable {
    const table = this.#engine.newTable();
    table.set(field, value);
    return table;
  }

  #put(value: LuaValue): void {
    if (value === undefined) this.#hasNil = true;
    this.#write(Kind.value, value);
  }

  #open(kind: number, count: number): void {
    this.#aggregates++;
    this.#write(kind, count);
  }

  #write(kind: number, value: LuaValue): void {
    const at = this.#size;
    if (at >= VALUES_MAX) return;
    if (at === this.#kinds.length) this.#grow();
    this.#values[at] = value;
    this.#kinds[at] = kind;
    this.#size = at + 1;
  }

  #grow(): void {
    const grown = new Uint8Array(2 * this.#kinds.length);
    grown.set(this.#kinds);
    this.#kinds = grown;
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
    if (this.#size === 0) this.isError = true;
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
    return this.#size;
  }

  rewind(mark: number): void {
    this.#values.length = mark;
    this.#size = mark;
    if (mark > 0) return;
    this.isError = false;
    this.#aggregates = 0;
    this.#hasNil = false;
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
    this.#aggregates++;
    const size = this.#size++;
    if (size === this.#kinds.length) this.#grow();
    this.#values.splice(mark, 0, count);
    this.#kinds.copyWithin(mark + 1, mark, size);
    this.#kinds[mark] = kind;
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
