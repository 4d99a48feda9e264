/**
 * digest(primary) == digest(replica that was fed only effects), for scripts that write, choose at random, look at the time,
 * fail half-way, and see keys expire.
 */
import { expect, test } from 'vitest';
import { command } from '../../src/engine/command.ts';
import { debugSubcommands } from '../../src/engine/commands/debug.ts';
import { randomOf } from '../engine/engine-rig.ts';
import { ScriptRig } from './script-rig.ts';

const SCRIPTS = [
  "redis.call('SET', KEYS[1], ARGV[1], 'PX', 50) return redis.call('INCRBYFLOAT', KEYS[2], 0.1)",
  "redis.call('SADD', KEYS[1], 1, 2, 3, ARGV[1]) return redis.call('SPOP', KEYS[1])",
  "for i = 1, 20 do redis.call('SADD', KEYS[1], math.random(1000)) end return redis.call('SRANDMEMBER', KEYS[1])",
  "redis.call('RPUSH', KEYS[1], ARGV[1]) redis.call('LPUSH', KEYS[2], ARGV[1]) error('half-way')",
  "redis.pcall('INCR', KEYS[1]) redis.pcall('HINCRBY', KEYS[2], 'f', 5) return redis.pcall('LPOP', KEYS[1])",
  "redis.call('EXPIRE', KEYS[1], 10) redis.call('PEXPIRE', KEYS[2], 1) return redis.call('TTL', KEYS[1])",
  "redis.call('SELECT', 1) redis.call('SET', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])",
  "redis.call('DEL', KEYS[1]) redis.call('HSET', KEYS[1], 'a', ARGV[1], 'b', cjson.encode({ARGV[1]})) return redis.call('HGETALL', KEYS[1])",
  "return redis.call('RANDOMKEY')",
];
const VALUES = ['', '1', '-7', 'text', 'a\0b', 'x'.repeat(200)];
const KEYS = ['a', 'b', 'c', 'd'];

function rigWithDebug(seed: number): ScriptRig {
  const rig = new ScriptRig(seed);
  const row = { flags: 'admin', group: 'server', since: '1.0.0' } as const;
  rig.engine.table.add([command({ ...row, name: 'debug', arity: -2, subcommands: debugSubcommands((run) => run) })]);
  return rig;
}

test.each([1, 2, 3])('seed %d', (seed) => {
  const random = randomOf(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const primary = rigWithDebug(seed);
  const replica = rigWithDebug(seed + 100);
  const digestOf = (rig: ScriptRig): string => String(rig.line('DEBUG DIGEST'));
  for (let turn = 0; turn < 60; turn++) {
    primary.engine.beginTurn(primary.engine.keyspace.nowMs + Math.floor(random() * 20));
    const done: string[] = [];
    for (let n = 0; n < 5; n++) {
      const script = pick(SCRIPTS);
      done.push(script);
      if (random() < 0.2) {
        primary.line('MULTI');
        primary.eval(script, [pick(KEYS), pick(KEYS)], pick(VALUES));
        primary.line('EXEC');
      } else primary.eval(script, [pick(KEYS), pick(KEYS)], pick(VALUES));
    }
    const { block } = primary.effects();
    if (block !== null) replica.engine.applyEffects(block);
    if (digestOf(replica) !== digestOf(primary)) expect.fail(`seed ${seed}: other data after turn ${turn}: ${done.join('\n')}`);
  }
  primary.check();
  replica.check();
});
