/** The commands that need the server: collected. */
import type { Command } from '../../engine/command.ts';
import type { Server } from '../server.ts';
import { adminCommands } from './admin.ts';
import { clientCommand } from './client.ts';
import { commandCommand } from './command-info.ts';
import { configCommand } from './config.ts';
import { connectionCommands } from './connection.ts';
import { infoCommand } from './info.ts';

export function serverCommands(server: Server): readonly Command[] {
  return [
    ...connectionCommands(server), clientCommand(server), configCommand(server), infoCommand(server), commandCommand(server),
    ...adminCommands(server),
  ];
}
