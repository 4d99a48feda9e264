/**
 * Hash indexes in the arena: from a key's bytes to the record that carries them.
 *
 * An index is named by a reference: 0 (empty), the address of one segment, or that of a directory over several
 * (extendible hashing, Fagin 1979). Every operation that may change the reference returns the new one, and the caller
 * stores it where `Holder` says. A segment's pairs {hash, address} are sorted by hash: pairs stand at or after the home
 * that their hash gives them (linear probing in order), so a lookup stops at the first larger hash, and a walk by hash
 * ranges sees every pair that stays exactly once however much the index grows or shrinks meanwhile (SCAN).
 */
import { invariant } from '../../shared/errors.ts';
import { type Address, type Arena, CHUNK_MASK, CHUNK_SHIFT, KIND_MASK, Kind } from './arena.ts';
import { KeyLocator, ROOT_INDEX, ROOT_IS_KEYSPACE, ROOT_OWNER, equalBytes } from './records.ts';
import type { Compactor } from './compaction.ts';
import { hashBytes } from '../../shared/hash.ts';

// Segment: w0 kind:4 depth:6 | w1 root | w2 count | w3 homes | w4 places | w5 prefix | w6 slot | w7 - | pairs
const SEG_COUNT = 2;
const SEG_HOMES = 3;
const SEG_PLACES = 4;
const SEG_PREFIX = 5;
const SEG_SLOT = 6;
const SEG_HEADER_WORDS = 8;
// Directory: w0 kind:4 depth:6 | w1 root | w2 count | w3 slot | addresses
const DIR_COUNT = 2;
const DIR_SLOT = 3;
const DIR_HEADER_WORDS = 4;

const DEPTH_SHIFT = 4;
const DEPTH_MASK = 63;
/** Deeper than this a segment no longer splits but gets more places: only keys made to collide get there. */
const DEPTH_MAX = 24;
const HOMES_MIN = 4;
const HOMES_MAX = 1024;
/** Homes of the halves of a full segment, and of what two with less than half of HOMES_MAX pairs are merged to. */
const HALF_HOMES = (HOMES_MAX >>> 1) + (HOMES_MAX >>> 3);

/** End of a walk by hash ranges: one past the largest hash. */
export const HASH_END = 4294967296;

/** How many pairs a segment of `homes` homes takes: 7/8. */
function fillMax(homes: number): number {
  return homes - (homes >>> 3);
}

/** Homes of a segment that takes the place of a full one: a quarter more, so that segments stay at least 70 % full. */
function grown(homes: number): number {
  return homes < 16 ? homes * 2 : Math.min(HOMES_MAX, homes + (homes >>> 2));
}

export class HashIndex {
  /** Segment or directory of each slot, by database number: the holders of the keyspace's own indexes. */
  readonly keyspaceRefs: (Int32Array | null)[] = [];
  readonly seed: number;
  readonly #arena: Arena;
  readonly #key: KeyLocator;
  /** The address that `insert` found in the way, or 0; and what `remove` took out. */
  found: Address = 0;

