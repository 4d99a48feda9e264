/** SORT and SORT_RO: replies, errors and effects, as redis-server 7.0 gives them. */
import { describe, expect, test } from 'vitest';
import { keyIndexes } from '../../src/engine/key-extraction.ts';
import { Request } from '../../src/shared/request.ts';
import { EngineRig, randomOf } from './engine-rig.ts';
import type { Value } from './recording-reply.ts';

const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value';
const NOT_INTEGER = '-ERR value is not an integer or out of range';
const SYNTAX = '-ERR syntax error';
const NOT_DOUBLE = "-ERR One or more scores can't be converted into double";

const SEED = [
  'RPUSH l 3 1 2 10',
  'RPUSH words banana apple cherry',
  'SADD s 5 2 9',
  'HSET h f 1',
  'ZADD z 3 a 1 b 2 c',
  'SET str x',
  'MSET w_1 30 w_2 20 w_3 10',
  'MSET o_1 one o_2 two',
  'HSET h_1 name uno w 9',
  'HSET h_2 name dos w 8',
  'HSET h_3 name tres w 7',
];

/** Runs lines in order and compares each reply; afterwards everything must be in order. */
function table(name: string, rows: readonly (readonly [string, Value])[]): void {
  test(name, () => {
    const rig = new EngineRig();
    for (const line of SEED) rig.line(line);
    for (const [line, reply] of rows) expect(rig.line(line), line).toEqual(reply);
    rig.check();
  });
}

table('SORT: order', [
  ['SORT l', ['1', '2', '3', '10']],
  ['SORT l ASC', ['1', '2', '3', '10']],
  ['SORT l DESC', ['10', '3', '2', '1']],
  ['SORT l ALPHA', ['1', '10', '2', '3']],
  ['SORT l ALPHA DESC', ['3', '2', '10', '1']],
  ['SORT l DESC ASC', ['1', '2', '3', '10']],
  ['SORT words', NOT_DOUBLE],
  ['SORT words ALPHA', ['apple', 'banana', 'cherry']],
  ['SORT words alpha desc', ['cherry', 'banana', 'apple']],
  ['SORT s', ['2', '5', '9']],
  ['SORT s DESC', ['9', '5', '2']],
  ['SORT no', []],
  ['SORT str', WRONG_TYPE],
  ['SORT h', WRONG_TYPE],
  ['SORT str FOO', SYNTAX],
  ['SORT l FOO', SYNTAX],
  ['SORT l LIMIT 1', SYNTAX],
  ['SORT l LIMIT x 1', NOT_INTEGER],
  ['SORT l LIMIT 1 x', NOT_INTEGER],
  ['SORT l BY', SYNTAX],
  ['SORT l GET', SYNTAX],
  ['SORT l STORE', SYNTAX],
  ['SORT', "-ERR wrong number of arguments for 'sort' command"],
]);

table('SORT: LIMIT', [
  ['SORT l LIMIT 1 2', ['2', '3']],
  ['SORT l LIMIT 0 0', []],
  ['SORT l LIMIT 0 -1', ['1', '2', '3', '10']],
  ['SORT l LIMIT 1 -5', ['2', '3', '10']],
  ['SORT l LIMIT -5 2', ['1', '2']],
  ['SORT l LIMIT 3 100', ['10']],
  ['SORT l LIMIT 4 1', []],
  ['SORT l LIMIT 100 1', []],
  ['SORT l LIMIT 1 9223372036854775807', ['2', '3', '10']],
  ['SORT l LIMIT 9223372036854775807 9223372036854775807', []],
  ['SORT l DESC LIMIT 1 2', ['3', '2']],
  ['SORT words BY nosort LIMIT 1 1', ['apple']],
  ['SORT words BY nosort LIMIT 0 0', []],
  ['SORT no LIMIT 0 2', []],
]);

table('SORT: BY', [
  ['SORT l BY w_*', ['10', '3', '2', '1']],
  ['SORT l BY w_* DESC', ['1', '2', '3', '10']],
  ['SORT l BY w_* LIMIT 0 2', ['10', '3']],
  ['SORT l BY w_* ALPHA', ['10', '3', '2', '1']],
  ['SORT l BY w_* ALPHA DESC', ['1', '2', '3', '10']],
  ['SORT l BY h_*->w', ['10', '3', '2', '1']],
  ['SORT l BY h_*->none', ['1', '10', '2', '3']],
  ['SORT l BY h_*->', ['1', '10', '2', '3']],
  ['SORT l BY str*', ['1', '10', '2', '3']],
  ['SORT l BY h_*', ['1', '10', '2', '3']],
  ['SORT l BY o_*', NOT_DOUBLE],
  ['SORT l BY o_* ALPHA LIMIT 0 1', ['3']],
  ['SORT l BY nosort', ['3', '1', '2', '10']],
  ['SORT l BY nosort DESC', ['10', '2', '1', '3']],
  ['SORT l BY #', ['3', '1', '2', '10']],
]);

