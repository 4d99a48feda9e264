/** CLIENT TRACKING: who is told of what, in which order with replies, and not before it is committed. */
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PushClient } from '../support/push-client.ts';
import { HeldServer } from './held-server.ts';
import { ServerRig } from './server-rig.ts';

const gone = (...keys: string[]): unknown[] => keys.map((key) => ['invalidate', [key]]);
const ALL_GONE = ['invalidate', null];
const clients: PushClient[] = [];

async function connect(port: number, ...lines: string[]): Promise<PushClient> {
  const client = await PushClient.connect(port);
  clients.push(client);
  for (const line of lines) await client.line(line);
  return client;
}

afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

describe('on a server that commits at once', () => {
  let rig: ServerRig;
  const open = (...lines: string[]): Promise<PushClient> => connect(rig.server.port, ...lines);
  beforeEach(async () => { rig = await ServerRig.start('--enable-debug-command', 'yes'); });
  afterEach(() => rig.stop());

  test('a key that was read is news once, and again after it was read again', async () => {
    const [reader, writer] = [await open('HELLO 3', 'CLIENT TRACKING ON'), await open()];
    await reader.line('GET a');
    await writer.line('SET a 1');
    await writer.line('SET a 2');
    expect(await reader.told()).toEqual(gone('a'));
    await reader.line('MGET a b');
    await writer.line('MSET b 1 a 3 c 4');
    expect(await reader.told()).toEqual(gone('b', 'a'));
  });

  test.each([
    ['HSET h f 1', 'HGET h f', 'HDEL h f'], ['RPUSH l a', 'LRANGE l 0 -1', 'LPOP l'], ['SADD s a', 'SMEMBERS s', 'SREM s a'], ['ZADD z 1 a', 'ZSCORE z a', 'ZINCRBY z 1 a'],
    ['XADD x 1-1 f v', 'XRANGE x - +', 'XDEL x 1-1'], ['SET k v', 'TTL k', 'EXPIRE k 100'], ['SET k v', 'EXISTS k', 'DEL k'], ['SET k v', 'TYPE k', 'RENAME k other'],
    ['SET k v', 'GET k', 'MOVE k 3'], ['SET b a', 'GETBIT b 0', 'SETBIT b 0 1'], ['PFADD p a', 'PFCOUNT p', 'PFADD p b'], ['GEOADD g 1 1 a', 'GEOPOS g a', 'ZREM g a'],
    ['HSET h f 1', 'HGETALL h', 'HEXPIRE h 100 FIELDS 1 f'], ['SET k v', 'SORT_RO k', 'GETDEL k'], ['SET k 1', 'OBJECT ENCODING k', 'INCR k'], ['SET k 1', 'STRLEN k', 'COPY j k REPLACE'],
  ])('%s; %s is undone by %s', async (given, read, write) => {
    const [reader, writer] = [await open('HELLO 3', 'CLIENT TRACKING ON'), await open('SET j 1', given)];
    await reader.line(read);
    await writer.line(write);
    const [message] = await reader.told();
    expect(message).toEqual(gone(read.split(' ')[read.startsWith('OBJECT') ? 2 : 1]!)[0]);
  });

  test('what a transaction or a script changes is news behind its reply, and what it reads is tracked', async () => {
    const reader = await open('HELLO 3', 'CLIENT TRACKING ON', 'SET a 1');
    await reader.line('GET a');
    for (const line of ['MULTI', 'INCR a', 'GET b']) await reader.line(line);
    await reader.line('EXEC');
    await reader.told();
    expect(reader.order.slice(-3)).toEqual([[2, null], ['invalidate', ['a']], 'PONG']);
    await (await open()).line('SET b 1');
    expect(await reader.told()).toEqual(gone('b'));
    await reader.send('EVAL', "return redis.call('GET', 'inner')", 1, 'declared');
    await (await open()).line('MSET declared 1 inner 1');
    expect(await reader.told()).toEqual(gone('inner'));
  });

  test('NOLOOP, OPTIN, OPTOUT, CACHING', async () => {
    const writer = await open();
    const quiet = await open('HELLO 3', 'CLIENT TRACKING ON NOLOOP', 'GET a');
    await quiet.line('SET a 1');
    await writer.line('SET a 2');
    // Its own change took the key out of the table.
    expect(await quiet.told()).toEqual([]);
    await quiet.line('GET a');
    await writer.line('SET a 2');
    expect(await quiet.told()).toEqual(gone('a'));

    const optIn = await open('HELLO 3', 'CLIENT TRACKING ON OPTIN', 'GET no', 'CLIENT CACHING YES', 'GET yes', 'GET late', 'CLIENT CACHING YES', 'MULTI', 'GET m1', 'GET m2', 'EXEC', 'GET later');
    const optOut = await open('HELLO 3', 'CLIENT TRACKING ON OPTOUT', 'GET yes', 'CLIENT CACHING NO', 'CLIENT ID', 'GET no', 'GET late');
    await writer.line('MSET no 1 yes 1 late 1 m1 1 m2 1 later 1');
    expect(await optIn.told()).toEqual(gone('yes', 'm1', 'm2'));
    expect(await optOut.told()).toEqual(gone('yes', 'late'));
  });

  test('BCAST tells of all keys with a prefix, once a turn', async () => {
    const listener = await open('HELLO 3', 'CLIENT TRACKING ON BCAST PREFIX b: PREFIX a:');
    const all = await open('HELLO 3', 'CLIENT TRACKING ON BCAST NOLOOP');
    const writer = await open();
    await writer.line('MSET b:2 1 a:1 1 c:1 1 b:1 1');
    await writer.line('DEL b:none b:1');
    expect(await listener.told()).toEqual([['invalidate', ['a:1']], ['invalidate', ['b:1', 'b:2']], ['invalidate', ['b:1']]]);
    expect(await all.told()).toEqual([['invalidate', ['a:1', 'b:1', 'b:2', 'c:1']], ['invalidate', ['b:1']]]);
    await all.line('MSET own 1 a:9 1');
    expect(await all.told()).toEqual([]);
    expect(await listener.told()).toEqual([['invalidate', ['a:9']]]);
    expect(await (await open()).line('INFO stats')).toMatch(/tracking_total_keys:0\r\ntracking_total_items:0\r\ntracking_total_prefixes:3\r\n/);
  });

  test('a RESP2 client is told through another that listens; a lost one is reported', async () => {
    const ear = await open();
    const id = Number(await ear.line('CLIENT ID'));
    await ear.line('SUBSCRIBE __redis__:invalidate');
    const reader = await open(`CLIENT TRACKING ON REDIRECT ${id}`, 'GET a');
    expect(await reader.line('CLIENT GETREDIR')).toBe(id);
    const writer = await open();
    await writer.line('SET a 1');
    expect(await ear.told()).toEqual([['message', '__redis__:invalidate', ['a']]]);
    await reader.line('GET a');
    await writer.line('FLUSHALL');
    expect(await ear.told()).toEqual([['message', '__redis__:invalidate', null]]);
    // In RESP2 a client cannot be told on its own connection, and nothing is written to it.
    await reader.line('GET a');
    ear.close();
    while (String(await writer.line('CLIENT LIST')).includes(`id=${id} `)) await writer.line('PING');
    await writer.line('SET a 1');
    expect(await reader.told()).toEqual([]);
    expect(await reader.line('CLIENT TRACKINGINFO')).toEqual(['flags', ['on', 'broken_redirect'], 'redirect', id, 'prefixes', []]);
    expect(await writer.line('CLIENT LIST')).toMatch(/flags=tR .* redir=\d+ /);
    await reader.line('HELLO 3');
    await reader.line('GET a');
    await writer.line('SET a 1');
    expect(await reader.told()).toEqual([['tracking-redir-broken', id]]);
  });

  test.each(['FLUSHALL', 'FLUSHDB'])('%s of what is empty is news: a client may know that a key is not there', async (flush) => {
    const [reader, writer] = [await open('HELLO 3', 'CLIENT TRACKING ON'), await open()];
    await reader.line('GET a');
    expect(await writer.line(flush)).toBe('OK');
    expect(await reader.told()).toEqual([ALL_GONE]);
    expect(String(await writer.line('INFO stats'))).toContain('tracking_total_keys:0\r\n');
    await reader.line('GET a');
    await reader.line('GET b');
    await reader.line(flush);
    expect(await reader.told()).toEqual([ALL_GONE]);
  });

  test('a client that has quit is no longer told, though its side of the connection is still open', async () => {
    const ear = net.connect({ port: rig.server.port, host: '127.0.0.1', allowHalfOpen: true });
    ear.write('CLIENT ID\r\n');
    const id = Number(/:(\d+)/.exec(String((await once(ear, 'data'))[0]))![1]);
    const [reader, writer] = [await open('HELLO 3', `CLIENT TRACKING ON REDIRECT ${id}`), await open()];
    await reader.line('GET a');
    ear.write('SUBSCRIBE c __redis__:invalidate\r\nQUIT\r\n');
    ear.resume();
    await once(ear, 'end');
    expect(await writer.line('PUBLISH c hi')).toBe(0);
    await writer.line('SET a 1');
    expect(await reader.told()).toEqual([['tracking-redir-broken', id]]);
    ear.destroy();
  });

  test('expiry of keys and of fields is news, NOLOOP or not', async () => {
    const reader = await open('HELLO 3', 'CLIENT TRACKING ON NOLOOP');
    const listener = await open('HELLO 3', 'CLIENT TRACKING ON BCAST NOLOOP', 'HSET h f 1 g 2');
    // In one piece, so that nothing ends before it is read.
    reader.socket.cork();
    const replies = ['SET e 1 PX 30', 'GET e', 'HPEXPIRE h 30 FIELDS 1 f', 'HGET h f'].map((line) => reader.line(line));
    reader.socket.uncork();
    await Promise.all(replies);
    const told: unknown[] = [];
    while (told.length < 2) told.push(...(await reader.told()));
    expect(told.sort()).toEqual(gone('e', 'h'));
    const heard: unknown[] = [];
    while (heard.length < 4) heard.push(...(await listener.told()).flatMap((message) => (message as [string, string[]])[1]));
    expect(heard.sort()).toEqual(['e', 'e', 'h', 'h']);
  });

  test('a key that made room is news, NOLOOP or not', async () => {
    const reader = await open('HELLO 3', 'CLIENT TRACKING ON NOLOOP', 'SET k v', 'GET k', 'CONFIG SET maxmemory-policy allkeys-lru maxmemory 1');
    const told: unknown[] = [];
    while (told.length < 1) told.push(...(await reader.told()));
    expect(told).toEqual(gone('k'));
  });

  test('a key that made room for a command is news before its reply', async () => {
    // Without the timer nothing but the command makes room.
    const reader = await open('HELLO 3', 'CLIENT TRACKING ON', 'DEBUG PAUSE-CRON 1', 'SET k v EX 1000', 'GET k');
    const used = Number(/used_memory:(\d+)/.exec(String(await reader.line('INFO memory')))![1]);
    await reader.line(`CONFIG SET maxmemory-policy volatile-random maxmemory ${used + 100_000}`);
    await reader.line('SETBIT big 1600000 0');
    expect(await reader.line('GETBIT big 1')).toBe(0);
    expect(reader.order.slice(-3)).toEqual([0, ...gone('k'), 0]);
  });

  test('FLUSHDB, FLUSHALL and SWAPDB empty every cache', async () => {
    const [one, two] = [await open('HELLO 3', 'CLIENT TRACKING ON', 'GET a'), await open('HELLO 3', 'CLIENT TRACKING ON BCAST PREFIX x')];
    const writer = await open('SET a 1', 'SELECT 2', 'SET b 1');
    expect(await one.told()).toEqual(gone('a'));
    for (const line of ['FLUSHDB', 'FLUSHALL', 'SWAPDB 0 2']) {
      await writer.line(line);
      expect(await one.told()).toEqual([ALL_GONE]);
      expect(await two.told()).toEqual([ALL_GONE]);
    }
    for (const line of ['MULTI', 'SET a 1', 'FLUSHALL', 'SET a 2']) await writer.line(line);
    await one.line('GET a');
    await writer.line('EXEC');
    expect(await one.told()).toEqual([['invalidate', ['a']], ALL_GONE]);
  });

  test('the table is bounded: what it gives up is declared gone', async () => {
    const reader = await open('HELLO 3', 'CLIENT TRACKING ON', 'CONFIG SET tracking-table-max-keys 10');
    for (let i = 0; i < 250; i++) await reader.line(`GET key:${i}`);
    const told: unknown[] = [];
    while (told.length < 240) told.push(...(await reader.told()));
    expect(told).toHaveLength(240);
    expect(new Set(told.map(String)).size).toBe(240);
    expect(await reader.line('INFO stats')).toMatch(/tracking_total_keys:10\r\ntracking_total_items:10\r\n/);
  });

  test('what is given up in the turn of its read is declared gone behind the reply', async () => {
    const reader = await open('HELLO 3', 'CLIENT TRACKING ON', 'CONFIG SET tracking-table-max-keys 1', 'SET a 1', 'SET b 2');
    await Promise.all([reader.send('GET', 'a'), reader.send('GET', 'b'), reader.send('ECHO', 'end')]);
    await reader.told();
    expect(reader.order.slice(-5)).toEqual(['1', '2', 'end', ['invalidate', [expect.stringMatching(/a|b/)]], 'PONG']);
  });

  test('the end of tracking, RESET and the end of a connection', async () => {
    const [reader, other] = [await open('HELLO 3', 'CLIENT TRACKING ON', 'GET a'), await open('HELLO 3', 'CLIENT TRACKING ON BCAST PREFIX x')];
    const writer = await open();
    expect(await writer.line('INFO clients')).toMatch(/tracking_clients:2\r\n/);
    await reader.line('CLIENT TRACKING OFF');
    await other.line('RESET');
    expect(await writer.line('INFO clients')).toMatch(/tracking_clients:0\r\n/);
    expect(await writer.line('INFO stats')).toMatch(/tracking_total_keys:0\r\ntracking_total_items:0\r\ntracking_total_prefixes:0\r\n/);
    await writer.line('SET a 1');
    expect(await reader.told()).toEqual([]);
    const last = await open('HELLO 3', 'CLIENT TRACKING ON', 'GET a');
    last.close();
    while (!String(await writer.line('INFO clients')).includes('tracking_clients:0\r\n')) await writer.line('PING');
    expect(await writer.line('SET a 2')).toBe('OK');
  });

  test('options that do not go together are refused in Redis\'s words', async () => {
    const client = await open('HELLO 3');
    const error = async (line: string): Promise<unknown> => ((await client.line(line)) as { message?: string }).message;
    expect(await error('CLIENT CACHING YES')).toBe('ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled');
    expect(await error('CLIENT TRACKING ON PREFIX a')).toBe('ERR PREFIX option requires BCAST mode to be enabled');
    expect(await error('CLIENT TRACKING ON BCAST OPTIN')).toBe('ERR OPTIN and OPTOUT are not compatible with BCAST');
    expect(await error('CLIENT TRACKING ON OPTOUT OPTIN')).toBe("ERR You can't specify both OPTIN mode and OPTOUT mode");
    expect(await error('CLIENT TRACKING ON REDIRECT 999999')).toBe('ERR The client ID you want redirect to does not exist');
    expect(await error('CLIENT TRACKING ON REDIRECT x')).toBe('ERR value is not an integer or out of range');
    expect(await error('CLIENT TRACKING ON BCAST PREFIX FOOBAR PREFIX FOO')).toBe("ERR Prefix 'FOOBAR' overlaps with another provided prefix 'FOO'. Prefixes for a single client must not overlap.");
    expect(await error('CLIENT TRACKING MAYBE')).toBe('ERR syntax error');
    await client.line('CLIENT TRACKING ON BCAST PREFIX FOO');
    expect(await error('CLIENT TRACKING ON BCAST PREFIX FO')).toBe("ERR Prefix 'FO' overlaps with an existing prefix 'FOO'. Prefixes for a single client must not overlap.");
    expect(await error('CLIENT TRACKING ON')).toBe("ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.");
    await client.line('CLIENT TRACKING OFF');
    await client.line('CLIENT TRACKING ON OPTIN');
    expect(await error('CLIENT TRACKING ON OPTOUT')).toBe("ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.");
    expect(await error('CLIENT CACHING NO')).toBe('ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.');
    await client.line('CLIENT CACHING YES');
    expect(await client.line('CLIENT TRACKINGINFO')).toEqual([['flags', ['on', 'optin', 'caching-yes']], ['redirect', 0], ['prefixes', []]]);
  });

  test('replies that are switched off do not switch off the news', async () => {
    const [reader, writer] = [await open('HELLO 3', 'CLIENT TRACKING ON', 'GET a'), await open()];
    reader.socket.write('CLIENT REPLY OFF\r\n');
    const message = new Promise((resolve) => { reader.onMessage = resolve; });
    await writer.line('SET a 1');
    expect(await message).toEqual(['invalidate', ['a']]);
  });
});

