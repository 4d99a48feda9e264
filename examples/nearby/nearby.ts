/** Places by where they are: one geo set. Distances are in metres on a sphere, up to 0.5 % off. */
import { GEO_REPLY_WITH } from 'redis';
import type { Database } from '../database.ts';

export interface Position {
  /** In degrees, -180 to 180. */
  readonly longitude: number;
  /** In degrees, at most 85.05 from the equator. */
  readonly latitude: number;
}

export interface Found extends Position {
  readonly place: string;
  readonly distanceMetres: number;
}

export class Places {
  readonly #database: Database;
  readonly #key: string;

  constructor(database: Database, name: string) {
    this.#database = database;
    this.#key = `places:${name}`;
  }

  /** Puts a place on the map, or moves it. */
  async put(place: string, { longitude, latitude }: Position): Promise<void> {
    await this.#database.geoAdd(this.#key, { member: place, longitude, latitude });
  }

  /** Takes a place off the map. A geo set is a sorted set. */
  async remove(place: string): Promise<void> {
    await this.#database.zRem(this.#key, place);
  }

  /** At most `count` places within `radiusMetres`, the nearest first. */
  async near(from: Position, radiusMetres: number, count: number): Promise<Found[]> {
    const by = { radius: radiusMetres, unit: 'm' } as const;
    const found = await this.#database.geoSearchWith(this.#key, from, by, [GEO_REPLY_WITH.DISTANCE, GEO_REPLY_WITH.COORDINATES], { SORT: 'ASC', COUNT: count });
    return found.map(({ member, distance, coordinates }) => ({
      place: member, distanceMetres: Number(distance), longitude: Number(coordinates!.longitude), latitude: Number(coordinates!.latitude),
    }));
  }

  /** All places on a map of this size around a position, in no order. */
  async onMap(centre: Position, widthMetres: number, heightMetres: number): Promise<string[]> {
    return this.#database.geoSearch(this.#key, centre, { width: widthMetres, height: heightMetres, unit: 'm' });
  }

  /** Metres between two places, or null when one is not on the map. */
  async distance(one: string, other: string): Promise<number | null> {
    return this.#database.geoDist(this.#key, one, other, 'm');
  }
}
