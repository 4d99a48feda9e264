/** Streams: what a clock, the log and waiting clients have to do with them. Plain replies stand in stream-redis.test.ts. */
import { describe, expect, test } from 'vitest';
import { reload } from '../../src/engine/rdb/reload.ts';
import { Session, type SessionHost } from '../../src/engine/session.ts';
import type { Reply } from '../../src/shared/reply.ts';
import { Request } from '../../src/shared/request.ts';
import { debugRig } from './debug-rig.ts';
import { EngineRig } from './engine-rig.ts';
import { RecordingReply, type Value, parseReply } from './recording-reply.ts';

const NOW = 1_700_000_000_000;

function effects(rig: EngineRig): string[] {
  return rig.effects().words.map((words) => words.join(' '));
}

/** A rig with six entries 1-0 … 6-0 in `s` and a group `g` that has read none; nothing to be logged. */
function withGroup(): EngineRig {
  const rig = debugRig();
  for (let i = 1; i <= 6; i++) rig.line(`XADD s ${i}-0 n ${i}`);
  rig.line('XGROUP CREATE s g 0');
  rig.effects();
  return rig;
}

describe('ids by the clock', () => {
  test('XADD * takes the time, and goes on counting where that stands still or went back', () => {
    const rig = new EngineRig();
    expect(rig.line('XADD s * a 1')).toBe(`${NOW}-0`);
    expect(rig.line('XADD s * a 1')).toBe(`${NOW}-1`);
    rig.engine.beginTurn(NOW - 5000);
    expect(rig.line('XADD s * a 1')).toBe(`${NOW}-2`);
    rig.engine.beginTurn(NOW + 1);
    expect(rig.line('XADD s * a 1')).toBe(`${NOW + 1}-0`);
    expect(rig.line(`XADD s ${NOW + 1}-* a 1`)).toBe(`${NOW + 1}-1`);
    expect(rig.line('XADD s 18446744073709551615-5 a 1')).toBe('18446744073709551615-5');
    expect(rig.line('XADD s * a 1')).toBe('18446744073709551615-6');
    expect(effects(rig).map((line) => line.split(' ')[2])).toEqual([
      `${NOW}-0`, `${NOW}-1`, `${NOW}-2`, `${NOW + 1}-0`, `${NOW + 1}-1`, '18446744073709551615-5', '18446744073709551615-6',
    ]);
  });
});

