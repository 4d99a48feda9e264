/** List commands: replies, errors, effects, encodings and waiting, as redis-server gives them. */
import { describe, expect, test } from 'vitest';
import { EntryType } from '../../src/engine/memory/entries.ts';
import { Request, latin1Bytes, latin1Slice } from '../../src/shared/request.ts';
import { EngineRig } from './engine-rig.ts';
import type { Value } from './recording-reply.ts';
import { Waiting } from './waiting-rig.ts';

const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value';
const NOT_INTEGER = '-ERR value is not an integer or out of range';
const NOT_POSITIVE = '-ERR value is out of range, must be positive';
const SYNTAX = '-ERR syntax error';
const NUMKEYS = '-ERR numkeys should be greater than 0';
const COUNT = '-ERR count should be greater than 0';
const RANK_ZERO = "-ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list";

/** Runs lines in order and compares each reply, for small lists and for large ones; afterwards everything must be in order. */
function table(name: string, rows: readonly (readonly [string, Value])[]): void {
  test.each([['small', -2], ['large', 1]])(`${name} (%s lists)`, (_, limit) => {
    const rig = new EngineRig();
    rig.limits.listMaxListpackSize = limit;
    rig.line('SET str text');
    rig.line('RPUSH l a b c d');
    for (const [line, reply] of rows) {
      expect(rig.line(line), line).toEqual(reply);
      rig.check();
    }
  });
}

table('LPUSH, RPUSH, LPUSHX, RPUSHX, LLEN', [
  ['LPUSH l x y', 6],
  ['RPUSH l z', 7],
  ['LRANGE l 0 -1', ['y', 'x', 'a', 'b', 'c', 'd', 'z']],
  ['LPUSH new 1 2 3', 3],
  ['LRANGE new 0 -1', ['3', '2', '1']],
  ['LPUSHX no a', 0],
  ['RPUSHX no a b', 0],
  ['LPUSHX new 4 5', 5],
  ['RPUSHX new 0', 6],
  ['LRANGE new 0 -1', ['5', '4', '3', '2', '1', '0']],
  ['LLEN new', 6],
  ['LLEN no', 0],
  ['LPUSH str a', WRONG_TYPE],
  ['RPUSHX str a', WRONG_TYPE],
  ['LLEN str', WRONG_TYPE],
  ['LPUSH l', "-ERR wrong number of arguments for 'lpush' command"],
]);

table('LPOP, RPOP', [
  ['LPOP l', 'a'],
  ['RPOP l', 'd'],
  ['LPOP l 0', []],
  ['RPOP l 1', ['c']],
  ['RPUSH l x y z', 4],
  ['RPOP l 2', ['z', 'y']],
  ['LPOP l 9', ['b', 'x']],
  ['LLEN l', 0],
  ['LPOP l', null],
  ['LPOP no 0', null],
  ['LPOP no -1', NOT_POSITIVE],
  ['LPOP l abc', NOT_POSITIVE],
  ['LPOP str -1', NOT_POSITIVE],
  ['LPOP str', WRONG_TYPE],
  ['LPOP l 1 2', "-ERR wrong number of arguments for 'lpop' command"],
]);

table('LINDEX, LSET, LRANGE', [
  ['LINDEX l 0', 'a'],
  ['LINDEX l -1', 'd'],
  ['LINDEX l 4', null],
  ['LINDEX l -5', null],
  ['LINDEX l 9223372036854775807', null],
  ['LINDEX l -9223372036854775808', null],
  ['LINDEX l x', NOT_INTEGER],
  ['LINDEX no x', null],
  ['LINDEX str x', WRONG_TYPE],
  ['LSET l 1 bb', 'OK'],
  ['LSET l -1 dd', 'OK'],
  ['LRANGE l -100 100', ['a', 'bb', 'c', 'dd']],
  ['LRANGE l 1 2', ['bb', 'c']],
  ['LRANGE l -2 -1', ['c', 'dd']],
  ['LRANGE l 3 2', []],
  ['LRANGE l 9 12', []],
  ['LRANGE no 0 -1', []],
  ['LRANGE no a 1', NOT_INTEGER],
  ['LRANGE str a 1', NOT_INTEGER],
  ['LRANGE str 0 1', WRONG_TYPE],
  ['LSET l 4 x', '-ERR index out of range'],
  ['LSET l -5 x', '-ERR index out of range'],
  ['LSET l x y', NOT_INTEGER],
  ['LSET no x y', '-ERR no such key'],
  ['LSET str x y', WRONG_TYPE],
]);

