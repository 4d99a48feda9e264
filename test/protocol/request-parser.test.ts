/** The request parser: what it finds, what it refuses and in which words, however the bytes are cut, and at what cost. */
import { describe, expect, test } from 'vitest';
import { ParseStatus, type ParserLimits, PendingInput, RequestParser } from '../../src/protocol/request-parser.ts';
import { Request, latin1Bytes } from '../../src/shared/request.ts';
import { encodeCommand } from './real-redis.ts';
import { SeededRandom } from './seeded-random.ts';

const LIMITS: ParserLimits = { bulkBytesMax: 512 * 1024 * 1024 };
const FUZZ_ROUNDS = Number(process.env['FUZZ_ROUNDS'] ?? 4000);

/** What a connection does: every command as its arguments, or the text of the error that ends it. */
type Event = string[] | string;

class Harness {
  readonly parser: RequestParser;
  readonly pending = new PendingInput();
  readonly request = new Request();
  readonly requestsAhead = Array.from({ length: 4 }, () => new Request());
  readonly events: Event[] = [];
  failed = false;

  constructor(limits = LIMITS, authenticated = true) {
    this.parser = new RequestParser(limits);
    this.parser.authenticated = authenticated;
  }

  /** Bytes have arrived in a buffer that is overwritten afterwards, as a shared read buffer is. */
  receive(bytes: Uint8Array): void {
    if (this.failed) return;
    const shared = new Uint8Array(bytes.length + 20).fill(0x24);
    shared.set(bytes, 7);
    const { pending } = this;
    if (pending.length > 0) {
      pending.append(shared, 7, 7 + bytes.length);
      pending.consume(this.#run(pending.buf, pending.start, pending.end) - pending.start);
    } else {
      const at = this.#run(shared, 7, 7 + bytes.length);
      pending.append(shared, at, 7 + bytes.length);
    }
    shared.fill(0x0d);
  }

  #run(buf: Uint8Array, start: number, end: number): number {
    const { parser, request, requestsAhead } = this;
    let at = start;
    let ahead = 0;
    let taken = 0;
    while (at < end) {
      if (taken === ahead) {
        ahead = parser.ahead(buf, at, end, requestsAhead);
        taken = 0;
      }
      const status = parser.parse(buf, at, end, request);
      // What was found ahead is what comes, and nothing of it was remembered.
      if (taken < ahead) {
        const found = requestsAhead[taken++]!;
        const last = found.argc - 1;
        expect([status, parser.next]).toEqual([ParseStatus.command, found.off[last]! + found.len[last]! + 2]);
        expect(wordsOf(found)).toEqual(wordsOf(request));
      }
      if (status === ParseStatus.incomplete) break;
      if (status === ParseStatus.error) {
        this.events.push(parser.error);
        this.failed = true;
        return end;
      }
      expect(parser.next).toBeGreaterThan(at);
      expect(parser.next).toBeLessThanOrEqual(end);
      at = parser.next;
      if (status === ParseStatus.empty) continue;
      expect(request.argc).toBeGreaterThan(0);
      this.events.push(wordsOf(request));
    }
    return at;
  }
}

function wordsOf(request: Request): string[] {
  return Array.from({ length: request.argc }, (_, i) => request.string(i));
}

function parseAll(text: string, limits = LIMITS, authenticated = true): Event[] {
  const harness = new Harness(limits, authenticated);
  harness.receive(latin1Bytes(text));
  return harness.events;
}

test('commands are found ahead as long as they are small, plain and complete, and as many as there is room for', () => {
  const ping = '*1\r\n$4\r\nPING\r\n';
  const found = (text: string, room = 8): number => {
    const parser = new RequestParser(LIMITS);
    return parser.ahead(latin1Bytes(text), 0, text.length, Array.from({ length: room }, () => new Request()));
  };
  expect(found('')).toBe(0);
  expect(found(ping.repeat(5))).toBe(5);
  expect(found(ping.repeat(5), 3)).toBe(3);
  for (let cut = 1; cut < ping.length; cut++) expect(found(ping.repeat(2) + ping.slice(0, cut))).toBe(2);
  const echo = (length: number): string => `*2\r\n$4\r\nECHO\r\n$${length}\r\n${'x'.repeat(length)}\r\n`;
  expect(found(echo(16384) + ping)).toBe(2);
  // What these mean depends on what was configured, or on who the client is by then.
  for (const other of [echo(16385), 'PING\r\n', '*0\r\n', '*10\r\n', '*-1\r\n', '*1\r\n$04\r\nPING\r\n', '*1\r\n+PING\r\n', '\r\n']) expect(found(ping + other + ping)).toBe(1);
});

