/**
 * Whether the next write of the journal is better made on this thread, which stands still meanwhile, than by one of the pool. To
 * hand it over and be told of its end costs more processor time than a fast disk takes, and where processors are scarce two
 * turns in their queue; a slow disk must never hold the thread. Knows no clock: times come in. Why, and what it brings:
 * docs/adr/0010-synchronous-writes.md.
 */

/** More takes the disk longer, and there is more to be done meanwhile: the commands that wrote so much have followers. */
const BYTES_MAX = 64 * 1024;
/** Writes that take longer on average are not made here. */
const AVERAGE_MS_MAX = 0.5;
/** Weight of the newest write in the average. */
const NEWEST_WEIGHT = 1 / 64;
/** As so much a longer one counts: a write now and then waits for a processor, or behind other work of the disk. */
const COUNTED_MS_MAX = 2;
/** After a slow time the pool writes for so long; twice as long each time that the next one here is slow again. */
const PAUSE_MS_MIN = 100;
const PAUSE_MS_MAX = 30_000;
/** After so many here without a slow time, what was before is forgotten. */
const FORGIVEN_AFTER = 64;

export class SynchronousWrites {
  #averageMs = 0;
  #pausedUntilMs = -Infinity;
  #pauseMs = PAUSE_MS_MIN;
  #sincePause = 0;

  /** Whether a write of so many bytes is to be made on this thread. */
  worthwhile(bytes: number, nowMs: number): boolean {
    return bytes <= BYTES_MAX && nowMs >= this.#pausedUntilMs;
  }

  /** A write on this thread took `tookMs`, until `nowMs`. */
  took(tookMs: number, nowMs: number): void {
    this.#averageMs += (Math.min(tookMs, COUNTED_MS_MAX) - this.#averageMs) * NEWEST_WEIGHT;
    if (this.#averageMs <= AVERAGE_MS_MAX) {
      if (++this.#sincePause === FORGIVEN_AFTER) this.#pauseMs = PAUSE_MS_MIN;
      return;
    }
    this.#pausedUntilMs = nowMs + this.#pauseMs;
    this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE_MS_MAX);
    this.#sincePause = 0;
    // The first one after the pause decides, by itself.
    this.#averageMs = AVERAGE_MS_MAX;
  }
}

/** Of so many writes that might hold the thread one does not, to see what comes meanwhile. */
const PROBE_EACH = 16;
const NEWEST_OBSERVATION_WEIGHT = 1 / 8;

/**
 * Whether work comes in while a write is under way: a thread that has some is not to stand still. Only writes by the pool can
 * tell.
 */
export class WorkMeanwhile {
  #share = 0;
  #asked = 0;

  /** Whether to leave the next write to the pool. Asked once for each. */
  expected(): boolean {
    if (this.#share > 0.5) return true;
    this.#asked = (this.#asked + 1) % PROBE_EACH;
    return this.#asked === 0;
  }

  /** The pool has made a write, and meanwhile something came that is to be written next, or nothing. */
  note(came: boolean): void {
    this.#share += (Number(came) - this.#share) * NEWEST_OBSERVATION_WEIGHT;
  }
}
