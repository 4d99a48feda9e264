/** What every type of collection can do, for the commands and tools that treat all alike: OBJECT, COPY, MEMORY, DEBUG. */
import type { Address } from '../memory/arena.ts';

export interface Collection {
  /** Elements, as the type's own length command counts them. */
  length(ref: Address): number;
  /** OBJECT ENCODING. */
  encoding(ref: Address): string;
  /** Gives the entry `to`, which has no value yet, a copy of the value at `from`. */
  copy(from: Address, to: Address): void;
  /** Bytes of memory without the entry's own; about `samples` elements are looked at (0: all). */
  memoryBytes(ref: Address, samples: number): number;
  /** Asserts the value's structure and calls `visit` for each of its cells, the one that the entry points to included. */
  check(ref: Address, visit: (address: Address) => void): void;
}
