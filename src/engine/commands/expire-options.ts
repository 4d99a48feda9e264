/** The expiry options that SET, GETEX, RESTORE and the EXPIRE family share: from arguments to a point in time. */
import type { CommandError } from '../../shared/errors.ts';
import type { Call } from '../call.ts';
import { invalidExpire } from '../error-texts.ts';

/** The largest int64: Redis keeps expiries as milliseconds in one. */
const INT64_MAX = 9223372036854775807;

/**
 * Argument i as an expiry of a command that demands it to be positive (SET EX, GETEX PX …).
 * @param inSeconds whether it counts seconds rather than milliseconds.
 * @param relative whether it counts from now.
 * @returns ms since the epoch.
 */
export function positiveExpiry(c: Call, i: number, inSeconds: boolean, relative: boolean): number {
  const value = c.integer(i);
  const error = (): CommandError => invalidExpire(c.command!.name);
  if (value <= 0 || (inSeconds && value > INT64_MAX / 1000)) throw error();
  const ms = inSeconds ? value * 1000 : value;
  if (relative && ms > INT64_MAX - c.nowMs) throw error();
  return relative ? ms + c.nowMs : ms;
}

/** As `positiveExpiry`, for EXPIRE and its kin, where zero and negative times are allowed and delete the key. */
export function anyExpiry(c: Call, i: number, inSeconds: boolean, relative: boolean): number {
  const value = c.integer(i);
  const error = (): CommandError => invalidExpire(c.command!.name);
  if (inSeconds && (value > INT64_MAX / 1000 || value < -INT64_MAX / 1000)) throw error();
  const ms = inSeconds ? value * 1000 : value;
  if (relative && ms > INT64_MAX - c.nowMs) throw error();
  return relative ? ms + c.nowMs : ms;
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
