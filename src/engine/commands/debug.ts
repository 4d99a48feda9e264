/**
 * DEBUG, as far as it looks into or changes the engine alone: digests, figures of a value or a table, test aids. The
 * server adds what needs the process (SLEEP …), decides who may use DEBUG at all, and owns the container.
 */
import { CommandError } from '../../shared/errors.ts';
import { globMatchBytes } from '../../shared/glob.ts';
import { SLOT_COUNT } from '../../shared/hash.ts';
import { formatDouble } from '../../shared/number-text.ts';
import { latin1Bytes, latin1Slice } from '../../shared/request.ts';
import type { Call, Ref } from '../call.ts';
import { type Command, type Handler, command, keysThrough } from '../command.ts';
import { datasetDigest, valueDigest } from '../digest.ts';
import { NOT_HASHTABLE, NOT_LISTPACK, NOT_POSITIVE, NO_SUCH_KEY } from '../error-texts.ts';
import type { Database } from '../keyspace/database.ts';
import { Kind } from '../memory/arena.ts';
import { NO_EXPIRY } from '../memory/entries.ts';
import { serializedLength } from '../serialized-length.ts';
import type { ElementVisitor } from '../types/collection.ts';
import { encodingOf, idleSeconds } from './object.ts';

/** The entry of the key at argument i, its LRU clock left alone. */
function peek(c: Call, i: number): Ref {
  return c.db.peek(c.req.buf, c.req.off[i]!, c.req.len[i]!);
}

function existing(c: Call): Ref {
  const ref = peek(c, 2);
  if (ref === 0) throw NO_SUCH_KEY;
  return ref;
}

// ---- Digests ----

function digest(c: Call): void {
  const { keyspace, types } = c.engine;
  // The whole data set is news of every write that may not be committed yet.
  for (const db of keyspace.databases) keyspace.hazards.checkDb(db.number);
  c.reply.status(datasetDigest(keyspace, types));
}

function digestValue(c: Call): void {
  const { keyspace, types } = c.engine;
  c.reply.array(c.req.argc - 2);
  for (let i = 2; i < c.req.argc; i++) c.reply.status(valueDigest(keyspace, types, peek(c, i)));
}

// ---- Looking at values and tables ----

/**
 * What Redis shows of a quicklist. Its nodes are pages here; `ql_compressed` says, as there, whether compression is asked for
 * (list-compress-depth), which pages do not have.
 */
function quicklistFigures(c: Call, ref: Ref): string {
  const { limits, types: { lists } } = c.engine;
  const pages = lists.pages(ref);
  return ` ql_nodes:${pages} ql_avg_node:${(lists.length(ref) / pages).toFixed(2)} ql_listpack_max:${limits.listMaxListpackSize}`
    + ` ql_compressed:${limits.listCompressDepth === 0 ? 0 : 1} ql_uncompressed_size:${lists.memoryBytes(ref, 0)}`;
}

/** Shows a key that has expired and is still there as well. */
function object(c: Call): void {
  const { entries, hazards } = c.engine.keyspace;
  hazards.checkDb(c.db.number);
  const ref = c.db.peekRaw(c.req.buf, c.req.off[2]!, c.req.len[2]!);
  if (ref === 0) throw NO_SUCH_KEY;
  const encoding = encodingOf(c, ref);
  c.reply.status([
    `Value at:0x${(ref >>> 0).toString(16)} refcount:1 encoding:${encoding}`,
    `serializedlength:${serializedLength(c.engine, ref)} lru:${entries.lru(ref)} lru_seconds_idle:${idleSeconds(c, ref)}`,
  ].join(' ') + (encoding === 'quicklist' ? quicklistFigures(c, ref) : ''));
}

/** Lists elements as text, one a line. */
class Lister implements ElementVisitor {
  readonly lines: string[] = [];

  element(buf: Uint8Array, off: number, len: number): void {
    this.lines.push(`{${this.lines.length}} ${JSON.stringify(latin1Slice(buf, off, off + len))}`);
  }