  constructor(arena: Arena, compactor: Compactor, seed: number) {
    this.#arena = arena;
    this.#key = new KeyLocator(arena);
    this.seed = seed;
    compactor.register(Kind.segment, (from, to) => this.#relocateSegment(from, to));
    compactor.register(Kind.directory, (from, to) => this.#relocateDirectory(from, to));
  }

  hash(buf: Uint8Array, off: number, len: number): number {
    return hashBytes(buf, off, len, this.seed);
  }

  count(ref: Address): number {
    if (ref === 0) return 0;
    return this.#arena.i32[ref >>> CHUNK_SHIFT]![((ref & CHUNK_MASK) << 1) + SEG_COUNT]!;
  }

  /** An index without records that takes `count` of them without growing, or as many as fit one segment. Not 0: `insert` follows. */
  withRoom(count: number, root: Address, slot: number): Address {
    let homes = HOMES_MIN;
    while (homes < HOMES_MAX && fillMax(homes) < count) homes = grown(homes);
    return this.#newSegment(homes, homes + 2 + (homes >>> 5), 0, 0, root, slot);
  }

  /** The record whose key is these bytes, or 0. `hash` must be `this.hash` of them. */
  find(ref: Address, hash: number, buf: Uint8Array, off: number, len: number): Address {
    if (ref === 0) return 0;
    const seg = this.#segmentOf(ref, hash);
    const i32 = this.#arena.i32[seg >>> CHUNK_SHIFT]!;
    const w = (seg & CHUNK_MASK) << 1;
    const pairs = w + SEG_HEADER_WORDS;
    const end = pairs + (i32[w + SEG_PLACES]! << 1);
    for (let p = pairs + (this.#home(i32, w, hash) << 1); p < end; p += 2) {
      const address = i32[p + 1]!;
      if (address === 0) return 0;
      const h = i32[p]!;
      if (h === hash) {
        const key = this.#key;
        key.locate(address);
        if (key.len === len && equalBytes(key.buf, key.off, buf, off, len)) return address;
      } else if (h >>> 0 > hash >>> 0) return 0;
    }
    return 0;
  }

  /** The first word of an index or a record: for who wants it in the processor's cache, as the next two. */
  word(address: Address): number {
    return this.#word(address, 0);
  }

  /** The word at which `find` begins. */
  homeWord(ref: Address, hash: number): number {
    const seg = this.#segmentOf(ref, hash);
    const i32 = this.#arena.i32[seg >>> CHUNK_SHIFT]!;
    const w = (seg & CHUNK_MASK) << 1;
    return i32[w + SEG_HEADER_WORDS + (this.#home(i32, w, hash) << 1)]!;
  }

  /** The first record with that hash, whatever its key, or 0. */
  candidate(ref: Address, hash: number): Address {
    const seg = this.#segmentOf(ref, hash);
    const i32 = this.#arena.i32[seg >>> CHUNK_SHIFT]!;
    const w = (seg & CHUNK_MASK) << 1;
    const pairs = w + SEG_HEADER_WORDS;
    const end = pairs + (i32[w + SEG_PLACES]! << 1);
    for (let p = pairs + (this.#home(i32, w, hash) << 1); p < end; p += 2) {
      const address = i32[p + 1]!;
      const h = i32[p]!;
      if (address === 0 || h === hash) return address;
      if (h >>> 0 > hash >>> 0) return 0;
    }
    return 0;
  }

  /** Adds a record under `hash`; its key must not be there yet. Returns the index's new reference. */
  insert(ref: Address, hash: number, address: Address, root: Address, slot: number): Address {
    if (ref === 0) ref = this.withRoom(0, root, slot);
    for (;;) {
      const seg = this.#segmentOf(ref, hash);
      if (this.#insertInto(seg, hash, address)) {
        if (seg !== ref) this.#addDirCount(ref, 1);
        return ref;
      }
      ref = this.#enlarge(ref, seg);
    }
  }

  /** Takes out the pair (hash, address), which must be there. Returns the index's new reference; 0 when it is empty. */
  remove(ref: Address, hash: number, address: Address): Address {
    const seg = this.#segmentOf(ref, hash);
    const i32 = this.#arena.i32[seg >>> CHUNK_SHIFT]!;
    const w = (seg & CHUNK_MASK) << 1;
    let p = this.#place(i32, w, hash, address);
    const end = w + SEG_HEADER_WORDS + (i32[w + SEG_PLACES]! << 1);
    // Close the gap: pairs that stand after their home move one place back.
    for (let next = p + 2; next < end && i32[next + 1] !== 0; p = next, next += 2) {
      if (w + SEG_HEADER_WORDS + (this.#home(i32, w, i32[next]!) << 1) === next) break;
      i32[p] = i32[next]!;
      i32[p + 1] = i32[next + 1]!;
    }
    i32[p] = 0;
    i32[p + 1] = 0;
    const count = --i32[w + SEG_COUNT]!;
    if (seg !== ref) {
      this.#addDirCount(ref, -1);
      return count < HOMES_MAX / 4 ? this.#shrinkInDirectory(ref, seg, count) : ref;
    }
    if (count === 0) {
      this.#arena.free(seg);
      return 0;
    }
    const homes = i32[w + SEG_HOMES]!;
    if (homes > 16 && count < homes >>> 2) return this.#resize(seg, homes >>> 1);
    return ref;
  }

  /** Makes the pair (hash, from) point to `to`: a record was copied. */
  replace(ref: Address, hash: number, from: Address, to: Address): void {
    const seg = this.#segmentOf(ref, hash);
    const i32 = this.#arena.i32[seg >>> CHUNK_SHIFT]!;
    i32[this.#place(i32, (seg & CHUNK_MASK) << 1, hash, from) + 1] = to;
  }

  /**
   * Appends addresses to `out` in the order of their hashes, beginning with the first hash >= `fromHash` (0..HASH_END),
   * until at least `limit` are there and the last hash is complete.
   * @returns the hash to go on from, or HASH_END.
   */
  scan(ref: Address, fromHash: number, limit: number, out: number[]): number {
    if (ref === 0) return HASH_END;
    let at = fromHash;
    const stop = out.length + limit;
    while (at < HASH_END) {
      const seg = this.#segmentOf(ref, at | 0);
      at = this.#scanSegment(seg, at, stop, out);
      if (out.length >= stop) return at;
    }
    return HASH_END;
  }

  /** A record chosen uniformly, or 0 where there is none. `random` gives numbers in [0, 1). */
  random(ref: Address, random: () => number): Address {
    if (this.count(ref) === 0) return 0;
    const arena = this.#arena;
    const isDirectory = arena.kind(ref) === Kind.directory;
    const dirDepth = isDirectory ? this.#depth(ref) : 0;
    const entries = 1 << dirDepth;
    // Every place of every segment is equally likely to be drawn; draws of empty places are repeated.
    for (;;) {
      let seg = ref;
      let drawn = random();
      if (isDirectory) {
        // The digits before the point choose the segment, those behind it the place.
        drawn *= entries;
        const entry = Math.floor(drawn);
        drawn -= entry;
        seg = this.#dirEntry(ref, entry);
        // A segment with several entries is drawn by its first.
        if ((entry & ((1 << (dirDepth - this.#depth(seg))) - 1)) !== 0) continue;
      }
      const i32 = arena.i32[seg >>> CHUNK_SHIFT]!;
      const w = (seg & CHUNK_MASK) << 1;
      const places = i32[w + SEG_PLACES]!;
      const place = Math.floor(drawn * (isDirectory ? Math.max(places, HOMES_MAX + (HOMES_MAX >>> 3)) : places));
      if (place >= places) continue;
      const address = i32[w + SEG_HEADER_WORDS + 2 * place + 1]!;
      if (address !== 0) return address;
    }
  }

  /** Frees the index's own cells, not the records it points to. */
  freeAll(ref: Address): void {
    if (ref === 0) return;
    if (this.#arena.kind(ref) === Kind.directory) {
      this.#eachSegment(ref, (seg) => this.#arena.free(seg));
    }
    this.#arena.free(ref);
  }

  /**
   * Takes apart an index that is given up, a segment a call: appends the records of the segment at `fromHash` (0 to
   * begin) to `out`, for the caller to free at once, and frees the segment; after the last one the rest of the index too.
   * Until then only `drain`, `replace`, `eachCell` and compaction may touch the index.
   * @returns the hash to go on from, or HASH_END when the index is gone.
   */
  drain(ref: Address, fromHash: number, out: number[]): number {
    if (ref === 0) return HASH_END;
    const seg = this.#segmentOf(ref, fromHash | 0);
    const i32 = this.#arena.i32[seg >>> CHUNK_SHIFT]!;
    const w = (seg & CHUNK_MASK) << 1;
    const end = w + SEG_HEADER_WORDS + (i32[w + SEG_PLACES]! << 1);
    for (let p = w + SEG_HEADER_WORDS; p < end; p += 2) if (i32[p + 1] !== 0) out.push(i32[p + 1]!);
    const next = (i32[w + SEG_PREFIX]! >>> 0) + 2 ** (32 - this.#depth(seg));
    if (seg !== ref) this.#fillDirectory(ref, this.#dirIndex(ref, fromHash | 0), 1 << (this.#depth(ref) - this.#depth(seg)), 0);
    this.#arena.free(seg);
    if (seg !== ref && next === HASH_END) this.#arena.free(ref);
    return seg === ref ? HASH_END : next;
  }

  /** Calls `visit` with the address of each cell of the index itself: for the checker and for MEMORY USAGE. */
  eachCell(ref: Address, visit: (address: Address) => void): void {
    if (ref === 0) return;
    visit(ref);
    if (this.#arena.kind(ref) === Kind.directory) this.#eachSegment(ref, visit);
  }

  /** Bytes of the index's own cells. */
  bytes(ref: Address): number {
    let total = 0;
    this.eachCell(ref, (cell) => { total += this.#arena.cellBytes(cell); });
    return total;
  }

  /** Walks the index and asserts its order, homes, counts and prefixes. */
  check(ref: Address): void {
    if (ref === 0) return;
    if (this.#arena.kind(ref) === Kind.segment) {
      this.#checkSegment(ref);
      return;
    }
    let count = 0;
    const dirDepth = this.#depth(ref);
    this.#eachSegment(ref, (seg) => {
      count += this.count(seg);
      this.#checkSegment(seg);
      const first = this.#dirIndex(ref, this.#word(seg, SEG_PREFIX));
      const span = 1 << (dirDepth - this.#depth(seg));
      for (let n = 0; n < span; n++) invariant(this.#dirEntry(ref, first + n) === seg, 'index: a directory range is broken');
    });
    invariant(count === this.count(ref), 'index: a directory counts wrongly');
  }

  // ---- Segments ----

  #home(i32: Int32Array, w: number, hash: number): number {
    const depth = (i32[w]! >>> DEPTH_SHIFT) & DEPTH_MASK;
    return ((((hash << depth) >>> 16) * i32[w + SEG_HOMES]!) >>> 16);
  }

  #place(i32: Int32Array, w: number, hash: number, address: Address): number {
    const pairs = w + SEG_HEADER_WORDS;
    const end = pairs + (i32[w + SEG_PLACES]! << 1);
    for (let p = pairs + (this.#home(i32, w, hash) << 1); p < end; p += 2) {
      if (i32[p + 1] === address) return p;
    }
    invariant(false, 'index: a record is not where its hash leads');
  }

  #insertInto(seg: Address, hash: number, address: Address): boolean {
    const i32 = this.#arena.i32[seg >>> CHUNK_SHIFT]!;
    const w = (seg & CHUNK_MASK) << 1;
    const count = i32[w + SEG_COUNT]!;
    const homes = i32[w + SEG_HOMES]!;
    const places = i32[w + SEG_PLACES]!;
    // Where more than HOMES_MAX/8 extra places exist, splitting was given up: fill them.
    if (count >= fillMax(homes) && places <= homes + (homes >>> 2) + 8) return false;
    const pairs = w + SEG_HEADER_WORDS;
    const end = pairs + (places << 1);
    let p = pairs + (this.#home(i32, w, hash) << 1);
    while (p < end && i32[p + 1] !== 0 && i32[p]! >>> 0 <= hash >>> 0) p += 2;
    let gap = p;
    while (gap < end && i32[gap + 1] !== 0) gap += 2;
    if (gap >= end) return false;
    for (; gap > p; gap -= 2) {
      i32[gap] = i32[gap - 2]!;
      i32[gap + 1] = i32[gap - 1]!;
    }
    i32[p] = hash;
    i32[p + 1] = address;
    i32[w + SEG_COUNT] = count + 1;
    return true;
  }

  #newSegment(homes: number, places: number, depth: number, prefix: number, root: Address, slot: number): Address {
    const seg = this.#arena.alloc((SEG_HEADER_WORDS + 2 * places) * 4, Kind.segment);
    // The class may have room for more: use it.
    places = (this.#arena.cellBytes(seg) / 4 - SEG_HEADER_WORDS) >>> 1;
    const i32 = this.#arena.i32[seg >>> CHUNK_SHIFT]!;
    const w = (seg & CHUNK_MASK) << 1;
    i32[w] = Kind.segment | (depth << DEPTH_SHIFT);
    i32[w + 1] = root;
    i32[w + SEG_COUNT] = 0;
    i32[w + SEG_HOMES] = homes;
    i32[w + SEG_PLACES] = places;
    i32[w + SEG_PREFIX] = prefix;
    i32[w + SEG_SLOT] = slot;
    i32[w + 7] = 0;
    i32.fill(0, w + SEG_HEADER_WORDS, w + SEG_HEADER_WORDS + 2 * places);
    return seg;
  }

  /** A new segment with the pairs of `seg` at places [first, last); as many places as it takes. */
  #copySegment(seg: Address, first: number, last: number, homes: number, depth: number, prefix: number, placesMin: number): Address {
    const arena = this.#arena;
    const from = arena.i32[seg >>> CHUNK_SHIFT]!;
    const fw = (seg & CHUNK_MASK) << 1;
    let place = 0;
    let count = 0;
    for (let n = first; n < last; n++) {
      const p = fw + SEG_HEADER_WORDS + 2 * n;
      if (from[p + 1] === 0) continue;
      const home = (((from[p]! << depth) >>> 16) * homes) >>> 16;
      place = (home > place ? home : place) + 1;
      count++;
    }
    const places = Math.max(placesMin, homes + 2 + (homes >>> 5), place + 2);
    const out = this.#newSegment(homes, places, depth, prefix, from[fw + 1]!, from[fw + SEG_SLOT]!);
    const to = arena.i32[out >>> CHUNK_SHIFT]!;
    const tw = (out & CHUNK_MASK) << 1;
    to[tw + SEG_COUNT] = count;
    place = 0;
    for (let n = first; n < last; n++) {
      const p = fw + SEG_HEADER_WORDS + 2 * n;
      if (from[p + 1] === 0) continue;
      const home = (((from[p]! << depth) >>> 16) * homes) >>> 16;
      if (home > place) place = home;
      const t = tw + SEG_HEADER_WORDS + 2 * place++;
      to[t] = from[p]!;
      to[t + 1] = from[p + 1]!;
    }
    return out;
  }

  #resize(seg: Address, homes: number): Address {
    const depth = this.#depth(seg);
    const out = this.#copySegment(seg, 0, this.#word(seg, SEG_PLACES), homes, depth, this.#word(seg, SEG_PREFIX), 0);
    this.#arena.free(seg);
    return out;
  }

  /** Makes room in `seg`; returns the index's reference after that. */
  #enlarge(ref: Address, seg: Address): Address {
    const homes = this.#word(seg, SEG_HOMES);
    const depth = this.#depth(seg);
    if (homes < HOMES_MAX) {
      const out = this.#resize(seg, grown(homes));
      if (seg === ref) return out;
      this.#pointDirectory(ref, out);
      return ref;
    }
    if (depth < DEPTH_MAX) return this.#split(ref, seg, depth);
    const places = this.#word(seg, SEG_PLACES);
    const out = this.#copySegment(seg, 0, places, homes, depth, this.#word(seg, SEG_PREFIX), places + (places >>> 2));
    this.#arena.free(seg);
    this.#pointDirectory(ref, out);
    return ref;
  }

  #split(ref: Address, seg: Address, depth: number): Address {
    const prefix = this.#word(seg, SEG_PREFIX);
    const places = this.#word(seg, SEG_PLACES);
    const upper = prefix | (1 << (31 - depth));
    const i32 = this.#arena.i32[seg >>> CHUNK_SHIFT]!;
    const w = ((seg & CHUNK_MASK) << 1) + SEG_HEADER_WORDS;
    let middle = 0;
    for (let n = 0; n < places; n++) {
      if (i32[w + 2 * n + 1] !== 0 && i32[w + 2 * n]! >>> 0 < upper >>> 0) middle = n + 1;
    }
    const homes = HALF_HOMES;
    if (seg === ref) ref = this.#newDirectory(seg);
    if (this.#depth(ref) === depth) ref = this.#doubleDirectory(ref);
    this.#pointDirectory(ref, this.#copySegment(seg, 0, middle, homes, depth + 1, prefix, 0));
    this.#pointDirectory(ref, this.#copySegment(seg, middle, places, homes, depth + 1, upper, 0));
    this.#arena.free(seg);
    return ref;
  }

  #scanSegment(seg: Address, from: number, stop: number, out: number[]): number {
    const i32 = this.#arena.i32[seg >>> CHUNK_SHIFT]!;
    const w = (seg & CHUNK_MASK) << 1;
    const pairs = w + SEG_HEADER_WORDS;
    const end = pairs + (i32[w + SEG_PLACES]! << 1);
    let last = -1;
    for (let p = pairs + (this.#home(i32, w, from | 0) << 1); p < end; p += 2) {
      const address = i32[p + 1]!;
      const h = i32[p]! >>> 0;
      if (address === 0 || h < from) continue;
      if (out.length >= stop && h !== last) return h;
      out.push(address);
      last = h;
    }
    const depth = this.#depth(seg);
    return (i32[w + SEG_PREFIX]! >>> 0) + 2 ** (32 - depth);
  }

  #checkSegment(seg: Address): void {
    const i32 = this.#arena.i32[seg >>> CHUNK_SHIFT]!;
    const w = (seg & CHUNK_MASK) << 1;
    const depth = this.#depth(seg);
    let count = 0;
    let previous = -1;
    for (let n = 0; n < i32[w + SEG_PLACES]!; n++) {
      const p = w + SEG_HEADER_WORDS + 2 * n;
      const address = i32[p + 1]!;
      if (address === 0) continue;
      count++;
      const h = i32[p]! >>> 0;
      invariant(h >= previous, 'index: hashes are not in order');
      previous = h;
      const home = this.#home(i32, w, i32[p]!);
      invariant(home <= n, 'index: a pair stands before its home');
      for (let q = home; q < n; q++) invariant(i32[w + SEG_HEADER_WORDS + 2 * q + 1] !== 0, 'index: a gap between a home and its pair');
      invariant(depth === 0 || (h ^ i32[w + SEG_PREFIX]!) >>> (32 - depth) === 0, 'index: a hash in the wrong segment');
      this.#key.locate(address);
      invariant(this.hash(this.#key.buf, this.#key.off, this.#key.len) === i32[p], 'index: a stored hash is not that of its key');
    }
    invariant(count === i32[w + SEG_COUNT], 'index: a segment counts wrongly');
  }

  // ---- Directories ----

  #segmentOf(ref: Address, hash: number): Address {
    const i32 = this.#arena.i32[ref >>> CHUNK_SHIFT]!;
    const w = (ref & CHUNK_MASK) << 1;
    const w0 = i32[w]!;
    if ((w0 & KIND_MASK) === Kind.segment) return ref;
    return i32[w + DIR_HEADER_WORDS + (hash >>> (32 - ((w0 >>> DEPTH_SHIFT) & DEPTH_MASK)))]!;
  }

  #depth(cell: Address): number {
    return (this.#word(cell, 0) >>> DEPTH_SHIFT) & DEPTH_MASK;
  }

  #word(cell: Address, n: number): number {
    return this.#arena.i32[cell >>> CHUNK_SHIFT]![((cell & CHUNK_MASK) << 1) + n]!;
  }

  #dirIndex(dir: Address, hash: number): number {
    return hash >>> (32 - this.#depth(dir));
  }

  #dirEntry(dir: Address, n: number): Address {
    return this.#word(dir, DIR_HEADER_WORDS + n);
  }

  #addDirCount(dir: Address, delta: number): void {
    this.#arena.i32[dir >>> CHUNK_SHIFT]![((dir & CHUNK_MASK) << 1) + DIR_COUNT]! += delta;
  }

  /** A directory of depth 1 whose both entries are `seg`. */
  #newDirectory(seg: Address): Address {
    const dir = this.#allocDirectory(1, this.#word(seg, 1), this.#word(seg, SEG_SLOT), this.count(seg));
    this.#fillDirectory(dir, 0, 2, seg);
    return dir;
  }

  #allocDirectory(depth: number, root: Address, slot: number, count: number): Address {
    const dir = this.#arena.alloc((DIR_HEADER_WORDS + 2 ** depth) * 4, Kind.directory);
    const i32 = this.#arena.i32[dir >>> CHUNK_SHIFT]!;
    const w = (dir & CHUNK_MASK) << 1;
    i32[w] = Kind.directory | (depth << DEPTH_SHIFT);
    i32[w + 1] = root;
    i32[w + DIR_COUNT] = count;
    i32[w + DIR_SLOT] = slot;
    return dir;
  }

  #doubleDirectory(dir: Address): Address {
    const depth = this.#depth(dir);
    const out = this.#allocDirectory(depth + 1, this.#word(dir, 1), this.#word(dir, DIR_SLOT), this.count(dir));
    const to = this.#arena.i32[out >>> CHUNK_SHIFT]!;
    const tw = ((out & CHUNK_MASK) << 1) + DIR_HEADER_WORDS;
    for (let n = 0; n < 2 ** depth; n++) {
      to[tw + 2 * n] = to[tw + 2 * n + 1] = this.#dirEntry(dir, n);
    }
    this.#arena.free(dir);
    return out;
  }

  #fillDirectory(dir: Address, first: number, span: number, seg: Address): void {
    const w = ((dir & CHUNK_MASK) << 1) + DIR_HEADER_WORDS + first;
    this.#arena.i32[dir >>> CHUNK_SHIFT]!.fill(seg, w, w + span);
  }

  /** Makes the whole range of `seg`'s prefix point to it. */
  #pointDirectory(dir: Address, seg: Address): void {
    this.#fillDirectory(dir, this.#dirIndex(dir, this.#word(seg, SEG_PREFIX)), 1 << (this.#depth(dir) - this.#depth(seg)), seg);
  }

  #eachSegment(dir: Address, visit: (seg: Address) => void): void {
    const depth = this.#depth(dir);
    const entries = 1 << depth;
    for (let n = 0; n < entries;) {
      const seg = this.#dirEntry(dir, n);
      if (seg === 0) {
        // Drained already.
        n++;
        continue;
      }
      n += 1 << (depth - this.#depth(seg));
      visit(seg);
    }
  }

  /** After a removal left few pairs in `seg`: a smaller segment, one with its buddy, or no directory at all. */
  #shrinkInDirectory(dir: Address, seg: Address, count: number): Address {
    const homes = this.#word(seg, SEG_HOMES);
    const depth = this.#depth(seg);
    const buddy = this.#dirEntry(dir, this.#dirIndex(dir, this.#word(seg, SEG_PREFIX) ^ (1 << (32 - depth))));
    if (buddy !== seg && this.#depth(buddy) === depth && count + this.count(buddy) < HOMES_MAX / 2) return this.#merge(dir, seg, buddy);
    if (homes > 16 && count < homes >>> 2) this.#pointDirectory(dir, this.#resize(seg, homes >>> 1));
    return dir;
  }

  #merge(dir: Address, a: Address, b: Address): Address {
    const depth = this.#depth(a) - 1;
    const [low, high] = this.#word(a, SEG_PREFIX) >>> 0 < this.#word(b, SEG_PREFIX) >>> 0 ? [a, b] : [b, a];
    const prefix = this.#word(low, SEG_PREFIX);
    const homes = HALF_HOMES;
    // Makes a segment with room for both from the lower half, then adds the upper.
    const out = this.#copySegment(low, 0, this.#word(low, SEG_PLACES), homes, depth, prefix, homes + (homes >>> 2));
    const i32 = this.#arena.i32[high >>> CHUNK_SHIFT]!;
    const w = (high & CHUNK_MASK) << 1;
    for (let n = 0; n < i32[w + SEG_PLACES]!; n++) {
      const p = w + SEG_HEADER_WORDS + 2 * n;
      if (i32[p + 1] === 0) continue;
      // Equal hashes in number could overfill the places: then stay as before.
      if (!this.#insertInto(out, i32[p]!, i32[p + 1]!)) {
        this.#arena.free(out);
        return dir;
      }
    }
    this.#arena.free(a);
    this.#arena.free(b);
    if (depth === 0) {
      this.#arena.free(dir);
      return out;
    }
    this.#pointDirectory(dir, out);
    return this.#halveDirectory(dir);
  }

  #halveDirectory(dir: Address): Address {
    const depth = this.#depth(dir);
    let deepest = 0;
    this.#eachSegment(dir, (seg) => { deepest = Math.max(deepest, this.#depth(seg)); });
    if (deepest >= depth - 1) return dir;
    const out = this.#allocDirectory(deepest, this.#word(dir, 1), this.#word(dir, DIR_SLOT), this.count(dir));
    this.#eachSegment(dir, (seg) => this.#pointDirectory(out, seg));
    this.#arena.free(dir);
    return out;
  }

  // ---- Relocation ----

  #relocateSegment(from: Address, to: Address): void {
    const ref = this.#heldRef(this.#word(to, 1), this.#word(to, SEG_SLOT));
    if (ref === from) this.#holdRef(this.#word(to, 1), this.#word(to, SEG_SLOT), to);
    else this.#pointDirectory(ref, to);
  }

  #relocateDirectory(_from: Address, to: Address): void {
    this.#holdRef(this.#word(to, 1), this.#word(to, DIR_SLOT), to);
  }

  #heldRef(root: Address, slot: number): Address {
    if ((this.#word(root, 0) & ROOT_IS_KEYSPACE) !== 0) return this.keyspaceRefs[this.#word(root, ROOT_OWNER)]![slot]!;
    return this.#word(root, ROOT_INDEX);
  }

  #holdRef(root: Address, slot: number, ref: Address): void {
    if ((this.#word(root, 0) & ROOT_IS_KEYSPACE) !== 0) this.keyspaceRefs[this.#word(root, ROOT_OWNER)]![slot] = ref;
    else this.#arena.i32[root >>> CHUNK_SHIFT]![((root & CHUNK_MASK) << 1) + ROOT_INDEX] = ref;
  }
}
