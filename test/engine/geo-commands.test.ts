/** GEOADD, GEODIST, GEOHASH, GEOPOS, GEOSEARCH and its kin: replies as redis-server gives them, effects, and a brute-force search beside. */
import { describe, expect, test } from 'vitest';
import { DISTANCE_TEXT_BYTES, distance, writeDistance } from '../../src/engine/geo/distance.ts';
import { type Point, columnOf, pointOf, rowOf, scoreOf } from '../../src/engine/geo/geohash.ts';
import { sortFirst } from '../../src/engine/geo/partial-sort.ts';
import { type Limits, type SearchArea, distanceWithin, limitsOf } from '../../src/engine/geo/search-area.ts';
import { SeededRandom } from '../protocol/seeded-random.ts';
import { debugRig } from './debug-rig.ts';
import { EngineRig } from './engine-rig.ts';
import type { Value } from './recording-reply.ts';
import { testSeed } from '../support/test-seed.ts';

const WRONG_TYPE = '-WRONGTYPE Operation against a key holding the wrong kind of value';
const SYNTAX = '-ERR syntax error';
const NOT_FLOAT = '-ERR value is not a valid float';
const UNIT = '-ERR unsupported unit provided. please use M, KM, FT, MI';
const PLACES = 'GEOADD places 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 2.349014 48.864716 Paris -73.979 40.7598464 NYC 179.5 36 east -179.5 36 west';

function table(name: string, rows: readonly (readonly [string, Value])[]): void {
  test(name, () => {
    const rig = new EngineRig();
    rig.line(PLACES);
    rig.line('SET str x');
    for (const [line, reply] of rows) expect(rig.line(line), line).toEqual(reply);
    rig.check();
  });
}

test('distances as text, beside whole numbers of ten-thousandths', () => {
  const text = new Uint8Array(DISTANCE_TEXT_BYTES);
  const written = (value: number): string => String.fromCharCode(...text.subarray(0, writeDistance(value, text)));
  // Halves go to the even neighbour: 1/32 and 3/32 are such.
  for (const [value, expected] of [[0, '0.0000'], [1 / 32, '0.0312'], [3 / 32, '0.0938'], [9.99996, '10.0000'], [0.5, '0.5000'], [20_020_741.00009, '20020741.0001'], [65_684_842.5189, '65684842.5189']] as const) {
    expect(written(value), String(value)).toBe(expected);
  }
  const random = new SeededRandom(testSeed('GEO_SEED'));
  for (let n = 0; n < 20_000; n++) {
    const tenThousandths = Math.floor(random.float() * 10 ** random.pick([1, 3, 5, 8, 12]));
    const digits = String(tenThousandths).padStart(5, '0');
    expect(written(tenThousandths / 10_000)).toBe(`${digits.slice(0, -4)}.${digits.slice(-4)}`);
  }
});

table('GEOADD', [
  ['ZRANGE places 0 -1 WITHSCORES', [
    'west', '1215245657118569', 'NYC', '1791875713096013', 'Palermo', '3479099956230698', 'Catania', '3479447370796909', 'Paris', '3663832805879806',
    'east', '4217626865679811',
  ]],
  ['GEOADD places 13.361389 38.115556 Palermo', 0],
  ['GEOADD places NX 1 1 Palermo 2 2 new', 1],
  ['GEOADD places XX 1 1 none', 0],
  ['GEOADD places CH XX 1 1 none 3 3 new', 1],
  ['GEOADD places NX XX 1 1 a', SYNTAX],
  ['GEOADD places 1 1', "-ERR wrong number of arguments for 'geoadd' command"],
  ['GEOADD places CH CH CH', SYNTAX],
  ['GEOADD places 1 1 a 2', SYNTAX],
  ['GEOADD places x 1 a', NOT_FLOAT],
  ['GEOADD none XX 1 1 a', 0],
  ['EXISTS none', 0],
  ['GEOADD none 181 1 x', '-ERR invalid longitude,latitude pair 181.000000,1.000000'],
  ['GEOADD none 1 1 a 1 86 x', '-ERR invalid longitude,latitude pair 1.000000,86.000000'],
  ['GEOADD none 1 -inf x', '-ERR invalid longitude,latitude pair 1.000000,-inf'],
  ['EXISTS none', 0],
  ['GEOADD str 1 1 a', WRONG_TYPE],
]);

