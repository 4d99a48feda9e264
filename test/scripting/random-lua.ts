/** Random Lua from a seed: programs, patterns, formats, and lives of tables. All of it is correct Lua that ends soon. */

/** mulberry32. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to, not including, `count`. */
  below(count: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * count);
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }
}

export function quoted(text: string): string {
  return `"${text.replace(/[^ -~]|["\\]/g, (char) => `\\${String(char.charCodeAt(0)).padStart(3, '0')}`)}"`;
}

// ---- Programs ----

const BINARY = ['+', '-', '*', '/', '%', '^', '..', '==', '~=', '<', '<=', '>', '>=', 'and', 'or'];
const NUMBERS = ['0', '1', '2', '3', '-1', '0.5', '10', '1e15', '2^53', '1/3', '1e300'];
const STRINGS = ['""', '"a"', '"10"', '"0x10"', '"b c"', '" 5 "', '"1e1"'];
const FIELDS = ['x', 'y', 'n', 'self'];
const CALLS = ['type', 'tostring', 'tonumber', 'math.floor', 'math.abs', 'string.len', 'string.upper', '#', 'not ', '-', 'select("#", ', 'pcall(tostring, '];

/** A program whose variables may hold anything, so that most of its errors are type errors. */
class ProgramWriter {
  readonly #dice: Dice;
  readonly #variables: string[] = [];
  #names = 0;
  #functions = 0;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  program(): string {
    const globals = ['a', 'b', 'c', 'd'];
    const declared = globals.map((name) => `local ${name} = ${this.#expression(0)}`);
    this.#variables.push(...globals);
    // Each statement may fail, and the next goes on from there.
    const statements = Array.from({ length: 3 + this.#dice.below(8) }, () => {
      const code = `try(function() ${this.#statement(3)} end)`;
      this.#variables.length = globals.length;
      return code;
    });
    const attempt = 'local errors = {} local function try(f) local ok, e = pcall(f) if not ok then errors[#errors + 1] = e end end';
    return `${declared.join(' ')} ${attempt}\n ${statements.join('\n ')}\n return errors, ${globals.join(', ')}`;
  }

  #expression(depth: number): string {
    const dice = this.#dice;
    const kind = dice.below(depth <= 0 ? 5 : 14);
    if (kind === 0) return dice.of(NUMBERS);
    if (kind === 1) return dice.of(STRINGS);
    if (kind === 2) return dice.of(['nil', 'true', 'false', '{}', dice.of(NUMBERS)]);
    if (kind <= 4) return this.#variables.length === 0 ? dice.of(NUMBERS) : dice.of(this.#variables);
    if (kind <= 8) return `(${this.#expression(depth - 1)} ${dice.of(BINARY)} ${this.#expression(depth - 1)})`;
    if (kind === 9) {
      const call = dice.of(CALLS);
      const open = /[\w.]$/.test(call) ? '(' : '';
      const close = open !== '' || call.includes('(') ? ')' : '';
      return `(${call}${open}${this.#expression(depth - 1)}${close})`;
    }
    if (kind === 10) return `${this.#prefix()}.${dice.of(FIELDS)}`;
    if (kind === 11) return `${this.#prefix()}[${this.#expression(depth - 1)}]`;
    if (kind === 12) return `{${this.#expression(depth - 1)}, ${dice.of(FIELDS)} = ${this.#expression(depth - 1)}, ${this.#expression(depth - 1)}}`;
    return `${this.#prefix()}(${this.#expression(depth - 1)})`;
  }

  #prefix(): string {
    return this.#variables.length === 0 ? '({})' : this.#dice.of(this.#variables);
  }

  #newName(): string {
    return `v${this.#names++}`;
  }

  #block(depth: number): string {
    const visible = this.#variables.length;
    const statements = Array.from({ length: 1 + this.#dice.below(3) }, () => this.#statement(depth - 1));
    this.#variables.length = visible;
    return statements.join('\n ');
  }

  #statement(depth: number): string {
    const dice = this.#dice;
    switch (dice.below(depth <= 0 ? 5 : 13)) {
      case 0: case 1: {
        const value = this.#expression(3);
        const name = this.#newName();
        this.#variables.push(name);
        return `local ${name} = ${value}`;
      }
      case 2: return this.#variables.length === 0 ? 'do end' : `${dice.of(this.#variables)} = ${this.#expression(3)}`;
      case 3: return this.#variables.length === 0 ? 'do end' : `${dice.of(this.#variables)}.${dice.of(FIELDS)} = ${this.#expression(2)}`;
      case 4: return this.#variables.length < 2 ? 'do end' : `${dice.of(this.#variables)}, ${dice.of(this.#variables)} = ${this.#expression(2)}, ${this.#expression(2)}`;
      case 5: return `if ${this.#expression(2)} then ${this.#block(depth)} else ${this.#block(depth)} end`;
      case 6: {
        const [first, limit] = [dice.below(4), dice.below(6)];
        const name = this.#newName();
        const visible = this.#variables.length;
        this.#variables.push(name);
        const body = this.#block(depth);
        this.#variables.length = visible;
        return `for ${name} = ${first}, ${limit} do ${body} end`;
      }
      case 7: {
        const [key, value] = [this.#newName(), this.#newName()];
        const over = this.#expression(1);
        const visible = this.#variables.length;
        this.#variables.push(key, value);
        const body = this.#block(depth);
        this.#variables.length = visible;
        return `for ${key}, ${value} in ${dice.of(['pairs', 'ipairs'])}(${over}) do ${body} end`;
      }
      case 8: case 9: {
        // Called functions only know earlier ones, so that nothing recurses.
        const name = `f${this.#functions++}`;
        const parameter = this.#newName();
        const visible = this.#variables.length;
        this.#variables.push(parameter);
        const body = this.#block(depth);
        const result = this.#expression(2);
        this.#variables.length = visible;
        return `local ${name} = function(${parameter}, ...) ${body} return ${result}, ... end local ok_${name}, r_${name} = pcall(${name}, ${this.#expression(1)}, 1)`
          + `\n ${this.#keep(`ok_${name}`)} ${this.#keep(`r_${name}`)}`;
      }
      case 10: return `do local ok, e = pcall(function() ${this.#block(depth)} return ${this.#expression(2)} end) ${this.#keepIn('e')} end`;
      case 11: return this.#variables.length === 0
        ? 'do end'
        : `pcall(setmetatable, ${dice.of(this.#variables)}, {__index = function(t, k) return k end, __add = function(a, b) return 7 end, __concat = function() return "cat" end})`;
      default: return `do ${this.#block(depth)} end`;
    }
  }

  #keep(name: string): string {
    this.#variables.push(name);
    return '';
  }

  #keepIn(name: string): string {
    return this.#variables.length === 0 ? '' : `${this.#dice.of(this.#variables)} = ${name}`;
  }
}

