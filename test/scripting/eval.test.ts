/** EVAL and its kin: what commands return, what scripts return, what becomes of what they change. */
import { expect, test } from 'vitest';
import { command } from '../../src/engine/command.ts';
import { debugSubcommands } from '../../src/engine/commands/debug.ts';
import { shaOf } from '../../src/scripting/eval-scripts.ts';
import { ScriptRig } from './script-rig.ts';

const rig = (proto: 2 | 3 = 2): ScriptRig => new ScriptRig(1, proto);

test('keys and arguments', () => {
  expect(rig().eval('return {KEYS[1], KEYS[2], ARGV[1], #ARGV}', ['a', 'b\0'], 'x\xff', 'y')).toEqual(['a', 'b\0', 'x\xff', 2]);
  expect(rig().run('EVAL', 'return 1', '2', 'a')).toBe("-ERR Number of keys can't be greater than number of args");
  expect(rig().run('EVAL', 'return 1', '-1')).toBe("-ERR Number of keys can't be negative");
  expect(rig().run('EVAL', 'return 1', 'x')).toBe('-ERR value is not an integer or out of range');
});

test.each([
  ['return 3.99', ':3\r\n', ':3\r\n'],
  ['return -3.99', ':-3\r\n', ':-3\r\n'],
  ['return "a"', '$1\r\na\r\n', '$1\r\na\r\n'],
  ['return true', ':1\r\n', ':1\r\n'],
  ['return false', '$-1\r\n', '_\r\n'],
  ['return nil', '$-1\r\n', '_\r\n'],
  ['redis.setresp(3) return true', ':1\r\n', '#t\r\n'],
  ['redis.setresp(3) return false', ':0\r\n', '#f\r\n'],
  ['return {1,{2},nil,3}', '*2\r\n:1\r\n*1\r\n:2\r\n', '*2\r\n:1\r\n*1\r\n:2\r\n'],
  ['return {ok="fine"}', '+fine\r\n', '+fine\r\n'],
  ['return {err="MY message"}', '-MY message\r\n', '-MY message\r\n'],
  ['return {double=1.5}', '$3\r\n1.5\r\n', ',1.5\r\n'],
  ['return {map={a=1}}', '*2\r\n$1\r\na\r\n:1\r\n', '%1\r\n$1\r\na\r\n:1\r\n'],
  ['return {set={a=true}}', '*1\r\n$1\r\na\r\n', '~1\r\n$1\r\na\r\n'],
  ['return {big_number="12345678901234567890"}', '$20\r\n12345678901234567890\r\n', '(12345678901234567890\r\n'],
  ['return {verbatim_string={format="txt",string="hi"}}', '$2\r\nhi\r\n', '=6\r\ntxt:hi\r\n'],
  ['return 2^63', ':-9223372036854775808\r\n', ':-9223372036854775808\r\n'],
  ['return 2^62', ':4611686018427387904\r\n', ':4611686018427387904\r\n'],
])('%s', (script, two, three) => {
  expect(rig(2).raw('EVAL', script, '0')).toBe(two);
  expect(rig(3).raw('EVAL', script, '0')).toBe(three);
});

test('a table that holds itself ends in an error and leaves the connection in order', () => {
  const one = rig();
  expect(one.raw('EVAL', 'local t = {} t[1] = t return t', '0')).toMatch(/^(\*1\r\n)+-ERR reached lua stack limit\r\n$/);
  expect(one.line('GET x')).toBeNull();
});

test('replies of commands in RESP2', () => {
  const one = rig();
  one.line('RPUSH list a b');
  one.line('HSET hash f v');
  const types = one.eval(`
    local out = {}
    for i, reply in ipairs({redis.call('GET', 'none'), redis.call('LRANGE', 'list', 0, -1), redis.call('LLEN', 'list'), redis.call('SET', 'k', 1), redis.call('GET', 'k'),
      redis.call('HGETALL', 'hash'), redis.pcall('GET', 'list')}) do
      out[i] = type(reply) .. ':' .. (type(reply) == 'table' and (reply.ok or reply.err or table.concat(reply, ',')) or tostring(reply))
    end
    return out`);
  expect(types).toEqual(['boolean:false', 'table:a,b', 'number:2', 'table:OK', 'string:1', 'table:f,v', 'table:WRONGTYPE Operation against a key holding the wrong kind of value']);
});

