/** string.format of Lua 5.1, which is C's sprintf for one item after the other. */
import { BadArgument, PositionedError, checkInteger, checkNumber, checkString, toInteger } from '../../arguments.ts';
import type { LuaValue } from '../../lua-engine.ts';
import { formatExponential, formatFixed, formatGeneral } from '../../number-format.ts';

const ITEM = /^([-+ #0]*)(\d*)(?:(\.)(\d*))?/;
/** Strings from here on are put in whole when no precision is given. */
const LONG_STRING = 100;

interface Item {
  readonly flags: string;
  readonly width: number;
  /** -1: none given. */
  readonly precision: number;
}

export function format(args: readonly LuaValue[]): string {
  const text = checkString(args, 0);
  let out = '';
  let arg = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '%') {
      out += text[i]!;
      continue;
    }
    i++;
    if (text[i] === '%') {
      out += '%';
      continue;
    }
    arg++;
    if (arg >= args.length) throw new BadArgument(arg + 1, 'no value');
    const found = ITEM.exec(text.slice(i, i + 40))!;
    if (found[1]!.length >= 6) throw new PositionedError('invalid format (repeated flags)');
    if (found[2]!.length > 2 || (found[4] ?? '').length > 2) throw new PositionedError('invalid format (width or precision too long)');
    i += found[0].length;
    const precision = found[3] === undefined ? -1 : Number(found[4]);
    out += formatItem({ flags: found[1]!, width: Number(found[2]), precision }, text[i] ?? '\0', args, arg);
  }
  return out;
}

function formatItem(item: Item, letter: string, args: readonly LuaValue[], arg: number): string {
  switch (letter) {
    case 'c': return pad(item, '', String.fromCharCode(checkInteger(args, arg) & 255), false);
    case 'd': case 'i': return integer(item, BigInt(toInteger(checkNumber(args, arg))));
    case 'o': case 'u': case 'x': case 'X': return unsigned(item, letter, BigInt.asUintN(64, BigInt(unsignedOf(checkNumber(args, arg)))));
    case 'e': case 'E': case 'f': case 'g': case 'G': return floating(item, letter, checkNumber(args, arg));
    case 'q': return quoted(checkString(args, arg));
    case 's': {
      const text = checkString(args, arg);
      if (item.precision < 0 && text.length >= LONG_STRING) return text;
      const zero = text.indexOf('\0');
      const c = zero < 0 ? text : text.slice(0, zero);
      return pad(item, '', item.precision >= 0 ? c.slice(0, item.precision) : c, false);
    }
    default: throw new PositionedError(`invalid option '%${letter === '\0' ? '' : letter}' to 'format'`);
  }
}

/** As an x86 processor makes an unsigned integer of a double: zero of what is too large. */
function unsignedOf(value: number): number {
  if (value >= 2 ** 64) return 0;
  return value >= 2 ** 63 ? Math.trunc(value) : toInteger(value);
}

/** Sign or prefix, then zeros where asked for, then digits; blanks around. */
function pad(item: Item, sign: string, body: string, zeros: boolean): string {
  const missing = item.width - sign.length - body.length;
  if (missing <= 0) return sign + body;
  if (item.flags.includes('-')) return sign + body + ' '.repeat(missing);
  return zeros && item.flags.includes('0') ? sign + '0'.repeat(missing) + body : ' '.repeat(missing) + sign + body;
}

function signOf(item: Item, negative: boolean): string {
  if (negative) return '-';
  return item.flags.includes('+') ? '+' : item.flags.includes(' ') ? ' ' : '';
}

function digitsOf(item: Item, digits: string): string {
  if (item.precision === 0 && digits === '0') return '';
  return item.precision > 0 ? digits.padStart(item.precision, '0') : digits;
}

function integer(item: Item, value: bigint): string {
  const digits = digitsOf(item, (value < 0n ? -value : value).toString());
  return pad(item, signOf(item, value < 0n), digits, item.precision < 0);
}

function unsigned(item: Item, letter: string, value: bigint): string {
  let digits = digitsOf(item, value.toString(letter === 'o' ? 8 : letter === 'u' ? 10 : 16));
  if (letter === 'X') digits = digits.toUpperCase();
  let prefix = '';
  if (item.flags.includes('#')) {
    if (letter === 'o' && !digits.startsWith('0')) digits = `0${digits}`;
    if ((letter === 'x' || letter === 'X') && value !== 0n) prefix = `0${letter}`;
  }
  return pad(item, prefix, digits, item.precision < 0);
}

function floating(item: Item, letter: string, value: number): string {
  const precision = item.precision < 0 ? 6 : item.precision;
  const alternate = item.flags.includes('#');
  const lower = letter.toLowerCase();
  let text = lower === 'f' ? formatFixed(value, precision) : lower === 'e' ? formatExponential(value, precision) : formatGeneral(value, precision, alternate);
  const negative = text.startsWith('-');
  if (negative) text = text.slice(1);
  if (alternate && precision === 0 && Number.isFinite(value) && !text.includes('.')) text = text.replace(/^\d+/, '$&.');
  if (letter !== lower && letter !== 'f') text = text.toUpperCase();
  return pad(item, signOf(item, negative), text, Number.isFinite(value));
}

function quoted(text: string): string {
  let out = '"';
  for (const char of text) {
    if (char === '"' || char === '\\' || char === '\n') out += `\\${char}`;
    else if (char === '\r') out += '\\r';
    else if (char === '\0') out += '\\000';
    else out += char;
  }
  return `${out}"`;
}

/** string.char */
export function chars(args: readonly LuaValue[]): string {
  let out = '';
  for (let i = 0; i < args.length; i++) {
    const code = checkInteger(args, i);
    if (code < 0 || code > 255) throw new BadArgument(i + 1, 'invalid value');
    out += String.fromCharCode(code);
  }
  return out;
}
