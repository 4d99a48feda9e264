/** What a script returns, as the reply to its client (luaReplyToRedisReply). All access to tables is raw. */
import type { Reply } from '../shared/reply.ts';
import { isTable } from './arguments.ts';
import type { LuaTable, LuaValue } from './lua-engine.ts';
import { numberText } from './number-format.ts';
import { ALREADY_COUNTED } from './reply-collector.ts';
import type { ScriptRun } from './script-run.ts';
import { type Toll, VALUE_BYTES } from './toll.ts';

/** Tables within tables. Redis goes on until Lua's stack ends; any bound answers a table that holds itself. */
const DEPTH_MAX = 1000;
const INT64_MIN = -(2 ** 63);

/** A string, or a number's text, as lua_tostring gives it; null for others. */
function textOf(value: LuaValue): string | null {
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? numberText(value) : null;
}

/** Whether a value is the error that a command was answered with: it was counted there. */
export function isCountedError(value: LuaValue): boolean {
  return isTable(value) && value.get(ALREADY_COUNTED) === true;
}

const oneLine = (text: string): string => text.replace(/[\r\n]/g, ' ');

/**
 * @param run the script under way: the protocol that it has chosen lets booleans be booleans, and its own errors are counted there.
 * @throws LuaKilled
 */
export function writeLuaValue(value: LuaValue, reply: Reply, run: ScriptRun, toll: Toll, depth = 0): void {
  toll.add(typeof value === 'string' ? VALUE_BYTES + value.length : VALUE_BYTES);
  if (depth > DEPTH_MAX) {
    run.ownErrors++;
    reply.error('ERR reached lua stack limit');
    return;
  }
  switch (typeof value) {
    case 'string': reply.bulkString(value); return;
    case 'number': writeNumber(value, reply); return;
    case 'boolean':
      if (run.proto === 3) reply.boolean(value);
      else if (value) reply.integer(1);
      else reply.null();
      return;
    default:
      if (isTable(value)) writeTable(value, reply, run, toll, depth);
      else reply.null();
  }
}

/** A number as C casts it to a 64-bit integer. */
function writeNumber(value: number, reply: Reply): void {
  const whole = Math.trunc(value);
  if (Number.isSafeInteger(whole)) reply.integer(whole);
  else if (whole > INT64_MIN && whole < -INT64_MIN) reply.integerText(BigInt(whole).toString());
  else reply.integerText('-9223372036854775808');
}

function writeTable(table: LuaTable, reply: Reply, run: ScriptRun, toll: Toll, depth: number): void {
  const error = table.get('err');
  if (typeof error === 'string') {
    if (!isCountedError(table)) run.ownErrors++;
    reply.error(error);
    return;
  }
  const ok = table.get('ok');
  if (typeof ok === 'string') {
    reply.status(oneLine(ok));
    return;
  }
  const double = table.get('double');
  if (typeof double === 'number') {
    reply.double(double);
    return;
  }
  const bigNumber = table.get('big_number');
  if (typeof bigNumber === 'string') {
    reply.bigNumber(oneLine(bigNumber));
    return;
  }
  const verbatim = table.get('verbatim_string');
  if (isTable(verbatim)) {
    const text = textOf(verbatim.get('string'));
    const format = textOf(verbatim.get('format'));
    if (text !== null && format !== null) {
      reply.verbatim(format.slice(0, 3).padEnd(3, ' '), text);
      return;
    }
  }
  const map = table.get('map');
  if (isTable(map)) {
    const mark = reply.mark();
    let pairs = 0;
    for (let pair = map.next(undefined); pair !== null && !reply.isFull; pair = map.next(pair[0])) {
      writeLuaValue(pair[0], reply, run, toll, depth + 1);
      writeLuaValue(pair[1], reply, run, toll, depth + 1);
      pairs++;
    }
    reply.insertMap(mark, pairs);
    return;
  }
  const set = table.get('set');
  if (isTable(set)) {
    const mark = reply.mark();
    let count = 0;
    for (let pair = set.next(undefined); pair !== null && !reply.isFull; pair = set.next(pair[0])) {
      writeLuaValue(pair[0], reply, run, toll, depth + 1);
      count++;
    }
    reply.insertSet(mark, count);
    return;
  }
  writeArray(table, reply, run, toll, depth);
}

/** The elements up to the first nil. */
function writeArray(table: LuaTable, reply: Reply, run: ScriptRun, toll: Toll, depth: number): void {
  let count = 0;
  while (table.get(count + 1) !== undefined) count++;
  reply.array(count);
  for (let i = 1; i <= count && !reply.isFull; i++) writeLuaValue(table.get(i), reply, run, toll, depth + 1);
}
