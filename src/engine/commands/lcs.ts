/** LCS: the longest common subsequence of two strings, its length, or where its pieces stand. */
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import { LCS_LENGTH_AND_INDEXES, LCS_NOT_STRINGS, LCS_NO_MEMORY, LCS_TOO_LARGE, SYNTAX } from '../error-texts.ts';
import { Bytes, EntryType } from '../memory/entries.ts';

interface Options {
  wantsLength: boolean;
  wantsIndexes: boolean;
  withMatchLength: boolean;
  matchLengthMin: number;
}

function parseOptions(c: Call): Options {
  const { req } = c;
  const out: Options = { wantsLength: false, wantsIndexes: false, withMatchLength: false, matchLengthMin: 0 };
  for (let i = 3; i < req.argc; i++) {
    if (req.is(i, 'IDX')) out.wantsIndexes = true;
    else if (req.is(i, 'LEN')) out.wantsLength = true;
    else if (req.is(i, 'WITHMATCHLEN')) out.withMatchLength = true;
    else if (req.is(i, 'MINMATCHLEN') && i + 1 < req.argc) out.matchLengthMin = Math.max(0, c.integer(++i));
    else throw SYNTAX;
  }
  if (out.wantsIndexes && out.wantsLength) throw LCS_LENGTH_AND_INDEXES;
  return out;
}

/** The string at `ref`; of a missing key the empty one. */
function window(c: Call, ref: Ref): Bytes {
  const out = new Bytes();
  if (ref !== 0) c.engine.keyspace.entries.value(ref, out);
  return out;
}

/**
 * Lengths of the longest common subsequences of all pairs of beginnings: row i, column j for a's first i and b's first j
 * bytes.
 */
class Table {
  readonly width: number;
  readonly cells: Uint16Array | Uint32Array;

  /** @param bytesMax proto-max-bulk-len, to which Redis holds its table of four bytes a cell. */
  constructor(a: Bytes, b: Bytes, bytesMax: number) {
    const width = b.len + 1;
    const size = (a.len + 1) * width;
    if (size * 4 > bytesMax) throw LCS_TOO_LARGE;
    this.width = width;
    this.cells = allocate(size, Math.min(a.len, b.len) < 65536);
    const { cells } = this;
    for (let i = 1; i <= a.len; i++) {
      const byte = a.buf[a.off + i - 1]!;
      const row = i * width;
      for (let j = 1; j <= b.len; j++) {
        const at = row + j;
        if (byte === b.buf[b.off + j - 1]) cells[at] = cells[at - width - 1]! + 1;
        else cells[at] = Math.max(cells[at - width]!, cells[at - 1]!);
      }
    }
  }

  at(i: number, j: number): number {
    return this.cells[i * this.width + j]!;
  }
}

function allocate(size: number, isNarrow: boolean): Uint16Array | Uint32Array {
  try {
    return isNarrow ? new Uint16Array(size) : new Uint32Array(size);
  } catch (error) {
    if (error instanceof RangeError) throw LCS_NO_MEMORY;
    throw error;
  }
}

/** A run of bytes that both strings have: where it begins in each, and its length. */
type OnMatch = (aStart: number, bStart: number, length: number) => void;

/** Walks the subsequence from its end, piece by piece. Of several of the same length takes the one that Redis takes. */
function eachMatch(a: Bytes, b: Bytes, table: Table, onMatch: OnMatch): void {
  let i = a.len;
  let j = b.len;
  let length = 0;
  while (i > 0 && j > 0) {
    if (a.buf[a.off + i - 1] === b.buf[b.off + j - 1]) {
      length++;
      i--;
      j--;
      continue;
    }
    if (length > 0) onMatch(i, j, length);
    length = 0;
    if (table.at(i - 1, j) > table.at(i, j - 1)) i--;
    else j--;
  }
  if (length > 0) onMatch(i, j, length);
}

function replySubsequence(c: Call, a: Bytes, b: Bytes, table: Table): void {
  const out = new Uint8Array(table.at(a.len, b.len));
  let at = out.length;
  eachMatch(a, b, table, (start, _, length) => {
    at -= length;
    out.set(a.buf.subarray(a.off + start, a.off + start + length), at);
  });
  c.reply.bulk(out, 0, out.length);
}

function replyIndexes(c: Call, a: Bytes, b: Bytes, table: Table, options: Options): void {
  const { reply } = c;
  reply.map(2);
  reply.bulkString('matches');
  const mark = reply.mark();
  let matches = 0;
  eachMatch(a, b, table, (aStart, bStart, length) => {
    if (length < options.matchLengthMin) return;
    matches++;
    reply.array(options.withMatchLength ? 3 : 2);
    replyRange(c, aStart, length);
    replyRange(c, bStart, length);
    if (options.withMatchLength) reply.integer(length);
  });
  reply.insertArray(mark, matches);
  reply.bulkString('len');
  reply.integer(table.at(a.len, b.len));
}

function replyRange(c: Call, start: number, length: number): void {
  c.reply.array(2);
  c.reply.integer(start);
  c.reply.integer(start + length - 1);
}

function lcs(c: Call): void {
  const { entries } = c.engine.keyspace;
  // A key that is found to be expired is taken out, which may move nothing else: both refs stay good.
  const first = c.lookup(1);
  const second = c.lookup(2);
  for (const ref of [first, second]) if (ref !== 0 && entries.type(ref) !== EntryType.string) throw LCS_NOT_STRINGS;
  const options = parseOptions(c);
  const a = window(c, first);
  const b = window(c, second);
  const table = new Table(a, b, c.engine.limits.protoMaxBulkLen);
  if (options.wantsIndexes) replyIndexes(c, a, b, table, options);
  else if (options.wantsLength) c.reply.integer(table.at(a.len, b.len));
  else replySubsequence(c, a, b, table);
}

export const lcsCommands: readonly Command[] = [
  command({ name: 'lcs', arity: -3, flags: 'readonly', group: 'string', since: '7.0.0', keys: [keysAt(1, 'RO access', 2)], run: lcs }),
];
