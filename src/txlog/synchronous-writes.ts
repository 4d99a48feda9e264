/**
 * Whether the next write of the journal is better made on this thread, which stands still meanwhile, than by one of the pool. To
 * hand it over and be told of its end costs more processor time than a fast disk takes, and where processors are scarce two
 * turns in their queue; a slow disk must never hold the thread. Knows no clock: times come in. Why, and what it brings:
 * docs/adr/0010-synchronous-writes.md.
 */

/** More takes the disk longer, and there is more to be done meanwhile: the commands that wrote so much have followers. */
const BYTES_MAX = 64 * 1024;
/** A write that takes longer is slow: up to here it costs less than to hand it over, with 1 ms and more it does not. */
const SLOW_MS = 0.7;
/**
 * Writes are not made here once so many more have been slow than quick. Their number tells the disk that is slow each time from
 * one whose writes now and then wait for a processor, or behind other work of the disk, however long: an average does not.
 */
const SLOW_SURPLUS = 16;
/** … or so many after a pause, if it is to be another. The first ones may be slow because of the pause. */
const SLOW_SURPLUS_AGAIN = 4;
/** After a slow time the pool writes for so long; twice as long each time that the next ones here are slow again. */
const PAUSE_MS_MIN = 100;
const PAUSE_MS_MAX = 30_000;
/** After so many here without a slow time, what was before is forgotten. */
const FORGIVEN_AFTER = 64;

export class SynchronousWrites {
  /** Slow writes that quick ones have not made up for. */
  #slow = 0;
  #pausedUntilMs = -Infinity;
  #pauseMs = PAUSE_MS_MIN;
  #sincePause = 0;

  /** Whether a write of so many bytes is to be made on this thread. */
  worthwhile(bytes: number, nowMs: number): boolean {
    return bytes <= BYTES_MAX && nowMs >= this.#pausedUntilMs;
  }

  /** A write on this thread took `tookMs`, until `nowMs`. */
  took(tookMs: number, nowMs: number): void {
    if (tookMs <= SLOW_MS) this.#slow = Math.max(this.#slow - 1, 0);
    else this.#slow++;
    if (this.#slow < SLOW_SURPLUS) {
      if (++this.#sincePause === FORGIVEN_AFTER) this.#pauseMs = PAUSE_MS_MIN;
      return;
    }
    this.#pausedUntilMs = nowMs + this.#pauseMs;
    this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE_MS_MAX);
    this.#sincePause = 0;
    this.#slow = SLOW_SURPLUS - SLOW_SURPLUS_AGAIN;
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
