/** The RESP writer byte by byte, the RESP reader value by value, and one against the other. */
import { describe, expect, test } from 'vitest';
import {
  NULL_ARRAY, RespBigNumber, RespDouble, RespError, RespMap, RespPush, RespReader, RespSet, RespStatus, type RespValue, RespVerbatim, toPlain,
} from '../../src/protocol/resp-reader.ts';
import { RespWriter } from '../../src/protocol/resp-writer.ts';
import { InvariantViolation, OperationalError } from '../../src/shared/errors.ts';
import { latin1Bytes, latin1Slice } from '../../src/shared/request.ts';
import { SeededRandom } from './seeded-random.ts';

function written(proto: 2 | 3, write: (writer: RespWriter) => void, initialBytes?: number): string {
  const writer = new RespWriter(initialBytes);
  writer.proto = proto;
  write(writer);
  return latin1Slice(writer.buf, 0, writer.pos);
}

describe('replies', () => {
  const bytes = latin1Bytes('xx\0\r\n\xffyy');
  test.each<[string, (writer: RespWriter) => void, string, string]>([
    ['ok', (w) => w.ok(), '+OK\r\n', '+OK\r\n'],
    ['status', (w) => w.status('QUEUED'), '+QUEUED\r\n', '+QUEUED\r\n'],
    ['error', (w) => w.error('ERR a\r\nb\n'), '-ERR a  b \r\n', '-ERR a  b \r\n'],
    ['integer', (w) => w.integer(7), ':7\r\n', ':7\r\n'],
    ['integer text', (w) => w.integerText('-9223372036854775808'), ':-9223372036854775808\r\n', ':-9223372036854775808\r\n'],
    ['bulk', (w) => w.bulk(bytes, 2, 4), '$4\r\n\0\r\n\xff\r\n', '$4\r\n\0\r\n\xff\r\n'],
    ['empty bulk', (w) => w.bulk(bytes, 2, 0), '$0\r\n\r\n', '$0\r\n\r\n'],
    ['bulk string', (w) => w.bulkString('a\xe9'), '$2\r\na\xe9\r\n', '$2\r\na\xe9\r\n'],
    ['double', (w) => w.double(3.5), '$3\r\n3.5\r\n', ',3.5\r\n'],
    ['infinity', (w) => w.double(-Infinity), '$4\r\n-inf\r\n', ',-inf\r\n'],
    ['nan', (w) => w.double(NaN), '$3\r\nnan\r\n', ',nan\r\n'],
    ['true', (w) => w.boolean(true), ':1\r\n', '#t\r\n'],
    ['false', (w) => w.boolean(false), ':0\r\n', '#f\r\n'],
    ['null', (w) => w.null(), '$-1\r\n', '_\r\n'],
    ['null array', (w) => w.nullArray(), '*-1\r\n', '_\r\n'],
    ['array', (w) => w.array(12), '*12\r\n', '*12\r\n'],
    ['map', (w) => w.map(6), '*12\r\n', '%6\r\n'],
    ['set', (w) => w.set(3), '*3\r\n', '~3\r\n'],
    ['push', (w) => w.push(3), '*3\r\n', '>3\r\n'],
    ['verbatim', (w) => w.verbatim('txt', 'hi'), '$2\r\nhi\r\n', '=6\r\ntxt:hi\r\n'],
    ['big number', (w) => w.bigNumber('-123'), '$4\r\n-123\r\n', '(-123\r\n'],
    ['raw', (w) => w.raw(latin1Bytes('+OK\r\n+OK\r\n'), 5, 5), '+OK\r\n', '+OK\r\n'],
  ])('%s', (_, write, resp2, resp3) => {
    expect(written(2, write)).toBe(resp2);
    expect(written(3, write)).toBe(resp3);
    // Whatever is written makes its own room.
    for (let used = 0; used < 24; used++) {
      const prefix = '.'.repeat(used);
      expect(written(3, (w) => (w.raw(latin1Bytes(prefix), 0, used), write(w)), 24)).toBe(prefix + resp3);
    }
  });

  test('every integer up to 10,000 and the corners of the larger ones', () => {
    const writer = new RespWriter();
    const check = (value: number): void => {
      writer.reset();
      writer.integer(value);
      expect(latin1Slice(writer.buf, 0, writer.pos)).toBe(`:${value}\r\n`);
    };
    for (let value = -10_000; value <= 10_000; value++) check(value);
    for (let power = 10; power <= 9e15; power *= 10) for (const delta of [-1, 0, 1]) (check(power + delta), check(-power - delta));
    check(Number.MAX_SAFE_INTEGER);
    check(Number.MIN_SAFE_INTEGER);
    for (const value of [2 ** 31 - 1, 2 ** 31, 2 ** 32, 1_000_000_000, 1_000_000_001, 999_999_999]) check(value);
  });

  test('bulks of every length around the ways of copying', () => {
    const source = new Uint8Array(1200).map((_, i) => i * 7);
    for (let len = 0; len < 1100; len++) {
      const body = latin1Slice(source, 5, 5 + len);
      expect(written(2, (w) => w.bulk(source, 5, len), 16)).toBe(`$${len}\r\n${body}\r\n`);
    }
  });

  test('bulks of one source one behind the other, through every size of the buffer', () => {
    const writer = new RespWriter(64);
    const source = new Uint8Array(1200).map((_, i) => i * 7);
    for (const turn of [0, 1]) {
      let expected = '';
      for (let n = 0; n < 200; n++) {
        const len = (n * 37 + turn) % 400;
        writer.bulk(source, n, len);
        expected += `$${len}\r\n${latin1Slice(source, n, n + len)}\r\n`;
      }
      expect(latin1Slice(writer.buf, 0, writer.pos)).toBe(expected);
      // So many small outputs that the buffer becomes a small one again.
      for (let n = 0; n < 40; n++) writer.reset();
      expect(writer.buf.length).toBe(64);
    }
  });

  test('errors are counted and remembered', () => {
    const writer = new RespWriter();
    writer.error('ERR one');
    writer.error('WRONGTYPE two');
    expect([writer.errors, writer.lastError]).toEqual([2, 'WRONGTYPE two']);
  });

  test('a format of other than three letters is a bug', () => {
    expect(() => written(3, (w) => w.verbatim('text', ''))).toThrow(InvariantViolation);
  });
});

