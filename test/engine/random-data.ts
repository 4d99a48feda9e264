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

const BIG_IDS = ['9007199254740993', '18446744073709551615'];

/** A stream of so many entries, partly deleted, with groups that have read parts of it. */
function streamData(random: SeededRandom, key: string, size: number, out: string[][]): void {
  const fields = [text(random, 20), text(random, 20)];
  let ms = 0;
  const ids: string[] = [];
  for (let n = 0; n < size; n++) {
    ms += random.below(5);
    ids.push(`${ms}-${n}`);
    const names = random.below(10) === 0 ? [text(random, 20)] : fields;
    out.push(['XADD', key, ids[n]!, ...names.flatMap((name) => [name, text(random, 100)])]);
  }
  if (random.below(3) === 0) for (const big of BIG_IDS) out.push(['XADD', key, `${big}-${big}`, 'a', text(random, 9000)]);
  for (const group of ['g', 'h', text(random, 30)].slice(0, random.below(4))) {
    out.push(['XGROUP', 'CREATE', key, group, random.pick(['0', '$', '20']), 'MKSTREAM']);
    for (const consumer of ['a', 'b', text(random, 30)].slice(0, random.below(4))) {
      out.push(['XGROUP', 'CREATECONSUMER', key, group, consumer]);
      out.push(['XREADGROUP', 'GROUP', group, consumer, 'COUNT', String(1 + random.below(100)), 'STREAMS', key, '>']);
      out.push(['XREADGROUP', 'GROUP', group, consumer, 'COUNT', '3', 'STREAMS', key, '0']);
    }
    if (size > 0) out.push(['XACK', key, group, random.pick(ids), random.pick(ids)]);
  }
  for (let n = random.below(size / 4 + 1); n > 0; n--) out.push(['XDEL', key, random.pick(ids)]);
  if (random.below(3) === 0) out.push(['XTRIM', key, 'MAXLEN', String(random.below(size + 1))]);
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
    if (knows(engine, 'XADD')) streamData(random, `stream${i}`, random.pick([0, 1, 5, 150, 500]), out);
    for (const kind of ['h', 'set', 'int', 'list', 'z', 'stream']) mayExpire(`${kind}${i}`);
  }
  return knows(engine, 'PEXPIREAT') ? [...out, ...expire] : out;
}