table('LINSERT, LREM, LTRIM', [
  ['LINSERT l BEFORE a 0', 5],
  ['LINSERT l AFTER d e', 6],
  ['LINSERT l after b bc', 7],
  ['LINSERT l before b ab', 8],
  ['LRANGE l 0 -1', ['0', 'a', 'ab', 'b', 'bc', 'c', 'd', 'e']],
  ['LINSERT l BEFORE zz b', -1],
  ['LINSERT no BEFORE a b', 0],
  ['LINSERT str foo a b', SYNTAX],
  ['LINSERT str BEFORE a b', WRONG_TYPE],
  ['RPUSH r a b a c a d a', 7],
  ['LREM r 1 a', 1],
  ['LREM r -1 a', 1],
  ['LRANGE r 0 -1', ['b', 'a', 'c', 'a', 'd']],
  ['LREM r -2 a', 2],
  ['LREM r 0 zz', 0],
  ['LREM r 0 b', 1],
  ['LREM r -9223372036854775808 c', 1],
  ['LREM r 5 d', 1],
  ['LLEN r', 0],
  ['LREM r 0 d', 0],
  ['LREM str a x', NOT_INTEGER],
  ['LREM str 1 x', WRONG_TYPE],
  ['LTRIM l 1 -2', 'OK'],
  ['LRANGE l 0 -1', ['a', 'ab', 'b', 'bc', 'c', 'd']],
  ['LTRIM l -3 100', 'OK'],
  ['LRANGE l 0 -1', ['bc', 'c', 'd']],
  ['LTRIM l 0 -1', 'OK'],
  ['LTRIM l 2 1', 'OK'],
  ['LLEN l', 0],
  ['LTRIM no 0 1', 'OK'],
  ['LTRIM str a 1', NOT_INTEGER],
  ['LTRIM str 0 1', WRONG_TYPE],
]);

table('LPOS', [
  ['RPUSH p a b c 1 2 3 c c', 8],
  ['LPOS p c', 2],
  ['LPOS p zz', null],
  ['LPOS p c RANK 2', 6],
  ['LPOS p c RANK -1', 7],
  ['LPOS p c RANK -3', 2],
  ['LPOS p c RANK 4', null],
  ['LPOS p c COUNT 2', [2, 6]],
  ['LPOS p c COUNT 0', [2, 6, 7]],
  ['LPOS p c RANK -1 COUNT 2', [7, 6]],
  ['LPOS p c MAXLEN 2', null],
  ['LPOS p c MAXLEN 3', 2],
  ['LPOS p c COUNT 0 MAXLEN 7', [2, 6]],
  ['LPOS p c RANK -1 COUNT 0 MAXLEN 2', [7, 6]],
  ['LPOS p c rank 1 rank 2', 6],
  ['LPOS no a', null],
  ['LPOS no a COUNT 2', []],
  ['LPOS p c RANK 0', RANK_ZERO],
  ['LPOS str c RANK 0', RANK_ZERO],
  ['LPOS p c RANK x', NOT_INTEGER],
  ['LPOS p c RANK -9223372036854775808', '-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807'],
  ['LPOS p c COUNT -1', "-ERR COUNT can't be negative"],
  ['LPOS p c COUNT x', "-ERR COUNT can't be negative"],
  ['LPOS p c MAXLEN -1', "-ERR MAXLEN can't be negative"],
  ['LPOS p c MAXLEN', SYNTAX],
  ['LPOS p c FOO 1', SYNTAX],
  ['LPOS str c', WRONG_TYPE],
]);

table('LMOVE, RPOPLPUSH', [
  ['LMOVE l m LEFT RIGHT', 'a'],
  ['LMOVE l m RIGHT RIGHT', 'd'],
  ['LMOVE l m left left', 'b'],
  ['LRANGE m 0 -1', ['b', 'a', 'd']],
  ['RPOPLPUSH m l', 'd'],
  ['LRANGE l 0 -1', ['d', 'c']],
  ['RPOPLPUSH l l', 'c'],
  ['LRANGE l 0 -1', ['c', 'd']],
  ['LMOVE l l LEFT RIGHT', 'c'],
  ['LMOVE l l LEFT LEFT', 'd'],
  ['LRANGE l 0 -1', ['d', 'c']],
  ['RPOPLPUSH l m', 'c'],
  ['RPOPLPUSH l m', 'd'],
  ['LLEN l', 0],
  ['RPOPLPUSH l m', null],
  ['RPOPLPUSH no str', null],
  ['LMOVE str m LEFT LEFT', WRONG_TYPE],
  ['LMOVE m str LEFT LEFT', WRONG_TYPE],
  ['LRANGE m 0 -1', ['d', 'c', 'b', 'a']],
  ['LMOVE m m UP LEFT', SYNTAX],
  ['LMOVE m m LEFT UP', SYNTAX],
]);

