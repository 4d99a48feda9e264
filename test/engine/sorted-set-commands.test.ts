/** Sorted set commands: replies, errors, effects, encodings and waiting, as redis-server 7.2 gives them. */
import { describe, expect, test } from 'vitest';
import { Request } from '../../src/shared/request.ts';
import { EngineRig } from './engine-rig.ts';
import type { Value } from './recording-reply.ts';
import { Waiting } from './waiting-rig.ts';

const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value';
const NOT_INTEGER = '-ERR value is not an integer or out of range';
const NOT_POSITIVE = '-ERR value is out of range, must be positive';
const NOT_FLOAT = '-ERR value is not a valid float';
const SYNTAX = '-ERR syntax error';
const BOUND = '-ERR min or max is not a float';
const LEX_BOUND = '-ERR min or max not valid string range item';
const NUMKEYS = '-ERR numkeys should be greater than 0';

/** A line, its reply, and where it differs the reply in RESP3. */
type Row = readonly [line: string, reply: Value, resp3?: Value];

/**
 * Runs lines in order and compares each reply: for small sorted sets and for large ones, in both versions of the protocol.
 * `z` is a 1, b 2, c 2, d 3.5; `s` a set of b c x; `str` a string.
 */
function table(name: string, rows: readonly Row[]): void {
  test.each([['small', 128, 2], ['large', 0, 2], ['small', 128, 3], ['large', 0, 3]] as const)(`${name} (%s, %i, RESP%i)`, (_, entries, proto) => {
    const rig = new EngineRig(1, proto);
    rig.limits.zsetMaxListpackEntries = entries;
    rig.line('SET str text');
    rig.line('SADD s b c x');
    rig.line('ZADD z 2 c 1 a 3.5 d 2 b');
    for (const [line, reply, resp3] of rows) {
      expect(rig.line(line), line).toEqual(proto === 3 && resp3 !== undefined ? resp3 : reply);
      rig.check();
    }
  });
}

const ALL: Value = ['a', 'b', 'c', 'd'];
const ALL_SCORED: Value = ['a', '1', 'b', '2', 'c', '2', 'd', '3.5'];
const ALL_NESTED: Value = [['a', 1], ['b', 2], ['c', 2], ['d', 3.5]];

table('ZADD, ZINCRBY, ZSCORE, ZMSCORE, ZCARD, ZREM', [
  ['ZRANGE z 0 -1 WITHSCORES', ALL_SCORED, ALL_NESTED],
  ['ZADD z 5 a 2 b 7 e', 1],
  ['ZADD z CH 6 a 2 b 8 f', 2],
  ['ZRANGE z 0 -1', ['b', 'c', 'd', 'a', 'e', 'f']],
  ['ZADD z NX 9 a 9 g', 1],
  ['ZADD z XX CH 9 a 9 h', 1],
  ['ZADD z GT CH 8 a 10 a 1 i', 2],
  ['ZADD z LT CH 11 a 3 a', 1],
  ['ZMSCORE z a g h i', ['3', '9', null, '1'], [3, 9, null, 1]],
  ['ZCARD z', 8],
  ['ZADD z 1 twice 2 twice', 1],
  ['ZSCORE z twice', '2', 2],
  ['ZINCRBY z -1.5 a', '1.5', 1.5],
  ['ZINCRBY z 4 new', '4', 4],
  ['ZADD z INCR 1 new', '5', 5],
  ['ZADD z NX INCR 1 new', null],
  ['ZADD z XX INCR 1 none', null],
  ['ZADD z GT INCR -1 new', null],
  ['ZADD z LT INCR -1 new', '4', 4],
  ['ZADD no XX 1 a', 0],
  ['ZADD no XX INCR 1 a', null],
  ['ZCARD no', 0],
  ['ZSCORE no a', null],
  ['ZSCORE z nobody', null],
  ['ZMSCORE no a b', [null, null]],
  ['ZADD inf inf a -inf b', 2],
  ['ZRANGE inf 0 -1 WITHSCORES', ['b', '-inf', 'a', 'inf'], [['b', -Infinity], ['a', Infinity]]],
  ['ZINCRBY inf -inf a', '-ERR resulting score is not a number (NaN)'],
  ['ZREM z x', 0],
  ['ZREM z a a b x', 2],
  ['ZREM inf a b c', 2],
  ['ZCARD inf', 0],
  ['ZREM no a', 0],
  ['ZADD z 1', "-ERR wrong number of arguments for 'zadd' command"],
  ['ZADD z 1 a 2', SYNTAX],
  ['ZADD z NX CH', SYNTAX],
  ['ZADD z x a', NOT_FLOAT],
  ['ZADD z nan a', NOT_FLOAT],
  ['ZADD z 1 p x q', NOT_FLOAT],
  ['ZSCORE z p', null],
  ['ZADD z NX XX 1 a', '-ERR XX and NX options at the same time are not compatible'],
  ['ZADD z NX GT 1 a', '-ERR GT, LT, and/or NX options at the same time are not compatible'],
  ['ZADD z LT GT 1 a', '-ERR GT, LT, and/or NX options at the same time are not compatible'],
  ['ZADD z INCR 1 a 2 b', '-ERR INCR option supports a single increment-element pair'],
  ['ZINCRBY z x a', NOT_FLOAT],
  ['ZINCRBY z NX a', SYNTAX],
  ...['ZADD str 1 a', 'ZINCRBY str 1 a', 'ZREM str a', 'ZCARD str', 'ZSCORE str a', 'ZMSCORE str a', 'ZCARD s'].map((line): Row => [line, WRONG_TYPE]),
]);

