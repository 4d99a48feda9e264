/** How commands are measured: each by itself, or quick ones of one kind that a client sends in a row together. */
import { beforeEach, expect, test } from 'vitest';
import { RespWriter } from '../../src/protocol/resp-writer.ts';
import { Request } from '../../src/shared/request.ts';
import { EngineRig } from './engine-rig.ts';

let nowUs = 0;
let readings = 0;
let rig: EngineRig;

// Time goes by only between readings: 3 us each.
beforeEach(() => {
  nowUs = 1000;
  rig = new EngineRig(1, 2, () => {
    readings++;
    return (nowUs += 3);
  });
  rig.run('SET', 'k', 'v');
  rig.run('HSET', 'h', 'f', 'v');
  // All engines have the same rows.
  for (const row of rig.engine.table.all) {
    row.calls = row.microseconds = row.failedCalls = 0;
    row.latency = null;
  }
  readings = 0;
});

/** Runs commands as one client's input. */
function pipeline(...lines: string[]): void {
  const { engine } = rig;
  const reply = new RespWriter();
  lines.forEach((line, i) => {
    engine.moreFollows = i < lines.length - 1;
    const request = Request.of(...line.split(' '));
    engine.execute(engine.table.resolve(request, reply)!, rig.session, request, reply);
  });
  engine.moreFollows = false;
  engine.clock.settle();
}

const usage = (name: string): number[] => {
  const { calls, microseconds, latency } = rig.engine.table.get(name)!;
  return [calls, microseconds, latency?.calls ?? 0];
};

test('commands one at a time are measured one at a time', () => {
  for (let i = 0; i < 5; i++) rig.line('GET k');
  expect(readings).toBe(5);
  expect(usage('get')).toEqual([5, 15, 5]);
});

test('quick reads of one kind share a reading, up to sixteen', () => {
  pipeline(...Array.from({ length: 32 }, () => 'GET k'));
  expect(readings).toBe(2);
  expect(usage('get')).toEqual([32, 6, 32]);
  pipeline(...Array.from({ length: 33 }, () => 'GET k'));
  expect(readings).toBe(5);
  expect(usage('get')).toEqual([65, 15, 65]);
  expect(rig.engine.table.get('get')!.latency!.percentile(98)).toBeLessThan(1);
});

test('so do quick writes with few arguments', () => {
  pipeline(...Array.from({ length: 40 }, () => 'INCR n'));
  expect(readings).toBe(3);
  expect(usage('incr')).toEqual([40, 9, 40]);
  pipeline('XADD s * f v', 'XADD s * f v');
  expect(readings).toBe(4);
  pipeline('XADD s MAXLEN 1 * f v', 'XADD s MAXLEN 1 * f v', 'SADD s2 a b c d', 'SADD s2 a b c d');
  expect(readings).toBe(8);
});

test('other kinds, writes and errors in between are counted where they belong', () => {
  pipeline('GET k', 'GET nosuch', 'HGET h f', 'GET h', 'SET k w', 'GET k', 'GET k');
  expect(usage('get')).toEqual([5, 9, 5]);
  expect(usage('hget')).toEqual([1, 3, 1]);
  expect(usage('set')).toEqual([1, 3, 1]);
  expect(rig.engine.table.get('get')!.failedCalls).toBe(1);
  expect(rig.engine.clock.lastUs).toBe(nowUs);
});

test('what follows may be none of the kind, or nothing at all', () => {
  rig.engine.moreFollows = true;
  rig.line('GET k');
  expect(usage('get')).toEqual([1, 0, 0]);
  rig.engine.moreFollows = false;
  rig.line('SET k w');
  expect(usage('get')).toEqual([1, 3, 1]);
  expect(usage('set')).toEqual([1, 3, 1]);
  rig.engine.clock.settle();
  expect(readings).toBe(2);
});

test('a transaction takes the time of all its commands, and each of them its own', () => {
  pipeline('GET k', 'MULTI', 'GET k', 'GET k', 'EXEC', 'GET k');
  expect(usage('get')).toEqual([4, 12, 4]);
  expect(usage('exec').slice(0, 2)).toEqual([1, 9]);
});

test('each is measured by itself where slow ones are looked for, where it may take long, and where it returns much', () => {
  rig.engine.noteworthy = { slowUs: 9999, requestBytes: Infinity, replyBytes: Infinity };
  pipeline('GET k', 'GET k', 'GET k');
  expect(readings).toBe(3);
  rig.engine.noteworthy = { slowUs: 10_000, requestBytes: Infinity, replyBytes: Infinity };
  pipeline('SET k v', 'SET k v', 'SET k v');
  expect(readings).toBe(6);
  rig.run('SET', 'large', 'x'.repeat(5000));
  pipeline('GET large', 'GET large');
  expect(readings).toBe(9);
});

test('of quick commands in scripts every fourth of a kind is measured, of others each', () => {
  const { engine } = rig;
  const call = engine.nestedCall(new RespWriter(), rig.session);
  const nested = (times: number, ...words: string[]): void => {
    const request = Request.of(...words);
    const row = engine.table.resolve(request, new RespWriter())!;
    for (let i = 0; i < times; i++) engine.runNested(call, row, request);
  };
  nested(9, 'GET', 'k');
  nested(2, 'HGET', 'h', 'f');
  expect(readings).toBe(2 * 4);
  expect([usage('get'), usage('hget')]).toEqual([[9, 27, 9], [2, 6, 2]]);
  readings = 0;
  nested(3, 'SET', 'k', 'v');
  nested(3, 'HMGET', 'h', ...Array.from({ length: 15 }, () => 'f'));
  engine.noteworthy = { slowUs: 9999, requestBytes: Infinity, replyBytes: Infinity };
  nested(3, 'GET', 'k');
  expect(readings).toBe(2 * 9);
  expect([usage('set'), usage('hmget'), usage('get')]).toEqual([[3, 9, 3], [3, 9, 3], [12, 36, 12]]);
});
