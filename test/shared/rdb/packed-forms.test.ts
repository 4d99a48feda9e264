/** Listpacks, ziplists, intsets, zipmaps: from bytes made by hand after the documented formats, and with any byte damaged. */
import { describe, expect, test } from 'vitest';
import { ByteRange } from '../../../src/shared/rdb/byte-range.ts';
import { IntsetCursor, IntsetWriter } from '../../../src/shared/rdb/intset.ts';
import { ListpackCursor, ListpackWriter } from '../../../src/shared/rdb/listpack.ts';
import type { PackedCursor } from '../../../src/shared/rdb/packed-cursor.ts';
import { isRdbError } from '../../../src/shared/rdb/rdb-errors.ts';
import { ZiplistCursor } from '../../../src/shared/rdb/ziplist.ts';
import { ZipmapCursor } from '../../../src/shared/rdb/zipmap.ts';
import { latin1Bytes, latin1Slice } from '../../../src/shared/request.ts';
import { SeededRandom } from '../../protocol/seeded-random.ts';
import { intsetOf, ziplistOf, zipmapOf } from './old-forms.ts';

function read(cursor: PackedCursor, bytes: Uint8Array): string[] {
  // Within other bytes, so that offsets matter.
  const framed = new Uint8Array(bytes.length + 9).fill(0x5a);
  framed.set(bytes, 4);
  const out: string[] = [];
  const element = new ByteRange();
  cursor.open(framed, 4, bytes.length);
  while (cursor.next(element)) out.push(latin1Slice(element.buf, element.off, element.off + element.len));
  return out;
}

/** Every byte replaced by others: an error that says so, or a value; never anything else, never more elements than bytes. */
function damageEach(cursor: PackedCursor, bytes: Uint8Array): { errors: number; values: number } {
  const tally = { errors: 0, values: 0 };
  const attempt = (damaged: Uint8Array): void => {
    try {
      expect(read(cursor, damaged).length).toBeLessThanOrEqual(damaged.length);
      tally.values++;
    } catch (error) {
      if (!isRdbError(error)) throw error;
      tally.errors++;
    }
  };
  for (let at = 0; at < bytes.length; at++) {
    for (const flip of [1, 0x80, 0xff, bytes[at]!, 0xfe ^ bytes[at]!]) {
      const damaged = bytes.slice();
      damaged[at]! ^= flip;
      attempt(damaged);
    }
  }
  for (let len = 0; len < bytes.length; len++) attempt(bytes.subarray(0, len));
  return tally;
}

const INTEGERS = [
  '0', '1', '12', '13', '127', '128', '-1', '-4096', '4095', '4096', '-4097', '32767', '-32768', '32768', '8388607', '-8388608',
  '8388608', '2147483647', '-2147483648', '2147483648', '-2147483649', '9007199254740993', '-9007199254740993',
  '9223372036854775807', '-9223372036854775808', '1099511627776', '-1099511627776',
];
const STRINGS = ['', 'a', '-0', '01', '1.5', 'x'.repeat(63), 'y'.repeat(64), 'z'.repeat(4095), 'w'.repeat(4096), 'v'.repeat(20000), '9223372036854775808'];

function listpackOf(elements: readonly string[]): Uint8Array {
  const writer = new ListpackWriter();
  writer.begin();
  for (const element of elements) writer.append(latin1Bytes(element), 0, element.length);
  writer.finish();
  return writer.buf.slice(0, writer.len);
}

