/**
 * How large the keys are, by type and powers of two: what INFO shows as Keysizes.
 *
 * Counted by walking the keyspace in bounded steps when somebody asks, so that changing a key costs nothing: of a large keyspace
 * the picture is that of the last walk that came to its end, and of keys that changed meanwhile it may show either size.
 */
import type { Engine } from './engine.ts';
import type { Address } from './memory/arena.ts';
import { EntryType } from './memory/entries.ts';

/** Class 0 has the empty ones, class n those from 2^(n-1) to 2^n - 1. */
const CLASSES = 54;
/** Types that are counted, by EntryType. Of streams Redis counts none. */
const TYPES = [EntryType.string, EntryType.list, EntryType.set, EntryType.zset, EntryType.hash] as const;
/** Looked at together: large enough that a step costs little beside its keys. */
const KEYS_IN_A_ROW = 256;

/** Keys of one database by type and class; absent where there are none. */
export type SizeClasses = ReadonlyMap<number, Float64Array>;

export class KeySizes {
  readonly #engine: Engine;
  /** By number of the database. */
  #counted: Map<number, Float64Array>[] = [];
  #shown: readonly SizeClasses[] | null = null;
  #db = -1;
  #cursor = 0;
  readonly #refs: Address[] = [];

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  get isWalking(): boolean {
    return this.#db >= 0;
  }

  /** Sizes by number of the database, of the last whole walk; before the first has come to its end, of what it has seen. */
  get shown(): readonly SizeClasses[] {
    return this.#shown ?? this.#counted;
  }

  /** Begins a walk, if none is under way. */
  begin(): void {
    if (this.isWalking) return;
    this.#counted = this.#engine.keyspace.databases.map(() => new Map<number, Float64Array>());
    this.#db = 0;
    this.#cursor = 0;
  }

  /** Goes on with the walk for about `keys` keys; whether more are left. */
  step(keys: number): boolean {
    const { databases } = this.#engine.keyspace;
    for (let left = keys; this.isWalking && left > 0; left -= this.#refs.length + 1) {
      this.#refs.length = 0;
      this.#cursor = databases[this.#db]!.scan(this.#cursor, Math.min(left, KEYS_IN_A_ROW), this.#refs);
      for (const ref of this.#refs) this.#count(ref);
      if (this.#cursor === 0 && ++this.#db === databases.length) {
        this.#shown = this.#counted;
        this.#db = -1;
      }
    }
    return this.isWalking;
  }

  #count(ref: Address): void {
    const { keyspace, types } = this.#engine;
    const type = keyspace.entries.type(ref);
    if (!(TYPES as readonly number[]).includes(type)) return;
    const size = types.collection(type)?.length(ref) ?? keyspace.entries.valueLength(ref);
    const counted = this.#counted[this.#db]!;
    let classes = counted.get(type);
    if (classes === undefined) counted.set(type, classes = new Float64Array(CLASSES));
    classes[size === 0 ? 0 : Math.floor(Math.log2(size)) + 1]!++;
  }
}