test('replies of commands in RESP3', () => {
  const one = rig();
  one.line('HSET hash f v');
  one.line('SADD set a');
  expect(one.eval("redis.setresp(3) return redis.call('HGETALL', 'hash').map.f")).toBe('v');
  expect(one.eval("redis.setresp(3) return tostring(redis.call('SMEMBERS', 'set').set.a)")).toBe('true');
  expect(one.eval("redis.setresp(3) return type(redis.call('GET', 'none'))")).toBe('nil');
  expect(one.eval("redis.setresp(3) redis.setresp(2) return type(redis.call('GET', 'none'))")).toBe('boolean');
  // The choice is the script's own.
  expect(one.eval("return type(redis.call('GET', 'none'))")).toBe('boolean');
});

test('numbers as arguments of commands', () => {
  const one = rig();
  one.eval("redis.call('RPUSH', 'l', 1, 1.5, 0.1, 1e15, 1e20, 3e-7, -0.0, 2^53)");
  expect(one.line('LRANGE l 0 -1')).toEqual(['1', '1.5', '0.1', '1000000000000000', '1e+20', '3e-7', '0', '9007199254740992']);
});

test('an error of call ends the script, one of pcall does not; what was written stays', () => {
  const one = rig();
  const sha = shaOf("redis.call('SET', 'a', 1) redis.call('LPUSH', 'a', 1) redis.call('SET', 'b', 1)");
  expect(one.eval("redis.call('SET', 'a', 1) redis.call('LPUSH', 'a', 1) redis.call('SET', 'b', 1)"))
    .toBe(`-WRONGTYPE Operation against a key holding the wrong kind of value script: ${sha}, on @user_script:1.`);
  expect(one.effects().words).toEqual([['SET', 'a', '1']]);
  expect(one.eval("return redis.pcall('LPUSH', 'a', 1).err")).toBe('WRONGTYPE Operation against a key holding the wrong kind of value');
  expect(one.eval("local ok, e = pcall(redis.call, 'LPUSH', 'a', 1) return e")).toBe('WRONGTYPE Operation against a key holding the wrong kind of value');
});

test('EVALSHA, SCRIPT LOAD, EXISTS and FLUSH', () => {
  const one = rig();
  const sha = one.run('SCRIPT', 'LOAD', 'return 42') as string;
  expect(sha).toBe('1fa00e76656cc152ad327c13fe365858fd7be306');
  expect(one.run('EVALSHA', sha, '0')).toBe(42);
  expect(one.run('EVALSHA', sha.toUpperCase(), '0')).toBe(42);
  expect(one.run('SCRIPT', 'EXISTS', sha, 'x'.repeat(40))).toEqual([1, 0]);
  expect(one.line('SCRIPT FLUSH')).toBe('OK');
  expect(one.run('EVALSHA', sha, '0')).toBe('-NOSCRIPT No matching script. Please use EVAL.');
  expect(one.run('EVALSHA', 'short', '0')).toBe('-NOSCRIPT No matching script. Please use EVAL.');
  expect(one.line('SCRIPT FLUSH NOW')).toBe('-ERR SCRIPT FLUSH only support SYNC|ASYNC option');
  one.run('EVAL', 'return 42', '0');
  expect(one.run('EVALSHA', sha, '0')).toBe(42);
  expect(one.run('SCRIPT', 'LOAD', 'return (')).toBe("-ERR Error compiling script (new function): user_script:1: unexpected symbol near '<eof>'");
  expect(one.effects().words).toEqual([]);
});

test('scripts that may not write', () => {
  const one = rig();
  const refused = /^-ERR Write commands are not allowed from read-only scripts\. script: [0-9a-f]{40}, on @user_script:\d\.$/;
  expect(one.run('EVAL_RO', "return redis.call('SET', 'a', 1)", '0')).toMatch(refused);
  expect(one.run('EVAL_RO', "return redis.call('GET', 'a')", '0')).toBeNull();
  expect(one.run('EVAL', "#!lua flags=no-writes\nreturn redis.call('SET', 'a', 1)", '0')).toMatch(refused);
  expect(one.run('EVAL_RO', '#!lua\nreturn 1', '0')).toBe('-ERR Can not execute a script with write flag using *_ro command.');
  expect(one.run('EVAL_RO', '#!lua flags=no-writes\nreturn 1', '0')).toBe(1);
  const sha = one.run('SCRIPT', 'LOAD', "return redis.call('SET', 'a', 1)") as string;
  expect(one.run('EVALSHA_RO', sha, '0')).toMatch(refused);
});

