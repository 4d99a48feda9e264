/** Valkey GLIDE as its users have it: its native core, RESP3; more patience than its 250 ms, for busy machines. */
import { Batch, ClosingError, ConnectionError, GlideClient, GlideClientConfiguration, Script, TimeoutError } from '@valkey/valkey-glide';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CLIENT_TARGETS, type ClientTarget, TARGET_NAMES } from '../support/client-targets.ts';

describe.each(TARGET_NAMES)('Valkey GLIDE at %s', (target) => {
  let server: ClientTarget;
  const clients: GlideClient[] = [];

  beforeAll(async () => {
    server = await CLIENT_TARGETS[target]();
  });
  afterAll(() => server.remove());
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });

  async function connect(options: Partial<Parameters<typeof GlideClient.createClient>[0]> = {}): Promise<GlideClient> {
    const client = await GlideClient.createClient({ addresses: server.ports.map((port) => ({ host: '127.0.0.1', port })), requestTimeout: 10_000, ...options });
    clients.push(client);
    return client;
  }

  test('values of every type come back in its shapes', async () => {
    const client = await connect();
    expect(await client.ping()).toBe('PONG');
    expect(await client.set('text', 'grüße')).toBe('OK');
    expect(await client.get('text')).toBe('grüße');
    expect(await client.get('absent')).toBeNull();
    await client.hset('h', { name: 'Ann', age: '7' });
    expect(await client.hgetall('h')).toEqual([{ field: 'name', value: 'Ann' }, { field: 'age', value: '7' }]);
    await client.rpush('l', ['a', 'b']);
    expect(await client.lrange('l', 0, -1)).toEqual(['a', 'b']);
    await client.sadd('s', ['x', 'y']);
    expect(await client.smembers('s')).toEqual(new Set(['x', 'y']));
    await client.zadd('z', { one: 1.5, least: -Infinity });
    expect(await client.zrangeWithScores('z', { start: 0, end: -1 })).toEqual([{ element: 'least', score: -Infinity }, { element: 'one', score: 1.5 }]);
    const id = await client.xadd('x', [['field', 'value']]);
    expect(id).toMatch(/^\d+-\d+$/);
    await expect(client.incr('h')).rejects.toThrow('WRONGTYPE');
  });

  test('batches, atomic and not, and scripts', async () => {
    const client = await connect();
    expect(await client.exec(new Batch(true).set('n', '1').incrBy('n', 4).get('n'), true)).toEqual(['OK', 5, '5']);
    expect(await client.exec(new Batch(false).set('n', '2').incr('n'), true)).toEqual(['OK', 3]);
    const script = new Script('return {KEYS[1], ARGV[1]}');
    expect(await client.invokeScript(script, { keys: ['k'], args: ['a'] })).toEqual(['k', 'a']);
  });

  test('messages reach a client that subscribed when it connected', async () => {
    const { PubSubChannelModes } = GlideClientConfiguration;
    const channelsAndPatterns = { [PubSubChannelModes.Exact]: new Set(['news']), [PubSubChannelModes.Pattern]: new Set(['n*']) };
    const listener = await connect({ pubsubSubscriptions: { channelsAndPatterns } });
    const client = await connect();
    await expect.poll(() => client.publish('hello', 'news')).toBe(2);
    expect((await listener.getPubSubMessage()).message).toBe('hello');
  });

  test('a client made anew goes on when the primary is killed', async () => {
    // Without cluster mode GLIDE looks for the primary when a client is made; after that it only says that it gets no answer.
    let client = await connect({ requestTimeout: 500 });
    const insist = async <T>(ask: () => Promise<T>): Promise<T> => {
      for (;;) {
        try {
          return await ask();
        } catch (error) {
          expect([TimeoutError, ConnectionError, ClosingError].some((known) => error instanceof known)).toBe(true);
          client = await insist(() => connect({ requestTimeout: 500 }));
        }
      }
    };
    await client.set('before', 'yes');
    const bringBack = await server.killPrimary();
    expect(await insist(() => client.get('before'))).toBe('yes');
    expect(await insist(() => client.set('after', 'yes'))).toBe('OK');
    await bringBack();
    expect(await insist(() => client.mget(['before', 'after']))).toEqual(['yes', 'yes']);
  });
});
