/** What the host relies on, beside Lua itself: calls, errors and their places, kills, and that nothing brings the process down. */
import { describe, expect, it } from 'vitest';
import { CompiledEngine } from '../../src/scripting/compiled/compiled-engine.ts';
import { LuaError, LuaKilled, LuaSyntaxError, type LuaTable, type LuaValue, NULL_USERDATA, UnsupportedChunk } from '../../src/scripting/lua-engine.ts';

function newEngine(): CompiledEngine {
  return new CompiledEngine({ memoryBytes: () => 0, clock: () => 0 });
}

function run(source: string, engine = newEngine(), args: LuaValue[] = []): readonly LuaValue[] {
  return engine.call(engine.compile(source, '@user_script'), args);
}

function errorOf(source: string, engine = newEngine()): LuaError {
  try {
    run(source, engine);
  } catch (error) {
    if (error instanceof LuaError) return error;
    throw error;
  }
  throw new Error('nothing was raised');
}

describe('calls between host and script', () => {
  it('passes arguments and results of any number', () => {
    expect(run('return ...', undefined, [1, undefined, 'x'])).toEqual([1, undefined, 'x']);
    expect(run('return')).toEqual([]);
    expect(run('return nil')).toEqual([undefined]);
  });

  it('gives a chunk its environment', () => {
    const engine = newEngine();
    const environment = engine.newTable();
    environment.set('x', 5);
    expect(engine.call(engine.compile('y = x + 1 return y', '@user_script', environment), [])).toEqual([6]);
    expect(environment.get('y')).toBe(6);
    expect(engine.globals.get('y')).toBeUndefined();
  });

  it('sees a global that changes between two calls of one chunk', () => {
    const engine = newEngine();
    const fn = engine.compile('return KEYS', '@user_script');
    expect(engine.call(fn, [])).toEqual([undefined]);
    engine.globals.set('KEYS', 'a');
    expect(engine.call(fn, [])).toEqual(['a']);
    engine.globals.set('KEYS', undefined);
    expect(engine.call(fn, [])).toEqual([undefined]);
    engine.globals.set('KEYS', 'b');
    expect(engine.call(fn, [])).toEqual(['b']);
  });

  it('sees a library that is replaced, and a field of it', () => {
    const engine = newEngine();
    const fn = engine.compile('return redis.x', '@user_script');
    const [first, second] = [engine.newTable(), engine.newTable()];
    first.set('x', 1);
    second.set('x', 2);
    engine.globals.set('redis', first);
    expect(engine.call(fn, [])).toEqual([1]);
    first.set('x', 3);
    expect(engine.call(fn, [])).toEqual([3]);
    engine.globals.set('redis', second);
    expect(engine.call(fn, [])).toEqual([2]);
    second.set('x', undefined);
    expect(engine.call(fn, [])).toEqual([undefined]);
  });

  it('lets a host function call back, and say where its caller stands', () => {
    const engine = newEngine();
    engine.globals.set('host', engine.hostFunction('host', ([fn, value]) => [engine.where(), ...engine.call(fn as never, [value])]));
    expect(run('\nreturn host(function(x) return x * 2 end, 21)', engine)).toEqual(['user_script:2: ', 42]);
    expect(run('return pcall(host, function() end)', engine)).toEqual([true, '']);
    expect(run('return loadstring("return host(function() end)")()', engine)).toEqual(['[string "return host(function() end)"]:1: ']);
  });

  it('keeps a userdata what it is', () => {
    const engine = newEngine();
    engine.globals.set('null', NULL_USERDATA);
    expect(run('return type(null), tostring(null), null == null, not null, ({[null] = 1})[null]', engine))
      .toEqual(['userdata', 'userdata: (nil)', true, false, 1]);
    expect(errorOf('return null.x', engine).value).toBe("user_script:1: attempt to index global 'null' (a userdata value)");
  });

  it('walks a table in the order of next, and refuses to change a read-only one', () => {
    const [table] = run('return {10, 20, x = 1}') as [LuaTable];
    const pairs = [];
    for (let pair = table.next(undefined); pair !== null; pair = table.next(pair[0])) pairs.push(pair);
    expect(pairs).toEqual([[1, 10], [2, 20], ['x', 1]]);
    expect(table.length()).toBe(2);
    table.readOnly = true;
    expect(() => table.set('y', 1)).toThrow(LuaError);
  });
});

describe('errors', () => {
  it('say where they were raised', () => {
    expect(errorOf('\nerror("x")')).toMatchObject({ value: 'user_script:2: x', line: 2, source: '@user_script' });
    expect(errorOf('\n\nerror({})')).toMatchObject({ line: 3, source: '@user_script' });
    expect(errorOf('loadstring("\\nlocal x = nil + 1", "@inner")()')).toMatchObject({ line: 2, source: '@inner' });
  });

  it('of the host get the place of the call, and pass pcall as values', () => {
    const engine = newEngine();
    engine.globals.set('fail', engine.hostFunction('fail', () => {
      throw new LuaError('no');
    }));
    expect(errorOf('\n fail()', engine)).toMatchObject({ value: 'no', line: 2, source: '@user_script' });
    expect(run('return pcall(fail)', engine)).toEqual([false, 'no']);
  });

  it('of syntax have a class of their own', () => {
    expect(() => run('x =')).toThrow(new LuaSyntaxError("user_script:1: unexpected symbol near '<eof>'"));
  });

  it('that are not of Lua are not the script\'s to catch', () => {
    const engine = newEngine();
    engine.globals.set('broken', engine.hostFunction('broken', () => {
      throw new TypeError('a bug');
    }));
    expect(() => run('pcall(broken)', engine)).toThrow(TypeError);
  });

  it('still know their places in a chunk whose text has been dropped', () => {
    const engine = newEngine();
    const fn = engine.compile('\n\nlocal function f() error("late") end return f', '@user_script');
    const [inner] = engine.call(fn, []);
    expect(() => engine.call(inner as never, [])).toThrow('user_script:3: late');
  });
});