table('SORT: GET', [
  ['SORT l GET #', ['1', '2', '3', '10']],
  ['SORT l GET w_*', ['30', '20', '10', null]],
  ['SORT l GET # GET w_* GET o_*', ['1', '30', 'one', '2', '20', 'two', '3', '10', null, '10', null, null]],
  ['SORT l GET h_*->name GET #', ['uno', '1', 'dos', '2', 'tres', '3', null, '10']],
  ['SORT l GET h_*->none', [null, null, null, null]],
  ['SORT l GET nostar', [null, null, null, null]],
  ['SORT l GET h_*', [null, null, null, null]],
  ['SORT l GET o_*->name', [null, null, null, null]],
  ['SORT l BY nosort GET # GET h_*->name', ['3', 'tres', '1', 'uno', '2', 'dos', '10', null]],
  ['SORT l BY w_* GET o_* LIMIT 0 2', [null, null]],
  ['SORT no GET # GET x', []],
  ['SORT l BY h_*->w GET h_*->name DESC', ['uno', 'dos', 'tres', null]],
]);

table('SORT: STORE', [
  ['SORT l STORE d', 4],
  ['LRANGE d 0 -1', ['1', '2', '3', '10']],
  ['OBJECT ENCODING d', 'listpack'],
  ['SORT l DESC STORE d LIMIT 0 2', 2],
  ['LRANGE d 0 -1', ['10', '3']],
  ['SORT l GET o_* GET # STORE d', 8],
  ['LRANGE d 0 -1', ['one', '1', 'two', '2', '', '3', '', '10']],
  ['SORT no STORE d', 0],
  ['LLEN d', 0],
  ['SORT no STORE d', 0],
  ['SORT s BY nosort STORE d', 3],
  ['LRANGE d 0 -1', ['2', '5', '9']],
  ['SORT s BY nosort DESC STORE d', 3],
  ['LRANGE d 0 -1', ['9', '5', '2']],
  ['SET over text EX 100', 'OK'],
  ['SORT l STORE over', 4],
  ['LRANGE over 0 -1', ['1', '2', '3', '10']],
  ['SORT l STORE l', 4],
  ['LRANGE l 0 -1', ['1', '2', '3', '10']],
  ['SORT words STORE d', NOT_DOUBLE],
  ['LRANGE d 0 -1', ['9', '5', '2']],
  ['SORT words ALPHA LIMIT 9 9 STORE d', 0],
  ['LLEN d', 0],
  ['SORT l STORE a STORE b', 4],
  ['LLEN a', 0],
  ['LLEN b', 4],
  ['SORT_RO l STORE d', SYNTAX],
]);

table('SORT_RO', [
  ['SORT_RO l', ['1', '2', '3', '10']],
  ['SORT_RO l DESC LIMIT 0 2', ['10', '3']],
  ['SORT_RO l BY w_* GET # GET o_*', ['10', null, '3', null, '2', 'two', '1', 'one']],
  ['SORT_RO words', NOT_DOUBLE],
  ['SORT_RO str', WRONG_TYPE],
  ['SORT_RO', "-ERR wrong number of arguments for 'sort_ro' command"],
]);

table('SORT: what counts as a number', [
  ['RPUSH n 1.5 -inf inf 0x10 1e2 -3', 6],
  ['SORT n', ['-inf', '-3', '1.5', '0x10', '1e2', 'inf']],
  ['RPUSH e 5 3 x', 3],
  ['SORT e', NOT_DOUBLE],
  ['SORT e ALPHA', ['3', '5', 'x']],
  ['LSET e 2 ', 'OK'],
  ['SORT e', ['', '3', '5']],
  ['LSET e 2 3x', 'OK'],
  ['SORT e', NOT_DOUBLE],
  ['LSET e 2 nan', 'OK'],
  ['SORT e', NOT_DOUBLE],
  ['LSET e 2 +7', 'OK'],
  ['SORT e', ['3', '5', '+7']],
  ['RPUSH t 01 1 1.0 001', 4],
  ['SORT t', ['001', '01', '1', '1.0']],
  ['SORT t DESC', ['1.0', '1', '01', '001']],
  ['LSET e 2 1e400', 'OK'],
  ['SORT e', NOT_DOUBLE],
]);

