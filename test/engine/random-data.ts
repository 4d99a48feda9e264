/** Commands that make data of every type, size and kind of content, with and without expiry: for files, digests and the like. */
import type { Engine } from '../../src/engine/engine.ts';
import { latin1Bytes } from '../../src/shared/request.ts';
import type { SeededRandom } from '../protocol/seeded-random.ts';

/** Expiries are this far off: nothing is going to expire by itself. */
export const FAR_OFF_MS = 4_000_000_000_000;

/** Whether the engine has a command of this name. */
export function knows(engine: Engine, name: string): boolean {
  return engine.table.find(latin1Bytes(name), 0, name.length) !== null;
}

function text(random: SeededRandom, max: number): string {
  const n = random.below(random.pick([4, 30, max]));
  switch (random.below(4)) {
    case 0: return String(Math.floor((random.float() - 0.5) * 10 ** random.below(17)));
    case 1: return 'ab'.repeat(n / 2);
    default: return String.fromCharCode(...Array.from({ length: n }, () => random.below(256)));
  }
}

function score(random: SeededRandom): string {
  const value = random.pick([random.below(100), random.float() * 1e10, -1e300, -0, 5e-324, 1e20, 2 ** 53, Infinity, -Infinity]);
  return Object.is(value, -0) ? '-0' : value === Infinity ? 'inf' : value === -Infinity ? '-inf' : String(value);
}

/** Commands in order, for one database. The engine says which types there are. */
export function randomData(random: SeededRandom, engine: Engine): string[][] {
  const out: string[][] = [];
  const expire: string[][] = [];
  const mayExpire = (key: string): void => {
    if (random.below(4) === 0) expire.push(['PEXPIREAT', key, String(FAR_OFF_MS + random.below(1e9))]);
  };
  for (let i = 0; i < 60; i++) {
    out.push(['SET', `s${i}${text(random, 40)}`, text(random, 3000)]);
    out.push(['SET', `e${i}`, text(random, 100), 'PXAT', String(FAR_OFF_MS + random.below(1e9))]);
  }
  for (let i = 0; i < 12; i++) {
    const size = random.pick([1, 5, 100, 600]);
    for (let n = 0; n < size; n++) {
      out.push(['HSET', `h${i}`, text(random, i % 2 === 0 ? 60 : 90), text(random, i % 2 === 0 ? 60 : 200)]);
      out.push(['SADD', `set${i}`, text(random, 80)]);
      out.push(['SADD', `int${i}`, String(Math.floor((random.float() - 0.5) * 10 ** (i % 18)))]);
      if (knows(engine, 'RPUSH')) out.push(['RPUSH', `list${i}`, text(random, i === 0 ? 20000 : 200)]);
      if (knows(engine, 'ZADD')) out.push(['ZADD', `z${i}`, score(random), text(random, i % 2 === 0 ? 60 : 80)]);
    }
    for (const kind of ['h', 'set', 'int', 'list', 'z']) mayExpire(`${kind}${i}`);
  }
  return knows(engine, 'PEXPIREAT') ? [...out, ...expire] : out;
}
