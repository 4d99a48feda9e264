/**
 * Chunks of 8 MiB and their pages of 64 KiB: the arena's supply of memory. Owns which pages are taken and by whom, and which chunks are
 * held; knows nothing of what lies in a page. A holder is whatever number its taker gives, above 0.
 */
import { OperationalError } from '../../shared/errors.ts';
import { PAGE_BYTES } from './size-classes.ts';

/** A signed 32-bit integer that counts units of 8 bytes (32 GiB in all); 0 is null. */
export type Address = number;

const CHUNK_UNITS_LOG2 = 20;
export const CHUNK_SHIFT = CHUNK_UNITS_LOG2;
/** Unit within its chunk: `address & CHUNK_MASK`. */
export const CHUNK_MASK = (1 << CHUNK_UNITS_LOG2) - 1;
export const CHUNK_BYTES = 8 << CHUNK_UNITS_LOG2;
const CHUNKS_MAX = 1 << (32 - CHUNK_UNITS_LOG2);
const PAGE_UNITS_LOG2 = 13;
/** Page of all pages: `address >>> PAGE_SHIFT`. */
export const PAGE_SHIFT = PAGE_UNITS_LOG2;
const PAGES_PER_CHUNK_LOG2 = CHUNK_UNITS_LOG2 - PAGE_UNITS_LOG2;
const PAGES_PER_CHUNK = 1 << PAGES_PER_CHUNK_LOG2;

/** Thrown when the address space or the arena's bound is exhausted. Nothing was changed. */
export class OutOfArenaError extends OperationalError {
  constructor() {
    super('OUT_OF_ARENA', 'the data does not fit into the arena (32 GiB, or the configured bound)');
  }
}

export class Chunks {
  /** Views of each chunk's bytes: index by `address >>> CHUNK_SHIFT`. Holes (freed chunks) hold empty views. */
  readonly u8: Uint8Array[] = [];
  readonly i32: Int32Array[] = [];
  readonly f64: Float64Array[] = [];
  readonly views: DataView[] = [];

  /** Bytes of pages that were ever touched in chunks still held: an upper bound of the arena's part of RSS. */
  touchedBytes = 0;
  /** Who holds each page of all chunks; 0 for a free one. Of a run of pages taken at once, all; of a huge chunk, the first. */
  holders: Int32Array = new Int32Array(PAGES_PER_CHUNK);

  readonly #bytesMax: number;
  readonly #freePages: number[] = [];
  readonly #touchedPages: number[] = [];
  readonly #isHuge: boolean[] = [];
  readonly #isClosed: boolean[] = [];
  readonly #freeIds: number[] = [];

  constructor(bytesMax: number = CHUNKS_MAX * CHUNK_BYTES) {
    this.#bytesMax = bytesMax;
  }

  // ---- Taking and giving back ----

  /** So many pages in a row. They have no holder yet. @throws OutOfArenaError */
  takePages(pages: number): Address {
    for (let c = 0; c < this.u8.length; c++) {
      if (this.#isHuge[c] || this.#isClosed[c] || this.#freePages[c]! < pages) continue;
      const page = this.#findRun(c, pages);
      if (page >= 0) return this.#take(c, page, pages);
    }
    const chunk = this.#newChunk(CHUNK_BYTES, false);
    // Unit 0 of chunk 0 would be the null address.
    return this.#take(chunk, chunk === 0 ? 1 : 0, pages);
  }

  #findRun(chunk: number, pages: number): number {
    const first = chunk << PAGES_PER_CHUNK_LOG2;
    let run = 0;
    for (let p = chunk === 0 ? 1 : 0; p < PAGES_PER_CHUNK; p++) {
      if (this.holders[first + p] !== 0) run = 0;
      else if (++run === pages) return p - pages + 1;
    }
    return -1;
  }

