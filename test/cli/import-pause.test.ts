/** `holdfast import` whose comparison takes longer than the pause of the source's writes lasts: the answer to DEBUG DIGEST is held back. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HoldfastProcess, TestClient } from '../support/holdfast-process.ts';
import { RedisProcess, redisServerMissing } from '../support/redis-process.ts';

const EXECUTABLE = fileURLToPath(new URL('../../bin/holdfast.js', import.meta.url));
/** The pause begins anew four times while it lasts. */
const RENEWALS = 6;

/** A connection through the proxy. */
class Carried {
  readonly #client: net.Socket;
  #held: Buffer[] | null = null;

  constructor(client: net.Socket) {
    this.#client = client;
  }

  /** Keeps what the server says from now on. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    for (const bytes of this.#held ?? []) this.#client.write(bytes);
    this.#held = null;
  }

  answer(bytes: Buffer): void {
    if (this.#held === null) this.#client.write(bytes);
    else this.#held.push(bytes);
  }
}

/** Carries what passes between clients and a server, and tells of each request before the server has it. */
class Proxy {
  /** @returns whether the server is to have it */
  onRequest: (text: string, connection: Carried) => boolean = () => true;
  port = 0;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  constructor(port: number) {
    this.#server = net.createServer((client) => {
      const upstream = net.connect(port, '127.0.0.1');
      const carried = new Carried(client);
      for (const [socket, other] of [[client, upstream], [upstream, client]] as const) {
        this.#sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => other.destroy());
      }
      client.on('data', (bytes) => {
        if (this.onRequest(bytes.toString('latin1'), carried)) upstream.write(bytes);
      });
      upstream.on('data', (bytes) => { carried.answer(bytes); });
    });
  }

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as net.AddressInfo).port;
    return this;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

describe.skipIf(redisServerMissing)('a comparison that takes longer than the pause', { timeout: 30_000 }, () => {
  const closers: (() => Promise<unknown> | void)[] = [];
  let source: Proxy;
  let target: Proxy;
  let writer: TestClient;
  let node: TestClient;

  beforeEach(async () => {
    const [redis, holdfast] = await Promise.all([RedisProcess.start('--enable-debug-command', 'yes', '--repl-diskless-sync-delay', '0'), HoldfastProcess.start()]);
    [source, target] = [await new Proxy(redis.port).listen(), await new Proxy(holdfast.port).listen()];
    [writer, node] = [await TestClient.connect(redis.port), await holdfast.connect()];
    closers.push(() => redis.stop(), () => holdfast.remove(), () => source.close(), () => target.close(), () => writer.close(), () => node.close());
    expect(await writer.send('INCR', 'counter')).toBe(':1');
  });
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  async function runImport(pauseSeconds: number): Promise<{ code: number; text: string }> {
    const args = ['import', `redis://127.0.0.1:${source.port}`, '--to', `127.0.0.1:${target.port}`, '--pause', String(pauseSeconds), '--compare', 'digest'];
    const child = spawn(EXECUTABLE, args, { env: { ...process.env, REDISCLI_AUTH: '' } });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => { text += bytes.toString(); });
    const [code] = (await once(child, 'close')) as [number];
    return { code, text };
  }

  /** Resolves with the node's connection that owes the digest. */
  function comparing(): Promise<Carried> {
    return new Promise((resolve) => {
      target.onRequest = (text, connection) => {
        if (text.includes('DIGEST')) {
          connection.hold();
          resolve(connection);
        }
        return true;
      };
    });
  }

  test('has the pause begin anew: nothing is written meanwhile', async () => {
    let pauses = 0;
    let sawEnough: () => void;
    const enough = new Promise<void>((resolve) => { sawEnough = resolve; });
    source.onRequest = (text) => {
      if (text.includes('PAUSE') && ++pauses > RENEWALS) sawEnough();
      return true;
    };
    const compared = comparing();
    const running = runImport(1);
    const digest = await compared;
    let isWritten = false;
    const written = writer.send('INCR', 'counter').then((reply) => {
      isWritten = true;
      return reply;
    });
    await enough;
    expect(isWritten).toBe(false);
    digest.release();
    expect(await running).toMatchObject({ code: 0, text: expect.stringContaining('The node takes writes') as string });
    expect(await node.send('GET', 'counter')).toBe('1');
    // Whoever has not come over by the end of the pause writes to the source alone.
    expect(await written).toBe(':2');
  });

  test('and is not paused any more loses no write: the node has to be in step once more', async () => {
    let link: Carried | null = null;
    let mayPause = true;
    source.onRequest = (text, connection) => {
      if (text.includes('PSYNC')) link = connection;
      if (!text.includes('PAUSE')) return true;
      if (mayPause && link !== null) link.release();
      return mayPause;
    };
    const compared = comparing();
    const running = runImport(2);
    const digest = await compared;
    mayPause = false;
    link!.hold();
    // The source takes it when the pause has ended, and the node hears of it only when writes are paused again.
    expect(await writer.send('INCR', 'counter')).toBe(':2');
    mayPause = true;
    digest.release();
    expect(await running).toMatchObject({ code: 0, text: expect.stringContaining('The node takes writes') as string });
    expect(await node.send('GET', 'counter')).toBe('2');
  });
});
