/**
 * Arguments: few keys, so that commands meet each other's data; values at the edges of encodings and number formats. Times are far away
 * or past: what expires while a test runs would depend on its speed.
 */
import type { SeededRandom } from '../protocol/seeded-random.ts';
import type { Maker, Makers } from './grammar.ts';

const KINDS = ['str', 'hash', 'set', 'list', 'zset', 'stream', 'bits', 'hll', 'geo'] as const;
const KEYS_PER_KIND = 3;
/**
 * Begins the keys of sorted sets whose members all score 0, for the ranges by member, which mean nothing elsewhere. They are of no kind: no
 * other command gets one.
 */
export const LEX_PREFIX = 'lex:';
/** How often a command gets a key that is meant for another type. */
const STRAY = 0.08;

export const KEY_PATTERN = /^(?:str|hash|set|list|zset|lex|stream|bits|hll|geo):\d$/;

function keyOf(kind: string): Maker {
  return (random) => `${random.float() < STRAY ? random.pick(KINDS) : kind}:${random.below(KEYS_PER_KIND)}`;
}

const anyKey: Maker = (random) => `${random.pick(KINDS)}:${random.below(KEYS_PER_KIND)}`;

/** A count and that many keys; now and then the count lies. */
function numbered(kind: string): Maker {
  return (random) => {
    const keys = Array.from({ length: 1 + random.below(3) }, () => keyOf(kind)(random) as string);
    const count = random.float() < 0.04 ? random.pick([0, -1, 99]) : keys.length;
    return [String(count), ...keys];
  };
}

const INTEGERS = ['0', '1', '2', '-1', '7', '10', '100', '-100', '9223372036854775807', '-9223372036854775808', '9007199254740993', '4294967296'];
const FLOATS = ['0', '1.5', '-2.25', '3', '0.1', '1e3', '-1e-2', '10.50', '3.0e0', '123456789.125', '1e17', '.5', '5.'];
const SCORES = ['0', '1', '2', '3', '1.5', '-1', '2.5', '10', '-inf', '+inf', 'inf', '1e5', '0.1', '-0', '1234567890123'];
const LEX_BOUNDS = ['-', '+', '[a', '(a', '[m:3', '(m:7', '[m:9', '[', '(z', '[1'];
const WORDS = ['', 'a', 'b', 'hello', 'Hello World', 'x'.repeat(44), 'y'.repeat(45), 'z'.repeat(64), 'w'.repeat(65), '\x00\xff\r\n\x80', '12', '-7', '3.14', ' 1', '1 ', '+1', '01'];

/** Arguments that fit nowhere, for the error replies. No small positive number: it could be taken for a time to live. */
export const MISFITS: readonly string[] = [
  '', 'abc', '-1', '1.5', '1e400', 'nan', 'inf', '-inf', '(1', '[a', '99999999999999999999', '9223372036854775807', '-9223372036854775808', ' 100000',
  '0x10', '\x00', 'NX', 'GET', 'LIMIT', 'WITHSCORES', 'COUNT',
];

/** Scripts of one key and one argument. */
const SCRIPTS = [
  "return redis.call('SET', KEYS[1], ARGV[1])", "return redis.call('GET', KEYS[1])", 'return {KEYS[1], ARGV[1], #KEYS, 1.9, true, false, {1, {2}}}',
  "return redis.pcall('LPUSH', KEYS[1], ARGV[1])", "redis.call('SET', KEYS[1], ARGV[1]); return redis.call('LPUSH', KEYS[1], 'x')",
  "return redis.error_reply('MINE alone')", "return {ok = 'fine'}", 'return tonumber(ARGV[1])', 'return redis.sha1hex(ARGV[1])',
  "local r = {} for i = 1, 3 do r[i] = redis.call('APPEND', KEYS[1], 'x') end return r", "redis.setresp(3); return redis.call('EXISTS', KEYS[1]) == 1",
  "#!lua flags=no-writes\nreturn redis.call('EXISTS', KEYS[1])", 'return cjson.encode({ARGV[1], {a = 1}})', 'return nosuch', 'return 1 +',
  "if redis.call('EXISTS', KEYS[1]) == 1 then return redis.call('TYPE', KEYS[1]) else return redis.status_reply('NONE') end",
];
const LIBRARIES = [
  "#!lua name=one\nredis.register_function('f', function(keys, args) return redis.call('SET', keys[1], args[1]) end)",
  "#!lua name=two\nredis.register_function{function_name='g', callback=function(keys, args) return redis.call('GET', keys[1]) end, flags={'no-writes'}}",
  "#!lua name=three\nredis.register_function('f', function() return 3 end)", 'return 1', '#!lua name=bad\nreturn 1',
];
/** Payloads of DUMP: a string, an integer, a list, a sorted set, a hash, a set; and one that is spoilt. */
const PAYLOADS = [
  '000568656c6c6f0a006372df766534200a', '00c139300a009d94ea2793fc08b9', '1201020f0f00000003008161020101816202ff0a009043a34ceb8e1b1c',
  '1114140000000400816102010181620283322e3504ff0a00d44c6ea4f644d9d7', '10121200000004008166028176028167020701ff0a00670f73ba64a7f2a2',
  '0b0e0200000003000000010002002c010a00e510b28e7b9529aa', '000568656c6c700a006372df766534200a',
].map((hex) => Buffer.from(hex, 'hex').toString('latin1'));

