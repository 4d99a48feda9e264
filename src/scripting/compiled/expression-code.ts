/**
 * JavaScript for Lua's expressions. Each function of this file gives the text of a JavaScript expression; where a Lua operation has a
 * plain case (numbers, mostly), the text decides it in place and leaves the rest to operators.ts.
 *
 * Operands are evaluated from left to right, each once: what is not a variable or a constant goes through a temporary.
 */
import { type ChunkCode, literal } from './chunk-code.ts';
import { cText, nameOf, rightNameOf } from './operand-names.ts';
import type {
  BinaryExpression, CallExpression, Expression, FunctionBody, IndexExpression, MethodExpression, TableExpression, Variable,
} from './syntax-tree.ts';
import { isConstant, isMultiple } from './syntax-tree.ts';

const ARITHMETIC: Readonly<Record<string, string>> = {
  '+': 'add', '-': 'subtract', '*': 'multiply', '/': 'divide', '%': 'modulus', '^': 'raise',
};
const COMPARISON: Readonly<Record<string, string>> = { '<': 'lessThan', '<=': 'lessEqual', '>': 'lessThan', '>=': 'lessEqual' };

/** The variable's name in the code. */
export function variableName(variable: Variable): string {
  return `v${variable.id}`;
}

/** What NEWTABLE keeps of a size: luaO_int2fb, and back. */
function roundedSize(size: number): number {
  let mantissa = size;
  let exponent = 0;
  while (mantissa >= 16) {
    mantissa = (mantissa + 1) >> 1;
    exponent++;
  }
  return mantissa * 2 ** exponent;
}

function isBoolean(expression: Expression): boolean {
  if (expression.kind === 'true' || expression.kind === 'false' || expression.kind === 'not') return true;
  if (expression.kind === 'parenthesis') return isBoolean(expression.inner);
  return expression.kind === 'binary' && (expression.operator === '==' || expression.operator === '~=' || expression.operator in COMPARISON);
}

/** A local that the evaluation of another operand may change. Lua looks at it only after that. */
export function isVolatile(expression: Expression): boolean {
  return expression.kind === 'local' && !expression.upvalue && expression.variable.captured && expression.variable.assigned;
}

export abstract class ExpressionCode {
  protected readonly chunk: ChunkCode;
  protected readonly body: FunctionBody;
  /** Variables that hold numbers only. */
  protected readonly numeric: Set<Variable>;
  /** Variables that hold a known function only, and whether it always returns one value. */
  protected readonly functions: Map<Variable, boolean>;
  #zero: string | null = null;
  #temporaries = 0;
  /** How many temporaries the function needs. */
  protected temporariesMax = 0;

  constructor(chunk: ChunkCode, body: FunctionBody, outer: ExpressionCode | null) {
    this.chunk = chunk;
    this.body = body;
    this.numeric = outer === null ? new Set() : outer.numeric;
    this.functions = outer === null ? new Map() : outer.functions;
  }

  protected abstract functionCode(body: FunctionBody): string;

  // ---- Temporaries: a stack ----

  protected reserve(): string {
    const name = `t${this.#temporaries++}`;
    if (this.#temporaries > this.temporariesMax) this.temporariesMax = this.#temporaries;
    return name;
  }

  protected release(count: number): void {
    this.#temporaries -= count;
  }

  // ---- Values ----

  /** Exactly one value. */
  value(expression: Expression): string {
    switch (expression.kind) {
      case 'nil': return 'undefined';
      case 'true': case 'false': return expression.kind;
      case 'number': return this.#number(expression.value);
      case 'string': return literal(expression.value);
      case 'vararg': return 'va[0]';
      case 'function': return this.functionCode(expression.body);
      case 'parenthesis': return this.value(expression.inner);
      case 'local': return variableName(expression.variable);
      case 'global': return this.#global(expression.name, expression.line);
      case 'index': return this.#index(expression);
      case 'call': case 'method': return this.#firstOf(expression);
      case 'and': case 'or': return this.#logical(expression.kind, expression.left, expression.right);
      case 'not': return `!${this.condition(expression.operand)}`;
      case 'minus': return this.#minus(expression.operand, expression.line);
      case 'length': return `${this.site(expression.line, expression.operand)}length(${this.value(expression.operand)})`;
      case 'binary': return this.#binary(expression);
      case 'table': return this.#table(expression);
    }
  }

  /** A function has one constant for both zeros: the first that it mentions. */
  #number(value: number): string {
    if (value !== 0) return numberLiteral(value);
    this.#zero ??= Object.is(value, -0) ? '(-0)' : '0';
    return this.#zero;
  }

