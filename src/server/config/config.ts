/** The configuration in force: what was given at the start, and what CONFIG SET changed since. */
import { resolve } from 'node:path';
import { CommandError } from '../../shared/errors.ts';
import { globMatchBytes } from '../../shared/glob.ts';
import { latin1Bytes } from '../../shared/request.ts';
import { ConfigError, type GivenDirective } from './config-file.ts';
import { rewriteFile } from './config-rewrite.ts';
import { type Directive, DirectiveError, normalize } from './directive.ts';
import { DIRECTIVES, REFUSED_LINES } from './directives.ts';
import { type OutputBufferLimit, mergeOutputLimits, parseOutputLimits } from './output-limits.ts';

const BY_NAME = new Map<string, Directive>();
for (const row of DIRECTIVES) {
  BY_NAME.set(row.name, row);
  for (const alias of row.aliases) BY_NAME.set(alias, row);
}
/** What patterns are compared with: each name, as bytes too. */
const NAMES = [...BY_NAME].filter(([, { hidden }]) => !hidden).map(([name, row]) => ({ name, bytes: latin1Bytes(name), row }));
const BAD_DIRECTIVE = 'Bad directive or wrong number of arguments';

/** What a change of several parameters needs to know of who asks. */
export interface SetOptions {
  /** Whether protected parameters may be changed. */
  readonly allowProtected: boolean;
}

export class Config {
  readonly #values = new Map(DIRECTIVES.map((row) => [row.name, row.default]));
  /** The file that CONFIG REWRITE rewrites: an absolute path, or null. */
  file: string | null = null;
  /** Names of commands, and what they are called instead ('': they are hidden), as rename-command says. */
  readonly renamedCommands = new Map<string, string>();
  /** Users that the configuration defines, with their rules. */
  readonly users: { readonly name: string; readonly words: readonly string[] }[] = [];
  /** What was set and has no effect, each with the reason: for the log at the start. */
  readonly notices: string[] = [];
  /** Told of every change: name and new value. */
  onChange: (name: string, value: string) => void = () => undefined;
  /** More clients than that cannot be had. */
  maxClientsMost: () => number = () => Infinity;

  // Values that hot paths read, kept current.
  clientQueryBufferLimit = 0;
  outputBufferLimit: { normal: OutputBufferLimit; pubsub: OutputBufferLimit } = { normal: NO_LIMIT, pubsub: NO_LIMIT };
  maxClients = 0;
  timeoutSeconds = 0;
  txlogMaxInFlightBytes = 0;

  constructor() {
    // As Redis shows it; relative to where the program was started.
    this.#values.set('dir', resolve(this.string('dir')));
    this.#refresh();
  }

