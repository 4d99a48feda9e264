/** When keys end: EXPIRE and its kin, TTL and its kin, PERSIST. The log carries nothing but PEXPIREAT, PERSIST and DEL. */
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import { EXPIRE_GT_LT, EXPIRE_NX_WITH_OTHERS, unsupportedOption } from '../error-texts.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { NO_EXPIRY } from '../memory/entries.ts';
import { anyExpiry } from './expire-options.ts';

const NX = 1;
const XX = 2;
const GT = 4;
const LT = 8;

/** Bits of the conditions at arguments 3 and on. */
function conditions(c: Call): number {
  const { req } = c;
  let out = 0;
  for (let i = 3; i < req.argc; i++) {
    if (req.is(i, 'NX')) out |= NX;
    else if (req.is(i, 'XX')) out |= XX;
    else if (req.is(i, 'GT')) out |= GT;
    else if (req.is(i, 'LT')) out |= LT;
    else throw unsupportedOption(req.string(i));
  }
  if ((out & NX) !== 0 && out !== NX) throw EXPIRE_NX_WITH_OTHERS;
  if ((out & GT) !== 0 && (out & LT) !== 0) throw EXPIRE_GT_LT;
  return out;
}

/** Whether a key that ends at `current` (NO_EXPIRY: never) may be made to end at `expireAtMs`. */
function allowed(wanted: number, current: number, expireAtMs: number): boolean {
  if (current === NO_EXPIRY) return (wanted & (XX | GT)) === 0;
  if ((wanted & NX) !== 0) return false;
  if ((wanted & GT) !== 0) return expireAtMs > current;
  return (wanted & LT) === 0 || expireAtMs < current;
}

/** @param inSeconds,relative how argument 2 counts: see `anyExpiry`. */
function setExpiry(c: Call, inSeconds: boolean, relative: boolean): void {
  const { entries } = c.engine.keyspace;
  const wanted = conditions(c);
  const expireAtMs = anyExpiry(c, 2, inSeconds, relative);
  const ref = c.lookupWrite(1);
  if (ref === 0 || !allowed(wanted, entries.expireAtMs(ref), expireAtMs)) {
    c.reply.integer(0);
    return;
  }
  // Whoever applies the log does as the log says, whatever his clock.
  if (expireAtMs <= c.nowMs && c.decidesExpiry) {
    c.removeKey(1);
    c.notify(KeyEvent.generic, 'del', 1);
    c.effect('DEL', 2);
    c.effectArg(1);
  } else {
    c.db.setExpiry(ref, expireAtMs);
    c.notify(KeyEvent.generic, 'expire', 1);
    c.effect('PEXPIREAT', 3);
    c.effectArg(1);
    c.effectInteger(expireAtMs);
  }
  c.reply.integer(1);
}

const MISSING = -2;
const ENDLESS = -1;

function expireAtOf(c: Call): number {
  const ref: Ref = c.lookupUntouched(1);
  if (ref === 0) return MISSING;
  const expireAtMs = c.engine.keyspace.entries.expireAtMs(ref);
  return expireAtMs === NO_EXPIRY ? ENDLESS : expireAtMs;
}

function replyTime(c: Call, ms: number, inSeconds: boolean): void {
  c.reply.integer(inSeconds && ms >= 0 ? Math.floor((ms + 500) / 1000) : ms);
}

function replyLeft(c: Call, inSeconds: boolean): void {
  const at = expireAtOf(c);
  replyTime(c, at < 0 ? at : Math.max(0, at - c.nowMs), inSeconds);
}

function persist(c: Call): void {
  const ref = c.lookupWrite(1);
  if (ref === 0 || c.engine.keyspace.entries.expireAtMs(ref) === NO_EXPIRY) {
    c.reply.integer(0);
    return;
  }
  c.db.setExpiry(ref, NO_EXPIRY);
  c.notify(KeyEvent.generic, 'persist', 1);
  c.changed();
  c.reply.integer(1);
}

const group = 'generic';
const categories = 'keyspace';
const SETS = { arity: -3, flags: 'write fast', group, categories, keys: [keysAt(1, 'RW update')] } as const;
const TELLS = { arity: 2, flags: 'readonly fast', group, categories, keys: [keysAt(1, 'RO access')] } as const;
/** What is left of a key's time is another at each look; the point in time is not. */
const CHANGING = ['nondeterministic_output'];

export const expiryCommands: readonly Command[] = [
  command({ ...SETS, name: 'expire', since: '1.0.0', run: (c) => setExpiry(c, true, true) }),
  command({ ...SETS, name: 'pexpire', since: '2.6.0', run: (c) => setExpiry(c, false, true) }),
  command({ ...SETS, name: 'expireat', since: '1.2.0', run: (c) => setExpiry(c, true, false) }),
  command({ ...SETS, name: 'pexpireat', since: '2.6.0', run: (c) => setExpiry(c, false, false) }),
  command({ ...TELLS, name: 'ttl', since: '1.0.0', tips: CHANGING, run: (c) => replyLeft(c, true) }),
  command({ ...TELLS, name: 'pttl', since: '2.6.0', tips: CHANGING, run: (c) => replyLeft(c, false) }),
  command({ ...TELLS, name: 'expiretime', since: '7.0.0', run: (c) => replyTime(c, expireAtOf(c), true) }),
  command({ ...TELLS, name: 'pexpiretime', since: '7.0.0', run: (c) => replyTime(c, expireAtOf(c), false) }),
  command({ name: 'persist', arity: 2, flags: 'write fast', group, since: '2.2.0', categories, keys: [keysAt(1, 'RW update')], run: persist }),
];
