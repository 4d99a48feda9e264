/** A replica as a way to the primary, for clients that know nothing of members. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { TestClient } from '../support/holdfast-process.ts';
import { ShardProcesses } from '../support/shard-processes.ts';

let shard: ShardProcesses;
const clients: TestClient[] = [];
let replica: number;

async function connect(i = replica): Promise<TestClient> {
  const client = await shard.nodes[i]!.connect();
  clients.push(client);
  return client;
}

beforeAll(async () => {
  shard = await ShardProcesses.start(3);
});
// On a machine that is short of time leadership may have moved since the last test.
beforeEach(async () => {
  replica = ((await shard.primary()) + 1) % 3;
});
afterAll(async () => {
  for (const client of clients) client.close();
  await shard.remove();
});

test('writes and reads go to the primary, in order with what is answered here', async () => {
  const client = await connect();
  const replies = await Promise.all([
    client.send('SET', 'a', 1), client.send('PING'), client.send('INCR', 'a'), client.send('GET', 'a'), client.send('ECHO', 'x'), client.send('MGET', 'a', 'none'),
  ]);
  expect(replies).toEqual(['+OK', '+PONG', ':2', '2', 'x', '*2\r\n$1\r\n2\r\n$-1']);
});

test('the selected database goes along, and the replies of SELECT are the client\'s alone', async () => {
  const client = await connect();
  expect(await client.send('SELECT', 3)).toBe('+OK');
  expect(await client.send('SET', 'in-three', 'x')).toBe('+OK');
  expect(await client.send('SELECT', 0)).toBe('+OK');
  expect(await client.send('EXISTS', 'in-three')).toBe(':0');
});

test('transactions with WATCH work through it', async () => {
  const [one, other] = [await connect(), await connect()];
  expect(await one.send('SET', 'w', 1)).toBe('+OK');
  expect(await one.send('WATCH', 'w')).toBe('+OK');
  expect(await other.send('SET', 'w', 2)).toBe('+OK');
  expect(await one.send('MULTI')).toBe('+OK');
  expect(await one.send('PING')).toBe('+QUEUED');
  expect(await one.send('SET', 'w', 3)).toBe('+QUEUED');
  expect(await one.send('EXEC')).toBe('*-1');
  expect(await one.send('GET', 'w')).toBe('2');
});

test('blocking commands wait at the primary', async () => {
  const [popper, pusher] = [await connect(), await connect()];
  const popped = popper.send('BLPOP', 'queue', 0);
  const pinged = popper.send('PING');
  expect(await pusher.send('RPUSH', 'queue', 'job')).toBe(':1');
  expect(await popped).toBe('*2\r\n$5\r\nqueue\r\n$3\r\njob');
  expect(await pinged).toBe('+PONG');
});

test('inline commands and large values pass unchanged', async () => {
  const client = await connect();
  const value = 'v'.repeat(3_000_000);
  expect(await client.send('SET', 'large', value)).toBe('+OK');
  expect(await client.send('GET', 'large')).toBe(value);
  expect(await client.line('SET "in line" "a b"')).toBe('+OK');
  expect(await client.line('GET "in line"')).toBe('a b');
});

test('a client that can be redirected is told where the primary is', async () => {
  const client = await connect();
  expect(await client.send('CLIENT', 'CAPA', 'redirect')).toBe('+OK');
  const primary = await shard.primary();
  expect(await client.send('SET', 'a', 1)).toBe(`-REDIRECT 127.0.0.1:${shard.nodes[primary]!.port}`);
});

/** Resolves when node i has taken in what was sent to it before. */
async function hasRead(i: number): Promise<void> {
  const other = await connect(i);
  await other.send('PING');
  await other.send('PING');
}

test('an idle client outlives the death of the primary; one that waits for a reply is cut off', async () => {
  const [idle, waiting] = [await connect(), await connect()];
  expect(await idle.send('SET', 'before', 1)).toBe('+OK');
  const cut = waiting.send('BLPOP', 'never', 0).catch((error: Error) => error.message);
  const primary = await shard.primary();
  const observer = await connect(primary);
  while (!(await observer.send('INFO', 'clients')).includes('blocked_clients:1\r\n')) await observer.send('PING');
  await shard.nodes[primary]!.kill('SIGKILL');
  expect(await cut).toBe('the connection is closed');
  expect(await idle.send('GET', 'before')).toBe('1');
  await shard.restart(primary);
});

