/**
 * Sorted sets that no entry owns yet: the results of ZUNION, ZINTER, ZDIFF and ZRANGESTORE.
 *
 * There is one table, for the command under way. While it is filled its members stand under a root's index alone, so that
 * scores change at no cost; what reads it makes the root's tree first. Every `begin` is followed by `attach` or `drop`,
 * whatever comes between: the cells that the table takes are nobody else's. No score is NaN: the caller sees to that.
 */
import { invariant } from '../../shared/errors.ts';
import type { EncodingLimits } from '../encoding-limits.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { Address } from '../memory/arena.ts';
import type { CountedTree } from '../memory/counted-tree.ts';
import type { Elements } from '../memory/elements.ts';
import { type Entries, EntryType } from '../memory/entries.ts';
import { HASH_END } from '../memory/hash-index.ts';
import type { LazyFree } from '../memory/lazy-free.ts';
import { PACKED_BYTES_MAX, PACKED_COUNT_MAX, type Packed } from '../memory/packed.ts';
import { SHAPE_ZSET } from '../memory/records.ts';
import { SCORE_BYTES_MAX, withoutSignedZero, writeScore } from './score-bytes.ts';
import { SCORED_STRIDE, ScoredCursor } from './scored-cursor.ts';

/** Bytes that a member takes in a packed cell at most, besides its own. */
const PACKED_OVERHEAD_BYTES = 6 + SCORE_BYTES_MAX;

export class ScoreTable {
  readonly #entries: Entries;
  readonly #packed: Packed;
  readonly #elements: Elements;
  readonly #tree: CountedTree;
  readonly #lazyFree: LazyFree;
  readonly #limits: EncodingLimits;
  readonly #cursor: ScoredCursor;
  readonly #scoreBytes = new Uint8Array(SCORE_BYTES_MAX);
  /** 0: no table is under way. */
  #root: Address = 0;
  /** What `find` found, or 0. */
  #found: Address = 0;
  /** Length of the longest member. */
  #longestBytes = 0;
  /** What all members would take in a packed cell. */
  #packedBytes = 0;

  constructor(keyspace: Keyspace, packed: Packed, elements: Elements, lazyFree: LazyFree, limits: EncodingLimits) {
    this.#entries = keyspace.entries;
    this.#packed = packed;
    this.#elements = elements;
    this.#tree = keyspace.tree;
    this.#lazyFree = lazyFree;
    this.#limits = limits;
    this.#cursor = new ScoredCursor(packed, elements, keyspace.tree);
  }

  /** Begins an empty table. */
  begin(): void {
    invariant(this.#root === 0, 'score table: the last one was neither attached nor dropped');
    this.#root = this.#elements.newRoot();
    this.#longestBytes = 0;
    this.#packedBytes = 0;
  }

  get size(): number {
    return this.#elements.count(this.#root);
  }

  /** Adds a member that is not in the table. */
  add(score: number, buf: Uint8Array, off: number, len: number): void {
    this.#elements.setScore(this.#elements.add(this.#root, SHAPE_ZSET, buf, off, len, 0), score);
    if (len > this.#longestBytes) this.#longestBytes = len;
    this.#packedBytes += len + PACKED_OVERHEAD_BYTES;
  }

  /** Looks for a member: then `foundScore` reads and sets its score. */
  find(buf: Uint8Array, off: number, len: number): boolean {
    this.#found = this.#elements.find(this.#root, buf, off, len);
    return this.#found !== 0;
  }

  get foundScore(): number {
    return this.#elements.score(this.#found);
  }

  set foundScore(score: number) {
    this.#elements.setScore(this.#found, score);
  }

  /** Begins a walk over the members in order. Once for a table, to which nothing is added any more. */
  walk(): ScoredCursor {
    this.#order(false);
    return this.#cursor.open(this.#root, 0);
  }

  /**
   * Makes the table, which is not empty and was not walked, the value of an entry that has none yet: small where limits
   * allow. What is stored is a sorted set as any other, where zero has no sign.
   */
  attach(ref: Address): void {
    const { zsetMaxListpackEntries, zsetMaxListpackValue } = this.#limits;
    const countMax = Math.min(zsetMaxListpackEntries, Math.floor(PACKED_COUNT_MAX / SCORED_STRIDE));
    const isSmall = this.size <= countMax && this.#longestBytes <= zsetMaxListpackValue && this.#packedBytes < PACKED_BYTES_MAX;
    if (isSmall) {
      this.#entries.setValueAddress(ref, this.#toPacked());
      this.drop();
    } else {
      this.#order(true);
      this.#entries.setValueAddress(ref, this.#root);
      this.#root = 0;
    }
  }

  /** Gives the table up. */
  drop(): void {
    this.#lazyFree.reclaim(EntryType.zset, this.#root);
    this.#root = 0;
  }

  /** Makes the root's tree. */
  #order(dropSignedZeros: boolean): void {
    const all: Address[] = [];
    this.#elements.scan(this.#root, 0, HASH_END, all);
    for (const element of all) {
      if (dropSignedZeros) this.#elements.setScore(element, withoutSignedZero(this.#elements.score(element)));
      this.#tree.insert(this.#root, this.#elements.score(element), element);
    }
  }

  /** A packed cell, owned by nobody yet, with the members. */
  #toPacked(): Address {
    const packed = this.#packed;
    const scoreBytes = this.#scoreBytes;
    const roomy = packed.create(this.#packedBytes);
    const cursor = this.walk();
    const { member } = cursor;
    while (cursor.next()) {
      const len = writeScore(cursor.score, scoreBytes);
      packed.insertPair(roomy, packed.usedBytes(roomy), member.buf, member.off, member.len, scoreBytes, 0, len);
    }
    const cell = packed.copy(roomy);
    packed.free(roomy);
    return cell;
  }
}
