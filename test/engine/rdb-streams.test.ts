/** Streams in RDB's three forms, read in slices of any size, and what of them is refused. */
import { describe, expect, test } from 'vitest';
import { LoadState, RdbLoader } from '../../src/engine/rdb/rdb-loader.ts';
import { OperationalError } from '../../src/shared/errors.ts';
import { ListpackWriter } from '../../src/shared/rdb/listpack.ts';
import { RdbType } from '../../src/shared/rdb/rdb-types.ts';
import { RdbWriter } from '../../src/shared/rdb/rdb-writer.ts';
import { latin1Bytes } from '../../src/shared/request.ts';
import { EngineRig } from './engine-rig.ts';
import type { Value } from './recording-reply.ts';

/** An id of 128 bits. */
function rawId(ms: number, seq: number): Uint8Array {
  const out = new Uint8Array(16);
  new DataView(out.buffer).setBigUint64(0, BigInt(ms));
  new DataView(out.buffer).setBigUint64(8, BigInt(seq));
  return out;
}

/** A node of these elements; numbers stand as integers, text may not. */
function nodeOf(...elements: (number | string)[]): Uint8Array {
  const writer = new ListpackWriter();
  writer.begin();
  for (const element of elements) {
    if (typeof element === 'number') writer.appendInteger(element);
    else writer.append(latin1Bytes(element), 0, element.length);
  }
  writer.finish();
  return writer.buf.slice(0, writer.len);
}

/** Entries 5-1 {a: x}, 5-2 (deleted) and 7-0 {b: y, c: z}. */
const NODE = [2, 1, 1, 'a', 0, 2, 0, 0, 'x', 4, 3, 0, 1, 'gone', 4, 0, 2, -1, 2, 'b', 'y', 'c', 'z', 8];

interface Parts {
  node?: (number | string)[];
  key?: Uint8Array;
  length?: number;
  last?: [number, number];
  groupPending?: [number, number][];
  consumers?: [string, [number, number][]][];
  groups?: string[];
}

function file(type: number, parts: Parts = {}): Uint8Array {
  const chunks: Uint8Array[] = [];
  const w = new RdbWriter({ sink: (bytes) => { chunks.push(bytes.slice()); } });
  const raw = (bytes: Uint8Array): void => { w.raw(bytes, 0, bytes.length); };
  const string = (bytes: Uint8Array): void => { w.string(bytes, 0, bytes.length); };
  w.header();
  w.byte(type);
  w.text('s');
  w.length(1);
  string(parts.key ?? rawId(5, 1));
  string(nodeOf(...(parts.node ?? NODE)));
  w.length(parts.length ?? 2);
  for (const n of parts.last ?? [9, 3]) w.length(n);
  if (type !== RdbType.stream) for (const n of [5, 1, 5, 2, 12]) w.length(n);
  const groups = parts.groups ?? ['g'];
  w.length(groups.length);
  for (const group of groups) {
    w.text(group);
    w.length(5);
    w.length(1);
    if (type !== RdbType.stream) w.length(3);
    const pending = parts.groupPending ?? [[5, 1], [5, 2]];
    w.length(pending.length);
    for (const [ms, seq] of pending) {
      raw(rawId(ms, seq));
      w.int64(1_699_999_999_000);
      w.length(4);
    }
    const consumers = parts.consumers ?? [['alice', [[5, 2]]], ['bob', [[5, 1]]]];
    w.length(consumers.length);
    for (const [name, own] of consumers) {
      w.text(name);
      w.int64(1_699_999_999_500);
      if (type === RdbType.stream3) w.int64(1_699_999_999_200);
      w.length(own.length);
      for (const [ms, seq] of own) raw(rawId(ms, seq));
    }
  }
  w.end();
  return Buffer.concat(chunks);
}

/** Loads a file that comes in chunks, in slices of `budget` elements. */
function load(bytes: Uint8Array, chunk: number, budget: number): EngineRig {
  const rig = new EngineRig();
  const loader = new RdbLoader(rig.engine);
  let at = 0;
  for (let state: number = LoadState.more; state !== LoadState.done;) {
    state = loader.step(budget);
    if (state !== LoadState.input) continue;
    if (at >= bytes.length) loader.finish();
    else loader.feed(bytes.slice(at, at += chunk));
  }
  return rig;
}

describe.each([
  ['as Redis 5 and 6 write them', RdbType.stream], ['as Redis 7.0 writes them', RdbType.stream2], ['as Redis 7.2 writes them', RdbType.stream3],
])('%s', (_, type) => {
  test.each([[1, 1], [7, 2], [1e6, 1e6]])('in chunks of %d bytes and slices of %d elements', (chunk, budget) => {
    const rig = load(file(type), chunk, budget);
    rig.check();
    expect(rig.line('XRANGE s - +')).toEqual([['5-1', ['a', 'x']], ['7-0', ['b', 'y', 'c', 'z']]]);
    const info = rig.line('XINFO STREAM s FULL') as Value[];
    const first = type === RdbType.stream;
    expect(info.slice(0, 14)).toEqual([
      'length', 2, 'radix-tree-keys', 1, 'radix-tree-nodes', 2, 'last-generated-id', '9-3', 'max-deleted-entry-id', first ? '0-0' : '5-2',
      'entries-added', first ? 2 : 12, 'recorded-first-entry-id', '5-1',
    ]);
    const activeMs = type === RdbType.stream3 ? 1_699_999_999_200 : 1_699_999_999_500;
    expect(info[17]).toEqual([[
      'name', 'g', 'last-delivered-id', '5-1', 'entries-read', first ? 1 : 3, 'lag', first ? 1 : null, 'pel-count', 2,
      'pending', [['5-1', 'bob', 1_699_999_999_000, 4], ['5-2', 'alice', 1_699_999_999_000, 4]],
      'consumers', [
        ['name', 'alice', 'seen-time', 1_699_999_999_500, 'active-time', activeMs, 'pel-count', 1, 'pending', [['5-2', 1_699_999_999_000, 4]]],
        ['name', 'bob', 'seen-time', 1_699_999_999_500, 'active-time', activeMs, 'pel-count', 1, 'pending', [['5-1', 1_699_999_999_000, 4]]],
      ],
    ]]);
    expect(rig.line('XADD s 9-4 a more')).toBe('9-4');
    rig.check();
  });
});

