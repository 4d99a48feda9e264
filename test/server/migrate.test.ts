/** MIGRATE: between two Holdfasts, to and from redis-server, and when things go wrong on the way. */
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TestClient } from '../support/holdfast-process.ts';
import { RedisProcess, redisServerMissing } from '../support/redis-process.ts';
import { ScriptedLog } from '../support/scripted-log.ts';
import { ServerRig } from './server-rig.ts';

let log: ScriptedLog;
let source: ServerRig;
let target: ServerRig;
let here: TestClient;
let there: TestClient;

async function begin(commits: 'at once' | 'held', ...targetArgs: string[]): Promise<void> {
  log = new ScriptedLog(commits);
  source = await ServerRig.on(log);
  target = await ServerRig.start(...targetArgs);
  here = await source.connect();
  there = await target.connect();
}
beforeEach(() => begin('at once'));
afterEach(async () => {
  await source.stop();
  await target.stop();
});

async function again(commits: 'at once' | 'held', ...targetArgs: string[]): Promise<void> {
  await source.stop();
  await target.stop();
  await begin(commits, ...targetArgs);
}

const migrate = (port: number, ...rest: string[]): Promise<string> => here.send('MIGRATE', '127.0.0.1', String(port), ...rest);

/** A target of the test's own: says what it is told to. */
async function fakeTarget(answer: (socket: net.Socket, text: string) => void): Promise<{ port: number; server: net.Server }> {
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => answer(socket, bytes.toString('latin1')));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as net.AddressInfo).port, server };
}

describe('between two Holdfasts', () => {
  test('a key is there afterwards, with its time to live, and gone here', async () => {
    await here.send('SET', 'k', 'v', 'EX', '100');
    expect(await migrate(target.server.port, 'k', '0', '1000')).toBe('+OK');
    expect(await here.send('EXISTS', 'k')).toBe(':0');
    expect(await there.send('GET', 'k')).toBe('v');
    expect(Number((await there.send('TTL', 'k')).slice(1))).toBeGreaterThan(90);
    expect(Buffer.from(log.blocks.at(-1)!).toString('latin1')).toContain('DEL');
  });

  test('several keys of any type, to another database; those that are not there are passed over', async () => {
    await here.send('RPUSH', 'l', 'a', 'b');
    await here.send('HSET', 'h', 'f', '1');
    await here.send('HEXPIRE', 'h', '100', 'FIELDS', '1', 'f');
    await here.send('ZADD', 'z\r\n\x00', '1.5', 'm');
    expect(await migrate(target.server.port, '', '3', '1000', 'KEYS', 'l', 'none', 'h', 'z\r\n\x00')).toBe('+OK');
    expect(await here.send('DBSIZE')).toBe(':0');
    await there.send('SELECT', '3');
    expect(await there.send('LRANGE', 'l', '0', '-1')).toBe('*2\r\n$1\r\na\r\n$1\r\nb');
    expect(await there.send('HTTL', 'h', 'FIELDS', '1', 'f')).toMatch(/^\*1\r\n:(?:9\d|100)$/);
    expect(await there.send('ZSCORE', 'z\r\n\x00', 'm')).toBe('1.5');
  });

  test('COPY keeps the key here, REPLACE overwrites it there, and without it there is an error', async () => {
    await here.send('SET', 'k', 'new');
    await there.send('SET', 'k', 'old');
    expect(await migrate(target.server.port, 'k', '0', '1000')).toBe('-ERR Target instance replied with error: BUSYKEY Target key name already exists.');
    expect(await here.send('GET', 'k')).toBe('new');
    expect(await migrate(target.server.port, 'k', '0', '1000', 'COPY', 'REPLACE')).toBe('+OK');
    expect(await here.send('GET', 'k')).toBe('new');
    expect(await there.send('GET', 'k')).toBe('new');
  });

  test('of several keys those that were taken are gone here, and the others stay', async () => {
    await here.send('MSET', 'a', '1', 'b', '2', 'c', '3');
    await there.send('SET', 'b', 'mine');
    expect(await migrate(target.server.port, '', '0', '1000', 'KEYS', 'a', 'b', 'c')).toMatch(/^-ERR Target instance replied with error: BUSYKEY/);
    expect(await here.send('MGET', 'a', 'b', 'c')).toBe('*3\r\n$-1\r\n$1\r\n2\r\n$-1');
    expect(await there.send('MGET', 'a', 'b', 'c')).toBe('*3\r\n$1\r\n1\r\n$4\r\nmine\r\n$1\r\n3');
  });

  test('a password, right, wrong and missing', async () => {
    await again('at once', '--requirepass', 'secret');
    await there.send('AUTH', 'secret');
    await here.send('SET', 'k', 'v');
    expect(await migrate(target.server.port, 'k', '0', '1000')).toMatch(/^-ERR Target instance replied with error: NOAUTH/);
    expect(await migrate(target.server.port, 'k', '0', '1000', 'AUTH', 'wrong')).toMatch(/^-ERR Target instance replied with error: WRONGPASS/);
    expect(await here.send('EXISTS', 'k')).toBe(':1');
    expect(await migrate(target.server.port, 'k', '0', '1000', 'AUTH2', 'default', 'secret')).toBe('+OK');
    await here.send('SET', 'j', 'v');
    expect(await migrate(target.server.port, 'j', '0', '1000', 'AUTH', 'secret')).toBe('+OK');
    expect(await there.send('MGET', 'j', 'k')).toBe('*2\r\n$1\r\nv\r\n$1\r\nv');
  });

  test('a database that is not there', async () => {
    await here.send('SET', 'k', 'v');
    expect(await migrate(target.server.port, 'k', '99', '1000')).toBe('-ERR Target instance replied with error: ERR DB index is out of range');
    expect(await here.send('EXISTS', 'k')).toBe(':1');
  });
});

