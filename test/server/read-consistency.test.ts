/** What a replica answers in each mode of CLIENT READ-CONSISTENCY, with a log that says when records and answers come. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FollowerLog } from '../support/follower-log.ts';
import type { TestClient } from '../support/holdfast-process.ts';
import { ServerRig } from './server-rig.ts';

let log: FollowerLog;
let rig: ServerRig;
let client: TestClient;

beforeEach(async () => {
  log = new FollowerLog();
  rig = await ServerRig.on(log, '--proxy-to-primary', 'no');
  log.deliver('SET', 'k', 'old');
  client = await rig.connect();
  expect(await client.send('READONLY')).toBe('+OK');
});
afterEach(() => rig.stop());

/** Whether the reply has come, once the server has answered another client that asked later. */
async function isAnswered(reply: Promise<string>): Promise<boolean> {
  let answered = false;
  void reply.then(() => { answered = true; });
  const other = await rig.connect();
  await other.send('PING');
  return answered;
}

test('stale: what has been applied, at once', async () => {
  expect(await client.send('CLIENT', 'READ-CONSISTENCY')).toBe('stale');
  expect(await client.send('GET', 'k')).toBe('old');
  expect(log.questions).toBe(0);
});

test('token: not before everything that it stands for is applied', async () => {
  expect(await client.send('CLIENT', 'READ-CONSISTENCY', 'TOKEN', log.lastIndex + 2)).toBe('+OK');
  const read = client.send('GET', 'k');
  expect(await isAnswered(read)).toBe(false);
  log.deliver('SET', 'k', 'newer');
  expect(await isAnswered(read)).toBe(false);
  log.deliver('SET', 'k', 'newest');
  expect(await read).toBe('newest');
  // An older token asks for less than is known.
  expect(await client.send('CLIENT', 'READ-CONSISTENCY', 'TOKEN', 1)).toBe('+OK');
  expect(await client.send('CLIENT', 'READ-CONSISTENCY')).toBe(`token ${log.lastIndex}`);
});

test('linearizable: not before the leader has said how far the log goes, and that is applied', async () => {
  expect(await client.send('CLIENT', 'READ-CONSISTENCY', 'LINEARIZABLE')).toBe('+OK');
  const read = client.send('GET', 'k');
  expect(await isAnswered(read)).toBe(false);
  expect(log.questions).toBe(1);
  log.confirm(log.lastIndex + 1);
  expect(await isAnswered(read)).toBe(false);
  log.deliver('SET', 'k', 'new');
  expect(await read).toBe('new');
});

test('linearizable: a read that came after the question was asked needs another', async () => {
  expect(await client.send('CLIENT', 'READ-CONSISTENCY', 'LINEARIZABLE')).toBe('+OK');
  const first = client.send('GET', 'k');
  expect(await isAnswered(first)).toBe(false);
  const second = client.send('GET', 'k');
  expect(await isAnswered(second)).toBe(false);
  log.confirm(log.lastIndex);
  expect(await first).toBe('old');
  expect(await isAnswered(second)).toBe(false);
  log.confirm(log.lastIndex);
  expect(await second).toBe('old');
});

test('a pipeline needs one question', async () => {
  expect(await client.send('CLIENT', 'READ-CONSISTENCY', 'LINEARIZABLE')).toBe('+OK');
  // In one piece, so that it is read in one.
  client.socket.cork();
  const reads = Promise.all(Array.from({ length: 20 }, () => client.send('GET', 'k')));
  client.socket.uncork();
  while (log.questions === 0) await isAnswered(reads.then(() => ''));
  log.confirm(log.lastIndex);
  expect(new Set(await reads)).toEqual(new Set(['old']));
});
