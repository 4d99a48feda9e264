/** Lua 5.1's math library. Its random numbers are the sequence of C's drand48 family that scripts on a real server see. */
import type { LuaValue } from '../lua-engine.ts';
import { power } from '../power.ts';
import type { Result } from './calls.ts';
import { register } from './base-library.ts';
import { checkInt, checkNumber } from './library-arguments.ts';
import { modulo } from './operators.ts';
import { argumentError, libraryError } from './positions.ts';
import { Table } from './table.ts';

type NumberFunction = (value: number) => number;

function unary(compute: NumberFunction): (...args: LuaValue[]) => Result {
  return (...args) => {
    const [value] = args;
    return compute(typeof value === 'number' ? value : checkNumber(args, 1));
  };
}

function binary(compute: (a: number, b: number) => number): (...args: LuaValue[]) => Result {
  return (...args) => compute(checkNumber(args, 1), checkNumber(args, 2));
}

export function installMath(globals: Table): void {
  const library = new Table();
  register(library, {
    abs: unary(Math.abs), acos: unary(Math.acos), asin: unary(Math.asin), atan: unary(Math.atan), atan2: binary(Math.atan2),
    ceil: unary(Math.ceil), cos: unary(Math.cos), cosh: unary(Math.cosh), deg: unary((value) => value / (Math.PI / 180)),
    exp: unary(Math.exp), floor: unary(Math.floor), fmod: binary((a, b) => a % b), frexp, ldexp, log: unary(Math.log),
    log10: unary(Math.log10), max, min, modf, pow: binary(power), rad: unary((value) => value * (Math.PI / 180)),
    sin: unary(Math.sin), sinh: unary(Math.sinh), sqrt: unary(Math.sqrt), tan: unary(Math.tan), tanh: unary(Math.tanh),
  });
  const random = new Random();
  register(library, {
    random: (...args) => randomNumber(random.next(), args),
    randomseed: (...args) => {
      random.seed(checkInt(args, 1));
      return [];
    },
  });
  library.putString('mod', library.getString('fmod'));
  library.putString('pi', Math.PI);
  library.putString('huge', Infinity);
  globals.putString('math', library);
}

function max(...args: LuaValue[]): Result {
  let largest = checkNumber(args, 1);
  for (let at = 2; at <= args.length; at++) {
    const value = checkNumber(args, at);
    if (value > largest) largest = value;
  }
  return largest;
}

function min(...args: LuaValue[]): Result {
  let smallest = checkNumber(args, 1);
  for (let at = 2; at <= args.length; at++) {
    const value = checkNumber(args, at);
    if (value < smallest) smallest = value;
  }
  return smallest;
}

function modf(...args: LuaValue[]): Result {
  const value = checkNumber(args, 1);
  const whole = Math.trunc(value);
  return [whole, Math.abs(value) === Infinity ? (value > 0 ? 0 : -0) : value - whole];
}

function frexp(...args: LuaValue[]): Result {
  const value = checkNumber(args, 1);
  if (value === 0 || !Number.isFinite(value)) return [value, 0];
  let exponent = Math.max(-1023, Math.floor(Math.log2(Math.abs(value))) + 1);
  let mantissa = value * 2 ** -exponent;
  while (Math.abs(mantissa) < 0.5) {
    mantissa *= 2;
    exponent--;
  }
  while (Math.abs(mantissa) >= 1) {
    mantissa /= 2;
    exponent++;
  }
  return [mantissa, exponent];
}

function ldexp(...args: LuaValue[]): Result {
  const value = checkNumber(args, 1);
  const exponent = Math.max(-2200, Math.min(2200, checkInt(args, 2)));
  // In two steps, since 2^exponent alone may not be a double.
  const half = Math.trunc(exponent / 2);
  return value * 2 ** half * 2 ** (exponent - half);
}

// ---- Random numbers ----

const RANDOM_MAX = 2147483647;
const MASK_48 = (1n << 48n) - 1n;

/** lrand48: a 48-bit linear congruence whose upper 31 bits are the number. */
class Random {
  #state = 0n;

  constructor() {
    this.seed(0);
  }

  seed(value: number): void {
    this.#state = (BigInt(value >>> 0) << 16n) | 0x330en;
  }

  /** From 0 up to `RANDOM_MAX`. */
  next(): number {
    this.#state = (this.#state * 0x5deece66dn + 0xbn) & MASK_48;
    return Number(this.#state >> 17n);
  }
}

function randomNumber(drawn: number, args: readonly LuaValue[]): Result {
  const fraction = modulo(drawn, RANDOM_MAX) / RANDOM_MAX;
  if (args.length === 0) return fraction;
  if (args.length > 2) throw libraryError('wrong number of arguments');
  const low = args.length === 1 ? 1 : checkInt(args, 1);
  const high = checkInt(args, args.length);
  if (low > high) throw argumentError(args.length, 'interval is empty');
  return Math.floor(fraction * (high - low + 1)) + low;
}
