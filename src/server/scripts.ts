/** Scripting as the server has it: the Lua engines by configuration, with the process's clocks, memory and log. */
import type { Command } from '../engine/command.ts';
import { evalCommands } from '../scripting/commands/eval.ts';
import { EvalScripts } from '../scripting/eval-scripts.ts';
import { FengariEngine } from '../scripting/fengari/fengari-engine.ts';
import { ScriptHost } from '../scripting/script-host.ts';
import type { Server } from './server.ts';
import { REDIS_VERSION } from './version.ts';

/** By the levels of redis.log. */
const LOG_LEVELS = ['debug', 'verbose', 'notice', 'warning'] as const;

export class Scripts {
  readonly host: ScriptHost;
  readonly evalScripts: EvalScripts;

  constructor(server: Server) {
    this.host = new ScriptHost({
      engine: server.engine,
      redisVersion: REDIS_VERSION,
      log: (level, text) => server.log[LOG_LEVELS[level]!](text),
      newLua: () => new FengariEngine({ memoryBytes: () => process.memoryUsage().heapUsed, clock: () => process.cpuUsage().user / 1e6 }),
      clockMs: Date.now,
    });
    this.evalScripts = new EvalScripts(this.host);
  }

  commands(): readonly Command[] {
    return evalCommands(this.host, this.evalScripts);
  }
}
