/**
 * Memory off the JavaScript heap: slabs of equal cells in the pages of chunks.
 *
 * Owns slabs and free lists; chunks.ts has the pages. It knows of a cell only that the low four bits of its first word are its
 * kind, and 0 there means free: that is what lets compaction and the checker walk a slab without help.
 *
 * An address is a signed 32-bit integer that counts units of 8 bytes (32 GiB in all); 0 is null. An address stays valid
 * until its cell is freed or `Compactor` moves it, and that happens only between commands, never within one.
 * Nothing outside `engine/memory` calculates with addresses.
 */
import { invariant } from '../../shared/errors.ts';
import { type Address, CHUNK_BYTES, CHUNK_MASK, CHUNK_SHIFT, Chunks, PAGE_SHIFT } from './chunks.ts';
import { CELL_BYTES_MAX, CLASS_BYTES, CLASS_COUNT, CLASS_SLAB_PAGES, PAGE_BYTES, classOf } from './size-classes.ts';

export { type Address, CHUNK_MASK, CHUNK_SHIFT, OutOfArenaError } from './chunks.ts';

/** What a cell holds: the low four bits of its first word. */
export const Kind = {
  free: 0,
  /** A key with its metadata, and its value where that is a string. */
  entry: 1,
  /** A piece of a hash index: sorted {hash, address} pairs. */
  segment: 2,
  /** The directory over the segments of one hash index. */
  directory: 3,
  /** A member of a large set or sorted set, or a field with its value. */
  element: 4,
  /** A whole small collection. */
  packed: 5,
  /** The head of a large collection. Pinned: never moved, so that everything below may point to it. */
  root: 6,
  treeLeaf: 7,
  treeInner: 8,
  listPage: 9,
  listInner: 10,
  /** A node of a tree by stream ids. */
  idTree: 11,
  /** A run of a stream's entries. */
  streamNode: 12,
  /** The name of a stream's group or consumer, or the list of a stream's groups or a group's consumers. */
  streamName: 13,
} as const;

export const KIND_MASK = 15;
const KIND_COUNT = 16;

/** Larger allocations get a chunk of their own, of exactly their size. */
const RUN_BYTES_MAX = CHUNK_BYTES / 2;

/** Pseudo-classes after the cell classes. */
const CLASS_PINNED = CLASS_COUNT;
const CLASS_RUN = CLASS_COUNT + 1;
const CLASS_HUGE = CLASS_COUNT + 2;
/** Bytes of every pinned cell. */
export const PINNED_BYTES = 64;

/** Partial slabs of a class are kept in lists by how full they are: allocation takes the fullest, compaction the emptiest. */
const BUCKETS = 8;
const BUCKET_NONE = -1;

const POISON = 0x5a5a5a5a;

export interface ArenaOptions {
  /** Fill freed cells with a pattern and check it at reuse: finds writes through stale addresses. For tests. */
  readonly poison?: boolean;
  /** The most bytes of chunks the arena may take. Default: all that addresses can express. */
  readonly bytesMax?: number;
}

export class Arena {
  /** Views of each chunk's bytes: index by `address >>> CHUNK_SHIFT`. Holes (freed chunks) hold empty views. */
  readonly u8: Uint8Array[];
  readonly i32: Int32Array[];
  readonly f64: Float64Array[];
  /** For words that are not aligned. */
  readonly views: DataView[];

  /** Bytes of live cells, rounded up to their classes. */
  liveBytes = 0;
  /** Bytes of pages that belong to slabs, runs and huge chunks. */
  usedBytes = 0;
  liveCells = 0;
  readonly liveCellsByKind: Float64Array = new Float64Array(KIND_COUNT);

  readonly poison: boolean;
  /** Holders of pages are slabs (or runs), plus 1. */
  readonly #chunks: Chunks;
  readonly #isPinned = (holder: number): boolean => this.#slabClass[holder - 1] === CLASS_PINNED;

