/** Finds out whether a listpack from outside is a node of a stream, and what ids it holds, before it is put into the arena. */
import type { Int64 } from '../../shared/int64.ts';
import { parseIntegerStrict, parsedInteger } from '../../shared/number-text.ts';
import { ByteRange } from '../../shared/rdb/byte-range.ts';
import { ListpackCursor } from '../../shared/rdb/listpack.ts';
import { rdbDamaged } from '../../shared/rdb/rdb-errors.ts';
import { StreamEntryFlag } from '../../shared/rdb/rdb-types.ts';
import type { StreamId } from '../../shared/stream-id.ts';

export class StreamNodeCheck {
  /** Entries of the node that was checked last, without deleted ones. */
  live = 0;
  readonly #cursor = new ListpackCursor();
  readonly #element = new ByteRange();
  readonly #entryId: StreamId;
  readonly #delta: Int64;

  constructor(scratchId: StreamId, scratchDelta: Int64) {
    this.#entryId = scratchId;
    this.#delta = scratchDelta;
  }

  /**
   * Checks a listpack that stands under `firstId`. `previous` is the last id before it, and then that of its own last entry.
   * @throws OperationalError RDB_DAMAGED
   */
  check(buf: Uint8Array, off: number, len: number, firstId: StreamId, previous: StreamId): void {
    this.#cursor.open(buf, off, len);
    const live = this.#count();
    const deleted = this.#count();
    const fields = this.#count();
    this.#skip(fields);
    if (this.#count() !== 0) throw rdbDamaged("a stream's node has no end of its fields");
    let seenDeleted = 0;
    this.live = 0;
    for (let n = live + deleted; n > 0; n--) {
      if (this.#entry(fields, firstId)) seenDeleted++;
      else {
        this.live++;
        if (this.#entryId.compare(previous) <= 0) throw rdbDamaged("a stream's entries are out of order");
        previous.copy(this.#entryId);
      }
    }
    if (this.live !== live || live + deleted === 0) throw rdbDamaged("a stream's node counts other entries than it holds");
    if (seenDeleted !== deleted || this.#cursor.next(this.#element)) throw rdbDamaged("a stream's node holds more than its entries");
  }

  /** Reads an entry; whether it is deleted. */
  #entry(nodeFields: number, firstId: StreamId): boolean {
    const flags = this.#count();
    const id = this.#entryId;
    const delta = this.#delta;
    this.#integer();
    let lo = (firstId.msLo >>> 0) + (delta.lo >>> 0);
    const msHi = firstId.msHi + delta.hi + (lo > 0xffffffff ? 1 : 0);
    const msLo = lo;
    this.#integer();
    lo = (firstId.seqLo >>> 0) + (delta.lo >>> 0);
    id.set(msHi, msLo, firstId.seqHi + delta.hi + (lo > 0xffffffff ? 1 : 0), lo);
    const isSame = (flags & StreamEntryFlag.sameFields) !== 0;
    const fields = isSame ? nodeFields : this.#count();
    this.#skip(isSame ? fields : 2 * fields);
    if (flags > (StreamEntryFlag.sameFields | StreamEntryFlag.deleted) || this.#count() !== (isSame ? fields + 3 : 2 * fields + 4)) {
      throw rdbDamaged("an entry of a stream's node is not of its length");
    }
    return (flags & StreamEntryFlag.deleted) !== 0;
  }

  #skip(elements: number): void {
    for (let n = elements; n > 0; n--) this.#next();
  }

  #next(): void {
    if (!this.#cursor.next(this.#element)) throw rdbDamaged("a stream's node ends amid an entry");
  }

  /** Reads an integer into `#delta`. */
  #integer(): void {
    this.#next();
    const { buf, off, len } = this.#element;
    // An integer that stands as text would not be found where entries are read in place.
    if (!this.#cursor.isInteger || !parseIntegerStrict(buf, off, len)) throw rdbDamaged("a stream's node has text for a number");
    if (parsedInteger.isSafe) this.#delta.setNumber(parsedInteger.value);
    else this.#delta.setBig(parsedInteger.big);
  }

  #count(): number {
    this.#integer();
    const value = this.#delta.toNumber();
    if (value < 0 || value > 0x7fffffff) throw rdbDamaged("a stream's node has a count out of range");
    return value;
  }
}
