/** A source has no say in who may do what here: neither by its RDB, which may be a Holdfast's snapshot or forged, nor by its stream. */
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { RdbWriter } from '../../src/shared/rdb/rdb-writer.ts';
import { HoldfastProcess, type TestClient } from '../support/holdfast-process.ts';

const STREAM_ID = 'a'.repeat(40);
const INTRUDER = ['on', 'nopass', 'sanitize-payload', '~*', '&*', '+@all'];
const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** An RDB as a snapshot of a shard with users is one. */
function fileWithUsers(): Uint8Array {
  const chunks: Uint8Array[] = [];
  const writer = new RdbWriter({ sink: (bytes) => { chunks.push(bytes.slice()); } });
  writer.header();
  writer.aux('holdfast-users', JSON.stringify([['default', ['on', 'nopass', '~*', '&*', '+@all']], ['intruder', INTRUDER]]));
  writer.byte(0);
  writer.text('key');
  writer.text('value');
  writer.end();
  return Buffer.concat(chunks);
}

/** What answers a replica with that file and then sends `stream`. */
async function sourceOf(stream: string): Promise<number> {
  const file = fileWithUsers();
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      for (const [, command] of bytes.toString('latin1').matchAll(/\*\d+\r\n\$\d+\r\n(PING|REPLCONF\r\n\$\d+\r\n(?!ACK)|PSYNC)/g)) {
        if (command === 'PING') socket.write('+PONG\r\n');
        else if (command !== 'PSYNC') socket.write('+OK\r\n');
        else {
          socket.write(`+FULLRESYNC ${STREAM_ID} 0\r\n$${file.length}\r\n`);
          socket.write(file);
          socket.write(stream);
        }
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as net.AddressInfo).port;
}

async function until(client: TestClient, line: RegExp): Promise<void> {
  while (!line.test(await client.send('INFO', 'replication'))) await new Promise((resolve) => { setTimeout(resolve, 10); });
}

test('an import takes no users from its source', { timeout: 30_000 }, async () => {
  const node = await HoldfastProcess.start();
  const client = await node.connect();
  cleanups.push(() => client.close(), () => node.remove());
  await client.send('ACL', 'SETUSER', 'alice', 'on', '>pw', '+get', '~a*');
  const users = await client.send('ACL', 'LIST');
  await client.send('REPLICAOF', '127.0.0.1', await sourceOf(''));
  await until(client, /^master_link_status:up/m);
  expect(await client.send('GET', 'key')).toBe('value');
  expect(await client.send('ACL', 'LIST')).toBe(users);
  expect(node.output).toContain('its data names users; they were passed over');
  await client.send('REPLICAOF', '127.0.0.1', await sourceOf('*5\r\n$3\r\nACL\r\n$7\r\nSETUSER\r\n$8\r\nintruder\r\n$2\r\non\r\n$5\r\n+@all\r\n'));
  await until(client, /^import_error:.*the source's ACL cannot be repeated here/m);
  expect(await client.send('ACL', 'LIST')).toBe(users);
});