describe('requests', () => {
  const many = Array.from({ length: 1500 }, (_, i) => `arg${i}`);
  test.each<[string, string, string[][]]>([
    ['one command', '*2\r\n$3\r\nGET\r\n$1\r\nk\r\n', [['GET', 'k']]],
    ['a pipeline', '*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n', [['PING'], ['ECHO', 'hi']]],
    ['an empty argument', '*2\r\n$4\r\nECHO\r\n$0\r\n\r\n', [['ECHO', '']]],
    ['binary', '*2\r\n$4\r\nECHO\r\n$6\r\n\0\r\n\xff*$\r\n', [['ECHO', '\0\r\n\xff*$']]],
    ['lengths of several digits', encodeCommand('a'.repeat(10), 'b'.repeat(123), 'c'.repeat(12345)), [['a'.repeat(10), 'b'.repeat(123), 'c'.repeat(12345)]]],
    ['more arguments than the request has room for', encodeCommand(...many), [many]],
    ['ten arguments', encodeCommand(...many.slice(0, 10)), [many.slice(0, 10)]],
    ['empty arrays', '*0\r\n*-1\r\n*-77\r\n*1\r\n$4\r\nPING\r\n', [['PING']]],
    ['empty lines', '\r\n\n\r\nPING\r\n', [['PING']]],
    ['anything behind an argument', '*2\r\n$4\r\nECHOxy$2\r\nhi??*1\r\n$4\r\nPING\r\n', [['ECHO', 'hi'], ['PING']]],
    ['anything behind a CR', '*1\rX$4\rYPING\r\n', [['PING']]],
    ['inline', 'SET k v\r\nGET k\n', [['SET', 'k', 'v'], ['GET', 'k']]],
    ['blanks', ' \t SET\v\fk \t v \r\n', [['SET\v\fk', 'v']]],
    ['only blanks', ' \t\v \r\nPING\r\n', [['PING']]],
    ['double quotes', 'a "b c" "" "\\x41\\x6fz\\n\\r\\t\\b\\a\\q\\"\\\\" d\n', [['a', 'b c', '', 'Aoz\n\r\t\b\x07q"\\', 'd']]],
    ['a hex escape cut short', '"\\x4" "\\xg1"\n', [['x4', 'xg1']]],
    ['single quotes', "a 'b \"c' '\\'\\n\\x41'\n", [['a', 'b "c', "'\\n\\x41"]]],
    ['quotes within a word', 'foo"bar baz" x\'y\'\n', [['foobar baz', 'xy']]],
    ['quotes closed before VT', '"a"\vb\n', [['a', 'b']]],
    ['a NUL', 'ECHO a\0b\r\n', [['ECHO', 'a\0b']]],
    ['a CR within the line', 'a\rb\r\r\n', [['a', 'b']]],
    ['a line of 64 KiB', `${'x'.repeat(65536)}\n`, [['x'.repeat(65536)]]],
  ])('%s', (_, input, expected) => {
    expect(parseAll(input)).toEqual(expected);
  });

  test('nothing is found in nothing', () => {
    expect(new RequestParser(LIMITS).parse(new Uint8Array(0), 0, 0, new Request())).toBe(ParseStatus.incomplete);
  });
});

