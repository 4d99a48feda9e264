/** redis-cli and redis-benchmark as processes, as operators use them. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { HoldfastProcess, type TestClient } from '../support/holdfast-process.ts';

const missing = (tool: string): boolean => spawnSync(tool, ['--version']).error !== undefined;

let server: HoldfastProcess;
let client: TestClient;

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a tool to its end, with `input` on its standard input. */
async function run(tool: string, args: string[], input = ''): Promise<Outcome> {
  const child = spawn(tool, ['-p', String(server.port), ...args]);
  let out = '';
  let err = '';
  child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString('latin1')));
  child.stderr.on('data', (bytes: Buffer) => (err += bytes.toString('latin1')));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input, 'latin1');
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

const cli = (args: string[], input?: string): Promise<Outcome> => run('redis-cli', args, input);

beforeAll(async () => {
  server = await HoldfastProcess.start();
  client = await server.connect();
});
afterAll(async () => {
  client.close();
  await server.remove();
});
beforeEach(() => client.send('FLUSHALL'));

describe.skipIf(missing('redis-cli'))('redis-cli', () => {
  test('runs one command; an error is told and is the exit code of -e', async () => {
    expect(await cli(['SET', 'key', 'value'])).toMatchObject({ code: 0, out: 'OK\n' });
    expect(await cli(['GET', 'key'])).toMatchObject({ code: 0, out: 'value\n' });
    const refused = await cli(['-e', 'LPUSH', 'key', 'x']);
    expect(refused.code).toBe(1);
    expect(refused.out + refused.err).toContain('WRONGTYPE Operation against a key holding the wrong kind of value');
  });

  test('reads commands from standard input, with transactions and databases', async () => {
    const { code, out } = await cli([], 'SET a 1\nMULTI\nINCR a\nGET a\nEXEC\nSELECT 2\nGET a\nNOSUCH\n');
    expect(code).toBe(0);
    expect(out.split('\n').filter((line) => line !== '')).toEqual([
      'OK', 'OK', 'QUEUED', 'QUEUED', '2', '2', 'OK', "ERR unknown command 'NOSUCH', with args beginning with: ",
    ]);
  });

  test('speaks RESP3 with -3', async () => {
    await client.send('HSET', 'h', 'f', 'v');
    const { out } = await cli(['-3', '--no-raw', 'HGETALL', 'h']);
    expect(out).toBe('1# "f" => "v"\n');
  });

  test('--scan lists all keys, and those of a pattern', async () => {
    for (let i = 0; i < 50; i++) void client.send('SET', `user:${i}`, i);
    await client.send('SET', 'other', 1);
    const all = await cli(['--scan']);
    expect(all.out.trim().split('\n')).toHaveLength(51);
    const users = await cli(['--scan', '--pattern', 'user:*']);
    expect(new Set(users.out.trim().split('\n'))).toEqual(new Set(Array.from({ length: 50 }, (_, i) => `user:${i}`)));
  });

  test('--bigkeys finds the biggest of each type', async () => {
    await client.send('SET', 'small', 'x');
    await client.send('SET', 'large', 'x'.repeat(500));
    await client.send('RPUSH', 'list', 'a', 'b', 'c');
    await client.send('HSET', 'hash', 'a', '1', 'b', '2');
    await client.send('SADD', 'set', 'a');
    await client.send('ZADD', 'zset', '1', 'a');
    const { code, out } = await cli(['--bigkeys']);
    expect(code).toBe(0);
    expect(out).toMatch(/Biggest string found ['"]+large['"]+ has 500 bytes/);
    expect(out).toMatch(/Biggest\s+list found ['"]+list['"]+ has 3 items/);
    expect(out).toMatch(/Biggest\s+hash found ['"]+hash['"]+ has 2 fields/);
    expect(out).toMatch(/Sampled 6 keys in the keyspace/);
  });

  test('--memkeys finds the key that takes most', async () => {
    await client.send('SET', 'large', 'x'.repeat(500));
    expect(await cli(['--memkeys'])).toMatchObject({ code: 0, out: expect.stringMatching(/Biggest string found ['"]+large['"]+ has \d+ bytes/) as string });
  });

  test('--pipe loads commands in bulk and counts errors', async () => {
    const commands = Array.from({ length: 3000 }, (_, i) => `*3\r\n$3\r\nSET\r\n$${`p:${i}`.length}\r\np:${i}\r\n$1\r\nx\r\n`).join('');
    const good = await cli(['--pipe'], commands);
    expect(good.out).toContain('errors: 0, replies: 3000');
    expect(await client.send('DBSIZE')).toBe(':3000');
    const bad = await cli(['--pipe'], '*2\r\n$4\r\nINCR\r\n$3\r\np:1\r\n');
    expect(bad.out + bad.err).toContain('errors: 1, replies: 1');
  });

  test('--stat shows keys, memory, clients and requests', async () => {
    await client.send('SET', 'key', 'x');
    const child = spawn('redis-cli', ['-p', String(server.port), '--stat', '-i', '0.05']);
    let out = '';
    // The header is two lines; the third is the first of figures.
    for await (const bytes of child.stdout) {
      out += String(bytes);
      if (out.split('\n').length > 3) break;
    }
    child.kill('SIGKILL');
    expect(out.split('\n')[2]).toMatch(/^1 +\d+(\.\d+)?[BKMG] +\d+ +\d+ +\d+ \(\+\d+\) +\d+/);
  });

  test.skipIf(missing('script'))('interactive: prompts that follow database and transaction, replies, help', async () => {
    const terminal = spawn('script', ['-qec', `exec redis-cli -p ${server.port}`, '/dev/null'], { env: { ...process.env, TERM: 'dumb', HOME: server.dir } });
    let seen = '';
    let check: () => void = () => undefined;
    terminal.stdout.on('data', (bytes: Buffer) => {
      seen += bytes.toString('latin1');
      check();
    });
    /** Resolves with what was shown up to and with `until`. */
    const shown = async (until: string): Promise<string> => {
      while (!seen.includes(until)) await new Promise<void>((resolve) => { check = resolve; });
      const at = seen.indexOf(until) + until.length;
      const out = seen.slice(0, at);
      seen = seen.slice(at);
      return out;
    };
    const prompt = `127.0.0.1:${server.port}`;
    await shown(`${prompt}> `);
    /** Types a line and returns what is shown up to the next prompt. */
    const type = async (line: string, next = '> '): Promise<string> => {
      terminal.stdin.write(`${line}\n`);
      await shown(`${line}\r\n`);
      return shown(`${prompt}${next}`);
    };
    expect(await type('SET key "a b"')).toContain('OK');
    expect(await type('GET key')).toContain('"a b"');
    expect(await type('SELECT 3', '[3]> ')).toContain('OK');
    expect(await type('MULTI', '[3](TX)> ')).toContain('OK');
    expect(await type('INCR n', '[3](TX)> ')).toContain('QUEUED');
    expect(await type('EXEC', '[3]> ')).toContain('(integer) 1');
    expect(await type('LPUSH n x', '[3]> ')).toContain('(error) WRONGTYPE Operation against a key');
    expect(await type('HELP SISMEMBER', '[3]> ')).toMatch(/SISMEMBER.*key member/);
    terminal.stdin.write('exit\n');
    const [code] = (await once(terminal, 'close')) as [number | null];
    expect(code).toBe(0);
  });

  test('--rdb is refused in words, and leaves no file', async () => {
    const file = join(server.dir, 'copy.rdb');
    const { code, out, err } = await cli(['--rdb', file]);
    expect(code).toBe(1);
    expect(out + err).toMatch(/SYNC with master failed: -ERR .+/);
    expect(existsSync(file)).toBe(false);
  });
});

describe.skipIf(missing('redis-benchmark'))('redis-benchmark', () => {
  test('SET and GET', async () => {
    const { code, out, err } = await run('redis-benchmark', ['-t', 'set,get', '-n', '1000', '-q']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/SET: [\d.]+ requests per second/);
    expect(out).toMatch(/GET: [\d.]+ requests per second/);
  });

  test('all tests that it has by default', async () => {
    const { code, out, err } = await run('redis-benchmark', ['-n', '500', '-q', '-P', '8']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    for (const name of ['PING_INLINE', 'PING_MBULK', 'SET', 'GET', 'INCR', 'LPUSH', 'RPOP', 'SADD', 'HSET', 'SPOP', 'ZADD', 'ZPOPMIN', 'LRANGE_600', 'MSET']) {
      expect(out).toMatch(new RegExp(`${name}[^\\n]*: [\\d.]+ requests per second`));
    }
  });
});