table('GEODIST, GEOHASH, GEOPOS', [
  ['GEODIST places Palermo Catania', '166274.1516'],
  ['GEODIST places Palermo Catania km', '166.2742'],
  ['GEODIST places Palermo Catania MI', '103.3182'],
  ['GEODIST places Palermo NYC ft', '23533868.8557'],
  ['GEODIST places Palermo Palermo', '0.0000'],
  ['GEODIST places Palermo none', null],
  ['GEODIST none a b', null],
  ['GEODIST places Palermo Catania parsec', UNIT],
  ['GEODIST places Palermo Catania m x', SYNTAX],
  ['GEODIST str a b', WRONG_TYPE],
  ['GEOHASH places Palermo Catania Paris NYC east none', ['sqc8b49rny0', 'sqdtr74hyu0', 'u09tvrw3xg0', 'dr5rus45k30', 'xyrsu9egjn0', null]],
  ['GEOHASH places', []],
  ['GEOHASH none a', [null]],
  ['GEOPOS places Palermo Catania none', [['13.36138933897018433', '38.11555639549629859'], ['15.08726745843887329', '37.50266842333162032'], null]],
  ['GEOPOS none a b', [null, null]],
  ['GEOPOS str a', WRONG_TYPE],
]);

test('GEOPOS in RESP3 has doubles with all their digits', () => {
  const rig = new EngineRig(1, 3);
  rig.line(PLACES);
  expect(rig.raw('GEOPOS', 'places', 'Palermo')).toBe('*1\r\n*2\r\n,13.36138933897018433\r\n,38.11555639549629859\r\n');
});

table('GEORADIUS', [
  ['GEORADIUS places 15 37 200 km ASC', ['Catania', 'Palermo']],
  ['GEORADIUS places 15 37 200 km WITHDIST WITHCOORD WITHHASH ASC', [
    ['Catania', '56.4413', 3479447370796909, ['15.08726745843887329', '37.50266842333162032']],
    ['Palermo', '190.4424', 3479099956230698, ['13.36138933897018433', '38.11555639549629859']],
  ]],
  ['GEORADIUS places 15 37 200 km DESC COUNT 1', ['Palermo']],
  ['GEORADIUS places 15 37 200 km COUNT 1', ['Catania']],
  ['GEORADIUS_RO places 15 37 100 km', ['Catania']],
  ['GEORADIUS_RO places 15 37 100 km STORE d', SYNTAX],
  ['GEORADIUS places 15 37 -1 km', '-ERR radius cannot be negative'],
  ['GEORADIUS places 15 37 x km', '-ERR need numeric radius'],
  ['GEORADIUS places 15 37 1 parsec', UNIT],
  ['GEORADIUS places 15 37 1 km COUNT 0', '-ERR COUNT must be > 0'],
  ['GEORADIUS places 15 37 1 km ANY', '-ERR the ANY argument requires COUNT argument'],
  ['GEORADIUS places 15 37 1 km COUNT', SYNTAX],
  ['GEORADIUS places 15 37 1 km', []],
  ['GEORADIUS none 15 37 1 km', []],
  ['GEORADIUS str 15 37 1 km', WRONG_TYPE],
  ['GEORADIUSBYMEMBER places Paris 2000 km DESC', ['Catania', 'Palermo', 'Paris']],
  ['GEORADIUSBYMEMBER_RO places Paris 0 m', ['Paris']],
  ['GEORADIUSBYMEMBER places none 1 km', '-ERR could not decode requested zset member'],
  ['GEORADIUSBYMEMBER none a x y', []],
  ['GEORADIUSBYMEMBER none a x y FOO', SYNTAX],
]);

