/** An engine under test that runs scripts. */
import { evalCommands } from '../../src/scripting/commands/eval.ts';
import { functionCommands } from '../../src/scripting/commands/function.ts';
import { CompiledEngine } from '../../src/scripting/compiled/compiled-engine.ts';
import { EvalScripts } from '../../src/scripting/eval-scripts.ts';
import { FengariEngine } from '../../src/scripting/fengari/fengari-engine.ts';
import { FunctionRegistry } from '../../src/scripting/function-registry.ts';
import { type EngineChoice, ScriptHost } from '../../src/scripting/script-host.ts';
import type { ScriptRun } from '../../src/scripting/script-run.ts';
import { EngineRig } from '../engine/engine-rig.ts';
import type { Value } from '../engine/recording-reply.ts';

export class ScriptRig extends EngineRig {
  readonly host: ScriptHost;
  readonly scripts: EvalScripts;
  readonly functions: FunctionRegistry;
  readonly logged: string[] = [];
  choice: EngineChoice = 'auto';
  clockMs: () => number = () => this.engine.keyspace.nowMs;
  memoryBytes: () => number = () => 0;
  onTick: (run: ScriptRun) => void = () => undefined;

  constructor(seed = 1, proto: 2 | 3 = 2) {
    super(seed, proto);
    this.host = new ScriptHost({
      engine: this.engine,
      redisVersion: '7.2.0',
      log: (level, text) => { this.logged.push(`${level} ${text}`); },
      newCompiled: () => new CompiledEngine({ memoryBytes: () => 0, clock: () => 0 }),
      newFengari: () => new FengariEngine({ memoryBytes: () => 0, clock: () => 0 }),
      choice: () => this.choice,
      clockMs: () => this.clockMs(),
      memoryBytes: () => this.memoryBytes(),
      scriptBytesMax: 1000,
      onTick: (run) => this.onTick(run),
      onSlowEnd: () => undefined,
    });
    this.scripts = new EvalScripts(this.host);
    this.functions = new FunctionRegistry(this.host);
    this.engine.table.add([...evalCommands(this.host, this.scripts), ...functionCommands(this.host, this.functions)]);
  }

  /** Runs a script with keys and arguments. */
  eval(script: string, keys: readonly string[] = [], ...args: readonly string[]): Value {
    return this.run('EVAL', script, keys.length, ...keys, ...args);
  }
}
