/**
 * Lua 5.1's grammar: text to syntax tree, with exactly the messages that the C parser has for what is no Lua. Resolves names on the
 * way (scope.ts), since some of those messages are about variables. Generates no code.
 */
import { power } from '../power.ts';
import { END, Lexer, NAME, NUMBER, STRING, type Token } from './lexer.ts';
import { isDecided } from './operand-names.ts';
import { modulo } from './operators.ts';
import { LimitExceeded, Scopes } from './scope.ts';
import type {
  BinaryOperator, CallExpression, Expression, FunctionBody, MethodExpression, Statement, TableItem, Target, Variable,
} from './syntax-tree.ts';
import { isConstant } from './syntax-tree.ts';

/** How deep constructs may nest: C's LUAI_MAXCCALLS. */
const LEVELS_MAX = 200;
const UNARY_PRIORITY = 8;
/** Left and right priority of the binary operators. */
const PRIORITY: ReadonlyMap<Token, readonly [left: number, right: number]> = new Map([
  ['or', [1, 1]], ['and', [2, 2]],
  ['<', [3, 3]], ['>', [3, 3]], ['<=', [3, 3]], ['>=', [3, 3]], ['~=', [3, 3]], ['==', [3, 3]],
  ['..', [5, 4]],
  ['+', [6, 6]], ['-', [6, 6]],
  ['*', [7, 7]], ['/', [7, 7]], ['%', [7, 7]],
  ['^', [10, 9]],
] as const);
const BLOCK_ENDS = new Set(['else', 'elseif', 'end', 'until', END]);

/**
 * Parses a whole chunk to its main function.
 * @param level how many C calls are within each other already: they count towards the levels of syntax
 * @throws LuaSyntaxError
 */
export function parseChunk(source: string, chunkName: string, level = 0): FunctionBody {
  return new Parser(source, chunkName, level).chunk();
}

class Parser {
  readonly #lexer: Lexer;
  readonly #scopes = new Scopes();
  #levels: number;

  constructor(source: string, chunkName: string, level: number) {
    this.#levels = level;
    this.#lexer = new Lexer(source, chunkName);
  }

  chunk(): FunctionBody {
    try {
      const body = this.#scopes.openFunction(0);
      body.isVararg = true;
      body.block = this.#statements();
      this.#check(END);
      this.#scopes.closeFunction();
      return body;
    } catch (error) {
      if (error instanceof LimitExceeded) throw this.#lexer.error(error.message, null);
      throw error;
    }
  }

  // ---- Tokens ----

  #accept(token: Token): boolean {
    if (this.#lexer.token !== token) return false;
    this.#lexer.next();
    return true;
  }

  #check(token: Token): void {
    if (this.#lexer.token !== token) throw this.#lexer.syntaxError(`'${token}' expected`);
  }

