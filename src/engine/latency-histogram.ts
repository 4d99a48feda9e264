/**
 * How long a command's calls took: counts by logarithmic classes of 3 % width, from 1 ns to 1 s. Recording is a few
 * machine instructions, since it happens with every command.
 */

/** Classes for each power of two. */
const SUB_BITS = 5;
const SUB = 1 << SUB_BITS;
const NS_MAX = 1e9;
const CLASSES = classOf(NS_MAX) + 1;

function classOf(ns: number): number {
  if (ns < SUB) return ns;
  const shift = 31 - SUB_BITS - Math.clz32(ns);
  return (shift + 1) * SUB + ((ns >>> shift) & (SUB - 1));
}

/** The largest value, in nanoseconds, that falls into a class. */
function highestOf(index: number): number {
  if (index < SUB) return index;
  const shift = (index >>> SUB_BITS) - 1;
  return (SUB + (index & (SUB - 1)) + 1) * 2 ** shift - 1;
}

export class LatencyHistogram {
  calls = 0;
  readonly #counts: Uint32Array = new Uint32Array(CLASSES);

  /** Counts `calls` calls that took so long together, each as one that took its share. */
  record(microseconds: number, calls: number): void {
    this.calls += calls;
    const ns = (microseconds * 1000) / calls;
    this.#counts[classOf(ns < NS_MAX ? ns | 0 : NS_MAX)]! += calls;
  }

  /** Microseconds that `percent` of the calls did not exceed. */
  percentile(percent: number): number {
    const wanted = Math.max(1, Math.ceil((percent / 100) * this.calls));
    let seen = 0;
    for (let i = 0; i < CLASSES; i++) {
      seen += this.#counts[i]!;
      if (seen >= wanted) return highestOf(i) / 1000;
    }
    return 0;
  }

  /** Pairs of microseconds (powers of two, roughly) and how many calls took no longer; only where the number grows. */
  cumulative(): [number, number][] {
    const out: [number, number][] = [];
    let seen = 0;
    let told = 0;
    let i = 0;
    for (let limitNs = 1024; told < this.calls; limitNs *= 2) {
      for (; i < CLASSES && highestOf(i) < limitNs; i++) seen += this.#counts[i]!;
      if (seen === told) continue;
      out.push([Math.floor(limitNs / 1000), seen]);
      told = seen;
    }
    return out;
  }
}
