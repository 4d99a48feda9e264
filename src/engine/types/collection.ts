/** What every type of collection can do, for the commands and tools that treat all alike: OBJECT, COPY, MEMORY, DEBUG. */
import type { Address } from '../memory/arena.ts';

/**
 * Receives the elements of a collection one by one. The bytes are windows on the arena, valid during the call only: a
 * visitor copies what it keeps, and changes nothing in the keyspace meanwhile.
 */
export interface ElementVisitor {
  /** A list's element, a set's member, a stream's entry id ("ms-seq", followed by its fields). */
  element(buf: Uint8Array, off: number, len: number): void;
  /** A hash's field, or one of the fields of a stream's entry, with its value. */
  field(buf: Uint8Array, off: number, len: number, valueBuf: Uint8Array, valueOff: number, valueLen: number): void;
  /** Called before `field` for a field of a hash that ends by itself: when, ms since the epoch. */
  fieldEnds(endsAtMs: number): void;
  /** A sorted set's member. */
  scored(buf: Uint8Array, off: number, len: number, score: number): void;
}

export interface Collection {
  /** Elements, as the type's own length command counts them. */
  length(ref: Address): number;
  /** OBJECT ENCODING. */
  encoding(ref: Address): string;
  /** Gives the entry `to`, which has no value yet, a copy of the value at `from`. */
  copy(from: Address, to: Address): void;
  /**
   * Shows every element to the visitor: those of lists, sorted sets and streams in their order. One walk at a time per
   * type: the visitor begins no other.
   */
  visit(ref: Address, visitor: ElementVisitor): void;
  /** Bytes of memory without the entry's own; about `samples` elements are looked at (0: all). */
  memoryBytes(ref: Address, samples: number): number;
  /** Asserts the value's structure and calls `visit` for each of its cells, the one that the entry points to included. */
  check(ref: Address, visit: (address: Address) => void): void;
}
