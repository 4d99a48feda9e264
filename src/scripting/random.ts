/**
 * math.random and math.randomseed as Redis has them: lrand48, the same numbers on every machine. What a script does with them
 * is logged as effects, so nothing depends on their being the same after a restart.
 */
import { BadArgument, PositionedError, checkInteger } from './arguments.ts';
import type { LuaValue } from './lua-engine.ts';

const MULTIPLIER = 0x5deece66dn;
const ADDEND = 11n;
const MASK_48 = (1n << 48n) - 1n;
const MAX = 2147483647;

export class ScriptRandom {
  /** What lrand48 begins with when nobody has seeded it. */
  #state = 0x1234abcd330en;

  seed(value: number): void {
    this.#state = (BigInt(value | 0) << 16n) + 0x330en & MASK_48;
  }

  #next(): number {
    this.#state = this.#state * MULTIPLIER + ADDEND & MASK_48;
    return Number(this.#state >> 17n);
  }

  /** math.random. @throws BadArgument */
  random(args: readonly LuaValue[]): number {
    const r = (this.#next() % MAX) / MAX;
    if (args.length === 0) return r;
    if (args.length > 2) throw new PositionedError('wrong number of arguments');
    const low = args.length === 1 ? 1 : checkInteger(args, 0);
    const high = checkInteger(args, args.length === 1 ? 0 : 1);
    if (low > high) throw new BadArgument(args.length === 1 ? 1 : 2, 'interval is empty');
    return Math.floor(r * (high - low + 1)) + low;
  }
}
