/** Scripting as the server has it: the Lua engines by configuration, with the process's clocks, memory and log. */
import { getHeapStatistics } from 'node:v8';
import { type Command, Flag } from '../engine/command.ts';
import { evalCommands } from '../scripting/commands/eval.ts';
import { functionCommands } from '../scripting/commands/function.ts';
import { CompiledEngine } from '../scripting/compiled/compiled-engine.ts';
import { EvalScripts, flagsInShebang } from '../scripting/eval-scripts.ts';
import { FengariEngine } from '../scripting/fengari/fengari-engine.ts';
import { FunctionRegistry } from '../scripting/function-registry.ts';
import { type EngineChoice, ScriptHost } from '../scripting/script-host.ts';
import { ScriptFlag } from '../scripting/script-run.ts';
import type { Request } from '../shared/request.ts';
import { BusyScripts } from './busy-scripts.ts';
import { ForwardedScripts } from './forwarded-scripts.ts';
import type { Server } from './server.ts';
import { REDIS_VERSION } from './version.ts';

/** By the levels of redis.log. */
const LOG_LEVELS = ['debug', 'verbose', 'notice', 'warning'] as const;

/** A script is stopped before V8, which ends the process when its heap is full, and before it spends its time on collecting garbage. */
const SCRIPT_BYTES_MAX = Math.min(0.5 * getHeapStatistics().heap_size_limit, 1024 ** 3);

const heapBytes = (): number => process.memoryUsage().heapUsed;
const clockSeconds = (): number => process.cpuUsage().user / 1e6;

export class Scripts {
  readonly host: ScriptHost;
  readonly evalScripts: EvalScripts;
  readonly functions: FunctionRegistry;
  readonly forwarded: ForwardedScripts;

  constructor(server: Server) {
    const busy = new BusyScripts(server);
    this.host = new ScriptHost({
      engine: server.engine,
      redisVersion: REDIS_VERSION,
      log: (level, text) => server.log[LOG_LEVELS[level]!](text),
      newCompiled: () => new CompiledEngine({ memoryBytes: heapBytes, clock: clockSeconds }),
      newFengari: () => new FengariEngine({ memoryBytes: heapBytes, clock: clockSeconds }),
      choice: () => server.config.string('lua-engine') as EngineChoice,
      clockMs: Date.now,
      memoryBytes: heapBytes,
      scriptBytesMax: SCRIPT_BYTES_MAX,
      onTick: (run) => busy.tick(run),
      onSlowEnd: () => busy.ended(),
    });
    this.evalScripts = new EvalScripts(this.host);
    this.functions = new FunctionRegistry(this.host);
    this.forwarded = new ForwardedScripts(this.evalScripts);
  }

  commands(): readonly Command[] {
    return [...evalCommands(this.host, this.evalScripts), ...functionCommands(this.host, this.functions)];
  }

  /** Whether a command may write, or tell others something. A script or function that says it does neither is taken at its word. */
  mayWrite(command: Command, request: Request): boolean {
    if ((command.flags & (Flag.write | Flag.mayReplicate)) === 0) return false;
    const flags = this.#declaredFlags(command.name, request);
    return flags === null || (flags & ScriptFlag.noWrites) === 0;
  }

  /** Whether a command runs a script or function that declares what it does, and not that it does not write. */
  saysItWrites(command: Command, request: Request): boolean {
    const flags = this.#declaredFlags(command.name, request);
    return flags !== null && (flags & ScriptFlag.noWrites) === 0;
  }

  /** ScriptFlags; null where nothing is declared, or nothing is called. */
  #declaredFlags(name: string, request: Request): number | null {
    switch (name) {
      case 'eval': return flagsInShebang(request.string(1));
      case 'evalsha': return this.evalScripts.get(request.string(1).toLowerCase())?.flags ?? null;
      case 'fcall': return this.functions.get(request.string(1))?.registered.flags ?? null;
      default: return null;
    }
  }
}