describe('what is logged', () => {
  test.each([
    ['XADD s 9-0 a b', ['XADD s 9-0 a b']],
    ['XADD s NOMKSTREAM 9-0 a b', ['XADD s NOMKSTREAM 9-0 a b']],
    ['XADD no NOMKSTREAM * a b', []],
    ['XADD s 9-* a b', ['XADD s 9-0 a b']],
    ['XADD s MAXLEN 3 9-0 a b', ['XADD s MAXLEN 3 9-0 a b']],
    ['XADD s MAXLEN 3 9-* a b', ['XADD s MAXLEN = 3 9-0 a b']],
    ['XADD s MINID 4 9-* a b', ['XADD s MAXLEN = 4 9-0 a b']],
    ['XADD s MAXLEN ~ 6 9-0 a b', ['XADD s 9-0 a b']],
    ['XADD s MAXLEN ~ 1 LIMIT 3 9-0 a b', ['XADD s MAXLEN = 5 9-0 a b']],
    ['XTRIM s MAXLEN ~ 1 LIMIT 2', ['XTRIM s MAXLEN = 4']],
    ['XTRIM s MINID ~ 5-0', ['XTRIM s MAXLEN = 2']],
    ['XTRIM s MINID 5-0', ['XTRIM s MINID 5-0']],
    ['XTRIM s MAXLEN 9', []],
    ['XDEL s 2-0 77-0', ['XDEL s 2-0 77-0']],
    ['XDEL s 77-0', []],
    ['XSETID s 9-0', ['XSETID s 9-0']],
    ['XGROUP CREATE s h $', ['XGROUP CREATE s h $']],
    ['XGROUP SETID s g 3 ENTRIESREAD 3', ['XGROUP SETID s g 3 ENTRIESREAD 3']],
    ['XGROUP DESTROY s no', []],
    ['XGROUP DELCONSUMER s g nobody', []],
    ['XGROUP CREATECONSUMER s g c', ['XGROUP CREATECONSUMER s g c']],
    ['XREAD STREAMS s 0', []],
    ['XACK s g 1-0', []],
    ['XREADGROUP GROUP g c COUNT 2 STREAMS s >', [
      'XGROUP CREATECONSUMER s g c', `XCLAIM s g c 0 1-0 2-0 RETRYCOUNT 1 FORCE JUSTID TIME ${NOW}`, 'XGROUP SETID s g 2-0 ENTRIESREAD 2',
    ]],
    ['XREADGROUP GROUP g c COUNT 2 NOACK STREAMS s >', ['XGROUP CREATECONSUMER s g c', 'XGROUP SETID s g 2-0 ENTRIESREAD 2']],
    ['XREADGROUP GROUP g c STREAMS s 0', ['XGROUP CREATECONSUMER s g c']],
    ['XCLAIM s g c 0 5-0', ['XGROUP CREATECONSUMER s g c']],
    ['XCLAIM s g c 0 5-0 FORCE RETRYCOUNT 9', [`XCLAIM s g c 0 5-0 TIME ${NOW} RETRYCOUNT 9 FORCE`]],
    ['XCLAIM s g c 0 5-0 LASTID 4-0', ['XGROUP CREATECONSUMER s g c', 'XGROUP SETID s g 4-0 ENTRIESREAD -1']],
    ['XCLAIM s g c 0 5-0 FORCE JUSTID LASTID 5-0 IDLE 1000', [`XCLAIM s g c 0 5-0 TIME ${NOW - 1000} FORCE JUSTID LASTID 5-0`]],
    ['XAUTOCLAIM s g c 0 0', ['XGROUP CREATECONSUMER s g c']],
  ])('%s', (line, logged) => {
    const rig = withGroup();
    // The same in nodes of two entries.
    rig.limits.streamNodeMaxEntries = 2;
    rig.line('DEL s');
    for (let i = 1; i <= 6; i++) rig.line(`XADD s ${i}-0 n ${i}`);
    rig.line('XGROUP CREATE s g 0');
    rig.effects();
    rig.line(line);
    expect(effects(rig)).toEqual(logged);
    rig.check();
  });

  test('entries that are claimed, or found deleted, in one', () => {
    const rig = withGroup();
    rig.line('XREADGROUP GROUP g a COUNT 4 STREAMS s >');
    rig.line('XDEL s 2-0');
    rig.effects();
    rig.engine.beginTurn(NOW + 500);
    rig.line('XAUTOCLAIM s g b 100 0');
    rig.line('XREADGROUP GROUP g b STREAMS s 0');
    rig.line('XACK s g 1-0');
    expect(effects(rig)).toEqual([
      `XCLAIM s g b 0 1-0 2-0 3-0 4-0 TIME ${NOW + 500} FORCE`, `XCLAIM s g b 0 1-0 3-0 4-0 TIME ${NOW + 500}`, 'XACK s g 1-0',
    ]);
    expect(rig.line('XPENDING s g - + 9')).toEqual([['3-0', 'b', 0, 3], ['4-0', 'b', 0, 3]]);
  });

  test('a counter at its end does not pass it', () => {
    const rig = withGroup();
    rig.line('XGROUP SETID s g 0 ENTRIESREAD 9223372036854775807');
    rig.effects();
    rig.line('XREADGROUP GROUP g c COUNT 1 STREAMS s >');
    expect(effects(rig).at(-1)).toBe('XGROUP SETID s g 1-0 ENTRIESREAD -1');
  });

  test('counts of deliveries keep all their digits', () => {
    const rig = withGroup();
    rig.line('XCLAIM s g c 0 1-0 FORCE RETRYCOUNT 9223372036854775806');
    expect(effects(rig)).toEqual([`XCLAIM s g c 0 1-0 TIME ${NOW} RETRYCOUNT 9223372036854775806 FORCE`]);
    expect(rig.raw('XPENDING', 's', 'g', '-', '+', '1')).toContain(':9223372036854775806\r\n');
    rig.line('XREADGROUP GROUP g c STREAMS s 0');
    expect(rig.raw('XPENDING', 's', 'g', '-', '+', '1')).toContain(':9223372036854775807\r\n');
  });
});