table('LMPOP', [
  ['LMPOP 1 l LEFT', ['l', ['a']]],
  ['LMPOP 2 no l RIGHT COUNT 2', ['l', ['d', 'c']]],
  ['LMPOP 1 l LEFT COUNT 5', ['l', ['b']]],
  ['LMPOP 2 no l LEFT', null],
  ['LMPOP 2 no str LEFT', WRONG_TYPE],
  ['LMPOP 0 l LEFT', NUMKEYS],
  ['LMPOP x l LEFT', NUMKEYS],
  ['LMPOP 5 l LEFT', SYNTAX],
  ['LMPOP 1 l UP', SYNTAX],
  ['LMPOP 1 l LEFT COUNT', SYNTAX],
  ['LMPOP 1 l LEFT COUNT 0', COUNT],
  ['LMPOP 1 l LEFT COUNT x', COUNT],
  ['LMPOP 1 l LEFT COUNT x 1', COUNT],
  ['LMPOP 1 l LEFT COUNT 1 COUNT 1', SYNTAX],
  ['LMPOP 1 l LEFT FOO 1', SYNTAX],
]);

table('BLPOP, BRPOP, BLMPOP, BLMOVE, BRPOPLPUSH where nobody can wait', [
  ['BLPOP no l 0', ['l', 'a']],
  ['BRPOP l no 0', ['l', 'd']],
  ['BLMPOP 0 2 no l LEFT COUNT 1', ['l', ['b']]],
  ['BLMOVE l m LEFT RIGHT 0', 'c'],
  ['BRPOPLPUSH m l 0', 'c'],
  ['BLPOP no 0', null],
  ['BLMPOP 0 1 no LEFT', null],
  ['BLMOVE no m LEFT LEFT 0', null],
  ['BRPOPLPUSH no m 0', null],
  ['BLPOP str no 0', WRONG_TYPE],
  ['BLPOP no x', '-ERR timeout is not a float or out of range'],
  ['BLPOP no -1', '-ERR timeout is negative'],
  ['BLMPOP x 0 l LEFT', NUMKEYS],
  ['BLMPOP x 1 l LEFT', '-ERR timeout is not a float or out of range'],
  ['BLMOVE no b UP LEFT x', SYNTAX],
  ['BLMOVE no b LEFT LEFT x', '-ERR timeout is not a float or out of range'],
  ['BRPOPLPUSH str b 0', WRONG_TYPE],
]);

test('null replies are of the kind that Redis gives', () => {
  const rig = new EngineRig();
  for (const line of ['LPOP no 0', 'LMPOP 1 no LEFT', 'BLPOP no 0', 'BLMPOP 0 1 no LEFT']) expect(rig.raw(...line.split(' ')), line).toBe('*-1\r\n');
  for (const line of ['LPOP no', 'RPOPLPUSH no a', 'BLMOVE no a LEFT LEFT 0', 'LPOS no a']) expect(rig.raw(...line.split(' ')), line).toBe('$-1\r\n');
});

describe('effects', () => {
  test.each<[string, string[]]>([
    ['LPUSH l x', ['LPUSH l x']],
    ['LPUSHX no x', []],
    ['LPOP l', ['LPOP l']],
    ['LPOP l 0', []],
    ['LPOP no 3', []],
    ['LSET l 0 x', ['LSET l 0 x']],
    ['LINSERT l BEFORE zz x', []],
    ['LREM l 0 zz', []],
    ['LTRIM l 0 -1', []],
    ['LTRIM l 1 -1', ['LTRIM l 1 -1']],
    ['LTRIM l 5 1', ['LTRIM l 5 1']],
    ['LMOVE l m LEFT RIGHT', ['LMOVE l m LEFT RIGHT']],
    ['RPOPLPUSH no m', []],
    ['LMPOP 2 no l RIGHT COUNT 9', ['RPOP l 4']],
    ['BLPOP no l 0', ['LPOP l']],
    ['BRPOP l 0', ['RPOP l']],
    ['BLMPOP 0 1 l LEFT COUNT 2', ['LPOP l 2']],
    ['BLMOVE l m RIGHT LEFT 0', ['LMOVE l m RIGHT LEFT']],
    ['BRPOPLPUSH l m 0', ['LMOVE l m RIGHT LEFT']],
    ['BLPOP no 0', []],
    ['LRANGE l 0 -1', []],
  ])('of %s', (line, expected) => {
    const rig = new EngineRig();
    rig.line('RPUSH l a b c d');
    rig.effects();
    rig.line(line);
    expect(rig.effects().words.map((words) => words.join(' '))).toEqual(expected);
  });
});

