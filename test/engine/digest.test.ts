/** DEBUG DIGEST and DIGEST-VALUE: the same bits that redis-server 7.0 gives for the same data. */
import { describe, expect, test } from 'vitest';
import { formatSeventeen } from '../../src/engine/digest.ts';
import { debugRig } from './debug-rig.ts';
import type { EngineRig } from './engine-rig.ts';

/** What to store under "k", the value's digest and the data set's. */
type Row = readonly [name: string, commands: readonly (readonly string[])[], value: string, dataset: string];

function many(count: number, make: (i: number) => readonly string[]): string[] {
  return Array.from({ length: count }, (_, i) => make(i)).flat();
}

const ROWS: readonly Row[] = [
  ['empty string', [['SET', 'k', '']], '8b3447c33a834b810e3e181b6fd6a2ee1020921c', '15784ec79e7a3914ea55650c4b22a0f1c4b3c499'],
  ['a string', [['SET', 'k', 'hello']], '36b23a1456b2dce2c3ed252c456761301dba8060', 'd101db227d1e3b31616b18b0b8700f84c3ffa5e9'],
  ['an integer', [['SET', 'k', '12345']], 'e1cf90774e995ae03de66e8109dc5cb9d9c2dc83', 'f5faf050bcaa840acaedaf70b477448e8acd4aea'],
  ['a string longer than a block', [['SET', 'k', 'x'.repeat(200)]], '992db580938b348a99a8e3e64873c29e8e10309b', 'babc2f8db46051da36a93cbaca7dafb7d61aaeeb'],
  ['a string with an expiry', [['SET', 'k', 'hello', 'EX', '1000']], 'd037c4eb8a8b36b602fbced4000daeab0714c1e3', '95d5f52bc5471efa1f0fdce29d0364c17b210e0c'],
  ['a small hash', [['HSET', 'k', 'a', '1', 'b', 'two']], 'aaec2dd6dd5d0e6fbdce75b84b029b773e920b00', '3013f8c09beb06315598039f2a65a646c0857eb1'],
  ['a large hash', [['HSET', 'k', ...many(300, (i) => [`f${i}`, `v${i * i}`])]], '46dad3fe3ef01446f86d73dd8b159ef5b8d6cdd8', '18d4eea2340995b61c2f3fd8f7d034567424bcbe'],
  ['integers', [['SADD', 'k', '3', '-1', '9223372036854775807', '70000']], '0d77f1a601ddec5653408e91a4580d0cd71d857b', '83030ec430901e616cb666a3c6168a46895bb9ae'],
  ['a small set', [['SADD', 'k', 'a', 'b', '3']], 'aa475a4a8f122ca5936aa41d911aacf8c93b827d', '228db89bffcf0451cd8caa4a845423f34ce57408'],
  ['a large set', [['SADD', 'k', ...many(300, (i) => [`m${i}`])]], 'd13aaa731d622ad768ec25a6f062fea0c039fe97', '701f2d764723b95ede320ab73ca9345e4daea8f8'],
  ['a small list', [['RPUSH', 'k', 'a', 'b', '3', 'b']], 'bd79f096aeba53c184060854be1cbbda99923d4a', '4b25c86fef033b75a27d0d82f4968717cb896223'],
  ['a large list', [['RPUSH', 'k', ...many(3000, (i) => [`e${i}`])]], '775da397c479d43dc85a2e3938f7f9f998b0e6d2', 'c25a5bd8cdaaab711c6b7f3c739488abde78ac4a'],
  ['a small sorted set', [['ZADD', 'k', '1', 'a', '2.5', 'b', 'inf', 'c', '-inf', 'd', '0.1', 'e', '1e17', 'f', '-1.5e-7', 'g']], '3df4c30c4e28fa6345b3aef7b7e90c03a243aaad', '9cbbe6cf5815c5f1f19435d956213ad98fce6222'],
  ['a large sorted set', [['ZADD', 'k', ...many(300, (i) => [String(i * 0.37), `m${i}`])]], 'c6d5eec42ae2cc8d62e5f74121a638bc032e2227', '4c585c69a71de4b06cdd3f874d3c038196367bf4'],
  ['a hash with an expiry', [['HSET', 'k', 'a', '1'], ['EXPIRE', 'k', '1000']], '84ef85a87e5012a5b8b2a2fa00e404b4438e92de', '5f20e29a50738a783e0deae3043a9f5a4d186b10'],
];

const known = debugRig().engine.table;

// A row whose commands the engine does not have yet waits for them.
describe.each(ROWS)('%s', (_, commands, value, dataset) => test.runIf(commands.every(([name]) => known.get(name!.toLowerCase())))('is the same', () => {
  const rig = debugRig();
  for (const words of commands) expect(String(rig.run(...words)).startsWith('-'), words.slice(0, 3).join(' ')).toBe(false);
  expect(rig.line('DEBUG DIGEST-VALUE k no')).toEqual([value, '0'.repeat(40)]);
  expect(rig.line('DEBUG DIGEST')).toBe(dataset);
}));

function fill(rig: EngineRig, order: (i: number) => number): void {
  for (let i = 0; i < 100; i++) rig.line(`SET s${order(i)} v${order(i)}`);
  rig.line('HSET h a 1');
  rig.line('SADD t x y');
  rig.session.db = 2;
  rig.line('SET s1 other');
  rig.line('SET gone 1 PX 100000');
  rig.session.db = 0;
}

const DATASET = 'df44c48e812a220c35cf99a8295b8f0c1d83f899';

describe('a data set', () => {
  test('of several databases, whatever the order of writing', () => {
    for (const order of [(i: number): number => i, (i: number): number => 99 - i, (i: number): number => (i * 37) % 100]) {
      const rig = debugRig(order(5) + 1);
      fill(rig, order);
      expect(rig.line('DEBUG DIGEST')).toBe(DATASET);
    }
  });

  test('without keys', () => {
    expect(debugRig().line('DEBUG DIGEST')).toBe('0'.repeat(40));
  });

  test('with an expired key that is still there', () => {
    const rig = debugRig();
    fill(rig, (i) => i);
    rig.engine.beginTurn(rig.engine.keyspace.nowMs + 200_000);
    expect(rig.line('DEBUG DIGEST')).toBe(DATASET);
    rig.session.db = 2;
    expect(rig.line('DEBUG DIGEST-VALUE gone')).toEqual(['0'.repeat(40)]);
    expect(rig.line('DEBUG DIGEST')).not.toBe(DATASET);
  });
});

// Figures of C's printf("%.17g").
test.each([
  [0, '0'], [-0, '-0'], [1, '1'], [0.1, '0.10000000000000001'], [1e16, '10000000000000000'], [1e17, '1e+17'],
  [123456789012345680, '1.2345678901234568e+17'], [0.0001, '0.0001'], [0.00001, '1.0000000000000001e-05'],
  [5e-324, '4.9406564584124654e-324'], [1.5e300, '1.5000000000000001e+300'], [Infinity, 'inf'], [-Infinity, '-inf'],
  [-1.5e-7, '-1.4999999999999999e-07'], [100001 / 2 ** 18, '0.38147354125976562'], [300003 / 2 ** 18, '1.1444206237792969'],
])('%d has 17 digits', (value, text) => {
  expect(formatSeventeen(value)).toBe(text);
});