describe('limits', () => {
  it.each([
    'while true do end',
    'repeat until false',
    'for i = 1, math.huge do end',
    'for i = 10, 1, 0 do end',
    'local function f() return f() end f()',
    'local function f() f() end while true do pcall(f) end',
    'while true do pcall(error) end',
    'for _ in function() return 1 end do end',
    'local t = {} for i = 1, math.huge do t[i] = i end',
    'local s = "x" while true do s = s .. s end',
    'while true do local s = string.rep("x", 1000000) end',
    'local co = coroutine.wrap(function() while true do coroutine.yield() end end) while true do co() end',
    'local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) while true do pcall(function() return t[1] end) end',
    'while true do table.sort({5, 4, 3, 2, 1}, function(a, b) return a < b end) end',
  ])('stop %s', (source) => {
    const engine = newEngine();
    let ticks = 0;
    engine.onTick = () => {
      if (++ticks === 3) throw new LuaKilled('killed');
    };
    expect(() => run(`pcall(function() ${source} end) return "survived"`, engine)).toThrow(LuaKilled);
    expect(run('return "next"', engine)).toEqual(['next']);
  });

  it.each([
    ['functions made of sources', 'for i = 1, 100 do loadstring("return 1") end'], ['replacements', 'string.gsub(string.rep("a", 10000), ".", "%0%0")'],
  ])('count what takes longer than a step: %s', (_, source) => {
    const engine = newEngine();
    let ticks = 0;
    engine.onTick = () => { ticks++; };
    run(source, engine);
    expect(ticks).toBeGreaterThan(5);
  });

  it('make endless recursion an error of Lua', () => {
    const outcome = run('local function f() return 1 + f() end return pcall(f)');
    expect(outcome).toEqual([false, 'user_script:1: stack overflow']);
    expect(String(run('local function f(a, b, c) local x, y, z = a, b, c return {f(x, y, z)} end return pcall(f)')[1])).toContain('stack overflow');
    expect(String(run('local t = {} t.x = t setmetatable(t, {__index = function(t, k) return t[k] end}) return pcall(function() return t.y end)')[1]))
      .toContain('C stack overflow');
    expect(String(errorOf('local function f() return f() .. "" end f()').value)).toContain('stack overflow');
  });

  it('allow tail calls of any number', () => {
    expect(run('local function f(n) if n == 0 then return "end", 1 end return f(n - 1) end return f(1000000)')).toEqual(['end', 1]);
  });

  it('say that there is no memory for a string that JavaScript cannot have', () => {
    expect(run('return pcall(string.rep, "x", 2^30)')).toEqual([false, 'not enough memory']);
    expect(run('local s = "x" return pcall(function() while true do s = s .. s end end)')).toEqual([false, 'not enough memory']);
  });

  it('leave a chunk that cannot be compiled to another engine', () => {
    const engine = newEngine();
    expect(() => engine.compile(`return ${'f() + '.repeat(100_000)} 1`, '@user_script')).toThrow(UnsupportedChunk);
  });

  it.each([
    `return a${'.b'.repeat(100_000)}`, `return ${'f() + '.repeat(100_000)} 1`, `f${'(function() end)'.repeat(3000)}`, `if x then ${'elseif x then '.repeat(20_000)} end`,
    `return select("#",${'1,'.repeat(70_000)}1)`, `return ${'x==1 or '.repeat(100_000)}x`,
  ])('make a chunk that cannot be compiled an error of loadstring: %.20s', (source) => {
    const engine = newEngine();
    engine.globals.set('source', source);
    const [isLoaded, why] = run('local chunk, why = loadstring(source) return chunk ~= nil, why', engine);
    if (isLoaded !== true) expect(why).toBe('the chunk has an expression that is too long');
  });

  it('keep names of JavaScript out', () => {
    expect(run('return constructor, __proto__, globalThis, process, this, require, Function')).toEqual(Array(7).fill(undefined));
    expect(run('local t = {} return t.constructor, t.__proto__, ("x").constructor, ("x").length')).toEqual(Array(4).fill(undefined));
    expect(errorOf('return (function() end).constructor').value).toBe('user_script:1: attempt to index a function value');
    expect(run('return loadstring("return [[\\"];process.exit(1);[\\"]]")()')).toEqual(['"];process.exit(1);["']);
    expect(run('return "\\1\\0020\\2\\3\\\\`${1}\\n\\r\\226\\128\\168"')).toEqual(['\x01\x020\x02\x03\\`${1}\n\r\xe2\x80\xa8']);
  });
});
