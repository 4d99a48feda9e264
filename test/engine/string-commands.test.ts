/** String commands: replies, errors, encodings and effects, as redis-server 7.0 gives them. */
import { describe, expect, test } from 'vitest';
import { latin1Bytes } from '../../src/shared/request.ts';
import { EngineRig } from './engine-rig.ts';
import { type Value, parseReply } from './recording-reply.ts';

const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value';
const NOT_INTEGER = '-ERR value is not an integer or out of range';
const NOT_FLOAT = '-ERR value is not a valid float';
const OVERFLOW = '-ERR increment or decrement would overflow';
const SYNTAX = '-ERR syntax error';

/** Runs a line. Integers beyond 53 bits are given as text. */
function answer(rig: EngineRig, line: string): Value {
  const raw = rig.raw(...line.split(' '));
  const value = parseReply(raw);
  return typeof value === 'number' && !Number.isSafeInteger(value) ? raw.slice(1, -2) : value;
}

/** Runs lines in order and compares each reply; afterwards everything must be in order. */
function table(name: string, rows: readonly (readonly [string, Value])[]): void {
  test(name, () => {
    const rig = new EngineRig();
    rig.line('HSET h f 1');
    rig.line('SET num 10');
    rig.line('SET text hello');
    for (const [line, reply] of rows) expect(answer(rig, line), line).toEqual(reply);
    rig.check();
  });
}

table('GET, SET', [
  ['GET text', 'hello'],
  ['GET no', null],
  ['GET h', WRONG_TYPE],
  ['SET h text', 'OK'],
  ['GET h', 'text'],
  ['SET a 1 NX', 'OK'],
  ['SET a 2 NX', null],
  ['SET b 1 XX', null],
  ['SET a 2 XX', 'OK'],
  ['GET a', '2'],
  ['SET a 3 NX XX', SYNTAX],
  ['SET a 3 XX NX', SYNTAX],
  ['SET a 3 FOO', SYNTAX],
  ['SET a 3 EX', SYNTAX],
  ['SET a 3 EX x', NOT_INTEGER],
  ['SET a 3 EX 0', "-ERR invalid expire time in 'set' command"],
  ['SET a 3 PX -1', "-ERR invalid expire time in 'set' command"],
  ['SET a 3 EX 9223372036854775807', "-ERR invalid expire time in 'set' command"],
  ['SET a 3 EX 10 PX 10', SYNTAX],
  ['SET a 3 EX 10 KEEPTTL', SYNTAX],
  ['SET a 3 KEEPTTL EX 10', SYNTAX],
  ['GET a', '2'],
  ['SET a 4 GET', '2'],
  ['SET new 4 GET', null],
  ['SET c 4 NX GET', null],
  ['SET c 5 NX GET', '4'],
  ['GET c', '4'],
  ['SET d 5 XX GET', null],
  ['GET d', null],
  ['SET a 5 get ex 100', '4'],
  ['TTL a', 100],
  ['SET a 6 KEEPTTL', 'OK'],
  ['TTL a', 100],
  ['SET a 7 XX KEEPTTL GET', '6'],
  ['TTL a', 100],
  ['SET a 8', 'OK'],
  ['TTL a', -1],
  ['SET a 9 PXAT 99999999999999', 'OK'],
  ['PEXPIRETIME a', 99999999999999],
  ['SET a 9 EXAT 99999999999', 'OK'],
  ['PEXPIRETIME a', 99999999999000],
  ['SET a', "-ERR wrong number of arguments for 'set' command"],
  ['SET a 1 2 3', SYNTAX],
]);

table('SET GET of another type', [
  ['SET h x GET', WRONG_TYPE],
  ['SET h x NX GET', WRONG_TYPE],
  ['HGET h f', '1'],
]);

