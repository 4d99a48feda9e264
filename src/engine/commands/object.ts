/** OBJECT: what is known of a key's value besides the value. */
import { parseIntegerStrict, parsedInteger } from '../../shared/number-text.ts';
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import { IDLE_NOT_TRACKED, LFU_NOT_TRACKED } from '../error-texts.ts';
import { Bytes } from '../memory/entries.ts';
import { helpHandler } from './help.ts';

/** The longest string that Redis stores in one piece with its object (OBJ_ENCODING_EMBSTR_SIZE_LIMIT). */
const EMBSTR_BYTES_MAX = 44;

/** Redis has one object for each integer below this, whatever the keys that hold it, unless eviction has to know of each. */
const SHARED_INTEGERS = 10_000;
/** What it calls their count. Here nothing is shared. */
const SHARED_REFERENCES = 2_147_483_647;

const bytes = new Bytes();

/** OBJECT ENCODING: the name of the form in which Redis 7.2 would hold the value at `ref`. */
export function encodingOf(c: Call, ref: Ref): string {
  const { keyspace, types } = c.engine;
  const { entries } = keyspace;
  const collection = types.collection(entries.type(ref));
  if (collection !== null) return collection.encoding(ref);
  if (entries.isRaw(ref)) return 'raw';
  entries.value(ref, bytes);
  if (parseIntegerStrict(bytes.buf, bytes.off, bytes.len)) return 'int';
  return bytes.len <= EMBSTR_BYTES_MAX ? 'embstr' : 'raw';
}

/** Seconds since the entry was last used. */
export function idleSeconds(c: Call, ref: Ref): number {
  const { access, entries } = c.engine.keyspace;
  return access.idleSeconds(entries.lru(ref));
}

/** The entry of the key at argument 2, which is no use of it; 0, and null is replied, where there is none. */
function peekOrNull(c: Call): Ref {
  const { req } = c;
  const ref = c.db.peek(req.buf, req.off[2]!, req.len[2]!);
  if (ref === 0) c.reply.null();
  return ref;
}

function encoding(c: Call): void {
  const ref = peekOrNull(c);
  if (ref !== 0) c.reply.bulkString(encodingOf(c, ref));
}

function isSmallInteger(c: Call, ref: Ref): boolean {
  return encodingOf(c, ref) === 'int' && parsedInteger.isSafe && parsedInteger.value >= 0 && parsedInteger.value < SHARED_INTEGERS;
}

function refcount(c: Call): void {
  const ref = peekOrNull(c);
  if (ref === 0) return;
  const { eviction } = c.engine;
  const eachIsKnown = eviction.maxBytes > 0 && (eviction.isLru || c.engine.keyspace.access.isLfu);
  c.reply.integer(!eachIsKnown && isSmallInteger(c, ref) ? SHARED_REFERENCES : 1);
}

function idletime(c: Call): void {
  const ref = peekOrNull(c);
  if (ref === 0) return;
  if (c.engine.keyspace.access.isLfu) throw IDLE_NOT_TRACKED;
  c.reply.integer(idleSeconds(c, ref));
}

function freq(c: Call): void {
  const { access, entries } = c.engine.keyspace;
  const ref = peekOrNull(c);
  if (ref === 0) return;
  if (!access.isLfu) throw LFU_NOT_TRACKED;
  c.reply.integer(access.frequency(entries.lru(ref)));
}

const HELP = [
  'OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'ENCODING <key>',
  '    Return the kind of internal representation used in order to store the value',
  '    associated with a <key>.',
  'FREQ <key>',
  '    Return the access frequency index of the <key>. The returned integer is',
  '    proportional to the logarithm of the recent access frequency of the key.',
  'IDLETIME <key>',
  '    Return the idle time of the <key>, that is the approximated number of',
  '    seconds elapsed since the last access to the key.',
  'REFCOUNT <key>',
  '    Return the number of references of the value associated with the specified',
  '    <key>.',
  'HELP',
  '    Prints this help.',
];

const ROW = { flags: 'readonly', group: 'generic', categories: 'keyspace', keys: [keysAt(2, 'RO')] } as const;
const TIPS = ['nondeterministic_output'];

export const objectCommands: readonly Command[] = [
  command({
    name: 'object', arity: -2, flags: '', group: 'generic', since: '2.2.3',
    subcommands: [
      command({ ...ROW, name: 'object|encoding', arity: 3, since: '2.2.3', tips: TIPS, run: encoding }),
      command({ ...ROW, name: 'object|freq', arity: 3, since: '4.0.0', tips: TIPS, run: freq }),
      command({ ...ROW, name: 'object|idletime', arity: 3, since: '2.2.3', tips: TIPS, run: idletime }),
      command({ ...ROW, name: 'object|refcount', arity: 3, since: '2.2.3', tips: TIPS, run: refcount }),
      command({
        name: 'object|help', arity: 2, flags: 'loading stale', group: 'generic', since: '6.2.0', categories: 'keyspace', run: helpHandler(HELP),
      }),
    ],
  }),
];
