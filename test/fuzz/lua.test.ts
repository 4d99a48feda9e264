/**
 * Random Lua programs, greedy ones, and scripts spoilt in a few places, in both engines: the same outcome, or an error of the same kind; soon over, however
 * they loop; and the world that all scripts share is what it was.
 */
import { test } from 'vitest';
import { LuaKilled } from '../../src/scripting/lua-engine.ts';
import type { SeededRandom } from '../protocol/seeded-random.ts';
import { type Dice, randomFormat, randomNumeral, randomPattern, randomProgram } from '../scripting/random-lua.ts';
import { ScriptRig } from '../scripting/script-rig.ts';
import { asScript, readSnippets } from '../scripting/snippets.ts';
import { ENGINES_GROWTH_BYTES_MAX, FUZZ_TIMEOUT_MS, campaign } from './campaign.ts';

const SCRIPTS_PER_ROUND = 12;
/** A script that loops is stopped after so many ticks of its engine; how far it came by then is the engine's own matter. */
const TICKS_MAX = 5;
/** … and may have taken so long, on a busy machine too. */
const SCRIPT_MS_MAX = 20_000;
const MIB = 1024 * 1024;
/** What a script may make the heap larger by before it is stopped, and by how much more it may be until that is seen. */
const SCRIPT_BYTES_MAX = 64 * MIB;
const UNSEEN_BYTES_MAX = 512 * MIB;
/** The rig's own limit is a number, whatever it counts. */
const RIG_LIMIT = 1000;

const GREEDY_ONE_IN = 40;
/** Programs that eat memory or time. */
const GREEDY = [
  'local s = "x" while true do s = s .. s end', 'local t = {} while true do t[#t + 1] = {} end', 'local t = {} for i = 1, 1e9 do t[i] = "x" .. i end', 'return #string.rep("x", 1e9)',
  'return #string.rep(string.rep("x", 1e6), 1e6)', 'local function f() return f() end f()', 'local function f() return 1 + f() end f()',
  'local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x', 'while true do pcall(error) end', 'local function f() pcall(f) end f()', 'local t = {} for i = 1, 1e6 do t[i] = "xxxxxxxxxx" end return #table.concat(t)',
  'repeat local f = loadstring("return 1") until false', 'local f = coroutine.wrap(function() while true do coroutine.yield() end end) while true do f() end', 'return string.format("%99.99f", 1e308), ("x"):rep(-1)',
  'local t = {} for i = 1, 1e4 do t = {t} end return #cjson.encode(t)', 'return #cmsgpack.pack(string.rep("x", 1e7))', 'local a = "a" for i = 1, 64 do a = string.gsub(a, ".", "%0%0") end return #a',
];

