/** Records that the leader appended and that are not committed, with their bytes: what back-pressure goes by. */
export class InFlight {
  /** Of all records in flight. */
  bytes = 0;
  /** Oldest first, beginning at #head. */
  readonly #indexes: number[] = [];
  readonly #sizes: number[] = [];
  #head = 0;

  add(index: number, bytes: number): void {
    this.#indexes.push(index);
    this.#sizes.push(bytes);
    this.bytes += bytes;
  }

  /** Everything up to `index` is committed. */
  committed(index: number): void {
    while (this.#head < this.#indexes.length && this.#indexes[this.#head]! <= index) {
      this.bytes -= this.#sizes[this.#head]!;
      this.#head++;
    }
    if (this.#head === this.#indexes.length) this.clear();
    else if (this.#head >= 1024) {
      this.#indexes.splice(0, this.#head);
      this.#sizes.splice(0, this.#head);
      this.#head = 0;
    }
  }

  clear(): void {
    this.#indexes.length = 0;
    this.#sizes.length = 0;
    this.#head = 0;
    this.bytes = 0;
  }
}
