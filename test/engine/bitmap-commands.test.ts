/** SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP and BITFIELD: replies and errors as Redis gives them, effects, and models beside them. */
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../protocol/seeded-random.ts';
import { EngineRig } from './engine-rig.ts';
import { type Value, parseReply } from './recording-reply.ts';

const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value';
const NOT_INTEGER = '-ERR value is not an integer or out of range';
const OFFSET = '-ERR bit offset is not an integer or out of range';
const BIT = '-ERR bit is not an integer or out of range';
const TYPE = '-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.';
const SYNTAX = '-ERR syntax error';

/** Runs words; integers are given as text, since they may have 64 bits. */
function exact(rig: EngineRig, ...words: (string | number)[]): Value {
  const raw = rig.raw(...words).replace(/^:(-?\d+)\r$/gm, (_, digits: string) => `$${digits.length}\r\n${digits}\r`);
  return parseReply(raw);
}

function table(name: string, rows: readonly (readonly [string, Value])[]): void {
  test(name, () => {
    const rig = new EngineRig();
    rig.line('HSET h f 1');
    rig.run('SET', 'foobar', 'foobar');
    rig.run('SET', 'ff', '\xff\xf0\x00');
    rig.run('SET', 'full', '\xff\xff');
    rig.run('SET', 'empty', '');
    for (const [line, reply] of rows) expect(rig.line(line), line).toEqual(reply);
    rig.check();
  });
}

table('SETBIT and GETBIT', [
  ['SETBIT a 7 1', 0],
  ['GET a', '\x01'],
  ['SETBIT a 7 0', 1],
  ['GET a', '\0'],
  ['SETBIT a 17 1', 0],
  ['GET a', '\0\0\x40'],
  ['STRLEN a', 3],
  ['GETBIT a 17', 1],
  ['GETBIT a 16', 0],
  ['GETBIT a 24', 0],
  ['GETBIT no 100', 0],
  ['SET n 1', 'OK'],
  ['SETBIT n 6 1', 0],
  ['GET n', '3'],
  ['GETBIT n 7', 1],
  ['SETBIT a -1 1', OFFSET],
  ['SETBIT a x 1', OFFSET],
  ['SETBIT a 4294967296 1', OFFSET],
  ['GETBIT a 4294967296', OFFSET],
  ['GETBIT a 9223372036854775808', OFFSET],
  ['SETBIT a 1 2', BIT],
  ['SETBIT a 1 x', BIT],
  ['SETBIT h 1 1', WRONG_TYPE],
  ['GETBIT h 1', WRONG_TYPE],
  ['EXISTS no', 0],
]);

table('BITCOUNT', [
  ['BITCOUNT foobar', 26],
  ['BITCOUNT foobar 0 0', 4],
  ['BITCOUNT foobar 1', 22],
  ['BITCOUNT foobar 1 1', 6],
  ['BITCOUNT foobar -2 -1', 7],
  ['BITCOUNT foobar -2 -5', 0],
  ['BITCOUNT foobar 5 30 BIT', 17],
  ['BITCOUNT foobar 0 -1 bit', 26],
  ['BITCOUNT foobar 9 9 BIT', 1],
  ['BITCOUNT foobar -1000 1000 BYTE', 26],
  ['BITCOUNT foobar 6 10', 0],
  ['BITCOUNT foobar 0 9223372036854775807', 26],
  ['BITCOUNT no', 0],
  ['BITCOUNT empty 0 -1', 0],
  ['BITCOUNT no x 1', NOT_INTEGER],
  ['BITCOUNT foobar 0 x', NOT_INTEGER],
  ['BITCOUNT foobar 0 1 HELLO', SYNTAX],
  ['BITCOUNT foobar 0 1 BIT x', SYNTAX],
  ['BITCOUNT h', WRONG_TYPE],
]);

