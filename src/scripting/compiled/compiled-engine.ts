/**
 * The engine that compiles Lua 5.1 to JavaScript.
 *
 * Owns its globals and its string metatable, and what a call from the host sets up: the tick, the stack's budget. Scripts reach
 * nothing of JavaScript: their names and strings are data to the generated code (chunk-code.ts), never identifiers or properties.
 */
import {
  type HostFunction, type HostValueFunction, type LuaEngine, type LuaFunction, type LuaValue,
} from '../lua-engine.ts';
import { asLuaError, installBase } from './base-library.ts';
import { all, fromNative } from './calls.ts';
import { compileChunk } from './chunk-compiler.ts';
import { installCoroutine } from './coroutine-library.ts';
import { hostCode, hostValueCode } from './host-library.ts';
import { charge, machine } from './machine.ts';
import { installMath } from './math-library.ts';
import { callerPlace } from './positions.ts';
import { stackBudget } from './stack-budget.ts';
import { installString } from './string-library.ts';
import { Table } from './table.ts';
import { powerOfTwoFrom } from './table-layout.ts';
import { installTable } from './table-library.ts';


export interface CompiledEngineOptions {
  /** Bytes of memory in use, for collectgarbage('count'). */
  readonly memoryBytes: () => number;
  /** Seconds of processor time, for os.clock. */
  readonly clock: () => number;
}

export class CompiledEngine implements LuaEngine {
  readonly name = 'compiled';
  readonly globals: Table = new Table();
  readonly stringMetatable: Table;
  onTick: (() => void) | null = null;
  readonly #tick = (): void => this.onTick?.();

  constructor({ memoryBytes, clock }: CompiledEngineOptions) {
    const { globals } = this;
    installBase(globals, { compile: (source, name) => this.compile(source, name), memoryBytes });
    this.stringMetatable = installString(globals);
    installTable(globals);
    installMath(globals);
    installCoroutine(globals);
    const os = new Table();
    os.putString('clock', hostCode(() => [clock()]));
    globals.putString('os', os);
  }

  newTable(): Table {
    return new Table();
  }

  newList(values: LuaValue[]): Table {
    const { length } = values;
    const table = new Table();
    if (length > 1) table.adopt(powerOfTwoFrom(length - 1), values);
    return table;
  }

  hostFunction(_name: string, run: HostFunction): LuaFunction {
    return hostCode(run);
  }

  hostValueFunction(_name: string, run: HostValueFunction): LuaFunction {
    return hostValueCode(run);
  }

  /** @throws LuaSyntaxError, UnsupportedChunk */
  compile(source: string, chunkName: string, environment: Table = this.globals): LuaFunction {
    return compileChunk(source, chunkName, environment);
  }

  call(fn: LuaFunction, args: readonly LuaValue[]): readonly LuaValue[] {
    const { onTick, stringMetatable, depth, tailBelow, cCalls } = machine;
    machine.onTick = this.#tick;
    machine.stringMetatable = this.stringMetatable;
    if (cCalls === 0) {
      machine.depth = stackBudget();
      machine.tailBelow = machine.depth / 2;
    }
    try {
      return all(fromNative(fn, args));
    } catch (thrown) {
      throw thrown instanceof RangeError ? asLuaError(thrown) : thrown;
    } finally {
      machine.onTick = onTick;
      machine.stringMetatable = stringMetatable;
      machine.depth = depth;
      machine.tailBelow = tailBelow;
      machine.cCalls = cCalls;
    }
  }

  /** Also when no call is under way, while what it has returned is looked at. */
  charge(bytes: number): void {
    charge(bytes, this.#tick);
  }

  where(): string {
    return callerPlace();
  }
}
