import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../support/seeded-random.ts';
import { type HistoryEntry, type Operation, checkLinearizable } from './linearizability.ts';

const set = (value: string): Operation => ({ kind: 'set', value });
const append = (value: string): Operation => ({ kind: 'append', value, unit: 1 });
const get: Operation = { kind: 'get' };
const increment: Operation = { kind: 'increment' };

function entry(operation: Operation, calledAt: number, repliedAt: number, result: string | number | null = null): HistoryEntry {
  return { operation, calledAt, repliedAt, result };
}

describe('histories of one key', () => {
  test.each<[string, 'linearizable' | 'violated', HistoryEntry[]]>([
    ['nothing', 'linearizable', []],
    ['a value read after it was set', 'linearizable', [entry(set('a'), 1, 2), entry(get, 3, 4, 'a')]],
    ['a stale read', 'violated', [entry(set('a'), 1, 2), entry(set('b'), 3, 4), entry(get, 5, 6, 'a')]],
    ['a read beside a write sees either', 'linearizable', [entry(set('a'), 1, 10), entry(get, 2, 3, null), entry(get, 4, 5, 'a')]],
    ['a value that was seen does not go away', 'violated', [entry(set('a'), 1, 10), entry(get, 2, 3, 'a'), entry(get, 4, 5, null)]],
    ['a write without a reply may have happened late', 'linearizable', [entry(set('a'), 1, Infinity), entry(get, 2, 3, null), entry(get, 4, 5, 'a')]],
    ['a write without a reply happens once', 'violated', [
      entry(set('a'), 1, Infinity), entry(get, 2, 3, 'a'), entry(set('b'), 4, 5), entry(get, 6, 7, 'b'), entry(get, 8, 9, 'a'),
    ]],
    ['a lost write', 'violated', [entry(append('x'), 1, 2, 1), entry(append('y'), 3, 4, 2), entry(get, 5, 6, 'x')]],
    ['a lost increment', 'violated', [entry(increment, 1, 2, 1), entry(increment, 3, 4, 1)]],
    ['increments at once', 'linearizable', [entry(increment, 1, 6, 2), entry(increment, 2, 5, 1), entry(increment, 3, 4, 3)]],
    ['an increment without a reply counts', 'linearizable', [entry(increment, 1, Infinity), entry(increment, 2, 3, 2)]],
    ['a deletion in between', 'linearizable', [entry(append('x'), 1, 2, 1), entry({ kind: 'delete' }, 3, 4), entry(append('y'), 5, 6, 1)]],
  ])('%s: %s', (_, verdict, history) => {
    expect(checkLinearizable(history)).toBe(verdict);
  });

  test('what a real key would say is always accepted, and a changed answer almost always found', () => {
    const random = new SeededRandom(7);
    let found = 0;
    for (let run = 0; run < 300; run++) {
      const history: HistoryEntry[] = [];
      let text = '';
      for (let i = 0; i < 20; i++) {
        const at = 10 * i;
        const [calledAt, repliedAt] = [at - random.next() * 25, at + random.next() * 25];
        if (random.chance(0.5)) {
          text += String.fromCharCode(97 + i);
          history.push(entry(append(String.fromCharCode(97 + i)), calledAt, random.chance(0.2) ? Infinity : repliedAt, text.length));
        } else history.push(entry(get, calledAt, repliedAt, text === '' ? null : text));
      }
      expect(checkLinearizable(history), `run ${run}`).toBe('linearizable');
      const victim = history.find(({ operation, result }) => operation.kind === 'get' && result !== null);
      if (victim === undefined) continue;
      victim.result = `${String(victim.result).slice(0, -1)}?`;
      found++;
      expect(checkLinearizable(history), `run ${run}`).toBe('violated');
    }
    expect(found).toBeGreaterThan(200);
  });
});
