/** Numbers against a real redis-server: what it takes for a number, and the exact results of its long doubles. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RespError, type RespValue } from '../../src/protocol/resp-reader.ts';
import { addLongDoubles, formatLongDouble, longDoubleOf, parseLongDouble } from '../../src/shared/long-double.ts';
import { parseDoubleStrict, parseIntegerStrict, parsedInteger } from '../../src/shared/number-text.ts';
import { latin1Bytes } from '../../src/shared/request.ts';
import { RealRedis, redisServerMissing } from '../protocol/real-redis.ts';
import { SeededRandom } from '../protocol/seeded-random.ts';

const PAIRS = Number(process.env['PAIRS'] ?? 6000);

/** INCRBYFLOAT as a handler would do it. */
function incrementByFloat(current: string, increment: string): string {
  const value = parseLongDouble(current);
  const by = parseLongDouble(increment);
  if (value === null || by === null) return 'ERR value is not a valid float';
  const sum = addLongDoubles(value, by);
  return sum.special === '' ? formatLongDouble(sum) : 'ERR increment would produce NaN or Infinity';
}

function shown(reply: RespValue): string {
  return reply instanceof RespError ? reply.message : String(reply);
}

function randomFloatText(random: SeededRandom): string {
  const digits = (n: number): string => Array.from({ length: n }, () => random.below(10)).join('');
  const sign = random.pick(['', '', '-', '+']);
  switch (random.below(10)) {
    case 0:
    case 1:
    case 2:
      return `${sign}${random.below(1000)}.${digits(1 + random.below(4))}`;
    case 3:
      return `${sign}${random.below(10)}.${digits(15 + random.below(8))}`;
    case 4:
      return `${sign}${digits(1 + random.below(25))}`;
    case 5:
      return `${sign}${digits(1 + random.below(20))}.${digits(random.below(30))}`;
    case 6:
      return `${sign}${random.below(10)}.${digits(random.below(20))}e${random.below(80) - 40}`;
    case 7:
      return `${sign}${digits(1 + random.below(3))}e${random.below(10400) - 5200}`;
    case 8:
      return `${sign}0x${random.below(2 ** 32).toString(16)}.${random.below(2 ** 32).toString(16)}p${random.below(60) - 30}`;
    default:
      return String((random.float() - 0.5) * 10 ** (random.below(30) - 10));
  }
}

/** Texts near the border between number and no number. */
function randomOddText(random: SeededRandom): string {
  const pieces = ['0', '1', '9', '12', '.', '-', '+', 'e', 'E', 'x', '0x', 'p', 'inf', 'inity', 'nan', ' ', 'a', '308', '-324', '\0', '\n', '9223372036854775807', '8'];
  return Array.from({ length: 1 + random.below(5) }, () => random.pick(pieces)).join('');
}

