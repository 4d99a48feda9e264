/**
 * What GEOSEARCH and its kin search: a circle, a box along the meridians or a polygon, the cells that cover it, and whether
 * a point is within. All as Redis (polygons: Valkey) calculates it, so that the same members are found in the same order.
 */
import {
  EARTH_RADIUS_METERS, distance, latitudeDistance, toDegrees, toRadians,
} from './distance.ts';
import { type Bounds, type Cell, LATITUDE_MAX, LONGITUDE_MAX, type Point, STEPS_MAX, cellOf, edgeOf } from './geohash.ts';

export type Shape =
  | { readonly kind: 'circle'; readonly radius: number }
  | { readonly kind: 'box'; readonly width: number; readonly height: number }
  | { readonly kind: 'polygon'; readonly vertices: readonly Point[] };

export interface SearchArea {
  /** What distances are measured from; of a polygon its middle, which `cover` finds. */
  readonly center: Point;
  shape: Shape;
  /** Meters of the unit in which the shape's sizes are given. */
  meters: number;
}

/** Half of the circumference of the Web Mercator map, in meters. */
const MERCATOR_MAX = 20037726.37;

/** How fine cells may be so that nine of them cover a circle. */
function stepsFor(radiusMeters: number, latitude: number): number {
  if (radiusMeters === 0) return STEPS_MAX;
  let steps = 1;
  for (let meters = radiusMeters; meters < MERCATOR_MAX; meters *= 2) steps++;
  steps -= 2;
  // Towards the poles cells are narrower.
  if (Math.abs(latitude) > 66) steps--;
  if (Math.abs(latitude) > 80) steps--;
  return Math.max(1, Math.min(STEPS_MAX, steps));
}

function boundsOfPolygon(vertices: readonly Point[]): Bounds {
  const out: Bounds = { west: LONGITUDE_MAX, south: LATITUDE_MAX, east: -LONGITUDE_MAX, north: -LATITUDE_MAX };
  for (const { longitude, latitude } of vertices) {
    out.west = Math.min(out.west, longitude);
    out.east = Math.max(out.east, longitude);
    out.south = Math.min(out.south, latitude);
    out.north = Math.max(out.north, latitude);
  }
  return out;
}

/** Sets `center` to the middle of the vertices on the sphere. */
function centerOn(center: Point, vertices: readonly Point[]): void {
  let x = 0;
  let y = 0;
  let z = 0;
  for (const { longitude, latitude } of vertices) {
    const lon = toRadians(longitude);
    const lat = toRadians(latitude);
    x += Math.cos(lat) * Math.cos(lon);
    y += Math.cos(lat) * Math.sin(lon);
    z += Math.sin(lat);
  }
  center.longitude = toDegrees(Math.atan2(y, x));
  center.latitude = toDegrees(Math.atan2(z, Math.sqrt(x * x + y * y)));
}

/** The box around a shape that reaches so far from its center. The side nearer to the pole spans more degrees. */
function boundsAround(center: Point, widthMeters: number, heightMeters: number): Bounds {
  const up = toDegrees(heightMeters / EARTH_RADIUS_METERS);
  const edge = center.latitude < 0 ? center.latitude - up : center.latitude + up;
  const across = toDegrees(widthMeters / EARTH_RADIUS_METERS / Math.cos(toRadians(edge)));
  return { west: center.longitude - across, south: center.latitude - up, east: center.longitude + across, north: center.latitude + up };
}

function boundsOfArea(area: SearchArea): Bounds {
  const { center, shape, meters } = area;
  if (shape.kind === 'circle') return boundsAround(center, meters * shape.radius, meters * shape.radius);
  if (shape.kind === 'box') return boundsAround(center, meters * (shape.width / 2), meters * (shape.height / 2));
  centerOn(center, shape.vertices);
  return boundsOfPolygon(shape.vertices);
}