table('scores that are as long as they get, and zero, which has no sign', [
  ['ZADD n 127 a 128 b -129 c 32768 d -32769 e 2147483648 f 0.1 g -0 h 1e300 i 9007199254740993 j -128 k', 11],
  ['ZRANGE n 0 -1', ['e', 'c', 'k', 'h', 'g', 'a', 'b', 'd', 'f', 'j', 'i']],
  ['ZMSCORE n a b c d e f g h j k', ['127', '128', '-129', '32768', '-32769', '2147483648', '0.1', '0', '9007199254740992', '-128'],
    [127, 128, -129, 32768, -32769, 2147483648, 0.1, 0, 9007199254740992, -128]],
  ['ZADD n -0 a', 0],
  ['ZRANGEBYSCORE n 0 0 WITHSCORES', ['a', '0', 'h', '0'], [['a', 0], ['h', 0]]],
  ['ZUNIONSTORE m 1 n WEIGHTS -0', 11],
  ['ZRANGE m 0 0 WITHSCORES', ['a', '0'], [['a', 0]]],
]);

table('ZRANK, ZREVRANK', [
  ['ZRANK z a', 0],
  ['ZRANK z c', 2],
  ['ZREVRANK z c', 1],
  ['ZRANK z d WITHSCORE', [3, '3.5'], [3, 3.5]],
  ['ZREVRANK z d withscore', [0, '3.5'], [0, 3.5]],
  ['ZRANK z x', null],
  ['ZRANK z x WITHSCORE', null],
  ['ZRANK no x', null],
  ['ZRANK z a WITHSCORES', SYNTAX],
  ['ZRANK z a WITHSCORE x', "-ERR wrong number of arguments for 'zrank' command"],
  ['ZREVRANK str a', WRONG_TYPE],
]);

table('ZRANGE and ZREVRANGE by rank', [
  ['ZRANGE z 0 -1', ALL],
  ['ZRANGE z 1 2', ['b', 'c']],
  ['ZRANGE z -2 -1', ['c', 'd']],
  ['ZRANGE z -100 0', ['a']],
  ['ZRANGE z 3 100', ['d']],
  ['ZRANGE z 4 9', []],
  ['ZRANGE z 2 1', []],
  ['ZRANGE z 0 -5', []],
  ['ZRANGE z 0 1 REV', ['d', 'c']],
  ['ZRANGE z 1 -2 REV WITHSCORES', ['c', '2', 'b', '2'], [['c', 2], ['b', 2]]],
  ['ZREVRANGE z 0 -1', ['d', 'c', 'b', 'a']],
  ['ZREVRANGE z 0 0 WITHSCORES', ['d', '3.5'], [['d', 3.5]]],
  ['ZRANGE no 0 -1', []],
  ['ZRANGE z 0 -1 LIMIT 0 -1', ALL],
  ['ZRANGE z 0 -1 LIMIT 2 -1', ALL],
  ['ZRANGE z 0 -1 LIMIT -2 -1', ALL],
  ['ZRANGE z 0 -1 LIMIT 0 1', '-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX'],
  ['ZRANGE z a b', NOT_INTEGER],
  ['ZRANGE z 0 -1 LIMIT 1', SYNTAX],
  ['ZRANGE z 0 -1 LIMIT x 1', NOT_INTEGER],
  ['ZRANGE z 0 -1 BYSCORE BYLEX', SYNTAX],
  ['ZRANGE z 0 -1 REV REV', SYNTAX],
  ['ZREVRANGE z 0 -1 REV', SYNTAX],
  ['ZREVRANGE z 0 -1 BYSCORE', SYNTAX],
  ['ZRANGE str 0 -1', WRONG_TYPE],
]);

