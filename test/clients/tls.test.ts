/** Clients that come by TLS as an ACL user: each family, and the libraries above them that are told of TLS themselves. */
import KeyvRedis, { Keyv } from '@keyv/redis';
import { GlideClient } from '@valkey/valkey-glide';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { TlsServer } from './tls-server.ts';

const ALICE = { username: 'alice', password: 'sécret:@/' };
const NO_KEY = 'NOPERM No permissions to access a key';

let server: TlsServer;
let port: number;
/** What is closed after a test. */
const closers: (() => Promise<unknown> | void)[] = [];

beforeAll(async () => {
  server = await TlsServer.start('--user', 'alice', 'on', `>${ALICE.password}`, '+@all', '~app:*', '~bull:*', '&*');
  ({ port } = server);
});
afterAll(async () => {
  await server.remove();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

test('ioredis', async () => {
  const client = new Redis({ host: 'localhost', port, ...ALICE, tls: server.trusted });
  closers.push(() => { client.disconnect(); });
  expect(await client.set('app:a', '1')).toBe('OK');
  expect(await client.acl('WHOAMI')).toBe('alice');
  await expect(client.get('other')).rejects.toThrow(NO_KEY);
  const wrong = new Redis({ host: 'localhost', port, username: 'alice', password: 'wrong', tls: server.trusted, retryStrategy: () => null });
  closers.push(() => { wrong.disconnect(); });
  wrong.on('error', () => undefined);
  await expect(wrong.get('app:a')).rejects.toThrow(/NOAUTH|WRONGPASS|Connection is closed/);
});

test.each([2, 3] as const)('node-redis by RESP%i', async (RESP) => {
  const client = createClient({ RESP, ...ALICE, socket: { host: 'localhost', port, tls: true, ...server.trusted } });
  await client.connect();
  closers.push(() => client.close());
  expect(await client.set('app:b', '1')).toBe('OK');
  expect(await client.aclWhoAmI()).toBe('alice');
  await expect(client.get('other')).rejects.toThrow(NO_KEY);
});

test('keyv by an address', async () => {
  const url = `rediss://${encodeURIComponent(ALICE.username)}:${encodeURIComponent(ALICE.password)}@localhost:${port}`;
  const keyv = new Keyv({ store: new KeyvRedis({ url, socket: { tls: true, ...server.trusted } }), namespace: 'app', throwOnErrors: true });
  closers.push(() => keyv.disconnect());
  expect(await keyv.set('c', { of: 'alice' })).toBe(true);
  expect(await keyv.get('c')).toEqual({ of: 'alice' });
});

test('BullMQ', async () => {
  const connection = { host: 'localhost', port, ...ALICE, tls: server.trusted };
  const queue = new Queue('secured', { connection });
  closers.push(() => queue.close());
  const worker = new Worker('secured', (job) => Promise.resolve(job.data as number), { connection });
  closers.push(() => worker.close());
  const done = new Promise((resolve) => { worker.on('completed', (_, result) => { resolve(result); }); });
  await queue.add('job', 7);
  expect(await done).toBe(7);
});

test('Valkey GLIDE', async () => {
  // It has no certificates of its own.
  const admin = await server.process.connect();
  expect(await admin.send('AUTH', 'closed')).toBe('+OK');
  expect(await admin.send('CONFIG', 'SET', 'tls-auth-clients', 'optional')).toBe('+OK');
  const client = await GlideClient.createClient({
    addresses: [{ host: 'localhost', port }], credentials: ALICE, useTLS: true, requestTimeout: 10_000,
    advancedConfiguration: { connectionTimeout: 10_000, tlsAdvancedConfiguration: { rootCertificates: server.trusted.ca } },
  });
  closers.push(() => { client.close(); });
  expect(await client.set('app:d', '1')).toBe('OK');
  await expect(client.get('other')).rejects.toThrow('No permissions to access a key');
  expect(await admin.send('CONFIG', 'SET', 'tls-auth-clients', 'yes')).toBe('+OK');
  admin.close();
});
