/**
 * How many bytes of log lie behind a position, from a few samples instead of one number per record. Must never be used for
 * anything that has to be exact.
 */

/** A sample is kept for every so many bytes of log. */
const SAMPLE_BYTES = 64 * 1024;

export class SizeSamples {
  /** Ascending indexes; #total[i] is the bytes of all records through #index[i] since the beginning of counting. */
  #index: number[];
  #total: number[] = [0];
  #lastIndex: number;
  #lastTotal = 0;

  constructor(baseIndex: number) {
    this.#index = [baseIndex];
    this.#lastIndex = baseIndex;
  }

  append(index: number, bytes: number): void {
    this.#lastIndex = index;
    this.#lastTotal += bytes;
    if (this.#lastTotal - this.#total[this.#total.length - 1]! < SAMPLE_BYTES) return;
    this.#index.push(index);
    this.#total.push(this.#lastTotal);
  }

  /** Records from `index` on are gone. */
  truncateFrom(index: number): void {
    if (index > this.#lastIndex) return;
    const total = this.#totalAt(index - 1);
    while (this.#index.length > 1 && this.#index[this.#index.length - 1]! >= index) {
      this.#index.pop();
      this.#total.pop();
    }
    this.#lastIndex = index - 1;
    this.#lastTotal = total;
  }

  /** Records through `index` are gone. */
  trim(index: number): void {
    const total = this.#totalAt(index);
    let keep = 0;
    while (keep < this.#index.length && this.#index[keep]! <= index) keep++;
    this.#index.splice(0, keep, index);
    this.#total.splice(0, keep, total);
  }

  bytesSince(index: number): number {
    return Math.round(this.#lastTotal - this.#totalAt(index));
  }

  /** An index through which lie at least `bytes` of records behind `index`, and not many more; the last if there are fewer. */
  indexBehind(index: number, bytes: number): number {
    // Between two samples the total is a guess.
    const wanted = this.#totalAt(index) + bytes + 2 * SAMPLE_BYTES;
    let low = 0;
    let high = this.#total.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#total[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low < this.#index.length ? this.#index[low]! : this.#lastIndex;
  }

  /** Bytes through `index`, interpolated between the samples beside it. */
  #totalAt(index: number): number {
    if (index >= this.#lastIndex) return this.#lastTotal;
    let low = 0;
    let high = this.#index.length;
    // The first sample behind `index`; the last record is the sample after all.
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#index[middle]! <= index) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return this.#total[0]!;
    const fromIndex = this.#index[low - 1]!;
    const fromTotal = this.#total[low - 1]!;
    const toIndex = low < this.#index.length ? this.#index[low]! : this.#lastIndex;
    const toTotal = low < this.#index.length ? this.#total[low]! : this.#lastTotal;
    return fromTotal + ((toTotal - fromTotal) * (index - fromIndex)) / (toIndex - fromIndex);
  }
}