test('the next primary knows the scripts that clients have loaded at the one before, and through a replica', async () => {
  const client = await connect();
  const sha = await client.send('SCRIPT', 'LOAD', 'return redis.call("INCR", KEYS[1])');
  expect(await client.send('EVAL', 'return ARGV[1]', 0, 'x')).toBe('x');
  const before = await shard.primary();
  const onFirst = await connect(before);
  const loaded = await onFirst.send('SCRIPT', 'LOAD', 'return 7');
  const others = [0, 1, 2].filter((i) => i !== before);
  for (const next of others) {
    const at = await connect(await shard.primary());
    expect(await onFirst.send('EVALSHA', loaded, 0)).toBe(':7');
    await at.send('FAILOVER', 'TO', '127.0.0.1', shard.nodes[next]!.port);
    while ((await shard.primary()) !== next) await at.send('PING');
    expect(await client.send('MULTI')).toBe('+OK');
    await client.send('EVALSHA', sha, 1, 'n');
    await client.send('EVALSHA', '098e0f0d1448c0a81dafe820f66d460eb09263da', 0, 'y');
    const another = await connect();
    expect(await another.send('EVALSHA', sha, 1, 'n')).toMatch(/^:\d$/);
    expect(await client.send('EXEC')).toMatch(/^\*2\r\n:\d\r\n\$1\r\ny$/);
  }
  expect(await onFirst.send('EVALSHA', loaded, 0)).toBe(':7');
  expect(await client.send('SCRIPT', 'FLUSH')).toBe('+OK');
  expect(await client.send('EVALSHA', sha, 1, 'n')).toMatch(/^-NOSCRIPT/);
});

test('what EVAL has brought may be evicted by the next primary too, what SCRIPT LOAD has brought may not', async () => {
  const client = await connect();
  const count = async (name: string): Promise<number> => {
    const info = await (await connect(await shard.primary())).send('INFO', 'everything');
    return Number(new RegExp(`${name}:(\\d+)`).exec(info)![1]);
  };
  expect(await client.send('SCRIPT', 'FLUSH')).toBe('+OK');
  const loaded = await client.send('SCRIPT', 'LOAD', 'return "loaded"');
  for (let i = 0; i < 520; i++) await client.send('EVAL', `return ${i}`, 0);
  const before = await shard.primary();
  const next = [0, 1, 2].find((i) => i !== before && i !== replica)!;
  const atNext = await connect(next);
  expect(await (await connect(before)).send('FAILOVER', 'TO', '127.0.0.1', shard.nodes[next]!.port)).toBe('+OK');
  while ((await shard.primary()) !== next) await atNext.send('PING');
  expect(await client.send('EVALSHA', loaded, 0)).toBe('loaded');
  const evicted = await count('evicted_scripts');
  const cached = await count('number_of_cached_scripts');
  for (let i = 0; i < 500; i++) await client.send('EVAL', `return "new ${i}"`, 0);
  expect([await count('evicted_scripts') - evicted, await count('number_of_cached_scripts') - cached]).toEqual([500, 0]);
  // What the client loads itself, behind those, is kept.
  const own = await client.send('SCRIPT', 'LOAD', 'return "own"');
  for (let i = 0; i < 500; i++) await client.send('EVAL', `return ${i}`, 0);
  expect([await client.send('EVALSHA', loaded, 0), await client.send('EVALSHA', own, 0)]).toEqual(['loaded', 'own']);
});

test('reads that the primary took to its grave are asked of the next one; a write among them is in doubt', async () => {
  const [reader, writer, watcher] = [await connect(), await connect(), await connect()];
  for (const client of [reader, writer]) expect(await client.send('SET', 'kept', 'yes')).toBe('+OK');
  expect(await watcher.send('WATCH', 'kept')).toBe('+OK');
  const primary = await shard.primary();
  expect(await (await connect(primary)).send('CLIENT', 'PAUSE', 600_000, 'ALL')).toBe('+OK');
  const read = [reader.send('GET', 'kept'), reader.send('STRLEN', 'kept')];
  reader.socket.write('*2\r\n$4\r\nPI');
  const doubtful = [writer.send('GET', 'kept'), writer.send('SET', 'kept', 'no'), writer.send('GET', 'kept')];
  const watched = watcher.send('GET', 'kept');
  const cut = Promise.allSettled([...doubtful, watched]);
  await hasRead(replica);
  await shard.nodes[primary]!.kill('SIGKILL');
  expect((await cut).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'rejected']);
  expect(await Promise.all(read)).toEqual(['yes', ':3']);
  // The half of a command that came behind them is still the half of one.
  const ping = reader.nextReply();
  reader.socket.write('NG\r\n$2\r\nhi\r\n');
  expect(await ping).toBe('hi');
  await shard.restart(primary);
});
