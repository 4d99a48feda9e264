/** Functions as data: what is logged of them, where they are kept, what puts them back. */
import { describe, expect, test } from 'vitest';
import { contentChecksum } from '../../src/engine/content-checksum.ts';
import { reload } from '../../src/engine/rdb/reload.ts';
import { EngineRig } from '../engine/engine-rig.ts';
import { RealRedis, redisServerMissing } from '../protocol/real-redis.ts';
import { LoadState, RdbLoader } from '../../src/engine/rdb/rdb-loader.ts';
import { RdbSaver } from '../../src/engine/rdb/rdb-saver.ts';
import { RdbWriter } from '../../src/shared/rdb/rdb-writer.ts';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ScriptRig } from './script-rig.ts';

const ADD = "#!lua name=add\nredis.register_function('add', function(keys, args) return redis.call('INCRBY', keys[1], args[1]) end)";
const GET = "#!lua name=get\nredis.register_function{function_name='get', callback=function(keys) return redis.call('GET', keys[1]) end, flags={'no-writes'}}";

test('what is logged, and what a replica makes of it', () => {
  const primary = new ScriptRig(1);
  const replica = new ScriptRig(2);
  primary.run('FUNCTION', 'LOAD', ADD);
  primary.run('FUNCTION', 'LOAD', GET);
  primary.run('FCALL', 'add', '1', 'n', '5');
  primary.run('FUNCTION', 'DELETE', 'get');
  const { words, block } = primary.effects();
  expect(words).toEqual([['FUNCTION', 'LOAD', 'REPLACE', ADD], ['FUNCTION', 'LOAD', 'REPLACE', GET], ['INCRBY', 'n', '5'], ['FUNCTION', 'DELETE', 'get']]);
  replica.engine.applyEffects(block!);
  expect(contentChecksum(replica.engine)).toBe(contentChecksum(primary.engine));
  expect(replica.run('FCALL', 'add', '1', 'n', '1')).toBe(6);
  expect(replica.run('FCALL', 'get', '1', 'n')).toBe('-ERR Function not found');
  primary.line('FUNCTION FLUSH');
  replica.engine.applyEffects(primary.effects().block!);
  expect(replica.run('FUNCTION', 'LIST')).toEqual([]);
});

test('a replica without scripting keeps libraries as well', () => {
  const primary = new ScriptRig(1);
  const plain = new EngineRig(2);
  primary.run('FUNCTION', 'LOAD', ADD);
  plain.engine.applyEffects(primary.effects().block!);
  expect([...plain.engine.functions.entries()]).toEqual([['add', ADD]]);
});

test('a library that fails to load changes nothing and logs nothing', () => {
  const rig = new ScriptRig();
  rig.run('FUNCTION', 'LOAD', ADD);
  rig.effects();
  for (const source of ['#!lua name=add\nerror()', '#!lua name=x\nreturn (', ADD.replace('name=add', 'name=other'), '#!lua name=add\nreturn 1']) {
    expect(rig.run('FUNCTION', 'LOAD', 'REPLACE', source)).toMatch(/^-ERR /);
  }
  expect(rig.effects().words).toEqual([]);
  expect(rig.run('FCALL', 'add', '1', 'n', '5')).toBe(5);
});

test.each(['compiled', 'fengari'] as const)('%s: errors of a registration name the function as the library does', (choice) => {
  const rig = new ScriptRig();
  rig.choice = choice;
  const load = (code: string): unknown => rig.run('FUNCTION', 'LOAD', `#!lua name=lib\n${code}`);
  for (const api of ['redis', 'server']) {
    expect(load(`${api}.register_function()`)).toBe(`-ERR Error registering functions: ERR wrong number of arguments to ${api}.register_function`);
    expect(load(`${api}.register_function('f', 1)`)).toBe(`-ERR Error registering functions: ERR second argument to ${api}.register_function must be a function`);
    expect(load(`local api = ${api} api.register_function{callback = function() end}`)).toBe(`-ERR Error registering functions: ERR ${api}.register_function must get a function name argument`);
    expect(load(`${api}.register_function{function_name = 'f', callback = function() end, flags = 1}`)).toBe(`-ERR Error registering functions: ERR flags argument to ${api}.register_function must be a table representing function flags`);
  }
});

test('FLUSHALL leaves them, a reload brings them back', () => {
  const rig = new ScriptRig();
  rig.run('FUNCTION', 'LOAD', ADD);
  rig.line('FLUSHALL');
  expect(rig.run('FCALL', 'add', '1', 'n', '5')).toBe(5);
  const before = contentChecksum(rig.engine);
  reload(rig.engine);
  expect(contentChecksum(rig.engine)).toBe(before);
  expect(rig.run('FCALL', 'add', '1', 'n', '5')).toBe(10);
});

