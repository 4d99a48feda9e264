/** ioredis as its users have it: default options, no allowances for Holdfast. */
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CLIENT_TARGETS, type ClientTarget, TARGET_NAMES } from '../support/client-targets.ts';

describe.each(TARGET_NAMES)('ioredis at %s', (name) => {
  let server: ClientTarget;
  const clients: Redis[] = [];
  const connect = (options: object = {}): Redis => {
    const client = new Redis({ host: '127.0.0.1', port: server.port, ...options });
    client.on('error', () => undefined);
    clients.push(client);
    return client;
  };

  beforeAll(async () => {
    server = await CLIENT_TARGETS[name]();
  });
  afterAll(() => server.remove());
  beforeEach(() => connect().flushall());
  afterEach(() => {
    for (const client of clients.splice(0)) client.disconnect();
  });

  test('connects with default options, keeps binary values', async () => {
    const client = connect();
    const bytes = Buffer.from([0, 255, 13, 10, 36, 42, 128]);
    expect(await client.set('bytes', bytes)).toBe('OK');
    expect(await client.getBuffer('bytes')).toEqual(bytes);
    expect(await client.get('missing')).toBeNull();
    expect(client.status).toBe('ready');
  });

  test('hash, list, set and sorted set replies have the client\'s shapes', async () => {
    const client = connect();
    await client.hset('h', { name: 'Ann', age: '7' });
    expect(await client.hgetall('h')).toEqual({ name: 'Ann', age: '7' });
    expect(await client.rpush('l', 'a', 'b', 'c')).toBe(3);
    expect(await client.lrange('l', 0, -1)).toEqual(['a', 'b', 'c']);
    expect(await client.sadd('s', 'x', 'y', 'x')).toBe(2);
    expect((await client.smembers('s')).sort()).toEqual(['x', 'y']);
    await client.zadd('z', '1.5', 'one', '-inf', 'least');
    expect(await client.zrange('z', '0', '-1')).toEqual(['least', 'one']);
    expect(Number(await client.zscore('z', 'one'))).toBe(1.5);
    await expect(client.incr('h')).rejects.toThrow('WRONGTYPE Operation against a key holding the wrong kind of value');
  });

  test('a pipeline answers in order, with errors in their places', async () => {
    const client = connect();
    const results = await client.pipeline().set('a', '1').incr('a').lpush('a', 'x').get('a').exec();
    expect(results!.map(([error, reply]) => error?.message.split(' ')[0] ?? reply)).toEqual(['OK', 2, 'WRONGTYPE', '2']);
    const many = client.pipeline();
    for (let i = 0; i < 2000; i++) many.set(`k:${i}`, i);
    expect((await many.exec())!.every(([error, reply]) => error === null && reply === 'OK')).toBe(true);
    expect(await client.dbsize()).toBe(2001);
  });

  test('goes on when the primary is killed', async () => {
    const client = connect();
    await client.set('before', 'yes');
    const bringBack = await server.killPrimary();
    expect(await client.get('before')).toBe('yes');
    expect(await client.set('after', 'yes')).toBe('OK');
    await bringBack();
    expect(await client.mget('before', 'after')).toEqual(['yes', 'yes']);
  });

  test('MULTI answers as one; a watched key that changes stops it', async () => {
    const client = connect();
    const other = connect();
    expect(await client.multi().set('a', '1').incrby('a', 4).exec()).toEqual([[null, 'OK'], [null, 5]]);
    await client.watch('a');
    await other.set('a', 'changed');
    expect(await client.multi().set('a', 'lost').exec()).toBeNull();
    expect(await client.get('a')).toBe('changed');
  });

  test('blocking pops wake when another client pushes, and time out', async () => {
    const client = connect();
    const blocked = connect();
    const popped = blocked.blpop('jobs', 'more', 20);
    await expect.poll(() => server.blockedClients()).toBe(1);
    await client.rpush('more', 'work');
    expect(await popped).toEqual(['more', 'work']);
    const least = blocked.bzpopmin('scores', 20);
    await expect.poll(() => server.blockedClients()).toBe(1);
    await client.zadd('scores', 2, 'two');
    expect((await least)!.map(String)).toEqual(['scores', 'two', '2']);
    expect(await blocked.brpop('jobs', 0.05)).toBeNull();
  });

  test('scanStream sees each key that stays', async () => {
    const client = connect();
    const names = Array.from({ length: 500 }, (_, i) => `scan:${i}`);
    await client.mset(...names.flatMap((name) => [name, '1']));
    await client.set('other', '1');
    const seen = new Set<string>();
    for await (const keys of client.scanStream({ match: 'scan:*', count: 50 })) for (const key of keys as string[]) seen.add(key);
    expect([...seen].sort()).toEqual([...names].sort());
  });

  test('the database of the options is selected', async () => {
    const client = connect({ db: 3 });
    await client.set('where', 'three');
    expect(await connect().get('where')).toBeNull();
    expect(await connect({ db: 3 }).get('where')).toBe('three');
  });

  test('comes back by itself when the server does, with the data there', async () => {
    const client = connect({ retryStrategy: () => 20 });
    await client.set('kept', 'yes');
    await client.hset('kept:hash', 'field', 'value');
    await server.killAndRestart();
    expect(await client.get('kept')).toBe('yes');
    expect(await client.hget('kept:hash', 'field')).toBe('value');
  });
});
