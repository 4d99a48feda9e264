/** An engine under test that runs scripts. */
import { evalCommands } from '../../src/scripting/commands/eval.ts';
import { EvalScripts } from '../../src/scripting/eval-scripts.ts';
import { FengariEngine } from '../../src/scripting/fengari/fengari-engine.ts';
import { ScriptHost } from '../../src/scripting/script-host.ts';
import { EngineRig } from '../engine/engine-rig.ts';
import type { Value } from '../engine/recording-reply.ts';

export class ScriptRig extends EngineRig {
  readonly host: ScriptHost;
  readonly scripts: EvalScripts;
  readonly logged: string[] = [];

  constructor(seed = 1, proto: 2 | 3 = 2) {
    super(seed, proto);
    this.host = new ScriptHost({
      engine: this.engine,
      redisVersion: '7.2.0',
      log: (level, text) => { this.logged.push(`${level} ${text}`); },
      newLua: () => new FengariEngine({ memoryBytes: () => 0, clock: () => 0 }),
      clockMs: () => this.engine.keyspace.nowMs,
    });
    this.scripts = new EvalScripts(this.host);
    this.engine.table.add(evalCommands(this.host, this.scripts));
  }

  /** Runs a script with keys and arguments. */
  eval(script: string, keys: readonly string[] = [], ...args: readonly string[]): Value {
    return this.run('EVAL', script, keys.length, ...keys, ...args);
  }
}
