/** Lua 5.1's string library. Strings are latin1; letters and classes are ASCII's, as in C's locale. */
import { BYTE_CODE_HEADER, type LuaFunction, type LuaValue, luaTypeOf } from '../lua-engine.ts';
import { register } from './base-library.ts';
import { NOTHING, isNative, native, type Result, valueFromNative } from './calls.ts';
import {
  checkInt, checkInteger, checkString, checkType, optionalInt, optionalInteger,
} from './library-arguments.ts';
import { charge } from './machine.ts';
import { index, isTrue } from './operators.ts';
import { Matcher } from './patterns.ts';
import { argumentError, libraryError, raisedValue } from './positions.ts';
import { formatText } from './string-format.ts';
import { Table } from './table.ts';
import { toText } from './values.ts';

/** What makes a pattern more than plain text. */
const SPECIALS = /[\^$*+?.([%-]/;
/** How many values a function may give: LUAI_MAXCSTACK. */
const VALUES_MAX = 8000;

/** @returns the metatable that all strings are to have */
export function installString(globals: Table): Table {
  const library = new Table();
  register(library, {
    byte, char, dump, find, format, gfind: gmatch, gmatch, gsub, len, lower, match, rep, reverse, sub, upper,
  });
  globals.putString('string', library);
  const metatable = new Table(0, 1);
  metatable.putString('__index', library);
  return metatable;
}

/** From 1; negative positions count from the end. */
function relative(position: number, length: number): number {
  const at = position < 0 ? position + length + 1 : position;
  return at >= 0 ? at : 0;
}

function len(...args: LuaValue[]): Result {
  return checkString(args, 1).length;
}

function sub(...args: LuaValue[]): Result {
  const text = checkString(args, 1);
  const from = Math.max(relative(checkInteger(args, 2), text.length), 1);
  const to = Math.min(relative(optionalInteger(args, 3, -1), text.length), text.length);
  return from <= to ? text.slice(from - 1, to) : '';
}

function reverse(...args: LuaValue[]): Result {
  const text = checkString(args, 1);
  charge(text.length);
  return text.split('').reverse().join('');
}

function lower(...args: LuaValue[]): Result {
  const text = checkString(args, 1);
  charge(text.length);
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function upper(...args: LuaValue[]): Result {
  const text = checkString(args, 1);
  charge(text.length);
  return text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}

function rep(...args: LuaValue[]): Result {
  const text = checkString(args, 1);
  const count = checkInt(args, 2);
  if (count <= 0 || text === '') return '';
  charge(text.length * count);
  try {
    return text.repeat(count);
  } catch {
    throw raisedValue('not enough memory');
  }
}

function byte(...args: LuaValue[]): Result {
  const text = checkString(args, 1);
  const position = relative(optionalInteger(args, 2, 1), text.length);
  const to = Math.min(relative(optionalInteger(args, 3, position), text.length), text.length);
  const from = Math.max(position, 1);
  if (from > to) return NOTHING;
  if (from === to) return text.charCodeAt(from - 1);
  if (to - from + 1 > VALUES_MAX - args.length) throw libraryError('stack overflow (string slice too long)');
  const codes: LuaValue[] = [];
  for (let at = from; at <= to; at++) codes.push(text.charCodeAt(at - 1));
  return codes;
}

function char(...args: LuaValue[]): Result {
  let text = '';
  for (let at = 1; at <= args.length; at++) {
    const code = checkInt(args, at);
    if (code < 0 || code > 255) throw argumentError(at, 'invalid value');
    text += String.fromCharCode(code);
  }
  return text;
}

function dump(...args: LuaValue[]): Result {
  if (isNative(checkType(args, 1, 'function') as LuaFunction)) throw libraryError('unable to dump given function');
  return BYTE_CODE_HEADER;
}

function format(...args: LuaValue[]): Result {
  return formatText(args);
}

// ---- Patterns ----

function find(...args: LuaValue[]): Result {
  const text = checkString(args, 1);
  const pattern = checkString(args, 2);
  const start = startOf(args, text);
  const zero = pattern.indexOf('\0');
  if (isTrue(args[3]) || !SPECIALS.test(zero < 0 ? pattern : pattern.slice(0, zero))) {
    const at = text.indexOf(pattern, start);
    return at < 0 ? undefined : [at + 1, at + pattern.length];
  }
  return search(text, pattern, start, true);
}

function match(...args: LuaValue[]): Result {
  const text = checkString(args, 1);
  const pattern = checkString(args, 2);
  return search(text, pattern, startOf(args, text), false);
}

/** The third argument of find and match, from 0. */
function startOf(args: readonly LuaValue[], text: string): number {
  return Math.min(Math.max(relative(optionalInteger(args, 3, 1), text.length) - 1, 0), text.length);
}

function search(text: string, pattern: string, from: number, isFind: boolean): Result {
  const matcher = new Matcher(text, pattern);
  for (let start = from; start <= text.length; start++) {
    const end = matcher.matchAt(start);
    if (end >= 0) {
      const captures = matcher.captures(start, end, !isFind);
      return isFind ? [start + 1, end, ...captures] : captures;
    }
    if (matcher.isAnchored) break;
  }
  return undefined;
}

function gmatch(...args: LuaValue[]): Result {
  const text = checkString(args, 1);
  const pattern = checkString(args, 2);
  // Here, ^ is an ordinary character.
  const matcher = new Matcher(text, pattern.startsWith('^') ? `%${pattern}` : pattern);
  let from = 0;
  return native(() => {
    for (let start = from; start <= text.length; start++) {
      const end = matcher.matchAt(start);
      if (end < 0) continue;
      from = end === start ? end + 1 : end;
      return matcher.captures(start, end, true);
    }
    from = text.length + 1;
    return NOTHING;
  });
}

/** A match and what takes its place take as long as a string of so many bytes. */
const MATCH_BYTES = 1024;

function gsub(...args: LuaValue[]): Result {
  const text = checkString(args, 1);
  const matcher = new Matcher(text, checkString(args, 2));
  const replacement = args[2];
  const type = luaTypeOf(replacement);
  const countMax = optionalInt(args, 4, text.length + 1);
  if (type !== 'number' && type !== 'string' && type !== 'function' && type !== 'table') {
    throw argumentError(3, 'string/function/table expected');
  }
  const template = toText(replacement);
  let result = '';
  let at = 0;
  let count = 0;
  while (count < countMax) {
    const end = matcher.matchAt(at);
    if (end >= 0) {
      count++;
      charge(MATCH_BYTES);
      result += template === undefined ? replaced(matcher, at, end, replacement) : filled(template, matcher, at, end);
    }
    if (end > at) at = end;
    else if (at < text.length) result += text[at++]!;
    else break;
    if (matcher.isAnchored) break;
  }
  charge(text.length + result.length);
  return [result + text.slice(at), count];
}

/** The template with %0 to %9 filled in. */
function filled(template: string, matcher: Matcher, start: number, end: number): string {
  if (!template.includes('%')) return template;
  let text = '';
  for (let at = 0; at < template.length; at++) {
    const code = template.charCodeAt(at);
    if (code !== 37) {
      text += template[at]!;
      continue;
    }
    at++;
    const digit = at < template.length ? template.charCodeAt(at) : 0;
    if (digit < 48 || digit > 57) text += String.fromCharCode(digit);
    else if (digit === 48) text += matcher.text.slice(start, end);
    else text += toText(matcher.capture(digit - 49, start, end))!;
  }
  return text;
}

/** What a table or a function makes of a match. */
function replaced(matcher: Matcher, start: number, end: number, replacement: LuaValue): string {
  const value = replacement instanceof Table
    ? index(replacement, matcher.capture(0, start, end))
    : valueFromNative(replacement, matcher.captures(start, end, true));
  if (!isTrue(value)) return matcher.text.slice(start, end);
  const text = toText(value);
  if (text === undefined) throw libraryError(`invalid replacement value (a ${luaTypeOf(value)})`);
  return text;
}
