/**
 * Walks over a stream's entries, in either direction, within a range of ids. Reads the nodes where they stand, so the stream
 * must not change between `open` and the last use of what the cursor shows.
 */
import { StreamEntryFlag } from '../../shared/rdb/rdb-types.ts';
import { StreamId } from '../../shared/stream-id.ts';
import type { Address } from '../memory/arena.ts';
import { Bytes } from '../memory/entries.ts';
import { IdCursor, type IdTree } from '../memory/id-tree.ts';
import { INTEGER_TEXT_BYTES, nextElement, previousElement, readElement, smallInteger } from '../memory/listpack-elements.ts';
import type { StreamNodes } from '../memory/stream-nodes.ts';

export class StreamCursor {
  /** Of the entry that `next` went to. */
  readonly id = new StreamId();
  /** Its number of fields. */
  pairs = 0;
  /** What `nextPair` read. */
  readonly field = new Bytes();
  readonly value = new Bytes();
  /** Where the entry stands: node and position of its flags. */
  readonly place = new IdCursor();
  position = 0;

  readonly #tree: IdTree;
  readonly #nodes: StreamNodes;
  readonly #start = new StreamId();
  readonly #end = new StreamId();
  #isReverse = false;
  #isDone = true;
  /** Whether an entry of the range was found: what follows is not before it. */
  #isWithin = false;
  #u8: Uint8Array = new Uint8Array(0);
  readonly #nodeId = new StreamId();
  /** The node's own number of fields, and the first of them. */
  #nodePairs = 0;
  #nodeFields = 0;
  /** Where the node's elements end. */
  #nodeEnd = 0;
  /** Forward: the next element of the entry. */
  #at = 0;
  /** Forward: elements of the entry from `#at` on. */
  #left = 0;
  /** The next of the node's own fields, where the entry shares them. */
  #fieldAt = 0;
  #sharesFields = false;
  readonly #fieldDigits = new Uint8Array(INTEGER_TEXT_BYTES);
  readonly #valueDigits = new Uint8Array(INTEGER_TEXT_BYTES);

  constructor(tree: IdTree, nodes: StreamNodes) {
    this.#tree = tree;
    this.#nodes = nodes;
  }

  /** Begins before the first (in reverse: behind the last) entry from `start` to `end`, both included. */
  open(root: Address, start: StreamId, end: StreamId, isReverse: boolean): this {
    this.#start.copy(start);
    this.#end.copy(end);
    this.#isReverse = isReverse;
    this.#isWithin = false;
    this.#isDone = !this.#nodes.seek(root, isReverse ? end : start, this.place);
    if (!this.#isDone) this.#enter();
    return this;
  }

  /** Goes to the next entry of the range that is not deleted; false at the end. */
  next(): boolean {
    while (!this.#isDone) {
      if (!(this.#isReverse ? this.#back() : this.#forth())) {
        this.#isDone = !(this.#isReverse ? this.#tree.previous(this.place) : this.#tree.next(this.place));
        if (!this.#isDone) this.#enter();
        continue;
      }
      if ((this.#u8[this.position]! & StreamEntryFlag.deleted) !== 0) continue;
      if (this.#isReverse ? this.id.compare(this.#start) < 0 : this.id.compare(this.#end) > 0) {
        this.#isDone = true;
        break;
      }
      if (this.#isWithin || (this.#isReverse ? this.id.compare(this.#end) <= 0 : this.id.compare(this.#start) >= 0)) {
        this.#isWithin = true;
        return true;
      }
    }
    return false;
  }

  /** Reads the entry's next field and value; `pairs` times at most. */
  nextPair(): void {
    const u8 = this.#u8;
    let at = this.#at;
    if (this.#sharesFields) {
      this.#fieldAt = readElement(u8, this.#fieldAt, this.field, this.#fieldDigits);
      this.#left--;
    } else {
      at = readElement(u8, at, this.field, this.#fieldDigits);
      this.#left -= 2;
    }
    this.#at = readElement(u8, at, this.value, this.#valueDigits);
  }

  #enter(): void {
    const nodes = this.#nodes;
    const node = nodes.node(this.place);
    const u8 = nodes.bytesOf(node);
    this.#u8 = u8;
    nodes.firstId(node, this.#nodeId);
    this.#nodeEnd = nodes.end(node);
    const countAt = nodes.fieldCount(node);
    this.#nodePairs = smallInteger(u8, countAt);
    this.#nodeFields = nextElement(u8, countAt);
    this.#left = 0;
    if (this.#isReverse) this.position = this.#nodeEnd;
    else this.#at = nodes.firstEntry(node);
  }

  #forth(): boolean {
    const u8 = this.#u8;
    for (; this.#left > 0; this.#left--) this.#at = nextElement(u8, this.#at);
    if (this.#at === this.#nodeEnd) return false;
    this.#read(this.#at);
    return true;
  }

  #back(): boolean {
    const u8 = this.#u8;
    let at = previousElement(u8, this.position);
    const elements = smallInteger(u8, at);
    // What stands before the first entry ends with a zero.
    if (elements === 0) return false;
    for (let n = elements; n > 0; n--) at = previousElement(u8, at);
    this.#read(at);
    return true;
  }

  #read(at: number): void {
    const u8 = this.#u8;
    const { id } = this;
    this.position = at;
    const sharesFields = (u8[at]! & StreamEntryFlag.sameFields) !== 0;
    this.#sharesFields = sharesFields;
    id.copy(this.#nodeId);
    at = this.#nodes.addDelta(u8, nextElement(u8, at), id);
    if (sharesFields) {
      this.pairs = this.#nodePairs;
      this.#fieldAt = this.#nodeFields;
      this.#left = this.pairs + 1;
    } else {
      this.pairs = smallInteger(u8, at);
      at = nextElement(u8, at);
      this.#left = 2 * this.pairs + 1;
    }
    this.#at = at;
  }
}