table('ranges by score', [
  ['ZRANGE z 2 3 BYSCORE', ['b', 'c']],
  ['ZRANGE z (2 +inf BYSCORE', ['d']],
  ['ZRANGE z -inf (2 BYSCORE WITHSCORES', ['a', '1'], [['a', 1]]],
  ['ZRANGE z (1 (3.5 BYSCORE', ['b', 'c']],
  ['ZRANGE z 3 2 BYSCORE', []],
  ['ZRANGE z (2 (2 BYSCORE', []],
  ['ZRANGE z 3 1 BYSCORE REV', ['c', 'b', 'a']],
  ['ZRANGE z -inf +inf BYSCORE LIMIT 1 2', ['b', 'c']],
  ['ZRANGE z +inf -inf BYSCORE REV LIMIT 1 2', ['c', 'b']],
  ['ZRANGE z -inf +inf BYSCORE LIMIT 3 -1', ['d']],
  ['ZRANGE z -inf +inf BYSCORE LIMIT 9 1', []],
  ['ZRANGE z -inf +inf BYSCORE LIMIT -1 1', []],
  ['ZRANGE z -inf +inf BYSCORE LIMIT 0 0', []],
  ['ZRANGEBYSCORE z 1 2', ['a', 'b', 'c']],
  ['ZRANGEBYSCORE z 1 2 LIMIT 2 5 WITHSCORES', ['c', '2'], [['c', 2]]],
  ['ZREVRANGEBYSCORE z 2 (1', ['c', 'b']],
  ['ZREVRANGEBYSCORE z 1 2', []],
  ['ZRANGEBYSCORE z 1e400 2', []],
  ['ZRANGEBYSCORE z -1e400 0x2', ['a', 'b', 'c']],
  ['ZRANGEBYSCORE z ( 1', ['a']],
  ['ZCOUNT z 1 2', 3],
  ['ZCOUNT z (1 2', 2],
  ['ZCOUNT z 2 1', 0],
  ['ZCOUNT no 1 2', 0],
  ['ZCOUNT z a b', BOUND],
  ['ZRANGEBYSCORE z 1 nan', BOUND],
  ['ZRANGEBYSCORE z ((1 2', BOUND],
  ['ZRANGEBYSCORE z 1 2 REV', SYNTAX],
  ['ZRANGEBYSCORE z 1 2 LIMIT 0', SYNTAX],
  ['ZRANGEBYSCORE str 1 2', WRONG_TYPE],
  ['ZCOUNT str 1 2', WRONG_TYPE],
]);

test('bounds by score are read as C reads numbers', () => {
  const rig = new EngineRig();
  rig.line('ZADD z 0 a 1 b');
  expect(rig.run('ZRANGEBYSCORE', 'z', '', ' 0')).toEqual(['a']);
  expect(rig.run('ZRANGEBYSCORE', 'z', '(0', '\t1\0x')).toEqual(['b']);
  expect(rig.run('ZRANGEBYSCORE', 'z', ' ', '1')).toBe(BOUND);
  expect(rig.run('ZRANGEBYSCORE', 'z', '0', '1 ')).toBe(BOUND);
});

table('ranges by member', [
  ['ZADD l 0 a 0 b 0 c 0 ca 0 d', 5],
  ['ZRANGE l - + BYLEX', ['a', 'b', 'c', 'ca', 'd']],
  ['ZRANGE l [b (ca BYLEX', ['b', 'c']],
  ['ZRANGE l (b [ca BYLEX', ['c', 'ca']],
  ['ZRANGE l (b (c BYLEX', []],
  ['ZRANGE l + [c BYLEX REV', ['d', 'ca', 'c']],
  ['ZRANGE l + - BYLEX', []],
  ['ZRANGE l - + BYLEX LIMIT 1 2', ['b', 'c']],
  ['ZRANGEBYLEX l [ +', ['a', 'b', 'c', 'ca', 'd']],
  ['ZRANGEBYLEX l [aa [bb', ['b']],
  ['ZRANGEBYLEX l - [c LIMIT 1 9', ['b', 'c']],
  ['ZREVRANGEBYLEX l (ca -', ['c', 'b', 'a']],
  ['ZREVRANGEBYLEX l - +', []],
  ['ZLEXCOUNT l - +', 5],
  ['ZLEXCOUNT l (a (d', 3],
  ['ZLEXCOUNT l (d (a', 0],
  ['ZLEXCOUNT l [x +', 0],
  ['ZLEXCOUNT no - +', 0],
  ['ZREMRANGEBYLEX l [b [c', 2],
  ['ZREMRANGEBYLEX l (x +', 0],
  ['ZREMRANGEBYLEX l - +', 3],
  ['ZCARD l', 0],
  ['ZRANGE l - + BYLEX WITHSCORES', '-ERR syntax error, WITHSCORES not supported in combination with BYLEX'],
  ...['a +', '- b', '-x +', '1 2'].map((bounds): Row => [`ZRANGEBYLEX z ${bounds}`, LEX_BOUND]),
  ['ZLEXCOUNT z a b', LEX_BOUND],
  ['ZRANGEBYLEX str - +', WRONG_TYPE],
]);

