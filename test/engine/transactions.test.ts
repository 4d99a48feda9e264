/** MULTI, EXEC, DISCARD, WATCH, UNWATCH with several clients. */
import { describe, expect, test } from 'vitest';
import { ClientRig } from './client-rig.ts';

describe('a transaction', () => {
  test('queues commands and runs them in a row; errors do not stop the rest', () => {
    const rig = new ClientRig();
    const [a, b] = [rig.client(), rig.client()];
    expect(a.line('MULTI')).toBe('OK');
    for (const line of ['SET k 1', 'SADD k x', 'INCR k', 'GET k']) expect(a.line(line)).toBe('QUEUED');
    expect(b.line('GET k')).toBeNull();
    expect(rig.effects()).toEqual([]);
    expect(a.line('EXEC')).toEqual(['OK', '-WRONGTYPE Operation against a key holding the wrong kind of value', 2, '2']);
    expect(rig.effects()).toEqual(['SET k 1', 'INCR k']);
    expect(a.line('GET k')).toBe('2');
  });

  test('is thrown away by DISCARD', () => {
    const rig = new ClientRig();
    const a = rig.client();
    for (const line of ['WATCH k', 'MULTI', 'SET k 1']) a.line(line);
    expect(a.line('DISCARD')).toBe('OK');
    expect(a.line('EXISTS k')).toBe(0);
    expect(rig.effects()).toEqual([]);
    expect(rig.rig.engine.keyspace.interest.watchedKeys).toBe(0);
  });

  test('of no commands replies an empty array', () => {
    const a = new ClientRig().client();
    a.line('MULTI');
    expect(a.line('EXEC')).toEqual([]);
  });

  test.each([
    ['EXEC', '-ERR EXEC without MULTI'], ['DISCARD', '-ERR DISCARD without MULTI'],
  ])('%s without MULTI', (line, expected) => {
    expect(new ClientRig().client().line(line)).toBe(expected);
  });

  test('MULTI and WATCH within one are refused, and it goes on', () => {
    const a = new ClientRig().client();
    a.line('MULTI');
    expect(a.line('MULTI')).toBe('-ERR MULTI calls can not be nested');
    expect(a.line('WATCH k')).toBe('-ERR WATCH inside MULTI is not allowed');
    a.line('SET k 1');
    expect(a.line('EXEC')).toEqual(['OK']);
  });

  test('in which a command could not be queued does nothing', () => {
    const rig = new ClientRig();
    const a = rig.client();
    a.line('MULTI');
    a.line('SET k 1');
    expect(a.line('NOSUCH')).toMatch(/^-ERR unknown command/);
    // The dispatcher reports a refused command, the engine refuses to run what was queued.
    rig.rig.engine.transactions.failQueue(a.session);
    expect(a.line('GET k')).toBe('QUEUED');
    expect(a.line('EXEC')).toBe('-EXECABORT Transaction discarded because of previous errors.');
    expect(a.line('EXISTS k')).toBe(0);
    expect(a.line('EXEC')).toBe('-ERR EXEC without MULTI');
  });

  test('selects databases for its later commands and for what follows it', () => {
    const rig = new ClientRig();
    const a = rig.client();
    for (const line of ['MULTI', 'SET k zero', 'SELECT 2', 'SET k two', 'SWAPDB 0 2', 'GET k']) a.line(line);
    expect(a.line('EXEC')).toEqual(['OK', 'OK', 'OK', 'OK', 'zero']);
    expect(a.line('GET k')).toBe('zero');
    a.line('SELECT 0');
    expect(a.line('GET k')).toBe('two');
  });

  test('does not wait in blocking commands', () => {
    const a = new ClientRig().client();
    for (const line of ['MULTI', 'BLPOP l 0', 'RPUSH l a b', 'BLPOP l 0', 'BLMOVE none l LEFT LEFT 0']) a.line(line);
    expect(a.line('EXEC')).toEqual([null, 2, ['l', 'a'], null]);
  });

  test('all its commands have one time', () => {
    const rig = new ClientRig();
    const a = rig.client();
    for (const line of ['MULTI', 'SET k v PX 100', 'PTTL k', 'SET l v PX 100', 'PEXPIRETIME l']) a.line(line);
    expect(a.line('EXEC')).toEqual(['OK', 100, 'OK', rig.rig.engine.keyspace.nowMs + 100]);
  });
});

