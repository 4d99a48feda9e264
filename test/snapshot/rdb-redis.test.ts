/** RDB files and DUMP payloads between Holdfast's engine and a real redis-server, in both directions. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LoadState, RdbLoader } from '../../src/engine/rdb/rdb-loader.ts';
import { RdbSaver } from '../../src/engine/rdb/rdb-saver.ts';
import { RespStatus, type RespValue, toPlain } from '../../src/protocol/resp-reader.ts';
import { RdbWriter } from '../../src/shared/rdb/rdb-writer.ts';
import { EngineRig } from '../engine/engine-rig.ts';
import { type KeyContents, contents } from '../engine/keyspace-contents.ts';
import { randomData } from '../engine/random-data.ts';
import { RealRedis, redisServerMissing } from '../protocol/real-redis.ts';
import { SeededRandom } from '../protocol/seeded-random.ts';

const DATABASES = [0, 2];

/** Limits so small that collections which are otherwise packed are large ones. */
const LARGE_FORMS = ['hash', 'zset'].flatMap((type) => [`--${type}-max-listpack-entries`, '3']).concat('--set-max-intset-entries', '3');

async function ask(redis: RealRedis, db: number, commands: string[][]): Promise<unknown[]> {
  if (commands.length === 0) return [];
  const replies = await redis.run([['SELECT', String(db)], ...commands]);
  return replies.slice(1).map((reply: RespValue) => (reply instanceof RespStatus ? reply.text : toPlain(reply)));
}

const READ: Record<string, (key: string) => string[]> = {
  string: (key) => ['GET', key],
  list: (key) => ['LRANGE', key, '0', '-1'],
  set: (key) => ['SMEMBERS', key],
  hash: (key) => ['HGETALL', key],
  zset: (key) => ['ZRANGE', key, '0', '-1', 'WITHSCORES'],
  stream: (key) => ['XINFO', 'STREAM', key, 'FULL', 'COUNT', '0'],
};

function pairs(flat: string[]): string[][] {
  return Array.from({ length: flat.length / 2 }, (_, i) => flat.slice(2 * i, 2 * i + 2));
}

function mapOf(flat: unknown[]): Record<string, unknown> {
  return Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]])) as Record<string, unknown>;
}

/** XINFO STREAM … FULL in the form of `contents`. */
function streamOf(reply: unknown[]): unknown[] {
  const info = mapOf(reply);
  const groups = (info['groups'] as unknown[][]).map((flat) => {
    const group = mapOf(flat);
    const consumers = (group['consumers'] as unknown[][]).map((consumer) => {
      const { name, 'seen-time': seen, pending } = mapOf(consumer);
      return [name, seen, pending];
    });
    return [group['name'], group['last-delivered-id'], group['entries-read'], group['pending'], consumers];
  });
  const entries = (info['entries'] as [string, string[]][]).flatMap(([id, fields]) => [id, ...pairs(fields)]);
  return [...entries, {
    nodes: info['radix-tree-keys'], last: info['last-generated-id'], deleted: info['max-deleted-entry-id'], added: info['entries-added'], groups,
  }];
}

function valueOf(type: string, reply: unknown): string | unknown[] {
  if (type === 'string') return reply as string;
  if (type === 'stream') return streamOf(reply as unknown[]);
  const list = reply as string[];
  if (type === 'set') return [...list].sort();
  if (type === 'hash') return pairs(list).sort();
  if (type !== 'zset') return list;
  // Zero has no sign in Holdfast's scores.
  return pairs(list).map(([member, score]) => [member, score === 'inf' ? 'Infinity' : score === '-inf' ? '-Infinity' : String(Number(score) + 0)]);
}