describe('encodings', () => {
  const of = (limit: number): EngineRig => {
    const rig = new EngineRig();
    rig.limits.listMaxListpackSize = limit;
    return rig;
  };

  test('a number of elements', () => {
    const rig = of(4);
    rig.line('RPUSH l a b c d');
    expect(rig.encoding('l')).toBe('listpack');
    rig.line('RPUSH l e');
    expect(rig.encoding('l')).toBe('quicklist');
    rig.line('LPOP l 2');
    expect(rig.encoding('l')).toBe('quicklist');
    rig.line('LPOP l');
    expect(rig.encoding('l')).toBe('listpack');
    rig.line('LINSERT l AFTER d x');
    rig.line('LINSERT l AFTER d x');
    expect(rig.encoding('l')).toBe('listpack');
    rig.line('LINSERT l AFTER d x');
    expect(rig.encoding('l')).toBe('quicklist');
    rig.line('LREM l 0 x');
    expect(rig.encoding('l')).toBe('listpack');
    rig.line('RPUSH m 1 2 3 4 5');
    expect(rig.encoding('m')).toBe('quicklist');
    rig.line('LTRIM m 0 0');
    expect(rig.encoding('m')).toBe('listpack');
    rig.check();
  });

  test('8 KiB hold whatever the number of elements', () => {
    const rig = of(1000);
    rig.run('RPUSH', 'l', 'x'.repeat(8000));
    expect(rig.encoding('l')).toBe('listpack');
    rig.run('RPUSH', 'l', 'x'.repeat(200));
    expect(rig.encoding('l')).toBe('quicklist');
  });

  test.each([[-1, 4096], [-2, 8192], [-3, 16384], [-4, 32768], [-5, 65536]])('%i: a size', (limit, bytes) => {
    const rig = of(limit);
    const element = '12345678901234567890123456789x'; // 32 bytes in a listpack
    const fitting = Math.floor((bytes - 7) / 32);
    for (let i = 0; i < fitting; i++) rig.run('RPUSH', 'l', element);
    expect(rig.encoding('l')).toBe('listpack');
    rig.check();
    rig.run('RPUSH', 'l', element);
    expect(rig.encoding('l')).toBe('quicklist');
    rig.check();
    const half = Math.floor((bytes / 2 - 7) / 32);
    rig.run('RPOP', 'l', fitting - half);
    expect(rig.encoding('l')).toBe('quicklist');
    rig.run('RPOP', 'l');
    expect(rig.encoding('l')).toBe('listpack');
    expect(rig.run('LLEN', 'l')).toBe(half);
    rig.check();
  });

  test('LSET changes the encoding both ways', () => {
    const rig = of(-2);
    rig.line('RPUSH l a b c');
    rig.run('LSET', 'l', 1, 'x'.repeat(9000));
    expect(rig.encoding('l')).toBe('quicklist');
    expect(rig.run('LRANGE', 'l', 0, -1)).toEqual(['a', 'x'.repeat(9000), 'c']);
    rig.check();
    rig.line('LSET l 1 b');
    expect(rig.run('LRANGE', 'l', 0, -1)).toEqual(['a', 'b', 'c']);
    rig.check();
  });
});

test('elements of every size, at every place', () => {
  const rig = new EngineRig();
  const model: string[] = [];
  for (const length of [0, 1, 253, 254, 255, 300, 4000, 8156, 8157, 8158, 8159, 8200, 70_000, 1_000_000, 5_000_000]) {
    const element = 'x'.repeat(length);
    model.push(element);
    model.unshift(element);
    rig.run('RPUSH', 'l', element);
    rig.run('LPUSH', 'l', element);
    model.splice(2, 0, 'mark', element);
    rig.run('LSET', 'l', 1, 'pivot');
    model[1] = 'pivot';
    rig.run('LINSERT', 'l', 'AFTER', 'pivot', element);
    rig.run('LINSERT', 'l', 'AFTER', 'pivot', 'mark');
    rig.check();
  }
  expect(rig.run('LRANGE', 'l', 0, -1)).toEqual(model);
  while (model.length > 0) {
    expect(rig.run('LPOP', 'l')).toBe(model.shift());
    expect(rig.run('RPOP', 'l') === (model.pop() ?? null)).toBe(true);
  }
  rig.check();
});

