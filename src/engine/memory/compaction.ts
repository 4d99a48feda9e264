/**
 * Compaction: moves the cells of sparse slabs elsewhere, so that their pages, and in time whole chunks, come free.
 *
 * Runs only between commands, in steps that the caller bounds. For each kind of cell the structure that owns the kind
 * registers how to mend the references to a moved cell; a kind without a relocator must be pinned.
 */
import { invariant } from '../../shared/errors.ts';
import { type Address, type Arena, KIND_MASK, Kind, OutOfArenaError } from './arena.ts';
import { CLASS_COUNT } from './size-classes.ts';

/** Makes everything that points to `from` point to `to`. The content was copied already; both cells are readable. */
export type Relocate = (from: Address, to: Address) => void;

/** A class is compacted while more than this part of its slabs' bytes is free. */
const SLACK_RATIO_MAX = 0.05;
/** Chunks are evacuated while more than this part of the touched pages is free. */
const FREE_PAGES_RATIO_MAX = 0.08;
const FREE_BYTES_MIN = 8 * 1024 * 1024;
/** Compaction is behind where so many bytes, and this part of what lives, are free in slabs. */
const BEHIND_BYTES_MIN = 8 * 1024 * 1024;
const BEHIND_RATIO = 0.1;

export class Compactor {
  readonly #arena: Arena;
  readonly #relocators: (Relocate | null)[] = new Array<Relocate | null>(KIND_MASK + 1).fill(null);
  #slab = -1;
  #cell = 0;
  #nextClass = 0;
  #chunk = -1;

  /** Cells moved since the start. */
  moved = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  register(kind: number, relocate: Relocate): void {
    invariant(this.#relocators[kind] === null, 'compaction: a kind has two owners');
    this.#relocators[kind] = relocate;
  }

  /**
   * Looks at up to `cellsMax` cells of sparse slabs and moves those that live.
   * @returns whether there is more to do now.
   */
  step(cellsMax: number): boolean {
    let budget = cellsMax;
    while (budget > 0) {
      if (this.#slab < 0 || !this.#arena.slabIsEvacuating(this.#slab)) {
        this.#slab = this.#pickSlab();
        this.#cell = 0;
        if (this.#slab < 0) return false;
        if (this.#arena.slabIsRun(this.#slab)) {
          budget -= 64;
          if (!this.#move(this.#arena.slabStart(this.#slab))) return false;
          this.#slab = -1;
          continue;
        }
      }
      budget -= this.#evacuate(budget);
    }
    return true;
  }

  /** Forgets what was under way: after the arena was cleared. */
  reset(): void {
    this.#slab = -1;
    this.#chunk = -1;
  }

  /** Whether so much is free that more time than usual is well spent here. */
  get isBehind(): boolean {
    const { usedBytes, liveBytes } = this.#arena;
    return this.#wantsChunk || usedBytes - liveBytes > Math.max(BEHIND_BYTES_MIN, liveBytes * BEHIND_RATIO);
  }

  get #wantsChunk(): boolean {
    const { touchedBytes, usedBytes } = this.#arena;
    const freeBytes = touchedBytes - usedBytes;
    return freeBytes > FREE_BYTES_MIN && freeBytes > touchedBytes * FREE_PAGES_RATIO_MAX;
  }

  /** Where most is free comes first: under a load that leaves holes everywhere, one of the two would never have its turn. */
  #pickSlab(): number {
    const { touchedBytes, usedBytes, liveBytes } = this.#arena;
    if (touchedBytes - usedBytes <= usedBytes - liveBytes) {
      const slab = this.#pickSparseSlab();
      return slab >= 0 ? slab : this.#pickInChunk();
    }
    const slab = this.#pickInChunk();
    return slab >= 0 ? slab : this.#pickSparseSlab();
  }

  #pickSparseSlab(): number {
    const slab = this.#arena.startEvacuation(this.#nextClass, SLACK_RATIO_MAX);
    if (slab < 0) this.#nextClass = (this.#nextClass + 1) % CLASS_COUNT;
    return slab;
  }

  #pickInChunk(): number {
    const arena = this.#arena;
    if (this.#chunk >= 0) {
      const next = arena.startChunkSlab(this.#chunk);
      if (next >= 0) return next;
      this.#chunk = -1;
    }
    if (!this.#wantsChunk) return -1;
    this.#chunk = arena.closeSparseChunk();
    return this.#chunk >= 0 ? arena.startChunkSlab(this.#chunk) : -1;
  }

  #evacuate(budget: number): number {
    const arena = this.#arena;
    const slab = this.#slab;
    const start = arena.slabStart(slab);
    const units = arena.slabCellUnits(slab);
    const end = Math.min(arena.slabCells(slab), this.#cell + budget);
    const first = this.#cell;
    let cell = first;
    while (cell < end) {
      const address = (start + cell * units) | 0;
      cell++;
      if (arena.kind(address) === Kind.free) continue;
      this.#cell = cell;
      if (!this.#move(address)) return budget;
      // The last cell's end released the slab, and its id may be another's by now.
      if (!arena.slabIsEvacuating(slab)) {
        this.#slab = -1;
        return cell - first;
      }
    }
    this.#cell = cell;
    if (cell >= arena.slabCells(slab)) {
      arena.releaseIfEmpty(slab);
      this.#slab = -1;
    }
    return Math.max(1, cell - first);
  }

  #move(from: Address): boolean {
    const arena = this.#arena;
    const relocate = this.#relocators[arena.kind(from)] ?? null;
    invariant(relocate !== null, `compaction: nobody owns cells of kind ${arena.kind(from)}`);
    let to: Address;
    try {
      to = arena.copyCell(from);
    } catch (error) {
      // No room to move to: compaction can wait, the slab stays as it is until frees empty it.
      if (error instanceof OutOfArenaError) return false;
      throw error;
    }
    relocate(from, to);
    arena.free(from);
    this.moved++;
    return true;
  }
}