test('a node of deleted entries alone, which XTRIM may leave behind in Redis, is left out', () => {
  const rig = load(file(RdbType.stream2, { node: [0, 1, 1, 'a', 0, 3, 0, 0, 'x', 4], length: 0, groups: [] }), 7, 1);
  rig.check();
  expect((rig.line('XINFO STREAM s') as Value[]).slice(0, 8)).toEqual(['length', 0, 'radix-tree-keys', 0, 'radix-tree-nodes', 1, 'last-generated-id', '9-3']);
  // As redis-server 7.0 dumps a stream of 1-0, 2-0 and 3-0 after XDEL s 3-0 and XTRIM s MINID 3-0.
  const payload = Buffer.from('13011000000000000000010000000000000000c325300e300000001400000103010101816102400800002001020101046012c009000280090101ff0003000000030003000a0091cd9262799f2203', 'hex').toString('latin1');
  expect(rig.run('RESTORE', 't', 0, payload)).toBe('OK');
  expect(rig.line('XADD t * a 1')).not.toMatch(/^-/);
  expect(rig.line('XLEN t')).toBe(1);
  rig.check();
});

const damaged: [string, Parts][] = [
  ['a node under something else than an id', { key: new Uint8Array(15) }],
  ['a node without entries', { node: [0, 0, 1, 'a', 0], length: 0 }],
  ['a node that counts too many', { node: [3, ...NODE.slice(1)], length: 3 }],
  ['a node that counts deleted ones as live', { node: [3, 0, ...NODE.slice(2)], length: 3 }],
  ['a node that goes on', { node: [...NODE, 5] }],
  ['a node cut short', { node: NODE.slice(0, -3) }],
  ['fields without end', { node: [1, 0, 1, 'a', 1, 2, 0, 0, 'x', 4], length: 1 }],
  ['more fields than there are', { node: [1, 0, 1000, 'a', 0, 2, 0, 0, 'x', 4], length: 1 }],
  ['a count below zero', { node: [1, 0, -1, 0, 2, 0, 0, 3], length: 1 }],
  ['an entry of another length', { node: [1, 0, 1, 'a', 0, 2, 0, 0, 'x', 5], length: 1 }],
  ['unknown flags', { node: [1, 0, 1, 'a', 0, 6, 0, 0, 'x', 4], length: 1 }],
  ['text for a number', { node: [1, 0, 1, 'a', 0, 2, 'q', 0, 'x', 4], length: 1 }],
  ['entries out of order', { node: [2, 0, 1, 'a', 0, 2, 1, 0, 'x', 4, 2, 0, 0, 'x', 4] }],
  ['an entry twice', { node: [2, 0, 1, 'a', 0, 2, 0, 0, 'x', 4, 2, 0, 0, 'x', 4] }],
  ['another length than it has', { length: 3 }],
  ['entries behind its last id', { last: [6, 0] }],
  ['a group twice', { groups: ['g', 'g'] }],
  ['a consumer twice', { consumers: [['a', [[5, 2]]], ['a', [[5, 1]]]] }],
  ['an entry pending twice', { groupPending: [[5, 1], [5, 1]] }],
  ['an entry pending with two consumers', { consumers: [['a', [[5, 1], [5, 2]]], ['b', [[5, 1]]]] }],
  ['an entry pending with nobody', { consumers: [['a', [[5, 1]]]] }],
  ['an entry pending with a consumer alone', { groupPending: [[5, 1]], consumers: [['a', [[5, 1], [5, 2]]]] }],
];

describe('damage', () => {
  test.each(damaged)('%s', (_, parts) => {
    for (const chunk of [3, 1e6]) {
      const caught = ((): unknown => {
        try {
          load(file(RdbType.stream2, parts), chunk, 10);
          return null;
        } catch (error) {
          return error;
        }
      })();
      expect(caught).toBeInstanceOf(OperationalError);
      expect((caught as OperationalError).code).toBe('RDB_DAMAGED');
    }
  });

  test('a counter of what a group has read below zero is none', () => {
    const rig = new EngineRig();
    rig.line('XADD s 1-0 a b');
    rig.line('XGROUP CREATE s g 1-0 ENTRIESREAD -1');
    const payload = rig.run('DUMP', 's') as string;
    expect(rig.run('RESTORE', 't', 0, payload)).toBe('OK');
    expect((rig.line('XINFO GROUPS t') as Value[][])[0]!.slice(8)).toEqual(['entries-read', null, 'lag', 0]);
    rig.check();
  });
});