export function randomProgram(dice: Dice): string {
  return new ProgramWriter(dice).program();
}

// ---- Operands ----

const OPERANDS = ['1', '"s"', 'nil', 'true', 'false', 'x', 'y', 'z', 'lx', 'ly', 'lz', 't.k', 't.n.k', 't["k"]', 't[1]', 't[x]', '{}', 'f(x)', 'm'];
const FAILING = [' + 1', ' .. "a"', '.k.j', '()', '.k = 1', ':k()', '[x][y]'];

function randomOperand(dice: Dice, depth: number): string {
  const kind = depth <= 0 ? 0 : dice.below(9);
  if (kind <= 1) return dice.of(OPERANDS);
  if (kind <= 5) return `(${randomOperand(dice, depth - 1)} ${dice.of(['and', 'or'])} ${randomOperand(dice, depth - 1)})`;
  if (kind === 6) return `(not ${randomOperand(dice, depth - 1)})`;
  if (kind === 7) return `(${randomOperand(dice, depth - 1)})`;
  return `(${randomOperand(dice, depth - 1)} ${dice.of(['==', '~=', '..', '+', '<'])} ${randomOperand(dice, depth - 1)})`;
}

/** An operation that most likely fails, and says what on. */
export function randomFailure(dice: Dice): string {
  const operand = randomOperand(dice, 3);
  const other = randomOperand(dice, 2);
  const values = Array.from({ length: 6 }, () => dice.of(['1', '"s"', 'nil', 'false', '{}', 'true', '"10"']));
  const failing = dice.of(FAILING);
  const operation = [
    `return (${operand})${failing === '.k = 1' ? '.k' : failing}`, `(${operand})${failing.startsWith(' ') ? '.x.y = 1' : failing === '.k.j' || failing === '[x][y]' ? `${failing} = 1` : failing}`,
    `return ${operand} ${dice.of(['+', '-', '*', '/', '^', '..', '<', '<='])} ${other}`, `return ${dice.of(['-', '#'])}${operand}`,
    `local r = ${operand} .. ${other} .. ${randomOperand(dice, 1)}`,
  ][dice.below(5)]!;
  return `local x, y, z = ${values.slice(0, 3).join(', ')} local t, f = {n = ${dice.of(['1', '{}', 'nil'])}}, function(a) return a end `
    + `local m = setmetatable({}, {__concat = function() return ${dice.of(['nil', '{}', '"cat"'])} end}) `
    + `return pcall(function() local lx, ly, lz = ${values.slice(3).join(', ')} ${operation} end)`;
}

// ---- Patterns ----

const PIECES = [
  'a', 'b', 'ab', '.', '%a', '%d', '%s', '%w', '%A', '%W', '%p', '[ab]', '[^a]', '[a-c]', '[%d_]', '%.', '%%', '-', ' ', '1', 'c',
  '(a)', '(%w+)', '()', '(.-)', '(b*)', '%b()', '%f[%w]', '%1', '$', '^', '(', ')', '[', '%',
];
const SUFFIXES = ['', '', '', '*', '+', '-', '?'];
const TEXTS = 'aab bc1 2(a)b[]c%._-^$';
const REPLACEMENTS = ['"x"', '"%0%0"', '"<%1>"', '"%%"', '{a = "A", b = false}', 'function(a, b) return b end', 'function() return "z" end', 'string.upper'];