describe('what is refused', () => {
  test('with Redis’s words', async () => {
    expect(await migrate(1, 'none', '0', '1000')).toBe('+NOKEY');
    await here.send('SET', 'k', 'v');
    expect(await migrate(1, 'k', '0', 'x')).toBe('-ERR value is not an integer or out of range');
    expect(await migrate(1, 'k', '0', '10', 'KEYS', 'k')).toBe('-ERR When using MIGRATE KEYS option, the key argument must be set to the empty string');
    expect(await migrate(1, 'k', '0', '10', 'AUTH')).toBe('-ERR syntax error');
    expect(await migrate(1, 'k', '0', '10', 'NOSUCH')).toBe('-ERR syntax error');
    expect(await migrate(1, 'k', '0', '1000')).toBe('-IOERR error or timeout connecting to the client');
    await here.send('MULTI');
    await migrate(1, 'k', '0', '1000');
    expect(await here.send('EXEC')).toContain('-ERR MIGRATE waits for another server');
    expect(await here.send('COMMAND', 'GETKEYS', 'MIGRATE', 'h', '1', '', '0', '10', 'AUTH', 'keys', 'KEYS', 'a', 'b')).toBe('*2\r\n$1\r\na\r\n$1\r\nb');
  });
});

describe('when things go wrong', () => {
  test('a target that says nothing: the key stays, and nobody waits for ever', async () => {
    const { port, server } = await fakeTarget(() => undefined);
    await here.send('SET', 'k', 'v');
    expect(await migrate(port, 'k', '0', '50')).toBe('-IOERR error or timeout reading to target instance');
    expect(await here.send('GET', 'k')).toBe('v');
    server.close();
  });

  test('a target that dies between two keys: what it confirmed is gone here, the rest stays', async () => {
    const { port, server } = await fakeTarget((socket) => socket.end('+OK\r\n+OK\r\n'));
    await here.send('MSET', 'a', '1', 'b', '2');
    expect(await migrate(port, '', '0', '1000', 'KEYS', 'a', 'b')).toBe('-IOERR error or timeout reading to target instance');
    expect(await here.send('MGET', 'a', 'b')).toBe('*2\r\n$-1\r\n$1\r\n2');
    server.close();
  });

  test('who writes meanwhile waits, who reads does not, and no write is lost', async () => {
    await here.send('SET', 'k', 'v');
    let answer: () => void = () => undefined;
    let asked: () => void = () => undefined;
    const sent = new Promise<void>((resolve) => { asked = resolve; });
    const { port, server } = await fakeTarget((socket) => {
      answer = (): void => { socket.write('+OK\r\n+OK\r\n'); };
      asked();
    });
    const migrated = migrate(port, 'k', '0', '5000');
    await sent;
    const [writer, reader] = [await source.connect(), await source.connect()];
    const written = writer.send('APPEND', 'k', 'x');
    for (let n = 0; n < 3; n++) expect(await reader.send('GET', 'k')).toBe('v');
    answer();
    expect(await migrated).toBe('+OK');
    // The key was gone when it was written to.
    expect(await written).toBe(':1');
    expect(await here.send('GET', 'k')).toBe('x');
    server.close();
  });

  test('a node that lost its lease on the way deletes nothing', async () => {
    await here.send('SET', 'k', 'v');
    const { port, server } = await fakeTarget((socket) => {
      Object.assign(log, { leaseValid: false });
      socket.write('+OK\r\n+OK\r\n');
    });
    expect(await migrate(port, 'k', '0', '5000')).toBe('-IOERR this node is no longer the primary: the keys may be at both instances');
    Object.assign(log, { leaseValid: true });
    expect(await here.send('GET', 'k')).toBe('v');
    server.close();
  });

  test('what is not committed is not sent, and the reply waits for the deletion', async () => {
    await again('held');
    const written = here.send('SET', 'k', 'v');
    await log.appended(1);
    const migrated = migrate(target.server.port, 'k', '0', '1000');
    const witness = await source.connect();
    for (let n = 0; n < 3; n++) await witness.send('PING');
    expect(target.server.connections.size).toBe(1);
    log.commit();
    expect(await written).toBe('+OK');
    await log.appended(2);
    expect(await there.send('GET', 'k')).toBe('v');
    let came = false;
    void migrated.then(() => { came = true; });
    for (let n = 0; n < 3; n++) await witness.send('PING');
    expect(came).toBe(false);
    log.commit();
    expect(await migrated).toBe('+OK');
  });
});