table('SET … IFEQ, DELIFEQ', [
  ['SET text new IFEQ other', null],
  ['SET text new IFEQ hello', 'OK'],
  ['SET text newer IFEQ other GET', 'new'],
  ['SET text newer IFEQ new GET EX 100', 'new'],
  ['TTL text', 100],
  ['SET text again KEEPTTL IFEQ newer', 'OK'],
  ['TTL text', 100],
  ['SET no x IFEQ y', null],
  ['SET no x GET IFEQ y', null],
  ['EXISTS no', 0],
  ['SET h x IFEQ y', WRONG_TYPE],
  ['SET h x IFEQ y GET', WRONG_TYPE],
  ['SET text x NX IFEQ y', SYNTAX],
  ['SET text x IFEQ y XX', SYNTAX],
  ['SET text x IFEQ', SYNTAX],
  ['SET num 11 IFEQ 10', 'OK'],
  ['DELIFEQ text other', 0],
  ['DELIFEQ text again', 1],
  ['DELIFEQ text again', 0],
  ['EXISTS text', 0],
  ['DELIFEQ h x', WRONG_TYPE],
]);

table('MSETEX', [
  ['MSETEX 2 a 1 b 2', 1],
  ['MGET a b', ['1', '2']],
  ['TTL a', -1],
  ['MSETEX 2 a 3 c 3 NX', 0],
  ['MSETEX 2 a 3 c 3 XX', 0],
  ['MGET a c', ['1', null]],
  ['MSETEX 2 a 3 b 3 XX EX 100', 1],
  ['TTL b', 100],
  ['MSETEX 1 a 4 KEEPTTL', 1],
  ['TTL a', 100],
  ['MSETEX 1 c 4 NX PXAT 1700000005000', 1],
  ['PTTL c', 5000],
  ['MSETEX 1 h 4', 1],
  ['GET h', '4'],
  ['MSETEX 0 a 1', '-ERR invalid numkeys value'],
  ['MSETEX x a 1', '-ERR invalid numkeys value'],
  ['MSETEX 2 a 1', '-ERR wrong number of key-value pairs'],
  ['MSETEX 1 a 1 b', SYNTAX],
  ['MSETEX 1 a 1 NX XX', SYNTAX],
  ['MSETEX 1 a 1 EX 1 KEEPTTL', SYNTAX],
  ['MSETEX 1 a 1 EX 0', "-ERR invalid expire time in 'msetex' command"],
]);

test('effects of conditions on strings', () => {
  const rig = new EngineRig();
  rig.line('MSET a 1 b 2');
  rig.effects();
  for (const [line, effects] of [
    ['SET a 2 IFEQ 1 EX 1', [['SET', 'a', '2', 'PXAT', '1700000001000']]],
    ['SET a 3 IFEQ 1', []],
    ['DELIFEQ b 2', [['DEL', 'b']]],
    ['DELIFEQ a 1', []],
    ['MSETEX 2 c 1 d 2 NX PX 5', [['MSETEX', '2', 'c', '1', 'd', '2', 'PXAT', '1700000000005']]],
    ['MSETEX 1 a 1 XX KEEPTTL', [['MSETEX', '1', 'a', '1', 'KEEPTTL']]],
    ['MSETEX 1 a 1 NX', []],
  ] as const) {
    rig.line(line);
    expect(rig.effects().words, line).toEqual(effects);
  }
});

table('GETEX', [
  ['GETEX no', null],
  ['GETEX text', 'hello'],
  ['TTL text', -1],
  ['GETEX text EX 100', 'hello'],
  ['TTL text', 100],
  ['GETEX text PERSIST', 'hello'],
  ['TTL text', -1],
  ['GETEX text PXAT 99999999999999', 'hello'],
  ['PEXPIRETIME text', 99999999999999],
  ['GETEX text EXAT 99999999999', 'hello'],
  ['PEXPIRETIME text', 99999999999000],
  ['GETEX text EX 0', "-ERR invalid expire time in 'getex' command"],
  ['GETEX text EX x', NOT_INTEGER],
  ['GETEX text EX', SYNTAX],
  ['GETEX text EX 1 PERSIST', SYNTAX],
  ['GETEX text PERSIST EX 1', SYNTAX],
  ['GETEX text EX 1 PX 1', SYNTAX],
  ['GETEX text KEEPTTL', SYNTAX],
  ['GETEX no EX 0', null],
  ['GETEX h', WRONG_TYPE],
  ['GETEX h FOO', SYNTAX],
  ['GETEX h EX 0', WRONG_TYPE],
  ['GETEX text EXAT 1', 'hello'],
  ['GET text', null],
]);

