/** Reads redis.conf files and redis-server's command line into directives. Checks nothing of what they mean. */
import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { splitWords } from './split-words.ts';

/** A directive as it was given, and where. */
export interface GivenDirective {
  readonly name: string;
  readonly values: readonly string[];
  /** Line in its file; 0 for the command line. */
  readonly line: number;
  readonly text: string;
}

/** A configuration that cannot be read: the start ends with `message`. */
export class ConfigError extends Error {
  constructor(line: number, text: string, reason: string) {
    super(`*** FATAL CONFIG FILE ERROR ***\nReading the configuration file, at line ${line}\n>>> '${text}'\n${reason}`);
    this.name = 'ConfigError';
  }
}

const INCLUDES_MAX = 16;

/** @throws ConfigError */
export function readConfigFile(path: string, depth = 0): GivenDirective[] {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch (error) {
    throw new ConfigError(0, path, `can't open config file: ${(error as Error).message}`);
  }
  const out: GivenDirective[] = [];
  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const words = splitWords(line);
    if (words === null) throw new ConfigError(i + 1, line, 'Unbalanced quotes in configuration line');
    const [name, ...values] = words as [string, ...string[]];
    if (name.toLowerCase() !== 'include') {
      out.push({ name: name.toLowerCase(), values, line: i + 1, text: line });
      continue;
    }
    if (depth >= INCLUDES_MAX) throw new ConfigError(i + 1, line, 'includes are nested too deeply');
    for (const file of values) out.push(...readConfigFile(isAbsolute(file) ? file : resolve(dirname(path), file), depth + 1));
  }
  return out;
}

/**
 * redis-server's arguments: an optional file first, then `--name value …`.
 * @throws ConfigError
 */
export function readArguments(args: readonly string[]): GivenDirective[] {
  const out: GivenDirective[] = [];
  let i = 0;
  if (args[0] !== undefined && !args[0].startsWith('--')) {
    out.push(...readConfigFile(args[0]));
    i = 1;
  }
  while (i < args.length) {
    const arg = args[i++]!;
    if (!arg.startsWith('--')) throw new ConfigError(0, arg, 'an argument without a directive');
    const values: string[] = [];
    while (i < args.length && !args[i]!.startsWith('--')) values.push(args[i++]!);
    out.push({ name: arg.slice(2).toLowerCase(), values, line: 0, text: `${arg} ${values.join(' ')}`.trim() });
  }
  return out;
}