  // Slabs, by slab id. Ids are reused.
  #slabCapacity = 0;
  #slabCount = 0;
  readonly #freeSlabIds: number[] = [];
  #slabClass: Int32Array = new Int32Array(0);
  #slabStart: Int32Array = new Int32Array(0);
  #slabPages: Int32Array = new Int32Array(0);
  #slabLive: Int32Array = new Int32Array(0);
  #slabFreeHead: Int32Array = new Int32Array(0);
  #slabBump: Int32Array = new Int32Array(0);
  #slabBucket: Int8Array = new Int8Array(0);
  #slabNext: Int32Array = new Int32Array(0);
  #slabPrev: Int32Array = new Int32Array(0);
  #slabEvacuating: Uint8Array = new Uint8Array(0);

  // Per class (cell classes and the pinned one).
  readonly #classUnits: Int32Array = new Int32Array(CLASS_COUNT + 1);
  readonly #classSlabPages: Int32Array = new Int32Array(CLASS_COUNT + 1);
  readonly #classSlabCells: Int32Array = new Int32Array(CLASS_COUNT + 1);
  readonly #classCurrent: Int32Array = new Int32Array(CLASS_COUNT + 1).fill(-1);
  readonly #bucketHead: Int32Array = new Int32Array((CLASS_COUNT + 1) * BUCKETS).fill(-1);
  readonly #classSlabs: Int32Array = new Int32Array(CLASS_COUNT + 1);
  readonly #classLive: Float64Array = new Float64Array(CLASS_COUNT + 1);

  constructor(options: ArenaOptions = {}) {
    this.poison = options.poison ?? false;
    this.#chunks = new Chunks(options.bytesMax);
    this.u8 = this.#chunks.u8;
    this.i32 = this.#chunks.i32;
    this.f64 = this.#chunks.f64;
    this.views = this.#chunks.views;
    for (let c = 0; c < CLASS_COUNT; c++) {
      this.#classUnits[c] = CLASS_BYTES[c]! / 8;
      this.#classSlabPages[c] = CLASS_SLAB_PAGES[c]!;
      this.#classSlabCells[c] = Math.floor((CLASS_SLAB_PAGES[c]! * PAGE_BYTES) / CLASS_BYTES[c]!);
    }
    this.#classUnits[CLASS_PINNED] = PINNED_BYTES / 8;
    this.#classSlabPages[CLASS_PINNED] = 1;
    this.#classSlabCells[CLASS_PINNED] = PAGE_BYTES / PINNED_BYTES;
  }

  /** Bytes of pages that were ever touched in chunks still held: an upper bound of the arena's part of RSS. */
  get touchedBytes(): number {
    return this.#chunks.touchedBytes;
  }

  /**
   * A cell of at least `bytes` bytes whose first word is `kind`; the rest is undefined.
   * @throws OutOfArenaError
   */
  alloc(bytes: number, kind: number): Address {
    if (bytes > CELL_BYTES_MAX) return this.#allocRun(bytes, kind);
    return this.#allocCell(classOf(bytes), kind);
  }

  /** A cell of PINNED_BYTES that compaction never moves, zeroed but for its kind. */
  allocPinned(kind: number): Address {
    const address = this.#allocCell(CLASS_PINNED, kind);
    const i32 = this.i32[address >>> CHUNK_SHIFT]!;
    const at = (address & CHUNK_MASK) << 1;
    i32.fill(0, at + 1, at + PINNED_BYTES / 4);
    return address;
  }

