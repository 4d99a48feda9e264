/** LCS: replies as redis-server 7.0 gives them. */
import { expect, test } from 'vitest';
import { EngineRig } from './engine-rig.ts';
import type { Value } from './recording-reply.ts';

const ROWS: readonly (readonly [string, Value])[] = [
  ['LCS a b', 'mytext'],
  ['LCS b a', 'mytext'],
  ['LCS a b LEN', 6],
  ['LCS a b IDX', ['matches', [[[4, 7], [5, 8]], [[2, 3], [0, 1]]], 'len', 6]],
  ['LCS a b IDX WITHMATCHLEN', ['matches', [[[4, 7], [5, 8], 4], [[2, 3], [0, 1], 2]], 'len', 6]],
  ['LCS a b IDX MINMATCHLEN 4', ['matches', [[[4, 7], [5, 8]]], 'len', 6]],
  ['LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN', ['matches', [[[4, 7], [5, 8], 4]], 'len', 6]],
  ['LCS a b IDX MINMATCHLEN -1', ['matches', [[[4, 7], [5, 8]], [[2, 3], [0, 1]]], 'len', 6]],
  ['LCS a b idx minmatchlen 99 withmatchlen', ['matches', [], 'len', 6]],
  ['LCS a b WITHMATCHLEN', 'mytext'],
  ['LCS a b MINMATCHLEN 4', 'mytext'],
  ['LCS a b IDX LEN', '-ERR If you want both the length and indexes, please just use IDX.'],
  ['LCS a b LEN IDX FOO', '-ERR syntax error'],
  ['LCS a b FOO', '-ERR syntax error'],
  ['LCS a b MINMATCHLEN', '-ERR syntax error'],
  ['LCS a b MINMATCHLEN x', '-ERR value is not an integer or out of range'],
  ['LCS a no', ''],
  ['LCS no a LEN', 0],
  ['LCS no no2 IDX', ['matches', [], 'len', 0]],
  ['LCS no a IDX WITHMATCHLEN', ['matches', [], 'len', 0]],
  ['LCS a a', 'ohmytext'],
  ['LCS a a IDX', ['matches', [[[0, 7], [0, 7]]], 'len', 8]],
  ['LCS h a', '-ERR The specified keys must contain string values'],
  ['LCS a h LEN', '-ERR The specified keys must contain string values'],
  ['LCS no h', '-ERR The specified keys must contain string values'],
  ['LCS a h FOO', '-ERR The specified keys must contain string values'],
  ['LCS h a FOO', '-ERR The specified keys must contain string values'],
  ['LCS a', "-ERR wrong number of arguments for 'lcs' command"],
];

test('options and errors', () => {
  const rig = new EngineRig();
  rig.line('MSET a ohmytext b mynewtext');
  rig.line('HSET h f 1');
  for (const [line, reply] of ROWS) expect(rig.line(line), line).toEqual(reply);
});