describe('marks', () => {
  test('rewind drops', () => {
    expect(written(2, (w) => {
      w.ok();
      const mark = w.mark();
      w.bulkString('gone');
      w.rewind(mark);
      w.null();
    })).toBe('+OK\r\n$-1\r\n');
  });

  test.each([0, 1, 9, 10, 99, 100, 12345])('insert in front of %d', (n) => {
    for (const initialBytes of [16, 1024]) {
      const insert = (proto: 2 | 3, what: 'insertArray' | 'insertMap' | 'insertSet'): string =>
        written(proto, (w) => {
          w.ok();
          const mark = w.mark();
          w.bulkString('item');
          w[what](mark, n);
          w.ok();
        }, initialBytes);
      const around = (header: string): string => `+OK\r\n${header}\r\n$4\r\nitem\r\n+OK\r\n`;
      expect(insert(2, 'insertArray')).toBe(around(`*${n}`));
      expect(insert(3, 'insertArray')).toBe(around(`*${n}`));
      expect(insert(2, 'insertMap')).toBe(around(`*${2 * n}`));
      expect(insert(3, 'insertMap')).toBe(around(`%${n}`));
      expect(insert(2, 'insertSet')).toBe(around(`*${n}`));
      expect(insert(3, 'insertSet')).toBe(around(`~${n}`));
    }
  });
});

describe('memory', () => {
  test('ranges taken before the buffer grew stay what they were', () => {
    const writer = new RespWriter(32);
    writer.bulkString('first');
    const range = writer.buf.subarray(0, writer.pos);
    writer.bulkString('x'.repeat(100));
    writer.reset();
    writer.bulkString('other');
    expect(latin1Slice(range, 0, range.length)).toBe('$5\r\nfirst\r\n');
  });

  test('a huge reply does not keep its buffer for ever, but large replies in a row do', () => {
    const writer = new RespWriter(1024);
    const huge = new Uint8Array(100_000);
    for (let i = 0; i < 100; i++) {
      writer.bulk(huge, 0, huge.length);
      writer.reset();
      for (let k = 0; k < 10; k++) (writer.ok(), writer.reset());
      expect(writer.buf.length).toBeGreaterThan(huge.length);
    }
    for (let k = 0; k < 40; k++) (writer.ok(), writer.reset());
    expect(writer.buf.length).toBe(1024);
  });
});