  #allocCell(cls: number, kind: number): Address {
    let slab = this.#classCurrent[cls]!;
    if (slab < 0) slab = this.#nextSlab(cls);
    let address = this.#slabFreeHead[slab]!;
    const units = this.#classUnits[cls]!;
    if (address !== 0) {
      const i32 = this.i32[address >>> CHUNK_SHIFT]!;
      const at = (address & CHUNK_MASK) << 1;
      this.#slabFreeHead[slab] = i32[at + 1]!;
      if (this.poison) this.#checkPoison(i32, at, units);
      i32[at] = kind;
    } else {
      const bump = this.#slabBump[slab]!;
      address = (this.#slabStart[slab]! + bump * units) | 0;
      this.#slabBump[slab] = bump + 1;
      this.i32[address >>> CHUNK_SHIFT]![(address & CHUNK_MASK) << 1] = kind;
    }
    this.liveBytes += units * 8;
    this.liveCells++;
    this.liveCellsByKind[kind]!++;
    this.#classLive[cls]!++;
    if (++this.#slabLive[slab]! === this.#classSlabCells[cls]!) this.#classCurrent[cls] = -1;
    return address;
  }

  /** Gives a cell back. Its address is invalid from here on. */
  free(address: Address): void {
    const slab = this.#chunks.holders[address >>> PAGE_SHIFT]! - 1;
    const cls = this.#slabClass[slab]!;
    const i32 = this.i32[address >>> CHUNK_SHIFT]!;
    const at = (address & CHUNK_MASK) << 1;
    const kind = i32[at]! & KIND_MASK;
    invariant(kind !== Kind.free, 'arena: a free cell was freed again');
    this.liveCells--;
    this.liveCellsByKind[kind]!--;
    if (cls >= CLASS_RUN) {
      this.#freeRun(slab, cls);
      return;
    }
    const units = this.#classUnits[cls]!;
    i32[at] = Kind.free;
    i32[at + 1] = this.#slabFreeHead[slab]!;
    if (this.poison) i32.fill(POISON, at + 2, at + units * 2);
    this.#slabFreeHead[slab] = address;
    this.liveBytes -= units * 8;
    this.#classLive[cls]!--;
    const live = --this.#slabLive[slab]!;
    if (slab === this.#classCurrent[cls]!) return;
    if (live === 0) this.#releaseSlab(slab);
    else if (this.#slabEvacuating[slab] === 0) this.#rebucket(slab, cls, live);
  }

  /** Bytes that the cell at `address` can hold. */
  cellBytes(address: Address): number {
    const slab = this.#chunks.holders[address >>> PAGE_SHIFT]! - 1;
    const cls = this.#slabClass[slab]!;
    if (cls <= CLASS_PINNED) return this.#classUnits[cls]! * 8;
    if (cls === CLASS_RUN) return this.#slabPages[slab]! * PAGE_BYTES;
    return this.u8[address >>> CHUNK_SHIFT]!.length;
  }

  /** Bytes a cell for `bytes` will have. */
  static roundUp(bytes: number): number {
    if (bytes <= CELL_BYTES_MAX) return CLASS_BYTES[classOf(bytes)]!;
    return Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
  }

  kind(address: Address): number {
    return this.i32[address >>> CHUNK_SHIFT]![(address & CHUNK_MASK) << 1]! & KIND_MASK;
  }

  /** Drops everything, but for the first chunk, which is empty then. All addresses become invalid. */
  clear(): void {
    this.#chunks.clear();
    this.#slabCount = 0;
    this.#freeSlabIds.length = 0;
    this.#classCurrent.fill(-1);
    this.#bucketHead.fill(-1);
    this.#classSlabs.fill(0);
    this.#classLive.fill(0);
    this.liveBytes = this.usedBytes = this.liveCells = 0;
    this.liveCellsByKind.fill(0);
  }

  // ---- For compaction: what is sparse, and taking it out of use. ----

  /**
   * Takes the emptiest slab worth moving out of allocation and returns its id, or -1 where nothing is worth it: a slab
   * qualifies when the rest of its class has room for all its cells, so that moving them frees its pages, and when it is
   * at most half full or there is room of a whole slab besides, so that moving never pays for less than half a slab.
   * Slabs without cells that classes allocate from next are given back on the way.
   * Looks at classes from `firstClass` on, round and round.
   */
  startEvacuation(firstClass: number, slackRatioMax: number): number {
    for (let n = 0; n < CLASS_COUNT; n++) {
      const cls = (firstClass + n) % CLASS_COUNT;
      const current = this.#classCurrent[cls]!;
      if (current >= 0 && this.#slabLive[current] === 0) {
        this.#classCurrent[cls] = -1;
        this.#releaseSlab(current);
      }
      const cells = this.#classSlabCells[cls]!;
      const capacity = this.#classSlabs[cls]! * cells;
      const slack = capacity - this.#classLive[cls]!;
      if (slack < cells || slack < capacity * slackRatioMax) continue;
      const slab = this.#emptiest(cls);
      if (slab < 0 || (slack < 2 * cells && this.#slabLive[slab]! > cells >>> 1)) continue;
      this.#unlink(slab, cls);
      this.#slabEvacuating[slab] = 1;
      return slab;
    }
    return -1;
  }

  /** Closes the chunk with the fewest used pages for allocation if everything in it can move and fits elsewhere; its id, or -1. */
  closeSparseChunk(): number {
    return this.#chunks.closeSparse(this.#isPinned);
  }

  /** Next slab in a closed chunk, taken out of allocation; -1 when the chunk is empty (and by then released). */
  startChunkSlab(chunk: number): number {
    const slab = this.#chunks.holderInClosed(chunk) - 1;
    if (slab < 0) return -1;
    const cls = this.#slabClass[slab]!;
    if (cls < CLASS_COUNT && this.#slabEvacuating[slab] === 0) {
      if (this.#classCurrent[cls] === slab) this.#classCurrent[cls] = -1;
      else this.#unlink(slab, cls);
      this.#slabEvacuating[slab] = 1;
    }
    return slab;
  }

  slabIsEvacuating(slab: number): boolean {
    return slab < this.#slabCount && this.#slabEvacuating[slab] === 1;
  }

  /** Gives an evacuating slab's pages back if nothing lives in it any more (else the last `free` will). */
  releaseIfEmpty(slab: number): void {
    if (this.#slabEvacuating[slab] === 1 && this.#slabLive[slab] === 0) this.#releaseSlab(slab);
  }

  /** Whether the slab is a run of pages that holds one record. */
  slabIsRun(slab: number): boolean {
    return this.#slabClass[slab] === CLASS_RUN;
  }

  slabStart(slab: number): Address {
    return this.#slabStart[slab]!;
  }

  /** Cells of the slab that were ever handed out; those after them were never touched. */
  slabCells(slab: number): number {
    return this.#slabClass[slab]! >= CLASS_RUN ? 1 : this.#slabBump[slab]!;
  }

  slabCellUnits(slab: number): number {
    return this.#slabClass[slab]! >= CLASS_RUN ? 0 : this.#classUnits[this.#slabClass[slab]!]!;
  }

  /** Copies a cell's content to a new cell of its class and returns that; the old one is still there. */
  copyCell(from: Address): Address {
    const slab = this.#chunks.holders[from >>> PAGE_SHIFT]! - 1;
    const cls = this.#slabClass[slab]!;
    const kind = this.kind(from);
    const to = cls === CLASS_RUN ? this.#allocRun(this.#slabPages[slab]! * PAGE_BYTES, kind) : this.#allocCell(cls, kind);
    const source = this.f64[from >>> CHUNK_SHIFT]!;
    const at = from & CHUNK_MASK;
    const units = cls === CLASS_RUN ? (this.#slabPages[slab]! * PAGE_BYTES) / 8 : this.#classUnits[cls]!;
    const target = this.f64[to >>> CHUNK_SHIFT]!;
    const targetAt = to & CHUNK_MASK;
    if (units > 24) target.set(source.subarray(at, at + units), targetAt);
    else this.#copyWords(from, to, units * 2);
    return to;
  }

  // Words, not doubles: a double that happens to be a signalling NaN could change its bits on the way.
  #copyWords(from: Address, to: Address, words: number): void {
    const source = this.i32[from >>> CHUNK_SHIFT]!;
    const target = this.i32[to >>> CHUNK_SHIFT]!;
    const at = (from & CHUNK_MASK) << 1;
    const targetAt = (to & CHUNK_MASK) << 1;
    for (let w = 0; w < words; w++) target[targetAt + w] = source[at + w]!;
  }

  // ---- Slabs ----

  #nextSlab(cls: number): number {
    for (let b = BUCKETS - 1; b >= 0; b--) {
      const slab = this.#bucketHead[cls * BUCKETS + b]!;
      if (slab >= 0) {
        this.#unlink(slab, cls);
        this.#classCurrent[cls] = slab;
        return slab;
      }
    }
    const start = this.#chunks.takePages(this.#classSlabPages[cls]!);
    const slab = this.#newSlab(cls, start, this.#classSlabPages[cls]!);
    this.#classSlabs[cls]!++;
    this.#classCurrent[cls] = slab;
    return slab;
  }

  #newSlab(cls: number, start: Address, pages: number): number {
    let slab = this.#freeSlabIds.pop();
    if (slab === undefined) {
      if (this.#slabCount === this.#slabCapacity) this.#growSlabs();
      slab = this.#slabCount++;
    }
    this.#slabClass[slab] = cls;
    this.#slabStart[slab] = start;
    this.#slabPages[slab] = pages;
    this.#slabLive[slab] = 0;
    this.#slabFreeHead[slab] = 0;
    this.#slabBump[slab] = 0;
    this.#slabBucket[slab] = BUCKET_NONE;
    this.#slabEvacuating[slab] = 0;
    this.#chunks.setHolder(start, pages, slab + 1);
    this.usedBytes += pages * PAGE_BYTES;
    return slab;
  }

  #growSlabs(): void {
    const capacity = Math.max(256, this.#slabCapacity * 2);
    const grow = (old: Int32Array): Int32Array => {
      const out = new Int32Array(capacity);
      out.set(old);
      return out;
    };
    this.#slabClass = grow(this.#slabClass);
    this.#slabStart = grow(this.#slabStart);
    this.#slabPages = grow(this.#slabPages);
    this.#slabLive = grow(this.#slabLive);
    this.#slabFreeHead = grow(this.#slabFreeHead);
    this.#slabBump = grow(this.#slabBump);
    this.#slabNext = grow(this.#slabNext);
    this.#slabPrev = grow(this.#slabPrev);
    const bucket = new Int8Array(capacity);
    bucket.set(this.#slabBucket);
    this.#slabBucket = bucket;
    const evacuating = new Uint8Array(capacity);
    evacuating.set(this.#slabEvacuating);
    this.#slabEvacuating = evacuating;
    this.#slabCapacity = capacity;
  }

  #releaseSlab(slab: number): void {
    const cls = this.#slabClass[slab]!;
    if (this.#slabBucket[slab] !== BUCKET_NONE) this.#unlink(slab, cls);
    this.#classSlabs[cls]!--;
    this.#freePages(slab, false);
  }

  #rebucket(slab: number, cls: number, live: number): void {
    const bucket = Math.floor((live * BUCKETS) / this.#classSlabCells[cls]!);
    if (bucket === this.#slabBucket[slab]) return;
    if (this.#slabBucket[slab] !== BUCKET_NONE) this.#unlink(slab, cls);
    const head = cls * BUCKETS + bucket;
    const next = this.#bucketHead[head]!;
    this.#slabNext[slab] = next;
    this.#slabPrev[slab] = -1;
    if (next >= 0) this.#slabPrev[next] = slab;
    this.#bucketHead[head] = slab;
    this.#slabBucket[slab] = bucket;
  }

  #unlink(slab: number, cls: number): void {
    const bucket = this.#slabBucket[slab]!;
    if (bucket === BUCKET_NONE) return;
    const next = this.#slabNext[slab]!;
    const prev = this.#slabPrev[slab]!;
    if (prev >= 0) this.#slabNext[prev] = next;
    else this.#bucketHead[cls * BUCKETS + bucket] = next;
    if (next >= 0) this.#slabPrev[next] = prev;
    this.#slabBucket[slab] = BUCKET_NONE;
  }

  #emptiest(cls: number): number {
    for (let b = 0; b < BUCKETS; b++) {
      let slab = this.#bucketHead[cls * BUCKETS + b]!;
      if (slab < 0) continue;
      let best = slab;
      // A few steps are enough: all slabs of a bucket are within an eighth of each other.
      for (let steps = 0; slab >= 0 && steps < 8; steps++) {
        if (this.#slabLive[slab]! < this.#slabLive[best]!) best = slab;
        slab = this.#slabNext[slab]!;
      }
      return best;
    }
    return -1;
  }

  // ---- Runs ----

  #allocRun(bytes: number, kind: number): Address {
    const pages = Math.ceil(bytes / PAGE_BYTES);
    let slab: number;
    let start: Address;
    if (bytes > RUN_BYTES_MAX) {
      start = this.#chunks.takeHuge(pages * PAGE_BYTES);
      slab = this.#newSlab(CLASS_HUGE, start, 1);
      this.#slabPages[slab] = pages;
      this.usedBytes += (pages - 1) * PAGE_BYTES;
    } else {
      start = this.#chunks.takePages(pages);
      slab = this.#newSlab(CLASS_RUN, start, pages);
    }
    this.#slabLive[slab] = 1;
    this.liveBytes += pages * PAGE_BYTES;
    this.liveCells++;
    this.liveCellsByKind[kind]!++;
    this.i32[start >>> CHUNK_SHIFT]![(start & CHUNK_MASK) << 1] = kind;
    return start;
  }

  #freeRun(slab: number, cls: number): void {
    this.liveBytes -= this.#slabPages[slab]! * PAGE_BYTES;
    this.#freePages(slab, cls === CLASS_HUGE);
  }

  /** Gives a slab's (or run's) pages and its id back. */
  #freePages(slab: number, isHuge: boolean): void {
    const pages = this.#slabPages[slab]!;
    this.usedBytes -= pages * PAGE_BYTES;
    this.#slabEvacuating[slab] = 0;
    this.#freeSlabIds.push(slab);
    if (isHuge) this.#chunks.freeHuge(this.#slabStart[slab]!);
    else this.#chunks.freePages(this.#slabStart[slab]!, pages);
  }

  #checkPoison(i32: Int32Array, at: number, units: number): void {
    for (let w = at + 2; w < at + units * 2; w++) {
      invariant(i32[w] === POISON, 'arena: a freed cell was written to');
    }
  }

  /**
   * Walks every slab and compares what it finds with the counters: free lists, live counts, kinds, pages.
   * Calls `visit` for each live cell. For tests and DEBUG; takes time in proportion to the arena.
   * @throws InvariantViolation at the first thing that does not fit.
   */
  check(visit: (address: Address, kind: number) => void): void {
    const isFreeId = new Set(this.#freeSlabIds);
    let liveBytes = 0;
    let usedBytes = 0;
    let cells = 0;
    for (let slab = 0; slab < this.#slabCount; slab++) {
      if (isFreeId.has(slab)) continue;
      const cls = this.#slabClass[slab]!;
      usedBytes += this.#slabPages[slab]! * PAGE_BYTES;
      const start = this.#slabStart[slab]!;
      invariant(this.#chunks.holders[start >>> PAGE_SHIFT] === slab + 1, 'arena: page table and slab disagree');
      if (cls >= CLASS_RUN) {
        invariant(this.kind(start) !== Kind.free, 'arena: a run without a record');
        liveBytes += this.#slabPages[slab]! * PAGE_BYTES;
        cells++;
        visit(start, this.kind(start));
        continue;
      }
      cells += this.#checkSlab(slab, cls, visit);
      liveBytes += this.#slabLive[slab]! * this.#classUnits[cls]! * 8;
    }
    invariant(cells === this.liveCells, `arena: ${cells} live cells found, ${this.liveCells} counted`);
    invariant(liveBytes === this.liveBytes, `arena: ${liveBytes} live bytes found, ${this.liveBytes} counted`);
    invariant(usedBytes === this.usedBytes, `arena: ${usedBytes} used bytes found, ${this.usedBytes} counted`);
  }

  #checkSlab(slab: number, cls: number, visit: (address: Address, kind: number) => void): number {
    const units = this.#classUnits[cls]!;
    const bump = this.#slabBump[slab]!;
    let free = 0;
    for (let at = this.#slabFreeHead[slab]!; at !== 0; at = this.i32[at >>> CHUNK_SHIFT]![((at & CHUNK_MASK) << 1) + 1]!) {
      invariant(this.#chunks.holders[at >>> PAGE_SHIFT] === slab + 1, 'arena: a free list leaves its slab');
      invariant(this.kind(at) === Kind.free, 'arena: a live cell is on a free list');
      invariant(++free <= bump, 'arena: a free list is circular');
    }
    let live = 0;
    for (let cell = 0; cell < bump; cell++) {
      const address = (this.#slabStart[slab]! + cell * units) | 0;
      const kind = this.kind(address);
      if (kind === Kind.free) continue;
      live++;
      visit(address, kind);
    }
    invariant(live === this.#slabLive[slab], `arena: slab ${slab} has ${live} live cells, ${this.#slabLive[slab]} counted`);
    invariant(live + free === bump, 'arena: cells that are neither live nor free');
    return live;
  }
}