table('GETDEL, GETSET', [
  ['GETDEL no', null],
  ['GETDEL text', 'hello'],
  ['GETDEL text', null],
  ['GETDEL h', WRONG_TYPE],
  ['GETSET no 1', null],
  ['GETSET no 2', '1'],
  ['GET no', '2'],
  ['GETSET h 2', WRONG_TYPE],
  ['GETEX no EX 100', '2'],
  ['GETSET no 3', '2'],
  ['TTL no', -1],
]);

table('SETNX, SETEX, PSETEX', [
  ['SETNX text x', 0],
  ['SETNX h x', 0],
  ['SETNX new x', 1],
  ['GET new', 'x'],
  ['SETEX new 100 y', 'OK'],
  ['TTL new', 100],
  ['GET new', 'y'],
  ['SETEX new 0 y', "-ERR invalid expire time in 'setex' command"],
  ['SETEX new -1 y', "-ERR invalid expire time in 'setex' command"],
  ['SETEX new x y', NOT_INTEGER],
  ['SETEX h 100 y', 'OK'],
  ['GET h', 'y'],
  ['PSETEX new 100000 z', 'OK'],
  ['TTL new', 100],
  ['GET new', 'z'],
  ['PSETEX new 0 z', "-ERR invalid expire time in 'psetex' command"],
  ['PSETEX new x z', NOT_INTEGER],
  ['PSETEX new 9223372036854775807 z', "-ERR invalid expire time in 'psetex' command"],
]);

table('APPEND, STRLEN', [
  ['APPEND text world', 10],
  ['GET text', 'helloworld'],
  ['APPEND no abc', 3],
  ['APPEND no def', 6],
  ['GET no', 'abcdef'],
  ['APPEND num 5', 3],
  ['GET num', '105'],
  ['INCR num', 106],
  ['APPEND h x', WRONG_TYPE],
  ['STRLEN text', 10],
  ['STRLEN none', 0],
  ['STRLEN num', 3],
  ['STRLEN h', WRONG_TYPE],
  ['GETEX text EX 100', 'helloworld'],
  ['APPEND text !', 11],
  ['TTL text', 100],
]);

table('SETRANGE', [
  ['SETRANGE text 1 ipp', 5],
  ['GET text', 'hippo'],
  ['SETRANGE text 3 sters', 8],
  ['GET text', 'hipsters'],
  ['SETRANGE text 10 x', 11],
  ['GET text', 'hipsters\u0000\u0000x'],
  ['SETRANGE no 3 abc', 6],
  ['GET no', '\u0000\u0000\u0000abc'],
  ['SETRANGE text -1 x', '-ERR offset is out of range'],
  ['SETRANGE text x y', NOT_INTEGER],
  ['SETRANGE h -1 x', '-ERR offset is out of range'],
  ['SETRANGE h 1 x', WRONG_TYPE],
  ['SETRANGE text 536870912 x', '-ERR string exceeds maximum allowed size (proto-max-bulk-len)'],
  ['SETRANGE text 536870911 xy', '-ERR string exceeds maximum allowed size (proto-max-bulk-len)'],
  ['SETRANGE none 536870912 x', '-ERR string exceeds maximum allowed size (proto-max-bulk-len)'],
  ['GETEX text EX 100', 'hipsters\u0000\u0000x'],
  ['SETRANGE text 0 H', 11],
  ['TTL text', 100],
]);

