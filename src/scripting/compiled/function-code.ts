/**
 * JavaScript for Lua's statements and functions. A Lua function becomes a JavaScript function with the same parameters, or, in a chunk
 * that uses coroutines, a generator; a local variable becomes a block's `let`, which is new in each iteration as Lua wants it.
 */
import type { ChunkCode } from './chunk-code.ts';
import { ExpressionCode, isVolatile, variableName } from './expression-code.ts';
import type { Expression, FunctionBody, IndexExpression, Statement, Target, Variable } from './syntax-tree.ts';
import { isConstant, isMultiple } from './syntax-tree.ts';

type Of<Kind extends Statement['kind']> = Extract<Statement, { kind: Kind }>;

/** Iterations that are counted together. A power of two. */
const LOOP_STEPS = 128;
/** A frame's bytes: what every one has, and for each variable or temporary; measured, the interpreter's, which are the largest. */
const FRAME_BYTES = 150;
const SLOT_BYTES = 10;
/** A generator's frame comes with those that resume it. */
const GENERATOR_FRAME_BYTES = 600;

/** Stands for the frame's size until it is known. Inner functions are finished by then, and no literal contains it. */
const FRAME_MARK = '\u0003';

const LOOP_COUNT = `if((c=c+1&${LOOP_STEPS - 1})===0&&(M.ticks-=${LOOP_STEPS})<0)tick();`;

export function mainFunctionCode(chunk: ChunkCode, body: FunctionBody): string {
  return new FunctionCode(chunk, body, null).code();
}

/** Whether a function always returns exactly one value that is not a call's. */
function returnsOne(block: readonly Statement[]): boolean {
  const last = block[block.length - 1];
  return last?.kind === 'return' && returnsAre(block);
}

function returnsAre(block: readonly Statement[]): boolean {
  return block.every((statement) => {
    switch (statement.kind) {
      case 'return': return statement.values.length === 1 && !isMultiple(statement.values[0]!);
      case 'if': return statement.branches.every((branch) => returnsAre(branch.block)) && returnsAre(statement.otherwise ?? []);
      case 'do': case 'while': case 'repeat': case 'numeric for': case 'generic for': return returnsAre(statement.block);
      default: return true;
    }
  });
}

class FunctionCode extends ExpressionCode {
  #hasLoops = false;
  #slots = 0;
  protected functionCode(body: FunctionBody): string {
    return new FunctionCode(this.chunk, body, this).code();
  }

  code(): string {
    const { body, chunk } = this;
    this.#slots = body.parameters.length;
    const parameters = body.parameters.map(variableName);
    if (body.isVararg) parameters.push('...va');
    const block = this.#block(body.block);
    let prologue = '';
    if (body.calls) {
      prologue = `if(--M.ticks<0)tick();const d=M.depth-${FRAME_MARK};if(d<0)${chunk.site(body.line)}stackOverflow();M.depth=d;`;
    }
    if (this.temporariesMax > 0) {
      prologue += `let ${Array.from({ length: this.temporariesMax }, (_, at) => `t${at}`).join(',')};`;
    }
    if (this.#hasLoops) prologue += 'let c=0;';
    if (body.argTable !== null && body.usesArg) {
      prologue += `let ${variableName(body.argTable)}=${body.usesVararg ? 'undefined' : 'argTable(va)'};`;
    }
    // The main function refers to the chunk's places, so that they live as long as any of its functions.
    if (body.parent === null) prologue += 'S;';
    const last = body.block[body.block.length - 1];
    const end = last?.kind === 'return' ? '' : `${this.#leave()}return NOTHING;`;
    const bytes = (chunk.resumable ? GENERATOR_FRAME_BYTES : FRAME_BYTES) + (this.#slots + this.temporariesMax) * SLOT_BYTES;
    const text = `(${parameters.join(',')}){${prologue}${block}${end}}`.replaceAll(FRAME_MARK, String(bytes));
    return chunk.resumable ? `resumable(function*${text})` : `(function${text})`;
  }

  /** Gives the frame's bytes back. */
  #leave(): string {
    return this.body.calls ? `M.depth=d+${FRAME_MARK};` : '';
  }

  #block(statements: readonly Statement[]): string {
    let code = '';
    for (const statement of statements) code += this.#statement(statement);
    return code;
  }

