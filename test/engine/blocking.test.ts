/** Clients that wait for keys: who is served, when, in what order, and what their replies wait for. */
import { describe, expect, test } from 'vitest';
import { UNBLOCKED_ERROR } from '../../src/engine/blocking.ts';
import { ClientRig, WAITS } from './client-rig.ts';

describe('serving', () => {
  test('is in the order of coming, for each key', () => {
    const rig = new ClientRig();
    const [a, b, c, d] = rig.waiting('BLPOP l 0', 'BLPOP other l 0', 'BRPOP l 0', 'BLPOP l 0');
    rig.client().line('RPUSH l 1 2 3');
    expect([a, b, c, d].map((client) => client!.late)).toEqual([[['l', '1']], [['l', '2']], [['l', '3']], []]);
    expect(rig.rig.engine.blocking.count).toBe(1);
    rig.client().line('RPUSH l 4');
    expect(d!.late).toEqual([['l', '4']]);
  });

  test('takes the first of the keys that has something', () => {
    const rig = new ClientRig();
    const [a] = rig.waiting('BLPOP x y z 0');
    const other = rig.client();
    for (const line of ['MULTI', 'RPUSH z 1', 'RPUSH y 2', 'EXEC']) other.line(line);
    expect(a!.late).toEqual([['y', '2']]);
    expect(other.line('LRANGE z 0 -1')).toEqual(['1']);
  });

  test('happens when a transaction is over, not within it', () => {
    const rig = new ClientRig();
    const [a] = rig.waiting('BLPOP l 0');
    const other = rig.client();
    for (const line of ['MULTI', 'RPUSH l 1', 'RPUSH l 2', 'LLEN l', 'EXEC']) other.line(line);
    expect(rig.effects()).toEqual(['RPUSH l 1', 'RPUSH l 2', 'LPOP l']);
    expect(a!.late).toEqual([['l', '1']]);
  });

  test.each([
    ['a renamed list', ['RPUSH {l}src 1'], 'RENAME {l}src l'], ['a copied list', ['RPUSH src 1'], 'COPY src l'],
    ['a moved list', ['SELECT 1', 'RPUSH l 1', 'SELECT 1'], 'MOVE l 0'], ['a swapped database', ['SELECT 1', 'RPUSH l 1', 'SELECT 0'], 'SWAPDB 0 1'],
    ['a sorted list', ['RPUSH src 1'], 'SORT src STORE l'], ['a list that another client moves there', ['RPUSH src 1'], 'LMOVE src l LEFT LEFT'],
  ])('comes by %s', (_name, before, line) => {
    const rig = new ClientRig();
    const [a] = rig.waiting('BLPOP l 0');
    const other = rig.client();
    for (const each of before) other.line(each);
    expect(a!.late).toEqual([]);
    expect(String(other.line(line))).not.toMatch(/^-/);
    expect(a!.late).toEqual([['l', '1']]);
    rig.rig.check();
  });

  test('comes by RESTORE', () => {
    const rig = new ClientRig();
    const other = rig.client();
    other.line('RPUSH src 1');
    const payload = other.line('DUMP src') as string;
    const [a] = rig.waiting('BLPOP l 0');
    expect(other.run('RESTORE', 'l', '0', payload)).toBe('OK');
    expect(a!.late).toEqual([['l', '1']]);
  });

  test('in one database is not for those who wait in another', () => {
    const rig = new ClientRig();
    const [a] = rig.waiting('BLPOP l 0');
    const other = rig.client();
    other.line('SELECT 1');
    other.line('RPUSH l 1');
    expect(a!.late).toEqual([]);
  });

  test('lasts until the turn that filled the key, and took it, commits', () => {
    const rig = new ClientRig();
    const { engine } = rig.rig;
    const [a, b] = rig.waiting('BLPOP l 0', 'BRPOP l 0');
    rig.client().line('RPUSH l 1');
    const first = engine.turn;
    rig.rig.effects();
    rig.client().line('RPUSH l 2');
    const second = engine.turn;
    expect(second).toBeGreaterThan(first);
    expect([a!.lateWaits, b!.lateWaits]).toEqual([[first], [second]]);
  });

  test('an error to one who waits waits for the write that caused it', () => {
    const rig = new ClientRig();
    rig.client().line('SET target text');
    rig.rig.effects();
    const [a] = rig.waiting('BLMOVE l target LEFT LEFT 0');
    rig.client().line('RPUSH l 1');
    expect(a!.late).toEqual(['-WRONGTYPE Operation against a key holding the wrong kind of value']);
    expect(a!.lateWaits).toEqual([rig.rig.engine.turn]);
  });
});