table('ZREMRANGEBYRANK, ZREMRANGEBYSCORE', [
  ['ZREMRANGEBYSCORE z (1 2', 2],
  ['ZRANGE z 0 -1', ['a', 'd']],
  ['ZREMRANGEBYSCORE z 8 9', 0],
  ['ZREMRANGEBYRANK z -1 -1', 1],
  ['ZREMRANGEBYRANK z 3 4', 0],
  ['ZREMRANGEBYRANK z 0 -1', 1],
  ['ZCARD z', 0],
  ['ZREMRANGEBYRANK no 0 -1', 0],
  ['ZREMRANGEBYRANK z x 1', NOT_INTEGER],
  ['ZREMRANGEBYSCORE z x 1', BOUND],
  ['ZREMRANGEBYSCORE str 1 1', WRONG_TYPE],
]);

table('ZRANGESTORE', [
  ['ZRANGESTORE t z 1 -1', 3],
  ['ZRANGE t 0 -1 WITHSCORES', ['b', '2', 'c', '2', 'd', '3.5'], [['b', 2], ['c', 2], ['d', 3.5]]],
  ['ZRANGESTORE z z 0 0 REV', 1],
  ['ZRANGE z 0 -1', ['d']],
  ['ZRANGESTORE str t 2 1 BYSCORE REV LIMIT 0 1', 1],
  ['ZRANGE str 0 -1', ['c']],
  ['ZRANGESTORE str t [c [c BYLEX', 1],
  ['ZRANGESTORE t no 0 -1', 0],
  ['EXISTS t', 0],
  ['ZRANGESTORE str z 5 9', 0],
  ['EXISTS str', 0],
  ['ZRANGESTORE t z 0 -1 WITHSCORES', SYNTAX],
  ['ZRANGESTORE t s 0 -1', WRONG_TYPE],
]);

table('ZPOPMIN, ZPOPMAX, ZMPOP', [
  ['ZPOPMIN z', ['a', '1'], ['a', 1]],
  ['ZPOPMAX z 2', ['d', '3.5', 'c', '2'], [['d', 3.5], ['c', 2]]],
  ['ZPOPMIN z 0', []],
  ['ZPOPMAX z 9', ['b', '2'], [['b', 2]]],
  ['ZPOPMIN z', []],
  ['ZPOPMIN z 2', []],
  ['EXISTS z', 0],
  ['ZADD z 1 a 2 b 3 c', 3],
  ['ZMPOP 2 no z MIN', ['z', [['a', '1']]], ['z', [['a', 1]]]],
  ['ZMPOP 1 z MAX COUNT 5', ['z', [['c', '3'], ['b', '2']]], ['z', [['c', 3], ['b', 2]]]],
  ['ZMPOP 1 z MAX', null],
  ['ZPOPMIN z -1', NOT_POSITIVE],
  ['ZPOPMIN z x', NOT_POSITIVE],
  ['ZPOPMIN z 1 2', SYNTAX],
  ['ZPOPMIN str', WRONG_TYPE],
  ['ZMPOP 0 z MIN', NUMKEYS],
  ['ZMPOP x z MIN', NUMKEYS],
  ['ZMPOP 2 z MIN', SYNTAX],
  ['ZMPOP 1 z LEFT', SYNTAX],
  ['ZMPOP 1 z MIN COUNT', SYNTAX],
  ['ZMPOP 1 z MIN COUNT 0', '-ERR count should be greater than 0'],
  ['ZMPOP 1 z MIN COUNT 1 COUNT 1', SYNTAX],
  ['ZMPOP 2 no str MIN', WRONG_TYPE],
]);