test('what SORT makes of a set without order, and attributes of replies', () => {
  const one = rig(3);
  one.line('SADD s b aa a c azz');
  one.line('RPUSH l b aa a');
  expect(one.run('SORT', 's', 'BY', 'nosort')).not.toEqual(['a', 'aa', 'azz', 'b', 'c']);
  expect(one.eval("return redis.call('SORT', 's', 'BY', '_')")).toEqual(['a', 'aa', 'azz', 'b', 'c']);
  expect(one.eval("return redis.call('SORT', 's', 'BY', '_', 'DESC', 'LIMIT', '0', '2')")).toEqual(['c', 'b']);
  expect(one.eval("return redis.call('SORT', 'l', 'BY', '_')")).toEqual(['b', 'aa', 'a']);
  one.engine.scriptsMayAll = true;
  one.engine.table.add([command({ name: 'debug', arity: -2, flags: '', group: 'server', since: '1.0.0', subcommands: debugSubcommands((run) => run) })]);
  expect(one.eval("redis.setresp(3) return redis.call('DEBUG', 'PROTOCOL', 'attrib')")).toBe('Some real reply following the attribute');
});

test('shebang lines', () => {
  const one = rig();
  expect(one.eval('#!lua flags=allow-oom,allow-stale,no-cluster,allow-cross-slot-keys\nreturn 1')).toBe(1);
  expect(one.eval('#!lua')).toBe('-ERR Invalid script shebang');
  expect(one.eval('#!js\nreturn 1')).toBe('-ERR Unexpected engine in script shebang: #!js');
  expect(one.eval('#!lua name=x\nreturn 1')).toBe('-ERR Unknown lua shebang option: name=x');
  expect(one.eval('#!lua flags=bad\nreturn 1')).toBe('-ERR Unexpected flag in script shebang: bad');
  expect(one.eval('#!lua flags=\nreturn 1')).toBe(1);
  expect(one.eval('#!lua flags=allow-oom,\nreturn 1')).toBe('-ERR Unexpected flag in script shebang: ');
  expect(one.eval('#!lua\n\nerror("x")')).toMatch(/^-ERR user_script:3: x script: [0-9a-f]{40}, on @user_script:3\.$/);
});

test('in a transaction', () => {
  const one = rig();
  one.line('MULTI');
  one.run('EVAL', "return redis.call('INCR', KEYS[1])", '1', 'a');
  one.line('INCR a');
  expect(one.line('EXEC')).toEqual([1, 2]);
  expect(one.effects().words).toEqual([['INCR', 'a'], ['INCR', 'a']]);
});

test('SELECT in a script does not concern the client', () => {
  const one = rig();
  one.eval("redis.call('SELECT', 3) redis.call('SET', 'a', 1)");
  expect(one.line('GET a')).toBeNull();
  one.line('SELECT 3');
  expect(one.line('GET a')).toBe('1');
});

test('a blocking command does not block', () => {
  expect(rig().eval("return redis.call('BLPOP', 'none', 0)")).toBeNull();
});

test('nothing of a script is left for the next one', () => {
  const one = rig();
  for (const script of ['x = 1', 'redis.x = 1', 'string.x = 1', 'table.insert = nil', 'getmetatable("").__index = nil', 'cjson.null = 1']) {
    expect(one.eval(script)).toMatch(/^-ERR user_script:1: Attempt to modify a readonly table/);
  }
  one.eval('KEYS[1] = "changed" ARGV.x = 1', ['a'], 'b');
  expect(one.eval('return {KEYS[1], ARGV[1], tostring(ARGV.x)}', ['a'], 'b')).toEqual(['a', 'b', 'nil']);
});

test('redis.log', () => {
  const one = rig();
  one.eval("redis.log(redis.LOG_WARNING, 'a', 1, nil, 'b')");
  expect(one.logged).toEqual(['3 a 1 b']);
});

test('server is another name of redis', () => {
  expect(rig().eval("return {server.call('DBSIZE'), tostring(server == redis), redis.REDIS_VERSION, redis.REDIS_VERSION_NUM}")).toEqual([0, 'true', '7.2.0', 0x070200]);
});

