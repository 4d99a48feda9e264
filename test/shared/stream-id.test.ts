/** Ids of streams over the whole 64 bits of both their numbers, and what counts as one. */
import { expect, test } from 'vitest';
import { latin1Bytes, latin1Slice } from '../../src/shared/request.ts';
import { IdText, MissingSequence, StreamId } from '../../src/shared/stream-id.ts';

const MAX = '18446744073709551615';

function parse(text: string, missing: number = MissingSequence.zero): string | null {
  const id = new StreamId();
  return id.parse(latin1Bytes(`x${text}`), 1, text.length, missing) ? id.text() : null;
}

test.each([
  ['0', '0-0'], ['5-7', '5-7'], [`${MAX}-${MAX}`, `${MAX}-${MAX}`], ['9007199254740993-9007199254740992', '9007199254740993-9007199254740992'],
  ['4294967296-4294967295', '4294967296-4294967295'], [' 5-1', '5-1'], ['+5-+1', '5-1'], ['007-01', '7-1'], ['1-\t2', '1-2'],
  // As strtoull wraps what string2ll does not take for a number.
  ['1--0', '1-0'], ['1--05', `1-${18446744073709551611n}`],
])('"%s" is an id', (text, id) => {
  expect(parse(text)).toBe(id);
});

test.each(['', '-', '-1', '1-', '1-2-3', 'a', '1-a', '1 -2', '1-*', '18446744073709551616-0', '0-18446744073709551616', '1--5', '1'.repeat(128)])(
  '"%s" is none', (text) => {
    expect(parse(text)).toBe(null);
  },
);

test('a missing sequence is the least or the greatest', () => {
  expect(parse('7', MissingSequence.zero)).toBe('7-0');
  expect(parse('7', MissingSequence.max)).toBe(`7-${MAX}`);
});

test('only "ms-*" leaves the sequence open', () => {
  const id = new StreamId();
  const open = (text: string): boolean => id.parseOpen(latin1Bytes(text), 0, text.length);
  expect(open('12-*')).toBe(true);
  expect(id.text()).toBe('12-0');
  for (const text of ['*', '-*', '12*', '12-1*', '1-2-*', 'x-*']) expect(open(text), text).toBe(false);
});

test('the ids before and behind', () => {
  const id = new StreamId();
  const around = (text: string): [string, string] => {
    id.parse(latin1Bytes(text), 0, text.length, 0);
    id.increment();
    const behind = id.text();
    id.decrement();
    id.decrement();
    return [id.text(), behind];
  };
  expect(around('5-0')).toEqual([`4-${MAX}`, '5-1']);
  expect(around(`5-${MAX}`)).toEqual(['5-18446744073709551614', '6-0']);
  expect(around('4294967296-4294967295')).toEqual(['4294967296-4294967294', '4294967296-4294967296']);
  expect(id.setMax().increment()).toBe(false);
  expect(id.isZero()).toBe(true);
  expect(id.decrement()).toBe(false);
  expect(id.isMax()).toBe(true);
});

test('milliseconds beyond 32 bits', () => {
  expect(new StreamId().setMs(1_700_000_000_123).text()).toBe('1700000000123-0');
});

test('ids as text one after the other, whatever digits they share', () => {
  const text = new IdText();
  const id = new StreamId();
  const ms = ['0', '5', '12', '1700000000123', '1700000000123', '1700000000124', '4294967296', '4294967295', '9007199254740993', MAX, '0'];
  const sequences = ['0', '7', '10', '99', '100', '2147483647', '2147483648', '4294967295', '4294967296', '9007199254740992', MAX, '1'];
  for (const first of ms) {
    for (const second of sequences) {
      id.parse(latin1Bytes(`${first}-${second}`), 0, first.length + 1 + second.length, 0);
      text.set(id);
      expect(latin1Slice(text.buf, 0, text.length)).toBe(`${first}-${second}`);
    }
  }
});
