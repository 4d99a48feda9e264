/**
 * A leaderboard: a sorted set of players by score. Uses ioredis, which sends a command again when the connection was lost before its reply
 * came; so everything here may be done twice without harm, and nothing adds to a score.
 */
import type { Redis } from 'ioredis';

export interface Place {
  /** From 1. Equal scores are ordered by name, backwards. */
  readonly rank: number;
  readonly player: string;
  readonly score: number;
}

/** A reply of ZRANGE with scores: player, score, player, score … */
function placesOf(reply: readonly string[], firstRank: number): Place[] {
  const places: Place[] = [];
  for (let i = 0; i < reply.length; i += 2) places.push({ rank: firstRank + places.length, player: reply[i]!, score: Number(reply[i + 1]) });
  return places;
}

export class Leaderboard {
  readonly #redis: Redis;
  readonly #key: string;

  constructor(redis: Redis, name: string) {
    this.#redis = redis;
    this.#key = `leaderboard:${name}`;
  }

  /** Enters the result of a game; only a player's best counts. True when it was a new best (or the first). */
  async submit(player: string, score: number): Promise<boolean> {
    return Number(await this.#redis.zadd(this.#key, 'GT', 'CH', score, player)) === 1;
  }

  /** The first `count` places. */
  async top(count: number): Promise<Place[]> {
    return placesOf(await this.#redis.zrevrange(this.#key, 0, count - 1, 'WITHSCORES'), 1);
  }

  /** A player's place, or null. */
  async placeOf(player: string): Promise<Place | null> {
    const reply = await this.#redis.zrevrank(this.#key, player, 'WITHSCORE');
    return reply === null ? null : { rank: reply[0] + 1, player, score: Number(reply[1]) };
  }

  /** A player's place and up to `distance` places above and below; empty when the player has none. */
  async around(player: string, distance: number): Promise<Place[]> {
    const rank = await this.#redis.zrevrank(this.#key, player);
    if (rank === null) return [];
    const first = Math.max(0, rank - distance);
    // Others may have moved since: what is shown is right as of now, with the player perhaps not in the middle.
    return placesOf(await this.#redis.zrevrange(this.#key, first, rank + distance, 'WITHSCORES'), first + 1);
  }

  /** Takes a player off the board. */
  async remove(player: string): Promise<void> {
    await this.#redis.zrem(this.#key, player);
  }
}
