/** Looking at keys ahead: it tells their places rightly, and neither finds nor changes anything. */
import { expect, test } from 'vitest';
import { COMMANDS_AHEAD } from '../../../src/engine/keyspace/lookahead.ts';
import { hashBytes, slotOf } from '../../../src/shared/hash.ts';
import { Request } from '../../../src/shared/request.ts';
import { EngineRig, randomOf } from '../engine-rig.ts';

const SEED = Number(process.env['LOOKAHEAD_SEED'] ?? 20261127);

test(`keys of many kinds, there and not there, are the same to commands behind (seed ${SEED})`, () => {
  const rig = new EngineRig(SEED);
  const { engine } = rig;
  const random = randomOf(SEED);
  const below = (n: number): number => Math.floor(random() * n);
  // One slot has so many keys that its index has a directory; others have one or none.
  const anyKey = (): string => (below(2) === 0 ? `{tag}${below(3000)}` : `key:${below(500)}`);
  const model = new Map<string, string>();
  for (let i = 0; i < 6000; i++) {
    const key = anyKey();
    model.set(key, String(i));
    rig.run('SET', key, i);
  }
  for (let round = 0; round < 400; round++) {
    const requests = Array.from({ length: 1 + below(COMMANDS_AHEAD) }, () => {
      const kind = below(10);
      if (kind === 0) return Request.of('DBSIZE');
      if (kind === 1) return Request.of('DEL', anyKey(), anyKey());
      return kind < 4 ? Request.of('SET', anyKey(), String(round)) : Request.of('GET', anyKey());
    });
    engine.keyspace.databases[0]!.lookAhead(requests, requests.length);
    for (const request of requests) {
      if (request.argc > 1) {
        const { buf, off, len } = request;
        expect([request.keySlot, request.keyHash]).toEqual([slotOf(buf, off[1]!, len[1]!), hashBytes(buf, off[1]!, len[1]!, engine.keyspace.index.seed)]);
      } else expect(request.keySlot).toBe(-1);
      engine.execute(engine.table.resolve(request, rig.reply)!, rig.session, request, rig.reply);
      const reply = rig.reply.take();
      const [name, key, value] = Array.from({ length: request.argc }, (_, i) => request.string(i));
      if (name === 'DBSIZE') expect(reply).toBe(`:${model.size}\r\n`);
      else if (name === 'SET') model.set(key!, value!);
      else if (name === 'DEL') for (const gone of [key!, value!]) model.delete(gone);
      else expect(reply).toBe(model.has(key!) ? `$${model.get(key!)!.length}\r\n${model.get(key!)}\r\n` : '$-1\r\n');
    }
  }
  rig.check();
});

test(`members of collections, large and small, are the same to commands behind (seed ${SEED})`, () => {
  const rig = new EngineRig(SEED);
  const { engine } = rig;
  const random = randomOf(SEED);
  const below = (n: number): number => Math.floor(random() * n);
  const model = new Map<string, string>();
  const run = (request: Request): string => {
    engine.execute(engine.table.resolve(request, rig.reply)!, rig.session, request, rig.reply);
    return rig.reply.take();
  };
  for (let i = 0; i < 400; i++) {
    for (const words of [['HSET', 'hash:1', `m${i}`, `${i}`], ['ZADD', 'zset:1', `${i}`, `m${i}`], ['SADD', 'set:1', `m${i}`]]) rig.run(...words);
    model.set(`hash:1 m${i}`, `${i}`).set(`zset:1 m${i}`, `${i}`).set(`set:1 m${i}`, '1');
  }
  for (let round = 0; round < 1500; round++) {
    const requests = Array.from({ length: 1 + below(COMMANDS_AHEAD) }, () => {
      // Of a type that its name does not always tell: some commands are refused.
      const key = `${['hash', 'zset', 'set', 'list', 'string'][below(5)]!}:${below(3)}`;
      const member = `${key.endsWith('0') ? '' : 'm'}${below(key.endsWith('1') ? 2000 : 40)}`;
      const kind = below(14);
      if (kind < 2) return Request.of('HSET', key, member, String(below(1000)));
      if (kind < 4) return Request.of('ZADD', key, String(below(1000)), member);
      if (kind < 6) return Request.of('SADD', key, member);
      if (kind === 6) return Request.of('HDEL', key, member, member);
      if (kind === 7) return Request.of('ZREM', key, member);
      if (kind === 8) return Request.of('SREM', key, member);
      if (kind === 9) return Request.of('RPUSH', key, member);
      if (kind === 10) return Request.of('SET', `string:${below(3)}`, member);
      if (kind === 11) return below(60) === 0 ? Request.of('DEL', `${key.slice(0, -1)}2`, 'nosuch') : Request.of('HGET', key, member);
      return kind === 12 ? Request.of('ZSCORE', key, member) : Request.of('SISMEMBER', key, member);
    });
    engine.keyspace.databases[0]!.lookAhead(requests, requests.length);
    for (const request of requests) {
      const reply = run(request);
      const [name, key, third, fourth] = Array.from({ length: request.argc }, (_, i) => request.string(i));
      if (reply.startsWith('-')) continue;
      if (name === 'DEL') for (const id of [...model.keys()].filter((id) => id.startsWith(`${key} `))) model.delete(id);
      else if (name === 'HSET') model.set(`${key} ${third}`, fourth!);
      else if (name === 'ZADD') model.set(`${key} ${fourth}`, third!);
      else if (name === 'SADD') model.set(`${key} ${third}`, '1');
      else if (name === 'HGET' || name === 'ZSCORE') expect(reply).toBe(bulkOf(model.get(`${key} ${third}`)));
      else if (name === 'SISMEMBER') expect(reply).toBe(`:${model.has(`${key} ${third}`) ? 1 : 0}\r\n`);
      else if (name!.endsWith('REM') || name === 'HDEL') expect(reply).toBe(`:${model.delete(`${key} ${third}`) ? 1 : 0}\r\n`);
    }
    if (round % 20 === 0) engine.keyspace.compactor.step(200);
  }
  expect(rig.encoding('hash:1')).toBe('hashtable');
  expect(rig.encoding('zset:1')).toBe('skiplist');
  rig.check();
});

function bulkOf(text: string | undefined): string {
  return text === undefined ? '$-1\r\n' : `$${text.length}\r\n${text}\r\n`;
}

test('a database without keys is not looked into, and one that was emptied is whole', () => {
  const rig = new EngineRig();
  const request = Request.of('GET', 'k');
  const look = (): void => rig.engine.keyspace.databases[0]!.lookAhead([request], 1);
  look();
  expect(request.keySlot).toBe(-1);
  rig.run('SET', 'k', 'v');
  rig.run('FLUSHALL');
  look();
  expect(request.keySlot).toBe(-1);
  rig.run('SET', 'other', 'v');
  look();
  expect(request.keySlot).toBe(slotOf(request.buf, request.off[1]!, 1));
  rig.check();
});
