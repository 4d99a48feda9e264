/** Walks all members of a set, whatever its form. */
import type { Address } from '../memory/arena.ts';
import type { Elements } from '../memory/elements.ts';
import { Bytes } from '../memory/entries.ts';
import { HASH_END } from '../memory/hash-index.ts';
import type { PackedInts } from '../memory/packed-intset.ts';
import { PACKED_FIRST, type Packed } from '../memory/packed.ts';
import { INTEGER_TEXT_BYTES, formatWords } from './integer-words.ts';

const BATCH = 256;

const Form = { ints: 0, packed: 1, large: 2 } as const;

/** Walks a set that does not change meanwhile. */
export class SetCursor {
  readonly member: Bytes = new Bytes();
  /** Whether the set is one of integers: then `hi` and `lo` are the member as well. */
  isInts = false;
  hi = 0;
  lo = 0;
  readonly #packed: Packed;
  readonly #ints: PackedInts;
  readonly #elements: Elements;
  readonly #digits: Uint8Array = new Uint8Array(INTEGER_TEXT_BYTES);
  #cell: Address = 0;
  #form: number = Form.ints;
  /** Ints: rank; packed: position; large: place in the batch. */
  #at = 0;
  #end = 0;
  #batch: Address[] = [];
  #from = 0;

  constructor(packed: Packed, ints: PackedInts, elements: Elements) {
    this.#packed = packed;
    this.#ints = ints;
    this.#elements = elements;
  }

  /** Begins a walk over a set's cell. */
  open(cell: Address): this {
    this.#cell = cell;
    this.isInts = false;
    if (!this.#packed.isPacked(cell)) {
      this.#form = Form.large;
      this.#at = this.#end = this.#from = 0;
      this.#batch.length = 0;
    } else if (this.#packed.isInts(cell)) {
      this.isInts = true;
      this.#form = Form.ints;
      this.#at = 0;
      this.#end = this.#ints.count(cell);
    } else {
      this.#form = Form.packed;
      this.#at = PACKED_FIRST;
      this.#end = this.#packed.usedBytes(cell);
    }
    return this;
  }

  /** Goes to the next member; false at the end. */
  next(): boolean {
    if (this.#at >= this.#end && !this.#refill()) return false;
    if (this.#form === Form.packed) this.#at = this.#packed.read(this.#cell, this.#at, this.member);
    else if (this.#form === Form.large) this.#elements.key(this.#batch[this.#at++]!, this.member);
    else this.readInteger(this.#cell, this.#at++);
    return true;
  }

  /** Reads the integer of rank `rank` of an integer set. */
  readInteger(cell: Address, rank: number): void {
    const ints = this.#ints;
    ints.get(cell, rank);
    this.hi = ints.hi;
    this.lo = ints.lo;
    const start = formatWords(ints.hi, ints.lo, this.#digits);
    this.member.buf = this.#digits;
    this.member.off = start;
    this.member.len = INTEGER_TEXT_BYTES - start;
  }

  #refill(): boolean {
    if (this.#form !== Form.large || this.#from >= HASH_END) return false;
    this.#batch.length = 0;
    this.#at = 0;
    this.#from = this.#elements.scan(this.#cell, this.#from, BATCH, this.#batch);
    this.#end = this.#batch.length;
    return this.#end > 0;
  }
}