test.each(['compiled', 'fengari'] as const)('%s: a script is killed unless it has written', (choice) => {
  const one = rig();
  one.choice = choice;
  let replies: unknown[] = [];
  const kill = (...words: string[]): void => {
    const command = one.engine.table.get(words.join('|').toLowerCase())!;
    try {
      command.run!({ reply: { ok: () => replies.push('OK') } } as never);
    } catch (error) {
      replies.push((error as Error).message);
    }
  };
  one.onTick = () => kill('SCRIPT', 'KILL');
  expect(one.eval('while true do pcall(function() while true do end end) end')).toBe('-ERR Script killed by user with SCRIPT KILL.');
  expect(replies).toEqual(['OK']);
  replies = [];
  one.onTick = () => kill('FUNCTION', 'KILL');
  expect(one.eval('for i = 1, 1e6 do end return 1')).toBe(1);
  expect(new Set(replies)).toEqual(new Set(['BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.']));
  replies = [];
  one.onTick = () => kill('SCRIPT', 'KILL');
  expect(one.eval("redis.call('SET', 'a', 1) for i = 1, 1e6 do end return 1")).toBe(1);
  expect(String(replies[0])).toMatch(/^UNKILLABLE /);
  // The engine is in order afterwards.
  one.onTick = () => undefined;
  expect(one.eval('return 1')).toBe(1);
});

test.each(['compiled', 'fengari'] as const)('%s: a script that eats memory is stopped', (choice) => {
  const one = rig();
  one.choice = choice;
  let bytes = 0;
  one.memoryBytes = () => (bytes += 100);
  for (const script of [
    'while true do end', "return #string.gsub(string.rep('a', 100000), '.', '%0%0')", "return #string.gsub(string.rep('a', 100000), '.', string.upper)",
    "return load(function() return 'x' end)", 'return load(os.clock)', "local large = string.rep('x', 2^20) return load(function() return large end)",
    'local a = {1} for i = 1, 30 do a = {a, a} end return #cjson.encode(a)', "return #cjson.encode(string.rep('\\0', 1e7))",
    "return #cjson.decode('[' .. string.rep('1,', 1e6) .. '1]')", "while true do cjson.decode(string.rep(' ', 1e6) .. '1') end",
    'local a = {1} for i = 1, 15 do a = {a, a, a, a, a, a} end return #cmsgpack.pack(a)', "return #cmsgpack.unpack('\\221' .. string.char(0, 15, 255, 255) .. string.rep('\\1', 2^20))",
    "return #struct.pack(string.rep('x ', 1e6))", "return struct.unpack(string.rep('x ', 1e6), string.rep('0', 1e6))", "return struct.size(string.rep('x ', 1e6))",
    "local s = string.rep('x', 1e6) while true do redis.sha1hex(s) end",
    'local a = {1} for i = 1, 30 do a = {a, a} end return a', 'local a = {1} for i = 1, 30 do a = {map = {a, a}} end return a',
  ]) {
    expect(one.eval(script), script).toBe('-ERR Script stopped: it uses more memory than there is for scripts.');
  }
});

test('a text with more chars to be escaped than V8 replaces at once', () => {
  expect(rig().eval("return #cjson.encode(string.rep('\"', 7e7))")).toBe(140_000_002);
});

test.each(['compiled', 'fengari'] as const)('%s: many bytes of padding are one string', (choice) => {
  const one = rig();
  one.choice = choice;
  expect(one.eval("return #struct.pack(string.rep('x', 2e8))")).toBe(200_000_000);
});

test.each(['compiled', 'fengari'] as const)('%s: a script is killed while its reply is made', (choice) => {
  const one = rig();
  one.choice = choice;
  one.onTick = () => one.host.kill(false);
  expect(one.eval('local a = {1} for i = 1, 30 do a = {a, a} end return {a}')).toBe('-ERR Script killed by user with SCRIPT KILL.');
});

test.each(['compiled', 'fengari'] as const)('%s: a script that is given more than it can hold is stopped', (choice) => {
  const one = rig();
  one.choice = choice;
  one.run('SADD', 's', 'a', 'b');
  expect(one.eval("return pcall(redis.call, 'SRANDMEMBER', KEYS[1], -999999999)", ['s'])).toBe('-ERR Script stopped: it uses more memory than there is for scripts.');
  expect(one.eval("return #redis.call('SRANDMEMBER', KEYS[1], -1000)", ['s'])).toBe(1000);
});

