/** node-redis as its users have it: default options, no allowances for Holdfast. */
import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CLIENT_TARGETS, type ClientTarget, TARGET_NAMES } from '../support/client-targets.ts';

describe.each(TARGET_NAMES)('node-redis at %s', (name) => {
  let server: ClientTarget;

  async function open(RESP: 2 | 3, database = 0) {
    const client = createClient({ url: `redis://127.0.0.1:${server.port}/${database}`, RESP, socket: { reconnectStrategy: 20 } });
    client.on('error', () => undefined);
    return client.connect();
  }
  type Client = Awaited<ReturnType<typeof open>>;

  beforeAll(async () => {
    server = await CLIENT_TARGETS[name]();
  });
  afterAll(() => server.remove());

  describe.each([2, 3] as const)('RESP%i', (version) => {
    const clients: Client[] = [];
    const connect = async (database = 0): Promise<Client> => {
      const client = await open(version, database);
      clients.push(client);
      return client;
    };
    beforeEach(async () => {
      await (await connect()).flushAll();
    });
    afterEach(() => {
      for (const client of clients.splice(0)) client.destroy();
    });

    test('replies have the client\'s shapes', async () => {
      const client = await connect();
      expect(await client.set('a', '1', { expiration: { type: 'EX', value: 1000 } })).toBe('OK');
      expect(await client.ttl('a')).toBeGreaterThan(990);
      await client.hSet('h', { name: 'Ann', city: 'Rome' });
      expect({ ...(await client.hGetAll('h')) }).toEqual({ name: 'Ann', city: 'Rome' });
      await client.zAdd('z', [{ score: 1.5, value: 'one' }, { score: -Infinity, value: 'least' }]);
      expect(await client.zRangeWithScores('z', 0, -1)).toEqual([{ value: 'least', score: -Infinity }, { value: 'one', score: 1.5 }]);
      await client.sAdd('s', ['x', 'y']);
      expect([...(await client.sMembers('s'))].sort()).toEqual(['x', 'y']);
      await expect(client.incr('h')).rejects.toThrow('WRONGTYPE');
    });

    test('commands of one turn are pipelined and answered in order', async () => {
      const client = await connect();
      const replies = await Promise.all(Array.from({ length: 1000 }, () => client.incr('counter')));
      expect(replies).toEqual(Array.from({ length: 1000 }, (_, i) => i + 1));
    });

    test('goes on when the primary is killed', async () => {
      const client = await connect();
      await client.set('before', 'yes');
      const bringBack = await server.killPrimary();
      expect(await client.get('before')).toBe('yes');
      expect(await client.set('after', 'yes')).toBe('OK');
      await bringBack();
      expect(await client.mGet(['before', 'after'])).toEqual(['yes', 'yes']);
    });

    test('MULTI answers as one; a watched key that changes stops it', async () => {
      const client = await connect();
      const other = await connect();
      expect(await client.multi().set('a', '1').incrBy('a', 4).get('a').exec()).toEqual(['OK', 5, '5']);
      await client.watch('a');
      await other.set('a', 'changed');
      await expect(client.multi().set('a', 'lost').exec()).rejects.toThrow(/watch/i);
      expect(await client.get('a')).toBe('changed');
    });

    test('a blocking pop wakes when another client pushes', async () => {
      const client = await connect();
      const blocked = await connect();
      const popped = blocked.blPop('jobs', 20);
      await expect.poll(() => server.blockedClients()).toBe(1);
      await client.rPush('jobs', 'work');
      expect(await popped).toEqual({ key: 'jobs', element: 'work' });
    });

    test('scanIterator sees each key that stays', async () => {
      const client = await connect();
      const names = Array.from({ length: 300 }, (_, i) => `scan:${i}`);
      await client.mSet(Object.fromEntries(names.map((name) => [name, '1'])));
      const seen = new Set<string>();
      for await (const keys of client.scanIterator({ MATCH: 'scan:*', COUNT: 50 })) for (const key of keys) seen.add(key);
      expect([...seen].sort()).toEqual([...names].sort());
    });

    test('the database of the address is selected', async () => {
      await (await connect(5)).set('where', 'five');
      expect(await (await connect()).get('where')).toBeNull();
      expect(await (await connect(5)).get('where')).toBe('five');
    });

    test('comes back by itself when the server does, with the data there', async () => {
      const client = await connect();
      await client.set('kept', 'yes');
      await server.killAndRestart();
      expect(await client.get('kept')).toBe('yes');
    });
  });
});
