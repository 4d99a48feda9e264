/** TLS for clients: certificates of both sides, settings, reloading while it runs, and real clients with user and password. */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Authority } from '../replication/peers/certificates.ts';
import { TestClient } from '../support/holdfast-process.ts';
import { freePorts } from '../support/free-ports.ts';
import { ServerRig } from './server-rig.ts';

const authority = new Authority();
const foreign = new Authority();
const dir = mkdtempSync(join(tmpdir(), 'holdfast-tls-'));
const one = authority.issue('one');
const two = authority.issue('two');
const stranger = foreign.issue('stranger');
const path = (name: string): string => join(dir, name);

beforeAll(() => {
  for (const [name, { cert, key }] of Object.entries({ one, two, stranger })) {
    writeFileSync(path(`${name}.pem`), cert);
    writeFileSync(path(`${name}.key`), key);
  }
  writeFileSync(path('ca.pem'), one.ca);
});
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
  authority.remove();
  foreign.remove();
});

let rig: ServerRig | null = null;
let port = 0;
afterEach(async () => {
  await rig?.stop();
  rig = null;
});

async function start(...args: string[]): Promise<void> {
  [port] = await freePorts(1) as [number];
  rig = await ServerRig.start('--tls-port', String(port), '--tls-cert-file', path('one.pem'), '--tls-key-file', path('one.key'), '--tls-ca-cert-file', path('ca.pem'), ...args);
}

/** A client over TLS; with `two`'s certificate unless told otherwise. */
async function connect(options: tls.ConnectionOptions = { cert: two.cert, key: two.key }): Promise<TestClient> {
  const socket = tls.connect({ port, host: '127.0.0.1', ca: one.ca, checkServerIdentity: () => undefined, ...options });
  await once(socket, 'secureConnect');
  return TestClient.on(socket);
}

/** Whether the client gets an answer. */
async function isServed(options?: tls.ConnectionOptions): Promise<boolean> {
  try {
    const client = await connect(options);
    const reply = await client.send('ping');
    client.close();
    return reply === '+PONG';
  } catch {
    return false;
  }
}

const NOTHING = {};
const STRANGER = { cert: stranger.cert, key: stranger.key };

test('commands, large values and pipelines go through; what is not TLS does not', async () => {
  await start();
  const client = await connect();
  const big = 'x'.repeat(3_000_000);
  expect(await client.send('set', 'big', big)).toBe('+OK');
  expect(await client.send('get', 'big')).toBe(big);
  const replies = await Promise.all(Array.from({ length: 2000 }, () => client.send('incr', 'n')));
  expect(replies[1999]).toBe(':2000');
  // One command in pieces of one byte.
  const reply = client.send('get', 'n');
  expect(await reply).toBe('2000');
  expect(await client.send('client', 'info')).toMatch(/addr=127\.0\.0\.1:\d+ laddr=127\.0\.0\.1:\d+ /);
  const plain = await TestClient.connect(port);
  await expect(plain.send('ping')).rejects.toThrow('closed');
  // Both sides notice an end.
  client.close();
  await expect.poll(() => rig!.server.connections.size).toBe(0);
});

test('beside a port without TLS', async () => {
  const [plainPort] = await freePorts(1);
  await start();
  await rig!.stop();
  rig = null;
  [port] = await freePorts(1) as [number];
  rig = await ServerRig.start('--port', String(plainPort), '--tls-port', String(port), '--tls-cert-file', path('one.pem'), '--tls-key-file', path('one.key'), '--tls-auth-clients', 'no');
  expect(await isServed(NOTHING)).toBe(true);
});

test('tls-auth-clients: who needs a certificate, also when that changes', async () => {
  await start('--tls-auth-clients', 'yes');
  const client = await connect();
  const served = async (): Promise<boolean[]> => [await isServed(), await isServed(NOTHING), await isServed(STRANGER)];
  expect(await served()).toEqual([true, false, false]);
  expect(await client.send('config', 'set', 'tls-auth-clients', 'optional')).toBe('+OK');
  expect(await served()).toEqual([true, true, false]);
  expect(await client.send('config', 'set', 'tls-auth-clients', 'no')).toBe('+OK');
  expect(await served()).toEqual([true, true, true]);
  expect(await client.send('ping')).toBe('+PONG');
});

test('certificates are replaced while it runs; what cannot be used changes nothing', async () => {
  await start();
  const client = await connect();
  const subject = async (): Promise<string> => {
    const other = await connect();
    const { CN } = (other.socket as tls.TLSSocket).getPeerCertificate().subject;
    other.close();
    return String(CN);
  };
  expect(await subject()).toBe('one');
  expect(await client.send('config', 'set', 'tls-cert-file', path('two.pem'), 'tls-key-file', path('two.key'))).toBe('+OK');
  expect(await subject()).toBe('two');
  const failed = "-ERR CONFIG SET failed (possibly related to argument 'tls-cert-file') - Unable to update TLS configuration. Check server logs.";
  for (const bad of [path('nosuch'), path('two.key'), path('one.pem')]) expect(await client.send('config', 'set', 'tls-cert-file', bad)).toBe(failed);
  expect(await client.send('config', 'get', 'tls-cert-file')).toContain(path('two.pem'));
  expect(await subject()).toBe('two');
  // The same names with other contents.
  writeFileSync(path('two.pem'), one.cert);
  writeFileSync(path('two.key'), one.key);
  expect(await client.send('config', 'set', 'tls-key-file', path('two.key'))).toBe('+OK');
  expect(await subject()).toBe('one');
  writeFileSync(path('two.pem'), two.cert);
  writeFileSync(path('two.key'), two.key);
  expect(await client.send('ping')).toBe('+PONG');
});

