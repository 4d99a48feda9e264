/** Bytes on their way to a socket: in order and complete, however slow the reader; none to a socket that is gone. */
import { once } from 'node:events';
import net from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SocketOutput } from '../../src/server/socket-output.ts';

interface Pair {
  readonly accepted: net.Socket;
  readonly client: net.Socket;
}

const server = net.createServer();
const sockets: net.Socket[] = [];

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterAll(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});

async function pair(): Promise<Pair> {
  const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  const [[accepted]] = (await Promise.all([once(server, 'connection'), once(client, 'connect')])) as [[net.Socket], unknown];
  sockets.push(client, accepted);
  return { accepted, client };
}

function descriptorOf(socket: net.Socket): number {
  return (socket as unknown as { _handle: { fd: number } })._handle.fd;
}

async function read(client: net.Socket, bytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let got = 0; got < bytes;) {
    const part = client.read() as Buffer | null;
    if (part === null) await once(client, 'readable');
    else {
      parts.push(part);
      got += part.length;
    }
  }
  return Buffer.concat(parts);
}

test('a range arrives, and nothing around it', async () => {
  const { accepted, client } = await pair();
  expect(new SocketOutput(accepted).write(Buffer.from('..hello..'), 2, 7)).toBe(true);
  expect((await read(client, 5)).toString()).toBe('hello');
});

test('what the kernel does not take goes behind what it took', async () => {
  const { accepted, client } = await pair();
  const output = new SocketOutput(accepted);
  const bytes = Buffer.alloc(8 * 1024 * 1024);
  for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32LE(i, i);
  // Nobody reads yet: the kernel's buffers fill, then the stream holds the rest.
  const piece = 64 * 1024;
  let queued = 0;
  for (let at = 0; at < bytes.length; at += piece) if (!output.write(bytes, at, at + piece)) queued++;
  expect(queued).toBeGreaterThan(0);
  expect(output.queuedBytes).toBeGreaterThan(0);
  expect((await read(client, bytes.length)).equals(bytes)).toBe(true);
});

test('a descriptor that was closed is never written to: it may be another socket by then', async () => {
  const gone = await pair();
  const output = new SocketOutput(gone.accepted);
  const fd = descriptorOf(gone.accepted);
  gone.accepted.destroy();
  await once(gone.accepted, 'close');
  // The lowest free number is the next socket's.
  const { accepted, client } = await pair();
  expect([descriptorOf(accepted), descriptorOf(client)]).toContain(fd);
  expect(output.write(Buffer.from('secret'), 0, 6)).toBe(true);
  for (const socket of [accepted, client]) socket.end().resume();
  await Promise.all([once(accepted, 'close'), once(client, 'close')]);
  expect([accepted.bytesRead, client.bytesRead]).toEqual([0, 0]);
});
