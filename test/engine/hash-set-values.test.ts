/** The value APIs of hashes and sets that no hash or set command uses: copies and memory figures. */
import { expect, test } from 'vitest';
import { EntryType } from '../../src/engine/memory/entries.ts';
import { Request } from '../../src/shared/request.ts';
import { EngineRig } from './engine-rig.ts';

function refOf(rig: EngineRig, key: string): number {
  return rig.engine.keyspace.databases[0]!.peek(Request.of(key).buf, 0, key.length);
}

function addEntry(rig: EngineRig, key: string, type: number): number {
  return rig.engine.keyspace.databases[0]!.addCollection(Request.of(key).buf, 0, key.length, type);
}

for (const [name, fill] of [
  ['small hash', 'HSET x a 1 b 2'],
  ['large hash', `HSET x a 1 b ${'v'.repeat(100)}`],
  ['intset', 'SADD x 1 2 3'],
  ['small set', 'SADD x a b c'],
  ['large set', `SADD x a b ${'m'.repeat(100)}`],
] as const) {
  test(`a copy of a ${name} is its own`, () => {
    const rig = new EngineRig();
    rig.line(fill);
    const isHash = fill.startsWith('HSET');
    const read = isHash ? 'HGETALL' : 'SMEMBERS';
    const before = rig.run(read, 'x') as string[];
    const to = addEntry(rig, 'y', isHash ? EntryType.hash : EntryType.set);
    const { hashes, sets } = rig.engine.types;
    if (isHash) hashes.copy(refOf(rig, 'x'), to);
    else sets.copy(refOf(rig, 'x'), to);
    rig.check();
    expect((rig.run(read, 'y') as string[]).sort()).toEqual([...before].sort());
    expect(rig.encoding('y')).toBe(rig.encoding('x'));
    if (isHash) rig.line('HSET x a 9 z 9');
    else rig.line('SADD x 9 z');
    expect((rig.run(read, 'y') as string[]).sort()).toEqual([...before].sort());
    rig.check();
  });
}

test('memory figures add up to the arena, sampled or not', () => {
  const rig = new EngineRig();
  const { keyspace, types } = rig.engine;
  rig.run('SET', 'other', '1');
  const empty = keyspace.arena.liveBytes;
  for (let i = 0; i < 3000; i++) rig.run('SADD', '{other}s', `member:${i}`);
  const grown = keyspace.arena.liveBytes - empty;
  const exact = types.sets.memoryBytes(refOf(rig, '{other}s'), 0);
  expect(grown - exact).toBeLessThan(100);
  const sampled = types.sets.memoryBytes(refOf(rig, '{other}s'), 5);
  expect(Math.abs(sampled - exact)).toBeLessThan(exact * 0.1);
  rig.line('HSET h a 1');
  expect(types.hashes.memoryBytes(refOf(rig, 'h'), 5)).toBe(16);
});