  #take(chunk: number, page: number, pages: number): Address {
    this.#freePages[chunk]! -= pages;
    const touched = page + pages - this.#touchedPages[chunk]!;
    if (touched > 0) {
      this.#touchedPages[chunk]! += touched;
      this.touchedBytes += touched * PAGE_BYTES;
    }
    return ((chunk << CHUNK_SHIFT) | (page << PAGE_UNITS_LOG2)) | 0;
  }

  /** Says who holds pages that were taken. */
  setHolder(start: Address, pages: number, holder: number): void {
    const first = start >>> PAGE_SHIFT;
    this.holders.fill(holder, first, first + pages);
  }

  freePages(start: Address, pages: number): void {
    this.setHolder(start, pages, 0);
    const chunk = start >>> CHUNK_SHIFT;
    this.#freePages[chunk]! += pages;
    const usable = chunk === 0 ? PAGES_PER_CHUNK - 1 : PAGES_PER_CHUNK;
    // The first chunk stays: a server that goes between empty and nearly empty need not fault its pages in each time.
    if (chunk !== 0 && this.#freePages[chunk] === usable) {
      this.touchedBytes -= this.#touchedPages[chunk]! * PAGE_BYTES;
      this.#drop(chunk);
    }
  }

  /** A chunk of exactly so many bytes, whole pages, for one record. It has no holder yet. @throws OutOfArenaError */
  takeHuge(bytes: number): Address {
    const chunk = this.#newChunk(bytes, true);
    this.touchedBytes += bytes;
    return (chunk << CHUNK_SHIFT) | 0;
  }

  freeHuge(start: Address): void {
    const chunk = start >>> CHUNK_SHIFT;
    this.setHolder(start, 1, 0);
    this.touchedBytes -= this.u8[chunk]!.length;
    this.#drop(chunk);
  }

  /** Drops everything, but for the first chunk, which is empty then. */
  clear(): void {
    const kept = this.u8[0]?.length === CHUNK_BYTES && !this.#isHuge[0]! ? 1 : 0;
    this.u8.length = this.i32.length = this.f64.length = this.views.length = kept;
    this.#freePages.length = this.#touchedPages.length = kept;
    this.#isHuge.length = this.#isClosed.length = kept;
    this.#freeIds.length = 0;
    if (kept > 0) {
      this.#freePages[0] = PAGES_PER_CHUNK - 1;
      this.#isClosed[0] = false;
    }
    this.holders = new Int32Array(PAGES_PER_CHUNK);
    this.touchedBytes = kept * (this.#touchedPages[0] ?? 0) * PAGE_BYTES;
  }

  #newChunk(bytes: number, isHuge: boolean): number {
    // Address 0 is nobody's: the first chunk is an ordinary one, whose first page is not given out.
    if (isHuge && this.u8.length === 0) this.#newChunk(CHUNK_BYTES, false);
    const id = this.#freeIds.pop() ?? this.u8.length;
    if (id >= CHUNKS_MAX || this.touchedBytes + (isHuge ? bytes : 0) > this.#bytesMax) {
      if (id < this.u8.length) this.#freeIds.push(id);
      throw new OutOfArenaError();
    }
    const buffer = new ArrayBuffer(bytes);
    this.u8[id] = new Uint8Array(buffer);
    this.i32[id] = new Int32Array(buffer);
    this.f64[id] = new Float64Array(buffer);
    this.views[id] = new DataView(buffer);
    this.#isHuge[id] = isHuge;
    this.#isClosed[id] = false;
    this.#freePages[id] = isHuge ? 0 : id === 0 ? PAGES_PER_CHUNK - 1 : PAGES_PER_CHUNK;
    this.#touchedPages[id] = 0;
    const pagesNeeded = (id + 1) << PAGES_PER_CHUNK_LOG2;
    if (this.holders.length < pagesNeeded) {
      const grown = new Int32Array(Math.max(pagesNeeded, this.holders.length * 2));
      grown.set(this.holders);
      this.holders = grown;
    }
    return id;
  }

  #drop(chunk: number): void {
    this.u8[chunk] = new Uint8Array(0);
    this.i32[chunk] = new Int32Array(0);
    this.f64[chunk] = new Float64Array(0);
    this.views[chunk] = new DataView(new ArrayBuffer(0));
    this.#isHuge[chunk] = false;
    this.#isClosed[chunk] = false;
    this.#freePages[chunk] = 0;
    this.#freeIds.push(chunk);
  }

  // ---- For compaction ----

  /**
   * Takes the chunk with the fewest used pages out of use, if what it holds fits elsewhere; its id, or -1.
   * A chunk that `isPinned` says yes to for one of its holders stays.
   */
  closeSparse(isPinned: (holder: number) => boolean): number {
    let freePages = 0;
    for (let c = 0; c < this.u8.length; c++) if (!this.#isHuge[c] && !this.#isClosed[c]) freePages += this.#freePages[c]!;
    let best = -1;
    let bestUsed = PAGES_PER_CHUNK;
    for (let c = 0; c < this.u8.length; c++) {
      if (this.#isHuge[c] || this.#isClosed[c] || this.u8[c]!.length === 0) continue;
      const used = PAGES_PER_CHUNK - this.#freePages[c]!;
      if (used >= bestUsed || freePages - this.#freePages[c]! < used * 1.25 + 16 || this.#holdsPinned(c, isPinned)) continue;
      best = c;
      bestUsed = used;
    }
    if (best >= 0) this.#isClosed[best] = true;
    return best;
  }

  #holdsPinned(chunk: number, isPinned: (holder: number) => boolean): boolean {
    const first = chunk << PAGES_PER_CHUNK_LOG2;
    for (let p = first; p < first + PAGES_PER_CHUNK; p++) {
      const holder = this.holders[p]!;
      if (holder !== 0 && isPinned(holder)) return true;
    }
    return false;
  }

  /** Gives a closed chunk to takers again (its evacuation was given up). */
  reopen(chunk: number): void {
    this.#isClosed[chunk] = false;
  }

  /** The first holder in a closed chunk; 0 when the chunk is empty, and by then released. */
  holderInClosed(chunk: number): number {
    if (!this.#isClosed[chunk]) return 0;
    const first = chunk << PAGES_PER_CHUNK_LOG2;
    for (let p = first; p < first + PAGES_PER_CHUNK; p++) if (this.holders[p] !== 0) return this.holders[p]!;
    return 0;
  }
}
