/** The host's functions as functions of Lua. On a stack trace, a frame of this file is a C function's (positions.ts). */
import { type HostFunction, type HostValueFunction, LuaError, type LuaValue } from '../lua-engine.ts';
import { type Code, native } from './calls.ts';
import { markPlace } from './positions.ts';

export function hostCode(run: HostFunction): Code {
  return native((...args) => {
    try {
      const results = run(args);
      return results.length === 1 ? results[0] : (results as LuaValue[]);
    } catch (thrown) {
      if (thrown instanceof LuaError) markPlace(thrown);
      throw thrown;
    }
  });
}

/** `hostCode` of a function with one result: no array is made for it. */
export function hostValueCode(run: HostValueFunction): Code {
  return native((...args) => {
    try {
      return run(args);
    } catch (thrown) {
      if (thrown instanceof LuaError) markPlace(thrown);
      throw thrown;
    }
  });
}
