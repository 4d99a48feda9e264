/** socket.io servers that reach each other's browsers through the adapters over Pub/Sub and over streams. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdapter as createPubSubAdapter, createShardedAdapter } from '@socket.io/redis-adapter';
import { createAdapter as createStreamsAdapter } from '@socket.io/redis-streams-adapter';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { Server, type ServerOptions } from 'socket.io';
import { io, type Socket } from 'socket.io-client';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { CLIENT_TARGETS, type ClientTarget, TARGET_NAMES } from '../support/client-targets.ts';

type Adapter = Exclude<ServerOptions['adapter'], undefined>;

/** A busy machine's time to do what it does at once otherwise. */
const PATIENCE = { timeout: 30_000, interval: 20 };

describe.each(TARGET_NAMES)('socket.io at %s', (target) => {
  let holdfast: ClientTarget;
  /** What is closed after a test, last opened first. Clients in peace: an adapter goes on for a moment after its server has closed. */
  const closers: (() => Promise<unknown> | void)[] = [];

  beforeAll(async () => {
    holdfast = await CLIENT_TARGETS[target]();
  });
  afterAll(() => holdfast.remove());
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  function ioredis(): Redis {
    const client = new Redis({ host: '127.0.0.1', port: holdfast.port });
    client.on('error', () => undefined);
    closers.push(() => client.quit());
    return client;
  }

  /** The adapters take either client as one without a type. */
  async function nodeRedis(): Promise<unknown> {
    const client = createClient({ socket: { host: '127.0.0.1', port: holdfast.port } });
    client.on('error', () => undefined);
    await client.connect();
    closers.push(() => client.close());
    return client;
  }

  /** Each with names of its own for what it keeps in Redis, so that all can be there at once. */
  const adapters: Record<string, (name: string) => Promise<unknown>> = {
    'Pub/Sub, ioredis': (key) => Promise.resolve(createPubSubAdapter(ioredis(), ioredis(), { key, requestsTimeout: PATIENCE.timeout })),
    'Pub/Sub, node-redis': async (key) => createPubSubAdapter(await nodeRedis(), await nodeRedis(), { key, requestsTimeout: PATIENCE.timeout }),
    'sharded Pub/Sub, node-redis': async (channelPrefix) => createShardedAdapter(await nodeRedis(), await nodeRedis(), { channelPrefix }),
    'streams, ioredis': (name) => Promise.resolve(createStreamsAdapter(ioredis(), { streamName: name, channelPrefix: name, blockTimeInMs: 100 })),
    'streams, node-redis': async (name) => createStreamsAdapter(await nodeRedis(), { streamName: name, channelPrefix: name, blockTimeInMs: 100 }),
  };
  const names = Object.keys(adapters);

  /** A socket.io server on a port of its own, and a browser connected to it. */
  async function serverAndBrowser(adapter: unknown, options: Partial<ServerOptions> = {}): Promise<[Server, Socket]> {
    const http = createServer();
    const server = new Server(http, { ...options, adapter: adapter as Adapter });
    closers.push(() => server.close());
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const browser = io(`http://127.0.0.1:${(http.address() as AddressInfo).port}`, { transports: ['websocket'], reconnection: false });
    closers.push(() => { browser.close(); });
    await heard(browser, 'connect');
    return [server, browser];
  }

  /** Two servers that hear each other, each with a browser in a room of its own. */
  async function pair(name: string): Promise<Pair> {
    const open = async (side: string): Promise<[Server, Socket]> => {
      const [server, browser] = await serverAndBrowser(await adapters[name]!(`of ${name}`));
      server.local.socketsJoin(side);
      browser.on('question', (answer: (value: string) => void) => { answer(side); });
      server.on('between servers', (question: string, answer: (value: string) => void) => { answer(`${question}, answered by ${side}`); });
      return [server, browser];
    };
    const [left, leftBrowser] = await open('left');
    const [right, rightBrowser] = await open('right');
    const both = { left, leftBrowser, right, rightBrowser };
    await vi.waitFor(async () => { expect([await left.of('/').adapter.serverCount(), await right.of('/').adapter.serverCount()]).toEqual([2, 2]); }, PATIENCE);
    await becomeAcquainted(both);
    return both;
  }

  test.each(names)('over %s an event, a room, an answer and a question cross between two servers', async (name) => {
    const both = await pair(name);
    await everythingCrosses(both);
    const ended = heard(both.rightBrowser, 'disconnect');
    both.left.in('right').disconnectSockets();
    expect(await ended).toBe('io server disconnect');
  });

  test('over every adapter, they find each other again when the primary is killed', async () => {
    const pairs: Pair[] = [];
    for (const name of names) pairs.push(await pair(name));
    const bringBack = await holdfast.killPrimary();
    // What is published while there is no primary may reach nobody: nobody was promised it.
    await Promise.all(pairs.map(becomeAcquainted));
    await Promise.all(pairs.map(everythingCrosses));
    await bringBack();
    await Promise.all(pairs.map(everythingCrosses));
  });

  test('over streams a browser that was away hears what it missed', async () => {
    const [server, browser] = await serverAndBrowser(createStreamsAdapter(ioredis(), { blockTimeInMs: 100 }), { connectionStateRecovery: {} });
    const left = new Promise((resolve) => { server.sockets.sockets.get(browser.id!)!.once('disconnect', resolve); });
    const first = heard(browser, 'news');
    server.emit('news', 1);
    expect(await first).toBe(1);
    const missed = heard(browser, 'news');
    browser.io.engine.close();
    // Who comes back before the server has noticed is a stranger.
    await left;
    server.emit('news', 2);
    browser.connect();
    expect(await missed).toBe(2);
    expect(browser.recovered).toBe(true);
  });
});

