/**
 * Libraries of functions as data: names and sources, in the order in which they came. They are logged, stand in RDB files and
 * survive FLUSHALL. What a source means is not known here: scripting compiles it.
 */
import { CommandError, InvariantViolation } from '../shared/errors.ts';
import { hashBytes } from '../shared/hash.ts';
import { type Request, latin1Bytes } from '../shared/request.ts';
import { splitWords } from '../shared/split-words.ts';
import type { Hazards } from './keyspace/hazards.ts';

/** The first argument of effects on libraries. */
export const FUNCTION_EFFECT = 'FUNCTION';

/** What stands for all libraries among the keys that may be dirty. Sharing it with a key only makes a reply wait longer. */
const HAZARD = 0x46554e43;

export interface LibraryHeader {
  /** As it is written: "lua". */
  readonly engine: string;
  readonly name: string;
  /** Length of the header line, without its end. */
  readonly length: number;
}

const BAD_HEADER = new CommandError('ERR Invalid library metadata');
const BAD_NAME = new CommandError('ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long');

export function checkFunctionName(name: string): void {
  if (!/^[a-zA-Z0-9_]+$/.test(name)) throw BAD_NAME;
}

/** Reads "#!lua name=mylib". @throws CommandError */
export function readLibraryHeader(source: string): LibraryHeader {
  if (!source.startsWith('#!')) throw new CommandError('ERR Missing library metadata');
  const length = source.indexOf('\n');
  const words = length < 0 ? null : splitWords(source.slice(0, length));
  if (words === null) throw BAD_HEADER;
  let name: string | null = null;
  for (const word of words.slice(1)) {
    if (!/^name=/i.test(word)) throw new CommandError(`ERR Invalid metadata value given: ${word}`);
    if (name !== null) throw new CommandError('ERR Invalid metadata value, name argument was given multiple times');
    name = word.slice('name='.length);
  }
  if (name === null) throw new CommandError('ERR Library name was not given');
  checkFunctionName(name);
  return { engine: words[0]!.slice(2), name, length };
}

export class FunctionLibraries {
  /** Goes up with every change. */
  version = 0;
  readonly #sources = new Map<string, string>();
  readonly #hazards: Hazards;

  constructor(hazards: Hazards) {
    this.#hazards = hazards;
  }

  get size(): number {
    return this.#sources.size;
  }

  get(name: string): string | undefined {
    return this.#sources.get(name);
  }

  /** Names and sources. */
  entries(): Iterable<readonly [name: string, source: string]> {
    return this.#sources.entries();
  }

  /** The command under way looks at libraries. */
  look(): void {
    this.#hazards.check(HAZARD, 0);
  }

  /** The command under way changes libraries. */
  mark(): void {
    this.#hazards.mark(HAZARD, 0);
  }

  /** Adds a library, or puts another in its place. @throws CommandError when its header is none */
  load(source: string): void {
    this.#sources.set(readLibraryHeader(source).name, source);
    this.version++;
  }

  delete(name: string): boolean {
    this.version++;
    return this.#sources.delete(name);
  }

  clear(): void {
    this.version++;
    this.#sources.clear();
  }

  /** FUNCTION LOAD REPLACE source, FUNCTION DELETE name, FUNCTION FLUSH: the effects that there are. */
  apply(request: Request): void {
    if (request.is(1, 'LOAD') && request.argc === 4) this.load(request.string(3));
    else if (request.is(1, 'DELETE') && request.argc === 3) this.delete(request.string(2));
    else if (request.is(1, 'FLUSH')) this.clear();
    else throw new InvariantViolation(`the log holds an effect on functions that cannot be applied: ${request.string(1)}`);
  }

  /** A checksum of all of them, whatever their order. */
  checksum(seed: number): number {
    let sum = 0;
    for (const source of this.#sources.values()) {
      const bytes = latin1Bytes(source);
      sum = (sum + hashBytes(bytes, 0, bytes.length, seed)) | 0;
    }
    return sum;
  }
}