describe('waiting', () => {
  test('ends in the order of time-outs, whatever the order of coming', () => {
    const rig = new ClientRig();
    const { blocking, keyspace } = rig.rig.engine;
    const seconds = Array.from({ length: 40 }, (_, n) => 1 + ((n * 17) % 40));
    const clients = rig.waiting(...seconds.map((s) => `BLPOP l ${s}`));
    const start = keyspace.nowMs;
    for (let s = 1; s <= 40; s++) {
      expect(blocking.nextTimeoutAtMs).toBe(start + s * 1000);
      blocking.expire(start + s * 1000 - 1);
      expect(blocking.count).toBe(41 - s);
      blocking.expire(start + s * 1000);
      expect(clients[seconds.indexOf(s)]!.late).toEqual([null]);
    }
    expect([blocking.count, blocking.nextTimeoutAtMs, keyspace.interest.any]).toEqual([0, Infinity, false]);
  });

  test('of one who was served does not end again', () => {
    const rig = new ClientRig();
    const { blocking, keyspace } = rig.rig.engine;
    const [a, b] = rig.waiting('BLPOP l 1', 'BLPOP l 2');
    rig.client().line('RPUSH l 1');
    expect(blocking.nextTimeoutAtMs).toBe(keyspace.nowMs + 2000);
    blocking.expire(keyspace.nowMs + 5000);
    expect([a!.late, b!.late]).toEqual([[['l', '1']], [null]]);
  });

  test('again after a time-out has a time-out of its own', () => {
    const rig = new ClientRig();
    const { blocking, keyspace } = rig.rig.engine;
    const [a] = rig.waiting('BLPOP l 1');
    const start = keyspace.nowMs;
    rig.client().line('RPUSH l 1');
    expect(a!.line('BLPOP l 10')).toBe(WAITS);
    blocking.expire(start + 1000);
    expect(a!.late).toEqual([['l', '1']]);
    blocking.expire(start + 10_000);
    expect(a!.late).toEqual([['l', '1'], null]);
  });

  test('ends by CLIENT UNBLOCK with the time-out reply or an error', () => {
    const rig = new ClientRig();
    const { blocking } = rig.rig.engine;
    const [a, b] = rig.waiting('BLPOP l 0', 'BLMOVE l m LEFT LEFT 0');
    expect(blocking.unblock(a!.session, null)).toBe(true);
    expect(blocking.unblock(b!.session, UNBLOCKED_ERROR)).toBe(true);
    expect(blocking.unblock(b!.session, null)).toBe(false);
    expect([a!.late, b!.late]).toEqual([[null], [`-${UNBLOCKED_ERROR}`]]);
    rig.client().line('RPUSH l 1');
    expect(rig.effects()).toEqual(['RPUSH l 1']);
  });

  test('is counted once, when it is over', () => {
    const rig = new ClientRig();
    const { engine } = rig.rig;
    const blpop = engine.table.get('blpop')!;
    blpop.calls = blpop.failedCalls = 0;
    const [one, two, three] = rig.waiting('BLPOP l 0', 'BLPOP l 0', 'BLPOP l 0');
    expect(blpop.calls).toBe(0);
    engine.blocking.unblock(one!.session, null);
    engine.blocking.unblock(two!.session, '-UNBLOCKED');
    rig.client().line('RPUSH l a');
    expect(three!.late).toEqual([['l', 'a']]);
    expect([blpop.calls, blpop.failedCalls]).toEqual([3, 1]);
  });

  test('ends when the client goes: its element is the next one\'s', () => {
    const rig = new ClientRig();
    const [a, b] = rig.waiting('BLPOP l 0', 'BLPOP l 0');
    rig.rig.engine.endSession(a!.session);
    rig.client().line('RPUSH l 1');
    expect([a!.late, b!.late]).toEqual([[], [['l', '1']]]);
    expect(rig.rig.engine.blocking.count).toBe(0);
  });

  test('goes on when the key goes, or is of another type, or is expired at once', () => {
    const rig = new ClientRig();
    const [a] = rig.waiting('BLPOP l 0');
    const other = rig.client();
    for (const line of ['SET l text', 'FLUSHDB', 'SADD l x', 'DEL l', 'HSET l f v', 'FLUSHALL']) other.line(line);
    for (const line of ['MULTI', 'RPUSH l 1', 'PEXPIRE l -1', 'EXEC']) other.line(line);
    expect(a!.late).toEqual([]);
    other.line('RPUSH l 1');
    expect(a!.late).toEqual([['l', '1']]);
  });

  test('named twice, a key serves once', () => {
    const rig = new ClientRig();
    const [a] = rig.waiting('BLPOP l l l 0');
    rig.client().line('RPUSH l 1 2');
    expect(a!.late).toEqual([['l', '1']]);
    expect(rig.rig.engine.keyspace.interest.blockedKeys).toBe(0);
  });

  test('does not happen where there is something', () => {
    const rig = new ClientRig();
    const a = rig.client();
    a.line('RPUSH l 1');
    expect(a.line('BLPOP none l 0')).toEqual(['l', '1']);
    expect(a.line('BLPOP l 0')).toBe(WAITS);
  });
});
