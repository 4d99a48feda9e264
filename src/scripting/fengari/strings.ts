/**
 * Lua's strings for fengari: kept as latin1, which is what the host and tables want; as bytes only where the interpreter
 * asks for bytes. Concatenation, comparison and table keys never look at bytes.
 */
import { latin1Bytes, latin1Slice } from '../../shared/request.ts';
import type { ModuleExports } from './core.ts';

/** Longer strings V8 cannot have; Lua says that memory is out. */
export const STRING_BYTES_MAX = 2 ** 29 - 32;

export class LuaString {
  readonly text: string;
  #bytes: Uint8Array | null = null;

  constructor(text: string) {
    this.text = text;
  }

  getstr(): Uint8Array {
    return (this.#bytes ??= latin1Bytes(this.text));
  }

  tsslen(): number {
    return this.text.length;
  }
}

// A function and no arrow: fengari calls it with `new` as well.
function fromBytes(_L: unknown, bytes: Uint8Array): LuaString {
  return new LuaString(latin1Slice(bytes, 0, bytes.length));
}

/** The module that stands for lstring.js. */
export function stringModule(): ModuleExports {
  return {
    TString: LuaString,
    luaS_bless: fromBytes,
    luaS_new: fromBytes,
    luaS_newliteral: (_L: unknown, text: string) => new LuaString(text),
    luaS_hash: (bytes: Uint8Array) => latin1Slice(bytes, 0, bytes.length),
    luaS_hashlongstr: (string: LuaString) => string.text,
    luaS_eqlngstr: (a: LuaString, b: LuaString) => a === b || a.text === b.text,
  };
}