test('DEBUG SET-DISABLE-DENY-SCRIPTS', () => {
  const one = rig();
  expect(one.eval("return redis.call('MULTI')")).toMatch(/^-ERR This Redis command is not allowed from script/);
  one.engine.scriptsMayAll = true;
  expect(one.eval("redis.call('MULTI') return redis.call('DISCARD')")).toBe('OK');
});

test.each(['compiled', 'fengari'] as const)('of the scripts of EVAL the 500 used last are kept (%s)', (choice) => {
  const one = rig();
  one.choice = choice;
  const evalsha = (body: string): unknown => one.run('EVALSHA', shaOf(body), '0');
  const noScript = '-NOSCRIPT No matching script. Please use EVAL.';
  for (let i = 1; i <= 500; i++) one.run(i % 2 === 0 ? 'EVAL' : 'EVAL_RO', `return ${i}`, '0');
  const bytes = one.scripts.bodyBytes;
  one.eval('return 1');
  expect(evalsha('return 2')).toBe(2);
  one.eval('return 501');
  expect([one.scripts.size, one.scripts.evicted, one.scripts.bodyBytes - bytes]).toEqual([500, 1, 2]);
  expect(['return 1', 'return 2', 'return 3', 'return 4', 'return 500', 'return 501'].map(evalsha)).toEqual([1, 2, noScript, 4, 500, 501]);
  expect(one.run('SCRIPT', 'EXISTS', shaOf('return 3'), shaOf('return 4'))).toEqual([0, 1]);
  // It comes back like any new one.
  expect(one.eval('return 3')).toBe(3);
  expect([evalsha('return 3'), evalsha('return 5'), one.scripts.evicted]).toEqual([3, noScript, 2]);
});

test('a script that SCRIPT LOAD has had is not evicted, also if EVAL had it before or has it later', () => {
  const one = rig();
  one.eval('return "before"');
  for (const body of ['return "before"', 'return "later"', 'return "alone"']) one.run('SCRIPT', 'LOAD', body);
  one.eval('return "later"');
  for (let i = 0; i < 600; i++) {
    one.eval(`return ${i}`);
    one.run('SCRIPT', 'LOAD', `return 'loaded ${i}'`);
  }
  expect([one.scripts.size, one.scripts.evicted]).toEqual([603 + 500, 100]);
  for (const word of ['before', 'later', 'alone', 'loaded 0']) {
    expect(one.run('SCRIPT', 'EXISTS', shaOf(`return "${word}"`), shaOf(`return '${word}'`))).toContain(1);
  }
  expect(one.run('EVALSHA', shaOf('return "before"'), '0')).toBe('before');
  one.run('SCRIPT', 'FLUSH');
  expect([one.scripts.size, one.scripts.bodyBytes, one.scripts.evicted]).toEqual([0, 0, 100]);
  for (let i = 0; i < 501; i++) one.eval(`return ${i}`);
  expect([one.scripts.size, one.scripts.evicted]).toEqual([500, 101]);
});

test.each(['compiled', 'fengari'] as const)('a script that is evicted or flushed while it runs goes on, and fails where it stands (%s)', (choice) => {
  const one = rig();
  one.choice = choice;
  const body = 'local n = 0 for i = 1, 1e5 do n = n + 1 end\nif #ARGV == 0 then return n end return nil + n';
  for (const forget of [() => { for (let i = 0; i < 500; i++) one.scripts.use(`return ${i}`); }, () => one.scripts.clear()]) {
    one.eval(body, [], 'x');
    let ticked = false;
    one.onTick = () => {
      if (!ticked) forget();
      ticked = true;
    };
    expect(one.run('EVALSHA', shaOf(body), '0', 'x')).toMatch(/^-ERR user_script:2: attempt to perform arithmetic on a nil value script: [0-9a-f]{40}, on @user_script:2\.$/);
    expect([ticked, one.scripts.get(shaOf(body))]).toEqual([true, undefined]);
    one.onTick = () => undefined;
    expect(one.eval(body)).toBe(1e5);
  }
  const { size } = one.scripts;
  expect([...one.scripts.evictable(), ...one.scripts.loaded()]).toHaveLength(size);
});
