/** Which turn a reply waits for: never an earlier one than the last change of what was looked at, whatever else is in flight. */
import { describe, expect, test } from 'vitest';
import { Hazards } from '../../../src/engine/keyspace/hazards.ts';
import { randomOf } from '../engine-rig.ts';

/** What a command that looks at one key would wait for. */
function waitOf(hazards: Hazards, hash: number, db = 0): number {
  hazards.waitFor = 0;
  hazards.check(hash, db);
  return hazards.waitFor;
}

function waitOfDb(hazards: Hazards, db: number): number {
  hazards.waitFor = 0;
  hazards.checkDb(db);
  return hazards.waitFor;
}

describe('hazards', () => {
  test('a changed key is waited for until its turn commits, others are not', () => {
    const hazards = new Hazards(2);
    hazards.mark(7, 0);
    expect(hazards.waitFor).toBe(1);
    hazards.turn = 2;
    hazards.mark(8, 0);
    expect([waitOf(hazards, 7), waitOf(hazards, 8), waitOf(hazards, 9), waitOf(hazards, 7, 1)]).toEqual([1, 2, 0, 0]);
    hazards.committed = 1;
    expect([waitOf(hazards, 7), waitOf(hazards, 8)]).toEqual([0, 2]);
    hazards.committed = 2;
    expect([waitOf(hazards, 7), waitOf(hazards, 8)]).toEqual([0, 0]);
  });

  test('a key changed again is waited for until the later turn', () => {
    const hazards = new Hazards(1);
    for (const turn of [1, 2, 3]) {
      hazards.turn = turn;
      hazards.mark(7, 0);
    }
    expect(waitOf(hazards, 7)).toBe(3);
    hazards.committed = 2;
    expect(waitOf(hazards, 7)).toBe(3);
  });

  test('a command waits for the highest of all that it looked at, and a check never lowers it', () => {
    const hazards = new Hazards(1);
    hazards.mark(1, 0);
    hazards.turn = 2;
    hazards.mark(2, 0);
    hazards.turn = 3;
    hazards.waitFor = 0;
    hazards.check(2, 0);
    hazards.check(1, 0);
    hazards.check(99, 0);
    expect(hazards.waitFor).toBe(2);
  });

  test('a database that was replaced dirties every key of it, missing ones too, and no other database', () => {
    const hazards = new Hazards(3);
    hazards.markDb(1);
    expect([waitOf(hazards, 5, 1), waitOf(hazards, 5, 0), waitOf(hazards, 5, 2)]).toEqual([1, 0, 0]);
    expect([waitOfDb(hazards, 1), waitOfDb(hazards, 0)]).toEqual([1, 0]);
    hazards.committed = 1;
    expect([waitOf(hazards, 5, 1), waitOfDb(hazards, 1)]).toEqual([0, 0]);
  });

  test('who looks at a database as a whole waits for the last change of any of its keys', () => {
    const hazards = new Hazards(2);
    hazards.mark(5, 0);
    hazards.turn = 2;
    hazards.mark(6, 1);
    expect([waitOfDb(hazards, 0), waitOfDb(hazards, 1)]).toEqual([1, 2]);
  });

  test('more keys in flight than the table holds make reads wait longer, never shorter', () => {
    const hazards = new Hazards(1);
    const random = randomOf(3);
    const hashes = Array.from({ length: 60_000 }, () => Math.floor(random() * 2 ** 32) | 0);
    for (const [i, hash] of hashes.entries()) {
      hazards.turn = 1 + Math.floor(i / 100);
      hazards.mark(hash, 0);
    }
    for (const [i, hash] of hashes.entries()) expect(waitOf(hazards, hash)).toBeGreaterThanOrEqual(1 + Math.floor(i / 100));
    hazards.committed = hazards.turn;
    for (const hash of hashes.slice(0, 1000)) expect(waitOf(hazards, hash)).toBe(0);
    // The table is as good as new.
    hazards.turn++;
    hazards.mark(1234, 0);
    expect([waitOf(hazards, 1234), waitOf(hazards, 4321)]).toEqual([hazards.turn, 0]);
  });

  test('reset forgets everything in flight', () => {
    const hazards = new Hazards(2);
    for (let hash = 0; hash < 50_000; hash++) hazards.mark(hash, 0);
    hazards.markDb(1);
    hazards.reset();
    expect([hazards.waitFor, waitOf(hazards, 7), waitOf(hazards, 7, 1), waitOfDb(hazards, 0)]).toEqual([0, 0, 0, 0]);
  });

  test.each([1, 2, 3])('random marks and commits beside a Map; seed %i', (seed) => {
    const random = randomOf(seed);
    const below = (n: number): number => Math.floor(random() * n);
    const hazards = new Hazards(3);
    const keys = new Map<string, number>();
    const replaced = [0, 0, 0];
    const changed = [0, 0, 0];
    const span = [50, 5000, 100_000][seed % 3]!;
    for (let step = 0; step < 100_000; step++) {
      const db = below(3);
      const hash = Math.imul(below(span), 0x9e3779b1);
      const what = random();
      if (what < 0.5) {
        hazards.mark(hash, db);
        keys.set(`${db}:${hash}`, hazards.turn);
        changed[db] = hazards.turn;
      } else if (what < 0.501) {
        hazards.markDb(db);
        replaced[db] = changed[db] = hazards.turn;
      } else if (what < 0.51) hazards.turn++;
      else if (what < 0.515) hazards.committed = hazards.committed + below(hazards.turn - hazards.committed);
      else {
        const due = Math.max(keys.get(`${db}:${hash}`) ?? 0, replaced[db]!);
        const wait = waitOf(hazards, hash, db);
        expect(wait, `step ${step}`).toBeGreaterThanOrEqual(due > hazards.committed ? due : 0);
        expect(wait).toBeLessThanOrEqual(changed[db]! > 0 ? hazards.turn : 0);
        expect(waitOfDb(hazards, db)).toBe(changed[db]! > hazards.committed ? changed[db] : 0);
      }
    }
  });
});
