/**
 * The arguments of redis.call as a request: latin1 strings and numbers written into bytes of its own.
 *
 * A script makes the same calls at every run, and most words of a call are what they were the last time: the command, names of fields,
 * options, many a key. So the request of a call's kind (the command and how many words there are) is kept, and only what has changed is
 * written.
 */
import type { Command } from '../engine/command.ts';
import { formatDouble } from '../shared/number-text.ts';
import { Request, writeLatin1 } from '../shared/request.ts';
import type { LuaValue } from './lua-engine.ts';

/** Calls with more words, or a longer one, are not kept. */
const KEPT_WORDS_MAX = 24;
const KEPT_WORD_BYTES_MAX = 256;
/** Comparing longer words takes as long as writing them. */
const COMPARED_BYTES_MAX = 40;
const KINDS_MAX = 256;
const INITIAL_BYTES = 1024;
const BYTES_MAX = 1024 * 1024;

/** The request of one kind of call. */
class CallKind {
  readonly request = new Request();
  /** What the words were made of; null: not worth comparing, or there was none. */
  readonly known: (LuaValue | null)[] = [];
  /** How many bytes at its offset belong to each word. */
  readonly room: number[] = [];
  /** Where free bytes begin. */
  end = 0;
  /** What its first word names, once somebody has looked. */
  command: Command | null = null;

  constructor(argc: number) {
    this.request.reserve(argc);
    this.request.argc = argc;
    for (let i = 0; i < argc; i++) {
      this.known.push(null);
      this.room.push(0);
    }
  }

  write(i: number, text: string): void {
    const { request } = this;
    const { length } = text;
    if (length > this.room[i]!) this.#move(i, length);
    request.len[i] = length;
    writeLatin1(text, request.buf, request.off[i]!);
  }

  /** Gives a word another place, behind all others. */
  #move(i: number, length: number): void {
    const { request, room } = this;
    if (this.end + length > request.buf.length) this.#pack(i, length);
    request.off[i] = this.end;
    room[i] = length;
    this.end += length;
  }

  /** Writes the words, without the `i`th, one behind the other into a larger buffer: places that words have left are free again. */
  #pack(i: number, length: number): void {
    const { request, room } = this;
    let needed = length;
    for (const [at, bytes] of room.entries()) needed += at === i ? 0 : bytes;
    const packed = new Uint8Array(2 * needed);
    let end = 0;
    for (let at = 0; at < request.argc; at++) {
      if (at === i) continue;
      const from = request.off[at]!;
      packed.set(request.buf.subarray(from, from + room[at]!), end);
      request.off[at] = end;
      end += room[at]!;
    }
    request.buf = packed;
    this.end = end;
  }
}

export class CallArguments {
  /** What `fill` made: valid until the next call. */
  request: Request;
  /** The kind of the call that `fill` met last; null: it is not kept. */
  kind: CallKind | null = null;
  /** By name and number of words. */
  readonly #kinds = new Map<string, (CallKind | null)[]>();
  #kindCount = 0;
  /** For calls that are not kept. */
  readonly #other = new Request();
  #at = 0;

  constructor() {
    this.#other.buf = new Uint8Array(INITIAL_BYTES);
    this.request = this.#other;
  }

  /** Makes the request of Lua values, at least one. False if one of them is neither a string nor a number. */
  fill(values: readonly LuaValue[]): boolean {
    const name = values[0];
    if (typeof name !== 'string' || values.length > KEPT_WORDS_MAX) return this.#fillOther(values);
    const kind = this.#kindOf(name, values.length);
    const { known } = kind;
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (value === known[i]) continue;
      let text: string;
      if (typeof value === 'string') text = value;
      else if (typeof value === 'number') text = numberWord(value);
      else return false;
      if (text.length > KEPT_WORD_BYTES_MAX) return this.#fillOther(values);
      kind.write(i, text);
      known[i] = text.length > COMPARED_BYTES_MAX ? null : value;
    }
    this.kind = kind;
    this.request = kind.request;
    return true;
  }

  #kindOf(name: string, argc: number): CallKind {
    return this.#kinds.get(name)?.[argc] ?? this.#newKind(name, argc);
  }

  #newKind(name: string, argc: number): CallKind {
    // A script that makes names up may not fill the memory.
    if (this.#kindCount === KINDS_MAX) {
      this.#kinds.clear();
      this.#kindCount = 0;
    }
    let kinds = this.#kinds.get(name);
    if (kinds === undefined) {
      kinds = new Array<CallKind | null>(KEPT_WORDS_MAX + 1).fill(null);
      this.#kinds.set(name, kinds);
    }
    this.#kindCount++;
    return (kinds[argc] = new CallKind(argc));
  }

  #fillOther(values: readonly LuaValue[]): boolean {
    const request = this.#other;
    if (request.buf.length > BYTES_MAX) request.buf = new Uint8Array(INITIAL_BYTES);
    request.reserve(values.length);
    request.argc = values.length;
    this.#at = 0;
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (typeof value === 'string') this.#put(i, value);
      else if (typeof value === 'number') this.#put(i, numberWord(value));
      else return false;
    }
    this.kind = null;
    this.request = request;
    return true;
  }

  #put(i: number, text: string): void {
    const request = this.#other;
    const { length } = text;
    if (this.#at + length > request.buf.length) this.#grow(length);
    request.off[i] = this.#at;
    request.len[i] = length;
    this.#at = writeLatin1(text, request.buf, this.#at);
  }

  #grow(bytes: number): void {
    const request = this.#other;
    const grown = new Uint8Array(Math.max(request.buf.length * 2, this.#at + bytes));
    grown.set(request.buf.subarray(0, this.#at));
    request.buf = grown;
  }
}

/** Whole numbers without an exponent or a sign of zero, as commands want their integers. */
function numberWord(value: number): string {
  return value === 0 ? '0' : formatDouble(value);
}
