/** Limits on clients: how many, how long idle, how much input, how much output that they do not read. */
import { once } from 'node:events';
import net from 'node:net';
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import v8 from 'node:v8';
import vm from 'node:vm';
import { afterEach, describe, expect, test } from 'vitest';
import type { TestClient } from '../support/holdfast-process.ts';
import { ServerRig } from './server-rig.ts';

const MIB = 1024 * 1024;

let rig: ServerRig;
const sockets: net.Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await rig.stop();
});

/** A connection that reads nothing until it is told to. */
async function raw(): Promise<net.Socket> {
  const socket = net.connect(rig.server.port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

async function textUntilClose(socket: net.Socket): Promise<string> {
  let text = '';
  socket.on('data', (bytes: Buffer) => { text += bytes.toString('latin1'); });
  await new Promise((resolve) => { socket.once('close', resolve); });
  return text;
}

async function stat(client: TestClient, section: string, name: string): Promise<number> {
  return Number(new RegExp(`${name}:(\\S+)`).exec(await client.send('info', section))![1]);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!await condition());
}

test('one client too many is told so and closed; when one leaves there is room again', async () => {
  rig = await ServerRig.start('--maxclients', '2');
  const [a, b] = [await rig.connect(), await rig.connect()];
  expect(await textUntilClose(await raw())).toBe('-ERR max number of clients reached\r\n');
  expect(await stat(a, 'stats', 'rejected_connections')).toBe(1);
  b.close();
  await until(async () => (await stat(a, 'clients', 'connected_clients')) === 1);
  expect(await (await rig.connect()).send('ping')).toBe('+PONG');
});

test('a client with much to do does not have the others wait: its commands run over many turns', async () => {
  rig = await ServerRig.start();
  const [other, busy] = [await rig.connect(), await raw()];
  await other.send('rpush', 'list', ...Array.from({ length: 2000 }, (_, i) => String(i)));
  const replyBytes = 2_000_000;
  let received = 0;
  const whole = new Promise<void>((resolve) => {
    busy.on('data', (bytes: Buffer) => {
      received += bytes.length;
      if (received > replyBytes) resolve();
    });
  });
  // Some 40 kB, read at once, and a second's work: a reply of 10 kB each.
  const began = once(busy, 'data');
  busy.write('lrange list 0 -1\r\n'.repeat(2200));
  await began;
  expect(await other.send('ping')).toBe('+PONG');
  expect(received).toBeLessThan(replyBytes);
  await whole;
});

test('an idle client is closed, a blocked one is not', async () => {
  rig = await ServerRig.start('--timeout', '1');
  const [idle, blocked, busy] = [await raw(), await rig.connect(), await rig.connect()];
  const reply = blocked.send('blpop', 'list', '0');
  const closed = textUntilClose(idle);
  const talk = setInterval(() => { busy.send('ping').catch(() => undefined); }, 200);
  const begunMs = Date.now();
  expect(await closed).toBe('');
  clearInterval(talk);
  expect(Date.now() - begunMs).toBeGreaterThan(900);
  await busy.send('rpush', 'list', 'x');
  expect(await reply).toContain('x');
});

test('input that is no complete command is bounded', async () => {
  rig = await ServerRig.start('--client-query-buffer-limit', '1mb');
  const client = await rig.connect();
  const socket = await raw();
  const closed = textUntilClose(socket);
  socket.write(`*2\r\n$3\r\nGET\r\n$${4 * MIB}\r\n`);
  socket.write('x'.repeat(2 * MIB));
  expect(await closed).toBe('');
  expect(await stat(client, 'stats', 'client_query_buffer_limit_disconnections')).toBe(1);
});

test('a client that goes on sending behind its protocol error is cut off', async () => {
  rig = await ServerRig.start();
  const socket = net.connect({ port: rig.server.port, host: '127.0.0.1', allowHalfOpen: true });
  sockets.push(socket);
  const cutOff = new Promise((resolve) => { socket.once('error', resolve); });
  socket.write('*1\r\n!bad\r\n');
  socket.resume();
  await once(socket, 'end');
  const goOn = (): void => { socket.write('payload', (error) => { if (!error) setImmediate(goOn); }); };
  goOn();
  expect(await cutOff).toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE/) as string });
});

