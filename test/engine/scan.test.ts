/** SCAN and KEYS: options, and the guarantees of SCAN while keys come and go between its calls. */
import { describe, expect, test } from 'vitest';
import { Request } from '../../src/shared/request.ts';
import { EngineRig, randomOf } from './engine-rig.ts';

function given(...lines: string[]): EngineRig {
  const rig = new EngineRig();
  for (const line of lines) rig.line(line);
  return rig;
}

/** The keys of a whole walk, in the order in which they came; `between` is called after each step. */
function walk(rig: EngineRig, options: string[] = [], between: () => void = () => undefined): string[] {
  const out: string[] = [];
  let cursor = '0';
  do {
    const [next, keys] = rig.run('SCAN', cursor, ...options) as [string, string[]];
    out.push(...keys);
    cursor = next;
    between();
  } while (cursor !== '0');
  return out;
}

describe('SCAN', () => {
  test('shows every key once while nothing changes, whatever COUNT', () => {
    const rig = given();
    expect(rig.line('SCAN 0')).toEqual(['0', []]);
    const keys = Array.from({ length: 1000 }, (_, n) => `key:${n}`);
    for (const key of keys) rig.run('SET', key, '');
    for (const count of ['1', '10', '999', '1000', '5000']) {
      const seen = walk(rig, ['COUNT', count]);
      expect(seen).toHaveLength(1000);
      expect(new Set(seen)).toEqual(new Set(keys));
    }
  });

  test('a step shows about COUNT keys, and the last cursor of a full step is not followed by an empty one', () => {
    const rig = given();
    for (let n = 0; n < 300; n++) rig.run('SET', `k${n}`, '');
    let steps = 0;
    let cursor = '0';
    do {
      const [next, keys] = rig.run('SCAN', cursor, 'COUNT', 25) as [string, string[]];
      expect(keys.length).toBeGreaterThanOrEqual(25);
      expect(keys.length).toBeLessThan(30);
      cursor = next;
      steps++;
    } while (cursor !== '0');
    expect(steps).toBe(12);
  });

  test('takes out what is expired, be it of another type than is asked for', () => {
    const rig = given('SET s v PX 10', 'HSET h f v', 'PEXPIRE h 10', 'SET stays v');
    rig.engine.beginTurn(rig.engine.keyspace.nowMs + 11);
    expect(walk(rig, ['TYPE', 'nosuch'])).toEqual([]);
    expect(rig.line('DBSIZE')).toBe(1);
  });

  test('MATCH, TYPE, and both; TYPE of no known name shows nothing', () => {
    const rig = given('SET s1 v', 'SET s2 v', 'SADD set1 a', 'HSET h1 f v', 'RPUSH l1 a', 'SET other v');
    expect(walk(rig, ['MATCH', '*1']).sort()).toEqual(['h1', 'l1', 's1', 'set1']);
    expect(walk(rig, ['TYPE', 'string']).sort()).toEqual(['other', 's1', 's2']);
    expect(walk(rig, ['TYPE', 'SET', 'COUNT', '1'])).toEqual(['set1']);
    expect(walk(rig, ['match', 's*', 'type', 'string']).sort()).toEqual(['s1', 's2']);
    expect(walk(rig, ['TYPE', 'stream'])).toEqual([]);
    expect(walk(rig, ['TYPE', 'nosuch'])).toEqual([]);
    expect(walk(rig, ['MATCH', 's1'])).toEqual(['s1']);
    expect(walk(rig, ['MATCH', 'nothing'])).toEqual([]);
  });

  test('a pattern with a hash tag is looked for in its slot alone, and finds the same', () => {
    const rig = given();
    for (let n = 0; n < 500; n++) rig.run('SET', n % 5 === 0 ? `{tag}:${n}` : `{other${n}}:tag`, '');
    const tagged = Array.from({ length: 100 }, (_, n) => `{tag}:${n * 5}`).sort();
    expect(walk(rig, ['MATCH', '{tag}:*', 'COUNT', '7']).sort()).toEqual(tagged);
    expect(rig.line('SCAN 0 MATCH {tag}:* COUNT 1000')).toMatchObject(['0', { length: 100 }]);
    expect((rig.line('KEYS {tag}:*') as string[]).sort()).toEqual(tagged);
    // Not tags: empty, or behind the first wildcard.
    rig.run('SET', '{}x', '');
    expect(walk(rig, ['MATCH', '{}*'])).toEqual(['{}x']);
    expect(walk(rig, ['MATCH', '*{tag}:5'])).toEqual(['{tag}:5']);
    expect(walk(rig, ['MATCH', '\\{tag}:5'])).toEqual(['{tag}:5']);
  });

  test.each([
    ['SCAN x', '-ERR invalid cursor'], ['SCAN 1x', '-ERR invalid cursor'], ['SCAN 99999999999999999999999', '-ERR invalid cursor'],
    ['SCAN 0 COUNT', '-ERR syntax error'], ['SCAN 0 COUNT 0', '-ERR syntax error'], ['SCAN 0 COUNT -1', '-ERR syntax error'],
    ['SCAN 0 COUNT x', '-ERR value is not an integer or out of range'], ['SCAN 0 MATCH', '-ERR syntax error'], ['SCAN 0 FOO', '-ERR syntax error'],
    ['SCAN 18446744073709551615', ['0', []]], ['SCAN 123456789012345', ['0', []]], ['SCAN -1', ['0', []]],
  ])('%s', (line, expected) => {
    expect(given('SET k v').line(line)).toEqual(expected);
  });

  test('sees what another database has not', () => {
    const rig = given('SET zero v', 'SELECT 1', 'SET one v');
    expect(walk(rig)).toEqual(['one']);
  });

  // The index of one slot with thousands of keys splits and merges; without a tag most slots have a key or two.
  test.each([['in one slot', '{t}'], ['in all slots', '']])('shows every key that stays, however the index grows and shrinks: %s', (_name, tag) => {
    const seed = 11;
    const random = randomOf(seed);
    const rig = new EngineRig(seed);
    const staying = Array.from({ length: 3000 }, (_, n) => `${tag}stay:${n}`);
    for (const key of staying) rig.run('SET', key, '');
    let others = 0;
    let alive = new Set<string>();
    let grow = true;
    const seen = new Map<string, number>();
    const came = walk(rig, ['COUNT', '20'], () => {
      // Bursts that make it four times as large, and small again, some times within one walk.
      if (alive.size > 12_000) grow = false;
      if (alive.size === 0) grow = true;
      if (grow) {
        for (let n = 0; n < 800; n++) {
          const key = `${tag}other:${others++}`;
          rig.run('SET', key, '');
          alive.add(key);
        }
      } else {
        const gone = [...alive].filter(() => random() < 0.3).concat([...alive].slice(0, 100));
        for (const key of gone) rig.run('DEL', key);
        alive = new Set([...alive].filter((key) => rig.run('EXISTS', key) === 1));
      }
      rig.engine.keyspace.compactor.step(500);
    });
    for (const key of came) seen.set(key, (seen.get(key) ?? 0) + 1);
    expect(others).toBeGreaterThan(10_000);
    for (const key of staying) expect(seen.get(key), key).toBe(1);
    // Nothing that went before the walk came to it, and nothing is shown twice: keys' order never changes.
    expect(Math.max(...seen.values())).toBe(1);
    rig.check();
  }, 120_000);

  test('a walk goes on over a database that was swapped or flushed', () => {
    const rig = given();
    for (let n = 0; n < 500; n++) rig.run('SET', `k${n}`, '');
    const [cursor] = rig.run('SCAN', '0', 'COUNT', 100) as [string];
    rig.line('SWAPDB 0 1');
    expect(rig.run('SCAN', cursor)).toEqual(['0', []]);
    rig.line('SWAPDB 0 1');
    expect((rig.run('SCAN', cursor, 'COUNT', 1000) as [string, string[]])[1]).toHaveLength(500 - (rig.run('SCAN', '0', 'COUNT', 100) as [string, string[]])[1].length);
    rig.line('FLUSHDB');
    expect(rig.run('SCAN', cursor)).toEqual(['0', []]);
  });

  test('of keys whose hashes are the same does not end between them', () => {
    const rig = given();
    const { index } = rig.engine.keyspace;
    // Keys of one slot that share their 32-bit hash: found by looking, with the index's own hash.
    const byHash = new Map<number, string>();
    let twins: string[] = [];
    for (let n = 0; twins.length === 0; n++) {
      const key = `{t}${n}`;
      const hash = index.hash(Request.of(key).buf, 0, key.length);
      const other = byHash.get(hash);
      if (other !== undefined) twins = [other, key];
      byHash.set(hash, key);
    }
    for (const key of [...twins, '{t}x', '{t}y']) rig.run('SET', key, '');
    expect(walk(rig, ['COUNT', '1']).sort()).toEqual([...twins, '{t}x', '{t}y'].sort());
    for (const key of twins) expect(rig.run('GET', key)).toBe('');
    rig.run('DEL', twins[0]!);
    expect([rig.run('EXISTS', twins[0]!), rig.run('EXISTS', twins[1]!)]).toEqual([0, 1]);
    rig.check();
  });
});

describe('KEYS', () => {
  test.each([
    ['*', ['a', 'aa', 'ab', 'b*', 'hello', 'hxllo']], ['a', ['a']], ['a*', ['a', 'aa', 'ab']], ['a?', ['aa', 'ab']], ['h?llo', ['hello', 'hxllo']],
    ['h[ex]llo', ['hello', 'hxllo']], ['h[^e]llo', ['hxllo']], ['h[a-e]llo', ['hello']], ['b\\*', ['b*']], ['', []], ['nothing*', []],
  ])('%s', (pattern, expected) => {
    const rig = new EngineRig();
    for (const key of ['a', 'aa', 'ab', 'b*', 'hello', 'hxllo']) rig.run('SET', key, '');
    expect([...rig.run('KEYS', pattern) as string[]].sort()).toEqual(expected);
  });
});