table('GETRANGE, SUBSTR', [
  ['GETRANGE text 0 -1', 'hello'],
  ['GETRANGE text 1 3', 'ell'],
  ['GETRANGE text -3 -1', 'llo'],
  ['GETRANGE text -100 2', 'hel'],
  ['GETRANGE text 2 100', 'llo'],
  ['GETRANGE text 3 1', ''],
  ['GETRANGE text -1 -3', ''],
  ['GETRANGE text 5 10', ''],
  ['GETRANGE text 4 4', 'o'],
  ['GETRANGE text -100 -99', 'h'],
  ['GETRANGE text -100 -5', 'h'],
  ['GETRANGE no 0 -1', ''],
  ['GETRANGE num 0 0', '1'],
  ['GETRANGE num 1 1', '0'],
  ['GETRANGE text x 1', NOT_INTEGER],
  ['GETRANGE text 1 x', NOT_INTEGER],
  ['GETRANGE h x 1', NOT_INTEGER],
  ['GETRANGE h 0 1', WRONG_TYPE],
  ['GETRANGE text -9223372036854775808 9223372036854775807', 'hello'],
  ['GETRANGE text 9223372036854775807 -9223372036854775808', ''],
  ['SUBSTR text 1 3', 'ell'],
  ['SUBSTR no 1 3', ''],
]);

table('MGET, MSET, MSETNX', [
  ['MGET text no h num', ['hello', null, null, '10']],
  ['MSET a 1 b 2 c', "-ERR wrong number of arguments for 'mset' command"],
  ['MSET a 1 b 2 a 3', 'OK'],
  ['MGET a b', ['3', '2']],
  ['MSET h x', 'OK'],
  ['MSETNX x 1 y', "-ERR wrong number of arguments for 'msetnx' command"],
  ['MSETNX x 1 a 2', 0],
  ['GET x', null],
  ['MSETNX x 1 y 2 x 3', 1],
  ['MGET x y', ['3', '2']],
  ['GETEX x EX 100', '3'],
  ['MSET x 1', 'OK'],
  ['TTL x', -1],
  ['MSET', "-ERR wrong number of arguments for 'mset' command"],
  ['MGET', "-ERR wrong number of arguments for 'mget' command"],
]);

table('INCR, DECR, INCRBY, DECRBY', [
  ['INCR num', 11],
  ['DECR num', 10],
  ['DECR num', 9],
  ['INCR num', 10],
  ['GET num', '10'],
  ['INCR no', 1],
  ['DECR none', -1],
  ['INCRBY num 89', 99],
  ['INCRBY num 1', 100],
  ['INCRBY num -200', -100],
  ['DECRBY num -100', 0],
  ['DECRBY zero 0', 0],
  ['GET zero', '0'],
  ['DECRBY num 5', -5],
  ['DECRBY num x', NOT_INTEGER],
  ['INCRBY num x', NOT_INTEGER],
  ['INCRBY num 1.5', NOT_INTEGER],
  ['INCRBY num  1', "-ERR wrong number of arguments for 'incrby' command"],
  ['INCRBY h x', NOT_INTEGER],
  ['INCRBY h 1', WRONG_TYPE],
  ['INCR h', WRONG_TYPE],
  ['INCR text', NOT_INTEGER],
  ['SET bad 01', 'OK'],
  ['INCR bad', NOT_INTEGER],
  ['SET bad -0', 'OK'],
  ['INCR bad', NOT_INTEGER],
  ['SET bad +1', 'OK'],
  ['INCR bad', NOT_INTEGER],
  ['SET bad 9223372036854775808', 'OK'],
  ['INCR bad', NOT_INTEGER],
  ['SET empty ', 'OK'],
  ['INCR empty', NOT_INTEGER],
  ['SET big 9007199254740991', 'OK'],
  ['INCR big', '9007199254740992'],
  ['INCR big', '9007199254740993'],
  ['DECRBY big 3', 9007199254740990],
  ['DECR big', 9007199254740989],
  ['SET big -9007199254740991', 'OK'],
  ['DECR big', '-9007199254740992'],
  ['DECR big', '-9007199254740993'],
  ['INCRBY big 3', -9007199254740990],
  ['SET big 9223372036854775806', 'OK'],
  ['INCR big', '9223372036854775807'],
  ['INCR big', OVERFLOW],
  ['GET big', '9223372036854775807'],
  ['INCRBY big -9223372036854775807', 0],
  ['SET big -9223372036854775807', 'OK'],
  ['DECR big', '-9223372036854775808'],
  ['DECR big', OVERFLOW],
  ['GET big', '-9223372036854775808'],
  ['INCRBY big 9223372036854775807', -1],
  ['INCRBY big 9223372036854775807', '9223372036854775806'],
  ['INCRBY big 9223372036854775807', OVERFLOW],
  ['INCRBY big 9223372036854775808', NOT_INTEGER],
  ['DECRBY big -9223372036854775808', '-ERR decrement would overflow'],
  ['DECRBY big 9223372036854775807', -1],
  ['DECRBY none2 -9223372036854775807', '9223372036854775807'],
  ['INCRBY none3 -9223372036854775808', '-9223372036854775808'],
  ['DECRBY none3 -9223372036854775808', '-ERR decrement would overflow'],
  ['DECRBY h -9223372036854775808', '-ERR decrement would overflow'],
  ['GETEX num EX 100', '-5'],
  ['INCR num', -4],
  ['TTL num', 100],
  ['INCRBY num 1000000', 999996],
  ['TTL num', 100],
]);

