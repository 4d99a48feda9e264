/** CLIENT, HELLO, AUTH, RESET and what else concerns a connection; replies as redis-server gives them. */
import { once } from 'node:events';
import net from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { TestClient } from '../support/holdfast-process.ts';
import { ServerRig, stringsOf } from './server-rig.ts';

let rig: ServerRig;
afterEach(() => rig.stop());

async function begin(...args: string[]): Promise<TestClient> {
  rig = await ServerRig.start(...args);
  return rig.connect();
}

describe('what is wrong is said as Redis says it', () => {
  test.each([
    ['client kill 1', 'ERR No such client'],
    ['client kill id x', 'ERR client-id should be greater than 0'],
    ['client kill id 0', 'ERR client-id should be greater than 0'],
    ['client kill type x', "ERR Unknown client type 'x'"],
    ['client kill foo bar', 'ERR syntax error'],
    ['client kill user bob', "ERR No such user 'bob'"],
    ['client kill skipme maybe', 'ERR syntax error'],
    ['client list id x', 'ERR Invalid client ID'],
    ['client list id 1 x', 'ERR syntax error'],
    ['client kill maxage x', 'ERR maxage is not an integer or out of range'],
    ['client kill maxage 0', 'ERR maxage should be greater than 0'],
    ['client list type x', "ERR Unknown client type 'x'"],
    ['client list foo', 'ERR syntax error'],
    ['client pause 9223372036854775807', 'ERR timeout is out of range'],
    ['client pause 9223372036854775808', 'ERR timeout is not an integer or out of range'],
    ['client pause x', 'ERR timeout is not an integer or out of range'],
    ['client pause -1', 'ERR timeout is negative'],
    ['client pause 1 foo', 'ERR CLIENT PAUSE mode must be WRITE or ALL'],
    ['client no-evict x', 'ERR syntax error'],
    ['client reply x', 'ERR syntax error'],
    ['client unblock 1 foo', 'ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR'],
    ['client unblock x', 'ERR value is not an integer or out of range'],
    ['client setinfo foo x', "ERR Unrecognized option 'foo'"],
    ['hello 4', 'NOPROTO unsupported protocol version'],
    ['hello x', 'ERR Protocol version is not an integer or out of range'],
    ['hello 3 foo', "ERR Syntax error in HELLO option 'foo'"],
    ['hello 3 auth a', "ERR Syntax error in HELLO option 'auth'"],
    ['hello 3 setname', "ERR Syntax error in HELLO option 'setname'"],
    ['hello 3 auth bob x', 'WRONGPASS invalid username-password pair or user is disabled.'],
    ['auth x', 'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?'],
    ['auth bob x', 'WRONGPASS invalid username-password pair or user is disabled.'],
    ['auth a b c', 'ERR syntax error'],
    ['wait x 0', 'ERR value is not an integer or out of range'],
    ['wait 0 x', 'ERR timeout is not an integer or out of range'],
    ['wait 0 -1', 'ERR timeout is negative'],
  ])('%s', async (line, error) => {
    const client = await begin();
    expect(await client.send(...line.split(' '))).toBe(`-${error}`);
  });
});

test('names and library facts show in CLIENT LIST and INFO, whose fields are those of Redis 7.4 and Valkey 8.1', async () => {
  const client = await begin();
  expect(await client.send('client', 'getname')).toBe('$-1');
  expect(await client.send('client', 'setname', 'a b')).toBe('-ERR Client names cannot contain spaces, newlines or special characters.');
  await client.send('client', 'setname', 'me');
  await client.send('client', 'setinfo', 'lib-name', 'lib');
  await client.send('client', 'setinfo', 'LIB-VER', '1.2');
  expect(await client.send('client', 'setinfo', 'Lib-Ver', 'a b')).toBe('-ERR Lib-Ver cannot contain spaces, newlines or special characters.');
  expect(await client.send('client', 'setinfo', 'lib-name', 'a b')).toBe('-ERR lib-name cannot contain spaces, newlines or special characters.');
  const line = await client.send('client', 'list');
  expect(line).toMatch(/^id=\d+ addr=127\.0\.0\.1:\d+ laddr=127\.0\.0\.1:\d+ fd=\d+ name=me age=\d+ idle=\d+ flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 watch=0 qbuf=26 qbuf-free=\d+ argv-mem=10 multi-mem=0 rbs=\d+ rbp=\d+ obl=0 oll=0 omem=0 tot-mem=\d+ events=r cmd=client\|list user=default redir=-1 resp=2 lib-name=lib lib-ver=1\.2 tot-net-in=\d+ tot-net-out=\d+ tot-cmds=8\n$/);
  await client.send('multi');
  await client.send('ping');
  const other = await rig.connect();
  expect(await other.send('client', 'list', 'id', '1')).toMatch(/ flags=x .* multi=1 /);
  expect(await other.send('client', 'info')).toMatch(/^id=2 .* cmd=client\|info /);
  expect((await other.send('client', 'list', 'type', 'normal')).match(/\n/g)?.length).toBe(2);
  expect(await other.send('client', 'list', 'type', 'pubsub')).toBe('');
});

