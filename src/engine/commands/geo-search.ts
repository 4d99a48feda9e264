/**
 * GEOSEARCH, GEORADIUS and their kin: members of a sorted set of places within an area, replied or stored. What is stored
 * is logged as what it is, not as a search: whether a place is just within a circle is no matter for two machines to agree
 * upon.
 */
import { formatDouble } from '../../shared/number-text.ts';
import type { Request } from '../../shared/request.ts';
import type { Call, Ref } from '../call.ts';
import { type Command, command, keyAfter, keysAt } from '../command.ts';
import {
  ANY_WITHOUT_COUNT, BOX_NEGATIVE, COUNT_MUST_BE_POSITIVE, MEMBER_WITHOUT_PLACE, POLYGON_TOO_SMALL, POLYGON_VERTICES, RADIUS_NEGATIVE,
  RADIUS_NOT_NUMERIC, SYNTAX, boxNotNumeric, exactlyOneOf, storeWithDetails,
} from '../error-texts.ts';
import { exactDistance } from '../geo/distance.ts';
import { type Cell, type Point, STEPS_MAX, columnOf, interleave, pointOf, rowOf } from '../geo/geohash.ts';
import { sortFirst } from '../geo/partial-sort.ts';
import { COVER_MAX, type Limits, type SearchArea, cover, distanceWithin, limitsOf } from '../geo/search-area.ts';
import { EntryType } from '../memory/entries.ts';
import { memberPlace, metersArgument, pointArgument, replyDistance, replyPlace } from './geo.ts';
import { storeScoreTable } from './store-score-table.ts';

/** What a command's name says of its arguments. */
interface Form {
  /** Argument that names the sorted set searched. */
  readonly sourceAt: number;
  /** Where GEORADIUS and its kin have the center; GEOSEARCH names it among the options. */
  readonly center: 'point' | 'member' | 'named';
  /** Whether and how the result may be stored: not, behind an option STORE or STOREDIST, or always at argument 1. */
  readonly store: 'never' | 'option' | 'always';
}

interface Search {
  readonly area: SearchArea;
  /** Which option gave the center, where options do. */
  centeredBy: 'none' | 'member' | 'point';
  hasShape: boolean;
  withDistance: boolean;
  withHash: boolean;
  withPlace: boolean;
  /** 0: all. */
  count: number;
  /** Whether any `count` of them do. */
  any: boolean;
  order: 'none' | 'ascending' | 'descending';
  /** Argument that names where to store; 0: nowhere. */
  storeAt: number;
  storeDistances: boolean;
}

// ---- Arguments ----

function radiusArgument(c: Call, area: SearchArea, i: number): void {
  const radius = c.double(i, RADIUS_NOT_NUMERIC);
  if (radius < 0) throw RADIUS_NEGATIVE;
  area.meters = metersArgument(c, i + 1);
  area.shape = { kind: 'circle', radius };
}

function boxArgument(c: Call, area: SearchArea, i: number): void {
  const width = c.double(i, boxNotNumeric('width'));
  const height = c.double(i + 1, boxNotNumeric('height'));
  if (width < 0 || height < 0) throw BOX_NEGATIVE;
  area.meters = metersArgument(c, i + 2);
  area.shape = { kind: 'box', width, height };
}

const VERTICES_MIN = 3;
/** Of a score as text. */
const SCORE_BYTES_MAX = 24;

/** @returns how many arguments it takes. */
function polygonArgument(c: Call, area: SearchArea, i: number): number {
  const count = c.integer(i, POLYGON_VERTICES);
  if (count < VERTICES_MIN || i + 2 * count >= c.req.argc) throw POLYGON_TOO_SMALL;
  const vertices: Point[] = [];
  for (let n = 0; n < count; n++) vertices.push(pointArgument(c, i + 1 + 2 * n));
  area.meters = 1;
  area.shape = { kind: 'polygon', vertices };
  return 1 + 2 * count;
}

function centerOnMember(c: Call, ref: Ref, area: SearchArea, i: number): void {
  // Where the key is missing the other arguments decide what is replied.
  if (ref !== 0 && !memberPlace(c, ref, i, area.center)) throw MEMBER_WITHOUT_PLACE;
}

function centerOnPoint(c: Call, area: SearchArea, i: number): void {
  const { longitude, latitude } = pointArgument(c, i);
  area.center.longitude = longitude;
  area.center.latitude = latitude;
}