  /** What an expression that may have several values gives: a call's result, or an array. */
  result(expression: Expression): string {
    if (expression.kind === 'vararg') return 'va';
    return expression.kind === 'call' || expression.kind === 'method' ? this.call(expression) : this.value(expression);
  }

  /** Values for an argument list or an array literal; the last may be any number of them. */
  list(expressions: readonly Expression[]): string {
    const last = expressions[expressions.length - 1];
    if (last === undefined || !isMultiple(last)) return expressions.map((expression) => this.value(expression)).join(',');
    const before = expressions.slice(0, -1).map((expression) => `${this.value(expression)},`).join('');
    return before + (last.kind === 'vararg' ? '...va' : `...all(${this.call(last)})`);
  }

  /** A JavaScript boolean: whether the value is neither nil nor false. */
  condition(expression: Expression): string {
    switch (expression.kind) {
      case 'nil': return 'false';
      case 'number': case 'string': return 'true';
      case 'and': return `(${this.condition(expression.left)}&&${this.condition(expression.right)})`;
      case 'or': return `(${this.condition(expression.left)}||${this.condition(expression.right)})`;
      case 'parenthesis': return this.condition(expression.inner);
      default: break;
    }
    if (isBoolean(expression)) return this.value(expression);
    if (expression.kind === 'local') {
      const name = variableName(expression.variable);
      return `(${name}!==undefined&&${name}!==false)`;
    }
    const code = this.value(expression);
    const temporary = this.reserve();
    this.release(1);
    return `((${temporary}=${code})!==undefined&&${temporary}!==false)`;
  }

