/** The request that redis.call's arguments become is what they say, whatever the calls before it were. */
import { expect, test } from 'vitest';
import { CallArguments } from '../../src/scripting/call-arguments.ts';
import type { LuaValue } from '../../src/scripting/lua-engine.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { testSeed } from '../support/test-seed.ts';

const SEED = testSeed('ARGUMENTS_SEED');

function wordsOf({ request }: CallArguments): string[] {
  return Array.from({ length: request.argc }, (_, i) => request.string(i));
}

function textOf(value: LuaValue): string {
  return Object.is(value, -0) ? '0' : String(value);
}

test(`any calls, one behind the other (seed ${SEED})`, () => {
  const random = new SeededRandom(SEED);
  const args = new CallArguments();
  const word = (): LuaValue => {
    switch (random.below(8)) {
      case 0: return random.below(1000);
      case 1: return random.pick([0, -0, 1.5, -3, 2 ** 53]);
      case 2: return `${random.below(10)}`.repeat(random.pick([39, 40, 41, 200, 256, 257, 3000]));
      case 3: return '';
      case 4: return undefined;
      default: return random.pick(['field', 'value', '1', 'key:', 'fields', '\xff\0']) + String(random.below(3));
    }
  };
  for (let round = 0; round < 30_000; round++) {
    const values: LuaValue[] = [random.pick(['SET', 'HMSET', 'set', `made-up-${random.below(500)}`, 7])];
    for (let left = random.pick([0, 1, 2, 3, 5, 23, 24, 40]); left > 0; left--) values.push(word());
    if (random.below(3) > 0) {
      for (let i = 1; i < values.length; i++) values[i] ??= 'no nil';
    }
    expect(args.fill(values)).toBe(!values.includes(undefined));
    if (!values.includes(undefined)) expect(wordsOf(args)).toEqual(values.map(textOf));
  }
});

test('a word that grows at each call takes no more room than it needs', () => {
  const args = new CallArguments();
  for (let length = 0; length <= 256; length++) {
    args.fill(['APPEND', 'key', 'x'.repeat(length)]);
    expect(wordsOf(args)).toEqual(['APPEND', 'key', 'x'.repeat(length)]);
  }
  expect(args.request.buf.length).toBeLessThan(1024);
});

test('neither a boolean nor a table is a word', () => {
  const args = new CallArguments();
  expect(args.fill(['GET', 'key'])).toBe(true);
  expect(args.fill(['GET', false])).toBe(false);
  expect(args.fill(['GET', true])).toBe(false);
  expect(args.fill([true, 'key'])).toBe(false);
  expect(args.fill(['GET', 'other'])).toBe(true);
  expect(wordsOf(args)).toEqual(['GET', 'other']);
});
