/**
 * Makes commands of every row of a command table: by the description of its arguments (COMMAND DOCS), by the forms of the differential test,
 * or of words that fit nowhere; and then spoils some. What would take gigabytes in any Redis is left out.
 */
import type { Command } from '../../src/engine/command.ts';
import { type Argument, docOf } from '../../src/server/commands/command-docs.ts';
import { MISFITS } from '../differential/arguments.ts';
import { COMMAND_FORMS } from '../differential/command-forms.ts';
import { Generator } from '../differential/generator.ts';
import type { SeededRandom } from '../protocol/seeded-random.ts';
import { wholePayload } from './payload-recipes.ts';

/** Kinds of keys that the commands of a group are for. */
const KINDS_OF_GROUP: Readonly<Record<string, readonly string[]>> = {
  string: ['str', 'bits'], bitmap: ['bits', 'str'], hash: ['hash'], set: ['set'], list: ['list'], 'sorted-set': ['zset', 'lex', 'geo'], geo: ['geo', 'geo', 'zset'],
  hyperloglog: ['hll'], stream: ['stream'],
};
const STRAY = 0.1;
const KINDS = ['str', 'hash', 'set', 'list', 'zset', 'lex', 'stream', 'bits', 'hll', 'geo'];
const INTEGERS = [
  '0', '1', '2', '3', '-1', '-2', '7', '10', '64', '100', '128', '255', '256', '1000', '-100', '65536', '2147483647', '-2147483648', '4294967295', '4294967296', '9007199254740991',
  '9007199254740993', '9223372036854775807', '-9223372036854775808', '9223372036854775808', '18446744073709551615',
];
const DOUBLES = ['0', '-0', '1', '1.5', '-2.25', '1e3', '1e308', '-1e308', '1e-320', 'inf', '-inf', '+inf', 'nan', '3.0e0', '5.', '.5', '1e400', '0x10', '(1', '(inf'];
const STRINGS = [
  '', 'a', 'b', 'hello', '0', '1', '-7', '3.5', 'm:1', 'x'.repeat(64), 'x'.repeat(65), 'y'.repeat(600), '\0\xff\r\n\x80', ' 1', '[a', '(b', '-', '+', '*', '$', '>', '1-1', '5-0', '1-*', 'g1', 'alice', 'u8', 'i64', '#1',
];
const PATTERNS = ['*', '?', '[a-m]*', '[^x]', '\\*', '[', 'str:*', '**a**b*', '\xff*'];
const REPEATS = [1, 1, 1, 2, 3, 6];
const SPOILT = 0.2;
const MISSING = 0.02;

/** Commands that make room, or replies, of the size that a number says: numbers in between are such as nobody has memory for. */
const SIZED = new Set(['SETBIT', 'SETRANGE', 'BITFIELD', 'BITFIELD_RO', 'SRANDMEMBER', 'HRANDFIELD', 'ZRANDMEMBER', 'DEBUG', 'ACL']);
const SIZE_MAX = 2 ** 17;

export type Clock = () => number;

export class CommandMaker {
  readonly #random: SeededRandom;
  readonly #rows: readonly Command[];
  readonly #generator: Generator;
  readonly #nowMs: Clock;
  readonly #wanted: (row: Command) => boolean;
  #kinds: readonly string[] = KINDS;
  /** Where the number of the elements to come stands, or -1. */
  #countAt = -1;

  /** @param nowMs what times are near to. @param wanted which of the rows, and of their subcommands. */
  constructor(random: SeededRandom, rows: Iterable<Command>, nowMs: Clock, wanted: (row: Command) => boolean = () => true) {
    const all = [...rows].filter(wanted);
    this.#wanted = wanted;
    this.#random = random;
    this.#rows = all;
    this.#generator = new Generator(random, new Set(all.map(({ name }) => name.toUpperCase())), COMMAND_FORMS);
    this.#nowMs = nowMs;
  }