  #expect(token: Token): void {
    this.#check(token);
    this.#lexer.next();
  }

  /** The token that closes what `opening` opened. */
  #close(token: Token, opening: Token, line: number): void {
    if (this.#accept(token)) return;
    if (line === this.#lexer.line) this.#check(token);
    throw this.#lexer.syntaxError(`'${token}' expected (to close '${opening}' at line ${line})`);
  }

  #name(): string {
    this.#check(NAME);
    const { text } = this.#lexer;
    this.#lexer.next();
    return text;
  }

  #enter(): void {
    if (++this.#levels > LEVELS_MAX) throw this.#lexer.error('chunk has too many syntax levels', null);
  }

  // ---- Statements ----

  #statements(): Statement[] {
    this.#enter();
    const statements: Statement[] = [];
    let last = false;
    while (!last && !BLOCK_ENDS.has(this.#lexer.token)) {
      const statement = this.#statement();
      statements.push(statement);
      last = statement.kind === 'return' || statement.kind === 'break';
      this.#accept(';');
    }
    this.#levels--;
    return statements;
  }

  #block(): Statement[] {
    const mark = this.#scopes.openBlock();
    const statements = this.#statements();
    this.#scopes.closeBlock(mark);
    return statements;
  }

  #statement(): Statement {
    const { line, token } = this.#lexer;
    switch (token) {
      case 'if': return this.#if(line);
      case 'while': return this.#while(line);
      case 'do': {
        this.#lexer.next();
        const block = this.#block();
        this.#close('end', 'do', line);
        return { kind: 'do', block };
      }
      case 'for': return this.#for(line);
      case 'repeat': return this.#repeat(line);
      case 'function': return this.#functionStatement(line);
      case 'local':
        this.#lexer.next();
        return this.#accept('function') ? this.#localFunction() : this.#local();
      case 'return': return this.#return();
      case 'break':
        this.#lexer.next();
        if (!this.#scopes.inLoop) throw this.#lexer.syntaxError('no loop to break');
        return { kind: 'break' };
      default: return this.#expressionStatement();
    }
  }

  #if(line: number): Statement {
    const branches: { condition: Expression; block: Statement[] }[] = [];
    do {
      this.#lexer.next();
      const condition = this.#expression();
      this.#expect('then');
      branches.push({ condition, block: this.#block() });
    } while (this.#lexer.token === 'elseif');
    const otherwise = this.#accept('else') ? this.#block() : null;
    this.#close('end', 'if', line);
    return { kind: 'if', branches, otherwise };
  }

  #while(line: number): Statement {
    this.#lexer.next();
    const condition = this.#expression();
    this.#scopes.enterLoop();
    this.#expect('do');
    const block = this.#block();
    this.#close('end', 'while', line);
    this.#scopes.leaveLoop();
    return { kind: 'while', condition, block };
  }

  #repeat(line: number): Statement {
    this.#scopes.enterLoop();
    const mark = this.#scopes.openBlock();
    this.#lexer.next();
    const block = this.#statements();
    this.#close('until', 'repeat', line);
    const condition = this.#expression();
    this.#scopes.closeBlock(mark);
    this.#scopes.leaveLoop();
    return { kind: 'repeat', block, condition };
  }

  #for(line: number): Statement {
    this.#scopes.enterLoop();
    this.#lexer.next();
    const name = this.#name();
    let statement: Statement;
    if (this.#lexer.token === '=') statement = this.#numericFor(name);
    else if (this.#lexer.token === ',' || this.#lexer.token === 'in') statement = this.#genericFor(name);
    else throw this.#lexer.syntaxError("'=' or 'in' expected");
    this.#close('end', 'for', line);
    this.#scopes.leaveLoop(3);
    return statement;
  }

  #numericFor(name: string): Statement {
    this.#scopes.hide(3);
    const variable = this.#scopes.create(name);
    this.#lexer.next();
    const first = this.#expression();
    this.#expect(',');
    const limit = this.#expression();
    const step = this.#accept(',') ? this.#expression() : null;
    this.#expect('do');
    const line = this.#lexer.lastLine;
    return { kind: 'numeric for', variable, first, limit, step, block: this.#loopBlock([variable]), line };
  }

  #genericFor(name: string): Statement {
    this.#scopes.hide(3);
    const variables = [this.#scopes.create(name)];
    while (this.#accept(',')) variables.push(this.#scopes.create(this.#name(), variables.length));
    this.#expect('in');
    const { line } = this.#lexer;
    const values = this.#expressions();
    this.#expect('do');
    return { kind: 'generic for', variables, values, block: this.#loopBlock(variables), line };
  }

  #loopBlock(variables: readonly Variable[]): Statement[] {
    const mark = this.#scopes.openBlock();
    for (const variable of variables) this.#scopes.show(variable);
    const block = this.#statements();
    this.#scopes.closeBlock(mark);
    return block;
  }

  #functionStatement(line: number): Statement {
    this.#lexer.next();
    let target: Target = this.#variable();
    let isMethod = false;
    while (!isMethod && (this.#lexer.token === '.' || this.#lexer.token === ':')) {
      isMethod = this.#lexer.token === ':';
      this.#lexer.next();
      target = { kind: 'index', object: target, key: { kind: 'string', value: this.#name() }, line: this.#lexer.lastLine };
    }
    const body = this.#body(isMethod, line);
    markAssigned(target);
    return { kind: 'assignment', targets: [target], values: [{ kind: 'function', body }], line };
  }

  #localFunction(): Statement {
    const variable = this.#scopes.create(this.#name());
    this.#scopes.show(variable);
    return { kind: 'local function', variable, body: this.#body(false, this.#lexer.line) };
  }

  #local(): Statement {
    const variables: Variable[] = [];
    do variables.push(this.#scopes.create(this.#name(), variables.length));
    while (this.#accept(','));
    const values = this.#accept('=') ? this.#expressions() : [];
    for (const variable of variables) this.#scopes.show(variable);
    return { kind: 'local', variables, values };
  }

  #return(): Statement {
    this.#lexer.next();
    const { token } = this.#lexer;
    return { kind: 'return', values: BLOCK_ENDS.has(token) || token === ';' ? [] : this.#expressions() };
  }

  #expressionStatement(): Statement {
    const first = this.#primary();
    if (first.kind === 'call' || first.kind === 'method') return { kind: 'call', call: first };
    const targets = [this.#target(first)];
    while (this.#accept(',')) {
      targets.push(this.#target(this.#primary()));
      if (targets.length > LEVELS_MAX - this.#levels + 1) {
        const where = this.#scopes.body.parent === null ? 'main function' : `function at line ${this.#scopes.body.line}`;
        throw new LimitExceeded(`${where} has more than ${LEVELS_MAX - this.#levels} variables in assignment`);
      }
    }
    this.#expect('=');
    const values = this.#expressions();
    for (const target of targets) markAssigned(target);
    return { kind: 'assignment', targets, values, line: this.#lexer.lastLine };
  }

  #target(expression: Expression): Target {
    if (expression.kind === 'local' || expression.kind === 'global' || expression.kind === 'index') return expression;
    throw this.#lexer.syntaxError('syntax error');
  }

  // ---- Expressions ----

  #expressions(): Expression[] {
    const expressions = [this.#expression()];
    while (this.#accept(',')) {
      this.#settle(expressions[expressions.length - 1]!);
      expressions.push(this.#expression());
    }
    return expressions;
  }

  /** Lua fetches a global or a field only when it knows what comes behind: the fetching counts to the line where that is. */
  #settle(expression: Expression): void {
    if (expression.kind === 'global' || expression.kind === 'index') expression.line = this.#lexer.lastLine;
  }

  #expression(limit = 0): Expression {
    this.#enter();
    let left = this.#operand();
    for (;;) {
      const operator = this.#lexer.token;
      const priority = PRIORITY.get(operator);
      if (priority === undefined || priority[0] <= limit) break;
      this.#lexer.next();
      this.#settle(left);
      const right = this.#expression(priority[1]);
      if (operator === 'and' || operator === 'or') left = isDecided(operator, left) ? parenthesized(right) : { kind: operator, left, right };
      else left = binaryOrConstant(operator as BinaryOperator, left, right, this.#lexer.lastLine);
    }
    this.#levels--;
    return left;
  }

  #operand(): Expression {
    const { token } = this.#lexer;
    if (token !== 'not' && token !== '-' && token !== '#') return this.#simple();
    this.#lexer.next();
    const operand = this.#expression(UNARY_PRIORITY);
    if (token === '-' && operand.kind === 'number') return { kind: 'number', value: -operand.value };
    if (token === 'not' && isConstant(operand)) return { kind: isDecided('or', operand) ? 'true' : 'false' };
    const kind = token === 'not' ? 'not' : token === '-' ? 'minus' : 'length';
    return { kind, operand, line: this.#lexer.lastLine };
  }

  #simple(): Expression {
    const lexer = this.#lexer;
    let expression: Expression;
    switch (lexer.token) {
      case NUMBER: expression = { kind: 'number', value: lexer.number }; break;
      case STRING: expression = { kind: 'string', value: lexer.text }; break;
      case 'nil': case 'true': case 'false': expression = { kind: lexer.token }; break;
      case '...':
        if (!this.#scopes.body.isVararg) throw lexer.syntaxError("cannot use '...' outside a vararg function");
        this.#scopes.body.usesVararg = true;
        expression = { kind: 'vararg' };
        break;
      case '{': return this.#table();
      case 'function':
        lexer.next();
        return { kind: 'function', body: this.#body(false, lexer.line) };
      default: return this.#primary();
    }
    lexer.next();
    return expression;
  }

  #variable(): Target {
    const name = this.#name();
    return this.#scopes.resolve(name, this.#lexer.lastLine);
  }

  #prefix(): Expression {
    const { token, line } = this.#lexer;
    if (token === NAME) return this.#variable();
    if (token !== '(') throw this.#lexer.syntaxError('unexpected symbol');
    this.#lexer.next();
    const inner = this.#expression();
    this.#close(')', '(', line);
    this.#settle(inner);
    return parenthesized(inner);
  }

  #primary(): Expression {
    const lexer = this.#lexer;
    let expression = this.#prefix();
    for (;;) {
      switch (lexer.token) {
        case '.': {
          lexer.next();
          const key: Expression = { kind: 'string', value: this.#name() };
          expression = { kind: 'index', object: expression, key, line: lexer.lastLine };
          break;
        }
        case '[': {
          lexer.next();
          const key = this.#expression();
          this.#expect(']');
          expression = { kind: 'index', object: expression, key, line: lexer.lastLine };
          break;
        }
        case ':': {
          lexer.next();
          const name = this.#name();
          this.#settle(expression);
          expression = this.#methodCall(expression, name, lexer.lastLine);
          break;
        }
        case '(': case STRING: case '{': {
          const { line } = lexer;
          expression = { kind: 'call', callee: expression, args: this.#args(), line };
          break;
        }
        default: return expression;
      }
    }
  }

  #methodCall(object: Expression, name: string, nameLine: number): MethodExpression {
    const { line } = this.#lexer;
    return { kind: 'method', object, name, args: this.#args(), nameLine, line };
  }

  #args(): CallExpression['args'] {
    const lexer = this.#lexer;
    const { line } = lexer;
    this.#scopes.body.calls = true;
    if (lexer.token === STRING) {
      const value = lexer.text;
      lexer.next();
      return [{ kind: 'string', value }];
    }
    if (lexer.token === '{') return [this.#table()];
    if (lexer.token !== '(') throw lexer.syntaxError('function arguments expected');
    if (line !== lexer.lastLine) throw lexer.syntaxError('ambiguous syntax (function call x new statement)');
    lexer.next();
    const args = (lexer.token as Token) === ')' ? [] : this.#expressions();
    this.#close(')', '(', line);
    if (args.length > 0) this.#settle(args[args.length - 1]!);
    return args;
  }

  #table(): Expression {
    const lexer = this.#lexer;
    const { line } = lexer;
    const items: TableItem[] = [];
    this.#expect('{');
    do {
      if (lexer.token === '}') break;
      items.push(this.#tableItem());
    } while (this.#acceptSeparator(items[items.length - 1]!));
    this.#close('}', '{', line);
    if (items.length > 0) this.#settleItem(items[items.length - 1]!);
    return { kind: 'table', items, line: lexer.lastLine };
  }

  #acceptSeparator(item: TableItem): boolean {
    if (!this.#accept(',') && !this.#accept(';')) return false;
    this.#settleItem(item);
    return true;
  }

  #settleItem(item: TableItem): void {
    if (item.key === null) this.#settle(item.value);
  }

  #tableItem(): TableItem {
    const lexer = this.#lexer;
    let key: Expression | null = null;
    if (lexer.token === '[') {
      lexer.next();
      key = this.#expression();
      this.#expect(']');
    } else if (lexer.token === NAME && lexer.lookAhead() === '=') {
      key = { kind: 'string', value: this.#name() };
    }
    if (key !== null) this.#expect('=');
    const value = this.#expression();
    return { key, value, line: lexer.lastLine };
  }

  #body(isMethod: boolean, line: number): FunctionBody {
    const body = this.#scopes.openFunction(line);
    this.#expect('(');
    if (isMethod) this.#parameter('self');
    if (this.#lexer.token !== ')') this.#parameters();
    for (const parameter of body.parameters) this.#scopes.show(parameter);
    if (body.isVararg) this.#scopes.declareArg();
    this.#expect(')');
    body.block = this.#statements();
    this.#close('end', 'function', line);
    this.#scopes.closeFunction();
    return body;
  }

  #parameters(): void {
    const { body } = this.#scopes;
    do {
      if (this.#accept('...')) body.isVararg = true;
      else if (this.#lexer.token === NAME) this.#parameter(this.#name());
      else throw this.#lexer.syntaxError("<name> or '...' expected");
    } while (!body.isVararg && this.#accept(','));
  }

  #parameter(name: string): void {
    const { parameters } = this.#scopes.body;
    parameters.push(this.#scopes.create(name, parameters.length));
  }
}

/** One value. To C a constant is the same in parentheses. */
function parenthesized(inner: Expression): Expression {
  return isConstant(inner) ? inner : { kind: 'parenthesis', inner };
}

/** Arithmetic of constants is done here, as in C: not divisions by zero, and nothing that gives no number. */
function binaryOrConstant(operator: BinaryOperator, left: Expression, right: Expression, line: number): Expression {
  if (left.kind === 'number' && right.kind === 'number') {
    const value = constantResult(operator, left.value, right.value);
    if (value === value) return { kind: 'number', value };
  }
  return { kind: 'binary', operator, left, right, line };
}

/** NaN: not to be done. */
function constantResult(operator: BinaryOperator, left: number, right: number): number {
  switch (operator) {
    case '+': return left + right;
    case '-': return left - right;
    case '*': return left * right;
    case '/': return right === 0 ? NaN : left / right;
    case '%': return right === 0 ? NaN : modulo(left, right);
    case '^': return power(left, right);
    default: return NaN;
  }
}

function markAssigned(target: Target): void {
  if (target.kind === 'local') target.variable.assigned = true;
}