describe('RespReader', () => {
  const stream =
    '+OK\r\n-ERR no\r\n:42\r\n:-9223372036854775808\r\n$5\r\na\r\nb\xff\r\n$0\r\n\r\n$-1\r\n*-1\r\n_\r\n#t\r\n#f\r\n,1.5\r\n,inf\r\n,nan\r\n' +
    '(12345678901234567890\r\n=8\r\ntxt:abcd\r\n!7\r\nERR big\r\n*0\r\n%0\r\n~1\r\n:1\r\n>2\r\n$3\r\nmsg\r\n:1\r\n' +
    '*3\r\n*1\r\n*0\r\n%1\r\n+k\r\n*2\r\n:1\r\n_\r\n$1\r\nx\r\n|1\r\n+ttl\r\n:9\r\n:7\r\n|0\r\n*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n:3\r\n';
  const expected: RespValue[] = [
    new RespStatus('OK'), new RespError('ERR no'), 42, -9223372036854775808n, 'a\r\nb\xff', '', null, NULL_ARRAY, null, true, false,
    new RespDouble('1.5'), new RespDouble('inf'), new RespDouble('nan'), new RespBigNumber('12345678901234567890'),
    new RespVerbatim('txt', 'abcd'), new RespError('ERR big'), [], new RespMap([]), new RespSet([1]), new RespPush(['msg', 1]),
    [[[]], new RespMap([[new RespStatus('k'), [1, null]]]), 'x'], 7, [1, 2], 3,
  ];

  function decode(pieces: string[]): { values: RespValue[]; pending: number } {
    const reader = new RespReader();
    const values: RespValue[] = [];
    for (const piece of pieces) {
      reader.push(latin1Bytes(piece));
      for (let value = reader.next(); value !== undefined; value = reader.next()) values.push(value);
    }
    return { values, pending: reader.pendingBytes };
  }

  test('every type', () => {
    expect(decode([stream])).toStrictEqual({ values: expected, pending: 0 });
  });

  test('cut at every byte, and at any bytes', () => {
    for (let cut = 1; cut < stream.length; cut++) {
      expect(decode([stream.slice(0, cut), stream.slice(cut)]).values, `cut at ${cut}`).toStrictEqual(expected);
    }
    expect(decode([...stream]).values).toStrictEqual(expected);
  });

  test('attributes', () => {
    const reader = new RespReader();
    reader.push(latin1Bytes('|1\r\n+ttl\r\n:9\r\n:7\r\n:8\r\n'));
    expect(reader.next()).toBe(7);
    expect(reader.attribute).toEqual(new RespMap([[new RespStatus('ttl'), 9]]));
    expect(reader.next()).toBe(8);
    expect(reader.attribute).toBeNull();
  });

  test('plain values', () => {
    expect(expected.map(toPlain).slice(0, 16)).toEqual([
      'OK', new RespError('ERR no'), 42, -9223372036854775808n, 'a\r\nb\xff', '', null, null, null, true, false, 1.5, Infinity, NaN,
      '12345678901234567890', 'abcd',
    ]);
    expect(new RespMap([['a', 1], [new RespStatus('b'), 2]]).get('b')).toBe(2);
    expect(new RespError('WRONGTYPE x').code).toBe('WRONGTYPE');
  });

  test.each(['?\r\n', '+OK\rx', ':x\r\n', '#x\r\n', '$x\r\n', '$-2\r\n', '*1x\r\n', '$1\r\nabc', '*1\r\n'.repeat(200), `+${'x'.repeat(70_000)}`])(
    'refuses %.20j', (text) => {
      expect(() => decode([text])).toThrow(OperationalError);
    });

  test('random bytes: values or an OperationalError, nothing else', () => {
    const random = new SeededRandom();
    const pieces = ['*2\r\n', '$3\r\n', 'abc\r\n', '%1\r\n', '|1\r\n', ':1\r\n', '+x\r\n', '_\r\n', '~1\r\n', '\r', '\n', '-', '9', '\0'];
    for (let round = 0; round < 5000; round++) {
      const parts = Array.from({ length: random.below(20) }, () => random.pick(pieces));
      try {
        decode(parts);
      } catch (error) {
        expect(error, `SEED=${random.seed} ${JSON.stringify(parts)}`).toBeInstanceOf(OperationalError);
      }
    }
  });

  test('a reply of too many bytes is forgotten, those before it are not', () => {
    const writer = new RespWriter(64);
    writer.bulkString('first');
    const before = latin1Slice(writer.buf, 0, writer.pos);
    writer.replyStart = writer.pos;
    writer.replyBytesMax = 1000;
    const mark = writer.mark();
    for (let n = 0; n < 100; n++) writer.bulkString('x'.repeat(50));
    writer.insertArray(mark + 500, 100);
    expect(writer.isFull).toBe(true);
    expect(writer.pos).toBeGreaterThanOrEqual(before.length);
    expect(writer.buf.length).toBeLessThan(4000);
    writer.rewind(mark + 500);
    expect(latin1Slice(writer.buf, 0, writer.pos)).toBe(before);
  });

  test('reads what the writer writes', () => {
    const writer = new RespWriter(64);
    writer.proto = 3;
    writer.map(2);
    writer.bulkString('a');
    writer.double(0.1);
    writer.verbatim('txt', 'b');
    writer.set(2);
    writer.null();
    writer.boolean(true);
    const reader = new RespReader();
    reader.push(writer.buf, 0, writer.pos);
    expect(reader.next()).toStrictEqual(
      new RespMap([['a', new RespDouble('0.1')], [new RespVerbatim('txt', 'b'), new RespSet([null, true])]]),
    );
  });
});
