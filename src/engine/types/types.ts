/** The value types, wired to one keyspace, and the freeing of what they leave behind. */
import { invariant } from '../../shared/errors.ts';
import type { EncodingLimits } from '../encoding-limits.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { type Address, Kind } from '../memory/arena.ts';
import { Elements } from '../memory/elements.ts';
import { EntryType } from '../memory/entries.ts';
import { LazyFree } from '../memory/lazy-free.ts';
import { PackedInts } from '../memory/packed-intset.ts';
import { Packed } from '../memory/packed.ts';
import type { Collection } from './collection.ts';
import { FieldTimes } from './field-times.ts';
import { Hashes } from './hash.ts';
import { Lists } from './list.ts';
import { ScoreTable } from './score-table.ts';
import { Sets } from './set.ts';
import { SortedSets } from './sorted-set.ts';
import { Streams } from './stream.ts';

export class Types {
  /** What the types share. */
  readonly packed: Packed;
  readonly elements: Elements;
  readonly lazyFree: LazyFree;

  readonly hashes: Hashes;
  readonly sets: Sets;
  readonly lists: Lists;
  readonly sortedSets: SortedSets;
  /** The result under way of a command on sorted sets. */
  readonly scoreTable: ScoreTable;
  readonly streams: Streams;

  readonly #keyspace: Keyspace;
  readonly #collections: (Collection | null)[] = [];

  constructor(keyspace: Keyspace, limits: EncodingLimits, random: () => number) {
    const { arena, compactor, entries, index } = keyspace;
    this.#keyspace = keyspace;
    this.packed = new Packed(arena, compactor, entries);
    this.elements = new Elements(arena, compactor, index);
    this.lazyFree = new LazyFree(arena);
    keyspace.reclaimer = this.lazyFree;
    const { packed, elements, lazyFree } = this;
    this.sets = new Sets(keyspace, packed, new PackedInts(arena, packed), elements, lazyFree, limits, random);
    this.lists = new Lists(keyspace, lazyFree, limits);
    this.sortedSets = new SortedSets(keyspace, packed, elements, lazyFree, limits, random);
    const times = new FieldTimes(keyspace, this.sortedSets);
    this.hashes = new Hashes(keyspace, packed, elements, lazyFree, limits, random, times, this.sortedSets.newCursor());
    this.scoreTable = new ScoreTable(keyspace, packed, elements, lazyFree, limits);
    this.streams = new Streams(keyspace, lazyFree, limits);
    this.#collections[EntryType.hash] = this.hashes;
    this.#collections[EntryType.set] = this.sets;
    this.#collections[EntryType.list] = this.lists;
    this.#collections[EntryType.zset] = this.sortedSets;
    this.#collections[EntryType.stream] = this.streams;
  }

  /** What handles entries of a type; null for strings. */
  collection(type: number): Collection | null {
    return this.#collections[type] ?? null;
  }

  /**
   * Walks the whole arena, keyspace and every value, and asserts that they agree and that each live cell belongs to
   * exactly one of them. For tests and DEBUG: takes time and memory in proportion to the data.
   * @throws InvariantViolation
   */
  check(): void {
    const { arena, entries } = this.#keyspace;
    const unclaimed = new Set<Address>();
    arena.check((address) => { unclaimed.add(address); });
    const claim = (address: Address): void => {
      invariant(unclaimed.delete(address), `a cell of kind ${arena.kind(address)} is free, or belongs to two`);
    };
    this.#keyspace.check((address) => {
      claim(address);
      if (arena.kind(address) !== Kind.entry) return;
      const collection = this.collection(entries.type(address));
      if (collection === null) return;
      entries.checkOwner(address);
      collection.check(address, claim);
    });
    this.lazyFree.eachCell(claim);
    for (const address of unclaimed) invariant(false, `a cell of kind ${arena.kind(address)} belongs to nobody`);
  }
}