describe('errors', () => {
  const long = 'x'.repeat(65537);
  test.each<[string, string]>([
    [long, 'too big inline request'],
    [`${long}\n`, 'too big inline request'],
    ['ECHO "a\r\n', 'unbalanced quotes in request'],
    ["ECHO 'a\r\n", 'unbalanced quotes in request'],
    ['ECHO "a"b\r\n', 'unbalanced quotes in request'],
    ["ECHO 'a'b\r\n", 'unbalanced quotes in request'],
    ['ECHO "a\\\r\n', 'unbalanced quotes in request'],
    [`*${'1'.repeat(65537)}`, 'too big mbulk count string'],
    ['*\r\n', 'invalid multibulk length'],
    ['*x\r\n', 'invalid multibulk length'],
    ['*3x\r\n', 'invalid multibulk length'],
    ['* 3\r\n', 'invalid multibulk length'],
    ['*+3\r\n', 'invalid multibulk length'],
    ['*03\r\n', 'invalid multibulk length'],
    ['*-0\r\n', 'invalid multibulk length'],
    ['*2147483648\r\n', 'invalid multibulk length'],
    ['*99999999999999999999\r\n', 'invalid multibulk length'],
    [`*1\r\n$${'1'.repeat(65537)}`, 'too big bulk count string'],
    ['*1\r\nx\r\n', "expected '$', got 'x'"],
    ['*1\r\n\r\n', "expected '$', got ' '"],
    ['*2\r\n$4\r\nECHO\r\n*1\r\n', "expected '$', got '*'"],
    ['*1\r\n$\r\n', 'invalid bulk length'],
    ['*1\r\n$x\r\n', 'invalid bulk length'],
    ['*1\r\n$4x\r\n', 'invalid bulk length'],
    ['*1\r\n$:\r\nPING\r\n', 'invalid bulk length'],
    ['*1\r\n$-1\r\n', 'invalid bulk length'],
    ['*1\r\n$04\r\nPING\r\n', 'invalid bulk length'],
    ['*1\r\n$00\r\n\r\n', 'invalid bulk length'],
    ['*1\r\n$536870913\r\n', 'invalid bulk length'],
    ['*1\r\n$4294967296\r\n', 'invalid bulk length'],
    ['*1\r\n$99999999999999999999\r\n', 'invalid bulk length'],
  ])('%.40j: %s', (input, text) => {
    // The command before shows that an error does not take back what was complete.
    expect(parseAll(`*1\r\n$4\r\nPING\r\n${input}`)).toEqual([['PING'], `ERR Protocol error: ${text}`]);
  });

  test('a limit of bulks that changes while the parser lives', () => {
    const limits = { bulkBytesMax: 5 };
    const harness = new Harness(limits);
    harness.receive(latin1Bytes(encodeCommand('12345')));
    limits.bulkBytesMax = 4;
    harness.receive(latin1Bytes(encodeCommand('12345')));
    expect(harness.events).toEqual([['12345'], 'ERR Protocol error: invalid bulk length']);
  });

  test('a client that has not authenticated may only send little', () => {
    const ten = Array.from({ length: 10 }, () => 'a');
    expect(parseAll(encodeCommand(...ten), LIMITS, false)).toEqual([ten]);
    expect(parseAll(encodeCommand(...ten, 'a'), LIMITS, false)).toEqual(['ERR Protocol error: unauthenticated multibulk length']);
    expect(parseAll(encodeCommand('a', 'b'.repeat(16384)), LIMITS, false)).toEqual([['a', 'b'.repeat(16384)]]);
    const error = ['ERR Protocol error: unauthenticated bulk length'];
    expect(parseAll(encodeCommand('a', 'b'.repeat(16385)), LIMITS, false)).toEqual(error);
    expect(parseAll('*1\r\n$16385\r\n', LIMITS, false)).toEqual(error);
    expect(parseAll(encodeCommand(...ten, 'b'.repeat(16385)))).toEqual([[...ten, 'b'.repeat(16385)]]);
  });

  test('no more is awaited than a header can have', () => {
    expect(parseAll('x'.repeat(65536))).toEqual([]);
    expect(parseAll(`*${'1'.repeat(65535)}`)).toEqual([]);
    expect(parseAll(`*1\r\n$${'1'.repeat(65535)}`)).toEqual([]);
  });
});