test('DUMP and RESTORE by every policy', () => {
  const source = new ScriptRig();
  source.run('FUNCTION', 'LOAD', ADD);
  source.run('FUNCTION', 'LOAD', GET);
  const payload = source.line('FUNCTION DUMP') as string;
  const target = new ScriptRig();
  const names = (): unknown => (target.line('FUNCTION LIST') as unknown[][]).map((library) => library[1]);
  target.run('FUNCTION', 'LOAD', ADD.replace("'add', f", "'mine', f"));
  target.effects();
  expect(target.run('FUNCTION', 'RESTORE', payload)).toBe('-ERR Library add already exists');
  expect(target.effects().words).toEqual([]);
  expect(target.run('FUNCTION', 'RESTORE', payload, 'REPLACE')).toBe('OK');
  expect(names()).toEqual(['add', 'get']);
  target.run('FUNCTION', 'LOAD', ADD.replace('name=add', 'name=third').replace("'add', f", "'third', f"));
  target.effects();
  expect(target.run('FUNCTION', 'RESTORE', payload, 'FLUSH')).toBe('OK');
  expect(names()).toEqual(['add', 'get']);
  expect(target.effects().words.map((words) => words.slice(0, 2))).toEqual([['FUNCTION', 'FLUSH'], ['FUNCTION', 'LOAD'], ['FUNCTION', 'LOAD']]);
  expect(target.run('FUNCTION', 'RESTORE', `${payload.slice(0, -1)}x`)).toBe('-ERR DUMP payload version or checksum are wrong');
});

test('a library that runs for too long while it is loaded', () => {
  const rig = new ScriptRig();
  let now = 0;
  rig.clockMs = () => now++;
  expect(rig.run('FUNCTION', 'LOAD', '#!lua name=x\nwhile true do end')).toBe('-ERR Error registering functions: ERR FUNCTION LOAD timeout');
  rig.clockMs = () => 0;
  expect(rig.run('FUNCTION', 'LOAD', ADD)).toBe('add');
});

test('functions of a library share what is local to it, and nothing with other libraries', () => {
  const rig = new ScriptRig();
  rig.run('FUNCTION', 'LOAD', "#!lua name=a\nlocal n = 0 redis.register_function('next', function() n = n + 1 return n end)");
  rig.run('FUNCTION', 'LOAD', "#!lua name=b\nredis.register_function('spoil', function() string.x = 1 end)");
  expect([rig.run('FCALL', 'next', '0'), rig.run('FCALL', 'next', '0')]).toEqual([1, 2]);
  expect(rig.run('FCALL', 'spoil', '0')).toMatch(/^-ERR user_function:2: Attempt to modify a readonly table/);
});

describe.skipIf(redisServerMissing)('beside redis-server', () => {
  test('RDB files with libraries, in both directions', async () => {
    const rig = new ScriptRig();
    rig.run('FUNCTION', 'LOAD', ADD);
    rig.run('FUNCTION', 'LOAD', GET);
    rig.run('FCALL', 'add', '1', 'n', '5');
    const dir = mkdtempSync(join(tmpdir(), 'functions-'));
    try {
      const parts: Uint8Array[] = [];
      const saver = new RdbSaver(rig.engine, new RdbWriter({ sink: (bytes) => parts.push(bytes.slice()) }), { createdAtS: 0, usedMemoryBytes: 0 });
      while (saver.step(100));
      const file = join(dir, 'dump.rdb');
      writeFileSync(file, Buffer.concat(parts));
      const redis = await RealRedis.start('--dir', dir, '--dbfilename', 'dump.rdb');
      try {
        const replies = await redis.run([['FCALL', 'add', '1', 'n', '2'], ['FCALL_RO', 'get', '1', 'n'], ['SAVE']]);
        expect(replies[0]).toBe(7);
      } finally {
        await redis.stop();
      }
      const back = new ScriptRig();
      const loader = new RdbLoader(back.engine);
      loader.feed(readFileSync(file));
      loader.finish();
      let state: number;
      do state = loader.step(100); while (state === LoadState.more);
      expect(state).toBe(LoadState.done);
      expect(back.run('FCALL', 'add', '1', 'n', '1')).toBe(8);
      expect([...back.engine.functions.entries()].sort()).toEqual([...rig.engine.functions.entries()].sort());
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