  /**
   * @param file the file that CONFIG REWRITE rewrites
   * @throws ConfigError for the first directive that is unknown or whose value cannot be.
   */
  static from(given: readonly GivenDirective[], file: string | null = null): Config {
    const config = new Config();
    config.file = file;
    let savePoints: string[] = [];
    const set = new Map<Directive, string>();
    for (const { name, values, line, text } of given) {
      const refused = REFUSED_LINES[name];
      if (refused !== undefined) throw ConfigError.at(line, text, refused);
      if (name === 'rename-command' && values.length === 2) {
        config.renamedCommands.set(values[0]!.toLowerCase(), values[1]!.toLowerCase());
        continue;
      }
      if (name === 'user' && values.length > 0) {
        const [user, ...rules] = values;
        if (config.users.some((known) => known.name === user)) {
          throw ConfigError.at(line, text, `Error in user declaration '${user!}': Duplicate user found. A user can only be defined once in config files`);
        }
        config.users.push({ name: user!, words: rules });
        continue;
      }
      const row = BY_NAME.get(name);
      if (row === undefined) throw ConfigError.at(line, text, BAD_DIRECTIVE);
      if (values.length === 0) throw ConfigError.at(line, text, 'wrong number of arguments');
      try {
        // Several save lines add up; an empty one begins anew.
        if (name === 'save') savePoints = values.length === 1 && values[0] === '' ? [] : [...savePoints, ...values];
        config.#put(row, name === 'save' ? savePoints : values);
      } catch (error) {
        if (error instanceof DirectiveError) throw ConfigError.at(line, text, error.message);
        throw error;
      }
      set.set(row, config.string(row.name));
    }
    config.#values.set('dir', resolve(config.string('dir')));
    for (const [row, value] of set) {
      if (row.withoutEffect !== null && value !== row.default) config.notices.push(`'${row.name} ${value}' has no effect: ${row.withoutEffect}`);
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
      const row = BY_NAME.get(pattern.toLowerCase());
      if (row !== undefined) out.set(pattern.toLowerCase(), this.string(row.name));
      else if (/[*?[\\]/.test(pattern)) {
        const wanted = latin1Bytes(pattern);
        for (const { name, bytes, row: { name: main } } of NAMES) {
          if (!out.has(name) && globMatchBytes(wanted, 0, wanted.length, bytes, 0, bytes.length, true)) out.set(name, this.string(main));
        }
      }
    }
    return [...out];
  }

  /**
   * CONFIG SET of several parameters: all or none.
   * @throws CommandError with Redis's text.
   */
  set(pairs: readonly (readonly [string, string])[], options: SetOptions = { allowProtected: true }): void {
    const failed = (given: string, reason: string): CommandError => new CommandError(`ERR CONFIG SET failed (possibly related to argument '${given}') - ${reason}`);
    const rows: Directive[] = [];
    // A directive may be set by two of its names at once: the last one is what counts.
    const names = new Set<string>();
    for (const [given] of pairs) {
      const name = given.toLowerCase();
      const row = BY_NAME.get(name);
      if (row === undefined) throw new CommandError(`ERR Unknown option or number of arguments for CONFIG SET - '${given}'`);
      if (!row.mutable) throw failed(given, "can't set immutable config");
      if (row.protected && !options.allowProtected) throw failed(given, "can't set protected config");
      if (names.has(name)) throw failed(given, 'duplicate parameter');
      names.add(name);
      rows.push(row);
    }
    // Names are complained of before values, as in Redis.
    const changes = new Map<Directive, string>();
    for (const [i, [given, value]] of pairs.entries()) {
      try {
        const row = rows[i]!;
        const normal = normalize(row, [value]);
        if (row.atStartOnly !== null && normal !== this.string(row.name)) throw new DirectiveError(row.atStartOnly);
        if (row.name === 'maxclients' && Number(normal) > this.maxClientsMost()) {
          throw new DirectiveError(`The operating system is not able to handle the specified number of clients, try with ${this.maxClientsMost()}`);
        }
        changes.set(row, normal);
      } catch (error) {
        if (error instanceof DirectiveError) throw failed(given, error.message);
        throw error;
      }
    }
    for (const [row, value] of changes) this.#put(row, [value]);
    this.#refresh();
    for (const row of changes.keys()) this.onChange(row.name, this.string(row.name));
  }

  /** CONFIG REWRITE. @param userLines what stands in the place of the file's users @throws CommandError with Redis's text. */
  rewrite(userLines: readonly string[]): void {
    if (this.file === null) throw new CommandError('ERR The server is running without a config file');
    const settings = DIRECTIVES.map((row) => ({ row, value: this.string(row.name) }));
    try {
      rewriteFile(this.file, settings, userLines);
    } catch (error) {
      throw new CommandError(`ERR Rewriting config file: ${(error as Error).message}`);
    }
  }

  #put(row: Directive, given: readonly string[]): void {
    const normal = normalize(row, given);
    this.#values.set(row.name, row.name === 'client-output-buffer-limit' ? mergeOutputLimits(this.string(row.name), normal) : normal);
  }

  #refresh(): void {
    this.clientQueryBufferLimit = this.number('client-query-buffer-limit');
    this.maxClients = this.number('maxclients');
    this.timeoutSeconds = this.number('timeout');
    this.txlogMaxInFlightBytes = this.number('txlog-max-inflight-bytes');
    const limits = parseOutputLimits(this.string('client-output-buffer-limit').split(' '));
    this.outputBufferLimit = { normal: limits.get('normal')!, pubsub: limits.get('pubsub')! };
  }
}

const NO_LIMIT: OutputBufferLimit = { hardBytes: 0, softBytes: 0, softSeconds: 0 };