/** Meters from the center to what of the area is farthest away. */
function reachMeters(area: SearchArea, bounds: Bounds): number {
  const { center, shape, meters } = area;
  if (shape.kind === 'circle') return shape.radius * meters;
  if (shape.kind === 'box') return Math.sqrt((shape.width / 2) * (shape.width / 2) + (shape.height / 2) * (shape.height / 2)) * meters;
  const { west, south, east, north } = bounds;
  const to = (longitude: number, latitude: number): number => distance(center.longitude, center.latitude, longitude, latitude);
  return Math.max(to(west, north), to(east, north), to(west, south), to(east, south));
}

/** A row or column so many away. The grid has no edges: behind the last comes the first. */
function away(n: number, by: number, size: number): number {
  return by === 0 ? n : (((n + by) % size) + size) % size;
}

/** Whether the nine cells around a point reach less far than the bounds. */
function isTooFine(cell: Cell, bounds: Bounds): boolean {
  const { column, row, steps } = cell;
  const size = 1 << steps;
  const part = 1 / size;
  return edgeOf(away(row, 1, size) + 1, part, LATITUDE_MAX) < bounds.north || edgeOf(away(row, -1, size), part, LATITUDE_MAX) > bounds.south
    || edgeOf(away(column, 1, size) + 1, part, LONGITUDE_MAX) < bounds.east || edgeOf(away(column, -1, size), part, LONGITUDE_MAX) > bounds.west;
}

/** The nine cells in the order in which they are searched: center, north, south, east, west, then the corners. */
const NEIGHBOURS: readonly (readonly [columns: number, rows: number])[] = [
  [0, 0], [0, 1], [0, -1], [1, 0], [-1, 0], [1, 1], [-1, 1], [1, -1], [-1, -1],
];

/** Cells that `cover` gives at most. */
export const COVER_MAX = NEIGHBOURS.length;

/**
 * Sets the first of the cells `out`, of which there are COVER_MAX, to those that cover an area, in the order in which they are
 * to be searched. Sets the center of a polygon.
 * @returns how many they are.
 */
export function cover(area: SearchArea, out: readonly Cell[]): number {
  const bounds = boundsOfArea(area);
  let steps = stepsFor(reachMeters(area, bounds), area.center.latitude);
  let cell = cellOf(area.center, steps);
  if (steps > 1 && isTooFine(cell, bounds)) cell = cellOf(area.center, --steps);
  const { column, row } = cell;
  const size = 1 << steps;
  const beyondWest = edgeOf(column, 1 / size, LONGITUDE_MAX) < bounds.west;
  const beyondEast = edgeOf(column + 1, 1 / size, LONGITUDE_MAX) > bounds.east;
  const beyondSouth = edgeOf(row, 1 / size, LATITUDE_MAX) < bounds.south;
  const beyondNorth = edgeOf(row + 1, 1 / size, LATITUDE_MAX) > bounds.north;
  let count = 0;
  for (let i = 0; i < NEIGHBOURS.length; i++) {
    const columns = NEIGHBOURS[i]![0];
    const rows = NEIGHBOURS[i]![1];
    const isBeyond = (columns < 0 && beyondWest) || (columns > 0 && beyondEast) || (rows < 0 && beyondSouth) || (rows > 0 && beyondNorth);
    if (steps >= 2 && isBeyond) continue;
    const next = out[count]!;
    next.column = away(column, columns, size);
    next.row = away(row, rows, size);
    next.steps = steps;
    // With few and large cells a neighbour on one side is the one on the other.
    if (count >= 2 && out[count - 1]!.column === next.column && out[count - 1]!.row === next.row) continue;
    count++;
  }
  return count;
}

/** Columns and rows of the finest grid, from the first up to and including the last. */
export interface Limits {
  firstColumn: number;
  lastColumn: number;
  firstRow: number;
  lastRow: number;
}

/** Behind any column and row that a score names. */
const GRID_END = 2 ** 32;

