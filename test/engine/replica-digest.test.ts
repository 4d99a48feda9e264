/**
 * digest(primary) == digest(replica that was fed only effects): random strings, bits, counters, streams, SORT … STORE and what
 * they work on. The replica has other hash seeds and another clock, so an effect that leaves anything to chance shows.
 */
import { expect, test } from 'vitest';
import { debugRig } from './debug-rig.ts';
import { type EngineRig, randomOf } from './engine-rig.ts';

const TURNS = Number(process.env.REPLICA_DIGEST_TURNS ?? 80);
const COMMANDS_PER_TURN = 10;

type Pick = <T>(from: readonly T[]) => T;

const VALUES = ['', '1', '-7', '9007199254740991', '9223372036854775806', '0.25', '3.0e3', 'text', 'a\0b', 'x'.repeat(70), 'y'.repeat(3000)];
const NUMBERS = ['1', '-1', '10', '9007199254740992', '-9223372036854775808'];
const STREAMS = ['x', 'y'];
const KEYS = ['a', 'b', 'c', 'd', 'e'];
const EXPIRIES: readonly (readonly string[])[] = [[], [], ['PX', '50'], ['EX', '100'], ['KEEPTTL'], ['PXAT', '1800000000000']];

function randomCommand(pick: Pick): string[] {
  const key = pick(KEYS);
  const value = pick(VALUES);
  const number = pick(NUMBERS);
  return [...pick<() => readonly string[]>([
    () => ['SET', key, value, ...pick(EXPIRIES)],
    () => ['SET', key, value, pick(['NX', 'XX']), ...pick(EXPIRIES), 'GET'],
    () => ['SETNX', key, value],
    () => ['GETSET', key, value],
    () => ['GETDEL', key],
    () => ['GETEX', key, ...pick([['PX', '50'], ['PERSIST'], ['EXAT', '1'], []])],
    () => ['SETEX', key, '100', value],
    () => ['PSETEX', key, '50', value],
    () => ['APPEND', key, value],
    () => ['SETRANGE', key, pick(['0', '3', '100']), value],
    () => ['MSET', key, value, pick(KEYS), number],
    () => ['MSETNX', key, value, 'f', number],
    () => ['INCR', key],
    () => ['DECR', key],
    () => ['INCRBY', key, number],
    () => ['DECRBY', key, number],
    () => ['INCRBYFLOAT', key, pick(['0.1', '-1e3', '17179869184.0001'])],
    () => ['SETBIT', key, pick(['0', '7', '100', '40000']), pick(['0', '1'])],
    () => ['BITOP', pick(['AND', 'OR', 'XOR']), key, pick(KEYS), pick(KEYS), 'missing'],
    () => ['BITOP', 'NOT', key, pick([...KEYS, 'missing'])],
    () => ['BITFIELD', key, 'OVERFLOW', pick(['WRAP', 'SAT', 'FAIL']), pick(['SET', 'INCRBY']), pick(['u8', 'i64', 'u63', 'i5']), pick(['0', '#3', '77']), number],
    () => ['SADD', 'set', value, number, key],
    () => ['HSET', `h${pick(['1', '-1', '10'])}`, 'w', number],
    () => ['RPUSH', 'list', pick(['1', '-1', '10', '2'])],
    () => ['SORT', 'list', 'BY', 'h*->w', 'GET', '#', 'GET', 'h*->w', 'LIMIT', '0', '20', 'STORE', pick(['sorted', 'list', key])],
    () => ['SORT', 'set', 'BY', 'nosort', 'STORE', 'sorted'],
    () => ['SORT', 'set', 'ALPHA', 'BY', 'none*', 'STORE', 'sorted'],
    () => ['XADD', pick(STREAMS), ...pick([[], ['MAXLEN', '~', '5', 'LIMIT', '3'], ['MINID', '3'], ['NOMKSTREAM']]), pick(['*', '*', '5-*', '9-1']), key, value],
    () => ['XTRIM', pick(STREAMS), 'MAXLEN', '~', '4', 'LIMIT', '6'],
    () => ['XDEL', pick(STREAMS), '9-1', '5-0'],
    () => ['XGROUP', 'CREATE', pick(STREAMS), 'g', pick(['0', '$']), 'MKSTREAM'],
    () => ['XREADGROUP', 'GROUP', 'g', pick(KEYS), 'COUNT', '3', 'STREAMS', pick(STREAMS), pick(['>', '0'])],
    () => ['XAUTOCLAIM', pick(STREAMS), 'g', pick(KEYS), pick(['0', '10']), '0'],
    () => ['DEBUG', 'POPULATE', '3', 'p', '5'],
  ])()];
}

test.each([1, 2, 3])('seed %d', (seed) => {
  const random = randomOf(seed);
  const pick: Pick = (from) => from[Math.floor(random() * from.length)]!;
  const primary = debugRig(seed);
  const replica = debugRig(seed + 100);
  const digestOf = (rig: EngineRig): string => String(rig.line('DEBUG DIGEST'));
  const done: string[][] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    primary.engine.beginTurn(primary.engine.keyspace.nowMs + Math.floor(random() * 20));
    for (let n = 0; n < COMMANDS_PER_TURN; n++) {
      const words = randomCommand(pick);
      done.push(words);
      primary.run(...words);
    }
    primary.engine.keyspace.expireStep(1);
    const { block } = primary.effects();
    if (block !== null) replica.engine.applyEffects(block);
    if (digestOf(replica) !== digestOf(primary)) {
      expect.fail(`seed ${seed}: other data after turn ${turn}: ${JSON.stringify(done.slice(-COMMANDS_PER_TURN))}`);
    }
  }
  primary.check();
  replica.check();
});
