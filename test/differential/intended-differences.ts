/**
 * Where Holdfast, which follows Redis 7.2, answers otherwise than redis-server 7.0 on purpose. Each with its reason; what is not here is
 * a fault.
 */
import { RespError, type RespValue } from '../../src/protocol/resp-reader.ts';
import type { Command } from './generator.ts';

export interface IntendedDifference {
  readonly reason: string;
  matches(command: Command, redis: RespValue, holdfast: RespValue): boolean;
}

const isCommand = (command: Command, ...names: string[]): boolean => names.includes(command[0]!.toUpperCase());

export const INTENDED_DIFFERENCES: readonly IntendedDifference[] = [
  {
    reason: 'Since 7.2 small lists and small sets of strings are listpacks; 7.0 has quicklists and hash tables for them.',
    matches: (command, redis, holdfast) => isCommand(command, 'OBJECT') && holdfast === 'listpack' && (redis === 'quicklist' || redis === 'hashtable'),
  },
];

/** The reason why these replies may differ, or null. */
export function intended(command: Command, redis: RespValue, holdfast: RespValue): string | null {
  return INTENDED_DIFFERENCES.find((difference) => difference.matches(command, redis, holdfast))?.reason ?? null;
}

export const isError = (reply: RespValue): reply is RespError => reply instanceof RespError;