/** Whether argument i is this word and at least so many follow it. */
function isOption(req: Request, i: number, word: string, needs: number): boolean {
  return i + needs < req.argc && req.is(i, word);
}

/** Reads an option of GEOSEARCH for center or shape at argument i; returns how many arguments follow it, or -1 if it is none. */
function readPlacement(c: Call, ref: Ref, search: Search, i: number): number {
  const { req } = c;
  const { area } = search;
  const isPolygon = area.shape.kind === 'polygon';
  if (isOption(req, i, 'FROMMEMBER', 1) && !isPolygon && search.centeredBy !== 'point') {
    centerOnMember(c, ref, area, i + 1);
    search.centeredBy = 'member';
    return 1;
  }
  if (isOption(req, i, 'FROMLONLAT', 2) && !isPolygon && search.centeredBy !== 'member') {
    centerOnPoint(c, area, i + 1);
    search.centeredBy = 'point';
    return 2;
  }
  if (isOption(req, i, 'BYRADIUS', 2) && (!search.hasShape || area.shape.kind === 'circle')) {
    radiusArgument(c, area, i + 1);
    search.hasShape = true;
    return 2;
  }
  if (isOption(req, i, 'BYBOX', 3) && (!search.hasShape || area.shape.kind === 'box')) {
    boxArgument(c, area, i + 1);
    search.hasShape = true;
    return 3;
  }
  if (isOption(req, i, 'BYPOLYGON', 2) && search.centeredBy === 'none' && (!search.hasShape || isPolygon)) {
    const taken = polygonArgument(c, area, i + 1);
    search.hasShape = true;
    return taken;
  }
  return -1;
}

/** Reads any other option at argument i; returns how many arguments follow it, or -1 if it is none. */
function readOption(c: Call, form: Form, search: Search, i: number): number {
  const { req } = c;
  const hasNext = i + 1 < req.argc;
  if (req.is(i, 'WITHDIST')) search.withDistance = true;
  else if (req.is(i, 'WITHHASH')) search.withHash = true;
  else if (req.is(i, 'WITHCOORD')) search.withPlace = true;
  else if (req.is(i, 'ANY')) search.any = true;
  else if (req.is(i, 'ASC')) search.order = 'ascending';
  else if (req.is(i, 'DESC')) search.order = 'descending';
  else if (req.is(i, 'COUNT') && hasNext) {
    search.count = c.integer(i + 1);
    if (search.count <= 0) throw COUNT_MUST_BE_POSITIVE;
    return 1;
  } else if (form.store === 'option' && hasNext && (req.is(i, 'STORE') || req.is(i, 'STOREDIST'))) {
    search.storeAt = i + 1;
    search.storeDistances = req.is(i, 'STOREDIST');
    return 1;
  } else if (form.store === 'always' && req.is(i, 'STOREDIST')) search.storeDistances = true;
  else return -1;
  return 0;
}

function readSearch(c: Call, form: Form, ref: Ref): Search {
  const { req } = c;
  const search: Search = {
    area: { center: { longitude: 0, latitude: 0 }, shape: { kind: 'circle', radius: 0 }, meters: 1 },
    centeredBy: 'none', hasShape: false, withDistance: false, withHash: false, withPlace: false, count: 0, any: false, order: 'none',
    storeAt: form.store === 'always' ? 1 : 0, storeDistances: false,
  };
  let at = form.sourceAt + 1;
  if (form.center === 'point') {
    centerOnPoint(c, search.area, 2);
    radiusArgument(c, search.area, 4);
    at = 6;
  } else if (form.center === 'member') {
    centerOnMember(c, ref, search.area, 2);
    if (ref !== 0) radiusArgument(c, search.area, 3);
    at = 5;
  }
  for (; at < req.argc; at++) {
    let taken = readOption(c, form, search, at);
    if (taken < 0 && form.center === 'named') taken = readPlacement(c, ref, search, at);
    if (taken < 0) throw SYNTAX;
    at += taken;
  }
  check(c, form, search);
  return search;
}

function check(c: Call, form: Form, search: Search): void {
  const { area, storeAt } = search;
  if (storeAt !== 0 && (search.withDistance || search.withHash || search.withPlace)) {
    throw storeWithDetails(form.store === 'always' ? 'GEOSEARCHSTORE' : 'STORE option in GEORADIUS');
  }
  const isNamed = form.center === 'named';
  if (isNamed && search.centeredBy === 'none' && area.shape.kind !== 'polygon') throw exactlyOneOf('FROMMEMBER or FROMLONLAT', c.string(0));
  if (isNamed && !search.hasShape) throw exactlyOneOf('BYRADIUS and BYBOX', c.string(0));
  if (search.any && search.count === 0) throw ANY_WITHOUT_COUNT;
}

