/**
 * Freeing collections that nobody can reach any more: small ones at once, big ones in steps between commands, so that
 * deleting a million elements stalls nobody.
 *
 * Owns the queue of detached roots. Until its last cell is freed a detached collection stays whole enough for compaction
 * to move what is left of it.
 */
import { invariant } from '../../shared/errors.ts';
import { type Address, type Arena, Kind } from './arena.ts';

/** How one type frees a large collection. */
export interface RootFreer {
  /**
   * Frees about `budget` cells below `root`, and at last the root itself.
   * @param progress 0 to begin, else what the last call returned; a number of the type's own meaning.
   * @returns where to go on, or a negative number when all is freed.
   */
  freeStep(root: Address, progress: number, budget: number): number;
  /** Calls `visit` for every cell that is not freed yet: for the checker. */
  eachCell(root: Address, progress: number, visit: (address: Address) => void): void;
}

/** Collections of up to about this many cells are freed at once. */
const CELLS_AT_ONCE = 512;

interface Detached {
  readonly freer: RootFreer;
  readonly root: Address;
  progress: number;
}

export class LazyFree {
  /** Objects that were freed so, and keys of databases that were emptied without anybody waiting (INFO's lazyfreed_objects). */
  freed = 0;
  readonly #arena: Arena;
  readonly #freers: (RootFreer | null)[] = [];
  /** Worked off from its end. */
  readonly #queue: Detached[] = [];

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** @param type an EntryType. */
  register(type: number, freer: RootFreer): void {
    invariant((this.#freers[type] ?? null) === null, 'lazy free: a type has two owners');
    this.#freers[type] = freer;
  }

  /** Collections waiting to be freed (INFO's lazyfree_pending_objects). */
  get pending(): number {
    return this.#queue.length;
  }

  /** Gives up a collection's cell and all below it. Nothing may point to it any more. */
  reclaim(type: number, value: Address): void {
    if (this.#arena.kind(value) === Kind.packed) {
      this.#arena.free(value);
      return;
    }
    const freer = this.#freers[type] ?? null;
    invariant(freer !== null, `lazy free: nobody frees collections of type ${type}`);
    const progress = freer.freeStep(value, 0, CELLS_AT_ONCE);
    if (progress >= 0) this.#queue.push({ freer, root: value, progress });
  }

  /** Frees about `budget` cells; whether more is left. */
  step(budget: number): boolean {
    const last = this.#queue[this.#queue.length - 1];
    if (last === undefined) return false;
    last.progress = last.freer.freeStep(last.root, last.progress, budget);
    if (last.progress < 0) {
      this.#queue.pop();
      this.freed++;
    }
    return this.#queue.length > 0;
  }

  /** Forgets the queue: the arena was cleared. */
  reset(): void {
    this.freed += this.#queue.length;
    this.#queue.length = 0;
  }

  /** Calls `visit` for each cell that waits to be freed. */
  eachCell(visit: (address: Address) => void): void {
    for (const { freer, root, progress } of this.#queue) freer.eachCell(root, progress, visit);
  }
}
