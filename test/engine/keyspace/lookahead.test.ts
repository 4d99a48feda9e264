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
  let last = 'key:0';
  const anyKey = (): string => {
    // Every third is the one before it again.
    if (below(3) > 0) last = below(2) === 0 ? `{tag}${below(3000)}` : `key:${below(500)}`;
    return last;
  };
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
