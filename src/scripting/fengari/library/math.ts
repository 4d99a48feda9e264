/** The math library of Lua 5.1, without random: the host has its own, which repeats. */
import { checkInteger, checkNumber } from '../../arguments.ts';
import type { HostFunction, LuaValue } from '../../lua-engine.ts';
import { power } from '../../power.ts';

const one = (run: (x: number) => number): HostFunction => (args) => [run(checkNumber(args, 0))];
const two = (run: (x: number, y: number) => number): HostFunction => (args) => [run(checkNumber(args, 0), checkNumber(args, 1))];

/** Mantissa in [0.5, 1) and exponent. */
function frexp(value: number): [number, number] {
  if (value === 0 || !Number.isFinite(value)) return [value, 0];
  let exponent = Math.max(-1023, Math.floor(Math.log2(Math.abs(value))) + 1);
  // 2^-exponent may be out of range: in two steps.
  let mantissa = value * 2 ** -Math.trunc(exponent / 2) * 2 ** -(exponent - Math.trunc(exponent / 2));
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

function ldexp(mantissa: number, exponent: number): number {
  const steps = Math.min(3, Math.ceil(Math.abs(exponent) / 1023));
  let out = mantissa;
  for (let i = 0; i < steps; i++) out *= 2 ** Math.floor((exponent + i) / steps);
  return out;
}

function modf(value: number): [number, number] {
  if (!Number.isFinite(value)) return [value, Number.isNaN(value) ? value : 0];
  const whole = Math.trunc(value);
  return [whole, value - whole];
}

const extreme = (better: (a: number, b: number) => boolean): HostFunction => (args) => {
  let best = checkNumber(args, 0);
  for (let i = 1; i < args.length; i++) {
    const value = checkNumber(args, i);
    if (better(value, best)) best = value;
  }
  return [best];
};

export const mathLibrary: Readonly<Record<string, HostFunction>> = {
  abs: one(Math.abs), acos: one(Math.acos), asin: one(Math.asin), atan: one(Math.atan), atan2: two(Math.atan2), ceil: one(Math.ceil),
  cos: one(Math.cos), cosh: one(Math.cosh), deg: one((x) => x / (Math.PI / 180)), exp: one(Math.exp), floor: one(Math.floor),
  fmod: two((x, y) => x % y), mod: two((x, y) => x % y),
  frexp: (args) => frexp(checkNumber(args, 0)),
  ldexp: (args) => [ldexp(checkNumber(args, 0), checkInteger(args, 1))],
  log: one(Math.log), log10: one(Math.log10), max: extreme((a, b) => a > b), min: extreme((a, b) => a < b),
  modf: (args) => modf(checkNumber(args, 0)),
  pow: two(power), rad: one((x) => x * (Math.PI / 180)), sin: one(Math.sin), sinh: one(Math.sinh), sqrt: one(Math.sqrt), tan: one(Math.tan), tanh: one(Math.tanh),
};

export const MATH_CONSTANTS: Readonly<Record<string, LuaValue>> = { pi: Math.PI, huge: Infinity };
