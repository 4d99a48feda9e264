/** The same bytes to the parser and to a real redis-server: what comes back must be the same bytes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ParseStatus, RequestParser } from '../../src/protocol/request-parser.ts';
import { RespWriter } from '../../src/protocol/resp-writer.ts';
import { Request, latin1Bytes, latin1Slice } from '../../src/shared/request.ts';
import { RealRedis, encodeCommand, redisServerMissing } from './real-redis.ts';
import { SeededRandom } from './seeded-random.ts';

const PASSWORD = 'secret';
const AUTH = encodeCommand('AUTH', PASSWORD);
const FUZZ_ROUNDS = Number(process.env['FUZZ_ROUNDS'] ?? 1500);

/** A server that knows AUTH and ECHO: the replies that Redis would give, or null where it depends on more than these. */
function answer(text: string): string | null {
  const bytes = latin1Bytes(text);
  const parser = new RequestParser({ bulkBytesMax: 512 * 1024 * 1024 });
  parser.authenticated = false;
  const request = new Request();
  const writer = new RespWriter();
  for (let at = 0; at < bytes.length; at = parser.next) {
    const status = parser.parse(bytes, at, bytes.length, request);
    if (status === ParseStatus.incomplete) break;
    if (status === ParseStatus.error) {
      writer.error(parser.error);
      break;
    }
    if (status === ParseStatus.empty) continue;
    if (request.is(0, 'ECHO') && request.argc === 2 && parser.authenticated) writer.bulkString(request.string(1));
    else if (request.is(0, 'AUTH') && request.argc === 2 && request.string(1) === PASSWORD) {
      parser.authenticated = true;
      writer.ok();
    } else return null;
  }
  return latin1Slice(writer.buf, 0, writer.pos);
}

const echo = encodeCommand('ECHO', 'hi');

const TABLE: string[] = [
  '*x\r\n', '*\r\n', '*+2\r\n', '*02\r\n', '*-0\r\n', '* 2\r\n', '*2 \r\n', '*2147483648\r\n', '*9223372036854775808\r\n',
  '*-9223372036854775808\r\n', '*-9223372036854775809\r\n', '*2147483647\r\n', '*0\r\n', '*-1\r\n', '*1234567890123456789012\r\n',
  '*2\r\n$4\r\nECHO\r\nx2\r\nhi\r\n', '*2\r\n$4\r\nECHO\r\n\r\n', '*2\r\n$4\r\nECHO\r\n\n2\r\nhi\r\n', '*2\r\n$4\r\nECHO\r\n\xe92\r\nhi\r\n',
  '*2\r\n$\r\n', '*2\r\n$x\r\n', '*2\r\n$-1\r\n', '*2\r\n$-4\r\nECHO\r\n', '*2\r\n$04\r\nECHO\r\n', '*2\r\n$4 \r\n', '*2\r\n$4:\r\n',
  '*2\r\n$:\r\nECHO\r\n', '*2\r\n$/\r\nECHO\r\n', '*2\r\n$536870913\r\n', '*2\r\n$536870912\r\n', '*2\r\n$9223372036854775808\r\n',
  '*2\r\n$4\r\nECHO\r\n$00\r\n\r\n', '*2\r\n$4\r\nECHO\r\n$0\r\n\r\n', '*2\rX$4\rXECHOxx$2\r\nhi--',
  'ECHO "a\r\n', "ECHO 'a\r\n", 'ECHO "a"b\r\n', "ECHO 'a'b\r\n", 'ECHO "a\\\r\n', 'ECHO "a\\"\r\n', '"\r\n', "'\r\n",
  'ECHO hi\n', '  ECHO\thi  \r\n', '\r\n\n\r\n', '"ECHO" "\\x41\\x6fz\\n\\r\\t\\b\\a\\q\\"\\\\"\r\n', "ECHO 'b \"c\\' \\n\\x41'\r\n",
  'ECHO foo"bar baz"\r\n', 'ECHO "\\x4"\r\n', 'ECHO "\\xzz"\r\n', 'ECHO ""\r\n', 'EC"HO" x\'y z\'\r\n', 'ECHO\x0bhi\r\n', 'ECHO a\x0bb\r\n',
  '\x0bECHO\r\thi\x0c\r\n', 'ECHO "a"\x0b\r\n', 'ECHO \xff\xfe\r\n', '\x80\r\n',
  `ECHO ${'y'.repeat(60_000)}\r\n`,
].flatMap((text) => [AUTH + text, AUTH + echo + text + echo, text]);

/** Nothing may follow: whether Redis sees the end of the line before it counts the bytes depends on how they arrive. */
const TOO_LONG: string[] = [`*${'1'.repeat(70_000)}`, `*1\r\n$${'1'.repeat(70_000)}`, 'x'.repeat(90_000)];

const UNAUTHENTICATED: string[] = [
  encodeCommand(...Array.from({ length: 11 }, () => 'a')),
  '*10\r\n$16385\r\n', '*10\r\n$16384\r\n', '*10\r\n$-1\r\n', '*11\r\n', '*2147483648\r\n', '*1\r\n$9999999999\r\n',
];

describe.skipIf(redisServerMissing)('requests that a real redis-server refuses, and those that it takes', () => {
  let redis: RealRedis;
  beforeAll(async () => {
    redis = await RealRedis.start('--requirepass', PASSWORD);
  });
  afterAll(() => redis.stop());

  async function compare(text: string): Promise<boolean> {
    const ours = answer(text);
    if (ours === null) return false;
    expect(latin1(await redis.exchange(latin1Bytes(text))), JSON.stringify(text.slice(0, 200))).toBe(ours);
    return true;
  }

  test('a table', async () => {
    let compared = 0;
    for (const text of [...TABLE, ...TOO_LONG, ...UNAUTHENTICATED]) if (await compare(text)) compared++;
    expect(compared).toBeGreaterThan(120);
  });

  test(`${FUZZ_ROUNDS} damaged streams`, async () => {
    const random = new SeededRandom();
    const base = AUTH + echo + 'ECHO "a\\x41" \r\n*0\r\n' + encodeCommand('ECHO', 'x'.repeat(12)) + "ECHO 'q'\r\n";
    const alphabet = '*$\r\n\r\n0123456789-"\'\\ x';
    let compared = 0;
    for (let round = 0; round < FUZZ_ROUNDS; round += 8) {
      const texts = Array.from({ length: 8 }, () => {
        let text = base;
        for (let n = random.below(3); n >= 0; n--) {
          const at = AUTH.length + random.below(text.length - AUTH.length);
          text = text.slice(0, at) + random.pick(['', random.pick(alphabet)]) + text.slice(at + random.below(2));
        }
        return text;
      });
      const results = await Promise.all(texts.map(compare)).catch((error: unknown) => {
        throw new Error(`SEED=${random.seed}`, { cause: error });
      });
      compared += results.filter(Boolean).length;
    }
    expect(compared).toBeGreaterThan(FUZZ_ROUNDS / 4);
  });
});

function latin1(bytes: Buffer): string {
  return bytes.toString('latin1');
}
