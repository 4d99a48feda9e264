/** Sessions as web applications keep them: express-session over connect-redis. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLIENT_TARGETS, type ClientTarget, TARGET_NAMES } from '../support/client-targets.ts';

declare module 'express-session' {
  interface SessionData {
    views?: number;
  }
}

describe.each(TARGET_NAMES)('sessions at %s', (target) => {
  let server: ClientTarget;
  let client: ReturnType<typeof createClient>;
  let store: RedisStore;
  let web: Server;
  let origin: string;

  beforeAll(async () => {
    server = await CLIENT_TARGETS[target]();
    client = createClient({ socket: { host: '127.0.0.1', port: server.port } });
    client.on('error', () => undefined);
    await client.connect();
    store = new RedisStore({ client, ttl: 600 });
    const app = express();
    app.use(session({ store, secret: 'of the test', resave: false, saveUninitialized: false }));
    app.get('/views', (request, response) => {
      request.session.views = (request.session.views ?? 0) + 1;
      response.json(request.session.views);
    });
    app.get('/leave', (request, response) => {
      request.session.destroy(() => response.json('gone'));
    });
    web = app.listen(0, '127.0.0.1');
    await once(web, 'listening');
    origin = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    web.close();
    web.closeAllConnections();
    client.destroy();
    await server.remove();
  });

  /** A browser, as far as sessions go: sends back the cookie it was given. */
  function visitor(): (path: string) => Promise<unknown> {
    let cookie = '';
    return async (path) => {
      const response = await fetch(origin + path, { headers: { cookie } });
      cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie;
      return response.json();
    };
  }

  test('each visitor has a session of their own, over a restart of the server, until they leave', async () => {
    const ann = visitor();
    const bob = visitor();
    expect([await ann('/views'), await ann('/views'), await bob('/views')]).toEqual([1, 2, 1]);
    expect(await store.length()).toBe(2);
    const ttl = await client.ttl((await client.keys('sess:*'))[0]!);
    expect(ttl).toBeGreaterThan(590);
    expect(ttl).toBeLessThanOrEqual(600);
    const back = new Promise((resolve) => { client.once('ready', () => { resolve(true); }); });
    await server.killAndRestart();
    await back;
    expect(await ann('/views')).toBe(3);
    expect(await ann('/leave')).toBe('gone');
    expect(await ann('/views')).toBe(1);
    expect((await store.all() as { views: number }[]).map(({ views }) => views)).toEqual([1, 1]);
    await store.clear();
    expect(await store.length()).toBe(0);
  });

  test('visitors notice nothing when the primary is killed', async () => {
    const ann = visitor();
    expect([await ann('/views'), await ann('/views')]).toEqual([1, 2]);
    const bringBack = await server.killPrimary();
    expect([await ann('/views'), await visitor()('/views')]).toEqual([3, 1]);
    await bringBack();
    expect(await ann('/views')).toBe(4);
  });
});