table('stored results', [
  ['GEORADIUS places 15 37 200 km STORE d', 2],
  ['ZRANGE d 0 -1 WITHSCORES', ['Palermo', '3479099956230698', 'Catania', '3479447370796909']],
  ['GEORADIUS places 15 37 200 km STOREDIST d', 2],
  ['ZRANGE d 0 -1 WITHSCORES', ['Catania', '56.4412578701582', 'Palermo', '190.44242984775784']],
  ['EXPIRE d 100', 1],
  ['GEOSEARCHSTORE d places FROMLONLAT 15 37 BYRADIUS 200 km COUNT 1 STOREDIST', 1],
  ['TTL d', -1],
  ['ZRANGE d 0 -1', ['Catania']],
  ['GEOSEARCHSTORE str places FROMLONLAT 15 37 BYBOX 400 400 km', 2],
  ['TYPE str', 'zset'],
  ['GEOSEARCHSTORE d places FROMLONLAT 0 0 BYRADIUS 1 m', 0],
  ['EXISTS d', 0],
  ['GEOSEARCHSTORE str none FROMMEMBER a BYRADIUS 1 m', 0],
  ['EXISTS str', 0],
  ['GEOSEARCHSTORE places places FROMLONLAT 15 37 BYRADIUS 200 km', 2],
  ['ZCARD places', 2],
  ['GEORADIUS places 15 37 200 km STORE d WITHDIST', '-ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options'],
  ['GEOSEARCHSTORE d places FROMLONLAT 1 1 BYBOX 1 1 km WITHDIST', '-ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options'],
]);

table('GEOSEARCH', [
  ['GEOSEARCH places FROMLONLAT 15 37 BYBOX 400 400 km ASC WITHDIST', [['Catania', '56.4413'], ['Palermo', '190.4424']]],
  ['GEOSEARCH places FROMLONLAT 179 37 BYBOX 400 400 km ASC', ['east', 'west']],
  ['GEOSEARCH places FROMLONLAT -179 37 BYBOX 400 400 km ASC', ['west', 'east']],
  ['GEOSEARCH places FROMMEMBER Paris BYRADIUS 2000 km DESC', ['Catania', 'Palermo', 'Paris']],
  ['GEOSEARCH places FROMMEMBER Paris BYRADIUS 20000 km COUNT 2 ANY', ['Palermo', 'Catania']],
  ['GEOSEARCH places FROMMEMBER none BYRADIUS 1 km', '-ERR could not decode requested zset member'],
  ['GEOSEARCH places FROMMEMBER Paris FROMLONLAT 1 1 BYRADIUS 1 km', SYNTAX],
  ['GEOSEARCH places FROMLONLAT 1 1 BYRADIUS 1 km BYBOX 1 1 km', SYNTAX],
  ['GEOSEARCH places BYRADIUS 1 km ASC WITHDIST', '-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH'],
  ['geosearch places FROMLONLAT 1 1 ASC DESC', '-ERR exactly one of BYRADIUS and BYBOX can be specified for geosearch'],
  ['GEOSEARCH places FROMLONLAT 1 1 BYBOX -1 1 km', '-ERR height or width cannot be negative'],
  ['GEOSEARCH places FROMLONLAT 1 1 BYBOX x 1 km', '-ERR need numeric width'],
  ['GEOSEARCH places FROMLONLAT 1 1 BYBOX 1 x km', '-ERR need numeric height'],
  ['GEOSEARCH places FROMLONLAT 1 1 BYRADIUS 1 km STOREDIST', SYNTAX],
  ['GEOSEARCH none FROMMEMBER a BYRADIUS 1 km', []],
]);