// ---- Searching ----

/** Members found, in parallel arrays, which outlive a search that found not very many. One search at a time. */
const found = {
  count: 0,
  scores: [] as number[],
  distances: [] as number[],
  /** See ScoredCursor. */
  handles: [] as number[],
  /** Their indexes, in the order and the number wanted: set by `choose`. */
  chosen: [] as number[],
};

/** More than this is not kept for the next search. */
const KEPT_MAX = 4096;

function clearFound(): void {
  found.count = 0;
  if (found.scores.length <= KEPT_MAX) return;
  found.scores.length = 0;
  found.distances.length = 0;
  found.handles.length = 0;
  found.chosen.length = 0;
}

const place: Point = { longitude: 0, latitude: 0 };
const cells: Cell[] = Array.from({ length: COVER_MAX }, () => ({ column: 0, row: 0, steps: 0 }));
const limits: Limits = { firstColumn: 0, lastColumn: 0, firstRow: 0, lastRow: 0 };

/** Finds members within the area, `limit` of them at the most (0: all). */
function find(c: Call, ref: Ref, area: SearchArea, limit: number): void {
  const count = cover(area, cells);
  limitsOf(area, limits);
  for (let i = 0; i < count; i++) {
    const { column, row, steps } = cells[i]!;
    const size = 1 << (STEPS_MAX - steps);
    const firstColumn = Math.max(column * size, limits.firstColumn);
    const lastColumn = Math.min((column + 1) * size - 1, limits.lastColumn);
    const firstRow = Math.max(row * size, limits.firstRow);
    const lastRow = Math.min((row + 1) * size - 1, limits.lastRow);
    if (firstColumn > lastColumn || firstRow > lastRow) continue;
    const isFull = findBetween(c, ref, area, limit, interleave(firstColumn, firstRow), interleave(lastColumn, lastRow) + 1);
    if (isFull) return;
  }
}

/** As `find`, among scores from `from` up to but not including `to`; whether `limit` is reached. */
function findBetween(c: Call, ref: Ref, area: SearchArea, limit: number, from: number, to: number): boolean {
  const { firstColumn, lastColumn, firstRow, lastRow } = limits;
  const { scores, distances, handles } = found;
  const cursor = c.engine.types.sortedSets.walkScores(ref, from);
  while (cursor.nextScore() && cursor.score < to) {
    const { score } = cursor;
    const row = rowOf(score);
    if (row < firstRow || row > lastRow) continue;
    const column = columnOf(score);
    if (column < firstColumn || column > lastColumn) continue;
    pointOf(score, place);
    const far = distanceWithin(area, place);
    if (far < 0) continue;
    scores[found.count] = score;
    distances[found.count] = far;
    handles[found.count] = cursor.handle;
    if (++found.count === limit) return true;
  }
  return false;
}

/** Chooses what was found in the order and the number wanted. */
function choose(search: Search): void {
  const { chosen, count } = found;
  const wanted = search.count === 0 ? count : Math.min(count, search.count);
  // The nearest, unless any will do.
  const order = search.order === 'none' && search.count !== 0 && !search.any ? 'ascending' : search.order;
  for (let i = 0; i < count; i++) chosen[i] = i;
  chosen.length = count;
  if (order !== 'none') sortChosen(wanted, order === 'ascending' ? 1 : -1);
  chosen.length = wanted;
}

function sortChosen(wanted: number, sign: number): void {
  const { chosen, distances } = found;
  const compare = (a: number, b: number): number => sign * (distances[a]! - distances[b]!);
  if (wanted === chosen.length) chosen.sort(compare);
  else sortFirst(chosen, wanted, compare);
}

function reply(c: Call, ref: Ref, search: Search): void {
  const { sortedSets } = c.engine.types;
  const { chosen } = found;
  const details = Number(search.withDistance) + Number(search.withHash) + Number(search.withPlace);
  c.reply.array(chosen.length);
  for (let k = 0; k < chosen.length; k++) {
    const i = chosen[k]!;
    if (details > 0) c.reply.array(1 + details);
    const member = sortedSets.readMember(ref, found.handles[i]!);
    c.reply.bulk(member.buf, member.off, member.len);
    if (details === 0) continue;
    const score = found.scores[i]!;
    pointOf(score, place);
    if (search.withDistance) replyDistance(c, search.area.center, place, search.area.meters);
    if (search.withHash) replyHash(c, score);
    if (search.withPlace) replyPlace(c, place);
  }
}

