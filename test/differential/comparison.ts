/**
 * When two replies are the same: byte for byte, but for what Redis leaves open, which is the order of what has none, the choice of random
 * commands, and times to live that were counted from two clocks. It must never forgive anything else.
 */
import {
  RespBigNumber, RespDouble, RespError, RespMap, RespNullArray, RespPush, RespSet, RespStatus, type RespValue, RespVerbatim, toPlain,
} from '../../src/protocol/resp-reader.ts';
import type { Command } from './generator.ts';

const UNORDERED = new Set(['SMEMBERS', 'SUNION', 'SINTER', 'SDIFF', 'HKEYS', 'HVALS', 'KEYS']);
const UNORDERED_PAIRS = new Set(['HGETALL']);
const SCANS = new Set(['SCAN', 'SSCAN', 'HSCAN', 'ZSCAN']);
const RANDOM = new Set(['SRANDMEMBER', 'HRANDFIELD', 'ZRANDMEMBER', 'RANDOMKEY', 'SPOP']);
/** Commands that answer with a time, and by how much the servers' clocks may make it differ. */
const TIMES = new Map([['TTL', 30], ['EXPIRETIME', 30], ['PTTL', 30_000], ['PEXPIRETIME', 30_000]]);

/** A reply as text in which all types of the protocol differ. */
export function canonical(value: RespValue): string {
  if (value === null) return '(nil)';
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number' || typeof value === 'bigint') return `(integer) ${value}`;
  if (typeof value === 'boolean') return `(boolean) ${value}`;
  if (Array.isArray(value)) return `[${value.map(canonical).join(', ')}]`;
  if (value instanceof RespStatus) return `+${value.text}`;
  if (value instanceof RespError) return `-${value.message}`;
  if (value instanceof RespDouble) return `(double) ${value.text}`;
  if (value instanceof RespBigNumber) return `(big) ${value.text}`;
  if (value instanceof RespVerbatim) return `(${value.format}) ${JSON.stringify(value.text)}`;
  if (value instanceof RespSet) return `~{${value.members.map(canonical).join(', ')}}`;
  if (value instanceof RespMap) return `%{${value.pairs.map(([key, item]) => `${canonical(key)}: ${canonical(item)}`).join(', ')}}`;
  if (value instanceof RespPush) return `>[${value.items.map(canonical).join(', ')}]`;
  if (value instanceof RespNullArray) return '(nil array)';
  throw new Error('a reply of no known type');
}

function sorted(items: readonly RespValue[]): string[] {
  return items.map(canonical).sort();
}

function pairs(items: readonly RespValue[]): string[] {
  const out: string[] = [];
  for (let i = 0; i < items.length; i += 2) out.push(`${canonical(items[i]!)}: ${canonical(items[i + 1] ?? null)}`);
  return out.sort();
}

/** What is left of a random choice when the choice is taken away: its kind and size. */
function shape(value: RespValue): string {
  if (typeof value === 'string') return 'string';
  if (Array.isArray(value)) return `[${value.map(shape).join(', ')}]`;
  if (value instanceof RespSet) return `~${value.members.length}`;
  return value instanceof RespDouble ? 'double' : canonical(value);
}

function scanned(command: Command, reply: RespValue): string {
  if (!Array.isArray(reply) || reply.length !== 2 || !Array.isArray(reply[1])) return canonical(reply);
  const whole = command[command[0]!.toUpperCase() === 'SCAN' ? 1 : 2] === '0' && reply[0] === '0';
  if (!whole) return 'a part of a scan';
  const name = command[0]!.toUpperCase();
  return [...new Set(name === 'HSCAN' || name === 'ZSCAN' ? pairs(reply[1]) : sorted(reply[1]))].join(', ');
}

/** SORT BY something outside leaves the order of equals open, which for a set means any order. */
function sortsBy(command: Command): boolean {
  return /^SORT(_RO)?$/i.test(command[0]!) && command.some((word) => word.toUpperCase() === 'BY');
}

/** What is left of a reply about pending entries and consumers without their times, and without consumers that have nothing pending. */
function withoutTimes(command: Command, reply: RespValue): string {
  if (!Array.isArray(reply)) return canonical(reply);
  if (command[0]!.toUpperCase() === 'XPENDING') {
    if (command.length === 3) return canonical(reply);
    return reply.map((entry) => (Array.isArray(entry) ? canonical([entry[0]!, entry[1]!, entry[3]!]) : canonical(entry))).join(', ');
  }
  const consumers = reply.map((item) => new Map(item instanceof RespMap
    ? item.pairs.map(([name, value]) => [name, value])
    : (item as RespValue[]).flatMap((name, i, all) => (i % 2 === 0 ? [[name, all[i + 1]!] as const] : []))));
  return consumers.filter((item) => item.get('pending') !== 0).map((item) => `${canonical(item.get('name')!)}: ${canonical(item.get('pending')!)}`).join(', ');
}

/** The reply as far as Redis promises it. */
function promised(command: Command, reply: RespValue): string {
  const name = command[0]!.toUpperCase();
  if (name === 'XPENDING' || (name === 'XINFO' && command[1]?.toUpperCase() === 'CONSUMERS')) return withoutTimes(command, reply);
  if (SCANS.has(name)) return scanned(command, reply);
  if (RANDOM.has(name)) return shape(reply);
  if (sortsBy(command)) return command.some((word) => word.toUpperCase() === 'LIMIT') ? shape(reply) : Array.isArray(reply) ? sorted(reply).join(', ') : canonical(reply);
  if (UNORDERED.has(name)) {
    if (Array.isArray(reply)) return `unordered ${sorted(reply).join(', ')}`;
    if (reply instanceof RespSet) return `set ${sorted(reply.members).join(', ')}`;
  }
  if (UNORDERED_PAIRS.has(name)) {
    if (Array.isArray(reply)) return `pairs ${pairs(reply).join(', ')}`;
    if (reply instanceof RespMap) return `map ${pairs(reply.pairs.flat()).join(', ')}`;
  }
  return canonical(reply);
}

/** Whether two replies to a command are the same as far as Redis promises anything. */
export function sameReply(command: Command, a: RespValue, b: RespValue): boolean {
  const tolerance = TIMES.get(command[0]!.toUpperCase());
  if (tolerance !== undefined && typeof a === 'number' && typeof b === 'number' && a > 0 && b > 0) return Math.abs(a - b) <= tolerance;
  return promised(command, a) === promised(command, b);
}

/** What a random command chose, as latin1 strings. */
export function chosen(reply: RespValue): string[] {
  const plain = toPlain(reply);
  if (reply instanceof RespError || plain === null) return [];
  return Array.isArray(plain) ? plain.map(String) : [String(plain)];
}
