/**
 * Where the keyspace finds a key: its slot, and its hash in there.
 *
 * A command looks its key up, changes the value and reports that: three times the place of the same bytes. The bytes of the
 * request under way stay as they are until it is over, so the place of one that was located lately is known; any other bytes
 * (the arena's, a handler's own) may have changed since, and are hashed each time.
 */
import { hashKey, hashedKey } from '../../shared/hash.ts';

const NO_BYTES: Uint8Array = new Uint8Array(0);

export class KeyPlace {
  slot = 0;
  hash = 0;
  readonly #seed: number;
  #request: Uint8Array = NO_BYTES;
  /** The argument of the request that `slot` and `hash` are of, or -1. */
  #off = -1;
  #len = 0;

  /** @param seed of the hash indexes */
  constructor(seed: number) {
    this.#seed = seed;
  }

  /** A command begins whose arguments stand in `buf`, which does not change until `endRequest`. */
  beginRequest(buf: Uint8Array): void {
    this.#request = buf;
    this.#off = -1;
  }

  /** The slot and hash of an argument of the request that has begun. */
  know(off: number, len: number, slot: number, hash: number): void {
    this.#off = off;
    this.#len = len;
    this.slot = slot;
    this.hash = hash;
  }

  endRequest(): void {
    this.beginRequest(NO_BYTES);
  }

  /** Makes `slot` and `hash` those of a key. */
  locate(buf: Uint8Array, off: number, len: number): void {
    const isArgument = buf === this.#request;
    if (isArgument && off === this.#off && len === this.#len) return;
    hashKey(buf, off, len, this.#seed);
    this.slot = hashedKey.slot;
    this.hash = hashedKey.hash;
    this.#off = isArgument ? off : -1;
    this.#len = len;
  }
}