test('versions and ciphers', async () => {
  await start('--tls-protocols', 'TLSv1.2', '--tls-ciphers', 'ECDHE-ECDSA-AES128-GCM-SHA256');
  const client = await connect();
  const socket = client.socket as tls.TLSSocket;
  expect([socket.getProtocol(), socket.getCipher().name]).toEqual(['TLSv1.2', 'ECDHE-ECDSA-AES128-GCM-SHA256']);
  expect(await isServed({ cert: two.cert, key: two.key, minVersion: 'TLSv1.3' })).toBe(false);
  expect(await client.send('config', 'set', 'tls-protocols', 'TLSv1.3', 'tls-ciphersuites', 'TLS_CHACHA20_POLY1305_SHA256')).toBe('+OK');
  const newer = (await connect()).socket as tls.TLSSocket;
  expect([newer.getProtocol(), newer.getCipher().name]).toEqual(['TLSv1.3', 'TLS_CHACHA20_POLY1305_SHA256']);
  expect(await client.send('config', 'set', 'tls-protocols', 'SSLv3')).toMatch(/Unable to update TLS configuration/);
  for (const suites of ['nosuch', 'TLS_NO_SUCH', ':', 'ECDHE-ECDSA-AES128-GCM-SHA256']) {
    const refused = "-ERR CONFIG SET failed (possibly related to argument 'tls-ciphersuites') - Unable to update TLS configuration. Check server logs.";
    expect(await client.send('config', 'set', 'tls-ciphersuites', suites), suites).toBe(refused);
  }
  expect(await client.send('config', 'get', 'tls-ciphersuites')).toContain('TLS_CHACHA20_POLY1305_SHA256');
  expect(await client.send('config', 'set', 'tls-session-caching', 'no')).toBe('+OK');
});

test('a key with a password, and authorities in a directory', async () => {
  execFileSync('openssl', ['ec', '-in', path('one.key'), '-aes256', '-passout', 'pass:geheim', '-out', path('locked.key')], { stdio: 'pipe' });
  const authorities = mkdtempSync(path('cas-'));
  writeFileSync(join(authorities, 'a.pem'), one.ca);
  writeFileSync(join(authorities, 'b.crt'), stranger.ca);
  await start('--tls-key-file', path('locked.key'), '--tls-key-file-pass', 'geheim', '--tls-ca-cert-file', '', '--tls-ca-cert-dir', authorities);
  expect([await isServed(), await isServed(STRANGER), await isServed(NOTHING)]).toEqual([true, true, false]);
});

test.each([
  [['--tls-cert-file', ''], /tls-cert-file and tls-key-file must be given/],
  [['--tls-ca-cert-file', ''], /must be given where tls-auth-clients is not "no"/],
  [['--tls-key-file', '/nosuch'], /tls-key-file: \/nosuch cannot be read/],
  [['--tls-ciphersuites', 'nosuch'], /tls-ciphersuites: no cipher match/],
  [['--tls-protocols', 'x'], /Invalid tls-protocols specified/],
])('%s stops the start', async (args, text) => {
  await expect(start(...args)).rejects.toThrow(text);
});

test('ioredis, node-redis and redis-cli, with user and password', async () => {
  await start('--user', 'alice', 'on', '>secret', '+@all', '~app:*', '--requirepass', 'closed');
  const secured = { ca: one.ca, cert: two.cert, key: two.key, checkServerIdentity: (): undefined => undefined };
  const ioredis = new Redis({ host: '127.0.0.1', port, username: 'alice', password: 'secret', tls: secured });
  const nodeRedis = createClient({ username: 'alice', password: 'secret', socket: { host: '127.0.0.1', port, tls: true, ...secured } });
  try {
    expect(await ioredis.set('app:a', '1')).toBe('OK');
    await expect(ioredis.get('other')).rejects.toThrow('NOPERM No permissions to access a key');
    await nodeRedis.connect();
    expect(await nodeRedis.get('app:a')).toBe('1');
    await expect(nodeRedis.get('other')).rejects.toThrow('NOPERM No permissions to access a key');
  } finally {
    ioredis.disconnect();
    await nodeRedis.close();
  }
  if (spawnSync('redis-cli', ['--version']).error !== undefined) return;
  const cli = await new Promise<string>((resolve, reject) => {
    execFile(
      'redis-cli', ['-p', String(port), '--tls', '--cacert', path('ca.pem'), '--cert', path('two.pem'), '--key', path('two.key'), '--user', 'alice', '--pass', 'secret', '--no-auth-warning', 'get', 'app:a'],
      (error, stdout) => { if (error === null) resolve(stdout.trim()); else reject(error); },
    );
  });
  expect(cli).toBe('1');
});