test.each([3, 30_000])('copies, walks and figures of a list of %i elements', (n) => {
  const rig = new EngineRig();
  const model = Array.from({ length: n }, (_, i) => `element ${i}`);
  const { lists } = rig.engine.types;
  const db = rig.engine.keyspace.databases[0]!;
  const [a, b] = [Request.of('a'), Request.of('b')];
  const from = db.addCollection(a.buf, 0, 1, EntryType.list);
  lists.begin(from, 0, 0);
  for (const text of model) lists.pushTail(from, latin1Bytes(text), 0, text.length);
  const to = db.addCollection(b.buf, 0, 1, EntryType.list);
  lists.copy(from, to);
  rig.check();
  expect(lists.encoding(to)).toBe(lists.encoding(from));
  rig.line('RPUSH a more');
  rig.line('LPOP a');
  const seen: string[] = [];
  lists.visit(to, {
    element: (buf, off, len) => { seen.push(latin1Slice(buf, off, off + len)); },
    field: () => { throw new Error('a list has no fields'); },
    fieldEnds: () => { throw new Error('a list has no fields'); },
    scored: () => { throw new Error('a list has no scores'); },
  });
  expect(seen).toEqual(model);
  const all = lists.memoryBytes(to, 0);
  const content = model.reduce((sum, text) => sum + text.length + 2, 0);
  expect(all).toBeGreaterThan(content);
  expect(all).toBeLessThan(content * 1.1 + 64);
  expect(Math.abs(lists.memoryBytes(to, 5) - all)).toBeLessThan(all * 0.05);
  rig.check();
});

describe('waiting', () => {
  test('first come, first served; the effect is the plain pop', () => {
    const w = new Waiting();
    const a = w.client('BLPOP l 0');
    const b = w.client('BRPOP no l 0');
    w.rig.line('RPUSH l 1 2 3');
    expect(a.replies).toEqual([['l', '1']]);
    expect(b.replies).toEqual([['l', '3']]);
    expect(w.rig.line('LRANGE l 0 -1')).toEqual(['2']);
    expect(w.effects()).toEqual(['RPUSH l 1 2 3', 'LPOP l', 'RPOP l']);
    expect(w.rig.engine.blocking.count).toBe(0);
    w.rig.check();
  });

  test('a chain of BLMOVE and BLMPOP', () => {
    const w = new Waiting();
    const c = w.client('BLMPOP 0 2 x third LEFT COUNT 10');
    const b = w.client('BRPOPLPUSH second third 0');
    const a = w.client('BLMOVE first second LEFT RIGHT 0');
    w.rig.line('RPUSH first v');
    expect([a.replies, b.replies, c.replies]).toEqual([['v'], ['v'], [['third', ['v']]]]);
    expect(w.effects()).toEqual(['RPUSH first v', 'LMOVE first second LEFT RIGHT', 'LMOVE second third RIGHT LEFT', 'LPOP third 1']);
    w.rig.check();
  });

  test('a client waits on when a key becomes something else, and when its element was taken before', () => {
    const w = new Waiting();
    const a = w.client('BLPOP s l 0');
    w.rig.line('SET s text');
    expect(a.replies).toEqual([]);
    w.rig.line('RPUSH l 1');
    expect(a.replies).toEqual([['l', '1']]);
    const b = w.client('BLPOP l 0');
    w.rig.line('MULTI');
    w.rig.line('RPUSH l 1');
    w.rig.line('LPOP l');
    w.rig.line('EXEC');
    expect(b.replies).toEqual([]);
    expect(w.rig.engine.blocking.count).toBe(1);
    w.rig.check();
  });

  test('a target of the wrong type is an error when the element comes, which stays', () => {
    const w = new Waiting();
    w.rig.line('SET str x');
    const a = w.client('BLMOVE l str LEFT LEFT 0');
    w.rig.line('RPUSH l 1');
    expect(a.replies).toEqual([WRONG_TYPE]);
    expect(w.rig.line('LRANGE l 0 -1')).toEqual(['1']);
  });

  test('time-outs reply a null array', () => {
    const w = new Waiting();
    const hosts = ['BLPOP l 0.1', 'BRPOP l 0.1', 'BLMPOP 0.1 1 l LEFT', 'BLMOVE l m LEFT LEFT 0.1', 'BRPOPLPUSH l m 0.1'].map((line) => w.client(line));
    const { blocking, keyspace } = w.rig.engine;
    expect(blocking.nextTimeoutAtMs).toBe(keyspace.nowMs + 100);
    blocking.expire(keyspace.nowMs + 99);
    expect(blocking.count).toBe(5);
    blocking.expire(keyspace.nowMs + 100);
    for (const host of hosts) expect(host.raw).toEqual(['*-1\r\n']);
  });
});
