/** Walks the members of a sorted set in their order, whatever its form. */
import type { Address } from '../memory/arena.ts';
import { type CountedTree, TreeCursor } from '../memory/counted-tree.ts';
import type { Elements } from '../memory/elements.ts';
import { Bytes } from '../memory/entries.ts';
import { PACKED_FIRST, type Packed } from '../memory/packed.ts';
import { readScore } from './score-bytes.ts';

/** A member and its score are elements of their own in a packed cell. */
export const SCORED_STRIDE = 2;

/** Walks a sorted set that does not change meanwhile, in one direction. */
export class ScoredCursor {
  readonly member: Bytes = new Bytes();
  score = 0;
  /** Names the member shown to `SortedSets.readMember`, until the sorted set changes. */
  handle = 0;
  readonly #packed: Packed;
  readonly #elements: Elements;
  readonly #tree: CountedTree;
  readonly #place = new TreeCursor();
  readonly #scoreBytes = new Bytes();
  #cell: Address = 0;
  #isPacked = false;
  /** Rank of the member that `next` would show. */
  #rank = 0;
  /** Bound of the scores that `nextScore` goes through. */
  #scoreAhead = 0;
  /** Packed: its position. */
  #pos = 0;
  /** Whether `#place` (or, going back in a packed cell, `#positions`) is set up. */
  #isSought = false;
  #positions: Int32Array = new Int32Array(0);

  constructor(packed: Packed, elements: Elements, tree: CountedTree) {
    this.#packed = packed;
    this.#elements = elements;
    this.#tree = tree;
  }

  /** Stands before the member of rank `rank` of a sorted set's cell. */
  open(cell: Address, rank: number): this {
    this.#cell = cell;
    this.#isPacked = this.#packed.isPacked(cell);
    this.#rank = rank;
    this.#isSought = false;
    this.#scoreAhead = -Infinity;
    if (this.#isPacked) this.#pos = this.#packed.skip(cell, PACKED_FIRST, rank * SCORED_STRIDE);
    return this;
  }

  /** Stands before the first member with a score not below `score`: for `nextScore`. */
  openAtScore(cell: Address, score: number): this {
    this.open(cell, 0);
    if (this.#isPacked) {
      let pos = this.#pos;
      while (this.nextScore() && this.score < score) pos = this.#pos;
      this.#pos = pos;
    } else this.#scoreAhead = score;
    return this;
  }

  /** Goes up to the next member; false behind the last. */
  next(): boolean {
    if (this.#isPacked) {
      if (this.#pos >= this.#packed.usedBytes(this.#cell)) return false;
      this.#pos = this.readPacked(this.#cell, this.#pos);
      return true;
    }
    if (this.#isSought) this.#tree.next(this.#place);
    else this.#tree.seekRank(this.#cell, this.#rank, this.#place);
    return this.#show();
  }

  /** As `next`, but shows the score and the handle alone: the members of a large sorted set are not looked at. */
  nextScore(): boolean {
    if (this.#isPacked) {
      this.handle = this.#pos;
      return this.next();
    }
    const place = this.#place;
    if (this.#isSought) this.#tree.next(place);
    else this.#tree.seekScore(this.#cell, this.#scoreAhead, place);
    this.#isSought = true;
    this.handle = place.address;
    this.score = place.score;
    return place.address !== 0;
  }

  /** Goes down to the member before; false before the first. */
  previous(): boolean {
    if (this.#isPacked) {
      if (this.#rank === 0) return false;
      if (!this.#isSought) this.#findPositions();
      this.readPacked(this.#cell, this.#positions[--this.#rank]!);
      return true;
    }
    if (this.#isSought) this.#tree.previous(this.#place);
    else this.#tree.seekRank(this.#cell, this.#rank - 1, this.#place);
    return this.#show();
  }

  /** Shows the member at a position of a packed cell; returns the position behind its score. */
  readPacked(cell: Address, pos: number): number {
    const scoreAt = this.#packed.read(cell, pos, this.member);
    const end = this.#packed.read(cell, scoreAt, this.#scoreBytes);
    this.score = readScore(this.#scoreBytes);
    return end;
  }

  /** Shows an element of a large sorted set. */
  readElement(element: Address): void {
    this.#elements.key(element, this.member);
    this.score = this.#elements.score(element);
  }

  #show(): boolean {
    this.#isSought = true;
    if (this.#place.address === 0) return false;
    this.#elements.key(this.#place.address, this.member);
    this.score = this.#place.score;
    return true;
  }

  /** Positions of the members below the rank: a packed cell can only be read upward. */
  #findPositions(): void {
    this.#isSought = true;
    if (this.#positions.length < this.#rank) this.#positions = new Int32Array(this.#rank * 2);
    let pos = PACKED_FIRST;
    for (let rank = 0; rank < this.#rank; rank++) {
      this.#positions[rank] = pos;
      pos = this.#packed.skip(this.#cell, pos, SCORED_STRIDE);
    }
  }
}