  #statement(statement: Statement): string {
    switch (statement.kind) {
      case 'local': return this.#local(statement);
      case 'local function': return this.#localFunction(statement);
      case 'assignment': return this.#assignment(statement);
      case 'call': return this.#callStatement(statement);
      case 'do': return `{${this.#block(statement.block)}}`;
      case 'while': return this.#while(statement);
      case 'repeat': return this.#repeat(statement);
      case 'if': return this.#if(statement);
      case 'numeric for': return this.#numericFor(statement);
      case 'generic for': return this.#genericFor(statement);
      case 'return': return this.#return(statement);
      case 'break': return 'break;';
    }
  }

  #callStatement(statement: Of<'call'>): string {
    const code = this.call(statement.call);
    const temporary = this.reserve();
    this.release(1);
    return `if(isArray(${temporary}=${code}))drop(${temporary});`;
  }

  // ---- Variables ----

  #declare(variable: Variable, value: string): string {
    this.#slots++;
    return `${variable.assigned ? 'let' : 'const'} ${variableName(variable)}=${value};`;
  }

  #local(statement: Of<'local'>): string {
    const { variables, values } = statement;
    let code = '';
    const given = this.#values(values, variables.length);
    code += given.set;
    for (let at = 0; at < variables.length; at++) {
      const variable = variables[at]!;
      const value = values[at];
      if (value !== undefined && !variable.assigned && !given.isSpread(at)) {
        if (this.isNumber(value)) this.numeric.add(variable);
        if (value.kind === 'function') this.functions.set(variable, returnsOne(value.body.block));
      }
      code += this.#declare(variable, given.use[at]!);
    }
    return code + given.rest;
  }

  /**
   * The values of a list, fitted to `count` variables. `set` is to run first, then `use` once each and in order, then `rest`.
   */
  #values(values: readonly Expression[], count: number): { set: string; use: string[]; rest: string; isSpread: (at: number) => boolean } {
    const use: string[] = [];
    const last = values[values.length - 1];
    const spreads = last !== undefined && isMultiple(last) && values.length < count;
    const single = spreads ? values.length - 1 : values.length;
    let set = '';
    let rest = '';
    for (let at = 0; at < single; at++) {
      const code = this.value(values[at]!);
      if (at < count) use.push(code);
      else rest += `(${code});`;
    }
    if (spreads) {
      const array = this.chunk.name('m');
      if (single > 0) {
        // The values before it come first.
        for (let at = 0; at < single; at++) {
          const kept = this.chunk.name('x');
          set += `const ${kept}=${use[at]!};`;
          use[at] = kept;
        }
      }
      set += `const ${array}=${last.kind === 'vararg' ? 'va' : `all(${this.result(last)})`};`;
      for (let at = 0; use.length < count; at++) use.push(`${array}[${at}]`);
    }
    while (use.length < count) use.push('undefined');
    return { set, use, rest, isSpread: (at) => spreads && at >= single };
  }

  #localFunction(statement: Of<'local function'>): string {
    const { variable, body } = statement;
    if (variable.assigned) return `${this.#declare(variable, 'undefined')}${variableName(variable)}=${this.functionCode(body)};`;
    this.functions.set(variable, returnsOne(body.block));
    return this.#declare(variable, this.functionCode(body));
  }

  #assignment(statement: Of<'assignment'>): string {
    const { targets, values, line } = statement;
    const [target] = targets;
    const [value] = values;
    if (targets.length === 1 && values.length === 1) {
      if (target!.kind === 'index' && (isVolatile(target!.object) || isVolatile(target!.key))) return this.#setVolatile(target!, value!, line);
      return `${this.#set(target!, this.value(value!), line)};`;
    }
    // Tables and keys first, then the values, then the assignments from the last to the first.
    let code = '{';
    const places = targets.map((place) => {
      if (place.kind !== 'index') return { place, object: '', key: '' };
      const object = this.chunk.name('x');
      const key = this.chunk.name('x');
      code += `const ${object}=${this.value(place.object)},${key}=${this.value(place.key)};`;
      return { place, object, key };
    });
    const given = this.#values(values, targets.length);
    code += given.set;
    const kept = given.use.map((use) => {
      const name = this.chunk.name('x');
      code += `const ${name}=${use};`;
      return name;
    });
    code += given.rest;
    for (let at = targets.length - 1; at >= 0; at--) {
      const { place, object, key } = places[at]!;
      code += place.kind === 'index'
        ? `${this.site(line, place.object)}setIndex(${object},${key},${kept[at]!});`
        : `${this.#set(place, kept[at]!, line)};`;
    }
    return `${code}}`;
  }

  /** `#set` of a field when the value's evaluation may change the table's or the key's variable. */
  #setVolatile({ object, key }: IndexExpression, value: Expression, line: number): string {
    let code = '{';
    const [table, field] = [object, key].map((part) => {
      if (isVolatile(part) || isConstant(part)) return this.value(part);
      const kept = this.chunk.name('x');
      code += `const ${kept}=${this.value(part)};`;
      return kept;
    });
    const kept = this.chunk.name('x');
    return `${code}const ${kept}=${this.value(value)};${this.site(line, object)}setIndex(${table!},${field!},${kept});}`;
  }

  #set(target: Target, value: string, line: number): string {
    if (target.kind === 'local') return `${variableName(target.variable)}=${value}`;
    if (target.kind === 'global') return `${this.chunk.site(line)}setString(E,${this.value({ kind: 'string', value: target.name })},${value})`;
    const { object, key } = target;
    const set = key.kind === 'string' ? 'setString' : 'setIndex';
    return `${this.site(line, object)}${set}(${this.value(object)},${this.value(key)},${value})`;
  }

  // ---- Control ----

  #return(statement: Of<'return'>): string {
    const { values } = statement;
    const leave = this.#leave();
    if (values.length === 0) return `${leave}return NOTHING;`;
    const [only] = values;
    let code: string;
    if (values.length > 1) code = `[${this.list(values)}]`;
    else if (only!.kind === 'call' || only!.kind === 'method') code = this.call(only, true);
    else code = this.result(only!);
    // In parentheses, since no line may begin behind `return`.
    return leave === '' ? `return (${code});` : `{const r=${code};${leave}return r;}`;
  }

  #if(statement: Of<'if'>): string {
    const branches = statement.branches.map(({ condition, block }) => `if(${this.condition(condition)}){${this.#block(block)}}`);
    return branches.join('else ') + (statement.otherwise === null ? '' : `else{${this.#block(statement.otherwise)}}`);
  }

  #while(statement: Of<'while'>): string {
    this.#hasLoops = true;
    return `while(${this.condition(statement.condition)}){${LOOP_COUNT}${this.#block(statement.block)}}`;
  }

  #repeat(statement: Of<'repeat'>): string {
    this.#hasLoops = true;
    const block = this.#block(statement.block);
    return `for(;;){${LOOP_COUNT}${block}if(${this.condition(statement.condition)})break;}`;
  }

  #numericFor(statement: Of<'numeric for'>): string {
    this.#hasLoops = true;
    const { variable, first, limit, step, line } = statement;
    const start = this.#loopNumber(first, 'initial value', line);
    const end = this.#loopNumber(limit, 'limit', line);
    const by = step === null ? { set: '', check: '', use: '1' } : this.#loopNumber(step, 'step', line);
    const name = variableName(variable);
    // The loop's own count, unless the script cannot tell it from its variable.
    const own = variable.assigned || variable.captured;
    const count = own ? this.chunk.name('i') : name;
    this.#slots += 3;
    if (!variable.assigned) this.numeric.add(variable);
    let test = `${count}<=${end.use}`;
    if (step !== null) {
      if (step.kind === 'number' && step.value < 0) test = `${count}>=${end.use}`;
      else if (step.kind !== 'number' || step.value === 0) test = `0<${by.use}?${count}<=${end.use}:${end.use}<=${count}`;
    }
    const declared = own ? `let ${name}=${count};` : '';
    const block = this.#block(statement.block);
    return `{${start.set}${end.set}${by.set}${start.check}${end.check}${by.check}`
      + `for(let ${count}=${start.use};${test};${count}+=${by.use}){${LOOP_COUNT}${declared}${block}}}`;
  }

  /** One of a loop's three numbers. All are evaluated (`set`) before any is looked at (`check`). */
  #loopNumber(expression: Expression, what: string, line: number): { set: string; check: string; use: string } {
    if (expression.kind === 'number') return { set: '', check: '', use: this.value(expression) };
    const name = this.chunk.name('x');
    const set = `let ${name}=${this.value(expression)};`;
    if (this.isNumber(expression)) return { set, check: '', use: name };
    return { set, check: `if(typeof ${name}!=='number')${name}=${this.chunk.site(line)}forNumber(${name},'${what}');`, use: name };
  }

  #genericFor(statement: Of<'generic for'>): string {
    this.#hasLoops = true;
    const { variables, line } = statement;
    const given = this.#values(statement.values, 3);
    const [iterator, state, control, cursor, result, values] = Array.from({ length: 6 }, () => this.chunk.name('x')) as [string, string, string, string, string, string];
    this.#slots += 6 + variables.length;
    const names = variables.map(variableName);
    const call = `(typeof ${iterator}==='function'?${iterator}:callable(${iterator}))${this.chunk.site(line, ['', "local '(for generator)'"], true)}(${state},${control})`;
    const several = names.map((name, at) => `${name}=${values}[${at}];`).join('');
    const fromCursor = `if(!${cursor}.step())break;${names[0]!}=${cursor}.key;${names.length > 1 ? `${names[1]!}=${cursor}.value;` : ''}`;
    const fromCall = `const ${result}=${call};`
      + `if(isArray(${result})){const ${values}=all(${result});${several}}else ${names[0]!}=${result};`
      + `if(${names[0]!}===undefined)break;${control}=${names[0]!};`;
    return `{${given.set}const ${iterator}=${given.use[0]!},${state}=${given.use[1]!};let ${control}=${given.use[2]!};${given.rest}`
      + `const ${cursor}=cursorFor(${iterator},${state},${control});`
      + `for(;;){let ${names.join(',')};if(${cursor}!==null){${fromCursor}}else{${fromCall}}${LOOP_COUNT}${this.#block(statement.block)}}}`;
  }
}