const GRAMMARS: readonly ((dice: Dice) => string)[] = [randomProgram, randomPattern, randomFormat, randomNumeral];
const SNIPPETS = readSnippets().map(({ source }) => source);
const TOKENS = [
  'end', 'do', 'then', 'if', 'while true do', 'repeat', 'until', 'function()', 'return', 'local', 'nil', '(', ')', '{', '}', '[[', ']]', '..', '...', '=', '==', '"', "'", '--', '%', '^', '#', ',', ';',
  '1e309', '0x', '_G', 'redis', 'KEYS', 'ARGV', 'string', 'setmetatable', 'getmetatable("")', 'rawset(_G, 1, 2)', 'coroutine.wrap', 'string.rep("x", 100)', 'loadstring', 'pcall', 'error', 'goto', '\0', '\xff', '\\', '~=',
  'redis.call("SET", KEYS[1], ARGV[1])', 'string.x = 1', '_G.y = 1', 'cjson.decode("[1]")', 'cmsgpack.unpack("\\193")', 'struct.unpack(">I4", "abcd")', 'bit.lshift(1, 31)',
];
/** What an outcome holds that is the engine's own matter: addresses, and the sign of a NaN. */
const ADDRESS = /(table|function|thread|userdata): (0x)?[0-9a-fx()nil]+/g;
/** Constants of a function that are 0 and -0 are one, the first of them, in Lua 5.1. */
const ZERO = /-0(?![\d.x])/g;
const HEADER = /^\$\d+\r\n/;
/** Of a library function that is called without a name the interpreter knows the name all the same. */
const CALLEE = /(bad argument #\d+ to) '[^']*'/g;

function spoilt(random: SeededRandom, source: string): string {
  let out = source;
  for (let n = 1 + random.below(3); n > 0; n--) {
    const at = random.below(out.length + 1);
    const end = at + random.below(random.pick([1, 2, 12]));
    out = out.slice(0, at) + random.pick(['', ` ${random.pick(TOKENS)} `, out.slice(end, end + random.below(30))]) + out.slice(random.below(2) === 0 ? at : end);
  }
  return out;
}

/** One rig for each engine, whose world lives as long as the campaign: nothing that scripts do may stay in it. */
class Engine {
  readonly rig = new ScriptRig(7);
  #ticks = 0;
  readonly #world: string;

  constructor(choice: 'compiled' | 'fengari') {
    this.rig.choice = choice;
    // Time stands still, so that no script sees another one.
    this.rig.clockMs = () => 0;
    this.rig.onTick = () => {
      if (++this.#ticks > TICKS_MAX) throw new LuaKilled('stopped');
    };
    this.rig.memoryBytes = () => (process.memoryUsage().heapUsed / SCRIPT_BYTES_MAX) * RIG_LIMIT;
    this.#world = this.world();
  }

  /** The script's reply, as RESP text; 'stopped' where it would have gone on. */
  outcome(script: string): string {
    this.#ticks = 0;
    const startMs = performance.now();
    const startBytes = process.memoryUsage().heapUsed;
    const reply = this.rig.raw('EVAL', script, 1, 'key', 'argument');
    if (performance.now() - startMs > SCRIPT_MS_MAX) throw new Error(`${this.rig.choice} took ${Math.round(performance.now() - startMs)} ms for ${JSON.stringify(script)}`);
    const bytes = process.memoryUsage().heapUsed - startBytes;
    if (bytes > SCRIPT_BYTES_MAX + UNSEEN_BYTES_MAX) throw new Error(`${this.rig.choice} took ${Math.round(bytes / MIB)} MiB for ${JSON.stringify(script)}`);
    const killed = this.#ticks > TICKS_MAX || reply.includes('memory');
    this.rig.raw('SCRIPT', 'FLUSH');
    this.rig.effects();
    return killed ? 'stopped' : reply.replace(HEADER, '').replaceAll('-nan', 'nan').replace(ZERO, '0').replace(ADDRESS, '$1').replace(CALLEE, '$1');
  }

  /** All that can be reached from the globals, by names and types. */
  world(): string {
    this.#ticks = -1e9;
    return this.rig.raw('EVAL', `local seen, out = {}, {}
      local function walk(path, t)
        if seen[t] then return end
        seen[t] = true
        for k, v in pairs(t) do
          out[#out + 1] = path .. tostring(k) .. ':' .. type(v) .. (type(v) == 'table' and '' or type(v) == 'function' and '' or tostring(v))
          if type(v) == 'table' then walk(path .. tostring(k) .. '.', v) end
        end
      end
      walk('', _G) walk('""', getmetatable('') or {}) table.sort(out)
      return table.concat(out, ' ') .. tostring(pcall(function() x = 1 end)) .. tostring(pcall(function() string.x = 1 end)) .. tostring(pcall(rawset, _G, 'x', 1))`, 0);
  }

  assertWorld(): void {
    const world = this.world();
    if (world !== this.#world) throw new Error(`${this.rig.choice}: the world is another: ${world}`);
  }
}

/**
 * The interpreter's tables have an order of their own, and a length of their own where they have holes; and it is known for the number of nils
 * that end what gmatch and error give, for a string's end at a zero byte, and for signs of zero. There it counts that there is an outcome.
 */
const ITS_OWN = /pairs|next|#|unpack|concat|sort|maxn|foreach|table\.|\.\.\.|\{|gmatch|error|modf|%[^a-z]*c|collectgarbage|gcinfo/;

/** The interpreter can yield where Lua 5.1 cannot, and nests deeper. */
const YIELDS = /coroutine|string\.rep\("(do|\()/;

/** What is compared with a zero of the other sign may look like an error that was caught. */
const SIGNED_ZERO = /-\s*\(*0/;

/** An error's class: what a message says beyond it, of names and places, may differ where a script is spoilt. */
function classOf(script: string, outcome: string): string {
  if (outcome.startsWith('-ERR Error compiling')) return 'does not compile';
  if (outcome.startsWith('-')) return 'error';
  if (YIELDS.test(script) || SIGNED_ZERO.test(script)) return 'an outcome';
  if (/false, "/.test(outcome)) return 'caught';
  return ITS_OWN.test(script) || outcome.includes('{') ? 'an outcome' : outcome;
}

test('scripts', async () => {
  const engines = [new Engine('compiled'), new Engine('fengari')] as const;
  await campaign('Lua', 12, (random) => {
    for (let n = 0; n < SCRIPTS_PER_ROUND; n++) {
      const dice = { below: (count: number) => random.below(count), of: <T>(choices: readonly T[]) => random.pick(choices) } as Dice;
      const whole = random.below(GREEDY_ONE_IN) === 0 ? random.pick(GREEDY) : random.below(3) === 0 ? random.pick(SNIPPETS) : random.pick(GRAMMARS)(dice);
      const source = random.below(3) > 0 ? spoilt(random, whole) : whole;
      const script = random.below(4) > 0 ? asScript(source) : source;
      const [compiled, fengari] = engines.map((engine) => engine.outcome(script)) as [string, string];
      if (classOf(source, compiled) !== classOf(source, fengari) && compiled !== 'stopped' && fengari !== 'stopped') {
        throw new Error(`${JSON.stringify(source)} gives ${JSON.stringify(compiled)} compiled, ${JSON.stringify(fengari)} interpreted`);
      }
    }
    for (const engine of engines) engine.assertWorld();
  }, { buffersGrowthMax: ENGINES_GROWTH_BYTES_MAX });
}, FUZZ_TIMEOUT_MS);