describe('bytes cut anywhere', () => {
  const stream = [
    encodeCommand('SET', 'key', 'value'),
    '*0\r\n',
    'SET "a b" \'c\' \\x\r\n\r\n',
    encodeCommand('MSET', ...Array.from({ length: 23 }, (_, i) => 'v'.repeat(i))),
    '*-1\r\nPING\n',
    encodeCommand(''),
    encodeCommand('ECHO', '*1\r\n$4\r\nPING\r\n'),
    '*2\rX$4\rXECHO--$1\rXy--',
    '*1\r\n!4\r\nPING\r\n',
  ].join('');

  test('at one position', () => {
    const whole = parseAll(stream);
    expect(whole).toHaveLength(8);
    for (let cut = 1; cut < stream.length; cut++) {
      const harness = new Harness();
      harness.receive(latin1Bytes(stream.slice(0, cut)));
      harness.receive(latin1Bytes(stream.slice(cut)));
      expect(harness.events, `cut at ${cut}`).toEqual(whole);
    }
  });

  test('into single bytes', () => {
    const harness = new Harness();
    for (const char of stream) harness.receive(latin1Bytes(char));
    expect(harness.events).toEqual(parseAll(stream));
  });

  test('random commands in random pieces', () => {
    const random = new SeededRandom();
    for (let round = 0; round < 150; round++) {
      const commands: string[][] = [];
      for (let n = random.below(30) + 1; n > 0; n--) {
        const argc = random.below(random.pick([3, 12, 150])) + 1;
        commands.push(Array.from({ length: argc }, () => randomText(random, random.below(random.pick([4, 20, 300])))));
      }
      const text = commands.map((command) => encodeCommand(...command)).join('');
      const harness = new Harness();
      for (let at = 0; at < text.length; ) {
        const size = 1 + random.below(random.pick([5, 200, 5000]));
        harness.receive(latin1Bytes(text.slice(at, at + size)));
        at += size;
      }
      expect(harness.events, `SEED=${random.seed}`).toEqual(commands);
      expect(harness.pending.buf.length).toBe(0);
    }
  });
});

describe('fuzz', () => {
  test(`${FUZZ_ROUNDS} random streams: no throw, no hang, and the cuts make no difference`, () => {
    const random = new SeededRandom();
    const alphabet = '***$$$\r\n\r\n\r\n\r\n0123456789-+xX"\'\\ \t\0\xff';
    const pieces = ['*1\r\n', '*2\r\n', '$4\r\nPING\r\n', '$1\r\nx\r\n', '*-1\r\n', 'PING\r\n'];
    for (let round = 0; round < FUZZ_ROUNDS; round++) {
      let text = '';
      for (let n = random.below(60); n > 0; n--) text += random.below(3) > 0 ? random.pick(pieces) : random.pick(alphabet);
      const whole = parseAll(text);
      const harness = new Harness();
      for (let at = 0; at < text.length; ) {
        const size = 1 + random.below(9);
        harness.receive(latin1Bytes(text.slice(at, at + size)));
        at += size;
      }
      expect(harness.events, `SEED=${random.seed} round ${round} ${JSON.stringify(text)}`).toEqual(whole);
    }
  });
});

