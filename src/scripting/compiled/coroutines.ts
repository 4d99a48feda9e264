/**
 * Functions that may yield. In a chunk that uses coroutines, a Lua function's code is a generator, and calls between such functions
 * delegate to each other, so that a yield at any depth leaves them all standing. Called from elsewhere (a library function, a
 * metamethod), a generator is run to its end, and a yield there fails, as it does in Lua 5.1.
 */
import type { LuaValue } from '../lua-engine.ts';
import { C_CALLS_MAX, type Code, native, type Result } from './calls.ts';
import { machine } from './machine.ts';
import { raisedValue } from './positions.ts';

type GeneratorCode = (...args: LuaValue[]) => Generator<LuaValue[], Result, LuaValue[]>;
type ResumableCode = Code & { generator?: GeneratorCode };

const YIELD_ACROSS = 'attempt to yield across metamethod/C-call boundary';

/** coroutine.yield as called from code that cannot stand still. */
export const yieldFunction: Code = native(() => {
  throw raisedValue(YIELD_ACROSS);
});

/** The function that a generator's code is for those who cannot yield. */
export function resumable(generator: GeneratorCode): Code {
  const code: ResumableCode = (...args) => runToEnd(generator(...args));
  code.generator = generator;
  return code;
}

function runToEnd(generator: Generator<LuaValue[], Result, LuaValue[]>): Result {
  let step = generator.next();
  while (step.done !== true) step = generator.throw(raisedValue(YIELD_ACROSS));
  return step.value;
}

/** A call that may yield, made by a generator. */
export function* invoke(code: ResumableCode, args: LuaValue[]): Generator<LuaValue[], Result, LuaValue[]> {
  if (code.generator !== undefined) return yield* code.generator(...args);
  if (code === yieldFunction) return yield args;
  return code(...args);
}

export type CoroutineStatus = 'suspended' | 'running' | 'normal' | 'dead';

/** What a coroutine did until it stood still: gave values, or failed. */
export type Outcome = { readonly values: LuaValue[] } | { readonly thrown: unknown } | { readonly refused: string };

let running: Coroutine | null = null;

function setRunning(coroutine: Coroutine | null): void {
  running = coroutine;
}

/** The coroutine that runs, or null. */
export function runningCoroutine(): Coroutine | null {
  return running;
}

export class Coroutine {
  status: CoroutineStatus = 'suspended';
  readonly #code: ResumableCode;
  #running: Generator<LuaValue[], Result, LuaValue[]> | null = null;

  constructor(code: Code) {
    this.#code = code;
  }

  get luaType(): 'thread' {
    return 'thread';
  }

  resume(args: LuaValue[]): Outcome {
    if (this.status !== 'suspended') return { refused: `cannot resume ${this.status} coroutine` };
    if (machine.cCalls + 1 >= C_CALLS_MAX) return { refused: 'C stack overflow' };
    const { depth, cCalls } = machine;
    const resumer = running;
    if (resumer !== null) resumer.status = 'normal';
    this.status = 'running';
    setRunning(this);
    machine.cCalls++;
    let finished = true;
    try {
      const step = this.#step(args);
      finished = step.done;
      return { values: Array.isArray(step.value) ? step.value : [step.value] };
    } catch (thrown) {
      return { thrown };
    } finally {
      this.status = finished ? 'dead' : 'suspended';
      setRunning(resumer);
      if (resumer !== null) resumer.status = 'running';
      machine.depth = depth;
      machine.cCalls = cCalls;
    }
  }

  #step(args: LuaValue[]): { done: boolean; value: Result } {
    if (this.#running !== null) return asStep(this.#running.next(args));
    if (this.#code.generator === undefined) return { done: true, value: this.#code(...args) };
    this.#running = this.#code.generator(...args);
    return asStep(this.#running.next());
  }
}

function asStep(step: IteratorResult<LuaValue[], Result>): { done: boolean; value: Result } {
  return { done: step.done === true, value: step.value };
}