table('BZPOPMIN, BZPOPMAX, BZMPOP where nobody can wait', [
  ['BZPOPMIN no z 0', ['z', 'a', '1'], ['z', 'a', 1]],
  ['BZPOPMAX z 0.5', ['z', 'd', '3.5'], ['z', 'd', 3.5]],
  ['BZMPOP 0.1 2 no z MIN COUNT 3', ['z', [['b', '2'], ['c', '2']]], ['z', [['b', 2], ['c', 2]]]],
  ['BZPOPMIN z 0', null],
  ['BZMPOP 0 1 z MIN', null],
  ['BZPOPMIN str 0', WRONG_TYPE],
  ['BZPOPMIN z x', '-ERR timeout is not a float or out of range'],
  ['BZPOPMIN z -1', '-ERR timeout is negative'],
  ['BZMPOP -1 1 z MIN', '-ERR timeout is negative'],
]);

table('ZUNION, ZINTER, ZDIFF, ZINTERCARD', [
  ['ZADD y 10 b 20 d 30 e', 3],
  ['ZUNION 2 z y', ['a', 'c', 'b', 'd', 'e']],
  ['ZUNION 2 z y WITHSCORES', ['a', '1', 'c', '2', 'b', '12', 'd', '23.5', 'e', '30'], [['a', 1], ['c', 2], ['b', 12], ['d', 23.5], ['e', 30]]],
  ['ZUNION 3 z s no WEIGHTS 2 3 1 WITHSCORES', ['a', '2', 'x', '3', 'b', '7', 'c', '7', 'd', '7'], [['a', 2], ['x', 3], ['b', 7], ['c', 7], ['d', 7]]],
  ['ZUNION 2 z y AGGREGATE MIN WITHSCORES', ['a', '1', 'b', '2', 'c', '2', 'd', '3.5', 'e', '30'], [['a', 1], ['b', 2], ['c', 2], ['d', 3.5], ['e', 30]]],
  ['ZUNION 2 z y AGGREGATE max', ['a', 'c', 'b', 'd', 'e']],
  ['ZINTER 2 z y WITHSCORES', ['b', '12', 'd', '23.5'], [['b', 12], ['d', 23.5]]],
  ['ZINTER 3 z y s WITHSCORES', ['b', '13'], [['b', 13]]],
  ['ZINTER 2 z z WITHSCORES WEIGHTS 1 -1', ['a', '0', 'b', '0', 'c', '0', 'd', '0'], [['a', 0], ['b', 0], ['c', 0], ['d', 0]]],
  ['ZINTER 2 z no', []],
  ['ZINTER 1 s WITHSCORES', ['b', '1', 'c', '1', 'x', '1'], [['b', 1], ['c', 1], ['x', 1]]],
  ['ZDIFF 2 z y WITHSCORES', ['a', '1', 'c', '2'], [['a', 1], ['c', 2]]],
  ['ZDIFF 3 z s y', ['a']],
  ['ZDIFF 2 no z', []],
  ['ZDIFF 2 z no', ALL],
  ['ZDIFF 2 z z', []],
  ['ZDIFF 2 s z', ['x']],
  ['ZINTERCARD 2 z y', 2],
  ['ZINTERCARD 2 z s LIMIT 1', 1],
  ['ZINTERCARD 2 z s LIMIT 0', 2],
  ['ZINTERCARD 2 z no', 0],
  ['ZADD i inf a -inf b', 2],
  ['ZUNION 2 i i WEIGHTS 1 -1 WITHSCORES', ['a', '0', 'b', '0'], [['a', 0], ['b', 0]]],
  ['ZUNION 1 i WEIGHTS 0 WITHSCORES', ['a', '0', 'b', '0'], [['a', 0], ['b', 0]]],
  ['ZINTER 2 z i WEIGHTS 1 0 WITHSCORES', ['a', '1', 'b', '2'], [['a', 1], ['b', 2]]],
  ['ZUNION 0 z', "-ERR at least 1 input key is needed for 'zunion' command"],
  ['ZINTERSTORE t -1 z', "-ERR at least 1 input key is needed for 'zinterstore' command"],
  ['ZDIFF x z', NOT_INTEGER],
  ['ZUNION 3 z y', SYNTAX],
  ['ZUNION 2 z str WHAT', WRONG_TYPE],
  ['ZUNION 2 z y WEIGHTS 1', SYNTAX],
  ['ZUNION 2 z y WEIGHTS 1 x', '-ERR weight value is not a float'],
  ['ZUNION 2 z y AGGREGATE AVG', SYNTAX],
  ['ZDIFF 2 z y WEIGHTS 1 2', SYNTAX],
  ['ZINTERCARD 2 z y WITHSCORES', SYNTAX],
  ['ZINTERCARD 2 z y LIMIT -1', "-ERR LIMIT can't be negative"],
  ['ZINTERCARD 2 z y LIMIT', SYNTAX],
]);