  #logical(kind: 'and' | 'or', left: Expression, right: Expression): string {
    if (isBoolean(left)) return `(${this.value(left)}${kind === 'and' ? '&&' : '||'}${this.value(right)})`;
    let test: string;
    let kept: string;
    if (left.kind === 'local') {
      kept = variableName(left.variable);
      test = `${kept}!==undefined&&${kept}!==false`;
    } else {
      const code = this.value(left);
      kept = this.reserve();
      test = `(${kept}=${code})!==undefined&&${kept}!==false`;
      // The right operand is evaluated only if the left one's value is not wanted.
      this.release(1);
    }
    const other = this.value(right);
    return kind === 'and' ? `(${test}?${other}:${kept})` : `(${test}?${kept}:${other})`;
  }

  // ---- Operands ----

  /** Whether the value is a number, whatever happens. */
  protected isNumber(expression: Expression): boolean {
    switch (expression.kind) {
      case 'number': return true;
      case 'parenthesis': return this.isNumber(expression.inner);
      case 'local': return this.numeric.has(expression.variable);
      case 'minus': return this.isNumber(expression.operand);
      case 'binary':
        return expression.operator in ARITHMETIC && this.isNumber(expression.left) && this.isNumber(expression.right);
      default: return false;
    }
  }

  /** May be written twice, and does not change before the other operand is known. */
  #isSimple(expression: Expression, other: Expression | null): boolean {
    if (isConstant(expression)) return true;
    if (expression.kind !== 'local') return false;
    // Lua fetches an upvalue before it evaluates the other operand, and uses a local in its place.
    return !expression.upvalue || !expression.variable.assigned || other === null || isConstant(other) || other.kind === 'local';
  }

  /** An operand that is used more than once. @returns the code that sets its temporary, if it has one, and how to refer to it */
  #operand(expression: Expression, other: Expression | null): { set: string; use: string } {
    if (this.#isSimple(expression, other)) return { set: '', use: this.value(expression) };
    const code = this.value(expression);
    const use = this.reserve();
    return { set: `${use}=${code},`, use };
  }

  #binary(node: BinaryExpression): string {
    const { operator } = node;
    if (operator === '..') {
      const left = this.value(node.left);
      return `${this.chunk.site(node.line, [nameOf(node.left), rightNameOf(node.right)])}concat(${left},${this.value(node.right)})`;
    }
    if (operator === '==' || operator === '~=') return this.#equality(node);
    const bothNumbers = this.isNumber(node.left) && this.isNumber(node.right);
    if (bothNumbers) {
      const left = this.value(node.left);
      const right = this.value(node.right);
      return plainOperation(operator, left, right);
    }
    const left = this.#operand(node.left, node.right);
    const right = this.#operand(node.right, null);
    this.release((left.set === '' ? 0 : 1) + (right.set === '' ? 0 : 1));
    const tests: string[] = [];
    if (!this.isNumber(node.left)) tests.push(`typeof ${left.use}==='number'`);
    if (!this.isNumber(node.right)) tests.push(`typeof ${right.use}==='number'`);
    const swapped = operator === '>' || operator === '>=';
    const args = swapped ? `${right.use},${left.use}` : `${left.use},${right.use}`;
    const site = this.site(node.line, node.left, node.right);
    const slow = `${site}${ARITHMETIC[operator] ?? COMPARISON[operator]!}(${args})`;
    return `(${left.set}${right.set}${tests.join('&&')}?${plainOperation(operator, left.use, right.use)}:${slow})`;
  }

  #equality(node: BinaryExpression): string {
    const { left, right } = node;
    const plain = isConstant(left) || isConstant(right) || this.isNumber(left) || this.isNumber(right) || isBoolean(left) || isBoolean(right);
    const not = node.operator === '~=';
    const a = this.value(left);
    if (plain) return `(${a}${not ? '!==' : '==='}${this.value(right)})`;
    const temporary = this.reserve();
    const b = this.value(right);
    this.release(1);
    return `${not ? '!' : ''}(${temporary}=${a},${this.site(node.line)}equals(${temporary},${b}))`;
  }

  #minus(operand: Expression, line: number): string {
    if (this.isNumber(operand)) return `(-${this.value(operand)})`;
    const { set, use } = this.#operand(operand, null);
    if (set !== '') this.release(1);
    return `(${set}typeof ${use}==='number'?-${use}:${this.site(line, operand)}negate(${use}))`;
  }

  protected site(line: number, ...operands: Expression[]): string {
    return this.chunk.site(line, operands.map(nameOf));
  }

  // ---- Variables and fields ----

  /** A global is found by its node, which stays the same until the key is gone; a node without a value is asked for again. */
  #global(name: string, line: number): string {
    const node = this.chunk.shared('g', 'NO_NODE');
    const temporary = this.reserve();
    this.release(1);
    const key = literal(name);
    return `((${temporary}=${node}.value)!==undefined?${temporary}:(${node}=nodeOf(E,${key}),${this.chunk.site(line)}indexString(E,${key})))`;
  }

  #index(node: IndexExpression): string {
    const { object, key } = node;
    const site = this.site(node.line, object);
    if (isVolatile(object) && !isConstant(key) && key.kind !== 'local') {
      const code = this.value(key);
      const kept = this.reserve();
      this.release(1);
      return `(${kept}=${code},${site}index(${this.value(object)},${kept}))`;
    }
    if (key.kind !== 'string') {
      const of = this.value(object);
      // The key is evaluated before the call begins its line.
      return `${site}${this.isNumber(key) ? 'indexNumber' : 'index'}(${of},${this.value(key)})`;
    }
    if (object.kind !== 'global') return `${site}indexString(${this.value(object)},${literal(key.value)})`;
    // Such as redis.call: the table is nearly always the same, and so is the field's node.
    const cached = this.chunk.shared('n', 'NO_NODE');
    const owner = this.chunk.shared('o', 'null');
    const of = this.value(object);
    const table = this.reserve();
    const found = this.reserve();
    this.release(2);
    const name = literal(key.value);
    const miss = `(${owner}=${table},${cached}=nodeOf(${table},${name}),${site}indexString(${table},${name}))`;
    return `(${table}=${of},${table}===${owner}&&(${found}=${cached}.value)!==undefined?${found}:${miss})`;
  }

  // ---- Calls ----

  #firstOf(node: CallExpression | MethodExpression): string {
    const code = this.call(node);
    if (this.#returnsOne(node)) return code;
    const temporary = this.reserve();
    this.release(1);
    return `(isArray(${temporary}=${code})?first(${temporary}):${temporary})`;
  }

  #returnsOne(node: CallExpression | MethodExpression): boolean {
    return !this.chunk.resumable && node.kind === 'call' && node.callee.kind === 'local' && this.functions.get(node.callee.variable) === true;
  }

  /** @param isTail the call's result is the function's */
  call(node: CallExpression | MethodExpression, isTail = false): string {
    if (node.kind === 'method') return this.#methodCall(node, isTail);
    const site = this.chunk.site(node.line, [nameOf(node.callee)], true);
    if (node.callee.kind === 'local') {
      const name = variableName(node.callee.variable);
      const known = this.functions.has(node.callee.variable);
      return this.#callCode(known ? name : `typeof ${name}==='function'?${name}:callable(${name})`, this.list(node.args), site, isTail);
    }
    const code = this.value(node.callee);
    const callee = this.reserve();
    this.release(1);
    return this.#callCode(`typeof (${callee}=${code})==='function'?${callee}:callable(${callee})`, this.list(node.args), site, isTail);
  }

  #methodCall(node: MethodExpression, isTail: boolean): string {
    const { object, name } = node;
    const lookUp = this.site(node.nameLine, object);
    const of = this.value(object);
    const self = this.reserve();
    const callee = this.reserve();
    const found = `${self}=${of},typeof (${callee}=${lookUp}indexString(${self},${literal(name)}))==='function'?${callee}:callable(${callee})`;
    const site = this.chunk.site(node.line, [`method '${cText(name)}'`], true);
    const args = this.list(node.args);
    this.release(2);
    return this.#callCode(found, args === '' ? self : `${self},${args}`, site, isTail);
  }

  #callCode(callee: string, args: string, site: string, isTail: boolean): string {
    if (this.chunk.resumable) return `(yield*${site}invoke((${callee}),[${args}]))`;
    if (isTail) return `(d<M.tailBelow?deferred(${callee}):${callee})${site}(${args})`;
    return `(${callee})${site}(${args})`;
  }

  // ---- Tables ----

  #table(node: TableExpression): string {
    const listed = node.items.filter((item) => item.key === null);
    const keyed = node.items.length - listed.length;
    const last = node.items[node.items.length - 1];
    const open = last !== undefined && last.key === null && isMultiple(last.value);
    const arraySize = roundedSize(open ? listed.length - 1 : listed.length);
    if (keyed === 0) {
      if (listed.length === 0) return 'new Table()';
      return `listTable(${arraySize},[undefined,${this.list(listed.map((item) => item.value))}],${open})`;
    }
    const table = this.reserve();
    let code = `(${table}=new Table(${arraySize},${roundedSize(keyed)}),`;
    let list = '';
    if (listed.length > 0) {
      list = this.reserve();
      code += `${list}=[undefined],`;
    }
    for (const item of node.items) {
      if (item.key === null) {
        code += `${list}.push(${item === last ? this.list([item.value]) : this.value(item.value)}),`;
      } else if (item.key.kind === 'string') {
        code += `${table}.putString(${literal(item.key.value)},${this.value(item.value)}),`;
      } else {
        const key = this.value(item.key);
        code += `${table}${this.chunk.site(item.line)}.put(${key},${this.value(item.value)}),`;
      }
    }
    this.release(listed.length > 0 ? 2 : 1);
    return `${code}${listed.length > 0 ? `fillTable(${table},${list},${open})` : table})`;
  }
}

function numberLiteral(value: number): string {
  if (value === Infinity) return '(1/0)';
  if (value === -Infinity) return '(-1/0)';
  return value < 0 ? `(${value})` : String(value);
}

function plainOperation(operator: string, left: string, right: string): string {
  if (operator === '%') return `modulo(${left},${right})`;
  if (operator === '^') return `power(${left},${right})`;
  // Blanks, so that no operand's sign joins the operator.
  return `(${left} ${operator} ${right})`;
}