// Points and replies of Valkey's test of the option.
const SYDNEY = [
  '151.20932132005692 -33.877723137822436 Elizabeth', '151.2119820713997 -33.87697539508043 Connaught', '151.2119820713997 -33.87156123068408 StJames',
  '151.2229523062706 -33.883973760201364 Oxford', '151.22852593660355 -33.88116782387797 Goodhope', '151.2224105000496 -33.87544442350019 KingsCross',
  '151.22953444719315 -33.874838625143106 RegBartley',
].join(' ');
const DISTRICT = '11 151.21619137411474 -33.869643764947696 151.20408853981647 -33.87845382042545 151.2123775086366 -33.87864711938855 151.21046943124387 -33.87588862400425 '
  + '151.21701035939626 -33.874286511854834 151.2239557405701 -33.8735722632175 151.22495056246407 -33.87893571656996 151.2274447496748 -33.882307713036354 '
  + '151.23212935868654 -33.88136096120022 151.23097291274465 -33.87456240592362 151.22475424781445 -33.87099633192101';
const STAR = '5 151.2154285314146 -33.867438205607186 151.20024487595015 -33.88138572784347 151.2374118848648 -33.87601765283626 151.19695829592922 -33.87272872054441 '
  + '151.2278336546125 -33.88345323146266';
const TRIANGLE = '3 151.2039101016274 -33.87446472104431 151.2132606898065 -33.882942295615855 151.2132606898065 -33.882942295615855';
const TOO_SMALL = '-ERR GEOSEARCH BYPOLYGON must have at least 3 vertices';

table('GEOSEARCH BYPOLYGON', [
  [`GEOADD sydney ${SYDNEY}`, 7],
  [`GEOSEARCH sydney BYPOLYGON ${DISTRICT}`, ['Goodhope', 'RegBartley', 'Elizabeth']],
  [`GEOSEARCH sydney BYPOLYGON ${DISTRICT} WITHDIST WITHCOORD DESC`, [
    ['Elizabeth', '1035.7735', ['151.20932132005691528', '-33.87772313782243572']], ['Goodhope', '929.4979', ['151.22852593660354614', '-33.88116782387797343']],
    ['RegBartley', '858.3013', ['151.22953444719314575', '-33.87483862514310573']],
  ]],
  [`GEOSEARCH sydney BYPOLYGON ${STAR}`, ['Elizabeth', 'StJames', 'KingsCross']],
  [`GEOSEARCHSTORE d sydney BYPOLYGON ${DISTRICT} ASC STOREDIST COUNT 2`, 2],
  ['ZRANGE d 0 -1', ['RegBartley', 'Goodhope']],
  ['GEOSEARCH sydney BYPOLYGON 2 151.2039101016274 -33.87446472104431 151.2132606898065 -33.882942295615855', TOO_SMALL],
  ['GEOSEARCH sydney BYPOLYGON 3 151.2039101016274 -33.87446472104431 151.2132606898065 -33.882942295615855', TOO_SMALL],
  [`GEOSEARCH sydney BYPOLYGON x ${TRIANGLE}`, '-ERR invalid number of vertices'],
  [`GEOSEARCH sydney BYPOLYGON ${TRIANGLE} BYBOX 400 400 km`, SYNTAX],
  [`GEOSEARCH sydney BYRADIUS 500 km BYPOLYGON ${TRIANGLE}`, SYNTAX],
  [`GEOSEARCH sydney BYPOLYGON ${TRIANGLE} FROMLONLAT 151.2229523062706 -33.883973760201364`, SYNTAX],
  [`GEOSEARCH sydney FROMMEMBER Oxford BYPOLYGON ${TRIANGLE}`, SYNTAX],
  [`GEOSEARCH none BYPOLYGON ${TRIANGLE}`, []],
]);

test('any score is a place', () => {
  const rig = new EngineRig();
  for (const [member, score] of [['a', '-1'], ['b', '1.5'], ['c', 'inf'], ['d', '1e300'], ['e', '9007199254740993'], ['f', '-inf'], ['g', '1e19'], ['h', '-1e19']]) rig.line(`ZADD z ${score} ${member}`);
  // As redis-server on x86-64 says.
  const [west, east, south, north] = ['-179.99999731779098511', '180', '-85.05112751263942528', '85.0511287799999991'];
  expect(rig.line('GEOPOS z a b c d e f g h')).toEqual([
    [east, north], [west, '-85.05112497791824921'], [west, south], [west, south], [east, south], [east, south], [east, north], [east, south],
  ]);
  expect(rig.line('GEOHASH z a b c d e f')).toHaveLength(6);
  expect(rig.raw('GEOSEARCH', 'z', 'FROMMEMBER', 'b', 'BYRADIUS', '1', 'km', 'WITHHASH')).toContain(':1\r\n');
});

