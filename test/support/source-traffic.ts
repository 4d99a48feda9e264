/** Writes of every kind to a Redis: for those who follow it. */
import { SeededRandom } from './seeded-random.ts';
import type { TestClient } from './holdfast-process.ts';

const POLL_MS = 10;
/** Between two batches: whoever is written to faster than anybody can follow is never caught up with. */
const REST_MS = 10;
const LIBRARY = "#!lua name=traffic\nredis.register_function('put', function(keys, args) return redis.call('SET', keys[1], args[1]) end)";

/** One command, or a few that belong together. */
export function someWrites(random: SeededRandom): string[][] {
  const n = (bound: number): string => String(random.below(bound));
  const key = (kind: string): string => `${kind}:${random.below(40)}`;
  const one = (...words: string[]): string[][] => [words];
  return random.pick([
    () => one('SET', key('s'), `value-${n(1e6)}`), () => one('SET', key('s'), n(1e9), 'PX', String(1 + random.below(60))), () => one('SET', key('s'), 'x'.repeat(random.below(3000))),
    () => one('SETEX', key('s'), '1000', 'soon'), () => one('PEXPIRE', key('s'), n(80)), () => one('PERSIST', key('s')), () => one('EXPIREAT', key('l'), String(Math.floor(Date.now() / 1000) + random.below(3))),
    () => one('INCRBY', key('i'), n(100)), () => one('INCRBYFLOAT', key('f'), '0.1'), () => one('APPEND', key('s'), 'more'), () => one('SETRANGE', key('s'), n(50), 'zz'), () => one('SETBIT', key('b'), n(500), '1'),
    () => one('BITFIELD', key('b'), 'INCRBY', 'u8', n(100), '7'), () => one('GETEX', key('s'), 'PX', n(100)), () => one('GETDEL', key('s')),
    () => one('RPUSH', key('l'), n(1000), 'a', 'b'.repeat(random.below(100))), () => one('LPOP', key('l'), '2'), () => one('LMOVE', key('l'), key('l'), 'LEFT', 'RIGHT'), () => one('LREM', key('l'), '0', 'a'),
    () => one('LTRIM', key('l'), '0', '50'), () => one('SADD', key('t'), n(100), n(100), `m${n(300)}`), () => one('SPOP', key('t')), () => one('SMOVE', key('t'), key('t'), n(100)),
    () => one('SUNIONSTORE', key('t'), key('t'), key('t')), () => one('HSET', key('h'), `f${n(200)}`, n(1e6), `g${n(10)}`, 'x'.repeat(random.below(90))), () => one('HINCRBYFLOAT', key('h'), 'float', '1.5'),
    () => one('HDEL', key('h'), `f${n(200)}`), () => one('ZADD', key('z'), n(1000), `m${n(300)}`, '1.25', 'fixed'), () => one('ZINCRBY', key('z'), '0.5', `m${n(300)}`), () => one('ZPOPMIN', key('z')),
    () => one('ZRANGESTORE', key('z'), key('z'), '0', '20'), () => one('GEOADD', key('g'), '13.361', '38.115', `p${n(50)}`), () => one('PFADD', key('p'), n(1e6), n(1e6)), () => one('PFMERGE', key('p'), key('p')),
    () => one('XADD', key('x'), '*', 'field', n(1e6)), () => one('XADD', key('x'), 'MAXLEN', '~', '20', '*', 'a', '1', 'b', '2'), () => one('XGROUP', 'CREATE', key('x'), 'grp', '0', 'MKSTREAM'),
    () => one('XREADGROUP', 'GROUP', 'grp', `c${n(3)}`, 'COUNT', '3', 'STREAMS', key('x'), '>'), () => one('XTRIM', key('x'), 'MAXLEN', '15'), () => one('XAUTOCLAIM', key('x'), 'grp', 'c0', '0', '0'),
    () => one('DEL', key(random.pick([...'slthzxp']))), () => one('UNLINK', key('t'), key('h')), () => one('RENAME', key('s'), key('s')), () => one('COPY', key('h'), key('h'), 'REPLACE'), () => one('MOVE', key('s'), '3'),
    () => one('SORT', key('t'), 'ALPHA', 'STORE', key('l')), () => one('EVAL', "redis.call('INCR', KEYS[1]) return redis.call('SADD', KEYS[2], 'from-script', redis.call('TIME')[1])", '2', key('i'), key('t')),
    () => [['MULTI'], ['INCR', key('i')], ['RPUSH', key('l'), 'in', 'multi'], ['SET', key('s'), 'm', 'PX', n(50)], ['EXEC']], () => [['SELECT', '5'], ['SET', key('s'), n(1e6)], ['SADD', key('t'), 'five'], ['SELECT', '0']],
    () => (random.chance(0.1) ? one('SWAPDB', '5', '6') : one('PUBLISH', 'news', n(100))), () => (random.chance(0.05) ? [['SELECT', '6'], ['FLUSHDB'], ['SELECT', '0']] : one('TOUCH', 's:1')),
    () => (random.chance(0.1) ? one('FUNCTION', 'LOAD', 'REPLACE', LIBRARY) : one('SETNX', key('s'), 'new')),
  ])();
}

/** A client that writes without end, until it is told to. */
export class SourceTraffic {
  /** Commands that were answered. */
  written = 0;
  #ended = false;
  readonly #client: TestClient;
  readonly #done: Promise<void>;

  constructor(client: TestClient, seed: number) {
    this.#client = client;
    this.#done = this.#run(new SeededRandom(seed));
  }

  async #run(random: SeededRandom): Promise<void> {
    while (!this.#ended) {
      const batch = Array.from({ length: 100 }, () => someWrites(random)).flat();
      await Promise.all(batch.map((command) => this.#client.send(...command)));
      this.written += batch.length;
      await new Promise((resolve) => { setTimeout(resolve, REST_MS); });
    }
  }

  /** Resolves when at least `count` more commands were answered. */
  async more(count: number): Promise<void> {
    const wanted = this.written + count;
    while (this.written < wanted) await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
  }

  /** Ends the writing; resolves when all is answered. */
  async end(): Promise<void> {
    this.#ended = true;
    await this.#done;
  }
}