table('BITPOS', [
  ['BITPOS ff 0', 12],
  ['BITPOS ff 1', 0],
  ['BITPOS ff 1 2', -1],
  ['BITPOS ff 0 1', 12],
  ['BITPOS ff 0 0 0', -1],
  ['BITPOS full 0', 16],
  ['BITPOS full 0 1', 16],
  ['BITPOS full 0 0 -1', -1],
  ['BITPOS full 0 0 -1 BIT', -1],
  ['BITPOS full 0 2', -1],
  ['BITPOS ff 1 9 20 BIT', 9],
  ['BITPOS ff 0 3 13 BIT', 12],
  ['BITPOS ff 0 3 11 BIT', -1],
  ['BITPOS ff 1 -9 -1 BIT', -1],
  ['BITPOS ff 0 13 13 BIT', 13],
  ['BITPOS no 0', 0],
  ['BITPOS no 1', -1],
  ['BITPOS no 1 2 3', -1],
  ['BITPOS empty 0', -1],
  ['BITPOS empty 1', -1],
  ['BITPOS ff 2', '-ERR The bit argument must be 1 or 0.'],
  ['BITPOS ff x', NOT_INTEGER],
  ['BITPOS no 1 x', NOT_INTEGER],
  ['BITPOS ff 1 0 1 BITE', SYNTAX],
  ['BITPOS h 1', WRONG_TYPE],
]);

table('BITOP', [
  ['BITOP AND r foobar ff', 6],
  ['GET r', 'f\x60\0\0\0\0'],
  ['BITOP or r foobar ff', 6],
  ['GET r', '\xff\xffobar'],
  ['BITOP XOR r full ff', 3],
  ['GET r', '\0\x0f\0'],
  ['BITOP NOT r ff', 3],
  ['GET r', '\0\x0f\xff'],
  ['BITOP NOT r r', 3],
  ['GET r', '\xff\xf0\0'],
  ['BITOP AND r no foobar', 6],
  ['GET r', '\0\0\0\0\0\0'],
  ['EXPIRE r 100', 1],
  ['BITOP OR h r full', 6],
  ['TYPE h', 'string'],
  ['BITOP OR r r', 6],
  ['TTL r', -1],
  ['BITOP OR r no empty', 0],
  ['EXISTS r', 0],
  ['BITOP NOT r ff full', '-ERR BITOP NOT must be called with a single source key.'],
  ['BITOP NAND r ff full', SYNTAX],
  ['SADD s m', 1],
  ['BITOP OR r ff s', WRONG_TYPE],
]);

test('BITOP of long strings of unequal length', () => {
  const rig = new EngineRig();
  const random = new SeededRandom(Number(process.env.BITS_SEED ?? 11));
  const sources = [70_001, 16_384, 40_003].map((length) => String.fromCharCode(...Array.from({ length }, () => random.below(256))));
  const bytes = sources.map((text) => Array.from({ length: 70_001 }, (_, i) => (i < text.length ? text.charCodeAt(i) : 0)));
  sources.forEach((text, i) => rig.run('SET', `k${i}`, text));
  const folds = { AND: (x: number, y: number) => x & y, OR: (x: number, y: number) => x | y, XOR: (x: number, y: number) => x ^ y };
  for (const [name, fold] of Object.entries(folds)) {
    expect(rig.run('BITOP', name, 'r', 'k0', 'k1', 'k2')).toBe(70_001);
    const expected = bytes[0]!.map((byte, i) => fold(fold(byte, bytes[1]![i]!), bytes[2]![i]!));
    expect(rig.run('GET', 'r') === String.fromCharCode(...expected), name).toBe(true);
  }
  rig.check();
});