/** Up to here an area is small: what is calculated of it is right but for a few last digits. */
const SMALL_RADIANS = 0.1;
/** What `limitsOf` leaves to each side for those digits, as a part of the size and in degrees. */
const MARGIN = 1e-9;

/** The row or column that has a place. Those behind the last lie on the edge, as all that is beyond does. */
function gridPlace(degrees: number, max: number): number {
  return degrees < max ? Math.max(0, Math.floor(((degrees + max) / (max + max)) * (1 << STEPS_MAX))) : GRID_END;
}

/** Limits an area to so many radians to each side of its center: not across, where that would go over the date line. */
function limit(limits: Limits, center: Point, across: number, up: number): void {
  const longitude = toDegrees(across) * (1 + MARGIN) + MARGIN;
  const latitude = toDegrees(up) * (1 + MARGIN) + MARGIN;
  limits.firstRow = gridPlace(center.latitude - latitude, LATITUDE_MAX);
  limits.lastRow = gridPlace(center.latitude + latitude, LATITUDE_MAX);
  // Not a number: it goes around a pole.
  if (!(Math.abs(center.longitude) + longitude < LONGITUDE_MAX)) return;
  limits.firstColumn = gridPlace(center.longitude - longitude, LONGITUDE_MAX);
  limits.lastColumn = gridPlace(center.longitude + longitude, LONGITUDE_MAX);
}

/**
 * Sets `limits` so that they surely have all of the area: most of what its cells have is outside of them as well, and told by
 * comparing. To be called after `cover`.
 */
export function limitsOf(area: SearchArea, limits: Limits): void {
  const { center, shape, meters } = area;
  limits.firstColumn = limits.firstRow = 0;
  limits.lastColumn = limits.lastRow = GRID_END;
  const latitude = Math.abs(toRadians(center.latitude));
  if (shape.kind === 'circle') {
    const radius = (shape.radius * meters) / EARTH_RADIUS_METERS;
    // Where meridians touch the circle.
    const across = radius < SMALL_RADIANS && latitude + radius < Math.PI / 2 ? Math.asin(Math.sin(radius) / Math.cos(latitude)) : Infinity;
    limit(limits, center, across, radius);
  } else if (shape.kind === 'box') {
    const up = (shape.height * meters) / 2 / EARTH_RADIUS_METERS;
    const half = (shape.width * meters) / 2 / EARTH_RADIUS_METERS;
    // Widest in degrees at the edge nearer to the pole.
    const isSmall = half < SMALL_RADIANS && up < SMALL_RADIANS && latitude + up < Math.PI / 2;
    limit(limits, center, isSmall ? 2 * Math.asin(Math.sin(half / 2) / Math.cos(latitude + up)) : Infinity, up);
  }
}

/** Whether a point is within a polygon: a ray from it crosses an odd number of edges (W. R. Franklin's PNPOLY). */
function isWithinPolygon(point: Point, vertices: readonly Point[]): boolean {
  let within = false;
  let b = vertices[vertices.length - 1]!;
  for (const a of vertices) {
    const crosses = a.latitude > point.latitude !== b.latitude > point.latitude
      && point.longitude < ((b.longitude - a.longitude) * (point.latitude - a.latitude)) / (b.latitude - a.latitude) + a.longitude;
    if (crosses) within = !within;
    b = a;
  }
  return within;
}

/** Meters from the area's center to a point of it; -1 where the point is outside. */
export function distanceWithin(area: SearchArea, point: Point): number {
  const { center, shape, meters } = area;
  if (shape.kind === 'box') {
    if (latitudeDistance(point.latitude, center.latitude) > (shape.height * meters) / 2) return -1;
    if (distance(point.longitude, point.latitude, center.longitude, point.latitude) > (shape.width * meters) / 2) return -1;
  } else if (shape.kind === 'polygon' && !isWithinPolygon(point, shape.vertices)) return -1;
  const far = distance(center.longitude, center.latitude, point.longitude, point.latitude);
  return shape.kind === 'circle' && far > shape.radius * meters ? -1 : far;
}
