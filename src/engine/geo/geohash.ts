/**
 * Places as sorted-set scores: a cell of a grid over the globe, whose column and row are interleaved bit by bit to an
 * integer of 52 bits (26 of each), as Redis does. Longitudes span 180 degrees to each side, latitudes what the Web
 * Mercator projection shows (EPSG:3857).
 */

export const LONGITUDE_MAX = 180;
export const LATITUDE_MAX = 85.05112878;
/** Halvings of each side that a score tells apart. */
export const STEPS_MAX = 26;

/** A point in degrees. */
export interface Point {
  longitude: number;
  latitude: number;
}

/** A square of the grid that has 2^steps columns and as many rows. */
export interface Cell {
  column: number;
  row: number;
  steps: number;
}

/** Edges of a cell, in degrees. */
export interface Bounds {
  west: number;
  south: number;
  east: number;
  north: number;
}

const TWO_32 = 2 ** 32;
const TWO_63 = 2 ** 63;
const FINEST = 2 ** STEPS_MAX;

/** Spreads 16 bits to the even bits of 32. */
function spread(bits: number): number {
  let x = bits;
  x = (x | (x << 8)) & 0x00ff00ff;
  x = (x | (x << 4)) & 0x0f0f0f0f;
  x = (x | (x << 2)) & 0x33333333;
  return (x | (x << 1)) & 0x55555555;
}

/** Gathers the even bits of 32. */
function gather(bits: number): number {
  let x = bits & 0x55555555;
  x = (x | (x >>> 1)) & 0x33333333;
  x = (x | (x >>> 2)) & 0x0f0f0f0f;
  x = (x | (x >>> 4)) & 0x00ff00ff;
  return (x | (x >>> 8)) & 0xffff;
}

/** Row and column interleaved, the row in the even bits: of the finest ones, the score. Grows with either. */
export function interleave(column: number, row: number): number {
  const low = spread(row & 0xffff) | (spread(column & 0xffff) << 1);
  const high = spread(row >>> 16) | (spread(column >>> 16) << 1);
  return (high >>> 0) * TWO_32 + (low >>> 0);
}

function cellAmong(point: Point, longitudeMax: number, latitudeMax: number, steps: number): Cell {
  const across = (point.longitude + longitudeMax) / (longitudeMax + longitudeMax);
  const up = (point.latitude + latitudeMax) / (latitudeMax + latitudeMax);
  const size = 1 << steps;
  return { column: Math.floor(across * size), row: Math.floor(up * size), steps };
}

/** The cell that has a point, at a coarseness. On the eastern and the northern edge it is one beyond the last. */
export function cellOf(point: Point, steps: number): Cell {
  return cellAmong(point, LONGITUDE_MAX, LATITUDE_MAX, steps);
}

/** Where the n-th row or column of a grid begins, in degrees; `part` is the size of one, a power of two: 1 for the whole. */
export function edgeOf(n: number, part: number, max: number): number {
  return -max + n * part * (max + max);
}

/** @returns the score of a point. */
export function scoreOf(point: Point): number {
  const { column, row } = cellOf(point, STEPS_MAX);
  return interleave(column, row);
}

/** A score as C's (uint64_t) makes it on x86-64 also where C leaves that open: what lies beyond 64 bits is 0 above and 2^63 below. */
function bitsOf(score: number): bigint {
  if (score >= 2 ** 64) return 0n;
  return score < -(2 ** 63) ? 1n << 63n : BigInt.asUintN(64, BigInt(Math.trunc(score)));
}

/** Sets `out` to the middle of the cell that a score names. Any score names one, as in Redis: also one that was no place. */
export function pointOf(score: number, out: Point): void {
  let low = score >>> 0;
  let high = (score - low) / TWO_32;
  if (!(score >= 0 && score < TWO_63)) {
    const bits = bitsOf(score);
    low = Number(BigInt.asUintN(32, bits));
    high = Number(bits >> 32n);
  }
  out.longitude = middleOf(oddBits(low, high), LONGITUDE_MAX);
  out.latitude = middleOf(evenBits(low, high), LATITUDE_MAX);
}

/** The finest row that a score from 0 on to below 2^63 names. */
export function rowOf(score: number): number {
  const low = score >>> 0;
  return evenBits(low, (score - low) / TWO_32);
}

/** The finest column that a score from 0 on to below 2^63 names. */
export function columnOf(score: number): number {
  const low = score >>> 0;
  return oddBits(low, (score - low) / TWO_32);
}

function evenBits(low: number, high: number): number {
  return (gather(low) | (gather(high) << 16)) >>> 0;
}

function oddBits(low: number, high: number): number {
  return (gather(low >>> 1) | (gather(high >>> 1) << 16)) >>> 0;
}

/** The middle of the finest row or column: of its edges as `edgeOf` calculates them, to the last digit. */
function middleOf(n: number, max: number): number {
  const low = edgeOf(n, 1 / FINEST, max);
  const high = edgeOf(n + 1, 1 / FINEST, max);
  return Math.max(-max, Math.min(max, (low + high) / 2));
}

const ALPHABET = '0123456789bcdefghjkmnpqrstuvwxyz';
const GEOHASH_CHARACTERS = 10;

/**
 * A point's geohash as the world writes it (geohash.org), where latitudes go up to 90 degrees. Of its eleven characters
 * the last is always 0: 52 bits are worth ten.
 */
export function geohashText(point: Point): string {
  const { column, row } = cellAmong(point, LONGITUDE_MAX, 90, STEPS_MAX);
  const bits = interleave(column, row);
  let text = '';
  for (let i = 1; i <= GEOHASH_CHARACTERS; i++) text += ALPHABET[Math.floor(bits / 2 ** (2 * STEPS_MAX - 5 * i)) % 32]!;
  return `${text}0`;
}