table('BITFIELD', [
  ['BITFIELD a', []],
  ['EXISTS a', 0],
  ['BITFIELD a GET u8 0', [0]],
  ['EXISTS a', 0],
  ['BITFIELD a SET i8 0 -100 GET i8 0 GET u8 0', [0, -100, 156]],
  ['BITFIELD a SET u8 #1 65 GET u8 8', [0, 65]],
  ['GET a', '\x9cA'],
  ['BITFIELD a INCRBY u8 8 1 INCRBY u8 8 -2', [66, 64]],
  ['BITFIELD a SET u8 8 256 GET u8 8', [64, 0]],
  ['BITFIELD a OVERFLOW SAT SET u8 8 -1 GET u8 8', [0, 255]],
  ['BITFIELD a OVERFLOW SAT INCRBY u8 8 -300', [0]],
  ['BITFIELD a OVERFLOW SAT INCRBY i8 8 300 OVERFLOW WRAP INCRBY i8 8 1', [127, -128]],
  ['BITFIELD a OVERFLOW FAIL INCRBY i8 8 -1 GET i8 8', [null, -128]],
  ['BITFIELD a OVERFLOW FAIL SET u4 0 16 OVERFLOW SAT SET u4 0 16', [null, 9]],
  ['BITFIELD a GET u1 15 GET u1 100 GET i16 8', [0, 0, -32768]],
  ['BITFIELD_RO a GET u4 0', [15]],
  ['BITFIELD_RO a SET u4 0 1', '-ERR BITFIELD_RO only supports the GET subcommand'],
  ['BITFIELD a GET u64 0', TYPE],
  ['BITFIELD a GET i65 0', TYPE],
  ['BITFIELD a GET u0 0', TYPE],
  ['BITFIELD a GET x8 0', TYPE],
  ['BITFIELD a GET u 0', TYPE],
  ['BITFIELD a GET u8 -1', OFFSET],
  ['BITFIELD a GET u8 #-1', OFFSET],
  ['BITFIELD a GET u8 x', OFFSET],
  ['BITFIELD a GET u8 #', OFFSET],
  ['BITFIELD a SET u8 4294967296 1', OFFSET],
  ['BITFIELD a SET u8 #536870912 1', OFFSET],
  ['BITFIELD a SET u8 0 x', NOT_INTEGER],
  ['BITFIELD a SET u8 0', SYNTAX],
  ['BITFIELD a GET u8', SYNTAX],
  ['BITFIELD a FOO u8 0', SYNTAX],
  ['BITFIELD a OVERFLOW', SYNTAX],
  ['BITFIELD a OVERFLOW foo GET u8 0', '-ERR Invalid OVERFLOW type specified'],
  ['BITFIELD h GET u8 0', WRONG_TYPE],
  ['BITFIELD h SET u8 0 1', WRONG_TYPE],
  ['BITFIELD new OVERFLOW FAIL SET u8 8 256', [null]],
  ['GET new', '\0\0'],
]);

test('BITFIELD has 64 bits', () => {
  const rig = new EngineRig();
  expect(exact(rig, 'BITFIELD', 'a', 'SET', 'i64', 3, '-9223372036854775808', 'GET', 'i64', 3)).toEqual(['0', '-9223372036854775808']);
  expect(exact(rig, 'BITFIELD', 'a', 'INCRBY', 'i64', 3, '-1')).toEqual(['9223372036854775807']);
  expect(exact(rig, 'BITFIELD', 'a', 'OVERFLOW', 'FAIL', 'INCRBY', 'i64', 3, 1)).toEqual([null]);
  expect(exact(rig, 'BITFIELD', 'a', 'OVERFLOW', 'SAT', 'INCRBY', 'i64', 3, 1)).toEqual(['9223372036854775807']);
  expect(exact(rig, 'BITFIELD', 'b', 'SET', 'u63', 1, '9223372036854775807', 'INCRBY', 'u63', 1, 2)).toEqual(['0', '1']);
  expect(exact(rig, 'BITFIELD', 'b', 'SET', 'u63', 1, -1, 'GET', 'u63', 1)).toEqual(['1', '9223372036854775807']);
  expect(exact(rig, 'BITFIELD', 'b', 'SET', 'u8', 1, '9223372036854775807', 'GET', 'u8', 1)).toEqual(['255', '255']);
});