test('an argument larger than proto-max-bulk-len is a protocol error, at once after CONFIG SET', async () => {
  rig = await ServerRig.start();
  const client = await rig.connect();
  await client.send('config', 'set', 'proto-max-bulk-len', '1mb');
  const socket = await raw();
  socket.write(`*2\r\n$3\r\nGET\r\n$${MIB + 1}\r\n`);
  expect(await textUntilClose(socket)).toBe('-ERR Protocol error: invalid bulk length\r\n');
  expect(await client.send('config', 'set', 'proto-max-bulk-len', '4gb')).toMatch(/must be between 1048576 and 2147483647 inclusive$/);
  expect(await client.send('config', 'set', 'client-query-buffer-limit', '4gb')).toMatch(/must be between 1048576 and 2147483647 inclusive$/);
});

describe('output that a client does not read', () => {
  const get = '*2\r\n$3\r\nGET\r\n$1\r\nk\r\n';

  test('is cut off at the hard limit, in the middle of one pipeline, and its memory is given back', async () => {
    rig = await ServerRig.start('--client-output-buffer-limit', 'normal', '16mb', '0', '0');
    const client = await rig.connect();
    await client.send('set', 'k', 'x'.repeat(MIB));
    v8.setFlagsFromString('--expose-gc');
    const collect = vm.runInNewContext('gc') as () => void;
    collect();
    const before = process.memoryUsage().arrayBuffers;
    const slow = await raw();
    // A hundred replies of a megabyte, asked for in one piece.
    slow.write(get.repeat(100));
    await until(async () => (await stat(client, 'stats', 'client_output_buffer_limit_disconnections')) === 1);
    expect(await stat(client, 'memory', 'mem_clients_normal')).toBeLessThan(MIB);
    expect(await stat(client, 'clients', 'connected_clients')).toBe(1);
    const [, calls] = /cmdstat_get:calls=(\d+)/.exec(await client.send('info', 'commandstats'))!;
    expect(Number(calls)).toBeLessThan(60);
    // The system lets go of what was being sent when the socket's end has been dealt with, and V8 counts what it frees behind that.
    await until(() => {
      collect();
      return Promise.resolve(process.memoryUsage().arrayBuffers - before < 8 * MIB);
    });
  });

  test.each([
    ['sadd', 'srandmember'], ['hset', 'hrandfield', 'v'], ['zadd', 'zrandmember', '1'],
  ])('of one command ends it at the hard limit: %s, %s without end', async (write, choose, ...value) => {
    rig = await ServerRig.start('--client-output-buffer-limit', 'normal', '4mb', '0', '0');
    const client = await rig.connect();
    await client.send(write, 'k', ...(write === 'zadd' ? [...value, 'm'] : ['m', ...value]));
    await client.send('set', 's', 'x'.repeat(100_000));
    const greedy = `${choose} k -999999999\r\n`;
    for (const sent of [greedy, `multi\r\nset n 1\r\nget s\r\n${greedy}get s\r\nexec\r\n`]) {
      const socket = await raw();
      socket.write(sent);
      expect(await textUntilClose(socket)).not.toMatch(/^[*$~]/m);
    }
    expect(await stat(client, 'stats', 'client_output_buffer_limit_disconnections')).toBe(2);
    // What was done is done, and others' replies are their own.
    expect([await client.send('get', 'n'), (await client.send('get', 's')).length]).toEqual(['1', 100_000]);
  });

  test('of one command is none beyond the hard limit, though the socket would take it', async () => {
    rig = await ServerRig.start('--client-output-buffer-limit', 'normal', '100000', '0', '0', 'pubsub', '100000', '0', '0');
    const client = await rig.connect();
    await client.send('set', 'k', 'x'.repeat(99_000));
    expect((await client.send('get', 'k')).length).toBe(99_000);
    await client.send('append', 'k', 'y'.repeat(1000));
    const [reader, listener] = [await raw(), await raw()];
    reader.write('get k\r\n');
    expect(await textUntilClose(reader)).toBe('');
    listener.write('subscribe c\r\n');
    await once(listener, 'data');
    await client.send('publish', 'c', 'x'.repeat(100_000));
    expect(await textUntilClose(listener)).toBe('');
  });

  test('stays below the hard limit for a client that reads', async () => {
    rig = await ServerRig.start('--client-output-buffer-limit', 'normal', '16mb', '0', '0');
    const client = await rig.connect();
    await client.send('set', 'k', 'x'.repeat(MIB));
    let replies = 0;
    for (let i = 0; i < 50; i++) if ((await client.send('get', 'k')).length === MIB) replies++;
    expect(replies).toBe(50);
    expect(await stat(client, 'stats', 'client_output_buffer_limit_disconnections')).toBe(0);
  });

  test('is cut off when it exceeds the soft limit for too long, though nothing more is written', async () => {
    rig = await ServerRig.start('--client-output-buffer-limit', 'normal', '0', '4mb', '1');
    const client = await rig.connect();
    await client.send('set', 'k', 'x'.repeat(MIB));
    const [slow, late] = [await raw(), await raw()];
    slow.write(get.repeat(32));
    late.write(get.repeat(32));
    await until(async () => (await stat(client, 'clients', 'client_recent_max_output_buffer')) > 4 * MIB);
    // This one begins to read in time.
    let read = 0;
    late.on('data', (bytes: Buffer) => { read += bytes.length; });
    await until(async () => (await stat(client, 'stats', 'client_output_buffer_limit_disconnections')) === 1);
    expect(await stat(client, 'clients', 'connected_clients')).toBe(2);
    expect(read).toBe(32 * (MIB + '$1048576\r\n\r\n'.length));
  });
});