test('changes are counted as Redis counts them', () => {
  const rig = withGroup();
  const counted = (line: string): number => {
    const before = rig.engine.changesTotal;
    rig.line(line);
    return rig.engine.changesTotal - before;
  };
  expect(counted('XGROUP CREATECONSUMER s g a')).toBe(1);
  expect(counted('XREADGROUP GROUP g a COUNT 2 STREAMS s >')).toBe(1);
  expect(counted('XREADGROUP GROUP g a COUNT 2 NOACK STREAMS s >')).toBe(1);
  expect(counted('XREADGROUP GROUP g a STREAMS s 0')).toBe(0);
  expect(counted('XREADGROUP GROUP g nobody STREAMS s 0')).toBe(1);
  expect(counted('XCLAIM s g b 0 1-0 2-0 7-0')).toBe(2);
  expect(counted('XACK s g 1-0 2-0 3-0')).toBe(2);
});

describe('by the clock', () => {
  test('XPENDING shows and filters by idleness; XCLAIM and XAUTOCLAIM ask for it', () => {
    const rig = withGroup();
    rig.line('XREADGROUP GROUP g a COUNT 1 STREAMS s >');
    rig.engine.beginTurn(NOW + 100);
    rig.line('XREADGROUP GROUP g b COUNT 1 STREAMS s >');
    rig.engine.beginTurn(NOW + 250);
    expect(rig.line('XPENDING s g - + 9')).toEqual([['1-0', 'a', 250, 1], ['2-0', 'b', 150, 1]]);
    expect(rig.line('XPENDING s g - + 9 b')).toEqual([['2-0', 'b', 150, 1]]);
    expect(rig.line('XPENDING s g IDLE 200 - + 9')).toEqual([['1-0', 'a', 250, 1]]);
    expect(rig.line('XPENDING s g IDLE 200 - + 9 b')).toEqual([]);
    expect(rig.line('XCLAIM s g c 251 1-0')).toEqual([]);
    expect(rig.line('XAUTOCLAIM s g c 200 0 JUSTID')).toEqual(['0-0', ['1-0'], []]);
    expect(rig.line('XCLAIM s g c 100 2-0 IDLE 50')).toEqual([['2-0', ['n', '2']]]);
    expect(rig.line('XPENDING s g - + 9')).toEqual([['1-0', 'c', 0, 1], ['2-0', 'c', 50, 2]]);
    rig.line(`XCLAIM s g c 0 1-0 TIME ${NOW - 7}`);
    rig.line('XCLAIM s g c 0 2-0 IDLE 99999999999999 JUSTID');
    rig.line(`XCLAIM s g d 0 2-0 TIME ${NOW + 999999} JUSTID`);
    expect(rig.line('XPENDING s g - + 9')).toEqual([['1-0', 'c', 257, 2], ['2-0', 'd', 0, 2]]);
  });

  test('XINFO tells when consumers were seen and active', () => {
    const rig = withGroup();
    rig.line('XREADGROUP GROUP g a COUNT 1 STREAMS s >');
    rig.line('XGROUP CREATECONSUMER s g b');
    rig.engine.beginTurn(NOW + 100);
    rig.line('XREADGROUP GROUP g a STREAMS s 5');
    rig.engine.beginTurn(NOW + 300);
    expect(rig.line('XINFO CONSUMERS s g')).toEqual([
      ['name', 'a', 'pending', 1, 'idle', 200, 'inactive', 300], ['name', 'b', 'pending', 0, 'idle', 300, 'inactive', -1],
    ]);
    expect((rig.line('XINFO STREAM s FULL COUNT 1') as Value[]).slice(14)).toEqual([
      'entries', [['1-0', ['n', '1']]],
      'groups', [[
        'name', 'g', 'last-delivered-id', '1-0', 'entries-read', 1, 'lag', 5, 'pel-count', 1, 'pending', [['1-0', 'a', NOW, 1]],
        'consumers', [
          ['name', 'a', 'seen-time', NOW + 100, 'active-time', NOW, 'pel-count', 1, 'pending', [['1-0', NOW, 1]]],
          ['name', 'b', 'seen-time', NOW, 'active-time', -1, 'pel-count', 0, 'pending', []],
        ],
      ]],
    ]);
  });
});