describe('WATCH', () => {
  // What another client does between WATCH k and EXEC, and whether the transaction is off.
  test.each<[string[], string[], boolean]>([
    [['SET k 1'], ['SET k 2'], true], [['SET k 1'], ['SET k 1'], true], [[], ['SET k 1'], true], [['SET k 1'], ['DEL k'], true],
    [['SADD k a'], ['SADD k b'], true], [['SADD k a'], ['SADD k a'], false], [['SADD k a'], ['SREM k b'], false],
    [['RPUSH k a'], ['LPOP k'], true], [['HSET k f v'], ['HDEL k f'], true],
    [['SET k 1'], ['GET k'], false], [['SET k 1'], ['SET other 1'], false], [[], ['DEL k'], false],
    [['SET k 1'], ['EXPIRE k 100'], true], [['SET k 1 EX 100'], ['PERSIST k'], true], [['SET k 1'], ['PERSIST k'], false],
    [['SET k 1'], ['RENAME k other'], true], [['SET other 1'], ['RENAME other k'], true], [['SET other 1'], ['COPY other k'], true],
    [['SET k 1'], ['MOVE k 1'], true], [['SET k 1'], ['TOUCH k'], false],
    [['SET k 1'], ['FLUSHDB'], true], [['SET k 1'], ['FLUSHALL'], true], [[], ['FLUSHDB'], false], [['SET other 1'], ['FLUSHALL'], false],
    [['SET k 1'], ['SELECT 1', 'FLUSHDB'], false], [['SET k 1'], ['SELECT 1', 'SET k 2'], false],
    [['SET k 1'], ['SWAPDB 0 1'], true], [['SELECT 1', 'SET k 1', 'SELECT 0'], ['SWAPDB 0 1'], true], [[], ['SWAPDB 0 1'], false],
    [['SET k 1'], ['SWAPDB 1 2'], false],
    [['SET k 1'], ['MULTI', 'SET k 2', 'EXEC'], true], [['SET k 1'], ['MULTI', 'SET k 2', 'DISCARD'], false],
    [['RPUSH src a'], ['LMOVE src k LEFT LEFT'], true], [['RPUSH k 2 1'], ['SORT k STORE k'], true],
    [['RPUSH k a b'], ['LTRIM k 0 0'], true], [['RPUSH k a b'], ['LTRIM k 0 -1'], true], [[], ['LTRIM k 0 -1'], false],
  ])('after %j, %j: aborted %s', (before, meanwhile, aborted) => {
    const rig = new ClientRig();
    const [a, b] = [rig.client(), rig.client()];
    for (const line of before) b.line(line);
    expect(a.line('WATCH x k')).toBe('OK');
    for (const line of meanwhile) expect(String(b.line(line))).not.toMatch(/^-/);
    a.line('MULTI');
    a.line('EXISTS nothing');
    expect(a.line('EXEC')).toEqual(aborted ? null : [0]);
    expect(rig.rig.engine.keyspace.interest.watchedKeys).toBe(0);
  });

  test('is broken by the watcher itself, before MULTI', () => {
    const a = new ClientRig().client();
    for (const line of ['WATCH k', 'SET k 1', 'MULTI', 'SET k 2']) a.line(line);
    expect(a.line('EXEC')).toBeNull();
    expect(a.line('GET k')).toBe('1');
  });

  test('ends with EXEC, whether it ran or not, and with UNWATCH', () => {
    const rig = new ClientRig();
    const [a, b] = [rig.client(), rig.client()];
    for (const end of [['MULTI', 'EXEC'], ['UNWATCH'], ['MULTI', 'DISCARD']]) {
      a.line('WATCH k');
      for (const line of end) a.line(line);
      b.line('INCR k');
      a.line('MULTI');
      expect(a.line('EXEC')).toEqual([]);
    }
  });

  test('is broken by expiry after WATCH, be it lazy, active or not noticed yet', () => {
    for (const notice of ['lazy', 'active', 'not yet']) {
      const rig = new ClientRig();
      const [a, b] = [rig.client(), rig.client()];
      a.line('SET k v PX 10');
      a.line('WATCH k');
      rig.passTime(11);
      if (notice === 'lazy') b.line('GET k');
      if (notice === 'active') expect(rig.rig.engine.keyspace.expireStep(10)).toBe(1);
      a.line('MULTI');
      a.line('PTTL k');
      expect(a.line('EXEC'), notice).toBeNull();
    }
  });

  test('is not broken by the end of a key that had expired before', () => {
    const rig = new ClientRig();
    const a = rig.client();
    a.line('SET k v PX 10');
    rig.passTime(11);
    a.line('WATCH k');
    rig.client().line('GET k');
    a.line('MULTI');
    expect(a.line('EXEC')).toEqual([]);
  });

  // x of database 1 is watched where an expired key stood, or none; SWAPDB shows it another expired one, or none.
  test.each([['SELECT 1', 'SET x foo PX 10'], ['SELECT 0', 'SET x foo PX 10'], ['SELECT 1', 'SET x foo PX 10', 'SELECT 0', 'SET x bar PX 10']])(
    'is not broken by SWAPDB between expired keys and none: %j', (...lines) => {
      const rig = new ClientRig();
      const a = rig.client();
      for (const line of lines) a.line(line);
      rig.passTime(11);
      for (const line of ['SELECT 1', 'WATCH x', 'SWAPDB 0 1', 'MULTI', 'EXISTS nothing']) a.line(line);
      expect(a.line('EXEC')).toEqual([0]);
    });

  test('is broken by SWAPDB when the key that was watched has expired since', () => {
    const rig = new ClientRig();
    const a = rig.client();
    for (const line of ['SELECT 1', 'SET x foo PX 10', 'WATCH x']) a.line(line);
    rig.passTime(11);
    for (const line of ['SWAPDB 0 1', 'MULTI', 'EXISTS nothing']) a.line(line);
    expect(a.line('EXEC')).toBeNull();
  });

  test('tells every watcher, and no one who left', () => {
    const rig = new ClientRig();
    const [a, b, gone] = [rig.client(), rig.client(), rig.client()];
    for (const client of [a, b, gone]) client.line('WATCH k k');
    rig.rig.engine.endSession(gone.session);
    expect(rig.rig.engine.keyspace.interest.watchedKeys).toBe(1);
    rig.client().line('SET k 1');
    for (const client of [a, b]) {
      client.line('MULTI');
      expect(client.line('EXEC')).toBeNull();
    }
    expect(rig.rig.engine.keyspace.interest.any).toBe(false);
  });

  test('of a key in one database is of that one', () => {
    const rig = new ClientRig();
    const [a, b] = [rig.client(), rig.client()];
    a.line('SELECT 1');
    a.line('WATCH k');
    a.line('SELECT 0');
    b.line('SET k 1');
    a.line('MULTI');
    expect(a.line('EXEC')).toEqual([]);
    a.line('WATCH k');
    b.line('SELECT 3');
    b.line('SET k 1');
    a.line('MULTI');
    expect(a.line('EXEC')).toEqual([]);
  });
});
