/**
 * What the 24 bits say that each entry keeps of its use: the second of the last use (LRU), or how often it was used of late
 * (LFU). Semantics and figures are Redis's (evict.c), so that its tools and its documentation hold here.
 *
 * It is knowledge of this process alone: it is no part of the data, is not logged, and replicas have their own.
 */

/** A new key's count of uses: some, so that it is not the first to go before it could be used again. */
export const LFU_INITIAL = 5;

const BITS_MASK = 0xffffff;
const COUNT_MAX = 255;
const MINUTES_MASK = 0xffff;

export class AccessClock {
  /** Whether uses are counted (the LFU policies). Bits written before a change of this are misread for a while, as in Redis. */
  isLfu = false;
  /** The greater, the more uses it takes to come to a count (lfu-log-factor). */
  lfuLogFactor = 10;
  /** A count falls by one in so many minutes without use; 0: never (lfu-decay-time). */
  lfuDecayMinutes = 1;
  /** The LRU clock: seconds, 24 bits. */
  seconds = 0;
  #minutes = 0;
  readonly #random: () => number;

  /** @param random numbers in [0, 1) */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Milliseconds since the epoch. */
  setTime(nowMs: number): void {
    const seconds = Math.floor(nowMs / 1000);
    this.seconds = seconds & BITS_MASK;
    this.#minutes = Math.floor(seconds / 60) & MINUTES_MASK;
  }

  /** Bits of an entry that is new. */
  get initial(): number {
    return this.isLfu ? (this.#minutes << 8) | LFU_INITIAL : this.seconds;
  }

  /** Bits of an entry that had `bits` and is used now. */
  used(bits: number): number {
    if (!this.isLfu) return this.seconds;
    const count = this.frequency(bits);
    return (this.#minutes << 8) | (count < COUNT_MAX && this.#counts(count) ? count + 1 : count);
  }

  /** Seconds since the last use. Only where uses are not counted. */
  idleSeconds(bits: number): number {
    return (this.seconds - bits) & BITS_MASK;
  }

  /** Bits of an entry that was last used so many seconds ago. */
  idleBits(seconds: number): number {
    return (this.seconds - Math.min(seconds, BITS_MASK)) & BITS_MASK;
  }

  /** The count, 0 to 255, less what time has taken from it. Only where uses are counted. */
  frequency(bits: number): number {
    const count = bits & COUNT_MAX;
    if (this.lfuDecayMinutes === 0) return count;
    const last = bits >>> 8;
    const elapsed = this.#minutes >= last ? this.#minutes - last : MINUTES_MASK - last + this.#minutes;
    return Math.max(0, count - Math.floor(elapsed / this.lfuDecayMinutes));
  }

  /** Bits of an entry whose count is `frequency`, 0 to 255, as of now. */
  frequencyBits(frequency: number): number {
    return (this.#minutes << 8) | frequency;
  }

  /** Whether one use more makes the count greater: the greater it is, the less likely. */
  #counts(count: number): boolean {
    const above = Math.max(0, count - LFU_INITIAL);
    return this.#random() < 1 / (above * this.lfuLogFactor + 1);
  }
}