const member: Maker = (random) => (random.float() < 0.5 ? String(random.below(20)) : random.float() < 0.9 ? `m:${random.below(20)}` : random.pick(WORDS));
const value: Maker = (random) => (random.float() < 0.3 ? random.pick(WORDS) : random.float() < 0.5 ? random.pick(INTEGERS) : random.pick(FLOATS));
const score: Maker = (random) => random.pick(SCORES);
const some = (maker: Maker): Maker => (random) => Array.from({ length: 100 + random.below(80) }, () => maker(random)).flat();
const wide: Maker = (random) => (random.float() < 0.7 ? String(random.below(2000)) : `wide:${random.below(2000)}`);

function farSeconds(random: SeededRandom): number {
  return 1_000_000 + random.below(900_000_000);
}
const FAR_STAMP_SECONDS = 4_000_000_000;

export const MAKERS: Makers = {
  ...Object.fromEntries(KINDS.map((kind) => [kind, keyOf(kind)])),
  ...Object.fromEntries(KINDS.map((kind) => [`${kind}s`, numbered(kind)])),
  lex: (random) => `${LEX_PREFIX}${random.below(KEYS_PER_KIND)}`,
  key: anyKey,
  member,
  field: member,
  value,
  score,
  element: (random) => (random.float() < 0.7 ? member(random) : value(random)),
  'many-members': some(wide),
  'many-fields': some((random) => [wide(random) as string, value(random) as string]),
  'many-zeros': some((random) => ['0', wide(random) as string]),
  'many-scores': some((random) => [String(random.below(50)), wide(random) as string]),
  int: (random) => (random.float() < 0.7 ? String(random.below(200) - 100) : random.pick(INTEGERS)),
  float: (random) => random.pick(FLOATS),
  count: (random) => String(random.pick([0, 1, 1, 2, 3, 5, 10, 100])),
  'any-count': (random) => String(random.pick([0, 1, 2, 5, 10, -1, -2, -5])),
  index: (random) => String(random.pick([0, 1, 2, 3, 5, 10, 50, -1, -2, -3, -10, -100])),
  offset: (random) => String(random.pick([0, 1, 2, 7, 8, 20, 100, 255])),
  bit: (random) => random.pick(['0', '1', '1', '0', '2']),
  'bit-type': (random) => random.pick(['u8', 'i8', 'u16', 'i5', 'u63', 'i64', 'u1', 'u64', 'i65', 'x8']),
  'bit-offset': (random) => random.pick(['0', '8', '#1', '#2', '3', '100', '-1']),
  'score-bound': (random) => (random.float() < 0.3 ? `(${score(random) as string}` : (score(random) as string)),
  'lex-bound': (random) => random.pick(LEX_BOUNDS),
  weight: (random) => random.pick(['1', '2', '0.5', '-1', '0']),
  pattern: (random) => random.pick(['*', 'm:*', 's*:0', '*:1', '[a-m]*', '?', '1?', 'str:?', '\\*', 'h[^x]*']),
  'seconds-any': (random) => (random.float() < 0.85 ? String(farSeconds(random)) : random.pick(['0', '-1', '-1000', '9223372036854775807'])),
  'ms-any': (random) => (random.float() < 0.85 ? String(farSeconds(random) * 1000) : random.pick(['0', '-1', '-1000', '9223372036854775807'])),
  'stamp-any': (random) => (random.float() < 0.85 ? String(FAR_STAMP_SECONDS + random.below(1e6)) : random.pick(['0', '1', '-5', '1000000'])),
  'stamp-ms-any': (random) => (random.float() < 0.85 ? String((FAR_STAMP_SECONDS + random.below(1e6)) * 1000) : random.pick(['0', '1', '-5', '1000000'])),
  // For SET: a key that is set to a time past stays until it is looked at or happened upon.
  'stamp-far': (random) => String(FAR_STAMP_SECONDS + random.below(1e6)),
  'stamp-ms-far': (random) => String((FAR_STAMP_SECONDS + random.below(1e6)) * 1000),
  db: (random) => random.pick(['0', '0', '0', '1', '2', '-1', '16', 'x']),
  'good-db': (random) => random.pick(['0', '0', '1', '2']),
  type: (random) => random.pick(['string', 'list', 'set', 'zset', 'hash', 'stream', 'none']),
  id: (random) => `${random.below(30)}-${random.below(4)}`,
  'open-id': (random) => `${random.below(30)}-*`,
  // Mostly behind all that there is.
  'next-id': (random) => `${29 + random.below(6)}-${random.pick(['0', '1', '2', '*'])}`,
  'loose-id': (random) => (random.float() < 0.6 ? `${random.below(30)}-${random.below(4)}` : random.pick(['-', '+', '0', '5', '20', '(3-1', '1-'])),
  group: (random) => random.pick(['g1', 'g2']),
  consumer: (random) => random.pick(['alice', 'bob']),
  'many-places': some((random) => [String(random.float() * 360 - 180), String(random.float() * 170 - 85), wide(random) as string]),
  lon: (random) => String(random.pick([13.361389, 15.087269, 0, 2.35, -73.98, 179.9, 181])),
  lat: (random) => String(random.pick([38.115556, 37.502669, 0, 48.85, 40.73, 85, 86])),
  radius: (random) => String(random.pick([0, 100, 1000, 20000])),
  script: (random) => random.pick(SCRIPTS),
  library: (random) => random.pick(LIBRARIES),
  payload: (random) => random.pick(PAYLOADS),
  unit: (random) => random.pick(['m', 'km', 'mi', 'ft', 'parsec']),
};