describe.skipIf(redisServerMissing)('numbers as a real redis-server has them', () => {
  let redis: RealRedis;
  const random = new SeededRandom();
  beforeAll(async () => {
    redis = await RealRedis.start();
  });
  afterAll(() => redis.stop());

  async function sums(pairs: [string, string][]): Promise<string[]> {
    const commands = pairs.flatMap(([a, b], i) => [['SET', `k${i}`, a], ['INCRBYFLOAT', `k${i}`, b]]);
    const replies = await redis.run(commands);
    return pairs.map((_, i) => shown(replies[2 * i + 1]!));
  }

  test(`INCRBYFLOAT of ${PAIRS} random pairs`, async () => {
    const pairs = Array.from({ length: PAIRS }, (): [string, string] => [randomFloatText(random), randomFloatText(random)]);
    const theirs = await sums(pairs);
    const differences = pairs.flatMap(([a, b], i) => {
      const ours = incrementByFloat(a, b);
      return ours === theirs[i] ? [] : [`${a} + ${b}: ${ours}, Redis says ${theirs[i]!}`];
    });
    expect(differences, `SEED=${random.seed}`).toEqual([]);
  });

  test('INCRBYFLOAT again and again', async () => {
    const steps = Array.from({ length: 1000 }, () => random.pick(['0.1', '-0.3', '1.1', '1e-15', '3.3333333333333333', '-2.7e3']));
    const replies = await redis.run(steps.map((step) => ['INCRBYFLOAT', 'sum', step]));
    let value = '0';
    for (const [i, step] of steps.entries()) {
      value = incrementByFloat(value, step);
      expect(value, `SEED=${random.seed} step ${i}`).toBe(shown(replies[i]!));
    }
  });

  test('INCRBYFLOAT at the borders', async () => {
    const pairs: [string, string][] = [
      ['1e4932', '1e4932'], ['1e4932', '0'], ['1.18973149535723176502e4932', '0'], ['1.18973149535723176508e4932', '0'], ['-1e4932', '-1e4932'],
      ['1e4933', '0'], ['1e-4950', '0'], ['1e-4951', '0'], ['1e-4952', '0'], ['3.6e-4951', '0'], ['1.8e-4951', '0'], ['1e-99999999', '0'], ['0e99999999', '0'],
      ['inf', '1'], ['-inf', 'inf'], ['inf', 'inf'], ['1', 'infinity'], ['nan', '1'], ['1', 'nan'], ['', '1'], ['1', ''], [' 1', '1'], ['1 ', '1'],
      ['-0', '0'], ['-0.0', '-0'], ['-1e-20', '0'], ['5e-18', '0'], ['-5e-18', '0'], ['5.1e-18', '0'], ['0.5', '-0.5'], ['18446744073709551615', '1'],
      ['18446744073709551616', '1'], ['9223372036854775807', '0.5'], ['0x', '1'], ['0x.', '1'], ['0x1p', '1'], ['0x1p16383', '0'], ['0x1p16384', '0'],
      ['0x1p-16445', '0'], ['0x1p-16446', '0'], ['.', '1'], ['1.', '.5'], ['1e', '1'], ['3.0e3', '200'], ['10.50', '0.1'], ['1'.repeat(5119), '1'],
      [`0.${'0'.repeat(5000)}1`, '1'], [`0.${'1'.repeat(5200)}`, '1'], ['0.1', '0.2'], ['1.1', '2.2'], ['1e17', '0.1'], ['-1e17', '0.1'],
    ];
    const theirs = await sums(pairs);
    for (const [i, [a, b]] of pairs.entries()) expect(incrementByFloat(a, b), `${a.slice(0, 40)} + ${b}`).toBe(theirs[i]);
  });

  test('a double as a long double (GEOPOS)', async () => {
    const texts = Array.from({ length: 500 }, () => String((random.float() - 0.5) * 10 ** random.below(12)));
    // Lua's numbers are doubles, and %.17f prints one as Redis's long double format does, trailing zeros aside.
    const replies = await redis.run(texts.map((text) => ['EVAL', "return string.format('%.17f', tonumber(ARGV[1]))", '0', text]));
    for (const [i, text] of texts.entries()) {
      const trimmed = shown(replies[i]!).replace(/\.?0+$/, '');
      expect(formatLongDouble(longDoubleOf(Number(text))), `SEED=${random.seed} ${text}`).toBe(trimmed);
    }
  });

  test('what is a double (ZADD), and which', async () => {
    const texts = Array.from({ length: 6000 }, () => random.pick([randomOddText, randomFloatText])(random));
    const replies = await redis.run(texts.flatMap((text, i) => [['ZADD', `z${i}`, text, 'm'], ['ZSCORE', `z${i}`, 'm']]));
    for (const [i, text] of texts.entries()) {
      const accepted = !(replies[2 * i] instanceof RespError);
      const bytes = latin1Bytes(text);
      const value = parseDoubleStrict(bytes, 0, bytes.length);
      const theirs = accepted ? Number(shown(replies[2 * i + 1]!).replace('inf', 'Infinity')) : NaN;
      // A sorted set small enough to be packed forgets the sign of zero.
      expect(value === 0 ? 0 : value, `SEED=${random.seed} ${JSON.stringify(text)}`).toBe(theirs === 0 ? 0 : theirs);
    }
  });

  test('what is an integer (INCRBY)', async () => {
    const digits = (n: number): string => Array.from({ length: n }, () => random.below(10)).join('');
    const texts = Array.from({ length: 6000 }, () =>
      random.below(2) === 0 ? randomOddText(random) : random.pick(['', '-']) + digits(1 + random.below(21)));
    const replies = await redis.run(texts.map((text, i) => ['INCRBY', `i${i}`, text]));
    for (const [i, text] of texts.entries()) {
      const bytes = latin1Bytes(text);
      const ok = parseIntegerStrict(bytes, 0, bytes.length);
      const ours = ok ? String(parsedInteger.isSafe ? parsedInteger.value : parsedInteger.big) : 'ERR value is not an integer or out of range';
      expect(ours, `SEED=${random.seed} ${JSON.stringify(text)}`).toBe(shown(replies[i]!));
    }
  });
});