test('LIST by ids and filters that must all hold; its flags and types', async () => {
  const client = await begin();
  const [listener, reader] = [await rig.connect(), await rig.connect()];
  listener.socket.removeAllListeners('data');
  listener.socket.write('subscribe c\r\n');
  await once(listener.socket, 'data');
  await reader.send('watch', 'a', 'b');
  const ids = async (...filter: string[]): Promise<string[]> => ((await client.send('client', 'list', ...filter)).match(/^id=\d+/gm) ?? []);
  expect(await ids('id', '1', '3', '99')).toEqual(['id=1', 'id=3']);
  expect(await ids('id', '1', '3', 'skipme', 'yes')).toEqual(['id=3']);
  expect(await ids('id', '0')).toEqual([]);
  expect(await ids('id', '-5', '3')).toEqual(['id=3']);
  expect(await ids('type', 'pubsub')).toEqual(['id=2']);
  expect(await ids('type', 'normal')).toEqual(['id=1', 'id=3']);
  expect(await ids('type', 'normal', 'id', '2')).toEqual([]);
  expect(await ids('maxage', '1000')).toEqual([]);
  expect(await ids('user', 'default', 'addr', '1.2.3.4:5')).toEqual([]);
  expect(await client.send('client', 'list', 'id', '2')).toMatch(/ flags=P .* sub=1 /);
  expect(await client.send('client', 'list', 'id', '3')).toMatch(/ watch=2 /);
  expect(await client.send('client', 'kill', 'id', '2', '3')).toBe(':2');
});

test('KILL by address, id and filters that must all hold', async () => {
  const client = await begin();
  const [a, b, c] = [await rig.connect(), await rig.connect(), await rig.connect()];
  const addressOf = async (other: TestClient): Promise<string> => / addr=(\S+)/.exec(await other.send('client', 'info'))![1]!;
  const closed = (other: TestClient): Promise<unknown> => new Promise((resolve) => { other.socket.once('close', resolve); });
  const goneA = closed(a);
  expect(await client.send('client', 'kill', await addressOf(a))).toBe('+OK');
  await goneA;
  expect(await client.send('client', 'kill', 'id', '3', 'addr', '1.2.3.4:5')).toBe(':0');
  const goneB = closed(b);
  expect(await client.send('client', 'kill', 'id', '3', 'user', 'default')).toBe(':1');
  await goneB;
  const goneC = closed(c);
  expect(await client.send('client', 'kill', 'type', 'normal')).toBe(':1');
  await goneC;
  const gone = closed(client);
  expect(await client.send('client', 'kill', 'type', 'normal', 'skipme', 'no')).toBe(':1');
  await gone;
});