table('ZUNIONSTORE, ZINTERSTORE, ZDIFFSTORE', [
  ['ZUNIONSTORE t 2 z s', 5],
  ['ZRANGE t 0 -1 WITHSCORES', ['a', '1', 'x', '1', 'b', '3', 'c', '3', 'd', '3.5'], [['a', 1], ['x', 1], ['b', 3], ['c', 3], ['d', 3.5]]],
  ['ZINTERSTORE z 2 z s AGGREGATE MAX', 2],
  ['ZRANGE z 0 -1 WITHSCORES', ['b', '2', 'c', '2'], [['b', 2], ['c', 2]]],
  ['ZDIFFSTORE s 2 t s', 2],
  ['ZRANGE s 0 -1', ['a', 'd']],
  ['ZDIFFSTORE s 2 t t', 0],
  ['EXISTS s', 0],
  ['ZINTERSTORE str 1 no', 0],
  ['EXISTS str', 0],
  ['ZUNIONSTORE t 1 z WITHSCORES', SYNTAX],
]);

test('null replies are of the kind that Redis gives', () => {
  const rig = new EngineRig();
  for (const line of ['ZMPOP 1 no MIN', 'BZPOPMIN no 0', 'BZMPOP 0 1 no MIN', 'ZRANK no a WITHSCORE']) expect(rig.raw(...line.split(' ')), line).toBe('*-1\r\n');
  for (const line of ['ZSCORE no a', 'ZRANK no a', 'ZADD no XX INCR 1 a', 'ZRANDMEMBER no']) expect(rig.raw(...line.split(' ')), line).toBe('$-1\r\n');
});

describe.each([['small', 128], ['large', 0]])('%s sorted sets', (_, entries) => {
  const made = (size: number, proto: 2 | 3 = 2): EngineRig => {
    const rig = new EngineRig(1, proto);
    rig.limits.zsetMaxListpackEntries = entries;
    for (let i = 0; i < size; i++) rig.run('ZADD', 'z', i, `m${i}`);
    return rig;
  };

  test('ZRANDMEMBER: distinct ones, repeated ones, with scores', () => {
    const rig = made(20);
    expect(rig.run('ZRANDMEMBER', 'z')).toMatch(/^m\d+$/);
    const some = rig.run('ZRANDMEMBER', 'z', 7) as string[];
    expect(new Set(some).size).toBe(7);
    expect(new Set(rig.run('ZRANDMEMBER', 'z', 100) as string[]).size).toBe(20);
    expect(rig.run('ZRANDMEMBER', 'z', -100)).toHaveLength(100);
    expect(new Set(rig.run('ZRANDMEMBER', 'z', -1000) as string[]).size).toBe(20);
    const scored = rig.run('ZRANDMEMBER', 'z', -5, 'WITHSCORES') as string[];
    expect(scored).toHaveLength(10);
    for (let i = 0; i < scored.length; i += 2) expect(scored[i]).toBe(`m${scored[i + 1]!}`);
    const nested = made(3, 3).run('ZRANDMEMBER', 'z', 9, 'WITHSCORES') as [string, number][];
    expect(nested.map(([member, score]) => `${member} ${score}`).sort()).toEqual(['m0 0', 'm1 1', 'm2 2']);
    expect(rig.run('ZRANDMEMBER', 'no', 3)).toEqual([]);
    expect(rig.run('ZRANDMEMBER', 'z', 0)).toEqual([]);
    expect(rig.run('ZRANDMEMBER', 'z', 1, 'WITHVALUES')).toBe(SYNTAX);
    expect(rig.run('ZRANDMEMBER', 'z', 'x')).toBe(NOT_INTEGER);
    expect(rig.run('ZRANDMEMBER', 'z', '9223372036854775807', 'WITHSCORES')).toBe('-ERR value is out of range');
  });

  test('ZSCAN sees every member with its score while others come and go', () => {
    const rig = made(500, 3);
    const seen = new Map<string, string>();
    let cursor = '0';
    let n = 0;
    do {
      const [next, items] = rig.run('ZSCAN', 'z', cursor, 'COUNT', 20) as [string, string[]];
      for (let i = 0; i < items.length; i += 2) seen.set(items[i]!, items[i + 1]!);
      for (let i = 0; i < 10; i++) rig.run('ZADD', 'z', i, `late${n++}`);
      rig.run('ZREM', 'z', `m${400 + (n % 100)}`);
      cursor = next;
    } while (cursor !== '0');
    for (let i = 0; i < 400; i++) expect(seen.get(`m${i}`)).toBe(String(i));
    expect(rig.run('ZSCAN', 'z', 0, 'MATCH', 'm7', 'COUNT', 10000)).toEqual(['0', ['m7', '7']]);
    expect(rig.run('ZSCAN', 'z', 0, 'MATCH', 'm7', 'COUNT', 10000, 'NOSCORES')).toEqual(['0', ['m7']]);
    expect(rig.run('ZSCAN', 'no', 0)).toEqual(['0', []]);
    expect(rig.run('ZSCAN', 'z', 'x')).toBe('-ERR invalid cursor');
    expect(rig.run('ZSCAN', 'z', 0, 'NOVALUES')).toBe('-ERR NOVALUES option can only be used in HSCAN');
    rig.run('ZADD', 'small', 1, 'a');
    expect(rig.run('ZSCAN', 'small', 0, 'NOSCORES')).toEqual(['0', ['a']]);
  });

  test('COPY, figures of memory, visits by SORT', () => {
    const rig = made(40);
    expect(rig.line('COPY z copy')).toBe(1);
    const { keyspace, types } = rig.engine;
    const key = Request.of('copy');
    const bytes = types.sortedSets.memoryBytes(keyspace.databases[0]!.peek(key.buf, 0, key.len[0]!), 0);
    expect(bytes).toBeGreaterThan(40 * 4);
    expect(bytes).toBeLessThan(entries === 0 ? 3000 : 400);
    rig.line('ZINCRBY z 100 m0');
    expect(rig.line('ZRANGE copy 0 1')).toEqual(['m0', 'm1']);
    expect(rig.line('SORT copy ALPHA LIMIT 0 3')).toEqual(['m0', 'm1', 'm10']);
    expect(rig.line('SORT copy BY nosort DESC LIMIT 0 2')).toEqual(['m39', 'm38']);
    rig.check();
  });
});

