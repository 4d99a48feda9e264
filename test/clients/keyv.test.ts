/** keyv over @keyv/redis as its users have it: values with lifetimes, in namespaces. */
import KeyvRedis, { Keyv } from '@keyv/redis';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { CLIENT_TARGETS, type ClientTarget, TARGET_NAMES } from '../support/client-targets.ts';

describe.each(TARGET_NAMES)('keyv at %s', (target) => {
  let server: ClientTarget;
  const caches: Keyv[] = [];

  /** A cache in a namespace; its errors fail the test that it is used in. */
  function cache(namespace: string): Keyv {
    const keyv = new Keyv({ store: new KeyvRedis(`redis://127.0.0.1:${server.port}`), namespace, throwOnErrors: true });
    caches.push(keyv);
    return keyv;
  }

  beforeAll(async () => {
    server = await CLIENT_TARGETS[target]();
  });
  afterAll(async () => {
    await Promise.all(caches.map((keyv) => keyv.disconnect()));
    await server.remove();
  });

  test('values of any shape come back, one by one and many at once', async () => {
    const keyv = cache('shapes');
    const values = { text: 'grüße', number: 7.5, list: [1, { two: 2 }], nothing: null, bytes: Buffer.from([0, 255]) };
    for (const [key, value] of Object.entries(values)) expect(await keyv.set(key, value)).toBe(true);
    for (const [key, value] of Object.entries(values)) expect(await keyv.get(key)).toEqual(value);
    expect(await keyv.get('absent')).toBeUndefined();
    await keyv.setMany([{ key: 'a', value: 1 }, { key: 'b', value: 2 }]);
    expect(await keyv.getMany(['a', 'absent', 'b'])).toEqual([1, undefined, 2]);
    expect(await keyv.hasMany(['a', 'absent'])).toEqual([true, false]);
    expect(await keyv.delete('a')).toBe(true);
    expect(await keyv.has('a')).toBe(false);
    expect(await keyv.deleteMany(['b', 'text'])).toBe(true);
    expect(await keyv.get('text')).toBeUndefined();
  });

  test('a value with a lifetime is gone after it', async () => {
    const keyv = cache('lifetimes');
    await keyv.set('short', 'lived', 50);
    await keyv.set('long', 'lived', 60_000);
    await vi.waitFor(async () => { expect(await keyv.get('short')).toBeUndefined(); });
    expect(await keyv.get('long')).toBe('lived');
  });

  test('a namespace is walked and cleared alone', async () => {
    const [mine, other] = [cache('mine'), cache('other')];
    const pairs = Array.from({ length: 50 }, (_, i) => ({ key: `k${String(i).padStart(2, '0')}`, value: i }));
    await mine.setMany(pairs);
    await other.set('k00', 'other');
    const seen: [string, number][] = [];
    for await (const pair of mine.iterator!('mine')) seen.push(pair as [string, number]);
    expect(seen.sort(([a], [b]) => (a < b ? -1 : 1))).toEqual(pairs.map(({ key, value }) => [key, value]));
    await mine.clear();
    expect(await mine.get('k00')).toBeUndefined();
    expect(await other.get('k00')).toBe('other');
  });

  test('goes on when the primary is killed', async () => {
    const keyv = cache('through');
    await keyv.setMany([{ key: 'a', value: 'before' }, { key: 'b', value: 'before' }]);
    const bringBack = await server.killPrimary();
    expect(await keyv.getMany(['a', 'b'])).toEqual(['before', 'before']);
    expect(await keyv.set('b', 'after', 60_000)).toBe(true);
    await bringBack();
    expect(await keyv.getMany(['a', 'b'])).toEqual(['before', 'after']);
  });
});
