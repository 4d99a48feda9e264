/**
 * Where Holdfast, which follows Redis 7.2, answers otherwise than redis-server 7.0 on purpose. Each with its reason; what is not here is
 * a fault.
 */
import { RespDouble, RespError, type RespValue } from '../../src/protocol/resp-reader.ts';
import { canonical } from './comparison.ts';
import type { Command } from './generator.ts';

export interface IntendedDifference {
  readonly reason: string;
  matches(command: Command, redis: RespValue, holdfast: RespValue): boolean;
}

const isCommand = (command: Command, ...names: string[]): boolean => names.includes(command[0]!.toUpperCase());

const isError = (reply: RespValue): reply is RespError => reply instanceof RespError;

/** Whether two texts are one score of a sorted set as redis-server 7.0 and as Holdfast writes it: the same number, zero without a sign. */
function sameScore(redis: string, holdfast: string): boolean {
  return redis === holdfast || (redis !== '' && holdfast !== '' && Number(redis) === Number(holdfast));
}

/** Whether two replies are the same but for how scores are written. */
function sameButScores(redis: RespValue, holdfast: RespValue): boolean {
  if (Array.isArray(redis) && Array.isArray(holdfast)) {
    return redis.length === holdfast.length && redis.every((item, i) => sameButScores(item, holdfast[i]!));
  }
  if (redis instanceof RespDouble && holdfast instanceof RespDouble) return sameScore(redis.text, holdfast.text);
  if (typeof redis === 'string' && typeof holdfast === 'string') return sameScore(redis, holdfast);
  return canonical(redis) === canonical(holdfast);
}

/** The reply to ZSCAN with members in the order of their bytes: [cursor, [[member, score], …]]. */
function inOrder(reply: RespValue): RespValue {
  if (!Array.isArray(reply) || !Array.isArray(reply[1])) return reply;
  const items = reply[1] as string[];
  const pairs = items.filter((_, i) => i % 2 === 0).map((member, i) => [member, items[2 * i + 1]!] as const);
  return [reply[0]!, pairs.sort(([a], [b]) => (a < b ? -1 : 1)).map((pair) => [...pair])];
}

/** The first words of an error, before anything that it quotes. */
const beginning = (error: RespError): string => error.message.split("'", 1)[0]!.split(' ', 3).join(' ');

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
    reason: 'Since 7.2 a time-out that no int64 holds is out of range; 7.0 lets it wrap around: it calls it negative, or tells of a later argument.',
    matches: (command, redis, holdfast) => isError(redis) && isError(holdfast) && holdfast.message === 'ERR timeout is out of range'
      && (redis.message === 'ERR timeout is negative' || isCommand(command, 'XREAD', 'XREADGROUP')),
  },
  {
    reason: 'Since 7.2 LPOS refuses the smallest integer as RANK, which has no opposite.',
    matches: (command, _redis, holdfast) => isCommand(command, 'LPOS') && command.includes('-9223372036854775808')
      && isError(holdfast) && holdfast.message.startsWith('ERR value is out of range, value must between'),
  },
  {
    reason: 'Since 7.2 a score is written with as few digits as read back, 7.0 writes seventeen. A score of zero has no sign here.',
    matches: (command, redis, holdfast) => /^B?Z/i.test(command[0]!)
      && (isCommand(command, 'ZSCAN') ? sameButScores(inOrder(redis), inOrder(holdfast)) : sameButScores(redis, holdfast)),
  },
  {
    reason: 'redis-server turns the sorted set that SORT reads into a skip list. A command that only reads changes nothing here.',
    matches: (command, redis, holdfast) => isCommand(command, 'OBJECT') && redis === 'skiplist' && holdfast === 'listpack',
  },
  {
    reason: 'Since 7.2 ZADD of so many pairs that they could not stay in a listpack makes a skip list at once, though members repeat.',
    matches: (command, redis, holdfast) => isCommand(command, 'OBJECT') && redis === 'listpack' && holdfast === 'skiplist',
  },
  {
    reason: 'The count of a HyperLogLog that SETRANGE and the like spoilt may be beyond 2^53: its last digits are those of a double here.',
    matches: (command, redis, holdfast) => isCommand(command, 'PFCOUNT') && typeof redis !== 'object' && typeof holdfast !== 'object'
      && Number(redis) > Number.MAX_SAFE_INTEGER && Number(redis) === Number(holdfast),
  },
  {
    reason: 'A HyperLogLog whose last run lacks its second byte is corrupted; PFDEBUG DECODE of redis-server reads on behind its end.',
    matches: (command, redis, holdfast) => isCommand(command, 'PFDEBUG') && typeof redis === 'string' && isError(holdfast)
      && holdfast.message === 'INVALIDOBJ Corrupted HLL object detected',
  },
  {
    reason: 'Since 7.2 a consumer is there once it has asked for something; in 7.0 not before it was given something.',
    matches: (command, redis, holdfast) => (isCommand(command, 'XGROUP') && command[1]?.toUpperCase() === 'CREATECONSUMER' && redis === 1 && holdfast === 0)
      || (isCommand(command, 'XINFO') && command[1]?.toUpperCase() === 'GROUPS' && withoutConsumers(redis) === withoutConsumers(holdfast)),
  },
  {
    reason: 'Since 7.2 COMMAND GETKEYS takes a command without arguments, and finds it too short, or unknown.',
    matches: (command, redis, holdfast) => isCommand(command, 'COMMAND') && command.length === 3 && isError(redis) && isError(holdfast)
      && redis.message.startsWith('ERR wrong number of arguments for ') && /^ERR Invalid (number of arguments specified for command|command specified)$/.test(holdfast.message),
  },
  {
    reason: 'Since 7.2 the error about an unbalanced list of streams names the command and its own id.',
    matches: (command, redis, holdfast) => isCommand(command, 'XREAD', 'XREADGROUP') && isError(redis) && isError(holdfast)
      && redis.message.startsWith('ERR Unbalanced XREAD list of streams') && holdfast.message.startsWith('ERR Unbalanced '),
  },
];

/** XINFO GROUPS but for the numbers of consumers. */
function withoutConsumers(reply: RespValue): string {
  return canonical(reply).replace(/"consumers"(, |: )\(integer\) \d+/g, '');
}

/** The reason why these replies may differ, or null. */
export function intended(command: Command, redis: RespValue, holdfast: RespValue): string | null {
  return INTENDED_DIFFERENCES.find((difference) => difference.matches(command, redis, holdfast))?.reason ?? null;
}
