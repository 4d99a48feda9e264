/** Promise P2 on one node: nothing that reveals an uncommitted write leaves the process. The log's sync is held by hand. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ScriptedLog } from '../support/scripted-log.ts';
import type { TestClient } from '../support/holdfast-process.ts';
import { HeldServer } from './held-server.ts';

let held: HeldServer;
let log: ScriptedLog;

async function begin(...directives: [string, string][]): Promise<void> {
  held = await HeldServer.start(...directives);
  log = held.log;
}

beforeEach(() => begin());
afterEach(() => held.stop());

const connect = (): Promise<TestClient> => held.connect();
const settled = (reply: Promise<string>): Promise<boolean> => held.settled(reply);
const given = (...commands: string[][]): Promise<void> => held.given(...commands);

describe('the commit gate', () => {
  test('holds a write until its record is committed', async () => {
    const client = await connect();
    const reply = client.send('SET', 'k', 'v');
    await log.appended(1);
    expect(await settled(reply)).toBe(false);
    log.commit();
    expect(await reply).toBe('+OK');
  });

  test('what is written while the log is busy becomes one record when it has room, and is held until that is committed', async () => {
    const [one, other, reader] = [await connect(), await connect(), await connect()];
    log.isBusy = true;
    const first = one.send('SET', 'a', '1');
    expect(await settled(first)).toBe(false);
    const second = other.send('SET', 'b', '2');
    const read = reader.send('GET', 'a');
    expect([await settled(second), await settled(read), log.lastIndex]).toEqual([false, false, 0]);
    log.isBusy = false;
    log.onRoom();
    expect(log.lastIndex).toBe(1);
    expect(await settled(read)).toBe(false);
    log.commit();
    expect(await Promise.all([first, second, read])).toEqual(['+OK', '+OK', '1']);
  });

  test('WAIT counts what a busy log has not been given yet', async () => {
    const client = await connect();
    log.isBusy = true;
    const replies = Promise.all([client.send('SET', 'a', '1'), client.send('WAIT', '1', '1')]);
    await log.appended(1);
    log.commit();
    expect(await replies).toEqual(['+OK', ':0']);
  });

  test('holds what who is blocked is told of a key that has expired in the background', async () => {
    await given(['XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM']);
    const [client, other] = [await connect(), await connect()];
    const late = client.send('XREADGROUP', 'GROUP', 'g', 'c', 'BLOCK', '0', 'STREAMS', 's', '>');
    expect(await settled(late)).toBe(false);
    // Its consumer is in the log too.
    const records = log.lastIndex;
    const expires = other.send('PEXPIRE', 's', '300');
    await log.appended(records + 1);
    log.commit();
    expect(await expires).toBe(':1');
    await log.appended(records + 2);
    expect(await settled(late)).toBe(false);
    log.commit();
    expect(await late).toMatch(/^-NOGROUP /);
  });

  test('lets a read of a clean key pass at once while a write is in flight', async () => {
    await given(['SET', 'clean', '1']);
    const [writer, reader] = [await connect(), await connect()];
    const write = writer.send('SET', 'dirty', '2');
    await log.appended(2);
    expect(await reader.send('GET', 'clean')).toBe('1');
    expect(await reader.send('GET', 'missing')).toBe('$-1');
    expect(await settled(write)).toBe(false);
  });

  // What happens in flight, and a read that would reveal it.
  test.each<[string, string[][], string[], string[], string]>([
    ['a new value', [['SET', 'k', 'old']], ['SET', 'k', 'new'], ['GET', 'k'], 'new'],
    ['a key that appears', [], ['SET', 'k', 'new'], ['GET', 'k'], 'new'],
    ['a key that goes', [['SET', 'k', 'old']], ['GETDEL', 'k'], ['GET', 'k'], '$-1'],
    ['a field', [['HSET', 'h', 'f', '1']], ['HSET', 'h', 'f', '2'], ['HGET', 'h', 'f'], '2'],
    ['the last member', [['SADD', 's', 'm']], ['SREM', 's', 'm'], ['SCARD', 's'], ':0'],
    ['one of several keys', [['SET', 'a', '1'], ['SET', 'k', '1']], ['SET', 'k', '2'], ['MGET', 'a', 'k'], '*2\r\n$1\r\n1\r\n$1\r\n2'],
    ['a write that changes nothing', [], ['SET', 'k', '1'], ['SETNX', 'k', '2'], ':0'],
    ['an error about the type', [], ['SADD', 'k', 'm'], ['GET', 'k'], '-WRONGTYPE Operation against a key holding the wrong kind of value'],
    ['a set operation', [['SADD', 's1', 'a']], ['SADD', 's2', 'a'], ['SINTER', 's1', 's2'], '*1\r\n$1\r\na'],
  ])('holds a read of %s', async (_name, before, write, read, expected) => {
    await given(...before);
    const [writer, reader] = [await connect(), await connect()];
    const written = writer.send(...write);
    await log.appended(before.length + 1);
    const reply = reader.send(...read);
    expect(await settled(reply)).toBe(false);
    expect(await settled(written)).toBe(false);
    log.commit();
    expect(await reply).toBe(expected);
    await written;
  });

  test('holds a transaction that reads a dirty key, and the news that a watched key changed', async () => {
    const [writer, reader, watcher] = [await connect(), await connect(), await connect()];
    expect(await watcher.send('WATCH', 'k')).toBe('+OK');
    void watcher.send('MULTI');
    expect(await watcher.send('GET', 'other')).toBe('+QUEUED');
    const write = writer.send('SET', 'k', '1');
    await log.appended(1);
    void reader.send('MULTI');
    expect(await reader.send('GET', 'k')).toBe('+QUEUED');
    const [read, broken] = [reader.send('EXEC'), watcher.send('EXEC')];
    expect(await settled(read)).toBe(false);
    expect(await settled(broken)).toBe(false);
    log.commit();
    expect(await read).toBe('*1\r\n$1\r\n1');
    expect(await broken).toBe('*-1');
    await write;
  });

  test('keeps the order of a pipeline: what follows a held reply waits with it, and is run meanwhile', async () => {
    await given(['SET', 'clean', 'c']);
    const client = await connect();
    const first = client.send('GET', 'clean');
    const second = client.send('SET', 'k', '1');
    const third = client.send('GET', 'clean');
    await log.appended(2);
    expect(await first).toBe('c');
    expect(await settled(third)).toBe(false);
    const fourth = client.send('SET', 'k', '2');
    await log.appended(3);
    log.commit(2);
    expect([await second, await third]).toEqual(['+OK', 'c']);
    expect(await settled(fourth)).toBe(false);
    log.commit();
    expect(await fourth).toBe('+OK');
  });

  test('a reader waits for the record of its key, not for later ones', async () => {
    const [writer, reader] = [await connect(), await connect()];
    const a = writer.send('SET', 'a', '1');
    await log.appended(1);
    const b = writer.send('SET', 'b', '1');
    await log.appended(2);
    const read = reader.send('GET', 'a');
    expect(await settled(read)).toBe(false);
    log.commit(1);
    expect(await read).toBe('1');
    expect(await a).toBe('+OK');
    expect(await settled(b)).toBe(false);
  });

  test('writers wait when the log is too far behind, readers do not', async () => {
    await held.stop();
    await begin(['txlog-max-inflight-bytes', '1mb']);
    const [writer, reader] = [await connect(), await connect()];
    const big = 'x'.repeat(600 * 1024);
    const replies = [1, 2, 3, 4, 5, 6].map((n) => writer.send('SET', `k${n}`, big));
    await log.appended(1);
    expect(await settled(replies[5]!)).toBe(false);
    expect(log.inFlightBytes).toBeLessThan(3 * big.length);
    expect(await reader.send('GET', 'clean')).toBe('$-1');
    while (!(await settled(replies[5]!))) log.commit();
    expect(await Promise.all(replies)).toEqual(Array(6).fill('+OK'));
  });
});