describe.skipIf(redisServerMissing)('with redis-server', () => {
  test('there and back again', async () => {
    const redis = await RedisProcess.start();
    const middle = await TestClient.connect(redis.port);
    await here.send('SET', 's', 'text');
    await here.send('RPUSH', 'l', ...Array.from({ length: 500 }, (_, i) => `element ${i}`));
    await here.send('XADD', 'x', '1-1', 'a', 'b');
    await here.send('PFADD', 'p', 'a', 'b');
    const digest = await here.send('DEBUG', 'DIGEST-VALUE', 's', 'l', 'x', 'p');
    expect(await migrate(redis.port, '', '5', '2000', 'KEYS', 's', 'l', 'x', 'p')).toBe('+OK');
    expect(await here.send('DBSIZE')).toBe(':0');
    await middle.send('SELECT', '5');
    expect(await middle.send('LLEN', 'l')).toBe(':500');
    expect(await middle.send('MIGRATE', '127.0.0.1', String(source.server.port), '', '0', '2000', 'KEYS', 's', 'l', 'x', 'p')).toBe('+OK');
    expect(await middle.send('DBSIZE')).toBe(':0');
    expect(await here.send('DEBUG', 'DIGEST-VALUE', 's', 'l', 'x', 'p')).toBe(digest);
    expect(await here.send('XRANGE', 'x', '-', '+')).toContain('1-1');
    middle.close();
    await redis.stop();
  });
});