/** Everything in a redis-server, in the form of `contents`. */
async function redisContents(redis: RealRedis): Promise<Map<string, KeyContents>> {
  const out = new Map<string, KeyContents>();
  for (const db of DATABASES) {
    const keys = (await ask(redis, db, [['KEYS', '*']]))[0] as string[];
    const types = (await ask(redis, db, keys.map((key) => ['TYPE', key]))) as string[];
    const expiries = (await ask(redis, db, keys.map((key) => ['PEXPIRETIME', key]))) as number[];
    const values = await ask(redis, db, keys.map((key, i) => READ[types[i]!]!(key)));
    keys.forEach((key, i) => out.set(`${db}:${key}`, { expireAtMs: expiries[i]!, value: valueOf(types[i]!, values[i]) }));
  }
  return out;
}

function fill(rig: EngineRig, random: SeededRandom): void {
  for (const db of DATABASES) {
    rig.session.db = db;
    for (const words of randomData(random, rig.engine)) rig.run(...words);
  }
  rig.effects();
}

function save(rig: EngineRig, compress: boolean): Uint8Array {
  const chunks: Uint8Array[] = [];
  const writer = new RdbWriter({ sink: (bytes) => { chunks.push(bytes.slice()); }, compress });
  const saver = new RdbSaver(rig.engine, writer, { createdAtS: 1_700_000_000, usedMemoryBytes: 1, aux: [['holdfast-log-index', '7']] });
  while (saver.step(100));
  return Buffer.concat(chunks);
}

function load(rig: EngineRig, file: Uint8Array): RdbLoader {
  const loader = new RdbLoader(rig.engine);
  loader.feed(file);
  loader.finish();
  while (loader.step(100) !== LoadState.done);
  return loader;
}