/** A score as the integer that it is, or, where ZADD set it, that C makes of it. */
function replyHash(c: Call, score: number): void {
  const whole = Math.trunc(score);
  if (Number.isSafeInteger(whole)) c.reply.integer(whole);
  else c.reply.integerText((Math.abs(whole) < 2 ** 63 ? BigInt(whole) : -(1n << 63n)).toString());
}

/** Distance of what was found from the center, in the unit of the search. */
function storedDistance(search: Search, i: number): number {
  const { center, meters } = search.area;
  pointOf(found.scores[i]!, place);
  return exactDistance(center.longitude, center.latitude, place.longitude, place.latitude) / meters;
}

/** Stores what was chosen, and logs the sorted set itself. */
function store(c: Call, ref: Ref, search: Search): void {
  const { scoreTable, sortedSets } = c.engine.types;
  const { storeAt } = search;
  const { chosen } = found;
  let bytes = 0;
  for (const i of chosen) bytes += SCORE_BYTES_MAX + sortedSets.readMember(ref, found.handles[i]!).len;
  c.mustFitRecord(2 * chosen.length, bytes);
  if (c.lookupWrite(storeAt) !== 0) {
    c.effect('DEL', 2);
    c.effectArg(storeAt);
  }
  if (chosen.length > 0) {
    c.effect('ZADD', 2 + 2 * chosen.length);
    c.effectArg(storeAt);
  }
  scoreTable.begin();
  for (const i of chosen) {
    const { buf, off, len } = sortedSets.readMember(ref, found.handles[i]!);
    const score = search.storeDistances ? storedDistance(search, i) : found.scores[i]!;
    c.effectText(formatDouble(score));
    c.effectBytes(buf, off, len);
    scoreTable.add(score, buf, off, len);
  }
  storeScoreTable(c, storeAt);
}

function run(c: Call, form: Form): void {
  const ref = c.lookupTyped(form.sourceAt, EntryType.zset);
  const search = readSearch(c, form, ref);
  clearFound();
  if (ref !== 0) find(c, ref, search.area, search.any ? search.count : 0);
  choose(search);
  if (search.storeAt !== 0) store(c, ref, search);
  else reply(c, ref, search);
  clearFound();
}

const RADIUS: Form = { sourceAt: 1, center: 'point', store: 'option' };
const RADIUS_RO: Form = { sourceAt: 1, center: 'point', store: 'never' };
const MEMBER: Form = { sourceAt: 1, center: 'member', store: 'option' };
const MEMBER_RO: Form = { sourceAt: 1, center: 'member', store: 'never' };
const SEARCH: Form = { sourceAt: 1, center: 'named', store: 'never' };
const SEARCH_STORE: Form = { sourceAt: 2, center: 'named', store: 'always' };

const group = 'geo';
const READS = [keysAt(1, 'RO access')];

function storing(startFrom: number): Command['keys'] {
  return [...READS, keyAfter('STORE', startFrom, 'OW update'), keyAfter('STOREDIST', startFrom, 'OW update')];
}

export const geoSearchCommands: readonly Command[] = [
  command({ name: 'georadius', arity: -6, flags: 'write denyoom movablekeys', group, since: '3.2.0', keys: storing(6), run: (c) => run(c, RADIUS) }),
  command({ name: 'georadius_ro', arity: -6, flags: 'readonly', group, since: '3.2.10', keys: READS, run: (c) => run(c, RADIUS_RO) }),
  command({ name: 'georadiusbymember', arity: -5, flags: 'write denyoom movablekeys', group, since: '3.2.0', keys: storing(5), run: (c) => run(c, MEMBER) }),
  command({ name: 'georadiusbymember_ro', arity: -5, flags: 'readonly', group, since: '3.2.10', keys: READS, run: (c) => run(c, MEMBER_RO) }),
  command({ name: 'geosearch', arity: -7, flags: 'readonly', group, since: '6.2.0', keys: READS, run: (c) => run(c, SEARCH) }),
  command({
    name: 'geosearchstore', arity: -8, flags: 'write denyoom', group, since: '6.2.0', keys: [keysAt(1, 'OW update'), keysAt(2, 'RO access')],
    run: (c) => run(c, SEARCH_STORE),
  }),
];
