/**
 * Reads redis.conf files and redis-server's command line into directives, line by line as Redis does: the arguments are
 * so many lines behind those of the file. Checks nothing of what they mean.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { globMatch } from '../../shared/glob.ts';
import { REDIS_VERSION } from '../version.ts';
import { quoteWord, splitWords } from '../../shared/split-words.ts';

/** A directive as it was given, and where. */
export interface GivenDirective {
  /** Lower case. */
  readonly name: string;
  readonly values: readonly string[];
  /** Line in its file; arguments count on behind the file's lines. */
  readonly line: number;
  readonly text: string;
}

export interface GivenConfig {
  /** Absolute path of the file, which CONFIG REWRITE rewrites; null when there is none. */
  readonly file: string | null;
  readonly directives: readonly GivenDirective[];
}

/** A configuration that cannot be: the start ends with `message` on standard error. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }

  /** What Redis says of a bad line. */
  static at(line: number, text: string, reason: string): ConfigError {
    return new ConfigError(
      `\n*** FATAL CONFIG FILE ERROR (Redis ${REDIS_VERSION}) ***\nReading the configuration file, at line ${line}\n>>> '${text}'\n${reason}`,
    );
  }
}

const INCLUDES_MAX = 16;
const STDIN = 0;

/**
 * redis-server's arguments: an optional file first ("-" is standard input), then `--name value …`.
 * @throws ConfigError
 */
export function readArguments(args: readonly string[]): GivenConfig {
  const hasFile = args[0] !== undefined && (!args[0].startsWith('-') || args[0] === '-');
  const lines: string[] = [];
  let file: string | null = null;
  let rest = args;
  if (hasFile) {
    rest = args.slice(1);
    if (args[0] !== '-') file = resolve(args[0]!);
    lines.push(...readFile(file ?? STDIN, args[0]!));
  }
  // The file's own "-" may also stand behind other arguments, as in `redis-server a.conf -`.
  if (rest[0] === '-') {
    lines.push(...readFile(STDIN, '-'));
    rest = rest.slice(1);
  }
  const directives = parseLines([...lines, '', ...argumentLines(rest)], 0);
  return { file, directives };
}

/** `--port 6380 --save ''` as lines of a file: `port "6380"`, `save ""`. */
function argumentLines(args: readonly string[]): string[] {
  const out: string[] = [];
  for (const arg of args) {
    if (arg.startsWith('--')) out.push(arg.slice(2));
    else if (out.length === 0) throw new ConfigError(`Holdfast: '${arg}' is neither a configuration file nor an option: options begin with --`);
    else out[out.length - 1] += ` ${quoteWord(Buffer.from(arg, 'utf8').toString('latin1'), true)}`;
  }
  return out.map((line) => (line.toLowerCase() === 'save' ? 'save ""' : line));
}

function readFile(path: string | number, given: string): string[] {
  try {
    return readFileSync(path, 'latin1').split('\n');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'No such file or directory' : (error as Error).message;
    throw new ConfigError(`Fatal error, can't open config file '${given}': ${why}`);
  }
}

function parseLines(lines: readonly string[], depth: number): GivenDirective[] {
  const out: GivenDirective[] = [];
  for (const [i, raw] of lines.entries()) {
    const line = raw.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '');
    if (line === '' || line.startsWith('#')) continue;
    const words = splitWords(line);
    if (words === null) throw ConfigError.at(i + 1, line, 'Unbalanced quotes in configuration line');
    const name = words[0]!.toLowerCase();
    const values = words.slice(1);
    if (name !== 'include') {
      out.push({ name, values, line: i + 1, text: line });
      continue;
    }
    if (values.length !== 1) throw ConfigError.at(i + 1, line, 'wrong number of arguments');
    if (depth >= INCLUDES_MAX) throw ConfigError.at(i + 1, line, 'includes are nested too deeply');
    for (const file of expandGlob(values[0]!)) out.push(...parseLines(readFile(file, file), depth + 1));
  }
  return out;
}

/** Paths that a pattern with * ? [ matches, in order; a path without them stands for itself, relative to the working directory. */
function expandGlob(pattern: string): string[] {
  if (!/[*?[]/.test(pattern)) return [resolve(pattern)];
  let found = [isAbsolute(pattern) ? '/' : process.cwd()];
  for (const part of pattern.split('/').filter((word) => word !== '')) {
    if (/[*?[]/.test(part)) {
      const hidden = part.startsWith('.');
      found = found.flatMap((dir) => namesIn(dir).filter((name) => hidden === name.startsWith('.') && globMatch(part, name, false)).map((name) => join(dir, name)));
    } else found = found.map((dir) => join(dir, part));
  }
  return found;
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir).sort();
  } catch {
    return [];
  }
}