describe('PAUSE', () => {
  test('WRITE holds writes and EXEC of writes, not reads; UNPAUSE lets them run in order', async () => {
    const client = await begin();
    const [writer, exec] = [await rig.connect(), await rig.connect()];
    await exec.send('multi');
    await exec.send('set', 'e', '1');
    expect(await client.send('client', 'pause', '100000', 'write')).toBe('+OK');
    const replies = [writer.send('get', 'k'), writer.send('set', 'k', '1'), writer.send('get', 'k')];
    const execReply = exec.send('exec');
    expect(await replies[0]).toBe('$-1');
    expect(await client.send('get', 'k')).toBe('$-1');
    expect(await client.send('get', 'e')).toBe('$-1');
    expect(await client.send('info', 'clients')).toContain('blocked_clients:2');
    expect([writer.outstanding, exec.outstanding]).toEqual([2, 1]);
    expect(await client.send('client', 'unpause')).toBe('+OK');
    expect(await Promise.all(replies)).toEqual(['$-1', '+OK', '1']);
    expect(await execReply).toBe('*1\r\n+OK');
  });

  test('a postponed inline command keeps its quotes', async () => {
    const client = await begin();
    const writer = net.connect(rig.server.port, '127.0.0.1');
    await client.send('client', 'pause', '100000', 'write');
    writer.write('set k "a b"\r\n');
    while (!(await client.send('info', 'clients')).includes('blocked_clients:1'));
    await client.send('client', 'unpause');
    expect(String((await once(writer, 'data'))[0])).toBe('+OK\r\n');
    expect(await client.send('get', 'k')).toBe('a b');
    writer.destroy();
  });

  test('WRITE does not hold scripts and functions that say that they do not write', async () => {
    const client = await begin();
    const other = await rig.connect();
    const reads = '#!lua flags=no-writes\nreturn 7';
    expect(await client.send('function', 'load', "#!lua name=l\nredis.register_function{function_name='reads', callback=function() return 8 end, flags={'no-writes'}}\n"
      + "redis.register_function('writes', function() return 9 end)")).toBe('l');
    const sha = await client.send('script', 'load', '#!lua flags=no-writes\nreturn 10');
    await client.send('client', 'pause', '100000', 'write');
    expect(await other.send('eval', reads, '0')).toBe(':7');
    expect(await other.send('evalsha', sha.toUpperCase(), '0')).toBe(':10');
    expect(await other.send('fcall', 'reads', '0')).toBe(':8');
    for (const line of [['multi'], ['eval', reads, '0'], ['fcall', 'reads', '0']]) await other.send(...line);
    expect(await other.send('exec')).toBe('*2\r\n:7\r\n:8');
    const writers = await Promise.all([rig.connect(), rig.connect(), rig.connect()]);
    const replies = [writers[0].send('eval', 'return 1', '0'), writers[1].send('eval', '#!lua\nreturn 2', '0'), writers[2].send('fcall', 'writes', '0')];
    while (!(await client.send('info', 'clients')).includes('blocked_clients:3'));
    await client.send('client', 'unpause');
    expect(await Promise.all(replies)).toEqual([':1', ':2', ':9']);
  });

  test('nothing expires meanwhile; what has expired is hidden', async () => {
    const client = await begin();
    await client.send('hset', 'h', 'f', '1', 'g', '2');
    for (const line of ['multi', 'set a 1 px 1', 'set b 1 px 1', 'hpexpire h 1 fields 1 f', 'client pause 100000 write', 'exec']) await client.send(...line.split(' '));
    while ((await client.send('get', 'a')) !== '$-1');
    expect(await client.send('hget', 'h', 'f')).toBe('$-1');
    expect(await client.send('dbsize')).toBe(':3');
    expect(await client.send('info', 'stats')).toMatch(/expired_keys:0\r\n/);
    expect(await client.send('client', 'unpause')).toBe('+OK');
    expect(await client.send('get', 'a')).toBe('$-1');
    expect(await client.send('exists', 'b')).toBe(':0');
    expect(await client.send('dbsize')).toBe(':1');
    expect(await client.send('hlen', 'h')).toBe(':1');
    expect(await client.send('info', 'stats')).toMatch(/expired_keys:2\r\n/);
  });

  test('ALL holds everything until its time is over; a later, shorter pause does not end it', async () => {
    const client = await begin();
    const other = await rig.connect();
    const begunMs = Date.now();
    await client.send('client', 'pause', '60');
    expect(await other.send('ping')).toBe('+PONG');
    expect(Date.now() - begunMs).toBeGreaterThanOrEqual(59);
  });

  test('a client that leaves while it waits leaves nothing behind', async () => {
    const client = await begin();
    const writer = await rig.connect();
    await client.send('client', 'pause', '100000', 'write');
    writer.send('set', 'k', '1').catch(() => undefined);
    while (!(await client.send('info', 'clients')).includes('blocked_clients:1'));
    writer.close();
    while (!(await client.send('info', 'clients')).includes('blocked_clients:0'));
    await client.send('client', 'unpause');
    expect(await client.send('get', 'k')).toBe('$-1');
  });
});

test('REPLY OFF and SKIP', async () => {
  const client = await begin();
  client.socket.write('CLIENT REPLY SKIP\r\nSET a 1\r\n');
  expect(await client.send('get', 'a')).toBe('1');
  client.socket.write('CLIENT REPLY SKIP\r\nCLIENT REPLY SKIP\r\nGET a\r\n');
  expect(await client.send('echo', 'b')).toBe('b');
  client.socket.write('CLIENT REPLY OFF\r\nSET a 2\r\nGET a\r\n');
  expect(await client.send('client', 'reply', 'on')).toBe('+OK');
  expect(await client.send('get', 'a')).toBe('2');
});

