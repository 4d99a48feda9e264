/** Choosing some of many at random, for HRANDFIELD, SRANDMEMBER, ZRANDMEMBER and SPOP. */

/**
 * Appends `k` distinct integers of 0..n-1 to `out`, each choice equally likely, ascending (selection sampling, Knuth
 * volume 2, algorithm S). Takes time in proportion to n. `random` gives numbers in [0, 1).
 */
export function sampleAscending(n: number, k: number, random: () => number, out: number[]): void {
  for (let i = 0, wanted = Math.min(k, n); wanted > 0; i++) {
    if (wanted === n - i || random() * (n - i) < wanted) {
      out.push(i);
      wanted--;
    }
  }
}