describe('cost', () => {
  /** How many bytes the parser looks at when `text` arrives in pieces of `size`. */
  function bytesRead(text: string, size: number): number {
    const bytes = latin1Bytes(text);
    let reads = 0;
    const counting = new Proxy(bytes, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property);
        if (typeof value !== 'number') return value;
        reads++;
        return value;
      },
    });
    const parser = new RequestParser(LIMITS);
    const request = new Request();
    for (let end = size; end < bytes.length; end += size) {
      if (parser.parse(counting, 0, end, request) !== ParseStatus.incomplete) throw new Error('complete too early');
    }
    expect(parser.parse(counting, 0, bytes.length, request)).toBe(ParseStatus.command);
    return reads;
  }

  test('a command in many pieces is read once', () => {
    const args = encodeCommand(...Array.from({ length: 5000 }, (_, i) => `argument ${i}`));
    expect(bytesRead(args, 16)).toBeLessThan(args.length * 3);
    const bulk = encodeCommand('SET', 'k', 'v'.repeat(1_000_000));
    expect(bytesRead(bulk, 1000)).toBeLessThan(200_000);
    const line = `ECHO ${'x'.repeat(60_000)}\n`;
    // Looking for the line's end takes one read of each byte, splitting it another three.
    expect(bytesRead(line, 16)).toBeLessThan(line.length * 6);
  });

  test('an idle connection holds nothing', () => {
    const harness = new Harness();
    const text = encodeCommand('SET', 'k', 'v'.repeat(3_000_000)) + encodeCommand('PING').slice(0, 9);
    for (let at = 0; at < text.length; at += 65536) harness.receive(latin1Bytes(text.slice(at, at + 65536)));
    expect(harness.pending.length).toBe(9);
    // The tail of the next command does not keep the huge buffer.
    expect(harness.pending.buf.length).toBeLessThan(65536);
    harness.receive(latin1Bytes(encodeCommand('PING').slice(9)));
    expect(harness.events.at(-1)).toEqual(['PING']);
    expect(harness.pending.buf.length).toBe(0);
  });
});

test('commands put before an incomplete one are found first', () => {
  const harness = new Harness(LIMITS, true);
  harness.receive(latin1Bytes(encodeCommand('ECHO', 'tail').slice(0, -3)));
  harness.parser.restart();
  harness.pending.prepend([latin1Bytes(encodeCommand('GET', 'a')), latin1Bytes(encodeCommand('GET', 'b'))]);
  harness.receive(latin1Bytes(encodeCommand('ECHO', 'tail').slice(-3)));
  expect(harness.events).toEqual([['GET', 'a'], ['GET', 'b'], ['ECHO', 'tail']]);
});

describe('PendingInput', () => {
  test('holds the same bytes as a plain string, whatever is appended and consumed', () => {
    const random = new SeededRandom();
    const pending = new PendingInput();
    let model = '';
    for (let round = 0; round < 3000; round++) {
      if (random.below(2) === 0) {
        const text = randomText(random, random.below(random.pick([10, 1000, 100_000])));
        pending.append(latin1Bytes(`__${text}_`), 2, 2 + text.length);
        model += text;
      } else {
        const size = random.below(Math.min(model.length, random.pick([100, 400_000])) + 1);
        pending.consume(size);
        model = model.slice(size);
      }
      expect(pending.length, `SEED=${random.seed}`).toBe(model.length);
      if (round % 16 === 0) {
        const held = Buffer.from(pending.buf.subarray(pending.start, pending.end)).toString('latin1');
        expect(held === model, `SEED=${random.seed} round ${round}`).toBe(true);
      }
    }
  });
});

test('what a huge command will need is there after few moves, and never far ahead of what has come', () => {
  const parser = new RequestParser({ bulkBytesMax: 1e9 });
  const pending = new PendingInput();
  const size = 20 * 1024 * 1024;
  const piece = new Uint8Array(64 * 1024);
  const request = new Request();
  const buffers = new Set<ArrayBufferLike>();
  const head = latin1Bytes(`*2\r\n$4\r\nECHO\r\n$${size}\r\n`);
  pending.append(head, 0, head.length);
  for (let sent = 0; sent < size + 2; sent += piece.length) {
    expect(parser.parse(pending.buf, pending.start, pending.end, request)).toBe(ParseStatus.incomplete);
    expect(parser.expectedBytes).toBeGreaterThan(size);
    pending.append(piece, 0, Math.min(piece.length, size + 2 - sent), parser.expectedBytes);
    buffers.add(pending.buf.buffer);
    expect(pending.buf.length).toBeLessThanOrEqual(32 * pending.length);
  }
  expect(parser.parse(pending.buf, pending.start, pending.end, request)).toBe(ParseStatus.command);
  expect(request.len[1]).toBe(size);
  expect(buffers.size).toBeLessThanOrEqual(4);
});

function randomText(random: SeededRandom, length: number): string {
  let text = '';
  while (text.length < length) text += String.fromCharCode(random.below(256)).repeat(length > 500 ? 97 : 1);
  return text.slice(0, length);
}