/** Two strings, and which of their subsequences and pieces Redis chooses where there are several. */
const CHOICES: readonly (readonly [string, string, string, Value])[] = [
  ['cgabbf', 'adabggbdbg', 'abb', [[[4, 4], [6, 6]], [[2, 3], [2, 3]]]],
  ['c', 'ac', 'c', [[[0, 0], [1, 1]]]],
  ['agadacegcbe', 'cbdfbbadh', 'cb', [[[8, 9], [0, 1]]]],
  ['cbbbcbbbaac', 'aacbcbbcbbcaa', 'cbbbcbbaa', [[[8, 9], [11, 12]], [[6, 7], [8, 9]], [[2, 4], [5, 7]], [[0, 1], [2, 3]]]],
  ['gcfchgabf', 'fhhbbe', 'fhb', [[[7, 7], [3, 3]], [[4, 4], [1, 1]], [[2, 2], [0, 0]]]],
  ['ccaaccbc', 'cbbcbcbabb', 'ccbc', [[[5, 7], [3, 5]], [[4, 4], [0, 0]]]],
  ['bha', 'ecdg', '', []],
  ['baabbcb', 'bcb', 'bcb', [[[4, 6], [0, 2]]]],
  ['gfgdcbccddah', 'ceeacgffcahggg', 'cccah', [[[10, 11], [9, 10]], [[7, 7], [8, 8]], [[6, 6], [4, 4]], [[4, 4], [0, 0]]]],
  ['abcbaaa', 'baab', 'baa', [[[5, 6], [1, 2]], [[3, 3], [0, 0]]]],
  ['abacbfabdg', 'eff', 'f', [[[5, 5], [1, 1]]]],
  ['aabbbbba', 'acb', 'ab', [[[6, 6], [2, 2]], [[1, 1], [0, 0]]]],
  ['ehcadfcaebef', 'fdf', 'ff', [[[11, 11], [2, 2]], [[5, 5], [0, 0]]]],
  ['acaabcaacbb', 'aabbbaccbbcb', 'aabacbb', [[[10, 10], [11, 11]], [[9, 9], [9, 9]], [[8, 8], [7, 7]], [[7, 7], [5, 5]], [[2, 4], [0, 2]]]],
  ['bdbdhd', 'dhahfb', 'dh', [[[3, 4], [0, 1]]]],
  ['cabcababcbacbb', 'cacaaaa', 'cacaaa', [[[10, 10], [5, 5]], [[6, 6], [4, 4]], [[3, 4], [2, 3]], [[0, 1], [0, 1]]]],
  ['hch', 'fccaabcgdda', 'c', [[[1, 1], [1, 1]]]],
  ['abcac', 'bcbaac', 'bcac', [[[3, 4], [4, 5]], [[1, 2], [0, 1]]]],
  ['hgccah', 'caccchbafhbad', 'ccah', [[[5, 5], [9, 9]], [[4, 4], [7, 7]], [[2, 3], [3, 4]]]],
  ['baac', 'caabbccc', 'aac', [[[3, 3], [7, 7]], [[1, 2], [1, 2]]]],
  ['dehhdedhc', 'bghfbdg', 'hd', [[[6, 6], [5, 5]], [[3, 3], [2, 2]]]],
  ['ac', 'aaccc', 'ac', [[[1, 1], [4, 4]], [[0, 0], [1, 1]]]],
  ['cechdb', 'hcdcggf', 'hd', [[[4, 4], [2, 2]], [[3, 3], [0, 0]]]],
  ['abbacba', 'cbbcab', 'bbca', [[[6, 6], [4, 4]], [[4, 4], [3, 3]], [[1, 2], [1, 2]]]],
  ['ebbdbb', 'eacec', 'e', [[[0, 0], [0, 0]]]],
  ['bcbbacccbcbaba', 'cababacabacaa', 'cbbacbcaa', [[[13, 13], [12, 12]], [[11, 11], [11, 11]], [[9, 9], [10, 10]], [[8, 8], [8, 8]], [[7, 7], [6, 6]], [[3, 4], [4, 5]], [[2, 2], [2, 2]], [[1, 1], [0, 0]]]],
  ['bhafg', 'cadbc', 'a', [[[2, 2], [1, 1]]]],
  ['aaabc', 'cabbc', 'abc', [[[3, 4], [3, 4]], [[2, 2], [1, 1]]]],
  ['cefaeaaadhd', 'bghgeddf', 'edd', [[[10, 10], [6, 6]], [[8, 8], [5, 5]], [[4, 4], [4, 4]]]],
  ['ccca', 'baaaacc', 'cc', [[[1, 2], [5, 6]]]],
  ['gcabg', 'edeahccehaefff', 'ca', [[[2, 2], [9, 9]], [[1, 1], [6, 6]]]],
  ['abab', 'abb', 'abb', [[[3, 3], [2, 2]], [[0, 1], [0, 1]]]],
  ['he', 'ddabebcga', 'e', [[[1, 1], [4, 4]]]],
  ['abbcaac', 'acccbbcba', 'abbca', [[[5, 5], [8, 8]], [[1, 3], [4, 6]], [[0, 0], [0, 0]]]],
  ['cagca', 'dbaacfbghaadhe', 'aca', [[[4, 4], [10, 10]], [[3, 3], [4, 4]], [[1, 1], [2, 2]]]],
  ['b', 'acccaccaccbba', 'b', [[[0, 0], [11, 11]]]],
  ['edddhhgbheadbc', 'eecaha', 'eec', [[[13, 13], [2, 2]], [[9, 9], [1, 1]], [[0, 0], [0, 0]]]],
  ['bcacacbb', 'cbbbbacababa', 'cacabb', [[[7, 7], [10, 10]], [[6, 6], [8, 8]], [[2, 4], [5, 7]], [[1, 1], [0, 0]]]],
  ['hbheg', 'dbbc', 'b', [[[1, 1], [1, 1]]]],
  ['cbbacccbacba', 'bbaaabcb', 'bbaacb', [[[9, 10], [6, 7]], [[8, 8], [4, 4]], [[1, 3], [0, 2]]]],
];

test.each(CHOICES)('%s and %s have %s', (a, b, subsequence, pieces) => {
  const rig = new EngineRig();
  rig.run('MSET', 'x', a, 'y', b);
  expect(rig.line('LCS x y')).toBe(subsequence);
  expect(rig.line('LCS x y LEN')).toBe(subsequence.length);
  expect(rig.line('LCS x y IDX')).toEqual(['matches', pieces, 'len', subsequence.length]);
});

test('the table is held to proto-max-bulk-len', () => {
  const rig = new EngineRig();
  rig.limits.protoMaxBulkLen = 400;
  rig.run('MSET', 'x', 'x'.repeat(9), 'y', 'x'.repeat(9), 'z', 'x'.repeat(10));
  expect(rig.line('LCS x y LEN')).toBe(9);
  expect(rig.line('LCS x z LEN')).toBe('-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len');
});

test('RESP3: IDX is a map', () => {
  const rig = new EngineRig(1, 3);
  rig.line('MSET x a y b');
  expect(rig.raw('LCS', 'x', 'y', 'IDX')).toBe('%2\r\n$7\r\nmatches\r\n*0\r\n$3\r\nlen\r\n:0\r\n');
});