describe.skipIf(redisServerMissing)('with a real redis-server', () => {
  let dir = '';
  beforeAll(() => { dir = mkdtempSync(join(tmpdir(), 'rdb-redis-')); });
  afterAll(() => { rmSync(dir, { recursive: true, force: true }); });

  test.each([[true, 'as they are'], [false, 'as they are'], [true, 'all large']])('it loads our file (compressed: %s, collections %s)', async (compress, forms) => {
    const random = new SeededRandom();
    const rig = new EngineRig(random.seed);
    if (forms === 'all large') rig.limits.hashMaxListpackEntries = rig.limits.zsetMaxListpackEntries = rig.limits.setMaxIntsetEntries = 3;
    fill(rig, random);
    const name = `ours-${compress}-${forms.replace(' ', '-')}.rdb`;
    writeFileSync(join(dir, name), save(rig, compress));
    const redis = await RealRedis.start('--dir', dir, '--dbfilename', name, '--sanitize-dump-payload', 'yes');
    try {
      expect(await redisContents(redis), `seed ${random.seed}`).toEqual(contents(rig.engine));
    } finally {
      await redis.stop();
    }
  });

  test.each([
    ['compressed', ['--rdbcompression', 'yes']],
    ['not compressed', ['--rdbcompression', 'no', '--rdbchecksum', 'no']],
    ['all large', LARGE_FORMS],
  ])('we load its file (%s)', async (name, options) => {
    const random = new SeededRandom();
    const rig = new EngineRig(random.seed);
    const redis = await RealRedis.start('--dir', dir, '--dbfilename', `theirs.rdb`, ...options);
    try {
      await redis.run([['FLUSHALL']]);
      for (const db of DATABASES) await ask(redis, db, randomData(random, rig.engine));
      expect(toPlain((await redis.run([['SAVE']]))[0]!)).toBe('OK');
      const loader = load(rig, readFileSync(join(dir, 'theirs.rdb')));
      const wanted = await redisContents(redis);
      expect(contents(rig.engine), `seed ${random.seed}`).toEqual(wanted);
      expect(loader.keys).toBe(wanted.size);
      expect(loader.aux.get('redis-ver')).toMatch(/^7\./);
      expect(loader.checksum === '').toBe(name === 'not compressed');
      rig.check();
    } finally {
      await redis.stop();
    }
  });

  test('DUMP here, RESTORE there, and the other way round', async () => {
    const random = new SeededRandom();
    const rig = new EngineRig(random.seed);
    for (const words of randomData(random, rig.engine)) rig.run(...words);
    rig.effects();
    const note = `seed ${random.seed}`;
    const redis = await RealRedis.start('--sanitize-dump-payload', 'yes');
    const ours = contents(rig.engine);
    const keys = [...ours.keys()].map((name) => name.slice(2));
    try {
      const sent = keys.map((key) => ['RESTORE', key, String(Math.max(0, ours.get(`0:${key}`)!.expireAtMs)), rig.run('DUMP', key) as string, 'ABSTTL']);
      for (const reply of await ask(redis, 0, sent)) expect(reply, note).toBe('OK');
      expect(await redisContents(redis), note).toEqual(ours);
      const payloads = (await ask(redis, 0, keys.map((key) => ['DUMP', key]))) as string[];
      const back = new EngineRig(random.seed + 1);
      keys.forEach((key, i) => {
        expect(back.run('RESTORE', key, Math.max(0, ours.get(`0:${key}`)!.expireAtMs), payloads[i]!, 'ABSTTL'), note).toBe('OK');
      });
      expect(contents(back.engine), note).toEqual(ours);
      back.check();
    } finally {
      await redis.stop();
    }
  });

  test('RESTORE answers as it does', async () => {
    const rig = new EngineRig();
    const redis = await RealRedis.start();
    try {
      const payload = ((await ask(redis, 0, [['SET', 'x', 'value'], ['DUMP', 'x'], ['DEL', 'x']]))[1]) as string;
      const hash = ((await ask(redis, 0, [['HSET', 'x', 'a', '1'], ['DUMP', 'x'], ['DEL', 'x']]))[1]) as string;
      const flipped = `${payload.slice(0, 3)}?${payload.slice(4)}`;
      const rows: string[][] = [
        ['DUMP', 'no'], ['RESTORE', 'k', '0', payload], ['RESTORE', 'k', '0', payload], ['RESTORE', 'k', 'x', 'bad'],
        ['RESTORE', 'n', 'x', 'bad'], ['RESTORE', 'n', '-1', 'bad'], ['RESTORE', 'n', '0', 'bad'], ['RESTORE', 'n', '0', flipped],
        ['RESTORE', 'n', '0', payload, 'NONSENSE'], ['RESTORE', 'n', '0', payload, 'IDLETIME'], ['RESTORE', 'n', '0', payload, 'IDLETIME', '-1'],
        ['RESTORE', 'n', '0', payload, 'IDLETIME', 'x'], ['RESTORE', 'n', '0', payload, 'FREQ', '256'], ['RESTORE', 'n', '0', payload, 'FREQ', '-1'],
        ['RESTORE', 'n', '0', payload, 'IDLETIME', '1', 'FREQ', '1'], ['RESTORE', 'k', '0', hash, 'replace'], ['HGETALL', 'k'],
        ['RESTORE', 'n', '1000000', payload, 'IDLETIME', '100', 'REPLACE'], ['GET', 'n'], ['RESTORE', 'n', '1', payload, 'ABSTTL'],
        ['RESTORE', 'n', '1', payload, 'ABSTTL', 'REPLACE'], ['GET', 'n'], ['RESTORE', 'n', '1', flipped, 'ABSTTL', 'REPLACE'],
        ['RESTORE', 'n', '9223372036854775807', payload, 'ABSTTL'], ['RESTORE', 'n'], ['RESTORE', 'm', '0', payload, 'FREQ', '255', 'ABSTTL'],
      ];
      for (const row of rows) {
        const [reply] = await redis.run([row]);
        expect(rig.run(...row), row.join(' ')).toEqual(reply instanceof RespStatus ? reply.text : asRig(reply!));
      }
      rig.check();
    } finally {
      await redis.stop();
    }
  });
});

function asRig(reply: RespValue): unknown {
  const plain = toPlain(reply);
  const message = (plain as { message?: unknown } | null)?.message;
  return typeof message === 'string' ? `-${message}` : plain;
}
