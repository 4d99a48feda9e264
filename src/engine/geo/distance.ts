/** Distances on a sphere, by the haversine formula with Redis's radius, and their text. */
import { asinExactly, cosExactly, sinExactly } from '../../shared/exact-trigonometry.ts';
import { formatInteger } from '../../shared/number-text.ts';

export const EARTH_RADIUS_METERS = 6372797.560856;
const RADIANS = Math.PI / 180;

export function toRadians(degrees: number): number {
  return degrees * RADIANS;
}

export function toDegrees(radians: number): number {
  return radians / RADIANS;
}

/** Meters between two latitudes on a meridian. */
export function latitudeDistance(latitude1: number, latitude2: number): number {
  return EARTH_RADIUS_METERS * Math.abs(toRadians(latitude2) - toRadians(latitude1));
}

/** Meters between two points, but for the last digits. */
export function distance(longitude1: number, latitude1: number, longitude2: number, latitude2: number): number {
  const v = Math.sin((toRadians(longitude2) - toRadians(longitude1)) / 2);
  if (v === 0) return latitudeDistance(latitude1, latitude2);
  const from = toRadians(latitude1);
  const to = toRadians(latitude2);
  const u = Math.sin((to - from) / 2);
  return 2 * EARTH_RADIUS_METERS * Math.asin(Math.sqrt(u * u + Math.cos(from) * Math.cos(to) * v * v));
}

/** As `distance`, to the last digit and the same everywhere: for what is stored. */
export function exactDistance(longitude1: number, latitude1: number, longitude2: number, latitude2: number): number {
  const v = sinExactly((toRadians(longitude2) - toRadians(longitude1)) / 2);
  if (v === 0) return latitudeDistance(latitude1, latitude2);
  const from = toRadians(latitude1);
  const to = toRadians(latitude2);
  const u = sinExactly((to - from) / 2);
  return 2 * EARTH_RADIUS_METERS * asinExactly(Math.sqrt(u * u + cosExactly(from) * cosExactly(to) * v * v));
}

const PLACES = 4;
const DOT = 46;
const ZERO = 48;
/** Room for any distance on the globe as text. */
export const DISTANCE_TEXT_BYTES = 24;
const SCALE = 10 ** PLACES;

/**
 * Writes a distance on the globe, in any unit, with four decimals, rounded to even where it lies between two, to the beginning of
 * `out`, which has room for DISTANCE_TEXT_BYTES. Returns how many bytes it takes.
 */
export function writeDistance(value: number, out: Uint8Array): number {
  const scaled = value * SCALE;
  let rounded = Math.floor(scaled);
  const rest = scaled - rounded;
  if (rest > 0.5 || (rest === 0.5 && rounded % 2 === 1)) rounded++;
  const whole = Math.floor(rounded / SCALE);
  const dot = formatInteger(out, 0, whole);
  out[dot] = DOT;
  let decimals = rounded - whole * SCALE;
  for (let at = dot + PLACES; at > dot; at--) {
    const tenth = (decimals / 10) | 0;
    out[at] = ZERO + decimals - tenth * 10;
    decimals = tenth;
  }
  return dot + 1 + PLACES;
}

/** Whether the last digits of a distance decide how `distanceText` rounds it. */
export function isAtRoundingPoint(value: number): boolean {
  const scaled = value * SCALE;
  return Math.abs(scaled - Math.floor(scaled) - 0.5) < 1e-3;
}
