/**
 * The three kinds of error. A CommandError is what a client sees; an OperationalError is the world's fault (disk, peer);
 * an InvariantViolation is our own and ends the process.
 */

const V8Error = Error as ErrorConstructor & { stackTraceLimit: number };

/** An error reply. `message` is what goes out after the '-'. Carries no stack: it is thrown in normal operation. */
export class CommandError extends Error {
  constructor(message: string) {
    const limit = V8Error.stackTraceLimit;
    V8Error.stackTraceLimit = 0;
    super(message);
    V8Error.stackTraceLimit = limit;
    this.name = 'CommandError';
  }
}

/** Something outside the program failed. `code` is stable and meant for programs, the message for people. */
export class OperationalError extends Error {
  readonly code: string;
  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'OperationalError';
    this.code = code;
  }
}

/** A rule that the program itself must keep does not hold: a bug. Never caught, except to log it and exit. */
export class InvariantViolation extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'InvariantViolation';
  }
}

/** Throws InvariantViolation unless `condition` holds. Stays on in production: keep the condition cheap. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantViolation(message);
}
