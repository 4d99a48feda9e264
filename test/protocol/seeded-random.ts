/** Random numbers from a seed, so that a failure can be run again. */
import { testSeed } from '../support/test-seed.ts';

export class SeededRandom {
  readonly seed: number;
  #state: number;

  /** Takes its seed from the environment variable SEED, if there is one (support/test-seed.ts). */
  constructor(seed = testSeed('SEED')) {
    this.seed = seed;
    this.#state = seed >>> 0;
  }

  /** In [0, 1). */
  float(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** An integer in [0, end). */
  below(end: number): number {
    return Math.floor(this.float() * end);
  }

  pick<T>(items: ArrayLike<T>): T {
    return items[this.below(items.length)]!;
  }
}
