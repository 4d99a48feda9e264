/** The tracking table beside a model of Maps and Sets. */
import { describe, expect, test } from 'vitest';
import { latin1Bytes } from '../../src/shared/request.ts';
import { TrackingTable } from '../../src/server/tracking/tracking-table.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { testSeed } from '../support/test-seed.ts';

function add(table: TrackingTable, key: string, client: number): void {
  table.add(latin1Bytes(`<${key}>`), 1, key.length, client);
}

function take(table: TrackingTable, key: string): number[] {
  const out: number[] = [];
  const isThere = table.take(latin1Bytes(`<${key}>`), 1, key.length, out);
  expect(isThere).toBe(out.length > 0);
  return out.sort((a, b) => a - b);
}

const SEED = testSeed('TRACKING_SEED');

describe('the tracking table', () => {
  test.each([1, 2, 3, 4])(`is a map of keys to clients (seed ${SEED} + %i)`, (n) => {
    const random = new SeededRandom(SEED + n);
    const table = new TrackingTable(n);
    const model = new Map<string, Set<number>>();
    // Few keys with many clients, many keys with few, long ones, the empty one, and clients beyond 32 bits.
    const keys = random.pick([5, 500, 20_000]);
    const clients = random.pick([1, 3, 300]);
    const keyOf = (i: number): string => (i === 0 ? '' : i % 97 === 0 ? `long:${i}`.repeat(40) : `key:${i}`);
    const taken: number[] = [];
    for (let step = 0; step < 30_000; step++) {
      const key = keyOf(random.below(keys));
      const what = random.next();
      if (what < 0.75) {
        const client = random.below(clients) + (random.chance(0.1) ? 2 ** 40 : 1);
        add(table, key, client);
        const set = model.get(key);
        if (set === undefined) model.set(key, new Set([client]));
        else set.add(client);
      } else if (what < 0.97) {
        expect(take(table, key)).toEqual([...(model.get(key) ?? [])].sort((a, b) => a - b));
        model.delete(key);
      } else if (what < 0.9999 && model.size > 0) {
        taken.length = 0;
        const evicted = table.evict(taken);
        expect(taken.sort((a, b) => a - b)).toEqual([...model.get(evicted)!].sort((a, b) => a - b));
        model.delete(evicted);
      } else if (random.chance(0.2)) {
        table.clear();
        model.clear();
      }
      if (step % 500 === 0) {
        expect(table.keys).toBe(model.size);
        expect(table.items).toBe([...model.values()].reduce((sum, set) => sum + set.size, 0));
      }
    }
    for (const [key, set] of model) expect(take(table, key)).toEqual([...set].sort((a, b) => a - b));
    expect([table.keys, table.items]).toEqual([0, 0]);
  });

  test('gives up every key in its turn', () => {
    const table = new TrackingTable(7);
    for (let i = 0; i < 3000; i++) add(table, `k${i}`, 1);
    const seen = new Set<string>();
    while (table.keys > 0) seen.add(table.evict([]));
    expect(seen.size).toBe(3000);
  });

  test('takes at most 150 bytes for a key of 16 and its client', () => {
    const table = new TrackingTable(7);
    const keys = 100_000;
    const names = Array.from({ length: keys }, (_, i) => latin1Bytes(`user:${String(i).padStart(11, '0')}`));
    for (const name of names) table.add(name, 0, name.length, 12);
    expect(table.memoryBytes / keys).toBeLessThan(150);
    // Churn leaves no holes that stay.
    for (let round = 0; round < 3; round++) {
      for (const name of names) {
        table.take(name, 0, name.length, []);
        table.add(name, 0, name.length, 12);
      }
    }
    expect(table.memoryBytes / keys).toBeLessThan(150);
  });
});
