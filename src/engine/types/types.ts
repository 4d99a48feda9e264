/** The value types, wired to one keyspace, and the freeing of what they leave behind. */
import type { EncodingLimits } from '../encoding-limits.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { Elements } from '../memory/elements.ts';
import { LazyFree } from '../memory/lazy-free.ts';
import { PackedInts } from '../memory/packed-intset.ts';
import { Packed } from '../memory/packed.ts';
import { Hashes } from './hash.ts';
import { Sets } from './set.ts';

export class Types {
  /** What the types share. */
  readonly packed: Packed;
  readonly elements: Elements;
  readonly lazyFree: LazyFree;

  readonly hashes: Hashes;
  readonly sets: Sets;

  constructor(keyspace: Keyspace, limits: EncodingLimits, random: () => number) {
    const { arena, compactor, entries, index } = keyspace;
    this.packed = new Packed(arena, compactor, entries);
    this.elements = new Elements(arena, compactor, index);
    this.lazyFree = new LazyFree(arena);
    keyspace.reclaimer = this.lazyFree;
    const { packed, elements, lazyFree } = this;
    this.hashes = new Hashes(keyspace, packed, elements, lazyFree, limits, random);
    this.sets = new Sets(keyspace, packed, new PackedInts(arena, packed), elements, lazyFree, limits, random);
    // sortedSets and lists are made here.
  }
}