  field(buf: Uint8Array, off: number, len: number, valueBuf: Uint8Array, valueOff: number, valueLen: number): void {
    this.element(buf, off, len);
    this.element(valueBuf, valueOff, valueLen);
  }

  fieldEnds(endsAtMs: number): void {
    this.lines.push(`{${this.lines.length}} ${endsAtMs}`);
  }

  scored(buf: Uint8Array, off: number, len: number, score: number): void {
    this.element(buf, off, len);
    this.lines.push(`{${this.lines.length}} ${formatDouble(score)}`);
  }
}

function listpack(c: Call): void {
  const ref = existing(c);
  if (encodingOf(c, ref) !== 'listpack') throw NOT_LISTPACK;
  const lister = new Lister();
  c.engine.types.collection(c.engine.keyspace.entries.type(ref))!.visit(ref, lister);
  // Redis prints it on its standard output; a reply is where the one who asks can read it.
  c.reply.verbatim('txt', `{num_elements: ${lister.lines.length}}\n${lister.lines.join('\n')}\n`);
}

const TABLE_HEAD = 'Hash table 0 stats (main hash table):\n';
const EMPTY_TABLE = 'No stats available for empty dictionaries\n';

function keysText(c: Call, db: Database): string {
  if (db.size === 0) return EMPTY_TABLE;
  const { index } = c.engine.keyspace;
  let slots = 0;
  let bytes = 0;
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const ref = db.slotRef(slot);
    if (ref === 0) continue;
    slots++;
    bytes += index.bytes(ref);
  }
  return ` number of elements: ${db.size}\n hash slots with keys: ${slots}\n bytes of indexes: ${bytes}\n`;
}

function htstats(c: Call): void {
  const { databases, hazards } = c.engine.keyspace;
  const number = c.integer(2);
  const db = databases[number];
  if (db === undefined) throw new CommandError('ERR Out of range database');
  hazards.checkDb(number);
  const expires = db.expires === 0 ? EMPTY_TABLE : ` number of elements: ${db.expires}\n`;
  c.reply.verbatim('txt', `[Dictionary HT]\n${TABLE_HEAD}${keysText(c, db)}[Expires HT]\n${TABLE_HEAD}${expires}`);
}

function htstatsKey(c: Call): void {
  const ref = existing(c);
  const encoding = encodingOf(c, ref);
  if (encoding !== 'hashtable' && encoding !== 'skiplist') throw NOT_HASHTABLE;
  const collection = c.engine.types.collection(c.engine.keyspace.entries.type(ref))!;
  const text = ` number of elements: ${collection.length(ref)}\n bytes: ${collection.memoryBytes(ref, 0)}\n`;
  c.reply.verbatim('txt', TABLE_HEAD + text);
}

// ---- Test aids ----

function setDisableDenyScripts(c: Call): void {
  c.engine.scriptsMayAll = c.integer(2) !== 0;
  c.reply.ok();
}

function setActiveExpire(c: Call): void {
  c.engine.keyspace.activeExpire = c.integer(2) !== 0;
  c.reply.ok();
}

function check(c: Call): void {
  c.engine.types.check();
  c.reply.ok();
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1, b: 1, k: 1000, kb: 1024, m: 1e6, mb: 2 ** 20, g: 1e9, gb: 2 ** 30,
};

function quicklistPackedThreshold(c: Call): void {
  const parts = /^(\d+)([a-z]*)$/.exec(c.string(2).toLowerCase());
  const unit = parts === null ? undefined : UNITS[parts[2]!];
  if (parts === null || unit === undefined || Number(parts[1]) * unit > 2 ** 32) {
    throw new CommandError('ERR argument must be a memory value bigger than 1 and smaller than 4gb');
  }
  // Pages of a list hold elements of any size in the same way: there is no other kind of node to switch to.
  c.reply.ok();
}

