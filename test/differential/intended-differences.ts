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

const isError = (reply: RespValue): reply is RespError => reply instanceof RespError;

const beginning = (error: RespError): string => error.message.split(' ', 3).join(' ');

export const INTENDED_DIFFERENCES: readonly IntendedDifference[] = [
  {
    reason: 'Since 7.2 small lists and small sets of strings are listpacks; 7.0 has quicklists and hash tables for them.',
    matches: (command, redis, holdfast) => isCommand(command, 'OBJECT') && holdfast === 'listpack' && (redis === 'quicklist' || redis === 'hashtable'),
  },
  {
    reason: 'A whole number is an int whoever wrote it; redis-server keeps what INCRBYFLOAT, SETRANGE and the like made as a string until it is loaded anew.',
    matches: (command, redis, holdfast) => isCommand(command, 'OBJECT') && holdfast === 'int' && (redis === 'embstr' || redis === 'raw'),
  },
  {
    reason: 'SORT ALPHA compares whole strings here; redis-server calls strcoll, for which a string ends at its first NUL.',
    matches: (command, redis, holdfast) => isCommand(command, 'SORT', 'SORT_RO') && command.some((word) => word.toUpperCase() === 'ALPHA')
      && Array.isArray(redis) && Array.isArray(holdfast) && redis.some((item) => typeof item === 'string' && item.includes('\0')),
  },
  {
    reason: 'redis-server reads a cursor as a C string: one that begins with NUL is a zero. Here it is no cursor.',
    matches: (command, _redis, holdfast) => isCommand(command, 'SCAN', 'SSCAN', 'HSCAN', 'ZSCAN') && command.some((word) => word.startsWith('\0'))
      && isError(holdfast) && holdfast.message === 'ERR invalid cursor',
  },
  {
    reason: 'An argument with NULs is quoted whole in an error here (a NUL as a blank); redis-server quotes it up to the first.',
    matches: (command, redis, holdfast) => command.some((word) => word.includes('\0')) && isError(redis) && isError(holdfast)
      && beginning(redis) === beginning(holdfast),
  },
  {
    reason: 'Since 7.2 BITCOUNT and BITPOS look at their arguments first, and at the unit before the end; 7.0 at the key, and at nothing more where there is none.',
    matches: (command, redis, holdfast) => isCommand(command, 'BITCOUNT', 'BITPOS') && isError(holdfast) && !holdfast.message.startsWith('WRONGTYPE')
      && (typeof redis === 'number' || isError(redis)),
  },
  {
    reason: 'Since Valkey 8.1 BITCOUNT takes a start without an end; 7.0 does not.',
    matches: (command, redis, holdfast) => isCommand(command, 'BITCOUNT') && command.length === 3 && isError(redis) && (!isError(holdfast) || !holdfast.message.includes('syntax')),
  },
  {
    reason: 'Since 7.2 a time-out that no int64 holds is out of range; 7.0 lets it wrap around and calls it negative.',
    matches: (_command, redis, holdfast) => isError(redis) && isError(holdfast) && redis.message === 'ERR timeout is negative'
      && holdfast.message === 'ERR timeout is out of range',
  },
];

/** The reason why these replies may differ, or null. */
export function intended(command: Command, redis: RespValue, holdfast: RespValue): string | null {
  return INTENDED_DIFFERENCES.find((difference) => difference.matches(command, redis, holdfast))?.reason ?? null;
}