interface Pair {
  readonly left: Server;
  readonly leftBrowser: Socket;
  readonly right: Server;
  readonly rightBrowser: Socket;
}

/** Resolves with what comes as event `name`. */
const heard = (browser: Socket, name: string): Promise<unknown> => new Promise((resolve) => { browser.once(name, resolve); });

/**
 * Each emits until the other's browser has heard it. A server over streams asks for what comes after `$`, time and again, until
 * it has got an entry: what is added between two questions is lost to it, at redis-server as well.
 */
async function becomeAcquainted({ left, leftBrowser, right, rightBrowser }: Pair): Promise<void> {
  const reach = async (from: Server, browser: Socket): Promise<void> => {
    let isHeard = false;
    void heard(browser, 'hello').then(() => { isHeard = true; });
    await vi.waitFor(() => {
      from.emit('hello');
      expect(isHeard).toBe(true);
    }, PATIENCE);
  };
  await Promise.all([reach(left, rightBrowser), reach(right, leftBrowser)]);
}

async function everythingCrosses({ left, leftBrowser, right, rightBrowser }: Pair): Promise<void> {
  expect(await left.fetchSockets()).toHaveLength(2);
  const news = { text: 'to all', bytes: Buffer.from([1, 2]) };
  const both = [heard(leftBrowser, 'news'), heard(rightBrowser, 'news')];
  left.emit('news', news);
  expect(await Promise.all(both)).toEqual([news, news]);

  const last = [heard(leftBrowser, 'last'), heard(rightBrowser, 'last')];
  const inRoom: string[] = [];
  leftBrowser.on('room', () => inRoom.push('left'));
  rightBrowser.on('room', () => inRoom.push('right'));
  left.to('right').emit('room', 'only right');
  left.emit('last');
  await Promise.all(last);
  expect(inRoom).toEqual(['right']);
  for (const browser of [leftBrowser, rightBrowser]) browser.off('room');

  expect(((await left.timeout(PATIENCE.timeout).emitWithAck('question')) as string[]).sort()).toEqual(['left', 'right']);
  expect(await right.serverSideEmitWithAck('between servers', 'asked')).toEqual(['asked, answered by left']);
}