  /** One command, or those of a transaction. */
  unit(): string[][] {
    const commands = this.#random.below(3) === 0 ? this.#generator.unit().map((words) => [...words]) : [this.#described()];
    for (const words of commands) {
      if (this.#random.float() < SPOILT) this.#spoil(words);
      if (SIZED.has(words[0]!.toUpperCase())) words.forEach((word, i) => { words[i] = modest(word); });
    }
    return commands;
  }

  #described(): string[] {
    const random = this.#random;
    let row = random.pick(this.#rows);
    // What empties everything, mostly not.
    while (row.name.startsWith('flush') && random.below(10) > 0) row = random.pick(this.#rows);
    if (row.subcommands !== null) row = random.pick([...row.subcommands.values()].filter(this.#wanted));
    this.#kinds = random.float() < STRAY ? KINDS : KINDS_OF_GROUP[row.group] ?? KINDS;
    this.#countAt = -1;
    const words = row.name.toUpperCase().split('|');
    for (const argument of docOf(row.name)?.arguments ?? []) this.#argument(argument, words);
    return words;
  }

  #argument(argument: Argument, out: string[]): void {
    const random = this.#random;
    if (argument.optional === true && random.below(2) === 0) return;
    if (random.float() < MISSING) return;
    const times = argument.multiple === true ? random.pick(REPEATS) : 1;
    if (argument.multiple === true && this.#countAt >= 0) {
      if (random.below(20) > 0) out[this.#countAt] = String(times);
      this.#countAt = -1;
    }
    for (let n = 0; n < times; n++) {
      if (argument.token !== undefined && (n === 0 || argument.multiple_token === true)) out.push(argument.token);
      this.#value(argument, out);
    }
  }

  #value(argument: Argument, out: string[]): void {
    const random = this.#random;
    const nested = argument.arguments ?? [];
    switch (argument.type) {
      case 'pure-token': return;
      case 'oneof':
        this.#argument(random.pick(nested), out);
        return;
      case 'block':
        for (const part of nested) this.#argument(part, out);
        return;
      case 'key':
        out.push(`${random.pick(this.#kinds)}:${random.below(3)}`);
        return;
      case 'integer':
        if (argument.name.startsWith('num')) this.#countAt = out.length;
        out.push(random.below(2) === 0 ? String(random.below(20) - 3) : random.pick(INTEGERS));
        return;
      case 'double':
        out.push(argument.name === 'timeout' ? random.pick(['0.01', '0', '-1', '1e400', 'nan', 'x']) : random.pick(DOUBLES));
        return;
      case 'unix-time':
        out.push(this.#time(argument));
        return;
      case 'pattern':
        out.push(random.pick(PATTERNS));
        return;
      default:
        out.push(argument.name.includes('serialized') ? wholePayload(random).bytes : random.pick(random.below(3) === 0 ? INTEGERS : random.below(2) === 0 ? DOUBLES : STRINGS));
    }
  }

  #time({ name }: Argument): string {
    const nearMs = this.#nowMs() + this.#random.pick([-5, 0, 1, 5, 20, 100, 1e6]);
    return this.#random.below(4) === 0 ? this.#random.pick(INTEGERS) : String(name.includes('milli') ? nearMs : Math.ceil(nearMs / 1000));
  }

  /** Drops, adds, changes, swaps or repeats arguments, never the name. */
  #spoil(words: string[]): void {
    const random = this.#random;
    const at = 1 + random.below(Math.max(1, words.length - 1));
    switch (random.below(6)) {
      case 0:
        words.splice(at, 1);
        return;
      case 1:
        words.splice(at, 0, random.pick(MISFITS));
        return;
      case 2:
        words.splice(at, 0, ...words.slice(at, at + 2));
        return;
      case 3:
        words.push(random.pick(['NX', 'XX', 'COUNT', 'LIMIT', 'WITHSCORES', 'STORE', 'GET', 'FIELDS', 'KEEPTTL', 'BY', 'WEIGHTS', 'BLOCK']), random.pick(INTEGERS));
        return;
      default:
        if (at < words.length) words[at] = random.pick(random.below(2) === 0 ? MISFITS : [...INTEGERS, ...STRINGS]);
    }
  }
}

function modest(word: string): string {
  const size = Math.abs(Number(word.replace('#', '')));
  return size > SIZE_MAX && size <= 2 ** 64 ? word.slice(0, word.startsWith('-') || word.startsWith('#') ? 4 : 3) : word;
}

/** Commands for a message: the seed makes them again, so long words are cut. */
export function shown(commands: readonly (readonly string[])[]): string {
  return JSON.stringify(commands.map((words) => words.map((word) => (word.length > 100 ? `${word.slice(0, 100)}…` : word))));
}