test('REPLY OFF and SKIP hold for the replies of those who were blocked', async () => {
  const client = await begin();
  const other = await rig.connect();
  const blocked = async (): Promise<void> => {
    while (!(await other.send('info', 'clients')).includes('blocked_clients:1'));
  };
  client.socket.write('CLIENT REPLY SKIP\r\nBLPOP x 0\r\n');
  await blocked();
  await other.send('rpush', 'x', 'a');
  expect(await client.send('echo', '1')).toBe('1');
  client.socket.write('CLIENT REPLY SKIP\r\nWAIT 5 20\r\n');
  expect(await client.send('echo', '2')).toBe('2');
  client.socket.write('CLIENT REPLY OFF\r\nBLPOP y 0.02\r\nBLPOP x 0\r\n');
  await blocked();
  await other.send('rpush', 'x', 'a');
  expect(await client.send('client', 'reply', 'on')).toBe('+OK');
  client.socket.write('CLIENT REPLY OFF\r\nBLPOP x 0.02\r\n');
  expect(await client.send('client', 'reply', 'on')).toBe('+OK');
});

test('TIME stands still within a transaction and a script, and goes on between them', async () => {
  const client = await begin('--enable-debug-command', 'yes');
  const inScript = "local a = redis.call('TIME') redis.call('DEBUG', 'SLEEP', '0.01') local b = redis.call('TIME') return {a[1] .. '.' .. a[2], b[1] .. '.' .. b[2]}";
  expect(await client.send('debug', 'set-disable-deny-scripts', '1')).toBe('+OK');
  const [before, ...script] = [await client.send('time'), ...stringsOf(await client.send('eval', inScript, '0'))];
  expect(script[0]).toBe(script[1]);
  await client.send('multi');
  for (const command of ['time', 'debug sleep 0.01', 'time']) await client.send(...command.split(' '));
  const [from, fromUs, to, toUs] = stringsOf(await client.send('exec')).filter((text) => /^\d+$/.test(text));
  expect([from, fromUs]).toEqual([to, toUs]);
  const [s, us] = stringsOf(before).map(Number);
  expect(Number(script[0])).toBeGreaterThan(s! + us! / 1e6);
});

test('HELLO answers a map, sets the name and authenticates', async () => {
  const client = await begin('--requirepass', 'secret');
  expect(await client.send('get', 'a')).toBe('-NOAUTH Authentication required.');
  expect(await client.send('hello', '2')).toMatch(/^-NOAUTH HELLO must be called with the client already authenticated/);
  expect(await client.send('auth', 'wrong')).toBe('-WRONGPASS invalid username-password pair or user is disabled.');
  expect(stringsOf(await client.send('hello', '2', 'auth', 'default', 'secret', 'setname', 'x'))).toEqual(
    ['server', 'redis', 'version', '7.2.0', 'proto', '2', 'id', '1', 'mode', 'standalone', 'role', 'master', 'modules'],
  );
  expect(await client.send('client', 'getname')).toBe('x');
  expect(await client.send('reset')).toBe('+RESET');
  expect(await client.send('client', 'getname')).toBe('-NOAUTH Authentication required.');
  expect(await client.send('auth', 'secret')).toBe('+OK');
  expect((await client.send('info', 'stats')).match(/acl_access_denied_auth:(\d+)/)![1]).toBe('1');
  await client.send('config', 'set', 'requirepass', '');
  expect(await (await rig.connect()).send('ping')).toBe('+PONG');
});

test('writes are refused while fewer replicas are near than min-replicas-to-write, in transactions and scripts too', async () => {
  const client = await begin();
  const TOO_FEW = '-NOREPLICAS Not enough good replicas to write.';
  const inTransaction = async (...commands: readonly string[][]): Promise<unknown> => {
    await client.send('multi');
    const queued = [];
    for (const words of commands) queued.push(await client.send(...words));
    return [...queued, await client.send('exec')];
  };
  expect(await client.send('info', 'replication')).not.toContain('min_slaves_good_slaves');
  await client.send('multi');
  await client.send('set', 'a', '0');
  const other = await rig.connect();
  await other.send('config', 'set', 'min-replicas-to-write', '1');
  expect(await client.send('exec')).toBe(`-EXECABORT Transaction discarded because of: ${TOO_FEW.slice(1)}`);
  expect(await client.send('set', 'a', '1')).toBe(TOO_FEW);
  expect(await client.send('get', 'a')).toBe('$-1');
  expect(await client.send('eval', "return redis.call('set', 'a', '1')", '1', 'a')).toMatch(/^-NOREPLICAS Not enough good replicas to write\. script: /);
  expect(await client.send('eval', '#!lua\nreturn 1', '0')).toBe(TOO_FEW);
  expect(await client.send('eval', '#!lua flags=no-writes\nreturn 1', '0')).toBe(':1');
  expect(await inTransaction(['set', 'a', '1'])).toEqual([TOO_FEW, '-EXECABORT Transaction discarded because of previous errors.']);
  expect(await inTransaction(['get', 'a'])).toEqual(['+QUEUED', '*1\r\n$-1']);
  expect(await inTransaction(['eval', "return redis.pcall('set', 'a', '1')", '1', 'a'])).toEqual(['+QUEUED', `*1\r\n${TOO_FEW}`]);
  expect(await client.send('info', 'replication')).toContain('min_slaves_good_slaves:0');
  expect(await client.send('config', 'set', 'min-slaves-max-lag', '0')).toBe('+OK');
  expect(await client.send('set', 'a', '1')).toBe('+OK');
});

