/** The library `bit`: LuaJIT's BitOp 1.0.2, 32-bit operations on numbers. */
import { BadArgument, toNumber } from '../arguments.ts';
import { type HostFunction, type LuaValue, luaTypeOf } from '../lua-engine.ts';

/** Added to a number, it leaves the integer in the low bits of the sum: rounds to even, as the processor does. */
const MAGIC = 2 ** 52 + 2 ** 51;
const bits = new BigUint64Array(1);
const double = new Float64Array(bits.buffer);

function toBits(args: readonly LuaValue[], i: number): number {
  const value = args[i];
  const number = typeof value === 'number' ? value : toNumber(value);
  if (number === undefined) throw new BadArgument(i + 1, `number expected, got ${i < args.length ? luaTypeOf(value) : 'no value'}`);
  if (Number.isInteger(number) && Math.abs(number) <= 2 ** 51) return number | 0;
  double[0] = number + MAGIC;
  return Number(BigInt.asIntN(32, bits[0]!));
}

function fold(args: readonly LuaValue[], combine: (a: number, b: number) => number): number {
  let value = toBits(args, 0);
  for (let i = args.length - 1; i > 0; i--) value = combine(value, toBits(args, i));
  return value | 0;
}

const shift = (run: (value: number, by: number) => number): HostFunction => (args) => [run(toBits(args, 0), toBits(args, 1) & 31) | 0];

function swapBytes(value: number): number {
  return (value >>> 24) | ((value >>> 8) & 0xff00) | ((value & 0xff00) << 8) | (value << 24);
}

function toHex(args: readonly LuaValue[]): string {
  const value = toBits(args, 0);
  const given = args.length < 2 ? 8 : toBits(args, 1);
  const text = (value >>> 0).toString(16).padStart(8, '0').slice(8 - Math.min(Math.abs(given), 8));
  return given < 0 ? text.toUpperCase() : text;
}

/** Functions by name. */
export const bitLibrary: Readonly<Record<string, HostFunction>> = {
  tobit: (args) => [toBits(args, 0)],
  bnot: (args) => [~toBits(args, 0)],
  band: (args) => [fold(args, (a, b) => a & b)],
  bor: (args) => [fold(args, (a, b) => a | b)],
  bxor: (args) => [fold(args, (a, b) => a ^ b)],
  lshift: shift((value, by) => value << by),
  rshift: shift((value, by) => value >>> by),
  arshift: shift((value, by) => value >> by),
  rol: shift((value, by) => (value << by) | (value >>> (32 - by))),
  ror: shift((value, by) => (value >>> by) | (value << (32 - by))),
  bswap: (args) => [swapBytes(toBits(args, 0)) | 0],
  tohex: (args) => [toHex(args)],
};