test('a unix socket has the permissions asked for, also where an old one lies about', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-socket-'));
  try {
    const path = join(dir, 's');
    // What a killed server leaves: a socket nobody listens to.
    const old = net.createServer().listen(path);
    await once(old, 'listening');
    chmodSync(path, 0o600);
    rig = await ServerRig.start('--unixsocket', path, '--unixsocketperm', '770');
    expect(statSync(path).mode & 0o777).toBe(0o770);
    const socket = net.connect(path);
    socket.write('PING\r\n');
    expect(String((await once(socket, 'data'))[0])).toBe('+PONG\r\n');
    socket.destroy();
    old.close();
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('what no record of the log can hold is refused, alone and as a transaction', async () => {
  rig = await ServerRig.start();
  const client = await rig.connect();
  const refused = '-ERR what a command or a transaction writes may not be larger than 58720256 bytes';
  await client.send('set', 'k', 'old');
  expect(await client.send('set', 'k', 'x'.repeat(57 * MIB))).toBe(refused);
  const half = 'x'.repeat(29 * MIB);
  await client.send('multi');
  for (const key of ['a', 'b']) expect(await client.send('set', key, half)).toBe('+QUEUED');
  expect(await client.send('exec')).toBe(`-EXECABORT Transaction discarded because of: ${refused.slice(1)}`);
  expect(await client.send('exists', 'a', 'b')).toBe(':0');
  expect(await client.send('get', 'k')).toBe('old');
  expect(await client.send('mset', 'a', half)).toBe('+OK');
});

test('a script is stopped before it has written more than a record of the log can hold', async () => {
  rig = await ServerRig.start();
  const client = await rig.connect();
  const script = "for i = 1, 70 do redis.call('set', 'k' .. i, ARGV[1]) end";
  expect(await client.send('eval', script, '0', 'x'.repeat(MIB))).toMatch(/^-ERR what a command or a transaction writes may not be larger than 58720256 bytes script: /);
  // What it had written stays, as with any error.
  expect(await client.send('dbsize')).toBe(':55');
  expect(await client.send('eval', script.replace('70', '40'), '0', 'x'.repeat(MIB))).toBe('$-1');
});

test.each([
  ['SORT', ['sadd', 'set'], 'scard', ['sort', 'set', 'alpha', 'store', 'out']],
  ['SPOP', ['sadd', 'set'], 'scard', ['spop', 'set', '59']],
  ['GEOSEARCHSTORE', ['geoadd', 'set', '1', '1'], 'zcard', ['geosearchstore', 'out', 'set', 'fromlonlat', '0', '0', 'byradius', '1000', 'km']],
])('%s is refused where the log cannot take what it would write, and has changed nothing', async (_name, add, count, request) => {
  rig = await ServerRig.start();
  const client = await rig.connect();
  const big = 'x'.repeat(MIB);
  await client.send('set', 'out', 'before');
  for (let i = 0; i < 60; i++) {
    await client.send(...add, `${i}${big}`);
  }
  expect(await client.send(...request)).toBe('-ERR what a command or a transaction writes may not be larger than 58720256 bytes');
  expect(await client.send(count, 'set')).toBe(':60');
  expect(await client.send('get', 'out')).toBe('before');
  // The same with little, and all of a set at once, which is logged as a deletion.
  const smaller = request.map((word) => (word === 'set' ? 'few' : word === '59' ? '2' : word));
  for (const member of ['1', '2', '3']) await client.send(...add.map((word) => (word === 'set' ? 'few' : word)), member);
  expect(await client.send(...smaller)).not.toMatch(/^-/);
  if (request[0] === 'spop') expect(await client.send('eval', "return #redis.call('spop', 'set', 60)", '0')).toBe(':60');
});