test('BITFIELD beside a model of bigints', () => {
  const random = new SeededRandom(Number(process.env.BITS_SEED ?? 23));
  const rig = new EngineRig();
  let bits = 0n;
  const SIZE = 256;
  rig.run('SET', 'k', '\0'.repeat(SIZE / 8));
  for (let n = 0; n < 4000; n++) {
    const isSigned = random.below(2) === 0;
    const width = 1 + random.below(isSigned ? 64 : 63);
    const offset = random.below(SIZE - width + 1);
    const shift = BigInt(SIZE - offset - width);
    const size = 1n << BigInt(width);
    const min = isSigned ? -size / 2n : 0n;
    const max = min + size - 1n;
    const fit = (value: bigint): bigint => (isSigned ? BigInt.asIntN(width, value) : BigInt.asUintN(width, value));
    const old = fit(bits >> shift);
    const argument = BigInt.asIntN(64, BigInt(random.pick([random.below(100) - 50, 2 ** random.below(64), -(2 ** random.below(64))])) + BigInt(random.below(3) - 1));
    const overflow = random.pick(['WRAP', 'SAT', 'FAIL']);
    const action = random.pick(['SET', 'INCRBY', 'GET']);
    if (action === 'GET') {
      expect(exact(rig, 'BITFIELD', 'k', 'GET', `${isSigned ? 'i' : 'u'}${width}`, offset)).toEqual([String(old)]);
      continue;
    }
    const wish = action === 'SET' ? argument : old + argument;
    const tooLarge = wish > max || (action === 'SET' && !isSigned && wish < 0n);
    const fits = wish >= min && wish <= max;
    const next = fits ? wish : overflow === 'WRAP' ? fit(wish) : overflow === 'SAT' ? (tooLarge ? max : min) : null;
    if (next !== null) bits = (bits & ~((size - 1n) << shift)) | (BigInt.asUintN(width, next) << shift);
    const reply = exact(rig, 'BITFIELD', 'k', 'OVERFLOW', overflow, action, `${isSigned ? 'i' : 'u'}${width}`, offset, String(argument));
    expect(reply, `${n}: ${overflow} ${action} ${isSigned ? 'i' : 'u'}${width} ${offset} ${argument}`).toEqual([next === null ? null : String(action === 'SET' ? old : next)]);
    const text = rig.run('GET', 'k') as string;
    expect(BigInt(`0x${Array.from(text, (char) => char.charCodeAt(0).toString(16).padStart(2, '0')).join('')}`)).toBe(bits);
  }
});

describe('effects', () => {
  test.each<[string, string[][]]>([
    ['SETBIT k 100 1', [['SETBIT', 'k', '100', '1']]],
    ['SETBIT foo 0 0', []],
    ['SETBIT foo 0 1', [['SETBIT', 'foo', '0', '1']]],
    ['SETBIT foo 99 0', [['SETBIT', 'foo', '99', '0']]],
    ['BITOP NOT k foo', [['BITOP', 'NOT', 'k', 'foo']]],
    ['BITOP OR foo no', [['BITOP', 'OR', 'foo', 'no']]],
    ['BITOP OR no no2', []],
    ['BITFIELD foo GET u8 0', []],
    ['BITFIELD foo SET u8 0 102', []],
    ['BITFIELD foo SET u8 0 103', [['BITFIELD', 'foo', 'SET', 'u8', '0', '103']]],
    ['BITFIELD foo OVERFLOW FAIL INCRBY u8 80 999', [['BITFIELD', 'foo', 'OVERFLOW', 'FAIL', 'INCRBY', 'u8', '80', '999']]],
    ['BITFIELD foo OVERFLOW FAIL INCRBY u8 0 999', []],
    ['BITCOUNT foo', []],
  ])('%s', (line, effects) => {
    const rig = new EngineRig();
    rig.line('SET foo foo');
    rig.effects();
    rig.line(line);
    expect(rig.effects().words).toEqual(effects);
  });

  test('a reply waits for the key that was changed in place', () => {
    const rig = new EngineRig();
    rig.line('SET k abc');
    rig.effects();
    rig.line('SETBIT k 0 1');
    expect(rig.engine.lastWaitFor).toBe(rig.engine.turn);
    rig.line('BITFIELD k SET u8 0 7');
    expect(rig.engine.lastWaitFor).toBe(rig.engine.turn);
    rig.line('BITCOUNT other');
    expect(rig.engine.lastWaitFor).toBe(0);
  });
});

test('a string that grows bit by bit is not copied each time', () => {
  const rig = new EngineRig();
  const { entries } = rig.engine.keyspace;
  let moves = 0;
  let last = 0;
  for (let n = 0; n < 20_000; n++) {
    rig.run('SETBIT', 'k', n * 8, 1);
    const ref = rig.engine.keyspace.databases[0]!.peek(new Uint8Array([107]), 0, 1);
    if (ref !== last) moves++;
    last = ref;
  }
  expect(entries.valueLength(last)).toBe(20_000);
  expect(moves).toBeLessThan(100);
});
