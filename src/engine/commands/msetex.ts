/** MSETEX: several strings at once, with one expiry and one condition. */
import type { Call } from '../call.ts';
import { type Command, command } from '../command.ts';
import { INVALID_NUMKEYS, KEY_VALUE_MISMATCH, SYNTAX } from '../error-texts.ts';
import { KEEP_EXPIRY } from '../keyspace/database.ts';
import { NO_EXPIRY } from '../memory/entries.ts';
import { expiryOption, positiveExpiry } from './expire-options.ts';
import { type ExpiryOption, mayFollow, setPairs } from './string.ts';

const PAIRS_AT = 2;

interface Options {
  nx: boolean;
  xx: boolean;
  /** Ms since the epoch, NO_EXPIRY or KEEP_EXPIRY. */
  expireAtMs: number;
}

function parseOptions(c: Call, first: number): Options {
  const { req } = c;
  const out: Options = { nx: false, xx: false, expireAtMs: NO_EXPIRY };
  let expiry: ExpiryOption | null = null;
  let expiryAt = 0;
  for (let i = first; i < req.argc; i++) {
    const option = expiryOption(c, i);
    if (req.is(i, 'NX') && !out.xx) out.nx = true;
    else if (req.is(i, 'XX') && !out.nx) out.xx = true;
    else if (req.is(i, 'KEEPTTL') && expiry === null) out.expireAtMs = KEEP_EXPIRY;
    else if (option !== null && mayFollow(expiry, option) && out.expireAtMs !== KEEP_EXPIRY && i + 1 < req.argc) {
      expiry = option;
      expiryAt = ++i;
    } else throw SYNTAX;
  }
  if (expiry !== null) out.expireAtMs = positiveExpiry(c, expiryAt, expiry.inSeconds, expiry.relative);
  return out;
}

function msetex(c: Call): void {
  const { req } = c;
  const keys = c.integer(1, INVALID_NUMKEYS);
  if (keys < 1 || keys > 2 ** 31 - 1) throw INVALID_NUMKEYS;
  const end = PAIRS_AT + 2 * keys;
  if (end > req.argc) throw KEY_VALUE_MISMATCH;
  const { nx, xx, expireAtMs } = parseOptions(c, end);
  for (let i = PAIRS_AT; (nx || xx) && i < end; i += 2) {
    if ((c.lookupWrite(i) !== 0) === xx) continue;
    c.reply.integer(0);
    return;
  }
  setPairs(c, PAIRS_AT, end, expireAtMs);
  // Without its condition, and with a point in time: both were decided here.
  c.effect('MSETEX', end + (expireAtMs === NO_EXPIRY ? 0 : expireAtMs === KEEP_EXPIRY ? 1 : 2));
  for (let i = 1; i < end; i++) c.effectArg(i);
  if (expireAtMs === KEEP_EXPIRY) c.effectText('KEEPTTL');
  else if (expireAtMs !== NO_EXPIRY) {
    c.effectText('PXAT');
    c.effectInteger(expireAtMs);
  }
  c.reply.integer(1);
}

export const msetexCommands: readonly Command[] = [
  command({
    name: 'msetex', arity: -4, flags: 'write denyoom', group: 'string', since: '8.4.0',
    keys: [{ flags: 'OW update', begin: { index: 1 }, find: { keyNumIndex: 0, firstKey: 1, step: 2 } }], run: msetex,
  }),
];