function changeReplicationId(c: Call): void {
  // A replica here always continues from the log; no id tells it whether it may.
  c.reply.ok();
}

function error(c: Call): void {
  c.reply.error(c.string(2));
}

/** POPULATE count [prefix] [size]: string keys prefix:0 … that are not there yet. Logged like any write. */
function populate(c: Call): void {
  const { req, db } = c;
  const count = c.integer(2, NOT_POSITIVE);
  if (count < 0) throw NOT_POSITIVE;
  const prefix = req.argc > 3 ? c.string(3) : 'key';
  const size = req.argc > 4 ? c.integer(4, NOT_POSITIVE) : 0;
  if (size < 0) throw NOT_POSITIVE;
  const digits = String(count).length;
  c.mustFitRecord(3 * count, count * ('SET'.length + prefix.length + 1 + digits + (size === 0 ? 'value:'.length + digits : size)));
  for (let n = 0; n < count; n++) {
    const key = latin1Bytes(`${prefix}:${n}`);
    if (db.lookupWrite(key, 0, key.length) !== 0) continue;
    const text = latin1Bytes(`value:${n}`);
    const value = size === 0 ? text : new Uint8Array(size);
    if (size !== 0) value.set(text.subarray(0, size));
    db.setString(key, 0, key.length, value, 0, value.length, NO_EXPIRY);
    c.effect('SET', 3);
    c.effectBytes(key, 0, key.length);
    c.effectBytes(value, 0, value.length);
  }
  c.reply.ok();
}

/** PROTOCOL: one reply of each kind, for those who test clients. */
function protocol(c: Call): void {
  const { reply } = c;
  switch (c.string(2).toLowerCase()) {
    case 'string': reply.bulkString('Hello World'); break;
    case 'integer': reply.integer(12345); break;
    case 'double': reply.double(3.141); break;
    case 'bignum': reply.bigNumber('1234567999999999999999999999999999999'); break;
    case 'null': reply.null(); break;
    case 'array':
      reply.array(3);
      for (let n = 0; n < 3; n++) reply.integer(n);
      break;
    case 'set':
      reply.set(3);
      for (let n = 0; n < 3; n++) reply.integer(n);
      break;
    case 'map':
      reply.map(3);
      for (let n = 0; n < 3; n++) {
        reply.integer(n);
        reply.boolean(n === 1);
      }
      break;
    case 'attrib':
      if (reply.proto === 3) {
        reply.attribute(1);
        reply.bulkString('key-popularity');
        reply.array(2);
        reply.bulkString('key:123');
        reply.integer(90);
      }
      reply.bulkString('Some real reply following the attribute');
      break;
    case 'push':
      if (reply.proto === 2) throw new CommandError('ERR RESP2 is not supported by this command');
      reply.push(2);
      reply.bulkString('server-cpu-usage');
      reply.integer(42);
      reply.bulkString('Some real reply following the push reply');
      break;
    case 'verbatim': reply.verbatim('txt', 'This is a verbatim\nstring'); break;
    case 'true': reply.boolean(true); break;
    case 'false': reply.boolean(false); break;
    default: throw new CommandError('ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false');
  }
}

/** HELP's lines for the subcommands below. */
/** A map of the memory in use: what Redis's JMAP asks of jemalloc. */
function jmap(c: Call): void {
  const { arena } = c.engine.keyspace;
  for (const db of c.engine.keyspace.databases) c.engine.keyspace.hazards.checkDb(db.number);
  const kinds = Object.entries(Kind).filter(([, kind]) => arena.liveCellsByKind[kind]! > 0);
  c.reply.verbatim('txt', [
    `live bytes: ${arena.liveBytes}`, `bytes in slabs and runs: ${arena.usedBytes}`, `bytes touched: ${arena.touchedBytes}`, `live cells: ${arena.liveCells}`,
    ...kinds.map(([name, kind]) => `live cells, ${name}: ${arena.liveCellsByKind[kind]!}`),
  ].map((line) => `${line}\n`).join(''));
}

