/**
 * Which variable a name means: the scopes of the functions that are being parsed, and Lua 5.1's limits on them.
 * Fills in what the syntax tree says about variables; knows no syntax.
 */
import type { FunctionBody, GlobalExpression, LocalExpression, Variable } from './syntax-tree.ts';

const LOCALS_MAX = 200;
const UPVALUES_MAX = 60;

/** Says that a function exceeds a limit; the parser adds the place. */
export class LimitExceeded extends Error {}

/** A function that is being parsed. */
class FunctionScope {
  readonly body: FunctionBody;
  readonly outer: FunctionScope | null;
  /** Declared and visible, the innermost last. */
  readonly visible: Variable[] = [];
  readonly upvalues: Set<Variable> = new Set();
  /** How many loops are open. */
  loops = 0;
  /** Control variables of open loops: nameless, but they count. */
  hidden = 0;

  constructor(body: FunctionBody, outer: FunctionScope | null) {
    this.body = body;
    this.outer = outer;
  }
}

export class Scopes {
  #current: FunctionScope | null = null;
  #variables = 0;

  get body(): FunctionBody {
    return this.#current!.body;
  }

  openFunction(line: number): FunctionBody {
    const parent = this.#current?.body ?? null;
    const body: FunctionBody = { parent, line, parameters: [], isVararg: false, argTable: null, usesArg: false, usesVararg: false, block: [], calls: false };
    this.#current = new FunctionScope(body, this.#current);
    return body;
  }

  closeFunction(): void {
    this.#current = this.#current!.outer;
  }

  /** A variable that becomes visible with `show`. @throws LimitExceeded */
  create(name: string, pending = 0): Variable {
    const scope = this.#current!;
    if (scope.visible.length + scope.hidden + pending + 1 > LOCALS_MAX) throw this.#limit(LOCALS_MAX, 'local variables');
    return { name, id: this.#variables++, owner: scope.body, assigned: false, captured: false };
  }

  show(variable: Variable): void {
    this.#current!.visible.push(variable);
  }

  /** Counts nameless variables: those of a loop's control. */
  hide(count: number): void {
    const scope = this.#current!;
    if (scope.visible.length + scope.hidden + count > LOCALS_MAX) throw this.#limit(LOCALS_MAX, 'local variables');
    scope.hidden += count;
  }

  openBlock(): number {
    return this.#current!.visible.length;
  }

  closeBlock(mark: number): void {
    this.#current!.visible.length = mark;
  }

  enterLoop(): void {
    this.#current!.loops++;
  }

  leaveLoop(hidden = 0): void {
    this.#current!.loops--;
    this.#current!.hidden -= hidden;
  }

  get inLoop(): boolean {
    return this.#current!.loops > 0;
  }

  /** Lets the function have 5.0's `arg`. @throws LimitExceeded */
  declareArg(): void {
    const { body } = this.#current!;
    body.argTable = this.create('arg');
    this.show(body.argTable);
  }

  /** @throws LimitExceeded */
  resolve(name: string, line: number): LocalExpression | GlobalExpression {
    const variable = this.#find(this.#current!, name);
    if (variable === null) return { kind: 'global', name, line };
    if (variable === variable.owner.argTable) variable.owner.usesArg = true;
    return { kind: 'local', variable, upvalue: variable.owner !== this.#current!.body };
  }

  #find(scope: FunctionScope, name: string): Variable | null {
    for (let at = scope.visible.length - 1; at >= 0; at--) {
      if (scope.visible[at]!.name === name) return scope.visible[at]!;
    }
    if (scope.outer === null) return null;
    const variable = this.#find(scope.outer, name);
    if (variable === null) return null;
    variable.captured = true;
    if (!scope.upvalues.has(variable)) {
      if (scope.upvalues.size >= UPVALUES_MAX) throw this.#limit(UPVALUES_MAX, 'upvalues', scope);
      scope.upvalues.add(variable);
    }
    return variable;
  }

  #limit(limit: number, what: string, scope = this.#current!): LimitExceeded {
    const where = scope.outer === null ? 'main function' : `function at line ${scope.body.line}`;
    return new LimitExceeded(`${where} has more than ${limit} ${what}`);
  }
}