test('WAITAOF tells of this disk as long as appendonly says so', async () => {
  const client = await begin();
  expect(stringsOf(await client.send('waitaof', '1', '0', '0'))).toEqual(['1', '0']);
  await client.send('config', 'set', 'appendonly', 'no');
  expect(await client.send('waitaof', '1', '0', '0')).toBe('-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.');
  expect(stringsOf(await client.send('waitaof', '0', '0', '0'))).toEqual(['0', '0']);
  expect(stringsOf(await client.send('eval', "return redis.call('waitaof', '0', '1', '0')", '0'))).toEqual(['0', '0']);
});

test('DEBUG RELOAD merges what was saved into itself, and never loads other data', async () => {
  const client = await begin('--enable-debug-command', 'yes');
  expect(await client.send('debug', 'reload', 'noflush')).toBe('+OK');
  await client.send('set', 'a', '1');
  const digest = await client.send('debug', 'digest');
  expect(await client.send('debug', 'reload', 'noflush')).toBe('-ERR Error trying to load the RDB dump, check server logs.');
  expect(await client.send('debug', 'reload', 'noflush', 'merge')).toBe('+OK');
  expect(await client.send('debug', 'reload', 'merge')).toBe('+OK');
  expect(await client.send('debug', 'reload', 'nosave')).toMatch(/^-ERR DEBUG RELOAD NOSAVE is not possible/);
  expect(await client.send('debug', 'reload', 'foo')).toBe('-ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.');
  expect(await client.send('debug', 'digest')).toBe(digest);
});

test('small things', async () => {
  const client = await begin();
  expect(await client.send('ping', 'a b')).toBe('a b');
  expect(await client.send('echo', '')).toBe('');
  expect(await client.send('client', 'getredir')).toBe(':-1');
  expect(stringsOf(await client.send('client', 'trackinginfo'))).toEqual(['flags', 'off', 'redirect', '-1', 'prefixes']);
  expect(stringsOf(await client.send('role'))).toEqual(['master', '0']);
  expect(await client.send('lolwut')).toContain('Redis ver. 7.2.0');
  expect(await client.send('lolwut', 'version', '5', '40', '20')).toContain('Redis ver. 7.2.0');
  expect(await client.send('lolwut', 'version', 'x')).toBe('-ERR value is not an integer or out of range');
  expect(await client.send('wait', '0', '0')).toBe(':0');
  expect(await client.send('wait', '2', '100')).toBe(':0');
  expect(stringsOf(await client.send('time'))).toHaveLength(2);
  expect(await client.send('client', 'unblock', '99')).toBe(':0');
});

test.each([
  ['save nosave', 'syntax error'], ['abort now', 'syntax error'], ['abort nosave', 'syntax error'], ['later', 'syntax error'],
  ['abort', 'No shutdown in progress.'],
])('SHUTDOWN %s is refused, and the server goes on', async (options, error) => {
  const client = await begin();
  expect(await client.send('shutdown', ...options.split(' '))).toBe(`-ERR ${error}`);
  expect(await client.send('ping')).toBe('+PONG');
});

test('a renamed command answers to its new name only, and a hidden one to none', async () => {
  const client = await begin('--rename-command', 'SET', 'put', '--rename-command', 'hdel', '');
  expect(await client.send('put', 'a', '1')).toBe('+OK');
  expect(await client.send('set', 'a', '1')).toMatch(/^-ERR unknown command 'set'/);
  expect(await client.send('hdel', 'a', 'f')).toMatch(/^-ERR unknown command 'hdel'/);
  await expect(ServerRig.start('--rename-command', 'nosuch', 'x')).rejects.toThrow("there is no command 'nosuch'");
  await expect(ServerRig.start('--rename-command', 'get', 'echo')).rejects.toThrow("there is a command 'echo' already");
});
