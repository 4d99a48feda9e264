/**
 * Coroutines. They move values between stacks of the interpreter and leave it by exceptions, so they are written against
 * its internals and not as host functions.
 */
import { type Core, type LuaState, type NativeFunction, Status, Tag, type TValue } from '../core.ts';
import { LuaString } from '../strings.ts';

export interface CoroutineHost {
  /** Raises an error with the position of the calling Lua code. */
  raise(L: LuaState, message: string): never;
  /** "bad argument …". */
  badArgument(L: LuaState, index: number, message: string): never;
  where(L: LuaState): string;
}

/** Native functions by name. */
export function coroutineLibrary(core: Core, host: CoroutineHost): Readonly<Record<string, NativeFunction>> {
  const { lapi, ldo, lstate, lobject } = core;
  const push = (L: LuaState, type: number, value: unknown): void => { L.stack[L.top++] = new lobject.TValue(type, value); };
  const pushText = (L: LuaState, text: string): void => push(L, Tag.string, new LuaString(text));
  const argument = (L: LuaState, i: number): TValue | undefined => (L.ci.funcOff + i < L.top ? L.stack[L.ci.funcOff + i] : undefined);
  const argumentCount = (L: LuaState): number => L.top - L.ci.funcOff - 1;

  const threadOf = (L: LuaState): LuaState => {
    const value = argument(L, 1);
    if (value?.type !== Tag.thread) host.badArgument(L, 1, 'coroutine expected');
    return value!.value as LuaState;
  };

  const isDead = (co: LuaState): boolean => co.status > Status.yield || (co.status === Status.ok && co.ci.previous === null && co.top - co.ci.funcOff - 1 === 0);

  const statusOf = (L: LuaState, co: LuaState): string => {
    if (co === L) return 'running';
    if (co.status === Status.yield) return 'suspended';
    if (isDead(co)) return 'dead';
    return co.ci.previous === null ? 'suspended' : 'normal';
  };

  /** Number of values that it left on L's stack, or -1: an error's value is on top. */
  const resume = (L: LuaState, co: LuaState, n: number): number => {
    const status = statusOf(L, co);
    if (status !== 'suspended') {
      pushText(L, `cannot resume ${status === 'dead' ? 'dead' : 'non-suspended'} coroutine`);
      return -1;
    }
    if (!lapi.lua_checkstack(co, n)) host.raise(L, 'too many arguments to resume');
    lapi.lua_xmove(L, co, n);
    const result = ldo.lua_resume(co, L, n);
    if (result > Status.yield) {
      lapi.lua_xmove(co, L, 1);
      return -1;
    }
    const count = co.top - co.ci.funcOff - 1;
    if (!lapi.lua_checkstack(L, count + 1)) host.raise(L, 'too many results to resume');
    lapi.lua_xmove(co, L, count);
    return count;
  };

  const create = (L: LuaState): LuaState => {
    const body = argument(L, 1);
    // Functions of the host cannot be the body of a coroutine in Lua 5.1.
    if (body?.type !== Tag.luaFunction) host.badArgument(L, 1, 'Lua function expected');
    const co = lstate.lua_newthread(L);
    co.stack[co.top++] = new lobject.TValue(body!.type, body!.value);
    return co;
  };

  return {
    create: (L) => {
      create(L);
      return 1;
    },
    resume: (L) => {
      const co = threadOf(L);
      const n = argumentCount(L) - 1;
      const results = resume(L, co, n);
      const from = results < 0 ? L.top - 1 : L.top - results;
      const kept = L.stack.slice(from, L.top);
      L.stack[from] = new lobject.TValue(Tag.boolean, results >= 0);
      for (let i = 0; i < kept.length; i++) L.stack[from + 1 + i] = kept[i]!;
      L.top = from + 1 + kept.length;
      return kept.length + 1;
    },
    running: (L) => {
      if (L.l_G.mainthread === L) push(L, Tag.nil, null);
      else push(L, Tag.thread, L);
      return 1;
    },
    status: (L) => {
      const co = threadOf(L);
      pushText(L, statusOf(L, co));
      return 1;
    },
    wrap: (L) => {
      const co = create(L);
      L.top--;
      push(L, Tag.jsFunction, (state: LuaState): number => {
        const results = resume(state, co, argumentCount(state));
        if (results >= 0) return results;
        const value = state.stack[state.top - 1]!;
        if (value.type === Tag.string) {
          state.stack[state.top - 1] = new lobject.TValue(Tag.string, new LuaString(host.where(state) + (value.value as LuaString).text));
        }
        return lapi.lua_error(state);
      });
      return 1;
    },
    yield: (L) => ldo.lua_yieldk(L, argumentCount(L), 0, null),
  };
}