test('a score names the cell of its place', () => {
  const random = new SeededRandom(Number(process.env.GEO_SEED ?? 5));
  const out: Point = { longitude: 0, latitude: 0 };
  for (let n = 0; n < 2000; n++) {
    const point = { longitude: random.float() * 360 - 180, latitude: (random.float() * 2 - 1) * 85.05112878 };
    const score = scoreOf(point);
    expect(Number.isSafeInteger(score) && score < 2 ** 52).toBe(true);
    pointOf(score, out);
    expect(Math.abs(out.longitude - point.longitude)).toBeLessThan(360 / 2 ** 26);
    expect(Math.abs(out.latitude - point.latitude)).toBeLessThan(180 / 2 ** 26);
    expect(scoreOf(out)).toBe(score);
  }
});

test('searches find what a walk over all members finds', () => {
  const seed = testSeed('GEO_SEED');
  const random = new SeededRandom(seed);
  const rig = new EngineRig();
  const places = new Map<string, Point>();
  for (let n = 0; n < 3000; n++) {
    const point: Point = { longitude: random.float() * 360 - 180, latitude: (random.float() * 2 - 1) * 80 };
    rig.run('GEOADD', 'k', point.longitude, point.latitude, `m${n}`);
    pointOf(scoreOf(point), point);
    places.set(`m${n}`, point);
  }
  for (let n = 0; n < 150; n++) {
    const longitude = random.float() * 360 - 180;
    const latitude = (random.float() * 2 - 1) * 70;
    const radius = 10 ** (1 + random.float() * 2.5);
    const far = (point: Point): number => distance(longitude, latitude, point.longitude, point.latitude) / 1000;
    const expected = [...places].filter(([, point]) => far(point) <= radius).sort(([, a], [, b]) => far(a) - far(b)).map(([member]) => member);
    const where = `seed ${seed}: ${longitude} ${latitude} ${radius} km`;
    expect(rig.run('GEOSEARCH', 'k', 'FROMLONLAT', longitude, latitude, 'BYRADIUS', radius, 'km', 'ASC'), where).toEqual(expected);
    expect(rig.run('GEOSEARCH', 'k', 'FROMLONLAT', longitude, latitude, 'BYRADIUS', radius, 'km', 'COUNT', 7), where).toEqual(expected.slice(0, 7));
    const inBox = [...places].filter(([, point]) => far({ longitude, latitude: point.latitude }) <= radius / 2
      && distance(point.longitude, point.latitude, longitude, point.latitude) / 1000 <= radius / 4).map(([member]) => member);
    expect((rig.run('GEOSEARCH', 'k', 'FROMLONLAT', longitude, latitude, 'BYBOX', radius / 2, radius, 'km') as string[]).sort(), where).toEqual(inBox.sort());
  }
});

