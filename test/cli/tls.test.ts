/** The command line tools over TLS, and an import whose source is spoken to by TLS. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Authority } from '../replication/peers/certificates.ts';
import { HoldfastProcess, TestClient } from '../support/holdfast-process.ts';
import { RedisProcess, redisServerMissing } from '../support/redis-process.ts';
import { freePorts } from '../support/free-ports.ts';
import { TlsFiles } from '../support/tls-files.ts';

const EXECUTABLE = fileURLToPath(new URL('../../bin/holdfast.js', import.meta.url));

let files: TlsFiles;
/** --cacert, --cert and --key. */
let trusted: string[];
const closers: (() => Promise<unknown> | void)[] = [];

beforeAll(() => {
  files = new TlsFiles();
  trusted = ['--cacert', files.path('ca.pem'), '--cert', files.path('client.pem'), '--key', files.path('client.key')];
});
afterAll(() => files.remove());
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function run(...args: string[]): Promise<{ code: number; text: string }> {
  const child = spawn(EXECUTABLE, args, { env: { ...process.env, REDISCLI_AUTH: '' } });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => { text += bytes.toString(); });
  const [code] = (await once(child, 'close')) as [number];
  return { code, text };
}

async function node(...args: string[]): Promise<{ node: HoldfastProcess; tlsPort: number }> {
  const [port, tlsPort] = await freePorts(2) as [number, number];
  const started = await HoldfastProcess.start('--port', String(port), ...files.serverArgs(tlsPort), ...args);
  closers.push(() => started.remove());
  return { node: started, tlsPort };
}

test('status and the others, with a user and a password', async () => {
  const { tlsPort } = await node('--tls-auth-clients', 'yes', '--user', 'alice', 'on', '>secret', '+@all', '~*', '&*', '--requirepass', 'closed');
  const tool = (...args: string[]): ReturnType<typeof run> => run(...args, '--port', String(tlsPort));
  const alice = ['--tls', ...trusted, '--user', 'alice', '-a', 'secret'];
  expect(await tool('status', ...alice)).toMatchObject({ code: 0, text: expect.stringContaining('leader') as string });
  expect((await tool('failover', ...alice)).code).toBe(1);
  expect(await tool('status', '--tls', ...trusted)).toMatchObject({ code: 1, text: expect.stringContaining('NOAUTH') as string });
  // Whom nobody known has signed is not told the password.
  expect(await tool('status', ...alice.filter((word) => word !== '--cacert' && word !== files.path('ca.pem')))).toMatchObject({ code: 1, text: expect.stringMatching(/^holdfast: TLS with 127\.0\.0\.1:\d+ failed: .*self-signed/) as string });
  expect((await tool('status', '--insecure', ...alice.filter((word) => word !== '--cacert' && word !== files.path('ca.pem')))).code).toBe(0);
  expect((await tool('status', '--tls', '--cacert', files.path('ca.pem'), '--user', 'alice', '-a', 'secret')).code).toBe(1);
  expect(await tool('status', '--tls', '--cert', files.path('client.pem'))).toEqual({ code: 1, text: 'holdfast: --cert and --key go together\n' });
  expect(await tool('status', '--tls', '--cacert', '/nosuch')).toMatchObject({ code: 1, text: expect.stringContaining('--cacert: /nosuch cannot be read') as string });
});

test('--sni is the name that is asked for', async () => {
  const server = tls.createServer({ cert: readFileSync(files.path('server.pem')), key: readFileSync(files.path('server.key')) }).listen(0, '127.0.0.1');
  closers.push(() => { server.close(); });
  await once(server, 'listening');
  const asked = new Promise<string | false | null>((resolve) => {
    server.on('secureConnection', (socket) => {
      socket.end();
      resolve(socket.servername as string | false | null);
    });
  });
  const { code } = await run('status', '--port', String((server.address() as AddressInfo).port), '--tls', '--cacert', files.path('ca.pem'), '--sni', 'holdfast.example');
  expect([await asked, code]).toEqual(['holdfast.example', 1]);
});

describe.skipIf(redisServerMissing)('holdfast import rediss://', () => {
  let redis: RedisProcess;
  let redisPort: number;
  beforeAll(async () => {
    [redisPort] = await freePorts(1) as [number];
    redis = await RedisProcess.start(...files.serverArgs(redisPort), '--tls-auth-clients', 'yes', '--requirepass', 'secret', '--enable-debug-command', 'yes', '--repl-diskless-sync-delay', '0');
    const client = await TestClient.connect(redis.port);
    await client.send('AUTH', 'secret');
    for (let i = 0; i < 100; i++) await client.send('SET', `key:${i}`, i);
    client.close();
  });
  afterAll(() => redis.stop());

  const source = (): string => `rediss://:secret@127.0.0.1:${redisPort}`;

  test('both sides by TLS: compares and cuts over', async () => {
    const { node: target, tlsPort } = await node('--tls-client-cert-file', files.path('client.pem'), '--tls-client-key-file', files.path('client.key'));
    const { code, text } = await run('import', source(), '--tls', '--to', `localhost:${tlsPort}`, ...trusted, '--pause', '20');
    expect(text).toMatch(/Digest of the source: ([0-9a-f]{40})\nDigest of the node: {3}\1\nThe node takes writes/);
    expect(code).toBe(0);
    const client = await target.connect();
    expect(await client.send('GET', 'key:7')).toBe('7');
    expect(await client.send('CONFIG', 'GET', 'tls-replication')).toContain('yes');
    client.close();
  });

  test('a node that cannot, or must not, trust the source says so', async () => {
    const plain = await HoldfastProcess.start();
    closers.push(() => plain.remove());
    expect(await run('import', source(), '--to', `127.0.0.1:${plain.port}`, ...trusted)).toMatchObject({ code: 1, text: expect.stringContaining('the node cannot speak TLS with the source: set its tls-ca-cert-file') as string });
    const client = await plain.connect();
    closers.push(() => client.close());
    expect(await client.send('CONFIG', 'GET', 'tls-replication')).toContain('no');
    const foreign = new Authority();
    writeFileSync(files.path('foreign.pem'), foreign.issue('stranger').ca);
    foreign.remove();
    expect(await client.send('CONFIG', 'SET', 'tls-ca-cert-file', files.path('foreign.pem'))).toBe('+OK');
    expect(await run('import', source(), '--to', `127.0.0.1:${plain.port}`, ...trusted)).toMatchObject({ code: 1, text: expect.stringContaining("the source's certificate is refused") as string });
    expect(await client.send('DBSIZE')).toBe(':0');
  });
});
