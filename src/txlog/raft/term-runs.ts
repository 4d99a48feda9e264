/**
 * The terms of all entries of the log, as runs of equal terms: a few numbers per election instead of one per entry, so
 * that log matching never has to read the disk. Must never hold payloads.
 */
import { invariant } from '../../shared/errors.ts';
import type { TermRun } from './types.ts';

export class TermRuns {
  /** First index of each run, ascending. The first one is the compacted index itself, whose term must stay known. */
  #first: number[];
  /** Term of each run, strictly ascending: a log's terms never fall (Raft §5.3). */
  #terms: number[];

  constructor(compactedIndex: number, compactedTerm: number, runs: readonly TermRun[]) {
    this.#first = [compactedIndex];
    this.#terms = [compactedTerm];
    for (const run of runs) this.append(run.firstIndex, run.term);
  }

  /** Term of the entry at `index`, which must be between the compacted index and the last one. */
  termAt(index: number): number {
    return this.#terms[this.#runOf(index)]!;
  }

  /** An entry with `term` now stands at `index`, which is the next free one. */
  append(index: number, term: number): void {
    const last = this.#terms.length - 1;
    const lastTerm = this.#terms[last]!;
    invariant(term >= lastTerm, `term ${term} at index ${index} after term ${lastTerm}`);
    if (term === lastTerm) return;
    invariant(index > this.#first[last]!, `term ${term} at index ${index} out of order`);
    this.#first.push(index);
    this.#terms.push(term);
  }

  truncateFrom(index: number): void {
    while (this.#first.length > 1 && this.#first[this.#first.length - 1]! >= index) {
      this.#first.pop();
      this.#terms.pop();
    }
  }

  /** Forgets what is before `index`. */
  compact(index: number): void {
    const run = this.#runOf(index);
    this.#first.splice(0, run);
    this.#terms.splice(0, run);
    this.#first[0] = index;
  }

  /** The log is empty but for what a snapshot covers. */
  reset(index: number, term: number): void {
    this.#first = [index];
    this.#terms = [term];
  }

  /**
   * The largest index up to `index` whose term is at most `term`: the last place where a log that has `term` at `index`
   * can agree with this one (Raft §5.3, fast back-tracking). One before the compacted index if there is none.
   */
  lastWithTermAtMost(index: number, term: number): number {
    let run = this.#runOf(index);
    let at = index;
    while (this.#terms[run]! > term) {
      at = this.#first[run]! - 1;
      if (run === 0) break;
      run--;
    }
    return at;
  }

  #runOf(index: number): number {
    let low = 0;
    let high = this.#first.length - 1;
    if (index >= this.#first[high]!) return high;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#first[middle]! <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