/** Whether a string matches a pattern, by the rules of KEYS: 1 or 0. */
function stringmatchLen({ req, reply }: Call): void {
  const [from, text] = [req.off[2]!, req.off[3]!];
  reply.integer(globMatchBytes(req.buf, from, req.len[2]!, req.buf, text, req.len[3]!) ? 1 : 0);
}

export const DEBUG_HELP: readonly string[] = [
  'JMAP',
  '    Show how much of the memory in use is what.',
  'STRINGMATCH-LEN <pattern> <string>',
  '    Whether the string matches the pattern, by the rules of KEYS.',
  'CHANGE-REPL-ID',
  '    Does nothing: replicas continue from the log, whatever the ids.',
  'CHECK',
  '    Walk the whole arena and assert that everything fits.',
  'DIGEST',
  '    Output a hex signature representing the current DB content.',
  'DIGEST-VALUE <key> [<key> ...]',
  '    Output a hex signature of the values of all the specified keys.',
  'ERROR <string>',
  '    Return a Redis protocol error with <string> as message. Useful for clients',
  '    unit tests to simulate Redis errors.',
  'HTSTATS <dbid>',
  '    Return hash table statistics of the specified Redis database.',
  'HTSTATS-KEY <key>',
  "    Like HTSTATS but for the hash table stored at <key>'s value.",
  'LISTPACK <key>',
  '    Show the elements of a value with listpack encoding.',
  'OBJECT <key>',
  '    Show low level info about `key` and associated value.',
  'POPULATE <count> [<prefix>] [<size>]',
  '    Create <count> string keys named key:<num>. If <prefix> is specified then',
  "    it is used instead of the 'key' prefix.",
  'PROTOCOL <type>',
  '    Reply with a test value of the specified type. <type> can be: string,',
  '    integer, double, bignum, null, array, set, map, attrib, push, verbatim,',
  '    true, false.',
  'QUICKLIST-PACKED-THRESHOLD <size>',
  '    Does nothing: lists hold elements of any size alike.',
  'SET-DISABLE-DENY-SCRIPTS <0|1>',
  '    Let scripts call commands that are flagged noscript, or not.',
  'SET-ACTIVE-EXPIRE <0|1>',
  '    Setting it to 0 disables expiring keys in background when they are not',
  '    accessed (otherwise the Redis behavior). Setting it to 1 reenables back the',
  '    default.',
];

/** Redis's flags of DEBUG. */
const FLAGS = 'admin noscript loading stale';

/**
 * Subcommands of DEBUG that need nothing but the engine.
 * @param guard puts the server's rule of who may use DEBUG in front of a handler.
 */
export function debugSubcommands(guard: (run: Handler) => Handler): readonly Command[] {
  const row = (name: string, arity: number, run: Handler, flags = FLAGS): Command => command({
    name: `debug|${name}`, arity, flags, group: 'server', since: '1.0.0', run: guard(run),
  });
  return [
    row('change-repl-id', 2, changeReplicationId),
    row('check', 2, check),
    row('digest', 2, digest),
    command({
      name: 'debug|digest-value', arity: -2, flags: FLAGS, group: 'server', since: '1.0.0', keys: [keysThrough(2, -1, 'RO')],
      run: guard(digestValue),
    }),
    row('error', 3, error),
    row('htstats', 3, htstats),
    row('htstats-key', 3, htstatsKey),
    row('jmap', 2, jmap),
    row('listpack', 3, listpack),
    row('object', -3, object),
    row('populate', -3, populate, `write denyoom ${FLAGS}`),
    row('protocol', 3, protocol),
    row('quicklist-packed-threshold', 3, quicklistPackedThreshold),
    row('set-active-expire', 3, setActiveExpire),
    row('set-disable-deny-scripts', 3, setDisableDenyScripts),
    row('stringmatch-len', 4, stringmatchLen),
  ];
}
