/** The arguments of redis.call as a request: latin1 strings and numbers written one behind the other into bytes of its own. */
import { formatDouble } from '../shared/number-text.ts';
import { Request, writeLatin1 } from '../shared/request.ts';
import type { LuaValue } from './lua-engine.ts';

const INITIAL_BYTES = 1024;
const KEPT_BYTES_MAX = 1024 * 1024;

export class CallArguments {
  readonly request = new Request();
  #at = 0;

  constructor() {
    this.request.buf = new Uint8Array(INITIAL_BYTES);
  }

  /** Makes the request of Lua values. Valid until the next call. False if one of them is neither a string nor a number. */
  fill(values: readonly LuaValue[]): boolean {
    const { request } = this;
    if (request.buf.length > KEPT_BYTES_MAX) request.buf = new Uint8Array(INITIAL_BYTES);
    request.reserve(values.length);
    request.argc = values.length;
    this.#at = 0;
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (typeof value === 'string') this.#put(i, value);
      // Whole numbers without an exponent or a sign of zero, as commands want their integers.
      else if (typeof value === 'number') this.#put(i, Object.is(value, -0) ? '0' : formatDouble(value));
      else return false;
    }
    return true;
  }

  #put(i: number, text: string): void {
    const { request } = this;
    const { length } = text;
    if (this.#at + length > request.buf.length) this.#grow(length);
    request.off[i] = this.#at;
    request.len[i] = length;
    this.#at = writeLatin1(text, request.buf, this.#at);
  }

  #grow(bytes: number): void {
    const grown = new Uint8Array(Math.max(this.request.buf.length * 2, this.#at + bytes));
    grown.set(this.request.buf.subarray(0, this.#at));
    this.request.buf = grown;
  }
}