table('INCRBYFLOAT', [
  ['INCRBYFLOAT num 0.5', '10.5'],
  ['INCRBYFLOAT num 0.5', '11'],
  ['GET num', '11'],
  ['INCRBYFLOAT num -1.5e1', '-4'],
  ['INCRBYFLOAT f 0.1', '0.1'],
  ['INCRBYFLOAT f 0.2', '0.3'],
  ['INCRBYFLOAT f 1e17', '100000000000000000.296875'],
  ['INCRBYFLOAT g 5e-18', '0'],
  ['INCRBYFLOAT g 6e-18', '0.00000000000000001'],
  ['INCRBYFLOAT v 17179869184.0001', '17179869184.00009999983012676'],
  ['INCRBYFLOAT v -17179869185', '-0.99990000016987324'],
  ['INCRBYFLOAT x 0xA.8', '10.5'],
  ['INCRBYFLOAT x abc', NOT_FLOAT],
  ['INCRBYFLOAT x inf', '-ERR increment would produce NaN or Infinity'],
  ['INCRBYFLOAT x -inf', '-ERR increment would produce NaN or Infinity'],
  ['INCRBYFLOAT x nan', NOT_FLOAT],
  ['INCRBYFLOAT x 1e5000', NOT_FLOAT],
  ['INCRBYFLOAT text 1', NOT_FLOAT],
  ['INCRBYFLOAT text x', NOT_FLOAT],
  ['INCRBYFLOAT h x', WRONG_TYPE],
  ['INCRBYFLOAT h 1', WRONG_TYPE],
  ['SET i inf', 'OK'],
  ['INCRBYFLOAT i 1', '-ERR increment would produce NaN or Infinity'],
  ['INCRBYFLOAT i -inf', '-ERR increment would produce NaN or Infinity'],
  ['GETEX f EX 100', '100000000000000000.296875'],
  ['INCRBYFLOAT f 1', '100000000000000001.296875'],
  ['TTL f', 100],
  ['INCRBYFLOAT neg -0', '0'],
  ['INCRBYFLOAT big 9223372036854775807', '9223372036854775807'],
  ['INCRBYFLOAT big 1', '9223372036854775808'],
]);

describe('INCR and the place of its value', () => {
  test('a counter that keeps its digits keeps its entry; raw strings become plain again', () => {
    const rig = new EngineRig();
    const { keyspace } = rig.engine;
    const ref = (): number => keyspace.databases[0]!.peek(latin1Bytes('n'), 0, 1);
    rig.line('SET n 100');
    const before = ref();
    for (let i = 101; i < 1000; i++) expect(rig.line('INCR n')).toBe(i);
    expect(ref()).toBe(before);
    expect(rig.line('INCR n')).toBe(1000);
    rig.line('APPEND n 0');
    expect(keyspace.entries.isRaw(ref())).toBe(true);
    expect(rig.line('INCR n')).toBe(10001);
    expect(keyspace.entries.isRaw(ref())).toBe(false);
    rig.check();
  });

  test('a watched key is seen to change, also in place', () => {
    const rig = new EngineRig();
    rig.line('SET n 100');
    rig.line('WATCH n');
    rig.line('INCR n');
    rig.line('MULTI');
    rig.line('GET n');
    expect(rig.line('EXEC')).toBeNull();
  });
});

