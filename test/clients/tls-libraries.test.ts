/** Libraries that are given a connection, over TLS as an ACL user who may their own keys and channels alone, over both clients where they take both. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { createAdapter as createPubSubAdapter, createShardedAdapter } from '@socket.io/redis-adapter';
import { createAdapter as createStreamsAdapter } from '@socket.io/redis-streams-adapter';
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import { Redis } from 'ioredis';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { createClient } from 'redis';
import { Server, type ServerOptions } from 'socket.io';
import { io } from 'socket.io-client';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { TestClient } from '../support/holdfast-process.ts';
import { TlsServer } from './tls-server.ts';

interface Lock {
  unlock(): Promise<void>;
}

const Redlock = createRequire(import.meta.url)('redlock') as new (clients: Redis[], options: object) => { lock(resource: string, ttlMs: number): Promise<Lock> };

const PASSWORD = 'sécret:@/';
const PASSWORD_HASH = `#${createHash('sha256').update(PASSWORD).digest('hex')}`;
const PATIENCE = { timeout: 30_000, interval: 20 };

let server: TlsServer;
let admin: TestClient;
let port: number;
/** What is closed after a test, last opened first. */
const closers: (() => Promise<unknown> | void)[] = [];

beforeAll(async () => {
  server = await TlsServer.start();
  ({ port } = server);
  admin = await server.process.connect();
  expect(await admin.send('AUTH', 'closed')).toBe('+OK');
});
afterAll(async () => {
  admin.close();
  await server.remove();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  // Nobody came in otherwise, and nothing was refused.
  expect(await admin.send('ACL', 'LOG')).toBe('*0');
});

/** A user who may what begins with the name, and nothing else. The pattern that a client subscribes to must be among the rules as it is. */
async function userFor(name: string): Promise<{ username: string; password: string }> {
  expect(await admin.send('ACL', 'SETUSER', name, 'on', PASSWORD_HASH, '+@all', '-@dangerous', '+keys', '+info', `~${name}*`, `&${name}*`, `&${name}#/#*`)).toBe('+OK');
  return { username: name, password: PASSWORD };
}

async function ioredisAs(name: string): Promise<Redis> {
  const client = new Redis({ host: 'localhost', port, ...await userFor(name), tls: server.trusted });
  client.on('error', () => undefined);
  closers.push(() => client.quit());
  return client;
}

async function nodeRedisAs(name: string) {
  const client = createClient({ ...await userFor(name), socket: { host: 'localhost', port, tls: true, ...server.trusted } });
  client.on('error', () => undefined);
  await client.connect();
  closers.push(() => client.close());
  return client;
}

test('connect-redis with express-session', async () => {
  const store = new RedisStore({ client: await nodeRedisAs('sess'), prefix: 'sess:', ttl: 600 });
  const app = express();
  app.use(session({ store, secret: 'of the test', resave: false, saveUninitialized: false }));
  app.get('/name/:name', (request, response) => {
    const before = (request.session as { name?: string }).name ?? '';
    (request.session as { name?: string }).name = request.params.name;
    response.json(before);
  });
  const web = app.listen(0, '127.0.0.1');
  closers.push(() => {
    web.close();
    web.closeAllConnections();
  });
  await once(web, 'listening');
  const origin = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
  const first = await fetch(`${origin}/name/ann`);
  expect(await first.json()).toBe('');
  const cookie = first.headers.get('set-cookie')!.split(';')[0]!;
  expect(await (await fetch(`${origin}/name/bob`, { headers: { cookie } })).json()).toBe('ann');
  expect(await store.length()).toBe(1);
  await store.clear();
  expect(await store.length()).toBe(0);
});

test.each(['ioredis', 'node-redis'])('rate-limiter-flexible over %s', async (name) => {
  const options = { keyPrefix: `limit-${name}`, points: 2, duration: 60 };
  const limiter = new RateLimiterRedis(name === 'ioredis'
    ? { ...options, storeClient: await ioredisAs(options.keyPrefix) }
    : { ...options, storeClient: await nodeRedisAs(options.keyPrefix), useRedisPackage: true });
  expect((await limiter.consume('ann', 2)).remainingPoints).toBe(0);
  await expect(limiter.consume('ann')).rejects.toMatchObject({ consumedPoints: 3 });
});

test('redlock', async () => {
  const client = await ioredisAs('lock');
  const ours = new Redlock([client], { retryCount: 0 });
  const lock = await ours.lock('lock:door', 60_000);
  await expect(ours.lock('lock:door', 60_000)).rejects.toThrow('attempts to lock the resource');
  await lock.unlock();
  expect(await client.exists('lock:door')).toBe(0);
});

const adapters: Record<string, (name: string) => Promise<unknown>> = {
  'Pub/Sub, ioredis': async (key) => createPubSubAdapter(await ioredisAs(key), await ioredisAs(key), { key, requestsTimeout: PATIENCE.timeout }),
  'Pub/Sub, node-redis': async (key) => createPubSubAdapter(await nodeRedisAs(key), await nodeRedisAs(key), { key, requestsTimeout: PATIENCE.timeout }),
  'sharded Pub/Sub, node-redis': async (channelPrefix) => createShardedAdapter(await nodeRedisAs(channelPrefix), await nodeRedisAs(channelPrefix), { channelPrefix }),
  'streams, ioredis': async (name) => createStreamsAdapter(await ioredisAs(name), { streamName: name, channelPrefix: name, blockTimeInMs: 100 }),
  'streams, node-redis': async (name) => createStreamsAdapter(await nodeRedisAs(name), { streamName: name, channelPrefix: name, blockTimeInMs: 100 }),
};

test.each(Object.keys(adapters))('socket.io over %s', async (name) => {
  const key = `io-${Object.keys(adapters).indexOf(name)}`;
  const open = async (): Promise<Server> => {
    const http = createServer();
    const opened = new Server(http, { adapter: await adapters[name]!(key) as Exclude<ServerOptions['adapter'], undefined> });
    closers.push(() => opened.close());
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    return opened;
  };
  const [here, there] = [await open(), await open()];
  await vi.waitFor(async () => { expect([await here.of('/').adapter.serverCount(), await there.of('/').adapter.serverCount()]).toEqual([2, 2]); }, PATIENCE);
  const browser = io(`http://127.0.0.1:${(there.httpServer.address() as AddressInfo).port}`, { transports: ['websocket'], reconnection: false });
  closers.push(() => { browser.close(); });
  await new Promise((resolve) => { browser.on('connect', () => { resolve(null); }); });
  const heard = new Promise((resolve) => { browser.on('news', resolve); });
  here.emit('news', 'from the other server');
  expect(await heard).toBe('from the other server');
});
