/** An engine under test that has DEBUG and MEMORY, whose containers belong to the server. */
import { command } from '../../src/engine/command.ts';
import { debugSubcommands } from '../../src/engine/commands/debug.ts';
import { memorySubcommands } from '../../src/engine/commands/memory.ts';
import { EngineRig } from './engine-rig.ts';

export function debugRig(seed = 1, proto: 2 | 3 = 2): EngineRig {
  const rig = new EngineRig(seed, proto);
  const row = { arity: -2, flags: '', group: 'server', since: '1.0.0' } as const;
  rig.engine.table.add([
    command({ ...row, name: 'debug', subcommands: debugSubcommands((run) => run) }),
    command({ ...row, name: 'memory', subcommands: memorySubcommands }),
  ]);
  return rig;
}