test('effects are what a replica needs', () => {
  const rig = new EngineRig();
  const now = rig.engine.keyspace.nowMs;
  const effectsOf = (line: string): string[][] => {
    rig.line(line);
    return rig.effects().words;
  };
  expect(effectsOf('SET a 1')).toEqual([['SET', 'a', '1']]);
  expect(effectsOf('SET a 1 NX')).toEqual([]);
  expect(effectsOf('SET a 2 XX GET')).toEqual([['SET', 'a', '2']]);
  expect(effectsOf('SET a 2 EX 10')).toEqual([['SET', 'a', '2', 'PXAT', String(now + 10_000)]]);
  expect(effectsOf('SET a 2 KEEPTTL')).toEqual([['SET', 'a', '2', 'KEEPTTL']]);
  expect(effectsOf('SETEX a 10 3')).toEqual([['SET', 'a', '3', 'PXAT', String(now + 10_000)]]);
  expect(effectsOf('INCR a')).toEqual([['INCR', 'a']]);
  expect(effectsOf('DECRBY a 5')).toEqual([['DECRBY', 'a', '5']]);
  expect(effectsOf('INCRBYFLOAT a 0.5')).toEqual([['SET', 'a', '-0.5', 'KEEPTTL']]);
  expect(effectsOf('INCR a')).toEqual([]);
  expect(effectsOf('GETEX a')).toEqual([]);
  expect(effectsOf('GETEX a PERSIST')).toEqual([['PERSIST', 'a']]);
  expect(effectsOf('GETEX a PERSIST')).toEqual([]);
  expect(effectsOf('GETEX a PX 5')).toEqual([['PEXPIREAT', 'a', String(now + 5)]]);
  expect(effectsOf('GETEX a PXAT 5')).toEqual([['DEL', 'a']]);
  expect(effectsOf('GETDEL a')).toEqual([]);
  expect(effectsOf('APPEND a x')).toEqual([['APPEND', 'a', 'x']]);
  expect(effectsOf('SETRANGE a 2 y')).toEqual([['SETRANGE', 'a', '2', 'y']]);
  expect(effectsOf('SETRANGE no 2 ')).toEqual([]);
  expect(effectsOf('GETDEL a')).toEqual([['DEL', 'a']]);
  expect(effectsOf('MSETNX a 1 b 2')).toEqual([['MSET', 'a', '1', 'b', '2']]);
  expect(effectsOf('MSETNX a 1 c 2')).toEqual([]);
  expect(effectsOf('SETNX a 1')).toEqual([]);
  expect(effectsOf('GETSET a 1')).toEqual([['SET', 'a', '1']]);
});

test('SETRANGE fills a gap with zeros, whatever stood in the cell', () => {
  const rig = new EngineRig();
  rig.run('SET', 's', 'x'.repeat(200));
  rig.run('SET', 's', 'ab');
  expect(rig.line('SETRANGE s 4 z')).toBe(5);
  expect(rig.line('GET s')).toBe('ab\0\0z');
});

test('a value of many megabytes may be the first of all, and be the only one behind a FLUSHALL', () => {
  const rig = new EngineRig();
  for (const bytes of [9_000_000, 5_000_000]) {
    expect(rig.line(`SETRANGE big ${bytes} x`)).toBe(bytes + 1);
    expect(rig.line('STRLEN big')).toBe(bytes + 1);
    expect(rig.line('GETRANGE big -2 -1')).toBe('\0x');
    rig.check();
    expect(rig.line('FLUSHALL')).toBe('OK');
  }
});

test('binary values stay what they are', () => {
  const rig = new EngineRig();
  const all = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
  rig.run('SET', all, all);
  expect(rig.run('GET', all)).toBe(all);
  expect(rig.run('APPEND', all, all)).toBe(512);
  expect(rig.run('GETRANGE', all, 255, 257)).toBe('\xff\0\x01');
});
