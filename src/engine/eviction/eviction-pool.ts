/**
 * The best candidates for eviction seen so far, as in Redis: of each few keys that are sampled the better ones are kept
 * here, so that choosing comes near to what knowing all keys would choose.
 *
 * Holds names and not addresses: between two commands keys move and go. Who takes a candidate looks whether it is still there.
 */
import { Bytes } from '../memory/entries.ts';

const SIZE = 16;
/** Longer names get a buffer of their own. */
const NAME_BYTES = 256;

export class EvictionPool {
  /** The candidate that was taken last. Valid until the next `offer`. */
  readonly key = new Bytes();
  /** Number of its database. */
  db = 0;
  #count = 0;
  /** Candidates [0, count), the best last. */
  readonly #scores = new Float64Array(SIZE);
  readonly #dbs = new Int32Array(SIZE);
  readonly #lengths = new Int32Array(SIZE);
  readonly #names: Uint8Array[] = Array.from({ length: SIZE }, () => new Uint8Array(NAME_BYTES));

  clear(): void {
    this.#count = 0;
  }

  /** Keeps a key unless the pool is full of better ones. The greater the score, the sooner it goes. */
  offer(score: number, db: number, key: Bytes): void {
    let at = 0;
    while (at < this.#count && this.#scores[at]! < score) at++;
    if (this.#count < SIZE) {
      this.#move(this.#count, at);
      this.#count++;
    } else {
      if (at === 0) return;
      at--;
      this.#move(0, at);
    }
    this.#scores[at] = score;
    this.#dbs[at] = db;
    this.#lengths[at] = key.len;
    if (this.#names[at]!.length < key.len || (this.#names[at]!.length > NAME_BYTES && key.len <= NAME_BYTES)) {
      this.#names[at] = new Uint8Array(Math.max(NAME_BYTES, key.len));
    }
    this.#names[at]!.set(key.buf.subarray(key.off, key.off + key.len));
  }

  /** Takes the best candidate out of the pool and makes it `key` and `db`; false where there is none. */
  take(): boolean {
    if (this.#count === 0) return false;
    const at = --this.#count;
    this.key.buf = this.#names[at]!;
    this.key.off = 0;
    this.key.len = this.#lengths[at]!;
    this.db = this.#dbs[at]!;
    return true;
  }

  /** Moves the place `from`, which is free, to `to`, and those between by one. Its buffer comes along. */
  #move(from: number, to: number): void {
    const name = this.#names[from]!;
    const step = from < to ? 1 : -1;
    for (let at = from; at !== to; at += step) {
      this.#scores[at] = this.#scores[at + step]!;
      this.#dbs[at] = this.#dbs[at + step]!;
      this.#lengths[at] = this.#lengths[at + step]!;
      this.#names[at] = this.#names[at + step]!;
    }
    this.#names[to] = name;
  }
}
