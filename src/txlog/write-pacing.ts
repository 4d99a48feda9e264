/**
 * How many of the log's writes are worth having on their way to the disk at once. A disk that answers fast gets one after the other,
 * each with all that came meanwhile: many small writes would cost more processor time than they save waiting. A slow one gets
 * several, begun at about even distances. Knows no clock: times come in.
 */

/** Writes begin about so far apart where the disk is slower than that. */
const SPACING_MS = 0.5;
/** Weight of the newest write in the average. */
const NEWEST_WEIGHT = 1 / 16;

export class WritePacing {
  /** So many writes at once are worth it. */
  depth = 1;
  /** When the writes in flight began, oldest first. */
  readonly #beganMs: number[] = [];
  #averageMs = 0;

  began(nowMs: number): void {
    this.#beganMs.push(nowMs);
  }

  /** The oldest write in flight is durable. */
  ended(nowMs: number): void {
    const tookMs = nowMs - this.#beganMs.shift()!;
    this.#averageMs += (tookMs - this.#averageMs) * NEWEST_WEIGHT;
    this.depth = Math.max(1, Math.round(this.#averageMs / SPACING_MS));
  }
}
