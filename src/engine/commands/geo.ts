/** Sorted sets of places: GEOADD, GEODIST, GEOHASH, GEOPOS. Searching stands in geo-search.ts. */
import { CommandError } from '../../shared/errors.ts';
import { formatLongDouble, longDoubleOf } from '../../shared/long-double.ts';
import type { Call, Ref } from '../call.ts';
import { type Command, command, keysAt } from '../command.ts';
import { SYNTAX, UNSUPPORTED_UNIT } from '../error-texts.ts';
import { DISTANCE_TEXT_BYTES, distance, exactDistance, isAtRoundingPoint, writeDistance } from '../geo/distance.ts';
import { LATITUDE_MAX, LONGITUDE_MAX, type Point, geohashText, pointOf, scoreOf } from '../geo/geohash.ts';
import { KeyEvent } from '../keyspace/key-events.ts';
import { EntryType } from '../memory/entries.ts';

const distanceText = new Uint8Array(DISTANCE_TEXT_BYTES);

// ---- What all commands with places share ----

/** As C's %f. */
function fixedText(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return Math.abs(value) < 1e21 ? value.toFixed(6) : `${BigInt(value)}.000000`;
}

/** Reads longitude and latitude at arguments i and i + 1. */
export function pointArgument(c: Call, i: number): Point {
  const longitude = c.double(i);
  const latitude = c.double(i + 1);
  if (Math.abs(longitude) > LONGITUDE_MAX || Math.abs(latitude) > LATITUDE_MAX) {
    throw new CommandError(`ERR invalid longitude,latitude pair ${fixedText(longitude)},${fixedText(latitude)}`);
  }
  return { longitude, latitude };
}

/** Meters of the unit at argument i. */
export function metersArgument(c: Call, i: number): number {
  const { req } = c;
  if (req.is(i, 'M')) return 1;
  if (req.is(i, 'KM')) return 1000;
  if (req.is(i, 'FT')) return 0.3048;
  if (req.is(i, 'MI')) return 1609.34;
  throw UNSUPPORTED_UNIT;
}

/** Sets `out` to the place of the member that argument i names; false where there is none. */
export function memberPlace(c: Call, ref: Ref, i: number, out: Point): boolean {
  const { req } = c;
  const { sortedSets } = c.engine.types;
  if (!sortedSets.find(ref, req.buf, req.off[i]!, req.len[i]!)) return false;
  pointOf(sortedSets.foundScore, out);
  return true;
}

/** Replies the meters between two places in a unit of so many meters. */
export function replyDistance(c: Call, from: Point, to: Point, meters: number): void {
  let far = distance(from.longitude, from.latitude, to.longitude, to.latitude);
  if (isAtRoundingPoint(far / meters)) far = exactDistance(from.longitude, from.latitude, to.longitude, to.latitude);
  c.reply.bulk(distanceText, 0, writeDistance(far / meters, distanceText));
}

/** Replies a place as two numbers with all their digits. */
export function replyPlace(c: Call, place: Point): void {
  c.reply.array(2);
  c.reply.doubleText(formatLongDouble(longDoubleOf(place.longitude)));
  c.reply.doubleText(formatLongDouble(longDoubleOf(place.latitude)));
}

// ---- The commands ----

const first: Point = { longitude: 0, latitude: 0 };
const second: Point = { longitude: 0, latitude: 0 };

/** Scores of the command under way: all are calculated before the first is set. */
const scores: number[] = [];

function geoadd(c: Call): void {
  const { req } = c;
  let nx = false;
  let xx = false;
  let ch = false;
  let at = 2;
  for (; at < req.argc; at++) {
    if (req.is(at, 'NX')) nx = true;
    else if (req.is(at, 'XX')) xx = true;
    else if (req.is(at, 'CH')) ch = true;
    else break;
  }
  const places = (req.argc - at) / 3;
  if (places === 0 || places % 1 !== 0 || (nx && xx)) throw SYNTAX;
  scores.length = 0;
  for (let i = at; i < req.argc; i += 3) scores.push(scoreOf(pointArgument(c, i)));
  const { added, updated } = addPlaces(c, at + 2, nx, xx);
  if (added + updated > 0) {
    c.modified(1);
    c.notify(KeyEvent.sortedSet, 'zadd', 1);
    c.changed(added + updated);
  }
  c.reply.integer(ch ? added + updated : added);
}

/** Sets `scores` for the members at every third argument from `memberAt` on. */
function addPlaces(c: Call, memberAt: number, nx: boolean, xx: boolean): { added: number; updated: number } {
  const { buf, off, len } = c.req;
  const { sortedSets } = c.engine.types;
  const out = { added: 0, updated: 0 };
  let ref = c.lookupWriteTyped(1, EntryType.zset);
  if (ref !== 0) sortedSets.expect(ref, scores.length);
  else if (xx) return out;
  else {
    ref = c.addCollection(1, EntryType.zset);
    sortedSets.begin(ref, scores.length, len[memberAt]!);
  }
  for (let j = 0, i = memberAt; j < scores.length; j++, i += 3) {
    const isThere = sortedSets.find(ref, buf, off[i]!, len[i]!);
    if (isThere ? nx || sortedSets.foundScore === scores[j] : xx) continue;
    if (isThere) {
      sortedSets.setFound(ref, scores[j]!);
      out.updated++;
    } else {
      sortedSets.add(ref, scores[j]!, buf, off[i]!, len[i]!);
      out.added++;
    }
  }
  return out;
}

function geodist(c: Call): void {
  const { req } = c;
  if (req.argc > 5) throw SYNTAX;
  const meters = req.argc === 5 ? metersArgument(c, 4) : 1;
  const ref = c.lookupTyped(1, EntryType.zset);
  if (ref === 0 || !memberPlace(c, ref, 2, first) || !memberPlace(c, ref, 3, second)) c.reply.null();
  else replyDistance(c, first, second, meters);
}

function geohash(c: Call): void {
  const ref = c.lookupTyped(1, EntryType.zset);
  c.reply.array(c.req.argc - 2);
  for (let i = 2; i < c.req.argc; i++) {
    if (ref !== 0 && memberPlace(c, ref, i, first)) c.reply.bulkString(geohashText(first));
    else c.reply.null();
  }
}

function geopos(c: Call): void {
  const ref = c.lookupTyped(1, EntryType.zset);
  c.reply.array(c.req.argc - 2);
  for (let i = 2; i < c.req.argc; i++) {
    if (ref !== 0 && memberPlace(c, ref, i, first)) replyPlace(c, first);
    else c.reply.nullArray();
  }
}

const ROW = { group: 'geo', since: '3.2.0', keys: [keysAt(1, 'RO access')] } as const;

export const geoCommands: readonly Command[] = [
  command({ ...ROW, name: 'geoadd', arity: -5, flags: 'write denyoom', keys: [keysAt(1, 'RW update')], run: geoadd }),
  command({ ...ROW, name: 'geodist', arity: -4, flags: 'readonly', run: geodist }),
  command({ ...ROW, name: 'geohash', arity: -2, flags: 'readonly', run: geohash }),
  command({ ...ROW, name: 'geopos', arity: -2, flags: 'readonly', run: geopos }),
];