describe('effects', () => {
  test.each<[string, string[]]>([
    ['ZADD z 1 a', []],
    ['ZADD z 9 a 1 n', ['ZADD z 9 a 1 n']],
    ['ZADD z NX 9 a', []],
    ['ZADD z CH GT 0 a', []],
    ['ZADD z XX INCR 3 a', ['ZADD z XX INCR 3 a']],
    ['ZINCRBY z 0.1 a', ['ZINCRBY z 0.1 a']],
    ['ZINCRBY z 0 a', []],
    ['ZREM z x', []],
    ['ZREM z a b x', ['ZREM z a b x']],
    ['ZPOPMIN z 2', ['ZPOPMIN z 2']],
    ['ZPOPMAX z', ['ZPOPMAX z']],
    ['ZPOPMAX z 0', []],
    ['ZMPOP 2 no z MAX COUNT 9', ['ZPOPMAX z 3']],
    ['BZPOPMIN no z 0', ['ZPOPMIN z']],
    ['BZPOPMAX z 0', ['ZPOPMAX z']],
    ['BZMPOP 0 1 z MIN COUNT 2', ['ZPOPMIN z 2']],
    ['BZPOPMIN no 0', []],
    ['ZREMRANGEBYRANK z 0 0', ['ZREMRANGEBYRANK z 0 0']],
    ['ZREMRANGEBYSCORE z 7 8', []],
    ['ZUNIONSTORE t 2 z y', ['ZUNIONSTORE t 2 z y']],
    ['ZINTERSTORE no 2 z none', []],
    ['ZDIFFSTORE y 2 z z', ['ZDIFFSTORE y 2 z z']],
    ['ZRANGESTORE t z 0 1', ['ZRANGESTORE t z 0 1']],
    ['ZRANGESTORE no z 8 9', []],
    ['ZUNION 2 z y', []],
    ['ZRANGE z 0 -1', []],
  ])('of %s', (line, expected) => {
    const rig = new EngineRig();
    rig.line('ZADD z 1 a 2 b 3 c');
    rig.line('ZADD y 5 c 6 d');
    rig.effects();
    rig.line(line);
    expect(rig.effects().words.map((words) => words.join(' '))).toEqual(expected);
  });
});