describe('listpack', () => {
  test('by hand', () => {
    // From antirez's specification: "hello", 1024 as a 13-bit integer, 5.
    const bytes = Uint8Array.of(20, 0, 0, 0, 3, 0, 0x85, 104, 101, 108, 108, 111, 6, 0xc4, 0x00, 2, 5, 1, 0xff);
    bytes[0] = bytes.length;
    expect(read(new ListpackCursor(), bytes)).toEqual(['hello', '1024', '5']);
    expect([...listpackOf(['hello', '1024', '5'])]).toEqual([...bytes]);
  });

  test('all kinds of elements', () => {
    const elements = [...INTEGERS, ...STRINGS, ...INTEGERS];
    expect(read(new ListpackCursor(), listpackOf(elements))).toEqual(elements);
  });

  test('random elements', () => {
    const random = new SeededRandom();
    for (let round = 0; round < 300; round++) {
      const elements = Array.from({ length: random.below(40) }, () => random.below(2) === 0
        ? String(Math.floor((random.float() - 0.5) * 10 ** random.below(18)))
        : 'q'.repeat(random.below(random.pick([5, 200, 5000]))));
      expect(read(new ListpackCursor(), listpackOf(elements)), `seed ${random.seed} round ${round}`).toEqual(elements);
    }
  });

  test('more elements than it can count', () => {
    const elements = Array.from({ length: 70000 }, (_, i) => String(i));
    expect(read(new ListpackCursor(), listpackOf(elements))).toEqual(elements);
  });

  test('damaged', () => {
    const tally = damageEach(new ListpackCursor(), listpackOf([...INTEGERS, 'some', 'words', 'q'.repeat(200), 'r'.repeat(5000)].slice(0, -1)));
    expect(tally.errors).toBeGreaterThan(600);
  });
});

describe('ziplist', () => {
  test('by hand', () => {
    // From the comment in Redis's ziplist.c: the integers 2 and 5.
    const bytes = Uint8Array.of(0x0f, 0, 0, 0, 0x0c, 0, 0, 0, 2, 0, 0, 0xf3, 2, 0xf6, 0xff);
    expect(read(new ZiplistCursor(), bytes)).toEqual(['2', '5']);
  });

  test('all kinds of elements', () => {
    const elements = [...INTEGERS, ...STRINGS, ...INTEGERS];
    expect(read(new ZiplistCursor(), ziplistOf(elements))).toEqual(elements);
    expect(read(new ZiplistCursor(), ziplistOf([]))).toEqual([]);
  });

  test('damaged', () => {
    const tally = damageEach(new ZiplistCursor(), ziplistOf([...INTEGERS, 'some', 'words', 'q'.repeat(300), 'end']));
    expect(tally.errors).toBeGreaterThan(600);
  });
});

describe('intset', () => {
  test.each([
    ['2 bytes', ['-32768', '-1', '0', '7', '32767']],
    ['4 bytes', ['-2147483648', '-5', '32768', '2147483647']],
    ['8 bytes', ['-9223372036854775808', '-9007199254740993', '-1', '0', '2147483648', '9223372036854775807']],
    ['none', []],
  ])('%s', (_name, members) => {
    const bytes = intsetOf(members);
    expect(read(new IntsetCursor(), bytes)).toEqual(members);
    const writer = new IntsetWriter();
    writer.begin();
    for (const member of members) writer.append(Number(BigInt(member) >> 32n), Number(BigInt.asIntN(32, BigInt(member))));
    writer.finish();
    expect([...writer.buf.subarray(0, writer.len)]).toEqual([...bytes]);
    damageEach(new IntsetCursor(), bytes);
  });

  test('what does not ascend', () => {
    for (const members of [['2', '1'], ['1', '1'], ['70000', '3'], ['9223372036854775807', '-1']]) {
      expect(() => read(new IntsetCursor(), intsetOf(members))).toThrow('ascend');
    }
  });
});

describe('zipmap', () => {
  test('by hand', () => {
    // From the comment in Redis's zipmap.c: foo => bar, hello => world.
    const bytes = latin1Bytes('\x02\x03foo\x03\x00bar\x05hello\x05\x00world\xff');
    expect(read(new ZipmapCursor(), bytes)).toEqual(['foo', 'bar', 'hello', 'world']);
  });

  test('spare bytes, long values, more pairs than it counts', () => {
    const pairs = ['a', 'b'.repeat(253), 'c'.repeat(254), 'd'.repeat(1000), '', ''];
    expect(read(new ZipmapCursor(), zipmapOf(pairs, 3))).toEqual(pairs);
    const many = Array.from({ length: 600 }, (_, i) => `${i}`);
    expect(read(new ZipmapCursor(), zipmapOf(many, 0))).toEqual(many);
  });

  test('damaged', () => {
    const tally = damageEach(new ZipmapCursor(), zipmapOf(['foo', 'bar', 'c'.repeat(254), 'x', 'y', 'z'], 1));
    expect(tally.errors).toBeGreaterThan(100);
  });
});