table('SORT: sorted sets', [
  ['SORT z', NOT_DOUBLE],
  ['SORT z ALPHA', ['a', 'b', 'c']],
  ['SORT z ALPHA DESC', ['c', 'b', 'a']],
  ['SORT z BY nosort', ['b', 'c', 'a']],
  ['SORT z BY nosort ASC', ['b', 'c', 'a']],
  ['SORT z BY nosort DESC', ['a', 'c', 'b']],
  ['SORT z BY nosort LIMIT 0 2', ['b', 'c']],
  ['SORT z BY nosort DESC LIMIT 0 2', ['a', 'c']],
  ['SORT z BY nosort DESC LIMIT 1 1', ['c']],
  ['SORT z BY nosort LIMIT 2 5', ['a']],
  ['SORT z BY nosort LIMIT 5 5', []],
  ['SORT z BY nosort LIMIT -3 2', ['b', 'c']],
  ['SORT z BY score ALPHA', ['b', 'c', 'a']],
  ['SORT z BY nosort DESC STORE d', 3],
  ['LRANGE d 0 -1', ['a', 'c', 'b']],
]);

describe('effects of STORE', () => {
  const rig = new EngineRig();
  for (const line of SEED) rig.line(line);
  rig.effects();
  const effectsOf = (line: string): string[][] => {
    rig.line(line);
    return rig.effects().words;
  };

  test('are what is stored', () => {
    expect(effectsOf('SORT l')).toEqual([]);
    expect(effectsOf('SORT no STORE d')).toEqual([]);
    expect(effectsOf('SORT l BY w_* GET o_* STORE d')).toEqual([['RPUSH', 'd', '', '', 'two', 'one']]);
    expect(effectsOf('SORT l STORE d LIMIT 0 2')).toEqual([['DEL', 'd'], ['RPUSH', 'd', '1', '2']]);
    expect(effectsOf('SORT words STORE d')).toEqual([]);
    expect(effectsOf('SORT no STORE d')).toEqual([['DEL', 'd']]);
  });
});

test('an expired key of a pattern is no key, and taking it out disturbs nothing', () => {
  const rig = new EngineRig();
  for (let i = 0; i < 50; i++) {
    rig.line(`RPUSH l ${i}`);
    rig.line(`SET w_${i} ${100 - i} PX ${i % 2 === 0 ? 1000 : 100000}`);
  }
  rig.engine.beginTurn(rig.engine.keyspace.nowMs + 5_000);
  const kept = Array.from({ length: 25 }, (_, i) => 49 - 2 * i);
  const gone = Array.from({ length: 25 }, (_, i) => String(2 * i)).sort();
  expect(rig.line('SORT l BY w_* GET # GET w_*')).toEqual([...gone.flatMap((n) => [n, null]), ...kept.flatMap((n) => [String(n), String(100 - n)])]);
  rig.check();
});

test('many elements, as a sort of numbers says', () => {
  const rig = new EngineRig();
  const random = randomOf(11);
  const numbers = Array.from({ length: 5000 }, () => Math.floor(random() * 2 ** 50) - 2 ** 49);
  rig.run('RPUSH', 'l', ...numbers);
  rig.run('SADD', 's', ...numbers);
  const ascending = [...numbers].sort((a, b) => a - b).map(String);
  expect(rig.line('SORT l')).toEqual(ascending);
  expect(rig.line('SORT s')).toEqual(ascending);
  expect(rig.line('SORT l DESC LIMIT 10 5')).toEqual([...ascending].reverse().slice(10, 15));
  expect(rig.line('SORT l BY nosort LIMIT 100 20')).toEqual(numbers.slice(100, 120).map(String));
  expect(rig.line('SORT l STORE d')).toBe(5000);
  expect(rig.line('LRANGE d 0 -1')).toEqual(ascending);
  rig.check();
});

test('keys: the first, and the one behind the last STORE', () => {
  const { table: commands } = new EngineRig().engine;
  const keysOf = (line: string): number[] => {
    const words = line.split(' ');
    return keyIndexes(commands.get(words[0]!)!, Request.of(...words)).map(({ index }) => index);
  };
  expect(keysOf('sort l')).toEqual([1]);
  expect(keysOf('sort l store d')).toEqual([1, 3]);
  expect(keysOf('sort l store d store e')).toEqual([1, 5]);
  expect(keysOf('sort l by store get store limit store 1 alpha')).toEqual([1]);
  expect(keysOf('sort_ro l by w_*')).toEqual([1]);
});