describe('encodings', () => {
  test('so many members, or one so long, and it is a skip list for good', () => {
    const rig = new EngineRig();
    for (let i = 0; i < 128; i++) rig.run('ZADD', 'z', i, `m${i}`);
    expect(rig.encoding('z')).toBe('listpack');
    rig.line('ZADD z 1 m0');
    expect(rig.encoding('z')).toBe('listpack');
    rig.line('ZADD z 1 more');
    expect(rig.encoding('z')).toBe('skiplist');
    rig.line('ZREMRANGEBYRANK z 1 -1');
    expect(rig.encoding('z')).toBe('skiplist');
    rig.run('ZADD', 'long', 1, 'x'.repeat(64));
    expect(rig.encoding('long')).toBe('listpack');
    rig.run('ZADD', 'long', 1, 'x'.repeat(65));
    expect(rig.encoding('long')).toBe('skiplist');
    rig.run('ZADD', 'first', 1, 'x'.repeat(65));
    expect(rig.encoding('first')).toBe('skiplist');
    rig.check();
  });

  test('what is announced counts: ZADD of more pairs than a listpack takes', () => {
    const rig = new EngineRig();
    rig.run('ZADD', 'z', ...Array.from({ length: 129 }, (_, i) => [1, `m${i % 2}`]).flat());
    expect(rig.encoding('z')).toBe('skiplist');
  });

  test('results are as small as they can be', () => {
    const rig = new EngineRig();
    for (let i = 0; i < 200; i++) rig.run('ZADD', 'z', i, `m${i}`);
    rig.run('ZADD', 'z', 500, 'x'.repeat(65));
    rig.line('ZRANGESTORE t z 0 127');
    expect(rig.encoding('t')).toBe('listpack');
    rig.line('ZRANGESTORE t z 0 128');
    expect(rig.encoding('t')).toBe('skiplist');
    rig.line('ZRANGESTORE t z 200 200');
    expect(rig.encoding('t')).toBe('skiplist');
    rig.line('ZUNIONSTORE u 1 z');
    expect(rig.encoding('u')).toBe('skiplist');
    rig.line('ZRANGESTORE few z 0 5');
    rig.line('ZINTERSTORE u 2 z few');
    expect(rig.encoding('u')).toBe('listpack');
    rig.check();
  });
});

describe('waiting', () => {
  test('first come, first served; the effect is the plain pop', () => {
    const w = new Waiting();
    const a = w.client('BZPOPMIN z 0');
    const b = w.client('BZPOPMAX no z 0');
    const c = w.client('BZMPOP 0 2 no z MIN COUNT 9');
    w.rig.line('ZADD z 1 a 2 b 3 c 4 d');
    expect([a.replies, b.replies, c.replies]).toEqual([[['z', 'a', '1']], [['z', 'd', '4']], [['z', [['b', '2'], ['c', '3']]]]]);
    expect(w.effects()).toEqual(['ZADD z 1 a 2 b 3 c 4 d', 'ZPOPMIN z', 'ZPOPMAX z', 'ZPOPMIN z 2']);
    expect(w.rig.engine.blocking.count).toBe(0);
    expect(w.rig.line('EXISTS z')).toBe(0);
    w.rig.check();
  });

  test.each(['ZUNIONSTORE z 1 y', 'ZRANGESTORE z y 0 -1', 'ZINCRBY z 7 a', 'RENAME y z', 'COPY y z'])('%s wakes who waits', (line) => {
    const w = new Waiting();
    w.rig.line('ZADD y 7 a');
    const a = w.client('BZPOPMIN z 0');
    w.rig.line(line);
    expect(a.replies).toEqual([['z', 'a', '7']]);
    w.rig.check();
  });

  test('a client waits on when its key becomes something else, and when its member was taken before', () => {
    const w = new Waiting();
    const a = w.client('BZPOPMIN s z 0');
    w.rig.line('RPUSH s text');
    w.rig.line('ZADD z XX 1 a');
    expect(a.replies).toEqual([]);
    w.rig.line('MULTI');
    w.rig.line('ZADD z 1 a');
    w.rig.line('ZPOPMIN z');
    w.rig.line('EXEC');
    expect(a.replies).toEqual([]);
    expect(w.rig.engine.blocking.count).toBe(1);
  });

  test('time-outs reply a null array', () => {
    const w = new Waiting();
    const hosts = ['BZPOPMIN z 0.1', 'BZPOPMAX z 0.1', 'BZMPOP 0.1 1 z MIN'].map((line) => w.client(line));
    const { blocking, keyspace } = w.rig.engine;
    blocking.expire(keyspace.nowMs + 99);
    expect(blocking.count).toBe(3);
    blocking.expire(keyspace.nowMs + 100);
    for (const host of hosts) expect(host.raw).toEqual(['*-1\r\n']);
  });
});