describe('as Redis 7.2 and 7.4 have it', () => {
  test('a consumer is there once it has asked, whatever it got', () => {
    const rig = withGroup();
    rig.line('XGROUP SETID s g $');
    expect(rig.line('XREADGROUP GROUP g a STREAMS s >')).toBe(null);
    rig.line('XCLAIM s g b 0 1-0');
    rig.line('XAUTOCLAIM s g c 0 0');
    expect((rig.line('XINFO CONSUMERS s g') as Value[][]).map((consumer) => consumer[1])).toEqual(['a', 'b', 'c']);
  });

  test('XREAD + is the last entry', () => {
    const rig = withGroup();
    expect(rig.line('XREAD STREAMS s +')).toEqual([['s', [['6-0', ['n', '6']]]]]);
    rig.line('XDEL s 6-0');
    expect(rig.line('XREAD COUNT 9 STREAMS s +')).toEqual([['s', [['5-0', ['n', '5']]]]]);
    expect(rig.line('XREAD STREAMS no +')).toBe(null);
    rig.line('XGROUP CREATE empty g $ MKSTREAM');
    expect(rig.line('XREAD STREAMS empty +')).toBe(null);
    expect(rig.line('XREADGROUP GROUP g c STREAMS s +')).toMatch(/^-ERR The \+ ID is meaningless/);
  });

  test('XSETID stays above what was deleted', () => {
    const rig = withGroup();
    rig.line('XDEL s 6-0');
    expect(rig.line('XSETID s 5-5')).toBe('-ERR The ID specified in XSETID is smaller than current max_deleted_entry_id');
  });

  test('lists that do not match', () => {
    const rig = withGroup();
    expect(rig.line('XREAD STREAMS s t 0')).toBe("-ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified.");
    expect(rig.line('XREADGROUP GROUP g c STREAMS s t >')).toBe("-ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified.");
    expect(rig.line('XREAD BLOCK 9223372036854775807 STREAMS s 0')).toBe('-ERR timeout is out of range');
  });
});

test('RESP3 shows streams and their state as maps', () => {
  const rig = new EngineRig(1, 3);
  rig.line('XADD s 1-0 a b');
  expect(rig.raw('XREAD', 'STREAMS', 's', '0')).toBe('%1\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n');
  expect(rig.raw('XREAD', 'STREAMS', 's', '1-0')).toBe('_\r\n');
  expect(rig.raw('XINFO', 'STREAM', 's')).toMatch(/^%10\r\n/);
  expect(rig.raw('XINFO', 'STREAM', 's', 'FULL')).toMatch(/^%9\r\n/);
});

test("a copy of a stream has all of it, and is nobody else's", () => {
  const rig = debugRig();
  for (let i = 1; i < 300; i++) rig.line(`XADD s ${i}-0 n ${i} ${i % 7} x`);
  rig.line('XDEL s 17-0 299-0');
  rig.line('XGROUP CREATE s g 0');
  rig.line('XGROUP CREATE s h 50 ENTRIESREAD 50');
  rig.line('XREADGROUP GROUP g b COUNT 100 STREAMS s >');
  rig.line('XREADGROUP GROUP g a COUNT 100 STREAMS s >');
  rig.line('XGROUP CREATECONSUMER s g c');
  const all = (key: string): Value => rig.run('XINFO', 'STREAM', key, 'FULL', 'COUNT', 0);
  const before = all('s');
  expect(rig.line('COPY s t')).toBe(1);
  rig.check();
  expect(all('t')).toEqual(before);
  rig.line('XACK s g 1-0 2-0');
  rig.line('XTRIM s MAXLEN 5');
  rig.line('XGROUP DESTROY s h');
  expect(all('t')).toEqual(before);
  rig.line('DEL t');
  rig.check();
});

test('XTRIM MINID of all entries before deleted ones leaves no node behind, and a dump that is taken back', () => {
  const rig = debugRig();
  for (const id of ['1-0', '2-0', '3-0', '4-0']) rig.line(`XADD s ${id} a 1`);
  rig.line('XDEL s 3-0 4-0');
  expect(rig.line('XTRIM s MINID 3-0')).toBe(2);
  rig.check();
  expect((rig.line('XINFO STREAM s') as Value[]).slice(0, 4)).toEqual(['length', 0, 'radix-tree-keys', 0]);
  expect(rig.run('RESTORE', 't', 0, rig.run('DUMP', 's') as string)).toBe('OK');
  reload(rig.engine);
  expect(rig.line('XADD s 5-0 a 1')).toBe('5-0');
  rig.check();
});

