/** The commands that need the server: collected. */
import type { Command } from '../../engine/command.ts';
import type { Server } from '../server.ts';
import { aclCommand } from './acl.ts';
import { adminCommands } from './admin.ts';
import { clientCommand } from './client.ts';
import { clusterCommands } from './cluster.ts';
import { commandCommand } from './command-info.ts';
import { commandLogCommands } from './command-log.ts';
import { configCommand } from './config.ts';
import { connectionCommands } from './connection.ts';
import { debugCommand } from './debug.ts';
import { holdfastCommand } from './holdfast.ts';
import { infoCommand } from './info.ts';
import { latencyCommand } from './latency.ts';
import { memoryCommand } from './memory.ts';
import { migrateCommand } from './migrate.ts';
import { moduleCommand } from './module.ts';
import { persistenceCommands } from './persistence.ts';
import { pubsubCommands } from './pubsub.ts';
import { replicationCommands } from './replication.ts';
import { sentinelCommand } from './sentinel.ts';

export function serverCommands(server: Server): readonly Command[] {
  return [
    ...connectionCommands(server), clientCommand(server), configCommand(server), infoCommand(server), commandCommand(server),
    ...adminCommands(server), memoryCommand(server), debugCommand(server), ...persistenceCommands(server), ...commandLogCommands(server),
    latencyCommand(server), ...replicationCommands(server), ...pubsubCommands(server), sentinelCommand(server),
    holdfastCommand(server), moduleCommand, migrateCommand(server), aclCommand(server), ...clusterCommands,
  ];
}
