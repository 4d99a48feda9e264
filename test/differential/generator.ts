/** Makes commands from a seed: single ones, spoilt ones, and transactions. It knows nothing of servers but which commands they have. */
import type { SeededRandom } from '../protocol/seeded-random.ts';
import { LEX_PREFIX, MISFITS } from './arguments.ts';
import { COMMAND_FORMS, type WeightedForm } from './command-forms.ts';

export type Command = readonly string[];

const SPOILT = 0.05;
const TRANSACTION = 0.02;
/** What would leave a transaction open, or make its outcome a matter of chance. */
const NOT_IN_TRANSACTION = new Set(['SPOP', 'EXEC', 'DISCARD']);
/**
 * What could empty everything, or leave a transaction open, by a changed argument; and what 7.2 takes an argument more for, so that only 7.0
 * refuses to queue it.
 */
const NOT_SPOILT = new Set(['EXEC', 'DISCARD', 'SORT', 'ZRANK', 'ZREVRANK']);
/**
 * Behind any number out of range, redis-server's SORT refuses what is one: it reads a stale errno. This makes it forget, and changes
 * nothing.
 */
const ERRNO_CLEARED: Command = ['ZADD', 'errno', 'XX', '1', 'cleared'];

/** What changes bytes in the middle of a string. */
const BYTE_WRITERS = /^(APPEND|SETRANGE|SETBIT|BITFIELD|EVAL|EVALSHA|FCALL)$/;

const INT64_MAX = '9223372036854775807';

export class Generator {
  /** Commands that forms name and the servers do not have. */
  readonly missing = new Set<string>();
  readonly #random: SeededRandom;
  readonly #known: ReadonlySet<string>;
  readonly #forms: readonly WeightedForm[];
  readonly #totalWeight: number;

  /** `known`: names in upper case; others are not generated. */
  constructor(random: SeededRandom, known: ReadonlySet<string>, forms: readonly WeightedForm[] = COMMAND_FORMS) {
    this.#random = random;
    this.#known = known;
    this.#forms = forms;
    this.#totalWeight = this.#forms.reduce((sum, { weight }) => sum + weight, 0);
  }

  /** One command, or a whole transaction. */
  unit(): Command[] {
    const commands: Command[] = [];
    if (this.#random.float() >= TRANSACTION) {
      this.#add(commands, this.#command());
      return commands;
    }
    commands.push(['MULTI']);
    for (let n = 1 + this.#random.below(6); n > 0; n--) {
      const command = this.#command();
      if (!NOT_IN_TRANSACTION.has(command[0]!.toUpperCase())) this.#add(commands, command);
    }
    commands.push([this.#random.float() < 0.9 ? 'EXEC' : 'DISCARD']);
    return commands;
  }

  #add(commands: Command[], command: Command): void {
    if (/^SORT/i.test(command[0]!)) commands.push(ERRNO_CLEARED);
    commands.push(command);
  }

  #command(): Command {
    for (;;) {
      const args = this.#form().form.expand(this.#random);
      const name = args[0]!;
      if (!this.#known.has(name) && name !== 'NOSUCHCOMMAND') {
        this.missing.add(name);
        continue;
      }
      if (this.#random.float() < SPOILT && !NOT_SPOILT.has(name) && !setsLexScores(args)) this.#spoil(args);
      // Now and the largest time to live are a negative time for redis-server, and the key is gone; here it lives for as long as there are times.
      if (name.startsWith('RESTORE') && args[2] === INT64_MAX) args[2] = '0';
      // A spoilt HyperLogLog: redis-server's PFADD has changed a part of it when it comes to what is spoilt; here it changes nothing.
      if (BYTE_WRITERS.test(name) && args.some((word) => word.startsWith('hll:'))) continue;
      if (this.#random.float() < 0.05) args[0] = name.toLowerCase();
      return args;
    }
  }

  #form(): WeightedForm {
    let at = this.#random.float() * this.#totalWeight;
    for (const form of this.#forms) {
      at -= form.weight;
      if (at < 0) return form;
    }
    return this.#forms[0]!;
  }

  /** Drops, adds or changes an argument, never the name. */
  #spoil(args: string[]): void {
    const at = 1 + this.#random.below(Math.max(1, args.length - 1));
    const how = this.#random.float();
    if (how < 0.3) args.splice(at, 1);
    else if (how < 0.5) args.splice(at, 0, this.#random.pick(MISFITS));
    else if (at < args.length) args[at] = this.#random.pick(MISFITS);
  }
}

/** Whether a changed argument could be another score than 0 where all are 0. */
function setsLexScores(args: readonly string[]): boolean {
  return args[0] === 'ZADD' && args[1]!.startsWith(LEX_PREFIX);
}