test('MEMORY USAGE follows the arena', () => {
  const rig = debugRig();
  const empty = rig.engine.keyspace.arena.liveBytes;
  for (let i = 0; i < 3000; i++) rig.run('XADD', 's', `${i}-1`, 'temperature', i, 'humidity', i * 3);
  rig.line('XGROUP CREATE s g 0');
  rig.line('XREADGROUP GROUP g a COUNT 2000 STREAMS s >');
  const used = rig.engine.keyspace.arena.liveBytes - empty;
  for (const samples of ['0', '5', '100']) {
    const told = rig.line(`MEMORY USAGE s SAMPLES ${samples}`) as number;
    expect(Math.abs(told - used) / used, `${samples} samples: ${told} of ${used}`).toBeLessThan(0.1);
  }
});

/** A connection that keeps the replies it gets late. */
class Host implements SessionHost {
  readonly replies: Value[] = [];
  readonly #reply = new RecordingReply();
  beginReply(): Reply { return this.#reply; }
  dropReply(): void { /* What was written has been taken back. */ }
  endReply(): void { this.replies.push(parseReply(this.#reply.take())); }
}

let nextSession = 10;

/** Has a new client run a command that waits; its late replies come to its host. */
function waiting(rig: EngineRig, line: string): Host {
  const host = new Host();
  const request = Request.of(...line.split(' '));
  rig.engine.execute(rig.engine.table.resolve(request, rig.reply)!, new Session(nextSession++, host), request, rig.reply);
  expect(rig.reply.take(), `${line} does not wait`).toBe('');
  return host;
}

describe('waiting', () => {
  test('XREAD BLOCK gets what comes behind its id, every reader the same', () => {
    const rig = withGroup();
    const a = waiting(rig, 'XREAD BLOCK 0 STREAMS s $');
    const b = waiting(rig, 'XREAD BLOCK 0 STREAMS t s 0 6-0');
    const c = waiting(rig, 'XREAD BLOCK 0 STREAMS s 7-0');
    rig.line('XADD s 7-0 a b');
    expect(a.replies).toEqual([[['s', [['7-0', ['a', 'b']]]]]]);
    expect(b.replies).toEqual([[['s', [['7-0', ['a', 'b']]]]]]);
    expect(c.replies).toEqual([]);
    rig.line('XADD s 8-0 a b');
    expect(c.replies).toEqual([[['s', [['8-0', ['a', 'b']]]]]]);
    expect(rig.engine.blocking.count).toBe(0);
  });

  test('"$" means what was last when the reader began to wait', () => {
    const rig = withGroup();
    const a = waiting(rig, 'XREAD BLOCK 0 STREAMS s $');
    for (const line of ['MULTI', 'XADD s 7-0 a b', 'XADD s 8-0 a b', 'EXEC']) rig.line(line);
    expect(a.replies).toEqual([[['s', [['7-0', ['a', 'b']], ['8-0', ['a', 'b']]]]]]);
    const b = waiting(rig, 'XREAD BLOCK 0 STREAMS new $');
    rig.line('XADD new 0-1 a b');
    expect(b.replies).toEqual([[['new', [['0-1', ['a', 'b']]]]]]);
    const c = waiting(rig, 'XREAD BLOCK 0 STREAMS other +');
    rig.line('XADD other 5-1 a b');
    expect(c.replies).toEqual([[['other', [['5-1', ['a', 'b']]]]]]);
  });

  test('a reader waits on when its key becomes something else or empty', () => {
    const rig = withGroup();
    const a = waiting(rig, 'XREAD BLOCK 0 STREAMS s 6-0');
    rig.line('SET s text');
    rig.line('DEL s');
    rig.line('XGROUP CREATE s g 0 MKSTREAM');
    expect(a.replies).toEqual([]);
    rig.line('XADD s 1-0 a b');
    expect(a.replies).toEqual([]);
    rig.line('XADD s 9-0 a b');
    expect(a.replies).toEqual([[['s', [['9-0', ['a', 'b']]]]]]);
  });

  test('each entry goes to one consumer of a group, first come first served', () => {
    const rig = withGroup();
    rig.line('XGROUP SETID s g $');
    const a = waiting(rig, 'XREADGROUP GROUP g a COUNT 1 BLOCK 0 STREAMS s >');
    const b = waiting(rig, 'XREADGROUP GROUP g b BLOCK 0 STREAMS s >');
    rig.effects();
    for (const line of ['MULTI', 'XADD s 7-0 a 1', 'XADD s 8-0 a 2', 'XADD s 9-0 a 3', 'EXEC']) rig.line(line);
    expect(a.replies).toEqual([[['s', [['7-0', ['a', '1']]]]]]);
    expect(b.replies).toEqual([[['s', [['8-0', ['a', '2']], ['9-0', ['a', '3']]]]]]);
    expect(effects(rig)).toEqual([
      'XADD s 7-0 a 1', 'XADD s 8-0 a 2', 'XADD s 9-0 a 3',
      `XCLAIM s g a 0 7-0 RETRYCOUNT 1 FORCE JUSTID TIME ${NOW}`, 'XGROUP SETID s g 7-0 ENTRIESREAD -1',
      `XCLAIM s g b 0 8-0 9-0 RETRYCOUNT 1 FORCE JUSTID TIME ${NOW}`, 'XGROUP SETID s g 9-0 ENTRIESREAD 9',
    ]);
    rig.check();
  });

  test.each([
    ['DEL s', /^-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option/],
    ['FLUSHALL', /^-NOGROUP/],
    ['XGROUP DESTROY s g', /^-NOGROUP/],
    ['SET s text', /^-WRONGTYPE/],
    ['RENAME s t', /^-NOGROUP/],
  ])('%s tells who reads for a group', (line, error) => {
    const rig = withGroup();
    rig.line('XGROUP SETID s g $');
    const a = waiting(rig, 'XREADGROUP GROUP g a BLOCK 0 STREAMS s >');
    rig.line(line);
    expect(a.replies).toEqual([expect.stringMatching(error)]);
    expect(rig.engine.blocking.count).toBe(0);
  });

  test('acknowledging and claiming wake nobody, and are nothing to WATCH', () => {
    const rig = withGroup();
    rig.line('XREADGROUP GROUP g a STREAMS s >');
    const a = waiting(rig, 'XREADGROUP GROUP g b BLOCK 0 STREAMS s >');
    rig.line('WATCH s');
    const { interest } = rig.engine.keyspace;
    for (const line of ['XACK s g 1-0', 'XCLAIM s g c 0 2-0', 'XGROUP CREATECONSUMER s g d', 'XGROUP SETID s g 6-0']) {
      rig.line(line);
      expect(interest.hasReady).toBe(false);
    }
    expect(rig.session.watchBroken).toBe(false);
    expect(a.replies).toEqual([]);
    rig.line('XDEL s 3-0');
    expect(rig.session.watchBroken).toBe(true);
  });

  test('time-outs reply a null array; within MULTI nobody waits', () => {
    const rig = withGroup();
    const a = waiting(rig, 'XREAD BLOCK 100 STREAMS s $');
    const { blocking, keyspace } = rig.engine;
    expect(blocking.nextTimeoutAtMs).toBe(keyspace.nowMs + 100);
    blocking.expire(keyspace.nowMs + 100);
    expect(a.replies).toEqual([null]);
    for (const line of ['MULTI', 'XREAD BLOCK 0 STREAMS s $', 'XREADGROUP GROUP g a BLOCK 0 STREAMS s >']) rig.line(line);
    expect((rig.line('EXEC') as Value[])[0]).toBe(null);
  });
});

test('a node behind a full one has room for as much from the beginning', () => {
  const rig = new EngineRig();
  const used = (): number => rig.engine.keyspace.arena.liveBytes;
  rig.limits.streamNodeMaxEntries = 30;
  for (let i = 1; i <= 30; i++) rig.line(`XADD s ${i} field ${'x'.repeat(60)}`);
  const withOneNode = used();
  rig.line('XADD s 31 field first');
  const withTwo = used();
  expect(withTwo).toBeGreaterThan(withOneNode);
  for (let i = 32; i <= 60; i++) rig.line(`XADD s ${i} field ${'x'.repeat(60)}`);
  expect(used()).toBe(withTwo);
  // Once it is full, what it did not use is given back.
  rig.limits.streamNodeMaxEntries = 2;
  rig.line('DEL s');
  rig.line(`XADD s 1 field ${'x'.repeat(3000)}`);
  rig.line('XADD s 2 field short');
  rig.line('XADD s 3 field short');
  rig.line('XADD s 4 field short');
  const beforeLast = used();
  rig.line('XADD s 5 field short');
  expect(used()).toBeLessThan(beforeLast - 2000);
});
