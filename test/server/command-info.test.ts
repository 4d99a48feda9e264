/** COMMAND and its subcommands, beside those of a real redis-server 7.0 where one is installed. */
import { once } from 'node:events';
import net from 'node:net';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docOf } from '../../src/server/commands/command-docs.ts';
import type { TestClient } from '../support/holdfast-process.ts';
import { RealRedis, redisServerMissing } from '../protocol/real-redis.ts';
import { freePorts } from '../support/free-ports.ts';
import { ServerRig, stringsOf } from './server-rig.ts';

let rig: ServerRig;
let client: TestClient;

beforeAll(async () => {
  rig = await ServerRig.start();
  client = await rig.connect();
});
afterAll(() => rig.stop());

/** What comes on a RESP3 connection for these inline commands, as it comes. */
async function modernReplies(...lines: string[]): Promise<string> {
  const socket = net.connect(rig.server.port, '127.0.0.1');
  socket.write(['hello 3', ...lines, 'ping', ''].join('\r\n'));
  let text = '';
  while (!text.endsWith('+PONG\r\n')) text += String((await once(socket, 'data'))[0]);
  socket.destroy();
  return text;
}

test('every command has its documentation, subcommands too', () => {
  // DEBUG is one command in Redis.
  const names = rig.server.engine.table.all.map((row) => row.name).filter((name) => !name.startsWith('debug|'));
  expect(names.filter((name) => docOf(name) === undefined)).toEqual([]);
});

test('DOCS shows what is asked for', async () => {
  const words = stringsOf(await client.send('command', 'docs', 'set', 'nosuch'));
  expect(words.slice(0, 9)).toEqual(['set', 'summary', "Sets a key's string, whatever its type was.", 'since', '1.0.0', 'group', 'string', 'complexity', 'O(1)']);
  expect(words).toContain('unix-time-milliseconds');
  expect(stringsOf(await client.send('command', 'docs', 'config|get'))[0]).toBe('config|get');
  const all = stringsOf(await client.send('command', 'docs'));
  for (const name of ['get', 'config|get', 'command|docs']) expect(all).toContain(name);
});

test('COUNT and LIST', async () => {
  const names = stringsOf(await client.send('command', 'list'));
  expect(names).toContain('config|get');
  expect(await client.send('command', 'count')).toBe(`:${names.filter((name) => !name.includes('|')).length}`);
  expect(new Set(stringsOf(await client.send('command', 'list', 'filterby', 'pattern', 'CONFIG*')))).toEqual(new Set(['config', 'config|get', 'config|set', 'config|resetstat', 'config|rewrite', 'config|help']));
  expect(stringsOf(await client.send('command', 'list', 'filterby', 'aclcat', 'hash'))).toContain('hset');
  expect(await client.send('command', 'list', 'filterby', 'module', 'x')).toBe('*0');
  expect(await client.send('command', 'list', 'filterby')).toBe('-ERR syntax error');
});

test('INFO of what is no command is null; tips, key specifications and no subcommands are sets, subcommands a list', async () => {
  expect(await client.send('command', 'info', 'nosuch')).toBe('*1\r\n$-1');
  const modern = await modernReplies('command info nosuch', 'command info randomkey', 'command info get', 'command info object');
  expect(modern).toContain('*1\r\n_\r\n');
  expect(modern).toMatch(/\r\n~\d\r\n\$\d+\r\nrequest_policy:all_shards\r\n[^~*]*~0\r\n~0\r\n/);
  expect(modern).toContain('\r\n~0\r\n~1\r\n%3\r\n$5\r\nflags\r\n~2\r\n+RO\r\n');
  expect(modern).toContain('\r\n~0\r\n~0\r\n*5\r\n*10\r\n');
});

test.each(['scan', 'randomkey'])('the tips of %s say that its replies are added up in a way of their own', async (name) => {
  expect(stringsOf(await client.send('command', 'info', name))).toContain('response_policy:special');
});

test.each([
  ['nosuch', ["-ERR unknown subcommand 'nosuch'. Try COMMAND HELP."]],
  ['getkeys get a', ['a']],
  ['getkeys mset a 1 b 2', ['a', 'b']],
  ['getkeys sinterstore d a b', ['d', 'a', 'b']],
  ['getkeysandflags set a 1', ['a', 'OW', 'update']],
  ['getkeysandflags set a 1 get', ['a', 'RW', 'access', 'update']],
  ['getkeysandflags sinterstore d a', ['d', 'OW', 'update', 'a', 'RO', 'access']],
  ['getkeys ping', ['-ERR The command has no key arguments']],
  ['getkeys nosuch x', ['-ERR Invalid command specified']],
  ['getkeys get a b', ['-ERR Invalid number of arguments specified for command']],
  ['getkeys spublish a b', ['-ERR The command has no key arguments']],
  ['getkeys ssubscribe a', ['-ERR The command has no key arguments']],
  ['getkeysandflags ssubscribe a', ['-ERR The command has no key arguments']],
  ['getkeysandflags migrate h 1 k 0 1', ['k', 'RW', 'access', 'delete']],
  ['getkeysandflags migrate h 1 "" 0 1 keys a b', ['a', 'RW', 'access', 'delete', 'b', 'RW', 'access', 'delete']],
  ['getkeys object foo a', ['-ERR Invalid command specified']],
  ['getkeys object', ['-ERR The command has no key arguments']],
  ['getkeys config get x', ['-ERR The command has no key arguments']],
])('COMMAND %s', async (line, words) => {
  expect(stringsOf(await client.line(`command ${line}`))).toEqual(words);
});

