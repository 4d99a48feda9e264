/** The string library of Lua 5.1. */
import { BadArgument, PositionedError, checkFunction, checkInteger, checkString, isTable, optInteger } from '../../arguments.ts';
import { BYTE_CODE_HEADER, type HostFunction, type LuaFunction, type LuaValue, luaTypeOf } from '../../lua-engine.ts';
import { numberText } from '../../number-format.ts';
import type { FengariEngine } from '../fengari-engine.ts';
import { STRING_BYTES_MAX } from '../strings.ts';
import { chars, format } from './format.ts';
import { Matcher } from './pattern.ts';

const SPECIALS = /[\^$*+?.([%-]/;

/** A position counted from the end where negative; 0 for one before the beginning. */
function absolute(position: number, length: number): number {
  if (position >= 0) return position;
  return -position > length ? 0 : length + position + 1;
}

function sub(args: readonly LuaValue[]): string {
  const text = checkString(args, 0);
  const start = Math.max(absolute(checkInteger(args, 1), text.length), 1);
  const end = Math.min(absolute(optInteger(args, 2, -1), text.length), text.length);
  return start <= end ? text.slice(start - 1, end) : '';
}

function bytes(args: readonly LuaValue[]): LuaValue[] {
  const text = checkString(args, 0);
  const from = absolute(optInteger(args, 1, 1), text.length);
  const to = Math.min(absolute(optInteger(args, 2, from), text.length), text.length);
  const out: LuaValue[] = [];
  if (to - from >= 7000) throw new PositionedError('string slice too long');
  for (let i = Math.max(from, 1); i <= to; i++) out.push(text.charCodeAt(i - 1));
  return out;
}

function repeat(args: readonly LuaValue[]): string {
  const text = checkString(args, 0);
  const count = Math.max(checkInteger(args, 1), 0);
  if (text.length * count > STRING_BYTES_MAX) throw new RangeError('a string too long');
  return text.repeat(count);
}

/** ASCII only, as in C's locale. */
const lower = (text: string): string => text.replace(/[A-Z]+/g, (part) => part.toLowerCase());
const upper = (text: string): string => text.replace(/[a-z]+/g, (part) => part.toUpperCase());

function reverse(text: string): string {
  let out = '';
  for (let i = text.length - 1; i >= 0; i--) out += text[i]!;
  return out;
}

function findAux(args: readonly LuaValue[], find: boolean): LuaValue[] {
  const text = checkString(args, 0);
  const pattern = checkString(args, 1);
  let at = absolute(optInteger(args, 2, 1), text.length) - 1;
  if (at < 0) at = 0;
  else if (at > text.length) at = text.length;
  const plain = args[3] !== undefined && args[3] !== false;
  const zero = pattern.indexOf('\0');
  // C looks for them with strpbrk, which sees nothing behind a zero byte.
  if (find && (plain || !SPECIALS.test(zero < 0 ? pattern : pattern.slice(0, zero)))) {
    const found = text.indexOf(pattern, at);
    return found < 0 ? [undefined] : [found + 1, found + pattern.length];
  }
  const matcher = new Matcher(text, pattern);
  const anchored = pattern.startsWith('^');
  do {
    const end = matcher.matchAt(at, anchored ? 1 : 0);
    if (end < 0) continue;
    return find ? [at + 1, end, ...matcher.captures(at, end, false)] : matcher.captures(at, end, true);
  } while (at++ < text.length && !anchored);
  return [undefined];
}

function gmatch(engine: FengariEngine, args: readonly LuaValue[]): LuaFunction {
  const text = checkString(args, 0);
  const matcher = new Matcher(text, checkString(args, 1));
  let at = 0;
  return engine.hostFunction('gmatch', () => {
    for (; at <= text.length; at++) {
      const end = matcher.matchAt(at, 0);
      if (end < 0) continue;
      const captures = matcher.captures(at, end, true);
      // An empty match moves on.
      at = end === at ? end + 1 : end;
      return captures;
    }
    return [undefined];
  });
}

/** A match and what takes its place take as long as a string of so many bytes. */
const MATCH_BYTES = 1024;

function gsub(engine: FengariEngine, args: readonly LuaValue[]): LuaValue[] {
  const text = checkString(args, 0);
  const pattern = checkString(args, 1);
  const by = args[2];
  const type = luaTypeOf(by);
  if (type !== 'number' && type !== 'string' && type !== 'table' && type !== 'function') {
    throw new BadArgument(3, 'string/function/table expected');
  }
  const max = optInteger(args, 3, text.length + 1);
  const anchored = pattern.startsWith('^');
  const matcher = new Matcher(text, pattern);
  let out = '';
  let at = 0;
  let count = 0;
  while (count < max) {
    const end = matcher.matchAt(at, anchored ? 1 : 0);
    if (end >= 0) {
      count++;
      engine.charge(MATCH_BYTES);
      out += replacement(engine, matcher, by, at, end);
    }
    if (end >= 0 && end > at) at = end;
    else if (at < text.length) out += text[at++]!;
    else break;
    if (anchored) break;
  }
  return [out + text.slice(at), count];
}

function replacement(engine: FengariEngine, matcher: Matcher, by: LuaValue, start: number, end: number): string {
  if (typeof by === 'string' || typeof by === 'number') return expand(matcher, String(typeof by === 'number' ? numberText(by) : by), start, end);
  const value = isTable(by)
    ? engine.index(by, matcher.capture(0, start, end))
    : engine.call(by as LuaFunction, matcher.captures(start, end, true))[0];
  if (value === undefined || value === false) return matcher.source.slice(start, end);
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return numberText(value);
  throw new PositionedError(`invalid replacement value (a ${luaTypeOf(value)})`);
}

function expand(matcher: Matcher, by: string, start: number, end: number): string {
  let out = '';
  for (let i = 0; i < by.length; i++) {
    if (by[i] !== '%') {
      out += by[i]!;
      continue;
    }
    const digit = by.charCodeAt(++i) - 48;
    if (digit === 0) out += matcher.source.slice(start, end);
    else if (digit > 0 && digit <= 9) out += String(matcher.capture(digit - 1, start, end));
    else out += by[i] ?? '\0';
  }
  return out;
}

/** Functions by name. */
export function stringLibrary(engine: FengariEngine): Readonly<Record<string, HostFunction>> {
  const matches: HostFunction = (args) => [gmatch(engine, args)];
  return {
    byte: bytes,
    char: (args) => [chars(args)],
    dump: (args) => {
      if (engine.isNative(checkFunction(args, 0))) throw new PositionedError('unable to dump given function');
      return [BYTE_CODE_HEADER];
    },
    find: (args) => findAux(args, true),
    format: (args) => [format(args)],
    gfind: matches,
    gmatch: matches,
    gsub: (args) => gsub(engine, args),
    len: (args) => [checkString(args, 0).length],
    lower: (args) => [lower(checkString(args, 0))],
    match: (args) => findAux(args, false),
    rep: (args) => [repeat(args)],
    reverse: (args) => [reverse(checkString(args, 0))],
    sub: (args) => [sub(args)],
    upper: (args) => [upper(checkString(args, 0))],
  };
}
