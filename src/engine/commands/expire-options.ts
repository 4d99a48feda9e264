/** The expiry options that SET, GETEX, RESTORE and the EXPIRE family share: from arguments to a point in time. */
import { parsedInteger } from '../../shared/number-text.ts';
import type { Call } from '../call.ts';
import { invalidExpire } from '../error-texts.ts';

/** Up to here neither seconds made milliseconds nor a time added leave the safe integers. */
const PLAIN_MAX = 2 ** 42;
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/**
 * Argument i as an expiry of a command that demands it to be positive (SET EX, GETEX PX …).
 * @param inSeconds whether it counts seconds rather than milliseconds.
 * @param relative whether it counts from now.
 * @returns ms since the epoch, a safe integer: what lies further off than 2^53 (the year 287396) becomes that.
 */
export function positiveExpiry(c: Call, i: number, inSeconds: boolean, relative: boolean): number {
  const value = c.integer(i);
  if (value <= 0) throw invalidExpire(c.command!.name);
  return toAbsolute(c, value, inSeconds, relative);
}

/** As `positiveExpiry`, for EXPIRE and its kin, where zero and negative times are allowed and delete the key. */
export function anyExpiry(c: Call, i: number, inSeconds: boolean, relative: boolean): number {
  return toAbsolute(c, c.integer(i), inSeconds, relative);
}

/** `value` is what `parsedInteger` holds. */
function toAbsolute(c: Call, value: number, inSeconds: boolean, relative: boolean): number {
  if (value > PLAIN_MAX || value < -PLAIN_MAX) return toAbsoluteExactly(c, inSeconds, relative);
  const ms = inSeconds ? value * 1000 : value;
  return relative ? ms + c.nowMs : ms;
}

/** Redis counts milliseconds in an int64, and what does not fit is an error. */
function toAbsoluteExactly(c: Call, inSeconds: boolean, relative: boolean): number {
  let ms = parsedInteger.isSafe ? BigInt(parsedInteger.value) : parsedInteger.big;
  if (inSeconds) ms *= 1000n;
  if (ms < INT64_MIN) throw invalidExpire(c.command!.name);
  if (relative) ms += BigInt(c.nowMs);
  if (ms > INT64_MAX) throw invalidExpire(c.command!.name);
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Number(ms)));
}

/** What an option EX, PX, EXAT or PXAT means, or null where argument i is none of them. */
export function expiryOption(c: Call, i: number): { inSeconds: boolean; relative: boolean } | null {
  const { req } = c;
  if (req.is(i, 'EX')) return { inSeconds: true, relative: true };
  if (req.is(i, 'PX')) return { inSeconds: false, relative: true };
  if (req.is(i, 'EXAT')) return { inSeconds: true, relative: false };
  if (req.is(i, 'PXAT')) return { inSeconds: false, relative: false };
  return null;
}
