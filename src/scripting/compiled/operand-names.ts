/**
 * What messages call the value of an expression, such as "local 'x'" in "attempt to index local 'x' (a nil value)".
 *
 * Lua 5.1 has no such names at hand: it looks for the instruction that set the failing register last, walking over the code as if every
 * jump forward were taken. So it knows no more than that, and what is here follows that walk through its compiler's code for an
 * expression. Nothing here may change what a script does.
 */
import type { Expression } from './syntax-tree.ts';

/** "local 'x'"; '' for a value that has no name. */
export function nameOf(expression: Expression): string {
  switch (expression.kind) {
    case 'local': return `${expression.upvalue ? 'upvalue' : 'local'} '${cText(expression.variable.name)}'`;
    case 'global': return `global '${cText(expression.name)}'`;
    case 'index': return `field '${expression.key.kind === 'string' ? cText(expression.key.value) : '?'}'`;
    case 'parenthesis': return nameOf(expression.inner);
    case 'and': case 'or': {
      const exit = exitOf(expression);
      return typeof exit === 'string' ? '' : nameOf(exit);
    }
    default: return '';
  }
}

/**
 * `nameOf` for the right operand of `..`: of `a .. b .. c` Lua makes one instruction, which leaves what comes of `b .. c` in b's register.
 * That has to be a metamethod's result if it fails.
 */
export function rightNameOf(expression: Expression): string {
  if (expression.kind === 'parenthesis') return rightNameOf(expression.inner);
  return nameOf(expression.kind === 'binary' && expression.operator === '..' ? expression.left : expression);
}

/** C strings end at a zero. */
export function cText(text: string): string {
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

/**
 * Where the walk leaves an expression: by a jump to where it is true, or false; or not before its last operand, whose value is then the
 * expression's.
 */
type Exit = 'true' | 'false' | Expression;

function exitOf(expression: Expression): Exit {
  switch (expression.kind) {
    case 'parenthesis': return exitOf(expression.inner);
    case 'not': {
      const exit = exitOf(expression.operand);
      if (typeof exit !== 'string') return expression;
      return exit === 'true' ? 'false' : 'true';
    }
    case 'and': case 'or': {
      const leaving = expression.kind === 'and' ? 'false' : 'true';
      const exit = exitOf(expression.left);
      // An operand that always goes on has no jump.
      if (exit === leaving || (typeof exit !== 'string' && !isDecided(expression.kind, exit))) return leaving;
      return exitOf(expression.right);
    }
    default: return expression;
  }
}

/** Whether a constant on the left leaves just the right operand: C makes no code for it. */
export function isDecided(operator: 'and' | 'or', left: Expression): boolean {
  if (operator === 'or') return left.kind === 'nil' || left.kind === 'false';
  return left.kind === 'number' || left.kind === 'string' || left.kind === 'true';
}