describe('on a server whose log commits when it is told', () => {
  let held: HeldServer;
  const open = (...lines: string[]): Promise<PushClient> => connect(held.server.port, ...lines);
  beforeEach(async () => { held = await HeldServer.start(); });
  afterEach(() => held.stop());

  test('nobody is told of what is not committed, in either mode', async () => {
    const [reader, listener, writer] = [await open('HELLO 3', 'CLIENT TRACKING ON', 'GET a'), await open('HELLO 3', 'CLIENT TRACKING ON BCAST'), await open()];
    const written = writer.line('SET a 1');
    await held.log.appended(1);
    expect(await reader.told()).toEqual([]);
    expect(await listener.told()).toEqual([]);
    held.log.commit();
    // The reply has come: whatever was to be told of the write has been sent.
    await written;
    expect(await reader.told()).toEqual(gone('a'));
    expect(await listener.told()).toEqual(gone('a'));
  });

  test('a read whose reply is held is tracked from the moment that it ran', async () => {
    const [reader, writer] = [await open('HELLO 3', 'CLIENT TRACKING ON'), await open()];
    const first = writer.line('SET a 1');
    await held.log.appended(1);
    const read = reader.line('GET a');
    expect(await held.settled(read as Promise<string>)).toBe(false);
    const second = writer.line('SET a 2');
    await held.log.appended(2);
    held.log.commit(1);
    await first;
    expect(await read).toBe('1');
    expect(reader.messages).toEqual([]);
    held.log.commit(2);
    await second;
    expect(await reader.told()).toEqual(gone('a'));
  });

  test('a key that made room in the background is news before the next reply', async () => {
    const [reader, admin] = [await open('HELLO 3', 'CLIENT TRACKING ON'), await open()];
    const written = admin.line('SET k v');
    await held.log.appended(1);
    held.log.commit();
    await written;
    await reader.line('GET k');
    await admin.line('CONFIG SET maxmemory-policy allkeys-random maxmemory 1');
    await held.log.appended(2);
    const read = reader.line('GET other');
    expect(await held.settled(read as Promise<string>)).toBe(false);
    held.log.commit();
    expect(await read).toBeNull();
    expect(reader.order.slice(-2)).toEqual([...gone('k'), null]);
    expect(await reader.told()).toEqual(gone('k'));
  });

  test('a writer without NOLOOP gets its reply first', async () => {
    const client = await open('HELLO 3', 'CLIENT TRACKING ON', 'GET a');
    const written = client.line('SET a 1');
    await held.log.appended(1);
    held.log.commit();
    await written;
    await client.told();
    expect(client.order.slice(-3)).toEqual(['OK', ['invalidate', ['a']], 'PONG']);
  });
});
