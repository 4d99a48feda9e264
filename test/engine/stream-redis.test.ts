/**
 * Streams beside a real redis-server: each line's reply must be the same, but for what a clock decides and what Redis 7.2
 * changed, which stands in stream-commands.test.ts.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RespError, RespMap, RespStatus, type RespValue, toPlain } from '../../src/protocol/resp-reader.ts';
import { RealRedis, redisServerMissing } from '../protocol/real-redis.ts';
import { debugRig } from './debug-rig.ts';

const MAX = '18446744073709551615';

const SCRIPTS: Record<string, readonly string[]> = {
  'adding, and what is no id': [
    'XADD s 1-1 a 1', 'XADD s 1-1 a 1', 'XADD s 1-0 a 1', 'XADD s 0-0 a 1', 'XADD s 0 a 1', 'XADD s 1-* a 2', 'XADD s 2-* a 3', 'XADD s 2 a 4', 'XADD s 3 a 5 b',
    'XADD s 3', 'XADD s 3 a', 'XADD s x a 1', 'XADD s 3-x a 1', 'XADD s - a 1', 'XADD s + a 1', 'XADD s 3-*-* a 1', 'XADD s -3 a 1', 'XADD s 3- a 1',
    `XADD s ${MAX}0 a 1`, 'XADD no NOMKSTREAM 1-1 a 1', 'EXISTS no', 'XADD s NOMKSTREAM 3-1 a 6', 'XADD str 9-9 a b', 'XLEN s', 'XLEN no', 'XLEN str',
    'XRANGE s - +', 'XADD s MAXLEN x 9 a b', 'XADD s MAXLEN -1 9 a b', 'XADD s MAXLEN 1 MINID 1 9 a b', 'XADD s LIMIT 5 9 a b', 'XADD s LIMIT 0 9 a b',
    'XADD s MAXLEN 5 LIMIT 5 9 a b', 'XADD s MAXLEN ~ 5 LIMIT -5 9 a b', 'XADD s MINID x 9 a b', 'XADD s MAXLEN 9 a b', 'XADD s MAXLEN = 9 a b', 'XADD s MAXLEN = 2 7-0 a b',
    'XRANGE s - +', 'XADD s MINID = 7 8-0 a b c d', 'XRANGE s - +', 'XADD s MAXLEN 0 9-0 a b', 'XRANGE s - +', 'EXISTS s', 'XINFO STREAM s', 'XADD s 9-0 a b', 'XADD s 9-1 a b',
    `XADD s ${MAX}-${MAX} last one`, 'XADD s * a b', 'XADD s 5-5 a b', `XADD s ${MAX}-* a b`, 'XADD f 0-* a b', 'XADD f 0-* a b', 'XADD f 1-1 MAXLEN 2', 'XINFO STREAM f',
    `XADD g 5-${MAX} a b`, 'XINFO STREAM g',
  ],
  'ranges': [
    'XADD s 1-1 a 1', 'XADD s 1-2 b 2', 'XADD s 2-0 a 3', 'XADD s 3-5 a 4 b 5', 'XADD s 9007199254740993-1 c x', `XADD s ${MAX}-1 c y`,
    'XRANGE s - +', 'XREVRANGE s + -', 'XRANGE s 1 2', 'XRANGE s 1-2 2', 'XRANGE s (1-1 (3-5', 'XREVRANGE s (3-5 (1-1', 'XRANGE s 1 1', 'XRANGE s (1 2', 'XRANGE s 1 (2',
    'XRANGE s - + COUNT 2', 'XREVRANGE s + - COUNT 2', 'XRANGE s - + COUNT 0', 'XRANGE s - + COUNT -1', 'XRANGE s - + COUNT x', 'XRANGE s - + COUNT', 'XRANGE s - + FOO 1',
    'XRANGE s - + COUNT 1 COUNT 2', `XRANGE s (${MAX}-${MAX} +`, 'XRANGE s - (0-0', 'XRANGE s - (0', 'XRANGE s (- +', 'XRANGE s - (+', 'XRANGE s x +', 'XRANGE s - x', 'XRANGE s ( +',
    'XRANGE s 5 1', 'XREVRANGE s 1 5', 'XRANGE s 9007199254740992 9007199254740993', 'XRANGE s 9007199254740993-1 9007199254740993-1', 'XRANGE s 9007199254740994 +',
    'XRANGE no - +', 'XRANGE no - + COUNT 0', 'XRANGE str - +', 'XREVRANGE s 2 -', 'XREVRANGE s 2-0 2-0', 'XRANGE s - + COUNT 9223372036854775807', 'XRANGE s',
  ],
  'deleting and trimming': [
    ...Array.from({ length: 12 }, (_, i) => `XADD s ${i + 1}-0 n ${i}`), 'XDEL s 1-0 1-0 99-0', 'XDEL s x 2-0', 'XLEN s', 'XDEL no x', 'XDEL str 1', 'XDEL s 5-0 12-0', 'XRANGE s - +',
    'XREVRANGE s + -', 'XINFO STREAM s', 'XTRIM s MAXLEN 8', 'XRANGE s - +', 'XTRIM s MINID 4', 'XTRIM s MINID 4-1', 'XTRIM s MAXLEN = 5', 'XTRIM s MAXLEN ~ 1', 'XTRIM s MAXLEN ~ 0 LIMIT 2',
    'XINFO STREAM s', 'XTRIM s MAXLEN 5 x', 'XTRIM s 5', 'XTRIM s MAXLEN', 'XTRIM s MAXLEN 5 LIMIT 3', 'XTRIM s LIMIT 3', 'XTRIM no MAXLEN 1', 'XTRIM str MAXLEN 1', 'XTRIM s MAXLEN 0', 'XLEN s', 'XINFO STREAM s',
    'XADD s 20-0 a b', 'XDEL s 20-0', 'XINFO STREAM s', 'XADD s 13-0 a b', 'XADD s 21-0 a b', 'XINFO STREAM s FULL', 'XTRIM s MINID ~ 99', 'XINFO STREAM s',
  ],
  'XSETID': [
    'XSETID no 1-1', 'XADD s 5-5 a b', 'XSETID s 5-4', 'XSETID s 5-5', 'XSETID s 9-9', 'XADD s 9-9 a b', 'XADD s 9-* a b', 'XSETID s 20-0 ENTRIESADDED 1', 'XSETID s 20-0 ENTRIESADDED 100', 'XINFO STREAM s',
    'XSETID s 20-0 ENTRIESADDED -1', 'XSETID s 20-0 ENTRIESADDED x', 'XSETID s 20-0 MAXDELETEDID 21-0', 'XSETID s 20-0 ENTRIESADDED 7 MAXDELETEDID 19-0', 'XINFO STREAM s', 'XSETID s 20-0 FOO', 'XSETID s x',
    'XSETID s - ', 'XSETID str 1', 'XSETID s 20-0 ENTRIESADDED 9223372036854775807', 'XINFO STREAM s', 'XADD s 20-1 a b', 'XINFO STREAM s',
  ],
  'XREAD': [
    'XADD s 1-1 a 1', 'XADD s 2-1 a 2', 'XADD t 5-5 b 1', 'XREAD STREAMS s 0', 'XREAD STREAMS s t 0 0', 'XREAD STREAMS s t 2-1 5', 'XREAD STREAMS s t 2-1 5-5', 'XREAD STREAMS s $', 'XREAD COUNT 1 STREAMS s 0',
    'XREAD COUNT 0 STREAMS s 0', 'XREAD COUNT -3 STREAMS s 0', 'XREAD COUNT x STREAMS s 0', 'XREAD STREAMS s', 'XREAD STREAMS s x', 'XREAD STREAMS s >', 'XREAD STREAMS str 0', 'XREAD STREAMS no 0',
    'XREAD BLOCK x STREAMS s 0', 'XREAD BLOCK -1 STREAMS s 0', 'XREAD BLOCK 1000 STREAMS s 0', 'XREAD FOO STREAMS s 0', 'XREAD COUNT 1', 'XREAD GROUP g c STREAMS s >', 'XREAD NOACK STREAMS s 0',
    'XREAD COUNT 1 BLOCK 0 STREAMS s s 0 1-1', `XREAD STREAMS s ${MAX}-${MAX}`, 'XREAD STREAMS s 1', 'XREAD BLOCK 1.5 STREAMS s 0', 'XREAD STREAMS s -', 'XREAD BLOCK 5 COUNT 1 s 0',
  ],
  'groups': [
    'XGROUP CREATE s g $', 'XGROUP CREATE s g 0 MKSTREAM', 'XGROUP CREATE s g 0', 'XGROUP CREATE s h $ ENTRIESREAD 5', 'XGROUP CREATE s i 3-3 ENTRIESREAD -1', 'XGROUP CREATE s j 0 ENTRIESREAD -2',
    'XGROUP CREATE s j 0 ENTRIESREAD x', 'XGROUP CREATE s j 0 ENTRIESREAD', 'XGROUP CREATE s j x', 'XGROUP CREATE s j 0 FOO', 'XGROUP CREATE str j 0', 'XGROUP CREATE s j', 'XGROUP FOO s j', 'XGROUP', 'XGROUP HELP', 'XINFO GROUPS s', 'XINFO STREAM s',
    'XADD s 1-1 a 1', 'XADD s 2-2 a 2', 'XADD s 3-3 a 3', 'XGROUP CREATE s k 2-2', 'XGROUP CREATE s l $', 'XGROUP CREATE s m -', 'XINFO GROUPS s', 'XGROUP SETID s k 0', 'XGROUP SETID s k $ ENTRIESREAD 2', 'XGROUP SETID s k + ENTRIESREAD 9',
    'XINFO GROUPS s', 'XGROUP SETID s no 0', 'XGROUP SETID no g 0', 'XGROUP SETID s k x', 'XGROUP SETID s k 0 MKSTREAM', 'XGROUP SETID str k 0', 'XGROUP CREATECONSUMER s g bob', 'XGROUP CREATECONSUMER s g bob', 'XGROUP CREATECONSUMER s g alice',
    'XGROUP CREATECONSUMER s no bob', 'XGROUP CREATECONSUMER no g bob', 'XGROUP DELCONSUMER s g bob', 'XGROUP DELCONSUMER s g bob', 'XGROUP DELCONSUMER s no bob', 'XGROUP DESTROY s h', 'XGROUP DESTROY s h', 'XGROUP DESTROY no h',
    'XINFO GROUPS s', 'XINFO GROUPS no', 'XINFO GROUPS str', 'XINFO CONSUMERS s no', 'XINFO CONSUMERS no no', 'XINFO FOO s', 'XINFO', 'XINFO HELP', 'XINFO STREAM no', 'XINFO STREAM s FOO', 'XINFO STREAM s FULL COUNT', 'XINFO STREAM s FULL COUNT x',
    'XINFO STREAM s FULL FOO 1', 'XINFO GROUPS s x', 'XGROUP CREATE s z 0 ENTRIESREAD 9223372036854775807', 'XINFO GROUPS s',
  ],
  'XREADGROUP, XACK, XPENDING': [
    ...Array.from({ length: 6 }, (_, i) => `XADD s ${i + 1}-0 n ${i}`), 'XGROUP CREATE s g 0', 'XREADGROUP GROUP g alice COUNT 2 STREAMS s >', 'XREADGROUP GROUP g bob COUNT 1 STREAMS s >', 'XPENDING s g', 'XINFO GROUPS s',
    'XREADGROUP GROUP g alice STREAMS s 0', 'XREADGROUP GROUP g alice STREAMS s 1', 'XREADGROUP GROUP g alice COUNT 1 STREAMS s 0', 'XREADGROUP GROUP g bob STREAMS s 5', 'XREADGROUP GROUP g carl STREAMS s 0',
    'XDEL s 2-0', 'XREADGROUP GROUP g alice STREAMS s 0', 'XACK s g 1-0 1-0 9-0', 'XACK s g x', 'XACK s no 1-0', 'XACK no g 1-0', 'XACK str g 1', 'XPENDING s g', 'XREADGROUP GROUP g alice NOACK STREAMS s >', 'XPENDING s g', 'XINFO GROUPS s',
    'XREADGROUP GROUP g alice STREAMS s >', 'XREADGROUP GROUP g alice STREAMS s $', 'XREADGROUP GROUP no alice STREAMS s >', 'XREADGROUP GROUP g alice STREAMS no >', 'XREADGROUP GROUP g alice STREAMS s str > >', 'XREADGROUP GROUP g alice STREAMS s x',
    'XREADGROUP COUNT 1 FOO BAR STREAMS s >', 'XREADGROUP COUNT 1 NOACK STREAMS s >', 'XREADGROUP GROUP g alice BLOCK 5 STREAMS s >', 'XREADGROUP GROUP g alice COUNT 1', 'XPENDING s g - + 0', 'XPENDING s g - + x', 'XPENDING s g x + 1', 'XPENDING s g - x 1',
    'XPENDING s g - +', 'XPENDING s g - + 1 c x', 'XPENDING s g - + 9 nobody', 'XPENDING s no', 'XPENDING no g', 'XPENDING str g', 'XPENDING s g IDLE x - + 1', 'XPENDING s g IDLE 1 - +', `XPENDING s g (${MAX}-${MAX} + 1`, 'XPENDING s g - (0 1', 'XPENDING s g IDLE 100000 - + 9',
    'XGROUP DELCONSUMER s g alice', 'XPENDING s g', 'XADD s 7-0 a b', 'XADD s 8-0 a b', 'XREADGROUP GROUP g carl COUNT 1 STREAMS s >', 'XGROUP SETID s g 6-0', 'XREADGROUP GROUP g bob STREAMS s >', 'XPENDING s g', 'XINFO GROUPS s',
    'XGROUP CREATE s h $', 'XREADGROUP GROUP h x STREAMS s s > >', 'XADD s 10-0 a b', 'XREADGROUP GROUP h x STREAMS s s > >', 'XGROUP DESTROY s g', 'XPENDING s g',
  ],
  'counters of groups': [
    ...Array.from({ length: 8 }, (_, i) => `XADD s ${i + 1}-0 n ${i}`), 'XGROUP CREATE s g 0', 'XGROUP CREATE s h 3-0', 'XGROUP CREATE s i $', 'XINFO GROUPS s', 'XREADGROUP GROUP g c COUNT 2 STREAMS s >', 'XREADGROUP GROUP h c COUNT 2 STREAMS s >', 'XINFO GROUPS s',
    'XDEL s 4-0', 'XINFO GROUPS s', 'XREADGROUP GROUP g c COUNT 1 STREAMS s >', 'XINFO GROUPS s', 'XREADGROUP GROUP g c COUNT 2 STREAMS s >', 'XINFO GROUPS s', 'XTRIM s MINID 6', 'XINFO GROUPS s', 'XREADGROUP GROUP g c COUNT 1 STREAMS s >', 'XINFO GROUPS s', 'XREADGROUP GROUP h c STREAMS s >',
    'XINFO GROUPS s', 'XDEL s 8-0', 'XINFO GROUPS s', 'XADD s 9-0 a b', 'XINFO GROUPS s', 'XREADGROUP GROUP g c STREAMS s >', 'XINFO GROUPS s', 'XTRIM s MAXLEN 0', 'XINFO GROUPS s', 'XGROUP CREATE s z 5-0', 'XGROUP CREATE s y 99-0', 'XINFO GROUPS s', 'XADD s 10-0 a b', 'XINFO GROUPS s',
    'XREADGROUP GROUP z c STREAMS s >', 'XINFO GROUPS s', 'XINFO STREAM s',
  ],
  'claiming': [
    ...Array.from({ length: 8 }, (_, i) => `XADD s ${i + 1}-0 n ${i}`), 'XGROUP CREATE s g 0', 'XREADGROUP GROUP g alice COUNT 5 STREAMS s >', 'XCLAIM s g bob 0 1-0 2-0', 'XPENDING s g', 'XCLAIM s g bob 100000 3-0', 'XCLAIM s g bob 0 3-0 JUSTID', 'XCLAIM s g bob 0 7-0',
    'XCLAIM s g bob 0 7-0 FORCE', 'XCLAIM s g bob 0 77-0 FORCE', 'XDEL s 4-0', 'XCLAIM s g bob 0 4-0', 'XPENDING s g', 'XCLAIM s g bob x 4-0', 'XCLAIM s g bob 0 4-0 FOO', 'XCLAIM s g bob 0 FOO', 'XCLAIM s g bob 0 4-0 IDLE x', 'XCLAIM s g bob 0 4-0 TIME x', 'XCLAIM s g bob 0 4-0 RETRYCOUNT x',
    'XCLAIM s g bob 0 4-0 LASTID x', 'XCLAIM s g bob 0 4-0 IDLE', 'XCLAIM s no bob 0 4-0', 'XCLAIM no g bob 0 4-0', 'XCLAIM str g bob 0 4-0', 'XCLAIM s g bob -5 5-0 RETRYCOUNT 7 IDLE 0', 'XCLAIM s g bob 0 1-0 LASTID 6-0', 'XINFO GROUPS s', 'XCLAIM s g bob 0 1-0 LASTID 3-0 JUSTID', 'XINFO GROUPS s',
    'XREADGROUP GROUP g bob STREAMS s 0', 'XAUTOCLAIM s g carl 0 0 COUNT 2', 'XAUTOCLAIM s g carl 0 2-0 COUNT 1 JUSTID', 'XAUTOCLAIM s g carl 100000 0', 'XDEL s 3-0 5-0', 'XAUTOCLAIM s g alice 0 0', 'XPENDING s g', 'XAUTOCLAIM s g alice 0 (1-0 COUNT 1', 'XAUTOCLAIM s g alice 0 0 COUNT 0',
    'XAUTOCLAIM s g alice 0 0 COUNT x', 'XAUTOCLAIM s g alice 0 0 COUNT', 'XAUTOCLAIM s g alice x 0', 'XAUTOCLAIM s g alice 0 x', `XAUTOCLAIM s g alice 0 (${MAX}-${MAX}`, 'XAUTOCLAIM s no alice 0 0', 'XAUTOCLAIM no g alice 0 0', 'XAUTOCLAIM str g alice 0 0', 'XAUTOCLAIM s g alice 0 0 FOO', 'XPENDING s g',
    'XAUTOCLAIM s g alice 0 - COUNT 2', 'XAUTOCLAIM s g alice 0 + COUNT 2', 'XINFO GROUPS s', 'XDEL s 1-0 2-0', 'XAUTOCLAIM s g alice 0 0 COUNT 1', 'XAUTOCLAIM s g alice 0 0 COUNT 1', 'XPENDING s g',
  ],
  'ids whose halves carry': [
    'XADD s 4294967290-4294967290 a 1', 'XADD s 4294967290-4294967295 a 2', 'XADD s 4294967290-4294967296 a 3', 'XADD s 4294967295-4294967300 a 4', 'XADD s 4294967296-4294967295 a 5',
    'XADD s 4294967299-4294967301 b 6', `XADD s 4294967299-${MAX} a 7`, 'XADD s 4294967417-4294967417 a 8', 'XADD s 4294967418-4294967418 a 9', 'XADD s 4294967418-4294967420 a 10', 'XRANGE s - +',
    'XREVRANGE s + -', 'XRANGE s 4294967290-4294967296 4294967299', 'XREVRANGE s 4294967299 4294967290-4294967296', 'XDEL s 4294967296-4294967295', 'XREAD STREAMS s 4294967290-4294967296',
    'XADD t 5-4294967290 a 1', 'XADD t 5-4294967297 a 2', 'XRANGE t - +', 'XADD u 4294967290-5 a 1', 'XADD u 4294967297-6 a 2', 'XREVRANGE u + -',
    'XREAD COUNT 2 STREAMS s 4294967290', 'XDEL s 4294967418-4294967420', 'XREAD STREAMS s 4294967418-4294967418', 'XREAD STREAMS s 4294967418-4294967417', 'XINFO STREAM s', 'DEBUG DIGEST-VALUE s',
  ],
  'many entries and fields': [
    ...Array.from({ length: 130 }, (_, i) => `XADD s ${i * 7 + 1}-${i} ${i % 10 === 3 ? 'other' : 'name'} ${i * i * 1000 - 5000} second ${'v'.repeat(i)}`), 'XINFO STREAM s', 'XRANGE s 300 500', 'XREVRANGE s 500 300', 'XTRIM s MAXLEN ~ 40', 'XINFO STREAM s', 'XTRIM s MAXLEN 37', 'XINFO STREAM s',
    `XADD s 5000 ${Array.from({ length: 200 }, (_, i) => `f${i} ${i * 12345678901}`).join(' ')}`, 'XINFO STREAM s', 'XDEL s 5000 904-129', 'XINFO STREAM s', 'XRANGE s - +', 'XADD s 9000 big B', 'XINFO STREAM s', 'DEBUG DIGEST-VALUE s',
  ],
  'others on streams': [
    'XADD s 1-1 a b', 'TYPE s', 'OBJECT ENCODING s', 'GET s', 'LPUSH s a', 'HSET s a b', 'SORT s', 'SCAN 0 TYPE stream COUNT 1000', 'COPY s t', 'XRANGE t - +', 'RENAME t u', 'XLEN u', 'EXPIRE u 100', 'PERSIST u', 'DEL u', 'APPEND s x', 'STRLEN s', 'INCR s', 'DEBUG DIGEST-VALUE s',
    'SET s x', 'XADD s 1 a b', 'XLEN s',
  ],
};

describe.skipIf(redisServerMissing)('beside redis-server', () => {
  let redis: RealRedis;
  beforeAll(async () => { redis = await RealRedis.start('--enable-debug-command', 'yes'); });
  afterAll(() => redis.stop());

  test.each(Object.entries(SCRIPTS).flatMap(([name, lines]) => [2, 3].map((proto) => [name, proto as 2 | 3, lines] as const)))('%s (RESP%d)', async (_, proto, lines) => {
    const rig = debugRig(1, proto);
    const commands = ['FLUSHALL', 'SET str text', ...lines].map((line) => line.split(' '));
    const replies = (await redis.run([['HELLO', String(proto)], ...commands])).slice(1);
    commands.forEach((words, i) => {
      expect(rig.run(...words), words.join(' ')).toEqual(plain(replies[i]!));
      rig.check();
    });
  });
});

/** A reply in the form that the rig gives. */
function plain(reply: RespValue): unknown {
  if (reply instanceof RespStatus) return reply.text;
  if (reply instanceof RespMap) return reply.pairs.map(([key, value]) => [plain(key), plain(value)]);
  if (reply instanceof RespError) return `-${reply.message}`;
  if (typeof reply === 'bigint') return Number(reply);
  return Array.isArray(reply) ? reply.map(plain) : toPlain(reply);
}
