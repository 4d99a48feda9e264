/** What values are called, and how they become numbers and strings. No metamethods. */
import { type LuaValue, luaTypeOf } from '../lua-engine.ts';
import { addressOf } from './addresses.ts';
import { numberText, parseNumber } from './number-text.ts';

/** "local 'x' (a nil value)", or "a nil value" without a name. */
export function describe(name: string, value: LuaValue): string {
  const type = luaTypeOf(value);
  return name === '' ? `a ${type} value` : `${name} (a ${type} value)`;
}

export function toNumber(value: LuaValue): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' ? parseNumber(value) : undefined;
}

/** The text of a string or a number; undefined for others. */
export function toText(value: LuaValue): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? numberText(value) : undefined;
}

/** What `tostring` gives without `__tostring`. */
export function shownValue(value: LuaValue): string {
  if (value === undefined) return 'nil';
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'boolean') return String(value);
  const type = luaTypeOf(value);
  return type === 'userdata' ? 'userdata: (nil)' : `${type}: 0x${addressOf(value).toString(16)}`;
}
