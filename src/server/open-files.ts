/**
 * How many clients the process has descriptors for. Must leave enough for the log: one that cannot open its next file ends the
 * process, and with it everybody's service.
 */
import { readFileSync } from 'node:fs';
import { OperationalError } from '../shared/errors.ts';
import type { Config } from './config/config.ts';
import type { Logger } from './logger.ts';

/**
 * Kept for ourselves. A member of three under load that makes snapshots and sends them has 40 open: 9 of its journal, 5 of LevelDB
 * (which maps its tables and closes them again), 17 of Node's own, 9 sockets that listen or lead to the others. The rest is for
 * clients that are being turned away, for handshakes that are under way, for imports and MIGRATE.
 */
export const RESERVED_DESCRIPTORS = 128;

/** The limit that `/proc/self/limits` tells; infinite where there is none. Node has raised it to the hard one. */
export function openFilesLimit(limits: string): number {
  const soft = /^Max open files +(\d+)/m.exec(limits);
  return soft === null ? Infinity : Number(soft[1]);
}

function limitNow(): number {
  try {
    return openFilesLimit(readFileSync('/proc/self/limits', 'utf8'));
  } catch {
    // Not Linux.
    return Infinity;
  }
}

/** Lowers `maxclients` to what there are descriptors for, now and with each change. @throws OperationalError TOO_FEW_OPEN_FILES when there are none for a client */
export function limitClientsByOpenFiles(config: Config, log: Logger, limit: () => number = limitNow): void {
  // What a client asks that this member does not answer itself goes on to the primary, over a connection of the client's own.
  const each = config.number('peer-port') === 0 ? 1 : 2;
  const most = (): number => Math.floor((limit() - RESERVED_DESCRIPTORS) / each);
  const wanted = config.maxClients;
  if (wanted > most()) {
    const needed = wanted * each + RESERVED_DESCRIPTORS;
    if (most() < 1) {
      throw new OperationalError('TOO_FEW_OPEN_FILES', `Your current 'ulimit -n' of ${limit()} is not enough for the server to start. `
        + `Please increase your open file limit to at least ${RESERVED_DESCRIPTORS + each}, or to ${needed} for maxclients of ${wanted}`);
    }
    config.set([['maxclients', String(most())]]);
    log.warning(`You requested maxclients of ${wanted} requiring at least ${needed} max file descriptors.`);
    log.warning(`Current maximum open files is ${limit()}. maxclients has been reduced to ${config.maxClients} to compensate for low ulimit. `
      + "If you need higher maxclients increase 'ulimit -n'.");
  }
  config.maxClientsMost = most;
}
