/** Ends of replies are found however the bytes are cut. */
import { describe, expect, test } from 'vitest';
import { ReplySplitter } from '../../src/protocol/reply-splitter.ts';
import { latin1Bytes } from '../../src/shared/request.ts';

const REPLIES = [
  '+OK\r\n', '-ERR no\r\n', ':-12\r\n', '$5\r\nhello\r\n', '$0\r\n\r\n', '$-1\r\n', '*-1\r\n', '*0\r\n', '*2\r\n$1\r\na\r\n*2\r\n:1\r\n$-1\r\n', '_\r\n', '#t\r\n', ',1.5\r\n',
  '(123456789012345678901234567890\r\n', '=7\r\ntxt:abc\r\n', '!5\r\nERR x\r\n', '%1\r\n+k\r\n*1\r\n:1\r\n', '~2\r\n+a\r\n+b\r\n', '|1\r\n+ttl\r\n:3\r\n$1\r\nv\r\n',
  '$13\r\n*3\r\n:1\r\n+OK\r\n\r\n', '*1\r\n*1\r\n*1\r\n*0\r\n',
];
const PUSH = '>2\r\n+message\r\n$2\r\nhi\r\n';

function ends(text: string, cutEvery: number): { end: number; push: boolean }[] {
  const splitter = new ReplySplitter();
  const bytes = latin1Bytes(text);
  const found: { end: number; push: boolean }[] = [];
  for (let from = 0; from < bytes.length; from += cutEvery) {
    const to = Math.min(bytes.length, from + cutEvery);
    for (let at = from; at < to;) {
      const end = splitter.next(bytes, at, to);
      if (end < 0) break;
      found.push({ end, push: splitter.wasPush });
      at = end;
    }
  }
  return found;
}

describe('reply splitter', () => {
  const all = [...REPLIES.slice(0, 10), PUSH, ...REPLIES.slice(10)];
  const wanted: { end: number; push: boolean }[] = [];
  for (const reply of all) wanted.push({ end: (wanted.at(-1)?.end ?? 0) + reply.length, push: reply === PUSH });

  test.each([1, 2, 3, 5, 7, 11, 64, 100_000])('in pieces of %i bytes', (size) => {
    expect(ends(all.join(''), size)).toEqual(wanted);
  });

  test('what is no reply is refused', () => {
    const bytes = latin1Bytes('hello\r\n');
    expect(() => new ReplySplitter().next(bytes, 0, bytes.length)).toThrow(/began with byte 104/);
  });
});
