/**
 * What GEOSEARCH and its kin search: a circle, a box along the meridians or a polygon, the cells that cover it, and whether
 * a point is within. All as Redis (polygons: Valkey) calculates it, so that the same members are found in the same order.
 */
import {
  EARTH_RADIUS_METERS, distance, latitudeDistance, toDegrees, toRadians,
} from './distance.ts';
import { type Bounds, type Cell, LATITUDE_MAX, LONGITUDE_MAX, type Point, STEPS_MAX, boundsOf, cellOf } from './geohash.ts';

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

/** The cell so many columns and rows away. The grid has no edges: behind the last cell comes the first. */
function neighbour(cell: Cell, columns: number, rows: number): Cell {
  const size = 2 ** cell.steps;
  const wrap = (n: number): number => ((n % size) + size) % size;
  return {
    column: columns === 0 ? cell.column : wrap(cell.column + columns),
    row: rows === 0 ? cell.row : wrap(cell.row + rows),
    steps: cell.steps,
  };
}

/** Whether the nine cells around a point reach less far than the bounds. */
function isTooFine(cell: Cell, bounds: Bounds): boolean {
  return boundsOf(neighbour(cell, 0, 1)).north < bounds.north || boundsOf(neighbour(cell, 0, -1)).south > bounds.south
    || boundsOf(neighbour(cell, 1, 0)).east < bounds.east || boundsOf(neighbour(cell, -1, 0)).west > bounds.west;
}

/** The nine cells in the order in which they are searched: center, north, south, east, west, then the corners. */
const NEIGHBOURS: readonly (readonly [columns: number, rows: number])[] = [
  [0, 0], [0, 1], [0, -1], [1, 0], [-1, 0], [1, 1], [-1, 1], [1, -1], [-1, -1],
];

/** The cells that cover an area, in the order in which they are to be searched. Sets the center of a polygon. */
export function cover(area: SearchArea): Cell[] {
  const bounds = boundsOfArea(area);
  let steps = stepsFor(reachMeters(area, bounds), area.center.latitude);
  let cell = cellOf(area.center, steps);
  if (steps > 1 && isTooFine(cell, bounds)) cell = cellOf(area.center, --steps);
  const middle = boundsOf(cell);
  const out: Cell[] = [];
  let last: Cell | null = null;
  for (const [columns, rows] of NEIGHBOURS) {
    const isBeyond = (columns < 0 && middle.west < bounds.west) || (columns > 0 && middle.east > bounds.east)
      || (rows < 0 && middle.south < bounds.south) || (rows > 0 && middle.north > bounds.north);
    if (steps >= 2 && isBeyond) continue;
    const next = neighbour(cell, columns, rows);
    // With few and large cells a neighbour on one side is the one on the other.
    if (last !== null && last !== out[0] && last.column === next.column && last.row === next.row) continue;
    out.push(next);
    last = next;
  }
  return out;
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
  } else if (shape.kind === 'circle') {
    // Most of what the cells have is outside: half of that is told by the latitude alone, with room for the last digits.
    if (latitudeDistance(point.latitude, center.latitude) > shape.radius * meters * 1.000001) return -1;
  } else if (!isWithinPolygon(point, shape.vertices)) return -1;
  const far = distance(center.longitude, center.latitude, point.longitude, point.latitude);
  return shape.kind === 'circle' && far > shape.radius * meters ? -1 : far;
}