test('limits leave out nothing of an area', () => {
  const seed = testSeed('GEO_SEED');
  const random = new SeededRandom(seed);
  const limits: Limits = { firstColumn: 0, lastColumn: 0, firstRow: 0, lastRow: 0 };
  const degrees = (n: number, max: number): number => (n / 2 ** 26) * 2 * max - max;
  const METERS_PER_DEGREE = 111_000;
  let within = 0;
  let told = 0;
  for (let n = 0; n < 20_000; n++) {
    const center: Point = { longitude: random.float() * 360 - 180, latitude: (random.float() * 2 - 1) * random.pick([1, 60, 85]) };
    const size = 10 ** (random.float() * 7);
    const shape = random.pick<SearchArea['shape']>([{ kind: 'circle', radius: size }, { kind: 'box', width: size, height: size * random.float() }]);
    const area: SearchArea = { center, shape, meters: 1 };
    limitsOf(area, limits);
    // Near the edge: at about the size from the center, or just inside of a limit.
    const angle = random.float() * 2 * Math.PI;
    const up = (random.pick([1, 0.5, 0.999]) * size * Math.sin(angle)) / METERS_PER_DEGREE;
    const across = (random.pick([1, 0.5, 0.999]) * size * Math.cos(angle)) / METERS_PER_DEGREE / Math.cos((center.latitude / 180) * Math.PI);
    const point: Point = { longitude: center.longitude + across, latitude: center.latitude + up };
    if (random.below(3) === 0) point.longitude = degrees(random.pick([limits.firstColumn - 0.5, limits.lastColumn + 1.5]), 180);
    if (random.below(3) === 0) point.latitude = degrees(random.pick([limits.firstRow - 0.5, limits.lastRow + 1.5]), 85.05112878);
    if (!(Math.abs(point.longitude) <= 180 && Math.abs(point.latitude) <= 85.05112878)) continue;
    const score = scoreOf(point);
    pointOf(score, point);
    const isWithin = distanceWithin(area, point) >= 0;
    const isOutside = columnOf(score) < limits.firstColumn || columnOf(score) > limits.lastColumn
      || rowOf(score) < limits.firstRow || rowOf(score) > limits.lastRow;
    expect(isWithin && isOutside, `seed ${seed}: ${JSON.stringify(area)} ${JSON.stringify(point)}`).toBe(false);
    if (isWithin) within++;
    if (isOutside) told++;
  }
  expect(Math.min(within, told)).toBeGreaterThan(2000);
});

test('sortFirst puts the first in order to the front', () => {
  const random = new SeededRandom(Number(process.env.GEO_SEED ?? 9));
  for (let n = 0; n < 500; n++) {
    const keys = Array.from({ length: random.below(120) }, () => random.below(random.pick([2, 10, 1000])));
    const items = keys.map((_, i) => i);
    const wanted = random.below(keys.length + 1);
    sortFirst(items, wanted, (a, b) => keys[a]! - keys[b]!);
    expect(items.slice(0, wanted).map((i) => keys[i])).toEqual([...keys].sort((a, b) => a - b).slice(0, wanted));
    expect([...items].sort((a, b) => a - b)).toEqual(keys.map((_, i) => i));
  }
});

describe('effects', () => {
  test.each<[string, string[][]]>([
    ['GEOADD k 1 1 a', [['GEOADD', 'k', '1', '1', 'a']]],
    ['GEOADD places 13.361389 38.115556 Palermo', []],
    ['GEOSEARCHSTORE d places FROMLONLAT 15 37 BYRADIUS 200 km ASC', [['ZADD', 'd', '3479447370796909', 'Catania', '3479099956230698', 'Palermo']]],
    ['GEORADIUS places 15 37 200 km STOREDIST places', [['DEL', 'places'], ['ZADD', 'places', '190.44242984775784', 'Palermo', '56.4412578701582', 'Catania']]],
    ['GEOSEARCHSTORE places none FROMLONLAT 15 37 BYRADIUS 200 km', [['DEL', 'places']]],
    ['GEOSEARCHSTORE d none FROMLONLAT 15 37 BYRADIUS 200 km', []],
    ['GEOSEARCH places FROMLONLAT 15 37 BYRADIUS 200 km', []],
  ])('%s', (line, effects) => {
    const rig = debugRig(1);
    const replica = debugRig(2);
    rig.line(PLACES);
    replica.engine.applyEffects(rig.effects().block!);
    rig.line(line);
    const { words, block } = rig.effects();
    expect(words).toEqual(effects);
    if (block !== null) replica.engine.applyEffects(block);
    expect(replica.line('DEBUG DIGEST')).toBe(rig.line('DEBUG DIGEST'));
    rig.check();
    replica.check();
  });
});
