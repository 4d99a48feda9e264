/**
 * The syntax tree of a chunk, with its names resolved: what the parser gives the generator. Types only.
 *
 * `line` of a node is the line that Lua notes for the instruction that may fail there.
 */

/** A local variable or parameter. */
export interface Variable {
  readonly name: string;
  /** Unique in the chunk. */
  readonly id: number;
  readonly owner: FunctionBody;
  /** Assigned after its declaration. */
  assigned: boolean;
  /** Used by an inner function. */
  captured: boolean;
}

export interface FunctionBody {
  readonly parent: FunctionBody | null;
  readonly line: number;
  parameters: Variable[];
  isVararg: boolean;
  /** 5.0's table of the extra arguments: nil in a function that uses `...` itself. */
  argTable: Variable | null;
  usesArg: boolean;
  usesVararg: boolean;
  block: Statement[];
  /** Calls anything: what calls nothing cannot recurse. */
  calls: boolean;
}

export type BinaryOperator = '+' | '-' | '*' | '/' | '%' | '^' | '..' | '==' | '~=' | '<' | '<=' | '>' | '>=';

export interface LocalExpression {
  readonly kind: 'local';
  readonly variable: Variable;
  /** The variable is an outer function's. */
  readonly upvalue: boolean;
}
export interface GlobalExpression { readonly kind: 'global'; readonly name: string; line: number }
export interface IndexExpression { readonly kind: 'index'; readonly object: Expression; readonly key: Expression; line: number }
export interface CallExpression { readonly kind: 'call'; readonly callee: Expression; readonly args: Expression[]; readonly line: number }
export interface MethodExpression {
  readonly kind: 'method';
  readonly object: Expression;
  readonly name: string;
  readonly args: Expression[];
  /** Of the name, and of the arguments. */
  readonly nameLine: number;
  readonly line: number;
}
export interface BinaryExpression {
  readonly kind: 'binary';
  readonly operator: BinaryOperator;
  readonly left: Expression;
  readonly right: Expression;
  readonly line: number;
}
export interface LogicalExpression { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
export interface UnaryExpression { readonly kind: 'not' | 'minus' | 'length'; readonly operand: Expression; readonly line: number }
export interface TableItem {
  /** Null for an item of the list. */
  readonly key: Expression | null;
  readonly value: Expression;
  readonly line: number;
}
export interface TableExpression { readonly kind: 'table'; readonly items: TableItem[]; readonly line: number }

export type Expression =
  | { readonly kind: 'nil' | 'true' | 'false' | 'vararg' }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'function'; readonly body: FunctionBody }
  | { readonly kind: 'parenthesis'; readonly inner: Expression }
  | LocalExpression
  | GlobalExpression
  | IndexExpression
  | CallExpression
  | MethodExpression
  | BinaryExpression
  | LogicalExpression
  | UnaryExpression
  | TableExpression;

export type Target = LocalExpression | GlobalExpression | IndexExpression;

export type Statement =
  | { readonly kind: 'local'; readonly variables: Variable[]; readonly values: Expression[] }
  | { readonly kind: 'local function'; readonly variable: Variable; readonly body: FunctionBody }
  | { readonly kind: 'assignment'; readonly targets: Target[]; readonly values: Expression[]; readonly line: number }
  | { readonly kind: 'call'; readonly call: CallExpression | MethodExpression }
  | { readonly kind: 'do'; readonly block: Statement[] }
  | { readonly kind: 'while'; readonly condition: Expression; readonly block: Statement[] }
  | { readonly kind: 'repeat'; readonly block: Statement[]; readonly condition: Expression }
  | { readonly kind: 'if'; readonly branches: { readonly condition: Expression; readonly block: Statement[] }[]; readonly otherwise: Statement[] | null }
  | {
      readonly kind: 'numeric for';
      readonly variable: Variable;
      readonly first: Expression;
      readonly limit: Expression;
      readonly step: Expression | null;
      readonly block: Statement[];
      readonly line: number;
    }
  | { readonly kind: 'generic for'; readonly variables: Variable[]; readonly values: Expression[]; readonly block: Statement[]; readonly line: number }
  | { readonly kind: 'return'; readonly values: Expression[] }
  | { readonly kind: 'break' };

/** Whether the expression may have any number of values where several are taken. */
export function isMultiple(expression: Expression): expression is CallExpression | MethodExpression | { readonly kind: 'vararg' } {
  return expression.kind === 'call' || expression.kind === 'method' || expression.kind === 'vararg';
}

export function isConstant(expression: Expression): boolean {
  switch (expression.kind) {
    case 'nil': case 'true': case 'false': case 'number': case 'string': return true;
    default: return false;
  }
}