export function randomPattern(dice: Dice): string {
  const text = quoted(Array.from({ length: dice.below(14) }, () => dice.of([...TEXTS])).join(''));
  const pattern = quoted((dice.below(6) === 0 ? '^' : '') + Array.from({ length: 1 + dice.below(5) }, () => dice.of(PIECES) + dice.of(SUFFIXES)).join(''));
  switch (dice.below(4)) {
    case 0: return `return string.find(${text}, ${pattern}, ${dice.below(8) - 3})`;
    case 1: return `return string.match(${text}, ${pattern})`;
    case 2: return `return string.gsub(${text}, ${pattern}, ${dice.of(REPLACEMENTS)}, ${dice.of(['nil', '2', '1'])})`;
    default: return `local r = {} for a, b in string.gmatch(${text}, ${pattern}) do r[#r + 1] = a r[#r + 1] = b if #r > 20 then break end end return r`;
  }
}

// ---- Formats and numbers ----

export function randomNumber(dice: Dice): string {
  switch (dice.below(7)) {
    case 0: return String(dice.below(2000) - 1000);
    case 1: return `${dice.below(1000) - 500}.${dice.below(100)}5`;
    case 2: return `${dice.below(10)}.${dice.below(1e6)}e${dice.below(40) - 20}`;
    case 3: return `${dice.below(2 ** 31)}${dice.below(2 ** 20)}`;
    case 4: return `${(dice.below(4000) - 2000) / 64}`;
    case 5: return `${dice.below(1e9)}5 / ${10 ** dice.below(12)}`;
    default: return `2^${dice.below(200) - 100} * ${1 + dice.below(100)}`;
  }
}

export function randomFormat(dice: Dice): string {
  const flags = Array.from({ length: dice.below(3) }, () => dice.of([...'-+ #0'])).join('');
  const width = dice.of(['', '', '5', '12', '20']);
  const precision = dice.of(['', '', '.0', '.1', '.3', '.10', '.15', '.']);
  const conversion = dice.of([...'dixXoucgGeEfsq']);
  // A character of zero ends C's buffer; other numbers are as good.
  const value = conversion === 'c' ? String(33 + dice.below(90)) : randomNumber(dice);
  // Beyond 64 bits, the processor decides.
  const safe = 'xXouidq'.includes(conversion) ? `(${value}) % 2^40` : value;
  return `local n = ${safe} return string.format("%${flags}${width}${precision}${conversion}", n), tostring(${value}), ${value} .. ""`;
}

const NUMERALS = ['1', '0', '9', '.', 'e', 'E', '+', '-', 'x', '0x', 'f', 'p', ' ', 'inf', 'nan', '5', '12'];

export function randomNumeral(dice: Dice): string {
  const text = quoted(Array.from({ length: 1 + dice.below(6) }, () => dice.of(NUMERALS)).join(''));
  return `local n = tonumber(${text}) return n == n and n, tonumber(${text}, ${dice.of([2, 8, 10, 16, 36])}), pcall(function() return 0 + ${text} end)`;
}

// ---- Tables ----

/** The life of a table, and what # and pairs say now and then. */
export function randomTableLife(dice: Dice): string {
  const lines = [dice.of(['local t = {}', 'local t = {1, 2, 3}', 'local t = {x = 1, y = 2, z = 3}', 'local t = {1, nil, 3, a = 1}', 'local t = {nil, nil, 5}'])];
  lines.push('local log = {} local function note() local r = {} for k, v in pairs(t) do r[#r + 1] = tostring(k) end log[#log + 1] = #t .. ":" .. table.concat(r, " ") end');
  const key = (): string => {
    switch (dice.below(6)) {
      case 0: case 1: return String(1 + dice.below(20));
      case 2: return String(1 + dice.below(5));
      case 3: return `"k${dice.below(12)}"`;
      case 4: return String(dice.below(3000) - 100);
      default: return dice.of(['0.5', '-1', '"a"', '"x"', '"y"', 'true', 'false', '2^40', '1.5']);
    }
  };
  for (let step = 0; step < 40; step++) {
    switch (dice.below(8)) {
      case 0: case 1: lines.push(`t[${key()}] = ${dice.below(100)}`); break;
      case 2: lines.push('t[#t + 1] = 1'); break;
      case 3: lines.push(`t[${key()}] = nil`); break;
      case 4: lines.push('t[#t] = nil'); break;
      case 5: lines.push(`for i = ${1 + dice.below(4)}, ${dice.below(24)} do t[i] = ${dice.of(['i', 'nil', 'i'])} end`); break;
      case 6: lines.push(dice.of(['table.insert(t, 9)', 'table.remove(t)', 'table.insert(t, 1, 8)', 'table.remove(t, 1)'])); break;
      default: lines.push('note()'); break;
    }
  }
  return `${lines.join(' ')} note() return log`;
}
