/** A window on bytes that a decoder found or made. Reused by its owner: valid until the next read into it. */

/** Up to here a range keeps room of its own; what is larger gets room that is dropped with the next value. */
const KEPT_BYTES_MAX = 64 * 1024;

export class ByteRange {
  buf: Uint8Array;
  off = 0;
  len = 0;
  #own: Uint8Array = new Uint8Array(64);

  constructor() {
    this.buf = this.#own;
  }

  /** Points the range at room of its own of `bytes` undefined bytes. */
  room(bytes: number): Uint8Array {
    if (bytes > this.#own.length && bytes <= KEPT_BYTES_MAX) {
      this.#own = new Uint8Array(Math.min(KEPT_BYTES_MAX, Math.max(bytes, this.#own.length * 2)));
    }
    this.buf = bytes <= this.#own.length ? this.#own : new Uint8Array(bytes);
    this.off = 0;
    this.len = bytes;
    return this.buf;
  }
}
