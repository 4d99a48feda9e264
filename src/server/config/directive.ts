/**
 * What a directive of redis.conf is, and the checks of its value. Texts of errors are Redis's: clients show them, suites
 * compare them.
 */

export type DirectiveKind =
  | { readonly type: 'bool' }
  | { readonly type: 'int'; readonly min: number; readonly max: number }
  /** An integer; what is not within the bounds is taken for the bound. */
  | { readonly type: 'hint'; readonly least: number; readonly most: number }
  /** An integer shown and read in base 8. */
  | { readonly type: 'octal'; readonly max: number }
  /** Bytes, with units. */
  | { readonly type: 'memory'; readonly min: number; readonly max: number }
  /** Bytes, or a percentage of maxmemory. */
  | { readonly type: 'memory-or-percent' }
  | { readonly type: 'enum'; readonly values: readonly string[] }
  | { readonly type: 'string' }
  /** Several words. `check` gets them and may return another form; it throws DirectiveError. */
  | { readonly type: 'words'; readonly check?: (words: readonly string[]) => readonly string[] };

export interface Directive {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly kind: DirectiveKind;
  /** As CONFIG GET shows it. */
  readonly default: string;
  /** Whether CONFIG SET may change it; a protected one only where enable-protected-configs says so. */
  readonly mutable: boolean;
  readonly protected: boolean;
  /** What CONFIG SET is told that gives another value, where Redis could take it and this server only at its start; else null. */
  readonly atStartOnly: string | null;
  /** Why it has no effect here, or null if it has one. */
  readonly withoutEffect: string | null;
  /** Whether CONFIG GET shows it only to who asks for its very name. */
  readonly hidden: boolean;
  /** Values that are understood but cannot be had here, with the reason. */
  readonly refuse: ((value: string) => string | null) | null;
}

export interface DirectiveOptions {
  readonly mutable?: boolean;
  readonly protected?: boolean;
  readonly aliases?: readonly string[];
  readonly refuse?: (value: string) => string | null;
  readonly withoutEffect?: string;
  readonly hidden?: boolean;
  readonly atStartOnly?: string;
}

export function directive(name: string, kind: DirectiveKind, value: string, options: DirectiveOptions = {}): Directive {
  return {
    name,
    kind,
    default: value,
    aliases: options.aliases ?? [],
    mutable: options.mutable ?? true,
    protected: options.protected ?? false,
    withoutEffect: options.withoutEffect ?? null,
    hidden: options.hidden ?? false,
    atStartOnly: options.atStartOnly ?? null,
    refuse: options.refuse ?? null,
  };
}

export const INT_MAX = 2147483647;
export const bool: DirectiveKind = { type: 'bool' };
export const string: DirectiveKind = { type: 'string' };
export const words: DirectiveKind = { type: 'words' };
export const int = (min = 0, max = INT_MAX): DirectiveKind => ({ type: 'int', min, max });
export const long = (min = 0): DirectiveKind => ({ type: 'int', min, max: Number.MAX_SAFE_INTEGER });
export const memory = (min = 0, max = Number.MAX_SAFE_INTEGER): DirectiveKind => ({ type: 'memory', min, max });
export const oneOf = (...values: string[]): DirectiveKind => ({ type: 'enum', values });

/** Refuses everything but one value. */
export const only = (wanted: string, reason: string) => (value: string): string | null => (value.toLowerCase() === wanted ? null : reason);

/** A value that cannot be; the message is what follows " - " in CONFIG SET's error. */
export class DirectiveError extends Error {}

const UNITS: Record<string, number> = {
  '': 1, b: 1, k: 1000, kb: 1024, m: 1e6, mb: 1024 ** 2, g: 1e9, gb: 1024 ** 3,
};

/** Bytes of "64mb" and the like, or -1. */
export function memoryBytes(text: string): number {
  const match = /^(\d{1,16})([a-z]*)$/i.exec(text);
  const unit = match === null ? undefined : UNITS[match[2]!.toLowerCase()];
  return match === null || unit === undefined ? -1 : Number(match[1]) * unit;
}

function integer(value: string): number {
  if (!/^-?\d+$/.test(value)) throw new DirectiveError("argument couldn't be parsed into an integer");
  return Number(value);
}

function inRange(number: number, min: number, max: number): string {
  if (number < min || number > max) throw new DirectiveError(`argument must be between ${min} and ${max} inclusive`);
  return String(number);
}

/**
 * The value in the form in which CONFIG GET shows it.
 * @param given the directive's words; for CONFIG SET the one string that was given.
 * @throws DirectiveError with Redis's text.
 */
export function normalize(row: Directive, given: readonly string[]): string {
  const value = normalForm(row.kind, given);
  const reason = row.refuse?.(value) ?? null;
  if (reason !== null) throw new DirectiveError(reason);
  return value;
}

function normalForm(kind: DirectiveKind, given: readonly string[]): string {
  if (kind.type === 'words') {
    // One argument stands for all of them: CONFIG SET save "900 1".
    const list = given.length === 1 ? given[0]!.split(' ').filter((word) => word !== '') : given;
    return (kind.check?.(list) ?? list).join(' ');
  }
  if (given.length !== 1) throw new DirectiveError('wrong number of arguments');
  const value = given[0]!;
  switch (kind.type) {
    case 'string':
      return value;
    case 'bool':
      if (!/^(yes|no)$/i.test(value)) throw new DirectiveError("argument must be 'yes' or 'no'");
      return value.toLowerCase();
    case 'enum': {
      const found = kind.values.find((name) => name === value.toLowerCase());
      if (found === undefined) throw new DirectiveError(`argument(s) must be one of the following: ${kind.values.join(', ')}`);
      return found;
    }
    case 'octal': {
      if (!/^[0-7]{1,6}$/.test(value)) throw new DirectiveError("argument couldn't be parsed as an octal number");
      if (parseInt(value, 8) > kind.max) throw new DirectiveError(`argument must be between 0 and ${kind.max.toString(8)} inclusive`);
      return parseInt(value, 8).toString(8);
    }
    case 'memory': {
      const bytes = memoryBytes(value);
      if (bytes < 0) throw new DirectiveError('argument must be a memory value');
      return inRange(bytes, kind.min, kind.max);
    }
    case 'memory-or-percent': {
      const percent = /^(\d+)%$/.exec(value);
      if (percent !== null && Number(percent[1]) > 100) throw new DirectiveError('percentage argument must be less or equal to 100');
      if (percent !== null) return `${Number(percent[1])}%`;
      if (memoryBytes(value) < 0) throw new DirectiveError('argument must be a memory or percent value');
      return String(memoryBytes(value));
    }
    case 'int':
      return inRange(integer(value), kind.min, kind.max);
    case 'hint':
      return String(Math.min(Math.max(Number(inRange(integer(value), 0, INT_MAX)), kind.least), kind.most));
  }
}
