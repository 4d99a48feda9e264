/** The configuration in force: what was given at the start, and what CONFIG SET changed since. */
import { globMatch } from '../../shared/glob.ts';
import { CommandError } from '../../shared/errors.ts';
import { ConfigError, type GivenDirective } from './config-file.ts';
import { DIRECTIVES, type Directive, DirectiveError, normalize } from './directives.ts';
import { splitWords } from './split-words.ts';

export interface OutputBufferLimit {
  readonly hardBytes: number;
  readonly softBytes: number;
  readonly softSeconds: number;
}

const BY_NAME = new Map<string, Directive>();
for (const row of DIRECTIVES) {
  BY_NAME.set(row.name, row);
  for (const alias of row.aliases) BY_NAME.set(alias, row);
}

export class Config {
  readonly #values = new Map(DIRECTIVES.map((row) => [row.name, row.default]));
  /** Told of every change: name and new value. */
  onChange: (name: string, value: string) => void = () => undefined;

  // Values that hot paths read, kept current.
  clientQueryBufferLimit = 0;
  outputBufferLimit: { normal: OutputBufferLimit } = { normal: { hardBytes: 0, softBytes: 0, softSeconds: 0 } };
  maxClients = 0;
  timeoutSeconds = 0;
  txlogMaxInFlightBytes = 0;

  constructor() {
    this.#refresh();
  }

  /** @throws ConfigError for the first directive that is unknown or whose value cannot be. */
  static from(given: readonly GivenDirective[]): Config {
    const config = new Config();
    for (const { name, values, line, text } of given) {
      const row = BY_NAME.get(name);
      if (row === undefined) throw new ConfigError(line, text, 'Bad directive or wrong number of arguments');
      if (row.kind.type !== 'words' && values.length !== 1) throw new ConfigError(line, text, 'Bad directive or wrong number of arguments');
      try {
        config.#put(row, values.join(' '));
      } catch (error) {
        if (error instanceof DirectiveError) throw new ConfigError(line, text, error.message);
        throw error;
      }
    }
    config.#refresh();
    return config;
  }

  string(name: string): string {
    return this.#values.get(name)!;
  }

  number(name: string): number {
    return Number(this.#values.get(name));
  }

  bool(name: string): boolean {
    return this.#values.get(name) === 'yes';
  }

  get unixsocket(): string {
    return this.string('unixsocket');
  }

  /** Names and values that match any of the patterns, each name once. */
  get(patterns: readonly string[]): [string, string][] {
    const out = new Map<string, string>();
    for (const pattern of patterns) {
      for (const [name, row] of BY_NAME) {
        if (globMatch(pattern, name, true)) out.set(name, this.#values.get(row.name)!);
      }
    }
    return [...out];
  }

  /**
   * CONFIG SET of several parameters: all or none.
   * @throws CommandError with Redis's text.
   */
  set(pairs: readonly (readonly [string, string])[]): void {
    const seen = new Set<Directive>();
    const changes: [Directive, string][] = [];
    for (const [given, value] of pairs) {
      const row = BY_NAME.get(given.toLowerCase());
      const failed = (reason: string): CommandError => new CommandError(`ERR CONFIG SET failed (possibly related to argument '${given}') - ${reason}`);
      if (row === undefined) throw new CommandError(`ERR Unknown option or number of arguments for CONFIG SET - '${given}'`);
      if (!row.mutable) throw failed("can't set immutable config");
      if (seen.has(row)) throw failed('duplicate parameter');
      seen.add(row);
      try {
        changes.push([row, normalize(row, value)]);
        if (row.name === 'client-output-buffer-limit') parseOutputLimits(value);
      } catch (error) {
        if (error instanceof DirectiveError) throw failed(error.message);
        throw error;
      }
    }
    for (const [row, value] of changes) this.#put(row, value);
    this.#refresh();
    for (const [row, value] of changes) this.onChange(row.name, value);
  }

  #put(row: Directive, value: string): void {
    let normal = normalize(row, value);
    if (row.name === 'client-output-buffer-limit') normal = mergeOutputLimits(this.#values.get(row.name)!, value);
    this.#values.set(row.name, normal);
  }

  #refresh(): void {
    this.clientQueryBufferLimit = this.number('client-query-buffer-limit');
    this.maxClients = this.number('maxclients');
    this.timeoutSeconds = this.number('timeout');
    this.txlogMaxInFlightBytes = this.number('txlog-max-inflight-bytes');
    this.outputBufferLimit = { normal: parseOutputLimits(this.string('client-output-buffer-limit')).get('normal')! };
  }
}

const CLASSES: Record<string, string> = { normal: 'normal', slave: 'slave', replica: 'slave', pubsub: 'pubsub' };

function parseOutputLimits(value: string): Map<string, OutputBufferLimit> {
  const words = splitWords(value) ?? [];
  const out = new Map<string, OutputBufferLimit>();
  if (words.length === 0 || words.length % 4 !== 0) throw new DirectiveError('Wrong number of arguments in buffer limit configuration.');
  for (let i = 0; i < words.length; i += 4) {
    const name = CLASSES[words[i]!.toLowerCase()];
    if (name === undefined) throw new DirectiveError('Invalid client class specified in buffer limit configuration.');
    const bytes = (text: string): number => {
      const row = { kind: { type: 'memory', min: 0, max: Number.MAX_SAFE_INTEGER } } as Directive;
      try {
        return Number(normalize(row, text));
      } catch {
        throw new DirectiveError('Error in hard, soft or soft_seconds setting in buffer limit configuration.');
      }
    };
    out.set(name, { hardBytes: bytes(words[i + 1]!), softBytes: bytes(words[i + 2]!), softSeconds: bytes(words[i + 3]!) });
  }
  return out;
}

function mergeOutputLimits(before: string, given: string): string {
  const merged = new Map([...parseOutputLimits(before), ...parseOutputLimits(given)]);
  return [...merged].map(([name, limit]) => `${name} ${limit.hardBytes} ${limit.softBytes} ${limit.softSeconds}`).join(' ');
}