/** A key specification without Redis's remarks, which are prose. */
function withoutNotes(spec: unknown): unknown {
  const list = spec as unknown[];
  return list[0] === 'notes' ? list.slice(2) : list;
}

/** What differs from redis-server 7.0 on purpose, and why. */
const DIFFERENT: Readonly<Record<string, string>> = {
  'blpop flags': '7.2: may stand in scripts, where it does not wait',
  'brpop flags': '7.2: may stand in scripts, where it does not wait',
  'blmove flags': '7.2: may stand in scripts, where it does not wait',
  'brpoplpush flags': '7.2: may stand in scripts, where it does not wait',
  'blmpop flags': '7.2: may stand in scripts, where it does not wait',
  'bzpopmin flags': '7.2: may stand in scripts, where it does not wait',
  'bzpopmax flags': '7.2: may stand in scripts, where it does not wait',
  'bzmpop flags': '7.2: may stand in scripts, where it does not wait',
  'wait flags': '7.2: may stand in scripts, where it does not wait',
  'wait categories': 'follows from its flags',
  'acl|deluser tips': '7.2 has them',
  'acl|save tips': '7.2 has them',
  'acl|setuser tips': '7.2 has them',
  'client|setname tips': '7.2 has them',
  'config|resetstat tips': '7.2 has them',
  'config|rewrite tips': '7.2 has them',
  'latency|reset tips': '7.2: its replies are added up',
  'randomkey tips': '7.2: its replies need more than to be put together',
  'scan tips': 'as randomkey',
  'msetnx tips': '7.2: it cannot be split between shards',
  'command|getkeys arity': '7.2 takes a command without arguments',
  'command|getkeysandflags arity': '7.2 takes a command without arguments',
  'zrank arity': '7.2 takes WITHSCORE',
  'zrevrank arity': '7.2 takes WITHSCORE',
  'sinterstore keys': '7.2: the destination is only written',
  'cluster|info flags': 'Valkey 8.1: answered while loading',
  'cluster|myid flags': 'Valkey 8.1: answered while loading',
  'cluster|nodes flags': 'Valkey 8.1: answered while loading',
  'cluster|shards flags': '7.4: answered while loading',
  'cluster|slots flags': '7.4: answered while loading',
};

describe.skipIf(redisServerMissing)('beside redis-server', () => {
  test('COMMAND INFO is the same for every command that both have', async () => {
    const [port] = await freePorts(1);
    const real = await RealRedis.start('--port', String(port));
    const theirs = new Redis(port, '127.0.0.1');
    const ours = new Redis(rig.server.port, '127.0.0.1');
    try {
      const rows = async (redis: Redis): Promise<Map<string, unknown>> => {
        const out = new Map<string, unknown>();
        const add = (row: unknown[]): void => {
          const sorted = (value: unknown): unknown => (Array.isArray(value) ? [...value].sort() : value);
          out.set(row[0] as string, { arity: row[1], flags: sorted(row[2]), first: row[3], last: row[4], step: row[5], categories: sorted(row[6]), tips: sorted(row[7]), keys: (row[8] as unknown[]).map(withoutNotes) });
          for (const sub of row[9] as unknown[][]) add(sub);
        };
        for (const row of (await redis.call('COMMAND')) as unknown[][]) add(row);
        return out;
      };
      const [a, b] = [await rows(ours), await rows(theirs)];
      const differing: Record<string, unknown> = {};
      for (const [name, row] of a) {
        const other = b.get(name);
        if (other === undefined) continue;
        for (const [field, value] of Object.entries(row as object)) {
          const theirValue = (other as Record<string, unknown>)[field];
          if (`${name} ${field}` in DIFFERENT) continue;
          if (JSON.stringify(value) !== JSON.stringify(theirValue)) differing[`${name} ${field}`] = { ours: value, theirs: theirValue };
        }
      }
      expect(differing).toEqual({});
    } finally {
      ours.disconnect();
      theirs.disconnect();
      await real.stop();
    }
  });
});
